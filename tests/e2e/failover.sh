#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An uplink with backups under traffic: the first device loses its carrier, the second takes over, and the
# kernel's bridge outside learns at once where the guest is. Then by hand, and all devices lost.
#
#   ns one ---- VSW1 --+-- eth1 (ns host) ==veth== fe1 --+-- br0 (ns far) -- po ==veth== eth0 (ns out)
#                      +-- eth2 (backup)  ==veth== fe2 --+
# alone: it has bars for how long a transfer stands
. "$(dirname "$0")/lib.sh"
begin
world host far out
cable host eth1 far fe1
cable host eth2 far fe2
cable out eth0 far po
must "a bridge outside" bridge_outside fe1 fe2 po
ip -n "$ID-out" addr add 10.92.0.1/24 dev eth0

NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK NIC eth1 eth2
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.92.0.11/24

device_is()
{
	output_has "NIC: $1 .*$2" zl QUERY VSWITCH VSW1
}
# Where the bridge has the guest.
bridge_has()
{
	output_has "^$(mac_of one) dev $1 " bridge -n "$ID-far" fdb show br br0
}
flows()
{
	start sink ip netns exec "$ID-out" "$PYTHON" "$E2E/flows.py" sink 10.92.0.1 7000 15
	wait_line sink listening || return 1
	start source ip netns exec "$ID-one" "$PYTHON" "$E2E/flows.py" source 10.92.0.1 7000 8 2000 1
	wait_line source 'a third' || return 1
	"$@" || return 1
	finished source && finished sink || return 1
	grep -o 'frames=.*' "$T/sink.log" | tee "$T/flows"
}
gap_below()
{
	awk -v max="$1" 'match($0, /gap_ms=[0-9.]+/) { exit !(substr($0, RSTART + 7, RLENGTH - 7) + 0 <= max + 0) }' "$T/flows"
}

must "an interface without Ethernet frames is refused" \
	fails_with 'ZLN2832E Connection lo .* it is no Ethernet interface' zl SET VSWITCH VSW1 UPLINK NIC lo
must "the first device is active" device_is eth1 ACTIVE
must "the second is a backup" device_is eth2 BACKUP
must "the guest reaches the outside" reach one 10.92.0.1
must "the bridge has it behind the first" bridge_has fe1

# A busy machine adds its own to the interruption: up to three looks, and said so.
pulled()
{
	local try
	for try in 1 2 3; do
		flows ip -n "$ID-far" link set fe1 down || return 1
		gap_below 50 && return 0
		echo "  once more, after: $(cat "$T/flows")" >&$OUT
		ip -n "$ID-far" link set fe1 up
		eventually device_is eth1 'BACKUP  Ready' && zl SET VSWITCH VSW1 SWITCHOVER || return 1
	done
	return 1
}
must "the first loses its carrier under traffic: an interruption of 50 ms at most" pulled
echo "  $(cat "$T/flows")"
must "the second is active" device_is eth2 ACTIVE
must "the bridge has the guest behind it" bridge_has fe2
must "the log tells" grep -q 'ZLN2830I VSWITCH SYSTEM VSW1 status is ready, NIC eth2' "$T/zland.log"

must "the first comes back" ip -n "$ID-far" link set fe1 up
must "QUERY shows it ready" eventually device_is eth1 'BACKUP  Ready'
must "nothing moves by itself" bridge_has fe2

# TCP goes on over an operator's switchover.
start transfer bash -c ". '$E2E/lib.sh'; T=$T ID=$ID; transfer one out 10.92.0.1 268435456"
over()
{
	sleep 0.3
	zl SET VSWITCH VSW1 SWITCHOVER
}
must "SWITCHOVER during a transfer" over
must "the transfer is whole" finished transfer 60
must "the first is active again" device_is eth1 ACTIVE
must "the bridge knows" bridge_has fe1

# And over a cable that is pulled. What TCP makes of the loss (a time-out of 200 ms and more, where a whole
# window was on its way) is its own; the second stream shows for how long nothing passes.
cut()
{
	alive transfer && ip -n "$ID-far" link set fe1 down
}
cut_under_tcp()
{
	local try
	for try in 1 2 3; do
		start transfer bash -c ". '$E2E/lib.sh'; T=$T ID=$ID; transfer one out 10.92.0.1 805306368"
		flows cut && finished transfer 60 || return 1
		gap_below 50 && return 0
		echo "  once more, after: $(cat "$T/flows")" >&$OUT
		ip -n "$ID-far" link set fe1 up
		eventually device_is eth1 'BACKUP  Ready' && zl SET VSWITCH VSW1 SWITCHOVER || return 1
	done
	return 1
}
must "the active device is lost during a transfer: an interruption of 50 ms at most, and the transfer is whole" cut_under_tcp
echo "  beside it: $(cat "$T/flows"); of TCP: $(grep -o 'longest.*' "$T/sink-out.log")"
must "the bridge knows" bridge_has fe2

ip -n "$ID-far" link set fe2 down
must "without a device the uplink is not operational" eventually output_has 'State: Not operational' zl QUERY VSWITCH VSW1
refused "SWITCHOVER has nowhere to go" zl SET VSWITCH VSW1 SWITCHOVER
ip -n "$ID-far" link set fe2 up
must "one comes back and is used" eventually device_is eth2 ACTIVE
must "the guest reaches the outside" eventually reach one 10.92.0.1
must "the configuration names both" output_has 'UPLINK NIC eth1 eth2' zl QUERY CONFIGURATION
