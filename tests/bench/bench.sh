#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench, with large pages for everybody: where root may, 2 MiB pages are set aside for the peers that
# use DPDK, as its documentation wants it, and allowed for the guests' storage, as ours does
# (docs/performance.md). Put back at the end. KEEP=1 leaves the machine as it is.
#
# usage: bench.sh BENCH [OPTION...]
set -u
HUGE=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
SHMEM=/sys/kernel/mm/transparent_hugepage/shmem_enabled
NEED=640

back()
{
	trap - EXIT
	[ -z "${huge:-}" ] || echo "$huge" >"$HUGE"
	[ -z "${shmem:-}" ] || echo "$shmem" >"$SHMEM"
}

trap back EXIT
trap : INT TERM HUP # the bench ends its peers, then this ends
if [ "$(id -u)" = 0 ] && [ -z "${KEEP:-}" ]; then
	if [ -w "$HUGE" ] && [ "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)" -lt $NEED ]; then
		huge=$(cat "$HUGE")
		echo $((huge + NEED)) >"$HUGE"
	fi
	if [ -w "$SHMEM" ] && grep -q '\[never\]' "$SHMEM"; then
		shmem=never
		echo advise >"$SHMEM"
	fi
fi
"$@"
