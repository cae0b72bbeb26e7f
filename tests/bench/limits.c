/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine can do at best: memcpy on the switch's core, of buffers that the other core has
 * just written, into buffers that the other core then looks at; without any protocol. The buffers
 * are guest storage as the guests' are, as many bytes of it as those keep in flight (bed_fit), and
 * are handed over a quarter of them at a time, as guests send.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "guest/guest.h"
#include "tests/bench/bench.h"

#define AREA (1u << 20)
#define BATCH 64u /* at most */

struct ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
	struct guest_storage st;
};

struct copier {
	struct ring a, b;
	uint32_t bytes, stride, slots, batch;
	_Atomic bool stop;
	_Atomic uint64_t cycles, frames;
	pthread_t thread;
};

static uint8_t *slot(const struct copier *k, const struct ring *r, uint64_t i)
{
	return r->st.host + (size_t)(i % k->slots) * k->stride;
}

static void *copy_loop(void *arg)
{
	struct copier *k = arg;
	uint64_t at = 0, cycles = 0;

	bench_pin(BENCH_CPU_SWITCH);
	while (!atomic_load_explicit(&k->stop, memory_order_relaxed)) {
		uint64_t head = atomic_load_explicit(&k->a.head, memory_order_acquire);
		uint64_t limit = atomic_load_explicit(&k->b.tail, memory_order_acquire) + k->slots;
		uint64_t t;

		if (head > limit)
			head = limit;
		if (head > at + k->batch)
			head = at + k->batch;
		if (at == head)
			continue;
		t = bench_cycles();
		for (; at < head; at++)
			memcpy(slot(k, &k->b, at), slot(k, &k->a, at), k->bytes);
		cycles += bench_cycles() - t;
		atomic_store_explicit(&k->b.head, at, memory_order_release);
		atomic_store_explicit(&k->a.tail, at, memory_order_release);
		atomic_store_explicit(&k->cycles, cycles, memory_order_relaxed);
		atomic_store_explicit(&k->frames, at, memory_order_relaxed);
	}
	return NULL;
}

static void ring_open(struct ring *r)
{
	if (guest_storage_create(&r->st, 0x10000, AREA))
		bench_die("making storage");
	memset(r->st.host, 3, r->st.bytes);
}

/* The other core: writes what is to be copied, looks at what was. Return: what it saw, summed. */
static uint64_t drive(struct copier *k, const uint8_t *pattern, uint64_t until, uint64_t *got)
{
	uint64_t put = 0, sum = 0;

	while (bench_ns() < until) {
		uint64_t tail = atomic_load_explicit(&k->a.tail, memory_order_acquire);
		uint64_t head = atomic_load_explicit(&k->b.head, memory_order_acquire);

		for (unsigned i = 0; i < k->batch && put < tail + k->slots; i++, put++)
			memcpy(slot(k, &k->a, put), pattern, k->bytes);
		atomic_store_explicit(&k->a.head, put, memory_order_release);
		for (; *got < head; ++*got)
			sum += slot(k, &k->b, *got)[0];
		atomic_store_explicit(&k->b.tail, *got, memory_order_release);
	}
	return sum;
}

void bench_memcpy(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct copier *k = aligned_alloc(64, (sizeof(*k) + 63) & ~(size_t)63);
	uint8_t *pattern = malloc(c->frame_bytes);
	uint64_t got = 0, start;
	double s, cycles;

	memset(k, 0, sizeof(*k));
	k->bytes = c->frame_bytes;
	k->stride = (c->frame_bytes + 63) & ~63u;
	k->slots = AREA / k->stride < 1024 ? AREA / k->stride : 1024;
	k->batch = k->slots / 4 < BATCH ? k->slots / 4 : BATCH;
	ring_open(&k->a);
	ring_open(&k->b);
	memset(pattern, 5, c->frame_bytes);
	if (pthread_create(&k->thread, NULL, copy_loop, k))
		bench_die("starting a thread");
	bench_pin(BENCH_CPU_GUEST);
	start = bench_ns();
	out->wrong = drive(k, pattern, start + (uint64_t)(seconds * 1e9), &got) != got * 5;
	s = (double)(bench_ns() - start) / 1e9;
	atomic_store(&k->stop, true);
	pthread_join(k->thread, NULL);
	cycles = (double)atomic_load(&k->cycles) / (double)(atomic_load(&k->frames) + 1);
	out->v[BENCH_FRAMES] = (double)got / s;
	out->v[BENCH_GBIT] = out->v[BENCH_FRAMES] * c->frame_bytes * 8 / 1e9;
	out->v[BENCH_CYCLES] = cycles;
	if (cycles > 0)
		out->v[BENCH_COPYING] = c->frame_bytes * 8 / cycles * bench_hz() / 1e9;
	out->v[BENCH_BUSY] = (double)atomic_load(&k->cycles) / bench_hz() / s * 100;
	guest_storage_destroy(&k->a.st);
	guest_storage_destroy(&k->b.st);
	free(pattern);
	free(k);
}
