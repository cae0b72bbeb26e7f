/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA commands of layer 3: success, each listed error, repetition, and the state after CLEAR
 * (spec/osa-qeth.md 4.5, 4.7, 4.8, 8.1, 14.2).
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_bed.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))
#define LAN_IP 0x0A610002u
#define FULL_V4 0x00137E77u /* 14.1, full L3 OSD */
#define FULL_V6 0x00D21460u
#define FULL_ADAPTER 0x00192203u

static void setup(void)
{
	setup_new();
	rig->layer = 3;
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
}

static int ip4(uint8_t command, uint32_t ip, uint32_t flags)
{
	uint8_t d[36] = {0};

	be32_store(d, ip);
	be32_store(d + 8, flags);
	return osa_rig_ipa(rig, command, 4, d, sizeof(d));
}

static int ip6(uint8_t command, uint8_t last, uint32_t flags)
{
	struct osa_data_ip6 d = {.addr = {0xFE, 0x80, [15] = last}, .flags = be32_of(flags)};

	return osa_rig_ipa(rig, command, 6, &d, sizeof(d));
}

static int group(uint8_t command, uint16_t protocol, const uint8_t addr[16])
{
	struct osa_data_group d = {0};

	memcpy(d.addr, addr, 16);
	return osa_rig_ipa(rig, command, protocol, &d, sizeof(d));
}

static int group4(uint8_t command, uint32_t ip)
{
	uint8_t addr[16] = {0};

	be32_store(addr + 12, ip);
	return group(command, 4, addr);
}

static int assist(uint32_t which, uint16_t protocol, uint16_t sub, const void *data, size_t len)
{
	uint8_t m[128] = {0};

	be32_store(m, which);
	be16_store(m + 4, (uint16_t)(8 + len));
	be16_store(m + 6, sub);
	if (len)
		memcpy(m + 12, data, len);
	return osa_rig_ipa(rig, OSA_SETASSPARMS, protocol, m, 12 + len);
}

static uint16_t assist_rc(void)
{
	return be16_load(rig->data + 8);
}

/* ---- bring-up -------------------------------------------------------------------------------- */

START_TEST(masks)
{
	struct osa_adpparms m = {.len = be16_of(16), .subcommand = be32_of(OSA_ADP_QUERY)};

	ck_assert_int_eq(osa_rig_ipa(rig, OSA_QIPASSIST, 4, NULL, 0), 0);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), FULL_V4);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_QIPASSIST, 6, NULL, 0), 0);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), FULL_V6);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, &m, sizeof(m)), 0);
	ck_assert_uint_eq(be32_load(rig->data + 32), FULL_ADAPTER);
	ck_assert_uint_eq(info().layer, 3);
	ck_assert(fake_link_has(&rig->link, rig->a->cfg.mac));
}
END_TEST

/* What layer 2 has and layer 3 has not, and the other way round. */
START_TEST(other_layer)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 5};
	struct osa_adp_promisc p = {.adp.subcommand = be32_of(OSA_ADP_PROMISC)};
	uint8_t zero[64] = {0};

	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac), OSA_RC_NOT_SUPPORTED);
	ck_assert_int_eq(osa_rig_vlan(rig, OSA_SETVLAN, 5), OSA_RC_NOT_SUPPORTED);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_VNICC, 0, zero, 24), OSA_RC_NOT_SUPPORTED);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, &p, sizeof(p)),
			 OSA_RC_UNSUPPORTED_SUBCMD);
	osa_rig_clear(rig);
	rig->layer = 2;
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ASSIST_START, NULL, 0),
			 OSA_RC_NOT_SUPPORTED);
	ck_assert_uint_eq(info().layer, 2);
}
END_TEST

/* The queues active before the layer is named, in either order of layers. */
START_TEST(layer_after_activate)
{
	osa_rig_clear(rig);
	for (unsigned round = 0; round < 2; round++) {
		uint8_t protocol = round ? OSA_PROTOCOL_LAYER2 : OSA_PROTOCOL_LAYER3;

		ck_assert_int_eq(osa_rig_idx(rig, RIG_READ, true, 0), 0);
		ck_assert_int_eq(osa_rig_idx(rig, RIG_WRITE, false, 0), 0);
		if (!round)
			osa_rig_activate(rig);
		ck_assert_int_eq(osa_rig_cm_enable(rig), 0);
		ck_assert_int_eq(osa_rig_cm_setup(rig), 0);
		ck_assert_int_eq(osa_rig_ulp_enable(rig, protocol), 0);
		ck_assert(rig->link.started);
		ck_assert_uint_eq(rig->a->started_layer == 3, !round);
	}
	ck_assert_uint_eq(rig->link.starts, rig->link.stops + 1);
}
END_TEST

