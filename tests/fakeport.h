/* SPDX-License-Identifier: Apache-2.0 */
/* A port for tests: frames are injected, and what the switch delivers is collected. */
#ifndef TESTS_FAKEPORT_H
#define TESTS_FAKEPORT_H

#include "vswitch/vswitch.h"

#define FAKE_FRAMES 512
#define FAKE_BYTES 2048

struct fake_frame {
	uint32_t len;
	uint8_t flags;
	uint16_t csum_start, csum_offset, gso_size, hdrlen;
	uint8_t data[FAKE_BYTES];
};

struct fake_port {
	struct fake_frame *in, *out; /* FAKE_FRAMES each */
	unsigned n_in, at_in, n_out;
	unsigned room;	/* frames it still takes */
	unsigned burst; /* frames a fetch yields at most */
	unsigned done;	/* calls of rx_done */
	unsigned caps;
	uint32_t frame_max;
	enum vs_drop refuse_with;
};

void fake_init(struct fake_port *f);
void fake_fini(struct fake_port *f);
/* Queue a frame for the next fetch. Return: it, to add offload fields, or NULL if full. */
struct fake_frame *fake_inject(struct fake_port *f, const void *data, uint32_t len);
/* Forget what was collected. */
void fake_clear(struct fake_port *f);
extern const struct vs_port_ops fake_ops;

/*
 * Build an Ethernet frame: tci < 0: untagged. The payload is a pattern made of seed.
 * Return: its length, len or at least the header's.
 */
uint32_t fake_frame(uint8_t *to, const uint8_t dst[6], const uint8_t src[6], int tci, uint32_t len,
		    unsigned seed);

#endif
