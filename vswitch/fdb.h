/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of a switch: (MAC, VID) to port. Private to vswitch/.
 *
 * Entries are 16 bytes, four to a cache line, found in one of two lines. Any
 * number of workers look up without a lock; changes are serialised by the
 * switch's lock. A reader that meets a change in progress sees the old entry,
 * the new one or none, never a mixture: the key is read again after the value.
 */
#ifndef VSWITCH_FDB_H
#define VSWITCH_FDB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/be.h"

#define FDB_WAYS 4
#define FDB_PORT_NONE 0xFFFFu

/* value: port in bits 0-15, kind in bit 16, seconds of last use in bits 32-63 */
#define FDB_LEARNED (UINT64_C(1) << 16)

struct fdb_entry {
	_Atomic uint64_t key; /* 0: empty */
	_Atomic uint64_t value;
};

struct fdb_line {
	_Alignas(64) struct fdb_entry e[FDB_WAYS];
};

struct fdb {
	unsigned bits; /* log2 of the number of lines */
	uint64_t seed;
	size_t used;
	/* A bigger one that is being filled from this one (fdb_copy_line): changes go to both. */
	struct fdb *next;
	bool next_full; /* it was too small */
	struct fdb_line line[];
};

#define FDB_KEY (UINT64_C(1) << 63)

/* A key is never 0: bit 63 is always on. The address's first byte is the lowest. */
static inline uint64_t fdb_key(const uint8_t *mac, unsigned vid)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 6; i++)
		v |= (uint64_t)mac[i] << (8 * i);
	return v | (uint64_t)vid << 48 | FDB_KEY;
}

static inline void fdb_key_mac(uint64_t key, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)(key >> (8 * i));
}

/* The key of the address that 8 readable bytes begin with, in no VLAN: one load. */
static inline uint64_t fdb_key_at(const uint8_t *p)
{
	return (le64_load(p) & UINT64_C(0xFFFFFFFFFFFF)) | FDB_KEY;
}

/* Seeded: which addresses share a line is nobody's to choose. */
static inline uint64_t fdb_hash(const struct fdb *t, uint64_t key)
{
	return (key ^ t->seed) * UINT64_C(0x9E3779B97F4A7C15);
}

static inline const struct fdb_line *fdb_line1(const struct fdb *t, uint64_t hash)
{
	return &t->line[hash >> (64 - t->bits)];
}

static inline const struct fdb_line *fdb_line2(const struct fdb *t, uint64_t hash)
{
	uint64_t h2 = (hash << 32 | hash >> 32) * UINT64_C(0xC2B2AE3D27D4EB4F);

	return &t->line[h2 >> (64 - t->bits)];
}

static inline uint64_t fdb_probe(const struct fdb_line *l, uint64_t key)
{
	for (unsigned i = 0; i < FDB_WAYS; i++) {
		uint64_t v;

		if (atomic_load_explicit(&l->e[i].key, memory_order_acquire) != key)
			continue;
		v = atomic_load_explicit(&l->e[i].value, memory_order_acquire);
		if (atomic_load_explicit(&l->e[i].key, memory_order_relaxed) == key)
			return v;
	}
	return FDB_PORT_NONE;
}

/* Return: the entry's value, or FDB_PORT_NONE. Workers, inside a read-side section. */
static inline uint64_t fdb_find(const struct fdb *t, uint64_t key, uint64_t hash)
{
	uint64_t v = fdb_probe(fdb_line1(t, hash), key);

	return v != FDB_PORT_NONE ? v : fdb_probe(fdb_line2(t, hash), key);
}

static inline uint16_t fdb_value_port(uint64_t v)
{
	return (uint16_t)v;
}

static inline uint32_t fdb_value_seen(uint64_t v)
{
	return (uint32_t)(v >> 32);
}

static inline uint64_t fdb_value(uint16_t port, bool learned, uint32_t seen_s)
{
	return port | (learned ? FDB_LEARNED : 0) | (uint64_t)seen_s << 32;
}

/* Changes: under the switch's lock. */
struct fdb *fdb_create(unsigned bits);
/* Return: 0, or -ENOSPC: both lines are full. Replaces the value of a present key. */
int fdb_put(struct fdb *t, uint64_t key, uint64_t value);
bool fdb_del(struct fdb *t, uint64_t key);
/* Copy one line to t->next. */
void fdb_copy_line(struct fdb *t, size_t line);

#endif
