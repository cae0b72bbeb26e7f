/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink of a virtual switch. What is wanted is kept here: up to three devices in order of
 * preference, a port group, or both. Opening a device is the owner's business (hooks.open_uplink);
 * one of the configuration that is not there yet is tried again.
 *
 * One device and no group: the device's port is the uplink. Otherwise the uplink is a vs_lag, the
 * devices and the links of the group its members, and what may be used is decided here (decide):
 * the group as long as it has enough links; else the device that is in use, as long as it is ready;
 * else the first one that is. So there is no return to a device that failed (spec/zvm-networking.md
 * 3.8), but to a group there is. Whenever the uplink moves, the outside is told where the guests
 * are now.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cp/cp_priv.h"
#include "vswitch/lag.h"

#define DEVICE_INDEX CP_GROUP_LINKS /* of the first device among the members of the vs_lag */
#define DRAIN_MS 5u /* until a partner has read what had arrived by a link that is lost */

static_assert(CP_GROUP_LINKS + CP_UPLINK_DEVICES <= VS_LAG_MEMBERS, "members");

const char *cp_device_kind(const struct cp_device *d)
{
	static const char *const name[] = {"TAP", "DPDK", "NIC", "NIC"};

	return name[d->kind];
}

/* ---- devices ---------------------------------------------------------------------- */

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

/* ---- which one ---------------------------------------------------------------------- */

static int first_ready(const struct cp *cp, const struct cp_uplink *u, int but)
{
	for (int i = 0; i < (int)u->n_dev; i++)
		if (i != but && cp_device_ready(cp, &u->dev[i]))
			return i;
	return CP_ACTIVE_NONE;
}

static int choose(const struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;

	if (u->group && cp_group_usable(u->group))
		return CP_ACTIVE_GROUP;
	if (u->active >= 0 && cp_device_ready(cp, &u->dev[u->active]))
		return u->active;
	return first_ready(cp, u, CP_ACTIVE_NONE);
}

static void log_active(struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;

	if (u->active == CP_ACTIVE_NONE)
		cp_log(cp,
		       "ZLN2832W VSWITCH SYSTEM %s status is not operational: no device of its "
		       "uplink is usable",
		       lan->name);
	else if (u->active == CP_ACTIVE_GROUP)
		cp_log(cp, "ZLN2830I VSWITCH SYSTEM %s status is ready, GROUP %s", lan->name,
		       u->group->name);
	else
		cp_log(cp, "ZLN2830I VSWITCH SYSTEM %s status is ready, %s %s", lan->name,
		       cp_device_kind(&u->dev[u->active]), u->dev[u->active].ifname);
}

/* A device no longer used: what goes by others waits until what had arrived there has been read. */
static void drain(struct cp *cp, struct cp_uplink *u, unsigned member)
{
	if (!cp->hooks.now_ms) {
		vs_lag_flushed(u->lag, member);
		return;
	}
	u->draining |= 1u << member;
	u->drained_at = cp->hooks.now_ms(cp->hooks.ctx) + DRAIN_MS;
	if (cp->hooks.call_at)
		cp->hooks.call_at(cp->hooks.ctx, u->drained_at);
}

uint64_t cp_uplink_run(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	if (!u->draining)
		return UINT64_MAX;
	if (cp->hooks.now_ms(cp->hooks.ctx) < u->drained_at)
		return u->drained_at;
	for (; u->draining; u->draining &= u->draining - 1)
		vs_lag_flushed(u->lag, (unsigned)__builtin_ctz(u->draining));
	return UINT64_MAX;
}

/* What is to be used is made known to the workers; first what comes, then what goes. */
static void use(struct cp *cp, struct cp_lan *lan, int active)
{
	struct cp_uplink *u = &lan->uplink;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; u->group && i < CP_GROUP_LINKS; i++) {
			bool on = active == CP_ACTIVE_GROUP;
			bool c = on && u->group->collect[i], d = on && u->group->distribute[i];

			if (pass == (d ? 0u : 1u) && vs_lag_use(u->lag, i, c, d))
				drain(cp, u, i);
		}
		for (unsigned i = 0; i < u->n_dev; i++) {
			unsigned k = DEVICE_INDEX + i;
			bool on = (int)i == active;

			if (pass == (on ? 0u : 1u) && vs_lag_use(u->lag, k, on, on))
				drain(cp, u, k);
		}
	}
}

