/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues in a guest's memory, from the device's side: split ones (vring.c) and packed ones
 * (vpack.c). No I/O, no DPDK.
 *
 * The guest may change anything at any time: every index, descriptor and address is read once into
 * a local and checked there; every walk is bounded.
 *
 * What is offered is found from a position on, which moves by slots: a buffer is one slot of a
 * split queue and as many of a packed one as it has descriptors. Buffers are returned in the order
 * in which they were offered, so the position of a buffer is also that of its return. What was
 * taken (next) and what was returned (done) are positions; between them lies what is being worked
 * on, perhaps by several threads at once (host/vlease.h).
 *
 * Source: virtio 1.2, 2.7 and 2.8.
 */
#ifndef HOST_VRING_H
#define HOST_VRING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRING_REGIONS 64
#define VRING_SIZE_MAX 32768u
#define VRING_SEGS 64		/* pieces of one chain */
#define VRING_CHAIN_MAX 131072u /* bytes of one chain that are looked at */

/* What lies in the guest's memory. Little-endian: see vhost.c for other hosts. */
#define VQ_DESC_F_NEXT 1u
#define VQ_DESC_F_WRITE 2u
#define VQ_DESC_F_INDIRECT 4u
#define VQ_AVAIL_F_NO_INTERRUPT 1u
#define VQ_USED_F_NO_NOTIFY 1u

struct vq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
static_assert(sizeof(struct vq_desc) == 16, "Source: virtio 1.2, 2.7.5");

struct vq_avail {
	uint16_t flags, idx;
	uint16_t ring[]; /* one more behind them: used_event */
};
static_assert(sizeof(struct vq_avail) == 4, "Source: virtio 1.2, 2.7.6");

struct vq_used_elem {
	uint32_t id, len;
};

struct vq_used {
	uint16_t flags, idx;
	struct vq_used_elem ring[]; /* behind them: avail_event, 16 bits */
};
static_assert(sizeof(struct vq_used) == 4, "Source: virtio 1.2, 2.7.8");

/* The same of a packed queue. */
#define VP_DESC_F_AVAIL 0x80u
#define VP_DESC_F_USED 0x8000u
#define VP_EVENT_ENABLE 0u
#define VP_EVENT_DISABLE 1u
#define VP_EVENT_DESC 2u
#define VP_WRAP 0x8000u /* of a position: the wrap counter; below it the slot */

struct vp_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id, flags;
};
static_assert(sizeof(struct vp_desc) == 16, "Source: virtio 1.2, 2.8.13");

struct vp_event {
	uint16_t off_wrap, flags;
};
static_assert(sizeof(struct vp_event) == 4, "Source: virtio 1.2, 2.8.14");

/* Guest-physical memory as it is mapped here. */
struct vring_mem {
	unsigned n;
	struct vring_region {
		uint64_t gpa, size;
		uint8_t *va;
	} region[VRING_REGIONS];
};

struct vring_queue {
	uint32_t size; /* split: a power of two */
	bool packed, event_idx;
	union {
		struct vq_desc *desc;
		struct vp_desc *ring; /* packed */
	};
	union {
		struct vq_avail *avail;
		struct vp_event *driver; /* packed: what the guest wants to be told */
	};
	union {
		struct vq_used *used;
		struct vp_event *device; /* packed: what we want to be told */
	};
	uint16_t next; /* position of the first buffer that was not taken yet */
	uint16_t done; /* position of the first that was not returned yet */
	uint16_t heal; /* packed: slots ahead that may have been returned before their turn */
	uint16_t used_offset; /* split: from a position to its index in used */
};

/* A buffer of the guest, as it is returned. */
struct vring_buf {
	uint16_t id, slots;
	uint32_t len; /* bytes written to it */
};

struct vring_piece {
	uint8_t *p;
	uint32_t len;
};

/* A buffer of the guest: one or more pieces of its memory. */
struct vring_chain {
	struct vring_buf buf;
	unsigned n;
	uint32_t bytes;
	struct vring_piece piece[VRING_SEGS];
};

/* Is the size one a ring may have? */
bool vring_size_ok(uint32_t size, bool packed);

/* Return: where len bytes at gpa are, or NULL; *len is cut to what is contiguous there. */
uint8_t *vring_address(const struct vring_mem *mem, uint64_t gpa, uint64_t *len);

enum vring_fault {
	VRING_OK,
	VRING_NONE,	 /* no buffer is offered there */
	VRING_MALFORMED, /* flags, directions, loops, too many pieces */
	VRING_ADDRESS,	 /* outside the guest's memory */
};

/*
 * The buffer at a position, all its pieces of one direction.
 * @writable: for the device to write. On a fault other than VRING_NONE c->buf is to be returned
 * all the same. Return: VRING_OK, or what is wrong.
 */
enum vring_fault vring_chain(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
			     bool writable, struct vring_chain *c);

/*
 * The common case for a whole burst: what of the n buffers from a position on is one descriptor
 * and one piece. All its memory is on the way into the cache afterwards.
 * @buf: n, their ids unchecked, len 0. @piece: n; its len is 0 where vring_chain has to look.
 * Return: buffers offered. Behind one of several slots it ends: there may be more.
 */
unsigned vring_scan(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
		    unsigned n, bool writable, struct vring_buf *buf, struct vring_piece *piece);

/* Return: the position some slots behind another, at most the size. */
static inline uint16_t vring_behind(const struct vring_queue *r, uint16_t at, unsigned slots)
{
	uint32_t slot = (at & (VP_WRAP - 1)) + slots;

	if (!r->packed)
		return (uint16_t)(at + slots);
	return (uint16_t)(slot < r->size ? at + slots : (slot - r->size) | (~at & VP_WRAP));
}

/* Put n buffers back that were found from a position on. The guest may see them from now on. */
void vring_put(const struct vring_queue *r, uint16_t at, const struct vring_buf *buf, unsigned n);

/*
 * Packed: where whoever served the ring before us has stopped, as the ring itself shows it; it need
 * not have known that it would stop. The guest can make this nonsense, to its own loss.
 * What it had returned already behind that is passed over by vring_publish: set heal to the size.
 */
uint16_t vring_position(const struct vring_queue *r);

/* All up to a position was put: make it seen. Return: is the guest to be interrupted? */
bool vring_publish(struct vring_queue *r, uint16_t to);

/* Ask to be notified of the next buffer. Return: there is one already. */
bool vring_arm(struct vring_queue *r);
void vring_disarm(struct vring_queue *r);

/*
 * Copy up to n bytes out of the chain's beginning and advance it, so that what is left begins
 * behind them. Return: bytes copied.
 */
uint32_t vring_pull(struct vring_chain *c, void *to, uint32_t n);

#endif
