/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command language: statements and their answers, abbreviations, every message, the
 * configuration as statements, files, completion, and random sequences of commands.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cp/cp.h"
#include "cp/message.h"
#include "cp/parse.h"

/* ---- a control program whose host has interfaces, except those called bad* -------- */

struct host {
	unsigned opened, closed, changed, shutdown, forgotten;
	bool broken; /* no interface can be opened */
	char log[512];
};

static void *open_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			 char *err, size_t err_len)
{
	struct host *h = ctx;

	ck_assert_msg(strcmp(kind, strchr(arg, ',')		 ? "DPDK"
				   : strncmp(arg, "eth", 3) == 0 ? "NIC"
								 : "TAP") == 0,
		      "%s %s", kind, arg);
	ck_assert_ptr_nonnull(link->ops);
	if (h->broken || strncmp(arg, "bad", 3) == 0) {
		snprintf(err, err_len, "no such interface");
		errno = ENODEV;
		return NULL;
	}
	h->opened++;
	return strdup(arg);
}

static void close_uplink(void *ctx, void *uplink)
{
	((struct host *)ctx)->closed++;
	free(uplink);
}

static void changed(void *ctx)
{
	((struct host *)ctx)->changed++;
}

static void shut_down(void *ctx)
{
	((struct host *)ctx)->shutdown++;
}

static void forget(void *ctx, struct vs_switch *sw, struct vs_port *p)
{
	(void)sw;
	(void)p;
	((struct host *)ctx)->forgotten++;
}

static void log_line(void *ctx, const char *line)
{
	struct host *h = ctx;

	snprintf(h->log, sizeof(h->log), "%s", line);
}

static struct cp *make(struct host *h)
{
	struct cp_hooks hooks = {.open_uplink = open_uplink,
				 .close_uplink = close_uplink,
				 .changed = changed,
				 .shutdown = shut_down,
				 .forget = forget,
				 .log = log_line,
				 .ctx = h};
	struct cp *cp;

	memset(h, 0, sizeof(*h));
	cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(cp);
	return cp;
}

static const struct cp_caller operator_user = {.user = "OPERATOR", .class_b = true};

/* ---- statements and answers ------------------------------------------------------- */

/* One statement. want is part of the text, or of the errors when rc is not 0. */
struct step {
	int n;
	const char *line;
	int rc;
	const char *want;
};

static void run_steps(struct cp *cp, const struct cp_caller *who, const struct step *s,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cp_reply r;
		int rc = cp_execute(cp, who, s[i].line, &r);
		const char *got = rc ? r.errors : r.text;

		ck_assert_msg(rc == s[i].rc && rc == r.rc, "step %d: %s: rc %d, not %d: %s%s",
			      s[i].n, s[i].line, rc, s[i].rc, r.text, r.errors);
		ck_assert_msg(strstr(got, s[i].want) != NULL, "step %d: %s: answered %s, not %s",
			      s[i].n, s[i].line, got, s[i].want);
		ck_assert_msg(rc == 0 ? r.errors[0] == '\0' : strncmp(r.errors, "ZLN", 3) == 0,
			      "step %d: errors %s", s[i].n, r.errors);
		ck_assert_msg(json_is_object(r.json), "step %d: no JSON", s[i].n);
		ck_assert_int_eq(json_is_true(json_object_get(r.json, "ok")), rc == 0);
		cp_reply_free(&r);
	}
}

#define RUN(cp, who, steps) run_steps(cp, who, steps, sizeof(steps) / sizeof((steps)[0]))

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
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, life);
	ck_assert_uint_eq(h.shutdown, 1);
	ck_assert_uint_gt(h.changed, 20);
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
	ck_assert_uint_gt(h.forgotten, 5);
}
END_TEST

