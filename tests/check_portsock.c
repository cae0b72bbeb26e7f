/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's side of the port socket against a scripted client in the same process: every malformed
 * message, packets that lie, a client that does not read, every state it can vanish in. The
 * event loop and the worker are turned by hand; nothing waits. Each test ends by counting the
 * process's descriptors.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "cp/portsock_priv.h"
#include "tests/fakeport.h"

static const struct cp_caller oper = {.user = "OPERATOR", .class_b = true};
static const struct cp_caller one = {.user = "ONE"};
static const struct cp_caller joe = {.user = "JOE", .has_ids = true, .uid = 1000};
static const struct cp_caller nobody = {.user = ""};

struct bed {
	struct event_base *base;
	struct cp *cp;
	struct cp_portsock *ps;
	struct vs_worker *worker;
	unsigned fds; /* open before the test */
};

struct client {
	int fd, data, results;
	uint32_t tag;
	uint8_t mac[6];
};

union message {
	struct port_hdr hdr;
	struct port_attach attach;
	struct port_request request;
	struct port_reply reply;
	struct port_link link;
	struct port_command command;
	struct port_output output;
	uint8_t bytes[2048];
};

/* ---- the bed ----------------------------------------------------------------------------- */

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void command(struct bed *b, const char *line)
{
	struct cp_reply r = {0};

	ck_assert_msg(cp_execute(b->cp, &oper, line, &r) == 0, "%s: %s", line, r.errors);
	cp_reply_free(&r);
}

/* Does the answer to a command contain text? */
static bool says(struct bed *b, const char *line, const char *text)
{
	struct cp_reply r = {0};
	bool found;

	ck_assert_msg(cp_execute(b->cp, &oper, line, &r) == 0, "%s: %s", line, r.errors);
	found = strstr(r.text, text) != NULL;
	cp_reply_free(&r);
	return found;
}

static struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	(void)p;
	return ((struct bed *)ctx)->worker;
}

