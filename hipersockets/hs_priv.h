/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of hipersockets/ share. Never leaves the folder. Locks: lan.c. */
#ifndef HIPERSOCKETS_HS_PRIV_H
#define HIPERSOCKETS_HS_PRIV_H

#include <pthread.h>
#include <sys/queue.h>

#include "hipersockets/hs.h"
#include "hipersockets/hs_wire.h"
#include "osa/osa_wire.h"

#define HS_HEAD_BYTES 64u   /* of a frame, snapshotted: what is judged is what is delivered */
#define HS_BURST 64u	    /* output buffers of one turn */
#define HS_WAITING_MAX 128u /* buffers of one sender that wait for receivers */
#define HS_GROUPS_MAX 1024u /* of one adapter */
#define HS_PIECES 64u	    /* of one unit; an output buffer has 16 */

/* ---- an output buffer --------------------------------------------------------------- */

struct hs_piece {
	const uint8_t *p;
	uint32_t len;
};

struct hs_frame {
	_Alignas(8) uint8_t hdr[OSA_HDR_BYTES]; /* as the receiver gets it */
	uint8_t head[HS_HEAD_BYTES];
	uint32_t len; /* behind the header */
	uint8_t headlen;
	uint8_t piece0, pieces; /* what follows head */
};

enum hs_cast { HS_UNICAST, HS_MULTICAST, HS_BROADCAST };

/* Where a frame goes. Layer 2: a MAC; layer 3: the next hop, IPv4 mapped into IPv6. */
struct hs_dest {
	uint8_t key[16];
	uint16_t vid; /* 0: none */
	uint8_t layer;
	uint8_t cast; /* enum hs_cast */
};

/* One output buffer, read once: frames for one destination. */
struct hs_unit {
	unsigned n, n_pieces;
	uint32_t bytes; /* headers and frames */
	bool pci;	/* a signal is asked for when it is done */
	bool raw;	/* not judged: headers are the sender's */
	struct hs_dest to;
	uint8_t mac[6]; /* the sender's */
	struct hs_piece piece[HS_PIECES];
	struct hs_frame frame[QDIO_SBAL_ENTRIES];
};

