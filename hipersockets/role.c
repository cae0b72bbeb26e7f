/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: bridge-port roles of hosts. Source: spec/osa-qeth.md 4.12, 9.4.
 *
 * The active bridge port gets unicast frames that nobody has the address of, and all groups. Which
 * one is active is decided as among switches (bridge.c); hosts and switches do not share a LAN as
 * bridge ports: to each the other is the other family. A role ends with the session. Whoever has
 * one is told of every change of state. On an IQD the IPA return code stays 0, and the reason is in
 * the sub-header.
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>

#define SUBCOMMANDS                                                                                \
	(OSA_BRIDGE_RESET | OSA_BRIDGE_SET_PRIMARY | OSA_BRIDGE_SET_SECONDARY |                    \
	 OSA_BRIDGE_QUERY_PORTS)
#define LIST_MAX 8u

struct port_list {
	struct osa_bridge_ports head;
	struct osa_bridge_entry entry[LIST_MAX];
};

static struct osa_bridge_entry entry_of(const struct hs_bridge *b)
{
	struct osa_bridge_entry e = {.role = b->role == HS_ROLE_PRIMARY ? OSA_BRIDGE_PRIMARY
									: OSA_BRIDGE_SECONDARY,
				     .state = (uint8_t)b->state};

	static_assert((int)HS_BRIDGE_STANDBY == (int)OSA_BRIDGE_STANDBY &&
			      (int)HS_BRIDGE_ACTIVE == (int)OSA_BRIDGE_ACTIVE,
		      "states");
	if (b->adapter) {
		e.devno = be16_of(b->adapter->cfg.osa.devno[0]);
		e.chpid = b->adapter->cfg.osa.chpid;
	}
	return e;
}

/* The port itself comes first. Return: bytes. */
static size_t list_ports(const struct hs_adapter *h, struct port_list *l)
{
	const struct hs_bridge *b;
	unsigned n = 0;

	l->entry[n++] = h->role ? entry_of(h->role)
				: (struct osa_bridge_entry){.devno = be16_of(h->cfg.osa.devno[0]),
							    .chpid = h->cfg.osa.chpid};
	if (h->lan)
		TAILQ_FOREACH(b, &h->lan->bridges, next)
	if (b != h->role && n < LIST_MAX)
		l->entry[n++] = entry_of(b);
	l->head.primary_supported = 1;
	l->head.secondary_supported = 1;
	l->head.n = (uint8_t)n;
	l->head.entry_len = sizeof(l->entry[0]);
	return sizeof(l->head) + n * sizeof(l->entry[0]);
}

static void finish(struct osa_bridge *b, uint32_t sub, size_t len, uint16_t rc)
{
	b->supported = be32_of(SUBCOMMANDS);
	b->enabled = be32_of(SUBCOMMANDS);
	b->subcommand = be32_of(sub);
	b->len = be16_of((uint16_t)(len - offsetof(struct osa_bridge, len)));
	b->rc = be16_of(rc & 0xFF);
	b->parts = b->part = 1;
}

/* ---- events; role_lock is held ----------------------------------------------------------- */

/* Without room for one it is told with the next tick, or sees the state when it asks. */
static void tell(struct hs_adapter *h)
{
	struct port_list l = {0};
	size_t len = list_ports(h, &l);

	finish(&l.head.bridge, OSA_BRIDGE_STATE_CHANGE, len, 0);
	if (!hs_event(h, OSA_SETBRIDGEPORT_IQD, &l, len))
		h->roles_seen = h->lan->n_role_changes;
}

/* Of adapters with a control thread each every one tells its own host: its tick does, soon. */
void hs_role_changed(struct hs_lan *lan)
{
	const struct hs_bridge *b;

	lan->n_role_changes++;
	TAILQ_FOREACH(b, &lan->bridges, next)
	{
		if (!b->adapter || b->fitness == HS_FIT_NOT)
			continue;
		if (b->adapter->cfg.worker)
			tell(b->adapter);
		else
			qdio_group_kick(osa_group(b->adapter->osa));
	}
}

void hs_role_tick(struct hs_adapter *h)
{
	if (!h->role)
		return;
	pthread_mutex_lock(&h->lan->role_lock);
	if (h->roles_seen != h->lan->n_role_changes)
		tell(h);
	pthread_mutex_unlock(&h->lan->role_lock);
}

