/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offload wishes between a TAP and an adapter, as the guest side translates them:
 * against a checksum computed here, byte by byte, from the frame's own pseudo header.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "guest/guest.h"
#include "guest/tap.h"

/* A TAP's header is in the machine's byte order; the type is the checker's. */
static __virtio16 host16(unsigned v)
{
	return (BE_FORCE __virtio16)(uint16_t)v;
}

#define PAYLOAD 101 /* odd: the last byte stands alone */

struct made {
	uint8_t b[400];
	uint32_t len, l4;
};

/* A frame with the pseudo header's sum in the checksum field, as the kernel hands it over. */
static struct made make(bool v6, bool tag, uint8_t proto, unsigned seed)
{
	uint32_t l3 = tag ? 18 : 14, hdr = proto == 6 ? 20 : 8, l4len = hdr + PAYLOAD;
	struct made m = {.l4 = l3 + (v6 ? 40u : 20u)};
	uint32_t sum = l4len + proto, at = m.l4 + (proto == 6 ? 16 : 6);

	m.len = m.l4 + l4len;
	for (uint32_t i = 0; i < m.len; i++)
		m.b[i] = (uint8_t)(i * 13 + seed);
	m.b[0] = 0x02;
	if (tag) {
		be16_store(m.b + 12, 0x8100);
		be16_store(m.b + 14, 5);
	}
	be16_store(m.b + l3 - 2, v6 ? 0x86DD : 0x0800);
	m.b[l3] = v6 ? 0x60 : 0x45;
	m.b[l3 + (v6 ? 6 : 9)] = proto;
	if (proto == 6)
		m.b[m.l4 + 12] = 0x50;
	for (uint32_t i = l3 + (v6 ? 8 : 12); i < m.l4; i += 2)
		sum += be16_load(m.b + i);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	be16_store(m.b + at, (uint16_t)sum);
	return m;
}

static uint32_t sum_of(const struct made *m, uint32_t from, uint32_t sum)
{
	for (uint32_t i = from; i < m->len; i++)
		sum += (i - m->l4) % 2 ? m->b[i] : (uint32_t)m->b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

/* Sum of pseudo header and segment as a receiver builds it. Right: 0xFFFF. */
static uint32_t verify(const struct made *m, bool v6, uint8_t proto)
{
	return sum_of(m, m->l4 - (v6 ? 32 : 8), proto + (m->len - m->l4));
}

static const struct {
	unsigned n;
	bool v6, tag;
	uint8_t proto;
	bool assist;
	unsigned flags;
} sums[] = {
	{1, false, false, 6, false, 0},
	{2, false, false, 17, false, 0},
	{3, true, false, 6, false, 0},
	{4, true, false, 17, false, 0},
	{5, false, true, 6, false, 0},
	{6, true, true, 17, false, 0},
	{7, false, false, 6, true, GUEST_TX_CSUM},
	{8, false, false, 17, true, GUEST_TX_CSUM | GUEST_TX_UDP},
	{9, true, false, 6, true, GUEST_TX_CSUM},
	{10, true, true, 17, true, GUEST_TX_CSUM | GUEST_TX_UDP},
};

START_TEST(test_checksum)
{
	uint8_t proto = sums[_i].proto;

	for (unsigned seed = 0; seed < 64; seed++) {
		struct made m = make(sums[_i].v6, sums[_i].tag, proto, seed), before = m;
		struct virtio_net_hdr h = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = host16((uint16_t)m.l4),
			.csum_offset = host16(proto == 6 ? 16 : 6),
		};
		struct vnet_out out;

		ck_assert(vnet_from_tap(&h, m.b, m.len, sums[_i].assist, &out));
		ck_assert_uint_eq(out.flags, sums[_i].flags);
		if (sums[_i].assist)
			ck_assert_mem_eq(m.b, before.b, m.len);
		else
			ck_assert_uint_eq(verify(&m, sums[_i].v6, proto), 0xFFFF);
	}
}
END_TEST

/* UDP says "none" by zero, so a sum of zero is sent as its other form. */
START_TEST(test_udp_zero)
{
	struct made m = make(false, false, 17, 0);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .csum_start = host16((uint16_t)m.l4),
				   .csum_offset = host16(6)};
	uint32_t sum;
	struct vnet_out out;

	/* The payload's first word makes the segment's sum, seed included, 0xFFFF. */
	be16_store(m.b + m.l4 + 8, 0);
	sum = sum_of(&m, m.l4, 0);
	be16_store(m.b + m.l4 + 8, (uint16_t)(0xFFFF - sum));
	ck_assert(vnet_from_tap(&h, m.b, m.len, false, &out));
	ck_assert_uint_eq(be16_load(m.b + m.l4 + 6), 0xFFFF);
}
END_TEST

