/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed virtqueues against a guest made of one array: chains good and bad, laps, notifications.
 *
 *   guest memory at GPA 0x10000:  ring | driver's and device's events | indirect table | buffers
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "host/virtnet.h"

#define GPA 0x10000u
#define SIZE 6u /* no power of two: none is asked for */
#define AT_DRIVER 0x200u
#define AT_DEVICE 0x204u
#define AT_TABLE 0x400u
#define AT_DATA 0x1000u
#define MEMORY 0x20000u

enum {
	N = VQ_DESC_F_NEXT,
	W = VQ_DESC_F_WRITE,
	I = VQ_DESC_F_INDIRECT,
	A = VP_DESC_F_AVAIL,
	U = VP_DESC_F_USED
};

static _Alignas(16) uint8_t memory[MEMORY];
static struct vring_mem mem = {1, {{GPA, MEMORY, memory}}};
static struct virtnet net;

static struct vring_queue make(uint16_t at)
{
	memset(memory, 0, sizeof(memory));
	return (struct vring_queue){.size = SIZE,
				    .packed = true,
				    .ring = (void *)memory,
				    .driver = (void *)(memory + AT_DRIVER),
				    .device = (void *)(memory + AT_DEVICE),
				    .next = at,
				    .done = at};
}

static void desc(unsigned at, unsigned i, uint64_t addr, uint32_t len, int flags, unsigned id)
{
	struct vp_desc d = {addr, len, (uint16_t)id, (uint16_t)flags};

	memcpy(memory + at + i * sizeof(d), &d, sizeof(d));
}

/* ---- chains -------------------------------------------------------------------------------- */

struct row {
	int n;
	struct {
		uint64_t addr;
		uint32_t len;
		int flags;
	} d[3], table[2]; /* from slot 0 on in the first lap; ids 7, 8, 9 */
	bool writable;
	enum vring_fault want;
	unsigned slots, pieces;
	uint32_t bytes;
};

static const struct row rows[] = {
	{1, {{GPA, 10, A}}, {{0}}, false, VRING_OK, 1, 1, 10},
	{2, {{GPA, 10, A | N}, {GPA + 64, 20, A}}, {{0}}, false, VRING_OK, 2, 2, 30},
	{3, {{GPA, 10, A | W}}, {{0}}, true, VRING_OK, 1, 1, 10},
	/* not offered: never, in the next lap, returned already */
	{4, {{GPA, 10, 0}}, {{0}}, false, VRING_NONE, 0, 0, 0},
	{5, {{GPA, 10, U}}, {{0}}, false, VRING_NONE, 0, 0, 0},
	{6, {{GPA, 10, A | U}}, {{0}}, false, VRING_NONE, 0, 0, 0},
	/* directions; all slots are returned */
	{7, {{GPA, 10, A | W}}, {{0}}, false, VRING_MALFORMED, 1, 0, 0},
	{8,
	 {{GPA, 10, A | N | W}, {GPA, 1, A | N}, {GPA, 1, A}},
	 {{0}},
	 true,
	 VRING_MALFORMED,
	 3,
	 0,
	 0},
	/* addresses */
	{9, {{GPA - 1, 2, A | N}, {GPA, 1, A}}, {{0}}, false, VRING_ADDRESS, 2, 0, 0},
	{10, {{GPA, VRING_CHAIN_MAX + 1, A}}, {{0}}, false, VRING_MALFORMED, 1, 0, 0},
	/* indirect tables */
	{11, {{GPA + AT_TABLE, 32, A | I}}, {{GPA, 9, 0}, {GPA, 1, 0}}, false, VRING_OK, 1, 2, 10},
	{12, {{GPA + AT_TABLE, 16, A | I}}, {{GPA, 9, N}}, false, VRING_OK, 1, 1, 9},
	{13, {{GPA + AT_TABLE, 17, A | I}}, {{GPA, 9, 0}}, false, VRING_MALFORMED, 1, 0, 0},
	{14, {{GPA + AT_TABLE, 0, A | I}}, {{GPA, 9, 0}}, false, VRING_MALFORMED, 1, 0, 0},
	{15, {{GPA - 16, 32, A | I}}, {{GPA, 9, 0}}, false, VRING_ADDRESS, 1, 0, 0},
	{16, {{GPA + AT_TABLE, 16, A | I}}, {{GPA, 9, W}}, false, VRING_MALFORMED, 1, 0, 0},
	{17,
	 {{GPA + AT_TABLE, 16, A | I | N}, {GPA, 1, A}},
	 {{GPA, 9, 0}},
	 false,
	 VRING_MALFORMED,
	 2,
	 0,
	 0},
	{18,
	 {{GPA, 1, A | N}, {GPA + AT_TABLE, 16, A | I}},
	 {{GPA, 9, 0}},
	 false,
	 VRING_MALFORMED,
	 2,
	 0,
	 0},
};