/* ---- commands ---------------------------------------------------------------------------- */

static bool other_family(const struct hs_lan *lan)
{
	const struct hs_bridge *b;

	TAILQ_FOREACH(b, &lan->bridges, next)
	if (!b->adapter)
		return true;
	return false;
}

static uint16_t set(struct hs_adapter *h, enum hs_role role)
{
	const struct hs_bridge_config cfg = {.role = role, .adapter = h};

	if (!h->lan || !h->running || h->layer != 2)
		return OSA_RC_BRIDGE_NO_QUEUES;
	if (other_family(h->lan))
		return OSA_RC_BRIDGE_OTHER_FAMILY;
	if (h->role && h->role->role == role)
		return OSA_RC_OK;
	if (h->role)
		return role == HS_ROLE_PRIMARY ? OSA_RC_BRIDGE_IS_SECONDARY
					       : OSA_RC_BRIDGE_IS_PRIMARY;
	if (h->vnicc.enabled != OSA_CHAR_RX_BCAST)
		return OSA_RC_BRIDGE_NOT_CONFIGURED;
	h->role = hs_bridge_new(h->lan, &cfg);
	if (!h->role)
		return errno == EEXIST	 ? OSA_RC_BRIDGE_PRIMARY_EXISTS
		       : errno == ENOSPC ? OSA_RC_BRIDGE_SECONDARIES_FULL
					 : OSA_RC_BRIDGE_NOT_AUTHORISED;
	h->role->fitness = HS_FIT_GOOD;
	hs_bridge_decide(h->lan);
	return OSA_RC_OK;
}

static void drop(struct hs_adapter *h)
{
	struct hs_bridge *b = h->role;

	h->role = NULL;
	if (b)
		hs_bridge_drop(b);
}

void hs_role_drop(struct hs_adapter *h)
{
	if (!h->role)
		return;
	pthread_mutex_lock(&h->lan->role_lock);
	drop(h);
	pthread_mutex_unlock(&h->lan->role_lock);
}

/* role_lock is held if there is a LAN. */
static uint16_t run(struct hs_adapter *h, uint32_t sub)
{
	switch (sub) {
	case OSA_BRIDGE_RESET:
		drop(h);
		return OSA_RC_OK;
	case OSA_BRIDGE_SET_PRIMARY:
		return set(h, HS_ROLE_PRIMARY);
	case OSA_BRIDGE_SET_SECONDARY:
		return set(h, HS_ROLE_SECONDARY);
	case OSA_BRIDGE_QUERY_PORTS:
		return h->lan && other_family(h->lan) ? OSA_RC_BRIDGE_OTHER_FAMILY : OSA_RC_OK;
	case OSA_BRIDGE_QUERY_COMMANDS:
		return OSA_RC_OK;
	default:
		return OSA_RC_L2_UNSUPPORTED;
	}
}

/* What is asked, answered at data but for the sub-header. Return: its code. */
static uint16_t answer(struct hs_adapter *h, uint32_t sub, uint8_t *data, size_t *len)
{
	struct osa_bridge_commands m = {.mask = be32_of(SUBCOMMANDS)};
	struct port_list l = {0};
	uint16_t rc = run(h, sub);

	if (sub == OSA_BRIDGE_QUERY_PORTS) {
		*len = list_ports(h, &l);
		memcpy(data, &l, *len);
	} else if (sub == OSA_BRIDGE_QUERY_COMMANDS) {
		*len = sizeof(m);
		memcpy(data, &m, sizeof(m));
	}
	return rc;
}

int hs_role_ipa(struct hs_adapter *h, uint8_t *data, size_t *len, size_t cap)
{
	struct hs_lan *lan = h->lan;
	struct osa_bridge b;
	uint32_t sub;
	uint16_t rc;

	if (*len < sizeof(b) || cap < sizeof(struct port_list))
		return -1;
	memcpy(&b, data, sizeof(b));
	sub = be32_get(b.subcommand);
	if (lan)
		pthread_mutex_lock(&lan->role_lock);
	rc = answer(h, sub, data, len);
	if (lan)
		pthread_mutex_unlock(&lan->role_lock);
	finish(&b, sub, *len, rc);
	memcpy(data, &b, sizeof(b));
	return OSA_RC_OK;
}
