/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input queue: taking, parsing, returning, and when to stop looking.
 * Source: spec/qdio.md 4.2, 4.5, 9.5, 12; spec/osa-qeth.md 7.1, 7.7.
 *
 * While polling, the newest buffer taken stands in state ACK and is held back:
 * the adapter sees by it that no interruption is needed (9.5 rule A). All
 * buffers before it go back to the adapter in batches.
 */
#include "guest/guest_priv.h"

#include "common/prefetch.h"

#define RUN_MAX 32u	 /* buffers taken at once: their lines are fetched together */
#define FIFO_ERROR 0x12u /* reason with which a buffer in error is used all the same */

static inline unsigned at(uint32_t counter)
{
	return counter % QDIO_BUFFERS;
}

static inline uint8_t state_of(const struct guest_rxq *r, uint32_t counter)
{
	/* Acquire: lengths and data were stored before the state. */
	return atomic_load_explicit(&r->slsb[at(counter)], memory_order_acquire);
}

/* ---- giving to the adapter -------------------------------------------------------------- */

/* @fresh: the SBAL does not stand as the last put_buffer left it. */
static void put_buffer(struct guest_rxq *r, uint32_t counter, bool fresh)
{
	struct qdio_sbal *sbal = &r->sbal[at(counter)];
	uint32_t area = counter % r->pool * GUEST_AREA_BYTES;
	unsigned used = r->used[at(counter)];
	struct qdio_sbale e = {.length = be32_of(GUEST_PAGE)};

	if (r->in_bytes) {
		/* Not all into the same sets of a cache, as in tx.c. */
		if (r->in_bytes <= GUEST_PAGE / 2)
			area += counter % r->pool % 16 * 128;
		r->where[at(counter)] = r->area + area;
		e = (struct qdio_sbale){.addr = be64_of(r->addr + area),
					.length = be32_of(r->in_bytes),
					.eflags = QDIO_EFLAG_LAST};
		memcpy(&sbal->e[0], &e, sizeof(e));
		return;
	}
	r->where[at(counter)] = r->area + area;
	for (unsigned i = 0; i < r->entries; i++) {
		/*
		 * The pool is a power of two, so an SBAL always offers the same area: what the
		 * adapter did not use still stands there, and its cache lines need not move.
		 */
		if (!fresh && i > used && i < r->entries - 1)
			continue;
		e.addr = be64_of(r->addr + area + i * GUEST_PAGE);
		e.eflags = i == r->entries - 1 ? QDIO_EFLAG_LAST : 0;
		memcpy(&sbal->e[i], &e, sizeof(e));
	}
	r->used[at(counter)] = 0;
}

/* Give buffer c back: it becomes buffer c + pool. */
static void return_buffer(struct guest_rxq *r, uint32_t c)
{
	uint32_t again = c + r->pool;

	put_buffer(r, again, again < QDIO_BUFFERS);
	/* Release: the SBAL before the state. */
	atomic_store_explicit(&r->slsb[at(again)], QDIO_IN_EMPTY, memory_order_release);
}

static int siga_r(struct guest_dev *d)
{
	if (!(d->info.qdioac1 & QDIO_AC1_SIGA_R))
		return 0;
	/* The states before the signal (12, row 7). */
	atomic_thread_fence(memory_order_seq_cst);
	d->stats.rx_sigas++;
	return guest_siga(d, QDIO_SIGA_R, 0);
}

int guest_rx_start(struct guest_dev *d)
{
	struct guest_rxq *r = &d->rx;

	for (uint32_t c = 0; c < r->pool; c++) {
		put_buffer(r, c, true);
		atomic_store_explicit(&r->slsb[at(c)], QDIO_IN_EMPTY, memory_order_release);
	}
	return siga_r(d);
}

