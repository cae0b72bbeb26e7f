/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VLAN matrix of spec/zvm-networking.md 3.4, a numbered row for every cell: what a frame of
 * each kind does on its way in at each kind of port, and how it leaves each kind of port.
 * Then what the matrix does not show: every VID at once, changes on a connected port, stacked tags,
 * sniffers.
 */
#include "tests/switchbed.h"

#include <errno.h>

/* A frame's tag as sent or received: -2 nothing, -1 untagged, else its TCI. */
#define NO (-2)
#define PLAIN (-1)

enum kind { AWARE, UNAWARE, LAN };
enum shape { ACCESS, TRUNK, UPLINK };

/*
 * Port 0 sends (with UPLINK: port 6 does, and port 0 is stopped). Who gets what of a broadcast,
 * so that every port of the VLAN shows what leaves it:
 *                  aware switch           unaware     guest LAN, joined
 *   got[0] port 1  access 10              a guest     10
 *   got[1] port 2  access 20              a guest     20
 *   got[2] port 3  trunk 1 10 20          a guest     1 10 20
 *   got[3] port 4  trunk 10 20            a guest     none
 *   got[4] port 5  access, default VID    a guest     4094
 *   got[5] port 6  uplink                 uplink      (there is none)
 */
#define SINKS 6

static const uint16_t v10[] = {10, 0}, v20[] = {20, 0}, v10_20[] = {10, 20, 0},
		      v1_10[] = {1, 10, 0}, v1_10_20[] = {1, 10, 20, 0}, v2_200[] = {2, 200, 0},
		      v4094[] = {4094, 0};

#define DROPPED                                                                                    \
	{                                                                                          \
		NO, NO, NO, NO, NO, NO                                                             \
	}

