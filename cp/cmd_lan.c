/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DEFINE, SET and DETACH LAN: guest LANs.
 * Source: spec/zvm-networking.md 2.4.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

static const char *owner_of(const struct cp_run *run)
{
	const struct cp_value *owner = &run->args->v[CP_OP_OWNER];

	return !owner->given || strcmp(owner->word, "*") == 0 ? run->who->user : owner->word;
}

/* Class G may touch its own LANs only. */
static int check_owner(struct cp_run *run, const char *owner)
{
	return cp_need_right(run, owner);
}

/* The guest LAN a command is about. Return: it, or NULL after a message. */
static struct cp_lan *find(struct cp_run *run)
{
	const char *owner = owner_of(run), *name = run->args->v[CP_OP_NAME].word;
	struct cp_lan *lan = cp_lan_find(run->cp, owner, name);
	char title[CP_FULL_BYTES];

	if (check_owner(run, owner) < 0)
		return NULL;
	snprintf(title, sizeof(title), "%.8s %.8s", owner, name);
	if (lan && lan->vswitch) {
		cp_error(run, CP_E_OTHER_KIND, title, "VSWITCH", NULL);
		return NULL;
	}
	if (!lan)
		cp_error(run,
			 run->args->v[CP_OP_OWNER].given ? CP_E_PAIR_UNKNOWN : CP_E_LAN_UNKNOWN,
			 title, NULL, NULL);
	return lan;
}

static int check_mixed(struct cp_run *run, bool hipers, bool ip)
{
	const struct cp_value *v = &run->args->v[CP_OP_MIXED];

	if (!v->given || !(hipers || ip))
		return 0;
	if (!hipers && v->choice == 0)
		return 0;
	return cp_error(run, CP_E_CONFLICT, "MIXED",
			hipers ? "HiperSockets carry both layers at once"
			       : "it needs an ETHERNET LAN",
			NULL);
}

/* ---- DEFINE ----------------------------------------------------------------------- */

static int define_check(struct cp_run *run, const char *owner, const char *name)
{
	const struct cp_value *v = run->args->v;
	const struct cp_lan *other = cp_lan_find(run->cp, owner, name);
	char title[CP_FULL_BYTES];

	if (check_owner(run, owner) < 0)
		return -1;
	if (v[CP_OP_ACCOUNTING].given && cp_need_class_b(run, "ACCOUNTING") < 0)
		return -1;
	snprintf(title, sizeof(title), "%.8s %.8s", owner, name);
	if (other)
		return cp_error(run, other->vswitch ? CP_E_OTHER_KIND : CP_E_LAN_EXISTS, title,
				"VSWITCH", NULL);
	if (v[CP_OP_HIPERS].given && v[CP_OP_TYPE].given)
		return cp_error(run, CP_E_CONFLICT, "TYPE", "another type was given", NULL);
	if (v[CP_OP_HIPERS].given && (v[CP_OP_ETHERNET].given || v[CP_OP_IP].given))
		return cp_error(run, CP_E_CONFLICT, v[CP_OP_IP].given ? "IP" : "ETHERNET",
				"HiperSockets carry both layers at once", NULL);
	if (check_mixed(run, v[CP_OP_HIPERS].given, v[CP_OP_IP].given) < 0)
		return -1;
	if (v[CP_OP_IP].given && v[CP_OP_ETHERNET].given)
		return cp_error(run, CP_E_CONFLICT, "IP", "ETHERNET was given too", NULL);
	if (v[CP_OP_MFS].given && !v[CP_OP_HIPERS].given)
		return cp_error(run, CP_E_CONFLICT, "MFS", "it is TYPE HIPERSOCKETS's", NULL);
	if (v[CP_OP_CHPID].given && !v[CP_OP_HIPERS].given)
		return cp_error(run, CP_E_CONFLICT, "CHPID", "it is TYPE HIPERSOCKETS's", NULL);
	if (v[CP_OP_CHPID].given && cp_lan_of_chpid(run->cp, v[CP_OP_CHPID].num))
		return cp_error(run, CP_E_CONFLICT, "CHPID", "another LAN is this channel path",
				NULL);
	if (v[CP_OP_RESTRICTED].given && v[CP_OP_UNRESTRICTED].given)
		return cp_error(run, CP_E_CONFLICT, "UNRESTRICTED", "RESTRICTED was given too",
				NULL);
	if (cp_vmlan_check_lan(run, owner) < 0)
		return -1;
	if (v[CP_OP_GRANT].given && run->cp->n_grants + 8 > CP_GRANTS_MAX)
		return cp_error(run, CP_E_LIMIT, "GRANT", "16384 authorizations", NULL);
	return 0;
}

/* The userids of GRANT, separated by blanks. */
static void grant_list(struct cp_run *run, struct cp_lan *lan)
{
	char list[CP_WORD_BYTES], *next = NULL;

	snprintf(list, sizeof(list), "%s", run->args->v[CP_OP_GRANT].word);
	for (char *user = strtok_r(list, " ", &next); user; user = strtok_r(NULL, " ", &next))
		if (!cp_grant_find(lan, user))
			cp_grant_add(run->cp, lan, user);
}

