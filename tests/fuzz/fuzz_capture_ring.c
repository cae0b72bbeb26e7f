/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of a capture's ring. Input: 2 bytes of head (in units of 8), then the ring's bytes. */
#include <string.h>

#include "cp/capture_ring.h"

#define RING_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[RING_BYTES];
	struct capture_ring shared;
	struct cp_ring_reader r;
	struct cp_ring_frame f;
	volatile uint8_t sink = 0;
	uint16_t head;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	size -= sizeof(head);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data + sizeof(head), size < sizeof(bytes) ? size : sizeof(bytes));
	memset(&shared, 0, sizeof(shared));
	atomic_store(&shared.head, head * UINT64_C(8));
	cp_ring_reader_init(&r, &shared, bytes, RING_BYTES);
	if (!cp_ring_refresh(&r))
		return 0;
	while (cp_ring_next(&r, &f) == 1) {
		for (uint32_t i = 0; i < f.caplen; i++)
			sink = (uint8_t)(sink + f.data[i]);
		if (strlen(f.port) >= sizeof(f.port) || f.data + f.caplen > bytes + RING_BYTES)
			__builtin_trap();
		cp_ring_release(&r);
	}
	return 0;
}
