/* SPDX-License-Identifier: Apache-2.0 */
/* A vhost-user port: what its protocol (vhost.c) and its data path (vhost_port.c) share. */
#ifndef HOST_DPDK_VHOST_PRIV_H
#define HOST_DPDK_VHOST_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/dpdk/dpdk_priv.h"
#include "host/steer.h"
#include "host/virtnet.h"

#define VHOST_PAIRS 128u /* Source: librte_vhost 22.11: what it offers a guest */
static_assert(VHOST_PAIRS <= STEER_QUEUES, "a queue's number is one byte");

enum { QUEUE_IN, QUEUE_OUT }; /* Source: virtio 1.2, 5.1.2: receiveq1, transmitq1, receiveq2, ... */

/* Two queues of a guest, each with a side that is worked on by its own threads. */
struct vhost_pair {
	unsigned number;
	bool ready[2]; /* librte_vhost's thread */
	int callfd[2], kickfd;
	struct virtnet net;
};

struct host_vhost {
	struct host_vhost *next;
	char path[108];
	unsigned slot;
	int vid; /* -1: nobody is connected. librte_vhost's thread. */
	bool up; /* the guest's driver has said so */
	atomic_bool shown_up;
	int event_fd;	      /* to the control thread */
	struct vring_mem mem; /* changes only while no pair is live */
	pthread_mutex_t rx_lock;
	/* Under rx_lock: the pairs that may be received from. */
	struct vhost_pair *live[VHOST_PAIRS];
	unsigned n_live;
	unsigned turn;		    /* of live[], to be looked at first */
	struct vhost_pair *current; /* of the burst between rx_burst and rx_done */
	struct steer steer;
	struct idle idle;
	int epoll_fd; /* the worker's: each kickfd, idle.fd, wake_fd */
	int wake_fd;
	/* Hints for senders: hence relaxed. */
	atomic_uint n_open; /* pairs 0 .. n_open - 1 may be sent to */
	atomic_uint caps;
	_Atomic uint32_t frame_max;
	/* Made when a guest first names them, by librte_vhost's thread; then they stay. */
	struct vhost_pair *pair[VHOST_PAIRS];
};

/* Interrupt the guest. */
void vhost_call(int fd);

#endif
