/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port groups: up to eight links that are one uplink. LACP says which may be used
 * (vswitch/lacp.c), or with LACP INACTIVE the links themselves; the slots are the vs_lag's of
 * the switch that has the group. Here are the object, the clock and the frames.
 *
 * Slots are evened out when a link joins (by number), and every INTERVAL (by load). A link they
 * leave is flushed first: by a marker, or by FLUSH_MS where the partner does not answer those.
 * Source: spec/zvm-networking.md 2.8, 3.9.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"
#include "vswitch/lag.h"

#define FLUSH_MS 5u	   /* a link's queue is empty after that */
#define MARKER_WAIT_MS 20u /* more than a partner's answer takes */
#define GROUPS_MAX 64u

static struct vs_lag *lag_of(const struct cp_group *g)
{
	return g->lan ? g->lan->uplink.lag : NULL;
}

/* ---- the object -------------------------------------------------------------------- */

struct cp_group *cp_group_find(const struct cp *cp, const char *name)
{
	struct cp_group *g;

	HASH_FIND_STR(cp->groups, name, g);
	return g;
}

/* Return: it, with z/VM's defaults, or NULL: too many. */
struct cp_group *cp_group_create(struct cp *cp, const char *name)
{
	struct cp_group *g;

	if (HASH_COUNT(cp->groups) >= GROUPS_MAX)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	snprintf(g->name, sizeof(g->name), "%.8s", name);
	g->cp = cp;
	g->active = true;
	g->interval_s = 300;
	g->min_links = 1;
	HASH_ADD_STR(cp->groups, name, g);
	return g;
}

/* No switch has it. */
void cp_group_destroy(struct cp *cp, struct cp_group *g)
{
	HASH_DELETE(hh, cp->groups, g);
	free(g);
}

/* ---- LACP -------------------------------------------------------------------------- */

static void on_send(void *ctx, unsigned port, const uint8_t frame[LACP_FRAME_BYTES])
{
	struct cp_group *g = ctx;

	if (g->member[port].port)
		(void)vs_port_inject(g->member[port].port, VS_VID_NONE, frame, LACP_FRAME_BYTES);
}

static void on_marked(void *ctx, unsigned port, uint32_t transaction)
{
	struct cp_group *g = ctx;

	if (!(g->awaited >> port & 1) || transaction != g->transaction || !lag_of(g))
		return;
	g->awaited &= ~(1u << port);
	vs_lag_flushed(lag_of(g), g->base + port);
}

static struct lacp_config lacp_config(struct cp_group *g)
{
	struct lacp_config c = {
		.system_priority = 0x8000,
		.key = (uint16_t)(g->lan->mac.id % 0xFFFFu + 1),
		.active = true,
		.fast = g->fast,
		.min_links = g->min_links,
		.send = on_send,
		.marked = on_marked,
		.ctx = g,
	};

	cp_mac_bytes(&g->lan->mac, c.system);
	return c;
}

/* ---- what may be used ----------------------------------------------------------------- */

static unsigned ready_links(const struct cp_group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		n += cp_device_ready(g->cp, &g->member[i]);
	return n;
}

bool cp_group_usable(const struct cp_group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		n += g->distribute[i];
	return n && n >= g->min_links;
}

/* Return: does a link begin to distribute? */
static bool look(struct cp_group *g)
{
	bool enough = ready_links(g) >= g->min_links, begins = false;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++) {
		bool ready = cp_device_ready(g->cp, &g->member[i]), was = g->distribute[i];

		if (g->lacp) {
			g->collect[i] = ready && lacp_port_collecting(g->lacp, i);
			g->distribute[i] = ready && lacp_port_distributing(g->lacp, i);
		} else {
			g->collect[i] = g->distribute[i] = ready && enough;
		}
		begins |= g->distribute[i] && !was;
		if (g->distribute[i] != was)
			cp_log(g->cp, "ZLN2847I PORT GROUP %s: %s %s is %s", g->name,
			       cp_device_kind(&g->member[i]), g->member[i].ifname,
			       g->distribute[i] ? "active" : "not active");
	}
	return begins;
}

/* ---- moving slots ------------------------------------------------------------------- */

static void plan(struct cp_group *g, bool by_load)
{
	unsigned links = vs_lag_plan(lag_of(g), by_load) >> g->base & ((1u << CP_GROUP_LINKS) - 1);

	g->awaited = links;
	g->flush_at = cp_now_ms(g->cp) + (g->lacp ? MARKER_WAIT_MS : FLUSH_MS);
	g->transaction++;
	for (; g->lacp && links; links &= links - 1)
		lacp_mark(g->lacp, (unsigned)__builtin_ctz(links), g->transaction);
}

static void flush(struct cp_group *g)
{
	for (; g->awaited; g->awaited &= g->awaited - 1)
		vs_lag_flushed(lag_of(g), g->base + (unsigned)__builtin_ctz(g->awaited));
}

static void sooner(uint64_t *at, uint64_t when)
{
	if (when < *at)
		*at = when;
}

/* Do what is due. Return: when to come again. */
uint64_t cp_group_run(struct cp *cp, struct cp_group *g)
{
	uint64_t now = cp_now_ms(cp), due = LACP_NEVER;

	if (!lag_of(g))
		return due;
	if (g->lacp)
		due = lacp_run(g->lacp, now);
	g->uneven |= look(g);
	cp_uplink_decide(cp, g->lan);
	if (g->awaited && now >= g->flush_at)
		flush(g);
	if (g->interval_s && now >= g->plan_at && !g->awaited) {
		g->plan_at = now + g->interval_s * UINT64_C(1000);
		plan(g, true);
	}
	if (g->uneven && !g->awaited) {
		g->uneven = false;
		plan(g, false);
	}
	if (g->awaited)
		sooner(&due, g->flush_at);
	if (g->interval_s)
		sooner(&due, g->plan_at);
	if (!g->lacp)
		sooner(&due, cp_loop_run(g, now));
	return due;
}

