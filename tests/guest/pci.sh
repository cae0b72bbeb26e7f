# SPDX-License-Identifier: Apache-2.0
# zland in a virtual machine, with the PCI cards of QEMU as DPDK uplinks (vfio-pci, an emulated IOMMU): queues,
# interrupts, offloads, the link, and a card that is pulled out.
#
#   namespace out              QEMU: Debian's kernel, zland
#   v0 10.9.1.1 ═══ virtio, 2 queues ══ VSW1 ── ONE/0600   10.9.1.2
#   v1 10.9.2.1 ═══ e1000e ════════════ VSW2 ── TWO/0600   10.9.2.2
#   v2 10.9.3.1 ═══ vmxnet3, 2 queues ═ VSW3 ── THREE/0600 10.9.3.2
#   v3 10.9.4.1 ═══ e1000 ═════════════ VSW4 ── FOUR/0600  10.9.4.2
#   v4 10.9.5.1 ═══ virtio, RSS, 2 qu. ═ VSW5 ── FIVE/0600  10.9.5.2
#
# QEMU 7.2 itself spreads frames over the queues with rss=on, and then loses the way back when one is full:
# nothing large goes through that card.
# QEMU runs without privilege. The machine may be busy with the guest.
export ZLAN_PATIENCE=${ZLAN_PATIENCE:-60}
. "$(dirname "$0")/lib.sh"
begin
PMDS=$(ls -d /usr/lib/x86_64-linux-gnu/dpdk/pmds-* 2>/dev/null | tail -n 1)
PMD='net_virtio net_e1000 net_vmxnet3 bus_pci bus_vdev mempool_ring'
for f in $PMD; do
	[ -e "$PMDS/librte_$f.so" ] || skip_all "DPDK's driver $f is not installed (package libdpdk-dev)"
done
pc_begin

# overlay_file NAME: into the guest, under its name, which may be a link: a file that has several names
# must not become several files there.
overlay_file()
{
	local real
	real=$(realpath "$1")
	mkdir -p "$T/overlay${real%/*}" "$T/overlay${1%/*}"
	cp "$real" "$T/overlay$real"
	[ -e "$T/overlay$1" ] || ln -s "$real" "$T/overlay$1"
}

# overlay FILE...: programs, DPDK's drivers, the libraries of both, and files for /zlan
overlay()
{
	local f
	mkdir -p "$T/overlay/zlan" "$T/overlay/usr/lib/x86_64-linux-gnu"
	cp "$BIN"/{zland,zlan,zlan-nic,libzlan-dpdk.so} "$T/overlay/zlan/"
	for f in $PMD; do
		overlay_file "$PMDS/librte_$f.so"
	done
	for f in "$T/overlay/zlan"/* $(printf "$PMDS/librte_%s.so " $PMD); do
		ldd "$f"
	done | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/lib64[^ ]*\).*/\1/p' | sort -u |
		while read -r f; do
			overlay_file "$f"
		done
	cp "$@" "$T/overlay/zlan/"
	(cd "$T/overlay" && find . | LC_ALL=C sort | cpio -o -H newc --quiet)
}

# The cards' other side.
taps()
{
	local i how
	for i in 0 1 2 3 4; do
		how=
		[ $i != 0 ] && [ $i != 4 ] || how=multi_queue
		in_ns out ip tuntap add "v$i" mode tap user ${ACCOUNT[vm]} $how || return 1
		ip -n "$ID-out" addr add "10.9.$((i + 1)).1/24" dev "v$i"
		ip -n "$ID-out" link set "v$i" up
	done
}

# With a monitor on a socket.
boot_cards()
{
	local tap=script=no,downscript=no virtio=mq=on,vectors=6,disable-legacy=on,iommu_platform=on
	boot_pc out 640 intel_iommu=on \
		-chardev socket,id=mon,path=monitor,server=on,wait=off -mon chardev=mon,mode=readline \
		-device intel-iommu,intremap=on,caching-mode=on \
		-device pcie-root-port,id=rp0,chassis=1,slot=1 \
		-netdev tap,id=n0,ifname=v0,queues=2,$tap -device virtio-net-pci,id=c0,netdev=n0,bus=rp0,$virtio \
		-netdev tap,id=n1,ifname=v1,$tap -device e1000e,id=c1,netdev=n1,addr=5 \
		-netdev tap,id=n2,ifname=v2,$tap -device vmxnet3,id=c2,netdev=n2,addr=6 \
		-netdev tap,id=n3,ifname=v3,$tap -device e1000,id=c3,netdev=n3,addr=7 \
		-netdev tap,id=n4,ifname=v4,queues=2,$tap -device virtio-net-pci,id=c4,netdev=n4,addr=8,$virtio,rss=on
}

