/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping beside a driver that can only be polled. 1 ms is as late as a first frame may be while
 * there is traffic now and then; 50 ms, after half a second without any, cost 20 wake-ups a second:
 * about a thousandth of a processor.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host/dpdk/dpdk_priv.h"

#define IDLE_MIN_NS 1000000u
#define IDLE_MAX_NS 50000000u

int idle_open(struct idle *t)
{
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->ns = IDLE_MIN_NS;
	return t->fd < 0 ? -errno : 0;
}

void idle_close(struct idle *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void idle_arm(struct idle *t)
{
	struct itimerspec when = {.it_value.tv_nsec = (long)t->ns};

	/* The worker watches edges: an expiry is one though nobody reads the descriptor. */
	timerfd_settime(t->fd, 0, &when, NULL);
	t->ns += t->ns / 8;
	if (t->ns > IDLE_MAX_NS)
		t->ns = IDLE_MAX_NS;
}

bool idle_expired(struct idle *t)
{
	uint64_t n;

	return read(t->fd, &n, sizeof(n)) == sizeof(n);
}

void idle_reset(struct idle *t)
{
	t->ns = IDLE_MIN_NS;
}
