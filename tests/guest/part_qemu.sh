# SPDX-License-Identifier: Apache-2.0
# Another family of guests on the same switch: the same kernel in QEMU, with virtio-net on a stream
# port, as an account without privilege.

if ! command -v qemu-system-s390x >/dev/null; then
	skipped "QEMU guest: qemu-system-s390x is not installed (package qemu-system-misc)"
	return
fi
mac=$(zl --json QUERY NIC USER LINUX03 0A00 | grep -oE '([0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}' |
	head -n 1 | tr 'A-F-' 'a-f:')
boot_qemu three "$T/run/LINUX03-0A00.sock" "$mac"
must "QEMU: the guest boots" booted three
must "QEMU: its interface" run three 'virtio_up 10.9.0.3/24'
must "QEMU: to a qeth guest" run three 'reach 10.9.0.1'
must "QEMU: to the host" run three 'reach 10.9.0.254'
must "QEMU: from a qeth guest" run two 'reach 10.9.0.3'
run one serve >"$T/served" 60
must "QEMU: 20 MiB from a qeth guest" run three 'fetch 10.9.0.1' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "QEMU: the same bytes" same_md5 "$T/served" "$T/fetched"
run three serve >"$T/served" 60
must "QEMU: 20 MiB to a qeth guest" run one 'fetch 10.9.0.3' 90 && tail -n 2 "$T/last.out" | sed 's/^/note /'
cp "$T/last.out" "$T/fetched"
must "QEMU: the same bytes" same_md5 "$T/served" "$T/fetched"
stop three
