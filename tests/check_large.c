/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfinished frames from guest to guest over a real switch: uncut and with the checksum to be
 * completed for a driver that asked for them (OSA_ASSIST_LARGE_IN), cut and finished for one that
 * did not; never to one that did not ask.
 *
 *   guest 0 (sends) -- switch -- guest 1 (asks, or does not)
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "guest/guest.h"
#include "guest/tap.h"
#include "tests/inproc.h"
#include "vswitch/vswitch.h"

#define MSS 1448u
#define HDR 54u /* Ethernet, IPv4, TCP */

struct side {
	struct inproc machine;
	struct guest_dev *dev;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];
};

static struct vs_switch *sw;
static struct vs_worker *worker;
static struct side side[2];

static void open_side(unsigned i, bool large)
{
	struct osa_config osa = inproc_osa_config((uint16_t)(0x500 + 16 * i), true);
	struct guest_config cfg = {
		.checksum = true, .tso = true, .large = large, .check_all = true};
	struct vs_port_config port = {.role = VS_ROLE_GUEST};
	struct side *s = &side[i];
	struct guest_machine m;
	struct guest_info info;

	ck_assert_int_eq(inproc_open(&s->machine, &osa, &cfg), 0);
	memcpy(s->mac, osa.mac, 6);
	s->port = vs_port_create(sw, &port);
	s->dev = guest_dev_create(&cfg, &s->machine.st);
	ck_assert_ptr_nonnull(s->dev);
	vs_port_assign(s->port, worker);
	s->link = vs_port_link(s->port);
	osa_set_link(s->machine.osa, &s->link);
	inproc_machine(&s->machine, &m);
	guest_dev_connect(s->dev, &m);
	ck_assert_int_eq(guest_online(s->dev), 0);
	guest_info(s->dev, &info);
	ck_assert(info.tso && info.tx_checksum);
	ck_assert_int_eq(info.large, large);
}

static void open_bed(bool large)
{
	sw = vs_switch_create(&(struct vs_switch_config){.name = "LARGE"});
	worker = vs_worker_create();
	open_side(0, false);
	open_side(1, large);
}

static void close_bed(void)
{
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(guest_dev_stats(side[i].dev)->violations, 0);
		guest_offline(side[i].dev);
		guest_dev_destroy(side[i].dev);
		osa_set_link(side[i].machine.osa, NULL);
		vs_port_destroy(side[i].port);
		inproc_close(&side[i].machine);
	}
	vs_switch_destroy(sw);
	vs_worker_destroy(worker);
}

static void make_tcp(uint8_t *f, uint32_t payload)
{
	memset(f, 0, HDR);
	memcpy(f, side[1].mac, 6);
	memcpy(f + 6, side[0].mac, 6);
	be16_store(f + 12, 0x0800);
	f[14] = 0x45;
	be16_store(f + 16, (uint16_t)(40 + payload));
	f[22] = 64;
	f[23] = 6;
	be32_store(f + 26, 0x0A000001);
	be32_store(f + 30, 0x0A000002);
	f[46] = 0x50;
	f[47] = 0x10;
	for (uint32_t i = 0; i < payload; i++)
		f[HDR + i] = (uint8_t)(i * 11 + i / 256);
}

/* Send one frame in place: flags as the driver has them. */
static void send_frame(const uint8_t *f, uint32_t len, unsigned flags, uint16_t mss)
{
	struct guest_slot s;
	uint32_t room;
	uint8_t *p;

	ck_assert(guest_slot_open(side[0].dev, 0, &s));
	p = guest_slot_room(&s, &room);
	ck_assert_uint_ge(room, len);
	memcpy(p, f, len);
	ck_assert(guest_slot_add(&s, len, flags, HDR, mss));
	guest_slot_commit(side[0].dev, &s);
	guest_tx_flush(side[0].dev, 0);
	while (vs_worker_poll(worker))
		rcu_quiescent_state();
	ck_assert_uint_eq(guest_tx_reclaim(side[0].dev, 0), 1);
}

