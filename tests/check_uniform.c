/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bursts of frames that are alike have loops of their own, on the way in and on the way out: from
 * output buffers to input buffers, with one frame that is different somewhere, with lists of some
 * of the frames only, and into buffers of all shapes, what arrives is what was sent.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/layer2_bed.h"
#include "vswitch/packet.h"
#include "vswitch/vs_priv.h"

#include "common/be.h"

enum odd {
	LIKE_THE_OTHERS,
	LONGER,
	SHORTER,
	TO_A_GROUP,
	CHECKSUM_ASKED,
	IN_TWO_ENTRIES,
	ELSEWHERE, /* its last piece does not lie behind the others */
	ONE_BIT,   /* of the addresses or the type */
	ODDS,
	TOO_SHORT = ODDS /* its last piece, so that it is none */
};

#define OUT_BYTES 0x3000u /* room for a frame in storage */
#define ALIKE_BYTES 14u	  /* addresses and type */

static uint8_t sent[VS_BURST][9100], got[256][9100];
static uint32_t sent_len[VS_BURST], got_len[256];

static void make_frame(uint8_t *f, uint32_t len, bool group)
{
	for (uint32_t i = 0; i < len; i++)
		f[i] = (uint8_t)rand();
	f[0] = (uint8_t)((f[0] & ~1u) | group);
	be16_store(f + 12, 0x0800);
	f[14] = 0x45; /* UDP, so that a checksum may be asked for */
	be16_store(f + 16, (uint16_t)(len - 14));
	be16_store(f + 20, 0);
	f[23] = 17;
	be16_store(f + 38, (uint16_t)(len - 34));
}

/*
 * Put frame k into an output buffer, from entry e on: in one piece, or at every page a new one, as
 * drivers do. Return: entries.
 */
static unsigned lay(struct l2_bed *bd, struct qdio_sbal *s, unsigned e, unsigned k, enum odd odd)
{
	uint64_t addr = L2_DATA_OUT + k * OUT_BYTES + (unsigned)rand() % 2500;
	uint32_t len = sent_len[k] + OSA_HDR_BYTES, at = 0, piece = 0;
	uint8_t frame[OUT_BYTES] = {[0] = OSA_HDR_LAYER2};
	unsigned first = e;

	if (odd == CHECKSUM_ASKED)
		frame[2] = OSA_OFFLOAD_L4 | OSA_OFFLOAD_UDP;
	be16_store(frame + 6, (uint16_t)sent_len[k]);
	memcpy(frame + OSA_HDR_BYTES, sent[k], sent_len[k]);
	for (; at < len; at += piece, e++) {
		piece = 4096 - (uint32_t)((addr + at) % 4096);
		if (odd == IN_TWO_ENTRIES && !at)
			piece = OSA_HDR_BYTES + 20;
		if (piece >= len - at) {
			piece = len - at;
			addr += odd == ELSEWHERE && at ? 3 : 0;
		}
		memcpy(bd->mem + addr + at, frame + at, piece);
		l2_put_entry(s, e, at ? QDIO_EFLAG_FRAG_MIDDLE : QDIO_EFLAG_FRAG_FIRST, piece,
			     addr + at);
	}
	s->e[e - 1].eflags = e - 1 == first ? 0 : QDIO_EFLAG_FRAG_LAST;
	if (odd == TOO_SHORT)
		s->e[e - 1].length = be32_of(piece - 1);
	return e - first;
}