/* Every error of spec/zvm-networking.md 2.14 that applies, and zlan's own. */
static const struct step errors[] = {
	{1, "DEFINE VSWITCH VSW1 VLAN 10 UPLINK TAP tap0", 0, ""},
	{2, "DEFINE VSWITCH PLAIN NOUPLINK", 0, ""},
	{3, "SET VSWITCH VSW1 GRANT LINUX1", 0, ""},
	{4, "NICDEF LINUX1 0600 LAN SYSTEM VSW1", 0, ""},
	{5, "DEFINE NIC USER LINUX2 0600", 0, ""},
	{6, "DEFINE LAN ONE OWNERID LINUX2 MAXCONN 1", 0, ""},
	{7, "DEFINE LAN OPEN OWNERID SYSTEM RESTRICTED", 0, ""},
	{10, "FOO", 2501, "ZLN2501E Unknown command - FOO; HELP lists the commands\n"},
	{11, "SET FOO", 3, "ZLN0003E Invalid option - FOO; see HELP SET\n"},
	{12, "SET", 26, "ZLN0026E "},
	{13, "DEF VSWITC X", 3, "Invalid option - VSWITC"},
	{14, "DE VSWITCH X", 2501, "Unknown command - DE"},
	{15, "DEFINE VSWITCH", 26, "switchname expected; see HELP DEFINE VSWITCH\n"},
	{16, "DEFINE VSWITCH TOOLONGNAME", 2, "ZLN0002E Invalid operand - TOOLONGNAME: a name is"},
	{17, "DEFINE VSWITCH A.B", 2, "Invalid operand - A.B"},
	{18, "DEFINE VSWITCH X FOO", 3, "ZLN0003E Invalid option - FOO; see HELP DEFINE VSWITCH\n"},
	{19, "DEFINE VSWITCH X VLAN", 26, "ZLN0026E"},
	{20, "DEFINE VSWITCH X VLAN 0", 2,
	 "Invalid operand - 0: a VLAN is a number from 1 to 4094"},
	{21, "DEFINE VSWITCH X VLAN 4095", 2, "Invalid operand - 4095"},
	{22, "DEFINE VSWITCH X VLAN 99999999999", 2, "Invalid operand - 99999999999"},
	{23, "DEFINE VSWITCH X VLAN AWARE VLAN 5", 13, "Conflicting option - VLAN: given twice"},
	{24, "DEFINE VSWITCH X PORTTYPE TRUNK", 13, "PORTTYPE: needs VLAN vid or VLAN AWARE"},
	{25, "DEFINE VSWITCH X VLAN UNAWARE NATIVE 1", 13, "Conflicting option - NATIVE"},
	{26, "DEFINE VSWITCH X GVRP", 13, "Conflicting option - GVRP"},
	{27, "DEFINE VSWITCH X VLAN 1 GVRP NOGVRP", 13, "Conflicting option - NOGVRP"},
	{670, "DEFINE VSWITCH X VLAN 1 GVRP MVRP", 13, "Conflicting option - MVRP"},
	{671, "DEFINE VSWITCH X VLAN 1 MVRP NOGVRP", 13, "Conflicting option - NOGVRP"},
	{672, "DEFINE VSWITCH X MVRP", 13, "Conflicting option - MVRP"},
	{673, "SET VSWITCH VSW1 STORM BROADCAST 0", 2, "STORM BROADCAST is a number from 1"},
	{674, "SET VSWITCH VSW1 STORM", 26, "a value after STORM"},
	{675, "SET VSWITCH PLAIN MVRP", 2846, "ZLN2846E MVRP"},
	{28, "DEFINE VSWITCH X UPLINK TAP a NOUPLINK", 13, "Conflicting option - NOUPLINK"},
	{29, "DEFINE VSWITCH X CONNECT DISCONNECT", 13, "Conflicting option - DISCONNECT"},
	{30, "DEFINE VSWITCH X UPLINK", 26, "TAP ifname, NIC ifname, DPDK device or NONE expected"},
	{31, "DEFINE VSWITCH X UPLINK TAP a/b", 2, "Invalid operand - a/b: an interface name"},
	{32, "DEFINE VSWITCH X UPLINK TAP sixteencharacter", 2, "Invalid operand - sixteenchar"},
	{33, "DEFINE VSWITCH X UPLINK TAP tap0", 2508,
	 "tap0 is already an uplink device of VSWITCH"},
	{34, "DEFINE VSWITCH X UPLINK TAP bad0", 2832,
	 "ZLN2832E Connection bad0 for VSWITCH SYSTEM X is not active: no such interface\n"},
	{602, "SET WORKERS", 26, "AUTO expected"},
	{603, "SET WORKERS 0", 2, "n is a number from 1 to 16"},
	{604, "SET WORKERS 17", 2, "n is a number from 1 to 16"},
	{605, "SET WORKERS 2 ON 1-", 2, "numbers or ranges as 0-3,6"},
	{606, "SET WORKERS 2 ON 3-1", 2, "numbers or ranges as 0-3,6"},
	{607, "SET WORKERS 2 ON 1024", 2, "numbers or ranges as 0-3,6"},
	{608, "SET WORKERS 2 ON 99999999999999999999", 2, "numbers or ranges as 0-3,6"},
	{609, "SET WORKERS 2 ON \"0, 1\"", 2, "numbers or ranges as 0-3,6"},
	{610, "SET WORKERS 2 ON \"\"", 2, "numbers or ranges as 0-3,6"},
	{611, "SET WORKERS 2 ON", 26, "processors expected"},
	{600, "DEFINE VSWITCH X UPLINK DPDK \"\"", 2, "a device has 1-255 characters"},
	{601, "DEFINE VSWITCH X UPLINK DPDK \"a b\"", 2, "a device has 1-255 characters"},
	{602, "DEFINE VSWITCH X UPLINK DPDK \"a", 2505, "without its second quote"},
	{603, "DEFINE VSWITCH X UPLINK DPDK \"a\"b", 2505, "without its second quote"},
	{604, "DEFINE VSWITCH X UPLINK DPDK a UPLINK TAP b", 13,
	 "Conflicting option - UPLINK DPDK"},
	{605, "DEFINE VSWITCH X UPLINK DPDK a NOUPLINK", 13, "Conflicting option - NOUPLINK"},
	{606, "DEFINE VSWITCH X UPLINK DPDK tap0", 2508,
	 "tap0 is already an uplink device of VSWITCH"},
	{607, "SET VSWITCH PLAIN UPLINK DPDK a", 2509, "PLAIN was defined with NOUPLINK"},
	{608, "SET DPDK", 26, "ARGS \"text\" expected"},
	{609, "DEFINE NIC 0800 TYPE VHOST TYPE STREAM", 13, "TYPE: another type was given"},
	{610, "NICDEF LINUX1 0600 TYPE VHOST", 13, "TYPE: the NIC exists with another type"},
	{35, "QUERY VSWITCH X", 2040, "ZLN2040E VSWITCH SYSTEM X does not exist; QUERY VSWITCH"},
	{36, "DEFINE VSWITCH X IP ETHERNET", 13, "Conflicting option - IP: ETHERNET was given too"},
	{37, "DEFINE VSWITCH X PRI", 13, "PRIROUTER: needs a switch in IP mode"},
	{612, "DEFINE VSWITCH X ETHERNET NON", 13, "NONROUTER: needs a switch in IP mode"},
	{613, "DEFINE VSWITCH X IP PRI NON", 13, "PRIROUTER: NONROUTER was given too"},
	{614, "SET VSWITCH VSW1 PATHMTUD VALUE 1400", 13, "VALUE: needs a switch in IP mode"},
	{615, "SET VSWITCH VSW1 PATHMTUD VALUE 575", 2, "a number from 576 to 65486"},
	{616, "SET VSWITCH VSW1 PATHMTUD VALUE 1400 PATHMTUD OFF", 13, "it was given twice"},
	{617, "SET VSWITCH VSW1 PRIROUTER", 13, "PRIROUTER: needs a switch in IP mode"},
	{618, "DEFINE LAN X IP ETHERNET", 13, "IP: ETHERNET was given too"},
	{619, "DEFINE LAN X TYPE HIPERS IP", 13, "HiperSockets carry both layers at once"},
	{38, "DEFINE VSWITCH X RDEV 0600", 2502, "RDEV is not supported in this release"},
	{39, "DEFINE VSWITCH X GROUP G", 2540, "PORT GROUP G does not exist"},
	{40, "DEFINE VSWITCH X BRIDGEPORT RDEV 600", 2502, "RDEV is not supported"},
	{649, "DEFINE VSWITCH X IP BRIDGEPORT LAN * HSX", 13, "needs an ETHERNET switch"},
	{640, "DEFINE VSWITCH X PRIMARY", 26, "BRIDGEPORT LAN owner name expected"},
	{641, "DEFINE VSWITCH X BRIDGEPORT LAN SYSTEM VSW1", 13, "not of TYPE HIPERSOCKETS"},
	{645, "DEFINE LAN HSX TYPE HIPERSOCKETS CHPID F0", 0, "created"},
	{650, "DEFINE LAN HSY TYPE HIPERSOCKETS CHPID F0", 13, "another LAN is this channel path"},
	{651, "DEFINE LAN HSY CHPID F1", 13, "it is TYPE HIPERSOCKETS's"},
	{652, "DEFINE NIC 0B00 TYPE HIPERSOCKETS", 0, "created"},
	{653, "COUPLE 0B00 CHPID F2", 2012, "LAN CHPID F2 does not exist"},
	{654, "COUPLE 0B00 SYSTEM VSW1 CHPID F0", 13, "the network was named too"},
	{646, "SET VSWITCH VSW1 BRIDGEPORT LAN * HSX PRIMARY", 0, "complete"},
	{647, "DEFINE VSWITCH X BRIDGEPORT LAN * HSX PRIMARY", 2834, "has a primary bridge port"},
	{648, "SET VSWITCH VSW1 BRIDGEPORT NONE", 0, "complete"},
	{655, "DETACH NIC 0B00", 0, "destroyed"},
	{642, "DEFINE VSWITCH X BRIDGE LAN SYSTEM X PRIM SEC", 13, "PRIMARY was given too"},
	{643, "DEFINE VSWITCH X BRIDGE LAN A X BRIDGE NONE", 13, "BRIDGEPORT LAN was given too"},
	{644, "SET VSWITCH VSW1 BRIDGE CONNECT", 26, "BRIDGEPORT LAN owner name expected"},
	{41, "DEFINE VSWITCH X TYPE IVL", 2502, "TYPE IVL is not supported"},
	{42, "DEFINE VSWITCH X TYPE FOO", 2, "Invalid operand - FOO: not valid after TYPE"},
	{43, "DEFINE VSWITCH X GLOBAL", 2502, "GLOBAL is not supported"},
	{44, "DEFINE VSWITCH X PORTBASED USERBASED", 13, "PORTBASED: USERBASED was given too"},
	{46, "DEFINE VSWITCH X IPTIMEOUT 241", 2,
	 "Invalid operand - 241: IPTIMEOUT is a number from"},
	{47, "DEFINE VSWITCH X QUEUESTORAGE 9M 8M", 2, "Invalid operand - 8M"},
	{48, "DEFINE VSWITCH X PRIQUEUING MAYBE", 2, "Invalid operand - MAYBE: one of OFF|ON"},
	{49, "DEFINE VSWITCH X CONTROLLER A-B", 7, "ZLN0007E Invalid userid - A-B"},
	{50, "DEFINE VSWITCH VSW1", 2036, "ZLN2036E VSWITCH SYSTEM VSW1 already exists"},
	{51, "DEFINE VSWITCH OPEN", 2024, "OPEN already exists as a guest LAN of SYSTEM"},
	{52, "DEFINE LAN VSW1 OWNERID SYSTEM", 2024, "SYSTEM VSW1 already exists as a VSWITCH"},
	{53, "DEFINE LAN ONE OWNERID LINUX2", 2037, "ZLN2037E LAN LINUX2 ONE already exists"},
	{54, "DEFINE LAN X TYPE HIPERS MFS 32K", 2,
	 "Invalid operand - 32K: one of 16K|24K|40K|64K"},
	{55, "DEFINE LAN X MFS 16K", 13, "Conflicting option - MFS: it is TYPE HIPERSOCKETS's"},
	{58, "DEFINE LAN X TYPE HIPERS ETHERNET", 13, "HiperSockets carry both layers at once"},
	{59, "DEFINE LAN X TYPE HIPERS TYPE QDIO", 13, "another type was given"},
	{56, "DEFINE LAN X MAXCONN 0", 2,
	 "Invalid operand - 0: MAXCONN is a number from 1 to 1024"},
	{57, "DEFINE LAN X REST UNREST", 13, "Conflicting option - UNRESTRICTED"},
	{60, "SET VSWITCH NONE ISOLATION ON", 2040, "VSWITCH SYSTEM NONE does not exist"},
	{61, "SET VSWITCH OPEN ISOLATION ON", 2040, "VSWITCH SYSTEM OPEN does not exist"},
	{62, "SET VSWITCH VSW1", 26, "an attribute expected; see HELP SET VSWITCH"},
	{63, "SET VSWITCH VSW1 GRANT", 20, "ZLN0020E Userid missing after GRANT"},
	{64, "SET VSWITCH VSW1 GRANT A/B", 7, "ZLN0007E Invalid userid - A/B"},
	{65, "SET VSWITCH VSW1 GRANT LINUX1", 2044,
	 "ZLN2044E LINUX1 is already authorized for VSW1\n"},
	{66, "SET VSWITCH VSW1 REVOKE LINUX9", 2045, "LINUX9 is not authorized for VSW1"},
	{67, "SET VSWITCH VSW1 GRANT A REVOKE B", 13, "Conflicting option - REVOKE"},
	{68, "SET VSWITCH VSW1 PROMISCUOUS", 13, "PROMISCUOUS: needs GRANT userid"},
	{69, "SET VSWITCH VSW1 GRANT X VLAN 10 20", 2510, "X has several VLANs"},
	{70, "SET VSWITCH VSW1 GRANT X VLAN 20-10", 2, "Invalid operand - 20-10"},
	{71, "SET VSWITCH VSW1 GRANT X VLAN 0-5", 2, "Invalid operand - 0-5"},
	{72, "SET VSWITCH VSW1 GRANT X VLAN 1-", 2, "Invalid operand - 1-"},
	{73, "SET VSWITCH VSW1 GRANT X VLAN AWARE", 2, "with GRANT it is a list"},
	{74, "SET VSWITCH PLAIN GRANT X VLAN 1", 2846,
	 "ZLN2846E VLAN is not allowed: VSWITCH SYSTEM"},
	{75, "SET VSWITCH PLAIN GRANT X PORTTYPE TRUNK", 2846, "ZLN2846E PORTTYPE"},
	{76, "SET VSWITCH PLAIN NATIVE 5", 2846, "ZLN2846E NATIVE"},
	{77, "SET VSWITCH PLAIN VLAN 5", 2846, "ZLN2846E VLAN"},
	{78, "SET VSWITCH VSW1 VLAN UNAWARE", 13, "awareness cannot change"},
	{79, "SET VSWITCH VSW1 VLAN 1 2", 2, "without GRANT it is one default VID"},
	{80, "SET VSWITCH PLAIN UPLINK TAP x", 2509, "PLAIN was defined with NOUPLINK"},
	{81, "SET VSWITCH VSW1 UPLINK TAP bad1", 2832, "Connection bad1 for VSWITCH SYSTEM VSW1"},
	{82, "QUERY VSWITCH VSW1", 0, "State: Ready"},
	{83, "SET VSWITCH VSW1 MACID 12345", 2,
	 "Invalid operand - 12345: a MACID is 6 hexadecimal"},
	{84, "SET VSWITCH VSW1 MACID 000000", 2, "Invalid operand - 000000"},
	{85, "SET VSWITCH VSW1 MACID 000003", 2506, "MACID 000003 is in use by LINUX1/0600"},
	{86, "SET VSWITCH VSW1 VEPA ON ISOLATION ON", 13, "exclude each other"},
	{620, "SET VSWITCH PLAIN VEPA ON", 13, "VEPA: frames between guests go by the uplink"},
	{87, "SET VSWITCH VSW1 PORTNUMBER 1 USERID X", 2530,
	 "ZLN2530E PORTNUMBER is not allowed: VSWITCH SYSTEM VSW1 is USERBASED"},
	{621, "SET VSWITCH VSW1 VLANID 5 ADD 1", 2530, "VLANID is not allowed"},
	{622, "SET VSWITCH VSW1 VLANID 5 ADD", 26, "port numbers expected"},
	{623, "SET VSWITCH VSW1 VLANID 5 ADD 0", 2, "ports are numbers from 1 to 2048"},
	{624, "SET VSWITCH VSW1 USERID X", 13, "USERID: needs PORTNUMBER n"},
	{625, "SET VSWITCH VSW1 REMOVE 1", 13, "REMOVE: needs PORTNUMBER n or VLANID vid"},
	{626, "SET VSWITCH VSW1 DELETE", 13, "DELETE: needs VLANID vid"},
	{627, "DEFINE VSWITCH PB PORTBASED VLAN 10", 0, "created"},
	{628, "SET VSWITCH PB GRANT LINUX1", 2531,
	 "ZLN2531E GRANT is not allowed: VSWITCH SYSTEM PB"},
	{629, "SET VSWITCH PB PORTNUMBER 2049 USERID X", 2,
	 "PORTNUMBER is a number from 1 to 2048"},
	{630, "SET VSWITCH PB PORTNUMBER 5", 26, "USERID userid expected"},
	{631, "SET VSWITCH PB PORTNUMBER 5 REMOVE", 2532,
	 "ZLN2532E VSWITCH SYSTEM PB has no port 5"},
	{632, "SET VSWITCH PB PORTNUMBER 5 MODIFY VLAN 7", 2532, "no port 5"},
	{633, "SET VSWITCH PB PORTNUMBER 5 USERID LINUX2 VLAN 5 6", 2510,
	 "Port 5 has several VLANs"},
	{634, "SET VSWITCH PB PORTNUMBER 5 USERID LINUX2", 0, "Command complete"},
	{635, "SET VSWITCH PB VLANID 7 REMOVE 5", 2048,
	 "ZLN2048E VLAN 7 does not exist on VSWITCH"},
	{636, "SET VSWITCH PB VLANID 7 ADD 5 9", 2532, "no port 9"},
	{637, "SET VSWITCH PB VLANID 7 ADD 5", 0, ""},
	{638, "SET VSWITCH PB VLANID 8 ADD 5", 2510, "Port 5 has several VLANs"},
	{639, "SET VSWITCH PB VLANID 8", 26, "one of ADD, REMOVE, DELETE expected"},
	{640, "SET VSWITCH PB PORTNUMBER 5 VLANID 7 DELETE", 13, "PORTNUMBER was given too"},
	{641, "SET VSWITCH PB PORTNUMBER 5 REMOVE VLAN 5", 13, "REMOVE: stands alone"},
	{642, "COUPLE LINUX1/0600 SYSTEM PB", 2120, ""},
	{643, "SET VMLAN", 26, "an attribute expected"},
	{644, "SET VMLAN MACPREFIX 010000", 2, "a locally administered unicast prefix"},
	{645, "SET VMLAN MACPREFIX 020001", 2536, "ZLN2536E MACPREFIX is fixed"},
	{646, "SET VMLAN MACIDRANGE SYSTEM 5-6", 2, "a range of MACIDs is as 000100-0001FF"},
	{647, "SET VMLAN MACIDRANGE SYSTEM 000006-000005", 2, "a range of MACIDs"},
	{648, "SET VMLAN LIMIT PERSISTENT 257", 2, "LIMIT PERSISTENT is a number from 0 to 256"},
	{649, "SET VMLAN MACIDRANGE USER 100000-1FFFFF", 0, "Command complete"},
	{650, "SET NIC USER LINUX2 0600 MACID 000900", 2535,
	 "ZLN2535E MACID 000900 is not in the USER"},
	{651, "SET VMLAN MACIDRANGE USER 000001-FFFFFF", 0, "Command complete"},
	{652, "NICDEF LINUX1 0600 MACID 000777 SYSMACID 000778", 13,
	 "SYSMACID: MACID was given too"},
	{653, "DETACH VSWITCH PB", 0, ""},
	{88, "SET VSWITCH VSW1 SWITCHOVER", 2845, "no other uplink device"},
	{89, "SET VSWITCH VSW1 UPLINK NIC eth0 eth0", 13, "eth0: was given twice"},
	{90, "SET LAN NONE GRANT X", 2012, "ZLN2012E LAN OPERATOR NONE does not exist"},
	{91, "SET LAN ONE OWNERID LINUX9 GRANT X", 2016, "ZLN2016E LAN LINUX9 ONE does not exist"},
	{92, "SET LAN ONE OWNERID LINUX2", 26, "GRANT, REVOKE, MIXED or ACCOUNTING expected"},
	{93, "SET LAN VSW1 OWNERID SYSTEM GRANT X", 2024, "already exists as a VSWITCH"},
	{94, "SET LAN ONE OWNERID LINUX2 REVOKE X", 2045, "X is not authorized for ONE"},
	{100, "DEFINE NIC", 22, "ZLN0022E Virtual device number missing or invalid - missing"},
	{101, "DEFINE NIC 12345", 22, "Virtual device number missing or invalid - 12345"},
	{102, "DEFINE NIC 6OO", 22, "missing or invalid - 6OO"},
	{103, "DEFINE NIC FFFE", 2, "Invalid operand - FFFE: the last device number"},
	{104, "DEFINE NIC USER LINUX1 0602", 2104,
	 "ZLN2104E Device 0602 already exists or overlaps"},
	{105, "DEFINE NIC USER LINUX1 05FE", 2104, "the devices of NIC LINUX1/0600"},
	{106, "DEFINE NIC 0900 DEVICES 2", 2,
	 "Invalid operand - 2: DEVICES is a number from 3 to 240"},
	{95, "DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERS", 0, "created"},
	{96, "COUPLE USER LINUX2 0600 SYSTEM HS1", 2519,
	 "ZLN2519E NIC LINUX2/0600 cannot be connected to LAN SYSTEM HS1: that needs TYPE "
	 "HIPERSOCKETS"},
	{97, "DETACH LAN HS1 OWNERID SYSTEM", 0, "destroyed"},
	{107, "DEFINE NIC 0900 HIPERS TYPE STREAM", 13, "Conflicting option - TYPE"},
	{108, "DEFINE NIC 0900 CHPID XX", 846, "ZLN0846E Invalid channel path id - XX"},
	{109, "DEFINE NIC USER A B/0900", 13, "Conflicting option - B: another userid was given"},
	{110, "NICDEF LINUX1 0600 LAN SYSTEM OTHER", 13, "Conflicting option - LAN"},
	{111, "NICDEF LINUX1 0600 DEVICES 6", 13, "Conflicting option - DEVICES"},
	{112, "NICDEF LINUX1 0600 VLAN 1 2", 2510, "LINUX1/0600 has several VLANs"},
	{113, "NICDEF LINUX1", 22, "Virtual device number missing"},
	{114, "NICDEF LINUX1 0600 LAN SYSTEM", 26, "owner name expected"},
	{115, "NICDEF LINUX1 0600 MACID 000001", 2506, "in use by VSWITCH SYSTEM VSW1"},
	{116, "SET NIC USER LINUX1 0600", 26, "an attribute expected"},
	{117, "SET NIC USER LINUX1 0700 MACPROTECT ON", 40, "ZLN0040E Device LINUX1/0700 does not"},
	{118, "SET NIC USER LINUX1 0600 PROMISCUOUS", 2534,
	 "ZLN2534E LINUX1 is not authorized to be PROMISCUOUS on VSWITCH SYSTEM VSW1"},
	{660, "SET NIC USER LINUX1 0600 PROMISCUOUS NOPROMISCUOUS", 13,
	 "PROMISCUOUS was given too"},
	{119, "SET NIC USER LINUX1 0600 MACID 000004", 2506, "in use by LINUX2/0600"},
	{120, "COUPLE USER LINUX1 0600 SYSTEM VSW1", 2120,
	 "ZLN2120E NIC LINUX1/0600 is already connec"},
	{121, "COUPLE USER LINUX2 0600", 26, "owner and name of the network expected"},
	{122, "COUPLE USER LINUX2 0600 SYSTEM", 26, "ZLN0026E"},
	{123, "COUPLE USER LINUX2 0600 SYSTEM NONE", 2040, "VSWITCH SYSTEM NONE does not exist"},
	{124, "COUPLE USER LINUX2 0600 LINUX9 NONE", 45, "ZLN0045E LINUX9 not logged on"},
	{125, "COUPLE USER LINUX2 0600 LINUX2 NONE", 2016, "LAN LINUX2 NONE does not exist"},
	{126, "COUPLE USER LINUX2 0600 SYSTEM VSW1", 6011,
	 "ZLN6011E LINUX2 is not authorized to COUPLE to VSWITCH SYSTEM VSW1; see SET VSWITCH"},
	{127, "COUPLE USER LINUX2 0600 SYSTEM OPEN", 6011, "LINUX2 is not authorized"},
	{128, "COUPLE USER LINUX2 0700 SYSTEM VSW1", 40, "Device LINUX2/0700 does not exist"},
	{129, "COUPLE USER LINUX2 0600 SYSTEM VSW1 PORTNUMBER 5", 2530,
	 "PORTNUMBER is not allowed"},
	{661, "DEFINE VSWITCH PB PORTBASED", 0, ""},
	{662, "COUPLE USER LINUX2 0600 SYSTEM PB", 6011, "see SET VSWITCH ... PORTNUMBER"},
	{663, "SET VSWITCH PB PORTNUMBER 5 USERID LINUX2", 0, ""},
	{664, "COUPLE USER LINUX2 0600 SYSTEM PB PORTNUMBER 6", 2532, "has no port 6"},
	{665, "COUPLE USER LINUX2 0600 SYSTEM PB PORT 5", 0, "is connected to VSWITCH SYSTEM PB"},
	{666, "SET VSWITCH PB PORTNUMBER 5 USERID LINUX3", 2533,
	 "ZLN2533E Port 5 is in use by LINUX2/0600; UNCOUPLE it first"},
	{667, "UNCOUPLE LINUX2/0600", 0, ""},
	{668, "DETACH VSWITCH PB", 0, ""},
	{130, "DEFINE NIC USER LINUX3 0600", 0, ""},
	{131, "COUPLE LINUX2/0600 LINUX2 ONE", 0, "connected to LAN LINUX2 ONE"},
	{132, "COUPLE LINUX3/0600 LINUX2 ONE", 2052,
	 "ZLN2052E Maximum connections of LAN LINUX2 ONE r"},
	{133, "UNCOUPLE LINUX3/0600", 2148, "ZLN2148E NIC LINUX3/0600 is already disconnected\n"},
	{134, "UNCOUPLE LINUX3/0601", 40, "Device LINUX3/0601 does not exist"},
	{135, "DETACH LINUX3/0610", 40, "Device LINUX3/0610 does not exist"},
	{136, "DETACH VSWITCH OPEN", 2040, "VSWITCH SYSTEM OPEN does not exist"},
	{137, "DETACH LAN NONE", 2012, "LAN OPERATOR NONE does not exist"},
	{138, "QUERY NIC USER LINUX9", 45, "LINUX9 not logged on"},
	{139, "QUERY COUNTERS NIC LINUX3 0600", 2032, "ZLN2032E NIC LINUX3/0600 is not coupled"},
	{140, "QUERY COUNTERS NIC LINUX3/0700", 40, "Device LINUX3/0700 does not exist"},
	{141, "QUERY COUNTERS LAN LINUX9 X", 2016, "LAN LINUX9 X does not exist"},
	{142, "QUERY COUNTERS VSWITCH X LAN A B", 13, "name one network or NIC"},
	{143, "QUERY LAN X", 2012, "LAN X does not exist"},
	{144, "HELP FOO", 2501, "Unknown command - FOO"},
	{145, "SHUTDOWN NOW", 3, "Invalid option - NOW; see HELP SHUTDOWN"},
	{146, "QUERY VSWITCH \001", 2505, "ZLN2505E Command line refused: control"},
	{147, "QUERY VSWITCH \303\244", 2505, "non-ASCII"},
	{148, "SET VSWITCH VSW1 GRANT A UPLINK TAP tap9", 13, "use two statements"},
	{270, "SET PORT GROUP G JOIN TAP t1 t2 JOIN NIC eth1 LACP ACTIVE INTERVAL 30", 0,
	 "complete"},
	{271, "SET PORT GROUP G JOIN TAP t1", 2508,
	 "t1 is already an uplink device of PORT GROUP G"},
	{272, "SET PORT GROUP G LEAVE TAP t3", 2542, "PORT GROUP G has no link t3"},
	{273, "SET PORT GROUP H INTERVAL 9991", 2, "1 to 9990"},
	{274, "SET PORT GROUP H DELETE", 2540, "PORT GROUP H does not exist"},
	{275, "DEFINE VSWITCH GSW GROUP H", 2540, "SET PORT GROUP makes it"},
	{276, "DEFINE VSWITCH GSW GROUP G UPLINK TAP t4 t5 t6", 0, "is created"},
	{277, "DEFINE VSWITCH GSW2 GROUP G", 2541, "PORT GROUP G is in use by GSW"},
	{278, "SET PORT GROUP G DELETE", 2541, "SET VSWITCH GSW NOGROUP ends that"},
	{279, "SET PORT GROUP G JOIN TAP bad1", 2832, "no such interface"},
	{320, "SET PORT GROUP G JOIN TAP b1 bad1", 2832, "no such interface"},
	{321, "SET PORT GROUP G LEAVE TAP b1", 2542, "no link b1"},
	{322, "SET PORT GROUP G LEAVE TAP t1 JOIN TAP b1 bad1", 2832, "no such interface"},
	{323, "SET PORT GROUP G LEAVE TAP t1 t3", 2542, "no link t3"},
	{324, "SET PORT GROUP G LEAVE TAP t1 t1", 13, "was given twice"},
	{325, "SET PORT GROUP G JOIN TAP b1 t1", 2508, "t1 is already"},
	{326, "SET PORT GROUP G JOIN TAP b1 b1", 13, "was given twice"},
	{327, "SET PORT GROUP G LEAVE TAP b1", 2542, "no link b1"},
	{328, "SET PORT GROUP G LEAVE TAP t1 JOIN TAP t1", 0, ""},
	{280, "SET PORT GROUP G JOIN TAP a1 a2 a3 a4 a5 a6", 2503, "limit of 8 links"},
	{329, "SET PORT GROUP G JOIN TAP a1 a2 a3 a4 a5", 0, ""},
	{281, "SET PORT GROUP G LEAVE TAP a1 a2 a3 a4 a5 LEAVE NIC eth1", 0, ""},
	{282, "DEFINE VSWITCH GSW2 UPLINK TAP t4", 2508,
	 "t4 is already an uplink device of VSWITCH SYSTEM GSW"},
	{283, "SET VSWITCH GSW SWITCHOVER NOGROUP", 13, "it stands alone"},
	{284, "SET VSWITCH GSW NOGROUP", 0, ""},
	{285, "SET VSWITCH GSW SWITCHOVER", 0, ""},
	{286, "SET VSWITCH GSW UPLINK NIC eth1", 0, ""},
	{287, "SET VSWITCH GSW SWITCHOVER", 2845, "no other uplink device that is ready"},
	{288, "SET VSWITCH GSW UPLINK TAP t4 bad1", 2832, "bad1"},
	{289, "SET VSWITCH GSW UPLINK TAP t4 t4", 13, "was given twice"},
	{290, "SET VSWITCH GSW GROUP G NOGROUP", 13, "GROUP was given too"},
	{291, "QUERY PORT GROUP X", 2540, ""},
	{292, "QUERY PORT GROUP G DETAILS", 0, "LACP Mode: Active"},
	{293, "SET PORT GROUP G DELETE", 0, "is deleted"},
	{294, "DETACH VSWITCH GSW", 0, ""},
	{250, "DEFINE RATEGROUP G IN 100M OUT 50M", 0, "Command complete"},
	{251, "DEFINE RATEGROUP G", 2024, "G already exists as a rate group"},
	{252, "SET RATEGROUP H IN 1M", 2515, "RATEGROUP H does not exist"},
	{253, "SET RATEGROUP G", 26, "IN or OUT expected"},
	{254, "SET NIC LINUX2/0600 RATEGROUP G RATE IN 10M BURST 64K", 0, "Command complete"},
	{255, "DETACH RATEGROUP G", 2516, "RATEGROUP G has NICs"},
	{256, "SET NIC LINUX2/0600 BURST 64K", 13, "needs a rate beside it"},
	{257, "SET NIC LINUX2/0600 RATE IN 7K", 2, "a rate is 8K to 4000G"},
	{258, "SET NIC LINUX2/0600 RATE OUT 1.5M", 2, "a rate is 8K to 4000G"},
	{259, "SET NIC LINUX2/0600 RATE OUT 1M BURST 63", 2, "a burst is 64 to 1024M"},
	{260, "SET VSWITCH VSW1 IN 10M", 26, "RATE UPLINK or RATE VLAN expected"},
	{261, "SET VSWITCH VSW1 RATE UPLINK", 26, "IN or OUT expected"},
	{262, "QUERY RATEGROUP G", 0, "In: 100M"},
	{263, "SET NIC LINUX2/0600 RATEGROUP NONE", 0, ""},
	{264, "DETACH RATEGROUP G", 0, ""},
	{270,
	 "SET VSWITCH VSW1 MIRROR TO LINUX2 0600 FROM UPLINK ONLY IN LOG VERBOSE VLANCOUNTERS ON",
	 0, "Command complete"},
	{271, "QUERY VSWITCH VSW1 DETAILS", 0, "Mirror TO LINUX2 0600 FROM UPLINK ONLY IN  (a NIC"},
	{272, "SET VSWITCH VSW1 MIRROR OFF LOG OFF VLANCOUNTERS OFF", 0, ""},
	{273, "SET VSWITCH VSW1 MIRROR OFF MIRROR TO LINUX2/0600", 13, "MIRROR TO was given too"},
	{274, "SET VSWITCH VSW1 FROM UPLINK", 26, "MIRROR TO userid vdev expected"},
	{275, "QUERY EVENTS LAST 1", 0, ""},
	{280,
	 "TRSOURCE ID T1 TYPE LAN OWNER SYSTEM LANNAME VSW1 NIC LINUX2 0600 VLAN ALL LENGTH FULL",
	 0, "Trace T1 is defined; TRSOURCE ENABLE ID T1 begins it"},
	{281, "QUERY TRSOURCE", 0,
	 "TRSOURCE ID T1 TYPE LAN OWNER SYSTEM LANNAME VSW1 VLAN ALL LENGTH 2048 NIC LINUX2 0600\n"
	 "  State: Disabled  Frames: 0  Lost: 0  File: traces/T1.pcapng\n"},
	{282, "TRSOURCE ID T1 TYPE LAN OWNER SYSTEM LANNAME VSW1 TRUNK", 0, "is defined"},
	{283, "TRSOURCE ENABLE ID T1", 0, "Trace T1 is enabled"},
	{284, "TRSOURCE ID T1 TYPE LAN OWNER SYSTEM LANNAME VSW1", 2551,
	 "Trace T1 is enabled; TRSOURCE DISABLE ID T1 ends that"},
	{285, "TRS ENABLE ID T2", 2550, "Trace T2 does not exist; TRSOURCE ID defines one"},
	{286, "TRSOURCE ID T2 TYPE LAN OWNER SYSTEM LANNAME VSW1 TRUNK DROPPED", 13,
	 "one of NIC, TRUNK and DROPPED"},
	{287, "TRSOURCE ID T2 OWNER SYSTEM LANNAME VSW1", 26, "TYPE LAN OWNER owner LANNAME name"},
	{288, "TRSOURCE ID T2 TYPE LAN OWNER SYSTEM LANNAME VSW1 LENGTH 2049", 2, ""},
	{289, "TRSOURCE ID T2 TYPE LAN OWNER SYSTEM LANNAME VSW1 VLAN 4095", 2, ""},
	{290, "TRSOURCE ID T2 SET S TYPE LAN OWNER SYSTEM LANNAME VSW1", 2502, "trace sets"},
	{291, "TRSOURCE ID T2 TYPE LAN OWNER SYSTEM LANNAME NONE DROPPED VLAN 10 20-30", 0, ""},
	{292, "TRSOURCE ENABLE ID T2", 0, "Trace T2 is enabled and waits for the network"},
	{293, "QUERY TRSOURCE ID T2", 0,
	 "VLAN 10 20-30 LENGTH 512 DROPPED\n  State: Waits for the network"},
	{294, "QUERY CONFIGURATION", 0, "TRSOURCE ENABLE ID T2"},
	{295, "TRSOURCE DISABLE ID T2", 0, "Trace T2 is disabled"},
	{296, "TRSOURCE DROP ID T2", 0, "Trace T2 is dropped; its files stay"},
	{297, "QUERY TRSOURCE ID T2", 2550, ""},
	{298, "TRSOURCE DROP ID T1", 0, ""},
	{299, "QUERY TRSOURCE", 0, "No trace is defined"},
	{265, "SAVE", 2517, "It was not saved: there is nowhere to save to"},
	{266, "DEFINE RATEGROUP P PERSIST", 2517, "The change was not saved"},
	{149, "USER LINUX1", 26, "UID, GID, NOUID or NOGID expected; see HELP USER"},
	{150, "USER LINUX1 UID -1", 2, "UID is a number from 0 to 4294967294"},
	{151, "USER LINUX1 UID 4294967295", 2, "UID is a number from 0 to 4294967294"},
	{152, "USER LINUX1 GID 42949672940", 2, "GID is a number"},
	{153, "USER LINUX1 UID 5 NOUID 6", 2512, "ZLN2512E USER LINUX1 has no UID 6; QUERY USER"},
	{154, "USER LINUX1 NOUID 5", 2512, "USER LINUX1 has no UID 5"}, /* 153 added nothing */
	{156, "DEFINE NIC 0900 QDIO TYPE STREAM", 13, "TYPE: another type was given"},
	{157, "DEFINE NIC 0900 TYPE DGRAM TYPE STREAM", 13, "TYPE: another type was given"},
	{158, "NICDEF LINUX1 0600 TYPE STREAM", 13, "TYPE: the NIC exists with another type"},
	{155, "USER TOOLONGNAME UID 5", 7, "Invalid userid - TOOLONGNAME"},
	{676, "DEFINE CTCA LINUX1/0700 USER LINUX2", 0, "CTCA 0700 DEFINED\n"},
	{677, "DEFINE CTCA LINUX1/0700", 2104, "Device 0700 already exists"},
	{678, "DEFINE CTCA LINUX1/0601", 2104, "overlaps the devices of NIC LINUX1/0600"},
	{679, "SET NIC LINUX1/0700 PQUPLINKTX LOW", 2560, "ZLN2560E Device LINUX1/0700 is a CTCA"},
	{680, "NICDEF LINUX1 0700 PROMISCUOUS", 2560, "is a CTCA"},
	{681, "QUERY NIC LINUX1/0700", 2560, "see QUERY CTCA"},
	{682, "QUERY COUNTERS NIC LINUX1 0700", 2560, "is a CTCA"},
	{683, "QUERY CTCA LINUX1/0600", 2561, "is no CTCA"},
	{684, "COUPLE LINUX1/0700 LINUX2 0600", 2561, "LINUX2/0600 is no CTCA"},
	{685, "COUPLE LINUX1/0700 * 0700", 2562, "cannot be coupled to itself"},
	{686, "COUPLE LINUX1/0700", 26, "userid and vdev of the other CTCA"},
	{687, "COUPLE LINUX1/0700 LINUX2 0X00", 22, "0X00"},
	{688, "COUPLE LINUX1/0700 SYSTEM VSW1", 22, "VSW1"},
	{689, "COUPLE LINUX1/0700 LINUX2 0799", 40, "LINUX2/0799"},
	{690, "UNCOUPLE LINUX1/0700", 2148, "already disconnected"},
	{691, "DEFINE CTCA LINUX2/0700", 0, ""},
	{692, "DEFINE CTCA LINUX3/0700", 0, ""},
	{693, "COUPLE LINUX2/0700 TO LINUX1 0700", 0, "CTCA 0700 COUPLE TO LINUX1 0700\n"},
	{694, "COUPLE LINUX3/0700 TO LINUX2 0700", 2564,
	 "LINUX2/0700 is already coupled to LINUX1/0700"},
	{695, "QUERY CTCA USER LINUX1", 0, "CTCA 0700  Owner: LINUX1    COUPLED TO LINUX2 0700\n"},
	{696, "QUERY VIRTUAL CTCA LINUX3/0700", 0, "NOT COUPLED\n"},
	{697, "UNCOUPLE LINUX1/0700", 0, "CTCA 0700 DROP FROM LINUX2 0700\n"},
	{698, "DETACH CTCA LINUX3/0700", 0, "CTCA 0700 DETACHED\n"},
	{699, "DEFINE VSWITCH IPX IP", 0, ""},
	{700, "SET VSWITCH IPX GRANT SEVEN", 0, ""},
	{701, "DEFINE NIC USER SEVEN 0600 TYPE STREAM", 0, ""},
	{702, "COUPLE USER SEVEN 0600 TO SYSTEM IPX", 2570, "its TYPE speaks Ethernet"},
	{699, "DEFINE VSWITCH UPG UPLINK NIC LATE 0600", 0, "created"},
	{700, "QUERY VSWITCH UPG", 0, "Waits for the NIC, which does not exist"},
	{701, "DEFINE NIC LATE/0600", 0, "created"},
	{702, "QUERY VSWITCH UPG", 0, "No guest is ready there"},
	{703, "QUERY NIC LATE/0600", 0, "Uplink of VSWITCH: SYSTEM UPG"},
	{704, "QUERY CONFIGURATION", 0, "DEFINE VSWITCH UPG ETHERNET UPLINK NIC LATE/0600 "},
	{705, "COUPLE LATE/0600 SYSTEM VSW1", 2508,
	 "LATE/0600 is already an uplink device of VSWITCH SYSTEM UPG"},
	{706, "UNCOUPLE LATE/0600", 2508, "already an uplink device"},
	{707, "DEFINE VSWITCH UPH UPLINK NIC LATE/0600", 2508,
	 "already an uplink device of VSWITCH SYSTEM UPG"},
	{708, "SET VSWITCH UPG UPLINK NIC LINUX1/0600", 2120, "already connected to"},
	{709, "SET VSWITCH UPG UPLINK NIC LINUX1/0700", 2560, "is a CTCA"},
	{710, "DETACH LATE/0600", 0, "destroyed"},
	{711, "QUERY VSWITCH UPG", 0, "Waits for the NIC, which does not exist"},
	{712, "DETACH VSWITCH UPG", 0, ""},
};

