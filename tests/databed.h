/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An adapter in layer 3 whose queues are laid out by hand in storage of the test's own: output
 * buffers are written, what they become is looked at; frames are delivered, what is stored
 * in input buffers is read back.
 */
#ifndef TESTS_DATABED_H
#define TESTS_DATABED_H

#include "tests/osa_rig.h"

#define BED_STORAGE (16u << 20)
#define BED_IN 0x100000u  /* 64 KiB for each of the 128 input buffers */
#define BED_OUT 0xA00000u /* 64 KiB for each of 64 output buffers */
#define BED_FRAME 9100u

struct databed {
	struct osa_rig *rig;
	struct qdio_storage st;
	uint8_t *mem;
	struct vs_burst b;
	uint64_t dropped[VS_DROP_COUNT + 1];
	unsigned offered, read, written; /* buffers */
};

/* Online with STARTLAN done and a running data path. */
struct databed *databed_make(size_t bytes);
void databed_free(struct databed *bd);

/* Prime the next output buffer: one frame of a 32-byte header (and extension) and data, in pieces
 * of at most piece bytes behind the first, which has hdr bytes and first more; 0: one element. */
void databed_send(struct databed *bd, const void *hdr, uint32_t hdr_len, const void *data,
		  uint32_t len, uint32_t first);
unsigned databed_fetch(struct databed *bd);
void databed_done(struct databed *bd);
/* Frame i of the burst in one piece. Return: its length. */
uint32_t databed_join(const struct databed *bd, unsigned i, uint8_t *to);

/* Offer input buffers of full size until n are there. */
void databed_offer(struct databed *bd, unsigned n);
/* Deliver a frame (edit and TCI as the switch would give). Return: frames taken. */
unsigned databed_deliver(struct databed *bd, const uint8_t *frame, uint32_t len, uint8_t flags,
			 uint8_t edit, uint16_t tci);
/* Throw away what filled buffers hold. */
void databed_discard(struct databed *bd);
/* The one packet of the next filled buffer. Return: false: none was filled. */
bool databed_receive(struct databed *bd, struct osa_l3_hdr *hdr, uint8_t *data, uint32_t *len);

#endif
