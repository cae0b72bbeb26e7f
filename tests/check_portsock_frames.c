/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of frames on the port socket: forwarded, lying, odd, more than fit. */
#include "tests/portsock_bed.h"

START_TEST(frames_are_forwarded)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	for (unsigned i = 0; i < 100; i++)
		send_frame(&c, &d, 60 + i);
	ck_assert_uint_eq(poll_frames(&b), 100);
	ck_assert_uint_eq(take_frames(&d), 100);
	/* Nothing goes to where no port is started. */
	ck_assert_int_eq(request(&b, &d, PORT_STOP, NULL, 0, false), 0);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&d), 0);
	/* And nothing that was sent before the start comes from there. */
	send_frame(&d, &c, 60);
	ck_assert_int_eq(request(&b, &d, PORT_START, NULL, 0, true), 0);
	ck_assert_uint_eq(poll_frames(&b), 0);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* Frames of 100 bytes; what one of their headers says, and what becomes of it. */
static const struct {
	size_t n;
	uint16_t count;
	int32_t more; /* bytes the packet says it is longer than it is */
	struct vs_packet_frame f;
	unsigned forwarded, drops;
	enum vs_drop why;
} packets[] = {
	{1, 1, 0, {.len = 100}, 1, 0, 0},
	{2, 0, 0, {.len = 100}, 0, 0, 0},
	{3, 2, 0, {.len = 100}, 1, 1, VS_DROP_RX_MALFORMED}, /* the second is not there */
	{4, 65, 0, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{5, 65535, 0, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{6, 1, 1, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{7, 1, -1, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{8, 1, 0, {.len = 101}, 0, 1, VS_DROP_RX_MALFORMED},
	{9, 1, 0, {.len = 0xFFFFFFFF}, 0, 1, VS_DROP_RX_MALFORMED},
	{10, 1, 0, {.len = 13}, 0, 1, VS_DROP_RX_RUNT},
	{11, 1, 0, {.len = 0}, 0, 1, VS_DROP_RX_RUNT},
	{12, 1, 0, {.len = 100, .flags = 0x10}, 0, 1, VS_DROP_RX_MALFORMED},
	{13, 1, 0, {.len = 100, .flags = 0x8000}, 0, 1, VS_DROP_RX_MALFORMED},
	{14, 1, 0, {.len = 100, .flags = VS_F_CSUM_VALID}, 1, 0, 0},
	{15, 1, 0, {.len = 100, .flags = VS_F_CSUM_NEEDED}, 0, 1, VS_DROP_RX_MALFORMED},
	{16,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 34, .csum_offset = 16},
	 1,
	 0,
	 0},
	{17,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 34, .csum_offset = 65},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{18,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 65535, .csum_offset = 65535},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{19, 1, 0, {.len = 100, .flags = VS_F_GSO_TCP4}, 0, 1, VS_DROP_RX_MALFORMED},
	/* Cut into segments: 46 bytes of payload are one. */
	{20,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 54},
	 1,
	 0,
	 0},
	{21,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 47,
	  .hdrlen = 54},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{22,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 54},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{23,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 53},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{24,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 100},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
};

START_TEST(packets_are_checked)
{
	static uint8_t buf[VS_PACKET_MAX];
	struct vs_packet h = {.count = packets[_i].count};
	struct vs_counters k;
	struct client c, d;
	unsigned drops = 0;
	struct bed b;
	uint32_t n;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	n = packet(buf, &c, &d, 100);
	h.len = (uint32_t)((int32_t)n + packets[_i].more);
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &packets[_i].f, sizeof(packets[_i].f));
	ck_assert_int_eq(send(c.data, buf, n, 0), n);
	send_frame(&c, &d, 60); /* the next one is fine again */
	for (unsigned i = 0; i < 4; i++)
		poll_frames(&b);
	ck_assert_msg(take_frames(&d) == packets[_i].forwarded + 1, "row %zu", packets[_i].n);
	k = counters(&b, "ONE/0600");
	for (unsigned i = 0; i < VS_DROP_COUNT; i++)
		drops += (unsigned)k.rx_drop[i];
	ck_assert_msg(drops == packets[_i].drops, "row %zu: %u drops", packets[_i].n, drops);
	if (drops)
		ck_assert_msg(k.rx_drop[packets[_i].why] == drops, "row %zu", packets[_i].n);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* Packets that are none at all: shorter than a header, or too long to be one. */
START_TEST(odd_packets)
{
	static const uint32_t lens[] = {0, 1, 7, 8, VS_PACKET_MAX, VS_PACKET_MAX + 1, 150000};
	static uint8_t buf[150000];
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		ck_assert_int_eq(send(c.data, buf, lens[i], 0), lens[i]);
		send_frame(&c, &d, 60);
		for (unsigned k = 0; k < 4; k++)
			poll_frames(&b);
		ck_assert_uint_eq(take_frames(&d), 1);
	}
	/* The empty one is nothing; all others are counted. */
	ck_assert_uint_eq(counters(&b, "ONE/0600").rx_drop[VS_DROP_RX_MALFORMED],
			  sizeof(lens) / sizeof(lens[0]) - 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(a_full_socket_drops_and_counts)
{
	struct client c, d;
	struct vs_counters k;
	unsigned sent = 0;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	alarm(60); /* a send that waits ends the test */
	do {
		send_frame(&c, &d, 60000);
		sent += poll_frames(&b);
		k = counters(&b, "TWO/0600");
	} while (k.tx_drop[VS_DROP_TX_NO_BUFFER] < 3 && sent < 10000);
	alarm(0);
	ck_assert_uint_eq(k.tx_drop[VS_DROP_TX_NO_BUFFER], 3);
	ck_assert_uint_eq(k.tx_frames, sent - 3);
	ck_assert_uint_eq(take_frames(&d), sent - 3);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&d), 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(the_end_of_the_data_is_no_work)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	ck_assert(!vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	send_frame(&d, &c, 60);
	ck_assert(vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	poll_frames(&b);
	close(d.data);
	d.data = -1;
	/* The control connection still stands; the worker must be able to sleep. */
	poll_frames(&b);
	ck_assert(!vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(counters(&b, "TWO/0600").tx_drop[VS_DROP_TX_DOWN], 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("portsock_frames");
	TCase *t;

	t = tcase_create("frames");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, frames_are_forwarded);
	tcase_add_loop_test(t, packets_are_checked, 0, (int)(sizeof(packets) / sizeof(packets[0])));
	tcase_add_test(t, odd_packets);
	tcase_add_test(t, a_full_socket_drops_and_counts);
	tcase_add_test(t, the_end_of_the_data_is_no_work);
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
