/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame kept aside, in memory of its keeper's, until it may go on: what a burst knows of it, and
 * its bytes behind that. Any thread; the memory's owner keeps others away.
 */
#ifndef VSWITCH_KEPT_H
#define VSWITCH_KEPT_H

#include <string.h>

#include "vswitch/port.h"

struct kept {
	uint32_t len;
	uint16_t headlen, csum_start, csum_offset, gso_size, hdrlen, tci;
	uint8_t flags, edit;
};

static inline struct kept kept_of(const struct vs_burst *b, struct vs_ref ref)
{
	unsigned i = ref.frame;

	return (struct kept){.len = b->len[i],
			     .headlen = b->headlen[i],
			     .csum_start = b->csum_start[i],
			     .csum_offset = b->csum_offset[i],
			     .gso_size = b->gso_size[i],
			     .hdrlen = b->hdrlen[i],
			     .tci = b->tci[i],
			     .flags = b->flags[i],
			     .edit = ref.edit};
}

/* The bytes of frame i, all of them, to one place. */
static inline void kept_copy(uint8_t *to, const struct vs_burst *b, unsigned i)
{
	memcpy(to, b->head[i], b->headlen[i]);
	to += b->headlen[i];
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		memcpy(to, seg->p, seg->len);
		to += seg->len;
	}
}

/*
 * Append the frame to a burst, which refers to its bytes from then on.
 * Return: how it leaves.
 */
static inline struct vs_ref kept_append(struct vs_burst *b, const struct kept *k,
					const uint8_t *bytes)
{
	unsigned i = b->n++;

	b->len[i] = k->len;
	b->headlen[i] = k->headlen;
	b->csum_start[i] = k->csum_start;
	b->csum_offset[i] = k->csum_offset;
	b->gso_size[i] = k->gso_size;
	b->hdrlen[i] = k->hdrlen;
	b->tci[i] = k->tci;
	b->flags[i] = k->flags;
	memcpy(b->head[i], bytes, k->headlen);
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = k->len > k->headlen;
	if (b->nseg[i])
		b->seg[b->nseg_used++] = (struct vs_seg){bytes + k->headlen, k->len - k->headlen};
	return (struct vs_ref){.frame = (uint8_t)i, .edit = k->edit};
}

#endif
