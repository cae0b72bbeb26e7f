# SPDX-License-Identifier: Apache-2.0
# dpdk-testpmd between two vhost ports: bursts are moved from one to the other, nothing is looked at.
. "$(dirname "$0")/lib.sh"
peer_begin
need dpdk-testpmd dpdk
mkfifo "$T/testpmd.in"
loop_start "$T/a.sock" "$T/b.sock"
# shellcheck disable=SC2046
dpdk-testpmd $(dpdk_memory 128) -m 256 --no-pci --no-telemetry --lcores '0@1,1@0' \
	--vdev "net_vhost0,iface=$T/a.sock,client=1" --vdev "net_vhost1,iface=$T/b.sock,client=1" -- \
	-i --auto-start --forward-mode=io --nb-cores=1 --total-num-mbufs=32768 --rxd=1024 --txd=1024 --burst=64 \
	<"$T/testpmd.in" >"$T/testpmd.log" 2>&1 3>&- 4>&- 5>&- &
PIDS[testpmd]=$!
exec 6>"$T/testpmd.in"
loop_ready

measure()
{
	kill -CONT "${PIDS[testpmd]}"
	loop "$@"
	kill -STOP "${PIDS[testpmd]}"
	# What finds a full ring is dropped and counted there; its counters end at its prompt.
	[ "$1" = rtt ] || lost_counted
}

lost_counted()
{
	:
}

kill -STOP "${PIDS[testpmd]}"
peer_serve
