/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on a HiperSockets LAN: the list a host asks for (CHSC PNSO), and the events of changes. */
#include <errno.h>

#include "tests/vnicc_bed.h"

START_TEST(test_list)
{
	static struct table t;

	up(3);
	online(3, (struct guest_config){.layer = 3});
	ck_assert_int_eq(guest_mac_add(host[1].d, vm), 0);
	turn(2, OSA_CHAR_BRIDGE_INVISIBLE, true);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 4);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(owned_by(&t, mac_of(i), 0, i));
	ck_assert(owned_by(&t, vm, 0, 1));
	ask(0, QDIO_PNSO_BRIDGE, &t);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_int_eq(find(&t, mac_of(2)), -1);
	ck_assert_int_eq(guest_addresses(host[0].d, 1, true, t.a, 1), -EOPNOTSUPP);
	ck_assert_int_eq(guest_addresses(host[3].d, QDIO_PNSO_ALL, true, t.a, 1), -EOPNOTSUPP);
	hs_plug(host[0].ip.hs, NULL, NULL);
	ck_assert_int_eq(guest_addresses(host[0].d, QDIO_PNSO_ALL, true, t.a, 1), -EOPNOTSUPP);
	hs_plug(host[0].ip.hs, lan, NULL);
}
END_TEST

/* More than a block holds, and one that changes meanwhile. */
START_TEST(test_long_list)
{
	static struct table t;
	uint8_t mac[6] = {2, 1};

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	for (unsigned i = 0; i < 510; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 512);
	for (unsigned i = 0; i < 510; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert(owned_by(&t, mac, 0, 1));
	}
}
END_TEST

START_TEST(test_events)
{
	static struct table t;
	struct guest_address a[64];

	up(3);
	tick(1);
	turn(1, OSA_CHAR_LEARNING, true);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_int_eq(guest_mac_add(host[2].d, vm), 0);
	tell(0, &t);
	ck_assert_int_eq(find(&t, vm), -1); /* not before the tick */
	tick(2);
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 2));
	turn(2, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(1, vm, 0);
	tick(3);
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 1));
	tick(603); /* it has aged */
	tick(604); /* and host 0, whose turn was before, hears of it */
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 2));
	ck_assert_int_eq(guest_offline(host[2].d), 0);
	tick(605);
	tell(0, &t);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_int_eq(guest_vid_add(host[1].d, 7), 0);
	tick(606);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 64), 1);
	ck_assert_uint_eq(a[0].change, HS_CHANGE_VLAN);
	ck_assert_uint_eq(a[0].vid, 7);
	ck_assert_int_eq(guest_addresses(host[0].d, QDIO_PNSO_ALL, false, a, 64), 2);
	ck_assert_int_eq(guest_online(host[2].d), 0); /* nobody listens any more */
	tick(607);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 64), 0);
}
END_TEST

/* What is hidden from bridge ports is not told to who asked as one. */
START_TEST(test_events_bridge)
{
	static struct table t;
	struct guest_address a[8];

	up(2);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, true);
	ask(0, QDIO_PNSO_BRIDGE, &t);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_int_eq(guest_mac_add(host[1].d, vm), 0);
	tick(1);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 8), 0);
}
END_TEST

/* Too much between two ticks: told once, and nothing more until it asks again. */
START_TEST(test_overflow)
{
	static struct table t;
	uint8_t mac[6] = {2, 1};

	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	ask(0, QDIO_PNSO_ALL, &t);
	for (unsigned i = 0; i < 1200; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	tick(1);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, t.a, 64), -EOVERFLOW);
	speak(1, vm, 0);
	tick(2);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, t.a, 64), 0);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 3 + 512);
	ck_assert_int_eq(guest_mac_add(host[2].d, (const uint8_t[]){2, 7, 7, 7, 7, 7}), 0);
	tick(3);
	tell(0, &t);
	ck_assert_uint_eq(t.n, 4 + 512);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pnso");
	TCase *t = tcase("addresses");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_list);
	tcase_add_test(t, test_long_list);
	tcase_add_test(t, test_events);
	tcase_add_test(t, test_events_bridge);
	tcase_add_test(t, test_overflow);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
