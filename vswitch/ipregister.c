/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What layer-3 guests register: IP addresses and routing types. Control thread. On every switch a
 * port's list is kept, for QUERY and for announcements; on one in IP mode (ipmode.c) an address is
 * one guest's in each VLAN, as a MAC address is, and goes into the table that workers read.
 * Source: spec/zvm-networking.md 3.3, spec/osa-qeth.md 8.1, 8.5.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "vswitch/iptable.h"
#include "vswitch/vs_priv.h"

/* ---- the mode ----------------------------------------------------------------------- */

int ipmode_create(struct vs_switch *sw)
{
	struct ip_mode *m = calloc(1, sizeof(*m));
	uint64_t seed = 0;

	if (!m)
		return -ENOMEM;
	/* Without randomness a guest could choose addresses that share a bucket: slow. */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	m->table = ip_table_create(seed);
	if (!m->table) {
		free(m);
		return -ENOMEM;
	}
	sw->ip = m;
	ipmode_configure(sw);
	/* The plain variant of a burst knows nothing of IP. */
	atomic_fetch_add(&sw->extras, 1);
	return 0;
}

void ipmode_free(struct vs_switch *sw)
{
	if (sw->ip)
		ip_table_destroy(sw->ip->table);
	free(sw->ip);
}

void ipmode_configure(struct vs_switch *sw)
{
	struct ip_mode *m = sw->ip;

	atomic_store_explicit(&m->mac, fdb_key(sw->cfg.mac, 0), memory_order_relaxed);
	atomic_store_explicit(&m->router, sw->cfg.ip_router, memory_order_relaxed);
	atomic_store_explicit(&m->path_mtu, sw->cfg.path_mtu, memory_order_relaxed);
}

void ipmode_reap(struct vs_switch *sw)
{
	ip_table_reap(sw->ip->table);
}

/* The address that frames for the port's IP addresses get: the first it has registered. */
void ipmode_mac(struct vs_port *p)
{
	uint64_t key = p->n_macs ? fdb_key(p->macs[0], 0) : 0;

	atomic_store_explicit(&p->sw->ip->mac_of[p->index], key, memory_order_relaxed);
}

bool ipmode_may_start(const struct vs_port *p)
{
	if (p->cfg.role != VS_ROLE_GUEST)
		return true;
	return p->sw->ip ? p->layer == 3 : p->layer != 3 || !p->sw->cfg.layer2_only;
}

int ipmode_layer(struct vs_port *p, unsigned layer)
{
	atomic_store_explicit(&p->layer, (uint8_t)layer, memory_order_relaxed);
	if (ipmode_may_start(p))
		return 0;
	if (p->sw->refused)
		p->sw->refused(p->sw->refused_ctx, p, layer);
	return -EPROTONOSUPPORT;
}

/* ---- addresses ----------------------------------------------------------------------- */

static struct vs_port *port_at(struct vs_switch *sw, uint16_t i)
{
	return atomic_load_explicit(&sw->port[i], memory_order_relaxed);
}

static const struct rules *rules_of(struct vs_port *p)
{
	return atomic_load_explicit(&p->rules, memory_order_relaxed);
}

/* May the two hear each other? Where VLANs are none of the switch's, all may. */
static bool meet(struct vs_port *a, struct vs_port *b)
{
	const struct rules *x = rules_of(a), *y = rules_of(b);
	uint64_t common = 0;

	if (x->mode != VLAN_AWARE)
		return true;
	for (unsigned i = 0; i < 64; i++)
		common |= x->vids.w[i] & y->vids.w[i];
	return common;
}

static int list_find(const struct vs_port *p, const uint8_t addr[IP_BYTES])
{
	for (unsigned i = 0; i < p->n_ips; i++)
		if (memcmp(p->ips[i].addr, addr, IP_BYTES) == 0)
			return (int)i;
	return -ENOENT;
}

static int list_add(struct vs_port *p, const uint8_t addr[IP_BYTES], unsigned flags)
{
	if (p->n_ips == p->cap_ips) {
		unsigned cap = p->cap_ips ? 2 * p->cap_ips : 4;
		struct vs_ip *more =
			p->n_ips < VS_IPS_MAX ? realloc(p->ips, cap * sizeof(*more)) : NULL;

		if (!more)
			return -ENOSPC;
		p->ips = more;
		p->cap_ips = cap;
	}
	memcpy(p->ips[p->n_ips].addr, addr, IP_BYTES);
	p->ips[p->n_ips++].flags = (uint8_t)flags;
	return 0;
}

