/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output buffer read once: entries, headers, first bytes; and where it goes.
 * Source: spec/osa-qeth.md 7.1, 7.2, 7.6, 7.8; spec/qdio.md 5, 10.2.
 *
 * Each frame begins with its entry. All frames of a buffer must have one destination (a driver
 * looks at that before it fills one): a buffer in which they have not is refused as a whole, for
 * else its receiver would get frames of a VLAN or group it may not hear.
 */
#include "hipersockets/hs_priv.h"

#include <string.h>

#include "common/be.h"

#define ETHER_BYTES 14u
#define TAGGED_BYTES 18u
#define ETHERTYPE_VLAN 0x8100u
#define VID_MASK 0x0FFFu
#define IP4_MIN 20u
#define IP6_MIN 40u

/* ---- layer 2 ---------------------------------------------------------------------------- */

static uint8_t cast_of(const uint8_t *mac)
{
	static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	if (!(mac[0] & 1))
		return HS_UNICAST;
	return memcmp(mac, all, sizeof(all)) ? HS_MULTICAST : HS_BROADCAST;
}

static enum vs_drop read_layer2(struct hs_frame *x)
{
	struct osa_l2_hdr hdr;

	memcpy(&hdr, x->hdr, sizeof(hdr));
	x->len = be16_get(hdr.len);
	if (hdr.id != OSA_HDR_LAYER2 || hdr.offload)
		return VS_DROP_RX_UNSUPPORTED;
	if (x->len < ETHER_BYTES)
		return VS_DROP_RX_RUNT;
	x->headlen = (uint8_t)(x->len < HS_HEAD_BYTES ? x->len : HS_HEAD_BYTES);
	return VS_DROP_NONE;
}

/* The header as the receiver gets it, by what the frame itself says. */
void hs_judge_layer2(struct hs_frame *x, struct hs_dest *to)
{
	static const uint8_t bits[] = {[HS_UNICAST] = OSA_L2_UNICAST,
				       [HS_MULTICAST] = OSA_L2_MULTICAST,
				       [HS_BROADCAST] = OSA_L2_BROADCAST};
	uint64_t cast, tci = 0;

	hs_mac_key(to->key, x->head);
	to->layer = 2;
	to->cast = cast_of(x->head);
	to->vid = 0;
	cast = bits[to->cast];
	if (be16_load(x->head + 12) == ETHERTYPE_VLAN && x->len >= TAGGED_BYTES) {
		tci = be16_load(x->head + 14);
		to->vid = tci & VID_MASK;
		cast |= OSA_L2_VLAN;
	}
	be64_store(x->hdr, (uint64_t)OSA_HDR_LAYER2 << 56 | cast << 32 | x->len);
	be64_store(x->hdr + 8, tci << 32);
	memset(x->hdr + 16, 0, 16);
}

/* ---- layer 3 ---------------------------------------------------------------------------- */

static enum vs_drop read_layer3(struct hs_frame *x)
{
	struct osa_l3_hdr hdr;

	memcpy(&hdr, x->hdr, sizeof(hdr));
	x->len = be16_get(hdr.len);
	x->headlen = 0;
	if (hdr.id != OSA_HDR_LAYER3 || hdr.flags & OSA_L3_PASSTHRU ||
	    hdr.ext_flags & (OSA_OFFLOAD_IP | OSA_OFFLOAD_L4))
		return VS_DROP_RX_UNSUPPORTED;
	if (x->len < (hdr.flags & OSA_L3_IPV6 ? IP6_MIN : IP4_MIN))
		return VS_DROP_RX_RUNT;
	return VS_DROP_NONE;
}

/* Groups are registered by the MAC that standards derive (RFC 1112, RFC 2464). */
static void group_key(uint8_t key[16], const struct osa_l3_hdr *hdr)
{
	uint8_t mac[6] = {
		0x01, 0x00, 0x5E, hdr->next_hop4[1] & 0x7F, hdr->next_hop4[2], hdr->next_hop4[3]};

	if (hdr->flags & OSA_L3_IPV6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, hdr->next_hop6 + 12, 4);
	}
	hs_mac_key(key, mac);
}

