/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's memory, and split virtqueues. Source: virtio 1.2, 2.7. */
#include "host/vring_priv.h"

bool vring_size_ok(uint32_t size, bool packed)
{
	/* Source: virtio 1.2, 2.7 and 2.8.10.1: only of a split queue it is a power of two. */
	return size && size <= VRING_SIZE_MAX && (packed || !(size & (size - 1)));
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

static unsigned pending(const struct vring_queue *r, uint16_t at)
{
	uint16_t n = (uint16_t)(load_acquire(&r->avail->idx) - at);

	/* More than there are descriptors is nonsense: nothing, for ever. */
	return n <= r->size ? n : 0;
}

/* ---- chains ----------------------------------------------------------------------------- */

enum vring_fault vring_add(struct vring_chain *c, const struct vring_mem *mem, uint64_t gpa,
			   uint64_t len)
{
	if (len > VRING_CHAIN_MAX - c->bytes)
		return VRING_MALFORMED;
	c->bytes += (uint32_t)len;
	while (len) {
		uint64_t here = len;
		uint8_t *p = vring_address(mem, gpa, &here);

		if (!p)
			return VRING_ADDRESS;
		if (c->n == VRING_SEGS)
			return VRING_MALFORMED;
		c->piece[c->n++] = (struct vring_piece){p, (uint32_t)here};
		gpa += here;
		len -= here;
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
		VRING_LOAD(d, &table[i]);
		if (d.flags & VQ_DESC_F_INDIRECT) {
			if (!indirect || steps || d.flags & VQ_DESC_F_NEXT)
				return VRING_MALFORMED;
			*indirect = d;
			return VRING_OK;
		}
		if (!(d.flags & VQ_DESC_F_WRITE) != !writable)
			return VRING_MALFORMED;
		fault = vring_add(c, mem, d.addr, d.len);
		if (fault != VRING_OK)
			return fault;
		if (!(d.flags & VQ_DESC_F_NEXT))
			return VRING_OK;
		i = d.next;
	}
	return VRING_MALFORMED; /* a loop */
}

enum vring_fault vring_table(const struct vring_mem *mem, uint64_t addr, uint64_t len,
			     const void **table)
{
	uint64_t there = len;

	if (!len || len % sizeof(struct vq_desc) || len / sizeof(struct vq_desc) > VRING_SIZE_MAX)
		return VRING_MALFORMED;
	*table = vring_address(mem, addr, &there);
	return *table && there >= len ? VRING_OK : VRING_ADDRESS;
}

static enum vring_fault walk_indirect(const struct vq_desc *d, const struct vring_mem *mem,
				      bool writable, struct vring_chain *c)
{
	const void *table;
	enum vring_fault fault = vring_table(mem, d->addr, d->len, &table);

	if (fault != VRING_OK)
		return fault;
	return walk(table, d->len / (uint32_t)sizeof(*d), 0, mem, writable, c, NULL);
}

static uint16_t head_at(const struct vring_queue *r, uint16_t at)
{
	return __atomic_load_n(&r->avail->ring[at & (r->size - 1)], __ATOMIC_RELAXED);
}

enum vring_fault vring_chain(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
			     bool writable, struct vring_chain *c)
{
	struct vq_desc indirect = {.len = 0, .flags = 0};
	enum vring_fault fault;

	c->n = 0;
	c->bytes = 0;
	if (r->packed)
		return vpack_chain(r, mem, at, writable, c);
	if (!pending(r, at))
		return VRING_NONE;
	c->buf = (struct vring_buf){.id = head_at(r, at), .slots = 1};
	fault = walk(r->desc, r->size, c->buf.id, mem, writable, c, &indirect);
	if (fault == VRING_OK && indirect.flags)
		fault = walk_indirect(&indirect, mem, writable, c);
	return fault;
}

unsigned vring_scan(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
		    unsigned n, bool writable, struct vring_buf *buf, struct vring_piece *piece)
{
	unsigned most;

	if (r->packed)
		return vpack_scan(r, mem, at, n, writable, buf, piece);
	most = pending(r, at);
	if (n > most)
		n = most;
	for (unsigned i = 0; i < n; i++) {
		buf[i] = (struct vring_buf){.id = head_at(r, (uint16_t)(at + i)), .slots = 1};
		__builtin_prefetch(&r->desc[buf[i].id & (r->size - 1)]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct vq_desc d;

		piece[i].len = 0;
		if (buf[i].id >= r->size)
			continue;
		VRING_LOAD(d, &r->desc[buf[i].id]);
		piece[i] = vring_whole(mem, d.addr, d.len, d.flags, writable);
	}
	return n;
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

void vring_put(const struct vring_queue *r, uint16_t at, const struct vring_buf *buf, unsigned n)
{
	if (r->packed) {
		vpack_put(r, at, buf, n);
		return;
	}
	at = (uint16_t)(at + r->used_offset);
	for (unsigned i = 0; i < n; i++, at++) {
		struct vq_used_elem *e = &r->used->ring[at & (r->size - 1)];

		e->id = buf[i].id;
		e->len = buf[i].len;
	}
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

bool vring_publish(struct vring_queue *r, uint16_t to)
{
	uint16_t from = r->done, used;

	if (from == to)
		return false;
	r->done = to;
	if (r->packed)
		return vpack_publish(r, from);
	used = (uint16_t)(to + r->used_offset);
	/* release: the entries, and what they describe, are seen before the index */
	__atomic_store_n(&r->used->idx, used, __ATOMIC_RELEASE);
	/* seq_cst: the index is out before we look whether the guest sleeps */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->event_idx)
		return passed(__atomic_load_n(used_event(r), __ATOMIC_RELAXED), used,
			      (uint16_t)(from + r->used_offset));
	return !(__atomic_load_n(&r->avail->flags, __ATOMIC_RELAXED) & VQ_AVAIL_F_NO_INTERRUPT);
}

bool vring_arm(struct vring_queue *r)
{
	if (r->packed)
		return vpack_arm(r);
	if (r->event_idx)
		__atomic_store_n(avail_event(r), r->next, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&r->used->flags, 0, __ATOMIC_RELAXED);
	/* seq_cst: the wish is out before we look once more */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return pending(r, r->next) != 0;
}

void vring_disarm(struct vring_queue *r)
{
	if (r->packed)
		vpack_disarm(r);
	/* With an event index the wish goes stale by itself. */
	else if (!r->event_idx)
		__atomic_store_n(&r->used->flags, VQ_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}
