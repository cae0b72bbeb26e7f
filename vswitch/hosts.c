/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which IP address, as far as it is heard: for guests that register none (layer 2, QEMU),
 * and for hosts beyond the uplink of a switch in IP mode. For QUERY and for announcements when the
 * uplink moves; nothing is forwarded by it.
 *
 * Workers listen where a frame is on a slow way already: broadcasts and multicasts of guests
 * (group.c), so questions and announcements; ARP to one station as well, so answers, and neighbour
 * discovery to one where it does not follow other IPv6 of the same source (admit.c); both of any
 * kind at the border of IP mode. What is new goes into a small box, at most a few a second from one
 * port; a full box, or one that another worker has its hand in, loses it: stations repeat
 * themselves. The control thread empties the box once a second and before anybody looks.
 */
#include <errno.h>
#include <stdlib.h>

#include "vswitch/burst.h"
#include "vswitch/ipframe.h"

#define NOTES 256u
#define HEAR_RATE 20u	 /* notes a second of one port */
#define HEAR_AGAIN_S 30u /* the same as the one before */

struct note {
	struct host h;
	uint16_t port;
	uint32_t serial;
};

struct heard {
	pthread_spinlock_t lock;
	unsigned n;
	struct note note[NOTES];
};

static struct heard *of(const struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->heard, memory_order_acquire);
}

static void free_heard(struct heard *h)
{
	if (h)
		pthread_spin_destroy(&h->lock);
	free(h);
}

static void forget_all(struct vs_switch *sw)
{
	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		struct vs_port *p = atomic_load_explicit(&sw->port[i], memory_order_relaxed);

		if (p)
			hosts_forget(p);
	}
}

int hosts_listen(struct vs_switch *sw)
{
	bool want = sw->cfg.snooping || sw->ip;
	struct heard *h = of(sw);

	if (h && !want) {
		atomic_store_explicit(&sw->heard, NULL, memory_order_release);
		synchronize_rcu();
		free_heard(h);
		forget_all(sw);
	}
	if (h || !want)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	pthread_spin_init(&h->lock, PTHREAD_PROCESS_PRIVATE);
	atomic_store_explicit(&sw->heard, h, memory_order_release);
	return 0;
}

void hosts_free(struct vs_switch *sw)
{
	free_heard(of(sw));
}

/* ---- workers -------------------------------------------------------------------------- */

/* The first bytes of a frame, on the caller's stack where the head has too few. */
static uint32_t first_bytes(const struct vs_burst *b, unsigned i, uint8_t *room)
{
	uint32_t n = b->headlen[i];

	memcpy(room, b->head[i], n);
	for (unsigned s = 0; s < b->nseg[i] && n < VS_HEAD_BYTES; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];
		uint32_t k = seg->len < VS_HEAD_BYTES - n ? seg->len : VS_HEAD_BYTES - n;

		memcpy(room + n, seg->p, k);
		n += k;
	}
	return n;
}

static void put(struct heard *h, const struct vs_port *p, const struct host *x)
{
	if (pthread_spin_trylock(&h->lock))
		return;
	if (h->n < NOTES)
		h->note[h->n++] = (struct note){.h = *x, .port = p->index, .serial = p->serial};
	pthread_spin_unlock(&h->lock);
}

/* Did the port say the same a short while ago? */
static bool is_known(struct vs_port *p, const struct host *x)
{
	uint64_t is = le64_load(x->addr) * 3 ^ le64_load(x->addr + 8) * 5 ^ fdb_key(x->mac, x->vid);

	/* Relaxed: devices of one uplink may have several workers; what one misses is said twice.
	 */
	if (atomic_load_explicit(&p->heard_last, memory_order_relaxed) == is &&
	    x->seen_s - atomic_load_explicit(&p->heard_s, memory_order_relaxed) < HEAR_AGAIN_S)
		return true;
	atomic_store_explicit(&p->heard_last, is, memory_order_relaxed);
	atomic_store_explicit(&p->heard_s, x->seen_s, memory_order_relaxed);
	return false;
}

static bool may_be_told(const uint8_t *head, uint32_t have)
{
	unsigned l3 =
		be16_load(head + 2 * ETH_ALEN) == ETHERTYPE_VLAN ? ETH_HLEN + VLAN_HLEN : ETH_HLEN;
	uint16_t type = have >= l3 + 8 ? be16_load(head + l3 - 2) : 0;

	return type == 0x0806 || (type == 0x86DD && head[l3 + 6] == 58);
}

