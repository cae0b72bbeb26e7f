/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches in IP mode: the table against a naive one, what comes in by address, what leaves with
 * the switch's MAC, routers, the path's MTU.
 */
#include "tests/ipbed.h"

#include <errno.h>
#include <time.h>

#include "vswitch/lag.h"

START_TEST(who_may_start)
{
	struct vs_switch_config cfg = {.name = "IP", .ip = true};
	struct bed *b = bed_make(&cfg);
	struct vs_port_config c = guest(VS_TYPE_ACCESS, 0, NULL);
	struct vs_port *p = vs_port_create(b->sw, &c);
	struct vs_link l = vs_port_link(p);

	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), -EPROTONOSUPPORT);
	ck_assert_int_eq(l.ops->layer(l.ctx, 2), -EPROTONOSUPPORT);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), -EPROTONOSUPPORT);
	ck_assert_int_eq(l.ops->layer(l.ctx, 3), 0);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), 0);
	vs_port_destroy(p);
	bed_free(b);
	/* VEPA sends guests' frames out and back: they would all be the switch's. */
	cfg.vepa = true;
	ck_assert_ptr_null(vs_switch_create(&cfg));
}
END_TEST

/* The other way round, unless the network is for both layers. An uplink may be of any. */
START_TEST(who_may_start_on_ethernet)
{
	struct vs_switch_config cfg = {.name = "ETH", .layer2_only = true};
	struct bed *b = bed_make(&cfg);
	struct vs_port_config c = guest(VS_TYPE_ACCESS, 0, NULL);
	struct vs_port *p = vs_port_create(b->sw, &c);
	struct vs_link l = vs_port_link(p);

	ck_assert_int_eq(l.ops->layer(l.ctx, 3), -EPROTONOSUPPORT);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), -EPROTONOSUPPORT);
	cfg.layer2_only = false;
	ck_assert_int_eq(vs_switch_configure(b->sw, &cfg), 0);
	ck_assert_int_eq(l.ops->layer(l.ctx, 3), 0);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), 0);
	cfg.layer2_only = true;
	ck_assert_int_eq(vs_switch_configure(b->sw, &cfg), 0);
	ck_assert(vs_port_running(p)); /* who is up stays up */
	l.ops->stop(l.ctx);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), -EPROTONOSUPPORT);
	ck_assert_int_eq(l.ops->layer(l.ctx, 2), 0);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[0]), 0);
	vs_port_destroy(p);
	bed_free(b);
}
END_TEST

START_TEST(in_by_address)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	uint8_t f[256], mac[6];
	uint32_t len;

	for (unsigned i = 0; i < UP; i++) {
		mac_of(i, mac);
		len = packet4(f, own, far, -1, 99, i + 1, 60, true);
		ck_assert_uint_eq(sent(b, UP, f, len), 1u << i);
		ck_assert_mem_eq(out(b, i), mac, 6);
		ck_assert_mem_eq(out(b, i) + 6, far, 6);
		len = packet6(f, own, far, 99, i + 1, 60);
		ck_assert_uint_eq(sent(b, UP, f, len), 1u << i);
		len = arp(f, own, far, -1, ARP_REPLY, 99, i + 1);
		ck_assert_uint_eq(sent(b, UP, f, len), 1u << i);
	}
	/* Whom nobody has; to another station; no IP; as if from the switch. */
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, -1, 99, 77, 60, true)), 0);
	ck_assert_uint_eq(rx_drop(b, UP, VS_DROP_IP_UNKNOWN), 1);
	mac_of(1, mac);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, mac, far, -1, 99, 2, 60, true)), 0);
	ck_assert_uint_eq(rx_drop(b, UP, VS_DROP_UNKNOWN_UNICAST), 1);
	ck_assert_uint_eq(sent(b, UP, f, fake_frame(f, own, far, -1, 60, 3)), 0);
	ck_assert_uint_eq(rx_drop(b, UP, VS_DROP_NOT_IP), 1);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, bcast, own, -1, 99, 2, 60, true)), 0);
	ck_assert_uint_eq(rx_drop(b, UP, VS_DROP_SRC_SPOOFED), 1);
	/* A burst for several: trains end where the address changes. */
	clear(b);
	for (unsigned k = 0; k < 40; k++)
		fake_inject(&b->fake[UP], f, packet4(f, own, far, -1, 99, k / 3 % 5 + 1, 60, true));
	run(b);
	for (unsigned i = 0; i < UP; i++)
		for (unsigned k = 0; k < b->fake[i].n_out; k++)
			ck_assert_uint_eq(b->fake[i].out[k].data[14 + 19], i + 1);
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out + b->fake[2].n_out + b->fake[3].n_out,
			  34);
	bed_free(b);
}
END_TEST

