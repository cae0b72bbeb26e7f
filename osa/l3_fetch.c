/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: output buffers to frames, what the guest sends. Source: spec/osa-qeth.md 7.2, 7.4, 7.5,
 * 8.3.
 *
 * Most packets are plain: whole in one entry, for one host, nothing to be computed. Such are
 * taken in loops of their own, without a lock (l3_plain.h); what follows is for the others.
 *
 * IPv4 comes as a packet: the Ethernet header is made in front of its first bytes in the
 * burst's private head, its addresses by what the layer-3 header says and ARP knows. Everything
 * else comes as a whole frame (passthru) and goes as it is. A packet whose next hop is not
 * known yet is copied aside (own.c).
 *
 * IPv6 packets without their Ethernet header go to groups only: a driver of an OSD sends
 * them as frames, because it does neighbour discovery itself.
 */
#include <string.h>

#include "osa/fetch.h"
#include "osa/l3_plain.h"
#include "osa/offload.h"

#define TAG_BYTES 4u
#define IP4_MIN 20u
#define IP6_MIN 40u

/* What the bytes in front of a packet say; read once. */
struct request {
	unsigned hdr_bytes;
	uint32_t len;
	uint8_t flags, ext;
	uint16_t tci;
	uint32_t hop4;
	bool tso;
	struct osa_tso_ext tso_ext;
	/* and what follows from it */
	bool passthru, v6, tag;
	unsigned added; /* bytes of Ethernet header the adapter adds */
};

static enum vs_drop read_request(const struct qdio_entry *e, struct request *r)
{
	struct osa_l3_hdr hdr;

	if (!e->data)
		return VS_DROP_RX_ADDRESS;
	if (e->len < sizeof(hdr))
		return VS_DROP_RX_MALFORMED;
	memcpy(&hdr, e->data, sizeof(hdr));
	r->hdr_bytes = sizeof(hdr);
	r->len = be16_get(hdr.len);
	r->flags = hdr.flags;
	r->ext = hdr.ext_flags;
	r->tci = be16_get(hdr.tci);
	r->hop4 = be32_load(hdr.next_hop4);
	r->tso = hdr.id == OSA_HDR_LAYER3_TSO;
	if (hdr.id != OSA_HDR_LAYER3 && !r->tso)
		return VS_DROP_RX_UNSUPPORTED;
	if (r->tso) {
		r->hdr_bytes += (unsigned)sizeof(r->tso_ext);
		if (e->len < r->hdr_bytes)
			return VS_DROP_RX_MALFORMED;
		memcpy(&r->tso_ext, e->data + sizeof(hdr), sizeof(r->tso_ext));
	}
	r->passthru = r->flags & OSA_L3_PASSTHRU;
	r->v6 = r->flags & OSA_L3_IPV6;
	r->tag = r->ext & OSA_L3_TCI;
	r->added = (r->passthru ? 0 : ETH_BYTES) + (r->tag ? TAG_BYTES : 0);
	return r->len ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
}

/* ---- Ethernet headers --------------------------------------------------------------------------
 */

static void put_tag(uint8_t *head, uint16_t tci)
{
	be16_store(head + 12, OSA_ETHERTYPE_VLAN);
	be16_store(head + 14, tci);
}

/* Source, tag and type; the destination comes last. */
static void put_header(const struct osa_l3 *l, uint8_t *head, const struct request *r)
{
	memcpy(head + 6, l->mac, 6);
	if (r->tag)
		put_tag(head, r->tci);
	be16_store(head + r->added - 2, r->v6 ? OSA_ETHERTYPE_IP6 : OSA_ETHERTYPE_IP4);
}

static bool is_group4(uint32_t ip)
{
	return ip >> 28 == 0xE;
}

static void group_mac4(uint8_t mac[6], uint32_t ip)
{
	be16_store(mac, 0x0100);
	be32_store(mac + 2, 0x5E000000u | (ip & 0x7FFFFFu));
}

static bool resolve(struct l3_fetch *x, uint16_t vid, uint32_t to, uint32_t source, uint8_t mac[6])
{
	const struct osa_hop *hop = l3_hop(x, vid, to);

	if (!hop)
		return osa_arp_resolve(&x->a->l3.arp, vid, to, source, mac);
	memcpy(mac, hop->begin, 6);
	return true;
}

