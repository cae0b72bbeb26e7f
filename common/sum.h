/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum's sum, by vectors: 16-bit halves are added in 32-bit lanes, which do not
 * overflow below SUM_MAX, so that nothing is carried or widened inside the loop. AVX2 is used where
 * the processor has it (measured: docs/performance.md).
 */
#ifndef COMMON_SUM_H
#define COMMON_SUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SUM_MAX (UINT32_C(1) << 19) /* bytes of one piece */

static inline uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint64_t sum_short(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	uint32_t w = 0;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&w, p, 4);
		sum += w;
	}
	w = 0;
	memcpy(&w, p, len); /* zeros behind an odd byte: RFC 1071 */
	return sum + w;
}

#if defined(__CHECKER__) /* sparse knows no vectors */
static inline uint64_t sum_long(const uint8_t *p, size_t len)
{
	return sum_short(p, len);
}
#else
/* n bytes by vectors of `bytes`, two at a time; p and len are left at the rest. */
#define SUM_BY(bytes, sum, p, len)                                                                 \
	do {                                                                                       \
		typedef uint32_t lanes __attribute__((vector_size(bytes)));                        \
		lanes a = {0}, b = {0}, x, y;                                                      \
                                                                                                   \
		for (; (len) >= 2 * (bytes); (p) += 2 * (bytes), (len) -= 2 * (bytes)) {           \
			memcpy(&x, (p), (bytes));                                                  \
			memcpy(&y, (p) + (bytes), (bytes));                                        \
			a += (x & 0xFFFF) + (x >> 16);                                             \
			b += (y & 0xFFFF) + (y >> 16);                                             \
		}                                                                                  \
		a += b;                                                                            \
		for (unsigned i = 0; i < (bytes) / 4; i++)                                         \
			(sum) += a[i];                                                             \
	} while (0)

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline uint64_t sum_avx2(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;

	SUM_BY(32, sum, p, len);
	return sum + sum_short(p, len);
}
#endif

static inline uint64_t sum_long(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;

#if defined(__x86_64__)
	if (len >= 256 && __builtin_cpu_supports("avx2"))
		return sum_avx2(p, len);
#endif
	SUM_BY(16, sum, p, len);
	return sum + sum_short(p, len);
}
#endif

/*
 * The one's complement sum of len (below SUM_MAX) bytes, in host order as RFC 1071 allows.
 * @odd: an odd number of bytes came before: these count in the other half of the words.
 */
static inline uint64_t sum_bytes(const uint8_t *p, size_t len, bool odd)
{
	uint16_t sum = sum_fold(sum_long(p, len));

	return odd ? __builtin_bswap16(sum) : sum;
}

#endif
