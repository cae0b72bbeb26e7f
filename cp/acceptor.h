/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event of a listening socket. Without a descriptor left, a connection cannot be taken and the
 * socket stays readable: it is then left alone for a second, instead of being asked in every turn
 * of the loop. Control thread.
 */
#ifndef CP_ACCEPTOR_H
#define CP_ACCEPTOR_H

#include <event2/event.h>
#include <stdbool.h>

struct cp_acceptor {
	int fd;
	struct event *incoming; /* fd is readable */
	struct event *resume;	/* wait for incoming again */
	bool starved;		/* no descriptor since the last success */
};

/*
 * Wait for connections (or whatever else comes) on fd, which stays the caller's.
 * Return: 0 or -ENOMEM, with nothing to be undone.
 */
int cp_acceptor_init(struct cp_acceptor *a, struct event_base *base, int fd,
		     event_callback_fn incoming, void *ctx);
/* Also of one that is all zero. */
void cp_acceptor_fini(struct cp_acceptor *a);

/*
 * Take a connection.
 * Return: a non-blocking descriptor; -EAGAIN for nothing to do or say; or the -errno of a lack
 * of descriptors or memory, once until it is over.
 */
int cp_acceptor_accept(struct cp_acceptor *a);

#endif
