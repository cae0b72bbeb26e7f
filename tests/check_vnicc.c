/* SPDX-License-Identifier: Apache-2.0 */
/* HiperSockets' VNIC characteristics: the commands, and what each does to frames. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "hipersockets/hs_priv.h"
#include "tests/hiperbed.h"

static const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
static const uint8_t group[6] = {1, 0, 0x5E, 1, 2, 3};
static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

/* Return: the IPA return code. */
static int command(unsigned i, uint32_t sub, uint32_t bit, uint32_t value, struct osa_vnicc *reply)
{
	struct osa_vnicc v = {.subcommand = be32_of(sub),
			      .characteristic = be32_of(bit),
			      .value = be32_of(value),
			      .len = be16_of(16)};
	int seq = guest_ipa_send(host[i].d, OSA_VNICC, 0, &v, sizeof(v));

	memset(&v, 0, sizeof(v));
	return guest_ipa_wait(host[i].d, seq, reply ? reply : &v, sizeof(v), NULL);
}

static void turn(unsigned i, uint32_t bit, bool on)
{
	struct osa_vnicc v;

	ck_assert_int_eq(command(i, on ? OSA_VNICC_ENABLE : OSA_VNICC_DISABLE, bit, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.supported), 0xFE000000);
	ck_assert_uint_eq(!(be32_get(v.enabled) & bit), !on);
}

/* The host becomes the LAN's bridge port, as by its command where one control thread is. */
static void bridge(unsigned i)
{
	struct hs_adapter *h = host[i].ip.hs;
	const struct hs_bridge_config cfg = {.role = HS_ROLE_PRIMARY, .adapter = h};

	h->role = hs_bridge_create(lan, &cfg);
	ck_assert_ptr_nonnull(h->role);
	hs_bridge_set_fitness(h->role, HS_FIT_GOOD);
	ck_assert(h->bridge_port);
}

static void up(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		online(i, (struct guest_config){0});
}

static void refused(unsigned from, const struct guest_frame *f, uint8_t reason)
{
	uint64_t errors = host[from].stats->tx_errors;

	send(from, f);
	ck_assert_uint_eq(host[from].stats->tx_errors, errors + 1);
	ck_assert_uint_eq(host[from].stats->tx_error_reason, reason);
}

/* ---- commands --------------------------------------------------------------------------- */

START_TEST(test_query)
{
	struct osa_vnicc v;

	up(1);
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.supported), 0xFE000000);
	ck_assert_uint_eq(be32_get(v.enabled), OSA_CHAR_RX_BCAST);
	for (unsigned bit = 25; bit < 32; bit++) {
		uint32_t c = UINT32_C(1) << bit, commands = c == OSA_CHAR_LEARNING ? 0x1E : 0x06;

		ck_assert_int_eq(command(0, OSA_VNICC_QUERY_COMMANDS, c, 0, &v), 0);
		ck_assert_uint_eq(be32_get(v.value), commands);
	}
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, 0x01000000, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, 0xC0000000, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, 0x20, OSA_CHAR_FLOODING, 0, NULL), OSA_RC_L2_UNSUPPORTED);
	ck_assert_int_eq(command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_FLOODING, 100, NULL),
			 OSA_RC_L2_UNSUPPORTED);
}
END_TEST

START_TEST(test_timeout)
{
	static const struct {
		uint32_t s;
		int rc;
	} row[] = {{0, OSA_RC_INVALID_FORMAT},
		   {59, OSA_RC_INVALID_FORMAT},
		   {60, 0},
		   {86400, 0},
		   {86401, OSA_RC_INVALID_FORMAT},
		   {UINT32_MAX, OSA_RC_INVALID_FORMAT}};
	struct osa_vnicc v;

	up(1);
	ck_assert_int_eq(command(0, OSA_VNICC_GET_TIMEOUT, OSA_CHAR_LEARNING, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.value), 600);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_int_eq(
			command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, row[i].s, NULL),
			row[i].rc);
	turn(0, OSA_CHAR_LEARNING, true);
	ck_assert_int_eq(command(0, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 100, NULL),
			 OSA_RC_OUT_OF_SEQUENCE);
	ck_assert_int_eq(command(0, OSA_VNICC_GET_TIMEOUT, OSA_CHAR_LEARNING, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.value), 86400);
	ck_assert_uint_eq(host[0].ip.hs->vnicc.learning_s, 86400);
}
END_TEST

