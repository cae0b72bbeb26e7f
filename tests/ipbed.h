/* SPDX-License-Identifier: Apache-2.0 */
/* Switches with an IP address or more behind each port, and the packets they see. */
#ifndef TESTS_IPBED_H
#define TESTS_IPBED_H

#include "tests/switchbed.h"

#include "common/be.h"
#include "vswitch/iptable.h"

#define UP 4u /* of beds made by ip_bed */

static const uint8_t own[6] = {0x02, 0xAA, 0, 0, 0, 1}, far[6] = {0x02, 0xFA, 0, 0, 0, 9};

/* ---- packets ---------------------------------------------------------------------------- */

/* 10.0.0.n and fd00::n */
static inline void addr4(unsigned n, uint8_t addr[16])
{
	const uint8_t ip4[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};

	ip_map4(addr, ip4);
}

static inline void addr6(unsigned n, uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 0xFD;
	be16_store(addr + 14, (uint16_t)n);
}

static inline uint16_t sum_of(const uint8_t *p, uint32_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += be16_load(p);
	if (len)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return (uint16_t)~s;
}

static inline uint32_t eth(uint8_t *f, const uint8_t *dst, const uint8_t *src, int tci,
			   uint16_t type)
{
	uint32_t at = fake_frame(f, dst, src, tci, 60, 1) ? (tci < 0 ? 14 : 18) : 0;

	be16_store(f + at - 2, type);
	return at;
}

static inline uint32_t packet4(uint8_t *f, const uint8_t *dst, const uint8_t *src, int tci,
			       unsigned from, unsigned to, uint32_t bytes, bool df)
{
	uint32_t at = eth(f, dst, src, tci, 0x0800);
	uint8_t *ip = f + at, a[16];

	memset(ip, 0, bytes);
	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)bytes);
	ip[6] = df ? 0x40 : 0;
	ip[8] = 64;
	ip[9] = 17;
	addr4(from, a);
	memcpy(ip + 12, a + 12, 4);
	addr4(to, a);
	memcpy(ip + 16, a + 12, 4);
	be16_store(ip + 10, sum_of(ip, 20, 0));
	return at + bytes;
}

static inline uint32_t packet6(uint8_t *f, const uint8_t *dst, const uint8_t *src, unsigned from,
			       unsigned to, uint32_t bytes)
{
	uint32_t at = eth(f, dst, src, -1, 0x86DD);

	memset(f + at, 0, bytes);
	f[at] = 0x60;
	be16_store(f + at + 4, (uint16_t)(bytes - 40));
	f[at + 6] = 17;
	f[at + 7] = 64;
	addr6(from, f + at + 8);
	addr6(to, f + at + 24);
	return at + bytes;
}

static inline uint32_t arp(uint8_t *f, const uint8_t *dst, const uint8_t *src, int tci, unsigned op,
			   int from, unsigned to)
{
	uint32_t at = eth(f, dst, src, tci, 0x0806);
	uint8_t *p = f + at, a[16];

	memset(p, 0, 28);
	be16_store(p, 1);
	be16_store(p + 2, 0x0800);
	p[4] = 6;
	p[5] = 4;
	be16_store(p + 6, (uint16_t)op);
	memcpy(p + 8, src, 6);
	if (from >= 0) {
		addr4((unsigned)from, a);
		memcpy(p + 14, a + 12, 4);
	}
	addr4(to, a);
	memcpy(p + 24, a + 12, 4);
	return 60;
}

/* A neighbour solicitation or advertisement with the sender's MAC as its option. */
static inline uint32_t nd(uint8_t *f, const uint8_t *dst, const uint8_t *src, unsigned type,
			  int from, unsigned target)
{
	uint32_t at = eth(f, dst, src, -1, 0x86DD);
	uint8_t *ip = f + at, *icmp = ip + 40;

	memset(ip, 0, 72);
	ip[0] = 0x60;
	be16_store(ip + 4, 32);
	ip[6] = 58;
	ip[7] = 255;
	if (from >= 0)
		addr6((unsigned)from, ip + 8);
	be16_store(ip + 24, 0xFF02);
	ip[39] = 1;
	icmp[0] = (uint8_t)type;
	addr6(target, icmp + 8);
	icmp[24] = type == ND_NEIGHBOUR_SOLICIT ? 1 : 2;
	icmp[25] = 1;
	memcpy(icmp + 26, src, 6);
	be16_store(icmp + 2, sum_of(ip + 8, 64, 58 + 32));
	return at + 72;
}

/* ---- a switch ---------------------------------------------------------------------------- */

static inline void reg(struct bed *b, unsigned port, const uint8_t addr[16], unsigned flags,
		       int want)
{
	struct vs_link l = vs_port_link(b->port[port]);

	ck_assert_int_eq(l.ops->ip_add(l.ctx, addr, flags), want);
}

static inline void reg4(struct bed *b, unsigned port, unsigned n)
{
	uint8_t a[16];

	addr4(n, a);
	reg(b, port, a, 0, 0);
}

/* Guest i has 10.0.0.(i + 1) and fd00::(i + 1). */
static inline struct bed *ip_bed(struct vs_switch_config cfg)
{
	struct bed *b;

	cfg.ip = true;
	memcpy(cfg.mac, own, 6);
	b = bed_make(&cfg);
	for (unsigned i = 0; i < UP; i++) {
		uint8_t a[16];

		bed_port(b, i,
			 guest(VS_TYPE_ACCESS, cfg.vlan_aware ? (uint16_t)(10 + i / 2) : 0, NULL));
		reg4(b, i, i + 1);
		addr6(i + 1, a);
		reg(b, i, a, 0, 0);
	}
	bed_port(b, UP, (struct vs_port_config){.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK});
	return b;
}

/* Which ports got it, by their bits. */
static inline unsigned sent(struct bed *b, unsigned from, const uint8_t *f, uint32_t len)
{
	unsigned got = 0;

	clear(b);
	ck_assert_ptr_nonnull(fake_inject(&b->fake[from], f, len));
	run(b);
	for (unsigned i = 0; i < PORTS; i++)
		got |= b->port[i] ? (b->fake[i].n_out ? 1u << i : 0) : 0;
	return got;
}

static inline const uint8_t *out(struct bed *b, unsigned port)
{
	return b->fake[port].out[0].data;
}

#endif
