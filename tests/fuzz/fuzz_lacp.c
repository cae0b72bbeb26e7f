/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LACPDUs and markers from a hostile partner. The input is a sequence of: port (low bits of a
 * byte; bit 7: the link goes down and up), time that passes (a byte, tenths of a second), length
 * of the frame (a byte), frame.
 */
#include <stdlib.h>
#include <string.h>

#include "vswitch/lacp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *ctx, unsigned port, const uint8_t frame[LACP_FRAME_BYTES])
{
	(void)ctx;
	if (port >= LACP_PORTS || frame[12] != 0x88)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lacp_config cfg = {
		.system = {2}, .key = 1, .active = true, .fast = size & 1, .send = on_send};
	struct lacp *l = lacp_create(&cfg);
	uint64_t now = 1000;

	for (unsigned i = 0; l && i < LACP_PORTS; i++)
		lacp_port_add(l, i, cfg.system, now);
	while (l && size >= 3) {
		unsigned port = data[0] % LACP_PORTS;
		size_t len = data[2] < size - 3 ? data[2] : size - 3;

		now += data[1] * 100u;
		lacp_port_link(l, port, !(data[0] & 0x80), now);
		lacp_port_link(l, port, true, now);
		lacp_input(l, port, data + 3, len, now);
		if (lacp_run(l, now) <= now)
			abort();
		if (lacp_port_distributing(l, port) && !lacp_port_collecting(l, port))
			abort();
		data += 3 + len;
		size -= 3 + len;
	}
	lacp_destroy(l);
	return 0;
}
