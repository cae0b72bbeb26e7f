# SPDX-License-Identifier: Apache-2.0
# A port group against DPDK's bonding driver (mode 4) in testpmd: slow timers on its side. It forms, both
# sides send on both links, a link is lost and comes back, the partner is killed and starts again.
#
#   ns one ---- VSW1 == group G: eth1 eth2 (ns host) ==veth x2== fe1 fe2 -- net_bonding0 -- po (ns far,
#                                                               dpdk-testpmd) --veth-- eth0 (ns out)
# alone: it has a partner's timers
. "$(dirname "$0")/lib.sh"
begin
command -v dpdk-testpmd >/dev/null || skip_all "no dpdk-testpmd"
ls /usr/lib/*/dpdk/pmds-*/librte_net_bond.so >/dev/null 2>&1 || skip_all "no bonding driver of DPDK"
NO_CAPTURE=1
world host far out

plain_cable host eth1 far fe1
plain_cable host eth2 far fe2
plain_cable out eth0 far po
ip -n "$ID-out" addr add 10.93.0.1/24 dev eth0

# The driver sends its LACPDUs when the application sends, and testpmd sends only what it has received: so
# that it does, a frame comes by po every 20 ms.
partner_start()
{
	start testpmd ip netns exec "$ID-far" env XDG_RUNTIME_DIR="$T" dpdk-testpmd \
		--lcores "0@0,1@$(($(nproc) - 1))" --no-huge -m 192 --no-pci --file-prefix "$ID" --no-telemetry \
		--vdev=net_af_packet0,iface=fe1 --vdev=net_af_packet1,iface=fe2 --vdev=net_af_packet2,iface=po \
		--vdev=net_bonding0,mode=4,xmit_policy=l34,slave=net_af_packet0,slave=net_af_packet1 -- --portlist=2,3 \
		--forward-mode=io --auto-start --no-flush-rx --total-num-mbufs=8192 --stats-period 60
}
start beat ip netns exec "$ID-out" "$PYTHON" -c '
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
while True:
    s.send(bytes([255] * 6) + s.getsockname()[4] + b"\x88\xb6" + bytes(46))
    time.sleep(0.02)'

active()
{
	[ "$(zl --json QUERY PORT GROUP G | jq '[.port_groups[0].links[] | select(.active)] | length')" = "$1" ]
}
flows()
{
	local from=$1 to=$2 addr=$3
	start sink ip netns exec "$ID-$to" "$PYTHON" "$E2E/flows.py" sink "$addr" 7000
	wait_line sink listening || return 1
	start source ip netns exec "$ID-$from" "$PYTHON" "$E2E/flows.py" source "$addr" 7000 32 1000 0.7
	shift 3
	if [ $# -gt 0 ]; then
		wait_line source 'a third' || return 1
		"$@"
	fi
	finished source && finished sink || return 1
	grep -o 'frames=.*' "$T/sink.log" | tee "$T/flows"
}
in_order()
{
	cat "$T/flows"
	grep -q ' reordered=0 ' "$T/flows"
}
# Frames by each link's counter of the kernel: more than 100 each since before.
carried()
{
	local i n
	for i in 1 2; do
		n=$(in_ns host cat "/sys/class/net/eth$i/statistics/$1_packets")
		echo "eth$i: $((n - before[i]))"
		[ $((n - before[i])) -gt 100 ] || return 1
	done
}
counters()
{
	before=(0 "$(in_ns host cat "/sys/class/net/eth1/statistics/$1_packets")"
		"$(in_ns host cat "/sys/class/net/eth2/statistics/$1_packets")")
}

zland_start <<CONF
SET PORT GROUP g LACP ACTIVE INTERVAL 1 TIMEOUT FAST
SET PORT GROUP g JOIN NIC eth1 eth2
DEFINE VSWITCH VSW1 ETHERNET GROUP g
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.93.0.11/24
must "DPDK starts" partner_start
must "two links are in use" eventually active 2
must "the partner is in sync, with slow timers" eventually output_has 'Partner: .*State: A-GSCD--' zl QUERY PORT GROUP g DETAILS
must "the guest reaches the outside" eventually reach one 10.93.0.1
counters tx
must "conversations to the outside" flows one out 10.93.0.1
echo "  to the outside: $(cat "$T/flows")"
must "none overtaken" in_order
must "both links carry them" carried tx
counters rx
must "conversations from the outside" flows out one 10.93.0.11
echo "  from the outside: $(cat "$T/flows")"
must "none overtaken" in_order
must "both links carry those" carried rx

# What is lost in 10 ms: of one link's half of 1000 frames a second five; on a busy machine up to three looks, and said so.
# The order is asked for in each.
pulled()
{
	local try
	for try in 1 2 3; do
		flows one out 10.93.0.1 ip -n "$ID-far" link set fe1 down || return 1
		in_order || return 1
		awk 'match($0, /lost=[0-9]+/) { exit !(substr($0, RSTART + 5, RLENGTH - 5) + 0 <= 5) }' "$T/flows" && return 0
		echo "  once more, after: $(cat "$T/flows")" >&$OUT
		ip -n "$ID-far" link set fe1 up && eventually active 2 || return 1
	done
	return 1
}
must "a link goes down under traffic: at most 10 ms are lost, none overtaken" pulled
echo "  link down: $(cat "$T/flows")"
must "one link is left" active 1

# On our fast timers a partner is given up 3 s after the last it said. Not in time: once more, and said so, since the
# machine may have been busy.
silent()
{
	local try
	for try in 1 2; do
		listen_for_silence 7000 eth2 || return 1
		stop testpmd KILL
		eventually active 0 || return 1
		silence_within given_up 3 eth2 && return 0
		echo "  once more, after: $(tr '\n' ' ' <"$T/silence")" >&$OUT
		partner_start && eventually active 1 || return 1
	done
	return 1
}
must "the partner is killed: 3 s after its last LACPDU no link is in use" silent
echo "  $(grep eth2 "$T/silence")"
must "the link comes back" ip -n "$ID-far" link set fe1 up
must "the partner starts again" partner_start
must "the group forms again, of both links" eventually active 2
must "the guest reaches the outside again" eventually reach one 10.93.0.1
