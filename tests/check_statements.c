/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements do to frames: a control program whose NICs and uplink are fake ports. Each
 * attribute of a switch, a NIC or an authorization is set by its statement and seen in what gets
 * where. Then what is written down: the log by LOG's levels, counters of VLANs, accounting records,
 * and what traces cover.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "cp/cp_priv.h"
#include "tests/fakeport.h"

#define NO (-2)	   /* nothing arrived */
#define PLAIN (-1) /* untagged; else the tag's TCI */
#define ALL (-1)   /* the broadcast address */
#define NOBODY (-2)
#define FOREIGN (-3) /* an address that no port was given */

enum { A, B, C, S, UP, PORTS };
static const char *const nic_name[UP] = {"A/0600", "B/0600", "C/0600", "S/0600"};
static const uint8_t macs[PORTS][6] = {
	{2, 0, 0, 0, 1, 0xA}, {2, 0, 0, 0, 1, 0xB},    {2, 0, 0, 0, 1, 0xC},
	{2, 0, 0, 0, 1, 0xD}, {2, 0xEE, 0, 0, 1, 0xE},
};
static const struct cp_caller operator_user = {.user = "OPERATOR", .class_b = true};

struct rig {
	struct cp *cp;
	struct vs_worker *w;
	struct fake_port fake[PORTS], second; /* tap2 */
	uint64_t now_ms;
	struct vs_port *port[PORTS]; /* NULL: not there */
	char log[8192], accounts[8192];
	unsigned changed, acknowledged; /* of changed, what is on disk */
	struct vs_switch *traced;
	struct vs_port *traced_port;
	int tracing;
	bool layer3; /* guests are: they have 10.0.0.1 and so on */
};

static struct rig rig;

/* ---- the rig ------------------------------------------------------------------------------- */

static void *open_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			 char *err, size_t err_len)
{
	(void)kind;
	(void)err;
	(void)err_len;
	ck_assert_int_eq(link->ops->start(link->ctx, &fake_ops,
					  strcmp(arg, "tap2") == 0 ? &rig.second : &rig.fake[UP]),
			 0);
	return ctx;
}

static void close_uplink(void *ctx, void *uplink)
{
	ck_assert_ptr_eq(ctx, uplink);
	rig.port[UP] = NULL;
}

static struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	(void)ctx;
	(void)p;
	return rig.w;
}

static void append(char *text, size_t cap, const char *line)
{
	size_t n = strlen(text);

	snprintf(text + n, cap - n, "%s\n", line);
}

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	append(rig.log, sizeof(rig.log), line);
}

static void account(void *ctx, const char *line)
{
	(void)ctx;
	append(rig.accounts, sizeof(rig.accounts), line);
}

static void *open_trace(void *ctx, const char *id, const struct cp_capture_filter *filter,
			char *err, size_t err_len)
{
	(void)id;
	(void)filter;
	(void)err;
	(void)err_len;
	rig.tracing++;
	return ctx;
}

static void cover_trace(void *ctx, void *trace, struct vs_switch *sw, struct vs_port *port)
{
	ck_assert_ptr_eq(ctx, trace);
	rig.traced = sw;
	rig.traced_port = port;
}

static void close_trace(void *ctx, void *trace)
{
	ck_assert_ptr_eq(ctx, trace);
	rig.tracing--;
}

static void changed(void *ctx)
{
	(void)ctx;
	rig.changed++;
}

static void acknowledge(void *ctx)
{
	(void)ctx;
	rig.acknowledged = rig.changed;
}

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return rig.now_ms;
}

static void setup(void)
{
	const struct cp_hooks hooks = {.open_uplink = open_uplink,
				       .close_uplink = close_uplink,
				       .pick_worker = pick_worker,
				       .log = log_line,
				       .account = account,
				       .changed = changed,
				       .now_ms = now_ms,
				       .acknowledge = acknowledge,
				       .open_trace = open_trace,
				       .cover_trace = cover_trace,
				       .close_trace = close_trace,
				       .ctx = &rig};

	memset(&rig, 0, sizeof(rig));
	rig.w = vs_worker_create();
	rig.cp = cp_create(&hooks);
	ck_assert(rig.w && rig.cp);
	for (unsigned i = 0; i < PORTS; i++)
		fake_init(&rig.fake[i]);
	fake_init(&rig.second);
}

