/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of an uplink or of a port group: its port on the switch, and whoever opens it
 * (hooks.open_uplink; a guest's NIC: guestuplink.c).
 */
#include <errno.h>
#include <string.h>

#include "cp/cp_priv.h"

const char *cp_device_kind(const struct cp_device *d)
{
	static const char *const name[] = {"TAP", "DPDK", "NIC", "NIC"};

	return name[d->kind];
}

static const char *handle_state(const struct cp *cp, const struct cp_device *d)
{
	if (d->kind == CP_UPLINK_GUEST)
		return vs_port_running(d->port) ? "Ready" : "No guest is ready there";
	return cp->hooks.uplink_state ? cp->hooks.uplink_state(cp->hooks.ctx, d->handle) : "Ready";
}

bool cp_device_ready(const struct cp *cp, const struct cp_device *d)
{
	return d->handle && strcmp(handle_state(cp, d), "Ready") == 0;
}

const char *cp_device_state(const struct cp *cp, const struct cp_device *d)
{
	if (!d->handle)
		return d->error[0] ? d->error : "Defined";
	return handle_state(cp, d);
}

int cp_device_open(struct cp *cp, struct cp_lan *lan, struct cp_device *d, enum vs_port_role role)
{
	struct vs_port_config cfg = {.role = role, .type = VS_TYPE_TRUNK, .mac_protect = 0};
	struct vs_link link;

	d->error[0] = '\0';
	d->retry_s = cp->now_s;
	if (d->kind == CP_UPLINK_GUEST)
		return cp_guestuplink_open(cp, lan, d, role);
	/* Of a DPDK device: its name, not its arguments. */
	snprintf(cfg.name, sizeof(cfg.name), "%.*s", (int)strcspn(d->ifname, ","), d->ifname);
	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	if (!cp->hooks.open_uplink) {
		snprintf(d->error, sizeof(d->error), "uplinks are not available here");
		return -1;
	}
	d->port = vs_port_create(lan->sw, &cfg);
	if (!d->port) {
		snprintf(d->error, sizeof(d->error), "%s", strerror(errno));
		return -1;
	}
	cp_worker_place(cp, d->port, lan->uplink.worker);
	link = vs_port_link(d->port);
	d->handle = cp->hooks.open_uplink(cp->hooks.ctx, cp_device_kind(d), d->ifname, &link,
					  d->error, sizeof(d->error));
	if (d->handle)
		return 0;
	if (!d->error[0])
		snprintf(d->error, sizeof(d->error), "%s", strerror(errno));
	vs_port_destroy(d->port);
	d->port = NULL;
	return -1;
}

/* Its definition stays. */
void cp_device_close(struct cp *cp, struct cp_lan *lan, struct cp_device *d)
{
	if (d->port)
		cp_forget(cp, lan->sw, d->port);
	if (d->kind == CP_UPLINK_GUEST)
		cp_guestuplink_close(d);
	else if (d->handle && cp->hooks.close_uplink)
		cp->hooks.close_uplink(cp->hooks.ctx, d->handle);
	d->handle = NULL;
	vs_port_destroy(d->port);
	d->port = NULL;
	d->error[0] = '\0';
}

/* Who has the device. Return: a title in buf, or NULL: nobody but the one excepted. */
const char *cp_device_user(const struct cp *cp, const char *ifname, const void *but, char *buf,
			   size_t len)
{
	for (const struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		for (unsigned i = 0; lan != but && i < lan->uplink.n_dev; i++)
			if (strcmp(lan->uplink.dev[i].ifname, ifname) == 0) {
				snprintf(buf, len, "VSWITCH SYSTEM %s", lan->name);
				return buf;
			}
	for (const struct cp_group *g = cp->groups; g; g = g->hh.next)
		for (unsigned i = 0; g != but && i < CP_GROUP_LINKS; i++)
			if (strcmp(g->member[i].ifname, ifname) == 0) {
				snprintf(buf, len, "PORT GROUP %s", g->name);
				return buf;
			}
	return NULL;
}
