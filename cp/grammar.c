/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands. Capital letters of a keyword are its shortest abbreviation.
 * Syntax, abbreviations and defaults: spec/zvm-networking.md 2. Operands that belong to later
 * releases are rows as well, so that they are refused by name and with the reason.
 */
#include "cp/cp_priv.h"

#define YESNO_ON "OFF|ON"
#define PRIORITIES "OFF|ON|PCP|DSCP"
#define HELP_PRIORITIES                                                                            \
	"classes for what waits at the uplink. ON: the NIC's PQUPLINKTX; PCP, DSCP: the frame's "  \
	"own, "                                                                                    \
	"else the NIC's"
#define STORM_MAX 100000000u

static const char later_rdev[] = "there are no real OSA devices here; use UPLINK TAP ifname";

#define OPERAND_UPLINK_DPDK                                                                        \
	{                                                                                          \
		.op = CP_OP_DPDK, .words = "UPLINK DPDK", .arg = CP_ARG_TEXT, .name = "device",    \
		.help = "connect by a DPDK device: a PCI address, or as "                          \
			"\"net_af_packet0,iface=eth1\""                                            \
	}

#define OPERAND_LOG                                                                                \
	{                                                                                          \
		.op = CP_OP_LOG, .words = "LOG", .choices = "OFF|ON|Verbose",                      \
		.help = "ON: log NICs that come and go; VERBOSE: and addresses they register"      \
	}

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
#define OPERAND_UPLINK_NIC                                                                         \
	{                                                                                          \
		.op = CP_OP_UPLINK_NIC, .words = "UPLINK NIC", .arg = CP_ARG_IFNAMES,              \
		.max = CP_UPLINK_DEVICES, .name = "ifname...",                                     \
		.help = "connect by interfaces the host has already; as with TAP. Or by a guest: " \
			"userid vdev, or userid/vdev among them"                                   \
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
#define OPERAND_ROUTER                                                                             \
	{.op = CP_OP_NONROUTER,                                                                    \
	 .words = "NONrouter",                                                                     \
	 .help = "of IP switches: packets from outside for nobody's address are dropped; "         \
		 "default"},                                                                       \
	{                                                                                          \
		.op = CP_OP_PRIROUTER, .words = "PRIrouter",                                       \
		.help = "they go to the guest that is primary router, else to the secondary"       \
	}
#define HELP_IPTIMEOUT "1-240: IP addresses that were heard, not registered, are forgotten after"
#define OPERANDS_BRIDGE                                                                            \
	{.op = CP_OP_BRIDGE_LAN,                                                                   \
	 .words = "BRIDGEport LAN",                                                                \
	 .arg = CP_ARG_NETWORK,                                                                    \
	 .name = "owner name",                                                                     \
	 .help = "join this LAN of TYPE HIPERSOCKETS and the switch"},                             \
		{.op = CP_OP_BRIDGE,                                                               \
		 .words = "BRIDGEport",                                                            \
		 .help = "before PRIMARY or SECONDARY, as in z/VM"},                               \
		{.op = CP_OP_PRIMARY,                                                              \
		 .words = "PRIMary",                                                               \
		 .help = "the bridge port that is active whenever it can be"},                     \
		{.op = CP_OP_SECONDARY,                                                            \
		 .words = "SECondary",                                                             \
		 .help = "one that takes over; default"},                                          \
		{.op = CP_OP_BRIDGE_CONNECT,                                                       \
		 .words = "BRIDGEport CONnect",                                                    \
		 .help = "the bridge port takes part; default"},                                   \
	{                                                                                          \
		.op = CP_OP_BRIDGE_DISCONNECT, .words = "BRIDGEport DISCONnect",                   \
		.help = "define the bridge port, but let others be active"                         \
	}

#define OPERAND_GROUP                                                                              \
	{                                                                                          \
		.op = CP_OP_GROUP, .words = "GROup", .arg = CP_ARG_GROUP, .name = "groupname",     \
		.help = "connect by the links of a port group; by the uplink device only where "   \
			"the group has none"                                                       \
	}

static const struct cp_operand define_vswitch[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "switchname",
	 .arg = CP_ARG_NEWNAME,
	 .help = "1-8 letters, digits, @ # $ _"},
	{.op = CP_OP_TYPE, .words = "TYPE QDIO", .help = "the only type; default"},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "TYPE IVL",
	 .help = "inter-VSWITCH links come later"},
	{.op = CP_OP_SCOPE, .words = "LOCal", .help = "the only scope; default"},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "GLObal",
	 .help = "switches across machines come later"},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "DOMain",
	 .help = "inter-VSWITCH links come later"},
	{.op = CP_OP_TAP,
	 .words = "UPLINK TAP",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_UPLINK_DEVICES,
	 .name = "ifname...",
	 .help = "connect to the host by the TAP interface ifname, made if it does not exist; a "
		 "second and third are its backups"},
	OPERAND_UPLINK_NIC,
	OPERAND_UPLINK_DPDK,
	{.op = CP_OP_UPLINK_NONE, .words = "UPLINK NONE", .help = "no uplink for now; default"},
	{.op = CP_OP_UPLINK,
	 .words = "UPLINK",
	 .help = "before RDEV NONE, CONNECT or DISCONNECT, as in z/VM"},
	{.op = CP_OP_NOUPLINK, .words = "NOUPLINK", .help = "the switch can never have an uplink"},
	{.op = CP_OP_RDEV, .words = "RDEV NONE", .help = "the same as UPLINK NONE"},
	{.op = CP_OP_OTHER, .flags = CP_UNSUPPORTED, .words = "RDEV", .help = later_rdev},
	{.op = CP_OP_CONNECT, .words = "CONnect", .help = "open the uplink at once; default"},
	{.op = CP_OP_DISCONNECT,
	 .words = "DISCONnect",
	 .help = "define the uplink but do not open it"},
	{.op = CP_OP_PRIQ,
	 .words = "PRIQueuing",
	 .choices = PRIORITIES,
	 .help = HELP_PRIORITIES "; default OFF"},
	{.op = CP_OP_QUEUESTORAGE,
	 .words = "QUEuestorage",
	 .arg = CP_ARG_STORAGE,
	 .name = "minM [maxM]",
	 .help = "stored and shown, no effect; default 8M 256M"},
	{.op = CP_OP_CONTROLLER,
	 .words = "CONTRoller",
	 .choices = "*",
	 .arg = CP_ARG_USERS,
	 .name = "userid...",
	 .help = "stored and shown, no effect: zland is the controller; default *"},
	OPERAND_LOG,
	OPERAND_TRANSPORT,
	OPERAND_ROUTER,
	{.op = CP_OP_NOGROUP, .words = "NOGroup", .help = "default"},
	OPERAND_GROUP,
	{.op = CP_OP_BRIDGEPORT_NONE, .words = "BRIDGEport NONE", .help = "default"},
	OPERANDS_BRIDGE,
	{.op = CP_OP_IPTIMEOUT,
	 .words = "IPTimeout",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = 240,
	 .name = "minutes",
	 .help = HELP_IPTIMEOUT "; default 5"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .choices = "UNAWARE|AWARE",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "UNAWARE: tags are data (default); AWARE: VLANs without a default VID; vid: with "
		 "this default"},
	{.op = CP_OP_PORTTYPE,
	 .words = "PORTType",
	 .choices = "ACCESS|TRUNK",
	 .help = "of ports without their own; default ACCESS"},
	{.op = CP_OP_GVRP,
	 .words = "GVRP",
	 .help = "register the VLANs in use at the switch outside; default when aware"},
	{.op = CP_OP_MVRP, .words = "MVRP", .help = "the same by MVRP"},
	{.op = CP_OP_NOGVRP, .words = "NOGVRP", .help = "no GVRP"},
	{.op = CP_OP_NATIVE,
	 .words = "NATive",
	 .choices = "NONE",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "VLAN of untagged frames on trunks and uplink; default 1"},
	{.op = CP_OP_USERBASED, .words = "USERBASED", .help = "ports belong to userids; default"},
	{.op = CP_OP_PORTBASED,
	 .words = "PORTBASED",
	 .help = "ports have numbers, and belong to who SET VSWITCH PORTNUMBER says"},
	{.op = CP_OP_PORTNAME,
	 .flags = CP_IGNORED,
	 .words = "PORTname",
	 .arg = CP_ARG_WORDS,
	 .max = 3,
	 .name = "name...",
	 .help = "ignored, as in z/VM"},
	{0},
};

