/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three subchannels: START, HALT, CLEAR and MODIFY SUBCHANNEL and the statuses they end with.
 *
 * A program runs inside START until it ends, or until a command stays open: READ without a
 * message, which qdio_group_readable goes on with, and ACTIVATE QUEUES, which only halt,
 * clear, reset or qdio_group_broken end. Every START ends with one interruption unless one of
 * those took it; every HALT and CLEAR ends with exactly one, idle or not (spec/qdio.md 11.3).
 *
 * Condition code 1 (status pending) is the owner's, which knows what TEST SUBCHANNEL has fetched.
 */
#include "qdio/qdio_priv.h"

#define ORB_TO_SCSW (QDIO_ORB_KEY_MASK | QDIO_ORB_FORMAT1 | QDIO_ORB_PREFETCH)
#define ENDING (QDIO_SCSW_SC_PRIMARY | QDIO_SCSW_SC_SECONDARY | QDIO_SCSW_SC_PENDING)

/* ---- statuses -------------------------------------------------------------------------------- */

/* End the channel program of a device. Nothing of it may be used after the interruption. */
static void end_program(struct qdio_group *g, unsigned dev, const struct qdio_outcome *out)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_irb irb = {.parm = d->parm};
	uint32_t w0 = (d->orb_ctl & ORB_TO_SCSW) | QDIO_SCSW_FC_START | ENDING;

	if (out->sstat || out->dstat & QDIO_DSTAT_UNIT_CHECK)
		w0 |= QDIO_SCSW_SC_ALERT;
	if (out->dstat & QDIO_DSTAT_UNIT_CHECK) {
		memset(d->sense, 0, sizeof(d->sense));
		d->sense[0] = out->sense0;
		memcpy(irb.sense, d->sense, sizeof(irb.sense));
	}
	irb.scsw = (struct qdio_scsw){
		.w0 = be32_of(w0),
		.cpa = be32_of(d->cpa),
		.dstat = out->dstat,
		.sstat = out->sstat,
		.count = be16_of(out->residual),
	};
	d->busy = QDIO_NOT_BUSY;
	g->env_ops->interrupt(g->env, dev, &irb);
}

/* The interruption that ends HALT and CLEAR: 11.3. */
static void end_function(struct qdio_group *g, unsigned dev, enum qdio_reset why, bool was_busy)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_irb irb = {.parm = d->parm};
	uint32_t w0;

	if (why == QDIO_RESET_CLEAR) {
		w0 = QDIO_SCSW_FC_CLEAR | QDIO_SCSW_SC_PENDING;
	} else if (!was_busy) {
		w0 = QDIO_SCSW_FC_HALT | QDIO_SCSW_SC_PENDING;
	} else {
		w0 = (d->orb_ctl & ORB_TO_SCSW) | QDIO_SCSW_FC_START | QDIO_SCSW_FC_HALT | ENDING;
		irb.scsw.dstat = QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END;
		irb.scsw.cpa = be32_of(d->cpa);
	}
	irb.scsw.w0 = be32_of(w0);
	g->env_ops->interrupt(g->env, dev, &irb);
}

/* ---- running programs -------------------------------------------------------------------------
 */

static bool chain_goes_on(const struct qdio_device *d, const struct qdio_outcome *out)
{
	return d->cmd.flags & QDIO_CCW_CC && !out->sstat && !(out->dstat & QDIO_DSTAT_UNIT_CHECK);
}

/* Execute the current command. Return: true if the program is over or waits. */
static bool step(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out;

	d->busy = QDIO_RUNNING;
	out = qdio_command_execute(g, dev);
	if (out.held) {
		d->busy = d->cmd.ccw.cmd == QDIO_CCW_AQ ? QDIO_HELD_AQ : QDIO_HELD_READ;
		return true;
	}
	if (!chain_goes_on(d, &out)) {
		end_program(g, dev, &out);
		return true;
	}
	d->program.last_cmd = d->cmd.ccw.cmd;
	return false;
}

/* Fetch and execute commands until the program is over or waits. */
static void run(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];

	do {
		uint8_t sstat = qdio_program_next(&d->program, &g->st, &d->cmd);

		d->cpa = d->program.next;
		if (sstat) {
			/* Without a command the device was not selected and has no status. */
			struct qdio_outcome out = {.sstat = sstat};

			if (d->program.last_cmd)
				out.dstat = QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END;
			end_program(g, dev, &out);
			return;
		}
	} while (!step(g, dev));
}

