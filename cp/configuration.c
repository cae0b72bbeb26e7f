/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exists, as statements that make it again: accounts, networks with their attributes and
 * authorizations, then NICs. Executed in an empty control program they give the same text.
 *
 * NICs that are coupled come first, so that a network with MAXCONN gives its connections to the
 * same NICs, and a contested port to who is on it. Where that is not the port of its NICDEF, a
 * COUPLE of its own brings the NIC there, with REVOKED one whose connection has outlived its
 * authority. Those that wait for their network come last, who has waited longest first.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cp/cp_priv.h"

static void print_vlan(FILE *f, const struct cp_lan *lan)
{
	if (!lan->vlan_aware)
		return;
	if (lan->default_vid)
		fprintf(f, " VLAN %u", lan->default_vid);
	else
		fputs(" VLAN AWARE", f);
	fprintf(f, " PORTTYPE %s %s NATIVE ", lan->porttype == CP_PORT_TRUNK ? "TRUNK" : "ACCESS",
		lan->mvrp   ? "MVRP"
		: lan->gvrp ? "GVRP"
			    : "NOGVRP");
	if (lan->native_vid)
		fprintf(f, "%u", lan->native_vid);
	else
		fputs("NONE", f);
}

static void print_policy(FILE *f, const struct cp_policy *p)
{
	if (p->type != CP_PORT_UNSET)
		fprintf(f, " PORTTYPE %s", p->type == CP_PORT_TRUNK ? "TRUNK" : "ACCESS");
	if (p->promisc)
		fputs(" PROMISCUOUS", f);
	if (p->has_vids) {
		fputs(" VLAN ", f);
		cp_vlans_print(f, &p->vids);
	}
}

/* What differs from the default. */
static void print_storm(FILE *f, const struct cp_lan *lan)
{
	static const char *const kind[] = {"BROADCAST", "MULTICAST", "UNKNOWN"};

	if (lan->snooping && !lan->storm[0] && !lan->storm[1] && !lan->storm[2])
		return;
	fprintf(f, "SET VSWITCH %s SNOOPING %s", lan->name, lan->snooping ? "ON" : "OFF");
	for (unsigned k = 0; k < VS_STORM_KINDS; k++)
		if (lan->storm[k])
			fprintf(f, " STORM %s %u", kind[k], lan->storm[k]);
	fputc('\n', f);
}

static void print_vswitch(FILE *f, const struct cp_lan *lan)
{
	static const char *const priorities[] = {"OFF", "ON", "PCP", "DSCP"};
	const struct cp_uplink *u = &lan->uplink;

	fprintf(f, "DEFINE VSWITCH %s %s", lan->name,
		lan->mixed	 ? "ETHERNET MIXED ON"
		: !lan->ip	 ? "ETHERNET"
		: lan->prirouter ? "IP PRIROUTER"
				 : "IP NONROUTER");
	if (u->forbidden)
		fputs(" NOUPLINK", f);
	for (unsigned i = 0; i < u->n_dev; i++) {
		const struct cp_device *d = &u->dev[i];

		if (i == 0)
			fprintf(f, " UPLINK %s", cp_device_kind(d));
		fprintf(f, d->kind == CP_UPLINK_DPDK ? " \"%s\"" : " %s", d->ifname);
	}
	if (u->group)
		fprintf(f, " GROUP %s", u->group->name);
	if (!u->connect)
		fputs(" DISCONNECT", f);
	print_vlan(f, lan);
	if (lan->portbased)
		fputs(" PORTBASED", f);
	fprintf(f, " PRIQUEUING %s IPTIMEOUT %u QUEUESTORAGE %uM %uM CONTROLLER %s\n",
		priorities[lan->priq], lan->iptimeout_min, lan->queue_min_mb, lan->queue_max_mb,
		lan->controller);
	fprintf(f, "SET VSWITCH %s MACID %06X ISOLATION %s VEPA %s MACPROTECT %s\n", lan->name,
		lan->mac.id, lan->isolation ? "ON" : "OFF", lan->vepa ? "ON" : "OFF",
		lan->macprotect == CP_ON    ? "ON"
		: lan->macprotect == CP_OFF ? "OFF"
					    : "UNSPECIFIED");
	if (lan->log || lan->vlan_counters)
		fprintf(f, "SET VSWITCH %s LOG %s VLANCOUNTERS %s\n", lan->name,
			lan->log == CP_LOG_VERBOSE ? "VERBOSE"
			: lan->log == CP_LOG_ON	   ? "ON"
						   : "OFF",
			lan->vlan_counters ? "ON" : "OFF");
	if (lan->path_mtu == VS_PATH_MTU_OFF)
		fprintf(f, "SET VSWITCH %s PATHMTUDISCOVERY OFF\n", lan->name);
	else if (lan->path_mtu != VS_PATH_MTU_EXTERNAL)
		fprintf(f, "SET VSWITCH %s PATHMTUDISCOVERY VALUE %u\n", lan->name, lan->path_mtu);
	if (u->worker)
		fprintf(f, "SET VSWITCH %s WORKER %u\n", lan->name, u->worker - 1);
	cp_rate_vswitch_print(f, lan);
	if (lan->mirror.on) {
		fprintf(f, "SET VSWITCH %s MIRROR ", lan->name);
		cp_mirror_print(f, &lan->mirror);
		fputc('\n', f);
	}
	print_storm(f, lan);
	for (const struct cp_port *p = lan->ports; p; p = p->hh.next) {
		fprintf(f, "SET VSWITCH %s PORTNUMBER %u USERID %s", lan->name, p->number, p->user);
		print_policy(f, &p->policy);
		fputc('\n', f);
	}
	for (const struct cp_grant *g = lan->grants; g; g = g->hh.next) {
		fprintf(f, "SET VSWITCH %s GRANT %s", lan->name, g->user);
		print_policy(f, &g->policy);
		fputc('\n', f);
	}
}

