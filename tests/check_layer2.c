/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer-2 data path on queues laid out by hand: every output buffer a real driver was
 * recorded to send yields exactly its frames; every layout of spec/osa-qeth.md 7.6 is
 * understood and every malformed one refused; what is stored in input buffers is found by a
 * reader written from 7.7 alone; the rings keep the order of spec/qdio.md 4.4.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/layer2_bed.h"
#include "tests/qdio_rig.h"
#include "tests/trace.h"

#define PAGE 4096u

/* ---- recordings ------------------------------------------------------------------------- */

static const char *const traces[] = {
	"tests/data/l2-osd-full.trace",	 "tests/data/l2-osd-minimal.trace",
	"tests/data/l2-osd-retry.trace", "tests/data/l2-hyperion-qebsm.trace",
	"tests/data/l2-zosa.trace",	 "tests/data/l2-vlan-zosa.trace",
};

/* The frames of a recorded buffer as its elements say: header lengths, and where they start. */
static unsigned expected_frames(const struct qdio_sbal *s, const uint8_t *mem, uint32_t *len)
{
	unsigned n = 0, e = 0;

	for (;;) {
		uint64_t addr = be64_get(s->e[e].addr);
		uint32_t have = be32_get(s->e[e].length), hdr = mem[addr] == 6 ? 64 : 32;

		len[n] = be16_load(mem + addr + 6);
		while (have < len[n] + hdr)
			have += be32_get(s->e[++e].length);
		ck_assert_uint_eq(have, len[n] + hdr);
		n++;
		if (s->e[e++].eflags & QDIO_EFLAG_LAST)
			return n;
	}
}

START_TEST(recorded_buffers)
{
	struct trace *t = trace_load(traces[_i]);
	struct l2_bed *bd = l2_bed_make(TRACE_STORAGE_BYTES);
	struct qdio_queue *q = &bd->rig->queues.out[0];
	unsigned buffers = 0, tso = 0, csum = 0;

	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < t->n; i++) {
		uint32_t len[QDIO_SBAL_ENTRIES];
		struct qdio_sbal *s;
		uint64_t addr;
		unsigned n;

		/* Those at ESTABLISH QUEUES are empty still. */
		if (!trace_is(&t->ev[i], "SBAL-OUT") || !be32_load(t->ev[i].data + 4))
			continue;
		ck_assert_int_eq(trace_stage_sbal(t, i, bd->mem, TRACE_STORAGE_BYTES), 0);
		addr = trace_hex(&t->ev[i], "addr", 0);
		s = (struct qdio_sbal *)(void *)(bd->mem + addr);
		n = expected_frames(s, bd->mem, len);
		q->sbal[q->cursor] = s;
		q->slsb = l2_slsb(bd, 1); /* the recording may have overwritten it */
		atomic_store(&q->slsb[q->cursor], QDIO_OUT_PRIMED);
		ck_assert_msg(l2_fetch(bd) == n, "%s:%u: %u frames, not %u", t->path, t->ev[i].line,
			      bd->b.n, n);
		for (unsigned k = 0; k < n; k++) {
			ck_assert_uint_eq(bd->b.len[k], len[k]);
			tso += (bd->b.flags[k] & VS_F_GSO) != 0;
			csum += bd->b.flags[k] == VS_F_CSUM_NEEDED;
		}
		l2_done(bd);
		ck_assert_uint_eq(atomic_load(&q->slsb[(q->cursor + 127) % 128]), QDIO_OUT_EMPTY);
		buffers++;
	}
	ck_assert_uint_gt(buffers, 3);
	if (!_i) { /* the long recording has everything */
		ck_assert_uint_gt(tso, 0);
		ck_assert_uint_gt(csum, 0);
	}
	trace_free(t);
	l2_bed_free(bd);
}
END_TEST

/* ---- layouts of output buffers -------------------------------------------------------------- */

