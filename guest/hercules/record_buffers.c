/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of buffers and signals. Theory of operation.
 *
 * The data thread looks at the queues before the adapter does and after: what is primed before is
 * written as SBAL-OUT with its elements, the input buffer that is next as "offered"; what the
 * cursor has passed afterwards is written as SLSB-SET, of input with the elements that were
 * filled. Buffers that come and go between the two looks are left out, as are those for which
 * nothing is left of the budget: a number after activation, and a few after every message of
 * the driver.
 */
#include <inttypes.h>
#include <string.h>

#include "guest/hercules/record_priv.h"

#define ELEMENT_SHOWN 2048u
#define ELEMENT_CUT 96u /* of the large ones but the first of a file */
#define LARGE_IN_FULL 16u
#define AFTER_ACTIVATE 40u

void record_more(struct record *r, unsigned n)
{
	for (unsigned k = 0; k < RECORD_KINDS; k++)
		if (r->left[k] < n)
			r->left[k] = n;
}

void record_queues_new(struct record *r)
{
	memset(&r->in, 0, sizeof(r->in));
	memset(r->out, 0, sizeof(r->out));
	record_more(r, AFTER_ACTIVATE);
}

static bool spend(struct record *r, enum record_kind kind)
{
	if (!r->left[kind])
		return false;
	if (!--r->left[kind])
		fprintf(r->file, "# more %s are left out\n",
			(const char *const[]){"input buffers", "output buffers", "SIGA",
					      "PCI"}[kind]);
	return true;
}

/* ---- buffers -------------------------------------------------------------------------------- */

static unsigned ring(unsigned i)
{
	return i % QDIO_BUFFERS;
}

static uint8_t state_of(const struct qdio_queue *q, unsigned buf)
{
	return atomic_load_explicit(&q->slsb[ring(buf)], memory_order_acquire);
}

static void name(const struct qdio_queue *q, char text[8])
{
	snprintf(text, 8, "%s%u", q->input ? "in" : "out", q->nr);
}

/* The storage key was looked at when the SL was mapped. */
static uint64_t address(const struct record *r, const struct qdio_queue *q, unsigned buf)
{
	const uint8_t *zero = qdio_storage_map(&r->st, 0, 1, 0, QDIO_FETCH);

	return zero ? (uint64_t)((const uint8_t *)q->sbal[buf] - zero) : 0;
}

static unsigned shown_bytes(struct record *r, uint32_t len)
{
	unsigned max = ELEMENT_SHOWN;

	if (len > ELEMENT_CUT && r->large++ >= LARGE_IN_FULL)
		max = ELEMENT_CUT;
	return len < max ? len : max;
}

static void elements(struct record *r, const struct qdio_queue *q, unsigned buf)
{
	struct qdio_sbal s;
	char qname[8];

	name(q, qname);
	memcpy(&s, q->sbal[buf], sizeof(s));
	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
		const struct qdio_sbale *x = &s.e[e];
		uint32_t len = be32_get(x->length);
		const uint8_t *data =
			qdio_storage_map(&r->st, be64_get(x->addr), len, q->data_key, QDIO_FETCH);

		record_head(r, 'd', "ELEMENT-%s q=%s buf=%u el=%u eflags=%02x sflags=%02x count=%u",
			    q->input ? "IN" : "OUT", qname, buf, e, x->eflags, x->sflags, len);
		record_tail(r, data, data ? shown_bytes(r, len) : 0);
		if (x->eflags & QDIO_EFLAG_LAST)
			break;
	}
}

static void sbal(struct record *r, const struct qdio_queue *q, unsigned buf, const char *more)
{
	char qname[8];

	name(q, qname);
	record_head(r, 'd', "SBAL-%s q=%s buf=%u slsb=%02x %s addr=%" PRIx64,
		    q->input ? "IN" : "OUT", qname, buf, state_of(q, buf), more,
		    address(r, q, buf));
	record_tail(r, (const uint8_t *)q->sbal[buf], QDIO_SBAL_BYTES);
}

