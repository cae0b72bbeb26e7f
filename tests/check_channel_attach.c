/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching by the channel socket: well, badly in every way, as somebody else, too often. */
#include "tests/channel_bed.h"

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
	turn(b.base);
	ck_assert_uint_eq(cp_channel_connections(b.ch), 0);
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel_attach");
	TCase *t;

	t = tcase_create("attach");
	tcase_add_test(t, attach_gives_an_adapter);
	tcase_add_test(t, version_is_the_lower_one);
	tcase_add_loop_test(t, attach_is_refused, 0,
			    (int)(sizeof(bad_attaches) / sizeof(bad_attaches[0])));
	tcase_add_test(t, one_guest_per_nic);
	tcase_add_test(t, accounts_are_users);
	tcase_add_test(t, an_account_cannot_take_all_connections);
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