START_TEST(read_mac)
{
	static const uint8_t later[6] = {2, 0, 0, 0, 0, 0x77};
	struct osa_adp_mac m = {.adp.subcommand = be32_of(OSA_ADP_ALTER_MAC), .size = be32_of(6)};

	osa_set_mac(rig->a, later); /* the session keeps its own */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, &m, sizeof(m)), 0);
	ck_assert_uint_eq(be16_load(rig->data + 16), 0);
	ck_assert_mem_eq(rig->data + 36, osa_rig_config()->mac, 6);
}
END_TEST

/* The adapter's MAC belongs to somebody else: the host's set-up fails, and later does not. */
START_TEST(station_refused)
{
	osa_rig_clear(rig);
	rig->link.fail = -EEXIST;
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), OSA_RC_PORT_STATE);
	ck_assert(!info().online);
	rig->link.fail = 0;
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 0, NULL, 0), 0);
	ck_assert(fake_link_has(&rig->link, rig->a->cfg.mac));
}
END_TEST

/* ---- SETIP, DELIP ------------------------------------------------------------------------------
 */

START_TEST(addresses)
{
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), 0);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), 0); /* again */
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + 1, OSA_IP_SET_VIPA), 0);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + 2, OSA_IP_SET_TAKEOVER), 0);
	ck_assert_int_eq(ip6(OSA_SETIP, 1, 0), 0);
	ck_assert_int_eq(ip6(OSA_SETIP, 2, OSA_IP_SET_VIPA), 0);
	ck_assert_uint_eq(info().n_addresses, 5);
	ck_assert_int_eq(ip4(OSA_DELIP, LAN_IP + 1, OSA_IP_DEL_VIPA), 0);
	ck_assert_int_eq(ip4(OSA_DELIP, LAN_IP + 1, OSA_IP_DEL_VIPA), OSA_RC_UNREGISTERED_ADDR);
	ck_assert_int_eq(ip6(OSA_DELIP, 2, 0), 0);
	ck_assert_int_eq(ip6(OSA_DELIP, 3, 0), OSA_RC_UNREGISTERED_ADDR);
	ck_assert_uint_eq(info().n_addresses, 3);
	osa_rig_clear(rig);
	ck_assert_uint_eq(info().n_addresses, 0);
}
END_TEST

static const struct {
	int n;
	uint8_t command;
	uint16_t protocol;
	size_t len;
	uint8_t first; /* byte of the address */
	int rc;
} ip_rows[] = {
	{1, OSA_SETIP, 0, 36, 10, OSA_RC_INVALID_IP_VERSION},
	{2, OSA_SETIP, 5, 36, 10, OSA_RC_INVALID_IP_VERSION},
	{3, OSA_SETIP, 4, 11, 10, OSA_RC_INVALID_FORMAT},
	{4, OSA_SETIP, 4, 12, 10, 0},
	{5, OSA_SETIP, 4, 36, 224, OSA_RC_INVALID_FORMAT},
	{6, OSA_SETIP, 4, 36, 255, OSA_RC_INVALID_FORMAT},
	{7, OSA_SETIP, 4, 36, 0, OSA_RC_INVALID_FORMAT},
	{8, OSA_SETIP, 6, 35, 0xFE, OSA_RC_INVALID_FORMAT},
	{9, OSA_SETIP, 6, 36, 0xFE, 0},
	{10, OSA_SETIP, 6, 36, 0xFF, OSA_RC_INVALID_FORMAT},
	{11, OSA_DELIP, 3, 36, 10, OSA_RC_INVALID_IP_VERSION},
	{12, OSA_DELIP, 4, 0, 10, OSA_RC_INVALID_FORMAT},
	{13, OSA_SETIPM, 4, 23, 0, OSA_RC_INVALID_FORMAT},
	{14, OSA_SETIPM, 4, 24, 0, OSA_RC_INVALID_FORMAT}, /* no group */
	{15, OSA_SETIPM, 6, 24, 0, OSA_RC_INVALID_FORMAT},
	{16, OSA_SETIPM, 0, 24, 0, OSA_RC_INVALID_IP_VERSION},
	{17, OSA_DELIPM, 4, 10, 0, OSA_RC_INVALID_FORMAT},
	{18, OSA_SETRTG, 4, 0, 0, OSA_RC_INVALID_FORMAT},
	{19, OSA_SETRTG, 7, 1, 0, OSA_RC_INVALID_IP_VERSION},
	{20, OSA_CREATE_ADDR, 6, 7, 0, OSA_RC_INVALID_FORMAT},
	{21, OSA_DESTROY_ADDR, 6, 7, 0, OSA_RC_INVALID_FORMAT},
};

