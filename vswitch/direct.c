/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports that deliver by themselves, queue to queue (HiperSockets). The switch takes no decision
 * about their frames: it gives them a worker, counters and capture points.
 */
#include "vswitch/vs_priv.h"

#include <time.h>

static void direct_count(const struct vs_direct *d, void *link, const struct vs_tally *t)
{
	struct vs_port *p = link;
	struct counters *c = &p->counters[d->w->id];

	if (t->why != VS_DROP_NONE) {
		count(t->dir == VS_DIRECT_RX ? &c->rx_drop[t->why] : &c->tx_drop[t->why],
		      t->frames);
		return;
	}
	if (t->dir == VS_DIRECT_RX) {
		count(&c->rx_frames, t->frames);
		count(&c->rx_bytes, t->bytes);
		count(&c->rx_mcast, t->mcast);
	} else {
		count(&c->tx_frames, t->frames);
		count(&c->tx_bytes, t->bytes);
		count(&c->tx_mcast, t->mcast);
	}
}

static void direct_capture(const struct vs_direct *d, void *link, enum vs_direct_dir dir,
			   enum vs_drop why, uint16_t vid, const struct vs_seg *seg, unsigned n)
{
	struct vs_burst *b = &d->w->seen;
	const struct vs_ref ref = {.frame = 0, .edit = VS_EDIT_NONE};
	enum vs_capture_dir as = dir == VS_DIRECT_RX ? VS_CAPTURE_IN : VS_CAPTURE_OUT;
	uint32_t len = 0;

	if (n > UINT8_MAX)
		n = UINT8_MAX;
	for (unsigned i = 0; i < n; i++) {
		b->seg[i] = seg[i];
		len += seg[i].len;
	}
	b->n = 1;
	b->len[0] = len;
	b->headlen[0] = 0;
	b->seg0[0] = 0;
	b->nseg[0] = (uint8_t)n;
	b->tci[0] = vid;
	capture_frames(d->w, link, b, &ref, 1, why == VS_DROP_NONE ? as : VS_CAPTURE_DROP, why);
}

static void direct_done(const struct vs_direct *d, void *link)
{
	if (d->captured)
		capture_flush(d->w, ((struct vs_port *)link)->sw);
}

/* The worker's burst is free: no frame of a port that delivers by itself was fetched into it. */
static struct vs_burst *direct_burst(const struct vs_direct *d)
{
	vs_burst_forget(&d->w->burst);
	return &d->w->burst;
}

static void direct_enter(const struct vs_direct *d, void *link)
{
	struct vs_port *p = link;

	if (atomic_load_explicit(&p->running, memory_order_acquire))
		burst_enter(d->w, p);
}

static const struct vs_direct_ops direct_ops = {
	.count = direct_count,
	.capture = direct_capture,
	.done = direct_done,
	.burst = direct_burst,
	.enter = direct_enter,
};

static void look_at_clock(struct vs_worker *w)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	w->now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool direct_begin(void *link, const struct vs_burst *b, struct vs_direct *d)
{
	struct vs_port *p = link;

	if (!b->worker)
		return false;
	*d = (struct vs_direct){
		.ops = &direct_ops,
		.w = b->worker,
		.captured = atomic_load_explicit(&p->sw->captures, memory_order_acquire)};
	if (d->captured)
		look_at_clock(d->w);
	return true;
}

unsigned direct_forward(struct vs_worker *w, struct vs_port *p)
{
	struct vs_direct d = {.ops = &direct_ops,
			      .w = w,
			      .captured =
				      atomic_load_explicit(&p->sw->captures, memory_order_acquire)};
	unsigned n;

	if (!d.captured)
		return p->ops->forward(p->ctx, &d);
	look_at_clock(w);
	n = p->ops->forward(p->ctx, &d);
	capture_flush(w, p->sw);
	return n;
}