void guest_rx_release(struct guest_dev *d)
{
	struct guest_rxq *r = &d->rx;
	uint32_t keep = r->seen - 1; /* the newest: it says that we poll */
	uint32_t end = r->parse;

	if (r->seen == r->oldest)
		return;
	if ((int32_t)(end - keep) > 0)
		end = keep;
	if (end - r->oldest < r->refill || (int32_t)(end - r->oldest) <= 0)
		return;
	while (r->oldest != end)
		return_buffer(r, r->oldest++);
	if ((int32_t)(r->stopped - r->oldest) < 0)
		r->stopped = r->oldest;
	siga_r(d);
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* An entry of the buffer being parsed becomes the current one. Return: false if it is invalid. */
static bool load_entry(struct guest_dev *d, struct guest_rxq *r, unsigned e)
{
	const struct qdio_sbale *sbale = &r->sbal[at(r->parse)].e[e];
	uint32_t len = be32_get(sbale->length);

	r->entry = (int)e;
	r->last = sbale->eflags & QDIO_EFLAG_LAST;
	r->p = r->where[at(r->parse)] + e * GUEST_PAGE;
	r->off = 0;
	r->len = len;
	r->used[at(r->parse)] = (uint8_t)e;
	if (len == 0 || len > GUEST_PAGE) {
		guest_violate(d, GUEST_VIOLATION_RX_ENTRY_LENGTH);
		return false;
	}
	return true;
}

static bool next_entry(struct guest_dev *d, struct guest_rxq *r, enum guest_violation if_last)
{
	if (r->last) {
		guest_violate(d, if_last);
		return false;
	}
	if (r->entry + 1 == (int)r->entries) {
		guest_violate(d, GUEST_VIOLATION_RX_NO_LAST);
		return false;
	}
	return load_entry(d, r, (unsigned)(r->entry + 1));
}

/*
 * What only a test has the time to look at: entries that must be as we wrote them. The flag
 * in the very last one may stand or not: behind a used last entry nobody reads it.
 */
static void check_buffer(struct guest_dev *d, struct guest_rxq *r)
{
	const struct qdio_sbal *sbal = &r->sbal[at(r->parse)];
	uint64_t addr = r->addr + (r->parse % r->pool) * (uint64_t)GUEST_AREA_BYTES;
	bool over = false;

	for (unsigned i = 0; i < r->entries; i++) {
		if (be64_get(sbal->e[i].addr) != addr + i * GUEST_PAGE)
			guest_violate(d, GUEST_VIOLATION_RX_ENTRY_ADDRESS);
		if (over && (be32_get(sbal->e[i].length) != GUEST_PAGE ||
			     (i < r->entries - 1 && (sbal->e[i].eflags & QDIO_EFLAG_LAST))))
			guest_violate(d, GUEST_VIOLATION_RX_ENTRY_UNUSED);
		if (sbal->e[i].eflags & QDIO_EFLAG_LAST)
			over = true;
	}
}

static void end_buffer(struct guest_rxq *r, bool whole)
{
	if (!whole)
		r->used[at(r->parse)] = (uint8_t)(r->entries - 1);
	r->entry = -1;
	r->parse++;
}

static void buffer_error(struct guest_dev *d, struct guest_rxq *r, uint32_t c)
{
	struct qdio_sbal *sbal = &r->sbal[at(c)];

	d->stats.rx_errors++;
	/* Only one reason leaves the contents usable: spec/qdio.md 4.5. */
	if (sbal->e[QDIO_SBALF_ERROR_REASON].sflags == FIFO_ERROR) {
		sbal->e[QDIO_SBALF_ERROR_ENTRY].sflags = 0;
		sbal->e[QDIO_SBALF_ERROR_REASON].sflags = 0;
		return;
	}
	end_buffer(r, false);
}

/*
 * Take the run of buffers in one state that begins at seen, and mark the newest.
 * Return: false if there is none.
 */
static bool take_run(struct guest_dev *d, struct guest_rxq *r)
{
	unsigned n = 0, max = r->oldest + r->pool - r->seen;
	uint8_t first;

	if (max == 0)
		return false;
	first = state_of(r, r->seen);
	if (first != QDIO_IN_PRIMED && first != QDIO_IN_ERROR) {
		if (first != QDIO_IN_EMPTY && !r->stuck) {
			guest_violate(d, GUEST_VIOLATION_RX_STATE);
			r->stuck = true;
		}
		return false;
	}
	if (first == QDIO_IN_ERROR || max > RUN_MAX)
		max = first == QDIO_IN_ERROR ? 1 : RUN_MAX;
	while (++n < max && state_of(r, r->seen + n) == first)
		;
	for (unsigned i = 0; i < n; i++) {
		prefetch_write(&r->sbal[at(r->seen + i)]);
		__builtin_prefetch(r->where[at(r->seen + i)]);
		__builtin_prefetch(r->where[at(r->seen + i)] + 64);
	}
	r->seen += n;
	atomic_store_explicit(&r->slsb[at(r->seen - 1)], QDIO_IN_ACK, memory_order_relaxed);
	d->stats.rx_sbals += n;
	if (first == QDIO_IN_ERROR)
		buffer_error(d, r, r->seen - 1);
	return true;
}

/* ---- parsing ------------------------------------------------------------------------------------
 */

/*
 * The bytes of a frame that goes on over entries are moved together where an
 * entry was not full: what lies between is ours, and nothing is read from it again.
 */
static bool gather(struct guest_dev *d, struct guest_rxq *r, uint8_t **data, uint32_t len)
{
	uint32_t have = r->len - r->off, piece;
	uint8_t *dst = *data + have;

	while (have < len) {
		if (!next_entry(d, r, GUEST_VIOLATION_RX_OVERRUN))
			return false;
		if (have == 0)
			*data = dst = r->p;
		piece = len - have < r->len ? len - have : r->len;
		if (dst != r->p)
			memmove(dst, r->p, piece);
		dst += piece;
		have += piece;
		r->off = piece;
	}
	return true;
}

static void check_cast(struct guest_dev *d, uint8_t cast, const uint8_t *frame)
{
	static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	uint8_t want = !(frame[0] & 1)		    ? OSA_L2_UNICAST
		       : memcmp(frame, all, 6) == 0 ? OSA_L2_BROADCAST
						    : OSA_L2_MULTICAST;

	if ((cast & 0x07) != want)
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_CAST);
}

