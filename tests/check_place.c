/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An uplink of one device becomes one of several and back, under two workers that never rest: no
 * frame is lost, none from outside is sent back there, and what was counted, learned and heard
 * stays; what waits for a rate of the uplink leaves in its order.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "tests/fakeport.h"
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#define FAR                                                                                        \
	{                                                                                          \
		2, 0, 0, 0, 0, 99                                                                  \
	}
#define OUTSIDE                                                                                    \
	{                                                                                          \
		2, 0, 0, 0, 0, 98                                                                  \
	} /* another beyond the uplink */
#define GUEST                                                                                      \
	{                                                                                          \
		2, 0, 0, 0, 0, 1                                                                   \
	}
#define UNKNOWN                                                                                    \
	{                                                                                          \
		2, 0, 0, 0, 0, 77                                                                  \
	}
#define MEMBER 16u
#define ROUNDS_MIN 5
#define LOAD_S 1 /* a busy machine makes fewer rounds in it */

static const uint8_t guest_mac[6] = GUEST;

/* ---- ports that send without end -------------------------------------------------------- */

/*
 * What one side sends, in turn and numbered, while it is on; got: frames that came, back: those of
 * them it had sent itself, late: those behind one that was sent later.
 */
struct side {
	uint8_t frame[2][14];
	_Atomic bool on;
	uint64_t stop_at; /* so many; 0: without end */
	_Atomic uint64_t sent[2], got, back, late;
	uint64_t last;
	uint8_t own[2][6];
};

static uint64_t all(const _Atomic uint64_t n[2])
{
	return n[0] + n[1];
}

static unsigned side_rx(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct side *s = port;

	(void)dropped;
	b->n = 0;
	b->nseg_used = 0;
	for (; atomic_load(&s->on) && b->n < 8; b->n++) {
		unsigned i = b->n, k = i & 1;
		uint64_t number = all(s->sent) + 1;

		if (s->stop_at && number > s->stop_at) {
			s->on = false;
			break;
		}
		memset(b->head[i], 0, VS_HEAD_MIN);
		memcpy(b->head[i], s->frame[k], sizeof(s->frame[k]));
		be64_store(b->head[i] + 16, number);
		b->len[i] = 60;
		b->headlen[i] = 60;
		b->flags[i] = 0;
		b->seg0[i] = 0;
		b->nseg[i] = 0;
		s->sent[k]++;
	}
	return b->n;
}

static void side_rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static unsigned side_tx(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			enum vs_drop *err)
{
	struct side *s = port;

	(void)err;
	for (unsigned k = 0; k < n; k++) {
		const uint8_t *src = b->head[ref[k].frame] + 6;
		uint64_t number = be64_load(src + 10);

		s->late += number <= s->last;
		s->last = number;
		s->back += !memcmp(src, s->own[0], 6) || !memcmp(src, s->own[1], 6);
	}
	s->got += n;
	return n;
}

static bool side_arm(void *port)
{
	return atomic_load(&((struct side *)port)->on);
}

static void side_disarm(void *port)
{
	(void)port;
}

static int side_fd(void *port)
{
	(void)port;
	return -1;
}

static unsigned side_caps(void *port)
{
	(void)port;
	return 0;
}

static uint32_t side_frame_max(void *port)
{
	(void)port;
	return 1518;
}

static const struct vs_port_ops side_ops = {
	.kind = "SIDE",
	.rx_burst = side_rx,
	.rx_done = side_rx_done,
	.tx_burst = side_tx,
	.arm = side_arm,
	.disarm = side_disarm,
	.wait_fd = side_fd,
	.caps = side_caps,
	.frame_max = side_frame_max,
};

/* ---- the switch ------------------------------------------------------------------------- */

struct bed {
	struct vs_switch *sw;
	struct vs_worker *w[2];
	struct vs_port *guest, *device;
	struct side inside, outside;
	_Atomic bool end;
	pthread_t thread[2];
};

static struct vs_port *port_make(struct bed *b, enum vs_port_role role, struct vs_worker *w,
				 struct side *s)
{
	struct vs_port_config cfg = {.role = role, .type = VS_TYPE_TRUNK, .mac_protect = -1};
	struct vs_port *p;
	struct vs_link l;

	snprintf(cfg.name, sizeof(cfg.name), "role%d", (int)role);
	p = vs_port_create(b->sw, &cfg);
	ck_assert_ptr_nonnull(p);
	vs_port_assign(p, w);
	l = vs_port_link(p);
	ck_assert_int_eq(l.ops->start(l.ctx, &side_ops, s), 0);
	return p;
}

