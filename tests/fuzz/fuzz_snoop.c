/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that the control thread reads: IGMP and MLD for snooping, and what a port wants by them.
 */
#include <stdlib.h>
#include <string.h>

#include "vswitch/snoop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Twice: the second finds what the first has left. */
static void report(const struct snoop_message *m, unsigned size)
{
	struct snoop_member member = {0};

	for (unsigned k = 0; k < 2 * m->n; k++) {
		const struct snoop_change *c = &m->change[k % m->n];

		snoop_member_report(&member, c->kind, c->source, c->n_sources, size, k);
	}
	if (m->for_group)
		snoop_member_asked(&member, m->change[0].source, m->change[0].n_sources, size, 9);
	if (member.n > SNOOP_SOURCES || snoop_member_age(&member, UINT64_MAX))
		abort();
	snoop_member_free(&member);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size ? size : 1); /* so that one byte too many is seen */
	struct snoop_message m;

	if (!frame)
		return 0;
	memcpy(frame, data, size);
	snoop_parse(frame, (uint32_t)size, &m);
	if (m.n > SNOOP_CHANGES || (m.kind == SNOOP_CHANGE && !m.n))
		abort();
	report(&m, m.v6 ? 16 : 4);
	free(frame);
	return 0;
}