enum parsed { PARSED_FRAME, PARSED_END, PARSED_BAD };

/* The least that can stand behind a layer-3 header. */
static inline uint32_t layer3_min(uint8_t flags)
{
	return flags & OSA_L3_PASSTHRU ? 14 : flags & OSA_L3_IPV6 ? 40 : 20;
}

/* A layer-3 packet, or a frame passed through: the caller reads its header. */
static enum parsed parse_layer3(struct guest_dev *d, struct guest_rxq *r, struct guest_rx *rx)
{
	struct osa_l3_hdr h;
	uint32_t len;
	uint8_t *data;

	rx->header = r->p + r->off;
	memcpy(&h, rx->header, sizeof(h));
	if (h.id != OSA_HDR_LAYER3) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_ID);
		return PARSED_BAD;
	}
	len = be16_get(h.len);
	if (len < layer3_min(h.flags)) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_LENGTH);
		return PARSED_BAD;
	}
	r->off += OSA_HDR_BYTES;
	data = r->p + r->off;
	if (len <= r->len - r->off)
		r->off += len;
	else if (!gather(d, r, &data, len))
		return PARSED_BAD;
	rx->flags = h.ext_flags & OSA_OFFLOAD_L4 ? GUEST_RX_CSUM_VALID : 0;
	rx->data = data;
	rx->len = len;
	d->stats.rx_bytes += len;
	return PARSED_FRAME;
}

/*
 * A frame as our own adapters hand it over on request: the checksum unfinished, perhaps uncut,
 * with the segmentation header between header and frame.
 */
