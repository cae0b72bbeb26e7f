/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements show of frames, and what is written down: mirrors, counters of VLANs, the log by
 * LOG's levels, accounting records, what traces cover; and that guests' changes are kept.
 */
#include "tests/statement_bed.h"

START_TEST(mirrors)
{
	static const struct step steps[] = {
		/* without the authority it is kept, and shows nothing */
		{1, "SET VSWITCH V MIRROR TO S 0600", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{2, "SET VSWITCH V GRANT S PROMISCUOUS", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{3, NULL, S, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{4, NULL, UP, C, 20, {NO, NO, NO, 20, NO}}, /* C is in 10; it is shown all the same
							     */
		{5,
		 "SET VSWITCH V MIRROR TO S 0600 FROM A 0600",
		 B,
		 C,
		 PLAIN,
		 {NO, NO, PLAIN, NO, NO}},
		{6, NULL, B, A, PLAIN, {PLAIN, NO, NO, PLAIN, NO}},
		{7, NULL, A, C, PLAIN, {NO, NO, PLAIN, PLAIN, NO}},
		{8,
		 "SET VSWITCH V MIRROR TO S 0600 FROM A 0600 ONLY IN",
		 B,
		 A,
		 PLAIN,
		 {PLAIN, NO, NO, NO, NO}},
		{9, NULL, A, C, PLAIN, {NO, NO, PLAIN, PLAIN, NO}},
		{10,
		 "SET VSWITCH V MIRROR TO S 0600 FROM A 0600 ONLY OUT",
		 B,
		 A,
		 PLAIN,
		 {PLAIN, NO, NO, PLAIN, NO}},
		{11, NULL, A, C, PLAIN, {NO, NO, PLAIN, NO, NO}},
		{12,
		 "SET VSWITCH V MIRROR TO S 0600 FROM UPLINK",
		 A,
		 C,
		 PLAIN,
		 {NO, NO, PLAIN, NO, NO}},
		{13, NULL, A, NOBODY, PLAIN, {NO, NO, NO, PLAIN, 10}},
		{14, NULL, UP, A, 10, {PLAIN, NO, NO, 10, NO}},
		{15,
		 "SET VSWITCH V MIRROR TO S 0600 MIRROR VLAN 20",
		 A,
		 B,
		 PLAIN,
		 {NO, PLAIN, NO, NO, NO}},
		{16, NULL, UP, C, 20, {NO, NO, NO, 20, NO}},
		/* by names: it comes back with its NICs */
		{17,
		 "SET VSWITCH V MIRROR TO S 0600 FROM A 0600",
		 A,
		 B,
		 PLAIN,
		 {NO, PLAIN, NO, PLAIN, NO}},
		{18, "UNCOUPLE A/0600", C, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{19, "COUPLE A/0600 SYSTEM V", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{20, "UNCOUPLE S/0600", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{21, "COUPLE S/0600 SYSTEM V", A, B, PLAIN, {NO, PLAIN, NO, PLAIN, NO}},
		{22,
		 "SET VSWITCH V MIRROR TO S 0600 FROM UPLINK",
		 UP,
		 A,
		 10,
		 {PLAIN, NO, NO, 10, NO}},
		{23, "SET VSWITCH V UPLINK NONE", A, B, PLAIN, {NO, PLAIN, NO, NO, NO}},
		{24, "SET VSWITCH V UPLINK TAP tap1", UP, A, 10, {PLAIN, NO, NO, 10, NO}},
		/* authority that is taken away is */
		{25, "SET VSWITCH V GRANT S NOPROMISCUOUS", UP, A, 10, {PLAIN, NO, NO, NO, NO}},
		{26, "SET VSWITCH V GRANT S PROMISCUOUS", UP, A, 10, {PLAIN, NO, NO, 10, NO}},
		{27, "SET VSWITCH V MIRROR OFF", UP, A, 10, {PLAIN, NO, NO, NO, NO}},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	rig_couple_all("V", "");
	RUN(steps);
}
END_TEST

START_TEST(counters_of_vlans)
{
	static const char both[] = "  VLAN 0010  In Packets: 1            Bytes: 100            "
				   "Out Packets: 4            "
				   "Bytes: 400\n"
				   "  VLAN 0020  In Packets: 1            Bytes: 100            "
				   "Out Packets: 0            "
				   "Bytes: 0\n";

	rig_nics();
	rig_does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	rig_couple_all("V", "");
	rig_sends(A, A, ALL, PLAIN);
	rig_does("SET VSWITCH V VLANCOUNTERS ON");
	ck_assert_ptr_null(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "In Packets"));
	rig_sends(A, A, ALL, PLAIN);
	rig_sends(UP, UP, ALL, 20);
	ck_assert_msg(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), both) != NULL, "%s",
		      rig_answer("QUERY VSWITCH V DETAILS", 0));
	rig_does("SET VSWITCH V VLANCOUNTERS OFF");
	ck_assert_ptr_null(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0), "In Packets"));
}
END_TEST

static bool logged(const char *what)
{
	bool found = strstr(rig.log, what);

	ck_assert_msg(!found || strstr(rig_answer("QUERY EVENTS", 0), what), "QUERY EVENTS: %s",
		      what);
	return found;
}

/* OFF: nothing of NICs; ON: who comes and goes; VERBOSE: and addresses. */
START_TEST(log_levels)
{
	static const struct {
		const char *line;
		bool links, addresses;
	} level[] = {
		{"SET VSWITCH V LOG OFF", false, false},
		{"SET VSWITCH V LOG ON", true, false},
		{"SET VSWITCH V LOG VERBOSE", true, true},
		{"SET VSWITCH V LOG OFF", false, false},
	};

	rig_nics();
	rig_does("DEFINE VSWITCH V");
	rig_does("SET VSWITCH V GRANT A");
	for (unsigned k = 0; k < sizeof(level) / sizeof(level[0]); k++) {
		rig_does(level[k].line);
		rig.log[0] = '\0';
		rig_does("COUPLE A/0600 SYSTEM V");
		vs_port_link(rig.port[A]).ops->mac_del(rig.port[A], rig_mac[A]);
		rig_does("UNCOUPLE A/0600");
		ck_assert_int_eq(logged("ZLN2522I VSWITCH SYSTEM V: NIC A/0600 is coupled"),
				 level[k].links);
		ck_assert_int_eq(logged("ZLN2523I VSWITCH SYSTEM V: NIC A/0600 is uncoupled"),
				 level[k].links);
		ck_assert_int_eq(logged("ZLN2524I VSWITCH SYSTEM V: A/0600 has registered "
					"02-00-00-00-01-0A"),
				 level[k].addresses);
		ck_assert_int_eq(logged("ZLN2525I VSWITCH SYSTEM V: A/0600 has given up "
					"02-00-00-00-01-0A"),
				 level[k].addresses);
	}
}
END_TEST

/* A switch outside that declares a VLAN by GVRP: QUERY shows it, VERBOSE logs it. */
START_TEST(log_of_registrations)
{
	static const uint8_t pdu[60] = {
		0x01, 0x80, 0xC2,	    0,	  0,  0x21, 2, 0xEE, 0, 0, 1, 0xE,
		0,    14,   0x42,	    0x42, 3,  0,    1, /* GARP */
		1,    4,    2 /* JoinIn */, 0,	  77, 0,    0};
	static const char *const level[] = {"OFF", "ON", "VERBOSE"};
	char line[64];

	rig_nics();
	for (unsigned k = 0; k < 3; k++) {
		snprintf(line, sizeof(line), "DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0 LOG %s",
			 level[k]);
		rig_does(line);
		rig.now_ms += 1000;
		cp_tick(rig.cp, 1 + 10 * k);
		ck_assert_ptr_nonnull(fake_inject(&rig.fake[UP], pdu, sizeof(pdu)));
		rig_at(rig.now_ms + 10);
		cp_tick(rig.cp, 2 + 10 * k);
		ck_assert_ptr_nonnull(strstr(rig_answer("QUERY VSWITCH V DETAILS", 0),
					     "Registered  VLANs: 77\n"));
		ck_assert_int_eq(logged("ZLN2528I VSWITCH SYSTEM V: the switch outside has "
					"registered VLAN 77"),
				 k == 2);
		rig_does("DETACH VSWITCH V");
	}
}
END_TEST

static void answered(void *ctx, enum cp_guest_output what, const char *p, size_t n)
{
	(void)what;
	(void)p;
	(void)n;
	++*(unsigned *)ctx;
	ck_assert_uint_eq(rig.acknowledged, rig.changed);
}

/* What a guest changes by its own connection is on disk before it hears so. */
START_TEST(guests_commands_are_kept)
{
	char err[128];
	unsigned answers = 0;

	rig_nics();
	ck_assert_uint_lt(rig.acknowledged, rig.changed);
	ck_assert_int_eq(cp_guest_command(cp_nic_find(rig.cp, "A", 0x600), "DEFINE LAN MINE", 15,
					  false, answered, &answers, err, sizeof(err)),
			 0);
	ck_assert_uint_gt(answers, 0);
	ck_assert_ptr_nonnull(cp_find_switch(rig.cp, "A.MINE"));
}
END_TEST

static json_int_t number(json_t *o, const char *key)
{
	ck_assert_msg(json_is_integer(json_object_get(o, key)), "%s", key);
	return json_integer_value(json_object_get(o, key));
}

static void check_record(const char *why, const char *nic, const json_int_t want[6])
{
	static const char *const keys[] = {"in_frames",	 "in_bytes",  "in_multicast",
					   "out_frames", "out_bytes", "out_multicast"};
	json_t *o = json_loads(rig.accounts, JSON_DISABLE_EOF_CHECK, NULL);

	ck_assert_msg(o != NULL, "%s", rig.accounts);
	ck_assert_str_eq(json_string_value(json_object_get(o, "why")), why);
	ck_assert_str_eq(json_string_value(json_object_get(o, "owner")), "SYSTEM");
	ck_assert_str_eq(json_string_value(json_object_get(o, "name")), "L");
	ck_assert_str_eq(json_string_value(json_object_get(o, "nic")), nic);
	ck_assert_int_gt(number(o, "time"), 0);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_msg(number(o, keys[i]) == want[i], "%s: %s", keys[i], rig.accounts);
	json_decref(o);
	memmove(rig.accounts, strchr(rig.accounts, '\n') + 1,
		strlen(strchr(rig.accounts, '\n') + 1) + 1);
}

/* A record for each NIC every 15 minutes, and when it goes; of a LAN with ACCOUNTING only. */
START_TEST(accounting)
{
	static const json_int_t of_a[] = {2, 200, 1, 1, 100, 0}, of_b[] = {1, 100, 0, 2, 200, 1};

	rig_nics();
	rig_does("DEFINE LAN L OWNERID SYSTEM ACCOUNTING ON");
	rig_does("DEFINE LAN M OWNERID SYSTEM");
	rig_does("COUPLE A/0600 SYSTEM L");
	rig_does("COUPLE B/0600 SYSTEM L");
	rig_does("COUPLE C/0600 SYSTEM M");
	rig_sends(A, A, ALL, PLAIN);
	rig_sends(A, A, B, PLAIN);
	rig_sends(B, B, A, PLAIN);
	cp_tick(rig.cp, 1000);
	cp_tick(rig.cp, 1899);
	ck_assert_str_eq(rig.accounts, "");
	cp_tick(rig.cp, 1900);
	check_record("interval", "A/0600", of_a);
	check_record("interval", "B/0600", of_b);
	ck_assert_str_eq(rig.accounts, "");
	cp_tick(rig.cp, 1901);
	rig_does("UNCOUPLE C/0600");
	ck_assert_str_eq(rig.accounts, "");
	rig_does("UNCOUPLE A/0600");
	check_record("uncouple", "A/0600", of_a);
	rig_does("DETACH LAN L OWNERID SYSTEM");
	check_record("uncouple", "B/0600", of_b);
	ck_assert_str_eq(rig.accounts, "");
	/* the end of zland is one for all */
	rig_does("DEFINE LAN L OWNERID SYSTEM ACCOUNTING ON");
	rig_does("COUPLE A/0600 SYSTEM L");
	rig_does("COUPLE B/0600 SYSTEM L");
	rig_sends(B, B, A, PLAIN);
	cp_destroy(rig.cp);
	rig.cp = NULL;
	check_record("uncouple", "A/0600", (const json_int_t[]){0, 0, 0, 1, 100, 0});
	check_record("uncouple", "B/0600", (const json_int_t[]){1, 100, 0, 0, 0, 0});
}
END_TEST

/* What a trace covers is what its names mean at the moment. */
START_TEST(what_traces_cover)
{
	rig_nics();
	rig_does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V TRUNK");
	ck_assert_ptr_nonnull(
		strstr(rig_answer("TRSOURCE ENABLE ID T", 0), "waits for the network"));
	rig_does("DEFINE VSWITCH V");
	ck_assert_ptr_null(rig.traced); /* no uplink */
	rig_does("SET VSWITCH V UPLINK TAP tap0");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	ck_assert_ptr_nonnull(rig.traced_port);
	ck_assert_str_eq(vs_port_name(rig.traced_port), "tap0");
	rig_does("SET VSWITCH V UPLINK NONE");
	ck_assert_ptr_null(rig.traced);
	rig_does("TRSOURCE DISABLE ID T");
	rig_does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V NIC A 0600");
	rig_does("TRSOURCE ENABLE ID T");
	ck_assert_ptr_null(rig.traced);
	rig_does("SET VSWITCH V GRANT A");
	rig_does("COUPLE A/0600 SYSTEM V");
	ck_assert_ptr_eq(rig.traced_port, rig.port[A]);
	rig_does("DETACH A/0600");
	ck_assert_ptr_null(rig.traced);
	rig_does("TRSOURCE DISABLE ID T");
	rig_does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V DROPPED");
	rig_does("TRSOURCE ENABLE ID T");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	ck_assert_ptr_null(rig.traced_port);
	rig_does("DETACH VSWITCH V");
	ck_assert_ptr_null(rig.traced);
	rig_does("DEFINE VSWITCH V");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	rig_does("TRSOURCE DROP ID T");
	ck_assert_int_eq(rig.tracing, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seeing");
	TCase *t = tcase_create("seeing");
	SRunner *sr;
	int failed;

	rcu_register_thread();
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_add_test(t, mirrors);
	tcase_add_test(t, counters_of_vlans);
	tcase_add_test(t, log_levels);
	tcase_add_test(t, log_of_registrations);
	tcase_add_test(t, guests_commands_are_kept);
	tcase_add_test(t, accounting);
	tcase_add_test(t, what_traces_cover);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
