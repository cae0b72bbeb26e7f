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
 * When SIGA ends, the buffer has left: that it reached nobody is counted where the LAN is, and
 * the sender does not hear of it. What waits is on the way between the processes, and has
 * an end: a host that takes nothing fills it up, and then those who send to it hear that it has no
 * empty buffer, as of any other.
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

/* ---- where the LAN is: a port of its switch ----------------------------------------------------
 */

static unsigned port_forward(void *port, const struct vs_direct *d)
{
	struct hs_adapter *h = port;
	struct hs_lan *lan = h->lan;
	struct hs_flow f = {.lan = lan, .from = h, .d = d};
	const uint8_t *p;
	uint32_t len = h->far.receive(h->far.ctx, &p);
	struct hs_unit u;
	unsigned n = 0;

	if (!len)
		return 0;
	pthread_rwlock_rdlock(&lan->lock);
	pthread_mutex_lock(&h->out_lock);
	memcpy(u.mac, h->mac, sizeof(u.mac));
	u.raw = false;
	while (len) {
		hs_deliver_far(&f, &u, hs_unpack(p, len, h->layer, hs_lan_frame_max(lan), &u));
		/* Not one more than are delivered in this turn: it would be lost. */
		len = ++n < HS_BURST ? h->far.receive(h->far.ctx, &p) : 0;
	}
	hs_flow_end(&f);
	pthread_mutex_unlock(&h->out_lock);
	pthread_rwlock_unlock(&lan->lock);
	hs_count_sent(&f);
	return n;
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
