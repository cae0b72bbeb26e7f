/* SPDX-License-Identifier: Apache-2.0 */
/* What the switch does for ports that cannot: checksums, and large TCP frames cut into segments. */
#include <stdlib.h>
#include <string.h>

#include "tests/switchbed.h"

static uint32_t naive_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

/* A TCP frame with a seeded checksum field. Return: its length. */
static uint32_t tcp_frame(uint8_t *f, bool v6, uint32_t payload)
{
	unsigned l3 = 14, l4 = l3 + (v6 ? 40 : 20);
	uint32_t l4len = 20 + payload, sum;
	uint8_t dst[6], src[6];

	mac_of(1, dst);
	mac_of(0, src);
	fake_frame(f, dst, src, -1, l4 + l4len, 3);
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xDD : 0x00;
	memset(f + l3, 0, l4 - l3 + 20);
	if (v6) {
		f[l3] = 0x60;
		f[l3 + 4] = (uint8_t)(l4len >> 8);
		f[l3 + 5] = (uint8_t)l4len;
		f[l3 + 6] = 6;
		f[l3 + 8] = 0xFD;
		f[l3 + 24] = 0xFD;
		f[l3 + 39] = 2;
	} else {
		f[l3] = 0x45;
		f[l3 + 2] = (uint8_t)((20 + l4len) >> 8);
		f[l3 + 3] = (uint8_t)(20 + l4len);
		f[l3 + 5] = 9; /* identification */
		f[l3 + 8] = 64;
		f[l3 + 9] = 6;
		f[l3 + 12] = 10;
		f[l3 + 16] = 10;
		f[l3 + 19] = 2;
	}
	f[l4 + 4] = 0xFF; /* sequence number near its wrap */
	f[l4 + 5] = 0xFF;
	f[l4 + 6] = 0xFF;
	f[l4 + 12] = 0x50;
	f[l4 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	sum = naive_sum(f + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, 6 + l4len);
	f[l4 + 16] = (uint8_t)(sum >> 8);
	f[l4 + 17] = (uint8_t)sum;
	return l4 + l4len;
}

static void check_tcp(const struct fake_frame *x, bool v6, bool ip_csum)
{
	unsigned l3 = 14, l4 = l3 + (v6 ? 40 : 20);
	uint32_t l4len = x->len - l4, sum;

	sum = naive_sum(x->data + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, 6 + l4len);
	sum = naive_sum(x->data + l4, l4len, sum);
	ck_assert_uint_eq(sum, 0xFFFF);
	if (!v6) {
		if (ip_csum)
			ck_assert_uint_eq(naive_sum(x->data + l3, 20, 0), 0xFFFF);
		ck_assert_uint_eq((uint32_t)x->data[l3 + 2] << 8 | x->data[l3 + 3], x->len - l3);
	} else {
		ck_assert_uint_eq((uint32_t)x->data[l3 + 4] << 8 | x->data[l3 + 5], l4len);
	}
}

START_TEST(checksum_for_a_port_that_cannot)
{
	static const uint32_t payloads[] = {0,	 1,   2,   3,	10,   11,  100,
					    101, 137, 138, 139, 1000, 1001};
	bool v6 = _i & 1;
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];

	for (unsigned k = 0; k < sizeof(payloads) / sizeof(payloads[0]); k++) {
		uint32_t len = tcp_frame(f, v6, payloads[k]);
		struct fake_frame *x = fake_inject(&b->fake[0], f, len);

		x->flags = VS_F_CSUM_NEEDED;
		x->csum_start = v6 ? 54 : 34;
		x->csum_offset = 16;
		run(b);
		ck_assert_uint_eq(b->fake[1].n_out, 1);
		ck_assert_uint_eq(b->fake[1].out[0].len, len);
		check_tcp(&b->fake[1].out[0], v6, false);
		clear(b);
	}
	/* A capable port gets it as it is. */
	b->fake[1].caps = VS_CAP_CSUM_NEEDED;
	struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, v6, 50));

	x->flags = VS_F_CSUM_NEEDED;
	x->csum_start = v6 ? 54 : 34;
	x->csum_offset = 16;
	run(b);
	ck_assert_uint_eq(b->fake[1].out[0].flags, VS_F_CSUM_NEEDED);
	ck_assert_mem_eq(b->fake[1].out[0].data, f, b->fake[1].out[0].len);
	bed_free(b);
}
END_TEST

