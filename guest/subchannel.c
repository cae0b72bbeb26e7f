/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three subchannels: channel programs, their ending, halt and clear.
 * Source: spec/qdio.md 2, 11; spec/osa-qeth.md 1.2, 1.3, 2.1.
 */
#include <errno.h>
#include <time.h>

#include "guest/guest_priv.h"

#define SENSE_ID_BYTES sizeof(struct qdio_senseid)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* What the status table of spec/osa-qeth.md 2.1 says. Return: 0 or -EIO. */
static int irb_error(const struct guest_irb *irb)
{
	const uint8_t *s = irb->sense;

	if (irb->scsw.sstat & ~(QDIO_SSTAT_PCI | QDIO_SSTAT_INCORRECT_LENGTH))
		return -EIO;
	if (!(irb->scsw.dstat & QDIO_DSTAT_UNIT_CHECK))
		return 0;
	return s[0] || s[1] || s[2] || s[3] ? -EIO : 0;
}

static void irb_cleared(struct guest_dev *d, struct guest_sch *s, const struct guest_irb *irb)
{
	if (!s->clearing)
		guest_violate(d, GUEST_VIOLATION_IRQ_STRAY);
	/* Never subchannel status or unit check with a halt or clear: spec/qdio.md 11.3. */
	if (irb->scsw.sstat || (irb->scsw.dstat & QDIO_DSTAT_UNIT_CHECK))
		guest_violate(d, GUEST_VIOLATION_CLEAR_STATUS);
	s->irb = *irb;
	s->busy = false;
	s->clearing = false;
	s->cleared = true;
}

static void read_ended(struct guest_dev *d, const struct guest_irb *irb)
{
	unsigned residual = be16_get(irb->scsw.count);

	d->reading = false;
	if (irb_error(irb) || residual > OSA_MSG_MAX) {
		d->events |= GUEST_EV_RECOVER;
		return;
	}
	guest_message(d, OSA_MSG_MAX - residual);
	/* Events that ask for recovery too: whoever waits for a reply now still gets it. */
	if (!d->terminated && guest_post_read(d) < 0)
		d->events |= GUEST_EV_RECOVER;
}

static void irb_ended(struct guest_dev *d, struct guest_sch *s, const struct guest_irb *irb)
{
	const uint32_t ends = QDIO_SCSW_SC_PRIMARY | QDIO_SCSW_SC_SECONDARY | QDIO_SCSW_SC_PENDING;

	if (!s->busy) {
		guest_violate(d, GUEST_VIOLATION_IRQ_STRAY);
		return;
	}
	if (irb->parm != s->parm)
		guest_violate(d, GUEST_VIOLATION_IRQ_PARM);
	if ((be32_get(irb->scsw.w0) & ends) != ends ||
	    (irb->scsw.dstat & 0x0Cu) != (QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END))
		guest_violate(d, GUEST_VIOLATION_STATUS);
	s->irb = *irb;
	s->busy = false;
	s->done = true;
	if (irb->dev == 0 && d->reading)
		read_ended(d, irb);
	if (irb->dev == 2 && d->active) { /* activate check: spec/qdio.md 11.4 */
		d->active = false;
		d->events |= GUEST_EV_RECOVER;
	}
}

int guest_sch_poll(struct guest_dev *d)
{
	struct guest_irb irb;
	struct guest_sch *s;
	int rc;

	while ((rc = d->m.ops->next_irb(d->m.ctx, &irb)) == 1) {
		if (irb.dev >= GUEST_DEVICES) {
			guest_violate(d, GUEST_VIOLATION_IRQ_STRAY);
			continue;
		}
		s = &d->sch[irb.dev];
		if (be32_get(irb.scsw.w0) & (QDIO_SCSW_FC_HALT | QDIO_SCSW_FC_CLEAR))
			irb_cleared(d, s, &irb);
		else
			irb_ended(d, s, &irb);
	}
	return rc;
}

