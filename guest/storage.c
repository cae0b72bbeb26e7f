/* SPDX-License-Identifier: Apache-2.0 */
/* Guest storage: a sealed memfd, mapped. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/guest.h"

#define HUGE_BYTES (2u << 20)

static int memfd_map(struct guest_storage *st, unsigned flags)
{
	st->fd = memfd_create("guest-storage", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (st->fd < 0)
		return -errno;
	if (ftruncate(st->fd, (off_t)st->bytes) < 0)
		goto close_fd;
	st->host =
		mmap(NULL, st->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, st->fd, 0);
	if (st->host == MAP_FAILED)
		goto close_fd;
	/* The peer maps it too: a file that could shrink would let one side kill the other. */
	if (fcntl(st->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		return 0;
	munmap(st->host, st->bytes);
close_fd:
	close(st->fd);
	st->fd = -1;
	return -errno;
}

int guest_storage_create(struct guest_storage *st, uint64_t base, size_t bytes)
{
	int rc;

	st->base = base;
	st->bytes = (bytes + HUGE_BYTES - 1) & ~(size_t)(HUGE_BYTES - 1);
	if (memfd_map(st, MFD_HUGETLB) == 0)
		return 0;
	rc = memfd_map(st, 0);
	if (rc == 0)
		madvise(st->host, st->bytes, MADV_HUGEPAGE); /* only a wish */
	return rc;
}

void guest_storage_destroy(struct guest_storage *st)
{
	if (!st->host)
		return;
	munmap(st->host, st->bytes);
	close(st->fd);
	st->host = NULL;
}
