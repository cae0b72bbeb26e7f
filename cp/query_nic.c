/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUERY NIC, QUERY COUNTERS and QUERY CONFIGURATION.
 * Source: spec/zvm-networking.md 2.7.
 */
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

static const char *const queues[] = {"LOW", "NORMAL", "HIGH"};

static const char *session_text(const struct cp_nic *nic, const struct osa_info *info)
{
	if (nic->no_socket)
		return "No socket";
	if (nic->client)
		return nic->port && vs_port_running(nic->port) ? "Session Established" : "Startup";
	if (!nic->osa)
		return "No guest attached";
	if (!info->data_active)
		return "Startup";
	return info->online ? "Session Established" : "Queues active";
}

void cp_nic_session(const struct cp_nic *nic, struct osa_info *info)
{
	struct hs_info hs;

	memset(info, 0, sizeof(*info));
	if (nic->osa)
		osa_info(nic->osa, info);
	if (!nic->hs)
		return;
	hs_info(nic->hs, &hs);
	info->rx_buffers = hs.rx_buffers;
	info->tx_buffers = hs.tx_buffers;
	info->rx_signals = hs.rx_signals;
}

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *layer3_json(const struct osa_info *i)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "addresses", i->n_addresses,
			 "groups", i->n_groups, "arp_entries", i->n_arp, "routing_v4", i->routing4,
			 "routing_v6", i->routing6, "unresolved", (json_int_t)i->unresolved,
			 "filtered", (json_int_t)i->filtered, "address_conflicts",
			 (json_int_t)i->conflicts);
}

static json_t *session_json(const struct osa_info *i)
{
	json_t *o = json_pack(
		"{s:b, s:b, s:i, s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "online", i->online,
		"data_active", i->data_active, "layer", i->layer, "promiscuous", i->promisc,
		"isolation", i->isolation, "ipa_requests", (json_int_t)i->ipa_requests,
		"ipa_errors", (json_int_t)i->ipa_errors, "malformed", (json_int_t)i->malformed,
		"rx_buffers", (json_int_t)i->rx_buffers, "tx_buffers", (json_int_t)i->tx_buffers,
		"rx_signals", (json_int_t)i->rx_signals, "tx_wakeups", (json_int_t)i->tx_wakeups);

	if (i->layer == 3)
		json_object_set_new(o, "layer3", layer3_json(i));
	return o;
}

/* By the names of the qeth driver's attributes, from the highest bit on. */
static const char *const characteristics[] = {
	"flooding",	     "mcast_flooding",	 "learning", "takeover_setvmac",
	"takeover_learning", "bridge_invisible", "rx_bcast"};
#define CHARACTERISTICS (sizeof(characteristics) / sizeof(characteristics[0]))

static bool has_characteristic(const struct hs_info *i, unsigned n)
{
	return i->vnicc >> (31 - n) & 1;
}

static json_t *vnicc_json(const struct hs_info *i)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < CHARACTERISTICS; n++)
		if (has_characteristic(i, n))
			json_array_append_new(list, json_string(characteristics[n]));
	return list;
}

static json_t *hipers_json(struct hs_adapter *hs)
{
	struct hs_info i;

	hs_info(hs, &i);
	return json_pack("{s:s, s:b, s:b, s:i, s:I, s:I, s:I, s:I, s:o, s:I, s:i, s:b, s:b}", "mfs",
			 cp_mfs_name(i.mfs), "broadcast", i.broadcast, "completion_queue",
			 i.completion, "waiting", (int)i.waiting, "receiver_full",
			 (json_int_t)i.tx_full, "no_receiver", (json_int_t)i.tx_unknown, "invalid",
			 (json_int_t)i.tx_bad, "pending", (json_int_t)i.tx_pending, "vnicc",
			 vnicc_json(&i), "learning_timeout", (json_int_t)i.learning_s, "learned",
			 (int)i.learned, "analyzer", i.trace, "sees_all", i.watching);
}

