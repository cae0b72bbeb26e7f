/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a feature of the switch costs when it is used: two ports that send 64-byte frames to each
 * other as fast as the switch takes them, without it and with it. Rates are far above what is
 * reached, so that what is measured is the looking at them. Ports make frames out of nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"
#include "tests/bench/busyport.h"

#define FRAME 64u
#define PORTS 3 /* the last is a sniffer */

enum feature { PLAIN, RATE_IN, RATE_OUT, GROUP, VLAN_RATE, VLAN_COUNTERS, MIRROR, CAPTURE };

struct station {
	struct vs_port *port;
	struct vs_link link;
	bool talks;
	_Atomic bool *go;
	uint8_t frame[FRAME];
	uint64_t sent, got; /* the worker's */
};

struct place {
	struct vs_switch *sw;
	struct bed_worker worker;
	struct station station[PORTS];
	struct vs_rate_group *group;
	struct vs_capture *capture;
	_Atomic bool go;
};

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct station *s = port;
	unsigned n = VS_BURST - b->hold;

	(void)dropped;
	b->n = b->nseg_used = 0;
	if (!s->talks || !atomic_load_explicit(s->go, memory_order_relaxed))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		memcpy(b->head[i], s->frame, FRAME);
		b->len[i] = b->headlen[i] = FRAME;
		b->flags[i] = b->nseg[i] = 0;
		b->seg0[i] = 0;
	}
	s->sent += n;
	return b->n = n;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct station *s = port;

	(void)b;
	(void)ref;
	(void)err;
	s->got += n;
	return n;
}

static const struct vs_port_ops ops = {.kind = "BENCH",
				       .rx_burst = rx_burst,
				       .rx_done = busy_rx_done,
				       .tx_burst = tx_burst,
				       .arm = busy_arm,
				       .disarm = busy_disarm,
				       .wait_fd = busy_wait_fd,
				       .caps = busy_caps,
				       .frame_max = busy_frame_max};

static void station_open(struct place *p, unsigned i)
{
	struct station *s = &p->station[i];
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST, .access_vid = 10};
	uint8_t mac[6] = {0x02, 0x5A, 0, 0, 0, (uint8_t)i};

	s->go = &p->go;
	s->talks = i < 2;
	memcpy(s->frame + 6, mac, 6);
	mac[5] ^= 1;
	memcpy(s->frame, mac, 6);
	mac[5] ^= 1;
	s->frame[12] = 0x88;
	s->frame[13] = 0xB5;
	snprintf(cfg.name, sizeof(cfg.name), "PORT%u", i);
	s->port = vs_port_create(p->sw, &cfg);
	if (!s->port)
		bench_die("making a port");
	vs_port_assign(s->port, p->worker.w);
	s->link = vs_port_link(s->port);
	if (s->link.ops->start(s->link.ctx, &ops, s) || s->link.ops->mac_add(s->link.ctx, mac))
		bench_die("starting a port");
}

static void ignore(void *ctx, unsigned worker, const struct vs_capture_frame *f)
{
	(void)ctx;
	(void)worker;
	(void)f;
}

static int use(struct place *p, enum feature what)
{
	const struct vs_rate none = {0}, high = {.bps = 4000000000000};
	struct vs_port_shaping s = {.class = VS_CLASS_NORMAL};
	struct vs_mirror m = {.to = p->station[2].port, .in = true};
	const struct vs_capture_config c = {.sw = p->sw, .snaplen = 64, .emit = ignore};
	int rc = 0;

	switch (what) {
	case PLAIN:
		return 0;
	case VLAN_RATE:
		return vs_vlan_rate(p->sw, 10, &high, &high);
	case VLAN_COUNTERS:
		return vs_switch_vlan_counters(p->sw, true);
	case MIRROR:
		return vs_switch_mirror(p->sw, &m);
	case CAPTURE:
		p->capture = vs_capture_start(&c);
		return p->capture ? 0 : -1;
	case GROUP:
		vs_rate_group_set(p->group, &high, &none);
		s.group = p->group;
		break;
	case RATE_IN:
		s.in = high;
		break;
	case RATE_OUT:
		s.out = high;
		break;
	}
	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = vs_port_shape(p->station[i].port, &s);
	return rc;
}

static struct place *place_open(void)
{
	const struct vs_switch_config sw = {.name = "BENCH", .vlan_aware = true};
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->sw = vs_switch_create(&sw);
	p->group = vs_rate_group_create();
	p->worker.w = vs_worker_create();
	p->worker.cpu = BENCH_CPU_SWITCH;
	if (!p->sw || !p->group || !p->worker.w)
		bench_die("making a switch");
	bed_worker_start(&p->worker);
	bench_pin(BENCH_CPU_GUEST);
	for (unsigned i = 0; i < PORTS; i++)
		station_open(p, i);
	return p;
}

/* Return: every frame sent has arrived, and what was mirrored as well. */
static bool place_close(struct place *p, bool mirrored)
{
	struct station *s = p->station;
	uint64_t sent, got;

	bed_worker_stop(&p->worker);
	sent = s[0].sent + s[1].sent;
	got = s[0].got + s[1].got;
	if (sent != got || s[2].got != (mirrored ? sent : 0))
		fprintf(stderr, "\nextras: sent %lu got %lu mirrored %lu\n", sent, got, s[2].got);
	got += s[2].got;
	vs_capture_stop(p->capture);
	for (unsigned i = 0; i < PORTS; i++) {
		s[i].link.ops->stop(s[i].link.ctx);
		vs_port_destroy(s[i].port);
	}
	vs_rate_group_destroy(p->group);
	vs_switch_destroy(p->sw);
	vs_worker_destroy(p->worker.w);
	free(p);
	return sent && got == (mirrored ? 2 : 1) * sent;
}

void bench_extras(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct place *p = place_open();
	uint64_t cycles, frames, until = bench_ns() + 2000000000u;

	if (use(p, (enum feature)c->n))
		bench_die("using a feature");
	atomic_store(&p->go, true);
	while (!atomic_load(&p->worker.frames) && bench_ns() < until)
		usleep(1000);
	cycles = atomic_load(&p->worker.busy_cycles);
	frames = atomic_load(&p->worker.frames);
	usleep((useconds_t)(seconds * 1e6));
	cycles = atomic_load(&p->worker.busy_cycles) - cycles;
	frames = atomic_load(&p->worker.frames) - frames;
	if (frames) {
		out->v[BENCH_CYCLES] = (double)cycles / (double)frames;
		out->v[BENCH_FRAMES] = (double)frames / seconds;
	}
	atomic_store(&p->go, false);
	usleep(5000);
	out->wrong = !place_close(p, c->n == MIRROR);
}
