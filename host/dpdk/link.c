/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's link, and a device that is pulled out.
 *
 * A driver that interrupts for the link has its change seen at once: frames for the port are
 * dropped from then on, and the control thread is called. Other cards are asked at intervals;
 * interfaces of the kernel are watched by whoever opened the port.
 *
 * Removal is told by the driver or by its bus: vfio asks for the device and waits until it is
 * closed, which the control thread does when it is called.
 *
 * Threads: callbacks come on DPDK's interrupt thread. What they call the control thread with is a
 * timer, which can be set from anywhere.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_dev_event_callback_register: there since 2018 */
#include <errno.h>
#include <rte_dev.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host/dpdk/link.h"

#define ASK_S 1 /* a second without a link costs a TCP connection little more than that */

bool link_is_told(const struct rte_eth_dev_info *info)
{
	/* Of these nothing is heard where they also have an interrupt to receive. Source: seen with
	 * DPDK 22.11 on e1000, e1000e and vmxnet3 of QEMU 7.2. */
	static const char *const silent[] = {"net_e1000_em", "net_vmxnet3"};

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strcmp(info->driver_name, silent[i]) == 0)
			return false;
	return info->dev_flags && *info->dev_flags & RTE_ETH_DEV_INTR_LSC;
}

/* Have the control thread look: now, and at intervals from then on. */
static void call(const struct host_dpdk_port *p, bool now, time_t interval)
{
	struct itimerspec t = {.it_interval.tv_sec = interval, .it_value.tv_sec = interval};

	if (now)
		t.it_value = (struct timespec){.tv_nsec = 1};
	timerfd_settime(p->link_fd, 0, &t, NULL);
}

static void mark_gone(struct host_dpdk_port *p)
{
	atomic_store_explicit(&p->gone, true, memory_order_relaxed);
	call(p, true, 0);
}

static int removed(uint16_t id, enum rte_eth_event_type event, void *ctx, void *ret)
{
	(void)id;
	(void)event;
	(void)ret;
	mark_gone(ctx);
	return 0;
}

static void bus_event(const char *name, enum rte_dev_event_type event, void *ctx)
{
	(void)name;
	if (event == RTE_DEV_EVENT_REMOVE)
		mark_gone(ctx);
}

static bool look(struct host_dpdk_port *p)
{
	struct rte_eth_link link = {.link_status = RTE_ETH_LINK_UP};
	/* A driver that cannot tell is taken to be up. */
	bool up = rte_eth_link_get_nowait(p->id, &link) < 0 || link.link_status == RTE_ETH_LINK_UP;

	atomic_store_explicit(&p->carrier, up, memory_order_relaxed);
	return up;
}

static int changed(uint16_t id, enum rte_eth_event_type event, void *ctx, void *ret)
{
	struct host_dpdk_port *p = ctx;

	(void)id;
	(void)event;
	(void)ret;
	look(p);
	call(p, true, 0);
	return 0;
}

int link_open(struct host_dpdk_port *p, bool card)
{
	p->link_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->link_fd < 0)
		return -errno;
	if (card && !p->link_interrupts)
		call(p, false, ASK_S);
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_RMV, removed, p);
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_LSC, changed, p);
	if (p->dev)
		rte_dev_event_callback_register(rte_dev_name(p->dev), bus_event, p);
	return 0;
}

void link_close(struct host_dpdk_port *p)
{
	if (p->link_fd < 0)
		return;
	/* Again while one is under way. */
	while (p->dev &&
	       rte_dev_event_callback_unregister(rte_dev_name(p->dev), bus_event, p) == -EAGAIN)
		usleep(100);
	rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_RMV, removed, p);
	rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_LSC, changed, p);
	close(p->link_fd);
}

int dpdk_port_event_fd(const struct host_dpdk_port *p)
{
	return p->link_fd;
}

enum host_dpdk_state dpdk_port_state(struct host_dpdk_port *p)
{
	uint64_t n;

	/* First, so that what changes from now on makes it readable again. */
	if (read(p->link_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return HOST_DPDK_GONE;
	if (rte_eth_dev_is_removed(p->id) == 1)
		atomic_store_explicit(&p->gone, true, memory_order_relaxed);
	if (atomic_load_explicit(&p->gone, memory_order_relaxed))
		return HOST_DPDK_GONE;
	return look(p) ? HOST_DPDK_READY : HOST_DPDK_NO_CARRIER;
}
