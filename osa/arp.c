/* SPDX-License-Identifier: Apache-2.0 */
/* ARP engine: RFC 826, with the probes and announcements of RFC 5227. See arp.h. */
#include "osa/arp.h"

#include <errno.h>
#include <string.h>

#include "osa/offload.h"

#include "common/be.h"

enum { OP_REQUEST = 1, OP_REPLY = 2 };

static const uint8_t broadcast_mac[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* ---- entries --------------------------------------------------------------------------------- */

/* Under the lock, as all that changes. Release: who sees the number looks for what has changed. */
static void changed(struct osa_arp *a)
{
	atomic_fetch_add_explicit(&a->generation, 1, memory_order_release);
}

static uint16_t *bucket_of(struct osa_arp *a, uint16_t vid, uint32_t ip)
{
	return &a->bucket[((ip ^ (uint32_t)vid << 20) * 0x9E3779B1u) >> 24];
}

static_assert(OSA_ARP_BUCKETS == 1u << 8, "the hash's top bits");

void osa_arp_init(struct osa_arp *a, const struct osa_arp_ops *ops, void *ctx, const uint8_t mac[6])
{
	a->ops = ops;
	a->ctx = ctx;
	memcpy(a->mac, mac, 6);
	changed(a);
	a->n = 0;
	a->max = OSA_ARP_MAX;
	a->free = 0;
	a->untouched = 0;
	memset(a->bucket, 0, sizeof(a->bucket));
}

void osa_arp_station(struct osa_arp *a, const uint8_t mac[6])
{
	memcpy(a->mac, mac, 6);
	changed(a); /* it stands beside the next hop's in headers made before */
}

static struct osa_arp_entry *find(struct osa_arp *a, uint16_t vid, uint32_t ip)
{
	uint16_t at = *bucket_of(a, vid, ip);

	for (; at; at = a->entry[at - 1].next)
		if (a->entry[at - 1].ip == ip && a->entry[at - 1].vid == vid)
			return &a->entry[at - 1];
	return NULL;
}

static void entry_free(struct osa_arp *a, struct osa_arp_entry *e)
{
	uint16_t self = (uint16_t)(e - a->entry + 1);
	uint16_t *at = bucket_of(a, e->vid, e->ip);

	while (*at != self)
		at = &a->entry[*at - 1].next;
	*at = e->next;
	changed(a);
	e->state = OSA_ARP_FREE;
	e->next = a->free;
	a->free = self;
	a->n--;
}

/* An entry that goes away: who waits for it is told. */
static void entry_drop(struct osa_arp *a, struct osa_arp_entry *e)
{
	bool incomplete = e->state == OSA_ARP_INCOMPLETE;
	uint16_t vid = e->vid;
	uint32_t ip = e->ip;

	entry_free(a, e);
	if (incomplete)
		a->ops->failed(a->ctx, vid, ip);
}

static bool drop_oldest(struct osa_arp *a)
{
	struct osa_arp_entry *oldest = NULL;

	for (unsigned i = 0; i < a->untouched; i++) {
		struct osa_arp_entry *e = &a->entry[i];

		if (e->state == OSA_ARP_FREE || e->state == OSA_ARP_STATIC)
			continue;
		if (!oldest || e->since_ms < oldest->since_ms)
			oldest = e;
	}
	if (oldest)
		entry_drop(a, oldest);
	return oldest;
}

static struct osa_arp_entry *entry_new(struct osa_arp *a, uint16_t vid, uint32_t ip)
{
	uint16_t *bucket = bucket_of(a, vid, ip);
	struct osa_arp_entry *e;

	if (a->n >= a->max && !drop_oldest(a))
		return NULL;
	if (a->free) {
		e = &a->entry[a->free - 1];
		a->free = e->next;
	} else {
		e = &a->entry[a->untouched++];
	}
	memset(e, 0, sizeof(*e));
	e->ip = ip;
	e->vid = vid;
	e->since_ms = a->now_ms;
	e->next = *bucket;
	*bucket = (uint16_t)(e - a->entry + 1);
	a->n++;
	return e;
}

/* ---- frames ---------------------------------------------------------------------------------- */

struct packet { /* the parts of an ARP packet that vary */
	uint16_t op;
	uint8_t smac[6], tmac[6];
	uint32_t sip, tip;
};

static void put_packet(uint8_t *p, const struct packet *x)
{
	be16_store(p, 1); /* Ethernet */
	be16_store(p + 2, OSA_ETHERTYPE_IP4);
	p[4] = 6;
	p[5] = 4;
	be16_store(p + 6, x->op);
	memcpy(p + 8, x->smac, 6);
	be32_store(p + 14, x->sip);
	memcpy(p + 18, x->tmac, 6);
	be32_store(p + 24, x->tip);
}

static bool get_packet(const uint8_t *p, uint32_t len, struct packet *x)
{
	if (len < OSA_ARP_PACKET || be16_load(p) != 1 || be16_load(p + 2) != OSA_ETHERTYPE_IP4 ||
	    p[4] != 6 || p[5] != 4)
		return false;
	x->op = be16_load(p + 6);
	memcpy(x->smac, p + 8, 6);
	x->sip = be32_load(p + 14);
	memcpy(x->tmac, p + 18, 6);
	x->tip = be32_load(p + 24);
	return !(x->smac[0] & 1);
}

static void send(struct osa_arp *a, const uint8_t dst[6], uint16_t vid, const struct packet *x)
{
	uint8_t frame[OSA_ARP_FRAME_MAX];
	uint32_t at = 12;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, a->mac, 6);
	if (vid) {
		be16_store(frame + at, OSA_ETHERTYPE_VLAN);
		be16_store(frame + at + 2, vid);
		at += 4;
	}
	be16_store(frame + at, OSA_ETHERTYPE_ARP);
	put_packet(frame + at + 2, x);
	a->ops->send(a->ctx, frame, at + 2 + OSA_ARP_PACKET);
}

