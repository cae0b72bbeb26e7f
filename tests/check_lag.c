/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An uplink of several devices: how frames are spread, that a member's loss and a plan lose and
 * reorder nothing, standby members, and the hash against a second implementation of it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "tests/fakeport.h"
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#define MEMBERS 3
#define GUEST MEMBERS /* index of the guest's port */
#define PORTS (MEMBERS + 1)
#define FLOWS 200

static const uint8_t guest_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 99};
static const uint8_t lacp_mac[6] = {0x01, 0x80, 0xC2, 0, 0, 0x02};
static const uint8_t mvrp_mac[6] = {0x01, 0x80, 0xC2, 0, 0, 0x21};

struct bed {
	struct vs_switch *sw;
	struct vs_worker *w;
	struct vs_port *uplink;
	struct vs_lag *lag;
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	uint32_t next[FLOWS]; /* sequence numbers of conversations: to send */
	uint32_t seen[FLOWS]; /* and to arrive */
	unsigned arrived, reordered;
};

static struct vs_port *make_port(struct bed *b, unsigned i, enum vs_port_role role)
{
	struct vs_port_config cfg = {.role = role, .type = VS_TYPE_TRUNK, .mac_protect = -1};
	struct vs_port *p;

	snprintf(cfg.name, sizeof(cfg.name), "port%u", i);
	vs_vidset_add(&cfg.vids, 1);
	vs_vidset_add(&cfg.vids, 10);
	p = vs_port_create(b->sw, &cfg);
	ck_assert_ptr_nonnull(p);
	if (role != VS_ROLE_UPLINK) {
		struct vs_link l = vs_port_link(p);

		fake_init(&b->fake[i]);
		vs_port_assign(p, b->w);
		ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[i]), 0);
		if (role == VS_ROLE_GUEST)
			ck_assert_int_eq(l.ops->mac_add(l.ctx, guest_mac), 0);
	}
	return p;
}

static struct bed *bed_make(unsigned used)
{
	struct vs_switch_config cfg = {
		.name = "S", .kind = VS_KIND_VSWITCH, .vlan_aware = true, .native_vid = 1};
	struct bed *b = calloc(1, sizeof(*b));

	b->sw = vs_switch_create(&cfg);
	b->w = vs_worker_create();
	b->uplink = make_port(b, 0, VS_ROLE_UPLINK);
	b->lag = vs_lag_create(b->uplink, 42);
	ck_assert_ptr_nonnull(b->lag);
	b->port[GUEST] = make_port(b, GUEST, VS_ROLE_GUEST);
	for (unsigned i = 0; i < MEMBERS; i++) {
		b->port[i] = make_port(b, i, VS_ROLE_MEMBER);
		vs_lag_join(b->lag, i, b->port[i]);
		if (i < used)
			vs_lag_use(b->lag, i, true, true);
	}
	if (used > 1)
		for (unsigned i = 0; i < 2 * MEMBERS; i++)
			for (unsigned m = vs_lag_plan(b->lag, false); m; m &= m - 1)
				vs_lag_flushed(b->lag, (unsigned)__builtin_ctz(m));
	return b;
}

static void bed_free(struct bed *b)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		vs_lag_leave(b->lag, i);
	for (unsigned i = 0; i < PORTS; i++) {
		vs_port_destroy(b->port[i]);
		fake_fini(&b->fake[i]);
	}
	vs_lag_destroy(b->lag);
	vs_port_destroy(b->uplink);
	vs_switch_destroy(b->sw);
	vs_worker_destroy(b->w);
	free(b);
}

static void run(struct bed *b)
{
	while (vs_worker_poll(b->w))
		rcu_quiescent_state();
}

/* The next frame of a conversation: UDP over IPv4, told apart by its source port. */
static void send_flow(struct bed *b, unsigned flow)
{
	uint8_t f[100] = {0};

	memcpy(f, far_mac, 6);
	memcpy(f + 6, guest_mac, 6);
	memcpy(f + 12, "\x08\x00\x45", 3); /* NOLINT(bugprone-not-null-terminated-result) */
	f[23] = 17;
	f[34] = (uint8_t)(flow >> 8);
	f[35] = (uint8_t)flow;
	memcpy(f + 80, &b->next[flow], 4);
	b->next[flow]++;
	ck_assert_ptr_nonnull(fake_inject(&b->fake[GUEST], f, sizeof(f)));
}

