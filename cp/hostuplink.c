/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host interfaces behind uplinks. Theory of operation:
 *
 * From cp_hostuplink_open to cp_hostuplink_close there is a TAP, NIC or DPDK device behind an
 * uplink whenever the host lets us. A netlink watch tells of carrier and of interfaces that vanish;
 * a vanished one is stopped on the switch, closed, and opened again by the tick as soon as that
 * succeeds. An interface that was only moved to another network namespace is reported as gone too,
 * but its TAP lives on and is kept.
 *
 * A DPDK device over an interface of the kernel (af_packet, af_xdp, tap) is watched in the same
 * way, because its driver does not; any other is asked for its state by the tick.
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

#include "cp/dpdk.h"
#include "host/dpdk.h"
#include "host/host.h"

struct uplink {
	struct uplink *prev, *next;
	const char *kind;      /* "TAP", "DPDK", "NIC" */
	char arg[256];	       /* of DPDK */
	char ifname[IFNAMSIZ]; /* of the kernel; "" none */
	int ifindex;	       /* of that interface; 0: not known */
	bool makes_interface;  /* its driver: net_tap */
	struct vs_link link;
	struct host_tap *tap; /* all NULL: it has vanished */
	struct host_packet *packet;
	struct host_dpdk_port *dpdk;
	const struct host_dpdk *api; /* of dpdk */
	struct event *event;	     /* the same: it is to be looked at */
	struct cp_hostuplinks *us;
	bool carrier;
	bool has_mac;
	uint8_t mac[6]; /* of the interface when it was seen last */
	char why[160];	/* it is not open */
};