static __attribute__((noinline)) enum parsed
parse_unfinished(struct guest_dev *d, struct guest_rxq *r, struct guest_rx *rx)
{
	struct osa_l2_hdr h;
	struct osa_tso_ext ext;
	uint32_t len, more = 0;
	uint8_t *data;

	if (d->cfg.layer == 3)
		return parse_layer3(d, r, rx);
	memcpy(&h, r->p + r->off, sizeof(h));
	if (!d->info.large || (h.id != OSA_HDR_LAYER2 && h.id != OSA_HDR_LAYER2_TSO)) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_ID);
		return PARSED_BAD;
	}
	if (h.id == OSA_HDR_LAYER2_TSO)
		more = (uint32_t)sizeof(ext);
	len = be16_get(h.len);
	if (len < 14) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_LENGTH);
		return PARSED_BAD;
	}
	r->off += OSA_HDR_BYTES;
	data = r->p + r->off;
	if (len + more <= r->len - r->off)
		r->off += len + more;
	else if (!gather(d, r, &data, len + more))
		return PARSED_BAD;
	rx->flags = GUEST_RX_CSUM_PARTIAL | (h.offload & OSA_OFFLOAD_UDP ? GUEST_RX_UDP : 0);
	rx->data = data + more;
	rx->len = len;
	d->stats.rx_bytes += len;
	if (!more)
		return PARSED_FRAME;
	memcpy(&ext, data, sizeof(ext));
	rx->flags |= GUEST_RX_TSO;
	rx->mss = be16_get(ext.mss);
	rx->hdrlen = be16_get(ext.proto_hdr_len);
	if (!rx->mss || rx->hdrlen >= len || be32_get(ext.payload_len) != len - rx->hdrlen) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_LENGTH);
		return PARSED_BAD;
	}
	return PARSED_FRAME;
}

/* The next frame of the current buffer. */
static inline enum parsed parse_frame(struct guest_dev *d, struct guest_rxq *r, struct guest_rx *rx)
{
	const struct osa_l2_hdr *h;
	uint8_t *data;
	uint32_t len;

	while (r->len - r->off < OSA_HDR_BYTES) {
		if (r->last)
			return PARSED_END;
		if (!next_entry(d, r, GUEST_VIOLATION_RX_NO_LAST))
			return PARSED_BAD;
	}
	h = (const struct osa_l2_hdr *)(r->p + r->off);
	if (h->id != OSA_HDR_LAYER2 || h->offload & OSA_OFFLOAD_PARTIAL)
		return parse_unfinished(d, r, rx);
	len = be16_get(h->len);
	if (len < 14) {
		guest_violate(d, GUEST_VIOLATION_RX_HEADER_LENGTH);
		return PARSED_BAD;
	}
	rx->header = NULL; /* an analyzer of layer 3 gets such frames, too */
	rx->flags = h->offload & OSA_OFFLOAD_L4 ? GUEST_RX_CSUM_VALID : 0;
	r->off += OSA_HDR_BYTES;
	data = r->p + r->off;
	if (len <= r->len - r->off)
		r->off += len;
	else if (!gather(d, r, &data, len))
		return PARSED_BAD;
	rx->data = data;
	rx->len = len;
	if (d->cfg.check_all)
		check_cast(d, h->cast, data);
	d->stats.rx_bytes += len;
	return PARSED_FRAME;
}

/* Of a header's first doubleword, lowest byte first; the length is in the highest bytes. */
#define HDR_ID_BITS UINT64_C(0xFF)
#define HDR_OFFLOAD(bits) ((uint64_t)(bits) << 16)
#define HDR_PLAIN_BITS (HDR_ID_BITS | HDR_OFFLOAD(OSA_OFFLOAD_PARTIAL))

/*
 * Frames of layer 2 that lie whole in the current entry: most of all. In a loop of its own, because
 * all it does is a few loads and stores. Return: how many.
 */
