/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel socket: every malformed message, subchannels, signals, and every state a client can
 * vanish in. Attaching: check_channel_attach.c.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/channel_bed.h"

/* ---- messages -------------------------------------------------------------------------------- */

/* sent bytes; the header's type and length; what is expected before and after ATTACH */
static const struct {
	unsigned n;
	unsigned sent;
	unsigned type, len;
	int before, after;
	bool ends;
} bad_messages[] = {
	{1, 1, 0, 0, EPROTO, EPROTO, true},
	{2, 7, 0, 0, EPROTO, EPROTO, true},
	{3, 8, CHANNEL_SIGA, 9, EPROTO, EPROTO, true},
	{4, 8, CHANNEL_SIGA, 7, EPROTO, EPROTO, true},
	{5, 8, CHANNEL_SIGA, 8, EPROTO, EPROTO, true},
	{6, 8, 0, 8, EOPNOTSUPP, EOPNOTSUPP, false},
	{7, 8, CHANNEL_COMMAND + 1, 8, EOPNOTSUPP, EOPNOTSUPP, false},
	{8, 200, CHANNEL_REPLY, 200, EOPNOTSUPP, EOPNOTSUPP, false},
	{9, 64, CHANNEL_INTERRUPT, 64, EOPNOTSUPP, EOPNOTSUPP, false},
	{10, 64, 0xFFFF, 64, EOPNOTSUPP, EOPNOTSUPP, false},
	{11, CHANNEL_MSG_MAX, CHANNEL_MSCH, CHANNEL_MSG_MAX, EPROTO, EPROTO, true},
	{12, CHANNEL_MSG_MAX + 1, CHANNEL_MSCH, CHANNEL_MSG_MAX + 1, EMSGSIZE, EMSGSIZE, true},
	{13, 2048, CHANNEL_MSCH, 16, EMSGSIZE, EMSGSIZE, true},
	{14, sizeof(struct channel_attach) - 8, CHANNEL_ATTACH, sizeof(struct channel_attach) - 8,
	 EPROTO, EPROTO, true},
	{15, sizeof(struct channel_attach) + 8, CHANNEL_ATTACH, sizeof(struct channel_attach) + 8,
	 EPROTO, EPROTO, true},
	{16, sizeof(struct channel_msch), CHANNEL_MSCH, sizeof(struct channel_msch), ENOTCONN, 0,
	 false},
	{17, sizeof(struct channel_dev), CHANNEL_HSCH, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{18, sizeof(struct channel_dev), CHANNEL_CSCH, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{19, sizeof(struct channel_siga), CHANNEL_SIGA, sizeof(struct channel_siga), ENOTCONN, 0,
	 false},
	{20, sizeof(struct channel_dev), CHANNEL_RESET, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{21, sizeof(struct channel_chsc), CHANNEL_CHSC, sizeof(struct channel_chsc), ENOTCONN, 0,
	 false},
	{22, sizeof(struct channel_ssch), CHANNEL_SSCH, sizeof(struct channel_ssch), ENOTCONN, 0,
	 false},
};

static void try_message(struct bed *b, unsigned row, bool attached)
{
	int expected = attached ? bad_messages[row].after : bad_messages[row].before;
	union message m = {0};
	struct channel_reply r;
	struct client c;

	if (attached)
		client_attached(b, &c);
	else
		client_open(b, &c);
	m.hdr.type = (uint16_t)bad_messages[row].type;
	m.hdr.len = (uint16_t)bad_messages[row].len;
	m.hdr.tag = 77;
	send_raw(&c, &m, bad_messages[row].sent, &c.memfd, row % 2);
	r = await_reply(b, &c, NULL);
	ck_assert_msg(r.error == expected, "row %u: error %d, %s", bad_messages[row].n, r.error,
		      r.text);
	ck_assert_msg(is_closed(&c) == bad_messages[row].ends, "row %u", bad_messages[row].n);
	client_close(b, &c);
}

START_TEST(messages_are_checked)
{
	struct bed b;

	bed_open(&b);
	try_message(&b, (unsigned)_i, false);
	try_message(&b, (unsigned)_i, true);
	bed_close(&b);
}
END_TEST

/* With its user's authority: the connection is root's. */
START_TEST(a_guest_issues_its_users_commands)
{
	struct channel_reply r;
	struct client c;
	union message m, out;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	m = (union message){.command = {.text = "QUERY NIC 0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(b.base);
	ck_assert_int_gt(receive(&c, &out), (int)offsetof(struct channel_output, text));
	ck_assert_uint_eq(out.hdr.type, CHANNEL_OUTPUT);
	ck_assert_uint_eq(out.hdr.tag, c.tag);
	ck_assert_int_eq(memcmp(out.output.text, "Adapter 0600.P00", 16), 0);
	ck_assert_int_eq(await_reply(&b, &c, NULL).error, 0);
	m = (union message){.command = {.text = "DETACH NIC TWO/0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(b.base);
	ck_assert_int_gt(receive(&c, &out), (int)offsetof(struct channel_output, text));
	ck_assert_uint_eq(out.output.what, 1);
	r = await_reply(&b, &c, NULL);
	ck_assert_int_eq(r.error, EBADRQC);
	ck_assert_int_eq(strncmp(r.text, "ZLN2504E ", 9), 0);
	/* It may take its own device away, and with it the connection. */
	m = (union message){.command = {.text = "DETACH NIC 0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(b.base);
	ck_assert_int_eq(receive(&c, &out), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(subchannels_are_three)
{
	struct client c;
	struct bed b;
	union message m;

	bed_open(&b);
	client_attached(&b, &c);
	for (unsigned dev = 3; dev < 256; dev += 36) {
		ck_assert_int_eq(enable(&b, &c, dev).cc, 3);
		memset(&m, 0, sizeof(m));
		m.dev.dev = (uint8_t)dev;
		ck_assert_int_eq(request(&b, &c, &m, CHANNEL_HSCH, sizeof(m.dev)).cc, 3);
		ck_assert_int_eq(request(&b, &c, &m, CHANNEL_CSCH, sizeof(m.dev)).cc, 3);
		ck_assert_int_eq(start(&b, &c, dev, 0xE4, 32, NULL).cc, 3);
	}
	m = (union message){.msch = {.dev = 0, .enabled = 1, .isc = 8}};
	ck_assert_int_eq(request(&b, &c, &m, CHANNEL_MSCH, sizeof(m.msch)).error, EINVAL);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(a_channel_program_ends_with_an_interruption)
{
	struct channel_interrupt irq = {0};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	ck_assert_int_eq(enable(&b, &c, 1).cc, 0);
	ck_assert_int_eq(start(&b, &c, 1, 0xE4, 32, &irq).cc, 0); /* SENSE ID */
	ck_assert_uint_eq(irq.hdr.tag, 0);
	ck_assert_uint_eq(irq.dev, 1);
	ck_assert_uint_eq(irq.parm, 0xCAFE0001u);
	ck_assert_uint_eq(irq.scsw[8], QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END);
	ck_assert_uint_eq(c.storage[0x2000], 0xFF);
	ck_assert_uint_eq(c.storage[0x2001], 0x17); /* 1731, spec/qdio.md 2.2 */
	ck_assert_uint_eq(c.page->active, 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(chsc_blocks_lie_in_storage)
{
	static const struct {
		size_t n;
		uint64_t addr;
		int cc;
	} row[] = {
		{1, 0x3000, 0},
		{2, 0x3008, -6},
		{3, STORAGE_BYTES, -5},
		{4, STORAGE_BYTES - 4096, 0},
		{5, UINT64_MAX - 4095, -5},
		{6, UINT64_MAX, -6},
	};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		union message m = {.chsc = {.addr = row[i].addr}};
		struct channel_reply r;

		if (row[i].cc == 0) {
			be16_store(c.storage + row[i].addr, 0x10);
			be16_store(c.storage + row[i].addr + 2, 0x10);
		}
		r = request(&b, &c, &m, CHANNEL_CHSC, sizeof(m.chsc));
		ck_assert_msg(r.cc == row[i].cc, "row %zu: cc %d", row[i].n, r.cc);
		if (row[i].cc == 0) /* response length and code: spec/qdio.md 8 */
			ck_assert_uint_eq(be16_load(c.storage + row[i].addr + 0x10 + 2), 1);
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* ---- the end of clients ---------------------------------------------------------------------- */

START_TEST(clients_vanish)
{
	struct channel_interrupt irq;
	struct client c;
	struct bed b;

	bed_open(&b);
	for (unsigned state = 0; state < 6; state++) {
		union message m = {.dev = {.dev = 0}};

		if (state == 0)
			client_open(&b, &c);
		else
			client_attached(&b, &c);
		if (state >= 2)
			ck_assert_int_eq(enable(&b, &c, 0).cc, 0);
		if (state == 3) /* READ with nothing to read: the program stays active */
			ck_assert_int_eq(start(&b, &c, 0, 0x02, 64, &irq).cc, 0);
		if (state == 4) { /* halt it, and go before the answer */
			ck_assert_int_eq(start(&b, &c, 0, 0x02, 64, &irq).cc, 0);
			fill_header(&c, &m, CHANNEL_HSCH, sizeof(m.dev));
			send_raw(&c, &m, sizeof(m.dev), NULL, 0);
		}
		if (state == 5) { /* descriptors on the way */
			good_attach(&c, &m, "TWO");
			send_raw(&c, &m, sizeof(m.attach), &c.memfd, 1);
		}
		client_close(&b, &c);
		ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
		client_attached(&b, &c);
		client_close(&b, &c);
	}
	bed_close(&b);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_lost)
{
	union message m = {.dev = {.dev = 0}};
	struct client c;
	struct bed b;
	unsigned sent = 0;

	bed_open(&b);
	client_attached(&b, &c);
	fill_header(&c, &m, CHANNEL_RESET, sizeof(m.dev));
	while (cp_channel_connections(b.ch) && sent < 100000) {
		if (send(c.fd, &m, sizeof(m.dev), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			sent++;
		turn(b.base);
	}
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	ck_assert_uint_gt(sent, 16);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(detach_nic_drops_the_client)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	ck_assert_int_eq(enable(&b, &c, 0).cc, 0);
	command(b.cp, "DETACH NIC USER ONE 0600");
	turn(b.base);
	ck_assert(is_closed(&c));
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	client_close(&b, &c);
	client_open(&b, &c);
	ck_assert_int_eq(attach(&b, &c, "ONE").error, ENOENT);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(zland_ends_first)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	client_open(&b, &d);
	cp_channel_destroy(b.ch);
	b.ch = NULL;
	ck_assert(is_closed(&c));
	ck_assert(is_closed(&d));
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* ---- signals --------------------------------------------------------------------------------- */

START_TEST(signals_wake_once)
{
	struct channel_signal s;
	uint64_t count[8];

	ck_assert_int_eq(channel_signal_open(&s), 0);
	channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	channel_signal_raise(&s, CHANNEL_PENDING_AIRQ);
	channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	ck_assert_uint_eq(s.page->pending, CHANNEL_PENDING_PCI | CHANNEL_PENDING_AIRQ);
	ck_assert_int_eq(read(s.interrupt_fd, count, sizeof(count)), 8);
	s.page->pending = 0;
	channel_signal_raise(&s, CHANNEL_PENDING_AIRQ);
	ck_assert_int_eq(read(s.interrupt_fd, count, sizeof(count)), 8);
	channel_signal_active(&s, true);
	ck_assert_uint_eq(s.page->active, 1);
	channel_signal_close(&s);
	channel_signal_close(&s);
}
END_TEST

/* What a client may do to the descriptors must not make a worker wait. */
START_TEST(signals_never_block)
{
	struct channel_signal s;
	int flags;

	ck_assert_int_eq(channel_signal_open(&s), 0);
	flags = fcntl(s.interrupt_fd, F_GETFL);
	ck_assert_int_eq(fcntl(s.interrupt_fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	alarm(10); /* a write that waits ends the test */
	for (unsigned i = 0; i < 100000; i++) {
		s.page->pending = 0;
		channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	}
	alarm(0);
	channel_signal_close(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel");
	TCase *t;

	t = tcase_create("messages");
	tcase_add_test(t, a_guest_issues_its_users_commands);
	tcase_add_loop_test(t, messages_are_checked, 0,
			    (int)(sizeof(bad_messages) / sizeof(bad_messages[0])));
	tcase_add_test(t, subchannels_are_three);
	tcase_add_test(t, a_channel_program_ends_with_an_interruption);
	tcase_add_test(t, chsc_blocks_lie_in_storage);
	suite_add_tcase(s, t);
	t = tcase_create("end");
	tcase_add_test(t, clients_vanish);
	tcase_add_test(t, a_client_that_does_not_read_is_lost);
	tcase_add_test(t, detach_nic_drops_the_client);
	tcase_add_test(t, zland_ends_first);
	suite_add_tcase(s, t);
	t = tcase_create("signals");
	tcase_add_test(t, signals_wake_once);
	tcase_add_test(t, signals_never_block);
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