/* Take what left by a member, in the order of leaving; count what came too early. */
static void collect_from(struct bed *b, unsigned i)
{
	for (unsigned k = 0; k < b->fake[i].n_out; k++) {
		const uint8_t *f = b->fake[i].out[k].data;
		unsigned flow = (unsigned)f[34] << 8 | f[35];
		uint32_t n;

		memcpy(&n, f + 80, 4);
		ck_assert_uint_lt(flow, FLOWS);
		b->reordered += n < b->seen[flow];
		b->seen[flow] = n + 1;
		b->arrived++;
	}
	fake_clear(&b->fake[i]);
}

static void collect(struct bed *b)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		collect_from(b, i);
}

static uint64_t tx_down(const struct bed *b)
{
	struct vs_counters c;

	vs_port_counters(b->uplink, &c);
	return c.tx_drop[VS_DROP_TX_DOWN];
}

/* The fake devices take FAKE_FRAMES between two collections; a round sends fewer than 20. */
static bool is_nearly_full(const struct bed *b)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (b->fake[i].n_out > FAKE_FRAMES / 2)
			return true;
	return false;
}

static void slots_of(struct bed *b, unsigned count[MEMBERS + 1])
{
	struct vs_lag_slot s[VS_LAG_SLOTS];

	memset(count, 0, (MEMBERS + 1) * sizeof(*count));
	vs_lag_slots(b->lag, s);
	for (unsigned i = 0; i < VS_LAG_SLOTS; i++)
		count[s[i].member == VS_LAG_NOBODY ? MEMBERS : s[i].member]++;
}

START_TEST(slots_are_shared)
{
	struct bed *b = bed_make(MEMBERS);
	unsigned count[MEMBERS + 1];

	slots_of(b, count);
	for (unsigned i = 0; i < MEMBERS; i++) {
		ck_assert_uint_ge(count[i], 84);
		ck_assert_uint_le(count[i], 86);
	}
	for (unsigned flow = 0; flow < FLOWS; flow++)
		send_flow(b, flow);
	run(b);
	for (unsigned i = 0; i < MEMBERS; i++)
		ck_assert_uint_gt(b->fake[i].n_out, FLOWS / 6);
	collect(b);
	ck_assert_uint_eq(b->arrived, FLOWS);
	/* Each conversation has one way. */
	for (unsigned k = 0; k < 10; k++)
		send_flow(b, 7);
	run(b);
	for (unsigned i = 0; i < MEMBERS; i++)
		ck_assert(b->fake[i].n_out == 0 || b->fake[i].n_out == 10);
	bed_free(b);
}
END_TEST

START_TEST(lost_members_are_replaced)
{
	struct bed *b = bed_make(MEMBERS);
	unsigned count[MEMBERS + 1];
	struct vs_lag_stats st;
	struct vs_counters c;

	ck_assert(vs_lag_use(b->lag, 1, true, false));
	vs_lag_flushed(b->lag, 1);
	slots_of(b, count);
	ck_assert_uint_eq(count[0], 128);
	ck_assert_uint_eq(count[2], 128);
	vs_lag_stats(b->lag, &st);
	ck_assert_uint_ge(st.remaps, 84);
	ck_assert(vs_lag_use(b->lag, 0, false, false));
	vs_lag_flushed(b->lag, 0);
	slots_of(b, count);
	ck_assert_uint_eq(count[2], 256);
	for (unsigned flow = 0; flow < 50; flow++)
		send_flow(b, flow);
	run(b);
	ck_assert_uint_eq(b->fake[2].n_out, 50);
	/* Nobody is left: there is nothing to wait for. */
	ck_assert(!vs_lag_use(b->lag, 2, false, false));
	send_flow(b, 1);
	run(b);
	vs_port_counters(b->uplink, &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_DOWN], 1);
	/* The first that comes back gets all. */
	vs_lag_use(b->lag, 1, true, true);
	slots_of(b, count);
	ck_assert_uint_eq(count[1], 256);
	bed_free(b);
}
END_TEST

