/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system made by statements: their answers, who may make them and act for whom, and all of it
 * written out as statements that make it again.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/command_bed.h"

/* ---- statements and answers ------------------------------------------------------- */

static const struct step life[] = {
	{1, "", 0, ""},
	{2, "   ", 0, ""},
	{3, "* a comment", 0, ""},
	{4, "# a comment", 0, ""},
	{5, "/* a comment */", 0, ""},
	{6, "/* not closed", 0, ""},
	{7, "define /* in between */ vswitch vsw1 /* and behind */", 0,
	 "VSWITCH SYSTEM VSW1 is created\n"},
	{8, "DEF VSWITCH VSW2 ETH VLAN 10 PORTT TRUNK NAT 99 NOGVRP IPT 10 QUE 4M 16M CONTR A B", 0,
	 "VSWITCH SYSTEM VSW2 is created\n"},
	{9, "DEFINE VSWITCH VSW3 UPLINK TAP tap0 CONNECT VLAN AWARE NATIVE NONE", 0, "created"},
	{10, "SET VSWITCH VSW1 GRANT LINUX1", 0, "Command complete\n"},
	{11, "SET VSWITCH VSW2 GR LINUX1 PORTT ACCESS VLAN 20", 0, "Command complete\n"},
	{12, "set vswitch vsw2 grant linux2 vlan 10 20-30 25-31 pro", 0, "Command complete"},
	{13, "Q VSWITCH VSW2 ACC", 0, "LINUX2   Porttype: Default Promiscuous VLAN: 10 20-31\n"},
	{14, "Q VSWITCH VSW2", 0,
	 "VLAN Aware  Default VLAN: 0010    Default Porttype: Trunk   GVRP: "
	 "Disabled\n              Native  VLAN: 0099"},
	{15, "Q VSWITCH VSW2", 0, "IPTimeout: 10                    QueueStorage: 4 - 16"},
	{16, "Q VSWITCH VSW2", 0, "Controller: A B\n"},
	{17, "QUERY VSWITCH", 0,
	 "VSWITCH SYSTEM VSW1     Type: QDIO    Connected: 0    Maxconn: INFINITE\n"
	 "  PERSISTENT  RESTRICTED    ETHERNET                  Accounting: OFF\n"},
	{18, "Q VSWITCH VSW3", 0, "State: Ready\n"},
	{19, "DEFINE NIC USER LINUX1 0600 QDIO", 0,
	 "NIC 0600 is created; devices 0600-0602 defined\n"},
	{20, "COUPLE USER LINUX1 0600 TO SYSTEM VSW1", 0,
	 "NIC 0600 is connected to VSWITCH SYSTEM VSW1\n"},
	{21, "UNCOUPLE USER LINUX1 600", 0, "NIC 0600 is disconnected from VSWITCH SYSTEM VSW1\n"},
	{22, "COUP LINUX1/0600 SYSTEM VSW2 PORT AUTO", 0, "connected to VSWITCH SYSTEM VSW2\n"},
	{23, "Q NIC USER LINUX1 0600", 0, "MAC: 02-00-00-00-00-04         VSWITCH: SYSTEM VSW2\n"},
	{24, "Q NIC LINUX1/0600 DET", 0, "Porttype: Access   VLAN: 20\n"},
	{25, "NICDEF LINUX2 0500 TYPE QDIO MACID ABCDEF LAN SYSTEM VSW9", 0,
	 "NIC 0500 waits for SYSTEM VSW9: it does not exist yet\n"},
	{26, "DEFINE VSWITCH VSW9", 0, "created"},
	{27, "QUERY NIC LINUX2/0500", 0, "MAC: 02-00-00-AB-CD-EF         VSWITCH: SYSTEM VSW9\n"},
	{28, "NICDEF LINUX2 0500 PROMISCUOUS", 0, "NIC 0500 is changed\n"},
	{29, "UNCOUPLE LINUX2/0500", 0, "disconnected"},
	{30, "COUPLE LINUX2/0500", 0, "NIC 0500 is connected to VSWITCH SYSTEM VSW9\n"},
	{31, "SET NIC USER LINUX2 0500 MACID SYSTEM MACPR ON PQUPLINKTX HIGH", 0,
	 "Command complete"},
	{700, "SET NIC USER LINUX2 0500 WORKER 3", 0, "Command complete"},
	{701, "Q NIC USER LINUX2 DET", 0, "  Worker: 3\n"},
	{702, "QUERY CONFIGURATION", 0, "SET NIC USER LINUX2 0500 WORKER 3\n"},
	{703, "SET NIC USER LINUX2 0500 WORKER 16", 2, "WORKER"},
	{704, "SET NIC USER LINUX2 0500 WORKER AUTO", 0, "Command complete"},
	{705, "SET VSWITCH VSW1 WORKER 0", 0, "Command complete"},
	{706, "Q VSWITCH VSW1 DET", 0, "    Worker of the uplink: 0\n"},
	{707, "QUERY CONFIGURATION", 0, "SET VSWITCH VSW1 WORKER 0\n"},
	{708, "SET VSWITCH VSW1 WORKER AUTO", 0, "Command complete"},
	{32, "Q NIC USER LINUX2 DET", 0, "MAC Protection: ON   PQUPLINKTX: HIGH\n"},
	{33, "QUERY VSWITCH VSW2 DETAILS", 0,
	 "    Adapter Owner: LINUX1   NIC: 0600.P00 Type: QDIO"},
	{34, "QUERY COUNTERS NIC LINUX1 0600", 0, "VSW2              LINUX1/0600 "},
	{35, "QUERY COUNTERS VSWITCH VSW3", 0, "VSW3              tap0 "},
	{36, "DETACH LINUX1/0602", 0, "NIC 0600 is destroyed; devices 0600-0602 detached\n"},
	{37, "DETACH VSWITCH VSW9", 0, "VSWITCH SYSTEM VSW9 is destroyed\n"},
	{38, "QUERY NIC LINUX2/0500", 0, "LAN: * None, waits for SYSTEM VSW9\n"},
	{39, "DETACH NIC USER LINUX2 0500", 0, "destroyed"},
	{40, "QUERY NIC", 0, "No NIC is defined\n"},
	{41, "MODIFY VSWITCH VSW1 ISOLATION ON MACPROTECT OFF MACID 00AA00", 0, "Command complete"},
	{42, "Q VSWITCH VSW1", 0, "MAC address: 02-00-00-00-AA-00    MAC Protection: OFF"},
	{43, "Q VSWITCH VSW1", 0, "Isolation Status: ON "},
	{44, "SET VSWITCH VSW2 VLAN 11 NATIVE NONE PORTTYPE TRUNK GVRP PRIQ ON", 0, "complete"},
	{45, "Q VSWITCH VSW2", 0, "Default VLAN: 0011"},
	{600, "SET DPDK ARGS \"--no-huge  -m 64\"", 0, "Command complete"},
	{601, "SET VSWITCH VSW2 UPLINK DPDK \"net_af_packet0,iface=eth1\"", 0, "Command complete"},
	{606, "SET WORKERS 2 ON 0-1,3", 0, "Command complete"},
	{607, "QUERY CONFIGURATION", 0, "SET WORKERS 2 ON 0-1,3\n"},
	{608, "SET WORKERS AUTO", 0, "Command complete"},
	{609, "QUERY CONFIGURATION", 0, "SET WORKERS AUTO\n"},
	{610, "SET WORKERS 16", 0, "Command complete"},
	{611, "QUERY CONFIGURATION", 0, "SET WORKERS 16\n"},
	{612, "QUERY WORKERS", 0, ""},
	{602, "QUERY CONFIGURATION", 0, "SET DPDK ARGS \"--no-huge  -m 64\"\n"},
	{603, "QUERY CONFIGURATION", 0, " UPLINK DPDK \"net_af_packet0,iface=eth1\""},
	{604, "QUERY VSWITCH VSW2", 0, "DPDK: net_af_packet0,iface=eth1"},
	{605, "SET DPDK ARGS \"\"", 0, "Command complete"},
	{606, "DEFINE NIC USER VIRTIO 0800 TYPE VHOST", 0, "NIC 0800 is created"},
	{607, "QUERY NIC USER VIRTIO 0800", 0, "Type: VHOST"},
	{608, "QUERY CONFIGURATION", 0, "NICDEF VIRTIO 0800 TYPE VHOST"},
	{609, "DETACH NIC USER VIRTIO 0800", 0, "destroyed"},
	{46, "SET VSWITCH VSW2 UPLINK TAP tap1", 0, "Command complete"},
	{47, "SET VSWITCH VSW2 UPLINK DISCONNECT", 0, "Command complete"},
	{48, "Q VSWITCH VSW2", 0, "State: Disconnected\n"},
	{49, "SET VSWITCH VSW2 CONNECT", 0, "Command complete"},
	{50, "Q VSWITCH VSW2", 0, "State: Ready\n"},
	{51, "SET VSWITCH VSW2 UPLINK RDEV NONE", 0, "Command complete"},
	{52, "Q VSWITCH VSW2", 0, "State: Not defined\n"},
	{53, "SET VSWITCH VSW2 LOG OFF VEPA OFF VLANC OFF PATHMTUD EXT NOGROUP BRIDGE NONE", 0,
	 "co"},
	{620, "DEFINE LAN HS OWNERID SYSTEM TYPE HIPERS MFS 64K", 0, "created"},
	{621, "SET VSWITCH VSW2 BRIDGEPORT LAN SYSTEM HS PRIMARY", 0, "Command complete"},
	{631, "DEFINE LAN HF OWNERID SYSTEM TYPE HIPERS CHPID F1", 0, "created"},
	{632, "Q LAN HF", 0, "MFS: 16K  CHPID: F1"},
	{633, "QUERY CONFIGURATION", 0, "TYPE HIPERSOCKETS MFS 16K CHPID F1 UNRESTRICTED"},
	{634, "DEFINE NIC 0B00 TYPE HIPERSOCKETS", 0, "created"},
	{635, "COUPLE 0B00 TO CHPID F1", 0, "NIC 0B00 is connected to LAN SYSTEM HF"},
	{636, "DETACH NIC 0B00", 0, "destroyed"},
	{637, "DETACH LAN HF OWNERID SYSTEM", 0, "destroyed"},
	{622, "Q VSWITCH VSW2", 0, "  Bridge Port: LAN SYSTEM HS  PRIMARY  CONNECT  ACTIVE\n"},
	{623, "Q LAN HS", 0, "  Bridge Port: VSWITCH SYSTEM VSW2  PRIMARY  ACTIVE\n"},
	{624, "SET VSWITCH VSW2 BRIDGEPORT SECONDARY BRIDGEPORT DISCONNECT", 0, "complete"},
	{625, "Q VSWITCH VSW2 DETAILS", 0, "HS  SECONDARY  DISCONNECT  INACTIVE\n"},
	{626, "QUERY CONFIGURATION", 0,
	 "SET VSWITCH VSW2 BRIDGEPORT LAN SYSTEM HS SECONDARY BRIDGEPORT DISCONNECT\n"},
	{627, "SET VSWITCH VSW2 BRIDGEPORT PRIMARY BRIDGEPORT CONNECT", 0, "complete"},
	{628, "DETACH LAN HS OWNERID SYSTEM", 0, "destroyed"},
	{629, "Q VSWITCH VSW2", 0, "PRIMARY  CONNECT  there is no such LAN\n"},
	{630, "SET VSWITCH VSW2 BRIDGEPORT NONE", 0, "complete"},
	{54, "DEFINE LAN LAN1", 0, "LAN OPERATOR LAN1 is created\n"},
	{55, "DEFINE LAN LAN2 OWNERID SYSTEM MAXCONN 1 RESTRICTED GRANT A B", 0,
	 "LAN SYSTEM LAN2 is"},
	{56, "Q LAN LAN2 ACC", 0, "Maxconn: 1\n  PERSISTENT  RESTRICTED "},
	{57, "SET LAN LAN2 OWNER SYSTEM GRANT C PROMISCUOUS", 0, "Command complete"},
	{58, "SET LAN LAN2 OWNER SYSTEM REVOKE B ACC ON", 0, "Command complete"},
	{59, "Q LAN LAN2 DET", 0, "    A\n    C Promiscuous\n"},
	{60, "Q LAN OWNERID *", 0,
	 "LAN OPERATOR LAN1       Type: QDIO    Connected: 0    Maxconn: INF"},
	{61, "DETACH LAN LAN1", 0, "LAN OPERATOR LAN1 is destroyed\n"},
	{62, "QUERY VSWITCH VSW1 FDB", 0, "Forwarding Database: empty"},
	{63, "HELP", 0, "DEFine VSWITCH"},
	{64, "HELP SET VSWITCH", 0, "PORTType ACCESS|TRUNK"},
	{65, "HELP Q", 0, "Query COUNTers"},
	{66, "QUERY CONFIG", 0, "DEFINE VSWITCH VSW1 ETHERNET"},
	{67, "DEFINE NIC 0700", 0, "NIC 0700 is created"},
	{68, "DETACH 0701", 0, "NIC 0700 is destroyed"},
	{69, "DEFINE NIC FFFD", 0, "devices FFFD-FFFF defined"},
	{70, "Q VIRTUAL NIC FFFD", 0, "Adapter FFFD.P00 Type: QDIO      Owner: OPERATOR"},
	{71, "DEFINE NIC 0800 TYPE STREAM", 0, "NIC 0800 is created"},
	{72, "NICDEF OPERATOR 0810 TYPE DGRAM LAN SYSTEM NONE", 0, "NIC 0810 waits for"},
	{73, "QUERY NIC 0800", 0, "Adapter 0800.P00 Type: STREAM    Owner: OPERATOR"},
	{74, "NICDEF OPERATOR 0800 TYPE STREAM PQUPLINKTX LOW", 0, "NIC 0800 is changed"},
	{76, "DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERS MFS 64K", 0, "LAN SYSTEM HS1 is created\n"},
	{77, "Q LAN HS1", 0,
	 "LAN SYSTEM HS1          Type: HIPERS  Connected: 0    Maxconn: INFINITE\n"
	 "  PERSISTENT  UNRESTRICTED  MFS: 64K                  Accounting: OFF\n"},
	{78, "NICDEF OPERATOR 0A00 TYPE HIPERSOCKETS LAN SYSTEM HS1", 0,
	 "NIC 0A00 is connected to LAN SYSTEM HS1"},
	{79, "QUERY NIC 0A00", 0, "Adapter 0A00.P00 Type: HIPERS    Owner: OPERATOR"},
	{80, "QUERY CONFIG", 0,
	 "DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K UNRESTRICTED ACCOUNTING OFF"},
	{81, "QUERY CONFIG", 0, "NICDEF OPERATOR 0A00 TYPE HIPERS DEVICES 3"},
	{97, "SET NIC 0A00 RATE IN 10M", 13, "a NIC of TYPE HIPERSOCKETS has no rates"},
	{98, "SET NIC 0A00 GUARANTEE 10M", 13, "a NIC of TYPE HIPERSOCKETS has no rates"},
	{99, "SET NIC 0A00 RATE OUT OFF", 0, "Command complete"},
	{84, "DETACH LAN HS1 OWNERID SYSTEM", 0, "LAN SYSTEM HS1 is destroyed"},
	{75, "SHUTDOWN", 0, "System shutdown started\n"},
};

