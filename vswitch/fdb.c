/* SPDX-License-Identifier: Apache-2.0 */
#include "vswitch/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

struct fdb *fdb_create(unsigned bits)
{
	size_t size = sizeof(struct fdb) + (sizeof(struct fdb_line) << bits);
	struct fdb *t = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!t)
		return NULL;
	memset(t, 0, size);
	t->bits = bits;
	/* Without a random number the address of the table must do. */
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
		t->seed = (uint64_t)(uintptr_t)t * UINT64_C(0xD6E8FEB86659FD93);
	return t;
}

static struct fdb_entry *find(struct fdb *t, uint64_t key)
{
	uint64_t hash = fdb_hash(t, key);
	struct fdb_line *line[2] = {(struct fdb_line *)fdb_line1(t, hash),
				    (struct fdb_line *)fdb_line2(t, hash)};

	for (unsigned l = 0; l < 2; l++)
		for (unsigned i = 0; i < FDB_WAYS; i++)
			if (atomic_load_explicit(&line[l]->e[i].key, memory_order_relaxed) == key)
				return &line[l]->e[i];
	return NULL;
}

/*
 * The first line takes the key while more than half of it is empty: there it is found at once. Else
 * the emptier of the two: two choices keep lines from filling up early (100,000 keys fit into 2^17
 * lines, and one of sixteen is in its second; were the first line taken until one place was left,
 * a line of each choice would fill up before).
 */
static struct fdb_entry *find_room(struct fdb *t, uint64_t key)
{
	uint64_t hash = fdb_hash(t, key);
	struct fdb_line *line[2] = {(struct fdb_line *)fdb_line1(t, hash),
				    (struct fdb_line *)fdb_line2(t, hash)};
	struct fdb_entry *room = NULL;
	unsigned most = 0;

	for (unsigned l = 0; l < 2; l++) {
		struct fdb_entry *first = NULL;
		unsigned empty = 0;

		for (unsigned i = FDB_WAYS; i-- > 0;) {
			if (atomic_load_explicit(&line[l]->e[i].key, memory_order_relaxed))
				continue;
			empty++;
			first = &line[l]->e[i];
		}
		if (l == 0 && empty > FDB_WAYS / 2)
			return first;
		if (empty > most) {
			most = empty;
			room = first;
		}
	}
	return room;
}

static int put(struct fdb *t, uint64_t key, uint64_t value)
{
	struct fdb_entry *e = find(t, key);

	if (!e) {
		e = find_room(t, key);
		if (!e)
			return -ENOSPC;
		t->used++;
	}
	/* A reader that finds the key must find a value that belongs to it. */
	atomic_store_explicit(&e->value, value, memory_order_release);
	atomic_store_explicit(&e->key, key, memory_order_release);
	return 0;
}

int fdb_put(struct fdb *t, uint64_t key, uint64_t value)
{
	int rc = put(t, key, value);

	if (!rc && t->next && put(t->next, key, value))
		t->next_full = true;
	return rc;
}

bool fdb_del(struct fdb *t, uint64_t key)
{
	struct fdb_entry *e = find(t, key);

	if (!e)
		return false;
	t->used--;
	atomic_store_explicit(&e->key, 0, memory_order_release);
	if (t->next)
		fdb_del(t->next, key);
	return true;
}

void fdb_copy_line(struct fdb *t, size_t line)
{
	for (unsigned i = 0; i < FDB_WAYS; i++) {
		const struct fdb_entry *e = &t->line[line].e[i];
		uint64_t key = atomic_load_explicit(&e->key, memory_order_relaxed);

		if (key && put(t->next, key, atomic_load_explicit(&e->value, memory_order_relaxed)))
			t->next_full = true;
	}
}