/*
 * Bursts from a guest (port 0) and from outside, of short trains to some and packets that are
 * dropped between: each receiver gets its own, in their order.
 */
struct train {
	unsigned to; /* the port; PORTS: nobody */
	uint32_t len;
	uint8_t f[256];
};

static void make_from_guest(struct train *t)
{
	static const uint8_t up[6] = {0x02, 0xFA, 0, 0, 0, 9};
	unsigned what = (unsigned)rand() % 8;
	uint8_t mac[6], from[6];

	t->to = what < 4 ? 1 : what == 4 ? 2 : what == 5 ? UP : PORTS;
	mac_of(0, from);
	mac_of(t->to < UP ? t->to : 1, mac);
	t->len = packet4(t->f, t->to == UP ? up : what == 6 ? own : mac, from, -1, 1, 2, 60, false);
	if (what == 7 && rand() % 2)
		t->f[14] = 0x65; /* as IPv6 begins */
	else if (what == 7)
		be16_store(t->f + 12, 0x1234);
}

static void make_from_outside(struct train *t)
{
	unsigned what = (unsigned)rand() % 8, k = what < 4 ? 1 : what == 4 ? 3 : 77;
	uint8_t mac[6];

	t->to = k == 77 ? PORTS : k - 1;
	mac_of(1, mac);
	t->len = packet4(t->f, what == 6 ? mac : own, what == 7 ? own : far, -1, 99, k, 60, false);
}

static void run_trains(struct bed *b, unsigned from)
{
	unsigned n = 1 + (unsigned)rand() % 60, seen[PORTS] = {0};
	struct train t[60];

	clear(b);
	for (unsigned k = 0; k < n; k++) {
		if (k && rand() % 3)
			t[k] = t[k - 1];
		else if (from == UP)
			make_from_outside(&t[k]);
		else
			make_from_guest(&t[k]);
		t[k].f[14 + 50] = (uint8_t)k; /* which it is */
		fake_inject(&b->fake[from], t[k].f, t[k].len);
	}
	run(b);
	for (unsigned k = 0; k < n; k++) {
		if (t[k].to == PORTS)
			continue;
		ck_assert_uint_lt(seen[t[k].to], b->fake[t[k].to].n_out);
		ck_assert_uint_eq(b->fake[t[k].to].out[seen[t[k].to]++].data[14 + 50], k);
	}
	for (unsigned i = 0; i <= UP; i++)
		ck_assert_uint_eq(b->fake[i].n_out, seen[i]);
}

START_TEST(trains_with_gaps)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	unsigned seed = (unsigned)time(NULL);

	printf("trains_with_gaps: seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 400; round++)
		run_trains(b, round % 2 ? UP : 0);
	bed_free(b);
}
END_TEST

