/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues against a guest made of one array: chains good and bad, frames in and out,
 * notifications.
 *
 *   guest memory at GPA 0x10000:  descriptors | avail | used | indirect tables | buffers
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "host/steer.h"
#include "host/virtnet.h"
#include "host/vnet.h"

#define GPA 0x10000u
#define SIZE 8u
#define AT_AVAIL 0x200u
#define AT_USED 0x300u
#define AT_TABLE 0x400u
#define AT_DATA 0x1000u
#define MEMORY 0x40000u

enum { N = VQ_DESC_F_NEXT, W = VQ_DESC_F_WRITE, I = VQ_DESC_F_INDIRECT };

static _Alignas(16) uint8_t memory[MEMORY];
static struct virtnet net;
static struct vring_mem mem;
static struct vs_burst burst;
static uint64_t dropped[VS_DROP_COUNT + 1];

static struct vring_queue *setup(struct vring_queue *r)
{
	memset(memory, 0, sizeof(memory));
	memset(&net, 0, sizeof(net));
	memset(dropped, 0, sizeof(dropped));
	net.hdr_len = 12;
	net.mem = &mem;
	virtnet_init(&net);
	virtnet_open(&net);
	mem.n = 2; /* two regions, apart in the guest, so that a piece can end in between */
	mem.region[0] = (struct vring_region){GPA, 0x20000, memory};
	mem.region[1] = (struct vring_region){GPA + 0x20000, 0x10000, memory + 0x30000};
	*r = (struct vring_queue){
		.size = SIZE,
		.desc = (void *)memory,
		.avail = (void *)(memory + AT_AVAIL),
		.used = (void *)(memory + AT_USED),
	};
	return r;
}

static void desc(void *table, unsigned i, uint64_t addr, uint32_t len, int flags, unsigned next)
{
	struct vq_desc d = {addr, len, (uint16_t)flags, (uint16_t)next};

	memcpy((uint8_t *)table + i * sizeof(d), &d, sizeof(d));
}

static void offer(struct vring_queue *r, unsigned head)
{
	r->avail->ring[r->avail->idx % SIZE] = (uint16_t)head;
	r->avail->idx++;
}

/* ---- chains -------------------------------------------------------------------------------- */

struct row {
	int n;
	struct {
		uint64_t addr;
		uint32_t len;
		int flags;
		unsigned next;
	} d[3], table[3]; /* of the ring from 0 on, and of an indirect table */
	unsigned head;
	bool writable;
	enum vring_fault want;
	unsigned pieces;
	uint32_t bytes;
};

