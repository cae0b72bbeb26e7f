/* SPDX-License-Identifier: Apache-2.0 */
#include "host/vnet.h"

#include "common/be.h"

#define ETH_HLEN 14u
#define ETH_ALEN2 12u /* both addresses: a tag goes behind them */
#define TAG_LEN 4u
#define TPID_8021Q 0x8100u
#define TPID_8021AD 0x88A8u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86DDu
#define PROTO_TCP 6u
#define PROTO_UDP 17u
#define TCP_HLEN_MIN 20u
#define TCP_CSUM_OFFSET 16u
#define UDP_HLEN 8u
#define UDP_CSUM_OFFSET 6u
#define IPV6_HLEN 40u
#define IPV6_EXT_MAX 6 /* extension headers looked through */

/* Where a frame's transport header is. */
struct l4 {
	uint32_t start;
	uint32_t hlen;
	uint32_t csum_offset;
	uint8_t proto;
	bool v6;
};

static bool ipv4_parse(const uint8_t *f, uint32_t room, uint32_t off, struct l4 *l4)
{
	uint32_t ihl;

	if (off + 20 > room)
		return false;
	ihl = (f[off] & 15u) * 4;
	if (f[off] >> 4 != 4 || ihl < 20 || be16_load(f + off + 6) & 0x3FFF) /* MF or offset */
		return false;
	l4->start = off + ihl;
	l4->proto = f[off + 9];
	l4->v6 = false;
	return true;
}

static bool ipv6_parse(const uint8_t *f, uint32_t room, uint32_t off, struct l4 *l4)
{
	uint8_t next;

	if (off + IPV6_HLEN > room || f[off] >> 4 != 6)
		return false;
	next = f[off + 6];
	off += IPV6_HLEN;
	for (int i = 0; i < IPV6_EXT_MAX; i++) {
		if (next != 0 && next != 43 && next != 60) /* hop-by-hop, routing, destination */
			break;
		if (off + 2 > room)
			return false;
		next = f[off];
		off += (f[off + 1] + 1u) * 8;
	}
	l4->start = off;
	l4->proto = next;
	l4->v6 = true;
	return true;
}

/* Find TCP or UDP of a whole packet, all headers within the first VS_HEAD_BYTES. */
static bool l4_find(const uint8_t *f, uint32_t len, struct l4 *l4)
{
	uint32_t room = len < VS_HEAD_BYTES ? len : VS_HEAD_BYTES;
	uint32_t off = ETH_HLEN;
	uint16_t type = be16_load(f + ETH_ALEN2);

	for (int i = 0; i < 2 && (type == TPID_8021Q || type == TPID_8021AD); i++) {
		if (off + TAG_LEN > room)
			return false;
		type = be16_load(f + off + 2);
		off += TAG_LEN;
	}
	if (!(type == TYPE_IPV4	  ? ipv4_parse(f, room, off, l4)
	      : type == TYPE_IPV6 ? ipv6_parse(f, room, off, l4)
				  : false))
		return false;
	if (l4->proto == PROTO_UDP) {
		l4->hlen = UDP_HLEN;
		l4->csum_offset = UDP_CSUM_OFFSET;
		return l4->start + UDP_HLEN <= room;
	}
	if (l4->proto != PROTO_TCP || l4->start + TCP_HLEN_MIN > room)
		return false;
	l4->hlen = (f[l4->start + 12] >> 4) * 4u;
	l4->csum_offset = TCP_CSUM_OFFSET;
	return l4->hlen >= TCP_HLEN_MIN && l4->start + l4->hlen <= room;
}

static void store_sum(uint8_t *to, uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	/* RFC 768: a computed 0 is sent as all ones. For TCP both are the same number. */
	be16_store(to, sum == 0xFFFF ? 0xFFFF : (uint16_t)~sum);
}

/* Finish a checksum whose field holds the sum of what lies before start. */
static void csum_complete(uint8_t *f, uint32_t len, uint32_t start, uint32_t field)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = start; i + 1 < len; i += 2)
		sum += be16_load(f + i);
	if (i < len)
		sum += (uint32_t)f[i] << 8;
	store_sum(f + field, sum);
}

