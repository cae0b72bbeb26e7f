/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -netdev stream. Theory of operation:
 *
 * Receiving: one recv fills a buffer with as many frames as have come; they are handed out from
 * there in bursts, and the incomplete one at the end is moved to the front before the next recv.
 *
 * Sending: one sendmsg gathers a burst. The socket may take the first part of a frame only; the
 * rest must follow before anything else, so it is kept, and sent as soon as there is room: the
 * worker wakes for that through wait_fd, an epoll descriptor of our own that asks for writability
 * only then. Frames that find no room meanwhile are dropped and counted.
 *
 * A length that no frame can have ends the stream: nothing behind it can be found.
 *
 * Threads: rx by the one worker of the port; tx by any, under tx_lock, which also guards rest.
 */
#include "host/lane.h"
#include "host/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/be.h"
#include "host/gather.h"

#define LENGTH_BYTES 4
#define QEMU_FRAME_MAX (4096 + 65536) /* NET_BUFSIZE: what QEMU itself takes for a frame */
#define RX_BYTES (256u << 10)
#define SOCKET_BYTES (1 << 20)
#define ETH_HLEN 14

struct host_stream {
	int fd;
	int epoll_fd;
	atomic_bool broken;
	bool stale;    /* the frame at `at` began before a drain: it is passed over */
	uint32_t skip; /* bytes of a frame that is passed over, still to come */
	uint32_t at;   /* next byte of rx that was not handed out */
	uint32_t have; /* end of what rx holds */

	pthread_mutex_t tx_lock;
	atomic_bool stuck; /* rest is not empty */
	uint32_t rest_at, rest_len;
	uint8_t rest[LENGTH_BYTES + VS_FRAME_MAX + 4];

	uint8_t rx[RX_BYTES];
};

struct host_stream *host_stream_create(int fd)
{
	struct host_stream *s = calloc(1, sizeof(*s));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	int bytes = SOCKET_BYTES;

	if (!s)
		return NULL;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int rc = errno;

		if (s->epoll_fd >= 0)
			close(s->epoll_fd);
		free(s);
		errno = rc;
		return NULL;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	s->fd = fd;
	lane_lock_init(&s->tx_lock);
	return s;
}

void host_stream_destroy(struct host_stream *s)
{
	if (!s)
		return;
	close(s->epoll_fd);
	close(s->fd);
	pthread_mutex_destroy(&s->tx_lock);
	free(s);
}

bool host_stream_broken(const struct host_stream *s)
{
	/* relaxed: nothing else is read because of it */
	return atomic_load_explicit(&s->broken, memory_order_relaxed);
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Get more bytes behind the incomplete frame. Return: false if there are none. */
static bool fill(struct host_stream *s)
{
	ssize_t n;

	if (s->at) {
		memmove(s->rx, s->rx + s->at, s->have - s->at);
		s->have -= s->at;
		s->at = 0;
	}
	n = recv(s->fd, s->rx + s->have, sizeof(s->rx) - s->have, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	s->have += (uint32_t)n;
	return true;
}

/* Go past bytes of a frame nobody wants. Return: false: more of it is to come. */
static bool pass_over(struct host_stream *s)
{
	uint32_t n = s->have - s->at < s->skip ? s->have - s->at : s->skip;

	s->at += n;
	s->skip -= n;
	return s->skip == 0;
}

/*
 * The next whole frame in rx that may be forwarded.
 * Return: its length, behind *frame; 0 if there is none yet.
 */
static uint32_t next_frame(struct host_stream *s, const uint8_t **frame, uint64_t *dropped)
{
	while (!host_stream_broken(s) && pass_over(s) && s->have - s->at >= LENGTH_BYTES) {
		uint32_t len = be32_load(s->rx + s->at);

		if (len > QEMU_FRAME_MAX) {
			dropped[VS_DROP_RX_MALFORMED]++;
			atomic_store_explicit(&s->broken, true, memory_order_relaxed);
			shutdown(s->fd, SHUT_RDWR); /* the control thread will see the end of it */
			return 0;
		}
		if (s->stale) {
			s->skip = LENGTH_BYTES + len;
			s->stale = false;
			continue;
		}
		if (len < ETH_HLEN || len > VS_FRAME_MAX) {
			dropped[len < ETH_HLEN ? VS_DROP_RX_RUNT : VS_DROP_RX_GIANT]++;
			s->skip = LENGTH_BYTES + len;
			continue;
		}
		if (s->have - s->at < LENGTH_BYTES + len)
			return 0;
		*frame = s->rx + s->at + LENGTH_BYTES;
		s->at += LENGTH_BYTES + len;
		return len;
	}
	return 0;
}

static void flush_rest(struct host_stream *s);

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_stream *s = port;
	const uint8_t *frame;
	bool filled = false;
	uint32_t len;

	b->n = b->nseg_used = 0;
	/* acquire: pairs with the release of keep_rest; the worker was woken for this */
	if (atomic_load_explicit(&s->stuck, memory_order_acquire)) {
		pthread_mutex_lock(&s->tx_lock);
		flush_rest(s);
		pthread_mutex_unlock(&s->tx_lock);
	}
	while (b->n < VS_BURST - b->hold) {
		len = next_frame(s, &frame, dropped);
		if (len)
			gather_take(b, frame, len);
		else if (b->n || filled || !fill(s)) /* what stands in b must not move */
			break;
		else
			filled = true;
	}
	return b->n;
}

static void rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

void host_stream_drain(struct host_stream *s)
{
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	const uint8_t *frame;
	int waiting = 0;
	uint32_t left;

	/* No more than waits now: a peer that goes on sending does not hold us. */
	if (ioctl(s->fd, FIONREAD, &waiting) < 0)
		waiting = 0;
	for (left = (uint32_t)waiting;;) {
		uint32_t before;

		while (next_frame(s, &frame, dropped))
			continue;
		before = s->have - s->at;
		if (!left || !fill(s))
			break;
		left -= s->have - before < left ? s->have - before : left;
	}
	s->stale = s->have > s->at && !s->skip;
}

/* ---- sending; tx_lock held ---------------------------------------------------------------------
 */

static void want_room(struct host_stream *s, bool on)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET | (on ? (uint32_t)EPOLLOUT : 0)};

	epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
	/* release: rest before it */
	atomic_store_explicit(&s->stuck, on, memory_order_release);
}

