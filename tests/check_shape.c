/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bandwidth with a clock of our own: mean rates from 1 Mbit/s to 10 Gbit/s in both directions,
 * fairness inside a group, classes and guarantees at a full uplink, the order of what waited.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "tests/fakeport.h"
#include "vswitch/vs_priv.h"

#define PORTS 5
#define UP 4	   /* the uplink */
#define FEW 8	   /* frames a fetch yields, to be quick */
#define CONTROL 98 /* to the uplink, as a link protocol */

static uint64_t clock_now;

static uint64_t fake_clock(void)
{
	return clock_now;
}

struct bed {
	struct vs_switch *sw;
	struct vs_worker *w;
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	uint64_t got[PORTS];  /* bytes that arrived */
	uint64_t from[PORTS]; /* bytes at the uplink by source */
	uint32_t load[PORTS]; /* a port sends frames of this length as fast as it may */
	uint16_t to[PORTS];   /* to this port; UP: to an unknown address */
	uint8_t dscp[PORTS], last[6];
	uint8_t tagged_pcp[PORTS]; /* and 8: with a priority tag */
};

static void mac_of(unsigned port, uint8_t mac[6])
{
	const uint8_t m[6] = {0x02, 0, 0, 0, 0, (uint8_t)(port + 1)};

	memcpy(mac, m, 6);
}

static void bed_port(struct bed *b, unsigned i, bool uplink)
{
	struct vs_port_config cfg = {.role = uplink ? VS_ROLE_UPLINK : VS_ROLE_GUEST,
				     .mac_protect = -1};
	struct vs_link l;
	uint8_t mac[6];

	fake_init(&b->fake[i]);
	b->fake[i].burst = FEW;
	b->port[i] = vs_port_create(b->sw, &cfg);
	ck_assert_ptr_nonnull(b->port[i]);
	vs_port_assign(b->port[i], b->w);
	l = vs_port_link(b->port[i]);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[i]), 0);
	mac_of(i, mac);
	if (!uplink)
		ck_assert_int_eq(l.ops->mac_add(l.ctx, mac), 0);
}

static struct bed *bed_make(void)
{
	const struct vs_switch_config cfg = {.name = "S", .vlan_aware = true, .default_vid = 7};
	struct bed *b = calloc(1, sizeof(*b));

	clock_now = 1000000000;
	b->sw = vs_switch_create(&cfg);
	b->w = vs_worker_create();
	ck_assert(b->sw && b->w);
	b->w->clock_ns = fake_clock;
	for (unsigned i = 0; i < PORTS; i++)
		bed_port(b, i, i == UP);
	return b;
}

static void bed_free(struct bed *b)
{
	for (unsigned i = 0; i < PORTS; i++) {
		vs_port_destroy(b->port[i]);
		fake_fini(&b->fake[i]);
	}
	vs_worker_destroy(b->w);
	vs_switch_destroy(b->sw);
	free(b);
}

static void send_one(struct bed *b, unsigned from, unsigned to, uint32_t len, unsigned seed)
{
	static const uint8_t control[6] = {0x01, 0x80, 0xC2, 0, 0, 0x21};
	uint8_t frame[FAKE_BYTES], src[6], dst[6];

	mac_of(from, src);
	mac_of(to == UP ? 99 : to, dst);
	if (to == CONTROL)
		memcpy(dst, control, 6);
	fake_frame(frame, dst, src, b->tagged_pcp[from] ? (b->tagged_pcp[from] & 7) << 13 : -1, len,
		   seed);
	if (b->dscp[from]) {
		frame[12] = 0x08;
		frame[13] = 0x00;
		frame[15] = (uint8_t)(b->dscp[from] << 2);
	}
	fake_inject(&b->fake[from], frame, len);
}

static void collect(struct bed *b, unsigned i)
{
	struct fake_port *f = &b->fake[i];

	for (unsigned k = 0; k < f->n_out; k++) {
		b->got[i] += f->out[k].len;
		if (i == UP)
			b->from[f->out[k].data[11] - 1] += f->out[k].len - 4; /* tag */
	}
	fake_clear(f);
}

/* Let time pass in steps; loaded ports always have frames. */
static void run(struct bed *b, uint64_t ns, uint64_t step_ns)
{
	for (uint64_t end = clock_now + ns; clock_now < end; clock_now += step_ns) {
		for (unsigned i = 0; i < PORTS; i++) {
			struct fake_port *f = &b->fake[i];

			if (f->at_in == f->n_in)
				f->at_in = f->n_in = 0;
			while (b->load[i] && f->n_in < 128)
				send_one(b, i, b->to[i], b->load[i], 1);
		}
		vs_worker_poll(b->w);
		for (unsigned i = 0; i < PORTS; i++)
			collect(b, i);
	}
}

