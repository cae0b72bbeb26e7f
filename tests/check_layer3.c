/* SPDX-License-Identifier: Apache-2.0 */
/* What a host sends in layer 3: the table of spec/osa-qeth.md 8.3 row by row, and what is no
 * packet. */
#include "tests/layer3_bed.h"

static const struct {
	int n;
	const char *what;
	uint8_t cast;
	uint32_t hop, dst;
	const uint8_t *mac; /* NULL: dropped */
	enum vs_drop why;
} tx_rows[] = {
	{1, "unicast, known hop", 6, PEER_IP, IP(192, 0, 2, 1), peer_mac, 0},
	{2, "anycast goes as unicast", 7, PEER_IP, IP(192, 0, 2, 1), peer_mac, 0},
	{3, "no cast bits: by the hop", 0, PEER_IP, IP(192, 0, 2, 1), peer_mac, 0},
	{4, "multicast", 4, 0, IP(239, 129, 2, 3), group4_mac, 0},
	{5, "multicast whose hop is a router", 4, PEER_IP, IP(239, 1, 2, 3), group4_mac, 0},
	{6, "no cast bits, group as hop", 0, IP(239, 1, 2, 3), IP(239, 1, 2, 3), group4_mac, 0},
	{7, "broadcast", 5, IP(10, 97, 0, 255), IP(10, 97, 0, 255), all_ones, 0},
	{8, "no cast bits, limited broadcast", 0, UINT32_MAX, UINT32_MAX, all_ones, 0},
	{9, "multicast to a unicast address", 4, 0, PEER_IP, NULL, VS_DROP_RX_MALFORMED},
	{10, "unicast without a hop", 6, 0, PEER_IP, NULL, VS_DROP_RX_MALFORMED},
};

START_TEST(transmit_rows)
{
	uint8_t p[128], f[BED_FRAME];
	uint32_t len = packet4(p, OWN_IP, tx_rows[_i].dst, 1, 60);
	struct osa_l3_hdr h = header4(tx_rows[_i].cast, len, tx_rows[_i].hop);

	peer_known(0, PEER_IP);
	databed_send(bd, &h, sizeof(h), p, len, 0);
	if (!tx_rows[_i].mac) {
		ck_assert_uint_eq(databed_fetch(bd), 0);
		ck_assert_msg(bd->dropped[tx_rows[_i].why] == 1, "row %d", tx_rows[_i].n);
		ck_assert_uint_eq(atomic_load(&bd->rig->queues.out[0].slsb[0]), QDIO_OUT_EMPTY);
		return;
	}
	ck_assert_msg(databed_fetch(bd) == 1, "row %d %s", tx_rows[_i].n, tx_rows[_i].what);
	ck_assert_uint_eq(databed_join(bd, 0, f), 14 + len);
	ck_assert_mem_eq(f, tx_rows[_i].mac, 6);
	ck_assert_mem_eq(f + 6, own_mac, 6);
	ck_assert_uint_eq(be16_load(f + 12), 0x0800);
	ck_assert_mem_eq(f + 14, p, len);
	ck_assert_uint_eq(bd->b.headlen[0], 64);
	databed_done(bd);
	ck_assert_uint_eq(atomic_load(&bd->rig->queues.out[0].slsb[0]), QDIO_OUT_EMPTY);
}
END_TEST

/* Layouts: where the first 64 bytes of the frame lie in the elements makes no difference. */
START_TEST(transmit_layouts)
{
	static const uint32_t first[] = {0, 1, 19, 20, 49, 50, 51, 64, 100, 1000};
	uint8_t p[9000], f[BED_FRAME];
	uint32_t len = packet4(p, OWN_IP, PEER_IP, 17, _i % 2 ? 1400 : 8900);
	struct osa_l3_hdr h = header4(6, len, PEER_IP);

	peer_known(0, PEER_IP);
	databed_send(bd, &h, sizeof(h), p, len, first[_i]);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(databed_join(bd, 0, f), 14 + len);
	ck_assert_mem_eq(f + 14, p, len);
	databed_done(bd);
}
END_TEST

START_TEST(transmit_vlan)
{
	uint8_t p[128], f[BED_FRAME];
	uint32_t len = packet4(p, OWN_IP, IP(239, 1, 2, 3), 1, 60);
	struct osa_l3_hdr h = header4(4, len, 0);

	h.ext_flags = OSA_L3_TCI;
	h.tci = be16_of(0x6005);
	databed_send(bd, &h, sizeof(h), p, len, 0);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(databed_join(bd, 0, f), 18 + len);
	ck_assert_mem_eq(f, group4_mac, 6);
	ck_assert_uint_eq(be32_load(f + 12), 0x81006005);
	ck_assert_uint_eq(be16_load(f + 16), 0x0800);
	ck_assert_mem_eq(f + 18, p, len);
	databed_done(bd);
	/* The VLAN is joined with the next tick. */
	ck_assert_uint_eq(fake_link_vids(&bd->rig->link), 0);
	osa_tick(bd->rig->a, 1000);
	ck_assert_uint_eq(fake_link_vids(&bd->rig->link), 1);
	ck_assert(bd->rig->link.vid[5]);
}
END_TEST

