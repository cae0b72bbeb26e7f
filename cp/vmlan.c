/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SET VMLAN and QUERY VMLAN: limits, defaults and addresses of all networks, and what one user of
 * class G may make.
 * Source: spec/zvm-networking.md 2.9, 3.1.
 */
#include <string.h>

#include "cp/cp_priv.h"

#define DEFAULT_PREFIX 0x020000u
#define DEFAULT_USER_LANS 16
#define DEFAULT_USER_NICS 64

void cp_vmlan_defaults(struct cp_vmlan *v)
{
	memset(v, 0, sizeof(*v)); /* padding too: it is compared */
	v->persistent_max = v->transient_max = CP_INFINITE;
	v->user_lans = DEFAULT_USER_LANS;
	v->user_nics = DEFAULT_USER_NICS;
	v->macprefix = DEFAULT_PREFIX;
	v->first_id[0] = v->first_id[1] = 1;
	v->last_id[0] = v->last_id[1] = CP_MACID_MAX;
}

/* Do assigned addresses and MACIDs look alike? */
bool cp_vmlan_plain_macs(const struct cp_vmlan *v)
{
	return (!v->userprefix || v->userprefix == v->macprefix) && v->first_id[1] == 1 &&
	       v->last_id[1] == CP_MACID_MAX;
}

/* ---- limits ----------------------------------------------------------------------- */

static bool is_system(const char *owner)
{
	return strcmp(owner, "SYSTEM") == 0;
}

/* May one more network of the owner be made? Return: 0, or -1 after a message. */
int cp_vmlan_check_lan(struct cp_run *run, const char *owner)
{
	const struct cp_vmlan *v = &run->cp->vmlan;
	uint32_t max = is_system(owner) ? v->persistent_max : v->transient_max;
	uint32_t alike = 0, own = 0;
	char limit[64];

	for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next) {
		alike += is_system(lan->owner) == is_system(owner);
		own += strcmp(lan->owner, owner) == 0;
	}
	if (alike >= max) {
		snprintf(limit, sizeof(limit), "%u %s networks (SET VMLAN)", max,
			 is_system(owner) ? "PERSISTENT" : "TRANSIENT");
		return cp_error(run, CP_E_LIMIT, owner, limit, NULL);
	}
	if (run->who->class_b || own < v->user_lans)
		return 0;
	snprintf(limit, sizeof(limit), "%u guest LANs of a user (SET VMLAN)", v->user_lans);
	return cp_error(run, CP_E_LIMIT, owner, limit, NULL);
}

/* May one more NIC of the user be made? Return: 0, or -1 after a message. */
int cp_vmlan_check_nic(struct cp_run *run, const char *user)
{
	const struct cp_user *u = cp_user_find(run->cp, user);
	const struct cp_vmlan *v = &run->cp->vmlan;
	char limit[64];

	if (run->who->class_b || (u ? HASH_COUNT(u->nics) : 0) < v->user_nics)
		return 0;
	snprintf(limit, sizeof(limit), "%u NICs of a user (SET VMLAN)", v->user_nics);
	return cp_error(run, CP_E_LIMIT, user, limit, NULL);
}

/* ---- SET VMLAN -------------------------------------------------------------------- */

static uint32_t limit_of(const struct cp_value *v)
{
	return v->choice == 0 ? CP_INFINITE : v->num;
}

/* Prefixes and ranges: of addresses not given yet. Return: 0, or -1 after a message. */
static int set_macs(struct cp_run *run, struct cp_vmlan *want)
{
	static const struct {
		enum cp_op op;
		const char *name;
	} prefix[2] = {{CP_OP_MACPREFIX, "MACPREFIX"}, {CP_OP_USERPREFIX, "USERPREFIX"}};
	static const enum cp_op range[2] = {CP_OP_RANGE_SYSTEM, CP_OP_RANGE_USER};
	const struct cp_value *v = run->args->v;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t *to = i ? &want->userprefix : &want->macprefix;
		const struct cp_value *p = &v[prefix[i].op];

		if (v[range[i]].given) {
			want->first_id[i] = v[range[i]].num;
			want->last_id[i] = v[range[i]].num2;
		}
		if (!p->given || p->num == *to)
			continue;
		if ((p->num >> 16 & 3) != 2)
			return cp_error(run, CP_E_BAD_OPERAND, prefix[i].name,
					"a locally administered unicast prefix, as 02xxxx", NULL);
		if (run->cp->macs)
			return cp_error(run, CP_E_MAC_FIXED, prefix[i].name, NULL, NULL);
		*to = p->num;
	}
	return 0;
}

void cp_do_set_vmlan(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	struct cp_vmlan want = run->cp->vmlan;
	bool any = false;

	for (unsigned op = 0; op < CP_OP_COUNT; op++)
		any |= v[op].given;
	if (!any) {
		cp_error(run, CP_E_MISSING, "an attribute", run->args->title, NULL);
		return;
	}
	if (set_macs(run, &want) < 0)
		return;
	if (v[CP_OP_PERSISTENT].given)
		want.persistent_max = limit_of(&v[CP_OP_PERSISTENT]);
	if (v[CP_OP_TRANSIENT].given)
		want.transient_max = limit_of(&v[CP_OP_TRANSIENT]);
	if (v[CP_OP_QUOTA_LANS].given)
		want.user_lans = v[CP_OP_QUOTA_LANS].num;
	if (v[CP_OP_QUOTA_NICS].given)
		want.user_nics = v[CP_OP_QUOTA_NICS].num;
	if (v[CP_OP_ACCT_SYSTEM].given)
		want.acct_system = v[CP_OP_ACCT_SYSTEM].choice == 1;
	if (v[CP_OP_ACCT_USER].given)
		want.acct_user = v[CP_OP_ACCT_USER].choice == 1;
	if (v[CP_OP_MACPROTECT].given)
		want.macprotect = v[CP_OP_MACPROTECT].choice == 1;
	run->cp->vmlan = want;
	for (struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next)
		cp_lan_configure(lan, run->cp);
	run->changed = true;
	cp_say(run, "Command complete");
}

