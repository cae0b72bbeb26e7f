/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: IP addresses, groups and routing types of layer 3. Source: spec/osa-qeth.md 4.5, 8.1, 8.5.
 *
 * Setting what is set already succeeds: a host repeats itself after a recovery and when a reply
 * was lost. One adapter has one host, so 0xE005 (the address is another host's on this port) and
 * the refusals of a second router come from where the cable leads: a switch in IP mode is one port
 * for all its hosts.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

struct address {
	uint8_t addr[16];
	uint32_t flags;
	bool v6;
};

/* Return: OSA_RC_OK, or what is wrong with the operands. */
static uint16_t address_of(const struct osa_call *c, struct address *x)
{
	uint16_t protocol = be16_get(c->ipa.protocol);
	struct osa_data_ip4 d4;
	struct osa_data_ip6 d6;

	x->v6 = protocol == OSA_IPA_IPV6;
	if (!x->v6 && protocol != OSA_IPA_IPV4)
		return OSA_RC_INVALID_IP_VERSION;
	if (c->request_len < (x->v6 ? sizeof(d6) : sizeof(d4)))
		return OSA_RC_INVALID_FORMAT;
	if (x->v6) {
		memcpy(&d6, c->data, sizeof(d6));
		memcpy(x->addr, d6.addr, 16);
		x->flags = be32_get(d6.flags);
		return d6.addr[0] == 0xFF ? OSA_RC_INVALID_FORMAT : OSA_RC_OK;
	}
	memcpy(&d4, c->data, sizeof(d4));
	osa_ip_map4(x->addr, be32_load(d4.addr));
	x->flags = be32_get(d4.flags);
	return d4.addr[0] >= 224 || !be32_load(d4.addr) ? OSA_RC_INVALID_FORMAT : OSA_RC_OK;
}

/* ---- what others are to know -------------------------------------------------------------------
 */

static bool link_knows_ip(const struct osa *a)
{
	return a->started && a->started_layer == 3 && a->link.ops->ip_add;
}

static unsigned link_flags(uint32_t flags)
{
	return (flags & OSA_IP_SET_VIPA ? VS_IP_VIPA : 0) |
	       (flags & OSA_IP_SET_TAKEOVER ? VS_IP_TAKEOVER : 0);
}

/* IQD: there is no network to ask; the LAN knows all addresses. Return: 0 or -errno. */
static int tell(struct osa *a, const uint8_t addr[16], uint32_t flags)
{
	if (osa_is_iqd(a))
		return a->cfg.iqd.ops->ip_add(a->cfg.iqd.ctx, addr, flags & OSA_IP_SET_TAKEOVER);
	return link_knows_ip(a) ? a->link.ops->ip_add(a->link.ctx, addr, link_flags(flags)) : 0;
}

static void untell(struct osa *a, const uint8_t addr[16])
{
	if (osa_is_iqd(a))
		a->cfg.iqd.ops->ip_del(a->cfg.iqd.ctx, addr);
	else if (link_knows_ip(a))
		a->link.ops->ip_del(a->link.ctx, addr);
}

static uint16_t tell_rc(int rc, bool v6)
{
	if (rc == -EEXIST)
		return OSA_RC_DUP_IP;
	if (rc == -EINVAL)
		return OSA_RC_INVALID_FORMAT;
	if (rc)
		return v6 ? OSA_RC_IP_TABLE_FULL_V6 : OSA_RC_IP_TABLE_FULL;
	return OSA_RC_OK;
}

static int tell_routing(struct osa *a, bool v6, uint8_t type)
{
	if (!link_knows_ip(a) || !a->link.ops->routing)
		return 0;
	return a->link.ops->routing(a->link.ctx, v6,
				    type == OSA_ROUTING_PRIMARY	    ? VS_ROUTING_PRIMARY
				    : type == OSA_ROUTING_SECONDARY ? VS_ROUTING_SECONDARY
								    : VS_ROUTING_NONE);
}

/* As osa_registry_attach: nobody can be told of a refusal; the host comes again after STARTLAN. */
void osa_ip_attach(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	for (unsigned i = 0; i < l->address.n; i++)
		if (tell(a, l->address.entry[i].addr, l->address.entry[i].flags)) {
			pthread_mutex_lock(&l->lock);
			l->count.conflicts++;
			pthread_mutex_unlock(&l->lock);
		}
	tell_routing(a, false, l->filter.routing4);
	tell_routing(a, true, l->filter.routing6);
}

void osa_ip_clear(struct osa *a)
{
	for (unsigned i = 0; i < a->l3.address.n; i++)
		untell(a, a->l3.address.entry[i].addr);
	if (!osa_is_iqd(a)) {
		tell_routing(a, false, OSA_ROUTING_NONE);
		tell_routing(a, true, OSA_ROUTING_NONE);
	}
}

/* ---- duplicate detection -----------------------------------------------------------------------
 */

/* Another station's answer, if there is one, comes before the next tick: the reply waits. */
static bool may_probe(const struct osa *a, const struct address *x)
{
	return !osa_is_iqd(a) && !x->v6 && !(x->flags & (OSA_IP_SET_VIPA | OSA_IP_SET_TAKEOVER)) &&
	       a->started && a->l3.ticking && a->l3.n_held < OSA_HELD_MAX;
}

static void hold(struct osa *a, struct osa_call *c, uint32_t ip)
{
	struct osa_held *h = &a->l3.held[a->l3.n_held++];

	h->ipa = c->ipa;
	h->len = c->len < sizeof(h->data) ? c->len : sizeof(h->data);
	memcpy(h->data, c->data, h->len);
	h->ip = ip;
	h->since_ms = a->l3.last_tick_ms;
	c->held = true;
}

static void held_reply(struct osa *a, const struct osa_held *h, uint16_t rc)
{
	struct osa_call c = {.ipa = h->ipa, .len = h->len};

	memcpy(c.data, h->data, h->len);
	if (osa_ipa_reply(a, &c, rc))
		a->outbox_lost++; /* the host's time-out makes it recover */
}

/* The end of a probe. Return: the return code of its SETIP. */
static uint16_t verdict(struct osa *a, uint32_t ip)
{
	struct osa_l3 *l = &a->l3;
	uint16_t rc = OSA_RC_OK;
	uint8_t addr[16];
	struct osa_ip *e;

	osa_ip_map4(addr, ip);
	pthread_mutex_lock(&l->lock);
	e = osa_ip_find(&l->address, addr);
	if (e && e->conflict) {
		osa_ip_del(&l->address, e);
		rc = OSA_RC_DUP_IP_NETWORK;
	} else if (e) {
		e->probing = false;
	}
	pthread_mutex_unlock(&l->lock);
	if (rc != OSA_RC_OK)
		untell(a, addr);
	return rc;
}

static void held_finish(struct osa *a, unsigned i)
{
	struct osa_held h = a->l3.held[i];

	a->l3.held[i] = a->l3.held[--a->l3.n_held];
	held_reply(a, &h, verdict(a, h.ip));
}

void osa_held_finish(struct osa *a, uint64_t now_ms)
{
	for (unsigned i = a->l3.n_held; i-- > 0;)
		if (now_ms - a->l3.held[i].since_ms >= OSA_PROBE_MS)
			held_finish(a, i);
}

static void held_finish_ip(struct osa *a, uint32_t ip)
{
	for (unsigned i = 0; i < a->l3.n_held; i++)
		if (a->l3.held[i].ip == ip) {
			held_finish(a, i);
			return;
		}
}

/* ---- SETIP, DELIP
 * -------------------------------------------------------------------------------- */

/* Under lock. */
static uint16_t address_add(struct osa_l3 *l, const struct address *x, bool probe)
{
	struct osa_ip *e = osa_ip_add(&l->address, x->addr, x->v6);

	if (!e)
		return x->v6 ? OSA_RC_IP_TABLE_FULL_V6 : OSA_RC_IP_TABLE_FULL;
	e->flags = (uint8_t)x->flags;
	e->probing = probe;
	if (!x->v6 && !(x->flags & OSA_IP_SET_VIPA))
		e->announces = OSA_ANNOUNCEMENTS;
	if (probe)
		osa_arp_probe(&l->arp, osa_ip_4of(x->addr));
	return OSA_RC_OK;
}

/* Return: it was there. */
static bool address_del(struct osa *a, const struct address *x)
{
	struct osa_l3 *l = &a->l3;
	const struct osa_ip *e;

	pthread_mutex_lock(&l->lock);
	e = osa_ip_find(&l->address, x->addr);
	if (e)
		osa_ip_del(&l->address, e);
	pthread_mutex_unlock(&l->lock);
	return e;
}

uint16_t osa_ipa_setip(struct osa *a, struct osa_call *c)
{
	struct osa_l3 *l = &a->l3;
	struct address x;
	uint16_t rc = address_of(c, &x);
	bool probe, known;

	if (rc != OSA_RC_OK)
		return rc;
	if (!a->session.online)
		return OSA_RC_SETIP_BEFORE_STARTLAN;
	if (!a->link.ops)
		return OSA_RC_LAN_OFFLINE;
	probe = may_probe(a, &x);
	pthread_mutex_lock(&l->lock);
	known = osa_ip_find(&l->address, x.addr);
	pthread_mutex_unlock(&l->lock);
	if (!known || !osa_is_iqd(a))
		rc = tell_rc(tell(a, x.addr, x.flags), x.v6);
	if (rc == OSA_RC_OK && !known) {
		pthread_mutex_lock(&l->lock);
		rc = address_add(l, &x, probe);
		pthread_mutex_unlock(&l->lock);
		if (rc != OSA_RC_OK)
			untell(a, x.addr);
	} else if (rc != OSA_RC_OK && known) {
		address_del(a, &x);
	}
	if (rc == OSA_RC_OK && !known && probe)
		hold(a, c, osa_ip_4of(x.addr));
	osa_l3_announce(a);
	return rc;
}

uint16_t osa_ipa_delip(struct osa *a, struct osa_call *c)
{
	struct address x;
	uint16_t rc = address_of(c, &x);
	bool known;

	if (rc != OSA_RC_OK)
		return rc;
	if (!x.v6)
		held_finish_ip(a, osa_ip_4of(x.addr));
	known = address_del(a, &x);
	if (known)
		untell(a, x.addr);
	return known ? OSA_RC_OK : OSA_RC_UNREGISTERED_ADDR;
}

/* ---- SETIPM, DELIPM
 * ------------------------------------------------------------------------------ */

/* The group's address; its MAC is derived: what the host says is not needed. */
static uint16_t group_of(const struct osa_call *c, struct address *x, uint8_t mac[6])
{
	uint16_t protocol = be16_get(c->ipa.protocol);
	struct osa_ip e = {.v6 = protocol == OSA_IPA_IPV6};
	struct osa_data_group d;

	memcpy(&d, c->data, sizeof(d));
	if (!e.v6 && protocol != OSA_IPA_IPV4)
		return OSA_RC_INVALID_IP_VERSION;
	if (e.v6)
		memcpy(e.addr, d.addr, 16);
	else
		osa_ip_map4(e.addr, be32_load(d.addr + 12));
	memcpy(x->addr, e.addr, 16);
	x->v6 = e.v6;
	osa_ip_group_mac(&e, mac);
	if (e.v6 ? e.addr[0] != 0xFF : e.addr[12] >> 4 != 0xE)
		return OSA_RC_INVALID_FORMAT;
	return OSA_RC_OK;
}

static uint16_t group_rc(int rc)
{
	if (rc == -ENOSPC)
		return OSA_RC_GROUP_TABLE_FULL;
	return rc ? OSA_RC_UNKNOWN : OSA_RC_OK;
}

static bool group_del(struct osa_l3 *l, const struct address *x)
{
	const struct osa_ip *e;

	pthread_mutex_lock(&l->lock);
	e = osa_ip_find(&l->group, x->addr);
	if (e)
		osa_ip_del(&l->group, e);
	pthread_mutex_unlock(&l->lock);
	return e;
}

uint16_t osa_ipa_setipm(struct osa *a, struct osa_call *c)
{
	struct osa_l3 *l = &a->l3;
	struct address x;
	uint8_t mac[6];
	uint16_t rc = group_of(c, &x, mac);
	bool known, full;

	if (rc != OSA_RC_OK)
		return rc;
	if (!a->link.ops)
		return OSA_RC_LAN_OFFLINE;
	pthread_mutex_lock(&l->lock);
	known = osa_ip_find(&l->group, x.addr);
	full = !known && !osa_ip_add(&l->group, x.addr, x.v6);
	pthread_mutex_unlock(&l->lock);
	if (full)
		return OSA_RC_GROUP_TABLE_FULL;
	rc = group_rc(osa_registry_mac_add(a, mac));
	if (rc != OSA_RC_OK && !known)
		group_del(l, &x);
	return rc;
}

/* Several groups have one MAC. */
static bool mac_needed(struct osa_l3 *l, const struct address *x)
{
	uint32_t mask = x->v6 ? UINT32_MAX : 0x7FFFFFu;
	uint32_t low = be32_load(x->addr + 12) & mask;
	bool needed = false;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->group.n && !needed; i++) {
		const struct osa_ip *e = &l->group.entry[i];

		needed = e->v6 == x->v6 && (be32_load(e->addr + 12) & mask) == low;
	}
	pthread_mutex_unlock(&l->lock);
	return needed;
}

