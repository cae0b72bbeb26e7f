/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users: the owners of NICs. There is no directory: a userid that is named gets a user when its
 * first NIC is made, and loses it with the last.
 */
#include <stdlib.h>
#include <utlist.h>

#include "cp/cp_priv.h"

struct cp_user *cp_user_find(struct cp *cp, const char *name)
{
	struct cp_user *u;

	HASH_FIND_STR(cp->users, name, u);
	return u;
}

/* Return: the user, made if needed, or NULL when there are too many. */
struct cp_user *cp_user_get(struct cp *cp, const char *name)
{
	struct cp_user *u = cp_user_find(cp, name);

	if (u)
		return u;
	if (HASH_COUNT(cp->users) >= CP_USERS_MAX)
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	snprintf(u->name, sizeof(u->name), "%s", name);
	HASH_ADD_STR(cp->users, name, u);
	cp_lan_orphans(cp, u->name, false);
	return u;
}

/* Forgets a user without NICs. */
void cp_user_put(struct cp *cp, struct cp_user *u)
{
	if (u->nics)
		return;
	cp_lan_orphans(cp, u->name, true);
	HASH_DELETE(hh, cp->users, u);
	free(u);
}

/* Does anything here belong to the user? */
bool cp_user_known(struct cp *cp, const char *name)
{
	const struct cp_lan *lan;

	const struct cp_account *a;

	if (cp_user_find(cp, name))
		return true;
	DL_FOREACH(cp->accounts, a) {
		if (strcmp(a->user, name) == 0)
			return true;
	}
	for (lan = cp->lans; lan; lan = lan->hh.next)
		if (strcmp(lan->owner, name) == 0)
			return true;
	return false;
}