START_TEST(test_errors)
{
	struct host h;
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, errors);
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
}
END_TEST

/* Every message of the list but those of failing memory and files is met by the rows above. */
START_TEST(test_messages_met)
{
	static const unsigned elsewhere[] = {2503, 2504, 2507, 2511, 2513, 2514, 2563, 2571};

	for (int m = 0; m < CP_MSG_COUNT; m++) {
		unsigned number = cp_message((enum cp_msg)m)->number;
		bool met = false;

		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
			met |= (unsigned)errors[i].rc == number;
		for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
			met |= elsewhere[i] == number;
		ck_assert_msg(met, "message %u is not tested", number);
		for (int k = 0; k < m; k++)
			ck_assert_uint_ne(cp_message((enum cp_msg)k)->number, number);
	}
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

START_TEST(test_authority)
{
	static const struct step before[] = {{1, "DEFINE VSWITCH VSW1", 0, ""},
					     {2, "DEFINE CTCA OTHER/0700 USER NOBODY", 0, ""},
					     {3, "DEFINE CTCA OTHER/0701", 0, ""}};
	static const struct cp_caller user = {.user = "LINUX1"};
	struct host h;
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, before);
	RUN(cp, &user, class_g);
	cp_destroy(cp);
}
END_TEST

/* ---- authorizations over time ----------------------------------------------------- */

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
	struct cp *cp = make(&h);

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
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, before);
	ck_assert(cp_caller_resolve(cp, &who));
	RUN(cp, &who, as_two);
	cp_destroy(cp);
}
END_TEST

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

