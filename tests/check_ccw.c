/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel programs and ESTABLISH QUEUES: numbered tables of what a guest may give to START
 * SUBCHANNEL and the status it gets. Sources: spec/qdio.md 2, 3; Principles of Operation.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/qdio_rig.h"

#define F1 RIG_ORB_CTL
#define F0 (RIG_ORB_CTL & ~QDIO_ORB_FORMAT1)
#define IL QDIO_SSTAT_INCORRECT_LENGTH
#define PC QDIO_SSTAT_PROGRAM_CHECK
#define UC (RIG_CE_DE | QDIO_DSTAT_UNIT_CHECK)
#define REJECT QDIO_SENSE0_COMMAND_REJECT
#define CD QDIO_CCW_CD
#define CC QDIO_CCW_CC
#define SLI QDIO_CCW_SLI
#define DATA RIG_DATA
#define END RIG_BYTES

struct ccw_row {
	uint8_t cmd, flags;
	uint16_t count;
	uint32_t cda;
};

static const struct program_row {
	int n;
	uint32_t ctl;
	uint8_t dstat, sstat, sense0;
	uint16_t residual;
	struct ccw_row ccw[5];
} programs[] = {
	/* SENSE ID: 28 bytes; length rules */
	{1, F1, RIG_CE_DE, 0, 0, 12, {{0xE4, SLI, 40, DATA}}},
	{2, F1, RIG_CE_DE, IL, 0, 12, {{0xE4, 0, 40, DATA}}},
	{3, F1, RIG_CE_DE, 0, 0, 0, {{0xE4, 0, 28, DATA}}},
	{4, F1, RIG_CE_DE, IL, 0, 0, {{0xE4, 0, 20, DATA}}},
	{5, F1, RIG_CE_DE, 0, 0, 0, {{0xE4, SLI, 20, DATA}}},
	/* other commands */
	{10, F1, RIG_CE_DE, 0, 0, 0, {{0x03, SLI, 0, 0}}},
	{11, F1, RIG_CE_DE, 0, 0, 0, {{0x03, 0, 1, DATA}}},
	{12, F1, RIG_CE_DE, 0, 0, 0, {{0xFA, 0, 128, DATA}}},
	{13, F1, RIG_CE_DE, 0, 0, 0, {{0xFA, SLI, 96, DATA}}},
	{14, F1, RIG_CE_DE, 0, 0, 0, {{0x04, 0, 32, DATA}}},
	{15, F1, UC, 0, REJECT, 8, {{0x55, SLI, 8, DATA}}},
	{16, F1, UC, 0, REJECT, 64, {{0x82, SLI, 64, DATA}}},
	{17, F1, RIG_CE_DE, 0, 0, 0, {{0x81, CC, 4, DATA}, {0x82, 0, 64, DATA}}},
	{18, F1, UC, 0, REJECT, 3, {{0x81, SLI, 3, DATA}}},
	{19, F1, RIG_CE_DE, IL, 0, 4, {{0x81, 0, 8, DATA}}},
	{20, F1, UC, 0, REJECT, 0, {{0x1F, SLI, 0, 0}}},
	{21, F1, UC, 0, REJECT, 64, {{0x81, CC, 4, DATA}, {0x03, CC, 0, 0}, {0x82, 0, 64, DATA}}},
	{22, F1, UC, 0, REJECT, 0, {{0x01, SLI, 0, DATA}}},
	{23, F1, UC, 0, REJECT, 4097, {{0x01, SLI, 4097, DATA}}},
	{24, F1, RIG_CE_DE, 0, 0, 0, {{0x01, 0, 4096, DATA}}},
	/* IDX: WRITE chained to READ; the stub echoes */
	{30, F1, RIG_CE_DE, 0, 0, 4062, {{0x01, CC | SLI, 34, DATA}, {0x02, SLI, 4096, DATA}}},
	{31, F1, RIG_CE_DE, IL, 0, 0, {{0x01, CC, 34, DATA}, {0x02, 0, 30, DATA}}},
	/* incorrect length breaks the chain */
	{32, F1, RIG_CE_DE, IL, 0, 12, {{0xE4, CC, 40, DATA}, {0x55, 0, 1, DATA}}},
	{33, F1, UC, 0, REJECT, 1, {{0xE4, CC | SLI, 40, DATA}, {0x55, 0, 1, DATA}}},
	/* data chaining */
	{40, F1, RIG_CE_DE, 0, 0, 0, {{0xE4, CD, 8, DATA}, {0, 0, 20, DATA + 100}}},
	{41, F1, RIG_CE_DE, 0, 0, 28, {{0xE4, CD, 8, DATA}, {0, CD, 8, DATA}, {0, SLI, 40, DATA}}},
	{42, F1, RIG_CE_DE, IL, 0, 12, {{0xE4, CD | SLI, 40, DATA}, {0, SLI, 40, DATA}}},
	{43, F1, RIG_CE_DE, 0, 0, 40, {{0xE4, CD | SLI, 28, DATA}, {0, SLI, 40, DATA}}},
	{44, F1, 0, PC, 0, 0, {{0xE4, CD, 8, DATA}, {0, 0, 0, DATA}}},
	{45, F1, 0, PC, 0, 0, {{0xE4, CD, 0, DATA}, {0, 0, 20, DATA}}},
	{46,
	 F1,
	 RIG_CE_DE,
	 0,
	 0,
	 0,
	 {{0xE4, CD, 8, DATA}, {0x08, 0, 0, RIG_CCWS + 24}, {0}, {0, 0, 20, DATA}}},
	{47, F1, RIG_CE_DE, 0, 0, 0, {{0x01, CD, 10, DATA}, {0, 0, 24, DATA + 10}}},
	/* transfer in channel */
	{50, F1, 0, PC, 0, 0, {{0x08, 0, 0, RIG_CCWS + 8}, {0x03, 0, 0, 0}}},
	{51,
	 F1,
	 RIG_CE_DE,
	 0,
	 0,
	 0,
	 {{0x03, CC, 0, 0}, {0x08, 0, 0, RIG_CCWS + 24}, {0}, {0x03, 0, 0, 0}}},
	{52,
	 F1,
	 RIG_CE_DE,
	 PC,
	 0,
	 0,
	 {{0x03, CC, 0, 0}, {0x08, 0, 0, RIG_CCWS + 16}, {0x08, 0, 0, RIG_CCWS}}},
	{53, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x08, 0, 0, RIG_CCWS}}},
	{54, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x08, SLI, 0, RIG_CCWS}}},
	{55, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x08, 0, 0, RIG_CCWS + 4}}},
	{56, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x18, 0, 0, RIG_CCWS + 16}}},
	{57, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x08, 0, 0, END}}},
	{58, F1, RIG_CE_DE, PC, 0, 0, {{0x03, CC, 0, 0}, {0x08, 0, 0, RIG_CCWS + 8}}},
	/* bad CCWs */
	{60, F1, 0, PC, 0, 0, {{0x00, 0, 8, DATA}}},
	{61, F1, 0, PC, 0, 0, {{0xE0, 0, 8, DATA}}},
	{62, F1, 0, PC, 0, 0, {{0xE4, QDIO_CCW_SUSPEND, 40, DATA}}},
	{63, F1, 0, PC, 0, 0, {{0xE4, 0x01, 40, DATA}}},
	{64, F1, 0, PC, 0, 0, {{0xE4, SLI, 40, 0x80000000}}},
	{65, F1, RIG_CE_DE, PC, 0, 0, {{0xE4, SLI, 40, END - 27}}},
	{66, F1, RIG_CE_DE, 0, 0, 12, {{0xE4, SLI, 40, END - 28}}},
	{67, F1, RIG_CE_DE, PC, 0, 0, {{0x01, SLI, 34, END - 33}}},
	{68, F1, RIG_CE_DE, PC, 0, 0, {{0x01, SLI, 34, 0x7FFFFFF0}}},
	{69, F1, 0, PC, 0, 0, {{0}}},
	{70, F1 | 0x00040000, 0, PC, 0, 0, {{0xE4, SLI, 40, DATA}}}, /* transport mode */
	/* format 0 */
	{80, F0, RIG_CE_DE, 0, 0, 12, {{0xE4, SLI, 40, DATA}}},
	{81, F0, 0, PC, 0, 0, {{0x03, SLI, 0, 0}}},
	{82, F0, RIG_CE_DE, 0, 0, 0, {{0x03, SLI, 1, 0}}},
	{83,
	 F0,
	 RIG_CE_DE,
	 0,
	 0,
	 0,
	 {{0x03, CC, 1, 0}, {0x18, 0xFF, 9, RIG_CCWS + 24}, {0}, {0x03, 0, 1, 0}}},
	{84, F0, RIG_CE_DE, PC, 0, 0, {{0x01, SLI, 64, 0xFFFFF0}}},
};

