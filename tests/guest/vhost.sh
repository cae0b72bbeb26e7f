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
pc_begin
# What DPDK allocates for good at its start is no leak of ours.
ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}

world host one
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET
USER VM1 UID ${ACCOUNT[vm]}
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF VM1 0600 TYPE VHOST LAN SYSTEM VSW1
CONF
mac=$(zl --json QUERY NIC USER VM1 0600 | jq -r '.. | .mac? // empty' | head -n 1)

# The guest comes back by itself when zland does: reconnect. QEMU 7.2 without KVM crashes with message
# signalled interrupts on a vhost-user card: vectors=0.
# boot_card [PROPERTY]: one more of the card
boot_card()
{
	boot_pc host 256 '' -object memory-backend-memfd,id=mem,size=256M,share=on -numa node,memdev=mem \
		-chardev "socket,id=port,path='$T/run/VM1-0600.vhost',reconnect=1" \
		-netdev vhost-user,id=net,chardev=port,queues=2 \
		-device "virtio-net-pci,netdev=net,mac=$mac,mq=on,vectors=0${1:+,$1}"
}

nic_is()
{
	output_has "State: $1" zl QUERY NIC USER VM1 0600 DETAILS
}

guest one ONE 0600 --addr 10.9.0.1/24
must "a web server beside the QDIO guest" web one 41943040
boot_card
must "QEMU: the guest boots" booted vm
[ $FAILURES = 0 ] || exit 1
must "QEMU: its interface" run vm 'virtio_up 10.9.0.2/24'
must "its driver uses both pairs of queues" eventually nic_is 'Session Established.*vhost-user.*Queue pairs: 2'
must "to the QDIO guest" run vm 'reach 10.9.0.1'
must "from the QDIO guest" reach one 10.9.0.2

both_ways()
{
	must "40 MiB to the guest" run vm 'fetch 10.9.0.1' 120 && tail -n 2 "$T/last.out" | sed 's/^/note /'
	same_bytes "$T/wanted"
	run vm serve >"$T/served" 60
	must "20 MiB from the guest" md5_of one 10.9.0.2
	same_bytes "$T/served"
}
both_ways

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
	same_bytes "$T/wanted"
}
killed_under_traffic

# The guest ends and boots again, with packed rings.
stop vm
must "QEMU ends: the NIC is free" eventually nic_is 'No guest attached'
boot_card packed=on
must "the guest boots again, with packed rings" booted vm
must "QEMU: its interface" run vm 'virtio_up 10.9.0.2/24'
must "and reaches the QDIO guest" run vm 'reach 10.9.0.1'
both_ways
killed_under_traffic
must "once more" run vm 'fetch 10.9.0.1' 120
killed_under_traffic
refused_calls()
{
	! grep -h ZLN2640W "$T"/zland*.log
}
must "nothing was refused by the confinement" refused_calls
