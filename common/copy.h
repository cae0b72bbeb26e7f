/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy of pieces that may be long. The library copies those by the processor's string
 * instruction, which is the fastest there is, but on some processors (seen: AMD Zen 3) takes
 * twenty times as long when the destination is 1 to 31 bytes ahead of the source modulo a page.
 * Frames packed behind each other meet that by chance, some in a hundred: these are copied line by
 * line.
 */
#ifndef COMMON_COPY_H
#define COMMON_COPY_H

#include <stdint.h>
#include <string.h>

#define COPY_LONG 2048u /* shorter ones go by plain moves */

static inline void copy_by_lines(uint8_t *to, const uint8_t *from, size_t n)
{
	for (; n >= 64; n -= 64, to += 64, from += 64) {
		uint8_t line[64];

		memcpy(line, from, sizeof(line));
		memcpy(to, line, sizeof(line));
	}
	memcpy(to, from, n);
}

/* They do not overlap. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
	uintptr_t ahead = ((uintptr_t)to - (uintptr_t)from) % 4096;

	if (__builtin_expect(n >= COPY_LONG && ahead - 1 < 31, 0))
		copy_by_lines(to, from, n);
	else
		memcpy(to, from, n);
}

#endif
