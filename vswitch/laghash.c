/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames are one conversation: the hash that picks the slot of a frame to the uplink. */
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#include "common/be.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define ETHERTYPE_QINQ 0x88A8

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 32;
}

static uint64_t load64(const uint8_t *p)
{
	return (uint64_t)be32_load(p) << 32 | be32_load(p + 4);
}

/* Protocols with two 16-bit ports in front. */
static bool has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

static uint64_t mix_ports(uint64_t h, const uint8_t *l4, const uint8_t *end, uint8_t proto)
{
	h = mix(h, proto);
	return has_ports(proto) && end - l4 >= 4 ? mix(h, be32_load(l4)) : h;
}

static uint64_t mix_ipv4(uint64_t h, const uint8_t *ip, const uint8_t *end)
{
	unsigned ihl = (ip[0] & 15u) * 4;
	/* Of a datagram in pieces only the first has ports: they must not part. */
	bool fragment = be16_load(ip + 6) & 0x3FFF;

	h = mix(h, load64(ip + 12));
	if (fragment || ihl < 20 || end - ip < (ptrdiff_t)ihl)
		return mix(h, ip[9]);
	return mix_ports(h, ip + ihl, end, ip[9]);
}

static uint64_t mix_ipv6(uint64_t h, const uint8_t *ip, const uint8_t *end)
{
	for (unsigned k = 8; k < 40; k += 8)
		h = mix(h, load64(ip + k));
	return mix_ports(h, ip + 40, end, ip[6]);
}

uint64_t vs_lag_hash(const uint8_t *head, unsigned headlen, uint16_t vid, uint64_t seed)
{
	const uint8_t *end = head + headlen, *l3 = head + ETH_HLEN;
	uint16_t type = be16_load(head + 12);

	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) && end - l3 >= VLAN_HLEN) {
		if (!vid)
			vid = be16_load(l3) & 0x0FFF;
		type = be16_load(l3 + 2);
		l3 += VLAN_HLEN;
	}
	seed = mix(seed, load64(head));
	seed = mix(seed, (uint64_t)be32_load(head + 8) << 16 | vid);
	if (type == ETHERTYPE_IPV4 && end - l3 >= 20)
		return mix_ipv4(seed, l3, end);
	if (type == ETHERTYPE_IPV6 && end - l3 >= 40)
		return mix_ipv6(seed, l3, end);
	return mix(seed, type);
}
