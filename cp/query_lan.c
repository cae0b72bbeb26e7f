/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUERY VSWITCH and QUERY LAN. JSON always carries everything but the forwarding database; the
 * operands choose what the text shows.
 * Source: spec/zvm-networking.md 2.7.
 */
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

#define FDB_MAX 65536

static const char *on_off(bool on)
{
	return on ? "ON" : "OFF";
}

static const char *protect_text(enum cp_tristate t)
{
	return t == CP_ON ? "ON" : t == CP_OFF ? "OFF" : "UNSPECIFIED";
}

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *vid_json(uint16_t vid)
{
	return vid == VS_VID_NONE ? json_null() : json_integer(vid);
}

/* What the driver says of an uplink's device, or null. */
static json_t *device_json(const struct cp *cp, const struct cp_uplink *u)
{
	json_t *o = u->dev[0].handle && u->dev[0].kind != CP_UPLINK_GUEST && cp->hooks.uplink_device
			    ? cp->hooks.uplink_device(cp->hooks.ctx, u->dev[0].handle)
			    : NULL;

	return o ? o : json_null();
}

static const char *role_text(const struct cp_uplink *u, unsigned i)
{
	return u->active == (int)i ? "ACTIVE" : "BACKUP";
}

static json_t *devices_json(const struct cp *cp, const struct cp_uplink *u)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < u->n_dev; i++)
		json_array_append_new(a, json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind",
						   cp_device_kind(&u->dev[i]), "ifname",
						   u->dev[i].ifname, "role", role_text(u, i),
						   "state", cp_device_state(cp, &u->dev[i]),
						   "counters", cp_counters_json(u->dev[i].port)));
	return a;
}

static json_t *uplink_json(const struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;
	const char *state = cp_uplink_state(cp, lan);

	return json_pack("{s:s?, s:s?, s:b, s:s, s:b, s:s?, s:o, s:o, s:o}", "kind",
			 u->n_dev ? cp_device_kind(&u->dev[0]) : NULL, "ifname",
			 u->n_dev ? u->dev[0].ifname : NULL, "connect", u->connect, "state", state,
			 "ready", strcmp(state, "Ready") == 0, "group",
			 u->group ? u->group->name : NULL, "devices", devices_json(cp, u),
			 "counters", cp_counters_json(u->port), "device", device_json(cp, u));
}

static json_t *authorized_json(const struct cp_lan *lan)
{
	json_t *a = json_array();

	for (const struct cp_grant *g = lan->grants; g; g = g->hh.next) {
		json_t *o = cp_policy_json(&g->policy);

		json_object_set_new(o, "userid", json_string(g->user));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *adapters_json(const struct cp_lan *lan)
{
	json_t *a = json_array();

	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		json_array_append_new(a, cp_adapter_json(nic));
	return a;
}

static const char *transport(const struct cp_lan *lan)
{
	return lan->hipers ? "MEMORY" : lan->ip ? "IP" : "ETHERNET";
}

static const char *routing(const struct cp_lan *lan)
{
	return lan->prirouter ? "PRIROUTER" : "NONROUTER";
}

static const char *path_mtu_setting(const struct cp_lan *lan)
{
	return lan->path_mtu == VS_PATH_MTU_EXTERNAL ? "EXTERNAL"
	       : lan->path_mtu == VS_PATH_MTU_OFF    ? "OFF"
						     : "VALUE";
}

/* Of a switch in IP mode, else null. */
static json_t *path_mtu_json(const struct cp_lan *lan)
{
	uint32_t value = lan->ip ? vs_switch_path_mtu(lan->sw) : 0;

	if (!lan->ip)
		return json_null();
	return json_pack("{s:s, s:o}", "setting", path_mtu_setting(lan), "value",
			 value ? json_integer(value) : json_null());
}

static json_t *lan_json(const struct cp_lan *lan)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:b, s:b, s:b, s:o, s:o}",
			      "kind", cp_lan_kind(lan), "owner", lan->owner, "name", lan->name,
			      "type", cp_lan_type(lan), "transport", transport(lan), "connected",
			      (int)lan->n_coupled, "maxconn",
			      lan->maxconn ? json_integer(lan->maxconn) : json_null(), "persistent",
			      strcmp(lan->owner, "SYSTEM") == 0, "restricted", lan->restricted,
			      "accounting", lan->accounting, "authorized", authorized_json(lan),
			      "adapters", adapters_json(lan));
	json_object_set_new(o, "mixed", json_boolean(lan->mixed));
	if (lan->hipers)
		json_object_set_new(o, "mfs", json_string(cp_mfs_name(lan->mfs)));
	if (lan->hipers)
		json_object_set_new(o, "bridge_ports", cp_bridges_json(lan));
	if (lan->has_chpid)
		json_object_set_new(o, "chpid", json_sprintf("%02X", lan->chpid));
	return o;
}

