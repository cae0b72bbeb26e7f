/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -netdev dgram: one frame per datagram. One recvmmsg a burst in, one sendmmsg a burst out.
 *
 * Anybody who may reach the socket's file can send to it, so every datagram's credentials are
 * looked at: another account's are thrown away. Answers go to where the last good
 * datagram came from, so a peer that was started again is found by its first frame.
 *
 * Threads: rx by the one worker of the port; tx by any, under tx_lock, which also guards peer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/gather.h"
#include "host/stream.h"

#define ETH_HLEN 14
#define RX_FRAMES 32
#define RX_BYTES (VS_FRAME_MAX + 8u) /* one more than a frame may have: the rest is cut off */

#define CREDENTIALS_BYTES CMSG_SPACE(sizeof(struct ucred))

struct slot {
	struct sockaddr_un from;
	_Alignas(struct cmsghdr) char control[CREDENTIALS_BYTES];
	struct iovec iov;
	uint8_t frame[RX_BYTES];
};

struct host_dgram {
	int fd;
	uid_t uid;
	atomic_bool lost;
	pthread_mutex_t tx_lock;
	struct sockaddr_un peer;
	socklen_t peer_len;
	struct mmsghdr out[VS_BURST];
	struct gather gather;
	struct mmsghdr in[RX_FRAMES];
	struct slot slot[RX_FRAMES]; /* only pages that are used cost memory */
};

struct host_dgram *host_dgram_create(int fd, const struct sockaddr_un *peer, socklen_t peer_len,
				     uid_t uid)
{
	struct host_dgram *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->fd = fd;
	d->uid = uid;
	d->peer = *peer;
	d->peer_len = peer_len;
	pthread_mutex_init(&d->tx_lock, NULL);
	return d;
}

void host_dgram_destroy(struct host_dgram *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->tx_lock);
	free(d);
}

bool host_dgram_lost(const struct host_dgram *d)
{
	/* relaxed: nothing else is read because of it */
	return atomic_load_explicit(&d->lost, memory_order_relaxed);
}

/* ---- credentials --------------------------------------------------------------------------------
 */

static bool read_credentials(struct msghdr *mh, struct ucred *cred)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_CREDENTIALS) {
			memcpy(cred, CMSG_DATA(cm), sizeof(*cred));
			return true;
		}
	}
	return false;
}

static bool has_address(socklen_t len)
{
	return len > offsetof(struct sockaddr_un, sun_path);
}

int host_dgram_peek(int fd, struct sockaddr_un *peer, socklen_t *peer_len, struct ucred *cred)
{
	_Alignas(struct cmsghdr) char control[CREDENTIALS_BYTES];
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_name = peer,
			    .msg_namelen = sizeof(*peer),
			    .msg_control = control,
			    .msg_controllen = sizeof(control)};

	if (recvmsg(fd, &mh, MSG_PEEK | MSG_DONTWAIT) < 0)
		return -errno;
	*peer_len = mh.msg_namelen;
	if (read_credentials(&mh, cred) && has_address(mh.msg_namelen))
		return 0;
	(void)!recv(fd, &byte, 1, MSG_DONTWAIT);
	return -EDESTADDRREQ;
}

/* ---- receiving
 * ------------------------------------------------------------------------------------- */