static void print_links(FILE *f, const struct cp_group *g, enum cp_uplink_kind kind)
{
	bool any = false;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++) {
		const struct cp_device *d = &g->member[i];

		if (!d->ifname[0] || d->kind != kind)
			continue;
		if (!any)
			fprintf(f, "SET PORT GROUP %s JOIN %s", g->name, cp_device_kind(d));
		any = true;
		fprintf(f, " %s", d->ifname);
	}
	if (any)
		fputc('\n', f);
}

static void print_group(FILE *f, const struct cp_group *g)
{
	fprintf(f, "SET PORT GROUP %s LACP %s TIMEOUT %s MINLINKS %u EXCLUSIVE INTERVAL ", g->name,
		g->active ? "ACTIVE" : "INACTIVE", g->fast ? "FAST" : "SLOW", g->min_links);
	if (g->interval_s)
		fprintf(f, "%u\n", g->interval_s);
	else
		fputs("OFF\n", f);
	print_links(f, g, CP_UPLINK_TAP);
	print_links(f, g, CP_UPLINK_NIC);
	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		if (g->member[i].ifname[0] && g->member[i].kind == CP_UPLINK_DPDK)
			fprintf(f, "SET PORT GROUP %s JOIN DPDK \"%s\"\n", g->name,
				g->member[i].ifname);
}

static void print_lan(FILE *f, const struct cp_lan *lan)
{
	fprintf(f, "DEFINE LAN %s OWNERID %s", lan->name, lan->owner);
	if (lan->hipers)
		fprintf(f, " TYPE HIPERSOCKETS MFS %s", cp_mfs_name(lan->mfs));
	else
		fprintf(f, " TYPE QDIO %s",
			lan->ip	     ? "IP"
			: lan->mixed ? "ETHERNET MIXED ON"
				     : "ETHERNET");
	if (lan->has_chpid)
		fprintf(f, " CHPID %02X", lan->chpid);
	fprintf(f, " %s ACCOUNTING %s", lan->restricted ? "RESTRICTED" : "UNRESTRICTED",
		lan->accounting ? "ON" : "OFF");
	if (lan->maxconn)
		fprintf(f, " MAXCONN %u", lan->maxconn);
	fputc('\n', f);
	for (const struct cp_grant *g = lan->grants; g; g = g->hh.next)
		fprintf(f, "SET LAN %s OWNERID %s GRANT %s%s\n", lan->name, lan->owner, g->user,
			g->policy.promisc ? " PROMISCUOUS" : "");
}

static void print_nic_rates(FILE *f, const struct cp_nic *nic)
{
	char before[48], rate[CP_RATE_TEXT];

	snprintf(before, sizeof(before), "SET NIC USER %s %04X", nic->user->name, nic->vdev);
	if (nic->guarantee.bps) {
		cp_rate_text(&nic->guarantee, rate);
		fprintf(f, "%s GUARANTEE %s\n", before, rate);
	}
	if (nic->rategroup)
		fprintf(f, "%s RATEGROUP %s\n", before, nic->rategroup->name);
	strcat(before, " RATE"); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy) */
	cp_rates_print(f, before, &nic->rates);
}

static void print_nic_attributes(FILE *f, const struct cp_nic *nic)
{
	static const char *const queues[] = {"LOW", "NORMAL", "HIGH"};
	const char *user = nic->user->name;
	unsigned portno = nic->want_port			      ? nic->want_port
			  : nic->lan && cp_nic_follows(nic, nic->lan) ? nic->portno
								      : 0;

	fprintf(f, "NICDEF %s %04X TYPE %s DEVICES %u %s %06X PQUPLINKTX %s", user, nic->vdev,
		cp_nic_type_name(nic), nic->devices,
		nic->mac.user || cp_vmlan_plain_macs(&nic->cp->vmlan) ? "MACID" : "SYSMACID",
		nic->mac.id, queues[nic->pqueue]);
	if (portno) /* also where AUTO chose it: it is to be the same again */
		fprintf(f, " PORTNUMBER %u", portno);
	if (nic->has_chpid)
		fprintf(f, " CHPID %02X", nic->chpid);
	fputc('\n', f);
	if (nic->policy.type != CP_PORT_UNSET || nic->policy.has_vids || nic->policy.promisc) {
		fprintf(f, "NICDEF %s %04X", user, nic->vdev);
		print_policy(f, &nic->policy);
		fputc('\n', f);
	}
	if (nic->macprotect != CP_UNSPECIFIED)
		fprintf(f, "SET NIC USER %s %04X MACPROTECT %s\n", user, nic->vdev,
			nic->macprotect == CP_ON ? "ON" : "OFF");
	if (nic->worker)
		fprintf(f, "SET NIC USER %s %04X WORKER %u\n", user, nic->vdev, nic->worker - 1);
	print_nic_rates(f, nic);
	if (nic->promisc)
		fprintf(f, "SET NIC USER %s %04X PROMISCUOUS\n", user, nic->vdev);
}

