/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the control program share: its objects (users, NICs, LANs) and the run of one
 * command. Nothing here leaves cp/.
 */
#ifndef CP_CP_PRIV_H
#define CP_CP_PRIV_H

#include <stdio.h>
#include <time.h>
#include <uthash.h>

#include "cp/cp.h"
#include "cp/message.h"
#include "cp/parse.h"
#include "vswitch/lacp.h"

/* Limits: no sequence of commands makes zland grow without end. */
#define CP_LANS_MAX 256
#define CP_USERS_MAX 4096
#define CP_NICS_MAX 4096
#define CP_GRANTS_MAX 16384  /* of all networks together */
#define CP_ACCOUNTS_MAX 4096 /* of all users together */
#define CP_RATEGROUPS_MAX 256
#define CP_TRACES_MAX 16
#define CP_VLAN_RANGES_MAX 400 /* of one list: its canonical text fits in a statement */

#define CP_NAME_BYTES 9	     /* userid, LAN name */
#define CP_FULL_BYTES 20     /* "OWNERIDX.LANNAMEX", "OWNERIDX LANNAMEX" */
#define CP_NIC_NAME_BYTES 14 /* "LINUX001/0600" */
#define CP_IFNAME_BYTES 256  /* a DPDK device with its arguments */
#define CP_CONTROLLER_BYTES 80
#define CP_WORKERS_ON_BYTES 256

#define CP_RETRY_S 5 /* an uplink of the configuration that could not be opened is tried again */

/* ---- objects ---------------------------------------------------------------------- */

/* The low three bytes of a MAC address made here; unique in this control program. */
struct cp_macid {
	uint32_t id;	 /* 0: none */
	uint32_t prefix; /* first three bytes */
	bool user;	 /* MACID: not assigned */
	char owner[32];
	UT_hash_handle hh;
};

enum cp_porttype { CP_PORT_UNSET = -1, CP_PORT_ACCESS, CP_PORT_TRUNK };
enum cp_tristate { CP_UNSPECIFIED = -1, CP_OFF, CP_ON };

/* What a GRANT or a NICDEF says about a port. */
struct cp_policy {
	enum cp_porttype type;
	bool has_vids;
	bool promisc;
	struct vs_vidset vids;
};

struct cp_grant {
	char user[CP_NAME_BYTES];
	struct cp_policy policy;
	UT_hash_handle hh;
};

/* A port of a PORTBASED switch. */
struct cp_port {
	uint16_t number;
	char user[CP_NAME_BYTES];
	struct cp_policy policy;
	UT_hash_handle hh;
};

/* GUEST: a NIC of a user, by its name in ifname; its guest stands between the switch and outside.
 */
enum cp_uplink_kind { CP_UPLINK_TAP, CP_UPLINK_DPDK, CP_UPLINK_NIC, CP_UPLINK_GUEST };

/* A device of the host: what is wanted, and what there is of it. */
struct cp_device {
	enum cp_uplink_kind kind;
	char ifname[CP_IFNAME_BYTES]; /* "": none */
	void *handle;		      /* of hooks.open_uplink, or the NIC; NULL: not open */
	struct vs_port *port;
	unsigned member; /* of an uplink's vs_lag: its number there */
	uint32_t retry_s;
	char error[256]; /* why it is not open */
};

enum cp_log_level { CP_LOG_OFF, CP_LOG_ON, CP_LOG_VERBOSE };

#define CP_EVENTS 256

struct cp_event {
	time_t when;
	char text[256];
};

struct cp_mirror_nic {
	char user[CP_NAME_BYTES];
	uint16_t vdev;
};

enum cp_mirror_what { CP_MIRROR_ALL, CP_MIRROR_UPLINK, CP_MIRROR_NIC };

struct cp_mirror {
	bool on, in, out;
	enum cp_mirror_what what;
	uint16_t vid; /* 0: every VLAN */
	struct cp_mirror_nic to, from;
};

/* What a NIC, an uplink, a VLAN or a group may use. In: into the switch. */
struct cp_rates {
	struct vs_rate in, out;
};

struct cp_vlan_rate {
	uint16_t vid;
	struct cp_rates rates;
	UT_hash_handle hh;
};

/* A rate that several NICs share. */
struct cp_rategroup {
	char name[CP_NAME_BYTES];
	struct cp_rates rates;
	struct vs_rate_group *g;
	UT_hash_handle hh;
};

