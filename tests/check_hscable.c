/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets whose LAN is in another process: the guest driver on adapters here, portlink, the
 * port socket, and a LAN of zland's side, which has threads of its own.
 *
 *     driver -- adapter -- cable == socket == LAN HS == socket == cable -- adapter -- driver
 */
#include <check.h>
#include <errno.h>
#include <poll.h>

#include "guest/portlink.h"
#include "hipersockets/hs.h"
#include "tests/hiperbed.h"
#include "tests/portserver.h"

#define USERS 4u

static const char *const user[USERS] = {"HSA", "HSB", "HSC", "HSD"};

/* What stands behind host i's adapter. */
struct end {
	struct portlink *pl;
	struct hs_lan *cable;
	bool in;
	unsigned plugs, units;
	char said[256];
	uint8_t event[256];
	unsigned n_events;
};

static struct portserver server;
static struct end end[HOSTS];

static unsigned index_of(const void *ctx)
{
	return (unsigned)((const struct end *)ctx - end);
}

static void on_log(void *ctx, const char *line)
{
	struct end *e = ctx;

	snprintf(e->said, sizeof(e->said), "%s", line);
}

static void on_mac(void *ctx, const uint8_t mac[6])
{
	osa_set_mac(hs_osa(host[index_of(ctx)].ip.hs), mac);
}

static void on_plug(void *ctx, bool in)
{
	struct end *e = ctx;
	struct hs_adapter *h = host[index_of(ctx)].ip.hs;
	struct hs_cable cable = portlink_cable(e->pl);
	struct vs_link link = portlink_link(e->pl);

	hs_plug(h, NULL, NULL);
	hs_lan_destroy(e->cable);
	e->cable = NULL;
	e->in = in;
	if (!in)
		return;
	e->plugs++;
	e->cable = hs_lan_create(portlink_mfs(e->pl), 1);
	hs_lan_set_cable(e->cable, &cable);
	hs_plug(h, e->cable, &link);
}

static bool on_unit(void *ctx, const uint8_t *p, uint32_t len)
{
	struct end *e = ctx;
	bool taken = hs_cable_receive(host[index_of(ctx)].ip.hs, p, len);

	e->units += taken;
	return taken;
}

static void on_results(void *ctx, const uint8_t *reason, unsigned n)
{
	hs_cable_results(host[index_of(ctx)].ip.hs, reason, n);
}

static void on_event(void *ctx, uint8_t command, const void *data, size_t len)
{
	struct end *e = ctx;

	ck_assert_uint_le(len, sizeof(e->event));
	memcpy(e->event, data, len);
	e->n_events++;
	osa_ipa_event(hs_osa(host[index_of(ctx)].ip.hs), command, data, len);
}

static void turn_end(struct end *e)
{
	struct pollfd p[3] = {{.fd = portlink_service_fd(e->pl), .events = POLLIN},
			      {.fd = portlink_result_fd(e->pl), .events = POLLIN},
			      {.fd = portlink_data_fd(e->pl), .events = POLLIN}};

	poll(p, portlink_waits(e->pl) ? 2 : 3, 1);
	portlink_service(e->pl);
	portlink_pump(e->pl);
}

static void turn(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (end[i].pl)
			turn_end(&end[i]);
}

/* The test's time limit ends what never comes. */
#define UNTIL(cond)                                                                                \
	while (!(cond))                                                                            \
		turn();

/* Hand a frame over. */
static unsigned put(unsigned from, const struct guest_frame *f)
{
	unsigned q = guest_tx_queue(host[from].d, f);

	ck_assert_uint_eq(guest_tx_frames(host[from].d, q, f, 1, 1), 1);
	return q;
}

static bool away(unsigned from, unsigned q)
{
	guest_tx_reclaim(host[from].d, q);
	return guest_tx_busy(host[from].d, q);
}

/* Until its buffer has come back. */
static void ship(unsigned from, const struct guest_frame *f)
{
	unsigned q = put(from, f);

	UNTIL(!away(from, q));
}

static void attach(unsigned i, struct guest_config cfg)
{
	struct portlink_config pc = {.dir = server.dir,
				     .user = user[i],
				     .vdev = 0x0900,
				     .log = on_log,
				     .mac = on_mac,
				     .plug = on_plug,
				     .hipers = true,
				     .unit = on_unit,
				     .results = on_results,
				     .event = on_event,
				     .ctx = &end[i]};

	open_host(i, cfg);
	end[i].pl = portlink_create(&pc);
	ck_assert_ptr_nonnull(end[i].pl);
}