static const struct cp_operand set_vswitch[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "switchname",
	 .arg = CP_ARG_SWITCH,
	 .help = "an existing switch"},
	{.op = CP_OP_GRANT,
	 .words = "GRant",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "authorize userid; for one already authorized, change what is named behind it"},
	{.op = CP_OP_REVOKE,
	 .words = "REVoke",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "end the authorization; existing connections stay"},
	{.op = CP_OP_PORTTYPE,
	 .words = "PORTType",
	 .choices = "ACCESS|TRUNK",
	 .help = "with GRANT: of the userid's ports; else the switch's default"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .choices = "UNAWARE|AWARE",
	 .arg = CP_ARG_VIDS,
	 .name = "vid|vid-vid...",
	 .help = "with GRANT: the VLANs of the userid; else the switch's default VID, AWARE for "
		 "none"},
	{.op = CP_OP_PROMISC,
	 .words = "PROmiscuous",
	 .help = "with GRANT: the userid may see all frames of its VLANs"},
	{.op = CP_OP_NOPROMISC,
	 .words = "NOPROmiscuous",
	 .help = "with GRANT: it may not; default"},
	{.op = CP_OP_OTHER, .flags = CP_IGNORED, .words = "OSDSIM", .help = "ignored"},
	{.op = CP_OP_TAP,
	 .words = "UPLINK TAP",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_UPLINK_DEVICES,
	 .name = "ifname...",
	 .help = "connect to the host by the TAP interface ifname; a second and third are its "
		 "backups"},
	OPERAND_UPLINK_NIC,
	OPERAND_UPLINK_DPDK,
	{.op = CP_OP_UPLINK_NONE, .words = "UPLINK NONE", .help = "close and forget the uplink"},
	{.op = CP_OP_UPLINK,
	 .words = "UPLINK",
	 .help = "before RDEV NONE, CONNECT or DISCONNECT, as in z/VM"},
	{.op = CP_OP_RDEV, .words = "RDEV NONE", .help = "the same as UPLINK NONE"},
	{.op = CP_OP_OTHER, .flags = CP_UNSUPPORTED, .words = "RDEV", .help = later_rdev},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "NIC",
	 .help = "use UPLINK TAP ifname"},
	{.op = CP_OP_CONNECT, .words = "CONnect", .help = "open the uplink"},
	{.op = CP_OP_DISCONNECT,
	 .words = "DISCONnect",
	 .help = "close the uplink, keep its definition"},
	{.op = CP_OP_SWITCHOVER,
	 .words = "SWITCHOVER",
	 .help = "use the next uplink device that is ready, without another operand"},
	{.op = CP_OP_ISOLATION,
	 .words = "ISOLATion",
	 .choices = YESNO_ON,
	 .help = "ON: no frames between guests"},
	{.op = CP_OP_MACPROTECT,
	 .words = "MACPRotect",
	 .choices = YESNO_ON "|UNSPECified",
	 .help = "ON: guests may use only their assigned address"},
	{.op = CP_OP_MACID,
	 .words = "MACID",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "last three bytes of the switch's own address"},
	{.op = CP_OP_GVRP,
	 .words = "GVRP",
	 .help = "register the VLANs in use at the switch outside"},
	{.op = CP_OP_MVRP, .words = "MVRP", .help = "the same by MVRP"},
	{.op = CP_OP_NOGVRP, .words = "NOGVRP", .help = "no GVRP"},
	{.op = CP_OP_NATIVE,
	 .words = "NATive",
	 .choices = "NONE",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "VLAN of untagged frames on trunks and uplink"},
	{.op = CP_OP_PRIQ, .words = "PRIQueuing", .choices = PRIORITIES, .help = HELP_PRIORITIES},
	{.op = CP_OP_RATE_UPLINK,
	 .words = "RATE UPLINK",
	 .help = "IN: what the uplink brings, OUT: what leaves by it"},
	{.op = CP_OP_RATE_VLAN,
	 .words = "RATE VLAN",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "of all ports in a VLAN. IN: what they send, OUT: what they get, each copy"},
	OPERAND_IN,
	OPERAND_OUT,
	OPERAND_BURST,
	{.op = CP_OP_QUEUESTORAGE,
	 .words = "QUEuestorage",
	 .arg = CP_ARG_STORAGE,
	 .name = "minM [maxM]",
	 .help = "stored and shown, no effect"},
	{.op = CP_OP_CONTROLLER,
	 .words = "CONTRoller",
	 .choices = "*",
	 .arg = CP_ARG_USERS,
	 .name = "userid...",
	 .help = "stored and shown, no effect"},
	{.op = CP_OP_IPTIMEOUT,
	 .words = "IPTimeout",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = 240,
	 .name = "minutes",
	 .help = HELP_IPTIMEOUT},
	OPERAND_LOG,
	OPERAND_WORKER("its uplink's devices are served by this worker of QUERY WORKERS; AUTO: by "
		       "the load"),
	{.op = CP_OP_VEPA,
	 .words = "VEPA",
	 .choices = YESNO_ON,
	 .help = "ON: frames between guests go by the switch outside, which must relay them back"},
	{.op = CP_OP_VLANCOUNTERS,
	 .words = "VLANCounters",
	 .choices = YESNO_ON,
	 .help = "ON: count frames and bytes of every VLAN; OFF forgets them"},
	{.op = CP_OP_MIRROR_TO,
	 .words = "MIRROR TO",
	 .arg = CP_ARG_USERVDEV,
	 .name = "userid vdev",
	 .help = "copies of frames for this NIC, which needs PROMISCUOUS authority; one mirror a "
		 "switch"},
	{.op = CP_OP_FROM,
	 .words = "FROM",
	 .choices = "ALL|UPLINK",
	 .arg = CP_ARG_USERVDEV,
	 .name = "userid vdev",
	 .help = "with MIRROR TO: of these ports; default ALL"},
	{.op = CP_OP_MIRROR_VLAN,
	 .words = "MIRROR VLAN",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "with MIRROR TO: only of this VLAN"},
	{.op = CP_OP_ONLY,
	 .words = "ONLY",
	 .choices = "IN|OUT",
	 .help = "with MIRROR TO: only what comes from the ports, or goes to them; default both, "
		 "once"},
	{.op = CP_OP_MIRROR_OFF, .words = "MIRROR OFF", .help = "no mirror; default"},
	{.op = CP_OP_PMTUD,
	 .words = "PATHMTUDiscovery",
	 .choices = "EXTernal|OFF",
	 .help = "of IP switches: guests are told when a packet is too big for what the uplink "
		 "takes, or never; EXTERNAL is the default"},
	{.op = CP_OP_PMTUD_VALUE,
	 .words = "PATHMTUDiscovery VALue",
	 .arg = CP_ARG_NUM,
	 .min = 576,
	 .max = 65486,
	 .name = "bytes",
	 .help = "576-65486: they are told of packets larger than this"},
	OPERAND_ROUTER,
	OPERAND_MIXED,
	{.op = CP_OP_NOGROUP, .words = "NOGroup", .help = "leave the port group"},
	OPERAND_GROUP,
	{.op = CP_OP_BRIDGEPORT_NONE, .words = "BRIDGEport NONE", .help = "no bridge port"},
	OPERANDS_BRIDGE,
	{.op = CP_OP_PORTNUMBER,
	 .words = "PORTNUMber",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = VS_PORTS_MAX,
	 .name = "n",
	 .help = "of a PORTBASED switch: make or change port n, with what is named behind it"},
	{.op = CP_OP_USER,
	 .words = "USERid",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "with PORTNUMBER: whose port it is"},
	{.op = CP_OP_MODIFY, .words = "MODIFY", .help = "with PORTNUMBER: the port must exist"},
	{.op = CP_OP_SNOOPING,
	 .words = "SNOOPing",
	 .choices = YESNO_ON,
	 .help = "ON: groups go to the guests without a driver that asked for them by IGMP or MLD; "
		 "default ON"},
	{.op = CP_OP_STORM_BROADCAST,
	 .words = "STORM BROADcast",
	 .choices = "OFF",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = STORM_MAX,
	 .name = "n",
	 .help = "broadcast frames a second that each port may send, the uplink too; default OFF"},
	{.op = CP_OP_STORM_MULTICAST,
	 .words = "STORM MULTIcast",
	 .choices = "OFF",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = STORM_MAX,
	 .name = "n",
	 .help = "the same of multicast"},
	{.op = CP_OP_STORM_UNKNOWN,
	 .words = "STORM UNKNOWN",
	 .choices = "OFF",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = STORM_MAX,
	 .name = "n",
	 .help = "the same of unicast to addresses nobody is known to have"},
	{.op = CP_OP_VLANID,
	 .words = "VLANID",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "of a PORTBASED switch: change which ports are in VLAN vid"},
	{.op = CP_OP_ADD,
	 .words = "ADD",
	 .arg = CP_ARG_PORTS,
	 .name = "n|n-n...",
	 .help = "with VLANID: these ports too"},
	{.op = CP_OP_REMOVE,
	 .words = "REMOVE",
	 .arg = CP_ARG_ANYPORTS,
	 .name = "n|n-n...",
	 .help = "with VLANID: not these ports; with PORTNUMBER alone: the port is no more"},
	{.op = CP_OP_DELETE, .words = "DELETE", .help = "with VLANID: no port"},
	{0},
};