/* All of it goes with the session. */
START_TEST(test_forgotten)
{
	struct osa_vnicc v;

	up(2);
	for (unsigned bit = 26; bit < 32; bit++)
		turn(0, UINT32_C(1) << bit, true);
	turn(0, OSA_CHAR_RX_BCAST, false);
	ck_assert_uint_eq(lan->n_flooding, 1);
	ck_assert_int_eq(guest_offline(host[0].d), 0);
	ck_assert_uint_eq(lan->n_flooding, 0);
	ck_assert_int_eq(guest_online(host[0].d), 0);
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.enabled), OSA_CHAR_RX_BCAST);
	ck_assert_uint_eq(lan->n_flooding, 0);
	ck_assert_uint_eq(host[0].ip.hs->vnicc.learning_s, 600);
}
END_TEST

/* Without a cable they can be set all the same, and hold on the next LAN. */
START_TEST(test_no_cable)
{
	struct guest_frame f;

	up(2);
	hs_plug(host[1].ip.hs, NULL, NULL);
	turn(1, OSA_CHAR_FLOODING, true);
	hs_plug(host[1].ip.hs, lan, NULL);
	f = frame(0, nobody, 100, 3);
	send(0, &f);
	expect(1, 100, 3);
}
END_TEST

START_TEST(test_layer3)
{
	online(0, (struct guest_config){.layer = 3});
	ck_assert_int_eq(command(0, OSA_VNICC_QUERY, 0, 0, NULL), OSA_RC_NOT_SUPPORTED);
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------- */

START_TEST(test_flooding)
{
	struct guest_frame f;

	up(3);
	online(3, (struct guest_config){.layer = 3});
	turn(1, OSA_CHAR_FLOODING, true);
	f = frame(0, nobody, 100, 1);
	send(0, &f);
	expect(1, 100, 1);
	expect_nothing(2);
	f = frame(0, mac_of(2), 100, 2); /* of a known one it hears nothing */
	send(0, &f);
	expect(2, 100, 2);
	expect_nothing(1);
	f = frame(1, nobody, 100, 3); /* nor itself: nobody else floods */
	refused(1, &f, QDIO_REASON_NO_TARGET);
	turn(2, OSA_CHAR_FLOODING, true);
	f = frame(0, nobody, 100, 4);
	send(0, &f);
	expect(1, 100, 4);
	expect(2, 100, 4);
	expect_nothing(3);
	turn(1, OSA_CHAR_FLOODING, false);
	turn(2, OSA_CHAR_FLOODING, false);
	f = frame(0, nobody, 100, 5);
	refused(0, &f, QDIO_REASON_NO_TARGET);
}
END_TEST

/* VLANs hold for what is flooded. */
START_TEST(test_flooding_vlan)
{
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_FLOODING, true);
	ck_assert_int_eq(guest_vid_add(host[1].d, 8), 0);
	for (uint16_t vid = 7; vid <= 8; vid++) {
		f = frame(0, nobody, 100, (uint8_t)vid);
		be16_store(frame_bytes + 12, 0x8100);
		be16_store(frame_bytes + 14, vid);
		if (vid == 8)
			send(0, &f);
		else
			refused(0, &f, QDIO_REASON_NO_TARGET);
	}
	expect(1, 100, 8);
	expect_nothing(1);
}
END_TEST

START_TEST(test_mcast_flooding)
{
	struct guest_frame f;

	up(3);
	turn(1, OSA_CHAR_MCAST_FLOODING, true);
	f = frame(0, group, 100, 1);
	send(0, &f);
	expect(1, 100, 1);
	expect_nothing(2);
	f = frame(0, nobody, 100, 2);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	turn(1, OSA_CHAR_MCAST_FLOODING, false);
	f = frame(0, group, 100, 3);
	send(0, &f);
	expect_nothing(1);
}
END_TEST

START_TEST(test_rx_bcast)
{
	struct guest_frame f;

	up(3);
	turn(1, OSA_CHAR_RX_BCAST, false);
	turn(1, OSA_CHAR_MCAST_FLOODING, true); /* a broadcast is no multicast frame */
	f = frame(0, all, 100, 1);
	send(0, &f);
	expect_nothing(1);
	expect(2, 100, 1);
	turn(1, OSA_CHAR_RX_BCAST, true);
	f = frame(0, all, 100, 2);
	send(0, &f);
	expect(1, 100, 2);
}
END_TEST

