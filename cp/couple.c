/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The joint between a NIC and a network: who may couple, what the port then is, and the cable.
 * Source: spec/zvm-networking.md 2.6, 3.4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cp/cp_priv.h"

/* May the NIC couple without GRANT or port? */
static bool entitled(const struct cp_nic *nic, const struct cp_lan *lan)
{
	return cp_nic_follows(nic, lan) || !lan->restricted ||
	       strcmp(lan->owner, nic->user->name) == 0;
}

/*
 * A NICDEF authorizes the NIC for its network (directory network authorization), a GRANT the
 * userid; on a PORTBASED switch a port of the user's does. An unrestricted guest LAN is open, and
 * the owner needs no GRANT on his own.
 */
bool cp_may_couple(const struct cp_nic *nic, const struct cp_lan *lan)
{
	if (entitled(nic, lan) || cp_grant_find(lan, nic->user->name))
		return true;
	for (const struct cp_port *p = lan->ports; p; p = p->hh.next)
		if (strcmp(p->user, nic->user->name) == 0)
			return true;
	return false;
}

/* What a GRANT or the definition of the port says, or NULL. */
static const struct cp_policy *granted(const struct cp_nic *nic, const struct cp_lan *lan)
{
	const struct cp_grant *g = cp_grant_find(lan, nic->user->name);
	const struct cp_port *p;

	if (!lan->portbased)
		return g ? &g->policy : NULL;
	p = cp_port_find(lan, nic->portno);
	return p && strcmp(p->user, nic->user->name) == 0 ? &p->policy : NULL;
}

/*
 * NICDEF before GRANT or port before the switch's default. The owner of a LAN may see all of it.
 * @g: of the GRANT or port, or NULL.
 */
static struct cp_policy resolve(const struct cp_nic *nic, const struct cp_lan *lan,
				const struct cp_policy *g)
{
	struct cp_policy p = nic->policy;

	p.promisc |= (g && g->promisc) || strcmp(lan->owner, nic->user->name) == 0;
	if (!lan->vlan_aware) {
		p.type = CP_PORT_ACCESS;
		memset(&p.vids, 0, sizeof(p.vids));
		return p;
	}
	if (p.type == CP_PORT_UNSET)
		p.type = g && g->type != CP_PORT_UNSET ? g->type : lan->porttype;
	if (!p.has_vids && g && g->has_vids)
		p.vids = g->vids;
	else if (!p.has_vids && lan->default_vid)
		vs_vidset_add(&p.vids, lan->default_vid);
	return p;
}

/*
 * What the NIC's port on the network is, or would be. A connection that outlived its REVOKE stays
 * as it was.
 */
struct cp_policy cp_effective(const struct cp_nic *nic, const struct cp_lan *lan)
{
	bool here = nic->lan && strcmp(nic->lan->key, lan->key) == 0;

	return here && !cp_may_couple(nic, lan) ? nic->connected
						: resolve(nic, lan, granted(nic, lan));
}

/* An access port has one VLAN. */
static bool contradicts(const struct cp_lan *lan, const struct cp_policy *p)
{
	return lan->vlan_aware && p->type == CP_PORT_ACCESS && cp_vlans_count(&p->vids) > 1;
}

/*
 * Would the port of a coupled NIC be right with another GRANT or definition of its port? @g: NULL:
 * none; without any authority it stays as it is.
 */
bool cp_would_fit(const struct cp_nic *nic, const struct cp_lan *lan, const struct cp_policy *g)
{
	struct cp_policy p = resolve(nic, lan, g);

	return (!g && !entitled(nic, lan)) || !contradicts(lan, &p);
}

/* Configure the port by the policy p, which cp_effective gave. */
void cp_port_config(const struct cp_nic *nic, const struct cp_lan *lan, const struct cp_policy *p,
		    struct vs_port_config *cfg)
{
	*cfg = (struct vs_port_config){
		.role = VS_ROLE_GUEST,
		.type = p->type == CP_PORT_TRUNK ? VS_TYPE_TRUNK : VS_TYPE_ACCESS,
		.promisc_allowed = p->promisc,
		.promisc = nic->promisc,
		.mac_protect = (int8_t)nic->macprotect,
		.learning = nic->type != CP_NIC_QDIO && nic->type != CP_NIC_HIPERS,
	};
	snprintf(cfg->name, sizeof(cfg->name), "%s", nic->name);
	cp_mac_bytes(&nic->mac, cfg->own_mac);
	if (!lan->vlan_aware)
		return;
	if (cfg->type == VS_TYPE_TRUNK)
		cfg->vids = p->vids;
	else
		cfg->access_vid = cp_vlans_first(&p->vids);
}

/*
 * May the layer that its guest is known to speak be the network's? A guest that has said nothing
 * yet is asked when it starts (vs_link_ops.layer), as is one of the port socket.
 */
static bool layer_fits(const struct cp_nic *nic, const struct cp_lan *lan)
{
	struct osa_info i = {0};

	if (nic->type != CP_NIC_QDIO)
		return !lan->ip;
	if (nic->osa)
		osa_info(nic->osa, &i);
	return lan->ip ? i.layer != 2 : i.layer != 3 || lan->mixed || lan->hipers;
}

/*
 * @portno: of a PORTBASED switch, or 0.
 * @revoked: what the port was when its authority was revoked, or NULL.
 * Return: why the NIC may not couple now, CP_REFUSE_NONE if it may; nic->portno and nic->connected
 * are then set.
 */
