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
 * Of a group, hosts of IGMPv3 and MLDv2 may want some sources only (snoop_member.c): what comes
 * from another is not given to their port. Groups are told apart by their MAC addresses (RFC
 * 4541 2.1.2); a port that wants two of one address gets both from everybody.
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

#include "common/be.h"
#include "vswitch/vs_priv.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define GROUPS 4096u
#define PORT_GROUPS 128u
#define OLD_FILTERS 256u   /* kept until workers are waited for */
#define QUERIER_MS 255000u /* default of RFC 3376 8 and RFC 3810 9, robustness 2 */

struct snooped { /* one group in one VLAN */
	uint8_t mac[ETH_ALEN];
	uint16_t vid;
	uint16_t id;
	bool v6;
	bool published;
	struct bitmap ports;
	unsigned n, cap;
	struct snoop_member *member;
	_Atomic(struct filter *) filter; /* NULL: members get every source */
};

/* Members that do not want every source; immutable, replaced as a whole. */
struct filter {
	struct filter *next; /* of those that are no longer looked at */
	unsigned n;
	struct filtered {
		uint16_t port;
		uint8_t exclude, zero; /* all but those listed, else only those */
		uint16_t first, n;
		uint8_t group[SNOOP_IP]; /* of another with the same MAC address it gets all */
	} * port;
	uint8_t (*source)[SNOOP_IP];
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
	struct filter *old; /* workers may still look at them */
	unsigned n_old;
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
	if (!g)
		return;
	for (unsigned i = 0; i < g->n; i++)
		snoop_member_free(&g->member[i]);
	free(atomic_load(&g->filter));
	free(g->member);
	free(g);
}

static void free_old(struct snoop *s)
{
	struct filter *next;

	for (struct filter *x = s->old; x; x = next) {
		next = x->next;
		free(x);
	}
	s->old = NULL;
	s->n_old = 0;
}

/* No worker is inside any more. */
void snoop_free(struct snoop *s)
{
	if (!s)
		return;
	free_old(s);
	for (unsigned i = 0; i < GROUPS; i++)
		group_free(at(s, i));
	free(atomic_load(&s->ids));
	free(s);
}

/* ---- workers ---------------------------------------------------------------------------- */

/* Source and destination of an IP packet, each as SNOOP_IP bytes. Return: is it one? */
static bool read_addresses(const uint8_t *head, uint32_t have, uint8_t src[SNOOP_IP],
			   uint8_t dst[SNOOP_IP])
{
	uint32_t l3 = ETH_HLEN;
	uint16_t type;

	if (have >= l3 + VLAN_HLEN && be16_load(head + 2 * ETH_ALEN) == ETHERTYPE_VLAN)
		l3 += VLAN_HLEN;
	if (have < l3 + 40)
		return false;
	type = be16_load(head + l3 - 2);
	if (type == ETHERTYPE_IPV4) {
		snoop_address(head + l3 + 12, 0, 4, src);
		snoop_address(head + l3 + 16, 0, 4, dst);
		return true;
	}
	memcpy(src, head + l3 + 8, SNOOP_IP);
	memcpy(dst, head + l3 + 24, SNOOP_IP);
	return type == ETHERTYPE_IPV6;
}

static bool passes(const struct filter *x, const struct filtered *p, const uint8_t *src)
{
	for (unsigned i = p->first; i < p->first + p->n; i++)
		if (memcmp(x->source[i], src, SNOOP_IP) == 0)
			return !p->exclude;
	return p->exclude;
}

/* Without the ports that do not want the frame's source. Return: the rest, in room. */
static const struct bitmap *narrow(const struct filter *x, const struct bitmap *all,
				   const uint8_t *head, uint32_t have, struct bitmap *room)
{
	uint8_t src[SNOOP_IP], dst[SNOOP_IP];

	if (!read_addresses(head, have, src, dst))
		return all;
	for (unsigned w = 0; w < BITMAP_WORDS; w++)
		atomic_store_explicit(&room->w[w],
				      atomic_load_explicit(&all->w[w], memory_order_relaxed),
				      memory_order_relaxed);
	for (unsigned i = 0; i < x->n; i++)
		if (memcmp(x->port[i].group, dst, SNOOP_IP) == 0 && !passes(x, &x->port[i], src))
			bitmap_clear(room, x->port[i].port);
	return room;
}

