/* SPDX-License-Identifier: Apache-2.0 */
/* HiperSockets' VNIC characteristics: the commands, and what each does to frames. */
#include <errno.h>

#include "hipersockets/hs_priv.h"
#include "tests/hiperbed.h"

static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
static const uint8_t group[6] = {1, 0, 0x5E, 1, 2, 3};
static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

/* Return: the IPA return code. */
static int command(unsigned i, uint32_t sub, uint32_t bit, uint32_t value, struct osa_vnicc *reply)
{
	struct osa_vnicc v = {.subcommand = be32_of(sub),
			      .characteristic = be32_of(bit),
			      .value = be32_of(value),
			      .len = be16_of(16)};
	int seq = guest_ipa_send(host[i].d, OSA_VNICC, 0, &v, sizeof(v));

	memset(&v, 0, sizeof(v));
	return guest_ipa_wait(host[i].d, seq, reply ? reply : &v, sizeof(v), NULL);
}

static void turn(unsigned i, uint32_t bit, bool on)
{
	struct osa_vnicc v;

	ck_assert_int_eq(command(i, on ? OSA_VNICC_ENABLE : OSA_VNICC_DISABLE, bit, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.supported), 0xFE000000);
	ck_assert_uint_eq(!(be32_get(v.enabled) & bit), !on);
}

static void up(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		online(i, (struct guest_config){0});
}

static void refused(unsigned from, const struct guest_frame *f, uint8_t reason)
{
	uint64_t errors = host[from].stats->tx_errors;

	send(from, f);
	ck_assert_uint_eq(host[from].stats->tx_errors, errors + 1);
	ck_assert_uint_eq(host[from].stats->tx_error_reason, reason);
}

/* ---- commands --------------------------------------------------------------------------- */

START_TEST(test_query)
{
	struct osa_vnicc v;

	up(1);
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.supported), 0xFE000000);
	ck_assert_uint_eq(be32_get(v.enabled), OSA_CHAR_RX_BCAST);
	for (unsigned bit = 25; bit < 32; bit++) {
		uint32_t c = UINT32_C(1) << bit, commands = c == OSA_CHAR_LEARNING ? 0x1E : 0x06;

		ck_assert_int_eq(command(0, OSA_VNICC_QUERY_COMMANDS, c, 0, &v), 0);
		ck_assert_uint_eq(be32_get(v.value), commands);
	}
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, 0x01000000, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, 0xC0000000, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, 0x20, OSA_CHAR_FLOODING, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_FLOODING, 100, NULL),
			 OSA_RC_L2_UNSUPPORTED);
}
END_TEST

START_TEST(test_timeout)
{
	static const struct {
		uint32_t s;
		int rc;
	} row[] = {{0, OSA_RC_INVALID_FORMAT},
		   {59, OSA_RC_INVALID_FORMAT},
		   {60, 0},
		   {86400, 0},
		   {86401, OSA_RC_INVALID_FORMAT},
		   {UINT32_MAX, OSA_RC_INVALID_FORMAT}};
	struct osa_vnicc v;

	up(1);
	ck_assert_int_eq(command(0, OSA_VNICC_GET_TIMEOUT, OSA_CHAR_LEARNING, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.value), 600);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_int_eq(
			command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, row[i].s, NULL),
			row[i].rc);
	turn(0, OSA_CHAR_LEARNING, true);
	ck_assert_int_eq(command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 100, NULL),
			 OSA_RC_OUT_OF_SEQUENCE);
	ck_assert_int_eq(command(0, OSA_VNICC_GET_TIMEOUT, OSA_CHAR_LEARNING, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.value), 86400);
	ck_assert_uint_eq(host[0].ip.hs->vnicc.learning_s, 86400);
}
END_TEST

/* All of it goes with the session. */
START_TEST(test_forgotten)
{
	struct osa_vnicc v;

	up(2);
	for (unsigned bit = 26; bit < 32; bit++)
		turn(0, UINT32_C(1) << bit, true);
	turn(0, OSA_CHAR_RX_BCAST, false);
	ck_assert_uint_eq(lan->n_flooding, 1);
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	ck_assert_uint_eq(lan->n_flooding, 0);
	ck_assert_int_eq(guest_online(host[0].d), 0);
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.enabled), OSA_CHAR_RX_BCAST);
	ck_assert_uint_eq(lan->n_flooding, 0);
	ck_assert_uint_eq(host[0].ip.hs->vnicc.learning_s, 600);
}
END_TEST

/* Without a cable they can be set all the same, and hold on the next LAN. */
START_TEST(test_no_cable)
{
	struct guest_frame f;

	up(2);
	hs_plug(host[1].ip.hs, NULL, NULL);
	turn(1, OSA_CHAR_FLOODING, true);
	hs_plug(host[1].ip.hs, lan, NULL);
	f = frame(0, nobody, 100, 3);
	send(0, &f);
	expect(1, 100, 3);
}
END_TEST

START_TEST(test_layer3)
{
	online(0, (struct guest_config){.layer = 3});
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, NULL), OSA_RC_NOT_SUPPORTED);
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------- */

