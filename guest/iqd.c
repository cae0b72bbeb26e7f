/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets' own: frames sent with an AOB, and the completion queue that brings it back when
 * the adapter kept the frame. Source: spec/qdio.md 10.4.
 *
 * A frame with an AOB stands in a place of its own, because an SBAL that ends as pending may be
 * used again while its bytes are still the adapter's.
 */
#include <errno.h>

#include "guest/guest_priv.h"

#define COMPLETION_BUFFERS (QDIO_BUFFERS - 1) /* given to the adapter at first */

static struct qdio_aob *aob_at(struct guest_dev *d, unsigned ticket)
{
	return guest_host(d, GUEST_AT_AOB + ticket * QDIO_AOB_BYTES);
}

static _Atomic uint8_t *cq_state(struct guest_dev *d, uint32_t i)
{
	_Atomic uint8_t *slsb = guest_host(d, GUEST_AT_SLSB + GUEST_CQ * 256u);

	return &slsb[i % QDIO_BUFFERS];
}

static struct qdio_sbal *cq_sbal(struct guest_dev *d, uint32_t i)
{
	struct qdio_sbal *sbal = guest_host(d, GUEST_AT_SBAL + GUEST_CQ * 0x8000u);

	return &sbal[i % QDIO_BUFFERS];
}

static void cq_give(struct guest_dev *d, uint32_t i)
{
	memset(cq_sbal(d, i), 0, sizeof(struct qdio_sbal));
	atomic_store_explicit(cq_state(d, i), QDIO_IN_EMPTY, memory_order_release);
}

void guest_cq_start(struct guest_dev *d)
{
	memset(&d->aobs, 0, sizeof(d->aobs));
	if (!d->info.completion)
		return;
	d->aobs.area = GUEST_AT_AREAS +
		       (d->cfg.pool + (size_t)d->cfg.out_queues * QDIO_BUFFERS) * GUEST_AREA_BYTES;
	memset(aob_at(d, 0), 0, GUEST_AOBS * QDIO_AOB_BYTES);
	for (uint32_t i = 0; i < COMPLETION_BUFFERS; i++)
		cq_give(d, i);
	atomic_store(cq_state(d, COMPLETION_BUFFERS), QDIO_IN_NOTINIT);
}

/* ---- sending ------------------------------------------------------------------------ */

static int free_aob(const struct guest_dev *d)
{
	for (unsigned i = 0; i < GUEST_AOBS; i++)
		if (d->aobs.state[i] == GUEST_AOB_FREE)
			return (int)i;
	return -EAGAIN;
}

static unsigned put_frame(struct guest_dev *d, struct qdio_sbal *sbal, unsigned ticket,
			  const struct guest_frame *f)
{
	size_t at = d->aobs.area + (size_t)ticket * GUEST_AREA_BYTES;
	uint32_t left = OSA_HDR_BYTES + f->len;
	struct osa_l2_hdr hdr = {.id = OSA_HDR_LAYER2,
				 .cast = f->data[0] & 1 ? OSA_L2_MULTICAST : OSA_L2_UNICAST,
				 .len = be16_of((uint16_t)f->len)};
	unsigned n = 0;

	memcpy(guest_host(d, at), f->header ? f->header : (const uint8_t *)&hdr, OSA_HDR_BYTES);
	memcpy(guest_host(d, at + OSA_HDR_BYTES), f->data, f->len);
	for (; left; n++, at += GUEST_PAGE) {
		uint32_t piece = left < GUEST_PAGE ? left : GUEST_PAGE;
		struct qdio_sbale e = {.length = be32_of(piece),
				       .addr = be64_of(guest_addr(d, at))};

		left -= piece;
		e.eflags = left ? 0 : QDIO_EFLAG_LAST;
		memcpy(&sbal->e[n], &e, sizeof(e));
	}
	return n;
}

