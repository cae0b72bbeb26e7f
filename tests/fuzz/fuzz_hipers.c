/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets delivery on a hostile host: the entries of its output buffers, the elements of its
 * receiver's input buffers, AOBs and the storage behind all of them are the input. Nothing outside
 * storage may be touched, and every output buffer comes back.
 *
 * Input: 3 bytes an SBALE (flags, page, length), 4 of signals, the rest is storage.
 */
#include <stdlib.h>

#include "hipersockets/hs_priv.h"
#include "tests/inproc.h"

#define STORAGE 0x20000u
#define SBALS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inproc ip[2];
static struct qdio_queues qs[2];
static _Alignas(256) struct qdio_sbal sbal[2][3][SBALS];
static _Atomic uint8_t slsb[2][3][QDIO_BUFFERS];

static void lay(struct qdio_queue *q, struct qdio_sbal *to, const uint8_t *data, uint8_t state)
{
	for (unsigned i = 0; i < SBALS; i++) {
		for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++, data += 3) {
			to[i].e[e].eflags = data[0];
			to[i].e[e].length = be32_of(data[2] * 0x21u);
			to[i].e[e].addr = be64_of(data[1] * 0x210u);
		}
		q->sbal[i] = &to[i];
		atomic_store(&q->slsb[i], state);
	}
}

static void join(struct hs_lan *lan, unsigned k, const struct qdio_storage *st, bool cq)
{
	struct hs_adapter *h = ip[k].hs;

	memset(&qs[k], 0, sizeof(qs[k]));
	memset(slsb[k], 0, sizeof(slsb[k]));
	qs[k].n_in = cq ? 2 : 1;
	qs[k].n_out = 1;
	qs[k].in[0] = (struct qdio_queue){.st = st, .slsb = slsb[k][0], .input = true};
	qs[k].in[1] = (struct qdio_queue){.st = st, .slsb = slsb[k][1], .input = true};
	qs[k].out[0] = (struct qdio_queue){.st = st, .slsb = slsb[k][2]};
	h->queues = &qs[k];
	h->lan = lan;
	h->layer = 2;
	h->broadcast = true;
	hs_lan_join(lan, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[16] = {0x02, 0, 0, 0, 0, 1};
	const size_t entries = SBALS * QDIO_SBAL_ENTRIES * 3;
	struct hs_config cfg = {.osa = inproc_osa_config(0x500, true), .completion = true};
	struct guest_config guest = {.iqd = true, .out_queues = 1, .pool = 2};
	struct qdio_storage st = {.n = 1};
	struct hs_lan *lan;
	struct hs_flow f;

	if (size < 2 * entries + 4)
		return 0;
	for (unsigned k = 0; k < 2 && !ip[k].hs; k++)
		if (inproc_open_hs(&ip[k], &cfg, &guest))
			abort();
	lan = hs_lan_create(HS_MFS_16K, 1);
	st.region[0].host = calloc(1, STORAGE);
	st.region[0].len = STORAGE;
	if (!lan || !st.region[0].host)
		abort();
	for (size_t i = 0; i < STORAGE; i++)
		st.region[0].host[i] = data[2 * entries + 4 + i % (size - 2 * entries - 3) - 1];
	join(lan, 0, &st, true);
	join(lan, 1, &st, false);
	ip[0].hs->layer = ip[1].hs->layer = data[2 * entries] & 1 ? 3 : 2;
	hs_lan_add(lan, ip[1].hs, HS_KIND_MAC, mac);
	hs_lan_add(lan, ip[1].hs, HS_KIND_IP, st.region[0].host);
	lay(&qs[0].out[0], sbal[0][2], data, QDIO_OUT_PRIMED);
	lay(&qs[1].in[0], sbal[1][0], data + entries, QDIO_IN_EMPTY);
	lay(&qs[0].in[1], sbal[0][1], data + entries, QDIO_IN_EMPTY);
	for (unsigned i = 0; i < SBALS; i++) {
		f = (struct hs_flow){.from = ip[0].hs, .lan = lan};
		hs_deliver(&f, 0, 1, (uint64_t)data[2 * entries + i] << 8);
		if (slsb[0][2][i] == QDIO_OUT_PRIMED)
			abort();
		atomic_store(&slsb[1][0][(data[2 * entries + i] >> 4) % SBALS], QDIO_IN_EMPTY);
		f = (struct hs_flow){.from = ip[1].hs, .lan = lan};
		hs_wait_run(&f, ip[1].hs);
	}
	for (unsigned k = 0; k < 2; k++) {
		hs_wait_drop(ip[k].hs);
		hs_lan_leave(lan, ip[k].hs);
		ip[k].hs->lan = NULL;
		ip[k].hs->queues = NULL;
	}
	hs_lan_destroy(lan);
	free(st.region[0].host);
	return 0;
}
