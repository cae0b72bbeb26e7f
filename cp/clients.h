/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of a listening SEQPACKET socket: who they are by SO_PEERCRED, how many there may be,
 * and the end of them all. What they say is their owner's. Control thread.
 *
 * Limits: CP_CLIENTS_MAX in all and CP_CLIENTS_PER_UID for accounts without privilege, so that
 * nobody can use up the descriptors.
 */
#ifndef CP_CLIENTS_H
#define CP_CLIENTS_H

#include <sys/types.h>

#include "cp/acceptor.h"
#include "cp/cp.h"

#define CP_CLIENTS_MAX 4096
#define CP_CLIENTS_PER_UID 64

/* The head of an owner's connection: its first member. */
struct cp_client {
	struct cp_client *prev, *next;
	uid_t uid;
};

struct cp_clients_ops {
	/* Serve fd, which the connection owns from success on. Return: its head, or NULL and errno.
	 */
	struct cp_client *(*open)(void *ctx, int fd, const struct cp_caller *who);
	/* End and free it. */
	void (*close)(struct cp_client *client);
	/* One was turned away, or has to wait: too many, no descriptor left, or open failed. */
	void (*turned_away)(void *ctx);
};

struct cp_clients {
	const struct cp_clients_ops *ops;
	void *ctx;
	struct cp_client *list;
	unsigned n;
	int listen_fd;
	struct cp_acceptor acceptor;
};

/*
 * @listen_fd: owned from success on; -1 for none (clients then come from cp_clients_adopt).
 * Return: 0 or -ENOMEM.
 */
int cp_clients_init(struct cp_clients *cl, struct event_base *base, int listen_fd,
		    const struct cp_clients_ops *ops, void *ctx);
/* Close every client, and the listening socket. */
void cp_clients_fini(struct cp_clients *cl);
/*
 * Serve a connected socket.
 * @fd: owned from here on, also after an error.
 * Return: 0 or -errno (-EMFILE: too many clients).
 */
int cp_clients_adopt(struct cp_clients *cl, int fd, const struct cp_caller *who, uid_t uid);
/* To be called by the owner's close. */
void cp_clients_forget(struct cp_clients *cl, struct cp_client *client);
/* Return: the one that came last, or NULL. */
struct cp_client *cp_clients_newest(const struct cp_clients *cl);

#endif
