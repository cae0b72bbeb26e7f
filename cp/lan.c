/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks: virtual switches (owner SYSTEM, restricted, may have an uplink) and guest LANs (any
 * owner, no uplink). Both are one vs_switch with ports; the authorizations are kept here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "cp/cp_priv.h"

static void lan_key(char key[CP_FULL_BYTES], const char *owner, const char *name)
{
	snprintf(key, CP_FULL_BYTES, "%.8s.%.8s", owner, name);
}

struct cp_lan *cp_lan_find(struct cp *cp, const char *owner, const char *name)
{
	char key[CP_FULL_BYTES];
	struct cp_lan *lan;

	lan_key(key, owner, name);
	HASH_FIND_STR(cp->lans, key, lan);
	return lan;
}

const char *cp_lan_kind(const struct cp_lan *lan)
{
	return lan->vswitch ? "VSWITCH" : "LAN";
}

const char *cp_lan_type(const struct cp_lan *lan)
{
	return lan->hipers ? "HIPERS" : "QDIO";
}

const char *cp_mfs_name(enum hs_mfs mfs)
{
	static const char *const names[HS_MFS_COUNT] = {"16K", "24K", "40K", "64K"};

	return names[mfs];
}

struct cp_lan *cp_lan_of_chpid(const struct cp *cp, unsigned chpid)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		if (lan->has_chpid && lan->chpid == chpid)
			return lan;
	return NULL;
}

void cp_lan_title(const struct cp_lan *lan, char title[CP_TITLE_BYTES])
{
	snprintf(title, CP_TITLE_BYTES, "%s %s %s", cp_lan_kind(lan), lan->owner, lan->name);
}

static void switch_config(const struct cp_lan *lan, const struct cp *cp,
			  struct vs_switch_config *cfg)
{
	*cfg = (struct vs_switch_config){
		.kind = lan->vswitch ? VS_KIND_VSWITCH : VS_KIND_GUEST_LAN,
		.vlan_aware = lan->vlan_aware,
		.default_vid = lan->default_vid,
		.native_vid = lan->vlan_aware ? lan->native_vid : VS_VID_NONE,
		.isolation = lan->isolation,
		.vepa = lan->vepa,
		.snooping = lan->snooping,
		.ip = lan->ip,
		.layer2_only = !lan->ip && !lan->mixed && !lan->hipers,
		.ip_router = lan->prirouter,
		.path_mtu = lan->path_mtu,
		.host_age_s = lan->iptimeout_min * 60,
		.storm = {lan->storm[0], lan->storm[1], lan->storm[2]},
		.mac_protect = lan->macprotect == CP_UNSPECIFIED ? cp->vmlan.macprotect
								 : lan->macprotect == CP_ON,
	};
	if (lan->mac.id)
		cp_mac_bytes(&lan->mac, cfg->mac);
	snprintf(cfg->name, sizeof(cfg->name), "%s", lan->vswitch ? lan->name : lan->key);
}

/* Hand the switch-wide attributes to the data path. Return: 0 or -errno. */
int cp_lan_configure(struct cp_lan *lan, const struct cp *cp)
{
	struct vs_switch_config cfg;

	switch_config(lan, cp, &cfg);
	if (lan->hipers)
		cp_lan_reconfigure_ports(lan);
	return vs_switch_configure(lan->sw, &cfg);
}

void cp_lan_reconfigure_ports(struct cp_lan *lan)
{
	for (struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		cp_nic_configure(nic);
}

/* Without randomness a guest could choose addresses that share a bucket: slow, not wrong. */
static uint64_t seed(void)
{
	uint64_t v = 0;

	return getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v) ? v : 0;
}

/*
 * @model: the attributes, copied; owner and name are not in use.
 * Return: the network, or NULL and errno (ENOSPC: too many).
 */
struct cp_lan *cp_lan_create(struct cp *cp, const struct cp_lan *model)
{
	struct vs_switch_config cfg;
	struct cp_lan *lan;

