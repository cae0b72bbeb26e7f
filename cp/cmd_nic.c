/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DEFINE NIC, NICDEF, SET NIC, DETACH NIC, COUPLE and UNCOUPLE.
 * Source: spec/zvm-networking.md 2.5, 2.6, 2.11.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

static void network_title(char title[CP_TITLE_BYTES], const struct cp_lan *lan, const char *owner,
			  const char *name)
{
	if (lan)
		cp_lan_title(lan, title);
	else
		snprintf(title, CP_TITLE_BYTES, "%.8s %.8s", owner, name);
}

/* ---- making one ------------------------------------------------------------------- */

static enum cp_nic_type wanted_type(const struct cp_run *run)
{
	const struct cp_value *v = run->args->v;

	return v[CP_OP_STREAM].given   ? CP_NIC_STREAM
	       : v[CP_OP_DGRAM].given  ? CP_NIC_DGRAM
	       : v[CP_OP_VHOST].given  ? CP_NIC_VHOST
	       : v[CP_OP_HIPERS].given ? CP_NIC_HIPERS
				       : CP_NIC_QDIO;
}

static bool gives_type(const struct cp_run *run)
{
	const struct cp_value *v = run->args->v;

	return v[CP_OP_TYPE].given || v[CP_OP_STREAM].given || v[CP_OP_DGRAM].given ||
	       v[CP_OP_VHOST].given || v[CP_OP_HIPERS].given;
}

/* Return: 0, or -1 after a message. */
static int check_type(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;

	if (v[CP_OP_TYPE].given + v[CP_OP_STREAM].given + v[CP_OP_DGRAM].given +
		    v[CP_OP_VHOST].given + v[CP_OP_HIPERS].given >
	    1)
		return cp_error(run, CP_E_CONFLICT, "TYPE", "another type was given", NULL);
	return 0;
}

/*
 * Give it its type, and with it its socket. A vhost-user socket needs DPDK: in a file, a NIC stays
 * without where there is none, since it must not cost all that is served without it.
 * Return: 0, or -1 after a message.
 */
static int set_type(struct cp_run *run, struct cp_nic *nic)
{
	char err[256] = "";

	if (cp_nic_set_type(nic, wanted_type(run), err, sizeof(err)) == 0)
		return 0;
	if (!run->cp->in_file || nic->type != CP_NIC_VHOST)
		return cp_error(run, CP_E_SYSTEM, "The NIC's socket", err, NULL);
	cp_log(run->cp, "ZLN2629W %s:%u: NIC %s of TYPE VHOST has no socket: %s", run->cp->file,
	       run->cp->line, nic->name, err);
	return 0;
}

/* Return: the new NIC, or NULL after a message. */
static struct cp_nic *create(struct cp_run *run, const char *user)
{
	const struct cp_value *v = run->args->v;
	uint32_t vdev = v[CP_OP_VDEV].num;
	uint32_t devices = v[CP_OP_DEVICES].given ? v[CP_OP_DEVICES].num : 3;
	struct cp_nic *nic = cp_nic_overlap(run->cp, user, vdev, devices);
	char id[8];

	if (check_type(run) < 0 || cp_vmlan_check_nic(run, user) < 0)
		return NULL;
	snprintf(id, sizeof(id), "%04X", vdev & 0xFFFF);
	if (vdev + devices > 0x10000) {
		cp_error(run, CP_E_BAD_OPERAND, id, "the last device number would be above FFFF",
			 NULL);
		return NULL;
	}
	if (nic) {
		cp_error(run, CP_E_DEVICE_EXISTS, id, nic->name, NULL);
		return NULL;
	}
	nic = cp_nic_create(run->cp, user, (uint16_t)vdev, (uint16_t)devices,
			    !v[CP_OP_MACID].given && !v[CP_OP_SYSMACID].given);
	if (!nic && errno == ENOSPC)
		cp_error(run, CP_E_LIMIT, id, "4096 NICs", NULL);
	else if (!nic && errno == EADDRNOTAVAIL)
		cp_error(run, CP_E_LIMIT, id, "the MACIDRANGE SYSTEM (SET VMLAN)", NULL);
	else if (!nic)
		cp_error(run, CP_E_SYSTEM, id, strerror(errno), NULL);
	if (!nic)
		return NULL;
	nic->has_chpid = v[CP_OP_CHPID].given;
	nic->chpid = (uint8_t)v[CP_OP_CHPID].num;
	if (set_type(run, nic) < 0) {
		cp_nic_destroy(nic);
		return NULL;
	}
	return nic;
}

