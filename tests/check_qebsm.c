/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEBSM: negotiation, SQBS and EQBS in numbered tables, and a random walk against a naive model.
 * Source: spec/qdio.md 7.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/qdio_rig.h"

static void rig_init_qebsm(struct rig *r, bool requested)
{
	struct qdio_group_config cfg = rig_config();

	cfg.qebsm = true;
	rig_init(r, &cfg, RIG_BYTES);
	rig_layout(r, 1, 4);
	r->mem[RIG_QIB + 2] = requested ? QDIO_QIB_RFLAG_QEBSM : 0;
}

/* qdioac1 and token of the data subchannel. */
static uint8_t ssqd(struct rig *r, uint64_t *token)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES] = {0};
	struct qdio_ssqd e;

	be32_store(block, 0x00100024);
	be16_store(block + 6, 3);
	be16_store(block + 10, 3);
	ck_assert_int_eq(qdio_chsc(&r->g, 1, block), 0);
	memcpy(&e, block + 0x18, sizeof(e));
	*token = be64_get(e.sch_token);
	return e.qdioac1;
}

static uint64_t token_of(struct rig *r)
{
	uint64_t token;

	ssqd(r, &token);
	return token;
}

START_TEST(negotiation)
{
	uint64_t token, gr0;
	struct rig r;

	rig_init_qebsm(&r, false);
	rig_establish(&r);
	ck_assert_uint_eq(ssqd(&r, &token) & 3, QDIO_AC1_QEBSM_AVAILABLE);
	ck_assert_uint_eq(token, 0);
	r.mem[RIG_QIB + 2] = QDIO_QIB_RFLAG_QEBSM;
	rig_establish(&r);
	ck_assert_uint_eq(ssqd(&r, &token) & 3, QDIO_AC1_QEBSM_AVAILABLE | QDIO_AC1_QEBSM_ENABLED);
	ck_assert_uint_ne(token, 0);
	ck_assert_uint_eq(r.mem[RIG_QIB + 2], QDIO_QIB_RFLAG_QEBSM);
	rig_activate(&r);

	/* From now on SIGA takes the token and refuses the plain id. */
	gr0 = QDIO_SIGA_TOKEN;
	ck_assert_int_eq(qdio_siga(r.g, &gr0, token, 0x80000000, 0), 0);
	ck_assert_uint_eq(r.kicks, 1);
	ck_assert_int_eq(qdio_siga(r.g, &gr0, token + 1, 0x80000000, 0), 3);
	gr0 = 0;
	ck_assert_int_eq(qdio_siga(r.g, &gr0, 0x00010003, 0x80000000, 0), -QDIO_PGM_OPERAND);
	qdio_csch(r.g, 2);
	ck_assert_uint_eq(ssqd(&r, &token) & 1, 0);
	ck_assert_uint_eq(token, 0);
	rig_fini(&r);
}
END_TEST

/* Instructions of the owner's order nothing: 9.5 A does not hold while they are on. */
START_TEST(signals_always)
{
	static const struct {
		bool elsewhere, requested, always;
	} rows[] = {{false, true, false}, {true, false, false}, {true, true, true}};
	struct qdio_group_config cfg = rig_config();
	struct rig r;

	cfg.qebsm = true;
	cfg.qebsm_elsewhere = rows[_i].elsewhere;
	rig_init(&r, &cfg, RIG_BYTES);
	ck_assert_uint_eq(qdio_group_queues(r.g)->n_in, 0);
	rig_layout(&r, 1, 4);
	r.mem[RIG_QIB + 2] = rows[_i].requested ? QDIO_QIB_RFLAG_QEBSM : 0;
	rig_establish(&r);
	ck_assert_uint_eq(qdio_group_queues(r.g)->n_in, 1);
	ck_assert_uint_eq(qdio_group_queues(r.g)->n_out, 4);
	ck_assert_ptr_eq((const uint8_t *)qdio_group_queues(r.g)->in[0].slsb, r.mem + RIG_SLSB(0));
	ck_assert_int_eq(qdio_group_queues(r.g)->in[0].always, rows[_i].always);
	rig_fini(&r);
}
END_TEST

/* ---- SQBS
 * ---------------------------------------------------------------------------------------- */

