# SPDX-License-Identifier: Apache-2.0
# What a test can tell a guest to do: sourced by init, run by busybox. The words are short and
# free of special characters, for the console translates some of them.

QETH=/sys/bus/ccwgroup/drivers/qeth

modules()
{
	local m
	for m in $(cat /lib/modules.list); do
		insmod /lib/$m.ko || echo "no module $m"
	done
}

sysfs() # DEVICE ATTRIBUTE
{
	cat $QETH/0.0.$1/$2
}

ifname() # DEVICE
{
	sysfs $1 if_name
}

# A device of three consecutive numbers, brought online in layer 2 or 3.
online() # DEVICE LAYER
{
	local d=$QETH/0.0.$1 n=$((0x$1))
	[ -d $d ] || printf '0.0.%04x,0.0.%04x,0.0.%04x' $n $((n + 1)) $((n + 2)) >$QETH/group || return
	echo $((3 - $2)) >$d/layer2 || return
	echo 1 >$d/online || return
	ip link set $(ifname $1) up
	carrier $1
}

# What an IPv4 router says of itself; the driver shows what the adapter let it be.
router() # DEVICE TYPE
{
	echo $2 >$QETH/0.0.$1/route4
	sysfs $1 route4
	[ "$(sysfs $1 route4 | tr ' ' _)" = $2 ] || [ "$(sysfs $1 route4)" = "${2%_router} router" ]
}

# QEMU's card.
virtio_up() # ADDRESS/PREFIX
{
	ip link set eth0 up && ip addr add $1 dev eth0
}

# A second network namespace, so that two devices of one guest talk by their adapters.
apart() # DEVICE
{
	local i=$(ifname $1) n=0
	if [ -z "$APART" ]; then
		unshare -n sleep 100000 &
		APART=$!
		while [ "$(readlink /proc/$APART/ns/net)" = "$(readlink /proc/self/ns/net)" ] && [ $n -lt 50 ]; do
			usleep 100000
			n=$((n + 1))
		done
		there ip link set lo up
	fi
	ip link set $i netns $APART && there ip link set $i up
}

# And together again.
together()
{
	kill $APART
	wait $APART 2>/dev/null
	APART=
	sleep 1
}

there() # COMMAND...
{
	nsenter -t $APART -n $*
}

offline() # DEVICE
{
	echo 0 >$QETH/0.0.$1/online
}

again() # DEVICE
{
	echo 1 >$QETH/0.0.$1/online && ip link set $(ifname $1) up && carrier $1
}

ungroup() # DEVICE
{
	offline $1
	echo 1 >$QETH/0.0.$1/ungroup
}

# How many subchannels of a device the driver has.
subchannels() # DEVICE
{
	local k n=0
	for k in 0 1 2; do
		[ ! -e /sys/bus/ccw/drivers/qeth/0.0.$(printf %04x $((0x$1 + k))) ] || n=$((n + 1))
	done
	echo $n
}

# The machine has lost a device, or has it again: within 30 s, for the driver waits for answers.
gone() # DEVICE
{
	local n=0
	while [ $(subchannels $1) != 0 -o -e $QETH/0.0.$1 ] && [ $n -lt 150 ]; do
		usleep 200000
		n=$((n + 1))
	done
	[ $n -lt 150 ]
}

come() # DEVICE
{
	local n=0
	while [ $(subchannels $1) != 3 ] && [ $n -lt 150 ]; do
		usleep 200000
		n=$((n + 1))
	done
	[ $n -lt 150 ]
}

recover() # DEVICE
{
	echo 1 >$QETH/0.0.$1/recover
	sleep 1
	carrier $1
}

# Of one that is in another namespace.
recover_there() # DEVICE
{
	echo 1 >$QETH/0.0.$1/recover
	sleep 3
}

# Wait until the interface has carrier: 1, or none: 0.
carrier() # DEVICE [WANTED [SECONDS]]
{
	local i=0 now=
	while [ $i -lt $((${3:-10} * 5)) ]; do
		now=$(cat /sys/class/net/$(ifname $1)/carrier 2>/dev/null)
		[ "$now" = ${2:-1} ] && return 0
		usleep 200000
		i=$((i + 1))
	done
	echo "carrier of $1 is ${now:-unknown}, state $(sysfs $1 state)"
	return 1
}

