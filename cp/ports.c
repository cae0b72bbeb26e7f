/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports of a PORTBASED switch: numbered, each of one user, with type and VLANs of its own. They are
 * made by SET VSWITCH PORTNUMBER before anybody couples; VLANID changes the VLANs of many at once.
 * A NICDEF that names the switch authorizes its NIC for a port without a definition.
 * Source: spec/zvm-networking.md 2.2, 2.6.
 */
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

struct cp_port *cp_port_find(const struct cp_lan *lan, uint16_t number)
{
	struct cp_port *p;

	HASH_FIND(hh, lan->ports, &number, sizeof(number), p);
	return p;
}

static int by_number(const struct cp_port *a, const struct cp_port *b)
{
	return a->number - b->number;
}

/* Ports count as authorizations. Return: the new port, or NULL: too many. */
static struct cp_port *port_add(struct cp *cp, struct cp_lan *lan, uint16_t number,
				const char *user)
{
	struct cp_port *p = cp->n_grants < CP_GRANTS_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->number = number;
	snprintf(p->user, sizeof(p->user), "%.8s", user);
	p->policy.type = CP_PORT_UNSET;
	HASH_ADD(hh, lan->ports, number, sizeof(p->number), p);
	HASH_SORT(lan->ports, by_number);
	cp->n_grants++;
	return p;
}

void cp_port_remove(struct cp *cp, struct cp_lan *lan, struct cp_port *port)
{
	HASH_DELETE(hh, lan->ports, port);
	cp->n_grants--;
	free(port);
}

/* The NIC that is on the port, or NULL. */
struct cp_nic *cp_port_nic(const struct cp_lan *lan, uint16_t number)
{
	for (struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		if (nic->portno == number)
			return nic;
	return NULL;
}

/* The user's first free port; for a NICDEF else the first number that is nobody's. */
static uint16_t choose_auto(const struct cp_nic *nic, const struct cp_lan *lan)
{
	for (const struct cp_port *p = lan->ports; p; p = p->hh.next)
		if (strcmp(p->user, nic->user->name) == 0 && !cp_port_nic(lan, p->number))
			return p->number;
	for (uint16_t n = 1; cp_nic_follows(nic, lan) && n <= VS_PORTS_MAX; n++)
		if (!cp_port_find(lan, n) && !cp_port_nic(lan, n))
			return n;
	return 0;
}

/* @number: the one asked for or 0, then the one to be used. Return: why there is none. */
enum cp_refusal cp_port_choose(const struct cp_nic *nic, const struct cp_lan *lan, uint16_t *number)
{
	const struct cp_port *p;

	if (!*number && cp_nic_follows(nic, lan))
		*number = nic->want_port;
	if (!*number) {
		*number = choose_auto(nic, lan);
		return *number ? CP_REFUSE_NONE : CP_REFUSE_NO_PORT;
	}
	p = cp_port_find(lan, *number);
	if (p ? strcmp(p->user, nic->user->name) != 0 : !cp_nic_follows(nic, lan))
		return CP_REFUSE_NO_PORT;
	return cp_port_nic(lan, *number) ? CP_REFUSE_PORT_USED : CP_REFUSE_NONE;
}

/* ---- SET VSWITCH name PORTNUMBER, VLANID -------------------------------------------- */

static bool given(const struct cp_run *run, enum cp_op op)
{
	return run->args->v[op].given;
}

static int conflict(struct cp_run *run, const char *a, const char *why)
{
	return cp_error(run, CP_E_CONFLICT, a, why, NULL);
}

static int no_port(struct cp_run *run, const struct cp_lan *lan, unsigned number)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", number);
	return cp_error(run, CP_E_NO_PORT, text, lan->name, NULL);
}

/* One access port has one VLAN. Return: 0, or -1 after a message. */
static int check_vlans(struct cp_run *run, const struct cp_lan *lan, const struct cp_policy *p,
		       unsigned number)
{
	enum cp_porttype type = p->type == CP_PORT_UNSET ? lan->porttype : p->type;
	const struct cp_nic *nic = cp_port_nic(lan, (uint16_t)number);
	char name[16];

	snprintf(name, sizeof(name), "Port %u", number);
	if (type == CP_PORT_ACCESS && p->has_vids && cp_vlans_count(&p->vids) > 1)
		return cp_error(run, CP_E_ACCESS_VLANS, name, NULL, NULL);
	/* The NICDEF of the NIC on it goes before. */
	if (nic && !cp_would_fit(nic, lan, p))
		return cp_error(run, CP_E_ACCESS_VLANS, nic->name, NULL, NULL);
	return 0;
}

