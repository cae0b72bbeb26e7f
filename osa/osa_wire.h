/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes between a QDIO network driver and its OSA-Express adapter: IDX, MPC and
 * IPA control messages and the headers in front of frames. Used by the adapter
 * and by the guest-side driver, which share nothing else.
 *
 * All fields are big-endian. Source: spec/osa-qeth.md; the section is named at
 * each structure.
 */
#ifndef OSA_OSA_WIRE_H
#define OSA_OSA_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "common/be.h"

#define OSA_MSG_MAX 4096u /* longest control message in either direction */

/* ---- first word of a message, 2.2 ---------------------------------------------------------- */

#define OSA_WORD_IDX 0x00008000u    /* IDX ACTIVATE */
#define OSA_WORD_MPC 0x00E00000u    /* transport header: CM, ULP, IPA */
#define OSA_WORD_NOTICE 0x0000C000u /* shutdown notice of z/OS, 8 bytes; as IDX: TERMINATE */

/* ---- IDX, 2.3 to 2.5 ----------------------------------------------------------------------- */

enum osa_idx_type {
	OSA_IDX_READ = 0x19,
	OSA_IDX_WRITE = 0x15,
};

#define OSA_IDX_COMMAND 0x8000u
#define OSA_IDX_TERMINATE 0xC000u    /* both bits in the command field of an answer */
#define OSA_IDX_RESULT_MASK 0x03u    /* of the type byte of an answer: */
#define OSA_IDX_POSITIVE 0x02u	     /* everything else is negative, an echo too */
#define OSA_IDX_PORT_FLAGS 0xC0u     /* of the port byte of a request */
#define OSA_IDX_PORT_MASK 0x0Fu	     /* of the port byte of a request */
#define OSA_IDX_NO_PORTNAME 0x80u    /* of the port byte of an answer */
#define OSA_IDX_PORT_ANSWER 0xC0u    /* the port byte of an answer */
#define OSA_IDX_LEVEL_OSD 0x0101u    /* function level an OSD driver sends */
#define OSA_IDX_LEVEL_IGNORE 0x0100u /* bit the driver ignores in the write answer */
#define OSA_IDX_CONSTANT 0x01u	     /* byte 9 of a request */

enum osa_idx_cause { /* byte 9 of a negative answer */
		     OSA_IDX_EXCLUSIVE = 0x19,
		     OSA_IDX_NOT_AUTHORISED = 0x1E,
		     OSA_IDX_USER_NOT_AUTHORISED = 0x20,
		     OSA_IDX_INVALID_PORT = 0x22,
};

enum osa_terminate_cause { /* byte 4 of IDX TERMINATE; other causes start recovery */
			   OSA_TERMINATE_LAYER = 0x41,
			   OSA_TERMINATE_LAYER_ZVM = 0xF6,
};

struct osa_idx {
	be16 zero;
	be16 command; /* OSA_IDX_COMMAND; both bits of OSA_IDX_TERMINATE: terminate */
	union {
		be32 seq; /* transport sequence number */
		uint8_t terminate_cause;
	};
	uint8_t type;  /* enum osa_idx_type; answer: low bits OSA_IDX_POSITIVE */
	uint8_t cause; /* request OSA_IDX_CONSTANT; negative answer: enum osa_idx_cause */
	uint8_t n_data;
	uint8_t port;
	be32 token; /* issuer token of the side that sends */
	be16 level;
	uint8_t microcode[4];
	uint8_t name[8]; /* EBCDIC */
	be16 data_devno;
	uint8_t cula;
	uint8_t unit_addr;
} BE_PACKED;
static_assert(sizeof(struct osa_idx) == 0x22, "IDX ACTIVATE");
static_assert(offsetof(struct osa_idx, type) == 0x08, "IDX type");
static_assert(offsetof(struct osa_idx, port) == 0x0B, "IDX port");
static_assert(offsetof(struct osa_idx, token) == 0x0C, "IDX token");
static_assert(offsetof(struct osa_idx, level) == 0x10, "IDX level");
static_assert(offsetof(struct osa_idx, microcode) == 0x12, "IDX microcode");
static_assert(offsetof(struct osa_idx, name) == 0x16, "IDX name");
static_assert(offsetof(struct osa_idx, data_devno) == 0x1E, "IDX data device");

/* ---- MPC envelope, 3.1 --------------------------------------------------------------------- */

struct osa_th {
	be32 id; /* OSA_WORD_MPC */
	be32 seq;
	be32 rrh_offset; /* from the TH; the driver reads the low byte */
	be32 len;	 /* of the whole message */
	be16 capacity;	 /* OSA_TH_CAPACITY_*; meaning unverified */
	be16 n_rrh;
} BE_PACKED;
static_assert(sizeof(struct osa_th) == 0x14, "TH");

#define OSA_TH_CAPACITY_HOST 0x1000u
#define OSA_TH_CAPACITY_ADAPTER 0x0FFCu

enum osa_class { OSA_CLASS_CM = 0x81, OSA_CLASS_ULP = 0x41, OSA_CLASS_IPA = 0xC1 };

enum osa_protocol {
	OSA_PROTOCOL_LAYER3 = 0x03,
	OSA_PROTOCOL_LAYER2 = 0x08,
	OSA_PROTOCOL_CONTROL = 0x7E, /* CM and ULP */
};

struct osa_rrh {
	be32 next;
	uint8_t class; /* enum osa_class */
	uint8_t protocol;
	be16 n_ph;
	be32 seq; /* PDU sequence number: absolute offset 0x1C, the host echoes it at 0x20 */
	be32 ack;
	be16 ph_offset; /* from the RRH */
	be16 pdu_len;	/* of the first PH's PDU */
	uint8_t pdu_total[3];
	uint8_t token_len; /* OSA_RRH_TOKEN_LEN */
	be32 token;	   /* destination */
	uint8_t zero[8];   /* absent in the short form */
} BE_PACKED;
static_assert(sizeof(struct osa_rrh) == 0x24, "RRH");

#define OSA_RRH_TOKEN_LEN 0x05u
#define OSA_RRH_SHORT_BYTES 0x1Cu

struct osa_ph {
	uint8_t location; /* OSA_PH_FOLLOWS */
	uint8_t len[3];	  /* of the PDU */
	be32 offset;	  /* of the PDU from the TH */
} BE_PACKED;
static_assert(sizeof(struct osa_ph) == 8, "PH");

#define OSA_PH_FOLLOWS 0x01u

/* What stands in front of every PDU. */
struct osa_mpc {
	struct osa_th th;
	struct osa_rrh rrh;
	struct osa_ph ph;
} BE_PACKED;
static_assert(sizeof(struct osa_mpc) == 0x40, "MPC header part");
static_assert(offsetof(struct osa_mpc, rrh.class) == 0x18, "class");
static_assert(offsetof(struct osa_mpc, rrh.seq) == 0x1C, "PDU sequence number");
static_assert(offsetof(struct osa_mpc, rrh.ack) == 0x20, "acknowledge number");
static_assert(offsetof(struct osa_mpc, rrh.token) == 0x2C, "destination token");
static_assert(offsetof(struct osa_mpc, ph.len) == 0x39, "PDU length");
static_assert(offsetof(struct osa_mpc, ph.offset) == 0x3C, "PDU offset");

