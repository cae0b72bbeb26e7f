/* SPDX-License-Identifier: Apache-2.0 */
#include "host/steer.h"

#include <string.h>

#include "common/be.h"

#define ETH_HLEN 14u
#define TAG_LEN 4u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86DDu
#define TYPE_TAG 0x8100u
#define IPV6_HLEN 40u
#define PROTO_TCP 6u
#define PROTO_UDP 17u

/* A sum of halves that may change places, well mixed. */
static uint32_t mix(uint32_t h, const uint8_t *a, const uint8_t *b, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 2)
		h = h * 31 + (uint32_t)(be16_load(a + i) ^ be16_load(b + i));
	return h;
}

static uint32_t ports(uint32_t h, const uint8_t *head, uint32_t len, uint32_t at, uint8_t proto)
{
	h = h * 31 + proto;
	if ((proto == PROTO_TCP || proto == PROTO_UDP) && at + 4 <= len)
		h = mix(h, head + at, head + at + 2, 2);
	return h;
}

static uint32_t ipv4(const uint8_t *head, uint32_t len, uint32_t at)
{
	const uint8_t *ip = head + at;
	uint32_t h;

	if (at + 20 > len)
		return 0;
	h = mix(0, ip + 12, ip + 16, 4);
	/* All fragments of a packet go the same way. */
	if (be16_load(ip + 6) & 0x3FFF)
		return h;
	return ports(h, head, len, at + (ip[0] & 15u) * 4, ip[9]);
}

uint32_t steer_hash(const uint8_t *head, uint32_t len)
{
	uint32_t at = ETH_HLEN, h;
	uint16_t type;

	if (len < ETH_HLEN)
		return 0;
	type = be16_load(head + 12);
	if (type == TYPE_TAG && len >= ETH_HLEN + TAG_LEN) {
		at += TAG_LEN;
		type = be16_load(head + at - 2);
	}
	if (type == TYPE_IPV4)
		h = ipv4(head, len, at);
	else if (type == TYPE_IPV6 && at + IPV6_HLEN <= len)
		h = ports(mix(0, head + at + 8, head + at + 24, 16), head, len, at + IPV6_HLEN,
			  head[at + 6]);
	else
		h = mix(0, head, head + 6, 6);
	return (h * 0x9E3779B1u) >> 16;
}
