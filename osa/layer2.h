/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data path's part of an adapter: what both layers share, and layer 2. Private to osa/.
 *
 * Written by the control thread while the path is stopped, by the worker while it runs;
 * the atomics are the exceptions.
 */
#ifndef OSA_LAYER2_H
#define OSA_LAYER2_H

#include <pthread.h>

#include "osa/osa.h"

#define OSA_RX_CSUM_V4 1u
#define OSA_RX_CSUM_V6 2u

struct osa_data {
	struct qdio_group *group;
	struct qdio_queues *queues; /* from activate to deactivate, else NULL */
	struct osa_doorbell bell;
	uint32_t frame_max;	  /* Ethernet header to end, no FCS */
	_Atomic uint32_t rx_csum; /* OSA_RX_CSUM_*: inbound checksum assist: 0x20 may be set */
	_Atomic uint32_t large;	  /* OSA_ASSIST_LARGE_IN: the host takes unfinished frames */
	_Atomic uint64_t rx_buffers, tx_buffers, rx_signals, tx_wakeups;

	/* Output buffers of the burst being forwarded: queue, count and results. */
	unsigned out_queue;
	unsigned out_n;
	bool out_signal; /* a buffer asked for an interruption */
	bool out_fine;	 /* all are empty: out_result says nothing */
	bool out_packed; /* the last burst's buffers held many entries each */
	struct qdio_result out_result[VS_BURST];
};

extern const struct vs_port_ops osa_layer2_ops;

/* l2_fetch.c: output buffers to frames. l2_fill.c: frames to input buffers. */
unsigned osa_l2_fetch(void *port, struct vs_burst *b, uint64_t *dropped);
void osa_l2_fetched(void *port, const struct vs_burst *b);
unsigned osa_l2_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err);

/* layer2.c: vs_port_ops that are alike in both layers */
bool osa_port_arm(void *port);
void osa_port_disarm(void *port);
int osa_port_wait_fd(void *port);
unsigned osa_port_caps(void *port);
uint32_t osa_port_frame_max(void *port);
/* Wake the worker that serves the port, if it sleeps. Any thread. */
void osa_port_kick(struct osa_data *d);

void osa_layer2_init(struct osa_data *d, struct qdio_group *g);

/* Around vs_link start and stop, of either layer; control thread. */
void osa_layer2_start(struct osa *a, struct qdio_queues *q);
void osa_layer2_stop(struct osa *a);

/* The data part of an adapter; adapter.c owns struct osa. */
struct osa_data *osa_data_of(struct osa *a);

#endif
