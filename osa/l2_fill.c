/* SPDX-License-Identifier: Apache-2.0 */
/* Layer 2: frames to input buffers, what the guest receives. Source: spec/osa-qeth.md 7.1. */
#include "osa/fill.h"

#include "common/wide.h"

#define ETH_ADDRS 12
#define TAG_BYTES 4

static uint8_t cast_of(const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	if (!(mac[0] & 1))
		return OSA_L2_UNICAST;
	return memcmp(mac, broadcast, sizeof(broadcast)) ? OSA_L2_MULTICAST : OSA_L2_BROADCAST;
}

#define UDP_CSUM 6 /* offset of the checksum in a UDP header */

static inline struct osa_fill_header header(const struct vs_burst *b, unsigned i, uint32_t len,
					    bool verified)
{
	uint64_t offload = verified && b->flags[i] & VS_F_CSUM_VALID ? OSA_OFFLOAD_L4 : 0;
	uint64_t cast = cast_of(b->head[i]);

	return (struct osa_fill_header){.w = {be64_swap((uint64_t)OSA_HDR_LAYER2 << 56 |
							offload << 40 | cast << 32 | len)}};
}

static const int8_t edit_bytes[] = {[VS_EDIT_NONE] = 0,
				    [VS_EDIT_STRIP] = -TAG_BYTES,
				    [VS_EDIT_PUSH] = TAG_BYTES,
				    [VS_EDIT_RETAG] = 0};

/* The frame's head as it leaves under an edit. Return: its bytes; room for VS_HEAD_BYTES + 4. */
static uint32_t edit_head(uint8_t *to, const struct vs_burst *b, struct vs_ref ref)
{
	const uint8_t *head = b->head[ref.frame];
	uint32_t n = b->headlen[ref.frame], from = ETH_ADDRS, at = ETH_ADDRS;

	memcpy(to, head, ETH_ADDRS);
	if (ref.edit != VS_EDIT_STRIP) {
		be16_store(to + at, 0x8100);
		be16_store(to + at + 2, b->tci[ref.frame]);
		at += TAG_BYTES;
	}
	if (ref.edit != VS_EDIT_PUSH)
		from += TAG_BYTES;
	memcpy(to + at, head + from, n - from);
	return at + n - from;
}

/*
 * An unfinished frame for a host that takes it (OSA_ASSIST_LARGE_IN): the header says what is
 * missing, as it does on the way out; a large one has the segmentation header behind it. The
 * switch sends none to others.
 */
static __attribute__((noinline)) void copy_unfinished(struct osa_fill *f, unsigned k,
						      const struct vs_burst *b, struct vs_ref ref,
						      uint32_t len)
{
	unsigned i = ref.frame, at = 0;
	bool gso = b->flags[i] & VS_F_GSO;
	uint64_t offload = OSA_OFFLOAD_PARTIAL;
	uint16_t hdrlen = (uint16_t)(b->hdrlen[i] + edit_bytes[ref.edit]);
	uint8_t head[sizeof(struct osa_tso_ext) + VS_HEAD_BYTES + TAG_BYTES];
	struct osa_fill_header h;
	struct osa_fill_frame x = {.head = head, .seg = &b->seg[b->seg0[i]], .n_seg = b->nseg[i]};

	if (b->csum_offset[i] == UDP_CSUM)
		offload |= OSA_OFFLOAD_UDP;
	if (gso) {
		const struct osa_tso_ext ext = {.ext_len = be16_of(sizeof(ext)),
						.n_hdr = 1,
						.hdr_type = 1,
						.version = 1,
						.hdr_len = be16_of(sizeof(ext) - 4),
						.payload_len = be32_of(len - hdrlen),
						.mss = be16_of(b->gso_size[i]),
						.proto_hdr_len = be16_of(hdrlen)};

		memcpy(head, &ext, sizeof(ext));
		at = sizeof(ext);
	}
	if (ref.edit != VS_EDIT_NONE) {
		x.n = at + edit_head(head + at, b, ref);
	} else {
		memcpy(head + at, b->head[i], b->headlen[i]);
		x.n = at + b->headlen[i];
	}
	h = (struct osa_fill_header){
		.w = {be64_swap((uint64_t)(gso ? OSA_HDR_LAYER2_TSO : OSA_HDR_LAYER2) << 56 |
				offload << 40 | (uint64_t)cast_of(b->head[i]) << 32 | len)}};
	osa_fill_copy(f, k, &h, &x);
}

