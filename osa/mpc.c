/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPC: the envelope of control messages, and the CM and ULP exchanges inside it.
 *
 * There is no negative answer at this level (spec/osa-qeth.md 3.3): a message that is
 * malformed, out of order or addressed to a connection of an earlier session is refused with
 * unit check instead, one that asks for a layer the adapter does not do with IDX TERMINATE.
 * Exactly one answer to every request, in order; none to takedown and disable (3.4).
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

/* ---- envelope, 3.1 ------------------------------------------------------------------------- */

static uint32_t len24(const uint8_t v[3])
{
	return (uint32_t)v[0] << 16 | (uint32_t)v[1] << 8 | v[2];
}

static void put24(uint8_t v[3], size_t len)
{
	v[0] = (uint8_t)(len >> 16);
	v[1] = (uint8_t)(len >> 8);
	v[2] = (uint8_t)len;
}

/* The first PH of the RRH at offset at; its PDU must lie inside the message. */
static int ph_parse(const uint8_t *msg, size_t len, size_t at, struct osa_envelope *e)
{
	struct osa_ph ph;
	size_t offset, n;

	if (at > len - sizeof(ph))
		return -EINVAL;
	memcpy(&ph, msg + at, sizeof(ph));
	offset = be32_get(ph.offset);
	n = len24(ph.len);
	if (ph.location != OSA_PH_FOLLOWS || offset > len || n > len - offset)
		return -EINVAL;
	e->pdu = msg + offset;
	e->len = n;
	return 0;
}

int osa_mpc_parse(const uint8_t *msg, size_t len, struct osa_envelope *e)
{
	struct osa_rrh rrh = {0};
	struct osa_th th;
	const size_t min = sizeof(th) + OSA_RRH_SHORT_BYTES + sizeof(struct osa_ph);
	size_t at;

	if (len < min)
		return -EINVAL;
	memcpy(&th, msg, sizeof(th));
	at = be32_get(th.rrh_offset);
	if (be32_get(th.len) > len || be32_get(th.len) < min || be16_get(th.n_rrh) == 0)
		return -EINVAL;
	len = be32_get(th.len);
	if (at < sizeof(th) || at > len - OSA_RRH_SHORT_BYTES)
		return -EINVAL;
	memcpy(&rrh, msg + at, OSA_RRH_SHORT_BYTES);
	if (be16_get(rrh.n_ph) == 0)
		return -EINVAL;
	e->class = rrh.class;
	e->token = be32_get(rrh.token);
	e->seq = be32_get(rrh.seq);
	return ph_parse(msg, len, at + be16_get(rrh.ph_offset), e);
}

int osa_mpc_send(struct osa *a, enum osa_class class, uint32_t token, const void *pdu, size_t len,
		 bool event)
{
	struct osa_session *s = &a->session;
	struct osa_mpc h = {
		.th.id = be32_of(OSA_WORD_MPC),
		.th.seq = be32_of(s->th_seq++),
		.th.rrh_offset = be32_of(sizeof(struct osa_th)),
		.th.len = be32_of((uint32_t)(sizeof(h) + len)),
		.th.capacity = be16_of(OSA_TH_CAPACITY_ADAPTER),
		.th.n_rrh = be16_of(1),
		.rrh.class = (uint8_t) class,
		.rrh.protocol = OSA_PROTOCOL_CONTROL,
		.rrh.n_ph = be16_of(1),
		.rrh.seq = be32_of(++s->pdu_seq),
		.rrh.ack = be32_of(s->host_pdu_seq),
		.rrh.ph_offset = be16_of(sizeof(struct osa_rrh)),
		.rrh.pdu_len = be16_of((uint16_t)len),
		.rrh.token_len = OSA_RRH_TOKEN_LEN,
		.rrh.token = be32_of(token),
		.ph.location = OSA_PH_FOLLOWS,
		.ph.offset = be32_of(sizeof(h)),
	};
	uint8_t msg[OSA_MSG_MAX];

	if (len > OSA_PDU_MAX)
		return -EINVAL;
	if (s->read_dev == OSA_DEV_NONE)
		return -ENOTCONN;
	if (class == OSA_CLASS_IPA)
		h.rrh.protocol = s->layer == 3 ? OSA_PROTOCOL_LAYER3 : OSA_PROTOCOL_LAYER2;
	put24(h.rrh.pdu_total, len);
	put24(h.ph.len, len);
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), pdu, len);
	return osa_outbox_put(a, s->read_dev, msg, sizeof(h) + len, event);
}

