/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGNAL ADAPTER. Source: spec/qdio.md 6.
 *
 * An OSD adapter transmits asynchronously: SIGA only wakes the worker. The queue mask is an
 * event and selects nothing (6.2). SIGA-r has nothing to do, as frames without a buffer were
 * dropped when they came; wm and wq are "not provided", condition code 3. A control unit with a
 * siga operation (HiperSockets) gets them all but -s, which is -w and -r to it.
 *
 * Lock-free (see struct qdio_group): the state is loaded with acquire order before the masks.
 */
#include "qdio/qdio_priv.h"

#define FC_MASK 0x7Fu
#define SCHID_FIXED 0xFFF90000u /* of the subsystem-identification word: all but set and number */
#define SCHID_SET 0x00060000u

/* Which device GR1 names. Return: its index, QDIO_DEVICES if none, or a program interruption. */
static int device_of_schid(const struct qdio_group *g, uint32_t schid)
{
	if ((schid & SCHID_FIXED) != QDIO_SCHID(0))
		return -QDIO_PGM_OPERAND;
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		if (schid == QDIO_SCHID(g->cfg.subchannel[dev]))
			return (int)dev;
	return QDIO_DEVICES; /* another subchannel, or another set */
}

static int device_of(const struct qdio_group *g, bool token, uint64_t gr1)
{
	int dev;

	if (token)
		return gr1 == qdio_token(g) ? (int)atomic_load(&g->data_dev) : QDIO_DEVICES;
	dev = device_of_schid(g, (uint32_t)gr1);
	/* A subchannel that runs with QEBSM is named by its token only (6.4). */
	if (dev >= 0 && dev == (int)atomic_load(&g->data_dev) && atomic_load(&g->qebsm_on))
		return -QDIO_PGM_OPERAND;
	return dev;
}

static int signal_output(const struct qdio_group *g, uint32_t queues)
{
	if (queues & atomic_load_explicit(&g->out_mask, memory_order_relaxed)) {
		/* 12 row 7: what the guest stored before is visible to the worker. */
		atomic_thread_fence(memory_order_seq_cst);
		g->env_ops->kick(g->env);
	}
	return 0;
}

/* Functions that are the control unit's own, as HiperSockets' are. */
static int signal_unit(const struct qdio_group *g, enum qdio_siga_fc fc, uint32_t queues,
		       uint64_t aob, bool *busy)
{
	bool input = fc == QDIO_SIGA_R;
	struct qdio_signal s = {.fc = fc, .aob = aob};

	s.queues = queues &
		   atomic_load_explicit(input ? &g->in_mask : &g->out_mask, memory_order_relaxed);
	if (!s.queues)
		return 0;
	atomic_thread_fence(memory_order_seq_cst); /* 12 row 7, as below */
	return g->cu_ops->siga(g->cu, &s, busy);
}

static int execute_unit(const struct qdio_group *g, unsigned fc, uint32_t gr2, uint64_t gr3,
			bool *busy)
{
	switch (fc) {
	case QDIO_SIGA_S:
		signal_unit(g, QDIO_SIGA_R, (uint32_t)gr3, 0, busy);
		return signal_unit(g, QDIO_SIGA_W, gr2, 0, busy);
	case QDIO_SIGA_WQ:
		if (gr3 % QDIO_AOB_BYTES)
			return -QDIO_PGM_SPECIFICATION;
		return signal_unit(g, QDIO_SIGA_WQ, gr2, gr3, busy);
	default:
		return signal_unit(g, (enum qdio_siga_fc)fc, gr2, 0, busy);
	}
}

static int execute(const struct qdio_group *g, unsigned fc, uint32_t gr2)
{
	switch (fc) {
	case QDIO_SIGA_W:
		return signal_output(g, gr2);
	case QDIO_SIGA_R:
		return 0;
	case QDIO_SIGA_S:
		/* The states are shared: nothing to copy. For safety as w and r (6.5). */
		atomic_thread_fence(memory_order_seq_cst);
		return signal_output(g, gr2);
	default:
		return 3;
	}
}

int qdio_siga(struct qdio_group *g, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3)
{
	uint32_t function = (uint32_t)*gr0;
	unsigned fc = function & FC_MASK;
	bool busy = false;
	int dev, cc;

	if (function & ~(FC_MASK | QDIO_SIGA_TOKEN) || fc > QDIO_SIGA_WQ)
		return -QDIO_PGM_SPECIFICATION;
	dev = device_of(g, function & QDIO_SIGA_TOKEN, gr1);
	if (dev < 0)
		return dev;
	/* Not busy: the guest takes any bit from the busy bit up for it (6.1). */
	if (fc != QDIO_SIGA_R && fc != QDIO_SIGA_S)
		*gr0 = function;
	if (dev >= QDIO_DEVICES || !atomic_load(&g->dev[dev].enabled))
		return 3;
	if (qdio_state(g) != QDIO_ACTIVE || dev != (int)atomic_load(&g->data_dev))
		return 1;
	if (!g->cu_ops->siga)
		return execute(g, fc, (uint32_t)gr2);
	cc = execute_unit(g, fc, (uint32_t)gr2, gr3, &busy);
	if (busy)
		*gr0 = function | QDIO_SIGA_BUSY;
	return cc;
}
