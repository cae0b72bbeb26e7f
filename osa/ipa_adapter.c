/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: SETADAPTERPARMS. Source: spec/osa-qeth.md 4.8, 5.2.
 *
 * A sub-command has its own return code in the sub-header; the one in the IPA header hides it
 * and stays 0, except for what the adapter does not know at all.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

#define BOTH_LAYERS                                                                                \
	(OSA_ADP_QUERY | OSA_ADP_ALTER_MAC | OSA_ADP_SNMP | OSA_ADP_DIAG |                         \
	 OSA_ADP_ACCESS_CONTROL | OSA_ADP_OAT | OSA_ADP_SWITCH_ATTRIBUTES)

#define IQD (OSA_ADP_QUERY | OSA_ADP_ALTER_MAC | OSA_ADP_DIAG | OSA_ADP_OAT)

static uint32_t supported(const struct osa *a)
{
	if (osa_is_iqd(a))
		return IQD;
	return a->session.layer == 3 ? BOTH_LAYERS
				     : BOTH_LAYERS | OSA_ADP_CARD_INFO | OSA_ADP_PROMISC;
}

static uint16_t query(struct osa *a, struct osa_call *c)
{
	struct osa_adp_query q;

	osa_call_resize(c, sizeof(q));
	memcpy(&q, c->data, sizeof(q));
	q.n_lan_types = be32_of(1);
	q.lan_type = OSA_REPORTED_LINK;
	memset(q.zero, 0, sizeof(q.zero));
	q.supported = be32_of(supported(a));
	memset(q.zero2, 0, sizeof(q.zero2));
	memcpy(c->data, &q, sizeof(q));
	return OSA_ADP_RC_OK;
}

/*
 * Only reading: the address a layer-2 host uses is set by SETVMAC, that of a layer-3 one is the
 * adapter's, as it was when the session began. The size, count and address of a
 * request to read mean nothing. Without the virtual-MAC flag a driver would make up an
 * address of its own.
 */
static uint16_t alter_mac(struct osa *a, struct osa_call *c)
{
	struct osa_adp_mac m;

	memcpy(&m, c->data, sizeof(m));
	if (be32_get(m.op) != OSA_MAC_READ)
		return OSA_ADP_RC_NOT_SUPPORTED;
	osa_call_resize(c, c->len > sizeof(m) ? c->len : sizeof(m));
	m.adp.flags = OSA_ADP_VIRTUAL_MAC;
	m.size = be32_of(6);
	m.n = be32_of(1);
	memcpy(m.mac, a->session.layer == 3 ? a->l3.mac : a->cfg.mac, 6);
	memcpy(c->data, &m, sizeof(m));
	return OSA_ADP_RC_OK;
}

static uint16_t promisc(struct osa *a, struct osa_call *c)
{
	struct osa_adp_promisc m;
	uint32_t mode;
	int rc;

	memcpy(&m, c->data, sizeof(m));
	mode = be32_get(m.mode);
	if (mode > 1)
		return OSA_RC_INVALID_FORMAT;
	rc = osa_registry_promisc(a, OSA_PROMISC_GUEST, mode == 1);
	/* The reply carries the resulting mode. */
	m.mode = be32_of(a->registry.promisc & OSA_PROMISC_GUEST ? 1 : 0);
	memcpy(c->data, &m, sizeof(m));
	return rc ? OSA_ADP_RC_NOT_SUPPORTED : OSA_ADP_RC_OK;
}

/*
 * Isolation is about hosts that share this adapter's port. No other host does: behind the port
 * is a switch with its own rules. So none and drop hold already and are only remembered;
 * forward needs reflective relay at the switch, which it does not offer.
 */