static json_t *storage_json(const struct cp_lan *lan)
{
	return json_pack("{s:i, s:i}", "min", (int)lan->queue_min_mb, "max",
			 (int)lan->queue_max_mb);
}

static const char *const log_levels[] = {"OFF", "ON", "VERBOSE"};
static const char *const priorities[] = {"OFF", "ON", "PCP", "DSCP"};

static json_t *storm_json(const struct cp_lan *lan)
{
	static const char *const kind[] = {"broadcast", "multicast", "unknown"};
	json_t *o = json_object();

	for (unsigned k = 0; k < VS_STORM_KINDS; k++)
		json_object_set_new(o, kind[k],
				    lan->storm[k] ? json_integer(lan->storm[k]) : json_null());
	return o;
}

static json_t *vswitch_json(const struct cp *cp, const struct cp_lan *lan)
{
	json_t *o = lan_json(lan), *more;
	uint8_t mac[6];

	cp_mac_bytes(&lan->mac, mac);
	more = json_pack(
		"{s:s, s:s, s:b, s:o, s:o, s:s?, s:b, s:b, s:o, s:s, s:i, s:o, s:s, s:b, s:b, "
		"s:b, s:o}",
		"port_selection", lan->portbased ? "PORTBASED" : "USERBASED", "scope", "LOCAL",
		"vlan_aware", lan->vlan_aware, "default_vid", vid_json(lan->default_vid),
		"native_vid", vid_json(lan->vlan_aware ? lan->native_vid : VS_VID_NONE), "porttype",
		!lan->vlan_aware		 ? NULL
		: lan->porttype == CP_PORT_TRUNK ? "TRUNK"
						 : "ACCESS",
		"gvrp_requested", lan->gvrp, "vlan_counters", lan->vlan_counters, "mac",
		cp_mac_json(mac), "mac_protect", protect_text(lan->macprotect), "ip_timeout_min",
		(int)lan->iptimeout_min, "queue_storage_mb", storage_json(lan), "controller",
		lan->controller, "priority_queuing", lan->priq != 0, "isolation", lan->isolation,
		"vepa", lan->vepa, "uplink", uplink_json(cp, lan));
	json_object_update(o, more);
	json_decref(more);
	json_object_set_new(o, "routing", lan->ip ? json_string(routing(lan)) : json_null());
	json_object_set_new(o, "path_mtu", path_mtu_json(lan));
	json_object_set_new(o, "remote_hosts", cp_hosts_json(lan->uplink.port));
	json_object_set_new(o, "priority_by",
			    lan->priq ? json_string(priorities[lan->priq]) : json_null());
	json_object_set_new(o, "uplink_rate", cp_rates_json(&lan->uplink_rates, lan->uplink.port));
	json_object_set_new(o, "uplink_worker", cp_worker_json(lan->uplink.worker));
	json_object_set_new(o, "vlan_rates", cp_rate_vlans_json(lan));
	json_object_set_new(o, "log", json_string(log_levels[lan->log]));
	json_object_set_new(o, "mirror", cp_mirror_json(lan));
	json_object_set_new(o, "vlans", cp_vlan_counts_json(lan));
	cp_gvrp_json(o, lan);
	json_object_set_new(o, "snooping", json_boolean(lan->snooping));
	json_object_set_new(o, "storm_limits", storm_json(lan));
	json_object_set_new(o, "control_frames_lost",
			    json_integer((json_int_t)vs_switch_punt_lost(lan->sw)));
	json_object_set_new(o, "ports", cp_ports_json(lan));
	json_object_set_new(o, "bridge_port", cp_bridge_json(lan));
	return o;
}

/* ---- text ------------------------------------------------------------------------- */

