/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's side of the control socket against a scripted client in the same process: framing,
 * requests that are none, many at once, clients that do not read, captures. The event loop is
 * turned by hand; nothing waits.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/control.h"
#include "tests/sockbed.h"

static const struct cp_caller one = {.user = "ONE"};

struct bed {
	struct event_base *base;
	struct cp *cp;
	struct cp_control *ct;
	unsigned settled, shutdowns, forgotten;
	unsigned fds; /* open before the test */
};

static void on_settle(void *ctx)
{
	((struct bed *)ctx)->settled++;
}

static void on_log(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void on_shutdown(void *ctx)
{
	((struct bed *)ctx)->shutdowns++;
}

static void on_forget(void *ctx, struct vs_switch *sw, struct vs_port *p)
{
	struct bed *b = ctx;

	b->forgotten++;
	if (b->ct)
		cp_control_forget(b->ct, sw, p);
}

static void bed_open(struct bed *b)
{
	struct cp_hooks hooks = {.shutdown = on_shutdown, .forget = on_forget, .ctx = b};
	struct cp_control_config cfg = {.settle = on_settle, .log = on_log, .ctx = b};

	memset(b, 0, sizeof(*b));
	b->fds = open_fds();
	b->base = cfg.base = event_base_new();
	b->cp = cfg.cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(b->cp);
	b->ct = cp_control_create(&cfg, -1);
	ck_assert_ptr_nonnull(b->ct);
}

static void bed_close(struct bed *b)
{
	cp_control_destroy(b->ct);
	b->ct = NULL;
	cp_destroy(b->cp);
	event_base_free(b->base);
	ck_assert_uint_eq(open_fds(), b->fds);
}

static int client_as(struct bed *b, const struct cp_caller *who)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	ck_assert_int_eq(cp_control_adopt(b->ct, pair[0], who), 0);
	return pair[1];
}

static void put(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One line. Return: its object, NULL at the end of the connection or if there is none. */
static json_t *get(int fd)
{
	static char line[1u << 20];
	size_t n = 0;

	while (n < sizeof(line) && recv(fd, line + n, 1, MSG_DONTWAIT) == 1)
		if (line[n++] == '\n')
			return json_loadb(line, n, 0, NULL);
	return NULL;
}

static bool is_closed(int fd)
{
	char c[4096];
	ssize_t n;

	while ((n = recv(fd, c, sizeof(c), MSG_DONTWAIT)) > 0)
		continue;
	return n == 0 || errno == ECONNRESET;
}

static int rc_of(const json_t *o)
{
	ck_assert_ptr_nonnull(o);
	ck_assert(json_is_integer(json_object_get(o, "rc")));
	return (int)json_integer_value(json_object_get(o, "rc"));
}

static const char *error_of(const json_t *o)
{
	const char *s = json_string_value(json_array_get(json_object_get(o, "errors"), 0));

	return s ? s : "";
}

/* ---- requests ---------------------------------------------------------------------------- */

static const struct {
	size_t n;
	const char *request;
	int rc; /* -1: any error */
	const char *error;
} requests[] = {
	{1, "{\"command\": \"DEFINE VSWITCH VSW1\"}", 0, ""},
	{2, "{\"command\": \"QUERY VSWITCH\", \"json\": true}", 0, ""},
	{3, "{\"command\": \"QUERY VSWITCH NONE\"}", 2040, "ZLN2040E"},
	{4, "{\"command\": \"* nothing\"}", 0, ""},
	{5, "{\"command\": \"\"}", 0, ""},
	{6, "{\"command\": \"G\\u00fcnther\"}", -1, "ZLN"},
	{7, "{\"command\": 5}", 2604, "ZLN2604E"},
	{8, "{\"complete\": []}", 2604, "ZLN2604E"},
	{9, "{\"capture\": \"x\"}", 2604, "ZLN2604E"},
	{10, "{}", 2604, "ZLN2604E"},
	{11, "{\"comand\": \"QUERY VSWITCH\"}", 2604, "ZLN2604E"},
	{12, "[]", 2603, "ZLN2603E"},
	{13, "5", 2603, "ZLN2603E"},
	{14, "", 2603, "ZLN2603E"},
	{15, "QUERY VSWITCH", 2603, "ZLN2603E"},
	{16, "{\"command\": \"x\"} {}", 2603, "ZLN2603E"},
	{17, "{\"command\": \"x\", \"command\": \"y\"}", 2603, "ZLN2603E"},
	{18, "{\"command\": \"a\\u0000b\"}", 2603, "ZLN2603E"},
	{19, "{\"command\": \"\xff\"}", 2603, "ZLN2603E"},
	{20, "{\"command\": \"QUERY\\nVSWITCH\"}", 0, ""},
	{21, "{\"capture\": {\"vswitch\": \"NONE\"}}", -1, "ZLN"},
	{22, "{\"capture\": {\"vswitch\": 7}}", -1, "ZLN"},
	{23, "{\"capture\": {\"snaplen\": -1}}", -1, "ZLN"},
};

START_TEST(requests_are_answered)
{
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	put(fd, requests[_i].request);
	put(fd, "\n");
	turn(b.base);
	o = get(fd);
	ck_assert_msg(requests[_i].rc < 0 ? rc_of(o) > 0 : rc_of(o) == requests[_i].rc,
		      "row %zu: rc %d, %s", requests[_i].n, rc_of(o), error_of(o));
	ck_assert_msg(strncmp(error_of(o), requests[_i].error, strlen(requests[_i].error)) == 0,
		      "row %zu: %s", requests[_i].n, error_of(o));
	ck_assert(json_is_array(json_object_get(o, "errors")));
	ck_assert_uint_ge(b.settled, 1);
	json_decref(o);
	put(fd, "{\"command\": \"QUERY VSWITCH\"}\n"); /* the connection goes on */
	turn(b.base);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 0);
	json_decref(o);
	close(fd);
	turn(b.base);
	ck_assert_uint_eq(cp_control_connections(b.ct), 0);
	bed_close(&b);
}
END_TEST