START_TEST(test_takeover_setvmac)
{
	static const uint8_t second[6] = {2, 7, 7, 7, 7, 7};
	uint8_t old[6];
	struct guest_frame f;

	up(3);
	memcpy(old, mac_of(0), 6);
	ck_assert_int_eq(guest_mac_add(host[0].d, second), 0);
	ck_assert_int_eq(guest_mac_add(host[1].d, old), -EADDRINUSE);
	turn(1, OSA_CHAR_TAKEOVER_SETVMAC, true); /* it is for the owner to allow */
	ck_assert_int_eq(guest_mac_add(host[1].d, old), -EADDRINUSE);
	turn(0, OSA_CHAR_TAKEOVER_SETVMAC, true);
	ck_assert_int_eq(guest_mac_add(host[1].d, old), 0);
	f = frame(2, old, 100, 1);
	send(2, &f);
	expect(1, 100, 1);
	expect_nothing(0);
	f = frame(2, second, 100, 2); /* only what was asked for */
	send(2, &f);
	expect(0, 100, 2);
	f = frame(0, mac_of(2), 100, 3); /* and may not be spoken for any more */
	refused(0, &f, QDIO_REASON_BAD_BUFFER);
	memcpy(frame_bytes + 6, second, 6);
	send(0, &f);
	expect(2, 100, 3);
}
END_TEST

START_TEST(test_bridge_invisible)
{
	struct guest_frame f;

	up(3);
	bridge(0);
	ck_assert_int_eq(command(0, OSA_VNICC_ENABLE, OSA_CHAR_FLOODING, 0, NULL),
			 OSA_RC_VNICC_BRIDGE_PORT);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, true);
	turn(1, OSA_CHAR_FLOODING, true);
	turn(1, OSA_CHAR_MCAST_FLOODING, true);
	f = frame(0, mac_of(1), 100, 1);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	f = frame(1, mac_of(0), 100, 2);
	refused(1, &f, QDIO_REASON_NO_TARGET);
	f = frame(0, all, 100, 3);
	send(0, &f);
	expect(2, 100, 3);
	f = frame(0, group, 100, 4);
	send(0, &f);
	f = frame(0, nobody, 100, 5);
	refused(0, &f, QDIO_REASON_NO_TARGET);
	expect_nothing(1);
	expect_nothing(0);
	f = frame(2, mac_of(1), 100, 6); /* others are not affected */
	send(2, &f);
	expect(1, 100, 6);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, false);
	f = frame(0, mac_of(1), 100, 7);
	send(0, &f);
	expect(1, 100, 7);
}
END_TEST

/* ---- learning ----------------------------------------------------------------------------- */

static const uint8_t vm[6] = {2, 6, 6, 6, 6, 6};

static void tick(uint64_t s)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (host[i].d)
			osa_tick(host[i].ip.osa, s * 1000);
}

/* From this source address, which need not be the sender's. */
static void speak(unsigned from, const uint8_t source[6], unsigned to)
{
	struct guest_frame f = frame(from, mac_of(to), 60, 0);

	memcpy(frame_bytes + 6, source, 6);
	send(from, &f);
	expect(to, 60, 0);
}

static void reaches(unsigned from, const uint8_t mac[6], unsigned to)
{
	static uint8_t fill;
	struct guest_frame f = frame(from, mac, 60, ++fill);

	send(from, &f);
	expect(to, 60, fill);
}

static void unknown(unsigned from, const uint8_t mac[6])
{
	struct guest_frame f = frame(from, mac, 60, 1);

	refused(from, &f, QDIO_REASON_NO_TARGET);
}

static unsigned learned(unsigned i)
{
	struct hs_info info;

	hs_info(host[i].ip.hs, &info);
	return info.learned;
}

START_TEST(test_learning)
{
	up(3);
	speak(1, vm, 0); /* not learned: it is off */
	unknown(0, vm);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	reaches(0, vm, 1);
	reaches(2, vm, 1);
	unknown(1, vm); /* its own: nothing is sent back */
	ck_assert_uint_eq(learned(1), 1);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(2, vm, 0); /* another's: not for the second one */
	reaches(0, vm, 1);
	ck_assert_uint_eq(learned(2), 0);
	turn(1, OSA_CHAR_LEARNING, false);
	unknown(0, vm);
	ck_assert_uint_eq(lan->n_learned, 0);
}
END_TEST

/* Groups, the own address and a registered one are not learned. */
START_TEST(test_not_learned)
{
	static const uint8_t zero[6];
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, group, 0);
	speak(1, zero, 0);
	speak(1, mac_of(1), 0);
	f = frame(1, mac_of(0), 60, 1);
	memcpy(frame_bytes + 6, mac_of(0), 6);
	refused(1, &f, QDIO_REASON_BAD_BUFFER);
	ck_assert_uint_eq(learned(1), 0);
}
END_TEST

