#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A switch in IP mode between layer-3 guests and the kernel outside: one MAC for all, IPv4 and IPv6
# both ways, a router guest, the path's MTU, what is refused, a restart. And addresses that are only
# heard, on an Ethernet switch, announced when its uplink moves.
#
#   ns one, two (layer 3) --+
#                           +-- IP1 ---- tap0 (ns host)
#   ns mid (router) --------+      behind mid: 10.96.0.1
#
#   ns four (layer 2) ---- ETH --+-- e1 (ns host) ==veth== f1 (ns far)
#                                +-- e2 (backup)  ==veth== f2
. "$(dirname "$0")/lib.sh"
begin
world host far one two mid
for n in host one two mid; do
	in_ns $n sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
done
for i in 1 2; do
	cable host e$i far f$i
done

zland_start <<CONF
DEFINE VSWITCH IP1 IP UPLINK TAP tap0
DEFINE VSWITCH ETH ETHERNET UPLINK NIC e1 e2
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM IP1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM IP1
NICDEF MID 0600 TYPE QDIO LAN SYSTEM IP1
NICDEF FOUR 0600 TYPE QDIO LAN SYSTEM ETH
CONF
outside()
{
	ip -n "$ID-host" link set tap0 up && ip -n "$ID-host" addr replace 10.95.0.1/24 dev tap0 &&
		ip -n "$ID-host" addr replace fd00:95::1/64 dev tap0 nodad &&
		ip -n "$ID-host" route replace 10.96.0.0/24 via 10.95.0.13
}
outside || exit 1
guest one ONE 0600 --layer 3 --addr 10.95.0.11/24 --addr fd00:95::11/64
guest two TWO 0600 --layer 3 --addr 10.95.0.12/24 --addr fd00:95::12/64
guest mid MID 0600 --layer 3 --router primary --addr 10.95.0.13/24
ip -n "$ID-mid" addr add 10.96.0.1/32 dev lo

details()
{
	output_has "$1" zl QUERY VSWITCH IP1 DETAILS
}
# Whom the kernel outside takes for the owner of an address.
outside_mac()
{
	ip -n "$ID-host" neigh show "$1" dev tap0 | awk '{ print $3 }'
}
switch_mac()
{
	zl --json QUERY VSWITCH IP1 | jq -r '.vswitches[0].mac'
}
one_mac()
{
	[ "$(outside_mac 10.95.0.11)" = "$(switch_mac)" ] && [ "$(outside_mac 10.95.0.12)" = "$(switch_mac)" ]
}
reach6()
{
	in_ns "$1" ping -6 -q -n -c 3 -i 0.1 -W 2 "$2"
}

must "guest to outside" eventually reach one 10.95.0.1
must "outside to guest" reach host 10.95.0.12
must "guest to guest" reach one 10.95.0.12
must "outside both are the switch's MAC" one_mac
must "IPv6: guest to outside" eventually reach6 one fd00:95::1
must "IPv6: outside to guest" eventually reach6 host fd00:95::12
must "IPv6: guest to guest" eventually reach6 two fd00:95::11
must "outside the switch's MAC, too" test "$(outside_mac fd00:95::12)" = "$(switch_mac)"
must "TCP from outside, 16 MiB, digest" transfer host one 10.95.0.11 16777216
must "TCP to outside, 16 MiB, digest" transfer two host 10.95.0.1 16777216
must "QUERY shows the addresses" details '^ +10.95.0.11$'
must "and of IPv6" details '^ +fd00:95::12$'
must "and whom was heard outside" details '10.95.0.1 .*Age'

must "NONROUTER: nothing for nobody's address" no_reach host 10.96.0.1
must "it is counted" details 'RX discarded: [1-9].*no guest has registered the address'
must "PRIROUTER" zl SET VSWITCH IP1 PRIROUTER
must "it goes to the router" reach host 10.96.0.1
must "QUERY says so" output_has 'PRIROUTER' zl QUERY VSWITCH IP1

must "an address that another guest has" ip -n "$ID-two" addr add 10.95.0.11/32 dev eth0
sole_owner()
{
	[ "$(zl --json QUERY VSWITCH IP1 | jq -c '[.vswitches[0].adapters[] | select(.ips | any(.ip == "10.95.0.11")) | .userid]')" = '["ONE"]' ]
}
must "stays with that guest" sole_owner
must "and works" reach host 10.95.0.11
ip -n "$ID-two" addr del 10.95.0.11/32 dev eth0

