#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How fast a stock Linux driver moves data under the emulator: guest to guest and guest to host
# beside the emulator's own device on a TAP (LCS, or QETH of 4.x), and what an idle adapter takes
# from its processor.
# Called by `make bench-guest` after the programs, the module and the guests' root are built.
#
# Guests one and two have a ZOSA device on one switch; guest bare has none, but the LCS or QETH. Every
# measure is taken in turn, ROUNDS times; shown are medians. Adds to the list in bench.json.
# shellcheck source=tests/guest/lib.sh
. "$(dirname "$0")/../guest/lib.sh"
begin
FAMILY=$(emulator_family)
ROUNDS=${ROUNDS:-3}
JSON=${JSON:-$BIN/bench.json}
MIB20=20971520
ACCOUNT=([one]=64001 [two]=64002)

# ---- samples ---------------------------------------------------------------------------------

# sample CASE SUBJECT METRIC UNIT VALUE
sample()
{
	[ -n "$5" ] || { report FAILED "$1, $2: no value of $3" "$EPOCHREALTIME"; return; }
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$T/samples"
}

results()
{
	jq -R -s 'def median: sort | .[length / 2 | floor];
		[split("\n")[] | select(. != "") | split("\t")] | group_by(.[0:4]) |
		map({case: .[0][0], subject: .[0][1], frame_bytes: 0, metric: .[0][2], unit: .[0][3],
			median: (map(.[4] | tonumber) | median), min: (map(.[4] | tonumber) | min),
			max: (map(.[4] | tonumber) | max), runs: length})' "$T/samples"
}

# ---- measures --------------------------------------------------------------------------------

# Seconds of a transfer, as `take` prints them.
guest_fetch() # CASE SUBJECT GUEST FROM-ADDRESS
{
	local s
	s=$(run "$3" "take $4" 120 | sed -n 's/.* bytes in \([0-9.]*\) s.*/\1/p')
	sample "$1" "$2" "20 MiB" s "$s"
}

host_fetch() # CASE SUBJECT FROM-ADDRESS
{
	sample "$1" "$2" "20 MiB" s "$(in_ns host "$PYTHON" -c "
import time, urllib.request
start = time.monotonic()
n = len(urllib.request.urlopen('http://$3:8080/data', timeout=60).read())
assert n >= $MIB20
print('%.3f' % (time.monotonic() - start))")"
}

average()
{
	sed -nE 's|.*min/avg/max[^=]*= [0-9.]+/([0-9.]+)/.*|\1|p'
}

guest_ping() # CASE SUBJECT GUEST ADDRESS
{
	sample "$1" "$2" "ping" ms "$(run "$3" "ping -q -c 20 -i 0.1 $4" | average)"
}

host_ping() # CASE SUBJECT ADDRESS
{
	sample "$1" "$2" "ping" ms "$(in_ns host ping -q -n -c 40 -i 0.05 "$3" | average)"
}

# A fixed amount of instructions: how often a second.
spin() # SUBJECT GUEST
{
	sample "processor" "$1" "rate" 1/s "$(run "$2" spin 120 | tail -n 1)"
}

# Nanoseconds that threads of a guest's emulator whose names match have run. Unlike rates this does not
# depend on what else the machine does.
ran() # GUEST NAMES
{
	local p t
	for p in /proc/[0-9]*; do
		[[ $(readlink "$p/cwd") = "$T/$1" && $(readlink "$p/exe") = */hercules ]] || continue
		for t in "$p"/task/*; do
			grep -q -E "$2" "$t/comm" && cat "$t/schedstat"
		done
	done 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }'
}

idle_seconds=10

# What the adapter's threads take of a core while nothing happens.
idle() # SUBJECT
{
	local before=$EPOCHREALTIME ns
	ns=$(ran one '^zosa-')
	sleep $idle_seconds
	ns=$(($(ran one '^zosa-') - ns))
	sample 'idle' "$1" 'core' % "$(awk -v ns=$ns -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.4f", ns / (b - a) / 1e7 }')"
}

# Guest bare's device, and the host's end of it, a TAP that the emulator has made.
own_up()
{
	local tap
	if [ "$own" = LCS ]; then
		run bare 'lcs_up 0e20 10.7.0.1/24' || return
	else
		run bare 'online 0e20 2' && run bare 'address 0e20 10.7.0.1/24' || return
	fi
	eventually in_ns host sh -c 'ip -br link show type tun | grep -q tap1' || return
	tap=$(ip -n "$ID-host" -br link show type tun | sed -n 's/^\(tap[1-9]\).*/\1/p')
	ip -n "$ID-host" link set "$tap" up
	ip -n "$ID-host" addr replace 10.7.0.254/24 dev "$tap"
	eventually in_ns host ping -q -c 1 -W 1 10.7.0.1
}

