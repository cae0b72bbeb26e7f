/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that a switch hears of, from ARP and neighbour discovery that pass, and announcements
 * of them when its uplink moves.
 */
#include "tests/ipbed.h"

#define LAN_UP 2u

static struct bed *lan(void)
{
	struct bed *b = bed_make(
		&(struct vs_switch_config){.name = "VSW", .snooping = true, .host_age_s = 60});

	for (unsigned i = 0; i < LAN_UP; i++)
		bed_port(b, i, guest(VS_TYPE_ACCESS, 0, NULL));
	bed_port(b, LAN_UP, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	vs_switch_tick(b->sw, 1000);
	return b;
}

START_TEST(heard_of)
{
	struct bed *b = lan();
	uint8_t f[256], mac[6], a[16];
	const uint8_t all6[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct vs_host h[VS_HOSTS_GUEST_MAX + 1];

	mac_of(0, mac);
	sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99));
	sent(b, 0, f, nd(f, all6, mac, ND_NEIGHBOUR_SOLICIT, -1, 1));
	sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, -1, 55)); /* a probe claims nothing yet */
	sent(b, LAN_UP, f, arp(f, bcast, far, -1, ARP_REQUEST, 99, 1));
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 2), 2);
	addr4(1, a);
	ck_assert_mem_eq(h[0].addr, a, 16);
	ck_assert_mem_eq(h[0].mac, mac, 6);
	addr6(1, a);
	ck_assert_mem_eq(h[1].addr, a, 16);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 2), 0);
	ck_assert_uint_eq(vs_port_hosts(b->port[LAN_UP], h, 2), 0);
	/* A sender that names another's MAC in its packet. */
	arp(f, bcast, mac, -1, ARP_REQUEST, 7, 99);
	memcpy(f + 22, far, 6);
	sent(b, 0, f, 60);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 8), 2);
	vs_switch_tick(b->sw, 1050);
	sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99));
	vs_switch_tick(b->sw, 1061);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 8), 1);
	ck_assert_uint_eq(h[0].age_s, 11);
	/* Many: the port's own loss. Only so many are taken note of at once. */
	for (unsigned k = 0; k < 200; k++) {
		vs_switch_tick(b->sw, 1062);
		atomic_store(&b->port[1]->heard_back_ns, 0);
		mac_of(1, mac);
		sent(b, 1, f, arp(f, bcast, mac, -1, ARP_REQUEST, (int)(100 + k), 99));
	}
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, VS_HOSTS_GUEST_MAX + 1), VS_HOSTS_GUEST_MAX);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 8), 1);
	bed_free(b);
}
END_TEST

/* Who never asks is heard by his answers, which go to one station: between others, and tagged. */
START_TEST(heard_answers)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW",
							    .snooping = true,
							    .host_age_s = 60,
							    .vlan_aware = _i,
							    .native_vid = 1});
	struct vs_port_config cfg = guest(_i ? VS_TYPE_TRUNK : VS_TYPE_ACCESS, 0, NULL);
	uint8_t f[256], mac[2][6], a[16];
	int vid = _i ? 10 : -1;
	struct vs_host h[4];

	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	for (unsigned i = 0; i < 2; i++) {
		bed_port(b, i, cfg);
		mac_of(i, mac[i]);
	}
	vs_switch_tick(b->sw, 1000);
	/* Frames of one run: the first is looked at, and a frame as the one before is not. */
	for (unsigned k = 0; k < 3; k++)
		fake_inject(&b->fake[1], f, fake_frame(f, mac[0], mac[1], vid, 80, 0));
	fake_inject(&b->fake[1], f, arp(f, mac[0], mac[1], vid, ARP_REPLY, 2, 1));
	for (unsigned k = 0; k < 3; k++)
		fake_inject(&b->fake[1], f, fake_frame(f, mac[0], mac[1], vid, 80, 0));
	run(b);
	ck_assert_uint_eq(b->fake[0].n_out, 7);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 4), 1);
	addr4(2, a);
	ck_assert_mem_eq(h[0].addr, a, 16);
	ck_assert_uint_eq(h[0].vid, _i ? 10 : 0);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 0);
	/* Again, when it would be forgotten. */
	vs_switch_tick(b->sw, 1050);
	sent(b, 1, f, arp(f, mac[0], mac[1], vid, ARP_REPLY, 2, 1));
	vs_switch_tick(b->sw, 1090);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 4), 1);
	ck_assert_uint_eq(h[0].age_s, 40);
	bed_free(b);
}
END_TEST

