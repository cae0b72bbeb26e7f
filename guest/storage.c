/* SPDX-License-Identifier: Apache-2.0 */
/* Guest storage: a sealed memfd, mapped. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/guest.h"

#define HUGE_BYTES (2u << 20)

static int memfd_map(struct guest_storage *st)
{
	int rc;

	if (ftruncate(st->fd, (off_t)st->bytes) < 0)
		return -errno;
	st->host = mmap(NULL, st->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, st->fd, 0);
	if (st->host == MAP_FAILED) {
		rc = -errno;
		st->host = NULL;
		return rc;
	}
	/* Only a wish. Not MFD_HUGETLB: a daemon does not take memory from hugetlbfs. */
	madvise(st->host, st->bytes, MADV_HUGEPAGE);
	/* The peer maps it too: a file that could shrink would let one side kill the other. */
	if (fcntl(st->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	return 0;
}

int guest_storage_create(struct guest_storage *st, uint64_t base, size_t bytes)
{
	int rc;

	st->base = base;
	st->bytes = (bytes + HUGE_BYTES - 1) & ~(size_t)(HUGE_BYTES - 1);
	st->host = NULL;
	st->fd = memfd_create("guest-storage", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (st->fd < 0)
		return -errno;
	rc = memfd_map(st);
	if (rc < 0)
		guest_storage_destroy(st);
	return rc;
}

void guest_storage_destroy(struct guest_storage *st)
{
	if (st->host)
		munmap(st->host, st->bytes);
	if (st->fd >= 0)
		close(st->fd);
	st->host = NULL;
	st->fd = -1;
}