static void say_line(struct cp_run *run, const struct cp_lan *lan)
{
	char title[CP_TITLE_BYTES], max[16] = "INFINITE", mfs[32] = "ETHERNET";

	cp_lan_title(lan, title);
	if (lan->hipers)
		snprintf(mfs, sizeof(mfs), lan->has_chpid ? "MFS: %s  CHPID: %02X" : "MFS: %s",
			 cp_mfs_name(lan->mfs), lan->chpid);
	else if (lan->ip)
		snprintf(mfs, sizeof(mfs), "%s", lan->vswitch ? routing(lan) : "IP");
	else if (lan->mixed)
		snprintf(mfs, sizeof(mfs), "ETHERNET MIXED");
	if (lan->maxconn)
		snprintf(max, sizeof(max), "%u", lan->maxconn);
	cp_say(run, "%-23s Type: %-7s Connected: %-4u Maxconn: %s", title, cp_lan_type(lan),
	       lan->n_coupled, max);
	cp_say(run, "  %-10s  %-12s  %-25s Accounting: %s",
	       strcmp(lan->owner, "SYSTEM") == 0 ? "PERSISTENT" : "TRANSIENT",
	       lan->restricted ? "RESTRICTED" : "UNRESTRICTED", mfs, on_off(lan->accounting));
}

static void say_vlan(struct cp_run *run, const struct cp_lan *lan)
{
	char def[8] = "NONE", native[8] = "NONE";

	if (!lan->vlan_aware) {
		cp_say(run, "  VLAN Unaware");
		return;
	}
	if (lan->default_vid)
		snprintf(def, sizeof(def), "%04u", lan->default_vid);
	if (lan->native_vid)
		snprintf(native, sizeof(native), "%04u", lan->native_vid);
	cp_say(run, "  VLAN Aware  Default VLAN: %-6s  Default Porttype: %-6s  GVRP: %s", def,
	       lan->porttype == CP_PORT_TRUNK ? "Trunk" : "Access",
	       lan->mrp	   ? lan->mvrp ? "Enabled (MVRP)" : "Enabled"
	       : lan->gvrp ? "Requested"
			   : "Disabled");
	cp_say(run, "              Native  VLAN: %-6s  VLAN Counters: %s", native,
	       on_off(lan->vlan_counters));
}

static void say_device(struct cp_run *run, const struct cp_uplink *u)
{
	json_t *o = device_json(run->cp, u), *value;
	const char *driver, *link, *wake, *name;
	int mbps, full, rx, tx, csum, tso;

	if (json_unpack(o, "{s:s, s:i, s:b, s:s, s:s, s:i, s:i, s:b, s:b}", "driver", &driver,
			"mbps", &mbps, "full_duplex", &full, "link_by", &link, "wakes_by", &wake,
			"rx_queues", &rx, "tx_queues", &tx, "checksum", &csum, "tso", &tso) == 0) {
		cp_say(run, "    Driver: %s   Queues: %d in, %d out   Wakes by: %s", driver, rx, tx,
		       wake);
		cp_say(run, "    Link: %d Mbit/s %s duplex, by %s   Checksum: %s   TSO: %s", mbps,
		       full ? "full" : "half", link, on_off(csum), on_off(tso));
		json_object_foreach(json_object_get(o, "statistics"), name,
				    value) if (json_integer_value(value))
			cp_say(run, "      %s: %lld", name, (long long)json_integer_value(value));
	}
	json_decref(o);
}

static void say_uplink(struct cp_run *run, const struct cp_lan *lan, bool details)
{
	const struct cp_uplink *u = &lan->uplink;

	cp_say(run, "  Uplink Port:");
	cp_say(run, "    State: %s", cp_uplink_state(run->cp, lan));
	if (lan->ip) {
		uint32_t value = vs_switch_path_mtu(lan->sw);
		char text[16] = "none";

		if (value)
			snprintf(text, sizeof(text), "%u", value);
		cp_say(run, "    PMTUD setting: %-9s PMTUD value: %s", path_mtu_setting(lan), text);
	}
	cp_say(run, "    Priority Queuing: %s   Controller: %s", priorities[lan->priq],
	       lan->controller);
	if (lan->uplink.worker)
		cp_say(run, "    Worker of the uplink: %u", lan->uplink.worker - 1);
	if (lan->uplink_rates.in.bps || lan->uplink_rates.out.bps || lan->priq)
		cp_say_rates(run, "    Rate ", &lan->uplink_rates, u->port);
	for (const struct cp_vlan_rate *r = lan->vlan_rates; r; r = r->hh.next) {
		char before[32];

		snprintf(before, sizeof(before), "    Rate of VLAN %04u ", r->vid);
		cp_say_rates(run, before, &r->rates, NULL);
	}
	if (u->group)
		cp_say(run, "    Group: %-8s  %-8s  LACP Mode: %s", u->group->name,
		       u->active == CP_ACTIVE_GROUP ? "Active" : "Inactive",
		       u->group->active ? "Active" : "Inactive");
	for (unsigned i = 0; i < u->n_dev; i++) {
		const struct cp_device *d = &u->dev[i];

		if (u->n_dev == 1 && !u->group)
			cp_say(run, "    %s: %-15s  %s", cp_device_kind(d), d->ifname,
			       u->connect ? "CONNECT" : "DISCONNECT");
		else
			cp_say(run, "    %s: %-15s  %s  %s", cp_device_kind(d), d->ifname,
			       role_text(u, i),
			       u->connect ? cp_device_state(run->cp, d) : "DISCONNECT");
	}
	if (u->port && details)
		cp_say_counters(run, u->port, true, "    ");
	if (u->port && details)
		cp_say_hosts(run, u->port, "    ", "Remote Hosts:");
	if (details)
		say_device(run, u);
}

