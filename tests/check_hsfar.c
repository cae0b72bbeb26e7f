/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A far adapter: a member of the LAN whose host is elsewhere. Its cable is played by the test:
 * units it sends, room it has, and what it is told came of them.
 *
 *     drivers -- adapters ── LAN ── far adapter == a queue of units here
 */
#include <check.h>

#include "hipersockets/hs.h"
#include "tests/hiperbed.h"

#define UNITS 80u
#define UNIT_BYTES 256u

static struct far_end {
	struct hs_adapter *hs;
	const struct vs_port_ops *ops; /* its port of a switch */
	uint8_t in[UNITS][UNIT_BYTES]; /* from its host */
	uint32_t in_len[UNITS];
	unsigned in_first, in_n;
	unsigned room; /* for units to its host */
	unsigned out;
	uint8_t out_fill[UNITS];
	bool wants_room;
	uint8_t reason[UNITS];
	unsigned n_reasons;
} far;

static const uint8_t far_mac[6] = {2, 0xFA, 0, 0, 0, 1};

static uint32_t take(void *ctx, const uint8_t **p)
{
	struct far_end *e = ctx;

	if (e->in_first == e->in_n)
		return 0;
	*p = e->in[e->in_first];
	return e->in_len[e->in_first++];
}

static enum vs_drop bring(void *ctx, const struct iovec *iov, unsigned n)
{
	struct far_end *e = ctx;

	if (e->out == e->room)
		return VS_DROP_TX_NO_BUFFER;
	e->out_fill[e->out++] = ((const uint8_t *)iov[n - 1].iov_base)[iov[n - 1].iov_len - 1];
	return VS_DROP_NONE;
}

static void results(void *ctx, const uint8_t *reason, unsigned n)
{
	struct far_end *e = ctx;

	memcpy(e->reason + e->n_reasons, reason, n);
	e->n_reasons += n;
}

static bool no_arm(void *ctx)
{
	(void)ctx;
	return false;
}

static int no_fd(void *ctx)
{
	(void)ctx;
	return -1;
}

static void want_room(void *ctx, bool want)
{
	((struct far_end *)ctx)->wants_room = want;
}

/* ---- its port ------------------------------------------------------------------------------ */

static int port_start(void *link, const struct vs_port_ops *ops, void *port)
{
	(void)link;
	(void)port;
	far.ops = ops;
	return 0;
}

static void port_stop(void *link)
{
	(void)link;
}

static int port_mac(void *link, const uint8_t mac[6])
{
	(void)link;
	(void)mac;
	return 0;
}

static const struct vs_link_ops port_link = {
	.start = port_start, .stop = port_stop, .mac_add = port_mac, .mac_del = port_mac};

static unsigned turn(void)
{
	return far.ops->forward(far.hs, NULL);
}

static void open_far(void)
{
	const struct hs_far ends = {.receive = take,
				    .send = bring,
				    .results = results,
				    .arm = no_arm,
				    .wait_fd = no_fd,
				    .want_room = want_room,
				    .ctx = &far};
	struct hs_config cfg = {.osa = inproc_osa_config(0x0A00, true)};
	const struct vs_link link = {&port_link, NULL};
	struct vs_link ours;

	setup();
	memset(&far, 0, sizeof(far));
	far.hs = hs_far_create(&cfg, &ends);
	ck_assert_ptr_nonnull(far.hs);
	hs_plug(far.hs, lan, &link);
	ours = hs_link(far.hs);
	ck_assert_int_eq(ours.ops->start(ours.ctx, NULL, NULL), 0);
	ck_assert_int_eq(ours.ops->mac_add(ours.ctx, far_mac), 0);
}

static void close_far(void)
{
	hs_plug(far.hs, NULL, NULL);
	hs_destroy(far.hs);
	teardown();
}

/* ---- AOBs of local senders ------------------------------------------------------------------- */

static unsigned done_with(unsigned i, struct guest_done *done)
{
	return guest_tx_done(host[i].d, done, GUEST_AOBS);
}

static void send_aobs(unsigned from, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		struct guest_frame f = frame(from, far_mac, 100, (uint8_t)k);

		ck_assert_int_ge(guest_tx_aob(host[from].d, 1, &f), 0);
		guest_tx_reclaim(host[from].d, 1);
	}
}

static unsigned waiting(void)
{
	struct hs_info info;

	hs_info(far.hs, &info);
	return info.waiting;
}

/* What finds no room waits, in order, for its time; without an AOB it is refused. */
START_TEST(a_full_host_elsewhere)
{
	struct guest_done done[GUEST_AOBS];
	struct guest_frame f;

	online(0, (struct guest_config){.completion = true});
	online(1, (struct guest_config){.layer = 2});
	far.room = 2;
	send_aobs(0, 6);
	ck_assert_uint_eq(far.out, 2);
	ck_assert_uint_eq(waiting(), 4);
	ck_assert(far.wants_room);
	ck_assert_uint_eq(host[0].stats->tx_pending, 4);
	ck_assert_uint_eq(done_with(0, done), 2);
	f = frame(1, far_mac, 100, 99); /* not before those who wait */
	far.room = 3;
	send(1, &f);
	ck_assert_uint_eq(host[1].stats->tx_full, 1);
	ck_assert_uint_eq(far.out, 2);
	ck_assert_uint_eq(turn(), 1);
	ck_assert_uint_eq(done_with(0, done), 1);
	ck_assert(done[0].later && done[0].reason == 0);
	ck_assert(far.wants_room);
	far.room = UNITS;
	ck_assert_uint_eq(turn(), 3);
	ck_assert_uint_eq(done_with(0, done), 3);
	ck_assert(!far.wants_room);
	ck_assert_uint_eq(waiting(), 0);
	for (unsigned k = 0; k < 6; k++)
		ck_assert_uint_eq(far.out_fill[k], k);
	ck_assert_uint_eq(turn(), 0);
	send(1, &f);
	ck_assert_uint_eq(far.out, 7);
}
END_TEST