START_TEST(test_ages)
{
	up(2);
	ck_assert_int_eq(command(1, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 100, NULL), 0);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0); /* before there was a clock */
	tick(1000);
	tick(1099);
	reaches(0, vm, 1);
	speak(1, vm, 0); /* used */
	tick(1198);
	reaches(0, vm, 1);
	tick(1199);
	unknown(0, vm);
	speak(1, vm, 0);
	reaches(0, vm, 1);
}
END_TEST

START_TEST(test_takeover_learning)
{
	up(3);
	tick(1);
	turn(1, OSA_CHAR_LEARNING, true);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	turn(1, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(2, vm, 0);
	reaches(0, vm, 2);
	speak(1, vm, 0); /* and the second one has not allowed it */
	reaches(0, vm, 2);
	turn(0, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(2, mac_of(0), 1); /* what is registered as well */
	reaches(1, mac_of(0), 2);
	speak(0, mac_of(0), 1);
	tick(700); /* until it has aged */
	reaches(1, mac_of(0), 0);
}
END_TEST

START_TEST(test_registered_comes_first)
{
	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	ck_assert_int_eq(guest_mac_add(host[2].d, vm), 0);
	reaches(0, vm, 2);
	ck_assert_uint_eq(learned(1), 0);
	ck_assert_int_eq(guest_mac_del(host[2].d, vm), 0);
	unknown(0, vm);
	speak(1, vm, 0);
	reaches(0, vm, 1);
	ck_assert_int_eq(guest_offline(host[1].d), 0);
	unknown(0, vm);
	ck_assert_uint_eq(lan->n_learned, 0);
}
END_TEST

/* MAC protection comes before learning. */
START_TEST(test_protected)
{
	struct guest_frame f;

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	speak(1, vm, 0);
	hs_protect(host[1].ip.hs, mac_of(1), true);
	unknown(0, vm);
	f = frame(1, mac_of(0), 60, 1);
	memcpy(frame_bytes + 6, vm, 6);
	refused(1, &f, QDIO_REASON_BAD_BUFFER);
	unknown(0, vm);
	speak(1, mac_of(1), 0);
	hs_protect(host[1].ip.hs, mac_of(1), false);
	speak(1, vm, 0);
	reaches(0, vm, 1);
}
END_TEST

/* Who invents addresses loses his own. */
START_TEST(test_many_learned)
{
	uint8_t mac[6] = {2, 1};

	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	turn(2, OSA_CHAR_LEARNING, true);
	speak(2, vm, 0);
	for (unsigned i = 0; i < 600; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	ck_assert_uint_eq(learned(1), 512);
	reaches(0, vm, 2);
	reaches(0, mac, 1);
	be16_store(mac + 4, 88);
	reaches(0, mac, 1);
	be16_store(mac + 4, 87);
	unknown(0, mac);
}
END_TEST

/* ---- who is there --------------------------------------------------------------------------- */

/* As a host keeps it: by list and events. */
struct table {
	unsigned n;
	struct guest_address a[2048];
};

static int find(const struct table *t, const uint8_t mac[6])
{
	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->a[i].mac, mac, 6) == 0)
			return (int)i;
	return -1;
}

static void ask(unsigned i, uint8_t op, struct table *t)
{
	int n = guest_addresses(host[i].d, op, true, t->a, 2048);

	ck_assert_int_ge(n, 0);
	t->n = (unsigned)n;
}

static void tell(unsigned i, struct table *t)
{
	struct guest_address a[64];
	int n;

	guest_service(host[i].d);
	while ((n = guest_address_changes(host[i].d, a, 64)) > 0)
		for (int k = 0; k < n; k++) {
			int at = find(t, a[k].mac);

			if (!(a[k].change & HS_CHANGE_MAC))
				continue;
			if (a[k].change & HS_CHANGE_REMOVAL) {
				ck_assert_int_ge(at, 0);
				t->a[at] = t->a[--t->n];
			} else {
				t->a[at < 0 ? (int)t->n++ : at] = a[k];
			}
		}
	ck_assert_int_eq(n, 0);
}

static bool owned_by(const struct table *t, const uint8_t mac[6], unsigned viewer, unsigned i)
{
	int at = find(t, mac);

	return at >= 0 && be16_load(t->a[at].token) == 0x0702 + 0x10 * i &&
	       !t->a[at].token[3] == (viewer == i) && t->a[at].vid == HS_NO_VLAN;
}

START_TEST(test_list)
{
	static struct table t;

	up(3);
	online(3, (struct guest_config){.layer = 3});
	ck_assert_int_eq(guest_mac_add(host[1].d, vm), 0);
	turn(2, OSA_CHAR_BRIDGE_INVISIBLE, true);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 4);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(owned_by(&t, mac_of(i), 0, i));
	ck_assert(owned_by(&t, vm, 0, 1));
	ask(0, QDIO_PNSO_BRIDGE, &t);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_int_eq(find(&t, mac_of(2)), -1);
	ck_assert_int_eq(guest_addresses(host[0].d, 1, true, t.a, 1), -EOPNOTSUPP);
	ck_assert_int_eq(guest_addresses(host[3].d, QDIO_PNSO_ALL, true, t.a, 1), -EOPNOTSUPP);
	hs_plug(host[0].ip.hs, NULL, NULL);
	ck_assert_int_eq(guest_addresses(host[0].d, QDIO_PNSO_ALL, true, t.a, 1), -EOPNOTSUPP);
	hs_plug(host[0].ip.hs, lan, NULL);
}
END_TEST

