/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridge ports: hosts of the guest side on a LAN, switches with fake ports, one worker for all of
 * them. Who gets what in both directions, which port is active against a naive model, and what must
 * not come back.
 */
#include "tests/switchbed.h"

#include <errno.h>

#include "common/be.h"
#include "guest/guest_priv.h"
#include "tests/inproc.h"

#define HOSTS 3u
#define UPLINK 1u

struct lan_host {
	struct inproc ip;
	struct guest_dev *d;
	struct vs_port *port;
};

static struct lan_host host[HOSTS];
static struct hs_lan *lan;
static struct vs_switch *lan_sw; /* counts */
static struct bed *b;		 /* the first switch */
static struct vs_port *bridge_port;
static struct hs_bridge *bridge;
static uint8_t bytes[65536];
static const uint8_t outside[6] = {0x02, 0xEE, 0, 0, 0, 0x01};

/* ---- the bed -------------------------------------------------------------------------------- */

static struct vs_port *make_port(struct vs_switch *sw)
{
	struct vs_port_config cfg = {
		.name = "bridge", .type = VS_TYPE_TRUNK, .learning = true, .bridge = true};
	struct vs_port *p;

	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	p = vs_port_create(sw, &cfg);
	ck_assert_ptr_nonnull(p);
	return p;
}

static struct hs_bridge *make_bridge(struct vs_port *p, enum hs_role role)
{
	struct hs_bridge_config cfg = {.role = role, .link = vs_port_link(p)};

	return hs_bridge_create(lan, &cfg);
}

static void online_layer(unsigned i, uint8_t layer)
{
	struct hs_config hs = {.osa = inproc_osa_config((uint16_t)(0x0700 + 0x10 * i), true),
			       .worker = true};
	struct guest_config cfg = {
		.layer = layer, .iqd = true, .check_all = true, .timeout_ms = 100};
	struct vs_port_config port = {.name = "host", .mac_protect = -1};
	struct guest_machine m;
	struct vs_link link;

	ck_assert_int_eq(inproc_open_hs(&host[i].ip, &hs, &cfg), 0);
	host[i].port = vs_port_create(lan_sw, &port);
	vs_port_assign(host[i].port, b->w);
	link = vs_port_link(host[i].port);
	hs_plug(host[i].ip.hs, lan, &link);
	host[i].d = guest_dev_create(&cfg, &host[i].ip.st);
	inproc_machine(&host[i].ip, &m);
	guest_dev_connect(host[i].d, &m);
	ck_assert_int_eq(guest_online(host[i].d), 0);
}

static void online(unsigned i)
{
	online_layer(i, 2);
}

static void offline(unsigned i)
{
	if (!host[i].d)
		return;
	guest_dev_destroy(host[i].d);
	hs_plug(host[i].ip.hs, NULL, NULL);
	inproc_close(&host[i].ip);
	vs_port_destroy(host[i].port);
	host[i].d = NULL;
}

/* Switch port 0: a guest, 1: the uplink; beside them the bridge to a LAN with host 0. */
static void bed_with(const struct vs_switch_config *cfg, struct vs_port_config guest0,
		     enum hs_mfs mfs)
{
	b = bed_make(cfg);
	bed_port(b, 0, guest0);
	bed_port(b, UPLINK, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	lan_sw = vs_switch_create(
		&(struct vs_switch_config){.name = "HS1", .kind = VS_KIND_GUEST_LAN});
	lan = hs_lan_create(mfs, 4711);
	bridge_port = make_port(b->sw);
	bridge = make_bridge(bridge_port, HS_ROLE_SECONDARY);
	ck_assert_ptr_nonnull(bridge);
	online(0);
	hs_bridge_set_fitness(bridge, HS_FIT_GOOD);
}

static void setup(void)
{
	bed_with(&(struct vs_switch_config){.name = "VSW"}, guest(VS_TYPE_ACCESS, 0, NULL),
		 HS_MFS_64K);
}

static void setup_small(void)
{
	bed_with(&(struct vs_switch_config){.name = "VSW"}, guest(VS_TYPE_ACCESS, 0, NULL),
		 HS_MFS_16K);
}

static void teardown(void)
{
	hs_bridge_destroy(bridge);
	bridge = NULL;
	vs_port_destroy(bridge_port);
	for (unsigned i = 0; i < HOSTS; i++)
		offline(i);
	hs_lan_destroy(lan);
	vs_switch_destroy(lan_sw);
	bed_free(b);
}

static const uint8_t *host_mac(unsigned i)
{
	static uint8_t mac[6];
	struct guest_info info;

	guest_info(host[i].d, &info);
	memcpy(mac, info.mac, 6);
	return mac;
}

static void host_sends(unsigned from, const uint8_t *to, int tci, uint32_t len)
{
	struct guest_frame f = {.data = bytes};
	unsigned q;

	f.len = fake_frame(bytes, to, host_mac(from), tci, len, 7);
	q = guest_tx_queue(host[from].d, &f);
	ck_assert_uint_eq(guest_tx_frames(host[from].d, q, &f, 1, 1), 1);
	run(b);
	guest_tx_reclaim(host[from].d, q);
	ck_assert_uint_eq(guest_tx_busy(host[from].d, q), 0);
}

static void port_sends(unsigned port, const uint8_t *to, const uint8_t *from, int tci, uint32_t len)
{
	uint32_t n = fake_frame(bytes, to, from, tci, len, 8);

	ck_assert_ptr_nonnull(fake_inject(&b->fake[port], bytes, n));
}

/* What the host got, one frame: its length; 0: nothing. */
static uint32_t host_got(unsigned i, int *tci)
{
	struct guest_rx rx[2];
	unsigned n = guest_rx_burst(host[i].d, rx, 2);
	uint32_t len;

	if (!n)
		return 0;
	ck_assert_uint_eq(n, 1);
	len = rx[0].len;
	if (tci)
		*tci = be16_load(rx[0].data + 12) == 0x8100 ? be16_load(rx[0].data + 14) : -1;
	ck_assert_uint_eq(guest_rx_burst(host[i].d, rx, 1), 0);
	guest_rx_release(host[i].d);
	return len;
}

static struct hs_bridge_info info(void)
{
	struct hs_bridge_info i;

