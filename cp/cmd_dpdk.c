/* SPDX-License-Identifier: Apache-2.0 */
/* SET DPDK. */
#include <string.h>

#include "cp/cp_priv.h"

void cp_do_set_dpdk(struct cp_run *run)
{
	const char *args = cp_text(run, CP_OP_ARGS);
	char err[256] = "";

	if (!run->args->v[CP_OP_ARGS].given) {
		cp_error(run, CP_E_MISSING, "ARGS \"text\"", "SET DPDK", NULL);
		return;
	}
	if (strlen(args) >= sizeof(run->cp->dpdk_args)) {
		cp_error(run, CP_E_BAD_OPERAND, "ARGS", "at most 511 characters", NULL);
		return;
	}
	if (!run->cp->check && run->cp->hooks.dpdk_args &&
	    run->cp->hooks.dpdk_args(run->cp->hooks.ctx, args, err, sizeof(err)) < 0) {
		cp_error(run, CP_E_SYSTEM, "SET DPDK", err, NULL);
		return;
	}
	memcpy(run->cp->dpdk_args, args, strlen(args) + 1);
	run->cp->has_dpdk_args = true;
	run->changed = true;
	cp_say(run, "Command complete");
}