/* ---- CM and ULP PDUs, 3.2 and 3.3 ---------------------------------------------------------- */

enum osa_pdu_type {
	OSA_PDU_ENABLE = 0x02,
	OSA_PDU_DISABLE = 0x03,
	OSA_PDU_SETUP = 0x04,
	OSA_PDU_TAKEDOWN = 0x05,
	OSA_PDU_CONFIRM = 0x06,
	OSA_PDU_ACTIVE = 0x60,
};

#define OSA_PDU_KIND 0x41u
#define OSA_PDU_KIND_ACTIVE 0x43u

struct osa_pdu {
	be16 len; /* 12 */
	uint8_t kind;
	uint8_t type;	    /* enum osa_pdu_type */
	be16 subvector_len; /* of all sub-vectors */
	uint8_t zero[6];
} BE_PACKED;
static_assert(sizeof(struct osa_pdu) == 12, "PDU block");

enum osa_sv_type {
	OSA_SV_FILTER = 0x01,
	OSA_SV_LIMITS = 0x02,
	OSA_SV_FILTER_END = 0x03,
	OSA_SV_SENDER = 0x04,
	OSA_SV_RECEIVER = 0x05,
	OSA_SV_CAPACITY = 0x06,
	OSA_SV_CAPACITY_ANSWER = 0x07,
	OSA_SV_ANSWERER = 0x08,
	OSA_SV_PORT = 0x0A,
	OSA_SV_DEVICE = 0x0B,
};

struct osa_sv { /* the start of every sub-vector */
	be16 len;
	uint8_t key; /* OSA_SV_KEY */
	uint8_t type;
} BE_PACKED;
static_assert(sizeof(struct osa_sv) == 4, "sub-vector");

#define OSA_SV_KEY 0x04u
#define OSA_SV_FILTER_KEY 0x04u
#define OSA_SV_TOKEN_LEN 0x05u

struct osa_sv_filter { /* 0x01 */
	struct osa_sv sv;
	uint8_t protocol; /* enum osa_protocol */
	uint8_t filter_key;
	uint8_t token_len;
	be32 token;
} BE_PACKED;
static_assert(sizeof(struct osa_sv_filter) == 0x0B, "sub-vector 1");

struct osa_sv_limits { /* 0x02: all ones in the request, zero in the answer */
	struct osa_sv sv;
	uint8_t limits[8];
} BE_PACKED;
static_assert(sizeof(struct osa_sv_limits) == 0x0C, "sub-vector 2");

struct osa_sv_token { /* 0x03, 0x04, 0x05, 0x08 */
	struct osa_sv sv;
	uint8_t token_len;
	be32 token;
} BE_PACKED;
static_assert(sizeof(struct osa_sv_token) == 0x09, "sub-vectors with a token");

struct osa_sv_capacity { /* 0x06 */
	struct osa_sv sv;
	be16 value;
} BE_PACKED;
static_assert(sizeof(struct osa_sv_capacity) == 0x06, "sub-vector 6");

#define OSA_SV_CAPACITY_CM 0xC800u
#define OSA_SV_CAPACITY_ULP 0x4000u

struct osa_sv_capacity_answer { /* 0x07 */
	struct osa_sv sv;
	be32 value;
} BE_PACKED;
static_assert(sizeof(struct osa_sv_capacity_answer) == 0x08, "sub-vector 7");

#define OSA_SV_CAPACITY_ANSWER_VALUE 0x40000000u

struct osa_sv_port { /* 0x0A as in the request */
	struct osa_sv sv;
	be32 constant; /* OSA_SV_PORT_CONSTANT */
	be16 mtu;      /* request 0xFFFF; answer of an OSD: maximum MTU */
	uint8_t port;
	uint8_t name_len; /* 8 */
	uint8_t name[8];  /* EBCDIC */
} BE_PACKED;
static_assert(sizeof(struct osa_sv_port) == 0x14, "sub-vector 0A, request");

struct osa_sv_port_answer {
	struct osa_sv_port port;
	uint8_t link_type; /* enum osa_link_type */
	uint8_t zero[3];
} BE_PACKED;
static_assert(sizeof(struct osa_sv_port_answer) == 0x18, "sub-vector 0A, answer");

#define OSA_SV_PORT_CONSTANT 0x00200000u

enum osa_link_type {
	OSA_LINK_FAST = 0x01,
	OSA_LINK_HSTR = 0x02, /* token ring: drivers refuse it */
	OSA_LINK_1G = 0x03,
	OSA_LINK_10G = 0x10,
	OSA_LINK_25G = 0x12,
	OSA_LINK_LANE_TR = 0x82, /* refused likewise */
};

struct osa_sv_device { /* 0x0B */
	struct osa_sv sv;
	be16 data_devno;
	uint8_t cula;
	uint8_t unit_addr;
} BE_PACKED;
static_assert(sizeof(struct osa_sv_device) == 0x08, "sub-vector 0B");

/* The messages as one driver lays them out; an adapter must walk the sub-vectors instead. */
struct osa_cm_enable { /* request and answer */
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_filter filter;
	struct osa_sv_limits limits;
} BE_PACKED;
static_assert(sizeof(struct osa_cm_enable) == 0x63, "CM_ENABLE");
static_assert(offsetof(struct osa_cm_enable, filter.token) == 0x53, "CM_ENABLE token");

struct osa_setup { /* CM_SETUP */
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_token sender;
	struct osa_sv_token receiver;
	struct osa_sv_capacity capacity;
} BE_PACKED;
static_assert(sizeof(struct osa_setup) == 0x64, "CM_SETUP");
static_assert(offsetof(struct osa_setup, receiver.token) == 0x5A, "CM_SETUP filter token");

struct osa_ulp_enable {
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_filter filter;
	struct osa_sv_port port;
} BE_PACKED;
static_assert(sizeof(struct osa_ulp_enable) == 0x6B, "ULP_ENABLE");
static_assert(offsetof(struct osa_ulp_enable, filter.protocol) == 0x50, "ULP_ENABLE layer");

struct osa_ulp_setup {
	struct osa_setup setup;
	struct osa_sv_device device;
} BE_PACKED;
static_assert(sizeof(struct osa_ulp_setup) == 0x6C, "ULP_SETUP");

struct osa_dm_act { /* request and answer */
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_token sender;
} BE_PACKED;
static_assert(sizeof(struct osa_dm_act) == 0x55, "DM_ACT");

struct osa_setup_answer { /* CM_SETUP */
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_token sender; /* the host's token */
	struct osa_sv_token answerer;
	struct osa_sv_capacity_answer capacity;
} BE_PACKED;
static_assert(offsetof(struct osa_setup_answer, answerer.token) == 0x40 + 0x1A, "SETUP token");

