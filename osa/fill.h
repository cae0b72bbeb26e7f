/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input buffers being filled, whatever the frames look like. Private to osa/.
 *
 * Frames of one call are packed: each begins right behind the one before, in the same
 * element if its 32-byte header fits there, else in the next; it may run over elements,
 * never over buffers. A call ends by publishing all it filled, with at most one signal, so that a
 * lone frame never waits for company. Source: spec/osa-qeth.md 7.7.
 *
 * Several workers may deliver at once: each leases buffers (qdio/queue.c). How many depends on
 * the frames and on what the guest offers, so the first pass finds a place for every frame under
 * the queue's lock; the second copies, which takes most of the time, without. The passes also
 * let the cache misses of the places overlap.
 *
 * What happens for most frames is inline: it would cost a layer a call each.
 */
#ifndef OSA_FILL_H
#define OSA_FILL_H

#include <assert.h>
#include <string.h>

#include "osa/layer2.h"
#include "osa/osa_wire.h"

#include "common/be.h"
#include "common/copy.h"
#include "common/prefetch.h"

/* Entries that one lease looks at; for a burst of small frames and buffers it is enough. */
#define OSA_FILL_ENTRIES (VS_BURST + QDIO_SBAL_ENTRIES)

/*
 * Of short frames, header included, that lie behind each other the lines of so many are asked for
 * with their places, those of others while the ones before them are copied (as OSA_FETCH_AHEAD).
 * Of longer ones the processor sees the stores coming.
 */
#define OSA_FILL_SHORT 512u
#define OSA_FILL_AHEAD 16u
#define OSA_FILL_BEGIN 1024u /* bytes of a long one: see osa_fill_ask_next */
#define OSA_FILL_PAGE 4096u  /* most guests' elements */

struct osa_fill_buffer {
	uint16_t e, at; /* its first entry, and the one the last frame ends in */
	uint16_t frames;
	uint32_t end; /* bytes in the latter */
};

/* Where a frame goes that goes over several entries. */
struct osa_fill_place {
	uint32_t off;
	uint16_t e;
};

/* Where the next frame goes if it fits: room bytes of one entry. NULL: there is no place. */
struct osa_fill_cursor {
	uint8_t *to;
	uint64_t room;
};

/*
 * One lease: buffers of the queue and the places of frames in them. The arrays are valid as far
 * as the counts say. Found under the queue's lock, filled without it.
 */
struct osa_fill {
	struct qdio_queue *q;
	unsigned first;	  /* number of the first buffer */
	unsigned n_buf;	  /* closed ones */
	enum vs_drop why; /* there is no place for the next frame */
	bool open;	  /* there is one more: buf[n_buf] in the making */
	bool bad;	  /* there is one more behind these, not valid */
	bool full;	  /* of entries: another lease is needed */
	bool signal;

	/* The open buffer, as far as its entries were looked at; each read once. */
	unsigned n, at; /* n of e[] known, at being filled */
	bool all_known;
	unsigned place0; /* of its first frame */

	struct osa_fill_buffer buf[VS_BURST];
	uint8_t *to[VS_BURST]; /* places; NULL: in several pieces, see place */
	struct osa_fill_place place[VS_BURST];
	struct qdio_entry e[OSA_FILL_ENTRIES];
};

/*
 * The 32-byte header as doublewords: bytes stored one by one and copied at once would have to
 * leave the store buffer first (measured: half of the layer-2 path's time).
 */
struct osa_fill_header {
	uint64_t w[4];
};
static_assert(sizeof(struct osa_fill_header) == OSA_HDR_BYTES, "header");

/* A frame behind its header: first bytes, then references. */
struct osa_fill_frame {
	const uint8_t *head;
	uint32_t n; /* bytes of head */
	const struct vs_seg *seg;
	unsigned n_seg;
};

struct osa_fill_cursor osa_fill_place_slowly(struct osa_fill *f, struct osa_fill_cursor c,
					     unsigned k, uint32_t need);
void osa_fill_spread(struct osa_fill *f, unsigned k, const struct osa_fill_header *h,
		     const struct osa_fill_frame *x);

static inline void osa_fill_init(struct osa_fill *f, struct qdio_queue *q)
{
	f->q = q;
	f->signal = false;
}

/*
 * In this order, once or, while full is set, several times: lease, places 0 to n - 1, leased,
 * copies, publish; at last signal. Other workers wait between lease and leased.
 */
struct osa_fill_cursor osa_fill_lease(struct osa_fill *f);
/*
 * Places for frames of one size, numbers k to n - 1, in buffers of one entry that have room for one
 * each, as long as such come. Return: the number behind the last one found.
 */
unsigned osa_fill_singles(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k, unsigned n,
			  uint32_t need);
/*
 * Places for frames of one size that is more than a page, numbers k to n - 1, in the open buffer,
 * as long as its elements lie back to back. Return: the number behind the last one found.
 */
unsigned osa_fill_long(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k, unsigned n,
		       uint32_t need);
void osa_fill_leased(struct osa_fill *f, struct osa_fill_cursor c, unsigned n);
void osa_fill_publish(struct osa_data *d, struct osa_fill *f);
/* Interrupt the guest if what was published asks for it. */
void osa_fill_signal(struct osa_data *d, const struct osa_fill *f);

/*
 * Find the place number k for need bytes, header included. The cursor moves behind it.
 * Return: false: there is no place, and why says the reason, unless full is set.
 */
