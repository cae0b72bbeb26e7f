/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qdio_execute: single commands of an owner whose channel fetches CCWs and moves data itself.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/qdio_rig.h"

#define DATA_BYTES 4096
#define GUARD 0xA5

static uint8_t data[DATA_BYTES + 8];

static int execute(struct rig *r, unsigned dev, uint8_t cmd, uint16_t count)
{
	struct qdio_single single = {.cmd = cmd, .count = count, .data = data, .idaw64 = true};

	return qdio_execute(r->g, dev, &single);
}

static void begin(struct rig *r)
{
	struct qdio_group_config cfg = rig_config();

	rig_init(r, &cfg, RIG_BYTES);
	memset(data, GUARD, sizeof(data));
}

/* Commands that give data: how much of it goes into count bytes, and what is left of them. */
START_TEST(answers_as_listed)
{
	static const struct {
		int n;
		uint8_t cmd;
		uint16_t count;
		uint16_t residual;
		uint8_t dstat;
	} rows[] = {
		{1, QDIO_CCW_SENSE_ID, 64, 64 - 28, RIG_CE_DE},
		{2, QDIO_CCW_SENSE_ID, 28, 0, RIG_CE_DE},
		{3, QDIO_CCW_SENSE_ID, 7, 0, RIG_CE_DE},
		{4, QDIO_CCW_RCD, QDIO_RCD_BYTES, 0, RIG_CE_DE},
		{5, QDIO_CCW_SENSE, QDIO_SENSE_BYTES, 0, RIG_CE_DE},
		{6, QDIO_CCW_NOP, 1, 0, RIG_CE_DE},
		/* Without the SII that it must be chained from. */
		{7, QDIO_CCW_RNI, 64, 64, RIG_CE_DE | QDIO_DSTAT_UNIT_CHECK},
		{8, 0x55, 8, 8, RIG_CE_DE | QDIO_DSTAT_UNIT_CHECK},
		{9, QDIO_CCW_WRITE, 0, 0, RIG_CE_DE | QDIO_DSTAT_UNIT_CHECK},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;

		begin(&r);
		ck_assert_msg(execute(&r, 0, rows[i].cmd, rows[i].count) == 0, "row %d", rows[i].n);
		ck_assert_msg(r.interrupts[0] == 1, "row %d", rows[i].n);
		ck_assert_msg(r.irb[0].scsw.dstat == rows[i].dstat, "row %d: %02x", rows[i].n,
			      r.irb[0].scsw.dstat);
		ck_assert_msg(be16_get(r.irb[0].scsw.count) == rows[i].residual, "row %d: %u",
			      rows[i].n, be16_get(r.irb[0].scsw.count));
		/* Incorrect length is the owner's to see. */
		ck_assert_msg(r.irb[0].scsw.sstat == 0, "row %d", rows[i].n);
		ck_assert_msg(data[rows[i].count] == GUARD, "row %d", rows[i].n);
		rig_fini(&r);
	}
}
END_TEST

START_TEST(sense_id_is_in_the_data)
{
	struct rig r;

	begin(&r);
	execute(&r, 0, QDIO_CCW_SENSE_ID, 64);
	ck_assert_uint_eq(data[0], 0xFF);
	ck_assert_uint_eq(be16_load(data + 1), QDIO_CU_OSA);
	rig_fini(&r);
}
END_TEST

START_TEST(write_takes_the_data)
{
	struct rig r;

	begin(&r);
	for (unsigned i = 0; i < 100; i++)
		data[i] = (uint8_t)i;
	ck_assert_int_eq(execute(&r, 1, QDIO_CCW_WRITE, 100), 0);
	ck_assert_uint_eq(r.written_len, 100);
	ck_assert_mem_eq(r.written, data, 100);
	ck_assert_uint_eq(r.irb[1].scsw.dstat, RIG_CE_DE);
	rig_fini(&r);
}
END_TEST

