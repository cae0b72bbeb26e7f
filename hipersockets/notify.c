/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on the LAN: the list of MAC addresses that a host asks for by PNSO, and the events that
 * tell it of changes from then on. Registered and learned addresses are both listed. Source:
 * spec/qdio.md 8.5, spec/osa-qeth.md 4.13, 9.5.
 *
 * Changes happen while frames are delivered, on any thread; events are of the control thread. So a
 * change is one line of the LAN's log, a ring, and the tick of each host that listens sends what
 * is new. Whom the ring has overtaken hears "overflow" and no more, until it asks again.
 *
 * A token names an adapter: its data device, channel path and image. What images there are is not
 * known here; an adapter's own token has image 0, as the one its host finds in the machine, and
 * others have each their own.
 */
#include "hipersockets/hs_priv.h"

#include <string.h>

#include "common/be.h"

#define LIST_ENTRY_BYTES 16u
#define EVENT_ENTRIES 32u /* of one event */

/* ---- the log; learn_lock is held
 * ----------------------------------------------------------------- */

void hs_note(struct hs_lan *lan, const struct hs_adapter *owner, uint8_t change,
	     const uint8_t mac[6], uint16_t vid)
{
	struct hs_change *c = &lan->log[lan->n_changes % HS_LOG];

	*c = (struct hs_change){.owner = hs_ident(owner),
				.change = change,
				.hidden = owner->vnicc.enabled & OSA_CHAR_BRIDGE_INVISIBLE,
				.vid = vid};
	memcpy(c->mac, mac, 6);
	lan->n_changes++;
}

/* ---- the list
 * ------------------------------------------------------------------------------------ */

static void put_token(uint8_t *p, const struct hs_ident *who, const struct hs_adapter *viewer)
{
	be16_store(p, who->devno);
	p[2] = 0;
	p[3] = who->nr == viewer->nr ? 0 : who->nr;
	p[4] = 0;
	p[5] = who->chpid;
	be16_store(p + 6, who->chpid);
}

/* A list being written: the first skip addresses were given before. */
struct listing {
	const struct hs_adapter *viewer;
	uint8_t *at;
	uint32_t skip, given, room;
	bool more;
};

static void list_mac(struct listing *l, const struct hs_adapter *owner, const uint8_t mac[6])
{
	struct hs_ident who = hs_ident(owner);

	if (l->skip) {
		l->skip--;
		return;
	}
	l->more = l->given == l->room;
	if (l->more)
		return;
	put_token(l->at, &who, l->viewer);
	memcpy(l->at + 8, mac, 6);
	be16_store(l->at + 14, HS_NO_VLAN);
	l->at += LIST_ENTRY_BYTES;
	l->given++;
}

static void list_adapter(struct listing *l, const struct hs_adapter *h)
{
	const struct hs_address *a;
	const struct hs_learned *e;

	LIST_FOREACH(a, &h->addresses, of_owner)
	if (a->kind == HS_KIND_MAC)
		list_mac(l, h, a->key);
	if (!h->learner.entry)
		return;
	TAILQ_FOREACH(e, &h->learner.used, by_use)
	list_mac(l, h, e->mac);
}

static void list_all(struct listing *l, bool bridge)
{
	const struct hs_adapter *h;

	LIST_FOREACH(h, &l->viewer->lan->members, member)
	if (h->layer == 2 && !(bridge && h->vnicc.enabled & OSA_CHAR_BRIDGE_INVISIBLE))
		list_adapter(l, h);
}

static void listen(struct hs_adapter *h, const struct qdio_pnso *q)
{
	if (!be64_get(q->resume[0]) || !q->notify)
		h->seen = h->lan->n_changes;
	h->listens = q->notify;
	h->listens_bridge = q->op == QDIO_PNSO_BRIDGE;
}

uint16_t hs_pnso(struct hs_adapter *h, const struct qdio_pnso *q, uint8_t *data, size_t cap,
		 size_t *len)
{
	struct qdio_pnso_list head = {.entry_bytes = LIST_ENTRY_BYTES};
	struct listing l = {.viewer = h, .at = data + sizeof(head)};
	uint64_t skip = be64_get(q->resume[0]);

	if ((q->op != QDIO_PNSO_BRIDGE && q->op != QDIO_PNSO_ALL) || h->layer != 2)
		return QDIO_CHSC_PNSO_PARAMETER;
	if (!h->lan || !h->running)
		return QDIO_CHSC_NOT_PROVIDED;
	l.skip = skip < UINT32_MAX ? (uint32_t)skip : UINT32_MAX;
	l.room = (uint32_t)((cap - sizeof(head)) / LIST_ENTRY_BYTES);
	pthread_rwlock_rdlock(&h->lan->lock);
	pthread_mutex_lock(&h->lan->learn_lock);
	listen(h, q);
	head.instance = be32_of((uint32_t)h->lan->n_changes);
	list_all(&l, q->op == QDIO_PNSO_BRIDGE);
	pthread_mutex_unlock(&h->lan->learn_lock);
	pthread_rwlock_unlock(&h->lan->lock);
	head.resume[0] = be64_of(l.more ? skip + l.given : 0);
	memcpy(data, &head, sizeof(head));
	*len = sizeof(head) + (size_t)l.given * LIST_ENTRY_BYTES;
	return QDIO_CHSC_OK;
}

/* ---- events
 * -------------------------------------------------------------------------------------- */

struct event {
	struct osa_addr_change head;
	struct osa_addr_change_entry entry[EVENT_ENTRIES];
};

/* Up to an event's worth of what is new. Return: entries; *lost: there is too much. */
static unsigned collect(struct hs_adapter *h, struct event *e, bool *lost)
{
	struct hs_lan *lan = h->lan;
	unsigned n = 0;

	pthread_mutex_lock(&lan->learn_lock);
	*lost = lan->n_changes - h->seen > HS_LOG;
	while (!*lost && n < EVENT_ENTRIES && h->seen != lan->n_changes) {
		const struct hs_change *c = &lan->log[h->seen++ % HS_LOG];
		struct osa_addr_change_entry *x = &e->entry[n];

		if (h->listens_bridge && c->hidden)
			continue;
		*x = (struct osa_addr_change_entry){.vid = be16_of(c->vid), .change = c->change};
		put_token(x->token, &c->owner, h);
		memcpy(x->mac, c->mac, 6);
		n++;
	}
	pthread_mutex_unlock(&lan->learn_lock);
	return n;
}

void hs_notify_tick(struct hs_adapter *h)
{
	struct event e;
	bool lost = false;
	unsigned n;

	if (!h->listens)
		return;
	/* Bounded: a ring's worth. */
	for (unsigned i = 0; i <= HS_LOG / EVENT_ENTRIES && !lost; i++) {
		memset(&e, 0, sizeof(e));
		n = collect(h, &e, &lost);
		if (!n)
			break;
		e.head.n = be16_of((uint16_t)n);
		lost = osa_ipa_event(h->osa, OSA_ADDRESS_CHANGE, &e,
				     sizeof(e.head) + n * sizeof(e.entry[0])) != 0;
	}
	if (!lost)
		return;
	h->listens = false;
	e.head = (struct osa_addr_change){.lost = HS_LOST_OVERFLOW};
	/* Without memory for this one either, its host asks again in time. */
	osa_ipa_event(h->osa, OSA_ADDRESS_CHANGE, &e.head, sizeof(e.head));
}