static void run_and_restore(const struct step *s, size_t n);

START_TEST(test_ports)
{
	run_and_restore(ports, sizeof(ports) / sizeof(ports[0]));
	run_and_restore(vmlan, sizeof(vmlan) / sizeof(vmlan[0]));
	run_and_restore(transient, sizeof(transient) / sizeof(transient[0]));
	run_and_restore(limits, sizeof(limits) / sizeof(limits[0]));
	run_and_restore(promisc, sizeof(promisc) / sizeof(promisc[0]));
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
	struct cp *cp = make(&h);
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
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, before);
	RUN(cp, &user, of_g);
	RUN(cp, &operator_user, after);
	cp_destroy(cp);
}
END_TEST

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

START_TEST(test_grants)
{
	struct host h;
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, grants);
	cp_destroy(cp);
}
END_TEST

/* ---- abbreviations, and a table that does not contradict itself ------------------- */

START_TEST(test_abbreviations)
{
	static const struct {
		int n;
		const char *word, *keyword;
		bool yes;
	} row[] = {
		{1, "PORTT", "PORTType", true},
		{2, "PORT", "PORTType", false},
		{3, "porttype", "PORTType", true},
		{4, "PORTTYPES", "PORTType", false},
		{5, "VLAN", "VLAN", true},
		{6, "VLA", "VLAN", false},
		{7, "", "VLAN", false},
		{8, "OFF", "OFF|ON", true},
		{9, "O", "OFF|ON", false},
		{10, "Q", "Query VSWITCH", true},
		{11, "QUERYV", "Query VSWITCH", false},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_msg(cp_abbreviates(row[i].word, row[i].keyword) == row[i].yes, "row %d",
			      row[i].n);
}
END_TEST

/* The capital letters of a keyword phrase's first word. */
static void shortest(const char *words, char *least)
{
	while (*words && *words != ' ' && !(*words >= 'a' && *words <= 'z'))
		*least++ = *words++;
	*least = '\0';
}

static bool same_first_word(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && strncmp(a, b, n) == 0;
}

/* No abbreviation of a keyword means another one of the command. */
START_TEST(test_grammar)
{
	for (const struct cp_command *c = cp_commands(); c->words; c++) {
		for (const struct cp_operand *a = c->operands; a->help; a++) {
			char least[48];

			shortest(a->words, least);
			for (const struct cp_operand *b = c->operands; b->help; b++)
				ck_assert_msg((a->flags | b->flags) & CP_POSITIONAL ||
						      same_first_word(a->words, b->words) ||
						      !cp_abbreviates(least, b->words),
					      "%s: %s and %s", c->words, a->words, b->words);
		}
	}
}
END_TEST

/* ---- completion ------------------------------------------------------------------- */

START_TEST(test_completion)
{
	static const struct step before[] = {
		{1, "DEFINE VSWITCH VSW1", 0, ""},
		{2, "DEFINE VSWITCH VSW2", 0, ""},
		{3, "NICDEF LINUX1 0600", 0, ""},
	};
	static const struct {
		int n;
		const char *line, *want;
	} row[] = {
		{1, "de", "DEFINE\nDETACH\n"},
		{2, "define ", "CTCA\nLAN\nNIC\nRATEGROUP\nVSWITCH\n"},
		{3, "set vswitch v", "VSW1\nVSW2\n"},
		{4, "set vswitch vsw1 isolation ", "OFF\nON\n"},
		{5, "set vswitch vsw1 iso", "ISOLATION\n"},
		{6, "set vswitch vsw1 grant ", "LINUX1\n"},
		{7, "set vswitch vsw1 uplink t", "TAP\n"},
		{8, "couple linux1/600 system ", "VSW1\nVSW2\n"},
		{9, "define vswitch vsw3 vlan u", "UNAWARE\n"},
		{10, "q v", "VIRTUAL\nVMLAN\nVSWITCH\n"},
		{11, "help def", "DEFINE\n"},
		{12, "help define n", "NIC\n"},
		{13, "foo ", ""},
		{14, "\001", ""},
		{15, "shutdown ", ""},
	};
	struct host h;
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, before);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *got = cp_complete(cp, row[i].line);

		ck_assert_msg(strcmp(got, row[i].want) == 0, "row %d: %s gave %s", row[i].n,
			      row[i].line, got);
		free(got);
	}
	cp_destroy(cp);
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *query(struct cp *cp, const char *line)
{
	struct cp_reply r;
	json_t *o;

	ck_assert_int_eq(cp_execute(cp, &operator_user, line, &r), 0);
	o = json_incref(r.json);
	cp_reply_free(&r);
	return o;
}

