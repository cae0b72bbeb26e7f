/* SPDX-License-Identifier: Apache-2.0 */
/* Output buffers: queues served in turn, entries read, bytes taken, buffers given back. */
#include "osa/fetch.h"

#include <assert.h>
#include <string.h>

#include "common/stage.h"

/*
 * Buffers with more than four frames each: so many are a burst. To look at further states is
 * to take lines from the guest that it is writing to.
 */
#define PACKED_MIN 4u
#define PACKED_MAX (VS_BURST / PACKED_MIN)

/* Append buffer i's entries. Return: how many, 0 if no entry is the last. */
static unsigned read_sbal(const struct qdio_queue *q, unsigned i, struct qdio_entry *to,
			  const struct qdio_entry *ask)
{
	const struct qdio_sbal *sbal = q->sbal[(q->cursor + i) % QDIO_BUFFERS];

	if (!sbal) {
		*to = (struct qdio_entry){0};
		return 0;
	}
	return qdio_entries_read(q, sbal, QDIO_FETCH, to, ask);
}

static void prefetch_sbals(const struct qdio_queue *q, unsigned n, bool packed)
{
	if (!packed) {
		qdio_queue_prefetch(q, n);
		return;
	}
	for (unsigned i = 0; i < n && i < VS_BURST / 8; i++) {
		const char *sbal = (const char *)q->sbal[(q->cursor + i) % QDIO_BUFFERS];

		if (!sbal)
			continue;
		for (unsigned line = 0; line < QDIO_SBAL_BYTES; line += 64)
			__builtin_prefetch(sbal + line);
	}
}

static void read_entries(struct osa_data *d, const struct qdio_queue *q, unsigned primed,
			 unsigned room, unsigned ask, struct osa_entries *en)
{
	en->asked = d->out_packed ? ask : VS_BURST;
	prefetch_sbals(q, primed, d->out_packed);
	while (en->n_sbal < primed) {
		unsigned used = read_sbal(q, en->n_sbal, &en->e[en->n], en->e + en->asked);

		if (en->n_sbal && en->n + used > room)
			break;
		/* Read before the buffer is given back: spec/qdio.md 9.4. */
		if (en->e[en->n].sflags & QDIO_SBALF0_PCI)
			d->out_signal = true;
		en->endless |= !used;
		en->count[en->n_sbal++] = (uint8_t)used;
		en->n += used;
	}
	d->out_packed = en->n > PACKED_MIN * en->n_sbal;
}

/* The next queue with work after the one served last: no queue waits for another's flood. */
static struct qdio_queue *pick_queue(struct osa_data *d, unsigned *primed)
{
	struct qdio_queues *qs = d->queues;

	for (unsigned k = 1; k <= qs->n_out; k++) {
		unsigned nr = (d->out_queue + k) % qs->n_out;

		*primed = qdio_out_primed(&qs->out[nr], d->out_packed ? PACKED_MAX : VS_BURST);
		if (*primed) {
			d->out_queue = nr;
			return &qs->out[nr];
		}
	}
	return NULL;
}

bool osa_fetch_entries(struct osa_data *d, unsigned room, unsigned ask, struct osa_entries *en)
{
	struct qdio_queue *q;
	unsigned primed;

	assert(room <= VS_BURST);
	en->n = 0;
	en->n_sbal = 0;
	en->endless = false;
	d->out_n = 0;
	d->out_signal = false;
	STAGE(FETCH);
	q = pick_queue(d, &primed);
	if (!q) {
		STAGE_WAS(OTHER);
		return false;
	}
	read_entries(d, q, primed, room, ask, en);
	STAGE(PARSE);
	return true;
}

void osa_fetch_done(struct osa_data *d)
{
	struct qdio_queue *q = &d->queues->out[d->out_queue];
	bool signal = d->out_signal;

	if (!d->out_n)
		return;
	if (d->out_fine) {
		qdio_out_emptied(q, d->out_n);
	} else {
		for (unsigned i = 0; i < d->out_n; i++)
			signal |= d->out_result[i].state == QDIO_OUT_ERROR;
		qdio_out_complete(q, d->out_result, d->out_n);
	}
	atomic_fetch_add_explicit(&d->tx_buffers, d->out_n, memory_order_relaxed);
	d->out_n = 0;
	if (signal) {
		atomic_fetch_add_explicit(&d->rx_signals, 1, memory_order_relaxed);
		qdio_group_signal(d->group);
	}
}

static enum vs_drop address_or_form(const struct qdio_entry *e, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (!e[k].data)
			return VS_DROP_RX_ADDRESS;
	return VS_DROP_RX_MALFORMED;
}

/*
 * First the head, from one entry as a rule; then references. Pieces that lie back to back, as pages
 * of one area do, are one. (An entry of no bytes has no data.)
 */
static bool take_bytes(struct vs_burst *b, const struct qdio_entry *e, unsigned n,
		       const struct osa_piece *piece, unsigned *used)
{
	struct vs_seg *const first = &b->seg[b->nseg_used], *seg = first;
	const uint32_t want = piece->want;
	uint32_t left = piece->len, have = piece->at, skip = piece->skip, len;
	const uint8_t *p;
	unsigned k = 0;

	do {
		uint32_t bytes = e[k].len - skip, copy;

		if (!e[k].data || bytes > left)
			return false;
		copy = want - have < bytes ? want - have : bytes;
		p = e[k].data + skip;
		memcpy(b->head[b->n] + have, p, copy);
		have += copy;
		left -= bytes;
		p += copy;
		len = bytes - copy;
		skip = 0;
	} while (++k < n && have < want);
	for (; left; k++) {
		if (k == n || !e[k].data || e[k].len > left)
			return false;
		left -= e[k].len;
		if (e[k].data == p + len) {
			len += e[k].len;
			continue;
		}
		if (len)
			*seg++ = (struct vs_seg){p, len};
		p = e[k].data;
		len = e[k].len;
	}
	if (len)
		*seg++ = (struct vs_seg){p, len};
	*used = k;
	b->seg0[b->n] = (uint16_t)b->nseg_used;
	b->nseg[b->n] = (uint8_t)(seg - first);
	b->nseg_used += (unsigned)(seg - first);
	return true;
}

enum vs_drop osa_fetch_bytes(struct vs_burst *b, const struct qdio_entry *e, unsigned n,
			     const struct osa_piece *piece, unsigned *used)
{
	return take_bytes(b, e, n, piece, used) ? VS_DROP_NONE : address_or_form(e, n);
}