static const struct sqbs_row {
	int n;
	uint32_t queue, first;
	uint64_t count;
	uint8_t old, state;
	int blocked; /* buffer that is 0x41 and stays so; -1: none */
	int rc;
	uint32_t next, left, ccq;
} sqbs_rows[] = {
	{1, 0, 0, 128, 0x00, 0x80, -1, 0, 0, 0, 0},
	{2, 0, 0, 64, 0x80, 0x41, -1, 0, 64, 0, 0},
	{3, 4, 120, 16, 0xA0, 0x62, -1, 0, 8, 0, 0}, /* wraps */
	{4, 0, 5, 0, 0x80, 0x41, -1, 0, 5, 0, 0},
	{5, 0, 0, 4, 0x80, 0x41, 2, 0, 2, 2, 3},
	{6, 0, 0, 4, 0x80, 0x41, 0, 0, 0, 4, 3},
	{7, 0, 127, 1, 0x82, 0x41, -1, 0, 0, 0, 0},
	{10, 5, 0, 1, 0x80, 0x41, -1, -QDIO_PGM_SPECIFICATION, 0, 0, 0},
	{11, 0, 128, 1, 0x80, 0x41, -1, -QDIO_PGM_SPECIFICATION, 0, 0, 0},
	{12, 0, 0, 129, 0x80, 0x41, -1, -QDIO_PGM_SPECIFICATION, 0, 0, 0},
	{13, 0xFFFFFFFF, 0, 1, 0x80, 0x41, -1, -QDIO_PGM_SPECIFICATION, 0, 0, 0},
};

START_TEST(sqbs_as_listed)
{
	const struct sqbs_row *row = &sqbs_rows[_i];
	uint64_t r1 = (uint64_t)row->queue << 32 | row->first, r3 = row->count;
	uint8_t *slsb;
	struct rig r;

	rig_init_qebsm(&r, true);
	rig_establish(&r); /* before AQ already: Linux initialises its states so */
	slsb = r.mem + RIG_SLSB(row->queue < 5 ? row->queue : 0);
	memset(slsb, row->old, QDIO_BUFFERS);
	if (row->blocked >= 0)
		slsb[row->blocked] = QDIO_IN_EMPTY;
	ck_assert_msg(qdio_sqbs(r.g, token_of(&r), &r1, &r3, row->state) == row->rc, "row %d",
		      row->n);
	if (row->rc) {
		for (unsigned b = 0; b < QDIO_BUFFERS; b++)
			ck_assert_msg(slsb[b] == row->old, "row %d", row->n);
	} else {
		unsigned done = (unsigned)row->count - row->left;

		ck_assert_msg(r1 == ((uint64_t)row->queue << 32 | row->next), "row %d", row->n);
		ck_assert_msg(r3 == ((uint64_t)row->ccq << 32 | row->left), "row %d", row->n);
		for (unsigned i = 0; i < done; i++)
			ck_assert_msg(slsb[(row->first + i) % 128] == row->state, "row %d", row->n);
		if (done < 128)
			ck_assert_msg(slsb[(row->first + done) % 128] ==
					      (row->blocked >= 0 ? QDIO_IN_EMPTY : row->old),
				      "row %d", row->n);
	}
	rig_fini(&r);
}
END_TEST

START_TEST(device_gone)
{
	uint64_t r1 = 0, r2 = 0, r3 = 1, token;
	struct rig r;

	rig_init_qebsm(&r, true);
	rig_establish(&r);
	token = token_of(&r);
	ck_assert_int_eq(qdio_sqbs(r.g, token ^ 4, &r1, &r3, 0x80), 2);
	ck_assert_uint_eq(r3 >> 32, 3);
	qdio_csch(r.g, 2);
	r3 = 1;
	ck_assert_int_eq(qdio_eqbs(r.g, token, &r1, &r2, &r3), 2);
	ck_assert_uint_eq(r3 >> 32, 3);
	rig_fini(&r);
}
END_TEST

/* ---- EQBS
 * ----------------------------------------------------------------------------------------- */

static const struct eqbs_row {
	int n;
	uint32_t first, count;
	bool ack;
	const char *states; /* from first on, hex digits in pairs; the rest is 80 */
	uint8_t state;
	uint32_t next, left, ccq;
	const char *after;
} eqbs_rows[] = {
	{1, 0, 1, false, "41", 0x41, 1, 0, 0, "41"},
	{2, 0, 4, false, "82828241", 0x82, 3, 1, 32, "82828241"},
	{3, 0, 4, true, "82828241", 0x82, 3, 1, 32, "81818141"},
	{4, 0, 3, true, "828282", 0x82, 3, 0, 0, "818181"},
	{5, 126, 4, true, "8282828f", 0x82, 1, 1, 32, "8181818f"}, /* wraps */
	{6, 0, 2, true, "8f8f", 0x8F, 2, 0, 0, "8f8f"},		   /* not acknowledged */
	{7, 0, 0, true, "82", 0, 0, 0, 0, "82"},
	{8, 0, 128, false, "", 0x80, 0, 0, 0, ""},
	{9, 127, 1, false, "a1", 0xA1, 0, 0, 0, "a1"},
};

