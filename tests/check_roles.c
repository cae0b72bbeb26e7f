/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridge-port roles of hosts whose adapters have a control thread each, as in an emulator: who is
 * told by its tick, and what threads that ask at the same time do to each other. Where one thread
 * controls all: check_hsbridge.c.
 */
#include "tests/hiperbed.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define ROUNDS 2000u

/* Return: the code in the sub-header. */
static unsigned role(unsigned i, uint32_t sub)
{
	struct osa_bridge out = {.len = be16_of(16), .subcommand = be32_of(sub)}, *reply;
	uint8_t buf[256];
	size_t len = 0;

	ck_assert_int_eq(guest_ipa_call(host[i].d, OSA_SETBRIDGEPORT_IQD, 0, &out, sizeof(out), buf,
					sizeof(buf), &len),
			 0);
	ck_assert_uint_ge(len, sizeof(out));
	reply = (void *)buf;
	return be16_get(reply->rc);
}

static void tick(unsigned i)
{
	static _Atomic uint64_t now = 1000;

	osa_tick(host[i].ip.osa, atomic_fetch_add(&now, 200));
	guest_service(host[i].d);
}

static void told(unsigned i, enum osa_bridge_role r, enum osa_bridge_state s)
{
	tick(i);
	ck_assert_uint_eq(host[i].d->bridge_role, r);
	ck_assert_uint_eq(host[i].d->bridge_state, s);
}

/* Does a frame for an address that nobody has reach the host? */
static bool outward(unsigned from, unsigned to)
{
	const uint8_t nobody[6] = {2, 9, 9, 9, 9, 9};
	struct guest_frame f = frame(from, nobody, 100, 7);
	struct guest_rx rx;
	unsigned n;

	send(from, &f);
	n = guest_rx_burst(host[to].d, &rx, 1);
	guest_rx_release(host[to].d);
	return n == 1;
}

START_TEST(test_told)
{
	uint64_t kicks;

	for (unsigned i = 0; i < 3; i++)
		online(i, (struct guest_config){0});
	ck_assert_uint_eq(role(0, OSA_BRIDGE_SET_SECONDARY), 0);
	guest_service(host[0].d);
	ck_assert_uint_eq(host[0].d->bridge_role, OSA_BRIDGE_NONE);
	told(0, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_ACTIVE);
	ck_assert(outward(2, 0));
	/* The primary takes over; each hears of it from its own thread, which is woken. */
	kicks = host[0].ip.kicks;
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_PRIMARY), 0);
	told(1, OSA_BRIDGE_PRIMARY, OSA_BRIDGE_ACTIVE);
	ck_assert_uint_eq(host[0].d->bridge_state, OSA_BRIDGE_ACTIVE);
	ck_assert_uint_gt(host[0].ip.kicks, kicks);
	told(0, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_STANDBY);
	ck_assert(!outward(2, 0) && outward(2, 1));
	ck_assert_uint_eq(role(2, OSA_BRIDGE_SET_PRIMARY), OSA_RC_BRIDGE_PRIMARY_EXISTS & 0xFF);
	ck_assert_int_eq(guest_vnicc(host[1].d, OSA_CHAR_FLOODING, true), -EBUSY);
	/* Two changes between ticks are one event. */
	ck_assert_uint_eq(role(1, OSA_BRIDGE_RESET), 0);
	ck_assert_uint_eq(role(1, OSA_BRIDGE_SET_PRIMARY), 0);
	told(0, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_STANDBY);
	/* Its adapter ends, and with it the role. */
	close_host(1);
	told(0, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_ACTIVE);
	ck_assert(outward(2, 0));
	ck_assert_uint_eq(role(0, OSA_BRIDGE_RESET), 0);
	ck_assert(!outward(2, 0));
}
END_TEST

static atomic_bool done;

static void *asking(void *arg)
{
	unsigned i = *(const unsigned *)arg, had = 0;
	const uint32_t wish = i ? OSA_BRIDGE_SET_SECONDARY : OSA_BRIDGE_SET_PRIMARY;

	for (unsigned n = 0; n < ROUNDS; n++) {
		ck_assert_uint_eq(role(i, wish), 0);
		tick(i);
		had += host[i].d->bridge_state == OSA_BRIDGE_ACTIVE;
		if (n % 16 == 0) {
			ck_assert_int_eq(guest_offline(host[i].d), 0);
			ck_assert_int_eq(guest_online(host[i].d), 0);
		} else {
			ck_assert_uint_eq(role(i, OSA_BRIDGE_RESET), 0);
		}
	}
	/* A primary is the active one whenever it is there. */
	ck_assert(i || had == ROUNDS);
	return NULL;
}

/* Host 3 sends what only a bridge port takes. */
static void *sending(void *arg)
{
	static const uint8_t data[64] = {2, 9, 9, 9, 9, 9};
	const struct guest_frame f = {.data = data, .len = sizeof(data)};

	(void)arg;
	while (!atomic_load(&done)) {
		guest_tx_frames(host[3].d, 0, &f, 1, 1);
		guest_tx_reclaim(host[3].d, 0);
	}
	return NULL;
}

START_TEST(test_at_once)
{
	static const unsigned who[3] = {0, 1, 2};
	pthread_t thread[3], sender;

	for (unsigned i = 0; i < 4; i++)
		online(i, (struct guest_config){0});
	pthread_create(&sender, NULL, sending, NULL);
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, asking, (void *)&who[i]);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&done, true);
	pthread_join(sender, NULL);
	ck_assert_uint_eq(role(0, OSA_BRIDGE_SET_SECONDARY), 0);
	told(0, OSA_BRIDGE_SECONDARY, OSA_BRIDGE_ACTIVE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("roles");
	TCase *t = tcase_create("threads");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_told);
	tcase_add_test(t, test_at_once);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
