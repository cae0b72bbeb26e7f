/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest to guest over QDIO: two adapters on one VLAN-aware switch, MAC protection on. The
 * switch's worker runs on one core; both guests, driven by the independent driver, on
 * the other. The guest writes every frame it sends, and looks at every frame it gets; the
 * contents of some are compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"
#include "tests/bench/features.h"

#define CHECK_EVERY 61	     /* frames of which one is compared */
#define WARM_UP_NS 10000000u /* storage is touched for the first time */

static struct bed_config config_of(const struct bench_case *c)
{
	struct bed_config cfg = {.guests = 2,
				 .workers = 1,
				 .mtu = c->frame_bytes > 9014 ? 57344 : 9000,
				 .in_bytes = c->in_bytes,
				 .hipers = c->hipers,
				 .layer3 = c->layer3};

	bed_fit(&cfg, c->frame_bytes, c->per_sbal);
	return cfg;
}

/*
 * Frames to send before it looks for what arrived: few of the buffers, so that the switch copies
 * some while others are being written.
 */
static unsigned at_once(const struct bench_case *c, unsigned window)
{
	unsigned sbals = 64 / c->per_sbal;

	if (sbals > window / 4)
		sbals = window / 4;
	return (sbals ? sbals : 1) * c->per_sbal;
}

struct traffic {
	uint64_t sent, got, checked, bad;
};

static void receive(struct bed *b, const uint8_t *frame, uint32_t len, struct traffic *t)
{
	struct guest_rx rx[128];
	unsigned n = guest_rx_burst(b->side[1].dev, rx, 128);

	for (unsigned i = 0; i < n; i++) {
		t->bad += rx[i].len != len;
		if ((t->got + i) % CHECK_EVERY == 0 && rx[i].len == len) {
			t->checked++;
			t->bad += memcmp(rx[i].data, frame, len) != 0;
		}
	}
	if (n)
		guest_rx_release(b->side[1].dev);
	t->got += n;
}

/* Until the switch has nothing left to deliver: everything sent is received or counted. */
static uint64_t drain(struct bed *b, const uint8_t *frame, uint32_t len, uint64_t before,
		      struct traffic *t)
{
	struct bed_calm calm = {.n = 0};
	uint64_t dropped;

	do {
		bed_look(b, &calm);
		guest_tx_reclaim(b->side[0].dev, bed_queue(b));
		receive(b, frame, len, t);
		dropped = bed_dropped(b) - before;
	} while (t->got + dropped < t->sent && !bed_calm(b, &calm, t->got + dropped));
	return dropped;
}

/* What had been done at a moment. */
struct mark {
	uint64_t ns, got, busy, frames;
};

static struct mark mark(const struct traffic *t, const struct bed_worker *k)
{
	return (struct mark){.ns = bench_ns(),
			     .got = t->got,
			     .busy = atomic_load(&k->busy_cycles),
			     .frames = atomic_load(&k->frames)};
}

static void fill(const struct bench_case *c, struct bench_sample *out, const struct mark *from,
		 const struct mark *to)
{
	double s = (double)(to->ns - from->ns) / 1e9, busy = (double)(to->busy - from->busy);
	double frames = (double)(to->frames - from->frames), got = (double)(to->got - from->got);

	out->v[BENCH_FRAMES] = got / s;
	out->v[BENCH_GBIT] = out->v[BENCH_FRAMES] * c->frame_bytes * 8 / 1e9;
	if (frames > 0) {
		out->v[BENCH_CYCLES] = busy / frames;
		out->v[BENCH_COPYING] =
			c->frame_bytes * 8 / out->v[BENCH_CYCLES] * bench_hz() / 1e9;
	}
	out->v[BENCH_BUSY] = busy / bench_hz() / s * 100;
}

