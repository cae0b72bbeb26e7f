/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SET and QUERY PORT GROUP.
 * Source: spec/zvm-networking.md 2.7, 2.8.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"
#include "vswitch/lag.h"

/* ---- SET -------------------------------------------------------------------------- */

#define NAMES_MAX CP_GROUP_LINKS

/* The devices a statement names behind one operand. */
struct names {
	enum cp_uplink_kind kind;
	unsigned n;
	char name[NAMES_MAX][CP_IFNAME_BYTES];
};

static struct names read_names(const struct cp_run *run, enum cp_op op, enum cp_uplink_kind kind)
{
	const struct cp_value *v = &run->args->v[op];
	struct names names = {.kind = kind};
	const char *at = v->word;

	if (!v->given)
		return names;
	if (kind == CP_UPLINK_DPDK) {
		names.n = 1;
		snprintf(names.name[0], CP_IFNAME_BYTES, "%s", cp_text(run, op));
		return names;
	}
	while (*at && names.n < NAMES_MAX) {
		int len = (int)strcspn(at, " ");

		snprintf(names.name[names.n++], CP_IFNAME_BYTES, "%.*s", len, at);
		at += len + (at[len] == ' ');
	}
	return names;
}

static int find_link(const struct cp_group *g, const char *ifname)
{
	for (int i = 0; i < CP_GROUP_LINKS; i++)
		if (strcmp(g->member[i].ifname, ifname) == 0)
			return i;
	return -1;
}

static unsigned count_links(const struct cp_group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		n += g->member[i].ifname[0] != '\0';
	return n;
}

/* What a statement names, LEAVE and JOIN. */
struct change {
	struct names leave[3], join[3];
};

static const enum cp_op leave_op[3] = {CP_OP_LEAVE_TAP, CP_OP_LEAVE_NIC, CP_OP_LEAVE_DPDK};
static const enum cp_op join_op[3] = {CP_OP_JOIN_TAP, CP_OP_JOIN_NIC, CP_OP_JOIN_DPDK};
static const enum cp_uplink_kind kinds[3] = {CP_UPLINK_TAP, CP_UPLINK_NIC, CP_UPLINK_DPDK};

/* Is the name among the first n of a list, or in the lists before it? */
static bool named(const struct names *list, unsigned lists, unsigned n, const char *name)
{
	for (unsigned k = 0; k <= lists && k < 3; k++)
		for (unsigned i = 0; i < (k == lists ? n : list[k].n); i++)
			if (strcmp(list[k].name[i], name) == 0)
				return true;
	return false;
}

static int check_leave(struct cp_run *run, const struct cp_group *g, const struct change *c)
{
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < c->leave[k].n; i++) {
			const char *name = c->leave[k].name[i];

			if (!g || find_link(g, name) < 0)
				return cp_error(run, CP_E_NO_LINK, run->args->v[CP_OP_NAME].word,
						name, NULL);
			if (named(c->leave, k, i, name))
				return cp_error(run, CP_E_CONFLICT, name, "was given twice", NULL);
		}
	return 0;
}

static int check_device(struct cp_run *run, const struct cp_group *g, const struct change *c,
			unsigned k, unsigned i)
{
	const char *name = c->join[k].name[i];
	bool leaves = g && find_link(g, name) >= 0 && named(c->leave, 3, 0, name);
	char user[CP_TITLE_BYTES];

	if (!*name || strpbrk(name, " \t"))
		return cp_error(run, CP_E_BAD_OPERAND, "DPDK",
				"a device has 1-255 characters without blanks", NULL);
	if (named(c->join, k, i, name))
		return cp_error(run, CP_E_CONFLICT, name, "was given twice", NULL);
	if (!leaves && cp_device_user(run->cp, name, NULL, user, sizeof(user)))
		return cp_error(run, CP_E_IFNAME_USED, name, user, NULL);
	return 0;
}

