/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to input buffers: what the guest receives. spec/osa-qeth.md 7.7, spec/qdio.md 5.2.
 *
 * Frames of one call are packed: each begins right behind the one before, in the same
 * element if its 32-byte header fits there, else in the next; it may run over elements,
 * never over buffers. A call ends by publishing all it filled, together, with at most
 * one signal, so that a lone frame never waits for company.
 */
#include "osa/layer2.h"
#include "osa/osa_wire.h"

#include "common/be.h"

#define ETH_ADDRS 12
#define TAG_BYTES 4

struct fill {
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

/* Look at one more element. Return: false: there is none, or it is not valid. */
static bool learn_element(struct fill *f)
{
	struct qdio_entry *x = &f->e[f->n];

	if (f->all_known)
		return false;
	*x = qdio_entry_get(f->q, f->closed, f->n, QDIO_STORE);
	if (!x->data) {
		f->all_known = true;
		return false;
	}
	f->n++;
	f->all_known = x->eflags & QDIO_EFLAG_LAST || f->n == QDIO_SBAL_ENTRIES;
	return true;
}

static enum vs_drop open_buffer(struct fill *f)
{
	if (!qdio_in_empty(f->q, f->closed))
		return VS_DROP_TX_NO_BUFFER;
	f->n = 0;
	f->at = 0;
	f->off = 0;
	f->frames = 0;
	f->all_known = false;
	f->open = learn_element(f);
	return f->open ? VS_DROP_NONE : VS_DROP_TX_BAD_BUFFER;
}

/* Fragment bits, where they have a meaning: one frame over several elements. */
static uint8_t fragment(const struct fill *f, unsigned e)
{
	if (f->frames != 1 || f->at == 0)
		return 0;
	if (e == 0)
		return QDIO_EFLAG_FRAG_FIRST;
	return e == f->at ? QDIO_EFLAG_FRAG_LAST : QDIO_EFLAG_FRAG_MIDDLE;
}

static void close_buffer(struct fill *f)
{
	if (!f->open)
		return;
	for (unsigned e = 0; e < f->at; e++)
		qdio_entry_put(f->q, f->closed, e, f->e[e].len, fragment(f, e));
	qdio_entry_put(f->q, f->closed, f->at, f->off, QDIO_EFLAG_LAST | fragment(f, f->at));
	f->closed++;
	f->open = false;
}

/* Room from the current place to the end of the buffer, as far as needed. */
static bool has_room(struct fill *f, unsigned at, uint32_t off, uint32_t need)
{
	uint64_t room = f->e[at].len - off;

	while (room < need) {
		if (++at == f->n && !learn_element(f))
			return false;
		room += f->e[at].len;
	}
	return true;
}

/* Find the place for a frame of need bytes, header included, in the open buffer. */
static bool find_place(struct fill *f, uint32_t need)
{
	uint32_t left = f->e[f->at].len - f->off;

	if (need <= left)
		return true;
	if (left >= OSA_HDR_BYTES)
		return has_room(f, f->at, f->off, need);
	/* The guest skips a tail too short for a header: leave the element, it ends here. */
	if (f->at + 1 == f->n && !learn_element(f))
		return false;
	if (f->e[f->at + 1].len < OSA_HDR_BYTES || !has_room(f, f->at + 1, 0, need))
		return false;
	f->e[f->at].len = f->off;
	f->at++;
	f->off = 0;
	return true;
}

static enum vs_drop place(struct fill *f, uint32_t need)
{
	enum vs_drop d;

