/* SPDX-License-Identifier: Apache-2.0 */
/* What ports have in common that make frames out of nothing and are never idle. */
#ifndef TESTS_BENCH_BUSYPORT_H
#define TESTS_BENCH_BUSYPORT_H

#include "vswitch/port.h"

static inline void busy_rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

static inline bool busy_arm(void *port)
{
	(void)port;
	return true;
}

static inline void busy_disarm(void *port)
{
	(void)port;
}

static inline int busy_wait_fd(void *port)
{
	(void)port;
	return -1;
}

static inline unsigned busy_caps(void *port)
{
	(void)port;
	return 0;
}

static inline uint32_t busy_frame_max(void *port)
{
	(void)port;
	return 1514;
}

#endif
