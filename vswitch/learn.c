/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learned addresses: where nobody registers, on the uplink and on the ports of guests without a
 * driver that does. A learned entry is keyed by address and VLAN, never displaces a
 * registered one, ages out after FDB_AGE_S seconds, and is capped, so that a flood of new
 * addresses costs the flooder only: where all ports together have too many, a port that learns one
 * more takes the place from a port that has more than it. A guest cannot take away what another
 * port uses: it has to wait until the entry is old, or its port is stopped.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#define VICTIM_LINES 32u

static uint32_t now_of(struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->now_s, memory_order_relaxed);
}

static bool is_guest(const struct vs_port *p)
{
	return p->cfg.role == VS_ROLE_GUEST;
}

/* An entry of a port comes (1) or goes (-1). */
static void count_learned(struct vs_switch *sw, uint64_t value, int change)
{
	struct vs_port *p =
		atomic_load_explicit(&sw->port[fdb_value_port(value)], memory_order_relaxed);

	if (p)
		atomic_fetch_add_explicit(&p->n_learned, (unsigned)change, memory_order_relaxed);
}

void learn_displaced(struct vs_switch *sw, uint64_t value)
{
	count_learned(sw, value, -1);
	atomic_fetch_sub_explicit(&sw->n_learned, 1, memory_order_relaxed);
}

/* The address is known already. Return: may the port use it? */
static bool learn_again(struct vs_switch *sw, struct vs_port *p, struct fdb *t, uint64_t key,
			uint64_t old)
{
	if (!(old & FDB_LEARNED))
		return true;
	if (is_guest(p) && fdb_value_port(old) != p->index)
		return false;
	/* Outside, a guest's own frame comes back: the guest has not moved there. */
	if (fdb_value_port(old) != p->index &&
	    atomic_load_explicit(&sw->vepa, memory_order_relaxed))
		return true;
	fdb_put(t, key, fdb_value(p->index, true, now_of(sw)));
	if (fdb_value_port(old) != p->index) {
		count_learned(sw, old, -1);
		count_learned(sw, fdb_value(p->index, true, 0), 1);
	}
	return true;
}

static unsigned learned_by(const struct vs_port *p)
{
	return atomic_load_explicit(&p->n_learned, memory_order_relaxed);
}

/*
 * One of the ports that have more learned entries than p gives one up: of a few lines, begun where
 * the last search ended, the entry of the port that has most.
 * Return: false if there is none.
 */
static bool make_room(struct vs_switch *sw, const struct vs_port *p, struct fdb *t)
{
	size_t lines = (size_t)1 << t->bits;
	struct fdb_entry *victim = NULL;
	unsigned most = learned_by(p) + 1;

	for (unsigned n = 0; n < VICTIM_LINES; n++) {
		struct fdb_line *l = &t->line[sw->victim_hand++ & (lines - 1)];

		for (unsigned i = 0; i < FDB_WAYS; i++) {
			uint64_t v = atomic_load_explicit(&l->e[i].value, memory_order_relaxed);
			const struct vs_port *of;

			if (!atomic_load_explicit(&l->e[i].key, memory_order_relaxed) ||
			    !(v & FDB_LEARNED))
				continue;
			of = atomic_load_explicit(&sw->port[fdb_value_port(v)],
						  memory_order_relaxed);
			if (!of || learned_by(of) <= most)
				continue;
			most = learned_by(of);
			victim = &l->e[i];
		}
	}
	if (!victim)
		return false;
	learn_displaced(sw, atomic_load_explicit(&victim->value, memory_order_relaxed));
	fdb_del(t, atomic_load_explicit(&victim->key, memory_order_relaxed));
	return true;
}

static void learn_new(struct vs_switch *sw, struct vs_port *p, struct fdb *t, uint64_t key)
{
	if (is_guest(p) && learned_by(p) >= FDB_LEARNED_GUEST_MAX)
		return;
	if (atomic_load_explicit(&sw->n_learned, memory_order_relaxed) >= FDB_LEARNED_MAX &&
	    !make_room(sw, p, t))
		return;
	if (fdb_put(t, key, fdb_value(p->index, true, now_of(sw)))) {
		atomic_store_explicit(&sw->want_grow, true, memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&p->n_learned, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&sw->n_learned, 1, memory_order_relaxed);
}

/*
 * A worker, with a full key (VLAN included). Nothing is allocated here: a full table is grown
 * by the control thread's next tick.
 * Return: may the port use the address?
 */
bool learn(struct vs_switch *sw, struct vs_port *p, uint64_t key)
{
	struct fdb *t;
	uint64_t old;
	bool may = true;

	pthread_spin_lock(&sw->lock);
	t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	old = fdb_find(t, key, fdb_hash(t, key));
	if (old != FDB_PORT_NONE)
		may = learn_again(sw, p, t, key, old);
	else
		learn_new(sw, p, t, key);
	pthread_spin_unlock(&sw->lock);
	return may;
}

/* Control thread, as whoever grows the table: it is the same one all the time. */
typedef bool forget_fn(const void *ctx, uint64_t value);

static void forget(struct vs_switch *sw, forget_fn *match, const void *ctx)
{
	struct fdb *t;

	pthread_spin_lock(&sw->lock);
	t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	for (size_t l = 0; l < (size_t)1 << t->bits; l++) {
		for (unsigned i = 0; i < FDB_WAYS; i++) {
			struct fdb_entry *e = &t->line[l].e[i];
			uint64_t v = atomic_load_explicit(&e->value, memory_order_relaxed);

			if (!atomic_load_explicit(&e->key, memory_order_relaxed) ||
			    !(v & FDB_LEARNED) || !match(ctx, v))
				continue;
			atomic_store_explicit(&e->key, 0, memory_order_release);
			t->used--;
			learn_displaced(sw, v);
		}
		if (l % FDB_STEP == FDB_STEP - 1) {
			pthread_spin_unlock(&sw->lock);
			pthread_spin_lock(&sw->lock);
		}
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

/* What was learned before there was a clock counts as learned now. */
void learn_restamp(struct vs_switch *sw, uint32_t now_s)
{
	struct fdb *t;

	pthread_spin_lock(&sw->lock);
	t = atomic_load_explicit(&sw->fdb, memory_order_relaxed);
	for (size_t l = 0; l < (size_t)1 << t->bits; l++)
		for (unsigned i = 0; i < FDB_WAYS; i++) {
			uint64_t key =
				atomic_load_explicit(&t->line[l].e[i].key, memory_order_relaxed);
			uint64_t v =
				atomic_load_explicit(&t->line[l].e[i].value, memory_order_relaxed);

			if (key && v & FDB_LEARNED)
				fdb_put(t, key, fdb_value(fdb_value_port(v), true, now_s));
		}
	pthread_spin_unlock(&sw->lock);
}

void learn_age(struct vs_switch *sw, uint32_t now_s)
{
	if (atomic_load_explicit(&sw->n_learned, memory_order_relaxed))
		forget(sw, is_old, &now_s);
	if (!atomic_load_explicit(&sw->want_grow, memory_order_relaxed))
		return;
	fdb_grow(&sw->fdb, &sw->lock);
	/* Also those that found the old one full meanwhile are served. */
	atomic_store_explicit(&sw->want_grow, false, memory_order_relaxed);
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
