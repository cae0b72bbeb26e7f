/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest to guest over QDIO: two adapters on one VLAN-aware switch, MAC protection on. The
 * switch's worker runs on one core; both guests, driven by the independent driver, on
 * the other. The guest writes every frame it sends, and looks at every frame it gets; the
 * contents of some are compared.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "guest/guest.h"
#include "tests/bench/bench.h"
#include "tests/inproc.h"
#include "vswitch/vswitch.h"

#define MTU 9000
#define CHECK_EVERY 61 /* frames of which one is compared */

struct side {
	struct inproc machine;
	struct guest_dev *dev;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];
};

struct bed {
	struct vs_switch *sw;
	struct vs_worker *worker;
	struct side side[2];
	pthread_t thread;
	_Atomic bool stop;
	_Atomic uint64_t busy_cycles, busy_frames;
};

static void die(const char *what)
{
	fprintf(stderr, "\nbench: %s failed\n", what);
	exit(1);
}

static void *worker_loop(void *arg)
{
	struct bed *b = arg;
	uint64_t cycles = 0, frames = 0;

	pthread_setname_np(pthread_self(), "switch"); /* for profilers */
	bench_pin(BENCH_CPU_SWITCH);
	rcu_register_thread();
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		uint64_t t = bench_cycles();
		unsigned n = vs_worker_poll(b->worker);

		if (n) {
			cycles += bench_cycles() - t;
			frames += n;
		}
		rcu_quiescent_state();
		atomic_store_explicit(&b->busy_cycles, cycles, memory_order_relaxed);
		atomic_store_explicit(&b->busy_frames, frames, memory_order_relaxed);
	}
	rcu_unregister_thread();
	return NULL;
}

static void side_open(struct bed *b, unsigned i)
{
	struct side *s = &b->side[i];
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config guest = {.pci_at = 200};
	struct vs_port_config port = {.role = VS_ROLE_GUEST, .access_vid = 10, .mac_protect = 1};
	struct guest_machine m;

	osa.mtu = MTU;
	if (inproc_open(&s->machine, &osa, &guest))
		die("opening an adapter");
	s->machine.siga_noop = true; /* the worker polls */
	memcpy(port.own_mac, osa.mac, 6);
	memcpy(s->mac, osa.mac, 6);
	snprintf(port.name, sizeof(port.name), "GUEST%u/0500", i + 1);
	s->port = vs_port_create(b->sw, &port);
	s->dev = guest_dev_create(&guest, &s->machine.st);
	if (!s->port || !s->dev)
		die("making a guest");
	vs_port_assign(s->port, b->worker);
	s->link = vs_port_link(s->port);
	osa_set_link(s->machine.osa, &s->link);
	inproc_machine(&s->machine, &m);
	guest_dev_connect(s->dev, &m);
	if (guest_online(s->dev))
		die("bringing a guest online");
}

static struct bed *bed_open(void)
{
	struct vs_switch_config cfg = {
		.name = "BENCH", .vlan_aware = true, .native_vid = 1, .mac_protect = true};
	struct bed *b = calloc(1, sizeof(*b));

	b->sw = vs_switch_create(&cfg);
	b->worker = vs_worker_create();
	if (!b->sw || !b->worker)
		die("making a switch");
	side_open(b, 0);
	side_open(b, 1);
	rcu_thread_offline(); /* this thread only drives guests from here on */
	if (pthread_create(&b->thread, NULL, worker_loop, b))
		die("starting the worker");
	bench_pin(BENCH_CPU_GUEST);
	return b;
}

static void bed_close(struct bed *b)
{
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
	rcu_thread_online();
	for (unsigned i = 0; i < 2; i++) {
		guest_offline(b->side[i].dev);
		guest_dev_destroy(b->side[i].dev);
		osa_set_link(b->side[i].machine.osa, NULL);
		vs_port_destroy(b->side[i].port);
		inproc_close(&b->side[i].machine);
	}
	vs_switch_destroy(b->sw);
	vs_worker_destroy(b->worker);
	free(b);
}

static void make_frame(uint8_t *f, uint32_t len, const struct side *to, const struct side *from)
{
	memcpy(f, to->mac, 6);
	memcpy(f + 6, from->mac, 6);
	f[12] = 0x88;
	f[13] = 0xB5;
	for (uint32_t i = 14; i < len; i++)
		f[i] = (uint8_t)(i * 7);
}

struct traffic {
	uint64_t sent, got, checked, bad;
};

static void receive(struct bed *b, const uint8_t *frame, uint32_t len, struct traffic *t)
{
	struct guest_rx rx[128];
	unsigned n = guest_rx_burst(b->side[1].dev, rx, 128);

	for (unsigned i = 0; i < n; i++) {
		t->bad += rx[i].len != len;
		if ((t->got + i) % CHECK_EVERY == 0 && rx[i].len == len) {
			t->checked++;
			t->bad += memcmp(rx[i].data, frame, len) != 0;
		}
	}
	if (n)
		guest_rx_release(b->side[1].dev);
	t->got += n;
}

