# SPDX-License-Identifier: Apache-2.0
# A HiperSockets LAN across processes: hosts of the port socket (hspeer.py), which have their adapters themselves, and hosts of
# zland's own; frames of 56 KiB, both layers, a peer that stops reading or is killed, a bridge to a switch.
#
#   ns one (2)   ns six (3)    hspeer PYA (2)   hspeer PYB (3)    ns out
#   10.87.0.1    10.87.0.6     10.87.0.11       10.87.0.12        10.87.0.4
#      \____________|________ HS1, 64K __|________________/          |
#                                 \_____________ bridge ________ VSW1
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
NICDEF ONE 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF SIX 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF PYA 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF PYB 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT OUT
NICDEF OUT 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0700 --type hipers --addr 10.87.0.1/24
world six
guest six SIX 0700 --type hipers --layer 3 --addr 10.87.0.6/24
guest out OUT 0600 --addr 10.87.0.4/24

# peer USERID ADDRESS LAYER
peer()
{
	start "$1" "$PYTHON" "$E2E/hspeer.py" "$T/run/port" "$1" "$2" "$3"
	must "$1 is online in a process of its own, layer $3" wait_line "$1" '^online'
}
peer PYA 10.87.0.11 2
peer PYB 10.87.0.12 3
must "it is told the LAN's frame size" wait_line PYA '^version 5 coupled 1 mfs 4'
must "what it sends to nobody comes back with that" wait_line PYA '^to nobody: 11$'
must "in layer 3 as well" wait_line PYB '^to nobody: 11$'
must "layer 2: ping" reach one 10.87.0.11
must "layer 2: ping at MTU 56 KiB, not fragmented" reach one 10.87.0.11 -s 57316 -M do
must "layer 3: ping at MTU 56 KiB, not fragmented" reach six 10.87.0.12 -s 57316 -M do
refused "layers do not hear each other" in_ns six ping -q -n -c 1 -W 1 10.87.0.11
must "who it is" output_has 'port socket' zl QUERY NIC USER PYA 0700 DETAILS
zl SET VSWITCH VSW1 BRIDGEPORT LAN SYSTEM HS1 >/dev/null
must "over the bridge port to a switch" eventually in_ns out ping -q -n -c 1 -W 1 10.87.0.11
must "and on" reach out 10.87.0.11

# A peer that does not read: its socket fills, its senders hear that it is full, others are served.
full()
{
	in_ns one ping -q -n -f -c 200 -s 57316 -w 3 10.87.0.11 >/dev/null
	[ "$(zl --json QUERY NIC USER ONE 0700 DETAILS | jq '.. | .receiver_full? // empty')" -gt 0 ]
}
kill -USR1 "${PIDS[PYA]}"
must "a peer that does not read is full in the end" eventually full
must "that is its own loss" reach six 10.87.0.12 -s 57316
kill -USR2 "${PIDS[PYA]}"
must "it goes on" eventually in_ns one ping -q -n -c 1 -W 1 10.87.0.11

no_receiver()
{
	in_ns one ping -q -n -c 1 -W 1 10.87.0.11 >/dev/null
	[ "$(zl --json QUERY NIC USER ONE 0700 DETAILS | jq '.. | .no_receiver? // empty')" -gt 0 ]
}
zl SET VSWITCH VSW1 BRIDGEPORT DISCONNECT >/dev/null # it takes what nobody has
stop PYA KILL
must "a killed peer has no address" eventually no_receiver
peer PYA 10.87.0.11 2
must "another in its place" eventually in_ns one ping -q -n -c 1 -W 1 10.87.0.11