START_TEST(test_chains)
{
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const struct row *w = &rows[k];
		struct vring_queue r = make(VP_WRAP);
		struct vring_chain c;
		enum vring_fault got;

		for (unsigned i = 0; i < 3; i++)
			desc(0, i, w->d[i].addr, w->d[i].len, w->d[i].flags, 7 + i);
		for (unsigned i = 0; i < 2; i++)
			desc(AT_TABLE, i, w->table[i].addr, w->table[i].len, w->table[i].flags, 0);
		c.n = 0;
		got = vring_chain(&r, &mem, r.next, w->writable, &c);
		ck_assert_msg(got == w->want, "row %d: %d", w->n, got);
		ck_assert_msg(c.buf.slots == w->slots, "row %d: %u slots", w->n, c.buf.slots);
		if (got != VRING_NONE)
			ck_assert_uint_eq(c.buf.id, 6 + w->slots);
		if (got == VRING_OK)
			ck_assert_msg(c.n == w->pieces && c.bytes == w->bytes,
				      "row %d: %u pieces, %u bytes", w->n, c.n, c.bytes);
	}
}
END_TEST

/* Chains without end, and slots that are offered before they were returned: a lap at most. */
START_TEST(test_a_lap)
{
	struct vring_queue r = make(VP_WRAP | 4);
	struct vring_piece piece[64];
	struct vring_buf buf[64];
	struct vring_chain c;
	unsigned slots = 0, n;

	for (unsigned i = 0; i < SIZE; i++)
		desc(0, i, GPA, 1, N | (i < 4 ? U : A), i);
	ck_assert_int_eq(vring_chain(&r, &mem, r.next, false, &c), VRING_MALFORMED);
	ck_assert_uint_eq(c.buf.slots, SIZE);
	ck_assert_uint_eq(vring_scan(&r, &mem, r.next, 64, false, buf, piece), 1);
	ck_assert_uint_eq(buf[0].slots, SIZE);
	ck_assert_uint_eq(vring_behind(&r, r.next, SIZE), 4);
	for (unsigned i = 0; i < SIZE; i++)
		desc(0, i, GPA, 1, i < 4 ? U : A, i);
	n = vring_scan(&r, &mem, r.next, 64, false, buf, piece);
	for (unsigned i = 0; i < n; i++)
		slots += buf[i].slots;
	ck_assert_uint_eq(slots, SIZE);
	/* Taken, not returned: nothing is offered there, whatever its flags say. */
	r.next = vring_behind(&r, r.next, slots);
	for (unsigned i = 0; i < SIZE; i++)
		desc(0, i, GPA, 1, i < 4 ? A : U, i);
	ck_assert_uint_eq(vring_scan(&r, &mem, r.next, 64, false, buf, piece), 0);
	ck_assert_int_eq(vring_chain(&r, &mem, r.next, false, &c), VRING_NONE);
}
END_TEST

/* ---- returns ------------------------------------------------------------------------------- */

