# SPDX-License-Identifier: Apache-2.0
# HiperSockets: two devices of guest one on a LAN of its emulator, 0910 in a network namespace
# of its own; 0920 may be the analyzer of the LAN's traffic.

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

# What the driver knows of the device, and what it makes of it.
hipers_vnicc()
{
	local c
	for c in flooding mcast_flooding learning takeover_setvmac takeover_learning bridge_invisible; do
		must "VNIC characteristics: $c is off" says one '^0$' "sysfs 0910 vnicc/$c"
		must "VNIC characteristics: $c is turned on" run one "vnicc 0910 $c 1"
		must "VNIC characteristics: $c reads on" says one '^1$' "sysfs 0910 vnicc/$c"
	done
	must "VNIC characteristics: the timeout of learning" says one '^600$' 'sysfs 0910 vnicc/learning_timeout'
	must "VNIC characteristics: cannot be changed while learning" run one '! vnicc 0910 learning_timeout 90'
	must "VNIC characteristics: learning is turned off" run one 'vnicc 0910 learning 0'
	must "VNIC characteristics: then it can" run one 'vnicc 0910 learning_timeout 90'
	must "VNIC characteristics: and reads so" says one '^90$' 'sysfs 0910 vnicc/learning_timeout'
	must "VNIC characteristics: they exclude a bridge port" says one 'n/a' 'sysfs 0910 bridge_role'
	run one 'stranger 0900 10.7.0.50' >/dev/null
	must "VNIC characteristics: flooding, frames for nobody come" run one 'comes 0910 10.7.0.50'
	must "VNIC characteristics: recovery" run one 'recover_there 0910'
	must "VNIC characteristics: are the same afterwards" says one '^1$' 'sysfs 0910 vnicc/flooding'
	must "VNIC characteristics: and do the same" run one 'comes 0910 10.7.0.50'
	must "VNIC characteristics: flooding is turned off" run one 'vnicc 0910 flooding 0'
	must "VNIC characteristics: no flooding, no frames" run one '! comes 0910 10.7.0.50'
	for c in mcast_flooding takeover_setvmac takeover_learning bridge_invisible; do
		must "VNIC characteristics: $c is turned off" run one "vnicc 0910 $c 0"
	done
	must "VNIC characteristics: no broadcasts" run one 'vnicc 0910 rx_bcast 0'
	run one 'forget 10.7.0.2' >/dev/null
	must "VNIC characteristics: so nobody is found" run one 'unreached 10.7.0.2'
	must "VNIC characteristics: broadcasts again" run one 'vnicc 0910 rx_bcast 1'
	must "VNIC characteristics: and found" run one 'reach 10.7.0.2'
}

# The kernel tells udev of a port's state: an event each.
hipers_bridge()
{
	must "bridge port: nobody is one" says one '^none' 'sysfs 0900 bridge_role'
	run one 'events'
	must "bridge port: secondary" run one 'role 0900 secondary'
	must "bridge port: udev hears that it is active" run one 'event 0900 secondary active'
	must "bridge port: sysfs says so" says one '^active' 'sysfs 0900 bridge_state'
	must "bridge port: another one is primary" run one 'role 0910 primary'
	must "bridge port: udev hears that it is active" run one 'event 0910 primary active'
	must "bridge port: and the first on standby" run one 'event 0900 secondary standby'
	must "bridge port: sysfs says so" says one '^standby' 'sysfs 0900 bridge_state'
	run one 'stranger 0900 10.7.0.50' >/dev/null
	must "bridge port: frames for nobody come" run one 'comes 0910 10.7.0.50'
	must "bridge port: excludes VNIC characteristics" run one '! vnicc 0910 flooding 1'
	must "bridge port: a third device" run one 'online 0920 2'
	must "bridge port: it cannot be primary, too" run one '! role 0920 primary'
	must "bridge port: the driver says why" run one 'dmesg >/tmp/dmesg; grep "already has a primary" /tmp/dmesg'
	must "bridge port: offline" run one 'offline 0920'
	must "bridge port: recovery of the primary" run one 'recover_there 0910'
	must "bridge port: it is primary again" says one '^primary' 'sysfs 0910 bridge_role'
	must "bridge port: and active" run one 'event 0910 primary active'
	must "bridge port: the standby took over meanwhile" says one '^0.0.0900 statechange secondary active' \
		'sed -n "/0910 statechange primary active/,\$p" /tmp/events'
	must "bridge port: and gave back" run one 'event 0900 secondary standby'
	must "bridge port: the primary is none any more" run one 'role 0910 none'
	must "bridge port: the standby takes over" run one 'event 0900 secondary active'
	must "bridge port: no frames for nobody" run one '! comes 0910 10.7.0.50'
	must "bridge port: none is left" run one 'role 0900 none'
	must "bridge port: promiscuous mode may make one" run one 'reflect 0900 primary'
	must "bridge port: does it" run one 'promisc 0900 on && event 0900 primary active'
	run one 'promisc 0900 off' >/dev/null
	must "bridge port: and unmakes it" says one '^none' 'sysfs 0900 bridge_role'
	run one 'reflect 0900 none; kill $EVENTS' >/dev/null
	must "bridge port: hosts are not told of addresses without PNSO" run one '! echo 1 >$QETH/0.0.0900/bridge_hostnotify'
}

# The LAN is 0900 and 0910 in layer 3.
hipers_analyzer()
{
	must "analyzer: its device may be one" run one 'sniffer 0920 1'
	must "analyzer: online" run one 'online 0920 3'
	run one 'promisc 0920 on' >/dev/null
	must "analyzer: the driver says so" says one '^activated' analyzer_said
	must "analyzer: it sees the others" run one 'sees 0920 10.6.0.2'
	run one 'promisc 0920 off' >/dev/null
	must "analyzer: the driver stops it" says one '^deactivated' analyzer_said
	must "analyzer: and sees nothing" run one '! sees 0920 10.6.0.2'
	must "analyzer: offline" run one 'offline 0920'
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
hipers_bridge
hipers_vnicc
run one 'together' >/dev/null
must "HiperSockets, layer 2: offline" run one 'offline 0900 && offline 0910'

hipers_up 3 10.6.0
hipers_vlan 3 10.16.0
must "HiperSockets, layer 3: the VLAN assist" says one 'VLAN enabled' 'dmesg >/tmp/dmesg; grep VLAN /tmp/dmesg'
hipers_analyzer
run one 'together' >/dev/null
must "HiperSockets, layer 3: offline" run one 'offline 0900 && offline 0910'
run one 'sniffer 0900 1 && online 0900 3 && promisc 0900 on' >/dev/null
must "analyzer: not without authority" says one 'not authorized' analyzer_said
run one 'offline 0900 && sniffer 0900 0' >/dev/null
skipped "HiperSockets: address notification (PNSO): no emulator executes it"
skipped "HiperSockets: SIGA-wm and -wq (functions 3 and 4), AOBs: no emulator executes them"
[ -z "${RECORD:-}" ] || cp "$T/traces/0900.trace" "$RECORD/"
