/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vswitch/join.c: TCP segments of a packet become large frames. Whatever is joined and cut again is
 * what was there, byte for byte, and each thing that cutting could not restore keeps frames apart.
 */
#include <check.h>
#include <stdlib.h>

#include "common/be.h"
#include "common/sum.h"
#include "vswitch/packet.h"
#include "vswitch/vs_priv.h"

#define FRAME 1600
#define MSS 1448u

static _Alignas(8) uint8_t packet[VS_PACKET_MAX];
static struct vs_burst burst, read_back, cut;
static uint8_t frame[VS_BURST][FRAME];
static unsigned n_frames;

struct shape {
	bool v6, tag;
	unsigned options; /* bytes of TCP's */
};

static unsigned l3_of(const struct shape *s)
{
	return s->tag ? 18 : 14;
}

static unsigned l4_of(const struct shape *s)
{
	return l3_of(s) + (s->v6 ? 40 : 20);
}

static unsigned header_of(const struct shape *s)
{
	return l4_of(s) + 20 + s->options;
}

static void put_sum(uint8_t *at, uint64_t sum)
{
	uint16_t v = (uint16_t)~sum_fold(sum);

	memcpy(at, &v, 2);
}

/* Sums of a frame whose other fields are as they are to be. */
static void finish(uint8_t *f, const struct shape *s)
{
	uint8_t *ip = f + l3_of(s), *tcp = f + l4_of(s);
	uint16_t l4len = be16_load(ip + (s->v6 ? 4 : 2));
	uint64_t sum;

	if (!s->v6) {
		l4len -= 20;
		be16_store(ip + 10, 0);
		put_sum(ip + 10, sum_bytes(ip, 20, false));
	}
	sum = s->v6 ? sum_bytes(ip + 8, 32, false) : sum_bytes(ip + 12, 8, false);
	be16_store(tcp + 16, 0);
	put_sum(tcp + 16, sum + be16_swap(6) + be16_swap(l4len) + sum_bytes(tcp, l4len, false));
}

/* The next frame, at seq. Return: it. */
static uint8_t *add(const struct shape *s, uint32_t seq, uint16_t id, unsigned payload,
		    uint8_t flags)
{
	uint8_t *f = frame[n_frames], *ip = f + l3_of(s), *tcp = f + l4_of(s);
	unsigned len = header_of(s) + payload;

	memset(f, 0, FRAME);
	memcpy(f, (const uint8_t[12]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	if (s->tag)
		be32_store(f + 12, 0x81002005);
	be16_store(ip - 2, s->v6 ? 0x86DD : 0x0800);
	if (s->v6) {
		ip[0] = 0x60;
		be16_store(ip + 4, (uint16_t)(len - l4_of(s)));
		ip[6] = 6;
		ip[7] = 64;
		ip[8] = ip[24] = 0xFE;
	} else {
		ip[0] = 0x45;
		be16_store(ip + 2, (uint16_t)(len - l3_of(s)));
		be16_store(ip + 4, id);
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 6;
		ip[12] = ip[16] = 10;
		ip[15] = 1;
	}
	be32_store(tcp, 0x1F901234);
	be32_store(tcp + 4, seq);
	be32_store(tcp + 8, 77);
	tcp[12] = (uint8_t)((20 + s->options) / 4 << 4);
	tcp[13] = flags;
	be16_store(tcp + 14, 500);
	memset(tcp + 20, 1, s->options);
	for (unsigned i = header_of(s); i < len; i++)
		f[i] = (uint8_t)(seq + i * 7);
	finish(f, s);
	burst.len[n_frames++] = len;
	return f;
}

static void reset(void)
{
	n_frames = 0;
	memset(&burst, 0, sizeof(burst));
}

/* Pack and join what was added. Return: frames of the packet. */
static unsigned join(void)
{
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	struct vs_ref ref[VS_BURST];
	unsigned taken, n;
	uint32_t len;

	burst.nseg_used = 0;
	for (unsigned i = 0; i < n_frames; i++) {
		uint32_t head = burst.len[i] < VS_HEAD_MIN ? burst.len[i] : VS_HEAD_MIN;

		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = VS_EDIT_NONE};
		burst.headlen[i] = (uint16_t)head;
		memcpy(burst.head[i], frame[i], head);
		burst.seg0[i] = (uint16_t)burst.nseg_used;
		burst.nseg[i] = 1;
		burst.seg[burst.nseg_used++] =
			(struct vs_seg){frame[i] + head, burst.len[i] - head};
	}
	burst.n = n_frames;
	len = vs_packet_pack(packet, &burst, ref, n_frames, &taken);
	ck_assert_uint_eq(taken, n_frames);
	len = vs_packet_join(packet, len);
	n = vs_packet_unpack(packet, len, VS_F_CSUM_NEEDED | VS_F_CSUM_VALID | VS_F_GSO, &read_back,
			     dropped);
	for (unsigned i = 0; i <= VS_DROP_COUNT; i++)
		ck_assert_uint_eq(dropped[i], 0);
	return n;
}

static void same_frame(const struct vs_burst *b, unsigned i, unsigned k)
{
	uint8_t f[FRAME];
	uint32_t at = b->headlen[i];

	ck_assert_uint_lt(k, n_frames);
	ck_assert_uint_eq(b->len[i], burst.len[k]);
	memcpy(f, b->head[i], at);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		memcpy(f + at, seg->p, seg->len);
		at += seg->len;
	}
	ck_assert_mem_eq(f, frame[k], burst.len[k]);
}