static enum vs_drop rx_gso(const struct vnet_hdr *hdr, const struct l4 *l4, struct vs_burst *b)
{
	unsigned i = b->n;

	if (hdr->gso_size < VS_GSO_SIZE_MIN)
		return VS_DROP_RX_MALFORMED;
	if (l4->proto != PROTO_TCP || hdr->gso_type != (l4->v6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4))
		return VS_DROP_RX_UNSUPPORTED;
	b->flags[i] |= l4->v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4;
	b->gso_size[i] = hdr->gso_size;
	b->hdrlen[i] = (uint16_t)(l4->start + l4->hlen);
	return VS_DROP_NONE;
}

/*
 * @frame: the frame's first bytes, up to VS_HEAD_BYTES.
 * @complete: set if the flags cannot say where the checksum is: the frame goes on as a
 * finished one, once its checksum is there.
 */
static enum vs_drop rx_offloads(const struct vnet_hdr *hdr, const uint8_t *frame, uint32_t len,
				struct vs_burst *b, bool *complete)
{
	uint32_t field = (uint32_t)hdr->csum_start + hdr->csum_offset;
	unsigned i = b->n;
	struct l4 l4;

	if (!(hdr->flags & VNET_FLAG_NEEDS_CSUM)) {
		b->flags[i] = hdr->flags & VNET_FLAG_DATA_VALID ? VS_F_CSUM_VALID : 0;
		return hdr->gso_type == VNET_GSO_NONE ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
	}
	if (hdr->csum_start < ETH_HLEN || field + 2 > len)
		return VS_DROP_RX_MALFORMED;
	if (!l4_find(frame, len, &l4) || l4.start != hdr->csum_start ||
	    l4.csum_offset != hdr->csum_offset) {
		/* A tunnel's inner packet, or headers longer than a head. */
		*complete = true;
		return hdr->gso_type == VNET_GSO_NONE ? VS_DROP_NONE : VS_DROP_RX_UNSUPPORTED;
	}
	b->flags[i] = VS_F_CSUM_NEEDED;
	b->csum_start[i] = hdr->csum_start;
	b->csum_offset[i] = hdr->csum_offset;
	if (l4.start + l4.hlen > b->headlen[i])
		b->headlen[i] = (uint16_t)(l4.start + l4.hlen);
	return hdr->gso_type == VNET_GSO_NONE ? VS_DROP_NONE : rx_gso(hdr, &l4, b);
}

/* The sum of a frame in pieces from start on, which lies in the head; into the head. */
static enum vs_drop complete_in_head(struct vs_burst *b, uint32_t start, uint32_t field)
{
	unsigned i = b->n;
	uint64_t sum = 0;
	uint32_t at = 0;

	if (field + 2 > b->headlen[i])
		return VS_DROP_RX_UNSUPPORTED;
	for (uint32_t k = start; k < b->headlen[i]; k++, at++)
		sum += (uint32_t)b->head[i][k] << (at & 1 ? 0 : 8);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		for (uint32_t k = 0; k < seg->len; k++, at++)
			sum += (uint32_t)seg->p[k] << (at & 1 ? 0 : 8);
	}
	store_sum(b->head[i] + field, sum);
	return VS_DROP_NONE;
}

bool vnet_csum_place(const uint8_t *head, uint32_t len, struct vnet_hdr *hdr)
{
	struct l4 l4;

	if (len < ETH_HLEN || !l4_find(head, len, &l4))
		return false;
	*hdr = (struct vnet_hdr){
		.flags = VNET_FLAG_NEEDS_CSUM,
		.csum_start = (uint16_t)l4.start,
		.csum_offset = (uint16_t)l4.csum_offset,
	};
	return true;
}

enum vs_drop vnet_rx_head(const struct vnet_hdr *hdr, struct vs_burst *b)
{
	unsigned i = b->n;
	bool complete = false;
	enum vs_drop why;

	b->flags[i] = 0;
	b->csum_start[i] = b->csum_offset[i] = 0;
	b->gso_size[i] = b->hdrlen[i] = 0;
	why = rx_offloads(hdr, b->head[i], b->len[i], b, &complete);
	if (why == VS_DROP_NONE && complete)
		why = complete_in_head(b, hdr->csum_start,
				       (uint32_t)hdr->csum_start + hdr->csum_offset);
	return why;
}

