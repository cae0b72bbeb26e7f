/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest side against the adapter, in one process: the bring-up dialogue, and the
 * test matrices of spec/qdio.md 14.3 and spec/osa-qeth.md 14.2 as far as they concern an
 * OSD. The driver checks as it goes; a test ends by asking for its violations.
 *
 *   guest 0 -- adapter 0 --+
 *                          loop
 *   guest 1 -- adapter 1 --+
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest/guest_priv.h"
#include "tests/inproc.h"
#include "tests/loop.h"

/* Rounds of each race: 14.3 wants a million, which a loaded machine has no time for at every check:
 * RACES=1000000 in the environment. */
#define RACES 100000u

struct side {
	struct inproc ip;
	struct guest_dev *d;
	struct guest_stats *stats;
	struct guest_config cfg;
};

static struct side side[2];
static struct loop *lan;

static void open_side(unsigned i, struct guest_config cfg, bool thin, bool cable)
{
	struct osa_config osa = inproc_osa_config((uint16_t)(0x0500 + 0x100 * i), thin);
	struct vs_link link = loop_link(lan, i);
	struct side *s = &side[i];
	struct guest_machine m;

	cfg.check_all = true;
	cfg.timeout_ms = 100;
	s->cfg = cfg;
	ck_assert_int_eq(inproc_open(&s->ip, &osa, &cfg), 0);
	if (cable)
		osa_set_link(s->ip.osa, &link);
	s->d = guest_dev_create(&cfg, &s->ip.st);
	ck_assert_ptr_nonnull(s->d);
	s->stats = guest_dev_stats(s->d);
	inproc_machine(&s->ip, &m);
	guest_dev_connect(s->d, &m);
}

static void close_side(unsigned i)
{
	guest_dev_destroy(side[i].d);
	inproc_close(&side[i].ip);
}

static void no_violations(unsigned i)
{
	for (unsigned v = 0; v < GUEST_VIOLATION_COUNT; v++)
		ck_assert_msg(side[i].stats->violation[v] == 0, "guest %u: %s", i,
			      guest_violation_text(v));
}

static void online(unsigned i)
{
	ck_assert_int_eq(guest_online(side[i].d), 0);
	no_violations(i);
}

static void setup(void)
{
	lan = loop_new();
	open_side(0, (struct guest_config){.checksum = true, .tso = true}, true, true);
	open_side(1, (struct guest_config){.checksum = true, .tso = true}, true, true);
}

static void teardown(void)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!side[i].d)
			continue;
		no_violations(i);
		close_side(i);
		side[i].d = NULL;
	}
	loop_free(lan);
}

/* Take what a guest received. Return: how many. */
static unsigned receive(unsigned i, struct guest_rx *rx, unsigned max)
{
	unsigned n = guest_rx_burst(side[i].d, rx, max);

	return n;
}

static void make_frame(uint8_t *p, uint32_t len, unsigned seq)
{
	memset(p, (int)(seq & 0xFF), len);
	p[0] = 0x02;
	be32_store(p + 14, seq);
}

/* Send n frames of a length from guest 0 and check that they arrive at guest 1, in order. */
static void transfer(unsigned n, uint32_t len, unsigned per_sbal)
{
	struct guest_rx rx[64];
	struct guest_frame f[60];
	static uint8_t data[60][9100];
	unsigned sent = 0, got = 0, k;
	uint64_t errors = side[0].stats->tx_errors;

	while (got < n) {
		unsigned want = n - sent < 60 ? n - sent : 60;

		for (unsigned i = 0; i < want; i++) {
			make_frame(data[i], len, sent + i);
			f[i] = (struct guest_frame){.data = data[i], .len = len};
		}
		if (want)
			sent += guest_tx_frames(side[0].d, 0, f, want, per_sbal);
		loop_run(lan);
		guest_tx_reclaim(side[0].d, 0);
		while ((k = receive(1, rx, 64))) {
			for (unsigned i = 0; i < k; i++, got++) {
				ck_assert_uint_eq(rx[i].len, len);
				ck_assert_uint_eq(be32_load(rx[i].data + 14), got);
				ck_assert_uint_eq(rx[i].data[len - 1], got & 0xFF);
			}
			guest_rx_release(side[1].d);
		}
	}
	ck_assert_uint_eq(guest_tx_busy(side[0].d, 0), 0);
	ck_assert_uint_eq(side[0].stats->tx_errors, errors);
}

/* ---- bring-up ------------------------------------------------------------------------ */