/* Every frame that was added comes out again, in its order. */
static void restored(void)
{
	unsigned k = 0;

	for (unsigned i = 0; i < read_back.n; i++) {
		unsigned skip = 0, n;

		if (!(read_back.flags[i] & VS_F_GSO)) {
			same_frame(&read_back, i, k++);
			continue;
		}
		ck_assert_uint_le(read_back.len[i], VS_GSO_FRAME_MAX);
		while ((n = offload_segment(&read_back, i, &cut, &skip)))
			for (unsigned j = 0; j < n; j++)
				same_frame(&cut, j, k++);
		ck_assert_uint_gt(skip, 1);
	}
	ck_assert_uint_eq(k, n_frames);
}

static const struct shape shapes[] = {
	{false, false, 12}, {false, true, 0},  {true, false, 12},
	{true, true, 40},   {false, false, 0},
};
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

START_TEST(a_train)
{
	const struct shape *s = &shapes[_i];

	reset();
	for (unsigned k = 0; k < 12; k++)
		add(s, 0xFFFFF000 + k * MSS, (uint16_t)(0xFFFA + k), MSS, 0x10);
	add(s, 0xFFFFF000 + 12 * MSS, 6, 300, 0x18);
	ck_assert_uint_eq(join(), 1);
	ck_assert_uint_eq(read_back.gso_size[0], MSS);
	restored();
}
END_TEST

/* What is longer than a frame may be goes into a second one. */
START_TEST(a_long_train)
{
	const struct shape *s = &shapes[_i];

	reset();
	for (unsigned k = 0; k < VS_BURST; k++)
		add(s, k * MSS, (uint16_t)k, MSS, 0x10);
	ck_assert_uint_eq(join(), 2);
	restored();
}
END_TEST

/* Each change of the third of six frames. What follows it may be joined with it again. */
static const struct {
	unsigned at; /* byte of the header it is in; or what is below */
	enum { ETH, IP4, IP6, TCP } header;
	uint8_t bits;
	unsigned frames; /* of the packet */
} changes[] = {
	{5, ETH, 1, 3},	    {11, ETH, 1, 3},	{1, IP4, 1, 3},	    {4, IP4, 0x40, 3},
	{6, IP4, 0x40, 3},  {7, IP4, 1, 3},	{8, IP4, 1, 3},	    {9, IP4, 8, 3},
	{15, IP4, 1, 3},    {19, IP4, 1, 3},	{0, IP4, 0x20, 3},  {1, IP6, 1, 3},
	{3, IP6, 1, 3},	    {6, IP6, 8, 3},	{7, IP6, 1, 3},	    {23, IP6, 1, 3},
	{39, IP6, 1, 3},    {0, TCP, 1, 3},	{3, TCP, 1, 3},	    {4, TCP, 1, 3},
	{7, TCP, 1, 3},	    {11, TCP, 1, 3},	{12, TCP, 1, 3},    {13, TCP, 1, 3},
	{13, TCP, 2, 3},    {13, TCP, 4, 3},	{13, TCP, 8, 2},    {13, TCP, 0x10, 3},
	{13, TCP, 0x20, 3}, {13, TCP, 0x40, 3}, {13, TCP, 0x80, 3}, {15, TCP, 1, 3},
	{19, TCP, 1, 3},    {20, TCP, 1, 3},	{31, TCP, 1, 3},
};

