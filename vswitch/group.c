/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets a frame: destinations looked up, then a list for each. Trains to one address are
 * decided on once; broadcast and multicast by intersecting bitmaps of ports. Source:
 * spec/zvm-networking.md 3.2, 3.5, 3.6.
 */
#include "vswitch/burst.h"

#include <string.h>

/* ---- look up ---------------------------------------------------------------------- */

/*
 * dst[i]: port index of the destination or FDB_PORT_NONE, for the first of each train of unicast
 * frames. All hashes are taken and their lines asked for before the first is looked at; so are the
 * second lines of the few whose address is not in its first.
 */
INLINE void look_up(struct flow *f)
{
	const struct fdb *t = atomic_load_explicit(&f->sw->fdb, memory_order_acquire);
	bool learned = atomic_load_explicit(&f->sw->n_learned, memory_order_relaxed);
	uint64_t first = BURST_BITS(f->b->n) & ~(f->dropped | f->groups | f->again);
	uint64_t hash[VS_BURST], second = 0;

	for (uint64_t m = first; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);

		hash[i] = fdb_hash(t, f->w->key[i]);
		__builtin_prefetch(fdb_line1(t, hash[i]));
	}
	for (uint64_t m = first; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		uint64_t v = fdb_probe(fdb_line1(t, hash[i]), f->w->key[i]);

		f->w->dst[i] = fdb_value_port(v);
		if (__builtin_expect(v != FDB_PORT_NONE, 1))
			continue;
		second |= BIT(i);
		__builtin_prefetch(fdb_line2(t, hash[i]));
	}
	for (uint64_t m = second; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		uint64_t v = fdb_probe(fdb_line2(t, hash[i]), f->w->key[i]);

		if (v == FDB_PORT_NONE && learned) {
			uint64_t in_vlan = f->w->key[i] | (uint64_t)vid_of(f, i) << 48;

			v = fdb_find(t, in_vlan, fdb_hash(t, in_vlan));
		}
		f->w->dst[i] = fdb_value_port(v);
	}
}

/* ---- group by destination ------------------------------------------------------------ */

struct out *burst_out(struct flow *f, struct vs_port *to)
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

/* All frames of a burst, as they came. */
#define REF(i)                                                                                     \
	{                                                                                          \
		.frame = (i), .edit = VS_EDIT_NONE                                                 \
	}
#define REF4(i) REF(i), REF((i) + 1), REF((i) + 2), REF((i) + 3)
#define REF16(i) REF4(i), REF4((i) + 4), REF4((i) + 8), REF4((i) + 12)
static const struct vs_ref unedited[VS_BURST] = {REF16(0), REF16(16), REF16(32), REF16(48)};

static uint64_t bytes_of(const struct vs_burst *b, unsigned i, unsigned n)
{
	uint64_t bytes = 0;

	if (b->plain == BURST_BITS(n) && b->n == n)
		return b->plain_bytes;
	for (unsigned k = i; k < i + n; k++)
		bytes += b->len[k];
	return bytes;
}

/* n frames from i on. */
INLINE void append(const struct flow *f, struct out *o, unsigned i, unsigned n, uint8_t edit)
{
	struct vs_ref *ref = &o->ref[o->n];

	memcpy(ref, &unedited[i], n * sizeof(*ref));
	for (unsigned k = 0; edit != VS_EDIT_NONE && k < n; k++)
		ref[k].edit = edit;
	o->n += n;
	o->bytes += bytes_of(f->b, i, n) + (uint64_t)((int64_t)burst_edit_bytes[edit] * n);
}

enum give { GIVEN, NOT_THERE, OTHER_VLAN, FORBIDDEN, SELF };

/* May one destination have frame i, and how does the frame leave? */
INLINE enum give may_have(struct flow *f, unsigned i, unsigned index, struct out **o, uint8_t *edit)
{
	struct vs_port *to = flow_port(f->sw, index);

	if (!to || !atomic_load_explicit(&to->running, memory_order_acquire))
		return NOT_THERE;
	/* By the number: of an uplink and its first device one is about to take the other's place.
	 */
	if (index == f->self->index)
		return SELF;
	*o = burst_out(f, to);
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
	append(f, o, i, 1, edit);
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
	struct bitmap room;
	unsigned given;

	if (!s || f->queries & BIT(i) || !snoop_listed(s, f->b->head[i], vid))
		return give_learners(f, i);
	if (!in_vlan)
		return 0;
	given = give_set(f, i, in_vlan, snoop_routers(s));
	ports = f->reports & BIT(i) ? NULL
				    : snoop_ports(s, f->b->head[i], f->b->headlen[i], vid, &room);
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
	if (!f->rules->uplink && atomic_load_explicit(&f->sw->heard, memory_order_acquire))
		hosts_hear(f, i);
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
	/* Also what a guest sent and a bridge outside floods: it would go round. */
	if (f->w->dst[i] == f->in->index)
		return VS_DROP_HAIRPIN;
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
	p = v == FDB_PORT_NONE ? NULL : flow_port(f->sw, fdb_value_port(v));
	return p ? p : f->in;
}

/* Whatever the frame is. */
static enum vs_drop give_wire(struct flow *f, unsigned i)
{
	const struct bitmap *all = atomic_load_explicit(&f->sw->member[0], memory_order_acquire);

	return all && give_set(f, i, all, NULL) ? VS_DROP_NONE : VS_DROP_NO_RECEIVER;
}

/* Any frame, at its own pace. */
static void group_one(struct flow *f, unsigned i, bool sniffers)
{
	unsigned vid = f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0;
	enum vs_drop d;

	if (reflects(f))
		f->self = reflected(f, i);
	if (f->rules->wire)
		d = give_wire(f, i);
	else
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
		append(f, o, i, n, edit);
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
	bool slow = sniffers || reflects(f) || f->rules->wire;
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

void burst_group(struct flow *f)
{
	STAGE(LOOKUP);
	look_up(f);
	STAGE(GROUP);
	group(f);
}
