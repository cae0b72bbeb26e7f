/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as statements: random sequences of commands, each written out and read again,
 * and files.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cp/cp_priv.h"
#include "tests/command_bed.h"

/* ---- VLANs --------------------------------------------------------------------------- */

static const struct {
	const char *text;
	unsigned ranges;
	unsigned vid[6];
} vid_sets[] = {
	{"", 0, {0}},
	{"1", 1, {1}},
	{"4094", 1, {4094}},
	{"1-2 4093-4094", 2, {1, 2, 4093, 4094}},
	{"10 20-22 4094", 3, {10, 20, 21, 22, 4094}},
};

START_TEST(test_vlans)
{
	struct vs_vidset set = {0};
	char text[64] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	for (unsigned i = 0; vid_sets[_i].vid[i]; i++)
		vs_vidset_add(&set, (uint16_t)vid_sets[_i].vid[i]);
	cp_vlans_print(f, &set);
	fclose(f);
	ck_assert_str_eq(text, vid_sets[_i].text);
	ck_assert_uint_eq(cp_vlans_ranges(&set), vid_sets[_i].ranges);
}
END_TEST

/* ---- random sequences ------------------------------------------------------------- */

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(d->state >> 33) % n;
}

/* Statements about few names, so that they meet. */
static const char *const random_form[] = {
	"DEFINE VSWITCH V%u VLAN 1%u",
	"DEFINE VSWITCH V%u VLAN AWARE PORTTYPE TRUNK NATIVE 1%u",
	"DEFINE VSWITCH V%u UPLINK TAP tap%u",
	"DEFINE VSWITCH V%u UPLINK TAP bad%u",
	"DETACH VSWITCH V%u",
	"DEFINE LAN L%u OWNERID U%u MAXCONN 2",
	"DEFINE LAN L%u OWNERID SYSTEM RESTRICTED GRANT U%u",
	"DEFINE LAN L%u OWNERID SYSTEM RESTRICTED MAXCONN 1 GRANT U%u U%u",
	"DETACH LAN L%u OWNERID U%u",
	"SET VSWITCH V%u GRANT U%u",
	"SET VSWITCH V%u GRANT U%u VLAN 1%u",
	"SET VSWITCH V%u GRANT U%u PORTTYPE TRUNK VLAN 1%u 20-2%u PROMISCUOUS",
	"SET VSWITCH V%u GRANT U%u PORTTYPE ACCESS",
	"SET VSWITCH V%u REVOKE U%u",
	"SET VSWITCH V%u PORTTYPE ACCESS",
	"SET VSWITCH V%u PORTTYPE TRUNK",
	"SET VSWITCH V%u VLAN 2%u ISOLATION ON",
	"SET VSWITCH V%u UPLINK TAP tap%u",
	"SET VSWITCH V%u UPLINK NONE",
	"SET VSWITCH V%u DISCONNECT",
	"SET VSWITCH V%u MACID 00000%u",
	"SET LAN L%u OWNERID U%u GRANT U%u PROMISCUOUS",
	"SET LAN L%u OWNERID SYSTEM REVOKE U%u",
	"DEFINE NIC U%u/060%u",
	"DEFINE NIC U%u/062%u TYPE STREAM",
	"DEFINE CTCA U%u/070%u",
	"DEFINE CTCA U%u/070%u USER U%u",
	"COUPLE U%u/0700 TO U%u 070%u",
	"SET VSWITCH V%u UPLINK NIC U%u 0600",
	"SET VSWITCH V%u UPLINK NIC U%u/060%u U%u/0610",
	"DEFINE VSWITCH V%u UPLINK NIC eth%u U%u/0600",
	"SET VSWITCH V%u CONNECT",
	"COUPLE U%u/0701 TO * 070%u",
	"UNCOUPLE U%u/070%u",
	"DETACH U%u/070%u",
	"NICDEF U%u 0600 LAN SYSTEM V%u",
	"NICDEF U%u 0600 LAN U%u L%u",
	"NICDEF U%u 0600 VLAN 1%u 2%u",
	"NICDEF U%u 0600 PORTTYPE TRUNK VLAN 1%u",
	"NICDEF U%u 0600 PORTTYPE ACCESS",
	"NICDEF U%u 0610 MACID 00000%u",
	"SET NIC U%u/0600 MACID SYSTEM",
	"SET NIC U%u/0600 MACPROTECT ON",
	"COUPLE U%u/0600 SYSTEM V%u",
	"COUPLE U%u/0600 SYSTEM L%u",
	"COUPLE U%u/0600 U%u L%u",
	"COUPLE U%u/061%u SYSTEM L%u",
	"NICDEF U%u 061%u LAN SYSTEM L%u",
	"COUPLE U%u/0610 U%u L%u",
	"COUPLE U%u/0600",
	"UNCOUPLE U%u/0600",
	"DETACH U%u/0600",
	"DETACH U%u/061%u",
	"USER U%u UID 100%u",
	"USER U%u NOUID 100%u GID 5%u",
	"SET NIC U%u/0600 RATE IN 10%uM BURST 1%uK",
	"SET NIC U%u/0600 RATE OUT %u500K RATE IN OFF",
	"SET NIC U%u/0600 GUARANTEE 2%uM PQUPLINKTX HIGH",
	"SET NIC U%u/0600 WORKER %u",
	"SET VSWITCH V%u WORKER %u",
	"SET NIC U%u/0600 RATEGROUP G%u",
	"SET NIC U%u/0600 RATEGROUP NONE GUARANTEE OFF",
	"DEFINE RATEGROUP G%u IN 1%uG",
	"SET RATEGROUP G%u OUT 5%uM BURST 7777",
	"DETACH RATEGROUP G%u",
	"SET VSWITCH V%u RATE UPLINK OUT 1%uG PRIQUEUING PCP",
	"SET VSWITCH V%u RATE UPLINK IN OFF OUT OFF PRIQUEUING OFF",
	"SET VSWITCH V%u RATE VLAN 1%u IN 3%uM BURST 9000",
	"SET VSWITCH V%u RATE VLAN 1%u IN OFF OUT OFF",
	"QUERY RATEGROUP",
	"SET VSWITCH V%u MIRROR TO U%u 0600 FROM U%u 0610",
	"SET VSWITCH V%u MIRROR TO U%u/0600 MIRROR VLAN 1%u ONLY OUT",
	"SET VSWITCH V%u MIRROR OFF LOG ON",
	"TRSOURCE ID T%u TYPE LAN OWNER SYSTEM LANNAME V%u NIC U%u 0600",
	"TRSOURCE ID T%u TYPE LAN OWNER U%u LANNAME L%u VLAN 1%u DROPPED",
	"TRSOURCE ENABLE ID T%u",
	"TRSOURCE DROP ID T%u",
	"SET VSWITCH V%u VLANCOUNTERS ON LOG VERBOSE",
	"QUERY EVENTS",
	"DEFINE VSWITCH P%u PORTBASED VLAN 1%u",
	"SET VSWITCH P%u PORTNUMBER %u USERID U%u",
	"SET VSWITCH P%u PORTNUMBER %u USERID U%u PORTTYPE TRUNK VLAN 1%u 30",
	"SET VSWITCH P%u PORTNUMBER 1%u REMOVE",
	"SET VSWITCH P%u PORTNUMBER 1 REMOVE",
	"SET VSWITCH P%u VLANID 1%u ADD 1",
	"SET VSWITCH P%u VLANID 1%u REMOVE 1-2",
	"SET VSWITCH P%u VLANID 1%u DELETE",
	"COUPLE U%u/0600 SYSTEM P%u PORTNUMBER %u",
	"COUPLE U%u/0600 SYSTEM P%u",
	"COUPLE U%u/0610 SYSTEM P%u",
	"NICDEF U%u 0600 LAN SYSTEM P%u",
	"NICDEF U%u 0600 PORTNUMBER %u",
	"DETACH VSWITCH P%u",
	"SET NIC U%u/0600 PROMISCUOUS",
	"SET NIC U%u/0600 NOPROMISCUOUS",
	"SET VSWITCH V%u VEPA ON ISOLATION OFF",
	"SET VSWITCH V%u VEPA OFF",
	"SET VMLAN LIMIT TRANSIENT %u",
	"SET VMLAN LIMIT TRANSIENT INFINITE MACPROTECT ON",
	"SET VSWITCH V%u STORM BROADCAST 1%u",
	"SET VSWITCH V%u SNOOPING OFF",
	"SET VSWITCH V%u MVRP",
	"QUERY VMLAN",
	"QUERY VSWITCH DETAILS",
	"QUERY NIC DETAILS",
	"QUERY COUNTERS",
};

