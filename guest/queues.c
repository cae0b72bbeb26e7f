/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the queues in storage, and SIGA. Source: spec/qdio.md 3, 4.2, 6.
 */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "guest/guest_priv.h"

#define CANARY 0xA5 /* around the indicator bytes */

_Atomic uint8_t *guest_dsci(struct guest_dev *d)
{
	return guest_host(d, GUEST_AT_DSCI);
}

static size_t slib_of(unsigned queue)
{
	return queue == GUEST_CQ ? GUEST_AT_SLIB_CQ : GUEST_AT_SLIB + queue * GUEST_PAGE;
}

/* @place: the descriptor's among all. */
static void put_desc(struct guest_dev *d, struct qdio_qdr *qdr, unsigned queue, unsigned place)
{
	size_t words = d->cfg.desc_words;
	struct qdio_qdesc desc;

	memset(&desc, 0, sizeof(desc));
	desc.sliba = be64_of(guest_addr(d, slib_of(queue)));
	desc.sla = be64_of(guest_addr(d, slib_of(queue) + 0x800));
	desc.slsba = be64_of(guest_addr(d, GUEST_AT_SLSB + queue * 256u));
	memcpy((uint8_t *)qdr + QDIO_QDR_DESC + place * words * 4, &desc, sizeof(desc));
}

/* @next: the queue behind it in its direction, or itself: none. */
static void put_slib(struct guest_dev *d, unsigned queue, unsigned next)
{
	size_t at = slib_of(queue);
	struct qdio_slib *slib = guest_host(d, at);
	be64 *sl = guest_host(d, at + 0x800);

	memset(slib, 0, sizeof(*slib));
	slib->nsliba = be64_of(next == queue ? 0 : guest_addr(d, slib_of(next)));
	slib->sla = be64_of(guest_addr(d, at + 0x800));
	slib->slsba = be64_of(guest_addr(d, GUEST_AT_SLSB + queue * 256u));
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		sl[i] = be64_of(
			guest_addr(d, GUEST_AT_SBAL + queue * 0x8000u + i * QDIO_SBAL_BYTES));
}

static void put_qib(struct guest_dev *d)
{
	static const uint8_t pcit[4] = {0xD7, 0xC3, 0xC9, 0xE3};
	struct qdio_qib *qib = guest_host(d, GUEST_AT_QIB);

	memset(qib, 0, sizeof(*qib));
	qib->isliba = be64_of(guest_addr(d, GUEST_AT_SLIB));
	qib->osliba = be64_of(guest_addr(d, GUEST_AT_SLIB + GUEST_PAGE));
	qib->qfmt = d->cfg.iqd ? QDIO_FORMAT_IQD : QDIO_FORMAT_OSD;
	if (d->cfg.iqd)
		return;
	memcpy(qib->parm, pcit, sizeof(pcit));
	be32_store(qib->parm + 4, d->cfg.pool + 1);
	be32_store(qib->parm + 12, 3);
}

static void tx_init(struct guest_dev *d, unsigned q)
{
	struct guest_txq *t = &d->tx[q];
	size_t area = GUEST_AT_AREAS + (d->cfg.pool + (size_t)q * QDIO_BUFFERS) * GUEST_AREA_BYTES;

	memset(t, 0, sizeof(*t));
	t->slsb = guest_host(d, GUEST_AT_SLSB + (q + 1) * 256u);
	t->sbal = guest_host(d, GUEST_AT_SBAL + (q + 1) * 0x8000u);
	t->area = guest_host(d, area);
	t->addr = guest_addr(d, area);
	t->window = d->cfg.window;
	memset(t->sbal, 0, QDIO_BUFFERS * sizeof(*t->sbal));
}

static void rx_init(struct guest_dev *d)
{
	struct guest_rxq *r = &d->rx;

	memset(r, 0, sizeof(*r));
	r->slsb = guest_host(d, GUEST_AT_SLSB);
	r->sbal = guest_host(d, GUEST_AT_SBAL);
	r->area = guest_host(d, GUEST_AT_AREAS);
	r->addr = guest_addr(d, GUEST_AT_AREAS);
	r->pool = d->cfg.pool;
	r->refill = d->cfg.refill;
	r->in_bytes = d->cfg.in_bytes;
	r->entries = d->info.mfs ? d->info.mfs / GUEST_PAGE : QDIO_SBAL_ENTRIES;
	r->entry = -1;
	memset(r->sbal, 0, QDIO_BUFFERS * sizeof(*r->sbal));
}

void guest_queues_build(struct guest_dev *d)
{
	struct qdio_qdr *qdr = guest_host(d, GUEST_AT_QDR);
	unsigned n = d->cfg.out_queues + 1;
	bool cq = d->info.completion;

	memset(qdr, 0, sizeof(*qdr));
	qdr->qfmt = d->cfg.iqd ? QDIO_FORMAT_IQD : QDIO_FORMAT_OSD;
	qdr->iqdcnt = cq ? 2 : 1;
	qdr->oqdcnt = (uint8_t)d->cfg.out_queues;
	qdr->iqdsz = d->cfg.desc_words;
	qdr->oqdsz = d->cfg.desc_words;
	qdr->qiba = be64_of(guest_addr(d, GUEST_AT_QIB));
	put_qib(d);
	for (unsigned i = 0; i < n; i++) {
		put_desc(d, qdr, i, i && cq ? i + 1 : i);
		put_slib(d, i, i == 0 ? (cq ? GUEST_CQ : 0) : i == n - 1 ? i : i + 1);
	}
	if (cq) {
		put_desc(d, qdr, GUEST_CQ, 1);
		put_slib(d, GUEST_CQ, GUEST_CQ);
	}
	memset(guest_host(d, GUEST_AT_SLSB), 0, GUEST_QUEUES_MAX * 256u);
	memset(guest_host(d, GUEST_AT_DSCI), CANARY, GUEST_PAGE);
	atomic_store(guest_dsci(d), 0);
	*(uint8_t *)guest_host(d, GUEST_AT_LSI) = 0;
	rx_init(d);
	for (unsigned q = 0; q < d->cfg.out_queues; q++)
		tx_init(d, q);
}

