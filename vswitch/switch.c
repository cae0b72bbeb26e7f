/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Goal: join ports on one machine with z/VM's semantics (spec/zvm-networking.md 3)
 * and one copy per frame. A switch knows addresses because guests register
 * them; it learns only where nobody registers (the uplink, guests behind plain sockets).
 *
 * A burst's way (burst.c), each step a loop over the burst:
 *   fetch      the port yields references and a private copy of each frame's head
 *   admit      VLAN matrix (vlan.c), then the source address
 *   look up    all hashes and prefetches, then all probes (fdb.h)
 *   group      frames are threaded by destination port; broadcast and multicast
 *              by intersecting bitmaps of ports (group.c)
 *   deliver    each destination is visited once: one copy per frame, one signal
 * What a receiver cannot do itself, checksums and segmentation, is done on the
 * way to it (offload.c). Captures, and features few switches use (rates of ports and
 * VLANs: shape.c; mirrors and counters of VLANs: mirror.c), are compiled into a second variant of
 * the same code, so that a switch without them does not even test for one per frame.
 *
 * State and who writes it:
 *   rules of a port        immutable, replaced by the control thread
 *   VLAN members, groups   bitmaps, single bits set by the control thread
 *   fdb                    control thread (registration) and workers (learning),
 *                          under the switch's lock; read without
 *   counters               one set per worker and port, plain adds
 * Readers are workers between two QSBR quiescent states. What they might still
 * see is freed after synchronize_rcu: immediately where the caller must know
 * that nobody is inside (a port stops), later where it does not matter
 * (replaced rules).
 *
 * In IP mode (ipmode.c) frames from outside are first given the address of the guest that has the
 * packet's IP address, and those that leave that of the switch; inside all is as described.
 *
 * Limits: 2048 ports, 4094 VIDs, 65,536 learned addresses, 4096 groups and 16 more for each port.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#define RETIRED_MAX 64u

static bool valid_config(const struct vs_switch_config *cfg)
{
	return memchr(cfg->name, 0, sizeof(cfg->name)) && cfg->default_vid <= VS_VID_MAX &&
	       cfg->native_vid <= VS_VID_MAX &&
	       !(cfg->kind != VS_KIND_VSWITCH && (cfg->vlan_aware || cfg->vepa)) &&
	       !(cfg->isolation && cfg->vepa) && !(cfg->ip && cfg->vepa);
}

struct vs_switch *vs_switch_create(const struct vs_switch_config *cfg)
{
	struct vs_switch *sw;
	struct bitmap *all;

	if (!valid_config(cfg)) {
		errno = EINVAL;
		return NULL;
	}
	sw = calloc(1, sizeof(*sw));
	all = calloc(1, sizeof(*all));
	if (sw) {
		atomic_init(&sw->fdb, fdb_create(FDB_BITS_MIN));
		atomic_init(&sw->group_ids, fdb_create(FDB_BITS_MIN));
	}
	if (!sw || !all || !atomic_load(&sw->fdb) || !atomic_load(&sw->group_ids)) {
		if (sw) {
			free(atomic_load(&sw->fdb));
			free(atomic_load(&sw->group_ids));
		}
		free(sw);
		free(all);
		errno = ENOMEM;
		return NULL;
	}
	sw->cfg = *cfg;
	atomic_init(&sw->vepa, cfg->vepa);
	atomic_init(&sw->member[0], all);
	atomic_init(&sw->uplink, FDB_PORT_NONE);
	pthread_spin_init(&sw->lock, PTHREAD_PROCESS_PRIVATE);
	if ((cfg->ip && ipmode_create(sw)) || hosts_listen(sw)) {
		vs_switch_destroy(sw);
		errno = ENOMEM;
		return NULL;
	}
	return sw;
}

/* Free replaced rules once no worker can see them. */
static void reap(struct vs_switch *sw)
{
	if (!sw->retired)
		return;
	synchronize_rcu();
	while (sw->retired) {
		struct rules *r = sw->retired;

		sw->retired = r->next_retired;
		free(r);
	}
	sw->n_retired = 0;
}

