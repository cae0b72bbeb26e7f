/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums and segments of layer 3, recomputed. */
#include "tests/layer3_bed.h"
#include "vswitch/vs_priv.h"

/* The transport's checksum over an IP packet must come out as all ones. */
static void check_transport(const uint8_t *ip, uint32_t l3len, uint8_t proto)
{
	uint32_t hl = ip[0] >> 4 == 6 ? 40 : (ip[0] & 15u) * 4u, l4len = l3len - hl;
	uint32_t sum =
		ip[0] >> 4 == 6 ? sum16(ip + 8, 32, proto + l4len) : pseudo4(ip, proto, l4len);

	ck_assert_uint_eq(sum16(ip + hl, l4len, sum), 0xFFFF);
	if (ip[0] >> 4 == 4)
		ck_assert_uint_eq(sum16(ip, hl, 0), 0xFFFF);
}

static const struct {
	int n;
	bool v6;
	uint8_t proto;
	uint32_t payload;
	int vid;
} csum_rows[] = {
	{1, false, 6, 20, 0},	{2, false, 6, 1001, 0}, {3, false, 17, 8, 0},
	{4, false, 17, 999, 0}, {5, false, 6, 1400, 5}, {6, true, 6, 20, 0},
	{7, true, 6, 1001, 0},	{8, true, 17, 8, 0},	{9, true, 17, 999, 0},
};

START_TEST(checksum)
{
	uint8_t p[2000], f[BED_FRAME];
	bool v6 = csum_rows[_i].v6;
	uint8_t proto = csum_rows[_i].proto;
	uint32_t l2 = v6 ? ethernet(p, peer_mac, own_mac, -1, 0x86DD) : 0;
	uint32_t len = v6 ? l2 + packet6(p + l2, own6, peer6, proto, csum_rows[_i].payload)
			  : packet4(p, OWN_IP, PEER_IP, proto, csum_rows[_i].payload);
	struct osa_l3_hdr h = header4(v6 ? 0x96 : 0x06, len, PEER_IP);
	uint32_t n, added = v6 ? 0 : csum_rows[_i].vid ? 18 : 14;

	peer_known(0, PEER_IP);
	h.ext_flags = OSA_OFFLOAD_L4;
	if (proto == 17)
		h.ext_flags |= OSA_OFFLOAD_UDP;
	if (!v6) {
		h.ext_flags |= OSA_OFFLOAD_IP;
		be16_store(p + 10, 0);
	}
	if (csum_rows[_i].vid) {
		h.ext_flags |= OSA_L3_TCI;
		h.tci = be16_of((uint16_t)csum_rows[_i].vid);
	}
	databed_send(bd, &h, sizeof(h), p, len, 0);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_uint_eq(bd->b.flags[0], VS_F_CSUM_NEEDED);
	ck_assert_int_eq(offload_checksum(&bd->b, 0), VS_DROP_NONE);
	n = databed_join(bd, 0, f);
	ck_assert_uint_eq(n, len + added);
	check_transport(f + added + l2, n - added - l2, proto);
	databed_done(bd);
}
END_TEST

static const struct {
	int n;
	bool v6;
	uint32_t payload, mss;
	int vid;
} tso_rows[] = {
	{1, false, 4000, 1440, 0}, {2, false, 1440, 1440, 0}, {3, false, 100, 1440, 0},
	{4, false, 8000, 536, 5},  {5, true, 4000, 1420, 0},  {6, true, 7001, 1400, 0},
};

START_TEST(segmentation)
{
	static struct vs_burst cut, whole;
	uint8_t p[9000], f[BED_FRAME];
	bool v6 = tso_rows[_i].v6;
	uint32_t l2 = v6 ? ethernet(p, peer_mac, own_mac, -1, 0x86DD) : 0;
	uint32_t l3 = v6 ? 40 : 20, payload = tso_rows[_i].payload, mss = tso_rows[_i].mss;
	uint32_t hdr = l2 + l3 + 20, added = v6 ? 0 : tso_rows[_i].vid ? 18 : 14;
	unsigned skip = 0, segments;
	struct {
		struct osa_l3_hdr h;
		struct osa_tso_ext x;
	} h = {.h = header4(v6 ? 0x96 : 0x06, hdr + payload, PEER_IP)};

	if (v6)
		packet6(p + l2, own6, peer6, 6, 20 + payload);
	else
		packet4(p, OWN_IP, PEER_IP, 6, 20 + payload);
	if (!v6) {
		be16_store(p + 2, 0); /* as the driver sends it: 7.4 */
		be16_store(p + 10, 0);
	}
	p[l2 + l3 + 12] = 0x50;
	be32_store(p + l2 + l3 + 4, 1000);
	h.h.id = OSA_HDR_LAYER3_TSO;
	if (tso_rows[_i].vid) {
		h.h.ext_flags = OSA_L3_TCI;
		h.h.tci = be16_of((uint16_t)tso_rows[_i].vid);
	}
	h.x = (struct osa_tso_ext){.ext_len = be16_of(32),
				   .n_hdr = 1,
				   .hdr_type = 1,
				   .version = 1,
				   .hdr_len = be16_of(28),
				   .payload_len = be32_of(payload),
				   .mss = be16_of((uint16_t)mss),
				   .proto_hdr_len = be16_of((uint16_t)hdr)};
	peer_known(0, PEER_IP);
	databed_send(bd, &h, sizeof(h), p, hdr + payload, hdr);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	if (payload <= mss) {
		ck_assert_uint_eq(bd->b.flags[0], VS_F_CSUM_NEEDED);
		ck_assert_int_eq(offload_checksum(&bd->b, 0), VS_DROP_NONE);
		ck_assert_uint_eq(databed_join(bd, 0, f), added + hdr + payload);
		check_transport(f + added + l2, l3 + 20 + payload, 6);
		databed_done(bd);
		return;
	}
	ck_assert(bd->b.flags[0] & (v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4));
	whole = bd->b; /* the segments refer to its heads */
	segments = offload_segment(&whole, 0, &cut, &skip);
	ck_assert_uint_eq(segments, (payload + mss - 1) / mss);
	bd->b = cut;
	for (unsigned i = 0; i < segments; i++) {
		uint32_t n = databed_join(bd, i, f), left = payload - i * mss;
		uint32_t part = left < mss ? left : mss;

		ck_assert_uint_eq(n, added + hdr + part);
		check_transport(f + added + l2, l3 + 20 + part, 6);
		ck_assert_uint_eq(be32_load(f + added + l2 + l3 + 4), 1000 + i * mss);
		ck_assert_mem_eq(f + added + hdr, p + hdr + i * mss, part);
	}
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, checksum, 0, ROWS(csum_rows));
	tcase_add_loop_test(t, segmentation, 0, ROWS(tso_rows));
}

int main(void)
{
	return layer3_run("layer3_offload", true, add_tests);
}
