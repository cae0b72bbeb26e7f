/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data path as a port of a switch: start, stop, sleep and wake. Layer 2's frames are in
 * l2_fetch.c and l2_fill.c, layer 3's in l3_fetch.c and l3_fill.c.
 */
#include "osa/layer2.h"

#include <sys/uio.h>

void osa_layer2_init(struct osa_data *d, struct qdio_group *g)
{
	d->group = g;
	d->bell.fd = -1;
}

void osa_layer2_start(struct osa *a, struct qdio_queues *q)
{
	struct osa_data *d = osa_data_of(a);

	d->queues = q;
	d->out_queue = q->n_out - 1; /* so that queue 0 is served first */
	d->out_n = 0;
	d->out_packed = false;
}

void osa_layer2_stop(struct osa *a)
{
	osa_data_of(a)->queues = NULL;
}

void osa_set_doorbell(struct osa *a, const struct osa_doorbell *bell)
{
	osa_data_of(a)->bell = *bell;
}

const struct osa_doorbell *osa_doorbell(struct osa *a)
{
	return &osa_data_of(a)->bell;
}

static bool any_primed(const struct osa_data *d)
{
	for (unsigned i = 0; i < d->queues->n_out; i++)
		if (qdio_out_primed(&d->queues->out[i], 1))
			return true;
	return false;
}

/*
 * Pairs with the guest: prime a buffer, full barrier, look at want_kick. Either we see its
 * buffer below, or it sees that a kick is wanted. The same barrier serves the guest
 * that sends no signal because the buffer before was still primed: spec/qdio.md 12, rows 4 and 6.
 */
bool osa_port_arm(void *port)
{
	struct osa_data *d = osa_data_of(port);

	if (d->bell.want_kick)
		atomic_store_explicit(d->bell.want_kick, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return any_primed(d);
}

void osa_port_disarm(void *port)
{
	struct osa_data *d = osa_data_of(port);
	uint64_t kicks;
	struct iovec iov = {.iov_base = &kicks, .iov_len = sizeof(kicks)};

	if (d->bell.want_kick)
		atomic_store_explicit(d->bell.want_kick, 0, memory_order_relaxed);
	/* Not to wait is asked for here: O_NONBLOCK belongs to the file description, and whoever
	 * rings shares that and could switch it off. */
	if (d->bell.fd >= 0 && preadv2(d->bell.fd, &iov, 1, -1, RWF_NOWAIT) > 0)
		atomic_fetch_add_explicit(&d->tx_wakeups, 1, memory_order_relaxed);
}

/*
 * As a guest does after priming a buffer; pairs with arm. Not through the doorbell: the guest
 * holds that too and could make a write to it wait.
 */
void osa_port_kick(struct osa_data *d)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!d->bell.want_kick || atomic_load_explicit(d->bell.want_kick, memory_order_relaxed))
		qdio_group_kick(d->group);
}

int osa_port_wait_fd(void *port)
{
	return osa_data_of(port)->bell.fd;
}

/* A stock driver takes no unfinished checksums and no large frames; ours may have asked for them.
 */
unsigned osa_port_caps(void *port)
{
	const struct osa_data *d = osa_data_of(port);

	if (!atomic_load_explicit(&d->large, memory_order_relaxed))
		return 0;
	return VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6;
}

uint32_t osa_port_frame_max(void *port)
{
	return osa_data_of(port)->frame_max;
}

const struct vs_port_ops osa_layer2_ops = {
	.kind = "OSD",
	.rx_burst = osa_l2_fetch,
	.rx_done = osa_l2_fetched,
	.tx_burst = osa_l2_fill,
	.arm = osa_port_arm,
	.disarm = osa_port_disarm,
	.wait_fd = osa_port_wait_fd,
	.caps = osa_port_caps,
	.frame_max = osa_port_frame_max,
};
