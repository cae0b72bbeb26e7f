/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge port of a virtual switch: it joins a HiperSockets LAN, whose guests reach the switch
 * and its uplink in one flat network. Several switches may name one LAN; which of them is active is
 * decided by the LAN (hipersockets/bridge.c), from what is said here of each: connected or not, and
 * whether the switch has the uplink it is to have.
 * Source: spec/zvm-networking.md 2.1, 2.2, 3.10.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

static const char *const states[] = {"INACTIVE", "STANDBY", "ACTIVE"};

static bool given(const struct cp_run *run, enum cp_op op)
{
	return run->args->v[op].given;
}

static const char *role_name(enum hs_role role)
{
	return role == HS_ROLE_PRIMARY ? "PRIMARY" : "SECONDARY";
}

/* ---- opening and closing ---------------------------------------------------------------- */

/* What is behind a port that becomes active is behind another uplink now. */
static void changed(void *ctx, enum hs_bridge_state state)
{
	struct cp_lan *lan = ctx;

	cp_log(lan->cp, "ZLN2834I VSWITCH SYSTEM %s bridge port to LAN %s %s is %s", lan->name,
	       lan->bridge.owner, lan->bridge.name,
	       state == HS_BRIDGE_ACTIVE    ? "active"
	       : state == HS_BRIDGE_STANDBY ? "on standby"
					    : "inactive");
	if (state == HS_BRIDGE_ACTIVE)
		vs_switch_announce(lan->sw);
}

static struct vs_port *make_port(struct cp_lan *lan)
{
	struct vs_port_config cfg = {.name = "bridge",
				     .role = VS_ROLE_GUEST,
				     .type = VS_TYPE_TRUNK,
				     .learning = true,
				     .bridge = true};

	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	return vs_port_create(lan->sw, &cfg);
}

static const char *why_not(int err)
{
	return err == EEXIST   ? "the LAN has a primary bridge port"
	       : err == EBUSY  ? "guests of the LAN are its bridge ports"
	       : err == ENOSPC ? "the LAN has as many bridge ports as it may"
			       : strerror(err);
}

/* Return: 0, or -1 and bridge.error. */
static int open_bridge(struct cp_lan *lan)
{
	struct cp_bridge *b = &lan->bridge;
	struct cp_lan *to = cp_lan_find(lan->cp, b->owner, b->name);
	struct hs_bridge_config cfg = {.role = b->role, .changed = changed, .ctx = lan};

	b->error[0] = '\0';
	if (!to || !to->hs) {
		snprintf(b->error, sizeof(b->error), "%s",
			 to ? "it is not of TYPE HIPERSOCKETS" : "there is no such LAN");
		return -1;
	}
	b->port = make_port(lan);
	if (b->port) {
		cfg.link = vs_port_link(b->port);
		b->hs = hs_bridge_create(to->hs, &cfg);
	}
	if (b->hs) {
		b->to = to;
		return 0;
	}
	snprintf(b->error, sizeof(b->error), "%s", why_not(errno));
	vs_port_destroy(b->port);
	b->port = NULL;
	return -1;
}

/* Its definition stays. */
void cp_bridge_close(struct cp_lan *lan)
{
	struct cp_bridge *b = &lan->bridge;

	if (!b->hs)
		return;
	cp_forget(lan->cp, lan->sw, b->port);
	hs_bridge_destroy(b->hs);
	vs_port_destroy(b->port);
	b->hs = NULL;
	b->port = NULL;
	b->to = NULL;
}

/* The LAN is about to go. */
void cp_bridge_lan_gone(struct cp *cp, const struct cp_lan *to)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		if (lan->bridge.to == to)
			cp_bridge_close(lan);
}

static enum hs_fitness fitness(const struct cp_lan *lan)
{
	bool uplink = lan->uplink.n_dev || lan->uplink.group;

	if (!lan->bridge.connect)
		return HS_FIT_NOT;
	return !uplink || strcmp(cp_uplink_state(lan->cp, lan), "Ready") == 0 ? HS_FIT_GOOD
									      : HS_FIT_POOR;
}

/*
 * After anything that may have changed what there is: open what can be, and let the LANs choose.
 * The better are told of first, so that a start makes no detour.
 */
