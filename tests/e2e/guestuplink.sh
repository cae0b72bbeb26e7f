# SPDX-License-Identifier: Apache-2.0
# A guest's NIC as the uplink of a switch, and as the backup of an interface.
#
#   ns one ---- VSW1 == NIC ROUTER/0600 ---- ns router -- lo 10.79.0.1
#                    == NIC eth1 (ns host) ==veth== eth0 (ns out)
. "$(dirname "$0")/lib.sh"
begin

world host out
cable host eth1 out eth0
ip -n "$ID-out" addr add 10.78.0.9/24 dev eth0
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK NIC ROUTER 0600
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF ROUTER 0600 TYPE QDIO
CONF
guest one ONE 0600 --addr 10.78.0.2/24
ip -n "$ID-one" route add default via 10.78.0.1
must "without its guest the uplink is not ready" output_has 'State: No guest is ready there' zl QUERY VSWITCH VSW1
guest router ROUTER 0600 --addr 10.78.0.1/24
ip -n "$ID-router" addr add 10.79.0.1/32 dev lo
must "with it, it is" output_has 'State: Ready' zl QUERY VSWITCH VSW1
must "the guest reaches what is behind the router" reach one 10.79.0.1
must "QUERY NIC says what it is" output_has 'Uplink of VSWITCH: SYSTEM VSW1' zl QUERY NIC ROUTER/0600
must "it cannot be coupled elsewhere" fails_with ZLN2508E zl COUPLE ROUTER/0600 SYSTEM VSW1

must "an interface first, the guest as its backup" zl SET VSWITCH VSW1 UPLINK NIC eth1 ROUTER/0600
must "the guest reaches the outside" eventually reach one 10.78.0.9
must "QUERY shows both" output_has 'NIC: ROUTER/0600 .*BACKUP  Ready' zl QUERY VSWITCH VSW1
ip -n "$ID-out" link set eth0 down
must "the interface loses its carrier: the router takes over" eventually reach one 10.79.0.1
must "the router's NIC is taken away" zl DETACH ROUTER/0600
must "nothing is left" eventually output_has 'State: Not operational' zl QUERY VSWITCH VSW1
ip -n "$ID-out" link set eth0 up
must "the interface comes back" eventually reach one 10.78.0.9