static void up(unsigned i, struct guest_config cfg)
{
	attach(i, cfg);
	UNTIL(end[i].in);
	ck_assert_int_eq(guest_online(host[i].d), 0);
	no_violations(i);
}

static void open_bed(void)
{
	char line[80];

	lan = NULL; /* hosts here are on none */
	portserver_init(&server);
	portserver_start(&server);
	portserver_command(&server, "DEFINE LAN HS OWNERID SYSTEM TYPE HIPERS MFS 64K");
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(line, sizeof(line), "NICDEF %s 0900 TYPE HIPERS LAN SYSTEM HS", user[i]);
		portserver_command(&server, line);
	}
}

static void close_end(unsigned i)
{
	if (!end[i].pl)
		return;
	if (host[i].d) {
		guest_dev_destroy(host[i].d);
		host[i].d = NULL;
		hs_plug(host[i].ip.hs, NULL, NULL);
		inproc_close(&host[i].ip);
	}
	portlink_destroy(end[i].pl);
	hs_lan_destroy(end[i].cable);
	end[i] = (struct end){0};
}

static void close_bed(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		close_end(i);
	portserver_stop(&server);
	portserver_fini(&server);
}

static uint64_t dropped(unsigned i, bool rx, enum vs_drop why)
{
	struct vs_counters c;
	char nic[32];

	snprintf(nic, sizeof(nic), "%s/0900", user[i]);
	portserver_counters(&server, nic, &c);
	return rx ? c.rx_drop[why] : c.tx_drop[why];
}

static void comes(unsigned to, uint32_t len, uint8_t fill)
{
	struct guest_rx rx;

	UNTIL(guest_rx_burst(host[to].d, &rx, 1));
	expect_this(to, &rx, len, fill);
}

/* What was sent before by another way has been handled: a frame that comes afterwards. */
static void settled(unsigned from, unsigned to)
{
	struct guest_frame f = frame(from, mac_of(to), 77, 0xEE);

	ship(from, &f);
	comes(to, 77, 0xEE);
}

/* ---- frames -------------------------------------------------------------------------------- */

START_TEST(frames_of_every_length)
{
	static const uint32_t len[] = {14,   15,    63,	   64,	  65,	 1514, 4096,
				       9014, 32768, 57344, 57362, 65503, 65504};
	struct guest_info info;
	struct hs_info hs;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	guest_info(host[0].d, &info);
	ck_assert_uint_eq(info.mtu_max, 57344);
	ck_assert_str_eq(end[0].said, "attached as HSA/0900");
	ck_assert_mem_ne(mac_of(0), mac_of(1), 6);
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		struct guest_frame f = frame(0, mac_of(1), len[i], (uint8_t)i);

		ship(0, &f);
		comes(1, len[i], (uint8_t)i);
		f = frame(1, mac_of(0), len[i], (uint8_t)(100 + i));
		ship(1, &f);
		comes(0, len[i], (uint8_t)(100 + i));
	}
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
	hs_info(host[0].ip.hs, &hs);
	ck_assert_uint_eq(hs.tx_full + hs.tx_unknown + hs.tx_bad, 0);
}
END_TEST

/* One buffer of several frames arrives as one. */
START_TEST(buffers_stay_whole)
{
	static uint8_t data[12][1000];
	struct guest_frame f[12];
	struct guest_rx rx[16];

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	for (unsigned i = 0; i < 12; i++) {
		memset(data[i], (int)i, sizeof(data[i]));
		memcpy(data[i], mac_of(1), 6);
		memcpy(data[i] + 6, mac_of(0), 6);
		be16_store(data[i] + 12, 0x88B5);
		f[i] = (struct guest_frame){.data = data[i], .len = 100 + 50 * i};
	}
	ck_assert_uint_eq(guest_tx_frames(host[0].d, 1, f, 12, 12), 12);
	UNTIL(end[1].units);
	ck_assert_uint_eq(end[1].units, 1);
	ck_assert_uint_eq(guest_rx_burst(host[1].d, rx, 16), 12);
	for (unsigned i = 0; i < 12; i++) {
		ck_assert_uint_eq(rx[i].len, 100 + 50 * i);
		ck_assert_mem_eq(rx[i].data, data[i], rx[i].len);
	}
	guest_rx_release(host[1].d);
}
END_TEST

