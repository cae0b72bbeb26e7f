/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates that are reached: guests send as fast as they can, over QDIO, and what arrives is compared
 * with what was set; of one port, or of a group of four. The first frames spend the burst, and do
 * not count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define MEMBERS 4u
#define MEGA UINT64_C(1000000)
#define WARM_NS UINT64_C(30000000)
#define UNREACHED (1000000 * MEGA)
#define BATCH 32u

/* What one guest sent to, or got from, the others. */
struct end {
	uint8_t *frame;
	uint32_t len;
	uint64_t sent, got, bad;
	uint64_t bytes; /* that count */
};

struct run {
	struct bed *b;
	bool out;	  /* the rate is of receivers */
	unsigned members; /* guests 0 .. members - 1 have the rate, the one behind them is beside */
	struct end end[MEMBERS];
	bool counts;
	uint64_t first_ns, last_ns; /* arrivals that count; the first one's bytes do not */
};

static unsigned from(const struct run *r, unsigned m)
{
	return r->out ? r->members : m;
}

static unsigned to(const struct run *r, unsigned m)
{
	return r->out ? m : r->members;
}

static struct run run_open(const struct bench_case *c, unsigned members)
{
	struct bed_config cfg = {
		.guests = members + 1, .workers = 1, .mtu = 9000, .pool = 32, .window = 32};
	struct run r = {.b = bed_open(&cfg), .members = members, .out = !strcmp(c->words, "out")};

	for (unsigned m = 0; m < members; m++) {
		struct end *e = &r.end[m];

		/* Lengths differ in a group: bytes are shared out, not frames. */
		e->len = c->frame_bytes >> (m & 1);
		e->frame = malloc(e->len);
		bed_frame(r.b, e->frame, e->len, from(&r, m), to(&r, m));
	}
	return r;
}

/* Whose is a frame that arrived? */
static struct end *end_of(struct run *r, unsigned guest, const uint8_t *data)
{
	for (unsigned m = 0; m < r->members; m++)
		if (to(r, m) == guest && !memcmp(r->end[m].frame, data, 12))
			return &r->end[m];
	return NULL;
}

static void receive(struct run *r, unsigned guest)
{
	struct guest_rx rx[BATCH];
	struct guest_dev *dev = r->b->side[guest].dev;
	unsigned n = guest_rx_burst(dev, rx, BATCH);

	for (unsigned i = 0; i < n; i++) {
		struct end *e = end_of(r, guest, rx[i].data);

		if (!e) {
			r->end[0].bad++;
			continue;
		}
		e->got++;
		e->bad += rx[i].len != e->len;
		if (r->counts && r->first_ns)
			e->bytes += e->len;
	}
	if (!n)
		return;
	guest_rx_release(dev);
	if (r->counts) {
		r->last_ns = bench_ns();
		if (!r->first_ns)
			r->first_ns = r->last_ns;
	}
}

static void turn(struct run *r, bool send)
{
	for (unsigned m = 0; m < r->members; m++) {
		struct end *e = &r->end[m];
		struct guest_dev *dev = r->b->side[from(r, m)].dev;
		struct guest_frame f[BATCH];

		for (unsigned i = 0; i < BATCH; i++)
			f[i] = (struct guest_frame){.data = e->frame, .len = e->len};
		guest_tx_reclaim(dev, 0);
		if (send)
			e->sent += guest_tx_frames(dev, 0, f, BATCH, 4);
		receive(r, to(r, m));
	}
}

static void run_for(struct run *r, uint64_t ns)
{
	uint64_t until = bench_ns() + ns;

	while (bench_ns() < until)
		turn(r, true);
}

/* Is every frame accounted for, behind what still waits? */
static bool drained(struct run *r)
{
	struct bed_calm calm = {.n = 0};
	uint64_t sent, got, bad;

	do {
		bed_look(r->b, &calm);
		turn(r, false);
		sent = got = bad = 0;
		for (unsigned m = 0; m < r->members; m++) {
			sent += r->end[m].sent;
			got += r->end[m].got;
			bad += r->end[m].bad;
		}
		got += bed_dropped(r->b);
	} while (got != sent && !bed_calm(r->b, &calm, got));
	if (got != sent || bad)
		fprintf(stderr, "\nrates: sent %lu, got or dropped %lu, bad %lu\n", sent, got, bad);
	return got == sent && !bad;
}

static void report(const struct run *r, uint64_t bps, struct bench_sample *out)
{
	double s = (double)(r->last_ns - r->first_ns) / 1e9, mean, bits = 0;

	for (unsigned m = 0; m < r->members; m++)
		bits += (double)r->end[m].bytes * 8;
	if (s <= 0 || bits <= 0)
		return;
	mean = bits / r->members;
	out->v[BENCH_GBIT] = bits / s / 1e9;
	out->v[BENCH_OFF] = 100 * (bits / s / (double)bps - 1);
	if (out->v[BENCH_OFF] < 0)
		out->v[BENCH_OFF] = -out->v[BENCH_OFF];
	for (unsigned m = 0; m < r->members; m++) {
		double off = 100 * ((double)r->end[m].bytes * 8 / mean - 1);

		off = off < 0 ? -off : off;
		if (r->members > 1 && off > out->v[BENCH_SPREAD])
			out->v[BENCH_SPREAD] = off;
	}
}

static void run_close(struct run *r)
{
	for (unsigned m = 0; m < r->members; m++)
		free(r->end[m].frame);
	bed_close(r->b);
}

static void shape_all(const struct run *r, const struct vs_port_shaping *s)
{
	for (unsigned m = 0; m < r->members; m++)
		if (vs_port_shape(r->b->side[m].port, s))
			bench_die("setting a rate");
}

static void measure(struct run *r, uint64_t bps, double seconds, struct bench_sample *out)
{
	run_for(r, WARM_NS);
	r->counts = true;
	run_for(r, (uint64_t)(seconds * 1e9));
	r->counts = false;
	report(r, bps, out);
}

/* n Mbit/s of a port. */
void bench_rate(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct run r = run_open(c, 1);
	struct vs_rate set = {.bps = c->n * MEGA};
	struct vs_port_shaping s = {0};
	struct vs_rate *rate = r.out ? &s.out : &s.in;

	*rate = set;
	shape_all(&r, &s);
	measure(&r, set.bps, seconds, out);
	rate->bps = UNREACHED; /* what waits goes at once */
	shape_all(&r, &s);
	out->wrong = !drained(&r);
	run_close(&r);
}

/* n Mbit/s of a group of four. */
void bench_fair(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct run r = run_open(c, MEMBERS);
	struct vs_rate_group *g = vs_rate_group_create();
	struct vs_rate set = {.bps = c->n * MEGA}, none = {0};

	vs_rate_group_set(g, r.out ? &none : &set, r.out ? &set : &none);
	shape_all(&r, &(struct vs_port_shaping){.group = g});
	measure(&r, set.bps, seconds, out);
	set.bps = UNREACHED;
	vs_rate_group_set(g, r.out ? &none : &set, r.out ? &set : &none);
	out->wrong = !drained(&r);
	bed_stop(r.b);
	shape_all(&r, &(struct vs_port_shaping){0});
	run_close(&r);
	vs_rate_group_destroy(g);
}
