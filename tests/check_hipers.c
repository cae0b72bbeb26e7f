/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets in one process: drivers of the guest side on one LAN, SIGA carried out by whoever
 * executes it. What spec/qdio.md 14.3 asks of an IQD (rows 16 to 19), the rules of who gets what
 * against a naive model, and hosts that misbehave.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/hiperbed.h"

/* ---- bring-up --------------------------------------------------------------------- */

START_TEST(test_sizes)
{
	static const uint32_t mtu[] = {8192, 16384, 32768, 57344};
	struct guest_info info;

	setup_mfs((enum hs_mfs)(_i / 2));
	online(0, (struct guest_config){.layer = _i % 2 ? 3 : 2});
	guest_info(host[0].d, &info);
	ck_assert_uint_eq(info.mtu_max, mtu[_i / 2]);
	ck_assert_uint_eq(info.mfs, mtu[_i / 2] + 8192);
	ck_assert(info.thin);
	ck_assert_uint_eq(host[0].d->qdioac3 & QDIO_AC3_CQ, 0);
}
END_TEST

/* Where nobody executes SIGA-wm none is offered. */
START_TEST(test_single)
{
	const struct hs_config cfg = {.osa = inproc_osa_config(0x0700, true), .single = _i};
	const struct guest_config guest = {.iqd = true};
	struct inproc ip;

	ck_assert_int_eq(inproc_open_hs(&ip, &cfg, &guest), 0);
	ck_assert_uint_eq(qdio_group_config(osa_group(ip.osa))->mmwc == 0, (unsigned)_i);
	inproc_close(&ip);
}
END_TEST

/* A LAN of another size: the host learns it when it comes back. */
START_TEST(test_other_lan)
{
	struct hs_lan *other = hs_lan_create(HS_MFS_16K, 1), *first = lan;
	struct guest_info info;

	online(0, (struct guest_config){0});
	hs_plug(host[0].ip.hs, NULL, NULL);
	hs_plug(host[0].ip.hs, other, NULL);
	ck_assert_uint_eq(guest_service(host[0].d) & GUEST_EV_RECOVER, GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(host[0].d), 0);
	guest_info(host[0].d, &info);
	ck_assert_uint_eq(info.mtu_max, 8192);
	lan = other;
	online(1, (struct guest_config){0});
	struct guest_frame f = frame(0, mac_of(1), 8192 + 14, 3);

	send(0, &f);
	expect(1, 8192 + 14, 3);
	close_host(0);
	close_host(1);
	hs_lan_destroy(other);
	lan = first;
}
END_TEST

/* ---- delivery ------------------------------------------------------------------------ */

START_TEST(test_lengths)
{
	static const uint32_t len[] = {14,   15,   60,	 64,   65,    1514,  4063,
				       4064, 4065, 8160, 9000, 57358, 57362, 61000};

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	for (unsigned k = 0; k < 40; k++)
		for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i += k ? 5 : 1) {
			struct guest_frame f = frame(0, mac_of(1), len[i], (uint8_t)(i + k));

			send(0, &f);
			expect(1, len[i], (uint8_t)(i + k));
		}
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
}
END_TEST

/* Several frames of one buffer, several buffers of one SIGA-wm: all final when it ends. */
START_TEST(test_many)
{
	static uint8_t data[60][2000];
	struct guest_frame f[60];
	struct guest_rx rx[64];
	struct hs_info info;

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	for (unsigned i = 0; i < 60; i++) {
		memset(data[i], (int)i, sizeof(data[i]));
		memcpy(data[i], mac_of(1), 6);
		memcpy(data[i] + 6, mac_of(0), 6);
		be16_store(data[i] + 12, 0x88B5);
		f[i] = (struct guest_frame){.data = data[i], .len = 60 + 30 * i};
	}
	for (unsigned per = 1; per <= 4; per++) {
		ck_assert_uint_eq(guest_tx_frames(host[0].d, 1, f, 60, per), 60);
		guest_tx_reclaim(host[0].d, 1);
		ck_assert_uint_eq(guest_tx_busy(host[0].d, 1), 0);
		ck_assert_uint_eq(guest_rx_burst(host[1].d, rx, 64), 60);
		for (unsigned i = 0; i < 60; i++) {
			ck_assert_uint_eq(rx[i].len, f[i].len);
			ck_assert_int_eq(memcmp(rx[i].data, data[i], f[i].len), 0);
		}
		guest_rx_release(host[1].d);
	}
	hs_info(host[1].ip.hs, &info);
	ck_assert_uint_eq(info.rx_buffers, 60 + 30 + 20 + 15);
}
END_TEST