static void say_created(struct cp_run *run, const struct cp_nic *nic)
{
	cp_say(run, "NIC %04X is created; devices %04X-%04X defined", nic->vdev, nic->vdev,
	       nic->vdev + nic->devices - 1);
	run->changed = true;
}

void cp_do_define_nic(struct cp_run *run)
{
	const char *user = cp_arg_user(run);
	struct cp_nic *nic = user ? create(run, user) : NULL;

	if (!nic)
		return;
	cp_guestuplink_came(nic);
	say_created(run, nic);
}

/* ---- NICDEF ----------------------------------------------------------------------- */

/* Is the MACID free for the NIC (NULL: a new one)? Return: 0 or -1 after a message. */
static int check_macid(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *v =
		&run->args->v[run->args->v[CP_OP_SYSMACID].given ? CP_OP_SYSMACID : CP_OP_MACID];
	const struct cp_macid *user;
	char id[8];

	if (!v->given || v->choice == 0)
		return 0;
	user = cp_mac_user(run->cp, v->num);
	snprintf(id, sizeof(id), "%06X", v->num);
	if (!run->args->v[CP_OP_SYSMACID].given && !cp_mac_in_range(run->cp, v->num))
		return cp_error(run, CP_E_MAC_RANGE, id, NULL, NULL);
	if (user && (!nic || user != &nic->mac))
		return cp_error(run, CP_E_MAC_USED, id, user->owner, NULL);
	if (nic && cp_nic_attached(nic) && user != &nic->mac)
		return cp_error(run, CP_E_ATTACHED, nic->name,
				"end the guest to change its address", NULL);
	return 0;
}

/* What may not be altered by a further NICDEF. */
static int check_repeated(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;
	const struct cp_value *lan = &v[CP_OP_NETWORK];
	const char *owner = strcmp(lan->word, "*") == 0 ? nic->user->name : lan->word;

	if (v[CP_OP_DEVICES].given && v[CP_OP_DEVICES].num != nic->devices)
		return cp_error(run, CP_E_CONFLICT, "DEVICES", "the NIC exists with another number",
				NULL);
	if (check_type(run) < 0)
		return -1;
	if (gives_type(run) && wanted_type(run) != nic->type)
		return cp_error(run, CP_E_CONFLICT, "TYPE", "the NIC exists with another type",
				NULL);
	if (v[CP_OP_CHPID].given && cp_nic_attached(nic))
		return cp_error(run, CP_E_ATTACHED, nic->name, "end the guest to change its CHPID",
				NULL);
	if (v[CP_OP_PORTNUMBER].given && v[CP_OP_PORTNUMBER].choice < 0 && nic->portno &&
	    v[CP_OP_PORTNUMBER].num != nic->portno)
		return cp_error(run, CP_E_CONFLICT, "PORTNUMBER",
				"the NIC is on another port; UNCOUPLE it first", NULL);
	if (lan->given && nic->lan_name[0] &&
	    (strcmp(nic->lan_owner, owner) != 0 || strcmp(nic->lan_name, lan->word2) != 0))
		return cp_error(run, CP_E_CONFLICT, "LAN",
				"the NIC is defined for another network; DETACH NIC first", NULL);
	return 0;
}

