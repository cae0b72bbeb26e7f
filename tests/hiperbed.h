/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers of the guest side on one HiperSockets LAN, for tests; frames and what becomes of them. */
#ifndef TESTS_HIPERBED_H
#define TESTS_HIPERBED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/guest_priv.h"
#include "tests/inproc.h"

#define HOSTS 5u

struct host {
	struct inproc ip;
	struct guest_dev *d;
	struct guest_stats *stats;
};

static struct host host[HOSTS];
static struct hs_lan *lan;
static uint8_t frame_bytes[65536], expected[65536];

static inline void open_host(unsigned i, struct guest_config cfg)
{
	struct hs_config hs = {.osa = inproc_osa_config((uint16_t)(0x0700 + 0x10 * i), true),
			       .completion = cfg.completion};
	struct guest_machine m;

	cfg.iqd = true;
	cfg.check_all = true;
	cfg.timeout_ms = 100;
	ck_assert_int_eq(inproc_open_hs(&host[i].ip, &hs, &cfg), 0);
	hs_plug(host[i].ip.hs, lan, NULL);
	host[i].d = guest_dev_create(&cfg, &host[i].ip.st);
	ck_assert_ptr_nonnull(host[i].d);
	host[i].stats = guest_dev_stats(host[i].d);
	inproc_machine(&host[i].ip, &m);
	guest_dev_connect(host[i].d, &m);
}

static inline void no_violations(unsigned i)
{
	for (unsigned v = 0; v < GUEST_VIOLATION_COUNT; v++)
		ck_assert_msg(host[i].stats->violation[v] == 0, "host %u: %s", i,
			      guest_violation_text(v));
}

static inline void online(unsigned i, struct guest_config cfg)
{
	open_host(i, cfg);
	ck_assert_int_eq(guest_online(host[i].d), 0);
	no_violations(i);
}

static inline void close_host(unsigned i)
{
	if (!host[i].d)
		return;
	no_violations(i);
	guest_dev_destroy(host[i].d);
	host[i].d = NULL;
	hs_plug(host[i].ip.hs, NULL, NULL);
	inproc_close(&host[i].ip);
}

static inline void setup_mfs(enum hs_mfs mfs)
{
	lan = hs_lan_create(mfs, 4711);
	ck_assert_ptr_nonnull(lan);
}

static inline void setup(void)
{
	setup_mfs(HS_MFS_64K);
}

static inline void teardown(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		close_host(i);
	hs_lan_destroy(lan);
}

static inline const uint8_t *mac_of(unsigned i)
{
	struct guest_info info;
	static uint8_t mac[HOSTS][6];

	guest_info(host[i].d, &info);
	memcpy(mac[i], info.mac, 6);
	return mac[i];
}

/* An Ethernet frame of len bytes from one host to another, or to a MAC. */
static inline struct guest_frame frame(unsigned from, const uint8_t *to, uint32_t len, uint8_t fill)
{
	memset(frame_bytes, fill, len);
	memcpy(frame_bytes, to, 6);
	memcpy(frame_bytes + 6, mac_of(from), 6);
	if (len > 14)
		be16_store(frame_bytes + 12, 0x88B5);
	return (struct guest_frame){.data = frame_bytes, .len = len};
}

static inline void send(unsigned from, const struct guest_frame *f)
{
	unsigned q = guest_tx_queue(host[from].d, f);

	ck_assert_uint_eq(guest_tx_frames(host[from].d, q, f, 1, 1), 1);
	/* Carried out before the instruction ends. */
	guest_tx_reclaim(host[from].d, q);
	ck_assert_uint_eq(guest_tx_busy(host[from].d, q), 0);
}

static inline void expect_this(unsigned to, const struct guest_rx *rx, uint32_t len, uint8_t fill)
{
	ck_assert_uint_eq(rx->len, len);
	memset(expected, fill, len);
	ck_assert(len <= 16 || memcmp(rx->data + 16, expected, len - 16) == 0);
	guest_rx_release(host[to].d);
}

static inline void expect(unsigned to, uint32_t len, uint8_t fill)
{
	struct guest_rx rx;

	ck_assert_uint_eq(guest_rx_burst(host[to].d, &rx, 1), 1);
	expect_this(to, &rx, len, fill);
}

static inline void expect_nothing(unsigned to)
{
	struct guest_rx rx;

	ck_assert_uint_eq(guest_rx_burst(host[to].d, &rx, 1), 0);
}

/* Tests that begin with a LAN and end with all hosts closed. */
static inline TCase *tcase(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	return t;
}

#endif
