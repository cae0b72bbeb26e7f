/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads with fake ports: a sleeping worker is woken by a port's descriptor and by
 * cp_workers_wake, sees ports that join while it sleeps, and is never waited for by a grace
 * period. Waits are for conditions; alarm() bounds them.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "cp/balance.h"
#include "cp/worker.h"

#define PATIENCE_S 20

struct port {
	int fd;
	atomic_uint work;   /* looks that will find something */
	atomic_uint served; /* looks that did */
	atomic_uint polls;
	atomic_bool armed;
	atomic_bool endless; /* every look finds a burst */
};

static unsigned fill(struct vs_burst *b)
{
	for (b->n = 0; b->n < VS_BURST - b->hold; b->n++) {
		b->len[b->n] = b->headlen[b->n] = 60;
		b->nseg[b->n] = b->flags[b->n] = 0;
		b->seg0[b->n] = 0;
		memset(b->head[b->n], 0x02, 60);
	}
	return b->n;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type of vs_port_ops.rx_burst */
static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct port *p = port;

	(void)dropped;
	b->n = 0;
	atomic_fetch_add(&p->polls, 1);
	if (atomic_load(&p->work) > 0) {
		atomic_fetch_sub(&p->work, 1);
		atomic_fetch_add(&p->served, 1);
	}
	if (atomic_load(&p->endless))
		return fill(b);
	return 0;
}

static void rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	(void)port;
	(void)b;
	(void)ref;
	*err = 0;
	return n;
}

static bool arm(void *port)
{
	struct port *p = port;

	atomic_store(&p->armed, true);
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load(&p->endless) || atomic_load(&p->work) > 0;
}

static void disarm(void *port)
{
	atomic_store(&((struct port *)port)->armed, false);
}

static int wait_fd(void *port)
{
	return ((struct port *)port)->fd;
}

static unsigned caps(void *port)
{
	(void)port;
	return 0;
}

static uint32_t frame_max(void *port)
{
	(void)port;
	return 1514;
}

static const struct vs_port_ops ops = {
	.kind = "FAKE",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
	.wait_fd = wait_fd,
	.caps = caps,
	.frame_max = frame_max,
};

struct bed {
	struct cp_workers *ws;
	struct vs_switch *sw;
	struct vs_port *vp[2];
	struct port port[2];
};

static void bed_open(struct bed *b)
{
	struct vs_switch_config cfg = {.name = "VSW1"};

	memset(b, 0, sizeof(*b));
	b->ws = cp_workers_start(1, NULL);
	ck_assert_ptr_nonnull(b->ws);
	b->sw = vs_switch_create(&cfg);
	ck_assert_ptr_nonnull(b->sw);
}

static void bed_start(struct bed *b, unsigned i)
{
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST};
	struct vs_link link;

	b->vp[i] = vs_port_create(b->sw, &cfg);
	ck_assert_ptr_nonnull(b->vp[i]);
	vs_port_assign(b->vp[i], cp_workers_pick(b->ws, b->vp[i]));
	link = vs_port_link(b->vp[i]);
	ck_assert_int_eq(link.ops->start(link.ctx, &ops, &b->port[i]), 0);
}

static void bed_port(struct bed *b, unsigned i)
{
	b->port[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bed_start(b, i);
}

static void bed_close(struct bed *b)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!b->vp[i])
			continue;
		vs_port_destroy(b->vp[i]);
		if (b->port[i].fd >= 0)
			close(b->port[i].fd);
	}
	vs_switch_destroy(b->sw);
	cp_workers_stop(b->ws);
}

/* Until the worker sleeps or is about to. */
static void await_sleep(struct port *p)
{
	alarm(PATIENCE_S);
	while (!atomic_load(&p->armed))
		sched_yield();
	alarm(0);
}

static void await_served(struct port *p, unsigned n)
{
	alarm(PATIENCE_S);
	while (atomic_load(&p->served) < n)
		sched_yield();
	alarm(0);
}

