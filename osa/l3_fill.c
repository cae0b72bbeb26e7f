/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: frames to input buffers, what the guest receives. Source: spec/osa-qeth.md 7.2, 8.4.
 *
 * Two passes: the first decides under l3.lock what each frame is and takes ARP packets out; the
 * second makes headers and copies. A frame that is not for the host counts as taken: a
 * station is silent about what it does not want. A caller that comes again with frames behind
 * one that was too big shows some ARP packets twice, which does no harm.
 *
 * Packets of one conversation are decided on once and have one header. Of other plain packets
 * (whole IPv4 ones, untagged) each is compared with the one before.
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
	uint32_t len; /* delivered, without the layer-3 header */
	uint16_t tci;
	uint8_t flags; /* enum osa_l3_flag; 0: not delivered */
	uint8_t ext;   /* enum osa_l3_ext, enum osa_offload */
	uint8_t skip;  /* bytes of the head that are not delivered */
	bool untag;    /* a whole frame, whose tag is to be removed */
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

static struct osa_fill_header header_of(const struct verdict *v, const uint8_t *head)
{
	uint64_t source = v->ext & OSA_L3_SRC_MAC ? mac_word(head + 6) : 0;

	return (struct osa_fill_header){
		.w = {be64_swap((uint64_t)OSA_HDR_LAYER3 << 56 | (uint64_t)v->flags << 48),
		      be64_swap((uint64_t)v->len << 48 | (uint64_t)v->ext << 32 |
				(uint64_t)v->tci << 16),
		      be64_swap(source)}};
}

/* The second doubleword of a header, with another length. */
static inline uint64_t with_len(uint64_t word, uint32_t len)
{
	return (word & ~be64_swap(UINT64_C(0xFFFF) << 48)) | be64_swap((uint64_t)len << 48);
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

	out->flags = 0;
	if (whole && v.type == OSA_ETHERTYPE_ARP) {
		osa_arp_input(&l->arp, v.tci & 0x0FFF, v.head + v.l2len, v.have);
		return;
	}
	out->flags = whole ? flags_of(l, &v, t) : 0;
	if (!out->flags) {
		l->count.filtered++;
		return;
	}
	out->ext = v.tagged ? OSA_L3_TCI : 0;
	if (csum_verified(b, ref.frame, out->flags, rx_csum))
		out->ext |= OSA_OFFLOAD_L4;
	if (l->filter.source_mac)
		out->ext |= OSA_L3_SRC_MAC;
	out->tci = v.tci;
	out->untag = out->flags & OSA_L3_PASSTHRU && v.l2len > ETH_BYTES;
	out->skip = out->flags & OSA_L3_PASSTHRU ? 0 : (uint8_t)v.l2len;
	out->len = out->flags & OSA_L3_PASSTHRU ? v.len + ETH_BYTES : v.len;
}

/* A plain packet as the one before, but for its length. Return: false: it has to be judged. */
static inline bool as_before(const struct vs_burst *b, unsigned i, const struct before *t,
			     const struct verdict *last, struct verdict *out)
{
	const uint8_t *head = b->head[i];
	uint64_t mac_type = (uint64_t)be16_load(head) << 32 | be32_load(head + 2) |
			    (uint64_t)be16_load(head + 12) << 48;

	if (t->mac_type != mac_type || t->dst != be32_load(head + ETH_BYTES + 16) || !t->flags ||
	    last->flags != t->flags || last->skip != ETH_BYTES)
		return false;
	*out = *last;
	out->len = b->len[i] - ETH_BYTES;
	return true;
}

static void judge_all(struct osa *a, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		      bool plain, struct verdict *v)
{
	uint32_t rx_csum = atomic_load_explicit(&a->data.rx_csum, memory_order_relaxed);
	struct before t = {0};
	bool own;

	pthread_mutex_lock(&a->l3.lock);
	for (unsigned k = 0; k < n; k++)
		if (!plain || !k || !as_before(b, ref[k].frame, &t, &v[k - 1], &v[k]))
			judge(a, b, ref[k], rx_csum, &t, &v[k]);
	own = a->l3.own.ready;
	pthread_mutex_unlock(&a->l3.lock);
	if (own)
		osa_port_kick(&a->data);
}