static void teardown(void)
{
	cp_destroy(rig.cp);
	vs_worker_destroy(rig.w);
	for (unsigned i = 0; i < PORTS; i++)
		fake_fini(&rig.fake[i]);
	fake_fini(&rig.second);
	ck_assert_int_eq(rig.tracing, 0);
}

static const uint8_t *ip_of(int who)
{
	static uint8_t ip[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 10};

	ip[15] = (uint8_t)(who + 1);
	return ip;
}

/* Guests begin to use the ports that are new. */
static void guests(void)
{
	for (unsigned i = 0; i < UP; i++) {
		struct vs_switch *sw;
		struct vs_port *p = cp_find_port(rig.cp, nic_name[i], &sw);
		struct vs_link l;

		if (p && p != rig.port[i]) {
			l = vs_port_link(p);
			if (rig.layer3)
				ck_assert_int_eq(l.ops->layer(l.ctx, 3), 0);
			ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &rig.fake[i]), 0);
			if (!cp_nic_find(rig.cp, (const char[]){nic_name[i][0], 0}, 0x600)
				     ->uplink_of)
				ck_assert_int_eq(l.ops->mac_add(l.ctx, macs[i]), 0);
			if (rig.layer3)
				ck_assert_int_eq(l.ops->ip_add(l.ctx, ip_of((int)i), 0), 0);
		}
		rig.port[i] = p;
	}
}

static const char *answer(const char *line, int rc)
{
	static char text[16384];
	struct cp_reply r;

	ck_assert_msg(cp_execute(rig.cp, &operator_user, line, &r) == rc, "%s: %s%s", line, r.text,
		      r.errors);
	snprintf(text, sizeof(text), "%s", r.text);
	cp_reply_free(&r);
	guests();
	return text;
}

static void does(const char *line)
{
	answer(line, 0);
}

static const uint8_t *address(int who)
{
	static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
			     nobody[6] = {2, 0xEE, 0, 0, 9, 9}, foreign[6] = {2, 0xFF, 0, 0, 9, 8};

	return who == ALL ? all : who == NOBODY ? nobody : who == FOREIGN ? foreign : macs[who];
}

static void sends(int from, int source, int to, int tci)
{
	uint8_t frame[128];
	uint32_t len = fake_frame(frame, address(to), address(source), tci, 100, 1);

	for (unsigned i = 0; i < PORTS; i++)
		fake_clear(&rig.fake[i]);
	ck_assert_ptr_nonnull(fake_inject(&rig.fake[from], frame, len));
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
}

static int got(unsigned i)
{
	const struct fake_frame *x = rig.fake[i].out;

	if (!rig.fake[i].n_out)
		return NO;
	ck_assert_uint_eq(rig.fake[i].n_out, 1);
	return x->data[12] == 0x81 ? x->data[14] << 8 | x->data[15] : PLAIN;
}

struct step {
	int n;
	const char *line; /* or NULL */
	int from, to, tci;
	int got[PORTS];
};

static void run(const struct step *s, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (s[k].line)
			does(s[k].line);
		sends(s[k].from, s[k].from, s[k].to, s[k].tci);
		for (unsigned i = 0; i < PORTS; i++)
			ck_assert_msg(got(i) == s[k].got[i], "step %d %s: port %u got %d, not %d",
				      s[k].n, s[k].line ? s[k].line : "", i, got(i), s[k].got[i]);
	}
}

#define RUN(s) run(s, sizeof(s) / sizeof((s)[0]))

