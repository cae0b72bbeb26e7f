/* SPDX-License-Identifier: Apache-2.0 */
/* What a host gets in layer 3: the table of spec/osa-qeth.md 8.4 row by row. */
#include "tests/layer3_bed.h"

enum { R_NONE, R_PRIMARY, R_SECONDARY, R_MULTICAST };

static const struct {
	int n;
	const char *what;
	const uint8_t *dst;
	bool v6;
	uint32_t to4;
	const uint8_t *to6;
	uint8_t routing; /* of the packet's version */
	bool broadcast;	 /* filter configured */
	uint8_t flags;	 /* of the header; 0: not delivered */
} rx_rows[] = {
	{1, "own address", own_mac, false, OWN_IP, NULL, R_NONE, false, 0x06},
	{2, "another address", own_mac, false, PEER_IP, NULL, R_NONE, false, 0},
	{3, "another address, primary router", own_mac, false, PEER_IP, NULL, R_PRIMARY, false,
	 0x06},
	{4, "another address, secondary router", own_mac, false, PEER_IP, NULL, R_SECONDARY, false,
	 0x06},
	{5, "another address, multicast router", own_mac, false, PEER_IP, NULL, R_MULTICAST, false,
	 0},
	{6, "own address, another MAC", peer_mac, false, OWN_IP, NULL, R_PRIMARY, true, 0},
	{7, "group registered", group4_mac, false, IP(239, 129, 2, 3), NULL, R_NONE, false, 0x04},
	{8, "group with the same MAC", group4_mac, false, IP(239, 1, 2, 3), NULL, R_NONE, false, 0},
	{9, "any group, multicast router", group4_mac, false, IP(239, 1, 2, 3), NULL, R_MULTICAST,
	 false, 0x04},
	{10, "broadcast, not enabled", all_ones, false, IP(10, 97, 0, 255), NULL, R_NONE, false, 0},
	{11, "broadcast, enabled", all_ones, false, IP(10, 97, 0, 255), NULL, R_NONE, true, 0x05},
	{12, "IPv6 own address", own_mac, true, 0, own6, R_NONE, false, 0x86},
	{13, "IPv6 another address", own_mac, true, 0, peer6, R_NONE, false, 0},
	{14, "IPv6 another address, router", own_mac, true, 0, peer6, R_PRIMARY, false, 0x86},
	{15, "IPv6 group: neighbour discovery", group6_mac, true, 0, group6, R_NONE, false, 0x84},
	{16, "IPv6 to all stations", all_ones, true, 0, group6, R_NONE, true, 0},
};

START_TEST(receive_rows)
{
	bool v6 = rx_rows[_i].v6, got;
	uint8_t f[256], data[BED_FRAME];
	uint32_t at = ethernet(f, rx_rows[_i].dst, peer_mac, -1, v6 ? 0x86DD : 0x0800), len, n;
	struct osa_l3_hdr h;
	struct osa_info before, after;

	len = at + (v6 ? packet6(f + at, peer6, rx_rows[_i].to6, 58, 40)
		       : packet4(f + at, PEER_IP, rx_rows[_i].to4, 1, 100));
	route(v6 ? 6 : 4, rx_rows[_i].routing);
	if (rx_rows[_i].broadcast)
		ck_assert_int_eq(assist(OSA_ASSIST_FILTER, 4, OSA_ASSIST_CONFIGURE, 1), 0);
	osa_info(bd->rig->a, &before);
	databed_offer(bd, 2);
	ck_assert_uint_eq(databed_deliver(bd, f, len, 0, VS_EDIT_NONE, 0), 1);
	got = databed_receive(bd, &h, data, &n);
	ck_assert_msg(got == (rx_rows[_i].flags != 0), "row %d %s", rx_rows[_i].n,
		      rx_rows[_i].what);
	osa_info(bd->rig->a, &after);
	ck_assert_uint_eq(after.filtered - before.filtered, !got);
	if (!got)
		return;
	ck_assert_uint_eq(h.id, 1);
	ck_assert_msg(h.flags == rx_rows[_i].flags, "row %d: %02X", rx_rows[_i].n, h.flags);
	ck_assert_uint_eq(h.ext_flags, 0);
	ck_assert_uint_eq(n, len - at);
	ck_assert_mem_eq(data, f + at, n);
}
END_TEST

static const struct {
	int n;
	int inside; /* TCI in the frame, or -1 */
	uint8_t edit;
	uint16_t tci; /* the switch's */
	int result;   /* TCI in the header, or -1 */
} vlan_rows[] = {
	{1, -1, VS_EDIT_NONE, 9, -1}, {2, 5, VS_EDIT_NONE, 9, 5},
	{3, 5, VS_EDIT_STRIP, 9, -1}, {4, -1, VS_EDIT_PUSH, 0x6009, 0x6009},
	{5, 5, VS_EDIT_RETAG, 9, 9},
};

