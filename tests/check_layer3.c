/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer-3 data path: every output buffer a real driver was recorded to send becomes exactly its
 * frames; the tables of spec/osa-qeth.md 8.3 (transmit) and 8.4 (receive) row by row; packets that
 * wait for their next hop; checksums and segments recomputed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/databed.h"
#include "tests/trace.h"
#include "vswitch/vs_priv.h"

#define IP(a, b, c, d)                                                                             \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define OWN_IP IP(10, 97, 0, 2)
#define PEER_IP IP(10, 97, 0, 1)

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}; /* osa_rig_config */
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t all_ones[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t group4_mac[6] = {0x01, 0x00, 0x5E, 0x01, 0x02, 0x03}; /* 239.129.2.3 */
static const uint8_t group6_mac[6] = {0x33, 0x33, 0xFF, 0x00, 0x00, 0x01};
static const uint8_t own6[16] = {0xFE, 0x80, [15] = 2};
static const uint8_t peer6[16] = {0xFE, 0x80, [15] = 9};
static const uint8_t group6[16] = {0xFF, 0x02, [11] = 1, 0xFF, 0, 0, 1};

static struct databed *bd;

static void setip4(uint32_t ip, uint32_t flags)
{
	struct osa_data_ip4 d = {.flags = be32_of(flags)};

	be32_store(d.addr, ip);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 4, &d, sizeof(d)), 0);
}

static void setip6(const uint8_t ip[16])
{
	struct osa_data_ip6 d = {0};

	memcpy(d.addr, ip, 16);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 6, &d, sizeof(d)), 0);
}

static void setipm(uint16_t protocol, const uint8_t addr[16])
{
	struct osa_data_group d = {0};

	memcpy(d.addr, addr, 16);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIPM, protocol, &d, sizeof(d)), 0);
}

static int assist(uint32_t which, uint16_t protocol, uint16_t sub, uint32_t word)
{
	struct osa_assist_word m = {.ass.assist = be32_of(which),
				    .ass.len = be16_of(12),
				    .ass.subcommand = be16_of(sub),
				    .value = be32_of(word)};

	return osa_rig_ipa(bd->rig, OSA_SETASSPARMS, protocol, &m, sizeof(m));
}

static void route(uint16_t protocol, uint8_t type)
{
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETRTG, protocol, &type, 1), 0);
}

/* Throw away what the adapter sends by itself. */
static void flush_own(void)
{
	while (databed_fetch(bd))
		databed_done(bd);
}

static void setup(void)
{
	uint8_t group[16] = {0};

	bd = databed_make(BED_STORAGE);
	setip4(OWN_IP, 0);
	setip6(own6);
	be32_store(group + 12, IP(239, 129, 2, 3));
	setipm(4, group);
	setipm(6, group6);
	flush_own();
}

static void teardown(void)
{
	databed_free(bd);
}

static void peer_known(uint16_t vid, uint32_t ip)
{
	struct osa_l3 *l = &bd->rig->a->l3;
	uint8_t mac[6];

	if (vid)
		ck_assert(!osa_arp_resolve(&l->arp, vid, ip, 0, mac));
	if (!vid)
		ck_assert_int_eq(osa_arp_static_add(&l->arp, ip, peer_mac), 0);
}

/* ---- packets
 * ------------------------------------------------------------------------------------- */

static uint32_t sum16(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static uint32_t pseudo4(const uint8_t *ip, uint8_t proto, uint32_t l4len)
{
	return sum16(ip + 12, 8, proto + l4len);
}

/* An IPv4 packet with payload bytes of transport; its header's checksum is right. */
static uint32_t packet4(uint8_t *p, uint32_t src, uint32_t dst, uint8_t proto, uint32_t payload)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	be16_store(p + 2, (uint16_t)(20 + payload));
	p[8] = 64;
	p[9] = proto;
	be32_store(p + 12, src);
	be32_store(p + 16, dst);
	be16_store(p + 10, (uint16_t)~sum16(p, 20, 0));
	for (uint32_t i = 0; i < payload; i++)
		p[20 + i] = (uint8_t)(i * 7);
	return 20 + payload;
}