	hs_bridge_info(bridge, &i);
	return i;
}

/* ---- both ways ------------------------------------------------------------------------------- */

START_TEST(test_out)
{
	static const uint32_t len[] = {60, 64, 65, 200, 1514};

	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		clear(b);
		host_sends(0, outside, -1, len[i]);
		ck_assert_uint_eq(b->fake[UPLINK].n_out, 1);
		ck_assert_uint_eq(b->fake[0].n_out, 0);
		ck_assert_uint_eq(b->fake[UPLINK].out[0].len, len[i]);
		ck_assert_mem_eq(b->fake[UPLINK].out[0].data, bytes, len[i]);
	}
	clear(b);
	mac_of(0, bytes); /* a guest of the switch: never by the uplink */
	uint8_t to[6];
	memcpy(to, bytes, 6);
	host_sends(0, to, -1, 100);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 0);
	clear(b);
	host_sends(0, bcast, -1, 100);
	ck_assert_uint_eq(b->fake[0].n_out, 1);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 1);
	ck_assert_uint_eq(host_got(0, NULL), 0);
}
END_TEST

/* Many of a signal: more than a burst of the switch, in their order. */
START_TEST(test_out_many)
{
	struct guest_frame f[100];
	static uint8_t buf[100][70];
	unsigned q, per = _i ? 5 : 1; /* of a buffer */

	for (unsigned i = 0; i < 100; i++) {
		f[i] = (struct guest_frame){.data = buf[i], .len = 70};
		fake_frame(buf[i], outside, host_mac(0), -1, 70, i);
		buf[i][69] = (uint8_t)i;
	}
	q = guest_tx_queue(host[0].d, f);
	ck_assert_uint_eq(guest_tx_frames(host[0].d, q, f, 100, per), 100);
	run(b);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 100);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_mem_eq(b->fake[UPLINK].out[i].data, buf[i], 70);
}
END_TEST

/* Frames that the switch was given by the bridge port, taken or not. */
static uint64_t came_in(void)
{
	struct vs_counters c;
	uint64_t n;

	vs_port_counters(bridge_port, &c);
	n = c.rx_frames;
	for (unsigned i = 0; i < VS_DROP_COUNT; i++)
		n += c.rx_drop[i];
	return n;
}

/* Who is invisible for bridge ports, and who is in layer 3, stays on the LAN. */
START_TEST(test_not_out)
{
	struct osa_l3_hdr h = {
		.id = OSA_HDR_LAYER3, .flags = OSA_L3_CAST_BROADCAST, .len = be16_of(100)};
	struct guest_frame f = {.data = bytes, .len = 100, .header = (const uint8_t *)&h};
	unsigned q;

	online_layer(1, 3);
	q = guest_tx_queue(host[1].d, &f);
	ck_assert_uint_eq(guest_tx_frames(host[1].d, q, &f, 1, 1), 1);
	run(b);
	ck_assert_uint_eq(came_in(), 0);
	ck_assert_int_eq(guest_vnicc(host[0].d, OSA_CHAR_BRIDGE_INVISIBLE, true), 0);
	host_sends(0, outside, -1, 100);
	host_sends(0, bcast, -1, 100);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 0);
	ck_assert_int_eq(guest_vnicc(host[0].d, OSA_CHAR_BRIDGE_INVISIBLE, false), 0);
	host_sends(0, outside, -1, 100);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 1);
}
END_TEST

