# SPDX-License-Identifier: Apache-2.0
# Odd frames from a guest and from outside, and garbage on both sockets: counted, refused or
# delivered, never harmful.
#
#   ns one ---- VSW1 ---- ns two
#                 |
#               tap0 (ns host)
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF EVIL 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
ip -n "$ID-host" addr add 10.88.0.3/24 dev tap0
ip -n "$ID-host" link set tap0 up
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24
two=$(mac_of two) one=$(mac_of one)
must "traffic before" reach one 10.88.0.2

for from in one:eth0 host:tap0; do
	ns=${from%:*} ifname=${from#*:}
	must "odd frames from $ns" in_ns "$ns" timeout 60 "$PYTHON" "$E2E/odd.py" "$ifname" "$two" 10.88.0.2
	must "guests still reach each other" reach one 10.88.0.2
	must "and the host" reach two 10.88.0.3
done

must "garbage on the channel socket" timeout 60 "$PYTHON" "$E2E/garbage.py" channel "$T/run/channel"
must "a client that attaches, then says nonsense" timeout 120 "$PYTHON" "$E2E/garbage.py" guest "$T/run/channel"
must "garbage on the control socket" timeout 60 "$PYTHON" "$E2E/garbage.py" control "$T/run/control"
must "commands still work" zl QUERY VSWITCH VSW1 DETAILS
must "guests still reach each other" reach one 10.88.0.2
must "TCP still works" transfer one two 10.88.0.2 16777216
must "zland is alive" alive zland
must "guest one is alive" alive one
must "guest two is alive" alive two
