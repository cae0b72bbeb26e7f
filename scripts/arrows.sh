#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rules that no compiler checks: who may include whom (docs/architecture.md),
# a licence line in every source, and words that do not belong in one.
set -u
cd "$(dirname "$0")/.."
bad=0

complain()
{
	printf '%s\n' "$1"
	bad=1
}

# folder | folders it may include | libraries it may include
arrows='
common    | common                         |
qdio      | common qdio                    |
vswitch   | common vswitch                 | urcu
osa       | common qdio vswitch osa        |
hipersockets | common qdio vswitch hipersockets |
host      | common vswitch host            | netlink pcap liburing uthash
host/dpdk | common vswitch host            | rte
guest     | common guest                   |
cp        | common qdio vswitch osa hipersockets host cp | urcu netlink pcap event2 jansson histedit editline uthash utlist cap-ng seccomp systemd
'
libraries='urcu netlink pcap liburing event2 jansson histedit editline uthash utlist cap-ng seccomp systemd rte check scapy'

# Exceptions that are part of the design: the guest side sees the wire headers of the
# device side; zlan-nic uses the host folder's TAP and netlink; what runs inside an emulator
# (the port socket's client, the module) stands between an adapter and a switch; an IQD adapter's
# control path is the OSA adapter's.
excepted()
{
	case "$1:$2" in
	guest/*:qdio/qdio_wire.h | guest/*:osa/osa_wire.h | guest/*:cp/channel_wire.h) return 0 ;;
	guest/*:hipersockets/hs_wire.h) return 0 ;;
	hipersockets/*:osa/osa.h | hipersockets/*:osa/osa_wire.h) return 0 ;;
	guest/portlink.[ch]:vswitch/port.h | guest/portlink.[ch]:vswitch/packet.h | guest/portlink.[ch]:cp/port_wire.h | guest/portlink.[ch]:hipersockets/hs.h) return 0 ;;
	guest/hercules/*:qdio/qdio.h | guest/hercules/*:osa/osa.h | guest/hercules/*:hipersockets/hs.h) return 0 ;;
	guest/zlan-nic*.c:host/host.h | guest/zlan-nic*.h:host/host.h) return 0 ;;
	esac
	return 1
}

one_of()
{
	local word=$1
	shift
	case " $* " in *" $word "*) return 0 ;; esac
	return 1
}

check_include()
{
	local file=$1 line=$2 header=$3 quoted=$4 folders=$5 libs=$6 first
	first=${header%%/*}
	if [ "$quoted" = '"' ]; then
		[ "$first" != "$header" ] || { complain "$file:$line: include \"$header\" by its folder"; return; }
		one_of "$first" $folders || excepted "$file" "$header" ||
			complain "$file:$line: ${file%%/*} may not include $header"
	else
		first=${first%.h}
		first=${first#liburcu-}
		case "$first" in urcu*) first=urcu ;; rte_*) first=rte ;; esac
		one_of "$first" $libraries || return
		one_of "$first" $libs || complain "$file:$line: ${file%%/*} may not use <$header>"
	fi
}

while IFS='|' read -r folder folders libs; do
	folder=${folder// /}
	[ -n "$folder" ] || continue
	while IFS=: read -r file line text; do
		[[ $text =~ ^[[:space:]]*\#[[:space:]]*include[[:space:]]*([\"\<])([^\">]+) ]] || continue
		check_include "$file" "$line" "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "$folders" "$libs"
	done < <(grep -nH '^[[:space:]]*#[[:space:]]*include' "$folder"/*.[ch] 2>/dev/null)
done <<<"$arrows"

# The device side is driven: no thread, no socket, no clock of its own.
while read -r hit; do
	complain "$hit: the adapters own no thread, socket or clock"
done < <(grep -nHwE '(pthread_create|thrd_create|socket|poll|epoll_wait|clock_gettime|gettimeofday|time|sleep|usleep|nanosleep) ?\(' \
	qdio/*.[ch] osa/*.[ch] hipersockets/*.[ch] 2>/dev/null | grep -vE ':[[:space:]]*(/?\*|//)')

sources=$(git ls-files '*.c' '*.h' '*.sh' '*.py' Makefile .ci/run)

for file in $sources; do
	[ -e "$file" ] || continue
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
		complain "$file: no SPDX-License-Identifier line"
done

# Marks of unfinished work, paths of somebody's machine, functions without a bound.
while read -r hit; do
	complain "$hit"
done < <(grep -nHE '\b(TODO|FIXME|XXX|HACK)\b|/home/|/root/' $sources |
	grep -v '^scripts/arrows.sh:')
while read -r hit; do
	complain "$hit: unbounded or unsafe function"
done < <(grep -nHwE '(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|tmpnam|atoi|atol|system) ?\(' \
	$(git ls-files '*.c' '*.h') | grep -vE ':[[:space:]]*(/?\*|//)')

exit $bad
