/* SPDX-License-Identifier: Apache-2.0 */
#include "host/virtnet.h"

#include <string.h>

#include "host/vnet.h"

#define ETH_HLEN 14u
#define HDR_MAX 12u

static_assert(sizeof(struct vnet_hdr) + sizeof(uint16_t) == HDR_MAX, "num_buffers follows");

/* ---- from the guest ------------------------------------------------------------------------- */

static enum vs_drop describe(const struct virtnet *v, struct vring_chain *c, struct vs_burst *b)
{
	uint8_t raw[HDR_MAX];
	struct vnet_hdr hdr;
	unsigned i = b->n;
	enum vs_drop why;
	uint32_t want;

	if (vring_pull(c, raw, v->hdr_len) < v->hdr_len)
		return VS_DROP_RX_MALFORMED;
	memcpy(&hdr, raw, sizeof(hdr));
	if (c->bytes < ETH_HLEN)
		return VS_DROP_RX_RUNT;
	if (c->bytes > VS_FRAME_MAX)
		return VS_DROP_RX_GIANT;
	want = hdr.flags & VNET_FLAG_NEEDS_CSUM ? VS_HEAD_BYTES : VS_HEAD_MIN;
	b->len[i] = c->bytes;
	b->headlen[i] = (uint16_t)vring_pull(c, b->head[i], want);
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = 0;
	for (unsigned k = 0; k < c->n; k++)
		if (c->piece[k].len)
			b->seg[b->nseg_used + b->nseg[i]++] = (struct vs_seg){
				.p = c->piece[k].p,
				.len = c->piece[k].len,
			};
	why = vnet_rx_head(&hdr, b);
	if (why != VS_DROP_NONE)
		return why;
	b->nseg_used += b->nseg[i];
	b->n++;
	return VS_DROP_NONE;
}

static enum vs_drop drop_of(enum vring_fault fault)
{
	return fault == VRING_ADDRESS ? VS_DROP_RX_ADDRESS : VS_DROP_RX_MALFORMED;
}

unsigned virtnet_rx(struct virtnet *v, struct vs_burst *b, uint64_t *dropped)
{
	unsigned n = vring_pending(&v->out), i = 0;

	b->n = 0;
	b->nseg_used = 0;
	for (; i < n && i < VS_BURST && b->nseg_used + VRING_SEGS <= VS_SEGS; i++) {
		struct vring_chain c;
		enum vring_fault fault = vring_chain(&v->out, &v->mem, i, false, &c);
		enum vs_drop why = fault == VRING_OK ? describe(v, &c, b) : drop_of(fault);

		if (why != VS_DROP_NONE)
			dropped[why]++;
		v->head[i] = c.head;
	}
	vring_take(&v->out, i);
	v->taken = i;
	return i;
}

bool virtnet_rx_done(struct virtnet *v)
{
	for (unsigned i = 0; i < v->taken; i++)
		vring_put_used(&v->out, v->head[i], 0);
	v->taken = 0;
	return vring_publish(&v->out);
}

/* ---- to the guest -----------------------------------------------------------------------------
 */

/* Where the next byte goes. */
struct cursor {
	struct vring_chain *chain;
	unsigned piece;
	uint32_t offset;
};

/* There is room: it was measured. */
static void put(struct cursor *to, const uint8_t *from, uint32_t len)
{
	while (len) {
		struct vring_piece *s = &to->chain->piece[to->piece];
		uint32_t n;

		if (to->piece == to->chain->n) {
			to->chain++;
			to->piece = 0;
			continue;
		}
		n = s->len - to->offset < len ? s->len - to->offset : len;
		memcpy(s->p + to->offset, from, n);
		from += n;
		len -= n;
		to->offset += n;
		if (to->offset == s->len) {
			to->piece++;
			to->offset = 0;
		}
	}
}

/*
 * Collect buffers for the bytes.
 * @n: how many were looked at. Return: VS_DROP_NONE, or why they do not do; after
 * VS_DROP_TX_BAD_BUFFER the last of them is to be given back unused.
 */
static enum vs_drop collect(struct virtnet *v, uint32_t bytes, unsigned *n)
{
	unsigned pending = vring_pending(&v->in);
	uint32_t room = 0;

	for (*n = 0; room < bytes;) {
		struct vring_chain *c = &v->chain[*n];

		if (*n == (v->mergeable ? VIRTNET_MERGE_MAX : 1))
			return VS_DROP_TX_TOO_BIG;
		if (*n == pending)
			return VS_DROP_TX_NO_BUFFER;
		if (vring_chain(&v->in, &v->mem, (*n)++, true, c) != VRING_OK ||
		    c->bytes < v->hdr_len)
			return VS_DROP_TX_BAD_BUFFER;
		room += c->bytes;
	}
	return VS_DROP_NONE;
}

/* A guest that offers nonsense gets it back; else it would be in the way for ever. */
static void give_back(struct virtnet *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		vring_put_used(&v->in, v->chain[i].head, 0);
	vring_take(&v->in, n);
}

/* The frame's bytes, header included, are written: hand the buffers over. */
static void hand_over(struct virtnet *v, unsigned n, uint32_t bytes)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = v->chain[i].bytes < bytes ? v->chain[i].bytes : bytes;

		vring_put_used(&v->in, v->chain[i].head, len);
		bytes -= len;
	}
	vring_take(&v->in, n);
}

static enum vs_drop send_one(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref)
{
	const struct vs_seg *seg = b->seg + b->seg0[ref->frame];
	uint8_t head[VS_HEAD_BYTES + 4], raw[HDR_MAX];
	struct cursor to = {.chain = v->chain};
	struct vnet_hdr hdr;
	uint32_t headlen = vnet_head(b, ref, head), bytes = v->hdr_len + headlen;
	enum vs_drop why;
	unsigned n;

	if (!headlen)
		return VS_DROP_TX_ERROR;
	for (unsigned s = 0; s < b->nseg[ref->frame]; s++)
		bytes += seg[s].len;
	why = collect(v, bytes, &n);
	if (why == VS_DROP_TX_BAD_BUFFER)
		give_back(v, n);
	if (why != VS_DROP_NONE)
		return why;
	vnet_tx_hdr(b, ref, &hdr);
	if (v->guest_csum && b->flags[ref->frame] & VS_F_CSUM_VALID)
		hdr.flags = VNET_FLAG_DATA_VALID;
	memcpy(raw, &hdr, sizeof(hdr));
	memcpy(raw + sizeof(hdr), &(uint16_t){(uint16_t)n}, sizeof(uint16_t));
	put(&to, raw, v->hdr_len);
	put(&to, head, headlen);
	for (unsigned s = 0; s < b->nseg[ref->frame]; s++)
		put(&to, seg[s].p, seg[s].len);
	hand_over(v, n, bytes);
	return VS_DROP_NONE;
}

unsigned virtnet_tx(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		    unsigned n, enum vs_drop *err, bool *call)
{
	unsigned done = 0;

	for (; done < n; done++) {
		enum vs_drop why = send_one(v, b, ref + done);

		if (why != VS_DROP_NONE) {
			*err = why;
			break;
		}
	}
	*call = vring_publish(&v->in);
	return done;
}
