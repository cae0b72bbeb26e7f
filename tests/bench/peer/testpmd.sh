# SPDX-License-Identifier: Apache-2.0
# dpdk-testpmd between two vhost ports: bursts are moved from one to the other, nothing is looked at.
. "$(dirname "$0")/lib.sh"
peer_begin
need dpdk-testpmd dpdk
mkfifo "$T/testpmd.in"
loop_start "$T/a.sock" "$T/b.sock"
# shellcheck disable=SC2046
stdbuf -oL dpdk-testpmd $(dpdk_memory 128) -m 256 --no-pci --no-telemetry --lcores '0@1,1@0' \
	--vdev "net_vhost0,iface=$T/a.sock,client=1" --vdev "net_vhost1,iface=$T/b.sock,client=1" -- \
	-i --auto-start --forward-mode=io --nb-cores=1 --total-num-mbufs=32768 --rxd=1024 --txd=1024 --burst=64 \
	<"$T/testpmd.in" >"$T/testpmd.log" 2>&1 3>&- 4>&- 5>&- &
PIDS[testpmd]=$!
exec 6>"$T/testpmd.in"
loop_ready

# What testpmd found no room for, since it was asked last.
dropped()
{
	mark=$(($(stat -c %s "$T/testpmd.log") + 1))
	printf 'show fwd stats all\nclear fwd stats all\n' >&6
	eventually accumulated >"$T/dropped" || echo 0 >"$T/dropped"
	cat "$T/dropped"
}

# Fails until testpmd has written the line, dropped and all.
accumulated()
{
	tail -c "+$mark" "$T/testpmd.log" | grep -A 4 'Accumulated forward statistics' |
		sed -nE 's/.*TX-dropped: *([0-9]+) +TX-total.*/\1/p' | grep .
}

measure()
{
	local counted
	kill -CONT "${PIDS[testpmd]}"
	dropped >/dev/null
	loop "$@"
	if [ "$1" = frames ]; then
		counted=$(dropped)
		LOST=$((LOST - ${counted:-0}))
		[ "$LOST" -le 0 ] || tell "wrong $LOST frames are missing that it did not count"
	fi
	kill -STOP "${PIDS[testpmd]}"
}

kill -STOP "${PIDS[testpmd]}"
peer_serve
