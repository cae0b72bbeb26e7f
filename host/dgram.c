/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -netdev dgram: one frame per datagram. One recvmmsg a burst in, one sendmmsg a burst out.
 *
 * Anybody who may reach the socket's file can send to it, so every datagram's credentials are
 * looked at: another account's are thrown away. Answers go to where the last good
 * datagram came from, so a peer that was started again is found by its first frame.
 *
 * The peer chooses the path of its address and may change what is there at any time, but
 * we may have rights it has not: a link put there would have us send its datagrams to another's
 * socket, with our credentials. So the file is opened once, must be a socket that belongs to the
 * sender's account, and is sent to by its descriptor.
 *
 * Threads: rx by the one worker of the port; tx by any, under tx_lock, which also guards peer.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/lane.h"
#include "host/gather.h"
#include "host/stream.h"

#define ETH_HLEN 14
#define RX_FRAMES 32
#define RX_BYTES (VS_FRAME_MAX + 8u) /* one more than a frame may have: the rest is cut off */

#define CREDENTIALS_BYTES CMSG_SPACE(sizeof(struct ucred))

/*
 * Where a datagram came from. For a path that fills sun_path the kernel reports one byte more,
 * for a NUL that it does not store; checkers take the length at its word.
 */
struct source {
	struct sockaddr_un un;
	char nul;
};

struct slot {
	struct source from;
	_Alignas(struct cmsghdr) char control[CREDENTIALS_BYTES];
	struct iovec iov;
	uint8_t frame[RX_BYTES];
};

struct host_dgram {
	int fd;
	uid_t uid;
	atomic_bool lost;
	pthread_mutex_t tx_lock;
	struct sockaddr_un peer; /* as it names itself */
	socklen_t peer_len;
	int peer_fd;		   /* its file, O_PATH */
	struct sockaddr_un target; /* the same by /proc */
	struct mmsghdr out[VS_BURST];
	struct gather gather;
	struct mmsghdr in[RX_FRAMES];
	struct slot slot[RX_FRAMES]; /* only pages that are used cost memory */
};

/* ---- the peer's address; tx_lock held
 * -------------------------------------------------------------- */

static bool has_address(socklen_t len)
{
	return len > offsetof(struct sockaddr_un, sun_path);
}

/* A name that fills sun_path has no NUL in it, but one in its length. */
static socklen_t address_length(const struct msghdr *mh)
{
	return mh->msg_namelen < sizeof(struct sockaddr_un) ? mh->msg_namelen
							    : sizeof(struct sockaddr_un);
}

/*
 * O_NOFOLLOW is for the last part of the path only; wherever the others lead, the owner counts.
 * Return: a descriptor or -errno.
 */
static int open_peer(const struct sockaddr_un *peer, socklen_t len, uid_t uid)
{
	char path[sizeof(peer->sun_path) + 1] = "";
	struct stat st;
	int fd;

	if (!has_address(len) || peer->sun_path[0] != '/')
		return -EDESTADDRREQ;
	memcpy(path, peer->sun_path, len - offsetof(struct sockaddr_un, sun_path));
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == uid)
		return fd;
	close(fd);
	return -EPERM;
}

/* Return: 0, or -errno, and nothing has changed. */
static int set_peer(struct host_dgram *d, const struct sockaddr_un *peer, socklen_t len)
{
	int fd = open_peer(peer, len, d->uid);

	if (fd < 0)
		return fd;
	if (d->peer_fd >= 0)
		close(d->peer_fd);
	d->peer_fd = fd;
	d->peer_len = len;
	memmove(&d->peer, peer, len); /* it may be the same */
	d->target = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(d->target.sun_path, sizeof(d->target.sun_path), "/proc/self/fd/%d", fd);
	return 0;
}

/* ---- a port's life ------------------------------------------------------------------------------
 */

struct host_dgram *host_dgram_create(int fd, const struct sockaddr_un *peer, socklen_t peer_len,
				     uid_t uid)
{
	struct host_dgram *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return NULL;
	d->fd = fd;
	d->uid = uid;
	d->peer_fd = -1;
	rc = set_peer(d, peer, peer_len);
	if (rc) {
		free(d);
		errno = -rc;
		return NULL;
	}
	lane_lock_init(&d->tx_lock);
	return d;
}

void host_dgram_destroy(struct host_dgram *d)
{
	if (!d)
		return;
	close(d->peer_fd);
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

int host_dgram_peek(int fd, struct sockaddr_un *peer, socklen_t *peer_len, struct ucred *cred)
{
	_Alignas(struct cmsghdr) char control[CREDENTIALS_BYTES];
	struct source from = {0};
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_name = &from,
			    .msg_namelen = sizeof(from.un),
			    .msg_control = control,
			    .msg_controllen = sizeof(control)};

	if (recvmsg(fd, &mh, MSG_PEEK | MSG_DONTWAIT) < 0)
		return -errno;
	*peer = from.un;
	*peer_len = address_length(&mh);
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
						   .msg_namelen = sizeof(s->from.un),
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
	socklen_t len = address_length(mh);
	bool known;

	pthread_mutex_lock(&d->tx_lock);
	known = !host_dgram_lost(d) && d->peer_len == len &&
		memcmp(&d->peer, mh->msg_name, len) == 0;
	if (!known && has_address(len) && set_peer(d, mh->msg_name, len) == 0)
		atomic_store_explicit(&d->lost, false, memory_order_relaxed);
	pthread_mutex_unlock(&d->tx_lock);
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
			.msg_name = &d->target,
			.msg_namelen = sizeof(d->target),
			.msg_iov = (struct iovec *)(uintptr_t)&g->iov[g->first[i]],
			.msg_iovlen = end - g->first[i],
		};
	}
	n = sendmmsg(d->fd, d->out, g->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Started again, it has another socket at the same path. */
	if (n < 0 && errno == ECONNREFUSED && set_peer(d, &d->peer, d->peer_len) == 0)
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
