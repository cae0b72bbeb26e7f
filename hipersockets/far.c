/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An adapter and its LAN in different processes: hs.h, "different processes".
 *
 *   host's process     SIGA: output buffer ─ as it is ─ cable.send ┐
 *                      input buffer ◄─ hs_cable_receive ◄┐         │ units, in order
 *   the LAN's process  far.send ◄─ delivery to the adapter         │
 *                      worker: far.receive ─ judged ─ delivery ◄───┘
 *
 * The LAN's process judges: to it the host's bytes and registrations are a guest's. The host's
 * process puts what comes into the next empty buffer and asks nothing.
 *
 * When SIGA ends, the buffer is away, still primed; a byte that comes back says what came of it,
 * and then it gets its final state. No signal tells the host: it looks by itself, as at everything
 * that an IQD sender finds done (spec/qdio.md 10.3). What was put into the socket of a receiver's
 * process counts as delivered: that has an end, for a host that takes nothing fills it up, and then
 * those who send to it hear that it has no empty buffer, or, with an AOB, wait for room
 * (completion.c).
 */
#include "hipersockets/hs_priv.h"

#define HS_IOV_MAX (2 * QDIO_SBAL_ENTRIES + HS_PIECES)

/* ---- units to who is elsewhere --------------------------------------------------------------- */

static void put(struct iovec *iov, unsigned *n, const uint8_t *p, size_t len)
{
	if (len)
		iov[(*n)++] = (struct iovec){(void *)(uintptr_t)p, len};
}

static unsigned pieces_of(const struct hs_unit *u, struct iovec iov[HS_IOV_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < u->n; i++) {
		const struct hs_frame *x = &u->frame[i];

		put(iov, &n, x->hdr, sizeof(x->hdr));
		put(iov, &n, x->head, x->headlen);
		for (unsigned k = 0; k < x->pieces; k++)
			put(iov, &n, u->piece[x->piece0 + k].p, u->piece[x->piece0 + k].len);
	}
	return n;
}

enum vs_drop hs_far_send(const struct hs_far *far, const struct hs_unit *u)
{
	struct iovec iov[HS_IOV_MAX];
	unsigned n = pieces_of(u, iov);

	return far->send(far->ctx, iov, n);
}

enum vs_drop hs_cable_send(const struct hs_flow *f, const struct hs_unit *u)
{
	const struct hs_cable *c = &f->lan->cable;
	struct iovec iov[HS_IOV_MAX];
	unsigned n = pieces_of(u, iov);

	return c->send(c->ctx, iov, n);
}

/* ---- buffers that are away: out_lock is held ---------------------------------------------------
 */

void hs_cable_reset(struct hs_lan *lan)
{
	lan->away_first = lan->n_away = 0;
	memset(lan->n_away_of, 0, sizeof(lan->n_away_of));
}

/* @why: VS_DROP_NONE: the end is not known yet. */
static void leave(struct hs_lan *lan, unsigned queue, bool pci, enum vs_drop why, uint8_t entry)
{
	lan->away[(lan->away_first + lan->n_away++) % HS_AWAY_MAX] =
		(struct hs_away){.queue = (uint8_t)queue,
				 .known = why != VS_DROP_NONE,
				 .pci = pci,
				 .res = hs_result(why, entry)};
	lan->n_away_of[queue]++;
}

/* Buffers whose end is known are given back, in order. Return: a signal was asked for. */
static bool give_back(struct hs_adapter *h)
{
	struct hs_lan *lan = h->lan;
	bool signal = false;

	while (lan->n_away && lan->away[lan->away_first].known) {
		const struct hs_away *a = &lan->away[lan->away_first];

		qdio_out_complete(&h->queues->out[a->queue], &a->res, 1);
		signal |= a->pci;
		lan->n_away_of[a->queue]--;
		lan->n_away--;
		lan->away_first = (lan->away_first + 1) % HS_AWAY_MAX;
	}
	return signal;
}

unsigned hs_cable_deliver(struct hs_flow *f, unsigned queue, unsigned max)
{
	struct hs_adapter *h = f->from;
	const struct qdio_queue *q = &h->queues->out[queue];
	unsigned away = f->lan->n_away_of[queue], n = qdio_out_primed(q, QDIO_BUFFERS);
	struct hs_unit u = {.raw = true};

	if (n <= away)
		return 0;
	n = n - away < max ? n : away + max;
	for (unsigned i = away; i < n; i++) {
		uint8_t at;
		enum vs_drop why =
			hs_fetch(q, q->cursor + i, h->layer, hs_lan_frame_max(f->lan), &u, &at);

		if (why == VS_DROP_NONE) {
			why = hs_cable_send(f, &u);
			at = 0;
		}
		if (why != VS_DROP_NONE) {
			hs_count_refused(h, why);
			f->failed = true;
		}
		leave(f->lan, queue, u.pci, why, at);
	}
	hs_count(&h->tx_buffers, n - away);
	if (give_back(h))
		qdio_group_signal(osa_group(h->osa));
	return n - away;
}

