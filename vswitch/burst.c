/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a burst: admit, look up, group by destination, deliver. switch.c tells the
 * whole story. Each stage is a loop over the burst, so that the cache misses of
 * one stage overlap; a frame once dropped stays in the arrays and is skipped.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <time.h>

#include "common/be.h"
#include "vswitch/lag.h"
#include "common/stage.h"

#define INLINE static inline __attribute__((always_inline))

/* What the stages share; lives on the worker's stack. */
struct flow {
	struct vs_worker *w;
	struct vs_port *rx; /* the burst came by it: counters, last source */
	struct vs_port *in; /* for the rules: the same, or the uplink it is a member of */
	struct vs_switch *sw;
	struct vs_burst *b;
	const struct rules *rules;
	struct counters *ctr; /* of rx */
	unsigned special;     /* of rx */
	uint32_t len_max;
	unsigned flags; /* of all frames together */

	/* Frames by their bits. */
	uint64_t dropped; /* for the reason in w->drop */
	uint64_t plain;	  /* untagged, in the port's own VLAN: no w->vid and w->tag of their own */
	uint64_t groups;  /* to a group address */
	uint64_t again;	  /* plain as the frame before, and to the same address */

	struct vs_port *self; /* whose frame it is: never back to this one */
	bool sniffing;	      /* copies for sniffers: isolation does not count */
	uint64_t reports;     /* frames that are for multicast routers only */
	uint64_t queries;     /* and those for everybody */
};

#define BIT(i) (UINT64_C(1) << (i))

static struct vs_port *port_at(struct vs_switch *sw, unsigned i)
{
	return atomic_load_explicit(&sw->port[i], memory_order_acquire);
}

static const struct rules *rules_of(struct vs_port *p)
{
	return atomic_load_explicit(&p->rules, memory_order_acquire);
}

static struct counters *counters_of(struct vs_worker *w, struct vs_port *p)
{
	return &p->counters[w->id];
}

static unsigned vid_of(const struct flow *f, unsigned i)
{
	return f->plain & BIT(i) ? f->rules->plain_vid : f->w->vid[i];
}

static uint8_t tag_of(const struct flow *f, unsigned i)
{
	return f->plain & BIT(i) ? TAG_NONE : f->w->tag[i];
}

static void drop(struct flow *f, unsigned i, enum vs_drop why)
{
	f->w->drop[i] = (uint8_t)why;
	f->dropped |= BIT(i);
}

/* ---- admit ------------------------------------------------------------------------ */

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
 * Trains of frames from one source are the rule: the last good one is remembered for frames
 * of the port's own VLAN, with the generation of the registrations it was checked against. A
 * learning port looks again every second, to keep the entry young.
 */
static uint32_t source_generation(const struct flow *f)
{
	uint32_t gen = atomic_load_explicit(&f->sw->generation, memory_order_acquire);

	if (f->in->learning)
		gen ^= atomic_load_explicit(&f->sw->now_s, memory_order_relaxed) << 12;
	return gen;
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
	if (d == VS_DROP_NONE && !trusted)
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
	    punt_take(f->rx, f->special, f->b, i)) {
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
	enum copied c = punt_copy(f->rx, f->special, f->b, i, vid);

	f->reports |= (uint64_t)(c == COPIED_REPORT) << i;
	f->queries |= (uint64_t)(c == COPIED_QUERY) << i;
}

/* How a burst's frames are admitted; constants where they are asked for. */
enum admission {
	ADMIT_SLOWLY = 1u << 0,	 /* some are runts: none is taken for one seen before */
	ADMIT_SPECIAL = 1u << 1, /* the port has special bits */
	ADMIT_TRUSTED = 1u << 2, /* sources are not asked for */
};

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
	uint32_t gen = source_generation(f), len_min = UINT32_MAX;
	uint64_t bytes = 0;

	/* Trusted bursts are the control thread's: what is remembered is the worker's. */
	if (!(how & ADMIT_TRUSTED) && p->last_gen != gen) {
		p->last_src = SRC_NONE;
		p->last_tagged_src = SRC_NONE;
		p->last_gen = gen;
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

/* ---- look up ---------------------------------------------------------------------- */

/*
 * dst[i]: port index of the destination or FDB_PORT_NONE, for the first of each train of unicast
 * frames. All hashes are taken and their lines asked for before the first is looked at.
 */
INLINE void look_up(struct flow *f)
{
	const struct fdb *t = atomic_load_explicit(&f->sw->fdb, memory_order_acquire);
	bool learned = atomic_load_explicit(&f->sw->n_learned, memory_order_relaxed);
	uint64_t first = BURST_BITS(f->b->n) & ~(f->dropped | f->groups | f->again);
	uint64_t hash[VS_BURST];

	for (uint64_t m = first; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);

		hash[i] = fdb_hash(t, f->w->key[i]);
		__builtin_prefetch(fdb_line1(t, hash[i]));
	}
	for (uint64_t m = first; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		uint64_t v = fdb_find(t, f->w->key[i], hash[i]);

		if (v == FDB_PORT_NONE && learned) {
			uint64_t in_vlan = f->w->key[i] | (uint64_t)vid_of(f, i) << 48;

			v = fdb_find(t, in_vlan, fdb_hash(t, in_vlan));
		}
		f->w->dst[i] = fdb_value_port(v);
	}
}