START_TEST(test_in)
{
	struct vs_counters c;
	struct guest_rx rx[64];
	unsigned n = 0, k;
	uint8_t mac[6];

	memcpy(mac, host_mac(0), 6);
	online(1);
	for (unsigned i = 0; i < 40; i++)
		port_sends(UPLINK, mac, outside, -1, 60 + 30 * i);
	run(b);
	while ((k = guest_rx_burst(host[0].d, rx, 64))) {
		for (unsigned i = 0; i < k; i++)
			ck_assert_uint_eq(rx[i].len, 60 + 30 * (n + i));
		n += k;
	}
	guest_rx_release(host[0].d);
	ck_assert_uint_eq(n, 40);
	vs_port_counters(host[0].port, &c);
	ck_assert_uint_eq(c.tx_frames, 40);
	vs_port_counters(bridge_port, &c);
	ck_assert_uint_eq(c.tx_frames, 40);
	port_sends(UPLINK, bcast, outside, -1, 99);
	run(b);
	ck_assert_uint_eq(host_got(0, NULL), 99);
	ck_assert_uint_eq(host_got(1, NULL), 99);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 0); /* never back */
	port_sends(UPLINK, (const uint8_t[6]){2, 9, 9, 9, 9, 9}, outside, -1, 99);
	run(b);
	ck_assert_uint_eq(info().unknown, 1);
	ck_assert_uint_eq(info().to_lan, 42);
}
END_TEST

/* Neighbours that one buffer has no room for take several. */
START_TEST(test_in_large)
{
	struct guest_rx rx[16];
	uint8_t mac[6];

	memcpy(mac, host_mac(0), 6);
	for (unsigned i = 0; i < 12; i++)
		port_sends(UPLINK, mac, outside, -1, 2000);
	run(b);
	ck_assert_uint_eq(guest_rx_burst(host[0].d, rx, 16), 12);
	for (unsigned i = 0; i < 12; i++)
		ck_assert_uint_eq(rx[i].len, 2000);
	guest_rx_release(host[0].d);
	ck_assert_uint_eq(info().to_lan, 12);
	ck_assert_uint_eq(info().full + info().unknown, 0);
}
END_TEST

/* Frames of its hosts that come back from outside, and hosts that speak for others. */
START_TEST(test_returned)
{
	uint8_t mac[6];

	memcpy(mac, host_mac(0), 6);
	online(1);
	port_sends(UPLINK, bcast, mac, -1, 99);
	run(b);
	ck_assert_uint_eq(host_got(1, NULL), 0);
	ck_assert_uint_eq(rx_drop(b, UPLINK, VS_DROP_SRC_SPOOFED), 1);
	/* Where the switch does not know the address, the LAN does. */
	struct vs_link l = vs_port_link(bridge_port);
	ck_assert_int_eq(l.ops->mac_del(l.ctx, mac), 0);
	port_sends(UPLINK, bcast, mac, -1, 99);
	run(b);
	ck_assert_uint_eq(host_got(1, NULL), 0);
	ck_assert_uint_eq(info().returned, 1);
}
END_TEST

START_TEST(test_registered)
{
	struct vs_link l = vs_port_link(b->port[0]);
	uint8_t mac[4][6], more[6] = {2, 1, 1, 1, 1, 1};

	online(1);
	ck_assert_uint_eq(vs_port_macs(bridge_port, mac, 4), 2);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, more), 0);
	ck_assert_int_lt(guest_mac_add(host[1].d, more), 0); /* a guest of the switch has it */
	ck_assert_int_eq(l.ops->mac_del(l.ctx, more), 0);
	ck_assert_int_eq(guest_mac_add(host[1].d, more), 0);
	ck_assert_uint_eq(vs_port_macs(bridge_port, mac, 4), 3);
	ck_assert_int_eq(l.ops->mac_add(l.ctx, more), -EEXIST);
	offline(1);
	ck_assert_uint_eq(vs_port_macs(bridge_port, mac, 4), 1);
	hs_bridge_set_fitness(bridge, HS_FIT_NOT);
	ck_assert_uint_eq(vs_port_macs(bridge_port, mac, 4), 0);
	ck_assert(!vs_port_running(bridge_port));
	hs_bridge_set_fitness(bridge, HS_FIT_POOR);
	ck_assert_uint_eq(vs_port_macs(bridge_port, mac, 4), 1);
}
END_TEST

START_TEST(test_too_big)
{
	struct vs_counters c;

	b->fake[UPLINK].frame_max = 1518;
	host_sends(0, outside, -1, 2000);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 0);
	vs_port_counters(b->port[UPLINK], &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_TOO_BIG], 1);
}
END_TEST

