/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opposite of cutting (offload.c): TCP segments that follow each other in a packet become one
 * large frame. Only if cutting it yields the very same frames again: all that is not written by the
 * one who cuts is equal, and the checksums are right. So a receiver that wants segments misses
 * nothing, and one that takes large frames has less to do, and less to acknowledge.
 *
 * The packet is our copy: what was judged is what leaves. Headers and payload only move
 * towards its start.
 */
#include "vswitch/packet.h"

#include <string.h>

#include "common/be.h"
#include "common/sum.h"
#include "vswitch/vs_priv.h"

/* RFC 791, 8200, 9293. */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define PROTO_TCP 6
#define IPV4_HLEN 20u
#define IPV4_NO_OPTIONS 0x45
#define IPV4_TOTAL_LENGTH 2
#define IPV4_ID 4
#define IPV4_FRAGMENT 6
#define IPV4_DF 0x4000u
#define IPV4_PROTO 9
#define IPV4_CSUM 10
#define IPV4_ADDRESSES 12
#define IPV6_HLEN 40u
#define IPV6_PAYLOAD_LENGTH 4
#define IPV6_NEXT_HEADER 6
#define IPV6_ADDRESSES 8
#define TCP_HLEN 20u
#define TCP_SEQ 4
#define TCP_ACK_NUMBER 8
#define TCP_DATA_OFFSET 12
#define TCP_FLAGS 13
#define TCP_WINDOW 14
#define TCP_CSUM 16
#define TCP_URGENT 18
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

/* A frame with TCP payload and nothing unusual; or several, joined. */
struct segment {
	uint8_t *head; /* in the packet, as is the payload behind it */
	struct vs_packet_frame f;
	uint32_t payload;
	uint32_t size; /* of each segment of a train but the last; 0: nothing joins this frame */
	uint16_t l3, l4, hdrlen;
	uint8_t flags; /* of TCP */
	bool v6;
};

static uint64_t pseudo_sum(const struct segment *s, uint32_t l4len)
{
	const uint8_t *ip = s->head + s->l3;
	uint64_t sum = s->v6 ? sum_bytes(ip + IPV6_ADDRESSES, 32, false)
			     : sum_bytes(ip + IPV4_ADDRESSES, 8, false);

	return sum + be16_swap(PROTO_TCP) + be16_swap((uint16_t)l4len);
}

static bool read_ip(struct segment *s)
{
	const uint8_t *eth = s->head, *ip;
	uint32_t len = s->f.len;
	uint16_t type;

	s->l3 = ETH_HLEN;
	if (len < ETH_HLEN + VLAN_HLEN + IPV4_HLEN + TCP_HLEN)
		return false;
	if (be16_load(eth + 2 * ETH_ALEN) == ETHERTYPE_VLAN)
		s->l3 += VLAN_HLEN;
	type = be16_load(eth + s->l3 - 2);
	ip = eth + s->l3;
	s->v6 = type == ETHERTYPE_IPV6;
	s->l4 = (uint16_t)(s->l3 + (s->v6 ? IPV6_HLEN : IPV4_HLEN));
	if (len < s->l4 + TCP_HLEN)
		return false;
	if (s->v6)
		return ip[0] >> 4 == 6 && ip[IPV6_NEXT_HEADER] == PROTO_TCP &&
		       be16_load(ip + IPV6_PAYLOAD_LENGTH) == len - s->l4;
	return type == ETHERTYPE_IPV4 && ip[0] == IPV4_NO_OPTIONS && ip[IPV4_PROTO] == PROTO_TCP &&
	       be16_load(ip + IPV4_TOTAL_LENGTH) == len - s->l3 &&
	       !(be16_load(ip + IPV4_FRAGMENT) & ~IPV4_DF) &&
	       be16_load(ip + IPV4_CSUM) != 0xFFFF && /* 0 is the same, and what cutting writes */
	       sum_fold(sum_bytes(ip, IPV4_HLEN, false)) == 0xFFFF;
}

/* Cutting computes it: it has to be right, or else to be computed anyway. */
static bool checksum_right(const struct segment *s)
{
	uint32_t l4len = s->f.len - s->l4;

	if (s->f.flags & VS_F_CSUM_NEEDED)
		return s->f.csum_start == s->l4 && s->f.csum_offset == TCP_CSUM;
	/* 0 for 0xFFFF is right, but no longer the same. */
	return be16_load(s->head + s->l4 + TCP_CSUM) &&
	       sum_fold(pseudo_sum(s, l4len) + sum_bytes(s->head + s->l4, l4len, false)) == 0xFFFF;
}

/* Return: whether it may be part of a large one. */
static bool read_segment(struct segment *s)
{
	const uint8_t *tcp;
	uint32_t hlen;

	if (s->f.flags & ~(unsigned)(VS_F_CSUM_NEEDED | VS_F_CSUM_VALID) || !read_ip(s))
		return false;
	tcp = s->head + s->l4;
	hlen = (uint32_t)tcp[TCP_DATA_OFFSET] >> 4 << 2;
	s->flags = tcp[TCP_FLAGS];
	s->hdrlen = (uint16_t)(s->l4 + hlen);
	s->payload = s->f.len - s->hdrlen;
	return hlen >= TCP_HLEN && s->hdrlen < s->f.len && (s->flags & ~TCP_PSH) == TCP_ACK &&
	       checksum_right(s);
}

