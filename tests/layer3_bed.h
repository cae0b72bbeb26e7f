/* SPDX-License-Identifier: Apache-2.0 */
/* An adapter in layer 3 with addresses and groups, its queues, and packets for both sides of it. */
#ifndef TESTS_LAYER3_BED_H
#define TESTS_LAYER3_BED_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/databed.h"

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

static inline void setip4(uint32_t ip, uint32_t flags)
{
	struct osa_data_ip4 d = {.flags = be32_of(flags)};

	be32_store(d.addr, ip);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 4, &d, sizeof(d)), 0);
}

static inline void setip6(const uint8_t ip[16])
{
	struct osa_data_ip6 d = {0};

	memcpy(d.addr, ip, 16);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 6, &d, sizeof(d)), 0);
}

static inline void setipm(uint16_t protocol, const uint8_t addr[16])
{
	struct osa_data_group d = {0};

	memcpy(d.addr, addr, 16);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIPM, protocol, &d, sizeof(d)), 0);
}

static inline int assist(uint32_t which, uint16_t protocol, uint16_t sub, uint32_t word)
{
	struct osa_assist_word m = {.ass.assist = be32_of(which),
				    .ass.len = be16_of(12),
				    .ass.subcommand = be16_of(sub),
				    .value = be32_of(word)};

	return osa_rig_ipa(bd->rig, OSA_SETASSPARMS, protocol, &m, sizeof(m));
}

static inline void route(uint16_t protocol, uint8_t type)
{
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETRTG, protocol, &type, 1), 0);
}

/* Throw away what the adapter sends by itself. */
static inline void flush_own(void)
{
	while (databed_fetch(bd))
		databed_done(bd);
}

static inline void setup(void)
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

static inline void teardown(void)
{
	databed_free(bd);
}

static inline void peer_known(uint16_t vid, uint32_t ip)
{
	struct osa_l3 *l = &bd->rig->a->l3;
	uint8_t mac[6];

	if (vid)
		ck_assert(!osa_arp_resolve(&l->arp, vid, ip, 0, mac));
	if (!vid)
		ck_assert_int_eq(osa_arp_static_add(&l->arp, ip, peer_mac), 0);
}

/* ---- packets ----------------------------------------------------------------------------- */

static inline uint32_t sum16(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static inline uint32_t pseudo4(const uint8_t *ip, uint8_t proto, uint32_t l4len)
{
	return sum16(ip + 12, 8, proto + l4len);
}

/* An IPv4 packet with payload bytes of transport; its header's checksum is right. */
static inline uint32_t packet4(uint8_t *p, uint32_t src, uint32_t dst, uint8_t proto,
			       uint32_t payload)
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

static inline uint32_t packet6(uint8_t *p, const uint8_t src[16], const uint8_t dst[16],
			       uint8_t next, uint32_t payload)
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

static inline uint32_t ethernet(uint8_t *f, const uint8_t *dst, const uint8_t *src, int tci,
				uint16_t type)
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

static inline uint32_t arp_frame(uint8_t *f, uint16_t op, const uint8_t *smac, uint32_t sip,
				 uint32_t tip, int tci)
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

static inline struct osa_l3_hdr header4(uint8_t cast, uint32_t len, uint32_t hop)
{
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = cast, .len = be16_of((uint16_t)len)};

	be32_store(h.next_hop4, hop);
	return h;
}

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* Run tests, each with a bed of its own or without. Return: the program's exit status. */
static inline int layer3_run(const char *name, bool with_bed, void (*add)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	if (with_bed)
		tcase_add_checked_fixture(t, setup, teardown);
	add(t);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