#define CP_GROUP_LINKS LACP_PORTS
#define CP_UPLINK_DEVICES 3

/* Loops through the links of a group without LACP (loop.c). */
struct cp_loop {
	uint64_t nonce; /* of our probes */
	uint64_t probe_at;
	uint64_t until[CP_GROUP_LINKS]; /* 0: none comes by this link */
	uint8_t from[CP_GROUP_LINKS];	/* what leaves by that one */
};

/* A port group: links that are one uplink. */
struct cp_group {
	char name[CP_NAME_BYTES];
	struct cp *cp;
	bool active, fast;   /* LACP ACTIVE, TIMEOUT FAST */
	uint32_t interval_s; /* 0: OFF */
	unsigned min_links;
	struct cp_device member[CP_GROUP_LINKS];
	struct cp_lan *owner; /* the switch that has it, connected or not */

	/* While that switch is connected: */
	struct cp_lan *lan;
	unsigned base;	   /* its links' first number in the uplink's vs_lag */
	struct lacp *lacp; /* with LACP ACTIVE */
	bool collect[CP_GROUP_LINKS], distribute[CP_GROUP_LINKS];
	bool uneven;	  /* a link has joined: slots are to be evened out */
	unsigned awaited; /* links that are being flushed */
	uint32_t transaction;
	uint64_t flush_at, plan_at;
	struct cp_loop loop;
	UT_hash_handle hh;
};

enum { CP_ACTIVE_NONE = -1, CP_ACTIVE_GROUP = CP_UPLINK_DEVICES }; /* else a device's number */

struct cp_uplink {
	unsigned n_dev;
	struct cp_device dev[CP_UPLINK_DEVICES]; /* in order of preference */
	struct cp_group *group;			 /* before all of them, or NULL */
	bool connect;				 /* CONNECT, DISCONNECT */
	bool forbidden;				 /* NOUPLINK */
	struct vs_port *port; /* what the switch sees: the device's, or one above several */
	struct vs_lag *lag;   /* of several */
	int active;	      /* of several: the one in use */
	bool changing;	      /* which one is used is not to be decided now */
	unsigned members;     /* of lag that are devices: bits of the numbers they have */
	unsigned draining;    /* members of lag that were lost: their partners have until then */
	uint64_t drained_at;  /* ms */
	unsigned worker;      /* pinned to it, plus 1; 0: AUTO */
	unsigned announced;   /* frames that told the outside, last time it moved */
	uint32_t retry_s;
	char error[256];
};

/* The bridge port of a virtual switch: what is wanted, and what there is of it. */
struct cp_bridge {
	bool defined, connect;
	enum hs_role role;
	char owner[CP_NAME_BYTES], name[CP_NAME_BYTES]; /* of the LAN */
	struct cp_lan *to;				/* NULL: it is not there */
	struct vs_port *port;
	struct hs_bridge *hs;
	char error[64];
};

/* A virtual switch or a guest LAN. */
struct cp_lan {
	char key[CP_FULL_BYTES]; /* "OWNER.NAME" */
	char owner[CP_NAME_BYTES];
	char name[CP_NAME_BYTES];
	bool vswitch;
	bool restricted;
	uint32_t maxconn; /* 0: INFINITE */
	bool accounting;
	bool hipers; /* a guest LAN of TYPE HIPERSOCKETS */
	enum hs_mfs mfs;
	bool has_chpid; /* the channel path it is */
	uint8_t chpid;
	bool vlan_aware;
	uint16_t default_vid, native_vid;
	enum cp_porttype porttype; /* default of the ports */
	bool gvrp, isolation, vepa;
	int priq; /* enum vs_priority */
	struct cp_rates uplink_rates;
	struct cp_vlan_rate *vlan_rates; /* by VID */
	enum cp_log_level log;
	bool vlan_counters;
	struct cp_mirror mirror;
	struct cp *cp;
	bool mvrp; /* in place of GVRP */
	bool snooping;
	uint32_t storm[VS_STORM_KINDS];
	struct mrp *mrp;	     /* registers VLANs at mrp_port, or NULL */
	struct vs_vidset registered; /* as last logged: what the other side has */
	struct vs_port *mrp_port;
	bool portbased;
	bool orphan; /* its owner has gone: it goes with the last connection */
	enum cp_tristate macprotect;
	bool ip, prirouter; /* IP mode; what no guest has goes to a router guest */
	bool mixed;	    /* of ETHERNET networks: guests of layer 3 too */
	uint32_t path_mtu;  /* as in vs_switch_config */
	uint32_t iptimeout_min, queue_min_mb, queue_max_mb;
	char controller[CP_CONTROLLER_BYTES];
	struct cp_macid mac; /* of a virtual switch */
	struct cp_uplink uplink;
	struct cp_bridge bridge;
	struct cp_grant *grants;
	struct cp_port *ports;	/* PORTBASED: by number */
	struct cp_nic *coupled; /* list by lan_next */
	unsigned n_coupled;
	struct vs_switch *sw;
	struct hs_lan *hs; /* of TYPE HIPERSOCKETS: who delivers; sw only counts and captures */
	UT_hash_handle hh;
};