uint16_t osa_ipa_delipm(struct osa *a, struct osa_call *c)
{
	struct address x;
	uint8_t mac[6];
	uint16_t rc = group_of(c, &x, mac);

	if (rc != OSA_RC_OK)
		return rc;
	if (!group_del(&a->l3, &x))
		return OSA_RC_GROUP_NOT_FOUND;
	if (!mac_needed(&a->l3, &x))
		osa_registry_mac_del(a, mac);
	return OSA_RC_OK;
}

/* ---- SETRTG
 * --------------------------------------------------------------------------------------- */

/* A multicast router hears all groups, which a link grants as promiscuous delivery. */
static int multicast_router(struct osa *a)
{
	bool want = a->l3.filter.routing4 == OSA_ROUTING_MULTICAST ||
		    a->l3.filter.routing6 == OSA_ROUTING_MULTICAST;

	return osa_registry_promisc(a, OSA_PROMISC_ROUTER, want);
}

static void routing_set(struct osa_l3 *l, bool v6, uint8_t type)
{
	pthread_mutex_lock(&l->lock);
	if (v6)
		l->filter.routing6 = type;
	else
		l->filter.routing4 = type;
	pthread_mutex_unlock(&l->lock);
}

/* Routers are OSA's, connectors HiperSockets': 4.5. */
static bool routing_known(const struct osa *a, uint8_t type)
{
	if (osa_is_iqd(a))
		return type == OSA_ROUTING_NONE ||
		       (type >= OSA_ROUTING_MULTICAST && type <= OSA_ROUTING_SECONDARY_CONNECTOR);
	return type <= OSA_ROUTING_MULTICAST;
}