/* Another's source address behind a frame with the own one. */
static void second_of_a_buffer(void)
{
	static uint8_t data[2][100];
	struct guest_frame f[2];

	for (unsigned i = 0; i < 2; i++) {
		memcpy(data[i], mac_of(1), 6);
		memcpy(data[i] + 6, mac_of(i), 6);
		be16_store(data[i] + 12, 0x88B5);
		f[i] = (struct guest_frame){.data = data[i], .len = sizeof(data[i])};
	}
	ck_assert_uint_eq(guest_tx_frames(host[0].d, 1, f, 2, 2), 2);
	guest_tx_reclaim(host[0].d, 1);
	ck_assert_uint_eq(host[0].stats->tx_errors, 4);
	expect_nothing(1);
}

/* An address that was given up may become another's, and is his alone then. */
START_TEST(test_address_moves)
{
	static const uint8_t own[6] = {2, 8, 8, 8, 8, 8};
	uint8_t old[6];
	struct guest_frame f;

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	memcpy(old, mac_of(0), 6);
	ck_assert_int_eq(guest_mac_add(host[0].d, own), 0);
	ck_assert_int_eq(guest_mac_del(host[0].d, old), 0);
	ck_assert_int_eq(guest_mac_add(host[1].d, old), 0);
	f = frame(0, mac_of(1), 100, 1);
	memcpy(frame_bytes + 6, own, 6);
	send(0, &f);
	expect(1, 100, 1);
	memcpy(frame_bytes + 6, old, 6);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_error_reason, QDIO_REASON_BAD_BUFFER);
	expect_nothing(1);
}
END_TEST

START_TEST(test_no_target)
{
	static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
	struct guest_frame f;

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	f = frame(0, nobody, 100, 1);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 1);
	f = frame(0, mac_of(0), 100, 1); /* itself */
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 2);
	f = frame(0, mac_of(1), 100, 1);
	memcpy(frame_bytes + 6, mac_of(1), 6); /* another's source address */
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_errors, 3);
	ck_assert_uint_eq(host[0].stats->tx_error_reason, QDIO_REASON_BAD_BUFFER);
	expect_nothing(1);
	second_of_a_buffer();
}
END_TEST

/* Row 16: target full is told before the SIGA ends; then it goes on at the same buffer. */
START_TEST(test_full)
{
	struct guest_frame f;

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){.pool = 4, .refill = 1});
	for (unsigned round = 0; round < 60; round++) {
		unsigned sent = 0;

		f = frame(0, mac_of(1), 3000, (uint8_t)round);
		while (sent < 5) {
			send(0, &f);
			sent++;
		}
		ck_assert_uint_gt(host[0].stats->tx_full, round);
		ck_assert_uint_eq(host[0].stats->tx_error_reason, QDIO_REASON_TARGET_FULL);
		for (unsigned k = 0; k < (round ? 3 : 4); k++)
			expect(1, 3000, (uint8_t)round);
		expect_nothing(1);
	}
}
END_TEST

START_TEST(test_groups)
{
	static const uint8_t group[6] = {1, 0, 0x5E, 1, 2, 3};
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	struct guest_frame f;

	for (unsigned i = 0; i < 4; i++)
		online(i, (struct guest_config){.layer = i == 3 ? 3 : 2});
	ck_assert_int_eq(guest_group_add(host[1].d, group), 0);
	f = frame(0, group, 200, 5);
	ck_assert_uint_eq(guest_tx_queue(host[0].d, &f), 3);
	send(0, &f);
	expect(1, 200, 5);
	expect_nothing(0);
	expect_nothing(2);
	f = frame(0, all, 200, 6);
	send(0, &f);
	expect(1, 200, 6);
	expect(2, 200, 6);
	expect_nothing(0);
	expect_nothing(3);
	ck_assert_int_eq(guest_group_del(host[1].d, group), 0);
	f = frame(0, group, 200, 7);
	send(0, &f);
	expect_nothing(1);
	ck_assert_uint_eq(host[0].stats->tx_errors, 0); /* nobody is told (10.3) */
}
END_TEST

