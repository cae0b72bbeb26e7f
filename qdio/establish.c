/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue set: made by ESTABLISH QUEUES out of the control blocks in storage, handed to the
 * control unit by ACTIVATE QUEUES, ended by halt, clear, reset or a fatal error.
 *
 * Source: spec/qdio.md 2.4, 2.5, 3, 11.2. The QDR is fetched once; everything in
 * it is checked before the group changes, so that a refused set leaves the old one alone. Wrong
 * contents are a command reject, addresses outside storage a program check.
 */
#include "qdio/qdio_priv.h"

#define QDR_DESC_WORDS 8
/* Alignment of the control blocks: 3. */
#define SLIB_ALIGN sizeof(struct qdio_slib)
#define SL_ALIGN 1024u
#define SLSB_ALIGN 256u

static bool aligned(uint64_t addr, size_t size)
{
	return addr % size == 0;
}

static struct qdio_outcome bad_address(void)
{
	return (struct qdio_outcome){.dstat = QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END,
				     .sstat = QDIO_SSTAT_PROGRAM_CHECK};
}

static bool failed(const struct qdio_outcome *o)
{
	return o->sstat || o->dstat & QDIO_DSTAT_UNIT_CHECK;
}

/* ---- the QDR ----------------------------------------------------------------------------- */

static unsigned input_queues_max(const struct qdio_group_config *cfg)
{
	bool cq = cfg->qfmt == QDIO_FORMAT_IQD && cfg->qdioac3 & QDIO_AC3_CQ;

	return cq ? QDIO_IN_QUEUES_MAX : 1;
}

/* Counts, sizes and format: 2.4 step 1. @len: bytes that the CCWs gave. */
static bool qdr_valid(const struct qdio_group *g, const struct qdio_qdr *qdr, uint32_t len)
{
	uint32_t words = (uint32_t)qdr->iqdcnt * qdr->iqdsz + (uint32_t)qdr->oqdcnt * qdr->oqdsz;

	if (qdr->qfmt != g->cfg.qfmt)
		return false;
	if (!qdr->iqdcnt || qdr->iqdcnt > input_queues_max(&g->cfg))
		return false;
	if (!qdr->oqdcnt || qdr->oqdcnt > g->cfg.out_queues)
		return false;
	if (qdr->iqdsz < QDR_DESC_WORDS || qdr->oqdsz < QDR_DESC_WORDS)
		return false;
	if (len > QDIO_QDR_BYTES)
		len = QDIO_QDR_BYTES;
	return len >= QDIO_QDR_DESC + 4 * words &&
	       aligned(be64_get(qdr->qiba), sizeof(struct qdio_qib));
}

/* Descriptor i; inputs stand first, each as long as the QDR says: 3.1. */
static struct qdio_qdesc descriptor(const struct qdio_qdr *qdr, unsigned i)
{
	unsigned n_in = i < qdr->iqdcnt ? i : qdr->iqdcnt;
	size_t at =
		QDIO_QDR_DESC + 4 * ((size_t)n_in * qdr->iqdsz + (size_t)(i - n_in) * qdr->oqdsz);
	struct qdio_qdesc desc;

	memcpy(&desc, (const uint8_t *)qdr + at, sizeof(desc));
	return desc;
}

/* ---- queues -------------------------------------------------------------------------------- */

/*
 * The SBALs the SL names. One that cannot be used stays NULL: its buffer ends with an error when
 * its turn comes (11.4).
 */
static void map_sbals(struct qdio_queue *q, const uint8_t sl[QDIO_SL_BYTES])
{
	for (unsigned i = 0; i < QDIO_BUFFERS; i++) {
		uint64_t addr = be64_load(sl + (size_t)i * 8);
		void *sbal = NULL;

		if (aligned(addr, QDIO_SBAL_BYTES))
			sbal = qdio_storage_map(q->st, addr, QDIO_SBAL_BYTES, q->data_key,
						QDIO_STORE);
		/* A callback may return anything; SBALEs are loaded as doublewords. */
		if ((uintptr_t)sbal % sizeof(struct qdio_sbale))
			sbal = NULL;
		q->sbal[i] = sbal;
	}
}

static struct qdio_outcome make_queue(const struct qdio_storage *st, struct qdio_queue *q,
				      const struct qdio_qdesc *desc)
{
	uint64_t slib = be64_get(desc->sliba), sl = be64_get(desc->sla);
	uint64_t slsb = be64_get(desc->slsba);
	uint8_t entries[QDIO_SL_BYTES];

	if (!aligned(slib, SLIB_ALIGN) || !aligned(sl, SL_ALIGN) || !aligned(slsb, SLSB_ALIGN))
		return qdio_outcome_reject();
	q->st = st;
	q->data_key = desc->key_sbal_slsb >> 4;
	if (!qdio_storage_map(st, slib, sizeof(struct qdio_slib), desc->key_slib_sl >> 4,
			      QDIO_FETCH))
		return bad_address();
	if (qdio_storage_fetch(st, entries, sl, sizeof(entries), desc->key_slib_sl & 0x0F))
		return bad_address();
	q->slsb =
		qdio_storage_map(st, slsb, QDIO_SLSB_BYTES, desc->key_sbal_slsb & 0x0F, QDIO_STORE);
	if (!q->slsb)
		return bad_address();
	map_sbals(q, entries);
	return qdio_outcome_ok();
}

