/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest says on the port socket besides frames: its user's commands, its layer and
 * addresses, its version. */
#include <stdio.h>

#include "tests/portsock_bed.h"

/* ---- commands of the guest ------------------------------------------------------------------- */

struct said {
	int error;
	char text[65536];
	unsigned what; /* of the last piece */
	bool ended;    /* the connection */
	unsigned links;
};

/* Issue one; what it answers, and what else comes in between. */
static void say(struct bed *b, struct client *c, const char *line, bool json, struct said *out)
{
	struct port_command m = {.hdr = {PORT_COMMAND, sizeof(m), ++c->tag}, .json = json};
	union message in;
	size_t used = 0;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	memcpy(m.text, line, strlen(line));
	send_raw(c, &m, sizeof(m));
	turn(b->base);
	while ((n = receive(c, &in)) > 0) {
		size_t head = offsetof(struct port_output, text);

		ck_assert_uint_eq(in.hdr.len, (size_t)n);
		out->links += in.hdr.type == PORT_LINK;
		if (in.hdr.type == PORT_OUTPUT) {
			ck_assert_uint_eq(in.hdr.tag, c->tag);
			ck_assert_uint_gt((size_t)n, head);
			out->what = in.output.what;
			memcpy(out->text + used, in.output.text, (size_t)n - head);
			used += (size_t)n - head;
		} else if (in.hdr.type == PORT_REPLY) {
			ck_assert_uint_eq(in.hdr.tag, c->tag);
			out->error = in.reply.error;
			if (!used)
				memcpy(out->text, in.reply.text, sizeof(in.reply.text));
			return;
		}
	}
	out->ended = n == 0;
}

static const struct {
	const char *line;
	int error;
	const char *want;
} said_by_a_guest[] = {
	{"QUERY NIC 0600 DETAILS", 0, "Attached by: port socket"},
	{"query nic", 0, "Adapter 0600.P00"},
	{"DEFINE VSWITCH X", EBADRQC,
	 "ZLN2504E DEFINE VSWITCH needs privilege class B: you are ONE"},
	{"QUERY NIC USER TWO", EBADRQC, "ZLN2504E"},
	{"UNCOUPLE TWO/0600", EBADRQC, "ZLN2504E"},
	{"DEFINE NIC 0900", 0, "NIC 0900 is created"},
	{"SHUTDOWN", EBADRQC, "ZLN2504E"},
	{"NO SUCH THING", EBADRQC, "ZLN2501E"},
	{"* a comment", 0, ""},
	{"", EINVAL, "ZLN2608E"},
};

/* The account at the other end is root's, or one that has nothing to do with the user. */
START_TEST(a_guest_issues_its_users_commands)
{
	static struct said r;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(b.cp, "USER ONE UID 4711");
	client_open_as(&b, &c, &oper);
	say(&b, &c, "QUERY NIC", false, &r);
	ck_assert_int_eq(r.error, ENOTCONN);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	for (size_t i = 0; i < sizeof(said_by_a_guest) / sizeof(said_by_a_guest[0]); i++) {
		say(&b, &c, said_by_a_guest[i].line, false, &r);
		ck_assert_msg(r.error == said_by_a_guest[i].error &&
				      strstr(r.text, said_by_a_guest[i].want),
			      "%s: %d %s", said_by_a_guest[i].line, r.error, r.text);
	}
	say(&b, &c, "QUERY NIC 0600", true, &r);
	ck_assert_uint_eq(r.what, CP_OUTPUT_JSON);
	ck_assert(strstr(r.text, "\"ok\":true") != NULL);
	say(&b, &c, "UNCOUPLE 0600", false, &r);
	ck_assert_uint_eq(r.links, 1);
	ck_assert_int_eq(r.error, 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* The longest command, an answer of several messages, one that is too long, and the last one. */
START_TEST(answers_are_bounded)
{
	static struct said r;
	char line[PORT_COMMAND_BYTES + 1];
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &one);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	memset(line, 'X', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(&b, &c, line, false, &r);
	ck_assert_int_eq(r.error, EBADRQC);
	say(&b, &c, "HELP", false, &r);
	ck_assert_int_eq(r.error, 0);
	ck_assert_uint_gt(strlen(r.text), 2 * PORT_OUTPUT_BYTES);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "DEFINE NIC USER ONE %04X", 0x1000 + 16 * i);
		command(b.cp, line);
	}
	say(&b, &c, "QUERY NIC DETAILS", true, &r);
	ck_assert_int_eq(r.error, EMSGSIZE);
	ck_assert_ptr_nonnull(strstr(r.text, "ZLN2609E"));
	say(&b, &c, "DETACH NIC 0600", false, &r);
	ck_assert(r.ended);
	close(c.fd);
	close(c.data);
	bed_close(&b);
}
END_TEST

START_TEST(version_1_has_no_commands)
{
	static struct said r;
	struct port_attach m;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &one);
	m = good_attach(&c, "ONE", 0x0600);
	m.version = 1;
	send_raw(&c, &m, sizeof(m));
	ck_assert_uint_eq(await_reply(&b, &c).version, 1);
	say(&b, &c, "QUERY NIC", false, &r);
	ck_assert_int_eq(r.error, EOPNOTSUPP);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* ---- layer 3 --------------------------------------------------------------------------------- */

static int layer3(struct bed *b, struct client *c, unsigned type, unsigned n, unsigned what,
		  bool v6)
{
	struct port_layer3 m = {.hdr = {(uint16_t)type, sizeof(m), ++c->tag},
				.addr = {[10] = 0xFF, 0xFF, 10, 0, 0, (uint8_t)n},
				.what = (uint8_t)what,
				.v6 = v6};

	send_raw(c, &m, sizeof(m));
	return await_reply(b, c).error;
}