/* More than a block holds, and one that changes meanwhile. */
START_TEST(test_long_list)
{
	static struct table t;
	uint8_t mac[6] = {2, 1};

	up(2);
	turn(1, OSA_CHAR_LEARNING, true);
	for (unsigned i = 0; i < 510; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 512);
	for (unsigned i = 0; i < 510; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert(owned_by(&t, mac, 0, 1));
	}
}
END_TEST

START_TEST(test_events)
{
	static struct table t;
	struct guest_address a[64];

	up(3);
	tick(1);
	turn(1, OSA_CHAR_LEARNING, true);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_int_eq(guest_mac_add(host[2].d, vm), 0);
	tell(0, &t);
	ck_assert_int_eq(find(&t, vm), -1); /* not before the tick */
	tick(2);
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 2));
	turn(2, OSA_CHAR_TAKEOVER_LEARNING, true);
	speak(1, vm, 0);
	tick(3);
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 1));
	tick(603); /* it has aged */
	tick(604); /* and host 0, whose turn was before, hears of it */
	tell(0, &t);
	ck_assert(owned_by(&t, vm, 0, 2));
	ck_assert_int_eq(guest_offline(host[2].d), 0);
	tick(605);
	tell(0, &t);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_int_eq(guest_vid_add(host[1].d, 7), 0);
	tick(606);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 64), 1);
	ck_assert_uint_eq(a[0].change, HS_CHANGE_VLAN);
	ck_assert_uint_eq(a[0].vid, 7);
	ck_assert_int_eq(guest_addresses(host[0].d, QDIO_PNSO_ALL, false, a, 64), 2);
	ck_assert_int_eq(guest_online(host[2].d), 0); /* nobody listens any more */
	tick(607);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 64), 0);
}
END_TEST

/* What is hidden from bridge ports is not told to who asked as one. */
START_TEST(test_events_bridge)
{
	static struct table t;
	struct guest_address a[8];

	up(2);
	turn(1, OSA_CHAR_BRIDGE_INVISIBLE, true);
	ask(0, QDIO_PNSO_BRIDGE, &t);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_int_eq(guest_mac_add(host[1].d, vm), 0);
	tick(1);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, a, 8), 0);
}
END_TEST

/* Too much between two ticks: told once, and nothing more until it asks again. */
START_TEST(test_overflow)
{
	static struct table t;
	uint8_t mac[6] = {2, 1};

	up(3);
	turn(1, OSA_CHAR_LEARNING, true);
	ask(0, QDIO_PNSO_ALL, &t);
	for (unsigned i = 0; i < 1200; i++) {
		be16_store(mac + 4, (uint16_t)i);
		speak(1, mac, 0);
	}
	tick(1);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, t.a, 64), -EOVERFLOW);
	speak(1, vm, 0);
	tick(2);
	guest_service(host[0].d);
	ck_assert_int_eq(guest_address_changes(host[0].d, t.a, 64), 0);
	ask(0, QDIO_PNSO_ALL, &t);
	ck_assert_uint_eq(t.n, 3 + 512);
	ck_assert_int_eq(guest_mac_add(host[2].d, (const uint8_t[]){2, 7, 7, 7, 7, 7}), 0);
	tick(3);
	tell(0, &t);
	ck_assert_uint_eq(t.n, 4 + 512);
}
END_TEST

