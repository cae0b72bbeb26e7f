/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads send to one virtio guest (host/virtnet.c), whose driver is in the main thread,
 * with split rings and packed ones. The model: buffers come back in the order in which they were
 * offered; every frame comes once, whole, with its number of buffers, and each sender's in its
 * order; a guest that sleeps by the rules is woken. alarm() bounds the waits.
 */
#include <check.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/virtnet.h"

#define SENDERS 3
#define FRAMES_EACH 20000u
#define PATIENCE_S 60
#define SIZE 64u
#define BUFFER_MAX 2048u
#define HDR 12u
#define LEN_MIN 60u
#define LEN_MAX 1500u

struct world {
	bool packed;
	uint32_t buffer; /* bytes of each */
	struct virtnet net;
	struct vring_mem mem;
	_Alignas(64) uint8_t ring[4096];
	uint8_t data[SIZE * BUFFER_MAX];
	sem_t call;
};

struct sender {
	struct world *w;
	uint32_t id;
	unsigned seed;
	pthread_t thread;
	struct vs_burst b;
	uint8_t frame[VS_BURST][LEN_MAX];
};

/* ---- the guest's driver
 * ----------------------------------------------------------------------------------------- */

struct driver {
	struct world *w;
	unsigned offered, seen; /* buffers, all told: number n is n % SIZE */
	uint32_t next[SENDERS];
	unsigned got, sleeps, spread;
};

static uint16_t lap_flags(unsigned n)
{
	return n / SIZE % 2 ? VP_DESC_F_USED : VP_DESC_F_AVAIL;
}

static void offer(struct driver *d)
{
	struct virtnet *v = &d->w->net;

	for (; d->offered < d->seen + SIZE; d->offered++) {
		unsigned i = d->offered % SIZE;

		if (!d->w->packed) {
			v->in.desc[i] =
				(struct vq_desc){i * BUFFER_MAX, d->w->buffer, VQ_DESC_F_WRITE, 0};
			v->in.avail->ring[i] = (uint16_t)i;
			__atomic_store_n(&v->in.avail->idx, (uint16_t)(d->offered + 1),
					 __ATOMIC_RELEASE);
			continue;
		}
		v->in.ring[i].addr = i * BUFFER_MAX;
		v->in.ring[i].len = d->w->buffer;
		v->in.ring[i].id = (uint16_t)(i ^ 1);
		__atomic_store_n(&v->in.ring[i].flags,
				 (uint16_t)(VQ_DESC_F_WRITE | lap_flags(d->offered)),
				 __ATOMIC_RELEASE);
	}
}

/* Return: is number seen + ahead back? @len: bytes in it. */
static bool is_back(const struct driver *d, unsigned ahead, uint32_t *len)
{
	const struct virtnet *v = &d->w->net;
	unsigned n = d->seen + ahead, i = n % SIZE;
	uint16_t flags;

	if (!d->w->packed) {
		uint16_t idx = __atomic_load_n(&v->in.used->idx, __ATOMIC_ACQUIRE);

		if ((uint16_t)(idx - d->seen) <= ahead)
			return false;
		ck_assert_uint_eq(v->in.used->ring[i].id, i);
		*len = v->in.used->ring[i].len;
		return true;
	}
	flags = __atomic_load_n(&v->in.ring[i].flags, __ATOMIC_ACQUIRE);
	flags &= VP_DESC_F_AVAIL | VP_DESC_F_USED;
	if (flags != (n / SIZE % 2 ? 0 : VP_DESC_F_AVAIL | VP_DESC_F_USED))
		return false;
	ck_assert_uint_eq(v->in.ring[i].id, i ^ 1);
	*len = v->in.ring[i].len;
	return true;
}

/* A frame says who sent it, its number and its length; the rest follows from them. */
static void make_frame(uint8_t *f, uint32_t id, uint32_t nr, uint32_t len)
{
	const uint32_t what[] = {id, nr, len};

	memset(f, (int)(id * 31 + nr), len);
	memcpy(f + 14, what, sizeof(what));
}

static void check_frame(struct driver *d, const uint8_t *f, uint32_t len)
{
	uint8_t want[LEN_MAX];
	uint32_t what[3];

	memcpy(what, f + 14, sizeof(what));
	ck_assert_uint_lt(what[0], SENDERS);
	ck_assert_uint_eq(what[2], len);
	ck_assert_msg(what[1] == d->next[what[0]], "sender %u: %u instead of %u", what[0], what[1],
		      d->next[what[0]]);
	make_frame(want, what[0], what[1], len);
	ck_assert_int_eq(memcmp(f, want, len), 0);
	d->next[what[0]]++;
	d->got++;
}

