/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QDIO, the device side: a group of three subchannels. Theory of operation.
 *
 * Goal: what an unmodified driver needs between its channel programs and its queues, without
 * knowing what a frame or a control message is. Above stands the owner (qdio_env_ops: a daemon's
 * channel socket or an emulator), below the control unit (qdio_cu_ops: an adapter).
 *
 * Flow of control. START (subchannel.c) fetches CCWs (ccw.c) and executes their commands
 * (command.c): WRITE and READ are the control unit's dialogue; ESTABLISH and ACTIVATE QUEUES
 * (establish.c) turn control blocks in storage into a struct qdio_queues and lend it to the
 * control unit, whose worker then uses the functions of queue.c until deactivate. CHSC (chsc.c)
 * describes the group to the guest and registers indicators. SIGA (siga.c) wakes the
 * worker; the worker signals the guest (interrupt.c).
 *
 * States (spec/qdio.md 11.2): IDLE -> EQ -> ESTABLISHED -> AQ -> ACTIVE -> halt, clear -> IDLE;
 * ACTIVE -> qdio_group_broken -> BROKEN, which is IDLE but for its name. ACTIVATE QUEUES does not
 * end, so its subchannel is busy while the queues are active.
 *
 * Threads. One control thread at a time runs everything but: SIGA (any thread, lock-free),
 * SQBS/EQBS (any thread, queue_lock), the queue functions and qdio_group_signal (the worker;
 * signal_lock). No lock is held while the control unit is called, and no two at a time.
 *
 * Trust. Everything in storage is the guest's and may change at any moment: it is fetched
 * once into our memory, checked, then used. Walks are bounded (QDIO_CCWS_MAX). A bad program costs
 * the guest that program, a bad queue set the queues, a bad SBAL that buffer.
 */
#include <errno.h>
#include <stdlib.h>

#include "qdio/qdio_priv.h"

static bool config_valid(const struct qdio_group_config *cfg)
{
	if (!cfg->out_queues || cfg->out_queues > QDIO_OUT_QUEUES_MAX)
		return false;
	if (cfg->qfmt != QDIO_FORMAT_OSD && cfg->qfmt != QDIO_FORMAT_IQD)
		return false;
	for (unsigned i = 0; i < QDIO_DEVICES; i++)
		for (unsigned j = 0; j < i; j++)
			if (cfg->subchannel[i] == cfg->subchannel[j] ||
			    cfg->devno[i] == cfg->devno[j])
				return false;
	return true;
}

static bool ops_valid(const struct qdio_env_ops *env, const struct qdio_cu_ops *cu)
{
	return env && env->interrupt && env->pci && env->adapter_interrupt && env->kick && cu &&
	       cu->write && cu->read && cu->activate && cu->deactivate && cu->reset;
}

struct qdio_group *qdio_group_create(const struct qdio_group_config *cfg,
				     const struct qdio_env_ops *env_ops, void *env,
				     const struct qdio_cu_ops *cu_ops, void *cu)
{
	struct qdio_group *g;

	if (!config_valid(cfg) || !ops_valid(env_ops, cu_ops)) {
		errno = EINVAL;
		return NULL;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->cfg = *cfg;
	g->env_ops = env_ops;
	g->env = env;
	g->cu_ops = cu_ops;
	g->cu = cu;
	atomic_store(&g->data_dev, QDIO_DEVICES - 1); /* until an EQ says otherwise */
	/* With default attributes these cannot fail on Linux. */
	pthread_mutex_init(&g->signal_lock, NULL);
	pthread_mutex_init(&g->queue_lock, NULL);
	return g;
}

void qdio_group_destroy(struct qdio_group *g)
{
	if (!g)
		return;
	qdio_system_reset(g);
	pthread_mutex_destroy(&g->signal_lock);
	pthread_mutex_destroy(&g->queue_lock);
	free(g);
}

int qdio_group_set_storage(struct qdio_group *g, const struct qdio_storage *st)
{
	enum qdio_queue_state state = qdio_state(g);

	if (qdio_storage_check(st))
		return -EINVAL;
	if (state == QDIO_ESTABLISHED || state == QDIO_ACTIVE)
		return -EBUSY;
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		if (g->dev[dev].busy != QDIO_NOT_BUSY)
			return -EBUSY;
	qdio_indicators_drop(g);
	g->st = (struct qdio_storage){.n = st->n, .map = st->map, .ctx = st->ctx};
	memcpy(g->st.region, st->region, st->n * sizeof(st->region[0]));
	return 0;
}

const struct qdio_group_config *qdio_group_config(const struct qdio_group *g)
{
	return &g->cfg;
}

enum qdio_queue_state qdio_group_state(const struct qdio_group *g)
{
	return qdio_state(g);
}

const struct qdio_queues *qdio_group_queues(const struct qdio_group *g)
{
	return &g->queues;
}

void qdio_group_set_trace(struct qdio_group *g, qdio_trace_fn *fn, void *ctx)
{
	g->trace = fn;
	g->trace_ctx = ctx;
}
