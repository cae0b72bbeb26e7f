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
 *
 * Input queues may be filled by several workers. What is empty from the cursor on is leased from
 * the front, filled without a lock, and handed over in ring order:
 *
 *	      cursor     leased = 5
 *	 ------|----------------|-------------
 *	 guest's  A  B  B  A  C    empty, or still the guest's
 *
 * A worker whose buffers are not at the cursor when it has filled them marks them and goes on; the
 * one whose buffers are at the cursor hands them over and all marked ones behind. So nobody waits
 * for a slow worker; only what it holds up is seen later. All 128 may be leased: then there is no
 * room, which is the receiver's loss as ever. The lock is held to read the offered entries and to
 * move the cursor, never while frames are copied.
 */
#include "qdio/qdio.h"

#include <sched.h>

#define LOCK_SPINS 512 /* then let others run: microseconds */

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

static void put_error(struct qdio_queue *q, unsigned buffer, uint8_t entry, uint8_t reason)
{
	struct qdio_sbal *sbal = q->sbal[buffer % QDIO_BUFFERS];

	if (!sbal)
		return;
	sbal->e[QDIO_SBALF_ERROR_ENTRY].sflags = entry;
	sbal->e[QDIO_SBALF_ERROR_REASON].sflags = reason;
}

static void advance(struct qdio_queue *q, unsigned n)
{
	q->cursor = (uint8_t)((q->cursor + n) % QDIO_BUFFERS);
	/*
	 * 12 row 4 wants a full barrier before the next look decides to go idle.
	 * It is in the port's arm operation, once, instead of here, every time.
	 */
}

void qdio_out_complete(struct qdio_queue *q, const struct qdio_result *res, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (res[i].state == QDIO_OUT_ERROR) {
			put_error(q, q->cursor + i, res[i].entry, res[i].reason);
			q->errors++;
		}
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(state_of(q, i), res[i].state, memory_order_release);
	advance(q, n);
}

void qdio_out_emptied(struct qdio_queue *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(state_of(q, i), QDIO_OUT_EMPTY, memory_order_release);
	advance(q, n);
}

/* ---- leases ---------------------------------------------------------------------------- */

enum qdio_mark { MARK_NONE, MARK_FILLED, MARK_BAD };

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void lock(struct qdio_queue *q)
{
	unsigned n = 0;

	while (atomic_exchange_explicit(&q->lock, true, memory_order_acquire))
		do {
			relax();
			/* Its holder may have lost its processor, perhaps to us. */
			if (++n % LOCK_SPINS == 0)
				sched_yield();
		} while (atomic_load_explicit(&q->lock, memory_order_relaxed));
}

static void unlock(struct qdio_queue *q)
{
	atomic_store_explicit(&q->lock, false, memory_order_release);
}

unsigned qdio_in_lease(struct qdio_queue *q)
{
	lock(q);
	return (q->cursor + q->leased) % QDIO_BUFFERS;
}

void qdio_in_leased(struct qdio_queue *q, unsigned n)
{
	q->leased = (uint8_t)(q->leased + n);
	unlock(q);
}

static void hand_over(struct qdio_queue *q, uint8_t state)
{
	/*
	 * release: the worker's own stores, and by the lock those of the workers that only left
	 * marks.
	 */
	atomic_store_explicit(state_of(q, 0), state, memory_order_release);
	q->cursor = (uint8_t)((q->cursor + 1) % QDIO_BUFFERS);
	q->leased--;
}

/* Also what others have filled behind it. Return: whether a bad buffer was among them. */
static bool hand_over_all(struct qdio_queue *q, unsigned n, bool bad)
{
	for (; n > (bad ? 1u : 0u); n--)
		hand_over(q, QDIO_IN_PRIMED);
	if (n)
		hand_over(q, QDIO_IN_ERROR);
	while (q->leased && q->mark[q->cursor] != MARK_NONE) {
		bool this_bad = q->mark[q->cursor] == MARK_BAD;

		q->mark[q->cursor] = MARK_NONE;
		bad |= this_bad;
		hand_over(q, this_bad ? QDIO_IN_ERROR : QDIO_IN_PRIMED);
	}
	return bad;
}

static void mark(struct qdio_queue *q, unsigned first, unsigned n, bool bad)
{
	for (unsigned i = 0; i < n; i++)
		q->mark[(first + i) % QDIO_BUFFERS] = bad && i == n - 1 ? MARK_BAD : MARK_FILLED;
}

/*
 * n buffers are the guest's now: does it have to be told? @before: the state in front of them.
 * 9.5 A: pairs with the guest's "store 0x80 at n-1, barrier, load n". If it still polls (0x81) or
 * has not reached the previous buffer, for which a signal exists (0x82), it will find these by
 * itself.
 */
static bool is_due(const struct qdio_queue *q, const _Atomic uint8_t *before, unsigned n)
{
	uint8_t prev;

	atomic_thread_fence(memory_order_seq_cst);
	prev = atomic_load_explicit(before, memory_order_relaxed);
	return q->always || n >= QDIO_BUFFERS || (prev != QDIO_IN_ACK && prev != QDIO_IN_PRIMED);
}

bool qdio_in_publish(struct qdio_queue *q, unsigned first, unsigned n, bool bad)
{
	_Atomic uint8_t *before = &q->slsb[(first + QDIO_BUFFERS - 1) % QDIO_BUFFERS];
	bool signal = false;
	uint8_t leased;

	if (!n)
		return false;
	if (bad)
		put_error(q, first + n - 1, 0, QDIO_REASON_BAD_BUFFER);
	lock(q);
	q->errors += bad;
	if (first != q->cursor) {
		mark(q, first, n, bad);
		goto out;
	}
	leased = q->leased;
	signal = hand_over_all(q, n, bad);
	n = leased - q->leased;
	signal |= is_due(q, before, n);
out:
	unlock(q);
	return signal;
}

bool qdio_in_publish_alone(struct qdio_queue *q, unsigned n, bool bad)
{
	_Atomic uint8_t *before = &q->slsb[(q->cursor + QDIO_BUFFERS - 1) % QDIO_BUFFERS];
	bool signal;

	if (!n)
		return false;
	if (bad)
		put_error(q, q->cursor + n - 1, 0, QDIO_REASON_BAD_BUFFER);
	q->errors += bad;
	q->leased = (uint8_t)n;
	signal = hand_over_all(q, n, bad);
	return is_due(q, before, n) || signal;
}

void qdio_queue_prefetch(const struct qdio_queue *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(q->sbal[(q->cursor + i) % QDIO_BUFFERS]);
}
