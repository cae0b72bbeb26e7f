/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/capture_drain.h"

#include <errno.h>
#include <stdio.h>

int cp_capture_drain(struct cp_attached *a, bool (*fn)(void *ctx, const struct cp_ring_frame *f),
		     void *ctx)
{
	struct cp_ring_frame next[CAPTURE_RINGS];
	int have[CAPTURE_RINGS];
	bool any = false, broken = false, on = true;

	for (unsigned i = 0; i < CAPTURE_RINGS; i++) {
		any |= cp_ring_refresh(&a->ring[i]);
		have[i] = cp_ring_next(&a->ring[i], &next[i]);
		broken |= have[i] < 0;
	}
	while (on && !broken) {
		unsigned first = CAPTURE_RINGS;

		for (unsigned i = 0; i < CAPTURE_RINGS; i++)
			if (have[i] > 0 && (first == CAPTURE_RINGS || next[i].ns < next[first].ns))
				first = i;
		if (first == CAPTURE_RINGS)
			break;
		on = fn(ctx, &next[first]);
		/* At once: the next write may wait long for a slow reader. */
		cp_ring_release(&a->ring[first]);
		have[first] = cp_ring_next(&a->ring[first], &next[first]);
		broken |= have[first] < 0;
	}
	for (unsigned i = 0; i < CAPTURE_RINGS; i++)
		cp_ring_release(&a->ring[i]);
	return broken ? -EPROTO : any;
}

int cp_capture_write(struct host_pcapng *w, const struct cp_ring_frame *f)
{
	struct host_pcapng_frame out = {
		.ns = f->ns,
		.interface = f->port,
		.dir = f->dir == VS_CAPTURE_IN	  ? HOST_PCAPNG_IN
		       : f->dir == VS_CAPTURE_OUT ? HOST_PCAPNG_OUT
						  : HOST_PCAPNG_UNKNOWN,
		.data = f->data,
		.caplen = f->caplen,
		.len = f->len,
	};
	char comment[192];

	if (f->dir == VS_CAPTURE_DROP) {
		if (f->reason < VS_DROP_COUNT)
			snprintf(comment, sizeof(comment), "dropped: %s (%s)",
				 vs_drop_name(f->reason), vs_drop_text(f->reason));
		else
			snprintf(comment, sizeof(comment), "dropped: reason %u", f->reason);
		out.comment = comment;
	}
	return host_pcapng_write(w, &out);
}

uint64_t cp_capture_lost(const struct cp_attached *a)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CAPTURE_RINGS; i++)
		n += cp_ring_lost(&a->ring[i]);
	return n;
}
