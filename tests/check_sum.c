/* SPDX-License-Identifier: Apache-2.0 */
/* common/sum.h against a sum of bytes one by one: every length, every place in a vector, odd
 * pieces. */
#include <check.h>
#include <stdlib.h>

#include "common/sum.h"

#define ROOM (SUM_MAX + 64u)

/* As RFC 1071 defines it: words of two bytes in the order of the network, here in the host's. */
static uint16_t naive(const uint8_t *p, size_t len, bool odd)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t word[2] = {0, 0};
		uint16_t w;

		word[(i + odd) & 1] = p[i];
		memcpy(&w, word, 2);
		sum += w;
		sum = (sum & 0xFFFF) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void sums(const uint8_t *p, size_t len)
{
	for (unsigned odd = 0; odd < 2; odd++) {
		uint16_t want = naive(p, len, odd), got = sum_fold(sum_bytes(p, len, odd));

		/* 0 and FFFF are the same number. */
		ck_assert_msg(want % 0xFFFF == got % 0xFFFF, "%zu bytes: %04X, not %04X", len, got,
			      want);
#if defined(__x86_64__) && !defined(__CHECKER__)
		if (__builtin_cpu_supports("avx2"))
			ck_assert_uint_eq(sum_fold(sum_avx2(p, len)) % 0xFFFF,
					  sum_fold(sum_short(p, len)) % 0xFFFF);
#endif
	}
}

START_TEST(sums_all)
{
	uint8_t *m = malloc(ROOM);

	for (unsigned i = 0; i < ROOM; i++)
		m[i] = (uint8_t)(i * 131 + (i >> 7));
	for (size_t at = 0; at < 5; at++)
		for (size_t len = 0; len < 700; len++)
			sums(m + at, len);
	sums(m + 1, 65503);
	free(m);
}
END_TEST

/* No lane overflows. */
START_TEST(the_longest_of_ones)
{
	uint8_t *m = malloc(ROOM);

	memset(m, 0xFF, ROOM);
	sums(m, SUM_MAX - 1);
	sums(m, SUM_MAX - 2);
	m[100] = 0xFE;
	sums(m, SUM_MAX - 1);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sum");
	TCase *t = tcase_create("sum");
	SRunner *r;
	int failed;

	tcase_add_test(t, sums_all);
	tcase_add_test(t, the_longest_of_ones);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
