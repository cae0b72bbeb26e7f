/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data socket as a port of a switch: a packet is a burst (vswitch/packet_wire.h).
 *
 * One recv a burst in, one send a packet out. A packet that is not one is counted against the port
 * it came from; a client that does not read fills its socket, and what then finds no room is
 * dropped and counted. No call here waits for the client.
 *
 * Threads: rx by the one worker of the port, tx by any.
 */
#include <errno.h>
#include <pthread.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/lane.h"
#include "cp/portsock_priv.h"
#include "vswitch/packet.h"

#define SOCKET_BYTES (4 << 20) /* each way: a window of TCP */
#define DRAIN_MAX 65536
#define FLAGS_TAKEN (VS_F_CSUM_NEEDED | VS_F_CSUM_VALID | VS_F_GSO)

struct portsock_port {
	int fd;
	int room_fd; /* of units: an epoll set of fd, that tells of room, too, when asked to; or -1
		      */
	int result_fd;		 /* or -1 */
	pthread_mutex_t tx_lock; /* tx and the order of what is sent */
	_Alignas(8) uint8_t rx[VS_PACKET_MAX];
	_Alignas(8) uint8_t tx[VS_PACKET_MAX];
};

/* With the privilege more than the system's limit, else what it gives. */
static void set_room(int fd)
{
	int bytes = SOCKET_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Return: 0 or -errno. */
static int watch(struct portsock_port *p)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	p->room_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->room_fd < 0 || epoll_ctl(p->room_fd, EPOLL_CTL_ADD, p->fd, &ev) < 0)
		return -errno;
	return 0;
}

/* Return: 0 or -errno, and the client has none. */
static int open_results(struct portsock_port *p, int *client_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*client_fd = ends[0];
	p->result_fd = ends[1];
	return 0;
}

struct portsock_port *portsock_port_open(enum portsock_kind kind, int client_fd[PORTSOCK_FDS],
					 unsigned *n)
{
	struct portsock_port *p = calloc(1, sizeof(*p));
	int pair[2], rc = 0;

	if (!p)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(p);
		return NULL;
	}
	set_room(pair[0]);
	set_room(pair[1]);
	lane_lock_init(&p->tx_lock);
	p->fd = pair[0];
	p->room_fd = p->result_fd = -1;
	client_fd[0] = pair[1];
	*n = 1;
	if (kind != PORTSOCK_FRAMES)
		rc = watch(p);
	if (!rc && kind == PORTSOCK_UNITS_RESULTS)
		rc = open_results(p, &client_fd[(*n)++]);
	if (!rc)
		return p;
	close(pair[1]);
	portsock_port_close(p);
	errno = -rc;
	return NULL;
}

void portsock_port_close(struct portsock_port *p)
{
	if (!p)
		return;
	close(p->fd);
	close_if(p->room_fd);
	close_if(p->result_fd);
	pthread_mutex_destroy(&p->tx_lock);
	free(p);
}

void portsock_port_drain(struct portsock_port *p)
{
	for (unsigned i = 0; i < DRAIN_MAX; i++)
		if (recv(p->fd, p->rx, 1, MSG_DONTWAIT) <= 0)
			break;
}

/* ---- vs_port_ops ---------------------------------------------------------------------------- */

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct portsock_port *p = port;
	/* MSG_TRUNC: the true length, so that a cut packet is seen as one. */
	ssize_t n = recv(p->fd, p->rx, sizeof(p->rx), MSG_DONTWAIT | MSG_TRUNC);

	b->n = 0;
	if (n <= 0)
		return 0;
	return vs_packet_unpack(p->rx, (uint32_t)n, FLAGS_TAKEN, b, dropped);
}

static void rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct portsock_port *p = port;
	unsigned done = 0, taken;

	pthread_mutex_lock(&p->tx_lock);
	while (done < n) {
		uint32_t len = vs_packet_pack(p->tx, b, ref + done, n - done, &taken);

		if (!len) {
			*err = VS_DROP_TX_TOO_BIG;
			break;
		}
		if (send(p->fd, p->tx, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			*err = errno == EAGAIN || errno == ENOBUFS ? VS_DROP_TX_NO_BUFFER
								   : VS_DROP_TX_DOWN;
			break;
		}
		done += taken;
	}
	pthread_mutex_unlock(&p->tx_lock);
	return done;
}

/* ---- HiperSockets -----------------------------------------------------------------------------
 */

uint32_t portsock_port_receive(struct portsock_port *p, const uint8_t **unit)
{
	ssize_t n = recv(p->fd, p->rx, sizeof(p->rx), MSG_DONTWAIT | MSG_TRUNC);

	*unit = p->rx;
	return n > 0 ? (uint32_t)n : 0;
}

enum vs_drop portsock_port_send(struct portsock_port *p, const struct iovec *iov, unsigned n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};

	if (sendmsg(p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return VS_DROP_NONE;
	return errno == EAGAIN || errno == ENOBUFS ? VS_DROP_TX_NO_BUFFER : VS_DROP_TX_DOWN;
}

/* One call, all or nothing; a client that leaves so many unread has lost count for its own part. */
void portsock_port_results(struct portsock_port *p, const uint8_t *reason, unsigned n)
{
	if (p->result_fd >= 0 && write(p->result_fd, reason, n) < 0) {
		/* Full, or nobody reads any more. */
	}
}

/*
 * If there is room already it is told now: a change of the set tells what is ready, but only of a
 * descriptor that is not on its list of ready ones from before. What is taken off that list here, a
 * packet too, is told again by the change.
 */
void portsock_port_want_room(struct portsock_port *p, bool want)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET | (want ? (uint32_t)EPOLLOUT : 0)},
			   old;

	epoll_wait(p->room_fd, &old, 1, 0);
	epoll_ctl(p->room_fd, EPOLL_CTL_MOD, p->fd, &ev);
}

/* ---- both ---------------------------------------------------------------------------------- */

/* No wish to be woken need be left: a packet is an edge of the descriptor. */
static bool arm(void *port)
{
	const struct portsock_port *p = port;
	char byte;

	/* 0 is the end of the file, which is no work, and will not go away. */
	return recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void disarm(void *port)
{
	(void)port;
}

static int wait_fd(void *port)
{
	const struct portsock_port *p = port;

	return p->room_fd >= 0 ? p->room_fd : p->fd;
}

/* The adapter at the other end finishes nothing: that is done on the way to it. */
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

const struct vs_port_ops portsock_port_ops = {
	.kind = "PORT",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
	.wait_fd = wait_fd,
	.caps = caps,
	.frame_max = frame_max,
};
