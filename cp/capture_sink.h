/* SPDX-License-Identifier: Apache-2.0 */
/* A stream on a descriptor whose reader may be slow: waiting for it can be interrupted. */
#ifndef CP_CAPTURE_SINK_H
#define CP_CAPTURE_SINK_H

#include <stdio.h>

struct cp_sink {
	int fd;	     /* not closed with the stream */
	int stop_fd; /* polls readable when waiting is to end */
	int rc;	     /* 0, -EPIPE (the reader is gone), -EINTR (stopped), or -errno of a write */
};

/* @s: with fd and stop_fd set; must outlive the stream. Return: the stream, or NULL and errno. */
FILE *cp_sink_open(struct cp_sink *s);

#endif
