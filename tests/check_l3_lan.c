/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two layer-3 guests and one layer-2 guest on a switch, in one process and one thread:
 *
 *   layer 3: 10.0.0.1 ── adapter ──┐
 *   layer 3: 10.0.0.2 ── adapter ──┤ switch
 *   layer 2: 10.0.0.3 ── adapter ──┘
 *
 * The layer-2 guest's IP and ARP are in the test; all other ARP is the adapters'.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "guest/guest_priv.h"
#include "tests/inproc.h"
#include "vswitch/vswitch.h"

#define GUESTS 3u
#define PLAIN 2u /* the layer-2 guest */
#define IP(i) (0x0A000001u + (i))
#define NOBODY 0x0A000063u
#define GROUP 0xE1020304u
#define VID 5

struct side {
	struct inproc ip;
	struct guest_dev *d;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];
};

static struct side side[GUESTS];
static struct vs_switch *sw;
static struct vs_worker *worker;
static uint64_t now_ms;

static struct guest_ip ip4(uint32_t ip, uint8_t flags)
{
	struct guest_ip x = {.flags = flags};

	be32_store(x.addr + 12, ip);
	return x;
}

/* Return: what guest_online returns. */
static int try_side(unsigned i)
{
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config cfg = {
		.layer = i == PLAIN ? 2 : 3, .check_all = true, .timeout_ms = 100};
	struct vs_port_config port = {.role = VS_ROLE_GUEST, .type = VS_TYPE_TRUNK};
	struct guest_ip own = ip4(IP(i), 0);
	struct side *s = &side[i];
	struct guest_machine m;

	vs_vidset_add(&port.vids, 1);
	vs_vidset_add(&port.vids, VID);
	memcpy(s->mac, osa.mac, 6);
	memcpy(port.own_mac, osa.mac, 6);
	ck_assert_int_eq(inproc_open(&s->ip, &osa, &cfg), 0);
	s->port = vs_port_create(sw, &port);
	vs_port_assign(s->port, worker);
	s->link = vs_port_link(s->port);
	s->d = guest_dev_create(&cfg, &s->ip.st);
	osa_set_link(s->ip.osa, &s->link);
	inproc_machine(&s->ip, &m);
	guest_dev_connect(s->d, &m);
	if (i != PLAIN)
		ck_assert_int_eq(guest_ip_add(s->d, &own), 0);
	return guest_online(s->d);
}

static void open_side(unsigned i)
{
	ck_assert_int_eq(try_side(i), 0);
}

/* Until nothing moves. */
static void settle(void)
{
	while (vs_worker_poll(worker))
		rcu_quiescent_state();
	rcu_quiescent_state();
}

static void tick(void)
{
	now_ms += 1000;
	for (unsigned i = 0; i < GUESTS; i++)
		osa_tick(side[i].ip.osa, now_ms);
	settle();
}

/* Throw away what a guest has received. */
static void drain(unsigned i)
{
	struct guest_rx rx[64];

	while (guest_rx_burst(side[i].d, rx, 64))
		guest_rx_release(side[i].d);
}

static void setup_kind(enum vs_lan_kind kind)
{
	struct vs_switch_config cfg = {.name = "LAN",
				       .kind = kind,
				       .vlan_aware = kind == VS_KIND_VSWITCH,
				       .mac_protect = true,
				       .native_vid = 1};

	rcu_register_thread();
	now_ms = 0;
	sw = vs_switch_create(&cfg);
	worker = vs_worker_create();
	for (unsigned i = 0; i < GUESTS; i++)
		open_side(i);
	settle();
	for (unsigned i = 0; i < GUESTS; i++)
		drain(i);
}

static void setup(void)
{
	setup_kind(VS_KIND_VSWITCH);
}

static void setup_guest_lan(void)
{
	setup_kind(VS_KIND_GUEST_LAN);
}