static const struct {
	unsigned n;
	struct guest_config cfg;
	bool thin, cable;
} bring_ups[] = {
	{1, {.checksum = true, .tso = true}, true, true},
	{2, {.irq = GUEST_IRQ_CLASSIC}, true, true},
	{3, {.irq = GUEST_IRQ_AUTO}, false, true},
	{4, {.out_queues = 4}, true, true},
	{5, {.desc_words = 10, .out_queues = 4}, true, true}, /* 14.3 row 15 */
	{6, {.pool = 8}, true, false},
	{7, {.pool = 128}, true, true},
};

START_TEST(test_bring_up)
{
	struct guest_info info;
	struct osa_info osa;

	close_side(0);
	open_side(0, bring_ups[_i].cfg, bring_ups[_i].thin, bring_ups[_i].cable);
	online(0);
	guest_info(side[0].d, &info);
	osa_info(side[0].ip.osa, &osa);
	ck_assert(info.online && osa.data_active);
	ck_assert_int_eq(info.carrier, bring_ups[_i].cable);
	ck_assert_int_eq(info.thin,
			 bring_ups[_i].thin && bring_ups[_i].cfg.irq != GUEST_IRQ_CLASSIC);
	ck_assert_uint_eq(info.mtu_max, 9000);
	ck_assert_uint_eq(osa.layer, 2);
	ck_assert_mem_eq(osa.mac, info.mac, 6);
	ck_assert_uint_eq(info.mac[5], 0x00);
	ck_assert_int_eq(info.tso, bring_ups[_i].cfg.tso);
	ck_assert_int_eq(info.tx_checksum, bring_ups[_i].cfg.checksum);
	ck_assert_int_eq(info.rx_checksum, bring_ups[_i].cfg.checksum);
	if (bring_ups[_i].cable)
		ck_assert(loop_has_mac(lan, 0, info.mac));
	/* As often as one likes. */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(guest_recover(side[0].d), 0);
	ck_assert_int_eq(guest_offline(side[0].d), 0);
	osa_info(side[0].ip.osa, &osa);
	ck_assert(!osa.data_active && osa.layer == 0);
}
END_TEST

/* osa 14.2 item 1: a port that is not there. */
START_TEST(test_wrong_port)
{
	close_side(0);
	open_side(0, (struct guest_config){.port_no = 5}, true, true);
	ck_assert_int_lt(guest_online(side[0].d), 0);
	no_violations(0);
}
END_TEST

/* Items 1 and 6: IDX again without a clear is a new session, whose tables are empty. */
START_TEST(test_second_idx)
{
	struct guest_dev *d = side[0].d;
	struct osa_info osa;

	online(0);
	ck_assert_int_eq(guest_sch_clear(d, 0), 0);
	ck_assert_int_eq(guest_idx(d, 0), 0);
	ck_assert_int_eq(guest_idx(d, 1), 0);
	osa_info(side[0].ip.osa, &osa);
	ck_assert_mem_eq(osa.mac, "\0\0\0\0\0\0", 6);
	ck_assert_int_eq(guest_recover(d), 0);
}
END_TEST

/* Item 2: a READ is held; CLEAR ends it; an answer that was ready before the READ is kept. */
START_TEST(test_read_pending)
{
	struct guest_dev *d = side[0].d;
	uint64_t before;

	online(0);
	ck_assert(d->sch[0].busy);
	before = side[0].ip.interrupts[0];
	ck_assert_int_eq(guest_sch_clear(d, 0), 0);
	ck_assert_uint_eq(side[0].ip.interrupts[0], before + 1);
	ck_assert(!d->sch[0].busy);
	ck_assert_int_eq(guest_sch_clear(d, 0), 0); /* idle, and twice */
	ck_assert_uint_eq(side[0].ip.interrupts[0], before + 2);
	ck_assert_int_eq(guest_recover(d), 0);
}
END_TEST

/* ---- IPA -------------------------------------------------------------------------------- */

/* Item 4: several in flight, waited for in reverse. */
START_TEST(test_interleaved)
{
	static const uint8_t cmd[] = {OSA_QIPASSIST, OSA_SETVLAN, OSA_STARTLAN, OSA_DELVLAN};
	static const uint16_t prot[] = {4, 4, 0, 4};
	struct osa_data_vlan vlan = {.vid = be16_of(7)};
	int seq[4];

	online(0);
	for (unsigned i = 0; i < 4; i++) {
		seq[i] = guest_ipa_send(side[0].d, cmd[i], prot[i], i % 2 ? &vlan : NULL,
					i % 2 ? sizeof(vlan) : 0);
		ck_assert_int_ge(seq[i], 0);
	}
	for (unsigned i = 4; i-- > 0;)
		ck_assert_int_eq(guest_ipa_wait(side[0].d, seq[i], NULL, 0, NULL), 0);
}
END_TEST

