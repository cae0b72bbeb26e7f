/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * The table of slots is an array of atomic bytes. Workers read a frame's slot and send by the
 * member it names; the control thread writes. Each worker counts what a slot carries in counters of
 * its own.
 *
 * A slot that moves must not let a frame overtake the one before, so it moves in four steps:
 *   1  the control thread marks the slot HELD: workers put its frames into a store
 *   2  a grace period: what workers had already decided has been handed to the old member
 *   3  the old member is flushed: its partner answers a marker, or some milliseconds pass
 *   4  under the store's lock: the stored frames leave by the new member, then the slot names it
 * A worker that finds a slot HELD looks again under the lock; when it has moved meanwhile, the
 * store is empty and the frame is the next in line.
 *
 * The slots of a member that is lost are held as well, for the time that a partner may take to read
 * what had arrived there before; then there is nobody to ask for a marker. Without another member
 * there is nothing to hold them for.
 *
 * The store is bounded; a frame that finds no room is dropped and counted.
 */
#include "vswitch/kept.h"
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#define SLOT_HELD 0x80u	       /* with the old member in the low bits */
#define STORE_BYTES (8u << 20) /* of held frames: 10 Gbit/s for 6 ms */
#define MOVES_MAX 64u	       /* slots of one plan by load */
#define EVEN_PERCENT 5u	       /* a smaller difference of load is none */

struct load {
	_Alignas(64) _Atomic uint64_t frames[VS_LAG_SLOTS];
	_Atomic uint64_t bytes[VS_LAG_SLOTS];
};

/* A frame in the store; its bytes follow, rounded up to 8. */
struct held {
	struct kept frame; /* its bytes are behind */
	uint8_t slot;
};

struct vs_lag {
	_Atomic uint8_t slot[VS_LAG_SLOTS]; /* member, VS_LAG_NOBODY, or member | SLOT_HELD */
	_Atomic(struct vs_port *) member[VS_LAG_MEMBERS];
	uint64_t seed;
	struct vs_port *uplink;

	/* Control thread. */
	bool distribute[VS_LAG_MEMBERS];
	uint8_t target[VS_LAG_SLOTS];				      /* of held slots */
	uint64_t base_frames[VS_LAG_SLOTS], base_bytes[VS_LAG_SLOTS]; /* at the last plan */
	uint64_t last_frames[VS_LAG_SLOTS], last_bytes[VS_LAG_SLOTS]; /* of the interval before */
	struct vs_lag_stats stats;
	struct vs_rate_group *in; /* what all members bring has one rate; NULL: none */

	pthread_mutex_t lock; /* the store, and the step from HELD to a member */
	_Atomic uint64_t n_held, n_held_dropped;
	size_t stored;
	uint8_t *store;

	struct load load[VS_THREADS];
};

static uint8_t slot_get(const struct vs_lag *l, unsigned s)
{
	return atomic_load_explicit(&l->slot[s], memory_order_acquire);
}

static void slot_set(struct vs_lag *l, unsigned s, uint8_t v)
{
	atomic_store_explicit(&l->slot[s], v, memory_order_release);
}

static bool is_held(uint8_t v)
{
	return v != VS_LAG_NOBODY && v & SLOT_HELD;
}

/* ---- the uplink as a port ----------------------------------------------------------------- */

/* Its frames go by the members; nothing ever calls these but those that ask what it can. */
static unsigned no_rx(void *port, struct vs_burst *b, uint64_t *dropped)
{
	(void)port;
	(void)dropped;
	b->n = 0;
	return 0;
}

static void no_rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static unsigned no_tx(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		      enum vs_drop *err)
{
	(void)port;
	(void)b;
	(void)ref;
	(void)n;
	*err = VS_DROP_TX_DOWN;
	return 0;
}

static bool no_arm(void *port)
{
	(void)port;
	return false;
}

static void no_disarm(void *port)
{
	(void)port;
}

static int no_fd(void *port)
{
	(void)port;
	return -1;
}

static unsigned all_caps(void *port)
{
	(void)port;
	return VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6;
}

