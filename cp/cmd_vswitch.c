/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DEFINE, SET and DETACH VSWITCH.
 * Source: spec/zvm-networking.md 2.1 - 2.3.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

static bool given(const struct cp_run *run, enum cp_op op)
{
	return run->args->v[op].given;
}

static int conflict(struct cp_run *run, const char *a, const char *why)
{
	return cp_error(run, CP_E_CONFLICT, a, why, NULL);
}

/* ---- what DEFINE and SET have in common ------------------------------------------- */

/* What names, or ends, the uplink's devices: at most one of them. */
static const struct {
	enum cp_op op;
	const char *name;
} device_operand[] = {
	{CP_OP_TAP, "UPLINK TAP"},   {CP_OP_UPLINK_NIC, "UPLINK NIC"},
	{CP_OP_DPDK, "UPLINK DPDK"}, {CP_OP_UPLINK_NONE, "UPLINK NONE"},
	{CP_OP_RDEV, "RDEV NONE"},   {CP_OP_NOUPLINK, "NOUPLINK"},
};

#define DEVICE_OPERANDS (sizeof(device_operand) / sizeof(device_operand[0]))

/* What changes the uplink and may fail stands alone, beside GRANT and REVOKE. */
static int check_devices(struct cp_run *run)
{
	const char *first = NULL;
	char why[48];

	for (size_t i = 0; i < DEVICE_OPERANDS; i++) {
		if (!given(run, device_operand[i].op))
			continue;
		snprintf(why, sizeof(why), "%.24s was given too", first ? first : "");
		if (first)
			return conflict(run, device_operand[i].name, why);
		first = device_operand[i].name;
	}
	if (!first)
		first = given(run, CP_OP_CONNECT) ? "CONNECT"
			: given(run, CP_OP_GROUP) ? "GROUP"
						  : NULL;
	if (first && given(run, CP_OP_GRANT))
		return conflict(run, first, "GRANT was given too; use two statements");
	if (first && given(run, CP_OP_REVOKE))
		return conflict(run, first, "REVOKE was given too; use two statements");
	return 0;
}

/* Operands that exclude each other. Return: 0 or -1. */
static int check_pairs(struct cp_run *run)
{
	static const struct {
		enum cp_op a, b;
		const char *name, *other;
	} pair[] = {
		{CP_OP_CONNECT, CP_OP_DISCONNECT, "DISCONNECT", "CONNECT was given too"},
		{CP_OP_GVRP, CP_OP_NOGVRP, "NOGVRP", "GVRP was given too"},
		{CP_OP_GVRP, CP_OP_MVRP, "MVRP", "GVRP was given too"},
		{CP_OP_MVRP, CP_OP_NOGVRP, "NOGVRP", "MVRP was given too"},
		{CP_OP_GRANT, CP_OP_REVOKE, "REVOKE", "GRANT was given too"},
		{CP_OP_PROMISC, CP_OP_NOPROMISC, "NOPROMISCUOUS", "PROMISCUOUS was given too"},
		{CP_OP_GROUP, CP_OP_NOGROUP, "NOGROUP", "GROUP was given too"},
		{CP_OP_GROUP, CP_OP_NOUPLINK, "NOUPLINK", "GROUP was given too"},
		{CP_OP_ETHERNET, CP_OP_IP, "IP", "ETHERNET was given too"},
		{CP_OP_NONROUTER, CP_OP_PRIROUTER, "PRIROUTER", "NONROUTER was given too"},
		{CP_OP_PMTUD, CP_OP_PMTUD_VALUE, "PATHMTUDISCOVERY", "it was given twice"},
	};

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		if (given(run, pair[i].a) && given(run, pair[i].b))
			return conflict(run, pair[i].name, pair[i].other);
	if (given(run, CP_OP_UPLINK) && !given(run, CP_OP_RDEV) && !given(run, CP_OP_CONNECT) &&
	    !given(run, CP_OP_DISCONNECT))
		return cp_error(run, CP_E_MISSING, "TAP ifname, NIC ifname, DPDK device or NONE",
				run->args->title, NULL);
	return check_devices(run);
}

