/* SPDX-License-Identifier: Apache-2.0 */
#include "host/vring.h"

#include "common/prefetch.h"

#include <string.h>

#define LINE 64 /* of a cache */

bool vring_size_ok(uint32_t size)
{
	return size && size <= VRING_SIZE_MAX && !(size & (size - 1));
}

uint8_t *vring_address(const struct vring_mem *mem, uint64_t gpa, uint64_t *len)
{
	for (unsigned i = 0; i < mem->n; i++) {
		const struct vring_region *r = &mem->region[i];
		uint64_t offset = gpa - r->gpa;

		if (gpa < r->gpa || offset >= r->size)
			continue;
		if (*len > r->size - offset)
			*len = r->size - offset;
		return r->va + offset;
	}
	return NULL;
}

static uint16_t load_acquire(const uint16_t *p)
{
	/* acquire: what the guest wrote before is seen after */
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

unsigned vring_pending(const struct vring_queue *r)
{
	uint16_t n = (uint16_t)(load_acquire(&r->avail->idx) - r->next);

	/* More than there are descriptors is nonsense: nothing, for ever. */
	return n <= r->size ? n : 0;
}

/* ---- chains ----------------------------------------------------------------------------- */

static struct vq_desc load_desc(const struct vq_desc *d)
{
	struct vq_desc local;

	memcpy(&local, d, sizeof(local));
	/* The compiler must not look at the guest's copy again. */
	__asm__ volatile("" ::: "memory");
	return local;
}

static enum vring_fault add_pieces(struct vring_chain *c, const struct vring_mem *mem,
				   const struct vq_desc *d)
{
	uint64_t gpa = d->addr, left = d->len;

	if (left > VRING_CHAIN_MAX - c->bytes)
		return VRING_MALFORMED;
	c->bytes += d->len;
	while (left) {
		uint64_t len = left;
		uint8_t *p = vring_address(mem, gpa, &len);

		if (!p)
			return VRING_ADDRESS;
		if (c->n == VRING_SEGS)
			return VRING_MALFORMED;
		c->piece[c->n++] = (struct vring_piece){p, (uint32_t)len};
		gpa += len;
		left -= len;
	}
	return VRING_OK;
}

/*
 * Walk a table of n descriptors from index i.
 * @indirect: where a descriptor that names a table is stored; NULL: it may not be there.
 */
static enum vring_fault walk(const struct vq_desc *table, uint32_t n, uint32_t i,
			     const struct vring_mem *mem, bool writable, struct vring_chain *c,
			     struct vq_desc *indirect)
{
	for (uint32_t steps = 0; steps < n; steps++) {
		struct vq_desc d;
		enum vring_fault fault;

		if (i >= n)
			return VRING_MALFORMED;
		d = load_desc(&table[i]);
		if (d.flags & VQ_DESC_F_INDIRECT) {
			if (!indirect || steps || d.flags & VQ_DESC_F_NEXT)
				return VRING_MALFORMED;
			*indirect = d;
			return VRING_OK;
		}
		if (!(d.flags & VQ_DESC_F_WRITE) != !writable)
			return VRING_MALFORMED;
		fault = add_pieces(c, mem, &d);
		if (fault != VRING_OK)
			return fault;
		if (!(d.flags & VQ_DESC_F_NEXT))
			return VRING_OK;
		i = d.next;
	}
	return VRING_MALFORMED; /* a loop */
}

static enum vring_fault walk_indirect(const struct vq_desc *d, const struct vring_mem *mem,
				      bool writable, struct vring_chain *c)
{
	uint64_t len = d->len;
	uint8_t *table;

	if (!len || len % sizeof(*d) || len / sizeof(*d) > VRING_SIZE_MAX)
		return VRING_MALFORMED;
	table = vring_address(mem, d->addr, &len);
	if (!table || len < d->len)
		return VRING_ADDRESS;
	/* load_desc does not mind where a table begins. */
	return walk((const void *)table, (uint32_t)(len / sizeof(*d)), 0, mem, writable, c, NULL);
}

enum vring_fault vring_chain(const struct vring_queue *r, const struct vring_mem *mem,
			     unsigned ahead, bool writable, struct vring_chain *c)
{
	struct vq_desc indirect = {.len = 0, .flags = 0};
	enum vring_fault fault;

	c->n = 0;
	c->bytes = 0;
	c->head = __atomic_load_n(&r->avail->ring[(uint16_t)(r->next + ahead) & (r->size - 1)],
				  __ATOMIC_RELAXED);
	fault = walk(r->desc, r->size, c->head, mem, writable, c, &indirect);
	if (fault == VRING_OK && indirect.flags)
		fault = walk_indirect(&indirect, mem, writable, c);
	return fault;
}

/* Where a descriptor alone is a buffer. */
static struct vring_piece whole(const struct vq_desc *d, const struct vring_mem *mem, bool writable)
{
	struct vring_piece piece = {NULL, 0};
	uint64_t len = d->len;

	if (d->flags & VQ_DESC_F_INDIRECT) {
		/* Not now, but soon. */
		__builtin_prefetch(vring_address(mem, d->addr, &len));
		return piece;
	}
	if (d->flags & VQ_DESC_F_NEXT || !(d->flags & VQ_DESC_F_WRITE) != !writable ||
	    len > VRING_CHAIN_MAX)
		return piece;
	piece.p = vring_address(mem, d->addr, &len);
	if (piece.p && len == d->len)
		piece.len = d->len;
	return piece;
}

void vring_scan(const struct vring_queue *r, const struct vring_mem *mem, unsigned n, bool writable,
		uint16_t *head, struct vring_piece *piece)
{
	for (unsigned i = 0; i < n; i++) {
		head[i] = __atomic_load_n(&r->avail->ring[(uint16_t)(r->next + i) & (r->size - 1)],
					  __ATOMIC_RELAXED);
		__builtin_prefetch(&r->desc[head[i] & (r->size - 1)]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct vq_desc d;

		piece[i].len = 0;
		if (head[i] >= r->size)
			continue;
		d = load_desc(&r->desc[head[i]]);
		piece[i] = whole(&d, mem, writable);
		if (!piece[i].len)
			continue;
		/* A short frame with its header, which may begin anywhere in a line. */
		if (writable) {
			prefetch_write(piece[i].p);
			prefetch_write(piece[i].p + LINE);
		} else {
			__builtin_prefetch(piece[i].p);
			__builtin_prefetch(piece[i].p + LINE);
		}
	}
}

uint32_t vring_pull(struct vring_chain *c, void *to, uint32_t n)
{
	uint8_t *out = to;
	uint32_t done = 0;
	unsigned i = 0;

	for (; i < c->n && done < n; i++) {
		struct vring_piece *s = &c->piece[i];
		uint32_t take = n - done < s->len ? n - done : s->len;

		memcpy(out + done, s->p, take);
		done += take;
		s->p += take;
		s->len -= take;
		if (s->len)
			break;
	}
	c->n -= i;
	memmove(c->piece, c->piece + i, c->n * sizeof(c->piece[0]));
	c->bytes -= done;
	return done;
}

/* ---- used ring and notifications --------------------------------------------------------------
 */

void vring_put_used(struct vring_queue *r, uint16_t head, uint32_t len)
{
	struct vq_used_elem *e = &r->used->ring[r->used_next & (r->size - 1)];

	e->id = head;
	e->len = len;
	r->used_next++;
}

/* Where the guest says at which used index it wants to hear of us, and the other way round. */
static const uint16_t *used_event(const struct vring_queue *r)
{
	return &r->avail->ring[r->size];
}

static uint16_t *avail_event(const struct vring_queue *r)
{
	return (uint16_t *)(void *)&r->used->ring[r->size];
}

/* Was the index event written between old and now? */
static bool passed(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

bool vring_publish(struct vring_queue *r)
{
	uint16_t old = r->signalled;

	if (old == r->used_next)
		return false;
	/* release: the entries, and what they describe, are seen before the index */
	__atomic_store_n(&r->used->idx, r->used_next, __ATOMIC_RELEASE);
	r->signalled = r->used_next;
	/* seq_cst: the index is out before we look whether the guest sleeps */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->event_idx)
		return passed(__atomic_load_n(used_event(r), __ATOMIC_RELAXED), r->used_next, old);
	return !(__atomic_load_n(&r->avail->flags, __ATOMIC_RELAXED) & VQ_AVAIL_F_NO_INTERRUPT);
}

bool vring_arm(struct vring_queue *r)
{
	if (r->event_idx)
		__atomic_store_n(avail_event(r), r->next, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&r->used->flags, 0, __ATOMIC_RELAXED);
	/* seq_cst: the wish is out before we look once more */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vring_pending(r) != 0;
}

void vring_disarm(struct vring_queue *r)
{
	/* With an event index the wish goes stale by itself. */
	if (!r->event_idx)
		__atomic_store_n(&r->used->flags, VQ_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}