static uint32_t any_length(void *port)
{
	(void)port;
	return VS_FRAME_MAX;
}

static const struct vs_port_ops lag_ops = {
	.kind = "GROUP",
	.rx_burst = no_rx,
	.rx_done = no_rx_done,
	.tx_burst = no_tx,
	.arm = no_arm,
	.disarm = no_disarm,
	.wait_fd = no_fd,
	.caps = all_caps,
	.frame_max = any_length,
};

struct vs_lag *vs_lag_create(struct vs_port *uplink, uint64_t seed)
{
	struct vs_link link = vs_port_link(uplink);
	struct vs_lag *l = aligned_alloc(64, (sizeof(*l) + 63) & ~(size_t)63);
	int rc;

	if (!l)
		return NULL;
	memset(l, 0, sizeof(*l));
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++)
		atomic_init(&l->slot[s], VS_LAG_NOBODY);
	pthread_mutex_init(&l->lock, NULL);
	l->seed = seed;
	l->uplink = uplink;
	l->store = malloc(STORE_BYTES);
	/* The plain code of a burst knows nothing of members. */
	atomic_fetch_add(&uplink->sw->extras, 1);
	atomic_store_explicit(&uplink->lag, l, memory_order_release);
	rc = l->store ? link.ops->start(link.ctx, &lag_ops, l) : -ENOMEM;
	if (!rc)
		return l;
	atomic_store(&uplink->lag, NULL);
	atomic_fetch_sub(&uplink->sw->extras, 1);
	free(l->store);
	free(l);
	errno = -rc;
	return NULL;
}

void vs_lag_destroy(struct vs_lag *l)
{
	struct vs_link link;

	if (!l)
		return;
	link = vs_port_link(l->uplink);
	link.ops->stop(link.ctx);
	atomic_store(&l->uplink->lag, NULL);
	atomic_fetch_sub(&l->uplink->sw->extras, 1);
	synchronize_rcu();
	pthread_mutex_destroy(&l->lock);
	vs_rate_group_destroy(l->in);
	free(l->store);
	free(l);
}

/* ---- workers ---------------------------------------------------------------------------- */

static size_t store_bytes(const struct held *h)
{
	return (sizeof(*h) + h->frame.len + 7) & ~(size_t)7;
}

static bool store_put(struct vs_lag *l, const struct vs_burst *b, struct vs_ref ref, unsigned s)
{
	struct held h = {.frame = kept_of(b, ref), .slot = (uint8_t)s};
	size_t need = store_bytes(&h);
	uint8_t *to = l->store + l->stored;

	if (need > STORE_BYTES - l->stored)
		return false;
	memcpy(to, &h, sizeof(h));
	kept_copy(to + sizeof(h), b, ref.frame);
	l->stored += need;
	return true;
}

/* The slot is held, or was when we looked. Return: the member, LAG_HELD or VS_LAG_NOBODY. */
static uint8_t hold(struct vs_lag *l, const struct vs_burst *b, struct vs_ref ref, unsigned s)
{
	uint8_t v;

	pthread_mutex_lock(&l->lock);
	v = slot_get(l, s);
	if (is_held(v)) {
		v = LAG_HELD;
		atomic_fetch_add_explicit(&l->n_held, 1, memory_order_relaxed);
		if (!store_put(l, b, ref, s)) {
			v = LAG_FULL;
			atomic_fetch_add_explicit(&l->n_held_dropped, 1, memory_order_relaxed);
		}
	}
	pthread_mutex_unlock(&l->lock);
	return v;
}

void lag_spread(struct vs_lag *l, unsigned worker, const struct vs_burst *b,
		const struct vs_ref *ref, unsigned n, uint8_t *to)
{
	struct load *load = &l->load[worker];

	for (unsigned k = 0; k < n; k++) {
		unsigned i = ref[k].frame;
		uint64_t h = vs_lag_hash(b->head[i], b->headlen[i], b->tci[i] & 0x0FFF, l->seed);
		unsigned s = (unsigned)(h >> 40) % VS_LAG_SLOTS;
		uint8_t v = slot_get(l, s);

		count(&load->frames[s], 1);
		count(&load->bytes[s], b->len[i]);
		to[k] = is_held(v) ? hold(l, b, ref[k], s) : v;
	}
}