static void teardown(void)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		ck_assert_uint_eq(guest_dev_stats(side[i].d)->violations, 0);
		guest_offline(side[i].d);
		guest_dev_destroy(side[i].d);
		osa_set_link(side[i].ip.osa, NULL);
		vs_port_destroy(side[i].port);
		inproc_close(&side[i].ip);
	}
	vs_switch_destroy(sw);
	vs_worker_destroy(worker);
	rcu_unregister_thread();
}

/* ---- what guests send and receive -------------------------------------------------------------
 */

/* An IPv4 packet whose payload begins with a mark. */
static uint32_t packet(uint8_t *p, uint32_t src, uint32_t dst, uint32_t len, uint32_t mark)
{
	memset(p, 0x55, len);
	memset(p, 0, 20);
	p[0] = 0x45;
	be16_store(p + 2, (uint16_t)len);
	p[8] = 64;
	p[9] = 1;
	be32_store(p + 12, src);
	be32_store(p + 16, dst);
	be32_store(p + 20, mark);
	return len;
}

static void send3(unsigned i, uint8_t cast, uint32_t hop, uint32_t dst, uint32_t len, uint32_t mark,
		  int vid)
{
	static uint8_t p[9000];
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = cast};
	struct guest_frame f = {.data = p, .header = (const uint8_t *)&h};

	f.len = packet(p, IP(i), dst, len, mark);
	h.len = be16_of((uint16_t)f.len);
	be32_store(h.next_hop4, hop);
	if (vid) {
		h.ext_flags = OSA_L3_TCI;
		h.tci = be16_of((uint16_t)vid);
	}
	ck_assert_uint_eq(guest_tx_frames(side[i].d, 0, &f, 1, 1), 1);
	settle();
	guest_tx_reclaim(side[i].d, 0);
}

static void send2(const uint8_t *frame, uint32_t len)
{
	const struct guest_frame f = {.data = frame, .len = len};

	ck_assert_uint_eq(guest_tx_frames(side[PLAIN].d, 0, &f, 1, 1), 1);
	settle();
	guest_tx_reclaim(side[PLAIN].d, 0);
}

/* The next frame of a guest, or false. */
static bool next(unsigned i, struct guest_rx *rx, struct osa_l3_hdr *h)
{
	guest_rx_release(side[i].d);
	if (!guest_rx_burst(side[i].d, rx, 1))
		return false;
	if (i != PLAIN)
		memcpy(h, rx->header, sizeof(*h));
	return true;
}

static void expect3(unsigned i, uint32_t mark, uint32_t len, uint8_t cast, const uint8_t *src,
		    int vid)
{
	struct osa_l3_hdr h;
	struct guest_rx rx;

	ck_assert_msg(next(i, &rx, &h), "guest %u: nothing for %08X", i, mark);
	ck_assert_uint_eq(rx.len, len);
	ck_assert_uint_eq(be32_load(rx.data + 20), mark);
	ck_assert_uint_eq(h.flags, cast);
	ck_assert_mem_eq(h.in.src_mac, src, 6);
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC | (vid ? OSA_L3_TCI : 0));
	ck_assert_int_eq(be16_get(h.tci), vid);
}

static void expect_nothing(unsigned i)
{
	struct osa_l3_hdr h;
	struct guest_rx rx;

	ck_assert(!next(i, &rx, &h));
}

/* ---- the layer-2 guest's ARP
 * ---------------------------------------------------------------------- */

static uint32_t arp(uint8_t *f, uint16_t op, const uint8_t *dst, uint32_t sip, uint32_t tip)
{
	memset(f, 0, 60);
	memcpy(f, dst, 6);
	memcpy(f + 6, side[PLAIN].mac, 6);
	be16_store(f + 12, 0x0806);
	be32_store(f + 14, 0x00010800);
	be32_store(f + 18, 0x06040000u | op);
	memcpy(f + 22, side[PLAIN].mac, 6);
	be32_store(f + 28, sip);
	be32_store(f + 38, tip);
	return 60;
}