static const struct cp_operand set_port_group[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "groupname",
	 .arg = CP_ARG_GROUP,
	 .help = "made by this statement if it does not exist"},
	{.op = CP_OP_JOIN_TAP,
	 .words = "JOIN TAP",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_GROUP_LINKS,
	 .name = "ifname...",
	 .help = "add TAP interfaces as links, up to 8 in a group"},
	{.op = CP_OP_JOIN_NIC,
	 .words = "JOIN NIC",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_GROUP_LINKS,
	 .name = "ifname...",
	 .help = "add interfaces the host has already"},
	{.op = CP_OP_JOIN_DPDK,
	 .words = "JOIN DPDK",
	 .arg = CP_ARG_TEXT,
	 .name = "device",
	 .help = "add a DPDK device"},
	{.op = CP_OP_LEAVE_TAP,
	 .words = "LEAVE TAP",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_GROUP_LINKS,
	 .name = "ifname...",
	 .help = "take links out"},
	{.op = CP_OP_LEAVE_NIC,
	 .words = "LEAVE NIC",
	 .arg = CP_ARG_IFNAMES,
	 .max = CP_GROUP_LINKS,
	 .name = "ifname...",
	 .help = "the same"},
	{.op = CP_OP_LEAVE_DPDK,
	 .words = "LEAVE DPDK",
	 .arg = CP_ARG_TEXT,
	 .name = "device",
	 .help = "the same"},
	{.op = CP_OP_LACP,
	 .words = "LACP",
	 .choices = "ACTive|INACTive",
	 .help = "INACTIVE: every link with a carrier is used, without asking the other side; "
		 "default ACTIVE"},
	{.op = CP_OP_INTERVAL,
	 .words = "INTerval",
	 .choices = "OFF",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = 9990,
	 .name = "seconds",
	 .help = "between two looks at the links' load; default 300"},
	{.op = CP_OP_TIMEOUT,
	 .words = "TIMEOUT",
	 .choices = "SLOW|FAST",
	 .help = "a silent partner is given up after 90 or after 3 seconds; default SLOW"},
	{.op = CP_OP_MINLINKS,
	 .words = "MINlinks",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = CP_GROUP_LINKS,
	 .name = "n",
	 .help = "with fewer links the group is not used; default 1"},
	{.op = CP_OP_EXCLUSIVE,
	 .words = "EXClusive",
	 .help = "the group belongs to one switch; default"},
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "SHAREd",
	 .help = "groups across machines come later"},
	{.op = CP_OP_DELETE, .words = "DELete", .help = "no switch may have it"},
	{0},
};