/* About who has what is scarce, and who waits for it. NICs have addresses of their own choice. */
static const char *const scarce_form[] = {
	"DEFINE LAN L%u OWNERID SYSTEM RESTRICTED MAXCONN 1 GRANT U%u U%u",
	"DEFINE LAN L%u OWNERID SYSTEM MAXCONN 2",
	"DETACH LAN L%u OWNERID SYSTEM",
	"DEFINE LAN L%u OWNERID U%u MAXCONN 1",
	"DETACH LAN L%u OWNERID U%u",
	"SET LAN L%u OWNERID SYSTEM GRANT U%u",
	"SET LAN L%u OWNERID SYSTEM GRANT U%u PROMISCUOUS",
	"SET LAN L%u OWNERID SYSTEM REVOKE U%u",
	"SET LAN L%u OWNERID SYSTEM REVOKE U%u",
	"SET LAN L%u OWNERID U%u GRANT U%u",
	"SET VSWITCH V GRANT U%u VLAN 1%u",
	"SET VSWITCH V GRANT U%u PORTTYPE TRUNK VLAN 1%u 20-2%u PROMISCUOUS",
	"SET VSWITCH V REVOKE U%u",
	"SET VSWITCH V REVOKE U%u",
	"SET VSWITCH V VLAN 1%u",
	"SET VSWITCH V VLAN AWARE",
	"SET VSWITCH V PORTTYPE TRUNK",
	"SET VSWITCH V PORTTYPE ACCESS",
	"SET VSWITCH P PORTNUMBER %u1 USERID U%u",
	"SET VSWITCH P PORTNUMBER %u1 USERID U%u PORTTYPE TRUNK VLAN 1%u 30",
	"SET VSWITCH P PORTNUMBER %u1 MODIFY PORTTYPE ACCESS",
	"SET VSWITCH P PORTNUMBER %u1 REMOVE",
	"SET VSWITCH V UPLINK NIC U%u/06%u0 U%u/06%u0",
	"SET VSWITCH V UPLINK NONE",
	"NICDEF U%u 06%u0 MACID 00%u%u01 LAN SYSTEM L%u",
	"NICDEF U%u 06%u0 MACID 00%u%u02 LAN U%u L%u",
	"NICDEF U%u 06%u0 MACID 00%u%u03 LAN SYSTEM V",
	"NICDEF U%u 06%u0 MACID 00%u%u04 LAN SYSTEM P PORTNUMBER %u1",
	"NICDEF U%u 06%u0 MACID 00%u%u05",
	"NICDEF U%u 06%u0 MACID 00%u%u06 VLAN 1%u 2%u",
	"NICDEF U%u 06%u0 MACID 00%u%u07 PORTTYPE TRUNK",
	"DETACH U%u/06%u0",
	"COUPLE U%u/06%u0",
	"COUPLE U%u/06%u0 SYSTEM L%u",
	"COUPLE U%u/06%u0 SYSTEM L%u",
	"COUPLE U%u/06%u0 U%u L%u",
	"COUPLE U%u/06%u0 SYSTEM V",
	"COUPLE U%u/06%u0 SYSTEM P PORTNUMBER %u1",
	"UNCOUPLE U%u/06%u0",
	"SET NIC U%u/06%u0 PROMISCUOUS",
};