/* ---- as statements and for people --------------------------------------------------- */

static void print_limit(FILE *f, const char *word, uint32_t limit)
{
	if (limit != CP_INFINITE)
		fprintf(f, " LIMIT %s %u", word, limit);
}

/* Prefixes: before anything has an address. */
void cp_vmlan_print_prefixes(FILE *f, const struct cp_vmlan *v)
{
	if (v->macprefix == DEFAULT_PREFIX && !v->userprefix)
		return;
	fprintf(f, "SET VMLAN MACPREFIX %06X", v->macprefix);
	if (v->userprefix)
		fprintf(f, " USERPREFIX %06X", v->userprefix);
	fputc('\n', f);
}

/* All but the prefixes, which have a statement of their own. */
static bool is_default(const struct cp_vmlan *v)
{
	struct cp_vmlan d;

	cp_vmlan_defaults(&d);
	return v->persistent_max == d.persistent_max && v->transient_max == d.transient_max &&
	       v->user_lans == d.user_lans && v->user_nics == d.user_nics &&
	       v->acct_system == d.acct_system && v->acct_user == d.acct_user &&
	       memcmp(v->first_id, d.first_id, sizeof(d.first_id)) == 0 &&
	       memcmp(v->last_id, d.last_id, sizeof(d.last_id)) == 0 &&
	       v->macprotect == d.macprotect;
}

/* The rest, behind everything that exists: limits do not hold for what was there before them. */
void cp_vmlan_print(FILE *f, const struct cp_vmlan *v)
{
	if (is_default(v))
		return;
	fprintf(f, "SET VMLAN MACIDRANGE SYSTEM %06X-%06X USER %06X-%06X MACPROTECT %s",
		v->first_id[0], v->last_id[0], v->first_id[1], v->last_id[1],
		v->macprotect ? "ON" : "OFF");
	print_limit(f, "PERSISTENT", v->persistent_max);
	print_limit(f, "TRANSIENT", v->transient_max);
	fprintf(f, " LIMIT USERLANS %u LIMIT USERNICS %u ACCOUNTING SYSTEM %s ACCOUNTING USER %s\n",
		v->user_lans, v->user_nics, v->acct_system ? "ON" : "OFF",
		v->acct_user ? "ON" : "OFF");
}

static json_t *limit_json(uint32_t limit)
{
	return limit == CP_INFINITE ? json_null() : json_integer(limit);
}

static void limit_text(char text[16], uint32_t limit)
{
	if (limit == CP_INFINITE)
		snprintf(text, 16, "INFINITE");
	else
		snprintf(text, 16, "%u", limit);
}

static json_t *range_json(const struct cp_vmlan *v, unsigned i)
{
	return json_sprintf("%06X-%06X", v->first_id[i], v->last_id[i]);
}

void cp_do_query_vmlan(struct cp_run *run)
{
	const struct cp_vmlan *v = &run->cp->vmlan;
	uint32_t userprefix = v->userprefix ? v->userprefix : v->macprefix;
	char limit[2][16];
	uint32_t n[2] = {0, 0};

	for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next)
		n[!is_system(lan->owner)]++;
	limit_text(limit[0], v->persistent_max);
	limit_text(limit[1], v->transient_max);
	cp_say(run, "VMLAN limits:");
	cp_say(run, "  Persistent: %-9s Current: %u", limit[0], n[0]);
	cp_say(run, "  Transient:  %-9s Current: %u", limit[1], n[1]);
	cp_say(run, "  Of a class G user: %u LANs, %u NICs", v->user_lans, v->user_nics);
	cp_say(run, "VMLAN accounting: SYSTEM %s USER %s", v->acct_system ? "ON" : "OFF",
	       v->acct_user ? "ON" : "OFF");
	cp_say(run, "MAC address prefix: %06X   User prefix: %06X", v->macprefix, userprefix);
	cp_say(run, "MACIDRANGE SYSTEM: %06X-%06X   USER: %06X-%06X", v->first_id[0], v->last_id[0],
	       v->first_id[1], v->last_id[1]);
	cp_say(run, "MAC Protection: %s", v->macprotect ? "ON" : "OFF");
	run->json = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o, s:o, s:o, s:o, s:b}",
			      "persistent_max", limit_json(v->persistent_max), "transient_max",
			      limit_json(v->transient_max), "persistent", (json_int_t)n[0],
			      "transient", (json_int_t)n[1], "user_lans_max",
			      (json_int_t)v->user_lans, "user_nics_max", (json_int_t)v->user_nics,
			      "accounting_system", v->acct_system, "accounting_user", v->acct_user,
			      "mac_prefix", json_sprintf("%06X", v->macprefix), "user_prefix",
			      json_sprintf("%06X", userprefix), "macid_system", range_json(v, 0),
			      "macid_user", range_json(v, 1), "mac_protect", v->macprotect);
}