/* NICs A, B, C and S, coupled to nothing. */
static void nics(void)
{
	does("NICDEF A 0600 MACID 00010A");
	does("NICDEF B 0600 MACID 00010B");
	does("NICDEF C 0600 MACID 00010C");
	does("NICDEF S 0600 MACID 00010D");
}

static void couple_all(const char *sw, const char *attributes)
{
	char line[160];

	for (unsigned i = 0; i < UP; i++) {
		snprintf(line, sizeof(line), "SET VSWITCH %s GRANT %c %s", sw, nic_name[i][0],
			 attributes);
		does(line);
		snprintf(line, sizeof(line), "COUPLE %s SYSTEM %s", nic_name[i], sw);
		does(line);
	}
}

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

	nics();
	does("DEFINE VSWITCH V UPLINK TAP tap0");
	couple_all("V", "");
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

	nics();
	does("DEFINE VSWITCH V UPLINK TAP tap0");
	couple_all("V", "");
	answer("SET NIC S/0600 PROMISCUOUS", 2534);
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
	nics();
	does("DEFINE VSWITCH V VLAN 10 NATIVE 1 UPLINK TAP tap0");
	couple_all("V", "");
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

	nics();
	does("DEFINE VSWITCH P VLAN 10 PORTBASED UPLINK TAP tap0");
	does("SET VSWITCH P PORTNUMBER 1 USERID A VLAN 10");
	does("SET VSWITCH P PORTNUMBER 2 USERID A VLAN 20");
	does("SET VSWITCH P PORTNUMBER 3 USERID B PORTTYPE TRUNK VLAN 20 30");
	answer("COUPLE C/0600 SYSTEM P", 6011);
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

	nics();
	does("DEFINE VSWITCH V VLAN 10");
	couple_all("V", "");
	answer("SET VSWITCH V UPLINK NIC C 0600", 2120);
	does("UNCOUPLE C/0600");
	RUN(steps);
	answer("COUPLE C/0600 SYSTEM V", 2508);
}
END_TEST

