/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarding database: what ports learn, who loses entries when there are too many, ageing; and
 * the table itself against an array and beside a worker while it grows.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <errno.h>

#include "tests/switchbed.h"

/* ---- learning -------------------------------------------------------------------------------- */

/* Ports 0, 1: guests that register; 2, 3: guests that do not; 4: uplink if there is one. */
static struct bed *learners(bool uplink)
{
	struct vs_switch_config sw = {.name = "VSW1", .kind = VS_KIND_VSWITCH};
	struct bed *b = bed_make(&sw);
	struct vs_port_config cfg = guest(VS_TYPE_ACCESS, 0, NULL);

	bed_port(b, 0, cfg);
	bed_port(b, 1, cfg);
	cfg.learning = true;
	bed_port(b, 2, cfg);
	bed_port(b, 3, cfg);
	cfg.learning = false;
	cfg.role = VS_ROLE_UPLINK;
	if (uplink)
		bed_port(b, 4, cfg);
	return b;
}

/* Where one frame goes: from, to (as send_one), and a bit for every port it reaches. */
static const struct {
	unsigned n, from;
	int dst;
	unsigned without, with; /* an uplink */
} learner_rows[] = {
	{1, 0, 2, 0xC, 0x1C},			    /* not yet known: to both that may be meant */
	{2, 2, 0, 0x1, 0x1},   {3, 0, 2, 0x4, 0x4}, /* now it is */
	{4, 2, 3, 0x8, 0x18},  {5, 3, 2, 0x4, 0x4},   {6, 2, 3, 0x8, 0x8},
	{7, 0, -1, 0xE, 0x1E}, {8, 2, -1, 0xB, 0x1B}, {9, 0, 1, 0x2, 0x2},
};

START_TEST(guests_that_register_nothing)
{
	static const uint8_t group[6] = {0x01, 0, 0x5E, 1, 2, 3};
	struct bed *b = learners(_i);
	uint8_t frame[64], mac[6];

	for (size_t r = 0; r < sizeof(learner_rows) / sizeof(learner_rows[0]); r++) {
		unsigned want = _i ? learner_rows[r].with : learner_rows[r].without;
		unsigned got = 0;

		send_one(b, learner_rows[r].from, learner_rows[r].dst, -1);
		for (unsigned p = 0; p < PORTS; p++)
			if (b->port[p] && b->fake[p].n_out == 1)
				got |= 1u << p;
		ck_assert_msg(got == want, "row %u: %#x, not %#x", learner_rows[r].n, got, want);
		clear(b);
	}
	mac_of(0, mac);
	fake_frame(frame, group, mac, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, 0); /* it could have registered */
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	ck_assert_uint_eq(b->fake[3].n_out, 1);
	bed_free(b);
}
END_TEST

START_TEST(learned_addresses_are_not_taken_away)
{
	struct bed *b = learners(true);
	struct vs_link l = vs_port_link(b->port[2]);
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, mac[6];
	struct vs_port_config cfg = b->cfg[2];

	mac_of(0, mac);
	fake_frame(frame, mac, out, -1, 60, 0);
	vs_switch_tick(b->sw, 100);
	fake_inject(&b->fake[4], frame, 60); /* the gateway speaks */
	run(b);
	fake_inject(&b->fake[2], frame, 60); /* a guest says that it is the gateway */
	run(b);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	/* What nobody uses any more is free. */
	vs_switch_tick(b->sw, 100 + FDB_AGE_S + 1);
	fake_inject(&b->fake[2], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[0].n_out, 2);
	fake_inject(&b->fake[3], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_SRC_SPOOFED), 1);
	/* A stopped port has nothing. */
	l.ops->stop(l.ctx);
	fake_inject(&b->fake[3], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 3, VS_DROP_SRC_SPOOFED), 1);
	ck_assert_uint_eq(b->fake[0].n_out, 3);
	/* From outside it may come back. */
	fake_inject(&b->fake[4], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 4, VS_DROP_SRC_SPOOFED), 0);
	ck_assert_uint_eq(b->fake[0].n_out, 4);
	cfg.learning = false;
	ck_assert_int_eq(vs_port_configure(b->port[2], &cfg), -EINVAL);
	bed_free(b);
}
END_TEST

START_TEST(learning_at_the_uplink)
{
	struct bed *b = plain(2, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, a[6];
	size_t n;

	mac_of(0, a);
	fake_frame(frame, a, out, -1, 60, 0);
	fake_inject(&b->fake[2], frame, 60);
	vs_switch_tick(b->sw, 100);
	run(b);
	n = vs_fdb_list(b->sw, e, 16);
	ck_assert_uint_eq(n, 3);
	fake_frame(frame, out, out, -1, 60, 0); /* to itself: back where it came from */
	fake_inject(&b->fake[2], frame, 60);
	run(b);
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_HAIRPIN), 1);
	/* A guest may register what was only learned. */
	ck_assert_int_eq(vs_port_link(b->port[1]).ops->mac_add(b->port[1], out), 0);
	fake_frame(frame, out, a, -1, 60, 0);
	fake_inject(&b->fake[0], frame, 60);
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	vs_switch_tick(b->sw, 100 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 3);
	bed_free(b);
}
END_TEST

