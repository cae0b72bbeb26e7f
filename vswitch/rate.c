/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, and the groups and VLANs that share one. shape.c tells what they are for.
 *
 * A group is fair by counting what each member was served. Among the members that have frames,
 * nobody gets further ahead of the last than a quantum; a member that comes back from idleness
 * starts where the last one is, so that it neither owes nor is owed anything.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#define TICKS 64u		       /* of a bucket's clock in a nanosecond */
#define TICKS_BITS (8.0 * 1e9 * TICKS) /* ticks that a byte takes at 1 bit/s */
#define NEXT_LOOK_NS 50000u	       /* until another member's turn is over */
#define SLACK_NS 100000u	       /* slept longer, to find tokens for several frames */
#define BURST_MIN 16384u
#define BURST_NS 5e6
#define QUANTUM_MIN 1600u
#define QUANTUM_MAX 65536u
#define SPEND_MAX (UINT64_C(1) << 24)

uint32_t vs_rate_burst(uint64_t bps)
{
	double bytes = (double)bps / 8 * BURST_NS / 1e9;

	if (bytes < BURST_MIN)
		return BURST_MIN;
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static uint64_t ticks_of(uint64_t bps, uint64_t bytes)
{
	return (uint64_t)((double)bytes * TICKS_BITS / (double)bps + 0.5);
}

void bucket_set(struct bucket *t, const struct vs_rate *rate, uint64_t now)
{
	uint32_t burst = rate->burst ? rate->burst : vs_rate_burst(rate->bps);
	uint64_t depth = rate->bps ? ticks_of(rate->bps, burst) : 0;

	if (!atomic_load(&t->bps)) /* a new one is full */
		atomic_store(&t->paid, now * TICKS - depth);
	atomic_store(&t->depth, depth);
	atomic_store(&t->bps, rate->bps);
}

static int64_t credit(const struct bucket *t, uint64_t now)
{
	int64_t c = (int64_t)(now * TICKS - atomic_load_explicit(&t->paid, memory_order_relaxed));
	int64_t depth = (int64_t)atomic_load_explicit(&t->depth, memory_order_relaxed);

	return c < depth ? c : depth;
}

static void sooner(uint64_t *due, uint64_t at)
{
	if (at < *due)
		*due = at;
}

uint64_t bucket_bytes(const struct bucket *t, uint64_t now, uint64_t *due)
{
	uint64_t bps = atomic_load_explicit(&t->bps, memory_order_relaxed), slack;
	int64_t c;

	if (!bps)
		return UINT32_MAX;
	c = credit(t, now);
	if (c > 0)
		return 1 + (uint64_t)((double)c * (double)bps / TICKS_BITS);
	slack = atomic_load_explicit(&t->depth, memory_order_relaxed) / TICKS / 4;
	sooner(due, now + (uint64_t)-c / TICKS + 1 + (slack < SLACK_NS ? slack : SLACK_NS));
	return 0;
}

void bucket_spend(struct bucket *t, uint64_t now, uint64_t bytes)
{
	uint64_t bps = atomic_load_explicit(&t->bps, memory_order_relaxed);
	uint64_t paid = atomic_load_explicit(&t->paid, memory_order_relaxed), to, cost;

	if (!bps || !bytes)
		return;
	cost = ticks_of(bps, bytes < SPEND_MAX ? bytes : SPEND_MAX);
	/* Relaxed: the word is all there is, nothing is published by it. */
	do {
		uint64_t depth = atomic_load_explicit(&t->depth, memory_order_relaxed);

		to = now * TICKS - depth;
		if ((int64_t)(paid - to) > 0)
			to = paid;
		to += cost;
	} while (!atomic_compare_exchange_weak_explicit(&t->paid, &paid, to, memory_order_relaxed,
							memory_order_relaxed));
}

/* ---- groups ----------------------------------------------------------------------- */

struct vs_rate_group {
	pthread_spinlock_t lock;
	struct bucket bucket[2]; /* [1]: out */
	unsigned n, cap;
	struct lane **member; /* of both directions */
};

struct vs_rate_group *vs_rate_group_create(void)
{
	struct vs_rate_group *g = calloc(1, sizeof(*g));

	if (g)
		pthread_spin_init(&g->lock, PTHREAD_PROCESS_PRIVATE);
	return g;
}

void vs_rate_group_set(struct vs_rate_group *g, const struct vs_rate *in, const struct vs_rate *out)
{
	/* The clock's origin does not matter: a bucket is at most full. */
	bucket_set(&g->bucket[0], in, 0);
	bucket_set(&g->bucket[1], out, 0);
}

void vs_rate_group_destroy(struct vs_rate_group *g)
{
	if (!g)
		return;
	pthread_spin_destroy(&g->lock);
	free(g->member);
	free(g);
}

int lane_enter(struct vs_rate_group *g, struct lane *l)
{
	if (g->n == g->cap) {
		unsigned cap = g->cap ? 2 * g->cap : 8;
		struct lane **bigger = calloc(cap, sizeof(*bigger)), **old = g->member;

		if (!bigger)
			return -ENOMEM;
		pthread_spin_lock(&g->lock);
		if (g->n)
			memcpy(bigger, old, g->n * sizeof(*bigger));
		g->member = bigger;
		g->cap = cap;
		pthread_spin_unlock(&g->lock);
		free(old);
	}
	l->active = false;
	pthread_spin_lock(&g->lock);
	g->member[g->n++] = l;
	pthread_spin_unlock(&g->lock);
	atomic_store_explicit(&l->group, g, memory_order_release);
	return 0;
}

void lane_leave(struct lane *l)
{
	struct vs_rate_group *g = atomic_load(&l->group);

	if (!g)
		return;
	atomic_store(&l->group, NULL);
	pthread_spin_lock(&g->lock);
	for (unsigned i = 0; i < g->n; i++)
		if (g->member[i] == l)
			g->member[i--] = g->member[--g->n];
	pthread_spin_unlock(&g->lock);
	synchronize_rcu(); /* a worker may have seen the group */
}

/* What the member behind all others was served. */
static uint64_t least_served(const struct vs_rate_group *g, const struct lane *l)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < g->n; i++) {
		const struct lane *m = g->member[i];

		if (m != l && m->active && m->out == l->out && m->served < least)
			least = m->served;
	}
	return least;
}

