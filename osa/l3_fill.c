/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: frames to input buffers, what the guest receives. Source: spec/osa-qeth.md 7.2, 8.4.
 *
 * Two passes: the first decides under l3.lock what each frame is, takes ARP packets out and makes
 * the headers; the second copies. A frame that is not for the host counts as taken: a
 * station is silent about what it does not want. A caller that comes again with frames behind
 * one that was too big shows some ARP packets twice, which does no harm.
 */
#include "osa/fill.h"
#include "osa/offload.h"
#include "osa/osa_priv.h"

#define ETH_BYTES 14u
#define TAG_BYTES 4u
#define IP4_MIN 20u
#define IP6_MIN 40u

struct view { /* of a frame as it leaves the switch */
	const uint8_t *head;
	uint32_t l2len, have, len; /* Ethernet header; bytes of head, of frame behind it */
	uint16_t type, tci;
	bool tagged;
};

struct verdict {
	bool deliver;
	bool untag;   /* a whole frame, whose tag is to be removed */
	uint8_t skip; /* bytes of the head that are not delivered */
	uint32_t len; /* delivered, without the layer-3 header */
	struct osa_fill_header h;
};

static bool look(const struct vs_burst *b, struct vs_ref ref, struct view *v)
{
	unsigned i = ref.frame;
	bool tag_inside = be16_load(b->head[i] + 12) == OSA_ETHERTYPE_VLAN;

	v->head = b->head[i];
	v->l2len = tag_inside ? ETH_BYTES + TAG_BYTES : ETH_BYTES;
	if (b->headlen[i] < v->l2len)
		return false;
	v->have = b->headlen[i] - v->l2len;
	v->len = b->len[i] - v->l2len;
	v->type = be16_load(v->head + v->l2len - 2);
	v->tagged = ref.edit == VS_EDIT_NONE ? tag_inside : ref.edit != VS_EDIT_STRIP;
	v->tci = 0;
	if (v->tagged)
		v->tci = ref.edit == VS_EDIT_NONE ? be16_load(v->head + ETH_BYTES) : b->tci[i];
	return true;
}

/* ---- the filter: 8.4 rules 1 to 7 ---------------------------------------------------------------
 */

static bool has(struct osa_ip_table *t, const uint8_t addr[16], bool v6)
{
	const struct osa_ip *e = osa_ip_find(t, addr);

	return e && e->v6 == v6;
}

/* Return: enum osa_l3_flag of the kind of delivery, or 0: not for the host. */
static uint8_t cast_of(struct osa_l3 *l, const uint8_t *mac, const uint8_t dst[16], bool v6)
{
	static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	uint8_t routing = v6 ? l->filter.routing6 : l->filter.routing4;
	bool router = routing == OSA_ROUTING_PRIMARY || routing == OSA_ROUTING_SECONDARY;

	if (memcmp(mac, l->mac, 6) == 0)
		return router || has(&l->address, dst, v6) ? OSA_L3_CAST_UNICAST : 0;
	if (!(mac[0] & 1))
		return 0;
	if (memcmp(mac, broadcast, 6) == 0)
		return !v6 && l->filter.broadcast ? OSA_L3_CAST_BROADCAST : 0;
	return routing == OSA_ROUTING_MULTICAST || has(&l->group, dst, v6) ? OSA_L3_CAST_MULTICAST
									   : 0;
}

/* The IPv4 destination before, and what it was told: trains to one address are the rule. */
struct before {
	uint64_t mac_type; /* destination and, above it, type: 0: none */
	uint32_t dst;
	uint8_t flags;
};

static uint8_t flags_of4(struct osa_l3 *l, const struct view *v, struct before *t)
{
	uint64_t mac_type = (uint64_t)be16_load(v->head) << 32 | be32_load(v->head + 2) |
			    (uint64_t)v->type << 48;
	uint32_t dst = be32_load(v->head + v->l2len + 16);
	uint8_t addr[16];

	if (t->mac_type == mac_type && t->dst == dst)
		return t->flags;
	osa_ip_map4(addr, dst);
	*t = (struct before){mac_type, dst, cast_of(l, v->head, addr, false)};
	return t->flags;
}

static uint8_t flags_of(struct osa_l3 *l, const struct view *v, struct before *t)
{
	const uint8_t *ip = v->head + v->l2len;
	uint8_t cast;

	switch (v->type) {
	case OSA_ETHERTYPE_IP4:
		if (v->have < IP4_MIN)
			return 0;
		return flags_of4(l, v, t);
	case OSA_ETHERTYPE_IP6:
		if (v->have < IP6_MIN)
			return 0;
		cast = cast_of(l, v->head, ip + 24, true);
		return cast ? cast | OSA_L3_IPV6 : 0;
	default: /* what is sent to the host itself it may know */
		return memcmp(v->head, l->mac, 6) ? 0 : OSA_L3_PASSTHRU | OSA_L3_CAST_UNICAST;
	}
}

/* ---- headers: 8.4 rules 8 to 10 ----------------------------------------------------------------
 */