static uint16_t access_control(struct osa *a, struct osa_call *c)
{
	struct osa_adp_access m;
	uint32_t mode;

	memcpy(&m, c->data, sizeof(m));
	mode = be32_get(m.mode);
	switch (mode) {
	case OSA_ISOLATION_NONE:
	case OSA_ISOLATION_DROP:
		break;
	case OSA_ISOLATION_FORWARD:
		return OSA_ADP_RC_NO_REFLECTIVE;
	default:
		return OSA_ADP_RC_NOT_SUPPORTED;
	}
	if (a->isolation == mode)
		return mode == OSA_ISOLATION_NONE ? OSA_ADP_RC_NOT_ISOLATED : OSA_ADP_RC_ISOLATED;
	a->isolation = (uint8_t)mode;
	return OSA_ADP_RC_OK;
}

static uint16_t card_info(struct osa *a, struct osa_call *c)
{
	struct osa_adp_card_info m;

	(void)a;
	osa_call_resize(c, sizeof(m));
	memcpy(&m, c->data, sizeof(m));
	m.type = OSA_REPORTED_CARD;
	m.zero = 0;
	m.port_mode = be16_of(OSA_CARD_FULL_DUPLEX);
	m.speed = be32_of(OSA_REPORTED_SPEED);
	memcpy(c->data, &m, sizeof(m));
	return OSA_ADP_RC_OK;
}

static uint16_t switch_attributes(struct osa *a, struct osa_call *c)
{
	uint32_t attributes = a->link.ops ? OSA_SWITCH_FORWARDING : 0;
	struct osa_adp_switch m;

	osa_call_resize(c, sizeof(m));
	memcpy(&m, c->data, sizeof(m));
	m.version = 0;
	memset(m.zero, 0, sizeof(m.zero));
	m.capabilities = be32_of(attributes);
	m.settings = be32_of(attributes);
	memset(m.zero2, 0, sizeof(m.zero2));
	memcpy(c->data, &m, sizeof(m));
	return OSA_ADP_RC_OK;
}

struct subcommand {
	uint32_t code; /* enum osa_adp */
	uint16_t data_min;
	osa_ipa_fn *run; /* returns enum osa_adp_rc */
};

static const struct subcommand subcommands[] = {
	{OSA_ADP_QUERY, sizeof(struct osa_adpparms), query},
	{OSA_ADP_ALTER_MAC, sizeof(struct osa_adp_mac), alter_mac},
	{OSA_ADP_SNMP, sizeof(struct osa_adp_snmp), osa_ipa_snmp},
	{OSA_ADP_CARD_INFO, sizeof(struct osa_adpparms), card_info},
	{OSA_ADP_PROMISC, sizeof(struct osa_adp_promisc), promisc},
	{OSA_ADP_ACCESS_CONTROL, offsetof(struct osa_adp_access, zero), access_control},
	{OSA_ADP_OAT, offsetof(struct osa_adp_oat, zero), osa_oat_query},
	{OSA_ADP_SWITCH_ATTRIBUTES, sizeof(struct osa_adpparms), switch_attributes},
};

static const struct subcommand *subcommand_find(uint32_t code)
{
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (subcommands[i].code == code)
			return &subcommands[i];
	return NULL;
}

static void reply_head(const struct osa *a, struct osa_call *c, uint16_t rc)
{
	struct osa_adpparms adp;

	memcpy(&adp, c->data, sizeof(adp));
	adp.supported = be32_of(supported(a));
	adp.enabled = be32_of(supported(a));
	adp.len = be16_of((uint16_t)(c->len - offsetof(struct osa_adpparms, len)));
	adp.rc = be16_of(rc);
	adp.parts = 1;
	adp.part = 1;
	memcpy(c->data, &adp, sizeof(adp));
}

uint16_t osa_ipa_setadapterparms(struct osa *a, struct osa_call *c)
{
	const struct subcommand *s;
	uint16_t rc = OSA_RC_INVALID_FORMAT;
	struct osa_adpparms adp;

	memcpy(&adp, c->data, sizeof(adp));
	s = subcommand_find(be32_get(adp.subcommand));
	if (!s || !(s->code & supported(a))) {
		reply_head(a, c, OSA_ADP_RC_NOT_SUPPORTED);
		return OSA_RC_UNSUPPORTED_SUBCMD;
	}
	if (c->request_len >= s->data_min)
		rc = s->run(a, c);
	reply_head(a, c, rc);
	return OSA_RC_OK;
}
