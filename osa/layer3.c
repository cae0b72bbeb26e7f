/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: an adapter that speaks IP to its host and Ethernet to the network.
 *
 * The host registers IP addresses and hands over IP packets with the next hop's address; the
 * adapter is one Ethernet station with one MAC, which does ARP for them. One adapter has one host:
 * "the port" of spec/osa-qeth.md 8 is its own, every other host is another station.
 *
 *   output buffer ─ l3_fetch.c ─ next hop ─ arp.c ─ MAC ─► frame ─► burst of the switch
 *                                    │ not known: own.c keeps a copy until it is
 *   input buffer ◄─ l3_fill.c ◄─ filter (addresses, groups, routing type) ◄─ frame
 *                                    │ ARP packets: arp.c, never delivered
 *   SETIP ─ ipa_ip.c ─ ip_table.c ─ probe or announcement ─► own.c ─► burst
 *
 * IPv6: the host does neighbour discovery itself and hands over whole Ethernet frames
 * (passthru); what comes in is delivered as IP packets. Only the filter knows IPv6.
 *
 * Duplicate detection: an IPv4 address that is neither a VIPA nor a takeover is probed first. Its
 * SETIP is answered at a later tick, 0xE00A if another station has answered by then (8.1 rule
 * 3): the next one where the owner ticks once a second, else after OSA_PROBE_MS. Until then packets
 * to the address are delivered, but no ARP is answered for it. Without ticks, without a running
 * data path, or with OSA_HELD_MAX probes under way a SETIP is answered at once. What is heard later
 * is counted.
 *
 * VLANs: a layer-3 driver names no VLANs; the TCI comes with a packet. A VLAN in which the host
 * has sent is joined at the next tick, because some LANs deliver only where a station joined.
 * Addresses and groups hold on all VLANs, the ARP cache is by VLAN.
 *
 * Addresses and routing type are told to the link as well (vs_link_ops): a switch in IP mode goes
 * by them and refuses what another host has, others show them.
 *
 * Locks: l3.lock is held by the worker while it asks the ARP cache for a next hop or does what is
 * not done for every packet (at most once a burst), by every worker that delivers while it filters
 * (once a burst, not while copying), by the control thread while it changes tables. It is taken
 * before no other lock and inside none but the caller's. What the cache has said the worker that
 * fetches keeps, as the Ethernet header it becomes, until the cache's generation is another: as a
 * rule it takes no lock.
 */
#include "osa/osa_priv.h"

#include <errno.h>
#include <string.h>

/* ---- what the ARP engine asks and says; under lock --------------------------------------------
 */

static void arp_send(void *ctx, const uint8_t *frame, uint32_t len)
{
	struct osa *a = ctx;

	if (!a->l3.running || !osa_own_send(&a->l3.own, frame, len))
		a->l3.count.arp_lost++;
}

static void arp_resolved(void *ctx, uint16_t vid, uint32_t ip, const uint8_t mac[6])
{
	struct osa *a = ctx;

	osa_own_resolved(&a->l3.own, vid, ip, mac);
}

static void arp_failed(void *ctx, uint16_t vid, uint32_t ip)
{
	struct osa *a = ctx;

	a->l3.count.unresolved += osa_own_give_up(&a->l3.own, vid, ip);
}

/* VIPAs too: whoever asks for one on this LAN gets an answer; 8.2 leaves that open. */
static bool arp_answers(void *ctx, uint32_t ip)
{
	struct osa *a = ctx;
	const struct osa_ip *e = osa_ip_find4(&a->l3.address, ip);

	return e && !e->probing;
}

static void arp_heard(void *ctx, uint32_t ip)
{
	struct osa *a = ctx;
	struct osa_ip *e = osa_ip_find4(&a->l3.address, ip);

	if (!e)
		return;
	e->conflict = true;
	a->l3.count.conflicts++;
}

static bool may_ask(const struct osa_ip *e)
{
	return !e->v6 && !e->probing;
}

/* The host's own choice if it is registered, else any address, else none: a probe. */
static uint32_t arp_source(void *ctx, uint32_t hint)
{
	struct osa *a = ctx;
	struct osa_ip_table *t = &a->l3.address;
	const struct osa_ip *e = osa_ip_find4(t, hint);

	if (e && may_ask(e))
		return hint;
	for (unsigned i = 0; i < t->n; i++)
		if (may_ask(&t->entry[i]))
			return osa_ip_4of(t->entry[i].addr);
	return 0;
}

static const struct osa_arp_ops arp_ops = {
	.send = arp_send,
	.resolved = arp_resolved,
	.failed = arp_failed,
	.answers = arp_answers,
	.heard = arp_heard,
	.source = arp_source,
};

/* ---- life -------------------------------------------------------------------------------------
 */

int osa_l3_init(struct osa *a)
{
	return -pthread_mutex_init(&a->l3.lock, NULL);
}

void osa_l3_fini(struct osa *a)
{
	pthread_mutex_destroy(&a->l3.lock);
}

void osa_l3_forget(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	osa_ip_clear(a);
	pthread_mutex_lock(&l->lock);
	osa_ip_table_init(&l->address, OSA_ADDRESS_MAX);
	osa_ip_table_init(&l->group, OSA_IP_GROUP_MAX);
	osa_arp_flush(&l->arp); /* for who waits while the queues still run */
	osa_arp_init(&l->arp, &arp_ops, a, l->mac);
	memset(&l->filter, 0, sizeof(l->filter));
	memset(l->vid_seen, 0, sizeof(l->vid_seen));
	l->vid_new = false;
	pthread_mutex_unlock(&l->lock);
	l->n_held = 0;
	l->created_id = 0;
	osa_l3_wants(a);
}

