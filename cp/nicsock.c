/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of NICs. Theory of operation:
 *
 * A NIC of TYPE STREAM or DGRAM has a socket in zland's directory from its definition to its end.
 * The first peer that is authorised for the NIC's user attaches to it; the NIC then behaves as with
 * any other guest: coupled, the peer's port (host/stream.c, host/dgram.c) is started on it.
 *
 * Peers say nothing but frames. A stream's end is seen by a descriptor of epoll that waits for
 * nothing else, because the data is the worker's to read. A datagram peer that has gone is seen
 * when a frame for it is refused, and let go by the tick.
 *
 * Trust: only the user's accounts can send datagrams (cp/sockacl.c), where the file system knows
 * access lists. A peer that is refused costs a line in the log (once in a row), and datagrams of
 * strangers are looked at no more than REFUSED_MAX a second.
 *
 * Threads: all on the control thread; the ports' data belongs to the workers.
 */
#include "cp/nicsock.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "cp/acceptor.h"
#include "cp/rundir.h"
#include "cp/sockacl.h"
#include "host/stream.h"

#define NAME_BYTES 24 /* "LINUX001-0600.sock" */
#define REFUSED_MAX 64

struct cp_nicsocks {
	struct cp_nicsocks_config cfg;
	struct cp_nicsock *list;
};

struct cp_nicsock {
	struct cp_nicsock *prev, *next;
	struct cp_nicsocks *set;
	struct cp *cp;
	char user[9];
	uint16_t vdev;
	enum cp_nic_type type;
	char name[NAME_BYTES];
	int fd; /* listens, or receives datagrams */
	struct cp_acceptor acceptor;
	bool refused; /* and logged: the next one is not */

	struct cp_nic *nic; /* a peer is attached; what follows is valid */
	struct cp_nic_client client;
	struct host_stream *stream; /* one of both */
	struct host_dgram *dgram;
	int end_fd; /* of stream: readable when the peer has gone */
	struct event *end;
	bool started;
};

static void say(const struct cp_nicsock *s, const char *text)
{
	char line[512];

	snprintf(line, sizeof(line), "ZLN2627W %s: a peer was refused: %s", s->name, text);
	s->set->cfg.log(s->set->cfg.ctx, line);
}

static void warn(const struct cp_nicsock *s, const char *what, const char *why)
{
	char line[512];

	snprintf(line, sizeof(line), "ZLN2628W %s: %s%s", s->name, what, why);
	s->set->cfg.log(s->set->cfg.ctx, line);
}

static void refuse(struct cp_nicsock *s, const char *text)
{
	if (!s->refused)
		say(s, text);
	s->refused = true;
}

/* ---- what the NIC tells (cp_nic_client) ------------------------------------------------------ */

static void start(struct cp_nicsock *s)
{
	struct vs_link link;
	int rc;

	if (!cp_nic_link(s->nic, &link))
		return;
	rc = s->stream ? link.ops->start(link.ctx, host_stream_ops(), s->stream)
		       : link.ops->start(link.ctx, host_dgram_ops(), s->dgram);
	s->started = rc == 0;
	if (rc)
		say(s, strerror(-rc));
}

/* What was sent until now belongs to the network the NIC was coupled to then. */
static void drain(struct cp_nicsock *s)
{
	if (s->stream)
		host_stream_drain(s->stream);
	else
		host_dgram_drain(s->dgram);
}

static void coupled(void *ctx, bool on)
{
	struct cp_nicsock *s = ctx;
	struct vs_link link;

	if (on) {
		drain(s);
		start(s);
		return;
	}
	if (s->started && cp_nic_link(s->nic, &link))
		link.ops->stop(link.ctx);
	s->started = false;
}

/* The peer has gone, or must. */
static void detach(struct cp_nicsock *s)
{
	if (!s->nic)
		return;
	cp_nic_detach(s->nic);
	s->nic = NULL;
	s->started = false;
	if (s->end) {
		event_free(s->end);
		close(s->end_fd);
	}
	s->end = NULL;
	host_stream_destroy(s->stream);
	host_dgram_destroy(s->dgram);
	s->stream = NULL;
	s->dgram = NULL;
	event_add(s->acceptor.incoming, NULL);
}

static void revoked(void *ctx)
{
	detach(ctx);
}

/* ---- peers --------------------------------------------------------------------------------------
 */

/* Return: 0, or -1 after a line in the log. */
static int attach(struct cp_nicsock *s, const struct cp_caller *who)
{
	char err[256];

	s->client = (struct cp_nic_client){
		.kind = s->type == CP_NIC_STREAM ? "stream" : "dgram",
		.type = s->type,
		.coupled = coupled,
		.revoked = revoked,
		.ctx = s,
	};
	s->nic = cp_nic_attach_port(s->cp, who, s->user, s->vdev, &s->client, err, sizeof(err));
	if (!s->nic)
		refuse(s, err);
	else
		s->refused = false;
	return s->nic ? 0 : -1;
}

static void at_end(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	detach(ctx);
}

