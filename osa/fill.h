/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input buffers being filled, whatever the frames look like. Private to osa/.
 *
 * Frames of one call are packed: each begins right behind the one before, in the same
 * element if its 32-byte header fits there, else in the next; it may run over elements,
 * never over buffers. A call ends by publishing all it filled, together, with at most
 * one signal, so that a lone frame never waits for company. Source: spec/osa-qeth.md 7.7.
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

struct osa_fill {
	struct qdio_queue *q;
	unsigned closed; /* buffers filled, not yet published */
	bool open;	 /* a buffer is being filled: the one ahead of the cursor by closed */
	bool signal;	 /* a buffer was given back as an error */
	unsigned frames; /* in the open buffer */

	/* Elements of the open buffer, as far as they were looked at; each read once. */
	unsigned n, at; /* n known, at being filled */
	bool all_known;
	uint32_t off; /* in element at */
	struct qdio_entry e[QDIO_SBAL_ENTRIES];
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

enum vs_drop osa_fill_place_slowly(struct osa_fill *f, uint32_t need);
void osa_fill_spread(struct osa_fill *f, const struct osa_fill_header *h,
		     const struct osa_fill_frame *x);

/*
 * Publish what was filled. @bad: the buffer behind it is not valid: it goes back as an error.
 */
void osa_fill_publish(struct osa_data *d, struct osa_fill *f, bool bad);
/* After in_lock was given up: interrupt the guest if what was published asks for it. */
void osa_fill_signal(struct osa_data *d, const struct osa_fill *f);

/* Find the place for need bytes, header included. Return: VS_DROP_NONE, or why there is none. */
static inline enum vs_drop osa_fill_place(struct osa_fill *f, uint32_t need)
{
	if (f->open && need <= f->e[f->at].len - f->off)
		return VS_DROP_NONE;
	return osa_fill_place_slowly(f, need);
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

/* Copy a frame of need bytes, header included, to the place that was found for it. */
static inline void osa_fill_copy(struct osa_fill *f, const struct osa_fill_header *h,
				 const struct osa_fill_frame *x, uint32_t need)
{
	uint8_t *to;

	f->frames++;
	if (need > f->e[f->at].len - f->off) {
		osa_fill_spread(f, h, x);
		return;
	}
	to = f->e[f->at].data + f->off;
	f->off += need;
	memcpy(to, h, sizeof(*h));
	to += sizeof(*h);
	osa_fill_small(to, x->head, x->n);
	to += x->n;
	for (unsigned s = 0; s < x->n_seg; s++) {
		memcpy(to, x->seg[s].p, x->seg[s].len);
		to += x->seg[s].len;
	}
}

#endif
