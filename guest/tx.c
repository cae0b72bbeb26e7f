/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output queues: filling, priming, completion.
 * Source: spec/qdio.md 4.3, 5.2, 6.3, 12; spec/osa-qeth.md 7.1, 7.4, 7.6.
 *
 * An SBAL goes free -> filled -> ready (committed) -> busy (primed, the
 * adapter's) -> free (reclaimed). Everything that is ready is primed together,
 * in ring order, so that the cache lines of the states move once a burst.
 */
#include "guest/guest_priv.h"

#include "common/prefetch.h"

#define FRAGMENT_HEAD_ROOM 512u /* a slot's frame begins no nearer to a page's end */
#define PREFETCH_FRAMES 16u	/* so many frames ahead the lines of a slot are asked for */
#define PREFETCH_BYTES 1536u	/* of a slot, at most; the processor sees the rest coming */
#define COLOUR_STEP 128u	/* see colour() */

static unsigned index_of(const struct guest_txq *t, unsigned ahead)
{
	return (t->oldest + ahead) % QDIO_BUFFERS;
}

static size_t area_of(const struct guest_txq *t, unsigned i)
{
	return (size_t)(i & (t->window - 1)) * GUEST_AREA_BYTES;
}

/* ---- headers --------------------------------------------------------------------- */

static inline uint8_t cast_of(const uint8_t *frame)
{
	if (!(frame[0] & 1))
		return OSA_L2_UNICAST;
	return frame[0] == 0xFF && frame[1] == 0xFF && frame[2] == 0xFF && frame[3] == 0xFF &&
			       frame[4] == 0xFF && frame[5] == 0xFF
		       ? OSA_L2_BROADCAST
		       : OSA_L2_MULTICAST;
}

/*
 * The header as doublewords: a structure filled byte by byte and then copied would wait
 * for each of those stores to leave the store buffer (measured: a third of a sender's time).
 */
static inline void put_header(uint8_t *at, const uint8_t *frame, uint32_t len, unsigned flags)
{
	uint64_t cast = cast_of(frame), offload = 0, tci = 0;

	if (flags & GUEST_TX_CSUM)
		offload = OSA_OFFLOAD_L4 | (flags & GUEST_TX_UDP ? OSA_OFFLOAD_UDP : 0);
	if (be16_load(frame + 12) == 0x8100 && len >= 18) {
		cast |= OSA_L2_VLAN;
		tci = be16_load(frame + 14);
	}
	be64_store(at,
		   (uint64_t)OSA_HDR_LAYER2 << 56 | offload << 40 | cast << 32 | (len & 0xFFFF));
	be64_store(at + 8, tci << 32);
	memset(at + 16, 0, 16);
}

static void put_tso_header(uint8_t *at, const uint8_t *frame, uint32_t len, uint16_t hdrlen,
			   uint16_t mss)
{
	struct osa_tso_ext e = {.ext_len = be16_of(sizeof(e)),
				.n_hdr = 1,
				.hdr_type = 1,
				.version = 1,
				.hdr_len = be16_of(28),
				.payload_len = be32_of(len - hdrlen),
				.mss = be16_of(mss),
				.proto_hdr_len = be16_of(hdrlen)};

	put_header(at, frame, len, 0);
	at[0] = OSA_HDR_LAYER2_TSO;
	memcpy(at + OSA_HDR_BYTES, &e, sizeof(e));
}

/* ---- entries ------------------------------------------------------------------------ */

static inline void put_entry(struct qdio_sbal *sbal, unsigned e, uint8_t eflags, uint32_t len,
			     uint64_t addr)
{
	be64_store(&sbal->e[e], (uint64_t)eflags << 56 | len);
	be64_store(&sbal->e[e].addr, addr);
}

/* Entries for [at, at + len) of an area, cut at pages. Return: how many, 0: too many. */
static unsigned put_entries(struct qdio_sbal *sbal, unsigned first, uint64_t addr, uint32_t len,
			    uint32_t first_min)
{
	unsigned n = (unsigned)((addr % GUEST_PAGE + len + GUEST_PAGE - 1) / GUEST_PAGE);
	uint32_t piece = GUEST_PAGE - (uint32_t)(addr % GUEST_PAGE);
	uint8_t eflags;

	if (first + n > QDIO_SBAL_ENTRIES || (n > 1 && piece < first_min))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		if (piece > len)
			piece = len;
		eflags = n == 1	      ? 0
			 : i == 0     ? QDIO_EFLAG_FRAG_FIRST
			 : i == n - 1 ? QDIO_EFLAG_FRAG_LAST
				      : QDIO_EFLAG_FRAG_MIDDLE;
		put_entry(sbal, first + i, eflags, piece, addr);
		addr += piece;
		len -= piece;
		piece = GUEST_PAGE;
	}
	return n;
}