static int nicdef_check(struct cp_run *run, const char *user, struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;
	bool vids = v[CP_OP_VLAN].given;

	if (nic && nic->type == CP_NIC_CTCA)
		return cp_error(run, CP_E_IS_CTCA, nic->name, NULL, NULL);
	if (v[CP_OP_VDEV].word[0] && strcmp(v[CP_OP_VDEV].word, user) != 0)
		return cp_error(run, CP_E_CONFLICT, v[CP_OP_VDEV].word, "another userid was given",
				NULL);
	if (v[CP_OP_PROMISC].given && v[CP_OP_NOPROMISC].given)
		return cp_error(run, CP_E_CONFLICT, "NOPROMISCUOUS", "PROMISCUOUS was given too",
				NULL);
	if (vids && v[CP_OP_PORTTYPE].choice == CP_PORT_ACCESS &&
	    cp_vlans_count(&run->args->vids) > 1)
		return cp_error(run, CP_E_ACCESS_VLANS, "NICDEF", NULL, NULL);
	if (v[CP_OP_MACID].given && v[CP_OP_SYSMACID].given)
		return cp_error(run, CP_E_CONFLICT, "SYSMACID", "MACID was given too", NULL);
	if (check_macid(run, nic) < 0)
		return -1;
	return nic ? check_repeated(run, nic) : 0;
}

/* An access port has one VLAN, by the NICDEF alone and on the network it is coupled to. */
static bool policy_fits(const struct cp_nic *nic, const struct cp_policy *policy)
{
	struct cp_nic changed = *nic;
	struct cp_policy p;

	changed.policy = *policy;
	if (policy->type == CP_PORT_ACCESS && policy->has_vids && cp_vlans_count(&policy->vids) > 1)
		return false;
	if (!nic->lan || !nic->lan->vlan_aware)
		return true;
	p = cp_effective(&changed, nic->lan);
	return p.type == CP_PORT_TRUNK || cp_vlans_count(&p.vids) <= 1;
}

static void nicdef_apply(struct cp_run *run, struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;

	cp_read_policy(run, &nic->policy);
	if (v[CP_OP_MACID].given)
		cp_mac_set(run->cp, &nic->mac, v[CP_OP_MACID].num, true, nic->name);
	if (v[CP_OP_SYSMACID].given)
		cp_mac_set(run->cp, &nic->mac, v[CP_OP_SYSMACID].num, false, nic->name);
	if (v[CP_OP_PORTNUMBER].given)
		nic->want_port =
			v[CP_OP_PORTNUMBER].choice == 0 ? 0 : (uint16_t)v[CP_OP_PORTNUMBER].num;
	if (v[CP_OP_CHPID].given) {
		nic->has_chpid = true;
		nic->chpid = (uint8_t)v[CP_OP_CHPID].num;
	}
	if (v[CP_OP_PQUPLINKTX].given)
		nic->pqueue = (uint8_t)v[CP_OP_PQUPLINKTX].choice;
	if (v[CP_OP_NETWORK].given && !nic->lan_name[0]) {
		const char *owner = v[CP_OP_NETWORK].word;

		snprintf(nic->lan_owner, sizeof(nic->lan_owner), "%.8s",
			 strcmp(owner, "*") == 0 ? nic->user->name : owner);
		snprintf(nic->lan_name, sizeof(nic->lan_name), "%s", v[CP_OP_NETWORK].word2);
		nic->held = nic->lan && !cp_nic_follows(nic, nic->lan);
	}
	cp_nic_configure(nic);
	if (v[CP_OP_PQUPLINKTX].given)
		cp_rate_nic(nic);
	run->changed = true;
}

static const char *refusal_text(enum cp_refusal why)
{
	switch (why) {
	case CP_REFUSE_FULL:
		return "its maximum of connections is reached";
	case CP_REFUSE_VLANS:
		return "an access port has one VLAN; use PORTTYPE TRUNK or one VLAN";
	case CP_REFUSE_NO_PORT:
		return "no port of that number is its user's";
	case CP_REFUSE_PORT_USED:
		return "its port is in use";
	case CP_REFUSE_TYPE:
		return "one is HiperSockets and the other is not";
	case CP_REFUSE_LAYER:
		return "the guest's layer is not the network's";
	case CP_REFUSE_SYSTEM:
		return "no memory for a port";
	default:
		return "it does not exist yet";
	}
}

