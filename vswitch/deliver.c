/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery: each destination's list is handed over once; what a receiver cannot do by itself is
 * done on the way (offload.c). An uplink of several devices gets its list in parts (lag.c).
 */
#include "vswitch/burst.h"

#include <errno.h>
#include <time.h>

#include "vswitch/lag.h"

const int8_t burst_edit_bytes[] = {[VS_EDIT_NONE] = 0,
				   [VS_EDIT_STRIP] = -VLAN_HLEN,
				   [VS_EDIT_PUSH] = VLAN_HLEN,
				   [VS_EDIT_RETAG] = 0};

uint64_t burst_realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void burst_refuse(struct flow *f, struct vs_port *to, const struct vs_burst *b,
		  const struct vs_ref *ref, unsigned n, enum vs_drop why, bool capture)
{
	if (!n)
		return;
	count(&counters_of(f->w, to)->tx_drop[why], n);
	if (capture)
		capture_frames(f->w, to, b, ref, n, VS_CAPTURE_DROP, why);
}

static void count_sent(struct counters *c, const struct vs_burst *b, const struct vs_ref *ref,
		       unsigned n)
{
	uint64_t bytes = 0, mcast = 0;

	for (unsigned k = 0; k < n; k++) {
		bytes += b->len[ref[k].frame];
		bytes += (uint64_t)(int64_t)burst_edit_bytes[ref[k].edit];
		mcast += b->head[ref[k].frame][0] & 1;
	}
	count(&c->tx_frames, n);
	count(&c->tx_bytes, bytes);
	if (mcast)
		count(&c->tx_mcast, mcast);
}

/* How many frames are lost with the first one not taken: it alone, or all that are left. */
static unsigned lost_with(enum vs_drop why, unsigned left)
{
	bool only_it = why == VS_DROP_TX_TOO_BIG || why == VS_DROP_TX_ERROR ||
		       why == VS_DROP_TX_QUEUE_FULL;

	return only_it ? 1 : left;
}

/* Frames that need nothing more: hand them over and count. With keep, those that find no room are
 * left. Return: how many are done with. */
INLINE unsigned send(struct flow *f, struct vs_port *to, const struct vs_burst *b,
		     const struct vs_ref *ref, unsigned n, const bool keep, const bool capture)
{
	const unsigned all = n;

	while (n) {
		enum vs_drop why = VS_DROP_TX_NO_BUFFER;
		unsigned sent = to->ops->tx_burst(to->ctx, b, ref, n, &why);
		unsigned lost;

		count_sent(counters_of(f->w, to), b, ref, sent);
		if (capture && sent)
			capture_frames(f->w, to, b, ref, sent, VS_CAPTURE_OUT, VS_DROP_NONE);
		if (sent == n)
			return all;
		if (keep && why == VS_DROP_TX_NO_BUFFER)
			return all - n + sent;
		lost = lost_with(why, n - sent);
		burst_refuse(f, to, b, ref + sent, lost, why, capture);
		ref += sent + lost;
		n -= sent + lost;
	}
	return all;
}

/* Frames that need nothing more, nor are looked at on the way: hand them over and count. */
INLINE void send_plain(struct flow *f, struct out *o)
{
	struct vs_port *to = o->p;
	struct counters *c = counters_of(f->w, to);
	enum vs_drop why = VS_DROP_TX_NO_BUFFER;
	unsigned sent = to->ops->tx_burst(to->ctx, f->b, o->ref, o->n, &why);

	if (__builtin_expect(sent == o->n, 1)) {
		count(&c->tx_frames, sent);
		count(&c->tx_bytes, o->bytes);
		if (o->groups)
			count(&c->tx_mcast, o->groups);
	} else {
		count_sent(c, f->b, o->ref, sent);
	}
	if (__builtin_expect(sent < o->n, 0)) {
		unsigned lost = lost_with(why, o->n - sent);

		burst_refuse(f, to, f->b, o->ref + sent, lost, why, false);
		sent += lost;
		send(f, to, f->b, o->ref + sent, o->n - sent, false, false);
	}
}