static enum vs_drop drop_of(uint8_t reason)
{
	switch (reason) {
	case QDIO_REASON_NONE:
		return VS_DROP_NONE;
	case QDIO_REASON_TARGET_FULL:
		return VS_DROP_TX_NO_BUFFER;
	case QDIO_REASON_NO_TARGET:
		return VS_DROP_UNKNOWN_UNICAST;
	case QDIO_REASON_TOO_BIG:
		return VS_DROP_TX_TOO_BIG;
	default:
		return VS_DROP_RX_MALFORMED;
	}
}

/* More than are away are not looked at. */
static void learn_ends(struct hs_adapter *h, const uint8_t *reason, unsigned n)
{
	struct hs_lan *lan = h->lan;

	for (unsigned i = 0; i < lan->n_away && n; i++) {
		struct hs_away *a = &lan->away[(lan->away_first + i) % HS_AWAY_MAX];
		enum vs_drop why;

		if (a->known)
			continue;
		why = drop_of(*reason++);
		n--;
		a->known = true;
		a->res = hs_result(why, 0);
		if (why != VS_DROP_NONE)
			hs_count_refused(h, why);
	}
}

void hs_cable_results(struct hs_adapter *h, const uint8_t *reason, unsigned n)
{
	struct hs_lan *lan = atomic_load_explicit(&h->plugged, memory_order_acquire);
	bool signal = false;

	if (!lan)
		return;
	pthread_rwlock_rdlock(&lan->lock);
	if (h->running) {
		pthread_mutex_lock(&h->out_lock);
		learn_ends(h, reason, n);
		signal = give_back(h);
		pthread_mutex_unlock(&h->out_lock);
	}
	pthread_rwlock_unlock(&lan->lock);
	if (signal)
		qdio_group_signal(osa_group(h->osa));
}

/* ---- where the LAN is: a port of its switch ----------------------------------------------------
 */

void hs_far_want_room(struct hs_adapter *h, bool want)
{
	h->far.want_room(h->far.ctx, want);
}

static unsigned port_forward(void *port, const struct vs_direct *d)
{
	struct hs_adapter *h = port;
	struct hs_lan *lan = h->lan;
	struct hs_flow f = {.lan = lan, .from = h, .d = d};
	const uint8_t *p;
	uint32_t len = h->far.receive(h->far.ctx, &p);
	uint8_t reason[HS_BURST];
	struct hs_unit u;
	unsigned n = 0, served;

	if (!len && !atomic_load_explicit(&h->n_for_us, memory_order_relaxed))
		return 0;
	pthread_rwlock_rdlock(&lan->lock);
	pthread_mutex_lock(&h->out_lock);
	served = hs_wait_run(&f, h);
	memcpy(u.mac, h->mac, sizeof(u.mac));
	u.raw = false;
	while (len) {
		reason[n] = hs_deliver_far(&f, &u,
					   hs_unpack(p, len, h->layer, hs_lan_frame_max(lan), &u));
		/* Not one more than are delivered in this turn: it would be lost. */
		len = ++n < HS_BURST ? h->far.receive(h->far.ctx, &p) : 0;
	}
	hs_flow_end(&f);
	pthread_mutex_unlock(&h->out_lock);
	pthread_rwlock_unlock(&lan->lock);
	if (n && h->far.results)
		h->far.results(h->far.ctx, reason, n);
	hs_count_sent(&f);
	return n + served;
}

static bool port_arm(void *port)
{
	const struct hs_adapter *h = port;

	return h->far.arm(h->far.ctx);
}

static int port_wait_fd(void *port)
{
	const struct hs_adapter *h = port;

	return h->far.wait_fd(h->far.ctx);
}

static uint32_t port_frame_max(void *port)
{
	return hs_lan_frame_max(((const struct hs_adapter *)port)->lan);
}

const struct vs_port_ops hs_far_port_ops = {
	.kind = "IQD",
	.rx_burst = hs_port_no_rx,
	.rx_done = hs_port_no_rx_done,
	.tx_burst = hs_port_no_tx,
	.arm = port_arm,
	.disarm = hs_port_no_disarm,
	.wait_fd = port_wait_fd,
	.caps = hs_port_no_caps,
	.frame_max = port_frame_max,
	.forward = port_forward,
};

void hs_far_layer(struct hs_adapter *h, uint8_t layer)
{
	h->far_layer = layer;
}

int hs_event(struct hs_adapter *h, uint8_t command, const void *data, size_t len)
{
	if (h->osa)
		return osa_ipa_event(h->osa, command, data, len);
	h->far.event(h->far.ctx, command, data, len);
	return 0;
}

/* ---- where the host is --------------------------------------------------------------------------
 */

bool hs_cable_receive(struct hs_adapter *h, const uint8_t *p, uint32_t len)
{
	struct hs_lan *lan = atomic_load_explicit(&h->plugged, memory_order_acquire);
	enum vs_drop why = VS_DROP_NONE;
	struct hs_flow f = {.lan = lan};
	struct hs_unit u;

	if (!lan)
		return true;
	u.raw = true;
	pthread_rwlock_rdlock(&lan->lock);
	if (h->running && hs_unpack(p, len, 0, hs_lan_frame_max(lan), &u) == VS_DROP_NONE)
		why = hs_give(&f, h, &u);
	hs_flow_end(&f);
	pthread_rwlock_unlock(&lan->lock);
	return why != VS_DROP_TX_NO_BUFFER;
}
