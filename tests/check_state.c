/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives a killed daemon: the state file, when it counts and when it does not; and the
 * directory it lies in: its lock, its sockets.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cp/acceptor.h"
#include "cp/rundir.h"
#include "cp/state.h"

struct bed {
	char dir[64];
	int fd;
};

static void bed_open(struct bed *b)
{
	*b = (struct bed){.dir = "/tmp/check_state.XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	b->fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(b->fd, 0);
}

static void bed_close(struct bed *b)
{
	static const char *const names[] = {"state", "state.tmp", "lock", "control", "file"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlinkat(b->fd, names[i], 0) < 0)
			unlinkat(b->fd, names[i], AT_REMOVEDIR);
	close(b->fd);
	ck_assert_int_eq(rmdir(b->dir), 0);
}

static void write_file(struct bed *b, const char *name, const char *text)
{
	int fd = openat(b->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void identify(struct bed *b, const char *text, char id[CP_STATE_ID_BYTES])
{
	char path[128];

	write_file(b, "file", text);
	snprintf(path, sizeof(path), "%s/file", b->dir);
	ck_assert_int_eq(cp_state_identify(path, id), 0);
}

static enum cp_state_found look(int dir_fd, const char *id)
{
	int fd;
	enum cp_state_found found = cp_state_look(dir_fd, id, &fd);

	ck_assert_int_eq(fd >= 0, found == CP_STATE_VALID);
	if (fd >= 0) {
		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
		close(fd);
	}
	return found;
}

START_TEST(files_have_identities)
{
	char a[CP_STATE_ID_BYTES], c[CP_STATE_ID_BYTES], path[128];
	struct bed b;

	bed_open(&b);
	identify(&b, "DEFINE VSWITCH A\n", a);
	ck_assert_uint_eq(strlen(a), CP_STATE_ID_BYTES - 1);
	identify(&b, "DEFINE VSWITCH B\n", c);
	ck_assert_str_ne(a, c);
	identify(&b, "DEFINE VSWITCH A\n", c);
	ck_assert_str_eq(a, c);
	identify(&b, "", c);
	ck_assert_str_ne(a, c);
	ck_assert_int_eq(cp_state_identify(NULL, c), 0);
	ck_assert_str_eq(c, "-");
	ck_assert_int_eq(cp_state_identify("/nonexistent/file", c), -ENOENT);
	ck_assert_int_eq(cp_state_identify("/tmp", c), -EISDIR);
	ck_assert_int_eq(cp_state_identify("/dev/null", c), -ENOTSUP);
	ck_assert_int_eq(mkfifoat(b.fd, "state", 0600), 0);
	snprintf(path, sizeof(path), "%s/state", b.dir);
	ck_assert_int_eq(cp_state_identify(path, c), -ENOTSUP); /* and waits for no writer */
	bed_close(&b);
}
END_TEST

START_TEST(state_counts_for_its_file)
{
	static const struct {
		size_t n;
		const char *saved, *now;
		enum cp_state_found found;
	} row[] = {
		{1, "0123456789abcdef", "0123456789abcdef", CP_STATE_VALID},
		{2, "0123456789abcdef", "0123456789abcde0", CP_STATE_OUTDATED},
		{3, "0123456789abcdef", "-", CP_STATE_VALID}, /* started without a file */
		{4, "-", "-", CP_STATE_VALID},
		{5, "-", "0123456789abcdef", CP_STATE_OUTDATED},
	};
	struct bed b;

	bed_open(&b);
	ck_assert_int_eq(look(b.fd, "-"), CP_STATE_ABSENT);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		ck_assert_int_eq(cp_state_save(b.fd, row[i].saved, "DEFINE VSWITCH A\n"), 0);
		ck_assert_msg(look(b.fd, row[i].now) == row[i].found, "row %zu", row[i].n);
	}
	ck_assert_int_eq(cp_state_remove(b.fd), 0);
	ck_assert_int_eq(look(b.fd, "-"), CP_STATE_ABSENT);
	ck_assert_int_eq(cp_state_remove(b.fd), 0);
	bed_close(&b);
}
END_TEST

START_TEST(other_files_are_not_state)
{
	static const char *const text[] = {
		"",
		"\n",
		"DEFINE VSWITCH A\n",
		"* zland state 1 config ",
		"* zland state 1 config \n",
		"* zland state 1 config 0123456789abcdef",
		"* zland state 1 config 0123456789abcdef0123456789abcdef\n",
		"* zland state 2 config 0123456789abcdef\n",
		"x* zland state 1 config 0123456789abcdef\n",
	};
	struct bed b;

	bed_open(&b);
	for (unsigned i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		write_file(&b, "state", text[i]);
		ck_assert_msg(look(b.fd, "-") == CP_STATE_UNUSABLE, "row %u", i + 1);
	}
	bed_close(&b);
}
END_TEST

/* Not even a valid one behind a link, of another account, or what is no file. */
START_TEST(only_our_own_file_is_state)
{
	struct bed b;

	bed_open(&b);
	write_file(&b, "file", "* zland state 1 config 0123456789abcdef\n");
	ck_assert_int_eq(symlinkat("file", b.fd, "state"), 0);
	ck_assert_int_eq(look(b.fd, "-"), CP_STATE_UNUSABLE);
	ck_assert_int_eq(unlinkat(b.fd, "state", 0), 0);
	ck_assert_int_eq(mkfifoat(b.fd, "state", 0600), 0);
	ck_assert_int_eq(look(b.fd, "-"), CP_STATE_UNUSABLE);
	ck_assert_int_eq(unlinkat(b.fd, "state", 0), 0);
	write_file(&b, "state", "* zland state 1 config 0123456789abcdef\n");
	ck_assert_int_eq(look(b.fd, "-"), CP_STATE_VALID);
	if (geteuid() == 0 && fchownat(b.fd, "state", 1, 0, AT_SYMLINK_NOFOLLOW) == 0)
		ck_assert_int_eq(look(b.fd, "-"), CP_STATE_UNUSABLE);
	bed_close(&b);
}
END_TEST

START_TEST(a_directory_others_write_in_is_refused)
{
	static const mode_t mode[] = {0720, 0702, 01777, 0770};
	char err[256] = "";
	int lock, fd;
	struct bed b;

	bed_open(&b);
	for (size_t i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		ck_assert_int_eq(fchmod(b.fd, mode[i]), 0);
		fd = cp_rundir_open(b.dir, &lock, err, sizeof(err));
		ck_assert_msg(fd == -EPERM, "row %zu", i + 1);
		ck_assert_ptr_nonnull(strstr(err, "chmod go-w"));
	}
	ck_assert_int_eq(fchmod(b.fd, 0755), 0);
	fd = cp_rundir_open(b.dir, &lock, err, sizeof(err));
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(lock);
	bed_close(&b);
}
END_TEST

/* The file has what was saved behind its first line, and only its owner reads it. */
START_TEST(state_is_what_was_saved)
{
	static const char header[] = "* zland state 1 config 0123456789abcdef\n";
	char text[256] = "";
	struct stat st;
	struct bed b;
	int fd;

	bed_open(&b);
	ck_assert_int_eq(cp_state_save(b.fd, "0123456789abcdef", "ONE\nTWO\nTHREE\n"), 0);
	ck_assert_int_eq(cp_state_save(b.fd, "0123456789abcdef", "FOUR\n"), 0);
	fd = openat(b.fd, "state", O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_int_eq(strncmp(text, header, strlen(header)), 0);
	ck_assert_str_eq(text + strlen(header), "FOUR\n");
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	close(fd);
	ck_assert_int_eq(faccessat(b.fd, "state.tmp", F_OK, 0), -1);
	bed_close(&b);
}
END_TEST

/* A new state that cannot be written leaves the old one alone. */
START_TEST(a_failed_save_keeps_the_old_state)
{
	struct bed b;

	bed_open(&b);
	ck_assert_int_eq(cp_state_save(b.fd, "0123456789abcdef", "OLD\n"), 0);
	ck_assert_int_eq(mkdirat(b.fd, "state.tmp", 0700), 0);
	ck_assert_int_lt(cp_state_save(b.fd, "fedcba9876543210", "NEW\n"), 0);
	ck_assert_int_eq(look(b.fd, "0123456789abcdef"), CP_STATE_VALID);
	bed_close(&b);
}
END_TEST

START_TEST(one_daemon_a_directory)
{
	char err[256] = "";
	int lock, other, fd;
	struct bed b;

	bed_open(&b);
	fd = cp_rundir_open(b.dir, &lock, err, sizeof(err));
	ck_assert_msg(fd >= 0, "%s", err);
	ck_assert_int_eq(cp_rundir_open(b.dir, &other, err, sizeof(err)), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err, b.dir));
	close(fd);
	close(lock);
	fd = cp_rundir_open(b.dir, &lock, err, sizeof(err));
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(lock);
	ck_assert_int_eq(cp_rundir_open("/dev/null", &lock, err, sizeof(err)), -ENOTDIR);
	ck_assert_int_eq(cp_rundir_open("/nonexistent/a/b", &lock, err, sizeof(err)), -ENOENT);
	bed_close(&b);
}
END_TEST

START_TEST(a_dead_daemons_socket_is_replaced)
{
	char longdir[200];
	struct cp_caller who;
	struct bed b;
	uid_t uid;
	int dead, fd, c, s;

	bed_open(&b);
	ck_assert_int_eq(cp_rundir_connect(b.dir, "control", SOCK_STREAM), -ENOENT);
	dead = cp_rundir_listen(b.dir, "control", SOCK_STREAM);
	ck_assert_int_ge(dead, 0);
	close(dead);
	ck_assert_int_eq(cp_rundir_connect(b.dir, "control", SOCK_STREAM), -ECONNREFUSED);
	fd = cp_rundir_listen(b.dir, "control", SOCK_STREAM);
	ck_assert_int_ge(fd, 0);
	c = cp_rundir_connect(b.dir, "control", SOCK_STREAM);
	ck_assert_int_ge(c, 0);
	s = accept(fd, NULL, NULL);
	ck_assert_int_eq(cp_rundir_peer(s, &who, &uid), 0);
	ck_assert_str_eq(who.user, "OPERATOR"); /* ourselves */
	ck_assert(who.class_b);
	ck_assert_uint_eq(uid, geteuid());
	close(s);
	close(c);
	close(fd);
	memset(longdir, 'x', sizeof(longdir) - 1);
	longdir[sizeof(longdir) - 1] = '\0';
	ck_assert_int_eq(cp_rundir_listen(longdir, "control", SOCK_STREAM), -ENAMETOOLONG);
	bed_close(&b);
}
END_TEST

struct starved {
	struct cp_acceptor a;
	unsigned calls;
	int last;
};

static void on_incoming(evutil_socket_t fd, short what, void *ctx)
{
	struct starved *s = ctx;

	(void)fd;
	(void)what;
	s->calls++;
	s->last = cp_acceptor_accept(&s->a);
}

/* A connection that cannot be taken is not asked for in every turn, and taken later. */
START_TEST(no_descriptor_is_no_spin)
{
	struct event_base *base = event_base_new();
	struct starved s = {.calls = 0};
	struct rlimit limit, none;
	struct bed b;
	int fd, c;

	bed_open(&b);
	fd = cp_rundir_listen(b.dir, "control", SOCK_STREAM);
	ck_assert_int_eq(cp_acceptor_init(&s.a, base, fd, on_incoming, &s), 0);
	c = cp_rundir_connect(b.dir, "control", SOCK_STREAM);
	ck_assert_int_ge(c, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (unsigned i = 0; i < 100; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(s.calls, 1);
	ck_assert_int_eq(s.last, -EMFILE);
	event_active(s.a.incoming, EV_READ, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(s.last, -EAGAIN); /* said already */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	event_active(s.a.resume, EV_TIMEOUT, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_int_ge(s.last, 0);
	close(s.last);
	close(c);
	cp_acceptor_fini(&s.a);
	close(fd);
	event_base_free(base);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("state");
	TCase *t = tcase_create("state");

	tcase_add_test(t, files_have_identities);
	tcase_add_test(t, state_counts_for_its_file);
	tcase_add_test(t, other_files_are_not_state);
	tcase_add_test(t, only_our_own_file_is_state);
	tcase_add_test(t, state_is_what_was_saved);
	tcase_add_test(t, a_failed_save_keeps_the_old_state);
	suite_add_tcase(s, t);
	t = tcase_create("directory");
	tcase_add_test(t, a_directory_others_write_in_is_refused);
	tcase_add_test(t, one_daemon_a_directory);
	tcase_add_test(t, a_dead_daemons_socket_is_replaced);
	tcase_add_test(t, no_descriptor_is_no_spin);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