START_TEST(json_where_asked)
{
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	put(fd,
	    "{\"command\": \"QUERY VSWITCH\"}\n{\"command\": \"QUERY VSWITCH\", \"json\": true}\n");
	turn(b.base);
	o = get(fd);
	ck_assert(json_is_string(json_object_get(o, "text")));
	ck_assert_ptr_null(json_object_get(o, "json"));
	json_decref(o);
	o = get(fd);
	ck_assert(json_is_object(json_object_get(o, "json")));
	json_decref(o);
	close(fd);
	turn(b.base);
	bed_close(&b);
}
END_TEST

START_TEST(completion_has_candidates)
{
	const json_t *list;
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	put(fd, "{\"complete\": \"QUE\"}\n");
	turn(b.base);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 0);
	list = json_object_get(o, "candidates");
	ck_assert(json_is_array(list));
	ck_assert_uint_ge(json_array_size(list), 1);
	json_decref(o);
	close(fd);
	turn(b.base);
	bed_close(&b);
}
END_TEST

/* ---- framing ------------------------------------------------------------------------------ */

START_TEST(a_request_in_pieces)
{
	static const char text[] = "{\"command\": \"QUERY VSWITCH\"}\n";
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		ck_assert_ptr_null(get(fd));
		ck_assert_int_eq(send(fd, text + i, 1, 0), 1);
		turn(b.base);
	}
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 0);
	json_decref(o);
	close(fd);
	turn(b.base);
	bed_close(&b);
}
END_TEST

START_TEST(many_requests_at_once)
{
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	for (unsigned i = 0; i < 100; i++)
		put(fd, i % 2 ? "{\"command\": \"QUERY VSWITCH\"}\n" : "nonsense\n");
	shutdown(fd, SHUT_WR); /* the answers come nevertheless */
	turn(b.base);
	for (unsigned i = 0; i < 100; i++) {
		o = get(fd);
		ck_assert_int_eq(rc_of(o), i % 2 ? 0 : 2603);
		json_decref(o);
	}
	ck_assert(is_closed(fd));
	close(fd);
	ck_assert_uint_eq(cp_control_connections(b.ct), 0);
	bed_close(&b);
}
END_TEST