/*
 * The same in IPv6: from a guest that was silent, one that spoke IPv4, and one that says nothing
 * else. In the midst of other IPv6 it is not heard: that would cost every frame.
 */
static void told(struct bed *b, uint8_t mac[2][6], unsigned type, int vid, int from, unsigned about)
{
	uint8_t f[256];
	uint32_t len = nd(f, mac[0], mac[1], type, from, about);

	if (vid >= 0) {
		memmove(f + 16, f + 12, len - 12);
		be16_store(f + 12, 0x8100);
		be16_store(f + 14, (uint16_t)vid);
		len += 4;
	}
	ck_assert_uint_eq(sent(b, 1, f, len), 1);
}

START_TEST(heard_neighbours)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW",
							    .snooping = true,
							    .host_age_s = 60,
							    .vlan_aware = _i,
							    .native_vid = 1});
	struct vs_port_config cfg = guest(_i ? VS_TYPE_TRUNK : VS_TYPE_ACCESS, 0, NULL);
	uint8_t f[256], mac[2][6], a[16];
	int vid = _i ? 10 : -1;
	struct vs_host h[4];

	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	for (unsigned i = 0; i < 2; i++) {
		bed_port(b, i, cfg);
		mac_of(i, mac[i]);
	}
	vs_switch_tick(b->sw, 1000);
	told(b, mac, ND_NEIGHBOUR_ADVERT, vid, -1, 2);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 4), 1);
	addr6(2, a);
	ck_assert_mem_eq(h[0].addr, a, 16);
	ck_assert_uint_eq(h[0].vid, _i ? 10 : 0);
	/* Again, after nothing else, and after IPv4. */
	vs_switch_tick(b->sw, 1050);
	told(b, mac, ND_NEIGHBOUR_ADVERT, vid, -1, 2);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 4), 1);
	ck_assert_uint_eq(h[0].age_s, 0);
	sent(b, 1, f, packet4(f, mac[0], mac[1], vid, 1, 2, 80, false));
	told(b, mac, ND_NEIGHBOUR_SOLICIT, vid, 3, 1);
	ck_assert_uint_eq(vs_port_hosts(b->port[1], h, 4), 2);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 0);
	bed_free(b);
}
END_TEST

/* Between the start of a switch and its first tick there is no time yet. */
START_TEST(heard_at_once)
{
	struct vs_switch_config cfg = {.name = "VSW", .snooping = true, .host_age_s = 60};
	struct bed *b = bed_make(&cfg);
	uint8_t f[256], mac[6];
	struct vs_host h[4];

	bed_port(b, 0, guest(VS_TYPE_ACCESS, 0, NULL));
	bed_port(b, LAN_UP, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	mac_of(0, mac);
	sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99));
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 1);
	ck_assert_uint_eq(h[0].age_s, 0);
	vs_switch_tick(b->sw, 100000);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 1);
	ck_assert_uint_eq(h[0].age_s, 0);
	vs_switch_tick(b->sw, 100061);
	ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 0);
	bed_free(b);
}
END_TEST

START_TEST(heard_no_more)
{
	struct bed *b = lan();
	struct vs_switch_config cfg = b->sw->cfg;
	uint8_t f[256], mac[6];
	struct vs_host h[4];

	mac_of(0, mac);
	for (unsigned on = 2; on-- > 0;) {
		sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1 + (int)on, 99));
		ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), on);
		cfg.snooping = false;
		ck_assert_int_eq(vs_switch_configure(b->sw, &cfg), 0);
		ck_assert_uint_eq(vs_port_hosts(b->port[0], h, 4), 0);
	}
	bed_free(b);
}
END_TEST

START_TEST(heard_at_a_rate)
{
	struct bed *b = lan();
	uint8_t f[256], mac[6];
	struct vs_host h[64];

	mac_of(0, mac);
	for (unsigned k = 0; k < 100; k++)
		fake_inject(&b->fake[0], f, arp(f, bcast, mac, -1, ARP_REQUEST, (int)(1 + k), 200));
	run(b);
	ck_assert_uint_le(vs_port_hosts(b->port[0], h, 64), 12);
	bed_free(b);
}
END_TEST