/* Send and receive until then. */
static void traffic(struct bed *b, const struct bench_case *c, const struct guest_frame *burst,
		    unsigned max, uint64_t until, struct traffic *t)
{
	/* Reading the clock costs as much as a few frames: not every time round. */
	for (unsigned turn = 0; turn % 32 || bench_ns() < until; turn++) {
		guest_tx_reclaim(b->side[0].dev, bed_queue(b));
		t->sent += guest_tx_frames(b->side[0].dev, bed_queue(b), burst, max, c->per_sbal);
		receive(b, burst[0].data, c->frame_bytes, t);
	}
}

void bench_qdio(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct bed_config cfg = config_of(c);
	struct bed *b = bed_open(&cfg);
	uint8_t *frame = malloc(c->frame_bytes);
	struct guest_frame burst[64];
	unsigned max = at_once(c, cfg.window);
	struct traffic t = {0};
	struct mark from, to;
	struct feature feature;
	uint64_t dropped, before = bed_dropped(b); /* by guests of layer 3 on their first */

	feature_on(&feature, b, c->words);
	bed_frame(b, frame, c->frame_bytes, 0, 1);
	for (unsigned i = 0; i < 64; i++)
		burst[i] = (struct guest_frame){.data = frame,
						.len = c->frame_bytes,
						.header = bed_header(b, c->frame_bytes, 1)};
	traffic(b, c, burst, max, bench_ns() + WARM_UP_NS, &t);
	from = mark(&t, &b->worker[0]);
	traffic(b, c, burst, max, from.ns + (uint64_t)(seconds * 1e9), &t);
	to = mark(&t, &b->worker[0]);
	fill(c, out, &from, &to);
	dropped = drain(b, frame, c->frame_bytes, before, &t);
	out->wrong = t.got + dropped != t.sent || t.bad || !t.checked ||
		     guest_dev_stats(b->side[1].dev)->violations;
	if (out->wrong)
		fprintf(stderr, "\n%s, %u bytes: sent %lu got %lu dropped %lu bad %lu\n", c->name,
			c->frame_bytes, t.sent, t.got, dropped, t.bad);
	free(frame);
	out->wrong |= !feature_off(&feature);
	bed_close(b);
}

/* ---- latency -------------------------------------------------------------------------------- */

static bool bounce(struct bed *b, unsigned from, const struct guest_frame *f)
{
	uint64_t until = bench_ns() + 1000000000u;
	struct guest_rx rx[4];
	unsigned n;

	guest_tx_reclaim(b->side[from].dev, bed_queue(b));
	if (!guest_tx_frames(b->side[from].dev, bed_queue(b), f, 1, 1))
		return false;
	do
		n = guest_rx_burst(b->side[!from].dev, rx, 4);
	while (!n && bench_ns() < until);
	guest_rx_release(b->side[!from].dev);
	return n == 1 && rx[0].len == f->len && !memcmp(rx[0].data, f->data, f->len);
}

void bench_qdio_latency(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	enum { MAX = 1 << 18 };
	struct bed_config cfg = config_of(c);
	struct bed *b = bed_open(&cfg);
	uint64_t *rtt = malloc(MAX * sizeof(*rtt)), until;
	struct guest_frame frame[2];
	uint8_t *bytes = calloc(2, c->frame_bytes);
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		frame[i] = (struct guest_frame){.data = bytes + i * c->frame_bytes,
						.len = c->frame_bytes};
		bed_frame(b, bytes + i * c->frame_bytes, c->frame_bytes, i, !i);
	}
	until = bench_ns() + (uint64_t)(seconds * 1e9);
	while (bench_ns() < until && n < MAX) {
		uint64_t t = bench_ns();

		if (!bounce(b, 0, &frame[0]) || !bounce(b, 1, &frame[1])) {
			out->wrong = true;
			break;
		}
		rtt[n++] = bench_ns() - t;
	}
	bench_rtt(rtt, n, out);
	free(bytes);
	free(rtt);
	bed_close(b);
}
