/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/capture_ring.h"

#include <errno.h>
#include <string.h>

static uint32_t round8(uint32_t n)
{
	return (n + 7) & ~7u;
}

/* ---- writer --------------------------------------------------------------------------- */

void cp_ring_writer_init(struct cp_ring_writer *w, struct capture_ring *shared, uint8_t *data,
			 uint32_t size)
{
	memset(w, 0, sizeof(*w));
	w->shared = shared;
	w->data = data;
	w->size = size;
}

/* Whether bytes from head on are free. A tail that is not in the ring frees nothing. */
static bool room_for(struct cp_ring_writer *w, uint32_t bytes)
{
	uint64_t tail;

	if (w->size - (w->head - w->tail) >= bytes)
		return true;
	/* acquire: the reader has read what lies before tail */
	tail = atomic_load_explicit(&w->shared->tail, memory_order_acquire);
	if (w->head - tail > w->size)
		return false;
	w->tail = tail;
	return w->size - (w->head - tail) >= bytes;
}

void cp_ring_put(struct cp_ring_writer *w, const struct vs_capture_frame *f, const char *port)
{
	uint32_t bytes = round8((uint32_t)sizeof(struct capture_record) + f->caplen);
	uint32_t off = (uint32_t)(w->head & (w->size - 1));
	uint32_t pad = bytes > w->size - off ? w->size - off : 0;
	struct capture_record rec = {.kind = CAPTURE_PAD, .bytes = pad};

	if (bytes > w->size || !room_for(w, pad + bytes)) {
		/* relaxed: a statistic */
		atomic_store_explicit(&w->shared->lost, ++w->lost, memory_order_relaxed);
		return;
	}
	if (pad) {
		memcpy(w->data + off, &rec, offsetof(struct capture_record, ns));
		off = 0;
	}
	rec = (struct capture_record){
		.bytes = bytes,
		.kind = CAPTURE_FRAME,
		.dir = (uint8_t)f->dir,
		.reason = (uint8_t)f->reason,
		.ns = f->ns,
		.len = f->len,
		.caplen = f->caplen,
	};
	memcpy(rec.port, port, strnlen(port, sizeof(rec.port)));
	memcpy(w->data + off, &rec, sizeof(rec));
	memcpy(w->data + off + sizeof(rec), f->data, f->caplen);
	w->head += pad + bytes;
}

void cp_ring_publish(struct cp_ring_writer *w)
{
	/* release: the records before the position that shows them */
	atomic_store_explicit(&w->shared->head, w->head, memory_order_release);
}

/* ---- reader --------------------------------------------------------------------------- */

void cp_ring_reader_init(struct cp_ring_reader *r, struct capture_ring *shared, const uint8_t *data,
			 uint32_t size)
{
	memset(r, 0, sizeof(*r));
	r->shared = shared;
	r->data = data;
	r->size = size;
}

bool cp_ring_refresh(struct cp_ring_reader *r)
{
	/* acquire: with the position its records */
	r->head = atomic_load_explicit(&r->shared->head, memory_order_acquire);
	return r->head != r->tail;
}

static int frame_of(const struct capture_record *rec, const uint8_t *data, struct cp_ring_frame *f)
{
	if (rec->kind != CAPTURE_FRAME || rec->bytes < sizeof(*rec) ||
	    rec->caplen > rec->bytes - sizeof(*rec) || rec->caplen > rec->len ||
	    rec->caplen > CAPTURE_SNAPLEN_MAX)
		return -EPROTO;
	*f = (struct cp_ring_frame){
		.ns = rec->ns,
		.dir = rec->dir,
		.reason = rec->reason,
		.len = rec->len,
		.caplen = rec->caplen,
		.data = data + sizeof(*rec),
	};
	memcpy(f->port, rec->port, sizeof(rec->port));
	return 1;
}

int cp_ring_next(struct cp_ring_reader *r, struct cp_ring_frame *f)
{
	/* Each turn goes on by 8 bytes at least, in a ring of limited size. */
	while (r->tail != r->head) {
		uint64_t avail = r->head - r->tail;
		uint32_t off = (uint32_t)(r->tail & (r->size - 1)), room = r->size - off;
		struct capture_record rec = {.bytes = 0};

		if (avail > r->size || avail % 8)
			return -EPROTO;
		if (avail < room)
			room = (uint32_t)avail;
		memcpy(&rec, r->data + off, room < sizeof(rec) ? room : sizeof(rec));
		if (rec.bytes < 8 || rec.bytes % 8 || rec.bytes > room)
			return -EPROTO;
		r->tail += rec.bytes;
		if (rec.kind != CAPTURE_PAD)
			return frame_of(&rec, r->data + off, f);
	}
	return 0;
}

void cp_ring_release(struct cp_ring_reader *r)
{
	/* release: our reads before the position that gives the bytes back */
	atomic_store_explicit(&r->shared->tail, r->tail, memory_order_release);
}

uint64_t cp_ring_lost(const struct cp_ring_reader *r)
{
	return atomic_load_explicit(&r->shared->lost, memory_order_relaxed);
}
