/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar: one table of commands and their operands, from which the parser, completion and
 * HELP work.
 */
#ifndef CP_PARSE_H
#define CP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "vswitch/vswitch.h"

#define CP_LINE_MAX 4096
#define CP_TOKENS_MAX (CP_LINE_MAX / 2 + 1)

/* ---- words ------------------------------------------------------------------------ */

struct cp_tokens {
	unsigned n;
	uint16_t at[CP_TOKENS_MAX]; /* offset of each NUL-terminated word in buf */
	char buf[CP_LINE_MAX + 1];
	bool open; /* the last word touches the end of the line: completion may extend it */
};

/*
 * Cut a line into words; comments are dropped.
 * Return: NULL, or why the line is refused.
 */
const char *cp_tokenize(const char *line, struct cp_tokens *t);
static inline const char *cp_token(const struct cp_tokens *t, unsigned i)
{
	return i < t->n ? t->buf + t->at[i] : "";
}

/* Does word abbreviate keyword? Its capital letters are the shortest form: "PORTType". */
bool cp_abbreviates(const char *word, const char *keyword);

/* ---- operands --------------------------------------------------------------------- */

/* Operands by meaning; a command has each at most once. */
enum cp_op {
	CP_OP_NAME, /* switch or LAN name */
	CP_OP_USER,
	CP_OP_VDEV,
	CP_OP_OWNER,
	CP_OP_NETWORK, /* owner and name */
	CP_OP_TO,
	CP_OP_ALL,
	CP_OP_TYPE,
	CP_OP_SCOPE,
	CP_OP_UPLINK,
	CP_OP_TAP,
	CP_OP_DPDK,
	CP_OP_UPLINK_NIC,
	CP_OP_GROUP,
	CP_OP_SWITCHOVER,
	CP_OP_JOIN_TAP,
	CP_OP_JOIN_NIC,
	CP_OP_JOIN_DPDK,
	CP_OP_LEAVE_TAP,
	CP_OP_LEAVE_NIC,
	CP_OP_LEAVE_DPDK,
	CP_OP_LACP,
	CP_OP_INTERVAL,
	CP_OP_TIMEOUT,
	CP_OP_MINLINKS,
	CP_OP_EXCLUSIVE,
	CP_OP_ARGS,
	CP_OP_UPLINK_NONE,
	CP_OP_NOUPLINK,
	CP_OP_RDEV,
	CP_OP_CONNECT,
	CP_OP_DISCONNECT,
	CP_OP_PRIQ,
	CP_OP_QUEUESTORAGE,
	CP_OP_CONTROLLER,
	CP_OP_LOG,
	CP_OP_ETHERNET,
	CP_OP_IP,
	CP_OP_MIXED,
	CP_OP_NONROUTER,
	CP_OP_PRIROUTER,
	CP_OP_NOGROUP,
	CP_OP_BRIDGEPORT_NONE,
	CP_OP_BRIDGE,
	CP_OP_BRIDGE_LAN,
	CP_OP_BRIDGE_CONNECT,
	CP_OP_BRIDGE_DISCONNECT,
	CP_OP_PRIMARY,
	CP_OP_SECONDARY,
	CP_OP_IPTIMEOUT,
	CP_OP_VLAN,
	CP_OP_PORTTYPE,
	CP_OP_GVRP,
	CP_OP_NOGVRP,
	CP_OP_MVRP,
	CP_OP_SNOOPING,
	CP_OP_STORM_BROADCAST,
	CP_OP_STORM_MULTICAST,
	CP_OP_STORM_UNKNOWN,
	CP_OP_MULTICAST,
	CP_OP_NATIVE,
	CP_OP_USERBASED,
	CP_OP_PORTBASED,
	CP_OP_MODIFY,
	CP_OP_VLANID,
	CP_OP_ADD,
	CP_OP_REMOVE,
	CP_OP_DELETE,
	CP_OP_PORTNAME,
	CP_OP_GRANT,
	CP_OP_REVOKE,
	CP_OP_REVOKED,
	CP_OP_ORPHANED,
	CP_OP_PROMISC,
	CP_OP_NOPROMISC,
	CP_OP_MACID,
	CP_OP_ISOLATION,
	CP_OP_VEPA,
	CP_OP_MACPROTECT,
	CP_OP_VLANCOUNTERS,
	CP_OP_PMTUD,
	CP_OP_PMTUD_VALUE,
	CP_OP_MAXCONN,
	CP_OP_RESTRICTED,
	CP_OP_UNRESTRICTED,
	CP_OP_ACCOUNTING,
	CP_OP_DEVICES,
	CP_OP_CHPID,
	CP_OP_PQUPLINKTX,
	CP_OP_PORTNUMBER,
	CP_OP_DETAILS,
	CP_OP_ACCESS,
	CP_OP_ACTIVE,
	CP_OP_FDB,
	CP_OP_VSWITCH,
	CP_OP_NIC,
	CP_OP_TOPIC,
	CP_OP_STREAM,
	CP_OP_DGRAM,
	CP_OP_VHOST,
	CP_OP_PERSISTENT,
	CP_OP_TRANSIENT,
	CP_OP_QUOTA_LANS,
	CP_OP_QUOTA_NICS,
	CP_OP_ACCT_SYSTEM,
	CP_OP_ACCT_USER,
	CP_OP_MACPREFIX,
	CP_OP_USERPREFIX,
	CP_OP_RANGE_SYSTEM,
	CP_OP_RANGE_USER,
	CP_OP_SYSMACID,
	CP_OP_HIPERS,
	CP_OP_MFS,
	CP_OP_UID,
	CP_OP_GID,
	CP_OP_NOUID,
	CP_OP_NOGID,
	CP_OP_RATE_IN,
	CP_OP_RATE_OUT,
	CP_OP_RATE_UPLINK,
	CP_OP_RATE_VLAN,
	CP_OP_IN,
	CP_OP_OUT,
	CP_OP_BURST,
	CP_OP_GUARANTEE,
	CP_OP_MIRROR_TO,
	CP_OP_MIRROR_OFF,
	CP_OP_MIRROR_VLAN,
	CP_OP_FROM,
	CP_OP_ONLY,
	CP_OP_LAST,
	CP_OP_LANNAME,
	CP_OP_LENGTH,
	CP_OP_TRUNK,
	CP_OP_DROPPED,
	CP_OP_RATEGROUP,
	CP_OP_WORKERS,
	CP_OP_WORKER,
	CP_OP_ON,
	CP_OP_OTHER, /* understood, not supported */
	CP_OP_COUNT
};

