/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snooping: which learning ports want which multicast groups, by the IGMP and MLD messages that
 * pass (punt.c brings copies of them). Guests that register their groups need none of it.
 *
 * As long as nobody asks for reports, they cannot be relied on: then every group floods to the
 * learning ports as if there were no snooping. Where there is a querier, and hosts have had the
 * time to answer it, IP groups go to those who joined and to routers; 224.0.0.x, ff02::1 and what
 * is not IP still flood. Reports go to routers only, so that no host hears another's and stays
 * silent (RFC 4541 2.1.1). The uplink gets every group.
 *
 * State and who writes it: everything by the control thread, from snoop_frame and snoop_tick;
 * workers read the list of published groups, the routers and the VLANs with a querier.
 *
 * Limits: 4096 groups of a switch: when there are more, all flood. 128 of a port: it does not get
 * those beyond.
 */
#include "vswitch/snoop.h"

#include <errno.h>
#include <stdlib.h>

#include "vswitch/vs_priv.h"

#define GROUPS 4096u
#define PORT_GROUPS 128u
/* Defaults of RFC 3376 8 and RFC 3810 9 with robustness 2. */
#define MEMBER_MS 260000u
#define QUERIER_MS 255000u
#define LAST_MEMBER_MS 2000u /* to answer after a leave: 2 queries, a second apart */

struct snooped { /* one group in one VLAN */
	uint8_t mac[ETH_ALEN];
	uint16_t vid;
	uint16_t id;
	bool v6;
	bool published;
	struct bitmap ports;
	unsigned n, cap;
	struct {
		uint16_t port;
		uint64_t until_ms;
	} * member;
};

struct snoop {
	_Atomic(struct fdb *) ids; /* group and VLAN to id: published groups */
	_Atomic(struct snooped *) group[GROUPS];
	struct bitmap routers;
	_Atomic uint64_t queried[2][64]; /* VLANs with a querier, for IPv4 and IPv6 */
	_Atomic bool overflow;		 /* more groups than can be listed: all flood */

	/* Control thread. */
	uint64_t querier_from[2][VS_VID_MAX + 2]; /* hosts have had the time to answer */
	uint64_t querier_until[2][VS_VID_MAX + 2];
	bool querier_on[2][VS_VID_MAX + 2]; /* as it was published */
	uint64_t router_until[VS_PORTS_MAX];
	uint64_t any_until; /* the latest of them: nothing to do in a tick after it */
	unsigned n_groups;
	uint64_t now_ms;
};

static struct snoop *of(const struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->snoop, memory_order_acquire);
}

int snoop_create(struct vs_switch *sw)
{
	struct snoop *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	atomic_init(&s->ids, fdb_create(FDB_BITS_MIN));
	if (!atomic_load(&s->ids)) {
		free(s);
		return -ENOMEM;
	}
	atomic_store_explicit(&sw->snoop, s, memory_order_release);
	return 0;
}

static struct snooped *at(struct snoop *s, unsigned id)
{
	return atomic_load_explicit(&s->group[id], memory_order_acquire);
}

static void group_free(struct snooped *g)
{
	if (g)
		free(g->member);
	free(g);
}

/* No worker is inside any more. */
void snoop_free(struct snoop *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < GROUPS; i++)
		group_free(at(s, i));
	free(atomic_load(&s->ids));
	free(s);
}

/* ---- workers ---------------------------------------------------------------------------- */

const struct bitmap *snoop_ports(struct snoop *s, const uint8_t *mac, unsigned vid)
{
	const struct fdb *t = atomic_load_explicit(&s->ids, memory_order_acquire);
	uint64_t key = fdb_key(mac, vid);
	uint64_t v = fdb_find(t, key, fdb_hash(t, key));
	struct snooped *g = v == FDB_PORT_NONE ? NULL : at(s, fdb_value_port(v));

	return g ? &g->ports : NULL;
}

const struct bitmap *snoop_routers(struct snoop *s)
{
	return &s->routers;
}

bool snoop_listed(struct snoop *s, const uint8_t *mac, unsigned vid)
{
	static const uint8_t v4[3] = {0x01, 0x00, 0x5E}, local4[5] = {0x01, 0x00, 0x5E, 0, 0},
			     all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	bool v6 = mac[0] == 0x33 && mac[1] == 0x33;

	if (!v6 && memcmp(mac, v4, sizeof(v4)) != 0)
		return false;
	if (memcmp(mac, v6 ? all_nodes : local4, v6 ? 6 : 5) == 0)
		return false;
	if (atomic_load_explicit(&s->overflow, memory_order_relaxed))
		return false;
	return atomic_load_explicit(&s->queried[v6][vid / 64 & 63], memory_order_relaxed) >>
		       (vid % 64) &
	       1;
}

/* The tick counts whole seconds: time does not go back for it. */
static void set_now(struct snoop *s, uint64_t now_ms)
{
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
}

/* ---- groups ----------------------------------------------------------------------------- */

static bool has_querier(const struct snoop *s, bool v6, unsigned vid)
{
	return s->querier_from[v6][vid] <= s->now_ms && s->querier_until[v6][vid] > s->now_ms;
}

