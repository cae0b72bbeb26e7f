/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: the envelope, addresses and VLAN ids, assists. Success, each code the specification
 * lists, repetition, lengths recomputed.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_bed.h"

/* ---- envelope of IPA ----------------------------------------------------------------------- */

static const struct {
	unsigned n;
	uint8_t command;
	uint16_t protocol;
	size_t len;
	int rc;
} refusals[] = {
	{1, 0x00, 0, 0, 0x0001},
	{2, 0xFF, 0, 40, 0x0001},
	{3, OSA_SETCCID, 0, 0, 0x0001},
	{4, OSA_SETIP, 4, 36, 0x2003},
	{5, OSA_DELIP, 6, 36, 0x2003},
	{6, OSA_SETIPM, 4, 24, 0x2003},
	{7, OSA_DELIPM, 4, 24, 0x2003},
	{8, OSA_SETRTG, 4, 1, 0x2003},
	{9, OSA_CREATE_ADDR, 6, 8, 0x2003},
	{10, OSA_DESTROY_ADDR, 6, 8, 0x2003},
	{11, OSA_SETBRIDGEPORT_IQD, 0, 32, 0x2003},
	{12, OSA_SETVMAC, 4, 9, 0x0006},
	{13, OSA_SETVLAN, 4, 1, 0x0006},
	{14, OSA_SETASSPARMS, 4, 11, 0x0006},
	{15, OSA_SETADAPTERPARMS, 4, 23, 0x0006},
	{16, OSA_SETDIAGASS, 0, 23, 0x0006},
	{17, OSA_VNICC, 0, 15, 0x0006},
	{18, OSA_SETBRIDGEPORT, 0, 23, 0x0006},
	{19, OSA_REGISTER_LOCAL_ADDR, 4, 8, 0x0001}, /* events only */
	{20, OSA_QIPASSIST, 0, 0, 0xF001},
};

START_TEST(test_refused)
{
	static const uint8_t zero[64];
	int rc = osa_rig_ipa(rig, refusals[_i].command, refusals[_i].protocol, zero,
			     refusals[_i].len);

	ck_assert_msg(rc == refusals[_i].rc, "row %u: %04x", refusals[_i].n, (unsigned)rc);
	ck_assert_uint_eq(rig->data_len, refusals[_i].len);
	ck_assert_uint_eq(info().ipa_requests, 1);
	ck_assert_uint_eq(info().ipa_errors, 1);
}
END_TEST

/* Commands in flight together: each reply echoes its own number. */
START_TEST(test_interleaved)
{
	struct osa_ipa h = {.command = OSA_STARTLAN, .version = 2, .n_parm = 1};

	for (uint16_t i = 0; i < 5; i++) {
		h.seq = be16_of((uint16_t)(0xFFFD + i));
		h.port = (uint8_t)i;
		ck_assert_int_eq(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection, &h, 20), 0);
	}
	for (uint16_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 84);
		ck_assert_uint_eq(be16_load(rig->msg + 0x42), (uint16_t)(0xFFFD + i));
		ck_assert_uint_eq(rig->msg[0x47], i);
	}
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
}
END_TEST

/* A 16-byte header gets a 16-byte header back. */
START_TEST(test_short_header)
{
	static const uint8_t pdu[16] = {OSA_STARTLAN, 0, 0x12, 0x34, 0, 0, 1, 0, 2, 1, 0, 4};
	const uint8_t *p;
	size_t len;

	ck_assert_int_eq(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection, pdu, 16), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0x50);
	p = osa_rig_answer(rig, OSA_CLASS_IPA, &len);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(len, 16);
	ck_assert_uint_eq(be16_load(p + 2), 0x1234);
	ck_assert_uint_eq(be32_load(p + 12), 0x00100426);
}
END_TEST

START_TEST(test_bad_pdu)
{
	static const uint8_t pdu[20] = {OSA_STARTLAN, 1};

	ck_assert_int_lt(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection, pdu, 15), 0);
	/* initiator 1: nothing a host may send */
	ck_assert_int_lt(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection, pdu, 20), 0);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_uint_eq(info().malformed, 2);
}
END_TEST

/* The longest request there is comes back whole. */
START_TEST(test_longest)
{
	uint8_t data[OSA_IPA_DATA_MAX];

	memset(data, 0xA5, sizeof(data));
	ck_assert_int_eq(osa_rig_ipa(rig, 0x99, 0, data, sizeof(data)), 0x0001);
	ck_assert_uint_eq(rig->len, OSA_MSG_MAX);
	ck_assert_mem_eq(rig->data, data, sizeof(data));
}
END_TEST

