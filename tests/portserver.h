/* SPDX-License-Identifier: Apache-2.0 */
/* zland's port socket with a control program and a worker, on threads of the test's process. */
#ifndef TESTS_PORTSERVER_H
#define TESTS_PORTSERVER_H

#include <pthread.h>

#include "cp/portsock.h"

struct cp_workers;

struct portserver {
	char dir[64]; /* of its own; the socket is in it */
	struct cp_workers *workers;
	struct event_base *base;
	struct cp *cp;
	struct cp_portsock *ps;
	struct event *job;
	int job_fd[2];
	pthread_t thread;
};

/* Make the directory; nothing runs yet. */
void portserver_init(struct portserver *s);
void portserver_fini(struct portserver *s);
/* VSWITCH VSW1, for both layers, VLAN unaware, with NICs ONE/0600 and TWO/0600. */
void portserver_start(struct portserver *s);
void portserver_stop(struct portserver *s);
/* Execute a command on its thread; the test fails if it does. */
void portserver_command(struct portserver *s, const char *line);
/* Counters of a NIC's port ("ONE/0600"). */
void portserver_counters(struct portserver *s, const char *nic, struct vs_counters *out);

#endif
