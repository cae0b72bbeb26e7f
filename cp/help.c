/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HELP: the table of grammar.c, for people.
 */
#include <ctype.h>
#include <string.h>

#include "cp/cp_priv.h"

#define SYNTAX_COLUMNS 78
#define SYNTAX_INDENT 4

/* "PORTType ACCESS|TRUNK": keyword and what follows it. */
static void operand_text(const struct cp_operand *o, char *buf, size_t cap)
{
	bool value = !(o->flags & CP_POSITIONAL) && (o->choices || o->name);

	snprintf(buf, cap, "%s%s%s%s%s", o->words, value ? " " : "",
		 o->choices && value ? o->choices : "", o->choices && o->name && value ? "|" : "",
		 o->name && value ? o->name : "");
}

/* @column: where the line is; a full one is continued. */
static void print_operand(FILE *f, const struct cp_operand *o, int *column)
{
	bool optional = !(o->flags & CP_POSITIONAL) || o->flags & CP_OPTIONAL;
	char text[80], word[96];

	operand_text(o, text, sizeof(text));
	snprintf(word, sizeof(word), optional ? "[%s]" : "%s", text);
	if (*column + 1 + (int)strlen(word) > SYNTAX_COLUMNS)
		*column = fprintf(f, "\n%*s", SYNTAX_INDENT - 1, "") - 1;
	*column += fprintf(f, " %s", word);
}

/* The words, the leading and positional operands, the rest. */
static void say_syntax(struct cp_run *run, const struct cp_command *c)
{
	int column = fprintf(run->text, "%s", c->words);

	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (o->flags & CP_LEADING)
			print_operand(run->text, o, &column);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (o->flags & CP_POSITIONAL)
			print_operand(run->text, o, &column);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (!(o->flags & (CP_POSITIONAL | CP_LEADING | CP_UNSUPPORTED)))
			print_operand(run->text, o, &column);
	fputc('\n', run->text);
}

static void say_operands(struct cp_run *run, const struct cp_command *c, bool unsupported)
{
	for (const struct cp_operand *o = c->operands; o->help; o++) {
		char words[80];

		if (!(o->flags & CP_UNSUPPORTED) == unsupported)
			continue;
		operand_text(o, words, sizeof(words));
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
			    "operands.\nPERSIST behind a statement makes its change permanent.");
}
