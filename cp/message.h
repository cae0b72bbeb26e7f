/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message of the command language, once. &1 to &3 stand for the operands; the first is the
 * operand at fault.
 *
 * Numbers below 1000, 2832, 2846 and 6011 are z/VM's where their sense is verified
 * (Source: spec/zvm-networking.md 2.14, spec/smapi.md 7.2). 20nn and 21nn are zlan's: 2000 plus
 * the reason of SMAPI's return code 212 (networks), 2100 plus that of 204 (devices). 25nn are
 * zlan's own. rc/rs is the SMAPI pair; 396/n is SMAPI's "CP refused with message n".
 */
#ifndef CP_MESSAGE_H
#define CP_MESSAGE_H

/* X(ENUM, number, rc, rs, text) */
#define CP_MESSAGE_LIST(X)                                                                         \
	X(BAD_OPERAND, 2, 24, 19, "Invalid operand - &1: &2")                                      \
	X(BAD_OPTION, 3, 24, 19, "Invalid option - &1; see HELP &2")                               \
	X(BAD_USER, 7, 24, 19, "Invalid userid - &1: use 1-8 letters, digits, @ # $ _")            \
	X(CONFLICT, 13, 24, 23, "Conflicting option - &1: &2")                                     \
	X(NO_USER, 20, 24, 24, "Userid missing after &1; see HELP &2")                             \
	X(BAD_DEVICE, 22, 204, 2,                                                                  \
	  "Virtual device number missing or invalid - &1: use 1-4 hexadecimal digits")             \
	X(MISSING, 26, 24, 24, "Operand missing or invalid - &1 expected; see HELP &2")            \
	X(NO_DEVICE, 40, 204, 8, "Device &1 does not exist; QUERY NIC lists the NICs of a user")   \
	X(NOT_ON, 45, 200, 12, "&1 not logged on: it has no NIC and owns no LAN")                  \
	X(BAD_CHPID, 846, 396, 846, "Invalid channel path id - &1: use 2 hexadecimal digits")      \
	X(LAN_UNKNOWN, 2012, 212, 12, "LAN &1 does not exist; DEFINE LAN makes one")               \
	X(PAIR_UNKNOWN, 2016, 212, 16, "LAN &1 does not exist; QUERY LAN lists owners and names")  \
	X(OTHER_KIND, 2024, 212, 24, "&1 already exists as a &2; choose another name")             \
	X(DISCONNECTED, 2032, 212, 32, "NIC &1 is not coupled; COUPLE it first")                   \
	X(SWITCH_EXISTS, 2036, 212, 36,                                                            \
	  "VSWITCH SYSTEM &1 already exists; SET VSWITCH changes it")                              \
	X(SWITCH_UNKNOWN, 2040, 212, 40,                                                           \
	  "VSWITCH SYSTEM &1 does not exist; QUERY VSWITCH lists them")                            \
	X(GRANTED, 2044, 212, 44, "&1 is already authorized for &2")                               \
	X(NOT_GRANTED, 2045, 396, 2045, "&1 is not authorized for &2; nothing to revoke")          \
	X(LAN_EXISTS, 2037, 212, 24, "LAN &1 already exists; DETACH LAN removes it")               \
	X(LAN_FULL, 2052, 212, 52, "Maximum connections of &1 reached: &2")                        \
	X(DEVICE_EXISTS, 2104, 204, 4,                                                             \
	  "Device &1 already exists or overlaps the devices of NIC &2")                            \
	X(COUPLED, 2120, 204, 20, "NIC &1 is already connected to &2; UNCOUPLE it first")          \
	X(UNCOUPLED, 2148, 204, 48, "NIC &1 is already disconnected")                              \
	X(UNKNOWN, 2501, 24, 11, "Unknown command - &1; HELP lists the commands")                  \
	X(UNSUPPORTED, 2502, 8, 8, "&1 is not supported in this release: &2")                      \
	X(LIMIT, 2503, 396, 2503, "&1: limit of &2 reached")                                       \
	X(CLASS, 2504, 100, 16, "&1 needs privilege class B: you are &2")                          \
	X(LINE, 2505, 24, 99, "Command &1 refused: &2")                                            \
	X(MAC_USED, 2506, 396, 2506, "MACID &1 is in use by &2")                                   \
	X(ATTACHED, 2507, 396, 2507, "NIC &1 is in use by a guest; &2")                            \
	X(IFNAME_USED, 2508, 396, 2508, "&1 is already an uplink device of &2")                    \
	X(NOUPLINK, 2509, 396, 2509,                                                               \
	  "VSWITCH SYSTEM &1 was defined with NOUPLINK: it can have none")                         \
	X(ACCESS_VLANS, 2510, 396, 2510,                                                           \
	  "&1 has several VLANs but an access port has one; use PORTTYPE TRUNK or one VLAN")       \
	X(SYSTEM, 2511, 396, 2511, "&1 failed: &2")                                                \
	X(NO_ACCOUNT, 2512, 396, 2512, "USER &2 has no &1; QUERY USER lists its accounts")         \
	X(NOT_YOURS, 2513, 100, 16, "NIC &1 is not yours, you are &2: root can enter USER &3")     \
	X(OTHER_TYPE, 2514, 396, 2514, "NIC &1 has TYPE &2: its guest attaches by &3")             \
	X(NO_RATEGROUP, 2515, 396, 2515,                                                           \
	  "RATEGROUP &1 does not exist; DEFINE RATEGROUP makes one")                               \
	X(RATEGROUP_USED, 2516, 396, 2516,                                                         \
	  "RATEGROUP &1 has NICs; QUERY RATEGROUP lists them, SET NIC ... RATEGROUP NONE frees")   \
	X(NOT_SAVED, 2517, 396, 2517, "&1 was not saved: &2; what runs is not affected")           \
	X(USERBASED, 2530, 396, 2530,                                                              \
	  "&1 is not allowed: VSWITCH SYSTEM &2 is USERBASED; authorize userids with GRANT")       \
	X(PORTBASED, 2531, 396, 2531,                                                              \
	  "&1 is not allowed: VSWITCH SYSTEM &2 is PORTBASED; use PORTNUMBER n USERID userid")     \
	X(NO_PORT, 2532, 396, 2532,                                                                \
	  "VSWITCH SYSTEM &2 has no port &1; see QUERY VSWITCH PORTNUMBER ALL")                    \
	X(PORT_USED, 2533, 396, 2533, "Port &1 is in use by &2; UNCOUPLE it first")                \
	X(NO_VLAN, 2048, 212, 48, "VLAN &1 does not exist on VSWITCH SYSTEM &2")                   \
	X(NOT_PROMISC, 2534, 212, 8, "&1 is not authorized to be PROMISCUOUS on &2; see &3")       \
	X(MAC_RANGE, 2535, 396, 2535, "MACID &1 is not in the USER range; see QUERY VMLAN")        \
	X(MAC_FIXED, 2536, 396, 2536,                                                              \
	  "&1 is fixed: addresses are in use; set it before the first NIC and VSWITCH")            \
	X(IS_CTCA, 2560, 204, 40, "Device &1 is a CTCA, not a NIC; see QUERY CTCA")                \
	X(NO_CTCA, 2561, 204, 28, "Device &1 is no CTCA: a CTCA can only be coupled to another")   \
	X(CTCA_SELF, 2562, 204, 28, "CTCA &1 cannot be coupled to itself")                         \
	X(CTCA_OTHER, 2563, 212, 8, "CTCA &1 is reserved: only those of &2 may be coupled to it")  \
	X(CTCA_COUPLED, 2564, 204, 20, "CTCA &1 is already coupled to &2; UNCOUPLE it first")      \
	X(LAN_TYPE, 2519, 396, 2519, "NIC &1 cannot be connected to &2: that needs TYPE &3")       \
	X(LAN_LAYER, 2570, 212, 28, "NIC &1 cannot be connected to &2, which is in IP mode: &3")   \
	X(LAN_LAYER3, 2571, 212, 28,                                                               \
	  "NIC &1 cannot be connected to &2, which is ETHERNET: bring its guest up in layer 2 "    \
	  "(layer2=1), use one in IP mode, or SET &3 ... MIXED ON")                                \
	X(GROUP_UNKNOWN, 2540, 396, 2540, "PORT GROUP &1 does not exist; SET PORT GROUP makes it") \
	X(GROUP_USED, 2541, 396, 2541,                                                             \
	  "PORT GROUP &1 is in use by &2; SET VSWITCH &3 NOGROUP ends that")                       \
	X(NO_LINK, 2542, 396, 2542, "PORT GROUP &1 has no link &2")                                \
	X(TRACE_UNKNOWN, 2550, 396, 2550, "Trace &1 does not exist; TRSOURCE ID defines one")      \
	X(TRACE_ENABLED, 2551, 396, 2551, "Trace &1 is enabled; TRSOURCE DISABLE ID &1 ends that") \
	X(NO_BACKUP, 2845, 396, 2845,                                                              \
	  "VSWITCH SYSTEM &1 has no other uplink device that is ready")                            \
	X(UPLINK, 2832, 396, 2832, "Connection &1 for VSWITCH SYSTEM &2 is not active: &3")        \
	X(BRIDGE, 2834, 396, 2834, "VSWITCH SYSTEM &1 has no such bridge port: &2")                \
	X(VLAN_UNAWARE, 2846, 396, 2846,                                                           \
	  "&1 is not allowed: VSWITCH SYSTEM &2 is VLAN unaware; DEFINE it with VLAN")             \
	X(NOT_AUTHORIZED, 6011, 212, 8, "&1 is not authorized to COUPLE to &2; see &3")

enum cp_msg {
#define X(id, number, rc, rs, text) CP_E_##id,
	CP_MESSAGE_LIST(X)
#undef X
		CP_MSG_COUNT
};

struct cp_message {
	unsigned number;
	int rc, rs;
	const char *text;
};

const struct cp_message *cp_message(enum cp_msg m);

#endif