/* A READ waits, and its data are in use until it ends. */
START_TEST(read_is_held)
{
	static const char text[] = "a message";
	struct rig r;

	begin(&r);
	ck_assert_int_eq(execute(&r, 0, QDIO_CCW_READ, 64), 0);
	ck_assert_uint_eq(r.interrupts[0], 0);
	ck_assert_int_eq(execute(&r, 0, QDIO_CCW_NOP, 1), 2);
	ck_assert_int_eq(qdio_ssch(r.g, 0, &(struct qdio_orb){0}), 2);
	rig_message(&r, 0, text, sizeof(text));
	qdio_group_readable(r.g, 0);
	ck_assert_uint_eq(r.interrupts[0], 1);
	ck_assert_mem_eq(data, text, sizeof(text));
	ck_assert_uint_eq(be16_get(r.irb[0].scsw.count), 64 - sizeof(text));
	rig_fini(&r);
}
END_TEST

START_TEST(halt_ends_a_held_read)
{
	static const char text[] = "too late";
	struct rig r;

	begin(&r);
	execute(&r, 0, QDIO_CCW_READ, 64);
	ck_assert_int_eq(qdio_hsch(r.g, 0), 0);
	ck_assert_uint_eq(r.interrupts[0], 1);
	rig_message(&r, 0, text, sizeof(text));
	qdio_group_readable(r.g, 0);
	ck_assert_uint_eq(r.interrupts[0], 1);
	ck_assert_uint_eq(data[0], GUARD);
	rig_fini(&r);
}
END_TEST

/* The QDR comes with the command; what it points to is in storage. */
START_TEST(queues_by_single_commands)
{
	struct rig r;

	begin(&r);
	rig_layout(&r, 1, 4);
	memcpy(data, r.mem + RIG_QDR, QDIO_QDR_BYTES);
	ck_assert_int_eq(execute(&r, 2, QDIO_CCW_EQ, QDIO_QDR_BYTES), 0);
	ck_assert_uint_eq(r.irb[2].scsw.dstat, RIG_CE_DE);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_ESTABLISHED);
	ck_assert_int_eq(execute(&r, 2, QDIO_CCW_AQ, 0), 0);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_ACTIVE);
	ck_assert_uint_eq(r.activates, 1);
	ck_assert_int_eq(qdio_csch(r.g, 2), 0);
	ck_assert_uint_eq(r.deactivates, 1);
	rig_fini(&r);
}
END_TEST

START_TEST(no_31_bit_qdr)
{
	struct qdio_single single = {.cmd = QDIO_CCW_EQ, .count = QDIO_QDR_BYTES, .data = data};
	struct rig r;

	begin(&r);
	rig_layout(&r, 1, 4);
	memcpy(data, r.mem + RIG_QDR, QDIO_QDR_BYTES);
	ck_assert_int_eq(qdio_execute(r.g, 2, &single), 0);
	ck_assert(r.irb[2].scsw.dstat & QDIO_DSTAT_UNIT_CHECK);
	ck_assert_uint_eq(r.irb[2].sense[0], QDIO_SENSE0_COMMAND_REJECT);
	rig_fini(&r);
}
END_TEST

/* A program of CCWs afterwards moves its data through storage again. */
START_TEST(then_a_program)
{
	struct rig r;

	begin(&r);
	execute(&r, 0, QDIO_CCW_SENSE_ID, 64);
	memset(data, GUARD, sizeof(data));
	rig_ccw(&r, 0, QDIO_CCW_SENSE_ID, QDIO_CCW_SLI, 64, RIG_DATA);
	ck_assert_int_eq(rig_start(&r, 0), 0);
	ck_assert_uint_eq(r.mem[RIG_DATA], 0xFF);
	ck_assert_uint_eq(data[0], GUARD);
	rig_fini(&r);
}
END_TEST

START_TEST(disabled_or_missing)
{
	struct rig r;

	begin(&r);
	ck_assert_int_eq(execute(&r, QDIO_DEVICES, QDIO_CCW_NOP, 1), 3);
	qdio_msch(r.g, 0, false, 0);
	ck_assert_int_eq(execute(&r, 0, QDIO_CCW_NOP, 1), 3);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("execute");
	TCase *tc = tcase_create("single commands");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, answers_as_listed);
	tcase_add_test(tc, sense_id_is_in_the_data);
	tcase_add_test(tc, write_takes_the_data);
	tcase_add_test(tc, read_is_held);
	tcase_add_test(tc, halt_ends_a_held_read);
	tcase_add_test(tc, queues_by_single_commands);
	tcase_add_test(tc, no_31_bit_qdr);
	tcase_add_test(tc, then_a_program);
	tcase_add_test(tc, disabled_or_missing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