/* CCW n in format 0. */
static void ccw0(struct rig *r, unsigned n, const struct ccw_row *c)
{
	struct qdio_ccw0 ccw = {
		.cmd = c->cmd,
		.cda = {(uint8_t)(c->cda >> 16), (uint8_t)(c->cda >> 8), (uint8_t)c->cda},
		.flags = c->flags,
		.count = be16_of(c->count),
	};

	memcpy(r->mem + RIG_CCWS + n * sizeof(ccw), &ccw, sizeof(ccw));
}

static void store_program(struct rig *r, const struct program_row *row)
{
	for (unsigned i = 0; i < 5; i++) {
		const struct ccw_row *c = &row->ccw[i];

		if (row->ctl & QDIO_ORB_FORMAT1)
			rig_ccw(r, i, c->cmd, c->flags, c->count, c->cda);
		else
			ccw0(r, i, c);
	}
}

START_TEST(programs_end_as_listed)
{
	const struct program_row *row = &programs[_i];
	bool bad = row->sstat || row->dstat & QDIO_DSTAT_UNIT_CHECK;
	const struct qdio_scsw *scsw;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	r.echo = true;
	store_program(&r, row);
	ck_assert_msg(rig_start_at(&r, 0, row->ctl, RIG_CCWS) == 0, "row %d: cc", row->n);
	ck_assert_msg(r.interrupts[0] == 1, "row %d: %u interruptions", row->n, r.interrupts[0]);
	scsw = &r.irb[0].scsw;
	ck_assert_msg(scsw->dstat == row->dstat, "row %d: device status %02x", row->n, scsw->dstat);
	ck_assert_msg(scsw->sstat == row->sstat, "row %d: subchannel status %02x", row->n,
		      scsw->sstat);
	ck_assert_msg(r.irb[0].sense[0] == row->sense0, "row %d: sense %02x", row->n,
		      r.irb[0].sense[0]);
	if (!(row->sstat & PC))
		ck_assert_msg(be16_get(scsw->count) == row->residual, "row %d: residual %u", row->n,
			      be16_get(scsw->count));
	ck_assert_msg(!!(be32_get(scsw->w0) & QDIO_SCSW_SC_ALERT) == bad, "row %d: alert", row->n);
	ck_assert_uint_eq(r.irb[0].parm, 0xCAFE0000u);
	/* The subchannel is free again. */
	ck_assert_msg(qdio_msch(r.g, 0, false, 0) == 0, "row %d: busy", row->n);
	rig_fini(&r);
}
END_TEST

