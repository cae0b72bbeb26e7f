/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plug-in share. */
#ifndef HOST_DPDK_DPDK_PRIV_H
#define HOST_DPDK_DPDK_PRIV_H

#include <rte_mempool.h>

#include "host/dpdk.h"

#define MBUF_ROOM 2048u /* bytes of a frame in one mbuf */

/* eal.c */
struct rte_mempool *eal_pool(void);
bool eal_has_pci(void);

/* port.c */
extern const struct vs_port_ops dpdk_port_ops;
struct host_dpdk_port *dpdk_port_open(const char *device, char *err, size_t err_len);
void dpdk_port_close(struct host_dpdk_port *p);
enum host_dpdk_state dpdk_port_state(struct host_dpdk_port *p);

/*
 * A timer for what can only be polled: readable IDLE_MIN_NS after the first arm, later and
 * later up to IDLE_MAX_NS while nothing comes.
 */
struct idle {
	int fd;
	uint32_t ns;
};
int idle_open(struct idle *t);
void idle_close(struct idle *t);
/* Context: the one worker of the port. */
void idle_arm(struct idle *t);
void idle_reset(struct idle *t);

#endif