START_TEST(test_life)
{
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, life);
	ck_assert_uint_eq(h.shutdown, 1);
	ck_assert_uint_gt(h.changed, 20);
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
	ck_assert_uint_gt(h.forgotten, 5);
}
END_TEST

/* ---- authority -------------------------------------------------------------------- */

static const struct step class_g[] = {
	{1, "DEFINE VSWITCH X", 2504,
	 "ZLN2504E DEFINE VSWITCH needs privilege class B: you are LINUX1"},
	{2, "DEFINE NIC 0600", 0, "NIC 0600 is created"},
	{3, "DEFINE NIC USER LINUX2 0600", 2504, "LINUX2 needs privilege class B"},
	{4, "DEFINE NIC LINUX2/0600", 2504, "LINUX2 needs privilege class B"},
	{5, "COUPLE 0600 SYSTEM VSW1", 6011, "LINUX1 is not authorized"},
	{6, "DEFINE LAN MINE RESTRICTED", 0, "LAN LINUX1 MINE is created"},
	{7, "COUPLE 0600 * MINE", 0, "connected to LAN LINUX1 MINE"},
	{8, "DEFINE LAN X OWNERID SYSTEM", 2504, "SYSTEM needs privilege class B"},
	{9, "DEFINE LAN X ACCOUNTING ON", 2504, "ACCOUNTING needs"},
	{10, "SET NIC 0600 MACID 123456", 2504, "MACID needs privilege class B"},
	{11, "SET NIC 0600 PQUPLINKTX LOW", 0, "Command complete"},
	{700, "SET NIC 0600 WORKER 0", 2504, "WORKER needs privilege class B"},
	{12, "QUERY NIC", 0, "Adapter 0600.P00 Type: QDIO      Owner: LINUX1"},
	{13, "QUERY NIC USER *", 2504, "needs privilege class B"},
	{14, "QUERY VSWITCH VSW1", 2040, "does not exist"},
	{15, "QUERY VSWITCH", 0, "No VSWITCH is defined"},
	{16, "SHUTDOWN", 2504, "SHUTDOWN needs"},
	{17, "DETACH LAN MINE", 0, "LAN LINUX1 MINE is destroyed"},
	{18, "NICDEF LINUX1 0700", 2504, "NICDEF needs"},
	{19, "DETACH 0600", 0, "destroyed"},
	{50, "DEFINE CTCA 0710", 0, "CTCA 0710 DEFINED"},
	{51, "DEFINE CTCA 0711 SYSMACID 00ABCD", 2504, "SYSMACID needs"},
	{52, "DEFINE CTCA OTHER/0700", 2504, "What belongs to OTHER needs"},
	{53, "COUPLE 0710 OTHER 0700", 2563, "only those of NOBODY may be coupled to it"},
	{54, "COUPLE 0710 OTHER 0701", 0, "CTCA 0710 COUPLE TO OTHER 0701"},
	{55, "UNCOUPLE OTHER/0701", 2504, "OTHER needs"},
	{56, "QUERY CTCA OTHER/0701", 2504, "OTHER needs"},
	{57, "QUERY CTCA USER *", 2504, "needs privilege class B"},
	{58, "QUERY CTCA", 0, "COUPLED TO OTHER 0701"},
	{59, "DETACH CTCA 0710", 0, "DETACHED"},
};

