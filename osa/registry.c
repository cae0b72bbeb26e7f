/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host has registered: unicast and group addresses, VLAN ids, promiscuous delivery.
 *
 * The adapter's table is the truth and the link a copy of it: the host may register while
 * no cable is plugged in or no queues are active, and what it registered is carried over to
 * the next link. While the data path is started each change goes to the link first, so that
 * its refusal becomes the command's return code.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

void osa_registry_init(struct osa_registry *r)
{
	memset(r, 0, sizeof(*r));
	r->unicast.entry = r->unicast_room;
	r->unicast.max = OSA_UNICAST_MAX;
	r->group.entry = r->group_room;
	r->group.max = OSA_GROUP_MAX;
}

static struct osa_mac_table *table_of(struct osa_registry *r, const uint8_t mac[6])
{
	return mac[0] & 1 ? &r->group : &r->unicast;
}

static struct osa_mac_entry *mac_find(const struct osa_mac_table *t, const uint8_t mac[6])
{
	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->entry[i].mac, mac, 6) == 0)
			return &t->entry[i];
	return NULL;
}

int osa_registry_mac_add(struct osa *a, const uint8_t mac[6])
{
	struct osa_mac_table *t = table_of(&a->registry, mac);
	struct osa_mac_entry *e = mac_find(t, mac);
	int rc;

	/* On HiperSockets it may have been taken over by another: the LAN is asked again. */
	if (e && ((e->at_link && !osa_is_iqd(a)) || !a->started))
		return 0;
	if (!e && t->n == t->max)
		return -ENOSPC;
	if (a->started) {
		rc = a->link.ops->mac_add(a->link.ctx, mac);
		if (rc)
			return rc;
	}
	if (!e) {
		e = &t->entry[t->n++];
		memcpy(e->mac, mac, 6);
	}
	e->at_link = a->started;
	return 0;
}

int osa_registry_mac_del(struct osa *a, const uint8_t mac[6])
{
	struct osa_mac_table *t = table_of(&a->registry, mac);
	struct osa_mac_entry *e = mac_find(t, mac);
	int rc = 0;

	if (!e)
		return -ENOENT;
	if (e->at_link)
		rc = a->link.ops->mac_del(a->link.ctx, mac);
	/* Keeps the order: the first one is the interface's own address. */
	t->n--;
	memmove(e, e + 1, (size_t)(&t->entry[t->n] - e) * sizeof(*e));
	return rc;
}

static bool bit_get(const uint64_t *map, uint16_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void bit_set(uint64_t *map, uint16_t i, bool on)
{
	uint64_t bit = (uint64_t)1 << (i % 64);

	map[i / 64] = on ? map[i / 64] | bit : map[i / 64] & ~bit;
}

bool osa_registry_has_vid(const struct osa_registry *r, uint16_t vid)
{
	return vid < OSA_VIDS && bit_get(r->vid, vid);
}

int osa_registry_vid_add(struct osa *a, uint16_t vid)
{
	struct osa_registry *r = &a->registry;
	int rc;

	if (vid == 0 || vid >= OSA_VIDS - 1)
		return -EINVAL;
	if (bit_get(r->vid, vid))
		return -EEXIST;
	if (a->started) {
		rc = a->link.ops->vid_add(a->link.ctx, vid);
		if (rc)
			return rc;
	}
	bit_set(r->vid, vid, true);
	bit_set(r->vid_at_link, vid, a->started);
	return 0;
}

int osa_registry_vid_del(struct osa *a, uint16_t vid)
{
	struct osa_registry *r = &a->registry;
	int rc = 0;

	if (vid == 0 || vid >= OSA_VIDS - 1)
		return -EINVAL;
	if (!bit_get(r->vid, vid))
		return -ENOENT;
	if (bit_get(r->vid_at_link, vid))
		rc = a->link.ops->vid_del(a->link.ctx, vid);
	bit_set(r->vid, vid, false);
	bit_set(r->vid_at_link, vid, false);
	return rc;
}

int osa_registry_promisc(struct osa *a, enum osa_promisc_reason why, bool on)
{
	struct osa_registry *r = &a->registry;
	unsigned want = on ? r->promisc | (unsigned)why : r->promisc & ~(unsigned)why;
	int rc;

	if (a->started && (want != 0) != r->promisc_at_link) {
		rc = a->link.ops->promisc(a->link.ctx, want != 0);
		if (rc && want)
			return rc;
		r->promisc_at_link = want != 0;
	}
	r->promisc = want;
	return 0;
}

static void macs_attach(struct osa *a, struct osa_mac_table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		t->entry[i].at_link = a->link.ops->mac_add(a->link.ctx, t->entry[i].mac) == 0;
}

/*
 * A refusal here has nobody to be told to: the entry stays, the link does not have it. The
 * STARTLAN event that follows makes the host register everything again, and then it hears.
 */
void osa_registry_attach(struct osa *a)
{
	struct osa_registry *r = &a->registry;

	macs_attach(a, &r->unicast);
	macs_attach(a, &r->group);
	for (uint16_t vid = 1; vid < OSA_VIDS - 1; vid++)
		if (bit_get(r->vid, vid))
			bit_set(r->vid_at_link, vid, a->link.ops->vid_add(a->link.ctx, vid) == 0);
	if (r->promisc)
		r->promisc_at_link = a->link.ops->promisc(a->link.ctx, true) == 0;
}

void osa_registry_detached(struct osa *a)
{
	struct osa_registry *r = &a->registry;

	for (unsigned i = 0; i < r->unicast.n; i++)
		r->unicast.entry[i].at_link = false;
	for (unsigned i = 0; i < r->group.n; i++)
		r->group.entry[i].at_link = false;
	memset(r->vid_at_link, 0, sizeof(r->vid_at_link));
	r->promisc_at_link = false;
}

static void macs_clear(struct osa *a, struct osa_mac_table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->entry[i].at_link)
			a->link.ops->mac_del(a->link.ctx, t->entry[i].mac);
	t->n = 0;
}

void osa_registry_clear(struct osa *a)
{
	struct osa_registry *r = &a->registry;

	macs_clear(a, &r->unicast);
	macs_clear(a, &r->group);
	for (uint16_t vid = 1; vid < OSA_VIDS - 1; vid++)
		if (bit_get(r->vid_at_link, vid))
			a->link.ops->vid_del(a->link.ctx, vid);
	if (r->promisc_at_link)
		a->link.ops->promisc(a->link.ctx, false);
	osa_registry_init(r);
}