/* What had arrived by a member before it was lost may be read later than what others bring. */
START_TEST(a_lost_member_is_not_overtaken)
{
	struct bed *b = bed_make(MEMBERS);
	struct vs_lag_stats st;

	for (unsigned lost = 0; lost < 2; lost++) {
		for (unsigned k = 0; k < 50; k++)
			send_flow(b, k);
		run(b);
		ck_assert(vs_lag_use(b->lag, lost, false, false));
		for (unsigned k = 0; k < 50; k++)
			send_flow(b, k);
		run(b);
		/* The one that is left behind is read last. */
		for (unsigned i = MEMBERS; i-- > 0;)
			collect_from(b, i);
		vs_lag_flushed(b->lag, lost);
		collect(b);
	}
	ck_assert_uint_eq(b->reordered, 0);
	ck_assert_uint_eq(b->arrived, 200);
	vs_lag_stats(b->lag, &st);
	ck_assert_uint_gt(st.held, 10);
	/* Held frames of a member that is lost with all others are counted. */
	ck_assert(vs_lag_use(b->lag, 0, true, true) == false);
	vs_lag_plan(b->lag, false);
	send_flow(b, 1);
	send_flow(b, 2);
	send_flow(b, 3);
	run(b);
	vs_lag_use(b->lag, 2, false, false);
	vs_lag_use(b->lag, 0, false, false);
	collect(b);
	ck_assert_uint_eq(b->arrived + tx_down(b), 203);
	bed_free(b);
}
END_TEST

/* A member whose port has stopped before anybody was told. */
START_TEST(stopped_member)
{
	struct bed *b = bed_make(1);
	struct vs_link l = vs_port_link(b->port[0]);
	struct vs_counters c;

	l.ops->stop(l.ctx);
	send_flow(b, 1);
	run(b);
	vs_port_counters(b->uplink, &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_DOWN], 1);
	bed_free(b);
}
END_TEST

/* By one member or another: one uplink that learns, never sends back, and stands by. */
START_TEST(what_comes_in)
{
	struct bed *b = bed_make(2);
	struct vs_fdb_entry e[8];
	struct vs_counters c;
	uint8_t f[100];
	size_t n;

	fake_frame(f, guest_mac, far_mac, 10, 100, 1);
	for (unsigned i = 0; i < MEMBERS; i++)
		ck_assert_ptr_nonnull(fake_inject(&b->fake[i], f, 100));
	run(b);
	ck_assert_uint_eq(b->fake[GUEST].n_out, 2);
	vs_port_counters(b->port[2], &c);
	ck_assert_uint_eq(c.rx_drop[VS_DROP_UPLINK_STANDBY], 1);
	ck_assert_uint_eq(c.rx_frames, 1);
	n = vs_fdb_list(b->sw, e, 8);
	ck_assert_uint_eq(n, 2);
	for (size_t k = 0; k < n; k++)
		if (e[k].learned)
			ck_assert_ptr_eq(e[k].port, b->uplink);
	/* A broadcast from outside goes to the guest only. */
	memset(f, 0xFF, 6);
	fake_inject(&b->fake[0], f, 100);
	run(b);
	ck_assert_uint_eq(b->fake[GUEST].n_out, 3);
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out, 0);
	/* Control frames come in by a standby member as well. */
	ck_assert_int_eq(vs_port_punt(b->port[2], VS_PUNT_LINK), 0);
	memcpy(f, lacp_mac, 6);
	fake_inject(&b->fake[2], f, 100);
	run(b);
	vs_port_counters(b->port[2], &c);
	ck_assert_uint_eq(c.rx_control, 1);
	ck_assert_uint_eq(c.rx_drop[VS_DROP_UPLINK_STANDBY], 1);
	bed_free(b);
}
END_TEST

/* ---- rates of an uplink of several devices -------------------------------------------------- */

static uint64_t fake_now;

static uint64_t fake_clock(void)
{
	return fake_now;
}

