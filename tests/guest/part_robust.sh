# SPDX-License-Identifier: Apache-2.0
# Going and coming back: by the guest, the driver, the cable, the daemon.

must "no complaint of a driver so far, guest one" run one complaints
must "no complaint of a driver so far, guest two" run two complaints

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
