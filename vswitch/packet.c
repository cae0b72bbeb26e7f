/* SPDX-License-Identifier: Apache-2.0 */
#include "vswitch/packet.h"

#include <string.h>

#include "common/be.h"
#include "vswitch/vs_priv.h"

/* The bytes of a frame as it leaves. Return: how many. */
static uint32_t put_frame(uint8_t *to, const struct vs_burst *b, struct vs_ref ref)
{
	unsigned i = ref.frame;
	uint32_t n = b->headlen[i], from = 0, at = 0;

	if (ref.edit != VS_EDIT_NONE) {
		memcpy(to, b->head[i], 2 * ETH_ALEN);
		at = from = 2 * ETH_ALEN;
		if (ref.edit != VS_EDIT_STRIP) {
			be16_store(to + at, ETHERTYPE_VLAN);
			be16_store(to + at + 2, b->tci[i]);
			at += VLAN_HLEN;
		}
		if (ref.edit != VS_EDIT_PUSH)
			from += VLAN_HLEN;
	}
	memcpy(to + at, b->head[i] + from, n - from);
	at += n - from;
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		memcpy(to + at, seg->p, seg->len);
		at += seg->len;
	}
	return at;
}

/* Offsets of headers behind the tag move with it. */
static struct vs_packet_frame frame_header(const struct vs_burst *b, struct vs_ref ref)
{
	unsigned i = ref.frame;
	int move = ref.edit == VS_EDIT_PUSH    ? VLAN_HLEN
		   : ref.edit == VS_EDIT_STRIP ? -VLAN_HLEN
					       : 0;
	struct vs_packet_frame f = {.flags = b->flags[i]};

	if (f.flags & VS_F_CSUM_NEEDED) {
		f.csum_start = (uint16_t)(b->csum_start[i] + move);
		f.csum_offset = b->csum_offset[i];
	}
	if (f.flags & VS_F_GSO) {
		f.gso_size = b->gso_size[i];
		f.hdrlen = (uint16_t)(b->hdrlen[i] + move);
	}
	return f;
}

uint32_t vs_packet_pack(void *buf, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			unsigned *taken)
{
	uint8_t *p = buf;
	uint32_t at = sizeof(struct vs_packet);
	struct vs_packet hdr = {0};

	for (*taken = 0; *taken < n && *taken < VS_PACKET_FRAMES; ++*taken) {
		struct vs_packet_frame f;

		if (at + sizeof(f) + b->len[ref[*taken].frame] + VLAN_HLEN + 8 > VS_PACKET_MAX)
			break;
		f = frame_header(b, ref[*taken]);
		f.len = put_frame(p + at + sizeof(f), b, ref[*taken]);
		memcpy(p + at, &f, sizeof(f));
		at += (uint32_t)sizeof(f) + f.len;
		memset(p + at, 0, -at & 7u); /* nothing of ours leaks in the gaps */
		at = (at + 7) & ~7u;
	}
	hdr.count = (uint16_t)*taken;
	hdr.len = at;
	memcpy(p, &hdr, sizeof(hdr));
	return *taken ? at : 0;
}

#define TCP_HLEN 20

static bool gso_valid(const struct vs_packet_frame *f)
{
	return (f->flags & VS_F_GSO) != VS_F_GSO && f->flags & VS_F_CSUM_NEEDED &&
	       f->gso_size >= VS_GSO_SIZE_MIN && f->hdrlen >= f->csum_start + TCP_HLEN &&
	       f->hdrlen <= VS_HEAD_BYTES && f->hdrlen < f->len;
}

static enum vs_drop judge(const struct vs_packet_frame *f, unsigned allowed)
{
	if (f->len < ETH_HLEN)
		return VS_DROP_RX_RUNT;
	if (f->len > VS_FRAME_MAX)
		return VS_DROP_RX_GIANT;
	if (f->flags & ~allowed)
		return VS_DROP_RX_MALFORMED;
	if (f->flags & VS_F_GSO && !gso_valid(f))
		return VS_DROP_RX_MALFORMED;
	if (f->flags & VS_F_CSUM_NEEDED &&
	    (f->csum_start < ETH_HLEN || (uint32_t)f->csum_start + f->csum_offset + 2 > f->len))
		return VS_DROP_RX_MALFORMED;
	return VS_DROP_NONE;
}

static void take_frame(struct vs_burst *b, const struct vs_packet_frame *f, const uint8_t *data)
{
	unsigned i = b->n++;
	uint32_t want = f->flags & (VS_F_CSUM_NEEDED | VS_F_GSO) ? VS_HEAD_BYTES : VS_HEAD_MIN;

	b->len[i] = f->len;
	b->headlen[i] = (uint16_t)(f->len < want ? f->len : want);
	b->flags[i] = (uint8_t)f->flags;
	b->csum_start[i] = f->csum_start;
	b->csum_offset[i] = f->csum_offset;
	b->gso_size[i] = f->gso_size;
	b->hdrlen[i] = f->hdrlen;
	memcpy(b->head[i], data, b->headlen[i]);
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = f->len > b->headlen[i];
	if (b->nseg[i])
		b->seg[b->nseg_used++] =
			(struct vs_seg){data + b->headlen[i], f->len - b->headlen[i]};
}

unsigned vs_packet_unpack(const void *buf, uint32_t len, unsigned allowed, struct vs_burst *b,
			  uint64_t *dropped)
{
	const uint8_t *p = buf;
	uint32_t at = sizeof(struct vs_packet);
	struct vs_packet hdr;

	b->n = 0;
	b->nseg_used = 0;
	vs_burst_forget(b);
	if (len < sizeof(hdr) || len > VS_PACKET_MAX) {
		dropped[VS_DROP_RX_MALFORMED]++;
		return 0;
	}
	memcpy(&hdr, p, sizeof(hdr));
	if (hdr.len != len || hdr.count > VS_PACKET_FRAMES) {
		dropped[VS_DROP_RX_MALFORMED]++;
		return 0;
	}
	for (unsigned k = 0; k < hdr.count; k++) {
		struct vs_packet_frame f;
		enum vs_drop d;

		if (at + sizeof(f) > len) {
			dropped[VS_DROP_RX_MALFORMED]++;
			break;
		}
		memcpy(&f, p + at, sizeof(f));
		at += (uint32_t)sizeof(f);
		if (f.len > len - at) {
			dropped[VS_DROP_RX_MALFORMED]++;
			break;
		}
		d = judge(&f, allowed);
		if (d == VS_DROP_NONE)
			take_frame(b, &f, p + at);
		else
			dropped[d]++;
		at = (at + f.len + 7) & ~7u;
	}
	return b->n;
}
