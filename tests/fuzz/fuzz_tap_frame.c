/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and their offload headers as read from a TAP, and on to another with each edit. */
#include <string.h>

#include "host/vnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vs_burst *b, uint32_t len)
{
	uint32_t sum = b->headlen[0] + (b->nseg[0] ? b->seg[b->seg0[0]].len : 0);

	if (sum != len || b->headlen[0] > VS_HEAD_BYTES)
		__builtin_trap();
	if ((b->flags[0] & VS_F_CSUM_NEEDED) &&
	    b->csum_start[0] + b->csum_offset[0] + 2u > b->headlen[0])
		__builtin_trap();
	if ((b->flags[0] & VS_F_GSO) && (!b->gso_size[0] || b->hdrlen[0] > b->headlen[0]))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_burst b;
	static uint8_t frame[2048];
	uint8_t out[VNET_LEAD_BYTES];
	struct vnet_hdr hdr;

	if (size < sizeof(hdr) || size > sizeof(hdr) + sizeof(frame))
		return 0;
	memcpy(&hdr, data, sizeof(hdr));
	size -= sizeof(hdr);
	memcpy(frame, data + sizeof(hdr), size);
	b.n = b.nseg_used = 0;
	if (vnet_rx(&hdr, frame, (uint32_t)size, &b) != VS_DROP_NONE)
		return 0;
	check(&b, (uint32_t)size);
	for (int edit = VS_EDIT_NONE; edit <= VS_EDIT_RETAG; edit++) {
		const struct vs_ref ref = {.frame = 0, .edit = (uint8_t)edit};

		if (vnet_tx(&b, &ref, out) > sizeof(out))
			__builtin_trap();
	}
	return 0;
}
