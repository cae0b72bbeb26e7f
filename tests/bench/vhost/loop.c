/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two virtio guests on one core, for peers of the bench that speak vhost-user: DPDK's virtio-user
 * ports 0 and 1. The loop does what the QDIO guests' does (tests/bench/qdio.c): it writes every
 * frame it sends, looks at every frame it gets, and compares some.
 *
 *   vhost-loop EAL-ARGUMENT...
 *
 * reads "frames BYTES SECONDS" and "rtt BYTES SECONDS" from standard input and answers with lines
 * "NAME VALUE" and "done".
 */
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING 1024
#define BURST 64
#define MBUFS 16383
#define CHECK_EVERY 61
#define RTTS (1 << 18)

static struct rte_mempool *pool;
static uint8_t mac[2][6] = {{0x02, 0x5A, 0, 0, 5, 0}, {0x02, 0x5A, 0, 0, 5, 0x10}};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	printf("error %s\n", what);
	exit(1);
}

static void port_open(uint16_t p)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(p, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(p, 0, RING, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup(p, 0, RING, 0, NULL) || rte_eth_dev_start(p))
		die("a port cannot be started");
}

static void make_frame(uint8_t *f, uint32_t len, unsigned from)
{
	memcpy(f, mac[!from], 6);
	memcpy(f + 6, mac[from], 6);
	f[12] = 0x88;
	f[13] = 0xB5;
	for (uint32_t i = 14; i < len; i++)
		f[i] = (uint8_t)(i * 7);
}

/* Write n frames and send them. Return: how many were taken. */
static unsigned send_frames(uint16_t p, const uint8_t *frame, uint32_t len, unsigned n)
{
	struct rte_mbuf *m[BURST];
	unsigned sent;

	if (rte_pktmbuf_alloc_bulk(pool, m, n))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(m[i], uint8_t *), frame, len);
		m[i]->data_len = (uint16_t)len;
		m[i]->pkt_len = len;
	}
	sent = rte_eth_tx_burst(p, 0, m, (uint16_t)n);
	if (sent < n)
		rte_pktmbuf_free_bulk(m + sent, n - sent);
	return sent;
}

static uint64_t got, checked, bad;

static unsigned receive(uint16_t p, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_eth_rx_burst(p, 0, m, BURST);

	for (unsigned i = 0; i < n; i++) {
		bool whole = m[i]->pkt_len == len && m[i]->data_len == len;

		bad += !whole;
		if ((got + i) % CHECK_EVERY == 0 && whole) {
			checked++;
			bad += memcmp(rte_pktmbuf_mtod(m[i], uint8_t *), frame, len) != 0;
		}
	}
	if (n)
		rte_pktmbuf_free_bulk(m, n);
	got += n;
	return n;
}

/* Both addresses are learned. */
static void announce(void)
{
	uint8_t frame[64];
	struct rte_mbuf *m[BURST];

	for (unsigned p = 0; p < 2; p++) {
		uint64_t until = now_ns() + 20000000u;

		make_frame(frame, sizeof(frame), p);
		send_frames((uint16_t)p, frame, sizeof(frame), 1);
		while (now_ns() < until)
			for (uint16_t k = 0; k < 2; k++)
				rte_pktmbuf_free_bulk(m, rte_eth_rx_burst(k, 0, m, BURST));
	}
}

static void run_frames(uint32_t len, double seconds)
{
	uint8_t frame[2048];
	uint64_t sent = 0, start, until, end = 0, in_time, quiet;

	got = checked = bad = 0;
	announce();
	make_frame(frame, len, 0);
	start = now_ns();
	until = start + (uint64_t)(seconds * 1e9);
	for (unsigned turn = 0; turn % 32 || (end = now_ns()) < until; turn++) {
		sent += send_frames(0, frame, len, BURST);
		receive(1, frame, len);
	}
	in_time = got;
	for (quiet = now_ns() + 500000000u; now_ns() < quiet && got < sent;)
		if (receive(1, frame, len))
			quiet = now_ns() + 500000000u;
	printf("frames_per_s %f\n", (double)in_time * 1e9 / (double)(end - start));
	printf("lost %ld\n", (long)(sent - got));
	if (bad || !checked)
		printf("wrong %lu of %lu frames checked are damaged\n", bad, checked);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool bounce(unsigned from, const uint8_t *frame, uint32_t len)
{
	uint64_t until = now_ns() + 1000000000u;

	if (!send_frames((uint16_t)from, frame, len, 1))
		return false;
	while (!receive((uint16_t)!from, frame, len))
		if (now_ns() > until)
			return false;
	return true;
}

static void run_rtt(uint32_t len, double seconds)
{
	static uint64_t rtt[RTTS];
	uint8_t frame[2][2048];
	uint64_t until;
	size_t middle, rare;
	unsigned n = 0;

	announce();
	got = bad = 0;
	make_frame(frame[0], len, 0);
	make_frame(frame[1], len, 1);
	until = now_ns() + (uint64_t)(seconds * 1e9);
	while (now_ns() < until && n < RTTS) {
		uint64_t t = now_ns();

		if (!bounce(0, frame[0], len) || !bounce(1, frame[1], len)) {
			printf("wrong a frame did not arrive\n");
			break;
		}
		rtt[n++] = now_ns() - t;
	}
	if (!n)
		return;
	qsort(rtt, n, sizeof(*rtt), compare);
	middle = n / 2;
	rare = (size_t)n * 999 / 1000;
	printf("rtt_median %f\nrtt_p99.9 %f\n", (double)rtt[middle] / 1e3, (double)rtt[rare] / 1e3);
	if (bad)
		printf("wrong frames are damaged\n");
}

int main(int argc, char **argv)
{
	char line[128], what[16];
	unsigned len;
	double seconds;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (rte_eal_init(argc, argv) < 0)
		die("DPDK does not start");
	pool = rte_pktmbuf_pool_create("frames", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool || rte_eth_dev_count_avail() != 2)
		die("no memory, or not two ports");
	port_open(0);
	port_open(1);
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %u %lf", what, &len, &seconds) != 3 || len < 64 ||
		    len > 1518)
			die("a wrong command");
		if (!strcmp(what, "frames"))
			run_frames(len, seconds);
		else
			run_rtt(len, seconds);
		printf("done\n");
	}
	rte_eal_cleanup();
	return 0;
}