/* Are the frames from first on, which begin alike, IP packets to one address? */
static bool is_conversation(const struct vs_burst *b, unsigned first, unsigned n)
{
	const uint8_t *head = b->head[first];
	uint16_t type = be16_load(head + 12);
	uint64_t differ = 0;

	if (type == OSA_ETHERTYPE_IP4) {
		const uint8_t *at = head + ETH_BYTES + 16;
		uint32_t to = be32_load(at);

		for (unsigned k = 1; k < n; k++)
			differ |= be32_load(at + (size_t)k * VS_HEAD_BYTES) ^ to;
		return !differ;
	}
	if (type == OSA_ETHERTYPE_IP6) {
		const uint8_t *at = head + ETH_BYTES + 24;

		for (unsigned k = 1; k < n; k++)
			differ |= (uint64_t)memcmp(at + (size_t)k * VS_HEAD_BYTES, at, 16);
		return !differ;
	}
	return false;
}

/* Packets that are not for the host, one of which is counted already. Return: all are taken. */
static unsigned filtered(struct osa_l3 *l, unsigned n)
{
	pthread_mutex_lock(&l->lock);
	l->count.filtered += n - 1;
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* ---- copying
 * -------------------------------------------------------------------------------------- */

static void copy_frame(struct osa_fill *f, unsigned place, const struct vs_burst *b,
		       struct vs_ref ref, const struct verdict *v)
{
	unsigned i = ref.frame;
	uint8_t untagged[VS_HEAD_BYTES];
	struct osa_fill_header h = header_of(v, b->head[i]);
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
	osa_fill_copy(f, place, &h, &x);
}

/* A packet of a plain frame, in one entry: by stores alone, as in layer 2. */
static inline void copy_packet(uint8_t *to, const struct osa_fill_header *h, const uint8_t *head,
			       const struct vs_seg *seg, uint32_t len)
{
	for (unsigned i = 0; i < 4; i++)
		memcpy(to + 8 * (size_t)i, &h->w[i], 8);
	to += OSA_HDR_BYTES;
	memcpy(to, head + ETH_BYTES, VS_HEAD_MIN - ETH_BYTES);
	if (len > VS_HEAD_MIN - ETH_BYTES)
		copy_bytes(to + VS_HEAD_MIN - ETH_BYTES, seg->p, len - (VS_HEAD_MIN - ETH_BYTES));
}

/* Lease what the frames need. Return: how many have a place or need none. */
static unsigned find_places(struct osa_fill *f, const struct verdict *v, unsigned n)
{
	struct osa_fill_cursor c = osa_fill_lease(f);
	unsigned k, places = 0;

	for (k = 0; k < n; k++) {
		if (!v[k].flags)
			continue;
		if (!osa_fill_place(f, &c, places, v[k].len + OSA_HDR_BYTES))
			break;
		places++;
	}
	osa_fill_leased(f, c, places);
	return k;
}

static void copy_frames(struct osa_fill *f, const struct vs_burst *b, const struct vs_ref *ref,
			const struct verdict *v, unsigned n, bool plain)
{
	unsigned place = 0;

	for (unsigned k = 0; k < n; k++) {
		unsigned i = ref[k].frame;

		if (!v[k].flags)
			continue;
		if (plain && v[k].skip == ETH_BYTES && f->to[place]) {
			struct osa_fill_header h = header_of(&v[k], b->head[i]);

			copy_packet(f->to[place], &h, b->head[i], &b->seg[b->seg0[i]], v[k].len);
		} else {
			copy_frame(f, place, b, ref[k], &v[k]);
		}
		place++;
	}
}

static unsigned fill(struct osa_data *d, const struct vs_burst *b, const struct vs_ref *ref,
		     const struct verdict *v, unsigned n, bool plain, enum vs_drop *err)
{
	struct osa_fill f;
	unsigned k = 0;

	osa_fill_init(&f, &d->queues->in[0]);
	do {
		unsigned got = find_places(&f, &v[k], n - k);

		copy_frames(&f, b, &ref[k], &v[k], got, plain);
		osa_fill_publish(d, &f);
		k += got;
	} while (f.full);
	osa_fill_signal(d, &f);
	*err = f.why;
	return k;
}

/*
 * Packets with one header, those of the burst from first on. @len: of all; 0: each has its own.
 * Return: how many are copied, from the first on. Three copies of the code: len is a constant or
 * known not to be 0.
 */
static inline __attribute__((always_inline)) unsigned
copy_run(uint8_t *const *place, const struct vs_burst *b, unsigned first, unsigned n,
	 const struct osa_fill_header *h, const uint32_t len)
{
	struct osa_fill_header header = *h;
	const uint8_t *head = b->head[first];
	const uint32_t ahead = len ? osa_fill_ahead(place, n, OSA_HDR_BYTES + len) : 0;
	unsigned k;

	for (k = 0; k < n; k++, head += VS_HEAD_BYTES) {
		unsigned i = first + k;

		if (!place[k])
			break;
		if (ahead && k + OSA_FILL_AHEAD < n)
			osa_fill_ask(place[k] + ahead);
		if (len && k + 1 < n)
			osa_fill_ask_next(&b->seg[i + 1], len + ETH_BYTES - VS_HEAD_MIN);
		if (len) {
			copy_packet(place[k], &header, head, &b->seg[i], len);
		} else {
			header.w[1] = with_len(h->w[1], b->len[i] - ETH_BYTES);
			copy_packet(place[k], &header, head, &b->seg[b->seg0[i]],
				    b->len[i] - ETH_BYTES);
		}
	}
	return k;
}

/* @same: all are of one length. */
static void copy_conversation(struct osa_fill *f, const struct vs_burst *b, unsigned first,
			      unsigned n, struct verdict *v, bool same)
{
	const struct osa_fill_header h = header_of(v, b->head[first]);

	for (unsigned k = 0; k < n; k++) {
		if (same && v->len == VS_HEAD_MIN)
			k += copy_run(&f->to[k], b, first + k, n - k, &h, VS_HEAD_MIN);
		else if (same)
			k += copy_run(&f->to[k], b, first + k, n - k, &h, v->len);
		else
			k += copy_run(&f->to[k], b, first + k, n - k, &h, 0);
		if (k == n)
			break;
		/* In several pieces. */
		v->len = b->len[first + k] - ETH_BYTES;
		copy_frame(f, k, b, (struct vs_ref){.frame = (uint8_t)(first + k)}, v);
	}
}

/* Lease what the burst's n frames from first on need. Return: how many have a place. */
static unsigned find_places_of(struct osa_fill *f, const struct vs_burst *b, unsigned first,
			       unsigned n)
{
	struct osa_fill_cursor c = osa_fill_lease(f);
	unsigned k;

	for (k = 0; k < n; k++)
		if (!osa_fill_place(f, &c, k, b->len[first + k] - ETH_BYTES + OSA_HDR_BYTES))
			break;
	osa_fill_leased(f, c, k);
	return k;
}

static unsigned fill_conversation(struct osa_data *d, const struct vs_burst *b, unsigned first,
				  unsigned n, struct verdict *v, enum vs_drop *err)
{
	bool same = b->uniform;
	struct osa_fill f;
	unsigned k = 0;

	osa_fill_init(&f, &d->queues->in[0]);
	do {
		unsigned got = same ? osa_fill_same(&f, n - k, OSA_HDR_BYTES + v->len)
				    : find_places_of(&f, b, first + k, n - k);

		copy_conversation(&f, b, first + k, got, v, same);
		osa_fill_publish(d, &f);
		k += got;
	} while (f.full);
	osa_fill_signal(d, &f);
	*err = f.why;
	return k;
}

unsigned osa_l3_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err)
{
	struct osa *a = port;
	bool plain = osa_fill_plain(b, ref, n);
	struct verdict v[VS_BURST];

	if (n > VS_BURST)
		n = VS_BURST;
	if (plain && b->same && osa_fill_row(ref, n) == n && is_conversation(b, ref[0].frame, n)) {
		judge_all(a, b, ref, 1, true, v);
		if (!v[0].flags)
			return filtered(&a->l3, n);
		if (v[0].skip == ETH_BYTES)
			return fill_conversation(&a->data, b, ref[0].frame, n, &v[0], err);
	}
	judge_all(a, b, ref, n, plain, v);
	return fill(&a->data, b, ref, v, n, plain, err);
}
