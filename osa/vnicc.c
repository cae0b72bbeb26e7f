/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: VNIC characteristics. Source: spec/osa-qeth.md 4.11, 9.4.
 *
 * On an OSA, flooding, multicast flooding and learning all ask for frames that are not addressed to
 * what the host registered. The link grants that as one right, promiscuous delivery: it gives
 * more than asked for, and who is not authorised for it gets 0x200D. Broadcast reception is always
 * on. The other characteristics (takeover, bridge_invisible) are not offered: who owns an
 * address is the switch's decision. HiperSockets have all seven: osa_iqd_ops.vnicc.
 *
 * The timeout of learning can be set while learning is off; while it is on that is "out of
 * sequence". Which command that code belongs to is nowhere written: unverified.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

#define NEEDS_PROMISC (OSA_CHAR_FLOODING | OSA_CHAR_MCAST_FLOODING | OSA_CHAR_LEARNING)

static uint32_t supported(const struct osa *a)
{
	return osa_is_iqd(a) ? OSA_CHAR_ALL : NEEDS_PROMISC | OSA_CHAR_RX_BCAST;
}

static uint32_t switchable(const struct osa *a)
{
	return osa_is_iqd(a) ? OSA_CHAR_ALL : NEEDS_PROMISC;
}

void osa_vnicc_reset(struct osa *a)
{
	a->vnicc.enabled = OSA_CHAR_RX_BCAST;
	a->vnicc.learning_timeout_s = OSA_LEARNING_TIMEOUT_S;
}

static bool one_bit(uint32_t v)
{
	return v && !(v & (v - 1));
}

static uint32_t subcommands_of(const struct osa *a, uint32_t bit)
{
	uint32_t mask = 0;

	if (bit & switchable(a))
		mask |= OSA_VNICC_ENABLE | OSA_VNICC_DISABLE;
	if (bit == OSA_CHAR_LEARNING)
		mask |= OSA_VNICC_SET_TIMEOUT | OSA_VNICC_GET_TIMEOUT;
	return mask;
}

/* Make it so. Return: the return code; a->vnicc is what it was if that is not 0. */
static uint16_t apply(struct osa *a, const struct osa_vnicc_state *want)
{
	const struct osa_iqd *iqd = &a->cfg.iqd;
	int rc;

	if (osa_is_iqd(a))
		rc = iqd->ops->vnicc(iqd->ctx, want->enabled, want->learning_timeout_s);
	else
		rc = osa_registry_promisc(a, OSA_PROMISC_VNICC, want->enabled & NEEDS_PROMISC);
	if (rc == -EBUSY)
		return OSA_RC_VNICC_BRIDGE_PORT;
	if (rc)
		return osa_mac_rc(rc, OSA_RC_UNKNOWN);
	a->vnicc = *want;
	return OSA_RC_OK;
}

static uint16_t set_characteristic(struct osa *a, uint32_t bit, bool on)
{
	struct osa_vnicc_state want = a->vnicc;

	if (a->bridge_role != OSA_BRIDGE_NONE)
		return OSA_RC_VNICC_BRIDGE_PORT;
	want.enabled = on ? want.enabled | bit : want.enabled & ~bit;
	return apply(a, &want);
}

static uint16_t set_timeout(struct osa *a, uint32_t seconds)
{
	struct osa_vnicc_state want = a->vnicc;

	if (seconds < OSA_LEARNING_TIMEOUT_MIN || seconds > OSA_LEARNING_TIMEOUT_MAX)
		return OSA_RC_INVALID_FORMAT;
	if (a->vnicc.enabled & OSA_CHAR_LEARNING)
		return OSA_RC_OUT_OF_SEQUENCE;
	want.learning_timeout_s = seconds;
	return apply(a, &want);
}

static uint16_t subcommand_run(struct osa *a, struct osa_vnicc *v)
{
	uint32_t sub = be32_get(v->subcommand), bit = be32_get(v->characteristic);

	if (sub == OSA_VNICC_QUERY)
		return OSA_RC_OK;
	if (!one_bit(bit) || !(bit & supported(a)))
		return OSA_RC_L2_UNSUPPORTED;
	if (sub == OSA_VNICC_QUERY_COMMANDS) {
		v->value = be32_of(subcommands_of(a, bit));
		return OSA_RC_OK;
	}
	if (!one_bit(sub) || !(sub & subcommands_of(a, bit)))
		return OSA_RC_L2_UNSUPPORTED;
	switch (sub) {
	case OSA_VNICC_SET_TIMEOUT:
		return set_timeout(a, be32_get(v->value));
	case OSA_VNICC_GET_TIMEOUT:
		v->value = be32_of(a->vnicc.learning_timeout_s);
		return OSA_RC_OK;
	default:
		return set_characteristic(a, bit, sub == OSA_VNICC_ENABLE);
	}
}

uint16_t osa_ipa_vnicc(struct osa *a, struct osa_call *c)
{
	struct osa_vnicc v = {0};
	uint16_t rc;

	memcpy(&v, c->data, c->len < sizeof(v) ? c->len : sizeof(v));
	rc = subcommand_run(a, &v);
	v.supported = be32_of(supported(a));
	v.enabled = be32_of(a->vnicc.enabled);
	if (be32_get(v.subcommand) != OSA_VNICC_QUERY)
		osa_call_resize(c, sizeof(v));
	v.len = be16_of((uint16_t)(c->len - offsetof(struct osa_vnicc, len)));
	memcpy(c->data, &v, c->len < sizeof(v) ? c->len : sizeof(v));
	return rc;
}