static uint64_t quantum(uint64_t bps)
{
	uint64_t q = bps / 8000; /* 1 ms */

	return q < QUANTUM_MIN ? QUANTUM_MIN : q > QUANTUM_MAX ? QUANTUM_MAX : q;
}

static uint64_t group_bytes(struct vs_rate_group *g, struct lane *l, uint64_t now, uint64_t *due)
{
	struct bucket *t = &g->bucket[l->out];
	uint64_t bps = atomic_load_explicit(&t->bps, memory_order_relaxed);
	uint64_t bytes, least, ahead;

	if (!bps)
		return UINT32_MAX;
	bytes = bucket_bytes(t, now, due);
	/* Whoever asks in vain is waited for as well, else the first to ask would get it all. */
	pthread_spin_lock(&g->lock);
	least = least_served(g, l);
	if (!l->active && least != UINT64_MAX && l->served < least)
		l->served = least;
	l->active = true;
	ahead = least == UINT64_MAX || l->served <= least ? 0 : l->served - least;
	pthread_spin_unlock(&g->lock);
	if (least == UINT64_MAX || !bytes)
		return bytes;
	if (ahead >= quantum(bps)) {
		sooner(due, now + NEXT_LOOK_NS);
		return 0;
	}
	return bytes < quantum(bps) - ahead ? bytes : quantum(bps) - ahead;
}

