/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed virtqueues: one ring of descriptors, which both sides write. A descriptor is the guest's
 * offer or our return by two bits of its flags, whose meaning changes with each lap; a position has
 * the lap's wrap counter in its topmost bit. Source: virtio 1.2, 2.8.
 *
 * A buffer is returned in the slot where it begins. The guest takes returns in that order only, so
 * several threads may write theirs as they finish: what is behind a slow one is not looked at yet.
 *
 * A ring outlives the process that serves it, and nobody else knows how far that came: a monitor
 * that is not asked in time has an old position. But it is in the ring. All slots of a returned
 * buffer are marked as its first one is, so slots whose bits differ are offered, of this lap or the
 * next; the first of this lap is where to go on. What other threads returned behind it stays
 * returned.
 */
#include "host/vring_priv.h"

#define SLOT(at) ((at) & (VP_WRAP - 1u))

static bool offered(uint16_t flags, uint16_t at)
{
	bool wrap = at & VP_WRAP;

	return !(flags & VP_DESC_F_AVAIL) == !wrap && !(flags & VP_DESC_F_USED) == wrap;
}

static uint16_t flags_at(const struct vring_queue *r, uint16_t at)
{
	/* acquire: the descriptor, and what it names, are read after */
	return __atomic_load_n(&r->ring[SLOT(at)].flags, __ATOMIC_ACQUIRE);
}

static bool returned(uint16_t flags, uint16_t at)
{
	bool wrap = at & VP_WRAP;

	return !(flags & VP_DESC_F_AVAIL) == !wrap && !(flags & VP_DESC_F_USED) == !wrap;
}

static uint16_t return_flags(uint16_t at)
{
	return at & VP_WRAP ? VP_DESC_F_AVAIL | VP_DESC_F_USED : 0;
}

/* Slots from one position to a later one, less than two laps. */
static uint32_t distance(const struct vring_queue *r, uint16_t from, uint16_t to)
{
	uint32_t a = SLOT(from) + (from & VP_WRAP ? 0 : r->size);
	uint32_t b = SLOT(to) + (to & VP_WRAP ? 0 : r->size);

	return b >= a ? b - a : b + 2 * r->size - a;
}

/* Slots that may be offered from a position on: a lap without those that were not returned yet. */
static uint32_t slots_left(const struct vring_queue *r, uint16_t at)
{
	uint32_t out = distance(r, r->done, at);

	return out < r->size ? r->size - out : 0;
}

/* ---- chains ----------------------------------------------------------------------------- */

static enum vring_fault walk_indirect(const struct vp_desc *d, const struct vring_mem *mem,
				      bool writable, struct vring_chain *c)
{
	const void *table;
	enum vring_fault fault = vring_table(mem, d->addr, d->len, &table);

	if (fault != VRING_OK)
		return fault;
	for (uint32_t i = 0; i < d->len; i += (uint32_t)sizeof(struct vp_desc)) {
		struct vp_desc e;

		VRING_LOAD(e, (const uint8_t *)table + i);
		/* Of the flags only this one means something there. Source: virtio 1.2, 2.8.7. */
		if (!(e.flags & VQ_DESC_F_WRITE) != !writable)
			return VRING_MALFORMED;
		fault = vring_add(c, mem, e.addr, e.len);
		if (fault != VRING_OK)
			return fault;
	}
	return VRING_OK;
}

static enum vring_fault add(struct vring_chain *c, const struct vring_mem *mem,
			    const struct vp_desc *d, bool writable)
{
	if (d->flags & VQ_DESC_F_INDIRECT)
		return c->buf.slots == 1 && !(d->flags & VQ_DESC_F_NEXT)
			       ? walk_indirect(d, mem, writable, c)
			       : VRING_MALFORMED;
	if (!(d->flags & VQ_DESC_F_WRITE) != !writable)
		return VRING_MALFORMED;
	return vring_add(c, mem, d->addr, d->len);
}

/* To the chain's end, whatever is wrong with it: its slots are returned together. */
enum vring_fault vpack_chain(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
			     bool writable, struct vring_chain *c)
{
	enum vring_fault fault = VRING_OK;
	uint32_t left = slots_left(r, at);
	struct vp_desc d;

	c->buf = (struct vring_buf){.slots = 0};
	if (!left || !offered(flags_at(r, at), at))
		return VRING_NONE;
	do {
		VRING_LOAD(d, &r->ring[SLOT(at)]);
		c->buf.id = d.id; /* the last one's counts */
		c->buf.slots++;
		if (fault == VRING_OK)
			fault = add(c, mem, &d, writable);
		at = vring_behind(r, at, 1);
		if (d.flags & VQ_DESC_F_NEXT && c->buf.slots == left)
			return VRING_MALFORMED; /* all round */
	} while (d.flags & VQ_DESC_F_NEXT);
	return fault;
}

/* The slots of the chain at a position, at most left, and the id that is at its end. */
static void measure(const struct vring_queue *r, uint16_t at, uint32_t left, struct vring_buf *buf)
{
	struct vp_desc d;

	buf->slots = 0;
	do {
		VRING_LOAD(d, &r->ring[SLOT(at)]);
		buf->id = d.id;
		buf->slots++;
		at = vring_behind(r, at, 1);
	} while (d.flags & VQ_DESC_F_NEXT && buf->slots < left);
}