struct osa_ulp_enable_answer {
	struct osa_mpc mpc;
	struct osa_pdu pdu;
	struct osa_sv_filter filter;
	struct osa_sv_port_answer port;
} BE_PACKED;
static_assert(offsetof(struct osa_ulp_enable_answer, port.port.sv.len) == 0x40 + 0x17, "length");
static_assert(offsetof(struct osa_ulp_enable_answer, port.port.mtu) == 0x40 + 0x1F, "MTU");
static_assert(offsetof(struct osa_ulp_enable_answer, port.link_type) == 0x40 + 0x2B, "link type");

struct osa_ulp_setup_answer {
	struct osa_setup_answer setup;
	struct osa_sv_device device;
} BE_PACKED;
static_assert(offsetof(struct osa_ulp_setup_answer, device) == 0x40 + 0x26, "device");

/* ---- IPA header, 4.1 ----------------------------------------------------------------------- */

struct osa_ipa {
	uint8_t command;   /* enum osa_command */
	uint8_t initiator; /* enum osa_initiator */
	be16 seq;	   /* echoed: replies are matched by this alone */
	be16 rc;	   /* enum osa_rc */
	uint8_t adapter_type;
	uint8_t port;
	uint8_t version; /* of the primitive: OSA_IPA_VERSION_* */
	uint8_t n_parm;
	be16 protocol; /* 0 none, 4, 6 */
	be32 supported;
	be32 enabled; /* absent in the 16-byte form of older drivers */
} BE_PACKED;
static_assert(sizeof(struct osa_ipa) == 20, "IPA header");

#define OSA_IPA_SHORT_BYTES 16u
#define OSA_IPA_ADAPTER_TYPE 0x01u
#define OSA_IPA_VERSION_LAYER2 2u
#define OSA_IPA_VERSION_LAYER3 1u

enum osa_initiator { OSA_FROM_HOST = 0, OSA_FROM_ADAPTER = 1 };
enum osa_ipa_protocol { OSA_IPA_NONE = 0, OSA_IPA_IPV4 = 4, OSA_IPA_IPV6 = 6 };

/* X(ENUM, code): the commands, 4.2 */
#define OSA_COMMAND_LIST(X)                                                                        \
	X(STARTLAN, 0x01)                                                                          \
	X(STOPLAN, 0x02)                                                                           \
	X(SETVMAC, 0x21)                                                                           \
	X(DELVMAC, 0x22)                                                                           \
	X(SETGMAC, 0x23)                                                                           \
	X(DELGMAC, 0x24)                                                                           \
	X(SETVLAN, 0x25)                                                                           \
	X(DELVLAN, 0x26)                                                                           \
	X(VNICC, 0x2A)                                                                             \
	X(SETBRIDGEPORT, 0x2B)                                                                     \
	X(SETCCID, 0x41)                                                                           \
	X(DELCCID, 0x42)                                                                           \
	X(MODCCID, 0x43)                                                                           \
	X(SETIP, 0xB1)                                                                             \
	X(QIPASSIST, 0xB2)                                                                         \
	X(SETASSPARMS, 0xB3)                                                                       \
	X(SETIPM, 0xB4)                                                                            \
	X(DELIPM, 0xB5)                                                                            \
	X(SETRTG, 0xB6)                                                                            \
	X(DELIP, 0xB7)                                                                             \
	X(SETADAPTERPARMS, 0xB8)                                                                   \
	X(SETDIAGASS, 0xB9)                                                                        \
	X(SETBRIDGEPORT_IQD, 0xBE)                                                                 \
	X(CREATE_ADDR, 0xC3)                                                                       \
	X(DESTROY_ADDR, 0xC4)                                                                      \
	X(REGISTER_LOCAL_ADDR, 0xD1)                                                               \
	X(UNREGISTER_LOCAL_ADDR, 0xD2)                                                             \
	X(ADDRESS_CHANGE, 0xD3)

enum osa_command {
#define X(name, code) OSA_##name = code,
	OSA_COMMAND_LIST(X)
#undef X
};

/* ---- return codes, 5.3 --------------------------------------------------------------------- */

enum osa_rc {
	OSA_RC_OK = 0x0000,
	OSA_RC_NOT_SUPPORTED = 0x0001,
	OSA_RC_IP_TABLE_FULL_V6 = 0x0002,
	OSA_RC_UNSPECIFIED = 0x0003,
	OSA_RC_UNSUPPORTED_COMMAND = 0x0004,
	OSA_RC_OUT_OF_SEQUENCE = 0x0005, /* VNICC; trace: already active */
	OSA_RC_INVALID_FORMAT = 0x0006,
	OSA_RC_DUP_IPV6_REMOTE = 0x0008,
	OSA_RC_DUP_IPV6_HOME = 0x0010,
	OSA_RC_UNREGISTERED_ADDR = 0x0011,
	OSA_RC_NO_ID = 0x0012,
	OSA_RC_ID_NOT_FOUND = 0x0013,
	OSA_RC_WRONG_IP_VERSION = 0x0020,
	OSA_RC_L2_UNSUPPORTED = 0x2003,
	OSA_RC_L2_DUP_MAC = 0x2005,
	OSA_RC_L2_TABLE_FULL = 0x2006,
	OSA_RC_L2_DUP_LAYER3_MAC = 0x200A,
	OSA_RC_L2_GMAC_NOT_FOUND = 0x200B,
	OSA_RC_L2_MAC_NOT_AUTH_HYP = 0x200C,
	OSA_RC_L2_MAC_NOT_AUTH = 0x200D,
	OSA_RC_L2_MAC_NOT_FOUND = 0x2010,
	OSA_RC_L2_INVALID_VLAN = 0x2015,
	OSA_RC_L2_DUP_VLAN = 0x2016,
	OSA_RC_L2_VLAN_NOT_FOUND = 0x2017,
	OSA_RC_L2_VLAN_NOT_ALLOWED = 0x2050,
	OSA_RC_VNICC_BRIDGE_PORT = 0x20B0,
	OSA_RC_BRIDGE_NOT_CONFIGURED = 0x2B0C,
	OSA_RC_BRIDGE_OTHER_FAMILY = 0x2B10,
	OSA_RC_BRIDGE_PRIMARY_EXISTS = 0x2B14,
	OSA_RC_BRIDGE_IS_SECONDARY = 0x2B18,
	OSA_RC_BRIDGE_SECONDARIES_FULL = 0x2B1C,
	OSA_RC_BRIDGE_NOT_AUTHORISED = 0x2B20,
	OSA_RC_BRIDGE_IS_PRIMARY = 0x2B24,
	OSA_RC_BRIDGE_NO_QUEUES = 0x2BEB,
	OSA_RC_DATA_MISMATCH = 0xE001,
	OSA_RC_INVALID_MTU = 0xE002,
	OSA_RC_INVALID_LAN_TYPE = 0xE003,
	OSA_RC_INVALID_LAN_NUMBER = 0xE004,
	OSA_RC_DUP_IP = 0xE005,
	OSA_RC_IP_TABLE_FULL = 0xE006,
	OSA_RC_PORT_STATE = 0xE007,
	OSA_RC_SETIP_BEFORE_STARTLAN = 0xE008,
	OSA_RC_SETIP_ALREADY = 0xE009,
	OSA_RC_DUP_IP_NETWORK = 0xE00A,
	OSA_RC_GROUP_NOT_FOUND = 0xE00B,
	OSA_RC_UNSUPPORTED_SUBCMD = 0xE00E,
	OSA_RC_ARP_PARTIAL = 0xE00F,
	OSA_RC_PRIMARY_DEFINED = 0xE010,
	OSA_RC_SECONDARY_DEFINED = 0xE011,
	OSA_RC_INVALID_SETRTG = 0xE012,
	OSA_RC_GROUP_DEFINED = 0xE013,
	OSA_RC_GROUP_TABLE_FULL = 0xE014,
	OSA_RC_LAN_OFFLINE = 0xE080,
	OSA_RC_REFLECTIVE_LOST = 0xE090, /* STOPLAN event: adjacent switch left reflective relay */
	OSA_RC_INVALID_IP_VERSION = 0xF001,
	OSA_RC_UNKNOWN = 0xFFFF,
};