static json_t *network_json(const char *owner, const char *name)
{
	return *name ? json_pack("{s:s, s:s}", "owner", owner, "name", name) : json_null();
}

static const char *protect_text(enum cp_tristate t)
{
	return t == CP_ON ? "ON" : t == CP_OFF ? "OFF" : "UNSPECIFIED";
}

static json_t *nic_json(const struct cp_nic *nic)
{
	const struct cp_lan *lan = nic->lan;
	json_t *o = lan ? cp_adapter_json(nic) : cp_policy_json(&nic->policy);
	struct osa_info info;
	json_t *more;
	uint8_t mac[6];

	cp_nic_session(nic, &info);
	cp_mac_bytes(&nic->mac, mac);
	more = json_pack("{s:s, s:o, s:s, s:i, s:o, s:s, s:s, s:b, s:s?, s:s, s:o, s:o, s:b, s:o}",
			 "userid", nic->user->name, "vdev", json_sprintf("%04X", nic->vdev), "type",
			 cp_nic_type_name(nic), "devices", nic->devices, "mac", cp_mac_json(mac),
			 "mac_protect", protect_text(nic->macprotect), "pquplinktx",
			 queues[nic->pqueue], "attached", cp_nic_attached(nic), "attached_by",
			 nic->client ? nic->client->kind
			 : nic->osa  ? "channel socket"
				     : NULL,
			 "state", session_text(nic, &info), "lan",
			 network_json(lan ? lan->owner : "", lan ? lan->name : ""), "nicdef_lan",
			 network_json(nic->lan_owner, nic->lan_name), "waiting", cp_waits(nic),
			 "session", nic->osa ? session_json(&info) : json_null());
	json_object_update(o, more);
	json_decref(more);
	if (nic->no_socket)
		json_object_set_new(o, "no_socket", json_string(nic->no_socket));
	if (nic->hs)
		json_object_set_new(o, "hipersockets", hipers_json(nic->hs));
	if (nic->client && nic->client->queue_pairs)
		json_object_set_new(o, "queue_pairs",
				    json_integer(nic->client->queue_pairs(nic->client->ctx)));
	json_object_set_new(o, "uplink_of",
			    nic->uplink_of ? json_string(nic->uplink_of->name) : json_null());
	if (!lan)
		json_object_set_new(o, "counters",
				    nic->port ? cp_counters_json(nic->port) : json_null());
	more = cp_rates_json(&nic->rates, nic->port);
	json_object_set_new(more, "guarantee_bps", json_integer((json_int_t)nic->guarantee.bps));
	json_object_set_new(more, "group",
			    nic->rategroup ? json_string(nic->rategroup->name) : json_null());
	json_object_set_new(o, "rate", more);
	json_object_set_new(o, "worker", cp_worker_json(nic->worker));
	return o;
}

/* ---- text ------------------------------------------------------------------------- */

static void say_rates(struct cp_run *run, const struct cp_nic *nic)
{
	char rate[CP_RATE_TEXT];

	if (nic->rates.in.bps || nic->rates.out.bps || nic->rategroup)
		cp_say_rates(run, "  Rate ", &nic->rates, nic->port);
	cp_rate_text(&nic->guarantee, rate);
	if (nic->guarantee.bps || nic->rategroup)
		cp_say(run, "  Guarantee: %s   Rate group: %s", rate,
		       nic->rategroup ? nic->rategroup->name : "none");
}

static void say_vnicc(struct cp_run *run, const struct hs_info *i)
{
	char names[128];
	size_t at = 0;

	names[0] = '\0';
	for (unsigned n = 0; n < CHARACTERISTICS; n++)
		if (has_characteristic(i, n) && at < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at, " %s",
					       characteristics[n]);
	cp_say(run, "  VNIC characteristics:%s", *names ? names : " none");
	if (i->vnicc >> 29 & 1)
		cp_say(run, "  Learned addresses: %u   Timeout: %u s", i->learned, i->learning_s);
}

