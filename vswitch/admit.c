/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: VLAN matrix (vlan.c), source address, storm limits' and control frames' share. Most
 * frames are as the one before: untagged, from the source that was found good last, and of its
 * type; they cost two loads and two comparisons. That type is never ARP, so ARP comes to the slow
 * way by itself, where addresses are heard.
 */
#include "vswitch/burst.h"

#include <string.h>

/*
 * The first 14 bytes of a frame in two loads: destination in the low 48 bits of the one, source
 * in those of the other with the type above it.
 */
#define MAC_BITS UINT64_C(0xFFFFFFFFFFFF)
/* From a frame's 12th byte on: a tag, and the type behind it. */
#define TAG_TYPE_BITS UINT64_C(0xFFFFFFFFFFFF)
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86DD

struct addresses {
	uint64_t dst, src_type;
};

INLINE struct addresses addresses_of(const uint8_t *head)
{
	struct addresses a;

	a.dst = le64_load(head);
	a.src_type = le64_load(head + ETH_ALEN);
	return a;
}

static bool is_tagged(uint64_t src_type)
{
	return src_type >> 48 == __builtin_bswap16(ETHERTYPE_VLAN);
}

/* Is a type, as it lies in the frame, one that somebody looks at? */
static bool is_of_interest(uint16_t type)
{
	return type == __builtin_bswap16(ETHERTYPE_VLAN) ||
	       type == __builtin_bswap16(ETHERTYPE_ARP);
}

/* Is it known as learned from this port, this second? Then there is nothing to write down. */
static bool learned_just_now(const struct flow *f, uint64_t key)
{
	const struct fdb *t = atomic_load_explicit(&f->sw->fdb, memory_order_acquire);
	uint64_t now = atomic_load_explicit(&f->sw->now_s, memory_order_relaxed);

	return fdb_find(t, key, fdb_hash(t, key)) == fdb_value(f->in->index, true, (uint32_t)now);
}

static enum vs_drop check_source(struct flow *f, uint64_t key, unsigned vid)
{
	const struct fdb *t = atomic_load_explicit(&f->sw->fdb, memory_order_acquire);
	uint64_t v = fdb_find(t, key, fdb_hash(t, key));
	bool registered = v != FDB_PORT_NONE && !(v & FDB_LEARNED);
	bool own = registered && fdb_value_port(v) == f->in->index;

	if (f->rules->wire)
		return VS_DROP_NONE;
	if (key & 1)
		return VS_DROP_SRC_GROUP;
	if (registered && !own) /* or a guest's own frame, relayed back from outside */
		return f->rules->uplink && f->rules->vepa ? VS_DROP_NONE : VS_DROP_SRC_SPOOFED;
	if (f->rules->protect && key != f->rules->own_key)
		return VS_DROP_SRC_PROTECTED;
	key |= (uint64_t)vid << 48;
	if (f->in->learning && !own && !learned_just_now(f, key) && !learn(f->sw, f->in, key))
		return VS_DROP_SRC_SPOOFED;
	return VS_DROP_NONE;
}

/*
 * A tagged frame like the last good one: same source, same tag, same type, which is no tag. Its
 * VLAN and kind are those of that one.
 */
INLINE bool admit_tagged(struct flow *f, unsigned i)
{
	const struct vs_port *p = f->rx;
	uint64_t tag_type = le64_load(f->b->head[i] + 2 * ETH_ALEN) & TAG_TYPE_BITS;

	if ((le64_load(f->b->head[i] + ETH_ALEN) & MAC_BITS) != p->last_tagged_src ||
	    tag_type != p->last_tagged || f->b->len[i] < ETH_HLEN + VLAN_HLEN)
		return false;
	f->w->vid[i] = p->last_tagged_vid;
	f->w->tag[i] = p->last_tagged_kind;
	f->b->tci[i] = p->last_tci;
	return true;
}

static void remember_plain(struct flow *f, struct addresses a)
{
	uint16_t type = (uint16_t)(a.src_type >> 48);

	if (is_of_interest(type))
		return;
	f->rx->last_src = a.src_type & MAC_BITS;
	f->rx->last_type = type;
}

static void remember_tagged(struct flow *f, unsigned i, uint64_t src)
{
	uint64_t tag_type = le64_load(f->b->head[i] + 2 * ETH_ALEN) & TAG_TYPE_BITS;
	struct vs_port *p = f->rx;

	if (is_of_interest((uint16_t)(tag_type >> 32)))
		return;
	p->last_tagged_src = src;
	p->last_tagged = tag_type;
	p->last_tagged_vid = f->w->vid[i];
	p->last_tagged_kind = f->w->tag[i];
	p->last_tci = f->b->tci[i];
}

