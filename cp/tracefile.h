/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of traces: what TRSOURCE covers, written by zland into traces/ID.pcapng in its folder.
 */
#ifndef CP_TRACEFILE_H
#define CP_TRACEFILE_H

#include <event2/event.h>

#include "cp/capture.h"

struct cp_tracefile;

struct cp_tracefile_config {
	struct event_base *base;
	int dir_fd;	    /* zland's folder */
	uint64_t max_bytes; /* of a file; then it becomes ID.1.pcapng, and that one goes */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Begin a file; one that is there becomes ID.1.pcapng. It covers nothing yet.
 * @id: a name the command language accepts. @err: text for a reply.
 * Return: it, or NULL and err set. Context of all: control thread.
 */
struct cp_tracefile *cp_tracefile_open(const struct cp_tracefile_config *cfg, const char *id,
				       const struct cp_capture_filter *filter, char *err,
				       size_t err_len);
/* In place of what it covered before: a switch (NULL: nothing), or one port of it. */
void cp_tracefile_cover(struct cp_tracefile *t, struct vs_switch *sw, struct vs_port *port);
void cp_tracefile_status(const struct cp_tracefile *t, struct cp_trace_status *s);
/* What was captured is written. NULL is legal. */
void cp_tracefile_close(struct cp_tracefile *t);

#endif