/* What only a switch in IP mode has, and what it does not have. Return: 0 or -1. */
static int check_transport(struct cp_run *run, bool ip)
{
	static const char needs[] = "needs a switch in IP mode: DEFINE VSWITCH name IP";
	const char *router = given(run, CP_OP_NONROUTER)   ? "NONROUTER"
			     : given(run, CP_OP_PRIROUTER) ? "PRIROUTER"
							   : NULL;

	if (ip && given(run, CP_OP_MIXED) && run->args->v[CP_OP_MIXED].choice == 1)
		return conflict(run, "MIXED", "it needs an ETHERNET switch");
	if (!ip && router)
		return conflict(run, router, needs);
	if (!ip && given(run, CP_OP_PMTUD_VALUE))
		return conflict(run, "PATHMTUDISCOVERY VALUE", needs);
	if (ip && given(run, CP_OP_BRIDGE_LAN))
		return conflict(run, "BRIDGEPORT LAN",
				"it needs an ETHERNET switch: layer 3 is not bridged");
	if (ip && run->args->v[CP_OP_VEPA].choice == 1 && given(run, CP_OP_VEPA))
		return conflict(run, "VEPA",
				"it needs an ETHERNET switch: in IP mode all guests "
				"have one MAC outside");
	return 0;
}

/* Attributes that are stored as they are. */
static void read_attributes(const struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;

	if (v[CP_OP_PRIQ].given)
		lan->priq = v[CP_OP_PRIQ].choice;
	if (v[CP_OP_LOG].given)
		lan->log = (enum cp_log_level)v[CP_OP_LOG].choice;
	if (v[CP_OP_VLANCOUNTERS].given)
		lan->vlan_counters = v[CP_OP_VLANCOUNTERS].choice == 1;
	if (v[CP_OP_ISOLATION].given)
		lan->isolation = v[CP_OP_ISOLATION].choice == 1;
	if (v[CP_OP_VEPA].given)
		lan->vepa = v[CP_OP_VEPA].choice == 1;
	if (v[CP_OP_MACPROTECT].given)
		lan->macprotect = v[CP_OP_MACPROTECT].choice == 2
					  ? CP_UNSPECIFIED
					  : (enum cp_tristate)v[CP_OP_MACPROTECT].choice;
	if (v[CP_OP_NONROUTER].given || v[CP_OP_PRIROUTER].given)
		lan->prirouter = v[CP_OP_PRIROUTER].given;
	if (v[CP_OP_PMTUD].given)
		lan->path_mtu = v[CP_OP_PMTUD].choice == 1 ? VS_PATH_MTU_OFF : VS_PATH_MTU_EXTERNAL;
	if (v[CP_OP_PMTUD_VALUE].given)
		lan->path_mtu = v[CP_OP_PMTUD_VALUE].num;
	if (v[CP_OP_MIXED].given)
		lan->mixed = v[CP_OP_MIXED].choice == 1;
	if (v[CP_OP_IPTIMEOUT].given)
		lan->iptimeout_min = v[CP_OP_IPTIMEOUT].num;
	if (v[CP_OP_QUEUESTORAGE].given) {
		lan->queue_min_mb = v[CP_OP_QUEUESTORAGE].num;
		lan->queue_max_mb = v[CP_OP_QUEUESTORAGE].num2;
	}
	if (v[CP_OP_CONTROLLER].given)
		snprintf(lan->controller, sizeof(lan->controller), "%.79s",
			 v[CP_OP_CONTROLLER].choice == 0 ? "*" : v[CP_OP_CONTROLLER].word);
	if (v[CP_OP_GVRP].given || v[CP_OP_MVRP].given || v[CP_OP_NOGVRP].given) {
		lan->gvrp = !v[CP_OP_NOGVRP].given;
		lan->mvrp = v[CP_OP_MVRP].given;
	}
	if (v[CP_OP_SNOOPING].given)
		lan->snooping = v[CP_OP_SNOOPING].choice == 1;
	for (unsigned k = 0; k < VS_STORM_KINDS; k++)
		if (v[CP_OP_STORM_BROADCAST + k].given)
			lan->storm[k] = v[CP_OP_STORM_BROADCAST + k].choice == 0
						? 0
						: v[CP_OP_STORM_BROADCAST + k].num;
	if (v[CP_OP_NATIVE].given)
		lan->native_vid =
			v[CP_OP_NATIVE].choice == 0 ? VS_VID_NONE : (uint16_t)v[CP_OP_NATIVE].num;
	if (v[CP_OP_PORTTYPE].given && !v[CP_OP_GRANT].given && !v[CP_OP_PORTNUMBER].given)
		lan->porttype = (enum cp_porttype)v[CP_OP_PORTTYPE].choice;
}

