#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The headers of the hercules that Debian packages, from its source package, for
# `make hercules`. Only the upstream archive is needed, and the archive of Debian's
# changes is not always to be had: taken alone.
#
# usage: scripts/hercules-source.sh FOLDER
set -euo pipefail
dest=$1
. "$(dirname "$0")/apt-root.sh"

mkdir -p "$dest.apt/download"
apt_root "$dest.apt" "$(dpkg --print-architecture)" deb-src
cd "$dest.apt/download"
apt-get -q source --download-only --tar-only hercules >../download.log 2>&1 ||
	{ cat ../download.log >&2; echo "The source package of hercules is not to be had." >&2; exit 1; }
archive=$(ls hercules_*.orig.tar.* | sort -V | tail -n 1)
version=${archive#hercules_}
version=${version%.orig.tar.*}
if [ "$version" != 3.13 ]; then
	echo "Debian's hercules is $version here, and this module knows 3.13 and 4.x." >&2
	echo "Name a source tree: make hercules HERCULES_SRC=DIR" >&2
	exit 1
fi
cd - >/dev/null
rm -rf "$dest.new" "$dest"
mkdir "$dest.new"
tar -x -f "$dest.apt/download/$archive" -C "$dest.new" --strip-components=1
mv "$dest.new" "$dest"
