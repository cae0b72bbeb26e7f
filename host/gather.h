/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a burst as io vectors, tags edited, for sockets. Private to host/. */
#ifndef HOST_GATHER_H
#define HOST_GATHER_H

#include <stddef.h>
#include <sys/uio.h>

#include "vswitch/port.h"

#define GATHER_IOV 1024 /* IOV_MAX of Linux */

/* Some frames; frame i is bytes[i] long and begins at iov[first[i]]. */
struct gather {
	unsigned n, n_iov;
	unsigned first[VS_BURST];
	size_t bytes[VS_BURST];
	uint8_t length[VS_BURST][4]; /* in front of each, big-endian, if asked for */
	uint8_t tag[VS_BURST][4];
	struct iovec iov[GATHER_IOV];
};

/* As many of the n frames as fit; at least one. @lengths: each follows its length. */
void gather_frames(struct gather *g, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		   bool lengths);
/* Copy frame i out. Return: its bytes. */
size_t gather_copy(const struct gather *g, unsigned i, uint8_t *to);

/* Append a received frame to a burst; it stays where it is. */
void gather_take(struct vs_burst *b, const uint8_t *frame, uint32_t len);

#endif
