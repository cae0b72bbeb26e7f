/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as the IP table and whoever shows guests' addresses read them. See ipframe.h. */
#include "vswitch/ipframe.h"

#define ETH_BYTES 14u
#define TAG_BYTES 4u
#define TYPE_IP4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_VLAN 0x8100
#define TYPE_IP6 0x86DD
#define IP4_BYTES 20u
#define IP6_BYTES 40u
#define ARP_BYTES 28u
#define ND_BYTES 8u /* of every message, before what its type adds */
#define PROTO_ICMP6 58
#define HOP_LIMIT 255 /* of ND: it has not been forwarded */

enum { OPTION_SOURCE = 1, OPTION_TARGET = 2 };

bool ip_is_host(const uint8_t addr[IP_BYTES])
{
	static const uint8_t none[IP_BYTES], self[IP_BYTES] = {[15] = 1};

	if (ip_is4(addr))
		return addr[12] && addr[12] != 127 && addr[12] < 224;
	return addr[0] != 0xFF && memcmp(addr, none, IP_BYTES) != 0 &&
	       memcmp(addr, self, IP_BYTES) != 0;
}

static void read4(const uint8_t *ip, uint32_t have, struct ip_frame *f)
{
	if (have < IP4_BYTES || ip[0] >> 4 != 4 || (ip[0] & 0x0F) < 5)
		return;
	f->kind = IP_V4;
	f->len = be16_load(ip + 2);
	f->df = ip[6] & 0x40;
	ip_map4(f->src, ip + 12);
	ip_map4(f->dst, ip + 16);
}

/* Bytes of a message before its options; 0: not neighbour discovery. */
static uint32_t nd_bytes(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_SOLICIT:
		return ND_BYTES;
	case ND_ROUTER_ADVERT:
		return ND_BYTES + 8;
	case ND_NEIGHBOUR_SOLICIT:
	case ND_NEIGHBOUR_ADVERT:
		return ND_BYTES + 16;
	case ND_REDIRECT:
		return ND_BYTES + 32;
	default:
		return 0;
	}
}

static void read6(const uint8_t *ip, uint32_t have, struct ip_frame *f)
{
	const uint8_t *icmp = ip + IP6_BYTES;
	uint32_t bytes;

	if (have < IP6_BYTES || ip[0] >> 4 != 6)
		return;
	f->kind = IP_V6;
	f->len = IP6_BYTES + be16_load(ip + 4);
	memcpy(f->src, ip + 8, IP_BYTES);
	memcpy(f->dst, ip + 24, IP_BYTES);
	if (ip[6] != PROTO_ICMP6 || ip[7] != HOP_LIMIT || have < IP6_BYTES + ND_BYTES)
		return;
	bytes = nd_bytes(icmp[0]);
	if (!bytes || have < IP6_BYTES + bytes || f->len < IP6_BYTES + bytes || icmp[1])
		return;
	f->kind = IP_ND;
	f->op = icmp[0];
	if (bytes >= ND_BYTES + 16)
		memcpy(f->target, icmp + ND_BYTES, IP_BYTES);
}

static void read_arp(const uint8_t *arp, uint32_t have, struct ip_frame *f)
{
	uint16_t op;

	if (have < ARP_BYTES || be16_load(arp) != 1 || be16_load(arp + 2) != TYPE_IP4 ||
	    arp[4] != 6 || arp[5] != 4)
		return;
	op = be16_load(arp + 6);
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return;
	f->kind = IP_ARP;
	f->op = (uint8_t)op;
	ip_map4(f->src, arp + 14);
	ip_map4(f->target, arp + 24);
}

void ip_frame_read(const uint8_t *head, uint32_t have, struct ip_frame *f)
{
	const uint8_t *l3;

	memset(f, 0, sizeof(*f));
	f->l3 = ETH_BYTES;
	if (have < ETH_BYTES + TAG_BYTES)
		return;
	if (be16_load(head + 12) == TYPE_VLAN)
		f->l3 += TAG_BYTES;
	l3 = head + f->l3;
	have -= f->l3;
	switch (be16_load(l3 - 2)) {
	case TYPE_IP4:
		read4(l3, have, f);
		break;
	case TYPE_IP6:
		read6(l3, have, f);
		break;
	case TYPE_ARP:
		read_arp(l3, have, f);
		break;
	default:
		break;
	}
}

/* Of neighbour discovery: its sender, or what an advertisement or a probe claims. */
static const uint8_t *nd_speaker(const struct ip_frame *f)
{
	static const uint8_t none[IP_BYTES];
	bool probe = f->op == ND_NEIGHBOUR_SOLICIT && memcmp(f->src, none, IP_BYTES) == 0;

	return probe || f->op == ND_NEIGHBOUR_ADVERT ? f->target : f->src;
}

bool ip_frame_speaker(const uint8_t *head, const struct ip_frame *f, uint8_t addr[IP_BYTES])
{
	if (f->kind == IP_ARP && memcmp(head + f->l3 + 8, head + 6, 6) == 0)
		memcpy(addr, f->src, IP_BYTES);
	else if (f->kind == IP_ND)
		memcpy(addr, nd_speaker(f), IP_BYTES);
	else
		return false;
	return ip_is_host(addr);
}

/* The checksum at sum follows a change of 6 bytes at an even offset: RFC 1624. */
static void follow(uint8_t *sum, const uint8_t from[6], const uint8_t to[6])
{
	uint32_t s = (uint16_t)~be16_load(sum);

	for (unsigned i = 0; i < 6; i += 2)
		s += (uint32_t)(uint16_t)~be16_load(from + i) + be16_load(to + i);
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	be16_store(sum, (uint16_t)~s);
}

static void translate_nd(uint8_t *icmp, uint32_t have, uint8_t type, const uint8_t from[6],
			 const uint8_t to[6])
{
	uint32_t at = nd_bytes(type);

	while (at + 8 <= have) {
		uint8_t *option = icmp + at;

		if (!option[1]) /* its length: such a message is not valid */
			return;
		if ((option[0] == OPTION_SOURCE || option[0] == OPTION_TARGET) && option[1] == 1 &&
		    memcmp(option + 2, from, 6) == 0) {
			follow(icmp + 2, from, to);
			memcpy(option + 2, to, 6);
		}
		at += option[1] * 8u;
	}
}

void ip_frame_translate(uint8_t *head, uint32_t have, const struct ip_frame *f,
			const uint8_t from[6], const uint8_t to[6])
{
	uint8_t *l3 = head + f->l3;

	if (f->kind == IP_ARP) {
		if (memcmp(l3 + 8, from, 6) == 0)
			memcpy(l3 + 8, to, 6);
		return;
	}
	if (f->kind != IP_ND)
		return;
	have -= f->l3;
	if (have > f->len)
		have = f->len;
	translate_nd(l3 + IP6_BYTES, have - IP6_BYTES, f->op, from, to);
}
