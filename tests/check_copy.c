/* SPDX-License-Identifier: Apache-2.0 */
/* common/copy.h: every distance between source and destination, lengths around the limits. */
#include <check.h>
#include <stdlib.h>

#include "common/copy.h"

#define ROOM (3u * 4096)

static void copies(uint8_t *to, const uint8_t *from, size_t ahead, size_t n)
{
	memset(to, 0xEE, ROOM);
	copy_bytes(to + 64 + ahead, from + 64, n);
	ck_assert_msg(!memcmp(to + 64 + ahead, from + 64, n), "%zu bytes, %zu ahead", n, ahead);
	ck_assert_uint_eq(to[63 + ahead], 0xEE);
	ck_assert_uint_eq(to[64 + ahead + n], 0xEE);
}

START_TEST(copies_all)
{
	static const size_t lengths[] = {0,    1,    63,   64,	 65,   1500, 2047,
					 2048, 2049, 2111, 2112, 4095, 4096, 8191};
	uint8_t *to = aligned_alloc(4096, ROOM), *from = aligned_alloc(4096, ROOM);

	for (unsigned i = 0; i < ROOM; i++)
		from[i] = (uint8_t)(i * 31 + (i >> 8));
	for (size_t ahead = 0; ahead < 130; ahead++)
		for (unsigned k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++)
			copies(to, from, ahead, lengths[k]);
	free(to);
	free(from);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("copy");
	TCase *t = tcase_create("copy");
	SRunner *r;
	int failed;

	tcase_add_test(t, copies_all);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