/* Store a frame with its header in pieces of the given lengths. */
static unsigned lay(struct l2_bed *bd, struct qdio_sbal *s, unsigned e, const uint32_t *piece,
		    uint32_t flen, unsigned seed, bool last)
{
	uint8_t whole[32 + 9100] = {0};
	unsigned n = 0;
	uint32_t at = 0;

	whole[0] = OSA_HDR_LAYER2;
	be16_store(whole + 6, (uint16_t)flen);
	for (uint32_t i = 0; i < flen; i++)
		whole[32 + i] = (uint8_t)(i * 3 + seed);
	while (piece[n])
		n++;
	for (unsigned k = 0; k < n; k++) {
		uint64_t addr = L2_DATA_OUT + (e + k) * 0x4000u + 100u * k;
		uint8_t frag = n == 1	    ? 0
			       : k == 0	    ? QDIO_EFLAG_FRAG_FIRST
			       : k == n - 1 ? QDIO_EFLAG_FRAG_LAST
					    : QDIO_EFLAG_FRAG_MIDDLE;

		memcpy(bd->mem + addr, whole + at, piece[k]);
		at += piece[k];
		l2_put_entry(s, e + k, (uint8_t)(frag | (last && k == n - 1 ? QDIO_EFLAG_LAST : 0)),
			     piece[k], addr);
	}
	ck_assert_uint_eq(at, flen + 32);
	return n;
}

static const struct layout {
	int n;
	const char *what;
	uint32_t flen;
	uint32_t piece[17];
} layouts[] = {
	{1, "whole frame in one element", 60, {92}},
	{2, "shortest frame", 14, {46}},
	{3, "header alone, then data", 60, {32, 60}},
	{4, "header and part, rest", 1514, {32 + 14, 1500}},
	{5, "elements of one byte", 20, {32, 1, 1, 1, 17}},
	{6, "sixteen elements", 1000, {32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 895}},
	{7, "split within the first 64 bytes", 100, {32 + 63, 37}},
	{8, "split right after them", 100, {32 + 64, 36}},
	{9, "64 bytes exactly", 64, {96}},
	{10, "65 bytes", 65, {97}},
	{11, "jumbo over pages", 9000, {4000, 4096, 936}},
};

START_TEST(output_layouts)
{
	const struct layout *l = &layouts[_i];
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0];
	uint8_t got[9100];

	lay(bd, q->sbal[0], 0, l->piece, l->flen, 5, true);
	atomic_store(&q->slsb[0], QDIO_OUT_PRIMED);
	ck_assert_msg(l2_fetch(bd) == 1, "row %d %s", l->n, l->what);
	ck_assert_uint_eq(l2_join(&bd->b, 0, got), l->flen);
	ck_assert_uint_eq(bd->b.len[0], l->flen);
	ck_assert_uint_eq(bd->b.headlen[0], l->flen < 64 ? l->flen : 64);
	for (uint32_t i = 0; i < l->flen; i++)
		ck_assert_uint_eq(got[i], (uint8_t)(i * 3 + 5));
	ck_assert_uint_eq(atomic_load(&q->slsb[0]), QDIO_OUT_PRIMED); /* not before rx_done */
	l2_done(bd);
	ck_assert_uint_eq(atomic_load(&q->slsb[0]), QDIO_OUT_EMPTY);
	l2_bed_free(bd);
}
END_TEST

START_TEST(packed_output)
{
	unsigned frames = (unsigned)_i + 2; /* 2 to 16 */
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0];
	uint8_t got[9100];

	for (unsigned k = 0; k < frames; k++)
		lay(bd, q->sbal[0], k, (const uint32_t[]){32 + 60 + k, 0}, 60 + k, k,
		    k == frames - 1);
	atomic_store(&q->slsb[0], QDIO_OUT_PRIMED);
	ck_assert_uint_eq(l2_fetch(bd), frames);
	for (unsigned k = 0; k < frames; k++) {
		ck_assert_uint_eq(l2_join(&bd->b, k, got), 60 + k);
		ck_assert_uint_eq(got[10], (uint8_t)(30 + k));
	}
	l2_done(bd);
	l2_bed_free(bd);
}
END_TEST

