/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's virtqueues, all bytes the fuzzer's: options, then memory with descriptors, avail and
 * used rings of two pairs of queues in front. What it sends is sent to another one with the same
 * bytes in its memory.
 */
#include <stdlib.h>
#include <string.h>

#include "host/steer.h"
#include "host/virtnet.h"

#define PAIRS 2u
#define SIZE 16u
#define QUEUE_BYTES 0x400u
#define MEMORY 0x4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void queue(struct vring_queue *r, uint8_t *at, uint8_t options)
{
	*r = (struct vring_queue){
		.size = SIZE,
		.desc = (void *)at,
		.avail = (void *)(at + 0x100),
		.used = (void *)(at + 0x200),
		.event_idx = options & 8,
		.packed = options & 64,
	};
	r->next = r->done = r->packed ? VP_WRAP : 0;
	/* Of a zland that is no more. */
	if (r->packed && options & 128) {
		r->next = r->done = vring_position(r);
		r->heal = SIZE;
	}
}

static void guest(struct virtnet v[PAIRS], struct vring_mem *mem, uint8_t *memory,
		  const uint8_t *data, size_t size)
{
	memset(memory, 0, MEMORY);
	memcpy(memory, data + 1, size - 1 < MEMORY ? size - 1 : MEMORY);
	mem->n = 2;
	mem->region[0] = (struct vring_region){0, MEMORY / 2, memory};
	mem->region[1] = (struct vring_region){MEMORY / 2, MEMORY / 2, memory + MEMORY / 2};
	for (unsigned i = 0; i < PAIRS; i++) {
		memset(&v[i], 0, sizeof(v[i]));
		v[i].mergeable = data[0] & 1;
		v[i].hdr_len = data[0] & 3 ? 12 : 10;
		v[i].guest_csum = data[0] & 4;
		v[i].mem = mem;
		virtnet_init(&v[i]);
		virtnet_open(&v[i]);
		queue(&v[i].out, memory + 2 * i * QUEUE_BYTES, data[0]);
		queue(&v[i].in, memory + (2 * i + 1) * QUEUE_BYTES, data[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_burst b;
	static struct virtnet from[PAIRS], to[PAIRS];
	static struct vring_mem mem[2];
	static struct steer steer;
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	uint8_t *memory = size ? aligned_alloc(16, 2 * MEMORY) : NULL;
	enum vs_drop why;
	bool call = false;

	if (!memory)
		return 0;
	memset(&steer, 0, sizeof(steer));
	guest(from, &mem[0], memory, data, size);
	guest(to, &mem[1], memory + MEMORY, data, size);
	for (unsigned i = 0; i < 8; i++) {
		struct virtnet *v = &from[i % PAIRS];

		if (!virtnet_rx(v, &b, dropped))
			continue;
		for (unsigned k = 0; k < b.n; k++) {
			struct vs_ref ref = {(uint8_t)k, (uint8_t)(data[0] >> 4 & 3)};
			uint32_t hash = steer_hash(b.head[k], b.headlen[k]);

			virtnet_tx(&to[steer_queue(&steer, hash, PAIRS)], &b, &ref, 1, &why, &call);
			steer_learn(&steer, hash, i % PAIRS);
		}
		virtnet_rx_done(v);
		vring_arm(&v->out);
	}
	free(memory);
	return 0;
}
