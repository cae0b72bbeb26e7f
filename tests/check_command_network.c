/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks and NICs: ports by number, ranges and limits of VMLAN, guest LANs that go with their
 * user, IP mode, and guests that take a NIC.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/command_bed.h"

/* ---- attributes of networks, each kept -------------------------------------------- */

/* Port-based: numbers, their users, VLANs by port and by VLAN, NICDEF. */
static const struct step ports[] = {
	{1, "DEFINE VSWITCH PB VLAN 10 PORTBASED", 0, "VSWITCH SYSTEM PB is created"},
	{2, "QUERY VSWITCH PB", 0, "  PORTBASED  LOCAL"},
	{3, "SET VSWITCH PB PORTNUMBER 7 USERID U PORTTYPE TRUNK VLAN 20 30", 0,
	 "Command complete"},
	{4, "SET VSWITCH PB PORTNUMB 3 USER U", 0, ""},
	{5, "SET VSWITCH PB PORTNUMB 4 USER V VLAN 40 PROMISCUOUS", 0, ""},
	{6, "QUERY VSWITCH PB PORTNUMBER 7", 0,
	 "    Port: 0007  Userid: U        NIC: none          Porttype: Trunk   VLAN: 20 30\n"},
	{7, "QUERY VSWITCH PB PORTNUMBER ALL", 0, "Porttype: Default Promiscuous VLAN: 40\n"},
	{8, "DEFINE NIC U/0600", 0, ""},
	{9, "DEFINE NIC U/0700", 0, ""},
	{10, "DEFINE NIC V/0600", 0, ""},
	{11, "COUPLE U/0600 SYSTEM PB PORTNUMBER 7", 0, "connected"},
	{12, "COUPLE U/0700 SYSTEM PB PORTNUMBER 7", 2533, "Port 7 is in use by U/0600"},
	{13, "COUPLE U/0700 SYSTEM PB PORTNUMBER 4", 2532, "no port 4"},
	{14, "COUPLE U/0700 SYSTEM PB", 0, "connected"}, /* 3, the free one */
	{15, "QUERY VSWITCH PB PORTNUMBER 3", 0, "NIC: U/0700 "},
	{16, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 20 30\n"},
	{17, "QUERY NIC U/0700 DETAILS", 0, "Porttype: Access   VLAN: 10\n"},
	/* by VLAN, at once on connected NICs */
	{18, "SET VSWITCH PB VLANID 50 ADD 3 7", 0, ""},
	{19, "QUERY NIC U/0600 DETAILS", 0, "VLAN: 20 30 50\n"},
	{20, "QUERY NIC U/0700 DETAILS", 0, "Porttype: Access   VLAN: 50\n"},
	{21, "QUERY VSWITCH PB VLAN 50", 0, "  VLAN 0050:\n    U/0600        Porttype: Trunk\n"},
	{57, "QUERY VSWITCH PB VLAN 51", 0, "  VLAN 0051:\n    No NIC is in it\n"},
	{22, "SET VSWITCH PB VLANID 50 REMOVE 7-7", 0, ""},
	{23, "QUERY NIC U/0600 DETAILS", 0, "VLAN: 20 30\n"},
	{24, "SET VSWITCH PB VLANID 50 DELETE", 0, ""},
	{25, "QUERY NIC U/0700 DETAILS", 0, "Porttype: Access   VLAN: 10\n"},
	{26, "SET VSWITCH PB PORTNUMB 7 MODIFY PORTTYPE ACCESS", 2510, "Port 7 has several"},
	{27, "SET VSWITCH PB PORTNUMB 7 MODIFY PORTTYPE ACCESS VLAN 30", 0, ""},
	{28, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Access   VLAN: 30\n"},
	{29, "SET VSWITCH PB PORTNUMB 7 REMOVE", 2533, "in use by U/0600"},
	{30, "SET NIC USER V 0600 PROMISCUOUS", 0, ""},
	{31, "COUPLE V/0600 SYSTEM PB PORT AUTO", 0, ""},
	{32, "QUERY VSWITCH PB PROMISCUOUS", 0, "Owner: V        NIC: 0600"},
	/* a NICDEF is authority by itself: its number, or one that is nobody's */
	{33, "NICDEF W 0600 LAN SYSTEM PB PORTNUMBER 9 VLAN 60", 0, "is connected"},
	{34, "NICDEF W 0700 LAN SYSTEM PB", 0, "is connected"},
	{35, "NICDEF W 0800 LAN SYSTEM PB PORTNUMBER 7", 0, "waits for SYSTEM PB: no port of that"},
	{36, "QUERY NIC W/0600 DETAILS", 0, "Porttype: Access   VLAN: 60\n"},
	{37, "UNCOUPLE U/0600", 0, ""},
	{38, "SET VSWITCH PB PORTNUMB 7 REMOVE", 0, ""},
	{39, "QUERY NIC W/0800", 0, "VSWITCH: SYSTEM PB"}, /* it waited for 7 */
	{40, "NICDEF W 0800 PORTNUMBER 11", 13, "the NIC is on another port; UNCOUPLE it first"},
};

/* A port that several want is kept by who is on it, which need not be who is named for it. */
static const struct step contested[] = {
	{1, "DEFINE VSWITCH PB PORTBASED", 0, ""},
	{2, "NICDEF B 0600 LAN SYSTEM PB PORTNUMBER 1", 0, "is connected"},
	{3, "NICDEF A 0600 LAN SYSTEM PB PORTNUMBER 1", 0,
	 "waits for SYSTEM PB: its port is in use"},
	{4, "NICDEF C 0600 LAN SYSTEM PB PORTNUMBER 1", 0,
	 "waits for SYSTEM PB: its port is in use"},
	/* away from its own, which the first that waited gets */
	{5, "UNCOUPLE B/0600", 0, ""},
	{6, "COUPLE B/0600 SYSTEM PB", 2533, "Port 1 is in use by A/0600"},
	{7, "COUPLE B/0600 SYSTEM PB PORTNUMBER 2", 0, "is connected"},
	{8, "UNCOUPLE A/0600", 0, ""},
	{9, "QUERY NIC C/0600", 0, "VSWITCH: SYSTEM PB"},
	/* of a user who has none on it */
	{10, "DETACH NIC C/0600", 0, ""},
	{11, "SET VSWITCH PB PORTNUMBER 1 USERID V", 0, ""},
	{12, "COUPLE A/0600 SYSTEM PB", 2532, "no port 1"},
	{13, "COUPLE A/0600 SYSTEM PB PORTNUMBER 3", 0, "is connected"},
	/* named for another only when it is there */
	{14, "SET VSWITCH PB PORTNUMBER 5 USERID D", 0, ""},
	{15, "NICDEF D 0600 PORTNUMBER 2", 0, ""},
	{16, "COUPLE D/0600 SYSTEM PB PORTNUMBER 5", 0, "is connected"},
	{17, "NICDEF D 0600 LAN SYSTEM PB", 0, ""},
	{18, "UNCOUPLE D/0600", 0, ""},
	{19, "COUPLE D/0600 SYSTEM PB", 2533, "Port 2 is in use by B/0600"},
};

/* VMLAN: limits, prefixes and ranges of addresses. */
static const struct step vmlan[] = {
	{1, "QUERY VMLAN", 0, "  Persistent: INFINITE  Current: 0"},
	{2, "VMLAN MACPREFIX 02000A USERPREFIX 02000B", 0, "Command complete"},
	{3, "SET VMLAN MACIDRANGE SYSTEM 000100-000102 USER 000200-0002FF", 0, ""},
	{4, "SET VMLAN LIMIT PERSISTENT 2 TRANSIENT 1 ACNT USER ON MACPROTECT ON", 0, ""},
	{5, "QUERY VMLAN", 0, "MACIDRANGE SYSTEM: 000100-000102   USER: 000200-0002FF"},
	{6, "DEFINE VSWITCH A", 0, ""},
	{7, "QUERY VSWITCH A", 0, "MAC address: 02-00-0A-00-01-00"},
	{8, "NICDEF U 0600 MACID 000200", 0, ""},
	{9, "QUERY NIC U/0600", 0, "MAC: 02-00-0B-00-02-00"},
	{10, "NICDEF U 0610 MACID 000300", 2535, "not in the USER range"},
	{11, "DEFINE LAN L OWNERID SYSTEM", 0, ""},
	{12, "DEFINE VSWITCH B", 2503, "SYSTEM: limit of 2 PERSISTENT networks"},
	{13, "DEFINE LAN M OWNERID U", 0, ""},
	{14, "QUERY LAN M", 0,
	 "TRANSIENT   UNRESTRICTED  ETHERNET                  Accounting: ON"},
	{15, "DEFINE LAN N OWNERID U", 2503, "U: limit of 1 TRANSIENT networks"},
	{16, "DEFINE NIC U/0700", 0, ""},
	{17, "DEFINE NIC U/0800", 0, ""},
	{18, "DEFINE NIC U/0900", 2503, "0900: limit of the MACIDRANGE SYSTEM"},
	{19, "SET VMLAN USERPREFIX 02000C", 2536, "USERPREFIX is fixed"},
};

/* The guest LANs of a user go with his last NIC, or their last connection. */
static const struct step transient[] = {
	{1, "DEFINE LAN L OWNERID U", 0, ""},  {2, "DEFINE LAN M OWNERID U", 0, ""},
	{3, "DEFINE NIC U/0600", 0, ""},       {4, "DEFINE NIC V/0600", 0, ""},
	{5, "COUPLE V/0600 U M", 0, ""},       {6, "DETACH U/0600", 0, ""},
	{7, "QUERY LAN L", 2012, ""},	       {8, "QUERY LAN M", 0, "Connected: 1"},
	{9, "UNCOUPLE V/0600", 0, ""},	       {10, "QUERY LAN M", 2012, ""},
	{11, "DEFINE LAN M OWNERID U", 0, ""}, {12, "COUPLE V/0600 U M", 0, ""},
	{13, "DEFINE NIC U/0600", 0, ""},      {14, "DETACH U/0600", 0, ""},
	{15, "DEFINE NIC U/0600", 0, ""}, /* back in time */
	{16, "UNCOUPLE V/0600", 0, ""},	       {17, "QUERY LAN M", 0, ""},
};

/* Storm limits, snooping and registration are kept. */
static const struct step limits[] = {
	{1, "DEFINE VSWITCH V VLAN 10 MVRP", 0, ""},
	{2, "QUERY VSWITCH V", 0, "  Snooping: ON                     Storm Limits: OFF"},
	{2, "QUERY VSWITCH V DETAILS", 0, "  Control frames lost: 0\n"},
	{3, "SET VSWITCH V STORM BROADCAST 100 STORM UNKNOWN 20", 0, "Command complete"},
	{4, "QUERY VSWITCH V", 0, "Storm Limits: Broadcast: 100 Unknown: 20"},
	{5, "SET VSWITCH V SNOOPING OFF STORM BROADCAST OFF STORM MULTICAST 7", 0, ""},
	{6, "QUERY VSWITCH V", 0,
	 "  Snooping: OFF                    Storm Limits: Multicast: 7 Unknown: 20"},
	{7, "QUERY VSWITCH V MULTICAST", 0, "  Multicast Groups: none"},
	{8, "SET VSWITCH V GVRP", 0, ""},
	{9, "QUERY CONFIGURATION", 0, " GVRP NATIVE 1"},
	{10, "SET VSWITCH V NOGVRP", 0, ""},
	{11, "SET VSWITCH V MVRP SNOOPING ON", 0, ""},
};

/* Who may see all frames. */
static const struct step promisc[] = {
	{1, "DEFINE LAN L OWNERID U", 0, ""},
	{2, "DEFINE NIC U/0600", 0, ""},
	{3, "DEFINE NIC V/0600", 0, ""},
	{4, "COUPLE U/0600 U L", 0, ""},
	{5, "COUPLE V/0600 U L", 0, ""},
	{6, "SET NIC USER U 0600 PROMISCUOUS", 0, ""},
	{7, "SET NIC USER V 0600 PROMISCUOUS", 2534, "see SET LAN ... GRANT ... PROMISCUOUS"},
	{8, "SET LAN L OWNERID U GRANT V PROMISCUOUS", 0, ""},
	{9, "SET NIC USER V 0600 PROMISCUOUS", 0, ""},
	{10, "SET NIC USER V 0600 NOPROMISCUOUS", 0, ""},
};

START_TEST(test_ports)
{
	command_run_and_restore(ports, sizeof(ports) / sizeof(ports[0]));
	command_run_and_restore(contested, sizeof(contested) / sizeof(contested[0]));
	command_run_and_restore(vmlan, sizeof(vmlan) / sizeof(vmlan[0]));
	command_run_and_restore(transient, sizeof(transient) / sizeof(transient[0]));
	command_run_and_restore(limits, sizeof(limits) / sizeof(limits[0]));
	command_run_and_restore(promisc, sizeof(promisc) / sizeof(promisc[0]));
}
END_TEST

static int run_one(struct cp *cp, const char *line)
{
	struct cp_reply r;
	int rc = cp_execute(cp, &operator_user, line, &r);

	cp_reply_free(&r);
	return rc;
}

/* One more range than a statement can name would not come back after a restart. */
START_TEST(test_port_ranges)
{
	struct host h;
	struct cp *cp = command_make(&h);
	char line[80];
	unsigned n = 1, rc = 0;

	ck_assert_int_eq(run_one(cp, "DEFINE VSWITCH PB PORTBASED VLAN 4000 PORTTYPE TRUNK"), 0);
	ck_assert_int_eq(run_one(cp, "SET VSWITCH PB PORTNUMBER 1 USERID U VLAN 1-2000"), 0);
	for (; !rc && n < 900; n++) {
		snprintf(line, sizeof(line), "SET VSWITCH PB VLANID %u REMOVE 1", 2 * n);
		rc = (unsigned)run_one(cp, line);
	}
	ck_assert_uint_eq(rc, 2503);
	ck_assert_uint_eq(n, 401);
	ck_assert_int_eq(run_one(cp, "SET VSWITCH PB VLANID 2002 ADD 1"), 2503);
	ck_assert_int_eq(run_one(cp, "SET VSWITCH PB VLANID 1 DELETE"), 0);
	ck_assert_int_eq(run_one(cp, "SET VSWITCH PB VLANID 2002 ADD 1"), 0);
	ck_assert_int_eq(run_one(cp, "SET VSWITCH PB VLANID 900 DELETE"), 2503);
	cp_destroy(cp);
}
END_TEST

/* ---- IP mode ----------------------------------------------------------------------- */

static const struct step ip_mode[] = {
	{1, "DEFINE VSWITCH IP1 IP", 0, "VSWITCH SYSTEM IP1 is created"},
	{2, "Q VSWITCH IP1", 0,
	 "  PERSISTENT  RESTRICTED    NONROUTER                 Accounting: OFF\n"},
	{3, "Q VSWITCH IP1", 0, "PMTUD setting: EXTERNAL  PMTUD value: none\n"},
	{4, "SET VSWITCH IP1 PRI PATHMTUD VALUE 1400 IPT 7", 0, "Command complete"},
	{5, "Q VSWITCH IP1", 0, "  PERSISTENT  RESTRICTED    PRIROUTER "},
	{6, "QUERY CONFIG", 0, "DEFINE VSWITCH IP1 IP PRIROUTER"},
	{7, "QUERY CONFIG", 0, "SET VSWITCH IP1 PATHMTUDISCOVERY VALUE 1400\n"},
	{8, "DEFINE VSWITCH IP2 TRANSPORT IP PRI VLAN 10", 0, "created"},
	{9, "DEFINE VSWITCH ETH TRANSPORT ETH", 0, "created"},
	{10, "SET VSWITCH IP2 VEPA ON", 13, "VEPA: it needs an ETHERNET switch"},
	{11, "SET VSWITCH IP2 ISOLATION ON PATHMTUD OFF", 0, "Command complete"},
	{12, "QUERY CONFIG", 0, "SET VSWITCH IP2 PATHMTUDISCOVERY OFF\n"},
	{13, "DEFINE LAN L3 IP", 0, "created"},
	{14, "Q LAN L3", 0, "  TRANSIENT   UNRESTRICTED  IP "},
	{15, "NICDEF LINUX1 0600 TYPE QDIO LAN SYSTEM IP1", 0, ""},
	{16, "Q NIC LINUX1/0600", 0, "IP1"},
	{17, "SET VSWITCH IP1 GRANT LINUX2", 0, ""},
	{18, "DEFINE NIC USER LINUX2 0600 TYPE STREAM", 0, ""},
	{19, "COUPLE USER LINUX2 0600 TO SYSTEM IP1", 2570,
	 "ZLN2570E NIC LINUX2/0600 cannot be connected to VSWITCH SYSTEM IP1, which is in IP mode: "
	 "its TYPE speaks Ethernet; use an ETHERNET one"},
	{20, "SET VSWITCH IP1 MIXED ON", 13, "MIXED: it needs an ETHERNET switch"},
	{21, "DEFINE VSWITCH IP3 IP MIXED ON", 13, "MIXED: it needs an ETHERNET switch"},
	{22, "DEFINE LAN L4 IP MIXED ON", 13, "MIXED: it needs an ETHERNET LAN"},
	{23, "DEFINE LAN L4 TYPE HIPERS MIXED OFF", 13, "HiperSockets carry both layers"},
	{24, "DEFINE VSWITCH MIX ETHERNET MIX ON", 0, "created"},
	{25, "QUERY VSWITCH MIX", 0,
	 "  PERSISTENT  RESTRICTED    ETHERNET MIXED            Accounting: OFF\n"},
	{26, "QUERY CONFIG", 0, "DEFINE VSWITCH MIX ETHERNET MIXED ON PRIQ"},
	{27, "DEFINE LAN L4 MIXED ON", 0, "created"},
	{28, "QUERY CONFIG", 0, "DEFINE LAN L4 OWNERID OPERATOR TYPE QDIO ETHERNET MIXED ON"},
	{29, "SET LAN L4 MIXED OFF", 0, "Command complete"},
	{30, "QUERY LAN L4", 0, "  TRANSIENT   UNRESTRICTED  ETHERNET                  Acc"},
	{31, "SET LAN L4 MIXED ON", 0, ""},
	{32, "SET VSWITCH MIX MIXED OFF", 0, ""},
	{33, "QUERY CONFIG", 0, "DEFINE VSWITCH MIX ETHERNET PRIQ"},
	{34, "SET VSWITCH ETH MIXED ON", 0, ""},
	{35, "SET LAN L3 MIXED OFF", 0, ""},
	{36, "SET LAN L3 MIXED ON", 13, "MIXED: it needs an ETHERNET LAN"},
};

START_TEST(test_ip_mode)
{
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, ip_mode);
	command_round_trip(cp, "IP mode");
	cp_destroy(cp);
}
END_TEST

/* ---- guests ----------------------------------------------------------------------- */

static void interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	(void)env;
	(void)dev;
	(void)irb;
}