const struct bitmap *snoop_ports(struct snoop *s, const uint8_t *head, uint32_t have, unsigned vid,
				 struct bitmap *room)
{
	const struct fdb *t = atomic_load_explicit(&s->ids, memory_order_acquire);
	uint64_t key = fdb_key(head, vid);
	uint64_t v = fdb_find(t, key, fdb_hash(t, key));
	struct snooped *g = v == FDB_PORT_NONE ? NULL : at(s, fdb_value_port(v));
	const struct filter *x;

	if (!g)
		return NULL;
	x = atomic_load_explicit(&g->filter, memory_order_acquire);
	return x ? narrow(x, &g->ports, head, have, room) : &g->ports;
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

static struct snoop_member *add_member(struct snooped *g, uint16_t port,
				       const uint8_t group[SNOOP_IP])
{
	struct snoop_member *m;

	if (g->n == g->cap) {
		unsigned cap = g->cap ? 2 * g->cap : 4;
		struct snoop_member *more = realloc(g->member, cap * sizeof(*more));

		if (!more)
			return NULL;
		g->member = more;
		g->cap = cap;
	}
	m = &g->member[g->n++];
	*m = (struct snoop_member){.port = port};
	memcpy(m->group, group, SNOOP_IP);
	bitmap_set(&g->ports, port);
	return m;
}

static struct snoop_member *member_of(const struct snooped *g, unsigned port)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->member[i].port == port)
			return &g->member[i];
	return NULL;
}

static void remove_member(struct snooped *g, struct snoop_member *m)
{
	bitmap_clear(&g->ports, m->port);
	snoop_member_free(m);
	*m = g->member[--g->n];
}

/* ---- what workers see of the sources ---------------------------------------------------- */

/* Of an excluding member: what is blocked. */
static bool is_shown(const struct snoop_member *m, const struct snoop_source *s)
{
	return !m->exclude || !s->until_ms;
}

static struct filter *filter_create(unsigned n, unsigned sources)
{
	size_t ports = n * sizeof(struct filtered);
	struct filter *x = malloc(sizeof(*x) + ports + (size_t)sources * SNOOP_IP);

	if (!x)
		return NULL;
	x->n = 0;
	x->port = (struct filtered *)(x + 1);
	x->source = (uint8_t(*)[SNOOP_IP])(void *)(x->port + n);
	return x;
}

static void filter_add(struct filter *x, unsigned *sources, const struct snoop_member *m)
{
	struct filtered *p = &x->port[x->n++];

	*p = (struct filtered){.port = m->port, .exclude = m->exclude, .first = (uint16_t)*sources};
	memcpy(p->group, m->group, SNOOP_IP);
	for (unsigned i = 0; i < m->n; i++)
		if (is_shown(m, &m->source[i])) {
			memcpy(x->source[(*sources)++], m->source[i].addr, SNOOP_IP);
			p->n++;
		}
}

/* Return: a filter of what members want, NULL: everything, or there is no memory for it. */
static struct filter *filter_of(const struct snooped *g)
{
	unsigned n = 0, sources = 0;
	struct filter *x;

	for (unsigned i = 0; i < g->n; i++)
		if (!snoop_member_all(&g->member[i])) {
			n++;
			sources += g->member[i].n;
		}
	x = n && sources <= UINT16_MAX ? filter_create(n, sources) : NULL;
	sources = 0;
	for (unsigned i = 0; x && i < g->n; i++)
		if (!snoop_member_all(&g->member[i]))
			filter_add(x, &sources, &g->member[i]);
	return x;
}

static bool same_filter(const struct filter *a, const struct filter *b)
{
	unsigned last = a && a->n ? a->n - 1 : 0;

	if (!a || !b)
		return a == b;
	return a->n == b->n && memcmp(a->port, b->port, a->n * sizeof(*a->port)) == 0 &&
	       memcmp(a->source, b->source,
		      (size_t)(a->port[last].first + a->port[last].n) * SNOOP_IP) == 0;
}

/* Members have changed. Waiting for the workers each time would cost whoever changes them nothing.
 */
static void refilter(struct snoop *s, struct snooped *g)
{
	struct filter *old = atomic_load_explicit(&g->filter, memory_order_relaxed);
	struct filter *x = filter_of(g);

	if (same_filter(old, x)) {
		free(x);
		return;
	}
	atomic_store_explicit(&g->filter, x, memory_order_release);
	if (!old)
		return;
	old->next = s->old;
	s->old = old;
	if (++s->n_old < OLD_FILTERS)
		return;
	synchronize_rcu();
	free_old(s);
}

/* ---- reports ---------------------------------------------------------------------------- */

