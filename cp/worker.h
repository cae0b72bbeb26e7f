/* SPDX-License-Identifier: Apache-2.0 */
/* The worker threads of zland: each runs one vs_worker. */
#ifndef CP_WORKER_H
#define CP_WORKER_H

#include "vswitch/vswitch.h"

struct cp_workers;

/*
 * Start n (1 .. VS_WORKERS_MAX) threads.
 * @prepare: called first thing in each thread, NULL for nothing; the start fails if it does.
 * Return: the workers, or NULL and errno (EINVAL, ENOMEM, EAGAIN, EMFILE).
 * Context: control thread, not inside an RCU read-side section.
 */
struct cp_workers *cp_workers_start(unsigned n, int (*prepare)(void));

/* Every port must be gone. Waits for the threads. NULL is legal. */
void cp_workers_stop(struct cp_workers *ws);

/* The worker for a new port: one after the other. Control thread. */
struct vs_worker *cp_workers_pick(struct cp_workers *ws);

/*
 * Something was put into a port's queues without its descriptor: have every sleeping worker look.
 * Context: any thread; never blocks.
 */
void cp_workers_wake(struct cp_workers *ws);

#endif