/* Whole frames go as they are; a TCI in the header is inserted. */
START_TEST(transmit_passthru)
{
	uint8_t whole[256], f[BED_FRAME];
	uint32_t at = ethernet(whole, peer_mac, own_mac, -1, 0x86DD);
	uint32_t len = at + packet6(whole + at, own6, peer6, 58, 64);
	struct osa_l3_hdr h = {.id = 1, .flags = 0x96, .len = be16_of((uint16_t)len)};

	databed_send(bd, &h, sizeof(h), whole, len, 0);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(databed_join(bd, 0, f), len);
	ck_assert_mem_eq(f, whole, len);
	databed_done(bd);
	h.ext_flags = OSA_L3_TCI;
	h.tci = be16_of(7);
	databed_send(bd, &h, sizeof(h), whole, len, 33);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(databed_join(bd, 0, f), len + 4);
	ck_assert_mem_eq(f, whole, 12);
	ck_assert_uint_eq(be32_load(f + 12), 0x81000007);
	ck_assert_mem_eq(f + 16, whole + 12, len - 12);
	databed_done(bd);
}
END_TEST

/* IPv6 without its Ethernet header: to groups only. */
START_TEST(transmit_bare_ip6)
{
	uint8_t p[128], f[BED_FRAME];
	uint32_t len = packet6(p, own6, group6, 58, 32);
	struct osa_l3_hdr h = {.id = 1, .flags = 0x84, .len = be16_of((uint16_t)len)};

	databed_send(bd, &h, sizeof(h), p, len, 0);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(databed_join(bd, 0, f), 14 + len);
	ck_assert_mem_eq(f, group6_mac, 6);
	ck_assert_uint_eq(be16_load(f + 12), 0x86DD);
	databed_done(bd);
	packet6(p, own6, peer6, 58, 32);
	h.flags = 0x86;
	databed_send(bd, &h, sizeof(h), p, len, 0);
	ck_assert_uint_eq(databed_fetch(bd), 0);
	ck_assert_uint_eq(bd->dropped[VS_DROP_RX_UNSUPPORTED], 1);
}
END_TEST

static const struct {
	int n;
	const char *what;
	uint8_t id, flags, ext;
	uint16_t hdr_len; /* what the header says */
	uint8_t version;  /* first byte of the packet */
	enum vs_drop why;
	bool error; /* the buffer goes back as an error */
} bad_rows[] = {
	{1, "layer-2 header", 2, 6, 0, 80, 0x45, VS_DROP_RX_UNSUPPORTED, true},
	{2, "unknown id", 9, 6, 0, 80, 0x45, VS_DROP_RX_UNSUPPORTED, true},
	{3, "length beyond the element", 1, 6, 0, 81, 0x45, VS_DROP_RX_MALFORMED, true},
	{4, "length short of the element", 1, 6, 0, 79, 0x45, VS_DROP_RX_MALFORMED, true},
	{5, "length 0", 1, 6, 0, 0, 0x45, VS_DROP_RX_MALFORMED, true},
	{6, "not IPv4", 1, 6, 0, 80, 0x60, VS_DROP_RX_MALFORMED, false},
	{7, "header checksum of a header that is too long", 1, 6, 0x10, 80, 0x4F,
	 VS_DROP_RX_MALFORMED, false},
	{8, "TCP checksum of an ICMP packet", 1, 6, 0x20, 80, 0x45, VS_DROP_RX_MALFORMED, false},
	{9, "segmentation that says nothing", 3, 6, 0, 48, 0x45, VS_DROP_RX_MALFORMED, false},
};

START_TEST(transmit_bad)
{
	uint8_t p[128];
	uint32_t len = packet4(p, OWN_IP, PEER_IP, 1, 60);
	struct osa_l3_hdr h = header4(bad_rows[_i].flags, bad_rows[_i].hdr_len, PEER_IP);
	uint8_t state;

	ck_assert_uint_eq(len, 80);
	peer_known(0, PEER_IP);
	p[0] = bad_rows[_i].version;
	if (bad_rows[_i].version == 0x4F) /* 60 bytes of header, of which the frame has but 40 */
		len = 40;
	h.id = bad_rows[_i].id;
	h.ext_flags = bad_rows[_i].ext;
	if (len == 40)
		h.len = be16_of(40);
	databed_send(bd, &h, sizeof(h), p, len, 0);
	ck_assert_msg(databed_fetch(bd) == 0, "row %d %s", bad_rows[_i].n, bad_rows[_i].what);
	ck_assert_msg(bd->dropped[bad_rows[_i].why] == 1, "row %d", bad_rows[_i].n);
	state = atomic_load(&bd->rig->queues.out[0].slsb[0]);
	ck_assert_msg(state == (bad_rows[_i].error ? QDIO_OUT_ERROR : QDIO_OUT_EMPTY), "row %d",
		      bad_rows[_i].n);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, transmit_rows, 0, ROWS(tx_rows));
	tcase_add_loop_test(t, transmit_layouts, 0, 10);
	tcase_add_test(t, transmit_vlan);
	tcase_add_test(t, transmit_passthru);
	tcase_add_test(t, transmit_bare_ip6);
	tcase_add_loop_test(t, transmit_bad, 0, ROWS(bad_rows));
}

int main(void)
{
	return layer3_run("layer3", true, add_tests);
}
