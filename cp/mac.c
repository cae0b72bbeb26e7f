/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAC addresses made here: a prefix (z/VM's MACPREFIX for assigned ones, USERPREFIX for those with
 * a MACID) and a three-byte id that is unique in this control program. Assigned ids count upwards,
 * so that an address that was given up is not soon given to somebody else. Source:
 * spec/zvm-networking.md 3.1.
 */
#include "cp/cp_priv.h"

const struct cp_macid *cp_mac_user(struct cp *cp, uint32_t id)
{
	struct cp_macid *m;

	HASH_FIND(hh, cp->macs, &id, sizeof(id), m);
	return m;
}

void cp_mac_release(struct cp *cp, struct cp_macid *m)
{
	if (!m->id)
		return;
	HASH_DELETE(hh, cp->macs, m);
	m->id = 0;
}

/* Return: 0, or -1 if another owner has the id. @user: by MACID, not assigned. */
int cp_mac_set(struct cp *cp, struct cp_macid *m, uint32_t id, bool user, const char *owner)
{
	const struct cp_macid *other = cp_mac_user(cp, id);
	const struct cp_vmlan *v = &cp->vmlan;

	if (other && other != m)
		return -1;
	cp_mac_release(cp, m);
	m->id = id;
	m->user = user;
	m->prefix = user && v->userprefix ? v->userprefix : v->macprefix;
	snprintf(m->owner, sizeof(m->owner), "%s", owner);
	HASH_ADD(hh, cp->macs, id, sizeof(m->id), m);
	return 0;
}

/* May a MACID be this? */
bool cp_mac_in_range(const struct cp *cp, uint32_t id)
{
	return id >= cp->vmlan.first_id[1] && id <= cp->vmlan.last_id[1];
}

/* The next free id of the range. Return: 0, or -1 if there is none. */
int cp_mac_assign(struct cp *cp, struct cp_macid *m, const char *owner)
{
	uint32_t first = cp->vmlan.first_id[0], last = cp->vmlan.last_id[0];
	uint32_t id = cp->last_mac;

	/* Ids in use are few: one of the next ones is free, if any is. */
	for (uint32_t tries = 0; tries <= CP_NICS_MAX + CP_LANS_MAX; tries++) {
		id = id < first || id >= last ? first : id + 1;
		if (cp_mac_user(cp, id))
			continue;
		cp->last_mac = id;
		return cp_mac_set(cp, m, id, false, owner);
	}
	return -1;
}

void cp_mac_bytes(const struct cp_macid *m, uint8_t mac[6])
{
	for (unsigned i = 0; i < 3; i++) {
		mac[i] = (uint8_t)(m->prefix >> (16 - 8 * i));
		mac[3 + i] = (uint8_t)(m->id >> (16 - 8 * i));
	}
}

void cp_mac_text(const uint8_t mac[6], char text[CP_MAC_TEXT])
{
	snprintf(text, CP_MAC_TEXT, "%02X-%02X-%02X-%02X-%02X-%02X", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
}
