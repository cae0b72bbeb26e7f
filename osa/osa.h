/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OSA-Express adapter in QDIO mode (OSD), one port, one host connection.
 *
 * An adapter owns a qdio_group and stands behind it: IDX, MPC and IPA on the
 * control devices, frames on the queues. It knows the network only as a vs_link.
 * No thread, no socket, no clock: the control calls come from the thread that
 * drives the group, the data path is called by the switch's worker through the
 * vs_port_ops that osa hands to the link.
 *
 * Which layer it works in is the host's choice at ULP_ENABLE. In layer 3 the adapter is one
 * Ethernet station that does ARP for its host (layer3.c).
 */
#ifndef OSA_OSA_H
#define OSA_OSA_H

#include "qdio/qdio.h"
#include "vswitch/port.h"

struct osa;

/* Layers a host may not choose: it gets IDX TERMINATE at ULP_ENABLE (spec/osa-qeth.md 2.5). */
enum osa_forbid { OSA_FORBID_LAYER2 = 1u << 0, OSA_FORBID_LAYER3 = 1u << 1 };

/*
 * An adapter of type IQD (HiperSockets): the same IDX, MPC and IPA, and the same registrations
 * through the link, but its own identity, and frames that never come near the data paths here.
 * What is behind the queues (hipersockets/) is reached through this table. Control thread but
 * for siga.
 */
struct osa_iqd_ops {
	/*
	 * An IP address of a layer-3 host, IPv4 mapped into IPv6. @takeover: it may be another
	 * host's now. Return: 0, -EEXIST (another host's), -ENOSPC, -ENOMEM.
	 */
	int (*ip_add)(void *ctx, const uint8_t addr[16], bool takeover);
	void (*ip_del)(void *ctx, const uint8_t addr[16]);
	/* What a layer-3 host wants beside its addresses: SETASSPARMS, SETRTG. */
	void (*wants)(void *ctx, bool broadcast, uint8_t routing4, uint8_t routing6);
	/*
	 * The VNIC characteristics (OSA_CHAR_*) that the host has from now on, and the seconds that
	 * what is learned stays without use. NULL: there are none.
	 * Return: 0, -EBUSY (it is a bridge port), -ENOMEM.
	 */
	int (*vnicc)(void *ctx, uint32_t enabled, uint32_t learning_s);
	/*
	 * An IPA command that is HiperSockets' own: bridge port, trace.
	 * @data: the request's, becomes the reply's; *len bytes of cap.
	 * Return: the IPA return code, or -1: not known.
	 */
	int (*ipa)(void *ctx, uint8_t command, uint8_t *data, size_t *len, size_t cap);
	/* The session ended: what vnicc and ipa set up is forgotten. */
	void (*forget)(void *ctx);
	void (*tick)(void *ctx, uint64_t now_ms);			 /* osa_tick; may be NULL */
	int (*siga)(void *ctx, const struct qdio_signal *s, bool *busy); /* as in qdio_cu_ops */
	/* The same; control thread. NULL: not provided. */
	uint16_t (*pnso)(void *ctx, const struct qdio_pnso *q, uint8_t *data, size_t cap,
			 size_t *len);
};

struct osa_iqd {
	const struct osa_iqd_ops *ops; /* NULL: the adapter is an OSD */
	void *ctx;
	uint16_t frame_size; /* the code ULP_ENABLE answers: spec/osa-qeth.md 3.3; control
				thread: osa_set_frame_size */
	uint8_t mmwc;	     /* buffers of one SIGA-wm */
	bool completion;     /* completion queues */
	bool analyzer;	     /* the host may ask to see all traffic */
};

struct osa_config {
	uint16_t subchannel[QDIO_DEVICES];
	uint16_t devno[QDIO_DEVICES];
	uint8_t chpid, cula, unit_addr;
	uint8_t mac[6]; /* given to the guest by READ_MAC, with the virtual-MAC flag */
	uint16_t mtu;	/* largest MTU the guest may use, 576..65535; 0: 9000 */
	uint8_t port_no;
	bool thin_interrupts;
	bool qebsm, qebsm_elsewhere; /* see qdio_group_config */
	uint8_t forbid;		     /* enum osa_forbid */
	char name[9];		     /* for the Query OAT and error texts: "LINUX01" */
	struct osa_iqd iqd;
};

/*
 * Counters of the control path, for QUERY NIC DETAILS.
 */
