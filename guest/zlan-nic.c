/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlan-nic: a software guest. A TAP interface, in a network namespace if asked, on
 * top of a QDIO adapter of zland.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/nic.h"
#include "host/host.h"
#include "osa/osa_wire.h"

#define DIR_DEFAULT "/run/zlan"
#define ADDRS_MAX 16
#define COMMANDS_MAX 16
#define MTU_DEFAULT 1500u /* as qeth in layer 2: spec/osa-qeth.md 12 */
#define MTU_MIN 576u

struct options {
	const char *dir, *user, *netns, *ifname;
	const char *addr[ADDRS_MAX];
	unsigned n_addrs, n_commands;
	const char *command[COMMANDS_MAX];
	uint32_t mtu;
	bool hipers;
	bool sniffer, addresses;
	uint32_t vnicc_on, vnicc_off;
	uint8_t layer, routing;
	long vdev;
	char user_upper[9];
	char ifname_default[16];
};

static void usage(FILE *f)
{
	fprintf(f, "usage: zlan-nic [-d DIR] --user U --vdev 0500 [--netns NAME] [--ifname IF]\n"
		   "                [--addr A/P]... [--mtu N] [--type osd|hipers] [--layer 2|3]\n"
		   "                [--router primary|secondary] [--vnicc [-]NAME,...] [--sniffer] "
		   "[--addresses]\n"
		   "                [--cp COMMAND]...\n");
}

static int bad(const char *what, const char *value)
{
	fprintf(stderr, "zlan-nic: %s%s%s\n", what, value ? ": " : "", value ? value : "");
	return -1;
}

/* ---- options ------------------------------------------------------------------------ */

