/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ARP engine with a fake clock: who makes entries, who only corrects them, when they are asked
 * for again and when they end, what is answered, and what hostile packets do.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "osa/arp.h"

#define OWN 0x0A000001u
#define PEER 0x0A000002u
#define OTHER 0x0A000003u
#define FRAMES 64

static struct osa_arp arp;
static uint8_t sent[FRAMES][OSA_ARP_FRAME_MAX];
static uint32_t sent_len[FRAMES];
static unsigned n_sent, n_resolved, n_failed, n_heard;
static uint32_t last_ip, heard_ip;
static uint64_t now_ms;

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 3};
static const uint8_t all_ones[6] = {255, 255, 255, 255, 255, 255};

static void on_send(void *ctx, const uint8_t *frame, uint32_t len)
{
	(void)ctx;
	if (n_sent < FRAMES) {
		memcpy(sent[n_sent], frame, len);
		sent_len[n_sent] = len;
	}
	n_sent++;
}

static void on_resolved(void *ctx, uint16_t vid, uint32_t ip, const uint8_t mac[6])
{
	(void)ctx;
	(void)vid;
	(void)mac;
	last_ip = ip;
	n_resolved++;
}

static void on_failed(void *ctx, uint16_t vid, uint32_t ip)
{
	(void)ctx;
	(void)vid;
	last_ip = ip;
	n_failed++;
}

static bool on_answers(void *ctx, uint32_t ip)
{
	(void)ctx;
	return ip == OWN;
}

static void on_heard(void *ctx, uint32_t ip)
{
	(void)ctx;
	heard_ip = ip;
	n_heard++;
}

static uint32_t on_source(void *ctx, uint32_t hint)
{
	(void)ctx;
	return hint == OWN ? hint : OWN;
}

static const struct osa_arp_ops ops = {
	.send = on_send,
	.resolved = on_resolved,
	.failed = on_failed,
	.answers = on_answers,
	.heard = on_heard,
	.source = on_source,
};

static void setup(void)
{
	now_ms = 0;
	n_sent = n_resolved = n_failed = n_heard = 0;
	memset(&arp, 0, sizeof(arp));
	osa_arp_init(&arp, &ops, NULL, own_mac);
}

static void tick(unsigned seconds)
{
	for (; seconds; seconds--) {
		now_ms += 1000;
		osa_arp_tick(&arp, now_ms);
	}
}

/* A packet of the network. */
static void input(uint16_t vid, uint16_t op, const uint8_t *smac, uint32_t sip, uint32_t tip)
{
	uint8_t p[OSA_ARP_PACKET] = {0, 1, 8, 0, 6, 4};

	be16_store(p + 6, op);
	memcpy(p + 8, smac, 6);
	be32_store(p + 14, sip);
	be32_store(p + 24, tip);
	osa_arp_input(&arp, vid, p, sizeof(p));
}

static bool known(uint16_t vid, uint32_t ip, const uint8_t *mac)
{
	uint8_t got[6];
	unsigned before = n_sent;
	bool found = osa_arp_resolve(&arp, vid, ip, OWN, got);

	if (!found && n_sent != before) { /* it was not even being asked for */
		osa_arp_del(&arp, ip);
		n_sent = before;
	}
	return found && memcmp(got, mac, 6) == 0;
}

START_TEST(resolve)
{
	uint8_t mac[6];

	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(sent_len[0], 42);
	ck_assert_mem_eq(sent[0], all_ones, 6);
	ck_assert_mem_eq(sent[0] + 6, own_mac, 6);
	ck_assert_mem_eq(sent[0] + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
	ck_assert_mem_eq(sent[0] + 22, own_mac, 6);
	ck_assert_uint_eq(be32_load(sent[0] + 28), OWN);
	ck_assert_uint_eq(be32_load(sent[0] + 38), PEER);
	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac)); /* asked once */
	ck_assert_uint_eq(n_sent, 1);
	input(0, 2, peer_mac, PEER, OWN);
	ck_assert_uint_eq(n_resolved, 1);
	ck_assert_uint_eq(last_ip, PEER);
	ck_assert(osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	ck_assert_mem_eq(mac, peer_mac, 6);
	ck_assert_uint_eq(n_sent, 1);
}
END_TEST

