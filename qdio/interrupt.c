/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals to the guest: classic PCI, or indicators and an adapter interruption.
 *
 * Source: spec/qdio.md 9, order of 12 rows 3, 8, 10. The worker signals while the control
 * thread registers indicators or ends the queues, so both sides take signal_lock: once
 * a reset request has been answered or queues have ended, no byte of an older signal is stored any
 * more. The adapter interruption itself is raised behind the lock, because one without
 * an indicator is harmless; a PCI after the end of the queues is not (11.3 step 3), so it is
 * raised inside.
 */
#include "qdio/qdio_priv.h"

#define INDICATOR_ON 1

/* Store one byte and nothing beside it: the neighbours of a DSCI are the guest's (9.3). */
static void indicate(const struct qdio_group *g, uint64_t addr, uint8_t key)
{
	/* Mapped each time: with a callback this also sets the change bit. */
	_Atomic uint8_t *byte = qdio_storage_map(&g->st, addr, 1, key, QDIO_STORE);

	if (byte)
		atomic_store_explicit(byte, INDICATOR_ON, memory_order_release);
}

void qdio_group_signal(struct qdio_group *g)
{
	struct qdio_indicators ind;
	bool active;

	if (g->env_ops->later && g->env_ops->later(g->env))
		return;
	pthread_mutex_lock(&g->signal_lock);
	ind = g->ind;
	active = qdio_state(g) == QDIO_ACTIVE;
	if (active && ind.summary) {
		/* Row 3: release stores put the SLSB before the DSCI before the LSI. */
		indicate(g, ind.dsci, ind.dsci_key);
		indicate(g, ind.summary, ind.summary_key);
	} else if (active && g->cfg.qfmt != QDIO_FORMAT_IQD) {
		g->env_ops->pci(g->env, atomic_load(&g->data_dev));
	}
	pthread_mutex_unlock(&g->signal_lock);
	if (active && ind.summary)
		g->env_ops->adapter_interrupt(g->env, ind.isc);
}

void qdio_group_pci_status(const struct qdio_group *g, struct qdio_irb *irb)
{
	const struct qdio_device *d = &g->dev[atomic_load(&g->data_dev)];

	*irb = (struct qdio_irb){
		.parm = d->parm,
		.scsw =
			{
				.w0 = be32_of(QDIO_SCSW_FMT1 | QDIO_SCSW_QDIO_ACTIVE |
					      QDIO_SCSW_FC_START | QDIO_SCSW_AC_SUBCH_ACTIVE |
					      QDIO_SCSW_AC_DEVICE_ACTIVE |
					      QDIO_SCSW_SC_INTERMEDIATE | QDIO_SCSW_SC_PENDING),
				.cpa = be32_of(d->cpa),
				.sstat = QDIO_SSTAT_PCI,
			},
	};
}

static void indicators_store(struct qdio_group *g, const struct qdio_indicators *ind)
{
	pthread_mutex_lock(&g->signal_lock);
	g->ind = *ind;
	pthread_mutex_unlock(&g->signal_lock);
	atomic_store(&g->thinint, ind->summary != 0);
}

uint16_t qdio_indicators_set(struct qdio_group *g, const struct qdio_indicators *ind)
{
	if (!g->cfg.thin_interrupts && g->cfg.qfmt != QDIO_FORMAT_IQD)
		return QDIO_CHSC_NOT_PROVIDED;
	if (!ind->summary != !ind->dsci)
		return QDIO_CHSC_INVALID_REQUEST;
	if (ind->summary &&
	    (!qdio_storage_map(&g->st, ind->summary, 1, ind->summary_key, QDIO_STORE) ||
	     !qdio_storage_map(&g->st, ind->dsci, 1, ind->dsci_key, QDIO_STORE)))
		return QDIO_CHSC_INVALID_REQUEST;
	indicators_store(g, ind);
	return QDIO_CHSC_OK;
}

void qdio_indicators_drop(struct qdio_group *g)
{
	indicators_store(g, &(struct qdio_indicators){0});
}

bool qdio_group_thinint(const struct qdio_group *g)
{
	return atomic_load(&g->thinint);
}

void qdio_group_kick(struct qdio_group *g)
{
	g->env_ops->kick(g->env);
}
