/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of NICs of TYPE STREAM and DGRAM, with peers in the same process. The event loop and the
 * worker are turned by hand; nothing waits.
 */
#include <sys/wait.h>
#include <grp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "cp/nicsock.h"
#include "tests/sockbed.h"

struct bed {
	char dir[32];
	struct event_base *base;
	struct cp *cp;
	struct cp_nicsocks *set;
	struct vs_worker *worker;
	char line[256]; /* of the log, the last one */
	unsigned lines;
	unsigned fds; /* open before the test */
};

static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static void *open_socket(void *ctx, const char *user, uint16_t vdev, enum cp_nic_type type,
			 char *err, size_t err_len)
{
	struct bed *b = ctx;

	snprintf(err, err_len, "no socket");
	return cp_nicsock_open(b->set, b->cp, user, vdev, type);
}

static void close_socket(void *ctx, void *socket, enum cp_nic_type type)
{
	(void)ctx;
	(void)type;
	cp_nicsock_close(socket);
}

static void socket_access(void *ctx, void *socket, enum cp_nic_type type)
{
	(void)ctx;
	(void)type;
	cp_nicsock_access(socket);
}

static struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	(void)p;
	return ((struct bed *)ctx)->worker;
}

static void on_log(void *ctx, const char *line)
{
	struct bed *b = ctx;

	snprintf(b->line, sizeof(b->line), "%s", line);
	b->lines++;
}

static void bed_open(struct bed *b)
{
	struct cp_hooks hooks = {.open_socket = open_socket,
				 .close_socket = close_socket,
				 .socket_access = socket_access,
				 .pick_worker = pick_worker,
				 .ctx = b};
	struct cp_nicsocks_config cfg = {.dir = b->dir, .log = on_log, .ctx = b};

	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "/tmp/zlan-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	b->fds = open_fds();
	rcu_register_thread();
	b->worker = vs_worker_create();
	b->base = cfg.base = event_base_new();
	b->set = cp_nicsocks_create(&cfg);
	b->cp = cp_create(&hooks);
	command(b->cp, "DEFINE VSWITCH VSW1 ETHERNET");
	command(b->cp, "NICDEF ONE 0600 TYPE STREAM LAN SYSTEM VSW1");
	command(b->cp, "NICDEF TWO 0600 TYPE STREAM LAN SYSTEM VSW1");
	command(b->cp, "NICDEF THREE 0600 TYPE DGRAM LAN SYSTEM VSW1");
}

/* The sockets are gone with their NICs: the directory is empty. */
static void bed_close(struct bed *b)
{
	cp_destroy(b->cp);
	cp_nicsocks_destroy(b->set);
	vs_worker_destroy(b->worker);
	event_base_free(b->base);
	rcu_unregister_thread();
	ck_assert_uint_eq(open_fds(), b->fds);
	ck_assert_int_eq(rmdir(b->dir), 0);
}

/* The event loop, then the worker. */
static void settle(struct bed *b)
{
	turn(b->base);
	while (vs_worker_poll(b->worker))
		rcu_quiescent_state();
}

static struct sockaddr_un address(const struct bed *b, const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.31s/%.40s", b->dir, name);
	return sa;
}

static int peer(struct bed *b, const char *name)
{
	struct sockaddr_un sa = address(b, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	settle(b);
	return fd;
}

static uint32_t frame(uint8_t *to, const uint8_t dst[6], uint8_t src)
{
	memset(to, 0, 60);
	memcpy(to, dst, 6);
	to[6] = 0x02;
	to[11] = src;
	be16_store(to + 12, 0x88B5);
	return 60;
}

static void send_frame(int fd, const uint8_t dst[6], uint8_t src)
{
	uint8_t wire[64];

	be32_store(wire, frame(wire + 4, dst, src));
	ck_assert_int_eq(send(fd, wire, sizeof(wire), MSG_NOSIGNAL), sizeof(wire));
}

/* Frames of 60 bytes that wait. */
static unsigned take_frames(int fd)
{
	uint8_t wire[64];
	unsigned n = 0;

	while (recv(fd, wire, sizeof(wire), MSG_DONTWAIT) == sizeof(wire))
		n++;
	return n;
}

static bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

START_TEST(streams_are_switched)
{
	static const uint8_t one_mac[6] = {0x02, 0, 0, 0, 0, 1};
	struct bed b;
	int one, two;

	bed_open(&b);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	one = peer(&b, "ONE-0600.sock");
	two = peer(&b, "TWO-0600.sock");
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS",
		       "State: Session Established   Attached by: stream"));
	send_frame(one, all, 1);
	settle(&b);
	ck_assert_uint_eq(take_frames(two), 1);
	ck_assert_uint_eq(take_frames(one), 0);
	send_frame(two, one_mac, 2);
	settle(&b);
	ck_assert_uint_eq(take_frames(one), 1);
	ck_assert(says(b.cp, "QUERY VSWITCH VSW1 FDB", "02-00-00-00-00-01"));
	close(one);
	close(two);
	settle(&b);
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	bed_close(&b);
}
END_TEST

