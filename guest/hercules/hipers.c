/* SPDX-License-Identifier: Apache-2.0 */
/* LANs and adapters of HiperSockets among the devices of one emulator: see hipers.h. */
#include "guest/hercules/hipers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

struct lan {
	LIST_ENTRY(lan) all;
	char name[9];
	unsigned users;
	struct hs_lan *lan;
};

struct hipers {
	struct lan *lan;      /* of this emulator, or NULL */
	struct hs_lan *cable; /* as of zland, while the cable is plugged in */
	struct hs_adapter *adapter;
	uint16_t subchannel; /* of the queues */
};

static struct {
	pthread_mutex_t lock;
	LIST_HEAD(lan_list, lan) head;
} lans = {.lock = PTHREAD_MUTEX_INITIALIZER, .head = LIST_HEAD_INITIALIZER(lans.head)};

static uint64_t seed_of(const void *p)
{
	uint64_t seed = 0;

	/* What hashes of addresses begin with; without it they are only easier to guess. */
	return getrandom(&seed, sizeof(seed), 0) < 0 ? (uint64_t)(uintptr_t)p : seed;
}

/* ---- LANs; their lock is held --------------------------------------------------------------- */

static struct lan *lan_find(const char *name)
{
	struct lan *l;

	LIST_FOREACH(l, &lans.head, all)
	if (!strcmp(l->name, name))
		return l;
	return NULL;
}

static struct lan *lan_new(const char *name, enum hs_mfs mfs)
{
	struct lan *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->lan = hs_lan_create(mfs, seed_of(l));
	if (!l->lan) {
		free(l);
		return NULL;
	}
	snprintf(l->name, sizeof(l->name), "%s", name);
	LIST_INSERT_HEAD(&lans.head, l, all);
	return l;
}

static struct lan *lan_get(const char *name, enum hs_mfs mfs, char *why, size_t cap)
{
	struct lan *l = lan_find(name);

	if (l && hs_lan_mfs(l->lan) != mfs) {
		snprintf(why, cap, "LAN %s has frames of %uK", name,
			 hs_mfs_bytes(hs_lan_mfs(l->lan)) / 1024);
		return NULL;
	}
	if (!l)
		l = lan_new(name, mfs);
	if (l)
		l->users++;
	else
		snprintf(why, cap, "%s", strerror(errno));
	return l;
}

static void lan_put(struct lan *l)
{
	if (--l->users)
		return;
	LIST_REMOVE(l, all);
	hs_lan_destroy(l->lan);
	free(l);
}

/* ---- adapters ------------------------------------------------------------------------------- */

/* Locally administered, another one for each device of the emulator, the same at every start. */
static void mac_of(const char *name, uint16_t devno, uint8_t mac[6])
{
	uint16_t h = 0x9DC5;

	for (const char *c = name; *c; c++)
		h = (uint16_t)((h ^ (uint8_t)*c) * 0x0193u);
	mac[0] = 0x02;
	mac[1] = 0x5B;
	be16_store(mac + 2, h);
	be16_store(mac + 4, devno);
}

static struct hs_adapter *adapter_new(const char *name, const struct osa_config *cfg,
				      const struct qdio_env_ops *env_ops, void *env)
{
	struct hs_config hc = {.osa = *cfg, .single = true};

	/* The emulators' SIGA has neither -wm nor -wq, and SQBS does not signal. */
	hc.osa.qebsm = false;
	snprintf(hc.osa.name, sizeof(hc.osa.name), "%s", name);
	mac_of(name, cfg->devno[0], hc.osa.mac);
	return hs_create(&hc, env_ops, env);
}

struct hipers *hipers_create(const char *name, enum hs_mfs mfs, bool analyzer,
			     const struct osa_config *cfg, const struct qdio_env_ops *env_ops,
			     void *env, char *why, size_t cap)
{
	struct hipers *p = calloc(1, sizeof(*p));

	if (!p) {
		snprintf(why, cap, "%s", strerror(errno));
		return NULL;
	}
	p->subchannel = cfg->subchannel[QDIO_DEVICES - 1];
	pthread_mutex_lock(&lans.lock);
	p->lan = lan_get(name, mfs, why, cap);
	if (!p->lan)
		goto fail;
	p->adapter = adapter_new(name, cfg, env_ops, env);
	if (!p->adapter) {
		snprintf(why, cap, "%s", strerror(errno));
		lan_put(p->lan);
		goto fail;
	}
	hs_watch(p->adapter, analyzer, false);
	hs_plug(p->adapter, p->lan->lan, NULL);
	pthread_mutex_unlock(&lans.lock);
	return p;
fail:
	pthread_mutex_unlock(&lans.lock);
	free(p);
	return NULL;
}

struct hipers *hipers_create_far(const char *user, const struct osa_config *cfg,
				 const struct qdio_env_ops *env_ops, void *env)
{
	struct hipers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->subchannel = cfg->subchannel[QDIO_DEVICES - 1];
	p->adapter = adapter_new(user, cfg, env_ops, env);
	if (p->adapter)
		return p;
	free(p);
	return NULL;
}

int hipers_plug(struct hipers *p, struct portlink *link)
{
	struct hs_cable cable;
	struct vs_link l;

	hs_plug(p->adapter, NULL, NULL);
	hs_lan_destroy(p->cable);
	p->cable = NULL;
	if (!link)
		return 0;
	p->cable = hs_lan_create(portlink_mfs(link), seed_of(p));
	if (!p->cable)
		return -errno;
	cable = portlink_cable(link);
	l = portlink_link(link);
	hs_lan_set_cable(p->cable, &cable);
	hs_plug(p->adapter, p->cable, &l);
	return 0;
}

bool hipers_unit(struct hipers *p, const uint8_t *unit, uint32_t len)
{
	return hs_cable_receive(p->adapter, unit, len);
}

void hipers_results(struct hipers *p, const uint8_t *reason, unsigned n)
{
	hs_cable_results(p->adapter, reason, n);
}

void hipers_destroy(struct hipers *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&lans.lock);
	hs_plug(p->adapter, NULL, NULL);
	hs_destroy(p->adapter);
	if (p->lan)
		lan_put(p->lan);
	pthread_mutex_unlock(&lans.lock);
	hs_lan_destroy(p->cable);
	free(p);
}

struct osa *hipers_osa(struct hipers *p)
{
	return hs_osa(p->adapter);
}

int hipers_siga(struct hipers *p, unsigned fc, uint32_t mask)
{
	for (;;) {
		uint64_t gr0 = fc;
		int cc = qdio_siga(osa_group(hipers_osa(p)), &gr0, QDIO_SCHID(p->subchannel), mask,
				   mask);
		if (cc != 2 || !(gr0 & QDIO_SIGA_BUSY))
			return cc < 0 ? 3 : cc;
		sched_yield();
	}
}

void hipers_describe(const struct hipers *p, char *buf, size_t cap)
{
	struct hs_info i;

	hs_info(p->adapter, &i);
	snprintf(buf, cap, "lan %s mfs %uK out[%llu] in[%llu] full[%llu] unknown[%llu]",
		 p->lan->name, hs_mfs_bytes(i.mfs) / 1024, (unsigned long long)i.tx_buffers,
		 (unsigned long long)i.rx_buffers, (unsigned long long)i.tx_full,
		 (unsigned long long)i.tx_unknown);
}
