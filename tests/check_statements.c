/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements do to frames. Each attribute of a switch, a NIC or an authorization is set by its
 * statement and seen in what gets where.
 */
#include "tests/statement_bed.h"

/* ---- who gets what --------------------------------------------------------------------------- */

START_TEST(isolation_and_vepa)
{
	static const struct step steps[] = {
		{1, NULL, A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{2, NULL, A, NOBODY, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{3, NULL, A, ALL, PLAIN, {NO, PLAIN, PLAIN, PLAIN, PLAIN}},
		{4, "SET VSWITCH V ISOLATION ON", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{5, NULL, A, ALL, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{6, NULL, UP, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{7, "SET VSWITCH V ISOLATION OFF VEPA ON", A, B, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{8, NULL, A, ALL, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{9, "SET VSWITCH V VEPA OFF", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{10, "SET VSWITCH V DISCONNECT", A, NOBODY, PLAIN, {NO, NO, NO, NO, NO}},
		{11, "SET VSWITCH V CONNECT", A, NOBODY, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{12, "UNCOUPLE B/0600", A, B, PLAIN, {NO, NO, NO, NO, PLAIN}},
		{13, "COUPLE B/0600 SYSTEM V", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{14, "SET VSWITCH V REVOKE B", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{15, "DETACH B/0600", A, B, PLAIN, {NO, NO, NO, NO, PLAIN}},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap0");
	rig_couple_all("V", "");
	RUN(steps);
}
END_TEST

START_TEST(sniffers)
{
	static const struct step steps[] = {
		{1, "SET VSWITCH V GRANT S PROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{2, "SET NIC S/0600 PROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{3, NULL, UP, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{4, NULL, S, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{5, "SET VSWITCH V ISOLATION ON", A, B, PLAIN, {NO, NO, NO, PLAIN, NO}},
		{6, "SET VSWITCH V ISOLATION OFF", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{7, "SET VSWITCH V GRANT S NOPROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{8, "NICDEF S 0600 PROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{9, "SET NIC S/0600 NOPROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		/* the owner of a LAN sees all of it */
		{10, "UNCOUPLE A/0600", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{11, "UNCOUPLE B/0600", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{12, "UNCOUPLE C/0600", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{13, "DEFINE LAN L OWNERID C", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{14, "COUPLE A/0600 C L", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{15, "COUPLE B/0600 C L", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{16, "COUPLE C/0600 C L", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{17, "SET NIC C/0600 PROMISCUOUS", A, B, PLAIN, {NO, PLAIN, PLAIN, NO, NO}},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap0");
	rig_couple_all("V", "");
	rig_answer("SET NIC S/0600 PROMISCUOUS", 2534);
	RUN(steps);
}
END_TEST

START_TEST(vlans_of_ports)
{
	static const struct step steps[] = {
		{1, NULL, A, ALL, PLAIN, {NO, PLAIN, PLAIN, PLAIN, 10}},
		{2, "SET VSWITCH V NATIVE 10", A, ALL, PLAIN, {NO, PLAIN, PLAIN, PLAIN, PLAIN}},
		{3, "SET VSWITCH V NATIVE NONE", A, ALL, PLAIN, {NO, PLAIN, PLAIN, PLAIN, 10}},
		{4, "SET VSWITCH V GRANT B VLAN 20", A, ALL, PLAIN, {NO, NO, PLAIN, PLAIN, 10}},
		{5,
		 "SET VSWITCH V GRANT C PORTTYPE TRUNK VLAN 10 20",
		 A,
		 ALL,
		 PLAIN,
		 {NO, NO, 10, PLAIN, 10}},
		{6, NULL, C, ALL, 20, {NO, PLAIN, NO, NO, 20}},
		{7, NULL, C, ALL, 30, {NO, NO, NO, NO, NO}},
		{8, NULL, C, ALL, PLAIN, {NO, NO, NO, NO, NO}},
		{9, "SET VSWITCH V NATIVE 20", C, ALL, PLAIN, {NO, PLAIN, NO, NO, PLAIN}},
		/* the default VID: A and S have no other */
		{10, "SET VSWITCH V VLAN 20", A, ALL, PLAIN, {NO, PLAIN, PLAIN, PLAIN, PLAIN}},
		{11, "SET VSWITCH V VLAN AWARE", A, ALL, PLAIN, {NO, NO, NO, NO, NO}},
		/* NICDEF goes before GRANT */
		{12, "NICDEF A 0600 VLAN 10", A, ALL, PLAIN, {NO, NO, 10, NO, 10}},
		/* as it was: the connection has outlived its REVOKE */
		{13, "SET VSWITCH V REVOKE C", A, ALL, PLAIN, {NO, NO, 10, NO, 10}},
		{14, "SET VSWITCH V VLAN 30 PORTTYPE ACCESS", A, ALL, PLAIN, {NO, NO, 10, NO, 10}},
		{15, "UNCOUPLE C/0600", A, ALL, PLAIN, {NO, NO, NO, NO, 10}},
		{16,
		 "COUPLE C/0600 SYSTEM V REVOKED PORTTYPE TRUNK VLAN 10",
		 A,
		 ALL,
		 PLAIN,
		 {NO, NO, 10, NO, 10}},
	};
	rig_nics();
	rig_does("DEFINE VSWITCH V VLAN 10 NATIVE 1 UPLINK TAP tap0");
	rig_couple_all("V", "");
	RUN(steps);
}
END_TEST

START_TEST(vlans_of_numbered_ports)
{
	static const struct step by_port[] = {
		{1, "COUPLE A/0600 SYSTEM P PORTNUMBER 2", A, ALL, PLAIN, {NO, NO, NO, NO, 20}},
		{2, "COUPLE B/0600 SYSTEM P", A, ALL, PLAIN, {NO, 20, NO, NO, 20}},
		{3, "SET VSWITCH P VLANID 20 REMOVE 3", A, ALL, PLAIN, {NO, NO, NO, NO, 20}},
		{4, "SET VSWITCH P VLANID 20 ADD 3", A, ALL, PLAIN, {NO, 20, NO, NO, 20}},
		{5,
		 "SET VSWITCH P PORTNUMBER 2 MODIFY VLAN 30",
		 A,
		 ALL,
		 PLAIN,
		 {NO, 30, NO, NO, 30}},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH P VLAN 10 PORTBASED UPLINK TAP tap0");
	rig_does("SET VSWITCH P PORTNUMBER 1 USERID A VLAN 10");
	rig_does("SET VSWITCH P PORTNUMBER 2 USERID A VLAN 20");
	rig_does("SET VSWITCH P PORTNUMBER 3 USERID B PORTTYPE TRUNK VLAN 20 30");
	rig_answer("COUPLE C/0600 SYSTEM P", 6011);
	RUN(by_port);
}
END_TEST

/* A guest between the switch and outside: all VLANs, what nobody else has, and none of the rules of
 * guests. */
START_TEST(a_guest_as_uplink)
{
	static const struct step steps[] = {
		{1, "SET VSWITCH V UPLINK NIC C 0600", A, NOBODY, PLAIN, {NO, NO, 10, NO, NO}},
		{2, NULL, A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{3, NULL, A, ALL, PLAIN, {NO, PLAIN, 10, PLAIN, NO}},
		{4, NULL, C, A, 10, {PLAIN, NO, NO, NO, NO}},
		{5, NULL, C, A, 20, {NO, NO, NO, NO, NO}},
		{6, "SET VSWITCH V ISOLATION ON", A, B, PLAIN, {NO, NO, NO, NO, NO}},
		{7, NULL, C, A, 10, {PLAIN, NO, NO, NO, NO}},
		{8, "SET VSWITCH V UPLINK NONE", A, NOBODY, PLAIN, {NO, NO, NO, NO, NO}},
		{9, "SET VSWITCH V UPLINK NIC C/0600", A, NOBODY, PLAIN, {NO, NO, 10, NO, NO}},
		{10, "DETACH C/0600", A, NOBODY, PLAIN, {NO, NO, NO, NO, NO}},
		{11, "NICDEF C 0600 MACID 00010C", A, NOBODY, PLAIN, {NO, NO, 10, NO, NO}},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH V VLAN 10");
	rig_couple_all("V", "");
	rig_answer("SET VSWITCH V UPLINK NIC C 0600", 2120);
	rig_does("UNCOUPLE C/0600");
	RUN(steps);
	rig_answer("COUPLE C/0600 SYSTEM V", 2508);
}
END_TEST

/* The first device carries all, the second nothing until it is its turn. */
START_TEST(backups)
{
	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap1 tap2");
	rig_couple_all("V", "");
	rig_at(1000); /* what the outside is told at first is over */
	for (unsigned second = 0; second < 3; second++) {
		struct fake_port *used = second == 1 ? &rig.second : &rig.fake[UP];
		struct fake_port *idle = second == 1 ? &rig.fake[UP] : &rig.second;
		uint8_t frame[60];

		fake_clear(&rig.second);
		rig_sends(A, A, NOBODY, PLAIN);
		ck_assert_uint_eq(used->n_out, 1);
		ck_assert_uint_eq(idle->n_out, 0);
		fake_frame(frame, rig_mac[B], rig_mac[UP], -1, sizeof(frame), 1);
		fake_inject(idle, frame, sizeof(frame));
		rig_at(2000 + second * 1000);
		ck_assert_int_eq(rig_got(B), NO);
		fake_inject(used, frame, sizeof(frame));
		while (vs_worker_poll(rig.w))
			rcu_quiescent_state();
		ck_assert_int_eq(rig_got(B), PLAIN);
		rig_does("SET VSWITCH V SWITCHOVER");
		rig_at(2500 + second * 1000);
	}
}
END_TEST

/* A bridge port has every VLAN, and learns. */
START_TEST(a_bridge_port)
{
	const struct cp_lan *lan;
	struct vs_counters c;

	rig_nics();
	rig_does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	rig_couple_all("V", "");
	rig_does("DEFINE LAN H OWNERID SYSTEM TYPE HIPERSOCKETS");
	rig_does("SET VSWITCH V BRIDGEPORT LAN SYSTEM H");
	cp_tick(rig.cp, 1);
	ck_assert_ptr_nonnull(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "ACTIVE"));
	lan = cp_lan_find(rig.cp, "SYSTEM", "V");
	rig_sends(A, A, ALL, PLAIN);
	rig_sends(UP, UP, ALL, 20);
	rig_sends(UP, UP, ALL, 4094);
	rig_sends(UP, UP, ALL, PLAIN);
	vs_port_counters(lan->bridge.port, &c);
	ck_assert_uint_eq(c.tx_frames + c.tx_drop[VS_DROP_NO_RECEIVER], 4);
	rig_does("SET VSWITCH V BRIDGEPORT NONE");
	ck_assert_ptr_null(lan->bridge.port);
}
END_TEST

/* Does a frame of another's address get out? By NIC, else by switch, else by SET VMLAN. */
START_TEST(protected_addresses)
{
	static const struct {
		int n;
		const char *line;
		bool passes;
	} steps[] = {
		{1, "SET VSWITCH V MACPROTECT UNSPECIFIED", true},
		{2, "SET VMLAN MACPROTECT ON", false},
		{3, "SET VSWITCH V MACPROTECT OFF", true},
		{4, "SET NIC A/0600 MACPROTECT ON", false},
		{5, "SET NIC A/0600 MACPROTECT OFF", true},
		{6, "SET VSWITCH V MACPROTECT ON", true},
		{7, "SET NIC A/0600 MACPROTECT UNSPECIFIED", false},
		{8, "SET VMLAN MACPROTECT OFF", false},
		{9, "SET VSWITCH V MACPROTECT UNSPECIFIED", true},
	};
	struct vs_counters c;

	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap0");
	rig_couple_all("V", "");
	for (unsigned k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		rig_does(steps[k].line);
		rig_sends(A, FOREIGN, B, PLAIN);
		ck_assert_msg((rig_got(B) == PLAIN) == steps[k].passes, "step %d %s", steps[k].n,
			      steps[k].line);
		rig_sends(A, A, B, PLAIN); /* its own always does */
		ck_assert_int_eq(rig_got(B), PLAIN);
		rig_sends(A, C, B, PLAIN); /* one that another has never does */
		ck_assert_int_eq(rig_got(B), NO);
	}
	vs_port_counters(rig.port[A], &c);
	ck_assert_uint_eq(c.rx_drop[VS_DROP_SRC_PROTECTED], 4);
	ck_assert_uint_eq(c.rx_drop[VS_DROP_SRC_SPOOFED], 9);
}
END_TEST

/* A storm from one port is cut, and only that. */
START_TEST(storms)
{
	unsigned passed = 0;

	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap0");
	rig_couple_all("V", "");
	rig_does("SET VSWITCH V STORM BROADCAST 1");
	for (unsigned i = 0; i < 30; i++) {
		rig_sends(A, A, ALL, PLAIN);
		passed += rig_got(B) == PLAIN;
	}
	ck_assert_uint_ge(passed, 10); /* that many at once; one more a second */
	ck_assert_uint_lt(passed, 25);
	rig_sends(A, A, B, PLAIN);
	ck_assert_int_eq(rig_got(B), PLAIN);
	rig_sends(C, C, ALL, PLAIN);
	ck_assert_int_eq(rig_got(B), PLAIN);
	rig_does("SET VSWITCH V STORM BROADCAST OFF");
	rig_sends(A, A, ALL, PLAIN);
	ck_assert_int_eq(rig_got(B), PLAIN);
}
END_TEST

/* ---- IP mode ----------------------------------------------------------------------------------
 */

/* An IPv4 packet of bytes that is not to be cut, by addresses of the last byte. */
static void sends_packet(int from, const uint8_t *to_mac, int source, int to, uint16_t bytes)
{
	uint8_t f[FAKE_BYTES] = {0}, *ip = f + 14;

	memcpy(f, to_mac, 6);
	memcpy(f + 6, rig_mac[from], 6);
	be16_store(f + 12, 0x0800);
	ip[0] = 0x45;
	be16_store(ip + 2, bytes);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, rig_ip(source) + 12, 4);
	memcpy(ip + 16, rig_ip(to) + 12, 4);
	for (unsigned i = 0; i < PORTS; i++)
		fake_clear(&rig.fake[i]);
	ck_assert_ptr_nonnull(fake_inject(&rig.fake[from], f, 14u + bytes));
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
}

START_TEST(ip_mode)
{
	static const uint8_t own[6] = {2, 0, 0, 0, 0, 0xAA};
	struct vs_counters c;

	rig.layer3 = true;
	rig_nics();
	rig_does("DEFINE VSWITCH V IP UPLINK TAP tap0");
	rig_does("SET VSWITCH V MACID 0000AA");
	rig_couple_all("V", "");
	sends_packet(UP, own, 77, B, 60);
	ck_assert_int_eq(rig_got(B), PLAIN);
	sends_packet(A, rig_mac[UP], A, 77, 60);
	ck_assert_int_eq(rig_got(UP), PLAIN);
	ck_assert_mem_eq(rig.fake[UP].out[0].data + 6, own, 6);
	/* what nobody has goes to the router, if the switch says so */
	ck_assert_int_eq(
		vs_port_link(rig.port[C]).ops->routing(rig.port[C], false, VS_ROUTING_PRIMARY), 0);
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(rig_got(C), NO);
	rig_does("SET VSWITCH V PRIROUTER");
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(rig_got(C), PLAIN);
	rig_does("SET VSWITCH V NONROUTER");
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(rig_got(C), NO);
	/* what is too large for the path */
	rig_does("SET VSWITCH V PATHMTUDISCOVERY VALUE 1000");
	sends_packet(A, rig_mac[UP], A, 77, 1000);
	ck_assert_int_eq(rig_got(UP), PLAIN);
	sends_packet(A, rig_mac[UP], A, 77, 1001);
	ck_assert_int_eq(rig_got(UP), NO);
	vs_port_counters(cp_lan_find(rig.cp, "SYSTEM", "V")->uplink.port, &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_PATH_MTU], 1);
	rig_does("SET VSWITCH V PATHMTUDISCOVERY OFF");
	sends_packet(A, rig_mac[UP], A, 77, 1001);
	ck_assert_int_eq(rig_got(UP), PLAIN);
}
END_TEST

/* How long a host that was heard is shown. */
START_TEST(ip_timeout)
{
	static const uint8_t question[] = {0, 1, 8, 0, 6, 4, 0, 1}; /* ARP */
	uint8_t f[60] = {0};

	rig_nics();
	rig_does("DEFINE VSWITCH V UPLINK TAP tap0 IPTIMEOUT 2");
	rig_couple_all("V", "");
	memset(f, 0xFF, 6);
	memcpy(f + 6, rig_mac[A], 6);
	be16_store(f + 12, 0x0806);
	memcpy(f + 14, question, sizeof(question));
	memcpy(f + 22, rig_mac[A], 6);
	memcpy(f + 28, rig_ip(A) + 12, 4);
	memcpy(f + 38, rig_ip(77) + 12, 4);
	cp_tick(rig.cp, 1);
	ck_assert_ptr_nonnull(fake_inject(&rig.fake[A], f, sizeof(f)));
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
	cp_punted(rig.cp, 1000);
	ck_assert_ptr_nonnull(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
	cp_tick(rig.cp, 119);
	ck_assert_ptr_nonnull(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
	cp_tick(rig.cp, 123);
	ck_assert_ptr_null(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
}
END_TEST

/* ---- loops ------------------------------------------------------------------------------------
 */

static const struct fake_frame *probe(const struct fake_port *f)
{
	for (unsigned k = 0; k < f->n_out; k++)
		if (be16_load(f->out[k].data + 12) == 0x88B5)
			return &f->out[k];
	return NULL;
}

/* Two links of a group into one bridge that does not know of it: a probe of one comes by the other.
 * Nobody else's frame is taken for one. */
START_TEST(loops)
{
	static const char said[] = "ZLN2848W PORT GROUP G: loop: what leaves by tap1 comes back by "
				   "tap2";
	static const char over[] = "ZLN2849I PORT GROUP G: no loop by tap2 any more";
	const struct fake_frame *p;
	uint8_t frame[60];

	rig_does("SET PORT GROUP G LACP INACTIVE");
	rig_does("SET PORT GROUP G JOIN TAP tap1 tap2");
	rig_does("DEFINE VSWITCH V GROUP G");
	rig_at(5000);
	p = probe(&rig.fake[UP]);
	ck_assert(p && p->len == sizeof(frame) && probe(&rig.second));
	memcpy(frame, p->data, sizeof(frame));
	frame[24] ^= 1; /* another's number */
	fake_inject(&rig.second, frame, sizeof(frame));
	rig_at(5001);
	ck_assert_ptr_null(strstr(rig.log, "ZLN2848W"));
	frame[24] ^= 1;
	fake_inject(&rig.second, frame, sizeof(frame) - 1); /* cut off */
	rig_at(5002);
	ck_assert_ptr_null(strstr(rig.log, "ZLN2848W"));
	fake_inject(&rig.second, frame, sizeof(frame));
	rig_at(5003);
	ck_assert_msg(strstr(rig.log, said) != NULL, "%s", rig.log);
	ck_assert_ptr_nonnull(strstr(rig_answer("QUERY PORT GROUP G", 0), "tap1"));
	ck_assert_ptr_null(strstr(rig.log, over));
	rig_at(8502);
	ck_assert_ptr_null(strstr(rig.log, over));
	rig_at(8503);
	ck_assert_ptr_nonnull(strstr(rig.log, over));
	/* LACP finds out by itself */
	rig_does("SET PORT GROUP G LACP ACTIVE");
	rig_at(20000);
	ck_assert(!probe(&rig.fake[UP]) && !probe(&rig.second));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("statements");
	TCase *t = tcase_create("statements");
	SRunner *sr;
	int failed;

	rcu_register_thread();
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_test(t, isolation_and_vepa);
	tcase_add_test(t, sniffers);
	tcase_add_test(t, vlans_of_ports);
	tcase_add_test(t, vlans_of_numbered_ports);
	tcase_add_test(t, a_guest_as_uplink);
	tcase_add_test(t, a_bridge_port);
	tcase_add_test(t, backups);
	tcase_add_test(t, protected_addresses);
	tcase_add_test(t, storms);
	tcase_add_test(t, loops);
	tcase_add_test(t, ip_mode);
	tcase_add_test(t, ip_timeout);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