/* ---- what programs store and take -------------------------------------------------------------
 */

START_TEST(normal_end_status)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_NOP, SLI, 0, 0);
	ck_assert_int_eq(rig_start(&r, 1), 0);
	/* as recorded: 00c04007, CCW address + 8, 0c000000 */
	ck_assert_uint_eq(be32_get(r.irb[1].scsw.w0), 0x00C04007);
	ck_assert_uint_eq(be32_get(r.irb[1].scsw.cpa), RIG_CCWS + 8);
	rig_fini(&r);
}
END_TEST

START_TEST(sense_id_bytes)
{
	static const uint8_t osd[28] = {0xFF, 0x17, 0x31, 0x01, 0x17, 0x32, 0x01, 0x00, 0x40, 0xFA,
					0x00, 0x80, 0x41, 0x81, 0x00, 0x04, 0x42, 0x82, 0x00, 0x40,
					0x43, 0x1B, 0x10, 0x00, 0x44, 0x1F, 0x00, 0x00};
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	memset(r.mem + DATA, 0xEE, 64);
	rig_ccw(&r, 0, QDIO_CCW_SENSE_ID, SLI, 40, DATA);
	rig_start(&r, 0);
	ck_assert_mem_eq(r.mem + DATA, osd, sizeof(osd));
	ck_assert_uint_eq(r.mem[DATA + 28], 0xEE); /* nothing behind */
	rig_fini(&r);
}
END_TEST

