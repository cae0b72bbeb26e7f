/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker of a device sleeps on. */
#ifndef HOST_DPDK_WAIT_H
#define HOST_DPDK_WAIT_H

#include "host/dpdk/dpdk_priv.h"

#define WAIT_DESCRIPTORS 4096u /* looked at: new ones get the lowest numbers */

/* Descriptors that are sockets of a kind a driver may receive from. */
struct sockets {
	uint64_t set[WAIT_DESCRIPTORS / 64];
};
void wait_sockets(struct sockets *s);

struct wait {
	int fd; /* an epoll set; -1: not open */
	enum { WAIT_TIMER, WAIT_SOCKET, WAIT_INTERRUPT, WAIT_TAP } how;
	struct idle idle; /* but with WAIT_SOCKET */
	bool proven;	  /* an interrupt has come */
};

/*
 * For a started device.
 * @interrupts: it was configured with them. @before: of a time when the driver had no socket.
 * Return: 0 or -errno; wait_close in any case.
 */
int wait_open(struct wait *w, uint16_t id, unsigned queues, bool interrupts,
	      const struct sockets *before);
void wait_close(struct wait *w);
/* The worker is about to sleep and there is nothing. */
void wait_arm(struct wait *w);
/* What it is, for the user. */
const char *wait_name(const struct wait *w);

#endif
