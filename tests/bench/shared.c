/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several workers, one receiver. Each processor runs a worker and, between its polls, the guest
 * that it serves, which sends to the one receiver as fast as it can; whoever comes by and finds
 * nobody there does the receiver's part: a virtio guest with split or packed rings, or the kernel
 * behind a TAP. So what two workers cost each other at the receiver is in the number.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "host/host.h"
#include "host/virtnet.h"
#include "common/be.h"
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define CHECK_EVERY 61u
#define TURNS_LEFT 100000u /* to take what is on its way, when all has been sent */
#define SIZE 1024u
#define BUFFER 2048u
#define RING_BYTES 65536u
#define HDR 12u
#define TAP "zbench"
#define SECONDS_MAX 0.15 /* eight rows must not cost the others a round */

static const uint8_t mac[6] = {0x02, 0x5A, 0, 0, 6, 0};

struct lane {
	const struct bench_case *c;
	struct shared *s;
	unsigned nr;
	uint8_t *frame;
	struct guest_frame burst[64];
	pthread_t thread;
	uint64_t sent;
};

struct shared {
	struct bed *b;
	struct vs_port *port;
	struct vs_link link;
	double seconds;
	pthread_barrier_t begin;
	struct lane lane[BED_WORKERS_MAX];
	unsigned n;
	_Atomic unsigned done;

	pthread_mutex_t lock; /* the receiver's part */
	uint64_t got, checked, bad;
	uint64_t in_time, end_ns, took_ns;
	/* a virtio guest */
	struct virtnet net;
	struct vring_mem mem;
	struct guest_storage st;
	unsigned offered, seen;
	/* a TAP */
	struct host_tap *tap;
	int ns, sock;
};

/* ---- a virtio guest
 * ---------------------------------------------------------------------------------------------- */

static unsigned no_rx(void *port, struct vs_burst *b, uint64_t *dropped)
{
	(void)port;
	(void)dropped;
	return b->n = 0;
}

static void no_rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static unsigned tx(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		   enum vs_drop *err)
{
	struct shared *s = port;
	bool call = false; /* it polls */

	return virtnet_tx(&s->net, b, ref, n, err, &call);
}

static bool no_arm(void *port)
{
	(void)port;
	return false;
}

static void no_disarm(void *port)
{
	(void)port;
}

static int no_fd(void *port)
{
	(void)port;
	return -1;
}

static unsigned no_caps(void *port)
{
	(void)port;
	return 0;
}

static uint32_t frame_max(void *port)
{
	(void)port;
	return VS_FRAME_MAX;
}

static const struct vs_port_ops virtio_ops = {.kind = "VIRTIO",
					      .rx_burst = no_rx,
					      .rx_done = no_rx_done,
					      .tx_burst = tx,
					      .arm = no_arm,
					      .disarm = no_disarm,
					      .wait_fd = no_fd,
					      .caps = no_caps,
					      .frame_max = frame_max};

static void offer(struct shared *s)
{
	struct vring_queue *r = &s->net.in;

	for (; s->offered < s->seen + SIZE; s->offered++) {
		unsigned i = s->offered % SIZE;
		uint16_t lap = s->offered / SIZE % 2 ? VP_DESC_F_USED : VP_DESC_F_AVAIL;

		if (r->packed)
			__atomic_store_n(&r->ring[i].flags, (uint16_t)(VQ_DESC_F_WRITE | lap),
					 __ATOMIC_RELEASE);
	}
	if (!r->packed)
		__atomic_store_n(&r->avail->idx, (uint16_t)s->offered, __ATOMIC_RELEASE);
}

static void virtio_open(struct shared *s, bool packed)
{
	struct vring_queue *r = &s->net.in;

	if (guest_storage_create(&s->st, 0, RING_BYTES + SIZE * BUFFER))
		bench_die("making storage");
	s->mem.n = 1;
	s->mem.region[0] = (struct vring_region){0, s->st.bytes, s->st.host};
	s->net.mem = &s->mem;
	s->net.hdr_len = HDR;
	s->net.mergeable = true;
	*r = (struct vring_queue){.size = SIZE, .packed = packed};
	r->desc = (void *)s->st.host;
	r->avail = (void *)(s->st.host + 32768);
	r->used = (void *)(s->st.host + 49152);
	r->next = r->done = packed ? VP_WRAP : 0;
	for (unsigned i = 0; i < SIZE; i++) {
		uint64_t at = RING_BYTES + i * BUFFER;

		if (packed) {
			r->ring[i] = (struct vp_desc){at, BUFFER, (uint16_t)i, 0};
		} else {
			r->desc[i] = (struct vq_desc){at, BUFFER, VQ_DESC_F_WRITE, 0};
			r->avail->ring[i] = (uint16_t)i;
		}
	}
	if (packed)
		r->driver->flags = VP_EVENT_DISABLE;
	else
		r->avail->flags = VQ_AVAIL_F_NO_INTERRUPT;
	offer(s);
	virtnet_init(&s->net);
	virtnet_open(&s->net);
	s->link.ops->start(s->link.ctx, &virtio_ops, s);
}

