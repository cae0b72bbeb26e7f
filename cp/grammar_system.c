/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of commands about zland itself: users, rate groups, workers, DPDK, logs, counters,
 * traces. */
#include "cp/grammar.h"

#define CP_ID_MAX 4294967294u /* the last one stands for "none" */

#define OPERAND_GROUPNAME(flag)                                                                    \
	{                                                                                          \
		.op = CP_OP_NAME, .flags = CP_POSITIONAL | (flag), .words = "groupname",           \
		.arg = CP_ARG_NEWNAME, .help = "1-8 letters, digits, @ # $ _"                      \
	}

#define TRACE_ID(flag)                                                                             \
	{                                                                                          \
		.op = CP_OP_NAME, .flags = CP_POSITIONAL | (flag), .words = "traceid",             \
		.arg = CP_ARG_NEWNAME, .help = "1-8 letters, digits, @ # $ _"                      \
	}

const struct cp_operand cp_op_user[] = {
	{.op = CP_OP_USER,
	 .flags = CP_POSITIONAL,
	 .words = "userid",
	 .arg = CP_ARG_USER,
	 .help = "it need not have a NIC yet"},
	{.op = CP_OP_UID,
	 .words = "UID",
	 .arg = CP_ARG_NUM,
	 .max = CP_ID_MAX,
	 .name = "n",
	 .help = "the account with this number may act as userid"},
	{.op = CP_OP_GID,
	 .words = "GID",
	 .arg = CP_ARG_NUM,
	 .max = CP_ID_MAX,
	 .name = "n",
	 .help = "so may every account that is in this group"},
	{.op = CP_OP_NOUID,
	 .words = "NOUID",
	 .arg = CP_ARG_NUM,
	 .max = CP_ID_MAX,
	 .name = "n",
	 .help = "takes UID n back"},
	{.op = CP_OP_NOGID,
	 .words = "NOGID",
	 .arg = CP_ARG_NUM,
	 .max = CP_ID_MAX,
	 .name = "n",
	 .help = "takes GID n back"},
	{0},
};

const struct cp_operand cp_op_query_user[] = {
	{.op = CP_OP_USER,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "userid",
	 .arg = CP_ARG_USER,
	 .help = "only this one"},
	{0},
};

const struct cp_operand cp_op_set_dpdk[] = {
	{.op = CP_OP_ARGS,
	 .words = "ARGS",
	 .arg = CP_ARG_TEXT,
	 .name = "\"text\"",
	 .help = "arguments of DPDK's EAL, before the first port; zland chooses those not given"},
	{0},
};

const struct cp_operand cp_op_rategroup[] = {
	OPERAND_GROUPNAME(0), OPERAND_IN, OPERAND_OUT, OPERAND_BURST, {0},
};

const struct cp_operand cp_op_one_rategroup[] = {
	OPERAND_GROUPNAME(0),
	{0},
};

const struct cp_operand cp_op_query_rategroup[] = {
	OPERAND_GROUPNAME(CP_OPTIONAL),
	{0},
};

const struct cp_operand cp_op_set_workers[] = {
	{.op = CP_OP_WORKERS,
	 .flags = CP_POSITIONAL,
	 .words = "n",
	 .choices = "AUTO",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = VS_WORKERS_MAX,
	 .help = "threads, 1-16; AUTO: one for each processor but one; default"},
	{.op = CP_OP_ON,
	 .words = "ON",
	 .arg = CP_ARG_TEXT,
	 .name = "processors",
	 .help = "as 0-3,6: the first is bound to the first of these, and so on; default: to none"},
	{0},
};

const struct cp_operand cp_op_query_counters[] = {
	{.op = CP_OP_ALL, .words = "ALL", .help = "every port; default"},
	{.op = CP_OP_VSWITCH,
	 .words = "VSWITCH",
	 .arg = CP_ARG_SWITCH,
	 .name = "switchname",
	 .help = "only the ports of this switch"},
	{.op = CP_OP_NETWORK,
	 .words = "LAN",
	 .arg = CP_ARG_NETWORK,
	 .name = "owner name",
	 .help = "only the ports of this network"},
	{.op = CP_OP_NIC,
	 .words = "NIC",
	 .arg = CP_ARG_USERVDEV,
	 .name = "userid vdev",
	 .help = "only this port"},
	{0},
};

const struct cp_operand cp_op_query_events[] = {
	{.op = CP_OP_LAST,
	 .words = "LAST",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = CP_EVENTS,
	 .name = "n",
	 .help = "only so many; default all that are kept, 256"},
	{0},
};

const struct cp_operand cp_op_save[] = {
	{.op = CP_OP_UPLINK_NONE,
	 .words = "NONE",
	 .help = "forget what was saved: the next start is from the configuration file alone"},
	{0},
};

const struct cp_operand cp_op_trsource[] = {
	TRACE_ID(0),
	{.op = CP_OP_TYPE, .words = "TYPE LAN", .help = "the only type; must be given"},
	{.op = CP_OP_OWNER,
	 .words = "OWNer",
	 .arg = CP_ARG_OWNER,
	 .name = "userid|*|SYSTEM",
	 .help = "of the network; SYSTEM for virtual switches"},
	{.op = CP_OP_LANNAME,
	 .words = "LANName",
	 .arg = CP_ARG_LAN,
	 .name = "name",
	 .help = "the network; it need not exist yet"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .choices = "ALL",
	 .arg = CP_ARG_VIDS,
	 .name = "vid|vid-vid...",
	 .help = "only frames of these VLANs; default ALL"},
	{.op = CP_OP_LENGTH,
	 .words = "LENgth",
	 .choices = "FULL",
	 .arg = CP_ARG_NUM,
	 .min = 64,
	 .max = 2048,
	 .name = "bytes",
	 .help = "64-2048 of each frame are kept; FULL: 2048; default 512"},
	{.op = CP_OP_NIC,
	 .words = "NIC",
	 .arg = CP_ARG_USERVDEV,
	 .name = "userid vdev",
	 .help = "only what enters or leaves by this NIC"},
	{.op = CP_OP_TRUNK, .words = "TRUNK", .help = "only what crosses the uplink"},
	{.op = CP_OP_DROPPED, .words = "DROPPED", .help = "only what is dropped, with the reason"},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "SET",
	 .help = "trace sets come later; enable each trace"},
	{0},
};

const struct cp_operand cp_op_one_trace[] = {
	TRACE_ID(0),
	{0},
};

const struct cp_operand cp_op_query_trsource[] = {
	{.op = CP_OP_NAME,
	 .words = "ID",
	 .arg = CP_ARG_NEWNAME,
	 .name = "traceid",
	 .help = "only this one"},
	{0},
};
