# SPDX-License-Identifier: Apache-2.0
# Harness of the end-to-end tests. A test sources it, calls `begin`, builds its world
# with the functions below, and states what must hold with `must` and `refused`; each of these is
# one result line ("ok ..." or "FAILED ..."), which scripts/check.sh counts.
#
# Theory of operation: every run has a folder of its own ($T) and a prefix of its own for
# network namespaces, so nothing of the machine is touched and runs do not meet. Programs are
# started in the background and known by process id; a test waits for what they print
# (`ready`, `online`), never for a time to pass. Everything is ended and removed by a trap.
# A test that failed leaves $T with all logs and a pcapng of every frame, and says where.

set -u
export LC_ALL=C.UTF-8
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$E2E/../.." && pwd)
BIN=${ZLAN_BIN:-$TOP/build}
PYTHON=/usr/bin/python3
# A sanitized program is several times slower; waits are bounded by this many seconds.
PATIENCE=${ZLAN_PATIENCE:-10}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

TEST=$(basename "$0" .sh)
exec {OUT}>&1	# a trap runs with the output of the command it interrupts
FAILURES=0
declare -A PIDS=()	# name -> process id of what this run started
declare -A WORLD=()	# namespaces of this run

# ---- life of a test ------------------------------------------------------------------

# begin: check what every test needs, make the folder, arrange for the end.
begin()
{
	local need
	for need in zland zlan zlan-nic; do
		[ -x "$BIN/$need" ] || { echo "FAILED $TEST: $BIN/$need is not built"; exit 1; }
	done
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	[ -e /dev/net/tun ] || skip_all "no /dev/net/tun"
	T=$(mktemp -d "${TMPDIR:-/tmp}/zlan-$TEST.XXXXXX")
	ID=z$$
	trap 'finish >&$OUT 2>&1' EXIT
	trap 'echo "FAILED $TEST: interrupted" >&$OUT; FAILURES=$((FAILURES + 1)); exit 1' INT TERM HUP
}

skip_all()
{
	echo "skipped $TEST: $1"
	exit 0
}

finish()
{
	local name status=$?
	trap - EXIT
	for name in "${!PIDS[@]}"; do
		[ "$name" = zland ] || stop "$name"
	done
	[ -z "${PIDS[zland]:-}" ] || stop zland
	for name in "${!WORLD[@]}"; do
		ip netns del "$ID-$name" 2>/dev/null
	done
	sanitizers_quiet || FAILURES=$((FAILURES + 1))
	[ $status = 0 ] || [ $FAILURES -gt 0 ] || FAILURES=1
	if [ $FAILURES -gt 0 ]; then
		echo "  logs and frames of this test: $T"
		exit 1
	fi
	rm -rf "$T"
	exit 0
}

