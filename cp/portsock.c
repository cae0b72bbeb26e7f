/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port socket: vs_port and vs_link for an adapter in another process (an emulator). Theory of
 * operation:
 *
 * A client attaches as one NIC of one user and gets a data socket (portsock_port.c). Its
 * registrations are messages (portsock_conn.c) that end at the vs_link of the NIC's port; a burst
 * of frames is one packet of the data socket, which the workers read and write themselves. When the
 * NIC is coupled or uncoupled the client is told, and starts its port anew.
 *
 * Trust: the client may send anything at any time on both sockets, stop reading, or vanish.
 * Every message and every frame header is copied and checked; nothing waits for the client:
 * frames that find no room are dropped and counted, and who does not read answers is lost.
 * What a lost client registered goes with it.
 *
 * Limits as on the channel socket: CONNECTIONS_MAX in all, CONNECTIONS_PER_UID for accounts without
 * privilege.
 *
 * Threads: the control thread does all of it but vs_port_ops, which workers call.
 */
#include "cp/portsock_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "cp/rundir.h"

#define CONNECTIONS_MAX 4096
#define CONNECTIONS_PER_UID 64

struct cp_portsock {
	struct cp_portsock_config cfg;
	int listen_fd;
	struct event *acceptable;
	struct portsock_conn *conns;
	unsigned n;
};

const struct cp_portsock_config *portsock_config(const struct cp_portsock *ps)
{
	return &ps->cfg;
}

unsigned cp_portsock_connections(const struct cp_portsock *ps)
{
	return ps->n;
}

void portsock_forget(struct cp_portsock *ps, struct portsock_conn *c)
{
	DL_DELETE(ps->conns, c);
	ps->n--;
}

struct portsock_conn *portsock_newest(const struct cp_portsock *ps)
{
	return ps->conns ? ps->conns->prev : NULL;
}

static unsigned connections_of(const struct cp_portsock *ps, uid_t uid)
{
	const struct portsock_conn *c;
	unsigned n = 0;

	DL_FOREACH(ps->conns, c)
		n += c->uid == uid;
	return n;
}

static bool room_for(const struct cp_portsock *ps, const struct cp_caller *who, uid_t uid)
{
	if (ps->n >= CONNECTIONS_MAX)
		return false;
	return who->class_b || connections_of(ps, uid) < CONNECTIONS_PER_UID;
}

int cp_portsock_adopt(struct cp_portsock *ps, int fd, const struct cp_caller *who, uid_t uid)
{
	struct portsock_conn *c;
	int rc = -EMFILE;

	if (!room_for(ps, who, uid))
		goto refuse;
	c = portsock_conn_open(ps, fd, who, uid);
	if (!c) {
		rc = -errno;
		goto refuse;
	}
	DL_APPEND(ps->conns, c);
	ps->n++;
	return 0;
refuse:
	close(fd);
	return rc;
}

static void acceptable(evutil_socket_t listen_fd, short what, void *ctx)
{
	struct cp_portsock *ps = ctx;
	struct cp_caller who;
	uid_t uid;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (cp_rundir_peer(fd, &who, &uid) < 0)
		close(fd);
	else if (cp_portsock_adopt(ps, fd, &who, uid) < 0)
		ps->cfg.log(ps->cfg.ctx, "ZLN2626W A client of the port socket was turned away: "
					 "too many connections");
}

struct cp_portsock *cp_portsock_create(const struct cp_portsock_config *cfg, int listen_fd)
{
	struct cp_portsock *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->cfg = *cfg;
	ps->listen_fd = -1;
	if (listen_fd < 0)
		return ps;
	ps->acceptable = event_new(cfg->base, listen_fd, EV_READ | EV_PERSIST, acceptable, ps);
	if (!ps->acceptable || event_add(ps->acceptable, NULL) < 0) {
		cp_portsock_destroy(ps);
		errno = ENOMEM;
		return NULL;
	}
	ps->listen_fd = listen_fd;
	return ps;
}

void cp_portsock_destroy(struct cp_portsock *ps)
{
	struct portsock_conn *c, *next;

	if (!ps)
		return;
	DL_FOREACH_SAFE(ps->conns, c, next)
		portsock_conn_close(c);
	if (ps->acceptable)
		event_free(ps->acceptable);
	if (ps->listen_fd >= 0)
		close(ps->listen_fd);
	free(ps);
}
