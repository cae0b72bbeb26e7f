/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP mode: frames of a switch that goes by IP addresses. Source: spec/zvm-networking.md 3.3,
 * spec/osa-qeth.md 8.
 *
 * Its guests are layer-3 adapters. Inside they are what they are on any switch, stations with
 * MACs of their own that find each other by ARP and neighbour discovery; outside there is one
 * station, the switch. So the border is the uplink, and all is done there:
 *
 *   in    for the switch's MAC: the packet's destination (of ARP, the target) is looked up in the
 *         IP table, and the frame gets the MAC of whoever has it; else of the guest that is
 *         router, with PRIROUTER; else it is dropped. From there on it is like any other frame.
 *         Groups and broadcasts go as on any switch, and guests answer ARP by themselves.
 *   out   the switch's MAC takes the place of the guest's, in ARP and neighbour discovery
 *         too. A question for an address that a guest has does not leave. What is larger than
 *         the path beyond is dropped, and its sender is told (pathmtu.c).
 *
 * A guest speaks IP only, and by ARP and neighbour advertisements of its own addresses only.
 *
 * All that is changed are a frame's first bytes, in the burst's private head; what leaves is put
 * right again for those who get the frame as well.
 *
 * Most packets are IPv4 and follow others between the same two: of a guest's burst that is all
 * alike the first frame is looked at, from outside an address is looked up once.
 */
#include "vswitch/burst.h"
#include "vswitch/iptable.h"
#include "vswitch/lag.h"

#define MAC_BITS UINT64_C(0xFFFFFFFFFFFF)
#define TAG_ROOM 18u  /* of a frame_max: Ethernet header and a tag */
#define TELL_RATE 20u /* answers a second about the path's MTU, for one guest */

static_assert(IP_TRANSLATE_BYTES <= VS_HEAD_BYTES, "hardware addresses lie in the head");

/* Bring more of a frame into its head. */
static void pull(struct vs_burst *b, unsigned i, unsigned want)
{
	b->plain &= ~BIT(i);
	while (b->headlen[i] < want && b->nseg[i]) {
		struct vs_seg *s = &b->seg[b->seg0[i]];
		unsigned n = want - b->headlen[i];

		if (n > s->len)
			n = s->len;
		memcpy(&b->head[i][b->headlen[i]], s->p, n);
		b->headlen[i] = (uint16_t)(b->headlen[i] + n);
		s->p += n;
		s->len -= n;
		if (!s->len) {
			b->seg0[i]++;
			b->nseg[i]--;
		}
	}
}

/* ICMPv6 may be neighbour discovery, which is longer than what a port snapshots. */
static void read_frame(struct vs_burst *b, unsigned i, struct ip_frame *f)
{
	const uint8_t *h = b->head[i];

	ip_frame_read(h, b->headlen[i], f);
	if (f->kind != IP_V6 || h[f->l3 + 6] != 58 || h[f->l3 + 7] != 255)
		return;
	pull(b, i, IP_TRANSLATE_BYTES);
	ip_frame_read(h, b->headlen[i], f);
}

/* The running guests of the frame's VLAN, or NULL: none. */
static const struct bitmap *in_vlan(const struct flow *f, unsigned i)
{
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;

	return atomic_load_explicit(&f->sw->member[vid], memory_order_acquire);
}

static uint64_t mac_of(const struct ip_mode *m, unsigned port)
{
	return atomic_load_explicit(&m->mac_of[port], memory_order_relaxed);
}

/* ---- in ------------------------------------------------------------------------------- */

static uint16_t first_common(const struct bitmap *a, const struct bitmap *b)
{
	for (unsigned w = 0; w < BITMAP_WORDS; w++) {
		uint64_t both = atomic_load_explicit(&a->w[w], memory_order_relaxed) &
				atomic_load_explicit(&b->w[w], memory_order_relaxed);

		if (both)
			return (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(both));
	}
	return IP_PORT_NONE;
}

static uint16_t router_of(const struct ip_mode *m, bool v6, const struct bitmap *among)
{
	uint16_t port = IP_PORT_NONE;

	if (!atomic_load_explicit(&m->router, memory_order_relaxed))
		return port;
	for (unsigned k = 0; k < 2 && port == IP_PORT_NONE; k++)
		port = first_common(among, &m->routers[v6][k]);
	return port;
}

/* The frame is for the switch: it becomes one for the guest it is meant for. */
static enum vs_drop to_guest(struct flow *f, unsigned i, const struct ip_frame *x)
{
	const struct ip_mode *m = f->sw->ip;
	const struct bitmap *among = in_vlan(f, i);
	uint16_t port;
	uint64_t key;