static inline void copy_frame(struct osa_fill *f, unsigned k, const struct vs_burst *b,
			      struct vs_ref ref, const struct osa_fill_header *h)
{
	unsigned i = ref.frame;
	uint8_t edited[VS_HEAD_BYTES + TAG_BYTES];
	struct osa_fill_frame x = {.head = b->head[i],
				   .n = b->headlen[i],
				   .seg = &b->seg[b->seg0[i]],
				   .n_seg = b->nseg[i]};

	if (ref.edit != VS_EDIT_NONE) {
		x.n = edit_head(edited, b, ref);
		x.head = edited;
	}
	osa_fill_copy(f, k, h, &x);
}

static inline uint32_t leaving_len(const struct vs_burst *b, struct vs_ref ref)
{
	return (uint32_t)((int32_t)b->len[ref.frame] + edit_bytes[ref.edit]);
}

/* Lease what the frames need. @plain: all are. Return: how many of them have a place. */
static inline unsigned find_places(struct osa_fill *f, const struct vs_burst *b,
				   const struct vs_ref *ref, unsigned n, const bool plain)
{
	struct osa_fill_cursor c = osa_fill_lease(f);
	unsigned k;

	for (k = 0; k < n; k++) {
		uint32_t need = OSA_HDR_BYTES;

		need += plain ? b->len[ref[k].frame] : leaving_len(b, ref[k]);
		if (!plain && b->flags[ref[k].frame] & VS_F_GSO)
			need += (uint32_t)sizeof(struct osa_tso_ext);
		if (!osa_fill_place(f, &c, k, need))
			break;
	}
	osa_fill_leased(f, c, k);
	return k;
}

/*
 * The header of a finished unicast frame, lowest byte first. By stores alone: a header made in
 * memory and copied from there would wait for itself to leave the store buffer.
 */
static inline void put_unicast(uint8_t *to, uint32_t len)
{
	le64_store(to, (uint64_t)be16_swap((uint16_t)len) << 48 | (uint64_t)OSA_L2_UNICAST << 24 |
			       OSA_HDR_LAYER2);
	memset(to + 8, 0, OSA_HDR_BYTES - 8);
}

/*
 * Plain unicast frames, each in one entry. In a loop of its own, because all it does is a few loads
 * and stores. Return: how many of the n frames were such, from the first on.
 */
static inline unsigned copy_plain(uint8_t *const *place, const struct vs_burst *b,
				  const struct vs_ref *ref, unsigned n)
{
	unsigned k;

#pragma GCC unroll 2
	for (k = 0; k < n; k++) {
		unsigned i = ref[k].frame;
		const uint8_t *head = b->head[i];
		uint8_t *to = place[k];
		uint32_t len = b->len[i];

		if (!to || head[0] & 1)
			break;
		put_unicast(to, len);
		memcpy(to + OSA_HDR_BYTES, head, VS_HEAD_MIN);
		if (len > VS_HEAD_MIN)
			copy_bytes(to + OSA_HDR_BYTES + VS_HEAD_MIN, b->seg[b->seg0[i]].p,
				   b->seg[b->seg0[i]].len);
	}
	return k;
}