static inline bool hs_same_dest(const struct hs_dest *a, const struct hs_dest *b)
{
	return a->vid == b->vid && a->cast == b->cast &&
	       memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* fetch.c: header and destination of a frame of layer 2, by head and len. */
void hs_judge_layer2(struct hs_frame *x, struct hs_dest *to);
/* fetch.c: the same of a unit's bytes, which stay put. A raw one is not judged. @layer: 0: what
 * each header says. */
enum vs_drop hs_unpack(const uint8_t *p, uint32_t len, uint8_t layer, uint32_t frame_max,
		       struct hs_unit *u);
/*
 * fetch.c: read buffer i and judge it.
 * @at: the entry at fault. Return: VS_DROP_NONE, or what is wrong with it.
 */
enum vs_drop hs_fetch(const struct qdio_queue *q, unsigned i, uint8_t layer, uint32_t frame_max,
		      struct hs_unit *u, uint8_t *at);

/* ---- addresses ---------------------------------------------------------------------- */

enum hs_kind { HS_KIND_MAC, HS_KIND_GROUP, HS_KIND_IP };

struct hs_address {
	LIST_ENTRY(hs_address) bucket;
	LIST_ENTRY(hs_address) of_owner;
	struct hs_adapter *owner;
	uint8_t kind, layer;
	uint8_t key[16];
};
LIST_HEAD(hs_addresses, hs_address);

/* ---- LAN, adapter ------------------------------------------------------------------- */

/* Addresses that a host speaks with and did not register: learn.c. */
struct hs_learned {
	LIST_ENTRY(hs_learned) bucket;
	TAILQ_ENTRY(hs_learned) by_use; /* of its owner: the one used longest ago first */
	struct hs_adapter *owner;
	uint64_t used_ms;
	uint8_t mac[6];
};
LIST_HEAD(hs_learned_list, hs_learned);
TAILQ_HEAD(hs_learned_queue, hs_learned);

struct hs_learner {
	struct hs_learned *entry; /* room; NULL: it does not learn */
	/* learn_lock */
	struct hs_learned_queue used, unused;
	_Atomic unsigned n; /* used */
	/* The sender's out_lock: learned last, when, and what n_unlearned was then. */
	uint8_t last[6];
	uint64_t last_ms, last_unlearned;
};

/* Which adapter, for those who are told: notify.c. */
struct hs_ident {
	uint16_t devno;
	uint8_t chpid, nr;
};

struct hs_change {
	struct hs_ident owner;
	uint8_t change; /* HS_CHANGE_* */
	bool hidden;	/* from bridge ports */
	uint8_t mac[6];
	uint16_t vid; /* HS_NO_VLAN: none */
};

/* An output buffer that is on its way by a cable, whose end is told or known: far.c. */
struct hs_away {
	uint8_t queue;
	bool known, pci;
	struct qdio_result res;
};

#define HS_AWAY_MAX (QDIO_OUT_QUEUES_MAX * QDIO_BUFFERS)

#define HS_LOG 1024u
#define HS_BUCKETS 1024u
#define HS_LEARNED_BUCKETS 1024u

struct hs_lan {
	enum hs_mfs mfs;
	uint64_t seed;
	pthread_rwlock_t lock;
	LIST_HEAD(hs_members, hs_adapter) members; /* whose queues are active */
	unsigned n_watching;
	unsigned n_flooding; /* of them: hs_lan_survey */
	struct hs_addresses bucket[HS_BUCKETS];

	_Atomic uint64_t now_ms;    /* of the last tick; 0: none yet */
	_Atomic unsigned n_learned; /* in all */
	_Atomic uint64_t n_unlearned;
	pthread_mutex_t learn_lock; /* learn.c, notify.c: what follows */
	struct hs_change log[HS_LOG];
	uint64_t n_changes; /* all that were noted */
	struct hs_learned_list learned[HS_LEARNED_BUCKETS];

	struct hs_cable cable; /* send NULL: none; then, out_lock of the one member: */
	struct hs_away away[HS_AWAY_MAX];
	unsigned away_first, n_away; /* away's oldest */
	unsigned n_away_of[QDIO_OUT_QUEUES_MAX];

	unsigned n_left; /* members that have left */

	pthread_mutex_t role_lock; /* bridge.c, role.c: what follows */
	TAILQ_HEAD(hs_bridges, hs_bridge) bridges;
	uint64_t n_role_changes;
	struct hs_bridge *bridge; /* the active one, or NULL; changes under lock, too */
};

struct hs_bridge {
	struct hs_lan *lan;
	struct vs_link link;
	struct hs_adapter *adapter; /* NULL: link is a switch's port */
	pthread_mutex_t lock;	    /* one burst at a time enters the switch */

	/* The LAN's role_lock. */
	TAILQ_ENTRY(hs_bridge) next;
	enum hs_role role;
	enum hs_fitness fitness;
	enum hs_bridge_state state;
	void (*changed)(void *ctx, enum hs_bridge_state state);
	void *ctx;

	_Atomic uint64_t to_lan, unknown, full, returned;
};

/* VNIC characteristics of a layer-2 host: vnicc.c. */
struct hs_vnicc {
	uint32_t enabled; /* OSA_CHAR_* */
	uint32_t learning_s;
};

/* A buffer that waits for its receiver: completion.c. */
struct hs_waiting {
	TAILQ_ENTRY(hs_waiting) at_receiver;
	struct hs_adapter *from, *to;
	uint64_t aob;
	struct hs_unit unit;
};
TAILQ_HEAD(hs_waiting_list, hs_waiting);

/* An AOB on its way back to its sender. */
struct hs_done {
	STAILQ_ENTRY(hs_done) next;
	uint64_t aob;
};

struct hs_adapter {
	struct hs_config cfg;
	struct osa *osa; /* NULL: a far one */
	struct hs_far far;
	uint8_t far_layer;

	/* Control thread. */
	struct vs_link link;		  /* ops NULL: none */
	bool listens, listens_bridge;	  /* notify.c */
	uint64_t seen;			  /* of the LAN's changes */
	bool broadcast_asked;		  /* layer 3 */
	_Atomic(struct hs_lan *) plugged; /* as lan, for SIGA */

	/* Written under the LAN's lock held for writing. */
	struct hs_lan *lan;
	bool running; /* on the LAN's list */
	uint8_t layer;
	bool has_mac;
	uint8_t mac[6]; /* the first one registered */
	bool broadcast;
	struct hs_vnicc vnicc;
	bool protect; /* it may only speak as own */
	uint8_t own[6];
	struct hs_learner learner;
	uint8_t nr;			 /* among adapters: 1 to 255 */
	bool bridge_port;		 /* the LAN's active one */
	struct hs_bridge *role;		 /* control thread, role_lock; NULL: none */
	uint64_t roles_seen;		 /* of the LAN's n_role_changes: what its host was told */
	bool watch_allowed, watch_asked; /* analyzer.c */
	bool trace;		    /* its host analyzes the LAN's traffic, and sends nothing */
	bool watching;		    /* it gets what others send */
	uint8_t routing4, routing6; /* enum osa_routing */
	bool vid_any;
	struct {
		uint64_t w[64];
	} vids;
	struct hs_addresses addresses;
	unsigned n_groups;
	LIST_ENTRY(hs_adapter) member;
	struct qdio_queues *queues; /* NULL: not active, or a far one */

	/* out_lock: output queues, for whoever delivers from here. */
	pthread_mutex_t out_lock;
	unsigned out_queue;		   /* served last */
	uint64_t aob[QDIO_OUT_QUEUES_MAX]; /* of the next buffer; 0: none */
	_Atomic unsigned n_waiting;	   /* buffers from here that wait */
	struct hs_adapter *near;     /* the last receiver, as long as nobody has left since; */
	unsigned near_left, near_at; /* n_left then; the buffer behind what it got */

	/* in_lock: input queues, for whoever delivers to here. */
	pthread_mutex_t in_lock;
	struct hs_waiting_list waiting; /* for an empty buffer here */
	STAILQ_HEAD(hs_dones, hs_done) done;
	_Atomic unsigned n_done, n_for_us;

	_Atomic uint64_t tx_buffers, rx_buffers, rx_signals, tx_full, tx_unknown, tx_bad,
		tx_pending;
};

static inline struct qdio_queue *hs_input(struct hs_adapter *h)
{
	return &h->queues->in[0];
}

static inline void hs_count(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed); /* for display */
}

