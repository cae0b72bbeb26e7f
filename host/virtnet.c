/* SPDX-License-Identifier: Apache-2.0 */
#include "host/virtnet.h"

#include <string.h>

#include "host/lane.h"
#include "host/vnet.h"

#include "common/copy.h"

#define ETH_HLEN 14u
#define HDR_MAX 12u
#define LITTLE_FRAMES 16u
#define LITTLE_BYTES 2048u

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

static enum vs_drop describe_chain(struct virtnet *v, uint16_t at, unsigned i, struct vs_burst *b)
{
	struct vring_chain c;
	enum vring_fault fault = vring_chain(&v->out, v->mem, at, false, &c);

	/* The guest may have changed it since it was found. */
	if (fault == VRING_NONE || c.buf.slots != v->buf[i].slots)
		return VS_DROP_RX_MALFORMED;
	v->buf[i].id = c.buf.id;
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

/* Up to n buffers from number i and position *at on. Return: how many, *at is behind them. */
static unsigned take(struct virtnet *v, unsigned i, unsigned n, uint16_t *at, struct vs_burst *b,
		     uint64_t *dropped)
{
	struct vring_piece piece[VS_BURST];
	unsigned k = 0, slots = 0;

	n = vring_scan(&v->out, v->mem, *at, n, false, v->buf + i, piece);
	for (; k < n && b->nseg_used + VRING_SEGS <= VS_SEGS; k++) {
		enum vs_drop why =
			piece[k].len >= v->hdr_len + ETH_HLEN
				? describe_piece(v, &piece[k], b)
				: describe_chain(v, vring_behind(&v->out, *at, k), i + k, b);

		if (why != VS_DROP_NONE)
			dropped[why]++;
		slots += v->buf[i + k].slots;
	}
	*at = vring_behind(&v->out, *at, slots);
	return k;
}

unsigned virtnet_rx(struct virtnet *v, struct vs_burst *b, uint64_t *dropped)
{
	unsigned most = VS_BURST - b->hold, i = 0, n;
	uint16_t at = v->out.next;

	b->n = 0;
	b->nseg_used = 0;
	do {
		n = take(v, i, most - i, &at, b, dropped);
		i += n;
	} while (n && i < most && v->buf[i - 1].slots > 1);
	v->out.next = at;
	v->taken = i;
	return i;
}

bool virtnet_rx_done(struct virtnet *v)
{
	vring_put(&v->out, v->out.done, v->buf, v->taken);
	v->taken = 0;
	return vring_publish(&v->out, v->out.next);
}

/* ---- to the guest: who may, and in what order
 * ------------------------------------------------------------------------------------------- */

void virtnet_init(struct virtnet *v)
{
	lane_lock_init(&v->lock);
	pthread_cond_init(&v->returned, NULL);
}

void virtnet_destroy(struct virtnet *v)
{
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->returned);
}

void virtnet_open(struct virtnet *v)
{
	pthread_mutex_lock(&v->lock);
	v->open = true;
	pthread_mutex_unlock(&v->lock);
}

