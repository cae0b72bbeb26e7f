/* SPDX-License-Identifier: Apache-2.0 */
/* The table and build/bench.json. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

static const struct metric {
	const char *name, *unit;
	double scale; /* for the table */
	const char *heading;
	bool fewer_is_better;
} metrics[] = {
#define X(id, name, unit, scale, heading, fewer) {name, unit, scale, heading, fewer},
	BENCH_METRICS(X)
#undef X
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorted values of one metric over the runs that were not skipped. Return: how many. */
static unsigned values(const struct bench_result *r, unsigned m, double *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (!r->run[i].skipped[0])
			v[n++] = r->run[i].v[m];
	qsort(v, n, sizeof(*v), compare);
	return n;
}

/* Return: the median, 0 if it was not measured. */
static double median(const struct bench_result *r, unsigned m)
{
	double v[BENCH_RUNS_MAX];
	unsigned n = values(r, m, v);

	return n ? v[n / 2] : 0;
}

static const char *skipped(const struct bench_result *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!r->run[i].skipped[0])
			return NULL;
	return r->n ? r->run[0].skipped : "not run";
}

static bool any_wrong(const struct bench_result *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->run[i].wrong)
			return true;
	return false;
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* ---- how far the processors were from each other --------------------------------------------- */

bool bench_far(const struct bench_sample *s, double least_ns)
{
	return s->line_ns > BENCH_FAR * least_ns;
}

void bench_lines(const struct bench_result *r, unsigned n, double least_ns, unsigned again)
{
	unsigned runs = 0, far = 0;
	double most = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < r[i].n; k++) {
			const struct bench_sample *s = &r[i].run[k];

			if (s->skipped[0])
				continue;
			runs++;
			far += bench_far(s, least_ns);
			if (s->line_ns > most)
				most = s->line_ns;
		}
	if (!runs)
		return;
	printf("a cache line between the two processors and back: %.0f ns at the least, %.0f at "
	       "the "
	       "most;\n%u runs that met more than %.1f times the least were repeated, %u of %u in "
	       "the table met it still\n",
	       least_ns, most, again, BENCH_FAR, far, runs);
}

/* ---- zlan beside a peer -------------------------------------------------------------------------
 */

static const struct bench_result *zlan_of(const struct bench_result *r, unsigned n,
					  const struct bench_result *peer)
{
	for (unsigned i = 0; i < n; i++)
		if (!strncmp(r[i].c->subject, "zlan", 4) &&
		    same(r[i].c->section, peer->c->section) && same(r[i].c->name, peer->c->name) &&
		    !skipped(&r[i]))
			return &r[i];
	return NULL;
}

/* What a peer is compared by: its bar's metric, or the first that both have. */
static unsigned metric_of(const struct bench_result *peer, const struct bench_result *zlan)
{
	if (peer->c->growth > 0)
		return BENCH_CYCLES;
	if (peer->c->bar[0].at > 0)
		return peer->c->bar[0].metric;
	for (unsigned m = 0; m < BENCH_METRIC_COUNT; m++)
		if (median(peer, m) > 0 && median(zlan, m) > 0)
			return m;
	return BENCH_METRIC_COUNT;
}

/* How many times as good zlan is; 0: not known. */
static double times(const struct bench_result *zlan, const struct bench_result *peer)
{
	unsigned m = zlan ? metric_of(peer, zlan) : BENCH_METRIC_COUNT;
	double a, b;

	if (m == BENCH_METRIC_COUNT)
		return 0;
	a = median(zlan, m);
	b = median(peer, m);
	if (a <= 0 || b <= 0)
		return 0;
	return metrics[m].fewer_is_better ? b / a : a / b;
}

/* ---- the table
 * ---------------------------------------------------------------------------------------- */

static bool column_used(const struct bench_result *r, unsigned n, unsigned m)
{
	for (unsigned i = 0; i < n; i++)
		if (median(&r[i], m) > 0)
			return true;
	return false;
}

static const char *verdict(bool met)
{
	return met ? "met" : "MISSED";
}

static bool is_zlan(const struct bench_result *r)
{
	return !strncmp(r->c->subject, "zlan", 4);
}

static void put_bars(const struct bench_result *r, double ratio)
{
	bool peer = !is_zlan(r) && r->c->growth <= 0;

	if (r->c->growth > 0)
		printf("  bar <= %.2fx: %s", r->c->growth,
		       verdict(ratio > 0 && ratio <= r->c->growth));

	for (unsigned i = 0; i < 2 && r->c->bar[i].at > 0; i++) {
		const struct bench_bar *bar = &r->c->bar[i];
		const struct metric *m = &metrics[bar->metric];
		double v = median(r, bar->metric);

		if (peer) {
			printf("  bar %.2fx: %s", bar->at, verdict(ratio >= bar->at));
			return;
		}
		printf("  bar %s %.4g %s: %s", m->fewer_is_better ? "<=" : ">=", bar->at * m->scale,
		       m->heading,
		       verdict(v > 0 && (m->fewer_is_better ? v <= bar->at : v >= bar->at)));
	}
}