/* What is not class G's: of a NIC 0600 and a LAN of his own, and of everything else. */
static const struct step not_class_g[] = {
	{1, "SET NIC 0600 MACPROTECT OFF", 2504, "MACPROTECT needs privilege class B"},
	{2, "SET NIC 0600 RATE IN OFF", 2504, "RATE needs privilege class B"},
	{3, "SET NIC 0600 GUARANTEE 1M", 2504, "RATE needs privilege class B"},
	{4, "SET NIC 0600 RATEGROUP NONE", 2504, "RATE needs privilege class B"},
	{5, "SET NIC LINUX2/0600 PQUPLINKTX LOW", 2504, "LINUX2 needs privilege class B"},
	{6, "SET LAN MINE GRANT LINUX2 PROMISCUOUS", 0, "Command complete"},
	{7, "SET LAN MINE REVOKE LINUX2", 0, "Command complete"},
	{8, "SET LAN MINE ACCOUNTING ON", 2504, "ACCOUNTING needs privilege class B"},
	{9, "SET LAN X OWNERID LINUX2 GRANT LINUX1", 2504, "LINUX2 needs privilege class B"},
	{10, "SET VSWITCH VSW1 GRANT LINUX1", 2504, "SET VSWITCH needs privilege class B"},
	{11, "MODIFY VSWITCH VSW1 GRANT LINUX1", 2504, "MODIFY VSWITCH needs privilege class B"},
	{12, "SET VMLAN LIMIT USERNICS 9", 2504, "SET VMLAN needs privilege class B"},
	{13, "SET PORT GROUP G JOIN TAP t", 2504, "SET PORT GROUP needs privilege class B"},
	{14, "SET WORKERS 9", 2504, "SET WORKERS needs privilege class B"},
	{15, "SET DPDK ARGS \"-m 1\"", 2504, "SET DPDK needs privilege class B"},
	{16, "DEFINE RATEGROUP R IN 1M", 2504, "DEFINE RATEGROUP needs privilege class B"},
	{17, "SET RATEGROUP R IN 1M", 2504, "SET RATEGROUP needs privilege class B"},
	{18, "DETACH RATEGROUP R", 2504, "DETACH RATEGROUP needs privilege class B"},
	{19, "TRSOURCE ID T TYPE LAN OWNER LINUX1 LANNAME MINE", 2504, "TRSOURCE ID needs"},
	{20, "TRSOURCE ENABLE ID T", 2504, "TRSOURCE ENABLE ID needs privilege class B"},
	{21, "DETACH VSWITCH VSW1", 2504, "DETACH VSWITCH needs privilege class B"},
	{22, "DETACH LAN X OWNERID SYSTEM", 2504, "SYSTEM needs privilege class B"},
	{23, "USER LINUX1 UID 0", 2504, "USER needs privilege class B"},
	{24, "SAVE", 2504, "SAVE needs privilege class B"},
	{25, "DEFINE NIC 0700 PERSIST", 2504, "PERSIST needs privilege class B"},
	{26, "QUERY CONFIGURATION", 2504, "QUERY CONFIGURATION needs privilege class B"},
	{27, "QUERY EVENTS", 2504, "QUERY EVENTS needs privilege class B"},
	{28, "QUERY COUNTERS", 2504, "QUERY COUNTERS needs privilege class B"},
	{29, "QUERY WORKERS", 2504, "QUERY WORKERS needs privilege class B"},
	{30, "QUERY PORT GROUP", 2504, "QUERY PORT GROUP needs privilege class B"},
	{31, "QUERY TRSOURCE", 2504, "QUERY TRSOURCE needs privilege class B"},
	{32, "COUPLE LINUX2/0600 SYSTEM VSW1", 2504, "LINUX2 needs privilege class B"},
	{33, "UNCOUPLE LINUX2/0600", 2504, "LINUX2 needs privilege class B"},
	{34, "DETACH LINUX2/0600", 2504, "LINUX2 needs privilege class B"},
};

