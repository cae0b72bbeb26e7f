/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made permanent. Random statements, built from the table of commands itself, make a
 * configuration; what is printed of it, loaded into an empty control program, prints the same.
 * The files of SAVE and PERSIST: when they count.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cp/cp_priv.h"
#include "cp/save.h"

static const struct cp_caller operator_user = {.user = "OPERATOR", .class_b = true};
static uint64_t dice;

static unsigned roll(unsigned n)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(dice >> 33) % n;
}

static void *open_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			 char *err, size_t err_len)
{
	(void)kind;
	(void)arg;
	(void)link;
	(void)err;
	(void)err_len;
	return ctx;
}

static void close_uplink(void *ctx, void *uplink)
{
	ck_assert_ptr_eq(ctx, uplink);
}

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

struct saved {
	char text[65536];
	char persisted[8192];
	FILE *all; /* of PERSIST, or NULL */
	bool fails;
};

static int save(void *ctx, enum cp_save what, const char *text, char *err, size_t err_len)
{
	struct saved *s = ctx;

	snprintf(err, err_len, "disk full");
	if (s->fails)
		return -1;
	if (what == CP_SAVE_ALL)
		snprintf(s->text, sizeof(s->text), "%s", text);
	else if (what == CP_SAVE_NONE)
		s->text[0] = s->persisted[0] = '\0';
	else
		snprintf(s->persisted, sizeof(s->persisted), "%s", text);
	if (what == CP_SAVE_STATEMENT && s->all)
		fprintf(s->all, "%s\n", text);
	return 0;
}

static struct cp *make(struct saved *s)
{
	struct cp_hooks h = {.open_uplink = open_uplink,
			     .close_uplink = close_uplink,
			     .log = log_line,
			     .save = save,
			     .ctx = s};
	struct cp *cp = cp_create(&h);

	ck_assert_ptr_nonnull(cp);
	return cp;
}

/* ---- random statements from the table --------------------------------------------------- */