/* Who has it not, groups, broadcasts, VLANs: the LAN's rules. */
START_TEST(the_lan_decides)
{
	static const uint8_t group[6] = {0x01, 0, 0x5E, 1, 2, 3},
			     all[6] = {255, 255, 255, 255, 255, 255};
	struct guest_frame f;

	for (unsigned i = 0; i < 3; i++)
		up(i, (struct guest_config){.layer = 2});
	ck_assert_int_eq(guest_group_add(host[1].d, group), 0);
	f = frame(0, group, 200, 1);
	ship(0, &f);
	comes(1, 200, 1);
	f = frame(0, all, 201, 2);
	ship(0, &f);
	comes(1, 201, 2);
	UNTIL(end[2].units == 1); /* the broadcast alone */
	expect(2, 201, 2);
	ck_assert_int_eq(guest_group_del(host[1].d, group), 0);
	f = frame(0, group, 202, 3);
	ship(0, &f);
	f = frame(0, (const uint8_t[6]){2, 9, 9, 9, 9, 9}, 202, 3); /* nobody's */
	ship(0, &f);
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_RX_BCAST, false), 0);
	f = frame(0, all, 203, 4);
	ship(0, &f);
	UNTIL(end[2].units == 2);
	expect(2, 203, 4);
	settled(0, 1);
	expect_nothing(1);
	ck_assert_uint_eq(dropped(0, true, VS_DROP_UNKNOWN_UNICAST), 1);
	ck_assert_int_eq(guest_mac_add(host[2].d, mac_of(1)), -EADDRINUSE);
	ck_assert_int_eq(guest_vid_add(host[1].d, 7), 0);
	f = frame(0, mac_of(1), 100, 5);
	be16_store(frame_bytes + 12, 0x8100);
	be16_store(frame_bytes + 14, 8);
	ship(0, &f); /* another VLAN */
	settled(0, 1);
	ck_assert_uint_eq(dropped(0, true, VS_DROP_VLAN_DENIED), 1);
}
END_TEST

/* A source address that is another's: the bytes are not trusted. */
START_TEST(nobody_speaks_for_another)
{
	struct guest_frame f;

	for (unsigned i = 0; i < 3; i++)
		up(i, (struct guest_config){.layer = 2});
	f = frame(0, mac_of(1), 100, 1);
	memcpy(frame_bytes + 6, mac_of(2), 6);
	ship(0, &f);
	settled(0, 1);
	ck_assert_uint_eq(dropped(0, true, VS_DROP_SRC_SPOOFED), 1);
	expect_nothing(1);
}
END_TEST

/* ---- layer 3 ----------------------------------------------------------------------------------
 */

static uint8_t header_bytes[OSA_HDR_BYTES];

static struct guest_frame packet(uint32_t to, uint32_t len, uint8_t fill, uint8_t cast)
{
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .flags = cast, .len = be16_of((uint16_t)len)};

	be32_store(h.next_hop4, to);
	memcpy(header_bytes, &h, sizeof(h));
	memset(frame_bytes, fill, len);
	return (struct guest_frame){.data = frame_bytes, .len = len, .header = header_bytes};
}

START_TEST(layer3_by_address)
{
	struct guest_ip a = {.v6 = false}, b = {.v6 = false};
	struct osa_l3_hdr h;
	struct guest_frame f;
	struct guest_rx rx;

	be32_store(a.addr + 12, 0x0A000001);
	be32_store(b.addr + 12, 0x0A000002);
	up(0, (struct guest_config){.layer = 3});
	up(1, (struct guest_config){.layer = 3});
	up(2, (struct guest_config){.layer = 2});
	up(3, (struct guest_config){.layer = 2});
	ck_assert_int_eq(guest_ip_add(host[0].d, &a), 0);
	ck_assert_int_eq(guest_ip_add(host[1].d, &b), 0);
	ck_assert_int_eq(guest_ip_add(host[1].d, &a), -EADDRINUSE);
	f = packet(0x0A000002, 57344, 3, OSA_L3_CAST_UNICAST);
	ship(0, &f);
	UNTIL(end[1].units == 1);
	ck_assert_uint_eq(guest_rx_burst(host[1].d, &rx, 1), 1);
	memcpy(&h, rx.header, sizeof(h));
	ck_assert_uint_eq(rx.len, 57344);
	ck_assert_uint_eq(rx.data[57343], 3);
	ck_assert_uint_eq(h.ext_flags, OSA_L3_SRC_MAC);
	ck_assert_int_eq(memcmp(h.in.src_mac, mac_of(0), 6), 0);
	guest_rx_release(host[1].d);
	f = packet(0xFFFFFFFF, 100, 5, OSA_L3_CAST_BROADCAST);
	ship(0, &f);
	comes(1, 100, 5);
	/* The other layer hears nothing of it. */
	settled(2, 3);
	ck_assert_uint_eq(end[2].units, 0);
	ck_assert_int_eq(guest_ip_del(host[1].d, &b), 0);
	f = packet(0x0A000002, 100, 3, OSA_L3_CAST_UNICAST);
	ship(0, &f);
	while (!dropped(0, true, VS_DROP_UNKNOWN_UNICAST))
		turn();
}
END_TEST