	if (HASH_COUNT(cp->lans) >= CP_LANS_MAX) {
		errno = ENOSPC;
		return NULL;
	}
	lan = malloc(sizeof(*lan));
	if (!lan)
		return NULL;
	*lan = *model;
	lan_key(lan->key, lan->owner, lan->name);
	switch_config(lan, cp, &cfg);
	lan->sw = vs_switch_create(&cfg);
	if (!lan->sw)
		goto free_lan;
	if (lan->hipers) {
		lan->hs = hs_lan_create(lan->mfs, seed());
		if (!lan->hs)
			goto destroy_switch;
	}
	if (lan->vswitch) {
		char title[CP_TITLE_BYTES];

		cp_lan_title(lan, title);
		if (cp_mac_assign(cp, &lan->mac, title) < 0) {
			vs_switch_destroy(lan->sw);
			free(lan);
			errno = EADDRNOTAVAIL;
			return NULL;
		}
		cp_lan_configure(lan, cp); /* its MAC */
	}
	lan->cp = cp;
	vs_switch_set_notify(lan->sw, cp_event_address, lan);
	vs_switch_set_ip_notify(lan->sw, cp_event_ip, lan);
	vs_switch_set_refused(lan->sw, cp_event_refused, lan);
	vs_switch_set_punt(lan->sw, cp->hooks.frames, cp->hooks.ctx);
	HASH_ADD_STR(cp->lans, key, lan);
	if (cp->hooks.appeared)
		cp->hooks.appeared(cp->hooks.ctx, lan->sw);
	return lan;
destroy_switch:
	vs_switch_destroy(lan->sw);
free_lan:
	free(lan);
	return NULL;
}

static int by_name(const struct cp_nic *a, const struct cp_nic *b)
{
	return strcmp(a->name, b->name);
}

void cp_lan_destroy(struct cp *cp, struct cp_lan *lan)
{
	/* So they will wait: the order in which they were coupled is lost by a restart. */
	/* cppcheck-suppress nullPointer */
	DL_SORT2(lan->coupled, by_name, lan_prev, lan_next);
	while (lan->coupled)
		cp_uncouple(lan->coupled);
	while (lan->grants)
		/* The analyzer does not see that HASH_DELETE moves the head. */
		cp_grant_remove(cp, lan, lan->grants); /* NOLINT(clang-analyzer-unix.Malloc) */
	while (lan->ports)
		cp_port_remove(cp, lan, lan->ports); /* NOLINT(clang-analyzer-unix.Malloc) */
	cp_bridge_close(lan);
	cp_bridge_lan_gone(cp, lan);
	cp_uplink_close(cp, lan);
	cp_rate_vswitch_free(lan);
	if (lan->uplink.group)
		lan->uplink.group->owner = NULL;
	cp_mac_release(cp, &lan->mac);
	cp_forget(cp, lan->sw, NULL);
	hs_lan_destroy(lan->hs);
	vs_switch_destroy(lan->sw);
	HASH_DELETE(hh, cp->lans, lan);
	free(lan);
}

/*
 * The owner's last NIC has gone, or the first has come: its guest LANs (TRANSIENT) go as soon as
 * nobody uses them, or stay.
 */
void cp_lan_orphans(struct cp *cp, const char *owner, bool orphans)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		if (!lan->vswitch && strcmp(lan->owner, owner) == 0 && strcmp(owner, "SYSTEM") != 0)
			lan->orphan = orphans;
}

/* Between statements: destroy the guest LANs that have neither owner nor connections. */
void cp_lan_sweep(struct cp *cp)
{
	struct cp_lan *lan, *next;

	for (lan = cp->lans; lan; lan = next) {
		next = lan->hh.next;
		if (!lan->orphan || lan->coupled)
			continue;
		cp_log(cp, "ZLN2012I LAN %s %s is destroyed: its owner has gone", lan->owner,
		       lan->name);
		cp_lan_destroy(cp, lan);
	}
}

/* ---- authorizations --------------------------------------------------------------- */

struct cp_grant *cp_grant_find(const struct cp_lan *lan, const char *user)
{
	struct cp_grant *g;

	HASH_FIND_STR(lan->grants, user, g);
	return g;
}

/* Return: the new grant, or NULL: too many. */
struct cp_grant *cp_grant_add(struct cp *cp, struct cp_lan *lan, const char *user)
{
	struct cp_grant *g;

	if (cp->n_grants >= CP_GRANTS_MAX)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	snprintf(g->user, sizeof(g->user), "%s", user);
	g->policy.type = CP_PORT_UNSET;
	HASH_ADD_STR(lan->grants, user, g);
	cp->n_grants++;
	return g;
}

void cp_grant_remove(struct cp *cp, struct cp_lan *lan, struct cp_grant *g)
{
	HASH_DELETE(hh, lan->grants, g);
	cp->n_grants--;
	free(g);
}