/* ---- links --------------------------------------------------------------------------- */

static int link_open(struct cp *cp, struct cp_group *g, unsigned i)
{
	struct cp_device *d = &g->member[i];
	uint8_t mac[6];

	if (!d->ifname[0] || d->handle)
		return 0;
	if (cp_device_open(cp, g->lan, d, VS_ROLE_MEMBER) < 0)
		return -1;
	cp_mac_bytes(&g->lan->mac, mac);
	vs_lag_join(lag_of(g), g->base + i, d->port);
	if (g->lacp) {
		(void)vs_port_punt(d->port, VS_PUNT_LINK);
		lacp_port_add(g->lacp, i, mac, cp_now_ms(cp));
		lacp_port_link(g->lacp, i, cp_device_ready(cp, d), cp_now_ms(cp));
	} else {
		(void)vs_port_punt(d->port, VS_PUNT_PROBE);
	}
	return 0;
}

static void link_close(struct cp *cp, struct cp_group *g, unsigned i)
{
	if (g->lacp)
		lacp_port_del(g->lacp, i, cp_now_ms(cp));
	g->collect[i] = g->distribute[i] = false;
	g->awaited &= ~(1u << i);
	if (g->member[i].port)
		vs_lag_leave(lag_of(g), g->base + i);
	cp_device_close(cp, g->lan, &g->member[i]);
}

void cp_group_link(struct cp *cp, struct cp_group *g, unsigned i)
{
	if (g->lacp)
		lacp_port_link(g->lacp, i, cp_device_ready(cp, &g->member[i]), cp_now_ms(cp));
	cp_group_run(cp, g);
}

/* Return: 0, or -1: not all could be opened. */
static int open_links(struct cp *cp, struct cp_group *g)
{
	int rc = 0;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		rc |= link_open(cp, g, i);
	cp_group_run(cp, g);
	cp_due(cp);
	return rc;
}

void cp_group_retry(struct cp *cp, struct cp_group *g)
{
	if (lag_of(g))
		open_links(cp, g);
}

/* Another group may still be there, until this one has its links. */
static unsigned free_base(const struct cp *cp, const struct cp_lan *lan)
{
	unsigned base = 0;

	for (const struct cp_group *g = cp->groups; g; g = g->hh.next)
		if (g->lan == lan && g->base == 0)
			base = CP_GROUP_LINKS;
	return base;
}

/* A switch that is connected takes the group; its vs_lag exists. */
int cp_group_attach(struct cp *cp, struct cp_group *g, struct cp_lan *lan)
{
	if (!g->lan)
		g->base = free_base(cp, lan);
	g->lan = lan;
	if (g->active && !g->lacp) {
		struct lacp_config c = lacp_config(g);

		g->lacp = lacp_create(&c);
		if (!g->lacp)
			return -1;
	}
	cp_loop_start(g);
	if (!g->plan_at)
		g->plan_at = cp_now_ms(cp) + g->interval_s * UINT64_C(1000);
	return open_links(cp, g);
}

void cp_group_detach(struct cp *cp, struct cp_group *g)
{
	if (!lag_of(g))
		return;
	flush(g);
	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		link_close(cp, g, i);
	lacp_destroy(g->lacp);
	g->lacp = NULL;
	g->plan_at = 0;
	g->uneven = false;
	g->lan = NULL;
}

/* Return: 0; -1: it could not be opened, and is not in the group. */
int cp_group_join(struct cp *cp, struct cp_group *g, enum cp_uplink_kind kind, const char *ifname,
		  bool keep)
{
	struct cp_device *d = g->member;

	while (d->ifname[0])
		d++;
	*d = (struct cp_device){.kind = kind};
	snprintf(d->ifname, sizeof(d->ifname), "%s", ifname);
	if (!lag_of(g) || link_open(cp, g, (unsigned)(d - g->member)) == 0 || keep)
		return 0;
	d->ifname[0] = '\0';
	return -1;
}

void cp_group_leave(struct cp *cp, struct cp_group *g, unsigned i)
{
	if (lag_of(g))
		link_close(cp, g, i);
	g->member[i] = (struct cp_device){0};
}

/* Attributes were changed. */
void cp_group_configure(struct cp *cp, struct cp_group *g)
{
	struct cp_lan *lan = g->lan;

	if (!lag_of(g))
		return;
	if (g->active != (g->lacp != NULL)) {
		cp_group_detach(cp, g);
		cp_group_attach(cp, g, lan);
	} else if (g->lacp) {
		struct lacp_config c = lacp_config(g);

		lacp_configure(g->lacp, &c, cp_now_ms(cp));
	}
	g->plan_at = cp_now_ms(cp) + g->interval_s * UINT64_C(1000);
	cp_group_run(cp, g);
	cp_due(cp);
}

/* ---- frames and time ------------------------------------------------------------------ */

void cp_group_input(struct cp *cp, const struct vs_punted *f)
{
	for (struct cp_group *g = cp->groups; g; g = g->hh.next)
		for (unsigned i = 0; g->lacp && i < CP_GROUP_LINKS; i++)
			if (g->member[i].port == f->port) {
				lacp_input(g->lacp, i, f->data, f->len, cp_now_ms(cp));
				cp_group_run(cp, g);
				return;
			}
}
