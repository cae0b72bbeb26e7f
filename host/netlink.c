/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces of the host, by netlink.
 *
 * Two sockets at most: one for requests, each of which waits for its answer, and one that only
 * listens to link changes and never blocks. A context belongs to one thread and to the network
 * namespace it was opened in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/rtnl.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host/netlink_priv.h"

struct host_netlink {
	struct nl_sock *request;
	struct nl_sock *watch; /* NULL until host_netlink_watch */
	host_link_fn *cb;
	void *cb_ctx;
};

/* libnl has its own error numbers. */
static int errno_of(int nle)
{
	static const struct {
		int nle, rc;
	} map[] = {
		{NLE_OBJ_NOTFOUND, -ENODEV},  {NLE_NODEV, -ENODEV},	    {NLE_EXIST, -EEXIST},
		{NLE_PERM, -EPERM},	      {NLE_NOACCESS, -EPERM},	    {NLE_NOMEM, -ENOMEM},
		{NLE_INVAL, -EINVAL},	      {NLE_RANGE, -ERANGE},	    {NLE_BUSY, -EBUSY},
		{NLE_NOADDR, -EADDRNOTAVAIL}, {NLE_OPNOTSUPP, -EOPNOTSUPP}, {NLE_AGAIN, -EAGAIN},
	};

	if (nle >= 0)
		return 0;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].nle == -nle)
			return map[i].rc;
	return -EIO;
}

static struct nl_sock *socket_open(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int rc;

	if (!sk) {
		errno = ENOMEM;
		return NULL;
	}
	rc = nl_connect(sk, NETLINK_ROUTE);
	if (rc) {
		nl_socket_free(sk);
		errno = -errno_of(rc);
		return NULL;
	}
	return sk;
}

/*
 * Return: a context in the calling thread's network namespace, or NULL and errno.
 */
struct host_netlink *host_netlink_open(void)
{
	struct host_netlink *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return NULL;
	nl->request = socket_open();
	if (!nl->request) {
		free(nl);
		return NULL;
	}
	return nl;
}

/* NULL is legal. */
void host_netlink_close(struct host_netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->watch);
	nl_socket_free(nl->request);
	free(nl);
}

/* ---- requests --------------------------------------------------------------------- */

static bool name_valid(const char *ifname)
{
	size_t len = strnlen(ifname, IFNAMSIZ);

	return len > 0 && len < IFNAMSIZ;
}

/* @link: to be put by the caller. */
static int link_get(struct host_netlink *nl, const char *ifname, struct rtnl_link **link)
{
	if (!name_valid(ifname))
		return -ENODEV;
	return errno_of(rtnl_link_get_kernel(nl->request, 0, ifname, link));
}

static void mac_copy(uint8_t mac[6], const void *addr, size_t len)
{
	memset(mac, 0, 6);
	if (addr && len == 6)
		memcpy(mac, addr, 6);
}

/*
 * What the interface is like now.
 * Return: 0, -ENODEV, -ENOMEM, -EIO. Context: waits for the kernel's answer, as all requests do.
 */
int host_netlink_get(struct host_netlink *nl, const char *ifname, struct host_ifinfo *out)
{
	struct rtnl_link *link;
	struct nl_addr *addr;
	int rc = link_get(nl, ifname, &link);

	if (rc)
		return rc;
	memset(out, 0, sizeof(*out));
	out->ifindex = rtnl_link_get_ifindex(link);
	out->up = rtnl_link_get_flags(link) & IFF_UP;
	out->running = rtnl_link_get_flags(link) & IFF_RUNNING;
	out->mtu = rtnl_link_get_mtu(link);
	out->master = rtnl_link_get_master(link);
	addr = rtnl_link_get_addr(link);
	if (addr)
		mac_copy(out->mac, nl_addr_get_binary_addr(addr), nl_addr_get_len(addr));
	rtnl_link_put(link);
	return 0;
}

/* A change of one link: begin, set what is to change, end. */
struct change {
	struct rtnl_link *now, *wanted;
};

static int change_begin(struct host_netlink *nl, const char *ifname, struct change *c)
{
	int rc = link_get(nl, ifname, &c->now);

	if (rc)
		return rc;
	c->wanted = rtnl_link_alloc();
	if (!c->wanted) {
		rtnl_link_put(c->now);
		return -ENOMEM;
	}
	return 0;
}