static void move_to(struct cp *cp, struct cp_lan *lan, int active)
{
	struct cp_uplink *u = &lan->uplink;
	bool moved = active != u->active;

	u->active = active;
	use(cp, lan, active);
	if (!moved)
		return;
	if (active != CP_ACTIVE_NONE) {
		u->announced = vs_switch_announce(lan->sw);
		cp_gvrp_moved(cp, lan);
	}
	log_active(cp, lan);
}

/* After anything that may have changed what is usable. */
void cp_uplink_decide(struct cp *cp, struct cp_lan *lan)
{
	if (lan->uplink.lag)
		move_to(cp, lan, choose(cp, lan));
}

int cp_uplink_switchover(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	int to = CP_ACTIVE_NONE;

	if (!u->lag || u->active == CP_ACTIVE_GROUP)
		return -ENODEV;
	/* The next in the list, round and round. */
	for (int k = 1; k < (int)u->n_dev && to == CP_ACTIVE_NONE; k++) {
		int i = (u->active + k) % (int)u->n_dev;

		if (u->active >= 0 && cp_device_ready(cp, &u->dev[i]))
			to = i;
	}
	if (to == CP_ACTIVE_NONE)
		return -ENODEV;
	move_to(cp, lan, to);
	cp_due(cp);
	return 0;
}

/* ---- opening and closing ---------------------------------------------------------------- */

static bool is_plain(const struct cp_uplink *u)
{
	return u->n_dev == 1 && !u->group;
}

static int open_plain(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	if (u->dev[0].handle)
		return 0;
	if (cp_device_open(cp, lan, &u->dev[0], VS_ROLE_UPLINK) < 0)
		return -1;
	if (!u->dev[0].handle) /* a NIC that is waited for */
		return 0;
	u->port = u->dev[0].port;
	u->active = 0;
	cp_rate_uplink(cp, lan);
	cp_log(cp, "ZLN2830I VSWITCH SYSTEM %s status is ready, %s %s", lan->name,
	       cp_device_kind(&u->dev[0]), u->dev[0].ifname);
	return 0;
}

static int open_lag(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	struct vs_port_config cfg = {.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK};
	uint64_t seed = 0;

	if (u->lag)
		return 0;
	snprintf(cfg.name, sizeof(cfg.name), "%s uplink", lan->name);
	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	/* Seeded: which conversations share a link is nobody's to choose. Best effort. */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	u->active = CP_ACTIVE_NONE;
	u->port = vs_port_create(lan->sw, &cfg);
	/* It has no device, but queues may stand before it. */
	if (u->port)
		cp_worker_place(cp, u->port, u->worker);
	u->lag = u->port ? vs_lag_create(u->port, seed) : NULL;
	if (u->lag) {
		cp_rate_uplink(cp, lan);
		return 0;
	}
	snprintf(u->error, sizeof(u->error), "%s", strerror(errno));
	vs_port_destroy(u->port);
	u->port = NULL;
	return -1;
}

static int open_member(struct cp *cp, struct cp_lan *lan, unsigned i)
{
	struct cp_uplink *u = &lan->uplink;

	if (u->dev[i].handle)
		return 0;
	if (cp_device_open(cp, lan, &u->dev[i], VS_ROLE_MEMBER) < 0)
		return -1;
	if (!u->dev[i].handle)
		return 0;
	vs_lag_join(u->lag, DEVICE_INDEX + i, u->dev[i].port);
	return 0;
}

static int open_all(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	int rc = 0;

	if (open_lag(cp, lan) < 0)
		return -1;
	for (unsigned i = 0; i < u->n_dev; i++)
		rc |= open_member(cp, lan, i);
	if (u->group)
		rc |= cp_group_attach(cp, u->group, lan);
	cp_uplink_decide(cp, lan);
	return rc;
}

/*
 * Open what lan->uplink defines and is not open. Return: 0, or -1 if not all could be opened; then
 * cp_uplink_error says why.
 */