/* A buffer that is wrong: what is counted, which entry is blamed, how many frames before it. */
static const struct bad {
	int n;
	const char *what;
	enum vs_drop drop;
	int entry;	  /* -1: no error, the frame alone is dropped */
	unsigned entries; /* of the good frame in front: 0 or 1 */
	uint8_t id;
	uint16_t flen;
	uint32_t elen; /* of the one element */
	uint64_t addr; /* 0: the default */
	bool not_last;
} bads[] = {
	{1, "unknown header id", VS_DROP_RX_UNSUPPORTED, 0, 0, 0x07, 60, 92, 0, false},
	{2, "layer-3 header", VS_DROP_RX_UNSUPPORTED, 0, 0, 0x01, 60, 92, 0, false},
	{3, "element shorter than a header", VS_DROP_RX_MALFORMED, 0, 0, 2, 60, 31, 0, false},
	{4, "length larger than the element", VS_DROP_RX_MALFORMED, 0, 0, 2, 61, 92, 0, false},
	{5, "length smaller than the element", VS_DROP_RX_MALFORMED, 0, 0, 2, 59, 92, 0, false},
	{6, "length 0", VS_DROP_RX_MALFORMED, 0, 0, 2, 0, 32, 0, false},
	{7, "zero-length element", VS_DROP_RX_ADDRESS, 0, 0, 2, 60, 0, 0, false},
	{8, "address beyond storage", VS_DROP_RX_ADDRESS, 0, 0, 2, 60, 92, L2_STORAGE, false},
	{9, "range that wraps", VS_DROP_RX_ADDRESS, 0, 0, 2, 60, 92, UINT64_MAX - 10, false},
	{10, "end beyond storage", VS_DROP_RX_ADDRESS, 0, 0, 2, 60, 92, L2_STORAGE - 91, false},
	{11, "no last entry", VS_DROP_RX_MALFORMED, 15, 0, 2, 60, 92, 0, true},
	{12, "runt", VS_DROP_RX_RUNT, -1, 0, 2, 13, 45, 0, false},
	{13, "giant", VS_DROP_RX_GIANT, -1, 0, 2, 9019, 9051, 0, false},
	{14, "second frame bad", VS_DROP_RX_MALFORMED, 1, 1, 2, 61, 92, 0, false},
	{15, "segmentation header cut short", VS_DROP_RX_MALFORMED, 0, 0, 6, 60, 40, 0, false},
	{16, "segmentation of nothing", VS_DROP_RX_MALFORMED, -1, 0, 6, 60, 124, 0, false},
};

START_TEST(bad_output)
{
	const struct bad *r = &bads[_i];
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0];
	uint64_t addr = r->addr ? r->addr : L2_DATA_OUT + 0x80000;

	if (r->entries)
		lay(bd, q->sbal[0], 0, (const uint32_t[]){92, 0}, 60, 1, false);
	bd->mem[L2_DATA_OUT + 0x80000] = r->id;
	be16_store(bd->mem + L2_DATA_OUT + 0x80000 + 6, r->flen);
	for (unsigned e = r->entries; e < 16; e++)
		l2_put_entry(q->sbal[0], e, r->not_last ? 0 : QDIO_EFLAG_LAST, r->elen, addr);
	atomic_store(&q->slsb[0], QDIO_OUT_PRIMED);
	ck_assert_msg(l2_fetch(bd) == r->entries, "row %d %s: %u frames", r->n, r->what, bd->b.n);
	ck_assert_msg(bd->dropped[r->drop] == 1, "row %d %s: not counted", r->n, r->what);
	if (bd->b.n)
		l2_done(bd);
	ck_assert_uint_eq(atomic_load(&q->slsb[0]), r->entry < 0 ? QDIO_OUT_EMPTY : QDIO_OUT_ERROR);
	if (r->entry >= 0) {
		ck_assert_int_eq(q->sbal[0]->e[14].sflags, r->entry);
		ck_assert_uint_eq(q->sbal[0]->e[15].sflags, QDIO_REASON_BAD_BUFFER);
	}
	/* The queue goes on. */
	lay(bd, q->sbal[1], 0, (const uint32_t[]){92, 0}, 60, 1, true);
	atomic_store(&q->slsb[1], QDIO_OUT_PRIMED);
	ck_assert_uint_eq(l2_fetch(bd), 1);
	l2_done(bd);
	l2_bed_free(bd);
}
END_TEST

/* Frames before and after, in ring order, more than one burst, wrapping; two queues share. */
START_TEST(output_ring)
{
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0], *p = &bd->rig->queues.out[1];
	unsigned next = 0, put = 0, others = 0;

	for (unsigned i = 0; i < QDIO_BUFFERS; i++)
		lay(bd, p->sbal[i], 0, (const uint32_t[]){92, 0}, 60, 200, true);
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = 1 + (round * 37) % QDIO_BUFFERS;

		for (unsigned i = 0; i < n; i++, put++) {
			struct qdio_sbal *s = q->sbal[put % 128];
			uint64_t addr = L2_DATA_IN + (put % 128) * 0x1000u;

			memset(bd->mem + addr, 0, 100);
			bd->mem[addr] = OSA_HDR_LAYER2;
			be16_store(bd->mem + addr + 6, 60);
			be32_store(bd->mem + addr + 32, put);
			l2_put_entry(s, 0, QDIO_EFLAG_LAST, 92, addr);
			atomic_store(&q->slsb[put % 128], QDIO_OUT_PRIMED);
		}
		atomic_store(&p->slsb[p->cursor], QDIO_OUT_PRIMED);
		ck_assert(osa_layer2_ops.arm(bd->rig->a));
		while (l2_fetch(bd)) {
			for (unsigned k = 0; k < bd->b.n; k++) {
				if (bd->b.head[k][20] == (uint8_t)(20 * 3 + 200))
					others++;
				else
					ck_assert_uint_eq(be32_load(bd->b.head[k]), next++);
			}
			l2_done(bd);
		}
		ck_assert_uint_eq(next, put);
		ck_assert_uint_eq(others, round + 1);
		ck_assert(!osa_layer2_ops.arm(bd->rig->a));
		osa_layer2_ops.disarm(bd->rig->a);
	}
	l2_bed_free(bd);
}
END_TEST

