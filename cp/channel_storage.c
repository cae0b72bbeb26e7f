/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's storage: memfds that zland maps and that the client must not be able to take away
 * again, because an access behind the end of a file is a SIGBUS. So only real memfds
 * (tmpfs) that are sealed against shrinking are taken. Memory from hugetlbfs is not: a
 * hole punched into it can be impossible to fill again, which is a SIGBUS too.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PAGE_BYTES 4096u
/* All storage of one client: room for many clients in a process's address space of 2^47. */
#define STORAGE_MAX (UINT64_C(1) << 38)

static_assert(CHANNEL_REGIONS_MAX <= QDIO_REGIONS_MAX, "every region of a message has a place");

/* Return: NULL, or what is wrong with a region by itself. */
static const char *check_region(const struct channel_region *r)
{
	if ((r->addr | r->len | r->offset) % PAGE_BYTES)
		return "a region is not aligned to 4096 bytes";
	if (r->len == 0 || r->len > STORAGE_MAX)
		return "a region is empty or longer than 256 GiB";
	if (r->addr > UINT64_MAX - r->len)
		return "a region's address wraps";
	if (r->offset > INT64_MAX - r->len)
		return "a region's offset is beyond every file";
	return NULL;
}

static bool overlap(const struct channel_region *a, const struct channel_region *b)
{
	return a->addr < b->addr + b->len && b->addr < a->addr + a->len;
}

static const char *check_regions(const struct channel_attach *msg, unsigned nfds)
{
	uint64_t sum = 0;

	if (msg->nregions == 0 || msg->nregions > CHANNEL_REGIONS_MAX)
		return "1 to 4 regions are needed";
	if (nfds != msg->nregions)
		return "one descriptor per region is needed";
	for (unsigned i = 0; i < msg->nregions; i++) {
		const char *why = check_region(&msg->region[i]);

		if (why)
			return why;
		sum += msg->region[i].len;
		for (unsigned j = 0; j < i; j++)
			if (overlap(&msg->region[i], &msg->region[j]))
				return "regions overlap";
	}
	return sum > STORAGE_MAX ? "storage is larger than 256 GiB" : NULL;
}

/* The seal is looked at before the size: after that the size can only grow. */
static const char *check_file(int fd, uint64_t end)
{
	struct statfs fs;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return "a descriptor is not a memfd";
	if (!(seals & F_SEAL_SHRINK))
		return "a memfd is not sealed with F_SEAL_SHRINK";
	if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return "a memfd is not of normal pages";
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < end)
		return "a region ends behind its memfd";
	return NULL;
}

static int map_region(struct channel_storage *st, const struct channel_region *r, int fd,
		      const char **why)
{
	struct qdio_region *to = &st->map.region[st->map.n];
	void *p;

	*why = check_file(fd, r->offset + r->len);
	if (*why)
		return -EINVAL;
	p = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		 (off_t)r->offset);
	if (p == MAP_FAILED) {
		int rc = -errno;

		*why = rc == -EPERM ? "a memfd cannot be written" : "a region cannot be mapped";
		return rc;
	}
	/* A guest's storage does not belong into a core file of zland. */
	(void)madvise(p, r->len, MADV_DONTDUMP);
	*to = (struct qdio_region){.addr = r->addr, .len = r->len, .host = p};
	st->map.n++;
	return 0;
}

int channel_storage_map(struct channel_storage *st, const struct channel_attach *msg,
			const int *fds, unsigned nfds, const char **why)
{
	memset(st, 0, sizeof(*st));
	*why = check_regions(msg, nfds);
	if (*why)
		return -EINVAL;
	for (unsigned i = 0; i < msg->nregions; i++) {
		int rc = map_region(st, &msg->region[i], fds[i], why);

		if (rc) {
			channel_storage_unmap(st);
			return rc;
		}
	}
	return 0;
}

void channel_storage_unmap(struct channel_storage *st)
{
	for (unsigned i = 0; i < st->map.n; i++)
		munmap(st->map.region[i].host, st->map.region[i].len);
	st->map.n = 0;
}