int cp_uplink_open(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	int rc;

	u->error[0] = '\0';
	if ((!u->n_dev && !u->group) || !u->connect || cp->check)
		return 0;
	rc = is_plain(u) ? open_plain(cp, lan) : open_all(cp, lan);
	/* A mirror of the uplink ended with the port it had before. */
	if (u->port && lan->mirror.on)
		cp_mirror_apply(lan);
	return rc;
}

/* Close it; its definition stays. */
void cp_uplink_close(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	cp_gvrp_stop(lan);
	if (u->group)
		cp_group_detach(cp, u->group);
	for (unsigned i = 0; i < u->n_dev; i++) {
		if (u->lag)
			vs_lag_leave(u->lag, DEVICE_INDEX + i);
		cp_device_close(cp, lan, &u->dev[i]);
	}
	if (u->lag) {
		cp_forget(cp, lan->sw, u->port);
		vs_lag_destroy(u->lag);
		vs_port_destroy(u->port);
	}
	u->lag = NULL;
	u->port = NULL;
	u->active = CP_ACTIVE_NONE;
	u->draining = 0;
	u->error[0] = '\0';
}

/* A device of it goes: the others stay. */
void cp_uplink_lost(struct cp *cp, struct cp_lan *lan, const void *handle)
{
	struct cp_uplink *u = &lan->uplink;

	for (unsigned i = 0; i < u->n_dev; i++) {
		if (u->dev[i].handle != handle)
			continue;
		if (!u->lag) {
			cp_uplink_close(cp, lan);
			return;
		}
		vs_lag_leave(u->lag, DEVICE_INDEX + i);
		cp_device_close(cp, lan, &u->dev[i]);
	}
	cp_uplink_decide(cp, lan);
}

/* Try again what could not be opened. */
void cp_uplink_tick(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;

	/* Nobody tells when a guest is ready. */
	for (unsigned i = 0; i < u->n_dev; i++)
		if (u->dev[i].kind == CP_UPLINK_GUEST)
			cp_uplink_decide(cp, lan);
	if (!u->connect || cp->now_s - u->retry_s < CP_RETRY_S)
		return;
	u->retry_s = cp->now_s;
	for (unsigned i = 0; i < u->n_dev; i++)
		if (!u->dev[i].handle) {
			cp_uplink_open(cp, lan);
			break;
		}
	if (u->group)
		cp_group_retry(cp, u->group);
}

/* ---- what to say about it ----------------------------------------------------------------- */

const char *cp_uplink_error(const struct cp_uplink *u, const char **device)
{
	*device = u->n_dev ? u->dev[0].ifname : u->group ? u->group->name : "";
	if (u->error[0])
		return u->error;
	for (unsigned i = 0; i < u->n_dev; i++)
		if (!u->dev[i].handle && u->dev[i].error[0]) {
			*device = u->dev[i].ifname;
			return u->dev[i].error;
		}
	for (unsigned i = 0; u->group && i < CP_GROUP_LINKS; i++)
		if (!u->group->member[i].handle && u->group->member[i].error[0]) {
			*device = u->group->member[i].ifname;
			return u->group->member[i].error;
		}
	return "";
}

const char *cp_uplink_state(const struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;

	if (!u->n_dev && !u->group)
		return u->forbidden ? "No uplink allowed" : "Not defined";
	if (!u->connect)
		return "Disconnected";
	if (is_plain(u))
		return cp_device_state(cp, &u->dev[0]);
	if (!u->lag)
		return u->error[0] ? u->error : "Defined";
	return u->active == CP_ACTIVE_NONE ? "Not operational" : "Ready";
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

/* A device's state has changed; hooks.uplink_state knows it. */
void cp_uplink_changed(struct cp *cp, const void *handle)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		for (unsigned i = 0; i < lan->uplink.n_dev; i++)
			if (lan->uplink.dev[i].handle == handle)
				cp_uplink_decide(cp, lan);
	for (struct cp_group *g = cp->groups; g; g = g->hh.next)
		for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
			if (g->member[i].handle && g->member[i].handle == handle)
				cp_group_link(cp, g, i);
	cp_bridges_decide(cp);
	cp_due(cp);
}
