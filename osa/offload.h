/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a header asks the adapter to compute, in the switch's terms (vs_frame_flag). Private to
 * osa/. Source: spec/osa-qeth.md 7.4, 7.5.
 *
 * All work on frame i of a burst, whose head holds an Ethernet frame with every header through
 * layer 4. Only plain headers: a driver asks for no offload behind extension headers.
 */
#ifndef OSA_OFFLOAD_H
#define OSA_OFFLOAD_H

#include "osa/osa_wire.h"
#include "vswitch/port.h"

#define OSA_ETHERTYPE_IP4 0x0800
#define OSA_ETHERTYPE_ARP 0x0806
#define OSA_ETHERTYPE_VLAN 0x8100
#define OSA_ETHERTYPE_IP6 0x86DD

/*
 * The TCP (or, with udp, UDP) checksum is to be computed. Return: false: the frame is not what
 * the request says.
 */
bool osa_offload_checksum(struct vs_burst *b, unsigned i, bool udp);
/*
 * The frame is to be cut into segments. @added: bytes of Ethernet header that the adapter has put
 * in front of what the extension describes. Return: as above.
 */
bool osa_offload_segment(struct vs_burst *b, unsigned i, const struct osa_tso_ext *x,
			 unsigned added);
/* The IPv4 header's checksum, and with it the total length, by the frame's own. Return: as above.
 */
bool osa_offload_ip4(struct vs_burst *b, unsigned i, bool length);

#endif
