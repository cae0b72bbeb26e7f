/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that wait for the address of their next hop. */
#include "tests/layer3_bed.h"

static void expect_request(const uint8_t *f, uint32_t n, uint32_t sip, uint32_t tip, int vid)
{
	uint32_t at = vid ? 16 : 12;

	ck_assert_uint_eq(n, at + 30);
	ck_assert_mem_eq(f, all_ones, 6);
	ck_assert_mem_eq(f + 6, own_mac, 6);
	if (vid)
		ck_assert_uint_eq(be32_load(f + 12), 0x81000000u | (unsigned)vid);
	ck_assert_uint_eq(be16_load(f + at), 0x0806);
	ck_assert_uint_eq(be16_load(f + at + 8), 1);
	ck_assert_mem_eq(f + at + 10, own_mac, 6);
	ck_assert_uint_eq(be32_load(f + at + 16), sip);
	ck_assert_uint_eq(be32_load(f + at + 26), tip);
}

static void send_to(uint32_t hop, uint32_t payload, int vid)
{
	static uint8_t p[9000];
	uint32_t len = packet4(p, OWN_IP, hop, 1, payload);
	struct osa_l3_hdr h = header4(6, len, hop);

	if (vid) {
		h.ext_flags = OSA_L3_TCI;
		h.tci = be16_of((uint16_t)vid);
	}
	databed_send(bd, &h, sizeof(h), p, len, 0);
}

START_TEST(resolve)
{
	int vid = _i ? 5 : 0;
	uint8_t f[BED_FRAME], arp[64];
	struct osa_info info;
	uint32_t n;

	send_to(PEER_IP, 100, vid);
	ck_assert_uint_eq(databed_fetch(bd), 1); /* the request goes with the same call */
	n = databed_join(bd, 0, f);
	expect_request(f, n, OWN_IP, PEER_IP, vid);
	databed_done(bd);
	ck_assert_uint_eq(atomic_load(&bd->rig->queues.out[0].slsb[0]), QDIO_OUT_EMPTY);
	send_to(PEER_IP, 200, vid);
	ck_assert_uint_eq(databed_fetch(bd), 0); /* asked already */
	/* The answer of another VLAN is not an answer. */
	n = arp_frame(arp, 2, peer_mac, PEER_IP, OWN_IP, vid ? -1 : 5);
	ck_assert_uint_eq(databed_deliver(bd, arp, n, 0, VS_EDIT_NONE, 0), 1);
	ck_assert_uint_eq(databed_fetch(bd), 0);
	n = arp_frame(arp, 2, peer_mac, PEER_IP, OWN_IP, vid ? vid : -1);
	ck_assert_uint_eq(databed_deliver(bd, arp, n, 0, VS_EDIT_NONE, 0), 1);
	ck_assert(osa_layer3_ops.arm(bd->rig->a));
	ck_assert_uint_eq(databed_fetch(bd), 2);
	for (unsigned i = 0; i < 2; i++) {
		n = databed_join(bd, i, f);
		ck_assert_uint_eq(n, (vid ? 18u : 14u) + 20 + 100 * (i + 1));
		ck_assert_mem_eq(f, peer_mac, 6);
		ck_assert_mem_eq(f + 6, own_mac, 6);
		ck_assert_uint_eq(f[n - 1], (uint8_t)((100 * (i + 1) - 1) * 7));
	}
	databed_done(bd);
	ck_assert(!osa_layer3_ops.arm(bd->rig->a));
	send_to(PEER_IP, 300, vid);
	ck_assert_uint_eq(databed_fetch(bd), 1);
	ck_assert_mem_eq(bd->b.head[0], peer_mac, 6);
	databed_done(bd);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.unresolved, 0);
}
END_TEST

/* Three packets wait, the fourth and what is too long is dropped; three questions, then no more. */
START_TEST(unresolved)
{
	struct osa_info info;
	unsigned asked = 0;

	for (unsigned i = 0; i < 4; i++)
		send_to(PEER_IP, 100, 0);
	send_to(PEER_IP, 2000, 0);
	asked += databed_fetch(bd);
	ck_assert_uint_eq(bd->dropped[VS_DROP_RX_UNRESOLVED], 2);
	databed_done(bd);
	for (uint64_t s = 1; s < 10; s++) {
		osa_tick(bd->rig->a, s * 1000);
		while (databed_fetch(bd)) {
			for (unsigned i = 0; i < bd->b.n; i++) { /* announcements are there too */
				uint8_t *head = bd->b.head[i];

				asked += be32_load(head + 28) != be32_load(head + 38);
			}
			databed_done(bd);
		}
	}
	ck_assert_uint_eq(asked, OSA_ARP_TRIES);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.unresolved, 2 + 3);
	ck_assert_uint_eq(info.n_arp, 0);
	ck_assert_uint_eq(bd->rig->a->l3.own.waiting, 0);
}
END_TEST

/* What waits, or is ready and not yet fetched, when the cable is pulled is gone, and counted. */
START_TEST(unresolved_at_the_end)
{
	uint8_t arp[64];
	struct osa_info info;
	uint32_t n;

	for (unsigned i = 0; i < 2; i++)
		send_to(PEER_IP, 100, 0);
	send_to(PEER_IP + 1, 100, 0);
	while (databed_fetch(bd)) /* the requests */
		databed_done(bd);
	ck_assert_uint_eq(bd->rig->a->l3.own.waiting, 3);
	n = arp_frame(arp, 2, peer_mac, PEER_IP, OWN_IP, -1);
	ck_assert_uint_eq(databed_deliver(bd, arp, n, 0, VS_EDIT_NONE, 0), 1);
	/* The session may end while the queues go on: then what is ready is still sent. */
	osa_l3_forget(bd->rig->a);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.unresolved, 1);
	ck_assert_uint_eq(bd->rig->a->l3.own.waiting, 0);
	osa_l3_stopped(bd->rig->a);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.unresolved, 3);
	ck_assert_uint_eq(info.n_arp, 0);
	osa_l3_stopped(bd->rig->a);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.unresolved, 3);
}
END_TEST

/* However much is sent to nobody, requests still find a slot, and the ring goes on. */
START_TEST(scan)
{
	uint8_t f[BED_FRAME], arp[64];
	unsigned requests = 0;

	for (unsigned i = 0; i < 400; i++) {
		send_to(IP(10, 98, i / 200, i % 200 + 1), 100, 0);
		while (databed_fetch(bd)) {
			requests += bd->b.n;
			databed_done(bd);
		}
	}
	ck_assert_uint_eq(requests, 400);
	ck_assert_uint_eq(bd->rig->a->l3.own.waiting, OSA_OWN_WAITING);
	for (unsigned i = 0; i < 400; i++) {
		uint32_t n =
			arp_frame(arp, 2, peer_mac, IP(10, 98, i / 200, i % 200 + 1), OWN_IP, -1);

		databed_deliver(bd, arp, n, 0, VS_EDIT_NONE, 0);
	}
	requests = 0;
	while (databed_fetch(bd)) {
		for (unsigned i = 0; i < bd->b.n; i++) {
			ck_assert_uint_eq(databed_join(bd, i, f), 14 + 120);
			ck_assert_mem_eq(f, peer_mac, 6);
		}
		requests += bd->b.n;
		databed_done(bd);
	}
	ck_assert_uint_eq(requests, OSA_OWN_WAITING);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, resolve, 0, 2);
	tcase_add_test(t, unresolved);
	tcase_add_test(t, unresolved_at_the_end);
	tcase_add_test(t, scan);
}

int main(void)
{
	return layer3_run("layer3_hop", true, add_tests);
}