START_TEST(it_leaves_with_units_waiting)
{
	struct guest_done done[GUEST_AOBS];

	online(0, (struct guest_config){.completion = true});
	send_aobs(0, 3);
	ck_assert_uint_eq(waiting(), 3);
	hs_plug(far.hs, NULL, NULL);
	ck_assert(!far.wants_room);
	ck_assert_uint_eq(done_with(0, done), 3);
	for (unsigned k = 0; k < 3; k++)
		ck_assert(done[k].later && done[k].reason == QDIO_REASON_INACTIVE);
}
END_TEST

START_TEST(a_sender_leaves_that_waits)
{
	online(0, (struct guest_config){.completion = true});
	send_aobs(0, 3);
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	ck_assert(!far.wants_room);
	ck_assert_uint_eq(waiting(), 0);
	far.room = UNITS;
	ck_assert_uint_eq(turn(), 0);
	ck_assert_uint_eq(far.out, 0);
}
END_TEST

/* No more than so many of one sender: then it hears "full". The SBAL still names the last frame. */
START_TEST(what_waits_has_an_end)
{
	struct guest_txq *t;
	unsigned n = 0;

	online(0, (struct guest_config){.completion = true});
	far.room = 1;
	send_aobs(0, 1);
	t = &host[0].d->tx[1];
	ck_assert_uint_eq(waiting(), 0);
	do {
		uint64_t gr0 = QDIO_SIGA_WQ;
		unsigned at = (1 + n) % QDIO_BUFFERS;

		memcpy(&t->sbal[at], &t->sbal[0], sizeof(t->sbal[0]));
		atomic_store(&t->slsb[at], QDIO_OUT_PRIMED);
		host[0].d->m.ops->siga(&host[0].ip, &gr0, QDIO_SCHID(host[0].d->m.subchannel[2]),
				       QDIO_SIGA_QUEUE(1), guest_addr(host[0].d, GUEST_AT_AOB));
		ck_assert_uint_ne(t->slsb[at], QDIO_OUT_PRIMED);
		n++;
	} while (t->slsb[n % QDIO_BUFFERS] == QDIO_OUT_PENDING && n < 1000);
	ck_assert_uint_eq(t->slsb[n % QDIO_BUFFERS], QDIO_OUT_ERROR);
	ck_assert_uint_eq(n, 128 + 1);
	ck_assert_uint_eq(waiting(), 128);
}
END_TEST

/* ---- what its host is told ---------------------------------------------------------------------
 */

static void unit_to(const uint8_t *to, const uint8_t *from, uint32_t len)
{
	uint8_t *p = far.in[far.in_n];

	memset(p, 0, UNIT_BYTES);
	p[0] = OSA_HDR_LAYER2;
	p[7] = (uint8_t)len;
	memcpy(p + OSA_HDR_BYTES, to, 6);
	memcpy(p + OSA_HDR_BYTES + 6, from, 6);
	be16_store(p + OSA_HDR_BYTES + 12, 0x88B5);
	far.in_len[far.in_n++] = OSA_HDR_BYTES + len;
}

START_TEST(what_came_of_units)
{
	static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9},
			     all[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t told[] = {0,
				       QDIO_REASON_NO_TARGET,
				       0,
				       QDIO_REASON_BAD_BUFFER, /* speaks for another */
				       QDIO_REASON_BAD_BUFFER, /* too short */
				       0,		       /* all, and nobody has room */
				       QDIO_REASON_TARGET_FULL};

	online(0, (struct guest_config){.layer = 2, .pool = 2, .refill = 1});
	unit_to(mac_of(0), far_mac, 60);
	unit_to(nobody, far_mac, 60);
	unit_to(mac_of(0), far_mac, 60);
	unit_to(mac_of(0), mac_of(0), 60);
	unit_to(mac_of(0), far_mac, 5);
	unit_to(all, far_mac, 60);
	unit_to(mac_of(0), far_mac, 60);
	ck_assert_uint_eq(turn(), 7);
	ck_assert_uint_eq(far.n_reasons, 7);
	ck_assert_mem_eq(far.reason, told, sizeof(told));
}
END_TEST

/* One turn after the other: none is left out. */
START_TEST(many_units)
{
	online(0, (struct guest_config){.layer = 2});
	for (unsigned i = 0; i < UNITS; i++)
		unit_to(mac_of(0), far_mac, 60);
	while (turn()) {
	}
	ck_assert_uint_eq(far.n_reasons, UNITS);
	for (unsigned i = 0; i < UNITS; i++)
		ck_assert_uint_eq(far.reason[i], 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hsfar");
	TCase *t = tcase_create("hsfar");

	tcase_add_checked_fixture(t, open_far, close_far);
	tcase_add_test(t, a_full_host_elsewhere);
	tcase_add_test(t, it_leaves_with_units_waiting);
	tcase_add_test(t, a_sender_leaves_that_waits);
	tcase_add_test(t, what_waits_has_an_end);
	tcase_add_test(t, what_came_of_units);
	tcase_add_test(t, many_units);
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
	return failed != 0;
}