START_TEST(segmentation)
{
	bool v6 = _i & 1;
	unsigned l4 = v6 ? 54 : 34, hdr = l4 + 20, mss = 7;
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	uint32_t len = tcp_frame(f, v6, 1000), got = 0;
	struct fake_frame *x = fake_inject(&b->fake[0], f, len);

	x->flags = (uint8_t)(VS_F_CSUM_NEEDED | (v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4));
	x->csum_start = (uint16_t)l4;
	x->csum_offset = 16;
	x->gso_size = (uint16_t)mss;
	x->hdrlen = (uint16_t)hdr;
	run(b);
	ck_assert_uint_eq(b->fake[1].n_out, (1000 + mss - 1) / mss);
	for (unsigned k = 0; k < b->fake[1].n_out; k++) {
		const struct fake_frame *s = &b->fake[1].out[k];
		bool last = k + 1 == b->fake[1].n_out;
		uint32_t seq = (uint32_t)s->data[l4 + 4] << 24 | (uint32_t)s->data[l4 + 5] << 16 |
			       (uint32_t)s->data[l4 + 6] << 8 | s->data[l4 + 7];

		check_tcp(s, v6, true);
		ck_assert_uint_eq(seq, 0xFFFFFF00u + got);
		ck_assert_uint_eq(s->len, hdr + (last ? 1000 - got : mss));
		ck_assert_mem_eq(s->data + hdr, f + hdr + got, s->len - hdr);
		ck_assert_uint_eq(s->data[l4 + 13], 0x10u | (last ? 0x09u : 0) | (k ? 0 : 0x80u));
		if (!v6)
			ck_assert_uint_eq((uint32_t)s->data[18] << 8 | s->data[19], 9 + k);
		got += s->len - hdr;
	}
	ck_assert_uint_eq(got, 1000);
	bed_free(b);
}
END_TEST

/* Segments that just fit go through; a frame whose segments do not is counted whole. */
START_TEST(segments_at_the_limit)
{
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	struct vs_counters c;

	for (unsigned k = 0; k < 2; k++) {
		struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, false, 1000));

		x->flags = VS_F_CSUM_NEEDED | VS_F_GSO_TCP4;
		x->csum_start = 34;
		x->csum_offset = 16;
		x->gso_size = 10; /* 100 segments: more than a burst */
		x->hdrlen = 54;
		b->fake[1].frame_max = k ? 63 : 64;
		run(b);
	}
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(c.tx_frames, 100);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_TX_TOO_BIG], 100);
	bed_free(b);
}
END_TEST

START_TEST(offload_nonsense)
{
	static const struct {
		int n;
		uint8_t flags;
		uint16_t start, offset, gso, hdrlen;
	} rows[] = {
		{1, VS_F_CSUM_NEEDED, 4000, 16, 0, 0},
		{2, VS_F_CSUM_NEEDED, 34, 4000, 0, 0},
		{3, VS_F_CSUM_NEEDED, 0, 0, 0, 0},
		{4, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 0, 54},
		{5, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 100, 4000},
		{6, VS_F_CSUM_NEEDED | VS_F_GSO_TCP4, 34, 16, 100, 10},
		{7, VS_F_CSUM_NEEDED | VS_F_GSO_TCP6, 34, 16, 100, 54},
	};
	struct bed *b = plain(2, false, false);
	uint8_t f[FAKE_BYTES];
	struct vs_counters c;
	struct fake_frame *x = fake_inject(&b->fake[0], f, tcp_frame(f, false, 500));

	x->flags = rows[_i].flags;
	x->csum_start = rows[_i].start;
	x->csum_offset = rows[_i].offset;
	x->gso_size = rows[_i].gso;
	x->hdrlen = rows[_i].hdrlen;
	run(b);
	vs_port_counters(b->port[1], &c);
	ck_assert_uint_eq(b->fake[1].n_out, 0);
	ck_assert_uint_eq(c.tx_drop[VS_DROP_RX_MALFORMED], 1);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload");
	TCase *t = tcase_create("offload");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, segments_at_the_limit);
	tcase_add_loop_test(t, checksum_for_a_port_that_cannot, 0, 2);
	tcase_add_loop_test(t, segmentation, 0, 2);
	tcase_add_loop_test(t, offload_nonsense, 0, 7);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
