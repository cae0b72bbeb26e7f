/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * The control program turns statements into objects and objects into the configuration of the data
 * path. A statement is cut into words (words.c), its command is found and its operands are checked
 * along one table (grammar.c, parse.c) that completion (complete.c) and HELP (help.c) read as well.
 * The handler (cmd_*.c) then works on objects only: users and NICs (user.c, account.c,
 * nic.c), virtual
 * switches and guest LANs with their grants (lan.c), uplinks (uplink.c), and the joint between a
 * NIC and a network (couple.c). Each handler checks everything before it changes anything: a
 * refused statement leaves no trace.
 *
 * Limits: CP_*_MAX in cp_priv.h and CP_LINE_MAX; reached limits are messages, not crashes.
 *
 * A NIC and its guest are two things. The port on the switch exists from COUPLE to UNCOUPLE; the
 * adapter exists while a client is attached; osa_set_link joins them. So a guest may come and go
 * on a coupled NIC, and a NIC may be moved under a running guest, which sees its cable pulled.
 *
 * What exists can be written out as statements that make it again (state.c): that is the state
 * that survives a restart.
 *
 * Threads: everything runs on the one thread of zland's main loop. Workers see changes only
 * through the calls of vswitch.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

/* ---- operands that several commands share ----------------------------------------- */

int cp_need_class_b(struct cp_run *run, const char *what)
{
	if (run->who->class_b)
		return 0;
	return cp_error(run, CP_E_CLASS, what, run->who->user, NULL);
}

/* May the caller handle what belongs to user? Return: 0, or an error after a message. */
int cp_need_right(struct cp_run *run, const char *user)
{
	char what[40];

	if (cp_caller_may(run->cp, run->who, user))
		return 0;
	snprintf(what, sizeof(what), "What belongs to %.8s", user);
	return cp_need_class_b(run, what);
}

/* Whose NIC is meant. Return: the userid, or NULL after a message. */
const char *cp_arg_user(struct cp_run *run)
{
	const struct cp_value *user = &run->args->v[CP_OP_USER];
	const struct cp_value *vdev = &run->args->v[CP_OP_VDEV];
	const char *name = user->given ? user->word : run->who->user;

	if (vdev->word[0]) {
		if (user->given && strcmp(user->word, vdev->word) != 0) {
			cp_error(run, CP_E_CONFLICT, vdev->word, "another userid was given", NULL);
			return NULL;
		}
		name = vdev->word;
	}
	if (cp_need_right(run, name) < 0)
		return NULL;
	return name;
}

/* The NIC or CTCA that USER and vdev name. Return: it, or NULL after a message. */
struct cp_nic *cp_arg_device(struct cp_run *run)
{
	const char *user = cp_arg_user(run);
	struct cp_nic *nic;
	char name[32];

	if (!user)
		return NULL;
	nic = cp_nic_find(run->cp, user, (uint16_t)run->args->v[CP_OP_VDEV].num);
	if (nic)
		return nic;
	snprintf(name, sizeof(name), "%s/%04X", user, run->args->v[CP_OP_VDEV].num);
	cp_error(run, CP_E_NO_DEVICE, name, NULL, NULL);
	return NULL;
}

const char *cp_text(const struct cp_run *run, enum cp_op op)
{
	const struct cp_value *v = &run->args->v[op];

	return v->given ? cp_token(run->args->tokens, v->num) : "";
}

/* The same, and it is a NIC. */
struct cp_nic *cp_arg_nic(struct cp_run *run)
{
	struct cp_nic *nic = cp_arg_device(run);

	if (!nic || nic->type != CP_NIC_CTCA)
		return nic;
	cp_error(run, CP_E_IS_CTCA, nic->name, NULL, NULL);
	return NULL;
}

/* PORTTYPE, VLAN and PROMISCUOUS of a GRANT or NICDEF: what is not given stays. */
void cp_read_policy(const struct cp_run *run, struct cp_policy *p)
{
	const struct cp_value *v = run->args->v;

	if (v[CP_OP_PORTTYPE].given)
		p->type = (enum cp_porttype)v[CP_OP_PORTTYPE].choice;
	if (v[CP_OP_VLAN].given) {
		p->has_vids = true;
		p->vids = run->args->vids;
	}
	if (v[CP_OP_PROMISC].given || v[CP_OP_NOPROMISC].given)
		p->promisc = v[CP_OP_PROMISC].given;
}

/* ---- execution -------------------------------------------------------------------- */

static void unknown_command(struct cp_run *run, const struct cp_tokens *t, unsigned used)
{
	if (used == 0)
		cp_error(run, CP_E_UNKNOWN, cp_token(t, 0), NULL, NULL);
	else if (used < t->n)
		cp_error(run, CP_E_BAD_OPTION, cp_token(t, used), cp_token(t, 0), NULL);
	else
		cp_error(run, CP_E_MISSING, "the object", cp_token(t, 0), NULL);
}

static void execute(struct cp_run *run, struct cp_tokens *t)
{
	uint32_t last_mac = run->cp->last_mac;
	bool persist = cp_persist_take(t);
	unsigned used;
	const struct cp_command *cmd = cp_find_command(t, &used);
	struct cp_args args;

	if (!cmd) {
		unknown_command(run, t, used);
		return;
	}
	run->args = &args;
	if (cp_parse(run, cmd, t, used, &args, NULL) == 0 &&
	    (!cmd->class_b || cp_need_class_b(run, args.title) == 0) &&
	    (!persist || cp_need_class_b(run, "PERSIST") == 0))
		cmd->fn(run);
	if (run->rc) /* it changes nothing, and the next address is what it would have been */
		run->cp->last_mac = last_mac;
	if (persist && run->changed && !run->rc)
		cp_persist(run, t);
	run->args = NULL;
}

