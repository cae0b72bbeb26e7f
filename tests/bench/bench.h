/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make bench: how fast frames go from guest to guest, beside what the machine could do at
 * best. Every subject is run in turn, round after round, and the table shows medians, so that a
 * change of the machine's speed meets all of them.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 31

/* What one run of one subject measured. */
struct bench_sample {
	double frames_per_s;
	double gbit_per_s;
	double cycles_per_frame; /* of the switch's core, busy time only; 0: not measured */
	double latency_us;	 /* median round trip; 0: not measured */
	double latency_p999_us;
	bool wrong; /* contents were damaged or frames are unaccounted for */
};

struct bench_case {
	const char *name;    /* "packed 15/packed" */
	const char *subject; /* "zlan", "memcpy", "ring" */
	uint32_t frame_bytes;
	unsigned per_sbal;
	void (*run)(const struct bench_case *c, double seconds, struct bench_sample *out);
};

/* Processors: the switch on one, the guests on the other; equal on a machine with one. */
#define BENCH_CPU_SWITCH 0
#define BENCH_CPU_GUEST 1
void bench_pin(unsigned cpu);

static inline uint64_t bench_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t bench_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return bench_ns();
#endif
}

void bench_qdio(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_qdio_latency(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_memcpy(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_ring(const struct bench_case *c, double seconds, struct bench_sample *out);

/* report.c */
struct bench_result {
	const struct bench_case *c;
	unsigned n;
	struct bench_sample run[BENCH_ROUNDS_MAX];
};
void bench_table(const struct bench_result *r, unsigned n);
int bench_json(const struct bench_result *r, unsigned n, const char *path);

#endif