/* A host that takes nothing costs itself. */
START_TEST(test_full)
{
	uint8_t mac[2][6];
	struct vs_counters c;

	online(1);
	memcpy(mac[0], host_mac(0), 6);
	memcpy(mac[1], host_mac(1), 6);
	for (unsigned i = 0; i < 300; i++) {
		port_sends(UPLINK, mac[0], outside, -1, 1000);
		run(b);
	}
	ck_assert_uint_gt(info().full, 0);
	vs_port_counters(host[0].port, &c);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_NO_BUFFER], info().full);
	port_sends(UPLINK, mac[1], outside, -1, 1000);
	run(b);
	ck_assert_uint_eq(host_got(1, NULL), 1000);
}
END_TEST

/* Without a bridge port a destination that nobody has is the sender's error, as ever. */
START_TEST(test_inactive)
{
	hs_bridge_set_fitness(bridge, HS_FIT_NOT);
	host_sends(0, outside, -1, 100);
	ck_assert_uint_eq(b->fake[UPLINK].n_out, 0);
	ck_assert_uint_eq(guest_dev_stats(host[0].d)->tx_no_target, 1);
	port_sends(UPLINK, bcast, outside, -1, 100);
	run(b);
	ck_assert_uint_eq(host_got(0, NULL), 0);
}
END_TEST

/* ---- VLANs ------------------------------------------------------------------------------------
 */

static void setup_aware(void)
{
	bed_with(&(struct vs_switch_config){.name = "VSW", .vlan_aware = true, .native_vid = 1},
		 guest(VS_TYPE_ACCESS, 7, NULL), HS_MFS_64K);
}

START_TEST(test_vlans)
{
	struct vs_vidset vids;
	uint8_t mac[6], to[6];
	int tci = 0;

	memcpy(mac, host_mac(0), 6);
	mac_of(0, to);
	host_sends(0, outside, -1, 100); /* untagged is the native VLAN, both ways */
	ck_assert_int_eq(arrived(b, UPLINK), -1);
	ck_assert_int_eq(arrived(b, 0), -2);
	clear(b);
	host_sends(0, to, 7, 100); /* a guest's VLAN */
	ck_assert_int_eq(arrived(b, 0), -1);
	clear(b);
	host_sends(0, outside, 0x6008, 100);
	ck_assert_int_eq(arrived(b, UPLINK), 0x6008);
	port_sends(0, mac, to, -1, 100);
	run(b);
	ck_assert_uint_eq(host_got(0, &tci), 104);
	ck_assert_int_eq(tci, 7);
	port_sends(0, mac, to, 0x6000, 100); /* a priority is kept, the tag is the VLAN's */
	run(b);
	ck_assert_uint_eq(host_got(0, &tci), 100);
	ck_assert_int_eq(tci, 0x6007);
	port_sends(UPLINK, mac, outside, -1, 100);
	run(b);
	ck_assert_uint_eq(host_got(0, &tci), 100);
	ck_assert_int_eq(tci, -1);
	/* A host that joined some gets those only. In use at the switch is what is joined. */
	vs_switch_vids(b->sw, &vids);
	ck_assert(!vs_vidset_has(&vids, 9));
	ck_assert_int_eq(guest_vid_add(host[0].d, 9), 0);
	port_sends(UPLINK, mac, outside, 8, 100);
	port_sends(UPLINK, mac, outside, 9, 100);
	run(b);
	ck_assert_uint_eq(host_got(0, &tci), 100);
	ck_assert_int_eq(tci, 9);
	vs_switch_vids(b->sw, &vids);
	ck_assert(vs_vidset_has(&vids, 7) && vs_vidset_has(&vids, 9) && !vs_vidset_has(&vids, 8));
	clear(b);
	ck_assert_uint_eq(vs_switch_announce(b->sw), 3); /* the guest in 7; the host in 1 and 9 */
	offline(0);
	vs_switch_vids(b->sw, &vids);
	ck_assert(!vs_vidset_has(&vids, 9));
}
END_TEST

#define NO (-2)
#define PLAIN (-1)
#define TRUNK 2u

/*
 * The bridge port's row of the matrix (spec/zvm-networking.md 3.4): as the uplink's. A frame for
 * all, with the tag tci, from the LAN to an access port in 7, a trunk with 1, 7 and 20, and the
 * uplink; or from one of them to the LAN.
 */
