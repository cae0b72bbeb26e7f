/* SPDX-License-Identifier: Apache-2.0 */
#include "host/gather.h"

#include <string.h>

#include "common/be.h"

#define ETH_ALEN 6
#define VLAN_HLEN 4
#define ETHERTYPE_VLAN 0x8100
#define PIECES_MAX 4 /* of a frame without its segments: length, addresses, tag, head */

static void put(struct gather *g, const void *p, size_t len)
{
	if (!len)
		return;
	g->iov[g->n_iov++] = (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = len};
	g->bytes[g->n] += len;
}

/* The head with its tag edited. */
static void put_head(struct gather *g, const struct vs_burst *b, struct vs_ref ref)
{
	const uint8_t *head = b->head[ref.frame];
	size_t len = b->headlen[ref.frame], from = 0;
	uint8_t *tag = g->tag[g->n];

	if (ref.edit != VS_EDIT_NONE) {
		put(g, head, 2 * (size_t)ETH_ALEN);
		from = 2 * (size_t)ETH_ALEN;
	}
	if (ref.edit == VS_EDIT_PUSH || ref.edit == VS_EDIT_RETAG) {
		be16_store(tag, ETHERTYPE_VLAN);
		be16_store(tag + 2, b->tci[ref.frame]);
		put(g, tag, VLAN_HLEN);
	}
	if (ref.edit == VS_EDIT_STRIP || ref.edit == VS_EDIT_RETAG)
		from += VLAN_HLEN;
	put(g, head + from, len - from);
}

static uint32_t length_of(const struct vs_burst *b, struct vs_ref ref)
{
	uint32_t len = b->len[ref.frame];

	return ref.edit == VS_EDIT_PUSH	   ? len + VLAN_HLEN
	       : ref.edit == VS_EDIT_STRIP ? len - VLAN_HLEN
					   : len;
}

void gather_frames(struct gather *g, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		   bool lengths)
{
	g->n_iov = 0;
	for (g->n = 0; g->n < n; g->n++) {
		unsigned i = ref[g->n].frame;

		if (g->n_iov + PIECES_MAX + b->nseg[i] > GATHER_IOV)
			break;
		g->first[g->n] = g->n_iov;
		g->bytes[g->n] = 0;
		if (lengths) {
			be32_store(g->length[g->n], length_of(b, ref[g->n]));
			put(g, g->length[g->n], sizeof(g->length[0]));
		}
		put_head(g, b, ref[g->n]);
		for (unsigned s = 0; s < b->nseg[i]; s++)
			put(g, b->seg[b->seg0[i] + s].p, b->seg[b->seg0[i] + s].len);
	}
}

size_t gather_copy(const struct gather *g, unsigned i, uint8_t *to)
{
	size_t at = 0;

	for (unsigned k = g->first[i]; at < g->bytes[i]; k++) {
		memcpy(to + at, g->iov[k].iov_base, g->iov[k].iov_len);
		at += g->iov[k].iov_len;
	}
	return at;
}

void gather_take(struct vs_burst *b, const uint8_t *frame, uint32_t len)
{
	unsigned i = b->n++;

	b->len[i] = len;
	b->headlen[i] = (uint16_t)(len < VS_HEAD_MIN ? len : VS_HEAD_MIN);
	memcpy(b->head[i], frame, b->headlen[i]);
	b->flags[i] = 0;
	b->csum_start[i] = b->csum_offset[i] = b->gso_size[i] = b->hdrlen[i] = 0;
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = len > b->headlen[i];
	if (b->nseg[i])
		b->seg[b->nseg_used++] =
			(struct vs_seg){frame + b->headlen[i], len - b->headlen[i]};
}