START_TEST(out_with_one_address)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	uint8_t f[256], mac[6], mac1[6];
	const uint8_t *o, all6[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct vs_link l = vs_port_link(b->port[1]);

	mac_of(0, mac);
	mac_of(1, mac1);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, all6), 0);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, far, mac, -1, 1, 99, 60, true)), 1u << UP);
	ck_assert_mem_eq(out(b, UP) + 6, own, 6);
	/* Guest to guest nothing is changed. */
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, mac1, mac, -1, 1, 2, 60, true)), 2);
	ck_assert_mem_eq(out(b, 1) + 6, mac, 6);
	/* A question goes to all; outside, the switch asks. */
	ck_assert_uint_eq(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99)),
			  0x0E | 1u << UP);
	ck_assert_mem_eq(out(b, UP) + 6, own, 6);
	ck_assert_mem_eq(out(b, UP) + 14 + 8, own, 6);
	for (unsigned i = 1; i < UP; i++) {
		ck_assert_mem_eq(out(b, i) + 6, mac, 6);
		ck_assert_mem_eq(out(b, i) + 14 + 8, mac, 6);
	}
	/* One for an address that is inside stays there; a claim of one's own does not. */
	ck_assert_uint_eq(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 2)), 0x0E);
	ck_assert_uint_eq(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 1)),
			  0x0E | 1u << UP);
	ck_assert_uint_eq(sent(b, 0, f, arp(f, far, mac, -1, ARP_REPLY, 1, 99)), 1u << UP);
	ck_assert_mem_eq(out(b, UP) + 14 + 8, own, 6);
	/* The same of neighbour discovery, with its checksum. */
	ck_assert_uint_eq(sent(b, 0, f, nd(f, all6, mac, ND_NEIGHBOUR_SOLICIT, 1, 99)),
			  2 | 1u << UP);
	o = out(b, UP);
	ck_assert_mem_eq(o + 6, own, 6);
	ck_assert_mem_eq(o + 14 + 40 + 26, own, 6);
	ck_assert_uint_eq(sum_of(o + 14 + 8, 64, 58 + 32), 0);
	o = out(b, 1);
	ck_assert_mem_eq(o + 6, mac, 6);
	ck_assert_mem_eq(o + 14 + 40 + 26, mac, 6);
	ck_assert_uint_eq(sum_of(o + 14 + 8, 64, 58 + 32), 0);
	ck_assert_uint_eq(sent(b, 0, f, nd(f, all6, mac, ND_NEIGHBOUR_SOLICIT, 1, 2)), 2);
	ck_assert_uint_eq(sent(b, 0, f, nd(f, far, mac, ND_NEIGHBOUR_ADVERT, 1, 1)), 1u << UP);
	ck_assert_uint_eq(sum_of(out(b, UP) + 14 + 8, 64, 58 + 32), 0);
	bed_free(b);
}
END_TEST

/* In one burst, data before and behind a question: order and bytes stay. */
START_TEST(out_in_order)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	uint8_t f[256], mac[6];

	mac_of(0, mac);
	for (unsigned k = 0; k < 60; k++) {
		uint32_t len = k % 7 == 3 ? arp(f, bcast, mac, -1, ARP_REQUEST, 1, 99)
					  : packet4(f, far, mac, -1, 1, 300 + k, 60, true);

		fake_inject(&b->fake[0], f, len);
	}
	run(b);
	ck_assert_uint_eq(b->fake[UP].n_out, 60);
	for (unsigned k = 0; k < 60; k++) {
		const uint8_t *o = b->fake[UP].out[k].data;

		ck_assert_mem_eq(o + 6, own, 6);
		if (k % 7 == 3)
			ck_assert_mem_eq(o + 22, own, 6);
		else
			ck_assert_uint_eq(be16_load(o + 32), 300 + k);
	}
	/* Guests, whose turn comes after the uplink's, get what was sent. */
	ck_assert_uint_eq(b->fake[1].n_out, 9);
	for (unsigned k = 0; k < 9; k++) {
		ck_assert_mem_eq(b->fake[1].out[k].data + 6, mac, 6);
		ck_assert_mem_eq(b->fake[1].out[k].data + 22, mac, 6);
	}
	bed_free(b);
}
END_TEST

START_TEST(guests_speak_for_themselves)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	uint8_t f[256], mac[6], mac1[6];

	mac_of(0, mac);
	mac_of(1, mac1);
	ck_assert_uint_eq(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 2, 99)), 0);
	ck_assert_uint_eq(sent(b, 0, f, arp(f, far, mac, -1, ARP_REPLY, 98, 99)), 0);
	ck_assert_uint_eq(sent(b, 0, f, nd(f, far, mac, ND_NEIGHBOUR_ADVERT, 1, 2)), 0);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, far, far, -1, 1, 99, 60, true)), 0);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_SRC_SPOOFED), 4);
	/* A probe has no sender. */
	ck_assert_uint_ne(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, -1, 50)), 0);
	ck_assert_uint_eq(sent(b, 0, f, fake_frame(f, far, mac, -1, 60, 3)), 0);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_NOT_IP), 1);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, own, mac, -1, 1, 99, 60, true)), 0);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_IP_UNKNOWN), 1);
	bed_free(b);
}
END_TEST