/* An account of this machine that may act as a user. */
struct cp_account {
	struct cp_account *prev, *next;
	char user[CP_NAME_BYTES];
	bool group; /* id is a gid, else a uid */
	uint32_t id;
};

/* Exists while it has a NIC. */
struct cp_user {
	char name[CP_NAME_BYTES];
	struct cp_nic *nics; /* by vdev */
	UT_hash_handle hh;
};

struct cp_nic {
	uint16_t vdev;
	uint16_t devices;
	enum cp_nic_type type;
	void *socket;	 /* of hooks.open_socket, or NULL */
	char *no_socket; /* why one of a file has none; NULL: it has, or needs none */
	struct cp *cp;
	struct cp_user *user;
	char name[CP_NIC_NAME_BYTES];
	unsigned index; /* unique among the user's NICs: its subchannel numbers */
	bool has_chpid;
	uint8_t chpid;
	struct cp_macid mac;
	enum cp_tristate macprotect;
	uint8_t pqueue; /* 0 LOW 1 NORMAL 2 HIGH, as enum vs_class */
	struct cp_rates rates;
	struct vs_rate guarantee; /* of the uplink */
	struct cp_rategroup *rategroup;
	struct cp_policy policy;
	/* The network of its NICDEF; "" none. */
	char lan_owner[CP_NAME_BYTES];
	char lan_name[CP_NAME_BYTES];
	uint16_t want_port; /* of its NICDEF; 0: AUTO */
	uint16_t portno;    /* of a PORTBASED switch, while coupled */
	bool promisc;	    /* SET NIC PROMISCUOUS */
	unsigned worker;    /* pinned to it, plus 1; 0: AUTO */
	bool held;	    /* UNCOUPLE or another COUPLE: does not follow its NICDEF */
	uint64_t waits;	    /* for the network of its NICDEF: since when, a count; or 0 */

	/* Of a CTCA: */
	char peer_user[CP_NAME_BYTES]; /* who may couple his to it; "*": anybody */
	struct cp_wire *wire;	       /* to another, in place of a network */

	struct cp_lan *uplink_of; /* it is the uplink of this switch */
	struct cp_lan *lan;	  /* coupled */
	struct cp_nic *lan_next, *lan_prev;
	struct vs_port *port;
	struct cp_policy connected; /* as its port was last configured with authority */

	struct osa *osa;       /* a guest of the channel socket is attached */
	struct hs_adapter *hs; /* of TYPE HIPERSOCKETS: it owns osa */
	void *env;
	void (*revoked)(void *env);
	const struct cp_nic_client *client; /* another client is attached, or NULL */
	UT_hash_handle hh;
};

/* Two coupled CTCAs: a switch without a name for the ports of both. */
struct cp_wire {
	struct vs_switch *sw;
	struct cp_nic *end[2]; /* [0] asked for it */
};

enum cp_trace_what { CP_TRACE_ALL, CP_TRACE_NIC, CP_TRACE_TRUNK, CP_TRACE_DROPPED };

/* TRSOURCE TYPE LAN: frames of a network that zland writes into a file. */
struct cp_trace {
	char id[CP_NAME_BYTES];
	char owner[CP_NAME_BYTES], name[CP_NAME_BYTES];
	enum cp_trace_what what;
	struct cp_mirror_nic nic;
	bool by_vlan;
	struct vs_vidset vids;
	uint32_t length;
	bool enabled;
	void *handle;	      /* of hooks.open_trace */
	struct vs_switch *sw; /* what it covers now, or NULL */
	struct vs_port *port;
	UT_hash_handle hh;
};

#define CP_INFINITE UINT32_MAX