void vs_switch_destroy(struct vs_switch *sw)
{
	if (!sw)
		return;
	reap(sw);
	ipmode_free(sw);
	hosts_free(sw);
	snoop_free(atomic_load(&sw->snoop));
	punt_free(sw);
	inject_free(sw);
	for (unsigned i = 0; i <= VS_VID_MAX; i++)
		free(atomic_load(&sw->member[i]));
	for (unsigned i = 0; i < GROUPS_MAX; i++)
		free(atomic_load(&sw->group[i]));
	free(atomic_load(&sw->fdb));
	free(atomic_load(&sw->group_ids));
	vlan_rates_free(sw);
	vs_switch_vlan_counters(sw, false);
	vs_switch_mirror(sw, NULL);
	pthread_spin_destroy(&sw->lock);
	free(sw);
}

static struct vs_port *port_at(struct vs_switch *sw, unsigned i)
{
	return atomic_load_explicit(&sw->port[i], memory_order_relaxed);
}

/* The set of ports in a VLAN; made at first use, kept until the switch goes. */
static struct bitmap *members(struct vs_switch *sw, unsigned vid)
{
	struct bitmap *m = atomic_load_explicit(&sw->member[vid], memory_order_relaxed);

	if (!m) {
		m = calloc(1, sizeof(*m));
		if (m)
			atomic_store_explicit(&sw->member[vid], m, memory_order_release);
	}
	return m;
}

static void set_member(struct vs_port *p, unsigned vid, bool in)
{
	struct bitmap *m = atomic_load_explicit(&p->sw->member[vid], memory_order_relaxed);

	if (!in) {
		if (m)
			bitmap_clear(m, p->index);
		return;
	}
	m = members(p->sw, vid);
	if (m)
		bitmap_set(m, p->index);
}

/*
 * Bring the VLANs' member sets in line with the port's rules, changed VIDs only. The uplink
 * is in every VLAN and in no set: it is found by its index; its members are reached through it.
 */
static void set_members(struct vs_port *p, const struct rules *old, const struct rules *now)
{
	bool run = atomic_load_explicit(&p->running, memory_order_relaxed);

	if (p->cfg.role != VS_ROLE_GUEST)
		return;
	set_member(p, 0, run);
	for (unsigned w = 0; w < 64; w++) {
		uint64_t was = old ? old->vids.w[w] : 0;
		uint64_t is = now && run ? now->vids.w[w] : 0;
		uint64_t change = was ^ is;

		for (; change; change &= change - 1) {
			unsigned vid = w * 64 + (unsigned)__builtin_ctzll(change);

			set_member(p, vid, (is >> (vid % 64)) & 1);
		}
	}
}

static void retire(struct vs_switch *sw, struct rules *r)
{
	if (!r)
		return;
	r->next_retired = sw->retired;
	sw->retired = r;
	if (++sw->n_retired >= RETIRED_MAX)
		reap(sw);
}

static void set_promisc(struct vs_port *p)
{
	bool on = vs_port_promisc(p) && atomic_load(&p->running);
	bool was = bitmap_has(&p->sw->promisc, p->index);

	if (on == was)
		return;
	if (on) {
		bitmap_set(&p->sw->promisc, p->index);
		atomic_fetch_add(&p->sw->n_promisc, 1);
	} else {
		bitmap_clear(&p->sw->promisc, p->index);
		atomic_fetch_sub(&p->sw->n_promisc, 1);
	}
}

/* Snooping listens where guests learn, and at the uplink of such a switch. */
void switch_snooping(struct vs_switch *sw)
{
	bool on = sw->cfg.snooping && atomic_load(&sw->n_learners);

	if (on && !atomic_load(&sw->snoop) && snoop_create(sw))
		return; /* no memory: everything floods */
	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		struct vs_port *p = port_at(sw, i);

		if (p && p->learning && on != (p->punt_snoop != 0))
			punt_snoop(p, on);
	}
	if (!on)
		snoop_off(sw);
}

static void set_learner(struct vs_port *p)
{
	bool on = p->learning && p->cfg.role == VS_ROLE_GUEST && atomic_load(&p->running);

	if (on == bitmap_has(&p->sw->learners, p->index))
		return;
	if (on) {
		bitmap_set(&p->sw->learners, p->index);
		atomic_fetch_add(&p->sw->n_learners, 1);
	} else {
		bitmap_clear(&p->sw->learners, p->index);
		atomic_fetch_sub(&p->sw->n_learners, 1);
	}
}

