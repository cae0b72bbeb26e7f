/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drives the protocol engines: control frames that workers put aside, and time. Each engine
 * says when it wants to be called again; the owner keeps one timer for all.
 */
#include "cp/cp_priv.h"

uint64_t cp_now_ms(const struct cp *cp)
{
	return cp->hooks.now_ms ? cp->hooks.now_ms(cp->hooks.ctx) : cp->now_s * UINT64_C(1000);
}

void cp_control_frames(struct cp *cp)
{
	cp_punted(cp, cp_now_ms(cp));
	cp_due(cp);
}

void cp_due(struct cp *cp)
{
	uint64_t due = UINT64_MAX;

	for (struct cp_group *g = cp->groups; g; g = g->hh.next) {
		uint64_t at = cp_group_run(cp, g);

		if (at < due)
			due = at;
	}
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next) {
		uint64_t at = cp_uplink_run(cp, lan), registration = cp_gvrp_run(cp, lan);

		if (registration < at)
			at = registration;
		if (at < due)
			due = at;
	}
	if (cp->hooks.call_at && due != UINT64_MAX)
		cp->hooks.call_at(cp->hooks.ctx, due);
}