static int check_number(struct cp_run *run, const struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	uint16_t number = (uint16_t)v[CP_OP_PORTNUMBER].num;
	const struct cp_port *p = cp_port_find(lan, number);
	const struct cp_nic *nic = cp_port_nic(lan, number);
	struct cp_policy policy = p ? p->policy : (struct cp_policy){.type = CP_PORT_UNSET};
	bool attributes = given(run, CP_OP_USER) || given(run, CP_OP_PORTTYPE) ||
			  given(run, CP_OP_VLAN) || given(run, CP_OP_PROMISC) ||
			  given(run, CP_OP_NOPROMISC);
	char text[8];

	if (given(run, CP_OP_VLANID))
		return conflict(run, "VLANID", "PORTNUMBER was given too");
	if (given(run, CP_OP_REMOVE) &&
	    (attributes || given(run, CP_OP_MODIFY) || v[CP_OP_REMOVE].num))
		return conflict(run, "REMOVE", "stands alone behind PORTNUMBER n");
	if (!p && (given(run, CP_OP_REMOVE) || given(run, CP_OP_MODIFY)))
		return no_port(run, lan, number);
	snprintf(text, sizeof(text), "%u", number);
	if (nic && (given(run, CP_OP_REMOVE) ||
		    (given(run, CP_OP_USER) && strcmp(nic->user->name, v[CP_OP_USER].word) != 0)))
		return cp_error(run, CP_E_PORT_USED, text, nic->name, NULL);
	if (given(run, CP_OP_REMOVE))
		return 0;
	if (!p && !given(run, CP_OP_USER))
		return cp_error(run, CP_E_MISSING, "USERID userid", run->args->title, NULL);
	if (p && !attributes)
		return cp_error(run, CP_E_MISSING, "an attribute", run->args->title, NULL);
	if (v[CP_OP_VLAN].choice >= 0)
		return cp_error(run, CP_E_BAD_OPERAND, "VLAN",
				"with PORTNUMBER it is a list of VIDs as 10 20-30", NULL);
	if (!lan->vlan_aware && (given(run, CP_OP_VLAN) || given(run, CP_OP_PORTTYPE)))
		return cp_error(run, CP_E_VLAN_UNAWARE, "VLAN", lan->name, NULL);
	if (!p && run->cp->n_grants >= CP_GRANTS_MAX)
		return cp_error(run, CP_E_LIMIT, text, "16384 authorizations", NULL);
	cp_read_policy(run, &policy);
	return check_vlans(run, lan, &policy, number);
}

/* A port with VLANID vid added or removed. Return: 0, or -1 after a message. */
static int check_port_vlan(struct cp_run *run, const struct cp_lan *lan, const struct cp_port *p)
{
	uint32_t vid = run->args->v[CP_OP_VLANID].num;
	struct cp_policy policy = p->policy;
	char name[16];

	if (given(run, CP_OP_ADD)) {
		policy.has_vids = true;
		vs_vidset_add(&policy.vids, vid);
		if (check_vlans(run, lan, &policy, p->number) < 0)
			return -1;
	} else {
		vs_vidset_del(&policy.vids, vid);
	}
	snprintf(name, sizeof(name), "Port %u", p->number);
	if (cp_vlans_ranges(&policy.vids) > CP_VLAN_RANGES_MAX)
		return cp_error(run, CP_E_LIMIT, name, "400 separate ranges of VLANs", NULL);
	return 0;
}

static int check_vlanid(struct cp_run *run, const struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	uint32_t vid = v[CP_OP_VLANID].num;
	const struct vs_vidset *ports = &run->args->ports;
	bool known = false;
	char text[8];

	if (given(run, CP_OP_ADD) + given(run, CP_OP_REMOVE) + given(run, CP_OP_DELETE) != 1)
		return cp_error(run, CP_E_MISSING, "one of ADD, REMOVE, DELETE", run->args->title,
				NULL);
	if (given(run, CP_OP_REMOVE) && !v[CP_OP_REMOVE].num)
		return cp_error(run, CP_E_MISSING, "port numbers", run->args->title, NULL);
	if (!lan->vlan_aware)
		return cp_error(run, CP_E_VLAN_UNAWARE, "VLANID", lan->name, NULL);
	for (uint16_t n = 1; n <= VS_PORTS_MAX; n++) {
		if (vs_vidset_has(ports, n) && !cp_port_find(lan, n))
			return no_port(run, lan, n);
	}
	for (const struct cp_port *p = lan->ports; p; p = p->hh.next) {
		known |= vs_vidset_has(&p->policy.vids, vid);
		if ((given(run, CP_OP_DELETE) || vs_vidset_has(ports, p->number)) &&
		    check_port_vlan(run, lan, p) < 0)
			return -1;
	}
	snprintf(text, sizeof(text), "%u", vid);
	if (!known && !given(run, CP_OP_ADD))
		return cp_error(run, CP_E_NO_VLAN, text, lan->name, NULL);
	return 0;
}

