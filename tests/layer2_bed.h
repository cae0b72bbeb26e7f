/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer-2 data path on queues laid out by hand, and a reader of input buffers written from
 * spec/osa-qeth.md 7.7 alone.
 */
#ifndef TESTS_LAYER2_BED_H
#define TESTS_LAYER2_BED_H

#include "tests/osa_rig.h"

#define L2_STORAGE (16u << 20)
#define L2_DATA_IN 0x100000u /* 64 KiB for each of the 128 input buffers */
#define L2_DATA_OUT 0xA00000u

struct l2_bed {
	struct osa_rig *rig;
	struct qdio_storage st;
	uint8_t *mem;
	struct vs_burst b;
	uint64_t dropped[VS_DROP_COUNT + 1];
	/* Of input buffers offered: elements do not lie back to back; of sixteen none is the last.
	 */
	bool scattered, open_ended;
};

/* The states of an input queue (0) or of output queue n - 1. */
_Atomic uint8_t *l2_slsb(struct l2_bed *bd, unsigned queue);
struct l2_bed *l2_bed_make(size_t bytes);
void l2_bed_free(struct l2_bed *bd);

/* The adapter takes a burst to b, and gives its buffers back. */
unsigned l2_fetch(struct l2_bed *bd);
void l2_done(struct l2_bed *bd);
/* The bytes of frame i of a burst. Return: how many. */
uint32_t l2_join(const struct vs_burst *b, unsigned i, uint8_t *to);

void l2_put_entry(struct qdio_sbal *s, unsigned e, uint8_t eflags, uint32_t len, uint64_t addr);
/* Offer input buffer i with n elements of the given lengths. */
void l2_offer(struct l2_bed *bd, unsigned i, const uint32_t *len, unsigned n);
/* Frames in a filled buffer, at most max. Return: how many. */
unsigned l2_read_back(struct l2_bed *bd, unsigned i, uint8_t (*frame)[9100], uint32_t *flen,
		      unsigned max);

#endif
