/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NETLINK_PRIV_H
#define HOST_NETLINK_PRIV_H

#include <stdint.h>

struct host_netlink;

/* Longest frame with segmentation left to do that the kernel hands to the interface. */
int host_netlink_gso_max(struct host_netlink *nl, const char *ifname, uint32_t bytes);

#endif
