/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output buffers being fetched, whatever header stands in front of the frames. Private to osa/.
 * Source: spec/osa-qeth.md 7.6.
 *
 * In stages, because every line touched here was last written by another core: states; then all
 * SBALs (prefetched), whose entries are read once into a local list and whose data is
 * prefetched; then the headers and the first bytes of the frames, which is a layer's part
 * (osa_take_fn). A burst takes as many whole buffers as have at most VS_BURST entries together: a
 * frame takes at least one entry, so neither frames nor references can overflow.
 *
 * A buffer that breaks the rules is given back as an error from the entry at fault on; the
 * frames before it in the same buffer are delivered.
 */
#ifndef OSA_FETCH_H
#define OSA_FETCH_H

#include "osa/layer2.h"
#include "osa/osa_wire.h"

/* The entries of a burst's buffers, flat. */
struct osa_entries {
	unsigned n;
	unsigned asked; /* data of so many are on their way from memory */
	struct qdio_entry e[VS_BURST + QDIO_SBAL_ENTRIES];
	unsigned n_sbal;
	bool endless;		 /* one has no last-entry flag */
	uint8_t count[VS_BURST]; /* entries of each buffer; 0: no last-entry flag */
};

enum osa_walk {
	OSA_WALK_FRAME, /* it stands in the burst at n */
	OSA_WALK_SKIP,	/* it does not; the buffer is fine */
	OSA_WALK_STOP,	/* the buffer is wrong from here on */
};

/*
 * One frame from the n entries at e on, to place b->n of the burst.
 * @used: entries it took; preset to 1. @why: for SKIP and STOP; SKIP with VS_DROP_NONE: somebody
 * else has the frame.
 */
typedef enum osa_walk osa_take_fn(void *ctx, struct vs_burst *b, const struct qdio_entry *e,
				  unsigned n, unsigned *used, enum vs_drop *why);

/*
 * So many frames ahead their lines are asked for: with all of a burst's at once a processor waits
 * until the last is under way (it follows some twenty), and does nothing meanwhile.
 */
#define OSA_FETCH_AHEAD 16u

/*
 * Read the entries of the next queue's primed buffers, at most room of them (but one whole buffer).
 * @ask: of so many at least, from the first on, the data are asked for from memory.
 * Return: false: nothing is primed.
 */
bool osa_fetch_entries(struct osa_data *d, unsigned room, unsigned ask, struct osa_entries *en);
/* Frame k is being taken. @ask: how many entries are at e, or 0: they have been asked for. */
static inline void osa_fetch_ahead(const struct qdio_entry *e, unsigned k, unsigned ask)
{
	if (k + OSA_FETCH_AHEAD < ask)
		qdio_entry_ask(&e[k + OSA_FETCH_AHEAD]);
}

/* Give the burst's buffers back. */
void osa_fetch_done(struct osa_data *d);

/* Which bytes of the entries are a frame, and where they go. */
struct osa_piece {
	uint32_t skip; /* headers in the first entry */
	uint32_t len;  /* bytes behind them, over all entries */
	uint32_t at;   /* bytes of the head in use already */
	uint32_t want; /* bytes of the head to be filled at the end, at + len at most */
};
/*
 * Copy a frame's first bytes out of its entries; the rest becomes references.
 * Return: VS_DROP_NONE, or what is wrong with the entries (the burst is as it was).
 */
enum vs_drop osa_fetch_bytes(struct vs_burst *b, const struct qdio_entry *e, unsigned n,
			     const struct osa_piece *piece, unsigned *used);

/* Walk through one buffer, from entry at on. Inline, so that take is too. */
static inline struct qdio_result osa_fetch_sbal(void *ctx, struct vs_burst *b,
						const struct qdio_entry *e, unsigned n, unsigned at,
						uint64_t *dropped, osa_take_fn *take)
{
	if (!n) {
		dropped[VS_DROP_RX_MALFORMED]++;
		return (struct qdio_result){QDIO_OUT_ERROR, QDIO_SBAL_ENTRIES - 1,
					    QDIO_REASON_BAD_BUFFER};
	}
	for (unsigned used; at < n; at += used) {
		enum vs_drop why = VS_DROP_NONE;
		enum osa_walk walk;

		used = 1;
		walk = take(ctx, b, &e[at], n - at, &used, &why);
		if (walk == OSA_WALK_FRAME) {
			b->n++;
			continue;
		}
		if (why != VS_DROP_NONE)
			dropped[why]++;
		if (walk == OSA_WALK_STOP)
			return (struct qdio_result){QDIO_OUT_ERROR, (uint8_t)at,
						    QDIO_REASON_BAD_BUFFER};
	}
	return (struct qdio_result){QDIO_OUT_EMPTY, 0, 0};
}

/*
 * All frames of the entries read. @taken: so many entries, from the first on, stand in the burst
 * already, as whole frames: their buffers cost no walk.
 */
static inline void osa_fetch_frames(void *ctx, struct osa_data *d, struct vs_burst *b,
				    const struct osa_entries *en, unsigned taken, uint64_t *dropped,
				    osa_take_fn *take)
{
	unsigned at = 0;

	d->out_n = en->n_sbal;
	d->out_fine = taken == en->n && !en->endless;
	for (unsigned s = 0; !d->out_fine && s < en->n_sbal; s++) {
		unsigned n = en->count[s], done = taken < at ? 0 : taken - at;

		d->out_result[s] =
			osa_fetch_sbal(ctx, b, &en->e[at], n, done < n ? done : n, dropped, take);
		at += n;
	}
}

#endif