static void say_hipers(struct cp_run *run, struct hs_adapter *hs)
{
	struct hs_info i;

	hs_info(hs, &i);
	cp_say(run, "  MFS: %s   Buffers out: %llu  in: %llu   Interruptions: %llu",
	       cp_mfs_name(i.mfs), (unsigned long long)i.tx_buffers,
	       (unsigned long long)i.rx_buffers, (unsigned long long)i.rx_signals);
	cp_say(run,
	       "  Refused: receiver full: %llu  no receiver: %llu  invalid: %llu   Delayed: %llu",
	       (unsigned long long)i.tx_full, (unsigned long long)i.tx_unknown,
	       (unsigned long long)i.tx_bad, (unsigned long long)i.tx_pending);
	if (i.layer == 2)
		say_vnicc(run, &i);
	if (i.watching)
		cp_say(run, "  %s",
		       i.trace ? "Network traffic analyzer of its LAN" : "Sees what others send");
}

static void say_session(struct cp_run *run, const struct cp_nic *nic)
{
	struct osa_info i;

	cp_nic_session(nic, &i);
	if (nic->client && nic->client->queue_pairs)
		cp_say(run, "  State: %s   Attached by: %s   Queue pairs: %u",
		       session_text(nic, &i), nic->client->kind,
		       nic->client->queue_pairs(nic->client->ctx));
	else if (nic->client)
		cp_say(run, "  State: %s   Attached by: %s", session_text(nic, &i),
		       nic->client->kind);
	else
		cp_say(run, "  State: %s", session_text(nic, &i));
	cp_say(run, "  MAC Protection: %s   PQUPLINKTX: %s", protect_text(nic->macprotect),
	       queues[nic->pqueue]);
	if (nic->worker)
		cp_say(run, "  Worker: %u", nic->worker - 1);
	say_rates(run, nic);
	if (nic->lan && nic->lan->vlan_aware) {
		struct cp_policy p = cp_effective(nic, nic->lan);

		fprintf(run->text, "  Porttype: %s   ",
			p.type == CP_PORT_TRUNK ? "Trunk" : "Access");
		cp_say_vlans(run, "VLAN: ", &p.vids);
	}
	if (nic->port)
		cp_say_counters(run, nic->port, false, "  ");
	for (unsigned d = 0; d < QDIO_DEVICES; d++) {
		static const char *const role[] = {"CTL-READ", "CTL-WRITE", "DATA"};

		cp_say(run, "  Device: %04X  Unit: %03u  Role: %s", nic->vdev + d, d, role[d]);
	}
	if (nic->hs)
		say_hipers(run, nic->hs);
	if (nic->osa)
		cp_say(run, "  Control messages: %llu  Errors: %llu  Malformed: %llu",
		       (unsigned long long)i.ipa_requests, (unsigned long long)i.ipa_errors,
		       (unsigned long long)i.malformed);
	if (nic->port)
		cp_say_addresses(run, nic->port, "  ");
}

static void say_nic(struct cp_run *run, const struct cp_nic *nic, bool details)
{
	char mac[CP_MAC_TEXT], title[CP_TITLE_BYTES];
	uint8_t bytes[6];

	cp_mac_bytes(&nic->mac, bytes);
	cp_mac_text(bytes, mac);
	cp_say(run, "Adapter %04X.P00 Type: %-9s Owner: %-8s   Devices: %u", nic->vdev,
	       cp_nic_type_name(nic), nic->user->name, nic->devices);
	if (nic->lan) {
		cp_lan_title(nic->lan, title);
		*strchr(title, ' ') = '\0';
		cp_say(run, "  MAC: %s         %s: %s %s", mac, title, nic->lan->owner,
		       nic->lan->name);
	} else if (nic->uplink_of) {
		cp_say(run, "  MAC: %s         Uplink of VSWITCH: SYSTEM %s", mac,
		       nic->uplink_of->name);
	} else if (cp_waits(nic)) {
		cp_say(run, "  MAC: %s         LAN: * None, waits for %s %s", mac, nic->lan_owner,
		       nic->lan_name);
	} else {
		cp_say(run, "  MAC: %s         LAN: * None", mac);
	}
	if (nic->no_socket)
		cp_say(run, "  No socket: %s", nic->no_socket);
	if (details)
		say_session(run, nic);
}