/* ---- assists, 5.1: QIPASSIST masks and SETASSPARMS numbers --------------------------------- */

enum osa_assist {
	OSA_ASSIST_ARP = 0x00000001,
	OSA_ASSIST_CSUM_IN = 0x00000002,
	OSA_ASSIST_CSUM_OUT = 0x00000004,
	OSA_ASSIST_FRAGMENT = 0x00000008,
	OSA_ASSIST_FILTER = 0x00000010,
	OSA_ASSIST_IPV6 = 0x00000020,
	OSA_ASSIST_MULTICAST = 0x00000040,
	OSA_ASSIST_REASSEMBLY = 0x00000080,
	OSA_ASSIST_ARP_COUNTERS = 0x00000100,
	OSA_ASSIST_ARP_INFO = 0x00000200,
	OSA_ASSIST_SETADAPTERPARMS = 0x00000400,
	OSA_ASSIST_VLAN_PRIORITY = 0x00000800,
	OSA_ASSIST_PASSTHRU = 0x00001000,
	OSA_ASSIST_ARP_FLUSH = 0x00002000,
	OSA_ASSIST_FULL_VLAN = 0x00004000,
	OSA_ASSIST_PASSTHRU_IN = 0x00008000,
	OSA_ASSIST_SOURCE_MAC = 0x00010000,
	OSA_ASSIST_MULTICAST_ROUTER = 0x00020000,
	OSA_ASSIST_ARP_QUERY = 0x00040000,
	OSA_ASSIST_TSO_IN = 0x00080000,
	OSA_ASSIST_TSO_OUT = 0x00100000,
	/* zlan's own, never in a QIPASSIST mask, so that a stock driver never asks: START with
	 * protocol 4 makes the adapter hand over unfinished frames as they are
	 * (OSA_OFFLOAD_PARTIAL, id OSA_HDR_LAYER2_TSO). A card that does not know it answers as to
	 * any unknown assist. */
	OSA_ASSIST_LARGE_IN = 0x80000000,
	OSA_ASSIST_CSUM_IN_V6 = 0x00400000,  /* offers of the IPv6 word; the assist numbers */
	OSA_ASSIST_CSUM_OUT_V6 = 0x00800000, /* stay 2 and 4 with protocol 6 */
};

/* ---- command data, 4.4 to 4.6 -------------------------------------------------------------- */

struct osa_data_mac { /* SETVMAC, DELVMAC, SETGMAC, DELGMAC */
	be32 len;     /* 6 */
	uint8_t mac[6];
} BE_PACKED;
static_assert(sizeof(struct osa_data_mac) == 10, "MAC data");

struct osa_data_vlan { /* SETVLAN, DELVLAN */
	be16 vid;
} BE_PACKED;
static_assert(sizeof(struct osa_data_vlan) == 2, "VLAN data");

struct osa_data_ip4 { /* SETIP, DELIP with protocol 4; padded to 36 by the host */
	uint8_t addr[4];
	uint8_t mask[4];
	be32 flags; /* enum osa_ip_flag */
} BE_PACKED;
static_assert(sizeof(struct osa_data_ip4) == 12, "SETIP IPv4");

struct osa_data_ip6 {
	uint8_t addr[16];
	uint8_t mask[16];
	be32 flags;
} BE_PACKED;
static_assert(sizeof(struct osa_data_ip6) == 36, "SETIP IPv6");

enum osa_ip_flag {
	OSA_IP_SET_VIPA = 0x01,
	OSA_IP_SET_TAKEOVER = 0x02,
	OSA_IP_DEL_TAKEOVER = 0x20,
	OSA_IP_DEL_VIPA = 0x40,
	OSA_IP_DEL_SETIP_AGAIN = 0x80,
};

struct osa_data_group { /* SETIPM, DELIPM */
	uint8_t mac[6];
	be16 zero;
	uint8_t addr[16]; /* IPv4: in the last four bytes */
} BE_PACKED;
static_assert(sizeof(struct osa_data_group) == 24, "SETIPM");

struct osa_data_routing { /* SETRTG */
	uint8_t type;	  /* enum osa_routing */
} BE_PACKED;

enum osa_routing {
	OSA_ROUTING_NONE = 0,
	OSA_ROUTING_PRIMARY = 1,
	OSA_ROUTING_SECONDARY = 2,
	OSA_ROUTING_MULTICAST = 3,
	OSA_ROUTING_PRIMARY_CONNECTOR = 4,
	OSA_ROUTING_SECONDARY_CONNECTOR = 5,
};

struct osa_data_create_addr { /* CREATE_ADDR, DESTROY_ADDR */
	uint8_t mac[6];
	be16 id;
} BE_PACKED;
static_assert(sizeof(struct osa_data_create_addr) == 8, "CREATE_ADDR");

/* ---- SETASSPARMS, 4.7 ---------------------------------------------------------------------- */

struct osa_assparms {
	be32 assist; /* one bit of enum osa_assist */
	be16 len;    /* 8 + length of the assist data */
	be16 subcommand;
	be16 rc;
	uint8_t n_replies;
	uint8_t reply_nr;
} BE_PACKED;
static_assert(sizeof(struct osa_assparms) == 12, "SETASSPARMS");

enum osa_assist_subcommand {
	OSA_ASSIST_START = 0x0001,
	OSA_ASSIST_STOP = 0x0002,
	OSA_ASSIST_CONFIGURE = 0x0003,
	OSA_ASSIST_ENABLE = 0x0004,
	OSA_ASSIST_SUB_5 = 0x0005, /* z/OS and z/VM; meaning unverified */
	OSA_ASSIST_SUB_6 = 0x0006,
	OSA_ASSIST_SUB_8 = 0x0008,
	/* of OSA_ASSIST_ARP */
	OSA_ARP_SET_ENTRIES = 0x0003,
	OSA_ARP_QUERY_CACHE = 0x0004,
	OSA_ARP_ADD = 0x0005,
	OSA_ARP_REMOVE = 0x0006,
	OSA_ARP_FLUSH = 0x0007,
	OSA_ARP_QUERY_INFO = 0x0104,
	OSA_ARP_QUERY_STATS = 0x0204,
};

