# SPDX-License-Identifier: Apache-2.0
# What is to be seen of a switch: a mirror, counters of VLANs, the log of VERBOSE, accounting records,
# and what a rate drops in a capture.
#
#   ns one, two (VLAN 10) ---- VSW1 ---- ns six (VLAN 20), ns mon (sniffer)        ns acc ---- LAN BILLED ---- ns acd
. "$(dirname "$0")/lib.sh"
begin
command -v tshark >/dev/null || skip_all "no tshark"

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK VLAN AWARE LOG VERBOSE
SET VSWITCH VSW1 VLANCOUNTERS ON
SET VSWITCH VSW1 GRANT ONE VLAN 10
SET VSWITCH VSW1 GRANT TWO VLAN 10
SET VSWITCH VSW1 GRANT SIX VLAN 20
SET VSWITCH VSW1 GRANT MON PORTTYPE TRUNK VLAN 10 20 PROMISCUOUS
SET VSWITCH VSW1 MIRROR TO MON 0600 FROM ONE 0600
DEFINE LAN BILLED OWNERID SYSTEM ACCOUNTING ON
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF SIX 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF MON 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF ACC 0600 TYPE QDIO LAN SYSTEM BILLED
NICDEF ACD 0600 TYPE QDIO LAN SYSTEM BILLED
CONF
guest one ONE 0600 --addr 10.75.0.1/24
guest two TWO 0600 --addr 10.75.0.2/24
guest six SIX 0600
guest mon MON 0600
guest acc ACC 0600 --addr 10.74.0.1/24
guest acd ACD 0600 --addr 10.74.0.2/24

listen mon
frame one eth0 --dst "$(mac_of two)" --text from-one
frame two eth0 --dst "$(mac_of one)" --text to-one
frame six eth0 --dst 02:00:00:77:77:77 --text of-another-vlan
must "the mirror has what its NIC sends" seen mon from-one
must "and what it is sent" seen mon to-one
must "and nothing else" unseen mon of-another-vlan
must "the mirror is over" zl SET VSWITCH VSW1 MIRROR OFF
frame one eth0 --dst "$(mac_of two)" --text later
must "it gets no more" unseen mon later

must "guests talk in VLAN 10" reach one 10.75.0.2
vlan_frames()
{
	zl --json QUERY VSWITCH VSW1 DETAILS | jq -e --argjson vid "$1" '.. | objects | select(.vid? == $vid and has("in")) | .in.frames' | head -n 1
}
counted()
{
	local ten twenty
	ten=$(vlan_frames 10) twenty=$(vlan_frames 20)
	echo "VLAN 10: $ten, VLAN 20: $twenty"
	[ "$ten" -ge 9 ] && [ "$twenty" -ge 1 ] && [ "$twenty" -lt "$ten" ]
}
must "counters of VLANs" counted
must "the log has the NICs" output_has 'ZLN2522I VSWITCH SYSTEM VSW1: NIC ONE/0600 is coupled' zl QUERY EVENTS
must "and their addresses" output_has "ZLN2524I VSWITCH SYSTEM VSW1: ONE/0600 has registered" zl QUERY EVENTS

must "guests talk on a LAN with ACCOUNTING" reach acc 10.74.0.2
must "one is uncoupled" zl UNCOUPLE ACC/0600
must "its record is written" output_has '"why":"uncouple".*"userid":"ACC".*"in_frames":[1-9]' cat "$T/run/accounting"

start drops "$BIN/zlan" -d "$T/run" capture -o "$T/drops.pcapng" --dropped
eventually test -s "$T/drops.pcapng"
must "a rate" zl SET NIC USER TWO 0600 RATE OUT 64K BURST 4K
in_ns one ping -q -n -c 400 -i 0.001 -W 1 -s 1400 10.75.0.2 >/dev/null
too_many()
{
	[ "$(zl --json QUERY NIC USER TWO 0600 | jq '[.. | objects | .["rate-queue"]? // empty] | add')" -gt 0 ]
}
must "more than it lets pass is counted" too_many
stop drops INT
must "and stands in the capture with its reason" output_has rate tshark -n -r "$T/drops.pcapng" -T fields -e frame.comment