static struct qdio_outcome make_queues(const struct qdio_group *g, const struct qdio_qdr *qdr,
				       struct qdio_queues *qs)
{
	qs->n_in = qdr->iqdcnt;
	qs->n_out = qdr->oqdcnt;
	for (unsigned i = 0; i < qs->n_in + qs->n_out; i++) {
		bool input = i < qs->n_in;
		struct qdio_queue *q = input ? &qs->in[i] : &qs->out[i - qs->n_in];
		struct qdio_qdesc desc = descriptor(qdr, i);
		struct qdio_outcome out;

		q->input = input;
		q->nr = (uint8_t)(input ? i : i - qs->n_in);
		out = make_queue(&g->st, q, &desc);
		if (failed(&out))
			return out;
	}
	return qdio_outcome_ok();
}

/* ---- the commands -----------------------------------------------------------------------------
 */

static void install(struct qdio_group *g, unsigned dev, const struct qdio_queues *qs, bool qebsm)
{
	pthread_mutex_lock(&g->queue_lock);
	g->queues = *qs;
	for (unsigned i = 0; i < qs->n_in; i++)
		g->queues.in[i].always = qebsm && g->cfg.qebsm_elsewhere;
	atomic_store_explicit(&g->data_dev, dev, memory_order_relaxed);
	atomic_store_explicit(&g->qebsm_on, qebsm, memory_order_relaxed);
	/* Release: who sees the state sees the set. */
	atomic_store_explicit(&g->state, QDIO_ESTABLISHED, memory_order_release);
	pthread_mutex_unlock(&g->queue_lock);
}

struct qdio_outcome qdio_establish(struct qdio_group *g, unsigned dev)
{
	const struct qdio_device *d = &g->dev[dev];
	struct qdio_queues qs = {0};
	struct qdio_outcome out;
	struct qdio_qdr qdr;
	struct qdio_qib *qib;

	memcpy(&qdr, d->buf, sizeof(qdr));
	/* Queues active on another device of the group, or a QDR of the 31-bit layout. */
	if (qdio_state(g) == QDIO_ACTIVE || !d->program.idaw64)
		return qdio_outcome_reject();
	if (!(d->cmd.seg[0].flags & QDIO_CCW_IDA) && !aligned(d->cmd.seg[0].addr, QDIO_QDR_BYTES))
		return qdio_outcome_reject();
	if (!qdr_valid(g, &qdr, d->cmd.total))
		return qdio_outcome_reject();
	qib = qdio_storage_map(&g->st, be64_get(qdr.qiba), sizeof(*qib), qdr.qkey >> 4, QDIO_STORE);
	if (!qib)
		return bad_address();
	memcpy(qs.qib_parm, qib->parm, sizeof(qs.qib_parm));
	out = make_queues(g, &qdr, &qs);
	if (failed(&out))
		return out;
	install(g, dev, &qs, g->cfg.qebsm && qib->rflags & QDIO_QIB_RFLAG_QEBSM);
	qib->ac |= QDIO_QIB_AC_PCI;
	return out;
}

static uint32_t siga_mask(unsigned n)
{
	return n ? ~(UINT32_MAX >> n) : 0;
}

struct qdio_outcome qdio_activate(struct qdio_group *g, unsigned dev)
{
	if (qdio_state(g) != QDIO_ESTABLISHED || atomic_load(&g->data_dev) != dev)
		return qdio_outcome_reject();
	atomic_store_explicit(&g->in_mask, siga_mask(g->queues.n_in), memory_order_relaxed);
	atomic_store_explicit(&g->out_mask, siga_mask(g->queues.n_out), memory_order_relaxed);
	/*
	 * Before the call, because the worker may signal before it returns. Release: SIGA, which
	 * sees the state, sees the masks.
	 */
	atomic_store_explicit(&g->state, QDIO_ACTIVE, memory_order_release);
	if (g->cu_ops->activate(g->cu, dev, &g->queues)) {
		atomic_store_explicit(&g->state, QDIO_ESTABLISHED, memory_order_release);
		return qdio_outcome_reject();
	}
	return (struct qdio_outcome){.held = true};
}

void qdio_queues_end(struct qdio_group *g, enum qdio_queue_state next)
{
	enum qdio_queue_state old = qdio_state(g);

	/* Under the lock: afterwards no signal of the old set stores or interrupts (11.3 step 4).
	 */
	pthread_mutex_lock(&g->signal_lock);
	atomic_store_explicit(&g->state, (int)next, memory_order_release);
	pthread_mutex_unlock(&g->signal_lock);
	if (old == QDIO_ACTIVE)
		g->cu_ops->deactivate(g->cu, atomic_load(&g->data_dev));
	if (old != QDIO_ACTIVE && old != QDIO_ESTABLISHED)
		return;
	pthread_mutex_lock(&g->queue_lock);
	memset(&g->queues, 0, sizeof(g->queues));
	atomic_store(&g->qebsm_on, false);
	pthread_mutex_unlock(&g->queue_lock);
	atomic_store(&g->in_mask, 0);
	atomic_store(&g->out_mask, 0);
}
