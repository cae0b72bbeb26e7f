/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets: frames in pieces and buffers of elements, wherever in storage these lie: back to
 * back, apart, in any order. What is read back from storage, by the lists alone, is what was
 * laid there. Source: spec/osa-qeth.md 7.7.
 */
#include <time.h>

#include "tests/hiperbed.h"

#define FRAMES_MAX 4u
#define PAGE 4096u

struct laid {
	unsigned n;
	uint32_t len[FRAMES_MAX];
	uint8_t bytes[FRAMES_MAX][40000];
};

static unsigned any(unsigned n)
{
	return (unsigned)rand() % n;
}

static void make_frames(struct laid *x)
{
	x->n = 1 + any(FRAMES_MAX);
	for (unsigned i = 0; i < x->n; i++) {
		uint8_t *f = x->bytes[i];

		x->len[i] = 14 + any(any(2) ? 100 : x->n == 1 ? 39000 : 9000);
		for (uint32_t k = 0; k < x->len[i]; k++)
			f[k] = (uint8_t)rand();
		memcpy(f, mac_of(1), 6);
		memcpy(f + 6, mac_of(0), 6);
		be16_store(f + 12, 0x88B5);
	}
}

/* Frame i, its header in front, in up to max elements from e on. Return: how many. */
static unsigned lay_frame(struct qdio_sbal *s, unsigned e, unsigned max, const struct laid *x,
			  unsigned i, size_t *at)
{
	const struct guest_txq *t = &host[0].d->tx[1];
	struct osa_l2_hdr h = {
		.id = OSA_HDR_LAYER2, .cast = OSA_L2_UNICAST, .len = be16_of((uint16_t)x->len[i])};
	static uint8_t whole[sizeof(h) + 40000];
	uint32_t left = (uint32_t)sizeof(h) + x->len[i], done = 0;
	unsigned n = 0;

	memcpy(whole, &h, sizeof(h));
	memcpy(whole + sizeof(h), x->bytes[i], x->len[i]);
	while (left) {
		uint32_t piece = n + 1 == max ? left : 1 + any(left);

		if (!n && piece < sizeof(h))
			piece = sizeof(h);
		if (any(2)) /* not where the one before ends */
			*at += 1 + any(100);
		memcpy(t->area + *at, whole + done, piece);
		s->e[e + n++] = (struct qdio_sbale){.length = be32_of(piece),
						    .addr = be64_of(t->addr + *at)};
		*at += piece;
		done += piece;
		left -= piece;
	}
	return n;
}

static void send_laid(const struct laid *x)
{
	struct guest_txq *t = &host[0].d->tx[1];
	struct qdio_sbal *s = &t->sbal[t->oldest];
	unsigned e = 0;
	size_t at = 0;

	for (unsigned i = 0; i < x->n; i++)
		e += lay_frame(s, e, QDIO_SBAL_ENTRIES / FRAMES_MAX, x, i, &at);
	s->e[e - 1].eflags = QDIO_EFLAG_LAST;
	atomic_store(&t->slsb[t->oldest], QDIO_OUT_PRIMED);
	guest_siga(host[0].d, QDIO_SIGA_W, 1);
	ck_assert_uint_eq(atomic_load(&t->slsb[t->oldest]), QDIO_OUT_EMPTY);
	t->oldest = (uint8_t)((t->oldest + 1) % QDIO_BUFFERS);
}

/* Buffer k offered with its pages in order or the last one first, some of them short. */
static void offer(unsigned k, uint64_t area)
{
	struct guest_rxq *r = &host[1].d->rx;
	unsigned shorter = any(2) ? 4 : 0; /* so that all fits */
	bool turned = any(2);

	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
		uint32_t len = PAGE;
		unsigned page = turned ? QDIO_SBAL_ENTRIES - 1 - e : e;

		if (shorter && !any(3)) {
			len = 32 + any(PAGE - 32);
			shorter--;
		}
		r->sbal[k].e[e] = (struct qdio_sbale){
			.eflags = e == QDIO_SBAL_ENTRIES - 1 ? QDIO_EFLAG_LAST : 0,
			.length = be32_of(len),
			.addr = be64_of(area + (uint64_t)page * PAGE)};
	}
	memset(host[1].d->st.host + (area - host[1].d->st.base), 0xEE, 16 * PAGE);
	atomic_store(&r->slsb[k], QDIO_IN_EMPTY);
}

/* The next n bytes of a buffer, over its elements. */
struct reader {
	const struct qdio_sbal *s;
	unsigned e;
	uint32_t off;
};

static void take(struct reader *r, uint8_t *to, uint32_t n)
{
	while (n--) {
		while (r->off == be32_get(r->s->e[r->e].length)) {
			ck_assert(!(r->s->e[r->e].eflags & QDIO_EFLAG_LAST));
			r->e++;
			r->off = 0;
		}
		*to++ = host[1].d->st
				.host[be64_get(r->s->e[r->e].addr) - host[1].d->st.base + r->off++];
	}
}

static void expect_laid(unsigned k, const struct laid *x)
{
	struct reader r = {.s = &host[1].d->rx.sbal[k]};
	static uint8_t got[40000];

	ck_assert_uint_eq(atomic_load(&host[1].d->rx.slsb[k]), QDIO_IN_PRIMED);
	for (unsigned i = 0; i < x->n; i++) {
		struct osa_l2_hdr h;

		take(&r, (uint8_t *)&h, sizeof(h));
		ck_assert_uint_eq(h.id, OSA_HDR_LAYER2);
		ck_assert_uint_eq(be16_get(h.len), x->len[i]);
		take(&r, got, x->len[i]);
		ck_assert_mem_eq(got, x->bytes[i], x->len[i]);
	}
	ck_assert_uint_eq(r.off, be32_get(r.s->e[r.e].length));
	ck_assert(r.s->e[r.e].eflags & QDIO_EFLAG_LAST);
}

START_TEST(test_pieces)
{
	static uint64_t area[QDIO_BUFFERS];
	static struct laid x;
	unsigned seed = (unsigned)time(NULL) + (unsigned)_i;

	printf("pieces: SEED=%u\n", seed);
	srand(seed);
	online(0, (struct guest_config){0});
	online(1, (struct guest_config){0});
	for (unsigned k = 0; k < QDIO_BUFFERS; k++)
		area[k] = be64_get(host[1].d->rx.sbal[k].e[0].addr);
	for (unsigned n = 0; n < 400; n++) {
		unsigned k = n % QDIO_BUFFERS;

		offer(k, area[k]);
		make_frames(&x);
		send_laid(&x);
		expect_laid(k, &x);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pieces of frames on HiperSockets");
	TCase *t = tcase_create("pieces");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_pieces, 0, 3);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
