/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHSC answers, byte by byte: spec/qdio.md 8. SADC is in check_qdio.c.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/qdio_rig.h"

#define OLD 0xEE /* what stands in the block behind the request */

static uint8_t block[QDIO_CHSC_BLOCK_BYTES];

/* Requests 0x0002, 0x0004, 0x0010, 0x0024: sixteen bytes from the text of a recording. */
static int request(struct rig *r, const char *hex)
{
	memset(block, OLD, sizeof(block));
	for (size_t i = 0; i < 16; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		block[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return qdio_chsc(&r->g, 1, block);
}

static const struct answer_row {
	int n;
	uint16_t len;
	const char *request;
	const char *answer; /* hex from the response's length field on; the rest is zero */
} answers[] = {
	/* path description, format 0 and 1 */
	{1, 16, "00100002000000050000000500000000", "00100001000000008000110500000000"},
	{2, 16, "00100002000000000000000000000000", "00100001000000000000000000000000"},
	{3, 32, "00100002000000040000000600000000",
	 "0020000100000000000000040000000080001105000000000000000600000000"},
	{4, 40, "00100002000001050000000500000000", "002800010000000080001105"},
	{5, 8, "00100002000002050000000500000000", "00080003"},
	{6, 8, "00100002000000060000000500000000", "00080003"},
	{7, 16, "00100002200000050000000500000000", "001000010000000080001105"},
	{8, 8, "00100002200100050000000500000000", "00080003"},
	{9, 8 + 127 * 32, "00100002000001000000007E00000000", "0fe800010000000000000000"},
	{10, 8, "00100002000001000000007F00000000", "00080003"},
	/* subchannel description */
	{20, 40, "00100004000000030000000300000000", "0028000100000000c00205028000000305000000"},
	{21, 40, "00100004000000010000000100000000", "0028000100000000c00005008000000105000000"},
	{22, 40, "00100004000000000000000000000000", "00280001000000000000000000000000"},
	{23, 40, "00100004001000030000000300000000", "00280001000000000000000000000003"},
	{24, 8, "00100004000100030000000300000000", "00080003"},
	{25, 8, "00100004000000030000000200000000", "00080003"},
	/* SSQD */
	{30, 40, "00100024000000030000000300000000", "0028000100000000c00000030000e00001010004"},
	{31, 40, "00100024000000040000000400000000", "002800010000000000000004"},
	{32, 40, "00100024001000030000000300000000", "002800010000000000000003"},
	{33, 8, "00100024000100030000000300000000", "00080003"},
	{34, 8, "00100024000000000000ffff00000000", "00080003"},
	{35, 72, "00100024000000020000000300000000",
	 "0048000100000000c00000020000e000010100040000000000000000000000000000000000000000c00000030"
	 "000e00001010004"},
	/* the others */
	{40, 8, "00100034040000000000000000000000", "00080004"},
	{41, 8, "00100031000000000000000000000000", "00080004"},
	{42, 8, "0010003D000000000000000000000000", "00080004"},
	{43, 8, "00100033000000000000000000000000", "00080002"},
	{44, 8, "0010004C000000000000000000000000", "00080002"},
	{45, 8, "00100000000000000000000000000000", "00080002"},
	{46, 8, "0010FFFF000000000000000000000000", "00080002"},
	/* lengths that the command does not have */
	{50, 8, "00180002000000050000000500000000", NULL},
	{51, 8, "00180024000000030000000300000000", NULL},
	{52, 8, "00180010000000000000000000000000", NULL},
	{53, 8, "00100021000000000000000000000000", "00080003"},
};

START_TEST(answers_as_listed)
{
	const struct answer_row *row = &answers[_i];
	const uint8_t *answer = block + 16;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	ck_assert_msg(request(&r, row->request) == 0, "row %d", row->n);
	if (!row->answer) {
		ck_assert_msg(be32_load(block + 0x18) == 0x00080003, "row %d", row->n);
		rig_fini(&r);
		return;
	}
	size_t n = strlen(row->answer) / 2;

	for (size_t i = 0; i < row->len; i++) {
		char digits[3] = "00";

		if (i < n)
			memcpy(digits, row->answer + 2 * i, 2);
		/* of long answers only the start is listed */
		if (i < n || row->len <= 72)
			ck_assert_msg(answer[i] == strtoul(digits, NULL, 16),
				      "row %d: byte %zx is %02x, not %s", row->n, i, answer[i],
				      digits);
	}
	if (16u + row->len < sizeof(block))
		ck_assert_msg(answer[row->len] == OLD, "row %d: more than its length", row->n);
	rig_fini(&r);
}
END_TEST

static const struct length_row {
	int n;
	uint16_t len;
	int rc;
} lengths[] = {
	{1, 0, -QDIO_PGM_OPERAND},	{2, 8, -QDIO_PGM_OPERAND},
	{3, 15, -QDIO_PGM_OPERAND},	{4, 16, 0},
	{5, 17, -QDIO_PGM_OPERAND},	{6, 4088, 0},
	{7, 4089, -QDIO_PGM_OPERAND},	{8, 4096, -QDIO_PGM_OPERAND},
	{9, 0xFFFF, -QDIO_PGM_OPERAND},
};

START_TEST(request_lengths)
{
	const uint16_t codes[] = {0x0002, 0x0004, 0x0010, 0x0021, 0x0024, 0x0031, 0x1234};
	const struct length_row *row = &lengths[_i];
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		memset(block, 0, sizeof(block));
		be16_store(block, row->len);
		be16_store(block + 2, codes[i]);
		ck_assert_msg(qdio_chsc(&r.g, 1, block) == row->rc, "row %d code %04x", row->n,
			      codes[i]);
	}
	rig_fini(&r);
}
END_TEST

/* ---- characteristics ----------------------------------------------------------------------------
 */

static bool general(unsigned bit)
{
	return block[0x18 + bit / 8] & 0x80 >> bit % 8;
}

static bool chsc(unsigned bit)
{
	return block[0x810 + bit / 8] & 0x80 >> bit % 8;
}

static const struct chars_row {
	int n;
	bool thin[2], qebsm[2], iqd[2];
	bool bit67, bit58, tdd;
} chars[] = {
	{1, {0, 0}, {0, 0}, {0, 0}, false, false, false},
	{2, {1, 1}, {0, 0}, {0, 0}, true, false, true},
	{3, {1, 0}, {0, 0}, {0, 0}, false, false, true}, /* bit 67 decides for all */
	{4, {0, 0}, {1, 0}, {0, 0}, false, true, false},
	{5, {1, 0}, {0, 0}, {0, 1}, true, false, true},
	{6, {0, 0}, {0, 0}, {0, 1}, false, false, true},
};

START_TEST(characteristics_as_listed)
{
	const struct chars_row *row = &chars[_i];
	struct qdio_group *groups[2];
	struct rig r[2];

	for (unsigned i = 0; i < 2; i++) {
		struct qdio_group_config cfg = rig_config();

		cfg.thin_interrupts = row->thin[i];
		cfg.qebsm = row->qebsm[i];
		cfg.qfmt = row->iqd[i] ? QDIO_FORMAT_IQD : QDIO_FORMAT_OSD;
		rig_init(&r[i], &cfg, RIG_BYTES);
		groups[i] = r[i].g;
	}
	memset(block, 0, sizeof(block));
	be32_store(block, 0x00100010);
	ck_assert_int_eq(qdio_chsc(groups, 2, block), 0);
	ck_assert_uint_eq(be32_load(block + 0x10), 0x0FF00001);
	ck_assert(general(41) && general(46));
	ck_assert_msg(general(67) == row->bit67, "row %d", row->n);
	ck_assert_msg(general(58) == row->bit58, "row %d", row->n);
	ck_assert_msg(general(56) == row->tdd && chsc(107) == row->tdd, "row %d", row->n);
	ck_assert(!general(45) && !general(116) && !general(123) && !chsc(116));
	rig_fini(&r[0]);
	rig_fini(&r[1]);
}
END_TEST

/* ---- a group's particulars
 * ------------------------------------------------------------------------ */

START_TEST(single_queue_and_iqd)
{
	struct qdio_group_config cfg = rig_config();
	struct rig r;

	cfg.out_queues = 1;
	rig_init(&r, &cfg, RIG_BYTES);
	request(&r, "00100002000000050000000500000000");
	ck_assert_uint_eq(block[0x18 + 7], 0x02);
	request(&r, "00100024000000030000000300000000");
	ck_assert_uint_eq(block[0x18 + 0x0B], 1);
	rig_fini(&r);

	cfg.out_queues = 4;
	cfg.qfmt = QDIO_FORMAT_IQD;
	cfg.chpid_type = QDIO_CHPID_IQD;
	cfg.qdioac2 = QDIO_AC2_SNIFFER;
	cfg.qdioac3 = QDIO_AC3_CQ;
	cfg.mmwc = 16;
	rig_init(&r, &cfg, RIG_BYTES);
	request(&r, "00100002000000050000000500000000");
	ck_assert_uint_eq(block[0x18 + 2], 0x24);
	request(&r, "00100024000000030000000300000000");
	ck_assert_uint_eq(block[0x18 + 4], 2);
	ck_assert_uint_eq(block[0x18 + 9], 2);
	ck_assert_uint_eq(be16_load(block + 0x18 + 0x0E), 0x0008);
	ck_assert_uint_eq(be16_load(block + 0x18 + 0x1A), 0x8000);
	ck_assert_uint_eq(block[0x18 + 0x1F], 16);
	rig_fini(&r);
}
END_TEST

START_TEST(two_groups)
{
	struct qdio_group_config cfg = rig_config();
	struct qdio_group *groups[2];
	struct rig a, b;

	rig_init(&a, &cfg, RIG_BYTES);
	cfg.subchannel[0] = 10;
	cfg.subchannel[1] = 11;
	cfg.subchannel[2] = 12;
	cfg.chpid = 6;
	rig_init(&b, &cfg, RIG_BYTES);
	groups[0] = a.g;
	groups[1] = b.g;
	memset(block, 0, sizeof(block));
	be32_store(block, 0x00100024);
	be16_store(block + 6, 2);
	be16_store(block + 10, 11);
	ck_assert_int_eq(qdio_chsc(groups, 2, block), 0);
	ck_assert_uint_eq(be16_load(block + 0x10), 8 + 10 * 32);
	for (size_t i = 0; i < 10; i++) {
		const uint8_t *e = block + 0x18 + i * 32;
		bool ours = i + 2 <= 3 || i + 2 >= 10;

		ck_assert_uint_eq(be16_load(e + 2), i + 2);
		ck_assert_uint_eq(e[0], ours ? 0xC0 : 0);
	}
	rig_fini(&a);
	rig_fini(&b);
}
END_TEST

/* The indicators of an unknown subchannel, and an operation for other hypervisors. */
START_TEST(sadc_refused)
{
	static const struct {
		int n;
		uint16_t op;
		uint32_t schid;
		uint16_t code;
	} rows[] = {
		{1, 0, 0x00010009, 0x0003}, {2, 0, 0x00000003, 0x0003}, {3, 0, 0x00030003, 0x0003},
		{4, 1, 0x00010003, 0x0004}, {5, 0, 0x00010003, 0x0001},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct qdio_group_config cfg = rig_config();
		struct rig r;

		cfg.thin_interrupts = true;
		rig_init(&r, &cfg, RIG_BYTES);
		memset(block, 0, sizeof(block));
		be32_store(block, 0x0FE00021);
		be16_store(block + 4, rows[i].op);
		be64_store(block + 0x10, RIG_LSI);
		be64_store(block + 0x18, RIG_DSCI);
		be32_store(block + 0x2C, rows[i].schid);
		ck_assert_int_eq(qdio_chsc(&r.g, 1, block), 0);
		ck_assert_msg(be32_load(block + 0xFE0) == (0x00080000u | rows[i].code), "row %d",
			      rows[i].n);
		rig_fini(&r);
	}
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

int main(void)
{
	Suite *s = suite_create("chsc");
	TCase *tc = tcase_create("chsc");
	SRunner *sr;

	tcase_add_loop_test(tc, answers_as_listed, 0, ROWS(answers));
	tcase_add_loop_test(tc, request_lengths, 0, ROWS(lengths));
	tcase_add_loop_test(tc, characteristics_as_listed, 0, ROWS(chars));
	tcase_add_test(tc, single_queue_and_iqd);
	tcase_add_test(tc, two_groups);
	tcase_add_test(tc, sadc_refused);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);

	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