/* A bridge port has every VLAN, and learns. */
START_TEST(a_bridge_port)
{
	const struct cp_lan *lan;
	struct vs_counters c;

	nics();
	does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	couple_all("V", "");
	does("DEFINE LAN H OWNERID SYSTEM TYPE HIPERSOCKETS");
	does("SET VSWITCH V BRIDGEPORT LAN SYSTEM H");
	cp_tick(rig.cp, 1);
	ck_assert_ptr_nonnull(strstr(answer("QUERY VSWITCH V DETAILS", 0), "ACTIVE"));
	lan = cp_lan_find(rig.cp, "SYSTEM", "V");
	sends(A, A, ALL, PLAIN);
	sends(UP, UP, ALL, 20);
	sends(UP, UP, ALL, 4094);
	sends(UP, UP, ALL, PLAIN);
	vs_port_counters(lan->bridge.port, &c);
	ck_assert_uint_eq(c.tx_frames + c.tx_drop[VS_DROP_NO_RECEIVER], 4);
	does("SET VSWITCH V BRIDGEPORT NONE");
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

	nics();
	does("DEFINE VSWITCH V UPLINK TAP tap0");
	couple_all("V", "");
	for (unsigned k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		does(steps[k].line);
		sends(A, FOREIGN, B, PLAIN);
		ck_assert_msg((got(B) == PLAIN) == steps[k].passes, "step %d %s", steps[k].n,
			      steps[k].line);
		sends(A, A, B, PLAIN); /* its own always does */
		ck_assert_int_eq(got(B), PLAIN);
		sends(A, C, B, PLAIN); /* one that another has never does */
		ck_assert_int_eq(got(B), NO);
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

	nics();
	does("DEFINE VSWITCH V UPLINK TAP tap0");
	couple_all("V", "");
	does("SET VSWITCH V STORM BROADCAST 1");
	for (unsigned i = 0; i < 30; i++) {
		sends(A, A, ALL, PLAIN);
		passed += got(B) == PLAIN;
	}
	ck_assert_uint_ge(passed, 10); /* that many at once; one more a second */
	ck_assert_uint_lt(passed, 25);
	sends(A, A, B, PLAIN);
	ck_assert_int_eq(got(B), PLAIN);
	sends(C, C, ALL, PLAIN);
	ck_assert_int_eq(got(B), PLAIN);
	does("SET VSWITCH V STORM BROADCAST OFF");
	sends(A, A, ALL, PLAIN);
	ck_assert_int_eq(got(B), PLAIN);
}
END_TEST

/* ---- IP mode ----------------------------------------------------------------------------------
 */

/* An IPv4 packet of bytes that is not to be cut, by addresses of the last byte. */
static void sends_packet(int from, const uint8_t *to_mac, int source, int to, uint16_t bytes)
{
	uint8_t f[FAKE_BYTES] = {0}, *ip = f + 14;

	memcpy(f, to_mac, 6);
	memcpy(f + 6, macs[from], 6);
	be16_store(f + 12, 0x0800);
	ip[0] = 0x45;
	be16_store(ip + 2, bytes);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, ip_of(source) + 12, 4);
	memcpy(ip + 16, ip_of(to) + 12, 4);
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
	nics();
	does("DEFINE VSWITCH V IP UPLINK TAP tap0");
	does("SET VSWITCH V MACID 0000AA");
	couple_all("V", "");
	sends_packet(UP, own, 77, B, 60);
	ck_assert_int_eq(got(B), PLAIN);
	sends_packet(A, macs[UP], A, 77, 60);
	ck_assert_int_eq(got(UP), PLAIN);
	ck_assert_mem_eq(rig.fake[UP].out[0].data + 6, own, 6);
	/* what nobody has goes to the router, if the switch says so */
	ck_assert_int_eq(
		vs_port_link(rig.port[C]).ops->routing(rig.port[C], false, VS_ROUTING_PRIMARY), 0);
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(got(C), NO);
	does("SET VSWITCH V PRIROUTER");
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(got(C), PLAIN);
	does("SET VSWITCH V NONROUTER");
	sends_packet(UP, own, 77, 99, 60);
	ck_assert_int_eq(got(C), NO);
	/* what is too large for the path */
	does("SET VSWITCH V PATHMTUDISCOVERY VALUE 1000");
	sends_packet(A, macs[UP], A, 77, 1000);
	ck_assert_int_eq(got(UP), PLAIN);
	sends_packet(A, macs[UP], A, 77, 1001);
	ck_assert_int_eq(got(UP), NO);
	vs_port_counters(cp_lan_find(rig.cp, "SYSTEM", "V")->uplink.port, &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_PATH_MTU], 1);
	does("SET VSWITCH V PATHMTUDISCOVERY OFF");
	sends_packet(A, macs[UP], A, 77, 1001);
	ck_assert_int_eq(got(UP), PLAIN);
}
END_TEST

