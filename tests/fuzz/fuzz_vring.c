/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's virtqueues, all bytes the fuzzer's: options, then memory with descriptors, avail and
 * used rings of both queues in front. What it sends is sent to
 * another one with the same bytes in its memory.
 */
#include <stdlib.h>
#include <string.h>

#include "host/virtnet.h"

#define SIZE 16u
#define QUEUE_BYTES 0x400u
#define MEMORY 0x4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void queue(struct vring_queue *r, uint8_t *at, bool event_idx)
{
	*r = (struct vring_queue){
		.size = SIZE,
		.desc = (void *)at,
		.avail = (void *)(at + 0x100),
		.used = (void *)(at + 0x200),
		.event_idx = event_idx,
	};
}

static void guest(struct virtnet *v, struct vring_mem *mem, uint8_t *memory, const uint8_t *data,
		  size_t size)
{
	memset(memory, 0, MEMORY);
	memcpy(memory, data + 1, size - 1 < MEMORY ? size - 1 : MEMORY);
	memset(v, 0, sizeof(*v));
	v->mergeable = data[0] & 1;
	v->hdr_len = data[0] & 3 ? 12 : 10;
	v->guest_csum = data[0] & 4;
	mem->n = 2;
	mem->region[0] = (struct vring_region){0, MEMORY / 2, memory};
	mem->region[1] = (struct vring_region){MEMORY / 2, MEMORY / 2, memory + MEMORY / 2};
	v->mem = mem;
	queue(&v->out, memory, data[0] & 8);
	queue(&v->in, memory + QUEUE_BYTES, data[0] & 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_burst burst;
	static struct virtnet from, to;
	static struct vring_mem mem[2];
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	uint8_t *memory = size ? aligned_alloc(16, 2 * MEMORY) : NULL;
	struct vs_ref ref[VS_BURST];
	enum vs_drop why;

	if (!memory)
		return 0;
	guest(&from, &mem[0], memory, data, size);
	guest(&to, &mem[1], memory + MEMORY, data, size);
	for (unsigned i = 0; i < 4 && virtnet_rx(&from, &burst, dropped); i++) {
		for (unsigned k = 0; k < burst.n; k++)
			ref[k] = (struct vs_ref){(uint8_t)k, (uint8_t)(data[0] >> 4 & 3)};
		virtnet_tx(&to, &burst, ref, burst.n, &why);
		virtnet_tx_done(&to);
		virtnet_rx_done(&from);
		vring_arm(&from.out);
	}
	free(memory);
	return 0;
}