/*
 * The last good source, with another type; or the last good tagged one in another VLAN: only
 * learning asks in which.
 */
static bool source_is_good(const struct flow *f, uint64_t src, bool plain)
{
	if (plain)
		return src == f->rx->last_src;
	return src == f->rx->last_tagged_src && !f->in->learning;
}

/* ARP, or a neighbour's question or answer (RFC 4861), of which at has have bytes. */
static bool tells_an_address(const uint8_t *at, uint32_t have)
{
	uint16_t type = be16_load(at);

	at += 2;
	return type == ETHERTYPE_ARP || (type == ETHERTYPE_IPV6 && have > 2 + 40 && at[6] == 58 &&
					 (at[40] == 135 || at[40] == 136));
}

/*
 * What guests answer goes to one station, and to hear it costs something. ARP tells itself by its
 * type, which the fast way compares anyway. Neighbour discovery does not: it is heard where it
 * comes this way for another reason, as from a guest that was silent, spoke IPv4, or said the like
 * before. Who speaks IPv6 has asked many for its address before. Frames for many are heard where
 * they are given to them. Return: was it such a frame? Then it is not taken for one that went
 * before.
 */
static bool hear(struct flow *f, unsigned i, bool tagged)
{
	uint32_t at = 2 * ETH_ALEN + (tagged ? VLAN_HLEN : 0);

	if (f->b->head[i][0] & 1 || f->rules->uplink || f->rules->wire ||
	    !atomic_load_explicit(&f->sw->heard, memory_order_acquire) ||
	    !tells_an_address(f->b->head[i] + at, f->b->headlen[i] - at))
		return false;
	hosts_hear(f, i);
	return true;
}

/* A frame that is tagged, or whose source is not the last good one. Return: is it plain? */
static __attribute__((noinline)) bool admit_slowly(struct flow *f, unsigned i, struct addresses a)
{
	struct vs_burst *b = f->b;
	bool tagged = is_tagged(a.src_type), plain = f->rules->plain && !tagged;
	uint64_t src = a.src_type & MAC_BITS;
	uint16_t vid = f->rules->plain_vid;
	uint8_t tag = TAG_NONE;
	enum vs_drop d = VS_DROP_NONE;

	if (tagged && admit_tagged(f, i))
		return false;
	if (b->len[i] < ETH_HLEN || (tagged && b->len[i] < ETH_HLEN + VLAN_HLEN))
		d = VS_DROP_RX_RUNT;
	else if (!plain)
		d = vlan_ingress(f->rules, b->head[i], &vid, &tag, &b->tci[i]);
	f->w->vid[i] = vid;
	f->w->tag[i] = tag;
	if (d == VS_DROP_NONE && !source_is_good(f, src, plain))
		d = check_source(f, src | FDB_KEY, vid);
	if (d != VS_DROP_NONE) {
		drop(f, i, d);
		return false;
	}
	if (hear(f, i, tagged))
		return plain;
	if (plain)
		remember_plain(f, a);
	else if (tagged)
		remember_tagged(f, i, src);
	return plain;
}

/*
 * What a port with special bits has first: frames for the control thread, and those of a member
 * that is not in use, which count for nothing else. Return: is the frame left?
 */
static bool left_to_admit(struct flow *f, unsigned i)
{
	if (f->b->len[i] >= ETH_HLEN && f->b->head[i][0] & 1 &&
	    punt_take(f->rx, f->in, f->special, f->b, i)) {
		count(&f->ctr->rx_control, 1);
		drop(f, i, DROP_TAKEN);
	} else if (f->special & PORT_STANDBY) {
		drop(f, i, VS_DROP_UPLINK_STANDBY);
	}
	return !(f->dropped & BIT(i));
}

/* Copies for the control thread, and what they say of where a frame may go. */
static void listen(struct flow *f, unsigned i, uint16_t vid)
{
	enum copied c = punt_copy(f->in, f->special, f->b, i, vid);

	f->reports |= (uint64_t)(c == COPIED_REPORT) << i;
	f->queries |= (uint64_t)(c == COPIED_QUERY) << i;
}

/* One frame at its own pace. Return: is it plain? */
INLINE bool admit_one(struct flow *f, unsigned i, struct addresses a, const unsigned how)
{
	bool plain;

	if (how & ADMIT_SPECIAL && !left_to_admit(f, i))
		return false;
	plain = !(how & ADMIT_SLOWLY) && (a.src_type & MAC_BITS) == f->rx->last_src &&
		(uint16_t)(a.src_type >> 48) == f->rx->last_type;
	if (__builtin_expect(!plain, 0))
		plain = admit_slowly(f, i, a);
	if (how & ADMIT_SPECIAL && !(f->dropped & BIT(i)))
		listen(f, i, plain ? f->rules->plain_vid : f->w->vid[i]);
	return plain;
}