START_TEST(test_json)
{
	static const struct step before[] = {
		{1, "DEFINE VSWITCH VSW1 VLAN 10 UPLINK TAP tap0", 0, ""},
		{2, "SET VSWITCH VSW1 GRANT LINUX1 PORTTYPE TRUNK VLAN 10-12 PROMISCUOUS", 0, ""},
		{3, "NICDEF LINUX1 0600 LAN SYSTEM VSW1", 0, ""},
		{4, "DEFINE NIC LINUX1/0700", 0, ""},
	};
	struct host h;
	struct cp *cp = make(&h);
	const char *name, *ifname, *mac, *owner, *vdev;
	int connected, vid, v0, rx, ready, waiting;
	struct cp_reply r;
	json_t *o;

	RUN(cp, &operator_user, before);
	o = query(cp, "QUERY VSWITCH VSW1");
	ck_assert_int_eq(json_unpack(o,
				     "{s:[{s:s, s:i, s:i, s:s, s:{s:s, s:b}, "
				     "s:[{s:s, s:[i,i,i]}], s:[{s:s, s:{s:{s:i}}}]}]}",
				     "vswitches", "name", &name, "connected", &connected,
				     "default_vid", &vid, "mac", &mac, "uplink", "ifname", &ifname,
				     "ready", &ready, "authorized", "userid", &owner, "vlans", &v0,
				     &v0, &v0, "adapters", "vdev", &vdev, "counters", "in",
				     "frames", &rx),
			 0);
	ck_assert_str_eq(name, "VSW1");
	ck_assert_int_eq(connected, 1);
	ck_assert_int_eq(vid, 10);
	ck_assert_str_eq(mac, "02:00:00:00:00:01");
	ck_assert_str_eq(ifname, "tap0");
	ck_assert_int_eq(ready, 1);
	ck_assert_str_eq(vdev, "0600");
	ck_assert_int_eq(v0, 12);
	json_decref(o);

	o = query(cp, "QUERY NIC USER LINUX1");
	ck_assert_int_eq(json_unpack(o, "{s:[{s:s, s:s, s:{s:s}}, {s:s, s:n, s:b}]}", "nics",
				     "vdev", &vdev, "mac", &mac, "lan", "name", &name, "vdev",
				     &vdev, "lan", "waiting", &waiting),
			 0);
	ck_assert_str_eq(name, "VSW1");
	ck_assert_int_eq(waiting, 0);
	json_decref(o);

	cp_execute(cp, &operator_user, "SET VSWITCH NONE ISOLATION ON", &r);
	ck_assert_int_eq(json_unpack(r.json, "{s:i, s:[{s:s, s:s, s:{s:i, s:i}}]}", "rc", &rx,
				     "errors", "message", &name, "operand", &owner, "smapi", "rc",
				     &vid, "rs", &v0),
			 0);
	ck_assert_int_eq(rx, 2040);
	ck_assert_str_eq(name, "ZLN2040E");
	ck_assert_str_eq(owner, "NONE");
	ck_assert_int_eq(vid, 212);
	ck_assert_int_eq(v0, 40);
	cp_reply_free(&r);
	cp_destroy(cp);
}
END_TEST