/* ---- sub-vectors, 3.2 ---------------------------------------------------------------------- */

const void *osa_mpc_subvector(const uint8_t *pdu, size_t len, enum osa_sv_type type, size_t min)
{
	size_t at = be16_load(pdu);
	size_t n;

	if (at < sizeof(struct osa_pdu))
		return NULL;
	for (; at + sizeof(struct osa_sv) <= len; at += n) {
		n = be16_load(pdu + at);
		if (n < sizeof(struct osa_sv) || n > len - at)
			return NULL;
		if (pdu[at + 2] == OSA_SV_KEY && pdu[at + 3] == type)
			return n >= min ? pdu + at : NULL;
	}
	return NULL;
}

/* The token of a sub-vector 3, 4, 5 or 8. Return: false if it is not there. */
static bool token_of(const struct osa_envelope *e, enum osa_sv_type type, uint32_t *token)
{
	const struct osa_sv_token *sv =
		osa_mpc_subvector(e->pdu, e->len, type, sizeof(struct osa_sv_token));

	if (!sv)
		return false;
	*token = be32_get(sv->token);
	return true;
}

static struct osa_sv sv_head(enum osa_sv_type type, size_t len)
{
	return (struct osa_sv){
		.len = be16_of((uint16_t)len),
		.key = OSA_SV_KEY,
		.type = (uint8_t)type,
	};
}

static struct osa_sv_token sv_token(enum osa_sv_type type, uint32_t token)
{
	return (struct osa_sv_token){
		.sv = sv_head(type, sizeof(struct osa_sv_token)),
		.token_len = OSA_SV_TOKEN_LEN,
		.token = be32_of(token),
	};
}

static struct osa_sv_filter sv_filter(uint8_t protocol, uint32_t token)
{
	return (struct osa_sv_filter){
		.sv = sv_head(OSA_SV_FILTER, sizeof(struct osa_sv_filter)),
		.protocol = protocol,
		.filter_key = OSA_SV_FILTER_KEY,
		.token_len = OSA_SV_TOKEN_LEN,
		.token = be32_of(token),
	};
}

static struct osa_pdu pdu_head(uint8_t kind, enum osa_pdu_type type, size_t subvector_len)
{
	return (struct osa_pdu){
		.len = be16_of(sizeof(struct osa_pdu)),
		.kind = kind,
		.type = (uint8_t)type,
		.subvector_len = be16_of((uint16_t)subvector_len),
	};
}

#define BEFORE_SUBVECTORS (sizeof(struct osa_mpc) + sizeof(struct osa_pdu))
#define PDU_BYTES(message) (sizeof(message) - sizeof(struct osa_mpc))

/* ---- the exchanges, 3.3 -------------------------------------------------------------------- */

static int cm_enable(struct osa *a, const struct osa_envelope *e)
{
	const struct osa_sv_filter *f =
		osa_mpc_subvector(e->pdu, e->len, OSA_SV_FILTER, sizeof(*f));
	struct osa_cm_enable m = {
		.pdu = pdu_head(OSA_PDU_KIND, OSA_PDU_ENABLE, sizeof(m) - BEFORE_SUBVECTORS),
		.limits.sv = sv_head(OSA_SV_LIMITS, sizeof(m.limits)),
	};

	if (!f)
		return -EINVAL;
	a->session.host.cm_filter = be32_get(f->token);
	m.filter = sv_filter(OSA_PROTOCOL_CONTROL, osa_token(a, OSA_TOKEN_CM_FILTER));
	return osa_mpc_send(a, OSA_CLASS_CM, a->session.host.issuer, &m.pdu, PDU_BYTES(m), false);
}