START_TEST(bad_operands)
{
	uint8_t d[64] = {ip_rows[_i].first};

	ck_assert_msg(osa_rig_ipa(rig, ip_rows[_i].command, ip_rows[_i].protocol, d,
				  ip_rows[_i].len) == ip_rows[_i].rc,
		      "row %d: %04X", ip_rows[_i].n, be16_get(rig->ipa.rc));
}
END_TEST

START_TEST(address_table_full)
{
	for (uint32_t i = 0; i < OSA_ADDRESS_MAX; i++)
		ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + i, 0), 0);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + OSA_ADDRESS_MAX, 0), OSA_RC_IP_TABLE_FULL);
	ck_assert_int_eq(ip6(OSA_SETIP, 1, 0), OSA_RC_IP_TABLE_FULL_V6);
	ck_assert_int_eq(ip4(OSA_DELIP, LAN_IP + 100, 0), 0);
	ck_assert_int_eq(ip6(OSA_SETIP, 1, 0), 0);
	for (uint32_t i = 0; i < OSA_ADDRESS_MAX; i++)
		ck_assert_int_eq(ip4(OSA_DELIP, LAN_IP + i, 0),
				 i == 100 ? OSA_RC_UNREGISTERED_ADDR : 0);
	ck_assert_uint_eq(info().n_addresses, 1);
}
END_TEST

START_TEST(before_startlan)
{
	osa_rig_clear(rig);
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), OSA_RC_SETIP_BEFORE_STARTLAN);
}
END_TEST

START_TEST(lan_offline)
{
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), OSA_RC_LAN_OFFLINE);
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE0000001), OSA_RC_LAN_OFFLINE);
	ck_assert_uint_eq(info().n_addresses + info().n_groups, 0);
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP, 0), 0);
}
END_TEST

/* ---- duplicate detection ------------------------------------------------------------------------
 */

static void hear(uint32_t sip)
{
	uint8_t p[28] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9};

	be32_store(p + 14, sip);
	pthread_mutex_lock(&rig->a->l3.lock);
	osa_arp_input(&rig->a->l3.arp, 0, p, sizeof(p));
	pthread_mutex_unlock(&rig->a->l3.lock);
}

static void setip_send(uint32_t ip, uint32_t flags)
{
	uint8_t d[36] = {0};

	be32_store(d, ip);
	be32_store(d + 8, flags);
	ck_assert_int_eq(osa_rig_ipa_send(rig, OSA_SETIP, 4, d, sizeof(d)), 0);
}

static const struct {
	int n;
	uint32_t flags;
	bool held, answered;
	int rc;
} dup_rows[] = {
	{1, 0, true, false, 0},
	{2, 0, true, true, OSA_RC_DUP_IP_NETWORK},
	{3, OSA_IP_SET_VIPA, false, true, 0},
	{4, OSA_IP_SET_TAKEOVER, false, true, 0},
};

START_TEST(duplicate)
{
	uint16_t seq;

	osa_tick(rig->a, 1000);
	setip_send(LAN_IP, dup_rows[_i].flags);
	seq = rig->ipa_seq;
	ck_assert_int_eq(osa_rig_ipa_read(rig), !dup_rows[_i].held);
	if (dup_rows[_i].answered)
		hear(LAN_IP);
	/* Other commands are not held up. */
	ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + 1, OSA_IP_SET_VIPA), 0);
	if (!dup_rows[_i].held)
		return;
	osa_tick(rig->a, 2000);
	ck_assert(osa_rig_ipa_read(rig));
	ck_assert_uint_eq(be16_get(rig->ipa.seq), seq);
	ck_assert_uint_eq(rig->ipa.command, OSA_SETIP);
	ck_assert_uint_eq(be16_get(rig->ipa.protocol), 4);
	ck_assert_int_eq(be16_get(rig->ipa.rc), dup_rows[_i].rc);
	ck_assert_uint_eq(be32_get(rig->ipa.supported), FULL_V4);
	ck_assert_uint_eq(rig->data_len, 36);
	ck_assert_uint_eq(be32_load(rig->data), LAN_IP);
	ck_assert(!osa_rig_ipa_read(rig));
	ck_assert_uint_eq(info().n_addresses, dup_rows[_i].rc ? 1 : 2);
}
END_TEST