static void random_line(struct dice *d, const char *const form[], unsigned forms, char *line,
			size_t cap)
{
	unsigned k = roll(d, forms), v[6];

	for (unsigned i = 0; i < 6; i++)
		v[i] = roll(d, 3);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(line, cap, form[k], v[0], v[1], v[2], v[3], v[4], v[5]);
#pragma GCC diagnostic pop
}

/* A sanitized build takes six times as long for a step. */
#ifdef __SANITIZE_ADDRESS__
#define RANDOM_STEPS 500u
#else
#define RANDOM_STEPS 1500u
#endif

/* A refused statement changes nothing; an accepted one can be written out and read again. */
START_TEST(test_random)
{
	const char *env = getenv("SEED");
	struct dice d = {env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL)};
	struct host h;
	struct cp *cp = command_make(&h);
	char line[128], what[160];

	printf("check_command_config: SEED=%llu\n", (unsigned long long)d.state);
	for (unsigned i = 0; i < RANDOM_STEPS; i++) {
		char *before = cp_configuration(cp), *after;
		unsigned changes = h.changed;
		uint32_t mac = cp->last_mac;
		struct cp_reply r;

		random_line(&d, random_form, sizeof(random_form) / sizeof(random_form[0]), line,
			    sizeof(line));
		cp_execute(cp, &operator_user, line, &r);
		after = cp_configuration(cp);
		snprintf(what, sizeof(what), "step %u: %s", i, line);
		ck_assert_msg(r.rc == 0 || strcmp(before, after) == 0, "%s: refused, but\n%s\n%s",
			      what, before, after);
		ck_assert_msg(r.rc == 0 || cp->last_mac == mac, "%s: took an address", what);
		ck_assert_msg(h.changed != changes || strcmp(before, after) == 0, "%s: not told",
			      what);
		if (strcmp(before, after) != 0)
			command_round_trip(cp, what);
		cp_reply_free(&r);
		free(before);
		free(after);
	}
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
}
END_TEST