enum osa_csum {
	OSA_CSUM_IP = 0x02,
	OSA_CSUM_UDP = 0x08,
	OSA_CSUM_TCP = 0x10,
	OSA_CSUM_LP2LP = 0x20, /* also between the stacks of one port */
};

#define OSA_TSO_TCP 0x1u

struct osa_assist_word { /* requests with one word; START of a checksum assist: features */
	struct osa_assparms ass;
	be32 value;
} BE_PACKED;
static_assert(sizeof(struct osa_assist_word) == 16, "SETASSPARMS word");

struct osa_assist_pair { /* supported and enabled; answer to START of TSO: MSS and supported */
	struct osa_assparms ass;
	union {
		be32 supported;
		be32 mss;
	};
	union {
		be32 enabled;
		be32 tso_supported;
	};
} BE_PACKED;
static_assert(sizeof(struct osa_assist_pair) == 20, "SETASSPARMS pair");

struct osa_arp_add { /* OSA_ARP_ADD, OSA_ARP_REMOVE */
	struct osa_assparms ass;
	uint8_t mac[6];
	be16 zero;
	uint8_t addr[16]; /* IPv4: in the first four bytes */
	uint8_t zero2[32];
} BE_PACKED;
static_assert(sizeof(struct osa_arp_add) == 12 + 56, "ARP entry");

struct osa_arp_query { /* answer to OSA_ARP_QUERY_INFO; request: request_bits, rest zero */
	struct osa_assparms ass;
	be16 request_bits;
	be16 reply_bits;
	be32 n;
} BE_PACKED;
static_assert(sizeof(struct osa_arp_query) == 20, "ARP query");

#define OSA_ARP_WITH_MAC 7u /* reply_bits: entries of struct osa_arp_info4 */

struct osa_arp_info4 { /* entry of the answer: type 7, IPv4 */
	uint8_t media[32];
	uint8_t mac_type; /* unverified: a driver only shows it */
	uint8_t ip_type;
	uint8_t mac[6];
	uint8_t addr[4];
} BE_PACKED;
static_assert(sizeof(struct osa_arp_info4) == 44, "ARP query entry");

#define OSA_ARP_MAC_ETHERNET 1u
#define OSA_ARP_IP_V4 1u

enum osa_arp_rc {
	OSA_ARP_RC_OK = 0x0000,
	OSA_ARP_RC_FAILED = 0x0001,
	OSA_ARP_RC_NOT_SUPPORTED = 0x0002,
	OSA_ARP_RC_RANGE = 0x0003,
	OSA_ARP_RC_NO_DATA = 0x0008,
};

/* ---- SETADAPTERPARMS, 4.8 ------------------------------------------------------------------ */

struct osa_adpparms {
	be32 supported;
	be32 enabled;
	be16 len; /* 16 + length of the sub-data */
	be16 zero;
	be32 subcommand; /* enum osa_adp */
	be16 rc;
	uint8_t parts;
	uint8_t part;
	uint8_t flags; /* OSA_ADP_VIRTUAL_MAC */
	uint8_t zero2[3];
} BE_PACKED;
static_assert(sizeof(struct osa_adpparms) == 24, "SETADAPTERPARMS");
static_assert(offsetof(struct osa_adpparms, subcommand) == 12, "sub-command");
static_assert(offsetof(struct osa_adpparms, flags) == 20, "flags");

#define OSA_ADP_VIRTUAL_MAC 0x80u

enum osa_adp { /* sub-commands and mask bits */
	       OSA_ADP_QUERY = 0x00000001,
	       OSA_ADP_ALTER_MAC = 0x00000002,
	       OSA_ADP_GROUP_ADDR = 0x00000004,
	       OSA_ADP_FUNCTIONAL_ADDR = 0x00000008,
	       OSA_ADP_ADDRESSING_MODE = 0x00000010,
	       OSA_ADP_CONFIG_PARMS = 0x00000020,
	       OSA_ADP_CONFIG_PARMS_EXT = 0x00000040,
	       OSA_ADP_BROADCAST_MODE = 0x00000080,
	       OSA_ADP_SEND_OSA_MESSAGE = 0x00000100,
	       OSA_ADP_SNMP = 0x00000200,
	       OSA_ADP_CARD_INFO = 0x00000400,
	       OSA_ADP_PROMISC = 0x00000800,
	       OSA_ADP_DIAG = 0x00002000, /* mask only: SETDIAGASS may be used */
	       OSA_ADP_ACCESS_CONTROL = 0x00010000,
	       OSA_ADP_OAT = 0x00080000,
	       OSA_ADP_SWITCH_ATTRIBUTES = 0x00100000,
};

enum osa_adp_rc { /* at osa_adpparms.rc */
		  OSA_ADP_RC_OK = 0x0000,
		  OSA_ADP_RC_NOT_SUPPORTED = 0x0004,
		  OSA_ADP_RC_NOT_ISOLATED = 0x0008, /* access control: was not isolated anyway */
		  OSA_ADP_RC_ISOLATED = 0x0010,	    /* was isolated anyway */
		  OSA_ADP_RC_NOT_SHARED = 0x0014,
		  OSA_ADP_RC_TSO_ACTIVE = 0x0018,
		  OSA_ADP_RC_NO_REFLECTIVE = 0x0022,
		  OSA_ADP_RC_REFLECTIVE_ON_FAILED = 0x0024,
		  OSA_ADP_RC_REFLECTIVE_OFF_FAILED = 0x0028,
		  OSA_OAT_RC_SCOPE = 0x0008, /* query OAT: bad scope */
		  OSA_OAT_RC_NO_DATA = 0x0010,
		  OSA_OAT_RC_SHORTAGE = 0x0014,
};

struct osa_adp_query {
	struct osa_adpparms adp;
	be32 n_lan_types;
	uint8_t lan_type; /* enum osa_link_type */
	uint8_t zero[3];
	be32 supported;
	uint8_t zero2[8];
} BE_PACKED;
static_assert(sizeof(struct osa_adp_query) == 44, "query commands");
static_assert(offsetof(struct osa_adp_query, lan_type) == 28, "LAN type");

struct osa_adp_mac {
	struct osa_adpparms adp;
	be32 op;   /* enum osa_mac_op */
	be32 size; /* 6 */
	be32 n;
	uint8_t mac[6];
} BE_PACKED;
static_assert(sizeof(struct osa_adp_mac) == 42, "alter MAC");
static_assert(offsetof(struct osa_adp_mac, mac) == 36, "MAC");

enum osa_mac_op {
	OSA_MAC_READ = 0,
	OSA_MAC_REPLACE = 1,
	OSA_MAC_ADD = 2,
	OSA_MAC_DELETE = 4,
	OSA_MAC_RESET = 8,
};

