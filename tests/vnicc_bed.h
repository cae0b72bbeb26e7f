/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts on a HiperSockets LAN with VNIC characteristics, and the table of addresses that a host
 * keeps. */
#ifndef TESTS_VNICC_BED_H
#define TESTS_VNICC_BED_H

#include "hipersockets/hs_priv.h"
#include "tests/hiperbed.h"

static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t group[6] = {1, 0, 0x5E, 1, 2, 3};
static const uint8_t vm[6] = {2, 6, 6, 6, 6, 6};

/* Return: the IPA return code. */
static inline int command(unsigned i, uint32_t sub, uint32_t bit, uint32_t value,
			  struct osa_vnicc *reply)
{
	struct osa_vnicc v = {.subcommand = be32_of(sub),
			      .characteristic = be32_of(bit),
			      .value = be32_of(value),
			      .len = be16_of(16)};
	int seq = guest_ipa_send(host[i].d, OSA_VNICC, 0, &v, sizeof(v));

	memset(&v, 0, sizeof(v));
	return guest_ipa_wait(host[i].d, seq, reply ? reply : &v, sizeof(v), NULL);
}

static inline void turn(unsigned i, uint32_t bit, bool on)
{
	struct osa_vnicc v;

	ck_assert_int_eq(command(i, on ? OSA_VNICC_ENABLE : OSA_VNICC_DISABLE, bit, 0, &v), 0);
	ck_assert_uint_eq(be32_get(v.supported), 0xFE000000);
	ck_assert_uint_eq(!(be32_get(v.enabled) & bit), !on);
}

/* The host becomes the LAN's bridge port, as by its command where one control thread is. */
static inline void bridge(unsigned i)
{
	struct hs_adapter *h = host[i].ip.hs;
	const struct hs_bridge_config cfg = {.role = HS_ROLE_PRIMARY, .adapter = h};

	h->role = hs_bridge_create(lan, &cfg);
	ck_assert_ptr_nonnull(h->role);
	hs_bridge_set_fitness(h->role, HS_FIT_GOOD);
	ck_assert(h->bridge_port);
}

static inline void up(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		online(i, (struct guest_config){0});
}

static inline void refused(unsigned from, const struct guest_frame *f, uint8_t reason)
{
	uint64_t errors = host[from].stats->tx_errors;

	send(from, f);
	ck_assert_uint_eq(host[from].stats->tx_errors, errors + 1);
	ck_assert_uint_eq(host[from].stats->tx_error_reason, reason);
}

static inline void tick(uint64_t s)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (host[i].d)
			osa_tick(host[i].ip.osa, s * 1000);
}

static inline unsigned learned(unsigned i)
{
	struct hs_info info;

	hs_info(host[i].ip.hs, &info);
	return info.learned;
}

/* From this source address, which need not be the sender's. */
static inline void speak(unsigned from, const uint8_t source[6], unsigned to)
{
	struct guest_frame f = frame(from, mac_of(to), 60, 0);

	memcpy(frame_bytes + 6, source, 6);
	send(from, &f);
	expect(to, 60, 0);
}

/* ---- who is there ---------------------------------------------------------------------------- */

/* As a host keeps it: by list and events. */
struct table {
	unsigned n;
	struct guest_address a[2048];
};

static inline int find(const struct table *t, const uint8_t mac[6])
{
	for (unsigned i = 0; i < t->n; i++)
		if (memcmp(t->a[i].mac, mac, 6) == 0)
			return (int)i;
	return -1;
}

static inline void ask(unsigned i, uint8_t op, struct table *t)
{
	int n = guest_addresses(host[i].d, op, true, t->a, 2048);

	ck_assert_int_ge(n, 0);
	t->n = (unsigned)n;
}

static inline void tell(unsigned i, struct table *t)
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

static inline bool owned_by(const struct table *t, const uint8_t mac[6], unsigned viewer,
			    unsigned i)
{
	int at = find(t, mac);

	return at >= 0 && be16_load(t->a[at].token) == 0x0702 + 0x10 * i &&
	       !t->a[at].token[3] == (viewer == i) && t->a[at].vid == HS_NO_VLAN;
}

#endif