void cp_do_define_lan(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	const char *owner = owner_of(run), *name = v[CP_OP_NAME].word;
	struct cp_lan model = {
		.restricted = v[CP_OP_RESTRICTED].given,
		.snooping = true,
		.accounting = v[CP_OP_ACCOUNTING].given	     ? v[CP_OP_ACCOUNTING].choice == 1
			      : strcmp(owner, "SYSTEM") == 0 ? run->cp->vmlan.acct_system
							     : run->cp->vmlan.acct_user,
		.maxconn = v[CP_OP_MAXCONN].num,
		.hipers = v[CP_OP_HIPERS].given,
		.ip = v[CP_OP_IP].given,
		.mixed = v[CP_OP_MIXED].given && v[CP_OP_MIXED].choice == 1,
		.has_chpid = v[CP_OP_CHPID].given,
		.chpid = (uint8_t)v[CP_OP_CHPID].num,
		.mfs = (enum hs_mfs)(v[CP_OP_MFS].given ? v[CP_OP_MFS].choice : 0),
		.porttype = CP_PORT_ACCESS,
		.macprotect = CP_UNSPECIFIED,
	};
	struct cp_lan *lan;

	if (define_check(run, owner, name) < 0)
		return;
	snprintf(model.owner, sizeof(model.owner), "%.8s", owner);
	snprintf(model.name, sizeof(model.name), "%.8s", name);
	lan = cp_lan_create(run->cp, &model);
	if (!lan && errno == ENOSPC) {
		cp_error(run, CP_E_LIMIT, name, "256 networks", NULL);
		return;
	}
	if (!lan) {
		cp_error(run, CP_E_SYSTEM, name, strerror(errno), NULL);
		return;
	}
	grant_list(run, lan);
	run->changed = true;
	cp_say(run, "LAN %s %s is created", owner, name);
	cp_settle(run->cp, lan);
}

/* ---- SET, DETACH ------------------------------------------------------------------ */

static int set_check(struct cp_run *run, const struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	bool promisc = v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given;

	if (!v[CP_OP_GRANT].given && !v[CP_OP_REVOKE].given && !v[CP_OP_ACCOUNTING].given &&
	    !v[CP_OP_MIXED].given && !v[CP_OP_ORPHANED].given)
		return cp_error(run, CP_E_MISSING, "GRANT, REVOKE, MIXED or ACCOUNTING", "SET LAN",
				NULL);
	if (check_mixed(run, lan->hipers, lan->ip) < 0)
		return -1;
	if (v[CP_OP_GRANT].given && v[CP_OP_REVOKE].given)
		return cp_error(run, CP_E_CONFLICT, "REVOKE", "GRANT was given too", NULL);
	if (promisc && !v[CP_OP_GRANT].given)
		return cp_error(run, CP_E_CONFLICT, "PROMISCUOUS", "needs GRANT userid", NULL);
	if (v[CP_OP_PROMISC].given && v[CP_OP_NOPROMISC].given)
		return cp_error(run, CP_E_CONFLICT, "NOPROMISCUOUS", "PROMISCUOUS was given too",
				NULL);
	if (v[CP_OP_GRANT].given && !promisc && cp_grant_find(lan, v[CP_OP_GRANT].word))
		return cp_error(run, CP_E_GRANTED, v[CP_OP_GRANT].word, lan->name, NULL);
	if (v[CP_OP_REVOKE].given && !cp_grant_find(lan, v[CP_OP_REVOKE].word))
		return cp_error(run, CP_E_NOT_GRANTED, v[CP_OP_REVOKE].word, lan->name, NULL);
	if (v[CP_OP_ORPHANED].given &&
	    (strcmp(lan->owner, "SYSTEM") == 0 || cp_user_find(run->cp, lan->owner)))
		return cp_error(run, CP_E_CONFLICT, "ORPHANED", "its owner is SYSTEM or has a NIC",
				NULL);
	if (v[CP_OP_ORPHANED].given && cp_need_class_b(run, "ORPHANED") < 0)
		return -1;
	return v[CP_OP_ACCOUNTING].given ? cp_need_class_b(run, "ACCOUNTING") : 0;
}

static int set_grant(struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	struct cp_grant *g = cp_grant_find(lan, v[CP_OP_GRANT].word);

	if (!g)
		g = cp_grant_add(run->cp, lan, v[CP_OP_GRANT].word);
	if (!g)
		return cp_error(run, CP_E_LIMIT, v[CP_OP_GRANT].word, "16384 authorizations", NULL);
	if (v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given)
		g->policy.promisc = v[CP_OP_PROMISC].given;
	return 0;
}

void cp_do_set_lan(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	struct cp_lan *lan = find(run);

	if (!lan || set_check(run, lan) < 0)
		return;
	if (v[CP_OP_GRANT].given && set_grant(run, lan) < 0)
		return;
	if (v[CP_OP_REVOKE].given)
		cp_grant_remove(run->cp, lan, cp_grant_find(lan, v[CP_OP_REVOKE].word));
	if (v[CP_OP_ORPHANED].given)
		lan->orphan = true;
	if (v[CP_OP_ACCOUNTING].given)
		lan->accounting = v[CP_OP_ACCOUNTING].choice == 1;
	if (v[CP_OP_MIXED].given) {
		lan->mixed = v[CP_OP_MIXED].choice == 1;
		cp_lan_configure(lan, run->cp);
	}
	cp_lan_reconfigure_ports(lan);
	run->changed = true;
	cp_say(run, "Command complete");
}

void cp_do_detach_lan(struct cp_run *run)
{
	struct cp_lan *lan = find(run);

	if (!lan)
		return;
	cp_say(run, "LAN %s %s is destroyed", lan->owner, lan->name);
	cp_lan_destroy(run->cp, lan);
	run->changed = true;
}
