/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as a switch in IP mode reads and translates them. */
#include <stdlib.h>
#include <string.h>

#include "vswitch/ipframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t to[6] = {2, 1, 2, 3, 4, 5};
	uint32_t n = size < IP_TRANSLATE_BYTES ? (uint32_t)size : IP_TRANSLATE_BYTES;
	uint8_t *frame = malloc(n ? n : 1); /* so that one byte too many is seen */
	uint8_t addr[IP_BYTES], from[6];
	struct ip_frame f, again;

	if (!frame)
		return 0;
	memcpy(frame, data, n);
	ip_frame_read(frame, n, &f);
	if (f.kind != IP_OTHER && n < f.l3 + 20u)
		abort();
	if (ip_frame_speaker(frame, &f, addr) && !ip_is_host(addr))
		abort();
	if (f.kind == IP_ARP || f.kind == IP_ND) {
		memcpy(from, frame + 6, 6);
		ip_frame_translate(frame, n, &f, from, to);
		ip_frame_read(frame, n, &again);
		/* It says the same of addresses, and comes back as it was. */
		if (f.kind != again.kind || f.op != again.op || f.len != again.len ||
		    memcmp(f.target, again.target, IP_BYTES) != 0)
			abort();
		ip_frame_translate(frame, n, &f, to, from);
		if (f.kind == IP_ARP && memcmp(frame + f.l3, data + f.l3, 8) != 0)
			abort();
	}
	free(frame);
	return 0;
}