static void next_hop_key(uint8_t key[16], const struct osa_l3_hdr *hdr)
{
	if (hdr->flags & OSA_L3_IPV6) {
		memcpy(key, hdr->next_hop6, 16);
		return;
	}
	memset(key, 0, 10);
	memset(key + 10, 0xFF, 2);
	memcpy(key + 12, hdr->next_hop4, 4);
}

/* @mac: the sender's, for the receiver's fabricated Ethernet header. */
static void judge_layer3(struct hs_frame *x, struct hs_dest *to, const uint8_t mac[6])
{
	struct osa_l3_hdr hdr, in = {.id = OSA_HDR_LAYER3, .ext_flags = OSA_L3_SRC_MAC};
	uint8_t cast;

	memcpy(&hdr, x->hdr, sizeof(hdr));
	cast = hdr.flags & OSA_L3_CAST_MASK;
	to->layer = 3;
	to->cast = cast == OSA_L3_CAST_MULTICAST   ? HS_MULTICAST
		   : cast == OSA_L3_CAST_BROADCAST ? HS_BROADCAST
						   : HS_UNICAST;
	to->vid = hdr.ext_flags & OSA_L3_TCI ? be16_get(hdr.tci) & VID_MASK : 0;
	if (to->cast == HS_MULTICAST)
		group_key(to->key, &hdr);
	else if (to->cast == HS_BROADCAST)
		memset(to->key, 0xFF, sizeof(to->key));
	else
		next_hop_key(to->key, &hdr);
	in.flags = (uint8_t)((hdr.flags & OSA_L3_IPV6) | cast);
	in.len = hdr.len;
	if (hdr.ext_flags & OSA_L3_TCI) {
		in.ext_flags |= OSA_L3_TCI;
		in.tci = hdr.tci;
	}
	memcpy(in.in.src_mac, mac, 6);
	memcpy(x->hdr, &in, sizeof(in));
}

/* ---- a buffer ---------------------------------------------------------------------------- */

/* One more piece; those that lie back to back, as pages of one area do, are one. */
static void refer(struct hs_unit *u, struct hs_frame *x, const uint8_t *p, uint32_t len)
{
	struct hs_piece *next = &u->piece[u->n_pieces];

	if (x->pieces && next[-1].p + next[-1].len == p) {
		next[-1].len += len;
		return;
	}
	*next = (struct hs_piece){p, len};
	u->n_pieces++;
	x->pieces++;
}

/* Bytes behind a header: first into head, the rest as pieces. Return: false: too few entries. */
static bool take_bytes(struct hs_unit *u, struct hs_frame *x, const struct qdio_entry *e,
		       unsigned n, unsigned *used)
{
	uint32_t skip = OSA_HDR_BYTES, left = x->len, have = 0;

	x->piece0 = (uint8_t)u->n_pieces;
	x->pieces = 0;
	for (*used = 0; *used < n; skip = 0) {
		const struct qdio_entry *s = &e[(*used)++];
		uint32_t bytes, copy;

		if (!s->data || s->len < skip || s->len - skip > left)
			return false;
		bytes = s->len - skip;
		copy = x->headlen - have < bytes ? x->headlen - have : bytes;
		if (copy == HS_HEAD_BYTES) /* most often: no call */
			memcpy(x->head, s->data + skip, HS_HEAD_BYTES);
		else if (copy)
			memcpy(x->head + have, s->data + skip, copy);
		have += copy;
		if (copy < bytes)
			refer(u, x, s->data + skip + copy, bytes - copy);
		left -= bytes;
		if (!left)
			return true;
	}
	return false;
}

