# SPDX-License-Identifier: Apache-2.0
# HiperSockets: two devices of guest one on a LAN of its emulator, 0910 in a network namespace
# of its own.

if [ "$FAMILY" = 3 ]; then
	skipped "HiperSockets: this emulator has no adapter interrupts"
	return
fi

must "HiperSockets, layer 2: online" run one 'online 0900 2'
must "HiperSockets, layer 2: a second one" run one 'online 0910 2'
must "HiperSockets: adapter interrupts" says one 'AI:1' 'interrupts 0900'
must "HiperSockets: card type" says one '^HiperSockets' 'sysfs 0900 card_type'
must "HiperSockets: CHPID type" says one '^24' 'cat /sys/devices/css0/chp0.f1/type'
must "HiperSockets, layer 2: apart" run one 'apart 0910'
must "HiperSockets, layer 2: the MTU is the LAN's" says one '^57344' 'cat /sys/class/net/$(ifname 0900)/mtu'
run one 'address 0900 10.7.0.1/24' >/dev/null
run one 'there ip addr add 10.7.0.2/24 dev hsi1' >/dev/null
must "HiperSockets, layer 2: reach" run one 'reach 10.7.0.2'
must "HiperSockets, layer 2: frames of 57344 bytes" run one 'ping -q -c 3 -i 0.3 -s 57316 -W 3 10.7.0.2'
