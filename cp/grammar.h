/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the grammar share. Its one table, of commands, is in grammar.c; the tables of
 * their operands are apart by subject: grammar_vswitch.c, grammar_lan.c, grammar_nic.c,
 * grammar_system.c. Capital letters of a keyword are its shortest abbreviation. Syntax,
 * abbreviations and defaults: spec/zvm-networking.md 2. Operands that belong to later releases are
 * rows as well, so that they are refused by name and with the reason.
 */
#ifndef CP_GRAMMAR_H
#define CP_GRAMMAR_H

#include "cp/cp_priv.h"

#define YESNO_ON "OFF|ON"

#define OPERAND_IN                                                                                 \
	{                                                                                          \
		.op = CP_OP_IN, .words = "IN", .choices = "OFF", .arg = CP_ARG_RATE,               \
		.name = "rate", .help = "into the switch, bits a second: 500K, 100M, 10G"          \
	}

#define OPERAND_OUT                                                                                \
	{                                                                                          \
		.op = CP_OP_OUT, .words = "OUT", .choices = "OFF", .arg = CP_ARG_RATE,             \
		.name = "rate", .help = "out of the switch"                                        \
	}

#define OPERAND_BURST                                                                              \
	{                                                                                          \
		.op = CP_OP_BURST, .words = "BURST", .arg = CP_ARG_BYTES, .name = "bytes",         \
		.help = "that may pass at once, of the rates named beside it: 64K; default 5 ms, " \
			"16K at least"                                                             \
	}

#define OPERAND_WORKER(text)                                                                       \
	{                                                                                          \
		.op = CP_OP_WORKER, .words = "WORKER", .choices = "AUTO", .arg = CP_ARG_NUM,       \
		.min = 0, .max = VS_WORKERS_MAX - 1, .name = "n", .help = (text)                   \
	}

#define OPERAND_MIXED                                                                              \
	{                                                                                          \
		.op = CP_OP_MIXED, .words = "MIXed", .choices = YESNO_ON,                          \
		.help = "of ETHERNET networks. ON: guests of layer 3 may come up too, each a "     \
			"station of its own, as on a real OSA; default OFF"                        \
	}

#define OPERAND_TRANSPORT                                                                          \
	{.op = CP_OP_ETHERNET,                                                                     \
	 .words = "ETHernet",                                                                      \
	 .help = "guests of layer 2; default (z/VM's default is IP)"},                             \
		{.op = CP_OP_ETHERNET, .words = "TRANSPORT ETHernet", .help = "the same"},         \
		{.op = CP_OP_IP,                                                                   \
		 .words = "IP",                                                                    \
		 .help = "guests of layer 3, known by their IP addresses; one MAC outside"},       \
		{.op = CP_OP_IP, .words = "TRANSPORT IP", .help = "the same"}, OPERAND_MIXED

/* The tables; each ends with a row of zeros. grammar_vswitch.c */
extern const struct cp_operand cp_op_define_vswitch[], cp_op_set_vswitch[], cp_op_detach_vswitch[],
	cp_op_query_vswitch[], cp_op_set_port_group[], cp_op_query_port_group[];
/* grammar_lan.c */
extern const struct cp_operand cp_op_define_lan[], cp_op_set_lan[], cp_op_detach_lan[],
	cp_op_query_lan[], cp_op_set_vmlan[];
/* grammar_nic.c */
extern const struct cp_operand cp_op_define_nic[], cp_op_nicdef[], cp_op_set_nic[], cp_op_one_nic[],
	cp_op_couple[], cp_op_query_nic[], cp_op_define_ctca[], cp_op_query_ctca[];
/* grammar_system.c */
extern const struct cp_operand cp_op_user[], cp_op_query_user[], cp_op_set_dpdk[],
	cp_op_rategroup[], cp_op_one_rategroup[], cp_op_query_rategroup[], cp_op_set_workers[],
	cp_op_query_counters[], cp_op_query_events[], cp_op_save[], cp_op_trsource[],
	cp_op_one_trace[], cp_op_query_trsource[];

#endif
