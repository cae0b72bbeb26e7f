/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host interfaces behind uplinks. Theory of operation:
 *
 * From cp_hostuplink_open to cp_hostuplink_close there is a TAP behind an uplink whenever the host
 * lets us. A netlink watch tells of carrier and of interfaces that vanish; a vanished one
 * is stopped on the switch, closed, and opened again by the tick as soon as that succeeds. An
 * interface that was only moved to another network namespace is reported as gone too, but its
 * TAP lives on and is kept.
 *
 * All of it runs on the control thread.
 */
#include "cp/hostuplink.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "host/host.h"

struct uplink {
	struct uplink *prev, *next;
	char ifname[IFNAMSIZ];
	struct vs_link link;
	struct host_tap *tap; /* NULL: it has vanished */
	bool carrier;
	bool has_mac;
	uint8_t mac[6]; /* of the interface when it was seen last */
	char why[96];	/* of tap == NULL */
};

struct cp_hostuplinks {
	const struct cp_log *log;
	struct host_netlink *nl;
	struct event *watch;
	struct uplink *list;
};

/* What to do about a TAP that does not open. */
static const char *hint(int err)
{
	switch (err) {
	case EBUSY:
		return "another process has it";
	case EPERM:
	case EACCES:
		return "zland needs CAP_NET_ADMIN";
	case ENODEV:
	case ENOENT:
		return "no /dev/net/tun: load the kernel module tun";
	case EEXIST:
		return "an interface of this name exists and is not a TAP";
	case ENAMETOOLONG:
		return "interface names have at most 15 characters";
	default:
		return strerror(err);
	}
}

/* What the interface is. One that is made again gets its old address: guests remember it. */
static void take_over(struct cp_hostuplinks *us, struct uplink *u)
{
	struct host_ifinfo info;
	bool known = host_netlink_get(us->nl, u->ifname, &info) == 0;

	u->carrier = !known || info.running;
	host_tap_set_carrier(u->tap, u->carrier);
	if (!known)
		return;
	if (u->has_mac)
		(void)host_netlink_mac(us->nl, u->ifname, u->mac);
	else
		memcpy(u->mac, info.mac, sizeof(u->mac));
	u->has_mac = true;
}

/* Open the TAP and start it on the switch. Return: 0 or -errno, and why. */
static int uplink_start(struct cp_hostuplinks *us, struct uplink *u)
{
	int rc;

	u->tap = host_tap_open(u->ifname, 0);
	if (!u->tap) {
		rc = -errno;
		snprintf(u->why, sizeof(u->why), "%s", hint(-rc));
		return rc;
	}
	take_over(us, u);
	rc = u->link.ops->start(u->link.ctx, host_tap_ops(), u->tap);
	if (rc) {
		snprintf(u->why, sizeof(u->why), "the switch refuses it: %s", strerror(-rc));
		host_tap_close(u->tap);
		u->tap = NULL;
	}
	return rc;
}

static void uplink_stop(struct uplink *u)
{
	if (!u->tap)
		return;
	u->link.ops->stop(u->link.ctx);
	host_tap_close(u->tap);
	u->tap = NULL;
}

static void uplink_gone(struct cp_hostuplinks *us, struct uplink *u)
{
	if (host_tap_alive(u->tap)) {
		/* Moved out of sight: its carrier is not ours to see any more. */
		u->carrier = true;
		host_tap_set_carrier(u->tap, true);
		cp_log_printf(us->log, "ZLN2660I TAP %s is in another network namespace now",
			      u->ifname);
		return;
	}
	uplink_stop(u);
	snprintf(u->why, sizeof(u->why), "the interface is gone");
	cp_log_printf(us->log, "ZLN2832W Connection TAP %s is not active: %s", u->ifname, u->why);
}

static void uplink_carrier(struct cp_hostuplinks *us, struct uplink *u, bool carrier)
{
	if (u->carrier == carrier)
		return;
	u->carrier = carrier;
	host_tap_set_carrier(u->tap, carrier);
	if (carrier)
		cp_log_printf(us->log, "ZLN2830I Connection TAP %s is ready", u->ifname);
	else
		cp_log_printf(us->log, "ZLN2832W Connection TAP %s is not active: no carrier",
			      u->ifname);
}