static struct bed *bed_make(void)
{
	static const uint8_t out[2][14] = {{2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 1, 8, 0},
					   {2, 0, 0, 0, 0, 77, 2, 0, 0, 0, 0, 1, 8, 0}};
	static const uint8_t in[2][14] = {{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 99, 8, 0},
					  {2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 98, 8, 0}};
	struct vs_switch_config cfg = {.name = "S", .kind = VS_KIND_VSWITCH, .snooping = true};
	struct bed *b = calloc(1, sizeof(*b));
	struct vs_link l;

	memcpy(b->inside.frame, out, sizeof(out));
	memcpy(b->inside.own, (const uint8_t[2][6]){GUEST, GUEST}, 12);
	memcpy(b->outside.frame, in, sizeof(in));
	memcpy(b->outside.own, (const uint8_t[2][6]){FAR, OUTSIDE}, 12);
	b->sw = vs_switch_create(&cfg);
	for (unsigned i = 0; i < 2; i++)
		b->w[i] = vs_worker_create();
	b->guest = port_make(b, VS_ROLE_GUEST, b->w[0], &b->inside);
	l = vs_port_link(b->guest);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, guest_mac), 0);
	b->device = port_make(b, VS_ROLE_UPLINK, b->w[1], &b->outside);
	vs_switch_tick(b->sw, 1);
	return b;
}

static void bed_free(struct bed *b)
{
	vs_port_destroy(b->guest);
	vs_port_destroy(b->device);
	vs_switch_destroy(b->sw);
	for (unsigned i = 0; i < 2; i++)
		vs_worker_destroy(b->w[i]);
	free(b);
}

struct run {
	struct bed *b;
	struct vs_worker *w;
};

static void *work(void *ctx)
{
	struct run *r = ctx;

	rcu_register_thread();
	while (!atomic_load(&r->b->end)) {
		vs_worker_poll(r->w);
		rcu_quiescent_state();
	}
	while (vs_worker_poll(r->w))
		rcu_quiescent_state();
	rcu_unregister_thread();
	return NULL;
}

static void run_begin(struct bed *b, struct run r[2])
{
	for (unsigned i = 0; i < 2; i++) {
		r[i] = (struct run){b, b->w[i]};
		ck_assert_int_eq(pthread_create(&b->thread[i], NULL, work, &r[i]), 0);
	}
}

static void run_end(struct bed *b)
{
	b->end = true;
	for (unsigned i = 0; i < 2; i++) {
		rcu_thread_offline();
		pthread_join(b->thread[i], NULL);
		rcu_thread_online();
	}
}

static void pause_a_bit(void)
{
	rcu_quiescent_state();
	sched_yield();
}

static unsigned learned_at(struct bed *b, const struct vs_port *p)
{
	struct vs_fdb_entry e[8];
	size_t n = vs_fdb_list(b->sw, e, 8);
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		found += e[i].learned && e[i].port == p;
	return found;
}

START_TEST(under_load)
{
	struct bed *b = bed_make();
	struct run r[2];
	time_t begun = time(NULL);
	struct vs_counters c;

	b->inside.on = b->outside.on = true;
	run_begin(b, r);
	for (unsigned i = 0; i < ROUNDS_MIN || time(NULL) <= begun + LOAD_S; i++) {
		uint64_t in = all(b->inside.sent), out = all(b->outside.sent);
		struct vs_lag *l = vs_lag_above(b->device, "above", 7, MEMBER);

		ck_assert_ptr_nonnull(l);
		while (all(b->inside.sent) < in + 100 || all(b->outside.sent) < out + 100)
			pause_a_bit();
		ck_assert_uint_eq(learned_at(b, vs_lag_uplink(l)), 2);
		ck_assert_uint_eq(vs_lag_distributing(l), 1);
		ck_assert_int_eq(vs_lag_undo(l, MEMBER), 0);
		ck_assert_uint_eq(learned_at(b, b->device), 2);
	}
	b->inside.on = b->outside.on = false;
	run_end(b);
	ck_assert_uint_eq(b->outside.got, all(b->inside.sent));
	ck_assert_uint_eq(b->inside.got, b->outside.sent[0]);
	ck_assert_uint_eq(b->outside.back, 0);
	ck_assert_uint_eq(b->outside.late + b->inside.late, 0);
	vs_port_counters(b->device, &c);
	ck_assert_uint_eq(c.rx_frames, all(b->outside.sent));
	ck_assert_uint_eq(c.tx_frames, all(b->inside.sent));
	ck_assert_uint_eq(c.rx_drop[VS_DROP_HAIRPIN], b->outside.sent[1]);
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	ck_assert_uint_eq(b->device->n_learned, 2);
	bed_free(b);
}
END_TEST

