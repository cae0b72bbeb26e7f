/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual switch or guest LAN: forwarding by registration, VLANs, counters.
 *
 * Threads: one control thread calls everything below unless a function says
 * otherwise. Workers call vs_worker_* only. Configuration reaches the workers by
 * RCU (liburcu, QSBR flavour): the thread that runs a worker must be registered
 * with rcu_register_thread().
 *
 * The switch knows no guest, no socket and no file: it is given ports.
 */
#ifndef VSWITCH_VSWITCH_H
#define VSWITCH_VSWITCH_H

#include "vswitch/port.h"

#define VS_NAME_BYTES 24 /* a port's or switch's name for captures, with its NUL */
#define VS_PORTS_MAX                                                                               \
	2048 /* ports of one switch (spec/zvm-networking.md 2.2: port numbers 1-2048) */
#define VS_WORKERS_MAX 16
#define VS_THREADS (VS_WORKERS_MAX + 1) /* that move frames: workers, and the control thread */
#define VS_VID_NONE 0u			/* "no VLAN": 0 is never a configurable VID */
#define VS_VID_MAX 4094u

struct vs_switch;
struct vs_port;
struct vs_worker;

/* ---- switch ---------------------------------------------------------------- */

enum vs_lan_kind {
	VS_KIND_VSWITCH,   /* authorised VLANs per port, optional uplink */
	VS_KIND_GUEST_LAN, /* no uplink, guests join VLANs themselves */
	VS_KIND_WIRE,	   /* what one port sends, whatever it is, the others get */
};

/* What a storm can be made of (vs_switch_config.storm). */
enum vs_storm { VS_STORM_BROADCAST, VS_STORM_MULTICAST, VS_STORM_UNKNOWN, VS_STORM_KINDS };

struct vs_switch_config {
	char name[VS_NAME_BYTES];
	enum vs_lan_kind kind;
	bool vlan_aware;
	uint16_t default_vid; /* access VID of ports without one of their own; 0: none */
	uint16_t native_vid;  /* untagged frames of trunks and uplink; 0: NONE */
	bool isolation;
	/* Guests' frames always leave by the uplink; a switch outside that relays back (802.1Qbg
	 * reflective relay) returns those for other guests. Excludes isolation. */
	bool vepa;
	bool mac_protect;
	bool snooping; /* IGMP and MLD, for ports that learn */
	/* Frames a second a port may send to many: broadcast, multicast, unknown; 0: no limit. */
	uint32_t storm[VS_STORM_KINDS];
	/*
	 * IP mode: ports are of layer 3 and share the switch's address outside; frames from there
	 * go by the IP addresses that guests have registered. May not be changed later.
	 */
	bool ip;
	bool layer2_only;  /* guests of layer 3 are refused, as IP mode refuses those of layer 2 */
	bool ip_router;	   /* what no guest has goes to a guest that is a router; else nowhere */
	uint32_t path_mtu; /* of IP packets that leave by the uplink, or one of the two below */
	uint8_t mac[6];	   /* the switch's own */
	uint32_t host_age_s; /* heard addresses are forgotten after; 0: VS_HOST_AGE_S */
};

#define VS_PATH_MTU_EXTERNAL 0u /* what the uplink takes */
#define VS_PATH_MTU_OFF UINT32_MAX
#define VS_HOST_AGE_S 300u

/* Return: a switch without ports, or NULL and errno (ENOMEM). */
struct vs_switch *vs_switch_create(const struct vs_switch_config *cfg);
/* Changes take effect for the next burst. The VLAN awareness may not change. Return: 0, -EINVAL. */
int vs_switch_configure(struct vs_switch *sw, const struct vs_switch_config *cfg);
/* All ports must be gone. NULL is legal. */
void vs_switch_destroy(struct vs_switch *sw);

struct vs_vidset;
/* The VLANs that running guests' ports are in. */
void vs_switch_vids(const struct vs_switch *sw, struct vs_vidset *vids);

/* ---- ports ----------------------------------------------------------------- */

