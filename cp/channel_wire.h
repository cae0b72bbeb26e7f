/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel socket: how a process with shareable storage drives a QDIO adapter
 * that lives in zland. docs/channel-protocol.md is the text to these structures.
 *
 * A UNIX SEQPACKET connection to DIR/channel. One message per packet; all
 * integers in host byte order (both ends are on one machine), except guest structures, which
 * are big-endian as on a mainframe. Descriptors travel by SCM_RIGHTS.
 */
#ifndef CP_CHANNEL_WIRE_H
#define CP_CHANNEL_WIRE_H

#include <assert.h>
#include <stdint.h>

#define CHANNEL_MAGIC 0x5A4C4348u /* "ZLCH" */
#define CHANNEL_VERSION 2
#define CHANNEL_MSG_MAX 1024
#define CHANNEL_REGIONS_MAX 4
#define CHANNEL_USER_BYTES 8
#define CHANNEL_COMMAND_BYTES 240
#define CHANNEL_OUTPUT_BYTES 1008
#define CHANNEL_SOCKET "channel" /* in zland's directory */

enum channel_type {
	/* client to daemon; each is answered by one CHANNEL_REPLY with the same tag */
	CHANNEL_ATTACH = 1, /* + descriptors of the storage memfds, one per region */
	CHANNEL_MSCH = 2,
	CHANNEL_SSCH = 3,
	CHANNEL_HSCH = 4,
	CHANNEL_CSCH = 5,
	CHANNEL_CHSC = 6,
	CHANNEL_SIGA = 7,
	CHANNEL_RESET = 8,   /* system reset */
	CHANNEL_COMMAND = 9, /* version 2 */
	/* daemon to client */
	CHANNEL_REPLY = 64,	/* to ATTACH: + three descriptors: doorbell, interrupt, page */
	CHANNEL_INTERRUPT = 65, /* status pending on a subchannel */
	CHANNEL_OUTPUT = 66,	/* of what a CHANNEL_COMMAND answered; before its CHANNEL_REPLY */
};

struct channel_hdr {
	uint16_t type;
	uint16_t len; /* of the whole message */
	uint32_t tag; /* chosen by the client, echoed in the reply; 0 in CHANNEL_INTERRUPT */
};
static_assert(sizeof(struct channel_hdr) == 8, "channel header");

struct channel_region {
	uint64_t addr;	 /* guest absolute, multiple of 4096 */
	uint64_t len;	 /* multiple of 4096 */
	uint64_t offset; /* in the memfd, multiple of 4096 */
};

/* The memfd must be sealed with F_SEAL_SHRINK. */
struct channel_attach {
	struct channel_hdr hdr;
	uint32_t magic;
	uint16_t version;	       /* highest the client speaks */
	uint16_t vdev;		       /* device number of the NIC, e.g. 0x0500 */
	char user[CHANNEL_USER_BYTES]; /* upper case, padded with NUL */
	uint32_t nregions;
	uint32_t reserved;
	struct channel_region region[CHANNEL_REGIONS_MAX];
};

struct channel_msch {
	struct channel_hdr hdr;
	uint8_t dev; /* 0..2 */
	uint8_t enabled;
	uint8_t isc;
	uint8_t reserved[5];
};

struct channel_ssch {
	struct channel_hdr hdr;
	uint8_t dev;
	uint8_t reserved[7];
	uint8_t orb[32]; /* big-endian, as in storage */
};

struct channel_dev { /* CHANNEL_HSCH, CHANNEL_CSCH, CHANNEL_RESET (dev ignored) */
	struct channel_hdr hdr;
	uint8_t dev;
	uint8_t reserved[7];
};

struct channel_chsc { /* the 4 KiB block stands in storage */
	struct channel_hdr hdr;
	uint64_t addr;
};

struct channel_siga {
	struct channel_hdr hdr;
	uint64_t gr0, gr1, gr2, gr3;
};

struct channel_command {
	struct channel_hdr hdr;
	uint8_t json; /* 1: the answer as JSON */
	uint8_t reserved[7];
	char text[CHANNEL_COMMAND_BYTES]; /* padded with NUL */
};

struct channel_output { /* as long as its text */
	struct channel_hdr hdr;
	uint8_t what; /* 0 text, 1 messages ("ZLNnnnnE ..."), 2 JSON */
	uint8_t reserved[7];
	char text[CHANNEL_OUTPUT_BYTES];
};

struct channel_reply {
	struct channel_hdr hdr;
	int32_t error;	  /* 0, or errno: the request was refused, text says why */
	int32_t cc;	  /* condition code; negative: program interruption code */
	uint64_t gr0;	  /* after CHANNEL_SIGA */
	uint16_t version; /* after CHANNEL_ATTACH, as the following */
	uint16_t subchannel[3];
	uint16_t devno[3];
	uint8_t chpid;
	uint8_t reserved;
	char text[128]; /* ZLNnnnnE ..., NUL-terminated */
};

struct channel_interrupt {
	struct channel_hdr hdr;
	uint8_t dev;
	uint8_t reserved[3];
	uint32_t parm;
	uint8_t scsw[12]; /* big-endian */
	uint8_t sense[32];
	uint8_t reserved2[4];
};
static_assert(sizeof(struct channel_attach) <= CHANNEL_MSG_MAX, "message size");
static_assert(sizeof(struct channel_output) <= CHANNEL_MSG_MAX, "message size");

/*
 * The shared page, made by the daemon. It spares the data path all messages:
 *
 * SIGA-w: after priming a buffer (full barrier) the client looks at want_kick; if it is not
 * zero it writes 1 to the doorbell eventfd. While active is zero a SIGA is condition code 1.
 * Interruptions: the daemon sets bits in pending and, if none was set, writes 8 bytes to the
 * interrupt descriptor (a pipe's reading end); the client reads it, then exchanges pending with 0.
 */
#define CHANNEL_PENDING_PCI 1u	/* program-controlled interruption, data subchannel */
#define CHANNEL_PENDING_AIRQ 2u /* adapter interruption; the indicators are in storage */
struct channel_page {
	_Alignas(64) uint32_t active;  /* written by the daemon: queues are active */
	uint32_t want_kick;	       /* written by the daemon: it sleeps, or is about to */
	_Alignas(64) uint32_t pending; /* CHANNEL_PENDING_* */
};

#endif
