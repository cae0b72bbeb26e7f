/* SPDX-License-Identifier: Apache-2.0 */
/* The channel socket, zland's side (docs/channel-protocol.md). */
#ifndef CP_CHANNEL_H
#define CP_CHANNEL_H

#include "cp/cp.h"

struct event_base;
struct cp_channel;

struct cp_channel_config {
	struct event_base *base;
	struct cp *cp;
	/* The workers are to look at the output queues (SIGA by message). Any thread. */
	void (*kick)(void *ctx);
	/* A line for the event log. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * @listen_fd: a listening SEQPACKET socket, owned by the channel from success on; -1 for none
 * (connections then come from cp_channel_adopt).
 * Return: the channel, or NULL and errno. Context: control thread, as all here.
 */
struct cp_channel *cp_channel_create(const struct cp_channel_config *cfg, int listen_fd);

/* Detach every client and free. NULL is legal. */
void cp_channel_destroy(struct cp_channel *ch);

/*
 * Serve a connected SEQPACKET socket.
 * @fd: owned by the channel, also after an error.
 * Return: 0, or -errno (-EMFILE: too many connections).
 */
int cp_channel_adopt(struct cp_channel *ch, int fd, const struct cp_caller *who, uid_t uid);

unsigned cp_channel_connections(const struct cp_channel *ch);

#endif
