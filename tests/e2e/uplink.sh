#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The host's side changes under a running zland: the uplink's interface is deleted, moved to another
# namespace, loses and regains its carrier. And zland's folder: who may use it, and which
# configuration counts at the next start.
#
#   ns one ---- VSW1 ---- tap0 (ns host, later ns far)
. "$(dirname "$0")/lib.sh"
begin

world host far
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF

address()
{
	ip -n "$ID-$1" addr replace 10.88.0.1/24 dev tap0 && ip -n "$ID-$1" link set tap0 up
}

uplink_is()
{
	output_has "State: $1" zl QUERY VSWITCH VSW1 DETAILS
}

guest one ONE 0600 --addr 10.88.0.11/24
must "the uplink's interface has an address" address host
must "the guest reaches the host" reach one 10.88.0.1

# The device stays, whatever else is in the list.
lists_change()
{
	local i
	for i in {1..10}; do
		zl SET VSWITCH VSW1 UPLINK TAP tap0 tap1 && zl SET VSWITCH VSW1 UPLINK TAP tap2 tap0 &&
			zl SET VSWITCH VSW1 UPLINK TAP tap0 || return 1
	done
}
none_lost()
{
	start pings ip netns exec "$ID-one" ping -n -i 0.002 10.88.0.1
	wait_line pings 'icmp_seq=20 ' && lists_change || return 1
	# Every one but the last, which may be on its way, has been answered, in its turn.
	stop pings INT
	grep -o 'icmp_seq=[0-9]*' "$T/pings.log" | awk -F= '{ n++; if ($2 != n) exit 1 } END { exit n < 40 }'
}
must "devices come and go beside it: no frame is lost" none_lost

# Made anew by zland itself, with the news of its own deletion still to be read.
must "the uplink has no device" zl SET VSWITCH VSW1 UPLINK NONE
must "and one again" zl SET VSWITCH VSW1 UPLINK TAP tap0
must "the new interface has an address" address host
in_ns one ip neigh flush dev eth0
must "the guest reaches the host by it" reach one 10.88.0.1
must "the log does not say that it has moved" no_line ZLN2660 cat "$T/zland.log"

must "the interface is set down" ip -n "$ID-host" link set tap0 down
must "QUERY VSWITCH: no carrier" eventually uplink_is "No carrier"
must "and up again" address host
must "QUERY VSWITCH: ready" eventually uplink_is Ready
must "the guest reaches the host again" reach one 10.88.0.1

must "the interface is deleted" ip -n "$ID-host" link del tap0
must "zland makes it again" eventually address host
must "the log tells of its loss" grep -q 'ZLN2832W.*tap0.*gone' "$T/zland.log"
must "the uplink is ready once more" eventually uplink_is Ready
must "the guest reaches the host through the new one" reach one 10.88.0.1

must "the interface moves to another namespace" ip -n "$ID-host" link set tap0 netns "$ID-far"
must "it has an address there" address far
must "the guest reaches that namespace" reach one 10.88.0.1

# The folder.
second_zland()
{
	fails_with 'ZLN2630E another zland serves' timeout 10 "$BIN/zland" -d "$T/run"
}
must "a second zland on the folder is refused" second_zland
must "the first is not disturbed" zl QUERY VSWITCH VSW1

must "a command's change" zl DEFINE LAN MINE
stop record
stop zland KILL
must "zland goes on from its state" zland_again
must "the change is there" output_has MINE zl QUERY LAN
must "a killed zland leaves the interface to nobody, the next one has it" eventually uplink_is Ready

stop zland KILL
echo 'DEFINE VSWITCH VSW2 ETHERNET' >>"$T/zland.conf"
must "an edited file is taken instead of the state" zland_again
must "the log says so" grep -q ZLN2632W "$T/zland.log"
must "what the file defines is there" zl QUERY VSWITCH VSW2
must "the change by command is not" no_line MINE zl QUERY LAN

stop zland
must "what restarts zland leaves the state" test -s "$T/run/state"
must "zland goes on from it" zland_again
must "an end" zl SHUTDOWN
must "zland ends" finished zland
must "an orderly end leaves no state" test ! -e "$T/run/state"
echo 'DEFINE VSWITCH VSW2 NONSENSE' >>"$T/zland.conf"
bad_start()
{
	fails_with 'zland.conf:4: ZLN[0-9]+E' timeout 10 "$BIN/zland" -d "$T/run" -c "$T/zland.conf"
}
must "a file with an error ends the start with its line" bad_start