static struct vp_desc slot(unsigned i)
{
	struct vp_desc d;

	memcpy(&d, memory + i * sizeof(d), sizeof(d));
	return d;
}

START_TEST(test_returns)
{
	static const struct vring_buf buf[] = {{40, 1, 5}, {41, 3, 0}, {42, 1, 7}};
	struct vring_queue r = make(VP_WRAP | 3);

	vring_put(&r, r.done, buf, 3);
	ck_assert_uint_eq(slot(3).id, 40);
	ck_assert_uint_eq(slot(3).len, 5);
	ck_assert_uint_eq(slot(3).flags, A | U | W);
	ck_assert_uint_eq(slot(4).id, 41);
	ck_assert_uint_eq(slot(4).flags, A | U);
	/* the other slots of a buffer, for whoever comes after us; this one's are */
	ck_assert_uint_eq(slot(5).flags, A | U);
	/* in the next lap */
	ck_assert_uint_eq(slot(0).flags, 0);
	ck_assert_uint_eq(slot(1).id, 42);
	ck_assert_uint_eq(slot(1).flags, W);
	ck_assert(vring_publish(&r, vring_behind(&r, r.done, 5)));
	ck_assert_uint_eq(r.done, 2);
}
END_TEST

START_TEST(test_events)
{
	static const struct {
		int n;
		uint16_t from, slots, off_wrap, flags;
		bool event_idx, call;
	} cases[] = {
		{1, VP_WRAP, 1, 0, VP_EVENT_ENABLE, true, true},
		{2, VP_WRAP, 1, 0, VP_EVENT_DISABLE, true, false},
		{3, VP_WRAP, 2, VP_WRAP | 1, VP_EVENT_DESC, true, true},
		{4, VP_WRAP, 2, VP_WRAP | 2, VP_EVENT_DESC, true, false},
		{5, VP_WRAP | 1, 2, VP_WRAP | 0, VP_EVENT_DESC, true, false},
		{6, VP_WRAP | 4, 4, 1, VP_EVENT_DESC, true, true},	      /* behind the end */
		{7, VP_WRAP | 4, 4, VP_WRAP | 1, VP_EVENT_DESC, true, false}, /* a lap ago */
		{8, 4, 4, VP_WRAP | 1, VP_EVENT_DESC, true, true},
		{9, 0, 6, 5, VP_EVENT_DESC, true, true},
		{10, 0, 1, 5, VP_EVENT_DESC, false, true},     /* not negotiated */
		{11, 0, 1, SIZE, VP_EVENT_DESC, true, true},   /* nonsense */
		{12, 0, 1, 0x7FFF, VP_EVENT_DESC, true, true}, /* nonsense */
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct vring_queue r = make(cases[k].from);

		r.event_idx = cases[k].event_idx;
		*r.driver = (struct vp_event){cases[k].off_wrap, cases[k].flags};
		ck_assert_msg(vring_publish(&r, vring_behind(&r, r.done, cases[k].slots)) ==
				      cases[k].call,
			      "case %d", cases[k].n);
	}
}
END_TEST

START_TEST(test_arm)
{
	struct vring_queue r = make(3);

	ck_assert(!vring_arm(&r));
	ck_assert_uint_eq(r.device->flags, VP_EVENT_ENABLE);
	vring_disarm(&r);
	ck_assert_uint_eq(r.device->flags, VP_EVENT_DISABLE);
	r.event_idx = true;
	desc(0, 3, GPA, 1, U, 0);
	ck_assert(vring_arm(&r));
	ck_assert_uint_eq(r.device->flags, VP_EVENT_DESC);
	ck_assert_uint_eq(r.device->off_wrap, 3);
}
END_TEST

/* ---- a ring that outlives who serves it ---------------------------------------------------- */

#define RING 13u