/* Of one conversation, but for the one at. */
static void begin_alike(unsigned n, unsigned at, enum odd odd)
{
	unsigned bit = 1 + (unsigned)rand() % (8 * ALIKE_BYTES - 1); /* not the group bit */

	for (unsigned k = 1; k < n; k++)
		if (k != at || odd != TO_A_GROUP)
			memcpy(sent[k], sent[0], ALIKE_BYTES);
	if (odd == ONE_BIT)
		sent[at][bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* What is said of the burst's beginnings is so; of a uniform one all is said. */
static bool check_same(const struct l2_bed *bd, unsigned n)
{
	bool same = true;

	for (unsigned i = 1; i < n; i++)
		same &= memcmp(sent[i], sent[0], ALIKE_BYTES) == 0;
	ck_assert(same || !bd->b.same);
	if (bd->b.uniform)
		ck_assert(bd->b.same == same);
	return bd->b.same && n > 1;
}

/* n frames of len bytes, the one at is odd; per of them in a buffer. */
static void send(struct l2_bed *bd, unsigned n, uint32_t len, unsigned at, enum odd odd,
		 unsigned per)
{
	struct qdio_queue *q = &bd->rig->queues.out[0];
	unsigned buffers = (n + per - 1) / per, entries = 0;
	unsigned first = q->cursor;

	for (unsigned k = 0; k < n; k++) {
		enum odd o = k == at ? odd : LIKE_THE_OTHERS;

		sent_len[k] = len + (o == LONGER ? 3u : 0u) - (o == SHORTER ? 5u : 0u);
		make_frame(sent[k], sent_len[k], o == TO_A_GROUP);
	}
	if (rand() % 2)
		begin_alike(n, at, odd);
	for (unsigned k = 0; k < n; k++) {
		struct qdio_sbal *s = q->sbal[(first + k / per) % QDIO_BUFFERS];
		enum odd o = k == at ? odd : LIKE_THE_OTHERS;

		entries = k % per ? entries : 0;
		entries += lay(bd, s, entries, k, o);
		if (k % per == per - 1 || k == n - 1)
			s->e[entries - 1].eflags |= QDIO_EFLAG_LAST;
	}
	for (unsigned i = 0; i < buffers; i++)
		atomic_store(&q->slsb[(first + i) % QDIO_BUFFERS], QDIO_OUT_PRIMED);
}

/* Of all shapes; at times of one entry with room for one frame of len bytes. */
static void offer_some(struct l2_bed *bd, unsigned *offered, unsigned read, uint32_t len)
{
	bool single = rand() % 3 == 0;

	bd->scattered = !single && rand() % 2;
	while (*offered - read < 64) {
		unsigned n = len > 2000 ? 16 : 1 + (unsigned)rand() % 16;
		unsigned kind = (unsigned)rand() % (len > 2000 ? 2 : 3);
		uint32_t shape[16];

		for (unsigned e = 0; e < n; e++)
			shape[e] = kind == 0   ? 4096
				   : kind == 1 ? 1700 + (unsigned)rand() % 400
					       : 32 + (unsigned)rand() % 4000;
		shape[0] = 4096;
		if (single) {
			n = 1;
			shape[0] = len + OSA_HDR_BYTES + 7 + (unsigned)rand() % 40;
		}
		l2_offer(bd, (*offered)++, shape, n);
	}
}

/* Some or all of the frames; sometimes one of them is tagged on the way. */
static unsigned choose(struct vs_ref *ref, unsigned n, bool *edited)
{
	bool all = rand() % 2;
	unsigned m = 0;

	*edited = rand() % 8 == 0;
	for (unsigned i = 0; i < n; i++)
		if (all || rand() % 3)
			ref[m++] = (struct vs_ref){.frame = (uint8_t)i};
	if (*edited && m)
		ref[(unsigned)rand() % m].edit = VS_EDIT_PUSH;
	return m;
}

static void compare(struct l2_bed *bd, const struct vs_ref *ref, unsigned n)
{
	uint8_t want[9100];

	for (unsigned k = 0; k < n; k++) {
		unsigned i = ref[k].frame, tag = ref[k].edit == VS_EDIT_PUSH ? 4 : 0;

		memcpy(want, sent[i], 12);
		be16_store(want + 12, 0x8100);
		be16_store(want + 14, bd->b.tci[i]);
		memcpy(want + 12 + tag, sent[i] + 12, sent_len[i] - 12);
		ck_assert_uint_eq(got_len[k], sent_len[i] + tag);
		ck_assert_mem_eq(got[k], want, sent_len[i] + tag);
	}
}

/* The header of the first frame of a buffer. */
static void check_header(const struct l2_bed *bd, unsigned buffer, enum odd odd)
{
	const struct qdio_sbal *s = bd->rig->queues.in[0].sbal[buffer % QDIO_BUFFERS];
	const uint8_t *p = bd->mem + be64_get(s->e[0].addr);

	ck_assert_uint_eq(p[0], OSA_HDR_LAYER2);
	if (odd != CHECKSUM_ASKED)
		ck_assert_uint_eq(p[2], 0);
	ck_assert_uint_eq(p[3], p[32] & 1 ? OSA_L2_MULTICAST : OSA_L2_UNICAST);
	for (unsigned i = 8; i < OSA_HDR_BYTES; i++)
		ck_assert_uint_eq(p[i], 0);
}

static const uint32_t lens[] = {60, 64, 65, 96, 1514, 4063, 4065, 9014};

START_TEST(alike)
{
	const uint32_t len = lens[_i];
	unsigned seed = (unsigned)time(NULL) + (unsigned)_i * 1000;
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	unsigned offered = 0, read = 0, uniform = 0, same = 0;

	printf("uniform seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 700; round++) {
		enum odd odd = rand() % 2 ? LIKE_THE_OTHERS : (enum odd)((unsigned)rand() % ODDS);
		unsigned most = len > 2000 ? 3 : 15; /* of long ones in a buffer */
		unsigned n = 1 + (unsigned)rand() % 60, per = 1 + (unsigned)rand() % most;
		unsigned frames = 0;
		struct vs_ref ref[VS_BURST];
		unsigned m, taken;
		enum vs_drop err;
		bool edited;

		send(bd, n, len, (unsigned)rand() % n, odd, per);
		offer_some(bd, &offered, read, len);
		vs_burst_forget(&bd->b);
		n = l2_fetch(bd);
		ck_assert_uint_ge(n, 1);
		for (unsigned i = 0; i < n; i++)
			bd->b.tci[i] = (uint16_t)rand();
		if (odd != LIKE_THE_OTHERS && bd->b.n == n && bd->b.uniform)
			ck_assert_uint_eq(bd->b.uniform, sent_len[0]);
		uniform += bd->b.uniform != 0;
		same += check_same(bd, n);
		m = choose(ref, n, &edited);
		taken = m ? osa_layer2_ops.tx_burst(bd->rig->a, &bd->b, ref, m, &err) : 0;
		ck_assert_uint_eq(taken, m);
		while (read < offered &&
		       atomic_load(&bd->rig->queues.in[0].slsb[read % 128]) == QDIO_IN_PRIMED) {
			check_header(bd, read, odd);
			frames += l2_read_back(bd, read++, got + frames, got_len + frames,
					       256 - frames);
		}
		ck_assert_uint_eq(frames, m);
		/* The checksum that was asked for is in the private copy now. */
		if (odd != CHECKSUM_ASKED)
			compare(bd, ref, m);
		l2_done(bd);
		while (l2_fetch(bd)) /* what did not fit into the burst */
			l2_done(bd);
	}
	ck_assert(len < VS_HEAD_MIN ? !uniform : uniform > 100);
	ck_assert(len < VS_HEAD_MIN ? !same : same > 50);
	l2_bed_free(bd);
}
END_TEST

/* Of a frame that breaks the rules the buffer is lost from there on; all others arrive. */
START_TEST(a_broken_one)
{
	const uint32_t len = lens[_i];
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0];

	for (unsigned round = 0; round < 100; round++) {
		unsigned n = 3 + (unsigned)rand() % 10, at = (unsigned)rand() % n, entry = 0, k = 0;
		unsigned first = q->cursor, behind = at / 3 * 3 + 3, got_n;
		const struct qdio_sbal *s = q->sbal[(first + at / 3) % QDIO_BUFFERS];
		uint8_t *state = (uint8_t *)&q->slsb[(first + at / 3) % QDIO_BUFFERS];
		static uint8_t frame[OUT_BYTES];

		send(bd, n, len, at, TOO_SHORT, 3);
		for (; k < at % 3; entry++) /* its first one: frames begin where no other goes on */
			k += s->e[entry + 1].eflags >> 3 & 1 ? 0 : 1;
		vs_burst_forget(&bd->b);
		got_n = l2_fetch(bd);
		ck_assert_uint_eq(got_n, at + (behind < n ? n - behind : 0));
		ck_assert_uint_eq(bd->dropped[VS_DROP_RX_MALFORMED], 1);
		for (unsigned i = 0; i < got_n; i++) {
			unsigned from = i < at ? i : i - at + behind;

			ck_assert_uint_eq(l2_join(&bd->b, i, frame), len);
			ck_assert_mem_eq(frame, sent[from], len);
		}
		if (got_n)
			l2_done(bd);
		ck_assert_uint_eq(*state, QDIO_OUT_ERROR);
		ck_assert_uint_eq(s->e[14].sflags & 0x0F, entry);
	}
	l2_bed_free(bd);
}
END_TEST

/* A frame ends with its buffer, though its last piece lies back to back in the next one. */
START_TEST(over_two_buffers)
{
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	struct qdio_queue *q = &bd->rig->queues.out[0];
	struct qdio_sbale *e = q->sbal[1]->e, *next = q->sbal[2]->e;
	static uint8_t frame[OUT_BYTES];

	send(bd, 4, 9014, 0, LIKE_THE_OTHERS, 1);
	while (!(e[1].eflags & QDIO_EFLAG_LAST))
		e++;
	e->eflags |= QDIO_EFLAG_LAST;
	next[0] = e[1];
	bd->mem[be64_get(next[0].addr)] = 0xFF; /* no header */
	vs_burst_forget(&bd->b);
	ck_assert_uint_eq(l2_fetch(bd), 2);
	ck_assert_uint_eq(bd->dropped[VS_DROP_RX_MALFORMED], 1);
	ck_assert_uint_eq(bd->dropped[VS_DROP_RX_UNSUPPORTED], 1);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(l2_join(&bd->b, i, frame), 9014);
		ck_assert_mem_eq(frame, sent[3 * i], 9014);
	}
	l2_done(bd);
	l2_bed_free(bd);
}
END_TEST