	if (x->kind == IP_OTHER)
		return VS_DROP_NOT_IP;
	if (!among)
		return VS_DROP_IP_UNKNOWN;
	port = ip_table_find(m->table, x->kind == IP_ARP ? x->target : x->dst, among);
	if (port == IP_PORT_NONE && x->kind != IP_ARP)
		port = router_of(m, x->kind != IP_V4, among);
	key = port == IP_PORT_NONE ? 0 : mac_of(m, port);
	if (!key)
		return VS_DROP_IP_UNKNOWN;
	fdb_key_mac(key, f->b->head[i]);
	f->w->key[i] = key;
	return VS_DROP_NONE;
}

/* What guests send most: there is nothing more to be asked of it. */
static bool is_ip4(const struct vs_burst *b, unsigned i)
{
	const uint8_t *h = b->head[i];

	return b->headlen[i] >= ETH_HLEN + 20 && be16_load(h + 2 * ETH_ALEN) == 0x0800 &&
	       h[ETH_HLEN] >> 4 == 4 && (h[ETH_HLEN] & 0x0F) >= 5;
}

static enum vs_drop from_outside(struct flow *f, unsigned i, uint64_t own)
{
	struct ip_frame x;

	/* Its own frames come back, or somebody plays the switch. */
	if (fdb_key_at(f->b->head[i] + ETH_ALEN) == own)
		return VS_DROP_SRC_SPOOFED;
	if (!(f->groups & BIT(i)) && f->w->key[i] != own)
		return VS_DROP_UNKNOWN_UNICAST;
	read_frame(f->b, i, &x);
	if (x.kind == IP_ARP || x.kind == IP_ND)
		hosts_hear(f, i);
	return f->groups & BIT(i) ? VS_DROP_NONE : to_guest(f, i, &x);
}

/* Is the address the port's own, in the frame's VLAN? */
static bool is_own(struct flow *f, unsigned i, const uint8_t addr[IP_BYTES])
{
	const struct bitmap *among = in_vlan(f, i);

	return among && ip_table_find(f->sw->ip->table, addr, among) == f->in->index;
}

static bool is_router(const struct flow *f)
{
	const struct ip_mode *m = f->sw->ip;

	return bitmap_has(&m->routers[1][0], f->in->index) ||
	       bitmap_has(&m->routers[1][1], f->in->index);
}

static enum vs_drop from_guest(struct flow *f, unsigned i)
{
	static const uint8_t none4[IP_BYTES] = {[10] = 0xFF, [11] = 0xFF};
	const struct ip_mode *m = f->sw->ip;
	struct ip_frame x;

	if (fdb_key_at(f->b->head[i] + ETH_ALEN) != mac_of(m, f->in->index))
		return VS_DROP_SRC_SPOOFED;
	if (f->w->key[i] == atomic_load_explicit(&m->mac, memory_order_relaxed))
		return VS_DROP_IP_UNKNOWN;
	if (is_ip4(f->b, i))
		return VS_DROP_NONE;
	read_frame(f->b, i, &x);
	switch (x.kind) {
	case IP_OTHER:
		return VS_DROP_NOT_IP;
	case IP_ARP: /* a probe has no sender */
		return memcmp(x.src, none4, IP_BYTES) == 0 || is_own(f, i, x.src)
			       ? VS_DROP_NONE
			       : VS_DROP_SRC_SPOOFED;
	case IP_ND:
		return x.op != ND_NEIGHBOUR_ADVERT || is_own(f, i, x.target) || is_router(f)
			       ? VS_DROP_NONE
			       : VS_DROP_SRC_SPOOFED;
	default:
		return VS_DROP_NONE;
	}
}

/* All frames of a guest are IPv4 packets from one address to one. */
static bool is_one_conversation(const struct flow *f)
{
	const struct vs_burst *b = f->b;

	return b->same == VS_SAME_IP && !f->dropped && f->plain == BURST_BITS(b->n) &&
	       b->plain == f->plain && is_ip4(b, 0);
}

/* IPv4 packets from the guest's own address are seen to here, others at their own pace. */
static void all_from_guest(struct flow *f)
{
	uint64_t own = mac_of(f->sw->ip, f->in->index);
	uint64_t sw = atomic_load_explicit(&f->sw->ip->mac, memory_order_relaxed);
	const struct vs_burst *b = f->b;

	for (unsigned i = 0; i < b->n; i++) {
		enum vs_drop d;

		if (f->again & BIT(i)) /* a train has the first one's address */
			f->w->key[i] = f->w->key[i - 1];
		if (f->dropped & BIT(i) || (fdb_key_at(b->head[i] + ETH_ALEN) == own &&
					    f->w->key[i] != sw && is_ip4(b, i)))
			continue;
		d = from_guest(f, i);
		if (d != VS_DROP_NONE)
			drop(f, i, d);
	}
	/* No train goes on over a frame that is gone. */
	f->again &= ~(f->dropped | f->dropped << 1);
}