int guest_sch_wait(struct guest_dev *d, const bool *flag, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int rc;

	for (;;) {
		rc = guest_sch_poll(d);
		if (*flag)
			return 0;
		if (rc < 0)
			return rc;
		if (now_ms() >= end)
			return -ETIMEDOUT;
		rc = d->m.ops->wait(d->m.ctx, (int)(end - now_ms()) + 1);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return guest_sch_poll(d) == 0 && *flag ? 0 : -ETIMEDOUT;
	}
}

void guest_sch_ccw(struct guest_dev *d, unsigned dev, unsigned n, uint8_t cmd, uint8_t flags,
		   uint16_t count, uint64_t addr)
{
	struct qdio_ccw1 *ccw = guest_host(d, GUEST_AT_CCW + dev * 256u);

	ccw[n].cmd = cmd;
	ccw[n].flags = flags;
	ccw[n].count = be16_of(count);
	ccw[n].cda = be32_of((uint32_t)addr);
}

int guest_sch_start(struct guest_dev *d, unsigned dev, bool prefetch)
{
	struct guest_sch *s = &d->sch[dev];
	struct qdio_orb orb;
	int rc;

	memset(&orb, 0, sizeof(orb));
	s->parm = ++d->next_parm;
	orb.parm = be32_of(s->parm);
	orb.ctl = be32_of(QDIO_ORB_FORMAT1 | QDIO_ORB_IDAW64 | QDIO_ORB_LPM_MASK |
			  (prefetch ? QDIO_ORB_PREFETCH : 0));
	orb.cpa = be32_of((uint32_t)guest_addr(d, GUEST_AT_CCW + dev * 256u));
	s->busy = true;
	s->done = false;
	rc = d->m.ops->ssch(d->m.ctx, dev, &orb);
	if (rc != 0)
		s->busy = false;
	return rc > 0 ? -EIO : rc;
}

int guest_sch_run(struct guest_dev *d, unsigned dev, uint16_t count, int timeout_ms)
{
	struct guest_sch *s = &d->sch[dev];
	int rc = guest_sch_start(d, dev, true);

	if (rc < 0)
		return rc;
	rc = guest_sch_wait(d, &s->done, guest_timeout(d, timeout_ms));
	if (rc < 0)
		return rc;
	if (irb_error(&s->irb))
		return -EIO;
	return be16_get(s->irb.scsw.count) > count ? 0 : count - be16_get(s->irb.scsw.count);
}

int guest_sch_enable(struct guest_dev *d, unsigned dev, bool on)
{
	int rc = d->m.ops->msch(d->m.ctx, dev, on, 3);

	if (rc == 0)
		d->sch[dev].enabled = on;
	return rc > 0 ? -EIO : rc;
}

static int end_function(struct guest_dev *d, unsigned dev, int (*op)(void *t, unsigned dev),
			uint32_t fc)
{
	struct guest_sch *s = &d->sch[dev];
	int rc;

	s->clearing = true;
	s->cleared = false;
	rc = op(d->m.ctx, dev);
	if (rc != 0) {
		s->clearing = false;
		return rc > 0 ? -EIO : rc;
	}
	rc = guest_sch_wait(d, &s->cleared, guest_timeout(d, 10000));
	if (rc == 0 && !(be32_get(s->irb.scsw.w0) & fc))
		guest_violate(d, GUEST_VIOLATION_CLEAR_STATUS);
	if (rc == 0 && dev == 0)
		d->reading = false;
	if (rc == 0 && dev == 2)
		d->active = false;
	return rc;
}

int guest_sch_halt(struct guest_dev *d, unsigned dev)
{
	return end_function(d, dev, d->m.ops->hsch, QDIO_SCSW_FC_HALT);
}

int guest_sch_clear(struct guest_dev *d, unsigned dev)
{
	return end_function(d, dev, d->m.ops->csch, QDIO_SCSW_FC_CLEAR);
}