START_TEST(a_peer_comes_again)
{
	struct bed b;
	int one, two, more;

	bed_open(&b);
	two = peer(&b, "TWO-0600.sock");
	for (unsigned i = 0; i < 5; i++) {
		one = peer(&b, "ONE-0600.sock");
		more = peer(&b, "ONE-0600.sock"); /* one at a time */
		ck_assert(is_closed(more));
		ck_assert_ptr_nonnull(strstr(b.line, "ZLN2627W ONE-0600.sock: a peer was refused"));
		close(more);
		send_frame(two, all, 2);
		settle(&b);
		if (i % 2)
			ck_assert_uint_eq(take_frames(one), 1);
		close(one); /* with and without unread frames */
		settle(&b);
	}
	ck_assert_uint_eq(b.lines, 5); /* once in a row: after every success anew */
	close(two);
	settle(&b);
	bed_close(&b);
}
END_TEST

START_TEST(coupling_starts_and_stops)
{
	struct bed b;
	int one, two;

	bed_open(&b);
	one = peer(&b, "ONE-0600.sock");
	two = peer(&b, "TWO-0600.sock");
	command(b.cp, "UNCOUPLE USER ONE 0600");
	send_frame(one, all, 1); /* to no network, and not to the next */
	settle(&b);
	command(b.cp, "COUPLE USER ONE 0600 TO SYSTEM VSW1");
	settle(&b);
	ck_assert_uint_eq(take_frames(two), 0);
	send_frame(one, all, 1);
	settle(&b);
	ck_assert_uint_eq(take_frames(two), 1);
	command(b.cp, "DETACH NIC USER ONE 0600");
	ck_assert(is_closed(one));
	ck_assert_int_lt(access(address(&b, "ONE-0600.sock").sun_path, F_OK), 0);
	close(one);
	close(two);
	settle(&b);
	bed_close(&b);
}
END_TEST

START_TEST(nonsense_ends_the_stream)
{
	struct bed b;
	int one;

	bed_open(&b);
	one = peer(&b, "ONE-0600.sock");
	ck_assert_int_eq(send(one, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	settle(&b);
	settle(&b);
	ck_assert(is_closed(one));
	ck_assert(says(b.cp, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	close(one);
	one = peer(&b, "ONE-0600.sock");
	ck_assert(!is_closed(one));
	close(one);
	settle(&b);
	bed_close(&b);
}
END_TEST

START_TEST(datagram_peers)
{
	struct sockaddr_un us, qemu;
	uint8_t f[64], buf[2048];
	struct bed b;
	int one, fd;

	bed_open(&b);
	us = address(&b, "THREE-0600.sock");
	qemu = address(&b, "qemu");
	one = peer(&b, "ONE-0600.sock");
	for (unsigned i = 0; i < 2; i++) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&qemu, sizeof(qemu)), 0);
		frame(f, all, 3);
		ck_assert_int_eq(sendto(fd, f, 60, 0, (struct sockaddr *)&us, sizeof(us)), 60);
		settle(&b); /* attaches by it, and it is forwarded */
		ck_assert_uint_eq(take_frames(one), 1);
		ck_assert(says(b.cp, "QUERY NIC THREE/0600 DETAILS",
			       "State: Session Established   Attached by: dgram"));
		ck_assert_int_eq(sendto(fd, f, 60, 0, (struct sockaddr *)&us, sizeof(us)), 60);
		settle(&b);
		ck_assert_uint_eq(take_frames(one), 1);
		send_frame(one, all, 1);
		settle(&b);
		ck_assert_int_eq(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 60);
		close(fd);
		unlink(qemu.sun_path);
		cp_nicsocks_tick(b.set);
		ck_assert(says(b.cp, "QUERY NIC THREE/0600 DETAILS", "Attached by: dgram"));
		send_frame(one, all, 1);
		settle(&b);
		cp_nicsocks_tick(b.set);
		ck_assert(says(b.cp, "QUERY NIC THREE/0600 DETAILS", "State: No guest attached"));
	}
	close(one);
	settle(&b);
	bed_close(&b);
}
END_TEST

START_TEST(datagrams_of_nobody)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un us;
	struct bed b;
	uint8_t f[64];

	bed_open(&b);
	us = address(&b, "THREE-0600.sock");
	frame(f, all, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(sendto(fd, f, 60, 0, (struct sockaddr *)&us, sizeof(us)), 60);
		settle(&b);
		cp_nicsocks_tick(b.set);
	}
	ck_assert_uint_eq(b.lines, 1);
	ck_assert_ptr_nonnull(strstr(b.line, "no address to answer to"));
	ck_assert(says(b.cp, "QUERY NIC THREE/0600 DETAILS", "State: No guest attached"));
	close(fd);
	b.fds--;
	bed_close(&b);
}
END_TEST

