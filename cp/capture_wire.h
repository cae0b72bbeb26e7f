/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory a capture's frames pass through: made by zland, mapped by `zlan capture`.
 *
 *   page            what both sides tell each other
 *   ring 0 .. n-1   one per worker, CAPTURE_RING_BYTES each, from CAPTURE_DATA_OFFSET on
 *
 * A ring is a queue of records with one writer (the worker) and one reader. Positions count bytes
 * for ever; position p lies at p % CAPTURE_RING_BYTES. A record starts at a multiple of 8 and never
 * wraps: a record of kind CAPTURE_PAD fills the end of the ring before it.
 *
 * The writer publishes by storing head (release) after the records; the reader frees by storing
 * tail (release) after it has read them. zland writes into this memory only; of what it reads, tail
 * is checked to lie in the ring and asleep costs at most one wake-up in a burst.
 *
 * Sleeping: the reader sets asleep, then (full barrier) looks at the heads once more, then polls
 * the descriptor it was given. zland publishes, then (full barrier) exchanges asleep with 0; if it
 * was set it writes to the other end.
 *
 * All integers are in host byte order: both ends are on one machine.
 */
#ifndef CP_CAPTURE_WIRE_H
#define CP_CAPTURE_WIRE_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "vswitch/vswitch.h"

#define CAPTURE_MAGIC 0x5A4C4350u /* "ZLCP" */
#define CAPTURE_VERSION 1u
#define CAPTURE_RINGS VS_THREADS
#define CAPTURE_RING_BYTES (UINT32_C(4) << 20)
#define CAPTURE_DATA_OFFSET 4096u
#define CAPTURE_BYTES (CAPTURE_DATA_OFFSET + (size_t)CAPTURE_RINGS * CAPTURE_RING_BYTES)
#define CAPTURE_SNAPLEN_MIN 64u
#define CAPTURE_SNAPLEN_MAX 65535u

struct capture_ring {
	_Alignas(64) _Atomic uint64_t head; /* zland: end of what may be read */
	_Atomic uint64_t lost;		    /* zland: frames that found no room */
	_Alignas(64) _Atomic uint64_t tail; /* reader: beginning of what may not be overwritten */
};
static_assert(sizeof(struct capture_ring) == 128, "capture ring");

struct capture_page {
	uint32_t magic; /* zland, once: these four */
	uint32_t version;
	uint32_t rings;
	uint32_t ring_bytes;
	_Atomic uint32_t ended;		      /* zland: what was captured is gone */
	_Alignas(64) _Atomic uint32_t asleep; /* reader sets it, zland takes it back */
	struct capture_ring ring[CAPTURE_RINGS];
};
static_assert(sizeof(struct capture_page) <= CAPTURE_DATA_OFFSET, "capture page");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "shared atomics");

enum capture_kind { CAPTURE_PAD, CAPTURE_FRAME };

struct capture_record {
	uint32_t bytes; /* to the next record: a multiple of 8 */
	uint8_t kind;
	uint8_t dir;	/* enum vs_capture_dir */
	uint8_t reason; /* enum vs_drop */
	uint8_t reserved;
	/* of CAPTURE_FRAME only */
	uint64_t ns; /* CLOCK_REALTIME */
	uint32_t len;
	uint32_t caplen;	  /* bytes of the frame behind the record */
	char port[VS_NAME_BYTES]; /* padded with NUL */
};
static_assert(sizeof(struct capture_record) == 48, "capture record");
static_assert(offsetof(struct capture_record, ns) == 8, "pad record fits in 8 bytes");

#endif
