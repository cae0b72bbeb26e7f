#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# VLANs in use are declared outside, and what the outside declares is registered: GVRP with a switch on
# scapy's dissector and with the kernel's applicant (where it has VLAN devices), MVRP as tshark reads it.
#
#   ns one (access 10), two (trunk 20 30) ---- VSW1 ---- eth1 (ns host) ==veth== fe1 (ns far)
#                                                   `--- eth2 ===========veth==== fe2, later
. "$(dirname "$0")/lib.sh"
begin
"$PYTHON" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("scapy"))' || skip_all "no scapy"
command -v tshark >/dev/null || skip_all "no tshark"
world host far
cable host eth1 far fe1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK NIC eth1 VLAN AWARE GVRP NATIVE NONE LOG VERBOSE
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1 VLAN 10
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1 PORTTYPE TRUNK VLAN 20 30
CONF
start registrar ip netns exec "$ID-far" "$PYTHON" "$E2E/registrar.py" fe1 10 77 78
start mvrp ip netns exec "$ID-far" tshark -n -l -i fe1 -f 'ether proto 0x88f5' -T fields -E aggregator=, \
	-e mrp-mvrp.vid -e mrp-mvrp.three_packed_event -e _ws.malformed
must "a registrar listens" wait_line registrar listening
must "tshark listens" wait_line mvrp 'Capturing on'
guest one ONE 0600 --addr 10.94.0.1/24
must "the VLAN of a guest is declared" wait_line registrar '^registered 10$'
guest two TWO 0600 --addr 10.94.0.2/24
must "those of a trunk too" wait_line registrar '^registered 10 20 30$'
must "QUERY says so" output_has 'GVRP: Enabled' zl QUERY VSWITCH VSW1
registered()
{
	output_has "Registered +VLANs: $1\$" zl QUERY VSWITCH VSW1 DETAILS
}
must "what is declared is shown" output_has 'Declared +VLANs: 10 20 30$' zl QUERY VSWITCH VSW1 DETAILS
must "what the outside has declared, too" eventually registered '10 77-78'
must "and logged" eventually output_has 'ZLN2528I VSWITCH SYSTEM VSW1: the switch outside has registered VLAN 10 77-78' \
	zl QUERY EVENTS
answers()
{
	[ "$(grep -c ^answered "$T/registrar.log")" -ge "$1" ]
}
# The outside keeps a VLAN 600 ms after it has asked: most answers are there before.
quick()
{
	awk '/^answered/ { n++; if ($2 < 600) quick++ } END { exit !(n >= 5 && quick >= 3) }' "$T/registrar.log"
}
for i in 1 2 3 4 5; do
	kill -USR1 "${PIDS[registrar]}"
	eventually answers $i
done
must "it is answered in time" quick
again()
{
	sed '1,/^asked all/d' "$T/registrar.log" | grep -q "$1"
}
must "all are declared again" eventually again '^registered 10 20 30$'
stop two
must "what nobody uses is withdrawn" eventually again '^registered 10$'
must "what the outside has is still known" registered '10 77-78'
kill -USR2 "${PIDS[registrar]}"
must "the outside gives its own up" eventually registered NONE
stop registrar

# The same by MVRP.
must "MVRP" zl SET VSWITCH VSW1 MVRP
must "QUERY says so" output_has 'GVRP: Enabled \(MVRP\)' zl QUERY VSWITCH VSW1
must "tshark reads the guest's VLAN" wait_line mvrp '^10'
guest two TWO 0600 --addr 10.94.0.2/24
must "and those of a trunk" wait_line mvrp '20.*30|^20|^30'
must "and nothing that is malformed" no_line 'alformed' cat "$T/mvrp.log"
stop mvrp

# Another device of the uplink has another switch behind it, which is told at once.
cable host eth2 far fe2
must "two devices" zl SET VSWITCH VSW1 UPLINK NIC eth1 eth2 GVRP
must "registration begins" eventually output_has 'GVRP: Enabled$' zl QUERY VSWITCH VSW1
start backup ip netns exec "$ID-far" "$PYTHON" "$E2E/registrar.py" fe2
must "the other switch listens" wait_line backup listening
must "switchover" zl SET VSWITCH VSW1 SWITCHOVER
must "it is told of the VLANs" wait_line backup '^registered 10 20 30$' 3
stop backup
must "one device" zl SET VSWITCH VSW1 UPLINK NIC eth1

# The kernel as a stranger: its applicant declares a VLAN device's VID.
if ip -n "$ID-far" link add link fe1 name fe1.99 type vlan id 99 gvrp on 2>/dev/null; then
	ip -n "$ID-far" link set fe1.99 up
	must "the kernel's VLAN is registered" eventually registered 99
	ip -n "$ID-far" link del fe1.99
	must "and given up" eventually registered NONE
else
	echo "skipped gvrp: the kernel's applicant: no VLAN devices here"
fi
