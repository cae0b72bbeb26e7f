/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Through the real daemon: two guests of this process on the channel sockets of a zland of their
 * own. Idle: the worker, and the guest that waits, sleep; each frame wakes both. Busy: the guests
 * poll, the daemon does as it does.
 *
 *   bench --daemon busy|idle|cpu SECONDS DIR
 *
 * The daemon in DIR has NICs ONE/0600 and TWO/0600 on one switch; "cpu" reads what process DIR/pid
 * takes while both guests are silent.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/guest.h"
#include "tests/bench/bench.h"

#define BYTES 64u
#define MAX (1u << 18)

struct end {
	struct guest_storage st;
	struct guest_channel *ch;
	struct guest_dev *dev;
	uint8_t frame[BYTES]; /* as sent from here */
};

static void end_open(struct end *e, const char *dir, const char *user)
{
	struct guest_config cfg = {.pci_at = 200};
	struct guest_machine m;
	struct guest_info info;
	char text[128];

	if (guest_storage_create(&e->st, 0x10000, guest_dev_bytes(&cfg)))
		bench_die("making storage");
	e->dev = guest_dev_create(&cfg, &e->st);
	if (!e->dev || guest_channel_open(dir, user, 0x600, &e->st, &e->ch, text))
		bench_die("attaching to zland");
	guest_channel_machine(e->ch, &m);
	guest_dev_connect(e->dev, &m);
	if (guest_online(e->dev))
		bench_die("bringing a guest online");
	guest_info(e->dev, &info);
	memcpy(e->frame + 6, info.mac, 6);
}

static void make_frames(struct end *e)
{
	for (unsigned i = 0; i < 2; i++) {
		memcpy(e[i].frame, e[!i].frame + 6, 6);
		e[i].frame[12] = 0x88;
		e[i].frame[13] = 0xB5;
		for (unsigned k = 14; k < BYTES; k++)
			e[i].frame[k] = (uint8_t)(k * 7 + i);
	}
}

/* Sleep until the adapter interrupts, as an idle guest does. */
static void sleep_until_frame(struct end *e)
{
	struct pollfd fd = {.fd = guest_channel_irq_fd(e->ch), .events = POLLIN};

	if (!guest_rx_stop(e->dev))
		poll(&fd, 1, 1000);
	guest_irq_ack(e->dev);
}

static bool bounce(struct end *from, struct end *to, bool busy)
{
	const struct guest_frame f = {.data = from->frame, .len = BYTES};
	uint64_t until = bench_ns() + 1000000000u;
	struct guest_rx rx[4];
	bool right;
	unsigned n;

	guest_tx_reclaim(from->dev, 0);
	if (!guest_tx_frames(from->dev, 0, &f, 1, 1))
		return false;
	while (!(n = guest_rx_burst(to->dev, rx, 4)) && bench_ns() < until)
		if (!busy)
			sleep_until_frame(to);
	right = n == 1 && rx[0].len == BYTES && !memcmp(rx[0].data, from->frame, BYTES);
	guest_rx_release(to->dev);
	return right;
}

static void latency(struct end *e, double seconds, bool busy)
{
	uint64_t *rtt = malloc(MAX * sizeof(*rtt)), until = bench_ns() + (uint64_t)(seconds * 1e9);
	struct bench_sample out = {0};
	unsigned n = 0;

	while (bench_ns() < until && n < MAX) {
		uint64_t t;

		if (!busy) {
			guest_rx_stop(e[0].dev);
			guest_rx_stop(e[1].dev);
			usleep(2000);
		}
		t = bench_ns();
		if (!bounce(&e[0], &e[1], busy) || !bounce(&e[1], &e[0], busy)) {
			printf("wrong a frame did not arrive\n");
			break;
		}
		rtt[n++] = bench_ns() - t;
	}
	bench_rtt(rtt, n, &out);
	printf("rtt_median %f\nrtt_p99.9 %f\n", out.v[BENCH_RTT], out.v[BENCH_RTT_TAIL]);
	free(rtt);
}

int bench_daemon(char **arg)
{
	struct end e[2];

	memset(e, 0, sizeof(e));
	end_open(&e[0], arg[2], "ONE");
	end_open(&e[1], arg[2], "TWO");
	make_frames(e);
	bench_pin(BENCH_CPU_GUEST);
	latency(e, atof(arg[1]), !strcmp(arg[0], "busy"));
	for (unsigned i = 0; i < 2; i++) {
		guest_offline(e[i].dev);
		guest_dev_destroy(e[i].dev);
		guest_channel_close(e[i].ch);
		guest_storage_destroy(&e[i].st);
	}
	return 0;
}