static struct guest_frame tagged(unsigned from, unsigned to, uint16_t vid)
{
	struct guest_frame f = frame(from, mac_of(to), 100, 9);

	be16_store(frame_bytes + 12, 0x8100);
	be16_store(frame_bytes + 14, vid);
	return f;
}

START_TEST(test_vlans)
{
	struct guest_frame f;

	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	f = tagged(0, 1, 7); /* who registers none filters none */
	send(0, &f);
	expect_nothing(0);
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
	ck_assert_int_eq(guest_vid_add(host[1].d, 8), 0);
	f = tagged(0, 1, 7);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 1);
	f = tagged(0, 1, 8);
	send(0, &f);
	f = frame(0, mac_of(1), 100, 9);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_errors, 1);
	struct guest_rx rx[4];

	ck_assert_uint_eq(guest_rx_burst(host[1].d, rx, 4), 3);
}
END_TEST

/* ---- layer 3 ---------------------------------------------------------------------------- */

static struct guest_ip ip4(uint32_t a)
{
	struct guest_ip ip = {.v6 = false};

	be32_store(ip.addr + 12, a);
	return ip;
}

static uint8_t header_bytes[OSA_HDR_BYTES];

static struct guest_frame packet(uint32_t to, uint32_t len, uint8_t fill, uint8_t cast, int vid)
{
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = cast, .len = be16_of((uint16_t)len)};

	be32_store(h.next_hop4, to);
	if (vid >= 0) {
		h.ext_flags = OSA_L3_TCI;
		h.tci = be16_of((uint16_t)vid);
	}
	memcpy(header_bytes, &h, sizeof(h));
	memset(frame_bytes, fill, len);
	return (struct guest_frame){.data = frame_bytes, .len = len, .header = header_bytes};
}

START_TEST(test_layer3)
{
	struct guest_ip a = ip4(0x0A000001), b = ip4(0x0A000002), g = ip4(0xEF010203);
	struct osa_l3_hdr h;
	struct guest_frame f;
	struct guest_rx rx;

	online(0, (struct guest_config){.layer = 3});
	online(1, (struct guest_config){.layer = 3});
	online(2, (struct guest_config){.layer = 2});
	ck_assert_int_eq(guest_ip_add(host[0].d, &a), 0);
	ck_assert_int_eq(guest_ip_add(host[1].d, &b), 0);
	ck_assert_int_eq(guest_ip_add(host[1].d, &a), -EADDRINUSE);
	f = packet(0x0A000002, 57344, 3, OSA_L3_CAST_UNICAST, 5);
	send(0, &f);
	ck_assert_uint_eq(guest_rx_burst(host[1].d, &rx, 1), 1);
	memcpy(&h, rx.header, sizeof(h));
	ck_assert_uint_eq(rx.len, 57344);
	ck_assert_uint_eq(rx.data[57343], 3);
	ck_assert_uint_eq(be16_get(h.tci), 5);
	ck_assert_uint_eq(h.ext_flags, OSA_L3_TCI | OSA_L3_SRC_MAC);
	ck_assert_int_eq(memcmp(h.in.src_mac, mac_of(0), 6), 0);
	guest_rx_release(host[1].d);
	f = packet(0x0A000009, 100, 3, OSA_L3_CAST_UNICAST, -1);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 1);
	ck_assert_int_eq(guest_ip_group_add(host[1].d, &g), 0);
	f = packet(0xEF010203, 100, 4, OSA_L3_CAST_MULTICAST, -1);
	send(0, &f);
	expect(1, 100, 4);
	f = packet(0xFFFFFFFF, 100, 5, OSA_L3_CAST_BROADCAST, -1); /* both asked for broadcasts */
	send(0, &f);
	expect(1, 100, 5);
	expect_nothing(2);
	ck_assert_int_eq(guest_ip_del(host[1].d, &b), 0);
	f = packet(0x0A000002, 100, 3, OSA_L3_CAST_UNICAST, -1);
	send(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 2);
}
END_TEST