enum vs_port_role {
	VS_ROLE_GUEST,
	VS_ROLE_UPLINK,
	VS_ROLE_MEMBER, /* a device of an uplink that has several: vswitch/lag.h */
};
enum vs_port_type { VS_TYPE_ACCESS, VS_TYPE_TRUNK };

/* A set of VIDs 0..4095, one bit each. */
struct vs_vidset {
	uint64_t w[64];
};

static inline bool vs_vidset_has(const struct vs_vidset *s, unsigned vid)
{
	return (s->w[(vid & 4095) / 64] >> (vid % 64)) & 1;
}

static inline void vs_vidset_add(struct vs_vidset *s, unsigned vid)
{
	s->w[(vid & 4095) / 64] |= UINT64_C(1) << (vid % 64);
}

static inline void vs_vidset_del(struct vs_vidset *s, unsigned vid)
{
	s->w[(vid & 4095) / 64] &= ~(UINT64_C(1) << (vid % 64));
}

struct vs_port_config {
	char name[VS_NAME_BYTES]; /* "LINUX01/0600", "tap0": the interface name in captures */
	enum vs_port_role role;
	enum vs_port_type type;
	uint16_t access_vid;   /* of an access port; 0: the switch's default VID */
	struct vs_vidset vids; /* of a trunk: VIDs it is authorised for */
	bool promisc_allowed;  /* GRANT ... PROMISCUOUS */
	bool promisc;	       /* asked for here, whatever the guest asks for */
	uint8_t own_mac[6];    /* assigned address; all zero: none. Used by MAC protection */
	int8_t mac_protect;    /* 1 on, 0 off, -1 as the switch says */
	/* A guest that registers nothing (a QEMU socket): its addresses are learned, and it gets
	 * the groups and unknown unicast frames of its VLANs. May not be changed later. */
	bool learning;
	/* A bridge to another network: it takes part in every VLAN it may, but those in use are
	 * what it joins. May not be changed later. */
	bool bridge;
};

/*
 * Add a port; it carries no traffic until vs_port_link's start is called.
 * Return: the port, or NULL and errno (ENOMEM, ENOSPC: VS_PORTS_MAX reached,
 * EBUSY: a second uplink).
 */
struct vs_port *vs_port_create(struct vs_switch *sw, const struct vs_port_config *cfg);
int vs_port_configure(struct vs_port *p, const struct vs_port_config *cfg);
/* Stops it if it runs. NULL is legal. */
void vs_port_destroy(struct vs_port *p);

/*
 * The link an adapter (or a host port) uses to reach this port; valid until
 * vs_port_destroy. A host port calls start as well. The worker that will serve
 * the port is chosen at start.
 */
struct vs_link vs_port_link(struct vs_port *p);

/*
 * The worker that serves the port from now on; NULL: none. A running port moves: the frames it
 * already has come first, in their order, and none is lost.
 * Return: 0, or -ENOMEM: it stays where it is.
 */
int vs_port_assign(struct vs_port *p, struct vs_worker *w);
struct vs_worker *vs_port_worker(const struct vs_port *p);

/* What the guest registered, for QUERY. Return: entries stored (at most max). */
unsigned vs_port_macs(const struct vs_port *p, uint8_t (*mac)[6], unsigned max);
unsigned vs_port_groups(const struct vs_port *p, uint8_t (*mac)[6], unsigned max);
bool vs_port_promisc(const struct vs_port *p); /* asked for and allowed */
bool vs_port_running(const struct vs_port *p);

/* ---- IP addresses ---------------------------------------------------- */

struct vs_ip {
	uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t flags;	  /* enum vs_ip_flag */
};

#define VS_IPS_MAX 512u /* of a port */

/* What a layer-3 guest registered, in its order. Return: entries stored. */
unsigned vs_port_ips(const struct vs_port *p, struct vs_ip *out, unsigned max);
enum vs_routing vs_port_routing(const struct vs_port *p, bool v6);