/* Couple by the NICDEF now, or say why not. */
static void nicdef_couple(struct cp_run *run, struct cp_nic *nic)
{
	char title[CP_TITLE_BYTES];
	bool was = nic->lan;
	enum cp_refusal why = cp_couple_default(nic);

	if (was || nic->held || !nic->lan_name[0])
		return;
	network_title(title, nic->lan, nic->lan_owner, nic->lan_name);
	if (nic->lan)
		cp_say(run, "NIC %04X is connected to %s", nic->vdev, title);
	else
		cp_say(run, "NIC %04X waits for %s: %s", nic->vdev, title, refusal_text(why));
}

void cp_do_nicdef(struct cp_run *run)
{
	const char *user = run->args->v[CP_OP_USER].word;
	struct cp_nic *nic = cp_nic_find(run->cp, user, (uint16_t)run->args->v[CP_OP_VDEV].num);
	bool is_new = !nic;

	if (nicdef_check(run, user, nic) < 0)
		return;
	if (nic) {
		struct cp_policy p = nic->policy;

		cp_read_policy(run, &p);
		if (!policy_fits(nic, &p)) {
			cp_error(run, CP_E_ACCESS_VLANS, nic->name, NULL, NULL);
			return;
		}
	} else {
		nic = create(run, user);
	}
	if (!nic)
		return;
	/* With its TYPE, one that has no socket is tried again. */
	if (!is_new && nic->no_socket && gives_type(run) && set_type(run, nic) < 0)
		return;
	nicdef_apply(run, nic);
	if (is_new)
		say_created(run, nic);
	else
		cp_say(run, "NIC %04X is changed", nic->vdev);
	nicdef_couple(run, nic);
}

/* ---- SET, DETACH ------------------------------------------------------------------ */

/* PROMISCUOUS needs authority where the NIC is; elsewhere it waits for it. */
static int check_promisc(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;
	char title[CP_TITLE_BYTES];

	if (v[CP_OP_PROMISC].given && v[CP_OP_NOPROMISC].given)
		return cp_error(run, CP_E_CONFLICT, "NOPROMISCUOUS", "PROMISCUOUS was given too",
				NULL);
	if (!v[CP_OP_PROMISC].given || !nic->lan || cp_effective(nic, nic->lan).promisc)
		return 0;
	cp_lan_title(nic->lan, title);
	return cp_error(run, CP_E_NOT_PROMISC, nic->user->name, title,
			!nic->lan->vswitch    ? "SET LAN ... GRANT ... PROMISCUOUS"
			: nic->lan->portbased ? "SET VSWITCH ... PORTNUMBER ... PROMISCUOUS"
					      : "SET VSWITCH ... GRANT ... PROMISCUOUS");
}

static int set_check(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;

	if (!v[CP_OP_MACID].given && !v[CP_OP_MACPROTECT].given && !v[CP_OP_PQUPLINKTX].given &&
	    !v[CP_OP_PROMISC].given && !v[CP_OP_NOPROMISC].given && !v[CP_OP_WORKER].given &&
	    !cp_rate_nic_asked(run))
		return cp_error(run, CP_E_MISSING, "an attribute", "SET NIC", NULL);
	if (check_promisc(run, nic) < 0)
		return -1;
	if (cp_rate_nic_check(run, nic) < 0)
		return -1;
	if (v[CP_OP_MACID].given && cp_need_class_b(run, "MACID") < 0)
		return -1;
	if (v[CP_OP_MACPROTECT].given && cp_need_class_b(run, "MACPROTECT") < 0)
		return -1;
	if (v[CP_OP_WORKER].given && cp_need_class_b(run, "WORKER") < 0)
		return -1;
	if (v[CP_OP_MACID].choice == 0 && cp_nic_attached(nic))
		return cp_error(run, CP_E_ATTACHED, nic->name,
				"end the guest to change its address", NULL);
	return check_macid(run, nic);
}