START_TEST(test_lan)
{
	ck_assert(!info().online);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), 0); /* protocol 0 */
	ck_assert(info().online);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STOPLAN, 0, NULL, 0), 0);
	ck_assert(!info().online);
}
END_TEST

/* ---- MAC and VLAN -------------------------------------------------------------------------- */

static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t group[6] = {1, 0, 0x5E, 0, 0, 1}, zero_mac[6];

START_TEST(test_macs)
{
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac1), 0);
	ck_assert_mem_eq(rig->data + 4, mac1, 6);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), 0x00100426);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac1), 0); /* again */
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac2), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, group), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, group), 0);
	ck_assert_uint_eq(rig->link.n_macs, 3);
	ck_assert_mem_eq(info().mac, mac1, 6);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_DELVMAC, 6, mac1), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_DELVMAC, 6, mac1), 0x2010);
	ck_assert_mem_eq(info().mac, mac2, 6);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_DELGMAC, 6, group), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_DELGMAC, 6, group), 0x200B);
	ck_assert_uint_eq(rig->link.n_macs, 1);
	ck_assert(fake_link_has(&rig->link, mac2));
}
END_TEST

static const struct {
	unsigned n;
	uint8_t command;
	uint32_t len;
	const uint8_t *mac;
	int link; /* what the link answers */
	int rc;
} mac_refusals[] = {
	{1, OSA_SETVMAC, 6, mac2, -EEXIST, 0x2005},  {2, OSA_SETVMAC, 6, mac2, -ENOSPC, 0x2006},
	{3, OSA_SETVMAC, 6, mac2, -EPERM, 0x200D},   {4, OSA_SETGMAC, 6, group, -ENOSPC, 0x2006},
	{5, OSA_SETGMAC, 6, group, -EPERM, 0x200D},  {6, OSA_SETVMAC, 6, group, 0, 0x0006},
	{7, OSA_SETGMAC, 6, mac2, 0, 0x0006},	     {8, OSA_SETVMAC, 5, mac2, 0, 0x0006},
	{9, OSA_SETVMAC, 6, zero_mac, 0, 0x0006},    {10, OSA_DELVMAC, 6, mac2, 0, 0x2010},
	{11, OSA_DELGMAC, 6, group, 0, 0x200B},	     {12, OSA_DELVMAC, 7, mac2, 0, 0x0006},
	{13, OSA_DELVMAC, 6, mac1, -ENOENT, 0x2010}, {14, OSA_SETVMAC, 6, mac2, -EINVAL, 0x0006},
	{15, OSA_SETVMAC, 6, mac2, -EIO, 0xFFFF},
};

START_TEST(test_mac_refused)
{
	int rc;

	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac1), 0);
	rig->link.fail = mac_refusals[_i].link;
	rc = osa_rig_mac(rig, mac_refusals[_i].command, mac_refusals[_i].len, mac_refusals[_i].mac);
	ck_assert_msg(rc == mac_refusals[_i].rc, "row %u: %04x", mac_refusals[_i].n, (unsigned)rc);
	rig->link.fail = 0;
	ck_assert_uint_le(rig->a->registry.unicast.n, 1); /* a refused one is not kept */
	ck_assert_uint_eq(rig->a->registry.group.n, 0);
}
END_TEST

START_TEST(test_mac_tables_full)
{
	uint8_t mac[6] = {2};

	for (unsigned i = 0; i < OSA_UNICAST_MAX; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac), 0);
	}
	mac[3] = 1;
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac), 0x2006);
	mac[0] = 3;
	for (unsigned i = 0; i < OSA_GROUP_MAX; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, mac), 0);
	}
	mac[3] = 2;
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, mac), 0x2006);
	mac[3] = 1;
	ck_assert_int_eq(osa_rig_mac(rig, OSA_DELGMAC, 6, mac), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, mac), 0);
	ck_assert_uint_eq(rig->link.n_macs, OSA_UNICAST_MAX + OSA_GROUP_MAX);
}
END_TEST

