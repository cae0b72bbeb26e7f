/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a burst and what they share. Private to the files burst.c, admit.c, group.c,
 * deliver.c and extra.c. Worker's thread, or the control thread with its own scratch.
 */
#ifndef VSWITCH_BURST_H
#define VSWITCH_BURST_H

#include "vswitch/vs_priv.h"

#include "common/be.h"
#include "common/stage.h"

#define INLINE static inline __attribute__((always_inline))

/* What the stages share; lives on the worker's stack. */
struct flow {
	struct vs_worker *w;
	struct vs_port *rx; /* the burst came by it: counters, last source */
	struct vs_port *in; /* for the rules: the same, or the uplink it is a member of */
	struct vs_switch *sw;
	struct vs_burst *b;
	const struct rules *rules;
	struct counters *ctr; /* of rx */
	unsigned special;     /* of rx, and of the uplink it is a member of */
	uint32_t gen; /* of sources; read before the rules, so that no older ones are kept */
	uint32_t len_max;
	unsigned flags; /* of all frames together */

	/* Frames by their bits. */
	uint64_t dropped;  /* for the reason in w->drop */
	uint64_t plain;	   /* untagged, in the port's own VLAN: no w->vid and w->tag of their own */
	uint64_t groups;   /* to a group address */
	uint64_t again;	   /* plain as the frame before, and to the same address */
	uint64_t last_key; /* admission: of the frame before */

	struct vs_port *self; /* whose frame it is: never back to this one */
	bool sniffing;	      /* copies for sniffers: isolation does not count */
	uint64_t reports;     /* frames that are for multicast routers only */
	uint64_t queries;     /* and those for everybody */
};

#define BIT(i) (UINT64_C(1) << (i))

static inline struct vs_port *flow_port(struct vs_switch *sw, unsigned i)
{
	return atomic_load_explicit(&sw->port[i], memory_order_acquire);
}

static inline const struct rules *rules_of(struct vs_port *p)
{
	return atomic_load_explicit(&p->rules, memory_order_acquire);
}

static inline struct counters *counters_of(struct vs_worker *w, struct vs_port *p)
{
	return &p->counters[w->id];
}

static inline unsigned vid_of(const struct flow *f, unsigned i)
{
	return f->plain & BIT(i) ? f->rules->plain_vid : f->w->vid[i];
}

static inline uint8_t tag_of(const struct flow *f, unsigned i)
{
	return f->plain & BIT(i) ? TAG_NONE : f->w->tag[i];
}

static inline void drop(struct flow *f, unsigned i, enum vs_drop why)
{
	f->w->drop[i] = (uint8_t)why;
	f->dropped |= BIT(i);
}

/* How a burst's frames are admitted; constants where they are asked for. */
enum admission {
	ADMIT_SLOWLY = 1u << 0,	 /* some are runts: none is taken for one seen before */
	ADMIT_SPECIAL = 1u << 1, /* the port has special bits */
};

/* burst.c: a burst in w's scratch that came by port p. */
struct flow burst_flow(struct vs_worker *w, struct vs_port *p);

/* admit.c: which frames may come in, and into which VLAN. @how: enum admission. */
void burst_admit(struct flow *f, unsigned how);

/* group.c: who gets which frame: lists in w->out. */
void burst_group(struct flow *f);
/* The list of one destination, made if it has none. */
struct out *burst_out(struct flow *f, struct vs_port *to);

/* What a burst's code knows of, where it is a constant. */
enum variant {
	VARIANT_PLAIN,
	VARIANT_IP,   /* a switch in IP mode without any other extra */
	VARIANT_FULL, /* captures and extras */
};

/* deliver.c */
extern const int8_t burst_edit_bytes[]; /* what an edit adds to a frame's length */
/* Send every list. */
void burst_deliver(struct flow *f, enum variant v);
/* A list that needs no look at what the plain variant does not know. */
void burst_send_plain(struct flow *f, struct out *o);
/* A list of frames for one port; whatever the port is. */
void burst_list(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n);
/* Count frames that a destination did not get, and show them to captures. */
void burst_refuse(struct flow *f, struct vs_port *to, const struct vs_burst *b,
		  const struct vs_ref *ref, unsigned n, enum vs_drop why, bool capture);
uint64_t burst_realtime_ns(void);

/* ipmode.c: frames as they came, and a list for the uplink as it leaves. */
void ipmode_admitted(struct flow *f);
void ipmode_leave(struct flow *f, struct out *o, enum variant v);

/* hosts.c: a frame for many came from a guest, or by the uplink of a switch in IP mode. */
void hosts_hear(struct flow *f, unsigned i);

/* extra.c: what the plain variant knows nothing of: VLANs' rates and counters, mirrors. */
void extra_admitted(struct flow *f);
void extra_grouped(struct flow *f);

#endif