/* The operands that mean nothing to a VLAN unaware switch. Return: name, or NULL. */
static const char *vlan_operand(const struct cp_run *run)
{
	return given(run, CP_OP_PORTTYPE) ? "PORTTYPE"
	       : given(run, CP_OP_GVRP)	  ? "GVRP"
	       : given(run, CP_OP_MVRP)	  ? "MVRP"
	       : given(run, CP_OP_NATIVE) ? "NATIVE"
					  : NULL;
}

/* Does the statement name devices? */
static bool names_devices(const struct cp_run *run)
{
	return given(run, CP_OP_TAP) || given(run, CP_OP_UPLINK_NIC) || given(run, CP_OP_DPDK);
}

static void set_devices(const struct cp_run *run, struct cp_uplink *u)
{
	enum cp_op op = given(run, CP_OP_TAP) ? CP_OP_TAP : CP_OP_UPLINK_NIC;
	const char *at = run->args->v[op].word;

	if (given(run, CP_OP_DPDK)) {
		u->n_dev = 1;
		u->dev[0] = (struct cp_device){.kind = CP_UPLINK_DPDK};
		snprintf(u->dev[0].ifname, sizeof(u->dev[0].ifname), "%s",
			 cp_text(run, CP_OP_DPDK));
		return;
	}
	for (u->n_dev = 0; *at && u->n_dev < CP_UPLINK_DEVICES; u->n_dev++) {
		struct cp_device *d = &u->dev[u->n_dev];
		int len = (int)strcspn(at, " ");

		*d = (struct cp_device){.kind = op == CP_OP_TAP		       ? CP_UPLINK_TAP
						: memchr(at, '/', (size_t)len) ? CP_UPLINK_GUEST
									       : CP_UPLINK_NIC};
		snprintf(d->ifname, sizeof(d->ifname), "%.*s", len, at);
		at += len + (at[len] == ' ');
	}
}

/* A guest's NIC that is to be an uplink. It need not exist yet. */
static int check_guest(struct cp_run *run, const struct cp_device *d)
{
	const struct cp_nic *nic = cp_guestuplink_nic(run->cp, d);
	char title[CP_TITLE_BYTES];

	if (nic && nic->type == CP_NIC_CTCA)
		return cp_error(run, CP_E_IS_CTCA, nic->name, NULL, NULL);
	if (nic && nic->type == CP_NIC_HIPERS)
		return conflict(run, nic->name, "a NIC of TYPE HIPERSOCKETS has no frames for it");
	if (!nic || !nic->lan)
		return 0;
	cp_lan_title(nic->lan, title);
	return cp_error(run, CP_E_COUPLED, nic->name, title, NULL);
}

static int check_device(struct cp_run *run, const struct cp_lan *lan, const struct cp_uplink *u,
			unsigned i)
{
	char user[CP_TITLE_BYTES];
	const char *ifname = u->dev[i].ifname;

	if (cp_device_user(run->cp, ifname, lan, user, sizeof(user)))
		return cp_error(run, CP_E_IFNAME_USED, ifname, user, NULL);
	for (unsigned k = 0; k < i; k++)
		if (strcmp(u->dev[k].ifname, ifname) == 0)
			return conflict(run, ifname, "was given twice");
	return u->dev[i].kind == CP_UPLINK_GUEST ? check_guest(run, &u->dev[i]) : 0;
}

