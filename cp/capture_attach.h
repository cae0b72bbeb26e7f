/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's way to a capture: control socket, descriptors, mapped rings. */
#ifndef CP_CAPTURE_ATTACH_H
#define CP_CAPTURE_ATTACH_H

#include <jansson.h>

#include "cp/capture_ring.h"

struct cp_attached {
	int sock; /* the capture lasts as long as this connection */
	int wake; /* polls readable when the reader was woken; not blocking */
	struct capture_page *page;
	struct cp_ring_reader ring[CAPTURE_RINGS];
};

/*
 * Ask the zland of dir for a capture; errors go to standard error.
 * @request: {"capture": {...}}; borrowed.
 * Return: 0 or -1. Context: may wait for zland.
 */
int cp_capture_attach(struct cp_attached *a, const char *dir, const json_t *request);
void cp_capture_detach(struct cp_attached *a);

/*
 * Map a capture's memory after a look at its size and header.
 * @memfd: borrowed. Return: 0, -EPROTO (not such a memory), or -errno.
 */
int cp_capture_map(struct cp_attached *a, int memfd);

/*
 * Before poll: tell zland that we sleep, then look once more.
 * Return: true if there is something to read; then do not sleep.
 */
bool cp_capture_sleep(struct cp_attached *a);
void cp_capture_awake(struct cp_attached *a);

#endif