/* ---- who does not take, and who goes -------------------------------------------------------- */

/* What finds no buffer waits, then the sender's frames are refused: no more is kept. */
START_TEST(a_full_receiver)
{
	unsigned sent = 0, got = 0;
	struct guest_rx rx;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2, .pool = 4, .refill = 1});
	while (!dropped(1, false, VS_DROP_TX_NO_BUFFER)) {
		struct guest_frame f = frame(0, mac_of(1), 57344, (uint8_t)sent);

		ship(0, &f);
		sent++;
		turn();
		ck_assert_uint_lt(sent, 10000);
	}
	ck_assert(portlink_waits(end[1].pl));
	/* In order, as far as there was room. */
	while (got < 20) {
		if (!guest_rx_burst(host[1].d, &rx, 1)) {
			turn();
			continue;
		}
		ck_assert_uint_eq(rx.data[100], got++ & 0xFF);
		guest_rx_release(host[1].d);
	}
	ck_assert_uint_gt(sent, 20);
}
END_TEST

/* The sender's buffers come back with what came of them, those of all queues in order. */
START_TEST(what_came_of_it)
{
	static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9},
			     all[6] = {255, 255, 255, 255, 255, 255};
	struct hs_info info;
	struct guest_frame f;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2, .pool = 4, .refill = 1});
	f = frame(0, nobody, 100, 1);
	ship(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 1);
	f = frame(0, mac_of(1), 100, 1);
	memcpy(frame_bytes + 6, mac_of(1), 6);
	ship(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_errors, 2);
	ck_assert_uint_eq(host[0].stats->tx_error_reason, QDIO_REASON_BAD_BUFFER);
	for (unsigned i = 0; i < 200; i++) {
		unsigned q;

		f = frame(0, i % 3 ? nobody : all, 100, 1);
		q = put(0, &f);
		UNTIL(guest_tx_busy(host[0].d, q) < 100 || !away(0, q));
	}
	UNTIL(!away(0, 1) && !away(0, 3));
	ck_assert_uint_eq(host[0].stats->tx_no_target, 1 + 133);
	ck_assert_uint_eq(host[0].stats->tx_errors, 2 + 133);
	hs_info(host[0].ip.hs, &info);
	ck_assert_uint_eq(info.tx_unknown, 134);
	ck_assert_uint_eq(info.tx_bad, 1);
	ck_assert_uint_eq(info.tx_buffers, 202);
	no_violations(0);
}
END_TEST

/* What is known here waits for what is not; more results than there are buffers say nothing. */
START_TEST(ends_come_in_order)
{
	static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
	uint8_t reason[600];
	struct guest_frame f;
	struct hs_info info;
	unsigned q;

	up(0, (struct guest_config){.layer = 2});
	f = frame(0, nobody, 100, 1);
	q = put(0, &f);
	f = frame(0, nobody, 13, 1); /* no Ethernet frame */
	put(0, &f);
	f = frame(0, nobody, 100, 1);
	put(0, &f);
	ck_assert(away(0, q));
	ck_assert_uint_eq(guest_tx_busy(host[0].d, q), 3);
	ck_assert_uint_eq(host[0].stats->tx_errors, 0);
	UNTIL(!away(0, q));
	ck_assert_uint_eq(host[0].stats->tx_no_target, 2);
	ck_assert_uint_eq(host[0].stats->tx_errors, 3);
	memset(reason, QDIO_REASON_NO_TARGET, sizeof(reason));
	hs_cable_results(host[0].ip.hs, reason, sizeof(reason));
	hs_info(host[0].ip.hs, &info);
	ck_assert_uint_eq(info.tx_unknown, 2);
	ship(0, &f);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 3);
}
END_TEST

