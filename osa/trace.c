/* SPDX-License-Identifier: Apache-2.0 */
/*
 * osa_trace_text: any control message as one line. Reads bytes of either side that may be
 * malformed in every way, and says so.
 *
 * Nothing in an MPC message tells a request from its reply; the TH's capacity field does,
 * because this adapter always puts its own value there (spec/osa-qeth.md 3.1).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "osa/osa_priv.h"
#include "osa/trace.h"

void osa_text_add(struct osa_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->n + 1 >= t->cap)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	t->n = (size_t)n < t->cap - t->n ? t->n + (size_t)n : t->cap - 1;
}

void osa_text_mac(struct osa_text *t, const uint8_t mac[6])
{
	osa_text_add(t, " %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		     mac[5]);
}

const char *osa_word_find(const struct osa_word *w, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].value == value)
			return w[i].word;
	return NULL;
}

/* ---- IDX ----------------------------------------------------------------------------------- */

static void idx_terminate(struct osa_text *t, uint8_t cause)
{
	bool layer = cause == OSA_TERMINATE_LAYER || cause == OSA_TERMINATE_LAYER_ZVM;

	osa_text_add(t, "IDX TERMINATE cause=%02x%s", cause,
		     layer ? " (transport mode not supported)" : "");
}

static void idx_text(struct osa_text *t, const uint8_t *msg, size_t len)
{
	struct osa_idx m;

	if (len < sizeof(m)) {
		osa_text_add(t, "IDX message of %zu bytes, too short", len);
		return;
	}
	memcpy(&m, msg, sizeof(m));
	osa_text_add(t, "IDX ACTIVATE %s",
		     (m.type | OSA_IDX_RESULT_MASK) == (OSA_IDX_READ | OSA_IDX_RESULT_MASK)
			     ? "READ"
			     : "WRITE");
	if ((m.type & OSA_IDX_RESULT_MASK) == OSA_IDX_POSITIVE)
		osa_text_add(t, " answer: positive, level %04x, token %08x, microcode %02x%02x",
			     be16_get(m.level), be32_get(m.token), m.microcode[2], m.microcode[3]);
	else if (m.cause != OSA_IDX_CONSTANT)
		osa_text_add(t, " answer: negative, cause=%02x%s", m.cause,
			     m.cause == OSA_IDX_INVALID_PORT ? " (invalid port)" : "");
	else
		osa_text_add(t,
			     " request: level %04x, port %u, data device %04x, CULA %02x, unit "
			     "address %02x",
			     be16_get(m.level), m.port & OSA_IDX_PORT_MASK, be16_get(m.data_devno),
			     m.cula, m.unit_addr);
}

/* ---- CM and ULP ---------------------------------------------------------------------------- */

static const char *exchange_name(uint8_t type)
{
	static const struct osa_word names[] = {
		{OSA_PDU_ENABLE, "ENABLE"}, {OSA_PDU_DISABLE, "DISABLE"},
		{OSA_PDU_SETUP, "SETUP"},   {OSA_PDU_TAKEDOWN, "TAKEDOWN"},
		{OSA_PDU_CONFIRM, "SETUP"}, /* the answer */
	};

	return osa_word_find(names, sizeof(names) / sizeof(names[0]), type);
}

static void ulp_enable_text(struct osa_text *t, const struct osa_envelope *e, bool answer)
{
	const struct osa_sv_filter *f =
		osa_mpc_subvector(e->pdu, e->len, OSA_SV_FILTER, sizeof(*f));
	const struct osa_sv_port_answer *p =
		osa_mpc_subvector(e->pdu, e->len, OSA_SV_PORT, sizeof(p->port));

	if (f)
		osa_text_add(t, " layer=%d",
			     f->protocol == OSA_PROTOCOL_LAYER2	  ? 2
			     : f->protocol == OSA_PROTOCOL_LAYER3 ? 3
								  : 0);
	if (p)
		osa_text_add(t, " port=%u", p->port.port);
	if (p && answer && be16_get(p->port.sv.len) >= sizeof(*p))
		osa_text_add(t, " mtu=%u link-type=%02x", be16_get(p->port.mtu), p->link_type);
}

static void control_text(struct osa_text *t, const struct osa_envelope *e, bool answer)
{
	const char *layer = e->class == OSA_CLASS_CM ? "CM" : "ULP";
	struct osa_pdu pdu;
	const char *name;

	if (e->len < sizeof(pdu)) {
		osa_text_add(t, "%s message without a command block", layer);
		return;
	}
	memcpy(&pdu, e->pdu, sizeof(pdu));
	name = exchange_name(pdu.type);
	if (pdu.type == OSA_PDU_ACTIVE)
		osa_text_add(t, "DM_ACT");
	else if (name)
		osa_text_add(t, "%s_%s", layer, name);
	else
		osa_text_add(t, "%s command %02x", layer, pdu.type);
	osa_text_add(t, answer ? " answer" : " request");
	if (e->class == OSA_CLASS_ULP && pdu.type == OSA_PDU_ENABLE)
		ulp_enable_text(t, e, answer);
}

static void mpc_text(struct osa_text *t, const uint8_t *msg, size_t len)
{
	struct osa_envelope e;
	struct osa_th th;
	bool answer;

	if (osa_mpc_parse(msg, len, &e)) {
		osa_text_add(t, "MPC message of %zu bytes, malformed", len);
		return;
	}
	memcpy(&th, msg, sizeof(th));
	answer = be16_get(th.capacity) == OSA_TH_CAPACITY_ADAPTER;
	switch (e.class) {
	case OSA_CLASS_CM:
	case OSA_CLASS_ULP:
		control_text(t, &e, answer);
		break;
	case OSA_CLASS_IPA:
		osa_trace_ipa(t, e.pdu, e.len, answer);
		break;
	default:
		osa_text_add(t, "MPC message of class %02x", e.class);
	}
}

void osa_trace_text(const uint8_t *msg, size_t len, char *buf, size_t cap)
{
	struct osa_text t = {.buf = buf, .cap = cap};

	if (!cap)
		return;
	buf[0] = '\0';
	if (len < 8) {
		osa_text_add(&t, "message of %zu bytes, too short", len);
		return;
	}
	switch (be32_load(msg)) {
	case OSA_WORD_IDX:
		idx_text(&t, msg, len);
		break;
	case OSA_WORD_MPC:
		mpc_text(&t, msg, len);
		break;
	case OSA_WORD_NOTICE: /* 8 bytes: the host's shutdown notice, else the adapter's */
		if (len < sizeof(struct osa_idx))
			osa_text_add(&t, "shutdown notice");
		else
			idx_terminate(&t, msg[4]);
		break;
	default:
		osa_text_add(&t, "unknown message %08x of %zu bytes", be32_load(msg), len);
	}
}
