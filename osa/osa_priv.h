/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of osa/ share. Control thread throughout, but for the atomics of
 * struct osa_data.
 */
#ifndef OSA_OSA_PRIV_H
#define OSA_OSA_PRIV_H

#include <sys/queue.h>

#include "osa/layer2.h"
#include "osa/layer3.h"
#include "osa/osa.h"
#include "osa/osa_wire.h"

#define OSA_UNICAST_MAX 64 /* real limits are not published: spec/osa-qeth.md 15 */
#define OSA_GROUP_MAX 512
#define OSA_VIDS 4096u
#define OSA_OUTBOX_MAX 64	  /* messages waiting for a READ on one device */
#define OSA_DEV_NONE QDIO_DEVICES /* no device has the role */
#define OSA_ETH_OVERHEAD 18u	  /* Ethernet header with one tag */

/* ---- messages on their way to the host ----------------------------------------------------- */

struct osa_message {
	STAILQ_ENTRY(osa_message) link;
	size_t len;
	bool event; /* nobody waits for it */
	uint8_t bytes[];
};

struct osa_outbox {
	STAILQ_HEAD(osa_messages, osa_message) list;
	unsigned n;
};

/* ---- what the host has registered ---------------------------------------------------------- */

struct osa_mac_entry {
	uint8_t mac[6];
	bool at_link; /* the link knows it */
};

struct osa_mac_table {
	unsigned n, max;
	struct osa_mac_entry *entry;
};

/* Who wants promiscuous delivery; the link is asked while any bit is set. */
enum osa_promisc_reason {
	OSA_PROMISC_GUEST = 1u << 0,  /* SETADAPTERPARMS */
	OSA_PROMISC_VNICC = 1u << 1,  /* a VNIC characteristic */
	OSA_PROMISC_BRIDGE = 1u << 2, /* a bridge-port role */
	OSA_PROMISC_ROUTER = 1u << 3, /* a multicast router: SETRTG */
};

struct osa_registry {
	struct osa_mac_table unicast, group;
	uint64_t vid[OSA_VIDS / 64];
	uint64_t vid_at_link[OSA_VIDS / 64];
	unsigned promisc; /* enum osa_promisc_reason */
	bool promisc_at_link;
	struct osa_mac_entry unicast_room[OSA_UNICAST_MAX];
	struct osa_mac_entry group_room[OSA_GROUP_MAX];
};

/* ---- the session: from IDX to HALT or CLEAR ------------------------------------------------ */

enum osa_stage { /* the last MPC exchange that was answered */
		 OSA_STAGE_NONE,
		 OSA_STAGE_CM_ENABLED,
		 OSA_STAGE_CM_SET_UP,
		 OSA_STAGE_ULP_ENABLED,
		 OSA_STAGE_ULP_SET_UP,
		 OSA_STAGE_ACTIVE,
};

enum osa_token { /* the adapter's; the low digit of the token's value */
		 OSA_TOKEN_ISSUER = 1,
		 OSA_TOKEN_CM_FILTER,
		 OSA_TOKEN_CM_CONNECTION,
		 OSA_TOKEN_ULP_FILTER,
		 OSA_TOKEN_ULP_CONNECTION,
};

struct osa_session {
	unsigned read_dev, write_dev; /* or OSA_DEV_NONE */
	enum osa_stage stage;
	uint8_t layer; /* 2, 3, or 0 before ULP_ENABLE */
	bool online;   /* STARTLAN was answered */
	uint32_t th_seq, pdu_seq, host_pdu_seq;
	struct {
		uint32_t issuer, cm_filter, cm_connection, ulp_filter, ulp_connection;
	} host; /* the host's tokens */
};

struct osa_csum_assist {
	bool started;
	uint32_t features; /* enum osa_csum, enabled */
};

/* Assists of one IP version. */
struct osa_assists {
	uint32_t enabled; /* enum osa_assist: started */
	struct osa_csum_assist csum_in, csum_out;
	bool tso;
};

struct osa_vnicc_state {
	uint32_t enabled; /* OSA_CHAR_* */
	uint32_t learning_timeout_s;
};

/* ---- the adapter --------------------------------------------------------------------------- */

