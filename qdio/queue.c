/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues: the ring discipline of spec/qdio.md 4.4 with the memory order of 12.
 *
 * Each queue has one cursor. Output buffers are looked at from the cursor on
 * while they are primed; input buffers are filled from the cursor on while they
 * are empty. Nothing is skipped and nothing is searched for. A side touches a
 * buffer only while it owns it, and the store of the state byte is the transfer,
 * so every state is loaded with acquire and stored with release order.
 *
 * States are single bytes with different owners side by side: loads and
 * stores never get wider than a byte.
 */
#include "qdio/qdio.h"

static _Atomic uint8_t *state_of(const struct qdio_queue *q, unsigned i)
{
	return &q->slsb[(q->cursor + i) % QDIO_BUFFERS];
}

unsigned qdio_out_primed(const struct qdio_queue *q, unsigned max)
{
	unsigned n = 0;

	while (n < max && n < QDIO_BUFFERS &&
	       atomic_load_explicit(state_of(q, n), memory_order_relaxed) == QDIO_OUT_PRIMED)
		n++;
	/* 12 row 1: the SBALs behind the states just seen are read after them. */
	atomic_thread_fence(memory_order_acquire);
	return n;
}

static void put_error(struct qdio_queue *q, unsigned i, const struct qdio_result *res)
{
	struct qdio_sbal *sbal = q->sbal[(q->cursor + i) % QDIO_BUFFERS];

	q->errors++;
	if (!sbal)
		return;
	sbal->e[QDIO_SBALF_ERROR_ENTRY].sflags = res->entry;
	sbal->e[QDIO_SBALF_ERROR_REASON].sflags = res->reason;
}

void qdio_out_complete(struct qdio_queue *q, const struct qdio_result *res, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (res[i].state == QDIO_OUT_ERROR)
			put_error(q, i, &res[i]);
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(state_of(q, i), res[i].state, memory_order_release);
	q->cursor = (uint8_t)((q->cursor + n) % QDIO_BUFFERS);
	/*
	 * 12 row 4 wants a full barrier before the next look decides to go idle.
	 * It is in the port's arm operation, once, instead of here, every time.
	 */
}

bool qdio_in_empty(const struct qdio_queue *q, unsigned i)
{
	return i < QDIO_BUFFERS &&
	       atomic_load_explicit(state_of(q, i), memory_order_acquire) == QDIO_IN_EMPTY;
}

bool qdio_in_publish(struct qdio_queue *q, unsigned n)
{
	_Atomic uint8_t *before = state_of(q, QDIO_BUFFERS - 1);
	uint8_t prev;

	if (!n)
		return false;
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(state_of(q, i), QDIO_IN_PRIMED, memory_order_release);
	q->cursor = (uint8_t)((q->cursor + n) % QDIO_BUFFERS);
	/*
	 * 9.5 A: pairs with the guest's "store 0x80 at n-1, barrier, load n". If it
	 * still polls (0x81) or has not reached the previous buffer, for which a
	 * signal exists (0x82), it will find these by itself.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	prev = atomic_load_explicit(before, memory_order_relaxed);
	return q->always || n >= QDIO_BUFFERS || (prev != QDIO_IN_ACK && prev != QDIO_IN_PRIMED);
}

void qdio_in_error(struct qdio_queue *q, uint8_t entry, uint8_t reason)
{
	const struct qdio_result res = {QDIO_IN_ERROR, entry, reason};

	put_error(q, 0, &res);
	atomic_store_explicit(state_of(q, 0), res.state, memory_order_release);
	q->cursor = (uint8_t)((q->cursor + 1) % QDIO_BUFFERS);
}

void qdio_queue_prefetch(const struct qdio_queue *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(q->sbal[(q->cursor + i) % QDIO_BUFFERS]);
}