void cp_do_set_nic(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	struct cp_nic *nic = cp_arg_nic(run);

	if (!nic || set_check(run, nic) < 0 || cp_rate_nic_set(run, nic) < 0)
		return;
	if (v[CP_OP_MACID].choice == 0) {
		cp_mac_release(run->cp, &nic->mac);
		cp_mac_assign(run->cp, &nic->mac, nic->name);
	} else if (v[CP_OP_MACID].given) {
		cp_mac_set(run->cp, &nic->mac, v[CP_OP_MACID].num, true, nic->name);
	}
	if (v[CP_OP_MACPROTECT].given)
		nic->macprotect = v[CP_OP_MACPROTECT].choice == 2
					  ? CP_UNSPECIFIED
					  : (enum cp_tristate)v[CP_OP_MACPROTECT].choice;
	if (v[CP_OP_PQUPLINKTX].given)
		nic->pqueue = (uint8_t)v[CP_OP_PQUPLINKTX].choice;
	if (v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given)
		nic->promisc = v[CP_OP_PROMISC].given;
	if (v[CP_OP_WORKER].given) {
		nic->worker = cp_worker_asked(run);
		cp_worker_place(run->cp, nic->port, nic->worker);
	}
	cp_nic_configure(nic);
	if (v[CP_OP_PQUPLINKTX].given)
		cp_rate_nic(nic);
	run->changed = true;
	cp_say(run, "Command complete");
}

/* Any device number of the NIC will do: the whole set goes. */
void cp_do_detach_nic(struct cp_run *run)
{
	const char *user = cp_arg_user(run);
	uint32_t vdev = run->args->v[CP_OP_VDEV].num;
	struct cp_nic *nic = user ? cp_nic_overlap(run->cp, user, vdev, 1) : NULL;
	struct cp_lan *lan;
	char name[32];

	if (!user)
		return;
	if (!nic) {
		snprintf(name, sizeof(name), "%s/%04X", user, vdev);
		cp_error(run, CP_E_NO_DEVICE, name, NULL, NULL);
		return;
	}
	if (nic->type == CP_NIC_CTCA)
		cp_say(run, "CTCA %04X DETACHED", nic->vdev);
	else
		cp_say(run, "NIC %04X is destroyed; devices %04X-%04X detached", nic->vdev,
		       nic->vdev, nic->vdev + nic->devices - 1);
	lan = nic->lan;
	cp_nic_destroy(nic);
	if (lan)
		cp_settle(run->cp, lan);
	run->changed = true;
}

/* ---- COUPLE, UNCOUPLE ------------------------------------------------------------- */

static struct cp_lan *target_chpid(struct cp_run *run)
{
	struct cp_lan *lan = cp_lan_of_chpid(run->cp, run->args->v[CP_OP_CHPID].num);
	char title[16];

	snprintf(title, sizeof(title), "CHPID %02X", run->args->v[CP_OP_CHPID].num);
	if (run->args->v[CP_OP_NETWORK].given)
		cp_error(run, CP_E_CONFLICT, title, "the network was named too", NULL);
	else if (!lan)
		cp_error(run, CP_E_LAN_UNKNOWN, title, NULL, NULL);
	return run->args->v[CP_OP_NETWORK].given ? NULL : lan;
}

/* The network COUPLE names, or that of the NICDEF. Return: it, or NULL after a message. */
static struct cp_lan *target(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *net = &run->args->v[CP_OP_NETWORK];
	const char *owner = net->given ? net->word : nic->lan_owner;
	const char *name = net->given ? net->word2 : nic->lan_name;
	char title[CP_TITLE_BYTES];
	struct cp_lan *lan;

	if (run->args->v[CP_OP_CHPID].given)
		return target_chpid(run);
	if (!*name) {
		cp_error(run, CP_E_MISSING, "owner and name of the network", "COUPLE", NULL);
		return NULL;
	}
	if (strcmp(owner, "*") == 0)
		owner = run->who->user;
	lan = cp_lan_find(run->cp, owner, name);
	if (lan)
		return lan;
	network_title(title, NULL, owner, name);
	if (strcmp(owner, "SYSTEM") == 0)
		cp_error(run, CP_E_SWITCH_UNKNOWN, name, NULL, NULL);
	else if (!cp_user_known(run->cp, owner))
		cp_error(run, CP_E_NOT_ON, owner, NULL, NULL);
	else
		cp_error(run, CP_E_PAIR_UNKNOWN, title, NULL, NULL);
	return NULL;
}