static uint64_t waiting(const struct vs_port *p)
{
	struct vs_shaping_state st;

	vs_port_shaping_state(p, &st);
	return st.frames;
}

static _Atomic unsigned woken;

static void wake(void *ctx)
{
	(void)ctx;
	woken++;
}

/* A queue that takes 0.1 s to empty goes from the one's worker to the other's, and back. */
START_TEST(what_waits)
{
	const struct vs_port_shaping rate = {.out = {.bps = 1000000, .burst = 1500},
					     .class = VS_CLASS_NORMAL};
	struct bed *b = bed_make();
	struct vs_counters c;
	uint64_t at_once = 0;
	struct run r[2];

	ck_assert_int_eq(vs_port_shape(b->device, &rate), 0);
	vs_worker_set_wake(b->w[1], wake);
	run_begin(b, r);
	for (unsigned i = 0; i < ROUNDS_MIN; i++) {
		struct vs_lag *l;
		struct vs_port *up;

		b->inside.stop_at += 200;
		b->inside.on = true;
		while (b->inside.on)
			pause_a_bit();
		l = vs_lag_above(b->device, "above", 7, MEMBER);
		ck_assert_ptr_nonnull(l);
		up = vs_lag_uplink(l);
		ck_assert_uint_eq(waiting(b->device), 0);
		at_once += waiting(up);
		vs_port_assign(up, b->w[0]);
		while (waiting(up) > 100)
			pause_a_bit();
		woken = 0;
		ck_assert_int_eq(vs_lag_undo(l, MEMBER), 0);
		ck_assert_uint_eq(woken, 1);
		while (b->outside.got < b->inside.stop_at)
			pause_a_bit();
	}
	run_end(b);
	ck_assert_uint_gt(at_once, 0);
	ck_assert_uint_eq(b->outside.got, all(b->inside.sent));
	ck_assert_uint_eq(b->outside.late, 0);
	vs_port_counters(b->device, &c);
	ck_assert_uint_eq(c.tx_frames, all(b->inside.sent));
	ck_assert_int_eq(vs_port_shape(b->device, &(struct vs_port_shaping){0}), 0);
	ck_assert_uint_eq(atomic_load(&b->sw->extras), 0);
	bed_free(b);
}
END_TEST

/* What is heard, asked for and limited at an uplink goes with its place. */
START_TEST(what_an_uplink_has)
{
	struct bed *b = bed_make();
	struct vs_port_shaping rate = {.in.bps = 1000000, .class = VS_CLASS_NORMAL};
	struct vs_lag *l;
	struct vs_port *up;

	b->device->hosts = calloc(1, sizeof(*b->device->hosts));
	b->device->n_hosts = b->device->cap_hosts = 1;
	ck_assert_int_eq(vs_port_shape(b->device, &rate), 0);
	l = vs_lag_above(b->device, "above", 7, MEMBER);
	up = vs_lag_uplink(l);
	ck_assert_str_eq(vs_port_name(up), "above");
	ck_assert_uint_eq(up->n_hosts, 1);
	ck_assert_uint_eq(b->device->n_hosts, 0);
	ck_assert_ptr_null(b->device->shaper);
	ck_assert_int_eq(vs_port_shape(up, &rate), 0);
	ck_assert_ptr_nonnull(b->device->shaper);
	/* There is one uplink. */
	ck_assert_ptr_null(vs_port_create(
		b->sw, &(struct vs_port_config){.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK}));
	ck_assert_int_eq(vs_lag_undo(l, MEMBER), 0);
	ck_assert_uint_eq(b->device->n_hosts, 1);
	ck_assert_ptr_null(b->device->up);
	ck_assert_int_eq(vs_port_shape(b->device, &rate), 0);
	vs_port_destroy(b->device);
	b->device = port_make(b, VS_ROLE_UPLINK, b->w[1], &b->outside);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("place");
	TCase *t = tcase_create("place");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, under_load);
	tcase_add_test(t, what_waits);
	tcase_add_test(t, what_an_uplink_has);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