/* What was away when a session ended is not taken for what comes next. */
START_TEST(results_of_another_session)
{
	static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
	struct guest_frame f;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	for (unsigned i = 0; i < 10; i++) {
		f = frame(0, nobody, 100, 1);
		put(0, &f);
	}
	while (dropped(0, true, VS_DROP_UNKNOWN_UNICAST) < 10)
		;
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	ck_assert_int_eq(guest_online(host[0].d), 0);
	f = frame(0, mac_of(1), 100, 2);
	ship(0, &f);
	comes(1, 100, 2);
	ck_assert_uint_eq(host[0].stats->tx_no_target, 0);
}
END_TEST

START_TEST(the_cable_is_pulled)
{
	static const uint8_t unit[92] = {[0] = OSA_HDR_LAYER2, [7] = 60};
	struct guest_frame f;
	struct guest_info info;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_RX_BCAST, false), 0);
	portserver_command(&server, "DEFINE LAN HT OWNERID SYSTEM TYPE HIPERS MFS 24K");
	portserver_command(&server, "UNCOUPLE USER HSB 0900");
	UNTIL(!end[1].in);
	ck_assert(hs_cable_receive(host[1].ip.hs, unit, sizeof(unit))); /* late: thrown away */
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	ck_assert(hs_cable_receive(host[0].ip.hs, unit, sizeof(unit)));
	ck_assert_int_eq(guest_online(host[0].d), 0);
	f = frame(0, mac_of(1), 100, 1);
	ship(0, &f);
	portserver_command(&server, "COUPLE USER HSB 0900 TO SYSTEM HS");
	UNTIL(end[1].in);
	ck_assert_uint_eq(guest_service(host[1].d) & GUEST_EV_RECOVER, GUEST_EV_RECOVER);
	ck_assert_int_eq(guest_recover(host[1].d), 0);
	settled(0, 1);
	/* Another LAN, another frame size. */
	portserver_command(&server, "UNCOUPLE USER HSB 0900");
	portserver_command(&server, "COUPLE USER HSB 0900 TO SYSTEM HT");
	UNTIL(end[1].plugs == 3);
	guest_service(host[1].d);
	ck_assert_int_eq(guest_recover(host[1].d), 0);
	guest_info(host[1].d, &info);
	ck_assert_uint_eq(info.mtu_max, 16384);
	ship(0, &f);
	while (dropped(0, true, VS_DROP_UNKNOWN_UNICAST) < 2)
		turn();
}
END_TEST

static void restart(void)
{
	portserver_stop(&server);
	UNTIL(!end[0].in && !end[1].in);
	portserver_start(&server);
	portserver_command(&server, "DEFINE LAN HS OWNERID SYSTEM TYPE HIPERS MFS 64K");
	portserver_command(&server, "NICDEF HSA 0900 TYPE HIPERS LAN SYSTEM HS");
	portserver_command(&server, "NICDEF HSB 0900 TYPE HIPERS LAN SYSTEM HS");
	UNTIL(end[0].in && end[1].in);
}

/* In layer 3 hosts recover: addresses, broadcasts. */
START_TEST(layer3_after_a_restart)
{
	struct guest_ip b = {.v6 = false};
	struct guest_frame f;

	be32_store(b.addr + 12, 0x0A000002);
	up(0, (struct guest_config){.layer = 3});
	up(1, (struct guest_config){.layer = 3});
	ck_assert_int_eq(guest_ip_add(host[1].d, &b), 0);
	restart();
	for (unsigned i = 0; i < 2; i++) {
		guest_service(host[i].d);
		ck_assert_int_eq(guest_recover(host[i].d), 0);
	}
	f = packet(0x0A000002, 100, 3, OSA_L3_CAST_UNICAST);
	ship(0, &f);
	comes(1, 100, 3);
	f = packet(0xFFFFFFFF, 101, 5, OSA_L3_CAST_BROADCAST);
	ship(0, &f);
	comes(1, 101, 5);
}
END_TEST

