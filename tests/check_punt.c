/* SPDX-License-Identifier: Apache-2.0 */
/* Control frames: taken from ports, copied, put into ports and into the switch. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "tests/fakeport.h"
#include "vswitch/vs_priv.h"

#define PORTS 3 /* 0: uplink; 1, 2: trunks of VLANs 10 and 20 */

static const uint8_t lacp_mac[6] = {0x01, 0x80, 0xC2, 0, 0, 0x02};
static const uint8_t mvrp_mac[6] = {0x01, 0x80, 0xC2, 0, 0, 0x21};
static const uint8_t group_mac[6] = {0x01, 0, 0x5E, 0, 0, 0x16};
static const uint8_t bcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

struct bed {
	struct vs_switch *sw;
	struct vs_worker *w;
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	unsigned notified;
};

struct seen {
	unsigned n;
	struct vs_punted last;
	uint8_t data[VS_PUNT_BYTES];
};

static void notify(void *ctx)
{
	((struct bed *)ctx)->notified++;
}

static void on_punted(void *ctx, const struct vs_punted *f)
{
	struct seen *s = ctx;

	s->n++;
	s->last = *f;
	memcpy(s->data, f->data, f->len);
}

static struct seen fetch(struct bed *b)
{
	struct seen s = {0};

	ck_assert_uint_eq(vs_switch_punted(b->sw, on_punted, &s), s.n);
	return s;
}

static const uint8_t *mac_of(unsigned port)
{
	static uint8_t mac[PORTS][6];

	mac[port][0] = 2;
	mac[port][5] = (uint8_t)(port + 1);
	return mac[port];
}

static struct bed *bed_make(uint16_t native)
{
	struct vs_switch_config cfg = {
		.name = "S", .kind = VS_KIND_VSWITCH, .vlan_aware = true, .native_vid = native};
	struct bed *b = calloc(1, sizeof(*b));

	b->sw = vs_switch_create(&cfg);
	b->w = vs_worker_create();
	vs_switch_set_punt(b->sw, notify, b);
	for (unsigned i = 0; i < PORTS; i++) {
		struct vs_port_config pc = {.role = i ? VS_ROLE_GUEST : VS_ROLE_UPLINK,
					    .type = VS_TYPE_TRUNK,
					    .mac_protect = -1};
		struct vs_link l;

		vs_vidset_add(&pc.vids, 10);
		vs_vidset_add(&pc.vids, 20);
		fake_init(&b->fake[i]);
		b->port[i] = vs_port_create(b->sw, &pc);
		vs_port_assign(b->port[i], b->w);
		l = vs_port_link(b->port[i]);
		ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[i]), 0);
		if (i)
			ck_assert_int_eq(l.ops->mac_add(l.ctx, mac_of(i)), 0);
	}
	return b;
}

static void bed_free(struct bed *b)
{
	for (unsigned i = 0; i < PORTS; i++) {
		vs_port_destroy(b->port[i]);
		fake_fini(&b->fake[i]);
	}
	vs_switch_destroy(b->sw);
	vs_worker_destroy(b->w);
	free(b);
}

static void run(struct bed *b)
{
	while (vs_worker_poll(b->w))
		rcu_quiescent_state();
}

static void send_frame(struct bed *b, unsigned from, const uint8_t *dst, int tci, uint32_t len)
{
	uint8_t frame[FAKE_BYTES];

	len = fake_frame(frame, dst, mac_of(from), tci, len, 7);
	ck_assert_ptr_nonnull(fake_inject(&b->fake[from], frame, len));
	run(b);
}

/* Taken even where no VLAN would admit it, and only where somebody asked. */
START_TEST(link_frames_are_taken)
{
	struct bed *b = bed_make(VS_VID_NONE);
	struct vs_counters c;
	struct seen s;

	send_frame(b, 0, lacp_mac, -1, 124);
	ck_assert_uint_eq(fetch(b).n, 0);
	ck_assert_int_eq(vs_port_punt(b->port[0], VS_PUNT_LINK), 0);
	send_frame(b, 0, lacp_mac, -1, 1400);
	ck_assert_uint_eq(b->notified, 1);
	s = fetch(b);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_ptr_eq(s.last.port, b->port[0]);
	ck_assert_uint_eq(s.last.kind, VS_PUNT_LINK);
	ck_assert_uint_eq(s.last.len, 1400);
	for (uint32_t k = 14; k < 1400; k++)
		ck_assert_uint_eq(s.data[k], (uint8_t)(7 + k * 7));
	vs_port_counters(b->port[0], &c);
	ck_assert_uint_eq(c.rx_control, 1);
	ck_assert_uint_eq(c.rx_frames, 2);
	ck_assert_uint_eq(c.rx_drop[VS_DROP_VLAN_UNTAGGED], 1);
	send_frame(b, 0, mvrp_mac, 10, 64);
	ck_assert_uint_eq(fetch(b).n, 0);
	ck_assert_int_eq(vs_port_punt(b->port[0], VS_PUNT_MRP), 0);
	send_frame(b, 0, mvrp_mac, -1, 64);
	send_frame(b, 0, lacp_mac, -1, 64);
	s = fetch(b);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_uint_eq(s.last.kind, VS_PUNT_MRP);
	bed_free(b);
}
END_TEST

