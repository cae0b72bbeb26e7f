/* SPDX-License-Identifier: Apache-2.0 */
/* Between record.c and record_buffers.c. */
#ifndef GUEST_HERCULES_RECORD_PRIV_H
#define GUEST_HERCULES_RECORD_PRIV_H

#include <stdio.h>

#include "guest/hercules/record.h"

/* How much of a kind is still to be written; the rest is left out. */
enum record_kind { RECORD_IN, RECORD_OUT, RECORD_SIGA, RECORD_PCI, RECORD_KINDS };

/* Of one queue: what has been written and is still before its cursor, which is the data thread's.
 */
struct record_queue {
	uint8_t cursor;
	unsigned shown;	 /* buffers from the cursor on */
	unsigned primed; /* of an output queue, as last seen */
};

struct record {
	FILE *file; /* its lock keeps events apart, and guards what follows */
	struct qdio_storage st;
	struct zosa_place place;
	unsigned seq;
	uint64_t first_us;
	uint8_t pmcw[QDIO_DEVICES][EMU_PMCW_BYTES]; /* as last noted */
	struct qdio_orb orb[QDIO_DEVICES];
	unsigned ccws[QDIO_DEVICES]; /* of the program so far */
	struct qdio_qdr qdr;	     /* of the last ESTABLISH QUEUES */

	unsigned left[RECORD_KINDS];
	unsigned large; /* elements written in full so far */
	struct record_queue in, out[QDIO_OUT_QUEUES_MAX];
};

/*
 * Begin a line: number, time, channel (r, w, d, -) and what the format says. The file is locked.
 */
void __attribute__((format(printf, 3, 4)))
record_head(struct record *r, char ch, const char *fmt, ...);
/* End it: payload without the lines of zeros at its end. */
void record_tail(struct record *r, const uint8_t *data, size_t len);

/* At least n more of every kind; a new set of queues. The file is locked. */
void record_more(struct record *r, unsigned n);
void record_queues_new(struct record *r);

#endif
