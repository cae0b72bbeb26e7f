/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several frames per system call on a character device that moves one frame per read or write:
 * by io_uring, or call by call where the kernel or a filter does not allow it.
 */
#ifndef HOST_TAPIO_H
#define HOST_TAPIO_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define TAPIO_MAX 64u /* operations of one run */

struct tapio {
	int fd; /* not blocking */
	/* Of each io_uring operation. */
	int rw_flags;
	int sqe_fd;
	uint8_t sqe_flags;
	bool uring;
	struct io_uring ring;
};

/* One frame. */
struct tapio_op {
	const struct iovec *iov;
	unsigned niov;
	int32_t res; /* after the run: bytes, or -errno */
};

/* Never fails: without io_uring it falls back. @fd: borrowed, O_NONBLOCK. */
void tapio_open(struct tapio *io, int fd);
void tapio_close(struct tapio *io);

/* Do n <= TAPIO_MAX operations in this order; all are complete on return. Never waits for the
 * device. Context: one thread at a time. */
void tapio_read(struct tapio *io, struct tapio_op *op, unsigned n);
void tapio_write(struct tapio *io, struct tapio_op *op, unsigned n);

#endif