START_TEST(configuration_data)
{
	struct qdio_ned ned[4];
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_RCD, SLI, 128, DATA);
	rig_start(&r, 2);
	memcpy(ned, r.mem + DATA, sizeof(ned));
	ck_assert_uint_eq(ned[0].tag[0], 0x05); /* CHPID */
	ck_assert_uint_eq(ned[0].tag[1], 2);	/* unit address of the data device */
	ck_assert_uint_eq(ned[1].tag[1], 0x07); /* CULA */
	ck_assert_mem_eq(ned[0].type, "\xF0\xF0\xF1\xF7\xF3\xF2", 6);
	ck_assert_mem_ne(ned[0].plant, "\xE5\xD4", 2);	   /* not "VM" */
	ck_assert_mem_eq(ned[2].model, "\xF0\xF0\xF0", 3); /* no old blocking timers */
	rig_fini(&r);
}
END_TEST

START_TEST(data_chaining_scatters_and_gathers)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_SENSE_ID, CD, 3, DATA);
	rig_ccw(&r, 1, 0, 0, 25, DATA + 16);
	rig_start(&r, 0);
	ck_assert_mem_eq(r.mem + DATA, "\xFF\x17\x31\x00", 4);
	ck_assert_mem_eq(r.mem + DATA + 16, "\x01\x17\x32\x01", 4);

	memcpy(r.mem + DATA, "abcdefgh", 8);
	rig_ccw(&r, 0, QDIO_CCW_WRITE, CD, 2, DATA + 4);
	rig_ccw(&r, 1, 0, CD, 1, DATA);
	rig_ccw(&r, 2, 0, 0, 2, DATA + 6);
	rig_start(&r, 0);
	ck_assert_uint_eq(r.written_len, 5);
	ck_assert_mem_eq(r.written, "efagh", 5);
	rig_fini(&r);
}
END_TEST

START_TEST(skip_stores_nothing)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_SENSE_ID, CD | QDIO_CCW_SKIP, 8, DATA);
	rig_ccw(&r, 1, 0, 0, 20, DATA + 16);
	rig_start(&r, 0);
	ck_assert_uint_eq(r.irb[0].scsw.sstat, 0);
	ck_assert_uint_eq(r.mem[DATA], 0);
	ck_assert_mem_eq(r.mem + DATA + 16, "\x40\xFA", 2);
	rig_fini(&r);
}
END_TEST

START_TEST(too_many_segments)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	for (unsigned i = 0; i < 400; i++)
		rig_ccw(&r, i, QDIO_CCW_WRITE, CD, 1, DATA);
	rig_start(&r, 0);
	ck_assert_uint_eq(r.irb[0].scsw.sstat, PC);
	ck_assert_uint_eq(r.writes, 0);
	rig_fini(&r);
}
END_TEST

static const struct address_row {
	int n;
	uint32_t ctl, cpa;
} addresses[] = {
	{1, F1, RIG_CCWS + 4}, {2, F1, END},	    {3, F1, END - 4},	 {4, F1, 0x80001000},
	{5, F1, 0x7FFFFFF8},   {6, F1, 0xFFFFFFF8}, {7, F0, 0x01001000}, {8, F0, 0x00FFFFF8},
};

START_TEST(bad_program_addresses)
{
	const struct address_row *row = &addresses[_i];
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_NOP, 0, 1, 0);
	ck_assert_int_eq(rig_start_at(&r, 0, row->ctl, row->cpa), 0);
	ck_assert_msg(r.interrupts[0] == 1, "row %d", row->n);
	ck_assert_msg(r.irb[0].scsw.sstat == PC && !r.irb[0].scsw.dstat, "row %d", row->n);
	rig_fini(&r);
}
END_TEST

/* ---- indirect data addressing -------------------------------------------------------------------
 */

#define IDAWS 0x2000u

static const struct idaw_row {
	int n;
	uint32_t ctl;
	unsigned block;
	bool wide;
} idaws[] = {
	{1, F1, 4096, true},
	{2, F1 | 0x00010000, 2048, true},
	{3, F1 & ~QDIO_ORB_IDAW64, 2048, false},
};

