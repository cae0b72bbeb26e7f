/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of entries by a seeded hash. An entry is complete before it is linked and is changed by
 * nobody while it is; one that is taken out still leads to the rest of its chain until no worker
 * can be on it.
 */
#include "vswitch/iptable.h"

#include <errno.h>
#include <stdlib.h>

#include "vswitch/vs_priv.h"

#define RETIRED_MAX 64u

struct ip_table *ip_table_create(uint64_t seed)
{
	struct ip_table *t = calloc(1, sizeof(*t));

	if (t)
		t->seed = seed;
	return t;
}

void ip_table_destroy(struct ip_table *t)
{
	if (!t)
		return;
	ip_table_reap(t);
	for (unsigned i = 0; i < 1u << IP_BUCKET_BITS; i++) {
		struct ip_entry *e = atomic_load(&t->bucket[i]), *next;

		for (; e; e = next) {
			next = atomic_load(&e->next);
			free(e);
		}
	}
	free(t);
}

static unsigned bucket_of(const struct ip_table *t, const uint8_t addr[IP_BYTES])
{
	uint64_t h = (le64_load(addr) ^ t->seed) * UINT64_C(0x9E3779B97F4A7C15);

	h = (h ^ h >> 32 ^ le64_load(addr + 8)) * UINT64_C(0xC2B2AE3D27D4EB4F);
	h = (h ^ h >> 29) * UINT64_C(0x9E3779B97F4A7C15);
	return (unsigned)(h >> (64 - IP_BUCKET_BITS));
}

static struct ip_entry *first_of(const struct ip_table *t, const uint8_t addr[IP_BYTES])
{
	return atomic_load_explicit(&t->bucket[bucket_of(t, addr)], memory_order_acquire);
}

static struct ip_entry *next_of(const struct ip_entry *e)
{
	return atomic_load_explicit(&e->next, memory_order_acquire);
}

uint16_t ip_table_find(const struct ip_table *t, const uint8_t addr[IP_BYTES],
		       const struct bitmap *among)
{
	for (const struct ip_entry *e = first_of(t, addr); e; e = next_of(e))
		if (memcmp(e->addr, addr, IP_BYTES) == 0 && bitmap_has(among, e->port))
			return e->port;
	return IP_PORT_NONE;
}

struct ip_entry *ip_table_next(const struct ip_table *t, const uint8_t addr[IP_BYTES],
			       const struct ip_entry *after)
{
	struct ip_entry *e = after ? next_of(after) : first_of(t, addr);

	while (e && memcmp(e->addr, addr, IP_BYTES) != 0)
		e = next_of(e);
	return e;
}

struct ip_entry *ip_table_of(const struct ip_table *t, const uint8_t addr[IP_BYTES], uint16_t port)
{
	struct ip_entry *e = ip_table_next(t, addr, NULL);

	while (e && e->port != port)
		e = ip_table_next(t, addr, e);
	return e;
}

/* Behind the others: who came first is found first. */
int ip_table_add(struct ip_table *t, const uint8_t addr[IP_BYTES], uint16_t port, unsigned flags)
{
	_Atomic(struct ip_entry *) *at = &t->bucket[bucket_of(t, addr)];
	struct ip_entry *e = t->n < IP_ENTRIES_MAX ? calloc(1, sizeof(*e)) : NULL, *there;

	if (!e)
		return -ENOSPC;
	memcpy(e->addr, addr, IP_BYTES);
	e->port = port;
	e->flags = flags;
	while ((there = atomic_load_explicit(at, memory_order_relaxed)))
		at = &there->next;
	atomic_store_explicit(at, e, memory_order_release);
	t->n++;
	return 0;
}

void ip_table_del(struct ip_table *t, struct ip_entry *e)
{
	_Atomic(struct ip_entry *) *at = &t->bucket[bucket_of(t, e->addr)];
	struct ip_entry *there;

	while ((there = atomic_load_explicit(at, memory_order_relaxed)) != e)
		at = &there->next;
	atomic_store_explicit(at, next_of(e), memory_order_release);
	t->n--;
	e->retired = t->retired;
	t->retired = e;
	if (++t->n_retired >= RETIRED_MAX)
		ip_table_reap(t);
}

void ip_table_reap(struct ip_table *t)
{
	if (!t->retired)
		return;
	synchronize_rcu();
	while (t->retired) {
		struct ip_entry *e = t->retired;

		t->retired = e->retired;
		free(e);
	}
	t->n_retired = 0;
}