static void output_before(struct record *r, const struct qdio_queue *q, struct record_queue *seen)
{
	unsigned n = qdio_out_primed(q, QDIO_BUFFERS);

	seen->cursor = q->cursor;
	while (seen->shown < n) {
		unsigned buf = ring((unsigned)q->cursor + seen->shown);
		char more[32];

		if (!q->sbal[buf] || !spend(r, RECORD_OUT))
			return;
		snprintf(more, sizeof(more), "primed-run=%u", n - seen->shown);
		sbal(r, q, buf, more);
		elements(r, q, buf);
		seen->shown++;
	}
}

static void input_before(struct record *r, const struct qdio_queue *q, struct record_queue *seen)
{
	seen->cursor = q->cursor;
	if (seen->shown || !qdio_in_empty(q, 0) || !q->sbal[q->cursor] || !spend(r, RECORD_IN))
		return;
	sbal(r, q, q->cursor, "state=offered");
	seen->shown = 1;
}

static void passed(struct record *r, const struct qdio_queue *q, unsigned buf)
{
	char qname[8];

	name(q, qname);
	if (q->input) {
		if (q->sbal[buf])
			elements(r, q, buf);
		record_head(r, 'd', "SLSB-SET q=%s buf=%u 41->%02x prev-entry=%02x", qname, buf,
			    state_of(q, buf), state_of(q, buf + QDIO_BUFFERS - 1));
	} else {
		record_head(r, 'd', "SLSB-SET q=%s buf=%u 62->%02x", qname, buf, state_of(q, buf));
	}
	record_tail(r, NULL, 0);
}

/* An adapter passes fewer than all buffers of a queue at a time. */
static void after(struct record *r, const struct qdio_queue *q, struct record_queue *seen)
{
	unsigned n = ring((unsigned)q->cursor + QDIO_BUFFERS - seen->cursor);

	for (unsigned i = 0; i < n && i < seen->shown; i++)
		passed(r, q, ring(seen->cursor + i));
	seen->shown = seen->shown > n ? seen->shown - n : 0;
	seen->cursor = q->cursor;
}

void record_before(struct record *r, const struct qdio_queues *qs)
{
	flockfile(r->file);
	if (qs->n_in)
		input_before(r, &qs->in[0], &r->in);
	for (unsigned i = 0; i < qs->n_out; i++)
		output_before(r, &qs->out[i], &r->out[i]);
	funlockfile(r->file);
}

void record_after(struct record *r, const struct qdio_queues *qs)
{
	flockfile(r->file);
	if (qs->n_in)
		after(r, &qs->in[0], &r->in);
	for (unsigned i = 0; i < qs->n_out; i++)
		after(r, &qs->out[i], &r->out[i]);
	funlockfile(r->file);
}

/* ---- signals -------------------------------------------------------------------------------- */

void record_siga(struct record *r, unsigned fc, uint32_t mask)
{
	if (!r)
		return;
	flockfile(r->file);
	if (spend(r, RECORD_SIGA)) {
		record_head(r, 'd', "SIGA fc=%u(%c) gr0=%016x gr1=%016x gr2=%016x gr3=%016x", fc,
			    "wrs"[fc % 3], fc, QDIO_SCHID(r->place.subchannel[QDIO_DEVICES - 1]),
			    mask, 0);
		record_tail(r, NULL, 0);
	}
	funlockfile(r->file);
}

void record_pci(struct record *r, const struct qdio_irb *irb)
{
	uint8_t words[12];

	if (!r)
		return;
	memcpy(words, &irb->scsw.w0, 4);
	memcpy(words + 4, &irb->scsw.cpa, 4);
	words[8] = irb->scsw.dstat;
	words[9] = irb->scsw.sstat;
	memcpy(words + 10, &irb->scsw.count, 2);
	flockfile(r->file);
	if (spend(r, RECORD_PCI)) {
		record_head(r, 'd', "PCI");
		record_tail(r, words, sizeof(words));
	}
	funlockfile(r->file);
}