static void pci(void *env, unsigned dev)
{
	(void)env;
	(void)dev;
}

static void adapter_interrupt(void *env, unsigned isc)
{
	(void)env;
	(void)isc;
}

static void kick(void *env)
{
	(void)env;
}

static const struct qdio_env_ops env_ops = {
	.interrupt = interrupt, .pci = pci, .adapter_interrupt = adapter_interrupt, .kick = kick};

static void revoked(void *env)
{
	++*(int *)env;
}

START_TEST(test_attach)
{
	static const struct step before[] = {
		{1, "DEFINE VSWITCH VSW1", 0, ""},
		{2, "NICDEF LINUX1 0600 LAN SYSTEM VSW1", 0, "connected"},
		{3, "NICDEF LINUX1 0700", 0, ""},
	};
	static const struct step attached[] = {
		{1, "QUERY NIC LINUX1/0600 DETAILS", 0, "State: Startup\n"},
		{2, "SET NIC LINUX1/0600 MACID 123456", 2507, "LINUX1/0600 is in use by a guest"},
		{3, "SET NIC LINUX1/0600 MACID SYSTEM", 2507,
		 "end the guest to change its address"},
		{4, "UNCOUPLE LINUX1/0600", 0, "disconnected"},
		{5, "COUPLE LINUX1/0600", 0, "connected"},
		{6, "DETACH VSWITCH VSW1", 0, "destroyed"},
		{7, "DEFINE VSWITCH VSW1", 0, "created"},
		{8, "QUERY NIC LINUX1/0600", 0, "VSWITCH: SYSTEM VSW1"},
	};
	static const struct step detach[] = {
		{1, "DETACH LINUX1/0600", 0, "destroyed"},
		{2, "QUERY NIC LINUX1/0700 DETAILS", 0, "State: No guest attached\n"},
	};
	static const struct cp_caller other = {.user = "LINUX2"};
	char err[128];
	int gone = 0;
	struct host h;
	struct cp *cp = command_make(&h);
	struct cp_nic *nic, *second;

	RUN(cp, &operator_user, before);
	ck_assert_ptr_null(cp_nic_attach(cp, &operator_user, "LINUX1", 0x800, &env_ops, &gone, err,
					 sizeof(err)));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_nonnull(strstr(err, "ZLN0040E Device LINUX1/0800 does not exist"));
	ck_assert_ptr_null(
		cp_nic_attach(cp, &other, "LINUX1", 0x600, &env_ops, &gone, err, sizeof(err)));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_nonnull(strstr(err, "ZLN2513E NIC LINUX1/0600 is not yours, you are LINUX2"));
	ck_assert_ptr_null(cp_nic_attach(cp, &operator_user, "no/name", 0x600, &env_ops, &gone, err,
					 sizeof(err)));
	ck_assert_int_eq(errno, EINVAL);
	nic = cp_nic_attach(cp, &operator_user, "LINUX1", 0x600, &env_ops, &gone, err, sizeof(err));
	ck_assert_ptr_nonnull(nic);
	ck_assert_ptr_nonnull(cp_nic_adapter(nic));
	cp_nic_set_revoked(nic, revoked, &gone);
	ck_assert_ptr_null(cp_nic_attach(cp, &operator_user, "LINUX1", 0x600, &env_ops, &gone, err,
					 sizeof(err)));
	ck_assert_int_eq(errno, EBUSY);
	second = cp_nic_attach(cp, &operator_user, "LINUX1", 0x700, &env_ops, &gone, err,
			       sizeof(err));
	ck_assert_ptr_nonnull(second);
	RUN(cp, &operator_user, attached);
	cp_nic_detach(second);
	ck_assert_ptr_null(cp_nic_adapter(second));
	ck_assert_int_eq(gone, 0);
	RUN(cp, &operator_user, detach);
	ck_assert_int_eq(gone, 1);
	second = cp_nic_attach(cp, &operator_user, "LINUX1", 0x700, &env_ops, &gone, err,
			       sizeof(err));
	cp_nic_set_revoked(second, revoked, &gone);
	cp_destroy(cp);
	ck_assert_int_eq(gone, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command_network");
	TCase *t = tcase_create("command_network");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_ports);
	tcase_add_test(t, test_port_ranges);
	tcase_add_test(t, test_attach);
	tcase_add_test(t, test_ip_mode);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
