/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the channel socket: a connection and the storage behind it. */
#ifndef CP_CHANNEL_PRIV_H
#define CP_CHANNEL_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "cp/channel.h"
#include "cp/channel_wire.h"
#include "cp/conn.h"

/* ---- storage of a client (channel_storage.c) ------------------------------------------ */

struct channel_storage {
	struct qdio_storage map; /* map.region[i].host is mapped for map.region[i].len */
};

/*
 * Check the regions and their memfds and map them.
 * @fds: one per region; not consumed.
 * Return: 0, or -errno and a reason; then nothing is mapped.
 */
int channel_storage_map(struct channel_storage *st, const struct channel_attach *msg,
			const int *fds, unsigned nfds, const char **why);
void channel_storage_unmap(struct channel_storage *st);

/* ---- signals to and from a client (channel_signal.c) ----------------------------------- */

/* The shared page and the descriptors beside it. */
struct channel_signal {
	struct channel_page *page;
	int page_fd;
	int doorbell_fd; /* eventfd; never read or written by zland */
	/* A pipe, for the client to read: on an eventfd it could switch O_NONBLOCK off for both
	 * sides and fill the counter, and a worker's write would block. */
	int interrupt_fd;	/* the client's end */
	int interrupt_write_fd; /* ours */
};

/* Return: 0 or -errno; then nothing is open. */
int channel_signal_open(struct channel_signal *s);
void channel_signal_close(struct channel_signal *s);
/* @bit: CHANNEL_PENDING_*. Any thread; never blocks. */
void channel_signal_raise(struct channel_signal *s, uint32_t bit);
void channel_signal_active(struct channel_signal *s, bool active);

/* ---- a connection (channel_conn.c) ------------------------------------------------------ */

struct channel_conn {
	struct cp_conn conn; /* the first member */
	struct cp_channel *ch;
	unsigned version; /* spoken, once it has been attached */
	bool attached;	  /* what follows is valid */
	struct cp_nic *nic;
	struct qdio_group *group;
	struct channel_storage storage;
	struct channel_signal signal;
};

/* Return: the connection, or NULL and errno; fd is then still the caller's. */
struct channel_conn *channel_conn_open(struct cp_channel *ch, int fd, const struct cp_caller *who);

/* Of the channel (channel.c). */
const struct cp_channel_config *channel_config(const struct cp_channel *ch);
/* The connection that was adopted last, or NULL: for the fuzz target. */
struct channel_conn *channel_newest(const struct cp_channel *ch);
/* The connection is about to be freed. */
void channel_forget(struct cp_channel *ch, struct channel_conn *c);

#endif
