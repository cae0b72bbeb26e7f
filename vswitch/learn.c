/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learned addresses: where guests do not register, on the uplink. A learned entry
 * is keyed by address and VLAN, never displaces a registered one, ages out after
 * FDB_AGE_S seconds, and is capped, so that a flood of new addresses costs the flooder
 * only.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t now_of(struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->now_s, memory_order_relaxed);
}

/* A worker, with a full key (VLAN included). Nothing is allocated here: a full table is grown
 * by the control thread's next tick. */
void learn(struct vs_switch *sw, struct vs_port *p, uint64_t key)
{
	uint64_t value = fdb_value(p->index, true, now_of(sw));
	struct fdb *t;
	uint64_t old;

	pthread_spin_lock(&sw->lock);
	t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	old = fdb_find(t, key, fdb_hash(key));
	if (old != FDB_PORT_NONE) {
		if (old & FDB_LEARNED)
			fdb_put(t, key, value);
	} else if (atomic_load_explicit(&sw->n_learned, memory_order_relaxed) < FDB_LEARNED_MAX) {
		if (fdb_put(t, key, value))
			atomic_store_explicit(&sw->want_grow, true, memory_order_relaxed);
		else
			atomic_fetch_add_explicit(&sw->n_learned, 1, memory_order_relaxed);
	}
	pthread_spin_unlock(&sw->lock);
}

typedef bool forget_fn(const void *ctx, uint64_t value);

static void forget(struct vs_switch *sw, forget_fn *match, const void *ctx)
{
	struct fdb *t;

	pthread_spin_lock(&sw->lock);
	t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	for (size_t l = 0; l < (size_t)1 << t->bits; l++)
		for (unsigned i = 0; i < FDB_WAYS; i++) {
			struct fdb_entry *e = &t->line[l].e[i];
			uint64_t v = atomic_load_explicit(&e->value, memory_order_relaxed);

			if (!atomic_load_explicit(&e->key, memory_order_relaxed) ||
			    !(v & FDB_LEARNED) || !match(ctx, v))
				continue;
			atomic_store_explicit(&e->key, 0, memory_order_release);
			t->used--;
			atomic_fetch_sub_explicit(&sw->n_learned, 1, memory_order_relaxed);
		}
	pthread_spin_unlock(&sw->lock);
}

static bool is_old(const void *ctx, uint64_t value)
{
	return *(const uint32_t *)ctx - fdb_value_seen(value) > FDB_AGE_S;
}

static bool is_of_port(const void *ctx, uint64_t value)
{
	return fdb_value_port(value) == ((const struct vs_port *)ctx)->index;
}

void learn_forget(struct vs_port *p)
{
	if (p->learning)
		forget(p->sw, is_of_port, p);
}

void learn_age(struct vs_switch *sw, uint32_t now_s)
{
	if (atomic_load_explicit(&sw->n_learned, memory_order_relaxed))
		forget(sw, is_old, &now_s);
	if (atomic_exchange_explicit(&sw->want_grow, false, memory_order_relaxed))
		fdb_grow(&sw->fdb, &sw->lock);
}

size_t vs_fdb_list(struct vs_switch *sw, struct vs_fdb_entry *out, size_t max)
{
	struct fdb *t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	size_t n = 0;

	for (size_t l = 0; l < (size_t)1 << t->bits; l++)
		for (unsigned i = 0; i < FDB_WAYS && n < max; i++) {
			uint64_t key =
				atomic_load_explicit(&t->line[l].e[i].key, memory_order_acquire);
			uint64_t v =
				atomic_load_explicit(&t->line[l].e[i].value, memory_order_relaxed);
			struct vs_port *p = key ? atomic_load(&sw->port[fdb_value_port(v)]) : NULL;

			if (!p)
				continue;
			out[n] = (struct vs_fdb_entry){
				.vid = (uint16_t)(key >> 48 & 0x0FFF),
				.learned = v & FDB_LEARNED,
				.age_s = v & FDB_LEARNED ? now_of(sw) - fdb_value_seen(v) : 0,
				.port = p,
			};
			fdb_key_mac(key, out[n++].mac);
		}
	return n;
}