# The device outside takes less.
told()
{
	in_ns one ping -n -c 2 -i 0.2 -W 1 -M "do" -s 1372 10.95.0.1 | grep -qE 'mtu ?= ?1300'
}
must "the uplink's MTU is 1300" ip -n "$ID-host" link set tap0 mtu 1300
must "QUERY says so" eventually details 'PMTUD setting: EXTERNAL  PMTUD value: 1300'
must "a guest that sends more is told" eventually told
must "and sends less" reach one 10.95.0.1 -s 1272 -M "do"
must "TCP that began with more, 4 MiB" transfer two host 10.95.0.1 4194304
ip -n "$ID-host" link set tap0 mtu 1500

# What cannot work.
must "a guest in layer 2 is refused" zl NICDEF FIVE 0600 TYPE QDIO LAN SYSTEM IP1
must "and ends" fails_with 'adapter of FIVE' timeout 20 "$BIN/zlan-nic" -d "$T/run" --user FIVE --vdev 0600 --netns "$ID-far" --ifname five
must "an event says what to do" output_has 'ZLN2570E .*FIVE/0600.*layer 2.*layer2=0' zl QUERY EVENTS
guest four FOUR 0600 --addr 10.97.0.4/24
must "COUPLE of a guest that is in layer 2" zl UNCOUPLE USER FOUR 0600
must "GRANT" zl SET VSWITCH IP1 GRANT FOUR
must "is refused with the reason" fails_with 'ZLN2570E.*layer2=0' zl COUPLE USER FOUR 0600 TO SYSTEM IP1
must "back on its switch" zl COUPLE USER FOUR 0600 TO SYSTEM ETH
must "GRANT" zl SET VSWITCH ETH GRANT TWO
must "COUPLE of a guest in layer 3 to an ETHERNET switch" zl UNCOUPLE USER TWO 0600
must "is refused with the reason" fails_with 'ZLN2571E.*layer2=1.*SET VSWITCH ... MIXED ON' zl COUPLE USER TWO 0600 TO SYSTEM ETH
must "MIXED" zl SET VSWITCH ETH MIXED ON
must "allows it" zl COUPLE USER TWO 0600 TO SYSTEM ETH
must "an address there" ip -n "$ID-two" addr add 10.97.0.12/24 dev eth0
must "both layers meet" eventually reach two 10.97.0.4
must "MIXED OFF" zl SET VSWITCH ETH MIXED OFF
must "leaves who is up" reach four 10.97.0.12
must "back on IP1" zl UNCOUPLE USER TWO 0600
must "and" zl COUPLE USER TWO 0600 TO SYSTEM IP1
ip -n "$ID-two" addr del 10.97.0.12/24 dev eth0
must "a guest that comes up in layer 3 on ETHERNET" zl NICDEF FIVE 0700 TYPE QDIO LAN SYSTEM ETH
must "ends" fails_with 'adapter of FIVE' timeout 20 "$BIN/zlan-nic" -d "$T/run" --user FIVE --vdev 0700 --layer 3 --netns "$ID-far" --ifname five
must "an event says what to do" output_has 'ZLN2571E .*FIVE/0700.*layer 3.*layer2=1.*MIXED ON' zl QUERY EVENTS

stop record
stop zland KILL
must "a restart" zland_again
must "the interface outside" eventually outside
must "guests and outside find each other again" eventually reach host 10.95.0.11
must "PRIROUTER was kept" eventually reach host 10.96.0.1

# Heard on an Ethernet switch.
heard()
{
	in_ns four ping -q -n -c 1 -W 1 10.97.0.1 >"$T/ping.out" 2>&1
	output_has '10.97.0.4 +[0-9A-Fa-f-]{17}' zl QUERY VSWITCH ETH DETAILS
}
must "a guest's address is heard" eventually heard
listen far f2
must "the uplink moves" zl SET VSWITCH ETH SWITCHOVER
must "a RARP frame tells" seen far "^ff:ff:ff:ff:ff:ff $(mac_of four) .*type=0x8035"
must "and an ARP announcement" seen far "^ff:ff:ff:ff:ff:ff $(mac_of four) .*type=0x0806"
