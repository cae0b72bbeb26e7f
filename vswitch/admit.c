/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: VLAN matrix (vlan.c), source address, storm limits' and control frames' share. Most
 * frames are as the one before: untagged, from the source that was found good last; they cost two
 * loads and two comparisons.
 */
#include "vswitch/burst.h"

/*
 * The first 14 bytes of a frame in two loads: destination in the low 48 bits of the one, source
 * in those of the other with the type above it.
 */
#define MAC_BITS UINT64_C(0xFFFFFFFFFFFF)
/* From a frame's 12th byte on: a tag, and the type behind it. */
#define TAG_BITS UINT64_C(0xFFFFFFFF)
#define TAG_TYPE_BITS UINT64_C(0xFFFFFFFFFFFF)

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
 * A tagged frame like the last good one: same source, same tag, and no tag behind it. Its VLAN
 * and kind are those of that one.
 */
INLINE bool admit_tagged(struct flow *f, unsigned i)
{
	const struct vs_port *p = f->rx;
	uint64_t tag_type = le64_load(f->b->head[i] + 2 * ETH_ALEN) & TAG_TYPE_BITS;

	if ((le64_load(f->b->head[i] + ETH_ALEN) & MAC_BITS) != p->last_tagged_src ||
	    (tag_type & TAG_BITS) != p->last_tagged ||
	    tag_type >> 32 == __builtin_bswap16(ETHERTYPE_VLAN) ||
	    f->b->len[i] < ETH_HLEN + VLAN_HLEN)
		return false;
	f->w->vid[i] = p->last_tagged_vid;
	f->w->tag[i] = p->last_tagged_kind;
	f->b->tci[i] = p->last_tci;
	return true;
}

static void remember_tagged(struct flow *f, unsigned i, uint64_t src)
{
	struct vs_port *p = f->rx;

	p->last_tagged_src = src;
	p->last_tagged = le64_load(f->b->head[i] + 2 * ETH_ALEN) & TAG_BITS;
	p->last_tagged_vid = f->w->vid[i];
	p->last_tagged_kind = f->w->tag[i];
	p->last_tci = f->b->tci[i];
}

/* The last good tagged source in another VLAN: only learning asks in which. */
static bool source_is_good(const struct flow *f, uint64_t src, bool tagged)
{
	return tagged && src == f->rx->last_tagged_src && !f->in->learning;
}

/*
 * A frame that is tagged, or whose source is not the last good one.
 * @trusted: its source is not asked for. Return: is it plain?
 */
static __attribute__((noinline)) bool admit_slowly(struct flow *f, unsigned i, struct addresses a,
						   bool trusted)
{
	struct vs_burst *b = f->b;
	bool tagged = is_tagged(a.src_type), plain = f->rules->plain && !tagged;
	uint64_t src = a.src_type & MAC_BITS;
	uint16_t vid = f->rules->plain_vid;
	uint8_t tag = TAG_NONE;
	enum vs_drop d = VS_DROP_NONE;

	if (tagged && !trusted && admit_tagged(f, i))
		return false;
	if (b->len[i] < ETH_HLEN || (tagged && b->len[i] < ETH_HLEN + VLAN_HLEN))
		d = VS_DROP_RX_RUNT;
	else if (!plain)
		d = vlan_ingress(f->rules, b->head[i], &vid, &tag, &b->tci[i]);
	f->w->vid[i] = vid;
	f->w->tag[i] = tag;
	if (d == VS_DROP_NONE && !trusted && !source_is_good(f, src, tagged))
		d = check_source(f, src | FDB_KEY, vid);
	if (d != VS_DROP_NONE) {
		drop(f, i, d);
		return false;
	}
	if (plain && !trusted)
		f->rx->last_src = src;
	else if (tagged && !trusted)
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

INLINE void admit_frames(struct flow *f, const unsigned how)
{
	struct vs_burst *b = f->b;
	uint64_t last = 0, groups = 0, again = 0, plain = 0;
	uint16_t tci = f->rules->plain_vid;
	const bool trusted = how & ADMIT_TRUSTED;

	for (unsigned i = 0; i < b->n; i++) {
		struct addresses a = addresses_of(b->head[i]);
		uint64_t key = (a.dst & MAC_BITS) | FDB_KEY;

		f->w->key[i] = key;
		groups |= (key & 1) << i;
		again |= (uint64_t)(key == last) << i;
		last = key;
		b->tci[i] = tci;
		if (how & ADMIT_SPECIAL && !left_to_admit(f, i))
			continue;
		if (__builtin_expect(!(how & (ADMIT_SLOWLY | ADMIT_TRUSTED)) &&
					     (a.src_type & MAC_BITS) == f->rx->last_src &&
					     !is_tagged(a.src_type),
				     1))
			plain |= BIT(i);
		else
			plain |= (uint64_t)admit_slowly(f, i, a, trusted) << i;
		if (how & ADMIT_SPECIAL && !(f->dropped & BIT(i)))
			listen(f, i, plain & BIT(i) ? f->rules->plain_vid : f->w->vid[i]);
	}
	f->plain = plain;
	f->groups = groups;
	f->again = again & plain & plain << 1;
}

INLINE void admit(struct flow *f, const unsigned how)
{
	const struct vs_burst *b = f->b;
	struct vs_port *p = f->rx;
	uint32_t len_min = UINT32_MAX;
	uint64_t bytes = 0;

	/* Trusted bursts are the control thread's: what is remembered is the worker's. */
	if (!(how & ADMIT_TRUSTED) && p->last_gen != f->gen) {
		p->last_src = SRC_NONE;
		p->last_tagged_src = SRC_NONE;
		p->last_gen = f->gen;
	}
	for (unsigned i = 0; i < b->n; i++) {
		len_min = b->len[i] < len_min ? b->len[i] : len_min;
		f->len_max = b->len[i] > f->len_max ? b->len[i] : f->len_max;
		f->flags |= b->flags[i];
		bytes += b->len[i];
	}
	if (__builtin_expect(len_min >= ETH_HLEN, 1))
		admit_frames(f, how);
	else
		admit_frames(f, how | ADMIT_SLOWLY);
	count(&f->ctr->rx_frames, b->n);
	count(&f->ctr->rx_bytes, bytes);
	if (f->groups)
		count(&f->ctr->rx_mcast, (unsigned)__builtin_popcountll(f->groups));
}

/* Three copies of the code, each without what the others have. */
void burst_admit(struct flow *f, unsigned how)
{
	if (!how)
		admit(f, 0);
	else if (how & ADMIT_TRUSTED)
		admit(f, ADMIT_TRUSTED);
	else
		admit(f, ADMIT_SPECIAL);
}
