/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion queues: a unit whose receiver is full waits for it, and its AOB comes back to the
 * sender. Source: spec/qdio.md 10.4.
 *
 *   sender, AOB ── receiver full ──► receiver's waiting list     buffer := pending
 *   receiver offers a buffer  ──► copied, aorc := 0          ┐
 *   receiver leaves the LAN   ──► aorc := not active         ┴► sender's done list
 *   sender's input queue 1 has an empty buffer ──► address of the AOB stored there, signal
 *
 * The bytes stay in the sender's storage until they are copied; only what was judged of them is
 * kept here. A sender may have HS_WAITING_MAX units waiting; then it hears "full" like others.
 * When it leaves the LAN its units and AOBs are forgotten without touching its storage.
 */
#include "hipersockets/hs_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/be.h"

#define COMPLETIONS 1u /* the input queue */

static bool has_completion(const struct hs_adapter *h)
{
	return h->queues->n_in > COMPLETIONS;
}

static struct qdio_aob *map_aob(const struct hs_adapter *h, uint64_t aob)
{
	const struct qdio_queue *q = &h->queues->in[COMPLETIONS];

	return qdio_storage_map(q->st, aob, QDIO_AOB_BYTES, q->data_key, QDIO_STORE);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

/* The storage blocks of the buffer, for the program to free them later. */
static void describe(struct qdio_aob *aob, const struct qdio_sbal *sbal)
{
	unsigned n = 0;

	do {
		aob->sba[n] = sbal->e[n].addr;
		aob->dcount[n] = be16_of((uint16_t)be32_get(sbal->e[n].length));
	} while (!(sbal->e[n++].eflags & QDIO_EFLAG_LAST) && n < QDIO_SBAL_ENTRIES);
	aob->sb_count = (uint8_t)n;
}

bool hs_wait(struct hs_flow *f, struct hs_adapter *to, const struct hs_unit *u, uint64_t aob,
	     const struct qdio_sbal *sbal)
{
	struct hs_adapter *from = f->from;
	struct hs_waiting *w;
	struct qdio_aob *a;

	if (!has_completion(from) ||
	    atomic_load_explicit(&from->n_waiting, memory_order_relaxed) >= HS_WAITING_MAX)
		return false;
	a = map_aob(from, aob);
	w = a ? malloc(sizeof(*w)) : NULL;
	if (!w)
		return false;
	w->from = from;
	w->to = to;
	w->aob = aob;
	w->unit = *u;
	describe(a, sbal);
	atomic_fetch_add_explicit(&from->n_waiting, 1, memory_order_relaxed);
	pthread_mutex_lock(&to->in_lock);
	TAILQ_INSERT_TAIL(&to->waiting, w, at_receiver);
	/*
	 * seq_cst, against a receiver that offers a buffer and looks for what waits: one of us sees
	 * the other. If it was we, its worker is woken.
	 */
	atomic_fetch_add_explicit(&to->n_for_us, 1, memory_order_seq_cst);
	if (!to->queues)
		hs_far_want_room(to, true);
	pthread_mutex_unlock(&to->in_lock);
	if (to->queues && to->cfg.worker && qdio_in_empty(hs_input(to), 0))
		qdio_group_kick(osa_group(to->osa));
	return true;
}

/* ---- giving AOBs back ---------------------------------------------------------------------------
 */

/* Store the addresses of finished AOBs in one empty buffer. Return: how many. */
static unsigned fill_completions(struct hs_adapter *h, struct qdio_queue *q, unsigned first)
{
	struct qdio_sbal *sbal = q->sbal[first];
	unsigned n = 0;
	struct hs_done *d;

	if (!sbal || !qdio_in_empty(q, 0))
		return 0;
	while (n < QDIO_SBAL_ENTRIES && (d = STAILQ_FIRST(&h->done))) {
		STAILQ_REMOVE_HEAD(&h->done, next);
		sbal->e[n++].addr = be64_of(d->aob);
		free(d);
	}
	if (n < QDIO_SBAL_ENTRIES)
		sbal->e[n].addr = be64_of(0);
	return n;
}

/* in_lock is held. Return: a signal is due. */
static bool return_aobs(struct hs_adapter *h)
{
	struct qdio_queue *q = &h->queues->in[COMPLETIONS];
	bool signal = false;
	unsigned n;

	do {
		unsigned first = qdio_in_lease(q);

		n = STAILQ_EMPTY(&h->done) ? 0 : fill_completions(h, q, first);
		qdio_in_leased(q, n != 0);
		atomic_fetch_sub_explicit(&h->n_done, n, memory_order_relaxed);
		if (n)
			signal |= qdio_in_publish(q, first, 1, false);
	} while (n);
	return signal;
}

/* A unit is done with: its AOB goes back. No in_lock is held. */
static void finish(struct hs_waiting *w, uint8_t aorc)
{
	struct hs_adapter *from = w->from;
	struct qdio_aob *a = map_aob(from, w->aob);
	struct hs_done *d = malloc(sizeof(*d));
	bool signal = false;

	if (a)
		a->aorc = aorc;
	atomic_fetch_sub_explicit(&from->n_waiting, 1, memory_order_relaxed);
	if (d) { /* without memory the sender's own time-out must do */
		d->aob = w->aob;
		pthread_mutex_lock(&from->in_lock);
		STAILQ_INSERT_TAIL(&from->done, d, next);
		atomic_fetch_add_explicit(&from->n_done, 1, memory_order_relaxed);
		signal = return_aobs(from);
		pthread_mutex_unlock(&from->in_lock);
	}
	free(w);
	if (signal) {
		hs_count(&from->rx_signals, 1);
		qdio_group_signal(osa_group(from->osa));
	}
}

static uint8_t aorc_of(enum vs_drop why)
{
	return why == VS_DROP_NONE	   ? QDIO_REASON_NONE
	       : why == VS_DROP_TX_TOO_BIG ? QDIO_REASON_TOO_BIG
					   : QDIO_REASON_TARGET_FULL;
}

static struct hs_waiting *first_waiting(struct hs_adapter *h)
{
	struct hs_waiting *w;