/* A connector takes what no address has; an address that is taken over moves. */
START_TEST(test_connector_takeover)
{
	const struct osa_data_routing connector = {.type = OSA_ROUTING_PRIMARY_CONNECTOR};
	struct guest_ip a = ip4(0x0A000001), over = ip4(0x0A000001);
	struct guest_frame f;
	int seq;

	for (unsigned i = 0; i < 3; i++)
		online(i, (struct guest_config){.layer = 3});
	seq = guest_ipa_send(host[1].d, OSA_SETRTG, OSA_IPA_IPV4, &connector, sizeof(connector));
	ck_assert_int_eq(guest_ipa_wait(host[1].d, seq, NULL, 0, NULL), 0);
	f = packet(0x08080808, 100, 3, OSA_L3_CAST_UNICAST, -1);
	send(0, &f);
	expect(1, 100, 3);
	ck_assert_int_eq(guest_ip_add(host[1].d, &a), 0);
	over.flags = OSA_IP_SET_TAKEOVER;
	ck_assert_int_eq(guest_ip_add(host[2].d, &over), 0);
	f = packet(0x0A000001, 100, 4, OSA_L3_CAST_UNICAST, -1);
	send(0, &f);
	expect(2, 100, 4);
}
END_TEST

/* ---- AOBs -------------------------------------------------------------------------------- */

static unsigned done_with(unsigned i, struct guest_done *done)
{
	return guest_tx_done(host[i].d, done, GUEST_AOBS);
}

static int send_aob(unsigned from, const struct guest_frame *f)
{
	int ticket = guest_tx_aob(host[from].d, 1, f);

	ck_assert_int_ge(ticket, 0);
	guest_tx_reclaim(host[from].d, 1);
	ck_assert_uint_eq(guest_tx_busy(host[from].d, 1), 0);
	return ticket;
}

/* Row 18. */
START_TEST(test_aob)
{
	struct guest_done done[GUEST_AOBS];
	struct guest_frame f;
	int ticket;

	online(0, (struct guest_config){.completion = true});
	online(1, (struct guest_config){.pool = 2, .refill = 1});
	for (unsigned round = 0; round < 60; round++) {
		uint8_t fill = (uint8_t)round;
		unsigned n = 0;

		f = frame(0, mac_of(1), 5000, fill); /* room: the AOB is not touched */
		ticket = send_aob(0, &f);
		ck_assert_uint_eq(done_with(0, done), 1);
		ck_assert_int_eq(done[0].ticket, ticket);
		ck_assert(!done[0].later && done[0].reason == 0);
		for (unsigned k = 1; k < 5; k++) {
			f = frame(0, mac_of(1), 5000, (uint8_t)(fill + k));
			send_aob(0, &f);
		}
		for (unsigned k = 0; k < 5; k++)
			expect(1, 5000, (uint8_t)(fill + k));
		expect_nothing(1);
		while (n < 4) {
			unsigned got = done_with(0, done + n);

			ck_assert_uint_gt(got, 0);
			n += got;
		}
		for (unsigned k = 0; k < n; k++)
			ck_assert_uint_eq(done[k].reason, 0);
	}
	ck_assert_uint_ge(host[0].stats->tx_pending, 3 * 59);
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
}
END_TEST

/* The receiver leaves: the AOB comes back with the reason. */
START_TEST(test_aob_receiver_leaves)
{
	struct guest_done done[GUEST_AOBS];
	struct guest_frame f;
	unsigned later = 0, n;

	online(0, (struct guest_config){.completion = true});
	online(1, (struct guest_config){.pool = 2, .refill = 1});
	for (unsigned k = 0; k < 5; k++) {
		f = frame(0, mac_of(1), 100, 1);
		send_aob(0, &f);
	}
	ck_assert_int_eq(guest_offline(host[1].d), 0);
	n = done_with(0, done);
	ck_assert_uint_eq(n, 5);
	for (unsigned k = 0; k < n; k++) {
		later += done[k].later;
		ck_assert_uint_eq(done[k].reason, done[k].later ? QDIO_REASON_INACTIVE : 0);
	}
	ck_assert_uint_eq(later, 3);
}
END_TEST