static void shape(struct bed *b, unsigned i, struct vs_port_shaping s)
{
	ck_assert_int_eq(vs_port_shape(b->port[i], &s), 0);
}

static void within(const char *what, double got, double want, double percent)
{
	double off = (got / want - 1) * 100;

	ck_assert_msg(off <= percent && off >= -percent, "%s: %.0f, not %.0f: %.2f %% off", what,
		      got, want, off);
}

static const struct {
	uint64_t bps;
	uint32_t len;
	uint64_t ns, step_ns;
} rates[] = {
	{1000000, 1514, 3000000000, 500000}, {1000000, 64, 3000000000, 500000},
	{10000000, 600, 1000000000, 100000}, {100000000, 1514, 200000000, 50000},
	{1000000000, 1514, 40000000, 20000}, {10000000000, 1514, 8000000, 4000},
};

static double bits(uint64_t bytes)
{
	return (double)bytes * 8;
}

/* After the first burst the mean is the rate. */
START_TEST(rate_in)
{
	struct bed *b = bed_make();
	const struct vs_port_shaping s = {.in = {.bps = rates[_i].bps}};
	struct vs_counters c;
	double want = (double)rates[_i].bps * (double)rates[_i].ns / 1e9;

	shape(b, 0, s);
	b->load[0] = rates[_i].len;
	b->to[0] = 1;
	run(b, rates[_i].ns / 10, rates[_i].step_ns);
	/* Until the burst is spent. */
	run(b, rates[_i].bps == 1000000 ? 400000000 : 8000000, rates[_i].step_ns);
	b->got[1] = 0;
	run(b, rates[_i].ns, rates[_i].step_ns);
	within("in", bits(b->got[1]), want, 1);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_RATE_QUEUE], 0);
	bed_free(b);
}
END_TEST

START_TEST(rate_out)
{
	struct bed *b = bed_make();
	struct vs_port_shaping s = {.out = {.bps = rates[_i].bps}};
	double want = (double)rates[_i].bps * (double)rates[_i].ns / 1e9;
	struct vs_counters c, in;

	shape(b, 1, s);
	b->load[0] = rates[_i].len;
	b->to[0] = 1;
	run(b, rates[_i].ns / 10, rates[_i].step_ns);
	/* Until the burst is spent. */
	run(b, rates[_i].bps == 1000000 ? 400000000 : 8000000, rates[_i].step_ns);
	b->got[1] = 0;
	run(b, rates[_i].ns, rates[_i].step_ns);
	within("out", bits(b->got[1]), want, 1);
	vs_port_counters(b->port[1], &c);
	vs_port_counters(b->port[0], &in);
	ck_assert_uint_gt(c.tx_drop[VS_DROP_RATE_QUEUE], 0);
	/* Every frame arrived, was dropped, or waits. */
	{
		struct vs_shaping_state st;

		vs_port_shaping_state(b->port[1], &st);
		ck_assert_uint_eq(c.tx_frames + c.tx_drop[VS_DROP_RATE_QUEUE] + st.frames,
				  in.rx_frames);
	}
	/* Without the rate nothing stays behind, and what waited is counted. */
	s.out.bps = 0;
	shape(b, 1, s);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_frames + c.tx_drop[VS_DROP_RATE_QUEUE], in.rx_frames);
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	b->got[1] = 0;
	run(b, 1000000, 1000);
	within("off", (double)b->got[1], 1000.0 * FEW * rates[_i].len, 1);
	bed_free(b);
}
END_TEST

/* A rate changed under load counts at once. */
START_TEST(stopped_with_a_queue)
{
	struct bed *b = bed_make();
	struct vs_link l = vs_port_link(b->port[1]);
	struct vs_counters c, in;

	shape(b, 1, (struct vs_port_shaping){.out = {.bps = 10000000}});
	b->load[0] = 1000;
	b->to[0] = 1;
	run(b, 100000000, 20000);
	l.ops->stop(l.ctx);
	vs_port_counters(b->port[1], &c);
	vs_port_counters(b->port[0], &in);
	ck_assert_uint_gt(c.tx_drop[VS_DROP_TX_DOWN], 0);
	ck_assert_uint_eq(c.tx_frames + c.tx_drop[VS_DROP_RATE_QUEUE] + c.tx_drop[VS_DROP_TX_DOWN],
			  in.rx_frames);
	bed_free(b);
}
END_TEST

