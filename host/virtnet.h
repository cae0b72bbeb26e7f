/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues of a virtio network device as the halves of a switch port: frames are references into
 * the guest's memory on their way in, and copied straight into its buffers on their way out.
 * Buffers of one piece, nearly all there are, are handled in stages, each a loop over the burst, so
 * that the cache misses of one overlap.
 * No I/O, no DPDK: whoever has the queues gives them, and does the interrupts.
 * Source: virtio 1.2, 5.1.6.
 */
#ifndef HOST_VIRTNET_H
#define HOST_VIRTNET_H

#include "host/vring.h"
#include "vswitch/port.h"

#define VIRTNET_MERGE_MAX 64 /* buffers one frame may take */

/* One pair of queues. */
struct virtnet {
	const struct vring_mem *mem; /* all pairs of a device have the same */
	struct vring_queue out;	     /* what the guest sends */
	struct vring_queue in;	     /* where it receives */
	uint32_t hdr_len; /* 12, or 10 without mergeable buffers and VIRTIO_F_VERSION_1 */
	bool mergeable;
	bool guest_csum; /* it knows what VIRTIO_NET_HDR_F_DATA_VALID is */
	/* Of the burst between rx and rx_done. */
	unsigned taken;
	uint16_t head[VS_BURST];
	/* Of the frame that is being sent. */
	struct vring_chain chain[VIRTNET_MERGE_MAX];
};

/*
 * As rx_burst: fill b with up to VS_BURST frames.
 * Return: buffers taken; virtnet_rx_done follows if it is not 0. b->n frames are in b.
 */
unsigned virtnet_rx(struct virtnet *v, struct vs_burst *b, uint64_t *dropped);
/* Give the buffers back. Return: is the guest to be interrupted? */
bool virtnet_rx_done(struct virtnet *v);

/* As tx_burst; the guest sees the frames after virtnet_tx_done. */
unsigned virtnet_tx(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		    unsigned n, enum vs_drop *err);
/* Return: is the guest to be interrupted? */
bool virtnet_tx_done(struct virtnet *v);

#endif