	pthread_mutex_lock(&h->in_lock);
	w = TAILQ_FIRST(&h->waiting);
	pthread_mutex_unlock(&h->in_lock);
	return w;
}

/*
 * Deliver what waits for h, as far as it has empty buffers. Only here, with h's out_lock, and when
 * an adapter leaves is anything taken off the list: the first one stays the first.
 */
static unsigned serve(struct hs_flow *f, struct hs_adapter *h)
{
	struct hs_waiting *w;
	unsigned n = 0;

	while (n < HS_BURST && (w = first_waiting(h))) {
		enum vs_drop why = hs_give(f, h, &w->unit); /* in_lock is held now */

		if (why == VS_DROP_TX_NO_BUFFER) {
			hs_flow_end(f);
			break;
		}
		TAILQ_REMOVE(&h->waiting, w, at_receiver);
		atomic_fetch_sub_explicit(&h->n_for_us, 1, memory_order_relaxed);
		if (!h->queues && TAILQ_EMPTY(&h->waiting))
			hs_far_want_room(h, false);
		hs_flow_end(f);
		if (why != VS_DROP_NONE)
			hs_drop(f, h, VS_DIRECT_TX, why, &w->unit);
		finish(w, aorc_of(why));
		n++;
	}
	return n;
}

unsigned hs_wait_run(struct hs_flow *f, struct hs_adapter *h)
{
	unsigned n = 0;
	bool signal;

	if (atomic_load_explicit(&h->n_for_us, memory_order_relaxed))
		n = serve(f, h);
	if (!atomic_load_explicit(&h->n_done, memory_order_relaxed))
		return n;
	pthread_mutex_lock(&h->in_lock);
	signal = return_aobs(h);
	pthread_mutex_unlock(&h->in_lock);
	if (signal) {
		hs_count(&h->rx_signals, 1);
		qdio_group_signal(osa_group(h->osa));
	}
	return n + signal;
}

bool hs_wait_ready(struct hs_adapter *h)
{
	if (atomic_load_explicit(&h->n_for_us, memory_order_seq_cst) &&
	    qdio_in_empty(hs_input(h), 0))
		return true;
	return atomic_load_explicit(&h->n_done, memory_order_relaxed) && has_completion(h) &&
	       qdio_in_empty(&h->queues->in[COMPLETIONS], 0);
}

/* ---- leaving
 * ---------------------------------------------------------------------------------------
 */

static void forget(struct hs_waiting *w)
{
	struct hs_adapter *to = w->to;

	TAILQ_REMOVE(&to->waiting, w, at_receiver);
	atomic_fetch_sub_explicit(&to->n_for_us, 1, memory_order_relaxed);
	if (!to->queues && TAILQ_EMPTY(&to->waiting))
		hs_far_want_room(to, false);
	free(w);
}

/* The lock held for writing keeps everybody else out: no in_lock is needed for the lists. */
void hs_wait_drop(struct hs_adapter *h)
{
	struct hs_adapter *other;
	struct hs_waiting *w, *next;
	struct hs_done *d;

	if (!h->queues && !TAILQ_EMPTY(&h->waiting))
		hs_far_want_room(h, false);
	while ((w = TAILQ_FIRST(&h->waiting))) {
		TAILQ_REMOVE(&h->waiting, w, at_receiver);
		if (w->from == h)
			free(w);
		else
			finish(w, QDIO_REASON_INACTIVE);
	}
	LIST_FOREACH(other, &h->lan->members, member)
	for (w = TAILQ_FIRST(&other->waiting); w; w = next) {
		next = TAILQ_NEXT(w, at_receiver);
		if (w->from == h)
			forget(w);
	}
	while ((d = STAILQ_FIRST(&h->done))) {
		STAILQ_REMOVE_HEAD(&h->done, next);
		free(d);
	}
	atomic_store(&h->n_waiting, 0);
	atomic_store(&h->n_done, 0);
	atomic_store(&h->n_for_us, 0);
}
