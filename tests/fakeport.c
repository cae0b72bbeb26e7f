/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakeport.h"

#include <stdlib.h>
#include <string.h>

void fake_init(struct fake_port *f)
{
	memset(f, 0, sizeof(*f));
	f->in = calloc(FAKE_FRAMES, sizeof(*f->in));
	f->out = calloc(FAKE_FRAMES, sizeof(*f->out));
	if (!f->in || !f->out)
		abort();
	f->room = FAKE_FRAMES;
	f->burst = VS_BURST;
	f->frame_max = FAKE_BYTES;
	f->refuse_with = VS_DROP_TX_NO_BUFFER;
}

void fake_fini(struct fake_port *f)
{
	free(f->in);
	free(f->out);
}

struct fake_frame *fake_inject(struct fake_port *f, const void *data, uint32_t len)
{
	struct fake_frame *x;

	if (f->n_in == FAKE_FRAMES || len > FAKE_BYTES)
		return NULL;
	x = &f->in[f->n_in++];
	memset(x, 0, offsetof(struct fake_frame, data));
	x->len = len;
	memcpy(x->data, data, len);
	return x;
}

void fake_clear(struct fake_port *f)
{
	f->n_out = 0;
	f->room = FAKE_FRAMES;
}

static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct fake_port *f = port;

	(void)dropped;
	b->n = 0;
	b->nseg_used = 0;
	while (f->at_in < f->n_in && b->n < f->burst && b->n < VS_BURST - b->hold) {
		const struct fake_frame *x = &f->in[f->at_in++];
		unsigned i = b->n++;
		uint32_t want = x->flags ? VS_HEAD_BYTES : VS_HEAD_MIN;

		b->len[i] = x->len;
		b->headlen[i] = (uint16_t)(x->len < want ? x->len : want);
		b->flags[i] = x->flags;
		b->csum_start[i] = x->csum_start;
		b->csum_offset[i] = x->csum_offset;
		b->gso_size[i] = x->gso_size;
		b->hdrlen[i] = x->hdrlen;
		memcpy(b->head[i], x->data, b->headlen[i]);
		b->seg0[i] = (uint16_t)b->nseg_used;
		b->nseg[i] = 0;
		/* Two references, so that joints are met. */
		for (uint32_t at = b->headlen[i]; at < x->len; b->nseg[i]++) {
			uint32_t n = b->nseg[i] ? x->len - at : (x->len - at + 1) / 2;

			b->seg[b->nseg_used++] = (struct vs_seg){x->data + at, n};
			at += n;
		}
	}
	return b->n;
}

static void rx_done(void *port, const struct vs_burst *b)
{
	struct fake_port *f = port;

	(void)b;
	f->done++;
	if (f->at_in == f->n_in)
		f->at_in = f->n_in = 0;
}

static void collect(struct fake_frame *x, const struct vs_burst *b, struct vs_ref ref)
{
	uint8_t whole[FAKE_BYTES + 8];
	uint32_t n = b->headlen[ref.frame], from = 12;

	memcpy(whole, b->head[ref.frame], n);
	for (unsigned s = 0; s < b->nseg[ref.frame]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[ref.frame] + s];

		memcpy(whole + n, seg->p, seg->len);
		n += seg->len;
	}
	memcpy(x->data, whole, 12);
	x->len = 12;
	if (ref.edit == VS_EDIT_PUSH || ref.edit == VS_EDIT_RETAG) {
		const uint8_t tag[4] = {0x81, 0x00, (uint8_t)(b->tci[ref.frame] >> 8),
					(uint8_t)b->tci[ref.frame]};

		memcpy(x->data + 12, tag, 4);
		x->len += 4;
	}
	if (ref.edit == VS_EDIT_STRIP || ref.edit == VS_EDIT_RETAG)
		from += 4;
	memcpy(x->data + x->len, whole + from, n - from);
	x->len += n - from;
	x->flags = b->flags[ref.frame];
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct fake_port *f = port;
	unsigned k;

	for (k = 0; k < n && f->room && f->n_out < FAKE_FRAMES; k++, f->room--)
		collect(&f->out[f->n_out++], b, ref[k]);
	*err = f->refuse_with;
	return k;
}

static bool arm(void *port)
{
	const struct fake_port *f = port;

	return f->at_in < f->n_in;
}

static void disarm(void *port)
{
	(void)port;
}

static int wait_fd(void *port)
{
	(void)port;
	return -1;
}

static unsigned caps(void *port)
{
	return ((const struct fake_port *)port)->caps;
}

static uint32_t frame_max(void *port)
{
	return ((const struct fake_port *)port)->frame_max;
}

const struct vs_port_ops fake_ops = {
	.kind = "FAKE",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
	.wait_fd = wait_fd,
	.caps = caps,
	.frame_max = frame_max,
};

uint32_t fake_frame(uint8_t *to, const uint8_t dst[6], const uint8_t src[6], int tci, uint32_t len,
		    unsigned seed)
{
	uint32_t n = 12;

	memcpy(to, dst, 6);
	memcpy(to + 6, src, 6);
	if (tci >= 0) {
		to[n++] = 0x81;
		to[n++] = 0x00;
		to[n++] = (uint8_t)((unsigned)tci >> 8);
		to[n++] = (uint8_t)tci;
	}
	to[n++] = 0x88;
	to[n++] = 0xB5; /* local experimental Ethertype, IEEE 802 */
	for (; n < len; n++)
		to[n] = (uint8_t)(seed + n * 7);
	return n;
}