/*
 * Addresses that were heard of in ARP and neighbour discovery, behind a port of a guest that
 * registers none, or behind the uplink of a switch in IP mode: for QUERY and for announcements,
 * never for forwarding.
 */
struct vs_host {
	uint8_t addr[16], mac[6];
	uint16_t vid;
	uint32_t age_s;
};
#define VS_HOSTS_GUEST_MAX 32u	  /* of a port; the longest unheard of makes room */
#define VS_HOSTS_UPLINK_MAX 1024u /* of the uplink */

/* Return: entries stored. */
unsigned vs_port_hosts(struct vs_port *p, struct vs_host *out, unsigned max);

enum vs_ip_event { VS_IP_REGISTERED, VS_IP_GIVEN_UP, VS_IP_REFUSED }; /* another guest has it */
/* Called by the control thread (not when a port as a whole stops). NULL: none. */
void vs_switch_set_ip_notify(struct vs_switch *sw,
			     void (*notify)(void *ctx, const struct vs_port *p,
					    const uint8_t addr[16], enum vs_ip_event what),
			     void *ctx);

/* Called by the control thread when a guest's layer was refused. NULL: none. */
void vs_switch_set_refused(struct vs_switch *sw,
			   void (*refused)(void *ctx, const struct vs_port *p, unsigned layer),
			   void *ctx);

/* ---- forwarding database ---------------------------------------------------- */

struct vs_fdb_entry {
	uint8_t mac[6];
	uint16_t vid; /* 0 for registered addresses: they count in every VLAN of the port */
	bool learned;
	uint32_t age_s; /* of learned entries */
	struct vs_port *port;
};

/* Return: entries stored. Learned entries age out after 300 s. */
size_t vs_fdb_list(struct vs_switch *sw, struct vs_fdb_entry *out, size_t max);
/* Drop old learned entries; call once a second or so. @now_s: any monotonic clock. */
void vs_switch_tick(struct vs_switch *sw, uint32_t now_s);

/* ---- counters --------------------------------------------------------------- */

struct vs_counters {
	uint64_t rx_frames, rx_bytes;	 /* from the port into the switch */
	uint64_t tx_frames, tx_bytes;	 /* from the switch to the port */
	uint64_t rx_mcast, tx_mcast;	 /* group and broadcast frames of the above */
	uint64_t rx_control, tx_control; /* of the above: taken, and sent, by the switch itself */
	uint64_t rx_drop[VS_DROP_COUNT + 1]; /* frames that came from this port */
	uint64_t tx_drop[VS_DROP_COUNT + 1]; /* frames meant for this port */
};

/* What fetching and forwarding a port's frames took, in units of common/cycles.h. Any thread. */
struct vs_port_work {
	uint64_t bursts, frames, cycles;
};
void vs_port_work(const struct vs_port *p, struct vs_port_work *out);

/* Sum over the workers; of an uplink with members, with theirs. Control thread. */
void vs_port_counters(const struct vs_port *p, struct vs_counters *out);

/* ---- control frames -------------------------------------------------------------- */

/* What an engine of the control thread (LACP, MVRP, snooping) gets of a port's frames. */
enum vs_punt {
	VS_PUNT_LINK = 1u << 0, /* 01-80-C2-00-00-0x: taken, otherwise dropped */
	VS_PUNT_MRP = 1u << 1,	/* 01-80-C2-00-00-2x: taken, otherwise an ordinary group */
	VS_PUNT_IGMP = 1u << 2, /* IPv4 with protocol 2: a copy; the frame goes its way */
	VS_PUNT_MLD = 1u << 3,	/* IPv6 that begins with a hop-by-hop header and ICMPv6: a copy */
	VS_PUNT_PATH_MTU = 1u << 4, /* by itself, in IP mode: dropped, too big for the uplink */
	VS_PUNT_PROBE = 1u << 5,    /* to VS_PROBE_MAC: taken */
};

/* Where frames go that look for loops: a local group, which every bridge floods. */
#define VS_PROBE_MAC                                                                               \
	{                                                                                          \
		0x03, 0x5A, 0x4C, 0x4F, 0x4F, 0x50                                                 \
	}