/* What happens next does not depend on whether there was a restart. */
START_TEST(test_restarted)
{
	const char *env = getenv("SEED");
	struct dice d = {env ? strtoull(env, NULL, 0) : (uint64_t)time(NULL)};
	struct host h, other;
	struct cp *cp = command_make(&h), *twin;
	struct cp_reply r, s;
	char line[128];

	printf("check_command_config: restarted: SEED=%llu\n", (unsigned long long)d.state);
	cp_execute(cp, &operator_user, "DEFINE VSWITCH V VLAN 10", &r);
	cp_reply_free(&r);
	cp_execute(cp, &operator_user, "DEFINE VSWITCH P VLAN 10 PORTBASED", &r);
	cp_reply_free(&r);
	twin = command_restarted(cp, &other);
	for (unsigned i = 0; i < RANDOM_STEPS; i++) {
		char *before = cp_configuration(cp), *a, *b;

		random_line(&d, scarce_form, sizeof(scarce_form) / sizeof(scarce_form[0]), line,
			    sizeof(line));
		cp_execute(cp, &operator_user, line, &r);
		cp_execute(twin, &operator_user, line, &s);
		a = cp_configuration(cp);
		b = cp_configuration(twin);
		if (r.rc != s.rc || strcmp(r.text, s.text) != 0 || strcmp(a, b) != 0)
			fprintf(stderr, "%s%s%s, after a restart %s%s\n%s\nand\n%s", before, r.text,
				r.errors, s.text, s.errors, a, b);
		ck_assert_msg(r.rc == s.rc && strcmp(r.text, s.text) == 0, "step %u: %s", i, line);
		ck_assert_msg(strcmp(a, b) == 0, "step %u: %s", i, line);
		free(before);
		cp_reply_free(&r);
		cp_reply_free(&s);
		free(a);
		free(b);
		if (i % 16 == 15) {
			command_round_trip(cp, line);
			cp_destroy(twin);
			twin = command_restarted(cp, &other);
		}
	}
	cp_destroy(twin);
	cp_destroy(cp);
}
END_TEST

/* ---- files ------------------------------------------------------------------------ */

struct report {
	char text[4096];
};

static void report(void *ctx, const char *text)
{
	struct report *r = ctx;
	size_t n = strlen(r->text);

	snprintf(r->text + n, sizeof(r->text) - n, "%s\n", text);
}

static const char *write_file(const char *content, size_t len)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/check_command_config.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, len), (ssize_t)len);
	close(fd);
	return path;
}

