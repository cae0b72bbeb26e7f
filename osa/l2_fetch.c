/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output buffers to frames: what the guest sends. spec/osa-qeth.md 7.1, 7.4, 7.6.
 *
 * In stages, because every line touched here was last written by another core:
 * states; then all SBALs (prefetched), whose entries are read once into a local list
 * and whose data is prefetched; then the headers and the first bytes of the frames.
 * A burst takes as many whole buffers as have at most VS_BURST entries together: a
 * frame takes at least one entry, so neither frames nor references can overflow.
 *
 * A buffer that breaks the rules is given back as an error from the entry at fault
 * on; the frames before it in the same buffer are delivered.
 */
#include <errno.h>

#include "osa/layer2.h"
#include "osa/osa_wire.h"

#include "common/be.h"

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86DD
#define ETHERTYPE_VLAN 0x8100
#define PROTO_TCP 6
#define PROTO_UDP 17

/* The entries of a burst's buffers, flat. */
struct entries {
	unsigned n;
	struct qdio_entry e[VS_BURST + QDIO_SBAL_ENTRIES];
	unsigned n_sbal;
	uint8_t count[VS_BURST]; /* entries of each buffer; 0: no last-entry flag */
};

/* ---- stage 1 and 2: states, SBALs ------------------------------------------------------ */

/* Append buffer i's entries. Return: how many, 0 if no entry is the last. */
static unsigned read_sbal(const struct qdio_queue *q, unsigned i, struct qdio_entry *to)
{
	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
		to[e] = qdio_entry_get(q, i, e, QDIO_FETCH);
		__builtin_prefetch(to[e].data);
		if (to[e].eflags & QDIO_EFLAG_LAST)
			return e + 1;
	}
	return 0;
}

static void prefetch_sbals(const struct qdio_queue *q, unsigned n, bool packed)
{
	if (!packed) {
		qdio_queue_prefetch(q, n);
		return;
	}
	for (unsigned i = 0; i < n && i < VS_BURST / 8; i++) {
		const char *sbal = (const char *)q->sbal[(q->cursor + i) % QDIO_BUFFERS];

		for (unsigned line = 0; line < QDIO_SBAL_BYTES; line += 64)
			__builtin_prefetch(sbal + line);
	}
}

static void read_entries(struct osa_data *d, const struct qdio_queue *q, unsigned primed,
			 struct entries *en)
{
	en->n = 0;
	en->n_sbal = 0;
	d->out_signal = false;
	prefetch_sbals(q, primed, d->out_packed);
	while (en->n_sbal < primed) {
		unsigned used = read_sbal(q, en->n_sbal, &en->e[en->n]);

		if (en->n_sbal && en->n + used > VS_BURST)
			break;
		/* Read before the buffer is given back: spec/qdio.md 9.4. */
		if (en->e[en->n].sflags & QDIO_SBALF0_PCI)
			d->out_signal = true;
		en->count[en->n_sbal++] = (uint8_t)used;
		en->n += used;
	}
	d->out_packed = en->n > 4 * en->n_sbal;
}

/* ---- offload requests ------------------------------------------------------------------- */

struct l3_view { /* where things are in a frame's head */
	unsigned l3, l4;
	uint8_t proto;
	bool v6;
};

/* Find layer 4. Only plain headers: a driver asks for no offload behind extension headers. */
static bool view_headers(const uint8_t *head, unsigned headlen, struct l3_view *v)
{
	uint16_t type = be16_load(head + 12);

	v->l3 = 14;
	if (type == ETHERTYPE_VLAN && headlen >= 18) {
		type = be16_load(head + 16);
		v->l3 = 18;
	}
	v->v6 = type == ETHERTYPE_IP6;
	if (v->v6) {
		v->l4 = v->l3 + 40;
		if (v->l4 > headlen)
			return false;
		v->proto = head[v->l3 + 6];
		return true;
	}
	if (type != ETHERTYPE_IP4 || v->l3 + 20 > headlen)
		return false;
	v->l4 = v->l3 + (head[v->l3] & 0x0Fu) * 4u;
	v->proto = head[v->l3 + 9];
	return v->l4 >= v->l3 + 20 && v->l4 <= headlen;
}

/* The pseudo-header's sum, not complemented, as the checksum field of a frame to be finished. */
static void seed_checksum(uint8_t *head, const struct l3_view *v, unsigned field, uint32_t l4len)
{
	const uint8_t *addr = head + v->l3 + (v->v6 ? 8 : 12);
	unsigned bytes = v->v6 ? 32 : 8;
	uint32_t sum = v->proto + (l4len >> 16) + (l4len & 0xFFFF);

	for (unsigned i = 0; i < bytes; i += 2)
		sum += be16_load(addr + i);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	be16_store(head + field, (uint16_t)sum);
}

