# SPDX-License-Identifier: Apache-2.0
# What the peers of the bench share: a script sources it, calls `peer_begin`, builds its world with
# the end-to-end tests' harness, and ends with `peer_serve`. See tests/bench/peer.c for what the
# bench and a peer say to each other on standard input and output.
exec 3>&1 1>&2 # the harness prints results: not to the bench
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"

tell()
{
	echo "$*" >&3
}

peer_skip()
{
	tell "skipped $*"
	cat >/dev/null # until the bench ends
	exit 0
}

peer_begin()
{
	[ "$(id -u)" = 0 ] || peer_skip "needs root"
	T=$(mktemp -d "${TMPDIR:-/tmp}/zlan-bench.XXXXXX")
	ID=b$$
	trap peer_end EXIT
	trap 'exit 1' INT TERM HUP
	NO_CAPTURE=1
}

peer_end()
{
	local name
	trap - EXIT
	for name in "${!PIDS[@]}"; do
		kill -CONT "${PIDS[$name]}" 2>/dev/null
		[ "$name" = zland ] || stop "$name"
	done
	[ -z "${PIDS[zland]:-}" ] || stop zland
	for name in "${!WORLD[@]}"; do
		ip netns del "$ID-$name" 2>/dev/null
	done
	rm -rf "$T"
}

# need PROGRAM PACKAGE
need()
{
	command -v "$1" >/dev/null || peer_skip "$2 is not installed"
}

# peer_serve: for each "run WORDS SECONDS", call `measure WORDS... SECONDS`, which tells values.
peer_serve()
{
	local words
	tell ready
	while read -r -a words; do
		measure "${words[@]:1}"
		tell done
	done
}

# ---- guests by vhost-user ---------------------------------------------------------------------

# Memory as DPDK's users are told to give it: 2 MiB pages where the machine has them to spare.
dpdk_memory()
{
	local free
	free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
	if [ "${free:-0}" -ge "${1:-64}" ]; then
		echo "--in-memory --single-file-segments"
	else
		echo "--no-huge --legacy-mem --no-shconf"
	fi
}

# loop_start SOCKET SOCKET: two guests that wait for the switch to connect to their sockets.
loop_start()
{
	[ -x "$BIN/vhost-loop" ] || peer_skip "built without libdpdk"
	mkfifo "$T/loop.in" "$T/loop.out"
	# shellcheck disable=SC2046
	"$BIN/vhost-loop" $(dpdk_memory 64) -m 128 --no-pci --no-telemetry --lcores 0@1 \
		--log-level error --vdev "net_virtio_user0,path=$1,queue_size=1024,server=1,mrg_rxbuf=0,in_order=1,mac=02:5a:00:00:05:00" \
		--vdev "net_virtio_user1,path=$2,queue_size=1024,server=1,mrg_rxbuf=0,in_order=1,mac=02:5a:00:00:05:10" \
		<"$T/loop.in" >"$T/loop.out" 2>"$T/loop.log" 3>&- &
	PIDS[loop]=$!
	exec 4>"$T/loop.in" 5<"$T/loop.out"
}

loop_ready()
{
	local line
	read -r -t 30 -u 5 line && [ "$line" = ready ] && return 0
	peer_skip "the guests do not connect: ${line:-$(tail -n 1 "$T/loop.log")}"
}

# loop WORDS...: have the loop measure; LOST is what did not arrive.
loop()
{
	local line
	LOST=0
	echo "$*" >&4
	while read -r -t 30 -u 5 line; do
		case $line in
		done) return 0 ;;
		lost\ *) LOST=${line#lost } ;;
		*) tell "$line" ;;
		esac
	done
	tell "wrong the guests' loop does not answer"
}
