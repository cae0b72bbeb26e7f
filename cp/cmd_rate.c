/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bandwidth: rates of NICs, uplinks and VLANs, guarantees, and the groups that share a rate.
 * z/VM has none of it but priority queuing; the words are ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

#define KILO 1000u

static bool given(const struct cp_run *run, enum cp_op op)
{
	return run->args->v[op].given;
}

/* ---- rates as text ------------------------------------------------------------------ */

void cp_rate_text(const struct vs_rate *r, char text[CP_RATE_TEXT])
{
	uint64_t kbps = r->bps / KILO;

	if (!kbps)
		snprintf(text, CP_RATE_TEXT, "OFF");
	else if (kbps % (KILO * KILO) == 0)
		snprintf(text, CP_RATE_TEXT, "%lluG", (unsigned long long)(kbps / (KILO * KILO)));
	else if (kbps % KILO == 0)
		snprintf(text, CP_RATE_TEXT, "%lluM", (unsigned long long)(kbps / KILO));
	else
		snprintf(text, CP_RATE_TEXT, "%lluK", (unsigned long long)kbps);
}

static void burst_text(uint32_t burst, char text[CP_RATE_TEXT])
{
	if (burst % (1u << 20) == 0)
		snprintf(text, CP_RATE_TEXT, "%uM", burst >> 20);
	else if (burst % 1024 == 0)
		snprintf(text, CP_RATE_TEXT, "%uK", burst >> 10);
	else
		snprintf(text, CP_RATE_TEXT, "%u", burst);
}

static void print_one(FILE *f, const char *before, const char *way, const struct vs_rate *r)
{
	char rate[CP_RATE_TEXT], burst[CP_RATE_TEXT];

	if (!r->bps)
		return;
	cp_rate_text(r, rate);
	fprintf(f, "%s %s %s", before, way, rate);
	burst_text(r->burst, burst);
	fprintf(f, r->burst ? " BURST %s\n" : "\n", burst);
}

void cp_rates_print(FILE *f, const char *before, const struct cp_rates *r)
{
	print_one(f, before, "IN", &r->in);
	print_one(f, before, "OUT", &r->out);
}

static json_t *rate_json(const struct vs_rate *r)
{
	if (!r->bps)
		return json_null();
	return json_pack("{s:I, s:I}", "bps", (json_int_t)r->bps, "burst",
			 (json_int_t)(r->burst ? r->burst : vs_rate_burst(r->bps)));
}

json_t *cp_rates_json(const struct cp_rates *r, const struct vs_port *port)
{
	json_t *o = json_pack("{s:o, s:o}", "in", rate_json(&r->in), "out", rate_json(&r->out));
	struct vs_shaping_state s;

	if (!port)
		return o;
	vs_port_shaping_state(port, &s);
	json_object_set_new(o, "held", json_integer((json_int_t)s.held));
	json_object_set_new(o, "waited", json_integer((json_int_t)s.waited));
	json_object_set_new(o, "queued_frames", json_integer((json_int_t)s.frames));
	json_object_set_new(o, "queued_bytes", json_integer((json_int_t)s.bytes));
	return o;
}

void cp_say_rates(struct cp_run *run, const char *before, const struct cp_rates *r,
		  const struct vs_port *port)
{
	char in[CP_RATE_TEXT], out[CP_RATE_TEXT];
	struct vs_shaping_state s = {0};

	cp_rate_text(&r->in, in);
	cp_rate_text(&r->out, out);
	if (port)
		vs_port_shaping_state(port, &s);
	if (port)
		cp_say(run, "%sIn: %-8s Out: %-8s Held: %llu  Waited: %llu  Queued: %u", before, in,
		       out, (unsigned long long)s.held, (unsigned long long)s.waited, s.frames);
	else
		cp_say(run, "%sIn: %-8s Out: %s", before, in, out);
}

/* What the operands say; BURST is of the directions named beside it. */
static void read_rates(const struct cp_run *run, enum cp_op in, enum cp_op out, struct cp_rates *r)
{
	const struct cp_value *v = run->args->v;
	uint32_t burst = v[CP_OP_BURST].given ? v[CP_OP_BURST].num : 0;

	if (v[in].given)
		r->in = (struct vs_rate){.bps = v[in].choice == 0 ? 0 : (uint64_t)v[in].num * KILO,
					 .burst = v[in].choice == 0 ? 0 : burst};
	if (v[out].given)
		r->out = (struct vs_rate){.bps = v[out].choice == 0 ? 0
								    : (uint64_t)v[out].num * KILO,
					  .burst = v[out].choice == 0 ? 0 : burst};
}

