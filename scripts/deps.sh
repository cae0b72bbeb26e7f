#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the packages of the named sections of packages.txt, only those that
# are missing. Without anything missing it needs neither root nor a network.
#
# usage: scripts/deps.sh SECTION...
set -eu
cd "$(dirname "$0")"

wanted=$(for section in "$@"; do
	awk -v s="[$section]" '/^#/ || NF == 0 { next } /^\[/ { on = $0 == s; next } on' packages.txt
done | sort -u)

missing=
for p in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) || state=absent
	[ "$state" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "These packages are missing:$missing" >&2
	echo "Install them as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get -q update && apt-get -q -y install --no-install-recommends $missing; } \
	>"$log" 2>&1; then
	cat "$log" >&2
	echo "The packages could not be installed." >&2
	exit 1
fi
