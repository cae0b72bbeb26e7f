/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command language itself: abbreviations, the table of commands, completion, answers as JSON,
 * hostile lines, limits, and that docs/commands.md says what HELP and the messages say.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cp/message.h"
#include "cp/parse.h"
#include "tests/command_bed.h"

/* ---- abbreviations, and a table that does not contradict itself ------------------- */

START_TEST(test_abbreviations)
{
	static const struct {
		int n;
		const char *word, *keyword;
		bool yes;
	} row[] = {
		{1, "PORTT", "PORTType", true},
		{2, "PORT", "PORTType", false},
		{3, "porttype", "PORTType", true},
		{4, "PORTTYPES", "PORTType", false},
		{5, "VLAN", "VLAN", true},
		{6, "VLA", "VLAN", false},
		{7, "", "VLAN", false},
		{8, "OFF", "OFF|ON", true},
		{9, "O", "OFF|ON", false},
		{10, "Q", "Query VSWITCH", true},
		{11, "QUERYV", "Query VSWITCH", false},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_msg(cp_abbreviates(row[i].word, row[i].keyword) == row[i].yes, "row %d",
			      row[i].n);
}
END_TEST

/* The capital letters of a keyword phrase's first word. */
static void shortest(const char *words, char *least)
{
	while (*words && *words != ' ' && !(*words >= 'a' && *words <= 'z'))
		*least++ = *words++;
	*least = '\0';
}

static bool same_first_word(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && strncmp(a, b, n) == 0;
}

/* No abbreviation of a keyword means another one of the command. */
START_TEST(test_grammar)
{
	for (const struct cp_command *c = cp_commands(); c->words; c++) {
		for (const struct cp_operand *a = c->operands; a->help; a++) {
			char least[48];

			shortest(a->words, least);
			for (const struct cp_operand *b = c->operands; b->help; b++)
				ck_assert_msg((a->flags | b->flags) & CP_POSITIONAL ||
						      same_first_word(a->words, b->words) ||
						      !cp_abbreviates(least, b->words),
					      "%s: %s and %s", c->words, a->words, b->words);
		}
	}
}
END_TEST

/* ---- completion ------------------------------------------------------------------- */

START_TEST(test_completion)
{
	static const struct step before[] = {
		{1, "DEFINE VSWITCH VSW1", 0, ""},
		{2, "DEFINE VSWITCH VSW2", 0, ""},
		{3, "NICDEF LINUX1 0600", 0, ""},
	};
	static const struct {
		int n;
		const char *line, *want;
	} row[] = {
		{1, "de", "DEFINE\nDETACH\n"},
		{2, "define ", "CTCA\nLAN\nNIC\nRATEGROUP\nVSWITCH\n"},
		{3, "set vswitch v", "VSW1\nVSW2\n"},
		{4, "set vswitch vsw1 isolation ", "OFF\nON\n"},
		{5, "set vswitch vsw1 iso", "ISOLATION\n"},
		{6, "set vswitch vsw1 grant ", "LINUX1\n"},
		{7, "set vswitch vsw1 uplink t", "TAP\n"},
		{8, "couple linux1/600 system ", "VSW1\nVSW2\n"},
		{9, "define vswitch vsw3 vlan u", "UNAWARE\n"},
		{10, "q v", "VIRTUAL\nVMLAN\nVSWITCH\n"},
		{11, "help def", "DEFINE\n"},
		{12, "help define n", "NIC\n"},
		{13, "foo ", ""},
		{14, "\001", ""},
		{15, "shutdown ", ""},
	};
	struct host h;
	struct cp *cp = command_make(&h);

	RUN(cp, &operator_user, before);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *got = cp_complete(cp, row[i].line);

		ck_assert_msg(strcmp(got, row[i].want) == 0, "row %d: %s gave %s", row[i].n,
			      row[i].line, got);
		free(got);
	}
	cp_destroy(cp);
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *query(struct cp *cp, const char *line)
{
	struct cp_reply r;
	json_t *o;

	ck_assert_int_eq(cp_execute(cp, &operator_user, line, &r), 0);
	o = json_incref(r.json);
	cp_reply_free(&r);
	return o;
}

START_TEST(test_json)
{
	static const struct step before[] = {
		{1, "DEFINE VSWITCH VSW1 VLAN 10 UPLINK TAP tap0", 0, ""},
		{2, "SET VSWITCH VSW1 GRANT LINUX1 PORTTYPE TRUNK VLAN 10-12 PROMISCUOUS", 0, ""},
		{3, "NICDEF LINUX1 0600 LAN SYSTEM VSW1", 0, ""},
		{4, "DEFINE NIC LINUX1/0700", 0, ""},
	};
	struct host h;
	struct cp *cp = command_make(&h);
	const char *name, *ifname, *mac, *owner, *vdev;
	int connected, vid, v0, rx, ready, waiting;
	struct cp_reply r;
	json_t *o;

	RUN(cp, &operator_user, before);
	o = query(cp, "QUERY VSWITCH VSW1");
	ck_assert_int_eq(json_unpack(o,
				     "{s:[{s:s, s:i, s:i, s:s, s:{s:s, s:b}, "
				     "s:[{s:s, s:[i,i,i]}], s:[{s:s, s:{s:{s:i}}}]}]}",
				     "vswitches", "name", &name, "connected", &connected,
				     "default_vid", &vid, "mac", &mac, "uplink", "ifname", &ifname,
				     "ready", &ready, "authorized", "userid", &owner, "vlans", &v0,
				     &v0, &v0, "adapters", "vdev", &vdev, "counters", "in",
				     "frames", &rx),
			 0);
	ck_assert_str_eq(name, "VSW1");
	ck_assert_int_eq(connected, 1);
	ck_assert_int_eq(vid, 10);
	ck_assert_str_eq(mac, "02:00:00:00:00:01");
	ck_assert_str_eq(ifname, "tap0");
	ck_assert_int_eq(ready, 1);
	ck_assert_str_eq(vdev, "0600");
	ck_assert_int_eq(v0, 12);
	json_decref(o);

	o = query(cp, "QUERY NIC USER LINUX1");
	ck_assert_int_eq(json_unpack(o, "{s:[{s:s, s:s, s:{s:s}}, {s:s, s:n, s:b}]}", "nics",
				     "vdev", &vdev, "mac", &mac, "lan", "name", &name, "vdev",
				     &vdev, "lan", "waiting", &waiting),
			 0);
	ck_assert_str_eq(name, "VSW1");
	ck_assert_int_eq(waiting, 0);
	json_decref(o);

	cp_execute(cp, &operator_user, "SET VSWITCH NONE ISOLATION ON", &r);
	ck_assert_int_eq(json_unpack(r.json, "{s:i, s:[{s:s, s:s, s:{s:i, s:i}}]}", "rc", &rx,
				     "errors", "message", &name, "operand", &owner, "smapi", "rc",
				     &vid, "rs", &v0),
			 0);
	ck_assert_int_eq(rx, 2040);
	ck_assert_str_eq(name, "ZLN2040E");
	ck_assert_str_eq(owner, "NONE");
	ck_assert_int_eq(vid, 212);
	ck_assert_int_eq(v0, 40);
	cp_reply_free(&r);
	cp_destroy(cp);
}
END_TEST

/* ---- hostile lines ---------------------------------------------------------------- */

static int run_long(struct cp *cp, const char *word, size_t words, size_t total)
{
	char *line = malloc(total + 1);
	size_t n = 0;
	struct cp_reply r;
	int rc;

	n = (size_t)snprintf(line, total + 1, "SET VSWITCH VSW1 GRANT X PORTTYPE TRUNK VLAN ");
	for (size_t i = 0; i < words && n + strlen(word) <= total; i++)
		n += (size_t)snprintf(line + n, total + 1 - n, "%s", word);
	while (n < total)
		line[n++] = ' ';
	line[n] = '\0';
	rc = cp_execute(cp, &operator_user, line, &r);
	cp_reply_free(&r);
	free(line);
	return rc;
}

START_TEST(test_long_lines)
{
	static const struct step before[] = {{1, "DEFINE VSWITCH VSW1 VLAN 10", 0, ""}};
	struct host h;
	struct cp *cp = command_make(&h);
	char list[4200] = "SET VSWITCH VSW1 GRANT Y PORTTYPE TRUNK VLAN";
	struct cp_reply r;

	RUN(cp, &operator_user, before);
	ck_assert_int_eq(run_long(cp, "7 ", 2000, 4096), 0);
	ck_assert_int_eq(run_long(cp, "7 ", 2000, 4097), 2505);
	ck_assert_int_eq(run_long(cp, "x", 4000, 4096), 2);
	ck_assert_int_eq(run_long(cp, "9", 4000, 4096), 2);
	for (unsigned v = 1; v <= 801; v += 2)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), " %u", v);
	ck_assert_int_eq(cp_execute(cp, &operator_user, list, &r), 2);
	ck_assert_ptr_nonnull(strstr(r.errors, "at most 400 separate ranges"));
	cp_reply_free(&r);
	*strrchr(list, ' ') = '\0';
	ck_assert_int_eq(cp_execute(cp, &operator_user, list, &r), 0);
	cp_reply_free(&r);
	command_round_trip(cp, "400 ranges");
	cp_destroy(cp);
}
END_TEST