static enum cp_refusal refusal(struct cp_nic *nic, const struct cp_lan *lan, uint16_t portno,
			       const struct cp_policy *revoked)
{
	bool may = cp_may_couple(nic, lan);
	enum cp_refusal why = CP_REFUSE_NONE;

	if ((nic->type == CP_NIC_HIPERS) != lan->hipers)
		return CP_REFUSE_TYPE;
	if (!may && !revoked)
		return CP_REFUSE_AUTH;
	if (!layer_fits(nic, lan))
		return CP_REFUSE_LAYER;
	if (lan->portbased)
		why = cp_port_choose(nic, lan, &portno);
	if (why != CP_REFUSE_NONE)
		return why;
	nic->portno = portno;
	nic->connected = may ? cp_effective(nic, lan) : *revoked;
	if (lan->n_coupled >= (lan->maxconn ? lan->maxconn : VS_PORTS_MAX - 1))
		return CP_REFUSE_FULL;
	if (contradicts(lan, &nic->connected))
		return CP_REFUSE_VLANS;
	return CP_REFUSE_NONE;
}

/*
 * @portno: of a PORTBASED switch; 0: AUTO.
 * @revoked: the NIC needs no authority: it had it when it was coupled, and its port has been this
 * since; or NULL.
 */
enum cp_refusal cp_couple(struct cp_nic *nic, struct cp_lan *lan, uint16_t portno,
			  const struct cp_policy *revoked)
{
	enum cp_refusal why = refusal(nic, lan, portno, revoked);
	struct vs_port_config cfg;
	struct cp *cp = nic->cp;
	int rc;

	if (why != CP_REFUSE_NONE) {
		nic->portno = 0;
		return why;
	}
	cp_port_config(nic, lan, &nic->connected, &cfg);
	nic->port = vs_port_create(lan->sw, &cfg);
	if (!nic->port)
		return CP_REFUSE_SYSTEM;
	cp_worker_place(cp, nic->port, nic->worker);
	rc = cp_rate_nic(nic);
	if (rc)
		cp_log(cp, "ZLN2511E NIC %s: its rates failed: %s", nic->name, strerror(-rc));
	nic->lan = lan;
	nic->waits = 0;
	DL_APPEND2(lan->coupled, nic, lan_prev, lan_next);
	lan->n_coupled++;
	cp_event_link(nic, lan, true);
	cp_nic_plug(nic, true);
	cp_mirror_apply(lan);
	return CP_REFUSE_NONE;
}

/* The adapter lets go of the port before the port goes. */
void cp_uncouple(struct cp_nic *nic)
{
	struct cp *cp = nic->cp;
	struct cp_lan *lan = nic->lan;

	if (!lan)
		return;
	cp_nic_plug(nic, false);
	cp_account(nic, "uncouple");
	cp_event_link(nic, lan, false);
	cp_forget(cp, lan->sw, nic->port);
	vs_port_destroy(nic->port);
	nic->port = NULL;
	DL_DELETE2(lan->coupled, nic, lan_prev, lan_next);
	lan->n_coupled--;
	nic->lan = NULL;
	nic->portno = 0;
	cp_wait(nic);
}

/* ---- waiting ---------------------------------------------------------------------- */

/* Does it couple to the network of its NICDEF as soon as that can be? */
bool cp_waits(const struct cp_nic *nic)
{
	return nic->lan_name[0] && !nic->lan && !nic->uplink_of && !nic->held;
}

/* If the NIC waits, it does from now on or since before. */
void cp_wait(struct cp_nic *nic)
{
	if (!cp_waits(nic))
		nic->waits = 0;
	else if (!nic->waits)
		nic->waits = ++nic->cp->last_wait;
}

/* Couple a NIC that waits for the network of its NICDEF, if it can be now. */
enum cp_refusal cp_couple_default(struct cp_nic *nic)
{
	struct cp_lan *lan;

	cp_guestuplink_came(nic);
	cp_wait(nic);
	if (!nic->waits)
		return CP_REFUSE_NONE;
	lan = cp_lan_find(nic->cp, nic->lan_owner, nic->lan_name);
	return lan ? cp_couple(nic, lan, 0, NULL) : CP_REFUSE_NONE;
}

static int by_waiting(const void *a, const void *b)
{
	const struct cp_nic *x = *(struct cp_nic *const *)a, *y = *(struct cp_nic *const *)b;

	return x->waits < y->waits ? -1 : x->waits > y->waits;
}

/*
 * NICs couple that wait for the network, which is new or has room again, or for any (NULL). Who has
 * waited longest is first.
 */
void cp_settle(struct cp *cp, const struct cp_lan *lan)
{
	struct cp_nic **list = calloc(cp->n_nics + 1, sizeof(struct cp_nic *));
	unsigned n = 0;

	for (struct cp_user *u = cp->users; list && u; u = u->hh.next)
		for (struct cp_nic *nic = u->nics; nic; nic = nic->hh.next)
			if (nic->waits && (!lan || cp_nic_follows(nic, lan)))
				list[n++] = nic;
	if (n)
		qsort(list, n, sizeof(list[0]), by_waiting);
	for (unsigned i = 0; i < n; i++)
		if (cp_couple_default(list[i]) == CP_REFUSE_FULL && lan)
			break;
	free(list);
}
