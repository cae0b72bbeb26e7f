/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDX and MPC: answers a driver can use, and messages that must be refused.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_bed.h"

/* ---- sub-vectors --------------------------------------------------------------------------- */

/* A command block that says it is head long, an empty sub-vector of another type that says it is
 * skip long, and one of type 4 with 5 bytes of data; len of it all are there. */
static const struct {
	unsigned n;
	uint8_t head, skip, len, min;
	int at; /* where it is found, -1: nowhere */
} walks[] = {
	{1, 12, 4, 25, 9, 16},	{2, 12, 4, 25, 10, -1},	 {3, 12, 4, 24, 9, -1},
	{4, 12, 4, 19, 4, -1},	{5, 12, 3, 25, 9, -1},	 {6, 12, 0, 25, 9, -1},
	{7, 12, 14, 25, 9, -1}, {8, 16, 4, 25, 9, 16},	 {9, 11, 4, 25, 9, -1},
	{10, 25, 4, 25, 9, -1}, {11, 12, 13, 25, 9, -1},
};

START_TEST(test_subvectors)
{
	uint8_t pdu[] = {0, 12, [12] = 0, 4, OSA_SV_KEY, 0x10, 0, 9, OSA_SV_KEY, 4, 1, 2, 3, 4, 5};
	const void *found;

	pdu[1] = walks[_i].head;
	pdu[13] = walks[_i].skip;
	found = osa_mpc_subvector(pdu, walks[_i].len, 4, walks[_i].min);
	ck_assert_msg(found == (walks[_i].at < 0 ? NULL : pdu + walks[_i].at), "row %u",
		      walks[_i].n);
}
END_TEST

/* ---- IDX ----------------------------------------------------------------------------------- */

START_TEST(test_idx_answers)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_uint_eq(rig->len, 0x22);
	ck_assert_uint_eq(rig->msg[0x02] & 0xC0, 0x80); /* not TERMINATE */
	ck_assert_uint_eq(rig->msg[0x08], 0x1A);	/* an echo would be negative */
	ck_assert_uint_eq(rig->msg[0x0B], 0xC0);
	ck_assert_uint_ne(be32_load(rig->msg + 0x0C), RIG_TOKEN_ISSUER);
	ck_assert_uint_eq(be16_load(rig->msg + 0x10), 0x0201);
	ck_assert_uint_eq(rig->msg[0x12], 0); /* level shown as hex of 0x14 and 0x15 */
	ck_assert_uint_eq(be16_load(rig->msg + 0x1E), 0x0502);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_uint_eq(rig->msg[0x08], 0x16);
	ck_assert_uint_eq(be16_load(rig->msg + 0x10) & 0xFEFF, 0x0201);
	ck_assert_uint_eq(info().malformed, 0);
}
END_TEST

static const struct {
	unsigned n;
	uint16_t level, answer;
} levels[] = {
	{1, 0x0101, 0x0201}, {2, 0x4108, 0x0408}, {3, 0x4130, 0x0230},
	{4, 0x4131, 0x0231}, {5, 0x0201, 0x0201}, {6, 0x0008, 0x0408},
};

START_TEST(test_idx_levels)
{
	struct osa_idx m = {
		.command = be16_of(0x8000),
		.type = 0x19,
		.cause = 1,
		.port = 0x00,
		.level = be16_of(levels[_i].level),
	};

	ck_assert_int_eq(osa_rig_send(rig, RIG_READ, &m, sizeof(m)), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), sizeof(m));
	ck_assert_uint_eq(rig->msg[0x0B], 0xC0);
	ck_assert_uint_eq(be16_load(rig->msg + 0x10), levels[_i].answer);
}
END_TEST

START_TEST(test_idx_wrong_port)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 3), 0);
	ck_assert_uint_ne(rig->msg[0x08] & 3, 2);
	ck_assert_uint_eq(rig->msg[0x09], OSA_IDX_INVALID_PORT);
	/* and no session came of it */
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_lt(osa_rig_cm_enable(rig), 0);
	ck_assert_uint_eq(info().malformed, 1);
}
END_TEST

/* A second IDX without a clear: new tokens, nothing registered, nothing queued. */
START_TEST(test_idx_again)
{
	static const uint8_t mac[10] = {0, 0, 0, 6, 2, 0, 0, 0, 0, 9};
	uint32_t old_issuer, old_ulp;

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, mac, sizeof(mac)), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	old_issuer = rig->issuer;
	old_ulp = rig->ulp_connection;
	osa_ipa_lan_event(rig->a, OSA_STOPLAN);
	ck_assert(fake_link_has(&rig->link, mac + 4));
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_uint_ne(rig->issuer, old_issuer);
	ck_assert(!fake_link_has(&rig->link, mac + 4));
	/* a message of the old session */
	ck_assert_int_lt(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	ck_assert_int_eq(osa_rig_ulp_setup(rig), 0);
	ck_assert_int_eq(osa_rig_dm_act(rig), 0);
	ck_assert_uint_ne(rig->ulp_connection, old_ulp);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
}
END_TEST