/* lan.c. The LAN's lock is held. */
struct hs_adapter *hs_lan_owner(const struct hs_lan *lan, enum hs_kind kind, uint8_t layer,
				const uint8_t key[16]);
bool hs_lan_has(const struct hs_lan *lan, const struct hs_adapter *h, enum hs_kind kind,
		const uint8_t key[16]);
/* For writing. Return: 0, -EEXIST (another's; not for groups), -ENOSPC, -ENOMEM. */
int hs_lan_add(struct hs_lan *lan, struct hs_adapter *h, enum hs_kind kind, const uint8_t key[16]);
void hs_lan_del(struct hs_lan *lan, struct hs_adapter *h, enum hs_kind kind, const uint8_t key[16]);
void hs_lan_join(struct hs_lan *lan, struct hs_adapter *h);
void hs_lan_leave(struct hs_lan *lan, struct hs_adapter *h);

/* What the members want, counted anew. The lock is held for writing. */
void hs_lan_survey(struct hs_lan *lan);

static inline bool hs_invisible(const struct hs_adapter *h)
{
	return h->vnicc.enabled & OSA_CHAR_BRIDGE_INVISIBLE;
}

/*
 * A device that is invisible for bridge ports and a bridge port do not hear each other: 4.11.
 * @b: the sender; NULL: it came from a switch.
 */
static inline bool hs_apart(const struct hs_adapter *a, const struct hs_adapter *b)
{
	if (!b)
		return hs_invisible(a);
	return (a->bridge_port && b->vnicc.enabled & OSA_CHAR_BRIDGE_INVISIBLE) ||
	       (b->bridge_port && a->vnicc.enabled & OSA_CHAR_BRIDGE_INVISIBLE);
}

static inline void hs_mac_key(uint8_t key[16], const uint8_t mac[6])
{
	memset(key, 0, 16);
	memcpy(key, mac, 6);
}

/* ---- vnicc.c ------------------------------------------------------------------------- */

/* osa_iqd_ops.vnicc and .forget, the latter for what is here. */
int hs_vnicc_set(void *ctx, uint32_t enabled, uint32_t learning_s);
void hs_vnicc_reset(struct hs_adapter *h);
/*
 * h registers a MAC that another host has: who allows it (takeover_setvmac) lets go of it.
 * Return: who did; hs_vnicc_give_back if it comes to nothing. Control thread, no lock is held.
 */
struct hs_adapter *hs_vnicc_take(struct hs_adapter *h, const uint8_t mac[6]);
void hs_vnicc_give_back(struct hs_adapter *owner, const uint8_t mac[6]);
/* adapter.c: the address it speaks for itself with. The LAN's lock is held for writing. */
void hs_choose_mac(struct hs_adapter *h);