static const struct vlan_row {
	int n;
	uint16_t native; /* 0: NONE */
	int from;	 /* port of the switch, or -1: the LAN */
	int tci;
	int access, trunk, uplink, lan;
	int drop; /* of the sender, or -1 */
} vlan_rows[] = {
	{1, 7, -1, PLAIN, PLAIN, PLAIN, PLAIN, NO, -1},
	{2, 7, -1, 0xA000, PLAIN, PLAIN, PLAIN, NO, -1},
	{3, 7, -1, 0xE007, PLAIN, PLAIN, PLAIN, NO, -1},
	{4, 1, -1, PLAIN, NO, PLAIN, PLAIN, NO, -1},
	{5, 1, -1, 0xA000, NO, PLAIN, PLAIN, NO, -1},
	{6, 1, -1, 0xE007, PLAIN, 0xE007, 0xE007, NO, -1},
	{7, 1, -1, 20, NO, 20, 20, NO, -1},
	{8, 1, -1, 77, NO, NO, 77, NO, -1},
	{9, 1, -1, 4095, NO, NO, NO, NO, VS_DROP_VLAN_DENIED},
	{10, 0, -1, PLAIN, NO, NO, NO, NO, VS_DROP_VLAN_UNTAGGED},
	{11, 0, -1, 0xA000, NO, NO, NO, NO, VS_DROP_VLAN_UNTAGGED},
	{12, 0, -1, 7, PLAIN, 7, 7, NO, -1},
	{13, 0, -1, 1, NO, 1, 1, NO, -1},
	{20, 7, 0, PLAIN, NO, PLAIN, PLAIN, PLAIN, -1},
	{21, 1, 0, PLAIN, NO, 7, 7, 7, -1},
	{22, 0, 0, 0x6000, NO, 0x6007, 0x6007, 0x6007, -1},
	{23, 1, TRUNK, PLAIN, NO, NO, PLAIN, PLAIN, -1},
	{24, 1, TRUNK, 1, NO, NO, PLAIN, PLAIN, -1},
	{25, 1, TRUNK, 0xE014, NO, NO, 0xE014, 0xE014, -1},
	{26, 0, TRUNK, 1, NO, NO, 1, 1, -1},
	{27, 1, UPLINK, 0xA000, NO, PLAIN, NO, PLAIN, -1},
	{28, 1, UPLINK, 77, NO, NO, NO, 77, -1},
	{29, 7, UPLINK, 0xE007, PLAIN, PLAIN, NO, PLAIN, -1},
};

START_TEST(test_vlan_row)
{
	const struct vlan_row *r = &vlan_rows[_i];
	struct vs_switch_config cfg = {.name = "VSW", .vlan_aware = true, .native_vid = r->native};
	const int want[] = {r->access, r->uplink, r->trunk};
	struct vs_port *from = r->from < 0 ? bridge_port : NULL;
	struct vs_counters c;
	uint8_t mac[6];
	int got = NO;

	ck_assert_int_eq(vs_switch_configure(b->sw, &cfg), 0);
	bed_port(b, TRUNK, guest(VS_TYPE_TRUNK, 0, (const uint16_t[]){1, 7, 20, 0}));
	if (from) {
		host_sends(0, bcast, r->tci, 100);
	} else {
		from = b->port[r->from];
		mac_of((unsigned)r->from, mac);
		port_sends((unsigned)r->from, bcast, mac, r->tci, 100);
		run(b);
	}
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg((int)i == r->from || arrived(b, i) == want[i], "row %d: port %u: %d",
			      r->n, i, arrived(b, i));
	if (!host_got(0, &got))
		got = NO;
	ck_assert_msg(got == r->lan, "row %d: the LAN: %d", r->n, got);
	vs_port_counters(from, &c);
	for (int d = 0; d < VS_DROP_COUNT; d++)
		ck_assert_msg(c.rx_drop[d] == (r->drop == d), "row %d: %s", r->n,
			      vs_drop_name((enum vs_drop)d));
}
END_TEST

/* ---- which one ---------------------------------------------------------------------------------
 */

#define BRIDGES 5u

struct model {
	enum hs_fitness fitness;
	bool primary;
};

static unsigned model_choice(const struct model *m, unsigned active)
{
	unsigned best = BRIDGES;

	for (unsigned i = 0; i < BRIDGES; i++) {
		bool better = best == BRIDGES || m[i].fitness > m[best].fitness;

		if (m[i].fitness == HS_FIT_NOT)
			continue;
		if (best < BRIDGES && m[i].fitness == m[best].fitness)
			better =
				m[i].primary || (!m[best].primary && i == active && best != active);
		if (better)
			best = i;
	}
	return best;
}

struct other {
	struct vs_switch *sw;
	struct vs_port *port, *up;
	struct fake_port fake;
	struct hs_bridge *bridge;
};

static void other_make(struct other *o, enum hs_role role)
{
	struct vs_link l;

	o->sw = vs_switch_create(&(struct vs_switch_config){.name = "OTHER"});
	o->up = vs_port_create(o->sw, &(struct vs_port_config){.role = VS_ROLE_UPLINK});
	vs_port_assign(o->up, b->w);
	fake_init(&o->fake);
	l = vs_port_link(o->up);
	ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &o->fake), 0);
	o->port = make_port(o->sw);
	o->bridge = make_bridge(o->port, role);
	ck_assert_ptr_nonnull(o->bridge);
}