START_TEST(test_idx_any_device)
{
	/* The roles come from the messages, not from the order of the devices. */
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, false, 0), 0);
	ck_assert_int_lt(osa_rig_cm_enable(rig), 0); /* sent on the read device */
	/* A device has one role, the last. */
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_lt(osa_rig_cm_enable(rig), 0);
	ck_assert_uint_eq(info().malformed, 2);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
}
END_TEST

/* Messages with several data devices are longer; the answer echoes them. */
START_TEST(test_idx_many_devices)
{
	uint8_t m[0x22 + 8] = {0, 0, 0x80, 0, 0, 0, 0, 0, 0x19, 1, 3, 0xC0};

	be16_store(m + 0x10, 0x0101);
	memset(m + 0x22, 0x77, 8);
	ck_assert_int_eq(osa_rig_send(rig, RIG_READ, m, sizeof(m)), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), sizeof(m));
	ck_assert_mem_eq(rig->msg + 0x22, m + 0x22, 8);
}
END_TEST

/* ---- MPC ----------------------------------------------------------------------------------- */

static void idx_both(void)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
}

static void assert_answer(uint8_t class, uint8_t type, uint32_t token)
{
	size_t len;
	const uint8_t *p = osa_rig_answer(rig, class, &len);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(be16_load(p), 12);
	ck_assert_uint_eq(p[3], type);
	ck_assert_uint_eq(be16_load(p + 4), len - 12);
	ck_assert_uint_eq(be32_load(rig->msg + 0x2C), token);
	ck_assert_uint_eq(be32_load(rig->msg + 0x20), rig->pdu_seq - 1); /* acknowledged */
}

START_TEST(test_mpc_offsets)
{
	const uint8_t *p = rig->msg + 0x40;

	idx_both();
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	assert_answer(0x81, 0x02, RIG_TOKEN_ISSUER);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	assert_answer(0x81, 0x06, RIG_TOKEN_CM_FILTER);
	ck_assert_uint_eq(be32_load(p + 0x11), RIG_TOKEN_CM_CONNECTION);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	assert_answer(0x41, 0x02, RIG_TOKEN_CM_CONNECTION);
	ck_assert_uint_eq(be16_load(p + 0x17), 0x0018);
	ck_assert_uint_eq(be16_load(p + 0x1F), 8992);
	ck_assert_uint_eq(p[0x2B], OSA_LINK_10G);
	ck_assert_mem_eq(p + 0x23, "\xC8\xE8\xC4\xF1\xC7\xF1", 6); /* port name echoed */
	ck_assert_int_eq(osa_rig_ulp_setup(rig), 0);
	assert_answer(0x41, 0x06, RIG_TOKEN_CM_CONNECTION);
	ck_assert_uint_eq(be32_load(p + 0x11), RIG_TOKEN_ULP_CONNECTION);
	ck_assert(memcmp(p + 0x1A, "00S", 3) != 0);
	ck_assert_uint_eq(be32_load(p + 0x2A), 0x05020002);
	ck_assert_int_eq(osa_rig_dm_act(rig), 0);
	assert_answer(0x41, 0x60, RIG_TOKEN_CM_CONNECTION);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0); /* one answer each */
	ck_assert_uint_eq(info().malformed, 0);
	ck_assert_uint_eq(info().layer, 2);
}
END_TEST

START_TEST(test_mpc_tokens_differ)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_uint_ne(rig->issuer, rig->cm_filter);
	ck_assert_uint_ne(rig->cm_filter, rig->cm_connection);
	ck_assert_uint_ne(rig->cm_connection, rig->ulp_filter);
	ck_assert_uint_ne(rig->ulp_filter, rig->ulp_connection);
}
END_TEST

/* Steps out of order, by how many of the exchanges went before. */
static const struct {
	unsigned n, done;
	int (*step)(struct osa_rig *r);
} disorder[] = {
	{1, 0, osa_rig_cm_setup},  {2, 0, osa_rig_ulp_setup}, {3, 0, osa_rig_dm_act},
	{4, 1, osa_rig_ulp_setup}, {5, 1, osa_rig_cm_enable}, {6, 2, osa_rig_dm_act},
	{7, 2, osa_rig_cm_setup},  {8, 3, osa_rig_dm_act},    {9, 4, osa_rig_cm_enable},
};

