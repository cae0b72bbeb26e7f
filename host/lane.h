/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several workers that send to one port. Each has a lane, so that what can be done side by side is;
 * and where it must be one after the other, who waits spins a little before it sleeps, because the
 * lock is held for a burst and a wake-up takes longer than that.
 */
#ifndef HOST_LANE_H
#define HOST_LANE_H

#include <pthread.h>
#include <stdatomic.h>

static inline void lane_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &a);
	pthread_mutexattr_destroy(&a);
}

/* Return: the calling thread's of n lanes. */
static inline unsigned lane_of(unsigned n)
{
	static atomic_uint threads;
	static _Thread_local unsigned number; /* plus 1 */

	if (!number)
		/* relaxed: only to be different */
		number = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
	return (number - 1) % n;
}

#endif
