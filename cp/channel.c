/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel socket: how a guest in another process drives an adapter here. Theory of operation:
 *
 * A client attaches as one NIC of one user. It passes its storage as memfds, which
 * zland maps (channel_storage.c), and gets a page and two descriptors for the signals of the
 * data path (channel_signal.c). Control instructions and status are messages (channel_conn.c);
 * on the fast path there are none: the client primes buffers and rings the doorbell only when
 * the worker sleeps, the worker sets pending bits and wakes the client only if none was set.
 *
 * Trust: the client may send anything, write anything into its storage and the page at any
 * time, stop reading, or vanish. Every message is copied, checked and answered. What it
 * is sent never blocks: a client that does not read is a lost client. A lost client's
 * adapter is destroyed first, which stops the workers' use of its storage, and only then is
 * the storage unmapped.
 *
 * Limits: CONNECTIONS_MAX in all and CONNECTIONS_PER_UID for accounts without privilege, so that
 * nobody can use up the descriptors.
 *
 * Threads: the control thread does all of it but channel_signal_raise, which the
 * workers call through qdio_env_ops.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "cp/rundir.h"

#define CONNECTIONS_MAX 4096
#define CONNECTIONS_PER_UID 64

struct cp_channel {
	struct cp_channel_config cfg;
	int listen_fd;
	struct event *acceptable;
	struct channel_conn *conns;
	unsigned n;
};

const struct cp_channel_config *channel_config(const struct cp_channel *ch)
{
	return &ch->cfg;
}

unsigned cp_channel_connections(const struct cp_channel *ch)
{
	return ch->n;
}

void channel_forget(struct cp_channel *ch, struct channel_conn *c)
{
	DL_DELETE(ch->conns, c);
	ch->n--;
}

struct channel_conn *channel_newest(const struct cp_channel *ch)
{
	return ch->conns ? ch->conns->prev : NULL;
}

static unsigned connections_of(const struct cp_channel *ch, uid_t uid)
{
	const struct channel_conn *c;
	unsigned n = 0;

	DL_FOREACH(ch->conns, c)
		n += c->uid == uid;
	return n;
}

static bool room_for(const struct cp_channel *ch, const struct cp_caller *who, uid_t uid)
{
	if (ch->n >= CONNECTIONS_MAX)
		return false;
	return who->class_b || connections_of(ch, uid) < CONNECTIONS_PER_UID;
}

int cp_channel_adopt(struct cp_channel *ch, int fd, const struct cp_caller *who, uid_t uid)
{
	struct channel_conn *c;
	int rc = -EMFILE;

	if (!room_for(ch, who, uid))
		goto refuse;
	c = channel_conn_open(ch, fd, who, uid);
	if (!c) {
		rc = -errno;
		goto refuse;
	}
	DL_APPEND(ch->conns, c);
	ch->n++;
	return 0;
refuse:
	close(fd);
	return rc;
}

static void acceptable(evutil_socket_t listen_fd, short what, void *ctx)
{
	struct cp_channel *ch = ctx;
	struct cp_caller who;
	uid_t uid;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (cp_rundir_peer(fd, &who, &uid) < 0)
		close(fd);
	else if (cp_channel_adopt(ch, fd, &who, uid) < 0)
		ch->cfg.log(ch->cfg.ctx, "ZLN2611W A client of the channel socket was turned away: "
					 "too many connections");
}

struct cp_channel *cp_channel_create(const struct cp_channel_config *cfg, int listen_fd)
{
	struct cp_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->cfg = *cfg;
	ch->listen_fd = -1;
	if (listen_fd < 0)
		return ch;
	ch->acceptable = event_new(cfg->base, listen_fd, EV_READ | EV_PERSIST, acceptable, ch);
	if (!ch->acceptable || event_add(ch->acceptable, NULL) < 0) {
		cp_channel_destroy(ch);
		errno = ENOMEM;
		return NULL;
	}
	ch->listen_fd = listen_fd;
	return ch;
}

void cp_channel_destroy(struct cp_channel *ch)
{
	struct channel_conn *c, *next;

	if (!ch)
		return;
	DL_FOREACH_SAFE(ch->conns, c, next)
		channel_conn_close(c);
	if (ch->acceptable)
		event_free(ch->acceptable);
	if (ch->listen_fd >= 0)
		close(ch->listen_fd);
	free(ch);
}
