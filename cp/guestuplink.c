/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's NIC as an uplink (UPLINK NIC userid vdev): a router or firewall between the switch and
 * whatever is behind that guest. The NIC is plugged into the uplink's port in place of a
 * guest's; it need not exist when the uplink is defined, and is waited for.
 * Source: spec/zvm-networking.md 2.2.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

/* The NIC that the device names, or NULL. */
struct cp_nic *cp_guestuplink_nic(struct cp *cp, const struct cp_device *d)
{
	const char *slash = strchr(d->ifname, '/');
	char user[CP_NAME_BYTES];

	if (!slash)
		return NULL;
	snprintf(user, sizeof(user), "%.*s", (int)(slash - d->ifname), d->ifname);
	return cp_nic_find(cp, user, (uint16_t)strtoul(slash + 1, NULL, 16));
}

static void wait_for(struct cp_device *d, const char *why)
{
	snprintf(d->error, sizeof(d->error), "Waits for the NIC%s", why);
}

/* Return: 0, also if there is nothing to be opened yet: d->error says why; -1. */
int cp_guestuplink_open(struct cp *cp, struct cp_lan *lan, struct cp_device *d,
			enum vs_port_role role)
{
	struct vs_port_config cfg = {.role = role, .type = VS_TYPE_TRUNK};
	struct cp_nic *nic = cp_guestuplink_nic(cp, d);

	if (!nic || nic->port || nic->type == CP_NIC_HIPERS || nic->type == CP_NIC_CTCA) {
		wait_for(d, !nic	? ", which does not exist"
			    : nic->port ? ", which is coupled"
					: " to be of another type");
		return 0;
	}
	snprintf(cfg.name, sizeof(cfg.name), "%s", nic->name);
	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	d->port = vs_port_create(lan->sw, &cfg);
	if (!d->port) {
		snprintf(d->error, sizeof(d->error), "%s", strerror(errno));
		return -1;
	}
	cp_worker_place(cp, d->port, nic->worker ? nic->worker : lan->uplink.worker);
	d->handle = nic;
	nic->port = d->port;
	nic->uplink_of = lan;
	cp_wait(nic);
	cp_nic_plug(nic, true);
	return 0;
}

/* The port goes when this returns. */
void cp_guestuplink_close(struct cp_device *d)
{
	struct cp_nic *nic = d->handle;

	if (!nic)
		return;
	cp_nic_plug(nic, false);
	nic->port = NULL;
	nic->uplink_of = NULL;
	cp_wait(nic);
}

/* The NIC is about to go: what it was the uplink of waits for the next of its name. */
void cp_guestuplink_gone(struct cp_nic *nic)
{
	struct cp_lan *lan = nic->uplink_of;

	if (!lan)
		return;
	cp_log(nic->cp, "ZLN2832W VSWITCH SYSTEM %s: NIC %s of its uplink has gone", lan->name,
	       nic->name);
	cp_uplink_lost(nic->cp, lan, nic);
	for (unsigned i = 0; i < lan->uplink.n_dev; i++)
		if (strcmp(lan->uplink.dev[i].ifname, nic->name) == 0)
			wait_for(&lan->uplink.dev[i], ", which does not exist");
}

/* The NIC is new or free: an uplink that waits for it has it before any network. */
void cp_guestuplink_came(struct cp_nic *nic)
{
	if (nic->port || nic->cp->check)
		return;
	for (struct cp_lan *lan = nic->cp->lans; lan; lan = lan->hh.next)
		for (unsigned i = 0; i < lan->uplink.n_dev; i++)
			if (lan->uplink.dev[i].kind == CP_UPLINK_GUEST &&
			    cp_guestuplink_nic(nic->cp, &lan->uplink.dev[i]) == nic)
				cp_uplink_open(nic->cp, lan);
}
