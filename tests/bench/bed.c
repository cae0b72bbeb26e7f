/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "tests/bench/bench.h"

#ifdef ZLAN_STAGES
_Thread_local struct stage_clock stage_clock;

static void stages_out(struct bed_worker *k)
{
	memcpy(k->stage, stage_clock.cycles, sizeof(k->stage));
	memcpy(k->marks, stage_clock.marks, sizeof(k->marks));
}
#else
static void stages_out(struct bed_worker *k)
{
	(void)k;
}
#endif

static void *worker_loop(void *arg)
{
	struct bed_worker *k = arg;
	uint64_t cycles = 0, frames = 0, polls = 0;

	pthread_setname_np(pthread_self(), "switch"); /* for profilers */
	bench_pin(k->cpu);
	rcu_register_thread();
	STAGE(OTHER);
	while (!atomic_load_explicit(&k->stop, memory_order_relaxed)) {
		uint64_t t = bench_cycles();
		unsigned n = vs_worker_poll(k->w);

		if (n) {
			cycles += bench_cycles() - t;
			frames += n;
		}
		rcu_quiescent_state();
		/* release: what it delivered is seen by whoever sees that it looked */
		atomic_store_explicit(&k->polls, ++polls, memory_order_release);
		atomic_store_explicit(&k->busy_cycles, cycles, memory_order_relaxed);
		atomic_store_explicit(&k->frames, frames, memory_order_relaxed);
	}
	rcu_unregister_thread();
	stages_out(k);
	return NULL;
}

void bed_worker_start(struct bed_worker *k)
{
	if (pthread_create(&k->thread, NULL, worker_loop, k))
		bench_die("starting a worker");
}

void bed_worker_stop(struct bed_worker *k)
{
	if (!atomic_exchange(&k->stop, true))
		pthread_join(k->thread, NULL);
}

static int adapter_open(const struct bed *b, struct bed_side *s, const struct osa_config *osa,
			const struct guest_config *guest)
{
	const struct hs_config hs = {.osa = *osa, .worker = true};

	return b->cfg.hipers ? inproc_open_hs(&s->machine, &hs, guest)
			     : inproc_open(&s->machine, osa, guest);
}

static void plug(struct bed *b, struct bed_side *s, const struct vs_link *link)
{
	if (b->lan)
		hs_plug(s->machine.hs, link ? b->lan : NULL, link);
	else
		osa_set_link(s->machine.osa, link);
}

static uint32_t ip_of(unsigned i)
{
	return 0x0A000001u + i;
}

static void own_address(struct bed_side *s, unsigned i)
{
	struct guest_ip own = {0};

	be32_store(own.addr + 12, ip_of(i));
	if (guest_ip_add(s->dev, &own))
		bench_die("registering an IP address");
}

static void side_open(struct bed *b, unsigned i)
{
	struct bed_side *s = &b->side[i];
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config guest = {.pci_at = 200,
				     .pool = b->cfg.pool,
				     .window = b->cfg.window,
				     .in_bytes = b->cfg.in_bytes,
				     .layer = b->cfg.layer3 ? 3 : 2,
				     .iqd = b->cfg.hipers};
	struct vs_port_config port = {.role = VS_ROLE_GUEST, .access_vid = 10, .mac_protect = 1};
	struct guest_machine m;

	osa.mtu = b->cfg.mtu;
	if (adapter_open(b, s, &osa, &guest))
		bench_die("opening an adapter");
	s->machine.siga_noop = true; /* the worker polls */
	memcpy(port.own_mac, osa.mac, 6);
	memcpy(s->mac, osa.mac, 6);
	snprintf(port.name, sizeof(port.name), "GUEST%u/0500", i + 1);
	s->port = vs_port_create(b->sw, &port);
	s->dev = guest_dev_create(&guest, &s->machine.st);
	if (!s->port || !s->dev)
		bench_die("making a guest");
	vs_port_assign(s->port, b->worker[i / 2 % b->cfg.workers].w);
	s->link = vs_port_link(s->port);
	plug(b, s, &s->link);
	inproc_machine(&s->machine, &m);
	guest_dev_connect(s->dev, &m);
	if (b->cfg.layer3)
		own_address(s, i);
	if (guest_online(s->dev))
		bench_die("bringing a guest online");
}

#define IN_FLIGHT (1u << 20)
#define BUFFERS_MIN 8u
#define BUFFERS_MAX 128u

static unsigned buffers(uint32_t bytes_of_each)
{
	unsigned n = BUFFERS_MAX;

	while (n > BUFFERS_MIN && n * bytes_of_each > IN_FLIGHT)
		n /= 2;
	return n;
}

void bed_fit(struct bed_config *cfg, uint32_t bytes, unsigned per_sbal)
{
	uint32_t frame = bytes + 32, packed = VS_BURST * frame;

	if (packed > 65536)
		packed = 65536;
	cfg->window = buffers(per_sbal * frame);
	cfg->pool = buffers(cfg->in_bytes || cfg->hipers ? per_sbal * frame : packed);
}

/* In layer 3: until the adapters know each other's addresses, by ARP, a packet gets lost. */
static void introduce(struct bed *b, unsigned from, unsigned to)
{
	uint64_t until = bench_ns() + 1000000000u;
	uint8_t packet[64];
	struct guest_frame f = {.data = packet, .len = sizeof(packet)};
	struct guest_rx rx[8];

	bed_frame(b, packet, sizeof(packet), from, to);
	f.header = bed_header(b, f.len, to);
	do {
		guest_tx_reclaim(b->side[from].dev, 0);
		guest_tx_frames(b->side[from].dev, 0, &f, 1, 1);
		usleep(1000);
		if (bench_ns() > until)
			bench_die("introducing two guests of layer 3");
	} while (!guest_rx_burst(b->side[to].dev, rx, 8));
	do
		guest_rx_release(b->side[to].dev);
	while (guest_rx_burst(b->side[to].dev, rx, 8));
	guest_tx_reclaim(b->side[from].dev, 0);
}