/* The next ARP packet it receives asks (or tells) this. */
static void expect_arp(uint16_t op, unsigned from, uint32_t sip, uint32_t tip)
{
	struct osa_l3_hdr h;
	struct guest_rx rx;

	ck_assert(next(PLAIN, &rx, &h));
	ck_assert_uint_eq(be16_load(rx.data + 12), 0x0806);
	ck_assert_mem_eq(rx.data + 6, side[from].mac, 6);
	ck_assert_uint_eq(be16_load(rx.data + 20), op);
	ck_assert_mem_eq(rx.data + 22, side[from].mac, 6);
	ck_assert_uint_eq(be32_load(rx.data + 28), sip);
	ck_assert_uint_eq(be32_load(rx.data + 38), tip);
}

static const uint8_t all_ones[6] = {255, 255, 255, 255, 255, 255};

/* ---- tests
 * ------------------------------------------------------------------------------------------- */

/* There and back: the adapters resolve for their hosts; no packet is lost to that. */
START_TEST(ping_layer3)
{
	for (uint32_t n = 0; n < 200; n++) {
		uint32_t len = n % 3 == 0 ? 84 : n % 3 == 1 ? 1492 : 8900;

		if (n == 0)
			len = 84; /* the first waits, and long ones may not */
		send3(0, 6, IP(1), IP(1), len, n, 0);
		expect3(1, n, len, 6, side[0].mac, 0);
		send3(1, 6, IP(0), IP(0), len, n + 1000, 0);
		expect3(0, n + 1000, len, 6, side[1].mac, 0);
	}
	expect_nothing(0);
	expect_nothing(1);
}
END_TEST

START_TEST(ping_layer2)
{
	uint8_t f[256];
	struct osa_l3_hdr h;
	struct guest_rx rx;

	send3(0, 6, IP(PLAIN), IP(PLAIN), 84, 77, 0);
	expect_arp(1, 0, IP(0), IP(PLAIN));
	send2(f, arp(f, 2, side[0].mac, IP(PLAIN), IP(0)));
	ck_assert(next(PLAIN, &rx, &h));
	ck_assert_uint_eq(rx.len, 14 + 84);
	ck_assert_mem_eq(rx.data, side[PLAIN].mac, 6);
	ck_assert_mem_eq(rx.data + 6, side[0].mac, 6);
	ck_assert_uint_eq(be16_load(rx.data + 12), 0x0800);
	ck_assert_uint_eq(be32_load(rx.data + 14 + 20), 77);
	/* It asks who has the layer-3 guest's address, and sends there. */
	send2(f, arp(f, 1, all_ones, IP(PLAIN), IP(1)));
	expect_arp(2, 1, IP(1), IP(PLAIN));
	memcpy(f, side[1].mac, 6);
	be16_store(f + 12, 0x0800);
	packet(f + 14, IP(PLAIN), IP(1), 84, 78);
	send2(f, 14 + 84);
	expect3(1, 78, 84, 6, side[PLAIN].mac, 0);
	/* Having been asked, the adapter knows the way back. */
	send3(1, 6, IP(PLAIN), IP(PLAIN), 84, 79, 0);
	ck_assert(next(PLAIN, &rx, &h));
	ck_assert_uint_eq(be32_load(rx.data + 14 + 20), 79);
	/* An address that is nobody's. */
	send2(f, arp(f, 1, all_ones, IP(PLAIN), NOBODY));
	ck_assert(!next(PLAIN, &rx, &h));
}
END_TEST

