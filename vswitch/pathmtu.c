/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest sent what is larger than the path beyond the uplink takes: "fragmentation needed" (RFC
 * 792, 1191) or "packet too big" (RFC 4443 3.2). The switch has no IP address of its own: the
 * answer comes from whom the packet was for, so that no reverse-path check of the guest minds it.
 * Control thread.
 */
#include <errno.h>

#include "common/be.h"
#include "vswitch/ipframe.h"
#include "vswitch/vs_priv.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define IP4_BYTES 20u
#define IP6_BYTES 40u
#define ICMP_BYTES 8u
#define QUOTE4 (576u - IP4_BYTES - ICMP_BYTES)	/* RFC 1812 4.3.2.3 */
#define QUOTE6 (1280u - IP6_BYTES - ICMP_BYTES) /* RFC 4443 2.4 (c) */
#define ANSWER_MAX (ETH_HLEN + 1280u)

static uint32_t add(const uint8_t *p, uint32_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += be16_load(p);
	return len ? s + (uint32_t)(p[0] << 8) : s;
}

static void store_sum(uint8_t *at, uint32_t s)
{
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	be16_store(at, (uint16_t)~s);
}

static uint32_t answer4(uint8_t *ip, const uint8_t *packet, uint32_t have, uint32_t mtu)
{
	uint32_t quote = have < QUOTE4 ? have : QUOTE4, len = IP4_BYTES + ICMP_BYTES + quote;
	uint8_t *icmp = ip + IP4_BYTES;

	ip[0] = 0x45;
	be16_store(ip + 2, (uint16_t)len);
	ip[8] = 64;
	ip[9] = 1;
	memcpy(ip + 12, packet + 16, 4);
	memcpy(ip + 16, packet + 12, 4);
	store_sum(ip + 10, add(ip, IP4_BYTES, 0));
	icmp[0] = 3;
	icmp[1] = 4;
	be16_store(icmp + 6, (uint16_t)(mtu < 0xFFFF ? mtu : 0xFFFF));
	memcpy(icmp + ICMP_BYTES, packet, quote);
	store_sum(icmp + 2, add(icmp, ICMP_BYTES + quote, 0));
	return len;
}

static uint32_t answer6(uint8_t *ip, const uint8_t *packet, uint32_t have, uint32_t mtu)
{
	uint32_t quote = have < QUOTE6 ? have : QUOTE6;
	uint8_t *icmp = ip + IP6_BYTES;

	ip[0] = 0x60;
	be16_store(ip + 4, (uint16_t)(ICMP_BYTES + quote));
	ip[6] = 58;
	ip[7] = 64;
	memcpy(ip + 8, packet + 24, 16);
	memcpy(ip + 24, packet + 8, 16);
	icmp[0] = 2;
	be32_store(icmp + 4, mtu);
	memcpy(icmp + ICMP_BYTES, packet, quote);
	store_sum(icmp + 2,
		  add(icmp, ICMP_BYTES + quote, add(ip + 8, 32, 58 + ICMP_BYTES + quote)));
	return IP6_BYTES + ICMP_BYTES + quote;
}

uint32_t vs_switch_path_mtu(struct vs_switch *sw)
{
	return sw->ip ? ipmode_path_mtu(sw) : 0;
}

int vs_path_mtu_frame(struct vs_switch *sw, const struct vs_punted *f)
{
	uint32_t mtu = sw->ip ? ipmode_path_mtu(sw) : 0, len;
	uint8_t frame[ANSWER_MAX] = {0};
	struct ip_frame x;

	ip_frame_read(f->data, f->len, &x);
	if (!mtu || !(x.kind == IP_V4 || x.kind == IP_V6) || !ip_is_host(x.src))
		return -EINVAL;
	memcpy(frame, f->data + ETH_ALEN, ETH_ALEN);
	memcpy(frame + ETH_ALEN, sw->cfg.mac, ETH_ALEN);
	be16_store(frame + 2 * ETH_ALEN, x.kind == IP_V4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	len = (x.kind == IP_V4 ? answer4 : answer6)(frame + ETH_HLEN, f->data + x.l3, f->len - x.l3,
						    mtu);
	return vs_port_inject(f->port, f->vid, frame, ETH_HLEN + len);
}
