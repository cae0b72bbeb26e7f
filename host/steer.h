/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a guest's queues a frame goes to: the one it sends the same flow from, so that a
 * flow stays with one of its processors; one by the flow's hash as long as it has sent nothing.
 * Source: virtio 1.2, 5.1.6.5.6 "automatic receive steering".
 *
 * Threads: any; an entry is a hint.
 */
#ifndef HOST_STEER_H
#define HOST_STEER_H

#include <stdatomic.h>
#include <stdint.h>

#define STEER_FLOWS 256u
#define STEER_QUEUES 255u

struct steer {
	_Atomic uint8_t queue[STEER_FLOWS]; /* 0: not known, else one more than its number */
};

/* The same for both directions of a flow. @head: the frame's first len bytes. */
uint32_t steer_hash(const uint8_t *head, uint32_t len);

/* The guest sent a frame of the flow from a queue (below STEER_QUEUES). */
static inline void steer_learn(struct steer *s, uint32_t hash, unsigned queue)
{
	_Atomic uint8_t *e = &s->queue[hash % STEER_FLOWS];

	/* relaxed: a byte on its own. Written only if it changes: senders read the line. */
	if (atomic_load_explicit(e, memory_order_relaxed) != queue + 1)
		atomic_store_explicit(e, (uint8_t)(queue + 1), memory_order_relaxed);
}

/* Return: the queue, of n. */
static inline unsigned steer_queue(const struct steer *s, uint32_t hash, unsigned n)
{
	unsigned q = atomic_load_explicit(&s->queue[hash % STEER_FLOWS], memory_order_relaxed);

	return q && q <= n ? q - 1 : hash % n;
}

#endif