START_TEST(broadcast_and_groups)
{
	struct guest_ip group = ip4(GROUP, 0);
	struct osa_l3_hdr h;
	struct guest_rx rx;

	send3(0, 5, 0x0A0000FF, 0x0A0000FF, 84, 1, 0);
	expect3(1, 1, 84, 5, side[0].mac, 0);
	ck_assert(next(PLAIN, &rx, &h));
	ck_assert_mem_eq(rx.data, all_ones, 6);
	expect_nothing(0);
	send3(0, 4, GROUP, GROUP, 84, 2, 0);
	expect_nothing(1);
	ck_assert_int_eq(guest_ip_group_add(side[1].d, &group), 0);
	send3(0, 4, GROUP, GROUP, 84, 3, 0);
	expect3(1, 3, 84, 4, side[0].mac, 0);
}
END_TEST

static int setip_wait(unsigned i, uint32_t ip, uint32_t flags, bool *held)
{
	struct osa_data_ip4 d = {.flags = be32_of(flags)};
	int seq, rc;

	be32_store(d.addr, ip);
	seq = guest_ipa_send(side[i].d, OSA_SETIP, 4, &d, sizeof(d));
	ck_assert_int_ge(seq, 0);
	settle();
	guest_service(side[i].d);
	*held = !side[i].d->ipa[0].done;
	if (*held)
		tick();
	guest_service(side[i].d);
	rc = guest_ipa_wait(side[i].d, seq, NULL, 0, NULL);
	return rc;
}

START_TEST(duplicates)
{
	struct osa_info info;
	uint8_t f[64];
	bool held;

	tick(); /* time passes: probes are worth while */
	ck_assert_int_eq(setip_wait(0, NOBODY, 0, &held), 0);
	ck_assert(held);
	ck_assert_int_eq(setip_wait(1, NOBODY, 0, &held), OSA_RC_DUP_IP_NETWORK);
	ck_assert(held);
	osa_info(side[1].ip.osa, &info);
	ck_assert_uint_eq(info.n_addresses, 1);
	/* A takeover does not ask. */
	ck_assert_int_eq(setip_wait(1, NOBODY, OSA_IP_SET_TAKEOVER, &held), 0);
	ck_assert(!held);
	osa_info(side[0].ip.osa, &info);
	ck_assert_uint_ge(info.conflicts, 1);
	/* Nor does a VIPA, which is not announced either. */
	drain(PLAIN);
	ck_assert_int_eq(setip_wait(0, NOBODY + 1, OSA_IP_SET_VIPA, &held), 0);
	ck_assert(!held);
	tick();
	for (struct guest_rx rx; guest_rx_burst(side[PLAIN].d, &rx, 1);)
		ck_assert_uint_ne(be32_load(rx.data + 28), NOBODY + 1);
	/* The layer-2 guest has an address. */
	struct osa_data_ip4 d = {0};
	int seq;

	be32_store(d.addr, IP(PLAIN));
	seq = guest_ipa_send(side[0].d, OSA_SETIP, 4, &d, sizeof(d));
	settle();
	send2(f, arp(f, 2, side[0].mac, IP(PLAIN), 0));
	tick();
	guest_service(side[0].d);
	ck_assert_int_eq(guest_ipa_wait(side[0].d, seq, NULL, 0, NULL), OSA_RC_DUP_IP_NETWORK);
}
END_TEST

