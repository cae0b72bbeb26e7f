/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switch with two plain TAP ports and zland's worker threads, for tests/bench/peer/net.sh:
 *
 *   bench --taps NETNS IF NETNS IF
 *
 * prints "ready" and runs until its standard input ends.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "cp/worker.h"
#include "host/host.h"
#include "tests/bench/bench.h"

static void enter(const char *netns)
{
	char path[256];
	int ns;

	snprintf(path, sizeof(path), "/var/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		bench_die("entering a network namespace");
	close(ns);
}

int bench_taps(char **arg)
{
	struct vs_switch_config cfg = {.name = "TAPS"};
	struct vs_switch *sw = vs_switch_create(&cfg);
	struct cp_workers *workers = cp_workers_start(1, NULL);
	struct host_tap *tap[2];
	struct vs_port *port[2];
	char byte;

	if (!sw || !workers)
		bench_die("making a switch");
	for (unsigned i = 0; i < 2; i++) {
		struct vs_port_config pc = {.role = VS_ROLE_GUEST, .learning = true};
		struct vs_link link;

		snprintf(pc.name, sizeof(pc.name), "TAP%u", i);
		enter(arg[2 * i]);
		tap[i] = host_tap_open(arg[2 * i + 1], 0);
		port[i] = vs_port_create(sw, &pc);
		if (!tap[i] || !port[i])
			bench_die("making a TAP");
		vs_port_assign(port[i], cp_workers_pick(workers, port[i]));
		host_tap_set_carrier(tap[i], true);
		link = vs_port_link(port[i]);
		if (link.ops->start(link.ctx, host_tap_ops(), tap[i]))
			bench_die("starting a port");
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	for (unsigned i = 0; i < 2; i++) {
		vs_port_destroy(port[i]);
		host_tap_close(tap[i]);
	}
	cp_workers_stop(workers);
	vs_switch_destroy(sw);
	return 0;
}
