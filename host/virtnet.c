/* SPDX-License-Identifier: Apache-2.0 */
#include "host/virtnet.h"

#include <string.h>

#include "host/vnet.h"

#include "common/copy.h"

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

static enum vs_drop describe_chain(struct virtnet *v, unsigned i, struct vs_burst *b)
{
	struct vring_chain c;
	enum vring_fault fault = vring_chain(&v->out, v->mem, i, false, &c);

	/* The guest may have changed it since. */
	v->head[i] = c.head;
	return fault == VRING_OK ? describe(v, &c, b) : drop_of(fault);
}

/* The guest's memory is read once. */
static void snapshot(void *to, const uint8_t *from, uint32_t len)
{
	/* Of a constant length: no call. */
	if (len == VS_HEAD_MIN)
		memcpy(to, from, VS_HEAD_MIN);
	else
		memcpy(to, from, len);
	__asm__ volatile("" ::: "memory");
}

/* A frame in one piece: no more than its header and its first bytes are looked at. */
static enum vs_drop describe_piece(const struct virtnet *v, const struct vring_piece *piece,
				   struct vs_burst *b)
{
	const uint8_t *frame = piece->p + v->hdr_len;
	uint32_t len = piece->len - v->hdr_len, headlen;
	struct vnet_hdr hdr;
	unsigned i = b->n;
	enum vs_drop why;

	if (len > VS_FRAME_MAX)
		return VS_DROP_RX_GIANT;
	snapshot(&hdr, piece->p, sizeof(hdr));
	headlen = hdr.flags & VNET_FLAG_NEEDS_CSUM ? VS_HEAD_BYTES : VS_HEAD_MIN;
	if (headlen > len)
		headlen = len;
	snapshot(b->head[i], frame, headlen);
	b->len[i] = len;
	b->headlen[i] = (uint16_t)headlen;
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = len > headlen;
	b->seg[b->nseg_used] = (struct vs_seg){frame + headlen, len - headlen};
	if (hdr.flags || hdr.gso_type != VNET_GSO_NONE) {
		why = vnet_rx_head(&hdr, b);
		if (why != VS_DROP_NONE)
			return why;
	} else {
		b->flags[i] = 0;
		b->csum_start[i] = b->csum_offset[i] = 0;
		b->gso_size[i] = b->hdrlen[i] = 0;
	}
	b->nseg_used += b->nseg[i];
	b->n++;
	return VS_DROP_NONE;
}

unsigned virtnet_rx(struct virtnet *v, struct vs_burst *b, uint64_t *dropped)
{
	unsigned n = vring_pending(&v->out), i = 0;
	struct vring_piece piece[VS_BURST];

	b->n = 0;
	b->nseg_used = 0;
	if (n > VS_BURST - b->hold)
		n = VS_BURST - b->hold;
	vring_scan(&v->out, v->mem, n, false, v->head, piece);
	for (; i < n && b->nseg_used + VRING_SEGS <= VS_SEGS; i++) {
		enum vs_drop why = piece[i].len >= v->hdr_len + ETH_HLEN
					   ? describe_piece(v, &piece[i], b)
					   : describe_chain(v, i, b);

		if (why != VS_DROP_NONE)
			dropped[why]++;
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
		copy_bytes(s->p + to->offset, from, n);
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
		if (vring_chain(&v->in, v->mem, (*n)++, true, c) != VRING_OK ||
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

/* ---- to the guest, each frame into one piece ---------------------------------------------------
 */

static const int8_t edit_bytes[] = {
	[VS_EDIT_NONE] = 0,
	[VS_EDIT_STRIP] = -4,
	[VS_EDIT_PUSH] = 4,
	[VS_EDIT_RETAG] = 0,
};

/* Return: bytes written, 0 if the frame is too short for its edit. */
static uint32_t copy_head(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *to)
{
	unsigned i = ref->frame;

	/* Of a constant length: no call. */
	if (ref->edit != VS_EDIT_NONE || b->headlen[i] != VS_HEAD_MIN)
		return vnet_head(b, ref, to);
	memcpy(to, b->head[i], VS_HEAD_MIN);
	return VS_HEAD_MIN;
}

/* Return: bytes written, header included, or 0: it is none of the simple ones. */
static uint32_t copy_whole(const struct virtnet *v, const struct vs_burst *b,
			   const struct vs_ref *ref, const struct vring_piece *piece)
{
	unsigned i = ref->frame;
	const struct vs_seg *seg = b->seg + b->seg0[i];
	struct vnet_hdr hdr = {.flags = 0};
	uint32_t bytes = (uint32_t)((int)(v->hdr_len + b->len[i]) + edit_bytes[ref->edit]);
	uint8_t *to = piece->p;
	uint32_t headlen;

	if (piece->len < bytes)
		return 0;
	if (b->flags[i]) {
		vnet_tx_hdr(b, ref, &hdr);
		if (v->guest_csum && b->flags[i] & VS_F_CSUM_VALID)
			hdr.flags = VNET_FLAG_DATA_VALID;
	}
	memcpy(to, &hdr, sizeof(hdr));
	if (v->hdr_len > sizeof(hdr))
		memcpy(to + sizeof(hdr), &(uint16_t){1}, sizeof(uint16_t));
	to += v->hdr_len;
	headlen = copy_head(b, ref, to);
	if (!headlen)
		return 0;
	to += headlen;
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		memcpy(to, seg[s].p, seg[s].len);
		to += seg[s].len;
	}
	return bytes;
}

/* As long as nothing is unusual. Return: frames sent. */
static unsigned send_whole(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
			   unsigned n)
{
	unsigned pending = vring_pending(&v->in), i = 0;
	struct vring_piece piece[VS_BURST];
	uint16_t head[VS_BURST];

	if (n > pending)
		n = pending;
	if (n > VS_BURST)
		n = VS_BURST;
	vring_scan(&v->in, v->mem, n, true, head, piece);
	for (; i < n; i++) {
		uint32_t bytes = copy_whole(v, b, ref + i, piece + i);

		if (!bytes)
			break;
		vring_put_used(&v->in, head[i], bytes);
	}
	vring_take(&v->in, i);
	return i;
}

unsigned virtnet_tx(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		    unsigned n, enum vs_drop *err)
{
	unsigned done = send_whole(v, b, ref, n);

	for (; done < n; done++) {
		enum vs_drop why = send_one(v, b, ref + done);

		if (why != VS_DROP_NONE) {
			*err = why;
			break;
		}
	}
	return done;
}

bool virtnet_tx_done(struct virtnet *v)
{
	return vring_publish(&v->in);
}