static void ring(struct port *p)
{
	uint64_t v = 1;

	ck_assert_int_eq(write(p->fd, &v, sizeof(v)), sizeof(v));
}

/* Nobody reads the descriptor: every write must count as a new call nevertheless. */
START_TEST(a_descriptor_wakes_again_and_again)
{
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	for (unsigned i = 1; i <= 200; i++) {
		await_sleep(&b.port[0]);
		atomic_fetch_add(&b.port[0].work, 1);
		ring(&b.port[0]);
		await_served(&b.port[0], i);
	}
	bed_close(&b);
}
END_TEST

START_TEST(a_wake_without_a_descriptor)
{
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	for (unsigned i = 1; i <= 200; i++) {
		if (i % 2)
			await_sleep(&b.port[0]);
		atomic_fetch_add(&b.port[0].work, 1);
		cp_workers_wake(b.ws);
		await_served(&b.port[0], i);
	}
	bed_close(&b);
}
END_TEST

START_TEST(a_port_that_joins_a_sleeping_worker)
{
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	await_sleep(&b.port[0]);
	atomic_store(&b.port[1].work, 1);
	bed_port(&b, 1);
	await_served(&b.port[1], 1);
	await_sleep(&b.port[1]);
	atomic_fetch_add(&b.port[1].work, 1);
	ring(&b.port[1]);
	await_served(&b.port[1], 2);
	bed_close(&b);
}
END_TEST

/* One that is only polled: nothing but joining wakes the worker. */
START_TEST(a_port_without_a_descriptor_joins)
{
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	await_sleep(&b.port[0]);
	atomic_store(&b.port[1].work, 1);
	b.port[1].fd = -1;
	bed_start(&b, 1);
	await_served(&b.port[1], 1);
	bed_close(&b);
}
END_TEST

START_TEST(grace_periods_do_not_wait_for_sleepers)
{
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	alarm(PATIENCE_S);
	for (unsigned i = 0; i < 1000; i++) {
		if (i % 100 == 0)
			await_sleep(&b.port[0]);
		synchronize_rcu();
	}
	rcu_barrier();
	alarm(0);
	bed_close(&b);
}
END_TEST

START_TEST(a_port_that_leaves_is_not_called)
{
	struct bed b;
	unsigned polls;

	bed_open(&b);
	bed_port(&b, 0);
	bed_port(&b, 1);
	await_sleep(&b.port[1]);
	vs_port_destroy(b.vp[1]);
	b.vp[1] = NULL;
	polls = atomic_load(&b.port[1].polls);
	ring(&b.port[1]);
	for (unsigned i = 1; i <= 20; i++) {
		atomic_fetch_add(&b.port[0].work, 1);
		cp_workers_wake(b.ws);
		await_served(&b.port[0], i);
	}
	ck_assert_uint_eq(atomic_load(&b.port[1].polls), polls);
	close(b.port[1].fd);
	bed_close(&b);
}
END_TEST

static int refuse(void)
{
	return -EPERM;
}

