/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates with traffic: guests send over QDIO, by the driver of guest/, as fast as their queues take
 * it; adapters, switch and shaper are the real ones. Time is the test's, a step for each turn of
 * the worker, so that 10 Gbit/s are 10 Gbit/s on any machine.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "tests/inproc.h"
#include "vswitch/vs_priv.h"

#define MEMBERS 3u
#define GUESTS (MEMBERS + 1)
#define TURN_FRAMES 2u	/* that the rate lets pass in a turn */
#define SEND_FRAMES 32u /* offered in a turn */
#define WARM_TURNS 1000u
#define TURNS 3000u

static uint64_t clock_now;

static uint64_t fake_clock(void)
{
	return clock_now;
}

struct side {
	struct inproc machine;
	struct guest_dev *dev;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];
};

struct bed {
	struct vs_switch *sw;
	struct vs_worker *w;
	struct side side[GUESTS];
	uint8_t frame[1514];
	uint64_t sent, got, bytes[GUESTS][GUESTS]; /* from, to */
};

static void side_open(struct bed *b, unsigned i)
{
	struct side *s = &b->side[i];
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config guest = {.pci_at = 200};
	struct vs_port_config port = {.role = VS_ROLE_GUEST, .access_vid = 10, .mac_protect = 1};
	struct guest_machine m;

	ck_assert_int_eq(inproc_open(&s->machine, &osa, &guest), 0);
	s->machine.siga_noop = true;
	memcpy(s->mac, osa.mac, 6);
	memcpy(port.own_mac, osa.mac, 6);
	snprintf(port.name, sizeof(port.name), "GUEST%u", i);
	s->port = vs_port_create(b->sw, &port);
	s->dev = guest_dev_create(&guest, &s->machine.st);
	ck_assert(s->port && s->dev);
	vs_port_assign(s->port, b->w);
	s->link = vs_port_link(s->port);
	osa_set_link(s->machine.osa, &s->link);
	inproc_machine(&s->machine, &m);
	guest_dev_connect(s->dev, &m);
	ck_assert_int_eq(guest_online(s->dev), 0);
}

static struct bed *bed_make(void)
{
	const struct vs_switch_config cfg = {
		.name = "S", .vlan_aware = true, .native_vid = 1, .mac_protect = true};
	struct bed *b = calloc(1, sizeof(*b));

	clock_now = 1000000000;
	b->sw = vs_switch_create(&cfg);
	b->w = vs_worker_create();
	ck_assert(b->sw && b->w);
	b->w->clock_ns = fake_clock;
	for (unsigned i = 0; i < GUESTS; i++)
		side_open(b, i);
	return b;
}

static void bed_free(struct bed *b)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		guest_offline(b->side[i].dev);
		guest_dev_destroy(b->side[i].dev);
		osa_set_link(b->side[i].machine.osa, NULL);
		vs_port_destroy(b->side[i].port);
		inproc_close(&b->side[i].machine);
	}
	vs_worker_destroy(b->w);
	vs_switch_destroy(b->sw);
	free(b);
}

static void send(struct bed *b, unsigned from, unsigned to, uint32_t len)
{
	struct guest_frame f[SEND_FRAMES];

	memcpy(b->frame, b->side[to].mac, 6);
	memcpy(b->frame + 6, b->side[from].mac, 6);
	b->frame[12] = 0x88;
	b->frame[13] = 0xB5;
	for (unsigned i = 0; i < SEND_FRAMES; i++)
		f[i] = (struct guest_frame){.data = b->frame, .len = len};
	guest_tx_reclaim(b->side[from].dev, 0);
	b->sent += guest_tx_frames(b->side[from].dev, 0, f, SEND_FRAMES, 4);
}

static void receive(struct bed *b, unsigned to)
{
	struct guest_rx rx[64];
	unsigned n;

	while ((n = guest_rx_burst(b->side[to].dev, rx, 64))) {
		for (unsigned i = 0; i < n; i++)
			for (unsigned from = 0; from < GUESTS; from++)
				if (!memcmp(rx[i].data + 6, b->side[from].mac, 6))
					b->bytes[from][to] += rx[i].len;
		b->got += n;
		guest_rx_release(b->side[to].dev);
	}
}

/* Who sends to whom, frames of which length; as many turns of so many nanoseconds. */
struct load {
	unsigned n;
	struct {
		unsigned from, to;
		uint32_t len;
	} lane[MEMBERS];
};

static void run(struct bed *b, const struct load *l, unsigned turns, uint64_t step_ns)
{
	memset(b->bytes, 0, sizeof(b->bytes));
	for (unsigned t = 0; t < turns; t++, clock_now += step_ns) {
		/* Another first each time: the queue of one who sends to all may be full. */
		for (unsigned i = 0; i < l->n; i++) {
			unsigned k = (i + t) % l->n;

			send(b, l->lane[k].from, l->lane[k].to, l->lane[k].len);
		}
		vs_worker_poll(b->w);
		rcu_quiescent_state();
		for (unsigned i = 0; i < GUESTS; i++)
			receive(b, i);
	}
}

static void within(const char *what, double got, double want, double percent)
{
	double off = (got / want - 1) * 100;

	ck_assert_msg(off <= percent && off >= -percent, "%s: %.0f, not %.0f: %.2f %% off", what,
		      got, want, off);
}