/* Who takes another's place sends what waits when it is handed over, not before. */
START_TEST(handed_over)
{
	struct bed *b = bed_make();
	struct vs_port *old = b->port[1], *p = b->port[2];
	struct vs_shaping_state st;
	uint64_t waited;

	shape(b, 1, (struct vs_port_shaping){.out = {.bps = 10000000}});
	b->load[0] = 1000;
	b->to[0] = 1;
	run(b, 100000000, 20000);
	vs_port_shaping_state(old, &st);
	waited = st.frames;
	clock_now += 1000000000;
	shape_share(old, p);
	ck_assert_uint_eq(shape_forward(b->w, p, atomic_load(&p->shaper)), 0);
	shape_hand_over(old, p);
	ck_assert_ptr_null(atomic_load(&old->shaper));
	ck_assert_uint_gt(shape_forward(b->w, p, atomic_load(&p->shaper)), 0);
	collect(b, 2);
	vs_port_shaping_state(p, &st);
	ck_assert_uint_eq(b->got[2], 1000 * (waited - st.frames));
	bed_free(b);
}
END_TEST

START_TEST(rate_changes)
{
	struct bed *b = bed_make();

	b->load[0] = 1000;
	b->to[0] = 1;
	for (uint64_t bps = 10000000; bps <= 160000000; bps *= 2) {
		shape(b, 0, (struct vs_port_shaping){.in = {.bps = bps, .burst = 4000}});
		b->got[1] = 0;
		run(b, 300000000, 20000);
		within("changed", bits(b->got[1]), (double)bps * 0.3, 2);
	}
	bed_free(b);
}
END_TEST

/* Three ports of a group get the same, whatever their frames; one that is slower by itself leaves
 * the rest to the others. */
START_TEST(group_is_fair)
{
	struct bed *b = bed_make();
	struct vs_rate_group *g = vs_rate_group_create();
	const uint64_t bps = rates[_i].bps;
	double all = (double)bps * (double)rates[_i].ns / 1e9;
	uint64_t sum = 0;

	vs_rate_group_set(g, &(struct vs_rate){.bps = bps, .burst = 100000}, &(struct vs_rate){0});
	for (unsigned i = 0; i < 3; i++) {
		shape(b, i, (struct vs_port_shaping){.group = g});
		b->load[i] = i == 0 ? 1514 : i == 1 ? 64 : 700;
		b->to[i] = UP;
		b->fake[i].burst = VS_BURST;
	}
	run(b, rates[_i].ns / 5, rates[_i].step_ns);
	memset(b->from, 0, sizeof(b->from));
	run(b, rates[_i].ns, rates[_i].step_ns);
	for (unsigned i = 0; i < 3; i++) {
		within("share", bits(b->from[i]), all / 3, 5);
		sum += b->from[i];
	}
	within("sum", bits(sum), all, 2);
	/* Port 0 has a rate of its own: a tenth. */
	shape(b, 0, (struct vs_port_shaping){.group = g, .in = {.bps = bps / 10, .burst = 1600}});
	run(b, rates[_i].ns / 5, rates[_i].step_ns);
	memset(b->from, 0, sizeof(b->from));
	run(b, rates[_i].ns, rates[_i].step_ns);
	within("limited", bits(b->from[0]), all / 10, 5);
	within("other", bits(b->from[1]), all * 0.45, 5);
	/* Port 1 falls silent. */
	b->load[1] = 0;
	run(b, rates[_i].ns / 5, rates[_i].step_ns);
	memset(b->from, 0, sizeof(b->from));
	run(b, rates[_i].ns, rates[_i].step_ns);
	within("alone", bits(b->from[2]), all * 0.9, 3);
	for (unsigned i = 0; i < 3; i++)
		shape(b, i, (struct vs_port_shaping){0});
	vs_rate_group_destroy(g);
	bed_free(b);
}
END_TEST

