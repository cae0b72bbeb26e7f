/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch: forwarding rules of spec/zvm-networking.md 3.2, isolation, VEPA, sources, sniffers,
 * offloads, captures, counters. VLANs: check_vlan.c.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "tests/switchbed.h"

/* ---- forwarding ------------------------------------------------------------------------ */

START_TEST(unicast_goes_to_its_port_only)
{
	struct bed *b = plain(3, true, false);

	send_one(b, 0, 2, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	ck_assert_uint_eq(b->fake[3].n_out, 0);
	ck_assert_uint_eq(b->fake[0].n_out, 0);
	send_one(b, 3, 1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	bed_free(b);
}
END_TEST

/* What one end sends the other gets, and nothing else: reserved, tagged and group sources as well.
 */
START_TEST(a_wire_looks_at_nothing)
{
	static const uint8_t dst[][6] = {{2, 9, 9, 9, 9, 9},
					 {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
					 {0x01, 0x80, 0xC2, 0, 0, 2},
					 {0x01, 0x00, 0x5E, 1, 2, 3},
					 {2, 0, 0, 0, 0, 1}};
	static const uint8_t src[][6] = {
		{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {2, 8, 8, 8, 8, 8}, {3, 0, 0, 0, 0, 1}};
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "CTCA", .kind = VS_KIND_WIRE});
	uint8_t frame[128];
	unsigned n = 0;

	bed_port(b, 0, guest(VS_TYPE_ACCESS, 0, NULL));
	send_one(b, 0, -1, -1);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_NO_RECEIVER), 1);
	bed_port(b, 1, guest(VS_TYPE_ACCESS, 0, NULL));
	for (unsigned d = 0; d < 5; d++)
		for (unsigned s = 0; s < 4; s++, n++) {
			uint32_t len = fake_frame(frame, dst[d], src[s], n % 2 ? 20 : -1, 100, n);

			ck_assert_ptr_nonnull(fake_inject(&b->fake[n % 2], frame, len));
			run(b);
			ck_assert_uint_eq(b->fake[!(n % 2)].n_out, 1);
			ck_assert_uint_eq(b->fake[n % 2].n_out, 0);
			ck_assert_int_eq(memcmp(b->fake[!(n % 2)].out->data, frame, len), 0);
			clear(b);
		}
	bed_free(b);
}
END_TEST

START_TEST(unknown_unicast)
{
	struct bed *b = plain(2, true, false);

	send_one(b, 0, -2, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	send_one(b, 2, -2, -1); /* from outside: dropped, the address is new there */
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out, 0);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_UNKNOWN_UNICAST), 1);
	bed_free(b);
	b = plain(2, false, false);
	send_one(b, 0, -2, -1);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_UNKNOWN_UNICAST), 1);
	bed_free(b);
}
END_TEST

START_TEST(multicast_by_registration)
{
	static const uint8_t g[6] = {0x01, 0x00, 0x5E, 1, 2, 3};
	static const uint8_t reserved[6] = {0x01, 0x80, 0xC2, 0, 0, 0x02};
	struct bed *b = plain(3, true, false);
	struct vs_link l = vs_port_link(b->port[2]);
	uint8_t frame[64], src[6];

	mac_of(0, src);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, g), 0);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, g), 0);
	fake_frame(frame, g, src, -1, 60, 1);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	ck_assert_uint_eq(b->fake[3].n_out, 1);
	clear(b);
	ck_assert_int_eq(l.ops->mac_del(l.ctx, g), 0);
	ck_assert_int_eq(l.ops->mac_del(l.ctx, g), -ENOENT);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	ck_assert_uint_eq(b->fake[3].n_out, 1); /* the uplink gets every group */
	clear(b);
	fake_frame(frame, reserved, src, -1, 60, 1);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[3].n_out, 0);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_RESERVED), 1);
	bed_free(b);
}
END_TEST

START_TEST(isolation)
{
	struct bed *b = plain(2, true, true);

	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_ISOLATED), 1);
	send_one(b, 0, -1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	send_one(b, 2, 1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	bed_free(b);
}
END_TEST

START_TEST(isolation_of_learners)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW"});
	struct vs_port_config cfg = guest(VS_TYPE_ACCESS, 0, NULL);

	cfg.learning = true;
	for (unsigned i = 0; i < 3; i++)
		bed_port(b, i, cfg);
	bed_port(b, 3, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	ck_assert_int_eq(vs_switch_configure(b->sw, &(struct vs_switch_config){.name = "VSW",
									       .isolation = true}),
			 0);
	send_one(b, 1, -1, -1);
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[2].n_out, 0);
	ck_assert_uint_eq(b->fake[3].n_out, 1);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(b->fake[3].n_out, 1);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_ISOLATED), 1);
	send_one(b, 3, 1, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	bed_free(b);
}
END_TEST

/* Guests' frames leave by the uplink; what is relayed back goes to the others. */
START_TEST(vepa)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW", .vepa = true});
	struct vs_port_config cfg = guest(VS_TYPE_ACCESS, 0, NULL);
	uint8_t back[128], src[6], dst[6];

	bed_port(b, 0, cfg);
	bed_port(b, 1, cfg);
	cfg.learning = true;
	bed_port(b, 2, cfg);
	bed_port(b, 3, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	for (unsigned from = 0; from < 3; from++)
		for (int to = -1; to < 3; to++) {
			unsigned got = 0, want = to == -1	   ? 7u & ~(1u << from)
						 : to == (int)from ? 0
								   : 1u << to;

			if (to == (int)from)
				continue;
			send_one(b, from, to, -1);
			ck_assert_uint_eq(b->fake[3].n_out, 1); /* out, and to nobody else */
			ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out + b->fake[2].n_out,
					  0);
			clear(b);
			mac_of(from, src);
			if (to >= 0)
				mac_of((unsigned)to, dst);
			fake_frame(back, to < 0 ? bcast : dst, src, -1, 100, from);
			fake_inject(&b->fake[3], back, 100);
			run(b);
			for (unsigned p = 0; p < 3; p++)
				got |= (unsigned)(b->fake[p].n_out == 1) << p;
			/* Port 2 has not spoken yet when 0 and 1 do: it may be meant. */
			ck_assert_msg(got == want, "%u to %d: %#x, not %#x", from, to, got, want);
			clear(b);
		}
	/* Its own address, from outside to itself: not to itself. */
	mac_of(2, src);
	fake_frame(back, src, src, -1, 100, 0);
	fake_inject(&b->fake[3], back, 100);
	run(b);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_HAIRPIN), 1);
	/* A guest's frame for a station outside, flooded by the bridge there: not out again. */
	mac_of(9, dst);
	fake_frame(back, src, dst, -1, 100, 0);
	fake_inject(&b->fake[3], back, 100);
	run(b);
	clear(b);
	fake_frame(back, dst, src, -1, 100, 0);
	fake_inject(&b->fake[3], back, 100);
	run(b);
	ck_assert_uint_eq(b->fake[3].n_out, 0);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_HAIRPIN), 2);
	ck_assert_int_eq(vs_switch_configure(b->sw, &(struct vs_switch_config){.vepa = true,
									       .isolation = true}),
			 -EINVAL);
	bed_free(b);
}
END_TEST

