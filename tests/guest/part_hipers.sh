# SPDX-License-Identifier: Apache-2.0
# HiperSockets: two devices of guest one on a LAN of its emulator, 0910 in a network namespace
# of its own.

if [ "$FAMILY" = 3 ]; then
	skipped "HiperSockets: this emulator has no adapter interrupts"
	return
fi

# hipers_up LAYER NETWORK: both online, with addresses 1 and 2.
hipers_up()
{
	must "HiperSockets, layer $1: online" run one "online 0900 $1"
	must "HiperSockets, layer $1: a second one" run one "online 0910 $1"
	must "HiperSockets, layer $1: apart" run one 'apart 0910'
	run one "address 0900 $2.1/24" >/dev/null
	run one "there ip addr add $2.2/24 dev \$(ifname 0910)" >/dev/null
	must "HiperSockets, layer $1: reach" run one "reach $2.2"
	must "HiperSockets, layer $1: the MTU is the LAN's" says one '^57344' 'cat /sys/class/net/$(ifname 0900)/mtu'
	must "HiperSockets, layer $1: packets of 57344 bytes" run one "ping -q -c 3 -i 0.3 -s 57316 -W 3 $2.2"
	must "HiperSockets, layer $1: nobody there" run one "unreached $2.99"
	run one "there httpd -p 8080 -h /tmp/www" >/dev/null
	must "HiperSockets, layer $1: 20 MiB" run one "take $2.2" 90 && tail -n 1 "$T/last.out" | sed 's/^/note /'
	must "HiperSockets, layer $1: all hosts" run one 'there ping6 -q -c 2 -W 2 -I $(ifname 0910) ff02::1'
}

# hipers_vlan LAYER NETWORK
hipers_vlan()
{
	must "HiperSockets, layer $1: VLAN 30" run one "vlan 0900 30 $2.1/24"
	run one 'there ip link add link $(ifname 0910) name w30 type vlan id 30' >/dev/null
	run one 'there ip link set w30 up' >/dev/null
	run one "there ip addr add $2.2/24 dev w30" >/dev/null
	must "HiperSockets, layer $1: VLAN 30, reach" run one "reach $2.2"
	run one 'ip link del v30' >/dev/null
}

run one serve >"$T/served" 60
hipers_up 2 10.7.0
must "HiperSockets, layer 2: their digest" run one 'md5sum </tmp/data' 60
cp "$T/last.out" "$T/fetched"
must "HiperSockets, layer 2: they are the same bytes" same_md5 "$T/served" "$T/fetched"
must "HiperSockets: adapter interrupts" says one 'AI:1' 'interrupts 0900'
must "HiperSockets: card type" says one '^HiperSockets' 'sysfs 0900 card_type'
must "HiperSockets: CHPID type" says one '^24' 'cat /sys/devices/css0/chp0.f1/type'
hipers_vlan 2 10.17.0
group='there ping6 -q -c 2 -W 2 -I $(ifname 0910) ff02::1:ff05:4321'
must "HiperSockets, layer 2: a group without members" run one "! $group"
must "HiperSockets, layer 2: a group is joined" run one 'join 0900 fd01::5:4321/64'
must "HiperSockets, layer 2: frames for it come" run one "$group"
must "HiperSockets, layer 2: recover" run one 'recover 0900'
must "HiperSockets, layer 2: and reach" run one 'reach 10.7.0.2'
run one 'together' >/dev/null
must "HiperSockets, layer 2: offline" run one 'offline 0900 && offline 0910'

hipers_up 3 10.6.0
hipers_vlan 3 10.16.0
must "HiperSockets, layer 3: the VLAN assist" says one 'VLAN enabled' 'dmesg >/tmp/dmesg; grep VLAN /tmp/dmesg'
run one 'together' >/dev/null
must "HiperSockets, layer 3: offline" run one 'offline 0900 && offline 0910'
[ -z "${RECORD:-}" ] || cp "$T/traces/0900.trace" "$RECORD/"