static const struct row {
	int n;
	const char *what;
	enum kind kind;
	uint16_t native, default_vid;
	enum shape from;
	uint16_t access;
	const uint16_t *vids;
	int tci;
	int got[SINKS];
	int drop; /* enum vs_drop counted at the sender, or -1 */
} matrix[] = {
	{1,
	 "unaware, guest: untagged",
	 UNAWARE,
	 1,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 PLAIN,
	 {PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN},
	 -1},
	{2,
	 "unaware, guest: priority",
	 UNAWARE,
	 1,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 0xA000,
	 {0xA000, 0xA000, 0xA000, 0xA000, 0xA000, 0xA000},
	 -1},
	{3,
	 "unaware, guest: tagged",
	 UNAWARE,
	 1,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 0x6123,
	 {0x6123, 0x6123, 0x6123, 0x6123, 0x6123, 0x6123},
	 -1},
	{4,
	 "unaware, guest: VID 4095 is data too",
	 UNAWARE,
	 1,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 4095,
	 {4095, 4095, 4095, 4095, 4095, 4095},
	 -1},
	{5,
	 "unaware, uplink: untagged",
	 UNAWARE,
	 1,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 PLAIN,
	 {PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, NO},
	 -1},
	{6,
	 "unaware, uplink: priority",
	 UNAWARE,
	 1,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 0xE000,
	 {0xE000, 0xE000, 0xE000, 0xE000, 0xE000, NO},
	 -1},
	{7,
	 "unaware, uplink: tagged",
	 UNAWARE,
	 1,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 10,
	 {10, 10, 10, 10, 10, NO},
	 -1},

	{10,
	 "access: untagged",
	 AWARE,
	 1,
	 0,
	 ACCESS,
	 10,
	 NULL,
	 PLAIN,
	 {PLAIN, NO, 10, 10, NO, 10},
	 -1},
	{11,
	 "access: priority keeps PCP",
	 AWARE,
	 1,
	 0,
	 ACCESS,
	 10,
	 NULL,
	 0xA000,
	 {PLAIN, NO, 0xA00A, 0xA00A, NO, 0xA00A},
	 -1},
	{12, "access: own VID tagged", AWARE, 1, 0, ACCESS, 10, NULL, 10, DROPPED,
	 VS_DROP_VLAN_TAGGED},
	{13, "access: other VID tagged", AWARE, 1, 0, ACCESS, 10, NULL, 20, DROPPED,
	 VS_DROP_VLAN_TAGGED},
	{14,
	 "access: default VID",
	 AWARE,
	 1,
	 20,
	 ACCESS,
	 0,
	 NULL,
	 PLAIN,
	 {NO, PLAIN, 20, 20, PLAIN, 20},
	 -1},
	{15,
	 "access in the native VLAN: untagged",
	 AWARE,
	 10,
	 0,
	 ACCESS,
	 10,
	 NULL,
	 PLAIN,
	 {PLAIN, NO, PLAIN, PLAIN, NO, PLAIN},
	 -1},
	{16,
	 "access in the native VLAN: priority",
	 AWARE,
	 10,
	 0,
	 ACCESS,
	 10,
	 NULL,
	 0xA000,
	 {PLAIN, NO, PLAIN, PLAIN, NO, PLAIN},
	 -1},

	{20, "access without VID: untagged", AWARE, 1, 0, ACCESS, 0, NULL, PLAIN, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{21, "access without VID: priority", AWARE, 1, 0, ACCESS, 0, NULL, 0x2000, DROPPED,
	 VS_DROP_VLAN_TAGGED},
	{22, "access without VID: tagged", AWARE, 1, 0, ACCESS, 0, NULL, 10, DROPPED,
	 VS_DROP_VLAN_TAGGED},
	{23, "access without VID: tagged native", AWARE, 1, 0, ACCESS, 0, NULL, 1, DROPPED,
	 VS_DROP_VLAN_TAGGED},

	{30,
	 "trunk with native: untagged",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 PLAIN,
	 {NO, NO, PLAIN, NO, NO, PLAIN},
	 -1},
	{31,
	 "trunk with native: priority",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 0x6000,
	 {NO, NO, PLAIN, NO, NO, PLAIN},
	 -1},
	{32,
	 "trunk with native: authorised",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 10,
	 {PLAIN, NO, 10, 10, NO, 10},
	 -1},
	{33,
	 "trunk with native: authorised, PCP",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 0xE00A,
	 {PLAIN, NO, 0xE00A, 0xE00A, NO, 0xE00A},
	 -1},
	{34,
	 "trunk with native: native tagged",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 1,
	 {NO, NO, PLAIN, NO, NO, PLAIN},
	 -1},
	{35, "trunk with native: not authorised", AWARE, 1, 0, TRUNK, 0, v1_10, 20, DROPPED,
	 VS_DROP_VLAN_DENIED},
	{36,
	 "[S3] trunk 2 200, native 2: untagged is 2",
	 AWARE,
	 2,
	 400,
	 TRUNK,
	 0,
	 v2_200,
	 PLAIN,
	 {NO, NO, NO, NO, NO, PLAIN},
	 -1},

	{40, "trunk, not to native: untagged", AWARE, 1, 0, TRUNK, 0, v10_20, PLAIN, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{41, "trunk, not to native: priority", AWARE, 1, 0, TRUNK, 0, v10_20, 0x2000, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{42,
	 "trunk, not to native: authorised",
	 AWARE,
	 1,
	 0,
	 TRUNK,
	 0,
	 v10_20,
	 20,
	 {NO, PLAIN, 20, 20, NO, 20},
	 -1},
	{43, "trunk, not to native: native tagged", AWARE, 1, 0, TRUNK, 0, v10_20, 1, DROPPED,
	 VS_DROP_VLAN_DENIED},
	{44, "trunk, not to native: not authorised", AWARE, 1, 0, TRUNK, 0, v10, 20, DROPPED,
	 VS_DROP_VLAN_DENIED},
	{45, "trunk: VID 4095", AWARE, 1, 0, TRUNK, 0, v10, 4095, DROPPED, VS_DROP_VLAN_DENIED},
	{46, "[S3] trunk without 2, native 2: untagged", AWARE, 2, 400, TRUNK, 0, v10, PLAIN,
	 DROPPED, VS_DROP_VLAN_UNTAGGED},

	{50, "trunk, native NONE: untagged", AWARE, 0, 0, TRUNK, 0, v1_10, PLAIN, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{51, "trunk, native NONE: priority", AWARE, 0, 0, TRUNK, 0, v1_10, 0x2000, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{52,
	 "trunk, native NONE: VID 1 stays tagged",
	 AWARE,
	 0,
	 0,
	 TRUNK,
	 0,
	 v1_10,
	 1,
	 {NO, NO, 1, NO, NO, 1},
	 -1},
	{53, "trunk, native NONE: not authorised", AWARE, 0, 0, TRUNK, 0, v1_10, 20, DROPPED,
	 VS_DROP_VLAN_DENIED},

	{60,
	 "uplink, native 10: untagged",
	 AWARE,
	 10,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 PLAIN,
	 {PLAIN, NO, PLAIN, PLAIN, NO, NO},
	 -1},
	{61,
	 "uplink, native 10: priority",
	 AWARE,
	 10,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 0xE000,
	 {PLAIN, NO, PLAIN, PLAIN, NO, NO},
	 -1},
	{62,
	 "uplink, native 10: tagged 10",
	 AWARE,
	 10,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 0xE00A,
	 {PLAIN, NO, PLAIN, PLAIN, NO, NO},
	 -1},
	{63,
	 "uplink: tagged",
	 AWARE,
	 1,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 0xE014,
	 {NO, PLAIN, 0xE014, 0xE014, NO, NO},
	 -1},
	{64, "uplink: VID nobody uses", AWARE, 1, 0, UPLINK, 0, NULL, 77, DROPPED,
	 VS_DROP_NO_RECEIVER},
	{65, "uplink: VID 4095", AWARE, 1, 0, UPLINK, 0, NULL, 4095, DROPPED, VS_DROP_VLAN_DENIED},
	{66,
	 "uplink: default VID",
	 AWARE,
	 1,
	 20,
	 UPLINK,
	 0,
	 NULL,
	 20,
	 {NO, PLAIN, 20, 20, PLAIN, NO},
	 -1},

	{70, "uplink, native NONE: untagged", AWARE, 0, 0, UPLINK, 0, NULL, PLAIN, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{71, "uplink, native NONE: priority", AWARE, 0, 0, UPLINK, 0, NULL, 0x2000, DROPPED,
	 VS_DROP_VLAN_UNTAGGED},
	{72,
	 "uplink, native NONE: tagged",
	 AWARE,
	 0,
	 0,
	 UPLINK,
	 0,
	 NULL,
	 10,
	 {PLAIN, NO, 10, 10, NO, NO},
	 -1},
	{73, "uplink, native NONE: VID nobody uses", AWARE, 0, 0, UPLINK, 0, NULL, 77, DROPPED,
	 VS_DROP_NO_RECEIVER},

	{80,
	 "guest LAN: untagged is the null VLAN",
	 LAN,
	 0,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 PLAIN,
	 {PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, NO},
	 -1},
	{81,
	 "guest LAN: priority as untagged",
	 LAN,
	 0,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 0xA000,
	 {0xA000, 0xA000, 0xA000, 0xA000, 0xA000, NO},
	 -1},
	{82,
	 "guest LAN: tagged, by no rule but the receivers'",
	 LAN,
	 0,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 10,
	 {10, NO, 10, NO, NO, NO},
	 -1},
	{83, "guest LAN: VID nobody joined", LAN, 0, 0, ACCESS, 0, NULL, 30, DROPPED,
	 VS_DROP_NO_RECEIVER},
	{84,
	 "guest LAN: VID 4094",
	 LAN,
	 0,
	 0,
	 ACCESS,
	 0,
	 NULL,
	 4094,
	 {NO, NO, NO, NO, 4094, NO},
	 -1},
};

static void join(struct bed *b, unsigned port, const uint16_t *vids)
{
	struct vs_link l = vs_port_link(b->port[port]);

	for (; vids && *vids; vids++)
		ck_assert_int_eq(l.ops->vid_add(l.ctx, *vids), 0);
}

static struct bed *matrix_bed(const struct row *r)
{
	static const struct {
		enum vs_port_type type;
		uint16_t access;
		const uint16_t *vids, *joined;
	} sink[SINKS - 1] = {
		{VS_TYPE_ACCESS, 10, NULL, v10},	{VS_TYPE_ACCESS, 20, NULL, v20},
		{VS_TYPE_TRUNK, 0, v1_10_20, v1_10_20}, {VS_TYPE_TRUNK, 0, v10_20, NULL},
		{VS_TYPE_ACCESS, 0, NULL, v4094},
	};
	struct vs_switch_config cfg = {.name = "VSW",
				       .kind = r->kind == LAN ? VS_KIND_GUEST_LAN : VS_KIND_VSWITCH,
				       .vlan_aware = r->kind == AWARE,
				       .default_vid = r->default_vid,
				       .native_vid = r->native};
	struct bed *b = bed_make(&cfg);

	bed_port(b, 0,
		 guest(r->from == TRUNK ? VS_TYPE_TRUNK : VS_TYPE_ACCESS, r->access, r->vids));
	for (unsigned i = 0; i < SINKS - 1; i++) {
		bed_port(b, i + 1, guest(sink[i].type, sink[i].access, sink[i].vids));
		if (r->kind == LAN)
			join(b, i + 1, sink[i].joined);
	}
	if (r->kind != LAN)
		bed_port(b, SINKS, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	return b;
}

START_TEST(vlan_matrix)
{
	const struct row *r = &matrix[_i];
	struct bed *b = matrix_bed(r);
	unsigned sender = r->from == UPLINK ? SINKS : 0;
	struct vs_counters c;

	if (sender) /* port 0 would be one more receiver */
		vs_port_link(b->port[0]).ops->stop(b->port[0]);
	send_one(b, sender, -1, r->tci);
	for (unsigned i = 0; i < SINKS; i++) {
		int got = b->port[i + 1] && i + 1 != sender ? arrived(b, i + 1) : NO;

		ck_assert_msg(got == r->got[i], "row %d %s: port %u got %d, not %d", r->n, r->what,
			      i + 1, got, r->got[i]);
	}
	vs_port_counters(b->port[sender], &c);
	ck_assert_uint_eq(c.rx_frames, 1);
	for (int d = 0; d < VS_DROP_COUNT; d++)
		ck_assert_msg(c.rx_drop[d] == (r->drop == d), "row %d %s: %s counted %llu", r->n,
			      r->what, vs_drop_name((enum vs_drop)d),
			      (unsigned long long)c.rx_drop[d]);
	bed_free(b);
}
END_TEST

/* The same for unicast: to a port outside the VLAN it is unknown, and goes out. */
START_TEST(unicast_stays_in_its_vlan)
{
	struct bed *b = matrix_bed(
		&(struct row){.kind = AWARE, .native = 1, .from = TRUNK, .vids = v1_10_20});

	send_one(b, 0, 1, 10);
	ck_assert_int_eq(arrived(b, 1), PLAIN);
	ck_assert_int_eq(arrived(b, 6), NO);
	clear(b);
	send_one(b, 0, 1, 20);
	ck_assert_int_eq(arrived(b, 1), NO);
	ck_assert_int_eq(arrived(b, 6), 20);
	clear(b);
	send_one(b, 0, 4, 1);
	ck_assert_int_eq(arrived(b, 4), NO);
	ck_assert_int_eq(arrived(b, 6), PLAIN);
	clear(b);
	send_one(b, 6, 1, 20);
	ck_assert_int_eq(arrived(b, 1), NO);
	ck_assert_uint_eq(rx_drop(b, 6, VS_DROP_UNKNOWN_UNICAST), 1);
	bed_free(b);
}
END_TEST

START_TEST(unaware_guest_filters)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW", .native_vid = 1});

	for (unsigned i = 0; i < 3; i++)
		bed_port(b, i, guest(VS_TYPE_ACCESS, 0, NULL));
	/* A guest that registered VLANs gets those, VID 0 and untagged frames only. */
	join(b, 1, (const uint16_t[]){5, 0});
	send_one(b, 0, 1, 0x6123);
	ck_assert_int_eq(arrived(b, 1), NO);
	send_one(b, 0, 1, 5);
	ck_assert_int_eq(arrived(b, 1), 5);
	clear(b);
	send_one(b, 0, 1, PLAIN);
	ck_assert_int_eq(arrived(b, 1), PLAIN);
	bed_free(b);
}
END_TEST

/* Every VID at once, between trunks, to the uplink, and on an access port that visits them all. */
START_TEST(all_vids)
{
	struct bed *b = bed_make(
		&(struct vs_switch_config){.name = "VSW", .vlan_aware = true, .native_vid = 0});
	struct vs_port_config all = guest(VS_TYPE_TRUNK, 0, NULL), access;

	memset(&all.vids, 0xFF, sizeof(all.vids)); /* 0 and 4095 included: nobody's */
	bed_port(b, 0, all);
	bed_port(b, 1, all);
	bed_port(b, 2, guest(VS_TYPE_ACCESS, 1, NULL));
	bed_port(b, 3, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	access = b->cfg[2];
	for (int vid = 1; vid <= (int)VS_VID_MAX; vid++) {
		access.access_vid = (uint16_t)vid;
		ck_assert_int_eq(vs_port_configure(b->port[2], &access), 0);
		send_one(b, 0, -1, vid);
		ck_assert_int_eq(arrived(b, 1), vid);
		ck_assert_int_eq(arrived(b, 2), PLAIN);
		ck_assert_int_eq(arrived(b, 3), vid);
		clear(b);
		send_one(b, 3, -1, vid % (int)VS_VID_MAX + 1); /* the next one */
		ck_assert_int_eq(arrived(b, 1), vid % (int)VS_VID_MAX + 1);
		ck_assert_int_eq(arrived(b, 2), NO);
		clear(b);
	}
	for (int vid = 0; vid <= 4095; vid += 4095) {
		send_one(b, 0, -1, vid);
		ck_assert_int_eq(arrived(b, 1), NO);
	}
	bed_free(b);
}
END_TEST

/* A changed GRANT holds for the next frame of a connected port, in both directions. */
START_TEST(changes_take_effect_at_once)
{
	struct bed *b = matrix_bed(
		&(struct row){.kind = AWARE, .native = 1, .from = TRUNK, .vids = v10_20});
	struct vs_port_config cfg = b->cfg[0], sink = b->cfg[4];
	struct vs_switch_config sw = {.name = "VSW", .vlan_aware = true, .native_vid = 20};

	send_one(b, 0, -1, 20);
	ck_assert_int_eq(arrived(b, 4), 20);
	clear(b);
	vs_vidset_del(&cfg.vids, 20);
	ck_assert_int_eq(vs_port_configure(b->port[0], &cfg), 0);
	send_one(b, 0, -1, 20);
	ck_assert_int_eq(arrived(b, 4), NO);
	vs_vidset_del(&sink.vids, 10);
	ck_assert_int_eq(vs_port_configure(b->port[4], &sink), 0);
	send_one(b, 0, -1, 10);
	ck_assert_int_eq(arrived(b, 4), NO);
	ck_assert_int_eq(arrived(b, 1), PLAIN);
	clear(b);
	cfg.type = VS_TYPE_ACCESS;
	cfg.access_vid = 20;
	ck_assert_int_eq(vs_port_configure(b->port[0], &cfg), 0);
	send_one(b, 0, -1, PLAIN);
	ck_assert_int_eq(arrived(b, 4), 20);
	ck_assert_int_eq(arrived(b, 6), 20);
	clear(b);
	ck_assert_int_eq(vs_switch_configure(b->sw, &sw), 0); /* native 20 */
	send_one(b, 0, -1, PLAIN);
	ck_assert_int_eq(arrived(b, 4), PLAIN);
	ck_assert_int_eq(arrived(b, 6), PLAIN);
	bed_free(b);
}
END_TEST

/*
 * A second tag must not become the frame's VLAN where the first is taken off. Where the first
 * stays, the second is payload.
 */
START_TEST(stacked_tags)
{
	static const uint16_t v1_20[] = {1, 20, 0};
	static const struct {
		int n;
		enum kind kind;
		enum shape from;
		int outer;
		enum vs_drop drop; /* VS_DROP_NONE: forwarded as it is */
	} rows[] = {
		{1, AWARE, ACCESS, 0, VS_DROP_VLAN_TAGGED},
		{2, AWARE, ACCESS, 10, VS_DROP_VLAN_TAGGED},
		{3, AWARE, TRUNK, 0, VS_DROP_VLAN_DENIED},
		{4, AWARE, TRUNK, 1, VS_DROP_VLAN_DENIED},
		{5, AWARE, TRUNK, 10, VS_DROP_NONE},
		{6, UNAWARE, ACCESS, 10, VS_DROP_NONE},
		{7, UNAWARE, ACCESS, 0, VS_DROP_NONE},
		{8, AWARE, UPLINK, 1, VS_DROP_VLAN_DENIED},
		{9, AWARE, UPLINK, 0, VS_DROP_VLAN_DENIED},
		{10, AWARE, UPLINK, 10, VS_DROP_NO_RECEIVER}, /* port 0 is stopped */
	};
	static const uint8_t inner[4] = {0x81, 0x00, 0x00, 20}; /* VLAN 20 */
	unsigned from = rows[_i].from == UPLINK ? 2 : 0;
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW",
							    .vlan_aware = rows[_i].kind == AWARE,
							    .default_vid = 1,
							    .native_vid = 1});
	uint8_t frame[104], src[6];

	bed_port(b, 0, guest(rows[_i].from == TRUNK ? VS_TYPE_TRUNK : VS_TYPE_ACCESS, 0, v1_10));
	bed_port(b, 1, guest(VS_TYPE_TRUNK, 0, v1_20));
	bed_port(b, 2, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	if (from)
		vs_port_link(b->port[0]).ops->stop(b->port[0]);
	mac_of(0, src);
	src[5] = 0x77;
	fake_frame(frame, bcast, src, rows[_i].outer, 100, 0);
	memcpy(frame + 16, inner, sizeof(inner));
	fake_inject(&b->fake[from], frame, 100);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out,
			  rows[_i].kind == UNAWARE && rows[_i].drop == VS_DROP_NONE);
	if (!from) {
		ck_assert_uint_eq(b->fake[2].n_out, rows[_i].drop == VS_DROP_NONE);
		if (b->fake[2].n_out)
			ck_assert_mem_eq(b->fake[2].out[0].data, frame, 100);
	}
	if (rows[_i].drop != VS_DROP_NONE)
		ck_assert_uint_eq(rx_drop(b, from, rows[_i].drop), 1);
	bed_free(b);
}
END_TEST

/* A sniffer sees the frames of its VLANs as its own port type would; nothing of others. */
START_TEST(sniffers_see_as_their_type)
{
	struct bed *b = matrix_bed(
		&(struct row){.kind = AWARE, .native = 1, .from = TRUNK, .vids = v1_10_20});

	for (unsigned i = 2; i <= 4; i++) {
		struct vs_port_config cfg = b->cfg[i];

		cfg.promisc_allowed = true;
		cfg.promisc = true;
		ck_assert_int_eq(vs_port_configure(b->port[i], &cfg), 0);
	}
	send_one(b, 0, 1, 10);
	ck_assert_int_eq(arrived(b, 1), PLAIN);
	ck_assert_int_eq(arrived(b, 2), NO); /* access 20 */
	ck_assert_int_eq(arrived(b, 3), 10);
	ck_assert_int_eq(arrived(b, 4), 10);
	clear(b);
	send_one(b, 0, -2, 20);
	ck_assert_int_eq(arrived(b, 2), PLAIN);
	ck_assert_int_eq(arrived(b, 3), 20);
	clear(b);
	send_one(b, 0, -2, PLAIN); /* the native VLAN */
	ck_assert_int_eq(arrived(b, 2), NO);
	ck_assert_int_eq(arrived(b, 3), PLAIN);
	ck_assert_int_eq(arrived(b, 4), NO);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vlan");
	TCase *t = tcase_create("vlan");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, vlan_matrix, 0, sizeof(matrix) / sizeof(matrix[0]));
	tcase_add_test(t, unicast_stays_in_its_vlan);
	tcase_add_test(t, unaware_guest_filters);
	tcase_add_test(t, all_vids);
	tcase_add_test(t, changes_take_effect_at_once);
	tcase_add_loop_test(t, stacked_tags, 0, 10);
	tcase_add_test(t, sniffers_see_as_their_type);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