world out
must "TAPs for the cards' other side" taps
cat >"$T/conf" <<CONF
SET DPDK ARGS "-a 0000:01:00.0 -a 0000:00:05.0 -a 0000:00:06.0 -a 0000:00:07.0 -a 0000:00:08.0"
DEFINE VSWITCH VSW1 ETHERNET UPLINK DPDK "0000:01:00.0,queues=2"
DEFINE VSWITCH VSW2 ETHERNET UPLINK DPDK "0000:00:05.0"
DEFINE VSWITCH VSW3 ETHERNET UPLINK DPDK "0000:00:06.0,queues=2"
DEFINE VSWITCH VSW4 ETHERNET UPLINK DPDK "0000:00:07.0"
DEFINE VSWITCH VSW5 ETHERNET UPLINK DPDK "0000:00:08.0,queues=2"
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW2
NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW3
NICDEF FOUR 0600 TYPE QDIO LAN SYSTEM VSW4
NICDEF FIVE 0600 TYPE QDIO LAN SYSTEM VSW5
CONF
# Only the one that is pulled out.
cat >"$T/conf1" <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK DPDK "0000:01:00.0"
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF

# What the guest is told to do.
cat >"$T/words" <<'WORDS'
ZL='/zlan/zlan -d /tmp/zland'

# give CARD...: to vfio-pci
give()
{
	local c d
	for c in $*; do
		d=/sys/bus/pci/devices/$c
		echo vfio-pci >$d/driver_override
		[ -e $d/driver ] && echo $c >$d/driver/unbind
		echo $c >/sys/bus/pci/drivers_probe
		[ "$(readlink $d/driver | sed 's,.*/,,')" = vfio-pci ] || return
	done
}

prepare()
{
	local m
	for m in $(cat /lib/more.list); do
		insmod /lib/$m.ko || return
	done
	mkdir -p /var/run
	ip link set lo up
	give 0000:01:00.0 0000:00:05.0 0000:00:06.0 0000:00:07.0 0000:00:08.0
}

# until SECONDS COMMAND...
until_it()
{
	local n=$(($1 * 4))
	shift
	while [ $n -gt 0 ]; do
		"$@" && return
		usleep 250000
		n=$((n - 1))
	done
	return 1
}

zland() # CONF
{
	rm -rf /tmp/zland
	/zlan/zland -d /tmp/zland -c /zlan/$1 >/tmp/zland.log 2>&1 </dev/null &
	ZLAND=$!
	until_it 60 grep -q ^ready /tmp/zland.log
}

nic() # USER INTERFACE ADDRESS
{
	/zlan/zlan-nic -d /tmp/zland --user $1 --vdev 0600 --ifname $2 --addr $3/24 >/tmp/$2.log 2>&1 </dev/null &
	until_it 30 grep -q ^online /tmp/$2.log
}

switch() # NUMBER PATTERN...
{
	local p
	$ZL QUERY VSWITCH VSW$1 DETAILS >/tmp/switch || return
	shift
	for p in "$@"; do
		grep -qE "$p" /tmp/switch || return
	done
}

# Until it is so; or what it is.
switch_is() # NUMBER PATTERN...
{
	until_it 30 switch "$@" && return
	head -n 32 /tmp/switch
	tail -n 5 /tmp/zland.log
	return 1
}

stop_all()
{
	killall zlan-nic
	kill $ZLAND
	wait $ZLAND
}
WORDS
overlay "$T"/{conf,conf1,words} >"$T/overlay.cpio"
boot_cards
must "QEMU: the guest boots" booted vm
[ $FAILURES = 0 ] || exit 1

monitor()
{
	"$PYTHON" - "$T/vm/monitor" "$*" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		s.settimeout(30)
		f = s.makefile("rw", newline="")
		def prompt():
		    text = ""
		    while not text.endswith("(qemu) "):
		        text += f.read(1)
		    return text
		prompt()
		f.write(sys.argv[2] + "\n")
		f.flush()
		answer = prompt().splitlines()[1:-1]
		print("\n".join(answer))
		sys.exit(any("Error" in line for line in answer))
	PY
}

