/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a burst: admit (admit.c), look up and group by destination (group.c), deliver
 * (deliver.c). switch.c tells the whole story. Each stage is a loop over the burst, so that the
 * cache misses of one stage overlap; a frame once dropped stays in the arrays and is skipped.
 *
 * The plain variant is what a switch runs that has no captures and no extras. The full one has
 * captures, rates, counters of VLANs and mirrors (extra.c), and uplinks of several devices. IP mode
 * is the extra that many switches have as their only one: there is a variant for it. Ports
 * with special bits have variants of their own: their frames are admitted one by one.
 */
#include "vswitch/burst.h"

#include <string.h>
#include <time.h>

INLINE void count_drops(struct flow *f, const bool capture)
{
	for (uint64_t m = f->dropped; __builtin_expect(m != 0, 0); m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		enum vs_drop d = f->w->drop[i];
		struct vs_ref ref = {.frame = (uint8_t)i};

		if (d == DROP_TAKEN)
			continue;
		count(&f->ctr->rx_drop[d], 1);
		if (capture)
			capture_frames(f->w, f->rx, f->b, &ref, 1, VS_CAPTURE_DROP, d);
	}
}

static void capture_in(struct flow *f)
{
	struct vs_ref ref[VS_BURST];

	if (!atomic_load_explicit(&f->sw->captures, memory_order_acquire))
		return;
	f->w->now_ns = burst_realtime_ns();
	for (unsigned i = 0; i < f->b->n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i};
	capture_frames(f->w, f->rx, f->b, ref, f->b->n, VS_CAPTURE_IN, VS_DROP_NONE);
}

INLINE void forward(struct flow *f, const enum variant v, const unsigned how)
{
	const bool full = v == VARIANT_FULL;

	STAGE(ADMIT);
	burst_admit(f, how);
	if (full) /* as they came; their VLANs are known now */
		capture_in(f);
	if (how & ADMIT_SPECIAL)
		punt_flush(f->sw);
	if (full)
		extra_admitted(f);
	else if (v == VARIANT_IP)
		ipmode_admitted(f);
	burst_group(f);
	if (full)
		extra_grouped(f);
	count_drops(f, full);
	STAGE(DELIVER);
	burst_deliver(f, v);
	if (full)
		capture_flush(f->w, f->sw);
}

/*
 * Trains of frames from one source are the rule: the last good one is remembered for frames
 * of the port's own VLAN, with the generation of the registrations it was checked against. A
 * learning port looks again every second, to keep the entry young.
 */
static uint32_t source_generation(const struct vs_port *in)
{
	uint32_t gen = atomic_load_explicit(&in->sw->generation, memory_order_acquire);

	if (in->learning)
		gen ^= atomic_load_explicit(&in->sw->now_s, memory_order_relaxed) << 12;
	return gen;
}

/* A member in use listens to what its uplink is asked for as well. */
static unsigned special_of(struct vs_port *p, struct vs_port *up)
{
	unsigned special = atomic_load_explicit(&p->special, memory_order_relaxed);

	if (up && !(special & PORT_STANDBY))
		special |= atomic_load_explicit(&up->special, memory_order_relaxed);
	return special;
}

struct flow burst_flow(struct vs_worker *w, struct vs_port *p)
{
	struct vs_port *up = atomic_load_explicit(&p->up, memory_order_acquire);
	struct vs_port *in = up ? up : p;
	uint32_t gen = source_generation(in);

	return (struct flow){.w = w,
			     .rx = p,
			     .in = in,
			     .self = in,
			     .sw = p->sw,
			     .b = &w->burst,
			     .rules = rules_of(in),
			     .special = special_of(p, up),
			     .gen = gen,
			     .ctr = counters_of(w, p)};
}

static void forward_plain(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = burst_flow(w, p);

	forward(&f, VARIANT_PLAIN, 0);
}

static __attribute__((noinline)) void forward_special(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = burst_flow(w, p);

	forward(&f, VARIANT_PLAIN, ADMIT_SPECIAL);
}

static __attribute__((noinline)) void forward_full(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = burst_flow(w, p);

	if (f.special)
		forward(&f, VARIANT_FULL, ADMIT_SPECIAL);
	else
		forward(&f, VARIANT_FULL, 0);
}

static __attribute__((noinline)) void forward_ip(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = burst_flow(w, p);

	forward(&f, VARIANT_IP, 0);
}

/* What the port dropped by itself. The worker's array is all zero again afterwards. */
static void count_malformed(struct counters *c, uint64_t *dropped)
{
	static const uint64_t none[VS_DROP_COUNT];

	if (__builtin_expect(!memcmp(dropped, none, sizeof(none)), 1))
		return;
	for (unsigned d = 0; d < VS_DROP_COUNT; d++) {
		if (dropped[d])
			count(&c->rx_drop[d], dropped[d]);
		dropped[d] = 0;
	}
}

/* Captures and extras need what the plain code leaves out. */
static bool is_plain(const struct vs_switch *sw)
{
	return !atomic_load_explicit(&sw->captures, memory_order_acquire) &&
	       !atomic_load_explicit(&sw->extras, memory_order_acquire);
}

/* Nothing but IP mode, which counts as one extra. */
static bool is_plain_ip(const struct vs_port *p)
{
	return p->sw->ip && atomic_load_explicit(&p->sw->extras, memory_order_acquire) == 1 &&
	       !atomic_load_explicit(&p->sw->captures, memory_order_acquire) &&
	       !atomic_load_explicit(&p->special, memory_order_relaxed);
}

static __attribute__((noinline)) void forward_extra(struct vs_worker *w, struct vs_port *p)
{
	if (is_plain_ip(p))
		forward_ip(w, p);
	else
		forward_full(w, p);
}

INLINE void forward_any(struct vs_worker *w, struct vs_port *p)
{
	if (!is_plain(p->sw))
		forward_extra(w, p);
	else if (atomic_load_explicit(&p->special, memory_order_relaxed))
		forward_special(w, p);
	else
		forward_plain(w, p);
}

INLINE unsigned fetch_and_forward(struct vs_worker *w, struct vs_port *p)
{
	struct vs_burst *b = &w->burst;
	unsigned n;

	vs_burst_forget(b);
	n = p->ops->rx_burst(p->ctx, b, w->dropped);
	count_malformed(counters_of(w, p), w->dropped);
	if (!n)
		return 0;
	forward_any(w, p);
	STAGE(PUBLISH);
	p->ops->rx_done(p->ctx, b);
	STAGE(OTHER);
	return n;
}

void burst_enter(struct vs_worker *w, struct vs_port *p)
{
	forward_any(w, p);
}

unsigned burst_fetch(struct vs_worker *w, struct vs_port *p)
{
	return fetch_and_forward(w, p);
}

unsigned burst_forward(struct vs_worker *w, struct vs_port *p)
{
	struct shaper *s = atomic_load_explicit(&p->shaper, memory_order_acquire);

	if (!atomic_load_explicit(&p->running, memory_order_acquire))
		return 0;
	/* Rates are for what passes through the switch: these frames do not. */
	if (__builtin_expect(p->ops->forward != NULL, 0))
		return direct_forward(w, p);
	if (__builtin_expect(s != NULL, 0))
		return shape_forward(w, p, s);
	return fetch_and_forward(w, p);
}
