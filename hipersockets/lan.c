/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A LAN is a list of adapters whose queues are active, and a table of who registered which MAC,
 * group and IP address. A frame's way:
 *
 *   sender's output queue ─ fetch.c ─ one unit: a buffer's frames, judged ─┐
 *                                                                         │ deliver.c
 *   receiver's input queue ◄───────── copied once ◄── owner of the address ◄┘
 *                                                     every owner of the group
 *
 * One output buffer becomes one input buffer, whole; all its frames have one destination. The
 * sender's buffer gets its final state before the signal ends: empty, or error with the reason
 * (nobody has the address, the receiver has no empty buffer, ...). A sender that gave an AOB does
 * not hear "full": its unit waits at the receiver (completion.c), and the AOB comes back on its
 * completion queue. Source: spec/qdio.md 10, spec/osa-qeth.md 7.8, 8.6.
 *
 * Who delivers: whoever executes the signal. In zland a signal is a doorbell, which wakes the
 * worker of the port: it calls the port's forward operation, and the frames go from queue to queue
 * without the switch's stages. Elsewhere it is the thread that executes SIGA. The switch
 * behind vs_link gives counters and captures, no more.
 *
 * Bridge ports (bridge.c) join a LAN and switches. A host may be in another process (far.c).
 *
 * Layers: an address belongs to the layer of its session, and is looked up in the layer of the
 * frame: hosts of different layers never meet.
 *
 * Locks, in this order:
 *   role_lock  bridge ports; of control threads alone, of which an emulator has several
 *   lan.lock   read: held while delivering; written: members, addresses, what adapters want. So
 *              whoever has taken it for writing knows that nobody is inside the queues of the
 *              adapter it removes; a sender never waits longer than that
 *   out_lock   of the sender: its output queues
 *   in_lock    of one receiver at a time: its input queues, what waits for it
 *   learn_lock what was learned (learn.c)
 * A receiver costs others the copy of what they send it, never more: a full one is not waited
 * for, one that rewrites its buffers changes bytes in its own storage.
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t bytes;
	uint16_t mtu;
} sizes[HS_MFS_COUNT] = {
	[HS_MFS_16K] = {16 * 1024, 8192},
	[HS_MFS_24K] = {24 * 1024, 16384},
	[HS_MFS_40K] = {40 * 1024, 32768},
	[HS_MFS_64K] = {64 * 1024, 57344},
};

uint32_t hs_mfs_bytes(enum hs_mfs mfs)
{
	return sizes[mfs].bytes;
}

uint16_t hs_mfs_mtu(enum hs_mfs mfs)
{
	return sizes[mfs].mtu;
}

enum hs_mfs hs_lan_mfs(const struct hs_lan *lan)
{
	return lan->mfs;
}

uint32_t hs_lan_frame_max(const struct hs_lan *lan)
{
	return hs_mfs_bytes(lan->mfs) - OSA_HDR_BYTES;
}

void hs_lan_set_cable(struct hs_lan *lan, const struct hs_cable *cable)
{
	lan->cable = *cable;
}

/* Senders come and go all the time: a writer must not wait for a moment without any. */
static int lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	int rc = pthread_rwlockattr_init(&attr);

	if (rc)
		return -rc;
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	rc = pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return -rc;
}

/* Return: 0, or -errno and none is there. */
static int locks_init(struct hs_lan *lan)
{
	int rc = lock_init(&lan->lock);

	if (rc)
		return rc;
	rc = -pthread_mutex_init(&lan->learn_lock, NULL);
	if (rc)
		goto no_learn_lock;
	rc = -pthread_mutex_init(&lan->role_lock, NULL);
	if (!rc)
		return 0;
	pthread_mutex_destroy(&lan->learn_lock);
no_learn_lock:
	pthread_rwlock_destroy(&lan->lock);
	return rc;
}

struct hs_lan *hs_lan_create(enum hs_mfs mfs, uint64_t seed)
{
	struct hs_lan *lan;
	int rc;

	if ((unsigned)mfs >= HS_MFS_COUNT) {
		errno = EINVAL;
		return NULL;
	}
	lan = calloc(1, sizeof(*lan));
	if (!lan)
		return NULL;
	rc = locks_init(lan);
	if (rc) {
		free(lan);
		errno = -rc;
		return NULL;
	}
	lan->mfs = mfs;
	lan->seed = seed | 1;
	LIST_INIT(&lan->members);
	TAILQ_INIT(&lan->bridges);
	for (unsigned i = 0; i < HS_BUCKETS; i++)
		LIST_INIT(&lan->bucket[i]);
	return lan;
}

void hs_lan_destroy(struct hs_lan *lan)
{
	if (!lan)
		return;
	pthread_rwlock_destroy(&lan->lock);
	pthread_mutex_destroy(&lan->learn_lock);
	pthread_mutex_destroy(&lan->role_lock);
	free(lan);
}

