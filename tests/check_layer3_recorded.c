/* SPDX-License-Identifier: Apache-2.0 */
/* Every output buffer a real driver was recorded to send in layer 3 becomes exactly its frames. */
#include "tests/layer3_bed.h"
#include "tests/trace.h"

/* One recorded frame, as the test reads it from storage. */
struct recorded {
	uint32_t len, skip;
	uint8_t bytes[65536 + 64];
};

static unsigned read_frame(const struct qdio_sbal *s, unsigned e, struct recorded *r)
{
	const uint8_t *mem = bd->mem;
	uint32_t have = 0;

	do {
		uint32_t n = be32_get(s->e[e].length);

		memcpy(r->bytes + have, mem + be64_get(s->e[e].addr), n);
		if (!have) {
			r->len = be16_load(r->bytes + 8);
			r->skip = r->bytes[0] == OSA_HDR_LAYER3_TSO ? 64 : 32;
		}
		have += n;
		e++;
	} while (have < r->len + r->skip);
	ck_assert_uint_eq(have, r->len + r->skip);
	return e;
}

/* Compare frame i of the burst with what was recorded. */
static void compare(const struct recorded *r, unsigned i, unsigned line)
{
	static uint8_t f[65536 + 64];
	const uint8_t *h = r->bytes, *p = r->bytes + r->skip;
	bool passthru = h[1] & 0x10, tag = h[11] & 1;
	uint32_t added = (passthru ? 0 : 14u) + (tag ? 4u : 0), n = databed_join(bd, i, f);
	uint32_t l3 = passthru ? 14 : 0;

	ck_assert_msg(n == r->len + added, "line %u: %u bytes, not %u", line, n, r->len + added);
	if (passthru)
		ck_assert_mem_eq(f, p, 12);
	else
		ck_assert_mem_eq(f + 6, own_mac, 6);
	if (!passthru && (h[1] & 7) == 6)
		ck_assert_mem_eq(f, peer_mac, 6);
	if (!passthru && (h[1] & 7) == 5)
		ck_assert_mem_eq(f, all_ones, 6);
	if (tag)
		ck_assert_uint_eq(be32_load(f + 12), 0x81000000u | be16_load(h + 12));
	ck_assert_uint_eq(be16_load(f + (passthru ? 12 : added - 2)),
			  passthru ? be16_load(p + 12) : 0x0800);
	if (r->skip == 64 || h[11] & 0x30) {
		/* Length, header and transport checksums are the adapter's. */
		ck_assert(bd->b.flags[i] & VS_F_CSUM_NEEDED);
		if (!passthru) {
			ck_assert_uint_eq(be16_load(f + added + 2), r->len);
			ck_assert_uint_eq(sum16(f + added, 20, 0), 0xFFFF);
		}
		l3 += passthru ? 40 + 18 : 20 + 18;
	}
	ck_assert_mem_eq(f + added + l3, p + l3, r->len - l3);
}

static const struct {
	const char *path;
	unsigned buffers, tso, csum; /* at least; of buffers more */
} recordings[] = {
	{"tests/data/l3-osd.trace", 100, 10, 30},
	{"tests/data/l3-zosa.trace", 40, 0, 0},
};

START_TEST(recorded_buffers)
{
	struct trace *t = trace_load(recordings[_i].path);
	static struct recorded r;
	struct qdio_queue *q;
	unsigned buffers = 0, tso = 0, csum = 0;

	bd = databed_make(TRACE_STORAGE_BYTES);
	setip4(OWN_IP, 0);
	flush_own();
	peer_known(0, PEER_IP);
	peer_known(0, IP(10, 97, 5, 1));
	peer_known(0, IP(10, 8, 0, 2));
	peer_known(0, IP(10, 8, 0, 254));
	q = &bd->rig->queues.out[0];
	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < t->n; i++) {
		struct qdio_sbal *s;
		unsigned e = 0, n;

		if (!trace_is(&t->ev[i], "SBAL-OUT") || !be32_load(t->ev[i].data + 4))
			continue;
		ck_assert_int_eq(trace_stage_sbal(t, i, bd->mem, TRACE_STORAGE_BYTES), 0);
		s = (struct qdio_sbal *)(void *)(bd->mem + trace_hex(&t->ev[i], "addr", 0));
		q->sbal[q->cursor] = s;
		atomic_store(&q->slsb[q->cursor], QDIO_OUT_PRIMED);
		n = databed_fetch(bd);
		for (unsigned k = 0; k < n; k++) {
			ck_assert_uint_lt(e, 16);
			e = read_frame(s, e, &r);
			compare(&r, k, t->ev[i].line);
			tso += (bd->b.flags[k] & VS_F_GSO) != 0;
			csum += bd->b.flags[k] == VS_F_CSUM_NEEDED;
		}
		ck_assert_msg(n && s->e[e - 1].eflags & QDIO_EFLAG_LAST, "line %u: %u frames",
			      t->ev[i].line, n);
		databed_done(bd);
		ck_assert_uint_eq(atomic_load(&q->slsb[(q->cursor + 127) % 128]), QDIO_OUT_EMPTY);
		buffers++;
	}
	ck_assert_uint_gt(buffers, recordings[_i].buffers);
	ck_assert_uint_ge(tso, recordings[_i].tso);
	ck_assert_uint_ge(csum, recordings[_i].csum);
	trace_free(t);
	databed_free(bd);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, recorded_buffers, 0, ROWS(recordings));
}

int main(void)
{
	return layer3_run("layer3_recorded", false, add_tests);
}