/* The port number that COUPLE or the NICDEF names; 0: AUTO. */
static uint16_t port_wanted(const struct cp_run *run)
{
	const struct cp_value *v = &run->args->v[CP_OP_PORTNUMBER];

	return v->given && v->choice < 0 ? (uint16_t)v->num : 0;
}

static const char *port_text(const struct cp_run *run, const struct cp_nic *nic, char text[16])
{
	uint16_t n = port_wanted(run) ? port_wanted(run) : nic->want_port;

	if (n)
		snprintf(text, 16, "%u", n);
	else
		snprintf(text, 16, "free for it");
	return text;
}

static const char *port_user(const struct cp_run *run, const struct cp_nic *nic,
			     const struct cp_lan *lan)
{
	uint16_t n = port_wanted(run) ? port_wanted(run) : nic->want_port;
	const struct cp_nic *other = cp_port_nic(lan, n);

	return other ? other->name : "another NIC";
}

static void refused(struct cp_run *run, const struct cp_nic *nic, const struct cp_lan *lan,
		    enum cp_refusal why)
{
	char title[CP_TITLE_BYTES], number[16];

	cp_lan_title(lan, title);
	snprintf(number, sizeof(number), "%u", lan->n_coupled);
	if (why == CP_REFUSE_AUTH)
		cp_error(run, CP_E_NOT_AUTHORIZED, nic->user->name, title,
			 !lan->vswitch	  ? "SET LAN ... GRANT"
			 : lan->portbased ? "SET VSWITCH ... PORTNUMBER"
					  : "SET VSWITCH ... GRANT");
	else if (why == CP_REFUSE_TYPE)
		cp_error(run, CP_E_LAN_TYPE, nic->name, title,
			 lan->hipers ? "HIPERSOCKETS" : "QDIO");
	else if (why == CP_REFUSE_LAYER && !lan->ip)
		cp_error(run, CP_E_LAN_LAYER3, nic->name, title, cp_lan_kind(lan));
	else if (why == CP_REFUSE_LAYER)
		cp_error(
			run, CP_E_LAN_LAYER, nic->name, title,
			nic->type == CP_NIC_QDIO
				? "bring its guest up in layer 3 (layer2=0), or use an ETHERNET one"
				: "its TYPE speaks Ethernet; use an ETHERNET one");
	else if (why == CP_REFUSE_FULL)
		cp_error(run, CP_E_LAN_FULL, title, number, NULL);
	else if (why == CP_REFUSE_VLANS)
		cp_error(run, CP_E_ACCESS_VLANS, nic->name, NULL, NULL);
	else if (why == CP_REFUSE_NO_PORT)
		cp_error(run, CP_E_NO_PORT, port_text(run, nic, number), lan->name, NULL);
	else if (why == CP_REFUSE_PORT_USED)
		cp_error(run, CP_E_PORT_USED, port_text(run, nic, number), port_user(run, nic, lan),
			 NULL);
	else
		cp_error(run, CP_E_SYSTEM, title, strerror(errno), NULL);
}

/* Then it is neither coupled nor uncoupled. Return: after a message. */
static bool is_uplink(struct cp_run *run, const struct cp_nic *nic)
{
	char title[CP_TITLE_BYTES];

	if (!nic->uplink_of)
		return false;
	cp_lan_title(nic->uplink_of, title);
	cp_error(run, CP_E_IFNAME_USED, nic->name, title, NULL);
	return true;
}