static size_t add(char *line, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static size_t add(char *line, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n += (size_t)vsnprintf(line + n, CP_LINE_MAX - n, fmt, ap);
	va_end(ap);
	return n < CP_LINE_MAX ? n : CP_LINE_MAX - 1;
}

static size_t add_choice(char *line, size_t n, const char *choices)
{
	unsigned count = 1, k;

	for (const char *s = choices; *s; s++)
		count += *s == '|';
	for (k = roll(count); k; k--)
		choices += strcspn(choices, "|") + 1;
	return add(line, n, " %.*s", (int)strcspn(choices, "|"), choices);
}

/* A value the argument may have; few different ones, so that statements meet. */
static size_t add_value(char *line, size_t n, const struct cp_operand *o)
{
	static const char *const units[] = {"", "K", "M", "G"};
	unsigned r = roll(3);

	if (o->choices && (o->arg == CP_ARG_NONE || roll(3) == 0))
		return add_choice(line, n, o->choices);
	switch (o->arg) {
	case CP_ARG_SWITCH:
	case CP_ARG_LAN:
	case CP_ARG_NEWNAME:
		return add(line, n, " N%u", r);
	case CP_ARG_USER:
	case CP_ARG_OWNER:
		return add(line, n, r ? " U%u" : " SYSTEM", r);
	case CP_ARG_NETWORK:
		return add(line, n, r ? " SYSTEM N%u" : " U1 N%u", r);
	case CP_ARG_VDEV:
		return add(line, n, " U%u/0%u00", r, 6 + roll(2));
	case CP_ARG_USERVDEV:
		return add(line, n, " U%u 0600", r);
	case CP_ARG_VID:
		return add(line, n, " %u", 1 + roll(4094));
	case CP_ARG_VIDS:
		return add(line, n, " %u %u-%u", 1 + roll(9), 20 + roll(9), 30 + roll(9));
	case CP_ARG_NUM:
		return add(line, n, " %u",
			   o->min + roll(o->max > o->min && o->max < 99999 ? o->max - o->min : 99));
	case CP_ARG_IFNAME:
		return add(line, n, " tap%u", r);
	case CP_ARG_IFNAMES:
		return add(line, n, roll(2) ? " tap%u" : " tap%u eth%u", r, roll(3));
	case CP_ARG_GROUP:
		return add(line, n, " N%u", r);
	case CP_ARG_MACRANGE:
		return add(line, n, " 00010%u-0001F%u", r, r);
	case CP_ARG_PORTS:
	case CP_ARG_ANYPORTS:
		return add(line, n, " %u-%u", 1 + r, 3);
	case CP_ARG_MACID:
		return add(line, n, " 00010%u", roll(9));
	case CP_ARG_CHPID:
		return add(line, n, " %02X", roll(256));
	case CP_ARG_STORAGE:
		return add(line, n, " %uM %uM", 1 + roll(8), 9 + roll(100));
	case CP_ARG_RATE:
		return add(line, n, " %u%s", 1 + roll(999) * (roll(2) ? 1 : 1000), units[roll(4)]);
	case CP_ARG_BYTES:
		return add(line, n, " %u%s", 64 + roll(900), units[roll(3)]);
	case CP_ARG_USERS:
	case CP_ARG_WORDS:
		return add(line, n, " U%u U2", r);
	case CP_ARG_TEXT:
		return add(line, n, " \"net_ring%u,a=b\"", r);
	default:
		return n;
	}
}

/*
 * What seldom comes about by chance, as operands need each other. n name, u userid, v VID, l list
 * of VIDs, p port number, r rate, o switch, others as they are.
 */
static const char *const together[] = {
	"DEFINE VSWITCH Nn VLAN v PORTTYPE TRUNK NATIVE v MVRP",
	"DEFINE VSWITCH Nn VLAN AWARE GVRP NATIVE NONE PORTBASED",
	"DEFINE VSWITCH Nn VLAN v NOGVRP PORTBASED UPLINK NIC IFp",
	"DEFINE VSWITCH Nn IP PRIROUTER VLAN v",
	"DEFINE VSWITCH Nn GROUP Nn UPLINK TAP TAPp",
	"DEFINE VSWITCH Nn BRIDGEPORT LAN Uu Nn BRIDGEPORT PRIMARY BRIDGEPORT DISCONNECT",
	"DEFINE LAN Nn OWNERID Uu TYPE HIPERSOCKETS MFS 40K CHPID F1",
	"DEFINE LAN Nn OWNERID SYSTEM RESTRICTED MAXCONN 1 GRANT Uu U2",
	"SET LAN Nn OWNERID SYSTEM GRANT Uu PROMISCUOUS",
	"SET LAN Nn OWNERID SYSTEM REVOKE Uu",
	"COUPLE Uu/0700 TO SYSTEM Nn",
	"NICDEF Uu 0700 LAN SYSTEM Nn",
	"DEFINE NIC Uu/0600",
	"NICDEF Uu 0600 LAN SYSTEM Nn PORTTYPE TRUNK VLAN l PROMISCUOUS",
	"NICDEF Uu 0700 TYPE HIPERSOCKETS LAN Uu Nn CHPID F2",
	"USER Uu UID p GID p",
	"USER Uu NOUID p NOGID p",
	"COUPLE Uu/0600 TO SYSTEM Nn PORTNUMBER p",
	"COUPLE Uu/0700 TO CHPID F1",
	"SET VSWITCH Nn GRANT Uu PORTTYPE TRUNK VLAN l PROMISCUOUS",
	"SET VSWITCH Nn GRANT Uu PORTTYPE ACCESS VLAN v NOPROMISCUOUS",
	"SET VSWITCH Nn GRANT Uu OSDSIM",
	"SET VSWITCH Nn REVOKE Uu",
	"SET VSWITCH Nn PORTTYPE TRUNK VLAN v NATIVE v",
	"SET VSWITCH Nn VLAN AWARE NATIVE NONE MVRP",
	"SET VSWITCH Nn GVRP",
	"SET VSWITCH Nn NOGVRP",
	"SET VSWITCH Nn UPLINK NIC IFp IFn",
	"SET VSWITCH Nn UPLINK NIC Uu 0600",
	"SET VSWITCH Nn UPLINK NIC IFp IFn Uu/0600",
	"SET VSWITCH Nn UPLINK NONE",
	"SET VSWITCH Nn SWITCHOVER",
	"SET VSWITCH Nn MACID 00020p",
	"SET VSWITCH Nn RATE UPLINK IN r OUT r BURST 64K",
	"SET VSWITCH Nn RATE VLAN v OUT r",
	"SET VSWITCH Nn RATE VLAN v IN r OUT OFF",
	"SET VSWITCH Nn QUEUESTORAGE 1M 9M CONTROLLER Uu IPTIMEOUT p LOG VERBOSE",
	"SET VSWITCH Nn VEPA o VLANCOUNTERS o",
	"SET VSWITCH Nn ISOLATION o MACPROTECT o PRIQUEUING PCP",
	"SET VSWITCH Nn MIRROR TO Uu 0600 FROM Uu 0600 MIRROR VLAN v ONLY IN",
	"SET VSWITCH Nn MIRROR TO Uu 0600 FROM UPLINK ONLY OUT",
	"SET VSWITCH Nn PATHMTUDISCOVERY VALUE 9000 PRIROUTER",
	"SET VSWITCH Nn MIXED o",
	"SET VSWITCH Nn GROUP Nn",
	"SET VSWITCH Nn BRIDGEPORT LAN Uu Nn PRIMARY",
	"SET VSWITCH Nn BRIDGEPORT SECONDARY BRIDGEPORT CONNECT",
	"SET VSWITCH Nn BRIDGEPORT DISCONNECT",
	"SET VSWITCH Nn BRIDGEPORT NONE",
	"SET VSWITCH Nn PORTNUMBER p USERID Uu PORTTYPE TRUNK VLAN l PROMISCUOUS",
	"SET VSWITCH Nn PORTNUMBER p MODIFY VLAN v NOPROMISCUOUS",
	"SET VSWITCH Nn PORTNUMBER p REMOVE",
	"SET VSWITCH Nn VLANID 10 ADD p",
	"SET VSWITCH Nn VLANID 10 REMOVE p",
	"SET VSWITCH Nn VLANID 10 DELETE",
	"SET VSWITCH Nn STORM BROADCAST 100p STORM MULTICAST 100p STORM UNKNOWN OFF",
	"SET VMLAN MACPREFIX 02000p USERPREFIX 02001p",
	"SET VMLAN MACIDRANGE SYSTEM 000001-00FFFF USER 000100-0FFFFF",
	"SET VMLAN LIMIT PERSISTENT 20p TRANSIENT INFINITE",
	"SET PORT GROUP Nn JOIN TAP TAPp TAPn LACP INACTIVE INTERVAL 1p TIMEOUT FAST MINLINKS p",
	"SET PORT GROUP Nn JOIN NIC IFp",
	"SET PORT GROUP Nn LEAVE TAP TAPp",
	"SET PORT GROUP Nn LACP ACTIVE EXCLUSIVE",
	"DEFINE RATEGROUP Nn IN r OUT r BURST 64K",
	"SET NIC Uu/0600 RATE IN r RATE OUT r BURST 32K GUARANTEE r RATEGROUP Nn",
	"TRSOURCE ID Tn TYPE LAN OWNER SYSTEM LANNAME Nn VLAN l LENGTH FULL NIC Uu 0600",
	"TRSOURCE ID Tn TYPE LAN OWNER SYSTEM LANNAME Nn VLAN v DROPPED",
	"TRSOURCE ENABLE ID Tn",
};
#define TOGETHER (sizeof(together) / sizeof(together[0]))
static unsigned accepted_together[TOGETHER];

static unsigned random_together(char line[CP_LINE_MAX])
{
	unsigned which = roll(TOGETHER);
	size_t n = 0;

	line[0] = '\0';
	for (const char *s = together[which]; *s; s++) {
		switch (*s) {
		case 'n':
		case 'u':
			n = add(line, n, "%u", roll(3));
			break;
		case 'v':
			n = add(line, n, "%u", roll(3) ? 10 + roll(3) : 1 + roll(4094));
			break;
		case 'l':
			n = add(line, n, "%u %u-%u", 1 + roll(9), 10 + roll(9), 20 + roll(9));
			break;
		case 'p':
			n = add(line, n, "%u", 1 + roll(3));
			break;
		case 'r':
			n = add(line, n, "%uM", 1 + roll(999));
			break;
		case 'o':
			n = add(line, n, roll(2) ? "ON" : "OFF");
			break;
		default:
			n = add(line, n, "%c", *s);
		}
	}
	return which;
}

static void random_statement(char line[CP_LINE_MAX])
{
	static const char *const never[] = {"SHUTDOWN", "HELP", "SAVE", "SET DPDK"};
	const struct cp_command *all = cp_commands(), *c;
	unsigned count = 0, keywords = 0, one_in;
	bool skip;
	size_t n;

	while (all[count].words)
		count++;
	do {
		c = &all[roll(count)];
		skip = strncmp(c->words, "Query", 5) == 0;
		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
			skip |= strcmp(c->words, never[i]) == 0;
		/* Less of what takes away. */
		skip |= strncmp(c->words, "DETach", 6) == 0 && roll(4);
	} while (skip);
	n = add(line, 0, "%s", c->words);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (o->flags & CP_POSITIONAL && !(o->flags & CP_OPTIONAL && roll(2)))
			n = add_value(line, n, o);
	for (const struct cp_operand *o = c->operands; o->help; o++)
		keywords += !(o->flags & CP_POSITIONAL);
	one_in = roll(2) ? 5 : keywords / 2 + 1; /* many, which often conflict, or one or two */
	for (const struct cp_operand *o = c->operands; o->help; o++)
		if (!(o->flags & (CP_POSITIONAL | CP_UNSUPPORTED | CP_LEADING)) &&
		    roll(one_in) == 0) {
			n = add(line, n, " %s", o->words);
			n = add_value(line, n, o);
		}
}

static void report(void *ctx, const char *text)
{
	char *all = ctx;
	size_t n = strlen(all);

	snprintf(all + n, 4096 - n, "%s\n", text);
}

/* Does the text make what cp has? */
static void load_print(struct cp *cp, const char *text, const char *last)
{
	char path[] = "/tmp/check_save.XXXXXX", errors[4096] = "", *before, *after;
	static struct saved s;
	struct cp *fresh = make(&s);
	int fd = mkstemp(path);

	before = cp_configuration(cp);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	cp_execute_file(fresh, path, false, report, errors);
	after = cp_configuration(fresh);
	ck_assert_msg(!errors[0], "after %s:\n%s\n%s", last, errors, before);
	ck_assert_msg(strcmp(before, after) == 0, "after %s:\n%s\nbecame\n%s", last, before, after);
	unlink(path);
	free(before);
	free(after);
	cp_destroy(fresh);
}

static void print_load_print(struct cp *cp, const char *last)
{
	char *text = cp_configuration(cp);

	load_print(cp, text, last);
	free(text);
}

START_TEST(print_load_print_is_the_same)
{
	static struct saved s;
	char line[CP_LINE_MAX];
	const char *env = getenv("SEED");
	unsigned accepted = 0, never = 0;

	dice = env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL);
	printf("check_save: SEED=%llu\n", (unsigned long long)dice);
	for (unsigned round = 0; round < 25; round++) {
		struct cp *cp = make(&s);

		for (unsigned i = 0; i < 600; i++) {
			unsigned which = TOGETHER;
			struct cp_reply r;
			bool ok;

			if (roll(2))
				random_statement(line);
			else
				which = random_together(line);
			ok = cp_execute(cp, &operator_user, line, &r) == 0;
			accepted += ok;
			if (which < TOGETHER)
				accepted_together[which] += ok;
			cp_reply_free(&r);
			if (i % 20 == 19)
				print_load_print(cp, line);
		}
		cp_destroy(cp);
	}
	ck_assert_uint_gt(accepted, 500);
	for (unsigned k = 0; k < TOGETHER; k++)
		never += !accepted_together[k];
	ck_assert_uint_le(never, TOGETHER / 8); /* by bad luck; else the lines have grown old */
}
END_TEST

