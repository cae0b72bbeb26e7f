#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# VLANs in use are declared outside: GVRP to a registrar that reads with scapy's dissector, MVRP as tshark
# reads it.
#
#   ns one (access 10), two (trunk 20 30) ---- VSW1 ---- eth1 (ns host) ==veth== fe1 (ns far)
. "$(dirname "$0")/lib.sh"
begin
"$PYTHON" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("scapy"))' || skip_all "no scapy"
command -v tshark >/dev/null || skip_all "no tshark"
world host far
ip -n "$ID-host" link add eth1 type veth peer name fe1 netns "$ID-far"
ip -n "$ID-host" link set eth1 up
ip -n "$ID-far" link set fe1 up
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK NIC eth1 VLAN AWARE GVRP NATIVE NONE
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1 VLAN 10
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1 PORTTYPE TRUNK VLAN 20 30
CONF
start registrar ip netns exec "$ID-far" "$PYTHON" "$E2E/registrar.py" fe1
start mvrp ip netns exec "$ID-far" tshark -n -l -i fe1 -f 'ether proto 0x88f5' -T fields -E aggregator=, \
	-e mrp-mvrp.vid -e mrp-mvrp.three_packed_event -e _ws.malformed
must "a registrar listens" wait_line registrar listening
must "tshark listens" wait_line mvrp 'Capturing on'
guest one ONE 0600 --addr 10.94.0.1/24
must "the VLAN of a guest is declared" wait_line registrar '^registered 10$'
guest two TWO 0600 --addr 10.94.0.2/24
must "those of a trunk too" wait_line registrar '^registered 10 20 30$'
must "QUERY says so" output_has 'GVRP: Enabled' zl QUERY VSWITCH VSW1
kill -USR1 "${PIDS[registrar]}"
must "the registrar asks all" wait_line registrar '^asked all'
again()
{
	sed '1,/^asked all/d' "$T/registrar.log" | grep -q "$1"
}
must "all are declared again" eventually again '^registered 10 20 30$'
stop two
must "what nobody uses is withdrawn" eventually again '^registered 10$'
stop registrar

# The same by MVRP.
must "MVRP" zl SET VSWITCH VSW1 MVRP
must "QUERY says so" output_has 'GVRP: Enabled \(MVRP\)' zl QUERY VSWITCH VSW1
must "tshark reads the guest's VLAN" wait_line mvrp '^10'
guest two TWO 0600 --addr 10.94.0.2/24
must "and those of a trunk" wait_line mvrp '20.*30|^20|^30'
must "and nothing that is malformed" no_line 'alformed' cat "$T/mvrp.log"
