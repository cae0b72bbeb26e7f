#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an uplink uses: its group as long as that has enough links, else a single device, else a backup; no
# return to a device that failed, but to the group. The kernel's bridge outside learns of every move.
#
#   ns one ---- VSW1 --+== group G, two links: eth1 eth2 (ns host) == fe1 fe2 --+-- br0 10.94.0.1 (ns far)
#                      +-- eth3 (device) ---------------------------- fe3 ------+
#                      +-- eth4 (backup) ---------------------------- fe4 ------+
. "$(dirname "$0")/lib.sh"
begin
world host far
must "a bridge outside" ip -n "$ID-far" link add br0 type bridge forward_delay 0
ip -n "$ID-far" link set br0 up
ip -n "$ID-far" addr add 10.94.0.1/24 dev br0
for i in 1 2 3 4; do
	cable host "eth$i" far "fe$i"
	ip -n "$ID-far" link set "fe$i" master br0
done

NO_CAPTURE=1
zland_start <<CONF
SET PORT GROUP g LACP INACTIVE MINLINKS 2
SET PORT GROUP g JOIN NIC eth1 eth2
DEFINE VSWITCH VSW1 ETHERNET GROUP g UPLINK NIC eth3 eth4
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.94.0.11/24

link()
{
	ip -n "$ID-far" link set "$1" "$2"
}
status_is()
{
	grep 'ZLN2830I VSWITCH SYSTEM VSW1 status is ready' "$T/zland.log" | tail -n 1 | grep -q ", $1\$"
}
# Where the bridge has the guest: one of the ports. Nobody has asked the guest since the move.
bridge_has()
{
	output_has "^$(mac_of one) dev $1 " bridge -n "$ID-far" fdb show br br0
}
# The kernel tells of a carrier at its leisure, each end of a cable and the bridge's port by themselves.
forwarding()
{
	output_has 'state forwarding' bridge -n "$ID-far" link show dev "$1"
}
link_is()
{
	output_has "NIC: $1 .*$2" zl QUERY PORT GROUP g
}
used()
{
	eventually status_is "$1" && PATIENCE=2 eventually bridge_has "$2" && reach one 10.94.0.1
}
for i in 1 2 3 4; do
	must "port fe$i of the bridge forwards" eventually forwarding "fe$i"
done
must "the guest reaches the outside" eventually reach one 10.94.0.1
must "the group is used" used "GROUP G" 'fe[12]'
must "one link of two is fewer than MINLINKS: the device is used" eval 'link fe1 down && used "NIC eth3" fe3'
must "the device is lost: the backup is used" eval 'link fe3 down && used "NIC eth4" fe4'
must "the device comes back" link fe3 up
must "it is ready" eventually output_has 'NIC: eth3 .*Ready' zl QUERY VSWITCH VSW1
must "so is the bridge" eventually forwarding fe3
must "nothing goes back to it" status_is "NIC eth4"
must "the group has its links again: it is used" eval 'link fe1 up && eventually status_is "GROUP G"'
# Only now is it sure to hear what is said by the first link.
must "so is the bridge" eventually forwarding fe1
must "with more links wanted than there are, the first device is used" eval 'zl SET PORT GROUP g MINLINKS 3 && used "NIC eth3" fe3'
must "with as many, the group" eval 'zl SET PORT GROUP g MINLINKS 2 && used "GROUP G" "fe[12]"'
must "with one link enough, one may go" eval 'zl SET PORT GROUP g MINLINKS 1 && link fe2 down && eventually link_is eth2 "No carrier"'
must "the group goes on with the other" eval 'link_is eth1 Active && eventually reach one 10.94.0.1 && used "GROUP G" fe1'
must "the last link goes: the device is used" eval 'link fe1 down && used "NIC eth3" fe3'
