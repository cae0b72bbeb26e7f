/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation.
 *
 * A QDIO network driver as an operating system has one, without the operating
 * system. Goal: do everything a real driver does, in its order, and check what a
 * real driver takes on trust, so that an adapter that satisfies this one and the
 * recorded bytes of Linux is right for the right reasons.
 *
 * Parts. subchannel.c runs channel programs and receives their interruptions;
 * chsc.c asks the channel subsystem; mpc.c carries messages; ipa.c, registry.c
 * and assist.c speak IPA; queues.c, tx.c and rx.c are the data path; this file is
 * the life of a device: bring-up, recovery, teardown. channel.c reaches a machine
 * over zland's channel socket.
 *
 * States.     created -> connected -> online -> (recover) -> online
 *                            ^                        |
 *                            +---- machine lost ------+
 * What was registered outlives all of them.
 *
 * Threads. One per device; nothing here locks. The other side of the queues runs
 * beside it, and every access that the two share is an atomic in tx.c or rx.c with
 * its order and its reason.
 *
 * Waiting. Control calls block in transport.wait; while they do, READs that end
 * are taken and posted again, so that replies may come in any order and events
 * are never lost. They are reported by the next guest_service.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest/guest_priv.h"

#define IDX_TRIES 4 /* spec/osa-qeth.md 2.6 */

/* ---- making ----------------------------------------------------------------------- */

static struct guest_config with_defaults(struct guest_config c)
{
	if (!c.pool)
		c.pool = QDIO_BUFFERS;
	if (!c.window)
		c.window = QDIO_BUFFERS;
	if (!c.refill)
		c.refill = c.pool / 4;
	if (!c.refill)
		c.refill = 1;
	if (!c.out_queues)
		c.out_queues = c.iqd ? QDIO_OUT_QUEUES_MAX : 1;
	c.completion = c.completion && c.iqd;
	if (!c.pci_at)
		c.pci_at = c.window / 2;
	if (!c.desc_words)
		c.desc_words = 8;
	return c;
}

static bool buffers_valid(unsigned n)
{
	return n >= 2 && n <= QDIO_BUFFERS && !(n & (n - 1));
}

size_t guest_dev_bytes(const struct guest_config *cfg)
{
	struct guest_config c = with_defaults(*cfg);

	return GUEST_AT_AREAS +
	       (c.pool + (size_t)c.out_queues * QDIO_BUFFERS + (c.completion ? GUEST_AOBS : 0)) *
		       GUEST_AREA_BYTES;
}

struct guest_dev *guest_dev_create(const struct guest_config *cfg, const struct guest_storage *st)
{
	struct guest_config c = with_defaults(*cfg);
	struct guest_dev *d;

