# SPDX-License-Identifier: Apache-2.0
# Bandwidth, with traffic of iperf3: rates of a NIC in both directions, fairness inside a group,
# rates changed and taken away under load; and what is permanent: SAVE, PERSIST, a restart.
#
#   ns one, two ---- VSW1 ---- ns three
# alone: it measures rates
. "$(dirname "$0")/lib.sh"
begin

command -v iperf3 >/dev/null || skip_all "no iperf3"
NO_CAPTURE=1 # frames would fill the disk
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.1.1/24
guest two TWO 0600 --addr 10.88.1.2/24
guest three THREE 0600 --addr 10.88.1.3/24
must "guests reach each other" reach one 10.88.1.3

# measured SECONDS USER/VDEV:in|out...: bits a second, a line each.
measured()
{
	"$PYTHON" "$E2E/rate.py" "$T/run/control" "$@"
}

# near VALUE WANT PERCENT
near()
{
	echo "measured $1, wanted $2 within $3 %"
	awk -v v="$1" -v w="$2" -v p="$3" 'BEGIN { exit !(v > w * (1 - p / 100) && v < w * (1 + p / 100)) }'
}

start server3 ip netns exec "$ID-three" iperf3 -s -p 5201 --forceflush
start server4 ip netns exec "$ID-three" iperf3 -s -p 5202 --forceflush
wait_line server3 listening
wait_line server4 listening

# flood FROM PORT MBIT: UDP for longer than is measured.
flood()
{
	start "flood-$1" ip netns exec "$ID-$1" iperf3 -c 10.88.1.3 -p "$2" -u -b "$3M" -l 1400 -t 60
	eventually flows "${1^^}"
}

flows()
{
	[ "$(measured 0.2 "$1/0600:in")" -gt 100000 ]
}

# A starved machine may measure too little for a while.
tries()
{
	local i
	for i in 1 2 3 4 5 6 7 8; do
		"$@" && return
	done
	return 1
}

rate_is()
{
	near "$(measured 1.2 "$1")" "$rate" 2
}

must "RATE IN 20M" zl SET NIC USER ONE 0600 RATE IN 20M
must "a guest sends more" flood one 5201 60
rate=20000000
must "it gets 20 Mbit/s" tries rate_is ONE/0600:in
must "RATE IN 5M while it sends" zl SET NIC USER ONE 0600 RATE IN 5M
rate=5000000
must "it gets 5 Mbit/s" tries rate_is ONE/0600:in
must "RATE OUT 8M of the receiver" zl SET NIC USER ONE 0600 RATE IN OFF
must "and none of the sender" zl SET NIC USER THREE 0600 RATE OUT 8M BURST 64K
rate=8000000
must "the receiver gets 8 Mbit/s" tries rate_is THREE/0600:out
must "what is too much is counted" output_has rate-queue zl QUERY NIC USER THREE 0600 --json
must "the rate is off" zl SET NIC USER THREE 0600 RATE OUT OFF

must "a group" zl DEFINE RATEGROUP G IN 30M BURST 16K
must "with one" zl SET NIC USER ONE 0600 RATEGROUP G
must "and two" zl SET NIC USER TWO 0600 RATEGROUP G
must "the second sends as well" flood two 5202 60
fair()
{
	local got
	mapfile -t got < <(measured 1.5 ONE/0600:in TWO/0600:in)
	near "${got[0]}" "${got[1]}" 5 && near $((got[0] + got[1])) 30000000 2
}
must "both get the same of 30 Mbit/s" tries fair
stop flood-one
stop flood-two

# Higher rates, where the machine has more to give than they let pass.
zl SET NIC USER ONE 0600 RATEGROUP NONE >/dev/null
zl SET NIC USER TWO 0600 RATEGROUP NONE >/dev/null
start server5 ip netns exec "$ID-three" iperf3 -s -p 5203 --forceflush
wait_line server5 listening
start stream ip netns exec "$ID-one" iperf3 -c 10.88.1.3 -p 5203 -t 60
must "a TCP stream" eventually flows ONE
for mega in 100 1000; do
	zl SET NIC USER ONE 0600 RATE IN OFF >/dev/null
	ceiling=$(measured 0.4 ONE/0600:in)
	if [ "$((ceiling / 1250000))" -lt "$mega" ]; then
		echo "skipped $TEST: $mega Mbit/s: no more than $((ceiling / 1000000)) Mbit/s pass here without a rate"
		continue
	fi
	must "RATE IN ${mega}M of a TCP stream that had $((ceiling / 1000000)) Mbit/s" zl SET NIC USER ONE 0600 RATE IN ${mega}M
	# Counted are uncut frames; the rate is of the wire, where 1448 bytes of payload take 1514.
	rate=$((mega * 1000000 / 1514 * 1448))
	must "it gets $mega Mbit/s" tries rate_is ONE/0600:in
done
stop stream
zl SET NIC USER ONE 0600 RATE IN OFF >/dev/null
zl SET NIC USER ONE 0600 RATEGROUP G >/dev/null

# What is permanent. The group is not, the switch that follows is.
must "a statement with PERSIST" zl DEFINE VSWITCH VSW2 PERSIST
must "zland ends on SIGTERM" stop zland
must "and goes on" zland_again
must "a restart loses nothing" output_has "RATEGROUP G" zl QUERY CONFIGURATION
must "guests are back" eventually in_ns one ping -q -n -c 1 -W 1 10.88.1.3
must "SHUTDOWN" zl SHUTDOWN
must "zland ends" finished zland 10
must "it starts from its file" zland_again
must "without the group" no_line "RATEGROUP G" zl QUERY CONFIGURATION
must "with what was made permanent" output_has "VSW2" zl QUERY VSWITCH
must "a switch more" zl DEFINE VSWITCH VSW3
must "SAVE" zl SAVE
zl QUERY CONFIGURATION >"$T/before"
must "SHUTDOWN again" zl SHUTDOWN
must "zland ends again" finished zland 10
must "it starts from what was saved" zland_again
zl QUERY CONFIGURATION >"$T/after"
must "byte for byte the same" cmp "$T/before" "$T/after"