/* The destination address. Return: VS_DROP_NONE; RX_UNRESOLVED: not known yet; or why not. */
static enum vs_drop destination4(struct l3_fetch *x, uint8_t *head, const struct request *r)
{
	const uint8_t *ip = head + r->added;
	uint8_t cast = r->flags & OSA_L3_CAST_MASK;
	uint32_t to = be32_load(ip + 16);

	if (cast != OSA_L3_CAST_MULTICAST && cast != OSA_L3_CAST_BROADCAST)
		to = r->hop4;
	if (cast == OSA_L3_CAST_BROADCAST || to == UINT32_MAX) {
		memset(head, 0xFF, 6);
		return VS_DROP_NONE;
	}
	if (is_group4(to)) {
		group_mac4(head, to);
		return VS_DROP_NONE;
	}
	if (cast == OSA_L3_CAST_MULTICAST || !to)
		return VS_DROP_RX_MALFORMED;
	return resolve(x, r->tag ? r->tci & 0x0FFF : 0, to, be32_load(ip + 12), head)
		       ? VS_DROP_NONE
		       : VS_DROP_RX_UNRESOLVED;
}

static enum vs_drop destination6(uint8_t *head, const struct request *r)
{
	const uint8_t *dst = head + r->added + 24;

	if (dst[0] != 0xFF)
		return VS_DROP_RX_UNSUPPORTED;
	be16_store(head, 0x3333);
	memcpy(head + 2, dst + 12, 4);
	return VS_DROP_NONE;
}

/* The VLANs the host sends in: layer3.c joins them. */
static void note_vid(struct osa_l3 *l, uint16_t tci)
{
	uint64_t bit = UINT64_C(1) << (tci % 64);
	uint64_t *w = &l->vid_seen[(tci & 0x0FFF) / 64];

	if (*w & bit)
		return;
	*w |= bit;
	l->vid_new = true;
}

/* ---- frames
 * -------------------------------------------------------------------------------------- */

/* What the host wants computed; every header is in the head. */
static bool offload(struct vs_burst *b, unsigned i, const struct request *r)
{
	if (r->tso) {
		/* Such an IPv4 header comes without its length: 7.4. */
		if (!r->v6 && !osa_offload_ip4(b, i, true))
			return false;
		return osa_offload_segment(b, i, &r->tso_ext, r->added);
	}
	if (r->ext & OSA_OFFLOAD_IP && !osa_offload_ip4(b, i, false))
		return false;
	return !(r->ext & OSA_OFFLOAD_L4) || osa_offload_checksum(b, i, r->ext & OSA_OFFLOAD_UDP);
}

static bool ip_plausible(const struct vs_burst *b, unsigned i, const struct request *r)
{
	const uint8_t *ip = b->head[i] + r->added;

	return r->len >= (r->v6 ? IP6_MIN : IP4_MIN) && ip[0] >> 4 == (r->v6 ? 6 : 4);
}

/*
 * The packet stands in the burst behind room for its header.
 * @parked: it does not stay there, but somebody keeps it.
 */
static enum vs_drop finish_ip(struct l3_fetch *x, struct vs_burst *b, const struct request *r,
			      bool *parked)
{
	struct osa_l3 *l = &x->a->l3;
	unsigned i = b->n;
	uint8_t *head = b->head[i];
	enum vs_drop why;

	if (!ip_plausible(b, i, r))
		return VS_DROP_RX_MALFORMED;
	put_header(l, head, r);
	if (!offload(b, i, r))
		return VS_DROP_RX_MALFORMED;
	why = r->v6 ? destination6(head, r) : destination4(x, head, r);
	if (why != VS_DROP_RX_UNRESOLVED)
		return why;
	*parked = osa_own_park(&l->own, b, i, r->tag ? r->tci & 0x0FFF : 0, r->hop4);
	if (!*parked)
		l->count.unresolved++;
	return why;
}

/* The frame stands in the burst behind room for a tag, if it is to get one. */
static enum vs_drop finish_frame(struct vs_burst *b, const struct request *r)
{
	uint8_t *head = b->head[b->n];

	if (r->len < ETH_BYTES)
		return VS_DROP_RX_RUNT;
	if (r->tag) {
		memmove(head, head + TAG_BYTES, 12);
		put_tag(head, r->tci);
	}
	return offload(b, b->n, r) ? VS_DROP_NONE : VS_DROP_RX_MALFORMED;
}