static void group_spend(struct vs_rate_group *g, struct lane *l, uint64_t now, uint64_t bytes)
{
	bucket_spend(&g->bucket[l->out], now, bytes);
	pthread_spin_lock(&g->lock);
	l->served += bytes;
	l->active = bytes != 0;
	pthread_spin_unlock(&g->lock);
}

/* ---- lanes ------------------------------------------------------------------------- */

uint64_t lane_bytes(struct lane *l, uint64_t now, uint64_t *due)
{
	struct vs_rate_group *g = atomic_load_explicit(&l->group, memory_order_acquire);
	uint64_t own = bucket_bytes(&l->own, now, due), shared;

	if (!g)
		return own;
	if (!own) {
		group_spend(g, l, now, 0); /* its own rate keeps it: nobody waits for it */
		return 0;
	}
	shared = group_bytes(g, l, now, due);
	return own < shared ? own : shared;
}

void lane_spend(struct lane *l, uint64_t now, uint64_t bytes)
{
	struct vs_rate_group *g = atomic_load_explicit(&l->group, memory_order_acquire);

	bucket_spend(&l->own, now, bytes);
	if (g)
		group_spend(g, l, now, bytes);
}

/* ---- VLANs -------------------------------------------------------------------------- */

int vs_vlan_rate(struct vs_switch *sw, uint16_t vid, const struct vs_rate *in,
		 const struct vs_rate *out)
{
	struct vlan_rates *v = atomic_load(&sw->vlan_rates);
	bool any = in->bps || out->bps, had;

	if (!vid || vid > VS_VID_MAX)
		return -EINVAL;
	if (!v && !any)
		return 0;
	if (!v) {
		v = calloc(1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		atomic_store_explicit(&sw->vlan_rates, v, memory_order_release);
	}
	if (!atomic_load(&v->vlan[vid])) {
		struct vlan_rate *r = calloc(1, sizeof(*r));

		if (!r)
			return -ENOMEM;
		atomic_store_explicit(&v->vlan[vid], r, memory_order_release);
	}
	had = atomic_load(&v->vlan[vid]->in.bps) || atomic_load(&v->vlan[vid]->out.bps);
	bucket_set(&v->vlan[vid]->in, in, 0);
	bucket_set(&v->vlan[vid]->out, out, 0);
	if (any && !had)
		atomic_fetch_add(&sw->extras, 1);
	else if (!any && had)
		atomic_fetch_sub(&sw->extras, 1);
	return 0;
}

void vlan_rates_free(struct vs_switch *sw)
{
	struct vlan_rates *v = atomic_load(&sw->vlan_rates);

	for (unsigned i = 0; v && i <= VS_VID_MAX; i++)
		free(atomic_load(&v->vlan[i]));
	free(v);
}

static struct bucket *vlan_bucket(struct vs_switch *sw, uint16_t vid, bool out)
{
	struct vlan_rates *v = atomic_load_explicit(&sw->vlan_rates, memory_order_acquire);
	struct vlan_rate *r =
		v ? atomic_load_explicit(&v->vlan[vid & 4095], memory_order_acquire) : NULL;

	return r ? out ? &r->out : &r->in : NULL;
}

bool vlan_rate_passes(struct vs_switch *sw, uint16_t vid, bool out, uint32_t bytes, uint64_t now)
{
	struct bucket *t = vlan_bucket(sw, vid, out);
	uint64_t due = UINT64_MAX;

	if (!t || !bucket_bytes(t, now, &due))
		return !t;
	bucket_spend(t, now, bytes);
	return true;
}

bool vlan_rate_passes_all(struct vs_switch *sw, uint16_t vid, bool out, uint64_t bytes,
			  uint64_t now)
{
	struct bucket *t = vlan_bucket(sw, vid, out);
	uint64_t due = UINT64_MAX;

	if (!t || bucket_bytes(t, now, &due) < bytes)
		return !t;
	bucket_spend(t, now, bytes);
	return true;
}
