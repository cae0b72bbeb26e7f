/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IGMP and MLD messages as a switch reads them: who asks, who joins, who leaves. A message that is
 * cut short, has a wrong checksum, or comes from further away than the link says nothing.
 */
#include "vswitch/snoop.h"

#include <string.h>

#include "common/be.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define PROTO_IGMP 2
#define PROTO_ICMPV6 58

enum {
	IGMP_QUERY = 0x11,
	IGMP_V1_REPORT = 0x12,
	IGMP_V2_REPORT = 0x16,
	IGMP_LEAVE = 0x17,
	IGMP_V3_REPORT = 0x22
};
enum { MLD_QUERY = 130, MLD_REPORT = 131, MLD_DONE = 132, MLD_V2_REPORT = 143 };

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += be16_load(p);
	return len ? s + (uint32_t)(p[0] << 8) : s;
}

static bool checksum_ok(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return s == 0xFFFF;
}

static void mac4(const uint8_t *ip, uint8_t mac[6])
{
	const uint8_t m[6] = {0x01, 0x00, 0x5E, ip[1] & 0x7F, ip[2], ip[3]};

	memcpy(mac, m, 6);
}

static void mac6(const uint8_t *ip, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, ip + 12, 4);
}

/* 224.0.0.x and ff0x::1 up to link scope's all-nodes are everybody's: never listed. */
static bool is_group(const uint8_t *ip, bool v6)
{
	static const uint8_t all_nodes[16] = {0xFF, 0x02, [15] = 1};

	if (!v6)
		return (ip[0] & 0xF0) == 0xE0 && !(ip[0] == 224 && ip[1] == 0 && ip[2] == 0);
	return ip[0] == 0xFF && (ip[1] & 0x0F) >= 2 && memcmp(ip, all_nodes, 16) != 0;
}

static unsigned address_bytes(const struct snoop_message *m)
{
	return m->v6 ? 16 : 4;
}

/* @ip: of the group. */
static struct snoop_change about(const struct snoop_message *m, const uint8_t *ip,
				 enum snoop_record kind, const uint8_t *source, unsigned n)
{
	struct snoop_change c = {.kind = kind, .source = source, .n_sources = n};

	if (m->v6)
		mac6(ip, c.mac);
	else
		mac4(ip, c.mac);
	snoop_address(ip, 0, address_bytes(m), c.group);
	return c;
}

static void change(struct snoop_message *m, const uint8_t *ip, enum snoop_record kind,
		   const uint8_t *source, unsigned n)
{
	if (!is_group(ip, m->v6) || m->n == SNOOP_CHANGES)
		return;
	m->kind = SNOOP_CHANGE;
	m->change[m->n++] = about(m, ip, kind, source, n);
}

/* Of versions without sources. */
static void change_all(struct snoop_message *m, const uint8_t *ip, bool join)
{
	change(m, ip, join ? SNOOP_IS_EXCLUDE : SNOOP_TO_INCLUDE, NULL, 0);
}

/* Group records of IGMPv3 (addresses of 4 bytes) and MLDv2 (of 16). */
static void records(struct snoop_message *m, const uint8_t *p, uint32_t len)
{
	uint32_t size = address_bytes(m), n;

	if (len < 8)
		return;
	n = be16_load(p + 6);
	p += 8;
	len -= 8;
	while (n-- && len >= 4 + size) {
		uint32_t sources = be16_load(p + 2);
		uint32_t bytes = 4 + size + sources * size + p[1] * 4u;

		if (bytes > len)
			return;
		if (p[0] >= SNOOP_IS_INCLUDE && p[0] <= SNOOP_BLOCK)
			change(m, p + 4, (enum snoop_record)p[0], p + 4 + size, sources);
		p += bytes;
		len -= bytes;
	}
}

/* A query at p of len bytes whose group is at `group`; sources from `list` on, their number before.
 */
static void asked(struct snoop_message *m, const uint8_t *p, uint32_t len, uint32_t group,
		  uint32_t list)
{
	uint32_t size = address_bytes(m), n = len >= list ? be16_load(p + list - 2) : 0;

	m->kind = SNOOP_QUERY;
	m->for_group = is_group(p + group, m->v6);
	if (n * size > len - (n ? list : 0))
		n = 0;
	m->change[0] = about(m, p + group, SNOOP_BLOCK, p + list, n);
}

