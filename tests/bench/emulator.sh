#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How fast a stock Linux driver moves data under the emulator: guest to guest and guest to host,
# beside the emulator's own device on a TAP (LCS, or QETH of 4.x), and what an idle adapter takes
# from its processor.
# Called by `make bench-guest` after the programs, the module and the guests' root are built.
#
#   guest one              guest two
#   0500 ZOSA ──── VSW1 ──── 0500 ZOSA      10.9.0.0/24
#                   └─ tap0, the host
#   0E20 QETH ── a TAP ─ bridge ─ a TAP ── 0E20 QETH      10.7.0.0/24, the bridge is the host's
#   or 0E20 LCS ── a TAP, the host's
#
# The guests boot once. Every measure is taken in turn, ROUNDS times or as often as fits into BUDGET
# seconds of the script, at least twice; shown are medians, and which of the bars are met by them. For
# "no adapter" guest one's is detached from the emulator, and attached again afterwards. Adds to the
# list in bench.json. A bar that is not met is said, not a failure: machines differ. The emulator's own
# device is online while it is measured only; what it does not answer in time is counted.
# shellcheck source=tests/guest/lib.sh
. "$(dirname "$0")/../guest/lib.sh"
begin
FAMILY=$(emulator_family)
ACCOUNT=([one]=64001 [two]=64002)
ADMIN=yes
ROUNDS=${ROUNDS:-5}
BUDGET=${BUDGET:-270}
JSON=${JSON:-$BIN/bench.json}
MIB20=20971520
IDLE_SECONDS=5
PATIENCE=60	# seconds for a transfer
SPINS=8000	# of the loop in commands.sh: a few seconds

# ---- samples ---------------------------------------------------------------------------------

# sample CASE SUBJECT METRIC UNIT VALUE: that the emulator's own device has none is not our failure.
sample()
{
	if [ -z "$5" ]; then
		[ "$2" = "$own" ] || report FAILED "$1, $2: no value of $3" "$EPOCHREALTIME"
		return 1
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$T/samples"
}

results()
{
	jq -R -s 'def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
		[split("\n")[] | select(. != "") | split("\t")] | group_by(.[0:4]) |
		map({case: .[0][0], subject: .[0][1], frame_bytes: 0, metric: .[0][2], unit: .[0][3],
			median: (map(.[4] | tonumber) | median), min: (map(.[4] | tonumber) | min),
			max: (map(.[4] | tonumber) | max), runs: length})' "$T/samples"
}

# What a reference build's own device took, on a machine of its own; and that of this emulator, beside
# ours. "work" is processor time of all threads of the emulator, which depends less on who else uses the
# machine than the time that passes: it tells what an idle adapter costs.
BARS='
guest to host|20 MiB|0.85
host to guest|20 MiB|0.85
guest to guest|20 MiB|0.85
guest to host|work|
host to guest|work|
host and guest|ping|0.8
guest and guest|ping|0.8
'

# value CASE SUBJECT METRIC FIELD
value()
{
	jq -r --arg c "$1" --arg s "$2" --arg m "$3" \
		".[] | select(.case == \$c and .subject == \$s and .metric == \$m) | .$4" "$T/results"
}

# bar NAME MEDIAN MIN BAR UNIT
bar()
{
	awk -v name="$1" -v seen="$2" -v best="$3" -v bar="$4" -v unit="$5" 'BEGIN {
		said = seen <= bar ? "met" : best <= bar ? "met at best, " best : "not met, best " best
		printf "%-52s %8.3f %8.3f %-3s %s\n", name, seen, bar, unit, said }'
}

bars()
{
	local case metric limit seen unit
	printf '%-52s %8s %8s\n' '' median bar
	while IFS='|' read -r case metric limit; do
		seen=$(value "$case" zlan "$metric" median)
		[ -n "$case" ] && [ -n "$seen" ] || continue
		unit=$(value "$case" zlan "$metric" unit)
		[ -z "$limit" ] || bar "$case, $metric" "$seen" "$(value "$case" zlan "$metric" min)" "$limit" "$unit"
		limit=$(value "$case" "$1" "$metric" median)
		[ -z "$limit" ] || bar "$case, $metric, as the emulator's $1" "$seen" \
			"$(value "$case" zlan "$metric" min)" "$limit" "$unit"
	done <<<"$BARS"
	seen=$(value processor 'adapter online, idle' work median)
	limit=$(value processor 'no adapter' work median)
	[ -z "$seen" ] || [ -z "$limit" ] || bar 'processor, work with an idle adapter, none + 2 %' "$seen" \
		"$(value processor 'adapter online, idle' work min)" "$(awk -v l="$limit" 'BEGIN { print l * 1.02 }')" s
}