START_TEST(one_owner)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	struct vs_link l = vs_port_link(b->port[0]), l1 = vs_port_link(b->port[1]);
	struct vs_ip list[8];
	uint8_t f[256], a[16];
	uint32_t len = packet4(f, own, far, -1, 99, 1, 60, true);

	addr4(1, a);
	reg(b, 1, a, 0, -EEXIST);
	reg(b, 1, a, VS_IP_TAKEOVER, -EEXIST); /* both must allow it */
	reg(b, 0, a, 0, 0);
	addr4(40, a);
	reg(b, 0, a, VS_IP_TAKEOVER, 0);
	reg(b, 1, a, VS_IP_TAKEOVER, 0);
	ck_assert_uint_eq(vs_port_ips(b->port[0], list, 8), 2);
	ck_assert_uint_eq(vs_port_ips(b->port[1], list, 8), 3);
	ck_assert_int_eq(l.ops->ip_del(l.ctx, a), -ENOENT);
	ck_assert_int_eq(l1.ops->ip_del(l1.ctx, a), 0);
	memset(a, 0, 16);
	reg(b, 0, a, 0, -EINVAL);
	/* Who leaves has nothing. */
	ck_assert_uint_eq(sent(b, UP, f, len), 1);
	l.ops->stop(l.ctx);
	ck_assert_uint_eq(vs_port_ips(b->port[0], list, 8), 0);
	ck_assert_uint_eq(sent(b, UP, f, len), 0);
	addr4(1, a);
	reg(b, 1, a, 0, 0);
	ck_assert_uint_eq(sent(b, UP, f, len), 2);
	bed_free(b);
}
END_TEST

START_TEST(limits)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP"});
	uint8_t a[16];

	for (unsigned k = 2; k < VS_IPS_MAX; k++) {
		addr4(1000 + k, a);
		reg(b, 0, a, 0, 0);
	}
	addr4(5000, a);
	reg(b, 0, a, 0, -ENOSPC);
	reg(b, 1, a, 0, 0);
	bed_free(b);
}
END_TEST

/* ---- routers ------------------------------------------------------------------------------ */

static int routing(struct bed *b, unsigned port, bool v6, enum vs_routing type)
{
	struct vs_link l = vs_port_link(b->port[port]);

	return l.ops->routing(l.ctx, v6, type);
}

START_TEST(routers)
{
	struct vs_switch_config cfg = {.name = "IP", .ip_router = _i};
	struct bed *b = ip_bed(cfg);
	uint8_t f[256], f6[256], mac[6];
	uint32_t len = packet4(f, own, far, -1, 99, 77, 60, true);
	uint32_t len6 = packet6(f6, own, far, 99, 77, 60);
	unsigned two = _i ? 1u << 2 : 0, three = _i ? 1u << 3 : 0;

	ck_assert_uint_eq(sent(b, UP, f, len), 0);
	ck_assert_int_eq(routing(b, 2, false, VS_ROUTING_PRIMARY), 0);
	ck_assert_int_eq(routing(b, 1, false, VS_ROUTING_PRIMARY), -EEXIST);
	ck_assert_int_eq(routing(b, 3, false, VS_ROUTING_SECONDARY), 0);
	ck_assert_uint_eq(sent(b, UP, f, len), two);
	mac_of(2, mac);
	if (_i)
		ck_assert_mem_eq(out(b, 2), mac, 6);
	ck_assert_uint_eq(sent(b, UP, f6, len6), 0); /* of IPv4 only */
	ck_assert_uint_eq(sent(b, UP, f, arp(f, own, far, -1, ARP_REQUEST, 99, 77)), 0);
	len = packet4(f, own, far, -1, 99, 77, 60, true);
	ck_assert_int_eq(routing(b, 2, false, VS_ROUTING_NONE), 0);
	ck_assert_uint_eq(sent(b, UP, f, len), three);
	ck_assert_int_eq(routing(b, 3, true, VS_ROUTING_PRIMARY), 0);
	ck_assert_uint_eq(sent(b, UP, f6, len6), three);
	/* What the router sends on has others' addresses. */
	mac_of(3, mac);
	ck_assert_uint_eq(sent(b, 3, f, packet4(f, far, mac, -1, 77, 99, 60, true)), 1u << UP);
	bed_free(b);
}
END_TEST