/* Limits are messages. */
START_TEST(test_limits)
{
	struct host h;
	struct cp *cp = command_make(&h);
	char line[64];
	struct cp_reply r;
	int rc = 0;

	for (unsigned i = 0; i < 300 && rc == 0; i++) {
		snprintf(line, sizeof(line), "DEFINE LAN L%u", i);
		rc = cp_execute(cp, &operator_user, line, &r);
		ck_assert_int_eq(rc, i < 256 ? 0 : 2503);
		cp_reply_free(&r);
	}
	rc = 0;
	for (unsigned i = 0; i < 5000 && rc == 0; i++) {
		snprintf(line, sizeof(line), "NICDEF U%u 0600", i);
		rc = cp_execute(cp, &operator_user, line, &r);
		ck_assert_int_eq(rc, i < 4096 ? 0 : 2503);
		cp_reply_free(&r);
	}
	ck_assert_int_eq(rc, 2503);
	cp_destroy(cp);
}
END_TEST

/* Each table holds what docs/commands.md says; one more is refused, changes nothing, and what is
 * in it can go on. */
static const struct {
	const char *form, *before, *again;
	unsigned n;
} tables[] = {
	{"SET VSWITCH V GRANT U%u", "DEFINE VSWITCH V", "SET VSWITCH V REVOKE U7", 16384},
	{"SET LAN L OWNERID SYSTEM GRANT U%u", "DEFINE LAN L OWNERID SYSTEM",
	 "SET LAN L OWNERID SYSTEM REVOKE U7", 16384},
	{"USER U%u UID 1", "DEFINE VSWITCH V", "USER U7 NOUID 1", 4096},
	{"DEFINE RATEGROUP R%u IN 1M", "DEFINE VSWITCH V", "DETACH RATEGROUP R7", 256},
	{"SET PORT GROUP G%u INTERVAL 9", "DEFINE VSWITCH V", "SET PORT GROUP G7 DELETE", 64},
	{"SET PORT GROUP G JOIN TAP tap%u", "DEFINE VSWITCH V", "SET PORT GROUP G LEAVE TAP tap7",
	 8},
	{"TRSOURCE ID T%u TYPE LAN OWNER SYSTEM LANNAME V", "DEFINE VSWITCH V",
	 "TRSOURCE DROP ID T7", 16},
	{"DEFINE CTCA U%u/0700", "DEFINE VSWITCH V", "DETACH U7/0700", 4096},
};

