/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data socket of HiperSockets, and the pipe of results: room that is told of as a worker hears
 * it, clients that do not read and clients that are gone.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/portsock_priv.h"

static uint8_t unit[65536];
static struct portsock_port *port;
static int client[PORTSOCK_FDS];
static unsigned n_client;
static int worker; /* its epoll set */

static void open_port(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	port = portsock_port_open(PORTSOCK_UNITS_RESULTS, client, &n_client);
	ck_assert_ptr_nonnull(port);
	ck_assert_uint_eq(n_client, 2);
	worker = epoll_create1(0);
	ck_assert_int_ge(worker, 0);
	ck_assert_int_eq(epoll_ctl(worker, EPOLL_CTL_ADD, portsock_port_ops.wait_fd(port), &ev), 0);
}

static void close_port(void)
{
	portsock_port_close(port);
	while (n_client)
		close(client[--n_client]);
	close(worker);
}

static bool wakes(void)
{
	struct epoll_event ev;

	return epoll_wait(worker, &ev, 1, 0) == 1;
}

static enum vs_drop give(void)
{
	const struct iovec iov = {unit, sizeof(unit)};

	return portsock_port_send(port, &iov, 1);
}

static unsigned fill_up(void)
{
	unsigned n = 0;

	while (give() == VS_DROP_NONE)
		n++;
	return n;
}

static unsigned take_all(void)
{
	unsigned n = 0;

	while (recv(client[0], unit, sizeof(unit), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

START_TEST(room_is_told_of_when_asked_for)
{
	unsigned n = fill_up();

	ck_assert_uint_gt(n, 1);
	ck_assert_int_eq(give(), VS_DROP_TX_NO_BUFFER);
	ck_assert(!wakes());
	ck_assert_uint_eq(take_all(), n);
	ck_assert(!wakes()); /* nobody asked */
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(fill_up(), n);
		portsock_port_want_room(port, true);
		ck_assert(!wakes());
		ck_assert_uint_eq(take_all(), n);
		ck_assert(wakes());
		ck_assert_int_eq(give(), VS_DROP_NONE);
		portsock_port_want_room(port, false);
		take_all();
		wakes(); /* what was told before the wish ended */
		ck_assert_uint_eq(fill_up(), n);
		take_all();
		ck_assert(!wakes());
	}
	portsock_port_want_room(port, true);
	ck_assert(wakes()); /* there is room already */
	/* A packet that was told of and not taken, and one that was not told of. */
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(send(client[0], unit, 5, 0), 5);
		ck_assert(i & 1 || wakes());
		fill_up();
		portsock_port_want_room(port, i & 2);
		ck_assert(wakes());
		take_all();
	}
}
END_TEST

/* Units wake the worker as they do without. */
START_TEST(units_wake)
{
	const uint8_t *p;

	for (unsigned i = 1; i < 4; i++) {
		ck_assert(!wakes());
		ck_assert_int_eq(send(client[0], unit, i, 0), i);
		ck_assert(wakes());
		ck_assert_uint_eq(portsock_port_receive(port, &p), i);
		ck_assert_int_eq(send(client[0], unit, 7, 0), 7); /* while it is not looked for */
		ck_assert(wakes());
		ck_assert_uint_eq(portsock_port_receive(port, &p), 7);
		ck_assert_uint_eq(portsock_port_receive(port, &p), 0);
	}
}
END_TEST

/* One who does not read loses results, and nobody waits for him. */
START_TEST(results_are_bytes)
{
	static const uint8_t reason[64] = {0, 0x10, 0x11, 0x12, 0x20};
	uint8_t got[128];
	size_t total = 0;
	ssize_t n;

	portsock_port_results(port, reason, 3);
	portsock_port_results(port, reason + 3, 61);
	ck_assert_int_eq(read(client[1], got, sizeof(got)), 64);
	ck_assert_mem_eq(got, reason, sizeof(reason));
	ck_assert_int_eq(read(client[1], got, sizeof(got)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	for (unsigned i = 0; i < 2000; i++)
		portsock_port_results(port, reason, sizeof(reason));
	while ((n = read(client[1], got, sizeof(got))) > 0)
		total += (size_t)n;
	ck_assert_uint_ge(total, 65536);
	ck_assert_uint_lt(total, sizeof(reason) * 2000);
	ck_assert_uint_eq(total % sizeof(reason), 0);
}
END_TEST

/* No signal ends the daemon. */
START_TEST(a_client_that_is_gone)
{
	static const uint8_t reason[64];

	while (n_client)
		close(client[--n_client]);
	portsock_port_results(port, reason, sizeof(reason));
	ck_assert_int_eq(give(), VS_DROP_TX_DOWN);
}
END_TEST

/* What older clients and other NICs get. */
START_TEST(one_descriptor_without_results)
{
	static const enum portsock_kind kind[] = {PORTSOCK_FRAMES, PORTSOCK_UNITS};
	static const uint8_t reason[1];
	int fd[PORTSOCK_FDS];
	unsigned n;
	struct portsock_port *p = portsock_port_open(kind[_i], fd, &n);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(n, 1);
	portsock_port_results(p, reason, 1);
	close(fd[0]);
	portsock_port_close(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("portunits");
	TCase *t = tcase_create("portunits");
	SRunner *r;
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as zland does */
	tcase_add_checked_fixture(t, open_port, close_port);
	tcase_add_test(t, room_is_told_of_when_asked_for);
	tcase_add_test(t, units_wake);
	tcase_add_test(t, results_are_bytes);
	tcase_add_test(t, a_client_that_is_gone);
	tcase_add_loop_test(t, one_descriptor_without_results, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