static void say_storm(struct cp_run *run, const struct cp_lan *lan)
{
	static const char *const kind[] = {"Broadcast", "Multicast", "Unknown"};
	bool any = lan->storm[0] || lan->storm[1] || lan->storm[2];

	fprintf(run->text, "  Snooping: %-3s                    Storm Limits:%s",
		on_off(lan->snooping), any ? "" : " OFF");
	for (unsigned k = 0; k < VS_STORM_KINDS; k++)
		if (lan->storm[k])
			fprintf(run->text, " %s: %u", kind[k], lan->storm[k]);
	fputc('\n', run->text);
}

static void say_switch(struct cp_run *run, const struct cp_lan *lan, bool details)
{
	char mac[CP_MAC_TEXT];
	uint8_t bytes[6];

	cp_mac_bytes(&lan->mac, bytes);
	cp_mac_text(bytes, mac);
	cp_say(run, "  %s  LOCAL", lan->portbased ? "PORTBASED" : "USERBASED");
	say_vlan(run, lan);
	cp_say(run, "  MAC address: %s    MAC Protection: %s", mac, protect_text(lan->macprotect));
	cp_say(run, "  IPTimeout: %-3u                   QueueStorage: %u - %u", lan->iptimeout_min,
	       lan->queue_min_mb, lan->queue_max_mb);
	cp_say(run, "  Isolation Status: %-3s            VEPA Status: %s", on_off(lan->isolation),
	       on_off(lan->vepa));
	if (lan->mirror.on) {
		fputs("  Mirror ", run->text);
		cp_mirror_print(run->text, &lan->mirror);
		cp_say(run, "%s",
		       vs_switch_mirrors(lan->sw) ? "" : "  (a NIC or its authority is missing)");
	}
	if (lan->log)
		cp_say(run, "  Log: %s", log_levels[lan->log]);
	if (details)
		cp_say_gvrp(run, lan);
	if (details)
		cp_say_vlan_counts(run, lan);
	say_storm(run, lan);
	if (details)
		cp_say(run, "  Control frames lost: %llu",
		       (unsigned long long)vs_switch_punt_lost(lan->sw));
	say_uplink(run, lan, details);
	cp_say_bridge(run, lan, details);
}

static void say_authorized(struct cp_run *run, const struct cp_lan *lan)
{
	cp_say(run, "  Authorized userids:%s", lan->grants ? "" : " none");
	for (const struct cp_grant *g = lan->grants; g; g = g->hh.next) {
		fprintf(run->text, lan->vlan_aware ? "    %-8s" : "    %s", g->user);
		if (lan->vlan_aware)
			fprintf(run->text, " Porttype: %-7s",
				g->policy.type == CP_PORT_TRUNK	   ? "Trunk"
				: g->policy.type == CP_PORT_ACCESS ? "Access"
								   : "Default");
		if (g->policy.promisc)
			fputs(" Promiscuous", run->text);
		if (!lan->vlan_aware)
			fputc('\n', run->text);
		else if (g->policy.has_vids)
			cp_say_vlans(run, " VLAN: ", &g->policy.vids);
		else
			cp_say(run, " VLAN: Default");
	}
}

