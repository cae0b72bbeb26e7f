/* SPDX-License-Identifier: Apache-2.0 */
/* HiperSockets' network traffic analyzer: who may be it, what it sees, and what that costs others.
 */
#include "hipersockets/hs_priv.h"
#include "tests/hiperbed.h"

static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
static const uint8_t group[6] = {1, 0, 0x5E, 1, 2, 3};
static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
static uint8_t header[OSA_HDR_BYTES];

static int diag(unsigned i, uint8_t type, uint8_t action)
{
	struct osa_diag d = {.len = be16_of(16),
			     .subcommand = be32_of(OSA_DIAG_TRACE),
			     .type = type,
			     .action = action};
	int seq = guest_ipa_send(host[i].d, OSA_SETDIAGASS, 0, &d, sizeof(d)), rc;

	memset(&d, 0, sizeof(d));
	rc = guest_ipa_wait(host[i].d, seq, &d, sizeof(d), NULL);
	ck_assert_uint_eq(d.action, action); /* the driver looks at it */
	return rc;
}

static int trace(unsigned i, bool on)
{
	return diag(i, OSA_DIAG_TYPE_HIPERSOCKETS, on ? OSA_TRACE_ENABLE : OSA_TRACE_DISABLE);
}

/* Hosts 0 and 1 of layer 2, 2 and 3 of layer 3, of which 3 is to be the analyzer. */
static void up(void)
{
	struct guest_ip ip = {.addr = {[12] = 10, [15] = 2}};

	for (unsigned i = 0; i < 4; i++)
		online(i, (struct guest_config){.layer = i < 2 ? 2 : 3});
	ck_assert_int_eq(guest_ip_add(host[2].d, &ip), 0);
	hs_watch(host[3].ip.hs, true, false);
}

/* A packet for the IP address of host 2, or for nobody's. */
static struct guest_frame packet(uint8_t last, uint32_t len, uint8_t fill)
{
	struct osa_l3_hdr h = {
		.id = OSA_HDR_LAYER3, .flags = OSA_L3_CAST_UNICAST, .len = be16_of((uint16_t)len)};

	be32_store(h.next_hop4, 0x0A000000u | last);
	memcpy(header, &h, sizeof(h));
	memset(frame_bytes, fill, len);
	return (struct guest_frame){.data = frame_bytes, .len = len, .header = header};
}

START_TEST(test_authority)
{
	up();
	ck_assert(host[3].d->qdioac2 & QDIO_AC2_SNIFFER);
	hs_watch(host[3].ip.hs, false, false);
	ck_assert_int_eq(trace(3, true), OSA_DIAG_RC_NOT_AUTHORISED);
	hs_watch(host[3].ip.hs, true, false);
	ck_assert_int_eq(trace(3, true), 0);
	ck_assert_int_eq(trace(3, true), 0);
	hs_watch(host[2].ip.hs, true, false);
	ck_assert_int_eq(trace(2, true), OSA_RC_OUT_OF_SEQUENCE); /* one at a time */
	ck_assert_int_eq(trace(3, false), 0);
	ck_assert_int_eq(trace(2, true), 0);
	hs_watch(host[2].ip.hs, false, false); /* taken back while it runs */
	ck_assert(!host[2].ip.hs->trace);
	ck_assert_uint_eq(lan->n_watching, 0);
	ck_assert_int_eq(trace(3, true), 0);
	ck_assert_int_eq(diag(3, 1, OSA_TRACE_ENABLE), OSA_DIAG_RC_INVALID);
	ck_assert_int_eq(diag(3, OSA_DIAG_TYPE_HIPERSOCKETS, 4), OSA_DIAG_RC_INVALID);
	hs_watch(host[0].ip.hs, true, false);
	ck_assert_int_eq(trace(0, true), OSA_DIAG_RC_INVALID); /* layer 2 */
	hs_plug(host[3].ip.hs, NULL, NULL);
	ck_assert_int_eq(trace(3, true), OSA_RC_LAN_OFFLINE);
	hs_plug(host[3].ip.hs, lan, NULL);
}
END_TEST

/* The analyzer gets a frame of layer 2, and sees that it is one. */
static void expect_frame(uint32_t len, uint8_t fill)
{
	struct guest_rx rx;

	memset(&rx, 0xFF, sizeof(rx)); /* what was there before */
	ck_assert_uint_eq(guest_rx_burst(host[3].d, &rx, 1), 1);
	ck_assert_ptr_null(rx.header);
	expect_this(3, &rx, len, fill);
}