/* A sniffer with authority sees what isolation keeps from it as a guest. */
START_TEST(sniffer_of_an_isolated_switch)
{
	struct bed *b = plain(3, true, true);
	struct vs_port_config cfg = b->cfg[2];

	cfg.promisc_allowed = true;
	cfg.promisc = true;
	ck_assert_int_eq(vs_port_configure(b->port[2], &cfg), 0);
	send_one(b, 0, 1, -1);
	send_one(b, 0, -1, -1);
	send_one(b, 3, 1, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 3);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	cfg.promisc_allowed = false;
	ck_assert_int_eq(vs_port_configure(b->port[2], &cfg), 0);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 3);
	bed_free(b);
}
END_TEST

START_TEST(sources)
{
	struct bed *b = plain(2, true, false);
	uint8_t frame[64], a[6], c[6], group_src[6] = {0x03, 0, 0, 0, 0, 1}, own[6];
	struct vs_port_config cfg = b->cfg[0];

	mac_of(0, own);
	mac_of(1, a);
	mac_of(7, c);
	fake_frame(frame, a, group_src, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	fake_frame(frame, bcast, a, -1, 60, 0); /* port 1's address from port 0 */
	fake_inject(&b->fake[0], frame, 60);
	fake_inject(&b->fake[2], frame, 60); /* and from outside */
	fake_frame(frame, a, c, -1, 60, 0);  /* an address nobody registered: allowed */
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_SRC_GROUP), 1);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	cfg.mac_protect = 1;
	memcpy(cfg.own_mac, own, 6);
	ck_assert_int_eq(vs_port_configure(b->port[0], &cfg), 0);
	fake_inject(&b->fake[0], frame, 60);
	fake_frame(frame, a, own, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_SRC_PROTECTED), 1);
	ck_assert_uint_eq(b->fake[1].n_out, 2);
	ck_assert_int_eq(vs_port_link(b->port[0]).ops->mac_add(b->port[0], c), -EPERM);
	bed_free(b);
}
END_TEST

/* Protection binds a guest also to what it registered before. */
START_TEST(protection_comes_later)
{
	struct bed *b = plain(2, false, false);
	struct vs_link l = vs_port_link(b->port[0]);
	struct vs_port_config cfg = b->cfg[0];
	uint8_t frame[64], foreign[6], own[6], other[6];

	mac_of(7, foreign);
	mac_of(0, own);
	mac_of(1, other);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, foreign), 0);
	cfg.mac_protect = 1;
	memcpy(cfg.own_mac, own, 6);
	ck_assert_int_eq(vs_port_configure(b->port[0], &cfg), 0);
	fake_frame(frame, other, foreign, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	fake_frame(frame, foreign, other, -1, 60, 0);
	fake_inject(&b->fake[1], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 0, VS_DROP_SRC_PROTECTED), 1);
	ck_assert_uint_eq(rx_drop(b, 1, VS_DROP_UNKNOWN_UNICAST), 1);
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out, 0);
	send_one(b, 1, 0, -1);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	bed_free(b);
}
END_TEST

START_TEST(registration_is_exclusive)
{
	struct bed *b = plain(2, false, false);
	struct vs_link l = vs_port_link(b->port[1]);
	uint8_t mac[6], zero[6] = {0};

	mac_of(0, mac);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, mac), -EEXIST);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, zero), -EINVAL);
	ck_assert_int_eq(l.ops->mac_del(l.ctx, mac), -ENOENT);
	/* Many addresses: the table grows, every one is found, none too many. */
	for (unsigned i = 0; i < PORT_MACS_MAX - 1; i++) {
		const uint8_t m[6] = {0x02,	  1, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				      (uint8_t)i, 9};

		ck_assert_int_eq(l.ops->mac_add(l.ctx, m), 0);
	}
	mac[1] = 0x77;
	ck_assert_int_eq(l.ops->mac_add(l.ctx, mac), -ENOSPC);
	for (unsigned i = 0; i < PORT_MACS_MAX - 1; i += 37) {
		const uint8_t m[6] = {0x02,	  1, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				      (uint8_t)i, 9};
		uint8_t frame[64], src[6];

		mac_of(0, src);
		fake_frame(frame, m, src, -1, 60, i);
		fake_inject(&b->fake[0], frame, 60);
		run(b);
		ck_assert_uint_eq(b->fake[1].n_out, 1);
		clear(b);
	}
	l.ops->stop(l.ctx);
	ck_assert_uint_eq(vs_port_macs(b->port[1], NULL, 0), 0);
	mac_of(1, mac);
	ck_assert_int_eq(vs_port_link(b->port[0]).ops->mac_add(b->port[0], mac), 0);
	bed_free(b);
}
END_TEST

START_TEST(sniffer)
{
	struct bed *b = plain(3, true, false);
	struct vs_link l = vs_port_link(b->port[2]);
	struct vs_port_config cfg = b->cfg[2];

	ck_assert_int_eq(l.ops->promisc(l.ctx, true), -EPERM);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	cfg.promisc_allowed = true;
	ck_assert_int_eq(vs_port_configure(b->port[2], &cfg), 0);
	clear(b);
	send_one(b, 0, 1, -1);
	send_one(b, 3, 1, -1);
	send_one(b, 1, -1, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 3); /* the broadcast once, not twice */
	ck_assert_uint_eq(b->fake[1].n_out, 2);
	l.ops->promisc(l.ctx, false);
	clear(b);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	bed_free(b);
}
END_TEST

