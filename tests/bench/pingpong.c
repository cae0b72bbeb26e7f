/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames there and back between two network interfaces, by packet sockets of one thread: for
 * subjects that are networks of the kernel. Called by the peers' scripts as
 *
 *   bench --pingpong busy|idle SECONDS NETNS IF NETNS IF
 *
 * Idle: a pause before each, and everybody sleeps until a frame comes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PROTOCOL 0x88B5
#define BYTES 64u
#define MAX (1u << 18)

struct end {
	int fd;
	uint8_t frame[BYTES]; /* as sent from here */
};

int bench_packet_socket(const char *netns, const char *ifname, uint8_t mac[6])
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET}; /* the protocol is the socket's */
	struct ifreq ifr = {0};
	char path[256];
	int ns, fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		bench_die("entering a network namespace");
	close(ns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(PROTOCOL));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &ifr))
		bench_die("finding an interface");
	sll.sll_ifindex = ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) || bind(fd, (struct sockaddr *)&sll, sizeof(sll)))
		bench_die("opening an interface");
	if (mac)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

static void make_frames(struct end *e)
{
	for (unsigned i = 0; i < 2; i++) {
		memcpy(e[i].frame, e[!i].frame + 6, 6);
		e[i].frame[12] = PROTOCOL >> 8;
		e[i].frame[13] = PROTOCOL & 0xFF;
		for (unsigned k = 14; k < BYTES; k++)
			e[i].frame[k] = (uint8_t)(k * 7 + i);
	}
}

/* The next frame from the other end. Return: false: none came, or another. */
static bool take(const struct end *e, const struct end *from, bool busy)
{
	uint64_t until = bench_ns() + 1000000000u;
	uint8_t got[2048];
	ssize_t n;

	do {
		struct pollfd fd = {.fd = e->fd, .events = POLLIN};

		if (!busy && poll(&fd, 1, 1000) < 1)
			return false;
		n = recv(e->fd, got, sizeof(got), MSG_DONTWAIT);
	} while (n < 0 && bench_ns() < until);
	return n == BYTES && !memcmp(got, from->frame, BYTES);
}

static bool bounce(const struct end *from, const struct end *to, bool busy)
{
	return send(from->fd, from->frame, BYTES, 0) == BYTES && take(to, from, busy);
}

int bench_pingpong(char **arg)
{
	bool busy = !strcmp(arg[0], "busy");
	uint64_t *rtt = malloc(MAX * sizeof(*rtt)), until;
	struct bench_sample out = {0};
	struct end e[2];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		e[i].fd = bench_packet_socket(arg[2 + 2 * i], arg[3 + 2 * i], e[i].frame + 6);
	make_frames(e);
	bench_pin(BENCH_CPU_GUEST);
	/* Everybody has learned where they are. */
	if (!bounce(&e[0], &e[1], false) || !bounce(&e[1], &e[0], false)) {
		printf("wrong the first frames do not arrive\n");
		return 0;
	}
	until = bench_ns() + (uint64_t)(atof(arg[1]) * 1e9);
	while (bench_ns() < until && n < MAX) {
		uint64_t t;

		if (!busy)
			usleep(2000);
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
	return 0;
}
