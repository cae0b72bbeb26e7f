/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SET VSWITCH with other devices or another group: those that stay are the same ports, those that
 * go are closed, and a new one that does not open leaves everything as it was.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "cp/cp_priv.h"
#include "tests/command_bed.h"
#include "tests/fakeport.h"
#include "vswitch/lag.h"

static struct host h;
static struct cp *cp;

static void begin(void)
{
	cp = command_make(&h);
}

static void end(void)
{
	cp_destroy(cp);
}

static const struct cp_uplink *uplink(void)
{
	return &cp_lan_find(cp, "SYSTEM", "S")->uplink;
}

static const struct cp_device *device(const char *ifname)
{
	const struct cp_uplink *u = uplink();

	for (unsigned i = 0; i < u->n_dev; i++)
		if (strcmp(u->dev[i].ifname, ifname) == 0)
			return &u->dev[i];
	return NULL;
}

/* One statement, and how many devices it opens and closes. */
static void run(const char *line, int rc, unsigned opens, unsigned closes)
{
	struct host was = h;
	const struct step s = {1, line, rc, ""};

	command_run(cp, &operator_user, &s, 1);
	ck_assert_msg(h.opened - was.opened == opens && h.closed - was.closed == closes,
		      "%s: %u opened, %u closed", line, h.opened - was.opened,
		      h.closed - was.closed);
}

static void in_use(const char *ifname)
{
	const struct cp_uplink *u = uplink();

	ck_assert_int_ge(u->active, 0);
	ck_assert_str_eq(u->dev[u->active].ifname, ifname);
	if (u->lag)
		ck_assert(vs_lag_distributes(u->lag, u->dev[u->active].member));
}

START_TEST(one_and_several)
{
	struct vs_port *a;

	run("DEFINE VSWITCH S UPLINK TAP a", 0, 1, 0);
	a = uplink()->port;
	run("SET VSWITCH S UPLINK TAP a b", 0, 1, 0);
	ck_assert_ptr_nonnull(uplink()->lag);
	ck_assert_ptr_eq(device("a")->port, a);
	in_use("a");
	run("SET VSWITCH S UPLINK TAP b a c", 0, 1, 0);
	in_use("a"); /* no return to one that is preferred */
	ck_assert_ptr_eq(device("a")->port, a);
	run("SET VSWITCH S UPLINK TAP a", 0, 0, 2);
	/* One device alone costs frames nothing. */
	ck_assert_ptr_null(uplink()->lag);
	ck_assert_ptr_eq(uplink()->port, a);
	run("SET VSWITCH S UPLINK TAP a", 0, 0, 0);
	run("SET VSWITCH S UPLINK TAP d", 0, 1, 1);
	ck_assert_ptr_null(uplink()->lag);
	ck_assert_str_eq(vs_port_name(uplink()->port), "d");
	run("SET VSWITCH S UPLINK NONE", 0, 0, 1);
	ck_assert_ptr_null(uplink()->port);
}
END_TEST

START_TEST(all_others)
{
	struct vs_port *e;

	run("DEFINE VSWITCH S UPLINK TAP a b c", 0, 3, 0);
	run("SET VSWITCH S UPLINK TAP d e f", 0, 3, 3);
	in_use("d");
	e = device("e")->port;
	run("SET VSWITCH S UPLINK TAP e g h", 0, 2, 2);
	in_use("e");
	ck_assert_ptr_eq(device("e")->port, e);
	ck_assert_uint_eq(vs_lag_distributing(uplink()->lag), 1);
	run("SET VSWITCH S UPLINK DISCONNECT", 0, 0, 3);
	run("SET VSWITCH S UPLINK TAP e a", 0, 0, 0);
	run("SET VSWITCH S UPLINK CONNECT", 0, 2, 0);
}
END_TEST

START_TEST(one_that_does_not_open)
{
	struct vs_port *a, *b;

	run("DEFINE VSWITCH S UPLINK TAP a", 0, 1, 0);
	a = uplink()->port;
	run("SET VSWITCH S UPLINK TAP b bad", 2832, 1, 1);
	ck_assert_ptr_eq(uplink()->port, a);
	ck_assert_ptr_null(uplink()->lag);
	ck_assert_uint_eq(uplink()->n_dev, 1);
	run("SET VSWITCH S UPLINK TAP bad a", 2832, 0, 0);
	run("SET VSWITCH S UPLINK TAP a b", 0, 1, 0);
	b = device("b")->port;
	run("SET VSWITCH S SWITCHOVER", 0, 0, 0);
	run("SET VSWITCH S UPLINK TAP c bad d", 2832, 2, 2);
	in_use("b");
	ck_assert_ptr_eq(device("a")->port, a);
	ck_assert_ptr_eq(device("b")->port, b);
	command_round_trip(cp, "after a failure");
}
END_TEST

