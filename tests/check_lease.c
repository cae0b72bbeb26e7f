/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several workers fill one input queue (qdio/queue.c) against a guest in the main thread. The
 * model: buffers come in ring order; what each worker put in comes once, whole and in its order; a
 * bad buffer comes as an error; a guest that goes to sleep by the rules is woken. alarm() bounds
 * the waits.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qdio/qdio.h"

#define WORKERS 3
#define BUFFERS_EACH 30000u
#define PATIENCE_S 60

struct content {
	uint32_t worker, nr;
};

struct shared {
	struct qdio_queue q;
	_Atomic uint8_t slsb[QDIO_BUFFERS];
	struct qdio_sbal sbal[QDIO_BUFFERS];
	struct content data[QDIO_BUFFERS]; /* belongs to who owns the buffer */
	sem_t signal;
	atomic_uint signals;
};

struct filler {
	struct shared *sh;
	uint32_t id;
	unsigned seed;
	pthread_t thread;
};

/* One burst. Return: buffers leased. */
static unsigned fill(struct filler *f, unsigned want, uint32_t nr)
{
	struct shared *sh = f->sh;
	unsigned first = qdio_in_lease(&sh->q), n = 0;
	bool bad = rand_r(&f->seed) % 64 == 0;

	while (n < want && qdio_in_empty(&sh->q, n))
		n++;
	qdio_in_leased(&sh->q, n);
	for (unsigned i = 0; i < n; i++) {
		sh->data[(first + i) % QDIO_BUFFERS] = (struct content){f->id, nr + i};
		qdio_entry_put(&sh->q, first + i, 0, 64, QDIO_EFLAG_LAST);
	}
	if (rand_r(&f->seed) % 16 == 0)
		sched_yield(); /* a slow one */
	if (qdio_in_publish(&sh->q, first, n, n && bad)) {
		atomic_fetch_add(&sh->signals, 1);
		sem_post(&sh->signal);
	}
	return n;
}

static void *fill_all(void *arg)
{
	struct filler *f = arg;

	for (uint32_t nr = 0; nr < BUFFERS_EACH;) {
		unsigned want = 1 + (unsigned)rand_r(&f->seed) % 40, n;

		if (want > BUFFERS_EACH - nr)
			want = BUFFERS_EACH - nr;
		n = fill(f, want, nr);
		nr += n;
		if (!n)
			sched_yield();
	}
	return NULL;
}

static struct shared *open_queue(void)
{
	struct shared *sh = calloc(1, sizeof(*sh));

	ck_assert_ptr_nonnull(sh);
	sem_init(&sh->signal, 0, 0);
	sh->q.slsb = sh->slsb;
	sh->q.input = true;
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		sh->q.sbal[i] = &sh->sbal[i];
	return sh;
}

struct guest {
	struct shared *sh;
	unsigned at, offered; /* buffers, all told */
	uint32_t next[WORKERS];
	unsigned errors, sleeps;
};

static void check_buffer(struct guest *g, unsigned i, uint8_t state)
{
	const struct content *c = &g->sh->data[i];

	ck_assert_uint_lt(c->worker, WORKERS);
	ck_assert_msg(c->nr == g->next[c->worker], "worker %u: %u instead of %u", c->worker, c->nr,
		      g->next[c->worker]);
	g->next[c->worker]++;
	g->errors += state == QDIO_IN_ERROR;
	if (state == QDIO_IN_ERROR)
		ck_assert_uint_eq(g->sh->sbal[i].e[QDIO_SBALF_ERROR_REASON].sflags,
				  QDIO_REASON_BAD_BUFFER);
	memset(&g->sh->sbal[i], 0, sizeof(g->sh->sbal[i]));
}

/* Take a run as a driver does: the newest is acknowledged, the others are not in use. */
static unsigned take_run(struct guest *g)
{
	struct shared *sh = g->sh;
	unsigned n = 0;

	for (; n < QDIO_BUFFERS; n++) {
		unsigned i = (g->at + n) % QDIO_BUFFERS;
		uint8_t state = atomic_load_explicit(&sh->slsb[i], memory_order_acquire);

		if (state != QDIO_IN_PRIMED && state != QDIO_IN_ERROR)
			break;
		check_buffer(g, i, state);
		atomic_store_explicit(&sh->slsb[i], QDIO_IN_NOTINIT, memory_order_relaxed);
	}
	g->at += n;
	if (n)
		atomic_store_explicit(&sh->slsb[(g->at + 127) % QDIO_BUFFERS], QDIO_IN_ACK,
				      memory_order_relaxed);
	return n;
}

/* At most 127: the one just taken shows whether the guest polls. */
static void offer(struct guest *g, unsigned pool)
{
	for (; g->offered < g->at + pool; g->offered++)
		atomic_store_explicit(&g->sh->slsb[g->offered % QDIO_BUFFERS], QDIO_IN_EMPTY,
				      memory_order_release);
}

