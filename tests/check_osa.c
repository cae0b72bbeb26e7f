/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adapter's life: its sessions, the cable, and what each end of a session forgets.
 * Messages: check_osa_mpc.c, check_osa_ipa.c, check_osa_modes.c.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_bed.h"

/* ---- creation ------------------------------------------------------------------------------ */

static const struct {
	unsigned n;
	uint16_t mtu;
	uint8_t mac0, mac5, port;
	int error; /* 0: made */
	unsigned mtu_told;
} creations[] = {
	{1, 0, 0x02, 1, 0, 0, 9000},	  {2, 576, 0x02, 1, 0, 0, 576},
	{3, 575, 0x02, 1, 0, EINVAL, 0},  {4, 65535, 0x02, 1, 0, 0, VS_FRAME_MAX - 18},
	{5, 1500, 0x03, 1, 0, EINVAL, 0}, {6, 1500, 0x00, 0, 0, EINVAL, 0},
	{7, 1500, 0x02, 1, 15, 0, 1500},  {8, 1500, 0x02, 1, 16, EINVAL, 0},
};

START_TEST(test_create)
{
	struct osa_config cfg = *osa_rig_config();
	struct osa_rig *r;

	cfg.mtu = creations[_i].mtu;
	memset(cfg.mac, 0, sizeof(cfg.mac));
	cfg.mac[0] = creations[_i].mac0;
	cfg.mac[5] = creations[_i].mac5;
	cfg.port_no = creations[_i].port;
	errno = 0;
	r = osa_rig_new(&cfg, false);
	ck_assert_msg(!r == !!creations[_i].error, "row %u", creations[_i].n);
	if (!r) {
		ck_assert_int_eq(errno, creations[_i].error);
		return;
	}
	ck_assert_int_eq(osa_rig_up(r), 0);
	ck_assert_uint_eq(r->a->data.frame_max, creations[_i].mtu_told + 18);
	ck_assert_uint_eq(r->a->cfg.mtu, creations[_i].mtu_told);
	osa_rig_free(r);
}
END_TEST

/* ---- the outbox ---------------------------------------------------------------------------- */

START_TEST(test_outbox_bounded)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	for (unsigned i = 0; i < OSA_OUTBOX_MAX; i++) {
		if (i == 1) { /* an event behind the first reply */
			osa_rig_plug(rig, false);
			continue;
		}
		ck_assert_int_eq(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection,
					     "\x01\x00\x00\x05\x00\x00\x01\x00\x02\x01\x00\x00"
					     "\x00\x00\x00\x00\x00\x00\x00\x00",
					     20),
				 0);
	}
	ck_assert_uint_eq(rig->a->outbox[RIG_READ].n, OSA_OUTBOX_MAX);
	/* One more takes the event's place, not that of a reply. */
	ck_assert_int_eq(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection,
				     "\x02\x00\x00\x06\x00\x00\x01\x00\x02\x01\x00\x00"
				     "\x00\x00\x00\x00\x00\x00\x00\x00",
				     20),
			 0);
	ck_assert_uint_eq(rig->a->outbox[RIG_READ].n, OSA_OUTBOX_MAX);
	ck_assert_uint_eq(rig->a->outbox_lost, 1);
	for (unsigned i = 0; i < OSA_OUTBOX_MAX - 1; i++) {
		ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 84);
		ck_assert_uint_eq(rig->msg[0x40], OSA_STARTLAN);
		ck_assert_uint_eq(rig->msg[0x41], 0);
	}
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 84);
	ck_assert_uint_eq(rig->msg[0x40], OSA_STOPLAN);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
}
END_TEST

START_TEST(test_short_read)
{
	uint8_t small[10];

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_pdu(rig, OSA_CLASS_IPA, rig->ulp_connection,
				     "\x01\x00\x00\x05\x00\x00\x01\x00\x02\x01\x00\x00"
				     "\x00\x00\x00\x00\x00\x00\x00\x00",
				     20),
			 0);
	ck_assert_uint_eq(osa_cu_ops.read(rig->a, RIG_READ, small, sizeof(small)), sizeof(small));
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
}
END_TEST

/* ---- the cable ----------------------------------------------------------------------------- */

