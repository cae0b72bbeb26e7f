/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a driver and its adapter say to each other on the three subchannels, written to a file in
 * the format of tests/data/README.md: operand "trace FILE". The whole control dialogue, the control
 * blocks of ESTABLISH QUEUES, and the first buffers and signals after each step of the driver.
 *
 * Any thread; events of one file are written one after the other. Whoever calls waits for the file
 * system, also a processor with CHSC: a tool, not for daily use.
 */
#ifndef GUEST_HERCULES_RECORD_H
#define GUEST_HERCULES_RECORD_H

#include "guest/hercules/zosa.h"

struct record;

/*
 * Begin a file; an old one is replaced.
 * @st, @place: of the adapter; copied.
 * Return: the recording, or NULL and errno.
 */
struct record *record_open(const char *path, const struct qdio_storage *st,
			   const struct zosa_place *place);
/* NULL is legal. */
void record_close(struct record *r);

/* ---- r may be NULL in all of these ---- */

/* A command is about to be executed: START if it is the first of its program, CCW, WRITE... */
void record_begin(struct record *r, unsigned dev, const struct qdio_single *cmd);
/* It has ended: STATUS if it is the last, and what it has stored. */
void record_end(struct record *r, unsigned dev, const struct qdio_single *cmd,
		const struct zosa_end *end);
/* It has been left. */
void record_stop(struct record *r, unsigned dev, enum emu_stop why);
/* Request and response of one CHSC, unless they name another adapter's subchannel. */
void record_chsc(struct record *r, const uint8_t block[QDIO_CHSC_BLOCK_BYTES], int cc);

/* A processor's SIGA: function code and mask of queues, all that a handler is told. */
void record_siga(struct record *r, unsigned fc, uint32_t mask);
/* A program-controlled interruption is raised. */
void record_pci(struct record *r, const struct qdio_irb *irb);

/* ---- r must not be NULL ---- */

/*
 * Before and after the adapter looked at its active queues: see record_buffers.c. The thread that
 * moves their cursors.
 */
void record_before(struct record *r, const struct qdio_queues *qs);
void record_after(struct record *r, const struct qdio_queues *qs);

#endif