/* @lan: NULL: it is being defined. */
static int check_uplink(struct cp_run *run, const struct cp_lan *lan)
{
	const char *name = cp_text(run, CP_OP_DPDK);
	struct cp_uplink u = {0};
	const struct cp_group *g;

	if (given(run, CP_OP_DPDK) &&
	    (!*name || strlen(name) >= CP_IFNAME_BYTES || strpbrk(name, " \t")))
		return cp_error(run, CP_E_BAD_OPERAND, "DPDK",
				"a device has 1-255 characters without blanks", NULL);
	if (lan && lan->uplink.forbidden && (names_devices(run) || given(run, CP_OP_GROUP)))
		return cp_error(run, CP_E_NOUPLINK, lan->name, NULL, NULL);
	if (names_devices(run))
		set_devices(run, &u);
	for (unsigned i = 0; i < u.n_dev; i++)
		if (check_device(run, lan, &u, i) < 0)
			return -1;
	for (unsigned i = 0; given(run, CP_OP_CONNECT) && lan && !u.n_dev && i < lan->uplink.n_dev;
	     i++)
		if (check_guest(run, &lan->uplink.dev[i]) < 0)
			return -1;
	if (!given(run, CP_OP_GROUP))
		return 0;
	g = cp_group_find(run->cp, run->args->v[CP_OP_GROUP].word);
	if (!g)
		return cp_error(run, CP_E_GROUP_UNKNOWN, run->args->v[CP_OP_GROUP].word, NULL,
				NULL);
	if (g->owner && g->owner != lan)
		return cp_error(run, CP_E_GROUP_USED, g->name, g->owner->name, g->owner->name);
	return 0;
}

static void set_group(const struct cp_run *run, struct cp_lan *lan)
{
	if (!given(run, CP_OP_GROUP))
		return;
	lan->uplink.group = cp_group_find(run->cp, run->args->v[CP_OP_GROUP].word);
	lan->uplink.group->owner = lan;
}

/*
 * A device of an uplink could not be opened. From a file it is kept and tried again later: a host
 * interface that is missing at start must not cost the switch.
 * Return: 0 or -1 after a message.
 */
static int not_open(struct cp_run *run, struct cp_lan *lan, const char *device, const char *why)
{
	if (!run->cp->in_file)
		return cp_error(run, CP_E_UPLINK, device, lan->name, why);
	lan->uplink.retry_s = run->cp->now_s;
	cp_log(run->cp, "ZLN2832E Connection %s for VSWITCH SYSTEM %s is not active: %s", device,
	       lan->name, why);
	return 0;
}

/* Open the uplink a statement asked for. Return: as not_open. */
static int open_uplink(struct cp_run *run, struct cp_lan *lan)
{
	const char *device, *why;

	if (cp_uplink_open(run->cp, lan) == 0)
		return 0;
	why = cp_uplink_error(&lan->uplink, &device);
	return not_open(run, lan, device, why);
}

/* ---- DEFINE ----------------------------------------------------------------------- */

static int define_check(struct cp_run *run, const char *name)
{
	const struct cp_lan *other = cp_lan_find(run->cp, "SYSTEM", name);
	const struct cp_value *vlan = &run->args->v[CP_OP_VLAN];
	bool aware = vlan->given && vlan->choice != 0;

	if (other && other->vswitch)
		return cp_error(run, CP_E_SWITCH_EXISTS, name, NULL, NULL);
	if (other)
		return cp_error(run, CP_E_OTHER_KIND, name, "guest LAN of SYSTEM", NULL);
	if (check_pairs(run) < 0 || check_transport(run, given(run, CP_OP_IP)) < 0 ||
	    cp_vmlan_check_lan(run, "SYSTEM") < 0)
		return -1;
	if (given(run, CP_OP_USERBASED) && given(run, CP_OP_PORTBASED))
		return conflict(run, "PORTBASED", "USERBASED was given too");
	if (!aware && vlan_operand(run))
		return conflict(run, vlan_operand(run), "needs VLAN vid or VLAN AWARE");
	return check_uplink(run, NULL) < 0 ? -1 : cp_bridge_check(run, NULL);
}

static void define_vlan(const struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *vlan = &run->args->v[CP_OP_VLAN];

	if (!vlan->given || vlan->choice == 0)
		return;
	lan->vlan_aware = true;
	lan->gvrp = true;
	lan->native_vid = 1;
	if (vlan->choice < 0)
		lan->default_vid = (uint16_t)vlan->num;
}