static void check(struct shared *s, const uint8_t *frame, uint32_t len)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct lane *l = &s->lane[i];

		if (memcmp(frame + 6, l->frame + 6, 6) != 0)
			continue;
		s->checked++;
		s->bad += len != l->c->frame_bytes || memcmp(frame, l->frame, len) != 0;
		return;
	}
	s->bad++;
}

/* Take what came, and offer its buffers again: they are in their places. */
static void virtio_take(struct shared *s)
{
	const struct vring_queue *r = &s->net.in;
	uint16_t idx = r->packed ? 0 : __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);

	for (unsigned n = 0; n < 128; n++, s->seen++, s->got++) {
		unsigned i = s->seen % SIZE;
		uint16_t lap = s->seen / SIZE % 2 ? 0 : VP_DESC_F_AVAIL | VP_DESC_F_USED;
		uint32_t len;

		if (r->packed) {
			uint16_t flags = __atomic_load_n(&r->ring[i].flags, __ATOMIC_ACQUIRE);

			if ((flags & (VP_DESC_F_AVAIL | VP_DESC_F_USED)) != lap)
				break;
			len = r->ring[i].len;
			r->ring[i].len = BUFFER;
		} else {
			if ((uint16_t)s->seen == idx)
				break;
			len = r->used->ring[i].len;
		}
		if (s->got % CHECK_EVERY == 0)
			check(s, s->st.host + RING_BYTES + i * BUFFER + HDR, len - HDR);
	}
	offer(s);
}

/* ---- the kernel, behind a TAP
 * --------------------------------------------------------------------------------------------- */

/* A network namespace of its own; a socket that gets some of the frames. Return: is it allowed? */
static bool tap_open(struct shared *s)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = (BE_FORCE __be16)be16_swap(0x88B5)};
	struct ifreq up = {.ifr_name = TAP, .ifr_flags = IFF_UP | IFF_NOARP};

	s->ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->ns < 0 || unshare(CLONE_NEWNET))
		return false;
	s->tap = host_tap_open(TAP, 9000);
	s->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sll_ifindex = (int)if_nametoindex(TAP);
	if (!s->tap || s->sock < 0 || ioctl(s->sock, SIOCSIFFLAGS, &up) ||
	    bind(s->sock, (struct sockaddr *)&at, sizeof(at)))
		return false;
	host_tap_set_carrier(s->tap, true);
	s->link.ops->start(s->link.ctx, host_tap_ops(), s->tap);
	return true;
}

/* What the kernel has taken, by its own count; samples of it. */
static void tap_take(struct shared *s)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	uint8_t frame[2048];
	char line[256];
	ssize_t len;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long bytes, packets;

		if (sscanf(line, " " TAP ": %lu %lu", &bytes, &packets) == 2)
			s->got = packets;
	}
	if (f)
		fclose(f);
	while ((len = recv(s->sock, frame, sizeof(frame), 0)) > 0)
		check(s, frame, (uint32_t)len);
}

static void tap_close(struct shared *s)
{
	host_tap_close(s->tap);
	if (s->sock >= 0)
		close(s->sock);
	if (s->ns >= 0 && setns(s->ns, CLONE_NEWNET))
		bench_die("leaving a network namespace");
	if (s->ns >= 0)
		close(s->ns);
}

/* ---- the senders
 * ---------------------------------------------------------------------------------------------- */

static void take(struct shared *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->tap)
		tap_take(s);
	else
		virtio_take(s);
	pthread_mutex_unlock(&s->lock);
}

static void turn(struct lane *l, bool send)
{
	struct shared *s = l->s;
	struct guest_dev *dev = s->b->side[2 * l->nr].dev;
	unsigned per_sbal = l->c->per_sbal;

	guest_tx_reclaim(dev, 0);
	if (send)
		l->sent += guest_tx_frames(dev, 0, l->burst, 64 / per_sbal * per_sbal, per_sbal);
	vs_worker_poll(s->b->worker[l->nr].w);
	rcu_quiescent_state();
	if (!s->tap && l->nr)
		take(s);
}

static void *receive(void *arg)
{
	struct shared *s = arg;

	bench_pin(BENCH_CPU_GUEST);
	while (!s->tap && atomic_load(&s->done) < s->n)
		take(s);
	return NULL;
}

static void *drive(void *arg)
{
	struct lane *l = arg;
	struct shared *s = l->s;
	uint64_t until;

	bench_pin(s->b->worker[l->nr].cpu);
	rcu_register_thread();
	rcu_thread_offline();
	pthread_barrier_wait(&s->begin);
	rcu_thread_online();
	until = bench_ns() + (uint64_t)(s->seconds * 1e9);
	for (unsigned i = 0; i % 32 || bench_ns() < until; i++)
		turn(l, true);
	/* The last one: what has arrived by now. */
	if (atomic_fetch_add(&s->done, 1) + 1 == s->n) {
		take(s);
		s->in_time = s->got;
		s->end_ns = bench_ns();
	}
	/* Every turn looks: no clock is needed. */
	for (unsigned i = 0; i < TURNS_LEFT && guest_tx_busy(s->b->side[2 * l->nr].dev, 0); i++)
		turn(l, false);
	rcu_unregister_thread();
	return NULL;
}