static void say_adapters(struct cp_run *run, const struct cp_lan *lan, bool details, bool promisc)
{
	cp_say(run, "  Adapter Connections:%s", lan->coupled ? "" : " none");
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		if (!promisc || vs_port_promisc(nic->port))
			cp_say_adapter(run, nic, details);
}

/* The connected NICs that are in the VLAN. */
static void say_members(struct cp_run *run, const struct cp_lan *lan, uint32_t vid, json_t *o)
{
	json_t *list = json_array();

	cp_say(run, "  VLAN %04u:", vid);
	for (const struct cp_nic *nic = lan->coupled; lan->vlan_aware && nic; nic = nic->lan_next) {
		struct cp_policy p = cp_effective(nic, lan);

		if (!vs_vidset_has(&p.vids, vid))
			continue;
		cp_say(run, "    %-13s Porttype: %s", nic->name,
		       p.type == CP_PORT_TRUNK ? "Trunk" : "Access");
		json_array_append_new(list, json_string(nic->name));
	}
	if (!json_array_size(list))
		cp_say(run, "    No NIC is in it");
	json_object_set_new(o, "members", list);
}

/* ---- forwarding database ---------------------------------------------------------- */

static const char *port_owner(const struct cp_lan *lan, const struct vs_port *port)
{
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		if (nic->port == port)
			return nic->name;
	return port && port == lan->uplink.port ? "UPLINK" : "";
}

static void add_fdb(struct cp_run *run, const struct cp_lan *lan, json_t *o)
{
	struct vs_fdb_entry *e = calloc(FDB_MAX, sizeof(*e));
	size_t n = e ? vs_fdb_list(lan->sw, e, FDB_MAX) : 0;
	json_t *list = json_array();
	char mac[CP_MAC_TEXT];

	cp_say(run, "  Forwarding Database:%s", n ? "" : " empty");
	for (size_t i = 0; i < n; i++) {
		const char *owner = port_owner(lan, e[i].port);

		cp_mac_text(e[i].mac, mac);
		cp_say(run, "    %s VLAN: %04u  %-10s Age: %-4u Port: %s", mac, e[i].vid,
		       e[i].learned ? "Learned" : "Registered", e[i].age_s, owner);
		json_array_append_new(list, json_pack("{s:o, s:o, s:b, s:i, s:s}", "mac",
						      cp_mac_json(e[i].mac), "vid",
						      vid_json(e[i].vid), "learned", e[i].learned,
						      "age_s", (int)e[i].age_s, "port", owner));
	}
	json_object_set_new(o, "fdb", list);
	free(e);
}

/* ---- snooped groups --------------------------------------------------------------- */

#define SNOOPED_MAX 4096

static void add_routers(struct cp_run *run, const struct cp_lan *lan, json_t *o)
{
	json_t *list = json_array();

	fputs("  Multicast Routers:", run->text);
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next) {
		if (!vs_port_router(nic->port))
			continue;
		fprintf(run->text, " %s", nic->name);
		json_array_append_new(list, json_string(nic->name));
	}
	if (lan->uplink.port && vs_port_router(lan->uplink.port)) {
		fputs(" UPLINK", run->text);
		json_array_append_new(list, json_string("UPLINK"));
	}
	fputs(json_array_size(list) ? "\n" : " none\n", run->text);
	json_object_set_new(o, "multicast_routers", list);
}

/* Sources of a group that is not wanted from all. */
static void add_sources(struct cp_run *run, const struct vs_snooped *e, json_t *o)
{
	json_t *list = json_array();
	char ip[CP_IP_TEXT];

	if (!e->all)
		cp_say(run, "      %s sources:", e->exclude ? "All but these" : "Only these");
	for (unsigned i = 0; i < e->n_sources; i++) {
		cp_say(run, "        %s", cp_ip_text(e->source[i], ip));
		json_array_append_new(list, json_string(ip));
	}
	json_object_set_new(o, "mode", json_string(e->all || e->exclude ? "exclude" : "include"));
	json_object_set_new(o, "sources", list);
}