/* ---- input buffers ----------------------------------------------------------------------------
 */

static void make_burst(struct vs_burst *b, const uint8_t *data, const uint32_t *len, unsigned n)
{
	b->n = n;
	b->nseg_used = 0;
	for (unsigned i = 0; i < n; i++) {
		b->len[i] = len[i];
		b->headlen[i] = (uint16_t)(len[i] < 64 ? len[i] : 64);
		b->flags[i] = 0;
		b->tci[i] = (uint16_t)(0x6000 + i);
		memcpy(b->head[i], data + i, b->headlen[i]);
		b->seg0[i] = (uint16_t)b->nseg_used;
		b->nseg[i] = len[i] > 64;
		if (len[i] > 64)
			b->seg[b->nseg_used++] = (struct vs_seg){data + i + 64, len[i] - 64};
	}
}

/* The frame as it must arrive. */
static uint32_t edited(uint8_t *to, const uint8_t *data, uint32_t len, unsigned edit, uint16_t tci)
{
	uint32_t n = 12, from = edit == VS_EDIT_STRIP || edit == VS_EDIT_RETAG ? 16 : 12;

	memcpy(to, data, 12);
	if (edit == VS_EDIT_PUSH || edit == VS_EDIT_RETAG) {
		be16_store(to + 12, 0x8100);
		be16_store(to + 14, tci);
		n = 16;
	}
	memcpy(to + n, data + from, len - from);
	return n + len - from;
}

/* Random frames, edits and buffer shapes; nothing is lost, damaged, or left without 0x40. */
START_TEST(input_differential)
{
	unsigned seed = (unsigned)time(NULL) + (unsigned)_i * 1000;
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	static uint8_t data[10000], frame[1024][9100], want[9100];
	static uint32_t flen[1024];
	unsigned offered = 0, read = 0;

	printf("input seed %u\n", seed);
	srand(seed);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	data[12] = 0x81;
	for (unsigned round = 0; round < 400; round++) {
		struct vs_ref ref[64];
		uint32_t len[64];
		unsigned n = 1 + (unsigned)rand() % 64, taken, got = 0;
		enum vs_drop err;

		while (offered - read < 40) {
			uint32_t shape[16];
			unsigned k = rand() % 2 ? 16 : 1 + (unsigned)rand() % 16;

			for (unsigned e = 0; e < k; e++)
				shape[e] = rand() % 3 ? 4096 : 32 + (unsigned)rand() % 4000;
			bd->scattered = rand() % 2;
			bd->open_ended = rand() % 2;
			l2_offer(bd, offered++, shape, k);
		}
		for (unsigned i = 0; i < n; i++) {
			len[i] = 20 + (unsigned)rand() % (rand() % 4 ? 200 : 8800);
			ref[i] =
				(struct vs_ref){.frame = (uint8_t)i, .edit = (uint8_t)(rand() % 4)};
		}
		make_burst(&bd->b, data, len, n);
		taken = osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, n, &err);
		if (taken < n)
			ck_assert(err == VS_DROP_TX_TOO_BIG || err == VS_DROP_TX_NO_BUFFER);
		while (read < offered &&
		       atomic_load(&bd->rig->queues.in[0].slsb[read % 128]) == QDIO_IN_PRIMED)
			got += l2_read_back(bd, read++, frame + got, flen + got, 1024 - got);
		ck_assert_uint_eq(got, taken);
		for (unsigned i = 0; i < taken; i++) {
			uint32_t m = edited(want, data + i, len[i], ref[i].edit, bd->b.tci[i]);

			ck_assert_uint_eq(flen[i], m);
			ck_assert_mem_eq(frame[i], want, m);
		}
		ck_assert_uint_eq(bd->rig->queues.in[0].cursor, read % 128);
	}
	l2_bed_free(bd);
}
END_TEST

