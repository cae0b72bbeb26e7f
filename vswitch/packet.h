/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts to packets (packet_wire.h) and back. */
#ifndef VSWITCH_PACKET_H
#define VSWITCH_PACKET_H

#include "vswitch/packet_wire.h"
#include "vswitch/port.h"

/*
 * Pack frames as they leave, tags edited.
 * @buf: VS_PACKET_MAX bytes, aligned to 8. @n: the frames to pack; @taken: how many found room.
 * Return: bytes of the packet; 0 if not one frame fitted. Any thread.
 */
uint32_t vs_packet_pack(void *buf, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			unsigned *taken);

/*
 * Join TCP segments of a packet that vs_packet_pack has made into large frames (join.c), for a
 * reader that takes those with VS_F_GSO. Return: bytes of the packet now. Any thread.
 */
uint32_t vs_packet_join(void *buf, uint32_t len);

/*
 * Read a packet of len bytes that somebody else built. The burst refers into buf.
 * @allowed: frame flags the sender may use (0: none); others make the frame malformed.
 * @dropped: counts by enum vs_drop, increased. A header that contradicts the length ends the
 * packet. Return: frames. Any thread.
 */
unsigned vs_packet_unpack(const void *buf, uint32_t len, unsigned allowed, struct vs_burst *b,
			  uint64_t *dropped);

#endif
