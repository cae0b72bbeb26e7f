/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's side of the channel socket against a scripted client in the same process. The event loop
 * is turned by hand; nothing waits. Each test ends by counting the process's descriptors.
 */
#ifndef TESTS_CHANNEL_BED_H
#define TESTS_CHANNEL_BED_H

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/channel_priv.h"
#include "tests/sockbed.h"

#define STORAGE_BYTES (64u << 10)
#define FDS_MAX 8

static const struct cp_caller one = {.user = "ONE"};
static const struct cp_caller nobody = {.user = ""};

struct bed {
	struct event_base *base;
	struct cp *cp;
	struct cp_channel *ch;
	unsigned kicks, lines;
	unsigned fds; /* open before the test */
};

struct client {
	int fd;
	int memfd;
	uint8_t *storage;
	int got[FDS_MAX]; /* of the last reply */
	unsigned n_got;
	struct channel_page *page;
	uint32_t tag;
};

union message {
	struct channel_hdr hdr;
	struct channel_attach attach;
	struct channel_msch msch;
	struct channel_ssch ssch;
	struct channel_dev dev;
	struct channel_chsc chsc;
	struct channel_siga siga;
	struct channel_reply reply;
	struct channel_command command;
	struct channel_output output;
	struct channel_interrupt interrupt;
	uint8_t bytes[2 * CHANNEL_MSG_MAX];
};

/* ---- the bed --------------------------------------------------------------------------------- */

static inline void on_kick(void *ctx)
{
	((struct bed *)ctx)->kicks++;
}

static inline void on_log(void *ctx, const char *line)
{
	(void)line;
	((struct bed *)ctx)->lines++;
}

static inline void bed_open(struct bed *b)
{
	struct cp_hooks hooks = {0};
	struct cp_channel_config cfg = {.kick = on_kick, .log = on_log, .ctx = b};

	memset(b, 0, sizeof(*b));
	b->fds = open_fds();
	b->base = cfg.base = event_base_new();
	b->cp = cfg.cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(b->cp);
	command(b->cp, "DEFINE VSWITCH VSW1 ETHERNET");
	command(b->cp, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b->cp, "NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1");
	b->ch = cp_channel_create(&cfg, -1);
	ck_assert_ptr_nonnull(b->ch);
}

static inline void bed_close(struct bed *b)
{
	cp_channel_destroy(b->ch);
	cp_destroy(b->cp);
	event_base_free(b->base);
	ck_assert_uint_eq(open_fds(), b->fds);
}

/* ---- a client -------------------------------------------------------------------------------- */

static inline int make_memfd(size_t size, unsigned seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static inline void client_open_as(struct bed *b, struct client *c, const struct cp_caller *who)
{
	int pair[2];

	memset(c, 0, sizeof(*c));
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(cp_channel_adopt(b->ch, pair[0], who, 1000), 0);
	c->fd = pair[1];
	c->memfd = make_memfd(STORAGE_BYTES, F_SEAL_SHRINK);
	c->storage = mmap(NULL, STORAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, c->memfd, 0);
	ck_assert_ptr_ne(c->storage, MAP_FAILED);
}

static inline void client_open(struct bed *b, struct client *c)
{
	client_open_as(b, c, &oper);
}

static inline void drop_fds(struct client *c)
{
	while (c->n_got)
		close(c->got[--c->n_got]);
}

static inline void client_close(struct bed *b, struct client *c)
{
	if (c->page)
		munmap(c->page, sizeof(*c->page));
	munmap(c->storage, STORAGE_BYTES);
	drop_fds(c);
	close(c->memfd);
	close(c->fd);
	turn(b->base);
}

static inline void send_raw(struct client *c, const void *msg, size_t len, const int *fds,
			    unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} ctl = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		struct cmsghdr *cm;

		mh.msg_control = ctl.bytes;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(c->fd, &mh, MSG_NOSIGNAL), (ssize_t)len);
}