/* Make the port's configuration what the workers see. Return: 0 or -ENOMEM (nothing changed). */
int port_publish(struct vs_port *p)
{
	struct rules *old = atomic_load_explicit(&p->rules, memory_order_relaxed);
	struct rules *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	vlan_rules(p, r);
	atomic_store_explicit(&p->rules, r, memory_order_release);
	set_members(p, old, r);
	set_promisc(p);
	register_protect(p);
	/* Sources that were fine under the old rules are checked again. */
	atomic_fetch_add_explicit(&p->sw->generation, 1, memory_order_release);
	retire(p->sw, old);
	return 0;
}

int vs_switch_configure(struct vs_switch *sw, const struct vs_switch_config *cfg)
{
	int rc = 0;

	if (!valid_config(cfg) || cfg->vlan_aware != sw->cfg.vlan_aware ||
	    cfg->kind != sw->cfg.kind || cfg->ip != sw->cfg.ip)
		return -EINVAL;
	sw->cfg = *cfg;
	if (sw->ip)
		ipmode_configure(sw);
	hosts_listen(sw); /* no memory: nothing is heard */
	atomic_store_explicit(&sw->vepa, cfg->vepa, memory_order_relaxed);
	for (unsigned i = 0; i < VS_PORTS_MAX && !rc; i++)
		if (port_at(sw, i))
			rc = port_publish(port_at(sw, i));
	switch_snooping(sw);
	return rc;
}

/* The running bridge's index, and what it joined. Return: VS_PORTS_MAX: there is none. */
static unsigned bridge_of(const struct vs_switch *sw, struct vs_vidset *joined)
{
	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		const struct vs_port *p = atomic_load_explicit(&sw->port[i], memory_order_relaxed);

		if (p && p->cfg.bridge && vs_port_running(p)) {
			*joined = p->joined;
			return i;
		}
	}
	return VS_PORTS_MAX;
}

void vs_switch_vids(const struct vs_switch *sw, struct vs_vidset *vids)
{
	struct vs_vidset joined;
	unsigned bridge = bridge_of(sw, &joined);

	memset(vids, 0, sizeof(*vids));
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++) {
		const struct bitmap *m = atomic_load(&sw->member[vid]);
		uint64_t any = 0;

		for (unsigned w = 0; m && w < BITMAP_WORDS; w++)
			any |= atomic_load_explicit(&m->w[w], memory_order_relaxed) &
			       ~(w == bridge / 64 ? UINT64_C(1) << (bridge % 64) : 0);
		if (any || (bridge < VS_PORTS_MAX && vs_vidset_has(&joined, vid)))
			vs_vidset_add(vids, vid);
	}
}

static int free_index(struct vs_switch *sw)
{
	for (int i = 0; i < VS_PORTS_MAX; i++)
		if (!port_at(sw, (unsigned)i))
			return i;
	return -ENOSPC;
}

struct vs_port *vs_port_create(struct vs_switch *sw, const struct vs_port_config *cfg)
{
	int index = free_index(sw);
	struct vs_port *p;

