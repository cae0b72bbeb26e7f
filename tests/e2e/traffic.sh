# SPDX-License-Identifier: Apache-2.0
# The main job: two guests reach each other and the host, and a bridge behind the host.
#
#   ns one              ns two               ns host                      ns far
#   eth0 10.88.0.11     eth0 10.88.0.12      br0 10.88.0.1                eth0 10.88.0.200
#   zlan-nic            zlan-nic               |      \                     |
#      |                   |                  tap0    veth0 ---------------+
#      +------- VSW1 ------+-------------------+
#
# First tap0 carries the host's address itself, then it becomes a port of br0.
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
ip -n "$ID-host" addr add 10.88.0.1/24 dev tap0
ip -n "$ID-host" link set tap0 up

guest one ONE 0600 --addr 10.88.0.11/24
guest two TWO 0600 --addr 10.88.0.12/24 --addr 10.99.0.12/24

must "guest pings guest" reach one 10.88.0.12
must "guest pings guest with full-size frames" reach one 10.88.0.12 -s 1472 -M do
must "guest pings guest with fragments of 20,000 bytes" reach one 10.88.0.12 -s 20000
must "guest pings the host" reach one 10.88.0.1
must "the host pings a guest" reach host 10.88.0.12
must "second --addr is an address of the guest" in_ns two ip -br addr show dev eth0 to 10.99.0.12
must "TCP guest to guest, 64 MiB, digest" transfer one two 10.88.0.12 67108864
must "TCP guest to host, 64 MiB, digest" transfer one host 10.88.0.1 67108864
must "TCP host to guest, 64 MiB, digest" transfer host two 10.88.0.12 67108864

four_streams()
{
	start iperf ip netns exec "$ID-two" iperf3 -s -1 --forceflush
	wait_line iperf listening || return 1
	in_ns one iperf3 -c 10.88.0.12 -t 2 -P 4 --bidir -J >"$T/iperf.json" || { cat "$T/iperf.json"; return 1; }
	finished iperf || return 1
	jq -e '.end.sum_received.bits_per_second > 10e6 and .end.sum_received_bidir_reverse.bits_per_second > 10e6' "$T/iperf.json"
}
must "four TCP streams in both directions at once" four_streams
[ -z "${ZLAN_SANITIZED:-}" ] &&
	jq -r '"note four streams: \(.end.sum_received.bits_per_second / 1e9 * 100 | round / 100) Gbit/s one way, \(.end.sum_received_bidir_reverse.bits_per_second / 1e9 * 100 | round / 100) the other"' "$T/iperf.json"

counted()
{
	zl --json QUERY VSWITCH VSW1 DETAILS >"$T/details.json" || return 1
	zl QUERY VSWITCH VSW1 DETAILS
}
must "QUERY VSWITCH DETAILS shows both adapters" output_has 'ONE' counted
must "QUERY VSWITCH DETAILS names the uplink" output_has 'tap0' counted

# The bridge: the TAP loses its address to br0.
world far
ip -n "$ID-host" addr flush dev tap0
ip -n "$ID-host" link add br0 type bridge
ip -n "$ID-host" link add veth0 type veth peer name eth0 netns "$ID-far"
ip -n "$ID-host" link set tap0 master br0
ip -n "$ID-host" link set veth0 master br0 up
ip -n "$ID-host" addr add 10.88.0.1/24 dev br0
ip -n "$ID-host" link set br0 up
ip -n "$ID-far" addr add 10.88.0.200/24 dev eth0
ip -n "$ID-far" link set eth0 up

must "guest pings the bridge's address" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.1
must "guest reaches a machine behind the bridge" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.200
must "a machine behind the bridge reaches a guest" reach far 10.88.0.12
must "TCP guest to far machine, 16 MiB, digest" transfer two far 10.88.0.200 16777216
must "TCP far machine to guest, 16 MiB, digest" transfer far one 10.88.0.11 16777216