static void lane_open(struct shared *s, const struct bench_case *c, unsigned nr)
{
	struct lane *l = &s->lane[nr];

	*l = (struct lane){.c = c, .s = s, .nr = nr};
	l->frame = malloc(c->frame_bytes);
	bed_frame(s->b, l->frame, c->frame_bytes, 2 * nr, 2 * nr + 1);
	memcpy(l->frame, mac, sizeof(mac));
	for (unsigned i = 0; i < 64; i++)
		l->burst[i] = (struct guest_frame){.data = l->frame, .len = c->frame_bytes};
}

static void receiver_open(struct shared *s, const char *kind, struct bench_sample *out)
{
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST, .access_vid = 10};

	memcpy(cfg.name, "RECEIVER", sizeof("RECEIVER"));
	memcpy(cfg.own_mac, mac, sizeof(mac));
	s->port = vs_port_create(s->b->sw, &cfg);
	if (!s->port)
		bench_die("making a port");
	s->link = vs_port_link(s->port);
	s->ns = s->sock = -1;
	if (strcmp(kind, "tap") != 0)
		virtio_open(s, !strcmp(kind, "packed"));
	else if (!tap_open(s))
		snprintf(out->skipped, sizeof(out->skipped), "no TAP may be made here");
	if (!out->skipped[0] && s->link.ops->mac_add(s->link.ctx, mac))
		bench_die("registering an address");
}

static void run(struct shared *s)
{
	pthread_t receiver;
	uint64_t start;

	pthread_barrier_init(&s->begin, NULL, s->n + 1);
	for (unsigned i = 0; i < s->n; i++)
		if (pthread_create(&s->lane[i].thread, NULL, drive, &s->lane[i]))
			bench_die("starting a worker");
	if (s->n == 1 && pthread_create(&receiver, NULL, receive, s))
		bench_die("starting a receiver");
	pthread_barrier_wait(&s->begin);
	start = bench_ns();
	for (unsigned i = 0; i < s->n; i++)
		pthread_join(s->lane[i].thread, NULL);
	if (s->n == 1)
		pthread_join(receiver, NULL);
	s->took_ns = s->end_ns - start;
	pthread_barrier_destroy(&s->begin);
}

static uint64_t dropped(const struct shared *s)
{
	uint64_t sum = bed_dropped(s->b);
	struct vs_counters c;

	vs_port_counters(s->port, &c);
	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		sum += c.rx_drop[d] + c.tx_drop[d];
	return sum;
}

static void account(struct shared *s, const struct bench_case *c, struct bench_sample *out)
{
	uint64_t sent = 0, before;

	do {
		before = s->got;
		take(s);
	} while (s->got != before);
	for (unsigned i = 0; i < s->n; i++)
		sent += s->lane[i].sent;
	out->v[BENCH_FRAMES] = (double)s->in_time / ((double)s->took_ns / 1e9);
	out->v[BENCH_GBIT] = out->v[BENCH_FRAMES] * c->frame_bytes * 8 / 1e9;
	out->wrong = s->bad || !s->checked || s->got + dropped(s) != sent;
	if (out->wrong)
		fprintf(stderr, "\n%s, %s: sent %lu got %lu dropped %lu bad %lu checked %lu\n",
			c->name, c->subject, sent, s->got, dropped(s), s->bad, s->checked);
}

static void receiver_close(struct shared *s)
{
	vs_port_destroy(s->port);
	if (s->st.host) {
		virtnet_destroy(&s->net);
		guest_storage_destroy(&s->st);
	}
	tap_close(s);
}

/* n workers; words: what receives: "split" or "packed" rings, "tap". */
void bench_shared(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct bed_config cfg = {.guests = 2 * c->n, .workers = c->n, .mtu = 9000};
	static struct shared room;
	struct shared *s = memset(&room, 0, sizeof(room));

	bed_fit(&cfg, c->frame_bytes, c->per_sbal);
	s->b = bed_open(&cfg);
	bed_stop(s->b); /* they are polled here */
	s->n = c->n;
	s->seconds = seconds < SECONDS_MAX ? seconds : SECONDS_MAX;
	pthread_mutex_init(&s->lock, NULL);
	rcu_thread_online();
	receiver_open(s, c->words, out);
	for (unsigned i = 0; i < s->n; i++)
		lane_open(s, c, i);
	rcu_thread_offline();
	if (!out->skipped[0]) {
		run(s);
		account(s, c, out);
	}
	rcu_thread_online();
	receiver_close(s);
	rcu_thread_offline();
	for (unsigned i = 0; i < s->n; i++)
		free(s->lane[i].frame);
	bed_close(s->b);
	pthread_mutex_destroy(&s->lock);
}
