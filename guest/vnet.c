/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offload wishes of the kernel, from the virtio header in front of a frame.
 * Source: virtio 1.2, 5.1.6.2; spec/osa-qeth.md 7.1, 7.4, 7.5.
 */
#include "common/be.h"
#include "guest/guest.h"
#include "guest/tap.h"

#define ETH_BYTES 14u
#define TAG_BYTES 4u
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86DD
#define TYPE_VLAN 0x8100
#define PROTO_TCP 6
#define PROTO_UDP 17
#define TCP_CSUM 16 /* offset of the checksum in the TCP header */
#define UDP_CSUM 6

static uint32_t sum(const uint8_t *p, uint32_t len)
{
	uint64_t s = 0;

	for (; len >= 2; p += 2, len -= 2)
		s += be16_load(p);
	if (len)
		s += (uint64_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return (uint32_t)s;
}

/* The field holds the pseudo header's sum already. */
static void complete(uint8_t *frame, uint32_t len, uint32_t start, uint32_t field)
{
	uint16_t c = (uint16_t)~sum(frame + start, len - start);

	if (c == 0 && field - start == UDP_CSUM)
		c = 0xFFFF;
	be16_store(frame + field, c);
}

/* Where layer 4 begins behind a plain IP header, and its protocol. Return: 0 if it is none. */
static uint32_t find_transport(const uint8_t *frame, uint32_t len, uint8_t *proto, bool *v6)
{
	uint32_t l3 = ETH_BYTES;
	uint16_t type = be16_load(frame + 12);

	if (type == TYPE_VLAN && len >= ETH_BYTES + TAG_BYTES) {
		type = be16_load(frame + 16);
		l3 += TAG_BYTES;
	}
	*v6 = type == TYPE_IPV6;
	if (type == TYPE_IPV4 && len >= l3 + 20) {
		*proto = frame[l3 + 9];
		return l3 + (frame[l3] & 15u) * 4;
	}
	if (type == TYPE_IPV6 && len >= l3 + 40) {
		*proto = frame[l3 + 6];
		return l3 + 40;
	}
	return 0;
}

/* The transport's protocol if it follows the IP header directly, else 0. */
static uint8_t transport_at(const uint8_t *frame, uint32_t len, uint32_t start)
{
	uint8_t proto = 0;
	bool v6;

	return start && find_transport(frame, len, &proto, &v6) == start ? proto : 0;
}

/* A TAP's header is in the byte order of the machine (TUNSETVNETLE was not asked for). */
static uint16_t native(__virtio16 v)
{
	return (BE_FORCE uint16_t)v;
}

static bool segment(const struct virtio_net_hdr *h, const uint8_t *frame, uint32_t len,
		    struct vnet_out *out)
{
	uint8_t type = h->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t start = native(h->csum_start), hdrlen;

	if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) ||
	    !h->gso_size || start + 20 > len)
		return false;
	hdrlen = start + (frame[start + 12] >> 4) * 4u;
	if (hdrlen < start + 20 || hdrlen > len || hdrlen > 256)
		return false;
	out->flags = GUEST_TX_TSO;
	out->hdrlen = (uint16_t)hdrlen;
	out->mss = native(h->gso_size);
	return true;
}

bool vnet_from_tap(const struct virtio_net_hdr *h, uint8_t *frame, uint32_t len, bool assist,
		   struct vnet_out *out)
{
	uint16_t offset = native(h->csum_offset);
	uint32_t start = native(h->csum_start), field = start + offset;
	uint8_t proto;

	*out = (struct vnet_out){0};
	if (len < ETH_BYTES)
		return false;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return segment(h, frame, len, out);
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (field + 2 > len)
		return false;
	proto = assist ? transport_at(frame, len, start) : 0;
	if (proto == PROTO_TCP && offset == TCP_CSUM)
		out->flags = GUEST_TX_CSUM;
	else if (proto == PROTO_UDP && offset == UDP_CSUM)
		out->flags = GUEST_TX_CSUM | GUEST_TX_UDP;
	else
		complete(frame, len, start, field);
	return true;
}

/* A number in a TAP's header. */
static __virtio16 to_native(uint32_t v)
{
	return (BE_FORCE __virtio16)(uint16_t)v;
}

bool vnet_to_tap(struct virtio_net_hdr *h, const struct guest_rx *rx)
{
	uint32_t offset = rx->flags & GUEST_RX_UDP ? UDP_CSUM : TCP_CSUM, start;
	uint8_t proto;
	bool v6;

	start = find_transport(rx->data, rx->len, &proto, &v6);
	if (!start || start + offset + 2 > rx->len)
		return false;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = to_native(start);
	h->csum_offset = to_native(offset);
	if (!(rx->flags & GUEST_RX_TSO))
		return true;
	h->gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	h->gso_size = to_native(rx->mss);
	h->hdr_len = to_native(rx->hdrlen);
	return true;
}