START_TEST(workers_that_do_not_start)
{
	ck_assert_ptr_null(cp_workers_start(0, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(cp_workers_start(VS_WORKERS_MAX + 1, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(cp_workers_start(2, refuse));
	ck_assert_int_eq(errno, EPERM);
	cp_workers_stop(NULL);
}
END_TEST

START_TEST(ports_are_spread)
{
	struct cp_workers *ws = cp_workers_start(3, NULL);
	struct vs_worker *first;

	ck_assert_ptr_nonnull(ws);
	first = cp_workers_pick(ws, NULL);
	ck_assert_ptr_ne(cp_workers_pick(ws, NULL), first);
	ck_assert_ptr_ne(cp_workers_pick(ws, NULL), first);
	ck_assert_ptr_eq(cp_workers_pick(ws, NULL), first);
	cp_workers_stop(ws);
}
END_TEST

/* Ports of four workers: which one moves, and where. */
START_TEST(what_is_moved)
{
	static const struct {
		int n;
		unsigned workers, ports;
		struct cp_balance_port p[5];
		int moved;
		unsigned to;
	} rows[] = {
		{1, 1, 2, {{0, 900, false}, {0, 90, false}}, -1, 0},
		{2, 2, 2, {{0, 600, false}, {0, 400, false}}, 0, 1},
		/* One port that fills a worker is not better off elsewhere. */
		{3, 2, 1, {{0, 1000, false}}, -1, 0},
		/* It is, where it leaves others behind. */
		{4, 2, 3, {{0, 900, false}, {0, 90, false}, {0, 10, false}}, 0, 1},
		{5, 2, 3, {{0, 800, true}, {0, 190, false}, {0, 10, false}}, 1, 1},
		/* Too little to do. */
		{6, 2, 2, {{0, 240, false}, {0, 240, false}}, -1, 0},
		/* Hardly any gain. */
		{7, 2, 3, {{0, 500, false}, {0, 90, false}, {1, 450, false}}, -1, 0},
		/* The best of several; the idlest of several. */
		{8,
		 3,
		 4,
		 {{0, 300, false}, {0, 500, false}, {0, 100, false}, {1, 200, false}},
		 1,
		 2},
		/* Just moved. */
		{9, 2, 2, {{0, 600, true}, {0, 400, false}}, 1, 1},
		{10, 2, 2, {{0, 600, true}, {0, 400, true}}, -1, 0},
		/* The busiest is not the first. */
		{11, 4, 3, {{3, 500, false}, {3, 400, false}, {0, 50, false}}, 0, 1},
		{12, 2, 0, {{0, 0, false}}, -1, 0},
	};
	unsigned to = 0;
	int moved = cp_balance(rows[_i].p, rows[_i].ports, rows[_i].workers, &to);

	ck_assert_msg(moved == rows[_i].moved, "row %d: %d", rows[_i].n, moved);
	if (moved >= 0)
		ck_assert_msg(to == rows[_i].to, "row %d: to %u", rows[_i].n, to);
}
END_TEST

static int worker_of(const struct bed *b, unsigned i)
{
	struct cp_worker_info info;

	for (unsigned w = 0; cp_worker_info(b->ws, w, &info); w++)
		if (info.vsw == vs_port_worker(b->vp[i]))
			return (int)w;
	return -1;
}

/* Where it is pinned to, whenever that worker is there. */
START_TEST(pinned_ports)
{
	/* Of ports 0 and 1, plus 1; workers, in turn; where the ports are then, -1: anywhere. */
	static const struct {
		int n;
		unsigned pin[2], workers;
		int at[2];
	} rows[] = {
		{1, {2, 0}, 1, {0, 0}},	  {2, {2, 0}, 3, {1, -1}}, {3, {2, 2}, 2, {1, 1}},
		{4, {2, 2}, 4, {1, 1}},	  {5, {2, 2}, 1, {0, 0}},  {6, {2, 2}, 2, {1, 1}},
		{7, {3, 1}, 2, {-1, 0}},  {8, {3, 1}, 3, {2, 0}},  {9, {1, 1}, 3, {0, 0}},
		{10, {0, 1}, 2, {-1, 0}},
	};
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	bed_port(&b, 1);
	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (unsigned i = 0; i < 2; i++) {
			vs_port_load(b.vp[i])->pinned = rows[r].pin[i];
			if (rows[r].pin[i])
				vs_port_assign(b.vp[i], cp_workers_pick(b.ws, b.vp[i]));
		}
		ck_assert_int_eq(cp_workers_set(b.ws, rows[r].workers, NULL), 0);
		for (unsigned i = 0; i < 2; i++) {
			ck_assert_msg(rows[r].at[i] < 0 || worker_of(&b, i) == rows[r].at[i],
				      "row %d: port %u at %d", rows[r].n, i, worker_of(&b, i));
			atomic_fetch_add(&b.port[i].work, 1);
			ring(&b.port[i]);
			await_served(&b.port[i], r + 1);
		}
	}
	bed_close(&b);
}
END_TEST

/* Two ports keep a worker busy: one is moved, unless both are pinned. */
START_TEST(a_pinned_port_is_not_moved)
{
	time_t until;
	struct bed b;

	bed_open(&b);
	bed_port(&b, 0);
	bed_port(&b, 1);
	for (unsigned i = 0; i < 2; i++) {
		vs_port_load(b.vp[i])->pinned = 1;
		atomic_store(&b.port[i].endless, true);
		ring(&b.port[i]);
	}
	ck_assert_int_eq(cp_workers_set(b.ws, 2, NULL), 0);
	for (unsigned s = 1; s < 40; s++) {
		cp_workers_tick(b.ws, s);
		ck_assert_int_eq(worker_of(&b, 0) + worker_of(&b, 1), 0);
		usleep(2000);
	}
	vs_port_load(b.vp[1])->pinned = 0;
	for (until = time(NULL) + 50; worker_of(&b, 1) != 1 && time(NULL) < until;) {
		usleep(2000);
		cp_workers_tick(b.ws, 100);
	}
	ck_assert_int_eq(worker_of(&b, 1), 1);
	ck_assert_int_eq(worker_of(&b, 0), 0);
	bed_close(&b);
}
END_TEST

/* Other numbers of workers under ports that have work all the time. */
START_TEST(more_and_fewer)
{
	struct cp_worker_info info;
	struct bed b;
	cpu_set_t first, none;

	CPU_ZERO(&none);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	bed_open(&b);
	bed_port(&b, 0);
	bed_port(&b, 1);
	ck_assert_int_eq(cp_workers_set(b.ws, 0, NULL), -EINVAL);
	ck_assert_int_eq(cp_workers_set(b.ws, VS_WORKERS_MAX + 1, NULL), -EINVAL);
	ck_assert_int_eq(cp_workers_set(b.ws, 1, &none), -EINVAL);
	for (unsigned i = 1; i <= 40; i++) {
		unsigned n = 1 + i % 3;

		ck_assert_int_eq(cp_workers_set(b.ws, n, i % 2 ? &first : NULL), 0);
		ck_assert(cp_worker_info(b.ws, n - 1, &info));
		ck_assert(!cp_worker_info(b.ws, n, &info));
		ck_assert(cp_worker_info(b.ws, 0, &info));
		ck_assert_int_eq(info.cpu, i % 2 ? 0 : -1);
		if (i % 4)
			await_sleep(&b.port[0]);
		vs_port_assign(b.vp[i % 2], cp_workers_pick(b.ws, b.vp[i % 2]));
		for (unsigned k = 0; k < 2; k++) {
			atomic_fetch_add(&b.port[k].work, 1);
			if (i % 3)
				ring(&b.port[k]);
		}
		if (i % 3 == 0)
			cp_workers_wake(b.ws);
		await_served(&b.port[0], i);
		await_served(&b.port[1], i);
		cp_workers_tick(b.ws, i);
	}
	bed_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_descriptor_wakes_again_and_again);
	tcase_add_test(t, a_wake_without_a_descriptor);
	tcase_add_test(t, a_port_that_joins_a_sleeping_worker);
	tcase_add_test(t, a_port_without_a_descriptor_joins);
	tcase_add_test(t, grace_periods_do_not_wait_for_sleepers);
	tcase_add_test(t, a_port_that_leaves_is_not_called);
	tcase_add_test(t, workers_that_do_not_start);
	tcase_add_test(t, ports_are_spread);
	tcase_add_loop_test(t, what_is_moved, 0, 12);
	tcase_add_test(t, pinned_ports);
	tcase_add_test(t, a_pinned_port_is_not_moved);
	tcase_add_test(t, more_and_fewer);
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