START_TEST(group_out_is_fair)
{
	struct bed *b = bed_make();
	struct vs_rate_group *g = vs_rate_group_create();
	const double all = 50e6 * 0.5;

	vs_rate_group_set(g, &(struct vs_rate){0}, &(struct vs_rate){.bps = 50000000});
	for (unsigned i = 1; i < 3; i++)
		shape(b, i, (struct vs_port_shaping){.group = g});
	b->load[0] = 1514;
	b->to[0] = 1;
	b->load[3] = 400;
	b->to[3] = 2;
	run(b, 100000000, 50000);
	b->got[1] = b->got[2] = 0;
	run(b, 500000000, 50000);
	within("one", bits(b->got[1]), all / 2, 5);
	within("two", bits(b->got[2]), all / 2, 5);
	within("both", bits(b->got[1] + b->got[2]), all, 2);
	for (unsigned i = 1; i < 3; i++)
		shape(b, i, (struct vs_port_shaping){0});
	vs_rate_group_destroy(g);
	bed_free(b);
}
END_TEST

/* A member that has nothing to send or to get is waited for by nobody: one that got a frame, and
 * one whose worker sleeps. */
START_TEST(group_does_not_wait_for_the_idle)
{
	struct bed *b = bed_make();
	struct vs_rate_group *g = vs_rate_group_create();
	struct vs_worker *w = vs_worker_create();

	w->clock_ns = fake_clock;
	vs_rate_group_set(g, &(struct vs_rate){.bps = 50000000},
			  &(struct vs_rate){.bps = 50000000});
	for (unsigned i = 1; i < 3; i++)
		shape(b, i, (struct vs_port_shaping){.group = g});
	if (_i) {
		vs_port_assign(b->port[2], w);
		vs_worker_poll(w);
		ck_assert(!vs_worker_arm(w));
	} else {
		send_one(b, 0, 2, 100, 1);
	}
	b->load[_i ? 1 : 0] = 1514;
	b->to[_i ? 1 : 0] = _i ? 0 : 1;
	run(b, 100000000, 50000);
	b->got[0] = b->got[1] = 0;
	run(b, 500000000, 50000);
	within("all", bits(b->got[_i ? 0 : 1]), 50e6 * 0.5, 2);
	for (unsigned i = 1; i < 3; i++)
		shape(b, i, (struct vs_port_shaping){0});
	vs_port_assign(b->port[2], b->w);
	vs_worker_destroy(w);
	vs_rate_group_destroy(g);
	bed_free(b);
}
END_TEST

/* Guests send what looks like control frames: a few of them go first, a flood is a HIGH one. */
START_TEST(control_does_not_starve)
{
	struct bed *b = bed_make();
	const double all = 100e6 * 0.5 * 1000 / 1004;

	shape(b, UP,
	      (struct vs_port_shaping){.out = {.bps = 100000000}, .priority = VS_PRIORITY_PORT});
	b->load[0] = b->load[1] = 1000;
	b->to[0] = CONTROL;
	b->to[1] = UP;
	run(b, 100000000, 50000);
	memset(b->from, 0, sizeof(b->from));
	run(b, 500000000, 50000);
	within("control", bits(b->from[0]), all * 16 / 20, 5);
	within("normal", bits(b->from[1]), all * 4 / 20, 10);
	bed_free(b);
}
END_TEST

/* A full uplink: HIGH, NORMAL and LOW share 16:4:1, by the port, DSCP or PCP. */
START_TEST(classes_share)
{
	struct bed *b = bed_make();
	const double all = 100e6 * 0.5 * 1000 / 1004; /* without tags */
	static const uint8_t dscp[3] = {8, 10, 46}, pcp[3] = {1, 0, 5};
	static const enum vs_priority by[3] = {VS_PRIORITY_PORT, VS_PRIORITY_DSCP, VS_PRIORITY_PCP};

	shape(b, UP, (struct vs_port_shaping){.out = {.bps = 100000000}, .priority = by[_i]});
	for (unsigned i = 0; i < 3; i++) {
		if (_i == 1)
			b->dscp[i] = dscp[i];
		else if (_i == 2)
			b->tagged_pcp[i] = 8 | pcp[i];
		else
			shape(b, i, (struct vs_port_shaping){.class = (enum vs_class)i});
		b->load[i] = 1000;
		b->to[i] = UP;
	}
	run(b, 100000000, 50000);
	memset(b->from, 0, sizeof(b->from));
	run(b, 500000000, 50000);
	within("low", bits(b->from[0]), all / 21, 5);
	within("normal", bits(b->from[1]), all * 4 / 21, 5);
	within("high", bits(b->from[2]), all * 16 / 21, 5);
	bed_free(b);
}
END_TEST