START_TEST(vlans)
{
	struct vs_switch_config cfg = {.name = "IP", .vlan_aware = true, .ip_router = true};
	struct bed *b = ip_bed(cfg); /* 0, 1 in VLAN 10, 2, 3 in 11 */
	uint8_t f[256], a[16], mac[6];

	/* The same address once in each VLAN. */
	addr4(1, a);
	reg(b, 1, a, 0, -EEXIST);
	reg(b, 2, a, 0, 0);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 10, 99, 1, 60, true)), 1);
	ck_assert_int_eq(be16_load(out(b, 0) + 12), 0x0800);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 11, 99, 1, 60, true)), 4);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 12, 99, 1, 60, true)), 0);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 11, 99, 2, 60, true)), 0);
	/* A router of each VLAN. */
	ck_assert_int_eq(routing(b, 1, false, VS_ROUTING_PRIMARY), 0);
	ck_assert_int_eq(routing(b, 0, false, VS_ROUTING_PRIMARY), -EEXIST);
	ck_assert_int_eq(routing(b, 3, false, VS_ROUTING_PRIMARY), 0);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 10, 99, 77, 60, true)), 2);
	ck_assert_uint_eq(sent(b, UP, f, packet4(f, own, far, 11, 99, 77, 60, true)), 8);
	/* Out with the tag; one's question about the other VLAN's address leaves. */
	mac_of(0, mac);
	ck_assert_uint_eq(sent(b, 0, f, arp(f, bcast, mac, -1, ARP_REQUEST, 1, 3)), 2 | 1u << UP);
	ck_assert_int_eq(be16_load(out(b, UP) + 12), 0x8100);
	ck_assert_int_eq(be16_load(out(b, UP) + 14), 10);
	ck_assert_mem_eq(out(b, UP) + 18 + 8, own, 6);
	bed_free(b);
}
END_TEST

/* ---- the path's MTU ------------------------------------------------------------------------ */

static void on_punted(void *ctx, const struct vs_punted *f)
{
	struct bed *b = ctx;

	ck_assert_int_eq((int)f->kind, VS_PUNT_PATH_MTU);
	ck_assert_int_eq(vs_path_mtu_frame(b->sw, f), 0);
}