START_TEST(test_authority)
{
	static const struct step own[] = {{1, "DEFINE NIC 0600", 0, ""},
					  {2, "DEFINE LAN MINE RESTRICTED", 0, ""}};
	static const struct step before[] = {{1, "DEFINE VSWITCH VSW1", 0, ""},
					     {2, "DEFINE CTCA OTHER/0700 USER NOBODY", 0, ""},
					     {3, "DEFINE CTCA OTHER/0701", 0, ""}};
	static const struct cp_caller user = {.user = "LINUX1"};
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, before);
	RUN(cp, &user, class_g);
	RUN(cp, &user, own);
	RUN(cp, &user, not_class_g);
	cp_destroy(cp);
}
END_TEST

/* ---- accounts ----------------------------------------------------------------------- */

static const struct step accounts[] = {
	{1, "QUERY USER", 0, "No account is named\n"},
	{2, "USER LINUX1 UID 1000", 0, "Command complete\n"},
	{3, "USER LINUX1 UID 1000", 0, "Command complete\n"},
	{4, "USER LINUX1 UID 1001 GID 4294967294", 0, ""},
	{5, "user linux2 gid 50 uid 1002", 0, ""},
	{6, "USER LINUX2 UID 1000", 0, ""},
	{7, "QUERY USER LINUX1", 0,
	 "USER LINUX1   UID 1000\nUSER LINUX1   UID 1001\nUSER LINUX1   GID 4294967294\n"},
	{8, "USER LINUX1 NOUID 1001", 0, ""},
	{9, "QUERY USER", 0,
	 "USER LINUX1   UID 1000\nUSER LINUX1   GID 4294967294\nUSER LINUX2   UID 1002\n"
	 "USER LINUX2   GID 50\nUSER LINUX2   UID 1000\n"},
	{10, "QUERY CONFIGURATION", 0, "USER LINUX2 GID 50\n"},
};

