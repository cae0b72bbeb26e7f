/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `zlan capture` as a program, in a child process. The test plays zland: it answers on the control
 * socket of a folder of its own and writes frames into the rings.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/be.h"
#include "cp/capture.h"
#include "cp/capture_ring.h"

#define WAIT_MS 10000
#define ARGS_MAX 12

static char dir[64], request[4096];
static int listener = -1, conn = -1, out = -1, err = -1, wake = -1, stdout_fd = -1;
static pid_t child;
static struct capture_page *page;
static struct cp_ring_writer ring[2];

/* ---- zland ------------------------------------------------------------------------------------
 */

static void bed_setup(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(dir, sizeof(dir), "/tmp/check_zlan_capture.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/control", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void bed_teardown(void)
{
	char path[128];

	if (child > 0)
		kill(child, SIGKILL);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, i ? "control" : "out.pcapng");
		unlink(path);
	}
	rmdir(dir);
}

/* Start the program. Its standard output and error are pipes. */
static void run(const char *const *args)
{
	char *argv[ARGS_MAX + 2] = {strdup("capture")};
	int o[2], e[2], argc = 1;

	ck_assert(!pipe2(o, O_CLOEXEC) && !pipe2(e, O_CLOEXEC));
	for (; args && *args; args++)
		argv[argc++] = strdup(*args);
	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		dup2(stdout_fd >= 0 ? stdout_fd : o[1], STDOUT_FILENO);
		dup2(e[1], STDERR_FILENO);
		close(listener);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		exit(capture_main(dir, argc, argv));
	}
	close(o[1]);
	close(e[1]);
	out = o[0];
	err = e[0];
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void wait_readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	ck_assert_msg(poll(&pfd, 1, WAIT_MS) == 1, "nothing comes");
}

static void request_receive(void)
{
	size_t len = 0;

	wait_readable(listener);
	conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(conn, 0);
	while (!len || request[len - 1] != '\n') {
		ssize_t n;

		wait_readable(conn);
		n = recv(conn, request + len, sizeof(request) - 1 - len, 0);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	request[len - 1] = '\0';
}

static void answer(const char *line, const int *fds, unsigned nfds)
{
	struct iovec iov = {.iov_base = (char *)(uintptr_t)line, .iov_len = strlen(line)};
	char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = (struct cmsghdr *)control;

	if (nfds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(conn, &msg, MSG_NOSIGNAL), (ssize_t)iov.iov_len);
}

static int memory_make(void)
{
	int fd = memfd_create("check", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert(fd >= 0 && !ftruncate(fd, CAPTURE_BYTES));
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	page = mmap(NULL, CAPTURE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(page != MAP_FAILED);
	page->magic = CAPTURE_MAGIC;
	page->version = CAPTURE_VERSION;
	page->rings = CAPTURE_RINGS;
	page->ring_bytes = CAPTURE_RING_BYTES;
	for (unsigned i = 0; i < 2; i++)
		cp_ring_writer_init(&ring[i], &page->ring[i],
				    (uint8_t *)page + CAPTURE_DATA_OFFSET +
					    (size_t)i * CAPTURE_RING_BYTES,
				    CAPTURE_RING_BYTES);
	return fd;
}

/* Take the request and start the capture. */
static void begin(const char *const *args)
{
	int fds[2], p[2];

	run(args);
	request_receive();
	ck_assert_int_eq(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	fds[0] = memory_make();
	fds[1] = p[0];
	wake = p[1];
	answer("{\"rc\": 0, \"text\": \"\", \"errors\": []}\n", fds, 2);
	close(fds[0]);
	close(fds[1]);
}

/* A UDP packet (port) or another frame (0) on worker w at a time. */
static void frame(unsigned w, uint64_t ns, enum vs_capture_dir way, uint16_t port)
{
	uint8_t data[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46};
	const struct vs_capture_frame f = {
		.ns = UINT64_C(1700000000000000000) + ns,
		.dir = way,
		.reason = VS_DROP_UNKNOWN_UNICAST,
		.len = 60,
		.caplen = 60,
		.data = data,
	};

	data[22] = 64;
	data[23] = port ? 17 : 1;
	be16_store(data + 36, port);
	cp_ring_put(&ring[w], &f, w ? "LINUX02/0600" : "LINUX01/0600");
}

static void publish(void)
{
	for (unsigned i = 0; i < 2; i++)
		cp_ring_publish(&ring[i]);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&page->asleep, 0))
		ck_assert_int_eq(write(wake, "", 1), 1);
}

/* ---- what comes out
 * -------------------------------------------------------------------------------- */

struct packets {
	unsigned n;
	uint64_t ns[64];
	const char *bytes;
	size_t len;
};

static char out_bytes[1 << 20], err_bytes[4096];

static size_t read_all(int fd, char *to, size_t cap)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		wait_readable(fd);
		n = read(fd, to + len, cap - len);
		if (n <= 0)
			return len;
		len += (size_t)n;
	}
}