/* ---- configuration ---------------------------------------------------------------- */

/* Execute the configuration of cp in a fresh control program: it must be the same. */
static void round_trip(struct cp *cp, const char *what)
{
	struct host h;
	struct cp *fresh = make(&h);
	char *before = cp_configuration(cp), *copy = strdup(before), *next = NULL, *after;
	struct cp_reply r;

	for (char *line = strtok_r(copy, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		int rc = cp_execute(fresh, &operator_user, line, &r);

		ck_assert_msg(rc == 0, "%s: %s: %s\n%s", what, line, r.errors, before);
		cp_reply_free(&r);
	}
	after = cp_configuration(fresh);
	if (strcmp(before, after) != 0)
		fprintf(stderr, "%s:\n%s\nbecame\n%s", what, before, after);
	ck_assert_msg(strcmp(before, after) == 0, "%s", what);
	free(before);
	free(copy);
	free(after);
	cp_destroy(fresh);
}

static void run_and_restore(const struct step *s, size_t n)
{
	struct host h;
	struct cp *cp = make(&h);

	for (size_t i = 0; i < n; i++) {
		run_steps(cp, &operator_user, &s[i], 1);
		round_trip(cp, s[i].line);
	}
	cp_destroy(cp);
}

START_TEST(test_round_trip)
{
	struct host h;
	struct cp *cp = make(&h);

	round_trip(cp, "empty");
	for (size_t i = 0; i + 1 < sizeof(life) / sizeof(life[0]); i++) {
		run_steps(cp, &operator_user, &life[i], 1);
		round_trip(cp, life[i].line);
	}
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		run_steps(cp, &operator_user, &accounts[i], 1);
		round_trip(cp, accounts[i].line);
	}
	cp_destroy(cp);
	cp = make(&h);
	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		run_steps(cp, &operator_user, &grants[i], 1);
		round_trip(cp, grants[i].line);
	}
	cp_destroy(cp);
}
END_TEST

/* ---- random sequences ------------------------------------------------------------- */

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(d->state >> 33) % n;
}

