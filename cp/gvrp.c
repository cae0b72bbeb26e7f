/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control frames that the data path puts aside, and what a switch tells the one outside: with
 * GVRP or MVRP it registers the VLANs that running guests are in, as long as its uplink is ready,
 * and shows what the other side has registered of its own. Source: spec/zvm-networking.md 3.4.
 */
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"
#include "vswitch/mrp.h"

struct moment {
	struct cp_lan *lan;
	uint64_t now_ms;
};

static void receive(struct cp_lan *lan, const struct vs_punted *f, uint64_t now_ms)
{
	if (lan->mrp && f->port == lan->mrp_port)
		mrp_receive(lan->mrp, f->data, f->len, now_ms);
}

static void on_frame(void *ctx, const struct vs_punted *f)
{
	struct moment *m = ctx;

	switch (f->kind) {
	case VS_PUNT_IGMP:
	case VS_PUNT_MLD:
		vs_snoop_frame(m->lan->sw, f, m->now_ms);
		break;
	case VS_PUNT_PATH_MTU:
		vs_path_mtu_frame(m->lan->sw, f);
		break;
	case VS_PUNT_MRP:
		receive(m->lan, f, m->now_ms);
		break;
	case VS_PUNT_PROBE:
		cp_loop_input(m->lan->cp, f);
		break;
	case VS_PUNT_LINK:
		cp_group_input(m->lan->cp, f);
		break;
	}
}

void cp_punted(struct cp *cp, uint64_t now_ms)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next) {
		struct moment m = {lan, now_ms};

		vs_switch_punted(lan->sw, on_frame, &m);
	}
}

/* ---- registration ------------------------------------------------------------------- */

static void send_frame(void *ctx, const uint8_t *frame, uint32_t len)
{
	struct cp_lan *lan = ctx;

	/* What cannot be sent now is said again when the other side asks for it. */
	vs_port_inject(lan->mrp_port, VS_VID_NONE, frame, len);
}

void cp_gvrp_stop(struct cp_lan *lan)
{
	mrp_destroy(lan->mrp);
	lan->mrp = NULL;
	lan->mrp_port = NULL;
}

static void start(struct cp_lan *lan, enum mrp_protocol protocol)
{
	uint8_t mac[6];

	cp_mac_bytes(&lan->mac, mac);
	lan->mrp = mrp_create(protocol, mac, send_frame, lan);
	lan->mrp_port = lan->uplink.port;
	memset(&lan->registered, 0, sizeof(lan->registered));
	if (lan->mrp)
		vs_port_punt(lan->mrp_port, VS_PUNT_MRP);
}

/* The uplink is another device now, with another switch behind it, maybe. */
void cp_gvrp_moved(struct cp *cp, struct cp_lan *lan)
{
	if (lan->mrp)
		mrp_restart(lan->mrp, cp_now_ms(cp));
}

/* Another port is the uplink, the devices are the same. @was: the one before, or NULL: it is gone.
 */
void cp_gvrp_port(struct cp_lan *lan, struct vs_port *was)
{
	if (!lan->mrp)
		return;
	if (was)
		(void)vs_port_punt(was, 0);
	lan->mrp_port = lan->uplink.port;
	(void)vs_port_punt(lan->mrp_port, VS_PUNT_MRP);
}

/* What is in a and not in b, in the log. */
static void log_difference(const struct cp_lan *lan, const struct vs_vidset *a,
			   const struct vs_vidset *b, unsigned number, const char *what)
{
	struct vs_vidset only;
	char *text = NULL;
	size_t len;
	FILE *f;

	for (unsigned i = 0; i < 64; i++)
		only.w[i] = a->w[i] & ~b->w[i];
	f = cp_vlans_count(&only) ? open_memstream(&text, &len) : NULL;
	if (!f)
		return;
	cp_vlans_print(f, &only);
	if (fclose(f) == 0)
		cp_log(lan->cp, "ZLN%uI VSWITCH SYSTEM %s: the switch outside %s VLAN %.200s",
		       number, lan->name, what, text);
	free(text);
}

static void log_registered(struct cp_lan *lan)
{
	struct vs_vidset now;

	mrp_registered(lan->mrp, &now);
	if (cp_event_wanted(lan, CP_LOG_VERBOSE)) {
		log_difference(lan, &now, &lan->registered, 2528, "has registered");
		log_difference(lan, &lan->registered, &now, 2529, "has given up");
	}
	lan->registered = now;
}

/* Once a second: begin, end, or take up what has changed. cp_gvrp_run does the rest. */
void cp_gvrp_tick(struct cp *cp, struct cp_lan *lan)
{
	enum mrp_protocol protocol = lan->mvrp ? MRP_MVRP : MRP_GVRP;
	struct vs_port *port = lan->uplink.port;
	bool run = lan->gvrp && lan->vlan_aware && port && vs_port_running(port) &&
		   strcmp(cp_uplink_state(cp, lan), "Ready") == 0;
	struct vs_vidset vids;

	if (lan->mrp && (!run || port != lan->mrp_port || mrp_protocol_of(lan->mrp) != protocol)) {
		if (port && port == lan->mrp_port)
			vs_port_punt(port, 0);
		cp_gvrp_stop(lan);
	}
	if (!run)
		return;
	if (!lan->mrp)
		start(lan, protocol);
	if (!lan->mrp)
		return;
	vs_switch_vids(lan->sw, &vids);
	mrp_want(lan->mrp, &vids, cp_now_ms(cp));
	log_registered(lan);
}

/* Return: when to call again. */
uint64_t cp_gvrp_run(struct cp *cp, struct cp_lan *lan)
{
	return lan->mrp ? mrp_tick(lan->mrp, cp_now_ms(cp)) : UINT64_MAX;
}

/* ---- QUERY ----------------------------------------------------------------------------- */

static void say_vids(struct cp_run *run, const char *what, const struct vs_vidset *vids)
{
	fprintf(run->text, "    %-11s VLANs: ", what);
	if (cp_vlans_count(vids))
		cp_vlans_print(run->text, vids);
	else
		fputs("NONE", run->text);
	cp_say(run, "%s", "");
}

void cp_say_gvrp(struct cp_run *run, const struct cp_lan *lan)
{
	struct vs_vidset declared, registered;

	if (!lan->mrp)
		return;
	mrp_declared(lan->mrp, &declared);
	mrp_registered(lan->mrp, &registered);
	say_vids(run, "Declared", &declared);
	say_vids(run, "Registered", &registered);
}

void cp_gvrp_json(json_t *o, const struct cp_lan *lan)
{
	struct vs_vidset vids;

	json_object_set_new(o, "gvrp_enabled", json_boolean(lan->mrp != NULL));
	json_object_set_new(o, "registration", json_string(lan->mvrp ? "MVRP" : "GVRP"));
	if (lan->mrp)
		mrp_declared(lan->mrp, &vids);
	json_object_set_new(o, "vlans_declared", lan->mrp ? cp_vlans_json(&vids) : json_null());
	if (lan->mrp)
		mrp_registered(lan->mrp, &vids);
	json_object_set_new(o, "vlans_registered", lan->mrp ? cp_vlans_json(&vids) : json_null());
}
