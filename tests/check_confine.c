/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement: each test has a process of its own give up what zland gives up, and try what
 * must and what must not work afterwards. With a sanitizer, whose work at the end of a
 * process is refused, there is nothing to test.
 */
#include <cap-ng.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cp/confine.h"

#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

/* The test's own process is left as it is: Check still has to read clocks in it. */
static void in_a_process(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		body();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* Standard error into a pipe. Return: its reading end. */
static int catch_stderr(void)
{
	int fd[2];

	ck_assert_int_eq(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	close(fd[1]);
	return fd[0];
}

static void confine(void)
{
	char err[256] = "";

	ck_assert_msg(cp_confine(false, err, sizeof(err)) == 0, "%s", err);
}

static void try_only_net_admin_is_left(void)
{
	catch_stderr();
	confine();
	capng_get_caps_process();
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap != CAP_NET_ADMIN)
			ck_assert_msg(!capng_have_capability(CAPNG_PERMITTED, (unsigned)cap),
				      "capability %d", cap);
}

START_TEST(only_net_admin_is_left)
{
	in_a_process(try_only_net_admin_is_left);
}
END_TEST

static void try_what_zland_does_not_do_is_refused(void)
{
	char *const argv[] = {(char *)(uintptr_t) "true", NULL};
	int log = catch_stderr();
	char text[4096] = "";
	const char *first;

	confine();
	ck_assert_int_eq(execv("/bin/true", argv), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(execv("/bin/true", argv), -1);
	ck_assert_int_eq(ptrace(PTRACE_TRACEME, 0, NULL, NULL), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(unshare(CLONE_NEWNS), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(setuid(0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(syscall(SYS_mount, "", "/", "", 0, NULL), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_gt(read(log, text, sizeof(text) - 1), 0);
	first = strstr(text, "ZLN2640W System call ");
	ck_assert_ptr_nonnull(first);
	ck_assert_int_eq(strtol(first + strlen("ZLN2640W System call "), NULL, 10), SYS_execve);
	first = strchr(first, '\n'); /* once a number */
	ck_assert_ptr_nonnull(first);
	ck_assert_int_ne(strtol(first + 1 + strlen("ZLN2640W System call "), NULL, 10), SYS_execve);
}

START_TEST(what_zland_does_not_do_is_refused)
{
	in_a_process(try_what_zland_does_not_do_is_refused);
}
END_TEST

static void *thread(void *arg)
{
	*(int *)arg = unshare(CLONE_NEWNS) < 0 ? errno : 0;
	return NULL;
}

static void try_threads_are_confined_too(void)
{
	int result = -1;
	pthread_t t;

	catch_stderr();
	confine();
	ck_assert_int_eq(pthread_create(&t, NULL, thread, &result), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_int_eq(result, EPERM);
}

START_TEST(threads_are_confined_too)
{
	in_a_process(try_threads_are_confined_too);
}
END_TEST

static void try_what_zland_does_works(void)
{
	int log = catch_stderr(), fd;
	char text[4096] = "";
	void *p;

	confine();
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	munmap(p, 4096);
	close(fd);
	free(malloc(100 << 20));
	ck_assert_int_eq(read(log, text, sizeof(text)), -1); /* nothing was refused */
}

START_TEST(what_zland_does_works)
{
	in_a_process(try_what_zland_does_works);
}
END_TEST

START_TEST(a_worker_has_no_capability)
{
	ck_assert_int_eq(cp_confine_worker(), 0);
	capng_get_caps_process();
	ck_assert_int_eq(capng_have_capabilities(CAPNG_SELECT_CAPS), CAPNG_NONE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("confine");
	TCase *t = tcase_create("confine");

	if (!sanitized) {
		tcase_add_test(t, only_net_admin_is_left);
		tcase_add_test(t, what_zland_does_not_do_is_refused);
		tcase_add_test(t, threads_are_confined_too);
		tcase_add_test(t, what_zland_does_works);
		tcase_add_test(t, a_worker_has_no_capability);
	}
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