static void ask(struct osa_arp *a, uint16_t vid, uint32_t sip, uint32_t tip)
{
	struct packet x = {.op = OP_REQUEST, .sip = sip, .tip = tip};

	memcpy(x.smac, a->mac, 6);
	send(a, broadcast_mac, vid, &x);
}

static void answer(struct osa_arp *a, uint16_t vid, const struct packet *request)
{
	struct packet x = {.op = OP_REPLY, .sip = request->tip, .tip = request->sip};

	memcpy(x.smac, a->mac, 6);
	memcpy(x.tmac, request->smac, 6);
	send(a, request->smac, vid, &x);
}

void osa_arp_probe(struct osa_arp *a, uint32_t ip)
{
	ask(a, 0, 0, ip);
}

void osa_arp_announce(struct osa_arp *a, uint32_t ip)
{
	ask(a, 0, ip, ip);
}

/* ---- resolver and responder ------------------------------------------------------------------ */

bool osa_arp_known(struct osa_arp *a, uint16_t vid, uint32_t ip, uint8_t mac[6])
{
	struct osa_arp_entry *e = find(a, vid, ip);

	if (vid && !e) {
		e = find(a, 0, ip);
		if (e && e->state != OSA_ARP_STATIC)
			e = NULL;
	}
	if (!e || e->state == OSA_ARP_INCOMPLETE)
		return false;
	e->used = true;
	memcpy(mac, e->mac, 6);
	return true;
}

bool osa_arp_resolve(struct osa_arp *a, uint16_t vid, uint32_t ip, uint32_t source, uint8_t mac[6])
{
	struct osa_arp_entry *e;

	if (osa_arp_known(a, vid, ip, mac))
		return true;
	if (find(a, vid, ip)) /* asked for */
		return false;
	e = entry_new(a, vid, ip);
	if (!e)
		return false;
	e->state = OSA_ARP_INCOMPLETE;
	e->tries = 1;
	e->asked_ms = a->now_ms;
	ask(a, vid, a->ops->source(a->ctx, source), ip);
	return false;
}

static void learn(struct osa_arp *a, uint16_t vid, const struct packet *x, bool make)
{
	struct osa_arp_entry *e = find(a, vid, x->sip);
	bool waited;

	if (!e && make)
		e = entry_new(a, vid, x->sip);
	if (!e || e->state == OSA_ARP_STATIC)
		return;
	waited = e->state == OSA_ARP_INCOMPLETE;
	if (e->state != OSA_ARP_REACHABLE || memcmp(e->mac, x->smac, 6) != 0)
		changed(a);
	e->state = OSA_ARP_REACHABLE;
	e->since_ms = a->now_ms;
	e->tries = 0;
	memcpy(e->mac, x->smac, 6);
	if (waited)
		a->ops->resolved(a->ctx, vid, x->sip, x->smac);
}

