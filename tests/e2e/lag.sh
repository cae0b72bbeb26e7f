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
for i in 1 2 3; do
	plain_cable host "eth$i" far "fe$i"
done
plain_cable out eth0 far po
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
	flows_begin "$1" "$2" "$3" "$4" "$5" || return 1
	local from=$1 to=$2
	shift 5
	if [ $# -gt 0 ]; then
		wait_line "source-$from" 'a third' || return 1
		"$@"
	fi
	flows_end "$from" "$to"
}
flows_begin()
{
	start "sink-$2" ip netns exec "$ID-$2" "$PYTHON" "$E2E/flows.py" sink "$3" 7000
	wait_line "sink-$2" listening || return 1
	start "source-$1" ip netns exec "$ID-$1" "$PYTHON" "$E2E/flows.py" source "$3" 7000 32 "$4" "$5"
}
flows_end()
{
	finished "source-$1" && finished "sink-$2" || return 1
	grep -o 'frames=.*' "$T/sink-$2.log" | tee "$T/flows"
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

before=(0 "$(rx_of eth1)" "$(rx_of eth2)" "$(rx_of eth3)")
must "conversations from the outside" flows_begin out one 10.91.0.11 1500 1.4
must "and to the outside" flows one out 10.91.0.1 1500 1
figures "to the outside"
must "none overtaken" within reordered 0
must "all links carry them" spread_out
must "those from the outside are done" flows_end out one
figures "from the outside"
must "none overtaken" within reordered 0
# A link that came last gets conversations when Open vSwitch evens them out, every second.
must "all links carry those" eval 'spread_in || flows out one 10.91.0.11 1500 2 && spread_in'

# ---- links are lost, and come back -----------------------------------------------------------

link()
{
	ip -n "$ID-far" link set "$1" "$2"
}
# What is lost in 10 ms: of one link's third of 1500 frames a second five. On a busy machine it is looked at up to
# three times, and said so; for the order, each counts. Frames are listened to where they come in, too: Open vSwitch leaves what it has
# not yet read of a lost link for later, and when it had no processor for longer than the switch waits for it, that is the
# only one who may have changed the order.
pulled()
{
	local try
	for try in 1 2 3; do
		start wire ip netns exec "$ID-far" "$PYTHON" "$E2E/flows.py" wire 7000
		wait_line wire listening || return 1
		flows one out 10.91.0.1 1500 0.8 "$@" || return 1
		stop wire
		in_order || return 1
		within lost 5 && return 0
		echo "  once more, after: $(cat "$T/flows")" >&$OUT
		link fe1 up && formed 3 || return 1
	done
	return 1
}
in_order()
{
	local arrived left
	tail -n 1 "$T/wire.log"
	arrived=$(grep -o ' in_reordered=[0-9]*' "$T/wire.log")
	left=$(grep -o ' out_reordered=[0-9]*' "$T/wire.log")
	[ "${arrived#*=}" = 0 ] && [ "$(value reordered)" = "${left#*=}" ]
}
must "a link goes down under traffic: at most 10 ms are lost, none overtaken" pulled link fe1 down
figures "link down; at the links $(grep -o '^in=.*' "$T/wire.log")"
must "two links are left" active 2
must "it comes back under traffic" flows one out 10.91.0.1 1500 0.8 link fe1 up
must "none overtaken" within reordered 0
must "three links again" formed 3
must "slots are moved under traffic" flows one out 10.91.0.1 1500 1.5
figures "rebalancing"
must "none overtaken" within reordered 0
must "none lost" within lost 15

# A queue that takes no frame: the carrier stays.
deaf()
{
	in_ns host tc qdisc "$1" dev eth2 root tbf rate 8kbit burst 50 latency 1ms &&
		in_ns far tc qdisc "$1" dev fe2 root tbf rate 8kbit burst 50 latency 1ms
}
not_used()
{
	zl --json QUERY PORT GROUP G | jq -e --arg i "$1" '.port_groups[0].links[] | select(.ifname == $i) | .active | not'
}
# A link falls silent under traffic. Not in time: once more, and said so, since the machine may have been busy.
falls_silent()
{
	local try
	for try in 1 2; do
		listen_for_silence 7000 eth2 && flows_begin one out 10.91.0.1 1500 120 && wait_line sink-out '^first' || return 1
		deaf add && eventually not_used eth2 && rest_arrives || return 1
		silence_within moved 3 eth2 && return 0
		echo "  once more, after: $(tr '\n' ' ' <"$T/silence")" >&$OUT
		deaf del && formed 3 || return 1
	done
	return 1
}
rest_arrives()
{
	kill -TERM "${PIDS[source-one]}" && flows_end one out && within reordered 0
}
# since WHAT COMMAND...: how long until it is so, as a result line.
since()
{
	local what=$1 start=$EPOCHREALTIME
	shift
	must "$what" eventually "$@"
	echo "  after $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }') s"
}

must "a link falls silent: its traffic goes elsewhere within 3 s of the last LACPDU, none overtaken" falls_silent
echo "  $(grep eth2 "$T/silence"); $(cat "$T/flows")"
must "LACP says why" eventually link_says eth2 'waiting for the partner|no LACPDU'

# At the same time another is plugged into another bond of the same system, with another key.
ip -n "$ID-far" link add fe4 type veth peer name fe5
ip -n "$ID-far" link set fe4 up
wrong_place()
{
	vsctl del-bond-iface bond0 fe3 && vsctl add-br br1 -- set bridge br1 datapath_type=netdev -- add-bond br1 bond1 fe3 fe4 \
		lacp=active other_config:lacp-time=fast other_config:lacp-system-id=$SYSTEM \
		-- set interface fe3 other_config:lacp-aggregation-key=99 -- set interface fe4 other_config:lacp-aggregation-key=99
}
must "a link is at the wrong place" wrong_place
must "it is not used, and QUERY says why" eventually link_says eth3 'partner system or key'
same_system()
{
	zl QUERY PORT GROUP g DETAILS | grep Partner >"$T/partners"
	[ "$(grep -ci "${SYSTEM//:/-}" "$T/partners")" = 3 ] &&
		[ "$(grep -o 'Key: [0-9]*' "$T/partners" | sort -u | wc -l)" = 2 ]
}
must "one link is in use" eventually active 1
must "the guest reaches the outside by it" reach one 10.91.0.1
must "the silent one speaks again" deaf del
must "the partners differ in their key alone" eventually same_system
must "the other is plugged out" vsctl del-port br1 bond1
must "and put right" vsctl add-bond-iface bond0 fe3
must "three links once more" formed 3

# The partner crashes and starts again while conversations go on.
must "listened to at the links" listen_for_silence 7000 eth1 eth2 eth3
must "conversations to the outside" flows_begin one out 10.91.0.1 500 120
must "arrive" wait_line sink-out '^first'
stop ovs KILL
since "the partner is killed: no link is in use" active 0
must "the switch is not operational" output_has 'State: Not operational' zl QUERY VSWITCH VSW1
# By the standard a timer may be off by 0.25 s; here a busy machine's may.
must "each link was given up 3 s after its last LACPDU" silence_within given_up 3.25 eth1 eth2 eth3
sed 's/^/  /' "$T/silence"
must "the partner starts again" ovs_start
since "three links form again" formed 3
must "the guest reaches the outside" eventually reach one 10.91.0.1
must "the conversations go on" wait_line sink-out '^again'
kill -TERM "${PIDS[source-one]}"
must "the conversations end" flows_end one out
figures "partner restart"
must "none overtaken" within reordered 0

must "the partner wants slow timers" vsctl set port bond0 other_config:lacp-time=slow
must "and is in sync with them" eventually output_has 'Partner: .*State: A-GSC' zl QUERY PORT GROUP g DETAILS
