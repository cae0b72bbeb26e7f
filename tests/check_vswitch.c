/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch: forwarding rules of spec/zvm-networking.md 3.2, isolation, VEPA, sources, sniffers,
 * full receivers, captures, counters. VLANs: check_vlan.c; learning: check_fdb.c; offloads:
 * check_offload.c; all of it together against a model: check_model.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/switchbed.h"

/* ---- forwarding ------------------------------------------------------------------------------ */

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

/* ---- groups ---------------------------------------------------------------------------------- */

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

/* ---- receivers ------------------------------------------------------------------------------- */

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

/* ---- captures -------------------------------------------------------------------------------- */

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

/* ---- differential ---------------------------------------------------------------------------- */

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
	tcase_add_test(t, registration_is_exclusive);
	tcase_add_test(t, sniffer);
	tcase_add_test(t, full_receiver_drops_and_counts);
	tcase_add_test(t, several_senders_share_the_room);
	tcase_add_loop_test(t, burst_sizes, 0, 13);
	tcase_add_test(t, captures);
	tcase_add_test(t, differential);
	tcase_add_test(t, a_share_of_the_groups);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