/* Turn the header's request into the burst's terms. Return: false: the frame is not what it says.
 */
static bool want_checksum(struct vs_burst *b, unsigned i, uint8_t proto, struct l3_view *v)
{
	unsigned field;

	if (!view_headers(b->head[i], b->headlen[i], v) || v->proto != proto)
		return false;
	b->csum_start[i] = (uint16_t)v->l4;
	b->csum_offset[i] = proto == PROTO_UDP ? 6 : 16;
	field = v->l4 + b->csum_offset[i];
	if (field + 2 > b->headlen[i])
		return false;
	seed_checksum(b->head[i], v, field, b->len[i] - v->l4);
	b->flags[i] = VS_F_CSUM_NEEDED;
	return true;
}

static bool want_segmentation(struct vs_burst *b, unsigned i, const struct osa_tso_ext *x)
{
	uint16_t mss = be16_get(x->mss), hdr = be16_get(x->proto_hdr_len);
	struct l3_view v;

	if (!mss || hdr > b->headlen[i] || hdr >= b->len[i] ||
	    be32_get(x->payload_len) != b->len[i] - hdr)
		return false;
	if (!want_checksum(b, i, PROTO_TCP, &v) || hdr < v.l4 + 20 ||
	    hdr != v.l4 + (b->head[i][v.l4 + 12] >> 4) * 4u)
		return false;
	b->gso_size[i] = mss;
	b->hdrlen[i] = hdr;
	if (b->len[i] - hdr > mss)
		b->flags[i] |= v.v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4;
	return true;
}

/* ---- stage 3: frames ------------------------------------------------------------------------ */

enum walk { WALK_FRAME, WALK_SKIP, WALK_STOP };

/* Copy the frame's first bytes out of its elements; the rest becomes references. */
static bool take_bytes(struct vs_burst *b, const struct qdio_entry *e, unsigned n, unsigned skip,
		       uint32_t len, unsigned want, unsigned *used)
{
	unsigned i = b->n, have = 0;
	uint32_t left = len;

	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = 0;
	for (*used = 0; *used < n; skip = 0) {
		const struct qdio_entry *x = &e[(*used)++];
		uint32_t piece = x->len - skip, copy;

		if (!x->data || !x->len || piece > left)
			return false;
		copy = want - have < piece ? want - have : piece;
		memcpy(b->head[i] + have, x->data + skip, copy);
		have += copy;
		if (copy < piece) {
			b->seg[b->nseg_used++] =
				(struct vs_seg){x->data + skip + copy, piece - copy};
			b->nseg[i]++;
		}
		left -= piece;
		if (!left)
			return true;
	}
	return false;
}

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
	uint8_t proto = r->offload & OSA_OFFLOAD_UDP ? PROTO_UDP : PROTO_TCP;
	struct l3_view v;

	if (r->len < 14)
		return VS_DROP_RX_RUNT;
	if (!r->tso && r->len > d->frame_max)
		return VS_DROP_RX_GIANT;
	if (r->tso)
		return want_segmentation(b, i, &r->ext) ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
	if (r->offload & OSA_OFFLOAD_L4)
		return want_checksum(b, i, proto, &v) ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
	return VS_DROP_NONE;
}

static enum vs_drop address_or_form(const struct qdio_entry *e, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (!e[k].data)
			return VS_DROP_RX_ADDRESS;
	return VS_DROP_RX_MALFORMED;
}

/*
 * One frame from the n entries at e on.
 * @used: entries it took. @why: for WALK_SKIP and WALK_STOP.
 */
static enum walk take_frame(const struct osa_data *d, struct vs_burst *b,
			    const struct qdio_entry *e, unsigned n, unsigned *used,
			    enum vs_drop *why)
{
	unsigned i = b->n, want;
	struct request r;

	*why = read_request(e, &r);
	if (*why != VS_DROP_NONE)
		return WALK_STOP;
	/* Whoever asks for work on headers gets them all into the private head. */
	want = r.tso || r.offload & OSA_OFFLOAD_L4 ? VS_HEAD_BYTES : VS_HEAD_MIN;
	if (want > r.len)
		want = r.len;
	if (!take_bytes(b, e, n, r.hdr_bytes, r.len, want, used)) {
		*why = address_or_form(e, n);
		b->nseg_used = b->seg0[i];
		return WALK_STOP;
	}
	b->len[i] = r.len;
	b->headlen[i] = (uint16_t)want;
	b->flags[i] = 0;
	*why = judge(d, b, &r);
	return *why == VS_DROP_NONE ? WALK_FRAME : WALK_SKIP;
}