/* ---- analyzer.c ---------------------------------------------------------------------- */

/* A trace command, SETDIAGASS. Return: the IPA return code. */
int hs_trace(struct hs_adapter *h, const uint8_t *data, size_t len);
void hs_trace_stop(struct hs_adapter *h);
/* The same with the LAN's lock held for writing. */
void hs_trace_forget(struct hs_adapter *h);

/* ---- learn.c ------------------------------------------------------------------------- */

/* h, which learns, sends with this source address. The LAN's lock and h's out_lock are held. */
void hs_learn(struct hs_adapter *h, const uint8_t mac[6]);
/* Who learned it, or NULL. The LAN's lock is held. */
struct hs_adapter *hs_learned_owner(struct hs_lan *lan, const uint8_t mac[6]);
/* The rest with the LAN's lock held for writing, but for tick. Return: 0 or -ENOMEM. */
int hs_learn_start(struct hs_adapter *h);
void hs_learn_forget(struct hs_adapter *h);
void hs_learn_stop(struct hs_adapter *h);
void hs_learn_registered(struct hs_lan *lan, const struct hs_adapter *h, const uint8_t mac[6]);
void hs_learn_unregistered(struct hs_lan *lan, const struct hs_adapter *h, const uint8_t mac[6]);
void hs_learn_tick(struct hs_adapter *h, uint64_t now_ms);

/* ---- notify.c ------------------------------------------------------------------------ */

static inline struct hs_ident hs_ident(const struct hs_adapter *h)
{
	return (struct hs_ident){h->cfg.osa.devno[QDIO_DEVICES - 1], h->cfg.osa.chpid, h->nr};
}

/* An address came or went. The LAN's lock and learn_lock are held. */
void hs_note(struct hs_lan *lan, const struct hs_adapter *owner, uint8_t change,
	     const uint8_t mac[6], uint16_t vid);
/* As qdio_cu_ops.pnso. Control thread, no lock is held; neither for tick. */
uint16_t hs_pnso(struct hs_adapter *h, const struct qdio_pnso *q, uint8_t *data, size_t cap,
		 size_t *len);
void hs_notify_tick(struct hs_adapter *h);

/* ---- far.c --------------------------------------------------------------------------- */

struct hs_flow;

extern const struct vs_port_ops hs_far_port_ops;
/* A unit to who is elsewhere. */
enum vs_drop hs_far_send(const struct hs_far *far, const struct hs_unit *u);
/* f's LAN is a cable. */
enum vs_drop hs_cable_send(const struct hs_flow *f, const struct hs_unit *u);
/* As hs_deliver, by a cable that tells what comes of it. */
unsigned hs_cable_deliver(struct hs_flow *f, unsigned queue, unsigned max);
/* Nothing is away any more. */
void hs_cable_reset(struct hs_lan *lan);
/* Hosts wait for room with h, a far one, or no more. h's in_lock is held. */
void hs_far_want_room(struct hs_adapter *h, bool want);
/* An IPA event for the host. */
int hs_event(struct hs_adapter *h, uint8_t command, const void *data, size_t len);

/* What an adapter needs as a port, and has in common with bridge ports: nothing is fetched. */
unsigned hs_port_no_rx(void *port, struct vs_burst *b, uint64_t *dropped);
void hs_port_no_rx_done(void *port, const struct vs_burst *b);
unsigned hs_port_no_tx(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		       enum vs_drop *err);
void hs_port_no_disarm(void *port);
unsigned hs_port_no_caps(void *port);
uint32_t hs_lan_frame_max(const struct hs_lan *lan);

/* ---- delivery ------------------------------------------------------------------------ */

/* What one turn of delivering from an adapter keeps: deliver.c. */
struct hs_flow {
	struct hs_lan *lan;
	struct hs_adapter *from;   /* NULL: the bridge */
	const struct vs_direct *d; /* NULL: nobody counts */

	struct hs_adapter *last; /* the last destination of a unit, looked up; NULL: none */
	struct hs_dest last_to;

	/* The receiver whose in_lock is held, and what it got that is not published yet. */
	struct hs_adapter *to;
	unsigned first, filled; /* buffers */
	uint64_t frames, bytes, mcast;
	bool signal;