static struct cp_lan new_vswitch(const char *name)
{
	struct cp_lan lan = {
		.owner = "SYSTEM",
		.vswitch = true,
		.restricted = true,
		.snooping = true,
		.porttype = CP_PORT_ACCESS,
		.macprotect = CP_UNSPECIFIED,
		.iptimeout_min = 5,
		.queue_min_mb = 8,
		.queue_max_mb = 256,
		.controller = "*",
		.uplink.connect = true,
	};

	snprintf(lan.name, sizeof(lan.name), "%.8s", name);
	return lan;
}

void cp_do_define_vswitch(struct cp_run *run)
{
	const char *name = run->args->v[CP_OP_NAME].word;
	struct cp_lan model = new_vswitch(name), *lan;

	if (define_check(run, name) < 0)
		return;
	define_vlan(run, &model);
	read_attributes(run, &model);
	model.ip = given(run, CP_OP_IP);
	model.portbased = given(run, CP_OP_PORTBASED);
	model.uplink.forbidden = given(run, CP_OP_NOUPLINK);
	model.uplink.connect = !given(run, CP_OP_DISCONNECT);
	model.uplink.active = CP_ACTIVE_NONE;
	if (names_devices(run))
		set_devices(run, &model.uplink);
	lan = cp_lan_create(run->cp, &model);
	if (!lan && errno == ENOSPC) {
		cp_error(run, CP_E_LIMIT, name, "256 networks", NULL);
	} else if (!lan && errno == EADDRNOTAVAIL) {
		cp_error(run, CP_E_LIMIT, name, "the MACIDRANGE SYSTEM (SET VMLAN)", NULL);
	} else if (!lan) {
		cp_error(run, CP_E_SYSTEM, name, strerror(errno), NULL);
	} else if (set_group(run, lan), open_uplink(run, lan) < 0 || cp_bridge_set(run, lan) < 0) {
		cp_lan_destroy(run->cp, lan);
	} else {
		run->changed = true;
		cp_say(run, "VSWITCH SYSTEM %s is created", name);
		cp_settle(run->cp, lan);
	}
}

/* ---- SET -------------------------------------------------------------------------- */

static bool one_vlan(const struct cp_policy *p, enum cp_porttype inherit)
{
	enum cp_porttype type = p->type == CP_PORT_UNSET ? inherit : p->type;

	return !p->has_vids || type == CP_PORT_TRUNK || cp_vlans_count(&p->vids) == 1;
}

/* No access port of the switch may end up with several VLANs. */
static int check_ports(struct cp_run *run, const struct cp_lan *want)
{
	for (const struct cp_grant *g = want->grants; g; g = g->hh.next)
		if (!one_vlan(&g->policy, want->porttype))
			return cp_error(run, CP_E_ACCESS_VLANS, g->user, NULL, NULL);
	for (const struct cp_port *port = want->ports; port; port = port->hh.next)
		if (!one_vlan(&port->policy, want->porttype))
			return cp_error(run, CP_E_ACCESS_VLANS, port->user, NULL, NULL);
	for (const struct cp_nic *nic = want->coupled; nic; nic = nic->lan_next) {
		struct cp_policy p = cp_effective(nic, want);

		if (p.type == CP_PORT_ACCESS && cp_vlans_count(&p.vids) > 1)
			return cp_error(run, CP_E_ACCESS_VLANS, nic->name, NULL, NULL);
	}
	return 0;
}

/* SET VSWITCH name VLAN vid: the default VID. */
static int set_default_vid(struct cp_run *run, struct cp_lan *want)
{
	const struct cp_value *v = &run->args->v[CP_OP_VLAN];

	if (!v->given)
		return 0;
	if (!want->vlan_aware && v->choice == 0)
		return 0;
	if (!want->vlan_aware)
		return cp_error(run, CP_E_VLAN_UNAWARE, "VLAN", want->name, NULL);
	if (v->choice == 0)
		return conflict(run, "VLAN UNAWARE",
				"awareness cannot change; DETACH and DEFINE the switch anew");
	if (v->choice < 0 && cp_vlans_count(&run->args->vids) != 1)
		return cp_error(run, CP_E_BAD_OPERAND, "VLAN",
				"without GRANT it is one default VID", NULL);
	want->default_vid = v->choice == 1 ? VS_VID_NONE : (uint16_t)v->num;
	return 0;
}

