/* SPDX-License-Identifier: Apache-2.0 */
/* Input buffers: elements looked at, places found, buffers closed and published. See fill.h. */
#include "osa/fill.h"

#include "common/stage.h"

/* Look at one more element. Return: false: there is none, or it is not valid. */
static bool learn_element(struct osa_fill *f)
{
	struct qdio_entry *x = &f->e[f->n];

	if (f->all_known)
		return false;
	*x = qdio_entry_get(f->q, f->closed, f->n, QDIO_STORE);
	if (!x->data) {
		f->all_known = true;
		return false;
	}
	f->n++;
	f->all_known = x->eflags & QDIO_EFLAG_LAST || f->n == QDIO_SBAL_ENTRIES;
	return true;
}

static enum vs_drop open_buffer(struct osa_fill *f)
{
	if (!qdio_in_empty(f->q, f->closed))
		return VS_DROP_TX_NO_BUFFER;
	f->n = 0;
	f->at = 0;
	f->off = 0;
	f->frames = 0;
	f->all_known = false;
	f->open = learn_element(f);
	return f->open ? VS_DROP_NONE : VS_DROP_TX_BAD_BUFFER;
}

/* Fragment bits, where they have a meaning: one frame over several elements. */
static uint8_t fragment(const struct osa_fill *f, unsigned e)
{
	if (f->frames != 1 || f->at == 0)
		return 0;
	if (e == 0)
		return QDIO_EFLAG_FRAG_FIRST;
	return e == f->at ? QDIO_EFLAG_FRAG_LAST : QDIO_EFLAG_FRAG_MIDDLE;
}

static void close_buffer(struct osa_fill *f)
{
	if (!f->open)
		return;
	for (unsigned e = 0; e < f->at; e++)
		qdio_entry_put(f->q, f->closed, e, f->e[e].len, fragment(f, e));
	qdio_entry_put(f->q, f->closed, f->at, f->off, QDIO_EFLAG_LAST | fragment(f, f->at));
	f->closed++;
	f->open = false;
}

/* Room from the current place to the end of the buffer, as far as needed. */
static bool has_room(struct osa_fill *f, unsigned at, uint32_t off, uint32_t need)
{
	uint64_t room = f->e[at].len - off;

	while (room < need) {
		if (++at == f->n && !learn_element(f))
			return false;
		room += f->e[at].len;
	}
	return true;
}

/* Find the place for a frame of need bytes, header included, in the open buffer. */
static bool find_place(struct osa_fill *f, uint32_t need)
{
	uint32_t left = f->e[f->at].len - f->off;

	if (need <= left)
		return true;
	if (left >= OSA_HDR_BYTES)
		return has_room(f, f->at, f->off, need);
	/* The guest skips a tail too short for a header: leave the element, it ends here. */
	if (f->at + 1 == f->n && !learn_element(f))
		return false;
	if (f->e[f->at + 1].len < OSA_HDR_BYTES || !has_room(f, f->at + 1, 0, need))
		return false;
	f->e[f->at].len = f->off;
	f->at++;
	f->off = 0;
	return true;
}

enum vs_drop osa_fill_place_slowly(struct osa_fill *f, uint32_t need)
{
	enum vs_drop d;

	if (f->open && find_place(f, need))
		return VS_DROP_NONE;
	close_buffer(f);
	d = open_buffer(f);
	if (d != VS_DROP_NONE || find_place(f, need))
		return d;
	f->open = false; /* as it was: still empty, the guest's */
	return VS_DROP_TX_TOO_BIG;
}

/* Store bytes at the current place, over elements where one ends. */
static void put(struct osa_fill *f, const uint8_t *p, uint32_t len)
{
	while (len) {
		uint32_t left = f->e[f->at].len - f->off;
		uint32_t n = len < left ? len : left;

		if (!left) {
			f->at++;
			f->off = 0;
			continue;
		}
		memcpy(f->e[f->at].data + f->off, p, n);
		f->off += n;
		p += n;
		len -= n;
	}
}

void osa_fill_spread(struct osa_fill *f, const struct osa_fill_header *h,
		     const struct osa_fill_frame *x)
{
	put(f, (const uint8_t *)h, sizeof(*h));
	put(f, x->head, x->n);
	for (unsigned s = 0; s < x->n_seg; s++)
		put(f, x->seg[s].p, x->seg[s].len);
}

void osa_fill_publish(struct osa_data *d, struct osa_fill *f, bool bad)
{
	close_buffer(f);
	STAGE(PUBLISH);
	if (qdio_in_publish(f->q, f->closed))
		f->signal = true;
	atomic_fetch_add_explicit(&d->rx_buffers, f->closed, memory_order_relaxed);
	f->closed = 0;
	if (bad) {
		qdio_in_error(f->q, 0, QDIO_REASON_BAD_BUFFER);
		f->signal = true;
	}
	STAGE(DELIVER);
}

void osa_fill_signal(struct osa_data *d, const struct osa_fill *f)
{
	if (!f->signal)
		return;
	atomic_fetch_add_explicit(&d->rx_signals, 1, memory_order_relaxed);
	qdio_group_signal(d->group);
}
