/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver cannot do by itself: TCP/UDP checksums, and cutting a large TCP
 * frame into segments. Headers are worked on in the private head; payload is only
 * read. A guest that changes its payload meanwhile gets a wrong checksum, nothing else.
 */
#include "vswitch/vs_priv.h"

#include "common/be.h"
#include "common/sum.h"

#define IPV4_CSUM 10 /* offsets in the IPv4, IPv6 and TCP headers: RFC 791, 8200, 9293 */
#define IPV4_TOTAL_LENGTH 2
#define IPV4_ID 4
#define IPV6_PAYLOAD_LENGTH 4
#define TCP_SEQ 4
#define TCP_FLAGS 13
#define TCP_CSUM 16
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

/* Sum of the frame from offset on. Offset lies within head. */
static uint64_t sum_frame(const struct vs_burst *b, unsigned i, unsigned offset)
{
	size_t done = b->headlen[i] - offset;
	uint64_t sum = sum_bytes(b->head[i] + offset, done, false);

	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		sum += sum_bytes(seg->p, seg->len, done & 1);
		done += seg->len;
	}
	return sum;
}

static_assert(VS_FRAME_MAX < SUM_MAX, "a piece of a frame");

static void store_sum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~sum_fold(sum);

	memcpy(p, &v, 2);
}

enum vs_drop offload_checksum(struct vs_burst *b, unsigned i)
{
	unsigned start = b->csum_start[i];
	unsigned field = start + b->csum_offset[i];

	if (start < ETH_HLEN || field + 2 > b->headlen[i])
		return VS_DROP_RX_MALFORMED;
	store_sum(b->head[i] + field, sum_frame(b, i, start));
	/* 0 means "no checksum" in UDP (RFC 768), and is equal to 0xFFFF in TCP. */
	if (!be16_load(b->head[i] + field))
		be16_store(b->head[i] + field, 0xFFFF);
	b->flags[i] = (uint8_t)((b->flags[i] & ~VS_F_CSUM_NEEDED) | VS_F_CSUM_VALID);
	return VS_DROP_NONE;
}

/* Layer-3 offset of a frame whose layer 4 begins at l4. */
static unsigned l3_offset(const uint8_t *head)
{
	return be16_load(head + 2 * ETH_ALEN) == ETHERTYPE_VLAN ? ETH_HLEN + VLAN_HLEN : ETH_HLEN;
}

static bool gso_valid(const struct vs_burst *b, unsigned i)
{
	const uint8_t *head = b->head[i];
	unsigned l4 = b->csum_start[i];
	unsigned l3 = l3_offset(head);
	bool v4 = b->flags[i] & VS_F_GSO_TCP4;

	return b->gso_size[i] && b->hdrlen[i] <= b->headlen[i] && b->hdrlen[i] < b->len[i] &&
	       l4 + 20u <= b->hdrlen[i] && l3 + (v4 ? 20u : 40u) <= l4 &&
	       b->hdrlen[i] <= VS_HEAD_BYTES;
}

/* Make segment k's headers from the template in head. */
static void write_headers(struct vs_burst *cut, unsigned k, const struct vs_burst *b, unsigned i,
			  unsigned number, uint32_t offset, uint32_t payload, bool last)
{
	uint8_t *h = cut->head[k];
	unsigned l4 = b->csum_start[i], l3 = l3_offset(b->head[i]);
	uint8_t *tcp = h + l4, *ip = h + l3;
	uint32_t l4len = b->hdrlen[i] - l4 + payload;
	uint64_t pseudo;

	memcpy(h, b->head[i], b->hdrlen[i]);
	be32_store(tcp + TCP_SEQ, be32_load(tcp + TCP_SEQ) + offset);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (number)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (b->flags[i] & VS_F_GSO_TCP4) {
		be16_store(ip + IPV4_TOTAL_LENGTH, (uint16_t)(l4 - l3 + l4len));
		be16_store(ip + IPV4_ID, (uint16_t)(be16_load(ip + IPV4_ID) + number));
		be16_store(ip + IPV4_CSUM, 0);
		store_sum(ip + IPV4_CSUM, sum_bytes(ip, l4 - l3, false));
		pseudo = sum_bytes(ip + 12, 8, false);
	} else {
		be16_store(ip + IPV6_PAYLOAD_LENGTH, (uint16_t)(l4 - l3 - 40 + l4len));
		pseudo = sum_bytes(ip + 8, 32, false);
	}
	pseudo += be16_swap(6) + be16_swap((uint16_t)l4len); /* protocol TCP, length */
	pseudo = sum_fold(pseudo);
	memcpy(tcp + TCP_CSUM, &(uint16_t){(uint16_t)pseudo}, 2);
}

/* The payload bytes [offset, offset + len) as references. Return: false if seg[] is full. */
static bool refer(struct vs_burst *cut, unsigned k, const struct vs_burst *b, unsigned i,
		  uint32_t offset, uint32_t len)
{
	/* Payload that the port had snapshotted with the headers comes first. */
	struct vs_seg in_head = {b->head[i] + b->hdrlen[i],
				 (uint32_t)(b->headlen[i] - b->hdrlen[i])};

	cut->seg0[k] = (uint16_t)cut->nseg_used;
	cut->nseg[k] = 0;
	for (unsigned s = 0; s <= b->nseg[i] && len; s++) {
		struct vs_seg from = s ? b->seg[b->seg0[i] + s - 1] : in_head;
		uint32_t n;

		if (offset >= from.len) {
			offset -= from.len;
			continue;
		}
		n = from.len - offset < len ? from.len - offset : len;
		if (cut->nseg_used == VS_SEGS)
			return false;
		cut->seg[cut->nseg_used++] = (struct vs_seg){from.p + offset, n};
		cut->nseg[k]++;
		len -= n;
		offset = 0;
	}
	return len == 0;
}

/*
 * Cut frame i: fill cut with its next segments, from number *skip on, and move *skip.
 * Return: segments in cut; 0 when there are no more, or the frame is not what it says.
 */
unsigned offload_segment(const struct vs_burst *b, unsigned i, struct vs_burst *cut, unsigned *skip)
{
	uint32_t payload = b->len[i] - b->hdrlen[i];
	unsigned k = 0;

	cut->n = 0;
	cut->nseg_used = 0;
	if (!gso_valid(b, i))
		return 0;
	for (; k < VS_BURST; k++, ++*skip) {
		uint32_t offset = *skip * (uint32_t)b->gso_size[i];
		uint32_t len = payload - offset;

		if (offset >= payload)
			break;
		if (len > b->gso_size[i])
			len = b->gso_size[i];
		if (!refer(cut, k, b, i, offset, len))
			break;
		write_headers(cut, k, b, i, *skip, offset, len, offset + len == payload);
		cut->headlen[k] = b->hdrlen[i];
		cut->len[k] = b->hdrlen[i] + len;
		cut->csum_start[k] = b->csum_start[i];
		cut->csum_offset[k] = TCP_CSUM;
		cut->flags[k] = VS_F_CSUM_NEEDED;
		cut->gso_size[k] = 0;
		cut->hdrlen[k] = 0;
		if (offload_checksum(cut, k) != VS_DROP_NONE)
			return 0;
	}
	cut->n = k;
	return k;
}