/* A connection is lost: what is here comes back as it was. */
START_TEST(the_daemon_is_restarted)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	struct guest_frame f;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_RX_BCAST, false), 0);
	f = frame(0, mac_of(1), 100, 1);
	restart();
	/* No recovery was needed. */
	ship(0, &f);
	comes(1, 100, 1);
	f = frame(0, all, 203, 4);
	ship(0, &f);
	settled(0, 1);
	expect_nothing(1);
}
END_TEST

START_TEST(who_goes_is_gone)
{
	struct guest_frame f;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	f = frame(0, mac_of(1), 100, 1);
	close_end(1);
	do
		ship(0, &f);
	while (!dropped(0, true, VS_DROP_UNKNOWN_UNICAST));
	up(1, (struct guest_config){.layer = 2});
	settled(0, 1);
}
END_TEST

START_TEST(like_to_like)
{
	portserver_command(&server, "NICDEF HSD 0A00 TYPE QDIO LAN SYSTEM VSW1");
	attach(0, (struct guest_config){.layer = 2});
	UNTIL(end[0].in);
	portserver_command(&server, "DETACH NIC USER HSA 0900");
	portserver_command(&server, "NICDEF HSA 0900 TYPE QDIO LAN SYSTEM VSW1");
	UNTIL(strstr(end[0].said, "TYPE QDIO"));
	ck_assert(!end[0].in);
}
END_TEST

/* ---- bridge port -------------------------------------------------------------------------------
 */

static void be_primary(unsigned i, struct osa_bridge *in)
{
	struct osa_bridge out = {.len = be16_of(22), .subcommand = be32_of(OSA_BRIDGE_SET_PRIMARY)};
	size_t len = 0;

	ck_assert_int_eq(guest_ipa_call(host[i].d, OSA_SETBRIDGEPORT_IQD, 0, &out, sizeof(out), in,
					sizeof(*in), &len),
			 0);
	ck_assert_uint_ge(len, sizeof(*in));
}

START_TEST(a_bridge_port_is_told)
{
	const uint8_t stranger[6] = {2, 9, 9, 9, 9, 1};
	struct osa_bridge_ports p;
	struct osa_bridge in;
	struct guest_frame f;

	for (unsigned i = 0; i < 3; i++)
		up(i, (struct guest_config){.layer = 2});
	be_primary(1, &in);
	ck_assert_uint_eq(be16_get(in.rc), 0);
	UNTIL(end[1].n_events);
	memcpy(&p, end[1].event, sizeof(p));
	ck_assert_uint_eq(be32_get(p.bridge.subcommand), OSA_BRIDGE_STATE_CHANGE);
	be_primary(2, &in);
	ck_assert_uint_eq(be16_get(in.rc), OSA_RC_BRIDGE_PRIMARY_EXISTS & 0xFF);
	f = frame(0, stranger, 300, 8); /* nobody's: the bridge port's */
	ship(0, &f);
	comes(1, 300, 8);
	ck_assert_int_ne(guest_vnicc(host[1].d, OSA_CHAR_FLOODING, true), 0);
}
END_TEST

/* ---- an analyzer ---------------------------------------------------------------------------- */

static int trace(unsigned i, uint8_t action)
{
	struct osa_diag d = {.len = be16_of(16),
			     .subcommand = be32_of(OSA_DIAG_TRACE),
			     .type = OSA_DIAG_TYPE_HIPERSOCKETS,
			     .action = action};
	int seq = guest_ipa_send(host[i].d, OSA_SETDIAGASS, 0, &d, sizeof(d));

	return guest_ipa_wait(host[i].d, seq, &d, sizeof(d), NULL);
}

/* In layer 3, and sees layer 2; its own packets go nowhere. */
START_TEST(an_analyzer_elsewhere)
{
	struct guest_frame f;
	struct guest_rx rx;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	up(2, (struct guest_config){.layer = 3});
	ck_assert_int_eq(trace(2, OSA_TRACE_ENABLE), OSA_DIAG_RC_NOT_AUTHORISED);
	portserver_command(&server, "SET LAN HS OWNERID SYSTEM GRANT HSC PROMISCUOUS");
	ck_assert_int_eq(trace(2, OSA_TRACE_ENABLE), 0);
	f = frame(0, mac_of(1), 5000, 7);
	ship(0, &f);
	comes(1, 5000, 7);
	UNTIL(end[2].units);
	ck_assert_uint_eq(guest_rx_burst(host[2].d, &rx, 1), 1);
	ck_assert_uint_eq(rx.len, 5000);
	ck_assert_uint_eq(rx.data[4999], 7);
	guest_rx_release(host[2].d);
	f = packet(0x0A000002, 100, 3, OSA_L3_CAST_UNICAST);
	ship(2, &f);
	while (!dropped(2, true, VS_DROP_ISOLATED))
		turn();
	ck_assert_int_eq(trace(2, OSA_TRACE_DISABLE), 0);
}
END_TEST

