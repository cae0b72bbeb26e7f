/* SPDX-License-Identifier: Apache-2.0 */
/* Layer 2: output buffers to frames, what the guest sends. Source: spec/osa-qeth.md 7.1, 7.4. */
#include <string.h>

#include "osa/alike.h"
#include "osa/fetch.h"
#include "osa/offload.h"

#include "common/be.h"

/* What the bytes in front of a frame say; read once. */
struct request {
	unsigned hdr_bytes;
	uint32_t len;
	uint8_t offload;
	bool tso;
	struct osa_tso_ext ext;
};

static enum vs_drop read_request(const struct qdio_entry *e, struct request *r)
{
	struct osa_l2_hdr hdr;

	memset(r, 0, sizeof(*r));
	if (!e->data)
		return VS_DROP_RX_ADDRESS;
	if (e->len < sizeof(hdr))
		return VS_DROP_RX_MALFORMED;
	memcpy(&hdr, e->data, sizeof(hdr));
	r->hdr_bytes = sizeof(hdr);
	r->len = be16_get(hdr.len);
	r->offload = hdr.offload;
	if (hdr.id == OSA_HDR_LAYER2)
		return r->len ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
	if (hdr.id != OSA_HDR_LAYER2_TSO)
		return VS_DROP_RX_UNSUPPORTED;
	r->tso = true;
	r->hdr_bytes += (unsigned)sizeof(r->ext);
	if (e->len < r->hdr_bytes || !r->len)
		return VS_DROP_RX_MALFORMED;
	memcpy(&r->ext, e->data + sizeof(hdr), sizeof(r->ext));
	return VS_DROP_NONE;
}

/* The frame stands in the burst: may it stay? */
static enum vs_drop judge(const struct osa_data *d, struct vs_burst *b, const struct request *r)
{
	unsigned i = b->n;
	bool ok = true;

	if (r->len < 14)
		return VS_DROP_RX_RUNT;
	if (!r->tso && r->len > d->frame_max)
		return VS_DROP_RX_GIANT;
	if (r->tso)
		ok = osa_offload_segment(b, i, &r->ext, 0);
	else if (r->offload & OSA_OFFLOAD_L4)
		ok = osa_offload_checksum(b, i, r->offload & OSA_OFFLOAD_UDP);
	return ok ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
}

static enum osa_walk take_frame(const struct osa_data *d, struct vs_burst *b,
				const struct qdio_entry *e, unsigned n, unsigned *used,
				enum vs_drop *why)
{
	unsigned i = b->n;
	struct osa_piece piece = {0};
	struct request r;

	*why = read_request(e, &r);
	if (*why != VS_DROP_NONE)
		return OSA_WALK_STOP;
	piece.skip = r.hdr_bytes;
	piece.len = r.len;
	/* Whoever asks for work on headers gets them all into the private head. */
	piece.want = r.tso || r.offload & OSA_OFFLOAD_L4 ? VS_HEAD_BYTES : VS_HEAD_MIN;
	if (piece.want > r.len)
		piece.want = r.len;
	*why = osa_fetch_bytes(b, e, n, &piece, used);
	if (*why != VS_DROP_NONE)
		return OSA_WALK_STOP;
	b->len[i] = r.len;
	b->headlen[i] = (uint16_t)piece.want;
	b->flags[i] = 0;
	*why = judge(d, b, &r);
	if (*why == VS_DROP_NONE)
		return OSA_WALK_FRAME;
	alike_leave(b);
	return OSA_WALK_SKIP;
}

/* Of a header's first doubleword, lowest byte first: id and the request for a checksum. The length
 * is in the highest bytes. */
#define HDR_PLAIN_BITS UINT64_C(0x0000000000FF00FF)
#define HDR_SAME_BITS (HDR_PLAIN_BITS | UINT64_C(0xFFFF) << 48)

/*
 * The plain case, whole frame in one entry, no offload: most of all frames. In a loop of its
 * own, because all it does is a few loads and stores. What is the same for all of them stands in
 * the burst already (alike_preset). @ask: as for osa_fetch_ahead.
 * Return: how many of the n entries at e were such frames, from the first on.
 */