static void other_free(struct other *o)
{
	hs_bridge_destroy(o->bridge);
	vs_port_destroy(o->port);
	vs_port_destroy(o->up);
	fake_fini(&o->fake);
	vs_switch_destroy(o->sw);
}

/* A frame to the outside leaves by the active one's switch and by no other. */
static void leaves_by(struct other *o, unsigned active)
{
	host_sends(0, bcast, -1, 100);
	for (unsigned i = 0; i < BRIDGES; i++) {
		struct hs_bridge_info in;

		hs_bridge_info(o[i].bridge, &in);
		ck_assert_int_eq(in.state == HS_BRIDGE_ACTIVE, i == active);
		ck_assert_uint_eq(o[i].fake.n_out, i == active);
		ck_assert_int_eq(vs_port_running(o[i].port), i == active);
		fake_clear(&o[i].fake);
	}
}

/* What one switch gives, active or not: the host hears the active one only. */
static void comes_by(struct other *o, unsigned from, unsigned active)
{
	uint32_t n = fake_frame(bytes, bcast, outside, -1, 100, 8);

	fake_inject(&o[from].fake, bytes, n);
	run(b);
	ck_assert_uint_eq(host_got(0, NULL), from == active ? 100 : 0);
	for (unsigned i = 0; i < BRIDGES; i++)
		ck_assert_uint_eq(o[i].fake.n_out, 0);
}

/* ---- what a switch is told ----------------------------------------------------------------------
 */

struct told {
	unsigned starts, stops, n, changes;
	uint8_t mac[8][6];
	struct vs_vidset vids;
	int refuse;
	enum hs_bridge_state state;
};

static int told_start(void *link, const struct vs_port_ops *ops, void *port)
{
	(void)ops;
	(void)port;
	((struct told *)link)->starts++;
	return 0;
}

static void told_stop(void *link)
{
	struct told *t = link;

	t->stops++;
	t->n = 0;
}

static bool told_has(const struct told *t, const uint8_t mac[6])
{
	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->mac[i], mac, 6) == 0)
			return true;
	return false;
}

static int told_mac_add(void *link, const uint8_t mac[6])
{
	struct told *t = link;

	if (t->refuse)
		return t->refuse;
	ck_assert_uint_lt(t->n, 8);
	memcpy(t->mac[t->n++], mac, 6);
	return 0;
}

static int told_mac_del(void *link, const uint8_t mac[6])
{
	struct told *t = link;

	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->mac[i], mac, 6) == 0)
			memmove(t->mac[i], t->mac[--t->n], 6);
	return 0;
}

static int told_vid_add(void *link, uint16_t vid)
{
	vs_vidset_add(&((struct told *)link)->vids, vid);
	return 0;
}

static int told_vid_del(void *link, uint16_t vid)
{
	struct told *t = link;

	t->vids.w[vid / 64] &= ~(UINT64_C(1) << (vid % 64));
	return 0;
}

static const struct vs_link_ops told_ops = {
	.start = told_start,
	.stop = told_stop,
	.mac_add = told_mac_add,
	.mac_del = told_mac_del,
	.vid_add = told_vid_add,
	.vid_del = told_vid_del,
};

static void told_changed(void *ctx, enum hs_bridge_state state)
{
	struct told *t = ctx;

	t->state = state;
	t->changes++;
}