void cp_bridges_decide(struct cp *cp)
{
	if (cp->check)
		return;
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		if (lan->bridge.defined && !lan->bridge.hs)
			open_bridge(lan);
	for (int f = HS_FIT_GOOD; f >= HS_FIT_NOT; f--)
		for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
			if (lan->bridge.hs && (int)fitness(lan) == f)
				hs_bridge_set_fitness(lan->bridge.hs, (enum hs_fitness)f);
}

/* ---- the operands -----------------------------------------------------------------------------
 */

static bool any_operand(const struct cp_run *run)
{
	return given(run, CP_OP_BRIDGE_LAN) || given(run, CP_OP_BRIDGEPORT_NONE) ||
	       given(run, CP_OP_PRIMARY) || given(run, CP_OP_SECONDARY) ||
	       given(run, CP_OP_BRIDGE_CONNECT) || given(run, CP_OP_BRIDGE_DISCONNECT);
}

static const char *owner_of(const struct cp_run *run)
{
	const char *owner = run->args->v[CP_OP_BRIDGE_LAN].word;

	return strcmp(owner, "*") == 0 ? run->who->user : owner;
}

/* One that is not there yet is waited for, as a NICDEF does. */
static int check_lan(struct cp_run *run)
{
	const struct cp_value *v = &run->args->v[CP_OP_BRIDGE_LAN];
	const struct cp_lan *to = v->given ? cp_lan_find(run->cp, owner_of(run), v->word2) : NULL;

	if (to && !to->hipers && !run->cp->in_file)
		return cp_error(run, CP_E_CONFLICT, "BRIDGEPORT",
				"the network is not of TYPE HIPERSOCKETS", NULL);
	return 0;
}

/* @lan: NULL: it is being defined. Return: 0 or -1. */
int cp_bridge_check(struct cp_run *run, const struct cp_lan *lan)
{
	bool defined = lan && lan->bridge.defined;

	if (given(run, CP_OP_PRIMARY) && given(run, CP_OP_SECONDARY))
		return cp_error(run, CP_E_CONFLICT, "SECONDARY", "PRIMARY was given too", NULL);
	if (given(run, CP_OP_BRIDGE_CONNECT) && given(run, CP_OP_BRIDGE_DISCONNECT))
		return cp_error(run, CP_E_CONFLICT, "BRIDGEPORT DISCONNECT",
				"BRIDGEPORT CONNECT was given too", NULL);
	if (given(run, CP_OP_BRIDGEPORT_NONE) && given(run, CP_OP_BRIDGE_LAN))
		return cp_error(run, CP_E_CONFLICT, "BRIDGEPORT NONE",
				"BRIDGEPORT LAN was given too", NULL);
	if (any_operand(run) && !given(run, CP_OP_BRIDGEPORT_NONE) &&
	    !given(run, CP_OP_BRIDGE_LAN) && !defined)
		return cp_error(run, CP_E_MISSING, "BRIDGEPORT LAN owner name", run->args->title,
				NULL);
	return check_lan(run);
}

static void read_operands(const struct cp_run *run, struct cp_bridge *b)
{
	const struct cp_value *v = &run->args->v[CP_OP_BRIDGE_LAN];

	if (given(run, CP_OP_BRIDGEPORT_NONE))
		b->defined = false;
	if (v->given) {
		if (!b->defined) {
			b->role = HS_ROLE_SECONDARY;
			b->connect = true;
		}
		b->defined = true;
		snprintf(b->owner, sizeof(b->owner), "%.8s", owner_of(run));
		snprintf(b->name, sizeof(b->name), "%.8s", v->word2);
	}
	if (given(run, CP_OP_PRIMARY) || given(run, CP_OP_SECONDARY))
		b->role = given(run, CP_OP_PRIMARY) ? HS_ROLE_PRIMARY : HS_ROLE_SECONDARY;
	if (given(run, CP_OP_BRIDGE_CONNECT) || given(run, CP_OP_BRIDGE_DISCONNECT))
		b->connect = given(run, CP_OP_BRIDGE_CONNECT);
}

/*
 * Make the bridge port what the statement asks for; a failed change brings the old one back, unless
 * it is from a file or the LAN is missing: then it is tried again later.
 * Return: 0 or -1 after a message.
 */