/* The sender leaves: nothing of it comes, and nothing is stored there any more. */
START_TEST(test_aob_sender_leaves)
{
	struct guest_frame f;
	struct hs_info info;
	uint8_t *aobs;

	online(0, (struct guest_config){.completion = true});
	online(1, (struct guest_config){.pool = 2, .refill = 1});
	for (unsigned k = 0; k < 5; k++) {
		f = frame(0, mac_of(1), 100, (uint8_t)k);
		send_aob(0, &f);
	}
	hs_info(host[1].ip.hs, &info);
	ck_assert_uint_eq(info.waiting, 3);
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	aobs = guest_host(host[0].d, GUEST_AT_AOB);
	memset(aobs, 0x5A, GUEST_AOBS * QDIO_AOB_BYTES);
	expect(1, 100, 0);
	expect(1, 100, 1);
	expect_nothing(1);
	hs_info(host[1].ip.hs, &info);
	ck_assert_uint_eq(info.waiting, 0);
	for (unsigned i = 0; i < GUEST_AOBS * QDIO_AOB_BYTES; i++)
		ck_assert_uint_eq(aobs[i], 0x5A);
}
END_TEST

/* AOBs without a completion queue, or at addresses that are none. */
START_TEST(test_aob_invalid)
{
	static const struct {
		uint64_t aob;
		int cc;
	} row[] = {{0x100, 2}, {0x7FFFFFFFFFFFFF00u, 2}, {0x10080, GUEST_PGM(6)}};
	struct guest_frame f;

	online(0, (struct guest_config){.completion = true});
	online(1, (struct guest_config){.pool = 2, .refill = 1});
	f = frame(0, mac_of(1), 100, 1);
	send(0, &f);
	send(0, &f);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t gr0 = QDIO_SIGA_WQ;
		struct guest_txq *t = &host[0].d->tx[1];

		/* The SBAL still names the last frame. */
		atomic_store(&t->slsb[t->oldest], QDIO_OUT_PRIMED);
		memcpy(&t->sbal[t->oldest], &t->sbal[(t->oldest + 127) % 128],
		       sizeof(struct qdio_sbal));
		ck_assert_int_eq(host[0].d->m.ops->siga(&host[0].ip, &gr0,
							QDIO_SCHID(host[0].d->m.subchannel[2]),
							QDIO_SIGA_QUEUE(1), row[i].aob),
				 row[i].cc);
		if (row[i].cc < 0)
			break;
		ck_assert_uint_eq(t->slsb[t->oldest], QDIO_OUT_ERROR);
		t->oldest = (uint8_t)((t->oldest + 1) % 128);
	}
}
END_TEST

/* ---- against a model ------------------------------------------------------------------------ */

#define MODEL_FRAMES 4096u

struct model {
	bool group[2], vid; /* joined */
	unsigned head, tail;
	struct {
		uint32_t len;
		uint8_t fill;
	} q[MODEL_FRAMES];
};

static struct model model[HOSTS];
static const uint8_t groups[2][6] = {{1, 0, 0x5E, 0, 0, 1}, {0x33, 0x33, 0, 0, 0, 9}};
static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static bool has_room(unsigned i)
{
	const struct guest_rxq *r = &host[i].d->rx;

	for (unsigned k = 0; k < QDIO_BUFFERS; k++)
		if (r->slsb[k] == QDIO_IN_EMPTY)
			return true;
	return false;
}

static bool model_accepts(unsigned i, unsigned from, unsigned kind, unsigned to, unsigned vid)
{
	if (i == from || (vid && model[i].vid && vid != 7))
		return false;
	return kind == 0 ? i == to : kind == 3 ? true : model[i].group[kind - 1];
}

static void model_send(void)
{
	unsigned from = (unsigned)rand() % HOSTS, kind = (unsigned)rand() % 5, got = 0, full = 0;
	unsigned to = (unsigned)rand() % HOSTS, vid = rand() % 3 ? 0 : 7 + (unsigned)rand() % 2;
	uint32_t len = 20 + (uint32_t)rand() % (rand() % 4 ? 200 : 20000);
	uint64_t errors = host[from].stats->tx_errors;
	uint8_t fill = (uint8_t)rand();
	struct guest_frame f;

	kind = kind == 4 ? 0 : kind;
	f = frame(from,
		  kind == 0   ? mac_of(to)
		  : kind == 3 ? broadcast
			      : groups[kind - 1],
		  len, fill);
	if (vid) {
		be16_store(frame_bytes + 12, 0x8100);
		be16_store(frame_bytes + 14, (uint16_t)vid);
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		struct model *m = &model[i];

		if (!model_accepts(i, from, kind, to, vid))
			continue;
		if (!has_room(i)) {
			full++;
			continue;
		}
		got++;
		m->q[m->tail % MODEL_FRAMES].len = len;
		m->q[m->tail++ % MODEL_FRAMES].fill = fill;
	}
	send(from, &f);
	ck_assert_uint_eq(host[from].stats->tx_errors - errors, kind == 0 && !got);
	if (kind == 0 && full)
		ck_assert_uint_eq(host[from].stats->tx_error_reason, QDIO_REASON_TARGET_FULL);
}

