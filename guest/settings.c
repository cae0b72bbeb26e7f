/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interface asks for, brought to the adapter: its address, groups, VLANs,
 * promiscuity. The kernel offers no call-back to a TAP as to a driver, so the
 * lists are read and compared when something may have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest/nic.h"

static bool has_group(uint8_t (*list)[6], unsigned n, const uint8_t mac[6])
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(list[i], mac, 6) == 0)
			return true;
	return false;
}

/* A refused group is not kept, so that it is tried again at the next look. */
static void sync_groups(struct nic *n)
{
	uint8_t now[GUEST_GROUPS_MAX][6];
	unsigned k = link_groups(n->tap.ifname, now, GUEST_GROUPS_MAX), kept = 0;

	for (unsigned i = 0; i < n->n_groups; i++)
		if (!has_group(now, k, n->group[i]))
			guest_group_del(n->dev, n->group[i]);
	for (unsigned i = 0; i < k; i++)
		if (has_group(n->group, n->n_groups, now[i]) ||
		    guest_group_add(n->dev, now[i]) == 0)
			memmove(now[kept++], now[i], 6);
	memcpy(n->group, now, sizeof(now[0]) * kept);
	n->n_groups = kept;
}

static bool has_vid(const uint16_t *list, unsigned n, uint16_t vid)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == vid)
			return true;
	return false;
}

static void sync_vids(struct nic *n)
{
	uint16_t now[GUEST_GROUPS_MAX];
	unsigned k = link_vids(n->tap.ifname, now, GUEST_GROUPS_MAX), kept = 0;

	for (unsigned i = 0; i < n->n_vids; i++)
		if (!has_vid(now, k, n->vid[i]))
			guest_vid_del(n->dev, n->vid[i]);
	for (unsigned i = 0; i < k; i++)
		if (has_vid(n->vid, n->n_vids, now[i]) || guest_vid_add(n->dev, now[i]) == 0)
			now[kept++] = now[i];
	memcpy(n->vid, now, sizeof(now[0]) * kept);
	n->n_vids = kept;
}

/* ---- layer 3: addresses ------------------------------------------------------------------ */

static bool has_ip(const struct guest_ip *list, unsigned n, const struct guest_ip *ip)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].v6 == ip->v6 && memcmp(list[i].addr, ip->addr, 16) == 0)
			return true;
	return false;
}

static void sync_ips(struct nic *n)
{
	struct guest_ip now[GUEST_IPS_MAX];
	unsigned k = link_ips(n->tap.ifname, now, GUEST_IPS_MAX), kept = 0;

	for (unsigned i = 0; i < n->n_ips; i++)
		if (!has_ip(now, k, &n->ip[i]))
			guest_ip_del(n->dev, &n->ip[i]);
	for (unsigned i = 0; i < k; i++)
		if (has_ip(n->ip, n->n_ips, &now[i]) || guest_ip_add(n->dev, &now[i]) == 0)
			now[kept++] = now[i];
	memcpy(n->ip, now, sizeof(now[0]) * kept);
	n->n_ips = kept;
	/* A group that was left costs a frame now and then, no more. */
	k = link_ip_groups(n->tap.ifname, now, GUEST_IPS_MAX);
	for (unsigned i = 0; i < k && n->n_ip_groups < GUEST_IPS_MAX; i++)
		if (!has_ip(n->ip_group, n->n_ip_groups, &now[i]) &&
		    guest_ip_group_add(n->dev, &now[i]) == 0)
			n->ip_group[n->n_ip_groups++] = now[i];
}

static void sync_mac(struct nic *n, const uint8_t mac[6])
{
	if (memcmp(n->mac, mac, 6) == 0 || (mac[0] & 1))
		return;
	if (guest_mac_change(n->dev, mac) == 0)
		memcpy(n->mac, mac, 6);
}

bool nic_interface(struct nic *n)
{
	if (tap_refresh(&n->tap) != -EBADFD)
		return true;
	snprintf(n->text, sizeof(n->text), "ZLN2670E the interface %s is gone", n->tap.ifname);
	n->failed = true;
	n->stopping = true;
	return false;
}

void nic_settings(struct nic *n)
{
	struct link_info info;

	n->look = false;
	if (!nic_interface(n))
		return;
	/* Moved to another namespace or just renamed: empty lists would not mean no groups. */
	if (link_info(n->tap.ifname, &info) < 0)
		return;
	if (n->layer == 3) {
		if (!n->analyzer) /* it takes part in nothing */
			sync_ips(n);
		return;
	}
	sync_groups(n);
	sync_vids(n);
	sync_mac(n, info.mac);
	if (info.promisc != n->promisc && guest_promisc(n->dev, info.promisc) == 0)
		n->promisc = info.promisc;
}
