/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages of a host into an adapter with a fake link.
 *
 * First byte: 1 if the dialogue up to DM_ACT has been held. Then steps: a byte with the device
 * (low two bits) and what to do, a length (two bytes), and so many bytes. In an MPC message
 * destination token zero stands for the right one, so that recorded messages get past that check.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/osa_rig.h"

enum { WRITE, READ, RESET, PLUG, UNPLUG, TRACE };

static void token_fill(const struct osa_rig *r, uint8_t *m, size_t len)
{
	enum osa_token token = OSA_TOKEN_ULP_CONNECTION;

	if (len < 0x40 || be32_load(m) != OSA_WORD_MPC || be32_load(m + 0x2C))
		return;
	if (m[0x18] != OSA_CLASS_IPA)
		token = m[0x18] == OSA_CLASS_CM ? OSA_TOKEN_ISSUER : OSA_TOKEN_CM_CONNECTION;
	be32_store(m + 0x2C, osa_token(r->a, token));
}

static void step(struct osa_rig *r, unsigned what, unsigned dev, uint8_t *m, size_t len)
{
	char text[128];

	if (what == WRITE) {
		token_fill(r, m, len);
		osa_rig_send(r, dev, m, len);
	} else if (what == READ) {
		osa_trace_text(r->msg, osa_rig_read(r, dev), text, sizeof(text));
	} else if (what == RESET) {
		if (dev == RIG_DATA && r->a->queues)
			osa_cu_ops.deactivate(r->a, dev);
		osa_cu_ops.reset(r->a, dev, QDIO_RESET_CLEAR);
	} else if (what == PLUG || what == UNPLUG) {
		osa_rig_plug(r, what == PLUG);
	} else {
		osa_trace_text(m, len, text, sizeof(text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct osa_rig *r = osa_rig_new(NULL, true);
	uint8_t m[OSA_MSG_MAX];

	if (!r || (size && data[0] & 1 && osa_rig_up(r)))
		abort();
	for (size_t at = 1; at + 3 <= size;) {
		uint8_t what = data[at];
		size_t len = be16_load(data + at + 1);

		at += 3;
		len = len < size - at ? len : size - at;
		len = len < sizeof(m) ? len : sizeof(m);
		memcpy(m, data + at, len);
		step(r, (what >> 2) % (TRACE + 1), (what & 3u) % QDIO_DEVICES, m, len);
		at += len;
	}
	osa_rig_free(r);
	return 0;
}