/* 0: what the device takes; 1: a value; 2: off */
START_TEST(path_mtu)
{
	static const uint32_t set[] = {VS_PATH_MTU_EXTERNAL, 1200, VS_PATH_MTU_OFF};
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP", .path_mtu = set[_i]});
	uint8_t f[2048], mac[6], a[16];
	const uint8_t *o;
	uint32_t len;
	struct vs_counters c;

	b->fake[UP].frame_max = 1218;
	mac_of(0, mac);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, far, mac, -1, 1, 99, 1200, true)), 1u << UP);
	len = packet4(f, far, mac, -1, 1, 99, 1201, true);
	if (_i == 2) {
		ck_assert_uint_eq(sent(b, 0, f, len), 1u << UP);
		bed_free(b);
		return;
	}
	ck_assert_uint_eq(sent(b, 0, f, len), 0);
	vs_port_counters(b->port[UP], &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_PATH_MTU], 1);
	ck_assert_uint_eq(vs_switch_punted(b->sw, on_punted, b), 1);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	o = out(b, 0);
	ck_assert_mem_eq(o, mac, 6);
	ck_assert_mem_eq(o + 6, own, 6);
	ck_assert_uint_eq(sum_of(o + 14, 20, 0), 0);
	addr4(1, a);
	ck_assert_mem_eq(o + 30, a + 12, 4);
	ck_assert_int_eq(o[34], 3);
	ck_assert_int_eq(o[35], 4);
	ck_assert_uint_eq(be16_load(o + 40), 1200);
	ck_assert_uint_eq(be16_load(o + 16), 576);
	ck_assert_uint_eq(sum_of(o + 34, 556, 0), 0);
	ck_assert_mem_eq(o + 42, f + 14, 548);
	/* May be cut on its way: the device's matter. */
	len = packet4(f, far, mac, -1, 1, 99, 1201, false);
	ck_assert_uint_eq(sent(b, 0, f, len), 1u << UP);
	len = packet6(f, far, mac, 1, 99, 1201);
	ck_assert_uint_eq(sent(b, 0, f, len), 0);
	ck_assert_uint_eq(vs_switch_punted(b->sw, on_punted, b), 1);
	o = out(b, 0);
	ck_assert_int_eq(o[54], 2);
	ck_assert_uint_eq(be32_load(o + 58), 1200);
	ck_assert_uint_eq(be16_load(o + 18), 8 + 1201);
	ck_assert_uint_eq(sum_of(o + 22, 32 + 8 + 1201, 58 + 8 + 1201), 0);
	/* Guest to guest there is no such limit. A flood is not answered for ever. */
	mac_of(1, a);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, a, mac, -1, 1, 2, 1900, true)), 2);
	clear(b);
	for (unsigned k = 0; k < 200; k++)
		fake_inject(&b->fake[0], f, packet4(f, far, mac, -1, 1, 99, 1300, true));
	run(b);
	ck_assert_uint_le(vs_switch_punted(b->sw, on_punted, b), 20);
	bed_free(b);
}
END_TEST

/* Of a frame that will be cut the segments count. */
START_TEST(path_mtu_of_segments)
{
	struct bed *b = ip_bed((struct vs_switch_config){.name = "IP", .path_mtu = 1000});
	uint8_t f[2048], mac[6];
	uint32_t len;

	mac_of(0, mac);
	len = packet4(f, far, mac, -1, 1, 99, 1900, true);
	f[14 + 9] = 6;
	for (unsigned k = 0; k < 2; k++) {
		struct fake_frame *x;

		b->fake[UP].caps = VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4;
		clear(b);
		x = fake_inject(&b->fake[0], f, len);
		x->flags = VS_F_CSUM_NEEDED | VS_F_GSO_TCP4;
		x->csum_start = 34;
		x->csum_offset = 16;
		x->hdrlen = 54;
		x->gso_size = k ? 961 : 960;
		run(b);
		ck_assert_uint_eq(b->fake[UP].n_out, 1 - k);
	}
	bed_free(b);
}
END_TEST

/* ---- an uplink of several devices ---------------------------------------------------------- */

#define DEVICES 2u

START_TEST(several_devices)
{
	struct vs_switch_config cfg = {.name = "IP", .ip = true, .mac = {0x02, 0xAA, 0, 0, 0, 1}};
	const struct vs_port_config up = {.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK};
	struct bed *b = bed_make(&cfg);
	struct vs_port *uplink = vs_port_create(b->sw, &up);
	struct vs_lag *lag = vs_lag_create(uplink, 1);
	uint8_t f[2048], mac[6];
	unsigned got = 0;

	bed_port(b, 0, guest(VS_TYPE_ACCESS, 0, NULL));
	reg4(b, 0, 1);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct vs_port_config m = {.role = VS_ROLE_MEMBER, .type = VS_TYPE_TRUNK};

		bed_port(b, 1 + i, m);
		b->fake[1 + i].frame_max = 1400 + 100 * i;
		vs_lag_join(lag, i, b->port[1 + i]);
		vs_lag_use(lag, i, true, true);
	}
	mac_of(0, mac);
	for (unsigned k = 0; k < 64; k++) {
		unsigned to = sent(b, 0, f, packet4(f, far, mac, -1, 1, 200 + k, 60, true));

		ck_assert(to == 2 || to == 4);
		ck_assert_mem_eq(out(b, to / 2) + 6, own, 6);
		got |= to;
	}
	ck_assert_uint_ne(got, 0);
	/* By either of them; to the guest. */
	for (unsigned i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(sent(b, 1 + i, f, packet4(f, own, far, -1, 99, 1, 60, true)), 1);
	/* The path's MTU is what all of them take. */
	ck_assert_uint_eq(vs_switch_path_mtu(b->sw), 1400 - 18);
	ck_assert_uint_eq(sent(b, 0, f, packet4(f, far, mac, -1, 1, 99, 1383, true)), 0);
	for (unsigned i = 0; i < DEVICES; i++)
		vs_lag_leave(lag, i);
	vs_lag_destroy(lag);
	vs_port_destroy(uplink);
	bed_free(b);
}
END_TEST