int osa_l3_session(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	pthread_mutex_lock(&l->lock);
	memcpy(l->mac, a->cfg.mac, 6);
	osa_arp_station(&l->arp, l->mac);
	memset(&l->count, 0, sizeof(l->count));
	pthread_mutex_unlock(&l->lock);
	return osa_registry_mac_add(a, l->mac);
}

void osa_l3_started(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	pthread_mutex_lock(&l->lock);
	osa_own_init(&l->own);
	l->running = true;
	for (unsigned i = 0; i < l->address.n; i++) {
		struct osa_ip *e = &l->address.entry[i];

		if (!e->v6 && !(e->flags & OSA_IP_SET_VIPA))
			e->announces = OSA_ANNOUNCEMENTS;
	}
	pthread_mutex_unlock(&l->lock);
	osa_l3_announce(a);
}

void osa_l3_stopped(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	pthread_mutex_lock(&l->lock);
	l->running = false;
	l->count.unresolved += osa_own_abandon(&l->own);
	osa_arp_flush(&l->arp); /* another cable, another network */
	pthread_mutex_unlock(&l->lock);
}

void osa_l3_kick(struct osa *a)
{
	bool any;

	pthread_mutex_lock(&a->l3.lock);
	any = a->l3.own.ready;
	pthread_mutex_unlock(&a->l3.lock);
	if (any)
		osa_port_kick(&a->data);
}

/* One of each: half of the slots are left for the traffic's own requests. */
void osa_l3_announce(struct osa *a)
{
	struct osa_l3 *l = &a->l3;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->address.n && l->running; i++) {
		struct osa_ip *e = &l->address.entry[i];

		if (!e->announces || e->probing || l->own.ready >= OSA_OWN_FRAMES / 2)
			continue;
		e->announces--;
		osa_arp_announce(&l->arp, osa_ip_4of(e->addr));
	}
	pthread_mutex_unlock(&l->lock);
	osa_l3_kick(a);
}

void osa_l3_wants(struct osa *a)
{
	const struct osa_l3_filter *f = &a->l3.filter;

	if (osa_is_iqd(a))
		a->cfg.iqd.ops->wants(a->cfg.iqd.ctx, f->broadcast, f->routing4, f->routing6);
}

void osa_l3_info(struct osa *a, struct osa_info *out)
{
	struct osa_l3 *l = &a->l3;

	pthread_mutex_lock(&l->lock);
	out->n_addresses = (uint16_t)l->address.n;
	out->n_groups = (uint16_t)l->group.n;
	out->n_arp = (uint16_t)l->arp.n;
	out->routing4 = l->filter.routing4;
	out->routing6 = l->filter.routing6;
	out->unresolved = l->count.unresolved;
	out->filtered = l->count.filtered;
	out->conflicts = l->count.conflicts;
	pthread_mutex_unlock(&l->lock);
}

/* ---- time -------------------------------------------------------------------------------------
 */

static void join_vids(struct osa *a)
{
	struct osa_l3 *l = &a->l3;
	uint64_t seen[OSA_VID_WORDS];

	pthread_mutex_lock(&l->lock);
	memcpy(seen, l->vid_seen, sizeof(seen));
	l->vid_new = false;
	pthread_mutex_unlock(&l->lock);
	for (uint16_t vid = 1; vid < OSA_VIDS - 1; vid++)
		if (seen[vid / 64] >> (vid % 64) & 1 && !osa_registry_has_vid(&a->registry, vid))
			/* Who may not join hears nothing there: no more is to be done. */
			osa_registry_vid_add(a, vid);
}

void osa_tick(struct osa *a, uint64_t now_ms)
{
	struct osa_l3 *l = &a->l3;
	bool vid_new;

	l->ticking = true;
	l->last_tick_ms = now_ms;
	if (osa_is_iqd(a) && a->cfg.iqd.ops->tick)
		a->cfg.iqd.ops->tick(a->cfg.iqd.ctx, now_ms);
	osa_bridge_tell(a); /* after the reply to the command that made it one */
	if (a->session.layer != 3)
		return;
	osa_held_finish(a, now_ms);
	pthread_mutex_lock(&l->lock);
	vid_new = l->vid_new;
	pthread_mutex_unlock(&l->lock);
	if (vid_new)
		join_vids(a); /* before what is asked again could be answered there */
	pthread_mutex_lock(&l->lock);
	osa_arp_tick(&l->arp, now_ms);
	pthread_mutex_unlock(&l->lock);
	osa_l3_announce(a);
}

/* ---- the port ----------------------------------------------------------------------------------
 */

/* As in layer 2, and own frames are work as well. */
static bool arm(void *port)
{
	struct osa *a = port;
	bool primed = osa_port_arm(port);
	bool own;

	pthread_mutex_lock(&a->l3.lock);
	own = a->l3.own.ready;
	pthread_mutex_unlock(&a->l3.lock);
	return primed || own;
}

const struct vs_port_ops osa_layer3_ops = {
	.kind = "OSD",
	.rx_burst = osa_l3_fetch,
	.rx_done = osa_l3_fetched,
	.tx_burst = osa_l3_fill,
	.arm = arm,
	.disarm = osa_port_disarm,
	.wait_fd = osa_port_wait_fd,
	.caps = osa_port_caps,
	.frame_max = osa_port_frame_max,
};