/* ---- against a model ------------------------------------------------------------------------ */

#define POOL 6u
#define MACS (HOSTS + POOL) /* each host's own, and some that may be anybody's */
#define BRIDGE 4u	    /* the host that is a bridge port */
#define NONE (-1)

static struct {
	uint32_t chars[HOSTS];
	bool listed[HOSTS][MACS], joined[HOSTS];
	int owner[MACS], learner[MACS];
	uint64_t used[MACS], now;
	uint8_t mac[MACS][6];
	struct table told; /* host 0 */
} w;

static bool has(int i, uint32_t bit)
{
	return i != NONE && w.chars[i] & bit;
}

static int registration(unsigned i, uint8_t cmd, const uint8_t mac[6])
{
	struct osa_data_mac d = {.len = be32_of(6)};

	memcpy(d.mac, mac, 6);
	return guest_ipa_wait(host[i].d, guest_ipa_send(host[i].d, cmd, 0, &d, sizeof(d)), NULL, 0,
			      NULL);
}

static void model_register(unsigned i, unsigned m)
{
	int rc = registration(i, OSA_SETVMAC, w.mac[m]);

	if (w.owner[m] != NONE && w.owner[m] != (int)i &&
	    !has(w.owner[m], OSA_CHAR_TAKEOVER_SETVMAC)) {
		ck_assert_int_eq(rc, OSA_RC_L2_DUP_MAC);
		return;
	}
	ck_assert_int_eq(rc, 0);
	if (w.owner[m] != (int)i)
		w.learner[m] = NONE;
	w.owner[m] = (int)i;
	w.listed[i][m] = true;
}

static void model_unregister(unsigned i, unsigned m)
{
	ck_assert_int_eq(registration(i, OSA_DELVMAC, w.mac[m]),
			 w.listed[i][m] ? 0 : OSA_RC_L2_MAC_NOT_FOUND);
	w.listed[i][m] = false;
	if (w.owner[m] == (int)i)
		w.owner[m] = NONE;
}

static void unlearn(int i)
{
	for (unsigned m = 0; m < MACS; m++)
		if (w.learner[m] == i)
			w.learner[m] = NONE;
}

static void model_turn(unsigned i)
{
	uint32_t bit = UINT32_C(1) << (25 + rand() % 7);

	if (i == BRIDGE) {
		ck_assert_int_eq(command(i, OSA_VNICC_ENABLE, bit, 0, NULL),
				 OSA_RC_VNICC_BRIDGE_PORT);
		return;
	}
	w.chars[i] ^= bit;
	turn(i, bit, w.chars[i] & bit);
	if (!has((int)i, OSA_CHAR_LEARNING))
		unlearn((int)i);
}

/* What host 0 was told is what there is. */
static void model_told(void)
{
	static struct table fresh;

	tell(0, &w.told);
	ask(0, QDIO_PNSO_ALL, &fresh);
	for (unsigned m = 0; m < MACS; m++) {
		int who = w.learner[m] != NONE && (w.owner[m] == NONE ||
						   has(w.owner[m], OSA_CHAR_TAKEOVER_LEARNING))
				  ? w.learner[m]
				  : w.owner[m];
		int at = find(&w.told, w.mac[m]);

		ck_assert_int_eq(at >= 0, who != NONE);
		ck_assert_int_eq(find(&fresh, w.mac[m]) >= 0, who != NONE);
		/* Who gave up later what was learned of him has it again without an event. */
		if (at >= 0 && (w.learner[m] == NONE || w.owner[m] == NONE))
			ck_assert(owned_by(&w.told, w.mac[m], 0, (unsigned)who));
	}
}

static void model_tick(void)
{
	w.now += (uint64_t)rand() % 30;
	tick(w.now);
	for (unsigned m = 0; m < MACS; m++)
		if (w.now - w.used[m] >= 60)
			w.learner[m] = NONE;
	tick(w.now);
	model_told();
}

static void model_start(unsigned i)
{
	ck_assert_int_eq(command(i, OSA_VNICC_SET_TIMEOUT, OSA_CHAR_LEARNING, 60, NULL), 0);
	w.chars[i] = OSA_CHAR_RX_BCAST;
	w.owner[i] = (int)i;
	w.listed[i][i] = true;
	w.learner[i] = NONE;
}

