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
