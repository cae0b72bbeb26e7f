/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split virtqueues in a guest's memory, from the device's side. No I/O, no DPDK.
 *
 * The guest may change anything at any time: every index, descriptor and address is read once into
 * a local and checked there; every walk is bounded.
 * Source: virtio 1.2, 2.7.
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

/* Guest-physical memory as it is mapped here. */
struct vring_mem {
	unsigned n;
	struct vring_region {
		uint64_t gpa, size;
		uint8_t *va;
	} region[VRING_REGIONS];
};

struct vring_queue {
	uint32_t size; /* a power of two */
	struct vq_desc *desc;
	struct vq_avail *avail;
	struct vq_used *used;
	uint16_t next;	    /* of avail that was not taken yet */
	uint16_t used_next; /* of used that was not written yet */
	uint16_t signalled; /* used_next when the guest was last told, or could have been */
	bool event_idx;
};

struct vring_piece {
	uint8_t *p;
	uint32_t len;
};

/* A buffer of the guest: one or more pieces of its memory. */
struct vring_chain {
	uint16_t head;
	unsigned n;
	uint32_t bytes;
	struct vring_piece piece[VRING_SEGS];
};

/* Is the size one a ring may have? */
bool vring_size_ok(uint32_t size);

/* Return: where len bytes at gpa are, or NULL; *len is cut to what is contiguous there. */
uint8_t *vring_address(const struct vring_mem *mem, uint64_t gpa, uint64_t *len);

/* Buffers the guest offers, at most the size. */
unsigned vring_pending(const struct vring_queue *r);

enum vring_fault {
	VRING_OK,
	VRING_MALFORMED, /* flags, directions, loops, too many pieces */
	VRING_ADDRESS,	 /* outside the guest's memory */
};

/*
 * The pending buffer number ahead (0: the next), all its pieces of one direction.
 * @writable: for the device to write. On a fault c->head is still to be returned, if valid.
 * Return: VRING_OK, or what is wrong.
 */
enum vring_fault vring_chain(const struct vring_queue *r, const struct vring_mem *mem,
			     unsigned ahead, bool writable, struct vring_chain *c);

/*
 * The common case for a whole burst: what of the next n pending buffers is one descriptor and one
 * piece. All its memory is on the way into the cache afterwards.
 * @head: n, as vring_chain's, unchecked. @piece: n; its len is 0 where vring_chain has to look.
 */
void vring_scan(const struct vring_queue *r, const struct vring_mem *mem, unsigned n, bool writable,
		uint16_t *head, struct vring_piece *piece);

/* The next n pending buffers are taken. */
static inline void vring_take(struct vring_queue *r, unsigned n)
{
	r->next = (uint16_t)(r->next + n);
}

/* Put a buffer back, not yet visible. @len: bytes written to it. */
void vring_put_used(struct vring_queue *r, uint16_t head, uint32_t len);

/* Make what was put visible. Return: is the guest to be interrupted? */
bool vring_publish(struct vring_queue *r);

/* Ask to be notified of the next buffer. Return: there is one already. */
bool vring_arm(struct vring_queue *r);
void vring_disarm(struct vring_queue *r);

/*
 * Copy up to n bytes out of the chain's beginning and advance it, so that what is left begins
 * behind them. Return: bytes copied.
 */
uint32_t vring_pull(struct vring_chain *c, void *to, uint32_t n);

#endif