static uint8_t digit_pair(const char *s)
{
	char digits[3] = {s[0], s[1], 0};

	return (uint8_t)strtoul(digits, NULL, 16);
}

START_TEST(eqbs_as_listed)
{
	const struct eqbs_row *row = &eqbs_rows[_i];
	uint64_t r1 = row->first, r2 = row->ack ? 1ull << 63 : 0, r3 = row->count;
	struct rig r;

	rig_init_qebsm(&r, true);
	rig_establish(&r);
	memset(r.mem + RIG_SLSB(0), 0x80, QDIO_BUFFERS);
	for (size_t i = 0; i < strlen(row->states) / 2; i++)
		r.mem[RIG_SLSB(0) + (row->first + i) % 128] = digit_pair(row->states + 2 * i);
	ck_assert_msg(qdio_eqbs(r.g, token_of(&r), &r1, &r2, &r3) == 0, "row %d", row->n);
	ck_assert_msg(r1 == row->next, "row %d", row->n);
	ck_assert_msg(r2 == ((row->ack ? 1ull << 63 : 0) | row->state), "row %d", row->n);
	ck_assert_msg(r3 == ((uint64_t)row->ccq << 32 | row->left), "row %d", row->n);
	for (size_t i = 0; i < strlen(row->after) / 2; i++)
		ck_assert_msg(r.mem[RIG_SLSB(0) + (row->first + i) % 128] ==
				      digit_pair(row->after + 2 * i),
			      "row %d", row->n);
	rig_fini(&r);
}
END_TEST

/* ---- differential
 * ------------------------------------------------------------------------------------ */

static uint8_t model[QDIO_BUFFERS];

static void model_sqbs(unsigned first, unsigned count, uint8_t state, unsigned *left)
{
	for (*left = count; *left; --*left, first = (first + 1) % 128) {
		if (model[first] & 0x40)
			return;
		model[first] = state;
	}
}

static void model_eqbs(unsigned first, unsigned count, bool ack, uint8_t *state, unsigned *left)
{
	unsigned n = 0;

	*state = model[first];
	while (n < count && model[(first + n) % 128] == *state)
		n++;
	for (unsigned i = 0; i < n && ack && *state == 0x82; i++)
		model[(first + i) % 128] = 0x81;
	*left = count - n;
}

START_TEST(random_walk)
{
	static const uint8_t values[] = {0x80, 0x81, 0x41, 0x82, 0x8F};
	const char *env = getenv("SEED");
	unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : (unsigned)time(NULL);
	struct rig r;

	printf("seed %u\n", seed);
	srandom(seed);
	rig_init_qebsm(&r, true);
	rig_establish(&r);
	uint64_t token = token_of(&r);

	for (unsigned round = 0; round < 20000; round++) {
		unsigned first = (unsigned)random() % 128, count = (unsigned)random() % 129;
		uint64_t r1 = first, r2 = random() & 1 ? 1ull << 63 : 0, r3 = count;
		uint8_t state = values[random() % 5];
		unsigned left;

		if (random() & 1) {
			/* the device's part: runs of primed buffers */
			for (unsigned i = 0; i < 8; i++)
				model[(first + i) % 128] = r.mem[RIG_SLSB(0) + (first + i) % 128] =
					values[2 + random() % 2];
			model_eqbs(first, count, r2 >> 63, &state, &left);
			ck_assert_int_eq(qdio_eqbs(r.g, token, &r1, &r2, &r3), 0);
			if (count)
				ck_assert_uint_eq(r2 & 0xFF, state);
		} else {
			model_sqbs(first, count, state, &left);
			ck_assert_int_eq(qdio_sqbs(r.g, token, &r1, &r3, state), 0);
		}
		ck_assert_uint_eq(r3 & 0xFFFFFFFF, left);
		ck_assert_uint_eq(r1, (first + count - left) % 128);
		ck_assert_mem_eq(model, r.mem + RIG_SLSB(0), 128);
	}
	rig_fini(&r);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

int main(void)
{
	Suite *s = suite_create("qebsm");
	TCase *tc = tcase_create("qebsm");
	SRunner *sr;

	tcase_add_test(tc, negotiation);
	tcase_add_loop_test(tc, signals_always, 0, 3);
	tcase_add_loop_test(tc, sqbs_as_listed, 0, ROWS(sqbs_rows));
	tcase_add_test(tc, device_gone);
	tcase_add_loop_test(tc, eqbs_as_listed, 0, ROWS(eqbs_rows));
	tcase_add_test(tc, random_walk);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);

	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