START_TEST(test_flooding)
{
	struct guest_frame f;

	up(3);
	online(3, (struct guest_config){.layer = 3});
	turn(1, OSA_CHAR_FLOODING, true);
	f = frame(0, nobody, 100, 1);
	send(0, &f);
	expect(1, 100, 1);
	expect_nothing(2);
	f = frame(0, mac_of(2), 100, 2); /* of a known one it hears nothing */
	send(0, &f);
	expect(2, 100, 2);
	expect_nothing(1);
	f = frame(1, nobody, 100, 3); /* nor itself: nobody else floods */
	refused(1, &f, QDIO_REASON_NO_TARGET);
	turn(2, OSA_CHAR_FLOODING, true);
	f = frame(0, nobody, 100, 4);
	send(0, &f);
	expect(1, 100, 4);
	expect(2, 100, 4);
	expect_nothing(3);
	turn(1, OSA_CHAR_FLOODING, false);
	turn(2, OSA_CHAR_FLOODING, false);
	f = frame(0, nobody, 100, 5);
	refused(0, &f, QDIO_REASON_NO_TARGET);
}
END_TEST

/* VLANs hold for what is flooded. */
START_TEST(test_flooding_vlan)
{
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_FLOODING, true);
	ck_assert_int_eq(guest_vid_add(host[1].d, 8), 0);
	for (uint16_t vid = 7; vid <= 8; vid++) {
		f = frame(0, nobody, 100, (uint8_t)vid);
		be16_store(frame_bytes + 12, 0x8100);
		be16_store(frame_bytes + 14, vid);
		if (vid == 8)
			send(0, &f);
		else
			refused(0, &f, QDIO_REASON_NO_TARGET);
	}
	expect(1, 100, 8);
	expect_nothing(1);
}
END_TEST

START_TEST(test_mcast_flooding)
{
	struct guest_frame f;

	up(3);
	turn(1, OSA_CHAR_MCAST_FLOODING, true);
	f = frame(0, group, 100, 1);
	send(0, &f);
	expect(1, 100, 1);
	expect_nothing(2);
	f = frame(0, nobody, 100, 2);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	turn(1, OSA_CHAR_MCAST_FLOODING, false);
	f = frame(0, group, 100, 3);
	send(0, &f);
	expect_nothing(1);
}
END_TEST

START_TEST(test_rx_bcast)
{
	struct guest_frame f;

	up(3);
	turn(1, OSA_CHAR_RX_BCAST, false);
	turn(1, OSA_CHAR_MCAST_FLOODING, true); /* a broadcast is no multicast frame */
	f = frame(0, all, 100, 1);
	send(0, &f);
	expect_nothing(1);
	expect(2, 100, 1);
	turn(1, OSA_CHAR_RX_BCAST, true);
	f = frame(0, all, 100, 2);
	send(0, &f);
	expect(1, 100, 2);
}
END_TEST

START_TEST(test_takeover_setvmac)
{
	static const uint8_t second[6] = {2, 7, 7, 7, 7, 7};
	uint8_t old[6];
	struct guest_frame f;

	up(3);
	memcpy(old, mac_of(0), 6);
	ck_assert_int_eq(guest_mac_add(host[0].d, second), 0);
	ck_assert_int_eq(guest_mac_add(host[1].d, old), -EADDRINUSE);
	turn(1, OSA_CHAR_TAKEOVER_SETVMAC, true); /* it is for the owner to allow */
	ck_assert_int_eq(guest_mac_add(host[1].d, old), -EADDRINUSE);
	turn(0, OSA_CHAR_TAKEOVER_SETVMAC, true);
	ck_assert_int_eq(guest_mac_add(host[1].d, old), 0);
	f = frame(2, old, 100, 1);
	send(2, &f);
	expect(1, 100, 1);
	expect_nothing(0);
	f = frame(2, second, 100, 2); /* only what was asked for */
	send(2, &f);
	expect(0, 100, 2);
	f = frame(0, mac_of(2), 100, 3); /* and may not be spoken for any more */
	refused(0, &f, QDIO_REASON_BAD_BUFFER);
	memcpy(frame_bytes + 6, second, 6);
	send(0, &f);
	expect(2, 100, 3);
}
END_TEST

START_TEST(test_bridge_invisible)
{
	struct guest_frame f;

	up(3);
	host[0].ip.hs->bridge_port = true;
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, OSA_CHAR_FLOODING, 0, NULL),
			 OSA_RC_VNICC_BRIDGE_PORT);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, true);
	turn(1, OSA_CHAR_FLOODING, true);
	turn(1, OSA_CHAR_MCAST_FLOODING, true);
	f = frame(0, mac_of(1), 100, 1);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	f = frame(1, mac_of(0), 100, 2);
	refused(1, &f, QDIO_REASON_NO_TARGET);
	f = frame(0, all, 100, 3);
	send(0, &f);
	expect(2, 100, 3);
	f = frame(0, group, 100, 4);
	send(0, &f);
	f = frame(0, nobody, 100, 5);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	expect_nothing(1);
	expect_nothing(0);
	f = frame(2, mac_of(1), 100, 6); /* others are not affected */
	send(2, &f);
	expect(1, 100, 6);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, false);
	f = frame(0, mac_of(1), 100, 7);
	send(0, &f);
	expect(1, 100, 7);
	host[0].ip.hs->bridge_port = false;
}
END_TEST

static TCase *tcase(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	return t;
}

int main(void)
{
	Suite *s = suite_create("vnicc");
	TCase *t = tcase("commands");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_query);
	tcase_add_test(t, test_timeout);
	tcase_add_test(t, test_forgotten);
	tcase_add_test(t, test_no_cable);
	tcase_add_test(t, test_layer3);
	suite_add_tcase(s, t);
	t = tcase("frames");
	tcase_add_test(t, test_flooding);
	tcase_add_test(t, test_flooding_vlan);
	tcase_add_test(t, test_mcast_flooding);
	tcase_add_test(t, test_rx_bcast);
	tcase_add_test(t, test_takeover_setvmac);
	tcase_add_test(t, test_bridge_invisible);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