static int run_line(struct cp *cp, const char *line)
{
	struct cp_reply r;
	int rc = cp_execute(cp, &operator_user, line, &r);

	cp_reply_free(&r);
	return rc;
}

START_TEST(test_full_tables)
{
	struct host h;
	struct cp *cp = command_make(&h);
	char line[64], *full, *after;
	unsigned n = 0;

	ck_assert_int_eq(run_line(cp, tables[_i].before), 0);
	do {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), tables[_i].form, n);
#pragma GCC diagnostic pop
		ck_assert_uint_le(n, tables[_i].n);
	} while (run_line(cp, line) == 0 && ++n);
	ck_assert_msg(n == tables[_i].n, "%s: %u", tables[_i].form, n);
	full = cp_configuration(cp);
	ck_assert_int_eq(run_line(cp, line), 2503);
	after = cp_configuration(cp);
	ck_assert_str_eq(full, after);
	ck_assert_int_eq(run_line(cp, tables[_i].again), 0);
	ck_assert_int_eq(run_line(cp, line), 0);
	free(full);
	free(after);
	cp_destroy(cp);
}
END_TEST

/* ---- documentation ---------------------------------------------------------------- */

static char *read_doc(void)
{
	FILE *f = fopen("docs/commands.md", "r");
	char *doc = calloc(1, 1 << 18);

	ck_assert_msg(f != NULL, "docs/commands.md: run from the top folder");
	ck_assert_uint_gt(fread(doc, 1, (1 << 18) - 1, f), 1000);
	fclose(f);
	return doc;
}

