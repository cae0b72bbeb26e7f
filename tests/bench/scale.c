/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the switch's cost grows with ports, addresses and VLANs, and what a change costs under load.
 * The switch alone: its ports make 64-byte frames out of nothing and look at one frame of each
 * delivery, so that what is measured is what grows. The worker has one core, changes are made from
 * the other.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "tests/bench/bed.h"
#include "tests/bench/bench.h"
#include "tests/bench/busyport.h"

#define FRAME 64u
#define TRUNK_OFFSET 12
#define ADDRESS_PORTS 128u

struct station {
	struct land *land;
	struct vs_port *port;
	struct vs_link link;
	unsigned index, addresses;
	bool talks;
	uint8_t frame[FRAME];
	uint64_t sent, got, bad; /* the worker's */
	uint32_t random;
};

/* Who there is, and who talks to whom. */
struct land {
	struct vs_switch *sw;
	struct bed_worker worker[BED_WORKERS_MAX];
	unsigned workers;
	struct station *station;
	unsigned n, vids;
	unsigned any; /* each burst goes to addresses of one of so many ports; 0: the neighbour's */
	_Atomic bool go;
	double bytes_per_port, bytes_per_address, add_ms;
};

static void mac_of(uint8_t *mac, unsigned port, unsigned address)
{
	mac[0] = 0x02;
	mac[1] = 0x5A;
	mac[2] = (uint8_t)(port >> 8);
	mac[3] = (uint8_t)port;
	mac[4] = (uint8_t)(address >> 8);
	mac[5] = (uint8_t)address;
}

/* ---- a port ------------------------------------------------------------------------------------
 */

static uint32_t next_random(struct station *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct station *s = port;
	struct land *l = s->land;
	const struct station *to;
	unsigned n = VS_BURST - b->hold;

	(void)dropped;
	b->n = b->nseg_used = 0;
	if (!s->talks || !atomic_load_explicit(&l->go, memory_order_relaxed))
		return 0;
	to = &l->station[s->index ^ 1];
	while (l->any && (to = &l->station[next_random(s) % l->any]) == s)
		;
	for (unsigned i = 0; i < n; i++) {
		memcpy(b->head[i], s->frame, FRAME);
		mac_of(b->head[i], to->index,
		       to->addresses > 1 ? next_random(s) % to->addresses : 0);
		if (l->vids) {
			unsigned vid = 1 + next_random(s) % l->vids;

			b->head[i][TRUNK_OFFSET + 2] = (uint8_t)(vid >> 8);
			b->head[i][TRUNK_OFFSET + 3] = (uint8_t)vid;
		}
		b->len[i] = b->headlen[i] = FRAME;
		b->flags[i] = b->nseg[i] = 0;
		b->seg0[i] = 0;
	}
	b->n = n;
	s->sent += n;
	return n;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct station *s = port;
	uint8_t mine[6];

	(void)err;
	mac_of(mine, s->index, 0);
	s->bad += memcmp(b->head[ref[0].frame], mine, 4) != 0 || b->len[ref[0].frame] != FRAME;
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

static void station_open(struct land *l, unsigned i, bool talks)
{
	struct station *s = &l->station[i];
	struct vs_port_config cfg = {
		.role = VS_ROLE_GUEST, .access_vid = 10, .mac_protect = !l->any};
	uint8_t mac[6];

	memset(s, 0, sizeof(*s));
	s->land = l;
	s->index = i;
	s->addresses = 1;
	s->talks = talks;
	s->random = i * 2654435761u + 1;
	mac_of(mac, i, 0);
	mac_of(s->frame + 6, i, 0);
	memcpy(cfg.own_mac, mac, 6);
	snprintf(cfg.name, sizeof(cfg.name), "PORT%u", i);
	s->frame[12] = 0x88;
	s->frame[13] = 0xB5;
	if (l->vids) {
		cfg.type = VS_TYPE_TRUNK;
		s->frame[12] = 0x81;
		s->frame[13] = 0x00;
		for (unsigned v = 1; v <= l->vids; v++)
			vs_vidset_add(&cfg.vids, v);
	}
	s->port = vs_port_create(l->sw, &cfg);
	if (!s->port)
		bench_die("making a port");
	vs_port_assign(s->port, l->worker[i / 2 % l->workers].w);
	s->link = vs_port_link(s->port);
	if (s->link.ops->start(s->link.ctx, &ops, s) || s->link.ops->mac_add(s->link.ctx, mac))
		bench_die("starting a port");
}

static void station_close(struct station *s)
{
	s->link.ops->stop(s->link.ctx);
	vs_port_destroy(s->port);
}

/* ---- the whole
 * ----------------------------------------------------------------------------------- */

static double allocated(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

/* Spread over the ports that are talked to. */
static void add_addresses(struct land *l, unsigned total)
{
	double before = allocated();
	unsigned per_port = l->any ? total / l->any : 0;
	uint8_t mac[6];

	for (unsigned i = 0; i < l->any; i++) {
		struct station *s = &l->station[i];

		for (; s->addresses < per_port; s->addresses++) {
			mac_of(mac, i, s->addresses);
			if (s->link.ops->mac_add(s->link.ctx, mac))
				bench_die("registering an address");
		}
	}
	if (total > l->n)
		l->bytes_per_address = (allocated() - before) / (total - l->any);
}

/* Ports, and how many of them talk; addresses to talk to, 0: the neighbour's; VLANs of trunks. */
static struct land *land_open_with(unsigned workers, unsigned ports, unsigned talking,
				   unsigned addresses, unsigned vids)
{
	struct vs_switch_config sw = {
		.name = "BENCH", .vlan_aware = true, .native_vid = 1, .mac_protect = !addresses};
	struct land *l = calloc(1, sizeof(*l));
	double before;
	uint64_t t;

	l->n = ports;
	l->vids = vids;
	/* Two at least: nobody talks to himself. */
	l->any = addresses / 5 < ports ? addresses / 5 : ports;
	l->sw = vs_switch_create(&sw);
	l->workers = workers;
	l->station = calloc(ports, sizeof(*l->station));
	if (!l->sw || !l->station)
		bench_die("making a switch");
	for (unsigned i = 0; i < workers; i++) {
		l->worker[i].w = vs_worker_create();
		l->worker[i].cpu = i ? BENCH_CPU_GUEST : BENCH_CPU_SWITCH;
		if (!l->worker[i].w)
			bench_die("making a worker");
		bed_worker_start(&l->worker[i]);
	}
	bench_pin(BENCH_CPU_GUEST);
	before = allocated();
	for (unsigned i = 0; i + 1 < ports; i++)
		station_open(l, i, i < talking);
	l->bytes_per_port = (allocated() - before) / (ports - 1);
	t = bench_ns();
	station_open(l, ports - 1, ports - 1 < talking);
	l->add_ms = (double)(bench_ns() - t) / 1e6;
	add_addresses(l, addresses);
	return l;
}

static struct land *land_open(unsigned ports, unsigned talking, unsigned addresses, unsigned vids)
{
	return land_open_with(1, ports, talking, addresses, vids);
}

static uint64_t dropped(const struct land *l)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < l->n; i++) {
		struct vs_counters c;

		vs_port_counters(l->station[i].port, &c);
		for (unsigned d = 0; d < VS_DROP_COUNT; d++)
			sum += c.rx_drop[d] + c.tx_drop[d];
	}
	return sum;
}