struct osa_info {
	bool online;	  /* STARTLAN done: the guest's device is set online */
	bool data_active; /* queues active */
	bool promisc;
	uint8_t layer;	   /* 2, 3, or 0 before ULP_ENABLE */
	uint8_t mac[6];	   /* first unicast address the guest registered, else zero */
	uint32_t assists;  /* enabled: SETASSPARMS */
	uint8_t isolation; /* 0 none, 1 forward, 2 drop */
	/* Layer 3: addresses and groups registered, SETRTG types, ARP cache, and what was not sent
	 * or delivered: next hop unknown, not for this host, ARP of another station with our
	 * address */
	uint16_t n_addresses, n_groups, n_arp;
	uint8_t routing4, routing6;
	uint64_t unresolved, filtered, conflicts;
	uint64_t ipa_requests, ipa_errors, malformed; /* control messages */
	uint64_t rx_buffers, tx_buffers;	      /* SBALs filled for, taken from the guest */
	uint64_t rx_signals;			      /* interruptions raised */
	uint64_t tx_wakeups;			      /* times that the doorbell woke the worker */
};

/*
 * Make an adapter and its group.
 * @env_ops, @env: see qdio.h; must outlive the adapter.
 * Return: the adapter, or NULL and errno (ENOMEM, EINVAL).
 */
struct osa *osa_create(const struct osa_config *cfg, const struct qdio_env_ops *env_ops, void *env);
void osa_destroy(struct osa *a);
struct qdio_group *osa_group(struct osa *a);

/*
 * The address that READ_MAC gives from now on. For an owner that learns it from a switch
 * elsewhere after the adapter was made; a guest that is online keeps what it has until its next
 * session. @mac: unicast, not zero; else ignored. Control thread.
 */
void osa_set_mac(struct osa *a, const uint8_t mac[6]);

/* IQD: the frame size and MTU that the next session is told. Control thread. */
void osa_set_frame_size(struct osa *a, uint16_t code, uint16_t mtu);

/* The queues from activate to deactivate, else NULL; the layer of the session, 0: none yet. */
struct qdio_queues *osa_queues(struct osa *a);
uint8_t osa_layer(const struct osa *a);

/*
 * An IPA event for the host, if it is online: @data is the command's data.
 * Return: 0 (also if it is not online) or -ENOMEM. Control thread.
 */
int osa_ipa_event(struct osa *a, uint8_t command, const void *data, size_t len);

/*
 * Plug the cable in (link, copied) or pull it (NULL). What the guest registered is carried
 * over to the new link. The guest is told by STARTLAN and STOPLAN events
 * (spec/osa-qeth.md 11.3). Control thread.
 */
void osa_set_link(struct osa *a, const struct vs_link *link);

/*
 * How the worker that serves this adapter is woken. want_kick is written by the worker: not
 * zero while it sleeps or is about to; whoever primes output buffers then (full barrier between)
 * makes fd readable. Without a doorbell the adapter can only be polled. To be set before
 * the queues are active; fd and want_kick must outlive the adapter.
 */
struct osa_doorbell {
	_Atomic uint32_t *want_kick;
	int fd; /* eventfd; the worker drains it */
};
void osa_set_doorbell(struct osa *a, const struct osa_doorbell *bell);
const struct osa_doorbell *osa_doorbell(struct osa *a);

/*
 * Time, for the adapter owns no clock: ARP ages and asks again, VLANs are joined, SETIPs that wait
 * for duplicate detection are answered. To be called once to ten times a second: the SETIP
 * of an IPv4 address waits for the next tick, or 0.4 s if they come more often. An adapter that was
 * never ticked answers at once and never asks twice.
 * @now_ms: monotonic. Control thread.
 */
void osa_tick(struct osa *a, uint64_t now_ms);

void osa_info(struct osa *a, struct osa_info *out);

/* Every control message, decoded by osa_trace_text where the caller wants words. */
enum osa_trace_dir { OSA_TRACE_FROM_HOST, OSA_TRACE_TO_HOST };
typedef void osa_trace_fn(void *ctx, enum osa_trace_dir dir, unsigned dev, const uint8_t *msg,
			  size_t len);
void osa_set_trace(struct osa *a, osa_trace_fn *fn, void *ctx);
/* One line of words for a control message, e.g. "IPA SETVMAC request seq=5 02:00:00:00:00:01". */
void osa_trace_text(const uint8_t *msg, size_t len, char *buf, size_t cap);

#endif
