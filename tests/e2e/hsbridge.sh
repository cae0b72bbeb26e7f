#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A HiperSockets LAN bridged to two switches: one flat network of layer 2 with the outside, exactly one
# bridge port active, takeover and take-back under traffic, nothing twice, no loop; VLANs; frames that
# are too long for the outside.
#
#   ns hsa, hsb -- HS1, 64K --+-- VSWA (PRIMARY) -- eth1 (ns host) ==veth== fe1 --+-- br0 (ns far) -- po == eth0 (ns out)
#                             +-- VSWB           -- eth2           ==veth== fe2 --+
#                                   +-- ns osd
# alone: it has bars for how long nothing passes
. "$(dirname "$0")/lib.sh"
begin
world host far out
cable host eth1 far fe1
cable host eth2 far fe2
cable out eth0 far po
must "a bridge outside" bridge_outside fe1 fe2 po
ip -n "$ID-out" addr add 10.93.0.1/24 dev eth0

NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSWA ETHERNET UPLINK NIC eth1 VLAN AWARE
DEFINE VSWITCH VSWB ETHERNET UPLINK NIC eth2 VLAN AWARE
SET VSWITCH VSWA BRIDGEPORT LAN SYSTEM HS1 PRIMARY
SET VSWITCH VSWB BRIDGEPORT LAN SYSTEM HS1 SECONDARY
SET VSWITCH VSWB GRANT OSD PORTTYPE TRUNK VLAN 1 7
DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
NICDEF HSA 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF HSB 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF OSD 0600 TYPE QDIO
COUPLE OSD/0600 TO SYSTEM VSWB
CONF
guest hsa HSA 0700 --type hipers --addr 10.93.0.11/24
guest hsb HSB 0700 --type hipers --addr 10.93.0.12/24
guest osd OSD 0600 --addr 10.93.0.13/24
for n in hsa hsb osd; do
	in_ns $n ip route add 10.93.0.1/32 dev eth0 mtu lock 1500 2>/dev/null
	in_ns $n ip route add 10.93.0.13/32 dev eth0 mtu lock 1500 2>/dev/null
done

bridge_is()
{
	output_has "Bridge Port: LAN SYSTEM HS1  [A-Z]*  [A-Z]*  $2" zl QUERY VSWITCH "$1"
}
outside_has()
{
	output_has "^$(mac_of "$1") dev $2 " bridge -n "$ID-far" fdb show br br0
}
one_active()
{
	[ "$(zl QUERY LAN HS1 | grep -c 'Bridge Port: .* ACTIVE')" = 1 ]
}
# Frames the outside sees in a second in which nobody asks for any.
quiet_outside()
{
	local a b
	a=$(in_ns out cat /sys/class/net/eth0/statistics/rx_packets)
	sleep 1
	b=$(in_ns out cat /sys/class/net/eth0/statistics/rx_packets)
	echo "$((b - a)) frames"
	[ $((b - a)) -lt 50 ]
}
flows()
{
	start sink ip netns exec "$ID-out" "$PYTHON" "$E2E/flows.py" sink 10.93.0.1 7000
	wait_line sink listening || return 1
	start source ip netns exec "$ID-hsa" "$PYTHON" "$E2E/flows.py" source 10.93.0.1 7000 8 2000 1
	wait_line source 'a third' || return 1
	"$@"
	finished source && finished sink || return 1
	grep -o 'frames=.*' "$T/sink.log" | tee "$T/flows"
}
gap_below()
{
	awk -v max="$1" 'match($0, /gap_ms=[0-9.]+/) { exit !(substr($0, RSTART + 7, RLENGTH - 7) + 0 <= max + 0) }' "$T/flows"
}

must "the primary is active" bridge_is VSWA ACTIVE
must "the other is on standby" bridge_is VSWB STANDBY
must "QUERY LAN: exactly one is" one_active
must "hosts of the LAN reach each other" reach hsa 10.93.0.12 -s 50000
must "and the outside" reach hsa 10.93.0.1
must "the outside reaches them" reach out 10.93.0.12
must "and a guest of the other switch, by the outside" reach hsb 10.93.0.13
must "the outside has them behind the first switch" outside_has hsa fe1
must "no loop" quiet_outside

