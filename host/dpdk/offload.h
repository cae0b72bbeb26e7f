/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums, segmentation and tags between a burst and mbufs. */
#ifndef HOST_DPDK_OFFLOAD_H
#define HOST_DPDK_OFFLOAD_H

#include <rte_ethdev.h>

#include "vswitch/port.h"

/* What of the driver's offloads is used. Fills conf. Return: enum vs_port_cap bits. */
unsigned offload_choose(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/* Bytes of a received frame that offload_rx wants in the head. */
uint32_t offload_head_bytes(const struct rte_mbuf *m);

/* What the driver found about the checksum, for frame b->n with its head there. */
enum vs_drop offload_rx(const struct rte_mbuf *m, struct vs_burst *b);

/*
 * Ask the driver for what the frame's flags say. The head is in m.
 * @ip_csum: the driver does the IPv4 header's checksum.
 */
enum vs_drop offload_tx(const struct vs_burst *b, const struct vs_ref *ref, struct rte_mbuf *m,
			bool ip_csum);

#endif
