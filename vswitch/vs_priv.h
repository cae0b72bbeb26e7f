/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vswitch/ share. Never leaves the folder. */
#ifndef VSWITCH_VS_PRIV_H
#define VSWITCH_VS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <urcu-qsbr.h>

#include "vswitch/fdb.h"
#include "vswitch/shape.h"
#include "vswitch/vswitch.h"

#define ETH_ALEN 6
#define ETH_HLEN 14
#define VLAN_HLEN 4
#define ETHERTYPE_VLAN 0x8100
#define BITMAP_WORDS (VS_PORTS_MAX / 64)

/* A set of ports. Single bits are set and cleared by the control thread, read by workers. */
struct bitmap {
	_Atomic uint64_t w[BITMAP_WORDS];
};

static inline void bitmap_set(struct bitmap *m, unsigned i)
{
	atomic_fetch_or_explicit(&m->w[i / 64], UINT64_C(1) << (i % 64), memory_order_relaxed);
}

static inline void bitmap_clear(struct bitmap *m, unsigned i)
{
	atomic_fetch_and_explicit(&m->w[i / 64], ~(UINT64_C(1) << (i % 64)), memory_order_relaxed);
}

static inline bool bitmap_has(const struct bitmap *m, unsigned i)
{
	return (atomic_load_explicit(&m->w[i / 64], memory_order_relaxed) >> (i % 64)) & 1;
}

/*
 * The rules of a port as the workers see them: immutable, replaced as a whole.
 * "vlan" is what spec/zvm-networking.md 3.4 calls the switch column.
 */
enum vlan_mode {
	VLAN_OPAQUE,	/* unaware switch: tags are payload */
	VLAN_AWARE,	/* aware switch: authorised VIDs */
	VLAN_GUEST_LAN, /* guest LAN: tagged frames go to NICs that joined the VID */
};

struct rules {
	struct rules *next_retired;
	enum vlan_mode mode;
	bool access; /* access port: one VLAN, never a tag */
	bool uplink;
	bool isolated;	       /* no traffic to other guests */
	bool vepa;	       /* what they get goes by the switch outside */
	bool wire;	       /* nothing is looked up */
	bool protect;	       /* only own_key as source */
	bool storm;	       /* limits below */
	bool joined_any;       /* the guest filters VLANs: joined counts */
	bool plain;	       /* untagged frames may come in: into VLAN plain_vid, */
	uint16_t plain_vid;    /* which is pvid, or 0 where VLANs are none of the switch's */
	uint16_t pvid;	       /* VID of untagged frames in; 0: dropped (aware only) */
	uint16_t untagged_vid; /* VID that leaves without tag; 0: none */
	uint32_t storm_rate[VS_STORM_KINDS];
	uint64_t own_key;
	struct vs_vidset vids; /* may come in and go out (aware only) */
	struct vs_vidset joined;
};

/* Counters of one port on one worker; only that worker writes. */
struct counters {
	_Alignas(64) _Atomic uint64_t rx_frames;
	_Atomic uint64_t rx_bytes, tx_frames, tx_bytes, rx_mcast, tx_mcast;
	_Atomic uint64_t rx_control, tx_control;
	_Atomic uint64_t bursts, busy; /* from the port, and the cycles they took */
	_Atomic uint64_t rx_drop[VS_DROP_COUNT + 1], tx_drop[VS_DROP_COUNT + 1];
};