/* Is the NIC coupled, but not to where its NICDEF alone brings it? */
static bool strays(const struct cp_nic *nic)
{
	const struct cp_lan *lan = nic->lan;

	if (!lan || !cp_nic_follows(nic, lan))
		return lan;
	return lan->portbased && nic->want_port && nic->want_port != nic->portno;
}

static void print_revoked(FILE *f, const struct cp_nic *nic)
{
	const struct cp_policy *p = &nic->connected;

	fputs(" REVOKED", f);
	if (nic->lan->vlan_aware)
		fprintf(f, " PORTTYPE %s", p->type == CP_PORT_TRUNK ? "TRUNK" : "ACCESS");
	if (p->promisc)
		fputs(" PROMISCUOUS", f);
	if (cp_vlans_count(&p->vids)) {
		fputs(" VLAN ", f);
		cp_vlans_print(f, &p->vids);
	}
}

static void print_nic(FILE *f, const struct cp_nic *nic)
{
	const char *user = nic->user->name;
	const struct cp_lan *lan = nic->lan;

	if (nic->type == CP_NIC_CTCA) {
		cp_ctca_print(f, nic);
		return;
	}
	print_nic_attributes(f, nic);
	if (nic->lan_name[0])
		fprintf(f, "NICDEF %s %04X LAN %s %s\n", user, nic->vdev, nic->lan_owner,
			nic->lan_name);
	if (nic->lan_name[0] && (nic->held || strays(nic)))
		fprintf(f, "UNCOUPLE USER %s %04X\n", user, nic->vdev);
	if (!strays(nic))
		return;
	fprintf(f, "COUPLE USER %s %04X TO %s %s", user, nic->vdev, lan->owner, lan->name);
	if (nic->portno)
		fprintf(f, " PORTNUMBER %u", nic->portno);
	if (!cp_may_couple(nic, lan))
		print_revoked(f, nic);
	fputc('\n', f);
}

static int in_turn(const void *a, const void *b)
{
	const struct cp_nic *x = *(const struct cp_nic *const *)a;
	const struct cp_nic *y = *(const struct cp_nic *const *)b;

	/* For what is limited those come first that have it. */
	if (!x->lan != !y->lan)
		return x->lan ? -1 : 1;
	if (x->waits != y->waits)
		return x->waits < y->waits ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void print_nics(FILE *f, const struct cp *cp)
{
	const struct cp_nic **list = calloc(cp->n_nics + 1, sizeof(struct cp_nic *));
	unsigned n = 0;

	for (const struct cp_user *u = cp->users; list && u; u = u->hh.next)
		for (const struct cp_nic *nic = u->nics; nic; nic = nic->hh.next)
			list[n++] = nic;
	if (n)
		qsort(list, n, sizeof(list[0]), in_turn);
	for (unsigned i = 0; i < n; i++)
		print_nic(f, list[i]);
	for (unsigned i = 0; i < n; i++)
		cp_wire_print(f, list[i]);
	free(list);
}

static void print_workers(FILE *f, const struct cp *cp)
{
	if (!cp->has_workers)
		return;
	if (cp->n_workers)
		fprintf(f, "SET WORKERS %u", cp->n_workers);
	else
		fputs("SET WORKERS AUTO", f);
	fprintf(f, cp->workers_on[0] ? " ON %s\n" : "\n", cp->workers_on);
}

char *cp_configuration(const struct cp *cp)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	const struct cp_account *a;

	if (!f)
		return NULL;
	DL_FOREACH(cp->accounts, a)
		fprintf(f, "USER %s %s %u\n", a->user, a->group ? "GID" : "UID", a->id);
	if (cp->has_dpdk_args)
		fprintf(f, "SET DPDK ARGS \"%s\"\n", cp->dpdk_args);
	cp_rategroups_print(f, cp);
	print_workers(f, cp);
	cp_vmlan_print_prefixes(f, &cp->vmlan);
	for (const struct cp_group *g = cp->groups; g; g = g->hh.next)
		print_group(f, g);
	for (const struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next) {
		if (lan->vswitch)
			print_vswitch(f, lan);
		else
			print_lan(f, lan);
	}
	cp_bridges_print(f, cp);
	print_nics(f, cp);
	for (const struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		if (lan->orphan)
			fprintf(f, "SET LAN %s OWNERID %s ORPHANED\n", lan->name, lan->owner);
	cp_vmlan_print(f, &cp->vmlan);
	cp_traces_print(f, cp);
	fclose(f);
	return text;
}