/* What would be in the way of the new one goes first, and comes back if that does not open. */
START_TEST(in_the_way)
{
	run("DEFINE VSWITCH S UPLINK DPDK \"d0,x=1\"", 0, 1, 0);
	run("SET VSWITCH S UPLINK DPDK \"d0,x=2\"", 0, 1, 1);
	ck_assert_str_eq(uplink()->dev[0].ifname, "d0,x=2");
	h.broken = true;
	run("SET VSWITCH S UPLINK DPDK \"d0,x=3\"", 2832, 0, 1);
	ck_assert_str_eq(uplink()->dev[0].ifname, "d0,x=2");
	ck_assert_ptr_null(uplink()->port);
	h.broken = false;
	run("SET VSWITCH S UPLINK DPDK \"d0,x=2\"", 0, 1, 0);
	ck_assert_ptr_nonnull(uplink()->port);
}
END_TEST

static const struct step groups[] = {
	{1, "SET PORT GROUP G JOIN TAP g1 g2 LACP ACTIVE", 0, ""},
	{2, "SET PORT GROUP H JOIN TAP h1 bad1 LACP ACTIVE", 0, ""},
	{3, "SET PORT GROUP I JOIN TAP i1 LACP INACTIVE", 0, ""},
};

START_TEST(a_group_that_stays)
{
	const struct cp_group *g;
	struct vs_port *link[2], *a;
	struct lacp *lacp;

	RUN(cp, &operator_user, groups);
	run("DEFINE VSWITCH S GROUP G UPLINK TAP a", 0, 3, 0);
	g = uplink()->group;
	lacp = g->lacp;
	link[0] = g->member[0].port;
	link[1] = g->member[1].port;
	a = device("a")->port;
	ck_assert_ptr_nonnull(lacp);
	run("SET VSWITCH S UPLINK TAP b c", 0, 2, 1);
	run("SET VSWITCH S UPLINK TAP b bad", 2832, 0, 0);
	run("SET VSWITCH S UPLINK NONE", 0, 0, 2);
	run("SET VSWITCH S UPLINK TAP a", 0, 1, 0);
	/* Another that does not come up whole. */
	a = device("a")->port;
	run("SET VSWITCH S GROUP H", 2832, 1, 1);
	ck_assert_ptr_eq(uplink()->group, g);
	ck_assert_ptr_eq(g->lacp, lacp);
	ck_assert_ptr_eq(g->member[0].port, link[0]);
	ck_assert_ptr_eq(g->member[1].port, link[1]);
	ck_assert_ptr_eq(device("a")->port, a);
	run("SET PORT GROUP H DELETE", 0, 0, 0);
	run("SET VSWITCH S NOGROUP", 0, 0, 2);
	ck_assert_ptr_eq(uplink()->port, a);
	run("SET PORT GROUP G DELETE", 0, 0, 0);
}
END_TEST

START_TEST(a_group_for_another)
{
	struct vs_port *a;

	RUN(cp, &operator_user, groups);
	run("DEFINE VSWITCH S UPLINK TAP a", 0, 1, 0);
	a = uplink()->port;
	run("SET VSWITCH S GROUP I", 0, 1, 0);
	ck_assert_int_eq(uplink()->active, CP_ACTIVE_GROUP);
	ck_assert(vs_lag_distributes(uplink()->lag, uplink()->group->base));
	run("SET VSWITCH S GROUP G", 0, 2, 1);
	ck_assert_ptr_eq(device("a")->port, a);
	in_use("a"); /* as long as the group waits for its partner */
	run("SET PORT GROUP I LEAVE TAP i1 JOIN TAP i2", 0, 0, 0);
	run("SET VSWITCH S GROUP I", 0, 1, 2);
	ck_assert_int_eq(uplink()->active, CP_ACTIVE_GROUP);
	ck_assert(vs_lag_distributes(uplink()->lag, uplink()->group->base));
	run("SET VSWITCH S UPLINK NONE", 0, 0, 1);
	run("SET VSWITCH S NOGROUP UPLINK TAP a", 0, 1, 1);
	ck_assert_ptr_null(uplink()->lag);
}
END_TEST