START_TEST(test_file)
{
	static const char good[] = "* a network\n"
				   "DEFINE VSWITCH VSW1 ,\n"
				   "   UPLINK TAP tap0\r\n"
				   "NICDEF LINUX1 0600 LAN SYSTEM VSW1\n"
				   "# end, without newline\n"
				   "SET VSWITCH VSW1 GRANT LINUX1";
	static const char bad[] = "DEFINE VSWITCH VSW1\n"
				  "FOO\n"
				  "\n"
				  "SET VSWITCH VSW1 GRANT LINUX1\n"
				  "SET VSWITCH VSW1 ,\n"
				  "  GRANT LINUX1\n"
				  "SET VSWITCH NONE GRANT LINUX1\n";
	struct report rep = {""};
	struct host h;
	struct cp *cp = command_make(&h);
	const char *path = write_file(good, sizeof(good) - 1);
	char want[512];

	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 0);
	ck_assert_uint_eq(h.opened, 0);
	ck_assert_uint_eq(h.changed, 0);
	ck_assert_ptr_null(cp_find_switch(cp, "VSW1"));
	ck_assert_int_eq(cp_execute_file(cp, path, false, report, &rep), 0);
	ck_assert_uint_eq(h.opened, 1);
	ck_assert_uint_eq(h.changed, 1);
	ck_assert_ptr_nonnull(cp_find_switch(cp, "vsw1"));
	ck_assert_ptr_nonnull(cp_find_port(cp, "linux1/600", NULL));
	/* against what exists now */
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 2);
	unlink(path);
	cp_destroy(cp);

	cp = command_make(&h);
	memset(&rep, 0, sizeof(rep));
	path = write_file(bad, sizeof(bad) - 1);
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), 3);
	snprintf(want, sizeof(want),
		 "%s:2: ZLN2501E Unknown command - FOO; HELP lists the commands\n"
		 "%s:5: ZLN2044E LINUX1 is already authorized for VSW1\n"
		 "%s:7: ZLN2040E VSWITCH SYSTEM NONE does not exist; QUERY VSWITCH lists "
		 "them\n",
		 path, path, path);
	ck_assert_str_eq(rep.text, want);
	unlink(path);
	ck_assert_int_eq(cp_execute_file(cp, path, true, report, &rep), -ENOENT);
	ck_assert_int_eq(cp_execute_file(cp, "/tmp", true, report, &rep), -EISDIR);
	ck_assert_int_eq(cp_execute_file(cp, "tests/data/sample.conf", true, report, &rep), 0);
	ck_assert_int_eq(cp_execute_file(cp, "tests/data/sample.conf", false, report, &rep), 0);
	ck_assert_ptr_nonnull(cp_find_port(cp, "LINUX2/0600", NULL));
	ck_assert_ptr_nonnull(cp_find_switch(cp, "SYSTEM.INNER"));
	cp_destroy(cp);
}
END_TEST

/* An uplink of a file that cannot be opened is kept and tried again. */
START_TEST(test_uplink_retry)
{
	static const char text[] = "DEFINE VSWITCH VSW1 UPLINK TAP tap0\n";
	static const struct step waiting[] = {{1, "Q VSWITCH VSW1", 0, "State: no such interface"}};
	static const struct step ready[] = {{1, "Q VSWITCH VSW1", 0, "State: Ready"}};
	const char *path = write_file(text, sizeof(text) - 1);
	struct host h;
	struct cp *cp = command_make(&h);

	h.broken = true;
	ck_assert_int_eq(cp_execute_file(cp, path, false, NULL, NULL), 0);
	unlink(path);
	ck_assert_ptr_nonnull(strstr(h.log, "ZLN2832E"));
	RUN(cp, &operator_user, waiting);
	h.broken = false;
	cp_tick(cp, 1);
	RUN(cp, &operator_user, waiting);
	cp_tick(cp, 10);
	RUN(cp, &operator_user, ready);
	command_round_trip(cp, "retry");
	cp_destroy(cp);
	ck_assert_uint_eq(h.opened, h.closed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command_config");
	TCase *t = tcase_create("command_config");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, test_vlans, 0, (int)(sizeof(vid_sets) / sizeof(vid_sets[0])));
	tcase_add_test(t, test_random);
	tcase_add_test(t, test_restarted);
	tcase_add_test(t, test_file);
	tcase_add_test(t, test_uplink_retry);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