/* Stop polling: spec/qdio.md 9.5 steps 3 and 4; sleep until a signal. */
static void go_to_sleep(struct guest *g)
{
	struct shared *sh = g->sh;
	uint8_t next;

	/* What these told is seen below. */
	while (sem_trywait(&sh->signal) == 0)
		continue;
	if (g->at)
		atomic_store_explicit(&sh->slsb[(g->at + 127) % QDIO_BUFFERS], QDIO_IN_NOTINIT,
				      memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	next = atomic_load_explicit(&sh->slsb[g->at % QDIO_BUFFERS], memory_order_acquire);
	if (next == QDIO_IN_PRIMED || next == QDIO_IN_ERROR)
		return;
	g->sleeps++;
	while (sem_wait(&sh->signal) < 0)
		continue;
}

/* _i: buffers the guest offers at most. */
START_TEST(several_fill_one_queue)
{
	static const unsigned pools[] = {1, 2, 16, 64, 127};
	struct shared *sh = open_queue();
	struct guest g = {.sh = sh};
	struct filler f[WORKERS];

	alarm(PATIENCE_S);
	offer(&g, pools[_i]);
	for (unsigned i = 0; i < WORKERS; i++) {
		f[i] = (struct filler){.sh = sh, .id = i, .seed = 1 + i};
		ck_assert_int_eq(pthread_create(&f[i].thread, NULL, fill_all, &f[i]), 0);
	}
	while (g.at < WORKERS * BUFFERS_EACH) {
		if (!take_run(&g))
			go_to_sleep(&g);
		offer(&g, pools[_i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(f[i].thread, NULL);
		ck_assert_uint_eq(g.next[i], BUFFERS_EACH);
	}
	alarm(0);
	ck_assert_uint_eq(sh->q.leased, 0);
	ck_assert_uint_eq(sh->q.errors, g.errors);
	ck_assert_uint_gt(g.errors, 0);
	free(sh);
}
END_TEST

/* What each step of a few interleavings leaves behind; S: a signal is asked for. */
START_TEST(published_in_order)
{
	struct shared *sh = open_queue();
	struct qdio_queue *q = &sh->q;
	unsigned a, b, c;

	q->cursor = 126; /* over the end */
	memset(sh->slsb, QDIO_IN_EMPTY, sizeof(sh->slsb));
	atomic_store(&sh->slsb[125], QDIO_IN_NOTINIT);
	a = qdio_in_lease(q);
	qdio_in_leased(q, 1);
	b = qdio_in_lease(q);
	qdio_in_leased(q, 3);
	c = qdio_in_lease(q);
	qdio_in_leased(q, 1);
	ck_assert_uint_eq(a, 126);
	ck_assert_uint_eq(b, 127);
	ck_assert_uint_eq(c, 2);

	ck_assert(!qdio_in_publish(q, c, 1, true));
	ck_assert(!qdio_in_publish(q, b, 2, false)); /* a part */
	ck_assert_uint_eq(sh->slsb[126], QDIO_IN_EMPTY);
	ck_assert_uint_eq(sh->slsb[127], QDIO_IN_EMPTY);
	ck_assert(qdio_in_publish(q, a, 1, false));
	ck_assert_uint_eq(sh->slsb[126], QDIO_IN_PRIMED);
	ck_assert_uint_eq(sh->slsb[127], QDIO_IN_PRIMED);
	ck_assert_uint_eq(sh->slsb[0], QDIO_IN_PRIMED);
	ck_assert_uint_eq(sh->slsb[1], QDIO_IN_EMPTY);
	ck_assert_uint_eq(q->cursor, 1);
	/* The guest has not come to 0 yet, but an error must be signalled. */
	ck_assert(qdio_in_publish(q, 1, 1, false));
	ck_assert_uint_eq(sh->slsb[1], QDIO_IN_PRIMED);
	ck_assert_uint_eq(sh->slsb[2], QDIO_IN_ERROR);
	ck_assert_uint_eq(q->cursor, 3);
	ck_assert_uint_eq(q->leased, 0);
	ck_assert_uint_eq(q->errors, 1);
	free(sh);
}
END_TEST

/* Nothing is given out twice, whatever the states say: 128 leased is all. */
START_TEST(no_more_than_there_are)
{
	struct shared *sh = open_queue();
	struct qdio_queue *q = &sh->q;
	unsigned n = 0;

	memset(sh->slsb, QDIO_IN_EMPTY, sizeof(sh->slsb));
	qdio_in_lease(q);
	while (qdio_in_empty(q, n))
		n++;
	ck_assert_uint_eq(n, QDIO_BUFFERS);
	qdio_in_leased(q, n);
	qdio_in_lease(q);
	ck_assert(!qdio_in_empty(q, 0));
	qdio_in_leased(q, 0);
	ck_assert(!qdio_in_publish(q, 0, 0, false));
	/* All at once: there is no buffer before them to judge by. */
	ck_assert(qdio_in_publish(q, 0, QDIO_BUFFERS, false));
	ck_assert_uint_eq(q->leased, 0);
	ck_assert_uint_eq(q->cursor, 0);
	free(sh);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("lease");
	TCase *t = tcase_create("lease");

	tcase_set_timeout(t, PATIENCE_S + 10);
	tcase_add_test(t, published_in_order);
	tcase_add_test(t, no_more_than_there_are);
	tcase_add_loop_test(t, several_fill_one_queue, 0, 5);
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
