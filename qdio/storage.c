/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest storage: every address a guest names becomes a host address here or is refused.
 *
 * The single region that covers nearly all guests is handled inline in qdio.h; several regions
 * and the callback are handled below. A range that crosses from one region into an adjacent one
 * can be copied but not mapped, for it is not contiguous in the host.
 */
#include <errno.h>

#include "qdio/qdio.h"

/* The host address of addr and how many bytes from there lie in one region; NULL if none. */
static uint8_t *region_at(const struct qdio_storage *st, uint64_t addr, uint64_t *left)
{
	for (unsigned i = 0; i < st->n && i < QDIO_REGIONS_MAX; i++) {
		const struct qdio_region *r = &st->region[i];
		uint64_t off = addr - r->addr; /* wraps to a large number below the region */

		if (off < r->len) {
			*left = r->len - off;
			return r->host + off;
		}
	}
	return NULL;
}

void *qdio_storage_map_any(const struct qdio_storage *st, uint64_t addr, uint64_t len, uint8_t key,
			   enum qdio_access access)
{
	uint64_t left;
	uint8_t *host;

	if (!len || addr + (len - 1) < addr)
		return NULL;
	if (st->map)
		return st->map(st->ctx, addr, len, key & 0x0F, access);
	host = region_at(st, addr, &left);
	return host && len <= left ? host : NULL;
}

static bool range_valid(const struct qdio_storage *st, uint64_t addr, uint64_t len)
{
	uint64_t left;

	if (addr + (len - 1) < addr)
		return false;
	while (len) {
		if (!region_at(st, addr, &left))
			return false;
		if (left >= len)
			return true;
		addr += left;
		len -= left;
	}
	return true;
}

static void copy_regions(const struct qdio_storage *st, uint64_t addr, uint8_t *bytes, size_t len,
			 enum qdio_access access)
{
	while (len) {
		uint64_t left = 0;
		uint8_t *host = region_at(st, addr, &left);
		size_t n = left < len ? (size_t)left : len;

		if (access == QDIO_STORE)
			memcpy(host, bytes, n);
		else
			memcpy(bytes, host, n);
		addr += n;
		bytes += n;
		len -= n;
	}
}

int qdio_storage_fetch(const struct qdio_storage *st, void *dst, uint64_t addr, size_t len,
		       uint8_t key)
{
	const void *host;

	if (!len)
		return 0;
	host = qdio_storage_map(st, addr, len, key, QDIO_FETCH);
	if (host)
		memcpy(dst, host, len);
	else if (st->map || !range_valid(st, addr, len))
		return -EFAULT;
	else
		copy_regions(st, addr, dst, len, QDIO_FETCH);
	return 0;
}

int qdio_storage_store(const struct qdio_storage *st, uint64_t addr, const void *src, size_t len,
		       uint8_t key)
{
	void *host;

	if (!len)
		return 0;
	host = qdio_storage_map(st, addr, len, key, QDIO_STORE);
	if (host)
		memcpy(host, src, len);
	else if (st->map || !range_valid(st, addr, len))
		return -EFAULT;
	else
		copy_regions(st, addr, (uint8_t *)(uintptr_t)src, len, QDIO_STORE);
	return 0;
}

/* Do two regions share a byte? Both are not empty and do not wrap. */
static bool overlap(const struct qdio_region *a, const struct qdio_region *b)
{
	return a->addr <= b->addr + (b->len - 1) && b->addr <= a->addr + (a->len - 1);
}

int qdio_storage_check(const struct qdio_storage *st)
{
	if (st->map)
		return st->n ? -EINVAL : 0;
	if (!st->n || st->n > QDIO_REGIONS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < st->n; i++) {
		const struct qdio_region *r = &st->region[i];

		if (!r->host || !r->len || r->addr + (r->len - 1) < r->addr)
			return -EINVAL;
		/* Aligned guest structures are accessed as aligned host objects: SBALEs as
		 * doublewords. */
		if (((uintptr_t)r->host ^ r->addr) % sizeof(struct qdio_sbale))
			return -EINVAL;
		for (unsigned j = 0; j < i; j++)
			if (overlap(r, &st->region[j]))
				return -EINVAL;
	}
	return 0;
}