/* Statements about few names, so that they meet. */
static const char *const random_form[] = {
	"DEFINE VSWITCH V%u VLAN 1%u",
	"DEFINE VSWITCH V%u VLAN AWARE PORTTYPE TRUNK NATIVE 1%u",
	"DEFINE VSWITCH V%u UPLINK TAP tap%u",
	"DEFINE VSWITCH V%u UPLINK TAP bad%u",
	"DETACH VSWITCH V%u",
	"DEFINE LAN L%u OWNERID U%u MAXCONN 2",
	"DEFINE LAN L%u OWNERID SYSTEM RESTRICTED GRANT U%u",
	"DETACH LAN L%u OWNERID U%u",
	"SET VSWITCH V%u GRANT U%u",
	"SET VSWITCH V%u GRANT U%u VLAN 1%u",
	"SET VSWITCH V%u GRANT U%u PORTTYPE TRUNK VLAN 1%u 20-2%u PROMISCUOUS",
	"SET VSWITCH V%u GRANT U%u PORTTYPE ACCESS",
	"SET VSWITCH V%u REVOKE U%u",
	"SET VSWITCH V%u PORTTYPE ACCESS",
	"SET VSWITCH V%u PORTTYPE TRUNK",
	"SET VSWITCH V%u VLAN 2%u ISOLATION ON",
	"SET VSWITCH V%u UPLINK TAP tap%u",
	"SET VSWITCH V%u UPLINK NONE",
	"SET VSWITCH V%u DISCONNECT",
	"SET VSWITCH V%u MACID 00000%u",
	"SET LAN L%u OWNERID U%u GRANT U%u PROMISCUOUS",
	"SET LAN L%u OWNERID SYSTEM REVOKE U%u",
	"DEFINE NIC U%u/060%u",
	"DEFINE NIC U%u/062%u TYPE STREAM",
	"DEFINE CTCA U%u/070%u",
	"DEFINE CTCA U%u/070%u USER U%u",
	"COUPLE U%u/0700 TO U%u 070%u",
	"SET VSWITCH V%u UPLINK NIC U%u 0600",
	"SET VSWITCH V%u UPLINK NIC U%u/060%u U%u/0610",
	"DEFINE VSWITCH V%u UPLINK NIC eth%u U%u/0600",
	"SET VSWITCH V%u CONNECT",
	"COUPLE U%u/0701 TO * 070%u",
	"UNCOUPLE U%u/070%u",
	"DETACH U%u/070%u",
	"NICDEF U%u 0600 LAN SYSTEM V%u",
	"NICDEF U%u 0600 LAN U%u L%u",
	"NICDEF U%u 0600 VLAN 1%u 2%u",
	"NICDEF U%u 0600 PORTTYPE TRUNK VLAN 1%u",
	"NICDEF U%u 0600 PORTTYPE ACCESS",
	"NICDEF U%u 0610 MACID 00000%u",
	"SET NIC U%u/0600 MACID SYSTEM",
	"SET NIC U%u/0600 MACPROTECT ON",
	"COUPLE U%u/0600 SYSTEM V%u",
	"COUPLE U%u/0600 SYSTEM L%u",
	"COUPLE U%u/0600 U%u L%u",
	"COUPLE U%u/0610 U%u L%u",
	"COUPLE U%u/0600",
	"UNCOUPLE U%u/0600",
	"DETACH U%u/0600",
	"DETACH U%u/061%u",
	"USER U%u UID 100%u",
	"USER U%u NOUID 100%u GID 5%u",
	"SET NIC U%u/0600 RATE IN 10%uM BURST 1%uK",
	"SET NIC U%u/0600 RATE OUT %u500K RATE IN OFF",
	"SET NIC U%u/0600 GUARANTEE 2%uM PQUPLINKTX HIGH",
	"SET NIC U%u/0600 WORKER %u",
	"SET VSWITCH V%u WORKER %u",
	"SET NIC U%u/0600 RATEGROUP G%u",
	"SET NIC U%u/0600 RATEGROUP NONE GUARANTEE OFF",
	"DEFINE RATEGROUP G%u IN 1%uG",
	"SET RATEGROUP G%u OUT 5%uM BURST 7777",
	"DETACH RATEGROUP G%u",
	"SET VSWITCH V%u RATE UPLINK OUT 1%uG PRIQUEUING PCP",
	"SET VSWITCH V%u RATE UPLINK IN OFF OUT OFF PRIQUEUING OFF",
	"SET VSWITCH V%u RATE VLAN 1%u IN 3%uM BURST 9000",
	"SET VSWITCH V%u RATE VLAN 1%u IN OFF OUT OFF",
	"QUERY RATEGROUP",
	"SET VSWITCH V%u MIRROR TO U%u 0600 FROM U%u 0610",
	"SET VSWITCH V%u MIRROR TO U%u/0600 MIRROR VLAN 1%u ONLY OUT",
	"SET VSWITCH V%u MIRROR OFF LOG ON",
	"TRSOURCE ID T%u TYPE LAN OWNER SYSTEM LANNAME V%u NIC U%u 0600",
	"TRSOURCE ID T%u TYPE LAN OWNER U%u LANNAME L%u VLAN 1%u DROPPED",
	"TRSOURCE ENABLE ID T%u",
	"TRSOURCE DROP ID T%u",
	"SET VSWITCH V%u VLANCOUNTERS ON LOG VERBOSE",
	"QUERY EVENTS",
	"DEFINE VSWITCH P%u PORTBASED VLAN 1%u",
	"SET VSWITCH P%u PORTNUMBER %u USERID U%u",
	"SET VSWITCH P%u PORTNUMBER %u USERID U%u PORTTYPE TRUNK VLAN 1%u 30",
	"SET VSWITCH P%u PORTNUMBER 1%u REMOVE",
	"SET VSWITCH P%u PORTNUMBER 1 REMOVE",
	"SET VSWITCH P%u VLANID 1%u ADD 1",
	"SET VSWITCH P%u VLANID 1%u REMOVE 1-2",
	"SET VSWITCH P%u VLANID 1%u DELETE",
	"COUPLE U%u/0600 SYSTEM P%u PORTNUMBER %u",
	"COUPLE U%u/0600 SYSTEM P%u",
	"COUPLE U%u/0610 SYSTEM P%u",
	"NICDEF U%u 0600 LAN SYSTEM P%u",
	"NICDEF U%u 0600 PORTNUMBER %u",
	"DETACH VSWITCH P%u",
	"SET NIC U%u/0600 PROMISCUOUS",
	"SET NIC U%u/0600 NOPROMISCUOUS",
	"SET VSWITCH V%u VEPA ON ISOLATION OFF",
	"SET VSWITCH V%u VEPA OFF",
	"SET VMLAN LIMIT TRANSIENT %u",
	"SET VMLAN LIMIT TRANSIENT INFINITE MACPROTECT ON",
	"SET VSWITCH V%u STORM BROADCAST 1%u",
	"SET VSWITCH V%u SNOOPING OFF",
	"SET VSWITCH V%u MVRP",
	"QUERY VMLAN",
	"QUERY VSWITCH DETAILS",
	"QUERY NIC DETAILS",
	"QUERY COUNTERS",
};

static void random_line(struct dice *d, char *line, size_t cap)
{
	unsigned k = roll(d, sizeof(random_form) / sizeof(random_form[0])), v[4];

	for (unsigned i = 0; i < 4; i++)
		v[i] = roll(d, 3);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(line, cap, random_form[k], v[0], v[1], v[2], v[3]);
#pragma GCC diagnostic pop
}

/* A sanitized build takes six times as long for a step. */
#ifdef __SANITIZE_ADDRESS__
#define RANDOM_STEPS 500u
#else
#define RANDOM_STEPS 1500u
#endif

/* A refused statement changes nothing; an accepted one can be written out and read again. */
START_TEST(test_random)
{
	const char *env = getenv("SEED");
	struct dice d = {env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL)};
	struct host h;
	struct cp *cp = make(&h);
	char line[128], what[160];

	printf("check_command: SEED=%llu\n", (unsigned long long)d.state);
	for (unsigned i = 0; i < RANDOM_STEPS; i++) {
		char *before = cp_configuration(cp), *after;
		unsigned changes = h.changed;
		struct cp_reply r;

		random_line(&d, line, sizeof(line));
		cp_execute(cp, &operator_user, line, &r);
		after = cp_configuration(cp);
		snprintf(what, sizeof(what), "step %u: %s", i, line);
		ck_assert_msg(r.rc == 0 || strcmp(before, after) == 0, "%s: refused, but\n%s\n%s",
			      what, before, after);
		ck_assert_msg(h.changed != changes || strcmp(before, after) == 0, "%s: not told",
			      what);
		if (strcmp(before, after) != 0)
			round_trip(cp, what);
		cp_reply_free(&r);
		free(before);
		free(after);
	}
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
}
END_TEST

/* ---- files ------------------------------------------------------------------------ */

struct report {
	char text[4096];
};

static void report(void *ctx, const char *text)
{
	struct report *r = ctx;
	size_t n = strlen(r->text);

	snprintf(r->text + n, sizeof(r->text) - n, "%s\n", text);
}

static const char *write_file(const char *content, size_t len)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/check_command.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, len), (ssize_t)len);
	close(fd);
	return path;
}