/* Who may act as whom after that. */
static const struct {
	int n;
	struct cp_caller who;
	const char *user;
	bool may;
	const char *is; /* by cp_caller_resolve; NULL: nobody */
} callers[] = {
	{1, {.user = "OPERATOR", .class_b = true}, "LINUX1", true, "OPERATOR"},
	{2, {.user = "JOE", .has_ids = true, .uid = 1000}, "LINUX1", true, "LINUX1"},
	{3, {.user = "JOE", .has_ids = true, .uid = 1000}, "LINUX2", true, "LINUX1"},
	{4, {.user = "", .has_ids = true, .uid = 1002}, "LINUX2", true, "LINUX2"},
	{5, {.user = "", .has_ids = true, .uid = 1002}, "LINUX1", false, "LINUX2"},
	{6, {.user = "LINUX1", .has_ids = true, .uid = 1001}, "LINUX1", false, NULL},
	{7, {.user = "LINUX3", .has_ids = true, .uid = 1001}, "LINUX3", true, NULL},
	{8, {.user = "LINUX3", .has_ids = true, .uid = 1001}, "LINUX4", false, NULL},
	{9, {.user = "", .has_ids = true, .uid = 1001}, "", false, NULL},
	{10,
	 {.user = "A", .has_ids = true, .uid = 7, .n_gids = 2, .gid = {7, 50}},
	 "LINUX2",
	 true,
	 "LINUX2"},
	{11,
	 {.user = "A", .has_ids = true, .uid = 7, .n_gids = 1, .gid = {7, 50}},
	 "LINUX2",
	 false,
	 NULL},
	{12,
	 {.user = "A", .has_ids = true, .uid = 50, .n_gids = 1, .gid = {7}},
	 "LINUX2",
	 false,
	 NULL},
	{13, {.user = "A", .uid = 1000}, "LINUX1", false, NULL},
};

