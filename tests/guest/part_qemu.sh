# SPDX-License-Identifier: Apache-2.0
# Another family of guests on the same switch: the same kernel in QEMU, with virtio-net on a stream
# and on a dgram port, each as an account without privilege.

if ! command -v qemu-system-s390x >/dev/null; then
	skipped "QEMU guest: qemu-system-s390x is not installed (package qemu-system-misc)"
	return
fi

# qemu_guest GUEST stream|dgram USER ADDRESS
qemu_guest()
{
	local g=$1 kind=$2 user=$3 address=$4 mac
	mac=$(zl --json QUERY NIC USER "$user" 0A00 | grep -oE '([0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}' |
		head -n 1 | tr 'A-F-' 'a-f:')
	boot_qemu "$g" "$kind" "$T/run/$user-0A00.sock" "$mac"
	must "QEMU, $kind: the guest boots" booted "$g"
	must "QEMU, $kind: its interface" run "$g" "virtio_up $address/24"
	must "QEMU, $kind: to a qeth guest" run "$g" 'reach 10.9.0.1'
	must "QEMU, $kind: to the host" run "$g" 'reach 10.9.0.254'
	must "QEMU, $kind: from a qeth guest" run two "reach $address"
	run one serve >"$T/served" 60
	must "QEMU, $kind: 20 MiB from a qeth guest" run "$g" 'fetch 10.9.0.1' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
	cp "$T/last.out" "$T/fetched"
	must "QEMU, $kind: the same bytes" same_md5 "$T/served" "$T/fetched"
	run "$g" serve >"$T/served" 60
	must "QEMU, $kind: 20 MiB to a qeth guest" run one "fetch $address" 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
	cp "$T/last.out" "$T/fetched"
	must "QEMU, $kind: the same bytes" same_md5 "$T/served" "$T/fetched"
}

qemu_guest three stream LINUX03 10.9.0.3
qemu_guest four dgram LINUX04 10.9.0.4
must "QEMU: stream to dgram" run three 'reach 10.9.0.4'
stop three
stop four