static int check_burst(struct cp_run *run, enum cp_op in, enum cp_op out)
{
	if (given(run, CP_OP_BURST) && !given(run, in) && !given(run, out))
		return cp_error(run, CP_E_CONFLICT, "BURST", "needs a rate beside it", NULL);
	return 0;
}

/* ---- NICs ------------------------------------------------------------------------------ */

/* Hand the rates to the port of a coupled NIC. Return: 0 or -errno. */
int cp_rate_nic(const struct cp_nic *nic)
{
	const struct vs_port_shaping s = {
		.in = nic->rates.in,
		.out = nic->rates.out,
		.group = nic->rategroup ? nic->rategroup->g : NULL,
		.class = (enum vs_class)nic->pqueue,
		.guarantee_bps = nic->guarantee.bps,
	};

	/* Of an uplink: the switch's (cp_rate_uplink). */
	return nic->port && !nic->uplink_of ? vs_port_shape(nic->port, &s) : 0;
}

bool cp_rate_nic_asked(const struct cp_run *run)
{
	return given(run, CP_OP_RATE_IN) || given(run, CP_OP_RATE_OUT) ||
	       given(run, CP_OP_GUARANTEE) || given(run, CP_OP_RATEGROUP) ||
	       given(run, CP_OP_BURST);
}

/* Something else than OFF or NONE. */
static bool wants_rate(const struct cp_run *run)
{
	static const enum cp_op op[] = {CP_OP_RATE_IN, CP_OP_RATE_OUT, CP_OP_GUARANTEE,
					CP_OP_RATEGROUP};

	for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); i++)
		if (given(run, op[i]) && run->args->v[op[i]].choice != 0)
			return true;
	return false;
}

static struct cp_rategroup *rategroup_find(const struct cp *cp, const char *name)
{
	struct cp_rategroup *g;

	HASH_FIND_STR(cp->rategroups, name, g);
	return g;
}

int cp_rate_nic_check(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *group = &run->args->v[CP_OP_RATEGROUP];

	if (!cp_rate_nic_asked(run))
		return 0;
	/* Their frames go from buffer to buffer: there is no queue in between to hold them. */
	if (nic->type == CP_NIC_HIPERS && wants_rate(run))
		return cp_error(run, CP_E_CONFLICT, "RATE",
				"a NIC of TYPE HIPERSOCKETS has no rates", NULL);
	if (cp_need_class_b(run, "RATE") < 0 || check_burst(run, CP_OP_RATE_IN, CP_OP_RATE_OUT) < 0)
		return -1;
	if (group->given && group->choice != 0 && !rategroup_find(run->cp, group->word))
		return cp_error(run, CP_E_NO_RATEGROUP, group->word, NULL, NULL);
	return 0;
}

/* Return: 0, or -1 after a message; then nothing has changed. */
int cp_rate_nic_set(struct cp_run *run, struct cp_nic *nic)
{
	const struct cp_value *v = run->args->v;
	const struct cp_rates was = nic->rates;
	const struct vs_rate promised = nic->guarantee;
	struct cp_rategroup *group = nic->rategroup;
	int rc;

	read_rates(run, CP_OP_RATE_IN, CP_OP_RATE_OUT, &nic->rates);
	if (v[CP_OP_GUARANTEE].given)
		nic->guarantee.bps = v[CP_OP_GUARANTEE].choice == 0
					     ? 0
					     : (uint64_t)v[CP_OP_GUARANTEE].num * KILO;
	if (v[CP_OP_RATEGROUP].given)
		nic->rategroup = v[CP_OP_RATEGROUP].choice == 0
					 ? NULL
					 : rategroup_find(run->cp, v[CP_OP_RATEGROUP].word);
	rc = cp_rate_nic(nic);
	if (!rc)
		return 0;
	nic->rates = was;
	nic->guarantee = promised;
	nic->rategroup = group;
	if (rc == -ENOSPC)
		return cp_error(run, CP_E_LIMIT, nic->name, "64 guarantees of a switch", NULL);
	return cp_error(run, CP_E_SYSTEM, nic->name, strerror(-rc), NULL);
}

/* ---- switches ---------------------------------------------------------------------------- */

void cp_rate_uplink(struct cp *cp, struct cp_lan *lan)
{
	const struct vs_port_shaping s = {.in = lan->uplink_rates.in,
					  .out = lan->uplink_rates.out,
					  .priority = (enum vs_priority)lan->priq};
	int rc = lan->uplink.port ? vs_port_shape(lan->uplink.port, &s) : 0;

	if (rc)
		cp_log(cp, "ZLN2511E VSWITCH SYSTEM %s: rates of its uplink failed: %s", lan->name,
		       strerror(-rc));
}

