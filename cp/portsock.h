/* SPDX-License-Identifier: Apache-2.0 */
/* The port socket, zland's side (docs/port-protocol.md). */
#ifndef CP_PORTSOCK_H
#define CP_PORTSOCK_H

#include "cp/cp.h"

struct event_base;
struct cp_portsock;

struct cp_portsock_config {
	struct event_base *base;
	struct cp *cp;
	/* A line for the event log. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * @listen_fd: a listening SEQPACKET socket, owned by the port socket from success on; -1 for none
 * (connections then come from cp_portsock_adopt).
 * Return: the port socket, or NULL and errno. Context: control thread, as all here.
 */
struct cp_portsock *cp_portsock_create(const struct cp_portsock_config *cfg, int listen_fd);

/* Detach every client and free. NULL is legal. */
void cp_portsock_destroy(struct cp_portsock *ps);

/*
 * Serve a connected SEQPACKET socket.
 * @fd: owned by the port socket, also after an error.
 * Return: 0, or -errno (-EMFILE: too many connections).
 */
int cp_portsock_adopt(struct cp_portsock *ps, int fd, const struct cp_caller *who, uid_t uid);

unsigned cp_portsock_connections(const struct cp_portsock *ps);

#endif
