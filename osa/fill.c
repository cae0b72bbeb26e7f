/* SPDX-License-Identifier: Apache-2.0 */
/* Input buffers: elements looked at, places found, buffers closed and published. See fill.h. */
#include "osa/fill.h"

#include "common/stage.h"

/* The longest frame, header included; a large one is shorter by its second header. */
#define OSA_FILL_MAX (VS_FRAME_MAX + OSA_HDR_BYTES)
#define SBALS_AHEAD 8u /* so many buffers ahead the list of one is asked for */

/* Look at the first element of buffer nr. Return: false: it is not valid. */
static inline bool look_at(struct osa_fill *f, unsigned nr)
{
	struct qdio_entry *x = &f->e[f->n];

	*x = qdio_entry_get(f->q, nr, 0, QDIO_STORE);
	f->all_known = !x->data || x->eflags & QDIO_EFLAG_LAST;
	f->n += x->data != NULL;
	return x->data;
}

/* Look at more elements. Return: have they room for need bytes, and there is one? */
static bool learn_elements(struct osa_fill *f, uint64_t need)
{
	unsigned i = f->n - f->buf[f->n_buf].e, n;
	const struct qdio_entry *last;

	if (f->all_known)
		return false;
	n = qdio_entries_room(f->q, f->first + f->n_buf, i, &need, &f->e[f->n]);
	last = &f->e[f->n + n - 1];
	f->all_known = !last->data || last->eflags & QDIO_EFLAG_LAST || i + n == QDIO_SBAL_ENTRIES;
	f->n += n - !last->data;
	return !need;
}

static const struct osa_fill_cursor nowhere;

static struct osa_fill_cursor no_place(struct osa_fill *f, enum vs_drop why)
{
	f->why = why;
	return nowhere;
}

/* @k: the place that will be the first in it. Return: false: why says the reason, or full is set.
 */
static bool open_buffer(struct osa_fill *f, unsigned k)
{
	f->why = VS_DROP_TX_NO_BUFFER;
	f->full = f->n > OSA_FILL_ENTRIES - QDIO_SBAL_ENTRIES;
	if (f->full || !qdio_in_empty(f->q, f->n_buf))
		return false;
	f->buf[f->n_buf].e = (uint16_t)f->n;
	f->at = f->n;
	f->place0 = k;
	f->why = VS_DROP_TX_BAD_BUFFER;
	f->open = look_at(f, f->first + f->n_buf);
	return f->open;
}

/* @off: bytes used in the element at; @k: places found so far. */
static void close_buffer(struct osa_fill *f, uint32_t off, unsigned k)
{
	struct osa_fill_buffer *buf = &f->buf[f->n_buf];

	if (!f->open)
		return;
	buf->at = (uint16_t)f->at;
	buf->end = off;
	buf->frames = (uint16_t)(k - f->place0);
	f->n_buf++;
	f->open = false;
}

static uint32_t offset(const struct osa_fill *f, struct osa_fill_cursor c)
{
	return f->open ? (uint32_t)(c.to - f->e[f->at].data) : 0;
}

struct osa_fill_cursor osa_fill_lease(struct osa_fill *f)
{
	f->n_buf = 0;
	f->n = 0;
	f->why = VS_DROP_NONE;
	f->open = false;
	f->full = false;
	f->first = qdio_in_lease(f->q);
	return nowhere;
}

void osa_fill_leased(struct osa_fill *f, struct osa_fill_cursor c, unsigned n)
{
	/* Without a place the buffer was closed there. */
	close_buffer(f, offset(f, c), n);
	f->bad = f->why == VS_DROP_TX_BAD_BUFFER;
	qdio_in_leased(f->q, f->n_buf + f->bad);
}

static bool is_last_element(const struct osa_fill *f)
{
	return f->all_known && f->at + 1 == f->n;
}

/* Room from the current place to the end of the buffer, as far as needed. */
static bool has_room(struct osa_fill *f, unsigned at, uint32_t off, uint32_t need)
{
	uint64_t room = f->e[at].len - off;

	while (room < need) {
		if (++at == f->n)
			return learn_elements(f, need - room);
		room += f->e[at].len;
	}
	return true;
}

