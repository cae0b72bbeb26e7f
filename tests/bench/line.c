/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cache line costs between the two processors. Whoever moves frames between two cores pays
 * it for every line; on a virtual machine it changes by a factor of five within seconds, with
 * where the host lets the processors run, and everything measured meanwhile changes with it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define ROUND_TRIPS 4000u

static _Alignas(128) _Atomic unsigned turn;

static void wait_for(unsigned at)
{
	while (atomic_load_explicit(&turn, memory_order_acquire) != at)
		;
}

static void *other_side(void *arg)
{
	(void)arg;
	bench_pin(BENCH_CPU_GUEST);
	for (unsigned i = 1; i < 2 * ROUND_TRIPS; i += 2) {
		wait_for(i);
		atomic_store_explicit(&turn, i + 1, memory_order_release);
	}
	return NULL;
}

static void *this_side(void *arg)
{
	double *ns = arg;
	uint64_t begin = 0;

	bench_pin(BENCH_CPU_SWITCH);
	for (unsigned i = 0; i < 2 * ROUND_TRIPS; i += 2) {
		wait_for(i);
		if (!i)
			begin = bench_ns();
		atomic_store_explicit(&turn, i + 1, memory_order_release);
	}
	wait_for(2 * ROUND_TRIPS);
	*ns = (double)(bench_ns() - begin) / ROUND_TRIPS;
	return NULL;
}

double bench_line_ns(void)
{
	pthread_t a, b;
	double ns = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return 0;
	atomic_store(&turn, 0);
	if (pthread_create(&a, NULL, other_side, NULL) || pthread_create(&b, NULL, this_side, &ns))
		bench_die("starting a thread");
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	return ns;
}