/* Return: 0 or -errno; then nothing is watched. */
static int watch_end(struct cp_nicsock *s, int fd)
{
	/* The end of the file and errors are reported unasked. */
	struct epoll_event ev = {.events = EPOLLRDHUP};

	s->end_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->end_fd < 0)
		return -errno;
	if (epoll_ctl(s->end_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
		s->end = event_new(s->set->cfg.base, s->end_fd, EV_READ, at_end, s);
	if (s->end && event_add(s->end, NULL) == 0)
		return 0;
	if (s->end)
		event_free(s->end);
	s->end = NULL;
	close(s->end_fd);
	return -ENOMEM;
}

/* A stream's port owns fd; whatever goes wrong, detach cleans up. */
static void adopt_stream(struct cp_nicsock *s, int fd)
{
	s->stream = host_stream_create(fd);
	if (!s->stream) {
		refuse(s, strerror(errno));
		close(fd);
		detach(s);
	} else if (watch_end(s, fd) < 0) {
		refuse(s, "no event for its end");
		detach(s);
	} else {
		start(s);
	}
}

static void on_connect(struct cp_nicsock *s)
{
	struct cp_caller who;
	uid_t uid;
	int fd = cp_acceptor_accept(&s->acceptor);

	if (fd == -EAGAIN)
		return;
	if (fd < 0) {
		refuse(s, strerror(-fd));
		return;
	}
	/* One peer at a time; attach says so by its message. */
	if (s->nic || cp_rundir_peer(fd, &who, &uid) < 0) {
		refuse(s, "another one is connected");
		close(fd);
	} else if (attach(s, &who) < 0) {
		close(fd);
	} else {
		adopt_stream(s, fd);
	}
}

/* Until the next tick nobody is listened to. */
static void mute(struct cp_nicsock *s)
{
	char byte;

	for (unsigned i = 0; i < REFUSED_MAX && recv(s->fd, &byte, 1, MSG_DONTWAIT) >= 0; i++)
		continue;
	event_del(s->acceptor.incoming);
}

/* The datagram stays for the port, or its sender is nobody. */
static void on_datagram(struct cp_nicsock *s)
{
	struct sockaddr_un peer = {0};
	socklen_t peer_len;
	struct cp_caller who;
	struct ucred cred;
	int rc = host_dgram_peek(s->fd, &peer, &peer_len, &cred);

	if (rc == -EAGAIN)
		return;
	if (rc == -EDESTADDRREQ)
		refuse(s, "its socket has no address to answer to");
	if (!rc)
		cp_rundir_account(cred.uid, cred.gid, &who);
	if (rc || attach(s, &who) < 0) {
		mute(s);
		return;
	}
	s->dgram = host_dgram_create(s->fd, &peer, peer_len, cred.uid);
	if (!s->dgram) {
		rc = errno;
		detach(s);
		refuse(s, rc == EPERM ? "its path is not a socket of its account" : strerror(rc));
		mute(s);
		return;
	}
	event_del(s->acceptor.incoming); /* the worker's from now on */
	start(s);
}

static void incoming(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_nicsock *s = ctx;

	(void)fd;
	(void)what;
	if (s->type == CP_NIC_STREAM)
		on_connect(s);
	else
		on_datagram(s);
}

/* ---- a socket's life
 * ------------------------------------------------------------------------------ */

static int open_fd(struct cp_nicsock *s)
{
	int type = s->type == CP_NIC_STREAM ? SOCK_STREAM : SOCK_DGRAM;
	int on = 1;

	snprintf(s->name, sizeof(s->name), "%.8s-%04X.sock", s->user, s->vdev);
	s->fd = cp_rundir_listen(s->set->cfg.dir, s->name, type);
	if (s->fd >= 0 && type == SOCK_DGRAM)
		setsockopt(s->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	return s->fd < 0 ? s->fd : 0;
}

static void unlink_name(const struct cp_nicsock *s)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", s->set->cfg.dir, s->name);
	unlink(path);
}

/*
 * Datagrams are queued before anybody sees who sent them, so others must not be able to send any.
 * A stream's peer is seen when it connects. Where there are no access lists all may send.
 */
void cp_nicsock_access(struct cp_nicsock *s)
{
	char path[256];
	int rc;

	if (s->type != CP_NIC_DGRAM)
		return;
	snprintf(path, sizeof(path), "%s/%s", s->set->cfg.dir, s->name);
	rc = cp_sockacl_set(s->cp, s->user, path);
	if (rc)
		warn(s, "any account can send to it: ", strerror(-rc));
}

struct cp_nicsock *cp_nicsock_open(struct cp_nicsocks *set, struct cp *cp, const char *user,
				   uint16_t vdev, enum cp_nic_type type)
{
	struct cp_nicsock *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return NULL;
	s->set = set;
	s->cp = cp;
	s->vdev = vdev;
	s->type = type;
	snprintf(s->user, sizeof(s->user), "%s", user);
	rc = open_fd(s);
	if (rc)
		goto free_socket;
	rc = cp_acceptor_init(&s->acceptor, set->cfg.base, s->fd, incoming, s);
	if (rc)
		goto close_fd;
	cp_nicsock_access(s);
	DL_APPEND(set->list, s);
	return s;
close_fd:
	unlink_name(s);
	close(s->fd);
free_socket:
	free(s);
	errno = -rc;
	return NULL;
}

void cp_nicsock_close(struct cp_nicsock *s)
{
	detach(s);
	cp_acceptor_fini(&s->acceptor);
	unlink_name(s);
	close(s->fd);
	DL_DELETE(s->set->list, s);
	free(s);
}

struct cp_nicsocks *cp_nicsocks_create(const struct cp_nicsocks_config *cfg)
{
	struct cp_nicsocks *set = calloc(1, sizeof(*set));

	if (set)
		set->cfg = *cfg;
	return set;
}

void cp_nicsocks_destroy(struct cp_nicsocks *set)
{
	free(set);
}

void cp_nicsocks_tick(struct cp_nicsocks *set)
{
	struct cp_nicsock *s;

	DL_FOREACH(set->list, s) {
		if (s->dgram && host_dgram_lost(s->dgram))
			detach(s);
		if (!s->nic)
			event_add(s->acceptor.incoming, NULL); /* after mute */
	}
}