/* Frames whose addresses and type are those of the frame before. */
INLINE uint64_t same_as_before(const struct vs_burst *b)
{
	struct addresses next = addresses_of(b->head[b->n - 1]);
	uint64_t same = 0;

#pragma GCC unroll 4
	for (unsigned i = b->n - 1; i > 0; i--) {
		struct addresses a = addresses_of(b->head[i - 1]);

		same = same << 1 | (((a.dst ^ next.dst) | (a.src_type ^ next.src_type)) == 0);
		next = a;
	}
	return same << 1;
}

/*
 * A run of frames with the same addresses and type: if the first is plain, all are, and nothing
 * is asked of the others. Else each is looked at, since tags may differ.
 */
INLINE void admit_run(struct flow *f, unsigned i, unsigned end, const unsigned how)
{
	uint64_t run = BURST_BITS(end) >> i << i;
	struct addresses a = addresses_of(f->b->head[i]);
	uint64_t key = (a.dst & MAC_BITS) | FDB_KEY;

	f->w->key[i] = key;
	if (key & 1)
		f->groups |= run;
	if (admit_one(f, i, a, how)) {
		f->plain |= run;
		f->again |= run & ~BIT(i);
		if (f->plain & BIT(i) >> 1 && key == f->last_key)
			f->again |= BIT(i);
	} else {
		for (unsigned k = i + 1; k < end; k++) {
			f->w->key[k] = key;
			f->plain |= (uint64_t)admit_one(f, k, a, how) << k;
		}
	}
	f->last_key = key;
}

INLINE void admit_frames(struct flow *f, const unsigned how)
{
	struct vs_burst *b = f->b;
	uint64_t first = b->n ? BURST_BITS(b->n) : 0;
	const uint16_t tci = f->rules->plain_vid;

	for (unsigned i = 0; i < VS_BURST; i++)
		b->tci[i] = tci;
	if (!how)
		first &= b->same ? 1 : ~same_as_before(b);
	while (first) {
		unsigned i = (unsigned)__builtin_ctzll(first);

		first &= first - 1;
		admit_run(f, i, first ? (unsigned)__builtin_ctzll(first) : b->n, how);
	}
}

/* All frames' flags together, eight at a time. */
INLINE unsigned any_flags(const struct vs_burst *b)
{
	uint64_t any = 0, at;
	unsigned i;

	for (i = 0; i + 8 <= b->n; i += 8) {
		memcpy(&at, &b->flags[i], 8);
		any |= at;
	}
	for (; i < b->n; i++)
		any |= b->flags[i];
	any |= any >> 32;
	any |= any >> 16;
	return (any | any >> 8) & 0xFF;
}

struct total {
	uint32_t len_min, len_max;
	uint64_t bytes;
	unsigned flags;
};

INLINE struct total total_of(const struct vs_burst *b)
{
	struct total t = {.len_min = UINT32_MAX};

	if (__builtin_expect(b->plain == BURST_BITS(b->n), 1))
		return (struct total){VS_HEAD_MIN, b->plain_max, b->plain_bytes, 0};
	for (unsigned i = 0; i < b->n; i++) {
		uint32_t len = b->len[i];

		t.len_min = len < t.len_min ? len : t.len_min;
		t.len_max = len > t.len_max ? len : t.len_max;
		t.bytes += len;
	}
	t.flags = any_flags(b);
	return t;
}

INLINE void admit(struct flow *f, const unsigned how)
{
	const struct vs_burst *b = f->b;
	struct vs_port *p = f->rx;
	struct total t = total_of(b);

	if (p->last_gen != f->gen) {
		p->last_src = SRC_NONE;
		p->last_tagged_src = SRC_NONE;
		p->last_gen = f->gen;
	}
	f->len_max = t.len_max;
	f->flags = t.flags;
	if (__builtin_expect(t.len_min >= ETH_HLEN, 1))
		admit_frames(f, how);
	else
		admit_frames(f, how | ADMIT_SLOWLY);
	count(&f->ctr->rx_frames, b->n);
	count(&f->ctr->rx_bytes, t.bytes);
	if (f->groups)
		count(&f->ctr->rx_mcast, (unsigned)__builtin_popcountll(f->groups));
}

/* Two copies of the code, each without what the other has. */
void burst_admit(struct flow *f, unsigned how)
{
	if (!how)
		admit(f, 0);
	else
		admit(f, ADMIT_SPECIAL);
}