/* What a process of another account is told that sends a datagram: 0 or an errno. */
static int send_as(const struct sockaddr_un *us, uid_t uid, gid_t gid)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

		if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(255);
		_exit(sendto(fd, "", 0, 0, (const struct sockaddr *)us, sizeof(*us)) < 0 ? errno
											 : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

START_TEST(datagrams_of_other_accounts)
{
	struct sockaddr_un us;
	struct bed b;

	if (getuid() != 0) {
		puts("skipped datagrams_of_other_accounts: needs root");
		return;
	}
	bed_open(&b);
	ck_assert_int_eq(chmod(b.dir, 0755), 0);
	us = address(&b, "THREE-0600.sock");
	if (b.lines) {
		printf("skipped datagrams_of_other_accounts: %s\n", b.line);
	} else {
		ck_assert_int_eq(send_as(&us, 64001, 64001), EACCES);
		command(b.cp, "USER THREE UID 64001");
		ck_assert_int_eq(send_as(&us, 64001, 64001), 0);
		ck_assert_int_eq(send_as(&us, 64002, 64002), EACCES);
		command(b.cp, "USER THREE GID 64003");
		command(b.cp, "USER THREE UID 64004");
		ck_assert_int_eq(send_as(&us, 64002, 64003), 0);
		ck_assert_int_eq(send_as(&us, 64004, 64004), 0);
		command(b.cp, "USER THREE NOUID 64001");
		ck_assert_int_eq(send_as(&us, 64001, 64001), EACCES);
	}
	bed_close(&b);
}
END_TEST

START_TEST(types_are_not_mixed)
{
	static const struct cp_nic_client adapter = {.kind = "port socket"};
	char err[256];
	struct bed b;

	bed_open(&b);
	ck_assert_ptr_null(
		cp_nic_attach_port(b.cp, &oper, "ONE", 0x0600, &adapter, err, sizeof(err)));
	ck_assert_int_eq(errno, ENODEV);
	ck_assert_str_eq(err, "ZLN2514E NIC ONE/0600 has TYPE STREAM: its guest attaches by the "
			      "NIC's own socket");
	ck_assert_ptr_null(cp_nic_attach(b.cp, &oper, "ONE", 0x0600, NULL, NULL, err, sizeof(err)));
	ck_assert_int_eq(errno, ENODEV);
	bed_close(&b);
}
END_TEST

/* As another account: the directory and the socket let it through, the USER statement decides. */
START_TEST(accounts_are_users)
{
	struct sockaddr_un sa;
	struct bed b;
	int fd;

	if (geteuid() != 0) /* only root can be somebody else */
		return;
	bed_open(&b);
	ck_assert_int_eq(chmod(b.dir, 0755), 0);
	sa = address(&b, "ONE-0600.sock");
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(seteuid(12345), 0);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		ck_assert_int_eq(seteuid(0), 0);
		settle(&b);
		ck_assert_int_eq(is_closed(fd), i == 0);
		if (i == 0)
			ck_assert_ptr_nonnull(strstr(b.line, "enter USER ONE UID 12345"));
		command(b.cp, "USER ONE UID 12345");
		close(fd);
		settle(&b);
	}
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nicsock");
	TCase *t = tcase_create("nicsock");

	tcase_add_test(t, streams_are_switched);
	tcase_add_test(t, a_peer_comes_again);
	tcase_add_test(t, coupling_starts_and_stops);
	tcase_add_test(t, nonsense_ends_the_stream);
	tcase_add_test(t, datagram_peers);
	tcase_add_test(t, datagrams_of_nobody);
	tcase_add_test(t, datagrams_of_other_accounts);
	tcase_add_test(t, types_are_not_mixed);
	tcase_add_test(t, accounts_are_users);
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