uint16_t osa_ipa_setrtg(struct osa *a, struct osa_call *c)
{
	uint16_t protocol = be16_get(c->ipa.protocol);
	bool v6 = protocol == OSA_IPA_IPV6;
	uint8_t type = c->data[0];

	if (!v6 && protocol != OSA_IPA_IPV4)
		return OSA_RC_INVALID_IP_VERSION;
	if (!routing_known(a, type))
		return OSA_RC_INVALID_SETRTG;
	if (tell_routing(a, v6, type) == -EEXIST) {
		routing_set(&a->l3, v6, OSA_ROUTING_NONE);
		return type == OSA_ROUTING_PRIMARY ? OSA_RC_PRIMARY_DEFINED
						   : OSA_RC_SECONDARY_DEFINED;
	}
	routing_set(&a->l3, v6, type);
	osa_l3_wants(a);
	if (!osa_is_iqd(a) && multicast_router(a)) {
		routing_set(&a->l3, v6, OSA_ROUTING_NONE);
		return OSA_RC_INVALID_SETRTG;
	}
	return OSA_RC_OK;
}

/* ---- CREATE_ADDR
 * ---------------------------------------------------------------------------------- */

/*
 * An id not zero takes the place of FF FE in the host's EUI-64, which keeps hosts that share
 * an adapter's MAC apart. Here each host has a MAC of its own: it gets the id it asks for, 0 at
 * first.
 */
uint16_t osa_ipa_create_addr(struct osa *a, struct osa_call *c)
{
	struct osa_data_create_addr d;

	memcpy(&d, c->data, sizeof(d));
	memcpy(d.mac, a->l3.mac, 6);
	memcpy(c->data, &d, sizeof(d));
	a->l3.created_id = be16_get(d.id);
	return OSA_RC_OK;
}

uint16_t osa_ipa_destroy_addr(struct osa *a, struct osa_call *c)
{
	struct osa_data_create_addr d;

	memcpy(&d, c->data, sizeof(d));
	return be16_get(d.id) == a->l3.created_id ? OSA_RC_OK : OSA_RC_ID_NOT_FOUND;
}