# ---- measures --------------------------------------------------------------------------------

# Seconds of a transfer, as `take` prints them.
guest_fetch() # CASE SUBJECT GUEST FROM-ADDRESS
{
	local s
	s=$(run "$3" "take $4 $PATIENCE" 90 | sed -n 's/.* bytes in \([0-9.]*\) s.*/\1/p')
	sample "$1" "$2" "20 MiB" s "$s"
}

host_fetch() # CASE SUBJECT FROM-ADDRESS
{
	sample "$1" "$2" "20 MiB" s "$(in_ns host "$PYTHON" -c "
import time, urllib.request
start = time.monotonic()
n = len(urllib.request.urlopen('http://$3:8080/data', timeout=$PATIENCE).read())
assert n >= $MIB20
print('%.3f' % (time.monotonic() - start))")"
}

# The same, and what guest one's emulator works for it.
working() # MEASURE CASE SUBJECT OPERAND...
{
	local ns
	ns=$(ran one .)
	"$@" || return
	sample "$2" "$3" work s "$(awk -v ns=$(($(ran one .) - ns)) 'BEGIN { printf "%.3f", ns / 1e9 }')"
}

average()
{
	sed -nE 's|.*min/avg/max[^=]*= [0-9.]+/([0-9.]+)/.*|\1|p'
}

guest_ping() # CASE SUBJECT GUEST ADDRESS
{
	sample "$1" "$2" "ping" ms "$(run "$3" "ping -q -c 30 -i 0.05 $4" | average)"
}

host_ping() # CASE SUBJECT ADDRESS
{
	sample "$1" "$2" "ping" ms "$(in_ns host ping -q -n -c 40 -i 0.05 "$3" | average)"
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

# A fixed amount of instructions: how often a second, and what all threads of the emulator need for it.
spin() # SUBJECT
{
	local ns rate
	ns=$(ran one .)
	rate=$(run one "spin $SPINS" 120 | tail -n 1)
	ns=$(($(ran one .) - ns))
	sample "processor" "$1" "rate" 1/s "$rate"
	sample "processor" "$1" "work" s "$(awk -v ns=$ns 'BEGIN { printf "%.3f", ns / 1e9 }')"
}

# What the adapter's threads take of a core while nothing happens.
idle() # SUBJECT
{
	local before=$EPOCHREALTIME ns
	ns=$(ran one '^zosa-')
	sleep $IDLE_SECONDS
	ns=$(($(ran one '^zosa-') - ns))
	sample 'idle' "$1" 'core' % "$(awk -v ns=$ns -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.4f", ns / (b - a) / 1e7 }')"
}

# ---- devices ---------------------------------------------------------------------------------

zosa_up() # GUEST ADDRESS
{
	run "$1" 'online 0500 2' && run "$1" "address 0500 $2/24"
}

plug()
{
	emulator one "attach 0500.3 ZOSA user LINUX01 dir $T/run" >/dev/null
	run one 'come 0500' && zosa_up one 10.9.0.1
}

unplug()
{
	run one 'ungroup 0500' && emulator one 'detach 0500' >/dev/null
}

# The emulator's own device, and the host's end of it: a TAP that the emulator has made.
lcs_is_up()
{
	run one 'lcs_up 0e20 10.7.0.1/24' || return
	ip -n "$ID-host" link set tap1 up
	ip -n "$ID-host" addr replace 10.7.0.254/24 dev tap1
	eventually in_ns host ping -q -c 1 -W 1 10.7.0.1
}

qeth_is_up() # GUEST ADDRESS
{
	local t
	run "$1" 'online 0e20 2' && run "$1" "address 0e20 $2/24" || return
	for t in $(ip -n "$ID-host" -br link show type tun | sed -n 's/^\(tap[1-9]\).*/\1/p'); do
		ip -n "$ID-host" addr flush dev "$t"
		ip -n "$ID-host" link set "$t" master br0 up
	done
	eventually in_ns host ping -q -c 1 -W 1 "$2"
}

