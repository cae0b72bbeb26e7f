/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared page of a client and the descriptors beside it. The client can write all of the
 * page at any time; zland never takes a decision on what it reads there that concerns anybody else.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct channel_signal closed = {
	.page_fd = -1, .doorbell_fd = -1, .interrupt_fd = -1, .interrupt_write_fd = -1};

/* Sealed in size: a client that cuts the page off would cause a SIGBUS here. */
static int open_page(struct channel_signal *s)
{
	void *p;

	s->page_fd = memfd_create("zlan-channel-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->page_fd < 0)
		return -errno;
	if (ftruncate(s->page_fd, sizeof(struct channel_page)) < 0 ||
	    fcntl(s->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	p = mmap(NULL, sizeof(struct channel_page), PROT_READ | PROT_WRITE, MAP_SHARED, s->page_fd,
		 0);
	if (p == MAP_FAILED)
		return -errno;
	s->page = p;
	return 0;
}

static int open_descriptors(struct channel_signal *s)
{
	int pipe_fd[2];

	s->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->doorbell_fd < 0)
		return -errno;
	if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	s->interrupt_fd = pipe_fd[0];
	s->interrupt_write_fd = pipe_fd[1];
	return 0;
}

int channel_signal_open(struct channel_signal *s)
{
	int rc;

	*s = closed;
	rc = open_page(s);
	if (!rc)
		rc = open_descriptors(s);
	if (rc)
		channel_signal_close(s);
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void channel_signal_close(struct channel_signal *s)
{
	if (s->page)
		munmap(s->page, sizeof(*s->page));
	close_fd(s->page_fd);
	close_fd(s->doorbell_fd);
	close_fd(s->interrupt_fd);
	close_fd(s->interrupt_write_fd);
	*s = closed;
}

void channel_signal_raise(struct channel_signal *s, uint32_t bit)
{
	_Atomic uint32_t *pending = (_Atomic uint32_t *)&s->page->pending;
	uint64_t one = 1;

	/*
	 * acq_rel: the states and indicators stored before are visible to a client that
	 * exchanges pending. If a bit was set before, whoever set it has woken the client, or is
	 * about to, and the client has not exchanged yet: it will see this bit as well.
	 */
	if (atomic_fetch_or_explicit(pending, bit, memory_order_acq_rel) != 0)
		return;
	/* Fails only if the pipe is full: then the client is being woken as it is. Our end of the
	 * pipe is our own file description, non-blocking whatever the client does. */
	if (write(s->interrupt_write_fd, &one, sizeof(one)) < 0)
		return;
}

void channel_signal_active(struct channel_signal *s, bool active)
{
	_Atomic uint32_t *flag = (_Atomic uint32_t *)&s->page->active;

	/* release: the queues work before the client sees it. */
	atomic_store_explicit(flag, active, memory_order_release);
}