/* Everything that can be known before links are opened. Return: 0, or -1 after a message. */
static int check_links(struct cp_run *run, const struct cp_group *g, const struct change *c)
{
	unsigned n = g ? count_links(g) : 0;

	if (check_leave(run, g, c) < 0)
		return -1;
	for (unsigned k = 0; k < 3; k++) {
		n += c->join[k].n - c->leave[k].n;
		for (unsigned i = 0; i < c->join[k].n; i++)
			if (check_device(run, g, c, k, i) < 0)
				return -1;
	}
	if (n > CP_GROUP_LINKS)
		return cp_error(run, CP_E_LIMIT, run->args->v[CP_OP_NAME].word, "8 links", NULL);
	return 0;
}

/* Links that could not be opened are kept only where the caller says so. */
static int join_one(struct cp_run *run, struct cp_group *g, enum cp_uplink_kind kind,
		    const char *ifname)
{
	const char *device = ifname, *why;

	if (cp_group_join(run->cp, g, kind, ifname, run->cp->in_file) == 0)
		return 0;
	why = g->owner ? cp_uplink_error(&g->owner->uplink, &device) : "";
	return cp_error(run, CP_E_UPLINK, ifname, g->owner ? g->owner->name : "", why);
}

/* A link of this statement could not be opened: the group is as it was before. */
static void undo(struct cp_run *run, struct cp_group *g, const struct change *c,
		 const struct cp_device before[CP_GROUP_LINKS])
{
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < c->join[k].n; i++) {
			int link = find_link(g, c->join[k].name[i]);

			if (link >= 0)
				cp_group_leave(run->cp, g, (unsigned)link);
		}
	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		if (before[i].ifname[0] && find_link(g, before[i].ifname) < 0)
			cp_group_join(run->cp, g, before[i].kind, before[i].ifname, true);
}

static int change_links(struct cp_run *run, struct cp_group *g, const struct change *c)
{
	struct cp_device before[CP_GROUP_LINKS];

	memcpy(before, g->member, sizeof(before));
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < c->leave[k].n; i++)
			cp_group_leave(run->cp, g, (unsigned)find_link(g, c->leave[k].name[i]));
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 0; i < c->join[k].n; i++)
			if (join_one(run, g, c->join[k].kind, c->join[k].name[i]) < 0) {
				undo(run, g, c, before);
				return -1;
			}
	return 0;
}

static void set_attributes(const struct cp_run *run, struct cp_group *g)
{
	const struct cp_value *v = run->args->v;

	if (v[CP_OP_LACP].given)
		g->active = v[CP_OP_LACP].choice == 0;
	if (v[CP_OP_TIMEOUT].given)
		g->fast = v[CP_OP_TIMEOUT].choice == 1;
	if (v[CP_OP_INTERVAL].given)
		g->interval_s = v[CP_OP_INTERVAL].choice == 0 ? 0 : v[CP_OP_INTERVAL].num;
	if (v[CP_OP_MINLINKS].given)
		g->min_links = v[CP_OP_MINLINKS].num;
}

static void delete_group(struct cp_run *run, struct cp_group *g, const char *name)
{
	for (unsigned op = 0; op < CP_OP_COUNT; op++)
		if (op != CP_OP_NAME && op != CP_OP_DELETE && run->args->v[op].given) {
			cp_error(run, CP_E_CONFLICT, "DELETE", "it stands alone", NULL);
			return;
		}
	if (!g) {
		cp_error(run, CP_E_GROUP_UNKNOWN, name, NULL, NULL);
	} else if (g->owner) {
		cp_error(run, CP_E_GROUP_USED, name, g->owner->name, g->owner->name);
	} else {
		cp_group_destroy(run->cp, g);
		run->changed = true;
		cp_say(run, "PORT GROUP %s is deleted", name);
	}
}