START_TEST(learning_at_the_uplink)
{
	struct bed *b = plain(2, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, a[6];
	size_t n;

	mac_of(0, a);
	fake_frame(frame, a, out, -1, 60, 0);
	fake_inject(&b->fake[2], frame, 60);
	vs_switch_tick(b->sw, 100);
	run(b);
	n = vs_fdb_list(b->sw, e, 16);
	ck_assert_uint_eq(n, 3);
	fake_frame(frame, out, out, -1, 60, 0); /* to itself: back where it came from */
	fake_inject(&b->fake[2], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_HAIRPIN), 1);
	/* A guest may register what was only learned. */
	ck_assert_int_eq(vs_port_link(b->port[1]).ops->mac_add(b->port[1], out), 0);
	fake_frame(frame, out, a, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	vs_switch_tick(b->sw, 100 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 3);
	bed_free(b);
}
END_TEST

/* Ports 0, 1: guests that register; 2, 3: guests that do not; 4: uplink if there is one. */
static struct bed *learners(bool uplink)
{
	struct vs_switch_config sw = {.name = "VSW1", .kind = VS_KIND_VSWITCH};
	struct bed *b = bed_make(&sw);
	struct vs_port_config cfg = guest(VS_TYPE_ACCESS, 0, NULL);

	bed_port(b, 0, cfg);
	bed_port(b, 1, cfg);
	cfg.learning = true;
	bed_port(b, 2, cfg);
	bed_port(b, 3, cfg);
	cfg.learning = false;
	cfg.role = VS_ROLE_UPLINK;
	if (uplink)
		bed_port(b, 4, cfg);
	return b;
}

/* Where one frame goes: from, to (as send_one), and a bit for every port it reaches. */
static const struct {
	unsigned n, from;
	int dst;
	unsigned without, with; /* an uplink */
} learner_rows[] = {
	{1, 0, 2, 0xC, 0x1C},			    /* not yet known: to both that may be meant */
	{2, 2, 0, 0x1, 0x1},   {3, 0, 2, 0x4, 0x4}, /* now it is */
	{4, 2, 3, 0x8, 0x18},  {5, 3, 2, 0x4, 0x4},   {6, 2, 3, 0x8, 0x8},
	{7, 0, -1, 0xE, 0x1E}, {8, 2, -1, 0xB, 0x1B}, {9, 0, 1, 0x2, 0x2},
};

START_TEST(guests_that_register_nothing)
{
	static const uint8_t group[6] = {0x01, 0, 0x5E, 1, 2, 3};
	struct bed *b = learners(_i);
	uint8_t frame[64], mac[6];

	for (size_t r = 0; r < sizeof(learner_rows) / sizeof(learner_rows[0]); r++) {
		unsigned want = _i ? learner_rows[r].with : learner_rows[r].without;
		unsigned got = 0;

		send_one(b, learner_rows[r].from, learner_rows[r].dst, -1);
		for (unsigned p = 0; p < PORTS; p++)
			if (b->port[p] && b->fake[p].n_out == 1)
				got |= 1u << p;
		ck_assert_msg(got == want, "row %u: %#x, not %#x", learner_rows[r].n, got, want);
		clear(b);
	}
	mac_of(0, mac);
	fake_frame(frame, group, mac, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, 0); /* it could have registered */
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	ck_assert_uint_eq(b->fake[3].n_out, 1);
	bed_free(b);
}
END_TEST

START_TEST(learned_addresses_are_not_taken_away)
{
	struct bed *b = learners(true);
	struct vs_link l = vs_port_link(b->port[2]);
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, mac[6];
	struct vs_port_config cfg = b->cfg[2];

	mac_of(0, mac);
	fake_frame(frame, mac, out, -1, 60, 0);
	vs_switch_tick(b->sw, 100);
	fake_inject(&b->fake[4], frame, 60); /* the gateway speaks */
	run(b);
	fake_inject(&b->fake[2], frame, 60); /* a guest says that it is the gateway */
	run(b);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	/* What nobody uses any more is free. */
	vs_switch_tick(b->sw, 100 + FDB_AGE_S + 1);
	fake_inject(&b->fake[2], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[0].n_out, 2);
	fake_inject(&b->fake[3], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_SRC_SPOOFED), 1);
	/* A stopped port has nothing. */
	l.ops->stop(l.ctx);
	fake_inject(&b->fake[3], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(b->fake[0].n_out, 3);
	/* From outside it may come back. */
	fake_inject(&b->fake[4], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 4, VS_DROP_SRC_SPOOFED), 0);
	ck_assert_uint_eq(b->fake[0].n_out, 4);
	cfg.learning = false;
	ck_assert_int_eq(vs_port_configure(b->port[2], &cfg), -EINVAL);
	bed_free(b);
}
END_TEST

START_TEST(a_guest_cannot_fill_the_table)
{
	struct bed *b = learners(true);
	static struct vs_fdb_entry e[8192];
	uint8_t frame[64], src[6] = {0x02, 0xBB, 0, 0, 0, 0}, mac[6];
	size_t n = 0;

	mac_of(0, mac);
	for (unsigned i = 0; i < 3000; i++) {
		if (i % 256 == 0)
			vs_switch_tick(b->sw, 100 + i / 256); /* tables grow */
		src[4] = (uint8_t)(i >> 8);
		src[5] = (uint8_t)i;
		fake_frame(frame, mac, src, -1, 60, 0);
		fake_inject(&b->fake[2], frame, 60);
		run(b);
		clear(b);
	}
	n = vs_fdb_list(b->sw, e, 8192);
	ck_assert_uint_gt(n, 900);
	ck_assert_uint_le(n, 2 + 1024);
	vs_switch_tick(b->sw, 1000);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 8192), 2);
	fake_inject(&b->fake[2], frame, 60); /* aged ones make room */
	run(b);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 8192), 3);
	bed_free(b);
}
END_TEST