	/* Of the sender. */
	uint64_t sent_frames, sent_bytes, sent_mcast;
	bool spread;   /* the last unit went to all who want its like */
	bool failed;   /* an output buffer ended with an error */
	bool crossing; /* frames for the bridge are in the worker's burst */
};

/*
 * Deliver at most max primed buffers of an output queue, and give them back.
 * @aob: of the first; 0: none. The LAN's lock and the sender's out_lock are held.
 * Return: buffers taken.
 */
unsigned hs_deliver(struct hs_flow *f, unsigned queue, unsigned max, uint64_t aob);
/*
 * Put a unit into the receiver's next empty input buffer. Keeps the receiver's in_lock until
 * the next one, or hs_flow_end.
 * Return: VS_DROP_NONE or why not.
 */
enum vs_drop hs_give(struct hs_flow *f, struct hs_adapter *to, const struct hs_unit *u);
void hs_flow_end(struct hs_flow *f);
/* A unit of f's sender, a far one; why: what is wrong with it. The locks are as of hs_deliver.
 * Return: QDIO_REASON_*. */
uint8_t hs_deliver_far(struct hs_flow *f, const struct hs_unit *u, enum vs_drop why);
/* The end of an output buffer. @entry: the one at fault, of a buffer that is not valid. */
struct qdio_result hs_result(enum vs_drop why, uint8_t entry);
void hs_count_refused(struct hs_adapter *h, enum vs_drop why);
/* What was sent in this turn counts. No lock is held. */
void hs_count_sent(const struct hs_flow *f);
/* A unit from outside. The LAN's lock is held. Return: VS_DROP_NONE or why nobody got it. */
enum vs_drop hs_arrive(struct hs_flow *f, const struct hs_unit *u);
void hs_drop(const struct hs_flow *f, struct hs_adapter *h, enum vs_direct_dir dir,
	     enum vs_drop why, const struct hs_unit *u);

/* ---- bridge.c ------------------------------------------------------------------------- */

/* Hand the unit to the bridge port, if there is one for it. Return: whether there is. */
bool hs_bridge_take(struct hs_flow *f, const struct hs_unit *u);
/* What was taken enters the switch, before the sender's buffers are given back. */
void hs_bridge_flush(struct hs_flow *f);
/* Control thread, no lock held; so the next four. Return: 0, or -EEXIST: another port of the switch
 * has it. */
int hs_bridge_mac(const struct hs_adapter *h, const uint8_t mac[6], bool add);
/* All of h's: it came into sight, or it leaves or hides. */
void hs_bridge_show(const struct hs_adapter *h);
void hs_bridge_hide(const struct hs_adapter *h);
void hs_bridge_vid(struct hs_lan *lan, uint16_t vid);
/* h has left: its VLANs may be in use no more. */
void hs_bridge_left(struct hs_lan *lan, const struct hs_adapter *h);

/* hs_bridge_create and _destroy with role_lock held. */
struct hs_bridge *hs_bridge_new(struct hs_lan *lan, const struct hs_bridge_config *cfg);
void hs_bridge_drop(struct hs_bridge *b);
/* Choose, tell. role_lock is held. */
void hs_bridge_decide(struct hs_lan *lan);

/* ---- role.c --------------------------------------------------------------------------- */

/* As osa_iqd_ops.ipa, of SETBRIDGEPORT. */
int hs_role_ipa(struct hs_adapter *h, uint8_t *data, size_t *len, size_t cap);
void hs_role_drop(struct hs_adapter *h);
/* The state of a bridge port of the LAN has changed: hosts that are some are told. */
void hs_role_changed(struct hs_lan *lan);
void hs_role_tick(struct hs_adapter *h);

/* ---- completion.c --------------------------------------------------------------------- */

/*
 * The receiver is full: keep the unit for it. @sbal: the output buffer. in_lock is not held.
 * Return: whether it waits now.
 */
bool hs_wait(struct hs_flow *f, struct hs_adapter *to, const struct hs_unit *u, uint64_t aob,
	     const struct qdio_sbal *sbal);
/* Receivers' work: deliver what waits for h, give h's finished AOBs back. Return: units done. */
unsigned hs_wait_run(struct hs_flow *f, struct hs_adapter *h);
/* Is there work of that kind that could be done now? */
bool hs_wait_ready(struct hs_adapter *h);
/* h leaves the LAN, whose lock is held for writing. */
void hs_wait_drop(struct hs_adapter *h);

#endif