void cp_do_set_port_group(struct cp_run *run)
{
	const char *name = run->args->v[CP_OP_NAME].word;
	struct cp_group *g = cp_group_find(run->cp, name);
	struct change c;
	bool is_new = !g;

	if (run->args->v[CP_OP_DELETE].given) {
		delete_group(run, g, name);
		return;
	}
	for (unsigned k = 0; k < 3; k++) {
		c.leave[k] = read_names(run, leave_op[k], kinds[k]);
		c.join[k] = read_names(run, join_op[k], kinds[k]);
	}
	if (check_links(run, g, &c) < 0)
		return;
	if (!g)
		g = cp_group_create(run->cp, name);
	if (!g) {
		cp_error(run, CP_E_LIMIT, name, "64 port groups", NULL);
		return;
	}
	if (change_links(run, g, &c) < 0) {
		if (is_new)
			cp_group_destroy(run->cp, g);
		return;
	}
	set_attributes(run, g);
	cp_group_configure(run->cp, g);
	run->changed = true;
	cp_say(run, "Command complete");
}

/* ---- QUERY ------------------------------------------------------------------------ */

static const char *link_state(const struct cp *cp, const struct cp_group *g, unsigned i)
{
	struct lacp_port_status st;

	if (!cp_device_ready(cp, &g->member[i]))
		return cp_device_state(cp, &g->member[i]);
	if (g->distribute[i])
		return cp_loop_from(g, i) ? "Active, in a loop" : "Active";
	if (!g->lacp)
		return "Not active: fewer links than the minimum";
	lacp_port_status(g->lacp, i, &st);
	return st.why == LACP_WHY_SELECTED ? "Not active: waiting for the partner"
					   : lacp_why_text(st.why);
}

static json_t *info_json(const struct lacp_info *i)
{
	static const char *const bit[] = {"activity",	"timeout",	"aggregation", "sync",
					  "collecting", "distributing", "defaulted",   "expired"};
	json_t *state = json_object();

	for (unsigned k = 0; k < 8; k++)
		json_object_set_new(state, bit[k], json_boolean(i->state >> k & 1));
	return json_pack("{s:i, s:o, s:i, s:i, s:i, s:o}", "system_priority", i->system_priority,
			 "system", cp_mac_json(i->system), "key", i->key, "port_priority",
			 i->port_priority, "port", i->port, "state", state);
}

static json_t *lacp_json(const struct cp_group *g, unsigned i)
{
	struct lacp_port_status st;

	if (!g->lacp || !g->member[i].port)
		return json_null();
	lacp_port_status(g->lacp, i, &st);
	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "actor",
			 info_json(&st.actor), "partner", info_json(&st.partner), "receive",
			 lacp_rx_name(st.rx), "mux", lacp_mux_name(st.mux), "selected",
			 lacp_why_name(st.why), "actor_churn", lacp_churn_name(st.actor_churn),
			 "partner_churn", lacp_churn_name(st.partner_churn), "rx_pdus",
			 (json_int_t)st.rx_pdus, "tx_pdus", (json_int_t)st.tx_pdus, "rx_markers",
			 (json_int_t)st.rx_markers, "tx_markers", (json_int_t)st.tx_markers,
			 "rx_bad", (json_int_t)st.rx_bad);
}

/* What the slots of one link carry; of the present interval and of the one before. */
struct load {
	unsigned slots;
	uint64_t frames, bytes, last_frames, last_bytes;
};

/* The number of a slot's link, or CP_GROUP_LINKS: it is nobody's, or another's. */
static unsigned link_of(const struct cp_group *g, const struct vs_lag_slot *slot)
{
	unsigned i = slot->member - g->base; /* wraps around for one below */

	return i < CP_GROUP_LINKS ? i : CP_GROUP_LINKS;
}

static void sum_slots(const struct cp_group *g, const struct vs_lag_slot *slot,
		      struct load load[CP_GROUP_LINKS])
{
	for (unsigned s = 0; s < VS_LAG_SLOTS; s++) {
		unsigned i = link_of(g, &slot[s]);
		struct load *l = &load[i];

		if (i == CP_GROUP_LINKS)
			continue;
		l->slots++;
		l->frames += slot[s].frames;
		l->bytes += slot[s].bytes;
		l->last_frames += slot[s].last_frames;
		l->last_bytes += slot[s].last_bytes;
	}
}

