/* SPDX-License-Identifier: Apache-2.0 */
/* A switch with QDIO guests in this process: its workers on threads, the guests on the caller's. */
#ifndef TESTS_BENCH_BED_H
#define TESTS_BENCH_BED_H

#include <pthread.h>

#include "common/stage.h"
#include "guest/guest.h"
#include "osa/osa_wire.h"
#include "tests/inproc.h"
#include "vswitch/vswitch.h"

#define BED_GUESTS_MAX 8
#define BED_WORKERS_MAX 2

struct bed_config {
	unsigned guests, workers; /* guest i is served by worker i / 2 % workers */
	uint16_t mtu;
	unsigned in_bytes;     /* of an input buffer; 0: 64 KiB */
	unsigned pool, window; /* input and output buffers in use at once; 0: 128 */
	bool hipers;	       /* HiperSockets, MFS 64K: the switch only counts */
	bool layer3;	       /* guests of layer 3, on a switch in IP mode */
};

struct bed_side {
	struct inproc machine;
	struct guest_dev *dev;
	struct vs_port *port;
	struct vs_link link;
	uint8_t mac[6];
};

struct bed_worker {
	struct vs_worker *w;
	pthread_t thread;
	unsigned cpu;
	_Atomic bool stop;
	_Atomic uint64_t busy_cycles, frames, polls;
	uint64_t stage[STAGE_COUNT], marks[STAGE_COUNT];
};

struct bed {
	struct vs_switch *sw;
	struct bed_config cfg;
	struct hs_lan *lan; /* of HiperSockets */
	struct osa_l3_hdr header;
	struct bed_side side[BED_GUESTS_MAX];
	struct bed_worker worker[BED_WORKERS_MAX];
};

/* A thread that polls k->w on processor k->cpu, from now on until it is stopped. */
void bed_worker_start(struct bed_worker *k);
void bed_worker_stop(struct bed_worker *k);

/*
 * As many buffers in use as carry about a megabyte each way: a guest that has more in
 * flight than its processor's cache holds, sends from memory. @bytes: of a frame. @per_sbal: frames
 * in an output buffer.
 */
void bed_fit(struct bed_config *cfg, uint32_t bytes, unsigned per_sbal);
struct bed *bed_open(const struct bed_config *cfg);
void bed_close(struct bed *b);
/* Stop the workers; bed_close does if it was not done. */
void bed_stop(struct bed *b);
/* A frame (in layer 3, an IPv4 packet) of len bytes from one guest to another, its contents a
 * pattern. */
void bed_frame(const struct bed *b, uint8_t *f, uint32_t len, unsigned from, unsigned to);
/* What goes in front of it: in layer 3 a header, kept in the bed until the next one; else NULL. */
const uint8_t *bed_header(struct bed *b, uint32_t len, unsigned to);
/* The output queue for frames to one guest. */
unsigned bed_queue(const struct bed *b);
/* What the switch counted as dropped, on all ports. */
uint64_t bed_dropped(const struct bed *b);

/*
 * Waiting for frames on their way. By the clock alone it would say of a busy machine, whose
 * scheduler may keep a worker or us away for seconds, that the switch had lost what it never came
 *to look at.
 *
 *	struct bed_calm calm = {.n = 0};
 *
 *	do {
 *		bed_look(b, &calm);
 *		...take what has arrived...
 *	} while (n != all && !bed_calm(b, &calm, n));
 */
struct bed_calm {
	uint64_t n, since_ns;
	uint64_t polls[BED_WORKERS_MAX], seen[BED_WORKERS_MAX];
};
void bed_look(const struct bed *b, struct bed_calm *c);
/*
 * @n: frames accounted for by now.
 * Return: it has not changed for a second, in which every worker looked a thousand times, and we
 * after it.
 */
bool bed_calm(const struct bed *b, struct bed_calm *c, uint64_t n);

#endif