mac() # DEVICE
{
	cat /sys/class/net/$(ifname $1)/address
}

address() # DEVICE ADDRESS/PREFIX
{
	ip addr add $2 dev $(ifname $1)
}

vlan() # DEVICE VID ADDRESS/PREFIX
{
	local i=$(ifname $1)
	ip link add link $i name v$2 type vlan id $2 && ip link set v$2 up && ip addr add $3 dev v$2
}

reach() # ADDRESS
{
	ping -q -c 3 -i 0.3 -W 3 $1
}

unreached() # ADDRESS
{
	! ping -q -c 2 -i 0.3 -W 1 $1
}

# A local address of our own, and wait until it is no longer tentative.
linklocal() # DEVICE
{
	local i=0
	while [ $i -lt 25 ]; do
		ip -6 addr show dev $(ifname $1) scope link >/tmp/ll
		grep -q inet6 /tmp/ll && ! grep -q tentative /tmp/ll && break
		usleep 200000
		i=$((i + 1))
	done
	sed -n 's/.*inet6 \([0-9a-f:]*\).*/\1/p' /tmp/ll
}

# 20 MiB that a web server gives away, and their digest, which takes the emulator a while: once.
serve()
{
	[ -e /tmp/digest ] && { cat /tmp/digest; return; }
	mkdir -p /tmp/www
	head -c 1048576 /dev/urandom >/tmp/block
	: >/tmp/www/data
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		cat /tmp/block >>/tmp/www/data
		echo $i >>/tmp/www/data
	done
	httpd -p 8080 -h /tmp/www
	md5sum </tmp/www/data >/tmp/digest
	cat /tmp/digest
}

fetch() # ADDRESS
{
	take $1 && md5sum </tmp/data
}

# Not wc: it takes the emulator ten seconds to count.
take() # ADDRESS [SECONDS]
{
	local start=$(cut -d ' ' -f 1 /proc/uptime)
	timeout ${2:-60} wget -q -O /tmp/data http://$1:8080/data || return
	echo $start $(cut -d ' ' -f 1 /proc/uptime) $(ls -l /tmp/data | awk '{ print $5 }') >/tmp/took
	awk '{ printf "%d bytes in %.2f s: %.1f MB/s\n", $3, $2 - $1, $3 / ($2 - $1) / 1000000 }' /tmp/took
}

# As many pings in the background as fit until `pinged` looks at them.
pinging() # ADDRESS
{
	ping -i 0.2 -c 300 $1 >/tmp/pings 2>&1 &
	PINGS=$!
}

pinged()
{
	kill -INT $PINGS
	sleep 1
	tail -n 3 /tmp/pings
}

# The solicited-node group of an address is joined with it: 33:33:ff and its last 24 bits.
join() # DEVICE IPV6-ADDRESS/PREFIX
{
	ip -6 addr add $2 dev $(ifname $1)
}

# Frames that the interface has taken in since the last call: at least AT-LEAST.
received() # DEVICE [AT-LEAST]
{
	local now=$(cat /sys/class/net/$(ifname $1)/statistics/rx_packets)
	local n=$((now - ${RECEIVED:-0}))
	RECEIVED=$now
	echo $n frames
	[ $n -ge ${2:-0} ]
}

# Fewer than LESS-THAN.
quiet() # DEVICE LESS-THAN
{
	! received $1 $2
}

# What the adapter does for TCP; and it must read so afterwards.
offload() # DEVICE on|off
{
	local i=$(ifname $1)
	ethtool -K $i rx $2 tx $2 sg $2 tso $2 || return
	ethtool -k $i >/tmp/features
	grep -E '^(rx|tx)-checksumming|^scatter-gather:|^tcp-seg|tx-tcp-seg' /tmp/features
	[ $(grep -c -E "^(rx-checksumming|tx-checksumming|scatter-gather|tcp-segmentation-offload): $2" /tmp/features) = 4 ]
}