/* A NICDEF that goes on to authorize its NIC may need what the GRANT says. */
static int check_revoke(struct cp_run *run, const struct cp_lan *lan)
{
	const char *user = run->args->v[CP_OP_REVOKE].word;

	if (!cp_grant_find(lan, user))
		return cp_error(run, CP_E_NOT_GRANTED, user, lan->name, NULL);
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		if (strcmp(nic->user->name, user) == 0 && !cp_would_fit(nic, lan, NULL))
			return cp_error(run, CP_E_ACCESS_VLANS, nic->name, NULL, NULL);
	return 0;
}

static int check_grant(struct cp_run *run, const struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	bool attributes = v[CP_OP_PORTTYPE].given || v[CP_OP_VLAN].given ||
			  v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given;
	const char *user = v[CP_OP_GRANT].word;

	if (!v[CP_OP_GRANT].given && !v[CP_OP_PORTNUMBER].given &&
	    (v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given))
		return conflict(run, "PROMISCUOUS", "needs GRANT userid");
	if (v[CP_OP_REVOKE].given && check_revoke(run, lan) < 0)
		return -1;
	if (!v[CP_OP_GRANT].given)
		return 0;
	if (!attributes && cp_grant_find(lan, user))
		return cp_error(run, CP_E_GRANTED, user, lan->name, NULL);
	if (v[CP_OP_VLAN].choice >= 0)
		return cp_error(run, CP_E_BAD_OPERAND, "VLAN",
				"with GRANT it is a list of VIDs as 10 20-30", NULL);
	if (!lan->vlan_aware && (v[CP_OP_VLAN].given || v[CP_OP_PORTTYPE].given))
		return cp_error(run, CP_E_VLAN_UNAWARE, v[CP_OP_VLAN].given ? "VLAN" : "PORTTYPE",
				lan->name, NULL);
	return 0;
}

static int set_grant(struct cp_run *run, struct cp_lan *lan)
{
	const char *user = run->args->v[CP_OP_GRANT].word;
	struct cp_grant *g = cp_grant_find(lan, user);
	struct cp_policy old;
	bool is_new = !g;

	if (!g)
		g = cp_grant_add(run->cp, lan, user);
	if (!g)
		return cp_error(run, CP_E_LIMIT, user, "16384 authorizations", NULL);
	old = g->policy;
	cp_read_policy(run, &g->policy);
	if (check_ports(run, lan) == 0)
		return 0;
	g->policy = old;
	if (is_new)
		cp_grant_remove(run->cp, lan, g);
	return -1;
}

static int set_macid(struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *v = &run->args->v[CP_OP_MACID];
	char title[CP_TITLE_BYTES], id[8];

	if (!v->given)
		return 0;
	cp_lan_title(lan, title);
	snprintf(id, sizeof(id), "%06X", v->num);
	if (cp_mac_set(run->cp, &lan->mac, v->num, false, title) == 0)
		return 0;
	return cp_error(run, CP_E_MAC_USED, id, cp_mac_user(run->cp, v->num)->owner, NULL);
}

static bool same_devices(const struct cp_uplink *a, const struct cp_uplink *b)
{
	bool same = a->n_dev == b->n_dev;

	for (unsigned i = 0; same && i < a->n_dev; i++)
		same = a->dev[i].kind == b->dev[i].kind &&
		       strcmp(a->dev[i].ifname, b->dev[i].ifname) == 0;
	return same;
}

/* What an uplink is to be, without what there is of it. */
static struct cp_uplink definition(const struct cp_uplink *u)
{
	struct cp_uplink d = *u;

	for (unsigned i = 0; i < d.n_dev; i++) {
		d.dev[i].handle = NULL;
		d.dev[i].port = NULL;
	}
	d.port = NULL;
	d.lag = NULL;
	d.members = 0;
	d.draining = 0;
	d.active = CP_ACTIVE_NONE;
	return d;
}