/* Both layers, all VLANs, each frame once, also those that nobody gets. */
START_TEST(test_sees_all)
{
	struct guest_frame f;

	up();
	ck_assert_int_eq(trace(3, true), 0);
	f = frame(0, mac_of(1), 100, 1);
	send(0, &f);
	expect(1, 100, 1);
	expect_frame(100, 1);
	f = frame(0, nobody, 100, 2);
	send(0, &f);
	expect_frame(100, 2);
	f = frame(0, all, 100, 3);
	send(0, &f);
	expect(1, 100, 3);
	expect_frame(100, 3);
	f = frame(0, group, 100, 4);
	be16_store(frame_bytes + 12, 0x8100);
	be16_store(frame_bytes + 14, 77);
	send(0, &f);
	expect_frame(100, 4);
	hs_plug(host[1].ip.hs, NULL, NULL);
	f = packet(9, 100, 5);
	send(2, &f);
	expect(3, 100, 5);
	expect_nothing(3);
	ck_assert_int_eq(trace(3, false), 0);
	f = frame(0, all, 100, 6);
	send(0, &f);
	expect_nothing(3);
}
END_TEST

/* The layer-3 traffic between two, and nothing of a trace goes out. */
START_TEST(test_layer3)
{
	struct guest_ip ip = {.addr = {[12] = 10, [15] = 4}};
	struct guest_frame f;

	up();
	online(4, (struct guest_config){.layer = 3});
	ck_assert_int_eq(guest_ip_add(host[4].d, &ip), 0);
	ck_assert_int_eq(trace(3, true), 0);
	f = packet(2, 57344, 1);
	send(4, &f);
	expect(2, 57344, 1);
	expect(3, 57344, 1);
	f = packet(2, 100, 2);
	send(3, &f);
	ck_assert_uint_eq(host[3].stats->tx_errors, 1);
	ck_assert_uint_eq(host[3].stats->tx_no_target, 1);
	expect_nothing(2);
	ck_assert_int_eq(guest_offline(host[3].d), 0); /* it ends with the session */
	ck_assert_uint_eq(lan->n_watching, 0);
	ck_assert_int_eq(guest_online(host[3].d), 0);
	f = packet(2, 100, 3);
	send(3, &f);
	expect(2, 100, 3);
}
END_TEST

/* One that does not read misses frames; its LAN does not. */
START_TEST(test_full)
{
	struct guest_frame f;
	struct guest_rx rx;

	up();
	ck_assert_int_eq(trace(3, true), 0);
	for (unsigned i = 0; i < 1000; i++) {
		f = frame(0, mac_of(1), 100, (uint8_t)i);
		send(0, &f);
		expect(1, 100, (uint8_t)i);
	}
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
	for (unsigned n = 0; guest_rx_burst(host[3].d, &rx, 1); n++)
		ck_assert_uint_eq(rx.data[50], (uint8_t)n);
}
END_TEST

/* Made to see all: it keeps its own traffic, gets nothing twice, and of its layer only. */
START_TEST(test_asked)
{
	struct guest_frame f;

	up();
	online(4, (struct guest_config){0});
	hs_watch(host[4].ip.hs, false, true); /* asked alone is not enough */
	f = frame(0, mac_of(1), 100, 1);
	send(0, &f);
	expect_nothing(4);
	hs_watch(host[4].ip.hs, true, true);
	ck_assert_int_eq(guest_group_add(host[4].d, group), 0);
	send(0, &f);
	expect(4, 100, 1);
	f = frame(0, mac_of(4), 100, 2);
	send(0, &f);
	expect(4, 100, 2);
	f = frame(0, group, 100, 3);
	send(0, &f);
	expect(4, 100, 3);
	f = packet(9, 100, 4);
	send(2, &f);
	expect_nothing(4);
	f = frame(4, mac_of(0), 100, 5);
	send(4, &f);
	expect(0, 100, 5);
	expect_nothing(4);
	ck_assert_int_eq(guest_vid_add(host[4].d, 8), 0);
	f = frame(0, nobody, 100, 6);
	be16_store(frame_bytes + 12, 0x8100);
	be16_store(frame_bytes + 14, 7);
	send(0, &f);
	expect_nothing(4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("analyzer");
	TCase *t = tcase_create("analyzer");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_authority);
	tcase_add_test(t, test_sees_all);
	tcase_add_test(t, test_layer3);
	tcase_add_test(t, test_full);
	tcase_add_test(t, test_asked);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