/* The plain case, whole frame in one element, no offload: most of all frames. */
static inline bool take_plain(const struct osa_data *d, struct vs_burst *b,
			      const struct qdio_entry *e)
{
	unsigned i = b->n;
	uint64_t hdr;
	uint32_t len;

	if (!e->data || e->len < OSA_HDR_BYTES + VS_HEAD_MIN)
		return false;
	memcpy(&hdr, e->data, sizeof(hdr));
	hdr = be64_swap(hdr);
	len = hdr & 0xFFFF;
	if (hdr >> 56 != OSA_HDR_LAYER2 || hdr >> 40 & OSA_OFFLOAD_L4 ||
	    len + OSA_HDR_BYTES != e->len || len > d->frame_max)
		return false;
	memcpy(b->head[i], e->data + OSA_HDR_BYTES, VS_HEAD_MIN);
	b->len[i] = len;
	b->headlen[i] = VS_HEAD_MIN;
	b->flags[i] = 0;
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = len > VS_HEAD_MIN;
	b->seg[b->nseg_used] =
		(struct vs_seg){e->data + OSA_HDR_BYTES + VS_HEAD_MIN, len - VS_HEAD_MIN};
	b->nseg_used += len > VS_HEAD_MIN;
	return true;
}

static struct qdio_result take_sbal(const struct osa_data *d, struct vs_burst *b,
				    const struct qdio_entry *e, unsigned n, uint64_t *dropped)
{
	if (!n) {
		dropped[VS_DROP_RX_MALFORMED]++;
		return (struct qdio_result){QDIO_OUT_ERROR, QDIO_SBAL_ENTRIES - 1,
					    QDIO_REASON_BAD_BUFFER};
	}
	for (unsigned at = 0, used; at < n; at += used) {
		enum vs_drop why;

		used = 1;
		if (take_plain(d, b, &e[at])) {
			b->n++;
			continue;
		}
		switch (take_frame(d, b, &e[at], n - at, &used, &why)) {
		case WALK_FRAME:
			b->n++;
			break;
		case WALK_SKIP:
			b->nseg_used = b->seg0[b->n];
			dropped[why]++;
			break;
		case WALK_STOP:
			dropped[why]++;
			return (struct qdio_result){QDIO_OUT_ERROR, (uint8_t)at,
						    QDIO_REASON_BAD_BUFFER};
		}
	}
	return (struct qdio_result){QDIO_OUT_EMPTY, 0, 0};
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* The next queue with work after the one served last: no queue waits for another's flood. */
static struct qdio_queue *pick_queue(struct osa_data *d, unsigned *primed)
{
	struct qdio_queues *qs = d->queues;

	for (unsigned k = 1; k <= qs->n_out; k++) {
		unsigned nr = (d->out_queue + k) % qs->n_out;

		*primed = qdio_out_primed(&qs->out[nr], VS_BURST);
		if (*primed) {
			d->out_queue = nr;
			return &qs->out[nr];
		}
	}
	return NULL;
}

static void give_back(struct osa_data *d)
{
	bool signal = d->out_signal;

	for (unsigned i = 0; i < d->out_n; i++)
		signal |= d->out_result[i].state == QDIO_OUT_ERROR;
	qdio_out_complete(&d->queues->out[d->out_queue], d->out_result, d->out_n);
	atomic_fetch_add_explicit(&d->tx_buffers, d->out_n, memory_order_relaxed);
	if (signal) {
		atomic_fetch_add_explicit(&d->rx_signals, 1, memory_order_relaxed);
		qdio_group_signal(d->group);
	}
}

unsigned osa_l2_fetch(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct osa_data *d = osa_data_of(port);
	struct entries en;
	struct qdio_queue *q;
	unsigned primed, at = 0;

	b->n = 0;
	b->nseg_used = 0;
	q = pick_queue(d, &primed);
	if (!q)
		return 0;
	read_entries(d, q, primed, &en);
	for (unsigned s = 0; s < en.n_sbal; s++) {
		d->out_result[s] = take_sbal(d, b, &en.e[at], en.count[s], dropped);
		at += en.count[s];
	}
	d->out_n = en.n_sbal;
	if (!b->n)
		give_back(d);
	return b->n;
}

void osa_l2_fetched(void *port, const struct vs_burst *b)
{
	(void)b;
	give_back(osa_data_of(port));
}