START_TEST(probes_are_taken)
{
	static const uint8_t probe_mac[6] = VS_PROBE_MAC;
	struct bed *b = bed_make(VS_VID_NONE);
	struct seen s;

	send_frame(b, 0, probe_mac, -1, 60);
	ck_assert_uint_eq(fetch(b).n, 0);
	ck_assert_int_eq(vs_port_punt(b->port[0], VS_PUNT_PROBE), 0);
	send_frame(b, 0, probe_mac, -1, 60);
	send_frame(b, 0, lacp_mac, -1, 60);
	s = fetch(b);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_uint_eq(s.last.kind, VS_PUNT_PROBE);
	ck_assert_ptr_eq(s.last.port, b->port[0]);
	bed_free(b);
}
END_TEST

START_TEST(igmp_is_copied)
{
	struct bed *b = bed_make(1);
	struct fake_frame *x;
	uint8_t frame[64];
	struct seen s;

	ck_assert_int_eq(vs_port_punt(b->port[1], VS_PUNT_IGMP | VS_PUNT_MLD), 0);
	fake_frame(frame, group_mac, mac_of(1), 20, 50, 0);
	memcpy(frame + 16, "\x08\x00\x46", 3); /* NOLINT(bugprone-not-null-terminated-result) */
	frame[18 + 9] = 2;
	x = fake_inject(&b->fake[1], frame, 50);
	ck_assert_ptr_nonnull(x);
	frame[18 + 9] = 17;
	ck_assert_ptr_nonnull(fake_inject(&b->fake[1], frame, 50));
	run(b);
	s = fetch(b);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_uint_eq(s.last.kind, VS_PUNT_IGMP);
	ck_assert_uint_eq(s.last.vid, 20);
	ck_assert_uint_eq(s.last.len, 50);
	/* The frames went their way. */
	ck_assert_uint_eq(b->fake[0].n_out, 2);
	bed_free(b);
}
END_TEST

START_TEST(full_ring_loses_and_counts)
{
	struct bed *b = bed_make(1);

	ck_assert_int_eq(vs_port_punt(b->port[0], VS_PUNT_LINK), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 150; i++)
			send_frame(b, 0, lacp_mac, -1, 64);
		ck_assert_uint_eq(fetch(b).n, 128);
		ck_assert_uint_eq(vs_switch_punt_lost(b->sw), 22 * (round + 1));
	}
	bed_free(b);
}
END_TEST

/* Copies of what guests send leave room for what the uplink's other end says. */
START_TEST(copies_leave_room)
{
	struct bed *b = bed_make(1);
	uint8_t frame[64];

	ck_assert_int_eq(vs_port_punt(b->port[0], VS_PUNT_LINK), 0);
	ck_assert_int_eq(vs_port_punt(b->port[1], VS_PUNT_IGMP), 0);
	fake_frame(frame, group_mac, mac_of(1), 20, 50, 0);
	memcpy(frame + 16, "\x08\x00\x46", 3); /* NOLINT(bugprone-not-null-terminated-result) */
	frame[18 + 9] = 2;
	for (unsigned i = 0; i < 200; i++)
		fake_inject(&b->fake[1], frame, 50);
	run(b);
	send_frame(b, 0, lacp_mac, -1, 64);
	ck_assert_uint_eq(fetch(b).last.kind, VS_PUNT_LINK);
	bed_free(b);
}
END_TEST

