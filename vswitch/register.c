/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests register: unicast addresses, unique on a switch, and multicast
 * groups. Control thread; the forwarding database is shared with learning workers
 * and changed under the switch's lock.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

static struct fdb *fdb_of(struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->fdb, memory_order_relaxed);
}

/*
 * Fill a bigger table, a few lines at a time, so that a learning worker never waits long; what it
 * changes meanwhile it changes in both. Return: false: it was too small. @where: now the bigger
 * one.
 */
static bool grow_into(_Atomic(struct fdb *) *where, pthread_spinlock_t *lock, struct fdb *bigger)
{
	struct fdb *old = atomic_load_explicit(where, memory_order_relaxed);
	size_t lines = (size_t)1 << old->bits;
	bool done;

	pthread_spin_lock(lock);
	old->next = bigger;
	old->next_full = false;
	for (size_t l = 0; l < lines && !old->next_full; l++) {
		fdb_copy_line(old, l);
		if (l % FDB_STEP == FDB_STEP - 1) {
			pthread_spin_unlock(lock);
			pthread_spin_lock(lock);
		}
	}
	done = !old->next_full;
	if (done)
		atomic_store_explicit(where, bigger, memory_order_release);
	old->next = NULL;
	pthread_spin_unlock(lock);
	return done;
}

/* A bigger table in place of the present one, which is freed when no worker reads it. */
int fdb_grow(_Atomic(struct fdb *) *where, pthread_spinlock_t *lock)
{
	struct fdb *old = atomic_load_explicit(where, memory_order_relaxed);

	for (unsigned bits = old->bits + 1; bits <= FDB_BITS_MAX; bits++) {
		struct fdb *bigger = fdb_create(bits);

		if (!bigger)
			break;
		if (grow_into(where, lock, bigger)) {
			synchronize_rcu();
			free(old);
			return 0;
		}
		free(bigger);
	}
	return -ENOSPC;
}

/* @old: what the key had before, or FDB_PORT_NONE. */
static int fdb_insert(_Atomic(struct fdb *) *where, pthread_spinlock_t *lock, uint64_t key,
		      uint64_t value, uint64_t *old)
{
	int rc;

	do {
		struct fdb *t;

		pthread_spin_lock(lock);
		t = atomic_load_explicit(where, memory_order_relaxed);
		*old = fdb_find(t, key, fdb_hash(t, key));
		rc = fdb_put(t, key, value);
		pthread_spin_unlock(lock);
	} while (rc == -ENOSPC && !fdb_grow(where, lock));
	return rc;
}

static uint64_t fdb_lookup(struct fdb *t, uint64_t key)
{
	return fdb_find(t, key, fdb_hash(t, key));
}

/* ---- a port's own list, for QUERY and for the clean-up ------------------------- */

static int list_find(uint8_t (*list)[ETH_ALEN], unsigned n, const uint8_t *mac)
{
	for (unsigned i = 0; i < n; i++)
		if (!memcmp(list[i], mac, ETH_ALEN))
			return (int)i;
	return -1;
}

static int list_add(uint8_t (**list)[ETH_ALEN], unsigned *n, unsigned *cap, unsigned max,
		    const uint8_t *mac)
{
	if (*n >= max)
		return -ENOSPC;
	if (*n == *cap) {
		unsigned cap2 = *cap ? 2 * *cap : 4;
		void *bigger = realloc(*list, (size_t)cap2 * ETH_ALEN);

		if (!bigger)
			return -ENOSPC;
		*list = bigger;
		*cap = cap2;
	}
	memcpy((*list)[(*n)++], mac, ETH_ALEN);
	return 0;
}

static void list_del(uint8_t (*list)[ETH_ALEN], unsigned *n, int i)
{
	memmove(list[i], list[--*n], ETH_ALEN);
}

static unsigned list_copy(uint8_t (*list)[ETH_ALEN], unsigned n, uint8_t (*out)[6], unsigned max)
{
	n = n < max ? n : max;
	if (n)
		memcpy(out, list, (size_t)n * ETH_ALEN);
	return n;
}

unsigned vs_port_macs(const struct vs_port *p, uint8_t (*mac)[6], unsigned max)
{
	return list_copy(p->macs, p->n_macs, mac, max);
}

unsigned vs_port_groups(const struct vs_port *p, uint8_t (*mac)[6], unsigned max)
{
	return list_copy(p->groups, p->n_groups, mac, max);
}

/* ---- unicast --------------------------------------------------------------------- */

static bool is_zero(const uint8_t *mac)
{
	static const uint8_t zero[ETH_ALEN];

	return !memcmp(mac, zero, ETH_ALEN);
}

static bool mac_protected(const struct vs_port *p, uint64_t key)
{
	const struct rules *r = atomic_load_explicit(&p->rules, memory_order_relaxed);

	return r->protect && key != r->own_key;
}

static int mac_add(struct vs_port *p, const uint8_t *mac, uint64_t key)
{
	struct vs_switch *sw = p->sw;
	uint64_t v = fdb_lookup(fdb_of(sw), key);
	int rc;

	if (v != FDB_PORT_NONE && !(v & FDB_LEARNED))
		return fdb_value_port(v) == p->index ? 0 : -EEXIST;
	if (mac_protected(p, key))
		return -EPERM;
	rc = list_add(&p->macs, &p->n_macs, &p->cap_macs, PORT_MACS_MAX, mac);
	if (rc)
		return rc;
	rc = fdb_insert(&sw->fdb, &sw->lock, key, fdb_value(p->index, false, 0), &v);
	if (rc)
		p->n_macs--;
	else if (v != FDB_PORT_NONE) /* it was a learned entry */
		learn_displaced(sw, v);
	if (sw->ip)
		ipmode_mac(p);
	atomic_fetch_add_explicit(&sw->generation, 1, memory_order_release);
	return rc;
}