static const struct {
	unsigned n;
	uint8_t cmd;
	uint16_t prot;
	size_t len;
	uint8_t data[12];
	int rc; /* -1: any but 0 */
} commands[] = {
	{1, 0x99, 0, 0, {0}, -1},
	{2, OSA_SETVMAC, 4, 10, {0, 0, 0, 6, 2, 0, 0, 0, 0, 1}, 0},
	{3, OSA_SETVMAC, 4, 10, {0, 0, 0, 6, 3, 0, 0, 0, 0, 1}, -1},
	{4, OSA_SETVMAC, 4, 10, {0, 0, 0, 5, 2, 0, 0, 0, 0, 1}, -1},
	{5, OSA_SETVMAC, 4, 3, {0, 0, 0}, -1},
	{6, OSA_DELVMAC, 4, 10, {0, 0, 0, 6, 2, 0, 0, 0, 9, 9}, 0x2010},
	{7, OSA_SETGMAC, 4, 10, {0, 0, 0, 6, 1, 0, 0x5E, 0, 0, 1}, 0},
	{8, OSA_DELGMAC, 4, 10, {0, 0, 0, 6, 1, 0, 0x5E, 9, 9, 9}, 0x200B},
	{9, OSA_SETVLAN, 4, 2, {0, 5}, 0},
	{10, OSA_SETVLAN, 4, 2, {0x10, 0}, 0x2015},
	{11, OSA_SETVLAN, 4, 2, {0xFF, 0xFF}, 0x2015},
	{12, OSA_DELVLAN, 4, 2, {0, 9}, 0x2017},
	{13, OSA_DELVLAN, 4, 1, {0}, -1},
	{14, OSA_STARTLAN, 0, 0, {0}, 0},
	{15, OSA_SETASSPARMS, 4, 4, {0}, -1},
	{16, OSA_SETADAPTERPARMS, 4, 8, {0}, -1},
	{17, OSA_SETIP, 4, 12, {10, 0, 0, 1}, -1},
};

START_TEST(test_command)
{
	int seq, rc;

	online(0);
	for (unsigned round = 0; round < 2; round++) {
		seq = guest_ipa_send(side[0].d, commands[_i].cmd, commands[_i].prot,
				     commands[_i].data, commands[_i].len);
		ck_assert_int_ge(seq, 0);
		rc = guest_ipa_wait(side[0].d, seq, NULL, 0, NULL);
		if (round == 1) /* repetition: an answer, whichever */
			ck_assert_int_ge(rc, 0);
		else if (commands[_i].rc < 0)
			ck_assert_int_gt(rc, 0);
		else
			ck_assert_int_eq(rc, commands[_i].rc);
	}
	/* Still alive, and nothing else changed. */
	ck_assert_uint_eq(guest_service(side[0].d), 0);
	ck_assert_int_eq(guest_vid_add(side[0].d, 77), 0);
}
END_TEST

/* Items 5, 6: what is registered reaches the link, and a clear takes it away. */
START_TEST(test_registrations)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9}, group[6] = {1, 0, 0x5E, 0, 0, 9};
	static const uint8_t other[6] = {2, 0x5A, 0, 0, 6, 0}; /* guest 1's */
	struct guest_dev *d = side[0].d;

	online(0);
	online(1);
	ck_assert_int_eq(guest_mac_add(d, mac), 0);
	ck_assert_int_eq(guest_group_add(d, group), 0);
	ck_assert_int_eq(guest_vid_add(d, 5), 0);
	ck_assert_int_eq(guest_promisc(d, true), 0);
	ck_assert(loop_has_mac(lan, 0, mac) && loop_has_mac(lan, 0, group));
	ck_assert(lan->port[0].vid[5] && lan->port[0].promisc);
	ck_assert_int_eq(guest_mac_add(d, other), -EADDRINUSE);
	ck_assert_int_eq(guest_recover(d), 0); /* all of it comes back */
	ck_assert(loop_has_mac(lan, 0, mac) && loop_has_mac(lan, 0, group));
	ck_assert(lan->port[0].vid[5] && lan->port[0].promisc);
	ck_assert_int_eq(guest_mac_del(d, mac), 0);
	ck_assert_int_eq(guest_group_del(d, group), 0);
	ck_assert_int_eq(guest_vid_del(d, 5), 0);
	ck_assert_int_eq(guest_promisc(d, false), 0);
	ck_assert(!loop_has_mac(lan, 0, mac) && !loop_has_mac(lan, 0, group));
	ck_assert(!lan->port[0].vid[5] && !lan->port[0].promisc);
	ck_assert_int_eq(guest_offline(d), 0);
	ck_assert_uint_eq(lan->port[0].n_macs, 0);
}
END_TEST