START_TEST(test_accounts)
{
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, accounts);
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		struct cp_caller who = callers[i].who;

		ck_assert_msg(cp_caller_may(cp, &who, callers[i].user) == callers[i].may, "row %d",
			      callers[i].n);
		ck_assert_msg(cp_caller_resolve(cp, &who) == (callers[i].is != NULL), "row %d",
			      callers[i].n);
		ck_assert_str_eq(who.user, callers[i].is ? callers[i].is : callers[i].who.user);
	}
	cp_destroy(cp);
}
END_TEST

/* One account with two users. */
static const struct step as_two[] = {
	{1, "DEFINE NIC 0600", 0, "NIC 0600 is created"},
	{2, "DEFINE NIC USER LINUX2 0600", 0, "NIC 0600 is created"},
	{3, "DEFINE NIC USER LINUX3 0600", 2504, "LINUX3 needs privilege class B: you are LINUX1"},
	{4, "DEFINE LAN OURS OWNERID LINUX2 RESTRICTED", 0, "LAN LINUX2 OURS is created"},
	{5, "COUPLE LINUX2/0600 LINUX2 OURS", 0, "connected to LAN LINUX2 OURS"},
	{6, "QUERY NIC", 0, "Owner: LINUX1 "},
	{7, "QUERY NIC USER LINUX2", 0, "LAN: LINUX2 OURS"},
	{8, "QUERY LAN", 0, "LINUX2 OURS"},
	{9, "QUERY USER", 0, "USER LINUX1   UID 1000\nUSER LINUX2   UID 1000\n"},
	{10, "USER LINUX3 UID 1000", 2504, "USER needs privilege class B"},
};

START_TEST(test_class_g_of_two_users)
{
	static const struct step before[] = {{1, "USER LINUX1 UID 1000", 0, ""},
					     {2, "USER LINUX2 UID 1000", 0, ""},
					     {3, "USER LINUX3 UID 1001", 0, ""}};
	struct cp_caller who = {.user = "JOE", .has_ids = true, .uid = 1000};
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, before);
	ck_assert(cp_caller_resolve(cp, &who));
	RUN(cp, &who, as_two);
	cp_destroy(cp);
}
END_TEST

/* What class G makes is counted, for each user. */
START_TEST(test_quotas)
{
	static const struct step before[] = {
		{1, "SET VMLAN LIMIT USERLANS 2 LIMIT USERNICS 1", 0, ""}};
	static const struct step of_g[] = {
		{1, "DEFINE LAN A", 0, ""},
		{2, "DEFINE LAN B", 0, ""},
		{3, "DEFINE LAN C", 2503, "LINUX1: limit of 2 guest LANs of a user (SET VMLAN)"},
		{4, "DEFINE NIC 0600", 0, ""},
		{5, "DEFINE NIC 0700", 2503, "LINUX1: limit of 1 NICs of a user (SET VMLAN)"},
		{6, "SET VMLAN LIMIT USERNICS 9", 2504, ""},
		{7, "QUERY VMLAN", 0, "Of a class G user: 2 LANs, 1 NICs"},
	};
	static const struct step after[] = {{1, "DEFINE NIC LINUX1/0700", 0, ""}};
	static const struct cp_caller user = {.user = "LINUX1"};
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, before);
	RUN(cp, &user, of_g);
	RUN(cp, &operator_user, after);
	cp_destroy(cp);
}
END_TEST

/* ---- authorizations over time ----------------------------------------------------- */