static int change_end(struct host_netlink *nl, struct change *c)
{
	int rc = errno_of(rtnl_link_change(nl->request, c->now, c->wanted, 0));

	rtnl_link_put(c->wanted);
	rtnl_link_put(c->now);
	return rc;
}

/* Return: 0, -ENODEV, -EPERM, -EIO. */
int host_netlink_up(struct host_netlink *nl, const char *ifname, bool up)
{
	struct change c;
	int rc = change_begin(nl, ifname, &c);

	if (rc)
		return rc;
	if (up)
		rtnl_link_set_flags(c.wanted, IFF_UP);
	else
		rtnl_link_unset_flags(c.wanted, IFF_UP);
	return change_end(nl, &c);
}

/* @mtu: layer 3. Return: 0, -ENODEV, -EPERM, -EINVAL or -ERANGE (the driver refuses it). */
int host_netlink_mtu(struct host_netlink *nl, const char *ifname, uint32_t mtu)
{
	struct change c;
	int rc = change_begin(nl, ifname, &c);

	if (rc)
		return rc;
	rtnl_link_set_mtu(c.wanted, mtu);
	return change_end(nl, &c);
}

/* Return: 0, -ENODEV, -EPERM, -EBUSY (the driver wants it down), -EADDRNOTAVAIL. */
int host_netlink_mac(struct host_netlink *nl, const char *ifname, const uint8_t mac[6])
{
	struct nl_addr *addr;
	struct change c;
	int rc = change_begin(nl, ifname, &c);

	if (rc)
		return rc;
	addr = nl_addr_build(AF_LLC, mac, 6);
	if (addr)
		rtnl_link_set_addr(c.wanted, addr);
	rc = change_end(nl, &c);
	if (!addr)
		return -ENOMEM;
	nl_addr_put(addr);
	return rc;
}

/* A decimal number of 1 to 3 digits and nothing else. Return: it, or -1. */
static int prefix_parse(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len >= 1 && len <= 3 && !text[len] ? (int)strtol(text, NULL, 10) : -1;
}

/* "10.0.0.1/24". Parsed here because libnl takes much else, blanks at the end included. */
static struct nl_addr *addr_parse(const char *text)
{
	const char *slash = strchr(text, '/');
	char ip[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	struct nl_addr *addr;
	int prefix, family;
	size_t len;

	if (!slash || (size_t)(slash - text) >= sizeof(ip))
		return NULL;
	memcpy(ip, text, (size_t)(slash - text));
	ip[slash - text] = '\0';
	family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	len = family == AF_INET6 ? 16 : 4;
	prefix = prefix_parse(slash + 1);
	if (inet_pton(family, ip, bytes) != 1 || prefix < 0 || (size_t)prefix > len * 8)
		return NULL;
	addr = nl_addr_build(family, bytes, len);
	if (addr)
		nl_addr_set_prefixlen(addr, prefix);
	return addr;
}

/* Return: 0 (also when it has the address), -EINVAL, -ENODEV, -EPERM, -ENOMEM. */
int host_netlink_addr(struct host_netlink *nl, const char *ifname, const char *addr)
{
	struct host_ifinfo info;
	struct rtnl_addr *ra;
	struct nl_addr *local = addr_parse(addr);
	int rc;

	if (!local)
		return -EINVAL;
	rc = host_netlink_get(nl, ifname, &info);
	if (rc)
		goto put_local;
	ra = rtnl_addr_alloc();
	if (!ra) {
		rc = -ENOMEM;
		goto put_local;
	}
	rtnl_addr_set_ifindex(ra, info.ifindex);
	rc = errno_of(rtnl_addr_set_local(ra, local));
	if (!rc)
		rc = errno_of(rtnl_addr_add(nl->request, ra, 0));
	rtnl_addr_put(ra);
put_local:
	nl_addr_put(local);
	return rc == -EEXIST ? 0 : rc;
}

/* Return: 0, -ENODEV (either of them), -EPERM, -EBUSY, -EINVAL or -EOPNOTSUPP (not a bridge). */
int host_netlink_master(struct host_netlink *nl, const char *ifname, const char *bridge)
{
	struct host_ifinfo master = {.ifindex = 0};
	struct change c;
	int rc = bridge ? host_netlink_get(nl, bridge, &master) : 0;

	if (!rc)
		rc = change_begin(nl, ifname, &c);
	if (rc)
		return rc;
	rtnl_link_set_master(c.wanted, master.ifindex);
	return change_end(nl, &c);
}

/* See netlink_priv.h. libnl 3.7 can only read this attribute. */
int host_netlink_gso_max(struct host_netlink *nl, const char *ifname, uint32_t bytes)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct host_ifinfo info;
	struct nl_msg *msg;
	int rc = host_netlink_get(nl, ifname, &info);

