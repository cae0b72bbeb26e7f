/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for a cache line that is going to be written, from a core that read it last.
 * __builtin_prefetch(p, 1) of a baseline x86-64 build only asks to read, and the store then waits
 * for the line a second time.
 */
#ifndef COMMON_PREFETCH_H
#define COMMON_PREFETCH_H

static inline void prefetch_write(const void *p)
{
#if defined(__x86_64__)
	/* Every x86-64 processor executes it; old ones of one maker do nothing. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

#endif
