/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets' VNIC characteristics: the commands, and what each does to frames. Lists and events
 * of addresses: check_pnso.c; all of it against a model: check_vnicc_model.c.
 */
#include <errno.h>

#include "tests/vnicc_bed.h"

static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};

/* ---- commands -------------------------------------------------------------------------------- */

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

/* ---- frames ---------------------------------------------------------------------------------- */

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
	bridge(0);
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
}
END_TEST

/* ---- learning -------------------------------------------------------------------------------- */

static void reaches(unsigned from, const uint8_t mac[6], unsigned to)
{
	static uint8_t fill;
	struct guest_frame f = frame(from, mac, 60, ++fill);

	send(from, &f);
	expect(to, 60, fill);
}

static void unknown(unsigned from, const uint8_t mac[6])
{
	struct guest_frame f = frame(from, mac, 60, 1);

	refused(from, &f, QDIO_REASON_NO_TARGET);
}

START_TEST(test_learning)
{
	up(3);
	speak(1, vm, 0); /* not learned: it is off */
	unknown(0, vm);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	reaches(0, vm, 1);
	reaches(2, vm, 1);
	unknown(1, vm); /* its own: nothing is sent back */
	ck_assert_uint_eq(learned(1), 1);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(2, vm, 0); /* another's: not for the second one */
	reaches(0, vm, 1);
	ck_assert_uint_eq(learned(2), 0);
	turn(1, OSA_CHAR_LEARNING, false);
	unknown(0, vm);
	ck_assert_uint_eq(lan->n_learned, 0);
}
END_TEST

/* Groups, the own address and a registered one are not learned. */
START_TEST(test_not_learned)
{
	static const uint8_t zero[6];
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, group, 0);
	speak(1, zero, 0);
	speak(1, mac_of(1), 0);
	f = frame(1, mac_of(0), 60, 1);
	memcpy(frame_bytes + 6, mac_of(0), 6);
	refused(1, &f, QDIO_REASON_BAD_BUFFER);
	ck_assert_uint_eq(learned(1), 0);
}
END_TEST

START_TEST(test_ages)
{
	up(2);
	ck_assert_int_eq(command(1, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 100, NULL), 0);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0); /* before there was a clock */
	tick(1000);
	tick(1099);
	reaches(0, vm, 1);
	speak(1, vm, 0); /* used */
	tick(1198);
	reaches(0, vm, 1);
	tick(1199);
	unknown(0, vm);
	speak(1, vm, 0);
	reaches(0, vm, 1);
}
END_TEST

/* What was learned before there was a clock is as old as the first tick. */
START_TEST(test_ages_without_a_clock)
{
	up(2);
	ck_assert_int_eq(command(1, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 100, NULL), 0);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	tick(1000);
	tick(1099);
	reaches(0, vm, 1);
	tick(1100);
	unknown(0, vm);
}
END_TEST

START_TEST(test_takeover_learning)
{
	up(3);
	tick(1);
	turn(1, OSA_CHAR_LEARNING, true);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	turn(1, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(2, vm, 0);
	reaches(0, vm, 2);
	speak(1, vm, 0); /* and the second one has not allowed it */
	reaches(0, vm, 2);
	turn(0, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(2, mac_of(0), 1); /* what is registered as well */
	reaches(1, mac_of(0), 2);
	speak(0, mac_of(0), 1);
	tick(700); /* until it has aged */
	reaches(1, mac_of(0), 0);
}
END_TEST

START_TEST(test_registered_comes_first)
{
	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	ck_assert_int_eq(guest_mac_add(host[2].d, vm), 0);
	reaches(0, vm, 2);
	ck_assert_uint_eq(learned(1), 0);
	ck_assert_int_eq(guest_mac_del(host[2].d, vm), 0);
	unknown(0, vm);
	speak(1, vm, 0);
	reaches(0, vm, 1);
	ck_assert_int_eq(guest_offline(host[1].d), 0);
	unknown(0, vm);
	ck_assert_uint_eq(lan->n_learned, 0);
}
END_TEST

/* MAC protection comes before learning. */
START_TEST(test_protected)
{
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	hs_protect(host[1].ip.hs, mac_of(1), true);
	unknown(0, vm);
	f = frame(1, mac_of(0), 60, 1);
	memcpy(frame_bytes + 6, vm, 6);
	refused(1, &f, QDIO_REASON_BAD_BUFFER);
	unknown(0, vm);
	speak(1, mac_of(1), 0);
	hs_protect(host[1].ip.hs, mac_of(1), false);
	speak(1, vm, 0);
	reaches(0, vm, 1);
}
END_TEST

/* Who invents addresses loses his own. */
START_TEST(test_many_learned)
{
	uint8_t mac[6] = {2, 1};

	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(2, vm, 0);
	for (unsigned i = 0; i < 600; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	ck_assert_uint_eq(learned(1), 512);
	reaches(0, vm, 2);
	reaches(0, mac, 1);
	be16_store(mac + 4, 88);
	reaches(0, mac, 1);
	be16_store(mac + 4, 87);
	unknown(0, mac);
}
END_TEST

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
	t = tcase("learning");
	tcase_add_test(t, test_learning);
	tcase_add_test(t, test_not_learned);
	tcase_add_test(t, test_ages);
	tcase_add_test(t, test_ages_without_a_clock);
	tcase_add_test(t, test_takeover_learning);
	tcase_add_test(t, test_registered_comes_first);
	tcase_add_test(t, test_many_learned);
	tcase_add_test(t, test_protected);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