# No program of this run may have been stopped by a sanitizer.
sanitizers_quiet()
{
	local hits
	hits=$(grep -lE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$T"/*.log 2>/dev/null)
	[ -n "$hits" ] || return 0
	echo "FAILED $TEST: a sanitizer reported: $hits"
	grep -hE -A 12 'ERROR: (Address|Leak)Sanitizer|runtime error:' $hits | head -n 40 | sed 's/^/  | /'
	return 1
}

# ---- results --------------------------------------------------------------------------

report()
{
	local verdict=$1 what=$2 start=$3
	printf '%s %s: %s (%.1f s)\n' "$verdict" "$TEST" "$what" \
		"$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
	[ "$verdict" = ok ] || FAILURES=$((FAILURES + 1))
}

# must TEXT COMMAND...: the command succeeds.
must()
{
	local what=$1 start=$EPOCHREALTIME
	shift
	if "$@" >"$T/last.out" 2>&1; then
		report ok "$what" "$start"
	else
		report FAILED "$what" "$start"
		echo "  \$ $*"
		tail -n 15 "$T/last.out" | sed 's/^/  | /'
	fi
}

# refused TEXT COMMAND...: the command fails (but is not killed by a signal).
refused()
{
	local what=$1 start=$EPOCHREALTIME rc
	shift
	"$@" >"$T/last.out" 2>&1
	rc=$?
	if [ $rc -gt 0 ] && [ $rc -lt 99 ]; then
		report ok "$what" "$start"
	else
		report FAILED "$what" "$start"
		echo "  \$ $*   (status $rc, expected a refusal)"
		tail -n 15 "$T/last.out" | sed 's/^/  | /'
	fi
}

# eventually COMMAND...: the command succeeds within $PATIENCE seconds. For states that
# nobody announces; what is announced is waited for with wait_line.
eventually()
{
	local end=$((SECONDS + PATIENCE))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# output_has PATTERN COMMAND...: the command succeeds and prints a line that matches.
output_has()
{
	local pattern=$1 text
	shift
	text=$("$@" 2>&1) || { echo "$text"; return 1; }
	grep -qE -- "$pattern" <<<"$text" || { echo "no line matches $pattern in:"; echo "$text"; return 1; }
}

# no_line PATTERN COMMAND...: the command succeeds and prints no line that matches.
no_line()
{
	local pattern=$1 text
	shift
	text=$("$@" 2>&1) || { echo "$text"; return 1; }
	! grep -E -- "$pattern" <<<"$text"
}

# fails_with PATTERN COMMAND...: the command fails and its messages match.
fails_with()
{
	local pattern=$1 text rc
	shift
	text=$("$@" 2>&1 >/dev/null)
	rc=$?
	[ $rc -gt 0 ] && [ $rc -lt 99 ] && grep -qE -- "$pattern" <<<"$text" && return 0
	echo "status $rc, expected a message that matches $pattern:"
	echo "$text"
	return 1
}

# ---- processes ------------------------------------------------------------------------

# start NAME COMMAND...: run in the background, output in $T/NAME.log. It ends when the test is killed.
start()
{
	local name=$1
	shift
	: >"$T/$name.log" # now, so that whoever waits for its lines finds it
	setpriv --pdeathsig TERM "$@" >"$T/$name.log" 2>&1 </dev/null {OUT}>&- &
	PIDS[$name]=$!
}

# wait_line NAME PATTERN [SECONDS]: until the program has printed a matching line.
wait_line()
{
	local name=$1 pattern=$2 limit=${3:-$PATIENCE}
	timeout "$limit" tail -n +1 -s 0.1 -f --pid="${PIDS[$name]}" "$T/$name.log" 2>/dev/null |
		grep -qE -m 1 -- "$pattern" && return 0
	echo "$name did not print '$pattern' within $limit s:"
	tail -n 10 "$T/$name.log"
	return 1
}

alive()
{
	kill -0 "${PIDS[$1]}" 2>/dev/null
}

# gone PID: wait for the end of a process.
gone()
{
	timeout "${2:-$PATIENCE}" tail -q -s 0.05 -f /dev/null --pid="$1"
}

# stop NAME [SIGNAL]: end a program of ours and reap it. Return: its exit status.
stop()
{
	local name=$1 pid=${PIDS[$1]:-} rc
	[ -n "$pid" ] || return 0
	unset "PIDS[$name]"
	{ # bash reports the signal on standard error
		kill -"${2:-TERM}" "$pid"
		gone "$pid" || kill -KILL "$pid"
		wait "$pid"
		rc=$?
		# What it forked and left: timeout gives what it runs a process group of its own.
		kill -KILL -- "-$pid"
	} 2>/dev/null
	return $rc
}

# finished NAME: wait for a program that ends by itself. Return: its exit status.
finished()
{
	local pid=${PIDS[$1]} rc
	gone "$pid" "${2:-30}" || { echo "$1 still runs"; return 1; }
	wait "$pid"
	rc=$?
	unset "PIDS[$1]"
	[ $rc = 0 ] || tail -n 10 "$T/$1.log"
	return $rc
}

# ---- namespaces -----------------------------------------------------------------------

# world NAME...: make namespaces.
world()
{
	local n
	for n in "$@"; do
		ip netns add "$ID-$n" || return 1
		WORLD[$n]=1
		# No address configuration of the kernel's own among the frames that are counted.
		in_ns "$n" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
			echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>/dev/null
		ip -n "$ID-$n" link set lo up
	done
}

in_ns()
{
	local n=$1
	shift
	ip netns exec "$ID-$n" "$@"
}

# cable NS IF NS IF: a pair of interfaces between two namespaces. Their numbers differ: the kernel tells at once of the
# carrier of one that leads to another number, and of any other up to a second after the last such news of the machine.
CABLES=1000
cable()
{
	CABLES=$((CABLES + 1))
	ip -n "$ID-$1" link add "$2" index $CABLES type veth peer name "$4" netns "$ID-$3" || return 1
	ip -n "$ID-$1" link set "$2" up
	ip -n "$ID-$3" link set "$4" up
}

# plain_cable NS IF NS IF: one by which frames pass as on a wire: whole, and with checksums.
plain_cable()
{
	cable "$@" || return 1
	in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null 2>&1
	in_ns "$3" ethtool -K "$4" tx off tso off gso off gro off >/dev/null 2>&1
}

# bridge_outside IF...: in namespace far a bridge of the kernel, br0, with these for its ports.
bridge_outside()
{
	local i
	ip -n "$ID-far" link add br0 type bridge forward_delay 0 || return 1
	ip -n "$ID-far" link set br0 up
	for i in "$@"; do
		ip -n "$ID-far" link set "$i" master br0 || return 1
	done
}

# ---- zland, zlan, zlan-nic ------------------------------------------------------------

# zland_start [OPTION...]: the daemon, in namespace host, with standard input as its
# configuration if $T/zland.conf was not written before.
zland_start()
{
	[ -n "${WORLD[host]:-}" ] || world host
	[ -e "$T/zland.conf" ] || cat >"$T/zland.conf"
	zland_again "$@" || { echo "FAILED $TEST: zland does not start"; exit 1; }
	[ -n "${NO_CAPTURE:-}" ] || record
}

# The daemon once more, with the same folder.
zland_again()
{
	local confine=()
	# The leak checker traces its process at the end, which the filter of system calls forbids.
	[ -z "${ZLAN_SANITIZED:-}" ] || confine=(--no-confine)
	# The log is kept over restarts.
	[ ! -e "$T/zland.log" ] || cat "$T/zland.log" >>"$T/zland.before.log"
	start zland ip netns exec "$ID-host" "$BIN/zland" -d "$T/run" -c "$T/zland.conf" "${confine[@]}" "$@"
	wait_line zland '^ready'
}

# A capture of everything, for whoever has to find out why a test failed.
record()
{
	start record "$BIN/zlan" -d "$T/run" capture -o "$T/all.pcapng"
	eventually test -s "$T/all.pcapng" || { echo "FAILED $TEST: no capture"; exit 1; }
}

zl()
{
	timeout "$PATIENCE" "$BIN/zlan" -d "$T/run" "$@"
}

# guest NS USER VDEV [zlan-nic option...]: a guest with interface eth0 in namespace NS;
# the program's name is the namespace's.
guest()
{
	guest_begin "$@"
	wait_line "$1" '^online' || { echo "FAILED $TEST: guest $1 does not come online"; exit 1; }
}

guest_begin()
{
	local ns=$1 user=$2 vdev=$3
	shift 3
	[ -n "${WORLD[$ns]:-}" ] || world "$ns"
	start "$ns" "$BIN/zlan-nic" -d "$T/run" --user "$user" --vdev "$vdev" --netns "$ID-$ns" \
		--ifname eth0 "$@"
}

# Address of a guest's interface.
mac_of()
{
	in_ns "$1" cat "/sys/class/net/${2:-eth0}/address"
}

# ---- traffic --------------------------------------------------------------------------

# reach NS ADDRESS [ping option...]: three pings are answered.
reach()
{
	local ns=$1 to=$2
	shift 2
	in_ns "$ns" ping -q -n -c 3 -i 0.1 -W 2 "$@" "$to"
}

# no_reach NS ADDRESS: no ping is answered.
no_reach()
{
	! in_ns "$1" ping -q -n -c 2 -i 0.2 -W 1 "$2"
}

# transfer FROM TO ADDRESS BYTES: TCP with a checksummed payload; both ends name the same digest.
transfer()
{
	local from=$1 to=$2 addr=$3 bytes=$4
	start "sink-$to" ip netns exec "$ID-$to" "$PYTHON" "$E2E/xfer.py" sink "$addr" 5001
	wait_line "sink-$to" listening || return 1
	in_ns "$from" "$PYTHON" "$E2E/xfer.py" source "$addr" 5001 "$bytes" >"$T/source-$from.log" 2>&1 ||
		{ tail -n 3 "$T/source-$from.log"; stop "sink-$to"; return 1; }
	finished "sink-$to" || return 1
	same_digest "$T/source-$from.log" "$T/sink-$to.log"
}

same_digest()
{
	local a b
	a=$(grep -o 'bytes=.*' "$1") b=$(grep -o 'bytes=.*' "$2")
	echo "sent     $a"
	echo "received $b"
	[ -n "$a" ] && [ "$a" = "$b" ]
}

# listen_for_silence PORT IF...: who listens in namespace host, where UDP conversations to a port and LACPDUs pass, until
# LACPDUs have come by each of the links.
listen_for_silence()
{
	local i
	start silence ip netns exec "$ID-host" "$PYTHON" "$E2E/flows.py" silence "$1"
	shift
	for i in "$@"; do
		wait_line silence "heard $i" || return 1
	done
}

# silence_within given_up|moved SECONDS IF...: so long after the last LACPDU (flows.py). All are shown, and in $T/silence.
silence_within()
{
	local what=$1 max=$2 i
	shift 2
	stop silence
	grep given_up "$T/silence.log" | tee "$T/silence"
	for i in "$@"; do
		awk -v link="$i" -v what="$what=" -v max="$max" '$1 == link && match($0, what "[0-9.]+") {
			found = substr($0, RSTART + length(what), RLENGTH - length(what)) + 0 <= max }
			END { exit !found }' "$T/silence" || return 1
	done
}

# listen NS [IF]: log every received frame of an interface to $T/frames-NS.log.
listen()
{
	start "frames-$1" ip netns exec "$ID-$1" "$PYTHON" "$E2E/frames.py" listen "${2:-eth0}"
	wait_line "frames-$1" listening
}

# frame NS IF [frames.py send option...]
frame()
{
	local ns=$1 ifname=$2
	shift 2
	in_ns "$ns" "$PYTHON" "$E2E/frames.py" send "$ifname" "$@"
}

# seen NS PATTERN: the listener saw, or sees within the patience, a matching frame.
seen()
{
	wait_line "frames-$1" "$2" 3
}

# unseen NS PATTERN: it did not, and a short while later still has not.
unseen()
{
	sleep 0.3
	! grep -E -- "$2" "$T/frames-$1.log"
}

# frames_of NAME [tshark option...]: what tshark reads in $CAPTURES/NAME.pcapng.
frames_of()
{
	local name=$1
	shift
	tshark -n -r "${CAPTURES:-$T}/$name.pcapng" "$@" 2>"$T/tshark.err" || { cat "$T/tshark.err"; return 1; }
}

# count_is N NAME [tshark option...]: so many frames.
count_is()
{
	local want=$1 got
	shift
	got=$(frames_of "$@" | wc -l)
	echo "$got frames, expected $want"
	[ "$got" = "$want" ]
}

# drops WHO REASON: value of a drop counter of a NIC (USER/VDEV) or uplink, both directions.
drops()
{
	zl --json QUERY COUNTERS |
		jq --arg who "$1" --arg why "$2" '[.. | objects | select(.name? == $who or .port? == $who)
			| .. | objects | select(has($why)) | .[$why]] | add // 0'
}
