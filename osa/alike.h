/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bursts of frames that are alike: what the loops of both layers say of them (vs_burst.plain,
 * uniform, same). Private to osa/. Inline: they are part of these loops.
 */
#ifndef OSA_ALIKE_H
#define OSA_ALIKE_H

#include <string.h>

#include "osa/osa_wire.h"
#include "vswitch/port.h"

#include "common/wide.h"

#define ALIKE_MIN 4u /* frames: fewer are not worth what it takes to begin */

static inline bytes16 load16(const uint8_t *p)
{
	bytes16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* What the first bytes of the frames of a burst have in common. */
struct alike {
	bytes16 any;	/* bits that are 1 in one of them */
	bytes16 differ; /* bits that are not as in the first of them */
};

/* Is one to a group? */
static inline bool any_group(const struct alike *like)
{
	uint8_t bytes[sizeof(like->any)];

	memcpy(bytes, &like->any, sizeof(bytes));
	return bytes[0] & 1;
}

/* Are addresses and type those of the first one in all of them? */
static inline bool all_same(const struct alike *like)
{
	static const uint8_t zero[14];

	return memcmp(&like->differ, zero, sizeof(zero)) == 0;
}

/* What is the same for all plain frames stands in the burst before they do. */
static inline void alike_preset(struct vs_burst *b)
{
	for (unsigned i = 0; i < VS_BURST; i++)
		b->headlen[i] = VS_HEAD_MIN;
	memset(b->flags, 0, sizeof(b->flags));
}

/* The frame that stands behind the others does not stay: its place is as it was. */
static inline void alike_leave(struct vs_burst *b)
{
	b->nseg_used = b->seg0[b->n];
	b->headlen[b->n] = VS_HEAD_MIN;
	b->flags[b->n] = 0;
}

/* The first k frames of an empty burst are plain and so long; each has reference k or none. */
static inline void alike_put(struct vs_burst *b, unsigned k, uint32_t len)
{
	for (unsigned i = 0; i < VS_BURST; i++)
		b->len[i] = len;
	if (len == VS_HEAD_MIN) {
		memset(b->nseg, 0, sizeof(b->nseg));
	} else {
		memset(b->nseg, 1, sizeof(b->nseg));
		for (unsigned i = 0; i < VS_BURST; i++)
			b->seg0[i] = (uint16_t)i;
		b->nseg_used = k;
	}
	b->plain = ~UINT64_C(0) >> (64 - k);
	b->plain_bytes = k * len;
	b->plain_max = len;
	b->n = k;
}

#endif