static uint32_t sum(const uint8_t *p, uint32_t n, uint32_t s)
{
	for (uint32_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return s;
}

static uint32_t pseudo(const uint8_t *f, uint32_t l4len)
{
	return sum(f + 26, 8, 6 + l4len);
}

START_TEST(uncut)
{
	static const uint32_t payloads[] = {2 * MSS, 4000, 4096, 8200, 40000, 61000};
	uint32_t payload = payloads[_i];
	uint8_t *f = malloc(HDR + payload);
	struct virtio_net_hdr h = {0};
	struct guest_rx rx[64];

	open_bed(true);
	make_tcp(f, payload);
	send_frame(f, HDR + payload, GUEST_TX_TSO, MSS);
	ck_assert_uint_eq(guest_rx_burst(side[1].dev, rx, 64), 1);
	ck_assert_uint_eq(rx[0].len, HDR + payload);
	ck_assert_uint_eq(rx[0].flags, GUEST_RX_CSUM_PARTIAL | GUEST_RX_TSO);
	ck_assert_uint_eq(rx[0].mss, MSS);
	ck_assert_uint_eq(rx[0].hdrlen, HDR);
	ck_assert_mem_eq(rx[0].data + HDR, f + HDR, payload);
	ck_assert_uint_eq(be16_load(rx[0].data + 50), pseudo(f, 20 + payload));
	ck_assert(vnet_to_tap(&h, &rx[0]));
	ck_assert_uint_eq(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	ck_assert_uint_eq((BE_FORCE uint16_t)h.gso_size, MSS);
	ck_assert_uint_eq((BE_FORCE uint16_t)h.csum_start, 34);
	ck_assert_uint_eq((BE_FORCE uint16_t)h.csum_offset, 16);
	guest_rx_release(side[1].dev);
	free(f);
	close_bed();
}
END_TEST

START_TEST(cut_for_others)
{
	uint32_t payload = 40000, got = 0, segments = 0;
	uint8_t *f = malloc(HDR + payload);
	struct guest_rx rx[64];
	unsigned n;

	open_bed(false);
	make_tcp(f, payload);
	send_frame(f, HDR + payload, GUEST_TX_TSO, MSS);
	while ((n = guest_rx_burst(side[1].dev, rx, 64))) {
		for (unsigned i = 0; i < n; i++, segments++) {
			uint32_t l4len = rx[i].len - 34;

			ck_assert_uint_le(rx[i].len, HDR + MSS);
			ck_assert_mem_eq(rx[i].data + HDR, f + HDR + got, rx[i].len - HDR);
			ck_assert_uint_eq(sum(rx[i].data + 34, l4len, pseudo(rx[i].data, l4len)),
					  0xFFFF);
			got += rx[i].len - HDR;
		}
		guest_rx_release(side[1].dev);
	}
	ck_assert_uint_eq(got, payload);
	ck_assert_uint_eq(segments, (payload + MSS - 1) / MSS);
	free(f);
	close_bed();
}
END_TEST

START_TEST(checksum)
{
	bool large = _i;
	uint8_t f[HDR + 501];
	struct guest_rx rx[4];

	open_bed(large);
	make_tcp(f, 501);
	send_frame(f, sizeof(f), GUEST_TX_CSUM, 0);
	ck_assert_uint_eq(guest_rx_burst(side[1].dev, rx, 4), 1);
	ck_assert_uint_eq(rx[0].flags & GUEST_RX_CSUM_PARTIAL, large ? GUEST_RX_CSUM_PARTIAL : 0);
	if (large)
		ck_assert_uint_eq(be16_load(rx[0].data + 50), pseudo(f, 521));
	else
		ck_assert_uint_eq(sum(rx[0].data + 34, 521, pseudo(f, 521)), 0xFFFF);
	guest_rx_release(side[1].dev);
	close_bed();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("large");
	TCase *t = tcase_create("guest to guest");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, uncut, 0, 6);
	tcase_add_test(t, cut_for_others);
	tcase_add_loop_test(t, checksum, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	rcu_unregister_thread();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