/* Where all learned together too much: a port that has few takes the place of a flooder's. */
START_TEST(only_the_flooder_loses_entries)
{
	struct bed *b = learners(true);
	static struct vs_fdb_entry e[FDB_LEARNED_MAX + 16];
	uint8_t frame[64], flood[6] = {0x02, 0xCC, 0, 0, 0, 0}, src[6] = {0x02, 0xBB, 0, 0, 0, 0};
	unsigned of[PORTS] = {0};
	size_t n;

	for (unsigned i = 0; i < 70000; i++) { /* from outside */
		if (i % 256 == 0)
			vs_switch_tick(b->sw, 100 + i / 65536);
		flood[3] = (uint8_t)(i >> 16);
		flood[4] = (uint8_t)(i >> 8);
		flood[5] = (uint8_t)i;
		fake_frame(frame, bcast, flood, -1, 60, 0);
		fake_inject(&b->fake[4], frame, 60);
		run(b);
		clear(b);
	}
	for (unsigned i = 0; i < 400; i++) { /* two guests, after it */
		src[5] = (uint8_t)i;
		src[4] = (uint8_t)(i >> 8);
		fake_frame(frame, bcast, src, -1, 60, 0);
		fake_inject(&b->fake[2 + i / 200], frame, 60);
		run(b);
		clear(b);
	}
	n = vs_fdb_list(b->sw, e, FDB_LEARNED_MAX + 16);
	ck_assert_uint_eq(n, FDB_LEARNED_MAX + 2);
	for (size_t i = 0; i < n; i++)
		for (unsigned p = 0; p < PORTS; p++)
			of[p] += e[i].port == b->port[p];
	ck_assert_uint_eq(of[2], 200);
	ck_assert_uint_eq(of[3], 200);
	ck_assert_uint_eq(of[4], FDB_LEARNED_MAX - 400);
	bed_free(b);
}
END_TEST

/* What is learned before the first tick is not as old as the machine. */
START_TEST(learned_before_the_clock)
{
	struct bed *b = plain(1, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1};

	fake_frame(frame, bcast, out, -1, 60, 0);
	fake_inject(&b->fake[1], frame, 60);
	run(b);
	vs_switch_tick(b->sw, 100000);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	vs_switch_tick(b->sw, 100000 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 1);
	bed_free(b);
}
END_TEST

START_TEST(ageing)
{
	struct bed *b = plain(1, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, a[6];

	mac_of(0, a);
	vs_switch_tick(b->sw, 1000);
	fake_frame(frame, a, out, -1, 60, 0);
	fake_inject(&b->fake[1], frame, 60);
	run(b);
	vs_switch_tick(b->sw, 1000 + FDB_AGE_S - 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	fake_inject(&b->fake[1], frame, 60); /* seen again: young again */
	run(b);
	vs_switch_tick(b->sw, 1000 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	vs_switch_tick(b->sw, 1000 + 3 * FDB_AGE_S);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 1);
	bed_free(b);
}
END_TEST

START_TEST(full_receiver_drops_and_counts)
{
	struct bed *b = plain(3, false, false);
	struct vs_counters c;

	b->fake[1].room = 2;
	for (unsigned i = 0; i < 5; i++)
		send_one(b, 0, 1, -1);
	send_one(b, 0, 2, -1);
	ck_assert_uint_eq(b->fake[1].n_out, 2);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_frames, 2);
	ck_assert_uint_eq(c.tx_bytes, 200);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_NO_BUFFER], 3);
	b->fake[2].frame_max = 99;
	send_one(b, 0, 2, -1);
	vs_port_counters(b->port[2], &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_TOO_BIG], 1);
	bed_free(b);
}
END_TEST

/* More to send than there is room, again and again: each sender gets its share. */
START_TEST(several_senders_share_the_room)
{
	enum { SENDERS = 3, TURNS = 300, ROOM = 40 };
	struct bed *b = plain(SENDERS + 1, false, false);
	unsigned got[SENDERS] = {0};

	for (unsigned turn = 0; turn < TURNS; turn++) {
		uint8_t frame[64], dst[6], src[6];

		mac_of(SENDERS, dst);
		for (unsigned i = 0; i < SENDERS * VS_BURST; i++) {
			mac_of(i % SENDERS, src);
			fake_frame(frame, dst, src, -1, 60, i);
			ck_assert_ptr_nonnull(fake_inject(&b->fake[i % SENDERS], frame, 60));
		}
		b->fake[SENDERS].room = ROOM;
		run(b);
		for (unsigned i = 0; i < b->fake[SENDERS].n_out; i++)
			got[b->fake[SENDERS].out[i].data[11] - 1]++;
		clear(b);
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		ck_assert_uint_ge(got[i] * 10, TURNS * ROOM / SENDERS * 9);
		ck_assert_uint_le(got[i] * 10, TURNS * ROOM / SENDERS * 11);
	}
	bed_free(b);
}
END_TEST

/* Bursts of every size keep order, lose nothing, and end with one rx_done each. */
START_TEST(burst_sizes)
{
	static const unsigned sizes[] = {0, 1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 130};
	unsigned n = sizes[_i];
	struct bed *b = plain(3, false, false);
	uint8_t frame[256], dst[6], src[6];

	mac_of(0, src);
	for (unsigned i = 0; i < n; i++) {
		mac_of(1 + i % 2, dst);
		fake_frame(frame, dst, src, -1, 60 + i % 190, i);
		fake_inject(&b->fake[0], frame, 60 + i % 190);
	}
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, (n + 1) / 2);
	ck_assert_uint_eq(b->fake[2].n_out, n / 2);
	ck_assert_uint_eq(b->fake[0].done, (n + 63) / 64);
	for (unsigned i = 0; i < n; i++) {
		const struct fake_frame *x = &b->fake[1 + i % 2].out[i / 2];

		mac_of(1 + i % 2, dst);
		fake_frame(frame, dst, src, -1, 60 + i % 190, i);
		ck_assert_uint_eq(x->len, 60 + i % 190);
		ck_assert_mem_eq(x->data, frame, x->len);
	}
	bed_free(b);
}
END_TEST

/* ---- offloads ------------------------------------------------------------------------------ */

static uint32_t naive_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

