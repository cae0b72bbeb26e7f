/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HELP: the table of grammar.c, for people.
 */
#include <ctype.h>
#include <string.h>

#include "cp/cp_priv.h"

static void print_operand(FILE *f, const struct cp_operand *o)
{
	bool optional = !(o->flags & CP_POSITIONAL) || o->flags & CP_OPTIONAL;

	fprintf(f, " %s%s", optional ? "[" : "", o->words);
	if (o->choices || o->arg != CP_ARG_NONE) {
		if (!(o->flags & CP_POSITIONAL))
			fprintf(f, " %s%s%s", o->choices ? o->choices : "",
				o->choices && o->name ? "|" : "", o->name ? o->name : "");
	}
	if (optional)
		fputc(']', f);
}

/* One line: the words, the leading and positional operands, the rest. */
static void say_syntax(struct cp_run *run, const struct cp_command *c)
{
	fprintf(run->text, "%s", c->words);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (o->flags & CP_LEADING && !(o->flags & CP_POSITIONAL))
			print_operand(run->text, o);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (o->flags & CP_POSITIONAL)
			print_operand(run->text, o);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (!(o->flags & (CP_POSITIONAL | CP_LEADING | CP_UNSUPPORTED)))
			print_operand(run->text, o);
	fputc('\n', run->text);
}

static void say_operands(struct cp_run *run, const struct cp_command *c, bool unsupported)
{
	for (const struct cp_operand *o = c->operands; o->help; o++) {
		char words[64];

		if (!(o->flags & CP_UNSUPPORTED) == unsupported)
			continue;
		snprintf(words, sizeof(words), "%s%s%s%s%s", o->words,
			 o->choices || (o->name && !(o->flags & CP_POSITIONAL)) ? " " : "",
			 o->choices ? o->choices : "", o->choices && o->name ? "|" : "",
			 o->name && !(o->flags & CP_POSITIONAL) ? o->name : "");
		cp_say(run, "  %-28s %s", words, o->help);
	}
}

static void say_command(struct cp_run *run, const struct cp_command *c)
{
	const struct cp_operand *o = c->operands;

	say_syntax(run, c);
	cp_say(run, "  %s; %s", c->help,
	       c->class_b ? "class B" : "any class, for others' objects class B");
	say_operands(run, c, false);
	while (o->help && !(o->flags & CP_UNSUPPORTED))
		o++;
	if (!o->help)
		return;
	cp_say(run, "Not supported in this release:");
	say_operands(run, c, true);
}

/* Do the words of the topic begin the command's? */
static bool matches(const struct cp_run *run, const struct cp_command *c)
{
	const struct cp_tokens *t = run->args->tokens;
	const char *words = c->words;

	for (unsigned i = run->args->topic; i < t->n; i++) {
		if (!*words || !cp_abbreviates(cp_token(t, i), words))
			return false;
		words += strcspn(words, " ");
		words += *words == ' ';
	}
	return true;
}

static bool whole(const struct cp_run *run, const struct cp_command *c)
{
	unsigned words = 1;

	for (const char *s = c->words; *s; s++)
		words += *s == ' ';
	return matches(run, c) && run->args->tokens->n - run->args->topic == words;
}

void cp_do_help(struct cp_run *run)
{
	const struct cp_value *topic = &run->args->v[CP_OP_TOPIC];
	unsigned n = 0;

	for (const struct cp_command *c = cp_commands(); topic->given && c->words; c++) {
		if (whole(run, c)) {
			say_command(run, c);
			return;
		}
	}
	for (const struct cp_command *c = cp_commands(); c->words; c++) {
		if (topic->given && !matches(run, c))
			continue;
		cp_say(run, "%-20s %s", c->words, c->help);
		n++;
	}
	if (!n)
		cp_error(run, CP_E_UNKNOWN, cp_token(run->args->tokens, run->args->topic), NULL,
			 NULL);
	else if (!topic->given)
		cp_say(run, "Capital letters are the shortest abbreviation. HELP command shows "
			    "operands.");
}
