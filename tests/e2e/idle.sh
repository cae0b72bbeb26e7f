# SPDX-License-Identifier: Apache-2.0
# What a switch costs that has nothing to do: CPU over five seconds, resident memory without
# the storage that belongs to the guests.
#
#   ns one ---- VSW1 ---- ns two, no traffic
# alone: it measures processor time
. "$(dirname "$0")/lib.sh"
begin
[ -z "${ZLAN_SANITIZED:-}" ] || skip_all "a sanitized build says nothing about cost"

NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24
must "traffic, so that everything has been in use" reach one 10.88.0.2
must "and a transfer" transfer one two 10.88.0.2 33554432

# Nanoseconds on a processor of all threads of zland.
cpu_ns()
{
	cat "/proc/${PIDS[zland]}/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

# Resident memory without the guests' storage, KiB: mappings of memfds are theirs or rings.
rss_kib()
{
	awk '/^[0-9a-f]+-[0-9a-f]+ / { guest = /memfd:/ } /^Rss:/ && !guest { sum += $2 } END { print sum + 0 }' \
		"/proc/${PIDS[zland]}/smaps"
}

sleep 1
before=$(cpu_ns)
sleep 5
after=$(cpu_ns)
permille=$(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.3f", (b - a) / 5e9 * 100 }')
rss=$(rss_kib)
must "idle CPU of zland is under 0.5 % of a core ($permille %)" awk -v p="$permille" 'BEGIN { exit !(p < 0.5) }'
must "memory of zland besides guest storage is under 64 MiB ($((rss / 1024)) MiB)" test "$rss" -lt 65536
echo "note idle: $permille % of a core; $rss KiB resident besides guest storage"
must "traffic after the pause" reach one 10.88.0.2
