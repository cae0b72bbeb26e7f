/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a frame says of IP addresses and of those who have them: IPv4 and IPv6 headers, ARP, and
 * IPv6 neighbour discovery. Pure. Private to vswitch/, its tests and fuzz targets.
 *
 * An address is 16 bytes; IPv4 ones are written as IPv6 writes them (::ffff:a.b.c.d).
 */
#ifndef VSWITCH_IPFRAME_H
#define VSWITCH_IPFRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/be.h"

#define IP_BYTES 16u

enum ip_kind {
	IP_OTHER, /* no IP, or not a whole header */
	IP_V4,
	IP_V6,
	IP_ARP,
	IP_ND, /* IP_V6 as well: neighbour discovery as RFC 4861 wants it */
};

enum ip_nd {
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOUR_SOLICIT = 135,
	ND_NEIGHBOUR_ADVERT = 136,
	ND_REDIRECT = 137,
};

enum ip_arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct ip_frame {
	enum ip_kind kind;
	uint8_t op;   /* of ARP: enum ip_arp_op; of ND: enum ip_nd */
	uint16_t l3;  /* bytes of the Ethernet header */
	uint32_t len; /* of the packet, as its header says */
	bool df;      /* IPv4: not to be fragmented */
	/* Of ARP: sender and target, zero: none. Of ND: target is what it is about. */
	uint8_t src[IP_BYTES], dst[IP_BYTES], target[IP_BYTES];
};

static inline void ip_map4(uint8_t addr[IP_BYTES], const uint8_t ip4[4])
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xFF, 2);
	memcpy(addr + 12, ip4, 4);
}

static inline bool ip_is4(const uint8_t addr[IP_BYTES])
{
	return be64_load(addr) == 0 && be32_load(addr + 8) == 0xFFFF;
}

/* An address that a single host can have. */
bool ip_is_host(const uint8_t addr[IP_BYTES]);

/*
 * Read the first have bytes of an Ethernet frame with or without one tag.
 * Source: RFC 791, 826, 8200, 4861.
 */
void ip_frame_read(const uint8_t *head, uint32_t have, struct ip_frame *f);

/*
 * Who speaks: the address that the sender of an ARP or ND frame says is its own, or claims for
 * itself. Return: false: it says none, or the frame is not about the station it came from.
 */
bool ip_frame_speaker(const uint8_t *head, const struct ip_frame *f, uint8_t addr[IP_BYTES]);

/* Bytes of such a frame in which hardware addresses may stand: none is looked for behind. */
#define IP_TRANSLATE_BYTES 192u

/*
 * Another hardware address in place of the sender's, wherever an ARP or ND frame names it besides
 * the Ethernet header. @head: have bytes, changed.
 */
void ip_frame_translate(uint8_t *head, uint32_t have, const struct ip_frame *f,
			const uint8_t from[6], const uint8_t to[6]);

#endif