/* ---- SAVE, PERSIST ----------------------------------------------------------------------- */

static int run(struct cp *cp, const char *line)
{
	struct cp_reply r;
	int rc = cp_execute(cp, &operator_user, line, &r);

	cp_reply_free(&r);
	return rc;
}

START_TEST(persist_hands_over_the_statement)
{
	static struct saved s;
	struct cp *cp = make(&s);
	const struct cp_caller other = {.user = "LINUX1"};
	struct cp_reply r;
	char *text;

	ck_assert_int_eq(run(cp, "DEFINE VSWITCH V1 UPLINK DPDK \"net_ring0 , /* x\""), 2);
	ck_assert_int_eq(run(cp, "DEFINE VSWITCH V1 persist"), 0);
	ck_assert_str_eq(s.persisted, "DEFINE VSWITCH V1");
	ck_assert_int_eq(run(cp, "SET VSWITCH V1 GRANT PERSIST"), 0); /* a userid */
	ck_assert_str_eq(s.persisted, "DEFINE VSWITCH V1");
	ck_assert_int_eq(run(cp, "SET VSWITCH V1 UPLINK DPDK \"net_ring0,a\" PERSIST"), 0);
	ck_assert_str_eq(s.persisted, "SET VSWITCH V1 UPLINK DPDK \"net_ring0,a\"");
	ck_assert_int_eq(run(cp, "SET VSWITCH NONE ISOLATION ON PERSIST"), 2040);
	ck_assert_int_eq(run(cp, "QUERY VSWITCH PERSIST"), 2040); /* a switch */
	ck_assert_int_eq(run(cp, "QUERY VMLAN PERSIST"), 3);	  /* changes nothing */
	ck_assert_int_eq(run(cp, "SAVE PERSIST"), 3);
	ck_assert_str_eq(s.persisted, "SET VSWITCH V1 UPLINK DPDK \"net_ring0,a\"");
	ck_assert_int_eq(cp_execute(cp, &other, "DEFINE NIC 0600 PERSIST", &r), 2504);
	cp_reply_free(&r);
	ck_assert_ptr_null(cp_nic_find(cp, "LINUX1", 0x600));
	ck_assert_int_eq(run(cp, "SAVE"), 0);
	text = cp_configuration(cp);
	ck_assert_str_eq(s.text, text);
	free(text);
	ck_assert_int_eq(run(cp, "SAVE NONE"), 0);
	ck_assert_str_eq(s.text, "");
	s.fails = true;
	ck_assert_int_eq(run(cp, "SAVE"), 2517);
	ck_assert_int_eq(run(cp, "DEFINE VSWITCH V2 PERSIST"), 2517);
	ck_assert_ptr_nonnull(cp_lan_find(cp, "SYSTEM", "V2"));
	s.fails = false;
	cp_destroy(cp);
}
END_TEST

