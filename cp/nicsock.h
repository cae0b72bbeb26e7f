/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of NICs of TYPE STREAM and DGRAM, for QEMU (docs/qemu.md). */
#ifndef CP_NICSOCK_H
#define CP_NICSOCK_H

#include "cp/cp.h"

struct event_base;
struct cp_nicsocks;
struct cp_nicsock;

struct cp_nicsocks_config {
	struct event_base *base;
	const char *dir; /* zland's; must outlive */
	/* A line for the event log. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/* Return: an empty set, or NULL and errno. Context: control thread, as all here. */
struct cp_nicsocks *cp_nicsocks_create(const struct cp_nicsocks_config *cfg);
/* All sockets are closed. NULL is legal. */
void cp_nicsocks_destroy(struct cp_nicsocks *set);
/* Once a second: peers that went without a word. */
void cp_nicsocks_tick(struct cp_nicsocks *set);

/*
 * Make DIR/USER-VDEV.sock and serve who comes; for cp_hooks.open_socket.
 * Return: the socket, or NULL and errno.
 */
struct cp_nicsock *cp_nicsock_open(struct cp_nicsocks *set, struct cp *cp, const char *user,
				   uint16_t vdev, enum cp_nic_type type);
/* The NIC is about to go and was revoked. */
void cp_nicsock_close(struct cp_nicsock *s);
/* The accounts of its user have changed. */
void cp_nicsock_access(struct cp_nicsock *s);

#endif
