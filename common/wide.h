/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that do little but move bytes are compiled twice: for every processor, and for one that
 * moves 32 bytes at once. These take half as many places of the store buffer, which is full while
 * lines come from another core.
 *
 *	static WIDE_INLINE void loop_by(..., const bool wide)	copy_64(to, from, wide)
 *	WIDE static void loop_wide(...)				{ loop_by(..., true); }
 *	static void loop(...)					{ if (wide_moves()) loop_wide(...);
 *								  else loop_by(..., false); }
 */
#ifndef COMMON_WIDE_H
#define COMMON_WIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WIDE_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2")))
#else
#define WIDE
#endif

typedef uint64_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t bytes32 __attribute__((vector_size(32)));

/* Not in a build for sanitizers, so that tests run both. */
static inline bool wide_moves(void)
{
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

/* Copy 64 bytes, each read once. Return: the first 16 of those copied. */
static WIDE_INLINE bytes16 copy_64(uint8_t *to, const uint8_t *from, const bool wide)
{
	if (wide) {
		bytes32 a, b;

		memcpy(&a, from, sizeof(a));
		memcpy(&b, from + sizeof(a), sizeof(b));
		memcpy(to, &a, sizeof(a));
		memcpy(to + sizeof(a), &b, sizeof(b));
		return __builtin_shufflevector(a, a, 0, 1);
	} else {
		bytes16 first;

		memcpy(&first, from, sizeof(first));
		memcpy(to, &first, sizeof(first));
		memcpy(to + sizeof(first), from + sizeof(first), 64 - sizeof(first));
		return first;
	}
}

#endif