/* One statement, without telling hooks.changed. */
int cp_run_line(struct cp *cp, const struct cp_caller *who, const char *line, struct cp_reply *r,
		bool *changed)
{
	struct cp_run run = {.cp = cp, .who = who};
	struct cp_tokens tokens;
	const char *refused;

	if (cp_run_open(&run, r) < 0) {
		run.rc = (int)cp_message(CP_E_SYSTEM)->number;
		cp_run_close(&run);
		return r->rc;
	}
	refused = cp_tokenize(line, &tokens);
	if (refused)
		cp_error(&run, CP_E_LINE, "line", refused, NULL);
	else if (tokens.n)
		execute(&run, &tokens);
	if (run.changed) {
		cp_lan_sweep(cp);
		cp_bridges_decide(cp);
		cp_traces_apply(cp);
	}
	*changed = run.changed;
	cp_run_close(&run);
	return r->rc;
}

int cp_execute(struct cp *cp, const struct cp_caller *who, const char *line, struct cp_reply *r)
{
	bool changed = false;
	int rc = cp_run_line(cp, who, line, r, &changed);

	if (changed && cp->hooks.changed)
		cp->hooks.changed(cp->hooks.ctx);
	return rc;
}

/* ---- the whole -------------------------------------------------------------------- */

struct cp *cp_create(const struct cp_hooks *hooks)
{
	struct cp *cp = calloc(1, sizeof(*cp));

	if (cp && hooks)
		cp->hooks = *hooks;
	if (cp)
		cp_vmlan_defaults(&cp->vmlan);
	return cp;
}

void cp_destroy(struct cp *cp)
{
	if (!cp)
		return;
	while (cp->traces)
		cp_trace_remove(cp, cp->traces);
	while (cp->users)
		cp_nic_destroy(cp->users->nics);
	while (cp->lans)
		cp_lan_destroy(cp, cp->lans);
	while (cp->rategroups)
		cp_rategroup_remove(cp, cp->rategroups);
	while (cp->groups)
		cp_group_destroy(cp, cp->groups);
	while (cp->accounts)
		cp_account_remove(cp, cp->accounts);
	free(cp);
}

void cp_tick(struct cp *cp, uint32_t now_s)
{
	cp->now_s = now_s;
	cp_account_tick(cp);
	cp_punted(cp, cp_now_ms(cp));
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next) {
		vs_switch_tick(lan->sw, now_s);
		cp_uplink_tick(cp, lan);
		cp_gvrp_tick(cp, lan);
	}
	cp_due(cp);
	cp_bridges_decide(cp);
	for (struct cp_user *u = cp->users; u; u = u->hh.next)
		for (struct cp_nic *nic = u->nics; nic; nic = nic->hh.next)
			cp_nic_tick(nic, (uint64_t)now_s * 1000);
	cp_traces_apply(cp); /* an uplink may have come */
}

/* ---- look-ups --------------------------------------------------------------------- */

struct vs_switch *cp_find_switch(struct cp *cp, const char *name)
{
	char owner[CP_NAME_BYTES] = "SYSTEM", upper[CP_FULL_BYTES];
	const char *dot;
	const struct cp_lan *lan;
	size_t n = 0;

	for (; name[n] && n + 1 < sizeof(upper); n++)
		upper[n] = (char)(name[n] >= 'a' && name[n] <= 'z' ? name[n] - 32 : name[n]);
	upper[n] = '\0';
	dot = strchr(upper, '.');
	if (dot && dot - upper < (ptrdiff_t)sizeof(owner))
		snprintf(owner, sizeof(owner), "%.*s", (int)(dot - upper), upper);
	lan = cp_lan_find(cp, owner, dot ? dot + 1 : upper);
	return lan ? lan->sw : NULL;
}

struct vs_port *cp_find_port(struct cp *cp, const char *nic, struct vs_switch **sw)
{
	char user[CP_NAME_BYTES];
	const char *slash = strchr(nic, '/');
	const struct cp_nic *n;
	unsigned long vdev;
	char *end;
	size_t len;

	if (!slash || slash - nic >= (ptrdiff_t)sizeof(user))
		return NULL;
	len = (size_t)(slash - nic);
	for (size_t i = 0; i < len; i++)
		user[i] = (char)(nic[i] >= 'a' && nic[i] <= 'z' ? nic[i] - 32 : nic[i]);
	user[len] = '\0';
	vdev = strtoul(slash + 1, &end, 16);
	if (end == slash + 1 || *end || vdev > 0xFFFF)
		return NULL;
	n = cp_nic_find(cp, user, (uint16_t)vdev);
	if (!n || !n->port)
		return NULL;
	if (sw)
		*sw = n->wire ? n->wire->sw : n->uplink_of ? n->uplink_of->sw : n->lan->sw;
	return n->port;
}

unsigned cp_switches(struct cp *cp, struct vs_switch **out, unsigned max)
{
	unsigned n = 0;

	for (const struct cp_lan *lan = cp->lans; lan && n < max; lan = lan->hh.next)
		out[n++] = lan->sw;
	for (const struct cp_user *u = cp->users; u; u = u->hh.next)
		for (const struct cp_nic *nic = u->nics; nic && n < max; nic = nic->hh.next)
			if (nic->wire && nic->wire->end[0] == nic)
				out[n++] = nic->wire->sw;
	return n;
}