/* ---- the table ---------------------------------------------------------------------------- */

struct model {
	unsigned n;
	struct {
		uint8_t addr[16];
		uint16_t port;
	} e[4096];
};

static int model_find(const struct model *m, const uint8_t *addr, int port,
		      const struct bitmap *set)
{
	for (unsigned i = 0; i < m->n; i++)
		if (memcmp(m->e[i].addr, addr, 16) == 0 &&
		    (port < 0 ? bitmap_has(set, m->e[i].port) : m->e[i].port == port))
			return (int)i;
	return -1;
}

static void any_addr(uint8_t addr[16])
{
	if (random() & 1)
		addr4((unsigned)random() % 600, addr);
	else
		addr6((unsigned)random() % 600, addr);
}

static void check_find(const struct ip_table *t, const struct model *m, const struct bitmap *set)
{
	uint8_t addr[16];
	int i;

	any_addr(addr);
	i = model_find(m, addr, -1, set);
	ck_assert_uint_eq(ip_table_find(t, addr, set), i < 0 ? IP_PORT_NONE : m->e[i].port);
}

START_TEST(table_as_a_naive_one)
{
	unsigned seed = (unsigned)time(NULL);
	struct ip_table *t = ip_table_create(seed);
	struct model *m = calloc(1, sizeof(*m));
	struct bitmap set = {0};

	printf("table_as_a_naive_one: seed %u\n", seed);
	srandom(seed);
	for (unsigned k = 0; k < 20000; k++) {
		uint8_t addr[16];
		uint16_t port = (uint16_t)(random() % 9);
		int i;

		any_addr(addr);
		i = model_find(m, addr, port, NULL);
		ck_assert_int_eq(ip_table_of(t, addr, port) != NULL, i >= 0);
		if (i >= 0) {
			ip_table_del(t, ip_table_of(t, addr, port));
			m->n--;
			memmove(&m->e[i], &m->e[i + 1], (m->n - (unsigned)i) * sizeof(m->e[0]));
		} else if (m->n < 4096) {
			ck_assert_int_eq(ip_table_add(t, addr, port, 0), 0);
			memcpy(m->e[m->n].addr, addr, 16);
			m->e[m->n++].port = port;
		}
		if (random() & 1)
			bitmap_set(&set, (unsigned)random() % 9);
		else
			bitmap_clear(&set, (unsigned)random() % 9);
		check_find(t, m, &set);
		ck_assert_uint_eq(t->n, m->n);
	}
	ip_table_destroy(t);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipmode");
	TCase *t = tcase_create("ipmode");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, who_may_start);
	tcase_add_test(t, who_may_start_on_ethernet);
	tcase_add_test(t, in_by_address);
	tcase_add_test(t, trains_with_gaps);
	tcase_add_test(t, out_with_one_address);
	tcase_add_test(t, out_in_order);
	tcase_add_test(t, guests_speak_for_themselves);
	tcase_add_test(t, one_owner);
	tcase_add_test(t, limits);
	tcase_add_loop_test(t, routers, 0, 2);
	tcase_add_test(t, vlans);
	tcase_add_loop_test(t, path_mtu, 0, 3);
	tcase_add_test(t, path_mtu_of_segments);
	tcase_add_test(t, several_devices);
	tcase_add_test(t, table_as_a_naive_one);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