static const struct cp_operand query_port_group[] = {
	{.op = CP_OP_DETAILS,
	 .words = "DETails",
	 .help = "with LACP's states and partner, and the slots' load"},
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "groupname",
	 .arg = CP_ARG_GROUP,
	 .help = "only this one"},
	{0},
};

static const struct cp_operand detach_vswitch[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "switchname",
	 .arg = CP_ARG_SWITCH,
	 .help = "its NICs are uncoupled, its uplink is closed"},
	{0},
};

static const struct cp_operand define_lan[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "lanname",
	 .arg = CP_ARG_NEWNAME,
	 .help = "1-8 letters, digits, @ # $ _"},
	{.op = CP_OP_OWNER,
	 .words = "OWNERid",
	 .arg = CP_ARG_OWNER,
	 .name = "userid|*|SYSTEM",
	 .help = "default *: yourself; others need class B"},
	{.op = CP_OP_TYPE,
	 .words = "TYPE QDIO",
	 .help = "default (z/VM's default is HIPERSOCKETS)"},
	{.op = CP_OP_HIPERS,
	 .words = "TYPE HIPERsockets",
	 .help = "memory to memory between NICs of TYPE HIPERSOCKETS"},
	{.op = CP_OP_MFS,
	 .words = "MFS",
	 .choices = "16K|24K|40K|64K",
	 .help = "of TYPE HIPERSOCKETS: largest frame, MTU 8192, 16384, 32768 or 57344; default "
		 "16K"},
	{.op = CP_OP_CHPID,
	 .words = "CHPID",
	 .arg = CP_ARG_CHPID,
	 .name = "hh",
	 .help = "of TYPE HIPERSOCKETS: the channel path that the LAN is: its guests see it, and "
		 "COUPLE "
		 "may name it"},
	OPERAND_TRANSPORT,
	{.op = CP_OP_MAXCONN,
	 .words = "MAXCONN",
	 .choices = "INFinite",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = 1024,
	 .name = "1-1024",
	 .help = "connections at the same time; default INFINITE"},
	{.op = CP_OP_RESTRICTED,
	 .words = "RESTricted",
	 .help = "only the owner and granted userids may couple"},
	{.op = CP_OP_UNRESTRICTED, .words = "UNRESTricted", .help = "everyone may couple; default"},
	{.op = CP_OP_ACCOUNTING,
	 .words = "ACCounting",
	 .choices = YESNO_ON,
	 .help = "class B; ON: records of what each NIC sent and got; default OFF"},
	{.op = CP_OP_GRANT,
	 .words = "GRANT",
	 .arg = CP_ARG_USERS,
	 .name = "userid...",
	 .help = "authorize up to 8 userids"},
	{0},
};

static const struct cp_operand set_lan[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "lanname",
	 .arg = CP_ARG_LAN,
	 .help = "an existing guest LAN"},
	{.op = CP_OP_OWNER,
	 .words = "OWNERid",
	 .arg = CP_ARG_OWNER,
	 .name = "userid|*|SYSTEM",
	 .help = "default *: yourself"},
	{.op = CP_OP_GRANT,
	 .words = "GRant",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "authorize userid"},
	{.op = CP_OP_REVOKE,
	 .words = "REVoke",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "end the authorization; existing connections stay"},
	{.op = CP_OP_PROMISC,
	 .words = "PROmiscuous",
	 .help = "with GRANT: the userid may see all frames"},
	{.op = CP_OP_NOPROMISC,
	 .words = "NOPROmiscuous",
	 .help = "with GRANT: it may not; default"},
	{.op = CP_OP_ACCOUNTING,
	 .words = "ACCounting",
	 .choices = YESNO_ON,
	 .help = "class B; ON: records of what each NIC sent and got"},
	OPERAND_MIXED,
	{.op = CP_OP_ORPHANED,
	 .words = "ORPHANED",
	 .help = "class B, for configurations: its owner's last NIC has gone, so it goes with its "
		 "last connection"},
	{0},
};

static const struct cp_operand detach_lan[] = {
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL,
	 .words = "lanname",
	 .arg = CP_ARG_LAN,
	 .help = "its NICs are uncoupled"},
	{.op = CP_OP_OWNER,
	 .words = "OWNERid",
	 .arg = CP_ARG_OWNER,
	 .name = "userid|*|SYSTEM",
	 .help = "default *: yourself"},
	{0},
};

#define OPERAND_USER                                                                               \
	{                                                                                          \
		.op = CP_OP_USER, .flags = CP_LEADING, .words = "USERid", .arg = CP_ARG_USER,      \
		.name = "userid", .help = "whose NIC; default yourself; others need class B"       \
	}
#define OPERAND_VDEV                                                                               \
	{                                                                                          \
		.op = CP_OP_VDEV, .flags = CP_POSITIONAL, .words = "vdev", .arg = CP_ARG_VDEV,     \
		.help = "hexadecimal device number, or userid/vdev"                                \
	}

