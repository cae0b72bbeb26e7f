/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Big-endian wire fields.
 *
 * A field of guest storage or of a frame is declared be16/be32/be64 and is only
 * converted by the functions below; sparse reports every other use
 * (make lint). The fields of packed structures may be unaligned, so the
 * accessors take pointers and use memcpy, which compiles to one load and a swap.
 *
 * This header is the one leaf every folder may include.
 */
#ifndef COMMON_BE_H
#define COMMON_BE_H

#include <stdint.h>
#include <string.h>

#ifdef __CHECKER__
#define BE_BITWISE __attribute__((bitwise))
#define BE_FORCE __attribute__((force))
#else
#define BE_BITWISE
#define BE_FORCE
#endif

typedef uint16_t BE_BITWISE be16;
typedef uint32_t BE_BITWISE be32;
typedef uint64_t BE_BITWISE be64;

#define BE_PACKED __attribute__((packed))

static inline uint16_t be16_swap(uint16_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t be32_swap(uint32_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t be64_swap(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* The value of a wire field in host order, and a wire field from a host value. */
static inline uint16_t be16_get(be16 v)
{
	return be16_swap((BE_FORCE uint16_t)v);
}

static inline uint32_t be32_get(be32 v)
{
	return be32_swap((BE_FORCE uint32_t)v);
}

static inline uint64_t be64_get(be64 v)
{
	return be64_swap((BE_FORCE uint64_t)v);
}

static inline be16 be16_of(uint16_t v)
{
	return (BE_FORCE be16)be16_swap(v);
}

static inline be32 be32_of(uint32_t v)
{
	return (BE_FORCE be32)be32_swap(v);
}

static inline be64 be64_of(uint64_t v)
{
	return (BE_FORCE be64)be64_swap(v);
}

/* The same on bytes of any alignment, for messages that have no structure. */
static inline uint16_t be16_load(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16_swap(v);
}

static inline uint32_t be32_load(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32_swap(v);
}

static inline uint64_t be64_load(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64_swap(v);
}

/* A number whose lowest byte is to be the first in storage. */
static inline uint64_t le64_of(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}

/* Bytes as a number whose lowest byte is the first: for keys and masks, not for wire fields. */
static inline uint64_t le64_load(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64_of(v);
}

static inline void le64_store(void *p, uint64_t v)
{
	v = le64_of(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be16_store(void *p, uint16_t v)
{
	v = be16_swap(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be32_store(void *p, uint32_t v)
{
	v = be32_swap(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be64_store(void *p, uint64_t v)
{
	v = be64_swap(v);
	memcpy(p, &v, sizeof(v));
}

#endif