START_TEST(input_rules)
{
	static const uint32_t pages[16] = {PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE,
					   PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE};
	static uint8_t data[10000];
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.in[0];
	struct vs_ref ref[3] = {{.frame = 0}, {.frame = 1}, {.frame = 2}};
	uint32_t len[3] = {60, 9000, 60};
	enum vs_drop err;
	struct osa_info info;

	/* No buffer: dropped, nothing stored. */
	make_burst(&bd->b, data, len, 3);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, 3, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_NO_BUFFER);
	/* One frame over three pages: fragment bits, lengths, the rest untouched. */
	l2_offer(bd, 0, pages, 16);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref + 1, 1, &err), 1);
	ck_assert_uint_eq(atomic_load(&q->slsb[0]), QDIO_IN_PRIMED);
	ck_assert_uint_eq(q->sbal[0]->e[0].eflags, QDIO_EFLAG_FRAG_FIRST);
	ck_assert_uint_eq(q->sbal[0]->e[1].eflags, QDIO_EFLAG_FRAG_MIDDLE);
	ck_assert_uint_eq(q->sbal[0]->e[2].eflags, QDIO_EFLAG_FRAG_LAST | QDIO_EFLAG_LAST);
	ck_assert_uint_eq(be32_get(q->sbal[0]->e[2].length), 9032 - 2 * PAGE);
	ck_assert_uint_eq(bd->mem[L2_DATA_IN + 9032], 0xEE);
	/* Too big for the buffer offered: the buffer stays the guest's to be filled. */
	l2_offer(bd, 1, pages, 2);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref + 1, 1, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_TOO_BIG);
	ck_assert_uint_eq(atomic_load(&q->slsb[1]), QDIO_IN_EMPTY);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, 1, &err), 1);
	/* A buffer whose address is not valid goes back as an error, and the ring goes on. */
	l2_offer(bd, 2, pages, 16);
	l2_put_entry(q->sbal[2], 0, 0, PAGE, L2_STORAGE);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, 1, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_BAD_BUFFER);
	ck_assert_uint_eq(atomic_load(&q->slsb[2]), QDIO_IN_ERROR);
	ck_assert_uint_eq(q->sbal[2]->e[15].sflags, QDIO_REASON_BAD_BUFFER);
	l2_offer(bd, 3, pages, 16);
	ck_assert_uint_eq(osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, 1, &err), 1);
	ck_assert_uint_eq(atomic_load(&q->slsb[3]), QDIO_IN_PRIMED);
	osa_info(bd->rig->a, &info);
	ck_assert_uint_eq(info.rx_buffers, 3);
	l2_bed_free(bd);
}
END_TEST

/* spec/qdio.md 9.5 A: signalled unless the buffer before is 0x81 or 0x82. */
START_TEST(signals)
{
	static const struct {
		uint8_t before;
		bool always;
		bool signal;
	} rows[] = {
		{0x80, false, true}, {0x81, false, false}, {0x82, false, false},
		{0x41, false, true}, {0x8F, false, true},  {0x81, true, true},
		{0x82, true, true},
	};
	uint8_t state[QDIO_BUFFERS];
	struct qdio_queue q = {.slsb = (_Atomic uint8_t *)state, .input = true, .cursor = 5};

	memset(state, 0x80, sizeof(state));
	q.always = rows[_i].always;
	state[4] = rows[_i].before;
	ck_assert_int_eq(rig_in_publish(&q, 2), rows[_i].signal);
	ck_assert_uint_eq(state[5], 0x82);
	ck_assert_uint_eq(state[6], 0x82);
	ck_assert_uint_eq(state[7], 0x80);
	ck_assert_uint_eq(q.cursor, 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer2");
	TCase *t = tcase_create("data path");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, recorded_buffers, 0, sizeof(traces) / sizeof(traces[0]));
	tcase_add_loop_test(t, output_layouts, 0, sizeof(layouts) / sizeof(layouts[0]));
	tcase_add_loop_test(t, packed_output, 0, 15);
	tcase_add_loop_test(t, bad_output, 0, sizeof(bads) / sizeof(bads[0]));
	tcase_add_test(t, output_ring);
	tcase_add_loop_test(t, input_differential, 0, 3);
	tcase_add_test(t, input_rules);
	tcase_add_loop_test(t, signals, 0, 7);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
