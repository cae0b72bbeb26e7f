/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device registered with its adapter, remembered here because the
 * adapter forgets it at every clear (spec/osa-qeth.md 11.1).
 */
#include <errno.h>

#include "guest/guest_priv.h"

static int mac_errno(int rc)
{
	switch (rc) {
	case OSA_RC_L2_UNSUPPORTED:
		return -EOPNOTSUPP;
	case OSA_RC_L2_DUP_MAC:
	case OSA_RC_L2_DUP_LAYER3_MAC:
		return -EADDRINUSE;
	case OSA_RC_L2_TABLE_FULL:
		return -ENOSPC;
	case OSA_RC_L2_MAC_NOT_AUTH_HYP:
	case OSA_RC_L2_MAC_NOT_AUTH:
		return -EADDRNOTAVAIL;
	case OSA_RC_L2_MAC_NOT_FOUND:
	case OSA_RC_L2_GMAC_NOT_FOUND:
		return -ENOENT;
	default:
		return rc <= 0 ? rc : -EIO;
	}
}

static int vid_errno(int rc)
{
	switch (rc) {
	case OSA_RC_L2_INVALID_VLAN:
		return -EINVAL;
	case OSA_RC_L2_DUP_VLAN:
		return -EEXIST;
	case OSA_RC_L2_VLAN_NOT_FOUND:
		return -ENOENT;
	case OSA_RC_L2_VLAN_NOT_ALLOWED:
		return -EPERM;
	default:
		return rc <= 0 ? rc : -EIO;
	}
}

static int send_mac(struct guest_dev *d, uint8_t cmd, const uint8_t mac[6])
{
	struct osa_data_mac m = {.len = be32_of(6)};

	memcpy(m.mac, mac, 6);
	return mac_errno(guest_ipa_call(d, cmd, OSA_IPA_IPV4, &m, sizeof(m), NULL, 0, NULL));
}

static int send_vid(struct guest_dev *d, uint8_t cmd, uint16_t vid)
{
	struct osa_data_vlan v = {.vid = be16_of(vid)};

	return vid_errno(guest_ipa_call(d, cmd, OSA_IPA_IPV4, &v, sizeof(v), NULL, 0, NULL));
}

/* ---- the list ------------------------------------------------------------------------ */

static int list_find(uint8_t (*list)[6], unsigned n, const uint8_t mac[6])
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(list[i], mac, 6) == 0)
			return (int)i;
	return -1;
}

static void list_del(uint8_t (*list)[6], unsigned *n, const uint8_t mac[6])
{
	int i = list_find(list, *n, mac);

	if (i >= 0)
		memcpy(list[i], list[--*n], 6);
}

static int list_add(struct guest_dev *d, uint8_t cmd, uint8_t (*list)[6], unsigned *n,
		    const uint8_t mac[6])
{
	bool known = list_find(list, *n, mac) >= 0;
	int rc = 0;

	if (!known && *n == GUEST_GROUPS_MAX)
		return -ENOSPC;
	if (d->info.online)
		rc = send_mac(d, cmd, mac);
	if (rc == 0 && !known)
		memcpy(list[(*n)++], mac, 6);
	return rc;
}

int guest_mac_add(struct guest_dev *d, const uint8_t mac[6])
{
	return list_add(d, OSA_SETVMAC, d->reg.mac, &d->reg.n_macs, mac);
}

int guest_mac_del(struct guest_dev *d, const uint8_t mac[6])
{
	list_del(d->reg.mac, &d->reg.n_macs, mac);
	return d->info.online ? send_mac(d, OSA_DELVMAC, mac) : 0;
}

int guest_group_add(struct guest_dev *d, const uint8_t mac[6])
{
	return list_add(d, OSA_SETGMAC, d->reg.group, &d->reg.n_groups, mac);
}

int guest_group_del(struct guest_dev *d, const uint8_t mac[6])
{
	list_del(d->reg.group, &d->reg.n_groups, mac);
	return d->info.online ? send_mac(d, OSA_DELGMAC, mac) : 0;
}

static void vid_forget(struct guest_registry *r, uint16_t vid)
{
	for (unsigned i = 0; i < r->n_vids; i++)
		if (r->vid[i] == vid)
			r->vid[i] = r->vid[--r->n_vids];
}

int guest_vid_add(struct guest_dev *d, uint16_t vid)
{
	int rc = 0;

	if (d->reg.n_vids == GUEST_GROUPS_MAX)
		return -ENOSPC;
	if (d->info.online)
		rc = send_vid(d, OSA_SETVLAN, vid);
	if (rc == 0) {
		vid_forget(&d->reg, vid);
		d->reg.vid[d->reg.n_vids++] = vid;
	}
	return rc;
}

int guest_vid_del(struct guest_dev *d, uint16_t vid)
{
	vid_forget(&d->reg, vid);
	return d->info.online ? send_vid(d, OSA_DELVLAN, vid) : 0;
}

void guest_set_mac(struct guest_dev *d, const uint8_t mac[6])
{
	memcpy(d->info.mac, mac, 6);
	d->have_mac = true;
}

int guest_mac_change(struct guest_dev *d, const uint8_t mac[6])
{
	uint8_t old[6];
	int rc;

	memcpy(old, d->info.mac, 6);
	rc = d->info.online ? send_mac(d, OSA_SETVMAC, mac) : 0;
	if (rc < 0)
		return rc;
	guest_set_mac(d, mac);
	return d->info.online ? send_mac(d, OSA_DELVMAC, old) : 0;
}

/* ---- again ---------------------------------------------------------------------------- */

/* Only a lost machine is fatal: a refusal of one address must not cost the others. */
static int again(int rc)
{
	return rc == -ENOTCONN || rc == -ETIMEDOUT ? rc : 0;
}

int guest_register_all(struct guest_dev *d)
{
	struct guest_registry *r = &d->reg;
	int rc;

	if (d->cfg.layer == 3)
		return guest_l3_register_all(d);
	rc = d->have_mac && !d->mac_stale ? 0 : guest_ipa_read_mac(d);
	if (d->have_mac)
		rc = again(rc);
	if (rc == 0)
		rc = send_mac(d, OSA_SETVMAC, d->info.mac);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; rc == 0 && i < r->n_vids; i++)
		rc = again(send_vid(d, OSA_SETVLAN, r->vid[i]));
	for (unsigned i = 0; rc == 0 && i < r->n_macs; i++)
		rc = again(send_mac(d, OSA_SETVMAC, r->mac[i]));
	for (unsigned i = 0; rc == 0 && i < r->n_groups; i++)
		rc = again(send_mac(d, OSA_SETGMAC, r->group[i]));
	return rc;
}