START_TEST(vlan)
{
	uint8_t mac[6];

	ck_assert(!osa_arp_resolve(&arp, 5, PEER, OWN, mac));
	ck_assert_uint_eq(sent_len[0], 46);
	ck_assert_mem_eq(sent[0] + 12, "\x81\0\0\5\x08\x06", 6);
	input(0, 2, peer_mac, PEER, OWN);
	ck_assert(!known(5, PEER, peer_mac));
	input(5, 2, peer_mac, PEER, OWN);
	ck_assert(known(5, PEER, peer_mac));
	ck_assert(!known(0, PEER, peer_mac));
	input(7, 1, other_mac, OTHER, OWN); /* a question on a VLAN is answered there */
	ck_assert_mem_eq(sent[1], other_mac, 6);
	ck_assert_mem_eq(sent[1] + 12, "\x81\0\0\7\x08\x06", 6);
	ck_assert(known(7, OTHER, other_mac));
}
END_TEST

/* Ticks may come more often than questions. */
START_TEST(fine_ticks)
{
	uint8_t mac[6];

	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	for (unsigned i = 1; i <= 30; i++) {
		now_ms += 100;
		osa_arp_tick(&arp, now_ms);
		ck_assert_uint_eq(n_sent, i < 10 ? 1 : i < 20 ? 2 : 3);
		ck_assert_uint_eq(n_failed, i == 30);
	}
}
END_TEST

START_TEST(unanswered)
{
	uint8_t mac[6];

	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	tick(OSA_ARP_TRIES - 1);
	ck_assert_uint_eq(n_sent, OSA_ARP_TRIES);
	ck_assert_uint_eq(n_failed, 0);
	tick(1);
	ck_assert_uint_eq(n_sent, OSA_ARP_TRIES);
	ck_assert_uint_eq(n_failed, 1);
	ck_assert_uint_eq(last_ip, PEER);
	ck_assert_uint_eq(arp.n, 0);
	tick(10);
	ck_assert_uint_eq(n_sent, OSA_ARP_TRIES);
	input(0, 2, peer_mac, PEER, OWN); /* too late: nobody asks any more */
	ck_assert_uint_eq(arp.n, 0);
	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac)); /* from the beginning */
	ck_assert_uint_eq(n_sent, OSA_ARP_TRIES + 1);
}
END_TEST

/* Who may make an entry, and who may correct one. */
static const struct {
	int n;
	const char *what;
	bool there; /* an entry of PEER with other_mac */
	uint16_t op;
	uint32_t sip, tip;
	bool makes; /* afterwards PEER is at peer_mac */
	bool answered;
} learn_rows[] = {
	{1, "question for us", false, 1, PEER, OWN, true, true},
	{2, "question for us, known", true, 1, PEER, OWN, true, true},
	{3, "question for another", false, 1, PEER, OTHER, false, false},
	{4, "question for another, known", true, 1, PEER, OTHER, true, false},
	{5, "answer nobody asked for", false, 2, PEER, OWN, false, false},
	{6, "answer, known", true, 2, PEER, OWN, true, false},
	{7, "gratuitous", false, 1, PEER, PEER, false, false},
	{8, "gratuitous, known", true, 1, PEER, PEER, true, false},
	{9, "gratuitous answer, known", true, 2, PEER, PEER, true, false},
	{10, "probe for ours", false, 1, 0, OWN, false, true},
	{11, "unknown operation, known", true, 3, PEER, OWN, false, false},
	{12, "operation 0", true, 0, PEER, OWN, false, false},
};

