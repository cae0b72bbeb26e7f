/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three hosts on a HiperSockets LAN ask for anything: raw IPA commands, frames, address lists, time
 * that passes, sessions that end. What was learned stays counted, and each address has one owner.
 *
 * Input: steps of a byte (what, host), a length, and so many bytes.
 */
#include <stdlib.h>

#include "hipersockets/hs_priv.h"
#include "tests/inproc.h"

#define HOSTS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inproc ip[HOSTS];
static struct guest_dev *dev[HOSTS];
static uint64_t now_ms;

static void step(struct guest_dev *d, struct inproc *p, uint8_t what, const uint8_t *data, size_t n)
{
	static const uint8_t commands[8] = {
		OSA_VNICC,   OSA_VNICC,	  OSA_SETDIAGASS, OSA_SETVMAC,
		OSA_DELVMAC, OSA_SETGMAC, OSA_SETVLAN,	  OSA_SETBRIDGEPORT_IQD};
	struct guest_frame f = {.data = data, .len = (uint32_t)n};
	struct guest_address list[64];

	if (what < 8)
		guest_ipa_wait(d, guest_ipa_send(d, commands[what], 0, data, n), NULL, 0, NULL);
	else if (what < 14 && n >= 14)
		guest_tx_frames(d, what % 4, &f, 1, 1);
	else if (what == 14 && n)
		guest_addresses(d, data[0] & 3, data[0] & 4, list, 64);
	else if (what == 15 && n)
		hs_watch(p->hs, data[0] & 1, data[0] & 2);
	else if (n)
		osa_tick(p->osa, now_ms += data[0] * 1000u);
	else if (guest_offline(d) == 0)
		guest_online(d);
}

static void settle(const struct hs_lan *lan)
{
	unsigned learned = 0;

	for (unsigned i = 0; i < HOSTS; i++) {
		struct guest_rx rx[64];
		const struct hs_address *a;

		learned += ip[i].hs->learner.n;
		guest_rx_burst(dev[i], rx, 64);
		guest_rx_release(dev[i]);
		for (unsigned q = 0; q < 4; q++)
			guest_tx_reclaim(dev[i], q);
		LIST_FOREACH(a, &ip[i].hs->addresses, of_owner)
		if (a->kind == HS_KIND_MAC && hs_lan_owner(lan, HS_KIND_MAC, 2, a->key) != ip[i].hs)
			abort();
	}
	if (learned != lan->n_learned)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct guest_config cfg = {.iqd = true, .pool = 8, .timeout_ms = 1000};
	struct hs_lan *lan = hs_lan_create(HS_MFS_16K, 1);

	for (unsigned i = 0; i < HOSTS; i++) {
		struct hs_config hs = {.osa = inproc_osa_config((uint16_t)(0x700 + 16 * i), true)};
		struct guest_machine m;

		if (inproc_open_hs(&ip[i], &hs, &cfg))
			abort();
		hs_plug(ip[i].hs, lan, NULL);
		dev[i] = guest_dev_create(&cfg, &ip[i].st);
		inproc_machine(&ip[i], &m);
		guest_dev_connect(dev[i], &m);
		guest_online(dev[i]);
	}
	for (size_t at = 0; at + 2 <= size;) {
		unsigned i = data[at] % HOSTS;
		size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;

		step(dev[i], &ip[i], (uint8_t)(data[at] / HOSTS % 18), data + at + 2, n);
		settle(lan);
		at += 2 + n;
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		guest_dev_destroy(dev[i]);
		hs_plug(ip[i].hs, NULL, NULL);
		inproc_close(&ip[i]);
	}
	hs_lan_destroy(lan);
	return 0;
}
