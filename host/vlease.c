/* SPDX-License-Identifier: Apache-2.0 */
#include "host/vlease.h"

#include <string.h>

bool vlease_take(struct vlease *l, uint16_t from, uint16_t to)
{
	if (l->n == VLEASES)
		return false;
	l->range[l->n++] = (struct vlease_range){.from = from, .to = to};
	return true;
}

static void remove_range(struct vlease *l, unsigned i)
{
	l->n--;
	memmove(&l->range[i], &l->range[i + 1], (l->n - i) * sizeof(l->range[0]));
}

/* Range i and the one behind it, both finished, are one. */
static void join(struct vlease *l, unsigned i)
{
	l->range[i].to = l->range[i + 1].to;
	remove_range(l, i + 1);
}

bool vlease_finish(struct vlease *l, uint16_t from, uint16_t *to)
{
	unsigned i = 0;

	while (l->range[i].from != from || l->range[i].finished)
		i++;
	l->range[i].finished = true;
	if (i + 1 < l->n && l->range[i + 1].finished)
		join(l, i);
	if (i && l->range[i - 1].finished)
		join(l, i - 1);
	if (i)
		return false;
	*to = l->range[0].to;
	remove_range(l, 0);
	return true;
}