static const uint8_t own_mac[10] = {0, 0, 0, 6, 2, 0, 0, 0, 0, 1};
static const uint8_t group_mac[10] = {0, 0, 0, 6, 1, 0, 0x5E, 0, 0, 1};
static const uint8_t vid5[2] = {0, 5};

static void register_all(void)
{
	const uint8_t promisc[28] = {[9] = 20, [14] = 0x08, [27] = 1};

	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETGMAC, 4, group_mac, 10), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVLAN, 4, vid5, 2), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, promisc, 28), 0);
	ck_assert_uint_eq(be32_load(rig->data + 24), 1);
}

static bool link_knows_all(void)
{
	return fake_link_has(&rig->link, own_mac + 4) && fake_link_has(&rig->link, group_mac + 4) &&
	       rig->link.vid[5] && rig->link.promisc;
}

static bool link_knows_nothing(void)
{
	return !rig->link.n_macs && !fake_link_vids(&rig->link) && !rig->link.promisc;
}

static bool adapter_knows_nothing(void)
{
	struct osa_info i = info();

	return !rig->a->registry.unicast.n && !rig->a->registry.group.n &&
	       !osa_registry_has_vid(&rig->a->registry, 5) && !i.promisc && !i.mac[0] &&
	       !i.assists && !i.isolation && !i.online && !i.layer;
}

START_TEST(test_link_uncoupled)
{
	osa_rig_plug(rig, false);
	ck_assert_int_eq(osa_rig_up(rig), 0); /* AQ succeeds */
	ck_assert(!rig->link.started);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0xE080);
	register_all();
	ck_assert_uint_eq(rig->link.calls, 0);
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	ck_assert(rig->link.started && link_knows_all());
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
}
END_TEST

START_TEST(test_link_events)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert(rig->link.started);
	osa_rig_plug(rig, false); /* before STARTLAN nobody is told */
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	register_all();
	ck_assert(link_knows_all());
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
	ck_assert_uint_eq(rig->data_len, 0);
	ck_assert(!rig->link.started && link_knows_nothing());
	/* Meanwhile the host may change what it has. */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DELVMAC, 4, own_mac, 10), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0);
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	ck_assert(link_knows_all());
	/* Another cable in its place: both events, everything carried over. */
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	ck_assert(link_knows_all());
	osa_rig_plug(rig, false);
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	ck_assert_uint_eq(osa_rig_event(rig), 0);
}
END_TEST

/* The new link refuses what the old one had: the guest learns it when it registers again. */
START_TEST(test_link_refuses_carried_over)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	register_all();
	osa_rig_plug(rig, false);
	rig->link.fail = -EEXIST;
	osa_rig_plug(rig, true);
	ck_assert(link_knows_nothing());
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0x2005);
	rig->link.fail = 0;
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0);
	ck_assert(fake_link_has(&rig->link, own_mac + 4));
	/* What the link never had can be deleted all the same. */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DELGMAC, 4, group_mac, 10), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DELVLAN, 4, vid5, 2), 0);
}
END_TEST

START_TEST(test_link_start_fails)
{
	rig->link.fail_start = -ENOSPC;
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_int_eq(osa_cu_ops.activate(rig->a, RIG_DATA, &rig->queues), -ENOSPC);
	ck_assert(!info().data_active);
	osa_rig_plug(rig, false);
	ck_assert_int_eq(osa_rig_up(rig), 0);
	osa_rig_plug(rig, true); /* as good as no cable */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0xE080);
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_event(rig), 0);
}
END_TEST

/* ---- what ends a session: 11.1 ------------------------------------------------------------- */

static void end_halt_data(void)
{
	osa_cu_ops.deactivate(rig->a, RIG_DATA);
	osa_cu_ops.reset(rig->a, RIG_DATA, QDIO_RESET_HALT);
}

static void end_clear_read(void)
{
	osa_cu_ops.reset(rig->a, RIG_READ, QDIO_RESET_CLEAR);
}

static void end_clear_all(void)
{
	osa_rig_clear(rig);
}

static void end_system(void)
{
	qdio_system_reset(rig->a->group);
}

static void end_idx_read(void)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
}