/* Does a frame the port got begin like this? */
static bool has(struct bed *b, unsigned port, const uint8_t *f, uint32_t len)
{
	for (unsigned k = 0; k < b->fake[port].n_out; k++)
		if (memcmp(b->fake[port].out[k].data, f, len) == 0)
			return true;
	return false;
}

START_TEST(announcements)
{
	struct bed *b = _i ? ip_bed((struct vs_switch_config){.name = "IP"}) : lan();
	unsigned up = _i ? UP : LAN_UP;
	uint8_t f[256], mac[6];
	const uint8_t all6[6] = {0x33, 0x33, 0, 0, 0, 1};
	const uint8_t *from = _i ? own : mac;

	mac_of(0, mac);
	if (!_i) {
		sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99));
		sent(b, 0, f, nd(f, all6, mac, ND_NEIGHBOUR_SOLICIT, 1, 99));
	} else {
		uint8_t vipa[16];

		addr4(70, vipa);
		reg(b, 0, vipa, VS_IP_VIPA, 0);
	}
	clear(b);
	/* RARP: of the switch, or of each guest; two addresses of each. */
	ck_assert_uint_eq(vs_switch_announce(b->sw), _i ? 1 + 2 * UP : 2 + 2);
	ck_assert(has(b, up, f, arp(f, bcast, from, -1, ARP_REQUEST, 1, 1) - 18));
	nd(f, all6, from, ND_NEIGHBOUR_ADVERT, 1, 1);
	f[14 + 40 + 4] = 0x20;
	be16_store(f + 56, 0);
	be16_store(f + 56, sum_of(f + 22, 64, 58 + 32));
	ck_assert(has(b, up, f, 86));
	ck_assert(!has(b, up, f, arp(f, bcast, from, -1, ARP_REQUEST, 70, 70) - 18));
	bed_free(b);
}
END_TEST

/* Of the first and last VLAN, as of any other: in IP mode the switch's address, else the guest's.
 */
START_TEST(announced_in_every_vlan)
{
	static const uint16_t vids[] = {1, 10, 4094, 0};
	const struct vs_switch_config cfg = {
		.name = "V", .vlan_aware = true, .ip = _i, .mac = {0x02, 0xAA, 0, 0, 0, 1}};
	struct bed *b = bed_make(&cfg);
	uint8_t f[256], mac[6];
	unsigned rarps = 0;

	bed_port(b, 0, guest(VS_TYPE_TRUNK, 0, vids));
	bed_port(b, LAN_UP, (struct vs_port_config){.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK});
	mac_of(0, mac);
	ck_assert_uint_eq(vs_switch_announce(b->sw), 3);
	for (unsigned i = 0; i < 3; i++) {
		eth(f, bcast, _i ? own : mac, vids[i], 0x8035);
		rarps += has(b, LAN_UP, f, 18);
	}
	ck_assert_uint_eq(rarps, 3);
	bed_free(b);
}
END_TEST

/* Hosts beyond the uplink of a switch in IP mode. */
START_TEST(heard_outside)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP", .host_age_s = 60});
	uint8_t f[256], a[16];
	struct vs_host h[4];

	vs_switch_tick(b->sw, 1000);
	sent(b, UP, f, arp(f, own, far, -1, ARP_REPLY, 99, 1));
	ck_assert_uint_eq(vs_port_hosts(b->port[UP], h, 4), 1);
	addr4(99, a);
	ck_assert_mem_eq(h[0].addr, a, 16);
	ck_assert_mem_eq(h[0].mac, far, 6);
	vs_switch_tick(b->sw, 1061);
	ck_assert_uint_eq(vs_port_hosts(b->port[UP], h, 4), 0);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hosts");
	TCase *t = tcase_create("hosts");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, heard_of);
	tcase_add_loop_test(t, heard_answers, 0, 2);
	tcase_add_loop_test(t, heard_neighbours, 0, 2);
	tcase_add_test(t, heard_at_once);
	tcase_add_test(t, heard_no_more);
	tcase_add_test(t, heard_at_a_rate);
	tcase_add_loop_test(t, announcements, 0, 2);
	tcase_add_loop_test(t, announced_in_every_vlan, 0, 2);
	tcase_add_test(t, heard_outside);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