static void flush_rest(struct host_stream *s)
{
	ssize_t n = send(s->fd, s->rest + s->rest_at, s->rest_len - s->rest_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		s->rest_at += (uint32_t)n;
	/* With an error other than "no room" the stream is at its end, and so is the rest. */
	if (s->rest_at == s->rest_len || (n < 0 && errno != EAGAIN)) {
		s->rest_at = s->rest_len = 0;
		want_room(s, false);
	}
}

/* The socket took only the first done bytes of a frame. */
static void keep_rest(struct host_stream *s, const struct gather *g, unsigned frame, size_t done)
{
	s->rest_len = (uint32_t)gather_copy(g, frame, s->rest) - (uint32_t)done;
	s->rest_at = 0;
	memmove(s->rest, s->rest + done, s->rest_len);
	want_room(s, true);
}

/* Return: frames the peer will get. */
static unsigned send_gather(struct host_stream *s, const struct gather *g, enum vs_drop *err)
{
	struct msghdr mh = {.msg_iov = (struct iovec *)(uintptr_t)g->iov, .msg_iovlen = g->n_iov};
	ssize_t n = sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t left = n > 0 ? (size_t)n : 0;
	unsigned i = 0;

	*err = n >= 0 || errno == EAGAIN || errno == ENOBUFS ? VS_DROP_TX_NO_BUFFER
							     : VS_DROP_TX_DOWN;
	for (; i < g->n && left >= g->bytes[i]; i++)
		left -= g->bytes[i];
	if (left)
		keep_rest(s, g, i++, left);
	return i;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct host_stream *s = port;
	unsigned done = 0;

	pthread_mutex_lock(&s->tx_lock);
	while (done < n) {
		struct gather g;
		unsigned sent;

		if (s->rest_len)
			flush_rest(s);
		if (s->rest_len) {
			*err = VS_DROP_TX_NO_BUFFER;
			break;
		}
		gather_frames(&g, b, ref + done, n - done, true);
		sent = send_gather(s, &g, err);
		done += sent;
		if (sent < g.n)
			break;
	}
	pthread_mutex_unlock(&s->tx_lock);
	return done;
}

/* ---- the rest of vs_port_ops --------------------------------------------------------------------
 */

static bool arm(void *port)
{
	const struct host_stream *s = port;
	char byte;

	/* 0 is the end of the stream, which is no work, and will not go away. Whole frames that a
	 * full burst left in rx are fetched before the worker comes here: its last look found
	 * nothing. */
	return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void disarm(void *port)
{
	(void)port;
}

static int wait_fd(void *port)
{
	const struct host_stream *s = port;

	return s->epoll_fd;
}

static unsigned caps(void *port)
{
	(void)port;
	return 0;
}

static uint32_t frame_max(void *port)
{
	(void)port;
	return VS_FRAME_MAX;
}

static const struct vs_port_ops ops = {
	.kind = "STREAM",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
	.wait_fd = wait_fd,
	.caps = caps,
	.frame_max = frame_max,
};

const struct vs_port_ops *host_stream_ops(void)
{
	return &ops;
}
