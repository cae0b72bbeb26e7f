/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEBSM: SQBS and EQBS, buffer states set and extracted by instruction.
 *
 * Source: spec/qdio.md 7. The state bytes in storage stay the single truth; the instructions are
 * the guest's loads and stores of them, with the barriers that the guest leaves to
 * them. Buffers that the device owns are left alone.
 */
#include "qdio/qdio_priv.h"

enum ccq {
	CCQ_DONE = 0,
	CCQ_ERROR = 3, /* any value the guest does not know is an error */
	CCQ_OTHER_STATE = 32,
};

#define CCQ_MASK 0x000000FF00000000ull /* bits 24-31 of R3 */
#define LOW 0xFFFFFFFFull
#define AUTO_ACK (1ull << 63)
#define OWNER_DEVICE 0x40u
#define CC_UNAVAILABLE 2

/* The complement of the identification word: not zero, and no valid plain id. */
uint64_t qdio_token(const struct qdio_group *g)
{
	return ~(uint64_t)QDIO_SCHID(g->cfg.subchannel[atomic_load(&g->data_dev)]);
}

static void set_result(uint64_t *r1, uint64_t *r3, unsigned next, unsigned left, enum ccq ccq)
{
	*r1 = (*r1 & ~LOW) | next % QDIO_BUFFERS;
	*r3 = (*r3 & ~(LOW | CCQ_MASK)) | (uint64_t)ccq << 32 | left;
}

/* The operands both have: queue index and first buffer in R1, count in R3. */
struct operands {
	struct qdio_queue *q;
	unsigned first, count;
};

/* Return: 0, or what the instruction returns. Called with queue_lock held. */
static int decode(struct qdio_group *g, uint64_t token, uint64_t r1, uint64_t *r3,
		  struct operands *op)
{
	uint64_t index = r1 >> 32, first = r1 & LOW, count = *r3 & LOW;
	struct qdio_queues *qs = &g->queues;

	if (!atomic_load(&g->qebsm_on) || token != qdio_token(g)) {
		*r3 = (*r3 & ~CCQ_MASK) | (uint64_t)CCQ_ERROR << 32;
		return CC_UNAVAILABLE;
	}
	if (index >= qs->n_in + qs->n_out || first >= QDIO_BUFFERS || count > QDIO_BUFFERS)
		return -QDIO_PGM_SPECIFICATION;
	op->q = index < qs->n_in ? &qs->in[index] : &qs->out[index - qs->n_in];
	op->first = (unsigned)first;
	op->count = (unsigned)count;
	return 0;
}

static _Atomic uint8_t *state_at(const struct operands *op, unsigned i)
{
	return &op->q->slsb[(op->first + i) % QDIO_BUFFERS];
}

static void set_states(const struct operands *op, uint8_t state, uint64_t *r1, uint64_t *r3)
{
	unsigned n = 0;

	/* No exchange is needed: only the device changes what it owns, only the guest the rest. */
	while (n < op->count && !(atomic_load(state_at(op, n)) & OWNER_DEVICE))
		atomic_store(state_at(op, n++), state);
	set_result(r1, r3, op->first + n, op->count - n, n == op->count ? CCQ_DONE : CCQ_ERROR);
	/* The guest looks at a neighbour next without a barrier of its own (12 row 4). */
	atomic_thread_fence(memory_order_seq_cst);
}

static void extract_states(const struct operands *op, uint64_t *r1, uint64_t *r2, uint64_t *r3)
{
	bool ack = *r2 & AUTO_ACK;
	uint8_t state = 0;
	unsigned n;

	atomic_thread_fence(memory_order_seq_cst);
	for (n = 0; n < op->count; n++) {
		uint8_t s = atomic_load(state_at(op, n));

		if (!n)
			state = s;
		if (s != state)
			break;
		if (ack && s == QDIO_IN_PRIMED)
			atomic_store(state_at(op, n), QDIO_IN_ACK);
	}
	if (op->count)
		*r2 = (*r2 & ~0xFFull) | state;
	set_result(r1, r3, op->first + n, op->count - n,
		   n == op->count ? CCQ_DONE : CCQ_OTHER_STATE);
}

int qdio_sqbs(struct qdio_group *g, uint64_t token, uint64_t *r1, uint64_t *r3, uint8_t state)
{
	struct operands op;
	int rc;

	pthread_mutex_lock(&g->queue_lock);
	rc = decode(g, token, *r1, r3, &op);
	if (!rc)
		set_states(&op, state, r1, r3);
	pthread_mutex_unlock(&g->queue_lock);
	return rc;
}

int qdio_eqbs(struct qdio_group *g, uint64_t token, uint64_t *r1, uint64_t *r2, uint64_t *r3)
{
	struct operands op;
	int rc;

	pthread_mutex_lock(&g->queue_lock);
	rc = decode(g, token, *r1, r3, &op);
	if (!rc)
		extract_states(&op, r1, r2, r3);
	pthread_mutex_unlock(&g->queue_lock);
	return rc;
}
