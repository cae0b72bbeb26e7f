# SPDX-License-Identifier: Apache-2.0
# HiperSockets: memory-to-memory LANs, both layers on one of them, the largest MTU, VLANs, groups,
# a receiver that stops, a restart, captures.
#
#   ns one (2)   ns two (2)   ns six (3)   ns ten (3)     ns small
#   10.88.0.1    10.88.0.2    10.88.0.6    10.88.0.10     10.88.0.3
#      \____________|___________ HS1, 64K ____/            HS2, 16K
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
DEFINE LAN HS2 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 16K
NICDEF ONE 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF TWO 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF SIX 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF TEN 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF SMALL 0700 TYPE HIPERSOCKETS LAN SYSTEM HS2
CONF
guest one ONE 0700 --type hipers --addr 10.88.0.1/24
guest two TWO 0700 --type hipers --addr 10.88.0.2/24
world six ten
for n in six ten; do
	in_ns $n sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
done
guest six SIX 0700 --type hipers --layer 3 --addr 10.88.0.6/24 --addr fd00::6/64
guest ten TEN 0700 --type hipers --layer 3 --addr 10.88.0.10/24 --addr fd00::10/64
guest small SMALL 0700 --type hipers --addr 10.88.0.3/24

must "the LAN says the MTU: 57344 of 64K" output_has 'mtu 57344' in_ns one ip link show dev eth0
must "and 8192 of 16K" output_has 'mtu 8192' in_ns small ip link show dev eth0
must "layer 2: ping" reach one 10.88.0.2
must "layer 2: ping at MTU 56 KiB, not fragmented" reach one 10.88.0.2 -s 57316 -M do
must "layer 3: ping" reach six 10.88.0.10
must "layer 3: ping at MTU 56 KiB, not fragmented" reach six 10.88.0.10 -s 57316 -M do
must "layer 3: IPv6" in_ns six ping -q -6 -n -c 3 -i 0.2 -W 2 fd00::10
refused "layers do not hear each other" in_ns one ping -q -n -c 1 -W 1 10.88.0.6
refused "nor the other way" in_ns six ping -q -n -c 1 -W 1 10.88.0.2
must "layer 2: TCP, 64 MiB, digest" transfer one two 10.88.0.2 67108864
must "layer 3: TCP, 64 MiB, digest" transfer six ten 10.88.0.10 67108864

vlan()
{
	local ns=$1 addr=$2
	in_ns "$ns" ip link add link eth0 name eth0.7 type vlan id 7 && in_ns "$ns" ip addr add "$addr/24" dev eth0.7 &&
		in_ns "$ns" ip link set eth0.7 up
}
vlans()
{
	must "VLAN interfaces on top, layer 2" vlan one 10.88.7.1
	must "at both ends" vlan two 10.88.7.2
	must "VLAN: ping" eventually in_ns one ping -q -n -c 1 -W 1 10.88.7.2
	must "and on, with large packets" reach one 10.88.7.2 -s 50000
	must "VLAN interfaces on top, layer 3" vlan six 10.88.7.6
	must "at both ends" vlan ten 10.88.7.10
	must "VLAN: ping in layer 3" eventually in_ns six ping -q -n -c 1 -W 1 10.88.7.10
}
if in_ns one ip link add link eth0 name eth0.99 type vlan id 99 2>/dev/null; then
	in_ns one ip link del eth0.99
	vlans
else
	echo "skipped hipers-vlan: the kernel has no 802.1Q interfaces"
fi

groups()
{
	in_ns two ip addr add 239.1.2.3/32 dev eth0 autojoin &&
		in_ns two sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0 &&
		in_ns one ip route add 239.0.0.0/8 dev eth0 &&
		eventually in_ns one ping -q -n -c 1 -W 1 239.1.2.3
}
must "a group that two joined" groups
must "broadcast" output_has '1 received|duplicates' in_ns one ping -b -q -n -c 1 -W 2 10.88.0.255

must "QUERY LAN" output_has 'SYSTEM HS1 +Type: HIPERS +Connected: 4' zl QUERY LAN HS1
must "QUERY LAN DETAILS counts the buffers" output_has 'Buffers filled: [1-9].*taken: [1-9]' zl QUERY LAN HS1 DETAILS
must "QUERY NIC counts buffers" output_has 'MFS: 64K +Buffers out: [1-9]' zl QUERY NIC ONE/0700 DETAILS
must "and frames" output_has 'RX Packets: [1-9]' zl QUERY NIC TWO/0700 DETAILS
must "JSON" sh -c "$BIN/zlan -d $T/run --json QUERY NIC ONE/0700 | jq -e '.nics[0].hipersockets.mfs == \"64K\" and .nics[0].session.tx_buffers > 0'"

# A receiver that stops taking buffers costs only those who send to it.
kill -STOP "${PIDS[two]}"
in_ns one ping -q -n -f -c 400 -W 1 -s 2000 10.88.0.2 >/dev/null 2>&1
must "a stopped receiver is full: its senders are told" output_has 'receiver full: [1-9]' zl QUERY NIC ONE/0700 DETAILS
must "nobody else is disturbed" reach six 10.88.0.10 -s 50000
kill -CONT "${PIDS[two]}"
must "it goes on where it was" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.2

if command -v tshark >/dev/null; then
	start cap "$BIN/zlan" -d "$T/run" capture -o "$T/cap.pcapng" --nic SIX/0700
	eventually test -s "$T/cap.pcapng"
	reach six 10.88.0.10 -s 20000 >/dev/null
	stop cap INT
	must "a capture shows layer-3 packets as Ethernet frames" output_has '20008|20028|20042' tshark -n -r "$T/cap.pcapng" \
		-Y 'icmp && ip.dst == 10.88.0.10' -T fields -e ip.len -e frame.len
fi

must "another LAN of another size: uncouple" zl UNCOUPLE SMALL/0700
must "couple" zl COUPLE SMALL/0700 TO SYSTEM HS1
must "the guest comes back by itself" eventually output_has 'Session Established' zl QUERY NIC SMALL/0700 DETAILS
must "and reaches the others" eventually in_ns small ping -q -n -c 1 -W 1 10.88.0.2

must "state survives: QUERY CONFIGURATION" output_has 'DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K' zl QUERY CONFIGURATION
stop zland KILL
zland_again
must "a new zland: the guests rejoin" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.2
must "in layer 3 too" eventually in_ns six ping -q -n -c 1 -W 1 10.88.0.10
must "and on, with large packets" reach six 10.88.0.10 -s 57316 -M do
must "and IPv6" eventually in_ns six ping -q -6 -n -c 1 -W 1 fd00::10