void osa_arp_input(struct osa_arp *a, uint16_t vid, const uint8_t *packet, uint32_t len)
{
	struct packet x;
	bool for_us;

	if (!get_packet(packet, len, &x) || memcmp(x.smac, a->mac, 6) == 0)
		return;
	if (x.op != OP_REQUEST && x.op != OP_REPLY)
		return;
	for_us = x.op == OP_REQUEST && a->ops->answers(a->ctx, x.tip);
	/* A probe has no sender's address: it claims its target, and hears of it if that is ours.
	 */
	if (x.sip || !for_us)
		a->ops->heard(a->ctx, x.sip ? x.sip : x.tip);
	if (x.sip)
		learn(a, vid, &x, for_us && x.sip != x.tip);
	if (for_us)
		answer(a, vid, &x);
}

/* ---- time -------------------------------------------------------------------------------------
 */

static bool may_ask_again(const struct osa_arp *a, const struct osa_arp_entry *e)
{
	return e->tries == 0 || a->now_ms - e->asked_ms >= OSA_ARP_RETRY_MS;
}

static void ask_again(struct osa_arp *a, struct osa_arp_entry *e)
{
	e->tries++;
	e->asked_ms = a->now_ms;
	ask(a, e->vid, a->ops->source(a->ctx, 0), e->ip);
}

static void tick_incomplete(struct osa_arp *a, struct osa_arp_entry *e)
{
	if (!may_ask_again(a, e))
		return;
	if (e->tries < OSA_ARP_TRIES)
		ask_again(a, e);
	else
		entry_drop(a, e);
}

static void tick_reachable(struct osa_arp *a, struct osa_arp_entry *e)
{
	uint64_t age = a->now_ms - e->since_ms;

	if (age >= OSA_ARP_LIFE_MS) {
		entry_drop(a, e);
		return;
	}
	if (age >= OSA_ARP_LIFE_MS - OSA_ARP_REFRESH_MS && e->used && e->tries < OSA_ARP_TRIES &&
	    may_ask_again(a, e))
		ask_again(a, e);
	e->used = false;
}

void osa_arp_tick(struct osa_arp *a, uint64_t now_ms)
{
	if (now_ms > a->now_ms)
		a->now_ms = now_ms;
	changed(a); /* who uses an entry says so again */
	for (unsigned i = 0; i < a->untouched; i++) {
		if (a->entry[i].state == OSA_ARP_INCOMPLETE)
			tick_incomplete(a, &a->entry[i]);
		else if (a->entry[i].state == OSA_ARP_REACHABLE)
			tick_reachable(a, &a->entry[i]);
	}
}

/* ---- what the host does with the cache ---------------------------------------------------------
 */

int osa_arp_static_add(struct osa_arp *a, uint32_t ip, const uint8_t mac[6])
{
	struct osa_arp_entry *e = find(a, 0, ip);
	bool waited;

	if (!e)
		e = entry_new(a, 0, ip);
	if (!e)
		return -ENOSPC;
	waited = e->state == OSA_ARP_INCOMPLETE;
	changed(a);
	e->state = OSA_ARP_STATIC;
	memcpy(e->mac, mac, 6);
	if (waited)
		a->ops->resolved(a->ctx, 0, ip, mac);
	return 0;
}

int osa_arp_del(struct osa_arp *a, uint32_t ip)
{
	int rc = -ENOENT;

	for (unsigned i = 0; i < a->untouched; i++) {
		if (a->entry[i].state == OSA_ARP_FREE || a->entry[i].ip != ip)
			continue;
		entry_drop(a, &a->entry[i]);
		rc = 0;
	}
	return rc;
}

void osa_arp_flush(struct osa_arp *a)
{
	for (unsigned i = 0; i < a->untouched; i++)
		if (a->entry[i].state == OSA_ARP_INCOMPLETE ||
		    a->entry[i].state == OSA_ARP_REACHABLE)
			entry_drop(a, &a->entry[i]);
}

int osa_arp_limit(struct osa_arp *a, uint32_t max)
{
	if (max == 0 || max > OSA_ARP_MAX)
		return -ERANGE;
	a->max = max;
	while (a->n > a->max && drop_oldest(a)) {
	}
	return 0;
}