/*
 * REVOKED and what stands beside it: how the configuration says that a connection has outlived a
 * REVOKE. @lan: NULL: it is a CTCA's. Return: 0, or -1 after a message.
 */
static int check_revoked(struct cp_run *run, const struct cp_nic *nic, const struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	const char *what = v[CP_OP_PORTTYPE].given  ? "PORTTYPE"
			   : v[CP_OP_VLAN].given    ? "VLAN"
			   : v[CP_OP_PROMISC].given ? "PROMISCUOUS"
						    : NULL;

	if (!v[CP_OP_REVOKED].given && !what)
		return 0;
	if (!v[CP_OP_REVOKED].given)
		return cp_error(run, CP_E_CONFLICT, what,
				"needs REVOKED; a NICDEF or GRANT says what ports are", NULL);
	if (cp_need_class_b(run, "REVOKED") < 0)
		return -1;
	if (!lan)
		return cp_error(run, CP_E_IS_CTCA, nic->name, NULL, NULL);
	if (lan->portbased)
		return cp_error(run, CP_E_PORTBASED, "REVOKED", lan->name, NULL);
	if (!lan->vlan_aware && (v[CP_OP_PORTTYPE].given || v[CP_OP_VLAN].given))
		return cp_error(run, CP_E_VLAN_UNAWARE, what, lan->name, NULL);
	return 0;
}

void cp_do_couple(struct cp_run *run)
{
	struct cp_policy revoked = {.type = CP_PORT_ACCESS};
	struct cp_nic *nic = cp_arg_device(run);
	char title[CP_TITLE_BYTES];
	struct cp_lan *lan;
	enum cp_refusal why;

	if (!nic)
		return;
	if (nic->type == CP_NIC_CTCA) {
		if (check_revoked(run, nic, NULL) == 0)
			cp_do_couple_ctca(run, nic);
		return;
	}
	if (is_uplink(run, nic))
		return;
	if (nic->lan) {
		cp_lan_title(nic->lan, title);
		cp_error(run, CP_E_COUPLED, nic->name, title, NULL);
		return;
	}
	lan = target(run, nic);
	if (!lan)
		return;
	if (port_wanted(run) && !lan->portbased) {
		cp_error(run, CP_E_USERBASED, "PORTNUMBER", lan->name, NULL);
		return;
	}
	if (check_revoked(run, nic, lan) < 0)
		return;
	cp_read_policy(run, &revoked);
	why = cp_couple(nic, lan, port_wanted(run),
			run->args->v[CP_OP_REVOKED].given ? &revoked : NULL);
	if (why != CP_REFUSE_NONE) {
		refused(run, nic, lan, why);
		return;
	}
	nic->held = nic->lan_name[0] && !cp_nic_follows(nic, lan);
	run->changed = true;
	cp_lan_title(lan, title);
	cp_say(run, "NIC %04X is connected to %s", nic->vdev, title);
}

/* Also ends the waiting of a NIC for the network of its NICDEF. */
void cp_do_uncouple(struct cp_run *run)
{
	struct cp_nic *nic = cp_arg_device(run);
	char title[CP_TITLE_BYTES];
	struct cp_lan *lan;

	if (!nic)
		return;
	if (nic->type == CP_NIC_CTCA) {
		cp_do_uncouple_ctca(run, nic);
		return;
	}
	if ((nic->held || !nic->lan_name[0]) && is_uplink(run, nic))
		return;
	lan = nic->lan;
	if (!lan && (nic->held || !nic->lan_name[0])) {
		cp_error(run, CP_E_UNCOUPLED, nic->name, NULL, NULL);
		return;
	}
	network_title(title, lan, nic->lan_owner, nic->lan_name);
	nic->held = nic->lan_name[0] != '\0';
	cp_wait(nic);
	cp_uncouple(nic);
	run->changed = true;
	if (lan)
		cp_say(run, "NIC %04X is disconnected from %s", nic->vdev, title);
	else
		cp_say(run, "NIC %04X no longer waits for %s", nic->vdev, title);
	if (lan)
		cp_settle(run->cp, lan);
}