void qdio_group_readable(struct qdio_group *g, unsigned dev)
{
	assert(dev < QDIO_DEVICES);
	if (g->dev[dev].busy == QDIO_HELD_READ && !step(g, dev))
		run(g, dev);
}

void qdio_group_broken(struct qdio_group *g)
{
	unsigned dev = atomic_load(&g->data_dev);
	struct qdio_outcome out = qdio_outcome_check(QDIO_SENSE0_EQUIPMENT_CHECK);

	if (qdio_state(g) != QDIO_ACTIVE)
		return;
	qdio_queues_end(g, QDIO_BROKEN);
	end_program(g, dev, &out);
}

/* ---- instructions -------------------------------------------------------------------------------
 */

static bool operational(const struct qdio_group *g, unsigned dev)
{
	return dev < QDIO_DEVICES && atomic_load(&g->dev[dev].enabled);
}

int qdio_msch(struct qdio_group *g, unsigned dev, bool enabled, unsigned isc)
{
	if (dev >= QDIO_DEVICES)
		return 3;
	if (g->dev[dev].busy != QDIO_NOT_BUSY)
		return 2;
	g->dev[dev].isc = isc & 7;
	atomic_store(&g->dev[dev].enabled, enabled);
	return 0;
}

int qdio_ssch(struct qdio_group *g, unsigned dev, const struct qdio_orb *orb)
{
	struct qdio_device *d;

	if (!operational(g, dev))
		return 3;
	d = &g->dev[dev];
	if (d->busy != QDIO_NOT_BUSY)
		return 2;
	d->busy = QDIO_RUNNING;
	d->parm = be32_get(orb->parm);
	d->orb_ctl = be32_get(orb->ctl);
	qdio_program_start(&d->program, orb);
	run(g, dev);
	return 0;
}

int qdio_execute(struct qdio_group *g, unsigned dev, const struct qdio_single *single)
{
	struct qdio_device *d;

	if (!operational(g, dev))
		return 3;
	d = &g->dev[dev];
	if (d->busy != QDIO_NOT_BUSY)
		return 2;
	d->parm = 0;
	d->orb_ctl = 0;
	d->cpa = 0;
	d->program = (struct qdio_program){
		.key = single->key,
		.idaw64 = single->idaw64,
		.last_cmd = single->last_cmd,
	};
	d->cmd.ccw = (struct qdio_ccw1){.cmd = single->cmd, .count = be16_of(single->count)};
	d->cmd.flags = 0;
	d->cmd.n = 1;
	d->cmd.seg[0] = (struct qdio_segment){.count = single->count};
	d->cmd.total = single->count;
	d->cmd.data = single->data;
	step(g, dev); /* does not chain: one step is all */
	return 0;
}

/* Whatever the device does ends; queues too if it is the one that has them. */
static void stop(struct qdio_group *g, unsigned dev, enum qdio_reset why)
{
	struct qdio_device *d = &g->dev[dev];

	if (dev == atomic_load(&g->data_dev))
		qdio_queues_end(g, QDIO_IDLE);
	d->busy = QDIO_NOT_BUSY;
	memset(d->sense, 0, sizeof(d->sense));
	g->cu_ops->reset(g->cu, dev, why);
}

static int halt_or_clear(struct qdio_group *g, unsigned dev, enum qdio_reset why)
{
	bool was_busy;

	if (!operational(g, dev))
		return 3;
	was_busy = g->dev[dev].busy != QDIO_NOT_BUSY;
	stop(g, dev, why);
	end_function(g, dev, why, was_busy);
	return 0;
}

int qdio_hsch(struct qdio_group *g, unsigned dev)
{
	return halt_or_clear(g, dev, QDIO_RESET_HALT);
}

int qdio_csch(struct qdio_group *g, unsigned dev)
{
	return halt_or_clear(g, dev, QDIO_RESET_CLEAR);
}

void qdio_system_reset(struct qdio_group *g)
{
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++) {
		stop(g, dev, QDIO_RESET_SYSTEM);
		atomic_store(&g->dev[dev].enabled, false);
		g->dev[dev].isc = 0;
	}
	qdio_indicators_drop(g);
}
