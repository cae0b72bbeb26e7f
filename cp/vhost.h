/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of NICs of TYPE VHOST: guests with virtio-net by vhost-user. */
#ifndef CP_VHOST_H
#define CP_VHOST_H

#include "cp/cp.h"

struct event_base;
struct cp_dpdk;
struct cp_vhost;

struct cp_vhost_config {
	struct event_base *base;
	struct cp_dpdk *dpdk;
	const char *dir; /* zland's; must outlive */
	/* A line for the event log. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Make DIR/USER-VDEV.vhost, which the user's account may connect to, and serve who comes.
 * @cfg: must outlive it. @err: text for the user.
 * Return: the socket, or NULL and errno. Context: control thread, as all here.
 */
struct cp_vhost *cp_vhost_open(const struct cp_vhost_config *cfg, struct cp *cp, const char *user,
			       uint16_t vdev, char *err, size_t err_len);
/* The accounts of its user have changed. */
void cp_vhost_access(struct cp_vhost *s);
/* The NIC is about to go and was revoked. */
void cp_vhost_close(struct cp_vhost *s);

#endif