/* With ticks that come often a probe lasts a while. */
START_TEST(probe_time)
{
	unsigned ticks = 0;

	osa_tick(rig->a, 1000);
	setip_send(LAN_IP, 0);
	while (!osa_rig_ipa_read(rig)) {
		ck_assert_uint_lt(ticks, 10);
		osa_tick(rig->a, 1000 + ++ticks * 100);
	}
	ck_assert_uint_eq(ticks, OSA_PROBE_MS / 100);
	ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
}
END_TEST

/* More probes than may be under way: the rest is answered at once. CLEAR forgets them. */
START_TEST(many_probes)
{
	unsigned held = 0;

	osa_tick(rig->a, 1000);
	for (uint32_t i = 0; i < 2 * OSA_HELD_MAX; i++) {
		setip_send(LAN_IP + i, 0);
		held += !osa_rig_ipa_read(rig);
	}
	ck_assert_uint_eq(held, OSA_HELD_MAX);
	/* Deleting what is being probed ends the probe first. */
	ck_assert_int_ge(
		osa_rig_ipa_send(rig, OSA_DELIP, 4, "\x0A\x61\x00\x02\0\0\0\0\0\0\0\0", 12), 0);
	ck_assert(osa_rig_ipa_read(rig));
	ck_assert_uint_eq(rig->ipa.command, OSA_SETIP);
	ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
	ck_assert(osa_rig_ipa_read(rig));
	ck_assert_uint_eq(rig->ipa.command, OSA_DELIP);
	ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
	osa_tick(rig->a, 2000);
	for (held = 0; osa_rig_ipa_read(rig); held++)
		ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
	ck_assert_uint_eq(held, OSA_HELD_MAX - 1);
	setip_send(LAN_IP, 0);
	osa_rig_clear(rig);
	osa_tick(rig->a, 3000);
	ck_assert_uint_eq(rig->a->l3.n_held, 0);
	ck_assert_int_eq(osa_rig_up(rig), 0);
	osa_tick(rig->a, 4000);
	ck_assert(!osa_rig_ipa_read(rig));
}
END_TEST

/* ---- groups
 * ---------------------------------------------------------------------------------------- */

START_TEST(groups)
{
	static const uint8_t mac4[6] = {0x01, 0x00, 0x5E, 0x01, 0x02, 0x03};
	static const uint8_t mac6[6] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t all_nodes[16] = {0xFF, 0x02, [15] = 1};
	static const uint8_t all_nodes_if[16] = {0xFF, 0x01, [15] = 1};

	ck_assert_int_eq(group4(OSA_SETIPM, 0xEF810203), 0);
	ck_assert_int_eq(group4(OSA_SETIPM, 0xEF810203), 0); /* again */
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE0010203), 0); /* the same MAC */
	ck_assert_uint_eq(info().n_groups, 2);
	ck_assert(fake_link_has(&rig->link, mac4));
	ck_assert_int_eq(group4(OSA_DELIPM, 0xEF810203), 0);
	ck_assert(fake_link_has(&rig->link, mac4));
	ck_assert_int_eq(group4(OSA_DELIPM, 0xEF810203), OSA_RC_GROUP_NOT_FOUND);
	ck_assert_int_eq(group4(OSA_DELIPM, 0xE0010203), 0);
	ck_assert(!fake_link_has(&rig->link, mac4));
	ck_assert_int_eq(group(OSA_SETIPM, 6, all_nodes), 0);
	ck_assert_int_eq(group(OSA_SETIPM, 6, all_nodes_if), 0);
	ck_assert(fake_link_has(&rig->link, mac6));
	ck_assert_int_eq(group(OSA_DELIPM, 6, all_nodes), 0);
	ck_assert(fake_link_has(&rig->link, mac6));
	osa_rig_clear(rig);
	ck_assert_uint_eq(info().n_groups, 0);
	ck_assert_uint_eq(rig->link.n_macs, 0);
}
END_TEST