	if (f->open && find_place(f, need))
		return VS_DROP_NONE;
	close_buffer(f);
	d = open_buffer(f);
	if (d != VS_DROP_NONE || find_place(f, need))
		return d;
	f->open = false; /* as it was: still empty, the guest's */
	return VS_DROP_TX_TOO_BIG;
}

/* ---- copying ---------------------------------------------------------------------------- */

/* 32 to 64 bytes by two overlapping moves; other sizes by the library. */
static inline void copy_small(uint8_t *to, const uint8_t *from, uint32_t n)
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

/* Store bytes at the current place, over elements where one ends. */
static void put(struct fill *f, const uint8_t *p, uint32_t len)
{
	while (len) {
		uint32_t left = f->e[f->at].len - f->off;
		uint32_t n = len < left ? len : left;

		if (!left) {
			f->at++;
			f->off = 0;
			continue;
		}
		memcpy(f->e[f->at].data + f->off, p, n);
		f->off += n;
		p += n;
		len -= n;
	}
}

static uint8_t cast_of(const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	if (!(mac[0] & 1))
		return OSA_L2_UNICAST;
	return memcmp(mac, broadcast, sizeof(broadcast)) ? OSA_L2_MULTICAST : OSA_L2_BROADCAST;
}

/*
 * The 32-byte header as doublewords: bytes stored one by one and copied at once would have to
 * leave the store buffer first (measured: half of this file's time).
 */
struct header {
	uint64_t w[4];
};
static_assert(sizeof(struct header) == OSA_HDR_BYTES, "layer-2 header");

static inline struct header header(const struct vs_burst *b, unsigned i, uint32_t len,
				   bool verified)
{
	uint64_t offload = verified && b->flags[i] & VS_F_CSUM_VALID ? OSA_OFFLOAD_L4 : 0;
	uint64_t cast = cast_of(b->head[i]);

	return (struct header){.w = {be64_swap((uint64_t)OSA_HDR_LAYER2 << 56 | offload << 40 |
					       cast << 32 | len)}};
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

static void copy_frame(struct fill *f, const struct vs_burst *b, struct vs_ref ref,
		       const struct header *h, uint32_t need)
{
	unsigned i = ref.frame;
	const uint8_t *head = b->head[i];
	uint32_t n = b->headlen[i];
	uint8_t edited[VS_HEAD_BYTES + TAG_BYTES];
	uint8_t *to;

	if (ref.edit != VS_EDIT_NONE) {
		n = edit_head(edited, b, ref);
		head = edited;
	}
	if (need > f->e[f->at].len - f->off) {
		put(f, (const uint8_t *)h, sizeof(*h));
		put(f, head, n);
		for (unsigned s = 0; s < b->nseg[i]; s++)
			put(f, b->seg[b->seg0[i] + s].p, b->seg[b->seg0[i] + s].len);
		return;
	}
	to = f->e[f->at].data + f->off;
	f->off += need;
	memcpy(to, h, sizeof(*h));
	to += sizeof(*h);
	copy_small(to, head, n);
	to += n;
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		memcpy(to, seg->p, seg->len);
		to += seg->len;
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Hand over what was filled. A buffer that is not valid goes back behind it, as an error. */
static void publish(struct osa_data *d, struct fill *f, bool bad)
{
	close_buffer(f);
	if (qdio_in_publish(f->q, f->closed))
		f->signal = true;
	atomic_fetch_add_explicit(&d->rx_buffers, f->closed, memory_order_relaxed);
	f->closed = 0;
	if (bad) {
		qdio_in_error(f->q, 0, QDIO_REASON_BAD_BUFFER);
		f->signal = true;
	}
}

unsigned osa_l2_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err)
{
	struct osa_data *d = osa_data_of(port);
	bool verified = atomic_load_explicit(&d->rx_csum, memory_order_relaxed);
	struct fill f = {.q = &d->queues->in[0]};
	enum vs_drop why = VS_DROP_NONE;
	unsigned k;

	pthread_spin_lock(&d->in_lock);
	for (k = 0; k < n; k++) {
		uint32_t len = (uint32_t)((int32_t)b->len[ref[k].frame] + edit_bytes[ref[k].edit]);
		struct header h;

		why = len > VS_FRAME_MAX ? VS_DROP_TX_TOO_BIG
					 : place(&f, len + (uint32_t)sizeof(h));
		if (why != VS_DROP_NONE)
			break;
		h = header(b, ref[k].frame, len, verified);
		copy_frame(&f, b, ref[k], &h, len + (uint32_t)sizeof(h));
		f.frames++;
	}
	publish(d, &f, why == VS_DROP_TX_BAD_BUFFER);
	pthread_spin_unlock(&d->in_lock);
	if (f.signal) {
		atomic_fetch_add_explicit(&d->rx_signals, 1, memory_order_relaxed);
		qdio_group_signal(d->group);
	}
	*err = why;
	return k;
}