void virtnet_close(struct virtnet *v)
{
	pthread_mutex_lock(&v->lock);
	v->open = false;
	while (v->leases.n)
		pthread_cond_wait(&v->returned, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

/* Lock held. The next slots are ours. Return: the position where they begin. */
static uint16_t lease(struct virtnet *v, unsigned slots)
{
	uint16_t from = v->in.next;

	v->in.next = vring_behind(&v->in, from, slots);
	vlease_take(&v->leases, from, v->in.next);
	return from;
}

/* Buffers leased from a position on are filled. Return: is the guest to be interrupted? */
static bool hand_over(struct virtnet *v, uint16_t from, const struct vring_buf *buf, unsigned n)
{
	bool call = false;
	uint16_t to;

	vring_put(&v->in, from, buf, n);
	pthread_mutex_lock(&v->lock);
	if (vlease_finish(&v->leases, from, &to))
		call = vring_publish(&v->in, to);
	if (!v->open)
		pthread_cond_signal(&v->returned);
	pthread_mutex_unlock(&v->lock);
	return call;
}

/* ---- to the guest, each frame into one piece ---------------------------------------------------
 */

static const int8_t edit_bytes[] = {
	[VS_EDIT_NONE] = 0,
	[VS_EDIT_STRIP] = -4,
	[VS_EDIT_PUSH] = 4,
	[VS_EDIT_RETAG] = 0,
};

/* A tag is taken out of a head, or put in, only where it has room for one. */
static bool is_plain(const struct vs_burst *b, const struct vs_ref *ref)
{
	return ref->edit == VS_EDIT_NONE || b->headlen[ref->frame] >= ETH_HLEN + 4;
}

unsigned virtnet_find(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		      unsigned n, struct virtnet_places *p)
{
	unsigned i = 0;

	if (v->leases.n == VLEASES)
		return 0;
	n = vring_scan(&v->in, v->mem, v->in.next, n, true, p->buf, p->piece);
	for (; i < n; i++) {
		uint32_t bytes = (uint32_t)((int)(v->hdr_len + b->len[ref[i].frame]) +
					    edit_bytes[ref[i].edit]);

		if (p->piece[i].len < bytes || !is_plain(b, ref + i))
			break;
		p->buf[i].len = bytes;
	}
	return i;
}

void virtnet_lease(struct virtnet *v, struct virtnet_places *p, unsigned n)
{
	p->n = n;
	if (n)
		p->from = lease(v, n);
}

static uint32_t copy_head(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *to)
{
	unsigned i = ref->frame;

	/* Of a constant length: no call. */
	if (ref->edit != VS_EDIT_NONE || b->headlen[i] != VS_HEAD_MIN)
		return vnet_head(b, ref, to);
	memcpy(to, b->head[i], VS_HEAD_MIN);
	return VS_HEAD_MIN;
}

static void copy_whole(const struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		       uint8_t *to)
{
	unsigned i = ref->frame;
	const struct vs_seg *seg = b->seg + b->seg0[i];
	struct vnet_hdr hdr = {.flags = 0};

	if (b->flags[i]) {
		vnet_tx_hdr(b, ref, &hdr);
		if (v->guest_csum && b->flags[i] & VS_F_CSUM_VALID)
			hdr.flags = VNET_FLAG_DATA_VALID;
	}
	memcpy(to, &hdr, sizeof(hdr));
	if (v->hdr_len > sizeof(hdr))
		memcpy(to + sizeof(hdr), &(uint16_t){1}, sizeof(uint16_t));
	to += v->hdr_len;
	to += copy_head(b, ref, to);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		memcpy(to, seg[s].p, seg[s].len);
		to += seg[s].len;
	}
}

static void copy_all(const struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		     const struct vring_piece *piece, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		copy_whole(v, b, ref + i, piece[i].p);
}

bool virtnet_fill(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		  const struct virtnet_places *p)
{
	if (!p->n)
		return false;
	copy_all(v, b, ref, p->piece, p->n);
	return hand_over(v, p->from, p->buf, p->n);
}

/*
 * Lock held. Is it copied sooner than the lock would be taken a second time, and is nobody's turn
 * before?
 */
static bool is_little(const struct virtnet *v, const struct virtnet_places *p, unsigned n)
{
	uint32_t bytes = 0;

	if (v->leases.n || n > LITTLE_FRAMES)
		return false;
	for (unsigned i = 0; i < n; i++)
		bytes += p->buf[i].len;
	return bytes <= LITTLE_BYTES;
}

/* Lock held. The first n of the places found are filled and handed over. */
static bool fill_now(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		     const struct virtnet_places *p, unsigned n)
{
	uint16_t from = v->in.next;

	copy_all(v, b, ref, p->piece, n);
	vring_put(&v->in, from, p->buf, n);
	v->in.next = vring_behind(&v->in, from, n);
	return vring_publish(&v->in, v->in.next);
}

/* As long as nothing is unusual. Return: frames sent. */
static unsigned send_whole(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
			   unsigned n, bool *call)
{
	struct vring_piece piece[VS_BURST];
	struct vring_buf buf[VS_BURST];
	struct virtnet_places p = {.buf = buf, .piece = piece};

	pthread_mutex_lock(&v->lock);
	n = v->open ? virtnet_find(v, b, ref, n < VS_BURST ? n : VS_BURST, &p) : 0;
	if (is_little(v, &p, n)) {
		*call |= fill_now(v, b, ref, &p, n);
		pthread_mutex_unlock(&v->lock);
		return n;
	}
	virtnet_lease(v, &p, n);
	pthread_mutex_unlock(&v->lock);
	*call |= virtnet_fill(v, b, ref, &p);
	return n;
}

/* ---- to the guest, a frame into whatever it offers
 * --------------------------------------------------------------------------------------- */

#define PIECES_MAX 256u /* that one frame is spread over */

/* Buffers for one frame. */
struct spread {
	uint16_t from;
	unsigned n, n_piece, slots;
	struct vring_buf buf[VIRTNET_MERGE_MAX];
	struct vring_piece piece[PIECES_MAX];
};

/* Where the next byte goes. */
struct cursor {
	const struct vring_piece *piece, *end;
	uint32_t offset;
};

/* There is room: it was measured. */
static void put(struct cursor *to, const uint8_t *from, uint32_t len)
{
	while (len && to->piece < to->end) {
		uint32_t left = to->piece->len - to->offset, n = left < len ? left : len;

		if (!left) {
			to->piece++;
			to->offset = 0;
			continue;
		}
		copy_bytes(to->piece->p + to->offset, from, n);
		from += n;
		len -= n;
		to->offset += n;
	}
}

/* One more buffer. Return: VS_DROP_NONE, or why it does not do. */
static enum vs_drop add_buffer(struct virtnet *v, struct spread *s, uint32_t *bytes)
{
	struct vring_chain c;
	enum vring_fault fault =
		vring_chain(&v->in, v->mem, vring_behind(&v->in, v->in.next, s->slots), true, &c);

	if (fault == VRING_NONE)
		return VS_DROP_TX_NO_BUFFER;
	s->slots += c.buf.slots;
	s->buf[s->n++] = c.buf;
	if (fault != VRING_OK || c.bytes < v->hdr_len)
		return VS_DROP_TX_BAD_BUFFER;
	if (s->n_piece + c.n > PIECES_MAX)
		return VS_DROP_TX_TOO_BIG;
	memcpy(s->piece + s->n_piece, c.piece, c.n * sizeof(c.piece[0]));
	s->n_piece += c.n;
	s->buf[s->n - 1].len = c.bytes < *bytes ? c.bytes : *bytes;
	*bytes -= s->buf[s->n - 1].len;
	return VS_DROP_NONE;
}

/*
 * Lock held. Collect buffers for the bytes, and lease them.
 * Return: VS_DROP_NONE, or why they do not do; after VS_DROP_TX_BAD_BUFFER they are leased as well,
 * to be given back unused: else they would be in the way for ever.
 */
static enum vs_drop collect(struct virtnet *v, uint32_t bytes, struct spread *s)
{
	enum vs_drop why = VS_DROP_NONE;

	s->n = s->n_piece = s->slots = 0;
	if (!v->open)
		return VS_DROP_TX_DOWN;
	if (v->leases.n == VLEASES)
		return VS_DROP_TX_QUEUE_FULL;
	while (bytes && why == VS_DROP_NONE) {
		if (s->n == (v->mergeable ? VIRTNET_MERGE_MAX : 1))
			return VS_DROP_TX_TOO_BIG;
		why = add_buffer(v, s, &bytes);
	}
	if (why == VS_DROP_TX_BAD_BUFFER)
		for (unsigned i = 0; i < s->n; i++)
			s->buf[i].len = 0;
	if (why == VS_DROP_NONE || why == VS_DROP_TX_BAD_BUFFER)
		s->from = lease(v, s->slots);
	return why;
}

static void write_spread(const struct virtnet *v, const struct vs_burst *b,
			 const struct vs_ref *ref, const uint8_t *head, uint32_t headlen,
			 const struct spread *s)
{
	const struct vs_seg *seg = b->seg + b->seg0[ref->frame];
	uint16_t buffers = (uint16_t)s->n;
	struct cursor to = {.piece = s->piece, .end = s->piece + s->n_piece};
	struct vnet_hdr hdr;
	uint8_t raw[HDR_MAX];

	vnet_tx_hdr(b, ref, &hdr);
	if (v->guest_csum && b->flags[ref->frame] & VS_F_CSUM_VALID)
		hdr.flags = VNET_FLAG_DATA_VALID;
	memcpy(raw, &hdr, sizeof(hdr));
	memcpy(raw + sizeof(hdr), &buffers, sizeof(buffers));
	put(&to, raw, v->hdr_len);
	put(&to, head, headlen);
	for (unsigned k = 0; k < b->nseg[ref->frame]; k++)
		put(&to, seg[k].p, seg[k].len);
}

static enum vs_drop send_one(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
			     bool *call)
{
	const struct vs_seg *seg = b->seg + b->seg0[ref->frame];
	uint8_t head[VS_HEAD_BYTES + 4];
	uint32_t headlen = vnet_head(b, ref, head), bytes = v->hdr_len + headlen;
	struct spread s;
	enum vs_drop why;

	if (!headlen)
		return VS_DROP_TX_ERROR;
	for (unsigned k = 0; k < b->nseg[ref->frame]; k++)
		bytes += seg[k].len;
	pthread_mutex_lock(&v->lock);
	why = collect(v, bytes, &s);
	pthread_mutex_unlock(&v->lock);
	if (why == VS_DROP_NONE)
		write_spread(v, b, ref, head, headlen, &s);
	if (why == VS_DROP_NONE || why == VS_DROP_TX_BAD_BUFFER)
		*call |= hand_over(v, s.from, s.buf, s.n);
	return why;
}

unsigned virtnet_tx(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		    unsigned n, enum vs_drop *err, bool *call)
{
	unsigned done = send_whole(v, b, ref, n, call);

	for (; done < n; done++) {
		enum vs_drop why = send_one(v, b, ref + done, call);

		if (why != VS_DROP_NONE) {
			*err = why;
			break;
		}
	}
	return done;
}