struct osa {
	struct osa_config cfg;
	struct qdio_group *group;
	struct osa_data data;
	struct qdio_queues *queues; /* active queues, or NULL */
	struct vs_link link;	    /* ops is NULL while the cable is out */
	bool started;		    /* link.ops->start succeeded and stop was not called */
	uint8_t started_layer;	    /* whose vs_port_ops it was given */

	uint32_t session_nr; /* makes the tokens of each session new */
	struct osa_session session;
	struct osa_outbox outbox[QDIO_DEVICES];

	/* Dropped with the session. */
	struct osa_registry registry;
	struct osa_assists assists4, assists6;
	struct osa_vnicc_state vnicc;
	uint8_t isolation;   /* enum osa_isolation */
	uint8_t bridge_role; /* enum osa_bridge_role */
	uint8_t bridge_told; /* enum osa_bridge_state: what the host knows */
	bool trap_armed;
	struct osa_l3 l3;

	uint64_t ipa_requests, ipa_errors, malformed, outbox_lost;
	osa_trace_fn *trace;
	void *trace_ctx;
};

extern const struct qdio_cu_ops osa_cu_ops; /* cu is struct osa */

static inline bool osa_is_iqd(const struct osa *a)
{
	return a->cfg.iqd.ops;
}

/* adapter.c */
uint32_t osa_token(const struct osa *a, enum osa_token which);
/* End of a session: all that the host set up by IPA is forgotten, and the MPC connections are gone.
 */
void osa_session_end(struct osa *a);

/* May the host be of this layer where the cable leads? Return: 0, or what vs_link_ops.layer says.
 */
int osa_layer_check(struct osa *a, uint8_t layer);

/* ULP_ENABLE chose a layer. Return: 0, or what starting the data path anew returns. */
int osa_layer_set(struct osa *a, uint8_t layer);

/* outbox.c */
void osa_outbox_init(struct osa_outbox *o);
void osa_outbox_drop(struct osa_outbox *o);
/* Queue a copy of a message on dev and complete a waiting READ. Return: 0 or -ENOMEM. */
int osa_outbox_put(struct osa *a, unsigned dev, const void *msg, size_t len, bool event);
/* The next message's length after copying it out, 0: none. */
size_t osa_outbox_take(struct osa_outbox *o, uint8_t *buf, size_t cap);

/* idx.c */
int osa_idx_receive(struct osa *a, unsigned dev, const uint8_t *msg, size_t len);
/* Queue IDX TERMINATE and end the session. Return: 0 or -ENOMEM. */
int osa_idx_terminate(struct osa *a, enum osa_terminate_cause cause);

/* mpc.c */
int osa_mpc_receive(struct osa *a, const uint8_t *msg, size_t len);
/* Wrap a PDU (at most OSA_PDU_MAX bytes) for the read device and queue it. */
int osa_mpc_send(struct osa *a, enum osa_class class, uint32_t token, const void *pdu, size_t len,
		 bool event);
#define OSA_PDU_MAX (OSA_MSG_MAX - sizeof(struct osa_mpc))
/* A control message taken apart; pdu points into the message. */
struct osa_envelope {
	uint8_t class;
	uint32_t token; /* destination */
	uint32_t seq;	/* PDU sequence number */
	const uint8_t *pdu;
	size_t len;
};
/* Return: 0 or -EINVAL. */
int osa_mpc_parse(const uint8_t *msg, size_t len, struct osa_envelope *e);
/* The sub-vector of a type in a CM or ULP PDU, at least min bytes long, or NULL. */
const void *osa_mpc_subvector(const uint8_t *pdu, size_t len, enum osa_sv_type type, size_t min);

/* registry.c; return 0 or what vs_link_ops returns */
void osa_registry_init(struct osa_registry *r);
int osa_registry_mac_add(struct osa *a, const uint8_t mac[6]);
int osa_registry_mac_del(struct osa *a, const uint8_t mac[6]);
int osa_registry_vid_add(struct osa *a, uint16_t vid);
int osa_registry_vid_del(struct osa *a, uint16_t vid);
int osa_registry_promisc(struct osa *a, enum osa_promisc_reason why, bool on);
void osa_registry_clear(struct osa *a); /* forget all, at the link too */
void osa_ip_attach(struct osa *a);	/* ipa_ip.c: the same of IP addresses */
void osa_ip_clear(struct osa *a);
void osa_registry_attach(struct osa *a);   /* the link was started: register all */
void osa_registry_detached(struct osa *a); /* the link was stopped: it knows nothing */
bool osa_registry_has_vid(const struct osa_registry *r, uint16_t vid);

