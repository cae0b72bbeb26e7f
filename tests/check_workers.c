/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two guests send to a third over QDIO, by worker threads of which each serves one of them: both
 * fill the third one's buffers. The model: of each sender's frames those that come are whole, come
 * once and in order; nothing is missing that is not counted. Beside it workers come and go, ports
 * move, and in the second test the receiver goes away and comes back. The main thread is the
 * control thread and the receiver. alarm() bounds the waits.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "cp/worker.h"
#include "guest/guest.h"
#include "tests/inproc.h"

#define SENDERS 2
#define GUESTS (SENDERS + 1)
#define FRAMES_EACH 30000u
#define FRAME_MAX 1600u
#define PATIENCE_S 100

struct bed;

struct side {
	struct inproc machine;
	struct guest_dev *dev;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];

	/* Of a sender. */
	struct bed *bed;
	pthread_t thread;
	unsigned seed;
	atomic_bool done;
	uint32_t next; /* at the receiver */
	uint64_t got;
};

struct bed {
	struct cp_workers *ws;
	struct vs_switch *sw;
	struct side side[GUESTS];
};

static void kicked(void *ctx)
{
	cp_workers_wake(((struct bed *)ctx)->ws);
}

static void side_open(struct bed *b, unsigned i)
{
	struct side *s = &b->side[i];
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config guest = {.pci_at = 200, .pool = i == SENDERS ? 32 : 0};
	struct vs_port_config port = {.role = VS_ROLE_GUEST};
	struct guest_machine m;

	ck_assert_int_eq(inproc_open(&s->machine, &osa, &guest), 0);
	s->machine.on_kick = kicked;
	s->machine.ctx = b;
	memcpy(s->mac, osa.mac, 6);
	s->bed = b;
	s->seed = 1 + i;
	s->port = vs_port_create(b->sw, &port);
	s->dev = guest_dev_create(&guest, &s->machine.st);
	ck_assert_ptr_nonnull(s->port);
	ck_assert_ptr_nonnull(s->dev);
	vs_port_assign(s->port, cp_workers_pick(b->ws, s->port));
	s->link = vs_port_link(s->port);
	osa_set_link(s->machine.osa, &s->link);
	inproc_machine(&s->machine, &m);
	guest_dev_connect(s->dev, &m);
	ck_assert_int_eq(guest_online(s->dev), 0);
}

static struct bed *bed_open(void)
{
	struct vs_switch_config cfg = {.name = "VSW1"};
	struct bed *b = calloc(1, sizeof(*b));

	ck_assert_ptr_nonnull(b);
	b->ws = cp_workers_start(2, NULL);
	b->sw = vs_switch_create(&cfg);
	ck_assert_ptr_nonnull(b->ws);
	ck_assert_ptr_nonnull(b->sw);
	for (unsigned i = 0; i < GUESTS; i++)
		side_open(b, i);
	ck_assert_ptr_ne(vs_port_worker(b->side[0].port), vs_port_worker(b->side[1].port));
	return b;
}

static void bed_close(struct bed *b)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		guest_offline(b->side[i].dev);
		ck_assert_uint_eq(guest_dev_stats(b->side[i].dev)->violations, 0);
		guest_dev_destroy(b->side[i].dev);
		osa_set_link(b->side[i].machine.osa, NULL);
		vs_port_destroy(b->side[i].port);
		inproc_close(&b->side[i].machine);
	}
	vs_switch_destroy(b->sw);
	cp_workers_stop(b->ws);
	free(b);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static uint32_t frame_len(uint32_t nr)
{
	return nr % 5 ? 60 + nr % 40 : 60 + nr * 7 % (FRAME_MAX - 60);
}

static void make_frame(uint8_t *f, const struct side *to, const struct side *from, uint32_t nr)
{
	uint32_t len = frame_len(nr);

	memcpy(f, to->mac, 6);
	memcpy(f + 6, from->mac, 6);
	be16_store(f + 12, 0x88B5);
	be32_store(f + 14, nr);
	memset(f + 18, (int)(nr * 31 % 251), len - 18);
}

static void check_frame(const struct bed *b, struct side *from, const struct guest_rx *rx)
{
	uint8_t want[FRAME_MAX];
	uint32_t nr = be32_load(rx->data + 14);

	ck_assert_msg(nr >= from->next, "%u after %u", nr, from->next);
	ck_assert_uint_lt(nr, FRAMES_EACH);
	ck_assert_uint_eq(rx->len, frame_len(nr));
	make_frame(want, &b->side[SENDERS], from, nr);
	ck_assert(memcmp(rx->data, want, rx->len) == 0);
	from->next = nr + 1;
	from->got++;
}