/* A NIC's addresses are its port's: it is taken out and put in again where that port changes. */
START_TEST(a_guest)
{
	run("DEFINE NIC U/0600", 0, 0, 0);
	run("DEFINE VSWITCH S UPLINK NIC U/0600", 0, 0, 0);
	ck_assert_ptr_nonnull(uplink()->port);
	run("SET VSWITCH S UPLINK NIC U/0600 eth1", 0, 1, 0);
	ck_assert_ptr_nonnull(device("U/0600")->port);
	run("SET VSWITCH S UPLINK NIC eth1", 0, 0, 0);
	run("SET VSWITCH S UPLINK NIC eth1 U/0600", 0, 0, 0);
	run("SET VSWITCH S UPLINK NIC U/0600", 0, 0, 1);
	ck_assert_ptr_null(uplink()->lag);
	ck_assert_ptr_eq(uplink()->port, device("U/0600")->port);
	run("SET VSWITCH S UPLINK NIC LATE/0600", 0, 0, 0);
	ck_assert_ptr_null(uplink()->port);
	run("SET VSWITCH S UPLINK NIC U/0600 LATE/0600", 0, 0, 0);
	run("DEFINE NIC LATE/0600", 0, 0, 0);
	ck_assert_ptr_nonnull(device("LATE/0600")->port);
}
END_TEST

/* ---- what an uplink has besides its devices ----------------------------------------------- */

static struct fake_port fake;

/* A device that runs. */
static void *start_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			  char *err, size_t err_len)
{
	(void)ctx;
	(void)kind;
	(void)err;
	(void)err_len;
	ck_assert_int_eq(link->ops->start(link->ctx, &fake_ops, &fake), 0);
	h.opened++;
	return strdup(arg);
}

/* Registration of VLANs is that of the port that is the uplink now. */
START_TEST(registration_goes_on)
{
	const struct cp_lan *lan;
	struct vs_port *a;

	fake_init(&fake);
	cp->hooks.open_uplink = start_uplink;
	run("DEFINE VSWITCH S VLAN 7 UPLINK TAP a", 0, 1, 0);
	lan = cp_lan_find(cp, "SYSTEM", "S");
	a = uplink()->port;
	cp_tick(cp, 1);
	ck_assert_ptr_nonnull(lan->mrp);
	ck_assert_ptr_eq(lan->mrp_port, a);
	run("SET VSWITCH S UPLINK TAP a b", 0, 1, 0);
	ck_assert_ptr_nonnull(lan->mrp);
	ck_assert_ptr_eq(lan->mrp_port, uplink()->port);
	ck_assert_ptr_ne(lan->mrp_port, a);
	run("SET VSWITCH S UPLINK TAP a", 0, 0, 1);
	ck_assert_ptr_eq(lan->mrp_port, a);
	cp_tick(cp, 2);
	ck_assert_ptr_eq(lan->mrp_port, a);
	/* Its link is still its port's. */
	ck_assert(vs_port_running(a));
	run("SET VSWITCH S UPLINK NONE", 0, 0, 1);
	ck_assert_ptr_null(lan->mrp);
	fake_fini(&fake);
}
END_TEST

/* ---- bridge ports ------------------------------------------------------------------------- */

static const void *without_carrier;

static const char *state_of(void *ctx, void *handle)
{
	(void)ctx;
	return handle == without_carrier ? "No carrier" : "Ready";
}

static enum hs_bridge_state bridge_of(const char *name)
{
	struct hs_bridge_info info;

	hs_bridge_info(cp_lan_find(cp, "SYSTEM", name)->bridge.hs, &info);
	return info.state;
}

/* The LAN's other bridge port takes over with the event, not with the second after it. */
START_TEST(carrier_of_a_bridge)
{
	const void *handle;

	cp->hooks.uplink_state = state_of;
	run("DEFINE LAN HS OWNERID SYSTEM TYPE HIPERSOCKETS", 0, 0, 0);
	run("DEFINE VSWITCH S UPLINK TAP a BRIDGEPORT LAN SYSTEM HS PRIMARY", 0, 1, 0);
	run("DEFINE VSWITCH B UPLINK TAP b BRIDGEPORT LAN SYSTEM HS", 0, 1, 0);
	ck_assert_int_eq(bridge_of("S"), HS_BRIDGE_ACTIVE);
	ck_assert_int_eq(bridge_of("B"), HS_BRIDGE_STANDBY);
	handle = device("a")->handle;
	without_carrier = handle;
	cp_uplink_changed(cp, handle);
	ck_assert_int_eq(bridge_of("S"), HS_BRIDGE_STANDBY);
	ck_assert_int_eq(bridge_of("B"), HS_BRIDGE_ACTIVE);
	without_carrier = NULL;
	cp_uplink_changed(cp, handle);
	ck_assert_int_eq(bridge_of("S"), HS_BRIDGE_ACTIVE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uplink");
	TCase *t = tcase_create("uplink");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, one_and_several);
	tcase_add_test(t, all_others);
	tcase_add_test(t, one_that_does_not_open);
	tcase_add_test(t, in_the_way);
	tcase_add_test(t, a_group_that_stays);
	tcase_add_test(t, a_group_for_another);
	tcase_add_test(t, a_guest);
	tcase_add_test(t, registration_goes_on);
	tcase_add_test(t, carrier_of_a_bridge);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