/* ---- IPA ----------------------------------------------------------------------------------- */

#define OSA_IPA_DATA_MAX (OSA_PDU_MAX - sizeof(struct osa_ipa))

/*
 * One command being executed. data is the reply's data in the making: it starts as a copy of
 * the request's, so that what a handler does not touch is echoed.
 */
struct osa_call {
	struct osa_ipa ipa;
	size_t len;	    /* of data */
	size_t request_len; /* what the host sent */
	bool held;	    /* the reply is sent later, by osa_ipa_reply */
	uint8_t data[OSA_IPA_DATA_MAX];
};

/* Return: enum osa_rc for the IPA header. */
typedef uint16_t osa_ipa_fn(struct osa *a, struct osa_call *c);

/* ipa.c */
int osa_ipa_receive(struct osa *a, const uint8_t *pdu, size_t len);
/* Send c as a reply, with what every reply carries: one part of several, or a held one. */
int osa_ipa_reply(struct osa *a, struct osa_call *c, uint16_t rc);
/* STARTLAN or STOPLAN as an event, if the host's device is online. */
void osa_ipa_lan_event(struct osa *a, enum osa_command command);
/* Extend a reply's data with zeros, or cut it. */
void osa_call_resize(struct osa_call *c, size_t len);
/* The reply code for a result of registry.c; absent is the code for -ENOENT. */
uint16_t osa_mac_rc(int rc, uint16_t absent);

/* A command that HiperSockets handle: osa_iqd_ops.ipa. */
osa_ipa_fn osa_ipa_iqd;							     /* ipa.c */
osa_ipa_fn osa_ipa_setmac, osa_ipa_delmac, osa_ipa_setvlan, osa_ipa_delvlan; /* ipa_mac.c */
osa_ipa_fn osa_ipa_setip, osa_ipa_delip, osa_ipa_setipm, osa_ipa_delipm;     /* ipa_ip.c */
osa_ipa_fn osa_ipa_setrtg, osa_ipa_create_addr, osa_ipa_destroy_addr;	     /* ipa_ip.c */
osa_ipa_fn osa_ipa_qipassist, osa_ipa_setassparms;			     /* ipa_assist.c */
osa_ipa_fn osa_ipa_setadapterparms;					     /* ipa_adapter.c */
osa_ipa_fn osa_ipa_setdiagass;						     /* ipa_diag.c */
osa_ipa_fn osa_ipa_vnicc;						     /* vnicc.c */
osa_ipa_fn osa_ipa_setbridgeport;					     /* bridgeport.c */

/* ipa_assist.c */
void osa_assists_reset(struct osa *a);
uint32_t osa_assists_supported(const struct osa *a, uint16_t protocol);
/* The state of an IP version's assists, or NULL if protocol is neither 4 nor 6. */
struct osa_assists *osa_assists_of(struct osa *a, uint16_t protocol);

/* ipa_arp.c: a sub-command of assist OSA_ASSIST_ARP but START and STOP. */
uint16_t osa_arp_command(struct osa *a, struct osa_call *c, uint16_t subcommand);

/* oat.c: the reply to a query OAT in c. Return: rc for the sub-command's header. */
uint16_t osa_oat_query(struct osa *a, struct osa_call *c);

/* ipa_snmp.c: the same of SNMP control. */
osa_ipa_fn osa_ipa_snmp;

/* vnicc.c, bridgeport.c */
void osa_vnicc_reset(struct osa *a);
/* An event if the state of the bridge port is another than the host was told. */
void osa_bridge_tell(struct osa *a);

/* The speed every query reports: 10 Gb/s fibre, as a z/VM virtual NIC does (1.4). */
#define OSA_REPORTED_LINK OSA_LINK_10G
#define OSA_REPORTED_CARD OSA_CARD_10G_FIBRE
#define OSA_REPORTED_SPEED OSA_SPEED_10G
#define OSA_MICROCODE_0 0x00u /* first byte 0: the driver shows bytes 2 and 3 as hex, 2.4 */
#define OSA_MICROCODE_2 0x07u
#define OSA_MICROCODE_3 0x10u
#define OSA_MICROCODE_IQD "\xF0\xF7\xF1\xF0" /* shown as characters: "0710" */

#endif