/* Frames of a uniform burst, one behind the other in it. Return: as copy_plain. */
static WIDE_INLINE unsigned copy_same(uint8_t *const *place, const struct vs_burst *b,
				      unsigned first, unsigned n, const uint32_t len,
				      const bool wide)
{
	const uint8_t *head = b->head[first];
	const struct vs_seg *seg = &b->seg[first];
	const uint32_t ahead = osa_fill_ahead(place, n, OSA_HDR_BYTES + len);
	unsigned k;

	for (k = 0; k < n; k++, head += VS_HEAD_BYTES, seg++) {
		uint8_t *to = place[k];

		if (!to)
			break;
		if (ahead && k + OSA_FILL_AHEAD < n)
			osa_fill_ask(to + ahead);
		if (k + 1 < n)
			osa_fill_ask_next(&seg[1], len - VS_HEAD_MIN);
		put_unicast(to, len);
		(void)copy_64(to + OSA_HDR_BYTES, head, wide);
		if (len > VS_HEAD_MIN)
			copy_bytes(to + OSA_HDR_BYTES + VS_HEAD_MIN, seg->p, len - VS_HEAD_MIN);
	}
	return k;
}

static void copy_any(struct osa_fill *f, unsigned k, const struct vs_burst *b, struct vs_ref ref,
		     bool verified)
{
	uint32_t len = leaving_len(b, ref);
	struct osa_fill_header h;

	if (b->flags[ref.frame] & (VS_F_CSUM_NEEDED | VS_F_GSO)) {
		copy_unfinished(f, k, b, ref, len);
		return;
	}
	h = header(b, ref.frame, len, verified);
	copy_frame(f, k, b, ref, &h);
}

static WIDE_INLINE void copy_uniform_by(struct osa_fill *f, const struct vs_burst *b,
					const struct vs_ref *ref, unsigned n, const bool wide)
{
	for (unsigned k = 0; k < n;) {
		unsigned row = osa_fill_row(&ref[k], n - k), done;

		if (b->uniform == VS_HEAD_MIN)
			done = copy_same(&f->to[k], b, ref[k].frame, row, VS_HEAD_MIN, wide);
		else
			done = copy_same(&f->to[k], b, ref[k].frame, row, b->uniform, wide);
		k += done;
		if (done < row) {
			copy_any(f, k, b, ref[k], false);
			k++;
		}
	}
}

WIDE static void copy_uniform_wide(struct osa_fill *f, const struct vs_burst *b,
				   const struct vs_ref *ref, unsigned n)
{
	copy_uniform_by(f, b, ref, n, true);
}

static void copy_uniform(struct osa_fill *f, const struct vs_burst *b, const struct vs_ref *ref,
			 unsigned n)
{
	if (wide_moves())
		copy_uniform_wide(f, b, ref, n);
	else
		copy_uniform_by(f, b, ref, n, false);
}

static void copy_frames(struct osa_fill *f, const struct vs_burst *b, const struct vs_ref *ref,
			unsigned n, bool verified, bool plain)
{
	for (unsigned k = 0; k < n; k++) {
		if (plain)
			k += copy_plain(&f->to[k], b, &ref[k], n - k);
		if (k < n)
			copy_any(f, k, b, ref[k], verified);
	}
}

unsigned osa_l2_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err)
{
	struct osa_data *d = osa_data_of(port);
	bool verified = atomic_load_explicit(&d->rx_csum, memory_order_relaxed);
	bool plain = osa_fill_plain(b, ref, n);
	uint32_t same = plain ? b->uniform : 0;
	struct osa_fill f;
	unsigned k = 0;

	osa_fill_init(&f, &d->queues->in[0]);
	do {
		unsigned got = same    ? osa_fill_same(&f, n - k, OSA_HDR_BYTES + same)
			       : plain ? find_places(&f, b, &ref[k], n - k, true)
				       : find_places(&f, b, &ref[k], n - k, false);

		if (same)
			copy_uniform(&f, b, &ref[k], got);
		else
			copy_frames(&f, b, &ref[k], got, verified, plain);
		osa_fill_publish(d, &f);
		k += got;
	} while (f.full);
	osa_fill_signal(d, &f);
	*err = f.why;
	return k;
}
