#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A stock Linux driver on the project's adapters: guests under a mainframe emulator. Called by
# `make check-guest`.
#
# usage: [HERCULES=PATH] [HERCULES_SRC=DIR] [RECORD=DIR] [ONLY=REGEX] scripts/check-guest.sh
#   HERCULES      another emulator than Debian's; its module is built against HERCULES_SRC
#   RECORD        where to put recordings of the dialogue, as those in tests/data
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
MAKE=${MAKE:-make}
B=${B:-build}
passed=0 failed=0 skipped=0
start=$SECONDS

echo "building"
$MAKE -s -j"$(nproc)" all || exit 1
$MAKE -s hercules || exit 1
scripts/guest-root.sh "$B/guest-root" || exit 1

for script in tests/guest/*.sh; do
	case $script in */lib.sh | */commands.sh | */part_*) continue ;; esac
	grep -qE "${ONLY:-.}" <<<"$script" || continue
	out=$(mktemp)
	ZLAN_BIN=$PWD/$B timeout --foreground -k 30 540 bash "$script" 2>&1 </dev/null | tee "$out"
	rc=${PIPESTATUS[0]}
	bad=$(grep -c '^FAILED ' "$out")
	[ "$rc" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	passed=$((passed + $(grep -c '^ok ' "$out")))
	failed=$((failed + bad))
	skipped=$((skipped + $(grep -c '^skipped ' "$out")))
	rm -f "$out"
done

echo "took $((SECONDS - start)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
