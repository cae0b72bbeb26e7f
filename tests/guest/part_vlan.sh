# SPDX-License-Identifier: Apache-2.0
# VLAN interfaces on trunk ports: LINUX01 may use 10 and 20, LINUX02 only 10.

must "VLAN: online" run two 'online 0800 2'
must "VLAN 10 in guest one" run one 'vlan 0800 10 10.10.0.1/24'
must "VLAN 20 in guest one" run one 'vlan 0800 20 10.20.0.1/24'
must "VLAN 10 in guest two" run two 'vlan 0800 10 10.10.0.2/24'
must "VLAN 20 is refused to guest two" run two '! vlan 0800 20 10.20.0.2/24'
must "VLAN 10: guest to guest" run one 'reach 10.10.0.2'
must "VLAN 20: nobody there" run one 'unreached 10.20.0.2'