/* Both sides of a ring: buffers of one to three slots, in the order in which they are offered. */
struct both {
	struct vring_queue r;
	uint16_t offer; /* the guest's next position */
	uint16_t claim; /* where it looks for the next return */
	unsigned n;	/* offered and not claimed */
	struct vring_buf buf[RING];
	unsigned served; /* of these returned in their turn, as far as we know */
};

static unsigned free_slots(const struct both *b)
{
	unsigned out = 0;

	for (unsigned i = 0; i < b->n; i++)
		out += b->buf[i].slots;
	return RING - out;
}

static void offer(struct both *b, unsigned slots, unsigned id)
{
	for (unsigned k = slots; k--;) {
		uint16_t at = vring_behind(&b->r, b->offer, k);
		bool wrap = at & VP_WRAP;

		desc(0, at & (VP_WRAP - 1), GPA, 10 + k, (wrap ? A : U) | (k + 1 < slots ? N : 0),
		     k + 1 < slots ? 99 : id);
	}
	b->buf[b->n++] = (struct vring_buf){.id = (uint16_t)id, .slots = (uint16_t)slots};
	b->offer = vring_behind(&b->r, b->offer, slots);
}

/* The guest takes what was returned. Its buffers come back in order, each once. */
static void claim(struct both *b)
{
	while (b->n) {
		struct vp_desc d = slot(b->claim & (VP_WRAP - 1));
		bool wrap = b->claim & VP_WRAP;

		if (!(d.flags & A) != !wrap || !(d.flags & U) != !wrap)
			return;
		ck_assert_uint_eq(d.id, b->buf[0].id);
		b->claim = vring_behind(&b->r, b->claim, b->buf[0].slots);
		memmove(b->buf, b->buf + 1, --b->n * sizeof(b->buf[0]));
		b->served -= b->served > 0;
	}
}

/* Some of the buffers from a number on. Return: how many. */
static unsigned serve(struct both *b, unsigned from, unsigned n)
{
	uint16_t at = b->r.done;

	for (unsigned i = b->served; i < from; i++)
		at = vring_behind(&b->r, at, b->buf[i].slots);
	vring_put(&b->r, at, b->buf + from, n);
	return n;
}

/* As many as are found, in their turn. */
static void serve_all(struct both *b)
{
	struct vring_chain c;

	while (vring_chain(&b->r, &mem, b->r.next, false, &c) == VRING_OK) {
		b->r.next = vring_behind(&b->r, b->r.next, c.buf.slots);
		vring_put(&b->r, b->r.done, &c.buf, 1);
		vring_publish(&b->r, b->r.next);
	}
}