static struct cp_vlan_rate *vlan_rate(const struct cp_lan *lan, uint16_t vid)
{
	struct cp_vlan_rate *r;

	HASH_FIND(hh, lan->vlan_rates, &vid, sizeof(vid), r);
	return r;
}

static int by_vid(const struct cp_vlan_rate *a, const struct cp_vlan_rate *b)
{
	return a->vid - b->vid;
}

int cp_rate_vswitch_check(struct cp_run *run, const struct cp_lan *lan)
{
	bool what = given(run, CP_OP_RATE_UPLINK) || given(run, CP_OP_RATE_VLAN);
	bool rates = given(run, CP_OP_IN) || given(run, CP_OP_OUT);

	if (given(run, CP_OP_RATE_UPLINK) && given(run, CP_OP_RATE_VLAN))
		return cp_error(run, CP_E_CONFLICT, "RATE UPLINK", "RATE VLAN was given too", NULL);
	if (what && !rates)
		return cp_error(run, CP_E_MISSING, "IN or OUT", "SET VSWITCH", NULL);
	if (!what && (rates || given(run, CP_OP_BURST)))
		return cp_error(run, CP_E_MISSING, "RATE UPLINK or RATE VLAN", "SET VSWITCH", NULL);
	if (check_burst(run, CP_OP_IN, CP_OP_OUT) < 0)
		return -1;
	if (given(run, CP_OP_RATE_VLAN) && !lan->vlan_aware)
		return cp_error(run, CP_E_VLAN_UNAWARE, "RATE VLAN", lan->name, NULL);
	return 0;
}

static void set_vlan_rate(struct cp_run *run, struct cp_lan *lan)
{
	uint16_t vid = (uint16_t)run->args->v[CP_OP_RATE_VLAN].num;
	struct cp_vlan_rate *r = vlan_rate(lan, vid);

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r) {
			cp_error(run, CP_E_SYSTEM, "RATE VLAN", strerror(ENOMEM), NULL);
			return;
		}
		r->vid = vid;
		HASH_ADD_INORDER(hh, lan->vlan_rates, vid, sizeof(r->vid), r, by_vid);
	}
	read_rates(run, CP_OP_IN, CP_OP_OUT, &r->rates);
	vs_vlan_rate(lan->sw, vid, &r->rates.in, &r->rates.out);
	if (!r->rates.in.bps && !r->rates.out.bps) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot follow the list */
		HASH_DELETE(hh, lan->vlan_rates, r);
		free(r);
	}
}

/* Of a checked statement. */
void cp_rate_vswitch_set(struct cp_run *run, struct cp_lan *lan)
{
	if (given(run, CP_OP_RATE_VLAN))
		set_vlan_rate(run, lan);
	if (given(run, CP_OP_RATE_UPLINK))
		read_rates(run, CP_OP_IN, CP_OP_OUT, &lan->uplink_rates);
	if (given(run, CP_OP_RATE_UPLINK) || given(run, CP_OP_PRIQ))
		cp_rate_uplink(run->cp, lan);
}

void cp_rate_vswitch_print(FILE *f, const struct cp_lan *lan)
{
	char before[64];

	snprintf(before, sizeof(before), "SET VSWITCH %s RATE UPLINK", lan->name);
	cp_rates_print(f, before, &lan->uplink_rates);
	for (const struct cp_vlan_rate *r = lan->vlan_rates; r; r = r->hh.next) {
		snprintf(before, sizeof(before), "SET VSWITCH %s RATE VLAN %u", lan->name, r->vid);
		cp_rates_print(f, before, &r->rates);
	}
}

void cp_rate_vswitch_free(struct cp_lan *lan)
{
	struct cp_vlan_rate *r = lan->vlan_rates, *next;

	HASH_CLEAR(hh, lan->vlan_rates);
	for (; r; r = next) {
		next = r->hh.next;
		free(r);
	}
}