#define VS_PUNT_BYTES 1536u /* longer frames are cut */

/* @flags: enum vs_punt; for all later frames that come from the port. Return: 0 or -ENOMEM. */
int vs_port_punt(struct vs_port *p, unsigned flags);

/*
 * @notify: called on a worker after a burst that left something to be fetched; must not block.
 * To be set before the first vs_port_punt. NULL: none.
 */
void vs_switch_set_punt(struct vs_switch *sw, void (*notify)(void *ctx), void *ctx);

struct vs_punted {
	struct vs_port *port; /* it came by this one */
	enum vs_punt kind;
	uint16_t vid; /* of copies: the VLAN; 0 on an unaware switch. Of taken frames: 0 */
	uint32_t len; /* bytes in data; the frame as it came */
	const uint8_t *data;
};

/*
 * Hand over what has been taken or copied since, in the order of each port; frames of ports that
 * are gone are left out. Control thread. Return: frames.
 */
typedef void vs_punt_fn(void *ctx, const struct vs_punted *f);
unsigned vs_switch_punted(struct vs_switch *sw, vs_punt_fn *fn, void *ctx);
/* Frames for which there was no room. Any thread. */
uint64_t vs_switch_punt_lost(const struct vs_switch *sw);

/* ---- snooping ---------------------------------------------------------------------- */

/* A copy of an IGMP or MLD frame, as vs_switch_punted hands over. Control thread. */
void vs_snoop_frame(struct vs_switch *sw, const struct vs_punted *f, uint64_t now_ms);

/* A frame of VS_PUNT_PATH_MTU: its sender is told. Return: 0 or -errno. Control thread. */
int vs_path_mtu_frame(struct vs_switch *sw, const struct vs_punted *f);

/* In IP mode: bytes of the largest packet that leaves by the uplink; 0: no limit is known. */
uint32_t vs_switch_path_mtu(struct vs_switch *sw);

