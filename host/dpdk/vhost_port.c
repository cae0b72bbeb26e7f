/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vhost-user guest's data path.
 *
 * Receiving: the pairs take turns, a burst each. Sending: to the pair the flow came from
 * (host/steer.c); the locks of all the pairs a burst has frames for are taken at its beginning, in
 * the order of their numbers, and each is published once at its end.
 */
#include <poll.h>
#include <unistd.h>

#include "host/dpdk/vhost_priv.h"

void vhost_call(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;

	/* It is the guest's, and may be one that blocks. */
	if (fd < 0 || poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
		return;
	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

/* ---- receiving -------------------------------------------------------------------------- */

static void give_back(struct vhost_pair *q)
{
	if (virtnet_rx_done(&q->net))
		vhost_call(q->callfd[QUEUE_OUT]);
}

static void learn(struct host_vhost *v, const struct vhost_pair *q, const struct vs_burst *b)
{
	for (unsigned i = 0; i < b->n; i++)
		steer_learn(&v->steer, steer_hash(b->head[i], b->headlen[i]), q->number);
}

static unsigned vhost_rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_vhost *v = port;

	b->n = 0;
	pthread_mutex_lock(&v->rx_lock);
	for (unsigned k = 0; k < v->n_live; k++) {
		struct vhost_pair *q;

		if (++v->turn >= v->n_live)
			v->turn = 0;
		q = v->live[v->turn];
		if (!virtnet_rx(&q->net, b, dropped))
			continue;
		idle_reset(&v->idle);
		if (!b->n) {
			give_back(q);
			continue;
		}
		if (v->n_live > 1)
			learn(v, q, b);
		v->current = q;
		return b->n; /* unlocked by rx_done */
	}
	pthread_mutex_unlock(&v->rx_lock);
	return 0;
}

static void vhost_rx_done(void *port, const struct vs_burst *b)
{
	struct host_vhost *v = port;

	(void)b;
	give_back(v->current);
	pthread_mutex_unlock(&v->rx_lock);
}

/* ---- sending ---------------------------------------------------------------------------- */

static void tx_begin(struct vhost_pair *q)
{
	pthread_mutex_lock(&q->tx_lock);
}

static void tx_end(struct vhost_pair *q)
{
	if (q->open && virtnet_tx_done(&q->net))
		vhost_call(q->callfd[QUEUE_IN]);
	pthread_mutex_unlock(&q->tx_lock);
}

static unsigned tx(struct vhost_pair *q, const struct vs_burst *b, const struct vs_ref *ref,
		   unsigned n, enum vs_drop *err)
{
	*err = VS_DROP_TX_DOWN;
	return q->open ? virtnet_tx(&q->net, b, ref, n, err) : 0;
}

/* Up to VS_BURST frames to several pairs: runs of frames for the same one, in order. */
static unsigned tx_spread(struct host_vhost *v, unsigned pairs, const struct vs_burst *b,
			  const struct vs_ref *ref, unsigned n, enum vs_drop *err)
{
	bool used[VHOST_PAIRS] = {false};
	uint8_t to[VS_BURST];
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned f = ref[i].frame;

		to[i] = (uint8_t)steer_queue(&v->steer, steer_hash(b->head[f], b->headlen[f]),
					     pairs);
		used[to[i]] = true;
	}
	for (unsigned q = 0; q < pairs; q++)
		if (used[q])
			tx_begin(v->pair[q]);
	while (done < n) {
		unsigned run = 1, sent;

		while (done + run < n && to[done + run] == to[done])
			run++;
		sent = tx(v->pair[to[done]], b, ref + done, run, err);
		done += sent;
		if (sent < run)
			break;
	}
	for (unsigned q = 0; q < pairs; q++)
		if (used[q])
			tx_end(v->pair[q]);
	/* The other queues may have room. */
	if (done < n && *err == VS_DROP_TX_NO_BUFFER)
		*err = VS_DROP_TX_QUEUE_FULL;
	return done;
}

static unsigned vhost_tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref,
			       unsigned n, enum vs_drop *err)
{
	struct host_vhost *v = port;
	/* acquire: the pairs were made before */
	unsigned pairs = atomic_load_explicit(&v->n_open, memory_order_acquire), done;

	*err = VS_DROP_TX_DOWN;
	if (!pairs)
		return 0;
	if (pairs > 1)
		return tx_spread(v, pairs, b, ref, n < VS_BURST ? n : VS_BURST, err);
	tx_begin(v->pair[0]);
	done = tx(v->pair[0], b, ref, n, err);
	tx_end(v->pair[0]);
	return done;
}

/* ---- sleeping, capabilities --------------------------------------------------------------- */

static bool vhost_arm(void *port)
{
	struct host_vhost *v = port;
	bool work = false, silent = false;

	pthread_mutex_lock(&v->rx_lock);
	for (unsigned k = 0; k < v->n_live; k++) {
		work |= vring_arm(&v->live[k]->net.out);
		silent |= v->live[k]->kickfd < 0;
	}
	/* Some guests never tell. */
	if (!work && silent)
		idle_arm(&v->idle);
	pthread_mutex_unlock(&v->rx_lock);
	return work;
}

static void vhost_disarm(void *port)
{
	struct host_vhost *v = port;

	pthread_mutex_lock(&v->rx_lock);
	for (unsigned k = 0; k < v->n_live; k++)
		vring_disarm(&v->live[k]->net.out);
	pthread_mutex_unlock(&v->rx_lock);
}

static int vhost_wait_fd(void *port)
{
	const struct host_vhost *v = port;

	return v->epoll_fd;
}

static unsigned vhost_caps(void *port)
{
	const struct host_vhost *v = port;

	return atomic_load_explicit(&v->caps, memory_order_relaxed);
}

static uint32_t vhost_frame_max(void *port)
{
	const struct host_vhost *v = port;

	return atomic_load_explicit(&v->frame_max, memory_order_relaxed);
}

const struct vs_port_ops vhost_port_ops = {
	.kind = "VHOST",
	.rx_burst = vhost_rx_burst,
	.rx_done = vhost_rx_done,
	.tx_burst = vhost_tx_burst,
	.arm = vhost_arm,
	.disarm = vhost_disarm,
	.wait_fd = vhost_wait_fd,
	.caps = vhost_caps,
	.frame_max = vhost_frame_max,
};