/* Until the switch has nothing left to deliver: everything sent is received or counted. */
static uint64_t drain(struct bed *b, const uint8_t *frame, uint32_t len, struct traffic *t)
{
	uint64_t until = bench_ns() + 1000000000u;
	struct vs_counters in, out;
	uint64_t dropped;

	do {
		guest_tx_reclaim(b->side[0].dev, 0);
		receive(b, frame, len, t);
		vs_port_counters(b->side[0].port, &in);
		vs_port_counters(b->side[1].port, &out);
		dropped = 0;
		for (unsigned d = 0; d < VS_DROP_COUNT; d++)
			dropped += in.rx_drop[d] + out.tx_drop[d];
	} while (t->got + dropped < t->sent && bench_ns() < until);
	return dropped;
}

void bench_qdio(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct bed *b = bed_open();
	uint8_t *frame = malloc(c->frame_bytes);
	struct guest_frame burst[64];
	struct traffic t = {0};
	uint64_t start, until, end = 0, cycles, frames, got, dropped;

	make_frame(frame, c->frame_bytes, &b->side[1], &b->side[0]);
	for (unsigned i = 0; i < 64; i++)
		burst[i] = (struct guest_frame){.data = frame, .len = c->frame_bytes};
	start = bench_ns();
	until = start + (uint64_t)(seconds * 1e9);
	/* Reading the clock costs as much as a few frames: not every time round. */
	for (unsigned turn = 0; turn % 32 || (end = bench_ns()) < until; turn++) {
		guest_tx_reclaim(b->side[0].dev, 0);
		t.sent += guest_tx_frames(b->side[0].dev, 0, burst, c->per_sbal == 15 ? 60 : 64,
					  c->per_sbal);
		receive(b, frame, c->frame_bytes, &t);
	}
	got = t.got;
	cycles = atomic_load(&b->busy_cycles);
	frames = atomic_load(&b->busy_frames);
	dropped = drain(b, frame, c->frame_bytes, &t);
	out->frames_per_s = (double)got * 1e9 / (double)(end - start);
	out->gbit_per_s = out->frames_per_s * c->frame_bytes * 8 / 1e9;
	out->cycles_per_frame = frames ? (double)cycles / (double)frames : 0;
	out->wrong = t.bad || !t.checked || t.got + dropped != t.sent ||
		     guest_dev_stats(b->side[1].dev)->violations;
	if (getenv("BENCH_VERBOSE"))
		fprintf(stderr, "\n sent %lu got %lu dropped %lu bad %lu\n", t.sent, t.got, dropped,
			t.bad);
	free(frame);
	bed_close(b);
}

/* ---- latency -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool bounce(struct bed *b, unsigned from, const struct guest_frame *f)
{
	uint64_t until = bench_ns() + 1000000000u;
	struct guest_rx rx[4];
	unsigned n;

	guest_tx_reclaim(b->side[from].dev, 0);
	if (!guest_tx_frames(b->side[from].dev, 0, f, 1, 1))
		return false;
	do
		n = guest_rx_burst(b->side[!from].dev, rx, 4);
	while (!n && bench_ns() < until);
	guest_rx_release(b->side[!from].dev);
	return n == 1;
}

void bench_qdio_latency(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	enum { MAX = 1 << 18 };
	struct bed *b = bed_open();
	uint64_t *rtt = malloc(MAX * sizeof(*rtt)), until;
	uint8_t *frame[2];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		frame[i] = malloc(c->frame_bytes);
		make_frame(frame[i], c->frame_bytes, &b->side[!i], &b->side[i]);
	}
	until = bench_ns() + (uint64_t)(seconds * 1e9);
	while (bench_ns() < until && n < MAX) {
		struct guest_frame there = {.data = frame[0], .len = c->frame_bytes};
		struct guest_frame back = {.data = frame[1], .len = c->frame_bytes};
		uint64_t t = bench_ns();

		if (!bounce(b, 0, &there) || !bounce(b, 1, &back)) {
			out->wrong = true;
			break;
		}
		rtt[n++] = bench_ns() - t;
	}
	if (n) {
		size_t middle = n / 2, rare = (size_t)n * 999 / 1000;

		qsort(rtt, n, sizeof(*rtt), compare);
		out->latency_us = (double)rtt[middle] / 1000;
		out->latency_p999_us = (double)rtt[rare] / 1000;
	}
	free(frame[0]);
	free(frame[1]);
	free(rtt);
	bed_close(b);
}
