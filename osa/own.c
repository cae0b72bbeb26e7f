/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter's own frames and packets that wait for an address. See own.h. */
#include "osa/own.h"

#include <string.h>

void osa_own_init(struct osa_own *o)
{
	memset(o->state, OSA_OWN_FREE, sizeof(o->state));
	o->waiting = 0;
	o->in_burst = 0;
	o->serial = 0;
	o->first = 0;
	o->ready = 0;
}

unsigned osa_own_abandon(struct osa_own *o)
{
	unsigned n = 0;

	for (unsigned i = 0; i < OSA_OWN_FRAMES; i++)
		n += o->slot[i].host &&
		     (o->state[i] == OSA_OWN_IS_WAITING || o->state[i] == OSA_OWN_READY);
	osa_own_init(o);
	return n;
}

static struct osa_own_slot *slot_new(struct osa_own *o, unsigned *nr)
{
	for (*nr = 0; *nr < OSA_OWN_FRAMES; ++*nr)
		if (o->state[*nr] == OSA_OWN_FREE)
			return &o->slot[*nr];
	return NULL;
}

/* Every slot is in the queue at most once: it cannot overflow. */
static void make_ready(struct osa_own *o, unsigned nr)
{
	o->state[nr] = OSA_OWN_READY;
	o->queue[(o->first + o->ready++) % OSA_OWN_FRAMES] = (uint8_t)nr;
}

bool osa_own_send(struct osa_own *o, const uint8_t *frame, uint32_t len)
{
	struct osa_own_slot *s;
	unsigned nr;

	if (len > sizeof(s->bytes))
		return false;
	s = slot_new(o, &nr);
	if (!s)
		return false;
	s->host = false;
	s->len = len;
	s->headlen = (uint16_t)(len < VS_HEAD_MIN ? len : VS_HEAD_MIN);
	s->flags = 0;
	memcpy(s->bytes, frame, len);
	make_ready(o, nr);
	return true;
}

static unsigned waiting_for(const struct osa_own *o, uint16_t vid, uint32_t ip)
{
	unsigned n = 0;

	for (unsigned i = 0; i < OSA_OWN_FRAMES; i++)
		n += o->state[i] == OSA_OWN_IS_WAITING && o->slot[i].ip == ip &&
		     o->slot[i].vid == vid;
	return n;
}

static void copy_frame(struct osa_own_slot *s, const struct vs_burst *b, unsigned i)
{
	uint32_t at = b->headlen[i];

	memcpy(s->bytes, b->head[i], at);
	for (unsigned k = 0; k < b->nseg[i]; k++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + k];

		memcpy(s->bytes + at, seg->p, seg->len);
		at += seg->len;
	}
}

bool osa_own_park(struct osa_own *o, const struct vs_burst *b, unsigned i, uint16_t vid,
		  uint32_t ip)
{
	struct osa_own_slot *s;
	unsigned nr;

	if (b->len[i] > sizeof(s->bytes) || b->flags[i] & VS_F_GSO ||
	    o->waiting == OSA_OWN_WAITING || waiting_for(o, vid, ip) >= OSA_OWN_EACH)
		return false;
	s = slot_new(o, &nr);
	if (!s)
		return false;
	s->host = true;
	s->ip = ip;
	s->vid = vid;
	s->serial = o->serial++;
	s->len = b->len[i];
	s->headlen = b->headlen[i];
	s->flags = b->flags[i];
	s->csum_start = b->csum_start[i];
	s->csum_offset = b->csum_offset[i];
	copy_frame(s, b, i);
	o->state[nr] = OSA_OWN_IS_WAITING;
	o->waiting++;
	return true;
}

/* The one of a next hop's packets that has waited longest. Return: OSA_OWN_FRAMES: none waits. */
static unsigned oldest(const struct osa_own *o, uint16_t vid, uint32_t ip)
{
	unsigned found = OSA_OWN_FRAMES;

	for (unsigned i = 0; i < OSA_OWN_FRAMES && o->waiting; i++) {
		if (o->state[i] != OSA_OWN_IS_WAITING || o->slot[i].ip != ip ||
		    o->slot[i].vid != vid)
			continue;
		/* The difference is right when the counter has wrapped as well. */
		if (found == OSA_OWN_FRAMES ||
		    (int32_t)(o->slot[i].serial - o->slot[found].serial) < 0)
			found = i;
	}
	return found;
}

void osa_own_resolved(struct osa_own *o, uint16_t vid, uint32_t ip, const uint8_t mac[6])
{
	unsigned nr;

	while ((nr = oldest(o, vid, ip)) != OSA_OWN_FRAMES) {
		memcpy(o->slot[nr].bytes, mac, 6);
		o->waiting--;
		make_ready(o, nr);
	}
}

unsigned osa_own_give_up(struct osa_own *o, uint16_t vid, uint32_t ip)
{
	unsigned n = 0, nr;

	while ((nr = oldest(o, vid, ip)) != OSA_OWN_FRAMES) {
		o->state[nr] = OSA_OWN_FREE;
		o->waiting--;
		n++;
	}
	return n;
}

static void emit(struct vs_burst *b, const struct osa_own_slot *s)
{
	unsigned i = b->n++;

	b->len[i] = s->len;
	b->headlen[i] = s->headlen;
	b->flags[i] = s->flags;
	b->csum_start[i] = s->csum_start;
	b->csum_offset[i] = s->csum_offset;
	memcpy(b->head[i], s->bytes, s->headlen);
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = s->len > s->headlen;
	if (b->nseg[i])
		b->seg[b->nseg_used++] =
			(struct vs_seg){s->bytes + s->headlen, s->len - s->headlen};
}

void osa_own_emit(struct osa_own *o, struct vs_burst *b)
{
	for (unsigned n = 0; n < OSA_OWN_BURST && o->ready; n++) {
		unsigned nr = o->queue[o->first];

		o->first = (o->first + 1) % OSA_OWN_FRAMES;
		o->ready--;
		o->state[nr] = OSA_OWN_IN_BURST;
		o->in_burst++;
		emit(b, &o->slot[nr]);
	}
}

void osa_own_done(struct osa_own *o)
{
	for (unsigned i = 0; i < OSA_OWN_FRAMES && o->in_burst; i++)
		if (o->state[i] == OSA_OWN_IN_BURST) {
			o->state[i] = OSA_OWN_FREE;
			o->in_burst--;
		}
}
