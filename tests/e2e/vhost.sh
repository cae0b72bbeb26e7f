#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest by vhost-user: DPDK's virtio-user, once as the uplink of a second zland behind which there is
# another guest (checksums and segments left undone both ways), once in testpmd.
#
#   ns one -- VSW1 (first zland) -- TWO/0600 ==vhost-user== net_virtio_user0 -- OUT (second zland) -- ns far
. "$(dirname "$0")/lib.sh"
begin
[ -e "$BIN/libzlan-dpdk.so" ] || skip_all "built without libdpdk"
# What DPDK allocates for good at its start is no leak of ours.
ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}

world host far
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE VHOST LAN SYSTEM VSW1
CONF
socket=$T/run/TWO-0600.vhost

state_is()
{
	output_has "State: $1" zl QUERY NIC USER TWO 0600 DETAILS
}

socket_private()
{
	[ -S "$socket" ] && [[ $(stat -c %a "$socket") = 6?0 ]]
}

must "the NIC's socket is there, for its account only" socket_private
must "QUERY NIC: nobody is attached" state_is "No guest attached"
must "the NIC cannot be had by a QDIO guest" fails_with 'ZLN2514E.*TYPE VHOST' \
	"$BIN/zlan-nic" -d "$T/run" --user TWO --vdev 0600 --ifname eth9

guest one ONE 0600 --addr 10.88.0.1/24

# second: the other end.
mkdir "$T/second"
cat >"$T/second.conf" <<CONF
DEFINE VSWITCH OUT ETHERNET UPLINK DPDK "net_virtio_user0,path=$socket,queue_size=1024"
NICDEF FAR 0600 TYPE QDIO MACID 0F0001 LAN SYSTEM OUT
CONF
second()
{
	start second ip netns exec "$ID-host" "$BIN/zland" -d "$T/second/run" -c "$T/second.conf" \
		${ZLAN_SANITIZED:+--no-confine}
	wait_line second '^ready' 20 || return 1
	start far "$BIN/zlan-nic" -d "$T/second/run" --user FAR --vdev 0600 --netns "$ID-far" \
		--ifname eth0 --addr 10.88.0.2/24
	wait_line far '^online'
}
must "a virtio-user device connects" second
must "QUERY NIC: it is attached" eventually state_is "Session Established"
must "the QDIO guest reaches the guest behind it" reach one 10.88.0.2
must "TCP to it" transfer one far 10.88.0.2 33554432
must "TCP from it" transfer far one 10.88.0.1 33554432
# 64 MiB in all; one frame for 1448 bytes would be 23,000 each way.
few_frames()
{
	zl QUERY COUNTERS | awk '$2 == "TWO/0600" { seen = 1; print; if ($3 > 20000) bad = 1 } END { exit !seen || bad }'
}
must "the guest's large segments went through whole" few_frames

must "the NIC is uncoupled" zl UNCOUPLE USER TWO 0600
must "nothing is reached" no_reach one 10.88.0.2
must "and coupled" zl COUPLE USER TWO 0600 SYSTEM VSW1
must "it works again" reach one 10.88.0.2

# Reconnection from either side.
stop far
stop second KILL
must "the guest is killed: QUERY NIC sees it" eventually state_is "No guest attached"
must "another one connects" second
must "and works" reach one 10.88.0.2
stop far
stop second

# testpmd sends 64-byte frames from the NIC as fast as it can to nobody; the switch survives, and
# counts.
testpmd()
{
	start testpmd dpdk-testpmd --no-huge --no-shconf -m 128 --no-pci --no-telemetry --lcores '0@0,1@0' \
		--vdev "net_virtio_user0,path=$socket,queue_size=256,queues=$1${2:+,packed_vq=1}" -- --rxq="$1" --txq="$1" \
		--forward-mode=txonly --total-num-mbufs=8192 --stats-period 1
}
if command -v dpdk-testpmd >/dev/null; then
	testpmd 1
	must "testpmd attaches" eventually state_is "Session Established"
	must "and its frames arrive" eventually output_has 'TX Packets: [1-9][0-9]{4}' zl QUERY NIC USER TWO 0600 DETAILS
	stop testpmd KILL
	must "it is killed: the NIC is free" eventually state_is "No guest attached"
	testpmd 4
	must "testpmd attaches with four pairs of queues" eventually state_is "Session Established.*Queue pairs: 4"
	must "and frames arrive from them" eventually output_has 'TX Packets: [1-9][0-9]{4}' \
		zl QUERY NIC USER TWO 0600 DETAILS
	stop testpmd
	must "it ends: the NIC is free" eventually state_is "No guest attached"
	testpmd 4 packed
	must "testpmd attaches with packed rings" eventually state_is "Session Established.*Queue pairs: 4"
	must "and frames arrive from them" eventually output_has 'TX Packets: [1-9][0-9]{4}' \
		zl QUERY NIC USER TWO 0600 DETAILS
	stop testpmd
	must "it ends" eventually state_is "No guest attached"
else
	echo "skipped vhost: dpdk-testpmd is not installed (package dpdk-dev)"
fi

# Answers come back on the queue pair the question was sent from.
own=$(zl --json QUERY NIC USER TWO 0600 | jq -r '.. | .mac? // empty' | head -n 1)
for k in 100 101 102 103; do
	ip -n "$ID-one" neigh add 10.88.0.$k lladdr "$own" dev eth0
done
must "receive steering over four pairs of queues" "$PYTHON" "$E2E/vhost_client.py" "$socket" pairs "$own" \
	"$(mac_of one)" 10.88.0.1
must "the NIC is free again" eventually state_is "No guest attached"
# 600 questions and answers over rings of 256, with a reconnection in the middle of a lap.
must "a guest with packed rings is answered, and goes on where it was after a reconnection" \
	"$PYTHON" "$E2E/vhost_client.py" "$socket" packed "$own" "$(mac_of one)" 10.88.0.1
must "the NIC is free once more" eventually state_is "No guest attached"

# Guests that mean harm. The frame each sends first shows that it had come so far.
hostile()
{
	"$PYTHON" "$E2E/vhost_client.py" "$socket" "$1" || return 1
	alive zland || { echo "zland has ended"; return 1; }
	eventually state_is "No guest attached"
}
must "a guest that takes its memory away harms itself only" hostile shrink
must "so does one with nonsense in its rings" hostile rings
must "so does one with nonsense in packed rings" hostile packed-rings
must "and one whose queues come and go" hostile toggle
must "and one that talks nonsense" hostile garbage
must "the next guest is served" second
must "it works" reach one 10.88.0.2
stop far
stop second

must "DETACH NIC" zl DETACH NIC USER TWO 0600
must "removes the socket" test ! -e "$socket"
refused_calls()
{
	! grep -h ZLN2640W "$T/zland.log"
}
must "nothing was refused by the confinement" refused_calls