# switch_is NUMBER PATTERN...
switch_is()
{
	local number=$1 patterns=
	shift
	printf -v patterns " '%s'" "$@"
	run vm "switch_is $number$patterns"
}

must "a web server on this side" web out 6291456

driver=([1]=net_virtio [2]=net_e1000_em [3]=net_vmxnet3 [4]=net_e1000_em [5]=net_virtio)
name=([1]=virtio [2]=e1000e [3]=vmxnet3 [4]=e1000 [5]='virtio with RSS')
user=([1]=ONE [2]=TWO [3]=THREE [4]=FOUR [5]=FIVE)
# Of e1000 and e1000e DPDK 22.11 sets up no interrupt to receive.
wake=([1]=interrupt [2]=timer [3]=interrupt [4]=timer [5]=interrupt)
link=([1]=interrupt [2]=polling [3]=polling [4]=polling [5]=interrupt)

run vm '. /zlan/words'
must "the cards are given to vfio-pci" run vm prepare
must "zland starts" run vm 'zland conf'
for i in 1 2 3 4 5; do
	must "${name[$i]}: the uplink is ready, with this driver" switch_is $i "Driver: ${driver[$i]} " "by ${link[$i]}" 'State: Ready'
	must "${name[$i]}: a guest reaches the outside" run vm "nic ${user[$i]} n$i 10.9.$i.2 && reach 10.9.$i.1"
	# Nothing else wakes the worker.
	must "${name[$i]}: the outside reaches it" reach out "10.9.$i.2" -i 0.5
	must "${name[$i]}: wakes by ${wake[$i]}; the driver counts" switch_is $i "Wakes by: ${wake[$i]}" 'rx_good_packets: [1-9]'
done
for i in 1 2 3 4; do
	must "${name[$i]}: 6 MiB from the outside" run vm "fetch 10.9.$i.1" 120
	sed -n "s/.*bytes in/note ${name[$i]}: from the outside:/p" "$T/last.out"
	same_bytes "$T/wanted" "${name[$i]}: "
done
run vm serve >"$T/served" 60
for i in 1 2 3 4; do
	must "${name[$i]}: 20 MiB to the outside" md5_of out "10.9.$i.2"
	same_bytes "$T/served" "${name[$i]}: "
done

flows()
{
	local i
	for i in $(seq 32); do
		in_ns out bash -c "echo hello >/dev/udp/10.9.$1.2/$((5000 + i))" || return 1
	done
}
for i in 1 5; do
	must "${name[$i]}: many flows" flows $i
	must "${name[$i]}: come by both queues" switch_is $i 'rx_q0_good_packets: [1-9]' 'rx_q1_good_packets: [1-9]'
done

for i in 1 2 3 4 5; do
	must "${name[$i]}: its cable is pulled" monitor set_link c$((i - 1)) off
done
for i in 1 2 3 4 5; do
	must "${name[$i]}: QUERY VSWITCH tells of it" switch_is $i 'State: No carrier'
done
for i in 1 2 3 4 5; do
	must "${name[$i]}: and is put back" monitor set_link c$((i - 1)) on
done
for i in 1 2 3 4 5; do
	must "${name[$i]}: so is the link" switch_is $i 'State: Ready'
	must "${name[$i]}: the outside reaches the guest again" reach out "10.9.$i.2"
done

# Another zland, confined as the first, with one card only; its memory has to be locked once more when the card comes back.
must "zland ends" run vm stop_all
must "another one has the first card alone" run vm 'zland conf1'
must "a guest reaches the outside" run vm 'nic ONE n1 10.9.1.2 && reach 10.9.1.1'
must "the card is pulled out" monitor device_del c0
must "QUERY VSWITCH tells of it" switch_is 1 'State: (the device is gone|no such device)'
must "the guest's kernel has got it" run vm 'until_it 20 test ! -e /sys/bus/pci/devices/0000:01:00.0'
must "a new one is put in" monitor device_add virtio-net-pci,id=c0,netdev=n0,bus=rp0,mq=on,vectors=6,disable-legacy=on,iommu_platform=on
must "and given to vfio-pci" run vm 'until_it 20 test -e /sys/bus/pci/devices/0000:01:00.0 && give 0000:01:00.0'
must "the uplink is ready again" switch_is 1 'State: Ready'
must "the guest reaches the outside again" run vm 'reach 10.9.1.1'
must "the outside reaches the guest" reach out 10.9.1.2 -i 0.5
must "nothing was refused by the confinement" run vm '! grep ZLN2640W /tmp/zland.log'