/* ---- group by destination ------------------------------------------------------------ */

static struct out *out_of(struct flow *f, struct vs_port *to)
{
	struct vs_worker *w = f->w;
	uint16_t k = w->out_of[to->index];
	struct out *o;

	if (k != OUT_NONE)
		return &w->out[k];
	k = (uint16_t)w->n_out++;
	w->out_of[to->index] = k;
	o = &w->out[k];
	o->p = to;
	o->rules = rules_of(to);
	o->n = 0;
	o->bytes = 0;
	o->groups = 0;
	return o;
}

enum give { GIVEN, NOT_THERE, OTHER_VLAN, FORBIDDEN, SELF };

static const int8_t edit_bytes[] = {[VS_EDIT_NONE] = 0,
				    [VS_EDIT_STRIP] = -VLAN_HLEN,
				    [VS_EDIT_PUSH] = VLAN_HLEN,
				    [VS_EDIT_RETAG] = 0};

static void append(const struct flow *f, struct out *o, unsigned i, uint8_t edit)
{
	o->ref[o->n++] = (struct vs_ref){.frame = (uint8_t)i, .edit = edit};
	o->bytes += f->b->len[i];
	o->bytes += (uint64_t)(int64_t)edit_bytes[edit];
}

/* May one destination have frame i, and how does the frame leave? */
INLINE enum give may_have(struct flow *f, unsigned i, unsigned index, struct out **o, uint8_t *edit)
{
	struct vs_port *to = port_at(f->sw, index);

	if (!to || !atomic_load_explicit(&to->running, memory_order_acquire))
		return NOT_THERE;
	if (to == f->self)
		return SELF;
	*o = out_of(f, to);
	if ((*o)->rules->isolated && f->rules->isolated && !f->sniffing)
		return FORBIDDEN;
	if (!vlan_egress((*o)->rules, (uint16_t)vid_of(f, i), tag_of(f, i), f->b->tci[i], edit))
		return OTHER_VLAN;
	return GIVEN;
}

/* Put frame i on the list of one destination, if it may have it. */
static enum give give(struct flow *f, unsigned i, unsigned index)
{
	struct out *o;
	uint8_t edit;
	enum give g = may_have(f, i, index, &o, &edit);

	if (g != GIVEN)
		return g;
	if (o->n && o->ref[o->n - 1].frame == i)
		return GIVEN; /* by another rule, just now */
	append(f, o, i, edit);
	o->groups += (unsigned)(f->groups >> i) & 1;
	return GIVEN;
}

static unsigned give_set(struct flow *f, unsigned i, const struct bitmap *a, const struct bitmap *b)
{
	unsigned given = 0;

	for (unsigned w = 0; w < BITMAP_WORDS; w++) {
		uint64_t m = atomic_load_explicit(&a->w[w], memory_order_relaxed);

		if (b)
			m &= atomic_load_explicit(&b->w[w], memory_order_relaxed);
		for (; m; m &= m - 1)
			given += give(f, i, w * 64 + (unsigned)__builtin_ctzll(m)) == GIVEN;
	}
	return given;
}

static bool is_broadcast(const uint8_t *mac)
{
	return (fdb_key_at(mac) << 16) == UINT64_MAX << 16;
}

/* 01-80-C2-00-00-0x: never forwarded by a bridge (IEEE 802.1Q table 8-1). */
static bool is_reserved(const uint8_t *mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xC2, 0x00, 0x00};

	return !memcmp(mac, prefix, sizeof(prefix)) && mac[5] < 0x10;
}

/* To the guests in the VLAN that register nothing. Return: how many. */
static unsigned give_learners(struct flow *f, unsigned i)
{
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;
	const struct bitmap *in_vlan;

	if (!atomic_load_explicit(&f->sw->n_learners, memory_order_relaxed))
		return 0;
	in_vlan = atomic_load_explicit(&f->sw->member[vid], memory_order_acquire);
	return in_vlan ? give_set(f, i, in_vlan, &f->sw->learners) : 0;
}

