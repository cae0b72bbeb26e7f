# SPDX-License-Identifier: Apache-2.0
# Going and coming back: by the guest, the driver, the cable, the daemon.

must "no complaint of a driver so far, guest one" run one complaints
must "no complaint of a driver so far, guest two" run two complaints

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
# Device by device, so that the guest asks the first who they are before the last is there.
for d in 0700 0701 0702; do
	must "it is attached again: $d" emulator one "attach $d ZOSA user LINUX01 dir $T/run trace $T/traces/0700.trace"
	run one 'subchannels 0700' >/dev/null
done
must "the guest has it again" run one 'come 0700' 60
must "and online" run one 'online 0700 2'
if [ "$FAMILY" = 3 ]; then
	before=$(run one recoveries)
	emulator one 'detach 0700' >/dev/null
	must "it is detached while it is online: the guest has lost it" run one 'gone 0700' 60
	must "its driver has tried no recovery" says one "^$before\$" recoveries
	emulator one "attach 0700.3 ZOSA user LINUX01 dir $T/run" >/dev/null
	must "it is attached again: the guest has it again" run one 'come 0700' 60
	must "and online" run one 'online 0700 2'
else
	emulator one 'detach 0700' >/dev/null
	must "this emulator detaches no device that is online" wait_line one '0:0700 busy or interrupt pending'
fi
for i in 1 2 3 4 5; do
	must "offline and online, time $i" run one 'offline 0700 && online 0700 2'
done
must "no interruption that the driver did not ask for" run one 'dmesg >/tmp/dmesg; ! grep "Received IRQ with intparm" /tmp/dmesg'
must "offline and ungrouped" run one 'ungroup 0700'
must "the first still works" run one 'reach 10.9.0.2'

must "offline" run one 'offline 0500'
must "the switch knows" no_line '^  MAC.*Session Established' zl QUERY NIC USER LINUX01 0500 DETAILS
must "online again" run one 'again 0500'
run one 'address 0500 10.9.0.1/24' >/dev/null # lost, should the interface have been another
must "and reachable" run one 'reach 10.9.0.2'
must "recover" run one 'recover 0500'
must "and reachable" run one 'reach 10.9.0.2'

must "the cable is pulled" zl UNCOUPLE USER LINUX01 0500
must "the guest has no carrier" run one 'carrier 0500 0'
must "the cable is plugged in" zl COUPLE USER LINUX01 0500 SYSTEM VSW1
must "the guest has carrier" run one 'carrier 0500'
must "and reach" run one 'reach 10.9.0.2'

run one 'pinging 10.9.0.2'
stop zland KILL
must "zland is killed under traffic, and starts again" zland_again
must "the port is attached again" eventually sh -c "test \$(grep -c 'ZOSA 0500: attached' '$T/one.log') -ge 2"
must "guest one has carrier" run one 'carrier 0500'
must "guest two has carrier" run two 'carrier 0500'
must "guest to guest again" run one 'reach 10.9.0.2'
must "the pings went on" says one 'packets received' pinged
