/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control frames that the data path puts aside, and what a switch tells the one outside: with
 * GVRP or MVRP it registers the VLANs that running guests are in, as long as its uplink is ready.
 * Source: spec/zvm-networking.md 3.4.
 */
#include <string.h>

#include "cp/cp_priv.h"
#include "vswitch/mrp.h"

struct moment {
	struct cp_lan *lan;
	uint64_t now_ms;
};

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
		cp_gvrp_receive(m->lan, f, m->now_ms);
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
	if (lan->mrp)
		vs_port_punt(lan->mrp_port, VS_PUNT_MRP);
}

void cp_gvrp_receive(struct cp_lan *lan, const struct vs_punted *f, uint64_t now_ms)
{
	if (lan->mrp && f->port == lan->mrp_port)
		mrp_receive(lan->mrp, f->data, f->len, now_ms);
}

/* Once a second: begin, end, or say what has changed. */
void cp_gvrp_tick(struct cp *cp, struct cp_lan *lan, uint64_t now_ms)
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
	mrp_want(lan->mrp, &vids, now_ms);
	mrp_tick(lan->mrp, now_ms);
}