/* One of each command that changes something. */
static const char *const changing[] = {
	"USER U1 UID 1000",
	"DEFINE VSWITCH V VLAN 10",
	"DEFINE VSWITCH W",
	"DEFINE LAN L OWNERID SYSTEM TYPE HIPERSOCKETS CHPID F1",
	"DEFINE LAN M OWNERID SYSTEM",
	"DEFINE NIC U1/0600",
	"DEFINE NIC U1/0610",
	"DEFINE CTCA U1/0700",
	"DEFINE CTCA U2/0701",
	"DEFINE CTCA U2/0702",
	"NICDEF U2 0600 TYPE QDIO",
	"COUPLE U1/0600 TO SYSTEM M",
	"COUPLE U1/0700 TO U2 0701",
	"UNCOUPLE U1/0600",
	"SET VSWITCH V GRANT U1 PORTTYPE TRUNK VLAN 10 20-30",
	"MODIFY VSWITCH V UPLINK DPDK \"net_ring0,a=b\"",
	"SET VMLAN LIMIT TRANSIENT 7",
	"VMLAN LIMIT PERSISTENT 70",
	"SET PORT GROUP G JOIN TAP tap1 tap2",
	"SET DPDK ARGS \"--no-pci -m 64\"",
	"DEFINE RATEGROUP R IN 10M",
	"SET RATEGROUP R OUT 20M",
	"DEFINE RATEGROUP S IN 10M",
	"DETACH RATEGROUP S",
	"SET WORKERS 2",
	"SET LAN M OWNERID SYSTEM GRANT U2",
	"SET NIC U1/0600 MACPROTECT ON",
	"TRSOURCE ID T TYPE LAN OWNER SYSTEM LANNAME V",
	"TRSOURCE ENABLE ID T",
	"TRSOURCE DISABLE ID T",
	"TRSOURCE DROP ID T",
	"DETACH CTCA U2/0702",
	"DETACH NIC U1/0610",
	"DETACH U2/0600",
	"DETACH VSWITCH W",
	"DETACH LAN L OWNERID SYSTEM",
};
#define CHANGING (sizeof(changing) / sizeof(changing[0]))

