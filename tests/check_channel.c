/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's side of the channel socket against a scripted client in the same process: attaching
 * well and badly, every malformed message, every state a client can vanish in. The event
 * loop is turned by hand; nothing waits. Each test ends by counting the process's descriptors.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/channel_priv.h"

#define STORAGE_BYTES (64u << 10)
#define FDS_MAX 8

static const struct cp_caller oper = {.user = "OPERATOR", .class_b = true};
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

static void on_kick(void *ctx)
{
	((struct bed *)ctx)->kicks++;
}

static void on_log(void *ctx, const char *line)
{
	(void)line;
	((struct bed *)ctx)->lines++;
}

static void bed_open(struct bed *b)
{
	struct cp_hooks hooks = {0};
	struct cp_channel_config cfg = {.kick = on_kick, .log = on_log, .ctx = b};

	memset(b, 0, sizeof(*b));
	b->fds = open_fds();
	b->base = cfg.base = event_base_new();
	b->cp = cfg.cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(b->cp);
	command(b, "DEFINE VSWITCH VSW1 ETHERNET");
	command(b, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(b, "NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1");
	b->ch = cp_channel_create(&cfg, -1);
	ck_assert_ptr_nonnull(b->ch);
}

static void bed_close(struct bed *b)
{
	cp_channel_destroy(b->ch);
	cp_destroy(b->cp);
	event_base_free(b->base);
	ck_assert_uint_eq(open_fds(), b->fds);
}

/* Let everything that is ready happen. */
static void turn(struct bed *b)
{
	for (unsigned i = 0; i < 6; i++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

/* ---- a client ------------------------------------------------------------------------------ */

static int make_memfd(size_t size, unsigned seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void client_open_as(struct bed *b, struct client *c, const struct cp_caller *who)
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

static void client_open(struct bed *b, struct client *c)
{
	client_open_as(b, c, &oper);
}

static void drop_fds(struct client *c)
{
	while (c->n_got)
		close(c->got[--c->n_got]);
}

static void client_close(struct bed *b, struct client *c)
{
	if (c->page)
		munmap(c->page, sizeof(*c->page));
	munmap(c->storage, STORAGE_BYTES);
	drop_fds(c);
	close(c->memfd);
	close(c->fd);
	turn(b);
}

static void send_raw(struct client *c, const void *msg, size_t len, const int *fds, unsigned n)
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
static ssize_t receive(struct client *c, union message *m)
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

static bool is_closed(struct client *c)
{
	union message m;
	ssize_t n;

	while ((n = receive(c, &m)) > 0)
		continue;
	return n == 0;
}

static void fill_header(struct client *c, union message *m, unsigned type, size_t len)
{
	m->hdr =
		(struct channel_hdr){.type = (uint16_t)type, .len = (uint16_t)len, .tag = ++c->tag};
}

/* The reply to what was sent; interruptions in front of it are skipped into *irq (if any). */
static struct channel_reply await_reply(struct bed *b, struct client *c,
					struct channel_interrupt *irq)
{
	union message m;
	ssize_t n;

	turn(b);
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

static struct channel_reply request(struct bed *b, struct client *c, union message *m,
				    unsigned type, size_t len)
{
	struct channel_reply r;

	fill_header(c, m, type, len);
	send_raw(c, m, len, NULL, 0);
	r = await_reply(b, c, NULL);
	ck_assert_uint_eq(r.hdr.tag, c->tag);
	return r;
}

static void good_attach(struct client *c, union message *m, const char *user)
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

static struct channel_reply attach(struct bed *b, struct client *c, const char *user)
{
	union message m;

	good_attach(c, &m, user);
	send_raw(c, &m, sizeof(m.attach), &c->memfd, 1);
	return await_reply(b, c, NULL);
}

/* Attached, with the page mapped. */
static void client_attached(struct bed *b, struct client *c)
{
	struct channel_reply r;

	client_open(b, c);
	r = attach(b, c, "ONE");
	ck_assert_msg(r.error == 0, "%s", r.text);
	ck_assert_uint_eq(c->n_got, 3);
	c->page = mmap(NULL, sizeof(*c->page), PROT_READ | PROT_WRITE, MAP_SHARED, c->got[2], 0);
	ck_assert_ptr_ne(c->page, MAP_FAILED);
}

static struct channel_reply enable(struct bed *b, struct client *c, unsigned dev)
{
	union message m = {.msch = {.dev = (uint8_t)dev, .enabled = 1, .isc = 3}};

	return request(b, c, &m, CHANNEL_MSCH, sizeof(m.msch));
}

/* A channel program of one CCW at 0x1000 with its data at 0x2000. */
static struct channel_reply start(struct bed *b, struct client *c, unsigned dev, uint8_t cmd,
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
	turn(b);
	return r;
}

/* ---- attaching ----------------------------------------------------------------------------- */

START_TEST(attach_gives_an_adapter)
{
	struct channel_reply r;
	struct client c;
	struct bed b;

	bed_open(&b);
	client_open(&b, &c);
	r = attach(&b, &c, "ONE");
	ck_assert_msg(r.error == 0, "%s", r.text);
	ck_assert_uint_eq(r.version, CHANNEL_VERSION);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(r.devno[i], 0x600 + i);
	ck_assert_uint_eq(c.n_got, 3);
	/* The page keeps its size: else an access of zland's could end in SIGBUS. */
	ck_assert_int_eq(ftruncate(c.got[2], 0), -1);
	ck_assert_int_eq(errno, EPERM);
	client_close(&b, &c);
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	bed_close(&b);
}
END_TEST

START_TEST(version_is_the_lower_one)
{
	struct client c;
	struct bed b;
	union message m;
	struct channel_reply r;

	bed_open(&b);
	client_open(&b, &c);
	good_attach(&c, &m, "ONE");
	m.attach.version = 0xFFFF;
	send_raw(&c, &m, sizeof(m.attach), &c.memfd, 1);
	r = await_reply(&b, &c, NULL);
	ck_assert_int_eq(r.error, 0);
	ck_assert_uint_eq(r.version, CHANNEL_VERSION);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* A good ATTACH with its descriptor, for a row to spoil. */
struct attempt {
	struct channel_attach *m;
	int memfd;
	unsigned nfds;
};

struct bad_attach {
	size_t n;
	void (*spoil)(struct attempt *a);
	int error;
	bool ends; /* the connection */
};

static void bad_magic(struct attempt *a)
{
	a->m->magic ^= 1;
}

static void bad_version(struct attempt *a)
{
	a->m->version = 0;
}

static void bad_user(struct attempt *a)
{
	memcpy(a->m->user, "THREE", 5);
}

static void no_user(struct attempt *a)
{
	memset(a->m->user, 0, sizeof(a->m->user));
}

static void split_user(struct attempt *a)
{
	a->m->user[7] = 'X';
}

static void control_user(struct attempt *a)
{
	a->m->user[0] = '\n';
}

static void bad_vdev(struct attempt *a)
{
	a->m->vdev = 0x0601;
}

static void no_regions(struct attempt *a)
{
	a->m->nregions = 0;
	a->nfds = 0;
}

static void many_regions(struct attempt *a)
{
	a->m->nregions = 0xFFFFFFFFu;
}

static void missing_fd(struct attempt *a)
{
	a->nfds = 0;
}

static void extra_fd(struct attempt *a)
{
	a->nfds = 2;
}

static void too_many_fds(struct attempt *a)
{
	a->nfds = 6;
}

static void odd_address(struct attempt *a)
{
	a->m->region[0].addr = 0x800;
}

static void odd_length(struct attempt *a)
{
	a->m->region[0].len = STORAGE_BYTES - 1;
}

static void odd_offset(struct attempt *a)
{
	a->m->region[0].len = 0x1000;
	a->m->region[0].offset = 0x10;
}

static void empty_region(struct attempt *a)
{
	a->m->region[0].len = 0;
}

static void long_region(struct attempt *a)
{
	a->m->region[0].len = STORAGE_BYTES + 4096;
}

static void huge_region(struct attempt *a)
{
	a->m->region[0].len = UINT64_MAX - 4095;
}

static void wrapping_region(struct attempt *a)
{
	a->m->region[0].addr = UINT64_MAX - 4095;
}

static void wrapping_offset(struct attempt *a)
{
	a->m->region[0].offset = UINT64_MAX - 4095;
}

static void offset_behind_end(struct attempt *a)
{
	a->m->region[0].offset = 4096;
}

static void overlapping(struct attempt *a)
{
	a->m->nregions = 2;
	a->m->region[1] = (struct channel_region){.addr = STORAGE_BYTES - 4096, .len = 4096};
	a->nfds = 2;
}

static void unsealed(struct attempt *a)
{
	close(a->memfd);
	a->memfd = make_memfd(STORAGE_BYTES, 0);
}

static void growth_seal_only(struct attempt *a)
{
	close(a->memfd);
	a->memfd = make_memfd(STORAGE_BYTES, F_SEAL_GROW);
}

static void write_sealed(struct attempt *a)
{
	close(a->memfd);
	a->memfd = make_memfd(STORAGE_BYTES, F_SEAL_SHRINK | F_SEAL_WRITE);
}

static void not_a_memfd(struct attempt *a)
{
	close(a->memfd);
	a->memfd = open("/dev/zero", O_RDWR | O_CLOEXEC);
}

static void a_socket(struct attempt *a)
{
	close(a->memfd);
	a->memfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static const struct bad_attach bad_attaches[] = {
	{1, bad_magic, EPROTO, true},		{2, bad_version, EPROTO, true},
	{3, bad_user, ENOENT, false},		{4, no_user, EINVAL, false},
	{5, split_user, EINVAL, false},		{6, control_user, EINVAL, false},
	{7, bad_vdev, ENOENT, false},		{8, no_regions, EINVAL, false},
	{9, many_regions, EINVAL, false},	{10, missing_fd, EINVAL, false},
	{11, extra_fd, EINVAL, false},		{12, too_many_fds, EMSGSIZE, true},
	{13, odd_address, EINVAL, false},	{14, odd_length, EINVAL, false},
	{15, odd_offset, EINVAL, false},	{16, empty_region, EINVAL, false},
	{17, long_region, EINVAL, false},	{18, huge_region, EINVAL, false},
	{19, wrapping_region, EINVAL, false},	{20, wrapping_offset, EINVAL, false},
	{21, offset_behind_end, EINVAL, false}, {22, overlapping, EINVAL, false},
	{23, unsealed, EINVAL, false},		{24, growth_seal_only, EINVAL, false},
	{25, write_sealed, EPERM, false},	{26, not_a_memfd, EINVAL, false},
	{27, a_socket, EINVAL, false},
};

START_TEST(attach_is_refused)
{
	const struct bad_attach *t = &bad_attaches[_i];
	struct attempt a = {.nfds = 1};
	struct channel_reply r;
	int fds[FDS_MAX];
	struct client c;
	struct bed b;
	union message m;

	bed_open(&b);
	a.m = &m.attach;
	a.memfd = make_memfd(STORAGE_BYTES, F_SEAL_SHRINK);
	client_open(&b, &c);
	good_attach(&c, &m, "ONE");
	t->spoil(&a);
	for (unsigned i = 0; i < FDS_MAX; i++)
		fds[i] = a.memfd;
	send_raw(&c, &m, sizeof(m.attach), fds, a.nfds);
	close(a.memfd);
	r = await_reply(&b, &c, NULL);
	ck_assert_msg(r.error == t->error, "row %zu: error %d: %s", t->n, r.error, r.text);
	ck_assert_msg(strncmp(r.text, "ZLN", 3) == 0, "row %zu: %s", t->n, r.text);
	ck_assert_uint_eq(c.n_got, 0);
	ck_assert_msg(is_closed(&c) == t->ends, "row %zu", t->n);
	if (!t->ends) /* a good one works on the same connection */
		ck_assert_int_eq(attach(&b, &c, "ONE").error, 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(one_guest_per_nic)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	client_open(&b, &d);
	ck_assert_int_eq(attach(&b, &d, "ONE").error, EBUSY);
	ck_assert_int_eq(attach(&b, &d, "TWO").error, 0);
	ck_assert_int_eq(attach(&b, &d, "TWO").error, EISCONN);
	client_close(&b, &c);
	client_open(&b, &c);
	ck_assert_int_eq(attach(&b, &c, "ONE").error, 0);
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

START_TEST(accounts_are_users)
{
	static const struct {
		size_t n;
		const struct cp_caller *who;
		const char *user;
		int error;
	} row[] = {
		{1, &oper, "ONE", 0},	 {2, &oper, "TWO", 0},	     {3, &one, "ONE", 0},
		{4, &one, "TWO", EPERM}, {5, &nobody, "ONE", EPERM},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct channel_reply r;
		struct client c;
		struct bed b;

		bed_open(&b);
		client_open_as(&b, &c, row[i].who);
		r = attach(&b, &c, row[i].user);
		ck_assert_msg(r.error == row[i].error, "row %zu: %d %s", row[i].n, r.error, r.text);
		client_close(&b, &c);
		bed_close(&b);
	}
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
		accepted += cp_channel_adopt(b.ch, pair[i][0], &one, 1001) == 0;
	}
	ck_assert_int_eq(accepted, 64);
	client_open(&b, &c);
	ck_assert_int_eq(attach(&b, &c, "ONE").error, 0);
	client_close(&b, &c);
	for (unsigned i = 0; i < 80; i++)
		close(pair[i][1]);
	turn(&b);
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	bed_close(&b);
}
END_TEST

/* ---- messages ------------------------------------------------------------------------------ */

/* sent bytes; the header's type and length; what is expected before and after ATTACH */
static const struct {
	unsigned n;
	unsigned sent;
	unsigned type, len;
	int before, after;
	bool ends;
} bad_messages[] = {
	{1, 1, 0, 0, EPROTO, EPROTO, true},
	{2, 7, 0, 0, EPROTO, EPROTO, true},
	{3, 8, CHANNEL_SIGA, 9, EPROTO, EPROTO, true},
	{4, 8, CHANNEL_SIGA, 7, EPROTO, EPROTO, true},
	{5, 8, CHANNEL_SIGA, 8, EPROTO, EPROTO, true},
	{6, 8, 0, 8, EOPNOTSUPP, EOPNOTSUPP, false},
	{7, 8, CHANNEL_COMMAND + 1, 8, EOPNOTSUPP, EOPNOTSUPP, false},
	{8, 200, CHANNEL_REPLY, 200, EOPNOTSUPP, EOPNOTSUPP, false},
	{9, 64, CHANNEL_INTERRUPT, 64, EOPNOTSUPP, EOPNOTSUPP, false},
	{10, 64, 0xFFFF, 64, EOPNOTSUPP, EOPNOTSUPP, false},
	{11, CHANNEL_MSG_MAX, CHANNEL_MSCH, CHANNEL_MSG_MAX, EPROTO, EPROTO, true},
	{12, CHANNEL_MSG_MAX + 1, CHANNEL_MSCH, CHANNEL_MSG_MAX + 1, EMSGSIZE, EMSGSIZE, true},
	{13, 2048, CHANNEL_MSCH, 16, EMSGSIZE, EMSGSIZE, true},
	{14, sizeof(struct channel_attach) - 8, CHANNEL_ATTACH, sizeof(struct channel_attach) - 8,
	 EPROTO, EPROTO, true},
	{15, sizeof(struct channel_attach) + 8, CHANNEL_ATTACH, sizeof(struct channel_attach) + 8,
	 EPROTO, EPROTO, true},
	{16, sizeof(struct channel_msch), CHANNEL_MSCH, sizeof(struct channel_msch), ENOTCONN, 0,
	 false},
	{17, sizeof(struct channel_dev), CHANNEL_HSCH, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{18, sizeof(struct channel_dev), CHANNEL_CSCH, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{19, sizeof(struct channel_siga), CHANNEL_SIGA, sizeof(struct channel_siga), ENOTCONN, 0,
	 false},
	{20, sizeof(struct channel_dev), CHANNEL_RESET, sizeof(struct channel_dev), ENOTCONN, 0,
	 false},
	{21, sizeof(struct channel_chsc), CHANNEL_CHSC, sizeof(struct channel_chsc), ENOTCONN, 0,
	 false},
	{22, sizeof(struct channel_ssch), CHANNEL_SSCH, sizeof(struct channel_ssch), ENOTCONN, 0,
	 false},
};

static void try_message(struct bed *b, unsigned row, bool attached)
{
	int expected = attached ? bad_messages[row].after : bad_messages[row].before;
	union message m = {0};
	struct channel_reply r;
	struct client c;

	if (attached)
		client_attached(b, &c);
	else
		client_open(b, &c);
	m.hdr.type = (uint16_t)bad_messages[row].type;
	m.hdr.len = (uint16_t)bad_messages[row].len;
	m.hdr.tag = 77;
	send_raw(&c, &m, bad_messages[row].sent, &c.memfd, row % 2);
	r = await_reply(b, &c, NULL);
	ck_assert_msg(r.error == expected, "row %u: error %d, %s", bad_messages[row].n, r.error,
		      r.text);
	ck_assert_msg(is_closed(&c) == bad_messages[row].ends, "row %u", bad_messages[row].n);
	client_close(b, &c);
}

/* With its user's authority: the connection is root's. */
START_TEST(a_guest_issues_its_users_commands)
{
	struct channel_reply r;
	struct client c;
	union message m, out;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	m = (union message){.command = {.text = "QUERY NIC 0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(&b);
	ck_assert_int_gt(receive(&c, &out), (int)offsetof(struct channel_output, text));
	ck_assert_uint_eq(out.hdr.type, CHANNEL_OUTPUT);
	ck_assert_uint_eq(out.hdr.tag, c.tag);
	ck_assert_int_eq(memcmp(out.output.text, "Adapter 0600.P00", 16), 0);
	ck_assert_int_eq(await_reply(&b, &c, NULL).error, 0);
	m = (union message){.command = {.text = "DETACH NIC TWO/0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(&b);
	ck_assert_int_gt(receive(&c, &out), (int)offsetof(struct channel_output, text));
	ck_assert_uint_eq(out.output.what, 1);
	r = await_reply(&b, &c, NULL);
	ck_assert_int_eq(r.error, EBADRQC);
	ck_assert_int_eq(strncmp(r.text, "ZLN2504E ", 9), 0);
	/* It may take its own device away, and with it the connection. */
	m = (union message){.command = {.text = "DETACH NIC 0600"}};
	fill_header(&c, &m, CHANNEL_COMMAND, sizeof(m.command));
	send_raw(&c, &m, sizeof(m.command), NULL, 0);
	turn(&b);
	ck_assert_int_eq(receive(&c, &out), 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(messages_are_checked)
{
	struct bed b;

	bed_open(&b);
	try_message(&b, (unsigned)_i, false);
	try_message(&b, (unsigned)_i, true);
	bed_close(&b);
}
END_TEST

START_TEST(subchannels_are_three)
{
	struct client c;
	struct bed b;
	union message m;

	bed_open(&b);
	client_attached(&b, &c);
	for (unsigned dev = 3; dev < 256; dev += 36) {
		ck_assert_int_eq(enable(&b, &c, dev).cc, 3);
		memset(&m, 0, sizeof(m));
		m.dev.dev = (uint8_t)dev;
		ck_assert_int_eq(request(&b, &c, &m, CHANNEL_HSCH, sizeof(m.dev)).cc, 3);
		ck_assert_int_eq(request(&b, &c, &m, CHANNEL_CSCH, sizeof(m.dev)).cc, 3);
		ck_assert_int_eq(start(&b, &c, dev, 0xE4, 32, NULL).cc, 3);
	}
	m = (union message){.msch = {.dev = 0, .enabled = 1, .isc = 8}};
	ck_assert_int_eq(request(&b, &c, &m, CHANNEL_MSCH, sizeof(m.msch)).error, EINVAL);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(a_channel_program_ends_with_an_interruption)
{
	struct channel_interrupt irq = {0};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	ck_assert_int_eq(enable(&b, &c, 1).cc, 0);
	ck_assert_int_eq(start(&b, &c, 1, 0xE4, 32, &irq).cc, 0); /* SENSE ID */
	ck_assert_uint_eq(irq.hdr.tag, 0);
	ck_assert_uint_eq(irq.dev, 1);
	ck_assert_uint_eq(irq.parm, 0xCAFE0001u);
	ck_assert_uint_eq(irq.scsw[8], QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END);
	ck_assert_uint_eq(c.storage[0x2000], 0xFF);
	ck_assert_uint_eq(c.storage[0x2001], 0x17); /* 1731, spec/qdio.md 2.2 */
	ck_assert_uint_eq(c.page->active, 0);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(chsc_blocks_lie_in_storage)
{
	static const struct {
		size_t n;
		uint64_t addr;
		int cc;
	} row[] = {
		{1, 0x3000, 0},
		{2, 0x3008, -6},
		{3, STORAGE_BYTES, -5},
		{4, STORAGE_BYTES - 4096, 0},
		{5, UINT64_MAX - 4095, -5},
		{6, UINT64_MAX, -6},
	};
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		union message m = {.chsc = {.addr = row[i].addr}};
		struct channel_reply r;

		if (row[i].cc == 0) {
			be16_store(c.storage + row[i].addr, 0x10);
			be16_store(c.storage + row[i].addr + 2, 0x10);
		}
		r = request(&b, &c, &m, CHANNEL_CHSC, sizeof(m.chsc));
		ck_assert_msg(r.cc == row[i].cc, "row %zu: cc %d", row[i].n, r.cc);
		if (row[i].cc == 0) /* response length and code: spec/qdio.md 8 */
			ck_assert_uint_eq(be16_load(c.storage + row[i].addr + 0x10 + 2), 1);
	}
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

/* ---- the end of clients --------------------------------------------------------------------- */

START_TEST(clients_vanish)
{
	struct channel_interrupt irq;
	struct client c;
	struct bed b;

	bed_open(&b);
	for (unsigned state = 0; state < 6; state++) {
		union message m = {.dev = {.dev = 0}};

		if (state == 0)
			client_open(&b, &c);
		else
			client_attached(&b, &c);
		if (state >= 2)
			ck_assert_int_eq(enable(&b, &c, 0).cc, 0);
		if (state == 3) /* READ with nothing to read: the program stays active */
			ck_assert_int_eq(start(&b, &c, 0, 0x02, 64, &irq).cc, 0);
		if (state == 4) { /* halt it, and go before the answer */
			ck_assert_int_eq(start(&b, &c, 0, 0x02, 64, &irq).cc, 0);
			fill_header(&c, &m, CHANNEL_HSCH, sizeof(m.dev));
			send_raw(&c, &m, sizeof(m.dev), NULL, 0);
		}
		if (state == 5) { /* descriptors on the way */
			good_attach(&c, &m, "TWO");
			send_raw(&c, &m, sizeof(m.attach), &c.memfd, 1);
		}
		client_close(&b, &c);
		ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
		client_attached(&b, &c);
		client_close(&b, &c);
	}
	bed_close(&b);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_lost)
{
	union message m = {.dev = {.dev = 0}};
	struct client c;
	struct bed b;
	unsigned sent = 0;

	bed_open(&b);
	client_attached(&b, &c);
	fill_header(&c, &m, CHANNEL_RESET, sizeof(m.dev));
	while (cp_channel_connections(b.ch) && sent < 100000) {
		if (send(c.fd, &m, sizeof(m.dev), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			sent++;
		turn(&b);
	}
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	ck_assert_uint_gt(sent, 16);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(detach_nic_drops_the_client)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	ck_assert_int_eq(enable(&b, &c, 0).cc, 0);
	command(&b, "DETACH NIC USER ONE 0600");
	turn(&b);
	ck_assert(is_closed(&c));
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	client_close(&b, &c);
	client_open(&b, &c);
	ck_assert_int_eq(attach(&b, &c, "ONE").error, ENOENT);
	client_close(&b, &c);
	bed_close(&b);
}
END_TEST

START_TEST(zland_ends_first)
{
	struct client c, d;
	struct bed b;

	bed_open(&b);
	client_attached(&b, &c);
	client_open(&b, &d);
	cp_channel_destroy(b.ch);
	b.ch = NULL;
	ck_assert(is_closed(&c));
	ck_assert(is_closed(&d));
	client_close(&b, &c);
	client_close(&b, &d);
	bed_close(&b);
}
END_TEST

/* ---- signals ----------------------------------------------------------------------------------
 */

START_TEST(signals_wake_once)
{
	struct channel_signal s;
	uint64_t count[8];

	ck_assert_int_eq(channel_signal_open(&s), 0);
	channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	channel_signal_raise(&s, CHANNEL_PENDING_AIRQ);
	channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	ck_assert_uint_eq(s.page->pending, CHANNEL_PENDING_PCI | CHANNEL_PENDING_AIRQ);
	ck_assert_int_eq(read(s.interrupt_fd, count, sizeof(count)), 8);
	s.page->pending = 0;
	channel_signal_raise(&s, CHANNEL_PENDING_AIRQ);
	ck_assert_int_eq(read(s.interrupt_fd, count, sizeof(count)), 8);
	channel_signal_active(&s, true);
	ck_assert_uint_eq(s.page->active, 1);
	channel_signal_close(&s);
	channel_signal_close(&s);
}
END_TEST

/* What a client may do to the descriptors must not make a worker wait. */
START_TEST(signals_never_block)
{
	struct channel_signal s;
	int flags;

	ck_assert_int_eq(channel_signal_open(&s), 0);
	flags = fcntl(s.interrupt_fd, F_GETFL);
	ck_assert_int_eq(fcntl(s.interrupt_fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	alarm(10); /* a write that waits ends the test */
	for (unsigned i = 0; i < 100000; i++) {
		s.page->pending = 0;
		channel_signal_raise(&s, CHANNEL_PENDING_PCI);
	}
	alarm(0);
	channel_signal_close(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel");
	TCase *t = tcase_create("attach");

	tcase_add_test(t, attach_gives_an_adapter);
	tcase_add_test(t, version_is_the_lower_one);
	tcase_add_loop_test(t, attach_is_refused, 0,
			    (int)(sizeof(bad_attaches) / sizeof(bad_attaches[0])));
	tcase_add_test(t, one_guest_per_nic);
	tcase_add_test(t, accounts_are_users);
	tcase_add_test(t, an_account_cannot_take_all_connections);
	suite_add_tcase(s, t);
	t = tcase_create("messages");
	tcase_add_test(t, a_guest_issues_its_users_commands);
	tcase_add_loop_test(t, messages_are_checked, 0,
			    (int)(sizeof(bad_messages) / sizeof(bad_messages[0])));
	tcase_add_test(t, subchannels_are_three);
	tcase_add_test(t, a_channel_program_ends_with_an_interruption);
	tcase_add_test(t, chsc_blocks_lie_in_storage);
	suite_add_tcase(s, t);
	t = tcase_create("end");
	tcase_add_test(t, clients_vanish);
	tcase_add_test(t, a_client_that_does_not_read_is_lost);
	tcase_add_test(t, detach_nic_drops_the_client);
	tcase_add_test(t, zland_ends_first);
	suite_add_tcase(s, t);
	t = tcase_create("signals");
	tcase_add_test(t, signals_wake_once);
	tcase_add_test(t, signals_never_block);
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