/* Stop everybody. @lossless: nothing may have been dropped either. Return: all is accounted for. */
static bool land_close(struct land *l, bool lossless)
{
	uint64_t sent = 0, got = 0, bad = 0, lost;

	for (unsigned i = 0; i < l->workers; i++)
		bed_worker_stop(&l->worker[i]);
	lost = dropped(l);
	for (unsigned i = 0; i < l->n; i++) {
		sent += l->station[i].sent;
		got += l->station[i].got;
		bad += l->station[i].bad;
		station_close(&l->station[i]);
	}
	if (sent != got + lost || bad || !sent || (lossless && lost))
		fprintf(stderr, "\nscale: sent %lu got %lu dropped %lu bad %lu\n", sent, got, lost,
			bad);
	vs_switch_destroy(l->sw);
	for (unsigned i = 0; i < l->workers; i++)
		vs_worker_destroy(l->worker[i].w);
	free(l->station);
	free(l);
	return sent && sent == got + lost && !bad && !(lossless && lost);
}

static uint64_t frames_of(struct land *l)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < l->workers; i++)
		frames += atomic_load(&l->worker[i].frames);
	return frames;
}

static uint64_t cycles_of(struct land *l)
{
	uint64_t cycles = 0;

	for (unsigned i = 0; i < l->workers; i++)
		cycles += atomic_load(&l->worker[i].busy_cycles);
	return cycles;
}

static void go(struct land *l)
{
	uint64_t until = bench_ns() + 2000000000u;

	atomic_store(&l->go, true);
	while (!frames_of(l) && bench_ns() < until)
		usleep(1000);
}

static void rest(struct land *l)
{
	atomic_store(&l->go, false);
	usleep(5000);
}

/* Frames a second, and the workers' cycles for one. */
static void load(struct land *l, double seconds, struct bench_sample *out)
{
	uint64_t cycles, frames, t;

	go(l);
	t = bench_ns();
	cycles = cycles_of(l);
	frames = frames_of(l);
	usleep((useconds_t)(seconds * 1e6));
	cycles = cycles_of(l) - cycles;
	frames = frames_of(l) - frames;
	t = bench_ns() - t;
	if (frames) {
		out->v[BENCH_CYCLES] = (double)cycles / (double)frames;
		out->v[BENCH_FRAMES] = (double)frames * 1e9 / (double)t;
	}
	rest(l);
}

void bench_ports(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct land *l = land_open(c->n, c->per_sbal ? c->per_sbal : c->n, 0, 0);

	load(l, seconds, out);
	out->v[BENCH_BYTES] = l->bytes_per_port;
	out->v[BENCH_MS] = l->add_ms;
	out->wrong = !land_close(l, true);
}

/* As many ports talk in every row, each burst to one port, at random among its addresses. */
void bench_addresses(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct land *l = land_open(ADDRESS_PORTS, ADDRESS_PORTS, c->n, 0);

	load(l, seconds, out);
	out->v[BENCH_BYTES] = l->bytes_per_address;
	out->wrong = !land_close(l, true);
}

void bench_vlans(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct land *l = land_open(2, 2, 0, c->n);

	load(l, seconds, out);
	out->wrong = !land_close(l, true);
}

/* Ports come and go, and others change, while two talk: they lose nothing. */
void bench_changes(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct land *l = land_open(c->n, 2, 0, 0);
	uint64_t until, t;
	unsigned changes = 0;

	go(l);
	t = bench_ns();
	until = t + (uint64_t)(seconds * 1e9);
	for (; bench_ns() < until; changes++) {
		station_close(&l->station[l->n - 1]);
		station_open(l, l->n - 1, false);
	}
	out->v[BENCH_MS] = (double)(bench_ns() - t) / 1e6 / (changes ? changes : 1);
	out->v[BENCH_CYCLES] = (double)cycles_of(l) / (double)(frames_of(l) + 1);
	rest(l);
	out->wrong = !land_close(l, true);
}