struct osa_adp_promisc {
	struct osa_adpparms adp;
	be32 mode; /* 0 off, 1 on */
} BE_PACKED;
static_assert(sizeof(struct osa_adp_promisc) == 28, "promiscuous mode");

struct osa_adp_access {
	struct osa_adpparms adp;
	be32 mode; /* enum osa_isolation */
	uint8_t zero[8];
} BE_PACKED;
static_assert(sizeof(struct osa_adp_access) == 36, "access control");

enum osa_isolation {
	OSA_ISOLATION_NONE = 0,
	OSA_ISOLATION_FORWARD = 1,
	OSA_ISOLATION_DROP = 2,
};

struct osa_adp_card_info {
	struct osa_adpparms adp;
	uint8_t type; /* enum osa_card_type */
	uint8_t zero;
	be16 port_mode; /* 2 half, 3 full duplex */
	be32 speed;	/* OSA_CARD_SPEED_* */
} BE_PACKED;
static_assert(sizeof(struct osa_adp_card_info) == 32, "card info");

enum osa_card_type {
	OSA_CARD_1G_COPPER = 0x61,
	OSA_CARD_1G_FIBRE = 0x71,
	OSA_CARD_10G_FIBRE = 0x91,
};

#define OSA_CARD_FULL_DUPLEX 3u
#define OSA_SPEED_1G 7u	 /* card info */
#define OSA_SPEED_10G 8u /* card info and OAT */

struct osa_adp_switch {
	struct osa_adpparms adp;
	uint8_t version;
	uint8_t zero[3];
	be32 capabilities; /* enum osa_switch_attribute */
	be32 settings;
	uint8_t zero2[8];
} BE_PACKED;
static_assert(sizeof(struct osa_adp_switch) == 44, "switch attributes");

enum osa_switch_attribute {
	OSA_SWITCH_FORWARDING = 0x1,
	OSA_SWITCH_REFLECTIVE_RELAY = 0x2,
	OSA_SWITCH_RTE = 0x4,
	OSA_SWITCH_ECP = 0x8,
	OSA_SWITCH_VDP = 0x10,
};

struct osa_adp_snmp {
	struct osa_adpparms adp;
	uint8_t token[16];
	be32 request;
	be32 interface;
	be32 rc;
	be32 firmware;
	be32 seq;
} BE_PACKED;
static_assert(sizeof(struct osa_adp_snmp) == 60, "SNMP control");

enum osa_snmp_request {
	OSA_SNMP_REGISTER = 0x04, /* what there is */
	OSA_SNMP_GET = 0x10,
	OSA_SNMP_SET = 0x11,
};

enum osa_snmp_rc {
	OSA_SNMP_OK = 0x00,
	OSA_SNMP_TOP = 0x01, /* no such table */
	OSA_SNMP_SUFFIX = 0x04,
	OSA_SNMP_INSTANCE = 0x08,
	OSA_SNMP_NOT_WRITABLE = 0x20,
	OSA_SNMP_NOT_SUPPORTED = 0x40,
};

/* ---- query OAT, 4.9 ------------------------------------------------------------------------ */

enum osa_oat_scope { OSA_OAT_LEVELS = 0, OSA_OAT_INTERFACE = 1 };

struct osa_adp_oat { /* request; answer: followed by records */
	struct osa_adpparms adp;
	be32 scope;
	be32 zero;
	be32 scopes;	  /* answer: supported scopes */
	be32 descriptors; /* answer: supported descriptor types */
} BE_PACKED;
static_assert(sizeof(struct osa_adp_oat) == 40, "query OAT");

enum osa_oat_type {
	OSA_OAT_PHYSICAL = 0x0004,
	OSA_OAT_LOGICAL = 0x0008,
	OSA_OAT_DESCRIPTOR = 0x0010,
};

struct osa_oat_record {
	be16 type;
	be16 len; /* with this header */
	be16 version;
	uint8_t zero[6];
	be32 ec_level;
} BE_PACKED;
static_assert(sizeof(struct osa_oat_record) == 16, "OAT record header");

struct osa_oat_physical {
	struct osa_oat_record rec;
	be16 pchid;
	be16 chpid;
	uint8_t burnt_in_mac[6];
	uint8_t configured_mac[6];
	be16 data_devno;
	uint8_t cula;
	uint8_t unit_addr;
	be16 port;
	be16 out_queues;
	be16 in_queues;
	be16 active_in_queues;
	be32 flags; /* top four bits: CHPID kind, 0 OSD */
	uint8_t generation;
	uint8_t speed;
	uint8_t media;
	uint8_t jumbo; /* 0x80 */
	be32 firmware;
	uint8_t zero[24];
} BE_PACKED;
static_assert(sizeof(struct osa_oat_physical) == 80, "OAT physical record");
static_assert(offsetof(struct osa_oat_physical, speed) == 49, "OAT speed");
static_assert(offsetof(struct osa_oat_physical, media) == 50, "OAT media");

#define OSA_OAT_JUMBO 0x80u
#define OSA_OAT_MEDIA_COPPER 1u
#define OSA_OAT_MEDIA_MULTI 2u
#define OSA_OAT_GENERATION_7S 5u

struct osa_oat_logical {
	struct osa_oat_record rec;
	uint8_t routers;
	uint8_t vmac_flags;
	uint8_t port_flags; /* enum osa_oat_port_flag */
	uint8_t zero;
	be16 vlan4;
	uint8_t vmac4[6];
	be16 vlan6;
	uint8_t vmac6[6];
	uint8_t port_name[8];
	be32 assists4, assists6;
	be32 csum_out4, csum_out6;
	be32 csum_in4, csum_in6;
	be32 zero2;
	be16 l2_vlan;
	uint8_t l2_vmac[6];
	be16 n_descriptors;
	uint8_t zero3[14];
} BE_PACKED;
static_assert(sizeof(struct osa_oat_logical) == 96, "OAT logical record");
static_assert(offsetof(struct osa_oat_logical, assists4) == 16 + 28, "OAT assists");
static_assert(offsetof(struct osa_oat_logical, l2_vmac) == 16 + 58, "OAT layer-2 MAC");

enum osa_oat_port_flag { /* bits from the left */
			 OSA_OAT_PORT_NAME = 0x80,
			 OSA_OAT_ISOLATED = 0x40,
			 OSA_OAT_ISOLATED_VEPA = 0x20,
};

struct osa_oat_descriptor { /* followed by the entries, which its record length leaves out */
	struct osa_oat_record rec;
	be32 type; /* enum osa_oat_entries */
	be32 routing_type;
	be16 version;
	be16 queue;
	be32 entry_len;
	be16 entry_version;
	be16 n_entries;
	be16 zero;
	uint8_t zero2[10];
} BE_PACKED;
static_assert(sizeof(struct osa_oat_descriptor) == 48, "OAT descriptor record");