/* A LOW port with a guarantee has it beside a HIGH one. */
START_TEST(guarantee_holds)
{
	struct bed *b = bed_make();

	shape(b, UP, (struct vs_port_shaping){.out = {.bps = 100000000}});
	shape(b, 0, (struct vs_port_shaping){.class = VS_CLASS_LOW, .guarantee_bps = 30000000});
	shape(b, 1, (struct vs_port_shaping){.class = VS_CLASS_HIGH});
	shape(b, UP,
	      (struct vs_port_shaping){.out = {.bps = 100000000}, .priority = VS_PRIORITY_PORT});
	for (unsigned i = 0; i < 2; i++) {
		b->load[i] = 1000;
		b->to[i] = UP;
	}
	run(b, 100000000, 50000);
	memset(b->from, 0, sizeof(b->from));
	run(b, 500000000, 50000);
	ck_assert_msg((double)b->from[0] * 8 > 0.98 * 15e6, "guarantee: %llu bits",
		      (unsigned long long)b->from[0] * 8);
	within("all", bits(b->from[0] + b->from[1]), 50e6 * 1000 / 1004, 2);
	bed_free(b);
}
END_TEST

/* What the uplink's device refuses waits, keeps its order, and lets control frames pass. */
START_TEST(refused_frames_wait)
{
	struct bed *b = bed_make();
	struct fake_port *up = &b->fake[UP];
	struct vs_counters c;

	shape(b, UP, (struct vs_port_shaping){.priority = VS_PRIORITY_PORT});
	up->room = 3;
	b->fake[0].burst = VS_BURST;
	for (unsigned i = 0; i < 50; i++)
		send_one(b, 0, UP, 60 + i, i);
	vs_worker_poll(b->w);
	ck_assert_uint_eq(up->n_out, 3);
	for (unsigned i = 50; i < 60; i++)
		send_one(b, 0, UP, 60 + i, i);
	up->room = 4; /* room, but it is not their turn: the others wait longer */
	vs_worker_poll(b->w);
	up->room = FAKE_FRAMES;
	for (unsigned k = 0; k < 3; k++, clock_now += 100000)
		vs_worker_poll(b->w);
	ck_assert_uint_eq(up->n_out, 60);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_uint_eq(up->out[i].len, 64 + i); /* with its tag */
	vs_port_counters(b->port[UP], &c);
	ck_assert_uint_eq(c.tx_frames, 60);
	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		ck_assert_uint_eq(c.tx_drop[d], 0);
	bed_free(b);
}
END_TEST

/* Asleep until the next frame may go, and not polled before. */
START_TEST(worker_sleeps_until_due)
{
	struct bed *b = bed_make();
	uint64_t ns;

	shape(b, 0, (struct vs_port_shaping){.in = {.bps = 1000000, .burst = 1000}});
	for (unsigned i = 0; i < 10; i++)
		send_one(b, 0, 1, 1000, i);
	vs_worker_poll(b->w); /* the burst; then a debt */
	vs_worker_poll(b->w);
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	ck_assert(!vs_worker_arm(b->w));
	ns = vs_worker_patience(b->w);
	ck_assert_uint_ge(ns, 1000);
	ck_assert_uint_le(ns, 9000000);
	clock_now += ns;
	vs_worker_disarm(b->w);
	ck_assert_uint_gt(vs_worker_poll(b->w), 0);
	shape(b, 0, (struct vs_port_shaping){0});
	ck_assert(vs_worker_arm(b->w));
	ck_assert_uint_eq(vs_worker_patience(b->w), UINT64_MAX);
	bed_free(b);
}
END_TEST

START_TEST(vlan_rate)
{
	struct bed *b = bed_make();
	const struct vs_rate none = {0}, some = {.bps = 20000000};
	struct vs_counters c;

	ck_assert_int_eq(vs_vlan_rate(b->sw, 7, _i ? &none : &some, _i ? &some : &none), 0);
	for (unsigned i = 0; i < 2; i++) {
		b->load[i] = 1000;
		b->to[i] = (uint16_t)(2 + i);
	}
	run(b, 100000000, 100000);
	b->got[2] = b->got[3] = 0;
	run(b, 500000000, 100000);
	within("vlan", bits(b->got[2] + b->got[3]), 10e6, 2);
	vs_port_counters(b->port[_i ? 2 : 0], &c);
	ck_assert_uint_gt((_i ? c.tx_drop : c.rx_drop)[VS_DROP_RATE_VLAN], 0);
	ck_assert_int_eq(vs_vlan_rate(b->sw, 7, &none, &none), 0);
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	ck_assert_int_lt(vs_vlan_rate(b->sw, 0, &some, &some), 0);
	bed_free(b);
}
END_TEST