/* What holds for all networks. */
struct cp_vmlan {
	uint32_t persistent_max, transient_max; /* networks; CP_INFINITE */
	uint32_t user_lans, user_nics;		/* that class G makes for one user */
	bool acct_system, acct_user;
	uint32_t macprefix, userprefix;	  /* first three bytes of addresses; user: 0 as mac */
	uint32_t first_id[2], last_id[2]; /* last three bytes: assigned, of MACID */
	bool macprotect;
};

struct cp {
	struct cp_hooks hooks;
	struct cp_user *users;
	struct cp_lan *lans;
	struct cp_rategroup *rategroups;
	struct cp_group *groups;
	struct cp_trace *traces;
	struct cp_macid *macs;
	uint32_t last_mac;
	uint64_t last_wait; /* the count of cp_nic.waits */
	struct cp_account *accounts;
	unsigned n_nics, n_grants, n_accounts;
	struct cp_vmlan vmlan;
	char dpdk_args[512];
	bool has_dpdk_args;
	bool has_workers;
	unsigned n_workers; /* 0: AUTO */
	char workers_on[CP_WORKERS_ON_BYTES];
	uint32_t now_s, accounted_s;
	struct cp_event events[CP_EVENTS];
	uint64_t n_events; /* since the start */
	bool check;	   /* a scratch copy: nothing outside is touched */
	bool in_file;	   /* statements of a file are being executed */
	const char *file;  /* then: its name, */
	unsigned line;	   /* and the line where the statement begins */
};

/* ---- one command ------------------------------------------------------------------ */

struct cp_run {
	struct cp *cp;
	const struct cp_caller *who;
	struct cp_args *args;
	struct cp_reply *reply;
	FILE *text, *errors;
	size_t text_len, errors_len;
	json_t *json;	     /* set by a QUERY */
	json_t *json_errors; /* array */
	int rc;
	bool changed;
};

/* cmd_save.c */
bool cp_persist_take(struct cp_tokens *t);
void cp_persist(struct cp_run *run, const struct cp_tokens *t);