static uint64_t mac_word(const uint8_t *mac)
{
	return (uint64_t)be16_load(mac) << 32 | be32_load(mac + 2);
}

static void make_header(const struct osa_l3 *l, const struct view *v, uint8_t flags, bool verified,
			struct verdict *out)
{
	uint64_t ext = 0;

	if (v->tagged)
		ext |= OSA_L3_TCI;
	if (verified)
		ext |= OSA_OFFLOAD_L4;
	if (l->filter.source_mac)
		ext |= OSA_L3_SRC_MAC;
	out->h.w[0] = be64_swap((uint64_t)OSA_HDR_LAYER3 << 56 | (uint64_t)flags << 48);
	out->h.w[1] = be64_swap((uint64_t)out->len << 48 | ext << 32 | (uint64_t)v->tci << 16);
	out->h.w[2] = l->filter.source_mac ? be64_swap(mac_word(v->head + 6)) : 0;
	out->h.w[3] = 0;
}

static bool csum_verified(const struct vs_burst *b, unsigned i, uint8_t flags, uint32_t rx_csum)
{
	return b->flags[i] & VS_F_CSUM_VALID &&
	       rx_csum & (flags & OSA_L3_IPV6 ? OSA_RX_CSUM_V6 : OSA_RX_CSUM_V4);
}

static void judge(struct osa *a, const struct vs_burst *b, struct vs_ref ref, uint32_t rx_csum,
		  struct before *t, struct verdict *out)
{
	struct osa_l3 *l = &a->l3;
	struct view v;
	bool whole = look(b, ref, &v);
	uint8_t flags;

	out->deliver = false;
	if (whole && v.type == OSA_ETHERTYPE_ARP) {
		osa_arp_input(&l->arp, v.tci & 0x0FFF, v.head + v.l2len, v.have);
		return;
	}
	flags = whole ? flags_of(l, &v, t) : 0;
	if (!flags) {
		l->count.filtered++;
		return;
	}
	out->deliver = true;
	out->untag = flags & OSA_L3_PASSTHRU && v.l2len > ETH_BYTES;
	out->skip = flags & OSA_L3_PASSTHRU ? 0 : (uint8_t)v.l2len;
	out->len = flags & OSA_L3_PASSTHRU ? v.len + ETH_BYTES : v.len;
	make_header(l, &v, flags, csum_verified(b, ref.frame, flags, rx_csum), out);
}

/* ---- copying
 * -------------------------------------------------------------------------------------- */

static void copy_frame(struct osa_fill *f, unsigned place, const struct vs_burst *b,
		       struct vs_ref ref, const struct verdict *v)
{
	unsigned i = ref.frame;
	uint8_t untagged[VS_HEAD_BYTES];
	struct osa_fill_frame x = {.head = b->head[i] + v->skip,
				   .n = b->headlen[i] - (uint32_t)v->skip,
				   .seg = &b->seg[b->seg0[i]],
				   .n_seg = b->nseg[i]};

	if (v->untag) {
		x.n -= TAG_BYTES;
		memcpy(untagged, b->head[i], 12);
		memcpy(untagged + 12, b->head[i] + 12 + TAG_BYTES, x.n - 12);
		x.head = untagged;
	}
	osa_fill_copy(f, place, &v->h, &x);
}

/* Lease what the frames need. Return: how many have a place or need none. */
static unsigned find_places(struct osa_fill *f, const struct verdict *v, unsigned n)
{
	struct osa_fill_cursor c = osa_fill_lease(f);
	unsigned k, places = 0;

	for (k = 0; k < n; k++) {
		if (!v[k].deliver)
			continue;
		if (!osa_fill_place(f, &c, places, v[k].len + OSA_HDR_BYTES))
			break;
		places++;
	}
	osa_fill_leased(f, c, places);
	return k;
}

static unsigned fill(struct osa_data *d, const struct vs_burst *b, const struct vs_ref *ref,
		     const struct verdict *v, unsigned n, enum vs_drop *err)
{
	struct osa_fill f;
	unsigned k = 0;

	osa_fill_init(&f, &d->queues->in[0]);
	do {
		unsigned place = 0;
		unsigned end = k + find_places(&f, &v[k], n - k);

		for (; k < end; k++)
			if (v[k].deliver)
				copy_frame(&f, place++, b, ref[k], &v[k]);
		osa_fill_publish(d, &f);
	} while (f.full);
	osa_fill_signal(d, &f);
	*err = f.why;
	return k;
}

unsigned osa_l3_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err)
{
	struct osa *a = port;
	uint32_t rx_csum = atomic_load_explicit(&a->data.rx_csum, memory_order_relaxed);
	struct verdict v[VS_BURST];
	struct before t = {0};
	bool own;

	if (n > VS_BURST)
		n = VS_BURST;
	pthread_mutex_lock(&a->l3.lock);
	for (unsigned k = 0; k < n; k++)
		judge(a, b, ref[k], rx_csum, &t, &v[k]);
	own = a->l3.own.ready;
	pthread_mutex_unlock(&a->l3.lock);
	if (own)
		osa_port_kick(&a->data);
	return fill(&a->data, b, ref, v, n, err);
}