START_TEST(idaws_of_both_formats)
{
	const struct idaw_row *row = &idaws[_i];
	uint32_t first = DATA + row->block - 2, second = DATA + 0x8000;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	memcpy(r.mem + first, "ab", 2);
	memcpy(r.mem + second, "cd", 2);
	if (row->wide) {
		be64_store(r.mem + IDAWS, first);
		be64_store(r.mem + IDAWS + 8, second);
	} else {
		be32_store(r.mem + IDAWS, first);
		be32_store(r.mem + IDAWS + 4, second);
	}
	rig_ccw(&r, 0, QDIO_CCW_WRITE, QDIO_CCW_IDA, 4, IDAWS);
	rig_start_at(&r, 0, row->ctl, RIG_CCWS);
	ck_assert_msg(r.irb[0].scsw.sstat == 0, "row %d", row->n);
	ck_assert_msg(r.written_len == 4 && !memcmp(r.written, "abcd", 4), "row %d", row->n);
	/* The second IDAW must be at the start of a block. */
	r.mem[IDAWS + (row->wide ? 15 : 7)] = 1;
	rig_start_at(&r, 0, row->ctl, RIG_CCWS);
	ck_assert_msg(r.irb[0].scsw.sstat == PC, "row %d: alignment", row->n);
	rig_fini(&r);
}
END_TEST

/* ---- READ ----------------------------------------------------------------------------- */

START_TEST(read_is_held_until_a_message)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_READ, SLI, 4096, DATA);
	ck_assert_int_eq(rig_start(&r, 0), 0);
	ck_assert_uint_eq(r.interrupts[0], 0);
	ck_assert_int_eq(rig_start(&r, 0), 2);
	ck_assert_int_eq(qdio_msch(r.g, 0, false, 0), 2);
	qdio_group_readable(r.g, 0); /* still nothing */
	ck_assert_uint_eq(r.interrupts[0], 0);
	rig_message(&r, 0, "hello", 5);
	qdio_group_readable(r.g, 1); /* another device */
	ck_assert_uint_eq(r.interrupts[0], 0);
	qdio_group_readable(r.g, 0);
	ck_assert_uint_eq(r.interrupts[0], 1);
	ck_assert_uint_eq(be16_get(r.irb[0].scsw.count), 4091);
	ck_assert_mem_eq(r.mem + DATA, "hello", 5);
	rig_message(&r, 0, "x", 1);
	qdio_group_readable(r.g, 0); /* no READ outstanding: kept */
	ck_assert_uint_eq(r.interrupts[0], 1);
	rig_fini(&r);
}
END_TEST

START_TEST(held_read_goes_on_with_its_chain)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_ccw(&r, 0, QDIO_CCW_READ, SLI | CC, 4096, DATA);
	rig_ccw(&r, 1, QDIO_CCW_SENSE_ID, SLI, 28, DATA + 4096);
	rig_start(&r, 0);
	rig_message(&r, 0, "hello", 5);
	qdio_group_readable(r.g, 0);
	ck_assert_uint_eq(r.interrupts[0], 1);
	ck_assert_uint_eq(r.mem[DATA + 4096], 0xFF);
	ck_assert_uint_eq(be32_get(r.irb[0].scsw.cpa), RIG_CCWS + 16);
	rig_fini(&r);
}
END_TEST

START_TEST(refused_write_and_sense)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	r.write_rc = -1;
	rig_ccw(&r, 0, QDIO_CCW_WRITE, SLI | CC, 8, DATA);
	rig_ccw(&r, 1, QDIO_CCW_READ, SLI, 8, DATA);
	rig_start(&r, 1);
	ck_assert_uint_eq(r.irb[1].scsw.dstat, UC);
	ck_assert_uint_eq(r.irb[1].sense[0], REJECT);
	ck_assert_uint_eq(r.reads, 0);
	rig_ccw(&r, 0, QDIO_CCW_SENSE, 0, 32, DATA);
	rig_start(&r, 1);
	ck_assert_uint_eq(r.mem[DATA], REJECT);
	rig_start(&r, 1); /* once */
	ck_assert_uint_eq(r.mem[DATA], 0);
	rig_fini(&r);
}
END_TEST

static void count_trace(void *ctx, unsigned dev, const struct qdio_ccw1 *ccw, const uint8_t *data,
			size_t len)
{
	unsigned *seen = ctx;

	(void)data;
	seen[0]++;
	seen[1] = ccw->cmd;
	seen[2] = (unsigned)len;
	seen[3] = dev;
}