static void end_idx_write(void)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
}

static void end_takedown(void)
{
	static const uint8_t disable[12] = {0, 12, 0x41, 0x03};

	ck_assert_int_eq(osa_rig_pdu(rig, 0x81, rig->issuer, disable, 12), 0);
}

static const struct {
	unsigned n;
	void (*end)(void);
} ends[] = {
	{1, end_halt_data}, {2, end_clear_read}, {3, end_clear_all}, {4, end_system},
	{5, end_idx_read},  {6, end_idx_write},	 {7, end_takedown},
};

START_TEST(test_session_ends)
{
	static const uint8_t isolate[36] = {[9] = 28, [13] = 1, [27] = 2};
	static const uint8_t csum[12] = {[3] = 2, [5] = 8, [7] = 1};
	static const uint8_t enable[16] = {[3] = 2, [5] = 12, [7] = 4, [15] = 0x18};
	static const uint8_t arm[24] = {[9] = 16, [15] = 2, [16] = 1, [17] = 1};
	static const uint8_t learning[24] = {[9] = 16, [15] = 2, [16] = 0x20};

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	register_all();
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, isolate, 36), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETASSPARMS, 4, csum, 12), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETASSPARMS, 4, enable, 16), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_VNICC, 0, learning, 24), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETDIAGASS, 0, arm, 24), 0);
	ck_assert(rig->a->trap_armed);
	ck_assert_uint_ne(atomic_load(&rig->a->data.rx_csum), 0);
	ck_assert(link_knows_all() && info().isolation == 2 && info().online);
	ends[_i].end();
	ck_assert_msg(link_knows_nothing() && adapter_knows_nothing(), "row %u", ends[_i].n);
	ck_assert_uint_eq(atomic_load(&rig->a->data.rx_csum), 0);
	ck_assert_uint_eq(rig->a->vnicc.enabled, OSA_CHAR_RX_BCAST);
	ck_assert(!rig->a->trap_armed);
	ck_assert_int_lt(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	/* and the cable may move without a word to the host */
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_READ), 0);
	osa_rig_plug(rig, true);
	osa_rig_clear(rig);
	ck_assert_int_eq(osa_rig_up(rig), 0);
	register_all();
	ck_assert(link_knows_all());
}
END_TEST

/* After CLEAR nothing is valid before new IDX messages, and no old answer is left. */
START_TEST(test_clear_ends_roles)
{
	static const uint8_t idx[0x22] = {[2] = 0x80, [8] = 0x15, [9] = 1, [11] = 0xC0};
	struct osa_info before;

	ck_assert_int_eq(osa_rig_up(rig), 0);
	osa_rig_clear(rig);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	before = info();
	ck_assert_int_lt(osa_rig_cm_enable(rig), 0);
	ck_assert_uint_eq(info().malformed, before.malformed + 1);
	ck_assert_int_eq(osa_rig_send(rig, RIG_WRITE, idx, sizeof(idx)), 0);
	osa_cu_ops.reset(rig->a, RIG_WRITE, QDIO_RESET_CLEAR);
	ck_assert_uint_eq(osa_rig_read(rig, RIG_WRITE), 0);
}
END_TEST

/* CLEAR of the write device alone ends only its role. */
START_TEST(test_reset_write)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	register_all();
	osa_cu_ops.reset(rig->a, RIG_WRITE, QDIO_RESET_CLEAR);
	ck_assert(link_knows_all());
	ck_assert_int_lt(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
}
END_TEST

/* Queues end and start again in one session: registrations survive, the link is told anew. */
START_TEST(test_queues_again)
{
	ck_assert_int_eq(osa_rig_up(rig), 0);
	register_all();
	osa_cu_ops.deactivate(rig->a, RIG_DATA);
	ck_assert(!rig->link.started && link_knows_nothing() && !info().data_active);
	osa_rig_activate(rig);
	ck_assert(rig->link.started && link_knows_all() && info().data_active);
	ck_assert_uint_eq(rig->link.starts, 2);
	ck_assert_uint_eq(rig->link.stops, 1);
}
END_TEST