/* Addresses and VLANs of the LAN, when it takes over and from then on; of who is visible. */
START_TEST(test_told)
{
	static const uint8_t more[6] = {2, 7, 7, 7, 7, 1}, last[6] = {2, 7, 7, 7, 7, 2};
	struct told t = {.n = 0};
	struct hs_bridge_config cfg = {.role = HS_ROLE_PRIMARY,
				       .link = {&told_ops, &t},
				       .changed = told_changed,
				       .ctx = &t};
	struct hs_bridge *o = hs_bridge_create(lan, &cfg);

	ck_assert_ptr_nonnull(o);
	online(1);
	ck_assert_int_eq(guest_vid_add(host[0].d, 9), 0);
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_BRIDGE_INVISIBLE, true), 0);
	hs_bridge_set_fitness(o, HS_FIT_GOOD);
	ck_assert_uint_eq(t.starts, 1);
	ck_assert_uint_eq(t.changes, 1);
	ck_assert_int_eq(t.state, HS_BRIDGE_ACTIVE);
	ck_assert_int_eq(info().state, HS_BRIDGE_STANDBY);
	ck_assert_uint_eq(t.n, 1);
	ck_assert(told_has(&t, host_mac(0)));
	ck_assert(vs_vidset_has(&t.vids, 9));
	ck_assert_int_eq(guest_mac_add(host[1].d, more), 0);
	ck_assert_int_eq(guest_group_add(host[0].d, (const uint8_t[6]){1, 0, 0x5E, 1, 2, 3}), 0);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_BRIDGE_INVISIBLE, false), 0);
	ck_assert_uint_eq(t.n, 3);
	ck_assert(told_has(&t, more));
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_BRIDGE_INVISIBLE, true), 0);
	ck_assert_uint_eq(t.n, 1);
	/* No room there: it is learned, and the host has it. */
	t.refuse = -ENOSPC;
	ck_assert_int_eq(guest_mac_add(host[0].d, last), 0);
	t.refuse = -EEXIST;
	ck_assert_int_ne(guest_mac_add(host[0].d, (const uint8_t[6]){2, 7, 7, 7, 7, 3}), 0);
	t.refuse = 0;
	ck_assert_int_eq(guest_vid_del(host[0].d, 9), 0);
	ck_assert(!vs_vidset_has(&t.vids, 9));
	/* Among equals it stays; a primary takes over. */
	ck_assert_int_eq(hs_bridge_set_role(o, HS_ROLE_SECONDARY), 0);
	ck_assert_int_eq(t.state, HS_BRIDGE_ACTIVE);
	ck_assert_int_eq(hs_bridge_set_role(bridge, HS_ROLE_PRIMARY), 0);
	ck_assert_int_eq(t.state, HS_BRIDGE_STANDBY);
	ck_assert_uint_eq(t.stops, 1);
	ck_assert_int_eq(info().state, HS_BRIDGE_ACTIVE);
	hs_bridge_set_fitness(o, HS_FIT_NOT);
	ck_assert_int_eq(t.state, HS_BRIDGE_INACTIVE);
	ck_assert_uint_eq(t.changes, 3);
	hs_bridge_destroy(o);
}
END_TEST

START_TEST(test_choice)
{
	struct other o[BRIDGES];
	struct model m[BRIDGES] = {[2].primary = true};
	unsigned active = BRIDGES;

	hs_bridge_destroy(bridge);
	bridge = NULL;
	srand(4711);
	for (unsigned i = 0; i < BRIDGES; i++)
		other_make(&o[i], m[i].primary ? HS_ROLE_PRIMARY : HS_ROLE_SECONDARY);
	ck_assert_ptr_null(make_bridge(bridge_port, HS_ROLE_PRIMARY));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_ptr_null(make_bridge(bridge_port, HS_ROLE_SECONDARY));
	ck_assert_int_eq(errno, ENOSPC);
	for (unsigned step = 0; step < 400; step++) {
		unsigned i = (unsigned)rand() % BRIDGES;

		if (rand() % 8) {
			m[i].fitness = (enum hs_fitness)(rand() % 3);
			hs_bridge_set_fitness(o[i].bridge, m[i].fitness);
		} else if (m[i].primary) {
			ck_assert_int_eq(hs_bridge_set_role(o[i].bridge, HS_ROLE_SECONDARY),
					 -ENOSPC);
		} else {
			ck_assert_int_eq(hs_bridge_set_role(o[i].bridge, HS_ROLE_PRIMARY), -EEXIST);
		}
		active = model_choice(m, active);
		leaves_by(o, active);
		comes_by(o, (unsigned)rand() % BRIDGES, active);
	}
	for (unsigned i = 0; i < BRIDGES; i++)
		other_free(&o[i]);
}
END_TEST

/* ---- hosts as bridge ports
 * ------------------------------------------------------------------------ */

/* Return: the code in the sub-header. */
static unsigned role(unsigned i, uint32_t sub, void *in, size_t cap)
{
	struct osa_bridge out = {.len = be16_of(16), .subcommand = be32_of(sub)}, *reply = in;
	uint8_t buf[256];
	size_t len = 0;

	if (!in) {
		reply = (void *)buf;
		cap = sizeof(buf);
	}
	ck_assert_int_eq(guest_ipa_call(host[i].d, OSA_SETBRIDGEPORT_IQD, 0, &out, sizeof(out),
					reply, cap, &len),
			 0);
	ck_assert_uint_ge(len, sizeof(out));
	return be16_get(reply->rc);
}

static void told(unsigned i, enum osa_bridge_role r, enum osa_bridge_state s)
{
	guest_service(host[i].d);
	ck_assert_uint_eq(host[i].d->bridge_role, r);
	ck_assert_uint_eq(host[i].d->bridge_state, s);
}

