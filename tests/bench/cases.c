/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured, and what it is to reach. */
#include "tests/bench/bench.h"

#define OVS "OVS-DPDK"
#define TESTPMD "testpmd io"
#define M 1e6
#define BAR(m, at)                                                                                 \
	{                                                                                          \
		BENCH_##m, at                                                                      \
	}

/* clang-format off */
#define CASE(s, n, who, bytes, fn, ...)                                                            \
	{.section = s, .name = n, .subject = who, .frame_bytes = bytes, .run = fn, __VA_ARGS__},
#define ZLAN(s, n, bytes, fn, ...) CASE(s, n, "zlan", bytes, fn, __VA_ARGS__)
#define PEER(s, n, who, bytes, script, what, ...)                                                  \
	CASE(s, n, who, bytes, bench_peer, .peer = script, .words = what, __VA_ARGS__)
#define QDIO(s, n, bytes, ...) ZLAN(s, n, bytes, bench_qdio, .turns = true, __VA_ARGS__)
#define MEMCPY(s, n, bytes, ...)                                                                   \
	CASE(s, n, "memcpy", bytes, bench_memcpy, .turns = true, __VA_ARGS__)

const struct bench_case bench_cases[] = {
	/* Packed: 15 frames to an output buffer; into an input buffer the switch packs what fits. */
#define IN "throughput"
#define AT "64 B, packed both ways"
	QDIO(IN, AT, 64, .per_sbal = 15, .bar = {BAR(FRAMES, 40 * M), BAR(CYCLES, 65)})
	PEER(IN, AT, OVS, 64, "ovs", "frames 64", .bar = {BAR(FRAMES, 4)})
	PEER(IN, AT, TESTPMD, 64, "testpmd", "frames 64")
	MEMCPY(IN, AT, 64)
#undef AT
#define AT "64 B, one per output buffer"
	QDIO(IN, AT, 64, .per_sbal = 1, .bar = {BAR(FRAMES, 18 * M)})
#undef AT
#define AT "64 B, one per buffer each way"
	QDIO(IN, AT, 64, .per_sbal = 1, .in_bytes = 128, .bar = {BAR(FRAMES, 12 * M)})
#undef AT
#define AT "1514 B, packed both ways"
	QDIO(IN, AT, 1514, .per_sbal = 15, .bar = {BAR(FRAMES, 8 * M), BAR(GBIT, 95)})
	PEER(IN, AT, OVS, 1514, "ovs", "frames 1514")
	PEER(IN, AT, TESTPMD, 1514, "testpmd", "frames 1514")
	MEMCPY(IN, AT, 1514)
#undef AT
#define AT "1514 B, one per output buffer"
	QDIO(IN, AT, 1514, .per_sbal = 1)
#undef AT
#undef IN
	/* Layer-3 adapters on a switch in IP mode, beside layer 2 with frames of as many bytes. */
#define IN "IP mode"
#define AT "packets of 64 B, packed both ways"
	ZLAN(IN, AT, 64, bench_qdio, .per_sbal = 15, .layer3 = true)
	CASE(IN, AT, "ETHERNET path", 64, bench_qdio, .per_sbal = 15)
#undef AT
#define AT "packets of 1500 B, packed both ways"
	ZLAN(IN, AT, 1500, bench_qdio, .per_sbal = 15, .layer3 = true)
	CASE(IN, AT, "ETHERNET path", 1500, bench_qdio, .per_sbal = 15)
#undef AT
#undef IN
#define IN "large frames"
#define AT "9000 B"
	QDIO(IN, AT, 9000, .per_sbal = 5, .bar = {BAR(GBIT, 120)})
	MEMCPY(IN, AT, 9000, .bar = {BAR(COPYING, 0.85)})
#undef AT
#define AT "56 KiB"
	QDIO(IN, AT, 57358, .per_sbal = 1)
	MEMCPY(IN, AT, 57358, .bar = {BAR(COPYING, 0.85)})
#undef AT
#undef IN
#define IN "HiperSockets"
#define AT "56 KiB"
	QDIO(IN, AT, 57358, .per_sbal = 1, .hipers = true)
	MEMCPY(IN, AT, 57358, .bar = {BAR(COPYING, 0.85)})
#undef AT
	/* Each buffer goes to the receiver as it is: nothing is packed. */
#define AT "64 B, one per buffer each way"
	QDIO(IN, AT, 64, .per_sbal = 1, .hipers = true)
	CASE(IN, AT, "OSD path", 64, bench_qdio, .turns = true, .per_sbal = 1, .in_bytes = 128)
#undef AT
#define AT "64 B there and back, busy"
	ZLAN(IN, AT, 64, bench_qdio_latency, .per_sbal = 1, .hipers = true)
	CASE(IN, AT, "OSD path", 64, bench_qdio_latency, .per_sbal = 1, .bar = {BAR(RTT, 1)})
#undef AT
#define AT "TCP, one stream, MTU 56 KiB"
	PEER(IN, AT, "zlan (two zlan-nic)", 0, "net", "tcp hipers")
	PEER(IN, AT, "OSD, MTU 1500, no TSO", 0, "net", "tcp plain", .bar = {BAR(GBIT, 2)})
#undef AT
#undef IN
#define IN "latency"
#define AT "64 B there and back, busy"
	ZLAN(IN, AT, 64, bench_qdio_latency, .per_sbal = 1)
	PEER(IN, AT, OVS, 64, "ovs", "rtt 64", .bar = {BAR(RTT, 1)})
	PEER(IN, AT, TESTPMD, 64, "testpmd", "rtt 64")
#undef AT
	/* Guests that poll, on a zland that sleeps when it likes to. */
#define AT "64 B, through the daemon, busy"
	PEER(IN, AT, "zlan (QDIO)", 64, "net", "busy qdio")
	PEER(IN, AT, "kernel bridge", 64, "net", "busy bridge")
#undef AT
#define AT "64 B from idle, all wake-ups included"
	PEER(IN, AT, "zlan (QDIO)", 64, "net", "idle qdio")
	PEER(IN, AT, "kernel bridge", 64, "net", "idle bridge")
#undef AT
#define AT "64 B between interfaces, from idle"
	PEER(IN, AT, "zlan (two zlan-nic)", 64, "net", "idle nic")
	PEER(IN, AT, "zlan (zlan-nic, TAP)", 64, "net", "idle uplink")
	PEER(IN, AT, "zlan (two TAPs)", 64, "net", "idle taps")
	PEER(IN, AT, "kernel bridge", 64, "net", "idle bridge")
	PEER(IN, AT, "VDE", 64, "net", "idle vde")
#undef AT
#define AT "nothing to do"
	PEER(IN, AT, "zlan", 0, "net", "cpu nic", .bar = {BAR(CPU, 0.5)})
#undef AT
#undef IN
#define IN "TCP, one stream"
#define AT "between two namespaces"
	PEER(IN, AT, "zlan (two zlan-nic)", 0, "net", "tcp nic")
	PEER(IN, AT, "kernel bridge", 0, "net", "tcp bridge", .bar = {BAR(GBIT, 0.5)})
	PEER(IN, AT, "VDE", 0, "net", "tcp vde")
#undef AT
#define AT "between two namespaces by two TAPs"
	PEER(IN, AT, "zlan (two TAPs)", 0, "net", "tcp taps")
	PEER(IN, AT, "kernel bridge", 0, "net", "tcp bridge", .bar = {BAR(GBIT, 0.5)})
#undef AT
#define AT "between a namespace and a TAP"
	PEER(IN, AT, "zlan (zlan-nic, TAP)", 0, "net", "tcp uplink")
	PEER(IN, AT, "kernel bridge", 0, "net", "tcp bridge", .bar = {BAR(GBIT, 0.5)})
#undef AT
#undef IN
#define IN "several workers, several senders"
#define AT "64 B, a pair on each worker's processor"
	CASE(IN, AT, "zlan", 64, bench_pairs, .per_sbal = 15, .n = 2)
	CASE(IN, AT, "one worker", 64, bench_pairs, .per_sbal = 15, .n = 1, .bar = {BAR(FRAMES, 1.7)})
#undef AT
#define AT "64 B, four senders, one receiver"
	ZLAN(IN, AT, 64, bench_senders, .per_sbal = 15, .n = 4, .bar = {BAR(SPREAD, 10)})
#undef AT
	/* A worker and its sender on each processor; the receiver's part is done in between. */
#define SHARED(to, bytes)                                                                          \
	CASE(IN, AT, "zlan", bytes, bench_shared, .per_sbal = 15, .n = 2, .words = (to))           \
	CASE(IN, AT, "one worker", bytes, bench_shared, .per_sbal = 15, .n = 1, .words = (to))
#define AT "64 B, two workers into one virtio guest"
	SHARED("split", 64)
#undef AT
#define AT "1514 B, two workers into one virtio guest"
	SHARED("split", 1514)
#undef AT
#define AT "64 B, the same with packed rings"
	SHARED("packed", 64)
#undef AT
#define AT "1514 B, two workers into one TAP"
	SHARED("tap", 1514)
#undef AT
#undef IN
	/* Through the daemon. From outside, the kernel's packet socket that sends is the limit. */
#define IN "DPDK uplink"
#define AT "64 B, guest to uplink"
	PEER(IN, AT, "zlan, net_null", 64, "uplink", "to null")
	PEER(IN, AT, "zlan, net_ring", 64, "uplink", "to ring")
	PEER(IN, AT, "zlan, af_packet", 64, "uplink", "to afp")
	PEER(IN, AT, "zlan, af_xdp on veth", 64, "uplink", "to xdp")
#undef AT
#define AT "64 B, uplink to guest"
	PEER(IN, AT, "zlan, net_ring", 64, "uplink", "from loop")
	PEER(IN, AT, "zlan, af_packet", 64, "uplink", "from afp")
	PEER(IN, AT, "zlan, af_xdp on veth", 64, "uplink", "from xdp")
#undef AT
#undef IN
#define IN "features in use"
#define AT "64 B, packed both ways"
	QDIO(IN, AT, 64, .per_sbal = 15)
	CASE(IN, AT, "rates of both ports", 64, bench_qdio, .turns = true, .per_sbal = 15, .words = "rate")
	CASE(IN, AT, "a rate of the VLAN", 64, bench_qdio, .turns = true, .per_sbal = 15, .words = "vlan-rate")
	CASE(IN, AT, "a capture of all", 64, bench_qdio, .turns = true, .per_sbal = 15, .words = "capture")
#undef AT
#undef IN
	/* What guests get that send as fast as they can. */
#define IN "rates reached"
#define RATE(name, bytes, mega, way)                                                               \
	ZLAN(IN, name, bytes, bench_rate, .n = (mega), .words = (way), .bar = {BAR(OFF, 2)})
#define GROUP(name, bytes, mega, way)                                                              \
	ZLAN(IN, name, bytes, bench_fair, .n = (mega), .words = (way),                                 \
	     .bar = {BAR(OFF, 2), BAR(SPREAD, 5)})
	RATE("RATE IN 1 Mbit/s, 128 B", 128, 1, "in")
	RATE("RATE IN 10 Mbit/s, 512 B", 512, 10, "in")
	RATE("RATE IN 100 Mbit/s, 1514 B", 1514, 100, "in")
	RATE("RATE IN 1 Gbit/s, 1514 B", 1514, 1000, "in")
	RATE("RATE IN 10 Gbit/s, 1514 B", 1514, 10000, "in")
	RATE("RATE OUT 1 Mbit/s, 128 B", 128, 1, "out")
	RATE("RATE OUT 10 Mbit/s, 512 B", 512, 10, "out")
	RATE("RATE OUT 100 Mbit/s, 1514 B", 1514, 100, "out")
	RATE("RATE OUT 1 Gbit/s, 1514 B", 1514, 1000, "out")
	RATE("RATE OUT 10 Gbit/s, 1514 B", 1514, 10000, "out")
	GROUP("four senders, a group's IN 50 Mbit/s", 1514, 50, "in")
	GROUP("four senders, a group's IN 1 Gbit/s", 1514, 1000, "in")
	GROUP("four receivers, a group's OUT 50 Mbit/s", 1514, 50, "out")
	GROUP("four receivers, a group's OUT 1 Gbit/s", 1514, 1000, "out")
#undef GROUP
#undef RATE
#undef IN
	/* The switch alone, its cycles; fewer or more of something than in the first row. */
#define IN "scale"
#define AT "ports, each sending to its neighbour"
	ZLAN(IN, AT, 64, bench_ports, .n = 2)
	CASE(IN, AT, "64", 64, bench_ports, .n = 64, .growth = 1.5)
	CASE(IN, AT, "1,000", 64, bench_ports, .n = 1000, .growth = 1.5, .bar = {BAR(MS, 10)})
	CASE(IN, AT, "1,000, of which 2 talk", 64, bench_ports, .n = 1000, .per_sbal = 2)
#undef AT
#define AT "addresses, sent to at random"
	ZLAN(IN, AT, 64, bench_addresses, .n = 10)
	CASE(IN, AT, "10,000", 64, bench_addresses, .n = 10000, .growth = 1.5)
	CASE(IN, AT, "100,000", 64, bench_addresses, .n = 100000, .growth = 1.5)
#undef AT
#define AT "VLANs of two trunks, at random"
	ZLAN(IN, AT, 64, bench_vlans, .n = 1)
	CASE(IN, AT, "4,094", 64, bench_vlans, .n = 4094, .growth = 1.5)
#undef AT
#define AT "a port goes and comes, two others talk"
	ZLAN(IN, AT, 64, bench_changes, .n = 64)
#undef AT
#undef IN
	/* The same: what the use of a feature costs. */
#define IN "the switch alone"
#define AT "64 B between two ports"
	ZLAN(IN, AT, 64, bench_extras, .n = 0)
	CASE(IN, AT, "RATE IN", 64, bench_extras, .n = 1)
	CASE(IN, AT, "RATE OUT", 64, bench_extras, .n = 2)
	CASE(IN, AT, "a rate group", 64, bench_extras, .n = 3)
	CASE(IN, AT, "RATE VLAN", 64, bench_extras, .n = 4)
	CASE(IN, AT, "VLANCOUNTERS", 64, bench_extras, .n = 5)
	CASE(IN, AT, "a mirror of all", 64, bench_extras, .n = 6)
	CASE(IN, AT, "a capture of 64 bytes", 64, bench_extras, .n = 7)
#undef AT
#undef IN
};
const unsigned bench_n_cases = sizeof(bench_cases) / sizeof(bench_cases[0]);