START_TEST(trace_sees_every_command)
{
	unsigned seen[4] = {0};
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	qdio_group_set_trace(r.g, count_trace, seen);
	rig_ccw(&r, 0, QDIO_CCW_NOP, CC, 0, 0);
	rig_ccw(&r, 1, QDIO_CCW_SENSE_ID, SLI, 40, DATA);
	rig_start(&r, 1);
	ck_assert_uint_eq(seen[0], 2);
	ck_assert_uint_eq(seen[1], QDIO_CCW_SENSE_ID);
	ck_assert_uint_eq(seen[2], 28);
	ck_assert_uint_eq(seen[3], 1);
	rig_fini(&r);
}
END_TEST

/* A program that never ends costs a bounded number of commands. */
START_TEST(endless_program_is_cut_off)
{
	unsigned seen[4] = {0};
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	qdio_group_set_trace(r.g, count_trace, seen);
	rig_ccw(&r, 0, QDIO_CCW_NOP, CC, 0, 0);
	rig_ccw(&r, 1, QDIO_CCW_TIC, 0, 0, RIG_CCWS);
	rig_start(&r, 0);
	ck_assert_uint_eq(r.irb[0].scsw.sstat, PC);
	ck_assert_uint_gt(seen[0], 16);
	ck_assert_uint_lt(seen[0], 1000);
	rig_fini(&r);
}
END_TEST

/* ---- ESTABLISH QUEUES ----------------------------------------------------------------- */

/* Descriptor i: SLIB at +0, SL at +8, SLSB at +16. */
#define D(i) (RIG_QDR + QDIO_QDR_DESC + 32 * (i))

static const struct eq_row {
	int n;
	uint32_t addr; /* of a byte to change in the layout; 0: none */
	uint8_t value;
	uint16_t count; /* of the CCW; 0: 4096 */
	uint32_t cda;	/* 0: RIG_QDR */
	uint32_t ctl;	/* 0: RIG_ORB_CTL */
	uint8_t dstat, sstat;
} eq_rows[] = {
	{1, 0, 0, 0, 0, 0, RIG_CE_DE, 0},
	/* counts, sizes, format */
	{2, RIG_QDR + 5, 0, 0, 0, 0, UC, 0},
	{3, RIG_QDR + 5, 2, 0, 0, 0, UC, 0},
	{4, RIG_QDR + 5, 255, 0, 0, 0, UC, 0},
	{5, RIG_QDR + 7, 0, 0, 0, 0, UC, 0},
	{6, RIG_QDR + 7, 5, 0, 0, 0, UC, 0},
	{7, RIG_QDR + 9, 7, 0, 0, 0, UC, 0},
	{8, RIG_QDR + 11, 7, 0, 0, 0, UC, 0},
	{9, RIG_QDR + 11, 255, 0, 0, 0, UC, 0},	      /* descriptors longer than the QDR */
	{13, RIG_QDR + 11, 255, 0xFFFF, 0, 0, UC, 0}, /* not even where the CCW has more */
	{10, RIG_QDR + 0, 2, 0, 0, 0, UC, 0},
	{11, RIG_QDR + 0, 1, 0, 0, 0, UC, 0},
	{12, RIG_QDR + 7, 1, 0, 0, 0, RIG_CE_DE, 0},
	/* length of the QDR: 0x40 + 5 * 32 = 0xE0 */
	{20, 0, 0, 0xE0, 0, 0, RIG_CE_DE, 0},
	{21, 0, 0, 0xDF, 0, 0, UC, 0},
	{22, 0, 0, 0x0C, 0, 0, UC, 0},
	{23, 0, 0, 0xFFFF, 0, 0, RIG_CE_DE, 0},
	/* where the QDR is; 31-bit layout */
	{30, 0, 0, 0, RIG_QDR + 8, 0, UC, 0},
	{31, 0, 0, 0, END, 0, RIG_CE_DE, PC},
	{32, 0, 0, 0, 0, RIG_ORB_CTL & ~QDIO_ORB_IDAW64, UC, 0},
	/* QIB: misaligned, outside, wrapping */
	{40, RIG_QDR + 0x37, 0x80, 0, 0, 0, UC, 0},
	{41, RIG_QDR + 0x33, 0x01, 0, 0, 0, RIG_CE_DE, PC},
	{42, RIG_QDR + 0x30, 0xFF, 0, 0, 0, RIG_CE_DE, PC},
	/* first descriptor: SLIB, SL, SLSB */
	{50, D(0) + 7, 0x08, 0, 0, 0, UC, 0},
	{51, D(0) + 0, 0x80, 0, 0, 0, RIG_CE_DE, PC},
	{52, D(0) + 15, 0x08, 0, 0, 0, UC, 0},
	{53, D(0) + 8, 0x80, 0, 0, 0, RIG_CE_DE, PC},
	{54, D(0) + 23, 0x80, 0, 0, 0, UC, 0},
	{55, D(0) + 16, 0xFF, 0, 0, 0, RIG_CE_DE, PC},
	/* last descriptor */
	{60, D(4) + 15, 0x08, 0, 0, 0, UC, 0},
	{61, D(4) + 8, 0x80, 0, 0, 0, RIG_CE_DE, PC},
	{62, D(4) + 16, 0xFF, 0, 0, 0, RIG_CE_DE, PC},
	/* behind the descriptors in use: not looked at */
	{70, D(5) + 0, 0xFF, 0, 0, 0, RIG_CE_DE, 0},
};

