/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads work on ranges of one ring at once and hand them over in ring order. The list has
 * the ranges that are out and what is finished behind the oldest of them, neighbours joined: so it
 * is as long as there are threads that have one, twice.
 *
 * Whoever calls holds the ring's lock; between take and finish it does not.
 */
#ifndef HOST_VLEASE_H
#define HOST_VLEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "vswitch/vswitch.h"

#define VLEASES (2 * VS_THREADS)

struct vlease {
	unsigned n;
	struct vlease_range {
		uint16_t from, to;
		bool finished;
	} range[VLEASES];
};

/* Return: false: too many are out, by a caller that has several. */
bool vlease_take(struct vlease *l, uint16_t from, uint16_t to);

/*
 * The range that begins at from is finished.
 * Return: whether it was the oldest; then all before *to is finished.
 */
bool vlease_finish(struct vlease *l, uint16_t from, uint16_t *to);

#endif