/* The section of a command begins with what HELP prints, or says which command it is as. */
static void section(struct cp *cp, const char *doc, const char *words)
{
	char head[80], line[80];
	const char *at;
	struct cp_reply r;

	snprintf(head, sizeof(head), "\n## %s\n", words);
	at = strstr(doc, head);
	ck_assert_msg(at != NULL, "%s is not documented", words);
	at += strlen(head);
	if (strncmp(at, "As ", 3) == 0)
		return;
	ck_assert_msg(strncmp(at, "```\n", 4) == 0, "%s: no block of HELP", words);
	at += 4;
	snprintf(line, sizeof(line), "HELP %s", words);
	ck_assert_int_eq(cp_execute(cp, &operator_user, line, &r), 0);
	ck_assert_msg(strncmp(at, r.text, strlen(r.text)) == 0 &&
			      strncmp(at + strlen(r.text), "```\n", 4) == 0,
		      "docs/commands.md: the block of %s is not what HELP prints:\n%s", words,
		      r.text);
	at += strlen(r.text);
	ck_assert_msg(strstr(at, "\nRepl") && strstr(at, "\nRepl") < strstr(at, "\n#"),
		      "docs/commands.md: %s: no reply", words);
	cp_reply_free(&r);
}

/* All files of a pattern, one behind the other. */
static char *read_all(const char *pattern)
{
	char *text = NULL, buf[4096];
	size_t len, n;
	FILE *to = open_memstream(&text, &len);
	glob_t g;

	ck_assert_int_eq(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		ck_assert_ptr_nonnull(f);
		while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
			fwrite(buf, 1, n, to);
		fclose(f);
	}
	globfree(&g);
	fclose(to);
	return text;
}

/* What the programs say besides is in some document. */
START_TEST(test_messages_documented)
{
	static const char *const sources[] = {"cp/*.c", "host/*.c", "guest/*.c"};
	char *source = read_all(sources[_i]), *docs = read_all("docs/*.md"), number[9];

	for (const char *at = source; (at = strstr(at, "ZLN")); at++) {
		snprintf(number, sizeof(number), "%s", at);
		if (strspn(number + 3, "0123456789") == 4 && strchr("EIW", number[7]))
			ck_assert_msg(strstr(docs, number) != NULL, "%s is in no document", number);
	}
	free(source);
	free(docs);
}
END_TEST

/* The row of a message. &1 is *a* there. */
static void row(const char *doc, const struct cp_message *m)
{
	char want[512];
	size_t n = (size_t)snprintf(want, sizeof(want), "\n| ZLN%04uE | ", m->number);

	for (const char *s = m->text; *s && n + 4 < sizeof(want); s++) {
		if (*s != '&') {
			want[n++] = *s;
			continue;
		}
		n += (size_t)snprintf(want + n, sizeof(want) - n, "*%c*", 'a' + *++s - '1');
	}
	snprintf(want + n, sizeof(want) - n, " | %d/%d |\n", m->rc, m->rs);
	ck_assert_msg(strstr(doc, want) != NULL, "docs/commands.md has no row%s", want);
}

/* Every command, operand and message is in docs/commands.md, as it is printed. */
START_TEST(test_documented)
{
	char *doc = read_doc();
	struct host h;
	struct cp *cp = command_make(&h);

	for (const struct cp_command *c = cp_commands(); c->words; c++)
		section(cp, doc, c->words);
	for (int m = 0; m < CP_MSG_COUNT; m++)
		row(doc, cp_message((enum cp_msg)m));
	cp_destroy(cp);
	free(doc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("command");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_abbreviations);
	tcase_add_test(t, test_grammar);
	tcase_add_test(t, test_completion);
	tcase_add_test(t, test_json);
	tcase_add_test(t, test_long_lines);
	tcase_add_test(t, test_limits);
	tcase_add_loop_test(t, test_full_tables, 0, sizeof(tables) / sizeof(tables[0]));
	tcase_add_test(t, test_documented);
	tcase_add_loop_test(t, test_messages_documented, 0, 3);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