/* Find the place for a frame of need bytes, header included, in the open buffer, from off on. */
static bool find_place(struct osa_fill *f, uint32_t *off, uint32_t need)
{
	uint32_t left = f->e[f->at].len - *off;

	if (need <= left)
		return true;
	if (left >= OSA_HDR_BYTES)
		return has_room(f, f->at, *off, need);
	/* The guest skips a tail too short for a header: leave the element, it ends here. */
	if (f->at + 1 == f->n && !learn_elements(f, 1))
		return false;
	if (f->e[f->at + 1].len < OSA_HDR_BYTES || !has_room(f, f->at + 1, 0, need))
		return false;
	f->e[f->at].len = *off;
	f->at++;
	*off = 0;
	return true;
}

/*
 * The frame begins at off: note it. Elements that lie back to back are one place.
 * Return: what is behind its end.
 */
static struct osa_fill_cursor take_place(struct osa_fill *f, unsigned k, uint32_t off,
					 uint32_t need)
{
	const struct qdio_entry *e = &f->e[f->at];
	uint8_t *to = e->data + off;
	uint32_t left = e->len - off;
	bool whole = true;
	uint64_t room;

	/* Last read by another core: have the lines when it is copied to. */
	prefetch_write(to);
	prefetch_write(to + 64);
	f->place[k] = (struct osa_fill_place){.off = off, .e = (uint16_t)f->at};
	for (; need > left; e++) {
		whole &= e[1].data == e->data + e->len;
		need -= left;
		off = 0;
		left = e[1].len;
	}
	f->to[k] = whole ? to : NULL;
	f->at = (unsigned)(e - f->e);
	off += need;
	room = e->len - off;
	/* A longer frame is to come here, to be refused. */
	return (struct osa_fill_cursor){e->data + off, room < OSA_FILL_MAX ? room : OSA_FILL_MAX};
}

struct osa_fill_cursor osa_fill_place_slowly(struct osa_fill *f, struct osa_fill_cursor c,
					     unsigned k, uint32_t need)
{
	uint32_t off = offset(f, c);

	if (need > OSA_FILL_MAX) {
		close_buffer(f, off, k);
		return no_place(f, VS_DROP_TX_TOO_BIG);
	}
	/* In the open one there was no room in its current element. */
	if (!f->open || is_last_element(f) || !find_place(f, &off, need)) {
		close_buffer(f, off, k);
		off = 0;
		if (!open_buffer(f, k))
			return nowhere;
		if (need > f->e[f->at].len && !find_place(f, &off, need)) {
			f->open = false; /* as it was: still empty, the guest's */
			return no_place(f, VS_DROP_TX_TOO_BIG);
		}
	}
	f->why = VS_DROP_NONE;
	return take_place(f, k, off, need);
}

unsigned osa_fill_long(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k, unsigned n,
		       uint32_t need)
{
	uint32_t off = offset(f, *c), room;
	const struct qdio_entry *e, *end;

	if (!f->open || k == n)
		return k;
	/* What its elements are is read once, for all frames. */
	learn_elements(f, (uint64_t)need * (n - k));
	e = &f->e[f->at];
	end = &f->e[f->n];
	for (; k < n && e->len - off >= OSA_HDR_BYTES; k++) {
		uint32_t left = e->len - off, rest = need;
		const struct qdio_entry *x = e;

		for (; rest > left && x + 1 < end && x[1].data == x->data + x->len; left = x->len) {
			rest -= left;
			x++;
		}
		if (rest > left)
			break;
		f->to[k] = e->data + off;
		prefetch_write(e->data + off);
		prefetch_write(e->data + off + 64);
		off = x == e ? off + rest : rest;
		e = x;
	}
	f->at = (unsigned)(e - f->e);
	room = e->len - off;
	*c = (struct osa_fill_cursor){e->data + off, room < OSA_FILL_MAX ? room : OSA_FILL_MAX};
	return k;
}