static void *send_all(void *arg)
{
	struct side *s = arg;
	uint8_t frame[16][FRAME_MAX];
	struct guest_frame burst[16];
	uint32_t nr = 0;

	rcu_register_thread(); /* it wakes workers, which may end */
	while (nr < FRAMES_EACH) {
		unsigned n = 1 + (unsigned)rand_r(&s->seed) % 16, sent;

		if (n > FRAMES_EACH - nr)
			n = FRAMES_EACH - nr;
		for (unsigned i = 0; i < n; i++) {
			make_frame(frame[i], &s->bed->side[SENDERS], s, nr + i);
			burst[i] = (struct guest_frame){.data = frame[i], .len = frame_len(nr + i)};
		}
		guest_tx_reclaim(s->dev, 0);
		sent = guest_tx_frames(s->dev, 0, burst, n, 1 + (unsigned)rand_r(&s->seed) % 4);
		nr += sent;
		rcu_quiescent_state();
		if (sent < n || rand_r(&s->seed) % 8 == 0)
			sched_yield();
	}
	rcu_unregister_thread();
	atomic_store(&s->done, true);
	return NULL;
}

static void receive(struct bed *b)
{
	struct guest_rx rx[32];
	struct guest_dev *dev = b->side[SENDERS].dev;
	unsigned n = guest_rx_burst(dev, rx, 32);

	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < SENDERS && memcmp(rx[i].data + 6, b->side[k].mac, 6) != 0)
			k++;
		ck_assert_uint_lt(k, SENDERS);
		check_frame(b, &b->side[k], &rx[i]);
	}
	if (n)
		guest_rx_release(dev);
	else
		sched_yield();
}

static uint64_t dropped(const struct bed *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < GUESTS; i++) {
		struct vs_counters c;

		vs_port_counters(b->side[i].port, &c);
		for (unsigned d = 0; d < VS_DROP_COUNT; d++)
			sum += c.rx_drop[d] + c.tx_drop[d];
	}
	return sum;
}

static uint64_t got(const struct bed *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SENDERS; i++)
		sum += b->side[i].got;
	return sum;
}

static bool all_sent(struct bed *b)
{
	for (unsigned i = 0; i < SENDERS; i++)
		if (!atomic_load(&b->side[i].done))
			return false;
	return true;
}

static void senders_start(struct bed *b)
{
	for (unsigned i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_create(&b->side[i].thread, NULL, send_all, &b->side[i]),
				 0);
}

static void senders_join(struct bed *b)
{
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(b->side[i].thread, NULL);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

START_TEST(two_fill_one_receiver)
{
	struct bed *b = bed_open();

	alarm(PATIENCE_S);
	senders_start(b);
	while (!all_sent(b) || got(b) + dropped(b) < SENDERS * FRAMES_EACH)
		receive(b);
	senders_join(b);
	alarm(0);
	ck_assert_uint_eq(got(b) + dropped(b), SENDERS * FRAMES_EACH);
	bed_close(b);
}
END_TEST

START_TEST(workers_and_ports_move_beside_it)
{
	struct bed *b = bed_open();
	struct cp_worker_info info;
	unsigned seed = 5;

	alarm(PATIENCE_S);
	senders_start(b);
	for (unsigned turn = 0; !all_sent(b) || got(b) + dropped(b) < SENDERS * FRAMES_EACH;
	     turn++) {
		receive(b);
		if (turn % 50 == 0)
			ck_assert_int_eq(
				cp_workers_set(b->ws, 1 + (unsigned)rand_r(&seed) % 3, NULL), 0);
		if (turn % 7 || !cp_worker_info(b->ws, (unsigned)rand_r(&seed) % 3, &info))
			continue;
		ck_assert_int_eq(
			vs_port_assign(b->side[(unsigned)rand_r(&seed) % GUESTS].port, info.vsw),
			0);
	}
	senders_join(b);
	alarm(0);
	ck_assert_uint_eq(got(b) + dropped(b), SENDERS * FRAMES_EACH);
	bed_close(b);
}
END_TEST

/* Leases are out whenever it stops. */
START_TEST(the_receiver_stops_and_starts)
{
	struct bed *b = bed_open();
	struct guest_dev *dev = b->side[SENDERS].dev;
	unsigned restarts = 0;

	alarm(PATIENCE_S);
	senders_start(b);
	while (!all_sent(b)) {
		uint64_t before = got(b);

		while (!all_sent(b) && got(b) < before + 200)
			receive(b);
		ck_assert_int_eq(guest_offline(dev), 0);
		ck_assert_int_eq(guest_online(dev), 0);
		restarts++;
	}
	senders_join(b);
	alarm(0);
	ck_assert_uint_gt(restarts, 2);
	bed_close(b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("workers");
	TCase *t = tcase_create("workers");

	tcase_set_timeout(t, PATIENCE_S + 10);
	tcase_add_test(t, two_fill_one_receiver);
	tcase_add_test(t, workers_and_ports_move_beside_it);
	tcase_add_test(t, the_receiver_stops_and_starts);
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