START_TEST(kept_apart)
{
	const bool v6 = changes[_i].header == IP6;
	const struct shape s = {.v6 = v6, .options = 12};
	unsigned at = changes[_i].at, h = changes[_i].header;

	reset();
	for (unsigned k = 0; k < 6; k++) {
		uint8_t *f = add(&s, 1000 + k * MSS, (uint16_t)k, MSS, 0x10);

		if (k != 2)
			continue;
		f[at + (h == ETH ? 0 : h == TCP ? l4_of(&s) : l3_of(&s))] ^= changes[_i].bits;
		finish(f, &s);
	}
	ck_assert_uint_eq(join(), changes[_i].frames);
	restored();
}
END_TEST

/* A wrong sum is the receiver's to find. */
START_TEST(wrong_sums)
{
	const struct shape s = {.options = 12};
	const unsigned at[] = {14 + 10, 34 + 16, 34 + 32, 34 + 32 + MSS - 1};

	reset();
	for (unsigned k = 0; k < 6; k++) {
		uint8_t *f = add(&s, 1000 + k * MSS, (uint16_t)k, MSS, 0x10);

		if (k == 2)
			f[at[_i]] ^= 1;
	}
	ck_assert_uint_eq(join(), 3);
	restored();
}
END_TEST

/* Sizes: a longer one, a shorter one, none, tiny ones; padding behind the packet. */
START_TEST(sizes)
{
	const struct shape s = {.options = 12};
	uint32_t seq = 1;
	const unsigned size[] = {1000, 1000, 1001, 1000, 1000, 47, 47, 47, 48, 48, 1, 0, 0, 48};

	reset();
	for (unsigned k = 0; k < sizeof(size) / sizeof(size[0]); k++) {
		add(&s, seq, (uint16_t)k, size[k], 0x10);
		seq += size[k];
	}
	burst.len[13] += 4;
	/* 1000 1000 / 1001 1000 / 1000 47 / 47 / 47 / 48 48 1 / 0 / 0 / 48 */
	ck_assert_uint_eq(join(), 9);
	restored();
}
END_TEST

/* Frames with work left to do: sums to be computed, and large ones, which stay as they are. */
START_TEST(unfinished)
{
	const struct shape s = {.options = 12};

	reset();
	for (unsigned k = 0; k < 4; k++) {
		uint8_t *f = add(&s, 1000 + k * MSS, (uint16_t)k, MSS, 0x10);

		burst.flags[k] = VS_F_CSUM_NEEDED;
		burst.csum_start[k] = (uint16_t)l4_of(&s);
		burst.csum_offset[k] = 16;
		f[l4_of(&s) + 16] ^= (uint8_t)_i;
	}
	ck_assert_uint_eq(join(), 1);
	if (!_i)
		restored();
	burst.flags[1] |= VS_F_GSO_TCP4;
	burst.gso_size[1] = 500;
	burst.hdrlen[1] = (uint16_t)header_of(&s);
	ck_assert_uint_eq(join(), 3);
	ck_assert_uint_eq(read_back.gso_size[1], 500);
	ck_assert_uint_eq(read_back.gso_size[2], MSS);
}
END_TEST

/* Several conversations, and whatever else comes between, by chance. */
START_TEST(mixed)
{
	uint32_t seq[2] = {0, 0xFFFFFFFF};
	uint16_t id[2] = {0, 0xFFF0};

	srandom((unsigned)_i);
	for (unsigned turn = 0; turn < 50; turn++) {
		reset();
		for (unsigned k = 0; k < VS_BURST; k++) {
			unsigned c = random() % 8 == 0;
			const struct shape *s = &shapes[((unsigned)_i + c) % N_SHAPES];
			unsigned len = random() % 6 ? MSS : (unsigned)random() % MSS;
			uint8_t *f = add(s, seq[c], id[c], len, random() % 9 ? 0x10 : 0x18);

			seq[c] += len;
			id[c]++;
			if (random() % 16 == 0)
				f[random() % 80] ^= (uint8_t)(1u << random() % 8);
		}
		ck_assert_uint_le(join(), VS_BURST);
		restored();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("join");
	TCase *t = tcase_create("join");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, a_train, 0, N_SHAPES);
	tcase_add_loop_test(t, a_long_train, 0, N_SHAPES);
	tcase_add_loop_test(t, kept_apart, 0, sizeof(changes) / sizeof(changes[0]));
	tcase_add_loop_test(t, wrong_sums, 0, 4);
	tcase_add_test(t, sizes);
	tcase_add_loop_test(t, unfinished, 0, 2);
	tcase_add_loop_test(t, mixed, 0, 20);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
