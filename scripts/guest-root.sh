#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a guest under an emulator boots: Debian's kernel for s390x and an initial file system of
# busybox, the drivers' modules and tests/guest/init. The packages come into an apt root of
# their own; nothing is installed, and what is there is not fetched again.
#
# usage: scripts/guest-root.sh FOLDER
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)
. "$top/scripts/apt-root.sh"

# In the order they are loaded; qdio is part of the kernel. lcs is for make bench-guest, the last three
# for QEMU's machine.
modules='ccwgroup llc stp bridge mrp garp 8021q qeth qeth_l2 qeth_l3 lcs failover net_failover virtio_net'

# ethtool and what it is linked with; the rest is busybox.
programs='sbin/ethtool lib/ld64.so.1 lib/s390x-linux-gnu/libc.so.6 lib/s390x-linux-gnu/libm.so.6 lib/s390x-linux-gnu/libmnl.so.0'

packages()
{
	local kernel f
	apt_root "$dest/apt" s390x
	kernel=$(apt-cache depends linux-image-s390x | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	mkdir -p "$dest/packages"
	(cd "$dest/packages" && apt-get -q download "$kernel" busybox-static ethtool libmnl0 libc6)
	for deb in "$dest"/packages/*.deb; do
		dpkg-deb -x "$deb" "$dest/files.new"
	done
	# Only what is used: make looks through this folder, too.
	for f in $programs; do
		[ -e "$dest/files.new/$f" ] || f=usr/$f
		install -D -m 755 "$dest/files.new/$f" "$dest/files.new/programs/${f#usr/}"
	done
	rm -rf "$dest"/files.new/{etc,usr,sbin} "$dest/packages"
	find "$dest/files.new/lib/modules" -name '*.ko*' >"$dest/all"
	grep -v -E "/(${modules// /|})\\.ko" "$dest/all" | tr '\n' '\0' | xargs -0 rm -f
	rm -f "$dest/all"
	echo "$wanted" >"$dest/files.new/list"
	rm -rf "$dest/files"
	mv "$dest/files.new" "$dest/files"
}

initial_root()
{
	local root=$dest/root m f
	rm -rf "$root"
	mkdir -p "$root"/{bin,lib,proc,sys,dev,tmp}
	cp "$dest/files/bin/busybox" "$root/bin/"
	cp -r "$dest"/files/programs/. "$root/"
	for m in $modules; do
		f=$(find "$dest/files/lib/modules" -name "$m.ko*" | head -n 1)
		[ -n "$f" ] || { echo "the kernel has no module $m" >&2; exit 1; }
		cp "$f" "$root/lib/"
	done
	case $f in *.xz) xz -d "$root"/lib/*.xz ;; esac
	echo "$modules" >"$root/lib/modules.list"
	install -m 755 "$top/tests/guest/init" "$root/init"
	install -m 644 "$top/tests/guest/commands.sh" "$root/commands.sh"
	python3 "$top/tests/guest/snmp.py" "$root/bin/snmp"
	chmod 755 "$root/bin/snmp"
	(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet | gzip -1 -n) >"$dest/initrd"
}

# Where the kernel looks for the initial file system: address and size, 8 bytes each, big-endian.
# Source: spec/hercules-module.md 7.
initrd_size()
{
	local size hex
	size=$(stat -c %s "$dest/initrd")
	hex=$(printf '%016x%016x' $((0x02000000)) "$size")
	printf "$(sed 's/../\\x&/g' <<<"$hex")"
}

# Fetched for these lists?
wanted="$modules
$programs"
if [ "$(cat "$dest/files/list" 2>/dev/null)" != "$wanted" ]; then
	rm -rf "$dest/files.new"
	packages >"$dest/packages.log" 2>&1 || { cat "$dest/packages.log" >&2; exit 1; }
fi
initial_root
initrd_size >"$dest/initrd.size"
cp "$dest"/files/boot/vmlinuz-* "$dest/vmlinuz"
printf 'conmode=3215 condev=0x0009 rdinit=/init panic=1 quiet\0' >"$dest/parm"
cat >"$dest/guest.ins" <<'INS'
* the kernel of a guest
vmlinuz 0x00000000
initrd 0x02000000
initrd.size 0x00010408
parm 0x00010480
INS
ls "$dest"/files/boot/ | sed -n 's/vmlinuz-/guest kernel /p'