static bool same_bytes(const struct segment *a, const struct segment *b, unsigned from, unsigned to)
{
	return !memcmp(a->head + from, b->head + from, to - from);
}

static bool same_headers(const struct segment *a, const struct segment *b)
{
	unsigned ip = a->l3, tcp = a->l4;

	if (a->v6 != b->v6 || a->l3 != b->l3 || a->hdrlen != b->hdrlen ||
	    !same_bytes(a, b, 0, ip + 2))
		return false;
	if (a->v6 && (!same_bytes(a, b, ip, ip + IPV6_PAYLOAD_LENGTH) ||
		      !same_bytes(a, b, ip + IPV6_NEXT_HEADER, tcp)))
		return false;
	if (!a->v6 && (!same_bytes(a, b, ip + IPV4_FRAGMENT, ip + IPV4_CSUM) ||
		       !same_bytes(a, b, ip + IPV4_ADDRESSES, tcp)))
		return false;
	return same_bytes(a, b, tcp, tcp + TCP_SEQ) &&
	       same_bytes(a, b, tcp + TCP_ACK_NUMBER, tcp + TCP_FLAGS) &&
	       same_bytes(a, b, tcp + TCP_WINDOW, tcp + TCP_CSUM) &&
	       same_bytes(a, b, tcp + TCP_URGENT, a->hdrlen);
}

static bool follows(const struct segment *train, const struct segment *s)
{
	uint32_t size = train->size;
	const uint8_t *a = train->head + train->l4, *b = s->head + s->l4;

	if (!size || train->flags & TCP_PSH || train->payload % size || s->payload > size ||
	    train->f.len + s->payload > VS_GSO_FRAME_MAX || !same_headers(train, s) ||
	    be32_load(b + TCP_SEQ) != be32_load(a + TCP_SEQ) + train->payload)
		return false;
	return train->v6 || be16_load(s->head + s->l3 + IPV4_ID) ==
				    (uint16_t)(be16_load(train->head + train->l3 + IPV4_ID) +
					       train->payload / size);
}

static void append(struct segment *train, const struct segment *s)
{
	memmove(train->head + train->f.len, s->head + s->hdrlen, s->payload);
	train->payload += s->payload;
	train->f.len += s->payload;
	train->flags |= s->flags;
}

/* Several segments are in it: the headers say so. */
static void write_large(struct segment *s)
{
	uint8_t *ip = s->head + s->l3, *tcp = s->head + s->l4;
	uint32_t l4len = s->f.len - s->l4;
	uint16_t sum;

	if (s->v6) {
		be16_store(ip + IPV6_PAYLOAD_LENGTH, (uint16_t)l4len);
	} else {
		be16_store(ip + IPV4_TOTAL_LENGTH, (uint16_t)(l4len + IPV4_HLEN));
		be16_store(ip + IPV4_CSUM, 0);
		sum = (uint16_t)~sum_fold(sum_bytes(ip, IPV4_HLEN, false));
		memcpy(ip + IPV4_CSUM, &sum, 2);
	}
	tcp[TCP_FLAGS] = s->flags;
	sum = sum_fold(pseudo_sum(s, l4len));
	memcpy(tcp + TCP_CSUM, &sum, 2);
	s->f.flags = VS_F_CSUM_NEEDED | (s->v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4);
	s->f.csum_start = s->l4;
	s->f.csum_offset = TCP_CSUM;
	s->f.gso_size = (uint16_t)s->size;
	s->f.hdrlen = s->hdrlen;
}

/* The frame in front of `at` is complete. Return: where the next one begins. */
static uint32_t close_frame(uint8_t *p, uint32_t at, struct segment *train)
{
	uint32_t end = at + (uint32_t)sizeof(train->f) + train->f.len;

	if (train->size && train->payload > train->size)
		write_large(train);
	memcpy(p + at, &train->f, sizeof(train->f));
	memset(p + end, 0, -end & 7u);
	return (end + 7) & ~7u;
}

uint32_t vs_packet_join(void *buf, uint32_t len)
{
	uint8_t *p = buf;
	uint32_t from = sizeof(struct vs_packet), to = from;
	struct vs_packet hdr;
	struct segment train = {0};
	unsigned n = 0;

	memcpy(&hdr, p, sizeof(hdr));
	if (hdr.count < 2)
		return len;
	for (unsigned k = 0; k < hdr.count; k++) {
		struct segment s = {.head = p + from + sizeof(s.f)};

		memcpy(&s.f, p + from, sizeof(s.f));
		from = (from + (uint32_t)sizeof(s.f) + s.f.len + 7) & ~7u;
		if (read_segment(&s)) {
			s.size = s.payload < VS_GSO_SIZE_MIN ? 0 : s.payload;
			if (follows(&train, &s)) {
				append(&train, &s);
				continue;
			}
		}
		if (n++)
			to = close_frame(p, to, &train);
		memmove(p + to + sizeof(s.f), s.head, s.f.len);
		train = s;
		train.head = p + to + sizeof(s.f);
	}
	to = close_frame(p, to, &train);
	hdr.count = (uint16_t)n;
	hdr.len = to;
	memcpy(p, &hdr, sizeof(hdr));
	return to;
}