/* Every frame has arrived, or was dropped and counted, once nothing holds them back. */
static void all_accounted_for(struct bed *b)
{
	const struct load nobody = {0};
	uint64_t dropped = 0;

	run(b, &nobody, 2000, 10000);
	for (unsigned i = 0; i < GUESTS; i++) {
		struct vs_counters c;

		vs_port_counters(b->side[i].port, &c);
		for (unsigned d = 0; d < VS_DROP_COUNT; d++)
			dropped += c.rx_drop[d] + c.tx_drop[d];
	}
	ck_assert_uint_eq(b->sent, b->got + dropped);
}

static const struct {
	uint64_t bps;
	uint32_t len, burst;
} rates[] = {
	{1000000, 128, 0},	{1000000, 1514, 3000},	       {10000000, 512, 0},
	{100000000, 1514, 0},	{1000000000, 1514, 0},	       {1000000000, 1514, 65536},
	{10000000000, 1514, 0}, {10000000000, 1514, 1u << 20},
};
#define N_RATES (int)(sizeof(rates) / sizeof(rates[0]))

static uint64_t step_of(uint64_t bps, uint32_t len)
{
	return TURN_FRAMES * len * UINT64_C(8000000000) / bps;
}

/* _i: a rate, in and out. The burst is spent before it counts. */
START_TEST(rate_of_a_guest)
{
	const uint64_t bps = rates[_i / 2].bps;
	const uint32_t len = rates[_i / 2].len;
	const struct vs_rate set = {.bps = bps, .burst = rates[_i / 2].burst};
	const bool out = _i & 1;
	const struct load l = {1, {{0, MEMBERS, len}}};
	struct vs_port_shaping s = {0};
	struct bed *b = bed_make();
	struct vs_port *p = b->side[out ? MEMBERS : 0].port;
	uint64_t step = step_of(bps, len);
	uint32_t burst = set.burst ? set.burst : vs_rate_burst(bps);

	*(out ? &s.out : &s.in) = set;
	ck_assert_int_eq(vs_port_shape(p, &s), 0);
	/* At first the burst goes at once, and no more than a fetch besides. */
	run(b, &l, 1 + burst / (SEND_FRAMES * len) * 2, 0);
	ck_assert_uint_ge(b->bytes[0][MEMBERS], burst);
	ck_assert_uint_le(b->bytes[0][MEMBERS], burst + VS_BURST * len);
	run(b, &l, WARM_TURNS, step);
	run(b, &l, TURNS, step);
	within(out ? "out" : "in", (double)b->bytes[0][MEMBERS], (double)TURNS * TURN_FRAMES * len,
	       2);
	*(out ? &s.out : &s.in) = (struct vs_rate){.bps = UINT64_C(1000000000000)};
	ck_assert_int_eq(vs_port_shape(p, &s), 0);
	all_accounted_for(b);
	bed_free(b);
}
END_TEST

static const uint64_t group_rates[] = {50000000, 1000000000, 10000000000};
#define N_GROUPS (int)(sizeof(group_rates) / sizeof(group_rates[0]))

/* _i: a rate, in and out. Members with frames of different lengths get the same bytes. */
START_TEST(group_of_guests)
{
	const uint64_t bps = group_rates[_i / 2];
	const struct vs_rate set = {.bps = bps}, none = {0},
			     high = {.bps = UINT64_C(1000000000000)};
	const bool out = _i & 1;
	struct load l = {.n = MEMBERS};
	struct vs_rate_group *g = vs_rate_group_create();
	struct bed *b = bed_make();
	uint64_t step = step_of(bps, 1514);
	double all = (double)TURNS * TURN_FRAMES * 1514, sum = 0;

	vs_rate_group_set(g, out ? &none : &set, out ? &set : &none);
	for (unsigned m = 0; m < MEMBERS; m++) {
		const struct vs_port_shaping s = {.group = g};

		ck_assert_int_eq(vs_port_shape(b->side[m].port, &s), 0);
		l.lane[m].from = out ? MEMBERS : m;
		l.lane[m].to = out ? m : MEMBERS;
		l.lane[m].len = 1514u >> m;
	}
	run(b, &l, WARM_TURNS + vs_rate_burst(bps) / (TURN_FRAMES * 1514), step);
	run(b, &l, TURNS, step);
	for (unsigned m = 0; m < MEMBERS; m++) {
		double bytes = (double)b->bytes[l.lane[m].from][l.lane[m].to];

		within("share", bytes, all / MEMBERS, 5);
		sum += bytes;
	}
	within("all", sum, all, 2);
	vs_rate_group_set(g, out ? &none : &high, out ? &high : &none);
	all_accounted_for(b);
	for (unsigned m = 0; m < MEMBERS; m++)
		ck_assert_int_eq(vs_port_shape(b->side[m].port, &(struct vs_port_shaping){0}), 0);
	bed_free(b);
	vs_rate_group_destroy(g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rates");
	TCase *t = tcase_create("traffic");
	SRunner *r;
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, rate_of_a_guest, 0, 2 * N_RATES);
	tcase_add_loop_test(t, group_of_guests, 0, 2 * N_GROUPS);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	rcu_unregister_thread();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