static void add_groups(struct cp_run *run, const struct cp_lan *lan, json_t *o)
{
	struct vs_snooped *e = calloc(SNOOPED_MAX, sizeof(*e));
	size_t n = e ? vs_snoop_list(lan->sw, e, SNOOPED_MAX) : 0;
	json_t *list = json_array();
	char mac[CP_MAC_TEXT], ip[CP_IP_TEXT];

	add_routers(run, lan, o);
	cp_say(run, "  Multicast Groups:%s", n ? "" : " none");
	for (size_t i = 0; i < n; i++) {
		const char *owner = port_owner(lan, e[i].port);
		json_t *g;

		cp_mac_text(e[i].mac, mac);
		cp_ip_text(e[i].group, ip);
		cp_say(run, "    %s VLAN: %04u  %-8s Time left: %-4u Port: %s Group: %s", mac,
		       e[i].vid, e[i].filtered ? "Filtered" : "Flooded", e[i].left_s, owner, ip);
		g = json_pack("{s:o, s:s, s:o, s:b, s:i, s:s}", "mac", cp_mac_json(e[i].mac),
			      "group", ip, "vid", vid_json(e[i].vid), "filtered", e[i].filtered,
			      "left_s", (int)e[i].left_s, "port", owner);
		add_sources(run, &e[i], g);
		json_array_append_new(list, g);
	}
	json_object_set_new(o, "groups", list);
	free(e);
}

/* ---- the commands ----------------------------------------------------------------- */

/* Class G sees the networks it owns or is connected to, and unrestricted guest LANs. */
static bool visible(const struct cp_run *run, const struct cp_lan *lan)
{
	if (!lan->restricted || cp_caller_may(run->cp, run->who, lan->owner))
		return true;
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		if (cp_caller_may(run->cp, run->who, nic->user->name))
			return true;
	return false;
}

static void show(struct cp_run *run, const struct cp_lan *lan, json_t *list)
{
	const struct cp_value *v = run->args->v;
	bool details = v[CP_OP_DETAILS].given;
	json_t *o = lan->vswitch ? vswitch_json(run->cp, lan) : lan_json(lan);

	/* Class G is not told who else is there. */
	if (!run->who->class_b) {
		json_object_del(o, "authorized");
		json_object_del(o, "adapters");
		json_object_del(o, "ports");
	}
	say_line(run, lan);
	if (lan->vswitch)
		say_switch(run, lan, details);
	else if (lan->hipers)
		cp_say_bridges(run, lan);
	if (run->who->class_b) {
		if (details || v[CP_OP_ACCESS].given)
			say_authorized(run, lan);
		if (lan->portbased && (details || v[CP_OP_PORTNUMBER].given))
			cp_say_ports(run, lan, v[CP_OP_PORTNUMBER].num);
		if (v[CP_OP_VLAN].given)
			say_members(run, lan, v[CP_OP_VLAN].num, o);
		if (details || v[CP_OP_ACTIVE].given || v[CP_OP_PROMISC].given)
			say_adapters(run, lan, details, v[CP_OP_PROMISC].given && !details);
		if (v[CP_OP_MULTICAST].given)
			add_groups(run, lan, o);
		if (v[CP_OP_FDB].given)
			add_fdb(run, lan, o);
	}
	json_array_append_new(list, o);
}

void cp_do_query_vswitch(struct cp_run *run)
{
	const struct cp_value *name = &run->args->v[CP_OP_NAME];
	json_t *list = json_array();
	unsigned n = 0;

	run->json = json_pack("{s:o}", "vswitches", list);
	for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next) {
		if (!lan->vswitch || !visible(run, lan) ||
		    (name->given && strcmp(name->word, lan->name) != 0))
			continue;
		show(run, lan, list);
		n++;
	}
	if (!n && name->given)
		cp_error(run, CP_E_SWITCH_UNKNOWN, name->word, NULL, NULL);
	else if (!n)
		cp_say(run, "No VSWITCH is defined");
}

void cp_do_query_lan(struct cp_run *run)
{
	const struct cp_value *name = &run->args->v[CP_OP_NAME];
	const struct cp_value *owner = &run->args->v[CP_OP_OWNER];
	const char *want = strcmp(owner->word, "*") == 0 ? run->who->user : owner->word;
	json_t *list = json_array();
	unsigned n = 0;

	run->json = json_pack("{s:o}", "lans", list);
	for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next) {
		if (!visible(run, lan) || (name->given && strcmp(name->word, lan->name) != 0) ||
		    (owner->given && strcmp(want, lan->owner) != 0))
			continue;
		show(run, lan, list);
		n++;
	}
	if (!n && name->given)
		cp_error(run, CP_E_LAN_UNKNOWN, name->word, NULL, NULL);
	else if (!n)
		cp_say(run, "No LAN is defined");
}