	if (!buffers_valid(c.pool) || !buffers_valid(c.window) || c.refill >= c.pool ||
	    c.out_queues > QDIO_OUT_QUEUES_MAX || c.desc_words < 8 || c.desc_words > 64 ||
	    st->bytes < guest_dev_bytes(&c) || st->base % GUEST_PAGE ||
	    st->base + GUEST_AT_AREAS > UINT32_C(0x7FFFFFFF)) {
		errno = EINVAL;
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->cfg = c;
	d->st = *st;
	return d;
}

void guest_dev_destroy(struct guest_dev *d)
{
	free(d);
}

/* Forget one session: what the machine forgot as well. */
static void forget(struct guest_dev *d)
{
	struct guest_info keep = d->info;

	memset(&d->info, 0, sizeof(d->info));
	memcpy(d->info.mac, keep.mac, 6);
	d->reading = false;
	d->terminated = false;
	d->active = false;
	d->mpc_wait = false;
	d->th_seq = d->pdu_seq = d->pdu_ack = 0;
	d->ipa_seq = 0;
	d->events = 0;
	for (unsigned i = 0; i < GUEST_IPA_SLOTS; i++)
		d->ipa[i].used = false;
}

void guest_dev_connect(struct guest_dev *d, const struct guest_machine *m)
{
	forget(d);
	memset(d->sch, 0, sizeof(d->sch));
	d->m = *m;
	d->mac_stale = d->mac_read;
}

/* ---- bring-up ------------------------------------------------------------------------ */

/* Halts, then clears, where devices are enabled still: spec/osa-qeth.md 10.2 step 2. */
static int reset_devices(struct guest_dev *d)
{
	static const unsigned order_off[] = {2, 1, 0};
	int rc = 0;

	for (unsigned dev = 0; rc == 0 && dev < GUEST_DEVICES; dev++)
		if (d->sch[dev].enabled)
			rc = guest_sch_halt(d, dev);
	for (unsigned dev = 0; rc == 0 && dev < GUEST_DEVICES; dev++)
		if (d->sch[dev].enabled)
			rc = guest_sch_clear(d, dev);
	for (unsigned i = 0; rc == 0 && i < GUEST_DEVICES; i++)
		if (d->sch[order_off[i]].enabled)
			rc = guest_sch_enable(d, order_off[i], false);
	return rc;
}

static int enable_devices(struct guest_dev *d)
{
	int rc = 0;

	for (unsigned dev = 0; rc == 0 && dev < GUEST_DEVICES; dev++) {
		rc = guest_sch_enable(d, dev, true);
		if (rc == 0)
			rc = guest_sense_id(d, dev);
	}
	if (rc == 0)
		rc = guest_rcd(d);
	return rc;
}

static int channels(struct guest_dev *d)
{
	int rc = reset_devices(d);

	forget(d);
	if (rc == 0)
		rc = enable_devices(d);
	if (rc == 0)
		rc = guest_chsc_ssqd(d);
	if (rc == 0)
		rc = guest_idx(d, 0);
	if (rc == 0)
		rc = guest_idx(d, 1);
	return rc < 0 ? rc : guest_post_read(d);
}

static bool worth_a_retry(int rc)
{
	return rc == -EIO || rc == -ETIMEDOUT || rc == -EPROTO || rc == -EBUSY;
}

static bool want_thin(const struct guest_dev *d)
{
	switch (d->cfg.irq) {
	case GUEST_IRQ_THIN:
		return true;
	case GUEST_IRQ_CLASSIC:
		return false;
	default:
		return d->machine_thin || d->cfg.iqd; /* IQD always: spec/qdio.md 9.1 */
	}
}

static int establish(struct guest_dev *d)
{
	int rc;

	d->info.thin = want_thin(d);
	d->info.completion = d->cfg.completion && d->qdioac3 & QDIO_AC3_CQ;
	guest_queues_build(d);
	rc = d->info.thin ? guest_chsc_sadc(d, true) : 0;
	if (rc == 0)
		rc = guest_eq(d);
	if (rc < 0)
		return rc;
	guest_queues_check_eq(d);
	rc = guest_chsc_ssqd(d);
	if (rc < 0)
		return rc;
	guest_queues_states(d);
	guest_cq_start(d);
	return guest_aq(d);
}

static int set_up(struct guest_dev *d)
{
	int rc = guest_chsc_characteristics(d);

	if (rc == 0)
		rc = guest_chsc_path(d);
	for (unsigned i = 0; rc == 0 && i < IDX_TRIES; i++) {
		rc = channels(d);
		if (rc == 0 || i == IDX_TRIES - 1 || !worth_a_retry(rc))
			break;
		rc = 0;
	}
	if (rc == 0)
		rc = guest_mpc_bring_up(d);
	if (rc == 0)
		rc = establish(d);
	if (rc == 0)
		rc = guest_mpc_dm_act(d);
	if (rc == 0)
		rc = guest_ipa_bring_up(d);
	if (rc == 0)
		rc = guest_rx_start(d);
	if (rc == 0)
		rc = guest_register_all(d);
	return rc == 0 ? guest_assists(d) : rc;
}

int guest_online(struct guest_dev *d)
{
	int rc = set_up(d);

	if (rc == 0) {
		d->info.online = true;
		if (d->reg.promisc)
			guest_promisc(d, true); /* a refusal costs only the promiscuity */
		return 0;
	}
	if (d->events & GUEST_EV_REFUSED)
		return -EOPNOTSUPP;
	return rc;
}

/* ---- teardown -------------------------------------------------------------------------- */

int guest_offline(struct guest_dev *d)
{
	int rc = 0;

	d->info.online = false;
	d->info.carrier = false;
	if (d->sch[2].enabled)
		rc = guest_sch_clear(d, 2);
	if (rc == 0 && d->info.thin)
		rc = guest_chsc_sadc(d, false);
	for (unsigned dev = 0; rc == 0 && dev < GUEST_DEVICES; dev++)
		if (d->sch[dev].enabled)
			rc = guest_sch_clear(d, dev);
	for (unsigned i = 0; rc == 0 && i < GUEST_DEVICES; i++)
		if (d->sch[2 - i].enabled)
			rc = guest_sch_enable(d, 2 - i, false);
	return rc;
}

void guest_set_timeout(struct guest_dev *d, int ms)
{
	d->cfg.timeout_ms = ms;
}

int guest_recover(struct guest_dev *d)
{
	int rc = guest_offline(d);

	d->stats.recoveries++;
	return rc == -ENOTCONN ? rc : guest_online(d);
}

unsigned guest_service(struct guest_dev *d)
{
	unsigned events;

	if (guest_sch_poll(d) < 0)
		d->events |= GUEST_EV_LOST;
	events = d->events;
	d->events = 0;
	return events;
}

void guest_info(const struct guest_dev *d, struct guest_info *out)
{
	*out = d->info;
}

struct guest_stats *guest_dev_stats(struct guest_dev *d)
{
	return &d->stats;
}

const char *guest_violation_text(enum guest_violation v)
{
	static const char *const text[] = {
#define X(id, words) words,
		GUEST_VIOLATION_LIST(X)
#undef X
	};

	return v < GUEST_VIOLATION_COUNT ? text[v] : "?";
}
