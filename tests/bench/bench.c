/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cases and the rounds.
 *
 *   bench [-r ROUNDS] [-s SECONDS per run] [-o JSON] [-f FILTER: part of a subject or case name]
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "tests/bench/bench.h"

static const struct bench_case cases[] = {
	{"one frame per SBAL out", "zlan", 64, 1, bench_qdio},
	{"15 frames per SBAL out", "zlan", 64, 15, bench_qdio},
	{"copied by one core", "ring", 64, 0, bench_ring},
	{"copied by one core", "memcpy", 64, 0, bench_memcpy},
	{"one frame per SBAL out", "zlan", 512, 1, bench_qdio},
	{"15 frames per SBAL out", "zlan", 512, 15, bench_qdio},
	{"copied by one core", "ring", 512, 0, bench_ring},
	{"copied by one core", "memcpy", 512, 0, bench_memcpy},
	{"one frame per SBAL out", "zlan", 1514, 1, bench_qdio},
	{"15 frames per SBAL out", "zlan", 1514, 15, bench_qdio},
	{"copied by one core", "ring", 1514, 0, bench_ring},
	{"copied by one core", "memcpy", 1514, 0, bench_memcpy},
	{"one frame per SBAL out", "zlan", 9000, 1, bench_qdio},
	{"5 frames per SBAL out", "zlan", 9000, 5, bench_qdio},
	{"copied by one core", "ring", 9000, 0, bench_ring},
	{"copied by one core", "memcpy", 9000, 0, bench_memcpy},
	{"there and back, polling", "zlan", 64, 1, bench_qdio_latency},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

void bench_pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		fprintf(stderr, "bench: processor %u is not there: sharing one\n", cpu);
}

static bool selected(const struct bench_case *c, const char *filter)
{
	return !filter || strstr(c->name, filter) || strstr(c->subject, filter);
}

int main(int argc, char **argv)
{
	static struct bench_result result[CASES];
	const char *json = NULL, *filter = NULL;
	unsigned rounds = 5, n = 0;
	bool progress = isatty(STDERR_FILENO);
	double seconds = 0.4;
	int opt;

	while ((opt = getopt(argc, argv, "r:s:o:f:")) != -1) {
		if (opt == 'r')
			rounds = (unsigned)atoi(optarg);
		else if (opt == 's')
			seconds = atof(optarg);
		else if (opt == 'o')
			json = optarg;
		else if (opt == 'f')
			filter = optarg;
		else
			return 2;
	}
	if (rounds < 1 || rounds > BENCH_ROUNDS_MAX || seconds <= 0)
		return 2;
	rcu_register_thread();
	for (unsigned i = 0; i < CASES; i++)
		if (selected(&cases[i], filter))
			result[n++].c = &cases[i];
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned i = 0; i < n; i++) {
			if (progress)
				fprintf(stderr, "\rround %u of %u: %-8s %5u bytes, %-28s", r + 1,
					rounds, result[i].c->subject, result[i].c->frame_bytes,
					result[i].c->name);
			result[i].c->run(result[i].c, seconds, &result[i].run[r]);
			result[i].n = r + 1;
		}
	if (progress)
		fprintf(stderr, "\r%78s\r", "");
	bench_table(result, n);
	return json && bench_json(result, n, json) ? 1 : 0;
}