# ---- the world -------------------------------------------------------------------------------

world host
ip -n "$ID-host" tuntap add dev tap0 mode tap
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
USER LINUX01 UID ${ACCOUNT[one]}
USER LINUX02 UID ${ACCOUNT[two]}
SET VSWITCH VSW1 GRANT LINUX01
SET VSWITCH VSW1 GRANT LINUX02
NICDEF LINUX01 0500 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX02 0500 TYPE QDIO LAN SYSTEM VSW1
CONF
ip -n "$ID-host" link set tap0 up
ip -n "$ID-host" addr add 10.9.0.254/24 dev tap0
mkdir -p "$T/www"
head -c $MIB20 /dev/urandom >"$T/www/data"
start www ip netns exec "$ID-host" "$PYTHON" -m http.server -d "$T/www" 8080

boot one "0500.3 ZOSA user LINUX01 dir $T/run"
boot two "0500.3 ZOSA user LINUX02 dir $T/run"
if [ "$FAMILY" = 3 ]; then
	own=LCS
	boot bare "0E20.2 LCS -n /dev/net/tun 10.7.0.1"
else
	own=QETH
	boot bare "0E20.3 QETH iface /dev/net/tun ipaddr 10.7.0.254 netmask 255.255.255.0"
fi
for g in one two bare; do
	must "guest $g boots" booted $g
	[ $FAILURES = 0 ] || exit 1
done
for g in one two; do
	must "guest $g is online" run $g 'online 0500 2'
done
run one 'address 0500 10.9.0.1/24'
run two 'address 0500 10.9.0.2/24'
run one serve >/dev/null 60
run two serve >/dev/null 60
if own_up >"$T/own.out" 2>&1; then
	run bare serve >/dev/null 60
else
	skipped "the emulator's own $own: not online"
	own=
fi

for ((i = 0; i < ROUNDS; i++)); do
	spin 'no adapter' bare
	run one 'offline 0500'
	spin 'adapter offline' one
	run one 'again 0500'
	run one 'address 0500 10.9.0.1/24' # lost, should the interface have been another
	spin 'adapter online, idle' one
	idle 'adapter online'
	guest_fetch 'guest to guest' zlan one 10.9.0.2
	ns=$(ran one '^zosa-')
	host_fetch 'guest to host' zlan 10.9.0.1
	sample 'guest to host' zlan 'adapter' ms $((($(ran one '^zosa-') - ns) / 1000000))
	guest_fetch 'host to guest' zlan one 10.9.0.254
	guest_ping 'guest and guest' zlan one 10.9.0.2
	host_ping 'host and guest' zlan 10.9.0.1
	[ -n "$own" ] || continue
	host_fetch 'guest to host' "$own" 10.7.0.1
	guest_fetch 'host to guest' "$own" bare 10.7.0.254
	host_ping 'host and guest' "$own" 10.7.0.1
done
results >"$T/results"
jq -r '.[] | [.case, .subject, .metric, .median, .min, .max, .unit] | @tsv' "$T/results" |
	awk -F '\t' 'BEGIN { printf "%-18s %-22s %-8s %10s %10s %10s\n", "case", "subject", "", "median", "min", "max" }
		{ printf "%-18s %-22s %-8s %10.3f %10.3f %10.3f %s\n", $1, $2, $3, $4, $5, $6, $7 }'
[ -e "$JSON" ] || echo '[]' >"$JSON"
jq --slurpfile more "$T/results" '[.[] | select(.metric as $m | ["20 MiB", "ping", "rate", "core", "adapter"] | index($m) | not)] + $more[0]' "$JSON" >"$T/json" && cp "$T/json" "$JSON"
