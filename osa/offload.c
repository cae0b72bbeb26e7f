/* SPDX-License-Identifier: Apache-2.0 */
/* Checksum and segmentation requests of output headers. See offload.h. */
#include "osa/offload.h"

#include "common/be.h"

#define PROTO_TCP 6
#define PROTO_UDP 17

struct view { /* where things are in a frame's head */
	unsigned l3, l4;
	uint8_t proto;
	bool v6;
};

/* Find layer 4. */
static bool view_headers(const uint8_t *head, unsigned headlen, struct view *v)
{
	uint16_t type = be16_load(head + 12);

	v->l3 = 14;
	if (type == OSA_ETHERTYPE_VLAN && headlen >= 18) {
		type = be16_load(head + 16);
		v->l3 = 18;
	}
	v->v6 = type == OSA_ETHERTYPE_IP6;
	if (v->v6) {
		v->l4 = v->l3 + 40;
		if (v->l4 > headlen)
			return false;
		v->proto = head[v->l3 + 6];
		return true;
	}
	if (type != OSA_ETHERTYPE_IP4 || v->l3 + 20 > headlen)
		return false;
	v->l4 = v->l3 + (head[v->l3] & 0x0Fu) * 4u;
	v->proto = head[v->l3 + 9];
	return v->l4 >= v->l3 + 20 && v->l4 <= headlen;
}

/* The pseudo-header's sum, not complemented, as the checksum field of a frame to be finished. */
static void seed_checksum(uint8_t *head, const struct view *v, unsigned field, uint32_t l4len)
{
	const uint8_t *addr = head + v->l3 + (v->v6 ? 8 : 12);
	unsigned bytes = v->v6 ? 32 : 8;
	uint32_t sum = v->proto + (l4len >> 16) + (l4len & 0xFFFF);

	for (unsigned i = 0; i < bytes; i += 2)
		sum += be16_load(addr + i);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	be16_store(head + field, (uint16_t)sum);
}

static bool want_checksum(struct vs_burst *b, unsigned i, uint8_t proto, struct view *v)
{
	unsigned field;

	if (!view_headers(b->head[i], b->headlen[i], v) || v->proto != proto)
		return false;
	b->csum_start[i] = (uint16_t)v->l4;
	b->csum_offset[i] = proto == PROTO_UDP ? 6 : 16;
	field = v->l4 + b->csum_offset[i];
	if (field + 2 > b->headlen[i])
		return false;
	seed_checksum(b->head[i], v, field, b->len[i] - v->l4);
	b->flags[i] = VS_F_CSUM_NEEDED;
	return true;
}

bool osa_offload_checksum(struct vs_burst *b, unsigned i, bool udp)
{
	struct view v;

	return want_checksum(b, i, udp ? PROTO_UDP : PROTO_TCP, &v);
}

bool osa_offload_segment(struct vs_burst *b, unsigned i, const struct osa_tso_ext *x,
			 unsigned added)
{
	unsigned mss = be16_get(x->mss), hdr = be16_get(x->proto_hdr_len) + added;
	struct view v;

	if (mss < VS_GSO_SIZE_MIN || hdr > b->headlen[i] || hdr >= b->len[i] ||
	    be32_get(x->payload_len) != b->len[i] - hdr)
		return false;
	if (!want_checksum(b, i, PROTO_TCP, &v) || hdr < v.l4 + 20 ||
	    hdr != v.l4 + (b->head[i][v.l4 + 12] >> 4) * 4u)
		return false;
	b->gso_size[i] = (uint16_t)mss;
	b->hdrlen[i] = (uint16_t)hdr;
	if (b->len[i] - hdr > mss)
		b->flags[i] |= v.v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4;
	return true;
}

bool osa_offload_ip4(struct vs_burst *b, unsigned i, bool length)
{
	uint8_t *head = b->head[i];
	struct view v;
	uint32_t sum = 0;

	if (!view_headers(head, b->headlen[i], &v) || v.v6)
		return false;
	if (length)
		be16_store(head + v.l3 + 2, (uint16_t)(b->len[i] - v.l3));
	be16_store(head + v.l3 + 10, 0);
	for (unsigned at = v.l3; at < v.l4; at += 2)
		sum += be16_load(head + at);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	be16_store(head + v.l3 + 10, (uint16_t)~sum);
	return true;
}
