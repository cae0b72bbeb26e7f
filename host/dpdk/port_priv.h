/* SPDX-License-Identifier: Apache-2.0 */
/* A device: what its life and data path (port.c) and its description (info.c) share. */
#ifndef HOST_DPDK_PORT_PRIV_H
#define HOST_DPDK_PORT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/dpdk/dpdk_priv.h"
#include "host/dpdk/wait.h"

#define QUEUES 16u /* at most, each way */

/* Used by the one worker that polls the port. */
struct dpdk_rx {
	struct rte_mbuf *m[VS_BURST];
	unsigned held, next, n; /* [held, next) belong to the burst, [next, n) come later */
	uint16_t queue;		/* to be looked at next */
};

struct host_dpdk_port {
	uint16_t id;
	struct rte_device *dev;
	struct rte_mempool *pool; /* the common one, or its own */
	unsigned caps;		  /* enum vs_port_cap */
	bool ip_csum;
	uint32_t frame_max;
	uint32_t wire_max; /* of a frame that is not to be cut */
	/* Hints for senders: hence relaxed. */
	atomic_bool carrier;
	atomic_bool gone;
	uint16_t n_rx, n_tx; /* queues */
	bool rx_interrupts, link_interrupts;
	int link_fd; /* a timer: readable when the control thread is to look */
	struct dpdk_rx rx;
	struct wait wait;
	pthread_mutex_t tx_lock[QUEUES];
};

#endif