START_TEST(test_mpc_disorder)
{
	unsigned done = disorder[_i].done;

	idx_both();
	if (done > 0)
		ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	if (done > 1)
		ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	if (done > 2)
		ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	if (done > 3)
		ck_assert_int_eq(osa_rig_ulp_setup(rig), 0);
	ck_assert_msg(disorder[_i].step(rig) < 0, "row %u", disorder[_i].n);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_uint_eq(info().malformed, 1);
}
END_TEST

START_TEST(test_mpc_wrong_token)
{
	idx_both();
	rig->issuer ^= 1;
	ck_assert_int_lt(osa_rig_cm_enable(rig), 0);
	rig->issuer ^= 1;
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
}
END_TEST

/* Both layers, and a host turned away with the cause it understands where one is forbidden. */
static const struct {
	uint8_t forbid, protocol;
	unsigned layer; /* 0: refused */
} layer_rows[] = {
	{0, OSA_PROTOCOL_LAYER2, 2},
	{0, OSA_PROTOCOL_LAYER3, 3},
	{OSA_FORBID_LAYER3, OSA_PROTOCOL_LAYER2, 2},
	{OSA_FORBID_LAYER3, OSA_PROTOCOL_LAYER3, 0},
	{OSA_FORBID_LAYER2, OSA_PROTOCOL_LAYER2, 0},
	{OSA_FORBID_LAYER2, OSA_PROTOCOL_LAYER3, 3},
};

START_TEST(test_mpc_layers)
{
	rig->a->cfg.forbid = layer_rows[_i].forbid;
	idx_both();
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	if (layer_rows[_i].layer) {
		ck_assert_int_eq(osa_rig_ulp_enable(rig, layer_rows[_i].protocol), 0);
		ck_assert_uint_eq(info().layer, layer_rows[_i].layer);
		return;
	}
	ck_assert_int_lt(osa_rig_ulp_enable(rig, layer_rows[_i].protocol), 0);
	ck_assert_uint_eq(rig->msg[2] & 0xC0, 0xC0);
	ck_assert_uint_eq(rig->msg[4], 0x41);
	ck_assert_uint_eq(info().layer, 0);
	rig->a->cfg.forbid = 0;
	ck_assert_int_lt(osa_rig_ulp_enable(rig, 8), 0); /* the session is over */
	ck_assert_int_eq(osa_rig_up(rig), 0);
}
END_TEST

START_TEST(test_mpc_unknown_protocol)
{
	idx_both();
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	ck_assert_int_lt(osa_rig_ulp_enable(rig, 0x0A), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0); /* nothing happened */
}
END_TEST

START_TEST(test_mpc_takedown)
{
	static const uint8_t takedown[12] = {0, 12, 0x41, 0x05}, disable[12] = {0, 12, 0x41, 0x03};

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_pdu(rig, 0x41, rig->cm_connection, takedown, 12), 0);
	ck_assert_int_eq(osa_rig_pdu(rig, 0x41, rig->cm_connection, disable, 12), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0); /* no answer */
	ck_assert_int_lt(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	ck_assert_int_eq(osa_rig_pdu(rig, 0x81, rig->issuer, takedown, 12), 0);
	ck_assert_int_eq(osa_rig_pdu(rig, 0x81, rig->issuer, disable, 12), 0);
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
}
END_TEST

START_TEST(test_shutdown_notice)
{
	static const uint8_t notice[8] = {0, 0, 0xC0, 0, 0x80};

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_send(rig, RIG_WRITE, notice, sizeof(notice)), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
}
END_TEST

/* One wrong field of a CM_ENABLE that is right otherwise. */
static const struct {
	unsigned n;
	unsigned at, bytes;
	uint32_t value;
	unsigned len; /* of the message, if not 0x63 */
} malformed[] = {
	{1, 0x00, 4, 0x00E10000, 0},
	{2, 0x08, 4, 0x13, 0},
	{3, 0x08, 4, 0xFFFFFFF0, 0},
	{4, 0x0C, 4, 0x64, 0},
	{5, 0x0C, 4, 0x10, 0},
	{6, 0x12, 2, 0, 0},
	{7, 0x18, 1, 0x55, 0},
	{8, 0x1A, 2, 0, 0},
	{9, 0x24, 2, 0xFFFF, 0},
	{10, 0x38, 1, 2, 0},
	{11, 0x39, 1, 0x01, 0},
	{12, 0x3B, 1, 0x24, 0},
	{13, 0x3C, 4, 0x41, 0},
	{14, 0x3C, 4, 0xFFFFFFFF, 0},
	{15, 0x3B, 1, 0x0B, 0},
	{16, 0x40, 2, 0x0008, 0},
	{17, 0x40, 2, 0xFFFF, 0},
	{18, 0x43, 1, 0x77, 0},
	{19, 0x4C, 2, 0x0003, 0},
	{20, 0x4C, 2, 0x000A, 0},
	{21, 0x4C, 2, 0xFFFF, 0},
	{22, 0x4F, 1, 0x09, 0},
	{23, 0, 0, 0, 0x62},
	{24, 0, 0, 0, 0x37},
	{25, 0, 0, 0, 8},
	{26, 0, 0, 0, 7},
	{27, 0, 0, 0, 1},
	{28, 0x00, 4, 0x00008000, 0x21},
	{29, 0x0C, 4, 0x62, 0},
	{30, 0x4C, 2, 0x0000, 0},
	{31, 0x4C, 4, 0x00000409, 0},
};