/* ---- QUERY NIC -------------------------------------------------------------------- */

/* In the same order whenever they were made. */
static int by_vdev(struct cp_nic *a, struct cp_nic *b)
{
	return a->vdev < b->vdev ? -1 : a->vdev > b->vdev;
}

static int by_user(struct cp_user *a, struct cp_user *b)
{
	return strcmp(a->name, b->name);
}

static void show_user(struct cp_run *run, struct cp_user *u, json_t *list)
{
	if (u)
		HASH_SORT(u->nics, by_vdev);
	for (const struct cp_nic *nic = u ? u->nics : NULL; nic; nic = nic->hh.next) {
		if (nic->type == CP_NIC_CTCA)
			continue;
		say_nic(run, nic, run->args->v[CP_OP_DETAILS].given);
		json_array_append_new(list, nic_json(nic));
	}
}

void cp_do_query_nic(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	json_t *list = json_array();
	bool all = v[CP_OP_USER].choice == 0 || (run->who->class_b && !v[CP_OP_USER].given);

	run->json = json_pack("{s:o}", "nics", list);
	if (v[CP_OP_VDEV].given) {
		const struct cp_nic *nic = cp_arg_nic(run);

		if (!nic)
			return;
		say_nic(run, nic, v[CP_OP_DETAILS].given);
		json_array_append_new(list, nic_json(nic));
		return;
	}
	if (all && cp_need_class_b(run, "USER *") == 0) {
		HASH_SORT(run->cp->users, by_user);
		for (struct cp_user *u = run->cp->users; u; u = u->hh.next)
			show_user(run, u, list);
	} else if (!all) {
		const char *user = cp_arg_user(run);

		if (user && v[CP_OP_USER].given && !cp_user_known(run->cp, user))
			cp_error(run, CP_E_NOT_ON, user, NULL, NULL);
		else if (user)
			show_user(run, cp_user_find(run->cp, user), list);
	}
	if (!run->rc && json_array_size(list) == 0)
		cp_say(run, "No NIC is defined");
}

/* ---- QUERY COUNTERS --------------------------------------------------------------- */

static void count_port(struct cp_run *run, json_t *list, const struct cp_lan *lan, const char *name,
		       const struct vs_port *port)
{
	struct vs_counters c = {0};
	uint64_t in = 0, out = 0;

	vs_port_counters(port, &c);
	for (unsigned d = 0; d < VS_DROP_COUNT; d++) {
		in += c.rx_drop[d];
		out += c.tx_drop[d];
	}
	cp_say(run, "%-17s %-16s %12llu %15llu %9llu %12llu %15llu %9llu",
	       lan->vswitch ? lan->name : lan->key, name, (unsigned long long)c.rx_frames,
	       (unsigned long long)c.rx_bytes, (unsigned long long)in,
	       (unsigned long long)c.tx_frames, (unsigned long long)c.tx_bytes,
	       (unsigned long long)out);
	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		if (c.rx_drop[d] + c.tx_drop[d])
			cp_say(run, "  %-15s in: %-12llu out: %-12llu %s",
			       vs_drop_name((enum vs_drop)d), (unsigned long long)c.rx_drop[d],
			       (unsigned long long)c.tx_drop[d], vs_drop_text((enum vs_drop)d));
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o}", "owner", lan->owner,
					      "name", lan->name, "port", name, "role",
					      port == lan->uplink.port ? "UPLINK" : "GUEST",
					      "counters", cp_counters_json(port)));
}