START_TEST(establish_ends_as_listed)
{
	const struct eq_row *row = &eq_rows[_i];
	bool good = row->dstat == RIG_CE_DE && !row->sstat;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_layout(&r, 1, 4);
	if (row->addr)
		r.mem[row->addr] = row->value;
	rig_ccw(&r, 0, QDIO_CCW_EQ, SLI, row->count ? row->count : QDIO_QDR_BYTES,
		row->cda ? row->cda : RIG_QDR);
	ck_assert_int_eq(rig_start_at(&r, 2, row->ctl ? row->ctl : RIG_ORB_CTL, RIG_CCWS), 0);
	ck_assert_msg(r.interrupts[2] == 1, "row %d", row->n);
	ck_assert_msg(r.irb[2].scsw.dstat == row->dstat, "row %d: %02x", row->n,
		      r.irb[2].scsw.dstat);
	ck_assert_msg(r.irb[2].scsw.sstat == row->sstat, "row %d: %02x", row->n,
		      r.irb[2].scsw.sstat);
	ck_assert_msg(r.irb[2].sense[0] == (row->dstat == UC ? REJECT : 0), "row %d", row->n);
	ck_assert_msg(qdio_group_state(r.g) == (good ? QDIO_ESTABLISHED : QDIO_IDLE), "row %d",
		      row->n);
	ck_assert_msg(r.mem[RIG_QIB + 3] == (good ? QDIO_QIB_AC_PCI : 0), "row %d: QIB ac", row->n);
	for (unsigned b = 0; b < QDIO_BUFFERS; b++) /* no state is touched */
		ck_assert_uint_eq(r.mem[RIG_SLSB(0) + b], 0);
	rig_fini(&r);
}
END_TEST

START_TEST(establish_fills_the_queues)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_layout(&r, 1, 4);
	r.mem[RIG_QIB + 2] = 0x01;			     /* rflags are the guest's */
	r.mem[RIG_QIB + 0x80] = 0xD7;			     /* PCIT */
	r.mem[D(2) + 29] = 0x60;			     /* key of SBALs and data */
	be64_store(r.mem + RIG_SL(1) + 40, RIG_BYTES);	     /* outside */
	be64_store(r.mem + RIG_SL(1) + 48, RIG_DATA + 0x80); /* misaligned */
	ck_assert_int_eq(rig_establish(&r), 0);
	ck_assert_int_eq(rig_activate(&r), 0);
	ck_assert_ptr_nonnull(r.queues);
	ck_assert_uint_eq(r.queues->n_in, 1);
	ck_assert_uint_eq(r.queues->n_out, 4);
	ck_assert_uint_eq(r.queues->qib_parm[0], 0xD7);
	ck_assert_uint_eq(r.mem[RIG_QIB + 2], 0x01);
	ck_assert(r.queues->in[0].input && !r.queues->out[3].input);
	ck_assert_uint_eq(r.queues->out[3].nr, 3);
	ck_assert_uint_eq(r.queues->out[1].data_key, 6);
	ck_assert_ptr_eq((uint8_t *)r.queues->out[3].slsb, r.mem + RIG_SLSB(4));
	ck_assert_ptr_eq(r.queues->in[0].sbal[127], r.mem + RIG_SBAL(0, 127));
	ck_assert_ptr_null(r.queues->out[0].sbal[5]);
	ck_assert_ptr_null(r.queues->out[0].sbal[6]);
	ck_assert_ptr_eq(r.queues->out[0].sbal[7], r.mem + RIG_SBAL(1, 7));
	rig_fini(&r);
}
END_TEST