static const struct row rows[] = {
	{1, {{GPA, 10, 0, 0}}, {{0}}, 0, false, VRING_OK, 1, 10},
	{2, {{GPA, 10, N, 1}, {GPA + 64, 20, 0, 0}}, {{0}}, 0, false, VRING_OK, 2, 30},
	{3, {{GPA, 10, W, 0}}, {{0}}, 0, true, VRING_OK, 1, 10},
	{4, {{GPA, 10, W, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	{5, {{GPA, 10, 0, 0}}, {{0}}, 0, true, VRING_MALFORMED, 0, 0},
	{6, {{GPA, 10, N, 1}, {GPA, 10, W, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	/* loops, numbers beyond the table */
	{7, {{GPA, 1, N, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	{8, {{GPA, 1, N, 1}, {GPA, 1, N, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	{9, {{GPA, 1, N, SIZE}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	{10, {{GPA, 1, 0, 0}}, {{0}}, SIZE, false, VRING_MALFORMED, 0, 0},
	{11, {{GPA, 1, 0, 0}}, {{0}}, 0xFFFF, false, VRING_MALFORMED, 0, 0},
	/* addresses */
	{12, {{GPA - 1, 2, 0, 0}}, {{0}}, 0, false, VRING_ADDRESS, 0, 0},
	{13, {{GPA + 0x30000, 1, 0, 0}}, {{0}}, 0, false, VRING_ADDRESS, 0, 0},
	{14, {{GPA + 0x2FFFF, 2, 0, 0}}, {{0}}, 0, false, VRING_ADDRESS, 0, 0},
	{15, {{UINT64_MAX, 2, 0, 0}}, {{0}}, 0, false, VRING_ADDRESS, 0, 0},
	{16, {{GPA + 0x1FFFE, 4, 0, 0}}, {{0}}, 0, false, VRING_OK, 2, 4},
	{17, {{GPA, 0, 0, 0}}, {{0}}, 0, false, VRING_OK, 0, 0},
	{18, {{GPA, VRING_CHAIN_MAX + 1, 0, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	{19,
	 {{GPA, VRING_CHAIN_MAX, N, 1}, {GPA, 1, 0, 0}},
	 {{0}},
	 0,
	 false,
	 VRING_MALFORMED,
	 0,
	 0},
	{20, {{GPA, UINT32_MAX, 0, 0}}, {{0}}, 0, false, VRING_MALFORMED, 0, 0},
	/* indirect tables */
	{21, {{GPA + AT_TABLE, 16, I, 0}}, {{GPA, 9, 0, 0}}, 0, false, VRING_OK, 1, 9},
	{22,
	 {{GPA + AT_TABLE, 32, I, 0}},
	 {{GPA, 9, N, 1}, {GPA + 9, 1, 0, 0}},
	 0,
	 false,
	 VRING_OK,
	 2,
	 10},
	{23, {{GPA + AT_TABLE, 16, I, 0}}, {{GPA, 9, N, 1}}, 0, false, VRING_MALFORMED, 0, 0},
	{24, {{GPA + AT_TABLE, 17, I, 0}}, {{GPA, 9, 0, 0}}, 0, false, VRING_MALFORMED, 0, 0},
	{25, {{GPA + AT_TABLE, 0, I, 0}}, {{GPA, 9, 0, 0}}, 0, false, VRING_MALFORMED, 0, 0},
	{26, {{GPA - 16, 16, I, 0}}, {{GPA, 9, 0, 0}}, 0, false, VRING_ADDRESS, 0, 0},
	{27, {{GPA + 0x1FFF0, 32, I, 0}}, {{GPA, 9, 0, 0}}, 0, false, VRING_ADDRESS, 0, 0},
	{28,
	 {{GPA + AT_TABLE, 16, I, 0}},
	 {{GPA + AT_TABLE, 16, I, 0}},
	 0,
	 false,
	 VRING_MALFORMED,
	 0,
	 0},
	{29, {{GPA + AT_TABLE, 16, I | N, 1}}, {{GPA, 9, 0, 0}}, 0, false, VRING_MALFORMED, 0, 0},
	{30,
	 {{GPA, 1, N, 1}, {GPA + AT_TABLE, 16, I, 0}},
	 {{GPA, 9, 0, 0}},
	 0,
	 false,
	 VRING_MALFORMED,
	 0,
	 0},
};

START_TEST(test_chains)
{
	struct vring_queue r;
	struct vring_chain c;

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const struct row *w = &rows[k];
		enum vring_fault got;

		setup(&r);
		for (unsigned i = 0; i < 3; i++) {
			desc(memory, i, w->d[i].addr, w->d[i].len, w->d[i].flags, w->d[i].next);
			desc(memory + AT_TABLE, i, w->table[i].addr, w->table[i].len,
			     w->table[i].flags, w->table[i].next);
		}
		offer(&r, w->head);
		got = vring_chain(&r, &mem, 0, w->writable, &c);
		ck_assert_msg(got == w->want, "row %d: %d", w->n, got);
		if (got == VRING_OK)
			ck_assert_msg(c.n == w->pieces && c.bytes == w->bytes,
				      "row %d: %u pieces, %u bytes", w->n, c.n, c.bytes);
	}
}
END_TEST

START_TEST(test_too_many_pieces)
{
	struct vring_queue r;
	struct vring_chain c;

	setup(&r);
	offer(&r, 0);
	for (unsigned n = VRING_SEGS; n <= VRING_SEGS + 1; n++) {
		desc(memory, 0, GPA + AT_TABLE, 16 * n, I, 0);
		for (unsigned i = 0; i < n; i++)
			desc(memory + AT_TABLE, i, GPA + i, 1, i + 1 < n ? N : 0, i + 1);
		ck_assert_int_eq(vring_chain(&r, &mem, 0, false, &c),
				 n == VRING_SEGS ? VRING_OK : VRING_MALFORMED);
	}
}
END_TEST

/* ---- notifications ------------------------------------------------------------------------------
 */

static bool put(struct vring_queue *r, uint16_t id, uint32_t len)
{
	struct vring_buf buf = {.id = id, .slots = 1, .len = len};
	uint16_t at = r->done;

	vring_put(r, at, &buf, 1);
	return vring_publish(r, vring_behind(r, at, 1));
}

START_TEST(test_flags)
{
	struct vring_queue r;
	struct vring_chain c;

	setup(&r);
	ck_assert(!vring_publish(&r, 0)); /* nothing was put */
	vring_put(&r, 0, &(struct vring_buf){3, 1, 7}, 1);
	ck_assert_uint_eq(r.used->idx, 0);
	ck_assert(vring_publish(&r, 1));
	ck_assert_uint_eq(r.used->idx, 1);
	ck_assert_uint_eq(r.used->ring[0].id, 3);
	ck_assert_uint_eq(r.used->ring[0].len, 7);
	r.avail->flags = VQ_AVAIL_F_NO_INTERRUPT;
	ck_assert(!put(&r, 4, 0));
	vring_disarm(&r);
	ck_assert_uint_eq(r.used->flags, VQ_USED_F_NO_NOTIFY);
	ck_assert(!vring_arm(&r));
	ck_assert_uint_eq(r.used->flags, 0);
	offer(&r, 0);
	ck_assert(vring_arm(&r));
	r.avail->idx = (uint16_t)(r.next + SIZE + 1); /* nonsense is nothing */
	ck_assert_int_eq(vring_chain(&r, &mem, r.next, false, &c), VRING_NONE);
}
END_TEST

START_TEST(test_event_index)
{
	struct vring_queue r;

	setup(&r);
	r.event_idx = true;
	r.used_offset = 9;	     /* of one taken over */
	r.avail->ring[SIZE] = 9 + 1; /* tell me when used passes this */
	ck_assert(!put(&r, 0, 0));
	ck_assert(put(&r, 1, 0));
	ck_assert(!put(&r, 2, 0));
	ck_assert_uint_eq(r.used->idx, 9 + 3);
	ck_assert_uint_eq(r.used->ring[(9 + 2) % SIZE].id, 2);
	r.next = 5;
	r.avail->idx = 5;
	ck_assert(!vring_arm(&r));
	ck_assert_uint_eq(*(uint16_t *)(void *)&r.used->ring[SIZE], 5);
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------------
 */

static void frame(uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 7 + 1);
	be16_store(at + 12, 0x88B5);
}

START_TEST(test_receive)
{
	uint8_t want[1500], *data = memory + AT_DATA;

	setup(&net.out);
	setup(&net.out); /* setup clears net */
	frame(want, sizeof(want));
	memcpy(data + 12, want, sizeof(want));
	/* The header is cut, the frame in two. */
	desc(memory, 0, GPA + AT_DATA, 5, N, 1);
	desc(memory, 1, GPA + AT_DATA + 5, 100, N, 2);
	desc(memory, 2, GPA + AT_DATA + 105, 12 + 1500 - 105, 0, 0);
	desc(memory, 3, GPA - 9, 100, 0, 0); /* outside */
	desc(memory, 4, GPA, 12 + 13, 0, 0); /* runt */
	desc(memory, 5, GPA, 11, 0, 0);	     /* no header */
	offer(&net.out, 0);
	offer(&net.out, 3);
	offer(&net.out, 4);
	offer(&net.out, 5);
	ck_assert_uint_eq(virtnet_rx(&net, &burst, dropped), 4);
	ck_assert_uint_eq(burst.n, 1);
	ck_assert_uint_eq(burst.len[0], 1500);
	ck_assert_uint_eq(burst.headlen[0], VS_HEAD_MIN);
	ck_assert_mem_eq(burst.head[0], want, VS_HEAD_MIN);
	ck_assert_uint_eq(burst.nseg[0], 2);
	ck_assert_ptr_eq(burst.seg[0].p, data + 12 + VS_HEAD_MIN); /* not copied */
	ck_assert_uint_eq(dropped[VS_DROP_RX_ADDRESS], 1);
	ck_assert_uint_eq(dropped[VS_DROP_RX_RUNT], 1);
	ck_assert_uint_eq(dropped[VS_DROP_RX_MALFORMED], 1);
	ck_assert(virtnet_rx_done(&net));
	ck_assert_uint_eq(net.out.used->idx, 4);
	ck_assert_uint_eq(net.out.used->ring[1].id, 3);
	ck_assert_uint_eq(virtnet_rx(&net, &burst, dropped), 0);
}
END_TEST

static void one_frame(uint32_t len, const uint8_t *bytes)
{
	burst.n = 1;
	burst.len[0] = len;
	burst.headlen[0] = VS_HEAD_MIN;
	burst.seg0[0] = 0;
	burst.nseg[0] = 1;
	burst.flags[0] = 0;
	memcpy(burst.head[0], bytes, VS_HEAD_MIN);
	burst.seg[0] = (struct vs_seg){bytes + VS_HEAD_MIN, len - VS_HEAD_MIN};
}

/* A frame of 1500 into buffers of a size. */
START_TEST(test_send)
{
	static const struct {
		int n;
		uint32_t size;
		bool mergeable;
		unsigned buffers, sent, used;
		enum vs_drop why;
	} cases[] = {
		{1, 2048, false, 1, 1, 1, VS_DROP_NONE},
		{2, 1512, false, 1, 1, 1, VS_DROP_NONE},
		{3, 1511, false, 1, 0, 0, VS_DROP_TX_TOO_BIG},
		{4, 1511, true, 2, 1, 2, VS_DROP_NONE},
		{5, 512, true, 3, 1, 3, VS_DROP_NONE},
		{6, 512, true, 2, 0, 0, VS_DROP_TX_NO_BUFFER},
		{7, 2048, true, 0, 0, 0, VS_DROP_TX_NO_BUFFER},
		{8, 11, true, 3, 0, 1, VS_DROP_TX_BAD_BUFFER},
	};
	struct vs_ref ref = {0, VS_EDIT_NONE};
	uint8_t bytes[1500];

	frame(bytes, sizeof(bytes));
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		enum vs_drop why = VS_DROP_NONE;
		bool call = false;
		uint16_t n_buffers;

		setup(&net.in);
		setup(&net.in);
		net.mergeable = cases[k].mergeable;
		for (unsigned i = 0; i < cases[k].buffers; i++) {
			desc(memory, i, GPA + AT_DATA + i * cases[k].size, cases[k].size, W, 0);
			offer(&net.in, i);
		}
		one_frame(sizeof(bytes), bytes);
		ck_assert_msg(virtnet_tx(&net, &burst, &ref, 1, &why, &call) == cases[k].sent,
			      "case %d", cases[k].n);
		ck_assert_msg(why == cases[k].why, "case %d: %d", cases[k].n, why);
		ck_assert_msg(net.in.used->idx == cases[k].used, "case %d", cases[k].n);
		ck_assert(call == (cases[k].used > 0));
		if (!cases[k].sent)
			continue;
		ck_assert_mem_eq(memory + AT_DATA + 12, bytes, sizeof(bytes));
		memcpy(&n_buffers, memory + AT_DATA + 10, 2);
		ck_assert_uint_eq(n_buffers, cases[k].used);
		ck_assert_uint_eq(net.in.used->ring[cases[k].used - 1].len,
				  1512 - (cases[k].used - 1) * cases[k].size);
	}
}
END_TEST

/* Sixteen frames with tags to edit, whole buffers and one too small in between. */
START_TEST(test_send_burst)
{
	static const struct {
		int n;
		enum vs_edit edit;
		uint32_t len;
	} cases[] = {
		{1, VS_EDIT_NONE, 0},
		{2, VS_EDIT_STRIP, 60 - 4},
		{3, VS_EDIT_PUSH, 60 + 4},
		{4, VS_EDIT_RETAG, 60},
	};
	struct vs_ref ref[4];
	uint8_t bytes[60];

	frame(bytes, sizeof(bytes));
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		uint32_t len = cases[k].len ? cases[k].len : sizeof(bytes);
		enum vs_drop why = VS_DROP_NONE;
		bool call = false;

		setup(&net.in);
		setup(&net.in);
		for (unsigned i = 0; i < 4; i++) {
			/* The third is in two pieces; the last one byte too small. */
			desc(memory, 2 * i, GPA + AT_DATA + i * 0x100,
			     i == 2 ? 40 : 12 + len - (i == 3), i == 2 ? W | N : W, 2 * i + 1);
			desc(memory, 2 * i + 1, GPA + AT_DATA + i * 0x100 + 40, 100, W, 0);
			offer(&net.in, 2 * i);
			ref[i] = (struct vs_ref){0, (uint8_t)cases[k].edit};
		}
		burst.n = 1;
		burst.len[0] = burst.headlen[0] = sizeof(bytes);
		burst.nseg[0] = burst.flags[0] = 0;
		burst.tci[0] = 0x2001;
		memcpy(burst.head[0], bytes, sizeof(bytes));
		ck_assert_uint_eq(virtnet_tx(&net, &burst, ref, 4, &why, &call), 3);
		ck_assert_int_eq(why, VS_DROP_TX_TOO_BIG);
		ck_assert(call);
		ck_assert_uint_eq(net.in.used->idx, 3);
		for (unsigned i = 0; i < 3; i++) {
			const uint8_t *at = memory + AT_DATA + i * 0x100 + 12;

			ck_assert_msg(net.in.used->ring[i].len == 12 + len, "case %d", cases[k].n);
			ck_assert_mem_eq(at, bytes, 12);
			ck_assert_mem_eq(at + len - 40, bytes + 20, 40);
			if (cases[k].edit == VS_EDIT_PUSH || cases[k].edit == VS_EDIT_RETAG)
				ck_assert_uint_eq(be16_load(at + 14), 0x2001);
		}
	}
}
END_TEST

/* ---- steering ----------------------------------------------------------------------------------
 */

static uint32_t flow_hash(bool v6, bool tagged, bool back, uint8_t proto, uint16_t port)
{
	uint8_t f[80] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint32_t at = tagged ? 18 : 14;
	uint32_t from = at + (v6 ? 8 : 12), alen = v6 ? 16 : 4, l4 = at + (v6 ? 40 : 20);

	be16_store(f + 12, 0x8100);
	be16_store(f + at - 2, v6 ? 0x86DD : 0x0800);
	f[at] = v6 ? 0x60 : 0x45;
	f[at + (v6 ? 6 : 9)] = proto;
	f[from + (back ? alen : 0) + alen - 1] = 7;
	f[from + (back ? 0 : alen) + alen - 1] = 9;
	be16_store(f + l4 + (back ? 2 : 0), port);
	be16_store(f + l4 + (back ? 0 : 2), 443);
	return steer_hash(f, sizeof(f));
}

START_TEST(test_steering)
{
	static struct steer s;
	unsigned spread = 0;

	for (int v6 = 0; v6 < 2; v6++)
		for (int tagged = 0; tagged < 2; tagged++) {
			uint32_t h = flow_hash(v6, tagged, false, 6, 1000);

			ck_assert_uint_eq(h, flow_hash(v6, tagged, true, 6, 1000));
			ck_assert_uint_eq(h, flow_hash(v6, false, false, 6, 1000));
			ck_assert_uint_ne(h, flow_hash(v6, tagged, false, 17, 1000));
			ck_assert_uint_eq(flow_hash(v6, tagged, false, 1, 1),
					  flow_hash(v6, tagged, false, 1, 2));
		}
	for (uint16_t port = 1; port <= 64; port++)
		spread |= 1u << steer_queue(&s, flow_hash(false, false, false, 6, port), 8);
	ck_assert_uint_eq(spread, 0xFF);
	for (unsigned q = 0; q < 8; q++) {
		steer_learn(&s, 77, q);
		ck_assert_uint_eq(steer_queue(&s, 77, 8), q);
		ck_assert_uint_lt(steer_queue(&s, 77, 3), 3); /* the guest uses fewer now */
	}
	for (uint32_t len = 0; len < 80; len++) /* never behind the end: the sanitizer looks */
		for (int k = 0; k < 2; k++) {
			uint8_t *f = calloc(1, len + 1);

			if (len > 14)
				be16_store(f + 12, k ? 0x86DD : 0x0800);
			steer_hash(f, len);
			free(f);
		}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vring");
	TCase *t = tcase_create("vring");
	SRunner *sr;
	int failed;

	tcase_add_test(t, test_chains);
	tcase_add_test(t, test_too_many_pieces);
	tcase_add_test(t, test_flags);
	tcase_add_test(t, test_event_index);
	tcase_add_test(t, test_receive);
	tcase_add_test(t, test_send);
	tcase_add_test(t, test_send_burst);
	tcase_add_test(t, test_steering);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