/* Are PORTNUMBER, VLANID and what belongs to them right? Return: 0, or -1 after a message. */
int cp_ports_check(struct cp_run *run, const struct cp_lan *lan)
{
	bool number = given(run, CP_OP_PORTNUMBER), vlanid = given(run, CP_OP_VLANID);

	if (lan->portbased && (given(run, CP_OP_GRANT) || given(run, CP_OP_REVOKE)))
		return cp_error(run, CP_E_PORTBASED, given(run, CP_OP_GRANT) ? "GRANT" : "REVOKE",
				lan->name, NULL);
	if (!lan->portbased && (number || vlanid))
		return cp_error(run, CP_E_USERBASED, number ? "PORTNUMBER" : "VLANID", lan->name,
				NULL);
	if (!number && (given(run, CP_OP_USER) || given(run, CP_OP_MODIFY)))
		return conflict(run, given(run, CP_OP_USER) ? "USERID" : "MODIFY",
				"needs PORTNUMBER n");
	if (!vlanid && (given(run, CP_OP_ADD) || given(run, CP_OP_DELETE)))
		return conflict(run, given(run, CP_OP_ADD) ? "ADD" : "DELETE", "needs VLANID vid");
	if (!number && !vlanid)
		return given(run, CP_OP_REMOVE)
			       ? conflict(run, "REMOVE", "needs PORTNUMBER n or VLANID vid")
			       : 0;
	return number ? check_number(run, lan) : check_vlanid(run, lan);
}

static void set_vlanid(struct cp_run *run, struct cp_lan *lan)
{
	uint32_t vid = run->args->v[CP_OP_VLANID].num;

	for (struct cp_port *p = lan->ports; p; p = p->hh.next) {
		bool named = vs_vidset_has(&run->args->ports, p->number);

		if (named && given(run, CP_OP_ADD)) {
			p->policy.has_vids = true;
			vs_vidset_add(&p->policy.vids, vid);
		} else if (named || given(run, CP_OP_DELETE)) {
			vs_vidset_del(&p->policy.vids, vid);
		}
		/* Without any left it has the switch's default again. */
		p->policy.has_vids = cp_vlans_count(&p->policy.vids);
	}
}

/* What cp_ports_check found right. Return: 0, or -1 after a message. */
int cp_ports_set(struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	uint16_t number = (uint16_t)v[CP_OP_PORTNUMBER].num;
	struct cp_port *p;

	if (given(run, CP_OP_VLANID)) {
		set_vlanid(run, lan);
		return 0;
	}
	if (!given(run, CP_OP_PORTNUMBER))
		return 0;
	p = cp_port_find(lan, number);
	if (given(run, CP_OP_REMOVE)) {
		cp_port_remove(run->cp, lan, p);
		return 0;
	}
	if (!p)
		p = port_add(run->cp, lan, number, v[CP_OP_USER].word);
	if (!p)
		return cp_error(run, CP_E_SYSTEM, "PORTNUMBER", "no memory", NULL);
	if (given(run, CP_OP_USER))
		snprintf(p->user, sizeof(p->user), "%.8s", v[CP_OP_USER].word);
	cp_read_policy(run, &p->policy);
	return 0;
}

/* ---- QUERY ---------------------------------------------------------------------------- */

json_t *cp_ports_json(const struct cp_lan *lan)
{
	json_t *a = json_array();

	for (const struct cp_port *p = lan->ports; p; p = p->hh.next) {
		const struct cp_nic *nic = cp_port_nic(lan, p->number);
		json_t *o = cp_policy_json(&p->policy);

		json_object_set_new(o, "number", json_integer(p->number));
		json_object_set_new(o, "userid", json_string(p->user));
		json_object_set_new(o, "nic", nic ? json_string(nic->name) : json_null());
		json_array_append_new(a, o);
	}
	return a;
}

/* @number: only this one, or 0. */
void cp_say_ports(struct cp_run *run, const struct cp_lan *lan, uint32_t number)
{
	cp_say(run, "  Ports:%s", lan->ports ? "" : " none");
	for (const struct cp_port *p = lan->ports; p; p = p->hh.next) {
		const struct cp_nic *nic = cp_port_nic(lan, p->number);

		if (number && p->number != number)
			continue;
		fprintf(run->text, "    Port: %04u  Userid: %-8s NIC: %-13s Porttype: %-7s%s",
			p->number, p->user, nic ? nic->name : "none",
			p->policy.type == CP_PORT_TRUNK	   ? "Trunk"
			: p->policy.type == CP_PORT_ACCESS ? "Access"
							   : "Default",
			p->policy.promisc ? " Promiscuous" : "");
		if (p->policy.has_vids)
			cp_say_vlans(run, " VLAN: ", &p->policy.vids);
		else
			cp_say(run, " VLAN: Default");
	}
}