static uint32_t packet6(uint8_t *p, const uint8_t src[16], const uint8_t dst[16], uint8_t next,
			uint32_t payload)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	be16_store(p + 4, (uint16_t)payload);
	p[6] = next;
	p[7] = 64;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
	for (uint32_t i = 0; i < payload; i++)
		p[40 + i] = (uint8_t)(i * 5);
	return 40 + payload;
}

static uint32_t ethernet(uint8_t *f, const uint8_t *dst, const uint8_t *src, int tci, uint16_t type)
{
	uint32_t at = 12;

	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	if (tci >= 0) {
		be16_store(f + at, 0x8100);
		be16_store(f + at + 2, (uint16_t)tci);
		at += 4;
	}
	be16_store(f + at, type);
	return at + 2;
}

static struct osa_l3_hdr header4(uint8_t cast, uint32_t len, uint32_t hop)
{
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = cast, .len = be16_of((uint16_t)len)};

	be32_store(h.next_hop4, hop);
	return h;
}

/* ---- transmit: 8.3 ----------------------------------------------------------------------------
 */

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

/* ---- waiting for the next hop -------------------------------------------------------------------
 */

static uint32_t arp_frame(uint8_t *f, uint16_t op, const uint8_t *smac, uint32_t sip, uint32_t tip,
			  int tci)
{
	uint32_t at = ethernet(f, op == 1 ? all_ones : own_mac, smac, tci, 0x0806);

	be32_store(f + at, 0x00010800);
	be32_store(f + at + 4, 0x06040000u | op);
	memcpy(f + at + 8, smac, 6);
	be32_store(f + at + 14, sip);
	memset(f + at + 18, 0, 6);
	be32_store(f + at + 24, tip);
	return at + 28;
}

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

/* ---- offloads
 * ------------------------------------------------------------------------------------- */

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

/* ---- receive: 8.4
 * --------------------------------------------------------------------------------- */

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

/* ---- recordings
 * ------------------------------------------------------------------------------------- */

/* One recorded frame, as the test reads it from storage. */
struct recorded {
	uint32_t len, skip;
	uint8_t bytes[65536 + 64];
};

static unsigned read_frame(const struct qdio_sbal *s, unsigned e, struct recorded *r)
{
	const uint8_t *mem = bd->mem;
	uint32_t have = 0;

	do {
		uint32_t n = be32_get(s->e[e].length);

		memcpy(r->bytes + have, mem + be64_get(s->e[e].addr), n);
		if (!have) {
			r->len = be16_load(r->bytes + 8);
			r->skip = r->bytes[0] == OSA_HDR_LAYER3_TSO ? 64 : 32;
		}
		have += n;
		e++;
	} while (have < r->len + r->skip);
	ck_assert_uint_eq(have, r->len + r->skip);
	return e;
}

/* Compare frame i of the burst with what was recorded. */
static void compare(const struct recorded *r, unsigned i, unsigned line)
{
	static uint8_t f[65536 + 64];
	const uint8_t *h = r->bytes, *p = r->bytes + r->skip;
	bool passthru = h[1] & 0x10, tag = h[11] & 1;
	uint32_t added = (passthru ? 0 : 14u) + (tag ? 4u : 0), n = databed_join(bd, i, f);
	uint32_t l3 = passthru ? 14 : 0;

	ck_assert_msg(n == r->len + added, "line %u: %u bytes, not %u", line, n, r->len + added);
	if (passthru)
		ck_assert_mem_eq(f, p, 12);
	else
		ck_assert_mem_eq(f + 6, own_mac, 6);
	if (!passthru && (h[1] & 7) == 6)
		ck_assert_mem_eq(f, peer_mac, 6);
	if (!passthru && (h[1] & 7) == 5)
		ck_assert_mem_eq(f, all_ones, 6);
	if (tag)
		ck_assert_uint_eq(be32_load(f + 12), 0x81000000u | be16_load(h + 12));
	ck_assert_uint_eq(be16_load(f + (passthru ? 12 : added - 2)),
			  passthru ? be16_load(p + 12) : 0x0800);
	if (r->skip == 64 || h[11] & 0x30) {
		/* Length, header and transport checksums are the adapter's. */
		ck_assert(bd->b.flags[i] & VS_F_CSUM_NEEDED);
		if (!passthru) {
			ck_assert_uint_eq(be16_load(f + added + 2), r->len);
			ck_assert_uint_eq(sum16(f + added, 20, 0), 0xFFFF);
		}
		l3 += passthru ? 40 + 18 : 20 + 18;
	}
	ck_assert_mem_eq(f + added + l3, p + l3, r->len - l3);
}