/* What CM_SETUP and ULP_SETUP answer alike; device is the length of what follows. */
static struct osa_setup_answer setup_answer(uint32_t host_token, uint32_t token, size_t device)
{
	struct osa_setup_answer m = {
		.pdu = pdu_head(OSA_PDU_KIND, OSA_PDU_CONFIRM,
				sizeof(m) - BEFORE_SUBVECTORS + device),
		.sender = sv_token(OSA_SV_SENDER, host_token),
		.answerer = sv_token(OSA_SV_ANSWERER, token),
		.capacity.sv = sv_head(OSA_SV_CAPACITY_ANSWER, sizeof(m.capacity)),
		.capacity.value = be32_of(OSA_SV_CAPACITY_ANSWER_VALUE),
	};

	return m;
}

static int cm_setup(struct osa *a, const struct osa_envelope *e)
{
	struct osa_session *s = &a->session;
	struct osa_setup_answer m;

	if (!token_of(e, OSA_SV_SENDER, &s->host.cm_connection))
		return -EINVAL;
	m = setup_answer(s->host.cm_connection, osa_token(a, OSA_TOKEN_CM_CONNECTION), 0);
	return osa_mpc_send(a, OSA_CLASS_CM, s->host.cm_filter, &m.pdu, PDU_BYTES(m), false);
}

static int ulp_enable(struct osa *a, const struct osa_envelope *e)
{
	const struct osa_sv_filter *f =
		osa_mpc_subvector(e->pdu, e->len, OSA_SV_FILTER, sizeof(*f));
	const struct osa_sv_port *p = osa_mpc_subvector(e->pdu, e->len, OSA_SV_PORT, sizeof(*p));
	uint8_t layer;
	int rc;
	struct osa_ulp_enable_answer m = {
		.pdu = pdu_head(OSA_PDU_KIND, OSA_PDU_ENABLE, sizeof(m) - BEFORE_SUBVECTORS),
		.port.link_type = OSA_REPORTED_LINK,
	};

	if (!f || !p)
		return -EINVAL;
	if (f->protocol != OSA_PROTOCOL_LAYER2 && f->protocol != OSA_PROTOCOL_LAYER3)
		return -EINVAL;
	layer = f->protocol == OSA_PROTOCOL_LAYER3 ? 3 : 2;
	if (a->cfg.forbid & (layer == 3 ? OSA_FORBID_LAYER3 : OSA_FORBID_LAYER2))
		return osa_idx_terminate(a, OSA_TERMINATE_LAYER);
	if (osa_layer_check(a, layer) == -EPROTONOSUPPORT)
		return osa_idx_terminate(a, OSA_TERMINATE_LAYER_ZVM);
	rc = osa_layer_set(a, layer);
	if (rc)
		return rc;
	a->session.host.ulp_filter = be32_get(f->token);
	m.filter = sv_filter(f->protocol, osa_token(a, OSA_TOKEN_ULP_FILTER));
	m.port.port = *p;
	m.port.port.sv = sv_head(OSA_SV_PORT, sizeof(m.port));
	m.port.port.mtu = be16_of(osa_is_iqd(a) ? a->cfg.iqd.frame_size : a->cfg.mtu);
	return osa_mpc_send(a, OSA_CLASS_ULP, a->session.host.cm_connection, &m.pdu, PDU_BYTES(m),
			    false);
}

static int ulp_setup(struct osa *a, const struct osa_envelope *e)
{
	const struct osa_sv_device *d =
		osa_mpc_subvector(e->pdu, e->len, OSA_SV_DEVICE, sizeof(*d));
	struct osa_session *s = &a->session;
	struct osa_ulp_setup_answer m;

	if (!d || !token_of(e, OSA_SV_SENDER, &s->host.ulp_connection))
		return -EINVAL;
	m.setup = setup_answer(s->host.ulp_connection, osa_token(a, OSA_TOKEN_ULP_CONNECTION),
			       sizeof(m.device));
	m.device = *d;
	m.device.sv = sv_head(OSA_SV_DEVICE, sizeof(m.device));
	return osa_mpc_send(a, OSA_CLASS_ULP, s->host.cm_connection, &m.setup.pdu, PDU_BYTES(m),
			    false);
}

