# SPDX-License-Identifier: Apache-2.0
# HiperSockets across processes: 0930 of both emulators on one LAN of zland, with a guest of zland's own.
#
#   emulator one, 0930 ──┐                 ┌── 0930, emulator two
#   10.5.0.1             ├── LAN HSP, 64K ─┤   10.5.0.2
#                        └── zlan-nic ─────    ns hsp, 10.5.0.3

if [ "$FAMILY" = 3 ]; then
	skipped "HiperSockets of zland: this emulator has no adapter interrupts"
	return
fi

# hsport_up LAYER NETWORK
hsport_up()
{
	must "LAN of zland, layer $1: online" run one "online 0930 $1"
	must "LAN of zland, layer $1: online in the other emulator" run two "online 0930 $1"
	run one "address 0930 $2.1/24" >/dev/null
	run two "address 0930 $2.2/24" >/dev/null
	must "LAN of zland, layer $1: reach" run one "reach $2.2"
	must "LAN of zland, layer $1: the MTU is the LAN's" says one '^57344' 'cat /sys/class/net/$(ifname 0930)/mtu'
	must "LAN of zland, layer $1: packets of 57344 bytes" run one "ping -q -c 3 -i 0.3 -s 57316 -W 3 $2.2"
	must "LAN of zland, layer $1: and back" run two "ping -q -c 3 -i 0.3 -s 57316 -W 3 $2.1"
	[ "$1" = 3 ] || run one "stranger 0930 $2.99" >/dev/null
	must "LAN of zland, layer $1: nobody there" run one "unreached $2.99"
	must "LAN of zland, layer $1: the driver is told" run one 'told 0930'
	run one serve >"$T/served" 60
	must "LAN of zland, layer $1: 20 MiB" run two "take $2.1" 90 && tail -n 1 "$T/last.out" | sed 's/^/note /'
	must "LAN of zland, layer $1: all hosts" run two 'ping6 -q -c 2 -W 2 -I $(ifname 0930) ff02::1'
}

zl DEFINE LAN HSP OWNERID SYSTEM TYPE HIPERS MFS 64K >/dev/null
for user in LINUX01 LINUX02 LINUX05 LINUX06; do
	zl NICDEF $user 0930 TYPE HIPERS LAN SYSTEM HSP >/dev/null
done
must "LAN of zland: attached" wait_line one 'ZOSA 0930: attached as LINUX01/0930'
must "LAN of zland: the other emulator" wait_line two 'ZOSA 0930: attached as LINUX02/0930'
hsport_up 2 10.5.0
guest hsp LINUX05 0930 --type hipers --addr 10.5.0.3/24
must "LAN of zland: a guest of zland's own" run one "reach 10.5.0.3"
must "LAN of zland: and packets of 57344 bytes" run two "ping -q -c 3 -i 0.3 -s 57316 -W 3 10.5.0.3"
must "LAN of zland: from there too" reach hsp 10.5.0.2 -s 57316
run one 'vlan 0930 40 10.15.0.1/24' >/dev/null
run two 'vlan 0930 40 10.15.0.2/24' >/dev/null
must "LAN of zland: VLAN 40, reach" run one 'reach 10.15.0.2'
run one 'ip link del v40' >/dev/null
run two 'ip link del v40' >/dev/null
run one events >/dev/null
must "LAN of zland: a bridge port" run one 'role 0930 primary'
must "LAN of zland: its state as an event for udev" run one 'event 0930 primary active'
must "LAN of zland: no second primary" run two '! role 0930 primary'
must "LAN of zland: none any more" run one 'role 0930 none'
must "LAN of zland: recover" run one 'recover 0930'
must "LAN of zland: and reach" run one 'reach 10.5.0.2'
must "LAN of zland: zland shows who it is" output_has 'port socket' zl QUERY NIC USER LINUX01 0930 DETAILS
must "LAN of zland, layer 2: offline" run one 'offline 0930'
must "LAN of zland, layer 2: offline in the other emulator" run two 'offline 0930'
hsport_up 3 10.4.0
guest hsq LINUX06 0930 --type hipers --layer 3 --addr 10.4.0.3/24
must "LAN of zland, layer 3: a guest of zland's own" run one 'reach 10.4.0.3'
stop record
stop zland KILL
must "LAN of zland, layer 3: zland is killed, and starts again" zland_again
record
must "LAN of zland, layer 3: carrier again" run one 'carrier 0930'
must "LAN of zland, layer 3: in the other emulator" run two 'carrier 0930'
must "LAN of zland, layer 3: addresses are registered again" eventually run one 'reach 10.4.0.2'
must "LAN of zland, layer 3: and back" run two 'reach 10.4.0.1'
must "LAN of zland, layer 3: a guest of zland's own came back" eventually run one 'reach 10.4.0.3'
must "LAN of zland, layer 3: offline" run one 'offline 0930'
must "LAN of zland, layer 3: offline in the other emulator" run two 'offline 0930'
