#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A port group against a bond of Open vSwitch: it forms, both sides send on all links, links are lost in
# every way and come back. Nothing may be reordered within a conversation.
#
#   ns one ---- VSW1 == group G: eth1 eth2 eth3 (ns host) ==veth x3== fe1 fe2 fe3 -- bond0 -- br0 -- po (ns far,
#                                                                      Open vSwitch) --veth-- eth0 (ns out)
# alone: it has bars for what is lost
. "$(dirname "$0")/lib.sh"
begin
command -v ovs-vswitchd >/dev/null || skip_all "no Open vSwitch"
NO_CAPTURE=1
world host far out

# Open vSwitch's userspace datapath completes no checksums.
cable()
{
	ip -n "$ID-$1" link add "$2" type veth peer name "$4" netns "$ID-$3"
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null 2>&1
	in_ns "$3" ethtool -K "$4" tx off tso off gso off gro off >/dev/null 2>&1
	ip -n "$ID-$1" link set "$2" up
	ip -n "$ID-$3" link set "$4" up
}
for i in 1 2 3; do
	cable host "eth$i" far "fe$i"
done
cable out eth0 far po
ip -n "$ID-out" addr add 10.91.0.1/24 dev eth0

# ---- Open vSwitch, of this run only ------------------------------------------------------

export OVS_RUNDIR=$T OVS_LOGDIR=$T OVS_DBDIR=$T
ovs_start()
{
	[ -e "$T/conf.db" ] || ovsdb-tool create "$T/conf.db" /usr/share/openvswitch/vswitch.ovsschema || return 1
	if [ -z "${PIDS[ovsdb]:-}" ]; then
		start ovsdb ip netns exec "$ID-far" ovsdb-server "$T/conf.db" --remote="punix:$T/db.sock" \
			--unixctl="$T/ovsdb.ctl" --no-chdir
		eventually test -S "$T/db.sock" || return 1
	fi
	vsctl --no-wait init
	start ovs ip netns exec "$ID-far" ovs-vswitchd "unix:$T/db.sock" --unixctl="$T/ovs.ctl" --no-chdir
}
vsctl()
{
	timeout "$PATIENCE" ovs-vsctl --db="unix:$T/db.sock" "$@"
}

# ---- what is asked ---------------------------------------------------------------------------

# Links in use, by both sides' word.
links()
{
	zl --json QUERY PORT GROUP G | jq '[.port_groups[0].links[] | select(.active)] | length'
}
active()
{
	[ "$(links)" = "$1" ]
}
bonded()
{
	[ "$(timeout "$PATIENCE" ovs-appctl --target="$T/ovs.ctl" bond/show bond0 | grep -c 'fe.*: enabled')" = "$1" ]
}
formed()
{
	eventually active "$1" && eventually bonded "$1"
}
link_says()
{
	output_has "$1 .*($2)" zl QUERY PORT GROUP G
}

