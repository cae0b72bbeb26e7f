/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning: who sends with a source address that nobody registered gets what is sent to it, until
 * it was not used for the timeout. Source: spec/osa-qeth.md 4.11.
 *
 * What is registered comes first: a SETVMAC ends what was learned, and a registered address is
 * learned only from an owner that allows it (takeover_learning). Then it is the learner's while
 * its entry lives, and the owner's again when that has aged. An address that another one has
 * learned moves under the same condition. Each learner has room of its own and replaces the one it
 * used longest ago: nobody can fill another's.
 *
 * Entries change while frames are delivered, so they have a lock of their own, the last one in the
 * order of lan.c. A sender that goes on with the same address takes it once a tick, as long as no
 * entry of the LAN has gone.
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 512u /* addresses of one learner */

static struct hs_learned_list *bucket_of(struct hs_lan *lan, const uint8_t mac[6])
{
	uint64_t h = 0;

	memcpy(&h, mac, 6);
	h = (h ^ lan->seed) * UINT64_C(0x9E3779B97F4A7C15);
	h = (h ^ (h >> 32)) * UINT64_C(0xC2B2AE3D27D4EB4F);
	return &lan->learned[(h >> 40) % HS_LEARNED_BUCKETS];
}

static struct hs_learned *find(struct hs_lan *lan, const uint8_t mac[6])
{
	struct hs_learned *e;

	LIST_FOREACH(e, bucket_of(lan, mac), bucket)
	if (memcmp(e->mac, mac, 6) == 0)
		return e;
	return NULL;
}

/* ---- entries; learn_lock is held --------------------------------------------------------------
 */

static void forget(struct hs_lan *lan, struct hs_learned *e)
{
	struct hs_learner *l = &e->owner->learner;

	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&l->used, e, by_use);
	TAILQ_INSERT_HEAD(&l->unused, e, by_use);
	atomic_fetch_sub_explicit(&l->n, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&lan->n_learned, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&lan->n_unlearned, 1, memory_order_relaxed);
	hs_note(lan, e->owner, HS_CHANGE_MAC | HS_CHANGE_REMOVAL, e->mac, HS_NO_VLAN);
}

/* The same; a registered address is its owner's again. */
static void give_back(struct hs_lan *lan, struct hs_learned *e)
{
	const struct hs_adapter *owner;
	uint8_t key[16];

	hs_mac_key(key, e->mac);
	forget(lan, e);
	owner = hs_lan_owner(lan, HS_KIND_MAC, 2, key);
	if (owner)
		hs_note(lan, owner, HS_CHANGE_MAC, key, HS_NO_VLAN);
}

static void enter(struct hs_lan *lan, struct hs_adapter *h, const uint8_t mac[6], uint64_t now_ms)
{
	struct hs_learner *l = &h->learner;
	struct hs_learned *e;

	if (TAILQ_EMPTY(&l->unused))
		give_back(lan, TAILQ_FIRST(&l->used));
	e = TAILQ_FIRST(&l->unused);
	TAILQ_REMOVE(&l->unused, e, by_use);
	TAILQ_INSERT_TAIL(&l->used, e, by_use);
	e->owner = h;
	e->used_ms = now_ms;
	memcpy(e->mac, mac, 6);
	LIST_INSERT_HEAD(bucket_of(lan, mac), e, bucket);
	atomic_fetch_add_explicit(&l->n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&lan->n_learned, 1, memory_order_relaxed);
	hs_note(lan, h, HS_CHANGE_MAC, mac, HS_NO_VLAN);
}

static void use(struct hs_learned *e, uint64_t now_ms)
{
	struct hs_learner *l = &e->owner->learner;

	e->used_ms = now_ms;
	TAILQ_REMOVE(&l->used, e, by_use);
	TAILQ_INSERT_TAIL(&l->used, e, by_use);
}

static bool gives_up(const struct hs_adapter *owner)
{
	return owner->vnicc.enabled & OSA_CHAR_TAKEOVER_LEARNING;
}

/* Return: whether it is h's now. */
static bool learn(struct hs_lan *lan, struct hs_adapter *h, const uint8_t mac[6], uint64_t now_ms)
{
	struct hs_learned *e = find(lan, mac);

	if (e && e->owner == h) {
		use(e, now_ms);
		return true;
	}
	if (e && !gives_up(e->owner))
		return false;
	if (e)
		forget(lan, e);
	enter(lan, h, mac, now_ms);
	return true;
}

/* ---- delivery: the LAN's lock is held for reading ----------------------------------------------
 */

