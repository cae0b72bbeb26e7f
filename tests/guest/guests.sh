# SPDX-License-Identifier: Apache-2.0
# A stock Linux qeth driver on the ZOSA device, in two emulators on one switch.
#
#   emulator one                     emulator two
#   0500 layer 2  ──┐            ┌── 0500 layer 2
#   0700 layer 2  ──┤            │
#   0800 layer 2  ──┴── VSW1 ────┘
#                        │
#                       tap0 (ns host, 10.9.0.254)
. "$(dirname "$0")/lib.sh"
begin
FAMILY=$(emulator_family)

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
SET VSWITCH VSW1 GRANT LINUX01 PROMISCUOUS
SET VSWITCH VSW1 GRANT LINUX02
NICDEF LINUX01 0500 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX01 0700 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX01 0800 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX02 0500 TYPE QDIO LAN SYSTEM VSW1
CONF
ip -n "$ID-host" link set tap0 up
ip -n "$ID-host" addr add 10.9.0.254/24 dev tap0

boot one "0500.3 ZOSA user LINUX01 dir $T/run" "0700.3 ZOSA user LINUX01 vdev 0700 dir $T/run" \
	"0800.3 ZOSA user LINUX01 dir $T/run"
boot two "0500.3 ZOSA user linux02 dir $T/run"
for g in one two; do
	must "guest $g boots" booted $g
	must "guest $g has the adapter's port" wait_line $g 'ZOSA 0500: attached'
	must "layer 2 online in guest $g" run $g 'online 0500 2'
done
must "the card's type" says one 'OSD|OSA|QDIO' 'sysfs 0500 card_type'
must "address" run one 'address 0500 10.9.0.1/24'
must "address" run two 'address 0500 10.9.0.2/24'
must "guest to guest" run one 'reach 10.9.0.2'
must "guest to host" run one 'reach 10.9.0.254'
zl QUERY NIC DETAILS | head -50
must "no complaints" run one complaints
run one 'ip addr'
