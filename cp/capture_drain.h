/* SPDX-License-Identifier: Apache-2.0 */
/* From a capture's rings to a pcapng file, for every reader. */
#ifndef CP_CAPTURE_DRAIN_H
#define CP_CAPTURE_DRAIN_H

#include "cp/capture_attach.h"
#include "host/host.h"

/*
 * Hand out what the rings hold now, in order of time. A frame's room is given back when fn returns.
 * @fn: Return: false to end here; what the rings held is then gone.
 * Return: 1, 0 if there was nothing, -EPROTO if a ring makes no sense.
 */
int cp_capture_drain(struct cp_attached *a, bool (*fn)(void *ctx, const struct cp_ring_frame *f),
		     void *ctx);
/* A frame, with the reason if it was dropped. Return: as host_pcapng_write. */
int cp_capture_write(struct host_pcapng *w, const struct cp_ring_frame *f);
/* Frames that found no room. */
uint64_t cp_capture_lost(const struct cp_attached *a);

#endif
