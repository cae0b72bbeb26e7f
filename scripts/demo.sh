#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two guests on a virtual switch, bridged to a host. Called by `make demo`.
#
#   namespace linux01            namespace linux02          namespace host
#   eth0 10.88.0.11              eth0 10.88.0.12            zlan0 10.88.0.1
#     zlan-nic (QDIO guest)        zlan-nic (QDIO guest)      TAP
#        \ OSA adapter                | OSA adapter            /
#         +------------ VSWITCH SYSTEM VSW1 (zland) ----------+
#
# The "host" is a network namespace too, so that nothing of this machine's network is
# touched. Everything is ended and removed at the end, also on an interrupt.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
BIN=$PWD/${B:-build}
DIR=$(mktemp -d "${TMPDIR:-/tmp}/zlan-demo.XXXXXX")
NS=zlan-demo-$$
PIDS=()

[ "$(id -u)" = 0 ] || { echo "The demo makes network namespaces: sudo make demo" >&2; exit 1; }

clean_up()
{
	local i
	trap - EXIT INT TERM HUP
	for ((i = ${#PIDS[@]} - 1; i >= 0; i--)); do
		kill "${PIDS[i]}" 2>/dev/null
		wait "${PIDS[i]}" 2>/dev/null
	done
	for i in host linux01 linux02; do
		ip netns del "$NS-$i" 2>/dev/null
	done
	rm -rf "$DIR"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

heading()
{
	if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$1"; else printf '\n== %s\n' "$1"; fi
}

fail()
{
	echo "demo: $1" >&2
	[ -z "${2:-}" ] || cat "$DIR/$2.log" >&2
	exit 1
}

# start NAME PATTERN COMMAND...: in the background, until it prints a line that matches.
start()
{
	local name=$1 pattern=$2
	shift 2
	: >"$DIR/$name.log"
	"$@" >"$DIR/$name.log" 2>&1 </dev/null &
	PIDS+=($!)
	timeout 20 tail -n +1 -s 0.1 -f --pid=$! "$DIR/$name.log" | grep -qE -m 1 -- "$pattern" ||
		fail "$name does not start" "$name"
}

in_ns()
{
	local ns=$1
	shift
	ip netns exec "$NS-$ns" "$@"
}

zlan()
{
	"$BIN/zlan" -d "$DIR/run" "$@"
}

for n in host linux01 linux02; do
	ip netns add "$NS-$n" || fail "no network namespace"
	ip -n "$NS-$n" link set lo up
done

heading "A virtual switch with a TAP to the host, and two guests' adapters"
cat >"$DIR/zland.conf" <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP zlan0
SET VSWITCH VSW1 GRANT LINUX01
SET VSWITCH VSW1 GRANT LINUX02
NICDEF LINUX01 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX02 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
sed 's/^/    /' "$DIR/zland.conf"
start zland '^ready' ip netns exec "$NS-host" "$BIN/zland" -d "$DIR/run" -c "$DIR/zland.conf"
ip -n "$NS-host" addr add 10.88.0.1/24 dev zlan0 || fail "no uplink TAP" zland
ip -n "$NS-host" link set zlan0 up

for n in 01 02; do
	start "linux$n" '^online' "$BIN/zlan-nic" -d "$DIR/run" --user "LINUX$n" --vdev 0600 \
		--netns "$NS-linux$n" --ifname eth0 --addr "10.88.0.1${n#0}/24"
	echo "LINUX$n  $(grep '^online' "$DIR/linux$n.log")"
done

heading "Guest to guest: LINUX01 pings LINUX02"
in_ns linux01 ping -n -c 3 -i 0.2 -W 2 10.88.0.12 || fail "no answer"

heading "Guest to host: LINUX01 pings the host through the TAP"
in_ns linux01 ping -n -c 3 -i 0.2 -W 2 10.88.0.1 || fail "no answer"

heading "TCP from LINUX01 to LINUX02, 3 seconds"
start iperf 'listening' ip netns exec "$NS-linux02" iperf3 -s -1 --forceflush
in_ns linux01 iperf3 -c 10.88.0.12 -t 3 -f g | grep -E 'sender|receiver' || fail "no transfer" iperf

heading "zlan QUERY VSWITCH VSW1 DETAILS"
zlan QUERY VSWITCH VSW1 DETAILS || fail "the query failed"

heading "Ten frames at LINUX02's adapter: zlan capture -o - --count 10 --nic LINUX02/0600 | tshark -r -"
in_ns linux02 ping -q -n -i 0.2 -w 20 10.88.0.1 >/dev/null 2>&1 &
PIDS+=($!)
zlan capture -o - --count 10 --nic LINUX02/0600 2>"$DIR/capture.log" |
	timeout 40 tshark -n -r - 2>>"$DIR/capture.log" || fail "no capture" capture

heading "Done; the guests, the switch and the namespaces are removed"