/* ---- completion ------------------------------------------------------------------------ */

static void tx_error(struct guest_dev *d, struct qdio_sbal *sbal)
{
	d->stats.tx_errors++;
	d->stats.tx_error_entry = sbal->e[QDIO_SBALF_ERROR_ENTRY].sflags & 0x0F;
	d->stats.tx_error_reason = sbal->e[QDIO_SBALF_ERROR_REASON].sflags;
	d->stats.tx_full += d->stats.tx_error_reason == QDIO_REASON_TARGET_FULL;
	d->stats.tx_no_target += d->stats.tx_error_reason == QDIO_REASON_NO_TARGET;
	sbal->e[QDIO_SBALF_ERROR_ENTRY].sflags = 0;
	sbal->e[QDIO_SBALF_ERROR_REASON].sflags = 0;
}

/* Pending is for buffers with an AOB only: spec/qdio.md 4.3. */
static bool final_state(const struct guest_txq *t, uint8_t state)
{
	return state == QDIO_OUT_ERROR || state == QDIO_OUT_EMPTY ||
	       (state == QDIO_OUT_PENDING && t->ticket[t->oldest]);
}

static void tx_completed(struct guest_dev *d, struct guest_txq *t, uint8_t state)
{
	unsigned ticket = t->ticket[t->oldest];

	if (state == QDIO_OUT_ERROR)
		tx_error(d, &t->sbal[t->oldest]);
	else if (state == QDIO_OUT_EMPTY && d->cfg.check_all &&
		 (t->sbal[t->oldest].e[14].sflags || t->sbal[t->oldest].e[15].sflags))
		guest_violate(d, GUEST_VIOLATION_TX_STALE_REASON);
	t->ticket[t->oldest] = 0;
	if (ticket)
		guest_aob_completed(d, ticket - 1, state,
				    state == QDIO_OUT_ERROR ? d->stats.tx_error_reason : 0);
}

unsigned guest_tx_reclaim(struct guest_dev *d, unsigned q)
{
	struct guest_txq *t = &d->tx[q];
	unsigned n = 0;
	uint8_t state;

	for (; t->busy; n++) {
		/* Acquire: SBALF 14/15 were stored before an error state. */
		state = atomic_load_explicit(&t->slsb[t->oldest], memory_order_acquire);
		if (state == QDIO_OUT_PRIMED)
			break;
		if (!final_state(t, state)) {
			if (!t->stuck)
				guest_violate(d, GUEST_VIOLATION_TX_STATE);
			t->stuck = true;
			break;
		}
		tx_completed(d, t, state);
		if (t->pci_asked && t->pci_index == t->oldest)
			t->pci_asked = false;
		t->oldest = (uint8_t)index_of(t, 1);
		t->busy--;
	}
	return n;
}

unsigned guest_tx_busy(const struct guest_dev *d, unsigned q)
{
	return d->tx[q].busy;
}

unsigned guest_tx_free(struct guest_dev *d, unsigned q)
{
	const struct guest_txq *t = &d->tx[q];

	guest_tx_reclaim(d, q);
	return t->window - t->busy - t->ready;
}

/* ---- handing over ----------------------------------------------------------------------- */

/*
 * Ask for an interruption when the queue begins to fill, so that a sender that
 * finds it full can sleep: at most one at a time (spec/qdio.md 9.4).
 */
static void ask_pci(struct guest_dev *d, struct guest_txq *t, unsigned index)
{
	if (t->pci_asked || t->busy + t->ready < d->cfg.pci_at)
		return;
	t->sbal[index].e[0].sflags = QDIO_SBALF0_PCI;
	t->pci_asked = true;
	t->pci_index = (uint8_t)index;
}