static const struct {
	unsigned n;
	uint8_t command;
	uint16_t vid;
	int link;
	int rc;
} vlans[] = {
	{1, OSA_SETVLAN, 1, 0, 0},
	{2, OSA_SETVLAN, 4094, 0, 0},
	{3, OSA_SETVLAN, 0, 0, 0x2015},
	{4, OSA_SETVLAN, 4095, 0, 0x2015},
	{5, OSA_SETVLAN, 65535, 0, 0x2015},
	{6, OSA_SETVLAN, 7, 0, 0x2016}, /* there already */
	{7, OSA_SETVLAN, 8, -EPERM, 0x2050},
	{8, OSA_SETVLAN, 8, -ENOSPC, 0x2006},
	{9, OSA_SETVLAN, 8, -EINVAL, 0x2015},
	{10, OSA_DELVLAN, 7, 0, 0},
	{11, OSA_DELVLAN, 8, 0, 0x2017},
	{12, OSA_DELVLAN, 0, 0, 0x2015},
	{13, OSA_DELVLAN, 4095, 0, 0x2015},
	{14, OSA_DELVLAN, 7, -ENOENT, 0x2017},
	{15, OSA_SETVLAN, 8, -EIO, 0xFFFF},
};

START_TEST(test_vlans)
{
	unsigned before;
	int rc;

	ck_assert_int_eq(osa_rig_vlan(rig, OSA_SETVLAN, 7), 0);
	before = fake_link_vids(&rig->link);
	ck_assert_uint_eq(before, 1);
	rig->link.fail = vlans[_i].link;
	rc = osa_rig_vlan(rig, vlans[_i].command, vlans[_i].vid);
	ck_assert_msg(rc == vlans[_i].rc, "row %u: %04x", vlans[_i].n, (unsigned)rc);
	if (rc == 0)
		ck_assert_uint_eq(rig->link.vid[vlans[_i].vid], vlans[_i].command == OSA_SETVLAN);
	else
		ck_assert_uint_eq(fake_link_vids(&rig->link), before);
	rig->link.fail = 0;
}
END_TEST

/* ---- assists ------------------------------------------------------------------------------- */

START_TEST(test_qipassist)
{
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_QIPASSIST, 4, NULL, 0), 0);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), 0x00100426);
	ck_assert_uint_eq(be32_get(rig->ipa.enabled), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_QIPASSIST, 6, NULL, 0), 0);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), 0x00D00420);
}
END_TEST

static int assist(uint16_t protocol, uint32_t number, uint16_t sub, unsigned words, uint32_t w0,
		  uint32_t w1)
{
	uint8_t data[20] = {0};
	int rc;

	be32_store(data, number);
	be16_store(data + 4, (uint16_t)(8 + 4 * words));
	be16_store(data + 6, sub);
	be32_store(data + 12, w0);
	be32_store(data + 16, w1);
	rc = osa_rig_ipa(rig, OSA_SETASSPARMS, protocol, data, 12 + 4 * words);
	if (rc >= 0) {
		ck_assert_uint_ge(rig->data_len, 12);
		ck_assert_uint_eq(be16_load(rig->data + 4), rig->data_len - 4);
		ck_assert_int_eq(be16_load(rig->data + 8), rc);
		ck_assert_uint_eq(be16_load(rig->data + 10), 0x0101);
	}
	return rc;
}

static uint32_t word(size_t i)
{
	ck_assert_uint_ge(rig->data_len, 12 + 4 * (i + 1));
	return be32_load(rig->data + 12 + 4 * i);
}

static const struct {
	unsigned n;
	uint16_t protocol;
	uint32_t number;
	bool inbound;
} csums[] = {{1, 4, 2, true}, {2, 6, 2, true}, {3, 4, 4, false}, {4, 6, 4, false}};

START_TEST(test_csum_handshake)
{
	uint16_t p = csums[_i].protocol;
	uint32_t nr = csums[_i].number;

	/* before START nothing is enabled, and the reply says so */
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_ENABLE, 1, 0x38, 0), 0);
	ck_assert_uint_eq(word(1), 0);
	ck_assert_uint_eq(atomic_load(&rig->a->data.rx_csum), 0);
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_START, 0, 0, 0), 0);
	ck_assert_uint_eq(word(0) & 0x18, 0x18);
	ck_assert_uint_eq(be32_get(rig->ipa.enabled), nr);
	ck_assert_uint_eq(atomic_load(&rig->a->data.rx_csum), 0);
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_ENABLE, 1, 0x38, 0), 0);
	ck_assert_uint_eq(word(0) & 0x18, 0x18);
	ck_assert_uint_eq(word(1), 0x38);
	ck_assert_int_eq(atomic_load(&rig->a->data.rx_csum) != 0, csums[_i].inbound);
	ck_assert_uint_eq(info().assists, nr);
	/* only what was offered */
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_ENABLE, 1, 0xFFFFFFFF, 0), 0);
	ck_assert_uint_eq(word(1), word(0));
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_STOP, 0, 0, 0), 0);
	ck_assert_uint_eq(rig->data_len, 12);
	ck_assert_uint_eq(be32_get(rig->ipa.enabled), 0);
	ck_assert_uint_eq(atomic_load(&rig->a->data.rx_csum), 0);
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_STOP, 0, 0, 0), 0);
	ck_assert_int_eq(assist(p, nr, OSA_ASSIST_CONFIGURE, 1, 1, 0), 0xE00E);
}
END_TEST