START_TEST(group_table_full)
{
	for (uint32_t i = 0; i < OSA_IP_GROUP_MAX; i++)
		ck_assert_int_eq(group4(OSA_SETIPM, 0xE1000000 + i), 0);
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE2000000), OSA_RC_GROUP_TABLE_FULL);
	ck_assert_int_eq(group4(OSA_DELIPM, 0xE1000000), 0);
	/* The link has no room: nothing is kept. */
	rig->link.fail = -ENOSPC;
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE2000000), OSA_RC_GROUP_TABLE_FULL);
	rig->link.fail = 0;
	ck_assert_uint_eq(info().n_groups, OSA_IP_GROUP_MAX - 1);
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE2000000), 0);
}
END_TEST

/* ---- routing, CREATE_ADDR
 * ------------------------------------------------------------------------- */

static const struct {
	int n;
	uint16_t protocol;
	uint8_t type;
	int link; /* its answer */
	int rc;
	bool promisc;
} routing_rows[] = {
	{1, 4, OSA_ROUTING_NONE, 0, 0, false},
	{2, 4, OSA_ROUTING_PRIMARY, 0, 0, false},
	{3, 6, OSA_ROUTING_SECONDARY, 0, 0, false},
	{4, 4, OSA_ROUTING_MULTICAST, 0, 0, true},
	{5, 6, OSA_ROUTING_MULTICAST, -EPERM, OSA_RC_INVALID_SETRTG, false},
	{6, 4, OSA_ROUTING_PRIMARY_CONNECTOR, 0, OSA_RC_INVALID_SETRTG, false},
	{7, 6, OSA_ROUTING_SECONDARY_CONNECTOR, 0, OSA_RC_INVALID_SETRTG, false},
	{8, 4, 0xFF, 0, OSA_RC_INVALID_SETRTG, false},
};

START_TEST(routing)
{
	uint8_t type = routing_rows[_i].type, none = OSA_ROUTING_NONE;
	uint8_t now;

	rig->link.fail = routing_rows[_i].link;
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETRTG, routing_rows[_i].protocol, &type, 1),
			 routing_rows[_i].rc);
	rig->link.fail = 0;
	now = routing_rows[_i].protocol == 6 ? info().routing6 : info().routing4;
	ck_assert_uint_eq(now, routing_rows[_i].rc ? OSA_ROUTING_NONE : type);
	ck_assert_int_eq(rig->link.promisc, routing_rows[_i].promisc);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETRTG, routing_rows[_i].protocol, &none, 1), 0);
	ck_assert(!rig->link.promisc);
}
END_TEST

START_TEST(create_addr)
{
	struct osa_data_create_addr d = {.id = be16_of(0)};

	ck_assert_int_eq(osa_rig_ipa(rig, OSA_CREATE_ADDR, 6, &d, sizeof(d)), 0);
	ck_assert_mem_eq(rig->data, rig->a->cfg.mac, 6);
	ck_assert_uint_eq(be16_load(rig->data + 6), 0);
	d.id = be16_of(7); /* from an earlier session */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_CREATE_ADDR, 6, &d, sizeof(d)), 0);
	ck_assert_uint_eq(be16_load(rig->data + 6), 7);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DESTROY_ADDR, 6, &d, sizeof(d)), 0);
	d.id = be16_of(8);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_DESTROY_ADDR, 6, &d, sizeof(d)), OSA_RC_ID_NOT_FOUND);
}
END_TEST

/* ---- assists
 * ----------------------------------------------------------------------------------------- */

static const struct {
	int n;
	uint32_t which;
	uint16_t protocol, sub;
	int rc;
} assist_rows[] = {
	{1, OSA_ASSIST_ARP, 4, OSA_ASSIST_START, 0},
	{2, OSA_ASSIST_SOURCE_MAC, 4, OSA_ASSIST_START, 0},
	{3, OSA_ASSIST_VLAN_PRIORITY, 4, OSA_ASSIST_START, 0},
	{4, OSA_ASSIST_MULTICAST, 4, OSA_ASSIST_START, 0},
	{5, OSA_ASSIST_IPV6, 4, OSA_ASSIST_START, 0},
	{6, OSA_ASSIST_IPV6, 6, OSA_ASSIST_START, 0},
	{7, OSA_ASSIST_PASSTHRU, 6, OSA_ASSIST_START, 0},
	{8, OSA_ASSIST_FILTER, 4, OSA_ASSIST_START, 0},
	{9, OSA_ASSIST_ARP, 6, OSA_ASSIST_START, OSA_RC_NOT_SUPPORTED},
	{10, OSA_ASSIST_SOURCE_MAC, 6, OSA_ASSIST_START, OSA_RC_NOT_SUPPORTED},
	{11, OSA_ASSIST_TSO_IN, 4, OSA_ASSIST_START, OSA_RC_NOT_SUPPORTED},
	{12, OSA_ASSIST_FRAGMENT, 4, OSA_ASSIST_START, OSA_RC_NOT_SUPPORTED},
	{13, OSA_ASSIST_MULTICAST, 4, 0x77, OSA_RC_UNSUPPORTED_SUBCMD},
	{14, OSA_ASSIST_ARP, 0, OSA_ASSIST_START, OSA_RC_INVALID_IP_VERSION},
};

