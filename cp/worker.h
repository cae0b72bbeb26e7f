/* SPDX-License-Identifier: Apache-2.0 */
/* The worker threads of zland: each runs one vs_worker. */
#ifndef CP_WORKER_H
#define CP_WORKER_H

#include <sched.h>

#include "vswitch/vswitch.h"

struct cp_workers;

/* One for each processor this process may use but one, which the guests need; at least one. */
unsigned cp_workers_default(void);

/*
 * Start n (1 .. VS_WORKERS_MAX) threads.
 * @prepare: called first thing in each thread, NULL for nothing; the start fails if it does.
 * Return: the workers, or NULL and errno (EINVAL, ENOMEM, EAGAIN, EMFILE).
 * Context: control thread, not inside an RCU read-side section.
 */
struct cp_workers *cp_workers_start(unsigned n, int (*prepare)(void));

/* No port may be assigned to any. Waits for the threads. NULL is legal. */
void cp_workers_stop(struct cp_workers *ws);

/*
 * From now on n threads. The ports of those that end go to the others, new ones get as many as the
 * others have: no frame is lost or overtakes another of its port.
 * @cpus: worker i is bound to the i-th of these processors, beginning again behind the last; NULL:
 * to none.
 * Return: 0 or -errno: as many as could be started, or could not be ended, are there. Control
 * thread.
 */
int cp_workers_set(struct cp_workers *ws, unsigned n, const cpu_set_t *cpus);

/*
 * The worker for a port: the one it is pinned to (vs_port_load), else, or while that one is not
 * there, the one with the fewest. @p: NULL: one that is pinned to none. Control thread.
 */
struct vs_worker *cp_workers_pick(struct cp_workers *ws, struct vs_port *p);

/*
 * Something was put into a port's queues without its descriptor: have every sleeping worker look.
 * Context: the control thread or a worker; never blocks.
 */
void cp_workers_wake(struct cp_workers *ws);

/* Once a second: take the loads, and move a port if that pays. Control thread. */
void cp_workers_tick(struct cp_workers *ws, uint32_t now_s);

struct cp_worker_info {
	struct vs_worker *vsw; /* its ports: vs_worker_port */
	int cpu;	       /* bound to, or -1 */
	uint64_t busy_cycles, idle_cycles;
	uint32_t busy_permille, idle_permille; /* of the last second; the rest it slept */
	uint64_t sleeps;
	uint64_t woken_by_ports, woken_by_zland;
	uint64_t moved; /* ports it was given because of the load */
};
/* Return: false: there is no worker i. Control thread. */
bool cp_worker_info(const struct cp_workers *ws, unsigned i, struct cp_worker_info *out);

#endif