unsigned osa_fill_singles(struct osa_fill *f, struct osa_fill_cursor *c, unsigned k, unsigned n,
			  uint32_t need)
{
	if (f->open && !is_last_element(f))
		return k;
	close_buffer(f, offset(f, *c), k);
	*c = nowhere;
	for (; k < n && f->n <= OSA_FILL_ENTRIES - QDIO_SBAL_ENTRIES; k++) {
		unsigned nr = f->first + f->n_buf;
		struct qdio_entry x;

		if (!qdio_in_empty(f->q, f->n_buf))
			break;
		prefetch_write(f->q->sbal[(nr + SBALS_AHEAD) % QDIO_BUFFERS]);
		x = qdio_entry_get(f->q, nr, 0, QDIO_STORE);
		if (!x.data || !(x.eflags & QDIO_EFLAG_LAST) || x.len - need >= need)
			break;
		f->e[f->n] = x;
		f->buf[f->n_buf++] = (struct osa_fill_buffer){
			.e = (uint16_t)f->n, .at = (uint16_t)f->n, .frames = 1, .end = need};
		f->n++;
		f->to[k] = x.data;
		prefetch_write(x.data);
		prefetch_write(x.data + 64);
	}
	return k;
}

/* A place that bytes are stored to, over elements where one ends. */
struct pen {
	const struct qdio_entry *e;
	uint32_t off;
};

static void put(struct pen *pen, const uint8_t *p, uint32_t len)
{
	const struct qdio_entry *e = pen->e;
	uint32_t off = pen->off;

	while (len) {
		uint8_t *to = e->data + off;
		uint32_t room = e->len - off, n;

		/* Elements that lie back to back are one, as far as the frame goes. */
		for (; room < len && e[1].data == e->data + e->len; e++)
			room += e[1].len;
		n = len < room ? len : room;
		copy_bytes(to, p, n);
		p += n;
		len -= n;
		off = e->len - (room - n);
		if (len) {
			e++;
			off = 0;
		}
	}
	*pen = (struct pen){e, off};
}

void osa_fill_spread(struct osa_fill *f, unsigned k, const struct osa_fill_header *h,
		     const struct osa_fill_frame *x)
{
	struct pen pen = {&f->e[f->place[k].e], f->place[k].off};

	put(&pen, (const uint8_t *)h, sizeof(*h));
	put(&pen, x->head, x->n);
	for (unsigned s = 0; s < x->n_seg; s++)
		put(&pen, x->seg[s].p, x->seg[s].len);
}

/* The entries of a buffer say what is in it. */
static void put_entries(const struct osa_fill *f, unsigned i)
{
	const struct osa_fill_buffer *buf = &f->buf[i];
	const struct qdio_entry *e = &f->e[buf->e];
	struct qdio_sbale *to = f->q->sbal[(f->first + i) % QDIO_BUFFERS]->e;
	unsigned last = buf->at - buf->e;
	/* Fragment bits have a meaning for one frame over several elements. */
	bool split = buf->frames == 1 && last;
	uint8_t flags = split ? QDIO_EFLAG_FRAG_FIRST : 0;

	for (unsigned k = 0; k < last; k++) {
		qdio_sbale_put(&to[k], e[k].len, flags);
		flags = split ? QDIO_EFLAG_FRAG_MIDDLE : 0;
	}
	qdio_sbale_put(&to[last], buf->end, QDIO_EFLAG_LAST | (split ? QDIO_EFLAG_FRAG_LAST : 0));
}

void osa_fill_publish(struct osa_data *d, struct osa_fill *f)
{
	for (unsigned i = 0; i < f->n_buf; i++)
		put_entries(f, i);
	STAGE(PUBLISH);
	f->signal |= qdio_in_publish(f->q, f->first, f->n_buf + f->bad, f->bad);
	atomic_fetch_add_explicit(&d->rx_buffers, f->n_buf, memory_order_relaxed);
	STAGE(DELIVER);
}

void osa_fill_signal(struct osa_data *d, const struct osa_fill *f)
{
	if (!f->signal)
		return;
	atomic_fetch_add_explicit(&d->rx_signals, 1, memory_order_relaxed);
	qdio_group_signal(d->group);
}