START_TEST(test_mac_change)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct guest_info info;

	online(0);
	guest_info(side[0].d, &info);
	ck_assert_int_eq(guest_mac_change(side[0].d, mac), 0);
	ck_assert(loop_has_mac(lan, 0, mac) && !loop_has_mac(lan, 0, info.mac));
	ck_assert_int_eq(guest_recover(side[0].d), 0);
	ck_assert(loop_has_mac(lan, 0, mac));
}
END_TEST

/* Item 11: the cable is pulled and put back. */
START_TEST(test_cable)
{
	struct vs_link link = loop_link(lan, 0);
	struct guest_info info;

	online(0);
	osa_set_link(side[0].ip.osa, NULL);
	ck_assert_uint_eq(guest_service(side[0].d), GUEST_EV_STOPLAN);
	guest_info(side[0].d, &info);
	ck_assert(!info.carrier && info.online);
	osa_set_link(side[0].ip.osa, &link);
	ck_assert_uint_eq(guest_service(side[0].d), GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(side[0].d), 0);
	guest_info(side[0].d, &info);
	ck_assert(info.carrier);
	ck_assert(loop_has_mac(lan, 0, info.mac));
}
END_TEST

/* A plug and a replug while a command waits for its reply: it gets it, the events are kept. */
START_TEST(test_events_between)
{
	struct vs_link link = loop_link(lan, 0);

	online(0);
	for (unsigned i = 0; i < 3; i++) {
		osa_set_link(side[0].ip.osa, NULL);
		osa_set_link(side[0].ip.osa, &link);
	}
	ck_assert_int_eq(guest_vid_add(side[0].d, 5), 0);
	ck_assert_uint_eq(guest_service(side[0].d), GUEST_EV_STOPLAN | GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(side[0].d), 0);
	ck_assert_uint_eq(guest_service(side[0].d), 0);
	ck_assert(lan->port[0].vid[5]);
}
END_TEST

START_TEST(test_machine_gone)
{
	struct guest_frame f = {.data = (const uint8_t *)"\2aaaaaaaaaaaaaaaaaaaaaaaaaa", .len = 20};

	online(0);
	side[0].ip.gone = true;
	guest_tx_frames(side[0].d, 0, &f, 1, 1);
	ck_assert_uint_eq(guest_service(side[0].d), GUEST_EV_LOST);
	ck_assert_int_eq(guest_recover(side[0].d), -ENOTCONN);
	ck_assert_int_eq(guest_vid_add(side[0].d, 1), 0); /* remembered for the next one */
}
END_TEST

/* The adapter gives the queues up: activate check, recovery, traffic. */
START_TEST(test_activate_check)
{
	online(0);
	online(1);
	qdio_group_broken(osa_group(side[0].ip.osa));
	ck_assert_uint_eq(guest_service(side[0].d), GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(side[0].d), 0);
	transfer(100, 60, 1);
}
END_TEST

/* ---- qdio 14.3 --------------------------------------------------------------------------- */

static const struct {
	unsigned n, frames;
	uint32_t len;
	unsigned per_sbal;
} transfers[] = {
	{1, 1000, 60, 1},   {2, 1000, 60, 15}, {3, 1000, 1514, 1}, {4, 1000, 1514, 15},
	{5, 500, 4064, 3},  {6, 300, 9018, 1}, {7, 300, 9018, 5},  {8, 1000, 18, 7},
	{9, 1000, 4065, 7}, {10, 33, 200, 4},
};

/* Rows 1, 7: order, wrap, lengths and last-entry flags. */
START_TEST(test_transfer)
{
	online(0);
	online(1);
	transfer(transfers[_i].frames, transfers[_i].len, transfers[_i].per_sbal);
	ck_assert_uint_eq(side[1].stats->rx_errors, 0);
}
END_TEST

/* Prime n SBALs of one frame on a queue, without a look at the state before them. */
static void prime(unsigned q, unsigned n, uint8_t sflags)
{
	struct guest_txq *t = &side[0].d->tx[q];
	static uint8_t frame[60] = {2};
	struct guest_slot s;
	uint32_t room;

	for (unsigned i = 0; i < n; i++) {
		ck_assert(guest_slot_open(side[0].d, q, &s));
		memcpy(guest_slot_room(&s, &room), frame, sizeof(frame));
		ck_assert(guest_slot_add(&s, sizeof(frame), 0, 0, 0));
		guest_slot_commit(side[0].d, &s);
		s.sbal->e[0].sflags = sflags;
		atomic_store(&t->slsb[(t->oldest + t->busy) % 128], QDIO_OUT_PRIMED);
		t->busy++;
		t->ready--;
	}
}

/* Row 2 */
START_TEST(test_all_primed)
{
	online(0);
	online(1);
	prime(0, 128, 0);
	ck_assert_int_eq(guest_siga(side[0].d, QDIO_SIGA_W, 0), 0);
	loop_run(lan);
	ck_assert_uint_eq(guest_tx_reclaim(side[0].d, 0), 128);
}
END_TEST

