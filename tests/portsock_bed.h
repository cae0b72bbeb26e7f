/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's side of the port socket against a scripted client in the same process. The event loop and
 * the worker are turned by hand; nothing waits. Each test ends by counting the process's
 * descriptors.
 */
#ifndef TESTS_PORTSOCK_BED_H
#define TESTS_PORTSOCK_BED_H

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "cp/portsock_priv.h"
#include "tests/fakeport.h"
#include "tests/sockbed.h"

static const struct cp_caller one = {.user = "ONE"};
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

/* ---- the bed --------------------------------------------------------------------------------- */

static inline struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	(void)p;
	return ((struct bed *)ctx)->worker;
}

static inline void on_log(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static inline void bed_open(struct bed *b)
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
	command(b->cp, "DEFINE VSWITCH VSW1 ETHERNET");
	command(b->cp, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b->cp, "NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b->cp, "DEFINE NIC USER ONE 0700 TYPE QDIO");
	b->ps = cp_portsock_create(&cfg, -1);
	ck_assert_ptr_nonnull(b->ps);
}

static inline void bed_close(struct bed *b)
{
	cp_portsock_destroy(b->ps);
	cp_destroy(b->cp);
	vs_worker_destroy(b->worker);
	event_base_free(b->base);
	rcu_unregister_thread();
	ck_assert_uint_eq(open_fds(), b->fds);
}

static inline unsigned poll_frames(struct bed *b)
{
	unsigned n = 0, k;

	while ((k = vs_worker_poll(b->worker))) {
		rcu_quiescent_state();
		n += k;
	}
	return n;
}

static inline struct vs_counters counters(struct bed *b, const char *nic)
{
	struct vs_counters c;

	vs_port_counters(cp_find_port(b->cp, nic, NULL), &c);
	return c;
}

/* ---- a client -------------------------------------------------------------------------------- */

static inline void client_open_as(struct bed *b, struct client *c, const struct cp_caller *who)
{
	int pair[2];

	*c = (struct client){.data = -1, .results = -1};
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(cp_portsock_adopt(b->ps, pair[0], who, 1000), 0);
	c->fd = pair[1];
}

static inline void client_close(struct bed *b, struct client *c)
{
	close(c->fd);
	if (c->data >= 0)
		close(c->data);
	if (c->results >= 0)
		close(c->results);
	turn(b->base);
}

static inline void send_raw(struct client *c, const void *msg, size_t len)
{
	ck_assert_int_eq(send(c->fd, msg, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Return: bytes, 0 at the end of the connection, -1 if there is nothing. */
static inline ssize_t receive(struct client *c, union message *m)
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

static inline bool is_closed(struct client *c)
{
	union message m;
	ssize_t n;

	while ((n = receive(c, &m)) > 0)
		continue;
	return n == 0;
}

static inline struct port_reply await_reply(struct bed *b, struct client *c)
{
	union message m = {0};

	turn(b->base);
	ck_assert_int_eq(receive(c, &m), sizeof(struct port_reply));
	ck_assert_uint_eq(m.hdr.type, PORT_REPLY);
	ck_assert_uint_eq(m.hdr.len, sizeof(struct port_reply));
	ck_assert_ptr_nonnull(memchr(m.reply.text, '\0', sizeof(m.reply.text)));
	ck_assert_int_eq(m.reply.error != 0, m.reply.text[0] != '\0');
	return m.reply;
}

static inline struct port_attach good_attach(struct client *c, const char *user, uint16_t vdev)
{
	struct port_attach m = {.hdr = {PORT_ATTACH, sizeof(m), ++c->tag},
				.magic = PORT_MAGIC,
				.version = PORT_VERSION,
				.vdev = vdev};

	memcpy(m.user, user, strlen(user));
	return m;
}

static inline struct port_reply attach(struct bed *b, struct client *c, const char *user,
				       uint16_t vdev)
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
static inline int request(struct bed *b, struct client *c, unsigned type, const uint8_t *mac,
			  unsigned vid, bool on)
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
static inline void client_ready(struct bed *b, struct client *c, const char *user)
{
	client_open_as(b, c, &oper);
	ck_assert_int_eq(attach(b, c, user, 0x0600).error, 0);
	ck_assert_int_ge(c->data, 0);
	ck_assert_int_eq(request(b, c, PORT_START, NULL, 0, true), 0);
	ck_assert_int_eq(request(b, c, PORT_MAC_ADD, c->mac, 0, true), 0);
}

/* One frame as a packet. Return: the packet's length. */
static inline uint32_t packet(uint8_t *buf, const struct client *from, const struct client *to,
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

static inline void send_frame(struct client *from, const struct client *to, uint32_t len)
{
	static uint8_t buf[VS_PACKET_MAX];
	uint32_t n = packet(buf, from, to, len);

	ck_assert_int_eq(send(from->data, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL), n);
}

/* Frames in the packets that wait. */
static inline unsigned take_frames(struct client *c)
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

#endif