/* The floating point form of long times: RFC 3376 4.1.1 with 4 bits, RFC 3810 5.1.3 with 12. */
static uint32_t code_time(uint32_t code, unsigned mantissa)
{
	uint32_t top = 1u << (mantissa + 3);

	if (code < top)
		return code;
	return ((code & ((1u << mantissa) - 1)) | 1u << mantissa) << ((code >> mantissa & 7) + 3);
}

static void igmp(struct snoop_message *m, const uint8_t *src, const uint8_t *p, uint32_t len)
{
	static const uint8_t zero[4];

	if (len < 8 || !checksum_ok(sum(p, len, 0)))
		return;
	switch (p[0]) {
	case IGMP_QUERY:
		asked(m, p, len, 4, 12);
		m->elects = memcmp(src, zero, 4) != 0;
		/* Tenths of a second; version 1 has none: ten seconds. */
		m->response_ms = 100 * (p[1] ? len >= 12 ? code_time(p[1], 4) : p[1] : 100);
		break;
	case IGMP_V1_REPORT:
	case IGMP_V2_REPORT:
	case IGMP_LEAVE:
		change_all(m, p + 4, p[0] != IGMP_LEAVE);
		break;
	case IGMP_V3_REPORT:
		records(m, p, len);
		break;
	default:
		break;
	}
}

static void ipv4(struct snoop_message *m, const uint8_t *ip, uint32_t len)
{
	uint32_t header, total;

	if (len < 20)
		return;
	header = (ip[0] & 0x0F) * 4u;
	total = be16_load(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || total < header || total > len ||
	    ip[9] != PROTO_IGMP || be16_load(ip + 6) & 0x3FFF || !checksum_ok(sum(ip, header, 0)))
		return;
	igmp(m, ip + 12, ip + header, total - header);
}

static void mld(struct snoop_message *m, const uint8_t *p, uint32_t len)
{
	switch (p[0]) {
	case MLD_QUERY:
		if (len < 24)
			return;
		asked(m, p, len, 8, 28);
		m->response_ms = len >= 28 ? code_time(be16_load(p + 4), 12) : be16_load(p + 4);
		break;
	case MLD_REPORT:
	case MLD_DONE:
		if (len >= 24)
			change_all(m, p + 8, p[0] == MLD_REPORT);
		break;
	case MLD_V2_REPORT:
		records(m, p, len);
		break;
	default:
		break;
	}
}

/* Hosts speak MLD from link-local or no address, with a hop limit of 1: RFC 3810 5. */
static void ipv6(struct snoop_message *m, const uint8_t *ip, uint32_t len)
{
	static const uint8_t zero[16];
	bool link_local;
	uint32_t total, ext, s;

	if (len < 48)
		return;
	link_local = ip[8] == 0xFE && (ip[9] & 0xC0) == 0x80;
	total = be16_load(ip + 4);
	ext = 8 + ip[41] * 8u;
	if (ip[0] >> 4 != 6 || ip[6] != 0 || ip[7] != 1 || ip[40] != PROTO_ICMPV6 ||
	    total > len - 40 || total < ext + 8)
		return;
	if (!link_local && memcmp(ip + 8, zero, 16) != 0)
		return;
	total -= ext;
	s = sum(ip + 8, 32, total + PROTO_ICMPV6);
	if (!checksum_ok(sum(ip + 40 + ext, total, s)))
		return;
	m->elects = link_local;
	mld(m, ip + 40 + ext, total);
}

void snoop_parse(const uint8_t *frame, uint32_t len, struct snoop_message *m)
{
	uint32_t l3 = 14;

	memset(m, 0, sizeof(*m));
	if (len < l3 + 4)
		return;
	if (be16_load(frame + 12) == ETHERTYPE_VLAN)
		l3 += 4;
	if (len < l3 + 10)
		return;
	m->v6 = be16_load(frame + l3 - 2) == ETHERTYPE_IPV6;
	if (m->v6)
		ipv6(m, frame + l3, len - l3);
	else if (be16_load(frame + l3 - 2) == ETHERTYPE_IPV4)
		ipv4(m, frame + l3, len - l3);
}