START_TEST(test_roles)
{
	struct {
		struct osa_bridge_ports l;
		struct osa_bridge_entry e[8];
	} ports;
	struct osa_bridge_commands cmds;

	online(1);
	online(2);
	/* A switch is one: the other family. */
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_PRIMARY, NULL, 0), 0x10);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_QUERY_PORTS, &ports, sizeof(ports)), 0x10);
	ck_assert_uint_eq(ports.l.n, 2);
	ck_assert_uint_eq(ports.e[0].role, OSA_BRIDGE_NONE);
	ck_assert_uint_eq(ports.e[1].state, OSA_BRIDGE_ACTIVE);
	hs_bridge_destroy(bridge);
	bridge = NULL;
	ck_assert_uint_eq(role(1, OSA_BRIDGE_QUERY_COMMANDS, &cmds, sizeof(cmds)), 0);
	ck_assert_uint_eq(be32_get(cmds.mask), 0x0F);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_SECONDARY, NULL, 0), 0);
	told(1, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_ACTIVE);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_SECONDARY, NULL, 0), 0); /* it is */
	ck_assert_ptr_null(make_bridge(bridge_port, HS_ROLE_PRIMARY));
	ck_assert_int_eq(errno, EBUSY);
	/* It gets what nobody has, and groups; once. */
	host_sends(0, outside, -1, 100);
	ck_assert_uint_eq(host_got(1, NULL), 100);
	ck_assert_uint_eq(host_got(2, NULL), 0);
	host_sends(0, (const uint8_t[6]){1, 0, 0x5E, 1, 2, 3}, -1, 101);
	ck_assert_uint_eq(host_got(1, NULL), 101);
	host_sends(0, bcast, -1, 102);
	ck_assert_uint_eq(host_got(1, NULL), 102);
	ck_assert_uint_eq(host_got(2, NULL), 102);
	ck_assert_uint_eq(guest_dev_stats(host[0].d)->tx_no_target, 0);
	/* The primary takes over, and back; roles and VNIC characteristics exclude each other. */
	ck_assert_uint_eq(role(2, OSA_BRIDGE_SET_PRIMARY, NULL, 0), 0);
	told(1, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_STANDBY);
	told(2, OSA_BRIDGE_PRIMARY, OSA_BRIDGE_ACTIVE);
	ck_assert_uint_eq(role(0, OSA_BRIDGE_SET_PRIMARY, NULL, 0), 0x14);
	ck_assert_uint_eq(role(2, OSA_BRIDGE_SET_SECONDARY, NULL, 0), 0x24);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_PRIMARY, NULL, 0), 0x18);
	ck_assert_int_eq(guest_vnicc(host[2].d, OSA_CHAR_FLOODING, true), -EBUSY);
	host_sends(0, outside, -1, 103);
	ck_assert_uint_eq(host_got(1, NULL), 0);
	ck_assert_uint_eq(host_got(2, NULL), 103);
	offline(2);
	told(1, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_ACTIVE);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_RESET, NULL, 0), 0);
	host_sends(0, outside, -1, 104);
	ck_assert_uint_eq(host_got(1, NULL), 0);
	ck_assert_uint_eq(guest_dev_stats(host[0].d)->tx_no_target, 1);
	ck_assert_int_eq(guest_vnicc(host[0].d, OSA_CHAR_FLOODING, true), 0);
	ck_assert_uint_eq(role(0, OSA_BRIDGE_SET_PRIMARY, NULL, 0), 0x0C);
	ck_assert_uint_eq(role(0, 0x40, NULL, 0), OSA_RC_L2_UNSUPPORTED & 0xFF);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hsbridge");
	TCase *plain_case = tcase_create("bridge"), *aware = tcase_create("vlan"),
	      *small = tcase_create("small");
	SRunner *runner;
	int failed;

	rcu_register_thread();
	tcase_add_checked_fixture(plain_case, setup, teardown);
	tcase_add_test(plain_case, test_out);
	tcase_add_loop_test(plain_case, test_out_many, 0, 2);
	tcase_add_test(plain_case, test_not_out);
	tcase_add_test(plain_case, test_told);
	tcase_add_test(plain_case, test_in);
	tcase_add_test(plain_case, test_returned);
	tcase_add_test(plain_case, test_registered);
	tcase_add_test(plain_case, test_too_big);
	tcase_add_test(plain_case, test_full);
	tcase_add_test(plain_case, test_inactive);
	tcase_add_test(plain_case, test_choice);
	tcase_add_test(plain_case, test_roles);
	suite_add_tcase(s, plain_case);
	tcase_add_checked_fixture(aware, setup_aware, teardown);
	tcase_add_test(aware, test_vlans);
	tcase_add_loop_test(aware, test_vlan_row, 0, sizeof(vlan_rows) / sizeof(vlan_rows[0]));
	suite_add_tcase(s, aware);
	tcase_add_checked_fixture(small, setup_small, teardown);
	tcase_add_test(small, test_in_large);
	suite_add_tcase(s, small);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	rcu_unregister_thread();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