/* ---- counters of VLANs, a mirror -------------------------------------------------------- */

START_TEST(vlan_counters)
{
	struct bed *b = bed_make();
	struct vs_vlan_counters c;

	send_one(b, 0, 1, 100, 1);
	vs_worker_poll(b->w);
	ck_assert(!vs_vlan_counters(b->sw, 7, &c)); /* off at first */
	ck_assert_int_eq(vs_switch_vlan_counters(b->sw, true), 0);
	for (unsigned i = 0; i < 5; i++)
		send_one(b, 0, 1, 100, 1);
	vs_worker_poll(b->w);
	ck_assert(vs_vlan_counters(b->sw, 7, &c));
	ck_assert_uint_eq(c.in_frames, 5);
	ck_assert_uint_eq(c.in_bytes, 500);
	ck_assert_uint_eq(c.out_frames, 5);
	ck_assert_uint_eq(c.out_bytes, 500);
	ck_assert(!vs_vlan_counters(b->sw, 8, &c));
	ck_assert_int_eq(vs_switch_vlan_counters(b->sw, false), 0);
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	bed_free(b);
}
END_TEST

/* Frames 0 to 1, 1 to 0, 2 to 3, 0 to the uplink: which of them port 3 is shown. */
START_TEST(mirrors)
{
	static const struct {
		int from; /* -1: every port */
		uint16_t vid;
		bool in, out;
		unsigned want; /* of frames of 101, 102, 103, 104 bytes; 3 gets 103 by itself */
	} row[] = {
		{-1, 0, true, true, 15},  {-1, 7, true, false, 15}, {-1, 8, true, true, 4},
		{0, 0, true, false, 13},  {0, 0, false, true, 6},   {0, 0, true, true, 15},
		{UP, 0, false, true, 12}, {UP, 0, true, false, 4},  {1, 7, true, true, 7},
	};
	struct bed *b = bed_make();
	struct vs_mirror m = {.to = b->port[3],
			      .from = row[_i].from < 0 ? NULL : b->port[row[_i].from],
			      .vid = row[_i].vid,
			      .in = row[_i].in,
			      .out = row[_i].out};
	unsigned got = 0;

	ck_assert_int_eq(vs_switch_mirror(b->sw, &m), 0);
	send_one(b, 0, 1, 101, 1);
	send_one(b, 1, 0, 102, 1);
	send_one(b, 2, 3, 103, 1);
	send_one(b, 0, UP, 104, 1);
	send_one(b, 3, 0, 105, 1); /* the sniffer's own is not shown to it */
	for (unsigned k = 0; k < 3; k++)
		vs_worker_poll(b->w);
	for (unsigned k = 0; k < b->fake[3].n_out; k++) {
		unsigned bit = 1u << (b->fake[3].out[k].len - 101);

		ck_assert_msg(!(got & bit), "shown twice: %u", b->fake[3].out[k].len);
		got |= bit;
	}
	ck_assert_uint_eq(got, row[_i].want);
	/* Others get what they always get. */
	ck_assert_uint_eq(b->fake[1].n_out, 1);
	ck_assert_uint_eq(b->fake[0].n_out, 2);
	ck_assert_uint_eq(b->fake[2].n_out, 0);
	ck_assert_uint_eq(b->fake[UP].n_out, 1);
	vs_port_destroy(b->port[3]);
	b->port[3] = NULL;
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shape");
	TCase *t = tcase_create("shape");
	SRunner *sr;
	int failed, n = sizeof(rates) / sizeof(rates[0]);

	rcu_register_thread();
	rcu_thread_offline();
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, rate_in, 0, n);
	tcase_add_loop_test(t, rate_out, 0, n);
	tcase_add_test(t, rate_changes);
	tcase_add_test(t, stopped_with_a_queue);
	tcase_add_test(t, handed_over);
	tcase_add_loop_test(t, group_is_fair, 2, n);
	tcase_add_test(t, group_out_is_fair);
	tcase_add_loop_test(t, group_does_not_wait_for_the_idle, 0, 2);
	tcase_add_test(t, control_does_not_starve);
	tcase_add_loop_test(t, classes_share, 0, 3);
	tcase_add_test(t, guarantee_holds);
	tcase_add_test(t, refused_frames_wait);
	tcase_add_test(t, worker_sleeps_until_due);
	tcase_add_loop_test(t, vlan_rate, 0, 2);
	tcase_add_test(t, vlan_counters);
	tcase_add_loop_test(t, mirrors, 0, 9);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_NOFORK);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