/* Of the learning guests: who wants the group; all, if that is not known (snoop.c). */
static unsigned give_listeners(struct flow *f, unsigned i, unsigned vid,
			       const struct bitmap *in_vlan)
{
	struct snoop *s = atomic_load_explicit(&f->sw->snoop, memory_order_acquire);
	const struct bitmap *ports;
	unsigned given;

	if (!s || f->queries & BIT(i) || !snoop_listed(s, f->b->head[i], vid))
		return give_learners(f, i);
	if (!in_vlan)
		return 0;
	given = give_set(f, i, in_vlan, snoop_routers(s));
	ports = f->reports & BIT(i) ? NULL : snoop_ports(s, f->b->head[i], vid);
	return ports ? given + give_set(f, i, in_vlan, ports) : given;
}

/* May the port send one more of the kind? Only asked of frames for many. */
static bool storm_free(struct flow *f, enum vs_storm kind)
{
	uint32_t rate = f->rules->storm_rate[kind];
	struct timespec ts;

	if (!rate)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return storm_allow(&f->rx->storm_back_ns[kind], rate,
			   (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
}

/* Broadcast and multicast: spec/zvm-networking.md 3.2. */
static enum vs_drop give_group(struct flow *f, unsigned i)
{
	const uint8_t *mac = f->b->head[i];
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;
	const struct bitmap *in_vlan =
		atomic_load_explicit(&f->sw->member[vid], memory_order_acquire);
	const struct bitmap *wants = NULL;
	unsigned given = 0;
	uint16_t up;

	if (is_reserved(mac))
		return VS_DROP_RESERVED;
	if (f->rules->storm &&
	    !storm_free(f, is_broadcast(mac) ? VS_STORM_BROADCAST : VS_STORM_MULTICAST))
		return VS_DROP_STORM;
	if (!is_broadcast(mac))
		wants = group_ports(f->sw, fdb_key_at(mac));
	if (in_vlan && (wants || is_broadcast(mac)))
		given = give_set(f, i, in_vlan, wants);
	if (!is_broadcast(mac))
		given += give_listeners(f, i, vid, in_vlan);
	up = atomic_load_explicit(&f->sw->uplink, memory_order_relaxed);
	if (!f->rules->uplink && up != FDB_PORT_NONE)
		given += give(f, i, up) == GIVEN;
	return given ? VS_DROP_NONE : VS_DROP_NO_RECEIVER;
}

/* To whom it may concern. */
static enum vs_drop give_outside(struct flow *f, unsigned i)
{
	uint16_t up = atomic_load_explicit(&f->sw->uplink, memory_order_relaxed);
	unsigned given = give_learners(f, i);

	if (!f->rules->uplink && up != FDB_PORT_NONE)
		given += give(f, i, up) == GIVEN;
	return given ? VS_DROP_NONE : VS_DROP_UNKNOWN_UNICAST;
}

static enum vs_drop give_unknown(struct flow *f, unsigned i)
{
	if (f->rules->storm && !storm_free(f, VS_STORM_UNKNOWN))
		return VS_DROP_STORM;
	return give_outside(f, i);
}

static enum vs_drop give_unicast(struct flow *f, unsigned i)
{
	if (f->w->dst[i] == FDB_PORT_NONE)
		return give_unknown(f, i);
	switch (give(f, i, f->w->dst[i])) {
	case GIVEN:
		return VS_DROP_NONE;
	case SELF:
		return VS_DROP_HAIRPIN;
	case FORBIDDEN:
		return f->rules->vepa ? give_outside(f, i) : VS_DROP_ISOLATED;
	default: /* in another VLAN, or just gone: as if unknown */
		return give_unknown(f, i);
	}
}

/* Frames come from outside that guests sent there to be relayed back. */
static bool reflects(const struct flow *f)
{
	return f->rules->uplink && f->rules->vepa;
}

/* The guest whose frame came back, if it is one. */
static struct vs_port *reflected(struct flow *f, unsigned i)
{
	const struct fdb *t = atomic_load_explicit(&f->sw->fdb, memory_order_acquire);
	uint64_t key = fdb_key_at(f->b->head[i] + ETH_ALEN);
	uint64_t in_vlan = key | (uint64_t)vid_of(f, i) << 48;
	uint64_t v = fdb_find(t, key, fdb_hash(t, key));
	struct vs_port *p;

	if (v == FDB_PORT_NONE)
		v = fdb_find(t, in_vlan, fdb_hash(t, in_vlan));
	p = v == FDB_PORT_NONE ? NULL : port_at(f->sw, fdb_value_port(v));
	return p ? p : f->in;
}

/* Any frame, at its own pace. */
static void group_one(struct flow *f, unsigned i, bool sniffers)
{
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;
	enum vs_drop d;

	if (reflects(f))
		f->self = reflected(f, i);
	d = f->groups & BIT(i) ? give_group(f, i) : give_unicast(f, i);

	if (sniffers && d != VS_DROP_RESERVED) {
		const struct bitmap *m =
			atomic_load_explicit(&f->sw->member[vid], memory_order_acquire);

		f->sniffing = true;
		if (m && give_set(f, i, m, &f->sw->promisc) &&
		    (d == VS_DROP_UNKNOWN_UNICAST || d == VS_DROP_NO_RECEIVER))
			d = VS_DROP_NONE;
		f->sniffing = false;
	}
	if (d != VS_DROP_NONE)
		drop(f, i, d);
}

/* The train that begins with frame i and is n frames long: the decision is the first one's. */
INLINE void group_train(struct flow *f, unsigned i, unsigned n)
{
	struct out *o;
	uint8_t edit;

	if (__builtin_expect(f->w->dst[i] != FDB_PORT_NONE &&
				     may_have(f, i, f->w->dst[i], &o, &edit) == GIVEN,
			     1)) {
		for (unsigned k = i; k < i + n; k++)
			append(f, o, k, edit);
		return;
	}
	for (unsigned k = i; k < i + n; k++) {
		f->w->dst[k] = f->w->dst[i];
		group_one(f, k, false);
	}
}

INLINE void group(struct flow *f)
{
	bool sniffers = atomic_load_explicit(&f->sw->n_promisc, memory_order_relaxed);
	bool slow = sniffers || reflects(f);
	uint64_t left = BURST_BITS(f->b->n) & ~f->dropped;

	while (left) {
		unsigned i = (unsigned)__builtin_ctzll(left), n = 1;

		/* The next frame that is not of this train. */
		if (i < VS_BURST - 1 && f->again >> (i + 1) & 1)
			n += (unsigned)__builtin_ctzll(~(f->again >> (i + 1)));
		if (__builtin_expect(!slow && !(f->groups & BIT(i)), 1)) {
			group_train(f, i, n);
		} else {
			for (unsigned k = i; k < i + n; k++) {
				f->w->dst[k] = f->w->dst[i];
				group_one(f, k, sniffers);
			}
		}
		left &= left - 1;
		left &= ~(n > 1 ? BURST_BITS(n) << i : 0);
	}
}

/* ---- deliver ---------------------------------------------------------------------------- */

INLINE void refuse(struct flow *f, struct vs_port *to, const struct vs_burst *b,
		   const struct vs_ref *ref, unsigned n, enum vs_drop why, const bool capture)
{
	if (!n)
		return;
	count(&counters_of(f->w, to)->tx_drop[why], n);
	if (capture)
		capture_frames(f->w, to, b, ref, n, VS_CAPTURE_DROP, why);
}

static void count_sent(struct counters *c, const struct vs_burst *b, const struct vs_ref *ref,
		       unsigned n)
{
	uint64_t bytes = 0, mcast = 0;

	for (unsigned k = 0; k < n; k++) {
		bytes += b->len[ref[k].frame];
		bytes += (uint64_t)(int64_t)edit_bytes[ref[k].edit];
		mcast += b->head[ref[k].frame][0] & 1;
	}
	count(&c->tx_frames, n);
	count(&c->tx_bytes, bytes);
	if (mcast)
		count(&c->tx_mcast, mcast);
}

/* How many frames are lost with the first one not taken: it alone, or all that are left. */
static unsigned lost_with(enum vs_drop why, unsigned left)
{
	bool only_it = why == VS_DROP_TX_TOO_BIG || why == VS_DROP_TX_ERROR ||
		       why == VS_DROP_TX_QUEUE_FULL;

	return only_it ? 1 : left;
}

/* Frames that need nothing more: hand them over and count. With keep, those that find no room are
 * left. Return: how many are done with. */
INLINE unsigned send(struct flow *f, struct vs_port *to, const struct vs_burst *b,
		     const struct vs_ref *ref, unsigned n, const bool keep, const bool capture)
{
	const unsigned all = n;

	while (n) {
		enum vs_drop why = VS_DROP_TX_NO_BUFFER;
		unsigned sent = to->ops->tx_burst(to->ctx, b, ref, n, &why);
		unsigned lost = sent < n ? lost_with(why, n - sent) : 0;

		count_sent(counters_of(f->w, to), b, ref, sent);
		if (capture && sent)
			capture_frames(f->w, to, b, ref, sent, VS_CAPTURE_OUT, VS_DROP_NONE);
		if (sent == n)
			return all;
		if (keep && why == VS_DROP_TX_NO_BUFFER)
			return all - n + sent;
		lost = lost_with(why, n - sent);
		refuse(f, to, b, ref + sent, lost, why, capture);
		ref += sent + lost;
		n -= sent + lost;
	}
	return all;
}

/* Frames that need nothing more, nor are looked at on the way: hand them over and count. */
INLINE void send_plain(struct flow *f, struct out *o)
{
	struct vs_port *to = o->p;
	struct counters *c = counters_of(f->w, to);
	enum vs_drop why = VS_DROP_TX_NO_BUFFER;
	unsigned sent = to->ops->tx_burst(to->ctx, f->b, o->ref, o->n, &why);

	if (__builtin_expect(sent == o->n, 1)) {
		count(&c->tx_frames, sent);
		count(&c->tx_bytes, o->bytes);
		if (o->groups)
			count(&c->tx_mcast, o->groups);
	} else {
		count_sent(c, f->b, o->ref, sent);
	}
	if (__builtin_expect(sent < o->n, 0)) {
		unsigned lost = lost_with(why, o->n - sent);

		refuse(f, to, f->b, o->ref + sent, lost, why, false);
		sent += lost;
		send(f, to, f->b, o->ref + sent, o->n - sent, false, false);
	}
}

/* A frame to be cut: its segments are a burst of their own, sent in pieces. */
static void send_cut(struct flow *f, struct vs_port *to, struct vs_ref ref, uint32_t frame_max,
		     const bool capture)
{
	struct vs_burst *cut = &f->w->cut;
	struct vs_ref seg[VS_BURST];
	unsigned skip = 0, n;

	while ((n = offload_segment(f->b, ref.frame, cut, &skip))) {
		for (unsigned k = 0; k < n; k++) {
			cut->tci[k] = f->b->tci[ref.frame];
			seg[k] = (struct vs_ref){.frame = (uint8_t)k, .edit = ref.edit};
		}
		/* All are as long as the first, or shorter. */
		if ((int64_t)cut->len[0] + edit_bytes[ref.edit] > (int64_t)frame_max)
			refuse(f, to, cut, seg, n, VS_DROP_TX_TOO_BIG, capture);
		else
			send(f, to, cut, seg, n, false, capture);
	}
	if (!skip)
		refuse(f, to, f->b, &ref, 1, VS_DROP_RX_MALFORMED, capture);
}

/* Sort out what one frame needs before it may be sent; the unusual case. */
static enum vs_drop prepare(struct flow *f, unsigned i, unsigned caps, uint32_t frame_max,
			    bool *cut)
{
	struct vs_burst *b = f->b;
	unsigned flags = b->flags[i];
	unsigned gso = flags & VS_F_GSO;

	*cut = (gso & VS_F_GSO_TCP4 && !(caps & VS_CAP_GSO_TCP4)) ||
	       (gso & VS_F_GSO_TCP6 && !(caps & VS_CAP_GSO_TCP6)) ||
	       (gso && b->len[i] > VS_GSO_FRAME_MAX);
	if (*cut)
		return VS_DROP_NONE;
	if (!gso && b->len[i] > frame_max)
		return VS_DROP_TX_TOO_BIG;
	if (flags & VS_F_CSUM_NEEDED && !(caps & VS_CAP_CSUM_NEEDED))
		return offload_checksum(b, i);
	return VS_DROP_NONE;
}

static unsigned send_unusual(struct flow *f, struct vs_port *to, const struct vs_ref *ref,
			     unsigned n, uint32_t frame_max, const bool keep, const bool capture)
{
	unsigned caps = to->ops->caps(to->ctx), from = 0, done;

	for (unsigned k = 0; k < n; k++) {
		bool cut;
		enum vs_drop d = prepare(f, ref[k].frame, caps, frame_max, &cut);

		if (d == VS_DROP_NONE && !cut)
			continue;
		/* Keep the order: what stands before goes first. */
		if (k > from) {
			done = send(f, to, f->b, &ref[from], k - from, keep, capture);
			if (from + done < k)
				return from + done;
		}
		if (cut)
			send_cut(f, to, ref[k], frame_max, capture);
		else
			refuse(f, to, f->b, &ref[k], 1, d, capture);
		from = k + 1;
	}
	if (n > from)
		from += send(f, to, f->b, &ref[from], n - from, keep, capture);
	return from;
}

INLINE unsigned send_to(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n,
			const bool keep, const bool capture)
{
	uint32_t frame_max = to->ops->frame_max(to->ctx);
	unsigned unusual = f->flags & (VS_F_GSO | VS_F_CSUM_NEEDED);

	if (!unusual && f->len_max <= frame_max)
		return send(f, to, f->b, ref, n, keep, capture);
	return send_unusual(f, to, ref, n, frame_max, keep, capture);
}

/* What only the full variant knows: rates of VLANs, queues in front of ports. */
static void deliver_extra(struct flow *f, struct out *o);

INLINE void deliver(struct flow *f, const bool capture)
{
	struct vs_worker *w = f->w;
	unsigned unusual = f->flags & (VS_F_GSO | VS_F_CSUM_NEEDED);

	for (unsigned k = 0; k < w->n_out; k++) {
		struct out *o = &w->out[k];

		w->out_of[o->p->index] = OUT_NONE;
		if (!o->n)
			continue;
		if (capture)
			deliver_extra(f, o);
		else if (!unusual && f->len_max <= o->p->ops->frame_max(o->p->ctx))
			send_plain(f, o);
		else
			send_to(f, o->p, o->ref, o->n, false, false);
	}
	w->n_out = 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

INLINE void count_drops(struct flow *f, const bool capture)
{
	for (uint64_t m = f->dropped; __builtin_expect(m != 0, 0); m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		enum vs_drop d = f->w->drop[i];
		struct vs_ref ref = {.frame = (uint8_t)i};

		if (d == DROP_TAKEN)
			continue;
		count(&f->ctr->rx_drop[d], 1);
		if (capture)
			capture_frames(f->w, f->rx, f->b, &ref, 1, VS_CAPTURE_DROP, d);
	}
}

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void capture_in(struct flow *f)
{
	struct vs_ref ref[VS_BURST];

	if (!atomic_load_explicit(&f->sw->captures, memory_order_acquire))
		return;
	f->w->now_ns = realtime_ns();
	for (unsigned i = 0; i < f->b->n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i};
	capture_frames(f->w, f->rx, f->b, ref, f->b->n, VS_CAPTURE_IN, VS_DROP_NONE);
}

/* ---- what the plain code leaves out ----------------------------------------------------------
 */

/* The uplink has several devices: each gets its part, in order. Nothing is kept for later. */
static void spread(struct flow *f, struct vs_port *up, struct vs_lag *lag, const struct vs_ref *ref,
		   unsigned n)
{
	struct vs_ref part[VS_BURST];
	uint8_t to[VS_BURST];

	lag_spread(lag, f->w->id, f->b, ref, n, to);
	for (unsigned k = 0; k < n; k++) {
		uint8_t member = to[k];
		struct vs_port *p;
		unsigned parts = 0;

		if (member == LAG_HELD)
			continue;
		for (unsigned j = k; j < n; j++)
			if (to[j] == member) {
				part[parts++] = ref[j];
				to[j] = LAG_HELD;
			}
		p = member < VS_LAG_MEMBERS ? lag_member(lag, member) : NULL;
		if (p)
			send_to(f, p, part, parts, false, true);
		else
			refuse(f, up, f->b, part, parts,
			       member == LAG_FULL ? VS_DROP_TX_NO_BUFFER : VS_DROP_TX_DOWN, true);
	}
}

/* To a port, or to the devices of an uplink. Return: as send. */
static unsigned send_full(struct flow *f, struct vs_port *to, const struct vs_ref *ref, unsigned n,
			  bool keep)
{
	struct vs_lag *lag = atomic_load_explicit(&to->lag, memory_order_acquire);

	if (!lag)
		return send_to(f, to, ref, n, keep, true);
	spread(f, to, lag, ref, n);
	return n;
}

unsigned burst_pass(struct vs_worker *w, struct vs_port *to, struct vs_burst *b,
		    const struct vs_ref *ref, unsigned n, bool keep)
{
	struct flow f = {.w = w, .sw = to->sw, .b = b};
	unsigned done;

	for (unsigned k = 0; k < n; k++) {
		f.flags |= b->flags[ref[k].frame];
		if (b->len[ref[k].frame] > f.len_max)
			f.len_max = b->len[ref[k].frame];
	}
	if (!atomic_load_explicit(&to->sw->captures, memory_order_acquire))
		return send_full(&f, to, ref, n, keep);
	if (b == &w->queued) /* else its time is that of the burst it is part of */
		w->now_ns = realtime_ns();
	done = send_full(&f, to, ref, n, keep);
	if (b == &w->queued)
		capture_flush(w, to->sw);
	return done;
}

/* Take out what is over a VLAN's rate. Return: frames left. */
static unsigned police_out(struct flow *f, struct out *o)
{
	uint64_t now = f->w->clock_ns();
	unsigned n = 0;

	for (unsigned k = 0; k < o->n; k++) {
		unsigned i = o->ref[k].frame;

		if (vlan_rate_passes(f->sw, f->b->tci[i] & 0x0FFF, true, shape_wire_bytes(f->b, i),
				     now))
			o->ref[n++] = o->ref[k];
		else
			refuse(f, o->p, f->b, &o->ref[k], 1, VS_DROP_RATE_VLAN, true);
	}
	return n;
}

static void police_in(struct flow *f)
{
	uint64_t now = f->w->clock_ns();

	for (unsigned i = 0; i < f->b->n; i++)
		if (!(f->dropped & BIT(i)) &&
		    !vlan_rate_passes(f->sw, (uint16_t)vid_of(f, i), false,
				      shape_wire_bytes(f->b, i), now))
			drop(f, i, VS_DROP_RATE_VLAN);
	/* No train goes on over a frame that is gone. */
	f->again &= ~(f->dropped | f->dropped << 1);
}

static void count_vlans_in(struct flow *f)
{
	struct vlan_counts *v = atomic_load_explicit(&f->sw->vlan_counts, memory_order_acquire);

	for (unsigned i = 0; v && i < f->b->n; i++) {
		struct vlan_count *c = &v->of[f->w->id][vid_of(f, i) & 4095];

		if (f->dropped & BIT(i))
			continue;
		count(&c->in_frames, 1);
		count(&c->in_bytes, f->b->len[i]);
	}
}

static void count_vlans_out(struct flow *f, const struct out *o)
{
	struct vlan_counts *v = atomic_load_explicit(&f->sw->vlan_counts, memory_order_acquire);

	for (unsigned k = 0; v && k < o->n; k++) {
		unsigned i = o->ref[k].frame;
		struct vlan_count *c = &v->of[f->w->id][vid_of(f, i) & 4095];

		count(&c->out_frames, 1);
		count(&c->out_bytes, f->b->len[i]);
	}
}

/* The frames of the burst that the mirror shows, by their bits. */
static uint64_t mirrored(struct flow *f, const struct vs_mirror *m)
{
	uint64_t all = f->b->n < 64 ? BIT(f->b->n) - 1 : ~UINT64_C(0);
	uint64_t want = m->in && (!m->from || m->from == f->in) ? all : 0;

	for (unsigned k = 0; m->out && k < f->w->n_out; k++) {
		const struct out *o = &f->w->out[k];

		if (o->p == m->to || (m->from && m->from != o->p))
			continue;
		for (unsigned r = 0; r < o->n; r++)
			want |= BIT(o->ref[r].frame);
	}
	for (unsigned i = 0; m->vid && i < f->b->n; i++)
		if (vid_of(f, i) != m->vid)
			want &= ~BIT(i);
	return want;
}

/* Behind the grouping: one more receiver, whatever the rules say. */
static void mirror(struct flow *f)
{
	struct vs_mirror *m = atomic_load_explicit(&f->sw->mirror, memory_order_acquire);
	uint64_t want;
	struct out *o;

	if (!m || m->to == f->in || !atomic_load_explicit(&m->to->running, memory_order_acquire))
		return;
	want = mirrored(f, m);
	if (!want)
		return;
	o = out_of(f, m->to);
	for (unsigned k = 0; k < o->n; k++) /* it gets these by itself */
		want &= ~BIT(o->ref[k].frame);
	for (; want; want &= want - 1)
		o->ref[o->n++] = (struct vs_ref){.frame = (uint8_t)__builtin_ctzll(want),
						 .edit = VS_EDIT_NONE};
}

static bool has_vlan_rates(const struct flow *f)
{
	return f->rules->mode == VLAN_AWARE &&
	       atomic_load_explicit(&f->sw->vlan_rates, memory_order_acquire);
}

static void deliver_extra(struct flow *f, struct out *o)
{
	struct shaper *s = atomic_load_explicit(&o->p->shaper, memory_order_acquire);

	if (has_vlan_rates(f))
		o->n = police_out(f, o);
	count_vlans_out(f, o);
	if (s && shape_queues(s))
		shape_deliver(f->w, f->in, o->p, s, f->b, o->ref, o->n);
	else
		send_full(f, o->p, o->ref, o->n, false);
}

INLINE void forward(struct flow *f, const bool capture, const unsigned how)
{
	if (capture)
		capture_in(f);
	STAGE(ADMIT);
	admit(f, how);
	if (how & ADMIT_SPECIAL)
		punt_flush(f->sw);
	if (capture && has_vlan_rates(f))
		police_in(f);
	if (capture)
		count_vlans_in(f);
	STAGE(LOOKUP);
	look_up(f);
	STAGE(GROUP);
	group(f);
	if (capture)
		mirror(f);
	count_drops(f, capture);
	STAGE(DELIVER);
	deliver(f, capture);
	if (capture)
		capture_flush(f->w, f->sw);
}

static struct flow flow_of(struct vs_worker *w, struct vs_port *p)
{
	struct vs_port *up = atomic_load_explicit(&p->up, memory_order_acquire);
	struct vs_port *in = up ? up : p;

	return (struct flow){.w = w,
			     .rx = p,
			     .in = in,
			     .self = in,
			     .sw = p->sw,
			     .b = &w->burst,
			     .rules = rules_of(in),
			     .special = atomic_load_explicit(&p->special, memory_order_relaxed),
			     .ctr = counters_of(w, p)};
}

static void forward_plain(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = flow_of(w, p);

	forward(&f, false, 0);
}

static __attribute__((noinline)) void forward_special(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = flow_of(w, p);

	forward(&f, false, ADMIT_SPECIAL);
}

static __attribute__((noinline)) void forward_full(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = flow_of(w, p);

	forward(&f, true, ADMIT_SPECIAL);
}

/* What the port dropped by itself. The worker's array is all zero again afterwards. */
static void count_malformed(struct counters *c, uint64_t *dropped)
{
	uint64_t any = 0;

	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		any |= dropped[d];
	if (__builtin_expect(!any, 1))
		return;
	for (unsigned d = 0; d < VS_DROP_COUNT; d++) {
		if (dropped[d])
			count(&c->rx_drop[d], dropped[d]);
		dropped[d] = 0;
	}
}

/* Captures and extras need what the plain code leaves out. */
static bool is_plain(const struct vs_switch *sw)
{
	return !atomic_load_explicit(&sw->captures, memory_order_acquire) &&
	       !atomic_load_explicit(&sw->extras, memory_order_acquire);
}

INLINE unsigned fetch_and_forward(struct vs_worker *w, struct vs_port *p)
{
	struct vs_burst *b = &w->burst;
	unsigned n;

	n = p->ops->rx_burst(p->ctx, b, w->dropped);
	count_malformed(counters_of(w, p), w->dropped);
	if (!n)
		return 0;
	if (!is_plain(p->sw))
		forward_full(w, p);
	else if (atomic_load_explicit(&p->special, memory_order_relaxed))
		forward_special(w, p);
	else
		forward_plain(w, p);
	STAGE(PUBLISH);
	p->ops->rx_done(p->ctx, b);
	STAGE(OTHER);
	return n;
}

void burst_inject(struct vs_worker *w, struct vs_port *p)
{
	struct flow f = flow_of(w, p);

	f.special = 0;
	if (!is_plain(p->sw))
		forward(&f, true, ADMIT_TRUSTED);
	else
		forward(&f, false, ADMIT_TRUSTED);
}

/* One frame for one port, or for an uplink of several devices. */
static void send_one(struct vs_worker *w, struct vs_port *to, struct vs_ref ref)
{
	struct flow f = flow_of(w, to);

	f.flags = w->burst.flags[0];
	f.len_max = w->burst.len[0];
	if (atomic_load_explicit(&to->sw->captures, memory_order_acquire))
		w->now_ns = realtime_ns();
	send_full(&f, to, &ref, 1, false);
	capture_flush(w, to->sw);
}

int burst_send(struct vs_worker *w, struct vs_port *to, struct vs_ref ref)
{
	struct counters *c = counters_of(w, to);
	uint64_t before = atomic_load_explicit(&c->tx_frames, memory_order_relaxed);

	if (w->burst.len[0] > to->ops->frame_max(to->ctx))
		return -EMSGSIZE;
	send_one(w, to, ref);
	if (atomic_load_explicit(&to->lag, memory_order_relaxed))
		return 0;
	if (atomic_load_explicit(&c->tx_frames, memory_order_relaxed) == before)
		return -ENOBUFS;
	count(&c->tx_control, 1);
	return 0;
}

void burst_release(struct vs_worker *w, struct vs_port *uplink, struct vs_port *to,
		   struct vs_ref ref)
{
	struct flow f = flow_of(w, uplink);

	if (to)
		send_one(w, to, ref);
	else
		refuse(&f, uplink, f.b, &ref, 1, VS_DROP_TX_DOWN, true);
}

unsigned burst_fetch(struct vs_worker *w, struct vs_port *p)
{
	return fetch_and_forward(w, p);
}

unsigned burst_forward(struct vs_worker *w, struct vs_port *p)
{
	struct shaper *s = atomic_load_explicit(&p->shaper, memory_order_acquire);

	if (!atomic_load_explicit(&p->running, memory_order_acquire))
		return 0;
	/* Rates are for what passes through the switch: these frames do not. */
	if (__builtin_expect(p->ops->forward != NULL, 0))
		return direct_forward(w, p);
	if (__builtin_expect(s != NULL, 0))
		return shape_forward(w, p, s);
	return fetch_and_forward(w, p);
}
