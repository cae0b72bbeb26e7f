/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the worker of a device sleeps on, in this order: the driver's receive interrupts; the
 * sockets below a driver that has none but receives from the kernel (af_packet, af_xdp); a timer
 * (idle.c).
 *
 * Those drivers show their sockets to nobody. But a socket is found by asking every
 * descriptor for its family, before the driver is started and after: what came is the driver's. It
 * is only waited for here, never read.
 *
 * Some drivers promise interrupts that never come, of e1000e for one, whose vectors DPDK 22.11 does
 * not set up. So there is the timer as well, until the first one has come.
 *
 * DPDK's tap driver gives its descriptors as interrupts that need not be enabled. But it does not
 * look at them before a signal has told it to, which may come later than the wake-up: so there is
 * the timer as well, soon after each.
 */
#include <errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/dpdk/wait.h"

static bool feeds_a_driver(int fd)
{
	int family = 0;
	socklen_t len = sizeof(family);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
	       (family == AF_PACKET || family == AF_XDP);
}

void wait_sockets(struct sockets *s)
{
	memset(s, 0, sizeof(*s));
	for (unsigned fd = 0; fd < WAIT_DESCRIPTORS; fd++)
		if (feeds_a_driver((int)fd))
			s->set[fd / 64] |= UINT64_C(1) << fd % 64;
}

static bool add(struct wait *w, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return fd >= 0 && epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool is_tap(uint16_t id)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(id, &info) == 0 && strcmp(info.driver_name, "net_tap") == 0;
}

static bool add_interrupts(struct wait *w, uint16_t id, unsigned queues, bool tap)
{
	uint32_t level = rte_log_get_global_level();
	bool all = true;

	/* To have none is no error worth a line. */
	rte_log_set_global_level(RTE_LOG_EMERG);
	for (uint16_t q = 0; q < queues && all; q++) {
		/* Some drivers accept the wish for interrupts and have none. */
		all = add(w, rte_eth_dev_rx_intr_ctl_q_get_fd(id, q)) &&
		      (tap || (rte_eth_dev_rx_intr_enable(id, q) == 0 &&
			       rte_eth_dev_rx_intr_disable(id, q) == 0));
	}
	rte_log_set_global_level(level);
	return all;
}

/* Every queue has one, or waiting for them would not do. */
static bool add_sockets(struct wait *w, unsigned queues, const struct sockets *before)
{
	struct sockets now;
	unsigned n = 0;

	wait_sockets(&now);
	for (unsigned fd = 0; fd < WAIT_DESCRIPTORS; fd++)
		if (now.set[fd / 64] & ~before->set[fd / 64] & UINT64_C(1) << fd % 64)
			n += add(w, (int)fd);
	return n >= queues;
}

int wait_open(struct wait *w, uint16_t id, unsigned queues, bool interrupts,
	      const struct sockets *before)
{
	w->fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	if (interrupts && add_interrupts(w, id, queues, is_tap(id)))
		w->how = is_tap(id) ? WAIT_TAP : WAIT_INTERRUPT;
	else if (add_sockets(w, queues, before))
		w->how = WAIT_SOCKET;
	if (w->how == WAIT_SOCKET)
		return 0;
	if (idle_open(&w->idle) || !add(w, w->idle.fd))
		return -errno;
	return 0;
}

/* The descriptors of interrupts are not read, and stay readable from the first one on. */
static bool interrupted(const struct wait *w)
{
	struct epoll_event ev[2];
	int n = epoll_wait(w->fd, ev, 2, 0);

	for (int i = 0; i < n; i++)
		if (ev[i].data.fd != w->idle.fd)
			return true;
	return false;
}

void wait_arm(struct wait *w)
{
	if (w->how == WAIT_INTERRUPT && !w->proven) {
		w->proven = interrupted(w);
		if (!w->proven)
			idle_arm(&w->idle);
	}
	if (w->how == WAIT_TAP && !idle_expired(&w->idle))
		idle_reset(&w->idle);
	if (w->how == WAIT_TIMER || w->how == WAIT_TAP)
		idle_arm(&w->idle);
}

const char *wait_name(const struct wait *w)
{
	static const char *const names[] = {
		[WAIT_TIMER] = "timer",
		[WAIT_SOCKET] = "socket",
		[WAIT_INTERRUPT] = "interrupt",
		[WAIT_TAP] = "descriptor",
	};

	return names[w->how == WAIT_INTERRUPT && !w->proven ? WAIT_TIMER : w->how];
}

void wait_close(struct wait *w)
{
	idle_close(&w->idle);
	if (w->fd >= 0)
		close(w->fd);
}