/* The IPv4 destination that was looked up last, for a plain frame, and whose it is. */
struct found {
	bool any;
	uint32_t dst; /* as it lies in the frame */
	uint64_t key;
};

static bool found_before(const struct flow *f, unsigned i, uint64_t own, const struct found *last)
{
	const uint8_t *h = f->b->head[i];
	uint32_t dst;

	if (!last->any || !(f->plain & BIT(i)) || f->w->key[i] != own || !is_ip4(f->b, i) ||
	    fdb_key_at(h + ETH_ALEN) == own)
		return false;
	memcpy(&dst, h + ETH_HLEN + 16, sizeof(dst));
	return dst == last->dst;
}

static void note_found(const struct flow *f, unsigned i, struct found *last)
{
	last->any = f->plain & BIT(i) && !(f->groups & BIT(i)) && is_ip4(f->b, i);
	memcpy(&last->dst, f->b->head[i] + ETH_HLEN + 16, sizeof(last->dst));
	last->key = f->w->key[i];
}

static void all_from_outside(struct flow *f)
{
	uint64_t own = atomic_load_explicit(&f->sw->ip->mac, memory_order_relaxed);
	uint64_t was = 0; /* the address of the frame before, as it came */
	struct found last = {0};

	for (unsigned i = 0; i < f->b->n; i++) {
		enum vs_drop d;

		if (f->again & BIT(i))
			f->w->key[i] = was;
		was = f->w->key[i];
		if (f->dropped & BIT(i))
			continue;
		if (found_before(f, i, own, &last)) {
			fdb_key_mac(last.key, f->b->head[i]);
			f->w->key[i] = last.key;
		} else {
			d = from_outside(f, i, own);
			if (d != VS_DROP_NONE)
				drop(f, i, d);
			else
				note_found(f, i, &last);
		}
		/* No train goes on to another address. */
		if (i && f->w->key[i] != f->w->key[i - 1])
			f->again &= ~BIT(i);
	}
	f->again &= ~(f->dropped | f->dropped << 1);
	f->b->same = VS_SAME_NOTHING; /* they may go to several by now */
}

void ipmode_admitted(struct flow *f)
{
	enum vs_drop d;

	if (f->rules->uplink) {
		all_from_outside(f);
	} else if (is_one_conversation(f)) {
		d = from_guest(f, 0);
		for (unsigned i = 0; d != VS_DROP_NONE && i < f->b->n; i++)
			drop(f, i, d);
	} else {
		all_from_guest(f);
	}
}

/* ---- out ------------------------------------------------------------------------------ */

/* A question for an address that another guest has: it knows best. */
static bool is_inside(struct flow *f, unsigned i, const struct ip_frame *x)
{
	const struct bitmap *among = in_vlan(f, i);
	uint16_t port;

	if (!(x->kind == IP_ARP && x->op == ARP_REQUEST) &&
	    !(x->kind == IP_ND && x->op == ND_NEIGHBOUR_SOLICIT))
		return false;
	port = among ? ip_table_find(f->sw->ip->table, x->target, among) : IP_PORT_NONE;
	return port != IP_PORT_NONE && port != f->in->index;
}

/* Return: bytes of a packet that the device takes, or UINT32_MAX: it does not run. */
static uint32_t device_mtu(struct vs_port *p)
{
	uint32_t mtu;

	if (!atomic_load_explicit(&p->running, memory_order_acquire))
		return UINT32_MAX;
	mtu = p->ops->mtu ? p->ops->mtu(p->ctx) : 0;
	return mtu ? mtu : p->ops->frame_max(p->ctx) - TAG_ROOM;
}

static uint32_t uplink_mtu(struct vs_port *up)
{
	struct vs_lag *lag = atomic_load_explicit(&up->lag, memory_order_acquire);
	uint32_t least = UINT32_MAX;

	if (!lag)
		return device_mtu(up);
	for (unsigned i = 0; i < VS_LAG_MEMBERS; i++) {
		struct vs_port *p = lag_member(lag, i);

		if (p && device_mtu(p) < least)
			least = device_mtu(p);
	}
	return least;
}

