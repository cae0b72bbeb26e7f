/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several workers, several senders.
 *
 * bench_pairs: each processor runs a worker and, between its polls, the pair of guests that it
 * serves; so two workers and four guests need two processors, and what two workers cost each other
 * is all that keeps two from doing twice as much as one. How fast a virtual processor is changes
 * from one moment to the next: one alone, the other alone and both together take turns, a few
 * milliseconds each, and the rates of both rows come from the same run.
 *
 * bench_senders: all send to one as fast as the switch takes it; whether it takes as much from
 * each.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define CHECK_EVERY 61
#define TURNS_LEFT 100000u /* to take what is on its way, when all has been sent */

struct sender {
	struct guest_dev *dev;
	uint8_t *frame;
	struct guest_frame burst[64];
	uint64_t sent, got;
};

static void sender_open(struct sender *s, const struct bed *b, unsigned from, unsigned to,
			uint32_t len)
{
	memset(s, 0, sizeof(*s));
	s->dev = b->side[from].dev;
	s->frame = malloc(len);
	bed_frame(b, s->frame, len, from, to);
	for (unsigned i = 0; i < 64; i++)
		s->burst[i] = (struct guest_frame){.data = s->frame, .len = len};
}

static void send_burst(struct sender *s, unsigned per_sbal)
{
	guest_tx_reclaim(s->dev, 0);
	s->sent += guest_tx_frames(s->dev, 0, s->burst, 64 / per_sbal * per_sbal, per_sbal);
}

/* Take what came for dev from any of n senders. Return: frames that are wrong. */
static uint64_t receive(struct guest_dev *dev, struct sender *s, unsigned n, uint32_t len)
{
	struct guest_rx rx[128];
	unsigned got = guest_rx_burst(dev, rx, 128);
	uint64_t bad = 0;

	for (unsigned i = 0; i < got; i++) {
		unsigned k = 0;

		while (k < n && memcmp(rx[i].data + 6, s[k].frame + 6, 6) != 0)
			k++;
		if (k == n || rx[i].len != len) {
			bad++;
			continue;
		}
		if (s[k].got++ % CHECK_EVERY == 0)
			bad += memcmp(rx[i].data, s[k].frame, len) != 0;
	}
	if (got)
		guest_rx_release(dev);
	return bad;
}

static void rate(const struct bench_case *c, uint64_t frames, double s, struct bench_sample *out)
{
	out->v[BENCH_FRAMES] = (double)frames / s;
	out->v[BENCH_GBIT] = out->v[BENCH_FRAMES] * c->frame_bytes * 8 / 1e9;
}

/* ---- a worker and its pair on each processor ------------------------------------------------ */

#define SLICE_NS 5000000u
#define PAIR_WINDOW                                                                                \
	32 /* output and input buffers in use: they stay in the processor's own cache              \
	    */
#define PAIR_POOL 16

enum { ALONE, TOGETHER };

struct lane {
	const struct bench_case *c;
	struct bed *b;
	unsigned nr, lanes;
	uint64_t start, until;
	pthread_t thread;
	struct sender s;
	uint64_t got[2], ns[2]; /* by whether the others run as well */
	uint64_t bad;
};

static void turn(struct lane *l)
{
	vs_worker_poll(l->b->worker[l->nr].w);
	rcu_quiescent_state();
	l->bad += receive(l->b->side[2 * l->nr + 1].dev, &l->s, 1, l->c->frame_bytes);
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u)};

	rcu_thread_offline();
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	rcu_thread_online();
}

static void work_until(struct lane *l, uint64_t until, unsigned how)
{
	uint64_t begin = bench_ns(), had = l->s.got, end = 0;

	for (unsigned i = 0; i % 32 || (end = bench_ns()) < until; i++) {
		send_burst(&l->s, l->c->per_sbal);
		turn(l);
	}
	l->got[how] += l->s.got - had;
	l->ns[how] += end - begin;
}

static void *drive(void *arg)
{
	struct lane *l = arg;
	uint64_t from = l->start;

	bench_pin(l->b->worker[l->nr].cpu);
	rcu_register_thread();
	for (unsigned slice = 0; from < l->until; slice++, from += SLICE_NS) {
		unsigned whose = slice % (l->lanes + 1);

		if (whose != l->nr && whose != l->lanes)
			continue;
		sleep_until(from);
		work_until(l, from + SLICE_NS, whose == l->lanes ? TOGETHER : ALONE);
	}
	/* Nothing is dropped: the receiver has room for every burst. Every turn looks. */
	for (unsigned left = TURNS_LEFT; l->s.got < l->s.sent && left; left--)
		turn(l);
	rcu_unregister_thread();
	return NULL;
}