/* 65535 bytes and a newline are a request; one more is not, with or without an end. */
START_TEST(long_lines)
{
	static const struct {
		size_t n;
		size_t len;
		bool end;
		int rc;
	} row[] = {{1, 65535, true, 2603},
		   {2, 65536, true, 2602},
		   {3, 65536, false, 2602},
		   {4, 200000, true, 2602}};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *text = malloc(row[i].len + 2);
		size_t at = 0, len = row[i].len + row[i].end;
		json_t *o;
		struct bed b;
		int fd;

		memset(text, 'x', row[i].len);
		text[row[i].len] = '\n';
		bed_open(&b);
		fd = client_as(&b, &oper);
		while (at < len) {
			ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

			at += n > 0 ? (size_t)n : 0;
			turn(b.base);
			if (n < 0 && errno != EAGAIN)
				break; /* zland has seen enough */
		}
		turn(b.base);
		o = get(fd);
		ck_assert_msg(rc_of(o) == row[i].rc, "row %zu: rc %d", row[i].n, rc_of(o));
		json_decref(o);
		ck_assert_msg(is_closed(fd) == (row[i].rc == 2602), "row %zu", row[i].n);
		close(fd);
		turn(b.base);
		ck_assert_uint_eq(cp_control_connections(b.ct), 0);
		bed_close(&b);
		free(text);
	}
}
END_TEST

/* Memory stays bounded while nobody reads; everything is answered when somebody does. */
START_TEST(a_client_that_does_not_read)
{
	static const char request[] = "{\"command\": \"HELP\"}\n";
	unsigned sent = 0, got = 0;
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	while (sent < 100000 && send(fd, request, sizeof(request) - 1, MSG_DONTWAIT) ==
					(ssize_t)sizeof(request) - 1) {
		sent++;
		turn(b.base);
	}
	ck_assert_uint_gt(sent, 100);
	ck_assert_uint_lt(sent, 100000); /* at some time we were told to wait */
	for (unsigned idle = 0; got < sent && idle < 3; turn(b.base)) {
		idle++;
		while ((o = get(fd))) {
			ck_assert_int_eq(rc_of(o), 0);
			json_decref(o);
			got++;
			idle = 0;
			turn(b.base);
		}
	}
	ck_assert_uint_ge(got + 1,
			  sent); /* the last request may have been cut by the full socket */
	close(fd);
	turn(b.base);
	bed_close(&b);
}
END_TEST

/* ---- who, and until when --------------------------------------------------------------------- */

START_TEST(others_are_turned_away)
{
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &one);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 2601);
	ck_assert_int_eq(strncmp(error_of(o), "ZLN2601E", 8), 0);
	json_decref(o);
	ck_assert(is_closed(fd));
	ck_assert_uint_eq(cp_control_connections(b.ct), 0);
	close(fd);
	bed_close(&b);
}
END_TEST

/* Class G: its own objects, no captures, words only; until the statement is taken back. */
START_TEST(named_accounts_are_class_g)
{
	static const struct cp_caller joe = {.user = "JOE", .has_ids = true, .uid = 1000};
	struct bed b;
	json_t *o;
	int fd;

	bed_open(&b);
	command(b.cp, "USER ONE UID 1000");
	fd = client_as(&b, &joe);
	put(fd, "{\"command\": \"DEFINE NIC 0700\"}\n{\"command\": \"SHUTDOWN\"}\n"
		"{\"capture\": {}}\n{\"complete\": \"QUERY NIC USER \"}\n");
	turn(b.base);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 0);
	json_decref(o);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 2504);
	json_decref(o);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 2607);
	json_decref(o);
	o = get(fd);
	for (size_t i = 0; i < json_array_size(json_object_get(o, "candidates")); i++)
		ck_assert_str_ne(
			json_string_value(json_array_get(json_object_get(o, "candidates"), i)),
			"ONE");
	json_decref(o);
	command(b.cp, "USER ONE NOUID 1000");
	put(fd, "{\"command\": \"QUERY NIC\"}\n");
	turn(b.base);
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 2601);
	json_decref(o);
	ck_assert(is_closed(fd));
	close(fd);
	bed_close(&b);
}
END_TEST

START_TEST(an_account_cannot_take_all_connections)
{
	static const struct cp_caller joe = {.user = "JOE", .has_ids = true, .uid = 1000};
	int pair[40][2], adopted = 0;
	struct bed b;

	bed_open(&b);
	command(b.cp, "USER ONE UID 1000");
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
		adopted += cp_control_adopt(b.ct, pair[i][0], &joe) == 0;
	}
	ck_assert_int_eq(adopted, 16);
	for (unsigned i = 0; i < 40; i++)
		close(pair[i][1]);
	turn(b.base);
	bed_close(&b);
}
END_TEST