/* All members, or the guest, have more than may pass; bits that arrived after the first burst. */
static double bits_of(struct bed *b, bool in, uint64_t ns)
{
	uint64_t bytes = 0, start = fake_now;
	uint8_t f[1000];

	for (; fake_now < start + 2 * ns; fake_now += 20000) {
		for (unsigned i = 0; i < PORTS; i++) {
			struct fake_port *p = &b->fake[i];

			if (p->at_in == p->n_in)
				p->at_in = p->n_in = 0;
			while ((i == GUEST) != in && p->n_in < 64) {
				uint8_t src[6] = {2, 1, 0, 0, 0, (uint8_t)p->n_in};

				/* Conversations of many stations, so that all members carry some.
				 */
				if (in)
					fake_frame(f, guest_mac, src, 10, sizeof(f), 1);
				else
					fake_frame(f, src, guest_mac, 10, sizeof(f), 1);
				ck_assert_ptr_nonnull(fake_inject(p, f, sizeof(f)));
			}
		}
		vs_worker_poll(b->w);
		for (unsigned i = 0; i < PORTS; i++) {
			for (unsigned k = 0; k < b->fake[i].n_out && (i == GUEST) == in; k++)
				if (fake_now >= start + ns)
					bytes += b->fake[i].out[k].len;
			fake_clear(&b->fake[i]);
		}
	}
	return (double)bytes * 8;
}

static void near(const char *what, double got, double want)
{
	ck_assert_msg(got > want * 0.98 && got < want * 1.02, "%s: %.0f, not %.0f", what, got,
		      want);
}

/* The rate is of all members together, whoever joins and leaves. */
START_TEST(rate_of_all_members)
{
	const uint64_t bps = _i ? 1000000000 : 20000000, ns = _i ? 20000000 : 400000000;
	struct vs_port_shaping s = {.in = {.bps = bps}}, out = {.out = {.bps = bps}};
	const double want = (double)bps * (double)ns / 1e9;
	struct bed *b = bed_make(2);

	fake_now = 1000000000;
	b->w->clock_ns = fake_clock;
	for (unsigned i = 0; i < PORTS; i++)
		b->fake[i].burst = 8;
	ck_assert_int_eq(vs_port_shape(b->uplink, &s), 0);
	vs_port_assign(b->uplink, b->w); /* queues stand before it */
	near("in, two members", bits_of(b, true, ns), want);
	vs_lag_leave(b->lag, 0);
	near("in, one left", bits_of(b, true, ns), want);
	vs_lag_join(b->lag, 0, b->port[0]);
	vs_lag_use(b->lag, 0, true, true);
	vs_lag_use(b->lag, 2, true, true);
	near("in, three", bits_of(b, true, ns), want);
	ck_assert_int_eq(vs_port_shape(b->uplink, &out), 0);
	ck_assert_double_gt(bits_of(b, true, ns / 10), want / 10 * 2);
	near("out", bits_of(b, false, ns), want);
	s.in.bps = 0;
	ck_assert_int_eq(vs_port_shape(b->uplink, &s), 0);
	ck_assert_double_gt(bits_of(b, false, ns / 10), want / 10 * 2);
	bed_free(b);
}
END_TEST

static void keep_punted(void *ctx, const struct vs_punted *f)
{
	*(struct vs_punted *)ctx = *f;
}

/* What the uplink is asked for comes by the members in use, as the uplink's. */
START_TEST(members_listen_for_the_uplink)
{
	struct bed *b = bed_make(2);
	struct vs_punted s = {0};
	uint8_t f[100];

	fake_frame(f, mvrp_mac, far_mac, -1, 100, 1);
	ck_assert_int_eq(vs_port_punt(b->uplink, VS_PUNT_MRP), 0);
	ck_assert_int_eq(vs_port_punt(b->port[1], VS_PUNT_LINK), 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		fake_inject(&b->fake[i], f, 100);
		run(b);
		ck_assert_uint_eq(vs_switch_punted(b->sw, keep_punted, &s), i < 2);
		ck_assert_ptr_eq(s.port, b->uplink);
	}
	memcpy(f, lacp_mac, 6);
	fake_inject(&b->fake[1], f, 100);
	run(b);
	ck_assert_uint_eq(vs_switch_punted(b->sw, keep_punted, &s), 1);
	ck_assert_ptr_eq(s.port, b->port[1]);
	bed_free(b);
}
END_TEST

START_TEST(injected_by_one_member)
{
	struct bed *b = bed_make(2);
	uint8_t f[60];

	fake_frame(f, far_mac, guest_mac, -1, 60, 1);
	ck_assert_int_eq(vs_port_inject(b->uplink, 10, f, 60), 0);
	ck_assert_uint_eq(b->fake[0].n_out + b->fake[1].n_out, 1);
	ck_assert_int_eq(vs_port_inject(b->port[2], 0, f, 60), 0);
	ck_assert_uint_eq(b->fake[2].n_out, 1);
	bed_free(b);
}
END_TEST

