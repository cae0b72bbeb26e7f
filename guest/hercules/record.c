/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of a driver. Theory of operation.
 *
 * The emulator fetches CCWs and tells of START SUBCHANNEL only by the first of them: ORB and path
 * management are looked up in its subchannel then, CCWs in main storage behind the ORB's
 * address (no driver of this device has a transfer in channel). MODIFY SUBCHANNEL is
 * noted when its words are others than at the last START; HALT and CLEAR only where
 * they end a program, because the others do not come to the module.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest/hercules/record_priv.h"
#include "osa/osa.h"

#define TEXT_BYTES 160
#define SLIB_SHOWN 64
#define SL_SHOWN 32 /* four entries */
#define QUEUES_MAX (QDIO_IN_QUEUES_MAX + QDIO_OUT_QUEUES_MAX)
#define NO_TIME UINT64_MAX
#define AFTER_WRITE 6 /* buffers and signals */

/* ---- lines ---------------------------------------------------------------------------------- */

static char channel(unsigned dev)
{
	return "rwd"[dev % QDIO_DEVICES];
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void record_head(struct record *r, char ch, const char *fmt, ...)
{
	uint64_t us = now_us();
	va_list ap;

	if (r->first_us == NO_TIME)
		r->first_us = us;
	us -= r->first_us;
	fprintf(r->file, "%u %" PRIu64 ".%03u %c ", r->seq++, us / 1000, (unsigned)(us % 1000), ch);
	va_start(ap, fmt);
	vfprintf(r->file, fmt, ap);
	va_end(ap);
}

void record_tail(struct record *r, const uint8_t *data, size_t len)
{
	size_t n = len;

	while (n && !data[n - 1])
		n--;
	n = n ? (n + 15) / 16 * 16 : 16;
	n = n < len ? n : len;
	if (len)
		fprintf(r->file, " len=%zu", len);
	if (n < len)
		fprintf(r->file, " zeros=%zu", len - n);
	if (len)
		fputs(" :", r->file);
	for (size_t i = 0; i < n; i++)
		fprintf(r->file, "%s%02x", i % 4 ? "" : " ", data[i]);
	fputc('\n', r->file);
}

static void message(struct record *r, unsigned dev, const char *event, const uint8_t *msg,
		    size_t len)
{
	char words[TEXT_BYTES];

	osa_trace_text(msg, len, words, sizeof(words));
	fprintf(r->file, "# %s\n", words);
	record_head(r, channel(dev), "%s", event);
	record_tail(r, msg, len);
}

/* ---- control blocks of ESTABLISH QUEUES ----------------------------------------------------- */

static void block(struct record *r, const char *event, uint64_t addr, const char *keys, size_t len)
{
	uint8_t data[QDIO_SBAL_BYTES];

	if (len > sizeof(data) || qdio_storage_fetch(&r->st, data, addr, len, 0))
		return;
	record_head(r, channel(QDIO_DEVICES - 1), "%s addr=%" PRIx64 " %s", event, addr, keys);
	record_tail(r, data, len);
}

static unsigned queues(const struct record *r)
{
	unsigned n = (unsigned)r->qdr.iqdcnt + r->qdr.oqdcnt;

	return n < QUEUES_MAX ? n : QUEUES_MAX;
}

/* Queue i; descriptors have eight words, as every driver has them. */
static void queue_keys(const struct record *r, unsigned i, char *buf, size_t cap, const char *more)
{
	bool input = i < r->qdr.iqdcnt;

	snprintf(buf, cap, "q=%s%u dir=%s%s", input ? "in" : "out", input ? i : i - r->qdr.iqdcnt,
		 input ? "in" : "out", more);
}

static void states(struct record *r, const char *more)
{
	char keys[48];

	for (unsigned i = 0; i < queues(r); i++) {
		queue_keys(r, i, keys, sizeof(keys), more);
		block(r, "SLSB", be64_get(r->qdr.desc[i].slsba), keys, QDIO_SLSB_BYTES);
	}
}

static void establish(struct record *r, const struct qdio_single *cmd)
{
	size_t len = cmd->count < sizeof(r->qdr) ? cmd->count : sizeof(r->qdr);
	char keys[48];

	memset(&r->qdr, 0, sizeof(r->qdr));
	memcpy(&r->qdr, cmd->data, len);
	record_head(r, channel(QDIO_DEVICES - 1), "EQ-QDR");
	record_tail(r, cmd->data, len);
	block(r, "EQ-QIB", be64_get(r->qdr.qiba), "when=before-EQ", sizeof(struct qdio_qib));
	for (unsigned i = 0; i < queues(r); i++) {
		queue_keys(r, i, keys, sizeof(keys), "");
		block(r, "SLIB", be64_get(r->qdr.desc[i].sliba), keys, SLIB_SHOWN);
		queue_keys(r, i, keys, sizeof(keys), " entries=0-3");
		block(r, "SL", be64_get(r->qdr.desc[i].sla), keys, SL_SHOWN);
	}
	states(r, " when=EQ");
}

/* ---- channel programs ----------------------------------------------------------------------- */

static void start(struct record *r, unsigned dev)
{
	uint8_t pmcw[EMU_PMCW_BYTES];

	emu_subchannel(r->place.device[dev], &r->orb[dev], pmcw);
	r->ccws[dev] = 0;
	if (memcmp(pmcw, r->pmcw[dev], sizeof(pmcw)) != 0) {
		memcpy(r->pmcw[dev], pmcw, sizeof(pmcw));
		/* Enabled, or there were no START; the subclass: bits 2 to 4 of byte 4. */
		record_head(r, channel(dev), "MSCH enabled=1 isc=%u cc=0", pmcw[4] >> 3 & 7);
		record_tail(r, pmcw, sizeof(pmcw));
	}
	record_head(r, channel(dev), "START ccwaddr=%08x", be32_get(r->orb[dev].cpa));
	record_tail(r, (const uint8_t *)&r->orb[dev], sizeof(r->orb[dev]));
}

static uint32_t ccw_address(const struct record *r, unsigned dev)
{
	return be32_get(r->orb[dev].cpa) + r->ccws[dev] * (uint32_t)sizeof(struct qdio_ccw1);
}

static struct qdio_ccw1 ccw_of(const struct record *r, unsigned dev)
{
	struct qdio_ccw1 ccw = {0};

	qdio_storage_fetch(&r->st, &ccw, ccw_address(r, dev), sizeof(ccw), 0);
	return ccw;
}

void record_begin(struct record *r, unsigned dev, const struct qdio_single *cmd)
{
	struct qdio_ccw1 ccw;

	if (!r)
		return;
	flockfile(r->file);
	if (!cmd->last_cmd)
		start(r, dev);
	ccw = ccw_of(r, dev);
	record_head(r, channel(dev), "CCW code=%02x flags=%02x count=%u addr=%08x", ccw.cmd,
		    ccw.flags, be16_get(ccw.count), be32_get(ccw.cda));
	record_tail(r, (const uint8_t *)&ccw, sizeof(ccw));
	if (cmd->cmd == QDIO_CCW_WRITE) {
		message(r, dev, "WRITE", cmd->data, cmd->count);
		record_more(r, AFTER_WRITE);
	}
	if (cmd->cmd == QDIO_CCW_EQ)
		establish(r, cmd);
	if (cmd->cmd == QDIO_CCW_AQ) {
		states(r, " when=AQ");
		record_queues_new(r);
	}
	funlockfile(r->file);
}

/* SCSW words 0 to 2 as TEST SUBCHANNEL shows them at the end of a program. */
static void status(struct record *r, unsigned dev, const struct zosa_end *end)
{
	uint32_t ctl = be32_get(r->orb[dev].ctl);
	uint32_t w0 = (ctl & 0xF8000000u) | (ctl & 0x00C00000u) | QDIO_SCSW_FC_START |
		      QDIO_SCSW_SC_PRIMARY | QDIO_SCSW_SC_SECONDARY | QDIO_SCSW_SC_PENDING;
	uint8_t words[12];

	if (end->unit_status & QDIO_DSTAT_UNIT_CHECK)
		w0 |= QDIO_SCSW_SC_ALERT;
	be32_store(words, w0);
	be32_store(words + 4, ccw_address(r, dev) + (uint32_t)sizeof(struct qdio_ccw1));
	be32_store(words + 8, (uint32_t)end->unit_status << 24 | end->residual);
	record_head(r, channel(dev), "STATUS ds=%02x ss=00 residual=%u", end->unit_status,
		    end->residual);
	record_tail(r, words, sizeof(words));
}

static void stored(struct record *r, unsigned dev, const struct qdio_single *cmd, size_t len)
{
	const char *event = NULL;

	if (cmd->cmd == QDIO_CCW_SENSE_ID)
		event = "SENSEID";
	else if (cmd->cmd == QDIO_CCW_RCD)
		event = "RCD";
	else if (cmd->cmd == QDIO_CCW_SENSE)
		event = "SENSE";
	if (cmd->cmd == QDIO_CCW_READ) {
		message(r, dev, "READ", cmd->data, len);
	} else if (event) {
		record_head(r, channel(dev), "%s", event);
		record_tail(r, cmd->data, len);
	} else if (cmd->cmd == QDIO_CCW_EQ) {
		block(r, "EQ-QIB", be64_get(r->qdr.qiba), "when=after-EQ", sizeof(struct qdio_qib));
	}
}

void record_end(struct record *r, unsigned dev, const struct qdio_single *cmd,
		const struct zosa_end *end)
{
	bool check = end->unit_status & QDIO_DSTAT_UNIT_CHECK;

	if (!r)
		return;
	flockfile(r->file);
	if (check || !(ccw_of(r, dev).flags & QDIO_CCW_CC))
		status(r, dev, end);
	if (!check && end->residual <= cmd->count)
		stored(r, dev, cmd, (size_t)cmd->count - end->residual);
	r->ccws[dev]++;
	funlockfile(r->file);
}

void record_stop(struct record *r, unsigned dev, enum emu_stop why)
{
	if (!r)
		return;
	flockfile(r->file);
	if (why == EMU_RESET) {
		fputs("# system reset\n", r->file);
	} else {
		record_head(r, channel(dev), why == EMU_HALT ? "HALT" : "CLEAR");
		fputc('\n', r->file);
	}
	fflush(r->file);
	funlockfile(r->file);
}

/* ---- CHSC ----------------------------------------------------------------------------------- */

/* Requests that name a subchannel, or the first of a range: is it one of ours? */
static bool foreign(const struct record *r, uint16_t code, const uint8_t *req)
{
	uint16_t sch;

	if (code == QDIO_CHSC_SSQD || code == QDIO_CHSC_SUBCHANNEL)
		sch = be16_load(req + 6);
	else if (code == QDIO_CHSC_SADC)
		sch = be16_load(req + offsetof(struct qdio_sadc, schid) + 2);
	else
		return false;
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		if (sch == r->place.subchannel[dev])
			return false;
	return true;
}

void record_chsc(struct record *r, const uint8_t b[QDIO_CHSC_BLOCK_BYTES], int cc)
{
	uint16_t len = be16_load(b), code = be16_load(b + 2);
	const uint8_t *rsp = b + len;
	uint16_t rsp_len;

	if (!r || cc || len < 8 || len > QDIO_CHSC_BLOCK_BYTES - 8u || foreign(r, code, b))
		return;
	rsp_len = be16_load(rsp);
	if (rsp_len > QDIO_CHSC_BLOCK_BYTES - len)
		return;
	flockfile(r->file);
	record_head(r, '-', "CHSC-REQ code=%04x", code);
	record_tail(r, b, len);
	record_head(r, '-', "CHSC-RSP code=%04x rc=%04x cc=0", code, be16_load(rsp + 2));
	record_tail(r, rsp, rsp_len);
	funlockfile(r->file);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct record *record_open(const char *path, const struct qdio_storage *st,
			   const struct zosa_place *place)
{
	struct record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->st = *st;
	r->place = *place;
	r->first_us = NO_TIME;
	r->file = fopen(path, "we");
	if (!r->file) {
		int err = errno;

		free(r);
		errno = err;
		return NULL;
	}
	fprintf(r->file,
		"# device %04X on the adapter of this project in an emulator: the driver's "
		"bytes are authoritative\n# <seq> <time-ms> <r|w|d|-> <EVENT> key=value : hex\n",
		place->devno[0]);
	fflush(r->file);
	return r;
}

void record_close(struct record *r)
{
	if (!r)
		return;
	fclose(r->file);
	free(r);
}