static unsigned receive(struct host_dgram *d)
{
	int n;

	for (unsigned i = 0; i < RX_FRAMES; i++) {
		struct slot *s = &d->slot[i];

		s->iov = (struct iovec){.iov_base = s->frame, .iov_len = sizeof(s->frame)};
		d->in[i].msg_hdr = (struct msghdr){.msg_iov = &s->iov,
						   .msg_iovlen = 1,
						   .msg_name = &s->from,
						   .msg_namelen = sizeof(s->from),
						   .msg_control = s->control,
						   .msg_controllen = sizeof(s->control)};
	}
	n = recvmmsg(d->fd, d->in, RX_FRAMES, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
	return n < 0 ? 0 : (unsigned)n;
}

static enum vs_drop judge(const struct host_dgram *d, struct mmsghdr *m)
{
	struct ucred cred;

	if (!read_credentials(&m->msg_hdr, &cred) || cred.uid != d->uid)
		return VS_DROP_SRC_PROTECTED;
	if (m->msg_len < ETH_HLEN)
		return VS_DROP_RX_RUNT;
	return m->msg_len > VS_FRAME_MAX ? VS_DROP_RX_GIANT : VS_DROP_NONE;
}

static void answer_to(struct host_dgram *d, const struct msghdr *mh)
{
	if (!has_address(mh->msg_namelen))
		return;
	pthread_mutex_lock(&d->tx_lock);
	if (d->peer_len != mh->msg_namelen || memcmp(&d->peer, mh->msg_name, d->peer_len) != 0) {
		d->peer_len = mh->msg_namelen;
		memcpy(&d->peer, mh->msg_name, d->peer_len);
	}
	pthread_mutex_unlock(&d->tx_lock);
	atomic_store_explicit(&d->lost, false, memory_order_relaxed);
}

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_dgram *d = port;
	unsigned n = receive(d), last = n;

	b->n = b->nseg_used = 0;
	for (unsigned i = 0; i < n; i++) {
		enum vs_drop why = judge(d, &d->in[i]);

		if (why != VS_DROP_NONE) {
			dropped[why]++;
			continue;
		}
		gather_take(b, d->slot[i].frame, d->in[i].msg_len);
		last = i;
	}
	if (last < n)
		answer_to(d, &d->in[last].msg_hdr);
	return b->n;
}

static void rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

void host_dgram_drain(struct host_dgram *d)
{
	for (unsigned i = 0; i < 4096 && receive(d); i++)
		continue;
}

/* ---- sending; tx_lock held ---------------------------------------------------------------------
 */

/* Return: frames the peer will get. */
static unsigned send_gather(struct host_dgram *d, const struct gather *g, enum vs_drop *err)
{
	int n;

	for (unsigned i = 0; i < g->n; i++) {
		unsigned end = i + 1 < g->n ? g->first[i + 1] : g->n_iov;

		d->out[i].msg_hdr = (struct msghdr){
			.msg_name = &d->peer,
			.msg_namelen = d->peer_len,
			.msg_iov = (struct iovec *)(uintptr_t)&g->iov[g->first[i]],
			.msg_iovlen = end - g->first[i],
		};
	}
	n = sendmmsg(d->fd, d->out, g->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		return (unsigned)n;
	*err = VS_DROP_TX_NO_BUFFER;
	if (errno == EMSGSIZE) {
		*err = VS_DROP_TX_TOO_BIG;
	} else if (errno != EAGAIN && errno != ENOBUFS) {
		*err = VS_DROP_TX_DOWN;
		atomic_store_explicit(&d->lost, true, memory_order_relaxed);
	}
	return 0;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct host_dgram *d = port;
	unsigned done = 0;

	pthread_mutex_lock(&d->tx_lock);
	while (done < n) {
		unsigned sent;

		gather_frames(&d->gather, b, ref + done, n - done, false);
		sent = send_gather(d, &d->gather, err);
		done += sent;
		if (!sent) /* after a part was sent the error comes with the next call */
			break;
	}
	pthread_mutex_unlock(&d->tx_lock);
	return done;
}

/* ---- the rest of vs_port_ops --------------------------------------------------------------------
 */

static bool arm(void *port)
{
	const struct host_dgram *d = port;
	char byte;

	return recv(d->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void disarm(void *port)
{
	(void)port;
}

static int wait_fd(void *port)
{
	const struct host_dgram *d = port;

	return d->fd;
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
	.kind = "DGRAM",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
	.wait_fd = wait_fd,
	.caps = caps,
	.frame_max = frame_max,
};

const struct vs_port_ops *host_dgram_ops(void)
{
	return &ops;
}