/*
 * Members come, go and are evened out while conversations run. What was sent by a member arrives
 * when it is flushed, not before: a slot moved too early would show.
 */
START_TEST(nothing_overtakes)
{
	unsigned seed = (unsigned)time(NULL), sent = 0;
	struct bed *b = bed_make(MEMBERS);
	struct vs_lag_stats st;
	unsigned awaited = 0;

	printf("lag seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = (unsigned)rand() % 20;

		/* Some conversations are heavy. */
		for (unsigned k = 0; k < n; k++, sent++)
			send_flow(b, (unsigned)(rand() % 2 ? rand() % 8 : rand() % FLOWS));
		run(b);
		if (!awaited && rand() % 4 == 0)
			awaited = vs_lag_plan(b->lag, rand() % 2);
		n = (unsigned)rand() % MEMBERS;
		if (awaited >> n & 1) {
			/* The marker's answer: only now is it known that all has arrived. Frames
			 * released here leave behind what the others sent before. */
			collect(b);
			vs_lag_flushed(b->lag, n);
			awaited &= ~(1u << n);
		}
		if (rand() % 8 == 0 || is_nearly_full(b))
			collect(b);
		if (!awaited && rand() % 50 == 0) {
			if (vs_lag_distributing(b->lag) == 1)
				vs_lag_use(b->lag, n, true, true);
			else if (vs_lag_use(b->lag, n, true, !vs_lag_distributes(b->lag, n)))
				awaited = 1u << n;
		}
	}
	for (; awaited; awaited &= awaited - 1) {
		collect(b);
		vs_lag_flushed(b->lag, (unsigned)__builtin_ctz(awaited));
	}
	collect(b);
	ck_assert_uint_eq(b->reordered, 0);
	ck_assert_uint_eq(b->arrived, sent);
	vs_lag_stats(b->lag, &st);
	ck_assert_uint_gt(st.moves, 100);
	ck_assert_uint_gt(st.held, 100);
	ck_assert_uint_eq(st.held_dropped, 0);
	bed_free(b);
}
END_TEST

START_TEST(load_is_evened_out)
{
	struct bed *b = bed_make(2);
	uint64_t by[2] = {0};
	struct vs_lag_slot s[VS_LAG_SLOTS];
	unsigned busy[8], n = 0;

	/* Eight heavy conversations, all by the first member. */
	for (unsigned flow = 0; flow < FLOWS && n < 8; flow++) {
		send_flow(b, flow);
		run(b);
		if (b->fake[0].n_out)
			busy[n++] = flow;
		collect(b);
	}
	for (unsigned interval = 0; interval < 3; interval++) {
		for (unsigned k = 0; k < 400; k++) {
			send_flow(b, busy[k % 8]);
			run(b);
			collect(b);
		}
		for (unsigned m = vs_lag_plan(b->lag, true); m; m &= m - 1)
			vs_lag_flushed(b->lag, (unsigned)__builtin_ctz(m));
	}
	collect(b);
	vs_lag_slots(b->lag, s);
	for (unsigned i = 0; i < VS_LAG_SLOTS; i++)
		by[s[i].member] += s[i].last_frames;
	ck_assert_uint_eq(by[0] + by[1], 400);
	/* Two of the eight may share a slot. */
	ck_assert_uint_ge(by[0], 100);
	ck_assert_uint_ge(by[1], 100);
	ck_assert_uint_eq(b->reordered, 0);
	bed_free(b);
}
END_TEST