/* Return: a frame was there. */
static bool take(struct driver *d)
{
	uint8_t bytes[SIZE * 512];
	uint32_t len, total = 0;
	uint16_t buffers;

	if (!is_back(d, 0, &len))
		return false;
	memcpy(&buffers, d->w->data + d->seen % SIZE * BUFFER_MAX + 10, sizeof(buffers));
	ck_assert_uint_ge(buffers, 1);
	for (unsigned k = 0; k < buffers; k++) {
		/* Whoever sees the first sees all. */
		ck_assert(is_back(d, k, &len));
		ck_assert_uint_le(total + len, sizeof(bytes));
		memcpy(bytes + total, d->w->data + (d->seen + k) % SIZE * BUFFER_MAX, len);
		total += len;
	}
	d->spread += buffers > 1;
	d->seen += buffers;
	check_frame(d, bytes + HDR, total - HDR);
	return true;
}

/* Ask for an interrupt behind the next buffer, look once more, sleep. */
static void go_to_sleep(struct driver *d)
{
	struct virtnet *v = &d->w->net;
	uint32_t len;

	while (sem_trywait(&d->w->call) == 0)
		continue;
	if (d->w->packed) {
		uint16_t wrap = d->seen / SIZE % 2 ? 0 : VP_WRAP;
		struct vp_event e = {(uint16_t)(d->seen % SIZE | wrap), VP_EVENT_DESC};
		uint32_t both;

		memcpy(&both, &e, sizeof(both));
		__atomic_store_n((uint32_t *)(void *)v->in.driver, both, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&v->in.avail->ring[SIZE], (uint16_t)d->seen, __ATOMIC_RELAXED);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (is_back(d, 0, &len))
		return;
	d->sleeps++;
	while (sem_wait(&d->w->call) < 0)
		continue;
}

/* ---- senders
 * ---------------------------------------------------------------------------------------------- */

static unsigned make_burst(struct sender *s, uint32_t nr)
{
	unsigned n = 1 + (unsigned)rand_r(&s->seed) % 32;

	if (n > FRAMES_EACH - nr)
		n = FRAMES_EACH - nr;
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = LEN_MIN;

		if (rand_r(&s->seed) % 4 == 0)
			len += (unsigned)rand_r(&s->seed) % (LEN_MAX - LEN_MIN);
		make_frame(s->frame[i], s->id, nr + i, len);
		s->b.len[i] = len;
		s->b.headlen[i] = LEN_MIN;
		memcpy(s->b.head[i], s->frame[i], LEN_MIN);
		s->b.seg0[i] = (uint16_t)i;
		s->b.nseg[i] = len > LEN_MIN;
		s->b.seg[i] = (struct vs_seg){s->frame[i] + LEN_MIN, len - LEN_MIN};
		s->b.flags[i] = 0;
	}
	return n;
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	struct vs_ref ref[VS_BURST];

	for (unsigned i = 0; i < VS_BURST; i++)
		ref[i] = (struct vs_ref){(uint8_t)i, VS_EDIT_NONE};
	for (uint32_t nr = 0; nr < FRAMES_EACH;) {
		unsigned n = make_burst(s, nr), sent = 0;

		while (sent < n) {
			enum vs_drop why = VS_DROP_NONE;
			bool call = false;
			unsigned k =
				virtnet_tx(&s->w->net, &s->b, ref + sent, n - sent, &why, &call);

			if (call)
				sem_post(&s->w->call);
			if (sent + k < n)
				ck_assert_int_eq(why, VS_DROP_TX_NO_BUFFER);
			sent += k;
			if (!k)
				sched_yield();
		}
		nr += n;
	}
	return NULL;
}

/* ---- together
 * --------------------------------------------------------------------------------------------- */

static struct world *open_world(bool packed, uint32_t buffer)
{
	struct world *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);
	struct vring_queue *r;

	ck_assert_ptr_nonnull(w);
	memset(w, 0, sizeof(*w));
	w->packed = packed;
	w->buffer = buffer;
	sem_init(&w->call, 0, 0);
	w->mem.n = 1;
	w->mem.region[0] = (struct vring_region){0, sizeof(w->data), w->data};
	w->net.mem = &w->mem;
	w->net.hdr_len = HDR;
	w->net.mergeable = true;
	r = &w->net.in;
	*r = (struct vring_queue){.size = SIZE, .packed = packed, .event_idx = true};
	r->desc = (void *)w->ring;
	r->avail = (void *)(w->ring + 2048);
	r->used = (void *)(w->ring + 3072);
	r->next = r->done = packed ? VP_WRAP : 0;
	virtnet_init(&w->net);
	virtnet_open(&w->net);
	return w;
}

static void close_world(struct world *w)
{
	virtnet_close(&w->net);
	virtnet_destroy(&w->net);
	free(w);
}

static const struct {
	bool packed;
	uint32_t buffer;
} kinds[] = {{false, 2048}, {false, 200}, {true, 2048}, {true, 200}};

