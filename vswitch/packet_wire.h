/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burst of frames as one packet of bytes, for sockets that keep packets whole. Host byte
 * order: both ends are on one machine.
 *
 * This header, then count times a frame header and the frame's bytes, each frame header at a
 * multiple of 8 from the packet's start. A frame is never split.
 */
#ifndef VSWITCH_PACKET_WIRE_H
#define VSWITCH_PACKET_WIRE_H

#include <assert.h>
#include <stdint.h>

#define VS_PACKET_MAX 131072u /* bytes */
#define VS_PACKET_FRAMES 64

struct vs_packet {
	uint16_t count;
	uint16_t reserved;
	uint32_t len; /* of the whole packet */
};

struct vs_packet_frame {
	uint32_t len;	/* bytes that follow: Ethernet header to end, no FCS */
	uint16_t flags; /* enum vs_frame_flag; of the rest, what the flags call for */
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t gso_size;
	uint16_t hdrlen;
	uint16_t reserved;
};
static_assert(sizeof(struct vs_packet) == 8, "packet header");
static_assert(sizeof(struct vs_packet_frame) == 16, "frame header");

#endif
