/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts of this machine that may act as a user. A user whom no USER statement names is the
 * account of the same name.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cp/cp_priv.h"

struct cp_account *cp_account_find(const struct cp *cp, const char *user, bool group, uint32_t id)
{
	struct cp_account *a;

	DL_FOREACH(cp->accounts, a) {
		if (a->group == group && a->id == id && strcmp(a->user, user) == 0)
			return a;
	}
	return NULL;
}

/* Return: false if there are too many. */
bool cp_account_add(struct cp *cp, const char *user, bool group, uint32_t id)
{
	struct cp_account *a = cp_account_find(cp, user, group, id);

	if (a)
		return true;
	a = cp->n_accounts < CP_ACCOUNTS_MAX ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return false;
	snprintf(a->user, sizeof(a->user), "%s", user);
	a->group = group;
	a->id = id;
	DL_APPEND(cp->accounts, a);
	cp->n_accounts++;
	return true;
}

void cp_account_remove(struct cp *cp, struct cp_account *a)
{
	DL_DELETE(cp->accounts, a);
	free(a);
	cp->n_accounts--;
}

static bool is_of(const struct cp_account *a, const struct cp_caller *who)
{
	if (!who->has_ids)
		return false;
	if (!a->group)
		return a->id == who->uid;
	for (unsigned i = 0; i < who->n_gids; i++)
		if (who->gid[i] == a->id)
			return true;
	return false;
}

bool cp_caller_may(const struct cp *cp, const struct cp_caller *who, const char *user)
{
	const struct cp_account *a;
	bool named = false;

	if (who->class_b)
		return true;
	if (who->guest)
		return strcmp(who->user, user) == 0;
	DL_FOREACH(cp->accounts, a) {
		if (strcmp(a->user, user) != 0)
			continue;
		if (is_of(a, who))
			return true;
		named = true;
	}
	return !named && who->user[0] && strcmp(who->user, user) == 0;
}

bool cp_caller_resolve(const struct cp *cp, struct cp_caller *who)
{
	const struct cp_account *a;

	if (who->class_b)
		return true;
	DL_FOREACH(cp->accounts, a) {
		if (is_of(a, who)) {
			snprintf(who->user, sizeof(who->user), "%s", a->user);
			return true;
		}
	}
	return false;
}