uint32_t ipmode_path_mtu(struct vs_switch *sw)
{
	uint32_t mtu = atomic_load_explicit(&sw->ip->path_mtu, memory_order_relaxed);
	uint16_t index = atomic_load_explicit(&sw->uplink, memory_order_relaxed);
	struct vs_port *up = index == FDB_PORT_NONE
				     ? NULL
				     : atomic_load_explicit(&sw->port[index], memory_order_acquire);

	if (mtu == VS_PATH_MTU_OFF || !up)
		return 0;
	if (mtu != VS_PATH_MTU_EXTERNAL)
		return mtu;
	mtu = uplink_mtu(up);
	return mtu == UINT32_MAX ? 0 : mtu;
}

/* Bytes of the packet, or of the segments it will be cut into. */
static uint32_t packet_bytes(const struct vs_burst *b, unsigned i, unsigned l3)
{
	if (b->flags[i] & VS_F_GSO)
		return b->hdrlen[i] - l3 + b->gso_size[i];
	return b->len[i] - l3;
}

/* Its sender did not want it in pieces. */
static bool is_too_big(const struct vs_burst *b, unsigned i, const struct ip_frame *x, uint32_t mtu)
{
	if (x->kind == IP_OTHER || x->kind == IP_ARP || (x->kind == IP_V4 && !x->df))
		return false;
	return mtu && packet_bytes(b, i, x->l3) > mtu;
}

static void tell(struct flow *f, unsigned i)
{
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;

	if (!storm_allow(&f->in->path_mtu_back_ns, TELL_RATE, f->w->clock_ns()))
		return;
	punt_put(f->in, VS_PUNT_PATH_MTU, f->b, i, (uint16_t)vid);
	punt_flush(f->sw);
}

/* What of the list leaves at all. @named: frames that name the sender's MAC in their packet. */
static void choose(struct flow *f, struct out *o, uint64_t *named)
{
	uint32_t mtu = ipmode_path_mtu(f->sw);
	unsigned n = 0;

	*named = 0;
	for (unsigned k = 0; k < o->n; k++) {
		unsigned i = o->ref[k].frame;
		struct ip_frame x;

		if (is_ip4(f->b, i) && (!mtu || packet_bytes(f->b, i, ETH_HLEN) <= mtu)) {
			o->ref[n++] = o->ref[k];
			continue;
		}
		read_frame(f->b, i, &x);
		if (is_inside(f, i, &x))
			continue;
		if (is_too_big(f->b, i, &x, mtu)) {
			burst_refuse(f, o->p, f->b, &o->ref[k], 1, VS_DROP_PATH_MTU, true);
			tell(f, i);
			continue;
		}
		*named |= (uint64_t)(x.kind == IP_ARP || x.kind == IP_ND) << i;
		o->ref[n++] = o->ref[k];
	}
	o->n = n;
}

/* One frame whose packet names its sender: all of the head is put right again. */
static void leave_named(struct flow *f, struct out *o, unsigned k, const uint8_t from[ETH_ALEN])
{
	unsigned i = o->ref[k].frame;
	uint8_t *head = f->b->head[i], kept[VS_HEAD_BYTES];
	struct ip_frame x;

	memcpy(kept, head, sizeof(kept));
	ip_frame_read(head, f->b->headlen[i], &x);
	ip_frame_translate(head, f->b->headlen[i], &x, from, head + ETH_ALEN);
	burst_list(f, o->p, &o->ref[k], 1);
	memcpy(head, kept, sizeof(kept));
}

/* What leaves with the switch's address, some of it by names. */
static void leave(struct flow *f, struct out *o, uint64_t named,
		  const uint8_t source[VS_BURST][ETH_ALEN])
{
	unsigned k = 0;

	while (k < o->n) {
		unsigned from = k;

		while (k < o->n && !(named & BIT(o->ref[k].frame)))
			k++;
		if (k > from)
			burst_list(f, o->p, &o->ref[from], k - from);
		if (k < o->n)
			leave_named(f, o, k, source[k]);
		k += k < o->n;
	}
}

void ipmode_leave(struct flow *f, struct out *o, enum variant v)
{
	uint64_t own = atomic_load_explicit(&f->sw->ip->mac, memory_order_relaxed), named;
	uint8_t source[VS_BURST][ETH_ALEN], mac[ETH_ALEN];
	const unsigned listed = o->n;

	fdb_key_mac(own, mac);
	choose(f, o, &named);
	for (unsigned j = 0; j < o->n; j++) {
		uint8_t *at = f->b->head[o->ref[j].frame] + ETH_ALEN;

		memcpy(source[j], at, ETH_ALEN);
		memcpy(at, mac, ETH_ALEN);
	}
	if (v == VARIANT_IP && !named && o->n == listed)
		burst_send_plain(f, o);
	else
		leave(f, o, named, source);
	for (unsigned j = 0; j < o->n; j++)
		memcpy(f->b->head[o->ref[j].frame] + ETH_ALEN, source[j], ETH_ALEN);
}
