# SPDX-License-Identifier: Apache-2.0
# Layer 3: the adapter owns ARP and neighbour discovery.

must "layer 3: online in guest one" run one 'online 0600 3'
must "layer 3: online in guest two" run two 'online 0600 3'
run one 'address 0600 10.8.0.1/24' >/dev/null
run two 'address 0600 10.8.0.2/24'
must "layer 3: guest to guest" run one 'reach 10.8.0.2'
must "layer 3: guest to host" run one 'reach 10.8.0.254'
must "layer 3: host to guest" in_ns host ping -q -n -c 3 -i 0.2 -W 2 10.8.0.2
run two 'serve' >"$T/served" 60
must "layer 3: 20 MiB from guest to guest" run one 'fetch 10.8.0.2' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "layer 3: the same bytes" same_md5 "$T/served" "$T/fetched"
ll=$(run two 'linklocal 0600')
must "layer 3: IPv6 address" grep -q '^fe80::' <<<"$ll"
must "layer 3: neighbour discovery" run one "ping6 -q -c 3 -i 0.3 -I \$(ifname 0600) $ll"
must "layer 3: offline, online" run one 'offline 0600 && again 0600'
run one 'address 0600 10.8.0.1/24' >/dev/null
must "layer 3: and reachable" run one 'reach 10.8.0.2'
must "layer 3: recover" run one 'recover 0600'
must "layer 3: and reachable" run one 'reach 10.8.0.2'
