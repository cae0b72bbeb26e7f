/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a capture's ring (capture_wire.h). No descriptors here. */
#ifndef CP_CAPTURE_RING_H
#define CP_CAPTURE_RING_H

#include "cp/capture_wire.h"

/* The writer's own indices: what the reader does to the shared ones cannot move it. */
struct cp_ring_writer {
	_Alignas(64) struct capture_ring *shared;
	uint8_t *data;
	uint32_t size;
	uint64_t head; /* end of what was written; published by cp_ring_publish */
	uint64_t tail; /* reader's, as last seen */
	uint64_t lost;
};

/* @size: power of two, multiple of 8. */
void cp_ring_writer_init(struct cp_ring_writer *w, struct capture_ring *shared, uint8_t *data,
			 uint32_t size);
/*
 * Append a frame, not yet visible to the reader. A frame that finds no room is counted as lost.
 * @port: the port's name. Context: the one thread that writes this ring; never waits.
 */
void cp_ring_put(struct cp_ring_writer *w, const struct vs_capture_frame *f, const char *port);
void cp_ring_publish(struct cp_ring_writer *w);

/* A frame in the ring; port is a copy with its NUL, data points into the ring. */
struct cp_ring_frame {
	uint64_t ns;
	uint8_t dir, reason;
	uint32_t len, caplen;
	char port[VS_NAME_BYTES + 1];
	const uint8_t *data;
};

struct cp_ring_reader {
	struct capture_ring *shared;
	const uint8_t *data;
	uint32_t size;
	uint64_t head; /* end of this batch */
	uint64_t tail; /* next record */
};

void cp_ring_reader_init(struct cp_ring_reader *r, struct capture_ring *shared, const uint8_t *data,
			 uint32_t size);
/*
 * Begin a batch: what has been published up to now.
 * Return: true if there is something, or the ring makes no sense (cp_ring_next tells).
 */
bool cp_ring_refresh(struct cp_ring_reader *r);
/*
 * The next frame of the batch; stays valid until cp_ring_release.
 * Return: 1, 0 at the end of the batch, -EPROTO if the ring makes no sense.
 */
int cp_ring_next(struct cp_ring_reader *r, struct cp_ring_frame *f);
/* The frames handed out so far may be overwritten. */
void cp_ring_release(struct cp_ring_reader *r);
uint64_t cp_ring_lost(const struct cp_ring_reader *r);

#endif