/* Rows 4, 5, 9, 22: what a completion signals, in both interruption models. */
START_TEST(test_pci)
{
	bool thin = _i & 1, flag = _i & 2;
	_Atomic uint64_t *count, *other;

	close_side(0);
	open_side(0, (struct guest_config){.pci_at = 200}, thin, true);
	count = thin ? &side[0].ip.airqs : &side[0].ip.pcis;
	other = thin ? &side[0].ip.pcis : &side[0].ip.airqs;
	online(0);
	online(1);
	prime(0, 4, 0);
	prime(0, 1, flag ? QDIO_SBALF0_PCI : 0);
	prime(0, 5, 0);
	atomic_store(count, 0);
	loop_run(lan);
	if (flag) {
		ck_assert_uint_ge(atomic_load(count), 1);
		ck_assert(guest_irq_ack(side[0].d));
	}
	ck_assert_uint_eq(atomic_load(other), 0);
	ck_assert_uint_eq(guest_tx_reclaim(side[0].d, 0), 10);
}
END_TEST

/* Row 6: no buffer: frames are dropped and no state changes; later it goes on at the cursor. */
START_TEST(test_empty_ring)
{
	struct guest_rx rx[64];
	uint8_t before[128];
	unsigned n = 0, k;

	close_side(1);
	open_side(1, (struct guest_config){.pool = 4, .refill = 1}, true, true);
	online(0);
	online(1);
	for (unsigned i = 0; i < 10; i++) {
		prime(0, 1, 0);
		loop_run(lan);
		guest_tx_reclaim(side[0].d, 0);
	}
	ck_assert_uint_eq(lan->port[1].dropped[VS_DROP_TX_NO_BUFFER], 6);
	memcpy(before, (void *)(uintptr_t)side[1].d->rx.slsb, 128);
	prime(0, 1, 0);
	loop_run(lan);
	ck_assert_mem_eq(before, (void *)(uintptr_t)side[1].d->rx.slsb, 128);
	ck_assert_uint_eq(receive(1, rx, 64), 4);
	guest_rx_release(side[1].d);
	for (unsigned i = 0; i < 300; i++) {
		prime(0, 1, 0);
		loop_run(lan);
		guest_tx_reclaim(side[0].d, 0);
		k = receive(1, rx, 64);
		n += k;
		guest_rx_release(side[1].d);
	}
	ck_assert_uint_eq(n, 300);
}
END_TEST

/* Row 10: a SIGA for one queue serves all that were signalled before. */
START_TEST(test_four_queues)
{
	close_side(0);
	open_side(0, (struct guest_config){.out_queues = 4}, true, true);
	online(0);
	online(1);
	for (unsigned q = 0; q < 4; q++) {
		prime(q, 5, 0);
		ck_assert_int_eq(guest_siga(side[0].d, QDIO_SIGA_W, q), 0);
	}
	prime(2, 5, 0);
	ck_assert_int_eq(guest_siga(side[0].d, QDIO_SIGA_W, 2), 0);
	loop_run(lan);
	for (unsigned q = 0; q < 4; q++)
		ck_assert_uint_eq(guest_tx_reclaim(side[0].d, q), q == 2 ? 10 : 5);
}
END_TEST

/* Rows 11, 12 and osa 14.2 item 7: output SBALs that break the rules. */
enum crime {
	ADDR_BEYOND,
	ADDR_WRAP,
	ADDR_ZERO,
	NO_LAST,
	LENGTH_ZERO,
	LENGTH_HUGE,
	HEADER_CUT,
	LEN_MORE,
	LEN_LESS,
	ID_BAD,
	TSO_NO_EXT,
	RUNT,
};

static const struct {
	unsigned n;
	enum crime crime;
	bool error; /* must come back as 0xAF */
} crimes[] = {
	{1, ADDR_BEYOND, true}, {2, ADDR_WRAP, true},	{3, ADDR_ZERO, true},	{4, NO_LAST, true},
	{5, LENGTH_ZERO, true}, {6, LENGTH_HUGE, true}, {7, HEADER_CUT, true},	{8, LEN_MORE, true},
	{9, LEN_LESS, false},	{10, ID_BAD, true},	{11, TSO_NO_EXT, true}, {12, RUNT, false},
};

