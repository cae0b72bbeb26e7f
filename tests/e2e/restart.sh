# SPDX-License-Identifier: Apache-2.0
# The daemon dies by -9 under traffic and is started again: clients rejoin by themselves
# and TCP survives, between guests and to the host through a TAP that outlives the daemon.
#
#   ns one ---- VSW1 ---- ns two
#                 |
#               tap0 (made before zland, persistent) 10.88.0.1, ns host
. "$(dirname "$0")/lib.sh"
begin

world host
ip -n "$ID-host" tuntap add dev tap0 mode tap
ip -n "$ID-host" addr add 10.88.0.1/24 dev tap0
ip -n "$ID-host" link set tap0 up
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.0.11/24
guest two TWO 0600 --addr 10.88.0.12/24
must "guests reach each other before" reach one 10.88.0.12

# What a command changed, not the file, must be there again too.
must "a grant by command" zl SET VSWITCH VSW1 GRANT LATER

# begin_transfer NAME FROM TO ADDRESS: 40 MB at 8 MB/s
begin_transfer()
{
	start "sink-$1" ip netns exec "$ID-$3" "$PYTHON" "$E2E/xfer.py" sink "$4" 5001
	wait_line "sink-$1" listening || return 1
	start "source-$1" ip netns exec "$ID-$2" "$PYTHON" "$E2E/xfer.py" source "$4" 5001 40000000 8000000
	wait_line "sink-$1" progress
}

must "TCP guest to guest runs" begin_transfer guests one two 10.88.0.12
must "TCP guest to host runs" begin_transfer host two host 10.88.0.1

stop record
stop zland KILL
must "the guests outlive the daemon" alive one
must "the daemon starts again in the same folder" zland_again
record
must "TCP guest to guest survives" finished sink-guests 40
must "TCP guest to host survives" finished sink-host 40
finished source-guests 10
finished source-host 10
must "guest to guest: every byte arrived" same_digest "$T/source-guests.log" "$T/sink-guests.log"
must "guest to host: every byte arrived" same_digest "$T/source-host.log" "$T/sink-host.log"
must "the grant by command is still there" output_has LATER zl QUERY VSWITCH VSW1 ACCESS

# And an orderly end.
stop record
must "SHUTDOWN" zl SHUTDOWN
must "zland ends with status 0" finished zland 10
must "guests wait for it" alive two
must "it starts once more" zland_again
must "guests are back" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.12