static struct snooped *find(struct snoop *s, const uint8_t *mac, unsigned vid)
{
	for (unsigned i = 0, n = 0; i < GROUPS && n < s->n_groups; i++) {
		struct snooped *g = at(s, i);

		n += g != NULL;
		if (g && g->vid == vid && memcmp(g->mac, mac, ETH_ALEN) == 0)
			return g;
	}
	return NULL;
}

static void publish(struct vs_switch *sw, struct snooped *g, bool on)
{
	struct snoop *s = of(sw);
	uint64_t key = fdb_key(g->mac, g->vid);

	if (on == g->published)
		return;
	if (on) {
		while (fdb_put(atomic_load_explicit(&s->ids, memory_order_relaxed), key,
			       fdb_value(g->id, false, 0)))
			if (fdb_grow(&s->ids, &sw->lock))
				return; /* it floods */
	} else {
		fdb_del(atomic_load_explicit(&s->ids, memory_order_relaxed), key);
	}
	g->published = on;
}

static struct snooped *make(struct snoop *s, const uint8_t *mac, unsigned vid, bool v6)
{
	struct snooped *g = s->n_groups < GROUPS ? calloc(1, sizeof(*g)) : NULL;
	unsigned id = 0;

	if (!g)
		return NULL;
	while (at(s, id))
		id++;
	memcpy(g->mac, mac, ETH_ALEN);
	g->vid = (uint16_t)vid;
	g->id = (uint16_t)id;
	g->v6 = v6;
	atomic_store_explicit(&s->group[id], g, memory_order_release);
	s->n_groups++;
	return g;
}

static void drop_group(struct vs_switch *sw, struct snooped *g)
{
	struct snoop *s = of(sw);

	publish(sw, g, false);
	synchronize_rcu(); /* nobody looks the id up any more: it may be reused */
	atomic_store_explicit(&s->group[g->id], NULL, memory_order_release);
	s->n_groups--;
	group_free(g);
}

static unsigned memberships(struct snoop *s, unsigned port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < GROUPS; i++)
		n += at(s, i) && bitmap_has(&at(s, i)->ports, port);
	return n;
}

static bool add_member(struct snooped *g, uint16_t port, uint64_t until_ms)
{
	if (g->n == g->cap) {
		unsigned cap = g->cap ? 2 * g->cap : 4;
		void *more = realloc(g->member, cap * sizeof(g->member[0]));

		if (!more)
			return false;
		g->member = more;
		g->cap = cap;
	}
	g->member[g->n].port = port;
	g->member[g->n++].until_ms = until_ms;
	bitmap_set(&g->ports, port);
	return true;
}

static int member_of(const struct snooped *g, unsigned port)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->member[i].port == port)
			return (int)i;
	return -1;
}

static void remove_member(struct snooped *g, unsigned i)
{
	bitmap_clear(&g->ports, g->member[i].port);
	g->member[i] = g->member[--g->n];
}

static void join(struct vs_switch *sw, unsigned port, const uint8_t *mac, unsigned vid, bool v6)
{
	struct snoop *s = of(sw);
	uint64_t until = s->now_ms + MEMBER_MS;
	struct snooped *g = find(s, mac, vid);
	int i = g ? member_of(g, port) : -1;

	if (i >= 0) {
		g->member[i].until_ms = until;
		return;
	}
	if (memberships(s, port) >= PORT_GROUPS)
		return; /* its loss, and nobody else's */
	if (!g)
		g = make(s, mac, vid, v6);
	atomic_store_explicit(&s->overflow, !g, memory_order_relaxed);
	if (!g)
		return;
	if (!add_member(g, (uint16_t)port, until)) {
		drop_group(sw, g);
		return;
	}
	publish(sw, g, has_querier(s, v6, vid));
}

/* The port, or all (FDB_PORT_NONE), has so long to say that somebody is still there. */
static void shorten(struct snooped *g, unsigned port, uint64_t until_ms)
{
	for (unsigned i = 0; g && i < g->n; i++)
		if ((port == FDB_PORT_NONE || g->member[i].port == port) &&
		    g->member[i].until_ms > until_ms)
			g->member[i].until_ms = until_ms;
}

/* ---- queriers --------------------------------------------------------------------------- */

static void set_queried(struct snoop *s, bool v6, unsigned vid)
{
	uint64_t bit = UINT64_C(1) << (vid % 64);

	if (has_querier(s, v6, vid))
		atomic_fetch_or_explicit(&s->queried[v6][vid / 64], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&s->queried[v6][vid / 64], ~bit, memory_order_relaxed);
}

static void republish(struct vs_switch *sw, bool v6, unsigned vid)
{
	struct snoop *s = of(sw);

	for (unsigned i = 0; i < GROUPS; i++) {
		struct snooped *g = at(s, i);

		if (g && g->v6 == v6 && g->vid == vid)
			publish(sw, g, has_querier(s, v6, vid));
	}
	set_queried(s, v6, vid);
	s->querier_on[v6][vid] = has_querier(s, v6, vid);
}