/* It is closed. */
static void define(struct cp_lan *lan, const struct cp_uplink *want)
{
	if (lan->uplink.group)
		lan->uplink.group->owner = NULL;
	lan->uplink = *want;
	if (lan->uplink.group)
		lan->uplink.group->owner = lan;
}

/* One that is open gets other devices or another group. */
static int change_uplink(struct cp_run *run, struct cp_lan *lan, const struct cp_uplink *want)
{
	struct cp_uplink_fault f = {0};
	int rc = cp_uplink_change(run->cp, lan, want, run->cp->in_file, &f);

	cp_settle(run->cp, NULL); /* NICs that it has given back */
	return rc ? not_open(run, lan, f.device, f.why) : 0;
}

/* A failed change of the uplink brings the old one back. */
static int set_uplink(struct cp_run *run, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink, old = definition(u), want = old;

	if (names_devices(run))
		set_devices(run, &want);
	if (given(run, CP_OP_UPLINK_NONE) || given(run, CP_OP_RDEV))
		want.n_dev = 0;
	if (given(run, CP_OP_CONNECT) || given(run, CP_OP_DISCONNECT))
		want.connect = given(run, CP_OP_CONNECT);
	if (given(run, CP_OP_GROUP))
		want.group = cp_group_find(run->cp, run->args->v[CP_OP_GROUP].word);
	if (given(run, CP_OP_NOGROUP))
		want.group = NULL;
	if (same_devices(&want, &old) && want.connect == old.connect && want.group == old.group &&
	    (u->port || (!want.n_dev && !want.group) || !want.connect))
		return 0;
	if (u->port && want.connect && (want.n_dev || want.group))
		return change_uplink(run, lan, &want);
	cp_uplink_close(run->cp, lan);
	define(lan, &want);
	if (open_uplink(run, lan) == 0) {
		cp_settle(run->cp, NULL); /* NICs that it has given back */
		return 0;
	}
	cp_uplink_close(run->cp, lan);
	define(lan, &old);
	cp_uplink_open(run->cp, lan);
	return -1;
}

static int set_check(struct cp_run *run, const struct cp_lan *lan, struct cp_lan *want)
{
	const struct cp_value *macid = &run->args->v[CP_OP_MACID];
	const struct cp_macid *user = macid->given ? cp_mac_user(run->cp, macid->num) : NULL;

	if (check_pairs(run) < 0 || check_transport(run, lan->ip) < 0 ||
	    cp_ports_check(run, lan) < 0 || check_grant(run, lan) < 0 ||
	    check_uplink(run, lan) < 0 || cp_bridge_check(run, lan) < 0)
		return -1;
	if (!lan->vlan_aware && vlan_operand(run) && !given(run, CP_OP_GRANT))
		return cp_error(run, CP_E_VLAN_UNAWARE, vlan_operand(run), lan->name, NULL);
	if (!lan->vlan_aware && (given(run, CP_OP_NATIVE) || given(run, CP_OP_GVRP)))
		return cp_error(run, CP_E_VLAN_UNAWARE,
				given(run, CP_OP_NATIVE) ? "NATIVE" : "GVRP", lan->name, NULL);
	if (!given(run, CP_OP_GRANT) && !given(run, CP_OP_PORTNUMBER) &&
	    set_default_vid(run, want) < 0)
		return -1;
	if (user && user != &lan->mac) {
		char id[8];

		snprintf(id, sizeof(id), "%06X", macid->num);
		return cp_error(run, CP_E_MAC_USED, id, user->owner, NULL);
	}
	read_attributes(run, want);
	if (want->vepa && want->isolation)
		return conflict(run, given(run, CP_OP_VEPA) ? "VEPA" : "ISOLATION",
				"ISOLATION and VEPA exclude each other");
	if (want->vepa && want->uplink.forbidden)
		return conflict(run, "VEPA",
				"frames between guests go by the uplink, and NOUPLINK was given");
	return check_ports(run, want);
}

