/* SPDX-License-Identifier: Apache-2.0 */
/* Slow protocols on the wire. Source: IEEE 802.1AX-2008 5.4.2.2 (LACPDU), 5.5.3.3 (marker). */
#ifndef VSWITCH_LACP_WIRE_H
#define VSWITCH_LACP_WIRE_H

#include <assert.h>
#include <stdint.h>

#include "common/be.h"

#define SLOW_ETHERTYPE 0x8809
#define SLOW_SUBTYPE_LACP 1
#define SLOW_SUBTYPE_MARKER 2

struct slow_head {
	uint8_t dst[6], src[6];
	be16 ethertype;
	uint8_t subtype;
	uint8_t version;
} __attribute__((packed));
static_assert(sizeof(struct slow_head) == 16, "slow protocol header");

struct lacp_tlv { /* actor: type 1, partner: type 2 */
	uint8_t type, len;
	be16 system_priority;
	uint8_t system[6];
	be16 key;
	be16 port_priority;
	be16 port;
	uint8_t state;
	uint8_t reserved[3];
} __attribute__((packed));
static_assert(sizeof(struct lacp_tlv) == 20, "actor and partner information");

struct lacp_pdu {
	struct slow_head h;
	struct lacp_tlv actor, partner;
	uint8_t collector_type, collector_len;
	be16 collector_max_delay; /* tens of microseconds */
	uint8_t collector_reserved[12];
	uint8_t end_type, end_len;
	uint8_t reserved[50];
} __attribute__((packed));
static_assert(sizeof(struct lacp_pdu) == 124, "LACPDU");

#define MARKER_INFORMATION 1
#define MARKER_RESPONSE 2

struct marker_pdu {
	struct slow_head h;
	uint8_t type, len;
	be16 port;
	uint8_t system[6];
	be32 transaction;
	uint8_t pad[2];
	uint8_t end_type, end_len;
	uint8_t reserved[90];
} __attribute__((packed));
static_assert(sizeof(struct marker_pdu) == 124, "marker PDU");

#endif