/* Of capitals and the rest of a keyword: the statement begins with the command's words. */
static bool is_of(const char *statement, const char *words)
{
	return strncasecmp(statement, words, strlen(words)) == 0 && statement[strlen(words)] == ' ';
}

START_TEST(persist_of_every_command)
{
	static const char *const others[] = {"SAVE", "HELP", "SHUTDOWN"};
	static struct saved s;
	char line[CP_LINE_MAX], *text = NULL;
	struct cp *cp = make(&s);
	size_t len;

	s.all = open_memstream(&text, &len);
	for (const struct cp_command *c = cp_commands(); c->words; c++) {
		bool found = strncmp(c->words, "Query ", 6) == 0;

		for (unsigned i = 0; i < 3; i++)
			found |= strcmp(c->words, others[i]) == 0;
		for (unsigned i = 0; i < CHANGING; i++)
			found |= is_of(changing[i], c->words);
		ck_assert_msg(found, "%s: is not tried", c->words);
	}
	for (unsigned i = 0; i < CHANGING; i++) {
		snprintf(line, sizeof(line), "%s PERSIST", changing[i]);
		s.persisted[0] = '\0';
		ck_assert_msg(run(cp, line) == 0, "%s", line);
		ck_assert_str_eq(s.persisted, changing[i]);
		fflush(s.all);
		load_print(cp, text, line);
	}
	fclose(s.all);
	s.all = NULL;
	free(text);
	cp_destroy(cp);
}
END_TEST

