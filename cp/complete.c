/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion: the parser walks the line and offers what may stand at its last word.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <strings.h>

#include "cp/cp_priv.h"

struct completion {
	struct cp *cp;
	const char *prefix;
	char **list;
	size_t n, cap;
};

static void add(struct completion *c, const char *word, size_t len)
{
	char *copy;

	if (strncasecmp(word, c->prefix, strlen(c->prefix)) != 0 || len < strlen(c->prefix))
		return;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 32;
		char **list = realloc(c->list, cap * sizeof(*list));

		if (!list)
			return;
		c->list = list;
		c->cap = cap;
	}
	copy = strndup(word, len);
	if (!copy)
		return;
	for (size_t i = 0; i < len; i++)
		copy[i] = (char)toupper((unsigned char)copy[i]);
	c->list[c->n++] = copy;
}

static void offer_keyword(void *ctx, const char *word)
{
	add(ctx, word, strcspn(word, " |"));
}

static void offer_lans(struct completion *c, bool vswitch, bool guest)
{
	for (const struct cp_lan *lan = c->cp->lans; lan; lan = lan->hh.next)
		if (lan->vswitch ? vswitch : guest)
			add(c, lan->name, strlen(lan->name));
}

static void offer_users(struct completion *c)
{
	const struct cp_account *a;

	DL_FOREACH(c->cp->accounts, a)
		add(c, a->user, strlen(a->user));
	for (const struct cp_user *u = c->cp->users; u; u = u->hh.next)
		add(c, u->name, strlen(u->name));
}

static void offer_vdevs(struct completion *c)
{
	char vdev[8];

	for (const struct cp_user *u = c->cp->users; u; u = u->hh.next) {
		for (const struct cp_nic *nic = u->nics; nic; nic = nic->hh.next) {
			snprintf(vdev, sizeof(vdev), "%04X", nic->vdev);
			add(c, vdev, 4);
		}
	}
}

static void offer_value(void *ctx, enum cp_arg arg)
{
	struct completion *c = ctx;

	switch (arg) {
	case CP_ARG_SWITCH:
		offer_lans(c, true, false);
		break;
	case CP_ARG_LAN:
		offer_lans(c, false, true);
		break;
	case CP_ARG_GROUP:
		for (const struct cp_group *g = c->cp->groups; g; g = g->hh.next)
			add(c, g->name, strlen(g->name));
		break;
	case CP_ARG_NETWORK:
	case CP_ARG_OWNER:
		add(c, "SYSTEM", 6);
		offer_users(c);
		break;
	case CP_ARG_USER:
	case CP_ARG_USERS:
	case CP_ARG_USERVDEV:
		offer_users(c);
		break;
	case CP_ARG_VDEV:
		offer_vdevs(c);
		break;
	default:
		break;
	}
}

/* The words of commands that may stand at token at, all before it given. */
static void offer_commands(struct completion *c, const struct cp_tokens *t, unsigned at)
{
	for (const struct cp_command *cmd = cp_commands(); cmd->words; cmd++) {
		const char *words = cmd->words;
		unsigned i = 0;

		while (i < at && *words && cp_abbreviates(cp_token(t, i), words)) {
			words += strcspn(words, " ");
			words += *words == ' ';
			i++;
		}
		if (i == at && *words)
			offer_keyword(c, words);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted list without doubles, one a line. */
static char *finish(struct completion *c)
{
	size_t len;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), by_text);
	for (size_t i = 0; i < c->n; i++)
		if (f && (i == 0 || strcmp(c->list[i], c->list[i - 1]) != 0))
			fprintf(f, "%s\n", c->list[i]);
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i]);
	free(c->list);
	if (f)
		fclose(f);
	return text;
}

char *cp_complete(struct cp *cp, const char *line)
{
	struct completion c = {.cp = cp};
	struct cp_offer offer = {.keyword = offer_keyword, .value = offer_value, .ctx = &c};
	const struct cp_command *cmd;
	struct cp_tokens t;
	struct cp_args args;
	unsigned used;

	if (cp_tokenize(line, &t))
		return strdup("");
	offer.at = t.open && t.n ? t.n - 1 : t.n;
	c.prefix = offer.at < t.n ? cp_token(&t, offer.at) : "";
	offer_commands(&c, &t, offer.at);
	cmd = cp_find_command(&t, &used);
	if (cmd && cmd->fn == cp_do_help && offer.at >= used) {
		struct cp_tokens topic = t;

		/* What follows HELP is a command. */
		memmove(topic.at, topic.at + used, (t.n - used) * sizeof(topic.at[0]));
		topic.n -= used;
		offer_commands(&c, &topic, offer.at - used);
	} else if (cmd && offer.at >= used) {
		cp_parse(NULL, cmd, &t, used, &args, &offer);
	}
	return finish(&c);
}
