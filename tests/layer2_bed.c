/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/layer2_bed.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct qdio_sbal *sbal_at(struct l2_bed *bd, unsigned queue, unsigned i)
{
	return (struct qdio_sbal *)(void *)(bd->mem + 0x10000 + queue * 0x8000 + i * 256);
}

_Atomic uint8_t *l2_slsb(struct l2_bed *bd, unsigned queue)
{
	return (_Atomic uint8_t *)(bd->mem + 0x8000 + queue * 256);
}

static void make_queue(struct l2_bed *bd, struct qdio_queue *q, bool input, unsigned nr)
{
	unsigned slot = input ? 0 : 1 + nr;

	*q = (struct qdio_queue){
		.st = &bd->st, .slsb = l2_slsb(bd, slot), .input = input, .nr = (uint8_t)nr};
	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		q->sbal[i] = sbal_at(bd, slot, i);
	memset((void *)l2_slsb(bd, slot), input ? QDIO_IN_NOTINIT : QDIO_OUT_NOTINIT, QDIO_BUFFERS);
}

struct l2_bed *l2_bed_make(size_t bytes)
{
	struct l2_bed *bd = calloc(1, sizeof(*bd));
	struct osa_config cfg = *osa_rig_config();

	cfg.mtu = 9000;
	bd->mem = calloc(1, bytes);
	bd->st.n = 1;
	bd->st.region[0] = (struct qdio_region){0, bytes, bd->mem};
	bd->rig = osa_rig_new(&cfg, true);
	ck_assert_ptr_nonnull(bd->rig);
	bd->rig->queues.n_in = 1;
	bd->rig->queues.n_out = 2;
	make_queue(bd, &bd->rig->queues.in[0], true, 0);
	make_queue(bd, &bd->rig->queues.out[0], false, 0);
	make_queue(bd, &bd->rig->queues.out[1], false, 1);
	ck_assert_int_eq(osa_rig_up(bd->rig), 0);
	return bd;
}

void l2_bed_free(struct l2_bed *bd)
{
	osa_rig_free(bd->rig);
	free(bd->mem);
	free(bd);
}

unsigned l2_fetch(struct l2_bed *bd)
{
	memset(bd->dropped, 0, sizeof(bd->dropped));
	return osa_layer2_ops.rx_burst(bd->rig->a, &bd->b, bd->dropped);
}

void l2_done(struct l2_bed *bd)
{
	osa_layer2_ops.rx_done(bd->rig->a, &bd->b);
}

uint32_t l2_join(const struct vs_burst *b, unsigned i, uint8_t *to)
{
	uint32_t n = b->headlen[i];

	memcpy(to, b->head[i], n);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		memcpy(to + n, b->seg[b->seg0[i] + s].p, b->seg[b->seg0[i] + s].len);
		n += b->seg[b->seg0[i] + s].len;
	}
	return n;
}

void l2_put_entry(struct qdio_sbal *s, unsigned e, uint8_t eflags, uint32_t len, uint64_t addr)
{
	s->e[e].eflags = eflags;
	s->e[e].sflags = 0;
	s->e[e].length = be32_of(len);
	s->e[e].addr = be64_of(addr);
}

/* Where element e of those is: back to back, or each in a page of its own, the last in front. */
static uint64_t place_of(const struct l2_bed *bd, const uint32_t *len, unsigned e)
{
	uint64_t at = 0;

	if (bd->scattered)
		return (15 - e) * 4096u;
	while (e--)
		at += len[e];
	return at;
}

/* Offer input buffer i with elements of the given lengths. */
void l2_offer(struct l2_bed *bd, unsigned i, const uint32_t *len, unsigned n)
{
	struct qdio_queue *q = &bd->rig->queues.in[0];
	uint64_t area = L2_DATA_IN + i % 128 * 0x10000u;

	for (unsigned e = 0; e < 16; e++)
		l2_put_entry(q->sbal[i % 128], e, 0, 0xDEAD, 0xDEAD);
	for (unsigned e = 0; e < n; e++) {
		uint64_t addr = area + place_of(bd, len, e);
		bool last = e == n - 1 && !(bd->open_ended && n == 16);

		l2_put_entry(q->sbal[i % 128], e, last ? QDIO_EFLAG_LAST : 0, len[e], addr);
		memset(bd->mem + addr, 0xEE, len[e]);
	}
	atomic_store(&q->slsb[i % 128], QDIO_IN_EMPTY);
}

/* Fragment bits are there for one frame over several elements, and for no others. */
static void check_fragments(const struct qdio_sbal *s, unsigned last, unsigned frames)
{
	for (unsigned e = 0; e <= last; e++) {
		unsigned want = frames > 1 || !last ? 0
				: !e		    ? QDIO_EFLAG_FRAG_FIRST
				: e == last	    ? QDIO_EFLAG_FRAG_LAST
						    : QDIO_EFLAG_FRAG_MIDDLE;

		ck_assert_uint_eq(s->e[e].eflags & QDIO_EFLAG_FRAG_MASK, want);
	}
}

/* Frames in a filled buffer, read as 7.7 says. Return: how many. */
unsigned l2_read_back(struct l2_bed *bd, unsigned i, uint8_t (*frame)[9100], uint32_t *flen,
		      unsigned max)
{
	const struct qdio_sbal *s = bd->rig->queues.in[0].sbal[i % 128];
	unsigned e = 0, n = 0;
	uint32_t off = 0;

	for (;;) {
		uint32_t len = be32_get(s->e[e].length), left;
		uint64_t addr = be64_get(s->e[e].addr);

		ck_assert_uint_le(e, 15);
		ck_assert_uint_le(off, len);
		if (len - off < 32) {
			ck_assert_uint_eq(len, off); /* the lengths are of what is used */
			if (s->e[e].eflags & QDIO_EFLAG_LAST) {
				check_fragments(s, e, n);
				return n;
			}
			e++;
			off = 0;
			continue;
		}
		ck_assert_uint_lt(n, max);
		ck_assert_uint_eq(bd->mem[addr + off], OSA_HDR_LAYER2);
		flen[n] = left = be16_load(bd->mem + addr + off + 6);
		ck_assert_uint_ge(left, 14);
		off += 32;
		while (left) {
			uint32_t piece;

			if (off == be32_get(s->e[e].length)) {
				ck_assert(!(s->e[e].eflags & QDIO_EFLAG_LAST));
				e++;
				off = 0;
			}
			piece = be32_get(s->e[e].length) - off;
			piece = piece < left ? piece : left;
			memcpy(frame[n] + flen[n] - left, bd->mem + be64_get(s->e[e].addr) + off,
			       piece);
			off += piece;
			left -= piece;
		}
		n++;
	}
}
