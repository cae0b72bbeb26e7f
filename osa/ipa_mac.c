/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: unicast and group addresses, VLAN ids. Source: spec/osa-qeth.md 4.4, 9.1, 9.2.
 *
 * Adding an address again succeeds, because a host repeats itself after a recovery; a VLAN id
 * that is there already gets the code made for it.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

uint16_t osa_mac_rc(int rc, uint16_t absent)
{
	switch (rc) {
	case 0:
		return OSA_RC_OK;
	case -EEXIST:
		return OSA_RC_L2_DUP_MAC;
	case -ENOSPC:
		return OSA_RC_L2_TABLE_FULL;
	case -EPERM:
		return OSA_RC_L2_MAC_NOT_AUTH;
	case -ENOENT:
		return absent;
	case -EINVAL:
		return OSA_RC_INVALID_FORMAT;
	default:
		return OSA_RC_UNKNOWN;
	}
}

static uint16_t vlan_rc(int rc)
{
	switch (rc) {
	case 0:
		return OSA_RC_OK;
	case -EINVAL:
		return OSA_RC_L2_INVALID_VLAN;
	case -EEXIST:
		return OSA_RC_L2_DUP_VLAN;
	case -ENOENT:
		return OSA_RC_L2_VLAN_NOT_FOUND;
	case -EPERM:
		return OSA_RC_L2_VLAN_NOT_ALLOWED;
	case -ENOSPC:
		return OSA_RC_L2_TABLE_FULL;
	default:
		return OSA_RC_UNKNOWN;
	}
}

static bool is_group_command(const struct osa_call *c)
{
	return c->ipa.command == OSA_SETGMAC || c->ipa.command == OSA_DELGMAC;
}

/* The address of the command, if its form fits: length 6, a group exactly where one belongs. */
static bool mac_of(const struct osa_call *c, uint8_t mac[6])
{
	static const uint8_t zero[6];
	struct osa_data_mac d;

	memcpy(&d, c->data, sizeof(d));
	memcpy(mac, d.mac, 6);
	return be32_get(d.len) == 6 && (mac[0] & 1) == is_group_command(c) &&
	       memcmp(mac, zero, 6) != 0;
}

uint16_t osa_ipa_setmac(struct osa *a, struct osa_call *c)
{
	uint8_t mac[6];

	if (!mac_of(c, mac))
		return OSA_RC_INVALID_FORMAT;
	return osa_mac_rc(osa_registry_mac_add(a, mac), OSA_RC_L2_MAC_NOT_FOUND);
}

uint16_t osa_ipa_delmac(struct osa *a, struct osa_call *c)
{
	uint8_t mac[6];

	if (!mac_of(c, mac))
		return OSA_RC_INVALID_FORMAT;
	return osa_mac_rc(osa_registry_mac_del(a, mac),
			  is_group_command(c) ? OSA_RC_L2_GMAC_NOT_FOUND : OSA_RC_L2_MAC_NOT_FOUND);
}

static uint16_t vid_of(const struct osa_call *c)
{
	return be16_load(c->data);
}

uint16_t osa_ipa_setvlan(struct osa *a, struct osa_call *c)
{
	return vlan_rc(osa_registry_vid_add(a, vid_of(c)));
}

uint16_t osa_ipa_delvlan(struct osa *a, struct osa_call *c)
{
	return vlan_rc(osa_registry_vid_del(a, vid_of(c)));
}