/* The enhanced packet blocks of a capture file. */
static void parse(struct packets *p)
{
	size_t off = 0;

	p->n = 0;
	while (off + 12 <= p->len) {
		uint32_t f[7];

		memcpy(f, p->bytes + off, sizeof(f));
		ck_assert_uint_ge(f[1], 12);
		ck_assert_uint_le(off + f[1], p->len);
		if (f[0] == 6 && p->n < 64)
			p->ns[p->n++] =
				((uint64_t)f[3] << 32 | f[4]) - UINT64_C(1700000000000000000);
		off += f[1];
	}
	ck_assert_uint_eq(off, p->len);
}

/* Wait until the file's header has come: the capture runs. */
static void wait_header(void)
{
	wait_readable(out);
}

/* The program ends by itself or has been told to. */
static void finish(int status, const char *message)
{
	int st;

	err_bytes[read_all(err, err_bytes, sizeof(err_bytes) - 1)] = '\0';
	ck_assert_int_eq(waitpid(child, &st, 0), child);
	child = 0;
	ck_assert_msg(WIFEXITED(st) && WEXITSTATUS(st) == status, "status %x: %s", (unsigned)st,
		      err_bytes);
	ck_assert_msg(strstr(err_bytes, message) != NULL, "\"%s\" is not in \"%s\"", message,
		      err_bytes);
}

static struct packets output(void)
{
	struct packets p = {.bytes = out_bytes};