struct vs_port *lag_member(struct vs_lag *l, unsigned i)
{
	struct vs_port *p = atomic_load_explicit(&l->member[i], memory_order_acquire);

	return p && atomic_load_explicit(&p->running, memory_order_acquire) ? p : NULL;
}

struct vs_port *lag_port(const struct vs_lag *l, unsigned i)
{
	return atomic_load_explicit(&l->member[i], memory_order_relaxed);
}

/* ---- moving slots ----------------------------------------------------------------------- */

/* Put the frame at an offset of the store into the burst. Return: offset of the next. */
static size_t store_get(const struct vs_lag *l, size_t at, struct vs_burst *b, struct held *h)
{
	const uint8_t *p = l->store + at;

	memcpy(h, p, sizeof(*h));
	b->n = 0;
	b->nseg_used = 0;
	kept_append(b, &h->frame, p + sizeof(*h));
	return at + store_bytes(h);
}

static bool leaves(const struct vs_lag *l, unsigned s, unsigned from)
{
	uint8_t v = slot_get(l, s);

	return is_held(v) && (v & ~SLOT_HELD) == from;
}

/* Step 4 for all held slots of a member; what stays held is moved to the front of the store. */
static void release(struct vs_lag *l, unsigned from)
{
	struct vs_worker *hand = inject_hand(l->uplink->sw);
	size_t keep = 0, at = 0;

	pthread_mutex_lock(&l->lock);
	while (hand && at < l->stored) {
		struct held h;
		size_t next = store_get(l, at, &hand->burst, &h);
		struct vs_port *to;

		if (leaves(l, h.slot, from)) {
			to = l->target[h.slot] == VS_LAG_NOBODY ? NULL
								: lag_member(l, l->target[h.slot]);
			burst_release(hand, l->uplink, to, (struct vs_ref){.edit = h.frame.edit});
		} else {
			memmove(l->store + keep, l->store + at, next - at);
			keep += next - at;
		}
		at = next;
	}
	l->stored = keep;
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++)
		if (leaves(l, s, from))
			slot_set(l, s, l->target[s]);
	pthread_mutex_unlock(&l->lock);
}

void vs_lag_flushed(struct vs_lag *l, unsigned i)
{
	release(l, i);
}

/* Steps 1 and 2. */
static unsigned hold_slots(struct vs_lag *l, const uint8_t *target)
{
	unsigned from = 0;

	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		uint8_t v = slot_get(l, s);

		if (is_held(v) || target[s] == v)
			continue;
		l->target[s] = target[s];
		if (v == VS_LAG_NOBODY) {
			slot_set(l, s, target[s]);
			continue;
		}
		l->stats.moves++;
		from |= 1u << v;
		slot_set(l, s, (uint8_t)(v | SLOT_HELD));
	}
	if (from)
		synchronize_rcu();
	return from;
}

/* ---- who gets what ---------------------------------------------------------------------- */

static unsigned pick(const struct vs_lag *l, const uint64_t *weight)
{
	unsigned best = VS_LAG_NOBODY;

	for (unsigned i = 0; i < VS_LAG_MEMBERS; i++)
		if (l->distribute[i] && (best == VS_LAG_NOBODY || weight[i] < weight[best]))
			best = i;
	return best;
}

/* What is, or will be, the slot's member. */
static uint8_t owner(const struct vs_lag *l, unsigned s)
{
	uint8_t v = slot_get(l, s);

	return is_held(v) ? l->target[s] : v;
}

/*
 * Slots of a member that is lost, or of nobody, go to whoever has the fewest; of the lost one's,
 * frames are held until vs_lag_flushed. Return: there are such.
 */