/* The last of several (10.1). */
static bool multicast_queue(const struct guest_dev *d, unsigned q)
{
	return d->cfg.out_queues > 1 && q == d->cfg.out_queues - 1;
}

static bool is_group(const struct guest_dev *d, const struct guest_frame *f)
{
	uint8_t cast;

	if (d->cfg.layer != 3)
		return f->data[0] & 1;
	cast = f->header[1] & OSA_L3_CAST_MASK;
	return cast == OSA_L3_CAST_MULTICAST || cast == OSA_L3_CAST_BROADCAST;
}

unsigned guest_tx_queue(const struct guest_dev *d, const struct guest_frame *f)
{
	if (!d->cfg.iqd || d->cfg.out_queues == 1)
		return 0;
	return is_group(d, f) ? d->cfg.out_queues - 1 : d->cfg.out_queues > 2;
}

void guest_tx_flush(struct guest_dev *d, unsigned q)
{
	struct guest_txq *t = &d->tx[q];
	unsigned first = index_of(t, t->busy), n = t->ready, before;

	if (!n)
		return;
	for (unsigned i = 0; i < n; i++) {
		/* Release: SBAL and data before the state (12, row 1). */
		atomic_store_explicit(&t->slsb[(first + i) % QDIO_BUFFERS], QDIO_OUT_PRIMED,
				      memory_order_release);
		d->stats.tx_frames += t->frames[(first + i) % QDIO_BUFFERS];
	}
	t->busy += n;
	t->ready = 0;
	d->stats.tx_sbals += n;
	/*
	 * Full barrier between our states and the look at the one before: pairs with the
	 * adapter's, between its last completion and its look at the next (row 4). If that one is
	 * primed still, the adapter will come along: no SIGA.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	before = (first + QDIO_BUFFERS - 1) % QDIO_BUFFERS;
	if (!d->cfg.iqd && n < QDIO_BUFFERS &&
	    atomic_load_explicit(&t->slsb[before], memory_order_relaxed) == QDIO_OUT_PRIMED) {
		d->stats.tx_tack_ons++;
		return;
	}
	d->stats.tx_sigas++;
	guest_siga(d, d->cfg.iqd && n > 1 && !multicast_queue(d, q) ? QDIO_SIGA_WM : QDIO_SIGA_W,
		   q);
}

/* ---- filling in place --------------------------------------------------------------------- */

bool guest_slot_open(struct guest_dev *d, unsigned q, struct guest_slot *s)
{
	struct guest_txq *t = &d->tx[q];
	unsigned i;

	if (t->busy + t->ready >= t->window && guest_tx_free(d, q) == 0)
		return false;
	i = index_of(t, t->busy + t->ready);
	*s = (struct guest_slot){.sbal = &t->sbal[i],
				 .area = t->area + area_of(t, i),
				 .addr = t->addr + area_of(t, i),
				 .q = (uint8_t)q,
				 .limit = d->info.mfs ? d->info.mfs : GUEST_SLOT_BYTES};
	return true;
}

uint8_t *guest_slot_room(struct guest_slot *s, uint32_t *room)
{
	uint32_t at = (s->used + 63) & ~63u;

	if (GUEST_PAGE - at % GUEST_PAGE < FRAGMENT_HEAD_ROOM)
		at = (at + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1);
	if (s->entries >= QDIO_SBAL_ENTRIES || at + FRAGMENT_HEAD_ROOM > s->limit)
		return NULL;
	s->used = at;
	*room = s->limit - at - GUEST_SLOT_HEADROOM;
	if (*room > GUEST_FRAME_MAX)
		*room = GUEST_FRAME_MAX;
	return s->area + at + GUEST_SLOT_HEADROOM;
}

bool guest_slot_add(struct guest_slot *s, uint32_t len, unsigned flags, uint16_t hdrlen,
		    uint16_t mss)
{
	bool tso = flags & GUEST_TX_TSO;
	uint32_t head = tso ? OSA_HDR_BYTES + sizeof(struct osa_tso_ext) : OSA_HDR_BYTES;
	uint32_t begin = s->used + GUEST_SLOT_HEADROOM - head;
	const uint8_t *frame = s->area + s->used + GUEST_SLOT_HEADROOM;
	unsigned n = put_entries(s->sbal, s->entries, s->addr + begin, head + len,
				 tso ? head + hdrlen : head);

	if (!n)
		return false;
	if (tso)
		put_tso_header(s->area + begin, frame, len, hdrlen, mss);
	else if (s->header)
		memcpy(s->area + begin, s->header, OSA_HDR_BYTES);
	else
		put_header(s->area + begin, frame, len, flags);
	s->entries = (uint16_t)(s->entries + n);
	s->frames++;
	s->used = begin + head + len;
	return true;
}

void guest_slot_commit(struct guest_dev *d, const struct guest_slot *s)
{
	struct guest_txq *t = &d->tx[s->q];
	unsigned i = index_of(t, t->busy + t->ready);

	if (!s->frames)
		return;
	s->sbal->e[s->entries - 1].eflags |= QDIO_EFLAG_LAST;
	s->sbal->e[0].sflags = 0;
	t->frames[i] = (uint8_t)s->frames;
	ask_pci(d, t, i);
	t->ready++;
}

/* ---- bursts -----------------------------------------------------------------------------------
 */

/* Short frames are most of them: pieces of constant length, the last one overlapping. */
static inline void copy_frame(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	if (len > 512 || len < 16) {
		memcpy(dst, src, len);
		return;
	}
	if (len < 32) {
		memcpy(dst, src, 16);
		memcpy(dst + len - 16, src + len - 16, 16);
		return;
	}
	memcpy(dst, src, 32);
	for (uint32_t i = 32; __builtin_expect(i + 32 < len, 0); i += 32)
		memcpy(dst + i, src + i, 32);
	memcpy(dst + len - 32, src + len - 32, 32);
}

/* Frames that may share an SBAL on HiperSockets: the whole of it goes to one receiver. */
static bool same_target(const struct guest_frame *a, const struct guest_frame *b)
{
	if (a->header || b->header)
		return a->header && b->header &&
		       memcmp(a->header + 10, b->header + 10, OSA_HDR_BYTES - 10) == 0 &&
		       a->header[1] == b->header[1];
	if (memcmp(a->data, b->data, 6) != 0 || memcmp(a->data + 12, b->data + 12, 2) != 0)
		return false;
	return be16_load(a->data + 12) != 0x8100 || memcmp(a->data + 14, b->data + 14, 2) == 0;
}

/*
 * Areas begin at pages, so their first lines would all fall into one set of a processor's first
 * cache: short frames begin a little further on in each slot. Return: bytes.
 */
static inline uint32_t colour(unsigned i, uint32_t len)
{
	return len <= 256 ? i % 16 * COLOUR_STEP : 0;
}

/* Where the next frame of need bytes begins: one that fits into a page lies in one. */
static inline uint32_t place(uint32_t at, uint32_t need)
{
	return need > GUEST_PAGE - at % GUEST_PAGE ? (at + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1) : at;
}

/* Where one may begin behind it. */
static inline uint32_t behind(uint32_t at, uint32_t need)
{
	return (at + need + 31) & ~31u;
}

/*
 * Of n frames those that are as the first one: one length, nothing asked of the adapter, no tag,
 * to single addresses. In a loop of its own, because most are, and all it does is a few stores.
 * @at: where the first may begin; moves behind the last. Return: how many.
 */
static inline unsigned fill_same(struct qdio_sbal *sbal, uint8_t *area, uint64_t addr, uint32_t *at,
				 const struct guest_frame *f, unsigned n, uint32_t limit)
{
	const uint32_t len = f[0].len, need = OSA_HDR_BYTES + len;
	const uint64_t header =
		(uint64_t)OSA_HDR_LAYER2 << 56 | (uint64_t)OSA_L2_UNICAST << 32 | len;
	uint32_t here = *at;
	unsigned k;

	if (need > GUEST_PAGE)
		return 0;
	if (n > QDIO_SBAL_ENTRIES)
		n = QDIO_SBAL_ENTRIES;
	for (k = 0; k < n; k++) {
		const uint8_t *frame = f[k].data;

		here = place(here, need);
		if (f[k].len != len || f[k].flags || f[k].header || here + need > limit ||
		    frame[0] & 1 || be16_load(frame + 12) == 0x8100)
			break;
		put_entry(sbal, k, 0, need, addr + here);
		be64_store(area + here, header);
		memset(area + here + 8, 0, OSA_HDR_BYTES - 8);
		copy_frame(area + here + OSA_HDR_BYTES, frame, len);
		here = behind(here, need);
	}
	*at = here;
	return k;
}

/*
 * Fill SBAL i with at most per_sbal frames, back to back.
 * Return: frames put.
 */
static unsigned fill(const struct guest_dev *d, struct guest_txq *t, unsigned i,
		     const struct guest_frame *f, unsigned n)
{
	uint32_t limit = d->info.mfs ? d->info.mfs : GUEST_AREA_BYTES;
	uint8_t *area = t->area + area_of(t, i);
	uint64_t addr = t->addr + area_of(t, i);
	struct qdio_sbal *sbal = &t->sbal[i];
	unsigned done = 0, entries, k;
	uint32_t at = colour(i, f[0].len), need;

	if (!d->cfg.iqd)
		done = fill_same(sbal, area, addr, &at, f, n, limit);
	for (entries = done; done < n; done++) {
		need = OSA_HDR_BYTES + f[done].len;
		at = place(at, need);
		if (at + need > limit || (d->cfg.iqd && done && !same_target(&f[0], &f[done])))
			break;
		if (need <= GUEST_PAGE) {
			if (entries == QDIO_SBAL_ENTRIES)
				break;
			put_entry(sbal, entries++, 0, need, addr + at);
		} else {
			k = put_entries(sbal, entries, addr + at, need, OSA_HDR_BYTES);
			if (!k)
				break;
			entries += k;
		}
		if (f[done].header)
			memcpy(area + at, f[done].header, OSA_HDR_BYTES);
		else
			put_header(area + at, f[done].data, f[done].len, f[done].flags);
		copy_frame(area + at + OSA_HDR_BYTES, f[done].data, f[done].len);
		at = behind(at, need);
	}
	if (done)
		sbal->e[entries - 1].eflags |= QDIO_EFLAG_LAST;
	t->frames[i] = (uint8_t)done;
	return done;
}

/* The slot was read by another core: ask for its lines before they are written. */
static inline void prefetch_slot(const struct guest_txq *t, unsigned i, uint32_t len,
				 unsigned per_sbal)
{
	const uint8_t *area = t->area + area_of(t, i) + colour(i, len);
	uint32_t bytes = (len + OSA_HDR_BYTES) * per_sbal;
	unsigned sbal = per_sbal * (unsigned)sizeof(struct qdio_sbale);

	if (sbal > QDIO_SBAL_BYTES)
		sbal = QDIO_SBAL_BYTES;
	if (bytes > PREFETCH_BYTES)
		bytes = PREFETCH_BYTES;
	for (unsigned at = 0; at < sbal; at += 64)
		prefetch_write((const uint8_t *)&t->sbal[i] + at);
	for (uint32_t at = 0; at < bytes; at += 64)
		prefetch_write(area + at);
}

unsigned guest_tx_frames(struct guest_dev *d, unsigned q, const struct guest_frame *f, unsigned n,
			 unsigned per_sbal)
{
	unsigned ahead = (PREFETCH_FRAMES + per_sbal - 1) / per_sbal;
	struct guest_txq *t = &d->tx[q];
	unsigned done = 0, room = guest_tx_free(d, q), k, i;

	while (done < n && room) {
		i = index_of(t, t->busy + t->ready);
		if (room > ahead)
			prefetch_slot(t, (i + ahead) % QDIO_BUFFERS, f[done].len, per_sbal);
		k = fill(d, t, i, f + done, n - done < per_sbal ? n - done : per_sbal);
		if (!k)
			break;
		ask_pci(d, t, i);
		t->ready++;
		done += k;
		room--;
	}
	guest_tx_flush(d, q);
	return done;
}
