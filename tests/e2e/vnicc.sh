# SPDX-License-Identifier: Apache-2.0
# VNIC characteristics and the traffic analyzer of HiperSockets: a guest that bridges others to the LAN
# without registering them, one that may take over, one that sees all and one that may not.
#
#   ns one        ns mid                        ns vm       ns spy       ns sneak
#   10.88.0.1     eth0 ── kernel bridge ── veth 10.88.0.9   analyzer     not authorized
#      \____________|________________ HS1, 64K ________________|____________|
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE LAN HS1 OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
NICDEF ONE 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF MID 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF TWO 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF LATE 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
NICDEF SPY 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1 PROMISCUOUS
NICDEF SNEAK 0700 TYPE HIPERSOCKETS LAN SYSTEM HS1
CONF
guest one ONE 0700 --type hipers --addr 10.88.0.1/24
guest mid MID 0700 --type hipers --vnicc flooding,mcast_flooding,learning
guest two TWO 0700 --type hipers --addr 10.88.0.2/24 --vnicc takeover_setvmac,-rx_bcast --addresses
world vm
details() { zl QUERY NIC "$1/0700" DETAILS; }

must "QUERY NIC names what is on" output_has 'VNIC characteristics: flooding mcast_flooding learning rx_bcast$' details MID
must "and off" output_has 'VNIC characteristics: takeover_setvmac$' details TWO
must "in JSON" sh -c "$BIN/zlan -d $T/run --json QUERY NIC MID/0700 | jq -e '.nics[0].hipersockets | .vnicc == [\"flooding\", \"mcast_flooding\", \"learning\", \"rx_bcast\"] and .learning_timeout == 600'"

must "PNSO: who is there" wait_line two "address \\+ $(mac_of one)"
guest late LATE 0700 --type hipers
must "an event: somebody has come" wait_line two "address \\+ $(mac_of late)"
late=$(mac_of late)
stop late TERM
must "and gone" wait_line two "address - $late"

bridged()
{
	in_ns mid ip link add br0 type bridge && in_ns mid ip link set eth0 master br0 &&
		in_ns mid ip link add veth0 type veth peer name eth0 netns "$ID-vm" && in_ns mid ip link set veth0 master br0 &&
		in_ns mid ip link set veth0 up && in_ns mid ip link set br0 up && in_ns vm ip link set eth0 up &&
		in_ns vm ip addr add 10.88.0.9/24 dev eth0
}
if in_ns mid ip link add br9 type bridge 2>/dev/null; then
	in_ns mid ip link del br9
	must "a kernel bridge in one guest" bridged
	must "whoever is behind it is reached" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.9
	must "its address was learned" output_has 'Learned addresses: [1-9].*Timeout: 600 s' details MID
	vm=$(in_ns vm cat /sys/class/net/eth0/address)
	in_ns one ip neigh replace 10.88.0.9 lladdr "$vm" dev eth0
	must "an event says so as well" wait_line two "address \\+ $vm"
	must "with large packets" reach one 10.88.0.9 -s 1400
	in_ns one ip neigh replace 10.88.0.77 lladdr 02:00:00:00:77:77 dev eth0
	in_ns one ping -q -n -c 3 -i 0.2 -W 1 10.88.0.77 >/dev/null
	must "an address that nobody has is flooded, not refused" output_has 'no receiver: 0 ' details ONE
else
	echo "skipped vnicc-bridge: the kernel has no bridges"
fi

refused "no broadcasts, so two is not found" in_ns one ping -q -n -c 1 -W 1 10.88.0.2
two=$(mac_of two)
in_ns one ip neigh replace 10.88.0.2 lladdr "$two" dev eth0
must "two asks for others itself, and is reached by its address" reach one 10.88.0.2

guest spy SPY 0700 --type hipers --layer 3 --sniffer
guest sneak SNEAK 0700 --type hipers --layer 3 --sniffer
must "without authority: refused" wait_line sneak 'analyzer: not authorized'
must "QUERY NIC: the analyzer" output_has 'Network traffic analyzer of its LAN' details SPY
spied() { in_ns spy cat /sys/class/net/eth0/statistics/rx_packets; }
sneaked() { in_ns sneak cat /sys/class/net/eth0/statistics/rx_packets; }
before=$(spied) quiet=$(sneaked)
reach one 10.88.0.2 -s 20000 >/dev/null
must "it sees what passes between two" eventually sh -c "test \$(ip netns exec $ID-spy cat /sys/class/net/eth0/statistics/rx_packets) -ge $((before + 6))"
must "the other one nothing" test "$(sneaked)" -le "$((quiet + 1))"
must "the authority is taken back" zl NICDEF SPY 0700 NOPROMISCUOUS
must "and the analyzer ends" sh -c "! $BIN/zlan -d $T/run QUERY NIC SPY/0700 DETAILS | grep 'Network traffic analyzer'"
must "SET NIC needs it as well" fails_with ZLN2534E zl SET NIC SNEAK/0700 PROMISCUOUS
must "SET LAN GRANT gives it" zl SET LAN HS1 OWNERID SYSTEM GRANT SNEAK PROMISCUOUS
must "SET NIC PROMISCUOUS" zl SET NIC SNEAK/0700 PROMISCUOUS
must "that NIC sees all" output_has 'Sees what others send' details SNEAK
if [ -n "${vm:-}" ]; then
	must "MAC protection: of the bridging guest" zl SET NIC MID/0700 MACPROTECT ON
	refused "whoever is behind it cannot speak" in_ns vm ping -q -n -c 1 -W 1 10.88.0.1
	must "and nothing is learned" output_has 'Learned addresses: 0' details MID
	must "off again" zl SET NIC MID/0700 MACPROTECT OFF
	must "and it is reached" eventually in_ns vm ping -q -n -c 1 -W 1 10.88.0.1
fi
must "rates are refused" fails_with ZLN0013E zl SET NIC ONE/0700 RATE IN 100M

must "the authority is given again" zl NICDEF SPY 0700 PROMISCUOUS
stop zland KILL
zland_again
must "a new zland: characteristics are asked for again" eventually output_has 'VNIC characteristics: flooding mcast_flooding learning rx_bcast$' details MID
# Both ask now, and both may.
one_analyzes() { [ "$( (details SPY && details SNEAK) | grep -c 'Network traffic analyzer of its LAN')" = 1 ]; }
must "and so is the trace: one of two gets it" eventually one_analyzes
