/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums, segmentation and tags between a burst and mbufs. */
#ifndef HOST_DPDK_OFFLOAD_H
#define HOST_DPDK_OFFLOAD_H

#include <rte_ethdev.h>

#include "vswitch/port.h"

/* What of the driver's offloads is used. Fills conf. Return: enum vs_port_cap bits. */
unsigned offload_choose(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/* Ask the driver for what the frame's flags say. The head is in m. */
enum vs_drop offload_tx(const struct vs_burst *b, const struct vs_ref *ref, struct rte_mbuf *m);

#endif
