/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/databed.h"

static struct qdio_sbal *sbal_at(struct databed *bd, unsigned queue, unsigned i)
{
	return (struct qdio_sbal *)(void *)(bd->mem + 0x10000 + queue * 0x8000 + i * 256);
}

static void make_queue(struct databed *bd, struct qdio_queue *q, bool input, unsigned slot)
{
	_Atomic uint8_t *slsb = (_Atomic uint8_t *)(bd->mem + 0x8000 + slot * 256);

	*q = (struct qdio_queue){.st = &bd->st, .slsb = slsb, .input = input};
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		q->sbal[i] = sbal_at(bd, slot, i);
	memset((void *)slsb, input ? QDIO_IN_NOTINIT : QDIO_OUT_NOTINIT, QDIO_BUFFERS);
}

struct databed *databed_make(size_t bytes)
{
	struct databed *bd = calloc(1, sizeof(*bd));
	struct osa_config cfg = *osa_rig_config();

	cfg.mtu = 9000;
	bd->mem = calloc(1, bytes);
	bd->st.n = 1;
	bd->st.region[0] = (struct qdio_region){0, bytes, bd->mem};
	bd->rig = osa_rig_new(&cfg, true);
	if (!bd->rig)
		abort();
	bd->rig->layer = 3;
	bd->rig->queues.n_in = 1;
	bd->rig->queues.n_out = 1;
	make_queue(bd, &bd->rig->queues.in[0], true, 0);
	make_queue(bd, &bd->rig->queues.out[0], false, 1);
	if (osa_rig_up(bd->rig) || osa_rig_ipa(bd->rig, OSA_STARTLAN, 0, NULL, 0))
		abort();
	return bd;
}

void databed_free(struct databed *bd)
{
	osa_rig_free(bd->rig);
	free(bd->mem);
	free(bd);
}

static void put_entry(struct qdio_sbal *s, unsigned e, uint8_t eflags, uint32_t len, uint64_t addr)
{
	s->e[e].eflags = eflags;
	s->e[e].sflags = 0;
	s->e[e].length = be32_of(len);
	s->e[e].addr = be64_of(addr);
}

void databed_send(struct databed *bd, const void *hdr, uint32_t hdr_len, const void *data,
		  uint32_t len, uint32_t first)
{
	struct qdio_queue *q = &bd->rig->queues.out[0];
	unsigned i = bd->written++;
	struct qdio_sbal *s = q->sbal[i % QDIO_BUFFERS];
	uint64_t addr = BED_OUT + i % 64 * 0x10000u;

	memcpy(bd->mem + addr, hdr, hdr_len);
	memcpy(bd->mem + addr + hdr_len, data, len);
	if (first && first < len) {
		put_entry(s, 0, QDIO_EFLAG_FRAG_FIRST, hdr_len + first, addr);
		put_entry(s, 1, QDIO_EFLAG_FRAG_LAST | QDIO_EFLAG_LAST, len - first,
			  addr + hdr_len + first);
	} else {
		put_entry(s, 0, QDIO_EFLAG_LAST, hdr_len + len, addr);
	}
	atomic_store(&q->slsb[i % QDIO_BUFFERS], QDIO_OUT_PRIMED);
}

unsigned databed_fetch(struct databed *bd)
{
	memset(bd->dropped, 0, sizeof(bd->dropped));
	vs_burst_forget(&bd->b);
	return osa_layer3_ops.rx_burst(bd->rig->a, &bd->b, bd->dropped);
}

void databed_done(struct databed *bd)
{
	osa_layer3_ops.rx_done(bd->rig->a, &bd->b);
}

uint32_t databed_join(const struct databed *bd, unsigned i, uint8_t *to)
{
	const struct vs_burst *b = &bd->b;
	uint32_t n = b->headlen[i];

	memcpy(to, b->head[i], n);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		memcpy(to + n, b->seg[b->seg0[i] + s].p, b->seg[b->seg0[i] + s].len);
		n += b->seg[b->seg0[i] + s].len;
	}
	return n == b->len[i] ? n : 0;
}

void databed_offer(struct databed *bd, unsigned n)
{
	struct qdio_queue *q = &bd->rig->queues.in[0];

	for (; bd->offered - bd->read < n; bd->offered++) {
		unsigned i = bd->offered % QDIO_BUFFERS;

		for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++)
			put_entry(q->sbal[i], e, e == 15 ? QDIO_EFLAG_LAST : 0, 4096,
				  BED_IN + i * 0x10000u + e * 0x1000u);
		atomic_store(&q->slsb[i], QDIO_IN_EMPTY);
	}
}

unsigned databed_deliver(struct databed *bd, const uint8_t *frame, uint32_t len, uint8_t flags,
			 uint8_t edit, uint16_t tci)
{
	static struct vs_burst b;
	const struct vs_ref ref = {.frame = 0, .edit = edit};
	enum vs_drop err;

	b.n = 1;
	b.len[0] = len;
	b.headlen[0] = (uint16_t)(len < VS_HEAD_MIN ? len : VS_HEAD_MIN);
	b.flags[0] = flags;
	b.tci[0] = tci;
	b.seg0[0] = 0;
	b.nseg[0] = len > VS_HEAD_MIN;
	memcpy(b.head[0], frame, b.headlen[0]);
	b.seg[0] = (struct vs_seg){frame + b.headlen[0], len - b.headlen[0]};
	return osa_layer3_ops.tx_burst(bd->rig->a, &b, &ref, 1, &err);
}

void databed_discard(struct databed *bd)
{
	const struct qdio_queue *q = &bd->rig->queues.in[0];

	while (bd->read < bd->offered &&
	       atomic_load(&q->slsb[bd->read % QDIO_BUFFERS]) == QDIO_IN_PRIMED)
		bd->read++;
}

bool databed_receive(struct databed *bd, struct osa_l3_hdr *hdr, uint8_t *data, uint32_t *len)
{
	const struct qdio_queue *q = &bd->rig->queues.in[0];
	unsigned i = bd->read % QDIO_BUFFERS;
	bool last = false;
	uint32_t at = 0;
	uint8_t whole[VS_FRAME_MAX + sizeof(*hdr)];

	if (atomic_load(&q->slsb[i]) != QDIO_IN_PRIMED)
		return false;
	bd->read++;
	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES && !last; e++) {
		uint32_t n = be32_get(q->sbal[i]->e[e].length);

		if (at + n > sizeof(whole))
			abort();
		memcpy(whole + at, bd->mem + be64_get(q->sbal[i]->e[e].addr), n);
		at += n;
		last = q->sbal[i]->e[e].eflags & QDIO_EFLAG_LAST;
	}
	if (!last)
		abort();
	memcpy(hdr, whole, sizeof(*hdr));
	*len = be16_get(hdr->len);
	if (*len + sizeof(*hdr) != at)
		abort();
	memcpy(data, whole + sizeof(*hdr), *len);
	return true;
}