START_TEST(assists)
{
	int rc = assist(assist_rows[_i].which, assist_rows[_i].protocol, assist_rows[_i].sub,
			"\0\0\0\3", 4);

	ck_assert_msg(rc == assist_rows[_i].rc, "row %d: %04X", assist_rows[_i].n, (unsigned)rc);
	ck_assert_int_eq(assist_rc(), rc);
	if (rc)
		return;
	ck_assert(be32_get(rig->ipa.enabled) & assist_rows[_i].which);
	ck_assert_int_eq(
		assist(assist_rows[_i].which, assist_rows[_i].protocol, OSA_ASSIST_STOP, NULL, 0),
		0);
	ck_assert(!(be32_get(rig->ipa.enabled) & assist_rows[_i].which));
}
END_TEST

/* Outbound IPv4 offers the IP header's checksum as well; IPv6 has none. */
START_TEST(checksum_assists)
{
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_OUT, 4, OSA_ASSIST_START, NULL, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 12), 0x3A);
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_OUT, 4, OSA_ASSIST_ENABLE, "\0\0\0\x3A", 4), 0);
	ck_assert_uint_eq(be32_load(rig->data + 16), 0x3A);
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_IN, 4, OSA_ASSIST_START, NULL, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 12), 0x38);
	ck_assert_int_eq(assist(OSA_ASSIST_CSUM_OUT, 6, OSA_ASSIST_START, NULL, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 12), 0x38);
}
END_TEST

static void arp_entry(uint8_t d[56], uint32_t ip, uint8_t mac0, uint8_t mac5)
{
	memset(d, 0, 56);
	d[0] = mac0;
	d[5] = mac5;
	be32_store(d + 8, ip);
}

static unsigned query(uint16_t protocol)
{
	uint8_t d[9] = {0, 0x0F};
	unsigned n = 0, part = 1;

	ck_assert_int_eq(assist(OSA_ASSIST_ARP, protocol, OSA_ARP_QUERY_INFO, d, sizeof(d)), 0);
	for (;; part++) {
		unsigned here = be32_load(rig->data + 16);

		ck_assert_uint_eq(rig->ipa.command, OSA_SETASSPARMS);
		ck_assert_uint_eq(be16_get(rig->ipa.seq), rig->ipa_seq);
		ck_assert_uint_eq(assist_rc(), 0);
		ck_assert_uint_eq(rig->data[11], part);
		ck_assert_uint_eq(be16_load(rig->data + 12), 0x000F);
		ck_assert_uint_eq(be16_load(rig->data + 14), 7);
		ck_assert_uint_eq(rig->data_len, 20 + 44 * here);
		ck_assert_uint_eq(be16_load(rig->data + 4), rig->data_len - 4);
		for (unsigned i = 0; i < here; i++) {
			const uint8_t *e = rig->data + 20 + i * 44;

			ck_assert_uint_eq(e[33], 1);
			ck_assert_uint_eq(e[34], 2);
			ck_assert_uint_eq(e[39], (uint8_t)be32_load(e + 40));
		}
		n += here;
		if (rig->data[11] >= rig->data[10])
			break;
		ck_assert(osa_rig_ipa_read(rig));
	}
	ck_assert(!osa_rig_ipa_read(rig));
	return n;
}

