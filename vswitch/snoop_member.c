/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a group at a port as a multicast router keeps it (RFC 3376 6.2, 6.4): a filter mode
 * and sources with timers. INCLUDE: the sources listed, each as long as its timer runs. EXCLUDE, as
 * long as the group's timer runs: all but those whose timer is stopped (blocked); those whose timer
 * runs are wanted by somebody, and are what is left when the group's timer ends. A join of IGMPv2
 * or MLDv1 is EXCLUDE without sources, a leave is INCLUDE without sources.
 */
#include "vswitch/snoop_member.h"

#include <stdlib.h>
#include <string.h>

void snoop_member_free(struct snoop_member *m)
{
	free(m->source);
	m->source = NULL;
	m->n = m->cap = 0;
}

void snoop_address(const uint8_t *list, unsigned i, unsigned size, uint8_t addr[SNOOP_IP])
{
	memset(addr, 0, SNOOP_IP);
	if (size == 4)
		addr[10] = addr[11] = 0xFF;
	memcpy(addr + SNOOP_IP - size, list + i * size, size);
}

static int find(const struct snoop_member *m, const uint8_t *addr)
{
	for (unsigned i = 0; i < m->n; i++)
		if (memcmp(m->source[i].addr, addr, SNOOP_IP) == 0)
			return (int)i;
	return -1;
}

static void drop(struct snoop_member *m, unsigned i)
{
	m->source[i] = m->source[--m->n];
}

/* Return: is there room? */
static bool add(struct snoop_member *m, const uint8_t *addr, uint64_t until_ms)
{
	if (m->n == SNOOP_SOURCES)
		return false;
	if (m->n == m->cap) {
		unsigned cap = m->cap ? 2 * m->cap : 4;
		struct snoop_source *more = realloc(m->source, cap * sizeof(*more));

		if (!more)
			return false;
		m->source = more;
		m->cap = cap;
	}
	memcpy(m->source[m->n].addr, addr, SNOOP_IP);
	m->source[m->n++].until_ms = until_ms;
	return true;
}

static void shorten(uint64_t *until_ms, uint64_t to_ms)
{
	if (*until_ms > to_ms)
		*until_ms = to_ms;
}

/* Its list cannot be kept: it gets all, as one that asks for it does. */
static void give_all(struct snoop_member *m, uint64_t until_ms)
{
	m->n = 0;
	m->exclude = true;
	m->until_ms = until_ms;
}

static bool is_listed(const uint8_t *list, unsigned n, unsigned size, const uint8_t *addr)
{
	uint8_t a[SNOOP_IP];

	for (unsigned i = 0; i < n; i++) {
		snoop_address(list, i, size, a);
		if (memcmp(a, addr, SNOOP_IP) == 0)
			return true;
	}
	return false;
}

/* IS_INCLUDE, ALLOW, TO_INCLUDE. The last also says that the host wants no others. */
static void allow(struct snoop_member *m, bool no_others, const uint8_t *source, unsigned n,
		  unsigned size, uint64_t now_ms)
{
	uint64_t until = now_ms + SNOOP_MEMBER_MS;
	uint8_t a[SNOOP_IP];

	for (unsigned i = 0; i < n; i++) {
		int k;

		snoop_address(source, i, size, a);
		k = find(m, a);
		if (k >= 0)
			m->source[k].until_ms = until;
		else if (!add(m, a, until) && !m->exclude)
			give_all(m, until);
	}
	if (!no_others)
		return;
	if (m->exclude)
		shorten(&m->until_ms, now_ms + SNOOP_LAST_MS);
	for (unsigned i = 0; i < m->n; i++)
		if (!is_listed(source, n, size, m->source[i].addr))
			shorten(&m->source[i].until_ms, now_ms + SNOOP_LAST_MS);
}

