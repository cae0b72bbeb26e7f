/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STAGE(FETCH): from here on a worker's cycles are spent on this stage. Nothing at all but in the
 * build of `make bench` that measures stages (ZLAN_STAGES, tests/bench/stages.c), so that what is
 * shipped does not pay for being looked at.
 */
#ifndef COMMON_STAGE_H
#define COMMON_STAGE_H

/* X(ENUM, name in the table) */
#define STAGE_LIST(X)                                                                              \
	X(OTHER, "loop")      /* the worker's loop around bursts */                                \
	X(FETCH, "fetch")     /* states and buffer lists of output queues */                       \
	X(PARSE, "parse")     /* headers and first bytes of frames */                              \
	X(ADMIT, "admit")     /* VLAN, source address */                                           \
	X(LOOKUP, "look up")  /* destination address */                                            \
	X(GROUP, "group")     /* lists by destination */                                           \
	X(DELIVER, "deliver") /* places in input buffers, copies */                                \
	X(PUBLISH, "publish") /* states stored: input buffers filled, output buffers empty */

enum stage {
#define X(id, name) STAGE_##id,
	STAGE_LIST(X)
#undef X
		STAGE_COUNT,
};

#ifdef ZLAN_STAGES
#include <stdint.h>

/* Of the thread that is measured; others spend theirs unseen. */
struct stage_clock {
	uint64_t cycles[STAGE_COUNT], marks[STAGE_COUNT];
	uint64_t last;
	enum stage now;
};
extern _Thread_local struct stage_clock stage_clock;

static inline void stage_enter(enum stage s)
{
	struct stage_clock *c = &stage_clock;
	uint64_t t = __builtin_ia32_rdtsc();

	c->cycles[c->now] += t - c->last;
	c->marks[c->now]++;
	c->last = t;
	c->now = s;
}
#define STAGE(s) stage_enter(STAGE_##s)
/* What was spent since the last mark was something else: a look that found nothing. */
#define STAGE_WAS(s) (stage_clock.now = STAGE_##s)
#else
#define STAGE(s) ((void)0)
#define STAGE_WAS(s) ((void)0)
#endif

#endif
