/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer-3 data path: hostile output buffers, hostile frames of the network (ARP among them),
 * time between them. What is fetched must be whole and fit, and every own slot must come back. It
 * is delivered to the adapter itself.
 *
 * Input: steps of a kind (and how often) and a length (two bytes), and so many bytes: a buffer of
 * one or two elements (header and packet), a frame with the switch's edit in front, seconds.
 */
#include <stdlib.h>

#include "tests/databed.h"

enum { SEND, DELIVER, TICK, COMMAND, KINDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that is there, touched to its last byte. */
static void fetch_all(struct databed *bd)
{
	uint8_t frame[VS_FRAME_MAX + 64];
	struct vs_ref ref[VS_BURST];
	enum vs_drop err;

	for (uint8_t i = 0; i < VS_BURST; i++)
		ref[i] = (struct vs_ref){.frame = i};
	while (databed_fetch(bd)) {
		for (unsigned i = 0; i < bd->b.n; i++) {
			if (bd->b.headlen[i] > VS_HEAD_BYTES || bd->b.len[i] > sizeof(frame) ||
			    databed_join(bd, i, frame) != bd->b.len[i])
				abort();
		}
		databed_offer(bd, 4);
		osa_layer3_ops.tx_burst(bd->rig->a, &bd->b, ref, bd->b.n, &err);
		databed_discard(bd);
		databed_done(bd);
	}
	for (unsigned i = 0; i < OSA_OWN_FRAMES; i++)
		if (bd->rig->a->l3.own.state[i] > OSA_OWN_IS_WAITING)
			abort();
}

static void step(struct databed *bd, unsigned what, unsigned times, const uint8_t *p, uint32_t len)
{
	struct osa_l3_hdr hdr;
	uint8_t back[VS_FRAME_MAX + 64];
	uint32_t n;

	if (what == SEND && len > 33) {
		while (times--)
			databed_send(bd, p, 32, p + 33, len - 33, p[32]);
		fetch_all(bd);
	} else if (what == DELIVER && len >= 17) {
		databed_offer(bd, 4);
		databed_deliver(bd, p + 3, len - 3, p[0] & 3, len >= 21 ? p[1] % 4 : 0, p[2]);
		while (databed_receive(bd, &hdr, back, &n))
			if (n < 14 || hdr.id != OSA_HDR_LAYER3)
				abort();
		fetch_all(bd);
	} else if (what == TICK && len) {
		osa_tick(bd->rig->a, bd->rig->a->l3.arp.now_ms + p[0] * 1000u);
		fetch_all(bd);
	} else if (what == COMMAND && len > 2) {
		osa_rig_ipa(bd->rig, p[0], p[1], p + 2, len - 2 < 1000 ? len - 2 : 1000);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct databed *bd = databed_make(BED_STORAGE);

	for (size_t at = 0; at + 3 <= size;) {
		uint32_t len = be16_load(data + at + 1) % 4096u;
		unsigned what = data[at] % KINDS, times = 1 + data[at] / KINDS % 8;

		at += 3;
		len = len < size - at ? len : (uint32_t)(size - at);
		step(bd, what, times, data + at, len);
		at += len;
	}
	databed_free(bd);
	return 0;
}