static const struct {
	const char *path;
	unsigned buffers, tso, csum; /* at least; of buffers more */
} recordings[] = {
	{"tests/data/l3-osd.trace", 100, 10, 30},
	{"tests/data/l3-zosa.trace", 40, 0, 0},
};

START_TEST(recorded_buffers)
{
	struct trace *t = trace_load(recordings[_i].path);
	static struct recorded r;
	struct qdio_queue *q;
	unsigned buffers = 0, tso = 0, csum = 0;

	bd = databed_make(TRACE_STORAGE_BYTES);
	setip4(OWN_IP, 0);
	flush_own();
	peer_known(0, PEER_IP);
	peer_known(0, IP(10, 97, 5, 1));
	peer_known(0, IP(10, 8, 0, 2));
	peer_known(0, IP(10, 8, 0, 254));
	q = &bd->rig->queues.out[0];
	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < t->n; i++) {
		struct qdio_sbal *s;
		unsigned e = 0, n;

		if (!trace_is(&t->ev[i], "SBAL-OUT") || !be32_load(t->ev[i].data + 4))
			continue;
		ck_assert_int_eq(trace_stage_sbal(t, i, bd->mem, TRACE_STORAGE_BYTES), 0);
		s = (struct qdio_sbal *)(void *)(bd->mem + trace_hex(&t->ev[i], "addr", 0));
		q->sbal[q->cursor] = s;
		atomic_store(&q->slsb[q->cursor], QDIO_OUT_PRIMED);
		n = databed_fetch(bd);
		for (unsigned k = 0; k < n; k++) {
			ck_assert_uint_lt(e, 16);
			e = read_frame(s, e, &r);
			compare(&r, k, t->ev[i].line);
			tso += (bd->b.flags[k] & VS_F_GSO) != 0;
			csum += bd->b.flags[k] == VS_F_CSUM_NEEDED;
		}
		ck_assert_msg(n && s->e[e - 1].eflags & QDIO_EFLAG_LAST, "line %u: %u frames",
			      t->ev[i].line, n);
		databed_done(bd);
		ck_assert_uint_eq(atomic_load(&q->slsb[(q->cursor + 127) % 128]), QDIO_OUT_EMPTY);
		buffers++;
	}
	ck_assert_uint_gt(buffers, recordings[_i].buffers);
	ck_assert_uint_ge(tso, recordings[_i].tso);
	ck_assert_uint_ge(csum, recordings[_i].csum);
	trace_free(t);
	databed_free(bd);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("layer3");
	TCase *t = tcase_create("data path"), *rec = tcase_create("recordings");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, transmit_rows, 0, ROWS(tx_rows));
	tcase_add_loop_test(t, transmit_layouts, 0, 10);
	tcase_add_test(t, transmit_vlan);
	tcase_add_test(t, transmit_passthru);
	tcase_add_test(t, transmit_bare_ip6);
	tcase_add_loop_test(t, transmit_bad, 0, ROWS(bad_rows));
	tcase_add_loop_test(t, resolve, 0, 2);
	tcase_add_test(t, unresolved);
	tcase_add_test(t, unresolved_at_the_end);
	tcase_add_test(t, scan);
	tcase_add_loop_test(t, checksum, 0, ROWS(csum_rows));
	tcase_add_loop_test(t, segmentation, 0, ROWS(tso_rows));
	tcase_add_loop_test(t, receive_rows, 0, ROWS(rx_rows));
	tcase_add_loop_test(t, receive_vlan, 0, ROWS(vlan_rows));
	tcase_add_test(t, receive_assists);
	tcase_add_loop_test(t, receive_short, 0, 5);
	tcase_add_test(t, receive_without_buffers);
	suite_add_tcase(s, t);
	tcase_set_timeout(rec, 60);
	tcase_add_loop_test(rec, recorded_buffers, 0, 2);
	suite_add_tcase(s, rec);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