/* @rate: frames a second, of one worker alone and of all together. Return: whether all is well. */
static bool pairs_measure(const struct bench_case *c, unsigned lanes, double seconds,
			  double rate[2])
{
	const struct bed_config cfg = {.guests = 2 * lanes,
				       .workers = lanes,
				       .mtu = 9000,
				       .window = PAIR_WINDOW,
				       .pool = PAIR_POOL};
	struct bed *b = bed_open(&cfg);
	struct lane lane[BED_WORKERS_MAX];
	uint64_t start;
	bool well = true;

	bed_stop(b); /* they are polled here */
	start = bench_ns() + SLICE_NS;
	rate[ALONE] = rate[TOGETHER] = 0;
	for (unsigned i = 0; i < lanes; i++) {
		lane[i] = (struct lane){.c = c,
					.b = b,
					.nr = i,
					.lanes = lanes,
					.start = start,
					.until = start + (uint64_t)(seconds * 1e9)};
		sender_open(&lane[i].s, b, 2 * i, 2 * i + 1, c->frame_bytes);
		if (pthread_create(&lane[i].thread, NULL, drive, &lane[i]))
			bench_die("starting a worker");
	}
	for (unsigned i = 0; i < lanes; i++) {
		pthread_join(lane[i].thread, NULL);
		if (lane[i].ns[ALONE] && lane[i].ns[TOGETHER]) {
			rate[ALONE] += (double)lane[i].got[ALONE] * 1e9 /
				       (double)lane[i].ns[ALONE] / lanes;
			rate[TOGETHER] +=
				(double)lane[i].got[TOGETHER] * 1e9 / (double)lane[i].ns[TOGETHER];
		}
		well &= !lane[i].bad && lane[i].s.got == lane[i].s.sent;
		free(lane[i].s.frame);
	}
	bed_close(b);
	return well;
}

/* The row of one worker follows that of all, and is filled from the same run. */
void bench_pairs(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	static double rates[2];
	static bool well;

	if (c->n > 1 || rates[ALONE] <= 0)
		well = pairs_measure(c, BED_WORKERS_MAX, seconds, rates);
	rate(c, (uint64_t)rates[c->n > 1 ? TOGETHER : ALONE], 1, out);
	out->wrong |= !well;
	if (c->n == 1)
		rates[ALONE] = 0;
}

/* ---- several senders, one receiver ----------------------------------------------------------- */

static double unfairness(const struct sender *s, unsigned n)
{
	double mean = 0, worst = 0;

	for (unsigned i = 0; i < n; i++)
		mean += (double)s[i].got / n;
	for (unsigned i = 0; i < n && mean > 0; i++) {
		double off =
			(double)s[i].got > mean ? (double)s[i].got - mean : mean - (double)s[i].got;

		if (off > worst)
			worst = off;
	}
	return mean > 0 ? worst / mean * 100 : 100;
}

void bench_senders(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct bed_config cfg = {.guests = c->n + 1, .workers = 1, .mtu = 9000};
	struct bed *b = bed_open(&cfg);
	struct guest_dev *to = b->side[c->n].dev;
	struct sender s[BED_GUESTS_MAX];
	uint64_t start = bench_ns(), until = start + (uint64_t)(seconds * 1e9), end = 0, bad = 0;
	uint64_t sent = 0, got = 0;
	struct bed_calm calm = {.n = 0};

	for (unsigned i = 0; i < c->n; i++)
		sender_open(&s[i], b, i, c->n, c->frame_bytes);
	for (unsigned k = 0; k % 32 || (end = bench_ns()) < until; k++) {
		for (unsigned i = 0; i < c->n; i++)
			send_burst(&s[i], c->per_sbal);
		bad += receive(to, s, c->n, c->frame_bytes);
	}
	out->v[BENCH_SPREAD] = unfairness(s, c->n);
	for (unsigned i = 0; i < c->n; i++)
		got += s[i].got;
	rate(c, got, (double)(end - start) / 1e9, out);
	do {
		bed_look(b, &calm);
		bad += receive(to, s, c->n, c->frame_bytes);
		sent = got = 0;
		for (unsigned i = 0; i < c->n; i++) {
			sent += s[i].sent;
			got += s[i].got;
		}
		got += bed_dropped(b);
	} while (got < sent && !bed_calm(b, &calm, got));
	out->wrong = bad || got != sent;
	for (unsigned i = 0; i < c->n; i++)
		free(s[i].frame);
	bed_close(b);
}