START_TEST(learn)
{
	unsigned before;
	uint8_t mac[6];

	if (learn_rows[_i].there) {
		osa_arp_resolve(&arp, 0, PEER, OWN, mac);
		input(0, 2, other_mac, PEER, OWN);
	}
	before = n_sent;
	input(0, learn_rows[_i].op, peer_mac, learn_rows[_i].sip, learn_rows[_i].tip);
	ck_assert_msg(n_sent - before == learn_rows[_i].answered, "row %d %s", learn_rows[_i].n,
		      learn_rows[_i].what);
	ck_assert_msg(known(0, PEER, peer_mac) == learn_rows[_i].makes, "row %d %s",
		      learn_rows[_i].n, learn_rows[_i].what);
	if (!learn_rows[_i].answered)
		return;
	ck_assert_mem_eq(sent[before], peer_mac, 6);
	ck_assert_uint_eq(be16_load(sent[before] + 20), 2);
	ck_assert_mem_eq(sent[before] + 22, own_mac, 6);
	ck_assert_uint_eq(be32_load(sent[before] + 28), OWN);
	ck_assert_mem_eq(sent[before] + 32, peer_mac, 6);
	ck_assert_uint_eq(be32_load(sent[before] + 38), learn_rows[_i].sip);
}
END_TEST

START_TEST(ageing)
{
	const unsigned life = OSA_ARP_LIFE_MS / 1000, refresh = OSA_ARP_REFRESH_MS / 1000;
	uint8_t mac[6];

	input(0, 1, peer_mac, PEER, OWN);
	n_sent = 0;
	/* Not used: no question, an end. */
	tick(life - 1);
	ck_assert_uint_eq(n_sent, 0);
	ck_assert_uint_eq(arp.n, 1);
	tick(1);
	ck_assert_uint_eq(arp.n, 0);
	ck_assert_uint_eq(n_failed, 0); /* nobody waited */
	/* Used: asked again near the end, at most so many times. */
	input(0, 1, peer_mac, PEER, OWN);
	n_sent = 0;
	tick(life - refresh - 1);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(osa_arp_resolve(&arp, 0, PEER, OWN, mac));
		tick(1);
	}
	ck_assert_uint_eq(n_sent, OSA_ARP_TRIES);
	/* An answer begins a new life. */
	input(0, 2, peer_mac, PEER, OWN);
	tick(life - 1);
	ck_assert(known(0, PEER, peer_mac));
}
END_TEST

START_TEST(static_entries)
{
	uint8_t mac[6];

	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	ck_assert_int_eq(osa_arp_static_add(&arp, PEER, peer_mac), 0);
	ck_assert_uint_eq(n_resolved, 1);
	input(0, 2, other_mac, PEER, OWN); /* not corrected */
	ck_assert(known(0, PEER, peer_mac));
	ck_assert(known(5, PEER, peer_mac)); /* on all VLANs */
	tick(OSA_ARP_LIFE_MS / 1000 + 10);
	osa_arp_flush(&arp);
	ck_assert(known(0, PEER, peer_mac));
	ck_assert_int_eq(osa_arp_del(&arp, PEER), 0);
	ck_assert_int_eq(osa_arp_del(&arp, PEER), -ENOENT);
	ck_assert_uint_eq(arp.n, 0);
}
END_TEST

START_TEST(flush)
{
	uint8_t mac[6];

	input(0, 1, peer_mac, PEER, OWN);
	ck_assert(!osa_arp_resolve(&arp, 0, OTHER, OWN, mac));
	osa_arp_flush(&arp);
	ck_assert_uint_eq(arp.n, 0);
	ck_assert_uint_eq(n_failed, 1); /* who waited is told */
	ck_assert_uint_eq(last_ip, OTHER);
}
END_TEST

/* A station that asks under ever new addresses, a host that scans: the oldest go, static ones stay.
 */