START_TEST(a_full_store_drops_and_counts)
{
	struct bed *b = bed_make(1);
	struct vs_lag_stats st;
	struct vs_counters c;
	uint8_t f[FAKE_BYTES];
	unsigned held;

	vs_lag_use(b->lag, 1, true, true);
	ck_assert_uint_eq(vs_lag_plan(b->lag, false), 1);
	for (unsigned k = 0; k < 12000; k++) {
		fake_frame(f, far_mac, guest_mac, 10, FAKE_BYTES - 8, k);
		memcpy(f + 16, "\x08\x00\x45", 3);
		f[18 + 9] = 17;
		memcpy(f + 18 + 20, &k, 2);
		f[18 + 6] = f[18 + 7] = 0;
		fake_inject(&b->fake[GUEST], f, FAKE_BYTES - 8);
		run(b);
		for (unsigned i = 0; i < 2; i++)
			fake_clear(&b->fake[i]);
	}
	vs_lag_stats(b->lag, &st);
	vs_port_counters(b->uplink, &c);
	ck_assert_uint_gt(st.held_dropped, 0);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_NO_BUFFER], st.held_dropped);
	held = (unsigned)(st.held - st.held_dropped);
	for (unsigned i = 0; i < 2; i++)
		b->fake[i].room = 100;
	vs_lag_flushed(b->lag, 0);
	ck_assert_uint_eq(b->fake[1].n_out, 100);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_NO_BUFFER], held - 100);
	bed_free(b);
}
END_TEST

/* ---- the hash ------------------------------------------------------------------------ */

static uint64_t model_mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 11400714819323198485u; /* 2^64 over the golden ratio */
	return h ^ (h >> 32);
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

/* By the book, one field after the other, over the whole frame. */
static uint64_t model(const uint8_t *f, unsigned len, unsigned vid, uint64_t seed)
{
	unsigned at = 12, proto = 0, l4 = 0;
	uint64_t type, h;

	while ((number(f + at, 2) == 0x8100 || number(f + at, 2) == 0x88A8) && at + 6 <= len) {
		if (!vid)
			vid = number(f + at + 2, 2) % 4096;
		at += 4;
	}
	type = number(f + at, 2);
	at += 2;
	h = model_mix(seed, number(f, 8));
	h = model_mix(h, number(f + 8, 4) * 65536 + vid);
	if (type == 0x0800 && len - at >= 20) {
		unsigned ihl = f[at] % 16 * 4;

		proto = f[at + 9];
		h = model_mix(h, number(f + at + 12, 8));
		if (number(f + at + 6, 2) % 16384 == 0 && ihl >= 20 && at + ihl <= len)
			l4 = at + ihl;
	} else if (type == 0x86DD && len - at >= 40) {
		proto = f[at + 6];
		for (unsigned k = 0; k < 4; k++)
			h = model_mix(h, number(f + at + 8 + 8 * k, 8));
		l4 = at + 40;
	} else {
		return model_mix(h, type);
	}
	h = model_mix(h, proto);
	if (l4 && l4 + 4 <= len && (proto == 6 || proto == 17 || proto == 132 || proto == 136))
		h = model_mix(h, number(f + l4, 4));
	return h;
}