static const struct step grants[] = {
	{1, "DEFINE VSWITCH VSW1 VLAN 10 PORTTYPE TRUNK", 0, ""},
	{2, "DEFINE NIC U/0600", 0, ""},
	{3, "COUPLE U/0600 SYSTEM VSW1", 6011, ""},
	{4, "SET VSWITCH VSW1 GRANT U VLAN 20 30", 0, ""},
	{5, "COUPLE U/0600 SYSTEM VSW1", 0, ""},
	{6, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 20 30\n"},
	/* a changed grant is a changed port at once */
	{7, "SET VSWITCH VSW1 GRANT U VLAN 40", 0, ""},
	{8, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 40\n"},
	/* a revoked one leaves the connection as it was, but for once */
	{9, "SET VSWITCH VSW1 REVOKE U", 0, ""},
	{10, "SET VSWITCH VSW1 PORTTYPE ACCESS ISOLATION ON", 0, ""},
	{11, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 40\n"},
	{12, "UNCOUPLE U/0600", 0, ""},
	{13, "COUPLE U/0600 SYSTEM VSW1", 6011, ""},
	/* NICDEF needs no grant, and its attributes go first */
	{14, "NICDEF U 0600 LAN SYSTEM VSW1 VLAN 50 51 PORTTYPE TRUNK", 0, "is connected to"},
	{15, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 50-51\n"},
	{16, "NICDEF U 0600 PORTTYPE ACCESS", 2510, ""},
	{17, "NICDEF U 0600 PORTTYPE ACCESS VLAN 52", 0, ""},
	{18, "QUERY NIC U/0600 DETAILS", 0, "Porttype: Access   VLAN: 52\n"},
	/* what waits for a full LAN gets the next free connection */
	{19, "DEFINE LAN ONE OWNERID SYSTEM MAXCONN 1", 0, ""},
	{20, "NICDEF V 0600 LAN SYSTEM ONE", 0, "is connected to LAN SYSTEM ONE"},
	{21, "NICDEF W 0600 LAN SYSTEM ONE", 0, "waits for SYSTEM ONE: its maximum"},
	{22, "DETACH V/0600", 0, ""},
	{23, "QUERY NIC W/0600", 0, "LAN: SYSTEM ONE"},
	{24, "UNCOUPLE W/0600", 0, "disconnected"},
	{25, "UNCOUPLE W/0600", 2148, ""},
	{26, "COUPLE W/0600", 0, "connected"},
};

/* A connection outlives its REVOKE, and a restart, with the place it has and the port it had. */
static const struct step revoked[] = {
	{1, "DEFINE LAN L OWNERID SYSTEM RESTRICTED GRANT A MAXCONN 1", 0, ""},
	{2, "DEFINE NIC A/0600", 0, ""},
	{3, "DEFINE NIC B/0600", 0, ""},
	{4, "COUPLE A/0600 SYSTEM L", 0, "connected"},
	{5, "NICDEF W 0600 LAN SYSTEM L", 0, "waits for SYSTEM L: its maximum"},
	{6, "NICDEF C 0600 LAN SYSTEM L", 0, "waits for SYSTEM L: its maximum"},
	{7, "SET LAN L OWNERID SYSTEM REVOKE A", 0, ""},
	{8, "QUERY CONFIGURATION", 0, "COUPLE USER A 0600 TO SYSTEM L REVOKED\n"},
	{9, "QUERY NIC A/0600", 0, "LAN: SYSTEM L"},
	/* who has waited longest is first, whatever his name */
	{10, "UNCOUPLE A/0600", 0, "disconnected"},
	{11, "QUERY NIC W/0600", 0, "LAN: SYSTEM L"},
	{12, "COUPLE A/0600 SYSTEM L", 6011, ""},
	{13, "COUPLE A/0600 SYSTEM L REVOKED", 2052, ""},
	{14, "DETACH W/0600", 0, ""},
	{15, "QUERY NIC C/0600", 0, "LAN: SYSTEM L"},
	{16, "DEFINE VSWITCH V VLAN 10", 0, ""},
	{17, "SET VSWITCH V GRANT A PORTTYPE TRUNK VLAN 20-22 PROMISCUOUS", 0, ""},
	{18, "COUPLE A/0600 SYSTEM V", 0, "connected"},
	{19, "SET NIC A/0600 PROMISCUOUS", 0, ""},
	{20, "SET VSWITCH V REVOKE A", 0, ""},
	{21, "NICDEF A 0600 VLAN 30 PORTTYPE ACCESS", 0, "changed"},
	{22, "QUERY NIC A/0600 DETAILS", 0, "Porttype: Trunk   VLAN: 20-22\n"},
	{23, "QUERY CONFIGURATION", 0,
	 "COUPLE USER A 0600 TO SYSTEM V REVOKED PORTTYPE TRUNK PROMISCUOUS VLAN 20-22\n"},
	{24, "SET VSWITCH V GRANT A", 0, ""},
	{25, "QUERY NIC A/0600 DETAILS", 0, "Porttype: Access   VLAN: 30\n"},
	{26, "SET VSWITCH V VLAN AWARE", 0, ""},
	{27, "SET VSWITCH V GRANT B", 0, ""},
	{28, "COUPLE B/0600 SYSTEM V", 0, ""},
	{29, "SET VSWITCH V REVOKE B", 0, ""},
	{30, "SET VSWITCH V VLAN 10", 0, ""},
	{31, "QUERY NIC B/0600 DETAILS", 0, "Porttype: Access   VLAN: \n"},
	/* one that goes on by its NICDEF may not be left an access port of several VLANs */
	{32, "SET VSWITCH V GRANT D PORTTYPE TRUNK", 0, ""},
	{33, "NICDEF D 0600 LAN SYSTEM V VLAN 40 41", 0, "connected"},
	{34, "SET VSWITCH V REVOKE D", 2510, "D/0600"},
	{35, "NICDEF D 0600 VLAN 40", 0, ""},
	{36, "SET VSWITCH V REVOKE D", 0, ""},
	{37, "DEFINE VSWITCH P VLAN 10 PORTBASED", 0, ""},
	{38, "SET VSWITCH P PORTNUMBER 1 USERID E PORTTYPE TRUNK", 0, ""},
	{39, "NICDEF E 0600 VLAN 40 41", 0, ""},
	{40, "COUPLE E/0600 SYSTEM P", 0, "connected"},
	{41, "SET VSWITCH P PORTNUMBER 1 MODIFY PORTTYPE ACCESS", 2510, "E/0600"},
};

static const struct step not_revoked[] = {
	{1, "DEFINE LAN L OWNERID SYSTEM RESTRICTED", 0, ""},
	{2, "DEFINE VSWITCH P VLAN 10 PORTBASED", 0, ""},
	{3, "DEFINE VSWITCH V VLAN 10", 0, ""},
	{4, "DEFINE CTCA A/0700", 0, ""},
	{5, "DEFINE NIC A/0600", 0, ""},
	{6, "COUPLE A/0600 SYSTEM L PROMISCUOUS", 13, "PROMISCUOUS"},
	{7, "COUPLE A/0600 SYSTEM V VLAN 10", 13, "VLAN"},
	{8, "COUPLE A/0600 SYSTEM L REVOKED VLAN 10", 2846, "VLAN"},
	{9, "COUPLE A/0600 SYSTEM P REVOKED", 2531, "REVOKED"},
	{10, "COUPLE A/0600 SYSTEM V REVOKED VLAN 10 11", 2510, "A/0600"},
	{11, "COUPLE A/0700 TO A 0700 REVOKED", 2560, "A/0700"},
	{12, "SET LAN L OWNERID SYSTEM ORPHANED", 13, "ORPHANED"},
	{13, "COUPLE A/0600 SYSTEM V REVOKED", 0, "connected"},
};

/* A LAN in use whose owner's last NIC goes lives until its last connection, through a restart. */
static const struct step orphaned[] = {
	{1, "DEFINE NIC A/0600", 0, ""},
	{2, "DEFINE NIC B/0600", 0, ""},
	{3, "DEFINE LAN L OWNERID A", 0, ""},
	{4, "DEFINE LAN M OWNERID C", 0, ""},
	{5, "COUPLE B/0600 A L", 0, "connected"},
	{6, "SET LAN L OWNERID A ORPHANED", 13, "has a NIC"},
	{7, "DETACH A/0600", 0, ""},
	{8, "QUERY CONFIGURATION", 0, "SET LAN L OWNERID A ORPHANED\n"},
	{9, "QUERY LAN L OWNERID A", 0, "LAN A L"},
	{10, "DETACH B/0600", 0, ""},
	{11, "QUERY LAN L OWNERID A", 2012, ""},
	{12, "QUERY LAN M OWNERID C", 0, "LAN C M"},
};

START_TEST(test_grants)
{
	static const struct step of_g[] = {
		{1, "COUPLE 0600 SYSTEM L REVOKED", 2504, "REVOKED"},
		{2, "SET LAN M OWNERID A ORPHANED", 13, "ORPHANED"},
	};
	static const struct cp_caller user = {.user = "A"};
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, grants);
	cp_destroy(cp);
	command_run_and_restore(revoked, sizeof(revoked) / sizeof(revoked[0]));
	command_run_and_restore(orphaned, sizeof(orphaned) / sizeof(orphaned[0]));
	cp = command_make(&h);
	RUN(cp, &operator_user, not_revoked);
	cp_destroy(cp);
	cp = command_make(&h);
	command_run(cp, &operator_user, not_revoked, 5);
	command_run(cp, &operator_user, &(struct step){6, "DEFINE LAN M OWNERID A", 0, ""}, 1);
	RUN(cp, &user, of_g);
	cp_destroy(cp);
}
END_TEST

/* ---- configuration ---------------------------------------------------------------- */

START_TEST(test_round_trip)
{
	struct host h;
	struct cp *cp = command_make(&h);

	command_round_trip(cp, "empty");
	for (size_t i = 0; i + 1 < sizeof(life) / sizeof(life[0]); i++) {
		command_run(cp, &operator_user, &life[i], 1);
		command_round_trip(cp, life[i].line);
	}
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		command_run(cp, &operator_user, &accounts[i], 1);
		command_round_trip(cp, accounts[i].line);
	}
	cp_destroy(cp);
	cp = command_make(&h);
	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		command_run(cp, &operator_user, &grants[i], 1);
		command_round_trip(cp, grants[i].line);
	}
	cp_destroy(cp);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command_system");
	TCase *t = tcase_create("command_system");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_life);
	tcase_add_test(t, test_authority);
	tcase_add_test(t, test_accounts);
	tcase_add_test(t, test_class_g_of_two_users);
	tcase_add_test(t, test_grants);
	tcase_add_test(t, test_quotas);
	tcase_add_test(t, test_round_trip);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