static int dm_act(struct osa *a, const struct osa_envelope *e)
{
	struct osa_session *s = &a->session;
	struct osa_dm_act m = {
		.pdu = pdu_head(OSA_PDU_KIND_ACTIVE, OSA_PDU_ACTIVE, sizeof(m) - BEFORE_SUBVECTORS),
		.sender = sv_token(OSA_SV_SENDER, s->host.ulp_connection),
	};

	(void)e;
	return osa_mpc_send(a, OSA_CLASS_ULP, s->host.cm_connection, &m.pdu, PDU_BYTES(m), false);
}

/* One exchange: allowed in stage from, leads to stage to. */
struct step {
	uint8_t class;
	uint8_t type; /* enum osa_pdu_type */
	uint8_t from, to;
	uint8_t token; /* the destination it must name */
	int (*run)(struct osa *a, const struct osa_envelope *e);
};

static const struct step steps[] = {
	{OSA_CLASS_CM, OSA_PDU_ENABLE, OSA_STAGE_NONE, OSA_STAGE_CM_ENABLED, OSA_TOKEN_ISSUER,
	 cm_enable},
	{OSA_CLASS_CM, OSA_PDU_SETUP, OSA_STAGE_CM_ENABLED, OSA_STAGE_CM_SET_UP, OSA_TOKEN_ISSUER,
	 cm_setup},
	{OSA_CLASS_ULP, OSA_PDU_ENABLE, OSA_STAGE_CM_SET_UP, OSA_STAGE_ULP_ENABLED,
	 OSA_TOKEN_CM_CONNECTION, ulp_enable},
	{OSA_CLASS_ULP, OSA_PDU_SETUP, OSA_STAGE_ULP_ENABLED, OSA_STAGE_ULP_SET_UP,
	 OSA_TOKEN_CM_CONNECTION, ulp_setup},
	{OSA_CLASS_ULP, OSA_PDU_ACTIVE, OSA_STAGE_ULP_SET_UP, OSA_STAGE_ACTIVE,
	 OSA_TOKEN_CM_CONNECTION, dm_act},
};

/* TAKEDOWN and DISABLE, which only other hosts send: 3.4. Accepted in any stage. */
static int teardown(struct osa *a, const struct osa_envelope *e)
{
	enum osa_stage stage = OSA_STAGE_NONE;

	if (e->class == OSA_CLASS_ULP)
		stage = OSA_STAGE_CM_SET_UP;
	if (a->session.stage <= stage)
		return 0;
	osa_session_end(a);
	a->session.stage = stage;
	return 0;
}

static int step_run(struct osa *a, const struct step *st, const struct osa_envelope *e)
{
	struct osa_session *s = &a->session;
	int rc;

	if (s->stage != st->from || e->token != osa_token(a, (enum osa_token)st->token))
		return -EPROTO;
	/* First, because the host may read the answer before it is known here to be queued. */
	s->stage = (enum osa_stage)st->to;
	rc = st->run(a, e);
	if (rc)
		s->stage = (enum osa_stage)st->from;
	return rc;
}

static int control_receive(struct osa *a, const struct osa_envelope *e)
{
	struct osa_pdu pdu;

	if (e->len < sizeof(pdu))
		return -EINVAL;
	memcpy(&pdu, e->pdu, sizeof(pdu));
	if (pdu.type == OSA_PDU_TAKEDOWN || pdu.type == OSA_PDU_DISABLE)
		return teardown(a, e);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].class == e->class && steps[i].type == pdu.type)
			return step_run(a, &steps[i], e);
	return -EINVAL;
}

int osa_mpc_receive(struct osa *a, const uint8_t *msg, size_t len)
{
	struct osa_envelope e;
	int rc = osa_mpc_parse(msg, len, &e);

	if (rc)
		return rc;
	if (a->session.read_dev == OSA_DEV_NONE)
		return -EPROTO;
	a->session.host_pdu_seq = e.seq;
	if (e.class == OSA_CLASS_CM || e.class == OSA_CLASS_ULP)
		return control_receive(a, &e);
	if (e.class != OSA_CLASS_IPA)
		return -EINVAL;
	if (a->session.stage != OSA_STAGE_ACTIVE ||
	    e.token != osa_token(a, OSA_TOKEN_ULP_CONNECTION))
		return -EPROTO;
	return osa_ipa_receive(a, e.pdu, e.len);
}
