/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRSOURCE and QUERY TRSOURCE: traces of a network, written by zland. A trace is kept by names: it
 * may be enabled before what it names exists, and goes on when that comes again.
 * Source: spec/zvm-networking.md 2.13.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/capture.h"
#include "cp/cp_priv.h"

#define LENGTH_DEFAULT 512
#define LENGTH_FULL 2048

static struct cp_trace *trace_find(const struct cp *cp, const char *id)
{
	struct cp_trace *t;

	HASH_FIND_STR(cp->traces, id, t);
	return t;
}

/* The trace a statement names. Return: it, or NULL after a message. */
static struct cp_trace *arg_trace(struct cp_run *run)
{
	const char *id = run->args->v[CP_OP_NAME].word;
	struct cp_trace *t = trace_find(run->cp, id);

	if (!t)
		cp_error(run, CP_E_TRACE_UNKNOWN, id, NULL, NULL);
	return t;
}

/* ---- what it covers ------------------------------------------------------------------------- */

/* Return: NULL if sw and port are there, else what is not. */
static const char *find_target(const struct cp_trace *t, struct cp *cp, struct vs_switch **sw,
			       struct vs_port **port)
{
	const struct cp_lan *lan = cp_lan_find(cp, t->owner, t->name);
	const struct cp_nic *nic;

	*sw = NULL;
	*port = NULL;
	if (!lan)
		return "the network";
	switch (t->what) {
	case CP_TRACE_NIC:
		nic = cp_nic_find(cp, t->nic.user, t->nic.vdev);
		if (!nic || nic->lan != lan || !nic->port)
			return "the NIC";
		*port = nic->port;
		break;
	case CP_TRACE_TRUNK:
		if (!lan->uplink.port)
			return "an uplink device";
		*port = lan->uplink.port;
		break;
	case CP_TRACE_ALL:
	case CP_TRACE_DROPPED:
		break;
	}
	*sw = lan->sw;
	return NULL;
}

static void cover(struct cp *cp, struct cp_trace *t, struct vs_switch *sw, struct vs_port *port)
{
	if (t->handle && (t->sw != sw || t->port != port))
		cp->hooks.cover_trace(cp->hooks.ctx, t->handle, sw, port);
	t->sw = sw;
	t->port = port;
}

void cp_traces_apply(struct cp *cp)
{
	for (struct cp_trace *t = cp->traces; t; t = t->hh.next) {
		struct vs_switch *sw;
		struct vs_port *port;

		if (!t->handle)
			continue;
		find_target(t, cp, &sw, &port);
		cover(cp, t, sw, port);
	}
}

