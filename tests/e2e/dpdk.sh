#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DPDK devices as uplinks, without huge pages or a NIC: af_packet (with two pairs of queues) and af_xdp over
# veths, a TAP with the offloads of DPDK's tap driver, and devices that lead nowhere.
#
#   ns one ---- VSW1 -- net_af_packet0 -- eth1 (ns host) ==veth== eth0 (ns out)
#   ns two ---- VSW2 -- net_tap0 -- dtap0 (ns host)
#               VSW3 -- net_null0, net_ring0
#   ns four --- VSW4 -- net_af_xdp0 -- eth2 (ns host) ==veth== eth2 (ns out)
. "$(dirname "$0")/lib.sh"
begin
[ -e "$BIN/libzlan-dpdk.so" ] || skip_all "built without libdpdk"
# What DPDK allocates for good at its start is no leak of ours.
ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}

world host out
# The driver has no offloads: nothing may be left undone, or cut, on the way to it. The address stays,
# because the guest remembers it.
cable()
{
	ip -n "$ID-host" link add eth1 type veth peer name eth0 address 02:00:00:00:88:01 netns "$ID-out"
	in_ns host ethtool -K eth1 tx off rx off tso off gso off gro off >/dev/null 2>&1
	in_ns out ethtool -K eth0 tx off tso off gso off >/dev/null 2>&1
	ip -n "$ID-host" link set eth1 up
	ip -n "$ID-out" link set eth0 up
	ip -n "$ID-out" addr add 10.88.0.1/24 dev eth0
}
cable

# Debian has the driver; the kernel may be without AF_XDP.
xdp=
if "$PYTHON" -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then
	ip -n "$ID-host" link add eth2 type veth peer name eth2 netns "$ID-out"
	in_ns host ethtool -K eth2 tx off rx off tso off gso off gro off >/dev/null 2>&1
	in_ns out ethtool -K eth2 tx off tso off gso off >/dev/null 2>&1
	ip -n "$ID-host" link set eth2 up
	ip -n "$ID-out" link set eth2 up
	ip -n "$ID-out" addr add 10.90.0.1/24 dev eth2
	xdp='DEFINE VSWITCH VSW4 ETHERNET UPLINK DPDK "net_af_xdp0,iface=eth2"'
fi

zland_start <<CONF
SET DPDK ARGS "--no-huge -m 192 --lcores=0@0,7@0"
DEFINE VSWITCH VSW1 ETHERNET UPLINK DPDK "net_af_packet0,iface=eth1,qpairs=2"
DEFINE VSWITCH VSW2 ETHERNET UPLINK DPDK "net_tap0,iface=dtap0"
DEFINE VSWITCH VSW3 ETHERNET
$xdp
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW2
NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW3
NICDEF FOUR 0600 TYPE QDIO LAN SYSTEM VSW4
CONF

uplink_is()
{
	output_has "State: $2" zl QUERY VSWITCH "$1" DETAILS
}