/* IP and other frames, under each edit of the switch. */
START_TEST(receive_vlan)
{
	for (unsigned other = 0; other < 2; other++) {
		uint8_t f[256], data[BED_FRAME];
		uint32_t at = ethernet(f, own_mac, peer_mac, vlan_rows[_i].inside,
				       other ? 0x88B5 : 0x0800);
		uint32_t len = at + packet4(f + at, PEER_IP, OWN_IP, 1, 100), n;
		struct osa_l3_hdr h;

		databed_offer(bd, 2);
		ck_assert_uint_eq(
			databed_deliver(bd, f, len, 0, vlan_rows[_i].edit, vlan_rows[_i].tci), 1);
		ck_assert(databed_receive(bd, &h, data, &n));
		ck_assert_uint_eq(h.flags, other ? 0x16 : 0x06);
		ck_assert_uint_eq(h.ext_flags, vlan_rows[_i].result < 0 ? 0 : OSA_L3_TCI);
		ck_assert_int_eq(be16_get(h.tci),
				 vlan_rows[_i].result < 0 ? 0 : vlan_rows[_i].result);
		ck_assert_uint_eq(n, 120 + (other ? 14 : 0));
		ck_assert_mem_eq(data + n - 120, f + at, 120);
		if (!other)
			continue;
		ck_assert_mem_eq(data, own_mac, 6);
		ck_assert_mem_eq(data + 6, peer_mac, 6);
		ck_assert_uint_eq(be16_load(data + 12), 0x88B5);
	}
}
END_TEST

START_TEST(receive_assists)
{
	uint8_t f[256], data[BED_FRAME];
	uint32_t at = ethernet(f, own_mac, peer_mac, -1, 0x0800);
	uint32_t len = at + packet4(f + at, PEER_IP, OWN_IP, 6, 100), n;
	struct osa_l3_hdr h;

	databed_offer(bd, 8);
	ck_assert_int_eq(assist(OSA_ASSIST_SOURCE_MAC, 4, OSA_ASSIST_START, 0), 0);
	databed_deliver(bd, f, len, VS_F_CSUM_VALID, VS_EDIT_NONE, 0);
	ck_assert(databed_receive(bd, &h, data, &n));
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC); /* not verified: nobody asked */
	ck_assert_mem_eq(h.in.src_mac, peer_mac, 6);
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_IN, 4, OSA_ASSIST_START, 0), 0);
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_IN, 4, OSA_ASSIST_ENABLE, 0x18), 0);
	databed_deliver(bd, f, len, VS_F_CSUM_VALID, VS_EDIT_NONE, 0);
	ck_assert(databed_receive(bd, &h, data, &n));
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC | OSA_OFFLOAD_L4);
	databed_deliver(bd, f, len, 0, VS_EDIT_NONE, 0);
	ck_assert(databed_receive(bd, &h, data, &n));
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC);
	/* Enabled for IPv4 only. */
	at = ethernet(f, own_mac, peer_mac, -1, 0x86DD);
	len = at + packet6(f + at, peer6, own6, 6, 60);
	databed_deliver(bd, f, len, VS_F_CSUM_VALID, VS_EDIT_NONE, 0);
	ck_assert(databed_receive(bd, &h, data, &n));
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC);
	ck_assert_int_eq(assist(OSA_ASSIST_SOURCE_MAC, 4, OSA_ASSIST_STOP, 0), 0);
	databed_deliver(bd, f, len, 0, VS_EDIT_NONE, 0);
	ck_assert(databed_receive(bd, &h, data, &n));
	ck_assert_uint_eq(h.ext_flags, 0);
}
END_TEST

/* Frames too short for what they say they are, of every length. */
START_TEST(receive_short)
{
	static const uint16_t types[] = {0x0800, 0x86DD, 0x0806, 0x8100, 0x88B5};
	uint8_t f[64] = {0}, data[BED_FRAME];
	struct osa_l3_hdr h;
	uint32_t n;

	ethernet(f, own_mac, peer_mac, -1, types[_i]);
	databed_offer(bd, 100);
	for (uint32_t len = 14; len < 60; len++) {
		databed_deliver(bd, f, len, 0, VS_EDIT_NONE, 0);
		if (databed_receive(bd, &h, data, &n)) {
			ck_assert(types[_i] == 0x88B5 || (types[_i] == 0x8100 && len >= 18));
			ck_assert_uint_ge(n, 14);
		}
	}
}
END_TEST

/* No buffer, and one that is too small: as in layer 2; ARP needs none. */
START_TEST(receive_without_buffers)
{
	uint8_t f[256], arp[64];
	uint32_t at = ethernet(f, own_mac, peer_mac, -1, 0x0800);
	uint32_t len = at + packet4(f + at, PEER_IP, OWN_IP, 1, 100);

	ck_assert_uint_eq(databed_deliver(bd, f, len, 0, VS_EDIT_NONE, 0), 0);
	len = arp_frame(arp, 1, peer_mac, PEER_IP, OWN_IP, -1);
	ck_assert_uint_eq(databed_deliver(bd, arp, len, 0, VS_EDIT_NONE, 0), 1);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_mem_eq(bd->b.head[0], peer_mac, 6);
	ck_assert_uint_eq(be16_load(bd->b.head[0] + 20), 2);
	databed_done(bd);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, receive_rows, 0, ROWS(rx_rows));
	tcase_add_loop_test(t, receive_vlan, 0, ROWS(vlan_rows));
	tcase_add_test(t, receive_assists);
	tcase_add_loop_test(t, receive_short, 0, 5);
	tcase_add_test(t, receive_without_buffers);
}

int main(void)
{
	return layer3_run("layer3_receive", true, add_tests);
}