START_TEST(connections_have_a_limit)
{
	int pair[300][2], adopted = 0;
	struct bed b;

	bed_open(&b);
	for (unsigned i = 0; i < 300; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
		adopted += cp_control_adopt(b.ct, pair[i][0], &oper) == 0;
	}
	ck_assert_int_eq(adopted, 256);
	for (unsigned i = 0; i < 300; i++)
		close(pair[i][1]);
	turn(b.base);
	ck_assert_uint_eq(cp_control_connections(b.ct), 0);
	bed_close(&b);
}
END_TEST

START_TEST(shutdown_is_answered)
{
	json_t *o;
	struct bed b;
	int fd;

	bed_open(&b);
	fd = client_as(&b, &oper);
	put(fd, "{\"command\": \"SHUTDOWN\"}\n");
	turn(b.base);
	ck_assert_uint_eq(b.shutdowns, 1);
	cp_control_destroy(b.ct);
	b.ct = NULL;
	o = get(fd);
	ck_assert_int_eq(rc_of(o), 0);
	json_decref(o);
	close(fd);
	bed_close(&b);
}
END_TEST

/* ---- captures -----------------------------------------------------------------------------------
 */

/* The answer's first byte brings the descriptors. Return: how many. */
static unsigned get_fds(int fd, int *fds, json_t **o)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} ctl;
	char line[4096];
	struct iovec iov = {.iov_base = line, .iov_len = sizeof(line)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes)};
	ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;
	unsigned count = 0;
	ssize_t more;

	ck_assert_int_gt(n, 0);
	if (cm) {
		count = (unsigned)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(cm), count * sizeof(int));
	}
	while ((more = recv(fd, line + n, sizeof(line) - (size_t)n, MSG_DONTWAIT)) > 0)
		n += more;
	*o = json_loadb(line, (size_t)n, 0, NULL);
	return count;
}

START_TEST(a_capture_lasts_as_long_as_its_connection)
{
	int fd, fds[4];
	json_t *o;
	struct bed b;

	bed_open(&b);
	for (unsigned round = 0; round < 3; round++) {
		struct cp_reply r;

		fd = client_as(&b, &oper);
		put(fd, "{\"command\": \"DEFINE VSWITCH VSW1\"}\n");
		turn(b.base);
		json_decref(get(fd));
		put(fd, "{\"capture\": {\"vswitch\": \"VSW1\", \"snaplen\": 128}}\n");
		turn(b.base);
		ck_assert_uint_eq(get_fds(fd, fds, &o), 2);
		ck_assert_int_eq(rc_of(o), 0);
		json_decref(o);
		close(fds[0]);
		close(fds[1]);
		put(fd, "{\"capture\": {}}\n");
		turn(b.base);
		o = get(fd);
		ck_assert_int_eq(rc_of(o), 2605);
		json_decref(o);
		if (round == 1) { /* the switch goes first */
			cp_execute(b.cp, &oper, "DETACH VSWITCH VSW1", &r);
			ck_assert_int_eq(r.rc, 0);
			cp_reply_free(&r);
			ck_assert_uint_ge(b.forgotten, 1);
		}
		close(fd);
		turn(b.base);
		ck_assert_uint_eq(cp_control_connections(b.ct), 0);
	}
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("control");
	TCase *t = tcase_create("requests");

	tcase_add_loop_test(t, requests_are_answered, 0,
			    (int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_test(t, json_where_asked);
	tcase_add_test(t, completion_has_candidates);
	suite_add_tcase(s, t);
	t = tcase_create("framing");
	tcase_add_test(t, a_request_in_pieces);
	tcase_add_test(t, many_requests_at_once);
	tcase_add_test(t, long_lines);
	tcase_set_timeout(t, 60); /* thousands of requests, on a busy machine */
	tcase_add_test(t, a_client_that_does_not_read);
	suite_add_tcase(s, t);
	t = tcase_create("connections");
	tcase_add_test(t, others_are_turned_away);
	tcase_add_test(t, named_accounts_are_class_g);
	tcase_add_test(t, an_account_cannot_take_all_connections);
	tcase_add_test(t, connections_have_a_limit);
	tcase_add_test(t, shutdown_is_answered);
	tcase_add_test(t, a_capture_lasts_as_long_as_its_connection);
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
