/* SPDX-License-Identifier: Apache-2.0 */
/* A device's link, and its end. */
#ifndef HOST_DPDK_LINK_H
#define HOST_DPDK_LINK_H

#include <rte_ethdev.h>

#include "host/dpdk/port_priv.h"

/* Is the driver one that tells of changes? */
bool link_is_told(const struct rte_eth_dev_info *info);

/* Of a started device. @card: asked at intervals if its driver does not tell. Return: 0 or -errno;
 * link_close in any case. */
int link_open(struct host_dpdk_port *p, bool card);
void link_close(struct host_dpdk_port *p);

#endif