static enum vs_drop finish(struct l3_fetch *x, struct vs_burst *b, const struct request *r,
			   bool *parked)
{
	if (!r->tso && b->len[b->n] > x->a->data.frame_max)
		return VS_DROP_RX_GIANT;
	if (r->ext & (OSA_L3_TCI | OSA_L3_TAG_IN_FRAME))
		note_vid(&x->a->l3, r->tci);
	return r->passthru ? finish_frame(b, r) : finish_ip(x, b, r, parked);
}

static enum osa_walk take_any(struct l3_fetch *x, struct vs_burst *b, const struct qdio_entry *e,
			      unsigned n, unsigned *used, enum vs_drop *why)
{
	unsigned i = b->n;
	struct osa_piece piece = {0};
	struct request r;
	bool parked = false;

	*why = read_request(e, &r);
	if (*why != VS_DROP_NONE)
		return OSA_WALK_STOP;
	piece.skip = r.hdr_bytes;
	piece.len = r.len;
	piece.at = r.added;
	/* Whoever asks for work on headers gets them all into the private head. */
	piece.want =
		r.tso || r.ext & (OSA_OFFLOAD_IP | OSA_OFFLOAD_L4) ? VS_HEAD_BYTES : VS_HEAD_MIN;
	if (piece.want > r.added + r.len)
		piece.want = r.added + r.len;
	*why = osa_fetch_bytes(b, e, n, &piece, used);
	if (*why != VS_DROP_NONE)
		return OSA_WALK_STOP;
	b->len[i] = r.added + r.len;
	b->headlen[i] = (uint16_t)piece.want;
	b->flags[i] = 0;
	l3_lock(x);
	*why = finish(x, b, &r, &parked);
	if (*why == VS_DROP_NONE)
		return OSA_WALK_FRAME;
	alike_leave(b);
	if (parked)
		*why = VS_DROP_NONE;
	return OSA_WALK_SKIP;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------- */

static enum osa_walk take(void *ctx, struct vs_burst *b, const struct qdio_entry *e, unsigned n,
			  unsigned *used, enum vs_drop *why)
{
	unsigned plain = l3_take_plain(ctx, b, e, n, n);

	if (!plain) {
		b->same = VS_SAME_NOTHING;
		return take_any(ctx, b, e, n, used, why);
	}
	*used = plain;
	b->n--; /* the caller counts one */
	return OSA_WALK_FRAME;
}

static void emit_own(struct l3_fetch *x, struct vs_burst *b)
{
	l3_lock(x);
	osa_own_emit(&x->a->l3.own, b);
	x->a->l3.own_in_burst = b->n;
}

static bool own_is_ready(const struct osa_l3 *l)
{
	return atomic_load_explicit(&l->own.ready, memory_order_relaxed);
}

static void take_buffers(struct l3_fetch *x, struct vs_burst *b, const struct osa_entries *en,
			 uint64_t *dropped)
{
	unsigned ask = en->asked < en->n ? en->n : 0;
	unsigned taken = b->n ? 0 : l3_take_alike(x, b, en->e, en->n, ask);

	if (taken < en->n)
		taken += l3_take_plain(x, b, &en->e[taken], en->n - taken, ask ? ask - taken : 0);
	osa_fetch_frames(x, &x->a->data, b, en, taken, dropped, take);
}

unsigned osa_l3_fetch(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct osa *a = port;
	struct l3_fetch x = {.a = a};
	struct osa_entries en;
	bool own = own_is_ready(&a->l3);

	b->n = 0;
	b->nseg_used = 0;
	x.generation = atomic_load_explicit(&a->l3.arp.generation, memory_order_acquire);
	if (own) {
		alike_preset(b);
		emit_own(&x, b);
	}
	if (b->n < VS_BURST - b->hold &&
	    osa_fetch_entries(&a->data, VS_BURST - b->hold - b->n, OSA_FETCH_AHEAD, &en)) {
		if (!own)
			alike_preset(b);
		take_buffers(&x, b, &en, dropped);
	}
	/* What this burst asked for by ARP goes with it. */
	if (!b->n && own_is_ready(&a->l3))
		emit_own(&x, b);
	if (x.locked)
		pthread_mutex_unlock(&a->l3.lock);
	if (!b->n)
		osa_fetch_done(&a->data);
	return b->n;
}

void osa_l3_fetched(void *port, const struct vs_burst *b)
{
	struct osa *a = port;

	(void)b;
	if (a->l3.own_in_burst) {
		pthread_mutex_lock(&a->l3.lock);
		osa_own_done(&a->l3.own);
		pthread_mutex_unlock(&a->l3.lock);
		a->l3.own_in_burst = false;
	}
	osa_fetch_done(&a->data);
}
