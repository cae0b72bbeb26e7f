/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine can do at best: memcpy alone, and a bare ring in shared memory from one core
 * through another and back, copied once, without any protocol.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

#define AREA (8u << 20) /* as much memory as the guests' buffers */

static void fill(struct bench_sample *out, const struct bench_case *c, uint64_t frames, uint64_t ns)
{
	out->frames_per_s = (double)frames * 1e9 / (double)ns;
	out->gbit_per_s = out->frames_per_s * c->frame_bytes * 8 / 1e9;
}

/* One core copies frames that it has itself in reach: the upper bound of any copying. */
void bench_memcpy(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	uint32_t stride = (c->frame_bytes + 63) & ~63u;
	unsigned n = AREA / stride;
	uint8_t *from = aligned_alloc(4096, AREA), *to = aligned_alloc(4096, AREA);
	uint64_t start, until, frames = 0, cycles;

	memset(from, 1, AREA);
	memset(to, 2, AREA);
	bench_pin(BENCH_CPU_SWITCH);
	cycles = bench_cycles();
	start = bench_ns();
	until = start + (uint64_t)(seconds * 1e9);
	while (bench_ns() < until) {
		for (unsigned i = 0; i < n; i++)
			memcpy(to + (size_t)i * stride, from + (size_t)i * stride, c->frame_bytes);
		__asm__ volatile("" ::"r"(to) : "memory");
		frames += n;
	}
	fill(out, c, frames, bench_ns() - start);
	out->cycles_per_frame = (double)(bench_cycles() - cycles) / (double)frames;
	free(from);
	free(to);
}

/* ---- ring: producer and consumer on one core, the copier on the other -------------------- */

#define SLOTS 1024u

struct ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
	uint8_t *data;
	uint32_t stride;
};

struct copier {
	struct ring a, b;
	uint32_t bytes;
	_Atomic bool stop;
	pthread_t thread;
};

static void *copy_loop(void *arg)
{
	struct copier *k = arg;
	uint64_t at = 0, limit = SLOTS;

	bench_pin(BENCH_CPU_SWITCH);
	while (!atomic_load_explicit(&k->stop, memory_order_relaxed)) {
		uint64_t head = atomic_load_explicit(&k->a.head, memory_order_acquire);

		limit = atomic_load_explicit(&k->b.tail, memory_order_acquire) + SLOTS;
		if (head > limit)
			head = limit;
		if (head > at + 64)
			head = at + 64;
		if (at == head)
			continue;
		for (; at < head; at++) {
			size_t o = (size_t)(at % SLOTS) * k->a.stride;

			__builtin_prefetch(k->a.data + o +
					   8 * (size_t)k->a.stride % (SLOTS * (size_t)k->a.stride));
			memcpy(k->b.data + o, k->a.data + o, k->bytes);
		}
		atomic_store_explicit(&k->b.head, at, memory_order_release);
		atomic_store_explicit(&k->a.tail, at, memory_order_release);
	}
	return NULL;
}

static void ring_open(struct ring *r, uint32_t stride)
{
	r->stride = stride;
	r->data = aligned_alloc(4096, (size_t)SLOTS * stride + 65536);
	memset(r->data, 3, (size_t)SLOTS * stride);
}

void bench_ring(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct copier *k = aligned_alloc(64, (sizeof(*k) + 63) & ~(size_t)63);
	uint64_t put = 0, got = 0, start, until, sum = 0;
	uint8_t *pattern = malloc(c->frame_bytes);

	memset(k, 0, sizeof(*k));
	k->bytes = c->frame_bytes;
	ring_open(&k->a, (c->frame_bytes + 63) & ~63u);
	ring_open(&k->b, (c->frame_bytes + 63) & ~63u);
	memset(pattern, 5, c->frame_bytes);
	if (pthread_create(&k->thread, NULL, copy_loop, k))
		exit(1);
	bench_pin(BENCH_CPU_GUEST);
	start = bench_ns();
	until = start + (uint64_t)(seconds * 1e9);
	while (bench_ns() < until) {
		uint64_t tail = atomic_load_explicit(&k->a.tail, memory_order_acquire);
		uint64_t head = atomic_load_explicit(&k->b.head, memory_order_acquire);

		for (unsigned i = 0; i < 64 && put < tail + SLOTS; i++, put++)
			memcpy(k->a.data + (size_t)(put % SLOTS) * k->a.stride, pattern,
			       c->frame_bytes);
		atomic_store_explicit(&k->a.head, put, memory_order_release);
		for (; got < head; got++)
			sum += k->b.data[(size_t)(got % SLOTS) * k->b.stride];
		atomic_store_explicit(&k->b.tail, got, memory_order_release);
	}
	fill(out, c, got, bench_ns() - start);
	out->wrong = sum != got * 5;
	atomic_store(&k->stop, true);
	pthread_join(k->thread, NULL);
	free(k->a.data);
	free(k->b.data);
	free(pattern);
	free(k);
}