START_TEST(test_mpc_malformed)
{
	struct osa_cm_enable m = {
		.mpc.th = {.id = be32_of(OSA_WORD_MPC),
			   .rrh_offset = be32_of(0x14),
			   .len = be32_of(0x63),
			   .n_rrh = be16_of(1)},
		.mpc.rrh = {.class = 0x81, .n_ph = be16_of(1), .ph_offset = be16_of(0x24)},
		.mpc.ph = {.location = 1, .len = {0, 0, 0x23}, .offset = be32_of(0x40)},
		.pdu = {.len = be16_of(12), .kind = 0x41, .type = 2, .subvector_len = be16_of(23)},
		.filter = {.sv = {.len = be16_of(11), .key = 4, .type = 1}},
		.limits = {.sv = {.len = be16_of(12), .key = 4, .type = 2}},
	};
	uint8_t bytes[sizeof(m)], value[4];
	size_t len = malformed[_i].len ? malformed[_i].len : sizeof(m);
	int rc;

	idx_both();
	m.mpc.rrh.token = be32_of(rig->issuer);
	memcpy(bytes, &m, sizeof(m));
	be32_store(value, malformed[_i].value);
	memcpy(bytes + malformed[_i].at, value + 4 - malformed[_i].bytes, malformed[_i].bytes);
	rc = osa_rig_send(rig, RIG_WRITE, bytes, len);
	ck_assert_msg(rc < 0, "row %u accepted", malformed[_i].n);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_uint_eq(info().malformed, 1);
	/* The same message without the fault is fine. */
	ck_assert_int_eq(osa_rig_send(rig, RIG_WRITE, &m, sizeof(m)), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0x63);
}
END_TEST

/* DM_ACT as a driver sends it: its total length field is wrong, the PH's is right (3.3). */
START_TEST(test_dm_act_quirk)
{
	struct osa_dm_act m = {
		.mpc.th = {.id = be32_of(OSA_WORD_MPC),
			   .rrh_offset = be32_of(0x14),
			   .len = be32_of(0x55),
			   .n_rrh = be16_of(1)},
		.mpc.rrh = {.class = 0x41,
			    .n_ph = be16_of(1),
			    .ph_offset = be16_of(0x24),
			    .pdu_total = {0, 0, 0x2C}},
		.mpc.ph = {.location = 1, .len = {0, 0, 0x15}, .offset = be32_of(0x40)},
		.pdu = {.len = be16_of(12),
			.kind = 0x43,
			.type = 0x60,
			.subvector_len = be16_of(9)},
		.sender = {.sv = {.len = be16_of(9), .key = 4, .type = 4}},
	};

	idx_both();
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	ck_assert_int_eq(osa_rig_ulp_setup(rig), 0);
	m.mpc.rrh.token = be32_of(rig->cm_connection);
	ck_assert_int_eq(osa_rig_send(rig, RIG_WRITE, &m, sizeof(m)), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0x55);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("osa_mpc");
	TCase *t = tcase_create("messages");

	tcase_add_checked_fixture(t, setup_new, teardown);
#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))
	tcase_add_loop_test(t, test_subvectors, 0, ROWS(walks));
	tcase_add_test(t, test_idx_answers);
	tcase_add_loop_test(t, test_idx_levels, 0, ROWS(levels));
	tcase_add_test(t, test_idx_wrong_port);
	tcase_add_test(t, test_idx_again);
	tcase_add_test(t, test_idx_any_device);
	tcase_add_test(t, test_idx_many_devices);
	tcase_add_test(t, test_mpc_offsets);
	tcase_add_test(t, test_mpc_tokens_differ);
	tcase_add_loop_test(t, test_mpc_disorder, 0, ROWS(disorder));
	tcase_add_test(t, test_mpc_wrong_token);
	tcase_add_loop_test(t, test_mpc_layers, 0,
			    (int)(sizeof(layer_rows) / sizeof(layer_rows[0])));
	tcase_add_test(t, test_mpc_unknown_protocol);
	tcase_add_test(t, test_mpc_takedown);
	tcase_add_test(t, test_shutdown_notice);
	tcase_add_loop_test(t, test_mpc_malformed, 0, ROWS(malformed));
	tcase_add_test(t, test_dm_act_quirk);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