/* IPv6: whole frames out, packets in; a solicitation reaches the group that was registered. */
START_TEST(ip6)
{
	static const uint8_t link_local[16] = {0xFE, 0x80, [15] = 2};
	static const uint8_t solicited[16] = {0xFF, 0x02, [11] = 1, 0xFF, 0, 0, 2};
	static const uint8_t group_mac[6] = {0x33, 0x33, 0xFF, 0, 0, 2};
	struct guest_ip own = {.v6 = true}, group = {.v6 = true};
	uint8_t f[14 + 40 + 32] = {0};
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = 0x94, .len = be16_of(sizeof(f))}, in;
	struct guest_frame out = {.data = f, .len = sizeof(f), .header = (const uint8_t *)&h};
	struct guest_rx rx;

	memcpy(own.addr, link_local, 16);
	memcpy(group.addr, solicited, 16);
	memcpy(f, group_mac, 6);
	memcpy(f + 6, side[0].mac, 6);
	be16_store(f + 12, 0x86DD);
	f[14] = 0x60;
	be16_store(f + 18, 32);
	f[20] = 58;
	f[22] = 0xFE;
	f[23] = 0x80;
	memcpy(f + 38, solicited, 16);
	f[54] = 135; /* neighbour solicitation */
	ck_assert_uint_eq(guest_tx_frames(side[0].d, 0, &out, 1, 1), 1);
	settle();
	expect_nothing(1);
	ck_assert_int_eq(guest_ip_add(side[1].d, &own), 0);
	ck_assert_int_eq(guest_ip_group_add(side[1].d, &group), 0);
	settle();
	for (unsigned unicast = 0; unicast < 2; unicast++) {
		if (unicast) {
			memcpy(f, side[1].mac, 6);
			memcpy(f + 38, link_local, 16);
			h.flags = 0x96;
		}
		ck_assert_uint_eq(guest_tx_frames(side[0].d, 0, &out, 1, 1), 1);
		settle();
		ck_assert(next(1, &rx, &in));
		ck_assert_uint_eq(in.flags, unicast ? 0x86 : 0x84);
		ck_assert_uint_eq(rx.len, sizeof(f) - 14);
		ck_assert_mem_eq(rx.data, f + 14, rx.len);
		ck_assert_mem_eq(in.in.src_mac, side[0].mac, 6);
	}
	guest_tx_reclaim(side[0].d, 0);
}
END_TEST

/* A large packet leaves for a guest that takes none: segments with right checksums arrive. */
START_TEST(large_packets)
{
	static uint8_t p[OSA_HDR_BYTES + sizeof(struct osa_tso_ext) + 8040];
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3_TSO, .flags = 6, .len = be16_of(8040)}, none;
	const struct osa_tso_ext x = {.ext_len = be16_of(32),
				      .n_hdr = 1,
				      .hdr_type = 1,
				      .version = 1,
				      .hdr_len = be16_of(28),
				      .payload_len = be32_of(8000),
				      .mss = be16_of(1440),
				      .proto_hdr_len = be16_of(40)};
	uint8_t *ip = p + sizeof(x), f[64];
	struct guest_frame out = {.data = p, .header = (const uint8_t *)&h};
	uint32_t payload = 0;
	struct guest_rx rx;

	send2(f, arp(f, 1, all_ones, IP(PLAIN), IP(0))); /* so that it is known */
	drain(PLAIN);
	memcpy(p, &x, sizeof(x));
	packet(ip, IP(0), IP(PLAIN), 8040, 0);
	be16_store(ip + 2, 0);
	ip[9] = 6;
	memset(ip + 20, 0, 20);
	ip[32] = 0x50;
	be32_store(h.next_hop4, IP(PLAIN));
	out.len = sizeof(x) + 8040;
	ck_assert_uint_eq(guest_tx_frames(side[0].d, 0, &out, 1, 1), 1);
	settle();
	guest_tx_reclaim(side[0].d, 0);
	ck_assert_uint_eq(guest_dev_stats(side[0].d)->tx_errors, 0);
	while (next(PLAIN, &rx, &none)) {
		const uint8_t *q = rx.data + 14;
		uint32_t sum = 6 + rx.len - 34;

		ck_assert_uint_eq(be16_load(q + 2), rx.len - 14);
		ck_assert_uint_eq(be32_load(q + 24), payload);
		for (uint32_t i = 12; i < rx.len - 14; i += 2)
			sum += be16_load(q + i);
		ck_assert_uint_eq((sum & 0xFFFF) + (sum >> 16), 0xFFFF);
		payload += rx.len - 54;
	}
	ck_assert_uint_eq(payload, 8000);
}
END_TEST