static void commit_crime(enum crime what, struct qdio_sbal *sbal)
{
	uint8_t *header = side[0].ip.st.host + (be64_get(sbal->e[0].addr) - side[0].ip.st.base);

	switch (what) {
	case ADDR_BEYOND:
		sbal->e[0].addr = be64_of(side[0].ip.st.base + side[0].ip.st.bytes - 16);
		break;
	case ADDR_WRAP:
		sbal->e[0].addr = be64_of(UINT64_MAX - 16);
		break;
	case ADDR_ZERO:
		sbal->e[0].addr = be64_of(0);
		break;
	case NO_LAST:
		for (unsigned e = 0; e < 16; e++)
			sbal->e[e] = sbal->e[0];
		for (unsigned e = 0; e < 16; e++)
			sbal->e[e].eflags = 0;
		break;
	case LENGTH_ZERO:
		sbal->e[0].length = be32_of(0);
		break;
	case LENGTH_HUGE:
		sbal->e[0].length = be32_of(0xFFFFFFF0u);
		break;
	case HEADER_CUT:
		sbal->e[0].length = be32_of(31);
		break;
	case LEN_MORE:
		be16_store(header + 6, 61);
		break;
	case LEN_LESS:
		be16_store(header + 6, 59);
		break;
	case ID_BAD:
		header[0] = 0x7F;
		break;
	case TSO_NO_EXT:
		header[0] = OSA_HDR_LAYER2_TSO;
		sbal->e[0].length = be32_of(40);
		break;
	case RUNT:
		be16_store(header + 6, 13);
		sbal->e[0].length = be32_of(32 + 13);
		break;
	}
}

START_TEST(test_crime)
{
	struct guest_txq *t = &side[0].d->tx[0];
	struct guest_rx rx[8];
	bool arrived = false;

	online(0);
	online(1);
	prime(0, 2, 0);
	commit_crime(crimes[_i].crime, &t->sbal[0]);
	loop_run(lan);
	ck_assert_uint_eq(guest_tx_reclaim(side[0].d, 0), 2);
	if (crimes[_i].error) {
		ck_assert_uint_eq(side[0].stats->tx_errors, 1);
		ck_assert_uint_eq(side[0].stats->tx_error_reason, QDIO_REASON_BAD_BUFFER);
	}
	/* The queue goes on: the second frame arrives. */
	while (receive(1, rx, 8))
		arrived = true;
	ck_assert(arrived);
	transfer(10, 60, 1);
}
END_TEST

/* Row 13 */
static const struct {
	unsigned n;
	uint64_t gr0, gr1, gr2;
	int cc;
} sigas[] = {
	{1, QDIO_SIGA_W, 0, 0x80000000, 0},
	{2, QDIO_SIGA_W, 0, 0xFFFFFFFF80000000, 0},
	{3, QDIO_SIGA_W, 0, 0, 0},
	{4, QDIO_SIGA_W, 0, 0x00000001, 0}, /* no such queue: ignored */
	{5, QDIO_SIGA_R, 0, 0x80000000, 0},
	{6, QDIO_SIGA_S, 0, 0x80000000, 0},
	{7, 5, 0, 0x80000000, GUEST_PGM(QDIO_PGM_SPECIFICATION)},
	{8, QDIO_SIGA_W, 0x12345678, 0x80000000, GUEST_PGM(QDIO_PGM_OPERAND)},
	{9, QDIO_SIGA_W, 0x0001FFFF, 0x80000000, 3},
	{10, QDIO_SIGA_W | QDIO_SIGA_TOKEN, 0x1234, 0x80000000, 3},
};

START_TEST(test_siga)
{
	struct guest_machine m;
	uint64_t gr0 = sigas[_i].gr0, gr1 = sigas[_i].gr1;
	int cc;

	online(0);
	inproc_machine(&side[0].ip, &m);
	if (!gr1)
		gr1 = QDIO_SCHID(m.subchannel[2]);
	cc = m.ops->siga(m.ctx, &gr0, gr1, sigas[_i].gr2, 0);
	ck_assert_int_eq(cc, sigas[_i].cc);
	ck_assert_uint_eq(gr0 & QDIO_SIGA_BUSY, 0);
	/* The two other subchannels carry no queues. */
	gr0 = QDIO_SIGA_W;
	ck_assert_int_ne(m.ops->siga(m.ctx, &gr0, QDIO_SCHID(m.subchannel[0]), 0x80000000, 0), 0);
}
END_TEST

/* Row 14: halt and clear in each state, twice: one interruption each, right function. */
enum life { IDLE, ESTABLISHED, ACTIVE, BROKEN };

static void reach(enum life state)
{
	struct guest_dev *d = side[0].d;

	online(0);
	if (state == ACTIVE)
		return;
	if (state == BROKEN) {
		qdio_group_broken(osa_group(side[0].ip.osa));
		guest_service(d);
		return;
	}
	ck_assert_int_eq(guest_sch_clear(d, 2), 0);
	if (state == ESTABLISHED) {
		guest_queues_build(d);
		ck_assert_int_eq(guest_eq(d), 0);
	}
}