START_TEST(arp_commands)
{
	uint8_t d[56];

	ck_assert_uint_eq(query(4), 0);
	for (uint32_t i = 1; i <= 250; i++) {
		arp_entry(d, LAN_IP - 2 + i, 2, (uint8_t)i);
		ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_ADD, d, sizeof(d)), 0);
	}
	ck_assert_uint_eq(query(4), 250);
	ck_assert_uint_eq(query(6), 0);
	arp_entry(d, LAN_IP - 2 + 17, 0, 0);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_REMOVE, d, sizeof(d)), 0);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_REMOVE, d, sizeof(d)),
			 OSA_ARP_RC_NO_DATA);
	ck_assert_uint_eq(assist_rc(), OSA_ARP_RC_NO_DATA);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_FLUSH, NULL, 0), 0);
	ck_assert_uint_eq(query(4), 249); /* static ones stay */
	osa_rig_clear(rig);
	ck_assert_uint_eq(info().n_arp, 0);
}
END_TEST

static const struct {
	int n;
	uint16_t protocol, sub;
	size_t len;
	uint8_t mac0;
	uint32_t ip;
	int rc;
} arp_rows[] = {
	{1, 4, OSA_ARP_ADD, 56, 2, LAN_IP, 0},
	{2, 4, OSA_ARP_ADD, 24, 2, LAN_IP, 0},
	{3, 4, OSA_ARP_ADD, 23, 2, LAN_IP, OSA_ARP_RC_RANGE},
	{4, 4, OSA_ARP_ADD, 56, 3, LAN_IP, OSA_ARP_RC_RANGE},
	{5, 4, OSA_ARP_ADD, 56, 2, 0, OSA_ARP_RC_RANGE},
	{6, 4, OSA_ARP_ADD, 56, 2, 0xE0000001, OSA_ARP_RC_RANGE},
	{7, 6, OSA_ARP_ADD, 56, 2, LAN_IP, OSA_RC_NOT_SUPPORTED},
	{8, 4, OSA_ARP_QUERY_CACHE, 0, 0, 0, OSA_ARP_RC_NOT_SUPPORTED},
	{9, 4, OSA_ARP_QUERY_STATS, 0, 0, 0, OSA_ARP_RC_NOT_SUPPORTED},
};

START_TEST(arp_operands)
{
	uint8_t d[56];
	int rc;

	arp_entry(d, arp_rows[_i].ip, arp_rows[_i].mac0, 9);
	rc = assist(OSA_ASSIST_ARP, arp_rows[_i].protocol, arp_rows[_i].sub, d, arp_rows[_i].len);
	ck_assert_msg(rc == arp_rows[_i].rc, "row %d: %04X", arp_rows[_i].n, (unsigned)rc);
	ck_assert_int_eq(assist_rc(), rc);
}
END_TEST

START_TEST(arp_entries)
{
	uint8_t d[56];

	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_SET_ENTRIES, "\0\0\0\2", 4), 0);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_SET_ENTRIES, "\0\0\0\0", 4),
			 OSA_ARP_RC_RANGE);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_SET_ENTRIES, "\0\1\0\0", 4),
			 OSA_ARP_RC_RANGE);
	ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_SET_ENTRIES, NULL, 0), OSA_ARP_RC_RANGE);
	for (uint32_t i = 0; i < 3; i++) {
		arp_entry(d, LAN_IP + i, 2, (uint8_t)(LAN_IP + i));
		ck_assert_int_eq(assist(OSA_ASSIST_ARP, 4, OSA_ARP_ADD, d, sizeof(d)),
				 i == 2 ? OSA_ARP_RC_FAILED : 0);
	}
	ck_assert_uint_eq(query(4), 2);
}
END_TEST

/* ---- Query OAT
 * ------------------------------------------------------------------------------------- */

