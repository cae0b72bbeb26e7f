/* SPDX-License-Identifier: Apache-2.0 */
/* USER and QUERY USER: which accounts of this machine may act as which users. */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "cp/cp_priv.h"

static const struct {
	enum cp_op op;
	bool add, group;
	const char *word;
} parts[] = {
	{CP_OP_UID, true, false, "UID"},
	{CP_OP_GID, true, true, "GID"},
	{CP_OP_NOUID, false, false, "UID"},
	{CP_OP_NOGID, false, true, "GID"},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* Everything is checked before anything is changed. Return: 0 or -1 after a message. */
static int check(struct cp_run *run, const char *user)
{
	const struct cp_value *v = run->args->v;
	unsigned given = 0, adds = 0;
	char id[32];

	for (size_t i = 0; i < N_PARTS; i++) {
		if (!v[parts[i].op].given)
			continue;
		given++;
		adds += parts[i].add;
		snprintf(id, sizeof(id), "%s %u", parts[i].word, v[parts[i].op].num);
		if (!parts[i].add &&
		    !cp_account_find(run->cp, user, parts[i].group, v[parts[i].op].num))
			return cp_error(run, CP_E_NO_ACCOUNT, id, user, NULL);
	}
	if (!given)
		return cp_error(run, CP_E_MISSING, "UID, GID, NOUID or NOGID", "USER", NULL);
	if (run->cp->n_accounts + adds > CP_ACCOUNTS_MAX)
		return cp_error(run, CP_E_LIMIT, user, "4096 accounts", NULL);
	return 0;
}

void cp_do_user(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	const char *user = v[CP_OP_USER].word;

	if (check(run, user) < 0)
		return;
	for (size_t i = 0; i < N_PARTS; i++) {
		struct cp_account *a;

		if (!v[parts[i].op].given)
			continue;
		a = cp_account_find(run->cp, user, parts[i].group, v[parts[i].op].num);
		if (parts[i].add &&
		    !cp_account_add(run->cp, user, parts[i].group, v[parts[i].op].num))
			cp_error(run, CP_E_SYSTEM, user, strerror(errno), NULL);
		else if (!parts[i].add && a)
			cp_account_remove(run->cp, a);
	}
	cp_nic_sockets_access(run->cp, user);
	run->changed = true;
	cp_say(run, "Command complete");
}

void cp_do_query_user(struct cp_run *run)
{
	const struct cp_value *want = &run->args->v[CP_OP_USER];
	json_t *list = json_array();
	const struct cp_account *a;

	run->json = json_pack("{s:o}", "accounts", list);
	DL_FOREACH(run->cp->accounts, a) {
		const char *kind = a->group ? "GID" : "UID";

		if (want->given && strcmp(want->word, a->user) != 0)
			continue;
		if (!cp_caller_may(run->cp, run->who, a->user))
			continue;
		cp_say(run, "USER %-8s %s %u", a->user, kind, a->id);
		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "userid", a->user, "kind",
						      kind, "id", (json_int_t)a->id));
	}
	if (json_array_size(list) == 0)
		cp_say(run, "No account is named");
}
