/* SPDX-License-Identifier: Apache-2.0 */
/* A clock for accounting, as cheap as the processor has one: its unit is the machine's. */
#ifndef COMMON_CYCLES_H
#define COMMON_CYCLES_H

#include <stdint.h>
#include <time.h>

static inline uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
#endif
}

#endif