/* ---- bytes that lie ----------------------------------------------------------------------------
 */

/* Frames of 60 bytes of which each says this of its length. */
static const struct lie {
	int n;
	uint32_t bytes;	      /* of the packet */
	unsigned frames;      /* headers in it */
	uint16_t says, id;    /* of the first header */
	uint8_t other_target; /* 1: of the second frame */
	enum vs_drop why;
} lies[] = {
	{1, 92, 1, 60, OSA_HDR_LAYER2, 0, VS_DROP_NONE},
	{2, 31, 1, 60, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{3, 91, 1, 60, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{4, 92, 1, 61, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{5, 92, 1, 59, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED}, /* a byte is left */
	{6, 92, 1, 65535, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{7, 92, 1, 60, OSA_HDR_LAYER3, 0, VS_DROP_RX_UNSUPPORTED},
	{8, 92, 1, 60, 0, 0, VS_DROP_RX_UNSUPPORTED},
	{9, 45, 1, 13, OSA_HDR_LAYER2, 0, VS_DROP_RX_RUNT},
	{10, 16 * 92, 16, 60, OSA_HDR_LAYER2, 0, VS_DROP_NONE},
	{11, 17 * 92, 17, 60, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{12, 2 * 92, 2, 60, OSA_HDR_LAYER2, 1, VS_DROP_RX_MALFORMED},
	{13, 2 * 92 - 70, 2, 60, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
	{14, 65536, 1, 65504, OSA_HDR_LAYER2, 0, VS_DROP_NONE},
	{15, 65537, 1, 65505, OSA_HDR_LAYER2, 0, VS_DROP_RX_MALFORMED},
};

START_TEST(units_are_checked)
{
	static uint8_t unit[65600];
	const struct lie *lie = &lies[_i];
	struct iovec iov = {unit, lie->bytes};
	struct hs_cable cable;
	unsigned before;

	up(0, (struct guest_config){.layer = 2});
	up(1, (struct guest_config){.layer = 2});
	memset(unit, 0, sizeof(unit));
	for (unsigned i = 0; i < lie->frames; i++) {
		uint8_t *p = unit + (size_t)92 * i;

		p[0] = (uint8_t)(i ? OSA_HDR_LAYER2 : lie->id);
		be16_store(p + 6, i ? 60 : lie->says);
		memcpy(p + 32, mac_of(1), 6);
		p[32] ^= i && lie->other_target ? 2 : 0;
		memcpy(p + 38, mac_of(0), 6);
	}
	cable = portlink_cable(end[0].pl);
	before = end[1].units;
	ck_assert_int_eq(cable.send(cable.ctx, &iov, 1), VS_DROP_NONE);
	if (lie->why == VS_DROP_NONE) {
		UNTIL(end[1].units != before);
		return;
	}
	while (!dropped(0, true, lie->why))
		turn();
	settled(0, 1);
	ck_assert_uint_eq(dropped(0, true, lie->why), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hscable");
	TCase *t = tcase_create("hscable");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, open_bed, close_bed);
	tcase_add_test(t, frames_of_every_length);
	tcase_add_test(t, buffers_stay_whole);
	tcase_add_test(t, the_lan_decides);
	tcase_add_test(t, nobody_speaks_for_another);
	tcase_add_test(t, layer3_by_address);
	tcase_add_test(t, a_full_receiver);
	tcase_add_test(t, what_came_of_it);
	tcase_add_test(t, ends_come_in_order);
	tcase_add_test(t, results_of_another_session);
	tcase_add_test(t, the_cable_is_pulled);
	tcase_add_test(t, the_daemon_is_restarted);
	tcase_add_test(t, layer3_after_a_restart);
	tcase_add_test(t, who_goes_is_gone);
	tcase_add_test(t, like_to_like);
	tcase_add_test(t, a_bridge_port_is_told);
	tcase_add_test(t, an_analyzer_elsewhere);
	tcase_add_loop_test(t, units_are_checked, 0, (int)(sizeof(lies) / sizeof(lies[0])));
	tcase_set_timeout(t, 30);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