enum vs_drop vnet_rx(const struct vnet_hdr *hdr, uint8_t *frame, uint32_t len, struct vs_burst *b)
{
	unsigned i = b->n;
	bool complete = false;
	enum vs_drop why;

	if (len < ETH_HLEN)
		return VS_DROP_RX_RUNT;
	if (len > VS_FRAME_MAX)
		return VS_DROP_RX_GIANT;
	b->len[i] = len;
	b->headlen[i] = (uint16_t)(len < VS_HEAD_MIN ? len : VS_HEAD_MIN);
	b->flags[i] = 0;
	b->csum_start[i] = b->csum_offset[i] = 0;
	b->gso_size[i] = b->hdrlen[i] = 0;
	why = rx_offloads(hdr, frame, len, b, &complete);
	if (why != VS_DROP_NONE)
		return why;
	if (complete)
		csum_complete(frame, len, hdr->csum_start,
			      (uint32_t)hdr->csum_start + hdr->csum_offset);

	memcpy(b->head[i], frame, b->headlen[i]);
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = len > b->headlen[i];
	if (b->nseg[i])
		b->seg[b->nseg_used++] = (struct vs_seg){
			.p = frame + b->headlen[i],
			.len = len - b->headlen[i],
		};
	b->n++;
	return VS_DROP_NONE;
}

uint32_t vnet_head(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *out)
{
	const uint8_t *head = b->head[ref->frame];
	uint32_t len = b->headlen[ref->frame];

	if (ref->edit == VS_EDIT_NONE) {
		memcpy(out, head, len);
		return len;
	}
	if (len < ETH_HLEN + (ref->edit == VS_EDIT_PUSH ? 0 : TAG_LEN))
		return 0;
	memcpy(out, head, ETH_ALEN2);
	switch (ref->edit) {
	case VS_EDIT_STRIP:
		memcpy(out + ETH_ALEN2, head + ETH_ALEN2 + TAG_LEN, len - ETH_ALEN2 - TAG_LEN);
		return len - TAG_LEN;
	case VS_EDIT_PUSH:
		be16_store(out + ETH_ALEN2, TPID_8021Q);
		be16_store(out + ETH_HLEN, b->tci[ref->frame]);
		memcpy(out + ETH_ALEN2 + TAG_LEN, head + ETH_ALEN2, len - ETH_ALEN2);
		return len + TAG_LEN;
	default: /* VS_EDIT_RETAG */
		memcpy(out + ETH_ALEN2, head + ETH_ALEN2, len - ETH_ALEN2);
		be16_store(out + ETH_HLEN, b->tci[ref->frame]);
		return len;
	}
}

void vnet_tx_hdr(const struct vs_burst *b, const struct vs_ref *ref, struct vnet_hdr *hdr)
{
	unsigned i = ref->frame;
	int shift = (ref->edit == VS_EDIT_PUSH ? (int)TAG_LEN : 0) -
		    (ref->edit == VS_EDIT_STRIP ? (int)TAG_LEN : 0);

	*hdr = (struct vnet_hdr){.flags = 0};
	if (b->flags[i] & VS_F_CSUM_NEEDED) {
		hdr->flags = VNET_FLAG_NEEDS_CSUM;
		hdr->csum_start = (uint16_t)(b->csum_start[i] + shift);
		hdr->csum_offset = b->csum_offset[i];
	}
	if (b->flags[i] & VS_F_GSO) {
		hdr->gso_type = b->flags[i] & VS_F_GSO_TCP6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
		hdr->gso_size = b->gso_size[i];
		hdr->hdr_len = (uint16_t)(b->hdrlen[i] + shift);
	}
}

uint32_t vnet_tx(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *out)
{
	struct vnet_hdr hdr;
	uint32_t headlen = vnet_head(b, ref, out + sizeof(hdr));

	if (!headlen)
		return 0;
	vnet_tx_hdr(b, ref, &hdr);
	memcpy(out, &hdr, sizeof(hdr));
	return sizeof(hdr) + headlen;
}