/* A TCP frame with a seeded checksum field. Return: its length. */
static uint32_t tcp_frame(uint8_t *f, bool v6, uint32_t payload)
{
	unsigned l3 = 14, l4 = l3 + (v6 ? 40 : 20);
	uint32_t l4len = 20 + payload, sum;
	uint8_t dst[6], src[6];

	mac_of(1, dst);
	mac_of(0, src);
	fake_frame(f, dst, src, -1, l4 + l4len, 3);
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xDD : 0x00;
	memset(f + l3, 0, l4 - l3 + 20);
	if (v6) {
		f[l3] = 0x60;
		f[l3 + 4] = (uint8_t)(l4len >> 8);
		f[l3 + 5] = (uint8_t)l4len;
		f[l3 + 6] = 6;
		f[l3 + 8] = 0xFD;
		f[l3 + 24] = 0xFD;
		f[l3 + 39] = 2;
	} else {
		f[l3] = 0x45;
		f[l3 + 2] = (uint8_t)((20 + l4len) >> 8);
		f[l3 + 3] = (uint8_t)(20 + l4len);
		f[l3 + 5] = 9; /* identification */
		f[l3 + 8] = 64;
		f[l3 + 9] = 6;
		f[l3 + 12] = 10;
		f[l3 + 16] = 10;
		f[l3 + 19] = 2;
	}
	f[l4 + 4] = 0xFF; /* sequence number near its wrap */
	f[l4 + 5] = 0xFF;
	f[l4 + 6] = 0xFF;
	f[l4 + 12] = 0x50;
	f[l4 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	sum = naive_sum(f + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, 6 + l4len);
	f[l4 + 16] = (uint8_t)(sum >> 8);
	f[l4 + 17] = (uint8_t)sum;
	return l4 + l4len;
}

static void check_tcp(const struct fake_frame *x, bool v6, bool ip_csum)
{
	unsigned l3 = 14, l4 = l3 + (v6 ? 40 : 20);
	uint32_t l4len = x->len - l4, sum;

	sum = naive_sum(x->data + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, 6 + l4len);
	sum = naive_sum(x->data + l4, l4len, sum);
	ck_assert_uint_eq(sum, 0xFFFF);
	if (!v6) {
		if (ip_csum)
			ck_assert_uint_eq(naive_sum(x->data + l3, 20, 0), 0xFFFF);
		ck_assert_uint_eq((uint32_t)x->data[l3 + 2] << 8 | x->data[l3 + 3], x->len - l3);
	} else {
		ck_assert_uint_eq((uint32_t)x->data[l3 + 4] << 8 | x->data[l3 + 5], l4len);
	}
}

START_TEST(checksum_for_a_port_that_cannot)
{
	static const uint32_t payloads[] = {0,	 1,   2,   3,	10,   11,  100,
					    101, 137, 138, 139, 1000, 1001};
	bool v6 = _i & 1;
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];

	for (unsigned k = 0; k < sizeof(payloads) / sizeof(payloads[0]); k++) {
		uint32_t len = tcp_frame(f, v6, payloads[k]);
		struct fake_frame *x = fake_inject(&b->fake[0], f, len);

		x->flags = VS_F_CSUM_NEEDED;
		x->csum_start = v6 ? 54 : 34;
		x->csum_offset = 16;
		run(b);
		ck_assert_uint_eq(b->fake[1].n_out, 1);
		ck_assert_uint_eq(b->fake[1].out[0].len, len);
		check_tcp(&b->fake[1].out[0], v6, false);
		clear(b);
	}
	/* A capable port gets it as it is. */
	b->fake[1].caps = VS_CAP_CSUM_NEEDED;
	struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, v6, 50));

	x->flags = VS_F_CSUM_NEEDED;
	x->csum_start = v6 ? 54 : 34;
	x->csum_offset = 16;
	run(b);
	ck_assert_uint_eq(b->fake[1].out[0].flags, VS_F_CSUM_NEEDED);
	ck_assert_mem_eq(b->fake[1].out[0].data, f, b->fake[1].out[0].len);
	bed_free(b);
}
END_TEST

START_TEST(segmentation)
{
	bool v6 = _i & 1;
	unsigned l4 = v6 ? 54 : 34, hdr = l4 + 20, mss = 7;
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	uint32_t len = tcp_frame(f, v6, 1000), got = 0;
	struct fake_frame *x = fake_inject(&b->fake[0], f, len);

	x->flags = (uint8_t)(VS_F_CSUM_NEEDED | (v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4));
	x->csum_start = (uint16_t)l4;
	x->csum_offset = 16;
	x->gso_size = (uint16_t)mss;
	x->hdrlen = (uint16_t)hdr;
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, (1000 + mss - 1) / mss);
	for (unsigned k = 0; k < b->fake[1].n_out; k++) {
		const struct fake_frame *s = &b->fake[1].out[k];
		bool last = k + 1 == b->fake[1].n_out;
		uint32_t seq = (uint32_t)s->data[l4 + 4] << 24 | (uint32_t)s->data[l4 + 5] << 16 |
			       (uint32_t)s->data[l4 + 6] << 8 | s->data[l4 + 7];

		check_tcp(s, v6, true);
		ck_assert_uint_eq(seq, 0xFFFFFF00u + got);
		ck_assert_uint_eq(s->len, hdr + (last ? 1000 - got : mss));
		ck_assert_mem_eq(s->data + hdr, f + hdr + got, s->len - hdr);
		ck_assert_uint_eq(s->data[l4 + 13], 0x10u | (last ? 0x09u : 0) | (k ? 0 : 0x80u));
		if (!v6)
			ck_assert_uint_eq((uint32_t)s->data[18] << 8 | s->data[19], 9 + k);
		got += s->len - hdr;
	}
	ck_assert_uint_eq(got, 1000);
	bed_free(b);
}
END_TEST

/* Segments that just fit go through; a frame whose segments do not is counted whole. */
START_TEST(segments_at_the_limit)
{
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	struct vs_counters c;

	for (unsigned k = 0; k < 2; k++) {
		struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, false, 1000));

		x->flags = VS_F_CSUM_NEEDED | VS_F_GSO_TCP4;
		x->csum_start = 34;
		x->csum_offset = 16;
		x->gso_size = 10; /* 100 segments: more than a burst */
		x->hdrlen = 54;
		b->fake[1].frame_max = k ? 63 : 64;
		run(b);
	}
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_frames, 100);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_TOO_BIG], 100);
	bed_free(b);
}
END_TEST