static void count_lan(struct cp_run *run, json_t *list, const struct cp_lan *lan)
{
	for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
		count_port(run, list, lan, nic->name, nic->port);
	if (lan->uplink.port)
		count_port(run, list, lan, lan->uplink.lag ? "uplink" : lan->uplink.dev[0].ifname,
			   lan->uplink.port);
}

static void count_network(struct cp_run *run, json_t *list, const char *owner, const char *name)
{
	const struct cp_lan *lan;
	char title[CP_FULL_BYTES];

	if (strcmp(owner, "*") == 0)
		owner = run->who->user;
	lan = cp_lan_find(run->cp, owner, name);
	snprintf(title, sizeof(title), "%.8s %.8s", owner, name);
	if (lan)
		count_lan(run, list, lan);
	else if (strcmp(owner, "SYSTEM") == 0)
		cp_error(run, CP_E_SWITCH_UNKNOWN, name, NULL, NULL);
	else
		cp_error(run, CP_E_PAIR_UNKNOWN, title, NULL, NULL);
}

static void count_nic(struct cp_run *run, json_t *list, const struct cp_value *v)
{
	const struct cp_nic *nic = cp_nic_find(run->cp, v->word, (uint16_t)v->num);
	char name[32];

	snprintf(name, sizeof(name), "%.8s/%04X", v->word, v->num);
	if (!nic)
		cp_error(run, CP_E_NO_DEVICE, name, NULL, NULL);
	else if (nic->type == CP_NIC_CTCA)
		cp_error(run, CP_E_IS_CTCA, name, NULL, NULL);
	else if (nic->uplink_of)
		count_port(run, list, nic->uplink_of, nic->name, nic->port);
	else if (!nic->lan)
		cp_error(run, CP_E_DISCONNECTED, name, NULL, NULL);
	else
		count_port(run, list, nic->lan, nic->name, nic->port);
}

void cp_do_query_counters(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	json_t *list = json_array();

	run->json = json_pack("{s:o}", "ports", list);
	if (v[CP_OP_VSWITCH].given + v[CP_OP_NETWORK].given + v[CP_OP_NIC].given > 1) {
		cp_error(run, CP_E_CONFLICT, "LAN or NIC", "name one network or NIC", NULL);
		return;
	}
	cp_say(run, "%-17s %-16s %12s %15s %9s %12s %15s %9s", "Network", "Port", "Frames in",
	       "Bytes in", "Dropped", "Frames out", "Bytes out", "Dropped");
	if (v[CP_OP_VSWITCH].given)
		count_network(run, list, "SYSTEM", v[CP_OP_VSWITCH].word);
	else if (v[CP_OP_NETWORK].given)
		count_network(run, list, v[CP_OP_NETWORK].word, v[CP_OP_NETWORK].word2);
	else if (v[CP_OP_NIC].given)
		count_nic(run, list, &v[CP_OP_NIC]);
	else
		for (const struct cp_lan *lan = run->cp->lans; lan; lan = lan->hh.next)
			count_lan(run, list, lan);
}

/* ---- QUERY CONFIGURATION, SHUTDOWN ------------------------------------------------ */

void cp_do_query_configuration(struct cp_run *run)
{
	char *text = cp_configuration(run->cp), *next = NULL;
	json_t *list = json_array();

	run->json = json_pack("{s:o}", "statements", list);
	for (char *line = text ? strtok_r(text, "\n", &next) : NULL; line;
	     line = strtok_r(NULL, "\n", &next)) {
		cp_say(run, "%s", line);
		json_array_append_new(list, json_string(line));
	}
	free(text);
}

void cp_do_shutdown(struct cp_run *run)
{
	cp_say(run, "System shutdown started");
	if (!run->cp->check && run->cp->hooks.shutdown)
		run->cp->hooks.shutdown(run->cp->hooks.ctx);
}
