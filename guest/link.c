/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel knows about the interface: by rtnetlink, and by the files of
 * /proc/net for what netlink does not tell.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/tap.h"

struct link_request {
	struct nlmsghdr h;
	struct ifinfomsg ifi;
	struct rtattr attr;
	uint32_t value;
};

int link_watch_open(void)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
				 .nl_groups =
					 RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -errno;
}

bool link_watch_drain(int fd)
{
	char buf[4096];
	bool any = false;
	ssize_t n;

	/* What was announced is looked up afresh, so an overrun (ENOBUFS) loses nothing. */
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0 || (n < 0 && errno == ENOBUFS))
		any = true;
	return any;
}

/* Send one request and receive the first message of the answer. Return: its length or -errno. */
static ssize_t transact(struct link_request *rq, void *buf, size_t cap)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (send(fd, rq, rq->h.nlmsg_len, 0) >= 0)
		n = recv(fd, buf, cap, 0);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

static int answer_error(const struct nlmsghdr *h, ssize_t n)
{
	if (n < (ssize_t)sizeof(*h) || h->nlmsg_len > (size_t)n)
		return n < 0 ? (int)n : -EIO;
	if (h->nlmsg_type != NLMSG_ERROR)
		return 0;
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static void take_attr(struct link_info *out, const struct rtattr *a)
{
	uint32_t v = 0;

	if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == 6)
		memcpy(out->mac, RTA_DATA(a), 6);
	if (a->rta_type != IFLA_PROMISCUITY && a->rta_type != IFLA_MASTER)
		return;
	memcpy(&v, RTA_DATA(a), sizeof(v));
	out->promisc |= v != 0;
}

int link_info(const char *ifname, struct link_info *out)
{
	struct link_request rq = {
		.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(rq.ifi)),
		      .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST},
		.ifi = {.ifi_index = (int)if_nametoindex(ifname)},
	};
	_Alignas(struct nlmsghdr) char buf[32768] = {0};
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	ssize_t n = transact(&rq, buf, sizeof(buf));
	int rc = answer_error(h, n), left;

	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, left);) {
		int step = (int)RTA_ALIGN(a->rta_len);

		take_attr(out, a);
		left -= step;
		a = (struct rtattr *)((char *)a + step);
	}
	return 0;
}

int link_gso_max(const char *ifname, uint32_t bytes)
{
	struct link_request rq = {
		.h = {.nlmsg_len = sizeof(rq),
		      .nlmsg_type = RTM_NEWLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.ifi = {.ifi_index = (int)if_nametoindex(ifname)},
		.attr = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_GSO_MAX_SIZE},
		.value = bytes,
	};
	_Alignas(struct nlmsghdr) char buf[1024] = {0};
	ssize_t n = transact(&rq, buf, sizeof(buf));

	return answer_error((struct nlmsghdr *)buf, n);
}

/* ---- /proc/net ------------------------------------------------------------------------ */

static bool parse_mac(const char *hex, uint8_t mac[6])
{
	unsigned v[6];

	if (sscanf(hex, "%2x%2x%2x%2x%2x%2x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
		return false;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return true;
}

unsigned link_groups(const char *ifname, uint8_t (*mac)[6], unsigned max)
{
	FILE *f = fopen("/proc/thread-self/net/dev_mcast", "re");
	char line[160], name[64], hex[65];
	unsigned n = 0;

	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %63s %*d %*d %64s", name, hex) == 2 &&
		    strcmp(name, ifname) == 0 && parse_mac(hex, mac[n]))
			n++;
	fclose(f);
	return n;
}

/* "eth0.5         | 5  | eth0" */
unsigned link_vids(const char *ifname, uint16_t *vid, unsigned max)
{
	FILE *f = fopen("/proc/thread-self/net/vlan/config", "re");
	char line[160], below[64];
	unsigned n = 0, v;

	if (!f)
		return 0; /* the kernel has no VLAN interfaces */
	while (n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s | %u | %63s", &v, below) == 2 && strcmp(below, ifname) == 0 &&
		    v >= 1 && v <= 4094)
			vid[n++] = (uint16_t)v;
	fclose(f);
	return n;
}

/* ---- addresses ------------------------------------------------------------------------ */

/* "eth0", and "eth0.5" on top of it. */
static bool belongs(const char *name, const char *ifname)
{
	size_t len = strlen(ifname);

	return strncmp(name, ifname, len) == 0 && (name[len] == 0 || name[len] == '.');
}

static void map4(uint8_t addr[16], const void *ip4)
{
	memset(addr, 0, 12);
	memcpy(addr + 12, ip4, 4);
}

unsigned link_ips(const char *ifname, struct guest_ip *ip, unsigned max)
{
	struct ifaddrs *all, *a;
	unsigned n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (a = all; a && n < max; a = a->ifa_next) {
		if (!a->ifa_addr || !belongs(a->ifa_name, ifname))
			continue;
		ip[n] = (struct guest_ip){.v6 = a->ifa_addr->sa_family == AF_INET6};
		if (a->ifa_addr->sa_family == AF_INET)
			map4(ip[n++].addr, &((struct sockaddr_in *)a->ifa_addr)->sin_addr);
		else if (ip[n].v6)
			memcpy(ip[n++].addr, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, 16);
	}
	freeifaddrs(all);
	return n;
}

/* "2\teth0 ...", and below it "\t\t\t\t010000E0 ...": the group as the machine stores it. */
static unsigned groups4(const char *ifname, struct guest_ip *ip, unsigned max)
{
	FILE *f = fopen("/proc/thread-self/net/igmp", "re");
	char line[160], name[64] = "", hex[64];
	unsigned n = 0;
	uint32_t group;

	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %63s", name) == 1 && line[0] != '\t')
			continue;
		if (!belongs(name, ifname) || sscanf(line, " %63[0-9A-Fa-f]", hex) != 1)
			continue;
		group = (uint32_t)strtoul(hex, NULL, 16);
		ip[n] = (struct guest_ip){.v6 = false};
		map4(ip[n++].addr, &group);
	}
	fclose(f);
	return n;
}

/* "2 eth0 ff020000000000000000000000000001 ..." */
static unsigned groups6(const char *ifname, struct guest_ip *ip, unsigned max)
{
	FILE *f = fopen("/proc/thread-self/net/igmp6", "re");
	char line[160], name[64], hex[64];
	unsigned n = 0;

	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %63s %63s", name, hex) != 2 || !belongs(name, ifname) ||
		    strlen(hex) != 32)
			continue;
		ip[n] = (struct guest_ip){.v6 = true};
		for (unsigned i = 0; i < 16; i++) {
			char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

			ip[n].addr[i] = (uint8_t)strtoul(two, NULL, 16);
		}
		n++;
	}
	fclose(f);
	return n;
}

unsigned link_ip_groups(const char *ifname, struct guest_ip *ip, unsigned max)
{
	unsigned n = groups4(ifname, ip, max / 2);

	return n + groups6(ifname, ip + n, max - n);
}
