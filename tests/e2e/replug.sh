# SPDX-License-Identifier: Apache-2.0
# The cable is pulled and plugged in again while TCP runs.
#
#   ns one ---- VSW1 ---- ns two       (VSW2: where ONE is plugged in by mistake)
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
DEFINE VSWITCH VSW2 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
SET VSWITCH VSW2 GRANT ONE
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24
must "traffic before" reach one 10.88.0.2

carrier_is()
{
	[ "$(in_ns one cat /sys/class/net/eth0/carrier 2>/dev/null)" = "$1" ]
}

# 32 MB at 8 MB/s: four seconds, with the cable out in the middle.
start sink ip netns exec "$ID-two" "$PYTHON" "$E2E/xfer.py" sink 10.88.0.2 5001
wait_line sink listening
start source ip netns exec "$ID-one" "$PYTHON" "$E2E/xfer.py" source 10.88.0.2 5001 32000000 8000000
must "a transfer runs" wait_line sink 'progress'
must "UNCOUPLE under traffic" zl UNCOUPLE USER ONE 0600
must "QUERY NIC shows no connection" output_has 'None' zl QUERY NIC USER ONE 0600
must "the guest sees the link go" eventually carrier_is 0
must "no traffic while uncoupled" no_reach one 10.88.0.2
must "a second UNCOUPLE is refused" fails_with ZLN2148E zl UNCOUPLE USER ONE 0600
must "plugged into another switch" zl COUPLE USER ONE 0600 SYSTEM VSW2
must "the guest sees the link come" eventually carrier_is 1
must "that switch does not lead to the other guest" no_reach one 10.88.0.2
must "COUPLE of a coupled NIC is refused" fails_with ZLN2120E zl COUPLE USER ONE 0600 SYSTEM VSW1
must "unplugged" zl UNCOUPLE USER ONE 0600
must "plugged in again" zl COUPLE USER ONE 0600 SYSTEM VSW1
must "the transfer ends" finished sink 30
must "the source ends" finished source 30
must "nothing of the transfer was lost" same_digest "$T/source.log" "$T/sink.log"
for i in 1 2 3 4 5 6 7 8 9 10; do
	zl UNCOUPLE USER ONE 0600 >/dev/null && zl COUPLE USER ONE 0600 SYSTEM VSW1 >/dev/null
done
must "traffic after ten quick changes" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.2