/* A frame that is dropped leaves nothing behind for the plain one that takes its place. */
START_TEST(after_a_dropped_one)
{
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	const struct qdio_sbal *s = bd->rig->queues.out[0].sbal[0];

	send(bd, 3, 100, 1, CHECKSUM_ASKED, 3);
	bd->mem[be64_get(s->e[1].addr) + OSA_HDR_BYTES + 23] = 6; /* not UDP, as was said */
	vs_burst_forget(&bd->b);
	ck_assert_uint_eq(l2_fetch(bd), 2);
	ck_assert_uint_eq(bd->dropped[VS_DROP_RX_MALFORMED], 1);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(bd->b.plain >> i & 1);
		ck_assert_uint_eq(bd->b.headlen[i], VS_HEAD_MIN);
		ck_assert_uint_eq(bd->b.flags[i], 0);
	}
	l2_done(bd);
	l2_bed_free(bd);
}
END_TEST

/* A burst that was said to be alike is filled with something else: nothing is said any longer. */
START_TEST(unpacked)
{
	static uint8_t buf[VS_PACKET_MAX];
	struct l2_bed *bd = l2_bed_make(L2_STORAGE);
	const struct vs_ref ref = {.frame = 0};
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	unsigned taken;
	uint32_t len;

	send(bd, 8, 100, 0, LIKE_THE_OTHERS, 8);
	vs_burst_forget(&bd->b);
	ck_assert_uint_eq(l2_fetch(bd), 8);
	ck_assert_uint_eq(bd->b.uniform, 100);
	len = vs_packet_pack(buf, &bd->b, &ref, 1, &taken);
	ck_assert_uint_eq(vs_packet_unpack(buf, len, 0, &bd->b, dropped), 1);
	ck_assert_uint_eq(bd->b.plain | bd->b.uniform | bd->b.same | bd->b.plain_bytes, 0);
	l2_done(bd);
	l2_bed_free(bd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uniform");
	TCase *t = tcase_create("bursts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, alike, 0, sizeof(lens) / sizeof(lens[0]));
	tcase_add_loop_test(t, a_broken_one, 0, sizeof(lens) / sizeof(lens[0]));
	tcase_add_test(t, over_two_buffers);
	tcase_add_test(t, after_a_dropped_one);
	tcase_add_test(t, unpacked);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