static void uplink_changed(struct cp_hostuplinks *us, struct uplink *u,
			   const struct host_ifinfo *info)
{
	memcpy(u->mac, info->mac, sizeof(u->mac));
	uplink_carrier(us, u, info->running);
}

static void link_changed(void *ctx, const char *ifname, const struct host_ifinfo *info, bool gone)
{
	struct cp_hostuplinks *us = ctx;
	struct host_ifinfo now;
	struct uplink *u;

	DL_FOREACH(us->list, u) {
		if (!u->tap || strcmp(u->ifname, ifname) != 0)
			continue;
		if (gone)
			uplink_gone(us, u);
		/* The message may be old, of the time when the interface was being set up. */
		else
			uplink_changed(us, u, host_netlink_get(us->nl, ifname, &now) ? info : &now);
	}
}

static void watch_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_hostuplinks *us = ctx;

	(void)fd;
	(void)what;
	/* Lost messages are made good by the next one about the same interface. */
	(void)host_netlink_dispatch(us->nl);
}

struct cp_hostuplinks *cp_hostuplinks_create(struct event_base *base, const struct cp_log *log)
{
	struct cp_hostuplinks *us = calloc(1, sizeof(*us));
	int rc;

	if (!us)
		return NULL;
	us->log = log;
	us->nl = host_netlink_open();
	if (!us->nl)
		goto fail;
	rc = host_netlink_watch(us->nl, link_changed, us);
	if (rc) {
		errno = -rc;
		goto fail;
	}
	us->watch = event_new(base, host_netlink_watch_fd(us->nl), EV_READ | EV_PERSIST,
			      watch_readable, us);
	if (us->watch && event_add(us->watch, NULL) == 0)
		return us;
	errno = ENOMEM;
fail:
	rc = errno;
	cp_hostuplinks_destroy(us);
	errno = rc;
	return NULL;
}

void cp_hostuplinks_destroy(struct cp_hostuplinks *us)
{
	if (!us)
		return;
	if (us->watch)
		event_free(us->watch);
	if (us->nl)
		host_netlink_close(us->nl);
	free(us);
}

static int check_arguments(const char *kind, const char *arg, char *err, size_t err_len)
{
	if (strcasecmp(kind, "TAP") != 0) {
		snprintf(err, err_len, "this zland has no uplinks of kind %s", kind);
		return -EINVAL;
	}
	if (strlen(arg) >= IFNAMSIZ) {
		snprintf(err, err_len, "%s", hint(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	return 0;
}

void *cp_hostuplink_open(struct cp_hostuplinks *us, const char *kind, const char *arg,
			 const struct vs_link *link, char *err, size_t err_len)
{
	int rc = check_arguments(kind, arg, err, err_len);
	struct uplink *u;

	if (rc) {
		errno = -rc;
		return NULL;
	}
	u = calloc(1, sizeof(*u));
	if (!u) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	snprintf(u->ifname, sizeof(u->ifname), "%s", arg);
	u->link = *link;
	rc = uplink_start(us, u);
	if (rc) {
		snprintf(err, err_len, "%s", u->why);
		free(u);
		errno = -rc;
		return NULL;
	}
	DL_APPEND(us->list, u);
	return u;
}

void cp_hostuplink_close(struct cp_hostuplinks *us, void *uplink)
{
	struct uplink *u = uplink;

	DL_DELETE(us->list, u);
	uplink_stop(u);
	free(u);
}

const char *cp_hostuplink_state(const void *uplink)
{
	const struct uplink *u = uplink;

	if (!u->tap)
		return u->why;
	return u->carrier ? "Ready" : "No carrier";
}

void cp_hostuplinks_tick(struct cp_hostuplinks *us)
{
	struct uplink *u;

	DL_FOREACH(us->list, u) {
		if (!u->tap && uplink_start(us, u) == 0)
			cp_log_printf(us->log, "ZLN2830I Connection TAP %s is ready", u->ifname);
	}
}