/* The first CIW of a type, over all eight slots: spec/qdio.md 2.2. */
static uint32_t find_ciw(const struct qdio_senseid *id, unsigned type)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t ciw = be32_get(id->ciw[i]);

		if (QDIO_CIW_TYPE(ciw) == type)
			return ciw;
	}
	return 0;
}

int guest_sense_id(struct guest_dev *d, unsigned dev)
{
	struct qdio_senseid *at = guest_host(d, GUEST_AT_DATA), id;
	int n;

	memset(at, 0, SENSE_ID_BYTES);
	guest_sch_ccw(d, dev, 0, QDIO_CCW_SENSE_ID, QDIO_CCW_SLI, SENSE_ID_BYTES,
		      guest_addr(d, GUEST_AT_DATA));
	n = guest_sch_run(d, dev, SENSE_ID_BYTES, 10000);
	if (n < 0)
		return n;
	id = *at;
	d->ciw_rcd = find_ciw(&id, QDIO_CIW_RCD);
	d->ciw_eq = find_ciw(&id, QDIO_CIW_EQ);
	d->ciw_aq = find_ciw(&id, QDIO_CIW_AQ);
	if (n <= 7 || id.ff != 0xFF || be16_get(id.cu_type) != QDIO_CU_OSA ||
	    be16_get(id.dev_type) != QDIO_DEV_OSA || id.dev_model != (d->cfg.iqd ? 0x05 : 0x01) ||
	    !d->ciw_eq || !d->ciw_aq) {
		guest_violate(d, GUEST_VIOLATION_SENSE_ID);
		return -EPROTO;
	}
	return 0;
}

int guest_rcd(struct guest_dev *d)
{
	struct qdio_ned *ned = guest_host(d, GUEST_AT_DATA);
	uint16_t count = (uint16_t)QDIO_CIW_COUNT(d->ciw_rcd);
	int n;

	if (!d->ciw_rcd || count > GUEST_PAGE) {
		guest_violate(d, GUEST_VIOLATION_RCD);
		return 0;
	}
	memset(ned, 0, GUEST_PAGE);
	guest_sch_ccw(d, 2, 0, (uint8_t)QDIO_CIW_CMD(d->ciw_rcd), QDIO_CCW_SLI, count,
		      guest_addr(d, GUEST_AT_DATA));
	n = guest_sch_run(d, 2, count, 60000);
	if (n < 0)
		return n;
	if (n < 96) { /* the host goes on with zeros: spec/osa-qeth.md 1.2 */
		guest_violate(d, GUEST_VIOLATION_RCD);
		return 0;
	}
	d->unit_addr = ned[0].tag[1];
	d->cula = ned[1].tag[1];
	return 0;
}

int guest_eq(struct guest_dev *d)
{
	int n;

	guest_sch_ccw(d, 2, 0, (uint8_t)QDIO_CIW_CMD(d->ciw_eq), QDIO_CCW_SLI,
		      (uint16_t)QDIO_CIW_COUNT(d->ciw_eq), guest_addr(d, GUEST_AT_QDR));
	n = guest_sch_run(d, 2, (uint16_t)QDIO_CIW_COUNT(d->ciw_eq), 1000);
	return n < 0 ? n : 0;
}

int guest_aq(struct guest_dev *d)
{
	int rc;

	guest_sch_ccw(d, 2, 0, (uint8_t)QDIO_CIW_CMD(d->ciw_aq), QDIO_CCW_SLI,
		      (uint16_t)QDIO_CIW_COUNT(d->ciw_aq), 0);
	d->active = true;
	rc = guest_sch_start(d, 2, false);
	if (rc < 0) {
		d->active = false;
		return rc;
	}
	/* Any ending status now is an activate check; qeth waits 5 ms, we look once. */
	rc = guest_sch_poll(d);
	return rc < 0 ? rc : d->active ? 0 : -EPROTO;
}
