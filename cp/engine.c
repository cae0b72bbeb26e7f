/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drives the protocol engines: control frames that workers put aside, and time. Each engine
 * says when it wants to be called again; the owner keeps one timer for all.
 */
#include "cp/cp_priv.h"

static void on_frame(void *ctx, const struct vs_punted *f)
{
	static const uint8_t slow_protocols[6] = {0x01, 0x80, 0xC2, 0x00, 0x00, 0x02};

	if (f->kind == VS_PUNT_LINK && f->len > 14 &&
	    !memcmp(f->data, slow_protocols, sizeof(slow_protocols)))
		cp_group_input(ctx, f);
}

void cp_control_frames(struct cp *cp)
{
	for (struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		vs_switch_punted(lan->sw, on_frame, cp);
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
	if (cp->hooks.call_at && due != UINT64_MAX)
		cp->hooks.call_at(cp->hooks.ctx, due);
}