enum osa_oat_entries {
	OSA_OAT_IPV4 = 0x00000001,
	OSA_OAT_IPV4_GROUP = 0x00000002,
	OSA_OAT_IPV6 = 0x00000004,
	OSA_OAT_IPV6_GROUP = 0x00000008,
	OSA_OAT_UNICAST_MAC = 0x00000100,
	OSA_OAT_VLAN = 0x00000200,
	OSA_OAT_GROUP_MAC = 0x00000400,
	OSA_OAT_WORKLOAD_QUEUE = 0x00010000,
};

struct osa_oat_mac {
	uint8_t mac[6];
	be16 zero;
} BE_PACKED;
static_assert(sizeof(struct osa_oat_mac) == 8, "OAT MAC entry");

struct osa_oat_vlan {
	be16 vid;
	be16 zero;
} BE_PACKED;
static_assert(sizeof(struct osa_oat_vlan) == 4, "OAT VLAN entry");

struct osa_oat_ip4 {
	uint8_t addr[4];
	be32 flags; /* of SETIP */
} BE_PACKED;
static_assert(sizeof(struct osa_oat_ip4) == 8, "OAT IPv4 entry");

struct osa_oat_group4 {
	uint8_t addr[4];
	uint8_t mac[6];
	uint8_t zero[6];
} BE_PACKED;
static_assert(sizeof(struct osa_oat_group4) == 16, "OAT IPv4 group entry");

struct osa_oat_ip6 {
	uint8_t addr[16];
	be32 flags;
	be32 zero;
} BE_PACKED;
static_assert(sizeof(struct osa_oat_ip6) == 24, "OAT IPv6 entry");

struct osa_oat_group6 {
	uint8_t addr[16];
	uint8_t mac[6];
	be16 zero;
} BE_PACKED;
static_assert(sizeof(struct osa_oat_group6) == 24, "OAT IPv6 group entry");

/* Bits of osa_oat_logical.routers. */
enum osa_oat_router {
	OSA_OAT_PRIMARY4 = 0x80,
	OSA_OAT_SECONDARY4 = 0x40,
	OSA_OAT_ACTIVE4 = 0x20,
	OSA_OAT_PRIMARY6 = 0x10,
	OSA_OAT_SECONDARY6 = 0x08,
	OSA_OAT_ACTIVE6 = 0x04,
};

/* ---- SETDIAGASS, 4.10 ---------------------------------------------------------------------- */

struct osa_diag {
	be32 tod_high;
	be32 zero;
	be16 len; /* 16 + data length */
	be16 zero2;
	be32 subcommand; /* enum osa_diag_subcommand */
	uint8_t type;	 /* OSA_DIAG_TYPE_* */
	uint8_t action;	 /* enum osa_diag_action; echoed */
	be16 options;
	be32 ext; /* answer to a query: mask of sub-commands */
} BE_PACKED;
static_assert(sizeof(struct osa_diag) == 24, "SETDIAGASS");

#define OSA_DIAG_TRAP_BYTES 64u /* data of a trap command */

enum osa_diag_subcommand {
	OSA_DIAG_QUERY = 0x01,
	OSA_DIAG_TRAP = 0x02,
	OSA_DIAG_TRACE = 0x04,
	OSA_DIAG_NO_LOG = 0x08,
	OSA_DIAG_DUMP = 0x10,
};

enum osa_diag_action { /* of a trap */
		       OSA_TRAP_ARM = 0x01,
		       OSA_TRAP_DISARM = 0x02,
		       OSA_TRAP_CAPTURE = 0x04,
};

enum osa_trace_action { OSA_TRACE_ENABLE = 0x01, OSA_TRACE_DISABLE = 0x02 };

#define OSA_DIAG_TYPE_HIPERSOCKETS 2u /* of a trace */

enum osa_diag_rc { OSA_DIAG_RC_INVALID = 0x0002, OSA_DIAG_RC_NOT_AUTHORISED = 0x0003 };

/* ---- VNIC characteristics, 4.11 ------------------------------------------------------------ */

struct osa_vnicc {
	be32 supported;
	be32 enabled;
	be16 len; /* 8 + data length */
	be16 zero;
	be32 subcommand;     /* enum osa_vnicc_subcommand */
	be32 characteristic; /* one bit of enum osa_characteristic */
	be32 value;	     /* valid sub-commands, or seconds */
} BE_PACKED;
static_assert(sizeof(struct osa_vnicc) == 24, "VNICC");
static_assert(offsetof(struct osa_vnicc, characteristic) == 16, "characteristic");

#define OSA_VNICC_MIN_BYTES 16u /* through the sub-command */

enum osa_vnicc_subcommand {
	OSA_VNICC_QUERY = 0x00,
	OSA_VNICC_QUERY_COMMANDS = 0x01,
	OSA_VNICC_ENABLE = 0x02,
	OSA_VNICC_DISABLE = 0x04,
	OSA_VNICC_SET_TIMEOUT = 0x08,
	OSA_VNICC_GET_TIMEOUT = 0x10,
};

#define OSA_CHAR_FLOODING 0x80000000u
#define OSA_CHAR_MCAST_FLOODING 0x40000000u
#define OSA_CHAR_LEARNING 0x20000000u
#define OSA_CHAR_TAKEOVER_SETVMAC 0x10000000u
#define OSA_CHAR_TAKEOVER_LEARNING 0x08000000u
#define OSA_CHAR_BRIDGE_INVISIBLE 0x04000000u
#define OSA_CHAR_RX_BCAST 0x02000000u
#define OSA_CHAR_ALL 0xFE000000u
#define OSA_LEARNING_TIMEOUT_S 600u /* default */
#define OSA_LEARNING_TIMEOUT_MIN 60u
#define OSA_LEARNING_TIMEOUT_MAX 86400u

/* ---- bridge port, 4.12 --------------------------------------------------------------------- */

struct osa_bridge {
	be32 supported;
	be32 enabled;
	be16 len; /* 16 + data length */
	be16 zero;
	be32 subcommand; /* enum osa_bridge_subcommand */
	be16 rc;	 /* OSA: the same code as in the IPA header */
	uint8_t parts;
	uint8_t part;
	be32 zero2;
} BE_PACKED;
static_assert(sizeof(struct osa_bridge) == 24, "SETBRIDGEPORT");

enum osa_bridge_subcommand { /* and, but for query commands, mask bits of its answer */
			     OSA_BRIDGE_QUERY_COMMANDS = 0x00,
			     OSA_BRIDGE_RESET = 0x01,
			     OSA_BRIDGE_SET_PRIMARY = 0x02,
			     OSA_BRIDGE_SET_SECONDARY = 0x04,
			     OSA_BRIDGE_QUERY_PORTS = 0x08,
			     OSA_BRIDGE_STATE_CHANGE = 0x10, /* event */
};

struct osa_bridge_commands {
	struct osa_bridge bridge;
	be32 mask;
	be32 zero;
} BE_PACKED;
static_assert(sizeof(struct osa_bridge_commands) == 32, "bridge-port commands");

struct osa_bridge_entry {
	uint8_t role;  /* enum osa_bridge_role */
	uint8_t state; /* enum osa_bridge_state */
	be16 zero;
	/* interface token */
	be16 devno;
	uint8_t cssid;
	uint8_t iid;
	uint8_t ssid;
	uint8_t chpid;
	be16 chid;
} BE_PACKED;
static_assert(sizeof(struct osa_bridge_entry) == 12, "bridge-port entry");