START_TEST(full)
{
	uint8_t mac[6];

	ck_assert_int_eq(osa_arp_static_add(&arp, OTHER, other_mac), 0);
	for (uint32_t i = 0; i < 3 * OSA_ARP_MAX; i++) {
		now_ms++;
		osa_arp_tick(&arp, now_ms);
		input(0, 1, peer_mac, 0x0B000000u + i, OWN);
		ck_assert_uint_le(arp.n, OSA_ARP_MAX);
	}
	ck_assert_uint_eq(arp.n, OSA_ARP_MAX);
	ck_assert(known(0, OTHER, other_mac));
	ck_assert(known(0, 0x0B000000u + 3 * OSA_ARP_MAX - 1, peer_mac));
	for (uint32_t i = 0; i < 2 * OSA_ARP_MAX; i++)
		osa_arp_resolve(&arp, 0, 0x0C000000u + i, OWN, mac);
	ck_assert_uint_eq(arp.n, OSA_ARP_MAX);
	ck_assert_uint_gt(n_failed, 0);
	ck_assert_int_eq(osa_arp_limit(&arp, 4), 0);
	ck_assert_uint_eq(arp.n, 4);
	ck_assert(known(0, OTHER, other_mac));
	ck_assert_int_eq(osa_arp_limit(&arp, 0), -ERANGE);
	ck_assert_int_eq(osa_arp_limit(&arp, OSA_ARP_MAX + 1), -ERANGE);
	osa_arp_flush(&arp);
	ck_assert_uint_eq(arp.n, 1);
	for (uint32_t i = 1; i < 4; i++)
		ck_assert_int_eq(osa_arp_static_add(&arp, OTHER + i, other_mac), 0);
	ck_assert_int_eq(osa_arp_static_add(&arp, OTHER + 4, other_mac), -ENOSPC);
	ck_assert(!osa_arp_resolve(&arp, 0, PEER, OWN, mac));
	ck_assert_uint_eq(arp.n, 4);
}
END_TEST

START_TEST(hear)
{
	input(0, 1, peer_mac, PEER, OTHER);
	ck_assert_uint_eq(heard_ip, PEER);
	input(0, 2, peer_mac, OWN, PEER); /* it says that it is us */
	ck_assert_uint_eq(heard_ip, OWN);
	input(0, 1, peer_mac, 0, OTHER); /* a probe claims what it asks for */
	ck_assert_uint_eq(heard_ip, OTHER);
	ck_assert_uint_eq(n_heard, 3);
	input(0, 1, peer_mac, 0, OWN);	 /* ours it gets to hear of */
	input(0, 2, own_mac, PEER, OWN); /* our own frame come back */
	ck_assert_uint_eq(n_heard, 3);
}
END_TEST

START_TEST(probes)
{
	osa_arp_probe(&arp, PEER);
	osa_arp_announce(&arp, PEER);
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(be32_load(sent[0] + 28), 0);
	ck_assert_uint_eq(be32_load(sent[0] + 38), PEER);
	ck_assert_uint_eq(be32_load(sent[1] + 28), PEER);
	ck_assert_uint_eq(be32_load(sent[1] + 38), PEER);
	ck_assert_uint_eq(arp.n, 0);
}
END_TEST

/* Every byte of the fixed part matters, and every length. */
START_TEST(malformed)
{
	static const uint8_t good[OSA_ARP_PACKET] = {0,	 1, 8, 0, 6, 4, 0, 1, 2, 0, 0,	0, 0, 2,
						     10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
	uint8_t p[OSA_ARP_PACKET];

	for (uint32_t len = 0; len < sizeof(good); len++)
		osa_arp_input(&arp, 0, good, len);
	for (unsigned i = 0; i < 7; i++) {
		memcpy(p, good, sizeof(p));
		p[i] ^= 0x40;
		osa_arp_input(&arp, 0, p, sizeof(p));
	}
	memcpy(p, good, sizeof(p));
	p[8] |= 1; /* a group as sender */
	osa_arp_input(&arp, 0, p, sizeof(p));
	ck_assert_uint_eq(n_sent + n_heard + arp.n, 0);
	osa_arp_input(&arp, 0, good, sizeof(good));
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(arp.n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arp");
	TCase *t = tcase_create("engine");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, resolve);
	tcase_add_test(t, vlan);
	tcase_add_test(t, unanswered);
	tcase_add_test(t, fine_ticks);
	tcase_add_loop_test(t, learn, 0, (int)(sizeof(learn_rows) / sizeof(learn_rows[0])));
	tcase_add_test(t, ageing);
	tcase_add_test(t, static_entries);
	tcase_add_test(t, flush);
	tcase_add_test(t, full);
	tcase_add_test(t, hear);
	tcase_add_test(t, probes);
	tcase_add_test(t, malformed);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
