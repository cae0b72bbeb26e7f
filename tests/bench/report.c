/* SPDX-License-Identifier: Apache-2.0 */
/* The table and build/bench.json. */
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

struct metric {
	const char *name, *unit;
	double scale; /* for the table */
	const char *heading;
	size_t offset;
};

static const struct metric metrics[] = {
	{"frames_per_s", "1/s", 1e-6, "Mframes/s", offsetof(struct bench_sample, frames_per_s)},
	{"gbit_per_s", "Gbit/s", 1, "Gbit/s", offsetof(struct bench_sample, gbit_per_s)},
	{"cycles_per_frame", "cycles", 1, "cycles",
	 offsetof(struct bench_sample, cycles_per_frame)},
	{"latency_median", "us", 1, "rtt us", offsetof(struct bench_sample, latency_us)},
	{"latency_p99.9", "us", 1, "99.9%", offsetof(struct bench_sample, latency_p999_us)},
};
#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorted values of one metric. */
static void values(const struct bench_result *r, const struct metric *m, double *v)
{
	for (unsigned i = 0; i < r->n; i++)
		memcpy(&v[i], (const char *)&r->run[i] + m->offset, sizeof(v[i]));
	qsort(v, r->n, sizeof(*v), compare);
}

static bool any_wrong(const struct bench_result *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->run[i].wrong)
			return true;
	return false;
}

void bench_table(const struct bench_result *r, unsigned n)
{
	uint32_t last = 0;

	printf("%-8s %-26s %6s", "subject", "case", "bytes");
	for (unsigned m = 0; m < METRICS; m++)
		printf(" %10s", metrics[m].heading);
	printf("\n");
	for (unsigned i = 0; i < n; i++) {
		if (r[i].c->frame_bytes != last)
			printf("\n");
		last = r[i].c->frame_bytes;
		printf("%-8s %-26s %6u", r[i].c->subject, r[i].c->name, r[i].c->frame_bytes);
		for (unsigned m = 0; m < METRICS; m++) {
			double v[BENCH_ROUNDS_MAX] = {0};

			values(&r[i], &metrics[m], v);
			if (v[r[i].n / 2] > 0)
				printf(" %10.2f", v[r[i].n / 2] * metrics[m].scale);
			else
				printf(" %10s", "-");
		}
		printf("%s\n", any_wrong(&r[i]) ? "  WRONG CONTENTS OR LOSS" : "");
	}
	printf("\nMedians of %u interleaved runs. Bytes: Ethernet header to end, no FCS. cycles: "
	       "of the "
	       "switch's\nprocessor per frame, at the rate of its time-stamp counter, while it had "
	       "work.\n",
	       n ? r[0].n : 0);
}

int bench_json(const struct bench_result *r, unsigned n, const char *path)
{
	json_t *list = json_array();
	int rc;

	for (unsigned i = 0; i < n; i++)
		for (unsigned m = 0; m < METRICS; m++) {
			double v[BENCH_ROUNDS_MAX] = {0};

			values(&r[i], &metrics[m], v);
			if (v[r[i].n / 2] <= 0)
				continue;
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:i, s:s, s:s, s:f, s:f, s:f, s:i}", "case",
					  r[i].c->name, "subject", r[i].c->subject, "frame_bytes",
					  (int)r[i].c->frame_bytes, "metric", metrics[m].name,
					  "unit", metrics[m].unit, "median", v[r[i].n / 2], "min",
					  v[0], "max", v[r[i].n - 1], "runs", (int)r[i].n));
		}
	rc = json_dump_file(list, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(list);
	if (rc)
		fprintf(stderr, "bench: cannot write %s\n", path);
	return rc;
}