static void mac_forget(struct vs_port *p, uint64_t key)
{
	pthread_spin_lock(&p->sw->lock);
	fdb_del(fdb_of(p->sw), key);
	pthread_spin_unlock(&p->sw->lock);
	atomic_fetch_add_explicit(&p->sw->generation, 1, memory_order_release);
}

int register_mac(struct vs_port *p, const uint8_t mac[6], bool add)
{
	uint64_t key = fdb_key(mac, 0);
	int i;

	if (is_zero(mac))
		return -EINVAL;
	if (add)
		return mac_add(p, mac, key);
	i = list_find(p->macs, p->n_macs, mac);
	if (i < 0)
		return -ENOENT;
	list_del(p->macs, &p->n_macs, i);
	mac_forget(p, key);
	if (p->sw->ip)
		ipmode_mac(p);
	return 0;
}

void register_protect(struct vs_port *p)
{
	for (unsigned i = p->n_macs; i-- > 0;) {
		uint64_t key = fdb_key(p->macs[i], 0);

		if (!mac_protected(p, key))
			continue;
		list_del(p->macs, &p->n_macs, (int)i);
		mac_forget(p, key);
	}
}

/* ---- groups ------------------------------------------------------------------------ */

static struct group *group_at(struct vs_switch *sw, unsigned id)
{
	return atomic_load_explicit(&sw->group[id], memory_order_acquire);
}

struct bitmap *group_ports(struct vs_switch *sw, uint64_t key)
{
	uint64_t v = fdb_lookup(atomic_load_explicit(&sw->group_ids, memory_order_acquire), key);
	struct group *g = v == FDB_PORT_NONE ? NULL : group_at(sw, fdb_value_port(v));

	return g ? &g->ports : NULL;
}

/*
 * Groups come out of what is common to all ports, and when that is used up, out of the port's own
 * share, which nobody else can use up. A group of a share stays one until its last member leaves.
 */
static struct group *group_charge(struct vs_port *p)
{
	struct vs_switch *sw = p->sw;
	bool common = sw->groups_common < GROUPS_COMMON;
	struct group *g = NULL;

	if (common || sw->groups_of[p->index] < GROUPS_SHARE)
		g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->share_of = common ? GROUP_COMMON : p->index;
	if (common)
		sw->groups_common++;
	else
		sw->groups_of[p->index]++;
	return g;
}

static void group_free(struct vs_switch *sw, struct group *g)
{
	if (g->share_of == GROUP_COMMON)
		sw->groups_common--;
	else
		sw->groups_of[g->share_of]--;
	free(g);
}

static struct group *group_make(struct vs_port *p, const uint8_t *mac, uint64_t key)
{
	struct vs_switch *sw = p->sw;
	struct group *g = group_charge(p);
	unsigned id = 0;
	uint64_t old;

	if (!g)
		return NULL;
	/* There is one: GROUPS_MAX is all that can be charged. */
	while (group_at(sw, id))
		id++;
	g->id = (uint16_t)id;
	memcpy(g->mac, mac, ETH_ALEN);
	atomic_store_explicit(&sw->group[id], g, memory_order_release);
	if (fdb_insert(&sw->group_ids, &sw->lock, key, fdb_value(g->id, false, 0), &old)) {
		atomic_store_explicit(&sw->group[id], NULL, memory_order_release);
		group_free(sw, g); /* its id was never published */
		return NULL;
	}
	return g;
}

static struct group *group_find(struct vs_switch *sw, uint64_t key)
{
	uint64_t v = fdb_lookup(atomic_load_explicit(&sw->group_ids, memory_order_relaxed), key);

	return v == FDB_PORT_NONE ? NULL : group_at(sw, fdb_value_port(v));
}

static void group_leave(struct vs_port *p, uint64_t key)
{
	struct vs_switch *sw = p->sw;
	struct group *g = group_find(sw, key);

	if (!g)
		return;
	bitmap_clear(&g->ports, p->index);
	if (--g->n)
		return;
	pthread_spin_lock(&sw->lock);
	fdb_del(atomic_load_explicit(&sw->group_ids, memory_order_relaxed), key);
	pthread_spin_unlock(&sw->lock);
	synchronize_rcu(); /* nobody looks the id up any more: it may be reused */
	atomic_store_explicit(&sw->group[g->id], NULL, memory_order_release);
	group_free(sw, g);
}

int register_group(struct vs_port *p, const uint8_t mac[6], bool add)
{
	uint64_t key = fdb_key(mac, 0);
	int i = list_find(p->groups, p->n_groups, mac);
	struct group *g;
	int rc;

	if (!add) {
		if (i < 0)
			return -ENOENT;
		list_del(p->groups, &p->n_groups, i);
		group_leave(p, key);
		return 0;
	}
	if (i >= 0)
		return 0;
	rc = list_add(&p->groups, &p->n_groups, &p->cap_groups, PORT_GROUPS_MAX, mac);
	if (rc)
		return rc;
	g = group_find(p->sw, key);
	if (!g)
		g = group_make(p, mac, key);
	if (!g) {
		p->n_groups--;
		return -ENOSPC;
	}
	bitmap_set(&g->ports, p->index);
	g->n++;
	return 0;
}

void register_clear(struct vs_port *p)
{
	while (p->n_macs) {
		uint64_t key = fdb_key(p->macs[--p->n_macs], 0);

		mac_forget(p, key);
	}
	while (p->n_groups) {
		uint64_t key = fdb_key(p->groups[--p->n_groups], 0);

		group_leave(p, key);
	}
}