static void put_row(const struct bench_result *all, unsigned n, const struct bench_result *r,
		    const bool *used)
{
	double ratio = !is_zlan(r) ? times(zlan_of(all, n, r), r) : 0;

	printf("  %-22s", r->c->subject);
	if (skipped(r)) {
		printf(" skipped: %s\n", skipped(r));
		return;
	}
	for (unsigned m = 0; m < BENCH_METRIC_COUNT; m++) {
		double v = median(r, m);

		if (!used[m])
			continue;
		if (v > 0)
			printf(" %10.*f", v * metrics[m].scale < 10000 ? 2 : 0,
			       v * metrics[m].scale);
		else
			printf(" %10s", "-");
	}
	if (ratio > 0)
		printf(" %7.2fx", ratio);
	else
		printf(" %8s", "");
	put_bars(r, ratio);
	printf("%s\n", any_wrong(r) ? "  WRONG CONTENTS OR LOSS" : "");
}

static void put_section(const struct bench_result *all, unsigned total,
			const struct bench_result *r, unsigned n)
{
	bool used[BENCH_METRIC_COUNT];
	const char *last = "";

	printf("\n%-24s", r->c->section);
	for (unsigned m = 0; m < BENCH_METRIC_COUNT; m++) {
		used[m] = column_used(r, n, m);
		if (used[m])
			printf(" %10s", metrics[m].heading);
	}
	printf(" %8s\n", "zlan is");
	for (unsigned i = 0; i < n; i++) {
		if (!same(last, r[i].c->name))
			printf(" %s\n", r[i].c->name);
		last = r[i].c->name;
		put_row(all, total, &r[i], used);
	}
}

void bench_table(const struct bench_result *r, unsigned n, unsigned rounds)
{
	for (unsigned i = 0, k; i < n; i = k) {
		for (k = i; k < n && same(r[k].c->section, r[i].c->section); k++)
			;
		put_section(r, n, &r[i], k - i);
	}
	printf("\nMedians of %u interleaved rounds, of which some rows have %u short runs each. "
	       "Bytes: Ethernet header\nto end, no FCS. cycles: of the switch's processor per "
	       "frame, "
	       "at the rate of its time-stamp counter,\nwhile it had work; while busy: Gbit/s in "
	       "that "
	       "time. rtt: there and back. zlan is: how many times as\ngood as this peer.\n",
	       rounds, BENCH_TURNS);
}

/* ---- bench.json
 * --------------------------------------------------------------------------------------- */

static void put_result(json_t *list, const struct bench_result *r)
{
	const char *why = skipped(r);

	if (why) {
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "section",
						      r->c->section, "case", r->c->name, "subject",
						      r->c->subject, "skipped", why));
		return;
	}
	for (unsigned m = 0; m < BENCH_METRIC_COUNT; m++) {
		double v[BENCH_RUNS_MAX];
		unsigned n = values(r, m, v);

		if (v[n / 2] <= 0)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:f, s:f, s:f, s:i, s:b}",
					"section", r->c->section, "case", r->c->name, "subject",
					r->c->subject, "frame_bytes", (int)r->c->frame_bytes,
					"metric", metrics[m].name, "unit", metrics[m].unit,
					"median", v[n / 2], "min", v[0], "max", v[n - 1], "runs",
					(int)n, "wrong", any_wrong(r)));
	}
}

static void put_line(json_t *list, const struct bench_result *r)
{
	double v[BENCH_RUNS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		v[n++] = r->run[i].line_ns;
	if (!n || skipped(r))
		return;
	qsort(v, n, sizeof(*v), compare);
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:i}", "section",
				r->c->section, "case", r->c->name, "subject", r->c->subject,
				"metric", "cache_line_there_and_back", "unit", "ns", "median",
				v[n / 2], "min", v[0], "max", v[n - 1], "runs", (int)n));
}

static void put_stages(json_t *list, struct bench_stages *s)
{
	const char *name = "";

	for (unsigned i = 0;; i++) {
		double v = bench_stage_median(s, i, &name);

		if (v < 0)
			return;
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:f}", "section",
						"stages", "case", name, "subject", "zlan",
						"frame_bytes", 64, "metric", "cycles_per_frame",
						"unit", "cycles", "median", v));
	}
}

int bench_json(const struct bench_result *r, unsigned n, struct bench_stages *s, const char *path)
{
	json_t *list = json_array();
	int rc;

	for (unsigned i = 0; i < n; i++) {
		put_result(list, &r[i]);
		put_line(list, &r[i]);
	}
	put_stages(list, s);
	rc = json_dump_file(list, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(list);
	if (rc)
		fprintf(stderr, "bench: cannot write %s\n", path);
	return rc;
}
