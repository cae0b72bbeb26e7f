/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAC addresses made here: prefix 02-00-00 (z/VM's default MACPREFIX and USERPREFIX) and a
 * three-byte id that is unique in this control program. Assigned ids count upwards, so that an
 * address that was given up is not soon given to somebody else.
 * Source: spec/zvm-networking.md 3.1.
 */
#include "cp/cp_priv.h"

static const uint8_t prefix[3] = {0x02, 0x00, 0x00};

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

/* Return: 0, or -1 if another owner has the id. */
int cp_mac_set(struct cp *cp, struct cp_macid *m, uint32_t id, const char *owner)
{
	const struct cp_macid *other = cp_mac_user(cp, id);

	if (other == m)
		return 0;
	if (other)
		return -1;
	cp_mac_release(cp, m);
	m->id = id;
	snprintf(m->owner, sizeof(m->owner), "%s", owner);
	HASH_ADD(hh, cp->macs, id, sizeof(m->id), m);
	return 0;
}

/* There are far more ids than NICs and switches, so the search ends. */
int cp_mac_assign(struct cp *cp, struct cp_macid *m, const char *owner)
{
	uint32_t id = cp->last_mac;

	do
		id = id >= CP_MACID_MAX ? 1 : id + 1;
	while (cp_mac_user(cp, id));
	cp->last_mac = id;
	return cp_mac_set(cp, m, id, owner);
}

void cp_mac_bytes(const struct cp_macid *m, uint8_t mac[6])
{
	for (unsigned i = 0; i < 3; i++) {
		mac[i] = prefix[i];
		mac[3 + i] = (uint8_t)(m->id >> (16 - 8 * i));
	}
}

void cp_mac_text(const uint8_t mac[6], char text[CP_MAC_TEXT])
{
	snprintf(text, CP_MAC_TEXT, "%02X-%02X-%02X-%02X-%02X-%02X", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
}