static void query(struct vs_switch *sw, const struct vs_port *p, const struct snoop_message *m,
		  unsigned vid)
{
	struct snoop *s = of(sw);
	uint64_t until = s->now_ms + QUERIER_MS;

	if (!m->elects)
		return; /* a switch that asks for want of a querier (RFC 4541 2.1.1): no router */
	if (s->querier_until[m->v6][vid] <= s->now_ms)
		s->querier_from[m->v6][vid] = s->now_ms + m->response_ms;
	s->querier_until[m->v6][vid] = until;
	s->router_until[p->index] = until;
	s->any_until = until;
	bitmap_set(&s->routers, p->index);
	if (m->for_group)
		shorten(find(s, m->mac, vid), FDB_PORT_NONE, s->now_ms + 2 * m->response_ms);
}

/* A copy of an IGMP or MLD frame has come by a port. Control thread. */
void vs_snoop_frame(struct vs_switch *sw, const struct vs_punted *f, uint64_t now_ms)
{
	struct snoop *s = of(sw);
	struct snoop_message m;

	if (!s || !sw->cfg.snooping || f->vid > VS_VID_MAX)
		return;
	set_now(s, now_ms);
	snoop_parse(f->data, f->len, &m);
	if (m.kind == SNOOP_QUERY)
		query(sw, f->port, &m, f->vid);
	/* What is joined behind the uplink is no matter: it gets every group. */
	if (m.kind != SNOOP_CHANGE || f->port->cfg.role == VS_ROLE_UPLINK || !f->port->learning)
		return;
	for (unsigned i = 0; i < m.n; i++) {
		if (m.change[i].join)
			join(sw, f->port->index, m.change[i].mac, f->vid, m.v6);
		else
			shorten(find(s, m.change[i].mac, f->vid), f->port->index,
				now_ms + LAST_MEMBER_MS);
	}
}

/* ---- time, and ports that go ------------------------------------------------------------ */

static void age_queriers(struct vs_switch *sw)
{
	struct snoop *s = of(sw);

	if (!s->any_until)
		return;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned vid = 0; vid <= VS_VID_MAX; vid++)
			if (s->querier_on[v6][vid] != has_querier(s, v6, vid))
				republish(sw, v6, vid);
	for (unsigned i = 0; i < VS_PORTS_MAX; i++)
		if (s->router_until[i] && s->router_until[i] <= s->now_ms) {
			s->router_until[i] = 0;
			bitmap_clear(&s->routers, i);
		}
	if (s->any_until <= s->now_ms)
		s->any_until = 0;
}

void snoop_off(struct vs_switch *sw)
{
	struct snoop *s = of(sw);

	if (!s)
		return;
	memset(s->querier_until, 0, sizeof(s->querier_until));
	age_queriers(sw);
}

void snoop_tick(struct vs_switch *sw, uint64_t now_ms)
{
	struct snoop *s = of(sw);

	if (!s)
		return;
	set_now(s, now_ms);
	age_queriers(sw);
	for (unsigned i = 0; i < GROUPS && s->n_groups; i++) {
		struct snooped *g = at(s, i);

		for (unsigned k = g ? g->n : 0; k-- > 0;)
			if (g->member[k].until_ms <= now_ms)
				remove_member(g, k);
		if (g && !g->n)
			drop_group(sw, g);
	}
	if (s->n_groups < GROUPS)
		atomic_store_explicit(&s->overflow, false, memory_order_relaxed);
}

/* The port stops: it is in no group and no router. */
void snoop_forget(struct vs_port *p)
{
	struct snoop *s = of(p->sw);

	if (!s)
		return;
	s->router_until[p->index] = 0;
	bitmap_clear(&s->routers, p->index);
	for (unsigned i = 0; i < GROUPS && s->n_groups; i++) {
		struct snooped *g = at(s, i);
		int k = g ? member_of(g, p->index) : -1;

		if (k >= 0)
			remove_member(g, (unsigned)k);
		if (g && !g->n)
			drop_group(p->sw, g);
	}
}

size_t vs_snoop_list(struct vs_switch *sw, struct vs_snooped *out, size_t max)
{
	struct snoop *s = of(sw);
	size_t n = 0;

	for (unsigned i = 0; s && i < GROUPS; i++) {
		const struct snooped *g = at(s, i);

		for (unsigned k = 0; g && k < g->n && n < max; k++) {
			uint64_t until = g->member[k].until_ms;
			uint64_t left = until > s->now_ms ? until - s->now_ms : 0;

			out[n] = (struct vs_snooped){.vid = g->vid,
						     .filtered = g->published,
						     .left_s = (uint32_t)(left / 1000)};
			memcpy(out[n].mac, g->mac, ETH_ALEN);
			out[n++].port = atomic_load(&sw->port[g->member[k].port]);
		}
	}
	return n;
}

bool vs_port_router(const struct vs_port *p)
{
	struct snoop *s = of(p->sw);

	return s && bitmap_has(&s->routers, p->index);
}