#define VS_SNOOP_SOURCES 32
struct vs_snooped { /* a port that wants a group */
	uint8_t mac[6];
	uint16_t vid;
	bool filtered; /* the group goes to those who want it; else there is no querier: it floods
			*/
	bool all;      /* from every source; else: */
	bool exclude;  /* from all but those listed, or only from them */
	uint32_t left_s;
	struct vs_port *port;
	uint8_t group[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned n_sources;
	uint8_t source[VS_SNOOP_SOURCES][16];
};

/* Return: entries stored. */
size_t vs_snoop_list(struct vs_switch *sw, struct vs_snooped *out, size_t max);
bool vs_port_router(const struct vs_port *p); /* a querier has been heard there */

/*
 * Send a frame out of a port, now, past everything that waits in the switch. Control thread.
 * @vid: VS_VID_NONE: as it is; else the frame is untagged and leaves as one of that VLAN.
 * Return: 0, -ENETDOWN, -EMSGSIZE, -EPERM (not the port's VLAN), -ENOBUFS, -ENOMEM.
 */
int vs_port_inject(struct vs_port *p, uint16_t vid, const uint8_t *frame, uint32_t len);

/* Sum of the workers, of frames admitted from ports and of copies handed to ports. */
struct vs_vlan_counters {
	uint64_t in_frames, in_bytes, out_frames, out_bytes;
};

/* Counting takes time, so it is off at first. Return: 0 or -ENOMEM. */
int vs_switch_vlan_counters(struct vs_switch *sw, bool on);
/* Return: has anything been counted? */
bool vs_vlan_counters(const struct vs_switch *sw, uint16_t vid, struct vs_vlan_counters *out);

/* Copies of what passes a port, or all ports, for one more port. */
struct vs_mirror {
	struct vs_port *to;
	struct vs_port *from; /* NULL: every port */
	uint16_t vid;	      /* 0: every VLAN */
	bool in, out;	      /* what comes from the port, what goes to it */
};
/* @cfg: copied; NULL: none. It ends by itself with one of its ports. Return: 0, -EINVAL, -ENOMEM.
 */
int vs_switch_mirror(struct vs_switch *sw, const struct vs_mirror *cfg);
bool vs_switch_mirrors(const struct vs_switch *sw);

/* Called by the control thread when a port has registered or given up an address (not when the
 * port as a whole stops). NULL: none. */
void vs_switch_set_notify(struct vs_switch *sw,
			  void (*notify)(void *ctx, const struct vs_port *p, const uint8_t mac[6],
					 bool added),
			  void *ctx);

/*
 * Tell the outside that the guests are behind this uplink now: by a RARP frame for each address of
 * a guest in each of its VLANs, by an ARP announcement or unsolicited neighbour advertisement for
 * each IP address that was registered or heard. Control thread. Return: frames sent.
 */
unsigned vs_switch_announce(struct vs_switch *sw);

/* ---- bandwidth ---------------------------------------------------------------- */

struct vs_rate {
	uint64_t bps;	/* bits a second of Ethernet frames without FCS; 0: no limit */
	uint32_t burst; /* bytes that may go at once; 0: vs_rate_burst */
};

/* The burst of a rate without one of its own: 5 ms, 16 KiB at least. */
uint32_t vs_rate_burst(uint64_t bps);

/* Frames that wait for the uplink. */
enum vs_class { VS_CLASS_LOW, VS_CLASS_NORMAL, VS_CLASS_HIGH, VS_CLASS_CONTROL, VS_CLASSES };

/* What gives a frame its class. */
enum vs_priority {
	VS_PRIORITY_OFF,  /* all are NORMAL */
	VS_PRIORITY_PORT, /* the port it came from */
	VS_PRIORITY_PCP,  /* its tag; without one, the port */
	VS_PRIORITY_DSCP, /* its IP header; without one, the port */
};

/* A rate that several ports share. */
struct vs_rate_group;
/* Return: a group without ports, or NULL and errno (ENOMEM). */
struct vs_rate_group *vs_rate_group_create(void);
/* In: what its ports send into the switch, out: what goes to them. */
void vs_rate_group_set(struct vs_rate_group *g, const struct vs_rate *in,
		       const struct vs_rate *out);
/* No port may be in it. NULL is legal. */
void vs_rate_group_destroy(struct vs_rate_group *g);

struct vs_port_shaping {
	struct vs_rate in;  /* what the port sends waits with the port: nothing is dropped */
	struct vs_rate out; /* what goes to it waits in a queue: what is too much is dropped */
	struct vs_rate_group *group;
	/* Of a guest: */
	enum vs_class class;
	uint64_t guarantee_bps; /* of the uplink's bandwidth */
	/* Of the uplink: */
	enum vs_priority priority;
};

#define VS_GUARANTEES_MAX 64u /* ports of a switch with a guarantee */

/* Return: 0, -ENOMEM or -ENOSPC (VS_GUARANTEES_MAX); then nothing has changed. */
int vs_port_shape(struct vs_port *p, const struct vs_port_shaping *cfg);

struct vs_shaping_state {
	uint64_t held;		/* times the port had to wait before it was asked for more */
	uint64_t waited;	/* frames to it that waited in the queue */
	uint32_t frames, bytes; /* in the queue now */
};

void vs_port_shaping_state(const struct vs_port *p, struct vs_shaping_state *out);

/* All frames of a VLAN: in, what ports send; out, what they get, each copy. Too much is dropped.
 * Return: 0, -ENOMEM, -EINVAL. */
int vs_vlan_rate(struct vs_switch *sw, uint16_t vid, const struct vs_rate *in,
		 const struct vs_rate *out);

/* ---- workers ---------------------------------------------------------------- */

/* Return: a worker without ports, or NULL and errno (ENOMEM, ENOSPC). */
struct vs_worker *vs_worker_create(void);
/* No port may be assigned to it. NULL is legal. */
void vs_worker_destroy(struct vs_worker *w);

/* Ports assigned to it, running or not: the first, and the one after p. Control thread. */
unsigned vs_worker_ports(const struct vs_worker *w);
struct vs_port *vs_worker_port(const struct vs_worker *w);
struct vs_port *vs_port_next(const struct vs_port *p);

/* Cycles with and without frames while it was polling. Any thread. */
void vs_worker_cycles(const struct vs_worker *w, uint64_t *busy, uint64_t *idle);

/* For whoever balances the load; the switch only keeps it, zero at first. Control thread. */
struct vs_port_load {
	uint64_t cycles;   /* vs_port_work at the last look */
	uint32_t permille; /* of a processor since the look before */
	uint32_t moved_s;
	unsigned pinned; /* to the worker of this number, plus 1; 0: to none */
};
struct vs_port_load *vs_port_load(struct vs_port *p);

/*
 * Serve every port of the worker once: fetch a burst, forward it. To be called
 * from the one thread that runs this worker, inside an RCU read-side section
 * (QSBR: simply between two quiescent states).
 * Return: frames fetched.
 */
unsigned vs_worker_poll(struct vs_worker *w);

/*
 * Prepare to sleep: arm all ports. Return: true if a port has work; then do
 * not sleep. In either case vs_worker_disarm follows.
 */
bool vs_worker_arm(struct vs_worker *w);
void vs_worker_disarm(struct vs_worker *w);

/*
 * Called from the control thread after a port joined (added) or left the worker, so
 * that its thread can watch the port's descriptor, if it has one (fd >= 0), and be woken.
 */
typedef void vs_worker_watch_fn(void *ctx, int fd, bool added);
void vs_worker_set_watch(struct vs_worker *w, vs_worker_watch_fn *fn, void *ctx);

/* How long the worker may sleep after vs_worker_arm. Return: ns, or UINT64_MAX. */
uint64_t vs_worker_patience(struct vs_worker *w);
/* Called by any worker: frames wait in front of a port of this one, which may be asleep. */
void vs_worker_set_wake(struct vs_worker *w, void (*wake)(void *ctx));

/* ---- capture ----------------------------------------------------------------- */

enum vs_capture_dir { VS_CAPTURE_IN, VS_CAPTURE_OUT, VS_CAPTURE_DROP };

struct vs_capture_frame {
	uint64_t ns; /* CLOCK_REALTIME, taken once a burst */
	const struct vs_port *port;
	enum vs_capture_dir dir;
	enum vs_drop reason; /* with VS_CAPTURE_DROP */
	uint32_t len;	     /* of the whole frame */
	uint32_t caplen;
	/* The frame as it was judged or as it left, at most snaplen bytes: two pieces of head
	 * with an edited tag between them are already joined here. */
	const uint8_t *data;
};

struct vs_capture;
struct vs_capture_config {
	struct vs_switch *sw;
	struct vs_port *port; /* only what enters or leaves here; NULL: all ports */
	bool dropped_only;
	/* Only frames of the VLANs in vids: by a frame's tag as it came, or the VLAN it was put
	 * into where it had none. */
	bool by_vlan;
	struct vs_vidset vids;
	uint32_t snaplen; /* 64 .. 65535 */
	/* Called on the worker for every matching frame; must not block. */
	void (*emit)(void *ctx, unsigned worker, const struct vs_capture_frame *f);
	/* Called on the worker after a burst in which emit was called. */
	void (*flush)(void *ctx, unsigned worker);
	void *ctx;
};

/* Return: the capture, or NULL and errno. A switch without captures runs code without them. */
struct vs_capture *vs_capture_start(const struct vs_capture_config *cfg);
/* On return emit will not be called again. NULL is legal. */
void vs_capture_stop(struct vs_capture *c);

/* ---- names -------------------------------------------------------------------- */

const char *vs_drop_name(enum vs_drop d); /* "tx-no-buffer" */
const char *vs_drop_text(enum vs_drop d);

/* The name the port was configured with, for captures. Any thread; valid as long as the port is. */
const char *vs_port_name(const struct vs_port *p);

#endif