/* Neither TCP nor UDP, or behind an extension header: never the adapter's work. */
START_TEST(test_other_transport)
{
	struct made m = make(true, false, 6, 1);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .csum_start = host16((uint16_t)(m.l4 + 8)),
				   .csum_offset = host16(16)};
	struct vnet_out out;

	ck_assert(vnet_from_tap(&h, m.b, m.len, true, &out));
	ck_assert_uint_eq(out.flags, 0);
}
END_TEST

static const struct {
	unsigned n;
	uint8_t flags, gso_type;
	uint16_t gso_size, start, offset;
	uint32_t len;
	bool ok;
	unsigned out;
} wishes[] = {
	{1, 0, 0, 0, 0, 0, 60, true, 0},
	{2, 0, 0, 0, 0, 0, 13, false, 0},
	{3, 1, 0, 0, 34, 16, 51, false, 0}, /* the field ends behind the frame */
	{4, 1, 0, 0, 65535, 65535, 155, false, 0},
	{5, 1, 1, 1448, 34, 16, 155, true, GUEST_TX_TSO},
	{6, 1, 0x81, 1448, 34, 16, 155, true, GUEST_TX_TSO}, /* with ECN */
	{7, 1, 1, 0, 34, 16, 155, false, 0},		     /* no segment size */
	{8, 1, 3, 1448, 34, 16, 155, false, 0},		     /* UFO was not offered */
	{9, 1, 5, 1448, 34, 16, 155, false, 0},
	{10, 1, 1, 1448, 34, 16, 53, false, 0}, /* no room for a TCP header */
	{11, 1, 1, 1448, 65535, 16, 155, false, 0},
};

START_TEST(test_wish)
{
	struct made m = make(false, false, 6, 3);
	struct virtio_net_hdr h = {
		.flags = wishes[_i].flags,
		.gso_type = wishes[_i].gso_type,
		.gso_size = host16(wishes[_i].gso_size),
		.csum_start = host16(wishes[_i].start),
		.csum_offset = host16(wishes[_i].offset),
	};
	struct vnet_out out;

	ck_assert_int_eq(vnet_from_tap(&h, m.b, wishes[_i].len, true, &out), wishes[_i].ok);
	if (!wishes[_i].ok)
		return;
	ck_assert_uint_eq(out.flags, wishes[_i].out);
	if (out.flags & GUEST_TX_TSO) {
		ck_assert_uint_eq(out.hdrlen, 54);
		ck_assert_uint_eq(out.mss, 1448);
	}
}
END_TEST

static const struct {
	unsigned n;
	bool v6, tag;
	uint8_t proto;
	bool tso;
} received[] = {
	{1, false, false, 6, false}, {2, false, false, 17, false}, {3, true, false, 6, false},
	{4, true, true, 17, false},  {5, false, false, 6, true},   {6, true, true, 6, true},
};

START_TEST(test_unfinished)
{
	struct made m = make(received[_i].v6, received[_i].tag, received[_i].proto, 9);
	uint8_t proto = received[_i].proto;
	struct guest_rx rx = {.data = m.b, .len = m.len, .flags = GUEST_RX_CSUM_PARTIAL};
	struct virtio_net_hdr h = {0};
	struct vnet_out out;

	if (proto == 17)
		rx.flags |= GUEST_RX_UDP;
	if (received[_i].tso) {
		rx.flags |= GUEST_RX_TSO;
		rx.mss = 40;
		rx.hdrlen = (uint16_t)(m.l4 + 20);
	}
	ck_assert(vnet_to_tap(&h, &rx));
	ck_assert_uint_eq(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	ck_assert_uint_eq((BE_FORCE uint16_t)h.csum_start, m.l4);
	ck_assert_uint_eq(h.gso_type, !received[_i].tso ? VIRTIO_NET_HDR_GSO_NONE
				      : received[_i].v6 ? VIRTIO_NET_HDR_GSO_TCPV6
							: VIRTIO_NET_HDR_GSO_TCPV4);
	/* There and back: the same wish. */
	ck_assert(vnet_from_tap(&h, m.b, m.len, true, &out));
	ck_assert_uint_eq(out.flags, received[_i].tso ? GUEST_TX_TSO
				     : proto == 17    ? GUEST_TX_CSUM | GUEST_TX_UDP
						      : GUEST_TX_CSUM);
	/* Cut off before the checksum field: refused. */
	rx.len = m.l4 + 5;
	ck_assert(!vnet_to_tap(&h, &rx));
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

int main(void)
{
	Suite *s = suite_create("guest-vnet");
	TCase *c = tcase_create("vnet");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(c, test_checksum, 0, ROWS(sums));
	tcase_add_test(c, test_udp_zero);
	tcase_add_test(c, test_other_transport);
	tcase_add_loop_test(c, test_wish, 0, ROWS(wishes));
	tcase_add_loop_test(c, test_unfinished, 0, ROWS(received));
	suite_add_tcase(s, c);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