static enum vs_drop take_frame(struct hs_unit *u, const struct qdio_entry *e, unsigned n,
			       unsigned *used, uint8_t layer, uint32_t frame_max)
{
	struct hs_frame *x = &u->frame[u->n];
	struct hs_dest to;
	enum vs_drop why;

	if (!e->data)
		return VS_DROP_RX_ADDRESS;
	if (e->len < OSA_HDR_BYTES)
		return VS_DROP_RX_MALFORMED;
	memcpy(x->hdr, e->data, OSA_HDR_BYTES);
	why = layer == 3 ? read_layer3(x) : read_layer2(x);
	if (why != VS_DROP_NONE)
		return why;
	if (x->len > frame_max)
		return VS_DROP_RX_GIANT;
	if (!take_bytes(u, x, e, n, used))
		return VS_DROP_RX_MALFORMED;
	u->bytes += OSA_HDR_BYTES + x->len;
	if (u->raw) {
		u->to = (struct hs_dest){.layer = layer};
		u->n++;
		return VS_DROP_NONE;
	}
	if (layer == 3)
		judge_layer3(x, &to, u->mac);
	else
		hs_judge_layer2(x, &to);
	if (!u->n)
		u->to = to;
	else if (!hs_same_dest(&to, &u->to))
		return VS_DROP_RX_MALFORMED;
	u->n++;
	return VS_DROP_NONE;
}

static void begin(struct hs_unit *u)
{
	u->n = u->n_pieces = u->bytes = 0;
	u->pci = false;
}

enum vs_drop hs_fetch(const struct qdio_queue *q, unsigned i, uint8_t layer, uint32_t frame_max,
		      struct hs_unit *u, uint8_t *at)
{
	struct qdio_entry e[QDIO_SBAL_ENTRIES];
	const struct qdio_sbal *sbal = q->sbal[i % QDIO_BUFFERS];
	unsigned n = sbal ? qdio_entries_read(q, sbal, QDIO_FETCH, e, &e[16]) : 0, used;

	begin(u);
	u->pci = n && e[0].sflags & QDIO_SBALF0_PCI;
	*at = QDIO_SBAL_ENTRIES - 1;
	if (!n)
		return VS_DROP_RX_MALFORMED;
	for (unsigned k = 0; k < n; k += used) {
		enum vs_drop why;

		used = 1;
		*at = (uint8_t)k;
		why = take_frame(u, &e[k], n - k, &used, layer, frame_max);
		if (why != VS_DROP_NONE)
			return why;
	}
	return VS_DROP_NONE;
}

/* The frame's length by its header. */
static uint32_t length_of(const uint8_t *hdr, uint8_t layer)
{
	return be16_load(hdr + (layer == 3 ? offsetof(struct osa_l3_hdr, len)
					   : offsetof(struct osa_l2_hdr, len)));
}

enum vs_drop hs_unpack(const uint8_t *p, uint32_t len, uint8_t layer, uint32_t frame_max,
		       struct hs_unit *u)
{
	begin(u);
	if (!len || len > frame_max + OSA_HDR_BYTES)
		return VS_DROP_RX_MALFORMED;
	while (len) {
		struct qdio_entry e = {.data = (uint8_t *)(uintptr_t)p};
		uint8_t as = layer ? layer : p[0] == OSA_HDR_LAYER3 ? 3 : 2;
		enum vs_drop why;
		unsigned used;

		if (len < OSA_HDR_BYTES || u->n == QDIO_SBAL_ENTRIES)
			return VS_DROP_RX_MALFORMED;
		e.len = OSA_HDR_BYTES + length_of(p, as);
		if (e.len > len)
			return VS_DROP_RX_MALFORMED;
		why = take_frame(u, &e, 1, &used, as, frame_max);
		if (why != VS_DROP_NONE)
			return why;
		p += e.len;
		len -= e.len;
	}
	return VS_DROP_NONE;
}