static void on_log(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void bed_open(struct bed *b)
{
	struct cp_hooks hooks = {.pick_worker = pick_worker, .ctx = b};
	struct cp_portsock_config cfg = {.log = on_log};

	memset(b, 0, sizeof(*b));
	b->fds = open_fds();
	rcu_register_thread();
	b->worker = vs_worker_create();
	b->base = cfg.base = event_base_new();
	b->cp = cfg.cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(b->cp);
	command(b, "DEFINE VSWITCH VSW1 ETHERNET");
	command(b, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b, "NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b, "DEFINE NIC USER ONE 0700 TYPE QDIO");
	b->ps = cp_portsock_create(&cfg, -1);
	ck_assert_ptr_nonnull(b->ps);
}

static void bed_close(struct bed *b)
{
	cp_portsock_destroy(b->ps);
	cp_destroy(b->cp);
	vs_worker_destroy(b->worker);
	event_base_free(b->base);
	rcu_unregister_thread();
	ck_assert_uint_eq(open_fds(), b->fds);
}

/* Let everything that is ready happen. */
static void turn(struct bed *b)
{
	for (unsigned i = 0; i < 6; i++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static unsigned poll_frames(struct bed *b)
{
	unsigned n = 0, k;

	while ((k = vs_worker_poll(b->worker))) {
		rcu_quiescent_state();
		n += k;
	}
	return n;
}

static struct vs_counters counters(struct bed *b, const char *nic)
{
	struct vs_counters c;

	vs_port_counters(cp_find_port(b->cp, nic, NULL), &c);
	return c;
}

/* ---- a client ------------------------------------------------------------------------------ */

static void client_open_as(struct bed *b, struct client *c, const struct cp_caller *who)
{
	int pair[2];

	*c = (struct client){.data = -1, .results = -1};
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(cp_portsock_adopt(b->ps, pair[0], who, 1000), 0);
	c->fd = pair[1];
}

static void client_close(struct bed *b, struct client *c)
{
	close(c->fd);
	if (c->data >= 0)
		close(c->data);
	if (c->results >= 0)
		close(c->results);
	turn(b);
}

static void send_raw(struct client *c, const void *msg, size_t len)
{
	ck_assert_int_eq(send(c->fd, msg, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Return: bytes, 0 at the end of the connection, -1 if there is nothing. */
static ssize_t receive(struct client *c, union message *m)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} ctl;
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes)};
	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;

	if (cm) {
		ck_assert_int_lt(c->data, 0);
		memcpy(&c->data, CMSG_DATA(cm), sizeof(int));
		if (cm->cmsg_len == CMSG_LEN(2 * sizeof(int)))
			memcpy(&c->results, CMSG_DATA(cm) + sizeof(int), sizeof(int));
		else
			ck_assert_uint_eq(cm->cmsg_len, CMSG_LEN(sizeof(int)));
	}
	return n < 0 && errno == ECONNRESET ? 0 : n;
}

static bool is_closed(struct client *c)
{
	union message m;
	ssize_t n;

	while ((n = receive(c, &m)) > 0)
		continue;
	return n == 0;
}

static struct port_reply await_reply(struct bed *b, struct client *c)
{
	union message m = {0};

	turn(b);
	ck_assert_int_eq(receive(c, &m), sizeof(struct port_reply));
	ck_assert_uint_eq(m.hdr.type, PORT_REPLY);
	ck_assert_uint_eq(m.hdr.len, sizeof(struct port_reply));
	ck_assert_ptr_nonnull(memchr(m.reply.text, '\0', sizeof(m.reply.text)));
	ck_assert_int_eq(m.reply.error != 0, m.reply.text[0] != '\0');
	return m.reply;
}

static struct port_attach good_attach(struct client *c, const char *user, uint16_t vdev)
{
	struct port_attach m = {.hdr = {PORT_ATTACH, sizeof(m), ++c->tag},
				.magic = PORT_MAGIC,
				.version = PORT_VERSION,
				.vdev = vdev};

	memcpy(m.user, user, strlen(user));
	return m;
}

static struct port_reply attach(struct bed *b, struct client *c, const char *user, uint16_t vdev)
{
	struct port_attach m = good_attach(c, user, vdev);
	struct port_reply r;

	send_raw(c, &m, sizeof(m));
	r = await_reply(b, c);
	ck_assert_uint_eq(r.hdr.tag, c->tag);
	memcpy(c->mac, r.mac, 6);
	return r;
}

/* Return: the reply's error. */
static int request(struct bed *b, struct client *c, unsigned type, const uint8_t *mac, unsigned vid,
		   bool on)
{
	struct port_request m = {
		.hdr = {(uint16_t)type, sizeof(m), ++c->tag}, .vid = (uint16_t)vid, .on = on};
	struct port_reply r;

	if (mac)
		memcpy(m.mac, mac, 6);
	send_raw(c, &m, sizeof(m));
	r = await_reply(b, c);
	ck_assert_uint_eq(r.hdr.tag, c->tag);
	return r.error;
}

/* Attached, started, its own address registered. */
static void client_ready(struct bed *b, struct client *c, const char *user)
{
	client_open_as(b, c, &oper);
	ck_assert_int_eq(attach(b, c, user, 0x0600).error, 0);
	ck_assert_int_ge(c->data, 0);
	ck_assert_int_eq(request(b, c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(b, c, PORT_MAC_ADD, c->mac, 0, true), 0);
}

/* One frame as a packet. Return: the packet's length. */
static uint32_t packet(uint8_t *buf, const struct client *from, const struct client *to,
		       uint32_t len)
{
	struct vs_packet h = {.count = 1};
	struct vs_packet_frame f = {.len = len};

	h.len = (uint32_t)(sizeof(h) + sizeof(f)) + len;
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &f, sizeof(f));
	fake_frame(buf + sizeof(h) + sizeof(f), to->mac, from->mac, -1, len, 1);
	return h.len;
}

static void send_frame(struct client *from, const struct client *to, uint32_t len)
{
	static uint8_t buf[VS_PACKET_MAX];
	uint32_t n = packet(buf, from, to, len);

	ck_assert_int_eq(send(from->data, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL), n);
}

/* Frames in the packets that wait. */
static unsigned take_frames(struct client *c)
{
	static uint8_t buf[VS_PACKET_MAX];
	struct vs_packet h;
	unsigned n = 0;

	while (recv(c->data, buf, sizeof(buf), MSG_DONTWAIT) > 0) {
		memcpy(&h, buf, sizeof(h));
		n += h.count;
	}
	return n;
}

/* ---- attaching ----------------------------------------------------------------------------- */

START_TEST(attach_gives_a_port)
{
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert(says(&b, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	r = attach(&b, &c, "ONE", 0x0600);
	ck_assert_int_eq(r.error, 0);
	ck_assert_uint_eq(r.version, PORT_VERSION);
	ck_assert_uint_eq(r.coupled, 1);
	ck_assert_int_ge(c.data, 0);
	ck_assert(says(&b, "QUERY NIC ONE/0600 DETAILS",
		       "State: Startup   Attached by: port socket"));
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert(says(&b, "QUERY NIC ONE/0600 DETAILS",
		       "State: Session Established   Attached by: port socket"));
	ck_assert(says(&b, "QUERY VSWITCH VSW1 DETAILS", "In use"));
	client_close(&b, &c);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	ck_assert(says(&b, "QUERY NIC ONE/0600 DETAILS", "State: No guest attached"));
	bed_close(&b);
}
END_TEST

static const struct {
	size_t n;
	const struct cp_caller *who;
	const char *user;
	uint16_t vdev;
	uint32_t magic;
	uint16_t version;
	int error;
	const char *text;
	bool closed;
} attaches[] = {
	{1, &oper, "ONE", 0x600, PORT_MAGIC, 1, 0, "", false},
	{2, &oper, "ONE", 0x600, PORT_MAGIC, 65535, 0, "", false},
	{3, &oper, "ONE", 0x600, PORT_MAGIC, 0, EPROTO, "ZLN2615E", true},
	{4, &oper, "ONE", 0x600, 0x5A4C4348, 1, EPROTO, "ZLN2615E", true}, /* the channel's */
	{5, &oper, "", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN2612E", false},
	{6, &oper, "A\001B", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN2612E", false},
	{7, &oper, "a/b", 0x600, PORT_MAGIC, 1, EINVAL, "ZLN0007E", false},
	{8, &oper, "NONE", 0x600, PORT_MAGIC, 1, ENOENT, "ZLN0040E Device NONE/0600", false},
	{9, &oper, "ONE", 0x601, PORT_MAGIC, 1, ENOENT, "ZLN0040E Device ONE/0601", false},
	{10, &one, "ONE", 0x600, PORT_MAGIC, 1, 0, "", false},
	{11, &one, "TWO", 0x600, PORT_MAGIC, 1, EPERM, "ZLN2513E", false},
	{12, &nobody, "ONE", 0x600, PORT_MAGIC, 1, EPERM, "ZLN2513E", false},
	{13, &joe, "ONE", 0x600, PORT_MAGIC, 1, EPERM, "enter USER ONE UID 1000", false},
	{14, &joe, "THREE", 0x600, PORT_MAGIC, 1, 0, "", false},
};

START_TEST(attach_is_judged)
{
	struct port_attach m;
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(&b, "NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(&b, "USER THREE UID 1000");
	client_open_as(&b, &c, attaches[_i].who);
	m = good_attach(&c, attaches[_i].user, attaches[_i].vdev);
	m.magic = attaches[_i].magic;
	m.version = attaches[_i].version;
	send_raw(&c, &m, sizeof(m));
	r = await_reply(&b, &c);
	ck_assert_msg(r.error == attaches[_i].error, "row %zu: %d %s", attaches[_i].n, r.error,
		      r.text);
	ck_assert_msg(strstr(r.text, attaches[_i].text) != NULL, "row %zu: %s", attaches[_i].n,
		      r.text);
	ck_assert_int_eq(c.data >= 0, r.error == 0);
	ck_assert_int_eq(is_closed(&c), attaches[_i].closed);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(one_guest_per_nic)
{
	struct client c, d;
	struct port_reply r;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	r = attach(&b, &c, "TWO", 0x0600);
	ck_assert_int_eq(r.error, EISCONN);
	client_open_as(&b, &d, &oper);
	r = attach(&b, &d, "ONE", 0x0600);
	ck_assert_int_eq(r.error, EBUSY);
	ck_assert_ptr_nonnull(strstr(r.text, "ZLN2507E NIC ONE/0600 is in use by a guest"));
	client_close(&b, &c);
	ck_assert_int_eq(attach(&b, &d, "ONE", 0x0600).error, 0);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(an_account_cannot_take_all_connections)
{
	int pair[80][2], accepted = 0;
	struct client c;
	struct bed b;

	bed_open(&b);
	for (unsigned i = 0; i < 80; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair[i]),
				 0);
		accepted += cp_portsock_adopt(b.ps, pair[i][0], &one, 1001) == 0;
	}
	ck_assert_int_eq(accepted, 64);
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	client_close(&b, &c);
	for (unsigned i = 0; i < 80; i++)
		close(pair[i][1]);
	turn(&b);
	bed_close(&b);
}
END_TEST

/* ---- messages ------------------------------------------------------------------------------ */

static const struct {
	size_t n;
	unsigned type;
	size_t len, says;
	int error;
	bool closed;
} bad_messages[] = {
	{1, PORT_START, 1, 1, EPROTO, true},
	{2, PORT_START, 7, 7, EPROTO, true},
	{3, PORT_START, 8, 8, EPROTO, true},
	{4, PORT_START, sizeof(struct port_request), 0, EPROTO, true},
	{5, PORT_START, sizeof(struct port_request), 65535, EPROTO, true},
	{6, PORT_START, sizeof(struct port_request) - 1, sizeof(struct port_request) - 1, EPROTO,
	 true},
	{7, PORT_START, sizeof(struct port_request) + 1, sizeof(struct port_request) + 1, EPROTO,
	 true},
	{8, PORT_ATTACH, sizeof(struct port_request), sizeof(struct port_request), EPROTO, true},
	{9, 0, sizeof(struct port_request), sizeof(struct port_request), EOPNOTSUPP, false},
	{10, PORT_IPA + 1, 8, 8, EOPNOTSUPP, false},
	{27, PORT_ATTACH_HIPERS, 8, 8, EPROTO, true},
	{28, PORT_IPA, sizeof(struct port_ipa), sizeof(struct port_ipa), EOPNOTSUPP, false},
	{26, PORT_LAYER, 8, 8, EOPNOTSUPP, false}, /* before ATTACH: no version 3 */
	{11, PORT_REPLY, sizeof(struct port_reply), sizeof(struct port_reply), EOPNOTSUPP, false},
	{12, 65535, 8, 8, EOPNOTSUPP, false},
	{13, PORT_START, PORT_CONTROL_MAX, PORT_CONTROL_MAX, EPROTO, true},
	{14, PORT_START, PORT_CONTROL_MAX + 1, PORT_CONTROL_MAX + 1, EMSGSIZE, true},
	{15, PORT_START, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN, false},
	{16, PORT_STOP, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN, false},
	{17, PORT_PROMISC, sizeof(struct port_request), sizeof(struct port_request), ENOTCONN,
	 false},
};

START_TEST(messages_are_checked)
{
	union message m = {.hdr = {.type = (uint16_t)bad_messages[_i].type,
				   .len = (uint16_t)bad_messages[_i].says,
				   .tag = 7}};
	struct port_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	send_raw(&c, &m, bad_messages[_i].len);
	r = await_reply(&b, &c);
	ck_assert_msg(r.error == bad_messages[_i].error, "row %zu: %d %s", bad_messages[_i].n,
		      r.error, r.text);
	ck_assert_int_eq(is_closed(&c), bad_messages[_i].closed);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(descriptors_are_not_kept)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} ctl = {0};
	struct port_attach m;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	m = good_attach(&c, "ONE", 0x0600);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(8 * sizeof(int));
	ck_assert_int_eq(sendmsg(c.fd, &mh, MSG_NOSIGNAL), sizeof(m)); /* eight times stdin */
	ck_assert_int_eq(await_reply(&b, &c).error, EMSGSIZE);
	ck_assert(is_closed(&c));
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(requests_end_at_the_link)
{
	static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1}, zero[6];
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), ENOTCONN);
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EALREADY);
	client_ready(&b, &d, "TWO");
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, d.mac, 0, true), EEXIST);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, group, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, zero, 0, true), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_DEL, group, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_DEL, group, 0, true), ENOENT);
	ck_assert_int_eq(request(&b, &c, PORT_VID_ADD, NULL, 4095, true), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_VID_ADD, NULL, 5, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_VID_DEL, NULL, 6, true), ENOENT);
	ck_assert_int_eq(request(&b, &c, PORT_PROMISC, NULL, 0, true), EPERM);
	/* All of it goes with the stop. */
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &d, PORT_MAC_ADD, c.mac, 0, true), 0);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(an_uncoupled_nic_waits)
{
	union message m;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &oper);
	ck_assert_uint_eq(attach(&b, &c, "ONE", 0x0700).coupled, 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), ENOTCONN);
	ck_assert_int_eq(request(&b, &c, PORT_STOP, NULL, 0, true), 0);
	command(&b, "SET VSWITCH VSW1 GRANT ONE");
	for (unsigned i = 0; i < 3; i++) {
		command(&b, "COUPLE USER ONE 0700 TO SYSTEM VSW1");
		ck_assert_int_eq(receive(&c, &m), sizeof(m.link));
		ck_assert_uint_eq(m.hdr.type, PORT_LINK);
		ck_assert_uint_eq(m.hdr.len, sizeof(m.link));
		ck_assert_uint_eq(m.hdr.tag, 0);
		ck_assert_uint_eq(m.link.coupled, 1);
		ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
		command(&b, i == 1 ? "DETACH VSWITCH VSW1" : "UNCOUPLE USER ONE 0700");
		ck_assert_int_eq(receive(&c, &m), sizeof(m.link));
		ck_assert_uint_eq(m.link.coupled, 0);
		ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), ENOTCONN);
		if (i == 1) {
			command(&b, "DEFINE VSWITCH VSW1 ETHERNET");
			command(&b, "SET VSWITCH VSW1 GRANT ONE");
		}
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* ---- frames -------------------------------------------------------------------------------------
 */

