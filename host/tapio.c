/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tapio.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* RWF_NOWAIT; the kernel header's spelling of it is not for sparse. */
#define FLAG_NOWAIT 8

enum direction { READ, WRITE };

void tapio_open(struct tapio *io, int fd)
{
	io->fd = io->sqe_fd = fd;
	io->sqe_flags = 0;
	io->rw_flags = FLAG_NOWAIT;
	io->uring = !io_uring_queue_init(TAPIO_MAX, &io->ring, 0);
	/* A registered file spares each operation its look-up: 8 % of a small frame's cost. */
	if (io->uring && !io_uring_register_files(&io->ring, &fd, 1)) {
		io->sqe_fd = 0;
		io->sqe_flags = IOSQE_FIXED_FILE;
	}
}

void tapio_close(struct tapio *io)
{
	if (!io->uring)
		return;
	/* The ring itself goes some time later, and would keep the device open until then. */
	if (io->sqe_flags & IOSQE_FIXED_FILE)
		io_uring_unregister_files(&io->ring);
	io_uring_queue_exit(&io->ring);
	io->uring = false;
}

static void run_plain(struct tapio *io, enum direction dir, struct tapio_op *op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ssize_t len;

		do {
			len = dir == READ ? readv(io->fd, op[i].iov, (int)op[i].niov)
					  : writev(io->fd, op[i].iov, (int)op[i].niov);
		} while (len < 0 && errno == EINTR);
		op[i].res = len < 0 ? -errno : (int32_t)len;
		if (len >= 0 || errno != EAGAIN)
			continue;
		/* Nothing to read or no room: not for the rest either. */
		while (++i < n)
			op[i].res = -EAGAIN;
	}
}

static unsigned reap(struct tapio *io, struct tapio_op *op, unsigned n)
{
	struct io_uring_cqe *cqe;
	unsigned done = 0, head;

	io_uring_for_each_cqe(&io->ring, head, cqe)
	{
		if (cqe->user_data < n)
			op[cqe->user_data].res = cqe->res;
		done++;
	}
	io_uring_cq_advance(&io->ring, done);
	return done;
}

static void prepare(const struct tapio *io, enum direction dir, struct io_uring_sqe *sqe,
		    const struct tapio_op *op)
{
	const struct iovec *iov = op->iov;

	if (op->niov > 1 && dir == READ)
		io_uring_prep_readv2(sqe, io->sqe_fd, iov, op->niov, 0, io->rw_flags);
	else if (op->niov > 1)
		io_uring_prep_writev2(sqe, io->sqe_fd, iov, op->niov, 0, io->rw_flags);
	else if (dir == READ)
		io_uring_prep_read(sqe, io->sqe_fd, iov->iov_base, (unsigned)iov->iov_len, 0);
	else
		io_uring_prep_write(sqe, io->sqe_fd, iov->iov_base, (unsigned)iov->iov_len, 0);
	if (op->niov == 1)
		memcpy(&sqe->rw_flags, &io->rw_flags, sizeof(sqe->rw_flags));
	sqe->flags |= io->sqe_flags;
}

/*
 * RWF_NOWAIT is what makes an operation complete at once with -EAGAIN: on a device that supports it
 * io_uring ignores O_NONBLOCK and would wait for a frame. Devices that do not support it refuse the
 * flag, and there O_NONBLOCK counts. So each operation is complete, in order, when the submission
 * returns.
 */
static void run_uring(struct tapio *io, enum direction dir, struct tapio_op *op, unsigned n)
{
	unsigned left = n;

	for (unsigned i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

		assert(sqe); /* the ring has TAPIO_MAX entries and is empty between runs */
		prepare(io, dir, sqe, &op[i]);
		io_uring_sqe_set_data64(sqe, i);
		op[i].res = -EAGAIN;
	}
	while (left) {
		int rc = io_uring_submit_and_wait(&io->ring, left);

		left -= reap(io, op, n);
		if (rc >= 0 || rc == -EINTR)
			continue;
		/* Forbidden since (a filter), or no memory: from now on call by call, beginning
		 * with what was not submitted. */
		left = io_uring_sq_ready(&io->ring);
		tapio_close(io);
		run_plain(io, dir, op + n - left, left);
		return;
	}
	if (n && op[0].res == -EOPNOTSUPP && io->rw_flags) {
		io->rw_flags = 0;
		run_plain(io, dir, op, n);
	}
}

static void run(struct tapio *io, enum direction dir, struct tapio_op *op, unsigned n)
{
	assert(n <= TAPIO_MAX);
	/* One operation is cheaper without the ring. */
	if (io->uring && n > 1)
		run_uring(io, dir, op, n);
	else
		run_plain(io, dir, op, n);
}

void tapio_read(struct tapio *io, struct tapio_op *op, unsigned n)
{
	run(io, READ, op, n);
}

void tapio_write(struct tapio *io, struct tapio_op *op, unsigned n)
{
	run(io, WRITE, op, n);
}
