/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink of a virtual switch: a host port behind one vs_port of role UPLINK. Opening it is the
 * owner's business (hooks.open_uplink); what is wanted is kept here, so that an uplink of the
 * configuration that is not there yet is tried again.
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

const char *cp_uplink_kind(const struct cp_uplink *u)
{
	return u->kind == CP_UPLINK_DPDK ? "DPDK" : "TAP";
}

/*
 * Open what lan->uplink defines. Errors leave a text in uplink.error.
 * Return: 0 or -1.
 */
int cp_uplink_open(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	struct vs_port_config cfg = {
		.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK, .mac_protect = 0};
	struct vs_link link;

	u->error[0] = '\0';
	if (!u->ifname[0] || !u->connect || u->handle || cp->check)
		return 0;
	/* Of a DPDK device: its name, not its arguments. */
	snprintf(cfg.name, sizeof(cfg.name), "%.*s", (int)strcspn(u->ifname, ","), u->ifname);
	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	if (!cp->hooks.open_uplink) {
		snprintf(u->error, sizeof(u->error), "uplinks are not available here");
		return -1;
	}
	u->port = vs_port_create(lan->sw, &cfg);
	if (!u->port) {
		snprintf(u->error, sizeof(u->error), "%s", strerror(errno));
		return -1;
	}
	if (cp->hooks.pick_worker)
		vs_port_assign(u->port, cp->hooks.pick_worker(cp->hooks.ctx));
	cp_rate_uplink(cp, lan);
	link = vs_port_link(u->port);
	u->handle = cp->hooks.open_uplink(cp->hooks.ctx, cp_uplink_kind(u), u->ifname, &link,
					  u->error, sizeof(u->error));
	if (u->handle) {
		cp_log(cp, "ZLN2830I VSWITCH SYSTEM %s status is ready, %s %s", lan->name,
		       cp_uplink_kind(u), u->ifname);
		return 0;
	}
	if (!u->error[0])
		snprintf(u->error, sizeof(u->error), "%s", strerror(errno));
	vs_port_destroy(u->port);
	u->port = NULL;
	return -1;
}

/* Close it; its definition stays. */
void cp_uplink_close(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	cp_gvrp_stop(lan);
	if (u->port && cp->hooks.forget)
		cp->hooks.forget(cp->hooks.ctx, lan->sw, u->port);
	if (u->handle && cp->hooks.close_uplink)
		cp->hooks.close_uplink(cp->hooks.ctx, u->handle);
	u->handle = NULL;
	vs_port_destroy(u->port);
	u->port = NULL;
	u->error[0] = '\0';
}

/* Try again what could not be opened. */
void cp_uplink_tick(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	if (!u->ifname[0] || !u->connect || u->handle || cp->now_s - u->retry_s < CP_RETRY_S)
		return;
	u->retry_s = cp->now_s;
	cp_uplink_open(cp, lan);
}

const char *cp_uplink_state(const struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;

	if (!u->ifname[0])
		return u->forbidden ? "No uplink allowed" : "Not defined";
	if (!u->connect)
		return "Disconnected";
	if (!u->handle)
		return u->error[0] ? u->error : "Defined";
	if (!cp->hooks.uplink_state)
		return "Ready";
	return cp->hooks.uplink_state(cp->hooks.ctx, u->handle);
}

/* The switch that has the interface as its uplink, or NULL. */
const struct cp_lan *cp_uplink_user(const struct cp *cp, const char *ifname)
{
	const struct cp_lan *lan;

	for (lan = cp->lans; lan; lan = lan->hh.next)
		if (strcmp(lan->uplink.ifname, ifname) == 0)
			return lan;
	return NULL;
}
