# SPDX-License-Identifier: Apache-2.0
# Debian's kernel in QEMU, emulated, with a vhost-user card of two queue pairs, beside a QDIO guest; zland
# is killed and started again under traffic, with split and with packed rings.
#
#   ns one, ONE/0600 (QDIO) ──── VSW1 ──── VM1/0600 (vhost-user), QEMU, 10.9.0.2
#   10.9.0.1
#
# QEMU runs without privilege, under an account that a USER statement names.
# The machine may be busy with the guest.
export ZLAN_PATIENCE=${ZLAN_PATIENCE:-60}
. "$(dirname "$0")/lib.sh"
begin
[ -e "$BIN/libzlan-dpdk.so" ] || skip_all "built without libdpdk"
command -v qemu-system-x86_64 >/dev/null || skip_all "qemu-system-x86_64 is not installed (package qemu-system-x86)"
[ "$(uname -m)" = x86_64 ] || skip_all "the guest's packages are for x86_64"
# What DPDK allocates for good at its start is no leak of ours.
ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
PC_ROOT=$BIN/guest-root-pc
"$TOP/scripts/guest-root-pc.sh" "$PC_ROOT" || { echo "FAILED $TEST: no guest to boot"; exit 1; }
ACCOUNT=([vm]=64003)
FAMILY=

world host one
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET
USER VM1 UID ${ACCOUNT[vm]}
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF VM1 0600 TYPE VHOST LAN SYSTEM VSW1
CONF
chmod 755 "$T" # QEMU's account has to pass
mac=$(zl --json QUERY NIC USER VM1 0600 | jq -r '.. | .mac? // empty' | head -n 1)

# The guest comes back by itself when zland does: reconnect. QEMU 7.2 without KVM crashes with message
# signalled interrupts on a vhost-user card: vectors=0.
# boot_pc [PROPERTY]: one more of the card
boot_pc()
{
	local d=$T/vm
	mkdir -p "$d"
	cp "$PC_ROOT"/{vmlinuz,initrd} "$d/"
	echo 0 >"$T/vm.serial"
	[ -p "$d/stdin" ] || mkfifo "$d/stdin"
	CONSOLE[vm]=stdin
	start vm sh -c "cd '$d' && exec timeout -k 5 900 setpriv --reuid ${ACCOUNT[vm]} --regid ${ACCOUNT[vm]} \
		--clear-groups qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -display none -nodefaults \
		-no-reboot -m 256 -object memory-backend-memfd,id=mem,size=256M,share=on -numa node,memdev=mem \
		-chardev stdio,id=console,signal=off -serial chardev:console \
		-kernel vmlinuz -initrd initrd -append 'console=ttyS0 rdinit=/init panic=1 quiet' \
		-chardev socket,id=port,path='$T/run/VM1-0600.vhost',reconnect=1 \
		-netdev vhost-user,id=net,chardev=port,queues=2 \
		-device virtio-net-pci,netdev=net,mac=$mac,mq=on,vectors=0${1:+,$1} <>stdin"
}

nic_is()
{
	output_has "State: $1" zl QUERY NIC USER VM1 0600 DETAILS
}

# The web server and its client on this side.
md5_of()
{
	in_ns one "$PYTHON" - "$1" <<-'PY'
		import hashlib, sys, urllib.request
		h, n = hashlib.md5(), 0
		with urllib.request.urlopen(sys.argv[1], timeout=120) as r:
		    while block := r.read(65536):
		        h.update(block)
		        n += len(block)
		print(n, "bytes", h.hexdigest())
	PY
}
mkdir "$T/www"
head -c 41943040 /dev/urandom >"$T/www/data"
md5sum <"$T/www/data" >"$T/wanted"
web()
{
	start web ip netns exec "$ID-one" "$PYTHON" -u -m http.server 8080 --directory "$T/www"
	wait_line web 'Serving'
}

guest one ONE 0600 --addr 10.9.0.1/24
must "a web server beside the QDIO guest" web
boot_pc
must "QEMU: the guest boots" booted vm
[ $FAILURES = 0 ] || exit 1
must "QEMU: its interface" run vm 'virtio_up 10.9.0.2/24'
must "its driver uses both pairs of queues" eventually nic_is 'Session Established.*vhost-user.*Queue pairs: 2'
must "to the QDIO guest" run vm 'reach 10.9.0.1'
must "from the QDIO guest" reach one 10.9.0.2

must "40 MiB to the guest" run vm 'fetch 10.9.0.1' 120 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "the same bytes" same_md5 "$T/wanted" "$T/fetched"
run vm serve >"$T/served" 60
must "20 MiB from the guest" md5_of http://10.9.0.2:8080/data
cp "$T/last.out" "$T/fetched"
must "the same bytes" same_md5 "$T/served" "$T/fetched"

# 60 MiB in frames of 1514 bytes would be 43,000 and as many again for the other half.
few_frames()
{
	zl QUERY COUNTERS | awk '$2 == "VM1/0600" { seen = 1; print; if ($3 > 25000) bad = 1 } END { exit !seen || bad }'
}
must "large segments went through whole, both ways" few_frames

# zland is killed in the middle of a transfer, and started again: the rings are where they were.
moved()
{
	zl --json QUERY COUNTERS | jq '[.. | objects | select(.name? == "VM1/0600" or .port? == "VM1/0600") | .. | .bytes? // empty] | max'
}
moved_past()
{
	[ "$(moved)" -gt "$1" ]
}
killed_under_traffic()
{
	local begin
	begin=$(moved)
	run_begin vm 'fetch 10.9.0.1'
	must "a transfer has begun" eventually moved_past $((begin + 4000000))
	stop zland KILL
	stop record
	must "zland is killed; another one" zland_again
	must "QEMU connects again" eventually nic_is 'Session Established'
	must "the transfer goes on to its end" run_end vm 120
	cp "$T/last.out" "$T/fetched"
	must "with the same bytes" same_md5 "$T/wanted" "$T/fetched"
}
killed_under_traffic

# The guest ends and boots again, with packed rings.
stop vm
must "QEMU ends: the NIC is free" eventually nic_is 'No guest attached'
boot_pc packed=on
must "the guest boots again, with packed rings" booted vm
must "QEMU: its interface" run vm 'virtio_up 10.9.0.2/24'
must "and reaches the QDIO guest" run vm 'reach 10.9.0.1'
must "40 MiB to the guest" run vm 'fetch 10.9.0.1' 120
cp "$T/last.out" "$T/fetched"
must "the same bytes" same_md5 "$T/wanted" "$T/fetched"
run vm serve >"$T/served" 60
must "20 MiB from the guest" md5_of http://10.9.0.2:8080/data
cp "$T/last.out" "$T/fetched"
must "the same bytes" same_md5 "$T/served" "$T/fetched"
killed_under_traffic
must "once more" run vm 'fetch 10.9.0.1' 120
killed_under_traffic
refused_calls()
{
	! grep -h ZLN2640W "$T"/zland*.log
}
must "nothing was refused by the confinement" refused_calls
