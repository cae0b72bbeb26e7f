# SPDX-License-Identifier: Apache-2.0
# Layer 3: the adapter owns ARP and neighbour discovery. On a switch in IP mode, if this zland has any.

must "layer 3: online in guest one" run one 'online 0600 3'
must "layer 3: online in guest two" run two 'online 0600 3'
run one 'address 0600 10.8.0.1/24' >/dev/null
run two 'address 0600 10.8.0.2/24'
must "layer 3: guest to guest" run one 'reach 10.8.0.2'
must "layer 3: guest to host" run one 'reach 10.8.0.254'
must "layer 3: host to guest" in_ns host ping -q -n -c 3 -i 0.2 -W 2 10.8.0.2
must "layer 3, SNMP control: an agent's tables and objects" run one 'snmp_works 0600'
run two 'serve' >"$T/served" 60
must "layer 3: 20 MiB from guest to guest" run one 'fetch 10.8.0.2' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "layer 3: the same bytes" same_md5 "$T/served" "$T/fetched"
for g in one two; do
	must "layer 3, offloads: on in guest $g" run $g 'offload 0600 on'
done
before=$(sent_frames LINUX02/0600)
must "layer 3, offloads: 20 MiB from guest to guest" run one 'take 10.8.0.2' 90 && tail -n 1 "$T/last.out" | sed 's/^/note /'
must "layer 3, offloads: in large segments" run two 'large_sent 0600 100'
must "layer 3, offloads: uncut on the switch" few_frames LINUX02/0600 $before
must "layer 3, offloads: 20 MiB from guest to host" host_fetch 10.8.0.2
cp "$T/last.out" "$T/fetched"
must "layer 3, offloads: the same bytes" same_md5 "$T/served" "$T/fetched"
ll=$(run two 'linklocal 0600')
must "layer 3: IPv6 address" grep -q '^fe80::' <<<"$ll"
must "layer 3: neighbour discovery" run one "ping6 -q -c 3 -i 0.3 -I \$(ifname 0600) $ll"
must "layer 3: offline, online" run one 'offline 0600 && again 0600'
run one 'address 0600 10.8.0.1/24' >/dev/null
must "layer 3: and reachable" run one 'reach 10.8.0.2'
must "layer 3: recover" run one 'recover 0600'
must "layer 3: and reachable" run one 'reach 10.8.0.2'

if [ $layer3 = IP ]; then
	outside() # ADDRESS: the MAC that has it there
	{
		ip -n "$ID-host" neigh show "$1" dev tap1 | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
	}
	in_ns host ping -q -n -c 1 -W 2 10.8.0.1 >/dev/null
	must "IP mode: outside both guests are one station" [ -n "$(outside 10.8.0.1)" -a "$(outside 10.8.0.1)" = "$(outside 10.8.0.2)" ]
	must "IP mode: QUERY shows the addresses" output_has ' 10\.8\.0\.2$' zl QUERY VSWITCH VSWI DETAILS
	must "IP mode: a guest becomes router" run one 'router 0600 primary_router'
	must "IP mode: another does not" run two '! router 0600 primary_router'
	must "IP mode: offline" run one 'offline 0600'
	must "IP mode: layer 2 is refused" run one '! online 0600 2'
	must "IP mode: the driver says why" says one 'transport mode' 'dmesg >/tmp/dmesg; grep -i "transport mode" /tmp/dmesg'
	must "IP mode: an event says what to do" output_has 'ZLN2570E .*LINUX01/0600.*layer2=0' zl QUERY EVENTS
	must "IP mode: layer 3 again" run one 'offline 0600; online 0600 3 && address 0600 10.8.0.1/24 && reach 10.8.0.254'
fi