# flows FROM TO ADDRESS RATE SECONDS [COMMAND...]: conversations, a third of the way through
# them the command. The line of the sink stays in $T/flows.
flows()
{
	local from=$1 to=$2 addr=$3 rate=$4 secs=$5
	shift 5
	start sink ip netns exec "$ID-$to" "$PYTHON" "$E2E/flows.py" sink "$addr" 7000
	wait_line sink listening || return 1
	start source ip netns exec "$ID-$from" "$PYTHON" "$E2E/flows.py" source "$addr" 7000 32 "$rate" "$secs"
	if [ $# -gt 0 ]; then
		wait_line source 'a third' || return 1
		"$@"
	fi
	finished source && finished sink || return 1
	grep -o 'frames=.*' "$T/sink.log" | tee "$T/flows"
}
value()
{
	grep -o "$1=[0-9.]*" "$T/flows" | cut -d= -f2
}
# within WHAT MAX: a value of the last flows, shown.
within()
{
	awk -v v="$(value "$1")" -v max="$2" 'BEGIN { exit !(v != "" && v <= max) }' || { cat "$T/flows"; return 1; }
}
figures()
{
	echo "  $1: $(cat "$T/flows")"
}
# Each link carries frames of the switch's side.
spread_out()
{
	local n
	n=$(zl --json QUERY PORT GROUP G | jq '[.port_groups[0].links[] | select(.frames + .last_frames > 50)] | length')
	[ "$n" = 3 ] || zl QUERY PORT GROUP G DETAILS
	[ "$n" = 3 ]
}
rx_of()
{
	in_ns host cat "/sys/class/net/$1/statistics/rx_packets"
}
spread_in()
{
	local i
	for i in 1 2 3; do
		[ $(($(rx_of "eth$i") - before[i])) -gt 50 ] || { echo "eth$i carried little"; return 1; }
	done
}

SYSTEM=02:00:00:00:aa:01 # of the bond

# ---- it forms --------------------------------------------------------------------------------

must "Open vSwitch starts" ovs_start
must "it makes a bond" vsctl add-br br0 -- set bridge br0 datapath_type=netdev \
	-- add-bond br0 bond0 fe1 fe2 fe3 bond_mode=balance-tcp lacp=active other_config:lacp-time=fast \
	other_config:lacp-system-id=$SYSTEM \
	other_config:bond-rebalance-interval=1000 -- add-port br0 po
zland_start <<CONF
SET PORT GROUP g LACP ACTIVE INTERVAL 1 TIMEOUT FAST
SET PORT GROUP g JOIN NIC eth1 eth2 eth3
DEFINE VSWITCH VSW1 ETHERNET GROUP g
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.91.0.11/24
must "three links are in use" formed 3
must "QUERY PORT GROUP DETAILS shows the partner in sync" output_has 'Partner: .*State: ATGSCD--' zl QUERY PORT GROUP g DETAILS
must "the guest reaches the outside" reach one 10.91.0.1

must "conversations to the outside" flows one out 10.91.0.1 1500 1
figures "to the outside"
must "none overtaken" within reordered 0
must "all links carry them" spread_out
before=(0 "$(rx_of eth1)" "$(rx_of eth2)" "$(rx_of eth3)")
must "conversations from the outside" flows out one 10.91.0.11 1500 1
figures "from the outside"
# A link that came last gets conversations when Open vSwitch evens them out, every second.
must "all links carry those" eval 'spread_in || flows out one 10.91.0.11 1500 2 && spread_in'

# ---- links are lost, and come back -----------------------------------------------------------

link()
{
	ip -n "$ID-far" link set "$1" "$2"
}
must "a link goes down under traffic" flows one out 10.91.0.1 1500 1 link fe1 down
figures "link down"
must "none overtaken" within reordered 0
# One link's third of 10 ms at this rate is 5; a busy machine has more.
must "little is lost" within lost 60
must "two links are left" active 2
must "it comes back under traffic" flows one out 10.91.0.1 1500 1 link fe1 up
must "three links again" formed 3
must "slots are moved under traffic" flows one out 10.91.0.1 1500 2
figures "rebalancing"
must "none overtaken" within reordered 0
must "none lost" within lost 15

# A queue that takes no frame: the carrier stays.
deaf()
{
	in_ns host tc qdisc "$1" dev eth2 root tbf rate 8kbit burst 50 latency 1ms &&
		in_ns far tc qdisc "$1" dev fe2 root tbf rate 8kbit burst 50 latency 1ms
}
start=$EPOCHREALTIME
must "a link falls silent" deaf add
must "it is given up" eventually active 2
report ok "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "given up after %.1f s", b - a }')" "$start"
must "LACP says why" eventually link_says eth2 'waiting for the partner|no LACPDU'
must "the guest reaches the outside by the others" reach one 10.91.0.1
must "it speaks again" deaf del
must "three links again" formed 3
# In another bond of the same system: another key.
ip -n "$ID-far" link add fe4 type veth peer name fe5
ip -n "$ID-far" link set fe4 up
must "a link is plugged out" vsctl del-bond-iface bond0 fe3
must "and in again at the wrong place" vsctl add-br br1 -- set bridge br1 datapath_type=netdev -- add-bond br1 bond1 fe3 fe4 \
	lacp=active other_config:lacp-time=fast other_config:lacp-system-id=$SYSTEM \
	-- set interface fe3 other_config:lacp-aggregation-key=99 -- set interface fe4 other_config:lacp-aggregation-key=99
must "it is not used, and QUERY says why" eventually link_says eth3 'partner system or key'
same_system()
{
	zl QUERY PORT GROUP g DETAILS | grep Partner >"$T/partners"
	[ "$(grep -ci "${SYSTEM//:/-}" "$T/partners")" = 3 ] &&
		[ "$(grep -o 'Key: [0-9]*' "$T/partners" | sort -u | wc -l)" = 2 ]
}
must "the partners differ in their key alone" same_system
must "two links are in use" eventually active 2
must "it is plugged out again" vsctl del-port br1 bond1
must "and put right" vsctl add-bond-iface bond0 fe3
must "three links once more" formed 3
must "the partner wants slow timers" vsctl set port bond0 other_config:lacp-time=slow
must "and is in sync with them" eventually output_has 'Partner: .*State: A-GSC' zl QUERY PORT GROUP g DETAILS

stop ovs KILL
must "the partner is killed: no link is in use" eventually active 0
must "the switch is not operational" output_has 'State: Not operational' zl QUERY VSWITCH VSW1