static void model_restart(unsigned i)
{
	if (i == BRIDGE || (w.owner[i] != NONE && w.owner[i] != (int)i))
		return;
	ck_assert_int_eq(guest_offline(host[i].d), 0);
	for (unsigned m = 0; m < MACS; m++)
		if (w.owner[m] == (int)i)
			w.owner[m] = NONE;
	memset(w.listed[i], 0, sizeof(w.listed[i]));
	w.joined[i] = false;
	unlearn((int)i);
	ck_assert_int_eq(guest_online(host[i].d), 0);
	model_start(i);
	if (i == 0)
		ask(0, QDIO_PNSO_ALL, &w.told);
}

static bool model_apart(unsigned a, unsigned b)
{
	return (a == BRIDGE || b == BRIDGE) &&
	       (w.chars[a] | w.chars[b]) & OSA_CHAR_BRIDGE_INVISIBLE;
}

static void model_learn(unsigned from, unsigned source)
{
	if (!has((int)from, OSA_CHAR_LEARNING) || w.owner[source] == (int)from)
		return;
	if (w.learner[source] != NONE && w.learner[source] != (int)from &&
	    !has(w.learner[source], OSA_CHAR_TAKEOVER_LEARNING))
		return;
	w.learner[source] = (int)from;
	w.used[source] = w.now;
}

static bool model_wants(unsigned i, unsigned from, uint32_t bit, bool joined)
{
	return i != from && !model_apart(i, from) && (joined || i == BRIDGE || has((int)i, bit));
}

/* @to: MACS: the group, MACS + 1: all. Return: whether the sender hears of no error. */
static bool model_receivers(unsigned from, unsigned source, unsigned to, bool *gets)
{
	int who = w.owner[source];
	bool any = to >= MACS;

	if (who != NONE && who != (int)from &&
	    !(has((int)from, OSA_CHAR_LEARNING) && has(who, OSA_CHAR_TAKEOVER_LEARNING)))
		return false;
	model_learn(from, source);
	who = to < MACS ? w.owner[to] : NONE;
	if (to < MACS && (who == NONE || has(who, OSA_CHAR_TAKEOVER_LEARNING)) &&
	    w.learner[to] != NONE)
		who = w.learner[to];
	if (who != NONE) {
		gets[who] = who != (int)from && !model_apart((unsigned)who, from);
		return gets[who];
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		gets[i] = model_wants(i, from,
				      to < MACS	   ? OSA_CHAR_FLOODING
				      : to == MACS ? OSA_CHAR_MCAST_FLOODING
						   : OSA_CHAR_RX_BCAST,
				      to == MACS && w.joined[i]);
		any |= gets[i];
	}
	return any;
}

static void model_send(unsigned n)
{
	unsigned from = (unsigned)rand() % HOSTS, source = (unsigned)rand() % MACS;
	unsigned to = (unsigned)rand() % (MACS + 2);
	const uint8_t *mac = to < MACS ? w.mac[to] : to == MACS ? group : all;
	struct guest_frame f = frame(from, mac, 60, (uint8_t)n);
	uint64_t errors = host[from].stats->tx_errors;
	bool gets[HOSTS] = {false};
	bool ok = model_receivers(from, source, to, gets);

	memcpy(frame_bytes + 6, w.mac[source], 6);
	send(from, &f);
	ck_assert_msg(host[from].stats->tx_errors == errors + !ok, "step %u", n);
	for (unsigned i = 0; i < HOSTS; i++) {
		struct guest_rx rx;
		bool got = guest_rx_burst(host[i].d, &rx, 1);

		ck_assert_msg(got == gets[i], "step %u: host %u", n, i);
		if (got)
			guest_rx_release(host[i].d);
	}
}

static void model_step(unsigned n)
{
	unsigned what = (unsigned)rand() % 100, i = (unsigned)rand() % HOSTS;
	unsigned m = (unsigned)rand() % MACS;

	if (what < 60) {
		model_send(n);
	} else if (what < 72) {
		model_turn(i);
	} else if (what < 80) {
		model_tick();
	} else if (what < 88) {
		model_register(i, m);
	} else if (what < 94) {
		model_unregister(i, m);
	} else if (what < 99) {
		ck_assert_int_eq(registration(i, w.joined[i] ? OSA_DELGMAC : OSA_SETGMAC, group),
				 0);
		w.joined[i] = !w.joined[i];
	} else {
		model_restart(i);
	}
}