static const struct cp_operand define_nic[] = {
	OPERAND_USER,
	OPERAND_VDEV,
	{.op = CP_OP_TYPE, .words = "TYPE QDIO", .help = "the same as QDIO"},
	{.op = CP_OP_STREAM,
	 .words = "TYPE STREAM",
	 .help = "for QEMU's -netdev stream: its socket is userid-vdev.sock"},
	{.op = CP_OP_DGRAM,
	 .words = "TYPE DGRAM",
	 .help = "for QEMU's -netdev dgram: its socket is userid-vdev.sock"},
	{.op = CP_OP_VHOST,
	 .words = "TYPE VHOST",
	 .help = "for virtio-net by vhost-user (QEMU, DPDK): its socket is userid-vdev.vhost"},
	{.op = CP_OP_HIPERS,
	 .words = "TYPE HIPERsockets",
	 .help = "a HiperSockets adapter, for a LAN of that type"},
	{.op = CP_OP_TYPE, .words = "QDIO", .help = "default (z/VM's default is HIPERSOCKETS)"},
	{.op = CP_OP_HIPERS, .words = "HIPERsockets", .help = "the same as TYPE HIPERSOCKETS"},
	{.op = CP_OP_DEVICES,
	 .words = "DEVices",
	 .arg = CP_ARG_NUM,
	 .min = 3,
	 .max = 240,
	 .name = "n",
	 .help = "3-240 device numbers are reserved, the first three work; default 3"},
	{.op = CP_OP_CHPID,
	 .words = "CHPID",
	 .arg = CP_ARG_CHPID,
	 .name = "hh",
	 .help = "channel path id the guest sees"},
	{0},
};

static const struct cp_operand define_ctca[] = {
	OPERAND_VDEV,
	{.op = CP_OP_USER,
	 .words = "USERid",
	 .choices = "*",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "whose CTCAs may be coupled to it; default *: everybody's"},
	{.op = CP_OP_SYSMACID,
	 .words = "SYSMACID",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "class B; last three bytes of its address; default: assigned"},
	{0},
};

static const struct cp_operand query_ctca[] = {
	{.op = CP_OP_USER,
	 .flags = CP_LEADING,
	 .words = "USERid",
	 .choices = "*",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "whose; default yourself, for class B without vdev everyone; others need class B"},
	{.op = CP_OP_ALL, .words = "ALL", .help = "all; default"},
	{.op = CP_OP_VDEV,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "vdev",
	 .arg = CP_ARG_VDEV,
	 .help = "only this one, or userid/vdev"},
	{0},
};

static const struct cp_operand nicdef[] = {
	{.op = CP_OP_USER,
	 .flags = CP_POSITIONAL,
	 .words = "userid",
	 .arg = CP_ARG_USER,
	 .help = "whose NIC: there is no directory entry around the statement"},
	{.op = CP_OP_VDEV,
	 .flags = CP_POSITIONAL,
	 .words = "vdev",
	 .arg = CP_ARG_VDEV,
	 .help = "hexadecimal device number"},
	{.op = CP_OP_TYPE, .words = "TYPE QDIO", .help = "default"},
	{.op = CP_OP_STREAM,
	 .words = "TYPE STREAM",
	 .help = "for QEMU's -netdev stream: its socket is userid-vdev.sock"},
	{.op = CP_OP_DGRAM,
	 .words = "TYPE DGRAM",
	 .help = "for QEMU's -netdev dgram: its socket is userid-vdev.sock"},
	{.op = CP_OP_VHOST,
	 .words = "TYPE VHOST",
	 .help = "for virtio-net by vhost-user (QEMU, DPDK): its socket is userid-vdev.vhost"},
	{.op = CP_OP_HIPERS,
	 .words = "TYPE HIPERsockets",
	 .help = "a HiperSockets adapter, for a LAN of that type"},
	{.op = CP_OP_DEVICES,
	 .words = "DEVices",
	 .arg = CP_ARG_NUM,
	 .min = 3,
	 .max = 240,
	 .name = "n",
	 .help = "as in DEFINE NIC; default 3"},
	{.op = CP_OP_NETWORK,
	 .words = "LAN",
	 .arg = CP_ARG_NETWORK,
	 .name = "owner name",
	 .help = "authorize the NIC for this network and couple it as soon as it exists"},
	{.op = CP_OP_CHPID,
	 .words = "CHPID",
	 .arg = CP_ARG_CHPID,
	 .name = "hh",
	 .help = "channel path id the guest sees"},
	{.op = CP_OP_MACID,
	 .words = "MACID",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "last three bytes of its address; default: assigned"},
	{.op = CP_OP_PORTTYPE,
	 .words = "PORTType",
	 .choices = "ACCESS|TRUNK",
	 .help = "default: of the GRANT, else of the switch"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .arg = CP_ARG_VIDS,
	 .name = "vid|vid-vid...",
	 .help = "default: of the GRANT, else the switch's default VID"},
	{.op = CP_OP_PROMISC, .words = "PROmiscuous", .help = "it may see all frames of its VLANs"},
	{.op = CP_OP_NOPROMISC,
	 .words = "NOPROmiscuous",
	 .help = "it may not, unless by GRANT; default"},
	{.op = CP_OP_PQUPLINKTX,
	 .words = "PQUPLINKTX",
	 .choices = "LOW|NORMAL|HIGH",
	 .help = "class of its frames at an uplink with PRIQUEUING; default NORMAL"},
	{.op = CP_OP_PORTNUMBER,
	 .words = "PORTNUMber",
	 .choices = "AUTO",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = VS_PORTS_MAX,
	 .name = "n",
	 .help = "its port on a PORTBASED switch; default AUTO: a free one"},
	{.op = CP_OP_SYSMACID,
	 .words = "SYSMACID",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "the same as an assigned address: with the MACPREFIX, from the SYSTEM range"},
	{0},
};

