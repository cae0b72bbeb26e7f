#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One interface by two adapters, as hsci of s390-tools makes it: in each guest a bridge over a HiperSockets
# and an OSA adapter with one MAC address. What is known to be on the LAN goes there, with its MTU;
# everything else goes by the switch. When the LAN is lost all of it does.
#
#   ns one                       ns two                      ns far
#   hsci0 = hsi0 + eth0          hsci0 = hsi0 + eth0         eth0
#            |      \____ VSW1 ____________|______\____________/
#            \________ LAN HS1, 64K _______/
. "$(dirname "$0")/lib.sh"
begin
NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET
DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF ONE 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF FAR 0600 TYPE QDIO LAN SYSTEM VSW1
CONF

hipers()
{
	start "$1-hsi" "$BIN/zlan-nic" -d "$T/run" --user "$2" --vdev 0700 --type hipers --netns "$ID-$1" --ifname hsi0
	wait_line "$1-hsi" '^online'
}
# The LAN's interface takes the address of the other; nothing is flooded to it.
converge()
{
	local mac
	mac=$(mac_of "$1")
	ip -n "$ID-$1" link set hsi0 address "$mac" &&
		ip -n "$ID-$1" link add hsci0 address "$mac" type bridge forward_delay 0 mcast_snooping 0 &&
		ip -n "$ID-$1" link set eth0 master hsci0 && ip -n "$ID-$1" link set hsi0 master hsci0 &&
		bridge -n "$ID-$1" link set dev hsi0 learning off flood off mcast_flood off bcast_flood off &&
		bridge -n "$ID-$1" link set dev eth0 learning off &&
		ip -n "$ID-$1" addr add "$2/24" dev hsci0 && ip -n "$ID-$1" link set hsci0 up
}
# What a driver is told by address notification (PNSO): who is on the LAN.
on_lan()
{
	bridge -n "$ID-$1" fdb "$3" "$(mac_of "$2")" dev hsi0 master static
}
buffers()
{
	zl --json QUERY NIC "$1/0700" | jq '.nics[0].session.tx_buffers'
}
by_lan()
{
	local before
	before=$(buffers ONE)
	reach "$@" -c 10 -i 0.05 >/dev/null && [ "$(buffers ONE)" -ge $((before + 10)) ]
}
by_switch()
{
	local before
	before=$(buffers ONE)
	# The kernel asks for groups there now and then.
	reach "$@" -c 10 -i 0.05 >/dev/null && [ "$(buffers ONE)" -lt $((before + 10)) ]
}

guest one ONE 0600
guest two TWO 0600
guest far FAR 0600 --addr 10.94.0.3/24
must "one: a HiperSockets adapter beside" hipers one ONE
must "two: the same" hipers two TWO
must "one: a bridge over both" converge one 10.94.0.1
must "two: the same" converge two 10.94.0.2
must "everything by the switch at first" by_switch one 10.94.0.2
on_lan one two append
on_lan two one append
must "what is on the LAN goes by it" eventually by_lan one 10.94.0.2
must "the outside goes by the switch" by_switch one 10.94.0.3
must "and comes" reach far 10.94.0.2
ip -n "$ID-one" link set hsci0 mtu 1492
must "TCP by the LAN, digest" transfer one two 10.94.0.2 33554432
must "TCP by the switch, digest" transfer one far 10.94.0.3 33554432

must "the LAN is lost" zl UNCOUPLE ONE/0700
on_lan one two del
on_lan two one del
must "the other one is reached by the switch" eventually by_switch one 10.94.0.2
must "the LAN is back" zl COUPLE ONE/0700 TO SYSTEM HS1
must "and its guest" eventually output_has 'Session Established' zl QUERY NIC ONE/0700 DETAILS
on_lan one two append
on_lan two one append
must "traffic is back on it" eventually by_lan one 10.94.0.2