START_TEST(test_halt_clear)
{
	struct guest_dev *d = side[0].d;
	enum life state = (enum life)(_i / 2);
	bool clear = _i % 2;
	uint64_t before;

	reach(state);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned dev = 0; dev < 3; dev++) {
			bool running = dev == 2 && state == ACTIVE && round == 0;
			uint32_t w0;

			before = side[0].ip.interrupts[dev];
			ck_assert_int_eq(clear ? guest_sch_clear(d, dev) : guest_sch_halt(d, dev),
					 0);
			ck_assert_uint_eq(side[0].ip.interrupts[dev], before + 1);
			w0 = be32_get(d->sch[dev].irb.scsw.w0);
			ck_assert(w0 & QDIO_SCSW_SC_PENDING);
			ck_assert(!!(w0 & QDIO_SCSW_FC_CLEAR) == clear);
			ck_assert(!!(w0 & QDIO_SCSW_FC_HALT) == !clear);
			if (running && !clear)
				ck_assert(w0 & QDIO_SCSW_FC_START);
		}
	ck_assert_int_eq(guest_recover(d), 0);
}
END_TEST

/* 14.2 step 7: after CSCH no byte of the queues changes. */
static uint64_t digest(const struct side *s)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < s->ip.st.bytes; i += 8) {
		uint64_t v;

		memcpy(&v, s->ip.st.host + i, 8);
		h = (h ^ v) * 1099511628211u;
	}
	return h;
}

START_TEST(test_quiet_after_clear)
{
	uint64_t before;

	online(0);
	online(1);
	transfer(50, 60, 1);
	ck_assert_int_eq(guest_sch_clear(side[1].d, 2), 0);
	before = digest(&side[1]);
	prime(0, 50, 0);
	loop_run(lan);
	ck_assert_uint_eq(digest(&side[1]), before);
	ck_assert_int_eq(guest_offline(side[1].d), 0);
}
END_TEST

/* Row 20: indicators reset: not stored any more, although frames come. */
START_TEST(test_indicator_reset)
{
	online(0);
	online(1);
	guest_irq_ack(side[1].d);
	prime(0, 1, 0);
	loop_run(lan);
	ck_assert(guest_irq_ack(side[1].d));
	ck_assert_int_eq(guest_chsc_sadc(side[1].d, false), 0);
	*(uint8_t *)guest_host(side[1].d, GUEST_AT_LSI) = 0;
	prime(0, 20, 0);
	loop_run(lan);
	ck_assert_uint_eq(atomic_load(guest_dsci(side[1].d)), 0);
	ck_assert_uint_eq(*(uint8_t *)guest_host(side[1].d, GUEST_AT_LSI), 0);
}
END_TEST

/* ---- two threads ------------------------------------------------------------------------------
 */

/* The switch's thread: polls, arms, sleeps on the doorbells, as zland's workers do. */
struct worker {
	pthread_t thread;
	_Atomic uint32_t want_kick;
	int bell;
	_Atomic bool stop;
	uint64_t sleeps;
};

static void ring(void *ctx)
{
	struct worker *w = ctx;
	uint64_t one = 1;

	if (atomic_load(&w->want_kick) && write(w->bell, &one, sizeof(one)) < 0)
		ck_abort_msg("doorbell");
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct pollfd p = {.fd = w->bell, .events = POLLIN};
	uint64_t n;

	while (!atomic_load(&w->stop)) {
		if (loop_poll(lan))
			continue;
		if (!loop_arm(lan)) {
			w->sleeps++;
			poll(&p, 1, -1);
		}
		loop_disarm(lan);
		if (read(w->bell, &n, sizeof(n)) < 0)
			continue;
	}
	return NULL;
}

static void start_worker(struct worker *w)
{
	memset(w, 0, sizeof(*w));
	w->bell = eventfd(0, EFD_NONBLOCK);
	for (unsigned i = 0; i < 2; i++) {
		struct osa_doorbell bell = {.want_kick = &w->want_kick, .fd = w->bell};

		osa_set_doorbell(side[i].ip.osa, &bell);
		side[i].ip.on_kick = ring;
		side[i].ip.ctx = w;
	}
}

static void stop_worker(struct worker *w)
{
	uint64_t one = 1;

	atomic_store(&w->stop, true);
	ck_assert_int_eq(write(w->bell, &one, sizeof(one)), sizeof(one));
	pthread_join(w->thread, NULL);
	close(w->bell);
}

static unsigned races(void)
{
	const char *n = getenv("RACES");

	return n ? (unsigned)strtoul(n, NULL, 10) : RACES;
}

