/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the switch's cycles go, at 64 bytes packed both ways. The same sources are built once more
 * with ZLAN_STAGES (common/stage.h) into build/staged/bench, which runs the load and prints the
 * cycles of every stage; this side runs it and keeps medians. What the marks themselves cost is
 * measured and taken off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define PACKED 15u

static const char *const names[STAGE_COUNT] = {
#define X(id, name) name,
	STAGE_LIST(X)
#undef X
};

struct bench_stages {
	unsigned n;
	double v[STAGE_COUNT][BENCH_ROUNDS_MAX];
};

/* ---- the build that counts ---------------------------------------------------------------------
 */

#ifdef ZLAN_STAGES
static double cost_of_mark(void)
{
	enum { N = 1 << 20 };
	uint64_t t = bench_cycles();

	for (unsigned i = 0; i < N; i++)
		STAGE(OTHER);
	return (double)(bench_cycles() - t) / N;
}

static void load(struct bed *b, double seconds)
{
	uint8_t frame[64];
	struct guest_frame burst[4 * PACKED];
	struct guest_rx rx[128];
	uint64_t until = bench_ns() + (uint64_t)(seconds * 1e9);

	bed_frame(b, frame, sizeof(frame), 0, 1);
	for (unsigned i = 0; i < 4 * PACKED; i++)
		burst[i] = (struct guest_frame){.data = frame, .len = sizeof(frame)};
	for (unsigned turn = 0; turn % 32 || bench_ns() < until; turn++) {
		guest_tx_reclaim(b->side[0].dev, 0);
		guest_tx_frames(b->side[0].dev, 0, burst, 4 * PACKED, PACKED);
		if (guest_rx_burst(b->side[1].dev, rx, 128))
			guest_rx_release(b->side[1].dev);
	}
}

int bench_stages_child(double seconds)
{
	struct bed_config cfg = {.guests = 2, .workers = 1, .mtu = 9000};
	double mark = cost_of_mark();
	const struct bed_worker *k;
	struct bed *b;
	double frames;

	bed_fit(&cfg, 64, PACKED);
	b = bed_open(&cfg);
	k = &b->worker[0];
	load(b, seconds);
	bed_stop(b);
	frames = (double)atomic_load(&k->frames);
	for (unsigned s = 0; s < STAGE_COUNT && frames > 0; s++)
		printf("%u %f\n", s, ((double)k->stage[s] - mark * (double)k->marks[s]) / frames);
	bed_close(b);
	return 0;
}
#else
int bench_stages_child(double seconds)
{
	(void)seconds;
	return 2;
}
#endif

/* ---- this side
 * ------------------------------------------------------------------------------------ */

void bench_stages_take(struct bench_stages **s, double seconds)
{
	char command[4200];
	double cycles;
	unsigned stage;
	FILE *f;

	if (!*s)
		*s = calloc(1, sizeof(**s));
	snprintf(command, sizeof(command), "%s/staged/bench --stages %f", bench_folder(), seconds);
	f = popen(command, "r");
	while (f && fscanf(f, "%u %lf", &stage, &cycles) == 2)
		if (stage < STAGE_COUNT)
			(*s)->v[stage][(*s)->n] = cycles;
	if (f && pclose(f) == 0)
		(*s)->n++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_stage_median(struct bench_stages *s, unsigned stage, const char **name)
{
	if (!s || !s->n || stage >= STAGE_COUNT)
		return -1;
	*name = names[stage];
	qsort(s->v[stage], s->n, sizeof(double), compare);
	return s->v[stage][s->n / 2];
}

void bench_stages_table(struct bench_stages *s)
{
	const char *name = "";
	double sum = 0;

	printf("\nCycles per frame by stage: zlan, 64 bytes, packed both ways\n\n");
	if (!s->n) {
		printf("  skipped: build/staged/bench cannot be run\n");
		return;
	}
	for (unsigned i = STAGE_OTHER + 1; i < STAGE_COUNT; i++) {
		double v = bench_stage_median(s, i, &name);

		printf("  %-26s %8.1f\n", name, v);
		sum += v;
	}
	printf("  %-26s %8.1f\n", "sum", sum);
}
