/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TAP interface on top of an adapter, and what the kernel says about it.
 * Private to guest/.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/guest.h"

/* ---- tap.c ------------------------------------------------------------------------- */

struct tap {
	int fd;
	char ifname[IFNAMSIZ];
};

/*
 * Make the interface in the current network namespace, with IFF_VNET_HDR and without carrier.
 * It goes with the descriptor. Return: 0 or -errno.
 */
int tap_open(struct tap *t, const char *ifname);
void tap_close(struct tap *t);
/* Which work the kernel may leave to us. Return: 0 or -errno. */
int tap_offloads(const struct tap *t, bool checksum, bool tso);
/* The interface has no ARP: whoever is below it knows the neighbours. Return: 0 or -errno. */
int tap_noarp(const struct tap *t);
int tap_carrier(const struct tap *t, bool on);
/* Look up the interface's name, which a user may change. Return: 0; -EBADFD: it was deleted. */
int tap_refresh(struct tap *t);
/* By the descriptor, so in whatever namespace the interface is now. Return: 0 or -errno. */
int tap_mac(const struct tap *t, uint8_t mac[6]);
int tap_set_mac(const struct tap *t, const uint8_t mac[6]);

/* ---- link.c: rtnetlink and /proc/net ------------------------------------------------ */

struct link_info {
	uint8_t mac[6];
	bool promisc; /* somebody asked for all frames, or it is the port of a bridge */
};

/* A socket on which changes of links and addresses are announced. Return: it or -errno. */
int link_watch_open(void);
/* Take all announcements. Return: true if there were any. */
bool link_watch_drain(int fd);
int link_info(const char *ifname, struct link_info *out);
/* Frames to be segmented are at most so long. */
int link_gso_max(const char *ifname, uint32_t bytes);
/* The group addresses the interface listens to. Return: how many, at most max. */
unsigned link_groups(const char *ifname, uint8_t (*mac)[6], unsigned max);
/* The VLAN interfaces on top of it. Return: how many, at most max. */
unsigned link_vids(const char *ifname, uint16_t *vid, unsigned max);

/* Addresses and groups of the interface and the VLAN interfaces on it. Return: how many. */
unsigned link_ips(const char *ifname, struct guest_ip *ip, unsigned max);
unsigned link_ip_groups(const char *ifname, struct guest_ip *ip, unsigned max);

/* ---- vnet.c ------------------------------------------------------------------------- */

/* A frame from the TAP, as the adapter takes it. */
struct vnet_out {
	unsigned flags; /* enum guest_tx_flag */
	uint16_t hdrlen, mss;
};

/*
 * What the header in front of a frame asks for. A checksum that the adapter is not to compute is
 * computed here.
 * @assist: the adapter computes checksums.
 * Return: false if header and frame do not fit together.
 */
bool vnet_from_tap(const struct virtio_net_hdr *h, uint8_t *frame, uint32_t len, bool assist,
		   struct vnet_out *out);
/*
 * The TAP's header for a frame received unfinished (GUEST_RX_CSUM_PARTIAL).
 * Return: false if the frame has no transport header where it must be.
 */
bool vnet_to_tap(struct virtio_net_hdr *h, const struct guest_rx *rx);

#endif
