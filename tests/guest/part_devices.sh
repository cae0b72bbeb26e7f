# SPDX-License-Identifier: Apache-2.0
# More devices on one emulator, and one that hears everything.

must "a third device online" run one 'online 0700 2'
must "a fourth device online" run one 'online 0800 2'
must "promiscuous mode" run one 'promisc 0700 on'
run one 'received 0700' >/dev/null
in_ns host ping -q -n -c 20 -i 0.05 -W 2 10.9.0.2 >/dev/null
must "promiscuous: it hears the others' frames" run one 'received 0700 40'
must "promiscuous mode off" run one 'promisc 0700 off'
run one 'received 0700' >/dev/null
in_ns host ping -q -n -c 20 -i 0.05 -W 2 10.9.0.2 >/dev/null
must "no longer" run one 'quiet 0700 20'
must "the first still works" run one 'reach 10.9.0.2'

# A bridge port of an OSA: the kernel tells udev of each change of its state.
run one 'events'
must "bridge port of an OSA: secondary" run one 'role 0700 secondary'
must "bridge port of an OSA: udev hears that it is active" run one 'event 0700 secondary active'
must "bridge port of an OSA: sysfs says so" says one '^active' 'sysfs 0700 bridge_state'
run one 'received 0700' >/dev/null
in_ns host ping -q -n -c 20 -i 0.05 -W 2 10.9.0.2 >/dev/null
must "bridge port of an OSA: it hears the others' frames" run one 'received 0700 40'
must "bridge port of an OSA: the cable is pulled" zl UNCOUPLE USER LINUX01 0700
must "bridge port of an OSA: udev hears that it is on standby" run one 'event 0700 secondary standby'
must "bridge port of an OSA: the cable is plugged in" zl COUPLE USER LINUX01 0700 SYSTEM VSW1
must "bridge port of an OSA: udev hears that it is active" run one 'event 0700 secondary active'
must "bridge port of an OSA: not without authority" run two '! role 0500 primary'
must "bridge port of an OSA: the role is given back" run one 'carrier 0700 && role 0700 none'
run one 'kill $EVENTS' >/dev/null

# The emulator's device goes and comes; then it goes while the guest has it online.
must "offline and ungrouped" run one 'ungroup 0700'
must "the device is detached from the emulator" emulator one 'detach 0700'
must "the guest has lost it" run one 'gone 0700' 60
must "it is attached again" emulator one "attach 0700.3 ZOSA user LINUX01 dir $T/run trace $T/traces/0700.trace"
must "the guest has it again" run one 'come 0700' 60
must "and online" run one 'online 0700 2'
must "it is detached while it is online" emulator one 'detach 0700'
must "the guest has lost it" run one 'gone 0700' 60
must "the first still works" run one 'reach 10.9.0.2'