static json_t *slots_json(const struct cp_group *g, const struct vs_lag_slot *slot)
{
	json_t *a = json_array();

	for (unsigned s = 0; g->lan && s < VS_LAG_SLOTS; s++) {
		unsigned i = link_of(g, &slot[s]);

		json_array_append_new(a, json_pack("{s:s?, s:I, s:I, s:I, s:I}", "link",
						   i < CP_GROUP_LINKS ? g->member[i].ifname : NULL,
						   "frames", (json_int_t)slot[s].frames, "bytes",
						   (json_int_t)slot[s].bytes, "last_frames",
						   (json_int_t)slot[s].last_frames, "last_bytes",
						   (json_int_t)slot[s].last_bytes));
	}
	return a;
}

static json_t *group_json(struct cp_run *run, const struct cp_group *g,
			  const struct vs_lag_slot *slot, const struct load *load,
			  const struct vs_lag_stats *st, bool details)
{
	json_t *links = json_array(), *o;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++) {
		const struct cp_device *d = &g->member[i];

		if (!d->ifname[0])
			continue;
		json_array_append_new(
			links, json_pack("{s:s, s:s, s:s, s:s?, s:b, s:i, s:I, s:I, s:o, s:o}",
					 "kind", cp_device_kind(d), "ifname", d->ifname, "state",
					 link_state(run->cp, g, i), "loop_from", cp_loop_from(g, i),
					 "active", g->distribute[i], "slots", (int)load[i].slots,
					 "frames", (json_int_t)load[i].frames, "last_frames",
					 (json_int_t)load[i].last_frames, "lacp", lacp_json(g, i),
					 "counters", cp_counters_json(d->port)));
	}
	o = json_pack("{s:s, s:b, s:s, s:s, s:o, s:i, s:b, s:s?, s:o, s:I, s:I, s:I, s:I}", "name",
		      g->name, "active", cp_group_usable(g), "lacp",
		      g->active ? "ACTIVE" : "INACTIVE", "timeout", g->fast ? "FAST" : "SLOW",
		      "interval_s", g->interval_s ? json_integer(g->interval_s) : json_null(),
		      "min_links", (int)g->min_links, "exclusive", 1, "vswitch",
		      g->owner ? g->owner->name : NULL, "links", links, "moves",
		      (json_int_t)st->moves, "remaps", (json_int_t)st->remaps, "held",
		      (json_int_t)st->held, "held_dropped", (json_int_t)st->held_dropped);
	if (details)
		json_object_set_new(o, "slots", slots_json(g, slot));
	return o;
}

static void say_info(struct cp_run *run, const char *who, const struct lacp_info *i)
{
	static const char letters[] = "ATGSCDFE";
	char bits[9], mac[CP_MAC_TEXT];

	for (unsigned k = 0; k < 8; k++)
		bits[k] = i->state >> k & 1 ? letters[k] : '-';
	bits[8] = '\0';
	cp_mac_text(i->system, mac);
	cp_say(run, "      %s: System: %04X,%s  Key: %-5u  Port: %-5u  State: %s", who,
	       i->system_priority, mac, i->key, i->port, bits);
}

static void say_link(struct cp_run *run, const struct cp_group *g, unsigned i,
		     const struct load *load, bool details)
{
	const struct cp_device *d = &g->member[i];
	struct lacp_port_status st;

	cp_say(run, "    %s: %-15s  %s", cp_device_kind(d), d->ifname, link_state(run->cp, g, i));
	if (cp_loop_from(g, i))
		cp_say(run, "      Loop: what leaves by %s comes back here", cp_loop_from(g, i));
	if (d->port)
		cp_say(run, "      Slots: %-3u  Frames: %llu  Previous interval: %llu", load->slots,
		       (unsigned long long)load->frames, (unsigned long long)load->last_frames);
	if (!details || !d->port)
		return;
	if (g->lacp) {
		lacp_port_status(g->lacp, i, &st);
		say_info(run, "Actor  ", &st.actor);
		say_info(run, "Partner", &st.partner);
		cp_say(run, "      Receive: %s  Mux: %s  Churn: %s, partner %s",
		       lacp_rx_name(st.rx), lacp_mux_name(st.mux), lacp_churn_name(st.actor_churn),
		       lacp_churn_name(st.partner_churn));
		cp_say(run,
		       "      LACPDUs in: %llu out: %llu  Markers in: %llu out: %llu  Bad: %llu",
		       (unsigned long long)st.rx_pdus, (unsigned long long)st.tx_pdus,
		       (unsigned long long)st.rx_markers, (unsigned long long)st.tx_markers,
		       (unsigned long long)st.rx_bad);
	}
	cp_say_counters(run, d->port, true, "      ");
}