/* A guest on a network in IP mode says what it speaks, its addresses, and whether it is a router.
 */
START_TEST(layer_3_on_an_ip_switch)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	command(b.cp, "DEFINE VSWITCH IP1 IP");
	command(b.cp, "NICDEF SIX 0600 TYPE QDIO LAN SYSTEM IP1");
	command(b.cp, "NICDEF SEVEN 0600 TYPE QDIO LAN SYSTEM IP1");
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), EOPNOTSUPP);
	client_open_as(&b, &d, &oper);
	ck_assert_uint_eq(attach(&b, &d, "ONE", 0x0700).coupled, 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_LAYER, 0, 3, false), ENOTCONN);
	client_close(&b, &d);
	ck_assert_int_eq(attach(&b, &c, "SIX", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 1, false), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EPROTONOSUPPORT);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 2, false), EPROTONOSUPPORT);
	ck_assert(says(b.cp, "QUERY EVENTS", "ZLN2570E VSWITCH SYSTEM IP1: SIX/0600 is refused"));
	ck_assert_int_eq(layer3(&b, &c, PORT_IP_ADD, 1, 0, false), ENOTCONN);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_IP_ADD, 1, PORT_IP_VIPA, false), 0);
	ck_assert(says(b.cp, "QUERY VSWITCH IP1 DETAILS", "10.0.0.1  VIPA\n"));
	client_open_as(&b, &d, &oper);
	ck_assert_int_eq(attach(&b, &d, "SEVEN", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &d, PORT_START, NULL, 0, true), 0);
	command(b.cp, "SET VSWITCH IP1 LOG VERBOSE");
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 1, 0, false), EEXIST);
	ck_assert(says(b.cp, "QUERY EVENTS",
		       "ZLN2833E VSWITCH SYSTEM IP1: SEVEN/0600 may not have 10.0.0.1"));
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 2, 0, false), 0);
	ck_assert(says(b.cp, "QUERY EVENTS", "SEVEN/0600 has registered 10.0.0.2"));
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_DEL, 1, 0, false), ENOENT);
	ck_assert_int_eq(layer3(&b, &c, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, false), 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, false), EEXIST);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, true), 0);
	ck_assert_int_eq(vs_port_routing(cp_find_port(b.cp, "SIX/0600", NULL), false),
			 VS_ROUTING_PRIMARY);
	ck_assert_int_eq(vs_port_routing(cp_find_port(b.cp, "SEVEN/0600", NULL), false),
			 VS_ROUTING_NONE);
	ck_assert_int_eq(vs_port_routing(cp_find_port(b.cp, "SEVEN/0600", NULL), true),
			 VS_ROUTING_PRIMARY);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, 3, true), EINVAL);
	client_close(&b, &c);
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 1, 0, false), 0);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* On an ETHERNET network it is refused, unless that is for both layers. */
START_TEST(layer_3_on_an_ethernet_switch)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	command(b.cp, "DEFINE VSWITCH ETH ETHERNET");
	command(b.cp, "NICDEF SIX 0600 TYPE QDIO LAN SYSTEM ETH");
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "SIX", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), EPROTONOSUPPORT);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EPROTONOSUPPORT);
	ck_assert(says(b.cp, "QUERY EVENTS", "ZLN2571E VSWITCH SYSTEM ETH: SIX/0600 is refused"));
	ck_assert(says(b.cp, "QUERY EVENTS", "SET VSWITCH ETH ... MIXED ON"));
	command(b.cp, "SET VSWITCH ETH MIXED ON");
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* ---- HiperSockets ---------------------------------------------------------------------------- */

/* Since version 5 the client is told what came of its units; before, they are delivered all the
 * same. */
START_TEST(results_since_version_5)
{
	const struct cp_caller guest = {.user = "HIP"};
	uint8_t unit[92] = {[0] = 2, [7] = 60}, reason[4];
	struct port_attach m;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(b.cp, "DEFINE LAN H OWNERID SYSTEM TYPE HIPERS");
	command(b.cp, "NICDEF HIP 0700 TYPE HIPERS LAN SYSTEM H");
	client_open_as(&b, &c, &guest);
	m = good_attach(&c, "HIP", 0x0700);
	m.hdr.type = PORT_ATTACH_HIPERS;
	m.version = (uint16_t)_i;
	send_raw(&c, &m, sizeof(m));
	ck_assert_uint_eq(await_reply(&b, &c).version, (unsigned)_i);
	ck_assert_int_eq(c.results >= 0, _i >= 5);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, false), 0);
	unit[32] = 2; /* to nobody */
	ck_assert_int_eq(send(c.data, unit, sizeof(unit), 0), sizeof(unit));
	poll_frames(&b);
	ck_assert_uint_eq(counters(&b, "HIP/0700").rx_drop[VS_DROP_UNKNOWN_UNICAST], 1);
	if (_i >= 5) {
		ck_assert_int_eq(read(c.results, reason, sizeof(reason)), 1);
		ck_assert_uint_eq(reason[0], PORT_NOBODY);
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("portsock_guest");
	TCase *t;

	t = tcase_create("commands");
	tcase_add_test(t, a_guest_issues_its_users_commands);
	tcase_add_test(t, answers_are_bounded);
	tcase_add_test(t, version_1_has_no_commands);
	suite_add_tcase(s, t);
	t = tcase_create("layer 3");
	tcase_add_test(t, layer_3_on_an_ip_switch);
	tcase_add_test(t, layer_3_on_an_ethernet_switch);
	suite_add_tcase(s, t);
	t = tcase_create("HiperSockets");
	tcase_add_loop_test(t, results_since_version_5, 4, 6);
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
