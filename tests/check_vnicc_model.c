/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VNIC characteristics, registrations, learning and the list of addresses against a model with
 * random operations; and all of it changed while frames are sent. SEED=N repeats a run.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/vnicc_bed.h"

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

/* ---- at the same time ------------------------------------------------------------------------ */

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

int main(void)
{
	Suite *s = suite_create("vnicc_model");
	TCase *t = tcase("model");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_model);
	tcase_add_test(t, test_threads);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
