/* SPDX-License-Identifier: Apache-2.0 */
/* What both kinds of virtqueues need. Private to vring.c and vpack.c. */
#ifndef HOST_VRING_PRIV_H
#define HOST_VRING_PRIV_H

#include <string.h>

#include "common/prefetch.h"
#include "host/vring.h"

#define LINE 64 /* of a cache */

/* A descriptor, of which the guest's copy is not looked at again. */
#define VRING_LOAD(local, from)                                                                    \
	do {                                                                                       \
		memcpy(&(local), from, sizeof(local));                                             \
		__asm__ volatile("" ::: "memory");                                                 \
	} while (0)

/* Add len bytes at gpa to the chain. */
enum vring_fault vring_add(struct vring_chain *c, const struct vring_mem *mem, uint64_t gpa,
			   uint64_t len);

/*
 * A table of descriptors elsewhere: in both kinds of queues they have one size. Return: VRING_OK:
 * all len bytes of it are at *table, which may begin at any address: VRING_LOAD does not mind.
 */
static_assert(sizeof(struct vq_desc) == sizeof(struct vp_desc), "vring_table");
enum vring_fault vring_table(const struct vring_mem *mem, uint64_t addr, uint64_t len,
			     const void **table);

/* A descriptor alone that is a buffer. Return: its piece; len 0: it is not so simple. */
static inline struct vring_piece vring_whole(const struct vring_mem *mem, uint64_t addr,
					     uint32_t len, unsigned flags, bool writable)
{
	struct vring_piece piece = {NULL, 0};
	uint64_t whole = len;

	if (flags & VQ_DESC_F_INDIRECT) {
		/* Not now, but soon. */
		__builtin_prefetch(vring_address(mem, addr, &whole));
		return piece;
	}
	if (flags & VQ_DESC_F_NEXT || !(flags & VQ_DESC_F_WRITE) != !writable ||
	    len > VRING_CHAIN_MAX)
		return piece;
	piece.p = vring_address(mem, addr, &whole);
	if (!piece.p || whole != len)
		return piece;
	piece.len = len;
	/* A short frame with its header, which may begin anywhere in a line. */
	if (writable) {
		prefetch_write(piece.p);
		prefetch_write(piece.p + LINE);
	} else {
		__builtin_prefetch(piece.p);
		__builtin_prefetch(piece.p + LINE);
	}
	return piece;
}

/* Packed queues: vpack.c. */
enum vring_fault vpack_chain(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
			     bool writable, struct vring_chain *c);
unsigned vpack_scan(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
		    unsigned n, bool writable, struct vring_buf *buf, struct vring_piece *piece);
void vpack_put(const struct vring_queue *r, uint16_t at, const struct vring_buf *buf, unsigned n);
bool vpack_publish(struct vring_queue *r, uint16_t from);
bool vpack_arm(struct vring_queue *r);
void vpack_disarm(struct vring_queue *r);

#endif
