/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/acceptor.h"

#include <errno.h>
#include <sys/socket.h>

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_acceptor *a = ctx;

	(void)fd;
	(void)what;
	event_add(a->incoming, NULL);
}

int cp_acceptor_init(struct cp_acceptor *a, struct event_base *base, int fd,
		     event_callback_fn incoming, void *ctx)
{
	*a = (struct cp_acceptor){.fd = fd};
	a->incoming = event_new(base, fd, EV_READ | EV_PERSIST, incoming, ctx);
	a->resume = event_new(base, -1, 0, on_resume, a);
	if (a->incoming && a->resume && event_add(a->incoming, NULL) == 0)
		return 0;
	cp_acceptor_fini(a);
	return -ENOMEM;
}

void cp_acceptor_fini(struct cp_acceptor *a)
{
	if (a->incoming)
		event_free(a->incoming);
	if (a->resume)
		event_free(a->resume);
	*a = (struct cp_acceptor){.fd = -1};
}

int cp_acceptor_accept(struct cp_acceptor *a)
{
	static const struct timeval second = {.tv_sec = 1};
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int rc = -errno;
	bool told = a->starved;

	if (fd >= 0) {
		a->starved = false;
		return fd;
	}
	if (rc != -EMFILE && rc != -ENFILE && rc != -ENOBUFS && rc != -ENOMEM)
		return -EAGAIN;
	event_del(a->incoming);
	event_add(a->resume, &second);
	a->starved = true;
	return told ? -EAGAIN : rc;
}