START_TEST(frames_are_forwarded)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	for (unsigned i = 0; i < 100; i++)
		send_frame(&c, &d, 60 + i);
	ck_assert_uint_eq(poll_frames(&b), 100);
	ck_assert_uint_eq(take_frames(&d), 100);
	/* Nothing goes to where no port is started. */
	ck_assert_int_eq(request(&b, &d, PORT_STOP, NULL, 0, false), 0);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&d), 0);
	/* And nothing that was sent before the start comes from there. */
	send_frame(&d, &c, 60);
	ck_assert_int_eq(request(&b, &d, PORT_START, NULL, 0, true), 0);
	ck_assert_uint_eq(poll_frames(&b), 0);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* Frames of 100 bytes; what one of their headers says, and what becomes of it. */
static const struct {
	size_t n;
	uint16_t count;
	int32_t more; /* bytes the packet says it is longer than it is */
	struct vs_packet_frame f;
	unsigned forwarded, drops;
	enum vs_drop why;
} packets[] = {
	{1, 1, 0, {.len = 100}, 1, 0, 0},
	{2, 0, 0, {.len = 100}, 0, 0, 0},
	{3, 2, 0, {.len = 100}, 1, 1, VS_DROP_RX_MALFORMED}, /* the second is not there */
	{4, 65, 0, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{5, 65535, 0, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{6, 1, 1, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{7, 1, -1, {.len = 100}, 0, 1, VS_DROP_RX_MALFORMED},
	{8, 1, 0, {.len = 101}, 0, 1, VS_DROP_RX_MALFORMED},
	{9, 1, 0, {.len = 0xFFFFFFFF}, 0, 1, VS_DROP_RX_MALFORMED},
	{10, 1, 0, {.len = 13}, 0, 1, VS_DROP_RX_RUNT},
	{11, 1, 0, {.len = 0}, 0, 1, VS_DROP_RX_RUNT},
	{12, 1, 0, {.len = 100, .flags = 0x10}, 0, 1, VS_DROP_RX_MALFORMED},
	{13, 1, 0, {.len = 100, .flags = 0x8000}, 0, 1, VS_DROP_RX_MALFORMED},
	{14, 1, 0, {.len = 100, .flags = VS_F_CSUM_VALID}, 1, 0, 0},
	{15, 1, 0, {.len = 100, .flags = VS_F_CSUM_NEEDED}, 0, 1, VS_DROP_RX_MALFORMED},
	{16,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 34, .csum_offset = 16},
	 1,
	 0,
	 0},
	{17,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 34, .csum_offset = 65},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{18,
	 1,
	 0,
	 {.len = 100, .flags = VS_F_CSUM_NEEDED, .csum_start = 65535, .csum_offset = 65535},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{19, 1, 0, {.len = 100, .flags = VS_F_GSO_TCP4}, 0, 1, VS_DROP_RX_MALFORMED},
	/* Cut into segments: 46 bytes of payload are one. */
	{20,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 54},
	 1,
	 0,
	 0},
	{21,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 47,
	  .hdrlen = 54},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{22,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 54},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{23,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 53},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
	{24,
	 1,
	 0,
	 {.len = 100,
	  .flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED,
	  .csum_start = 34,
	  .csum_offset = 16,
	  .gso_size = 48,
	  .hdrlen = 100},
	 0,
	 1,
	 VS_DROP_RX_MALFORMED},
};

START_TEST(packets_are_checked)
{
	static uint8_t buf[VS_PACKET_MAX];
	struct vs_packet h = {.count = packets[_i].count};
	struct vs_counters k;
	struct client c, d;
	unsigned drops = 0;
	struct bed b;
	uint32_t n;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	n = packet(buf, &c, &d, 100);
	h.len = (uint32_t)((int32_t)n + packets[_i].more);
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &packets[_i].f, sizeof(packets[_i].f));
	ck_assert_int_eq(send(c.data, buf, n, 0), n);
	send_frame(&c, &d, 60); /* the next one is fine again */
	for (unsigned i = 0; i < 4; i++)
		poll_frames(&b);
	ck_assert_msg(take_frames(&d) == packets[_i].forwarded + 1, "row %zu", packets[_i].n);
	k = counters(&b, "ONE/0600");
	for (unsigned i = 0; i < VS_DROP_COUNT; i++)
		drops += (unsigned)k.rx_drop[i];
	ck_assert_msg(drops == packets[_i].drops, "row %zu: %u drops", packets[_i].n, drops);
	if (drops)
		ck_assert_msg(k.rx_drop[packets[_i].why] == drops, "row %zu", packets[_i].n);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* Packets that are none at all: shorter than a header, or too long to be one. */
START_TEST(odd_packets)
{
	static const uint32_t lens[] = {0, 1, 7, 8, VS_PACKET_MAX, VS_PACKET_MAX + 1, 150000};
	static uint8_t buf[150000];
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		ck_assert_int_eq(send(c.data, buf, lens[i], 0), lens[i]);
		send_frame(&c, &d, 60);
		for (unsigned k = 0; k < 4; k++)
			poll_frames(&b);
		ck_assert_uint_eq(take_frames(&d), 1);
	}
	/* The empty one is nothing; all others are counted. */
	ck_assert_uint_eq(counters(&b, "ONE/0600").rx_drop[VS_DROP_RX_MALFORMED],
			  sizeof(lens) / sizeof(lens[0]) - 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(a_full_socket_drops_and_counts)
{
	struct client c, d;
	struct vs_counters k;
	unsigned sent = 0;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	alarm(60); /* a send that waits ends the test */
	do {
		send_frame(&c, &d, 60000);
		sent += poll_frames(&b);
		k = counters(&b, "TWO/0600");
	} while (k.tx_drop[VS_DROP_TX_NO_BUFFER] < 3 && sent < 10000);
	alarm(0);
	ck_assert_uint_eq(k.tx_drop[VS_DROP_TX_NO_BUFFER], 3);
	ck_assert_uint_eq(k.tx_frames, sent - 3);
	ck_assert_uint_eq(take_frames(&d), sent - 3);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&d), 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(the_end_of_the_data_is_no_work)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	client_ready(&b, &d, "TWO");
	ck_assert(!vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	send_frame(&d, &c, 60);
	ck_assert(vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	poll_frames(&b);
	close(d.data);
	d.data = -1;
	/* The control connection still stands; the worker must be able to sleep. */
	poll_frames(&b);
	ck_assert(!vs_worker_arm(b.worker));
	vs_worker_disarm(b.worker);
	send_frame(&c, &d, 60);
	poll_frames(&b);
	ck_assert_uint_eq(counters(&b, "TWO/0600").tx_drop[VS_DROP_TX_DOWN], 1);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* ---- the end
 * ---------------------------------------------------------------------------------------- */

START_TEST(clients_vanish)
{
	struct client c, d;
	struct bed b;

	for (unsigned state = 0; state < 5; state++) {
		bed_open(&b);
		client_ready(&b, &d, "TWO");
		client_open_as(&b, &c, &oper);
		if (state >= 1)
			attach(&b, &c, "ONE", 0x0600);
		if (state >= 2)
			request(&b, &c, PORT_START, NULL, 0, true);
		if (state >= 3)
			request(&b, &c, PORT_MAC_ADD, c.mac, 0, true);
		if (state >= 4)
			send_frame(&c, &d, 60);
		if (state == 3)
			command(&b, "UNCOUPLE USER ONE 0600");
		client_close(&b, &c);
		ck_assert_uint_eq(cp_portsock_connections(b.ps), 1);
		/* Its address is free, its NIC too. */
		if (state)
			ck_assert_int_eq(request(&b, &d, PORT_MAC_ADD, c.mac, 0, true), 0);
		client_open_as(&b, &c, &oper);
		ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
		poll_frames(&b);
		client_close(&b, &c);
		client_close(&b, &d);
		bed_close(&b);
	}
}
END_TEST

START_TEST(a_client_that_does_not_read_is_lost)
{
	struct port_request m = {.hdr = {PORT_STOP, sizeof(m), 1}};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	for (unsigned i = 0; i < 100000 && cp_portsock_connections(b.ps); i++) {
		if (send(c.fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
			turn(&b);
	}
	turn(&b);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(detach_nic_drops_the_client)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	command(&b, "DETACH NIC USER ONE 0600");
	turn(&b);
	ck_assert(is_closed(&c));
	ck_assert_int_eq(recv(c.data, &(char){0}, 1, MSG_DONTWAIT), 0);
	ck_assert_uint_eq(cp_portsock_connections(b.ps), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(zland_ends_first)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_ready(&b, &c, "ONE");
	cp_portsock_destroy(b.ps);
	b.ps = NULL;
	ck_assert(is_closed(&c));
	close(c.fd);
	close(c.data);
	bed_close(&b);
}
END_TEST

/* Two guests joined by CTCAs: link changes at both ends, frames across, and the end of one. */
START_TEST(two_ctcas_are_a_link)
{
	struct client ann, bob;
	union message m;
	struct bed b;

	bed_open(&b);
	command(&b, "DEFINE CTCA ONE/0800");
	command(&b, "DEFINE CTCA TWO/0801");
	client_open_as(&b, &ann, &oper);
	ck_assert_uint_eq(attach(&b, &ann, "ONE", 0x0800).coupled, 0);
	ck_assert_int_eq(request(&b, &ann, PORT_START, NULL, 0, true), ENOTCONN);
	command(&b, "COUPLE ONE/0800 TO TWO 0801");
	ck_assert_int_eq(receive(&ann, &m), sizeof(struct port_link));
	ck_assert_uint_eq(m.link.coupled, 1);
	client_open_as(&b, &bob, &oper);
	ck_assert_uint_eq(attach(&b, &bob, "TWO", 0x0801).coupled, 1);
	ck_assert_int_eq(request(&b, &ann, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &bob, PORT_START, NULL, 0, true), 0);
	send_frame(&ann, &bob, 100);
	send_frame(&bob, &ann, 100);
	poll_frames(&b);
	ck_assert_uint_eq(take_frames(&ann), 1);
	ck_assert_uint_eq(take_frames(&bob), 1);
	ck_assert(says(&b, "QUERY CTCA TWO/0801", "Guest: port socket"));
	ck_assert(says(&b, "QUERY CTCA TWO/0801", "RX Packets: 1 "));
	command(&b, "DETACH ONE/0800");
	ck_assert(is_closed(&ann) || (turn(&b), is_closed(&ann)));
	ck_assert_int_eq(receive(&bob, &m), sizeof(struct port_link));
	ck_assert_uint_eq(m.link.coupled, 0);
	ck_assert(says(&b, "QUERY CTCA TWO/0801", "NOT COUPLED"));
	client_close(&b, &bob);
	close(ann.fd);
	close(ann.data);
	bed_close(&b);
}
END_TEST

/* ---- commands of the guest ------------------------------------------------------------------ */

struct said {
	int error;
	char text[65536];
	unsigned what; /* of the last piece */
	bool ended;    /* the connection */
	unsigned links;
};

/* Issue one; what it answers, and what else comes in between. */
static void say(struct bed *b, struct client *c, const char *line, bool json, struct said *out)
{
	struct port_command m = {.hdr = {PORT_COMMAND, sizeof(m), ++c->tag}, .json = json};
	union message in;
	size_t used = 0;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	memcpy(m.text, line, strlen(line));
	send_raw(c, &m, sizeof(m));
	turn(b);
	while ((n = receive(c, &in)) > 0) {
		size_t head = offsetof(struct port_output, text);

		ck_assert_uint_eq(in.hdr.len, (size_t)n);
		out->links += in.hdr.type == PORT_LINK;
		if (in.hdr.type == PORT_OUTPUT) {
			ck_assert_uint_eq(in.hdr.tag, c->tag);
			ck_assert_uint_gt((size_t)n, head);
			out->what = in.output.what;
			memcpy(out->text + used, in.output.text, (size_t)n - head);
			used += (size_t)n - head;
		} else if (in.hdr.type == PORT_REPLY) {
			ck_assert_uint_eq(in.hdr.tag, c->tag);
			out->error = in.reply.error;
			if (!used)
				memcpy(out->text, in.reply.text, sizeof(in.reply.text));
			return;
		}
	}
	out->ended = n == 0;
}

static const struct {
	const char *line;
	int error;
	const char *want;
} said_by_a_guest[] = {
	{"QUERY NIC 0600 DETAILS", 0, "Attached by: port socket"},
	{"query nic", 0, "Adapter 0600.P00"},
	{"DEFINE VSWITCH X", EBADRQC,
	 "ZLN2504E DEFINE VSWITCH needs privilege class B: you are ONE"},
	{"QUERY NIC USER TWO", EBADRQC, "ZLN2504E"},
	{"UNCOUPLE TWO/0600", EBADRQC, "ZLN2504E"},
	{"DEFINE NIC 0900", 0, "NIC 0900 is created"},
	{"SHUTDOWN", EBADRQC, "ZLN2504E"},
	{"NO SUCH THING", EBADRQC, "ZLN2501E"},
	{"* a comment", 0, ""},
	{"", EINVAL, "ZLN2626E"},
};

/* The account at the other end is root's, or one that has nothing to do with the user. */
START_TEST(a_guest_issues_its_users_commands)
{
	static struct said r;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(&b, "USER ONE UID 4711");
	client_open_as(&b, &c, &oper);
	say(&b, &c, "QUERY NIC", false, &r);
	ck_assert_int_eq(r.error, ENOTCONN);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	for (size_t i = 0; i < sizeof(said_by_a_guest) / sizeof(said_by_a_guest[0]); i++) {
		say(&b, &c, said_by_a_guest[i].line, false, &r);
		ck_assert_msg(r.error == said_by_a_guest[i].error &&
				      strstr(r.text, said_by_a_guest[i].want),
			      "%s: %d %s", said_by_a_guest[i].line, r.error, r.text);
	}
	say(&b, &c, "QUERY NIC 0600", true, &r);
	ck_assert_uint_eq(r.what, CP_OUTPUT_JSON);
	ck_assert(strstr(r.text, "\"ok\":true") != NULL);
	say(&b, &c, "UNCOUPLE 0600", false, &r);
	ck_assert_uint_eq(r.links, 1);
	ck_assert_int_eq(r.error, 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* The longest command, an answer of several messages, one that is too long, and the last one. */
START_TEST(answers_are_bounded)
{
	static struct said r;
	char line[PORT_COMMAND_BYTES + 1];
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &one);
	ck_assert_int_eq(attach(&b, &c, "ONE", 0x0600).error, 0);
	memset(line, 'X', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(&b, &c, line, false, &r);
	ck_assert_int_eq(r.error, EBADRQC);
	say(&b, &c, "HELP", false, &r);
	ck_assert_int_eq(r.error, 0);
	ck_assert_uint_gt(strlen(r.text), 2 * PORT_OUTPUT_BYTES);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "DEFINE NIC USER ONE %04X", 0x1000 + 16 * i);
		command(&b, line);
	}
	say(&b, &c, "QUERY NIC DETAILS", true, &r);
	ck_assert_int_eq(r.error, EMSGSIZE);
	ck_assert_ptr_nonnull(strstr(r.text, "ZLN2627E"));
	say(&b, &c, "DETACH NIC 0600", false, &r);
	ck_assert(r.ended);
	close(c.fd);
	close(c.data);
	bed_close(&b);
}
END_TEST

static int layer3(struct bed *b, struct client *c, unsigned type, unsigned n, unsigned what,
		  bool v6)
{
	struct port_layer3 m = {.hdr = {(uint16_t)type, sizeof(m), ++c->tag},
				.addr = {[10] = 0xFF, 0xFF, 10, 0, 0, (uint8_t)n},
				.what = (uint8_t)what,
				.v6 = v6};

	send_raw(c, &m, sizeof(m));
	return await_reply(b, c).error;
}

/* A guest on a network in IP mode says what it speaks, its addresses, and whether it is a router.
 */
START_TEST(layer_3_on_an_ip_switch)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	command(&b, "DEFINE VSWITCH IP1 IP");
	command(&b, "NICDEF SIX 0600 TYPE QDIO LAN SYSTEM IP1");
	command(&b, "NICDEF SEVEN 0600 TYPE QDIO LAN SYSTEM IP1");
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), EOPNOTSUPP);
	ck_assert_int_eq(attach(&b, &c, "SIX", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 1, false), EINVAL);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EPROTONOSUPPORT);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 2, false), EPROTONOSUPPORT);
	ck_assert(says(&b, "QUERY EVENTS", "ZLN2570E VSWITCH SYSTEM IP1: SIX/0600 is refused"));
	ck_assert_int_eq(layer3(&b, &c, PORT_IP_ADD, 1, 0, false), ENOTCONN);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(&b, &c, PORT_MAC_ADD, c.mac, 0, true), 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_IP_ADD, 1, PORT_IP_VIPA, false), 0);
	ck_assert(says(&b, "QUERY VSWITCH IP1 DETAILS", "10.0.0.1  VIPA\n"));
	client_open_as(&b, &d, &oper);
	ck_assert_int_eq(attach(&b, &d, "SEVEN", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &d, PORT_START, NULL, 0, true), 0);
	command(&b, "SET VSWITCH IP1 LOG VERBOSE");
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 1, 0, false), EEXIST);
	ck_assert(says(&b, "QUERY EVENTS",
		       "ZLN2833E VSWITCH SYSTEM IP1: SEVEN/0600 may not have 10.0.0.1"));
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 2, 0, false), 0);
	ck_assert(says(&b, "QUERY EVENTS", "SEVEN/0600 has registered 10.0.0.2"));
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_DEL, 1, 0, false), ENOENT);
	ck_assert_int_eq(layer3(&b, &c, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, false), 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, false), EEXIST);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, PORT_ROUTER_PRIMARY, true), 0);
	ck_assert_int_eq(layer3(&b, &d, PORT_ROUTING, 0, 3, true), EINVAL);
	client_close(&b, &c);
	ck_assert_int_eq(layer3(&b, &d, PORT_IP_ADD, 1, 0, false), 0);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* On an ETHERNET network it is refused, unless that is for both layers. */
