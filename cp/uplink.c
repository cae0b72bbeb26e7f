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

/* Members of the vs_lag: links of a group and of the one that takes its place, then devices. */
#define FIRST_DEVICE (2u * CP_GROUP_LINKS)
#define DRAIN_MS 5u /* until a partner has read what had arrived by a link that is lost */

static_assert(FIRST_DEVICE + 2 * CP_UPLINK_DEVICES <= VS_LAG_MEMBERS, "members");

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
			unsigned k = u->group->base + i;
			bool on = active == CP_ACTIVE_GROUP;
			bool c = on && u->group->collect[i], d = on && u->group->distribute[i];

			if (pass == (d ? 0u : 1u) && vs_lag_use(u->lag, k, c, d))
				drain(cp, u, k);
		}
		for (unsigned i = 0; i < u->n_dev; i++) {
			unsigned k = u->dev[i].member;
			bool on = (int)i == active;

			if (u->dev[i].port && pass == (on ? 0u : 1u) &&
			    vs_lag_use(u->lag, k, on, on))
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
	if (lan->uplink.lag && !lan->uplink.changing)
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

/* Which conversations share a link is nobody's to choose. Best effort. */
static uint64_t new_seed(void)
{
	uint64_t seed = 0;

	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	return seed;
}

static int open_lag(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	struct vs_port_config cfg = {.role = VS_ROLE_UPLINK, .type = VS_TYPE_TRUNK};

	if (u->lag)
		return 0;
	snprintf(cfg.name, sizeof(cfg.name), "%s uplink", lan->name);
	memset(&cfg.vids, 0xFF, sizeof(cfg.vids));
	u->active = CP_ACTIVE_NONE;
	u->port = vs_port_create(lan->sw, &cfg);
	/* It has no device, but queues may stand before it. */
	if (u->port)
		cp_worker_place(cp, u->port, u->worker);
	u->lag = u->port ? vs_lag_create(u->port, new_seed()) : NULL;
	if (u->lag) {
		cp_rate_uplink(cp, lan);
		return 0;
	}
	snprintf(u->error, sizeof(u->error), "%s", strerror(errno));
	vs_port_destroy(u->port);
	u->port = NULL;
	return -1;
}

static void be_member(struct cp_uplink *u, struct cp_device *d)
{
	d->member = FIRST_DEVICE + (unsigned)__builtin_ctz(~u->members);
	u->members |= 1u << (d->member - FIRST_DEVICE);
}

static int open_member(struct cp *cp, struct cp_lan *lan, struct cp_device *d)
{
	struct cp_uplink *u = &lan->uplink;

	if (d->handle)
		return 0;
	if (cp_device_open(cp, lan, d, VS_ROLE_MEMBER) < 0)
		return -1;
	if (!d->handle)
		return 0;
	be_member(u, d);
	vs_lag_join(u->lag, d->member, d->port);
	return 0;
}

static void close_member(struct cp *cp, struct cp_lan *lan, struct cp_device *d)
{
	struct cp_uplink *u = &lan->uplink;

	if (u->lag && d->port) {
		vs_lag_leave(u->lag, d->member);
		u->members &= ~(1u << (d->member - FIRST_DEVICE));
		u->draining &= ~(1u << d->member);
	}
	cp_device_close(cp, lan, d);
}

static int open_all(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	int rc = 0;

	if (open_lag(cp, lan) < 0)
		return -1;
	for (unsigned i = 0; i < u->n_dev; i++)
		rc |= open_member(cp, lan, &u->dev[i]);
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
	for (unsigned i = 0; i < u->n_dev; i++)
		close_member(cp, lan, &u->dev[i]);
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

/* ---- other devices, another group --------------------------------------------------------- */

/* What is the uplink's, whichever port that is. @was: the one before, or NULL: it is gone. */
static void port_changed(struct cp *cp, struct cp_lan *lan, struct vs_port *was)
{
	cp_worker_place(cp, lan->uplink.port, lan->uplink.worker);
	cp_rate_uplink(cp, lan);
	cp_gvrp_port(lan, was);
	if (lan->mirror.on)
		cp_mirror_apply(lan);
}

/*
 * The uplink is one of several for as long as it is changed, and its one device a member. A guest's
 * NIC is closed and opened again instead: its addresses are registered with its port.
 */
static int make_lag(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	struct cp_device *d = &u->dev[0];
	char name[VS_NAME_BYTES];

	if (u->lag)
		return 0;
	if (d->kind == CP_UPLINK_GUEST) {
		cp_uplink_close(cp, lan);
		return open_lag(cp, lan) < 0 ? -1 : open_member(cp, lan, d);
	}
	snprintf(name, sizeof(name), "%s uplink", lan->name);
	u->members = 0;
	be_member(u, d);
	u->lag = vs_lag_above(u->port, name, new_seed(), d->member);
	if (!u->lag) {
		snprintf(u->error, sizeof(u->error), "%s", strerror(errno));
		return -1;
	}
	u->port = vs_lag_uplink(u->lag);
	u->active = 0;
	port_changed(cp, lan, d->port);
	return 0;
}

/* One that has one device again is that device. */
static void unmake_lag(struct cp *cp, struct cp_lan *lan)
{
	struct cp_uplink *u = &lan->uplink;
	struct cp_device *d = &u->dev[0];

	if (!is_plain(u))
		return;
	if (!d->port || d->kind == CP_UPLINK_GUEST) {
		cp_uplink_close(cp, lan);
		(void)cp_uplink_open(cp, lan);
		return;
	}
	cp_forget(cp, lan->sw, u->port);
	if (vs_lag_undo(u->lag, d->member))
		return; /* no memory: it stays as it is, and works */
	u->lag = NULL;
	u->members = 0;
	u->draining = 0;
	u->port = d->port;
	u->active = 0;
	port_changed(cp, lan, NULL);
}

static int find_device(const struct cp_uplink *u, const struct cp_device *d)
{
	for (int i = 0; i < (int)u->n_dev; i++)
		if (u->dev[i].kind == d->kind && strcmp(u->dev[i].ifname, d->ifname) == 0)
			return i;
	return -1;
}

/* What is wanted, with what there is of it. */
static void merge(struct cp_uplink *u, const struct cp_uplink *was, const struct cp_uplink *want)
{
	bool device = was->active >= 0 && was->active < CP_UPLINK_DEVICES;

	u->n_dev = want->n_dev;
	u->group = want->group;
	for (unsigned i = 0; i < u->n_dev; i++) {
		int k = find_device(was, &want->dev[i]);

		u->dev[i] = k < 0 ? want->dev[i] : was->dev[k];
	}
	if (device)
		u->active = find_device(u, &was->dev[was->active]);
	else if (was->group != u->group)
		u->active = CP_ACTIVE_NONE;
}
static_assert(CP_ACTIVE_NONE == -1, "as find_device");

/* The same interface in another way, or a device of DPDK with other arguments. */
static bool shuts_out(const struct cp_device *a, const struct cp_device *b)
{
	size_t len = strcspn(a->ifname, ",");

	return len == strcspn(b->ifname, ",") && strncmp(a->ifname, b->ifname, len) == 0;
}

static void close_removed(struct cp *cp, struct cp_lan *lan, struct cp_uplink *was,
			  bool only_in_the_way)
{
	struct cp_uplink *u = &lan->uplink;

	for (unsigned k = 0; k < was->n_dev; k++) {
		bool in_the_way = false;

		for (unsigned i = 0; i < u->n_dev; i++)
			in_the_way |= shuts_out(&was->dev[k], &u->dev[i]);
		if (find_device(u, &was->dev[k]) < 0 && (in_the_way || !only_in_the_way))
			close_member(cp, lan, &was->dev[k]);
	}
}

/* Return: 0, or -1: a new one could not be opened. One that stays is only tried again. */
static int open_added(struct cp *cp, struct cp_lan *lan, const struct cp_uplink *was)
{
	struct cp_uplink *u = &lan->uplink;
	int rc = 0;

	for (unsigned i = 0; i < u->n_dev; i++)
		if (open_member(cp, lan, &u->dev[i]) < 0 && find_device(was, &u->dev[i]) < 0)
			rc = -1;
	if (u->group && u->group != was->group)
		rc |= cp_group_attach(cp, u->group, lan);
	return rc;
}

/* All is as it was; what had been in the way of a new one is opened again. */
static void restore(struct cp *cp, struct cp_lan *lan, struct cp_uplink *was)
{
	struct cp_uplink *u = &lan->uplink;

	for (unsigned i = 0; i < u->n_dev; i++)
		if (find_device(was, &u->dev[i]) < 0)
			close_member(cp, lan, &u->dev[i]);
	if (u->group && u->group != was->group)
		cp_group_detach(cp, u->group);
	u->n_dev = was->n_dev;
	memcpy(u->dev, was->dev, sizeof(u->dev));
	u->group = was->group;
	u->active = was->active;
	for (unsigned i = 0; i < u->n_dev; i++)
		(void)open_member(cp, lan, &u->dev[i]);
}

static void note_fault(const struct cp_uplink *u, struct cp_uplink_fault *f)
{
	const char *device, *why = cp_uplink_error(u, &device);

	snprintf(f->device, sizeof(f->device), "%s", device);
	snprintf(f->why, sizeof(f->why), "%s", why);
}

/*
 * Devices and a group as in @want, for an uplink that is open. What stays is not touched, and
 * frames go by it all the time; what is new is opened first, then what goes is closed.
 * @keep: what cannot be opened is tried again later. Return: 0, or -1, and why; without keep
 * nothing has changed then.
 */
int cp_uplink_change(struct cp *cp, struct cp_lan *lan, const struct cp_uplink *want, bool keep,
		     struct cp_uplink_fault *why)
{
	struct cp_uplink *u = &lan->uplink, was;
	int rc = make_lag(cp, lan);

	if (rc) {
		note_fault(u, why);
		return rc;
	}
	was = *u;
	u->changing = true;
	merge(u, &was, want);
	close_removed(cp, lan, &was, true);
	rc = open_added(cp, lan, &was);
	if (rc)
		note_fault(u, why);
	if (rc && !keep)
		restore(cp, lan, &was);
	u->changing = false;
	cp_uplink_decide(cp, lan);
	close_removed(cp, lan, &was, false);
	if (was.group && was.group != u->group) {
		cp_group_detach(cp, was.group);
		was.group->owner = NULL;
	}
	if (u->group)
		u->group->owner = lan;
	unmake_lag(cp, lan);
	cp_due(cp);
	return rc;
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
		close_member(cp, lan, &u->dev[i]);
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