	if (rc)
		return rc;
	msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
	if (!msg)
		return -ENOMEM;
	ifi.ifi_index = info.ifindex;
	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) ||
	    nla_put_u32(msg, IFLA_GSO_MAX_SIZE, bytes)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return errno_of(nl_send_sync(nl->request, msg)); /* frees msg */
}

/* ---- watching ----------------------------------------------------------------------- */

static void info_of_message(struct host_ifinfo *info, const struct ifinfomsg *ifi,
			    struct nlattr **tb)
{
	memset(info, 0, sizeof(*info));
	info->ifindex = ifi->ifi_index;
	info->up = ifi->ifi_flags & IFF_UP;
	info->running = ifi->ifi_flags & IFF_RUNNING;
	if (tb[IFLA_MTU])
		info->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_MASTER])
		info->master = (int)nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_ADDRESS])
		mac_copy(info->mac, nla_data(tb[IFLA_ADDRESS]), (size_t)nla_len(tb[IFLA_ADDRESS]));
}

static int watch_message(struct nl_msg *msg, void *ctx)
{
	static const struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = {.type = NLA_STRING, .maxlen = IFNAMSIZ},
		[IFLA_MTU] = {.type = NLA_U32},
		[IFLA_MASTER] = {.type = NLA_U32},
	};
	struct host_netlink *nl = ctx;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg ifi;
	struct host_ifinfo info;

	if (hdr->nlmsg_type != RTM_NEWLINK && hdr->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	if (nlmsg_parse(hdr, sizeof(ifi), tb, IFLA_MAX, policy) || !tb[IFLA_IFNAME])
		return NL_OK;
	memcpy(&ifi, nlmsg_data(hdr), sizeof(ifi));
	/* A bridge announces its ports in its own family: leaving it is no deletion. */
	if (ifi.ifi_family != AF_UNSPEC)
		return NL_OK;
	info_of_message(&info, &ifi, tb);
	nl->cb(nl->cb_ctx, nla_get_string(tb[IFLA_IFNAME]), &info, hdr->nlmsg_type == RTM_DELLINK);
	return NL_OK;
}

/* Have the state of all links sent to the watching socket. */
static int watch_ask_all(struct host_netlink *nl)
{
	int rc = nl_rtgen_request(nl->watch, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP);

	return rc < 0 ? errno_of(rc) : 0;
}

/*
 * Begin to watch. The first dispatch also reports every link that exists, so nothing that happens
 * between a look and the watch is lost.
 * Return: 0, -EBUSY (already watching), -ENOMEM, -EIO.
 */
int host_netlink_watch(struct host_netlink *nl, host_link_fn *cb, void *ctx)
{
	int rc;

	if (nl->watch)
		return -EBUSY;
	nl->watch = socket_open();
	if (!nl->watch)
		return -errno;
	nl->cb = cb;
	nl->cb_ctx = ctx;
	nl_socket_disable_seq_check(nl->watch);
	rc = nl_socket_modify_cb(nl->watch, NL_CB_VALID, NL_CB_CUSTOM, watch_message, nl);
	if (!rc)
		rc = nl_socket_add_memberships(nl->watch, RTNLGRP_LINK, 0);
	if (!rc)
		rc = nl_socket_set_nonblocking(nl->watch);
	rc = rc ? errno_of(rc) : watch_ask_all(nl);
	if (rc) {
		nl_socket_free(nl->watch);
		nl->watch = NULL;
	}
	return rc;
}

/* Return: the descriptor that polls readable when host_netlink_dispatch has work, or -1. */
int host_netlink_watch_fd(const struct host_netlink *nl)
{
	return nl->watch ? nl_socket_get_fd(nl->watch) : -1;
}

/*
 * Call back for the changes that have arrived; never blocks.
 * Return: 0, or -errno. If changes came too fast to be kept, all links are reported anew.
 */
int host_netlink_dispatch(struct host_netlink *nl)
{
	int rc;

	if (!nl->watch)
		return 0;
	rc = nl_recvmsgs_default(nl->watch);
	if (rc == -NLE_NOMEM) /* ENOBUFS of the socket: the kernel dropped messages */
		return watch_ask_all(nl);
	return rc == -NLE_AGAIN || rc == -NLE_DUMP_INTR ? 0 : errno_of(rc);
}