static bool remap(struct vs_lag *l)
{
	uint64_t slots[VS_LAG_MEMBERS] = {0};
	bool held = false;

	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		uint8_t v = owner(l, s);

		if (v != VS_LAG_NOBODY)
			slots[v]++;
	}
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		uint8_t v = owner(l, s), to;

		if (v != VS_LAG_NOBODY && l->distribute[v])
			continue;
		to = (uint8_t)pick(l, slots);
		if (to != VS_LAG_NOBODY)
			slots[to]++;
		l->stats.remaps += v != VS_LAG_NOBODY;
		l->target[s] = to;
		if (is_held(slot_get(l, s)))
			continue;
		if (v != VS_LAG_NOBODY && to != VS_LAG_NOBODY) {
			slot_set(l, s, (uint8_t)(v | SLOT_HELD));
			held = true;
		} else {
			slot_set(l, s, to);
		}
	}
	return held;
}

/*
 * What the members bring has one rate: those that count are a rate group. One that finds no memory
 * for it has no rate.
 */
static void limit(struct vs_lag *l, struct vs_port *member)
{
	bool counts = !(atomic_load(&member->special) & PORT_STANDBY);
	const struct vs_port_shaping s = {.group = counts ? l->in : NULL};

	(void)vs_port_shape(member, &s);
}

bool vs_lag_use(struct vs_lag *l, unsigned i, bool collect, bool distribute)
{
	struct vs_port *p = atomic_load(&l->member[i]);
	bool lost = l->distribute[i] && !distribute, held = false;

	if (!p)
		return false;
	if (collect)
		atomic_fetch_and(&p->special, ~PORT_STANDBY);
	else
		atomic_fetch_or(&p->special, PORT_STANDBY);
	if (l->distribute[i] != distribute) {
		l->distribute[i] = distribute;
		if (lost || vs_lag_distributing(l) == 1)
			held = remap(l);
		for (unsigned m = 0; !vs_lag_distributing(l) && m < VS_LAG_MEMBERS; m++)
			release(l, m);
	}
	if (l->in)
		limit(l, p);
	return held;
}

bool vs_lag_distributes(const struct vs_lag *l, unsigned i)
{
	return l->distribute[i];
}

unsigned vs_lag_distributing(const struct vs_lag *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VS_LAG_MEMBERS; i++)
		n += l->distribute[i];
	return n;
}

int lag_rate_in(struct vs_lag *l, const struct vs_rate *in)
{
	struct vs_rate_group *old = l->in;

	if (!old && !in->bps)
		return 0;
	if (in->bps && !old)
		l->in = vs_rate_group_create();
	if (!l->in)
		return -ENOMEM;
	vs_rate_group_set(l->in, in, &(struct vs_rate){0});
	if (!in->bps)
		l->in = NULL;
	for (unsigned i = 0; old != l->in && i < VS_LAG_MEMBERS; i++) {
		struct vs_port *member = atomic_load(&l->member[i]);

		if (member)
			limit(l, member);
	}
	if (!l->in)
		vs_rate_group_destroy(old);
	return 0;
}

void vs_lag_join(struct vs_lag *l, unsigned i, struct vs_port *member)
{
	atomic_fetch_or(&member->special, PORT_STANDBY);
	atomic_store_explicit(&member->up, l->uplink, memory_order_release);
	atomic_store_explicit(&l->member[i], member, memory_order_release);
}

void lag_begin(struct vs_lag *l, unsigned i, struct vs_port *member)
{
	l->distribute[i] = true;
	atomic_store_explicit(&l->member[i], member, memory_order_release);
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++)
		slot_set(l, s, (uint8_t)i);
}

void lag_end(struct vs_lag *l, unsigned i)
{
	(void)vs_lag_use(l, i, true, true);
	for (unsigned m = 0; m < VS_LAG_MEMBERS; m++)
		release(l, m);
}

struct vs_port *vs_lag_uplink(const struct vs_lag *l)
{
	return l->uplink;
}

void vs_lag_leave(struct vs_lag *l, unsigned i)
{
	struct vs_port *p = atomic_load(&l->member[i]);

	if (!p)
		return;
	(void)vs_lag_use(l, i, false, false);
	atomic_store(&l->member[i], NULL);
	atomic_store(&p->up, NULL);
	synchronize_rcu();
	release(l, i);
}

/* ---- plans ------------------------------------------------------------------------------ */