struct cp_hostuplinks {
	struct event_base *base;
	const struct cp_log *log;
	struct cp_dpdk *dpdk;
	struct host_netlink *nl;
	struct event *watch;
	struct uplink *list;
	cp_hostuplink_fn *changed;
	void *changed_ctx;
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

/* An interface that is made again gets its old address: guests remember it. */
static void keep_address(struct cp_hostuplinks *us, struct uplink *u,
			 const struct host_ifinfo *info)
{
	if (u->has_mac)
		(void)host_netlink_mac(us->nl, u->ifname, u->mac);
	else
		memcpy(u->mac, info->mac, sizeof(u->mac));
	u->has_mac = true;
}

/* What the interface is. */
static void take_over(struct cp_hostuplinks *us, struct uplink *u)
{
	struct host_ifinfo info;
	bool known = host_netlink_get(us->nl, u->ifname, &info) == 0;

	u->ifindex = known ? info.ifindex : 0;
	u->carrier = !known || info.running;
	host_tap_set_carrier(u->tap, u->carrier);
	if (known)
		keep_address(us, u, &info);
}

static bool is_open(const struct uplink *u)
{
	return u->tap || u->packet || u->dpdk;
}

/* What the log calls it. */
static const char *name_of(const struct uplink *u)
{
	return u->arg[0] ? u->arg : u->ifname;
}

static void device_close(struct uplink *u)
{
	if (u->tap)
		host_tap_close(u->tap);
	if (u->event)
		event_free(u->event);
	if (u->dpdk)
		u->api->port_close(u->dpdk);
	u->event = NULL;
	host_packet_close(u->packet);
	u->tap = NULL;
	u->packet = NULL;
	u->dpdk = NULL;
	u->ifindex = 0;
}

static void tell(struct cp_hostuplinks *us, const struct uplink *u)
{
	if (us->changed)
		us->changed(us->changed_ctx, u);
}

void cp_hostuplinks_set_changed(struct cp_hostuplinks *us, cp_hostuplink_fn *fn, void *ctx)
{
	us->changed = fn;
	us->changed_ctx = ctx;
}

static int tap_open(struct cp_hostuplinks *us, struct uplink *u)
{
	int rc;

	u->tap = host_tap_open(u->ifname, 0);
	if (!u->tap) {
		rc = -errno;
		snprintf(u->why, sizeof(u->why), "%s", hint(-rc));
		return rc;
	}
	take_over(us, u);
	return 0;
}

static int packet_open(struct cp_hostuplinks *us, struct uplink *u)
{
	struct host_ifinfo info;

	u->packet = host_packet_open(u->ifname);
	if (!u->packet) {
		int rc = -errno;

		snprintf(u->why, sizeof(u->why), "%s",
			 rc == -ENODEV			 ? "there is no such interface"
			 : rc == -EPFNOSUPPORT		 ? "it is no Ethernet interface"
			 : rc == -EPERM || rc == -EACCES ? "zland needs CAP_NET_RAW"
							 : strerror(-rc));
		return rc;
	}
	(void)host_netlink_up(us->nl, u->ifname, true);
	if (host_netlink_get(us->nl, u->ifname, &info))
		memset(&info, 0, sizeof(info));
	u->ifindex = info.ifindex;
	u->carrier = info.running;
	host_packet_set_carrier(u->packet, u->carrier);
	host_packet_set_mtu(u->packet, info.mtu);
	return 0;
}

/* The driver's complaint would be a line of the log every second. */
static bool interface_missing(struct cp_hostuplinks *us, struct uplink *u)
{
	struct host_ifinfo info;

	if (!u->ifname[0] || u->makes_interface ||
	    host_netlink_get(us->nl, u->ifname, &info) != -ENODEV)
		return false;
	snprintf(u->why, sizeof(u->why), "there is no interface %s", u->ifname);
	return true;
}

static void tick(struct cp_hostuplinks *us, struct uplink *u);

static void dpdk_event(evutil_socket_t fd, short what, void *ctx)
{
	struct uplink *u = ctx;

	(void)fd;
	(void)what;
	tick(u->us, u);
}

static int dpdk_open(struct cp_hostuplinks *us, struct uplink *u)
{
	char err[sizeof(u->why)] = "";
	struct host_ifinfo info;

	if (interface_missing(us, u))
		return -ENODEV;
	u->api = cp_dpdk_get(us->dpdk, u->arg, err, sizeof(err));
	u->dpdk = u->api ? u->api->port_open(u->arg, err, sizeof(err)) : NULL;
	if (u->api && u->dpdk) {
		if (u->makes_interface && host_netlink_get(us->nl, u->ifname, &info) == 0)
			keep_address(us, u, &info);
		u->carrier = u->api->port_state(u->dpdk) == HOST_DPDK_READY;
		u->us = us;
		u->event = event_new(us->base, u->api->port_event_fd(u->dpdk), EV_READ | EV_PERSIST,
				     dpdk_event, u);
		if (u->event)
			event_add(u->event, NULL);
		return 0;
	}
	snprintf(u->why, sizeof(u->why), "%s", err[0] ? err : strerror(errno));
	return errno ? -errno : -EIO;
}

/* Open the device and start it on the switch. Return: 0 or -errno, and why. */
static int uplink_start(struct cp_hostuplinks *us, struct uplink *u)
{
	const struct vs_port_ops *ops;
	void *port;
	int rc = u->arg[0]		       ? dpdk_open(us, u)
		 : strcmp(u->kind, "NIC") == 0 ? packet_open(us, u)
					       : tap_open(us, u);

	if (rc)
		return rc;
	ops = u->tap ? host_tap_ops() : u->packet ? host_packet_ops() : u->api->port_ops;
	port = u->tap ? (void *)u->tap : u->packet ? (void *)u->packet : (void *)u->dpdk;
	rc = u->link.ops->start(u->link.ctx, ops, port);
	if (rc) {
		snprintf(u->why, sizeof(u->why), "the switch refuses it: %s", strerror(-rc));
		device_close(u);
	}
	return rc;
}

static void uplink_stop(struct uplink *u)
{
	if (!is_open(u))
		return;
	u->link.ops->stop(u->link.ctx);
	device_close(u);
}

static void uplink_gone(struct cp_hostuplinks *us, struct uplink *u)
{
	if (u->tap && host_tap_alive(u->tap)) {
		/* Moved out of sight: its carrier is not ours to see any more. */
		u->carrier = true;
		host_tap_set_carrier(u->tap, true);
		cp_log_printf(us->log, "ZLN2660I TAP %s is in another network namespace now",
			      u->ifname);
		return;
	}
	uplink_stop(u);
	snprintf(u->why, sizeof(u->why),
		 u->ifname[0] ? "the interface is gone" : "the device is gone");
	cp_log_printf(us->log, "ZLN2832W Connection %s %s is not active: %s", u->kind, name_of(u),
		      u->why);
	tell(us, u);
}

static void uplink_carrier(struct cp_hostuplinks *us, struct uplink *u, bool carrier)
{
	if (u->carrier == carrier)
		return;
	u->carrier = carrier;
	if (u->tap)
		host_tap_set_carrier(u->tap, carrier);
	if (u->packet)
		host_packet_set_carrier(u->packet, carrier);
	/* First the traffic, then the log. */
	tell(us, u);
	if (carrier)
		cp_log_printf(us->log, "ZLN2830I Connection %s %s is ready", u->kind, name_of(u));
	else
		cp_log_printf(us->log, "ZLN2832W Connection %s %s is not active: no carrier",
			      u->kind, name_of(u));
}

static void uplink_changed(struct cp_hostuplinks *us, struct uplink *u,
			   const struct host_ifinfo *info)
{
	u->ifindex = info->ifindex;
	memcpy(u->mac, info->mac, sizeof(u->mac));
	if (u->tap && info->mtu)
		host_tap_set_mtu(u->tap, info->mtu);
	if (u->packet)
		host_packet_set_mtu(u->packet, info->mtu);
	uplink_carrier(us, u, info->running);
}

static void link_changed(void *ctx, const char *ifname, const struct host_ifinfo *info, bool gone)
{
	struct cp_hostuplinks *us = ctx;
	struct host_ifinfo now;
	struct uplink *u;

	DL_FOREACH(us->list, u) {
		if (!is_open(u) || strcmp(u->ifname, ifname) != 0)
			continue;
		/* One of the same name before it: zland itself closed that TAP and opened this. */
		if (gone && u->ifindex && info->ifindex != u->ifindex)
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

struct cp_hostuplinks *cp_hostuplinks_create(struct event_base *base, const struct cp_log *log,
					     struct cp_dpdk *dpdk)
{
	struct cp_hostuplinks *us = calloc(1, sizeof(*us));
	int rc;

	if (!us)
		return NULL;
	us->base = base;
	us->log = log;
	us->dpdk = dpdk;
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

/* The interface of the kernel below a DPDK device, if there is one. */
static void kernel_interface(struct uplink *u)
{
	const char *at = strstr(u->arg, ",iface=");

	u->makes_interface = strncmp(u->arg, "net_tap", strlen("net_tap")) == 0;
	if (!at || (strncmp(u->arg, "net_af_", strlen("net_af_")) != 0 && !u->makes_interface))
		return;
	at += strlen(",iface=");
	snprintf(u->ifname, sizeof(u->ifname), "%.*s", (int)strcspn(at, ","), at);
}

static int set_arguments(struct uplink *u, const char *kind, const char *arg, char *err,
			 size_t err_len)
{
	u->kind = strcasecmp(kind, "TAP") == 0	 ? "TAP"
		  : strcasecmp(kind, "NIC") == 0 ? "NIC"
						 : "DPDK";
	if (strcasecmp(kind, u->kind) != 0) {
		snprintf(err, err_len, "this zland has no uplinks of kind %s", kind);
		return -EINVAL;
	}
	if (strcmp(u->kind, "DPDK") == 0 && strlen(arg) < sizeof(u->arg)) {
		snprintf(u->arg, sizeof(u->arg), "%s", arg);
		kernel_interface(u);
		return 0;
	}
	if (strlen(arg) >= IFNAMSIZ) {
		snprintf(err, err_len, "%s", hint(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	snprintf(u->ifname, sizeof(u->ifname), "%s", arg);
	return 0;
}

void *cp_hostuplink_open(struct cp_hostuplinks *us, const char *kind, const char *arg,
			 const struct vs_link *link, char *err, size_t err_len)
{
	struct uplink *u = calloc(1, sizeof(*u));
	int rc;

	if (!u) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	u->link = *link;
	rc = set_arguments(u, kind, arg, err, err_len);
	if (!rc) {
		rc = uplink_start(us, u);
		if (rc)
			snprintf(err, err_len, "%s", u->why);
	}
	if (rc) {
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

	if (!is_open(u))
		return u->why;
	return u->carrier ? "Ready" : "No carrier";
}

static void add_statistic(void *ctx, const char *name, uint64_t value)
{
	json_object_set_new(ctx, name, json_integer((json_int_t)value));
}

json_t *cp_hostuplink_device(const void *uplink)
{
	const struct uplink *u = uplink;
	json_t *statistics = u->dpdk ? json_object() : NULL;
	struct host_dpdk_info i;

	if (!statistics)
		return NULL;
	u->api->port_info(u->dpdk, &i);
	u->api->port_statistics(u->dpdk, add_statistic, statistics);
	return json_pack("{s:s, s:i, s:b, s:s, s:s, s:i, s:i, s:b, s:b, s:o}", "driver", i.driver,
			 "mbps", (int)i.mbps, "full_duplex", i.full_duplex, "link_by",
			 i.link_interrupts ? "interrupt" : "polling", "wakes_by", i.wake,
			 "rx_queues", (int)i.rx_queues, "tx_queues", (int)i.tx_queues, "checksum",
			 !!(i.caps & VS_CAP_CSUM_NEEDED), "tso",
			 !!(i.caps & (VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6)), "statistics",
			 statistics);
}

static void tick(struct cp_hostuplinks *us, struct uplink *u)
{
	enum host_dpdk_state state;

	if (!is_open(u)) {
		if (uplink_start(us, u) == 0) {
			cp_log_printf(us->log, "ZLN2830I Connection %s %s is ready", u->kind,
				      name_of(u));
			tell(us, u);
		}
		return;
	}
	if (!u->dpdk)
		return;
	state = u->api->port_state(u->dpdk);
	if (state == HOST_DPDK_GONE)
		uplink_gone(us, u);
	else if (!u->ifname[0])
		uplink_carrier(us, u, state == HOST_DPDK_READY);
}

void cp_hostuplinks_tick(struct cp_hostuplinks *us)
{
	struct uplink *u;

	DL_FOREACH(us->list, u)
		tick(us, u);
}