START_TEST(offload_nonsense)
{
	static const struct {
		int n;
		uint8_t flags;
		uint16_t start, offset, gso, hdrlen;
	} rows[] = {
		{1, VS_F_CSUM_NEEDED, 4000, 16, 0, 0},
		{2, VS_F_CSUM_NEEDED, 34, 4000, 0, 0},
		{3, VS_F_CSUM_NEEDED, 0, 0, 0, 0},
		{4, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 0, 54},
		{5, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 100, 4000},
		{6, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 100, 10},
		{7, VS_F_CSUM_NEEDED | VS_F_GSO_TCP6, 34, 16, 100, 54},
	};
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	struct vs_counters c;
	struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, false, 500));

	x->flags = rows[_i].flags;
	x->csum_start = rows[_i].start;
	x->csum_offset = rows[_i].offset;
	x->gso_size = rows[_i].gso;
	x->hdrlen = rows[_i].hdrlen;
	run(b);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_RX_MALFORMED], 1);
	bed_free(b);
}
END_TEST

/* ---- captures ------------------------------------------------------------------------------- */

struct seen {
	unsigned in, out, drop, flushes;
	enum vs_drop reason;
	uint32_t len;
	uint8_t data[256];
};

static void on_frame(void *ctx, unsigned worker, const struct vs_capture_frame *f)
{
	struct seen *s = ctx;

	(void)worker;
	s->in += f->dir == VS_CAPTURE_IN;
	s->out += f->dir == VS_CAPTURE_OUT;
	s->drop += f->dir == VS_CAPTURE_DROP;
	s->reason = f->reason;
	s->len = f->len;
	memcpy(s->data, f->data, f->caplen < 256 ? f->caplen : 256);
}

static void on_flush(void *ctx, unsigned worker)
{
	(void)worker;
	((struct seen *)ctx)->flushes++;
}

START_TEST(captures)
{
	static const uint16_t v5[] = {5, 0};
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW", .vlan_aware = true});
	struct seen s = {0}, only = {0};
	struct vs_capture_config cfg = {
		.sw = b->sw, .snaplen = 128, .emit = on_frame, .flush = on_flush, .ctx = &s};
	struct vs_capture *c, *d;

	bed_port(b, 0, guest(VS_TYPE_ACCESS, 5, NULL));
	bed_port(b, 1, guest(VS_TYPE_TRUNK, 0, v5));
	c = vs_capture_start(&cfg);
	ck_assert_ptr_nonnull(c);
	cfg.port = b->port[1];
	cfg.ctx = &only;
	d = vs_capture_start(&cfg);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(s.in, 1);
	ck_assert_uint_eq(s.out, 1);
	ck_assert_uint_eq(s.flushes, 1);
	ck_assert_uint_eq(only.in, 0);
	ck_assert_uint_eq(only.out, 1);
	ck_assert_uint_eq(only.len, 104); /* with the tag it left with */
	ck_assert_mem_eq(only.data, b->fake[1].out[0].data, 104);
	send_one(b, 0, -2, -1);
	ck_assert_uint_eq(s.drop, 1);
	ck_assert_uint_eq(s.reason, VS_DROP_UNKNOWN_UNICAST);
	vs_capture_stop(c);
	vs_capture_stop(d);
	send_one(b, 0, 1, -1);
	ck_assert_uint_eq(s.in, 2);
	bed_free(b);
}
END_TEST

/* ---- differential ------------------------------------------------------------------------------
 */

/*
 * A model that knows no bursts, tables or bitmaps: for one frame, which ports get it and how
 * it looks there. Written from the document, not from the code.
 */
struct model_port {
	bool up, uplink, access;
	uint16_t pvid;
	bool vid[4096];
};

/* -2: not a member; -1: leaves untagged; else TCI. */
static int model_egress(const struct model_port *p, uint16_t vid, int pcp, uint16_t native)
{
	if (!p->up)
		return -2;
	if (p->uplink)
		return vid == native ? -1 : pcp << 12 | vid;
	if (p->access)
		return p->pvid == vid ? -1 : -2;
	if (!p->vid[vid])
		return -2;
	return vid == native ? -1 : pcp << 12 | vid;
}

static int model_ingress(const struct model_port *p, int tci, uint16_t native)
{
	int vid = tci < 0 ? 0 : tci & 0xFFF;

	if (vid && (p->access || (!p->uplink && !p->vid[vid]) || vid == 4095))
		return -1;
	if (vid)
		return vid;
	if (p->access)
		return p->pvid ? p->pvid : -1;
	return native && (p->uplink || p->vid[native]) ? native : -1;
}

static const uint16_t some_vids[] = {1, 2, 10, 20, 4094};

static uint16_t some_vid(void)
{
	return some_vids[rand() % 5];
}

/* A switch with ports of random kinds, and the model of each. */
static struct bed *random_bed(struct model_port *m, uint16_t native)
{
	uint16_t dflt = rand() % 2 ? some_vid() : 0;
	struct bed *b = bed_make(&(struct vs_switch_config){
		.name = "VSW", .vlan_aware = true, .default_vid = dflt, .native_vid = native});

	memset(m, 0, PORTS * sizeof(*m));
	for (unsigned i = 0; i < PORTS; i++) {
		struct vs_port_config cfg = {.mac_protect = -1};

		m[i].up = true;
		m[i].uplink = i == PORTS - 1;
		m[i].access = !m[i].uplink && rand() % 2;
		cfg.role = m[i].uplink ? VS_ROLE_UPLINK : VS_ROLE_GUEST;
		cfg.type = m[i].access ? VS_TYPE_ACCESS : VS_TYPE_TRUNK;
		cfg.access_vid = rand() % 2 ? some_vid() : 0;
		m[i].pvid = cfg.access_vid ? cfg.access_vid : dflt;
		for (unsigned k = 0; k < 5; k++)
			if (!m[i].access && rand() % 2) {
				m[i].vid[some_vids[k]] = true;
				vs_vidset_add(&cfg.vids, some_vids[k]);
			}
		bed_port(b, i, cfg);
	}
	return b;
}