static void model_receive(unsigned i)
{
	struct model *m = &model[i];
	struct guest_rx rx[16];
	unsigned max = 1 + (unsigned)rand() % 16, n = guest_rx_burst(host[i].d, rx, max);

	ck_assert_uint_eq(n, m->tail - m->head < max ? m->tail - m->head : max);
	for (unsigned k = 0; k < n; k++, m->head++) {
		ck_assert_uint_eq(rx[k].len, m->q[m->head % MODEL_FRAMES].len);
		ck_assert_uint_eq(rx[k].data[rx[k].len - 1], m->q[m->head % MODEL_FRAMES].fill);
	}
	guest_rx_release(host[i].d);
}

static void model_join(unsigned i)
{
	struct model *m = &model[i];
	unsigned g = (unsigned)rand() % 2;

	if (rand() % 2) {
		ck_assert_int_eq(m->vid ? guest_vid_del(host[i].d, 7) : guest_vid_add(host[i].d, 7),
				 0);
		m->vid = !m->vid;
		return;
	}
	ck_assert_int_eq(m->group[g] ? guest_group_del(host[i].d, groups[g])
				     : guest_group_add(host[i].d, groups[g]),
			 0);
	m->group[g] = !m->group[g];
}

START_TEST(test_model)
{
	unsigned seed =
		getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);

	printf("model: SEED=%u\n", seed);
	srand(seed);
	memset(model, 0, sizeof(model));
	for (unsigned i = 0; i < HOSTS; i++)
		online(i, (struct guest_config){.pool = 8, .refill = 1});
	for (unsigned n = 0; n < 8000; n++) {
		unsigned what = (unsigned)rand() % 100;

		if (what < 70)
			model_send();
		else if (what < 98)
			model_receive((unsigned)rand() % HOSTS);
		else
			model_join((unsigned)rand() % HOSTS);
	}
}
END_TEST

/* ---- hosts that misbehave ----------------------------------------------------------------------
 */

/* Output buffers of random entries over random storage: every one comes back. */
START_TEST(test_hostile_sender)
{
	struct guest_dev *d;
	struct guest_frame f;
	unsigned seed = (unsigned)time(NULL);

	printf("hostile: SEED=%u\n", seed);
	srand(seed);
	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	d = host[0].d;
	for (unsigned n = 0; n < 1500; n++) {
		struct guest_txq *t = &d->tx[1];
		struct qdio_sbal *sbal = &t->sbal[t->oldest];
		struct guest_rx rx[64];

		f = frame(0, mac_of(1), 100 + (uint32_t)rand() % 9000, 1);
		memcpy(t->area + 32, frame_bytes, f.len);
		for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
			struct osa_l2_hdr h = {.id = rand() % 8 ? OSA_HDR_LAYER2 : (uint8_t)rand(),
					       .len = be16_of((uint16_t)(f.len + !(rand() % 5)))};

			sbal->e[e] = (struct qdio_sbale){
				.eflags = rand() % 3 ? 0 : QDIO_EFLAG_LAST,
				.length =
					be32_of(rand() % 3 ? f.len + 32 : (uint32_t)rand() % 5000),
				.addr = be64_of(rand() % 20 ? t->addr : (uint64_t)rand() << 20)};
			memcpy(t->area, &h, sizeof(h));
		}
		atomic_store(&t->slsb[t->oldest], QDIO_OUT_PRIMED);
		guest_siga(d, QDIO_SIGA_W, 1);
		ck_assert(t->slsb[t->oldest] == QDIO_OUT_EMPTY ||
			  t->slsb[t->oldest] == QDIO_OUT_ERROR);
		sbal->e[14].sflags = sbal->e[15].sflags = 0;
		t->oldest = (uint8_t)((t->oldest + 1) % QDIO_BUFFERS);
		guest_rx_burst(host[1].d, rx, 64);
		guest_rx_release(host[1].d);
	}
}
END_TEST