static void list_del(struct vs_port *p, int i)
{
	p->n_ips--;
	memmove(&p->ips[i], &p->ips[i + 1], (p->n_ips - (unsigned)i) * sizeof(p->ips[0]));
}

/* The table's entry and the list's of whoever has it. */
static void take_away(struct vs_switch *sw, struct ip_entry *e)
{
	struct vs_port *p = port_at(sw, e->port);

	list_del(p, list_find(p, e->addr));
	ip_table_del(sw->ip->table, e);
}

/* Another guest may have it where the two meet; whether it gives it up is up to both. */
static int make_way(struct vs_port *p, const uint8_t addr[IP_BYTES], unsigned flags)
{
	struct ip_table *t = p->sw->ip->table;
	struct ip_entry *e = NULL, *next = ip_table_next(t, addr, NULL);

	while ((e = next)) {
		next = ip_table_next(t, addr, e);
		if (!meet(p, port_at(p->sw, e->port)))
			continue;
		if (!(flags & e->flags & VS_IP_TAKEOVER))
			return -EEXIST;
		take_away(p->sw, e);
	}
	return 0;
}

int ip_add(struct vs_port *p, const uint8_t addr[IP_BYTES], unsigned flags)
{
	int i = list_find(p, addr), rc = 0;

	if (!ip_is_host(addr))
		return -EINVAL;
	if (i >= 0) {
		p->ips[i].flags = (uint8_t)flags;
		return 0;
	}
	if (p->sw->ip)
		rc = make_way(p, addr, flags);
	if (!rc)
		rc = list_add(p, addr, flags);
	if (rc || !p->sw->ip)
		return rc;
	rc = ip_table_add(p->sw->ip->table, addr, p->index, flags);
	if (rc)
		p->n_ips--;
	return rc;
}

static void forget(struct vs_port *p, int i)
{
	struct ip_table *t = p->sw->ip ? p->sw->ip->table : NULL;

	if (t)
		ip_table_del(t, ip_table_of(t, p->ips[i].addr, p->index));
	list_del(p, i);
}

int ip_del(struct vs_port *p, const uint8_t addr[IP_BYTES])
{
	int i = list_find(p, addr);

	if (i < 0)
		return i;
	forget(p, i);
	return 0;
}

void ip_clear(struct vs_port *p)
{
	while (p->n_ips)
		forget(p, (int)p->n_ips - 1);
	for (unsigned v6 = 0; v6 < 2; v6++)
		ip_routing(p, v6, VS_ROUTING_NONE);
	if (p->sw->ip)
		atomic_store_explicit(&p->sw->ip->mac_of[p->index], 0, memory_order_relaxed);
}

unsigned vs_port_ips(const struct vs_port *p, struct vs_ip *out, unsigned max)
{
	unsigned n = p->n_ips < max ? p->n_ips : max;

	if (n)
		memcpy(out, p->ips, n * sizeof(*out));
	return n;
}

/* ---- routers -------------------------------------------------------------------------- */

static bool other_router(struct vs_port *p, bool v6, enum vs_routing type)
{
	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		struct vs_port *o = port_at(p->sw, (uint16_t)i);

		if (o && o != p && o->routing[v6] == type && meet(p, o))
			return true;
	}
	return false;
}

int ip_routing(struct vs_port *p, bool v6, enum vs_routing type)
{
	if (p->sw->ip && type != VS_ROUTING_NONE && other_router(p, v6, type))
		return -EEXIST;
	p->routing[v6] = (uint8_t)type;
	for (unsigned k = 0; p->sw->ip && k < 2; k++) {
		struct bitmap *b = &p->sw->ip->routers[v6][k];

		if (type == (k ? VS_ROUTING_SECONDARY : VS_ROUTING_PRIMARY))
			bitmap_set(b, p->index);
		else
			bitmap_clear(b, p->index);
	}
	return 0;
}

enum vs_routing vs_port_routing(const struct vs_port *p, bool v6)
{
	return (enum vs_routing)p->routing[v6];
}
