# SPDX-License-Identifier: Apache-2.0
# Layer 2: online, reach, transfer, promiscuous, multicast, what sysfs shows.

must "layer 2: online in guest one" run one 'online 0500 2'
must "layer 2: online in guest two" run two 'online 0500 2'
run one 'address 0500 10.9.0.1/24'
run two 'address 0500 10.9.0.2/24'
must "layer 2: guest to guest" run one 'reach 10.9.0.2'
sed -n 's/^round-trip/note ping/p' "$T/last.out"
must "layer 2: guest to host" run one 'reach 10.9.0.254'
must "layer 2: host to guest" in_ns host ping -q -n -c 3 -i 0.2 -W 2 10.9.0.2

# What is said of an adapter.
if [ "$FAMILY" = 3 ]; then
	must "classic interrupts (PCI)" says one 'AI:0' 'interrupts 0500'
	skipped "adapter interrupts: this emulator has none"
else
	must "adapter interrupts" says one 'AI:1' 'interrupts 0500'
fi
# In guest two it is switched off, in guest one on.
if [ "$FAMILY" = 3 ]; then
	skipped "QEBSM: this emulator has none"
else
	must "QEBSM" says one 'QEBSM:1' 'interrupts 0500'
	must "no QEBSM where the emulator's facility is off" says two 'QEBSM:0' 'interrupts 0500'
fi
must "sysfs: card type" says one '^OSD' 'sysfs 0500 card_type'
must "sysfs: state" says one 'UP|SOFTSETUP' 'sysfs 0500 state'
must "sysfs: port" says one '^0$' 'sysfs 0500 portno'
must "the MAC address is the switch's" says one "^$(zl --json QUERY NIC USER LINUX01 0500 |
	grep -oE '([0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}' | head -n 1 | tr 'A-F-' 'a-f:')" 'mac 0500'

must "ethtool: speed" says one 'Speed: 10000Mb/s' 'ethtool $(ifname 0500)'
must "ethtool: link" says one 'Link detected: yes' 'ethtool $(ifname 0500)'
must "ethtool: driver" says one 'driver: qeth_l2' 'ethtool -i $(ifname 0500)'

must "SNMP control: an agent's tables and objects" run one 'snmp_works 0500'

# IPv6: link-local addresses, found by neighbour discovery.
ll=$(run two 'linklocal 0500')
must "IPv6: the guest has an address" grep -q '^fe80::' <<<"$ll"
must "IPv6: neighbour discovery, guest to guest" run one "ping6 -q -c 3 -i 0.3 -I eth0 $ll"

# TCP, with a capture of the first.
run two serve >"$T/served" 60
start transfer "$BIN/zlan" -d "$T/run" capture -o "$T/transfer.pcapng" --nic LINUX01/0500 tcp
eventually test -s "$T/transfer.pcapng"
must "TCP: 20 MiB from guest to guest" run one 'fetch 10.9.0.2' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "TCP: the same bytes" same_md5 "$T/served" "$T/fetched"
stop transfer INT
must "capture: tshark reads the transfer" sh -c "test \$(tshark -r '$T/transfer.pcapng' -Y 'http || tcp.len > 0' 2>/dev/null | wc -l) -gt 100"
run one serve >"$T/served"
must "TCP: 20 MiB the other way" run two 'fetch 10.9.0.1' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "TCP: the same bytes" same_md5 "$T/served" "$T/fetched"
before=$(sent_frames LINUX01/0500)
must "TCP: guest to host" host_fetch 10.9.0.1
cp "$T/last.out" "$T/fetched"
must "TCP: segments of a burst are joined" few_frames LINUX01/0500 "$before"
must "TCP: the same bytes" same_md5 "$T/served" "$T/fetched"
mkdir -p "$T/www"
head -c 20971520 /dev/urandom >"$T/www/data"
md5sum "$T/www/data" >"$T/served"
start www ip netns exec "$ID-host" "$PYTHON" -m http.server -b 10.9.0.254 -d "$T/www" 8080
eventually in_ns host bash -c '</dev/tcp/10.9.0.254/8080' 2>/dev/null
must "TCP: host to guest" run one 'fetch 10.9.0.254' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "TCP: the same bytes" same_md5 "$T/served" "$T/fetched"
stop www

# The adapter cuts TCP into segments and computes checksums.
for g in one two; do
	must "offloads: on in guest $g" run $g 'offload 0500 on'
done
before=$(sent_frames LINUX02/0500)
must "offloads: 20 MiB from guest to guest" run one 'take 10.9.0.2' 90 && tail -n 1 "$T/last.out" | sed 's/^/note /'
must "offloads: in large segments" run two 'large_sent 0500 100'
must "offloads: uncut on the switch" few_frames LINUX02/0500 $before
run two serve >"$T/served"
must "offloads: 20 MiB from guest to host" host_fetch 10.9.0.2
cp "$T/last.out" "$T/fetched"
must "offloads: the same bytes" same_md5 "$T/served" "$T/fetched"
for g in one two; do
	must "offloads: off in guest $g" run $g 'offload 0500 off'
done

# A group address.
frame host tap0 --dst 33:33:ff:05:12:34 --text early
must "multicast: a group is joined" run two 'join 0500 fd00::5:1234/64'
must "multicast: the switch knows it" eventually output_has '33-33-FF-05-12-34' zl QUERY NIC USER LINUX02 0500 DETAILS
run two 'received 0500' >/dev/null
frame host tap0 --dst 33:33:ff:05:12:34 --count 20 --text member
must "multicast: frames for it come" run two 'received 0500 20'
