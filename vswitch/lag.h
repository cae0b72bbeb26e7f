/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An uplink of several devices: for the rules of the switch one port, on the wire several.
 *
 * The uplink (VS_ROLE_UPLINK) has no device of its own; its members (VS_ROLE_MEMBER) are ports that
 * are started and stopped as any other. A frame to the uplink is hashed to one of VS_LAG_SLOTS
 * slots, and the slot names the member. Who may be used is the owner's decision: by LACP, by link
 * state, or one member at a time.
 *
 * Everything here belongs to the control thread unless it says otherwise.
 */
#ifndef VSWITCH_LAG_H
#define VSWITCH_LAG_H

#include "vswitch/vswitch.h"

/* Eight links of a group and three devices, and as many that are to take their places. */
#define VS_LAG_MEMBERS 22u
#define VS_LAG_SLOTS 256u
#define VS_LAG_NOBODY 0xFFu

struct vs_lag;

/*
 * Make the uplink one of several devices, and start it. @uplink: not running.
 * @seed: of the hash. Return: it, without members, or NULL and errno.
 */
struct vs_lag *vs_lag_create(struct vs_port *uplink, uint64_t seed);
/* All members must have left. The uplink is stopped. NULL is legal. */
void vs_lag_destroy(struct vs_lag *l);

/*
 * An uplink that is one device becomes one of several, and back; frames pass meanwhile, and what
 * was learned stays. @p: a VS_ROLE_UPLINK without members that registers nothing. It becomes member
 * i, in use, of a new uplink (vs_lag_uplink), which has what waits for its rate. Rates themselves,
 * punts and a worker are the caller's to give to the new one.
 * Return: the new uplink's, or NULL and errno: nothing has changed.
 */
struct vs_lag *vs_lag_above(struct vs_port *p, const char *name, uint64_t seed, unsigned i);
/*
 * Member i, the only one left, is the uplink again; the one above it is destroyed, its port too.
 * Rates stay, with what waits for them. Return: 0, or -ENOMEM: nothing has changed.
 */
int vs_lag_undo(struct vs_lag *l, unsigned i);
struct vs_port *vs_lag_uplink(const struct vs_lag *l);

/* @i: 0 .. VS_LAG_MEMBERS - 1, free. The member is neither collecting nor distributing. */
void vs_lag_join(struct vs_lag *l, unsigned i, struct vs_port *member);
/* What was held for it goes by the others. On return no worker takes its frames for the uplink's.
 */
void vs_lag_leave(struct vs_lag *l, unsigned i);

/*
 * @collect: frames that come by the member count. @distribute: frames leave by it. The slots of a
 * member that no longer distributes go to the others, their frames held until vs_lag_flushed(l, i);
 * one that begins to gets slots when it is the first, else by the next vs_lag_plan.
 * Return: vs_lag_flushed(l, i) is awaited, some milliseconds from now.
 */
bool vs_lag_use(struct vs_lag *l, unsigned i, bool collect, bool distribute);
bool vs_lag_distributes(const struct vs_lag *l, unsigned i);
unsigned vs_lag_distributing(const struct vs_lag *l);

/*
 * Even out the slots: by what each carried since the last plan (@by_load), or by their number. A
 * slot does not move before everything sent on it has left: its frames are held meanwhile.
 * Return: bit i: vs_lag_flushed(l, i) is awaited; 0: nothing is to be moved, or it needs no wait.
 */
unsigned vs_lag_plan(struct vs_lag *l, bool by_load);
/* What was sent by member i has arrived, or has had time enough: slots that leave it go on. */
void vs_lag_flushed(struct vs_lag *l, unsigned i);

struct vs_lag_slot {
	uint8_t member;			  /* VS_LAG_NOBODY: none distributes */
	uint64_t frames, bytes;		  /* since the last plan by load */
	uint64_t last_frames, last_bytes; /* in the interval before */
};
void vs_lag_slots(const struct vs_lag *l, struct vs_lag_slot out[VS_LAG_SLOTS]);

struct vs_lag_stats {
	uint64_t moves;	       /* slots moved by plans */
	uint64_t remaps;       /* slots moved because a member was lost */
	uint64_t held;	       /* frames held until their slot had moved */
	uint64_t held_dropped; /* for which there was no room */
};
void vs_lag_stats(const struct vs_lag *l, struct vs_lag_stats *out);

/*
 * The hash of a frame: addresses, VLAN, IP addresses, ports of TCP, UDP and SCTP. A fragment has
 * no ports for anybody. @head: the first headlen bytes, at least 14. @vid: 0: that of the outer
 * tag, if any. Any thread.
 */
uint64_t vs_lag_hash(const uint8_t *head, unsigned headlen, uint16_t vid, uint64_t seed);

#endif