static const struct cp_operand set_nic[] = {
	OPERAND_USER,
	OPERAND_VDEV,
	{.op = CP_OP_MACID,
	 .words = "MACID",
	 .choices = "SYSTEM",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "class B; last three bytes of its address, SYSTEM: the next free one"},
	{.op = CP_OP_MACPROTECT,
	 .words = "MACPRotect",
	 .choices = YESNO_ON "|UNSPECified",
	 .help = "class B; UNSPECIFIED: as the switch says"},
	{.op = CP_OP_PQUPLINKTX,
	 .words = "PQUPLINKTX",
	 .choices = "LOW|NORMAL|HIGH",
	 .help = "class of its frames at an uplink with PRIQUEUING"},
	{.op = CP_OP_RATE_IN,
	 .words = "RATE IN",
	 .choices = "OFF",
	 .arg = CP_ARG_RATE,
	 .name = "rate",
	 .help = "class B; what it may send into the switch, bits a second: 500K, 100M, 10G"},
	{.op = CP_OP_RATE_OUT,
	 .words = "RATE OUT",
	 .choices = "OFF",
	 .arg = CP_ARG_RATE,
	 .name = "rate",
	 .help = "class B; what it may get out of the switch"},
	OPERAND_BURST,
	{.op = CP_OP_GUARANTEE,
	 .words = "GUARantee",
	 .choices = "OFF",
	 .arg = CP_ARG_RATE,
	 .name = "rate",
	 .help = "class B; its share of a full uplink, at least"},
	{.op = CP_OP_RATEGROUP,
	 .words = "RATEGroup",
	 .choices = "NONE",
	 .arg = CP_ARG_NEWNAME,
	 .name = "name",
	 .help = "class B; it shares the rates of this group"},
	{.op = CP_OP_PROMISC,
	 .words = "PROmiscuous",
	 .help = "it gets all frames of its VLANs, if it is authorized to"},
	{.op = CP_OP_NOPROMISC,
	 .words = "NOPROmiscuous",
	 .help = "it does not, unless its driver asks for it; default"},
	OPERAND_WORKER(
		"class B; served by this worker of QUERY WORKERS, wherever the load is; AUTO: "
		"by the load"),
	{.op = CP_OP_OTHER,
	 .flags = CP_UNSUPPORTED,
	 .words = "VLAN",
	 .help = "use SET VSWITCH ... GRANT ... VLAN or NICDEF ... VLAN"},
	{0},
};

static const struct cp_operand one_nic[] = {
	OPERAND_USER,
	OPERAND_VDEV,
	{0},
};

static const struct cp_operand couple[] = {
	OPERAND_USER,
	OPERAND_VDEV,
	{.op = CP_OP_TO, .words = "TO", .help = "may be left out"},
	{.op = CP_OP_PORTNUMBER,
	 .words = "PORTnumber",
	 .choices = "AUTO",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = VS_PORTS_MAX,
	 .name = "n",
	 .help = "of a PORTBASED switch; default AUTO: the user's first free one"},
	{.op = CP_OP_CHPID,
	 .words = "CHPID",
	 .arg = CP_ARG_CHPID,
	 .name = "hh",
	 .help = "the HiperSockets LAN that is this channel path"},
	{.op = CP_OP_REVOKED,
	 .words = "REVOKED",
	 .help = "class B, for configurations: without authority, as a connection that has "
		 "outlived its REVOKE"},
	{.op = CP_OP_PORTTYPE,
	 .words = "PORTType",
	 .choices = "ACCESS|TRUNK",
	 .help = "with REVOKED: what its port is; default ACCESS"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .arg = CP_ARG_VIDS,
	 .name = "vid|vid-vid...",
	 .help = "with REVOKED: its VLANs; default none"},
	{.op = CP_OP_PROMISC,
	 .words = "PROmiscuous",
	 .help = "with REVOKED: it may see all frames of its VLANs"},
	{.op = CP_OP_NETWORK,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "owner name",
	 .arg = CP_ARG_NETWORK,
	 .help = "SYSTEM switchname, or ownerid lanname; default: the LAN of the NICDEF. Of a "
		 "CTCA: "
		 "userid vdev of another, * yourself"},
	{0},
};

static const struct cp_operand query_vswitch[] = {
	{.op = CP_OP_ALL, .words = "ALL", .help = "every switch; default"},
	{.op = CP_OP_DETAILS,
	 .words = "DETails",
	 .help = "with authorizations, connected NICs, addresses and counters"},
	{.op = CP_OP_ACCESS, .words = "ACCesslist", .help = "with the authorized userids"},
	{.op = CP_OP_ACTIVE, .words = "ACTive", .help = "with the connected NICs"},
	{.op = CP_OP_PROMISC, .words = "PROmiscuous", .help = "with the NICs that see all frames"},
	{.op = CP_OP_PORTNUMBER,
	 .words = "PORTNUMber",
	 .choices = "ALL",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = VS_PORTS_MAX,
	 .name = "n",
	 .help = "with this port of a PORTBASED switch, or all"},
	{.op = CP_OP_VLAN,
	 .words = "VLAN",
	 .arg = CP_ARG_VID,
	 .name = "vid",
	 .help = "with the ports in this VLAN"},
	{.op = CP_OP_FDB,
	 .words = "FDB",
	 .help = "with the forwarding database: registered and learned addresses"},
	{.op = CP_OP_MULTICAST,
	 .words = "MULTIcast",
	 .help = "with the groups asked for by IGMP and MLD, and the ports of queriers"},
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "switchname",
	 .arg = CP_ARG_SWITCH,
	 .help = "only this one"},
	{0},
};

static const struct cp_operand query_lan[] = {
	{.op = CP_OP_ALL, .words = "ALL", .help = "every guest LAN and switch; default"},
	{.op = CP_OP_OWNER,
	 .words = "OWNERid",
	 .arg = CP_ARG_OWNER,
	 .name = "userid|*|SYSTEM",
	 .help = "only those of this owner"},
	{.op = CP_OP_DETAILS,
	 .words = "DETails",
	 .help = "with authorizations, connected NICs, addresses and counters"},
	{.op = CP_OP_ACCESS, .words = "ACCesslist", .help = "with the authorized userids"},
	{.op = CP_OP_ACTIVE, .words = "ACTive", .help = "with the connected NICs"},
	{.op = CP_OP_NAME,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "lanname",
	 .arg = CP_ARG_LAN,
	 .help = "only those of this name"},
	{0},
};

static const struct cp_operand query_nic[] = {
	{.op = CP_OP_USER,
	 .flags = CP_LEADING,
	 .words = "USERid",
	 .choices = "*",
	 .arg = CP_ARG_USER,
	 .name = "userid",
	 .help = "whose NICs; default yourself, for class B without vdev everyone; others need "
		 "class B"},
	{.op = CP_OP_ALL, .words = "ALL", .help = "all NICs; default"},
	{.op = CP_OP_DETAILS,
	 .words = "DETails",
	 .help = "with the guest's session, addresses and counters"},
	{.op = CP_OP_VDEV,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "vdev",
	 .arg = CP_ARG_VDEV,
	 .help = "only this one, or userid/vdev"},
	{0},
};