/* What follows the keyword, or stands as a positional operand. */
enum cp_arg {
	CP_ARG_NONE,
	CP_ARG_SWITCH,	/* name */
	CP_ARG_LAN,	/* name */
	CP_ARG_NEWNAME, /* name */
	CP_ARG_USER,
	CP_ARG_OWNER,	 /* userid, or * for the caller */
	CP_ARG_NETWORK,	 /* owner name */
	CP_ARG_VDEV,	 /* device number, or USERID/device number */
	CP_ARG_USERVDEV, /* userid device number, or USERID/device number */
	CP_ARG_VID,
	CP_ARG_VIDS,
	CP_ARG_NUM,
	CP_ARG_IFNAME,
	CP_ARG_IFNAMES, /* up to max, until the next keyword */
	CP_ARG_GROUP,
	CP_ARG_MACID,
	CP_ARG_MACRANGE, /* two MACIDs as 000100-0001FF */
	CP_ARG_PORTS,	 /* port numbers as 1 5-9 */
	CP_ARG_ANYPORTS, /* the same, or none */
	CP_ARG_CHPID,
	CP_ARG_STORAGE, /* 8M, or 8M 256M */
	CP_ARG_RATE,	/* 100M, in kbit/s */
	CP_ARG_BYTES,	/* 64K */
	CP_ARG_USERS,	/* up to 8 */
	CP_ARG_WORDS,	/* up to the next keyword, at most max */
	CP_ARG_TEXT,	/* any word, or several in quotes: cp_text */
	CP_ARG_TOPIC,	/* the rest of the line */
};

enum cp_operand_flag {
	CP_POSITIONAL = 1u << 0,
	CP_OPTIONAL = 1u << 1,	  /* positional that may be absent */
	CP_LEADING = 1u << 2,	  /* also recognised before the first positional operand */
	CP_UNSUPPORTED = 1u << 3, /* recognised, and refused with help as the reason */
	CP_IGNORED = 1u << 4,	  /* accepted without effect */
};

struct cp_operand {
	enum cp_op op;
	unsigned flags;
	const char *words;   /* "UPLINK TAP", or the shown name of a positional operand */
	const char *choices; /* "ON|OFF": value.choice is the index; tried before arg */
	enum cp_arg arg;
	const char *name; /* shown for arg: "vid" */
	uint32_t min, max;
	const char *help; /* NULL ends the table */
};

struct cp_run;

struct cp_command {
	const char *words;
	const struct cp_operand *operands;
	bool class_b;
	void (*fn)(struct cp_run *run);
	const char *help;
};

/* The table, ended by words NULL. */
const struct cp_command *cp_commands(void);

/* ---- a parsed command ------------------------------------------------------------- */

#define CP_WORD_BYTES 136 /* eight interface names */

struct cp_value {
	bool given;
	int choice; /* -1: none of the choices */
	uint32_t num, num2;
	char word[CP_WORD_BYTES]; /* upper case, except interface names */
	char word2[9];
};

struct cp_args {
	const struct cp_command *cmd;
	char title[48]; /* its words in capitals */
	struct cp_value v[CP_OP_COUNT];
	struct vs_vidset vids;	/* of CP_ARG_VIDS */
	struct vs_vidset ports; /* of CP_ARG_PORTS: numbers of ports */
	unsigned topic;		/* token where CP_ARG_TOPIC begins */
	const struct cp_tokens *tokens;
};

/*
 * Candidates for the last word, when a parse is made for completion: offer is called with whole
 * words (any case) that may stand there.
 */
struct cp_offer {
	unsigned at; /* token to be completed */
	void (*keyword)(void *ctx, const char *word);
	void (*value)(void *ctx, enum cp_arg arg);
	void *ctx;
};

/*
 * The command the words begin with.
 * @used: words it took. Return: the command, or NULL; then *used is the number of words that
 * still fitted some command.
 */
const struct cp_command *cp_find_command(const struct cp_tokens *t, unsigned *used);

/*
 * Parse the operands behind the command's words into args. Errors go to run, which may be NULL.
 * @offer: NULL, or a completion: then parsing stops at offer->at.
 * Return: 0 or -1.
 */
int cp_parse(struct cp_run *run, const struct cp_command *cmd, const struct cp_tokens *t,
	     unsigned used, struct cp_args *args, const struct cp_offer *offer);

/* Is name a userid or network name: 1-8 letters, digits, @ # $ _? */
bool cp_name_ok(const char *name);

#endif
