/* SPDX-License-Identifier: Apache-2.0 */
/* SAVE, and PERSIST behind any statement that changes something. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cp/cp_priv.h"

static int hand_over(struct cp_run *run, enum cp_save what, const char *text)
{
	const struct cp_hooks *h = &run->cp->hooks;
	char err[256] = "there is nowhere to save to";

	if (run->cp->check || run->cp->in_file)
		return 0;
	if (h->save && h->save(h->ctx, what, text, err, sizeof(err)) == 0)
		return 0;
	return cp_error(run, CP_E_NOT_SAVED, what == CP_SAVE_STATEMENT ? "The change" : "It", err,
			NULL);
}

void cp_do_save(struct cp_run *run)
{
	bool none = run->args->v[CP_OP_UPLINK_NONE].given;
	char *text = none ? NULL : cp_configuration(run->cp);

	if (!none && !text)
		cp_error(run, CP_E_SYSTEM, "SAVE", strerror(ENOMEM), NULL);
	else if (hand_over(run, none ? CP_SAVE_NONE : CP_SAVE_ALL, text) == 0)
		cp_say(run, "Command complete");
	free(text);
}

static bool changes_nothing(const struct cp_command *c)
{
	return strncmp(c->words, "Query ", 6) == 0 || strcmp(c->words, "SAVE") == 0 ||
	       strcmp(c->words, "HELP") == 0 || strcmp(c->words, "SHUTDOWN") == 0;
}

/*
 * Is PERSIST the last word, and the statement complete without it? Then it is taken away. (In
 * GRANT PERSIST it is a userid, in QUERY VSWITCH PERSIST a switch.)
 */
bool cp_persist_take(struct cp_tokens *t)
{
	struct cp_args args;
	const struct cp_command *cmd;
	unsigned used;

	if (t->n < 2 || strcasecmp(cp_token(t, t->n - 1), "PERSIST") != 0)
		return false;
	t->n--;
	cmd = cp_find_command(t, &used);
	if (cmd && !changes_nothing(cmd) && cp_parse(NULL, cmd, t, used, &args, NULL) == 0)
		return true;
	t->n++;
	return false;
}

/* The words as one line again. */
void cp_persist(struct cp_run *run, const struct cp_tokens *t)
{
	char line[2 * CP_LINE_MAX] = "";
	size_t n = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const char *word = cp_token(t, i);
		const char *quote = strpbrk(word, " \t*#,") || !*word ? "\"" : "";

		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s%s%s", i ? " " : "", quote,
				      word, quote);
	}
	hand_over(run, CP_SAVE_STATEMENT, line);
}