/* What was made permanent statement by statement makes the same. */
START_TEST(persisted_statements_make_the_same)
{
	static struct saved s;
	char line[CP_LINE_MAX], *text;
	const char *env = getenv("SEED");
	size_t len;

	dice = env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL);
	for (unsigned round = 0; round < 8; round++) {
		struct cp *cp = make(&s);

		s.all = open_memstream(&text, &len);
		for (unsigned i = 0; i < 400; i++) {
			if (roll(2))
				random_statement(line);
			else
				random_together(line);
			if (strlen(line) + sizeof(" PERSIST") > sizeof(line))
				continue;
			strcat(line, " PERSIST"); /* NOLINT(*insecureAPI.strcpy) */
			run(cp, line);
			fflush(s.all);
			if (i % 40 == 39)
				load_print(cp, text, line);
		}
		fclose(s.all);
		s.all = NULL;
		free(text);
		cp_destroy(cp);
	}
}
END_TEST

static enum cp_saved_found look(struct cp_saved *s, char *text, size_t cap)
{
	int fd;
	enum cp_saved_found found = cp_saved_look(s, &fd);
	ssize_t n = fd >= 0 ? read(fd, text, cap - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return found;
}

START_TEST(files_of_what_is_saved)
{
	char dir[] = "/tmp/check_save.XXXXXX", path[64], text[256];
	struct cp_saved *s, *other;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/none/saved", dir);
	ck_assert_ptr_null(cp_saved_open(path, "-"));
	snprintf(path, sizeof(path), "%s/saved", dir);
	s = cp_saved_open(path, "0123456789abcdef");
	other = cp_saved_open(path, "0123456789abcdee");
	ck_assert(s && other);
	ck_assert_int_eq(look(s, text, sizeof(text)), CP_SAVED_NONE);
	ck_assert_int_eq(cp_saved_remove(s), 0);
	ck_assert_int_eq(cp_saved_add(s, "DEFINE VSWITCH A"), 0);
	ck_assert_int_eq(cp_saved_add(s, "DEFINE VSWITCH B"), 0);
	ck_assert_int_eq(look(other, text, sizeof(text)), CP_SAVED_ADDED);
	ck_assert_str_eq(text, "* zland saved 1 added\nDEFINE VSWITCH A\nDEFINE VSWITCH B\n");
	ck_assert_int_eq(cp_saved_write(s, "DEFINE VSWITCH C\n"), 0);
	ck_assert_int_eq(cp_saved_add(s, "DEFINE VSWITCH D"), 0);
	ck_assert_int_eq(look(s, text, sizeof(text)), CP_SAVED_WHOLE);
	ck_assert_str_eq(text, "* zland saved 1 whole 0123456789abcdef\n"
			       "DEFINE VSWITCH C\nDEFINE VSWITCH D\n");
	/* The configuration file was edited: what was saved over it does not count, and what is
	 * persisted now does not revive it. */
	ck_assert_int_eq(look(other, text, sizeof(text)), CP_SAVED_OUTDATED);
	ck_assert_int_eq(cp_saved_add(other, "DEFINE VSWITCH E"), 0);
	ck_assert_int_eq(look(s, text, sizeof(text)), CP_SAVED_ADDED);
	ck_assert_str_eq(text, "* zland saved 1 added\nDEFINE VSWITCH E\n");
	ck_assert_int_eq(cp_saved_remove(s), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(look(s, text, sizeof(text)), CP_SAVED_UNUSABLE);
	ck_assert_int_eq(cp_saved_remove(s), 0);
	cp_saved_close(s);
	cp_saved_close(other);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("save");
	TCase *t = tcase_create("save");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, print_load_print_is_the_same);
	tcase_add_test(t, persist_hands_over_the_statement);
	tcase_add_test(t, persist_of_every_command);
	tcase_add_test(t, persisted_statements_make_the_same);
	tcase_add_test(t, files_of_what_is_saved);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