/* From outside, of a station there; else from a guest. @dst: -2 unknown, -1 all. */
static void send_from(struct bed *b, unsigned from, int dst, int tci, unsigned number)
{
	uint8_t frame[100], d[6] = {0x02, 0xEE, 0, 0, 0, 1};
	const uint8_t s[6] = {0x02, 0xDD, 0, 0, 0, 1};

	clear(b);
	if (from != PORTS - 1) {
		send_one(b, from, dst, tci);
		return;
	}
	if (dst == -1)
		memcpy(d, bcast, 6);
	else if (dst >= 0)
		mac_of((unsigned)dst, d);
	fake_inject(&b->fake[from], frame, fake_frame(frame, d, s, tci, 100, number));
	run(b);
}

/* How the frame arrives at each port: as model_egress says. */
static void model_forward(const struct model_port *m, unsigned from, int dst, int tci,
			  uint16_t native, int *want)
{
	int vid = model_ingress(&m[from], tci, native), pcp = tci < 0 ? 0 : tci >> 12;
	bool hit = vid > 0 && dst >= 0 && (unsigned)dst != from &&
		   model_egress(&m[dst], (uint16_t)vid, pcp, native) != -2;

	for (unsigned i = 0; i < PORTS; i++) {
		bool to = dst == -1 || (hit && (int)i == dst);

		/* unknown, or in another VLAN: outside */
		if (!hit && dst != -1 && dst != (int)from)
			to = i == PORTS - 1;
		want[i] = vid > 0 && i != from && to
				  ? model_egress(&m[i], (uint16_t)vid, pcp, native)
				  : -2;
	}
}

START_TEST(differential)
{
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid() << 8;
	unsigned errors = 0;

	printf("differential seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 60; round++) {
		uint16_t native = rand() % 3 ? some_vid() : 0;
		struct model_port m[PORTS];
		struct bed *b = random_bed(m, native);

		for (unsigned f = 0; f < 300; f++) {
			unsigned from = (unsigned)rand() % PORTS;
			int dst = rand() % (PORTS + 1) - 2, want[PORTS];
			int vid = rand() % 4 ? some_vid() : rand() % 2 * 4095;
			int tci = rand() % 3 ? rand() % 16 << 12 | vid : -1;

			if (dst == PORTS - 1)
				dst = -2; /* the uplink has no address of its own */
			send_from(b, from, dst, tci, f);
			model_forward(m, from, dst, tci, native, want);
			for (unsigned i = 0; i < PORTS; i++) {
				if (arrived(b, i) == want[i])
					continue;
				printf("seed %u round %u frame %u: %u->%d tci %d: port %u got %d, "
				       "not %d\n",
				       seed, round, f, from, dst, tci, i, arrived(b, i), want[i]);
				errors++;
			}
		}
		bed_free(b);
	}
	ck_assert_uint_eq(errors, 0);
}
END_TEST

/* A growth goes on between other changes: a few lines at a time. Return: the table now. */
static struct fdb *grow_a_little(struct fdb *t, size_t *line, size_t lines)
{
	struct fdb *next = t->next;

	for (; *line < (size_t)1 << t->bits && lines; lines--)
		fdb_copy_line(t, (*line)++);
	if (t->next_full) {
		t->next = NULL;
		free(next);
	} else if (*line == (size_t)1 << t->bits) {
		free(t);
		t = next;
	}
	return t;
}

static void grow_begin(struct fdb *t, size_t *line)
{
	*line = 0;
	t->next_full = false;
	t->next = fdb_create(t->bits + 1);
	ck_assert_ptr_nonnull(t->next);
}

/* The forwarding database against an array, before, while and after it grows. */
START_TEST(fdb_differential)
{
	enum { KEYS = 3000 };
	static uint64_t model[KEYS];
	unsigned seed = (unsigned)time(NULL) ^ 77;
	struct fdb *t = fdb_create(6);
	size_t used = 0, line = 0;
	unsigned growths = 0;

	printf("fdb seed %u\n", seed);
	srand(seed);
	memset(model, 0, sizeof(model));
	for (unsigned op = 0; op < 200000; op++) {
		unsigned k = (unsigned)rand() % KEYS;
		const uint8_t mac[6] = {2, 0, 0, (uint8_t)(k >> 8), (uint8_t)k, 5};
		uint64_t key = fdb_key(mac, k % 3), v = 1 + (unsigned)rand() % 1000;

		if (!t->next && t->bits < 13 && rand() % 20000 == 0) {
			grow_begin(t, &line);
			growths++;
		}
		if (t->next && rand() % 4 == 0)
			t = grow_a_little(t, &line, 1);
		switch (rand() % 3) {
		case 0:
			while (fdb_put(t, key, v)) {
				if (!t->next)
					grow_begin(t, &line);
				t = grow_a_little(t, &line, SIZE_MAX);
			}
			used += !model[k];
			model[k] = v;
			break;
		case 1:
			ck_assert_int_eq(fdb_del(t, key), model[k] != 0);
			used -= model[k] != 0;
			model[k] = 0;
			break;
		default:
			ck_assert_uint_eq(fdb_find(t, key, fdb_hash(t, key)),
					  model[k] ? model[k] : FDB_PORT_NONE);
		}
		ck_assert_uint_eq(t->used, used);
	}
	printf("grown at random %u times to %u bits\n", growths, t->bits);
	free(t->next);
	free(t);
}
END_TEST

struct growing {
	_Atomic(struct fdb *) table;
	pthread_spinlock_t lock;
	atomic_bool want, done;
	unsigned lost;
};

enum { GROWING_KEYS = 60000 };