/* A refused set leaves the one before alone. */
START_TEST(refused_establish_keeps_the_old_set)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_layout(&r, 1, 4);
	rig_establish(&r);
	r.mem[RIG_QDR + 7] = 9;
	rig_establish(&r);
	ck_assert_uint_eq(r.irb[2].scsw.dstat, UC);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_ESTABLISHED);
	rig_activate(&r);
	ck_assert_uint_eq(r.queues->n_out, 4);
	rig_fini(&r);
}
END_TEST

START_TEST(descriptors_of_ten_words)
{
	struct qdio_qdr qdr;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_layout(&r, 1, 2);
	memcpy(&qdr, r.mem + RIG_QDR, sizeof(qdr));
	memset(r.mem + RIG_QDR + QDIO_QDR_DESC, 0xFF, 512);
	r.mem[RIG_QDR + 9] = 10;
	r.mem[RIG_QDR + 11] = 12;
	memcpy(r.mem + RIG_QDR + 0x40, &qdr.desc[0], 32);
	memcpy(r.mem + RIG_QDR + 0x40 + 40, &qdr.desc[1], 32);
	memcpy(r.mem + RIG_QDR + 0x40 + 40 + 48, &qdr.desc[2], 32);
	rig_establish(&r);
	ck_assert_uint_eq(r.irb[2].scsw.dstat, RIG_CE_DE);
	rig_activate(&r);
	ck_assert_ptr_eq((uint8_t *)r.queues->out[1].slsb, r.mem + RIG_SLSB(2));
	rig_fini(&r);
}
END_TEST

START_TEST(completion_queue_has_its_place)
{
	struct qdio_group_config cfg = rig_config();
	struct rig r;

	cfg.qfmt = QDIO_FORMAT_IQD;
	cfg.qdioac3 = QDIO_AC3_CQ;
	rig_init(&r, &cfg, RIG_BYTES);
	rig_layout(&r, 2, 4);
	rig_establish(&r);
	ck_assert_uint_eq(r.irb[2].scsw.dstat, RIG_CE_DE);
	rig_activate(&r);
	ck_assert_uint_eq(r.queues->n_in, 2);
	ck_assert_ptr_eq((uint8_t *)r.queues->out[0].slsb, r.mem + RIG_SLSB(2));
	rig_fini(&r);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

static Suite *ccw_suite(void)
{
	Suite *s = suite_create("ccw");
	TCase *tc = tcase_create("programs");

	tcase_add_loop_test(tc, programs_end_as_listed, 0, ROWS(programs));
	tcase_add_test(tc, normal_end_status);
	tcase_add_test(tc, sense_id_bytes);
	tcase_add_test(tc, configuration_data);
	tcase_add_test(tc, data_chaining_scatters_and_gathers);
	tcase_add_test(tc, skip_stores_nothing);
	tcase_add_test(tc, too_many_segments);
	tcase_add_loop_test(tc, bad_program_addresses, 0, ROWS(addresses));
	tcase_add_loop_test(tc, idaws_of_both_formats, 0, ROWS(idaws));
	tcase_add_test(tc, read_is_held_until_a_message);
	tcase_add_test(tc, held_read_goes_on_with_its_chain);
	tcase_add_test(tc, refused_write_and_sense);
	tcase_add_test(tc, trace_sees_every_command);
	tcase_add_test(tc, endless_program_is_cut_off);
	suite_add_tcase(s, tc);
	tc = tcase_create("establish");
	tcase_add_loop_test(tc, establish_ends_as_listed, 0, ROWS(eq_rows));
	tcase_add_test(tc, establish_fills_the_queues);
	tcase_add_test(tc, refused_establish_keeps_the_old_set);
	tcase_add_test(tc, descriptors_of_ten_words);
	tcase_add_test(tc, completion_queue_has_its_place);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(ccw_suite());

	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);

	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