/* A frame to be cut: its segments are a burst of their own, sent in pieces. */
static void send_cut(struct flow *f, struct vs_port *to, struct vs_ref ref, uint32_t frame_max,
		     const bool capture)
{
	struct vs_burst *cut = &f->w->cut;
	struct vs_ref seg[VS_BURST];
	unsigned skip = 0, n;

	while ((n = offload_segment(f->b, ref.frame, cut, &skip))) {
		for (unsigned k = 0; k < n; k++) {
			cut->tci[k] = f->b->tci[ref.frame];
			seg[k] = (struct vs_ref){.frame = (uint8_t)k, .edit = ref.edit};
		}
		/* All are as long as the first, or shorter. */
		if ((int64_t)cut->len[0] + burst_edit_bytes[ref.edit] > (int64_t)frame_max)
			burst_refuse(f, to, cut, seg, n, VS_DROP_TX_TOO_BIG, capture);
		else
			send(f, to, cut, seg, n, false, capture);
	}
	if (!skip)
		burst_refuse(f, to, f->b, &ref, 1, VS_DROP_RX_MALFORMED, capture);
}

/* Sort out what one frame needs before it may be sent; the unusual case. */
static enum vs_drop prepare(struct flow *f, unsigned i, unsigned caps, uint32_t frame_max,
			    bool *cut)
{
	struct vs_burst *b = f->b;
	unsigned flags = b->flags[i];
	unsigned gso = flags & VS_F_GSO;

	*cut = (gso & VS_F_GSO_TCP4 && !(caps & VS_CAP_GSO_TCP4)) ||
	       (gso & VS_F_GSO_TCP6 && !(caps & VS_CAP_GSO_TCP6)) ||
	       (gso && b->len[i] > VS_GSO_FRAME_MAX);
	if (*cut)
		return VS_DROP_NONE;
	if (!gso && b->len[i] > frame_max)
		return VS_DROP_TX_TOO_BIG;
	if (flags & VS_F_CSUM_NEEDED && !(caps & VS_CAP_CSUM_NEEDED))
		return offload_checksum(b, i);
	return VS_DROP_NONE;
}

static unsigned send_unusual(struct flow *f, struct vs_port *to, const struct vs_ref *ref,
			     unsigned n, uint32_t frame_max, const bool keep, const bool capture)
{
	unsigned caps = to->ops->caps(to->ctx), from = 0, done;

	for (unsigned k = 0; k < n; k++) {
		bool cut;
		enum vs_drop d = prepare(f, ref[k].frame, caps, frame_max, &cut);

		if (d == VS_DROP_NONE && !cut)
			continue;
		/* Keep the order: what stands before goes first. */
		if (k > from) {
			done = send(f, to, f->b, &ref[from], k - from, keep, capture);
			if (from + done < k)
				return from + done;
		}
		if (cut)
			send_cut(f, to, ref[k], frame_max, capture);
		else
			burst_refuse(f, to, f->b, &ref[k], 1, d, capture);
		from = k + 1;
	}
	if (n > from)
		from += send(f, to, f->b, &ref[from], n - from, keep, capture);
	return from;
}

INLINE unsigned send_to(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n,
			const bool keep, const bool capture)
{
	uint32_t frame_max = to->ops->frame_max(to->ctx);
	unsigned unusual = f->flags & (VS_F_GSO | VS_F_CSUM_NEEDED);

	if (!unusual && f->len_max <= frame_max)
		return send(f, to, f->b, ref, n, keep, capture);
	return send_unusual(f, to, ref, n, frame_max, keep, capture);
}

/* The uplink has several devices: each gets its part, in order. Nothing is kept for later. */
static void spread(struct flow *f, struct vs_port *up, struct vs_lag *lag, const struct vs_ref *ref,
		   unsigned n)
{
	struct vs_ref part[VS_BURST];
	uint8_t to[VS_BURST];

	lag_spread(lag, f->w->id, f->b, ref, n, to);
	for (unsigned k = 0; k < n; k++) {
		uint8_t member = to[k];
		struct vs_port *p;
		unsigned parts = 0;

		if (member == LAG_HELD)
			continue;
		for (unsigned j = k; j < n; j++)
			if (to[j] == member) {
				part[parts++] = ref[j];
				to[j] = LAG_HELD;
			}
		p = member < VS_LAG_MEMBERS ? lag_member(lag, member) : NULL;
		if (p)
			send_to(f, p, part, parts, false, true);
		else
			burst_refuse(f, up, f->b, part, parts,
				     member == LAG_FULL ? VS_DROP_TX_NO_BUFFER : VS_DROP_TX_DOWN,
				     true);
	}
}

