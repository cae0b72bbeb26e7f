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
 * Limits: those of clients.h.
 *
 * Threads: the control thread does all of it but channel_signal_raise, which the
 * workers call through qdio_env_ops.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <stdlib.h>

struct cp_channel {
	struct cp_channel_config cfg;
	struct cp_clients clients;
};

const struct cp_channel_config *channel_config(const struct cp_channel *ch)
{
	return &ch->cfg;
}

unsigned cp_channel_connections(const struct cp_channel *ch)
{
	return ch->clients.n;
}

void channel_forget(struct cp_channel *ch, struct channel_conn *c)
{
	cp_clients_forget(&ch->clients, &c->conn.head);
}

struct channel_conn *channel_newest(const struct cp_channel *ch)
{
	return (struct channel_conn *)cp_clients_newest(&ch->clients);
}

static struct cp_client *open_client(void *ctx, int fd, const struct cp_caller *who)
{
	struct channel_conn *c = channel_conn_open(ctx, fd, who);

	return c ? &c->conn.head : NULL;
}

static void turned_away(void *ctx)
{
	const struct cp_channel *ch = ctx;

	ch->cfg.log(ch->cfg.ctx, "ZLN2611W A client of the channel socket was turned away: "
				 "too many connections");
}

static const struct cp_clients_ops ops = {
	.open = open_client,
	.close = cp_conn_close,
	.turned_away = turned_away,
};

int cp_channel_adopt(struct cp_channel *ch, int fd, const struct cp_caller *who, uid_t uid)
{
	return cp_clients_adopt(&ch->clients, fd, who, uid);
}

struct cp_channel *cp_channel_create(const struct cp_channel_config *cfg, int listen_fd)
{
	struct cp_channel *ch = calloc(1, sizeof(*ch));
	int rc;

	if (!ch)
		return NULL;
	ch->cfg = *cfg;
	rc = cp_clients_init(&ch->clients, cfg->base, listen_fd, &ops, ch);
	if (rc < 0) {
		free(ch);
		errno = -rc;
		return NULL;
	}
	return ch;
}

void cp_channel_destroy(struct cp_channel *ch)
{
	if (!ch)
		return;
	cp_clients_fini(&ch->clients);
	free(ch);
}
