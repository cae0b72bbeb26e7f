# SPDX-License-Identifier: Apache-2.0
# Two TAPs of a port group without LACP on one bridge that knows nothing of a group: it is found and
# reported, and so is its end.
#
#   ns one ---- VSW1 == group G: tap1 tap2 -- br0 (ns host)
. "$(dirname "$0")/lib.sh"
begin

world host
must "a bridge" ip -n "$ID-host" link add br0 type bridge forward_delay 0
ip -n "$ID-host" addr add 10.76.0.1/24 dev br0
ip -n "$ID-host" link set br0 up
for i in tap1 tap2; do
	ip -n "$ID-host" tuntap add dev "$i" mode tap
	ip -n "$ID-host" link set "$i" up master br0
done
zland_start <<CONF
SET PORT GROUP G LACP INACTIVE
SET PORT GROUP G JOIN TAP tap1 tap2
DEFINE VSWITCH VSW1 ETHERNET GROUP G
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.76.0.2/24
must "the loop is reported by QUERY" eventually output_has 'Loop: what leaves by tap1 comes back here' zl QUERY PORT GROUP G
must "and in the log" grep -q 'ZLN2848W PORT GROUP G: loop: what leaves by tap' "$T/zland.log"
must "and in JSON" output_has '"loop_from": "tap[12]"' zl --json QUERY PORT GROUP G
must "nothing is blocked: the guest reaches the host" reach one 10.76.0.1
ip -n "$ID-host" link set tap2 nomaster
must "its end is reported" eventually grep -q 'ZLN2849I PORT GROUP G: no loop by tap' "$T/zland.log"
must "QUERY as well" eventually no_line 'Loop:' zl QUERY PORT GROUP G
must "LACP needs no probes" zl SET PORT GROUP G LACP ACTIVE
