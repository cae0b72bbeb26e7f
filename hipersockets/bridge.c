/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridge ports: a LAN and switches as one flat network of layer 2.
 * Source: spec/zvm-networking.md 3.10, spec/osa-qeth.md 9.4.
 *
 *   LAN to switch   what no adapter of the LAN has, and every group: the units of a turn are
 *                   collected as a burst of the worker, which enters the switch by its port as if
 *                   the port had been asked for it. The bytes stay where the sender has them
 *   switch to LAN   the port's tx_burst: neighbours for one destination are packed into one
 *                   input buffer
 *
 * Of a LAN's bridge ports at most one is active. Which one: the fitter first, then PRIMARY, then
 * the one that is active already, then the older. So a primary takes back, a secondary does not.
 * The old one has let go before the new one begins: what is under way meanwhile is lost, and
 * nothing is there twice.
 *
 * No loops: what came from a port of a switch never goes back to it, what came from the bridge
 * never goes to the bridge, a port on standby neither takes nor gives, and a frame whose source is
 * an address of the LAN is not taken from outside: the switch refuses it (the addresses of the
 * LAN's adapters are registered at the active port), and so do we.
 *
 * Locks: the choice is made under role_lock. lan.bridge changes under it and the LAN's lock;
 * b->lock is taken last, for the way into the switch, with no in_lock held.
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"

#define MACS_BYTES 12u
#define TAG_BYTES 4u
#define ETHERTYPE_VLAN 0x8100u
/* Bytes at the end of entries that a header, which lies in one, may leave unused. */
#define SLACK_BYTES (QDIO_SBAL_ENTRIES * OSA_HDR_BYTES)

/* ---- from the LAN into the switch ---------------------------------------------------------- */

static struct vs_burst *burst_of(const struct hs_flow *f)
{
	return f->d->ops->burst(f->d);
}

void hs_bridge_flush(struct hs_flow *f)
{
	struct hs_bridge *b = f->lan->bridge;

	if (!f->crossing)
		return;
	hs_flow_end(f);
	pthread_mutex_lock(&b->lock);
	f->d->ops->enter(f->d, b->link.ctx);
	pthread_mutex_unlock(&b->lock);
	f->crossing = false;
}

static void cross(struct hs_flow *f, const struct hs_unit *u, const struct hs_frame *x)
{
	struct vs_burst *b = burst_of(f);
	unsigned i;

	if (f->crossing && (b->n == VS_BURST || b->nseg_used + x->pieces > VS_SEGS))
		hs_bridge_flush(f);
	if (!f->crossing)
		b->n = b->nseg_used = 0;
	f->crossing = true;
	i = b->n++;
	b->len[i] = x->len;
	b->headlen[i] = x->headlen;
	b->flags[i] = 0;
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = x->pieces;
	memcpy(b->head[i], x->head, sizeof(x->head));
	for (unsigned k = 0; k < x->pieces; k++)
		b->seg[b->nseg_used++] =
			(struct vs_seg){u->piece[x->piece0 + k].p, u->piece[x->piece0 + k].len};
}

bool hs_bridge_take(struct hs_flow *f, const struct hs_unit *u)
{
	if (!f->lan->bridge || f->lan->bridge->adapter || !f->from || !f->d || u->to.layer != 2 ||
	    hs_invisible(f->from))
		return false;
	for (unsigned i = 0; i < u->n; i++)
		cross(f, u, &u->frame[i]);
	return true;
}

/* ---- from the switch into the LAN ------------------------------------------------------------ */

/* A frame's first bytes as it leaves. Return: how many of the burst's copy that were. */
static uint32_t edit_head(struct hs_frame *x, const struct vs_burst *b, struct vs_ref ref)
{
	const uint8_t *head = b->head[ref.frame];
	uint32_t at = 0, have = 0, n;

	x->len = b->len[ref.frame];
	if (ref.edit != VS_EDIT_NONE) {
		memcpy(x->head, head, MACS_BYTES);
		at = have = MACS_BYTES;
		if (ref.edit != VS_EDIT_PUSH)
			at += TAG_BYTES;
		if (ref.edit != VS_EDIT_STRIP) {
			be16_store(x->head + have, ETHERTYPE_VLAN);
			be16_store(x->head + have + 2, b->tci[ref.frame]);
			have += TAG_BYTES;
		}
		x->len += have - at;
	}
	n = b->headlen[ref.frame] - at;
	n = n < HS_HEAD_BYTES - have ? n : HS_HEAD_BYTES - have;
	memcpy(x->head + have, head + at, n);
	x->headlen = (uint8_t)(have + n);
	return at + n;
}

/* Add a frame. Return: false: the unit is for another destination, or has no room. */
static bool add_frame(struct hs_unit *u, const struct vs_burst *b, struct vs_ref ref, uint32_t max)
{
	struct hs_frame *x = &u->frame[u->n];
	unsigned i = ref.frame, n = u->n_pieces;
	struct hs_dest to;
	uint32_t at;

	if (u->n == QDIO_SBAL_ENTRIES || n + 1u + b->nseg[i] > HS_PIECES)
		return false;
	at = edit_head(x, b, ref);
	hs_judge_layer2(x, &to);
	if (u->n &&
	    (!hs_same_dest(&to, &u->to) || u->bytes + OSA_HDR_BYTES + x->len + SLACK_BYTES > max))
		return false;
	x->piece0 = (uint8_t)n;
	if (at < b->headlen[i])
		u->piece[n++] = (struct hs_piece){b->head[i] + at, b->headlen[i] - at};
	for (unsigned k = 0; k < b->nseg[i]; k++)
		u->piece[n++] =
			(struct hs_piece){b->seg[b->seg0[i] + k].p, b->seg[b->seg0[i] + k].len};
	x->pieces = (uint8_t)(n - u->n_pieces);
	u->n_pieces = n;
	u->to = to;
	u->bytes += OSA_HDR_BYTES + x->len;
	u->n++;
	return true;
}

static void arrive(struct hs_flow *f, struct hs_bridge *b, const struct hs_unit *u)
{
	enum vs_drop why = hs_arrive(f, u);

	hs_count(&b->to_lan, u->n);
	if (why == VS_DROP_SRC_SPOOFED)
		hs_count(&b->returned, u->n);
	else if (why == VS_DROP_TX_NO_BUFFER || why == VS_DROP_TX_BAD_BUFFER)
		hs_count(&b->full, u->n);
	else if (why != VS_DROP_NONE)
		hs_count(&b->unknown, u->n);
}

static void take_burst(struct hs_flow *f, struct hs_bridge *b, const struct vs_burst *burst,
		       const struct vs_ref *ref, unsigned n)
{
	uint32_t max = hs_mfs_bytes(f->lan->mfs);
	struct hs_unit u;

	u.raw = false;
	for (unsigned k = 0; k < n;) {
		u.n = u.n_pieces = u.bytes = 0;
		while (k < n && add_frame(&u, burst, ref[k], max))
			k++;
		if (u.n)
			arrive(f, b, &u);
		else
			k++; /* in more pieces than any port gives */
	}
	hs_flow_end(f);
}

/* A port of the LAN's own switch, which counts. */
static const struct vs_link *counting(const struct hs_lan *lan)
{
	const struct hs_adapter *h;

	LIST_FOREACH(h, &lan->members, member)
	if (h->link.ops && h->link.ops->direct)
		return &h->link;
	return NULL;
}

static unsigned port_tx_burst(void *port, const struct vs_burst *burst, const struct vs_ref *ref,
			      unsigned n, enum vs_drop *err)
{
	struct hs_bridge *b = port;
	struct hs_flow f = {.lan = b->lan};
	const struct vs_link *l;
	struct vs_direct d = {0};

	pthread_rwlock_rdlock(&b->lan->lock);
	if (b->lan->bridge != b) {
		*err = VS_DROP_TX_DOWN;
		n = 0;
	} else {
		l = counting(b->lan);
		if (l && l->ops->direct(l->ctx, burst, &d))
			f.d = &d;
		take_burst(&f, b, burst, ref, n);
		if (d.ops)
			d.ops->done(&d, l->ctx);
	}
	pthread_rwlock_unlock(&b->lan->lock);
	return n;
}

static uint32_t port_frame_max(void *port)
{
	return hs_lan_frame_max(((struct hs_bridge *)port)->lan);
}

/* The LAN's senders come by themselves: nothing is fetched here. */
static bool port_arm(void *port)
{
	(void)port;
	return false;
}

static int port_wait_fd(void *port)
{
	(void)port;
	return -1;
}

static const struct vs_port_ops port_ops = {
	.kind = "BRIDGE",
	.rx_burst = hs_port_no_rx,
	.rx_done = hs_port_no_rx_done,
	.tx_burst = port_tx_burst,
	.arm = port_arm,
	.disarm = hs_port_no_disarm,
	.wait_fd = port_wait_fd,
	.caps = hs_port_no_caps,
	.frame_max = port_frame_max,
};

/* ---- addresses ----------------------------------------------------------------------------------
 */

/* The active bridge port if it is a switch's, which wants to know addresses and VLANs. */
static struct hs_bridge *outward(const struct hs_lan *lan)
{
	return lan->bridge && !lan->bridge->adapter ? lan->bridge : NULL;
}

static int bridge_mac(const struct hs_bridge *b, const uint8_t mac[6], bool add)
{
	int rc = 0;

	if (add)
		rc = b->link.ops->mac_add(b->link.ctx, mac);
	else
		b->link.ops->mac_del(b->link.ctx, mac);
	/* One the table has no room for is learned. */
	return rc == -EEXIST ? rc : 0;
}

int hs_bridge_mac(const struct hs_adapter *h, const uint8_t mac[6], bool add)
{
	const struct hs_bridge *b;
	int rc = 0;

	if (mac[0] & 1 || hs_invisible(h))
		return 0;
	pthread_mutex_lock(&h->lan->role_lock);
	b = outward(h->lan);
	if (b)
		rc = bridge_mac(b, mac, add);
	pthread_mutex_unlock(&h->lan->role_lock);
	return rc;
}

static void all_macs(const struct hs_adapter *h, const struct hs_bridge *b, bool add)
{
	const struct hs_address *a;

	LIST_FOREACH(a, &h->addresses, of_owner)
	if (a->kind == HS_KIND_MAC)
		bridge_mac(b, a->key, add);
}

static void show(const struct hs_adapter *h, bool on)
{
	const struct hs_bridge *b;

	pthread_mutex_lock(&h->lan->role_lock);
	b = outward(h->lan);
	if (b)
		all_macs(h, b, on);
	pthread_mutex_unlock(&h->lan->role_lock);
}

void hs_bridge_show(const struct hs_adapter *h)
{
	show(h, true);
}

void hs_bridge_hide(const struct hs_adapter *h)
{
	show(h, false);
}

/* VLANs of the LAN's hosts are in use at the switch. @vid: one that has changed. */
static void bridge_vid(const struct hs_lan *lan, const struct hs_bridge *b, uint16_t vid)
{
	const struct hs_adapter *h;
	bool any = false;

	LIST_FOREACH(h, &lan->members, member)
	any |= h->vids.w[vid / 64 % 64] >> (vid % 64) & 1;
	if (any)
		(void)b->link.ops->vid_add(b->link.ctx, vid);
	else
		(void)b->link.ops->vid_del(b->link.ctx, vid);
}

void hs_bridge_vid(struct hs_lan *lan, uint16_t vid)
{
	const struct hs_bridge *b;

	pthread_mutex_lock(&lan->role_lock);
	b = outward(lan);
	if (b)
		bridge_vid(lan, b, vid);
	pthread_mutex_unlock(&lan->role_lock);
}

static void join_vids(const struct hs_lan *lan, const struct hs_bridge *b,
		      const struct hs_adapter *h)
{
	for (uint16_t vid = 1; vid < 4096; vid++)
		if (h->vids.w[vid / 64] >> (vid % 64) & 1)
			bridge_vid(lan, b, vid);
}

void hs_bridge_left(struct hs_lan *lan, const struct hs_adapter *h)
{
	const struct hs_bridge *b;

	pthread_mutex_lock(&lan->role_lock);
	b = outward(lan);
	if (b)
		join_vids(lan, b, h);
	pthread_mutex_unlock(&lan->role_lock);
}

/* ---- which one ---------------------------------------------------------------------------------
 */

static unsigned score(const struct hs_lan *lan, const struct hs_bridge *b)
{
	if (b->fitness == HS_FIT_NOT)
		return 0;
	return 4u * (unsigned)b->fitness + (b->role == HS_ROLE_PRIMARY ? 2u : 0) +
	       (b == lan->bridge);
}

static struct hs_bridge *best(const struct hs_lan *lan)
{
	struct hs_bridge *b, *first = NULL;

	TAILQ_FOREACH(b, &lan->bridges, next)
	if (score(lan, b) > (first ? score(lan, first) : 0))
		first = b;
	return first;
}

static void set_active(struct hs_lan *lan, struct hs_bridge *b)
{
	pthread_rwlock_wrlock(&lan->lock);
	if (lan->bridge && lan->bridge->adapter)
		lan->bridge->adapter->bridge_port = false;
	lan->bridge = b;
	if (b && b->adapter)
		b->adapter->bridge_port = true;
	hs_lan_survey(lan);
	pthread_rwlock_unlock(&lan->lock);
}

static void deactivate(struct hs_lan *lan)
{
	struct hs_bridge *b = lan->bridge;

	if (!b)
		return;
	set_active(lan, NULL);
	if (!b->adapter)
		b->link.ops->stop(b->link.ctx);
}

/* Control thread: nobody else changes members and addresses. Those that another port of the switch
 * has are not ours there; the LAN's own hosts reach them here all the same. */
static int activate(struct hs_lan *lan, struct hs_bridge *b)
{
	const struct hs_adapter *h;
	int rc;

	if (b->adapter) {
		set_active(lan, b);
		return 0;
	}
	rc = b->link.ops->start(b->link.ctx, &port_ops, b);
	if (rc)
		return rc;
	LIST_FOREACH(h, &lan->members, member)
	if (!hs_invisible(h))
		all_macs(h, b, true);
	set_active(lan, b);
	LIST_FOREACH(h, &lan->members, member)
	join_vids(lan, b, h);
	return 0;
}

static void tell(struct hs_lan *lan)
{
	struct hs_bridge *b;
	bool any = false;

	TAILQ_FOREACH(b, &lan->bridges, next)
	{
		enum hs_bridge_state s = b == lan->bridge	    ? HS_BRIDGE_ACTIVE
					 : b->fitness == HS_FIT_NOT ? HS_BRIDGE_INACTIVE
								    : HS_BRIDGE_STANDBY;

		if (s == b->state)
			continue;
		b->state = s;
		any = true;
		if (b->changed)
			b->changed(b->ctx, s);
	}
	if (any)
		hs_role_changed(lan);
}

void hs_bridge_decide(struct hs_lan *lan)
{
	struct hs_bridge *b;

	while ((b = best(lan)) != lan->bridge) {
		deactivate(lan);
		if (b && activate(lan, b) < 0)
			b->fitness = HS_FIT_NOT; /* no memory: until somebody asks again */
	}
	tell(lan);
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

/* One primary; beside it, or without one, a few others. */
static int may_have(const struct hs_lan *lan, const struct hs_bridge *but, enum hs_role role)
{
	const struct hs_bridge *b;
	unsigned n = 0;

	TAILQ_FOREACH(b, &lan->bridges, next)
	if (b != but && b->role == role)
		n++;
	if (role == HS_ROLE_PRIMARY)
		return n ? -EEXIST : 0;
	return n >= HS_SECONDARIES_MAX ? -ENOSPC : 0;
}

/* Hosts and switches are not bridge ports of one LAN. */
static bool other_kind(const struct hs_lan *lan, const struct hs_bridge_config *cfg)
{
	const struct hs_bridge *first = TAILQ_FIRST(&lan->bridges);

	return first && !first->adapter != !cfg->adapter;
}

struct hs_bridge *hs_bridge_new(struct hs_lan *lan, const struct hs_bridge_config *cfg)
{
	int rc = other_kind(lan, cfg) ? -EBUSY : may_have(lan, NULL, cfg->role);
	struct hs_bridge *b = rc ? NULL : calloc(1, sizeof(*b));

	if (!b) {
		errno = rc ? -rc : ENOMEM;
		return NULL;
	}
	rc = pthread_mutex_init(&b->lock, NULL);
	if (rc) {
		free(b);
		errno = rc;
		return NULL;
	}
	b->lan = lan;
	b->role = cfg->role;
	b->link = cfg->link;
	b->adapter = cfg->adapter;
	b->changed = cfg->changed;
	b->ctx = cfg->ctx;
	TAILQ_INSERT_TAIL(&lan->bridges, b, next);
	return b;
}

struct hs_bridge *hs_bridge_create(struct hs_lan *lan, const struct hs_bridge_config *cfg)
{
	struct hs_bridge *b;

	pthread_mutex_lock(&lan->role_lock);
	b = hs_bridge_new(lan, cfg);
	pthread_mutex_unlock(&lan->role_lock);
	return b;
}

void hs_bridge_drop(struct hs_bridge *b)
{
	struct hs_lan *lan = b->lan;

	b->fitness = HS_FIT_NOT;
	b->changed = NULL;
	hs_bridge_decide(lan);
	TAILQ_REMOVE(&lan->bridges, b, next);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void hs_bridge_destroy(struct hs_bridge *b)
{
	struct hs_lan *lan;

	if (!b)
		return;
	lan = b->lan;
	pthread_mutex_lock(&lan->role_lock);
	hs_bridge_drop(b);
	pthread_mutex_unlock(&lan->role_lock);
}

void hs_bridge_set_fitness(struct hs_bridge *b, enum hs_fitness fitness)
{
	pthread_mutex_lock(&b->lan->role_lock);
	if (b->fitness != fitness) {
		b->fitness = fitness;
		hs_bridge_decide(b->lan);
	}
	pthread_mutex_unlock(&b->lan->role_lock);
}

int hs_bridge_set_role(struct hs_bridge *b, enum hs_role role)
{
	int rc;

	pthread_mutex_lock(&b->lan->role_lock);
	rc = may_have(b->lan, b, role);
	if (!rc) {
		b->role = role;
		hs_bridge_decide(b->lan);
	}
	pthread_mutex_unlock(&b->lan->role_lock);
	return rc;
}

void hs_bridge_info(const struct hs_bridge *b, struct hs_bridge_info *out)
{
	*out = (struct hs_bridge_info){
		.state = b->state,
		.to_lan = atomic_load_explicit(&b->to_lan, memory_order_relaxed),
		.unknown = atomic_load_explicit(&b->unknown, memory_order_relaxed),
		.full = atomic_load_explicit(&b->full, memory_order_relaxed),
		.returned = atomic_load_explicit(&b->returned, memory_order_relaxed),
	};
}
