/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port socket: a vs_link and a vs_port, remoted. docs/port-protocol.md is the text
 * to these structures.
 *
 * A process that runs an adapter itself (an emulator) attaches as a NIC of a user: a UNIX
 * SEQPACKET connection to DIR/port carries attach, registrations and link state; the reply to
 * attach brings the descriptor of a second SEQPACKET socket, on which batches of frames go
 * both ways. One message per packet; integers in host byte order (both ends are on one
 * machine).
 */
#ifndef CP_PORT_WIRE_H
#define CP_PORT_WIRE_H

#include <assert.h>
#include <stdint.h>

#include "vswitch/packet_wire.h"

#define PORT_MAGIC 0x5A4C5054u /* "ZLPT" */
#define PORT_VERSION 5
#define PORT_SOCKET "port"   /* in zland's directory */
#define PORT_CONTROL_MAX 256 /* but for PORT_OUTPUT */
#define PORT_OUTPUT_BYTES 1008
#define PORT_COMMAND_BYTES 240
#define PORT_USER_BYTES 8

enum port_type {
	/* client to daemon; each answered by one PORT_REPLY with the same tag */
	PORT_ATTACH = 1,
	PORT_START = 2, /* frames may come and go */
	PORT_STOP = 3,	/* no more frames; registrations are dropped */
	PORT_MAC_ADD = 4,
	PORT_MAC_DEL = 5,
	PORT_VID_ADD = 6,
	PORT_VID_DEL = 7,
	PORT_PROMISC = 8,
	PORT_COMMAND = 9, /* version 2 */
	PORT_LAYER = 10,  /* version 3, as the rest: what the guest speaks, before START */
	PORT_IP_ADD = 11,
	PORT_IP_DEL = 12,
	PORT_ROUTING = 13,
	PORT_ATTACH_HIPERS = 14, /* version 4, as the rest: a NIC of TYPE HIPERSOCKETS */
	PORT_WANTS = 15,
	PORT_VNICC = 16,
	PORT_IPA = 17,
	/* daemon to client */
	PORT_REPLY = 64,  /* to ATTACH: + the data socket; to ATTACH_HIPERS, version 5: + a pipe */
	PORT_LINK = 65,	  /* the NIC was coupled or uncoupled; tag 0 */
	PORT_OUTPUT = 66, /* a piece of what a PORT_COMMAND answered; before its PORT_REPLY */
	PORT_ANSWER = 67, /* what a PORT_IPA answered; before its PORT_REPLY */
	PORT_EVENT = 68,  /* an IPA event for the host; tag 0 */
};

struct port_hdr {
	uint16_t type;
	uint16_t len; /* of the whole message */
	uint32_t tag;
};
static_assert(sizeof(struct port_hdr) == 8, "port header");

struct port_attach {
	struct port_hdr hdr;
	uint32_t magic;
	uint16_t version; /* highest the client speaks */
	uint16_t vdev;
	char user[PORT_USER_BYTES]; /* upper case, padded with NUL */
};

struct port_request { /* PORT_START .. PORT_PROMISC; unused fields are 0 */
	struct port_hdr hdr;
	uint8_t mac[6];
	uint16_t vid;
	uint8_t on;
	uint8_t reserved[7];
};

struct port_layer3 { /* PORT_LAYER .. PORT_ROUTING; unused fields are 0 */
	struct port_hdr hdr;
	uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t what;	  /* the layer, 2 or 3; flags of the address; the type of router */
	uint8_t v6;	  /* of PORT_ROUTING */
	uint8_t reserved[6];
};
static_assert(sizeof(struct port_layer3) == 32, "message size");

enum port_ip_flag { PORT_IP_VIPA = 1, PORT_IP_TAKEOVER = 2 }; /* as vs_ip_flag */
enum port_router { PORT_ROUTER_NONE, PORT_ROUTER_PRIMARY, PORT_ROUTER_SECONDARY };

struct port_reply {
	struct port_hdr hdr;
	int32_t error;	  /* 0 or errno, as vs_link_ops have them, positive */
	uint16_t version; /* after ATTACH, as the rest */
	uint8_t mac[6];	  /* assigned to the NIC */
	uint8_t coupled;
	uint8_t mfs; /* HiperSockets, while coupled: enum port_mfs */
	uint8_t reserved[2];
	char text[128]; /* why it was refused: "ZLNnnnnE ..." */
};

struct port_link {
	struct port_hdr hdr;
	uint8_t coupled;
	uint8_t mfs;
	uint8_t reserved[6];
};

/* ---- HiperSockets ---- */

/*
 * What the pipe brings: a byte for each unit that the client sent, in order. As of a buffer's SBALF
 * 15, and no others.
 */
enum port_result {
	PORT_DELIVERED = 0x00,
	PORT_FULL = 0x10,      /* the receiver has no empty buffer */
	PORT_NOBODY = 0x11,    /* nobody has the address, or may be reached */
	PORT_TOO_BIG = 0x12,   /* for the receiver's buffers */
	PORT_NOT_VALID = 0x20, /* or not the client's to send */
};

enum port_mfs { PORT_MFS_NONE, PORT_MFS_16K, PORT_MFS_24K, PORT_MFS_40K, PORT_MFS_64K };

struct port_hipers { /* PORT_WANTS, PORT_VNICC; unused fields are 0 */
	struct port_hdr hdr;
	uint32_t characteristics; /* PORT_VNICC: as the guest's command has them */
	uint32_t learning_s;
	uint8_t broadcast; /* PORT_WANTS */
	uint8_t routing4, routing6;
	uint8_t reserved[5];
};
static_assert(sizeof(struct port_hipers) == 24, "message size");

#define PORT_IPA_BYTES 236

struct port_ipa { /* PORT_IPA, PORT_ANSWER, PORT_EVENT */
	struct port_hdr hdr;
	uint8_t command;
	uint8_t reserved[3];
	int32_t rc;   /* PORT_ANSWER: the return code, -1: not known */
	uint16_t len; /* of data */
	uint16_t reserved2;
	uint8_t data[PORT_IPA_BYTES];
};
static_assert(sizeof(struct port_ipa) == PORT_CONTROL_MAX, "message size");

struct port_command {
	struct port_hdr hdr;
	uint8_t json; /* 1: the answer as JSON */
	uint8_t reserved[7];
	char text[PORT_COMMAND_BYTES]; /* padded with NUL */
};
static_assert(sizeof(struct port_command) == PORT_CONTROL_MAX, "message size");

struct port_output { /* as long as its text */
	struct port_hdr hdr;
	uint8_t what; /* 0 text, 1 messages ("ZLNnnnnE ..."), 2 JSON */
	uint8_t reserved[7];
	char text[PORT_OUTPUT_BYTES];
};

/*
 * A packet of the data socket is a burst of frames: vswitch/packet_wire.h. Of HiperSockets it is
 * what a buffer holds: a header of 32 bytes and a frame, once or more, one behind the other.
 */

#endif
