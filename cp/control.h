/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, zland's side (docs/control-protocol.md). */
#ifndef CP_CONTROL_H
#define CP_CONTROL_H

#include <sys/types.h>

#include "cp/cp.h"

struct event_base;
struct cp_control;

struct cp_control_config {
	struct event_base *base;
	struct cp *cp;
	/* Answers are about to be sent: what they tell of must survive a kill. May be NULL. */
	void (*settle)(void *ctx);
	/* A line for the event log. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * @listen_fd: a listening STREAM socket, owned by the control socket from success on; -1 for
 * none (connections then come from cp_control_adopt).
 * Return: the control socket, or NULL and errno. Context: control thread, as all here.
 */
struct cp_control *cp_control_create(const struct cp_control_config *cfg, int listen_fd);

/* End every connection (what a client was to be told is written if it can be) and free. NULL is
 * legal. */
void cp_control_destroy(struct cp_control *ct);

/*
 * Serve a connected STREAM socket. Who has not class B is told so and turned away.
 * @fd: owned by the control socket, also after an error. Return: 0 or -errno.
 */
int cp_control_adopt(struct cp_control *ct, int fd, const struct cp_caller *who);

/* As cp_hooks.appeared. */
void cp_control_appeared(struct cp_control *ct, struct vs_switch *sw);
/* As cp_hooks.forget: end the captures on a switch or port. */
void cp_control_forget(struct cp_control *ct, struct vs_switch *sw, struct vs_port *p);

unsigned cp_control_connections(const struct cp_control *ct);

#endif
