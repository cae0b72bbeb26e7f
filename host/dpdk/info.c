/* SPDX-License-Identifier: Apache-2.0 */
/* What QUERY shows of a device. Context: the control thread. */
#include <rte_ethdev.h>
#include <stdlib.h>

#include "host/dpdk/port_priv.h"

void dpdk_port_info(struct host_dpdk_port *p, struct host_dpdk_info *out)
{
	struct rte_eth_dev_info info = {.driver_name = NULL};
	struct rte_eth_link link = {0};

	rte_eth_dev_info_get(p->id, &info);
	rte_eth_link_get_nowait(p->id, &link);
	*out = (struct host_dpdk_info){
		.driver = info.driver_name ? info.driver_name : "",
		.mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed,
		.full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX,
		.link_interrupts = p->link_interrupts,
		.wake = wait_name(&p->wait),
		.rx_queues = p->n_rx,
		.tx_queues = p->n_tx,
		.caps = p->caps,
	};
}

void dpdk_port_statistics(struct host_dpdk_port *p, host_dpdk_statistic_fn *fn, void *ctx)
{
	int n = rte_eth_xstats_get(p->id, NULL, 0), got;
	struct rte_eth_xstat_name *name = n > 0 ? calloc((unsigned)n, sizeof(*name)) : NULL;
	struct rte_eth_xstat *value = n > 0 ? calloc((unsigned)n, sizeof(*value)) : NULL;

	if (name && value && rte_eth_xstats_get_names(p->id, name, (unsigned)n) == n) {
		got = rte_eth_xstats_get(p->id, value, (unsigned)n);
		for (int i = 0; i < got && i < n; i++)
			if (value[i].id < (uint64_t)n)
				fn(ctx, name[value[i].id].name, value[i].value);
	}
	free(name);
	free(value);
}
