/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that leave through rx_burst without being in an output buffer: those the adapter makes
 * itself (ARP), and packets of the host that waited for the address of their next hop.
 * Private to osa/.
 *
 * A fixed number of slots. At most half of them wait, so that waiting packets never keep the
 * adapter from asking for what they wait for. Whoever calls holds struct osa_l3.lock; whether
 * something is ready may be seen without.
 */
#ifndef OSA_OWN_H
#define OSA_OWN_H

#include <stdatomic.h>

#include "vswitch/port.h"

#define OSA_OWN_FRAMES 64u
#define OSA_OWN_WAITING 32u /* of them */
#define OSA_OWN_EACH 3u	    /* packets waiting for one address */
#define OSA_OWN_BURST 16u   /* in one burst: the rest of it belongs to output buffers */
#define OSA_OWN_BYTES 1536u /* longer packets do not wait: they are dropped */

struct osa_own_slot {
	bool host;	 /* the host's packet, not the adapter's frame */
	uint32_t ip;	 /* waits for the MAC of this address */
	uint32_t serial; /* in the order of waiting */
	uint16_t vid;
	uint16_t headlen;
	uint32_t len;
	uint16_t csum_start, csum_offset;
	uint8_t flags; /* enum vs_frame_flag, none of segmentation */
	uint8_t bytes[OSA_OWN_BYTES];
};

enum osa_own_state { OSA_OWN_FREE, OSA_OWN_IS_WAITING, OSA_OWN_READY, OSA_OWN_IN_BURST };

struct osa_own {
	uint8_t state[OSA_OWN_FRAMES]; /* apart from the slots, which are touched when used */
	unsigned waiting, in_burst;
	uint32_t serial;
	unsigned first;
	_Atomic unsigned ready; /* queue: ready slots from first on */
	uint8_t queue[OSA_OWN_FRAMES];
	struct osa_own_slot slot[OSA_OWN_FRAMES];
};

void osa_own_init(struct osa_own *o);
/* The same at the end of a session. Return: packets of the host that were waiting or ready. */
unsigned osa_own_abandon(struct osa_own *o);
/* A frame to be sent. Return: false: no slot is free, or it is too long. */
bool osa_own_send(struct osa_own *o, const uint8_t *frame, uint32_t len);
/*
 * Keep a copy of frame i of a burst, which lacks its destination address, until ip is resolved.
 * Return: false: it cannot wait.
 */
bool osa_own_park(struct osa_own *o, const struct vs_burst *b, unsigned i, uint16_t vid,
		  uint32_t ip);
/* The address is known: what waited for it becomes ready. */
void osa_own_resolved(struct osa_own *o, uint16_t vid, uint32_t ip, const uint8_t mac[6]);
/* It will not be known. Return: packets dropped. */
unsigned osa_own_give_up(struct osa_own *o, uint16_t vid, uint32_t ip);

/* Append ready frames to a burst, at most OSA_OWN_BURST of them. */
void osa_own_emit(struct osa_own *o, struct vs_burst *b);
/* The burst is done: its slots are free. */
void osa_own_done(struct osa_own *o);

#endif