/* Input buffers that are none go back as errors; the sender hears "full"; others are not hurt. */
START_TEST(test_hostile_receiver)
{
	struct guest_frame f;
	struct guest_rxq *r;

	for (unsigned i = 0; i < 3; i++)
		online(i, (struct guest_config){0});
	r = &host[1].d->rx;
	for (unsigned k = 0; k < QDIO_BUFFERS; k++)
		r->sbal[k].e[k % 2].addr = be64_of(k % 3 ? 0xFFFFFFFFFFFFF000u : 0);
	for (unsigned k = 0; k < QDIO_BUFFERS; k++) {
		f = frame(0, mac_of(1), 9000, 1);
		send(0, &f);
		f = frame(0, mac_of(2), 9000, (uint8_t)k);
		send(0, &f);
		expect(2, 9000, (uint8_t)k);
	}
	ck_assert_uint_gt(host[0].stats->tx_full, 100);
	ck_assert_uint_eq(host[0].stats->tx_errors, host[0].stats->tx_full);
}
END_TEST

struct sender {
	unsigned from, q;
	atomic_bool stop;
	struct guest_frame f;
};

static void *sending(void *arg)
{
	struct sender *s = arg;

	while (!atomic_load(&s->stop)) {
		guest_tx_frames(host[s->from].d, s->q, &s->f, 1, 1);
		guest_tx_reclaim(host[s->from].d, s->q);
	}
	return NULL;
}

/* Row 19: a receiver goes and comes while others send to it; nothing is stored once it is gone. */
START_TEST(test_receiver_goes)
{
	static uint8_t data[57344 + 14];
	struct sender s[2];
	pthread_t thread[2];

	for (unsigned i = 0; i < 3; i++)
		online(i, (struct guest_config){.pool = 16, .refill = 4});
	memcpy(data, mac_of(2), 6);
	for (unsigned i = 0; i < 2; i++) {
		s[i] = (struct sender){.from = i, .q = 1};
		s[i].f = (struct guest_frame){.data = data, .len = sizeof(data)};
		pthread_create(&thread[i], NULL, sending, &s[i]);
	}
	for (unsigned n = 0; n < 15; n++) {
		uint8_t *area = host[2].d->rx.area;
		struct guest_rx rx[16];
		size_t bytes = (size_t)16 * GUEST_AREA_BYTES;

		for (unsigned k = 0; k < 20; k++) {
			guest_rx_burst(host[2].d, rx, 16);
			guest_rx_release(host[2].d);
		}
		ck_assert_int_eq(guest_offline(host[2].d), 0);
		memset(area, 0xA5, bytes);
		sched_yield();
		for (size_t k = 0; k < bytes; k += 997)
			ck_assert_uint_eq(area[k], 0xA5);
		ck_assert_int_eq(guest_online(host[2].d), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&s[i].stop, true);
		pthread_join(thread[i], NULL);
		ck_assert_uint_gt(host[i].stats->tx_frames, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hipers");
	TCase *t = tcase_create("sizes");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_loop_test(t, test_sizes, 0, 8);
	suite_add_tcase(s, t);
	t = tcase("delivery");
	tcase_add_loop_test(t, test_single, 0, 2);
	tcase_add_test(t, test_other_lan);
	tcase_add_test(t, test_lengths);
	tcase_add_test(t, test_many);
	tcase_add_test(t, test_no_target);
	tcase_add_test(t, test_address_moves);
	tcase_add_test(t, test_full);
	tcase_add_test(t, test_groups);
	tcase_add_test(t, test_vlans);
	tcase_add_test(t, test_layer3);
	tcase_add_test(t, test_connector_takeover);
	suite_add_tcase(s, t);
	t = tcase("aob");
	tcase_add_test(t, test_aob);
	tcase_add_test(t, test_aob_receiver_leaves);
	tcase_add_test(t, test_aob_sender_leaves);
	tcase_add_test(t, test_aob_invalid);
	suite_add_tcase(s, t);
	t = tcase("model");
	tcase_add_test(t, test_model);
	suite_add_tcase(s, t);
	t = tcase("hostile");
	tcase_add_test(t, test_hostile_sender);
	tcase_add_test(t, test_hostile_receiver);
	tcase_add_test(t, test_receiver_goes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