START_TEST(several_fill_one_guest)
{
	struct world *w = open_world(kinds[_i].packed, kinds[_i].buffer);
	struct driver d = {.w = w};
	struct sender *s = calloc(SENDERS, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	alarm(PATIENCE_S);
	offer(&d);
	for (unsigned i = 0; i < SENDERS; i++) {
		s[i].w = w;
		s[i].id = i;
		s[i].seed = 1 + i;
		ck_assert_int_eq(pthread_create(&s[i].thread, NULL, send_all, &s[i]), 0);
	}
	while (d.got < SENDERS * FRAMES_EACH) {
		if (!take(&d))
			go_to_sleep(&d);
		offer(&d);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(s[i].thread, NULL);
	alarm(0);
	ck_assert_int_eq(d.spread > 0, w->buffer < LEN_MAX);
	ck_assert_uint_eq(w->net.leases.n, 0);
	free(s);
	close_world(w);
}
END_TEST

/* Whoever closes waits for those who fill: what is sent before was handed over, all of it. */
static void *close_it(void *arg)
{
	struct world *w = arg;

	virtnet_close(&w->net);
	return NULL;
}

START_TEST(closing_waits)
{
	struct world *w = open_world(_i, 2048);
	struct driver d = {.w = w};
	struct vs_ref ref[2] = {{0, VS_EDIT_NONE}, {1, VS_EDIT_NONE}};
	struct sender *s = calloc(1, sizeof(*s));
	struct vring_piece piece[2];
	struct vring_buf buf[2];
	struct virtnet_places p = {.buf = buf, .piece = piece};
	enum vs_drop why = VS_DROP_NONE;
	pthread_t closer;
	bool open = true, call = false;

	ck_assert_ptr_nonnull(s);
	alarm(PATIENCE_S);
	s->seed = 9;
	while (make_burst(s, 0) < 2)
		continue;
	offer(&d);
	pthread_mutex_lock(&w->net.lock);
	ck_assert_uint_eq(virtnet_find(&w->net, &s->b, ref, 2, &p), 2);
	virtnet_lease(&w->net, &p, 2);
	pthread_mutex_unlock(&w->net.lock);
	ck_assert_int_eq(pthread_create(&closer, NULL, close_it, w), 0);
	while (open) {
		pthread_mutex_lock(&w->net.lock);
		open = w->net.open;
		pthread_mutex_unlock(&w->net.lock);
	}
	ck_assert_uint_eq(virtnet_tx(&w->net, &s->b, ref, 1, &why, &call), 0);
	ck_assert_int_eq(why, VS_DROP_TX_DOWN);
	ck_assert(!take(&d));
	ck_assert_uint_eq(w->net.leases.n, 1);
	virtnet_fill(&w->net, &s->b, ref, &p);
	pthread_join(closer, NULL);
	ck_assert_uint_eq(w->net.leases.n, 0);
	ck_assert(take(&d));
	ck_assert(take(&d));
	alarm(0);
	free(s);
	close_world(w);
}
END_TEST

/* Finished in every order: only the oldest hands over, and with it what is finished behind it. */
START_TEST(leases_in_any_order)
{
	static const uint8_t order[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1},
					   {1, 2, 3, 0}, {3, 0, 2, 1}, {2, 1, 0, 3}, {0, 3, 1, 2}};

	for (unsigned k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		struct vlease l = {.n = 0};
		unsigned finished = 0, done = 0;
		uint16_t base = 0xFFF0, to; /* positions wrap */

		for (unsigned i = 0; i < 4; i++)
			ck_assert(vlease_take(&l, (uint16_t)(base + 8 * i),
					      (uint16_t)(base + 8 * i + 8)));
		for (unsigned i = 0; i < 4; i++) {
			bool oldest = order[k][i] == done;

			finished |= 1u << order[k][i];
			ck_assert_int_eq(vlease_finish(&l, (uint16_t)(base + 8 * order[k][i]), &to),
					 oldest);
			while (oldest && finished >> done & 1)
				done++;
			if (oldest)
				ck_assert_uint_eq(to, (uint16_t)(base + 8 * done));
		}
		ck_assert_uint_eq(l.n, 0);
	}
}
END_TEST

/* A slow one: what others finish behind it, however often, takes one place. */
START_TEST(leases_behind_a_slow_one)
{
	struct vlease l = {.n = 0};
	uint16_t to;

	ck_assert(vlease_take(&l, 0, 4));
	for (unsigned i = 1; i < 1000; i += 2) {
		ck_assert(vlease_take(&l, (uint16_t)(4 * i), (uint16_t)(4 * i + 4)));
		ck_assert(vlease_take(&l, (uint16_t)(4 * i + 4), (uint16_t)(4 * i + 8)));
		ck_assert(!vlease_finish(&l, (uint16_t)(4 * i + (i % 4 == 1 ? 0 : 4)), &to));
		ck_assert(!vlease_finish(&l, (uint16_t)(4 * i + (i % 4 == 1 ? 4 : 0)), &to));
		ck_assert_uint_eq(l.n, 2);
	}
	ck_assert(vlease_finish(&l, 0, &to));
	ck_assert_uint_eq(to, 4004);
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtnet");
	TCase *tc = tcase_create("virtnet");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 2 * PATIENCE_S);
	tcase_add_loop_test(tc, several_fill_one_guest, 0, 4);
	tcase_add_loop_test(tc, closing_waits, 0, 2);
	tcase_add_test(tc, leases_in_any_order);
	tcase_add_test(tc, leases_behind_a_slow_one);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