must "QUERY VSWITCH: the af_packet device is ready" uplink_is VSW1 Ready
# DPDK names the thread of an lcore after it.
must "DPDK has the arguments it was given" grep -hx '[a-z]*-worker-\?7' "/proc/${PIDS[zland]}/task"/*/comm
must "and uses no huge pages, as they say" no_line '/dev/hugepages|hugetlb' cat "/proc/${PIDS[zland]}/maps"
must "they are a statement" output_has '^SET DPDK ARGS "--no-huge -m 192 --lcores=0@0,7@0"$' zl QUERY CONFIGURATION
must "QUERY CONFIGURATION has it" output_has 'UPLINK DPDK "net_af_packet0,iface=eth1,qpairs=2"' zl QUERY CONFIGURATION
must "it has the queues its arguments ask for, and wakes by its sockets" \
	output_has 'Driver: net_af_packet   Queues: 2 in, 2 out   Wakes by: socket' zl QUERY VSWITCH VSW1 DETAILS
guest one ONE 0600 --addr 10.88.0.11/24
must "the guest reaches the outside through af_packet" reach one 10.88.0.1
must "TCP from the guest" transfer one out 10.88.0.1 16777216
must "TCP to the guest" transfer out one 10.88.0.11 16777216
both_queues()
{
	zl --json QUERY VSWITCH VSW1 |
		jq -e '.. | .device? // empty | .statistics | .rx_q0_packets > 0 and .rx_q1_packets > 0'
}
many_flows()
{
	local i
	for i in $(seq 32); do # the kernel spreads flows by their hash
		in_ns out bash -c "echo hello >/dev/udp/10.88.0.11/$((5000 + i))" || return 1
	done
	both_queues
}
must "frames come by both of its queues" eventually many_flows

if [ -z "$xdp" ]; then
	echo "skipped dpdk: af_xdp: the kernel has no such sockets"
else
	guest four FOUR 0600 --addr 10.90.0.11/24
	must "af_xdp wakes by its socket" output_has 'Driver: net_af_xdp .*Wakes by: socket' zl QUERY VSWITCH VSW4 DETAILS
	must "the guest reaches the outside through af_xdp" reach four 10.90.0.1
	must "TCP from the guest" transfer four out 10.90.0.1 16777216
	must "TCP to the guest" transfer out four 10.90.0.11 16777216
fi

guest two TWO 0600 --addr 10.89.0.11/24
ip -n "$ID-host" addr add 10.89.0.1/24 dev dtap0
ip -n "$ID-host" link set dtap0 up
must "the guest reaches the host through DPDK's tap" reach two 10.89.0.1
must "TCP from the guest, checksums by the driver" transfer two host 10.89.0.1 16777216
must "TCP to the guest" transfer host two 10.89.0.11 16777216
must "QUERY VSWITCH: the driver's offloads" output_has 'Link: .*Checksum: ON' zl QUERY VSWITCH VSW2 DETAILS
must "and its own counters" output_has 'rx_good_packets: [1-9]' zl QUERY VSWITCH VSW2 DETAILS

# An idle switch sleeps, though these drivers know polling only.
cpu_ns()
{
	cat "/proc/${PIDS[zland]}/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'
}
if [ -z "${ZLAN_SANITIZED:-}" ]; then
	sleep 1
	for v in 1 2 4; do
		zl QUERY VSWITCH VSW$v DETAILS | sed -n 's/.*Driver: \([a-z_]*\).*Wakes by: \(.*\)/note dpdk: \1 wakes by \2/p'
	done
	before=$(cpu_ns)
	sleep 3
	after=$(cpu_ns)
	permille=$(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.2f", (b - a) / 3e9 * 100 }')
	must "idle CPU with these DPDK uplinks is under 0.5 % of a core ($permille %)" \
		awk -v p="$permille" 'BEGIN { exit !(p < 0.5) }'
	echo "note dpdk: $permille % of a core when idle"
fi

must "the interface below the device is deleted" ip -n "$ID-host" link del eth1
must "QUERY VSWITCH tells of it" eventually uplink_is VSW1 "(the interface is gone|there is no interface)"
cable
must "and of its return" eventually uplink_is VSW1 Ready
must "the guest reaches the outside again" reach one 10.88.0.1

must "no carrier below the device" ip -n "$ID-out" link set eth0 down
must "QUERY VSWITCH tells of it" eventually uplink_is VSW1 "No carrier"
must "and back" ip -n "$ID-out" link set eth0 up
must "is told, too" eventually uplink_is VSW1 Ready
must "the guest reaches the outside once more" reach one 10.88.0.1

must "the driver's TAP is taken away" ip -n "$ID-host" link del dtap0
must "it is reported" eventually grep -q 'ZLN2832W Connection DPDK net_tap0,iface=dtap0 is not active' "$T/zland.log"
must "and opened again" eventually uplink_is VSW2 Ready
tap_again()
{
	ip -n "$ID-host" addr add 10.89.0.1/24 dev dtap0 2>/dev/null
	ip -n "$ID-host" link set dtap0 up && reach two 10.89.0.1
}
must "the guest reaches the host through the new one" eventually tap_again

must "another device by command, while confined" zl SET VSWITCH VSW3 UPLINK DPDK net_ring0
must "it is ready" uplink_is VSW3 Ready
must "it is replaced by a bottomless one" zl SET VSWITCH VSW3 UPLINK DPDK net_null0
must "that is ready" uplink_is VSW3 Ready
must "and frames come from it" eventually output_has 'RX Packets: [1-9]' zl QUERY VSWITCH VSW3 DETAILS
must "UPLINK NONE closes it" zl SET VSWITCH VSW3 UPLINK NONE
must "one that does not exist is refused" fails_with 'ZLN2832E.*no such device' \
	zl SET VSWITCH VSW3 UPLINK DPDK net_nonsense0
must "a PCI address without PCI is refused with the way out" fails_with 'SET DPDK ARGS' \
	zl SET VSWITCH VSW3 UPLINK DPDK 0000:00:1f.7
must "arguments come too late now" fails_with 'restart zland' zl SET DPDK ARGS '"-m 64"'
must "the others still work" reach two 10.89.0.1
refused_calls()
{
	! grep ZLN2640W "$T/zland.log"
}
must "nothing was refused by the confinement" refused_calls
