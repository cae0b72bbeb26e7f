#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a guest under QEMU boots on a PC: Debian's kernel for virtual machines and an initial file system
# of busybox, virtio's modules and tests/guest/init, as scripts/guest-root.sh makes it for s390x.
#
# usage: scripts/guest-root-pc.sh FOLDER
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)
. "$top/scripts/apt-root.sh"

# In the order they are loaded: by init, and by a test that needs them.
modules='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net'
more='tun irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci'

packages()
{
	local kernel
	apt_root "$dest/apt" amd64
	kernel=$(apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	mkdir -p "$dest/packages"
	(cd "$dest/packages" && apt-get -q download "$kernel" busybox-static)
	for deb in "$dest"/packages/*.deb; do
		dpkg-deb -x "$deb" "$dest/files.new"
	done
	# Only what is used: make looks through this folder, too.
	rm -rf "$dest"/files.new/{etc,usr} "$dest/packages"
	local all="$modules $more"
	find "$dest/files.new/lib/modules" -name '*.ko*' >"$dest/all"
	grep -v -E "/(${all// /|})\\.ko" "$dest/all" | tr '\n' '\0' | xargs -0 rm -f
	rm -f "$dest/all"
	echo "$modules $more" >"$dest/files.new/list"
	rm -rf "$dest/files"
	mv "$dest/files.new" "$dest/files"
}

initial_root()
{
	local root=$dest/root m f
	rm -rf "$root"
	mkdir -p "$root"/{bin,lib,proc,sys,dev,tmp}
	cp "$dest/files/bin/busybox" "$root/bin/"
	for m in $modules $more; do
		f=$(find "$dest/files/lib/modules" -name "$m.ko*" | head -n 1)
		[ -n "$f" ] || { echo "the kernel has no module $m" >&2; exit 1; }
		cp "$f" "$root/lib/"
	done
	case $f in *.xz) xz -d "$root"/lib/*.xz ;; esac
	echo "$modules" >"$root/lib/modules.list"
	echo "$more" >"$root/lib/more.list"
	install -m 755 "$top/tests/guest/init" "$root/init"
	install -m 644 "$top/tests/guest/commands.sh" "$root/commands.sh"
	(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet | gzip -1 -n) >"$dest/initrd"
}

# Fetched for this list of modules?
if [ "$(cat "$dest/files/list" 2>/dev/null)" != "$modules $more" ]; then
	rm -rf "$dest/files.new"
	packages >"$dest/packages.log" 2>&1 || { cat "$dest/packages.log" >&2; exit 1; }
fi
initial_root
cp "$dest"/files/boot/vmlinuz-* "$dest/vmlinuz"
ls "$dest"/files/boot/ | sed -n 's/vmlinuz-/guest kernel /p'