void guest_queues_check_eq(struct guest_dev *d)
{
	const uint8_t *slsb = guest_host(d, GUEST_AT_SLSB);
	struct qdio_qib before, after;

	memcpy(&after, guest_host(d, GUEST_AT_QIB), sizeof(after));
	put_qib(d);
	memcpy(&before, guest_host(d, GUEST_AT_QIB), sizeof(before));
	before.ac = after.ac;
	if (!(after.ac & QDIO_QIB_AC_PCI) || memcmp(&before, &after, sizeof(after)) != 0)
		guest_violate(d, GUEST_VIOLATION_EQ_QIB);
	for (unsigned i = 0; i < GUEST_QUEUES_MAX * 256u; i++)
		if (slsb[i]) {
			guest_violate(d, GUEST_VIOLATION_EQ_SLSB);
			break;
		}
}

void guest_queues_states(struct guest_dev *d)
{
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		atomic_store_explicit(&d->rx.slsb[i], QDIO_IN_NOTINIT, memory_order_relaxed);
	for (unsigned q = 0; q < d->cfg.out_queues; q++)
		for (unsigned i = 0; i < QDIO_BUFFERS; i++)
			atomic_store_explicit(&d->tx[q].slsb[i], QDIO_OUT_NOTINIT,
					      memory_order_relaxed);
	/* All of them before AQ lets the adapter look. */
	atomic_thread_fence(memory_order_seq_cst);
}

#define SIGA_PATIENCE_S 10 /* with a busy one, as a driver has */
#define SIGA_TRIES 1024u   /* at once: whoever makes it busy may wait for this processor */

/* A few more tries of a busy one? */
static bool patient(unsigned tries, time_t *until)
{
	struct timespec now;

	if ((tries + 1) % SIGA_TRIES)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!*until)
		*until = now.tv_sec + SIGA_PATIENCE_S;
	sched_yield();
	return now.tv_sec < *until;
}

static int siga(struct guest_dev *d, enum qdio_siga_fc fc, unsigned q, uint64_t gr3)
{
	uint64_t gr0 = fc;
	time_t until = 0;
	int rc = 0;

	for (unsigned tries = 0; patient(tries, &until); tries++) {
		gr0 = fc;
		rc = d->m.ops->siga(d->m.ctx, &gr0, QDIO_SCHID(d->m.subchannel[2]),
				    QDIO_SIGA_QUEUE(q), gr3);
		if (rc != 2 || !(gr0 & QDIO_SIGA_BUSY))
			break;
		d->stats.tx_busy++; /* nothing was done: spec/qdio.md 6.4 */
	}
	/* HiperSockets: not all were delivered, which the states tell. */
	if (rc == 2 && d->cfg.iqd && fc != QDIO_SIGA_R && !(gr0 & QDIO_SIGA_BUSY))
		return 0;
	if (rc == 0 && !(gr0 & QDIO_SIGA_BUSY))
		return 0;
	if (rc < 0 && rc > GUEST_PGM(0)) {
		d->events |= GUEST_EV_LOST;
		return rc;
	}
	if (rc != 1) /* busy, invalid subchannel, program interruption: never from ours */
		guest_violate(d, GUEST_VIOLATION_SIGA);
	d->events |= GUEST_EV_RECOVER;
	return -EIO;
}

int guest_siga(struct guest_dev *d, enum qdio_siga_fc fc, unsigned q)
{
	return siga(d, fc, q, 0);
}

int guest_siga_aob(struct guest_dev *d, unsigned q, uint64_t aob)
{
	return siga(d, QDIO_SIGA_WQ, q, aob);
}

static void check_indicators(struct guest_dev *d)
{
	const uint8_t *page = guest_host(d, GUEST_AT_DSCI);
	const unsigned dsci = 0, lsi = GUEST_AT_LSI - GUEST_AT_DSCI;

	for (unsigned i = 1; i < 16; i++)
		if (page[dsci + i] != CANARY || page[lsi + i] != CANARY) {
			guest_violate(d, GUEST_VIOLATION_INDICATOR);
			return;
		}
}

bool guest_irq_ack(struct guest_dev *d)
{
	unsigned pending = d->m.ops->take_pending(d->m.ctx);
	bool work = pending & GUEST_PENDING_PCI;

	if (pending & GUEST_PENDING_AIRQ) {
		/*
		 * One byte, as the adapter stores one. Acquire: what was stored before the
		 * indicator is visible to the look at the states that follows.
		 */
		if (d->info.thin &&
		    atomic_exchange_explicit(guest_dsci(d), 0, memory_order_seq_cst))
			work = true;
		if (d->cfg.check_all)
			check_indicators(d);
	}
	d->stats.interrupts += work;
	return work;
}
