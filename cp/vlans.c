/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of VIDs as text: "10 20-30".
 */
#include "cp/cp_priv.h"

/* The next run of VIDs from *vid on. Return: its first VID, *vid is its last; 0: none. */
static unsigned next_range(const struct vs_vidset *set, unsigned *vid)
{
	unsigned first, v = *vid + 1;

	while (v <= VS_VID_MAX && !vs_vidset_has(set, v))
		v++;
	if (v > VS_VID_MAX)
		return 0;
	first = v;
	while (v < VS_VID_MAX && vs_vidset_has(set, v + 1))
		v++;
	*vid = v;
	return first;
}

void cp_vlans_print(FILE *f, const struct vs_vidset *set)
{
	unsigned first, last = 0;
	const char *sep = "";

	while ((first = next_range(set, &last)) != 0) {
		if (first == last)
			fprintf(f, "%s%u", sep, first);
		else
			fprintf(f, "%s%u-%u", sep, first, last);
		sep = " ";
	}
}

unsigned cp_vlans_ranges(const struct vs_vidset *set)
{
	unsigned n = 0, last = 0;

	while (next_range(set, &last))
		n++;
	return n;
}

unsigned cp_vlans_count(const struct vs_vidset *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++)
		n += (unsigned)__builtin_popcountll(set->w[i]);
	return n;
}

/* Return: the lowest VID, or VS_VID_NONE. */
uint16_t cp_vlans_first(const struct vs_vidset *set)
{
	unsigned last = 0;

	return (uint16_t)next_range(set, &last);
}

/* An array of [first, last] pairs and single VIDs would need two cases in every reader: VIDs only.
 */
json_t *cp_vlans_json(const struct vs_vidset *set)
{
	json_t *a = json_array();

	for (unsigned v = 1; v <= VS_VID_MAX; v++)
		if (vs_vidset_has(set, v))
			json_array_append_new(a, json_integer(v));
	return a;
}