json_t *cp_rate_vlans_json(const struct cp_lan *lan)
{
	json_t *list = json_array();

	for (const struct cp_vlan_rate *r = lan->vlan_rates; r; r = r->hh.next) {
		json_t *o = cp_rates_json(&r->rates, NULL);

		json_object_set_new(o, "vid", json_integer(r->vid));
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- groups --------------------------------------------------------------------------------- */

static bool group_in_use(const struct cp *cp, const struct cp_rategroup *g, json_t *list)
{
	bool any = false;

	for (const struct cp_user *u = cp->users; u; u = u->hh.next)
		for (const struct cp_nic *nic = u->nics; nic; nic = nic->hh.next)
			if (nic->rategroup == g) {
				any = true;
				if (list)
					json_array_append_new(list, json_string(nic->name));
			}
	return any;
}

void cp_rategroup_remove(struct cp *cp, struct cp_rategroup *g)
{
	HASH_DEL(cp->rategroups, g);
	vs_rate_group_destroy(g->g);
	free(g);
}

static int by_name(const struct cp_rategroup *a, const struct cp_rategroup *b)
{
	return strcmp(a->name, b->name);
}

static void group_set(struct cp_run *run, struct cp_rategroup *g)
{
	read_rates(run, CP_OP_IN, CP_OP_OUT, &g->rates);
	vs_rate_group_set(g->g, &g->rates.in, &g->rates.out);
	run->changed = true;
	cp_say(run, "Command complete");
}

void cp_do_define_rategroup(struct cp_run *run)
{
	const char *name = run->args->v[CP_OP_NAME].word;
	struct cp_rategroup *g;

	if (rategroup_find(run->cp, name)) {
		cp_error(run, CP_E_OTHER_KIND, name, "rate group", NULL);
		return;
	}
	if (check_burst(run, CP_OP_IN, CP_OP_OUT) < 0)
		return;
	if (HASH_COUNT(run->cp->rategroups) >= CP_RATEGROUPS_MAX) {
		cp_error(run, CP_E_LIMIT, name, "256 rate groups", NULL);
		return;
	}
	g = calloc(1, sizeof(*g));
	if (g)
		g->g = vs_rate_group_create();
	if (!g || !g->g) {
		free(g);
		cp_error(run, CP_E_SYSTEM, name, strerror(ENOMEM), NULL);
		return;
	}
	snprintf(g->name, sizeof(g->name), "%.8s", name);
	HASH_ADD_INORDER(hh, run->cp->rategroups, name[0], strlen(g->name), g, by_name);
	group_set(run, g);
}

/* The group of the statement, or NULL after a message. */
static struct cp_rategroup *arg_group(struct cp_run *run)
{
	const char *name = run->args->v[CP_OP_NAME].word;
	struct cp_rategroup *g = rategroup_find(run->cp, name);

	if (!g)
		cp_error(run, CP_E_NO_RATEGROUP, name, NULL, NULL);
	return g;
}

void cp_do_set_rategroup(struct cp_run *run)
{
	struct cp_rategroup *g = arg_group(run);

	if (!g || check_burst(run, CP_OP_IN, CP_OP_OUT) < 0)
		return;
	if (!given(run, CP_OP_IN) && !given(run, CP_OP_OUT))
		cp_error(run, CP_E_MISSING, "IN or OUT", "SET RATEGROUP", NULL);
	else
		group_set(run, g);
}

void cp_do_detach_rategroup(struct cp_run *run)
{
	struct cp_rategroup *g = arg_group(run);

	if (!g)
		return;
	if (group_in_use(run->cp, g, NULL)) {
		cp_error(run, CP_E_RATEGROUP_USED, g->name, NULL, NULL);
		return;
	}
	cp_rategroup_remove(run->cp, g);
	run->changed = true;
	cp_say(run, "Command complete");
}

void cp_do_query_rategroup(struct cp_run *run)
{
	const struct cp_value *name = &run->args->v[CP_OP_NAME];
	json_t *list = json_array();

	run->json = json_pack("{s:o}", "rategroups", list);
	if (name->given && !arg_group(run))
		return;
	for (const struct cp_rategroup *g = run->cp->rategroups; g; g = g->hh.next) {
		json_t *nics = json_array(), *o;
		char before[32];

		if (name->given && strcmp(name->word, g->name) != 0) {
			json_decref(nics);
			continue;
		}
		snprintf(before, sizeof(before), "RATEGROUP %-8s ", g->name);
		cp_say_rates(run, before, &g->rates, NULL);
		group_in_use(run->cp, g, nics);
		for (size_t i = 0; i < json_array_size(nics); i++)
			cp_say(run, "  %s", json_string_value(json_array_get(nics, i)));
		o = cp_rates_json(&g->rates, NULL);
		json_object_set_new(o, "name", json_string(g->name));
		json_object_set_new(o, "nics", nics);
		json_array_append_new(list, o);
	}
	if (!json_array_size(list))
		cp_say(run, "No RATEGROUP is defined");
}

void cp_rategroups_print(FILE *f, const struct cp *cp)
{
	char before[32];

	for (const struct cp_rategroup *g = cp->rategroups; g; g = g->hh.next) {
		fprintf(f, "DEFINE RATEGROUP %s\n", g->name);
		snprintf(before, sizeof(before), "SET RATEGROUP %s", g->name);
		cp_rates_print(f, before, &g->rates);
	}
}