/* Everything has been checked but the authorization and the uplink, so those come first. */
static void set_apply(struct cp_run *run, struct cp_lan *lan, const struct cp_lan *want)
{
	if (set_uplink(run, lan) < 0 || cp_bridge_set(run, lan) < 0)
		return;
	lan->priq = want->priq;
	lan->log = want->log;
	lan->vlan_counters = want->vlan_counters;
	lan->isolation = want->isolation;
	lan->vepa = want->vepa;
	lan->macprotect = want->macprotect;
	lan->prirouter = want->prirouter;
	lan->mixed = want->mixed;
	lan->path_mtu = want->path_mtu;
	lan->iptimeout_min = want->iptimeout_min;
	lan->queue_min_mb = want->queue_min_mb;
	lan->queue_max_mb = want->queue_max_mb;
	memcpy(lan->controller, want->controller, sizeof(lan->controller));
	lan->gvrp = want->gvrp;
	lan->mvrp = want->mvrp;
	lan->snooping = want->snooping;
	memcpy(lan->storm, want->storm, sizeof(lan->storm));
	lan->native_vid = want->native_vid;
	lan->default_vid = want->default_vid;
	lan->porttype = want->porttype;
	set_macid(run, lan);
	cp_lan_configure(lan, run->cp);
	cp_lan_reconfigure_ports(lan);
	cp_rate_vswitch_set(run, lan);
	if (run->args->v[CP_OP_WORKER].given) {
		lan->uplink.worker = cp_worker_asked(run);
		cp_worker_place_uplink(run->cp, lan);
	}
	cp_mirror_set(run, lan);
	if (vs_switch_vlan_counters(lan->sw, lan->vlan_counters))
		lan->vlan_counters = false; /* no memory */
	cp_settle(run->cp, lan);
	run->changed = true;
	cp_say(run, "Command complete");
}

static void switchover(struct cp_run *run, struct cp_lan *lan)
{
	for (unsigned op = 0; op < CP_OP_COUNT; op++)
		if (op != CP_OP_NAME && op != CP_OP_SWITCHOVER && run->args->v[op].given) {
			conflict(run, "SWITCHOVER", "it stands alone");
			return;
		}
	if (!run->cp->check && cp_uplink_switchover(run->cp, lan) < 0)
		cp_error(run, CP_E_NO_BACKUP, lan->name, NULL, NULL);
	else
		cp_say(run, "Command complete");
}

void cp_do_set_vswitch(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	struct cp_lan *lan = cp_lan_find(run->cp, "SYSTEM", v[CP_OP_NAME].word), want;
	bool any = false;

	if (!lan || !lan->vswitch) {
		cp_error(run, CP_E_SWITCH_UNKNOWN, v[CP_OP_NAME].word, NULL, NULL);
		return;
	}
	for (unsigned op = 0; op < CP_OP_COUNT; op++)
		any |= op != CP_OP_NAME && v[op].given;
	if (!any) {
		cp_error(run, CP_E_MISSING, "an attribute", run->args->title, NULL);
		return;
	}
	if (v[CP_OP_SWITCHOVER].given) {
		switchover(run, lan);
		return;
	}
	want = *lan;
	if (set_check(run, lan, &want) < 0 || cp_rate_vswitch_check(run, lan) < 0 ||
	    cp_mirror_check(run) < 0)
		return;
	if (v[CP_OP_GRANT].given && set_grant(run, lan) < 0)
		return;
	if (v[CP_OP_REVOKE].given)
		cp_grant_remove(run->cp, lan, cp_grant_find(lan, v[CP_OP_REVOKE].word));
	if (cp_ports_set(run, lan) < 0)
		return;
	set_apply(run, lan, &want);
}

void cp_do_detach_vswitch(struct cp_run *run)
{
	const char *name = run->args->v[CP_OP_NAME].word;
	struct cp_lan *lan = cp_lan_find(run->cp, "SYSTEM", name);

	if (!lan || !lan->vswitch) {
		cp_error(run, CP_E_SWITCH_UNKNOWN, name, NULL, NULL);
		return;
	}
	cp_lan_destroy(run->cp, lan);
	cp_settle(run->cp, NULL); /* NICs that it has given back */
	run->changed = true;
	cp_say(run, "VSWITCH SYSTEM %s is destroyed", name);
}
