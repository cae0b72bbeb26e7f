/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A short slice for a thread that mostly sleeps and is waited for when it is woken. Linux, since
 * 6.12, lets such a thread run before one with a longer slice that has begun: else it
 * waits on that one's processor until that sleeps. The share of the processor stays what it was,
 * and no privilege is needed. Source: sched(7), sched_setattr(2): sched_runtime of SCHED_OTHER, at
 * least 0.1 ms.
 */
#ifndef COMMON_SLICE_H
#define COMMON_SLICE_H

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_SHORT_NS 100000

/* The kernel's struct sched_attr, of which libc has none. */
struct slice_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* For the calling thread. Where it is refused, or means nothing, nothing changes. */
static inline void slice_shorten(void)
{
	struct slice_attr a = {0};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) || a.policy != SCHED_OTHER)
		return;
	a.size = sizeof(a);
	a.runtime = SLICE_SHORT_NS;
	syscall(SYS_sched_setattr, 0, &a, 0);
}

#endif