/* Does it say that something is wanted, by whoever was no member before? */
static bool joins(const struct snoop_change *c)
{
	return c->kind == SNOOP_IS_EXCLUDE || c->kind == SNOOP_TO_EXCLUDE ||
	       (c->n_sources && c->kind != SNOOP_BLOCK);
}

/* A member for the port, if it may have one. Return: NULL: not. */
static struct snoop_member *join(struct vs_switch *sw, unsigned port, const struct snoop_change *c,
				 unsigned vid, bool v6)
{
	struct snoop *s = of(sw);
	struct snooped *g = find(s, c->mac, vid);
	struct snoop_member *m;

	if (memberships(s, port) >= PORT_GROUPS)
		return NULL; /* its loss, and nobody else's */
	if (!g)
		g = make(s, c->mac, vid, v6);
	atomic_store_explicit(&s->overflow, !g, memory_order_relaxed);
	if (!g)
		return NULL;
	m = add_member(g, (uint16_t)port, c->group);
	if (!m)
		drop_group(sw, g);
	return m;
}

static void reported(struct vs_switch *sw, unsigned port, const struct snoop_change *c,
		     unsigned vid, bool v6)
{
	struct snoop *s = of(sw);
	struct snooped *g = find(s, c->mac, vid);
	struct snoop_member *m = g ? member_of(g, port) : NULL;

	if (!m && joins(c))
		m = join(sw, port, c, vid, v6);
	if (!m)
		return;
	if (memcmp(m->group, c->group, SNOOP_IP) == 0)
		snoop_member_report(m, c->kind, c->source, c->n_sources, v6 ? 16 : 4, s->now_ms);
	else if (joins(c))
		m->others_ms = s->now_ms + SNOOP_MEMBER_MS;
	g = find(s, c->mac, vid);
	refilter(s, g);
	publish(sw, g, has_querier(s, v6, vid));
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

/* All members have so long to say that somebody is still there. */
static void asked(struct snooped *g, const struct snoop_change *c, unsigned size, uint64_t until_ms)
{
	for (unsigned i = 0; g && i < g->n; i++)
		snoop_member_asked(&g->member[i], c->source, c->n_sources, size, until_ms);
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
		asked(find(s, m->change[0].mac, vid), &m->change[0], m->v6 ? 16 : 4,
		      s->now_ms + 2 * m->response_ms);
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
	for (unsigned i = 0; i < m.n; i++)
		reported(sw, f->port->index, &m.change[i], f->vid, m.v6);
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
			if (!snoop_member_age(&g->member[k], now_ms))
				remove_member(g, &g->member[k]);
		if (g && !g->n)
			drop_group(sw, g);
		else if (g)
			refilter(s, g);
	}
	if (s->n_groups < GROUPS)
		atomic_store_explicit(&s->overflow, false, memory_order_relaxed);
	if (!s->old)
		return;
	synchronize_rcu();
	free_old(s);
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
		struct snoop_member *m = g ? member_of(g, p->index) : NULL;

		if (!m)
			continue;
		remove_member(g, m);
		if (!g->n)
			drop_group(p->sw, g);
		else
			refilter(s, g);
	}
}

static void show(const struct vs_switch *sw, const struct snooped *g, const struct snoop_member *m,
		 uint64_t now_ms, struct vs_snooped *out)
{
	uint64_t until = snoop_member_until(m), left = until > now_ms ? until - now_ms : 0;

	*out = (struct vs_snooped){.vid = g->vid,
				   .filtered = g->published,
				   .left_s = (uint32_t)(left / 1000),
				   .all = snoop_member_all(m),
				   .exclude = m->exclude,
				   .port = atomic_load(&sw->port[m->port])};
	memcpy(out->mac, g->mac, ETH_ALEN);
	memcpy(out->group, m->group, SNOOP_IP);
	for (unsigned i = 0; !out->all && i < m->n; i++)
		if (is_shown(m, &m->source[i]))
			memcpy(out->source[out->n_sources++], m->source[i].addr, SNOOP_IP);
}

size_t vs_snoop_list(struct vs_switch *sw, struct vs_snooped *out, size_t max)
{
	struct snoop *s = of(sw);
	size_t n = 0;

	for (unsigned i = 0; s && i < GROUPS; i++) {
		const struct snooped *g = at(s, i);

		for (unsigned k = 0; g && k < g->n && n < max; k++)
			show(sw, g, &g->member[k], s->now_ms, &out[n++]);
	}
	return n;
}

bool vs_port_router(const struct vs_port *p)
{
	struct snoop *s = of(p->sw);

	return s && bitmap_has(&s->routers, p->index);
}