/* reply.c */
int cp_run_open(struct cp_run *run, struct cp_reply *r);
void cp_run_close(struct cp_run *run);
void cp_say(struct cp_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* @a: the operand at fault. Return: -1, for handlers to return. */
int cp_error(struct cp_run *run, enum cp_msg m, const char *a, const char *b, const char *c);
/* Writes the message without its number. */
void cp_message_text(char *buf, size_t cap, enum cp_msg m, const char *a, const char *b,
		     const char *c);
void cp_log(struct cp *cp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* mac.c */
#define CP_MACID_MAX 0xFFFFFFu
int cp_mac_set(struct cp *cp, struct cp_macid *m, uint32_t id, bool user, const char *owner);
bool cp_mac_in_range(const struct cp *cp, uint32_t id);
int cp_mac_assign(struct cp *cp, struct cp_macid *m, const char *owner);
void cp_mac_release(struct cp *cp, struct cp_macid *m);
const struct cp_macid *cp_mac_user(struct cp *cp, uint32_t id);
void cp_mac_bytes(const struct cp_macid *m, uint8_t mac[6]);
#define CP_MAC_TEXT 18
void cp_mac_text(const uint8_t mac[6], char text[CP_MAC_TEXT]);

/* user.c */
struct cp_user *cp_user_find(struct cp *cp, const char *name);
struct cp_user *cp_user_get(struct cp *cp, const char *name);
void cp_user_put(struct cp *cp, struct cp_user *u);
bool cp_user_known(struct cp *cp, const char *name);

/* account.c */
struct cp_account *cp_account_find(const struct cp *cp, const char *user, bool group, uint32_t id);
bool cp_account_add(struct cp *cp, const char *user, bool group, uint32_t id);
void cp_account_remove(struct cp *cp, struct cp_account *a);

/* nic.c */
struct cp_nic *cp_nic_find(struct cp *cp, const char *user, uint16_t vdev);
void cp_nic_sockets_access(struct cp *cp, const char *user);
struct cp_nic *cp_nic_overlap(struct cp *cp, const char *user, uint32_t vdev, uint32_t devices);
struct cp_nic *cp_nic_create(struct cp *cp, const char *user, uint16_t vdev, uint16_t devices,
			     bool assign);
int cp_nic_set_type(struct cp_nic *nic, enum cp_nic_type type, char *err, size_t err_len);
const char *cp_nic_type_name(const struct cp_nic *nic);
void cp_nic_destroy(struct cp_nic *nic);
void cp_nic_configure(struct cp_nic *nic);
void cp_nic_tick(struct cp_nic *nic, uint64_t now_ms);
/* Whoever is at the NIC, adapter or client, gets its port, or loses it before it goes. */
void cp_nic_plug(struct cp_nic *nic, bool in);
bool cp_nic_attached(const struct cp_nic *nic);
bool cp_nic_follows(const struct cp_nic *nic, const struct cp_lan *lan);

/* couple.c */
enum cp_refusal {
	CP_REFUSE_NONE,
	CP_REFUSE_AUTH,
	CP_REFUSE_FULL,
	CP_REFUSE_VLANS,
	CP_REFUSE_NO_PORT,
	CP_REFUSE_PORT_USED,
	CP_REFUSE_TYPE,
	CP_REFUSE_LAYER,
	CP_REFUSE_SYSTEM
};
bool cp_may_couple(const struct cp_nic *nic, const struct cp_lan *lan);
enum cp_refusal cp_couple(struct cp_nic *nic, struct cp_lan *lan, uint16_t portno,
			  const struct cp_policy *revoked);
bool cp_would_fit(const struct cp_nic *nic, const struct cp_lan *lan, const struct cp_policy *g);
void cp_uncouple(struct cp_nic *nic);
bool cp_waits(const struct cp_nic *nic);
void cp_wait(struct cp_nic *nic);
enum cp_refusal cp_couple_default(struct cp_nic *nic);
void cp_settle(struct cp *cp, const struct cp_lan *lan);
void cp_port_config(const struct cp_nic *nic, const struct cp_lan *lan, const struct cp_policy *p,
		    struct vs_port_config *cfg);
struct cp_policy cp_effective(const struct cp_nic *nic, const struct cp_lan *lan);

/* ctca.c */
void cp_wire_drop(struct cp_nic *nic);
void cp_wire_print(FILE *f, const struct cp_nic *nic);
void cp_ctca_print(FILE *f, const struct cp_nic *nic);

/* lan.c */
struct cp_lan *cp_lan_find(struct cp *cp, const char *owner, const char *name);
struct cp_lan *cp_lan_create(struct cp *cp, const struct cp_lan *model);
void cp_lan_destroy(struct cp *cp, struct cp_lan *lan);
int cp_lan_configure(struct cp_lan *lan, const struct cp *cp);
void cp_lan_reconfigure_ports(struct cp_lan *lan);
const char *cp_lan_type(const struct cp_lan *lan); /* "QDIO", "HIPERS" */
const char *cp_mfs_name(enum hs_mfs mfs);
struct cp_lan *cp_lan_of_chpid(const struct cp *cp, unsigned chpid); /* or NULL */
const char *cp_lan_kind(const struct cp_lan *lan);
/* "VSWITCH SYSTEM VSW1", "LAN OWNER NAME" */
#define CP_TITLE_BYTES 32
void cp_lan_title(const struct cp_lan *lan, char title[CP_TITLE_BYTES]);
struct cp_grant *cp_grant_find(const struct cp_lan *lan, const char *user);
struct cp_grant *cp_grant_add(struct cp *cp, struct cp_lan *lan, const char *user);
void cp_grant_remove(struct cp *cp, struct cp_lan *lan, struct cp_grant *g);

void cp_lan_sweep(struct cp *cp);
void cp_lan_orphans(struct cp *cp, const char *owner, bool orphans);

/* engine.c: of the clock of hooks.now_ms, or whole seconds without one. */
uint64_t cp_now_ms(const struct cp *cp);

/* gvrp.c */
void cp_gvrp_tick(struct cp *cp, struct cp_lan *lan);
uint64_t cp_gvrp_run(struct cp *cp, struct cp_lan *lan);
void cp_gvrp_moved(struct cp *cp, struct cp_lan *lan);
void cp_gvrp_port(struct cp_lan *lan, struct vs_port *was);
void cp_say_gvrp(struct cp_run *run, const struct cp_lan *lan);
void cp_gvrp_json(json_t *o, const struct cp_lan *lan);
void cp_gvrp_stop(struct cp_lan *lan);

/* ports.c: the ports of a PORTBASED switch */
struct cp_port *cp_port_find(const struct cp_lan *lan, uint16_t number);
void cp_port_remove(struct cp *cp, struct cp_lan *lan, struct cp_port *port);
struct cp_nic *cp_port_nic(const struct cp_lan *lan, uint16_t number);
enum cp_refusal cp_port_choose(const struct cp_nic *nic, const struct cp_lan *lan,
			       uint16_t *number);
int cp_ports_set(struct cp_run *run, struct cp_lan *lan);
int cp_ports_check(struct cp_run *run, const struct cp_lan *lan);
json_t *cp_ports_json(const struct cp_lan *lan);
void cp_say_ports(struct cp_run *run, const struct cp_lan *lan, uint32_t number);

/* vmlan.c */
void cp_vmlan_defaults(struct cp_vmlan *v);
void cp_vmlan_print_prefixes(FILE *f, const struct cp_vmlan *v);
void cp_vmlan_print(FILE *f, const struct cp_vmlan *v);
bool cp_vmlan_plain_macs(const struct cp_vmlan *v);
int cp_vmlan_check_lan(struct cp_run *run, const char *owner);
int cp_vmlan_check_nic(struct cp_run *run, const char *user);

/* uplink.c */
int cp_uplink_open(struct cp *cp, struct cp_lan *lan);
void cp_uplink_close(struct cp *cp, struct cp_lan *lan);
/* Which device could not be opened, and why. */
struct cp_uplink_fault {
	char device[CP_IFNAME_BYTES], why[256];
};
int cp_uplink_change(struct cp *cp, struct cp_lan *lan, const struct cp_uplink *want, bool keep,
		     struct cp_uplink_fault *why);
void cp_uplink_lost(struct cp *cp, struct cp_lan *lan, const void *handle);
void cp_uplink_tick(struct cp *cp, struct cp_lan *lan);
void cp_uplink_decide(struct cp *cp, struct cp_lan *lan);
/* Do what is due. Return: when to come again, in milliseconds. */
uint64_t cp_uplink_run(struct cp *cp, struct cp_lan *lan);
int cp_uplink_switchover(struct cp *cp, struct cp_lan *lan);
const char *cp_uplink_state(const struct cp *cp, const struct cp_lan *lan);
const char *cp_uplink_error(const struct cp_uplink *u, const char **device);
int cp_device_open(struct cp *cp, struct cp_lan *lan, struct cp_device *d, enum vs_port_role role);
void cp_device_close(struct cp *cp, struct cp_lan *lan, struct cp_device *d);
bool cp_device_ready(const struct cp *cp, const struct cp_device *d);
const char *cp_device_state(const struct cp *cp, const struct cp_device *d);
const char *cp_device_kind(const struct cp_device *d);
const char *cp_device_user(const struct cp *cp, const char *ifname, const void *but, char *buf,
			   size_t len);

/* bridge.c */
void cp_bridges_decide(struct cp *cp);
void cp_bridge_close(struct cp_lan *lan);
void cp_bridge_lan_gone(struct cp *cp, const struct cp_lan *to);
int cp_bridge_check(struct cp_run *run, const struct cp_lan *lan);
int cp_bridge_set(struct cp_run *run, struct cp_lan *lan);
void cp_bridges_print(FILE *f, const struct cp *cp);
json_t *cp_bridge_json(const struct cp_lan *lan);
json_t *cp_bridges_json(const struct cp_lan *to);
void cp_say_bridge(struct cp_run *run, const struct cp_lan *lan, bool details);
void cp_say_bridges(struct cp_run *run, const struct cp_lan *to);

/* loop.c */
void cp_loop_start(struct cp_group *g);
uint64_t cp_loop_run(struct cp_group *g, uint64_t now);
void cp_loop_input(struct cp *cp, const struct vs_punted *f);
const char *cp_loop_from(const struct cp_group *g, unsigned i);

/* guestuplink.c */
struct cp_nic *cp_guestuplink_nic(struct cp *cp, const struct cp_device *d);
int cp_guestuplink_open(struct cp *cp, struct cp_lan *lan, struct cp_device *d,
			enum vs_port_role role);
void cp_guestuplink_close(struct cp_device *d);
void cp_guestuplink_gone(struct cp_nic *nic);
void cp_guestuplink_came(struct cp_nic *nic);

/* group.c */
struct cp_group *cp_group_find(const struct cp *cp, const char *name);
struct cp_group *cp_group_create(struct cp *cp, const char *name);
void cp_group_destroy(struct cp *cp, struct cp_group *g);
int cp_group_attach(struct cp *cp, struct cp_group *g, struct cp_lan *lan);
void cp_group_detach(struct cp *cp, struct cp_group *g);
int cp_group_join(struct cp *cp, struct cp_group *g, enum cp_uplink_kind kind, const char *ifname,
		  bool keep);
void cp_group_leave(struct cp *cp, struct cp_group *g, unsigned i);
void cp_group_configure(struct cp *cp, struct cp_group *g);
void cp_group_link(struct cp *cp, struct cp_group *g, unsigned i);
void cp_group_retry(struct cp *cp, struct cp_group *g);
bool cp_group_usable(const struct cp_group *g);
uint64_t cp_group_run(struct cp *cp, struct cp_group *g);
void cp_group_input(struct cp *cp, const struct vs_punted *f);

/* event.c */
void cp_event_keep(struct cp *cp, const char *line);
bool cp_event_wanted(const struct cp_lan *lan, enum cp_log_level level);
void cp_event_ip(void *ctx, const struct vs_port *port, const uint8_t addr[16],
		 enum vs_ip_event what);
void cp_event_refused(void *ctx, const struct vs_port *port, unsigned layer);
void cp_event_address(void *ctx, const struct vs_port *port, const uint8_t mac[6], bool added);
void cp_event_link(const struct cp_nic *nic, const struct cp_lan *lan, bool up);
void cp_account(const struct cp_nic *nic, const char *why);
void cp_account_tick(struct cp *cp);

/* cmd_mirror.c */
void cp_mirror_apply(struct cp_lan *lan);
int cp_mirror_check(struct cp_run *run);
void cp_mirror_set(struct cp_run *run, struct cp_lan *lan);
void cp_mirror_print(FILE *f, const struct cp_mirror *m);
json_t *cp_mirror_json(const struct cp_lan *lan);
json_t *cp_vlan_counts_json(const struct cp_lan *lan);
void cp_say_vlan_counts(struct cp_run *run, const struct cp_lan *lan);

/* cmd_trace.c */
void cp_traces_apply(struct cp *cp);
void cp_traces_print(FILE *f, const struct cp *cp);
void cp_trace_remove(struct cp *cp, struct cp_trace *t);
/* A switch (port is NULL) or a port of it is about to go: traces and captures of it end. */
void cp_forget(struct cp *cp, struct vs_switch *sw, struct vs_port *port);

/* cmd_rate.c */
#define CP_RATE_TEXT 24
void cp_rate_text(const struct vs_rate *r, char text[CP_RATE_TEXT]);
/* Statements that begin with before, of the directions that are limited. */
void cp_rates_print(FILE *f, const char *before, const struct cp_rates *r);
/* @port: NULL: nothing waits there. */
json_t *cp_rates_json(const struct cp_rates *r, const struct vs_port *port);
void cp_say_rates(struct cp_run *run, const char *before, const struct cp_rates *r,
		  const struct vs_port *port);
bool cp_rate_nic_asked(const struct cp_run *run);
int cp_rate_nic_check(struct cp_run *run, const struct cp_nic *nic);
int cp_rate_nic_set(struct cp_run *run, struct cp_nic *nic);
int cp_rate_nic(const struct cp_nic *nic);
void cp_rate_uplink(struct cp *cp, struct cp_lan *lan);
int cp_rate_vswitch_check(struct cp_run *run, const struct cp_lan *lan);
void cp_rate_vswitch_set(struct cp_run *run, struct cp_lan *lan);
void cp_rate_vswitch_print(FILE *f, const struct cp_lan *lan);
void cp_rate_vswitch_free(struct cp_lan *lan);
json_t *cp_rate_vlans_json(const struct cp_lan *lan);
void cp_rategroup_remove(struct cp *cp, struct cp_rategroup *g);
void cp_rategroups_print(FILE *f, const struct cp *cp);

/* vlans.c */
void cp_vlans_print(FILE *f, const struct vs_vidset *set);
unsigned cp_vlans_ranges(const struct vs_vidset *set);
unsigned cp_vlans_count(const struct vs_vidset *set);
uint16_t cp_vlans_first(const struct vs_vidset *set);
json_t *cp_vlans_json(const struct vs_vidset *set);

/* command.c: what the commands have in common */
const char *cp_arg_user(struct cp_run *run);
struct cp_nic *cp_arg_nic(struct cp_run *run);
struct cp_nic *cp_arg_device(struct cp_run *run);	      /* or a CTCA */
const char *cp_text(const struct cp_run *run, enum cp_op op); /* of CP_ARG_TEXT; "" not given */
void cp_read_policy(const struct cp_run *run, struct cp_policy *p);
int cp_need_class_b(struct cp_run *run, const char *what);
int cp_need_right(struct cp_run *run, const char *user);
int cp_run_line(struct cp *cp, const struct cp_caller *who, const char *line, struct cp_reply *r,
		bool *changed);

/* The commands; the table in grammar.c names them. */
void cp_do_define_vswitch(struct cp_run *run);
void cp_do_set_vswitch(struct cp_run *run);
void cp_do_detach_vswitch(struct cp_run *run);
void cp_do_define_lan(struct cp_run *run);
void cp_do_set_lan(struct cp_run *run);
void cp_do_set_dpdk(struct cp_run *run);
void cp_do_set_workers(struct cp_run *run);
/* A pinned worker is its number plus 1; 0: none. */
unsigned cp_worker_asked(const struct cp_run *run);
json_t *cp_worker_json(unsigned pinned);
/* A port that is new, or whose pin was set; NULL is legal. */
void cp_worker_place(struct cp *cp, struct vs_port *p, unsigned pinned);
void cp_worker_place_uplink(struct cp *cp, const struct cp_lan *lan);
void cp_do_query_workers(struct cp_run *run);
void cp_do_set_vmlan(struct cp_run *run);
void cp_do_query_vmlan(struct cp_run *run);
void cp_do_detach_lan(struct cp_run *run);
void cp_do_define_nic(struct cp_run *run);
void cp_do_nicdef(struct cp_run *run);
void cp_do_define_ctca(struct cp_run *run);
void cp_do_query_ctca(struct cp_run *run);
void cp_do_couple_ctca(struct cp_run *run, struct cp_nic *nic);
void cp_do_uncouple_ctca(struct cp_run *run, struct cp_nic *nic);
void cp_do_set_nic(struct cp_run *run);
void cp_do_detach_nic(struct cp_run *run);
void cp_do_user(struct cp_run *run);
void cp_do_query_user(struct cp_run *run);
void cp_do_define_rategroup(struct cp_run *run);
void cp_do_set_rategroup(struct cp_run *run);
void cp_do_detach_rategroup(struct cp_run *run);
void cp_do_query_rategroup(struct cp_run *run);
void cp_do_couple(struct cp_run *run);
void cp_do_uncouple(struct cp_run *run);
void cp_do_set_port_group(struct cp_run *run);
void cp_do_query_port_group(struct cp_run *run);
void cp_do_query_vswitch(struct cp_run *run);
void cp_do_query_lan(struct cp_run *run);
void cp_do_query_nic(struct cp_run *run);
void cp_do_query_counters(struct cp_run *run);
void cp_do_query_configuration(struct cp_run *run);
void cp_do_help(struct cp_run *run);
void cp_do_shutdown(struct cp_run *run);
void cp_do_save(struct cp_run *run);
void cp_do_query_events(struct cp_run *run);
void cp_do_trsource(struct cp_run *run);
void cp_do_trsource_enable(struct cp_run *run);
void cp_do_trsource_disable(struct cp_run *run);
void cp_do_trsource_drop(struct cp_run *run);
void cp_do_query_trsource(struct cp_run *run);

/* query_port.c: what the QUERY commands say about one port */
json_t *cp_counters_json(const struct vs_port *port);
json_t *cp_adapter_json(const struct cp_nic *nic);
json_t *cp_policy_json(const struct cp_policy *p);
json_t *cp_mac_json(const uint8_t mac[6]);
void cp_say_adapter(struct cp_run *run, const struct cp_nic *nic, bool details);
/* What the guest's session has come to; without one all is 0. */
void cp_nic_session(const struct cp_nic *nic, struct osa_info *info);
void cp_say_counters(struct cp_run *run, const struct vs_port *port, bool uplink,
		     const char *indent);
void cp_say_addresses(struct cp_run *run, struct vs_port *port, const char *indent);
#define CP_IP_TEXT 46
const char *cp_ip_text(const uint8_t addr[16], char text[CP_IP_TEXT]);
/* IP addresses heard behind a port; nothing if there are none. */
void cp_say_hosts(struct cp_run *run, struct vs_port *port, const char *indent, const char *title);
json_t *cp_hosts_json(struct vs_port *port);
void cp_say_vlans(struct cp_run *run, const char *before, const struct vs_vidset *vids);

#endif