	if (cfg->role == VS_ROLE_UPLINK && atomic_load(&sw->uplink) != FDB_PORT_NONE)
		index = -EBUSY;
	if (index < 0) {
		errno = -index;
		return NULL;
	}
	p = aligned_alloc(64, (sizeof(*p) + 63) & ~(size_t)63);
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->sw = sw;
	p->cfg = *cfg;
	p->index = (uint16_t)index;
	p->fd = -1;
	p->serial = ++sw->last_serial;
	p->learning = cfg->role == VS_ROLE_UPLINK || cfg->learning;
	if (port_publish(p)) {
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	atomic_store_explicit(&sw->port[index], p, memory_order_release);
	if (cfg->role == VS_ROLE_UPLINK)
		atomic_store(&sw->uplink, p->index);
	sw->n_ports++;
	p->shaping.class = VS_CLASS_NORMAL;
	atomic_store(&p->class, VS_CLASS_NORMAL);
	return p;
}

int vs_port_configure(struct vs_port *p, const struct vs_port_config *cfg)
{
	struct vs_port_config old = p->cfg;
	int rc;

	if (cfg->role != p->cfg.role || cfg->learning != p->cfg.learning ||
	    cfg->bridge != p->cfg.bridge)
		return -EINVAL;
	p->cfg = *cfg;
	rc = port_publish(p);
	if (rc)
		p->cfg = old;
	return rc;
}

static void port_stop(struct vs_port *p)
{
	if (!atomic_load(&p->running))
		return;
	atomic_store(&p->running, false);
	set_members(p, atomic_load(&p->rules), NULL);
	set_promisc(p);
	set_learner(p);
	ip_clear(p);
	register_clear(p);
	if (p->worker)
		worker_del(p->worker, p);
	else
		synchronize_rcu();
	shape_stop(p);
	/* Only now: a burst that was under way may have learned until here. */
	learn_forget(p);
	snoop_forget(p);
	hosts_forget(p);
	switch_snooping(p->sw);
	p->ops = NULL;
	p->ctx = NULL;
}

void vs_port_destroy(struct vs_port *p)
{
	struct vs_switch *sw;

	if (!p)
		return;
	sw = p->sw;
	port_stop(p);
	vs_port_assign(p, NULL);
	mirror_forget_port(p);
	capture_forget_port(p);
	shape_free(p);
	atomic_store_explicit(&sw->port[p->index], NULL, memory_order_release);
	if (atomic_load(&sw->uplink) == p->index)
		atomic_store(&sw->uplink, FDB_PORT_NONE);
	sw->n_ports--;
	synchronize_rcu();
	free(atomic_load(&p->rules));
	free(p->macs);
	free(p->groups);
	free(p->ips);
	free(p->hosts);
	free(p);
}

static void set_worker(struct vs_port *p, struct vs_worker *w)
{
	struct vs_worker *old = atomic_load_explicit(&p->worker, memory_order_relaxed);

	if (old) {
		LIST_REMOVE(p, of_worker);
		old->n_assigned--;
	}
	atomic_store_explicit(&p->worker, w, memory_order_release);
	if (w) {
		LIST_INSERT_HEAD(&w->assigned, p, of_worker);
		w->n_assigned++;
	}
}

int vs_port_assign(struct vs_port *p, struct vs_worker *w)
{
	int rc;

	if (w == p->worker)
		return 0;
	if (!atomic_load(&p->running)) {
		set_worker(p, w);
		return 0;
	}
	rc = w ? worker_reserve(w) : 0;
	if (rc)
		return rc;
	if (p->worker) {
		worker_del(p->worker, p);
		/* Nobody fetches now. It may have been left armed by a worker that sleeps. */
		p->ops->disarm(p->ctx);
	}
	set_worker(p, w);
	return w ? worker_add(w, p) : 0;
}

struct vs_worker *vs_port_worker(const struct vs_port *p)
{
	return p->worker;
}

struct vs_port *vs_port_next(const struct vs_port *p)
{
	return LIST_NEXT(p, of_worker);
}

struct vs_port_load *vs_port_load(struct vs_port *p)
{
	return &p->load;
}

const char *vs_port_name(const struct vs_port *p)
{
	return p->cfg.name;
}

bool vs_port_running(const struct vs_port *p)
{
	return atomic_load(&p->running);
}

bool vs_port_promisc(const struct vs_port *p)
{
	return (p->promisc_asked || p->cfg.promisc) && p->cfg.promisc_allowed;
}

/* ---- the link ------------------------------------------------------------------ */

static int link_start(void *link, const struct vs_port_ops *ops, void *port)
{
	struct vs_port *p = link;
	int rc;

	if (atomic_load(&p->running))
		return -EINVAL;
	if (!ipmode_may_start(p))
		return -EPROTONOSUPPORT;
	if (p->sw->ip && punt_prepare(p->sw))
		return -ENOMEM;
	p->ops = ops;
	p->ctx = port;
	p->last_src = SRC_NONE;
	p->last_tagged_src = SRC_NONE;
	atomic_store_explicit(&p->running, true, memory_order_release);
	set_members(p, NULL, atomic_load(&p->rules));
	set_promisc(p);
	set_learner(p);
	switch_snooping(p->sw);
	rc = p->worker ? worker_add(p->worker, p) : 0;
	if (rc)
		port_stop(p);
	return rc;
}

static void link_stop(void *link)
{
	struct vs_port *p = link;

	port_stop(p);
	memset(&p->joined, 0, sizeof(p->joined));
	p->promisc_asked = false;
	port_publish(p);
}

void vs_switch_set_notify(struct vs_switch *sw,
			  void (*notify)(void *ctx, const struct vs_port *p, const uint8_t mac[6],
					 bool added),
			  void *ctx)
{
	sw->notify = notify;
	sw->notify_ctx = ctx;
}

static int link_mac(struct vs_port *p, const uint8_t mac[6], bool add)
{
	unsigned had = p->n_macs + p->n_groups;
	int rc;

	/* A member's addresses are its uplink's, which learns them and gets all groups. */
	if (p->cfg.role == VS_ROLE_MEMBER)
		return 0;
	rc = mac[0] & 1 ? register_group(p, mac, add) : register_mac(p, mac, add);

	if (p->sw->notify && p->n_macs + p->n_groups != had)
		p->sw->notify(p->sw->notify_ctx, p, mac, add);
	return rc;
}

static int link_mac_add(void *link, const uint8_t mac[6])
{
	return link_mac(link, mac, true);
}

static int link_mac_del(void *link, const uint8_t mac[6])
{
	return link_mac(link, mac, false);
}

static int link_vid(struct vs_port *p, uint16_t vid, bool add)
{
	const struct vs_switch_config *sw = &p->sw->cfg;
	const struct rules *r = atomic_load_explicit(&p->rules, memory_order_relaxed);
	struct vs_vidset old = p->joined;
	int rc;

	if (!vid || vid > VS_VID_MAX)
		return -EINVAL;
	if (!add && !vs_vidset_has(&p->joined, vid))
		return -ENOENT;
	if (add && sw->vlan_aware && !vs_vidset_has(&r->vids, vid))
		return -EPERM;
	if (add)
		vs_vidset_add(&p->joined, vid);
	else
		vs_vidset_del(&p->joined, vid);
	rc = port_publish(p);
	if (rc)
		p->joined = old;
	return rc;
}

static int link_vid_add(void *link, uint16_t vid)
{
	return link_vid(link, vid, true);
}

static int link_vid_del(void *link, uint16_t vid)
{
	return link_vid(link, vid, false);
}

static int link_promisc(void *link, bool on)
{
	struct vs_port *p = link;

	p->promisc_asked = on;
	set_promisc(p);
	return on && !vs_port_promisc(p) ? -EPERM : 0;
}

static int link_layer(void *link, unsigned layer)
{
	return ipmode_layer(link, layer);
}

void vs_switch_set_ip_notify(struct vs_switch *sw,
			     void (*notify)(void *ctx, const struct vs_port *p,
					    const uint8_t addr[16], enum vs_ip_event what),
			     void *ctx)
{
	sw->ip_notify = notify;
	sw->ip_notify_ctx = ctx;
}

static void tell_ip(const struct vs_port *p, const uint8_t addr[16], enum vs_ip_event what)
{
	if (p->sw->ip_notify)
		p->sw->ip_notify(p->sw->ip_notify_ctx, p, addr, what);
}

static int link_ip_add(void *link, const uint8_t addr[16], unsigned flags)
{
	struct vs_port *p = link;
	unsigned had = p->n_ips;
	int rc = ip_add(p, addr, flags);

	if (p->n_ips != had)
		tell_ip(p, addr, VS_IP_REGISTERED);
	else if (rc == -EEXIST)
		tell_ip(p, addr, VS_IP_REFUSED);
	return rc;
}

static int link_ip_del(void *link, const uint8_t addr[16])
{
	int rc = ip_del(link, addr);

	if (!rc)
		tell_ip(link, addr, VS_IP_GIVEN_UP);
	return rc;
}

static int link_routing(void *link, bool v6, enum vs_routing type)
{
	return ip_routing(link, v6, type);
}

void vs_switch_set_refused(struct vs_switch *sw,
			   void (*refused)(void *ctx, const struct vs_port *p, unsigned layer),
			   void *ctx)
{
	sw->refused = refused;
	sw->refused_ctx = ctx;
}

static const struct vs_link_ops link_ops = {
	.start = link_start,
	.stop = link_stop,
	.mac_add = link_mac_add,
	.mac_del = link_mac_del,
	.vid_add = link_vid_add,
	.vid_del = link_vid_del,
	.promisc = link_promisc,
	.layer = link_layer,
	.ip_add = link_ip_add,
	.ip_del = link_ip_del,
	.routing = link_routing,
	.direct = direct_begin,
};

struct vs_link vs_port_link(struct vs_port *p)
{
	return (struct vs_link){.ops = &link_ops, .ctx = p};
}

void vs_switch_tick(struct vs_switch *sw, uint32_t now_s)
{
	bool first = !atomic_exchange_explicit(&sw->now_s, now_s, memory_order_relaxed);

	if (first)
		learn_restamp(sw, now_s);
	reap(sw);
	learn_age(sw, now_s);
	snoop_tick(sw, (uint64_t)now_s * 1000);
	if (sw->ip)
		ipmode_reap(sw);
	hosts_tick(sw, now_s);
}