START_TEST(oat)
{
	struct osa_adp_oat m = {.adp.subcommand = be32_of(OSA_ADP_OAT),
				.scope = be32_of(OSA_OAT_INTERFACE)};
	static const uint32_t types[4] = {OSA_OAT_IPV4, OSA_OAT_IPV4_GROUP, OSA_OAT_IPV6,
					  OSA_OAT_IPV6_GROUP};
	static const uint32_t size[4] = {8, 16, 24, 24}, n[4] = {40, 1, 1, 0};
	uint8_t type = OSA_ROUTING_PRIMARY;
	size_t at = 40 + 80;

	for (uint32_t i = 0; i < 50; i++)
		ck_assert_int_eq(ip4(OSA_SETIP, LAN_IP + i, OSA_IP_SET_VIPA), 0);
	ck_assert_int_eq(ip6(OSA_SETIP, 1, 0), 0);
	ck_assert_int_eq(group4(OSA_SETIPM, 0xE0000001), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETRTG, 4, &type, 1), 0);
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, &m, sizeof(m)), 0);
	ck_assert_uint_eq(be16_load(rig->data + 16), 0);
	ck_assert_uint_eq(be32_load(rig->data + 36), 0x0F);
	ck_assert_uint_eq(be16_load(rig->data + at), OSA_OAT_LOGICAL);
	ck_assert_uint_eq(rig->data[at + 16], OSA_OAT_PRIMARY4 | OSA_OAT_ACTIVE4);
	ck_assert_uint_eq(be16_load(rig->data + at + 16 + 64), 4);
	at += 96;
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(be16_load(rig->data + at), OSA_OAT_DESCRIPTOR);
		ck_assert_uint_eq(be32_load(rig->data + at + 16), types[i]);
		ck_assert_uint_eq(be32_load(rig->data + at + 28), size[i]);
		ck_assert_uint_eq(be16_load(rig->data + at + 34), n[i]);
		at += 48;
		if (i == 0)
			ck_assert_uint_eq(be32_load(rig->data + at + 4), OSA_IP_SET_VIPA);
		if (i == 1)
			ck_assert_mem_eq(rig->data + at, "\xE0\0\0\1\1\0\x5E\0\0\1", 10);
		at += n[i] * size[i];
	}
	ck_assert_uint_eq(at, rig->data_len);
}
END_TEST

/* ---- trace
 * ------------------------------------------------------------------------------------------- */

static void expect_text(const char *request)
{
	char buf[256];

	osa_trace_text(rig->msg, rig->len, buf, sizeof(buf));
	ck_assert_str_eq(buf, request);
	/* Every prefix is taken as well. */
	for (size_t len = 0; len <= rig->len; len++)
		osa_trace_text(rig->msg, len, buf, sizeof(buf));
}

START_TEST(trace)
{
	static const uint8_t all_nodes[16] = {0xFF, 0x02, [15] = 1};
	struct osa_data_create_addr c = {.id = be16_of(7)};
	uint8_t type = OSA_ROUTING_SECONDARY;

	rig->ipa_seq = 6;
	ip4(OSA_SETIP, LAN_IP, OSA_IP_SET_VIPA);
	expect_text("IPA SETIP reply seq=7 rc=0000 10.97.0.2 flags=01");
	ip6(OSA_DELIP, 1, 0);
	expect_text(
		"IPA DELIP reply seq=8 prot=6 rc=0011 (address not registered) fe80::1 flags=00");
	group(OSA_SETIPM, 6, all_nodes);
	expect_text("IPA SETIPM reply seq=9 prot=6 rc=0000 ff02::1 00:00:00:00:00:00");
	osa_rig_ipa(rig, OSA_SETRTG, 4, &type, 1);
	expect_text("IPA SETRTG reply seq=10 rc=0000 secondary router");
	osa_rig_ipa(rig, OSA_CREATE_ADDR, 6, &c, sizeof(c));
	expect_text("IPA CREATE_ADDR reply seq=11 prot=6 rc=0000 id=0007 02:00:00:00:00:01");
	assist(OSA_ASSIST_ARP, 4, OSA_ARP_FLUSH, NULL, 0);
	expect_text(
		"IPA SETASSPARMS reply seq=12 rc=0000 ARP processing flush cache assist-rc=0000");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("osa_l3");
	TCase *t = tcase_create("commands");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, masks);
	tcase_add_test(t, other_layer);
	tcase_add_test(t, layer_after_activate);
	tcase_add_test(t, read_mac);
	tcase_add_test(t, station_refused);
	tcase_add_test(t, addresses);
	tcase_add_loop_test(t, bad_operands, 0, ROWS(ip_rows));
	tcase_add_test(t, address_table_full);
	tcase_add_test(t, before_startlan);
	tcase_add_test(t, lan_offline);
	tcase_add_loop_test(t, duplicate, 0, ROWS(dup_rows));
	tcase_add_test(t, probe_time);
	tcase_add_test(t, many_probes);
	tcase_add_test(t, groups);
	tcase_add_test(t, group_table_full);
	tcase_add_loop_test(t, routing, 0, ROWS(routing_rows));
	tcase_add_test(t, create_addr);
	tcase_add_loop_test(t, assists, 0, ROWS(assist_rows));
	tcase_add_test(t, checksum_assists);
	tcase_add_test(t, arp_commands);
	tcase_add_loop_test(t, arp_operands, 0, ROWS(arp_rows));
	tcase_add_test(t, arp_entries);
	tcase_add_test(t, oat);
	tcase_add_test(t, trace);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