/* To a port, or to the devices of an uplink. Return: as send. */
static unsigned send_full(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n,
			  bool keep)
{
	struct vs_lag *lag = atomic_load_explicit(&to->lag, memory_order_acquire);

	if (!lag)
		return send_to(f, to, ref, n, keep, true);
	spread(f, to, lag, ref, n);
	return n;
}

/* Ports with rates or queues, uplinks with several devices, captured switches. */
void burst_list(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n)
{
	struct shaper *s = atomic_load_explicit(&to->shaper, memory_order_acquire);

	if (s && shape_queues(s))
		shape_deliver(f->w, f->in, to, s, f->b, ref, n);
	else
		send_full(f, to, ref, n, false);
}

INLINE void deliver_plain(struct flow *f, struct out *o, unsigned unusual)
{
	if (!unusual && f->len_max <= o->p->ops->frame_max(o->p->ctx))
		send_plain(f, o);
	else
		send_to(f, o->p, o->ref, o->n, false, false);
}

void burst_send_plain(struct flow *f, struct out *o)
{
	deliver_plain(f, o, f->flags & (VS_F_GSO | VS_F_CSUM_NEEDED));
}

/* What the plain variant does not know. */
static __attribute__((noinline)) void deliver_extra(struct flow *f, struct out *o, enum variant v)
{
	if (f->sw->ip && o->rules->uplink)
		ipmode_leave(f, o, v);
	else if (v == VARIANT_IP)
		burst_send_plain(f, o);
	else
		burst_list(f, o->p, o->ref, o->n);
}

void burst_deliver(struct flow *f, enum variant v)
{
	struct vs_worker *w = f->w;
	unsigned unusual = f->flags & (VS_F_GSO | VS_F_CSUM_NEEDED);

	for (unsigned k = 0; k < w->n_out; k++) {
		struct out *o = &w->out[k];

		w->out_of[o->p->index] = OUT_NONE;
		if (!o->n)
			continue;
		if (v != VARIANT_PLAIN)
			deliver_extra(f, o, v);
		else
			deliver_plain(f, o, unusual);
	}
	w->n_out = 0;
}

unsigned burst_pass(struct vs_worker *w, struct vs_port *to, struct vs_burst *b,
		    const struct vs_ref *ref, unsigned n, bool keep)
{
	struct flow f = {.w = w, .sw = to->sw, .b = b};
	unsigned done;

	for (unsigned k = 0; k < n; k++) {
		f.flags |= b->flags[ref[k].frame];
		if (b->len[ref[k].frame] > f.len_max)
			f.len_max = b->len[ref[k].frame];
	}
	if (!atomic_load_explicit(&to->sw->captures, memory_order_acquire))
		return send_full(&f, to, ref, n, keep);
	if (b == &w->queued) /* else its time is that of the burst it is part of */
		w->now_ns = burst_realtime_ns();
	done = send_full(&f, to, ref, n, keep);
	if (b == &w->queued)
		capture_flush(w, to->sw);
	return done;
}

/* One frame for one port, or for an uplink of several devices. */
static void send_one(struct vs_worker *w, struct vs_port *to, struct vs_ref ref)
{
	struct flow f = burst_flow(w, to);

	f.flags = w->burst.flags[0];
	f.len_max = w->burst.len[0];
	if (atomic_load_explicit(&to->sw->captures, memory_order_acquire))
		w->now_ns = burst_realtime_ns();
	send_full(&f, to, &ref, 1, false);
	capture_flush(w, to->sw);
}

int burst_send(struct vs_worker *w, struct vs_port *to, struct vs_ref ref)
{
	struct counters *c = counters_of(w, to);
	uint64_t before = atomic_load_explicit(&c->tx_frames, memory_order_relaxed);

	if (w->burst.len[0] > to->ops->frame_max(to->ctx))
		return -EMSGSIZE;
	send_one(w, to, ref);
	if (atomic_load_explicit(&to->lag, memory_order_relaxed))
		return 0;
	if (atomic_load_explicit(&c->tx_frames, memory_order_relaxed) == before)
		return -ENOBUFS;
	count(&c->tx_control, 1);
	return 0;
}

void burst_release(struct vs_worker *w, struct vs_port *uplink, struct vs_port *to,
		   struct vs_ref ref)
{
	struct flow f = burst_flow(w, uplink);

	if (to)
		send_one(w, to, ref);
	else
		burst_refuse(&f, uplink, f.b, &ref, 1, VS_DROP_TX_DOWN, true);
}
