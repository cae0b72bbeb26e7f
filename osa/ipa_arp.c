/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: what a host does with the adapter's ARP cache. Source: spec/osa-qeth.md 4.7.
 *
 * Return codes are the ARP assist's own (enum osa_arp_rc).
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

#define QUERY_PART                                                                                 \
	((OSA_IPA_DATA_MAX - sizeof(struct osa_arp_query)) / sizeof(struct osa_arp_info4))

/* Entries of the cache that have a MAC, as the host wants them. */
struct listing {
	unsigned n;
	struct osa_arp_info4 e[OSA_ARP_MAX];
};

static void list(struct osa_l3 *l, struct listing *out)
{
	out->n = 0;
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->arp.untouched; i++) {
		const struct osa_arp_entry *e = &l->arp.entry[i];
		struct osa_arp_info4 *x = &out->e[out->n];

		if (e->state != OSA_ARP_REACHABLE && e->state != OSA_ARP_STATIC)
			continue;
		memset(x, 0, sizeof(*x));
		x->mac_type = OSA_ARP_MAC_ETHERNET;
		x->ip_type = OSA_ARP_IP_V4;
		memcpy(x->mac, e->mac, 6);
		be32_store(x->addr, e->ip);
		out->n++;
	}
	pthread_mutex_unlock(&l->lock);
}

/* Part nr (from 1) of parts, in c. */
static void query_part(struct osa_call *c, const struct listing *x, unsigned nr, unsigned parts)
{
	size_t first = (nr - 1) * QUERY_PART;
	size_t n = x->n - first < QUERY_PART ? x->n - first : QUERY_PART;
	struct osa_arp_query q;

	c->len = sizeof(q);
	memcpy(&q, c->data, sizeof(q));
	q.ass.rc = be16_of(0);
	q.ass.n_replies = (uint8_t)parts;
	q.ass.reply_nr = (uint8_t)nr;
	q.ass.len = be16_of(
		(uint16_t)(sizeof(q) + n * sizeof(x->e[0]) - offsetof(struct osa_assparms, len)));
	q.reply_bits = be16_of(OSA_ARP_WITH_MAC);
	q.n = be32_of((uint32_t)n);
	memcpy(c->data, &q, sizeof(q));
	osa_call_resize(c, sizeof(q) + n * sizeof(x->e[0]));
	memcpy(c->data + sizeof(q), x->e + first, n * sizeof(x->e[0]));
}

/* All parts but the last are sent here. The cache is IPv4's: of IPv6 there is nothing. */
static uint16_t query(struct osa *a, struct osa_call *c)
{
	struct listing x = {0};
	unsigned parts;

	osa_call_resize(c, sizeof(struct osa_arp_query));
	if (be16_get(c->ipa.protocol) == OSA_IPA_IPV4)
		list(&a->l3, &x);
	parts = x.n ? (unsigned)((x.n + QUERY_PART - 1) / QUERY_PART) : 1;
	for (unsigned nr = 1; nr < parts; nr++) {
		query_part(c, &x, nr, parts);
		if (osa_ipa_reply(a, c, OSA_RC_OK))
			return OSA_ARP_RC_FAILED;
	}
	query_part(c, &x, parts, parts);
	return OSA_ARP_RC_OK;
}

static uint16_t set_entries(struct osa *a, const struct osa_call *c)
{
	int rc;

	if (c->request_len < sizeof(struct osa_assist_word))
		return OSA_ARP_RC_RANGE;
	pthread_mutex_lock(&a->l3.lock);
	rc = osa_arp_limit(&a->l3.arp, be32_load(c->data + sizeof(struct osa_assparms)));
	pthread_mutex_unlock(&a->l3.lock);
	return rc ? OSA_ARP_RC_RANGE : OSA_ARP_RC_OK;
}

static uint16_t change(struct osa *a, const struct osa_call *c, bool add)
{
	struct osa_arp_add m;
	uint32_t ip;
	int rc;

	if (c->request_len < offsetof(struct osa_arp_add, zero2))
		return OSA_ARP_RC_RANGE;
	memcpy(&m, c->data, sizeof(m));
	ip = be32_load(m.addr);
	if (add && (m.mac[0] & 1 || !ip || ip >> 28 >= 0xE))
		return OSA_ARP_RC_RANGE;
	pthread_mutex_lock(&a->l3.lock);
	rc = add ? osa_arp_static_add(&a->l3.arp, ip, m.mac) : osa_arp_del(&a->l3.arp, ip);
	pthread_mutex_unlock(&a->l3.lock);
	osa_l3_kick(a); /* what waited for the address */
	if (rc == -ENOENT)
		return OSA_ARP_RC_NO_DATA;
	return rc ? OSA_ARP_RC_FAILED : OSA_ARP_RC_OK;
}

static uint16_t flush(struct osa *a)
{
	pthread_mutex_lock(&a->l3.lock);
	osa_arp_flush(&a->l3.arp);
	pthread_mutex_unlock(&a->l3.lock);
	return OSA_ARP_RC_OK;
}

uint16_t osa_arp_command(struct osa *a, struct osa_call *c, uint16_t subcommand)
{
	if (be16_get(c->ipa.protocol) != OSA_IPA_IPV4 && subcommand != OSA_ARP_QUERY_INFO)
		return OSA_ARP_RC_NOT_SUPPORTED;
	switch (subcommand) {
	case OSA_ARP_SET_ENTRIES:
		return set_entries(a, c);
	case OSA_ARP_ADD:
	case OSA_ARP_REMOVE:
		return change(a, c, subcommand == OSA_ARP_ADD);
	case OSA_ARP_FLUSH:
		return flush(a);
	case OSA_ARP_QUERY_INFO:
		return query(a, c);
	default:
		return OSA_ARP_RC_NOT_SUPPORTED;
	}
}