int guest_tx_aob(struct guest_dev *d, unsigned q, const struct guest_frame *f)
{
	struct guest_txq *t = &d->tx[q];
	int ticket = free_aob(d);
	unsigned i;

	if (!d->info.completion)
		return -EOPNOTSUPP;
	if (f->len > d->info.mfs - OSA_HDR_BYTES)
		return -EMSGSIZE;
	if (ticket < 0 || guest_tx_free(d, q) == 0)
		return -EAGAIN;
	i = (t->oldest + t->busy) % QDIO_BUFFERS;
	put_frame(d, &t->sbal[i], (unsigned)ticket, f);
	aob_at(d, (unsigned)ticket)->user1[1] = be64_of((uint64_t)ticket);
	t->ticket[i] = (uint8_t)(ticket + 1);
	t->frames[i] = 1;
	t->busy++;
	d->aobs.state[ticket] = GUEST_AOB_SENT;
	d->stats.tx_sbals++;
	d->stats.tx_frames++;
	d->stats.tx_sigas++;
	/* Release: SBAL and data before the state (12, row 1). */
	atomic_store_explicit(&t->slsb[i], QDIO_OUT_PRIMED, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (guest_siga_aob(d, q, guest_addr(d, GUEST_AT_AOB + (unsigned)ticket * QDIO_AOB_BYTES)) <
	    0)
		return -EIO;
	return ticket;
}

/* ---- completion --------------------------------------------------------------------- */

static void finish(struct guest_dev *d, unsigned ticket, uint8_t reason, bool later)
{
	d->aobs.done[ticket] = (struct guest_done){(int)ticket, reason, later};
	d->aobs.state[ticket] = GUEST_AOB_DONE;
}

/* The AOB may have come back already, before its SBAL was looked at. */
void guest_aob_completed(struct guest_dev *d, unsigned ticket, uint8_t state, uint8_t reason)
{
	if (state != QDIO_OUT_PENDING) {
		finish(d, ticket, reason, false);
		return;
	}
	d->stats.tx_pending++;
	if (d->aobs.state[ticket] == GUEST_AOB_SENT)
		d->aobs.state[ticket] = GUEST_AOB_PENDING;
}

static void take_aob(struct guest_dev *d, uint64_t addr)
{
	uint64_t off = addr - guest_addr(d, GUEST_AT_AOB);
	unsigned ticket = (unsigned)(off / QDIO_AOB_BYTES);
	const struct qdio_aob *aob;

	if (off % QDIO_AOB_BYTES || off >= (uint64_t)GUEST_AOBS * QDIO_AOB_BYTES ||
	    (d->aobs.state[ticket] != GUEST_AOB_PENDING &&
	     d->aobs.state[ticket] != GUEST_AOB_SENT)) {
		guest_violate(d, GUEST_VIOLATION_AOB);
		return;
	}
	aob = aob_at(d, ticket);
	if (be64_get(aob->user1[1]) != ticket || !aob->sb_count)
		guest_violate(d, GUEST_VIOLATION_AOB);
	finish(d, ticket, aob->aorc, true);
}

static void poll_completions(struct guest_dev *d)
{
	for (;;) {
		uint32_t i = d->aobs.next;
		/* Acquire: the addresses stand before the state. */
		uint8_t state = atomic_load_explicit(cq_state(d, i), memory_order_acquire);
		const struct qdio_sbal *sbal = cq_sbal(d, i);

		if (state == QDIO_IN_ERROR)
			d->events |= GUEST_EV_RECOVER;
		if (state != QDIO_IN_PRIMED)
			return;
		for (unsigned e = 0; e < QDIO_SBAL_ENTRIES && be64_get(sbal->e[e].addr); e++)
			take_aob(d, be64_get(sbal->e[e].addr));
		/* One is always ours, the one behind those that are the adapter's. */
		atomic_store_explicit(cq_state(d, i), QDIO_IN_NOTINIT, memory_order_relaxed);
		cq_give(d, i + COMPLETION_BUFFERS);
		d->aobs.next = (i + 1) % QDIO_BUFFERS;
		atomic_thread_fence(memory_order_seq_cst);
		guest_siga(d, QDIO_SIGA_R, 1);
	}
}

unsigned guest_tx_done(struct guest_dev *d, struct guest_done *done, unsigned max)
{
	unsigned n = 0;

	if (!d->info.completion)
		return 0;
	for (unsigned q = 0; q < d->cfg.out_queues; q++)
		guest_tx_reclaim(d, q);
	poll_completions(d);
	for (unsigned i = 0; i < GUEST_AOBS && n < max; i++) {
		if (d->aobs.state[i] != GUEST_AOB_DONE)
			continue;
		done[n++] = d->aobs.done[i];
		d->aobs.state[i] = GUEST_AOB_FREE;
	}
	return n;
}