static inline unsigned take_plain(const struct osa_data *d, struct vs_burst *b,
				  const struct qdio_entry *e, unsigned n, unsigned ask)
{
	const unsigned first = b->n;
	const uint32_t longest = d->frame_max - VS_HEAD_MIN;
	uint32_t bytes = 0, max = b->plain_max;
	unsigned seg = b->nseg_used, k;
	uint8_t *head = b->head[first];

	for (k = 0; k < n; k++, head += VS_HEAD_BYTES) {
		const uint8_t *p = e[k].data;
		uint32_t more = e[k].len - OSA_HDR_BYTES - VS_HEAD_MIN, len;
		uint64_t hdr;

		osa_fetch_ahead(e, k, ask);
		if (!p || more > longest)
			break;
		hdr = le64_load(p);
		if ((hdr & HDR_PLAIN_BITS) != OSA_HDR_LAYER2 ||
		    be16_swap((uint16_t)(hdr >> 48)) != more + VS_HEAD_MIN)
			break;
		p += OSA_HDR_BYTES;
		memcpy(head, p, VS_HEAD_MIN);
		len = more + VS_HEAD_MIN;
		bytes += len;
		max = len > max ? len : max;
		b->len[first + k] = len;
		b->seg0[first + k] = (uint16_t)seg;
		b->nseg[first + k] = more > 0;
		if (more)
			b->seg[seg++] = (struct vs_seg){p + VS_HEAD_MIN, more};
	}
	if (!k)
		return 0;
	b->plain |= ~UINT64_C(0) >> (64 - k) << first;
	b->plain_bytes += bytes;
	b->plain_max = max;
	b->n = first + k;
	b->nseg_used = seg;
	return k;
}

/*
 * A burst of frames that are all plain and of one length: traffic of one conversation as a rule. A
 * loop with next to nothing in it. What is compared are the bytes that were copied.
 * Return: how many of the n entries at e, from the first on, are such as the first one.
 */
static WIDE_INLINE unsigned take_same(struct vs_burst *b, const struct qdio_entry *e, unsigned n,
				      unsigned ask, uint64_t want, const uint32_t more,
				      struct alike *like, const bool wide)
{
	uint32_t len = OSA_HDR_BYTES + VS_HEAD_MIN + more;
	bytes16 first, any = {0}, differ = {0};
	uint8_t *head = b->head[0];
	unsigned k;

	/* Should the guest change it before it is copied, then that one differs as well. */
	first = load16(e[0].data + OSA_HDR_BYTES);
	for (k = 0; k < n; k++, head += VS_HEAD_BYTES) {
		const uint8_t *p = e[k].data;
		bytes16 begin;

		osa_fetch_ahead(e, k, ask);
		if (e[k].len != len || !p || (le64_load(p) & HDR_SAME_BITS) != want)
			break;
		p += OSA_HDR_BYTES;
		begin = copy_64(head, p, wide);
		any |= begin;
		differ |= begin ^ first;
		if (more)
			b->seg[k] = (struct vs_seg){p + VS_HEAD_MIN, more};
	}
	*like = (struct alike){any, differ};
	return k;
}

static WIDE_INLINE unsigned take_uniform_by(const struct osa_data *d, struct vs_burst *b,
					    const struct qdio_entry *e, unsigned n, unsigned ask,
					    const bool wide)
{
	uint32_t len = e[0].len - OSA_HDR_BYTES;
	uint64_t want = (uint64_t)be16_swap((uint16_t)len) << 48 | OSA_HDR_LAYER2;
	struct alike like;
	unsigned k;

	if (n < ALIKE_MIN || !e[0].data || len - VS_HEAD_MIN > d->frame_max - VS_HEAD_MIN)
		return 0;
	k = len == VS_HEAD_MIN ? take_same(b, e, n, ask, want, 0, &like, wide)
			       : take_same(b, e, n, ask, want, len - VS_HEAD_MIN, &like, wide);
	if (!k)
		return 0;
	alike_put(b, k, len);
	if (k == n) {
		b->uniform = any_group(&like) ? 0 : len;
		b->same = all_same(&like) ? VS_SAME_ADDRESSES : VS_SAME_NOTHING;
	}
	return k;
}

WIDE static unsigned take_uniform_wide(const struct osa_data *d, struct vs_burst *b,
				       const struct qdio_entry *e, unsigned n, unsigned ask)
{
	return take_uniform_by(d, b, e, n, ask, true);
}