/* ---- addresses -------------------------------------------------------------------------- */

static struct hs_addresses *bucket_of(const struct hs_lan *lan, const uint8_t key[16])
{
	uint64_t a, b;

	memcpy(&a, key, sizeof(a));
	memcpy(&b, key + 8, sizeof(b));
	a = (a ^ lan->seed) * UINT64_C(0x9E3779B97F4A7C15);
	a = (a ^ (a >> 32) ^ b) * UINT64_C(0xC2B2AE3D27D4EB4F);
	a ^= a >> 29;
	return (struct hs_addresses *)&lan->bucket[(a * lan->seed >> 40) % HS_BUCKETS];
}

static bool same(const struct hs_address *a, enum hs_kind kind, uint8_t layer,
		 const uint8_t key[16])
{
	return a->kind == kind && a->layer == layer && memcmp(a->key, key, 16) == 0;
}

static struct hs_address *find(const struct hs_lan *lan, const struct hs_adapter *h,
			       enum hs_kind kind, uint8_t layer, const uint8_t key[16])
{
	struct hs_address *a;

	LIST_FOREACH(a, bucket_of(lan, key), bucket)
	if (same(a, kind, layer, key) && (!h || a->owner == h))
		return a;
	return NULL;
}

struct hs_adapter *hs_lan_owner(const struct hs_lan *lan, enum hs_kind kind, uint8_t layer,
				const uint8_t key[16])
{
	const struct hs_address *a = find(lan, NULL, kind, layer, key);

	return a ? a->owner : NULL;
}

bool hs_lan_has(const struct hs_lan *lan, const struct hs_adapter *h, enum hs_kind kind,
		const uint8_t key[16])
{
	return find(lan, h, kind, h->layer, key);
}

int hs_lan_add(struct hs_lan *lan, struct hs_adapter *h, enum hs_kind kind, const uint8_t key[16])
{
	struct hs_adapter *other =
		kind == HS_KIND_GROUP ? NULL : hs_lan_owner(lan, kind, h->layer, key);
	struct hs_address *a;

	if (other && other != h)
		return -EEXIST;
	if (find(lan, h, kind, h->layer, key))
		return 0;
	if (kind == HS_KIND_MAC && h->layer == 2)
		hs_learn_registered(lan, h, key);
	if (kind == HS_KIND_GROUP && h->n_groups >= HS_GROUPS_MAX)
		return -ENOSPC;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->owner = h;
	a->kind = (uint8_t)kind;
	a->layer = h->layer;
	memcpy(a->key, key, 16);
	LIST_INSERT_HEAD(bucket_of(lan, key), a, bucket);
	LIST_INSERT_HEAD(&h->addresses, a, of_owner);
	h->n_groups += kind == HS_KIND_GROUP;
	return 0;
}

static void forget(struct hs_lan *lan, struct hs_adapter *h, struct hs_address *a)
{
	bool told = a->kind == HS_KIND_MAC && a->layer == 2;
	uint8_t key[16];

	memcpy(key, a->key, sizeof(key));
	LIST_REMOVE(a, bucket);
	LIST_REMOVE(a, of_owner);
	h->n_groups -= a->kind == HS_KIND_GROUP;
	free(a);
	if (told)
		hs_learn_unregistered(lan, h, key);
}

void hs_lan_del(struct hs_lan *lan, struct hs_adapter *h, enum hs_kind kind, const uint8_t key[16])
{
	struct hs_address *a = find(lan, h, kind, h->layer, key);

	if (a)
		forget(lan, h, a);
}

/* ---- members ------------------------------------------------------------------------------ */

void hs_lan_join(struct hs_lan *lan, struct hs_adapter *h)
{
	LIST_INSERT_HEAD(&lan->members, h, member);
	h->running = true;
	hs_lan_survey(lan);
}

void hs_lan_survey(struct hs_lan *lan)
{
	const struct hs_adapter *h;

	lan->n_flooding = lan->n_watching = 0;
	LIST_FOREACH(h, &lan->members, member)
	{
		lan->n_flooding +=
			h->layer == 2 && (h->bridge_port || h->vnicc.enabled & OSA_CHAR_FLOODING);
		lan->n_watching += h->watching;
	}
}

void hs_lan_leave(struct hs_lan *lan, struct hs_adapter *h)
{
	struct hs_address *a, *next;

	lan->n_left++;
	if (h->running)
		LIST_REMOVE(h, member);
	h->running = false;
	hs_learn_forget(h);
	hs_trace_forget(h);
	hs_lan_survey(lan);
	for (a = LIST_FIRST(&h->addresses); a; a = next) {
		next = LIST_NEXT(a, of_owner);
		forget(lan, h, a);
	}
}