static const struct cp_operand query_counters[] = {
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

#define CP_QUOTA_MAX 4096

static const struct cp_operand set_vmlan[] = {
	{.op = CP_OP_PERSISTENT,
	 .words = "LIMIT PERSistent",
	 .choices = "INFinite",
	 .arg = CP_ARG_NUM,
	 .max = CP_LANS_MAX,
	 .name = "n",
	 .help = "networks of SYSTEM; default INFINITE"},
	{.op = CP_OP_PERSISTENT,
	 .words = "PERSistent",
	 .choices = "INFinite",
	 .arg = CP_ARG_NUM,
	 .max = CP_LANS_MAX,
	 .name = "n",
	 .help = "the same, behind LIMIT TRANSIENT"},
	{.op = CP_OP_TRANSIENT,
	 .words = "LIMIT TRANSient",
	 .choices = "INFinite",
	 .arg = CP_ARG_NUM,
	 .max = CP_LANS_MAX,
	 .name = "n",
	 .help = "guest LANs of users, 0: users make none; default INFINITE"},
	{.op = CP_OP_TRANSIENT,
	 .words = "TRANSient",
	 .choices = "INFinite",
	 .arg = CP_ARG_NUM,
	 .max = CP_LANS_MAX,
	 .name = "n",
	 .help = "the same, behind LIMIT PERSISTENT"},
	{.op = CP_OP_QUOTA_LANS,
	 .words = "LIMIT USERLans",
	 .arg = CP_ARG_NUM,
	 .max = CP_QUOTA_MAX,
	 .name = "n",
	 .help = "guest LANs of one user, when class G makes them; default 16"},
	{.op = CP_OP_QUOTA_NICS,
	 .words = "LIMIT USERNics",
	 .arg = CP_ARG_NUM,
	 .max = CP_QUOTA_MAX,
	 .name = "n",
	 .help = "NICs of one user, when class G makes them; default 64"},
	{.op = CP_OP_ACCT_SYSTEM,
	 .words = "ACCounting SYSTEM",
	 .choices = YESNO_ON,
	 .help = "default of new networks of SYSTEM; default OFF"},
	{.op = CP_OP_ACCT_SYSTEM, .words = "ACNT SYSTEM", .choices = YESNO_ON, .help = "the same"},
	{.op = CP_OP_ACCT_USER,
	 .words = "ACCounting USER",
	 .choices = YESNO_ON,
	 .help = "default of new guest LANs of users; default OFF"},
	{.op = CP_OP_ACCT_USER, .words = "ACNT USER", .choices = YESNO_ON, .help = "the same"},
	{.op = CP_OP_MACPREFIX,
	 .words = "MACPREFIX",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "first three bytes of assigned addresses; default 020000"},
	{.op = CP_OP_USERPREFIX,
	 .words = "USERPREFIX",
	 .arg = CP_ARG_MACID,
	 .name = "xxxxxx",
	 .help = "first three bytes of those with a MACID; default: the MACPREFIX"},
	{.op = CP_OP_RANGE_SYSTEM,
	 .words = "MACIDRANGE SYSTEM",
	 .arg = CP_ARG_MACRANGE,
	 .name = "xxxxxx-xxxxxx",
	 .help = "last three bytes of assigned addresses; default 000001-FFFFFF"},
	{.op = CP_OP_RANGE_USER,
	 .words = "MACIDRANGE USER",
	 .arg = CP_ARG_MACRANGE,
	 .name = "xxxxxx-xxxxxx",
	 .help = "MACIDs lie in here; default 000001-FFFFFF"},
	{.op = CP_OP_RANGE_USER,
	 .words = "USER",
	 .arg = CP_ARG_MACRANGE,
	 .name = "xxxxxx-xxxxxx",
	 .help = "the same, behind MACIDRANGE SYSTEM"},
	{.op = CP_OP_MACPROTECT,
	 .words = "MACPROTect",
	 .choices = YESNO_ON,
	 .help = "where neither the NIC nor its switch says it; default OFF"},
	{0},
};

#define CP_ID_MAX 4294967294u /* the last one stands for "none" */

static const struct cp_operand user[] = {
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

static const struct cp_operand query_user[] = {
	{.op = CP_OP_USER,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "userid",
	 .arg = CP_ARG_USER,
	 .help = "only this one"},
	{0},
};

static const struct cp_operand set_dpdk[] = {
	{.op = CP_OP_ARGS,
	 .words = "ARGS",
	 .arg = CP_ARG_TEXT,
	 .name = "\"text\"",
	 .help = "arguments of DPDK's EAL, before the first port; zland chooses those not given"},
	{0},
};

#define OPERAND_GROUPNAME(flag)                                                                    \
	{                                                                                          \
		.op = CP_OP_NAME, .flags = CP_POSITIONAL | (flag), .words = "groupname",           \
		.arg = CP_ARG_NEWNAME, .help = "1-8 letters, digits, @ # $ _"                      \
	}

static const struct cp_operand rategroup[] = {
	OPERAND_GROUPNAME(0), OPERAND_IN, OPERAND_OUT, OPERAND_BURST, {0},
};

static const struct cp_operand one_rategroup[] = {
	OPERAND_GROUPNAME(0),
	{0},
};

static const struct cp_operand query_rategroup[] = {
	OPERAND_GROUPNAME(CP_OPTIONAL),
	{0},
};

static const struct cp_operand set_workers[] = {
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

static const struct cp_operand query_events[] = {
	{.op = CP_OP_LAST,
	 .words = "LAST",
	 .arg = CP_ARG_NUM,
	 .min = 1,
	 .max = CP_EVENTS,
	 .name = "n",
	 .help = "only so many; default all that are kept, 256"},
	{0},
};

static const struct cp_operand save[] = {
	{.op = CP_OP_UPLINK_NONE,
	 .words = "NONE",
	 .help = "forget what was saved: the next start is from the configuration file alone"},
	{0},
};

#define TRACE_ID(flag)                                                                             \
	{                                                                                          \
		.op = CP_OP_NAME, .flags = CP_POSITIONAL | (flag), .words = "traceid",             \
		.arg = CP_ARG_NEWNAME, .help = "1-8 letters, digits, @ # $ _"                      \
	}

static const struct cp_operand trsource[] = {
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

static const struct cp_operand one_trace[] = {
	TRACE_ID(0),
	{0},
};

static const struct cp_operand query_trsource[] = {
	{.op = CP_OP_NAME,
	 .words = "ID",
	 .arg = CP_ARG_NEWNAME,
	 .name = "traceid",
	 .help = "only this one"},
	{0},
};

static const struct cp_operand none[] = {{0}};

static const struct cp_operand help[] = {
	{.op = CP_OP_TOPIC,
	 .flags = CP_POSITIONAL | CP_OPTIONAL,
	 .words = "command",
	 .arg = CP_ARG_TOPIC,
	 .help = "its syntax and operands"},
	{0},
};

static const struct cp_command commands[] = {
	{"DEFine VSWITCH", define_vswitch, true, cp_do_define_vswitch, "make a virtual switch"},
	{"DEFine LAN", define_lan, false, cp_do_define_lan, "make a guest LAN"},
	{"DEFine NIC", define_nic, false, cp_do_define_nic, "make a network adapter for a user"},
	{"DEFine CTCA", define_ctca, false, cp_do_define_ctca,
	 "make one end of a link between two guests"},
	{"NICDEF", nicdef, true, cp_do_nicdef,
	 "make or extend a NIC with its network, VLANs and address"},
	{"USER", user, true, cp_do_user, "name accounts of this machine that may act as a user"},
	{"COUPle", couple, false, cp_do_couple, "plug a NIC into a network, or join two CTCAs"},
	{"UNCOUPle", one_nic, false, cp_do_uncouple, "unplug a NIC or CTCA"},
	{"DETach VSWITCH", detach_vswitch, true, cp_do_detach_vswitch, "destroy a virtual switch"},
	{"DETach LAN", detach_lan, false, cp_do_detach_lan, "destroy a guest LAN"},
	{"DETach NIC", one_nic, false, cp_do_detach_nic, "destroy a NIC"},
	{"DETach CTCA", one_nic, false, cp_do_detach_nic, "destroy a CTCA"},
	{"DETach", one_nic, false, cp_do_detach_nic, "the same, by any device number of the NIC"},
	{"SET VSWITCH", set_vswitch, true, cp_do_set_vswitch,
	 "authorize users, set uplink and attributes of a virtual switch"},
	{"MODIFY VSWITCH", set_vswitch, true, cp_do_set_vswitch,
	 "the same, as z/VM's SYSTEM CONFIG spells it"},
	{"SET VMLAN", set_vmlan, true, cp_do_set_vmlan,
	 "set limits and the addresses of all networks"},
	{"VMLAN", set_vmlan, true, cp_do_set_vmlan, "the same, as z/VM's SYSTEM CONFIG spells it"},
	{"SET PORT GROUP", set_port_group, true, cp_do_set_port_group,
	 "make or change a group of links that are one uplink"},
	{"SET DPDK", set_dpdk, true, cp_do_set_dpdk, "say how DPDK is to be started"},
	{"DEFine RATEGroup", rategroup, true, cp_do_define_rategroup,
	 "make a group of NICs that share rates, fairly"},
	{"SET RATEGroup", rategroup, true, cp_do_set_rategroup, "change the rates of a group"},
	{"DETach RATEGroup", one_rategroup, true, cp_do_detach_rategroup,
	 "destroy a group without NICs"},
	{"SET WORKERS", set_workers, true, cp_do_set_workers,
	 "say how many threads forward frames, and where"},
	{"SET LAN", set_lan, false, cp_do_set_lan, "authorize users of a guest LAN"},
	{"SET NIC", set_nic, false, cp_do_set_nic, "set the address and attributes of a NIC"},
	{"TRSource ID", trsource, true, cp_do_trsource,
	 "define a trace: frames of a network, written into a file by zland"},
	{"TRSource ENABLE ID", one_trace, true, cp_do_trsource_enable, "begin to trace"},
	{"TRSource DISABLE ID", one_trace, true, cp_do_trsource_disable,
	 "end it; the definition stays"},
	{"TRSource DROP ID", one_trace, true, cp_do_trsource_drop,
	 "end it and forget the definition; its files stay"},
	{"Query VSWITCH", query_vswitch, false, cp_do_query_vswitch, "show virtual switches"},
	{"Query LAN", query_lan, false, cp_do_query_lan, "show guest LANs and virtual switches"},
	{"Query NIC", query_nic, false, cp_do_query_nic, "show NICs"},
	{"Query VIRTual NIC", query_nic, false, cp_do_query_nic, "the same"},
	{"Query CTCA", query_ctca, false, cp_do_query_ctca,
	 "show CTCAs and what they are joined to"},
	{"Query VIRTual CTCA", query_ctca, false, cp_do_query_ctca, "the same"},
	{"Query VMLAN", none, false, cp_do_query_vmlan, "show limits and address ranges"},
	{"Query PORT GROUP", query_port_group, true, cp_do_query_port_group, "show port groups"},
	{"Query USER", query_user, false, cp_do_query_user, "show the accounts that USER named"},
	{"Query RATEGroup", query_rategroup, true, cp_do_query_rategroup,
	 "show groups of NICs that share rates"},
	{"Query COUNTers", query_counters, true, cp_do_query_counters,
	 "show frames, bytes and drops of every port"},
	{"Query WORKERS", none, true, cp_do_query_workers,
	 "show the threads that forward frames, their load and that of their ports"},
	{"Query EVENTS", query_events, true, cp_do_query_events, "show the last lines of the log"},
	{"Query TRSOURCE", query_trsource, true, cp_do_query_trsource,
	 "show traces, what they wait for and what they wrote"},
	{"Query CONFIGuration", none, true, cp_do_query_configuration,
	 "show the statements that recreate what is defined"},
	{"SAVE", save, true, cp_do_save,
	 "make what is defined now the configuration of the next start"},
	{"HELP", help, false, cp_do_help, "show commands, or the syntax of one"},
	{"SHUTDOWN", none, true, cp_do_shutdown, "end zland"},
	{NULL, NULL, false, NULL, NULL},
};

const struct cp_command *cp_commands(void)
{
	return commands;
}