START_TEST(a_guest_cannot_fill_the_table)
{
	struct bed *b = learners(true);
	static struct vs_fdb_entry e[8192];
	uint8_t frame[64], src[6] = {0x02, 0xBB, 0, 0, 0, 0}, mac[6];
	size_t n = 0;

	mac_of(0, mac);
	for (unsigned i = 0; i < 3000; i++) {
		if (i % 256 == 0)
			vs_switch_tick(b->sw, 100 + i / 256); /* tables grow */
		src[4] = (uint8_t)(i >> 8);
		src[5] = (uint8_t)i;
		fake_frame(frame, mac, src, -1, 60, 0);
		fake_inject(&b->fake[2], frame, 60);
		run(b);
		clear(b);
	}
	n = vs_fdb_list(b->sw, e, 8192);
	ck_assert_uint_gt(n, 900);
	ck_assert_uint_le(n, 2 + 1024);
	vs_switch_tick(b->sw, 1000);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 8192), 2);
	fake_inject(&b->fake[2], frame, 60); /* aged ones make room */
	run(b);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 8192), 3);
	bed_free(b);
}
END_TEST

/* Where all learned together too much: a port that has few takes the place of a flooder's. */
START_TEST(only_the_flooder_loses_entries)
{
	struct bed *b = learners(true);
	static struct vs_fdb_entry e[FDB_LEARNED_MAX + 16];
	uint8_t frame[64], flood[6] = {0x02, 0xCC, 0, 0, 0, 0}, src[6] = {0x02, 0xBB, 0, 0, 0, 0};
	unsigned of[PORTS] = {0};
	size_t n;

	for (unsigned i = 0; i < 70000; i++) { /* from outside */
		if (i % 256 == 0)
			vs_switch_tick(b->sw, 100 + i / 65536);
		flood[3] = (uint8_t)(i >> 16);
		flood[4] = (uint8_t)(i >> 8);
		flood[5] = (uint8_t)i;
		fake_frame(frame, bcast, flood, -1, 60, 0);
		fake_inject(&b->fake[4], frame, 60);
		run(b);
		clear(b);
	}
	for (unsigned i = 0; i < 400; i++) { /* two guests, after it */
		src[5] = (uint8_t)i;
		src[4] = (uint8_t)(i >> 8);
		fake_frame(frame, bcast, src, -1, 60, 0);
		fake_inject(&b->fake[2 + i / 200], frame, 60);
		run(b);
		clear(b);
	}
	n = vs_fdb_list(b->sw, e, FDB_LEARNED_MAX + 16);
	ck_assert_uint_eq(n, FDB_LEARNED_MAX + 2);
	for (size_t i = 0; i < n; i++)
		for (unsigned p = 0; p < PORTS; p++)
			of[p] += e[i].port == b->port[p];
	ck_assert_uint_eq(of[2], 200);
	ck_assert_uint_eq(of[3], 200);
	ck_assert_uint_eq(of[4], FDB_LEARNED_MAX - 400);
	bed_free(b);
}
END_TEST

/* What is learned before the first tick is not as old as the machine. */
START_TEST(learned_before_the_clock)
{
	struct bed *b = plain(1, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1};

	fake_frame(frame, bcast, out, -1, 60, 0);
	fake_inject(&b->fake[1], frame, 60);
	run(b);
	vs_switch_tick(b->sw, 100000);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	vs_switch_tick(b->sw, 100000 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 1);
	bed_free(b);
}
END_TEST

START_TEST(ageing)
{
	struct bed *b = plain(1, true, false);
	struct vs_fdb_entry e[16];
	uint8_t frame[64], out[6] = {0x02, 0xAA, 0, 0, 0, 1}, a[6];

	mac_of(0, a);
	vs_switch_tick(b->sw, 1000);
	fake_frame(frame, a, out, -1, 60, 0);
	fake_inject(&b->fake[1], frame, 60);
	run(b);
	vs_switch_tick(b->sw, 1000 + FDB_AGE_S - 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	fake_inject(&b->fake[1], frame, 60); /* seen again: young again */
	run(b);
	vs_switch_tick(b->sw, 1000 + FDB_AGE_S + 1);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 2);
	vs_switch_tick(b->sw, 1000 + 3 * FDB_AGE_S);
	ck_assert_uint_eq(vs_fdb_list(b->sw, e, 16), 1);
	bed_free(b);
}
END_TEST

/* ---- the table ------------------------------------------------------------------------------- */

/* A growth goes on between other changes: a few lines at a time. Return: the table now. */
static struct fdb *grow_a_little(struct fdb *t, size_t *line, size_t lines)
{
	struct fdb *next = t->next;

	for (; *line < (size_t)1 << t->bits && lines; lines--)
		fdb_copy_line(t, (*line)++);
	if (t->next_full) {
		t->next = NULL;
		free(next);
	} else if (*line == (size_t)1 << t->bits) {
		free(t);
		t = next;
	}
	return t;
}