START_TEST(hash_differential)
{
	static const uint8_t types[][2] = {{0x08, 0x00}, {0x86, 0xDD}, {0x81, 0x00},
					   {0x88, 0xA8}, {0x08, 0x06}, {0x08, 0x00}};
	static const uint8_t protos[] = {1, 6, 17, 58, 132, 136, 0};
	unsigned seed = (unsigned)time(NULL);
	unsigned buckets[4] = {0};

	printf("hash seed %u\n", seed);
	srand(seed);
	for (unsigned k = 0; k < 300000; k++) {
		uint8_t f[VS_HEAD_BYTES];
		unsigned len = 14 + (unsigned)rand() % 79, at = 12;
		uint16_t vid = (uint16_t)(rand() % 3 ? 0 : rand() % 4096);
		uint64_t h;

		for (unsigned i = 0; i < sizeof(f); i++)
			f[i] = (uint8_t)rand();
		do {
			memcpy(f + at, types[rand() % 6], 2);
			at += 4;
		} while (f[at - 4] != 0x08 && f[at - 4] != 0x86 && at < 40);
		if (rand() % 4) {
			f[at - 2] = (uint8_t)(0x40 + rand() % 16);
			f[at + 4] = f[at + 5] = 0;
			f[at + 7] = f[at + 4] = protos[rand() % 7];
			f[at + 4] = 0;
		}
		h = vs_lag_hash(f, len, vid, 42);
		ck_assert_uint_eq(h, model(f, len, vid, 42));
		buckets[(h >> 40) % 4]++;
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_gt(buckets[i], 70000);
}
END_TEST

/* Both pieces of a datagram, and a conversation whatever its priority, go the same way. */
START_TEST(hash_keeps_together)
{
	static const uint8_t tagged_ip[] = {0x81, 0, 0, 10, 8, 0, 0x45};
	uint8_t a[64] = {0}, b[64];

	memcpy(a + 12, tagged_ip, sizeof(tagged_ip));
	a[18 + 9] = 17;
	memcpy(b, a, sizeof(b));
	b[14] = 0xE0;
	ck_assert_uint_eq(vs_lag_hash(a, 64, 0, 1), vs_lag_hash(b, 64, 0, 1));
	ck_assert_uint_eq(vs_lag_hash(a, 64, 10, 1), vs_lag_hash(b, 64, 0, 1));
	b[15] = 11;
	ck_assert_uint_ne(vs_lag_hash(a, 64, 0, 1), vs_lag_hash(b, 64, 0, 1));
	b[15] = 10;
	b[18 + 21] = 1; /* another port */
	ck_assert_uint_ne(vs_lag_hash(a, 64, 0, 1), vs_lag_hash(b, 64, 0, 1));
	a[18 + 6] = 0x20; /* more fragments */
	b[18 + 7] = 0xB9; /* the rest */
	ck_assert_uint_eq(vs_lag_hash(a, 64, 0, 1), vs_lag_hash(b, 64, 0, 1));
}
END_TEST

/* A capture of the uplink has what goes by its devices, also by those that are not in use. */
static void count_captured(void *ctx, unsigned worker, const struct vs_capture_frame *f)
{
	unsigned *n = ctx;

	(void)worker;
	n[f->dir]++;
}

START_TEST(captured_at_the_uplink)
{
	struct bed *b = bed_make(2);
	unsigned up[VS_CAPTURE_DROP + 1] = {0}, guest[VS_CAPTURE_DROP + 1] = {0};
	struct vs_capture_config cfg = {
		.sw = b->sw, .port = b->uplink, .snaplen = 128, .emit = count_captured, .ctx = up};
	struct vs_capture *c = vs_capture_start(&cfg), *d;

	cfg.port = b->port[GUEST];
	cfg.ctx = guest;
	d = vs_capture_start(&cfg);
	ck_assert(c && d);
	for (unsigned flow = 0; flow < 40; flow++)
		send_flow(b, flow);
	run(b);
	ck_assert_uint_gt(b->fake[0].n_out, 0);
	ck_assert_uint_gt(b->fake[1].n_out, 0);
	ck_assert_uint_eq(up[VS_CAPTURE_OUT], 40);
	ck_assert_uint_eq(up[VS_CAPTURE_IN], 0);
	ck_assert_uint_eq(guest[VS_CAPTURE_IN], 40);
	ck_assert_uint_eq(guest[VS_CAPTURE_OUT], 0);
	for (unsigned i = 0; i < MEMBERS; i++) { /* 2 is not used */
		uint8_t f[60];

		fake_frame(f, guest_mac, far_mac, -1, sizeof(f), i);
		ck_assert_ptr_nonnull(fake_inject(&b->fake[i], f, sizeof(f)));
	}
	run(b);
	ck_assert_uint_eq(guest[VS_CAPTURE_OUT], 2);
	ck_assert_uint_eq(up[VS_CAPTURE_IN], 3);
	ck_assert_uint_eq(up[VS_CAPTURE_DROP], 1);
	vs_capture_stop(c);
	vs_capture_stop(d);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lag");
	TCase *t = tcase_create("lag");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, slots_are_shared);
	tcase_add_test(t, lost_members_are_replaced);
	tcase_add_test(t, a_lost_member_is_not_overtaken);
	tcase_add_test(t, stopped_member);
	tcase_add_test(t, what_comes_in);
	tcase_add_test(t, captured_at_the_uplink);
	tcase_add_loop_test(t, rate_of_all_members, 0, 2);
	tcase_add_test(t, members_listen_for_the_uplink);
	tcase_add_test(t, injected_by_one_member);
	tcase_add_test(t, nothing_overtakes);
	tcase_add_test(t, load_is_evened_out);
	tcase_add_test(t, a_full_store_drops_and_counts);
	tcase_add_test(t, hash_differential);
	tcase_add_test(t, hash_keeps_together);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