/* How long a host that was heard is shown. */
START_TEST(ip_timeout)
{
	static const uint8_t question[] = {0, 1, 8, 0, 6, 4, 0, 1}; /* ARP */
	uint8_t f[60] = {0};

	nics();
	does("DEFINE VSWITCH V UPLINK TAP tap0 IPTIMEOUT 2");
	couple_all("V", "");
	memset(f, 0xFF, 6);
	memcpy(f + 6, macs[A], 6);
	be16_store(f + 12, 0x0806);
	memcpy(f + 14, question, sizeof(question));
	memcpy(f + 22, macs[A], 6);
	memcpy(f + 28, ip_of(A) + 12, 4);
	memcpy(f + 38, ip_of(77) + 12, 4);
	cp_tick(rig.cp, 1);
	ck_assert_ptr_nonnull(fake_inject(&rig.fake[A], f, sizeof(f)));
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
	cp_punted(rig.cp, 1000);
	ck_assert_ptr_nonnull(strstr(answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
	cp_tick(rig.cp, 119);
	ck_assert_ptr_nonnull(strstr(answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
	cp_tick(rig.cp, 123);
	ck_assert_ptr_null(strstr(answer("QUERY VSWITCH V DETAILS", 0), "10.0.0.1"));
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

/* What time brings, and what comes of it. */
static void at(uint64_t ms)
{
	rig.now_ms = ms;
	for (unsigned i = 0; i < PORTS; i++)
		fake_clear(&rig.fake[i]);
	fake_clear(&rig.second);
	cp_due(rig.cp);
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
	cp_control_frames(rig.cp);
	cp_due(rig.cp);
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

	does("SET PORT GROUP G LACP INACTIVE");
	does("SET PORT GROUP G JOIN TAP tap1 tap2");
	does("DEFINE VSWITCH V GROUP G");
	at(5000);
	p = probe(&rig.fake[UP]);
	ck_assert(p && p->len == sizeof(frame) && probe(&rig.second));
	memcpy(frame, p->data, sizeof(frame));
	frame[24] ^= 1; /* another's number */
	fake_inject(&rig.second, frame, sizeof(frame));
	at(5001);
	ck_assert_ptr_null(strstr(rig.log, "ZLN2848W"));
	frame[24] ^= 1;
	fake_inject(&rig.second, frame, sizeof(frame) - 1); /* cut off */
	at(5002);
	ck_assert_ptr_null(strstr(rig.log, "ZLN2848W"));
	fake_inject(&rig.second, frame, sizeof(frame));
	at(5003);
	ck_assert_msg(strstr(rig.log, said) != NULL, "%s", rig.log);
	ck_assert_ptr_nonnull(strstr(answer("QUERY PORT GROUP G", 0), "tap1"));
	ck_assert_ptr_null(strstr(rig.log, over));
	at(8502);
	ck_assert_ptr_null(strstr(rig.log, over));
	at(8503);
	ck_assert_ptr_nonnull(strstr(rig.log, over));
	/* LACP finds out by itself */
	does("SET PORT GROUP G LACP ACTIVE");
	at(20000);
	ck_assert(!probe(&rig.fake[UP]) && !probe(&rig.second));
}
END_TEST

/* ---- seeing ---------------------------------------------------------------------------------- */

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

	nics();
	does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	couple_all("V", "");
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

	nics();
	does("DEFINE VSWITCH V VLAN 10 UPLINK TAP tap0");
	couple_all("V", "");
	sends(A, A, ALL, PLAIN);
	does("SET VSWITCH V VLANCOUNTERS ON");
	ck_assert_ptr_null(strstr(answer("QUERY VSWITCH V DETAILS", 0), "In Packets"));
	sends(A, A, ALL, PLAIN);
	sends(UP, UP, ALL, 20);
	ck_assert_msg(strstr(answer("QUERY VSWITCH V DETAILS", 0), both) != NULL, "%s",
		      answer("QUERY VSWITCH V DETAILS", 0));
	does("SET VSWITCH V VLANCOUNTERS OFF");
	ck_assert_ptr_null(strstr(answer("QUERY VSWITCH V DETAILS", 0), "In Packets"));
}
END_TEST

static bool logged(const char *what)
{
	bool found = strstr(rig.log, what);

	ck_assert_msg(!found || strstr(answer("QUERY EVENTS", 0), what), "QUERY EVENTS: %s", what);
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

	nics();
	does("DEFINE VSWITCH V");
	does("SET VSWITCH V GRANT A");
	for (unsigned k = 0; k < sizeof(level) / sizeof(level[0]); k++) {
		does(level[k].line);
		rig.log[0] = '\0';
		does("COUPLE A/0600 SYSTEM V");
		vs_port_link(rig.port[A]).ops->mac_del(rig.port[A], macs[A]);
		does("UNCOUPLE A/0600");
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

	nics();
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

	nics();
	does("DEFINE LAN L OWNERID SYSTEM ACCOUNTING ON");
	does("DEFINE LAN M OWNERID SYSTEM");
	does("COUPLE A/0600 SYSTEM L");
	does("COUPLE B/0600 SYSTEM L");
	does("COUPLE C/0600 SYSTEM M");
	sends(A, A, ALL, PLAIN);
	sends(A, A, B, PLAIN);
	sends(B, B, A, PLAIN);
	cp_tick(rig.cp, 1000);
	cp_tick(rig.cp, 1899);
	ck_assert_str_eq(rig.accounts, "");
	cp_tick(rig.cp, 1900);
	check_record("interval", "A/0600", of_a);
	check_record("interval", "B/0600", of_b);
	ck_assert_str_eq(rig.accounts, "");
	cp_tick(rig.cp, 1901);
	does("UNCOUPLE C/0600");
	ck_assert_str_eq(rig.accounts, "");
	does("UNCOUPLE A/0600");
	check_record("uncouple", "A/0600", of_a);
	does("DETACH LAN L OWNERID SYSTEM");
	check_record("uncouple", "B/0600", of_b);
	ck_assert_str_eq(rig.accounts, "");
	/* the end of zland is one for all */
	does("DEFINE LAN L OWNERID SYSTEM ACCOUNTING ON");
	does("COUPLE A/0600 SYSTEM L");
	does("COUPLE B/0600 SYSTEM L");
	sends(B, B, A, PLAIN);
	cp_destroy(rig.cp);
	rig.cp = NULL;
	check_record("uncouple", "A/0600", (const json_int_t[]){0, 0, 0, 1, 100, 0});
	check_record("uncouple", "B/0600", (const json_int_t[]){1, 100, 0, 0, 0, 0});
}
END_TEST

/* What a trace covers is what its names mean at the moment. */
START_TEST(what_traces_cover)
{
	nics();
	does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V TRUNK");
	ck_assert_ptr_nonnull(strstr(answer("TRSOURCE ENABLE ID T", 0), "waits for the network"));
	does("DEFINE VSWITCH V");
	ck_assert_ptr_null(rig.traced); /* no uplink */
	does("SET VSWITCH V UPLINK TAP tap0");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	ck_assert_ptr_nonnull(rig.traced_port);
	ck_assert_str_eq(vs_port_name(rig.traced_port), "tap0");
	does("SET VSWITCH V UPLINK NONE");
	ck_assert_ptr_null(rig.traced);
	does("TRSOURCE DISABLE ID T");
	does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V NIC A 0600");
	does("TRSOURCE ENABLE ID T");
	ck_assert_ptr_null(rig.traced);
	does("SET VSWITCH V GRANT A");
	does("COUPLE A/0600 SYSTEM V");
	ck_assert_ptr_eq(rig.traced_port, rig.port[A]);
	does("DETACH A/0600");
	ck_assert_ptr_null(rig.traced);
	does("TRSOURCE DISABLE ID T");
	does("TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V DROPPED");
	does("TRSOURCE ENABLE ID T");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	ck_assert_ptr_null(rig.traced_port);
	does("DETACH VSWITCH V");
	ck_assert_ptr_null(rig.traced);
	does("DEFINE VSWITCH V");
	ck_assert_ptr_eq(rig.traced, cp_find_switch(rig.cp, "V"));
	does("TRSOURCE DROP ID T");
	ck_assert_int_eq(rig.tracing, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("statements");
	TCase *t = tcase_create("statements");
	SRunner *sr;
	int failed;

	rcu_register_thread();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, isolation_and_vepa);
	tcase_add_test(t, sniffers);
	tcase_add_test(t, vlans_of_ports);
	tcase_add_test(t, vlans_of_numbered_ports);
	tcase_add_test(t, a_guest_as_uplink);
	tcase_add_test(t, a_bridge_port);
	tcase_add_test(t, protected_addresses);
	tcase_add_test(t, storms);
	tcase_add_test(t, loops);
	tcase_add_test(t, ip_mode);
	tcase_add_test(t, ip_timeout);
	tcase_add_test(t, mirrors);
	tcase_add_test(t, counters_of_vlans);
	tcase_add_test(t, log_levels);
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