static void say_slots(struct cp_run *run, const struct cp_group *g, const struct vs_lag_slot *slot)
{
	uint64_t used = 0;

	for (unsigned s = 0; g->lan && s < VS_LAG_SLOTS; s++)
		used += slot[s].frames + slot[s].last_frames;
	cp_say(run, "  Slots in use:%s", used ? "" : " none");
	for (unsigned s = 0; g->lan && s < VS_LAG_SLOTS; s++)
		if (slot[s].frames + slot[s].last_frames && link_of(g, &slot[s]) < CP_GROUP_LINKS)
			cp_say(run, "    %3u: %-15s Frames: %-10llu Previous interval: %llu", s,
			       g->member[link_of(g, &slot[s])].ifname,
			       (unsigned long long)slot[s].frames,
			       (unsigned long long)slot[s].last_frames);
}

static void query_one(struct cp_run *run, json_t *list, const struct cp_group *g, bool details)
{
	struct vs_lag_slot slot[VS_LAG_SLOTS] = {0};
	struct load load[CP_GROUP_LINKS] = {0};
	struct vs_lag_stats st = {0};
	char interval[16] = "OFF";

	if (g->lan) {
		vs_lag_slots(g->lan->uplink.lag, slot);
		vs_lag_stats(g->lan->uplink.lag, &st);
		sum_slots(g, slot, load);
	}
	if (g->interval_s)
		snprintf(interval, sizeof(interval), "%u", g->interval_s);
	json_array_append_new(list, group_json(run, g, slot, load, &st, details));
	cp_say(run, "Group: %-8s %-8s  LACP Mode: %-8s  Timeout: %s  Interval: %s  Minimum: %u",
	       g->name, cp_group_usable(g) ? "Active" : "Inactive",
	       g->active ? "Active" : "Inactive", g->fast ? "Fast" : "Slow", interval,
	       g->min_links);
	cp_say(run, "  EXCLUSIVE  VSWITCH: %s", g->owner ? g->owner->name : "none");
	cp_say(run, "  Links:%s", count_links(g) ? "" : " none");
	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		if (g->member[i].ifname[0])
			say_link(run, g, i, &load[i], details);
	if (!details)
		return;
	cp_say(run,
	       "  Slots moved: %llu by plan, %llu by loss; frames held: %llu, of them dropped: "
	       "%llu",
	       (unsigned long long)st.moves, (unsigned long long)st.remaps,
	       (unsigned long long)st.held, (unsigned long long)st.held_dropped);
	say_slots(run, g, slot);
}

void cp_do_query_port_group(struct cp_run *run)
{
	const struct cp_value *name = &run->args->v[CP_OP_NAME];
	bool details = run->args->v[CP_OP_DETAILS].given, any = false;
	json_t *list = json_array();

	if (name->given && !cp_group_find(run->cp, name->word)) {
		json_decref(list);
		cp_error(run, CP_E_GROUP_UNKNOWN, name->word, NULL, NULL);
		return;
	}
	for (const struct cp_group *g = run->cp->groups; g; g = g->hh.next) {
		if (name->given && strcmp(g->name, name->word) != 0)
			continue;
		query_one(run, list, g, details);
		any = true;
	}
	if (!any)
		cp_say(run, "There are no port groups");
	run->json = json_pack("{s:o}", "port_groups", list);
}
