/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/clients.h"

#include <errno.h>
#include <unistd.h>
#include <utlist.h>

#include "cp/rundir.h"

static unsigned clients_of(const struct cp_clients *cl, uid_t uid)
{
	const struct cp_client *c;
	unsigned n = 0;

	DL_FOREACH(cl->list, c)
		n += c->uid == uid;
	return n;
}

static bool room_for(const struct cp_clients *cl, const struct cp_caller *who, uid_t uid)
{
	if (cl->n >= CP_CLIENTS_MAX)
		return false;
	return who->class_b || clients_of(cl, uid) < CP_CLIENTS_PER_UID;
}

int cp_clients_adopt(struct cp_clients *cl, int fd, const struct cp_caller *who, uid_t uid)
{
	struct cp_client *c;
	int rc = -EMFILE;

	if (!room_for(cl, who, uid))
		goto refuse;
	c = cl->ops->open(cl->ctx, fd, who);
	if (!c) {
		rc = -errno;
		goto refuse;
	}
	c->uid = uid;
	DL_APPEND(cl->list, c);
	cl->n++;
	return 0;
refuse:
	close(fd);
	return rc;
}

static void acceptable(evutil_socket_t listen_fd, short what, void *ctx)
{
	struct cp_clients *cl = ctx;
	struct cp_caller who;
	uid_t uid;
	int fd = cp_acceptor_accept(&cl->acceptor);

	(void)listen_fd;
	(void)what;
	if (fd == -EAGAIN)
		return;
	if (fd >= 0 && cp_rundir_peer(fd, &who, &uid) < 0) {
		close(fd);
		return;
	}
	if (fd < 0 || cp_clients_adopt(cl, fd, &who, uid) < 0)
		cl->ops->turned_away(cl->ctx);
}

int cp_clients_init(struct cp_clients *cl, struct event_base *base, int listen_fd,
		    const struct cp_clients_ops *ops, void *ctx)
{
	*cl = (struct cp_clients){.ops = ops, .ctx = ctx, .listen_fd = -1};
	if (listen_fd < 0)
		return 0;
	if (cp_acceptor_init(&cl->acceptor, base, listen_fd, acceptable, cl) < 0)
		return -ENOMEM;
	cl->listen_fd = listen_fd;
	return 0;
}

void cp_clients_fini(struct cp_clients *cl)
{
	struct cp_client *c, *next;

	DL_FOREACH_SAFE(cl->list, c, next)
		cl->ops->close(c);
	cp_acceptor_fini(&cl->acceptor);
	if (cl->listen_fd >= 0)
		close(cl->listen_fd);
	*cl = (struct cp_clients){.listen_fd = -1};
}

void cp_clients_forget(struct cp_clients *cl, struct cp_client *client)
{
	DL_DELETE(cl->list, client);
	cl->n--;
}

struct cp_client *cp_clients_newest(const struct cp_clients *cl)
{
	return cl->list ? cl->list->prev : NULL;
}