# The driver has left so many large segments to the adapter, at least.
large_sent() # DEVICE AT-LEAST
{
	ethtool -S $(ifname $1) >/tmp/counts
	grep 'TSO skbs' /tmp/counts
	[ $(awk '/TSO skbs/ { n += $NF } END { print n + 0 }' /tmp/counts) -ge $2 ]
}

word() # NUMBER: four bytes
{
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# As an SNMP agent of the host asks an adapter about interface 17; the answer in hexadecimal digits.
snmp_ask() # DEVICE REQUEST [OBJECT]
{
	local i=$(ifname $1) w
	{
		printf $i
		head -c $((40 - ${#i})) /dev/zero
		for w in 984 $((36 + ${#3} + 1)) 0 0 0 0 0 0 $2 17 0 0 0; do
			word $w
		done
		printf "$3\\0"
	} >/tmp/request
	snmp </tmp/request >/tmp/answer || return
	od -An -v -tx1 /tmp/answer | tr -d ' \n'
}

# The answer's own code.
snmp_rc() # DEVICE REQUEST [OBJECT]
{
	local a=$(snmp_ask $1 $2 $3)
	echo $((0x$(echo $a | cut -c 81-88)))
}

# The value of an object of the port's table.
snmp_port() # DEVICE COLUMN
{
	local o=1.3.6.1.4.1.2.6.188.1.4.1.$2.17 a n
	a=$(snmp_ask $1 16 $o) || return
	n=$(((52 + ${#o} + 1 + 3) / 4 * 8))
	echo $a | cut -c $((n + 9))-$((n + 8 + 2 * 0x$(echo $a | cut -c $((n + 1))-$((n + 8)))))
}

# The agent gets what sysfs says, and finds the tables; others are refused, and so is to set one.
snmp_works() # DEVICE
{
	local mac=$(cat /sys/class/net/$(ifname $1)/address | tr -d :)
	echo port $(snmp_port $1 9) of $mac, state $(snmp_port $1 3)
	[ $(snmp_port $1 9) = $mac ] && [ $(snmp_port $1 3) = 00000004 ] || return
	snmp_ask $1 4 | cut -c 105-112
	[ $(snmp_ask $1 4 | cut -c 105-112) = 00000002 ] || return
	[ $(snmp_rc $1 16 1.3.6.1.2.1.1.17) = 1 ] && [ $(snmp_rc $1 17) = 32 ] && [ $(snmp_rc $1 32) = 64 ]
}

# How the driver is interrupted and what it leaves to the machine.
interrupts() # DEVICE
{
	dmesg >/tmp/dmesg
	grep "0.0.$(printf %04x $((0x$1 + 2))): qdio: .* using" /tmp/dmesg
}

# A fixed amount of work of one processor: how often a second.
spin() # [TURNS]
{
	local i=0 start=$(cut -d ' ' -f 1 /proc/uptime)
	while [ $i -lt ${1:-20000} ]; do
		i=$((i + 1))
	done
	echo $start $(cut -d ' ' -f 1 /proc/uptime) | awk '{ printf "%.4f\n", 1 / ($2 - $1) }'
}

# The emulator's LCS: a pair of consecutive numbers.
lcs_up() # DEVICE ADDRESS/PREFIX
{
	local d=/sys/bus/ccwgroup/drivers/lcs i
	[ -d $d/0.0.$1 ] || printf '0.0.%04x,0.0.%04x' $((0x$1)) $((0x$1 + 1)) >$d/group || return
	echo 1 >$d/0.0.$1/online || return
	i=$(basename $(ls -d /sys/bus/ccw*/devices/0.0.$1/net/*))
	ip link set $i up
	ip addr replace $2 dev $i
}

lcs_down() # DEVICE
{
	echo 0 >/sys/bus/ccwgroup/drivers/lcs/0.0.$1/online
}

# How often a driver has tried to recover a device.
recoveries()
{
	dmesg >/tmp/dmesg
	echo $(grep -c recovery /tmp/dmesg)
}

# What the drivers said that is neither progress nor asked for by a test.
complaints()
{
	dmesg >/tmp/dmesg
	grep -E 'qeth|qdio|cio:|ccwgroup|BUG|Oops|Call Trace' /tmp/dmesg >/tmp/lines
	grep -v -E 'loading core|register layer|Device is a|with link type|Driver loaded|qdio: .* using|recovery|MAC address .* successfully|Layer discipline|is a .* card|The LAN is offline|network adapter|Channel measurement|CHPID|cable|Bridge Capable Port|not authorized to be a Bridge Port|failed to kill vid 8100.0|HW Checksumming|TSOv?[46]? enabled' /tmp/lines
	[ $? = 1 ]
}

vnicc() # DEVICE CHARACTERISTIC VALUE
{
	echo $3 >$QETH/0.0.$1/vnicc/$2
}

# Of a bridge port.
role() # DEVICE primary|secondary|none
{
	echo $2 >$QETH/0.0.$1/bridge_role
}

# Promiscuous mode becomes a role.
reflect() # DEVICE primary|secondary|none
{
	echo $2 >$QETH/0.0.$1/bridge_reflect_promisc
}

# Write what the kernel tells udev of bridge ports, one event a line.
events()
{
	local n=0
	printf '#!/bin/sh\n[ -z "$BRIDGEPORT" ] || echo ${DEVPATH##*/} $BRIDGEPORT $ROLE $STATE >>/tmp/events\n' >/tmp/event
	chmod 755 /tmp/event
	: >/tmp/events
	uevent /tmp/event &
	EVENTS=$!
	# Its socket: of protocol 15, and of a process.
	until awk '$2 == 15 && $3 != 0 { seen = 1 } END { exit !seen }' /proc/net/netlink || [ $n = 50 ]; do
		usleep 100000
		n=$((n + 1))
	done
}

# The last of a device's is this one, soon.
event() # DEVICE ROLE STATE
{
	local n=0
	until [ "$(grep "^0.0.$1 " /tmp/events | tail -n 1)" = "0.0.$1 statechange $2 $3" ] || [ $n = 50 ]; do
		usleep 100000
		n=$((n + 1))
	done
	cat /tmp/events
	[ $n -lt 50 ]
}

sniffer() # DEVICE 0|1
{
	local d=$QETH/0.0.$1 n=$((0x$1))
	[ -d $d ] || printf '0.0.%04x,0.0.%04x,0.0.%04x' $n $((n + 1)) $((n + 2)) >$QETH/group || return
	echo 0 >$d/layer2
	echo $2 >$d/sniffer
}

promisc() # DEVICE on|off
{
	ip link set $(ifname $1) promisc $2
	sleep 1
}

# What the driver said of the network traffic analyzer.
analyzer_said()
{
	dmesg >/tmp/dmesg
	sed -n 's/.*analyzer is //p; s/.*not authorized.*/not authorized/p' /tmp/dmesg
}

# Somebody with an address that no adapter has.
stranger() # DEVICE ADDRESS
{
	arp -i $(ifname $1) -s $2 02:00:00:00:50:50
}

# The driver was told that buffers of a device reached nobody.
told() # DEVICE
{
	[ $(cat /sys/class/net/$(ifname $1)/statistics/tx_errors) -gt 0 ]
}

forget() # ADDRESS
{
	arp -d $1
}

# Do packets for an address that nobody answers for come to a device elsewhere?
comes() # DEVICE ADDRESS
{
	local i=$(ifname $1)
	there cat /proc/net/dev | sed -n "s/.*$i: *[0-9]* *\([0-9]*\).*/\1/p" >/tmp/before
	ping -q -c 20 -i 0.1 -W 1 $2
	there cat /proc/net/dev | sed -n "s/.*$i: *[0-9]* *\([0-9]*\).*/\1/p" >/tmp/after
	[ $(($(cat /tmp/after) - $(cat /tmp/before))) -ge 15 ]
}

# Does a device of this namespace see the packets between others?
sees() # DEVICE ADDRESS
{
	local f=/sys/class/net/$(ifname $1)/statistics/rx_packets before
	before=$(cat $f)
	ping -q -c 10 -i 0.1 -W 2 $2
	[ $(($(cat $f) - before)) -ge 15 ]
}