void hosts_hear(struct flow *f, unsigned i)
{
	struct vs_port *p = f->in;
	struct heard *h = of(f->sw);
	uint8_t room[VS_HEAD_BYTES];
	struct ip_frame x;
	struct host host;
	uint32_t n;

	/* Layer-3 guests register. */
	if (!h || !may_be_told(f->b->head[i], f->b->headlen[i]) ||
	    (p->layer == 3 && !f->rules->uplink))
		return;
	n = first_bytes(f->b, i, room);
	ip_frame_read(room, n, &x);
	if (!ip_frame_speaker(room, &x, host.addr))
		return;
	memcpy(host.mac, room + ETH_ALEN, ETH_ALEN);
	host.vid = (uint16_t)(f->rules->mode == VLAN_AWARE ? vid_of(f, i) : 0);
	host.seen_s = atomic_load_explicit(&f->sw->now_s, memory_order_relaxed);
	if (is_known(p, &host) || !storm_allow(&p->heard_back_ns, HEAR_RATE, f->w->clock_ns()))
		return;
	put(h, p, &host);
}

/* ---- control thread ------------------------------------------------------------------- */

static struct host *find(struct vs_port *p, const struct host *x)
{
	for (unsigned i = 0; i < p->n_hosts; i++)
		if (p->hosts[i].vid == x->vid &&
		    memcmp(p->hosts[i].addr, x->addr, sizeof(x->addr)) == 0)
			return &p->hosts[i];
	return NULL;
}

static struct host *oldest(struct vs_port *p)
{
	struct host *least = &p->hosts[0];

	for (unsigned i = 1; i < p->n_hosts; i++)
		if (p->hosts[i].seen_s < least->seen_s)
			least = &p->hosts[i];
	return least;
}

static struct host *room_for(struct vs_port *p)
{
	unsigned max = p->cfg.role == VS_ROLE_GUEST ? VS_HOSTS_GUEST_MAX : VS_HOSTS_UPLINK_MAX;

	if (p->n_hosts == max)
		return oldest(p);
	if (p->n_hosts == p->cap_hosts) {
		unsigned cap = p->cap_hosts ? 2 * p->cap_hosts : 4;
		struct host *more = realloc(p->hosts, cap * sizeof(*more));

		if (!more)
			return NULL;
		p->hosts = more;
		p->cap_hosts = cap;
	}
	return &p->hosts[p->n_hosts++];
}

static void note(struct vs_switch *sw, const struct note *n)
{
	struct vs_port *p = atomic_load_explicit(&sw->port[n->port], memory_order_relaxed);
	struct host *h;

	if (!p || p->serial != n->serial || !vs_port_running(p))
		return;
	h = find(p, &n->h);
	if (!h)
		h = room_for(p);
	if (h)
		*h = n->h;
}

void hosts_drain(struct vs_switch *sw)
{
	struct note copy[NOTES];
	struct heard *h = of(sw);
	unsigned n;

	if (!h)
		return;
	pthread_spin_lock(&h->lock);
	n = h->n;
	memcpy(copy, h->note, n * sizeof(copy[0]));
	h->n = 0;
	pthread_spin_unlock(&h->lock);
	for (unsigned i = 0; i < n; i++)
		note(sw, &copy[i]);
}

void hosts_forget(struct vs_port *p)
{
	p->n_hosts = 0;
	atomic_store_explicit(&p->heard_last, 0, memory_order_relaxed);
}

/* What was heard before the first tick has the time 0: it was heard now. */
static void age(struct vs_port *p, uint32_t now_s, uint32_t limit_s)
{
	for (unsigned i = p->n_hosts; i-- > 0;) {
		if (!p->hosts[i].seen_s)
			p->hosts[i].seen_s = now_s;
		if (now_s - p->hosts[i].seen_s > limit_s)
			p->hosts[i] = p->hosts[--p->n_hosts];
	}
}

void hosts_tick(struct vs_switch *sw, uint32_t now_s)
{
	uint32_t limit_s = sw->cfg.host_age_s ? sw->cfg.host_age_s : VS_HOST_AGE_S;

	if (!of(sw))
		return;
	hosts_drain(sw);
	for (unsigned i = 0, seen = 0; i < VS_PORTS_MAX && seen < sw->n_ports; i++) {
		struct vs_port *p = atomic_load_explicit(&sw->port[i], memory_order_relaxed);

		if (p)
			age(p, now_s, limit_s);
		seen += p != NULL;
	}
}

unsigned vs_port_hosts(struct vs_port *p, struct vs_host *out, unsigned max)
{
	uint32_t now_s = atomic_load_explicit(&p->sw->now_s, memory_order_relaxed);
	unsigned n;

	hosts_drain(p->sw);
	n = p->n_hosts < max ? p->n_hosts : max;
	for (unsigned i = 0; i < n; i++) {
		out[i].vid = p->hosts[i].vid;
		out[i].age_s = p->hosts[i].seen_s ? now_s - p->hosts[i].seen_s : 0;
		memcpy(out[i].addr, p->hosts[i].addr, sizeof(out[i].addr));
		memcpy(out[i].mac, p->hosts[i].mac, ETH_ALEN);
	}
	return n;
}