START_TEST(recovery)
{
	send3(0, 6, IP(1), IP(1), 84, 1, 0);
	expect3(1, 1, 84, 6, side[0].mac, 0);
	ck_assert_int_eq(guest_recover(side[1].d), 0);
	settle();
	expect_nothing(1);
	send3(0, 6, IP(1), IP(1), 84, 2, 0);
	expect3(1, 2, 84, 6, side[0].mac, 0);
	send3(1, 6, IP(0), IP(0), 84, 3, 0);
	expect3(0, 3, 84, 6, side[1].mac, 0);
	/* The cable of the other: out, in, recovery. */
	osa_set_link(side[0].ip.osa, NULL);
	guest_service(side[0].d);
	osa_set_link(side[0].ip.osa, &side[0].link);
	ck_assert(guest_service(side[0].d) & GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(side[0].d), 0);
	settle();
	send3(0, 6, IP(1), IP(1), 84, 4, 0);
	expect3(1, 4, 84, 6, side[0].mac, 0);
}
END_TEST

/* Two VLANs, two caches; a tag comes out as it went in. */
START_TEST(vlans)
{
	send3(0, 6, IP(1), IP(1), 84, 1, VID);
	if (_i) /* a guest LAN delivers where somebody has joined: with the next ticks */
		for (unsigned n = 0; n < 2; n++) {
			send3(1, 6, IP(0), IP(0), 84, 2, VID);
			tick();
		}
	drain(1);
	drain(0);
	send3(0, 6, IP(1), IP(1), 84, 3, VID);
	expect3(1, 3, 84, 6, side[0].mac, VID);
	send3(1, 6, IP(0), IP(0), 84, 4, VID);
	expect3(0, 4, 84, 6, side[1].mac, VID);
	send3(0, 6, IP(1), IP(1), 84, 5, 0);
	expect3(1, 5, 84, 6, side[0].mac, 0);
}
END_TEST

/* ---- threads
 * ----------------------------------------------------------------------------------------- */

static _Atomic bool stop;

static void *worker_main(void *arg)
{
	(void)arg;
	rcu_register_thread();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		vs_worker_poll(worker);
		if (vs_worker_arm(worker))
			rcu_quiescent_state();
		vs_worker_disarm(worker);
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

/* Tables change, ARP ages and is flushed, the cable moves while frames flow. */
START_TEST(threads)
{
	const struct guest_ip more = ip4(NOBODY, OSA_IP_SET_TAKEOVER);
	uint8_t flush[12] = {0, 0, 0, 1, 0, 8, 0, OSA_ARP_FLUSH};
	uint8_t p[2][100];
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = 6, .len = be16_of(100)};
	unsigned got = 0;
	pthread_t thread;

	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, worker_main, NULL), 0);
	for (unsigned n = 0; n < 2000 || got < 100; n++) {
		struct guest_frame f = {.data = p[n % 2], .header = (const uint8_t *)&h};
		unsigned from = n % 2;
		struct guest_rx rx[64];
		unsigned k;

		f.len = packet(p[from], IP(from), IP(1 - from), 100, n);
		be32_store(h.next_hop4, n % 7 ? IP(1 - from) : NOBODY + 7);
		guest_tx_reclaim(side[from].d, 0);
		guest_tx_frames(side[from].d, 0, &f, 1, 1);
		while ((k = guest_rx_burst(side[1 - from].d, rx, 64))) {
			got += k;
			guest_rx_release(side[1 - from].d);
		}
		if (n % 16 == 0)
			ck_assert_int_eq(guest_ip_add(side[from].d, &more), 0);
		if (n % 16 == 2)
			ck_assert_int_eq(guest_ip_del(side[from].d, &more), 0);
		/* Not guest 1, whose recovery cannot wait for the end of a probe here. */
		osa_tick(side[0].ip.osa, n * 10);
		if (n % 64 == 5)
			guest_ipa_call(side[0].d, OSA_SETASSPARMS, 4, flush, sizeof(flush), NULL, 0,
				       NULL);
		if (n % 200 == 7) {
			osa_set_link(side[1].ip.osa, NULL);
			osa_set_link(side[1].ip.osa, &side[1].link);
			ck_assert_int_eq(guest_recover(side[1].d), 0);
		}
		rcu_quiescent_state();
	}
	atomic_store(&stop, true);
	rcu_thread_offline();
	pthread_join(thread, NULL);
	rcu_thread_online();
}
END_TEST