static uint64_t growing_key(unsigned k)
{
	const uint8_t mac[6] = {2, 0, (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k, 5};

	return fdb_key(mac, 0);
}

static void *learn_many(void *arg)
{
	struct growing *g = arg;
	unsigned seed = 1;

	rcu_register_thread();
	for (unsigned k = 0; k < GROWING_KEYS; k++) {
		uint64_t key = growing_key((unsigned)rand_r(&seed) % (k + 1));
		const struct fdb *t;
		int rc;

		do {
			pthread_spin_lock(&g->lock);
			rc = fdb_put(atomic_load(&g->table), growing_key(k), 7);
			pthread_spin_unlock(&g->lock);
			if (rc)
				atomic_store(&g->want, true);
			rcu_quiescent_state();
		} while (rc);
		t = atomic_load_explicit(&g->table, memory_order_acquire);
		g->lost += fdb_find(t, key, fdb_hash(t, key)) != 7;
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	atomic_store(&g->done, true);
	return NULL;
}

/* What a worker learns while the table grows is in the bigger one. */
START_TEST(fdb_grows_beside_a_learner)
{
	struct growing g = {.lost = 0};
	const struct fdb *t;
	pthread_t thread;

	pthread_spin_init(&g.lock, PTHREAD_PROCESS_PRIVATE);
	atomic_init(&g.table, fdb_create(FDB_BITS_MIN));
	ck_assert_int_eq(pthread_create(&thread, NULL, learn_many, &g), 0);
	while (!atomic_load(&g.done)) {
		if (atomic_exchange(&g.want, false))
			ck_assert_int_eq(fdb_grow(&g.table, &g.lock), 0);
		sched_yield();
	}
	pthread_join(thread, NULL);
	t = atomic_load(&g.table);
	ck_assert_uint_eq(g.lost, 0);
	ck_assert_uint_eq(t->used, GROWING_KEYS);
	for (unsigned k = 0; k < GROWING_KEYS; k++)
		ck_assert_uint_eq(fdb_find(t, growing_key(k), fdb_hash(t, growing_key(k))), 7);
	free(atomic_load(&g.table));
}
END_TEST

static int join(struct vs_port *p, unsigned group, bool add)
{
	const uint8_t mac[6] = {
		1, 0, 0x5E, (uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
	struct vs_link l = vs_port_link(p);

	return add ? l.ops->mac_add(l.ctx, mac) : l.ops->mac_del(l.ctx, mac);
}

/* Four ports take all groups there are: the fifth has its share. */
START_TEST(a_share_of_the_groups)
{
	struct vs_switch_config cfg = {.name = "SW"};
	struct vs_port_config pc = {.role = VS_ROLE_GUEST};
	struct vs_switch *sw = vs_switch_create(&cfg);
	struct fake_port fake[6];
	struct vs_port *p[6];
	unsigned got = 0;

	for (unsigned i = 0; i < 6; i++) {
		fake_init(&fake[i]);
		p[i] = vs_port_create(sw, &pc);
		ck_assert_int_eq(vs_port_link(p[i]).ops->start(p[i], &fake_ops, &fake[i]), 0);
	}
	for (unsigned g = 0; g < GROUPS_COMMON; g++)
		ck_assert_int_eq(join(p[g / PORT_GROUPS_MAX], g, true), 0);
	for (unsigned i = 4; i < 6; i++) {
		for (unsigned g = 0; g < GROUPS_SHARE; g++)
			ck_assert_int_eq(join(p[i], 10000 * i + g, true), 0);
		ck_assert_int_eq(join(p[i], 10000 * i + GROUPS_SHARE, true), -ENOSPC);
		ck_assert_int_eq(join(p[i], 5, true), 0); /* one that there is */
	}
	/* A group that others are still in stays of the share of whoever made it. */
	ck_assert_int_eq(join(p[5], 40000, true), 0);
	ck_assert_int_eq(join(p[4], 40000, false), 0);
	ck_assert_int_eq(join(p[4], 40000 + GROUPS_SHARE, true), -ENOSPC);
	ck_assert_int_eq(join(p[5], 40000, false), 0);
	ck_assert_int_eq(join(p[4], 40000 + GROUPS_SHARE, true), 0);
	/* What the four give back is everybody's. */
	ck_assert_int_eq(join(p[0], 7, false), 0);
	ck_assert_int_eq(join(p[5], 50000 + GROUPS_SHARE, true), 0);
	ck_assert_int_eq(join(p[5], 50001 + GROUPS_SHARE, true), -ENOSPC);
	for (unsigned i = 0; i < 6; i++) {
		got += p[i]->n_groups;
		vs_port_destroy(p[i]);
		fake_fini(&fake[i]);
	}
	ck_assert_uint_eq(got, GROUPS_COMMON - 1 + 2 * (GROUPS_SHARE + 1) + 1);
	ck_assert_uint_eq(sw->groups_common, 0);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(sw->groups_of[i], 0);
	vs_switch_destroy(sw);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vswitch");
	TCase *t = tcase_create("switch");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, unicast_goes_to_its_port_only);
	tcase_add_test(t, unknown_unicast);
	tcase_add_test(t, a_wire_looks_at_nothing);
	tcase_add_test(t, multicast_by_registration);
	tcase_add_test(t, isolation);
	tcase_add_test(t, vepa);
	tcase_add_test(t, isolation_of_learners);
	tcase_add_test(t, sniffer_of_an_isolated_switch);
	tcase_add_test(t, sources);
	tcase_add_test(t, protection_comes_later);
	tcase_add_test(t, segments_at_the_limit);
	tcase_add_test(t, registration_is_exclusive);
	tcase_add_test(t, sniffer);
	tcase_add_test(t, learning_at_the_uplink);
	tcase_add_loop_test(t, guests_that_register_nothing, 0, 2);
	tcase_add_test(t, learned_addresses_are_not_taken_away);
	tcase_add_test(t, a_guest_cannot_fill_the_table);
	tcase_add_test(t, only_the_flooder_loses_entries);
	tcase_add_test(t, learned_before_the_clock);
	tcase_add_test(t, ageing);
	tcase_add_test(t, full_receiver_drops_and_counts);
	tcase_add_test(t, several_senders_share_the_room);
	tcase_add_loop_test(t, burst_sizes, 0, 13);
	tcase_add_loop_test(t, checksum_for_a_port_that_cannot, 0, 2);
	tcase_add_loop_test(t, segmentation, 0, 2);
	tcase_add_loop_test(t, offload_nonsense, 0, 7);
	tcase_add_test(t, captures);
	tcase_add_test(t, differential);
	tcase_add_test(t, fdb_differential);
	tcase_add_test(t, fdb_grows_beside_a_learner);
	tcase_add_test(t, a_share_of_the_groups);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