static void sum_load(const struct vs_lag *l, unsigned s, uint64_t *frames, uint64_t *bytes)
{
	*frames = *bytes = 0;
	for (unsigned w = 0; w < VS_THREADS; w++) {
		*frames += atomic_load_explicit(&l->load[w].frames[s], memory_order_relaxed);
		*bytes += atomic_load_explicit(&l->load[w].bytes[s], memory_order_relaxed);
	}
}

/* Close the interval. */
static void take_load(struct vs_lag *l)
{
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		uint64_t frames, bytes;

		sum_load(l, s, &frames, &bytes);
		l->last_frames[s] = frames - l->base_frames[s];
		l->last_bytes[s] = bytes - l->base_bytes[s];
		l->base_frames[s] = frames;
		l->base_bytes[s] = bytes;
	}
}

/* Equal numbers: every slot above the share goes to whoever has the fewest. */
static void plan_count(const struct vs_lag *l, uint8_t *target)
{
	uint64_t slots[VS_LAG_MEMBERS] = {0};
	unsigned n = vs_lag_distributing(l), share = (VS_LAG_SLOTS + n - 1) / n;

	for (unsigned s = 0; s < VS_LAG_SLOTS; s++)
		slots[target[s]]++;
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		unsigned from = target[s], to = pick(l, slots);

		if (slots[from] > share) {
			slots[from]--;
			slots[to]++;
			target[s] = (uint8_t)to;
		}
	}
}

/* The slot of a member whose move comes nearest to halving the difference. */
static unsigned best_slot(const struct vs_lag *l, const uint8_t *target, unsigned from,
			  uint64_t diff)
{
	unsigned best = VS_LAG_SLOTS;
	uint64_t best_off = UINT64_MAX;

	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		uint64_t w = l->last_bytes[s];
		uint64_t off = w > diff / 2 ? w - diff / 2 : diff / 2 - w;

		/* It must not merely change places. */
		if (target[s] != from || !w || w >= diff || off >= best_off)
			continue;
		best = s;
		best_off = off;
	}
	return best;
}

static void plan_load(const struct vs_lag *l, uint8_t *target)
{
	uint64_t load[VS_LAG_MEMBERS] = {0}, total = 0;

	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		load[target[s]] += l->last_bytes[s];
		total += l->last_bytes[s];
	}
	for (unsigned k = 0; k < MOVES_MAX; k++) {
		unsigned to = pick(l, load), from = to, s;

		for (unsigned i = 0; i < VS_LAG_MEMBERS; i++)
			if (l->distribute[i] && load[i] > load[from])
				from = i;
		if ((load[from] - load[to]) * 100 <= total * EVEN_PERCENT)
			return;
		s = best_slot(l, target, from, load[from] - load[to]);
		if (s == VS_LAG_SLOTS)
			return;
		load[from] -= l->last_bytes[s];
		load[to] += l->last_bytes[s];
		target[s] = (uint8_t)to;
	}
}

unsigned vs_lag_plan(struct vs_lag *l, bool by_load)
{
	uint8_t target[VS_LAG_SLOTS];

	if (by_load)
		take_load(l);
	if (vs_lag_distributing(l) < 2)
		return 0;
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++)
		target[s] = owner(l, s);
	if (by_load)
		plan_load(l, target);
	else
		plan_count(l, target);
	return hold_slots(l, target);
}

void vs_lag_slots(const struct vs_lag *l, struct vs_lag_slot out[VS_LAG_SLOTS])
{
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		struct vs_lag_slot *o = &out[s];

		sum_load(l, s, &o->frames, &o->bytes);
		o->frames -= l->base_frames[s];
		o->bytes -= l->base_bytes[s];
		o->last_frames = l->last_frames[s];
		o->last_bytes = l->last_bytes[s];
		o->member = owner(l, s);
	}
}

void vs_lag_stats(const struct vs_lag *l, struct vs_lag_stats *out)
{
	*out = l->stats;
	out->held = atomic_load_explicit(&l->n_held, memory_order_relaxed);
	out->held_dropped = atomic_load_explicit(&l->n_held_dropped, memory_order_relaxed);
}
