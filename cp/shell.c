/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell of zlan, on libedit. Completion asks zland, which alone knows the names: the tab key
 * sends the line up to the cursor and gets the candidates for its last word.
 */
#include "cp/shell.h"

#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cp/statement.h"

#define HISTORY_LINES 1000
#define HISTORY_FILE ".zlan_history"

struct shell {
	struct cp_client *cl;
	EditLine *el;
	History *history;
	char *history_file; /* NULL: no home */
	bool json;
};

/* ---- completion --------------------------------------------------------------------------------
 */

static json_t *ask_candidates(struct shell *sh, const char *line, size_t len)
{
	char err[512];
	json_t *request = json_pack("{s:s%}", "complete", line, len);
	json_t *answer = request ? cp_client_request(sh->cl, request, err, sizeof(err)) : NULL;
	json_t *list = json_incref(json_object_get(answer, "candidates"));

	json_decref(answer);
	return list;
}

static const char *candidate(const json_t *list, size_t i)
{
	const char *s = json_string_value(json_array_get(list, i));

	return s ? s : "";
}

/* Letters that all candidates begin with, whatever their case. */
static size_t common_prefix(const json_t *list)
{
	const char *first = candidate(list, 0);
	size_t n = strlen(first);

	for (size_t i = 1; i < json_array_size(list); i++)
		while (n && strncasecmp(first, candidate(list, i), n) != 0)
			n--;
	return n;
}

static void show_candidates(const json_t *list)
{
	putchar('\n');
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s%s", i ? "  " : "", candidate(list, i));
	putchar('\n');
	fflush(stdout);
}

/* Replace the word in front of the cursor, word_len characters, by n characters of s. */
static void replace_word(EditLine *el, size_t word_len, const char *s, size_t n, bool complete)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s%s", (int)n, s, complete ? " " : "");
	el_deletestr(el, (int)word_len);
	el_insertstr(el, text);
}

static size_t last_word_length(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[len - n - 1] != ' ' && line[len - n - 1] != '\t')
		n++;
	return n;
}

static unsigned char on_tab(EditLine *el, int ch)
{
	const LineInfo *li = el_line(el);
	size_t len = (size_t)(li->cursor - li->buffer);
	size_t word = last_word_length(li->buffer, len), common;
	unsigned char rc = CC_REDISPLAY;
	struct shell *sh;
	json_t *list;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &sh);
	list = ask_candidates(sh, li->buffer, len);
	common = common_prefix(list);
	if (json_array_size(list) == 1 || common > word)
		replace_word(el, word, candidate(list, 0), common, json_array_size(list) == 1);
	else if (json_array_size(list) == 0)
		rc = CC_REFRESH_BEEP;
	else
		show_candidates(list);
	json_decref(list);
	return rc;
}

/* ---- lines
 * ---------------------------------------------------------------------------------------- */

static char *prompt(EditLine *el)
{
	static char text[] = "zlan> ";

	(void)el;
	return text;
}

static bool is_end(const char *line)
{
	return strcasecmp(line, "exit") == 0 || strcasecmp(line, "quit") == 0;
}

/* Return: false where the shell is to end. */
static bool run_line(struct shell *sh, char *line)
{
	HistEvent ev;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (!*line)
		return true;
	history(sh->history, &ev, H_ENTER, line);
	if (is_end(line))
		return false;
	cp_client_command(sh->cl, line, sh->json, "");
	return true;
}

static void run(struct shell *sh)
{
	const char *line;
	int n;

	while ((line = el_gets(sh->el, &n)) && n > 0) {
		char *copy = strdup(line);
		bool more = copy && run_line(sh, copy);

		free(copy);
		if (!more)
			return;
	}
	putchar('\n');
}

static void history_open(struct shell *sh)
{
	const char *home = getenv("HOME");
	HistEvent ev;

	history(sh->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(sh->history, &ev, H_SETUNIQUE, 1);
	if (home && asprintf(&sh->history_file, "%s/" HISTORY_FILE, home) < 0)
		sh->history_file = NULL;
	if (sh->history_file)
		history(sh->history, &ev, H_LOAD, sh->history_file);
}

static void history_close(struct shell *sh)
{
	HistEvent ev;

	if (sh->history_file) {
		history(sh->history, &ev, H_SAVE, sh->history_file);
		chmod(sh->history_file, 0600);
	}
	free(sh->history_file);
	history_end(sh->history);
}

int cp_shell_interactive(struct cp_client *cl, const char *dir, bool json)
{
	struct shell sh = {.cl = cl, .json = json};

	sh.el = el_init("zlan", stdin, stdout, stderr);
	sh.history = history_init();
	if (!sh.el || !sh.history) {
		fputs("ZLN2653E No line editor for this terminal\n", stderr);
		return EXIT_FAILURE;
	}
	history_open(&sh);
	el_set(sh.el, EL_CLIENTDATA, &sh);
	el_set(sh.el, EL_PROMPT, prompt);
	el_set(sh.el, EL_EDITOR, "emacs");
	el_set(sh.el, EL_HIST, history, sh.history);
	el_set(sh.el, EL_ADDFN, "zlan-complete", "Complete a word", on_tab);
	el_set(sh.el, EL_BIND, "^I", "zlan-complete", NULL);
	el_set(sh.el, EL_SIGNAL, 1);
	printf("zland at %s. HELP lists the commands, EXIT ends.\n", dir);
	run(&sh);
	history_close(&sh);
	el_end(sh.el);
	return EXIT_SUCCESS;
}

static bool run_statement(struct cp_client *cl, const struct cp_statement *st, const char *name,
			  bool json)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "%s:%u: ", name, st->first);
	return cp_client_command(cl, st->text, json, prefix);
}

int cp_shell_stream(struct cp_client *cl, FILE *in, const char *name, bool json)
{
	struct cp_statement st = {.line = 0};
	char *line = NULL;
	size_t cap = 0;
	bool ok = true;
	ssize_t n;

	while ((n = getline(&line, &cap, in)) > 0)
		if (cp_statement_add(&st, line, (size_t)n) && !run_statement(cl, &st, name, json))
			ok = false;
	if (cp_statement_pending(&st) && !run_statement(cl, &st, name, json))
		ok = false;
	free(line);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