void hs_learn(struct hs_adapter *h, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	struct hs_learner *l = &h->learner;
	struct hs_lan *lan = h->lan;
	uint64_t now_ms = atomic_load_explicit(&lan->now_ms, memory_order_relaxed);
	const struct hs_adapter *owner;
	uint8_t key[16];

	if (mac[0] & 1 || memcmp(mac, h->mac, 6) == 0 || memcmp(mac, zero, 6) == 0)
		return;
	if (l->last_ms == now_ms && memcmp(l->last, mac, 6) == 0 &&
	    l->last_unlearned == atomic_load_explicit(&lan->n_unlearned, memory_order_relaxed))
		return;
	hs_mac_key(key, mac);
	owner = hs_lan_owner(lan, HS_KIND_MAC, 2, key);
	if (owner == h || (owner && !gives_up(owner)))
		return;
	pthread_mutex_lock(&lan->learn_lock);
	if (learn(lan, h, mac, now_ms)) {
		memcpy(l->last, mac, 6);
		l->last_ms = now_ms;
		l->last_unlearned = atomic_load_explicit(&lan->n_unlearned, memory_order_relaxed);
	}
	pthread_mutex_unlock(&lan->learn_lock);
}

struct hs_adapter *hs_learned_owner(struct hs_lan *lan, const uint8_t mac[6])
{
	struct hs_adapter *owner = NULL;
	const struct hs_learned *e;

	if (!atomic_load_explicit(&lan->n_learned, memory_order_relaxed))
		return NULL;
	pthread_mutex_lock(&lan->learn_lock);
	e = find(lan, mac);
	if (e)
		owner = e->owner;
	pthread_mutex_unlock(&lan->learn_lock);
	return owner;
}

/* ---- the control side
 * ---------------------------------------------------------------------------- */

int hs_learn_start(struct hs_adapter *h)
{
	struct hs_learner *l = &h->learner;

	if (l->entry)
		return 0;
	l->entry = calloc(ROOM, sizeof(*l->entry));
	if (!l->entry)
		return -ENOMEM;
	TAILQ_INIT(&l->used);
	TAILQ_INIT(&l->unused);
	for (unsigned i = 0; i < ROOM; i++)
		TAILQ_INSERT_TAIL(&l->unused, &l->entry[i], by_use);
	return 0;
}

void hs_learn_forget(struct hs_adapter *h)
{
	struct hs_learner *l = &h->learner;

	memset(l->last, 0, sizeof(l->last));
	if (!l->entry || !h->lan)
		return;
	pthread_mutex_lock(&h->lan->learn_lock);
	while (!TAILQ_EMPTY(&l->used))
		give_back(h->lan, TAILQ_FIRST(&l->used));
	pthread_mutex_unlock(&h->lan->learn_lock);
}

void hs_learn_stop(struct hs_adapter *h)
{
	hs_learn_forget(h);
	free(h->learner.entry);
	memset(&h->learner, 0, sizeof(h->learner));
}

void hs_learn_registered(struct hs_lan *lan, const struct hs_adapter *h, const uint8_t mac[6])
{
	struct hs_learned *e;

	pthread_mutex_lock(&lan->learn_lock);
	e = find(lan, mac);
	if (e)
		forget(lan, e);
	hs_note(lan, h, HS_CHANGE_MAC, mac, HS_NO_VLAN);
	pthread_mutex_unlock(&lan->learn_lock);
}

void hs_learn_unregistered(struct hs_lan *lan, const struct hs_adapter *h, const uint8_t mac[6])
{
	const struct hs_learned *e;

	pthread_mutex_lock(&lan->learn_lock);
	hs_note(lan, h, HS_CHANGE_MAC | HS_CHANGE_REMOVAL, mac, HS_NO_VLAN);
	e = find(lan, mac);
	if (e)
		hs_note(lan, e->owner, HS_CHANGE_MAC, mac, HS_NO_VLAN);
	pthread_mutex_unlock(&lan->learn_lock);
}

/* What was learned before the first tick has no age yet. */
static bool aged(struct hs_learned *e, uint64_t now_ms, uint64_t timeout_ms)
{
	if (!e->used_ms) {
		use(e, now_ms);
		return false;
	}
	return now_ms >= e->used_ms && now_ms - e->used_ms >= timeout_ms;
}

void hs_learn_tick(struct hs_adapter *h, uint64_t now_ms)
{
	struct hs_learner *l = &h->learner;
	struct hs_lan *lan = h->lan;

	atomic_store_explicit(&lan->now_ms, now_ms, memory_order_relaxed);
	if (!l->entry)
		return;
	pthread_rwlock_rdlock(&lan->lock);
	pthread_mutex_lock(&lan->learn_lock);
	for (unsigned i = 0; i < ROOM && !TAILQ_EMPTY(&l->used); i++) {
		struct hs_learned *e = TAILQ_FIRST(&l->used);
		bool fresh = !e->used_ms;

		if (aged(e, now_ms, (uint64_t)h->vnicc.learning_s * 1000))
			give_back(lan, e);
		else if (!fresh)
			break;
	}
	pthread_mutex_unlock(&lan->learn_lock);
	pthread_rwlock_unlock(&lan->lock);
}
