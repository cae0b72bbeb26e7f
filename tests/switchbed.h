/* SPDX-License-Identifier: Apache-2.0 */
/* A switch with fake ports, for tests of the data path. */
#ifndef TESTS_SWITCHBED_H
#define TESTS_SWITCHBED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "tests/fakeport.h"
#include "vswitch/vs_priv.h"

#define PORTS 8

static const uint8_t bcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

struct bed { /* a switch with fake ports 0..n-1; port UP, if any, is the uplink */
	struct vs_switch *sw;
	struct vs_worker *w;
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	struct vs_port_config cfg[PORTS];
};

static inline void mac_of(unsigned port, uint8_t mac[6])
{
	const uint8_t m[6] = {0x02, 0, 0, 0, 0, (uint8_t)(port + 1)};

	memcpy(mac, m, 6);
}

static inline struct bed *bed_make(const struct vs_switch_config *cfg)
{
	struct bed *b = calloc(1, sizeof(*b));

	b->sw = vs_switch_create(cfg);
	b->w = vs_worker_create();
	ck_assert_ptr_nonnull(b->sw);
	ck_assert_ptr_nonnull(b->w);
	return b;
}

static inline void bed_port(struct bed *b, unsigned i, struct vs_port_config cfg)
{
	struct vs_link l;
	uint8_t mac[6];

	snprintf(cfg.name, sizeof(cfg.name), "port%u", i);
	b->cfg[i] = cfg;
	fake_init(&b->fake[i]);
	b->port[i] = vs_port_create(b->sw, &cfg);
	ck_assert_ptr_nonnull(b->port[i]);
	vs_port_assign(b->port[i], b->w);
	l = vs_port_link(b->port[i]);
	if (b->sw->ip)
		ck_assert_int_eq(l.ops->layer(l.ctx, 3), 0);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &b->fake[i]), 0);
	mac_of(i, mac);
	if (cfg.role == VS_ROLE_GUEST && !cfg.learning)
		ck_assert_int_eq(l.ops->mac_add(l.ctx, mac), 0);
}

static inline struct vs_port_config guest(enum vs_port_type type, uint16_t access_vid,
					  const uint16_t *vids)
{
	struct vs_port_config c = {
		.role = VS_ROLE_GUEST, .type = type, .access_vid = access_vid, .mac_protect = -1};

	for (; vids && *vids; vids++)
		vs_vidset_add(&c.vids, *vids);
	return c;
}

static inline void bed_free(struct bed *b)
{
	for (unsigned i = 0; i < PORTS; i++)
		if (b->port[i]) {
			vs_port_destroy(b->port[i]);
			fake_fini(&b->fake[i]);
		}
	vs_switch_destroy(b->sw);
	vs_worker_destroy(b->w);
	free(b);
}

static inline void run(struct bed *b)
{
	while (vs_worker_poll(b->w))
		rcu_quiescent_state();
}

static inline void clear(struct bed *b)
{
	for (unsigned i = 0; i < PORTS; i++)
		if (b->port[i])
			fake_clear(&b->fake[i]);
}

/* Send one frame; dst: port number, or -1 broadcast, or -2 an address nobody has. */
static inline void send_one(struct bed *b, unsigned from, int dst, int tci)
{
	uint8_t frame[128], d[6] = {0x02, 0xEE, 0, 0, 0, 0x01}, s[6];
	uint32_t len;

	if (dst == -1)
		memcpy(d, bcast, 6);
	else if (dst >= 0)
		mac_of((unsigned)dst, d);
	mac_of(from, s);
	len = fake_frame(frame, d, s, tci, 100, from);
	ck_assert_ptr_nonnull(fake_inject(&b->fake[from], frame, len));
	run(b);
}

/* -2: nothing arrived, -1: one untagged frame, else the TCI of the one frame. */
static inline int arrived(struct bed *b, unsigned port)
{
	const struct fake_frame *x = b->fake[port].out;

	if (!b->fake[port].n_out)
		return -2;
	ck_assert_uint_eq(b->fake[port].n_out, 1);
	if (x->data[12] != 0x81)
		return -1;
	return x->data[14] << 8 | x->data[15];
}

static inline struct bed *plain(unsigned guests, bool uplink, bool isolation)
{
	struct bed *b = bed_make(&(struct vs_switch_config){.name = "VSW", .isolation = isolation});

	for (unsigned i = 0; i < guests; i++)
		bed_port(b, i, guest(VS_TYPE_ACCESS, 0, NULL));
	if (uplink)
		bed_port(b, guests, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	return b;
}

static inline uint64_t rx_drop(struct bed *b, unsigned port, enum vs_drop d)
{
	struct vs_counters c;

	vs_port_counters(b->port[port], &c);
	return c.rx_drop[d];
}

#endif