	p.len = read_all(out, out_bytes, sizeof(out_bytes));
	parse(&p);
	return p;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- tests
 * -------------------------------------------------------------------------------------------- */

/* A terminal as standard output is not flooded with binary data. */
START_TEST(terminal)
{
	int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	ck_assert(pty >= 0 && !grantpt(pty) && !unlockpt(pty));
	slave = open(ptsname(pty), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	stdout_fd = slave;
	run(NULL);
	finish(1, "ZLN2700E");
}
END_TEST

static const struct {
	int n;
	const char *args[ARGS_MAX];
	const char *message;
} refused[] = {
	{1, {"--snaplen", "63"}, "ZLN0002E"},
	{2, {"--snaplen", "65536"}, "ZLN0002E"},
	{3, {"--snaplen", "x"}, "ZLN0002E"},
	{4, {"--snaplen"}, "ZLN0003E"},
	{5, {"--count", "0"}, "ZLN0002E"},
	{6, {"--count", "-1"}, "ZLN0002E"},
	{7, {"--count", "99999999999999999999"}, "ZLN0002E"},
	{8, {"--bogus"}, "ZLN0003E"},
	{9, {"tcp", "port", "banana"}, "ZLN2706E"},
};

START_TEST(bad_arguments)
{
	run(refused[_i].args);
	finish(1, refused[_i].message);
}
END_TEST

START_TEST(request_says_it_all)
{
	begin(ARGS("--vswitch", "VSW1", "--nic", "A/0600", "--dropped", "--snaplen", "96"));
	ck_assert_str_eq(request, "{\"capture\":{\"vswitch\":\"VSW1\",\"nic\":\"A/0600\","
				  "\"dropped\":true,\"snaplen\":96}}");
}
END_TEST

START_TEST(request_of_everything)
{
	begin(NULL);
	ck_assert_str_eq(request, "{\"capture\":{\"dropped\":false,\"snaplen\":65535}}");
}
END_TEST

/* Two workers: merged by time; --count ends it. */
START_TEST(merged_and_counted)
{
	struct packets p;

	begin(ARGS("-o", "-", "--count", "6"));
	frame(0, 10, VS_CAPTURE_IN, 53);
	frame(0, 40, VS_CAPTURE_OUT, 53);
	frame(0, 50, VS_CAPTURE_OUT, 53);
	frame(1, 20, VS_CAPTURE_IN, 53);
	frame(1, 30, VS_CAPTURE_DROP, 53);
	frame(1, 60, VS_CAPTURE_IN, 53);
	frame(1, 70, VS_CAPTURE_IN, 53);
	publish();
	p = output();
	ck_assert_uint_eq(p.n, 6);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(p.ns[i], 10 + UINT64_C(10) * i);
	ck_assert_ptr_nonnull(memmem(p.bytes, p.len, "LINUX01/0600", 12));
	ck_assert_ptr_nonnull(memmem(p.bytes, p.len, "dropped: unknown-unicast (", 26));
	finish(0, "6 frames captured, 0 lost\n");
}
END_TEST

START_TEST(filtered)
{
	struct packets p;

	run(ARGS("udp", "dst", "port", "53", "--count"));
	finish(1, "ZLN2706E"); /* behind the filter begins no option */
	close(out);
	begin(ARGS("--count", "2", "udp dst port 53"));
	for (unsigned i = 0; i < 10; i++)
		frame(0, i, VS_CAPTURE_IN, i % 4 ? 54 : 53);
	publish();
	p = output();
	ck_assert_uint_eq(p.n, 2);
	ck_assert_uint_eq(p.ns[1], 4);
	finish(0, "2 frames captured, 0 lost\n");
}
END_TEST

/* Frames before a signal are written, the summary comes, the status is 0. */
START_TEST(signals)
{
	static const int signals_to_try[] = {SIGINT, SIGTERM, SIGHUP};
	struct packets p;

	begin(NULL);
	wait_header();
	for (unsigned i = 0; i < 3; i++)
		frame(0, i, VS_CAPTURE_IN, 53);
	atomic_store(&page->ring[1].lost, 7);
	cp_ring_publish(&ring[0]);
	kill(child, signals_to_try[_i]);
	p = output();
	ck_assert_uint_eq(p.n, 3);
	finish(0, "3 frames captured, 7 lost\n");
}
END_TEST

START_TEST(live)
{
	char bytes[65536];

	begin(NULL);
	for (unsigned i = 0; i < 20; i++) {
		size_t len = 0;

		wait_header();
		len = (size_t)read(out, bytes, sizeof(bytes));
		ck_assert_uint_gt(len, 0);
		frame(0, i, VS_CAPTURE_IN, 53);
		publish(); /* the next turn waits until it has come out */
	}
	kill(child, SIGTERM);
	finish(0, "20 frames captured, 0 lost\n");
}
END_TEST

START_TEST(reader_goes_away)
{
	begin(NULL);
	wait_header();
	close(out);
	finish(0, "0 frames captured, 0 lost\n");
}
END_TEST

/* Blocked in a full pipe, it still can be ended. */
START_TEST(reader_does_not_read)
{
	begin(NULL);
	wait_header();
	for (unsigned i = 0; i < 5000; i++)
		frame(0, i, VS_CAPTURE_IN, 53);
	publish();
	/* it cannot take them all: the pipe holds 64 KiB */
	ck_assert_uint_lt(atomic_load(&page->ring[0].tail), ring[0].head);
	kill(child, SIGTERM);
	finish(0, "frames captured");
}
END_TEST

START_TEST(target_gone)
{
	struct packets p;

	begin(NULL);
	frame(0, 1, VS_CAPTURE_IN, 53);
	cp_ring_publish(&ring[0]);
	atomic_store(&page->ended, 1);
	publish();
	p = output();
	ck_assert_uint_eq(p.n, 1);
	finish(0, "ZLN2709I");
}
END_TEST

START_TEST(zland_gone)
{
	begin(NULL);
	wait_header();
	frame(0, 1, VS_CAPTURE_IN, 53);
	cp_ring_publish(&ring[0]);
	close(conn);
	ck_assert_uint_eq(output().n, 1);
	finish(1, "ZLN2707E");
}
END_TEST

START_TEST(no_zland)
{
	close(listener);
	run(NULL);
	finish(1, "ZLN2705E");
}
END_TEST

static const struct {
	int n;
	unsigned nfds;
	const char *line; /* NULL: the connection is closed */
	const char *message;
} answers[] = {
	{1, 0, "{\"rc\": 2040, \"errors\": [\"ZLN2040E VSWITCH SYSTEM X does not exist\"]}\n",
	 "ZLN2040E VSWITCH SYSTEM X does not exist\n"},
	{2, 0, NULL, "ZLN2703E"},
	{3, 0, "nonsense\n", "ZLN2703E"},
	{4, 0, "[]\n", "ZLN2703E"},
	{5, 0, "{\"rc\": 0}\n", "ZLN2704E"},
	{6, 1, "{\"rc\": 0}\n", "ZLN2704E"},
	{7, 2, "{\"rc\": 0}\n", "ZLN2704E"},
	{8, 4, "{\"rc\": 0}\n", "ZLN2704E"},
};

/* An answer that is no capture; its descriptors, if any, are no such memory. */
START_TEST(bad_answers)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[4] = {fd, fd, fd, fd};

	run(ARGS("-o", "-"));
	request_receive();
	if (answers[_i].line)
		answer(answers[_i].line, fds, answers[_i].nfds);
	else
		close(conn);
	finish(1, answers[_i].message);
}
END_TEST

START_TEST(ring_makes_no_sense)
{
	begin(NULL);
	wait_header();
	ring[0].head = 8; /* there is no record of 8 bytes */
	publish();
	finish(1, "ZLN2704E");
}
END_TEST

START_TEST(file_output)
{
	char path[128];
	struct packets p = {.bytes = out_bytes};
	int fd;

	snprintf(path, sizeof(path), "%s/out.pcapng", dir);
	begin(ARGS("-o", path, "--count", "1"));
	frame(0, 1, VS_CAPTURE_IN, 53);
	publish();
	finish(0, "1 frames captured, 0 lost\n");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	p.len = read_all(fd, out_bytes, sizeof(out_bytes));
	parse(&p);
	ck_assert_uint_eq(p.n, 1);
}
END_TEST

START_TEST(file_refused)
{
	begin(ARGS("-o", "/no/such/folder/x.pcapng"));
	finish(1, "ZLN2711E");
}
END_TEST

START_TEST(file_full)
{
	begin(ARGS("-o", "/dev/full"));
	finish(1, "ZLN2708E");
}
END_TEST

static Suite *program_suite(void)
{
	Suite *suite = suite_create("zlan capture");
	TCase *tc = tcase_create("program");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, bed_setup, bed_teardown);
	tcase_add_loop_test(tc, bad_arguments, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(tc, terminal);
	tcase_add_test(tc, request_says_it_all);
	tcase_add_test(tc, request_of_everything);
	tcase_add_test(tc, merged_and_counted);
	tcase_add_test(tc, filtered);
	tcase_add_loop_test(tc, signals, 0, 3);
	tcase_add_test(tc, live);
	tcase_add_test(tc, reader_goes_away);
	tcase_add_test(tc, reader_does_not_read);
	tcase_add_test(tc, target_gone);
	tcase_add_test(tc, zland_gone);
	tcase_add_test(tc, no_zland);
	tcase_add_loop_test(tc, bad_answers, 0, (int)(sizeof(answers) / sizeof(answers[0])));
	tcase_add_test(tc, ring_makes_no_sense);
	tcase_add_test(tc, file_output);
	tcase_add_test(tc, file_refused);
	tcase_add_test(tc, file_full);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *sr = srunner_create(program_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
