/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between a guest of a running zland and the uplink of its switch, for
 * tests/bench/peer/uplink.sh:
 *
 *   bench --uplink SECONDS DIR USER              the guest sends, packed, to nobody it knows
 *   bench --uplink SECONDS DIR USER USER         the second sends to the first, by an uplink that
 * brings everything back
 *   bench --uplink SECONDS DIR USER NETNS IF     the interface, the uplink's other end, sends to
 * the guest
 *
 * Prints how many frames were sent, received (from outside only), and the time.
 */
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/guest.h"
#include "tests/bench/bench.h"

#define BYTES 64u
#define PACKED 15u
#define BURST (4 * PACKED)

struct ends {
	struct guest_storage st;
	struct guest_channel *ch;
	struct guest_dev *dev;
	int fd;			     /* the interface, or -1 */
	const struct ends *receiver; /* of frames between guests */
	uint8_t frame[BYTES];
	uint64_t sent, got, bad;
};

static void guest_open(struct ends *e, const char *dir, const char *user)
{
	struct guest_config cfg = {.pci_at = 200};
	struct guest_machine m;
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
}

static void guest_close(struct ends *e)
{
	guest_offline(e->dev);
	guest_dev_destroy(e->dev);
	guest_channel_close(e->ch);
}

static void make_frame(struct ends *e)
{
	static const uint8_t other[6] = {0x02, 0x5A, 0, 0, 0x77, 0x77};
	struct guest_info info, to;

	guest_info(e->dev, &info);
	memcpy(e->frame, e->fd < 0 ? other : info.mac, 6);
	memcpy(e->frame + 6, e->fd < 0 ? info.mac : other, 6);
	if (e->receiver) {
		guest_info(e->receiver->dev, &to);
		memcpy(e->frame, to.mac, 6);
	}
	e->frame[12] = 0x88;
	e->frame[13] = 0xB5;
	for (unsigned i = 14; i < BYTES; i++)
		e->frame[i] = (uint8_t)(i * 7);
}

static void guest_sends(struct ends *e)
{
	struct guest_frame burst[BURST];

	for (unsigned i = 0; i < BURST; i++)
		burst[i] = (struct guest_frame){.data = e->frame, .len = BYTES};
	guest_tx_reclaim(e->dev, 0);
	e->sent += guest_tx_frames(e->dev, 0, burst, BURST, PACKED);
}

static void outside_sends(struct ends *e)
{
	struct iovec iov = {e->frame, BYTES};
	struct mmsghdr m[BURST];
	int n;

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BURST; i++)
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	n = sendmmsg(e->fd, m, BURST, MSG_DONTWAIT);
	e->sent += n > 0 ? (unsigned)n : 0;
}

static void guest_receives(struct ends *e, const uint8_t *frame)
{
	struct guest_rx rx[128];
	unsigned n = guest_rx_burst(e->dev, rx, 128);

	for (unsigned i = 0; i < n; i++)
		e->bad += rx[i].len != BYTES || memcmp(rx[i].data, frame, BYTES) != 0;
	if (n)
		guest_rx_release(e->dev);
	e->got += n;
}

int bench_uplink(unsigned n, char **arg)
{
	uint64_t start, until, end, quiet;
	struct ends e = {.fd = -1}, second = {.fd = -1, .receiver = &e}, *from = &e;

	guest_open(&e, arg[1], arg[2]);
	if (n == 5)
		e.fd = bench_packet_socket(arg[3], arg[4], NULL);
	if (n == 4) {
		guest_open(&second, arg[1], arg[3]);
		from = &second;
	}
	make_frame(from);
	bench_pin(BENCH_CPU_GUEST);
	start = bench_ns();
	until = start + (uint64_t)(atof(arg[0]) * 1e9);
	while ((end = bench_ns()) < until) {
		if (e.fd < 0)
			guest_sends(from);
		else
			outside_sends(&e);
		guest_receives(&e, from->frame);
	}
	printf("time %f\n", (double)(end - start) / 1e9);
	printf("got_in_time %lu\n", e.got);
	for (quiet = bench_ns() + 200000000u; bench_ns() < quiet;) {
		uint64_t before = e.got;

		guest_tx_reclaim(from->dev, 0);
		guest_receives(&e, from->frame);
		if (e.got != before)
			quiet = bench_ns() + 200000000u;
	}
	printf("sent %lu\ngot %lu\nbad %lu\n", from->sent, e.got, e.bad);
	guest_close(&e);
	if (from != &e)
		guest_close(from);
	return 0;
}