START_TEST(test_file)
{
	static const char good[] = "* a network\n"
				   "DEFINE VSWITCH VSW1 ,\n"
				   "   UPLINK TAP tap0\r\n"
				   "NICDEF LINUX1 0600 LAN SYSTEM VSW1\n"
				   "# end, without newline\n"
				   "SET VSWITCH VSW1 GRANT LINUX1";
	static const char bad[] = "DEFINE VSWITCH VSW1\n"
				  "FOO\n"
				  "\n"
				  "SET VSWITCH VSW1 GRANT LINUX1\n"
				  "SET VSWITCH VSW1 ,\n"
				  "  GRANT LINUX1\n"
				  "SET VSWITCH NONE GRANT LINUX1\n";
	struct report rep = {""};
	struct host h;
	struct cp *cp = make(&h);
	const char *path = write_file(good, sizeof(good) - 1);
	char want[512];

	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 0);
	ck_assert_uint_eq(h.opened, 0);
	ck_assert_uint_eq(h.changed, 0);
	ck_assert_ptr_null(cp_find_switch(cp, "VSW1"));
	ck_assert_int_eq(cp_execute_file(cp, path, false, report, &rep), 0);
	ck_assert_uint_eq(h.opened, 1);
	ck_assert_uint_eq(h.changed, 1);
	ck_assert_ptr_nonnull(cp_find_switch(cp, "vsw1"));
	ck_assert_ptr_nonnull(cp_find_port(cp, "linux1/600", NULL));
	/* against what exists now */
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 2);
	unlink(path);
	cp_destroy(cp);

	cp = make(&h);
	memset(&rep, 0, sizeof(rep));
	path = write_file(bad, sizeof(bad) - 1);
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 3);
	snprintf(want, sizeof(want),
		 "%s:2: ZLN2501E Unknown command - FOO; HELP lists the commands\n"
		 "%s:5: ZLN2044E LINUX1 is already authorized for VSW1\n"
		 "%s:7: ZLN2040E VSWITCH SYSTEM NONE does not exist; QUERY VSWITCH lists "
		 "them\n",
		 path, path, path);
	ck_assert_str_eq(rep.text, want);
	unlink(path);
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), -ENOENT);
	ck_assert_int_eq(cp_execute_file(cp, "/tmp", true, report, &rep), -EISDIR);
	ck_assert_int_eq(cp_execute_file(cp, "tests/data/sample.conf", true, report, &rep), 0);
	ck_assert_int_eq(cp_execute_file(cp, "tests/data/sample.conf", false, report, &rep), 0);
	ck_assert_ptr_nonnull(cp_find_port(cp, "LINUX2/0600", NULL));
	ck_assert_ptr_nonnull(cp_find_switch(cp, "SYSTEM.INNER"));
	cp_destroy(cp);
}
END_TEST

/* An uplink of a file that cannot be opened is kept and tried again. */
START_TEST(test_uplink_retry)
{
	static const char text[] = "DEFINE VSWITCH VSW1 UPLINK TAP tap0\n";
	static const struct step waiting[] = {{1, "Q VSWITCH VSW1", 0, "State: no such interface"}};
	static const struct step ready[] = {{1, "Q VSWITCH VSW1", 0, "State: Ready"}};
	const char *path = write_file(text, sizeof(text) - 1);
	struct host h;
	struct cp *cp = make(&h);

	h.broken = true;
	ck_assert_int_eq(cp_execute_file(cp, path, false, NULL, NULL), 0);
	unlink(path);
	ck_assert_ptr_nonnull(strstr(h.log, "ZLN2832E"));
	RUN(cp, &operator_user, waiting);
	h.broken = false;
	cp_tick(cp, 1);
	RUN(cp, &operator_user, waiting);
	cp_tick(cp, 10);
	RUN(cp, &operator_user, ready);
	round_trip(cp, "retry");
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
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

static const struct qdio_env_ops env_ops = {interrupt, pci, adapter_interrupt, kick};

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
	struct cp *cp = make(&h);
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
	struct cp *cp = make(&h);

	RUN(cp, &operator_user, ip_mode);
	round_trip(cp, "IP mode");
	cp_destroy(cp);
}
END_TEST

/* ---- hostile lines ---------------------------------------------------------------- */

static int run_long(struct cp *cp, const char *word, size_t words, size_t total)
{
	char *line = malloc(total + 1);
	size_t n = 0;
	struct cp_reply r;
	int rc;

	n = (size_t)snprintf(line, total + 1, "SET VSWITCH VSW1 GRANT X PORTTYPE TRUNK VLAN ");
	for (size_t i = 0; i < words && n + strlen(word) <= total; i++)
		n += (size_t)snprintf(line + n, total + 1 - n, "%s", word);
	while (n < total)
		line[n++] = ' ';
	line[n] = '\0';
	rc = cp_execute(cp, &operator_user, line, &r);
	cp_reply_free(&r);
	free(line);
	return rc;
}

START_TEST(test_long_lines)
{
	static const struct step before[] = {{1, "DEFINE VSWITCH VSW1 VLAN 10", 0, ""}};
	struct host h;
	struct cp *cp = make(&h);
	char list[4200] = "SET VSWITCH VSW1 GRANT Y PORTTYPE TRUNK VLAN";
	struct cp_reply r;

	RUN(cp, &operator_user, before);
	ck_assert_int_eq(run_long(cp, "7 ", 2000, 4096), 0);
	ck_assert_int_eq(run_long(cp, "7 ", 2000, 4097), 2505);
	ck_assert_int_eq(run_long(cp, "x", 4000, 4096), 2);
	ck_assert_int_eq(run_long(cp, "9", 4000, 4096), 2);
	for (unsigned v = 1; v <= 801; v += 2)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), " %u", v);
	ck_assert_int_eq(cp_execute(cp, &operator_user, list, &r), 2);
	ck_assert_ptr_nonnull(strstr(r.errors, "at most 400 separate ranges"));
	cp_reply_free(&r);
	*strrchr(list, ' ') = '\0';
	ck_assert_int_eq(cp_execute(cp, &operator_user, list, &r), 0);
	cp_reply_free(&r);
	round_trip(cp, "400 ranges");
	cp_destroy(cp);
}
END_TEST

/* Limits are messages. */
START_TEST(test_limits)
{
	struct host h;
	struct cp *cp = make(&h);
	char line[64];
	struct cp_reply r;
	int rc = 0;

	for (unsigned i = 0; i < 300 && rc == 0; i++) {
		snprintf(line, sizeof(line), "DEFINE LAN L%u", i);
		rc = cp_execute(cp, &operator_user, line, &r);
		ck_assert_int_eq(rc, i < 256 ? 0 : 2503);
		cp_reply_free(&r);
	}
	rc = 0;
	for (unsigned i = 0; i < 5000 && rc == 0; i++) {
		snprintf(line, sizeof(line), "NICDEF U%u 0600", i);
		rc = cp_execute(cp, &operator_user, line, &r);
		ck_assert_int_eq(rc, i < 4096 ? 0 : 2503);
		cp_reply_free(&r);
	}
	ck_assert_int_eq(rc, 2503);
	cp_destroy(cp);
}
END_TEST

/* ---- documentation ---------------------------------------------------------------- */

static char *read_doc(void)
{
	FILE *f = fopen("docs/commands.md", "r");
	char *doc = calloc(1, 1 << 18);

	ck_assert_msg(f != NULL, "docs/commands.md: run from the top folder");
	ck_assert_uint_gt(fread(doc, 1, (1 << 18) - 1, f), 1000);
	fclose(f);
	return doc;
}

/* The section of a command begins with what HELP prints, or says which command it is as. */
static void section(struct cp *cp, const char *doc, const char *words)
{
	char head[80], line[80];
	const char *at;
	struct cp_reply r;

	snprintf(head, sizeof(head), "\n## %s\n", words);
	at = strstr(doc, head);
	ck_assert_msg(at != NULL, "%s is not documented", words);
	at += strlen(head);
	if (strncmp(at, "As ", 3) == 0)
		return;
	ck_assert_msg(strncmp(at, "```\n", 4) == 0, "%s: no block of HELP", words);
	at += 4;
	snprintf(line, sizeof(line), "HELP %s", words);
	ck_assert_int_eq(cp_execute(cp, &operator_user, line, &r), 0);
	ck_assert_msg(strncmp(at, r.text, strlen(r.text)) == 0 &&
			      strncmp(at + strlen(r.text), "```\n", 4) == 0,
		      "docs/commands.md: the block of %s is not what HELP prints:\n%s", words,
		      r.text);
	cp_reply_free(&r);
}

/* The row of a message. &1 is *a* there. */
static void row(const char *doc, const struct cp_message *m)
{
	char want[512];
	size_t n = (size_t)snprintf(want, sizeof(want), "\n| ZLN%04uE | ", m->number);

	for (const char *s = m->text; *s && n + 4 < sizeof(want); s++) {
		if (*s != '&') {
			want[n++] = *s;
			continue;
		}
		n += (size_t)snprintf(want + n, sizeof(want) - n, "*%c*", 'a' + *++s - '1');
	}
	snprintf(want + n, sizeof(want) - n, " | %d/%d |\n", m->rc, m->rs);
	ck_assert_msg(strstr(doc, want) != NULL, "docs/commands.md has no row%s", want);
}

/* Every command, operand and message is in docs/commands.md, as it is printed. */
START_TEST(test_documented)
{
	char *doc = read_doc();
	struct host h;
	struct cp *cp = make(&h);

	for (const struct cp_command *c = cp_commands(); c->words; c++)
		section(cp, doc, c->words);
	for (int m = 0; m < CP_MSG_COUNT; m++)
		row(doc, cp_message((enum cp_msg)m));
	cp_destroy(cp);
	free(doc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("command");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_life);
	tcase_add_test(t, test_errors);
	tcase_add_test(t, test_messages_met);
	tcase_add_test(t, test_authority);
	tcase_add_test(t, test_accounts);
	tcase_add_test(t, test_class_g_of_two_users);
	tcase_add_test(t, test_grants);
	tcase_add_test(t, test_abbreviations);
	tcase_add_test(t, test_grammar);
	tcase_add_test(t, test_completion);
	tcase_add_test(t, test_json);
	tcase_add_test(t, test_ports);
	tcase_add_test(t, test_port_ranges);
	tcase_add_test(t, test_quotas);
	tcase_add_test(t, test_round_trip);
	tcase_add_test(t, test_random);
	tcase_add_test(t, test_file);
	tcase_add_test(t, test_uplink_retry);
	tcase_add_test(t, test_attach);
	tcase_add_test(t, test_ip_mode);
	tcase_add_test(t, test_long_lines);
	tcase_add_test(t, test_limits);
	tcase_add_test(t, test_documented);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