static inline void count(_Atomic uint64_t *c, uint64_t n)
{
	/* One writer: no need for a locked instruction. */
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

#define PORT_MACS_MAX 1024 /* addresses of one port */
#define PORT_GROUPS_MAX 1024

#define PORT_STANDBY (1u << 31) /* in vs_port.special: a member that is not in use */

#define SRC_NONE UINT64_MAX

struct vs_port {
	/* Read by workers. ops and ctx are valid while running. */
	_Atomic(struct rules *) rules;
	const struct vs_port_ops *ops;
	void *ctx;
	struct vs_switch *sw;
	uint16_t index;
	_Atomic bool running;
	_Atomic unsigned special; /* enum vs_punt, PORT_STANDBY: its bursts are looked at twice */
	_Atomic(struct vs_port *) up;	 /* of a member: the uplink it belongs to */
	_Atomic(struct vs_lag *) lag;	 /* of an uplink with members */
	bool learning;			 /* source addresses are learned here */
	_Atomic unsigned n_learned;	 /* of a guest: limited; changed under the switch's lock */
	_Atomic uint8_t class;		 /* enum vs_class of its frames */
	_Atomic uint8_t guarantee_queue; /* of the uplink's shaper, plus 1; 0: none */
	_Atomic(struct shaper *) shaper; /* NULL: no rate, no queue */

	/* The one worker that fetches from this port keeps its last good source: the address
	 * in 48 bits, or SRC_NONE; and the type behind it, as it lies there, which is one that
	 * nobody looks at: no tag, and not ARP. */
	uint64_t last_src;
	uint16_t last_type;
	uint32_t last_gen;
	/* And the last good one of a tagged frame, with its tag and such a type, and what that was
	 * found to be. */
	uint64_t last_tagged_src;
	uint64_t last_tagged;
	uint16_t last_tagged_vid, last_tci;
	uint8_t last_tagged_kind;
	_Atomic uint64_t storm_back_ns[VS_STORM_KINDS];

	/* Rarely: of ARP and neighbour discovery (hosts.c), of answers about the path's MTU. */
	_Atomic uint64_t heard_back_ns, path_mtu_back_ns, heard_last;
	_Atomic uint32_t heard_s;

	/* Control thread. */
	struct vs_port_config cfg;
	struct vs_port_shaping shaping;
	_Atomic(struct vs_worker *) worker; /* workers read it, to wake it */
	LIST_ENTRY(vs_port) of_worker;
	struct vs_port_load load;
	int fd;		     /* being watched, or -1 */
	unsigned punt_snoop; /* enum vs_punt: for snooping */
	bool promisc_asked;
	uint8_t (*macs)[ETH_ALEN];
	unsigned n_macs, cap_macs;
	uint8_t (*groups)[ETH_ALEN];
	unsigned n_groups, cap_groups;
	struct vs_vidset joined;
	_Atomic uint8_t layer; /* what the host said it speaks; 0: nothing yet */
	uint8_t routing[2];
	struct vs_ip *ips;
	unsigned n_ips, cap_ips;
	struct host *hosts;
	unsigned n_hosts, cap_hosts;
	uint32_t serial; /* of its kind on the switch: a later port at the same index is another */

	struct counters counters[VS_THREADS];
};

/* Receivers of one multicast group. */
struct group {
	struct group *next;
	uint8_t mac[ETH_ALEN];
	uint16_t id;
	uint16_t share_of; /* index of the port whose share it is out of, or GROUP_COMMON */
	unsigned n;
	struct bitmap ports;
};

#define GROUP_COMMON 0xFFFFu
#define GROUPS_COMMON 4096u /* of all ports together */
#define GROUPS_SHARE 16u    /* for each port when these are used up */
#define GROUPS_MAX (GROUPS_COMMON + VS_PORTS_MAX * GROUPS_SHARE)
static_assert(GROUPS_MAX < FDB_PORT_NONE, "a group's id is where a port's index is");
#define FDB_STEP 64 /* lines that are worked on without letting others at the table */
#define FDB_BITS_MIN 6
#define FDB_BITS_MAX 17 /* 2^17 lines of 4: 524,288 addresses at the very most, 8 MiB */
#define FDB_LEARNED_MAX 65536u
#define FDB_LEARNED_GUEST_MAX 1024u /* of one port that is not the uplink */
#define FDB_AGE_S 300u

struct vs_switch {
	/* Read by workers. */
	_Atomic(struct fdb *) fdb;
	_Atomic uint32_t generation; /* of registered addresses: invalidates last_src caches */
	_Atomic uint32_t now_s;
	_Atomic(struct vs_port *) port[VS_PORTS_MAX];
	_Atomic uint16_t uplink;			 /* index or FDB_PORT_NONE */
	_Atomic(struct bitmap *) member[VS_VID_MAX + 2]; /* by VID; [0]: all running ports */
	struct bitmap promisc;
	_Atomic unsigned n_promisc;
	struct bitmap learners; /* guests that register nothing */
	_Atomic unsigned n_learners;
	_Atomic(struct fdb *) group_ids;	   /* group address to group id */
	_Atomic(struct group *) group[GROUPS_MAX]; /* by id */
	_Atomic(struct vs_capture *) captures;
	_Atomic(struct punt *) punt; /* NULL until a port punts */
	/* Features in use that the plain code of a burst does not know: how many. */
	_Atomic unsigned extras;
	_Atomic(struct vlan_rates *) vlan_rates;
	_Atomic(struct vlan_counts *) vlan_counts;
	_Atomic(struct vs_mirror *) mirror;
	_Atomic bool want_grow;
	_Atomic bool vepa;
	_Atomic(struct snoop *) snoop; /* NULL until a port learns on a switch that snoops */
	struct ip_mode *ip;	       /* NULL: Ethernet mode */
	_Atomic(struct heard *) heard; /* NULL: nobody listens */
	size_t victim_hand; /* line where the search for an entry to give up begins; under lock */
	_Atomic size_t n_learned;
	pthread_spinlock_t lock; /* changes of fdb: control thread and learning workers */

	/* Control thread. */
	struct vs_switch_config cfg;
	unsigned n_ports;
	unsigned groups_common;
	uint8_t groups_of[VS_PORTS_MAX]; /* by index: of the share of whoever had it, too */
	void (*notify)(void *ctx, const struct vs_port *p, const uint8_t mac[6], bool added);
	void *notify_ctx;
	struct rules *retired;
	unsigned n_retired;
	uint32_t last_serial;
	struct vs_worker *hand; /* scratch of the control thread's own frames, or NULL */
	void (*ip_notify)(void *ctx, const struct vs_port *p, const uint8_t addr[16],
			  enum vs_ip_event what);
	void *ip_notify_ctx;
	void (*refused)(void *ctx, const struct vs_port *p, unsigned layer);
	void *refused_ctx;
	void (*punt_notify)(void *ctx);
	void *punt_ctx;
};

/* A destination of the burst in hand. */
struct out {
	struct vs_port *p;
	const struct rules *rules;
	unsigned n;
	unsigned groups; /* of them to group addresses */
	uint64_t bytes;	 /* as they leave */
	struct vs_ref ref[VS_BURST];
};

#define OUT_NONE 0xFFFFu

/* A mask of the first n (1 .. 64) frames of a burst. */
#define BURST_BITS(n) (~UINT64_C(0) >> (64 - (n)))

/*
 * Ports of a worker; a slot may be empty. Slots whose port had frames lately are looked at every
 * time, the others in turn. Bits are set by both sides, cleared by the worker.
 */
struct port_list {
	unsigned n;
	_Atomic uint64_t *lively; /* a bit for each slot */
	uint8_t *misses;	  /* of lively slots: looks in a row without frames; the worker's */
	_Atomic(struct vs_port *) port[];
};

struct vs_worker {
	unsigned id;
	_Atomic(struct port_list *) ports;

	/* Control thread. */
	vs_worker_watch_fn *watch;
	void *watch_ctx;
	void (*wake)(void *ctx);    /* with watch_ctx */
	uint64_t (*clock_ns)(void); /* monotonic; tests bring their own */
	uint64_t due_ns;	    /* after arm: when a rate lets the next frame pass */
	LIST_HEAD(worker_ports, vs_port) assigned; /* running or not */
	unsigned n_assigned;

	/* Its thread. */
	_Alignas(64) uint64_t stamp; /* cycles are accounted for until then */
	unsigned first;		     /* the slot whose turn it is to be served first */
	unsigned quiet;		     /* the one of the next quiet port to be looked at */
	_Atomic uint64_t busy, idle;

	/* Scratch of the burst in hand. */
	struct vs_burst burst;
	struct vs_burst cut;	/* segments of a frame whose receiver takes no large ones */
	struct vs_burst queued; /* frames that waited, on their way out */
	struct vs_burst seen;	/* a frame that did not pass through a burst, for captures */
	uint64_t key[VS_BURST]; /* of the destination, in no VLAN */
	uint8_t drop[VS_BURST];
	uint16_t vid[VS_BURST];
	uint8_t tag[VS_BURST]; /* enum tag */
	uint16_t dst[VS_BURST];
	uint64_t dropped[VS_DROP_COUNT + 1]; /* by the port, of this burst; zero between bursts */
	uint64_t now_ns;
	unsigned n_out;
	uint16_t out_of[VS_PORTS_MAX]; /* index in out[], or OUT_NONE */
	struct out out[VS_PORTS_MAX];
};

/* In vs_worker.drop: neither forwarded nor dropped, the control thread has it. */
#define DROP_TAKEN (VS_DROP_COUNT + 1)

enum tag { TAG_NONE, TAG_PRIORITY, TAG_VID };

/* mirror.c */
struct vlan_count {
	_Atomic uint64_t in_frames, in_bytes, out_frames, out_bytes;
};
struct vlan_counts {
	struct vlan_count of[VS_THREADS][4096];
};
void mirror_forget_port(struct vs_port *p);

/* burst.c */
unsigned burst_forward(struct vs_worker *w, struct vs_port *p);
/* Forward the burst in w's scratch, which came by the port. */
void burst_enter(struct vs_worker *w, struct vs_port *p);
/* Send the one frame of w's burst to one port. Return: 0 or -errno. */
int burst_send(struct vs_worker *w, struct vs_port *to, struct vs_ref ref);
/* A frame the uplink held back; to is the member, or NULL: none is left. */
void burst_release(struct vs_worker *w, struct vs_port *uplink, struct vs_port *to,
		   struct vs_ref ref);

/* switch.c */
/* Make the port's configuration what the workers see. Return: 0 or -ENOMEM: nothing changed. */
int port_publish(struct vs_port *p);
/* Snooping may have to begin or end, or another port to listen. */
void switch_snooping(struct vs_switch *sw);

/* lag.c */
#define LAG_HELD 0xFEu /* kept until its slot has moved */
#define LAG_FULL 0xFDu /* should be kept, but there is no room */
/* to[k]: the member for ref[k], VS_LAG_NOBODY, or one of the two above. Workers. */
void lag_spread(struct vs_lag *l, unsigned worker, const struct vs_burst *b,
		const struct vs_ref *ref, unsigned n, uint8_t *to);
/* Return: the member, if it runs. */
struct vs_port *lag_member(struct vs_lag *l, unsigned i);
/* Nobody sends by it yet: a running member is the first one, and has all slots. */
void lag_begin(struct vs_lag *l, unsigned i, struct vs_port *member);
/* A member is to be the uplink: nothing is held for it, and it is in use. */
void lag_end(struct vs_lag *l, unsigned i);
/* The rate of what all members bring together. Return: 0 or -ENOMEM. */
int lag_rate_in(struct vs_lag *l, const struct vs_rate *in);
struct vs_port *lag_port(const struct vs_lag *l, unsigned i); /* or NULL; running or not */

/* punt.c. Return: is the frame taken? */
/* @in: the port, or the uplink it is a member of: all but link protocols are the uplink's. */
bool punt_take(struct vs_port *p, struct vs_port *in, unsigned wanted, const struct vs_burst *b,
	       unsigned i);
enum copied { COPIED_NOT, COPIED, COPIED_REPORT, COPIED_QUERY };
enum copied punt_copy(struct vs_port *p, unsigned wanted, const struct vs_burst *b, unsigned i,
		      uint16_t vid);
/* The burst is through. */
/* Copies for snooping, besides what vs_port_punt asked for. */
int punt_snoop(struct vs_port *p, bool on);
int punt_prepare(struct vs_switch *sw); /* a ring without a port that asks for one */
/* One frame for the control thread. */
void punt_put(struct vs_port *p, enum vs_punt kind, const struct vs_burst *b, unsigned i,
	      uint16_t vid);
void punt_flush(struct vs_switch *sw);
void punt_free(struct vs_switch *sw);
void inject_free(struct vs_switch *sw);
struct vs_worker *inject_hand(struct vs_switch *sw); /* or NULL: no memory */
/* Fetch at most VS_BURST - w->burst.hold frames and forward them. */
unsigned burst_fetch(struct vs_worker *w, struct vs_port *p);
/*
 * Send frames that are decided upon. @keep: stop at the first frame for which the port has no
 * room now, instead of dropping it. Return: frames sent or dropped, n unless keep.
 */
unsigned burst_pass(struct vs_worker *w, struct vs_port *to, struct vs_burst *b,
		    const struct vs_ref *ref, unsigned n, bool keep);

/* vlan.c: the matrix of spec/zvm-networking.md 3.4. */
enum vs_drop vlan_ingress(const struct rules *r, const uint8_t *head, uint16_t *vid, uint8_t *tag,
			  uint16_t *tci);
bool vlan_egress(const struct rules *r, uint16_t vid, enum tag tag, uint16_t tci, uint8_t *edit);
void vlan_rules(const struct vs_port *p, struct rules *r);

/* offload.c: what a receiver cannot do by itself. */
enum vs_drop offload_checksum(struct vs_burst *b, unsigned i);
unsigned offload_segment(const struct vs_burst *b, unsigned i, struct vs_burst *cut,
			 unsigned *skip);

/* capture.c */
void capture_frames(struct vs_worker *w, struct vs_port *p, const struct vs_burst *b,
		    const struct vs_ref *ref, unsigned n, enum vs_capture_dir dir,
		    enum vs_drop reason);
void capture_flush(struct vs_worker *w, struct vs_switch *sw);
void capture_forget_port(struct vs_port *p);

/* direct.c */
unsigned direct_forward(struct vs_worker *w, struct vs_port *p);
bool direct_begin(void *link, const struct vs_burst *b, struct vs_direct *d);

/* learn.c, register.c */
bool learn(struct vs_switch *sw, struct vs_port *p, uint64_t key);
/* A learned entry is no more. */
void learn_displaced(struct vs_switch *sw, uint64_t value);
void learn_age(struct vs_switch *sw, uint32_t now_s);
void learn_restamp(struct vs_switch *sw, uint32_t now_s);
void learn_forget(struct vs_port *p);
int fdb_grow(_Atomic(struct fdb *) *where, pthread_spinlock_t *lock);
int register_mac(struct vs_port *p, const uint8_t mac[6], bool add);
int register_group(struct vs_port *p, const uint8_t mac[6], bool add);
void register_clear(struct vs_port *p);
/* MAC protection may have been switched on: addresses it forbids are forgotten. */
void register_protect(struct vs_port *p);
struct bitmap *group_ports(struct vs_switch *sw, uint64_t key);

/* snoop.c */
int snoop_create(struct vs_switch *sw);
void snoop_free(struct snoop *s);
/* Who wants a frame to a group, of which have bytes are at head. @room: for the answer, maybe. */
const struct bitmap *snoop_ports(struct snoop *s, const uint8_t *head, uint32_t have, unsigned vid,
				 struct bitmap *room);
const struct bitmap *snoop_routers(struct snoop *s);
/* Is it known who wants the group? */
bool snoop_listed(struct snoop *s, const uint8_t *mac, unsigned vid);
void snoop_tick(struct vs_switch *sw, uint64_t now_ms);
/* Nobody listens any more: every group floods. */
void snoop_off(struct vs_switch *sw);
void snoop_forget(struct vs_port *p);

/* ipregister.c: IP mode, and what layer-3 guests register on any switch. */
struct ip_table;
struct ip_mode {
	struct ip_table *table;
	_Atomic uint64_t mac; /* the switch's, as fdb_key has it */
	_Atomic bool router;
	_Atomic uint32_t path_mtu;
	struct bitmap routers[2][2];	       /* of IPv4, IPv6: primary, secondary */
	_Atomic uint64_t mac_of[VS_PORTS_MAX]; /* of ports, as fdb_key has it; 0: none yet */
};
int ipmode_create(struct vs_switch *sw);
void ipmode_free(struct vs_switch *sw);
void ipmode_configure(struct vs_switch *sw);
void ipmode_reap(struct vs_switch *sw);
void ipmode_mac(struct vs_port *p); /* its addresses have changed */
int ipmode_layer(struct vs_port *p, unsigned layer);
bool ipmode_may_start(const struct vs_port *p);
int ip_add(struct vs_port *p, const uint8_t addr[16], unsigned flags);
int ip_del(struct vs_port *p, const uint8_t addr[16]);
int ip_routing(struct vs_port *p, bool v6, enum vs_routing type);
void ip_clear(struct vs_port *p);

/* ipmode.c: frames of a burst */
uint32_t ipmode_path_mtu(struct vs_switch *sw); /* 0: no limit */

/* hosts.c */
struct host {
	uint8_t addr[16], mac[ETH_ALEN];
	uint16_t vid;
	uint32_t seen_s;
};
/* Begin or stop to listen, as the configuration says. Return: 0 or -ENOMEM. */
int hosts_listen(struct vs_switch *sw);
void hosts_free(struct vs_switch *sw);
void hosts_tick(struct vs_switch *sw, uint32_t now_s);
void hosts_drain(struct vs_switch *sw);
void hosts_forget(struct vs_port *p);

/* storm.c. @rate: frames a second. Return: may one more frame pass? */
bool storm_allow(_Atomic uint64_t *back_ns, uint32_t rate, uint64_t now_ns);

/* worker.c */
struct vs_worker *worker_hand(void);
int worker_reserve(struct vs_worker *w);
int worker_add(struct vs_worker *w, struct vs_port *p);
void worker_del(struct vs_worker *w, struct vs_port *p);

#endif