START_TEST(test_model)
{
	unsigned seed =
		getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);

	printf("model: SEED=%u\n", seed);
	srand(seed);
	memset(&w, 0, sizeof(w));
	up(HOSTS);
	for (unsigned m = 0; m < MACS; m++) {
		static const uint8_t base[6] = {2, 5, 5, 5, 5};

		memcpy(w.mac[m], m < HOSTS ? mac_of(m) : base, 6);
		w.mac[m][5] = m < HOSTS ? w.mac[m][5] : (uint8_t)m;
		w.owner[m] = w.learner[m] = NONE;
	}
	for (unsigned i = 0; i < HOSTS; i++)
		model_start(i);
	bridge(BRIDGE);
	w.now = 1000;
	tick(w.now);
	ask(0, QDIO_PNSO_ALL, &w.told);
	for (unsigned n = 0; n < 8000; n++)
		model_step(n);
}
END_TEST

/* ---- at the same time ----------------------------------------------------------------------- */

struct talker {
	unsigned i;
	atomic_bool stop;
	_Atomic uint64_t sent;
};

/* With ever other source addresses, to itself and others. */
static void *talk(void *arg)
{
	struct talker *t = arg;
	uint8_t data[60] = {2, 6, 6, 6, 6, 0, 2, 6, 6, 6, 6, 0, 0x88, 0xB5};
	struct guest_frame f = {.data = data, .len = sizeof(data)};

	while (!atomic_load(&t->stop)) {
		data[5] = (uint8_t)(t->sent * 7 % 64);
		data[11] = (uint8_t)(t->sent % 64);
		t->sent += guest_tx_frames(host[t->i].d, 1, &f, 1, 1);
		guest_tx_reclaim(host[t->i].d, 1);
	}
	return NULL;
}

/* What is learned moves between two while the control side changes all it can. */
START_TEST(test_threads)
{
	struct talker t[2] = {{.i = 0}, {.i = 1}};
	struct guest_address a[64];
	pthread_t thread[2];

	up(4);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, talk, &t[i]);
	while (!t[0].sent || !t[1].sent)
		sched_yield();
	for (unsigned n = 0; n < 400; n++) {
		uint32_t chars = OSA_CHAR_RX_BCAST | OSA_CHAR_TAKEOVER_LEARNING |
				 (n % 5 ? OSA_CHAR_LEARNING : 0);
		struct guest_rx rx[64];

		ck_assert_int_eq(hs_vnicc_set(host[n % 2].ip.hs, chars, 60), 0);
		hs_watch(host[3].ip.hs, n & 1, true);
		ck_assert_int_ge(guest_addresses(host[2].d, QDIO_PNSO_ALL, true, a, 64), 0);
		tick(1000 + n * 20);
		turn(2, OSA_CHAR_FLOODING, n & 1);
		for (unsigned i = 2; i < 4; i++) {
			guest_rx_burst(host[i].d, rx, 64);
			guest_rx_release(host[i].d);
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&t[i].stop, true);
		pthread_join(thread[i], NULL);
	}
	ck_assert_uint_eq(learned(0) + learned(1), lan->n_learned);
}
END_TEST

static TCase *tcase(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	return t;
}

int main(void)
{
	Suite *s = suite_create("vnicc");
	TCase *t = tcase("commands");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_query);
	tcase_add_test(t, test_timeout);
	tcase_add_test(t, test_forgotten);
	tcase_add_test(t, test_no_cable);
	tcase_add_test(t, test_layer3);
	suite_add_tcase(s, t);
	t = tcase("frames");
	tcase_add_test(t, test_flooding);
	tcase_add_test(t, test_flooding_vlan);
	tcase_add_test(t, test_mcast_flooding);
	tcase_add_test(t, test_rx_bcast);
	tcase_add_test(t, test_takeover_setvmac);
	tcase_add_test(t, test_bridge_invisible);
	suite_add_tcase(s, t);
	t = tcase("learning");
	tcase_add_test(t, test_learning);
	tcase_add_test(t, test_not_learned);
	tcase_add_test(t, test_ages);
	tcase_add_test(t, test_takeover_learning);
	tcase_add_test(t, test_registered_comes_first);
	tcase_add_test(t, test_many_learned);
	tcase_add_test(t, test_protected);
	suite_add_tcase(s, t);
	t = tcase("addresses");
	tcase_add_test(t, test_list);
	tcase_add_test(t, test_long_list);
	tcase_add_test(t, test_events);
	tcase_add_test(t, test_events_bridge);
	tcase_add_test(t, test_overflow);
	suite_add_tcase(s, t);
	t = tcase("model");
	tcase_add_test(t, test_model);
	tcase_add_test(t, test_threads);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
