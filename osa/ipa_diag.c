/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: SETDIAGASS. Source: spec/osa-qeth.md 4.10.
 *
 * The trap asks the card to keep its state for its maker after a failure of the host. There is
 * no such state: arming is remembered and answered, capturing collects nothing. The trace
 * sub-command is a HiperSockets one.
 */
#include <string.h>

#include "osa/osa_priv.h"

static uint16_t trap(struct osa *a, const struct osa_diag *d)
{
	switch (d->action) {
	case OSA_TRAP_ARM:
		a->trap_armed = true;
		return OSA_RC_OK;
	case OSA_TRAP_DISARM:
		a->trap_armed = false;
		return OSA_RC_OK;
	case OSA_TRAP_CAPTURE:
		return OSA_RC_OK;
	default:
		return OSA_DIAG_RC_INVALID;
	}
}

uint16_t osa_ipa_setdiagass(struct osa *a, struct osa_call *c)
{
	struct osa_diag d;

	memcpy(&d, c->data, sizeof(d));
	switch (be32_get(d.subcommand)) {
	case OSA_DIAG_QUERY:
		d.ext = be32_of(OSA_DIAG_TRAP | (osa_is_iqd(a) ? OSA_DIAG_TRACE : 0));
		memcpy(c->data, &d, sizeof(d));
		return OSA_RC_OK;
	case OSA_DIAG_TRAP:
		return trap(a, &d);
	case OSA_DIAG_TRACE:
		return osa_is_iqd(a) ? osa_ipa_iqd(a, c) : OSA_DIAG_RC_INVALID;
	default:
		return OSA_DIAG_RC_INVALID;
	}
}