static int number(const char *text, int base, long min, long max, long *out)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, base);
	if (errno || *end || end == text || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

/* Names of characteristics, as the qeth driver's attributes; a minus turns one off. */
static int take_vnicc(struct options *o, const char *list)
{
	static const char *const names[] = {
		"flooding",	     "mcast_flooding",	 "learning", "takeover_setvmac",
		"takeover_learning", "bridge_invisible", "rx_bcast"};

	while (*list) {
		bool off = *list == '-';
		size_t len = strcspn(list += off, ","), i = 0;

		while (i < sizeof(names) / sizeof(names[0]) &&
		       (strlen(names[i]) != len || strncmp(names[i], list, len) != 0))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return bad("not a VNIC characteristic", list);
		*(off ? &o->vnicc_off : &o->vnicc_on) |= 0x80000000u >> i;
		list += len + (list[len] == ',');
	}
	return 0;
}

static int take_option(struct options *o, int c, const char *arg)
{
	long v;

	switch (c) {
	case 'd':
		o->dir = arg;
		return 0;
	case 'u':
		o->user = arg;
		return 0;
	case 'v':
		return number(arg, 16, 0, 0xFFFF, &o->vdev) ? bad("not a device number", arg) : 0;
	case 'n':
		o->netns = arg;
		return 0;
	case 'i':
		o->ifname = arg;
		return 0;
	case 'a':
		if (o->n_addrs == ADDRS_MAX)
			return bad("too many addresses", NULL);
		o->addr[o->n_addrs++] = arg;
		return 0;
	case 'm':
		if (number(arg, 10, MTU_MIN, 65535, &v))
			return bad("not an MTU", arg);
		o->mtu = (uint32_t)v;
		return 0;
	case 't':
		o->hipers = strcmp(arg, "hipers") == 0;
		return o->hipers || strcmp(arg, "osd") == 0 ? 0 : bad("not osd or hipers", arg);
	case 'l':
		if (number(arg, 10, 2, 3, &v))
			return bad("not layer 2 or 3", arg);
		o->layer = (uint8_t)v;
		return 0;
	case 'V':
		return take_vnicc(o, arg);
	case 'A':
		o->addresses = true;
		return 0;
	case 's':
		o->sniffer = true;
		return 0;
	case 'c':
		if (o->n_commands == COMMANDS_MAX)
			return bad("too many commands", NULL);
		o->command[o->n_commands++] = arg;
		return 0;
	case 'r':
		o->routing = strcmp(arg, "primary") == 0     ? OSA_ROUTING_PRIMARY
			     : strcmp(arg, "secondary") == 0 ? OSA_ROUTING_SECONDARY
							     : OSA_ROUTING_NONE;
		return o->routing ? 0 : bad("not primary or secondary", arg);
	case 'h':
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		return -1;
	}
}

static int check_user(struct options *o)
{
	size_t len = o->user ? strlen(o->user) : 0;

	if (len == 0 || len > 8)
		return bad(o->user ? "not a user (1 to 8 characters)" : "--user is missing",
			   o->user);
	for (size_t i = 0; i < len; i++) {
		char c = o->user[i];

		o->user_upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	o->user = o->user_upper;
	return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"user", required_argument, NULL, 'u'},	  {"vdev", required_argument, NULL, 'v'},
		{"netns", required_argument, NULL, 'n'},  {"ifname", required_argument, NULL, 'i'},
		{"addr", required_argument, NULL, 'a'},	  {"mtu", required_argument, NULL, 'm'},
		{"type", required_argument, NULL, 't'},	  {"layer", required_argument, NULL, 'l'},
		{"router", required_argument, NULL, 'r'}, {"vnicc", required_argument, NULL, 'V'},
		{"sniffer", no_argument, NULL, 's'},	  {"addresses", no_argument, NULL, 'A'},
		{"dir", required_argument, NULL, 'd'},	  {"cp", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.dir = DIR_DEFAULT, .vdev = -1, .layer = 2};
	while ((c = getopt_long(argc, argv, "d:h", longs, NULL)) != -1)
		if (take_option(o, c, optarg) < 0)
			return -1;
	if (optind < argc)
		return bad("not an option", argv[optind]);
	if (check_user(o) < 0)
		return -1;
	if (o->vdev < 0)
		return bad("--vdev is missing", NULL);
	if (o->routing && (o->layer != 3 || o->hipers))
		return bad("--router is for --layer 3 of --type osd", NULL);
	if (o->addresses && (!o->hipers || o->layer != 2))
		return bad("--addresses is for --type hipers, layer 2", NULL);
	if (o->sniffer && (o->layer != 3 || !o->hipers))
		return bad("--sniffer is for --type hipers, layer 3", NULL);
	if ((o->vnicc_on || o->vnicc_off) && (!o->hipers || o->layer != 2))
		return bad("--vnicc is for --type hipers, layer 2", NULL);
	/* Outside of a namespace of its own eth0 is likely to exist. */
	snprintf(o->ifname_default, sizeof(o->ifname_default), o->netns ? "eth0" : "zlan%04lx",
		 o->vdev);
	if (!o->ifname)
		o->ifname = o->ifname_default;
	return 0;
}

/* ---- set-up ---------------------------------------------------------------------------- */

/* Return: descriptor of the namespace, or -1 with a message. */
static int open_netns(const char *name)
{
	char path[256];
	int fd;

	if (strchr(name, '/') ||
	    snprintf(path, sizeof(path), "/run/netns/%s", name) >= (int)sizeof(path))
		return bad("not the name of a network namespace", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return bad(path, strerror(errno));
	return fd;
}

static int enter_netns(int fd)
{
	int rc = fd >= 0 ? setns(fd, CLONE_NEWNET) : 0;

	if (fd >= 0)
		close(fd);
	return rc < 0 ? bad("network namespace", strerror(errno)) : 0;
}

static int set_addresses(struct host_netlink *nl, const struct options *o, const char *ifname)
{
	for (unsigned i = 0; i < o->n_addrs; i++) {
		int rc = host_netlink_addr(nl, ifname, o->addr[i]);

		if (rc < 0)
			return bad(o->addr[i], strerror(-rc));
	}
	return 0;
}

static int configure(const struct nic *n, const struct options *o)
{
	struct host_netlink *nl = host_netlink_open();
	const char *ifname = n->tap.ifname;
	/* On HiperSockets the LAN says: spec/osa-qeth.md 3.3. */
	uint32_t mtu = o->mtu ? o->mtu : n->iqd ? n->info.mtu_max : MTU_DEFAULT;
	int rc;

	if (!nl)
		return bad("netlink", strerror(errno));
	if (mtu > n->info.mtu_max)
		mtu = n->info.mtu_max;
	rc = host_netlink_mac(nl, ifname, n->mac);
	if (rc == 0)
		rc = host_netlink_mtu(nl, ifname, mtu);
	if (rc == 0)
		rc = host_netlink_up(nl, ifname, true);
	if (rc < 0)
		bad(ifname, strerror(-rc));
	else
		rc = set_addresses(nl, o, ifname);
	host_netlink_close(nl);
	return rc;
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(struct nic *n, const struct options *o, int netns)
{
	int rc = nic_attach(n);

	if (rc < 0) {
		fprintf(stderr, "%s\n", n->text);
		if (netns >= 0)
			close(netns);
		return 1;
	}
	if (o->mtu > n->info.mtu_max) {
		if (netns >= 0)
			close(netns);
		fprintf(stderr, "zlan-nic: the adapter's largest MTU is %u\n", n->info.mtu_max);
		return 1;
	}
	if (enter_netns(netns) < 0)
		return 1;
	rc = nic_tap(n, o->ifname);
	if (rc < 0) {
		bad(o->ifname, strerror(-rc));
		return 1;
	}
	return configure(n, o) < 0 ? 1 : nic_run(n);
}

int main(int argc, char **argv)
{
	struct nic n = {0};
	struct options o;
	int netns = -1, rc;

	if (parse(&o, argc, argv) < 0)
		return 1;
	block_signals();
	/* Before the adapter is touched: a missing namespace disturbs nobody. */
	if (o.netns) {
		netns = open_netns(o.netns);
		if (netns < 0)
			return 1;
	}
	n.dir = o.dir;
	n.user = o.user;
	n.vdev = (uint16_t)o.vdev;
	n.iqd = o.hipers;
	n.layer = o.layer;
	n.routing = o.routing;
	n.vnicc_on = o.vnicc_on;
	n.vnicc_off = o.vnicc_off;
	n.analyzer = o.sniffer;
	n.addresses = o.addresses;
	n.commands = o.command;
	n.n_commands = o.n_commands;
	rc = run(&n, &o, netns);
	nic_close(&n);
	return rc;
}
