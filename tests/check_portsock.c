/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port socket: who may attach, every malformed message, requests, and every state a client can
 * vanish in. Frames: check_portsock_frames.c; what a guest says of itself and commands:
 * check_portsock_guest.c.
 */
#include "tests/portsock_bed.h"

static const struct cp_caller joe = {.user = "JOE", .has_ids = true, .uid = 1000};

/* ---- attaching ------------------------------------------------------------------------------- */

START_TEST(attach_gives_a_port)
{
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	r = attach(&b, &c, "ONE", 0x0600);
	ck_assert_int_eq(r.error, 0);
	ck_assert_uint_eq(r.version, PORT_VERSION);
	ck_assert_uint_eq(r.coupled, 1);
	ck_assert_int_ge(c.data, 0);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS",
		       "State: Startup   Attached by: port socket"));
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS",
		       "State: Session Established   Attached by: port socket"));
	ck_assert(says(b.cp, "QUERY VSWITCH VSW1 DETAILS", "In use"));
	client_close(&b, &c);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	bed_close(&b);
}
END_TEST

static const struct {
	size_t n;
	const struct cp_caller *who;
	const char *user;
	uint16_t vdev;
	uint32_t magic;
	uint16_t version;
	int error;
	const char *text;
	bool closed;
} attaches[] = {
	{1, &oper, "ONE", 0x600, PORT_MAGIC, 1, 0, "", false},
	{2, &oper, "ONE", 0x600, PORT_MAGIC, 65535, 0, "", false},
	{3, &oper, "ONE", 0x600, PORT_MAGIC, 0, EPROTO, "ZLN2615E", true},
	{4, &oper, "ONE", 0x600, 0x5A4C4348, 1, EPROTO, "ZLN2615E", true}, /* the channel's */
	{5, &oper, "", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN2612E", false},
	{6, &oper, "A\001B", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN2612E", false},
	{7, &oper, "a/b", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN0007E", false},
	{8, &oper, "NONE", 0x600, PORT_MAGIC, 1, ENOENT, "ZLN0040E Device NONE/0600", false},
	{9, &oper, "ONE", 0x601, PORT_MAGIC, 1, ENOENT, "ZLN0040E Device ONE/0601", false},
	{10, &one, "ONE", 0x600, PORT_MAGIC, 1, 0, "", false},
	{11, &one, "TWO", 0x600, PORT_MAGIC, 1, EPERM, "ZLN2513E", false},
	{12, &nobody, "ONE", 0x600, PORT_MAGIC, 1, EPERM, "ZLN2513E", false},
	{13, &joe, "ONE", 0x600, PORT_MAGIC, 1, EPERM, "enter USER ONE UID 1000", false},
	{14, &joe, "THREE", 0x600, PORT_MAGIC, 1, 0, "", false},
};

START_TEST(attach_is_judged)
{
	struct port_attach m;
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(b.cp, "NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b.cp, "USER THREE UID 1000");
	client_open_as(&b, &c, attaches[_i].who);
	m = good_attach(&c, attaches[_i].user, attaches[_i].vdev);
	m.magic = attaches[_i].magic;
	m.version = attaches[_i].version;
	send_raw(&c, &m, sizeof(m));
	r = await_reply(&b, &c);
	ck_assert_msg(r.error == attaches[_i].error, "row %zu: %d %s", attaches[_i].n, r.error,
		      r.text);
	ck_assert_msg(strstr(r.text, attaches[_i].text) != NULL, "row %zu: %s", attaches[_i].n,
		      r.text);
	ck_assert_int_eq(c.data >= 0, r.error == 0);
	ck_assert_int_eq(is_closed(&c), attaches[_i].closed);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(one_guest_per_nic)
{
	struct client c, d;
	struct port_reply r;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	r = attach(&b, &c, "TWO", 0x0600);
	ck_assert_int_eq(r.error, EISCONN);
	client_open_as(&b, &d, &oper);
	r = attach(&b, &d, "ONE", 0x0600);
	ck_assert_int_eq(r.error, EBUSY);
	ck_assert_ptr_nonnull(strstr(r.text, "ZLN2507E NIC ONE/0600 is in use by a guest"));
	client_close(&b, &c);
	ck_assert_int_eq(attach(&b, &d, "ONE", 0x0600).error, 0);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(an_account_cannot_take_all_connections)
{
	int pair[80][2], accepted = 0;
	struct client c;
	struct bed b;

	bed_open(&b);
	for (unsigned i = 0; i < 80; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair[i]),
				 0);
		accepted += cp_portsock_adopt(b.ps, pair[i][0], &one, 1001) == 0;
	}
	ck_assert_int_eq(accepted, 64);
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	client_close(&b, &c);
	for (unsigned i = 0; i < 80; i++)
		close(pair[i][1]);
	turn(b.base);
	bed_close(&b);
}
END_TEST

/* ---- messages -------------------------------------------------------------------------------- */

static const struct {
	size_t n;
	unsigned type;
	size_t len, says;
	int error;
	bool closed;
} bad_messages[] = {
	{1, PORT_START, 1, 1, EPROTO, true},
	{2, PORT_START, 7, 7, EPROTO, true},
	{3, PORT_START, 8, 8, EPROTO, true},
	{4, PORT_START, sizeof(struct port_request), 0, EPROTO, true},
	{5, PORT_START, sizeof(struct port_request), 65535, EPROTO, true},
	{6, PORT_START, sizeof(struct port_request) - 1, sizeof(struct port_request) - 1, EPROTO,
	 true},
	{7, PORT_START, sizeof(struct port_request) + 1, sizeof(struct port_request) + 1, EPROTO,
	 true},
	{8, PORT_ATTACH, sizeof(struct port_request), sizeof(struct port_request), EPROTO, true},
	{9, 0, sizeof(struct port_request), sizeof(struct port_request), EOPNOTSUPP, false},
	{10, PORT_IPA + 1, 8, 8, EOPNOTSUPP, false},
	{27, PORT_ATTACH_HIPERS, 8, 8, EPROTO, true},
	{28, PORT_IPA, sizeof(struct port_ipa), sizeof(struct port_ipa), EOPNOTSUPP, false},
	{26, PORT_LAYER, 8, 8, EOPNOTSUPP, false}, /* before ATTACH: no version 3 */
	{11, PORT_REPLY, sizeof(struct port_reply), sizeof(struct port_reply), EOPNOTSUPP, false},
	{12, 65535, 8, 8, EOPNOTSUPP, false},
	{13, PORT_START, PORT_CONTROL_MAX, PORT_CONTROL_MAX, EPROTO, true},
	{14, PORT_START, PORT_CONTROL_MAX + 1, PORT_CONTROL_MAX + 1, EMSGSIZE, true},
	{15, PORT_START, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN, false},
	{16, PORT_STOP, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN, false},
	{17, PORT_PROMISC, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN,
	 false},
};

START_TEST(messages_are_checked)
{
	union message m = {.hdr = {.type = (uint16_t)bad_messages[_i].type,
				   .len = (uint16_t)bad_messages[_i].says,
				   .tag = 7}};
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	send_raw(&c, &m, bad_messages[_i].len);
	r = await_reply(&b, &c);
	ck_assert_msg(r.error == bad_messages[_i].error, "row %zu: %d %s", bad_messages[_i].n,
		      r.error, r.text);
	ck_assert_int_eq(is_closed(&c), bad_messages[_i].closed);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(descriptors_are_not_kept)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} ctl = {0};
	struct port_attach m;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	m = good_attach(&c, "ONE", 0x0600);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(8 * sizeof(int));
	ck_assert_int_eq(sendmsg(c.fd, &mh, MSG_NOSIGNAL), sizeof(m)); /* eight times stdin */
	ck_assert_int_eq(await_reply(&b, &c).error, EMSGSIZE);
	ck_assert(is_closed(&c));
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(requests_end_at_the_link)
{
	static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1}, zero[6];
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), ENOTCONN);
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EALREADY);
	client_ready(&b, &d, "TWO");
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, d.mac, 0, true), EEXIST);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, group, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, zero, 0, true), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_DEL, group, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_DEL, group, 0, true), ENOENT);
	ck_assert_int_eq(request(&b, &c, PORT_VID_ADD, NULL, 4095, true), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_VID_ADD, NULL, 5, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_VID_DEL, NULL, 6, true), ENOENT);
	ck_assert_int_eq(request(&b, &c, PORT_PROMISC, NULL, 0, true), EPERM);
	/* All of it goes with the stop. */
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &d, PORT_MAC_ADD, c.mac, 0, true), 0);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(an_uncoupled_nic_waits)
{
	union message m;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert_uint_eq(attach(&b, &c, "ONE", 0x0700).coupled, 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), ENOTCONN);
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, true), 0);
	command(b.cp, "SET VSWITCH VSW1 GRANT ONE");
	for (unsigned i = 0; i < 3; i++) {
		command(b.cp, "COUPLE USER ONE 0700 TO SYSTEM VSW1");
		ck_assert_int_eq(receive(&c, &m), sizeof(m.link));
		ck_assert_uint_eq(m.hdr.type, PORT_LINK);
		ck_assert_uint_eq(m.hdr.len, sizeof(m.link));
		ck_assert_uint_eq(m.hdr.tag, 0);
		ck_assert_uint_eq(m.link.coupled, 1);
		ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
		command(b.cp, i == 1 ? "DETACH VSWITCH VSW1" : "UNCOUPLE USER ONE 0700");
		ck_assert_int_eq(receive(&c, &m), sizeof(m.link));
		ck_assert_uint_eq(m.link.coupled, 0);
		ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), ENOTCONN);
		if (i == 1) {
			command(b.cp, "DEFINE VSWITCH VSW1 ETHERNET");
			command(b.cp, "SET VSWITCH VSW1 GRANT ONE");
		}
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* Two guests joined by CTCAs: link changes at both ends, frames across, and the end of one. */
START_TEST(two_ctcas_are_a_link)
{
	struct client ann, bob;
	union message m;
	struct bed b;

	bed_open(&b);
	command(b.cp, "DEFINE CTCA ONE/0800");
	command(b.cp, "DEFINE CTCA TWO/0801");
	client_open_as(&b, &ann, &oper);
	ck_assert_uint_eq(attach(&b, &ann, "ONE", 0x0800).coupled, 0);
	ck_assert_int_eq(request(&b, &ann, PORT_START, NULL, 0, true), ENOTCONN);
	command(b.cp, "COUPLE ONE/0800 TO TWO 0801");
	ck_assert_int_eq(receive(&ann, &m), sizeof(struct port_link));
	ck_assert_uint_eq(m.link.coupled, 1);
	client_open_as(&b, &bob, &oper);
	ck_assert_uint_eq(attach(&b, &bob, "TWO", 0x0801).coupled, 1);
	ck_assert_int_eq(request(&b, &ann, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &bob, PORT_START, NULL, 0, true), 0);
	send_frame(&ann, &bob, 100);
	send_frame(&bob, &ann, 100);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&ann), 1);
	ck_assert_uint_eq(take_frames(&bob), 1);
	ck_assert(says(b.cp, "QUERY CTCA TWO/0801", "Guest: port socket"));
	ck_assert(says(b.cp, "QUERY CTCA TWO/0801", "RX Packets: 1 "));
	command(b.cp, "DETACH ONE/0800");
	ck_assert(is_closed(&ann) || (turn(b.base), is_closed(&ann)));
	ck_assert_int_eq(receive(&bob, &m), sizeof(struct port_link));
	ck_assert_uint_eq(m.link.coupled, 0);
	ck_assert(says(b.cp, "QUERY CTCA TWO/0801", "NOT COUPLED"));
	client_close(&b, &bob);
	close(ann.fd);
	close(ann.data);
	bed_close(&b);
}
END_TEST

