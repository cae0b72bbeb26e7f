/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues of a virtio network device as the halves of a switch port: frames are references into
 * the guest's memory on their way in, and copied straight into its buffers on their way out.
 * Buffers of one piece, nearly all there are, are handled in stages, each a loop over the burst, so
 * that the cache misses of one overlap.
 * Several threads fill one guest's buffers: each leases those it has found, copies without a lock,
 * and hands them over; the guest sees them in the order in which they were leased.
 * No I/O, no DPDK: whoever has the queues gives them, and does the interrupts.
 * Source: virtio 1.2, 5.1.6.
 */
#ifndef HOST_VIRTNET_H
#define HOST_VIRTNET_H

#include <pthread.h>

#include "host/vlease.h"
#include "host/vring.h"
#include "vswitch/port.h"

#define VIRTNET_MERGE_MAX 64 /* buffers one frame may take */

/* One pair of queues. */
struct virtnet {
	const struct vring_mem *mem; /* all pairs of a device have the same */
	struct vring_queue out;	     /* what the guest sends */
	uint32_t hdr_len; /* 12, or 10 without mergeable buffers and VIRTIO_F_VERSION_1 */
	bool mergeable;
	bool guest_csum; /* it knows what VIRTIO_NET_HDR_F_DATA_VALID is */
	/* Of the burst between rx and rx_done. */
	unsigned taken;
	struct vring_buf buf[VS_BURST];

	/* Where it receives: filled by several threads. */
	pthread_mutex_t lock; /* all below; not held while frames are copied */
	struct vring_queue in;
	struct vlease leases;
	bool open; /* may be sent to */
	pthread_cond_t returned;
};

void virtnet_init(struct virtnet *v);
void virtnet_destroy(struct virtnet *v);

/*
 * As rx_burst: fill b with up to VS_BURST frames.
 * Return: buffers taken; virtnet_rx_done follows if it is not 0. b->n frames are in b.
 */
unsigned virtnet_rx(struct virtnet *v, struct vs_burst *b, uint64_t *dropped);
/* Give the buffers back. Return: is the guest to be interrupted? */
bool virtnet_rx_done(struct virtnet *v);

/* From now on it may be sent to, or no longer: then, on return, nobody is writing. */
void virtnet_open(struct virtnet *v);
void virtnet_close(struct virtnet *v);

/* As tx_burst, by any thread. @call: set if the guest is to be interrupted. */
unsigned virtnet_tx(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		    unsigned n, enum vs_drop *err, bool *call);

/*
 * The same in steps, for whoever sends to several pairs at once: find places for frames, lease some
 * of them, fill them without the lock, hand them over. Frames without one are virtnet_tx's.
 */
struct virtnet_places {
	uint16_t from;
	unsigned n;		   /* leased */
	struct vring_buf *buf;	   /* as many as are looked for */
	struct vring_piece *piece; /* the same */
};

/* Lock held. Return: how many, for the first of the n frames. */
unsigned virtnet_find(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		      unsigned n, struct virtnet_places *p);
/* Lock held. The first n of those found. */
void virtnet_lease(struct virtnet *v, struct virtnet_places *p, unsigned n);
/* Return: is the guest to be interrupted? */
bool virtnet_fill(struct virtnet *v, const struct vs_burst *b, const struct vs_ref *ref,
		  const struct virtnet_places *p);

#endif