int cp_bridge_set(struct cp_run *run, struct cp_lan *lan)
{
	struct cp_bridge *b = &lan->bridge, old = *b, want = *b;
	int rc = 0;

	if (!any_operand(run))
		return 0;
	read_operands(run, &want);
	if (!want.defined || strcmp(want.owner, old.owner) != 0 || strcmp(want.name, old.name) != 0)
		cp_bridge_close(lan);
	else if (b->hs && want.role != old.role)
		rc = hs_bridge_set_role(b->hs, want.role);
	if (rc)
		return cp_error(run, CP_E_BRIDGE, lan->name, why_not(-rc), NULL);
	want.hs = b->hs;
	want.port = b->port;
	want.to = b->to;
	*b = want;
	if (!b->defined || b->hs || run->cp->check || open_bridge(lan) == 0 || run->cp->in_file ||
	    !cp_lan_find(run->cp, b->owner, b->name))
		return 0;
	cp_error(run, CP_E_BRIDGE, lan->name, b->error, NULL);
	old.hs = NULL;
	old.port = NULL;
	old.to = NULL;
	*b = old;
	return -1;
}

/* ---- what to say about it
 * -------------------------------------------------------------------------
 */

static const char *state_of(const struct cp_bridge *b)
{
	struct hs_bridge_info info = {.state = HS_BRIDGE_INACTIVE};

	if (b->hs)
		hs_bridge_info(b->hs, &info);
	return states[info.state];
}

void cp_bridges_print(FILE *f, const struct cp *cp)
{
	for (const struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next) {
		const struct cp_bridge *b = &lan->bridge;

		if (b->defined)
			fprintf(f, "SET VSWITCH %s BRIDGEPORT LAN %s %s %s%s\n", lan->name,
				b->owner, b->name, role_name(b->role),
				b->connect ? "" : " BRIDGEPORT DISCONNECT");
	}
}

json_t *cp_bridge_json(const struct cp_lan *lan)
{
	const struct cp_bridge *b = &lan->bridge;
	struct hs_bridge_info info = {.state = HS_BRIDGE_INACTIVE};

	if (!b->defined)
		return json_null();
	if (b->hs)
		hs_bridge_info(b->hs, &info);
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s?, s:I, s:I, s:I, s:I, s:o}", "owner",
			 b->owner, "name", b->name, "role", role_name(b->role), "connect",
			 b->connect, "state", states[info.state], "error",
			 b->error[0] ? b->error : NULL, "to_lan", (json_int_t)info.to_lan,
			 "no_receiver", (json_int_t)info.unknown, "receiver_full",
			 (json_int_t)info.full, "returned", (json_int_t)info.returned, "counters",
			 cp_counters_json(b->port));
}

void cp_say_bridge(struct cp_run *run, const struct cp_lan *lan, bool details)
{
	const struct cp_bridge *b = &lan->bridge;
	struct hs_bridge_info info;

	if (!b->defined)
		return;
	cp_say(run, "  Bridge Port: LAN %s %s  %s  %s  %s", b->owner, b->name, role_name(b->role),
	       b->connect ? "CONNECT" : "DISCONNECT", b->error[0] ? b->error : state_of(b));
	if (!details || !b->hs)
		return;
	cp_say_counters(run, b->port, false, "    ");
	hs_bridge_info(b->hs, &info);
	cp_say(run, "    To the LAN: %llu  no receiver: %llu  receiver full: %llu  returned: %llu",
	       (unsigned long long)info.to_lan, (unsigned long long)info.unknown,
	       (unsigned long long)info.full, (unsigned long long)info.returned);
}

/* Of a HiperSockets LAN: who bridges it. */
json_t *cp_bridges_json(const struct cp_lan *to)
{
	json_t *a = json_array();

	for (const struct cp_lan *lan = to->cp->lans; lan; lan = lan->hh.next)
		if (lan->bridge.to == to)
			json_array_append_new(a, json_pack("{s:s, s:s, s:s}", "vswitch", lan->name,
							   "role", role_name(lan->bridge.role),
							   "state", state_of(&lan->bridge)));
	return a;
}

void cp_say_bridges(struct cp_run *run, const struct cp_lan *to)
{
	for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next)
		if (lan->bridge.to == to)
			cp_say(run, "  Bridge Port: VSWITCH SYSTEM %s  %s  %s", lan->name,
			       role_name(lan->bridge.role), state_of(&lan->bridge));
}