/* Row 3: tack-on: no frame is stranded when the adapter goes idle as the next is primed. */
START_TEST(test_tack_on_race)
{
	struct guest_frame f = {.data = (const uint8_t *)"\2bbbbbbbbbbbbbbbbbbbbbbbbbb", .len = 20};
	struct guest_dev *d = side[0].d;
	unsigned n = races();
	struct worker w;

	start_worker(&w);
	online(0);
	pthread_create(&w.thread, NULL, work, &w);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(guest_tx_frames(d, 0, &f, 1, 1), 1);
		/* Sometimes behind one that is under way, sometimes into silence. */
		if (i % 3 == 0)
			ck_assert_uint_eq(guest_tx_frames(d, 0, &f, 1, 1), 1);
		while (guest_tx_busy(d, 0) > i % 2)
			guest_tx_reclaim(d, 0); /* a stranded frame: the test's time-out */
	}
	stop_worker(&w);
	printf("tack-on: %u races, %lu tack-ons, %lu sleeps\n", n,
	       (unsigned long)side[0].stats->tx_tack_ons, (unsigned long)w.sleeps);
	ck_assert_uint_eq(guest_service(d), 0);
	ck_assert_int_eq(guest_offline(d), 0);
}
END_TEST

/* Row 8: the guest stops polling as a frame comes: it is found or signalled. */
START_TEST(test_stop_race)
{
	struct guest_frame f = {.data = (const uint8_t *)"\2cccccccccccccccccccccccccc", .len = 20};
	struct guest_rx rx[64];
	struct worker w;
	uint64_t got = 0, stops = 0;
	unsigned n = races();
	bool polling = true;

	close_side(1);
	open_side(1, (struct guest_config){.pool = 16, .refill = 4}, _i, true);
	start_worker(&w);
	online(0);
	online(1);
	pthread_create(&w.thread, NULL, work, &w);
	for (unsigned i = 0; i < n; i++) {
		while (!guest_tx_frames(side[0].d, 0, &f, 1, 1))
			guest_tx_reclaim(side[0].d, 0);
		/* Until the frame is there: only what a driver may look at wakes it. */
		while (got < i + 1u - (i + 1u) % 4) {
			if (guest_irq_ack(side[1].d))
				polling = true;
			if (!polling)
				continue;
			got += receive(1, rx, 64);
			guest_rx_release(side[1].d);
			polling = guest_rx_stop(side[1].d);
			stops += !polling;
		}
	}
	stop_worker(&w);
	printf("stop polling: %lu stops, %lu interrupts\n", (unsigned long)stops,
	       (unsigned long)side[1].stats->interrupts);
	ck_assert_int_eq(guest_offline(side[0].d), 0);
	ck_assert_int_eq(guest_offline(side[1].d), 0);
}
END_TEST

/* ---- main ---------------------------------------------------------------------------------- */

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

static TCase *control_case(void)
{
	TCase *c = tcase_create("control");

	tcase_set_timeout(c, 30); /* a busy machine and sanitizers */
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_bring_up, 0, ROWS(bring_ups));
	tcase_add_test(c, test_wrong_port);
	tcase_add_test(c, test_second_idx);
	tcase_add_test(c, test_read_pending);
	tcase_add_test(c, test_interleaved);
	tcase_add_loop_test(c, test_command, 0, ROWS(commands));
	tcase_add_test(c, test_registrations);
	tcase_add_test(c, test_mac_change);
	tcase_add_test(c, test_cable);
	tcase_add_test(c, test_events_between);
	tcase_add_test(c, test_machine_gone);
	tcase_add_test(c, test_activate_check);
	tcase_add_loop_test(c, test_halt_clear, 0, 8);
	return c;
}

static TCase *queue_case(void)
{
	TCase *c = tcase_create("queues");

	tcase_set_timeout(c, 30); /* a busy machine and sanitizers */
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_transfer, 0, ROWS(transfers));
	tcase_add_test(c, test_all_primed);
	tcase_add_loop_test(c, test_pci, 0, 4);
	tcase_add_test(c, test_empty_ring);
	tcase_add_test(c, test_four_queues);
	tcase_add_loop_test(c, test_crime, 0, ROWS(crimes));
	tcase_add_loop_test(c, test_siga, 0, ROWS(sigas));
	tcase_add_test(c, test_quiet_after_clear);
	tcase_add_test(c, test_indicator_reset);
	return c;
}

static TCase *race_case(void)
{
	TCase *c = tcase_create("races");

	tcase_set_timeout(c, 60.0 * races() / RACES);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_tack_on_race);
	tcase_add_loop_test(c, test_stop_race, 0, 2); /* classic, thin */
	return c;
}

int main(void)
{
	Suite *s = suite_create("guest-osa");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, control_case());
	suite_add_tcase(s, queue_case());
	suite_add_tcase(s, race_case());
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