struct osa_bridge_ports { /* followed by n entries; the first describes the local port */
	struct osa_bridge bridge;
	uint8_t primary_supported;
	uint8_t secondary_supported;
	uint8_t n;
	uint8_t entry_len; /* 12 */
} BE_PACKED;
static_assert(sizeof(struct osa_bridge_ports) == 28, "bridge-port list");

enum osa_bridge_role { OSA_BRIDGE_NONE = 0, OSA_BRIDGE_PRIMARY = 1, OSA_BRIDGE_SECONDARY = 2 };
enum osa_bridge_state {
	OSA_BRIDGE_INACTIVE = 0,
	OSA_BRIDGE_STANDBY = 1,
	OSA_BRIDGE_ACTIVE = 2,
};

/* ---- events, 4.13 -------------------------------------------------------------------------- */

/*
 * REGISTER_LOCAL_ADDR; followed by addresses, each with 4 bytes of flags. It names neighbours for
 * which a card neither segments nor, without LP2LP, computes checksums, since it hands their frames
 * over itself. This adapter does both for everybody, and so never sends it.
 */
struct osa_local_addrs {
	be32 n;
	be32 addr_len; /* 4 or 16 */
} BE_PACKED;
static_assert(sizeof(struct osa_local_addrs) == 8, "local addresses");

struct osa_addr_change { /* followed by entries */
	uint8_t lost;	 /* 0x01 overflow, 0x02 bridge-port state change */
	uint8_t zero;
	be16 n;
} BE_PACKED;
static_assert(sizeof(struct osa_addr_change) == 4, "address change");

struct osa_addr_change_entry {
	uint8_t token[8];
	uint8_t mac[6];
	be16 vid;
	uint8_t change; /* 0x01 VLAN, 0x02 MAC, 0x80 removal */
	uint8_t zero[3];
} BE_PACKED;
static_assert(sizeof(struct osa_addr_change_entry) == 20, "address-change entry");

/* ---- headers in front of frames, 7.1 to 7.4 ------------------------------------------------ */

#define OSA_HDR_BYTES 32u

enum osa_hdr_id {
	OSA_HDR_LAYER3 = 0x01,
	OSA_HDR_LAYER2 = 0x02,
	OSA_HDR_LAYER3_TSO = 0x03,
	OSA_HDR_OSN = 0x04,
	OSA_HDR_LAYER2_TSO = 0x06,
};

struct osa_l2_hdr {
	uint8_t id;	 /* enum osa_hdr_id */
	uint8_t flags0;	 /* 0 */
	uint8_t offload; /* enum osa_offload */
	uint8_t cast;	 /* enum osa_l2_cast */
	uint8_t port;
	uint8_t hdr_len;
	be16 len; /* frame: Ethernet header to end, no FCS */
	be16 seq;
	be16 tci; /* copy of the tag, with OSA_L2_VLAN */
	uint8_t zero[20];
} BE_PACKED;
static_assert(sizeof(struct osa_l2_hdr) == OSA_HDR_BYTES, "layer-2 header");
static_assert(offsetof(struct osa_l2_hdr, len) == 6, "layer-2 length");
static_assert(offsetof(struct osa_l2_hdr, tci) == 10, "layer-2 TCI");

enum osa_offload {			       /* layer 2: offload; layer 3: ext_flags */
		   OSA_OFFLOAD_IP = 0x10,      /* layer 3 out: compute the IPv4 header checksum */
		   OSA_OFFLOAD_L4 = 0x20,      /* out: compute; in: verified */
		   OSA_OFFLOAD_UDP = 0x40,     /* out: the transport is UDP, else TCP */
		   OSA_OFFLOAD_PARTIAL = 0x80, /* in, after OSA_ASSIST_LARGE_IN: the field holds the
						  pseudo-header's sum, the rest is to be added */
};

enum osa_l2_cast {
	OSA_L2_MULTICAST = 0x01,
	OSA_L2_BROADCAST = 0x02,
	OSA_L2_UNICAST = 0x04,
	OSA_L2_VLAN = 0x10, /* the frame carries a tag */
};

struct osa_l3_hdr {
	uint8_t id;
	uint8_t flags; /* enum osa_l3_flag */
	be16 csum_in;
	be32 token;
	be16 len; /* bytes behind this header */
	uint8_t vlan_prio;
	uint8_t ext_flags; /* enum osa_l3_ext, enum osa_offload */
	be16 tci;
	be16 frame_offset;
	union {
		uint8_t next_hop6[16];
		struct {
			uint8_t zero[12];
			uint8_t next_hop4[4];
		};
		struct { /* adapter to host */
			uint8_t zero2[2];
			uint8_t src_mac[6]; /* with OSA_L3_SRC_MAC */
			uint8_t zero3[4];
			be16 tci_in_frame; /* with OSA_L3_TAG_IN_FRAME */
			be16 zero4;
		} BE_PACKED in;
	};
} BE_PACKED;
static_assert(sizeof(struct osa_l3_hdr) == OSA_HDR_BYTES, "layer-3 header");
static_assert(offsetof(struct osa_l3_hdr, next_hop4) == 28, "next hop");
static_assert(offsetof(struct osa_l3_hdr, in.src_mac) == 18, "source MAC");
static_assert(offsetof(struct osa_l3_hdr, in.tci_in_frame) == 28, "TCI");

enum osa_l3_flag {
	OSA_L3_IPV6 = 0x80,
	OSA_L3_PASSTHRU = 0x10,
	OSA_L3_CAST_MASK = 0x07,
	OSA_L3_CAST_NONE = 0,
	OSA_L3_CAST_MULTICAST = 4,
	OSA_L3_CAST_BROADCAST = 5,
	OSA_L3_CAST_UNICAST = 6,
	OSA_L3_CAST_ANYCAST = 7,
};

enum osa_l3_ext {
	OSA_L3_TCI = 0x01, /* TCI in the header, frame untagged */
	OSA_L3_TOKEN = 0x02,
	OSA_L3_TAG_IN_FRAME = 0x04,
	OSA_L3_SRC_MAC = 0x08,
};

struct osa_tso_ext {  /* behind the header of ids 0x06 and 0x03 */
	be16 ext_len; /* 32 */
	uint8_t n_hdr;
	uint8_t zero;
	uint8_t hdr_type; /* 1 */
	uint8_t version;  /* 1 */
	be16 hdr_len;	  /* 28 */
	be32 payload_len;
	be16 mss;
	be16 proto_hdr_len; /* Ethernet through TCP in layer 2 */
	uint8_t zero2[16];
} BE_PACKED;
static_assert(sizeof(struct osa_tso_ext) == 32, "TSO extension");
static_assert(offsetof(struct osa_tso_ext, proto_hdr_len) == 14, "protocol header length");

#define OSA_TSO_DATA_MAX 61440u /* longest frame a driver hands over for segmentation */

#endif