static void block(struct snoop_member *m, const uint8_t *source, unsigned n, unsigned size,
		  uint64_t now_ms)
{
	uint8_t a[SNOOP_IP];

	for (unsigned i = 0; i < n; i++) {
		int k;

		snoop_address(source, i, size, a);
		k = find(m, a);
		/* One that others may want: asked for first. Without room it is let pass. */
		if (k < 0 && m->exclude && add(m, a, m->until_ms))
			k = (int)m->n - 1;
		if (k >= 0)
			shorten(&m->source[k].until_ms, now_ms + SNOOP_LAST_MS);
	}
}

/* IS_EXCLUDE, TO_EXCLUDE. The latter says that the host did not exclude before. */
static void exclude(struct snoop_member *m, bool was_other, const uint8_t *source, unsigned n,
		    unsigned size, uint64_t now_ms)
{
	uint64_t until = now_ms + SNOOP_MEMBER_MS;
	uint64_t fresh = !m->exclude ? 0 : was_other ? m->until_ms : until;
	uint8_t a[SNOOP_IP];

	for (unsigned i = m->n; i-- > 0;)
		if (!is_listed(source, n, size, m->source[i].addr))
			drop(m, i);
	for (unsigned i = 0; i < n; i++) {
		int k;

		snoop_address(source, i, size, a);
		k = find(m, a);
		if (k < 0) {
			if (!add(m, a, fresh))
				continue; /* it passes */
			k = (int)m->n - 1;
		}
		if (was_other)
			shorten(&m->source[k].until_ms, now_ms + SNOOP_LAST_MS);
	}
	m->exclude = true;
	m->until_ms = until;
}

void snoop_member_report(struct snoop_member *m, enum snoop_record kind, const uint8_t *source,
			 unsigned n, unsigned size, uint64_t now_ms)
{
	switch (kind) {
	case SNOOP_IS_INCLUDE:
	case SNOOP_ALLOW:
		allow(m, false, source, n, size, now_ms);
		break;
	case SNOOP_TO_INCLUDE:
		allow(m, true, source, n, size, now_ms);
		break;
	case SNOOP_IS_EXCLUDE:
	case SNOOP_TO_EXCLUDE:
		exclude(m, kind == SNOOP_TO_EXCLUDE, source, n, size, now_ms);
		break;
	case SNOOP_BLOCK:
		block(m, source, n, size, now_ms);
		break;
	}
}

void snoop_member_asked(struct snoop_member *m, const uint8_t *source, unsigned n, unsigned size,
			uint64_t until_ms)
{
	if (!n) {
		shorten(&m->until_ms, until_ms);
		shorten(&m->others_ms, until_ms);
	}
	for (unsigned i = 0; n && i < m->n; i++)
		if (is_listed(source, n, size, m->source[i].addr))
			shorten(&m->source[i].until_ms, until_ms);
}

bool snoop_member_age(struct snoop_member *m, uint64_t now_ms)
{
	bool over = m->exclude && m->until_ms <= now_ms;

	for (unsigned i = m->n; i-- > 0;) {
		struct snoop_source *s = &m->source[i];

		if (s->until_ms > now_ms)
			continue;
		if (!m->exclude || over)
			drop(m, i);
		else
			s->until_ms = 0;
	}
	if (over)
		m->exclude = false;
	if (m->others_ms <= now_ms)
		m->others_ms = 0;
	return m->exclude || m->n || m->others_ms;
}

bool snoop_member_wants(const struct snoop_member *m, const uint8_t addr[SNOOP_IP])
{
	int k = find(m, addr);

	if (m->others_ms)
		return true;
	return m->exclude ? k < 0 || m->source[k].until_ms : k >= 0;
}

bool snoop_member_all(const struct snoop_member *m)
{
	bool all = m->exclude;

	for (unsigned i = 0; i < m->n; i++)
		all &= m->source[i].until_ms != 0;
	return all || m->others_ms;
}

uint64_t snoop_member_until(const struct snoop_member *m)
{
	uint64_t until = m->others_ms;

	if (m->exclude && m->until_ms > until)
		until = m->until_ms;
	for (unsigned i = 0; i < m->n; i++)
		if (m->source[i].until_ms > until)
			until = m->source[i].until_ms;
	return until;
}