unsigned vpack_scan(const struct vring_queue *r, const struct vring_mem *mem, uint16_t at,
		    unsigned n, bool writable, struct vring_buf *buf, struct vring_piece *piece)
{
	uint32_t left = slots_left(r, at);

	if (n > left)
		n = left;
	for (unsigned i = 0; i < n; i++, at = vring_behind(r, at, 1)) {
		struct vp_desc d;

		if (!offered(flags_at(r, at), at))
			return i;
		VRING_LOAD(d, &r->ring[SLOT(at)]);
		buf[i] = (struct vring_buf){.id = d.id, .slots = 1};
		piece[i] = vring_whole(mem, d.addr, d.len, d.flags, writable);
		if (d.flags & VQ_DESC_F_NEXT) {
			measure(r, at, left - i, &buf[i]);
			return i + 1;
		}
	}
	return n;
}

/* ---- returns and notifications ----------------------------------------------------------------
 */

/* A slot that is not its buffer's first. The rest of it stays: the first one may never be written.
 */
static void mark(const struct vring_queue *r, uint16_t at)
{
	uint16_t *flags = &r->ring[SLOT(at)].flags;
	uint16_t rest = __atomic_load_n(flags, __ATOMIC_RELAXED) &
			(uint16_t) ~(VP_DESC_F_AVAIL | VP_DESC_F_USED);

	__atomic_store_n(flags, (uint16_t)(rest | return_flags(at)), __ATOMIC_RELAXED);
}

/* Backwards: a frame in several buffers is there as a whole when its first one is. */
void vpack_put(const struct vring_queue *r, uint16_t at, const struct vring_buf *buf, unsigned n)
{
	unsigned slots = 0, i;

	for (i = 0; i < n; i++)
		slots += buf[i].slots;
	while (i--) {
		uint16_t here;
		struct vp_desc *d;

		slots -= buf[i].slots;
		here = vring_behind(r, at, slots);
		for (unsigned k = 1; k < buf[i].slots; k++)
			mark(r, vring_behind(r, here, k));
		d = &r->ring[SLOT(here)];
		d->id = buf[i].id;
		d->len = buf[i].len;
		/* release: it, and what was written to the buffer, is seen before the flags */
		__atomic_store_n(
			&d->flags,
			(uint16_t)(return_flags(here) | (buf[i].len ? VQ_DESC_F_WRITE : 0)),
			__ATOMIC_RELEASE);
	}
}

static bool wants_call(const struct vring_queue *r, uint16_t from, uint16_t to)
{
	uint32_t both;
	struct vp_event e;

	/* seq_cst: the flags are out before we look whether the guest sleeps */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	both = __atomic_load_n((const uint32_t *)(const void *)r->driver, __ATOMIC_RELAXED);
	memcpy(&e, &both, sizeof(e));
	if (e.flags != VP_EVENT_DESC || !r->event_idx)
		return e.flags != VP_EVENT_DISABLE;
	if (SLOT(e.off_wrap) >= r->size)
		return true; /* nonsense: it asks for too many */
	return distance(r, from, e.off_wrap) < distance(r, from, to);
}

/* Done moved from a position on. */
bool vpack_publish(struct vring_queue *r, uint16_t from)
{
	uint32_t passed;

	while (r->heal && r->next == r->done && returned(flags_at(r, r->done), r->done)) {
		r->next = r->done = vring_behind(r, r->done, 1);
		r->heal--;
	}
	if (r->heal) {
		passed = distance(r, from, r->done);
		r->heal = (uint16_t)(r->heal > passed ? r->heal - passed : 0);
	}
	return wants_call(r, from, r->done);
}

uint16_t vring_position(const struct vring_queue *r)
{
	uint32_t first = r->size, edge = 0;
	uint16_t used = 0, begin = 0;

	for (uint32_t i = 0; i < r->size; i++) {
		uint16_t flags = __atomic_load_n(&r->ring[i].flags, __ATOMIC_RELAXED);
		uint16_t u = flags & VP_DESC_F_USED;

		if (!i)
			begin = u;
		if (!edge && u != begin)
			edge = i;
		/* Offered, in one lap or the next. */
		if (!(flags & VP_DESC_F_AVAIL) == !u)
			continue;
		if (first == r->size || u != used) {
			if (first != r->size)
				return (uint16_t)(i | (u ? 0 : VP_WRAP));
			first = i;
			used = u;
		}
	}
	if (first < r->size)
		return (uint16_t)(first | (used ? 0 : VP_WRAP));
	/* Nothing is. All before the edge was returned in this lap, all behind it in the last. */
	return (uint16_t)(edge | (edge ? (begin ? VP_WRAP : 0) : (begin ? 0 : VP_WRAP)));
}

static void ask(const struct vring_queue *r, struct vp_event e)
{
	uint32_t both;

	memcpy(&both, &e, sizeof(both));
	__atomic_store_n((uint32_t *)(void *)r->device, both, __ATOMIC_RELAXED);
}

bool vpack_arm(struct vring_queue *r)
{
	ask(r, (struct vp_event){r->next, r->event_idx ? VP_EVENT_DESC : VP_EVENT_ENABLE});
	/* seq_cst: the wish is out before we look once more */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return offered(flags_at(r, r->next), r->next);
}

void vpack_disarm(struct vring_queue *r)
{
	ask(r, (struct vp_event){r->next, VP_EVENT_DISABLE});
}