START_TEST(test_position)
{
	struct both b = {.r = make(VP_WRAP), .offer = VP_WRAP, .claim = VP_WRAP};

	b.r.size = RING;
	srand(4711);
	for (unsigned round = 0, id = 0; round < 20000; round++) {
		unsigned ahead, some;

		while (rand() % 8 && free_slots(&b) >= 3)
			offer(&b, 1 + (unsigned)rand() % 3, ++id % 90);
		/* In their turn, at times seen by the guest. */
		some = b.n - b.served ? (unsigned)rand() % (b.n - b.served + 1) : 0;
		for (unsigned i = serve(&b, b.served, some); i; i--)
			b.r.done = vring_behind(&b.r, b.r.done, b.buf[b.served++].slots);
		b.r.next = b.r.done;
		if (rand() % 2)
			claim(&b);
		/* Before their turn, behind one that was not returned. */
		ahead = b.n - b.served > 1 ? b.n - b.served - 1 : 0;
		some = ahead ? (unsigned)rand() % (ahead + 1) : 0;
		serve(&b, b.n - ahead + (some < ahead ? (unsigned)rand() % (ahead - some + 1) : 0),
		      some);
		/* Whoever comes next knows nothing. */
		ck_assert_msg(vring_position(&b.r) == b.r.done, "round %u: %x, not %x", round,
			      vring_position(&b.r), b.r.done);
		if (rand() % 4)
			b.r.heal = RING;
		else
			b.r.heal = some ? RING : 0;
		serve_all(&b);
		ck_assert_uint_eq(b.r.done, b.offer);
		b.served = b.n;
		if (rand() % 2)
			claim(&b);
	}
	claim(&b);
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

/* One that was not all marked when we were ended: the chain is as it was. */
START_TEST(test_half_returned)
{
	struct both b = {.r = make(VP_WRAP | 4), .offer = VP_WRAP | 4, .claim = VP_WRAP | 4};
	struct vring_chain c;

	b.r.size = RING;
	for (unsigned i = 0; i < 4; i++)
		desc(0, i, GPA, 1, A | U, 1);
	offer(&b, 3, 7);
	desc(0, 5, GPA, 11, A | U | N, 99);
	desc(0, 6, GPA, 12, A | U, 7);
	ck_assert_uint_eq(vring_position(&b.r), VP_WRAP | 4);
	ck_assert_int_eq(vring_chain(&b.r, &mem, VP_WRAP | 4, false, &c), VRING_OK);
	ck_assert_uint_eq(c.buf.slots, 3);
	ck_assert_uint_eq(c.buf.id, 7);
	ck_assert_uint_eq(c.bytes, 33);
}
END_TEST

/* Nonsense of a guest ends, and in the ring. */
START_TEST(test_position_nonsense)
{
	struct vring_queue r = make(0);

	srand(42);
	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 0; i < SIZE; i++)
			desc(0, i, GPA, 1, rand() & 0xFFFF, 0);
		r.next = r.done = vring_position(&r);
		ck_assert_uint_lt(r.next & (VP_WRAP - 1), SIZE);
		r.heal = SIZE;
		vring_publish(&r, vring_behind(&r, r.done, 1));
		ck_assert_uint_lt(r.done & (VP_WRAP - 1), SIZE);
	}
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------------
 */

/* Frames alone, in a chain over the ring's end, alone again: one burst. */
START_TEST(test_receive)
{
	static struct vs_burst b;
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	uint8_t frame[100];

	net.mem = &mem;
	net.hdr_len = 12;
	net.out = make(VP_WRAP | 4);
	for (unsigned i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + 1);
	be16_store(frame + 12, 0x88B5);
	memcpy(memory + AT_DATA + 12, frame, sizeof(frame));
	desc(0, 4, GPA + AT_DATA, 112, A, 14);
	desc(0, 5, GPA + AT_DATA, 20, A | N, 99);
	desc(0, 0, GPA + AT_DATA + 20, 92, U, 15);
	desc(0, 1, GPA + AT_DATA, 112, U, 11);
	ck_assert_uint_eq(virtnet_rx(&net, &b, dropped), 3);
	ck_assert_uint_eq(b.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(b.len[i], sizeof(frame));
		ck_assert_mem_eq(b.head[i], frame, VS_HEAD_MIN);
	}
	ck_assert_uint_eq(net.out.next, 2);
	ck_assert(virtnet_rx_done(&net));
	ck_assert_uint_eq(slot(4).flags, A | U);
	ck_assert_uint_eq(slot(4).id, 14);
	ck_assert_uint_eq(slot(5).flags, A | U);
	ck_assert_uint_eq(slot(5).id, 15);
	ck_assert_uint_eq(slot(1).flags, 0);
	ck_assert_uint_eq(slot(1).id, 11);
	ck_assert_uint_eq(virtnet_rx(&net, &b, dropped), 0);
	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		ck_assert_uint_eq(dropped[d], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vpack");
	TCase *tc = tcase_create("vpack");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(tc, test_chains);
	tcase_add_test(tc, test_a_lap);
	tcase_add_test(tc, test_returns);
	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_arm);
	tcase_add_test(tc, test_position);
	tcase_add_test(tc, test_half_returned);
	tcase_add_test(tc, test_position_nonsense);
	tcase_add_test(tc, test_receive);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