/* Return: bytes, 0 at the end of the connection, -1 if there is nothing. */
static inline ssize_t receive(struct client *c, union message *m)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} ctl;
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes)};
	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;

	if (cm) {
		drop_fds(c);
		c->n_got = (unsigned)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(c->got, CMSG_DATA(cm), c->n_got * sizeof(int));
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

static inline void fill_header(struct client *c, union message *m, unsigned type, size_t len)
{
	m->hdr =
		(struct channel_hdr){.type = (uint16_t)type, .len = (uint16_t)len, .tag = ++c->tag};
}

/* The reply to what was sent; interruptions in front of it are skipped into *irq (if any). */
static inline struct channel_reply await_reply(struct bed *b, struct client *c,
					       struct channel_interrupt *irq)
{
	union message m;
	ssize_t n;

	turn(b->base);
	while ((n = receive(c, &m)) > 0 && m.hdr.type == CHANNEL_INTERRUPT) {
		ck_assert_int_eq(n, sizeof(m.interrupt));
		if (irq)
			*irq = m.interrupt;
	}
	ck_assert_int_eq(n, sizeof(struct channel_reply));
	ck_assert_uint_eq(m.hdr.type, CHANNEL_REPLY);
	ck_assert_uint_eq(m.hdr.len, sizeof(struct channel_reply));
	ck_assert_ptr_nonnull(memchr(m.reply.text, '\0', sizeof(m.reply.text)));
	return m.reply;
}

static inline struct channel_reply request(struct bed *b, struct client *c, union message *m,
					   unsigned type, size_t len)
{
	struct channel_reply r;

	fill_header(c, m, type, len);
	send_raw(c, m, len, NULL, 0);
	r = await_reply(b, c, NULL);
	ck_assert_uint_eq(r.hdr.tag, c->tag);
	return r;
}

static inline void good_attach(struct client *c, union message *m, const char *user)
{
	memset(m, 0, sizeof(*m));
	fill_header(c, m, CHANNEL_ATTACH, sizeof(m->attach));
	m->attach.magic = CHANNEL_MAGIC;
	m->attach.version = CHANNEL_VERSION;
	m->attach.vdev = 0x0600;
	memcpy(m->attach.user, user, strlen(user));
	m->attach.nregions = 1;
	m->attach.region[0].len = STORAGE_BYTES;
}

static inline struct channel_reply attach(struct bed *b, struct client *c, const char *user)
{
	union message m;

	good_attach(c, &m, user);
	send_raw(c, &m, sizeof(m.attach), &c->memfd, 1);
	return await_reply(b, c, NULL);
}

/* Attached, with the page mapped. */
static inline void client_attached(struct bed *b, struct client *c)
{
	struct channel_reply r;

	client_open(b, c);
	r = attach(b, c, "ONE");
	ck_assert_msg(r.error == 0, "%s", r.text);
	ck_assert_uint_eq(c->n_got, 3);
	c->page = mmap(NULL, sizeof(*c->page), PROT_READ | PROT_WRITE, MAP_SHARED, c->got[2], 0);
	ck_assert_ptr_ne(c->page, MAP_FAILED);
}

static inline struct channel_reply enable(struct bed *b, struct client *c, unsigned dev)
{
	union message m = {.msch = {.dev = (uint8_t)dev, .enabled = 1, .isc = 3}};

	return request(b, c, &m, CHANNEL_MSCH, sizeof(m.msch));
}

/* A channel program of one CCW at 0x1000 with its data at 0x2000. */
static inline struct channel_reply start(struct bed *b, struct client *c, unsigned dev, uint8_t cmd,
					 uint16_t count, struct channel_interrupt *irq)
{
	union message m = {.ssch = {.dev = (uint8_t)dev}};
	struct qdio_orb orb = {.parm = be32_of(0xCAFE0000u + dev),
			       .ctl = be32_of(QDIO_ORB_FORMAT1 | QDIO_ORB_LPM_MASK),
			       .cpa = be32_of(0x1000)};
	uint8_t ccw[8] = {cmd, 0x20, (uint8_t)(count >> 8), (uint8_t)count, 0, 0, 0x20, 0};
	struct channel_reply r;

	memcpy(c->storage + 0x1000, ccw, sizeof(ccw));
	memcpy(m.ssch.orb, &orb, sizeof(orb));
	fill_header(c, &m, CHANNEL_SSCH, sizeof(m.ssch));
	send_raw(c, &m, sizeof(m.ssch), NULL, 0);
	r = await_reply(b, c, irq);
	turn(b->base);
	return r;
}

#endif
