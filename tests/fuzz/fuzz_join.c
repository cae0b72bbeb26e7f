/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in a packet whose TCP segments are joined. Cut again they are what was there. */
#include <stdlib.h>
#include <string.h>

#include "vswitch/packet.h"
#include "vswitch/vs_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(8) uint8_t packet[VS_PACKET_MAX], before[VS_PACKET_MAX];
static struct vs_burst was, is, cut;

static uint32_t bytes(const struct vs_burst *b, unsigned i, uint8_t *to)
{
	uint32_t n = b->headlen[i];

	memcpy(to, b->head[i], n);
	for (unsigned s = b->seg0[i]; s < b->seg0[i] + (unsigned)b->nseg[i]; n += b->seg[s++].len)
		memcpy(to + n, b->seg[s].p, b->seg[s].len);
	return n;
}

static void compare(const struct vs_burst *b, unsigned i, unsigned k)
{
	uint8_t f[VS_FRAME_MAX], g[VS_FRAME_MAX];

	if (k >= was.n || bytes(b, i, f) != bytes(&was, k, g) || memcmp(f, g, b->len[i]) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	struct vs_ref ref[VS_BURST];
	unsigned taken, k = 0, n;

	memcpy(packet, data, size < sizeof(packet) ? size : sizeof(packet));
	vs_packet_unpack(packet, (uint32_t)size, 0, &is, dropped);
	for (unsigned i = 0; i < is.n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = VS_EDIT_NONE};
	size = vs_packet_pack(before, &is, ref, is.n, &taken);
	memcpy(packet, before, size);
	vs_packet_unpack(before, (uint32_t)size, 0, &was, dropped);
	size = size ? vs_packet_join(packet, (uint32_t)size) : 0;
	vs_packet_unpack(packet, (uint32_t)size, ~0u, &is, dropped);
	for (unsigned i = 0, skip = 0; i < is.n; i++, skip = 0) {
		if (!(is.flags[i] & VS_F_GSO))
			compare(&is, i, k++);
		else
			while ((n = offload_segment(&is, i, &cut, &skip)))
				for (unsigned j = 0; j < n; j++)
					compare(&cut, j, k++);
	}
	if (k != was.n)
		abort();
	return 0;
}