/* ---- the end --------------------------------------------------------------------------------- */

START_TEST(clients_vanish)
{
	struct client c, d;
	struct bed b;

	for (unsigned state = 0; state < 5; state++) {
		bed_open(&b);
		client_ready(&b, &d, "TWO");
		client_open_as(&b, &c, &oper);
		if (state >= 1)
			attach(&b, &c, "ONE", 0x0600);
		if (state >= 2)
			request(&b, &c, PORT_START, NULL, 0, true);
		if (state >= 3)
			request(&b, &c, PORT_MAC_ADD, c.mac, 0, true);
		if (state >= 4)
			send_frame(&c, &d, 60);
		if (state == 3)
			command(b.cp, "UNCOUPLE USER ONE 0600");
		client_close(&b, &c);
		ck_assert_uint_eq(cp_portsock_connections(b.ps), 1);
		/* Its address is free, its NIC too. */
		if (state)
			ck_assert_int_eq(request(&b, &d, PORT_MAC_ADD, c.mac, 0, true), 0);
		client_open_as(&b, &c, &oper);
		ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
		poll_frames(&b);
		client_close(&b, &c);
		client_close(&b, &d);
		bed_close(&b);
	}
}
END_TEST

START_TEST(a_client_that_does_not_read_is_lost)
{
	struct port_request m = {.hdr = {PORT_STOP, sizeof(m), 1}};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	for (unsigned i = 0; i < 100000 && cp_portsock_connections(b.ps); i++) {
		if (send(c.fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
			turn(b.base);
	}
	turn(b.base);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(detach_nic_drops_the_client)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	command(b.cp, "DETACH NIC USER ONE 0600");
	turn(b.base);
	ck_assert(is_closed(&c));
	ck_assert_int_eq(recv(c.data, &(char){0}, 1, MSG_DONTWAIT), 0);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(zland_ends_first)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	cp_portsock_destroy(b.ps);
	b.ps = NULL;
	ck_assert(is_closed(&c));
	close(c.fd);
	close(c.data);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("portsock");
	TCase *t;

	t = tcase_create("attach");
	tcase_add_test(t, attach_gives_a_port);
	tcase_add_loop_test(t, attach_is_judged, 0, (int)(sizeof(attaches) / sizeof(attaches[0])));
	tcase_add_test(t, one_guest_per_nic);
	tcase_add_test(t, an_account_cannot_take_all_connections);
	suite_add_tcase(s, t);
	t = tcase_create("messages");
	tcase_add_loop_test(t, messages_are_checked, 0,
			    (int)(sizeof(bad_messages) / sizeof(bad_messages[0])));
	tcase_add_test(t, descriptors_are_not_kept);
	tcase_add_test(t, requests_end_at_the_link);
	tcase_add_test(t, an_uncoupled_nic_waits);
	tcase_add_test(t, two_ctcas_are_a_link);
	suite_add_tcase(s, t);
	t = tcase_create("end");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, clients_vanish);
	tcase_add_test(t, a_client_that_does_not_read_is_lost);
	tcase_add_test(t, detach_nic_drops_the_client);
	tcase_add_test(t, zland_ends_first);
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