START_TEST(test_tso_handshake)
{
	uint16_t p = _i ? 6 : 4;

	ck_assert_int_eq(assist(p, 0x100000, OSA_ASSIST_ENABLE, 2, 0, 1), 0);
	ck_assert_uint_eq(word(1), 0);
	ck_assert_int_eq(assist(p, 0x100000, OSA_ASSIST_START, 0, 0, 0), 0);
	ck_assert_uint_ne(word(0), 0); /* MSS */
	ck_assert_uint_le(word(0), 8992);
	ck_assert_uint_eq(word(1) & 1, 1);
	ck_assert_int_eq(assist(p, 0x100000, OSA_ASSIST_ENABLE, 2, 0, 1), 0);
	ck_assert_uint_eq(word(0) & 1, 1);
	ck_assert_uint_eq(word(1) & 1, 1);
	ck_assert_int_eq(assist(p, 0x100000, OSA_ASSIST_STOP, 0, 0, 0), 0);
	ck_assert_uint_eq(info().assists, 0);
}
END_TEST

static const struct {
	unsigned n;
	unsigned protocol;
	uint32_t number;
	unsigned sub;
	int rc;
	uint32_t enabled;
} assists[] = {
	{1, 4, 0x20, 1, 0, 0x20},
	{2, 4, 0x400, 1, 0, 0x400},
	{3, 4, 0x20, 2, 0, 0},
	{4, 6, 0x20, 1, 0, 0x20},
	{5, 4, 0x400, 5, 0, 0},
	{6, 4, 0x400, 6, 0, 0},
	{7, 4, 0x400, 8, 0, 0},
	{8, 4, 0x20, 7, 0xE00E, 0},
	{9, 4, 0x1, 1, 0x0001, 0},
	{10, 4, 0x10, 1, 0x0001, 0},
	{11, 4, 0, 1, 0x0001, 0},
	{12, 4, 0x6, 1, 0x0001, 0},
	{13, 0, 0x2, 1, 0xF001, 0},
	{14, 4, 0x2, 9, 0xE00E, 0},
	{15, 4, 0x100000, 3, 0xE00E, 0},
	{16, 6, 0x400000, 1, 0x0001, 0},
	/* zlan's own: not shown as enabled, so that nobody else sees it */
	{17, 4, 0x80000000, 1, 0, 0},
	{18, 4, 0x80000000, 2, 0, 0},
	{19, 6, 0x80000000, 1, 0x0001, 0},
	{20, 4, 0x80000000, 4, 0xE00E, 0},
};

START_TEST(test_assists)
{
	int rc = assist((uint16_t)assists[_i].protocol, assists[_i].number,
			(uint16_t)assists[_i].sub, 0, 0, 0);

	ck_assert_msg(rc == assists[_i].rc, "row %u: %04x", assists[_i].n, (unsigned)rc);
	ck_assert_uint_eq(be32_get(rig->ipa.enabled), assists[_i].enabled);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("osa_ipa");
	TCase *t = tcase_create("commands");

	tcase_add_checked_fixture(t, setup_up, teardown);
#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))
	tcase_add_loop_test(t, test_refused, 0, ROWS(refusals));
	tcase_add_test(t, test_interleaved);
	tcase_add_test(t, test_short_header);
	tcase_add_test(t, test_bad_pdu);
	tcase_add_test(t, test_longest);
	tcase_add_test(t, test_lan);
	tcase_add_test(t, test_macs);
	tcase_add_loop_test(t, test_mac_refused, 0, ROWS(mac_refusals));
	tcase_add_test(t, test_mac_tables_full);
	tcase_add_loop_test(t, test_vlans, 0, ROWS(vlans));
	tcase_add_test(t, test_qipassist);
	tcase_add_loop_test(t, test_csum_handshake, 0, ROWS(csums));
	tcase_add_loop_test(t, test_tso_handshake, 0, 2);
	tcase_add_loop_test(t, test_assists, 0, ROWS(assists));
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