START_TEST(layer_3_on_an_ethernet_switch)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	command(&b, "DEFINE VSWITCH ETH ETHERNET");
	command(&b, "NICDEF SIX 0600 TYPE QDIO LAN SYSTEM ETH");
	client_open_as(&b, &c, &oper);
	ck_assert_int_eq(attach(&b, &c, "SIX", 0x0600).error, 0);
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), EPROTONOSUPPORT);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), EPROTONOSUPPORT);
	ck_assert(says(&b, "QUERY EVENTS", "ZLN2571E VSWITCH SYSTEM ETH: SIX/0600 is refused"));
	ck_assert(says(&b, "QUERY EVENTS", "SET VSWITCH ETH ... MIXED ON"));
	command(&b, "SET VSWITCH ETH MIXED ON");
	ck_assert_int_eq(layer3(&b, &c, PORT_LAYER, 0, 3, false), 0);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, true), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(version_1_has_no_commands)
{
	static struct said r;
	struct port_attach m;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open_as(&b, &c, &one);
	m = good_attach(&c, "ONE", 0x0600);
	m.version = 1;
	send_raw(&c, &m, sizeof(m));
	ck_assert_uint_eq(await_reply(&b, &c).version, 1);
	say(&b, &c, "QUERY NIC", false, &r);
	ck_assert_int_eq(r.error, EOPNOTSUPP);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* Since version 5 the client is told what came of its units; before, they are delivered all the
 * same. */
START_TEST(results_since_version_5)
{
	const struct cp_caller guest = {.user = "HIP"};
	uint8_t unit[92] = {[0] = 2, [7] = 60}, reason[4];
	struct port_attach m;
	struct client c;
	struct bed b;

	bed_open(&b);
	command(&b, "DEFINE LAN H OWNERID SYSTEM TYPE HIPERS");
	command(&b, "NICDEF HIP 0700 TYPE HIPERS LAN SYSTEM H");
	client_open_as(&b, &c, &guest);
	m = good_attach(&c, "HIP", 0x0700);
	m.hdr.type = PORT_ATTACH_HIPERS;
	m.version = (uint16_t)_i;
	send_raw(&c, &m, sizeof(m));
	ck_assert_uint_eq(await_reply(&b, &c).version, (unsigned)_i);
	ck_assert_int_eq(c.results >= 0, _i >= 5);
	ck_assert_int_eq(request(&b, &c, PORT_START, NULL, 0, false), 0);
	unit[32] = 2; /* to nobody */
	ck_assert_int_eq(send(c.data, unit, sizeof(unit), 0), sizeof(unit));
	poll_frames(&b);
	ck_assert_uint_eq(counters(&b, "HIP/0700").rx_drop[VS_DROP_UNKNOWN_UNICAST], 1);
	if (_i >= 5) {
		ck_assert_int_eq(read(c.results, reason, sizeof(reason)), 1);
		ck_assert_uint_eq(reason[0], PORT_NOBODY);
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("portsock");
	TCase *t = tcase_create("attach");

	tcase_add_test(t, attach_gives_a_port);
	tcase_add_loop_test(t, attach_is_judged, 0, (int)(sizeof(attaches) / sizeof(attaches[0])));
	tcase_add_test(t, one_guest_per_nic);
	tcase_add_test(t, an_account_cannot_take_all_connections);
	suite_add_tcase(s, t);
	t = tcase_create("messages");
	tcase_add_loop_test(t, messages_are_checked, 0,
			    (int)(sizeof(bad_messages) / sizeof(bad_messages[0])));
	tcase_add_test(t, descriptors_are_not_kept);
	tcase_add_test(t, requests_end_at_the_link);
	tcase_add_test(t, an_uncoupled_nic_waits);
	tcase_add_test(t, two_ctcas_are_a_link);
	suite_add_tcase(s, t);
	t = tcase_create("frames");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, frames_are_forwarded);
	tcase_add_loop_test(t, packets_are_checked, 0, (int)(sizeof(packets) / sizeof(packets[0])));
	tcase_add_test(t, odd_packets);
	tcase_add_test(t, a_full_socket_drops_and_counts);
	tcase_add_test(t, the_end_of_the_data_is_no_work);
	suite_add_tcase(s, t);
	t = tcase_create("commands");
	tcase_add_test(t, a_guest_issues_its_users_commands);
	tcase_add_test(t, answers_are_bounded);
	tcase_add_test(t, layer_3_on_an_ip_switch);
	tcase_add_test(t, layer_3_on_an_ethernet_switch);
	tcase_add_test(t, version_1_has_no_commands);
	tcase_add_loop_test(t, results_since_version_5, 4, 6);
	suite_add_tcase(s, t);
	t = tcase_create("end");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, clients_vanish);
	tcase_add_test(t, a_client_that_does_not_read_is_lost);
	tcase_add_test(t, detach_nic_drops_the_client);
	tcase_add_test(t, zland_ends_first);
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