static unsigned take_uniform(const struct osa_data *d, struct vs_burst *b,
			     const struct qdio_entry *e, unsigned n, unsigned ask)
{
	return wide_moves() ? take_uniform_wide(d, b, e, n, ask)
			    : take_uniform_by(d, b, e, n, ask, false);
}

/*
 * How many of the n entries at e are want bytes that lie back to back, as pages of one area do.
 * Return: 0: none are.
 */
static inline unsigned span(const struct qdio_entry *e, unsigned n, uint32_t want)
{
	uint64_t len = e->len;
	unsigned k = 1;

	for (; len < want && k < n; k++) {
		if (e[k].data != e->data + len)
			return 0;
		len += e[k].len;
	}
	return len == want ? k : 0;
}

/*
 * The same for frames that are longer than an entry: each in entries that lie back to back, none
 * over two buffers. Return: how many entries, from the first on, are such frames.
 */
static unsigned take_uniform_long(const struct osa_data *d, struct vs_burst *b,
				  const struct osa_entries *en)
{
	const struct qdio_entry *e = en->e, *end = e;
	struct alike like = {0};
	bytes16 first, begin;
	unsigned k = 0, used;
	uint64_t want;
	uint32_t len;

	if (en->n < ALIKE_MIN || en->endless || !e->data || e->len < OSA_HDR_BYTES + VS_HEAD_MIN)
		return 0;
	want = le64_load(e->data) & HDR_SAME_BITS;
	len = be16_swap((uint16_t)(want >> 48));
	/* One alone is not worth what it takes to begin. */
	if ((want & HDR_PLAIN_BITS) != OSA_HDR_LAYER2 || len > d->frame_max ||
	    len + OSA_HDR_BYTES <= e->len || span(e, en->n, OSA_HDR_BYTES + len) == en->n)
		return 0;
	first = load16(e->data + OSA_HDR_BYTES);
	for (unsigned s = 0; s < en->n_sbal; s++) {
		for (end += en->count[s]; e < end; e += used, k++) {
			const uint8_t *p = e->data;

			if (!p || e->len < OSA_HDR_BYTES + VS_HEAD_MIN ||
			    (le64_load(p) & HDR_SAME_BITS) != want)
				goto out;
			used = span(e, (unsigned)(end - e), OSA_HDR_BYTES + len);
			if (!used)
				goto out;
			p += OSA_HDR_BYTES;
			begin = copy_64(b->head[k], p, false);
			like.any |= begin;
			like.differ |= begin ^ first;
			b->seg[k] = (struct vs_seg){p + VS_HEAD_MIN, len - VS_HEAD_MIN};
		}
	}
out:
	if (!k)
		return 0;
	alike_put(b, k, len);
	if (e == &en->e[en->n]) {
		b->uniform = any_group(&like) ? 0 : len;
		b->same = all_same(&like) ? VS_SAME_ADDRESSES : VS_SAME_NOTHING;
	}
	return (unsigned)(e - en->e);
}

static inline enum osa_walk take(void *ctx, struct vs_burst *b, const struct qdio_entry *e,
				 unsigned n, unsigned *used, enum vs_drop *why)
{
	unsigned plain = take_plain(ctx, b, e, n, n);

	if (!plain)
		return take_frame(ctx, b, e, n, used, why);
	*used = plain;
	b->n--; /* the caller counts one */
	return OSA_WALK_FRAME;
}

unsigned osa_l2_fetch(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct osa_data *d = osa_data_of(port);
	struct osa_entries en;
	unsigned taken, ask;

	b->n = 0;
	b->nseg_used = 0;
	if (!osa_fetch_entries(d, VS_BURST - b->hold, OSA_FETCH_AHEAD, &en))
		return 0;
	alike_preset(b);
	ask = en.asked < en.n ? en.n : 0;
	taken = take_uniform(d, b, en.e, en.n, ask);
	if (!taken)
		taken = take_uniform_long(d, b, &en);
	if (taken < en.n)
		taken += take_plain(d, b, &en.e[taken], en.n - taken, ask ? ask - taken : 0);
	osa_fetch_frames(d, d, b, &en, taken, dropped, take);
	if (!b->n)
		osa_fetch_done(d);
	return b->n;
}

void osa_l2_fetched(void *port, const struct vs_burst *b)
{
	(void)b;
	osa_fetch_done(osa_data_of(port));
}
