#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Search with libFuzzer targets, one after the other. New inputs stay in
# FOLDER/corpus/NAME; what crashes a target goes to FOLDER/crashes and belongs into
# tests/corpus/NAME once it is understood.
#
# usage: scripts/fuzz.sh FOLDER SECONDS fuzz_NAME...
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
folder=$1 seconds=$2
shift 2
mkdir -p "$folder/crashes"
found=0

for target in "$@"; do
	name=${target#fuzz_}
	mkdir -p "$folder/corpus/$name" "tests/corpus/$name"
	echo "$target: $seconds s"
	"$folder/fuzz/search_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$folder/crashes/$name-" -close_fd_mask=1 \
		"$folder/corpus/$name" "tests/corpus/$name" >"$folder/$target.log" 2>&1
	if [ $? = 0 ]; then
		awk '/stat::number_of_executed_units|stat::average_exec_per_sec/ { print "  " $1, $2 }' "$folder/$target.log"
	else
		found=$((found + 1))
		tail -n 40 "$folder/$target.log"
		echo "  FAILED: log in $folder/$target.log, input in $folder/crashes"
	fi
done
[ $found = 0 ]