own_up()
{
	if [ "$own" = LCS ]; then
		lcs_is_up
		return
	fi
	ip -n "$ID-host" link add br0 type bridge
	ip -n "$ID-host" addr add 10.7.0.254/24 dev br0
	ip -n "$ID-host" link set br0 up
	qeth_is_up one 10.7.0.1 && qeth_is_up two 10.7.0.2
}

own_down()
{
	local g
	for g in one two; do
		[ "$own" = LCS ] || run $g 'offline 0e20'
	done
	[ "$own" = QETH ] || run one 'lcs_down 0e20'
}

# One of the own device's, which may fail.
tried() # MEASURE CASE METRIC OPERAND...
{
	OWN_TRIES=$((OWN_TRIES + 1))
	"$@" && return
	OWN_LATE=$((OWN_LATE + 1))
}

own_measures()
{
	local PATIENCE=15
	tried host_ping 'host and guest' "$own" 10.7.0.1
	tried working host_fetch 'guest to host' "$own" 10.7.0.1
	tried working guest_fetch 'host to guest' "$own" one 10.7.0.254
	[ "$own" = LCS ] && return
	tried guest_ping 'guest and guest' "$own" one 10.7.0.2
	tried guest_fetch 'guest to guest' "$own" one 10.7.0.2
}

# ---- the world -------------------------------------------------------------------------------

world host
ip -n "$ID-host" tuntap add dev tap0 mode tap
NO_CAPTURE=1 zland_start <<CONF
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

n=1
for g in one two; do
	lines=("0500.3 ZOSA user LINUX0$n dir $T/run")
	if [ "$FAMILY" != 3 ]; then
		own=QETH
		lines+=("0E20.3 QETH iface /dev/net/tun ipaddr 10.7.0.10$n netmask 255.255.255.0")
	elif [ $g = one ]; then
		own=LCS
		lines+=("0E20.2 LCS -n /dev/net/tun 10.7.0.1")
	fi
	boot $g "${lines[@]}"
	n=$((n + 1))
done
for g in one two; do
	must "guest $g boots" booted $g
	[ $FAILURES = 0 ] || exit 1
done
must "guest one is online" zosa_up one 10.9.0.1
must "guest two is online" zosa_up two 10.9.0.2
for g in one two; do
	must "guest $g gives 20 MiB" run $g serve 60
done
OWN_TRIES=0
OWN_LATE=0

start=$SECONDS
for ((i = 0; i < ROUNDS; i++)); do
	# Another one, if it fits as well as the last.
	[ $i -lt 2 ] || [ $(((SECONDS - start) / i + SECONDS)) -le "$BUDGET" ] || break
	unplug >"$T/unplug.out" 2>&1 || report FAILED "detached" "$EPOCHREALTIME"
	spin 'no adapter'
	plug >"$T/plug.out" 2>&1 || report FAILED "attached" "$EPOCHREALTIME"
	spin 'adapter online, idle'
	idle 'adapter online'
	guest_fetch 'guest to guest' zlan one 10.9.0.2
	ns=$(ran one '^zosa-')
	working host_fetch 'guest to host' zlan 10.9.0.1
	sample 'guest to host' zlan 'adapter' ms $((($(ran one '^zosa-') - ns) / 1000000))
	working guest_fetch 'host to guest' zlan one 10.9.0.254
	guest_ping 'guest and guest' zlan one 10.9.0.2
	host_ping 'host and guest' zlan 10.9.0.1
	own_up >"$T/own.out" 2>&1
	own_measures 2>>"$T/own.out"
	own_down >>"$T/own.out" 2>&1
done
results >"$T/results"
jq -r '.[] | [.case, .subject, .metric, .median, .min, .max, .unit] | @tsv' "$T/results" |
	awk -F '\t' 'BEGIN { printf "%-18s %-22s %-8s %10s %10s %10s\n", "case", "subject", "", "median", "min", "max" }
		{ printf "%-18s %-22s %-8s %10.3f %10.3f %10.3f %s\n", $1, $2, $3, $4, $5, $6, $7 }'
echo
bars "$own"
echo "the emulator's own $own: $OWN_LATE of $OWN_TRIES measures without an answer in time"
[ -e "$JSON" ] || echo '[]' >"$JSON"
jq --slurpfile more "$T/results" '[.[] | select(.metric as $m | ["20 MiB", "ping", "rate", "work", "core", "adapter"] | index($m) | not)] + $more[0]' "$JSON" >"$T/json" && cp "$T/json" "$JSON"
