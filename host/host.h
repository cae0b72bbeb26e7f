/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports to the outside, one file each, and the netlink they need.
 *
 * A host port is created on the control thread, hands its vs_port_ops to a
 * vs_link with start, and is served by a worker.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vswitch/port.h"

/* ---- netlink (libnl): one context per thread -------------------------------------- */

struct host_netlink;

/* Return: a context, or NULL and errno. */
struct host_netlink *host_netlink_open(void);
void host_netlink_close(struct host_netlink *nl);

struct host_ifinfo {
	int ifindex;
	bool up, running; /* IFF_UP, carrier */
	uint32_t mtu;
	uint8_t mac[6];
	int master; /* ifindex of its bridge, 0: none */
};

/* Return: 0, -ENODEV, or -errno. */
int host_netlink_get(struct host_netlink *nl, const char *ifname, struct host_ifinfo *out);
int host_netlink_up(struct host_netlink *nl, const char *ifname, bool up);
int host_netlink_mtu(struct host_netlink *nl, const char *ifname, uint32_t mtu);
int host_netlink_mac(struct host_netlink *nl, const char *ifname, const uint8_t mac[6]);
/* @addr: "10.0.0.1/24" or "fd00::1/64". -EINVAL if it is not one; -EEXIST is success. */
int host_netlink_addr(struct host_netlink *nl, const char *ifname, const char *addr);
/* @bridge: NULL to leave the one it is in. */
int host_netlink_master(struct host_netlink *nl, const char *ifname, const char *bridge);

/*
 * Watch links. cb runs inside host_netlink_dispatch, which the caller calls when the
 * descriptor polls readable.
 */
typedef void host_link_fn(void *ctx, const char *ifname, const struct host_ifinfo *info, bool gone);
int host_netlink_watch(struct host_netlink *nl, host_link_fn *cb, void *ctx);
int host_netlink_watch_fd(const struct host_netlink *nl);
int host_netlink_dispatch(struct host_netlink *nl);

/* ---- TAP --------------------------------------------------------------------------- */

struct host_tap;

/*
 * Open (create if absent) the TAP interface ifname in the current network
 * namespace, with IFF_VNET_HDR and the offloads the kernel takes, and set it up.
 * @mtu: 0 leaves it.
 * Return: the port, or NULL and errno (EBUSY: in use by another process, EPERM, ENODEV: no
 * /dev/net/tun, EEXIST: the name is not a TAP, ENAMETOOLONG).
 */
struct host_tap *host_tap_open(const char *ifname, uint32_t mtu);
void host_tap_close(struct host_tap *t);
const char *host_tap_ifname(const struct host_tap *t);
/* For vs_link.start: start(link, host_tap_ops(), t). */
const struct vs_port_ops *host_tap_ops(void);
/* Carrier, from the netlink watch; a TAP without carrier takes no frames. Any thread. */
void host_tap_set_carrier(struct host_tap *t, bool up);
/* What the interface's MTU is now. Any thread. */
void host_tap_set_mtu(struct host_tap *t, uint32_t mtu);
/* Does the interface exist, if only in another network namespace (to which it was moved)? */
bool host_tap_alive(const struct host_tap *t);

/* ---- an interface the host has, by a packet socket ------------------------------------------ */

struct host_packet;

/* Return: the port, or NULL and errno (ENODEV: no such interface, EPFNOSUPPORT: not an Ethernet
 * one, EPERM: CAP_NET_RAW is needed). */
struct host_packet *host_packet_open(const char *ifname);
void host_packet_close(struct host_packet *p);
const struct vs_port_ops *host_packet_ops(void);
/* As host_tap_set_carrier. */
void host_packet_set_carrier(struct host_packet *p, bool up);
void host_packet_set_mtu(struct host_packet *p, uint32_t mtu);

/* ---- pcapng writer -------------------------------------------------------------------- */

struct host_pcapng;

/* Write to an open stream (not closed by us). Return: the writer, or NULL and errno. */
struct host_pcapng *host_pcapng_open(FILE *f, uint32_t snaplen);
/* Return: 0 or -errno of the last write. */
int host_pcapng_close(struct host_pcapng *w);

enum host_pcapng_dir { HOST_PCAPNG_UNKNOWN, HOST_PCAPNG_IN, HOST_PCAPNG_OUT };
struct host_pcapng_frame {
	uint64_t ns;	       /* since the epoch */
	const char *interface; /* an interface block is written at first use of a name */
	enum host_pcapng_dir dir;
	const char *comment; /* NULL: none */
	const uint8_t *data;
	uint32_t caplen, len;
};
int host_pcapng_write(struct host_pcapng *w, const struct host_pcapng_frame *f);
int host_pcapng_flush(struct host_pcapng *w);
uint64_t host_pcapng_bytes(const struct host_pcapng *w);

#endif
