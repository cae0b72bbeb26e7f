/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that the control thread reads: GVRP and MVRP. */
#include <stdlib.h>
#include <string.h>

#include "vswitch/mrp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *ctx, const uint8_t *frame, uint32_t len)
{
	(void)ctx;
	if (len < 60 || len > 1514 || frame[0] != 0x01)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {2};
	uint8_t *frame = malloc(size ? size : 1); /* so that one byte too many is seen */
	struct vs_vidset vids;

	if (!frame)
		return 0;
	memcpy(frame, data, size);
	for (unsigned p = 0; p < 2; p++) {
		struct mrp *r = mrp_create(p ? MRP_MVRP : MRP_GVRP, mac, on_send, NULL);

		if (!r)
			break;
		memset(&vids, 0xA5, sizeof(vids));
		mrp_want(r, &vids, 0);
		mrp_receive(r, frame, (uint32_t)size, 0);
		mrp_registered(r, &vids);
		if (vids.w[0] & 1 || vids.w[63] >> 63 || mrp_tick(r, 1000) <= 1000)
			abort();
		mrp_destroy(r);
	}
	free(frame);
	return 0;
}