struct bed *bed_open(const struct bed_config *cfg)
{
	struct vs_switch_config sw = {
		.name = "BENCH", .vlan_aware = true, .native_vid = 1, .mac_protect = true};
	struct bed *b = calloc(1, sizeof(*b));

	b->cfg = *cfg;
	sw.ip = cfg->layer3;
	memcpy(sw.mac, (const uint8_t[]){2, 0x5A, 0xFF, 0, 0, 1}, 6);
	if (cfg->hipers)
		sw = (struct vs_switch_config){.name = "BENCH", .kind = VS_KIND_GUEST_LAN};
	b->sw = vs_switch_create(&sw);
	b->lan = cfg->hipers ? hs_lan_create(HS_MFS_64K, 1) : NULL;
	if (!b->sw || (cfg->hipers && !b->lan))
		bench_die("making a switch");
	for (unsigned i = 0; i < cfg->workers; i++) {
		b->worker[i].w = vs_worker_create();
		b->worker[i].cpu = i ? BENCH_CPU_GUEST : BENCH_CPU_SWITCH;
		if (!b->worker[i].w)
			bench_die("making a worker");
	}
	for (unsigned i = 0; i < cfg->guests; i++)
		side_open(b, i);
	rcu_thread_offline(); /* this thread only drives guests from here on */
	for (unsigned i = 0; i < cfg->workers; i++)
		bed_worker_start(&b->worker[i]);
	bench_pin(BENCH_CPU_GUEST);
	for (unsigned i = 0; cfg->layer3 && i < cfg->guests; i++)
		introduce(b, i, i ^ 1);
	return b;
}

void bed_stop(struct bed *b)
{
	for (unsigned i = 0; i < b->cfg.workers; i++)
		bed_worker_stop(&b->worker[i]);
}

void bed_close(struct bed *b)
{
	bed_stop(b);
	rcu_thread_online();
	for (unsigned i = 0; i < b->cfg.guests; i++) {
		guest_offline(b->side[i].dev);
		guest_dev_destroy(b->side[i].dev);
		plug(b, &b->side[i], NULL);
		vs_port_destroy(b->side[i].port);
		inproc_close(&b->side[i].machine);
	}
	hs_lan_destroy(b->lan);
	vs_switch_destroy(b->sw);
	for (unsigned i = 0; i < b->cfg.workers; i++)
		vs_worker_destroy(b->worker[i].w);
	free(b);
}

unsigned bed_queue(const struct bed *b)
{
	return b->cfg.hipers; /* 1 of 4: spec/qdio.md 10.1 */
}

static void pattern(uint8_t *p, uint32_t from, uint32_t len)
{
	for (uint32_t i = from; i < len; i++)
		p[i] = (uint8_t)(i * 7);
}

static void packet(uint8_t *p, uint32_t len, unsigned from, unsigned to)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	be16_store(p + 2, (uint16_t)len);
	p[8] = 64;
	p[9] = 253; /* for experiments: RFC 3692 */
	be32_store(p + 12, ip_of(from));
	be32_store(p + 16, ip_of(to));
	pattern(p, 20, len);
}

void bed_frame(const struct bed *b, uint8_t *f, uint32_t len, unsigned from, unsigned to)
{
	if (b->cfg.layer3) {
		packet(f, len, from, to);
		return;
	}
	memcpy(f, b->side[to].mac, 6);
	memcpy(f + 6, b->side[from].mac, 6);
	f[12] = 0x88;
	f[13] = 0xB5;
	pattern(f, 14, len);
}

const uint8_t *bed_header(struct bed *b, uint32_t len, unsigned to)
{
	if (!b->cfg.layer3)
		return NULL;
	b->header = (struct osa_l3_hdr){.id = OSA_HDR_LAYER3, .flags = OSA_L3_CAST_UNICAST};
	b->header.len = be16_of((uint16_t)len);
	be32_store(b->header.next_hop4, ip_of(to));
	return (const uint8_t *)&b->header;
}

uint64_t bed_dropped(const struct bed *b)
{
	uint64_t dropped = 0;

	for (unsigned i = 0; i < b->cfg.guests; i++) {
		struct vs_counters c;

		vs_port_counters(b->side[i].port, &c);
		for (unsigned d = 0; d < VS_DROP_COUNT; d++)
			dropped += c.rx_drop[d] + c.tx_drop[d];
	}
	return dropped;
}

#define CALM_NS UINT64_C(1000000000)
#define CALM_POLLS 1000u

void bed_look(const struct bed *b, struct bed_calm *c)
{
	for (unsigned i = 0; i < b->cfg.workers; i++)
		c->seen[i] = atomic_load_explicit(&b->worker[i].polls, memory_order_acquire);
}

bool bed_calm(const struct bed *b, struct bed_calm *c, uint64_t n)
{
	uint64_t now = bench_ns();

	if (n != c->n || !c->since_ns) {
		c->n = n;
		c->since_ns = now;
		memcpy(c->polls, c->seen, sizeof(c->polls));
	}
	for (unsigned i = 0; i < b->cfg.workers; i++)
		if (c->seen[i] - c->polls[i] < CALM_POLLS)
			return false;
	return now - c->since_ns > CALM_NS;
}