static inline unsigned parse_plain(struct guest_dev *d, struct guest_rxq *r, struct guest_rx *rx,
				   unsigned max)
{
	const uint8_t *p = r->p + r->off;
	uint32_t left = r->len - r->off;
	uint64_t bytes = 0, last = 0;
	uint32_t len = 0, flags = 0;
	unsigned n;

	for (n = 0; n < max && left >= OSA_HDR_BYTES; n++) {
		uint64_t hdr = le64_load(p);

		if (hdr != last || !n) { /* as a rule it is as the one before */
			len = be16_swap((uint16_t)(hdr >> 48));
			if ((hdr & HDR_PLAIN_BITS) != OSA_HDR_LAYER2 || len < 14)
				break;
			flags = hdr & HDR_OFFLOAD(OSA_OFFLOAD_L4) ? GUEST_RX_CSUM_VALID : 0;
			last = hdr;
		}
		if (len > left - OSA_HDR_BYTES)
			break;
		rx[n].data = p + OSA_HDR_BYTES;
		rx[n].len = len;
		rx[n].flags = flags;
		bytes += len;
		p += OSA_HDR_BYTES + len;
		left -= OSA_HDR_BYTES + len;
	}
	r->off = r->len - left;
	d->stats.rx_bytes += bytes;
	return n;
}

/* The same of layer 3. */
static inline unsigned parse_plain3(struct guest_dev *d, struct guest_rxq *r, struct guest_rx *rx,
				    unsigned max)
{
	const uint8_t *p = r->p + r->off;
	uint32_t left = r->len - r->off, len = 0, flags = 0;
	uint64_t bytes = 0, last[2] = {0};
	unsigned n;

	for (n = 0; n < max && left >= OSA_HDR_BYTES; n++) {
		uint64_t hdr[2] = {le64_load(p), le64_load(p + 8)};

		if (hdr[0] != last[0] || hdr[1] != last[1] || !n) {
			struct osa_l3_hdr h;

			memcpy(&h, p, sizeof(h));
			len = be16_get(h.len);
			if (h.id != OSA_HDR_LAYER3 || len < layer3_min(h.flags))
				break;
			flags = h.ext_flags & OSA_OFFLOAD_L4 ? GUEST_RX_CSUM_VALID : 0;
			last[0] = hdr[0];
			last[1] = hdr[1];
		}
		if (len > left - OSA_HDR_BYTES)
			break;
		rx[n].header = p;
		rx[n].data = p + OSA_HDR_BYTES;
		rx[n].len = len;
		rx[n].flags = flags;
		bytes += len;
		p += OSA_HDR_BYTES + len;
		left -= OSA_HDR_BYTES + len;
	}
	r->off = r->len - left;
	d->stats.rx_bytes += bytes;
	return n;
}

unsigned guest_rx_burst(struct guest_dev *d, struct guest_rx *rx, unsigned max)
{
	const bool plain = !d->cfg.check_all;
	struct guest_rxq *r = &d->rx;
	enum parsed what;
	unsigned n = 0;

	while (n < max) {
		if (r->parse == r->seen) {
			if (!take_run(d, r))
				break;
			continue;
		}
		if (r->entry < 0) {
			if (d->cfg.check_all)
				check_buffer(d, r);
			if (!load_entry(d, r, 0)) {
				end_buffer(r, false);
				continue;
			}
		}
		if (plain) {
			n += d->cfg.layer == 3 ? parse_plain3(d, r, &rx[n], max - n)
					       : parse_plain(d, r, &rx[n], max - n);
			if (n == max)
				break;
		}
		what = parse_frame(d, r, &rx[n]);
		if (what == PARSED_FRAME)
			n++;
		else
			end_buffer(r, what == PARSED_END);
	}
	d->stats.rx_frames += n;
	return n;
}

/* ---- going to sleep
 * --------------------------------------------------------------------------------- */

bool guest_rx_stop(struct guest_dev *d)
{
	struct guest_rxq *r = &d->rx;
	uint32_t c = r->stopped;
	uint8_t next;

	if (r->parse != r->seen)
		return true;
	for (; c != r->seen; c++)
		atomic_store_explicit(&r->slsb[at(c)], QDIO_IN_NOTINIT, memory_order_relaxed);
	r->stopped = r->seen;
	/*
	 * Between our states and the look at the next buffer: pairs with the adapter's barrier
	 * between its state and its look at the one before (12, row 5).
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (d->info.thin && atomic_load_explicit(guest_dsci(d), memory_order_relaxed))
		return true;
	if (r->seen == r->oldest + r->pool)
		return false;
	next = state_of(r, r->seen);
	return next == QDIO_IN_PRIMED || next == QDIO_IN_ERROR;
}
