/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bandwidth: token buckets, groups that share one, and the frames that wait in front of a port.
 * shape.c tells the story. Private to vswitch/.
 *
 * Time is a parameter everywhere: nanoseconds of any monotonic clock.
 */
#ifndef VSWITCH_SHAPE_H
#define VSWITCH_SHAPE_H

#include <pthread.h>
#include <stdatomic.h>

#include "vswitch/vswitch.h"

struct shaper;

/*
 * A token bucket in one word: the time at which everything spent so far will have been paid for.
 * It may lie in the future (a debt) and counts as at most depth in the past (the burst).
 */
struct bucket {
	_Atomic uint64_t paid;	/* 1/64 ns */
	_Atomic uint64_t bps;	/* 0: no limit */
	_Atomic uint64_t depth; /* 1/64 ns */
};

/* Changes the rate; what was spent stays spent. */
void bucket_set(struct bucket *t, const struct vs_rate *rate, uint64_t now);
/* Return: bytes that may go now, 0: none before *due, which only becomes earlier. */
uint64_t bucket_bytes(const struct bucket *t, uint64_t now, uint64_t *due);
void bucket_spend(struct bucket *t, uint64_t now, uint64_t bytes);

/* One direction of one port. */
struct lane {
	struct bucket own;
	_Atomic(struct vs_rate_group *) group;
	bool out; /* which of the group's buckets */
	/* Under the group's lock. */
	uint64_t served; /* bytes, comparable between the group's active members */
	bool active;	 /* had frames when last asked */
};

/* Return: bytes that may go now; 0: none before *due. */
uint64_t lane_bytes(struct lane *l, uint64_t now, uint64_t *due);
/* @bytes: 0: there was nothing to send. */
void lane_spend(struct lane *l, uint64_t now, uint64_t bytes);

int lane_enter(struct vs_rate_group *g, struct lane *l);
void lane_leave(struct lane *l);

/* The rates of VLANs; entries are made at first use and stay. */
struct vlan_rate {
	struct bucket in, out;
};
struct vlan_rates {
	_Atomic(struct vlan_rate *) vlan[4096];
};
bool vlan_rate_passes(struct vs_switch *sw, uint16_t vid, bool out, uint32_t bytes, uint64_t now);
/* All of several frames, or none is spent. */
bool vlan_rate_passes_all(struct vs_switch *sw, uint16_t vid, bool out, uint64_t bytes,
			  uint64_t now);
void vlan_rates_free(struct vs_switch *sw);

/* What the frame takes on a wire, behind all cuts: bytes of Ethernet frames without FCS. */
uint32_t shape_wire_bytes(const struct vs_burst *b, unsigned i);

/* worker side */
unsigned shape_forward(struct vs_worker *w, struct vs_port *p, struct shaper *s);
/* @ref: n frames for a port with a shaper. @from: the port they came from. */
void shape_deliver(struct vs_worker *w, struct vs_port *from, struct vs_port *to, struct shaper *s,
		   struct vs_burst *b, const struct vs_ref *ref, unsigned n);
bool shape_queues(const struct shaper *s);
bool shape_arm(struct vs_worker *w, struct vs_port *p, struct shaper *s);

/* control side */
void shape_stop(struct vs_port *p);
void shape_free(struct vs_port *p);
/*
 * p takes the place of old, with its rates and what waits for them. Shared: frames for either join
 * one queue, in their order, and old's worker sends them; p has had none. A grace period after
 * nothing is for old any more it is handed over, and p's worker sends.
 */
void shape_share(struct vs_port *old, struct vs_port *p);
void shape_hand_over(struct vs_port *old, struct vs_port *p);

#endif