/* Registering before the queues are active is kept for when they are. */
START_TEST(test_register_before_queues)
{
	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, 8), 0);
	ck_assert_int_eq(osa_rig_ulp_setup(rig), 0);
	ck_assert_int_eq(osa_rig_dm_act(rig), 0);
	register_all();
	ck_assert_uint_eq(rig->link.calls, 0);
	osa_rig_activate(rig);
	ck_assert(link_knows_all());
}
END_TEST

/* ---- trace --------------------------------------------------------------------------------- */

struct heard {
	unsigned n;
	enum osa_trace_dir dir[4];
	char text[4][160];
};

static void hear(void *ctx, enum osa_trace_dir dir, unsigned dev, const uint8_t *msg, size_t len)
{
	struct heard *h = ctx;

	(void)dev;
	if (h->n < 4) {
		h->dir[h->n] = dir;
		osa_trace_text(msg, len, h->text[h->n], sizeof(h->text[0]));
	}
	h->n++;
}

START_TEST(test_trace)
{
	struct heard h = {0};

	ck_assert_int_eq(osa_rig_up(rig), 0);
	rig->ipa_seq = 6;
	osa_set_trace(rig->a, hear, &h);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DELGMAC, 4, group_mac, 10), 0x200B);
	ck_assert_uint_eq(h.n, 4);
	ck_assert_int_eq(h.dir[0], OSA_TRACE_FROM_HOST);
	ck_assert_int_eq(h.dir[1], OSA_TRACE_TO_HOST);
	ck_assert_str_eq(h.text[0], "IPA SETVMAC request seq=7 02:00:00:00:00:01");
	ck_assert_str_eq(h.text[1], "IPA SETVMAC reply seq=7 rc=0000 02:00:00:00:00:01");
	ck_assert_str_eq(h.text[3], "IPA DELGMAC reply seq=8 rc=200b (group MAC not found) "
				    "01:00:5e:00:00:01");
	osa_set_trace(rig->a, NULL, NULL);
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(h.n, 4);
}
END_TEST

/* The exchange in which a host says what it wants and hears what it gets. */
START_TEST(test_trace_ulp_enable)
{
	struct heard h = {0};

	ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
	ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
	ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
	ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
	osa_set_trace(rig->a, hear, &h);
	ck_assert_int_eq(osa_rig_ulp_enable(rig, OSA_PROTOCOL_LAYER2), 0);
	ck_assert_uint_eq(h.n, 2);
	ck_assert_str_eq(h.text[0], "ULP_ENABLE request layer=2 port=0");
	ck_assert_str_eq(h.text[1], "ULP_ENABLE answer layer=2 port=0 mtu=8992 link-type=10");
}
END_TEST

/* Every prefix of a message, into every size of buffer: terminated, nothing beyond. */
START_TEST(test_trace_bounds)
{
	char buf[64];

	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETVMAC, 4, own_mac, 10), 0);
	for (size_t len = 0; len <= rig->len; len++)
		for (size_t cap = 0; cap < sizeof(buf); cap++) {
			memset(buf, 'x', sizeof(buf));
			osa_trace_text(rig->msg, len, buf, cap);
			ck_assert_int_eq(buf[cap], 'x');
			if (cap)
				ck_assert(memchr(buf, 0, cap) != NULL);
		}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("osa");
	TCase *t = tcase_create("sessions");

	tcase_add_checked_fixture(t, setup_new, teardown);
#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))
	tcase_add_loop_test(t, test_create, 0, ROWS(creations));
	tcase_add_test(t, test_outbox_bounded);
	tcase_add_test(t, test_short_read);
	tcase_add_test(t, test_link_uncoupled);
	tcase_add_test(t, test_link_events);
	tcase_add_test(t, test_link_refuses_carried_over);
	tcase_add_test(t, test_link_start_fails);
	tcase_add_loop_test(t, test_session_ends, 0, ROWS(ends));
	tcase_add_test(t, test_clear_ends_roles);
	tcase_add_test(t, test_reset_write);
	tcase_add_test(t, test_queues_again);
	tcase_add_test(t, test_register_before_queues);
	tcase_add_test(t, test_trace);
	tcase_add_test(t, test_trace_ulp_enable);
	tcase_add_test(t, test_trace_bounds);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