static void grow_begin(struct fdb *t, size_t *line)
{
	*line = 0;
	t->next_full = false;
	t->next = fdb_create(t->bits + 1);
	ck_assert_ptr_nonnull(t->next);
}

/* The forwarding database against an array, before, while and after it grows. */
START_TEST(fdb_differential)
{
	enum { KEYS = 3000 };
	static uint64_t model[KEYS];
	unsigned seed = (unsigned)time(NULL) ^ 77;
	struct fdb *t = fdb_create(6);
	size_t used = 0, line = 0;
	unsigned growths = 0;

	printf("fdb seed %u\n", seed);
	srand(seed);
	memset(model, 0, sizeof(model));
	for (unsigned op = 0; op < 200000; op++) {
		unsigned k = (unsigned)rand() % KEYS;
		const uint8_t mac[6] = {2, 0, 0, (uint8_t)(k >> 8), (uint8_t)k, 5};
		uint64_t key = fdb_key(mac, k % 3), v = 1 + (unsigned)rand() % 1000;

		if (!t->next && t->bits < 13 && rand() % 20000 == 0) {
			grow_begin(t, &line);
			growths++;
		}
		if (t->next && rand() % 4 == 0)
			t = grow_a_little(t, &line, 1);
		switch (rand() % 3) {
		case 0:
			while (fdb_put(t, key, v)) {
				if (!t->next)
					grow_begin(t, &line);
				t = grow_a_little(t, &line, SIZE_MAX);
			}
			used += !model[k];
			model[k] = v;
			break;
		case 1:
			ck_assert_int_eq(fdb_del(t, key), model[k] != 0);
			used -= model[k] != 0;
			model[k] = 0;
			break;
		default:
			ck_assert_uint_eq(fdb_find(t, key, fdb_hash(t, key)),
					  model[k] ? model[k] : FDB_PORT_NONE);
		}
		ck_assert_uint_eq(t->used, used);
	}
	printf("grown at random %u times to %u bits\n", growths, t->bits);
	free(t->next);
	free(t);
}
END_TEST

struct growing {
	_Atomic(struct fdb *) table;
	pthread_spinlock_t lock;
	atomic_bool want, done;
	unsigned lost;
};

enum { GROWING_KEYS = 60000 };

static uint64_t growing_key(unsigned k)
{
	const uint8_t mac[6] = {2, 0, (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k, 5};

	return fdb_key(mac, 0);
}

static void *learn_many(void *arg)
{
	struct growing *g = arg;
	unsigned seed = 1;

	rcu_register_thread();
	for (unsigned k = 0; k < GROWING_KEYS; k++) {
		uint64_t key = growing_key((unsigned)rand_r(&seed) % (k + 1));
		const struct fdb *t;
		int rc;

		do {
			pthread_spin_lock(&g->lock);
			rc = fdb_put(atomic_load(&g->table), growing_key(k), 7);
			pthread_spin_unlock(&g->lock);
			if (rc)
				atomic_store(&g->want, true);
			rcu_quiescent_state();
		} while (rc);
		t = atomic_load_explicit(&g->table, memory_order_acquire);
		g->lost += fdb_find(t, key, fdb_hash(t, key)) != 7;
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	atomic_store(&g->done, true);
	return NULL;
}

/* What a worker learns while the table grows is in the bigger one. */
START_TEST(fdb_grows_beside_a_learner)
{
	struct growing g = {.lost = 0};
	const struct fdb *t;
	pthread_t thread;

	pthread_spin_init(&g.lock, PTHREAD_PROCESS_PRIVATE);
	atomic_init(&g.table, fdb_create(FDB_BITS_MIN));
	ck_assert_int_eq(pthread_create(&thread, NULL, learn_many, &g), 0);
	while (!atomic_load(&g.done)) {
		if (atomic_exchange(&g.want, false))
			ck_assert_int_eq(fdb_grow(&g.table, &g.lock), 0);
		sched_yield();
	}
	pthread_join(thread, NULL);
	t = atomic_load(&g.table);
	ck_assert_uint_eq(g.lost, 0);
	ck_assert_uint_eq(t->used, GROWING_KEYS);
	for (unsigned k = 0; k < GROWING_KEYS; k++)
		ck_assert_uint_eq(fdb_find(t, growing_key(k), fdb_hash(t, growing_key(k))), 7);
	free(atomic_load(&g.table));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fdb");
	TCase *t = tcase_create("fdb");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, learning_at_the_uplink);
	tcase_add_loop_test(t, guests_that_register_nothing, 0, 2);
	tcase_add_test(t, learned_addresses_are_not_taken_away);
	tcase_add_test(t, a_guest_cannot_fill_the_table);
	tcase_add_test(t, only_the_flooder_loses_entries);
	tcase_add_test(t, learned_before_the_clock);
	tcase_add_test(t, ageing);
	tcase_add_test(t, fdb_differential);
	tcase_add_test(t, fdb_grows_beside_a_learner);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
