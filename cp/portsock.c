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
 * Limits: those of clients.h.
 *
 * Threads: the control thread does all of it but vs_port_ops, which workers call.
 */
#include "cp/portsock_priv.h"

#include <errno.h>
#include <stdlib.h>

struct cp_portsock {
	struct cp_portsock_config cfg;
	struct cp_clients clients;
};

const struct cp_portsock_config *portsock_config(const struct cp_portsock *ps)
{
	return &ps->cfg;
}

unsigned cp_portsock_connections(const struct cp_portsock *ps)
{
	return ps->clients.n;
}

void portsock_forget(struct cp_portsock *ps, struct portsock_conn *c)
{
	cp_clients_forget(&ps->clients, &c->conn.head);
}

struct portsock_conn *portsock_newest(const struct cp_portsock *ps)
{
	return (struct portsock_conn *)cp_clients_newest(&ps->clients);
}

static struct cp_client *open_client(void *ctx, int fd, const struct cp_caller *who)
{
	struct portsock_conn *c = portsock_conn_open(ctx, fd, who);

	return c ? &c->conn.head : NULL;
}

static void turned_away(void *ctx)
{
	const struct cp_portsock *ps = ctx;

	ps->cfg.log(ps->cfg.ctx, "ZLN2626W A client of the port socket was turned away: "
				 "too many connections");
}

static const struct cp_clients_ops ops = {
	.open = open_client,
	.close = cp_conn_close,
	.turned_away = turned_away,
};

int cp_portsock_adopt(struct cp_portsock *ps, int fd, const struct cp_caller *who, uid_t uid)
{
	return cp_clients_adopt(&ps->clients, fd, who, uid);
}

struct cp_portsock *cp_portsock_create(const struct cp_portsock_config *cfg, int listen_fd)
{
	struct cp_portsock *ps = calloc(1, sizeof(*ps));
	int rc;

	if (!ps)
		return NULL;
	ps->cfg = *cfg;
	rc = cp_clients_init(&ps->clients, cfg->base, listen_fd, &ops, ps);
	if (rc < 0) {
		free(ps);
		errno = -rc;
		return NULL;
	}
	return ps;
}

void cp_portsock_destroy(struct cp_portsock *ps)
{
	if (!ps)
		return;
	cp_clients_fini(&ps->clients);
	free(ps);
}
