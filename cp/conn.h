/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of the channel socket or the port socket: messages in, answers out, and its end.
 * What the messages mean is its owner's. Control thread.
 *
 * Two kinds of faults: a message that is not one (its length, descriptors lost on the way) ends
 * the connection after an answer that says so; a request that is refused is only answered. Who
 * does not read his answers is lost.
 *
 * A lost connection is closed from the event loop, when nothing of ours is on the call stack.
 */
#ifndef CP_CONN_H
#define CP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cp/clients.h"

struct event;
struct cp_conn;

/* How every message of both protocols begins. */
struct cp_conn_hdr {
	uint16_t type;
	uint16_t len; /* of the whole message */
	uint32_t tag;
};

#define CP_CONN_MSG_MAX 1024
#define CP_CONN_TEXT_BYTES 128	  /* of a refusal's text, its NUL included */
#define CP_CONN_OUTPUT_TYPE 66	  /* CHANNEL_OUTPUT, PORT_OUTPUT */
#define CP_CONN_OUTPUT_BYTES 1008 /* of text in one of them */

struct cp_conn_ops {
	size_t longest; /* bytes of a message, at most CP_CONN_MSG_MAX */
	/* Return: the length of a message of the type; 0: there is none in the version spoken. */
	size_t (*bytes)(const struct cp_conn *c, unsigned type);
	/*
	 * A message of that length.
	 * @fds: not consumed.
	 */
	void (*message)(struct cp_conn *c, const void *msg, const int *fds, unsigned nfds);
	/*
	 * Send the answer of a request that is refused.
	 * @error: errno.
	 * @text: CP_CONN_TEXT_BYTES, "ZLNnnnnE ...".
	 */
	void (*refused)(struct cp_conn *c, uint32_t tag, int error, const char *text);
	/* What cp_conn_settle has asked for. NULL is legal. */
	void (*settled)(struct cp_conn *c);
	/* End and free it. */
	void (*close)(struct cp_conn *c);
};

struct cp_conn {
	struct cp_client head; /* the first member; this is its owner's first */
	const struct cp_conn_ops *ops;
	int fd;
	struct cp_caller who;
	bool lost; /* to be closed; nothing more is read or sent */
	struct event *readable;
	struct event *settle;
};

/*
 * Begin to read. c is all zero.
 * @fd: owned from success on.
 * Return: 0 or -ENOMEM.
 */
int cp_conn_init(struct cp_conn *c, struct event_base *base, int fd, const struct cp_caller *who,
		 const struct cp_conn_ops *ops);
void cp_conn_fini(struct cp_conn *c);
/* End and free the connection of a client: as cp_clients_ops has it. */
void cp_conn_close(struct cp_client *client);

/* The client is to be dropped, not here but when the stack has unwound. */
void cp_conn_lose(struct cp_conn *c);
/* Call ops->settled when the stack has unwound, or close if it is lost by then. */
void cp_conn_settle(struct cp_conn *c);

/* @fds: stay the caller's. */
void cp_conn_send(struct cp_conn *c, const void *msg, size_t len, const int *fds, unsigned nfds);
/* @error: errno. */
void cp_conn_refuse(struct cp_conn *c, uint32_t tag, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One message, as received: checked, and handed to its owner. */
void cp_conn_message(struct cp_conn *c, const void *msg, size_t len, const int *fds, unsigned nfds);

/* To whom the output of a command goes: the context of cp_conn_output. */
struct cp_conn_answer {
	struct cp_conn *c;
	uint32_t tag;
};

/* Send a piece of a command's output, as cp_guest_command has it, in messages of type OUTPUT. */
void cp_conn_output(void *answer, enum cp_guest_output what, const char *text, size_t n);

#endif
