/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vhost-user guest's data path.
 *
 * Receiving: the pairs take turns, a burst each. Sending: to the pair the flow came from
 * (host/steer.c). A burst for several pairs is sorted by them; it leases buffers of all of them
 * under their locks, taken in the order of their numbers, fills them without, and hands each pair's
 * over at once.
 */
#include <poll.h>
#include <string.h>
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

static void call_in(const struct vhost_pair *q, bool call)
{
	if (call)
		vhost_call(q->callfd[QUEUE_IN]);
}

/* A burst's frames by pair. Entries of one pair are side by side, in the order of the burst. */
struct sorted {
	struct vs_ref ref[VS_BURST];
	uint8_t place[VS_BURST]; /* in the burst */
	uint8_t to[VS_BURST];	 /* by place: the pair */
	uint8_t begin[VHOST_PAIRS + 1];
	struct vring_buf buf[VS_BURST];
	struct vring_piece piece[VS_BURST];
};

static void sort(struct sorted *s, const struct host_vhost *v, unsigned pairs,
		 const struct vs_burst *b, const struct vs_ref *ref, unsigned n)
{
	uint8_t at[VHOST_PAIRS];

	memset(s->begin, 0, pairs + 1);
	for (unsigned i = 0; i < n; i++) {
		unsigned f = ref[i].frame;

		s->to[i] = (uint8_t)steer_queue(&v->steer, steer_hash(b->head[f], b->headlen[f]),
						pairs);
		s->begin[s->to[i] + 1]++;
	}
	for (unsigned q = 0; q < pairs; q++) {
		s->begin[q + 1] = (uint8_t)(s->begin[q + 1] + s->begin[q]);
		at[q] = s->begin[q];
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned k = at[s->to[i]]++;

		s->ref[k] = ref[i];
		s->place[k] = (uint8_t)i;
	}
}

/* How many of a pair's first n entries are before a place in the burst. */
static unsigned before(const struct sorted *s, unsigned pair, unsigned n, unsigned place)
{
	while (n && s->place[s->begin[pair] + n - 1] >= place)
		n--;
	return n;
}

/* Places in all pairs for the first frames of the burst. Return: how many frames. */
static unsigned lease(struct host_vhost *v, unsigned pairs, const struct vs_burst *b,
		      struct sorted *s, unsigned n, struct virtnet_places *p)
{
	for (unsigned q = 0; q < pairs; q++) {
		unsigned k = s->begin[q], all = s->begin[q + 1] - k;
		struct virtnet *net = &v->pair[q]->net;

		p[q] = (struct virtnet_places){.buf = s->buf + k, .piece = s->piece + k};
		if (!all)
			continue;
		pthread_mutex_lock(&net->lock);
		p[q].n = net->open ? virtnet_find(net, b, s->ref + k, all, &p[q]) : 0;
		if (p[q].n < all && s->place[k + p[q].n] < n)
			n = s->place[k + p[q].n];
	}
	for (unsigned q = 0; q < pairs; q++) {
		if (s->begin[q + 1] == s->begin[q])
			continue;
		virtnet_lease(&v->pair[q]->net, &p[q], before(s, q, p[q].n, n));
		pthread_mutex_unlock(&v->pair[q]->net.lock);
	}
	return n;
}

/* Up to VS_BURST frames to several pairs. */
static unsigned tx_spread(struct host_vhost *v, unsigned pairs, const struct vs_burst *b,
			  const struct vs_ref *ref, unsigned n, enum vs_drop *err)
{
	struct virtnet_places p[VHOST_PAIRS];
	struct sorted s;
	unsigned done;

	sort(&s, v, pairs, b, ref, n);
	done = lease(v, pairs, b, &s, n, p);
	for (unsigned k = 0; k < pairs; k++)
		call_in(v->pair[k], virtnet_fill(&v->pair[k]->net, b, s.ref + s.begin[k], &p[k]));
	/* One that is unusual, or finds no room; from there on runs of frames for the same pair. */
	while (done < n) {
		struct vhost_pair *q = v->pair[s.to[done]];
		unsigned run = 1, sent;
		bool call = false;

		while (done + run < n && s.to[done + run] == s.to[done])
			run++;
		sent = virtnet_tx(&q->net, b, ref + done, run, err, &call);
		call_in(q, call);
		done += sent;
		if (sent < run)
			break;
	}
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
	bool call = false;

	*err = VS_DROP_TX_DOWN;
	if (!pairs)
		return 0;
	if (pairs > 1)
		return tx_spread(v, pairs, b, ref, n < VS_BURST ? n : VS_BURST, err);
	done = virtnet_tx(&v->pair[0]->net, b, ref, n, err, &call);
	call_in(v->pair[0], call);
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