/* ---- IP mode ------------------------------------------------------------------------------ */

static unsigned refusals;

static void on_refused(void *ctx, const struct vs_port *p, unsigned layer)
{
	(void)ctx;
	(void)p;
	ck_assert_uint_eq(layer, 2);
	refusals++;
}

/* What a switch in IP mode refuses, as the guests hear it. */
START_TEST(ip_mode)
{
	struct vs_switch_config cfg = {.name = "IP", .ip = true, .mac = {2, 0xAA, 0, 0, 0, 1}};
	struct guest_ip first = ip4(IP(0), 0), third = ip4(IP(PLAIN), 0);
	struct osa_data_routing primary = {.type = OSA_ROUTING_PRIMARY};
	struct vs_ip ip[4];

	rcu_register_thread();
	refusals = 0;
	now_ms = 0;
	sw = vs_switch_create(&cfg);
	vs_switch_set_refused(sw, on_refused, NULL);
	worker = vs_worker_create();
	for (unsigned i = 0; i < GUESTS; i++)
		ck_assert_int_eq(try_side(i), i == PLAIN ? -EOPNOTSUPP : 0);
	ck_assert_uint_eq(refusals, 1);
	settle();
	/* Another's address, in the same words as the network's; one's own again is none. */
	ck_assert_int_eq(guest_ip_add(side[1].d, &first), -EADDRINUSE);
	ck_assert_uint_eq(vs_port_ips(side[1].port, ip, 4), 1);
	ck_assert_int_eq(guest_ip_add(side[1].d, &third), 0);
	ck_assert_uint_eq(vs_port_ips(side[1].port, ip, 4), 2);
	ck_assert_int_eq(guest_ip_del(side[1].d, &third), 0);
	ck_assert_uint_eq(vs_port_ips(side[1].port, ip, 4), 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(guest_ipa_call(side[i].d, OSA_SETRTG, OSA_IPA_IPV4, &primary,
						sizeof(primary), NULL, 0, NULL),
				 i ? OSA_RC_PRIMARY_DEFINED : 0);
	ck_assert_int_eq(vs_port_routing(side[0].port, false), VS_ROUTING_PRIMARY);
	/* A cable that is pulled and plugged in takes all of it along. */
	osa_set_link(side[0].ip.osa, NULL);
	ck_assert_uint_eq(vs_port_ips(side[0].port, ip, 4), 0);
	osa_set_link(side[0].ip.osa, &side[0].link);
	ck_assert_uint_eq(vs_port_ips(side[0].port, ip, 4), 1);
	ck_assert_int_eq(vs_port_routing(side[0].port, false), VS_ROUTING_PRIMARY);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("l3_lan");
	TCase *t = tcase_create("switch"), *g = tcase_create("guest LAN");
	TCase *m = tcase_create("IP mode");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ping_layer3);
	tcase_add_test(t, ping_layer2);
	tcase_add_test(t, broadcast_and_groups);
	tcase_add_test(t, duplicates);
	tcase_add_test(t, ip6);
	tcase_add_test(t, large_packets);
	tcase_add_test(t, recovery);
	tcase_add_loop_test(t, vlans, 0, 1);
	tcase_add_test(t, threads);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(g, setup_guest_lan, teardown);
	tcase_add_loop_test(g, vlans, 1, 2);
	suite_add_tcase(s, g);
	tcase_add_test(m, ip_mode);
	suite_add_tcase(s, m);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
