/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that wait for the host's READ, one list a device.
 *
 * The host keeps one READ outstanding and consumes in order (spec/osa-qeth.md 2.1). A host
 * that sends commands and never reads is broken: the list is bounded, and what
 * nobody waits for, an event, goes first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "osa/osa_priv.h"

void osa_outbox_init(struct osa_outbox *o)
{
	STAILQ_INIT(&o->list);
	o->n = 0;
}

static void drop_first(struct osa_outbox *o)
{
	struct osa_message *m = STAILQ_FIRST(&o->list);

	STAILQ_REMOVE_HEAD(&o->list, link);
	free(m);
	o->n--;
}

void osa_outbox_drop(struct osa_outbox *o)
{
	while (o->n)
		drop_first(o);
}

static struct osa_message *first_event(const struct osa_outbox *o)
{
	struct osa_message *m;

	for (m = STAILQ_FIRST(&o->list); m; m = STAILQ_NEXT(m, link))
		if (m->event)
			return m;
	return NULL;
}

/* Make room: the oldest event, else the oldest message. */
static void drop_oldest(struct osa_outbox *o)
{
	struct osa_message *m = first_event(o);

	if (!m || m == STAILQ_FIRST(&o->list)) {
		drop_first(o);
		return;
	}
	STAILQ_REMOVE(&o->list, m, osa_message, link);
	free(m);
	o->n--;
}

int osa_outbox_put(struct osa *a, unsigned dev, const void *msg, size_t len, bool event)
{
	struct osa_outbox *o = &a->outbox[dev];
	struct osa_message *m = malloc(sizeof(*m) + len);

	if (!m)
		return -ENOMEM;
	if (o->n == OSA_OUTBOX_MAX) {
		drop_oldest(o);
		a->outbox_lost++;
	}
	m->len = len;
	m->event = event;
	memcpy(m->bytes, msg, len);
	STAILQ_INSERT_TAIL(&o->list, m, link);
	o->n++;
	qdio_group_readable(a->group, dev);
	return 0;
}

size_t osa_outbox_take(struct osa_outbox *o, uint8_t *buf, size_t cap)
{
	const struct osa_message *m = STAILQ_FIRST(&o->list);
	size_t len;

	if (!m)
		return 0;
	len = m->len < cap ? m->len : cap;
	memcpy(buf, m->bytes, len);
	drop_first(o);
	return len;
}