static inline bool osa_fill_place(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k,
				  uint32_t need)
{
	if (__builtin_expect(need > c->room, 0)) {
		struct osa_fill_cursor next = osa_fill_place_slowly(f, *c, k, need);

		if (!next.to)
			return false;
		*c = next;
		return true;
	}
	f->to[k] = c->to;
	/* Last read by another core: have the lines when it is copied to. */
	prefetch_write(c->to);
	prefetch_write(c->to + 64);
	c->to += need;
	c->room -= need;
	return true;
}

/*
 * Places for frames of one size, numbers k to n - 1, as far as the current entry goes.
 * Return: the number behind the last one found.
 */
static inline unsigned osa_fill_places(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k,
				       unsigned n, uint32_t need)
{
	uint32_t fit = (uint32_t)c->room / need, bytes, ask;
	uint8_t *to = c->to;

	if (n - k > fit)
		n = k + fit;
	bytes = (n - k) * need;
	ask = bytes > OSA_FILL_AHEAD * need ? OSA_FILL_AHEAD * need : bytes;
	if (need > OSA_FILL_SHORT)
		ask = 0;
	for (uint32_t at = 0; at < ask; at += 64)
		prefetch_write(to + at);
	for (; k < n; k++, to += need)
		f->to[k] = to;
	c->to = to;
	c->room -= bytes;
	return n;
}

/* Lease what n frames of one size, need bytes with their header, need. Return: how many have a
 * place. */
static inline unsigned osa_fill_same(struct osa_fill *f, unsigned n, uint32_t need)
{
	struct osa_fill_cursor c = osa_fill_lease(f);
	unsigned k = 0;

	while (k < n) {
		if (need > OSA_FILL_PAGE)
			k = osa_fill_long(f, &c, k, n, need);
		else
			k = osa_fill_places(f, &c, k, n, need);
		if (k < n)
			k = osa_fill_singles(f, &c, k, n, need);
		if (k == n || !osa_fill_place(f, &c, k, need))
			break;
		k++;
	}
	osa_fill_leased(f, c, k);
	return k;
}

/*
 * Of n short frames of need bytes at places: how many bytes ahead lines are asked for. Return: 0:
 * they have been (osa_fill_places), or the frames do not lie behind each other.
 */
static inline uint32_t osa_fill_ahead(uint8_t *const *place, unsigned n, uint32_t need)
{
	const uint32_t ahead = OSA_FILL_AHEAD * need;

	if (need > OSA_FILL_SHORT || n <= OSA_FILL_AHEAD || !place[0] ||
	    place[OSA_FILL_AHEAD] != place[0] + ahead)
		return 0;
	return ahead;
}

static inline void osa_fill_ask(const uint8_t *to)
{
	prefetch_write(to);
	prefetch_write(to + 64);
}

/*
 * Of long frames of one length the bytes of the next are asked for while one is copied: all, or
 * so many that the copy is under way before the processor sees the rest coming.
 */
static inline void osa_fill_ask_next(const struct vs_seg *next, uint32_t len)
{
	if (len <= OSA_FILL_SHORT)
		return;
	if (len >= COPY_LONG)
		len = OSA_FILL_BEGIN;
	for (uint32_t at = 0; at < len; at += 64)
		__builtin_prefetch(next->p + at);
}

/* Do all frames of the burst leave as plain as they came? */
static inline bool osa_fill_plain(const struct vs_burst *b, const struct vs_ref *ref, unsigned n)
{
	static const struct vs_ref edited[4] = {{0, 0xFF}, {0, 0xFF}, {0, 0xFF}, {0, 0xFF}};
	uint64_t edits = 0, at, mask;
	unsigned k, rest = 0;

	if (b->plain != ~UINT64_C(0) >> (64 - b->n))
		return false;
	for (k = 0; k + 4 <= n; k += 4) {
		memcpy(&at, &ref[k], sizeof(at));
		edits |= at;
	}
	for (; k < n; k++)
		rest |= ref[k].edit;
	memcpy(&mask, edited, sizeof(mask));
	return !(edits & mask) && rest == VS_EDIT_NONE;
}

/* Of the n frames those that stand one behind the other in the burst, from the first on. */
static inline unsigned osa_fill_row(const struct vs_ref *ref, unsigned n)
{
	unsigned k = 1;

	if (ref[n - 1].frame - ref[0].frame == (int)n - 1) /* in the burst's order, as all lists */
		return n;
	while (k < n && ref[k].frame == ref[k - 1].frame + 1)
		k++;
	return k;
}

/* 32 to 64 bytes by two overlapping moves; other sizes by the library. */
static inline void osa_fill_small(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (n == VS_HEAD_MIN) {
		memcpy(to, from, VS_HEAD_MIN);
	} else if (n >= 32 && n < VS_HEAD_MIN) {
		uint8_t tail[32];

		memcpy(tail, from + n - 32, 32);
		memcpy(to, from, 32);
		memcpy(to + n - 32, tail, 32);
	} else {
		memcpy(to, from, n);
	}
}

/* Copy a frame to the place number k that was found for it. */
static inline void osa_fill_copy(struct osa_fill *f, unsigned k, const struct osa_fill_header *h,
				 const struct osa_fill_frame *x)
{
	uint8_t *to = f->to[k];

	if (!to) {
		osa_fill_spread(f, k, h, x);
		return;
	}
	memcpy(to, h, sizeof(*h));
	to += sizeof(*h);
	osa_fill_small(to, x->head, x->n);
	to += x->n;
	for (unsigned s = 0; s < x->n_seg; s++) {
		copy_bytes(to, x->seg[s].p, x->seg[s].len);
		to += x->seg[s].len;
	}
}

#endif