void cp_forget(struct cp *cp, struct vs_switch *sw, struct vs_port *port)
{
	for (struct cp_trace *t = cp->traces; t; t = t->hh.next)
		if (port ? t->port == port : t->sw == sw)
			cover(cp, t, NULL, NULL);
	if (cp->hooks.forget)
		cp->hooks.forget(cp->hooks.ctx, sw, port);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void disable(struct cp *cp, struct cp_trace *t)
{
	if (t->handle)
		cp->hooks.close_trace(cp->hooks.ctx, t->handle);
	t->handle = NULL;
	t->sw = NULL;
	t->port = NULL;
	t->enabled = false;
}

/* Return: 0, or -1 and a text. */
static int enable(struct cp *cp, struct cp_trace *t, char *err, size_t err_len)
{
	struct cp_capture_filter filter = {.dropped = t->what == CP_TRACE_DROPPED,
					   .by_vlan = t->by_vlan,
					   .vids = t->vids,
					   .snaplen = t->length};

	if (cp->hooks.open_trace && !cp->check) {
		t->handle = cp->hooks.open_trace(cp->hooks.ctx, t->id, &filter, err, err_len);
		if (!t->handle)
			return -1;
	}
	t->enabled = true;
	return 0;
}

void cp_trace_remove(struct cp *cp, struct cp_trace *t)
{
	disable(cp, t);
	HASH_DEL(cp->traces, t);
	free(t);
}

static void read_trace(const struct cp_run *run, struct cp_trace *t)
{
	const struct cp_value *v = run->args->v;

	memcpy(t->owner, v[CP_OP_OWNER].word, sizeof(t->owner));
	memcpy(t->name, v[CP_OP_LANNAME].word, sizeof(t->name));
	t->what = v[CP_OP_NIC].given	   ? CP_TRACE_NIC
		  : v[CP_OP_TRUNK].given   ? CP_TRACE_TRUNK
		  : v[CP_OP_DROPPED].given ? CP_TRACE_DROPPED
					   : CP_TRACE_ALL;
	if (v[CP_OP_NIC].given) {
		snprintf(t->nic.user, sizeof(t->nic.user), "%.8s", v[CP_OP_NIC].word);
		t->nic.vdev = (uint16_t)v[CP_OP_NIC].num;
	}
	t->by_vlan = v[CP_OP_VLAN].given && v[CP_OP_VLAN].choice < 0;
	if (t->by_vlan)
		t->vids = run->args->vids;
	t->length = !v[CP_OP_LENGTH].given	  ? LENGTH_DEFAULT
		    : v[CP_OP_LENGTH].choice == 0 ? LENGTH_FULL
						  : v[CP_OP_LENGTH].num;
}

static int check_define(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	const char *id = v[CP_OP_NAME].word;
	const struct cp_trace *t = trace_find(run->cp, id);

	if (!v[CP_OP_TYPE].given || !v[CP_OP_OWNER].given || !v[CP_OP_LANNAME].given)
		return cp_error(run, CP_E_MISSING, "TYPE LAN OWNER owner LANNAME name",
				run->args->title, NULL);
	if (v[CP_OP_NIC].given + v[CP_OP_TRUNK].given + v[CP_OP_DROPPED].given > 1)
		return cp_error(run, CP_E_CONFLICT, v[CP_OP_NIC].given ? "NIC" : "TRUNK",
				"one of NIC, TRUNK and DROPPED", NULL);
	if (t && t->enabled)
		return cp_error(run, CP_E_TRACE_ENABLED, id, NULL, NULL);
	if (!t && HASH_COUNT(run->cp->traces) >= CP_TRACES_MAX)
		return cp_error(run, CP_E_LIMIT, id, "16 traces", NULL);
	return 0;
}

/* ---- commands ------------------------------------------------------------------------------- */

void cp_do_trsource(struct cp_run *run)
{
	const char *id = run->args->v[CP_OP_NAME].word;
	struct cp_trace *t;

	if (check_define(run) < 0)
		return;
	t = trace_find(run->cp, id);
	if (t)
		cp_trace_remove(run->cp, t);
	t = calloc(1, sizeof(*t));
	if (!t) {
		cp_error(run, CP_E_SYSTEM, "TRSOURCE", strerror(ENOMEM), NULL);
		return;
	}
	snprintf(t->id, sizeof(t->id), "%.8s", id);
	read_trace(run, t);
	HASH_ADD_STR(run->cp->traces, id, t);
	run->changed = true;
	cp_say(run, "Trace %s is defined; TRSOURCE ENABLE ID %s begins it", t->id, t->id);
}

static int status_error(const struct cp *cp, const struct cp_trace *t)
{
	struct cp_trace_status s = {0};

	if (t->handle)
		cp->hooks.trace_status(cp->hooks.ctx, t->handle, &s);
	return s.error;
}

void cp_do_trsource_enable(struct cp_run *run)
{
	struct cp_trace *t = arg_trace(run);
	struct vs_switch *sw;
	struct vs_port *port;
	const char *missing;
	char err[160] = "";

	if (!t)
		return;
	if (t->enabled && status_error(run->cp, t)) /* begins anew */
		disable(run->cp, t);
	run->changed = !t->enabled;
	if (!t->enabled && enable(run->cp, t, err, sizeof(err)) < 0) {
		cp_error(run, CP_E_SYSTEM, "TRSOURCE ENABLE", err, NULL);
		return;
	}
	missing = find_target(t, run->cp, &sw, &port);
	if (missing)
		cp_say(run, "Trace %s is enabled and waits for %s", t->id, missing);
	else
		cp_say(run, "Trace %s is enabled", t->id);
}

void cp_do_trsource_disable(struct cp_run *run)
{
	struct cp_trace *t = arg_trace(run);

	if (!t)
		return;
	run->changed = t->enabled;
	disable(run->cp, t);
	cp_say(run, "Trace %s is disabled", t->id);
}

void cp_do_trsource_drop(struct cp_run *run)
{
	struct cp_trace *t = arg_trace(run);

	if (!t)
		return;
	cp_say(run, "Trace %s is dropped; its files stay", t->id);
	cp_trace_remove(run->cp, t);
	run->changed = true;
}

/* ---- showing it ----------------------------------------------------------------------------- */

/* "TYPE LAN OWNER SYSTEM LANNAME VSW1 ..." */
static void print_trace(FILE *f, const struct cp_trace *t)
{
	fprintf(f, "TYPE LAN OWNER %s LANNAME %s VLAN ", t->owner, t->name);
	if (t->by_vlan)
		cp_vlans_print(f, &t->vids);
	else
		fputs("ALL", f);
	fprintf(f, " LENGTH %u", t->length);
	if (t->what == CP_TRACE_NIC)
		fprintf(f, " NIC %s %04X", t->nic.user, t->nic.vdev);
	else if (t->what != CP_TRACE_ALL)
		fputs(t->what == CP_TRACE_TRUNK ? " TRUNK" : " DROPPED", f);
}

void cp_traces_print(FILE *f, const struct cp *cp)
{
	for (const struct cp_trace *t = cp->traces; t; t = t->hh.next) {
		fprintf(f, "TRSOURCE ID %s ", t->id);
		print_trace(f, t);
		fputc('\n', f);
		if (t->enabled)
			fprintf(f, "TRSOURCE ENABLE ID %s\n", t->id);
	}
}

static void state_text(struct cp *cp, const struct cp_trace *t, char *text, size_t len)
{
	struct vs_switch *sw;
	struct vs_port *port;
	const char *missing = find_target(t, cp, &sw, &port);
	int error = status_error(cp, t);

	if (!t->enabled)
		snprintf(text, len, "Disabled");
	else if (error)
		snprintf(text, len, "Failed: %s", strerror(-error));
	else if (missing)
		snprintf(text, len, "Waits for %s", missing);
	else
		snprintf(text, len, "Active");
}

static json_t *trace_json(const struct cp_trace *t, const char *state,
			  const struct cp_trace_status *s)
{
	static const char *const select[] = {"ALL", "NIC", "TRUNK", "DROPPED"};

	return json_pack("{s:s, s:s, s:s, s:o, s:i, s:s, s:o, s:b, s:s, s:I, s:I, s:o}", "id",
			 t->id, "owner", t->owner, "name", t->name, "vlan",
			 t->by_vlan ? cp_vlans_json(&t->vids) : json_null(), "length",
			 (int)t->length, "select", select[t->what], "nic",
			 t->what == CP_TRACE_NIC ? json_sprintf("%s/%04X", t->nic.user, t->nic.vdev)
						 : json_null(),
			 "enabled", t->enabled, "state", state, "frames", (json_int_t)s->frames,
			 "lost", (json_int_t)s->lost, "file",
			 json_sprintf("traces/%s.pcapng", t->id));
}

static void show(struct cp_run *run, const struct cp_trace *t, json_t *list)
{
	struct cp_trace_status s = {0};
	char state[96];

	if (t->handle)
		run->cp->hooks.trace_status(run->cp->hooks.ctx, t->handle, &s);
	state_text(run->cp, t, state, sizeof(state));
	json_array_append_new(list, trace_json(t, state, &s));
	fprintf(run->text, "TRSOURCE ID %s ", t->id);
	print_trace(run->text, t);
	fputc('\n', run->text);
	cp_say(run, "  State: %s  Frames: %llu  Lost: %llu  File: traces/%s.pcapng", state,
	       (unsigned long long)s.frames, (unsigned long long)s.lost, t->id);
}

void cp_do_query_trsource(struct cp_run *run)
{
	const struct cp_trace *one = NULL;
	json_t *list;

	if (run->args->v[CP_OP_NAME].given) {
		one = arg_trace(run);
		if (!one)
			return;
	}
	list = json_array();
	run->json = json_pack("{s:o}", "traces", list);
	for (const struct cp_trace *t = run->cp->traces; t; t = t->hh.next)
		if (!one || t == one)
			show(run, t, list);
	if (!run->cp->traces)
		cp_say(run, "No trace is defined");
}
