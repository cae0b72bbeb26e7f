/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data path of an adapter on hostile queues: SBALs, frame headers and frames are the input,
 * on the way out and, as elements offered, on the way in. Nothing outside storage may be
 * touched (the sanitizer sees that), every buffer comes back, and what was fetched fits where it is
 * put.
 *
 * Input: 8 bytes a pair of SBALEs (flags and address page, length), the rest is storage.
 */
#include <stdlib.h>

#include "osa/osa_priv.h"
#include "tests/osa_rig.h"

#define STORAGE 0x20000u
#define SBALS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lay(struct qdio_queue *q, const uint8_t *data, struct qdio_sbal *sbal, uint8_t state)
{
	for (unsigned i = 0; i < SBALS; i++) {
		for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++, data += 4) {
			sbal[i].e[e].eflags = data[0];
			sbal[i].e[e].length = be32_of((uint32_t)be16_load(data + 2));
			/* mostly inside storage, sometimes beyond its end */
			sbal[i].e[e].addr = be64_of((uint64_t)data[1] * 0x210u);
		}
		q->sbal[i] = &sbal[i];
		atomic_store(&q->slsb[i], state);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(256) struct qdio_sbal sbal[2][SBALS];
	static _Atomic uint8_t slsb[2][QDIO_BUFFERS];
	static struct vs_burst b;
	const size_t entries = 2 * SBALS * QDIO_SBAL_ENTRIES * 4;
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	struct qdio_storage st = {.n = 1};
	struct osa_rig *rig;
	uint8_t *mem;
	unsigned n;

	if (size < entries)
		return 0;
	mem = calloc(1, STORAGE);
	memcpy(mem, data + entries, size - entries < STORAGE ? size - entries : STORAGE);
	st.region[0] = (struct qdio_region){0, STORAGE, mem};
	rig = osa_rig_new(NULL, true);
	rig->queues = (struct qdio_queues){.n_in = 1, .n_out = 1};
	rig->queues.in[0] = (struct qdio_queue){.st = &st, .slsb = slsb[0], .input = true};
	rig->queues.out[0] = (struct qdio_queue){.st = &st, .slsb = slsb[1]};
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		rig->queues.in[0].sbal[i] = rig->queues.out[0].sbal[i] = &sbal[0][0];
	osa_rig_up(rig);
	lay(&rig->queues.in[0], data, sbal[0], QDIO_IN_EMPTY);
	lay(&rig->queues.out[0], data + entries / 2, sbal[1], QDIO_OUT_PRIMED);
	while (qdio_out_primed(&rig->queues.out[0], 1)) {
		struct vs_ref ref[VS_BURST];
		enum vs_drop why;

		n = osa_layer2_ops.rx_burst(rig->a, &b, dropped);
		for (unsigned i = 0; i < n; i++)
			ref[i] = (struct vs_ref){.frame = (uint8_t)i,
						 .edit = b.len[i] >= 18 ? i % 4 : 0};
		for (unsigned at = 0; at < n;) {
			unsigned sent = osa_layer2_ops.tx_burst(rig->a, &b, ref + at, n - at, &why);

			at += sent + (at + sent < n);
		}
		if (n)
			osa_layer2_ops.rx_done(rig->a, &b);
	}
	osa_rig_free(rig);
	free(mem);
	return 0;
}
