/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a frame was not delivered. This one list gives the enum, the name in
 * JSON and metrics, the text in QUERY COUNTERS, and the comment of a captured
 * frame.
 */
#ifndef VSWITCH_DROP_H
#define VSWITCH_DROP_H

/* X(ENUM, name, text) */
#define VS_DROP_LIST(X)                                                                            \
	X(RX_MALFORMED, "rx-malformed", "buffer or header the guest built is not valid")           \
	X(RX_ADDRESS, "rx-address", "buffer address outside the guest's storage")                  \
	X(RX_RUNT, "rx-runt", "frame shorter than an Ethernet header")                             \
	X(RX_GIANT, "rx-giant", "frame longer than the port's maximum")                            \
	X(RX_UNSUPPORTED, "rx-unsupported", "header type this adapter does not handle")            \
	X(RX_UNRESOLVED, "rx-unresolved", "next hop did not answer ARP")                           \
	X(SRC_GROUP, "src-group", "source is a group address")                                     \
	X(SRC_SPOOFED, "src-spoofed", "source address is registered by another port")              \
	X(SRC_PROTECTED, "src-protected", "MAC protection: not the port's own address")            \
	X(VLAN_UNTAGGED, "vlan-untagged", "untagged frame and the port has no VLAN for it")        \
	X(VLAN_TAGGED, "vlan-tagged", "tagged frame on an access port")                            \
	X(VLAN_DENIED, "vlan-denied", "the port is not authorised for the VLAN")                   \
	X(RESERVED, "reserved", "reserved group address, never forwarded")                         \
	X(UNKNOWN_UNICAST, "unknown-unicast",                                                      \
	  "no port has the destination and there is no uplink")                                    \
	X(NO_RECEIVER, "no-receiver", "no other port wants the frame")                             \
	X(ISOLATED, "isolated", "isolation forbids guest to guest")                                \
	X(UPLINK_STANDBY, "uplink-standby", "came by a device of the uplink that is not in use")   \
	X(HAIRPIN, "hairpin", "destination is the port it came from")                              \
	X(STORM, "storm", "more broadcast, multicast or unknown frames than the limit")            \
	X(NOT_IP, "not-ip", "no IP packet, and the switch carries nothing else")                   \
	X(IP_UNKNOWN, "ip-unknown", "no guest has registered the address and none is its router")  \
	X(PATH_MTU, "path-mtu", "larger than the path beyond the uplink takes; the guest is told") \
	X(TX_NO_BUFFER, "tx-no-buffer", "receiver has no empty buffer")                            \
	X(TX_QUEUE_FULL, "tx-queue-full", "one of the receiver's queues has no empty buffer")      \
	X(TX_TOO_BIG, "tx-too-big", "frame larger than the receiver's buffers or MTU")             \
	X(TX_BAD_BUFFER, "tx-bad-buffer", "receiver's buffer is not valid")                        \
	X(TX_DOWN, "tx-down", "receiver's link is down")                                           \
	X(TX_ERROR, "tx-error", "the host refused the frame")                                      \
	X(RATE_QUEUE, "rate-queue", "over the rate, and the queue is full, or gone with the rate") \
	X(RATE_VLAN, "rate-vlan", "over the rate of the VLAN")

enum vs_drop {
#define X(id, name, text) VS_DROP_##id,
	VS_DROP_LIST(X)
#undef X
		VS_DROP_COUNT,
	VS_DROP_NONE = VS_DROP_COUNT, /* not dropped */
};

#endif