/* What a port left behind is not taken for another's that got its place. */
START_TEST(frames_of_a_port_that_is_gone)
{
	struct bed *b = bed_make(1);
	struct vs_port_config pc = {.role = VS_ROLE_GUEST, .mac_protect = -1};

	ck_assert_int_eq(vs_port_punt(b->port[2], VS_PUNT_LINK), 0);
	send_frame(b, 2, lacp_mac, -1, 64);
	vs_port_destroy(b->port[2]);
	b->port[2] = vs_port_create(b->sw, &pc);
	ck_assert_uint_eq(fetch(b).n, 0);
	bed_free(b);
}
END_TEST

START_TEST(injected_out_of_a_port)
{
	struct bed *b = bed_make(1);
	struct vs_counters c;
	uint8_t frame[1514];
	uint32_t len = fake_frame(frame, bcast, mac_of(2), -1, 1400, 3);

	ck_assert_int_eq(vs_port_inject(b->port[0], VS_VID_NONE, frame, len), 0);
	ck_assert_int_eq(vs_port_inject(b->port[0], 20, frame, len), 0);
	ck_assert_int_eq(vs_port_inject(b->port[0], 1, frame, len), 0);
	ck_assert_int_eq(vs_port_inject(b->port[1], 30, frame, len), -EPERM);
	ck_assert_int_eq(vs_port_inject(b->port[0], 0, frame, 13), -EMSGSIZE);
	ck_assert_uint_eq(b->fake[0].n_out, 3);
	ck_assert_uint_eq(b->fake[0].out[0].len, len);
	ck_assert_mem_eq(b->fake[0].out[0].data, frame, len);
	ck_assert_uint_eq(b->fake[0].out[1].len, len + 4);
	ck_assert_mem_eq(b->fake[0].out[1].data + 12, "\x81\x00\x00\x14", 4);
	ck_assert_mem_eq(b->fake[0].out[1].data + 16, frame + 12, len - 12);
	ck_assert_uint_eq(b->fake[0].out[2].len, len);
	vs_port_counters(b->port[0], &c);
	ck_assert_uint_eq(c.tx_control, 3);
	ck_assert_uint_eq(c.tx_frames, 3);
	b->fake[0].room = 0;
	ck_assert_int_eq(vs_port_inject(b->port[0], 0, frame, len), -ENOBUFS);
	bed_free(b);
}
END_TEST

/* ---- several workers at once ------------------------------------------------------- */

#define RACE_FRAMES 20000u

struct racer {
	struct bed *b;
	struct vs_port *port;
	uint8_t tag;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct vs_burst *burst = calloc(1, sizeof(*burst));

	burst->n = 1;
	memcpy(burst->head[0], lacp_mac, 6);
	burst->len[0] = burst->headlen[0] = 64;
	for (uint32_t i = 0; i < RACE_FRAMES; i++) {
		burst->head[0][20] = r->tag;
		memcpy(&burst->head[0][24], &i, 4);
		ck_assert(punt_take(r->port, r->port, VS_PUNT_LINK, burst, 0));
	}
	free(burst);
	return NULL;
}

struct order {
	uint32_t next[2];
	unsigned n;
};

static void in_order(void *ctx, const struct vs_punted *f)
{
	struct order *o = ctx;
	uint32_t i;

	memcpy(&i, f->data + 24, 4);
	ck_assert_uint_le(f->data[20], 1);
	ck_assert_uint_ge(i, o->next[f->data[20]]);
	o->next[f->data[20]] = i + 1;
	o->n++;
}

START_TEST(nothing_is_torn_or_counted_twice)
{
	struct bed *b = bed_make(1);
	struct racer racer[2] = {{b, b->port[1], 0}, {b, b->port[2], 1}};
	struct order o = {0};
	pthread_t t[2];

	ck_assert_int_eq(vs_port_punt(b->port[1], VS_PUNT_LINK), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, race, &racer[i]), 0);
	while (o.n + vs_switch_punt_lost(b->sw) < 2 * RACE_FRAMES)
		vs_switch_punted(b->sw, in_order, &o);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	vs_switch_punted(b->sw, in_order, &o);
	ck_assert_uint_eq(o.n + vs_switch_punt_lost(b->sw), 2 * RACE_FRAMES);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("punt");
	TCase *t = tcase_create("punt");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, link_frames_are_taken);
	tcase_add_test(t, probes_are_taken);
	tcase_add_test(t, igmp_is_copied);
	tcase_add_test(t, full_ring_loses_and_counts);
	tcase_add_test(t, copies_leave_room);
	tcase_add_test(t, frames_of_a_port_that_is_gone);
	tcase_add_test(t, injected_out_of_a_port);
	tcase_add_test(t, nothing_is_torn_or_counted_twice);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