must "the active one is disconnected under traffic" flows zl SET VSWITCH VSWA BRIDGEPORT DISCONNECT
echo "  loss: $(cat "$T/flows")"
must "nothing came twice" grep -q 'dup=0' "$T/flows"
must "the interruption is short" gap_below 250
must "the other has taken over" bridge_is VSWB ACTIVE
must "exactly one is active" one_active
must "the outside has the hosts behind the second switch" outside_has hsa fe2
must "also those that were silent" outside_has hsb fe2
must "a guest of this switch is reached inside it" reach hsb 10.93.0.13

must "the primary takes back under traffic" flows zl SET VSWITCH VSWA BRIDGEPORT CONNECT
echo "  loss: $(cat "$T/flows")"
must "nothing came twice" grep -q 'dup=0' "$T/flows"
must "the interruption is short" gap_below 250
must "the primary is active" bridge_is VSWA ACTIVE
must "the outside has the hosts behind the first switch" outside_has hsa fe1

must "a switch that loses its uplink gives way" flows ip -n "$ID-far" link set fe1 down
echo "  loss: $(cat "$T/flows")"
must "nothing came twice" grep -q 'dup=0' "$T/flows"
must "the other is active" bridge_is VSWB ACTIVE
must "the log tells" grep -q 'ZLN2834I VSWITCH SYSTEM VSWB bridge port to LAN SYSTEM HS1 is active' "$T/zland.log"
ip -n "$ID-far" link set fe1 up
must "when it is back the primary takes over again" eventually bridge_is VSWA ACTIVE
must "TCP to the outside, digest" transfer hsa out 10.93.0.1 33554432
must "TCP from the outside, digest" transfer out hsa 10.93.0.11 33554432

in_ns hsa ip route del 10.93.0.1/32
must "a frame that the outside does not take" eval '! reach hsa 10.93.0.1 -s 8000 -M do -c 1 -W 1'
must "is dropped and counted" output_has "tx-too-big|tx-error" zl --json QUERY VSWITCH VSWA
in_ns hsa ip route add 10.93.0.1/32 dev eth0 mtu lock 1500

vlan()
{
	in_ns "$1" ip link add link eth0 name eth0.7 type vlan id 7 && in_ns "$1" ip addr add "$2/24" dev eth0.7 &&
		in_ns "$1" ip link set eth0.7 mtu 1400 && in_ns "$1" ip link set eth0.7 up
}
if in_ns out ip link add link eth0 name eth0.99 type vlan id 99 2>/dev/null; then
	must "VLAN 7 outside" vlan out 10.93.7.1
	must "on the LAN" vlan hsa 10.93.7.11
	must "and on a switch" vlan osd 10.93.7.13
	must "VLAN: the LAN reaches the outside" eventually in_ns hsa ping -q -n -c 1 -W 1 10.93.7.1
	must "and a guest of the other switch" eventually in_ns osd ping -q -n -c 1 -W 1 10.93.7.11
else
	echo "skipped hsbridge-vlan: the kernel has no 802.1Q interfaces"
fi

must "JSON" sh -c "$BIN/zlan -d $T/run --json QUERY VSWITCH VSWA | jq -e '.vswitches[0].bridge_port | .state == \"ACTIVE\" and .role == \"PRIMARY\" and .to_lan > 0'"
must "a second primary is refused" fails_with 'ZLN2834E VSWITCH SYSTEM VSWB .* primary bridge port' zl SET VSWITCH VSWB BRIDGEPORT PRIMARY
must "a network of another kind is refused" fails_with "ZLN0013E .*HIPERSOCKETS" zl SET VSWITCH VSWB BRIDGEPORT LAN SYSTEM VSWA
must "the configuration has both" output_has 'SET VSWITCH VSWB BRIDGEPORT LAN SYSTEM HS1 SECONDARY' zl QUERY CONFIGURATION
stop zland KILL
zland_again
must "a new zland: it bridges again" eventually in_ns hsa ping -q -n -c 1 -W 1 10.93.0.1
must "by the primary" bridge_is VSWA ACTIVE
must "BRIDGEPORT NONE ends it" zl SET VSWITCH VSWA BRIDGEPORT NONE
must "for the other" bridge_is VSWB ACTIVE
must "DETACH LAN leaves the definition" zl DETACH LAN HS1 OWNERID SYSTEM
must "which waits for the LAN" bridge_is VSWB 'there is no such LAN'
must "and finds it" zl DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
must "again" bridge_is VSWB ACTIVE
