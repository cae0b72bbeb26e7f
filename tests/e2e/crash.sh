#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon dies by -9 at any moment, again and again, while commands are given to it: what was
# acknowledged is there, nothing is by half, and the guests come back.
#
#   ns one ---- VSW1 ---- ns two
. "$(dirname "$0")/lib.sh"
begin
ROUNDS=8

NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK VLAN 10
DEFINE LAN FULL OWNERID SYSTEM RESTRICTED MAXCONN 1 GRANT ONE
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
DEFINE NIC ONE/0700
CONF
guest one ONE 0600 --addr 10.88.0.11/24
guest two TWO 0600 --addr 10.88.0.12/24
must "a connection that outlives its REVOKE" sh -c "printf '%s\n' 'COUPLE ONE/0700 SYSTEM FULL' \
	'NICDEF TWO 0700 LAN SYSTEM FULL' 'SET LAN FULL OWNERID SYSTEM REVOKE ONE' | '$BIN/zlan' -d '$T/run' -"

# One command after the other, each noted once it has been acknowledged. It ends when zland does.
commands()
{
	local n=$1
	while n=$((n + 1)); do
		case $((n % 4)) in
		0) zl SET VSWITCH VSW1 GRANT "U$n" PORTTYPE TRUNK VLAN 10 20-30 ;;
		1) zl DEFINE NIC "U$n/0600" ;;
		2) zl DEFINE LAN "L$n" OWNERID SYSTEM MAXCONN 2 ;;
		3) zl SET PORT GROUP "G$((n % 60))" INTERVAL $((n % 9000 + 1)) ;;
		esac >/dev/null 2>&1 || return 0
		echo "$n" >>"$T/acknowledged"
	done
}

done_until()
{
	[ "$(tail -n 1 "$T/acknowledged")" -ge "$1" ]
}

# Every statement that was acknowledged, in what is running now.
all_there()
{
	local n missing=0
	zl QUERY CONFIGURATION >"$T/now" || return 1
	while read -r n; do
		case $((n % 4)) in
		0) grep -q "^SET VSWITCH VSW1 GRANT U$n PORTTYPE TRUNK VLAN 10 20-30\$" "$T/now" ;;
		1) grep -q "^NICDEF U$n 0600 TYPE QDIO" "$T/now" ;;
		2) grep -q "^DEFINE LAN L$n OWNERID SYSTEM .* MAXCONN 2\$" "$T/now" ;;
		3) grep -q "^SET PORT GROUP G$((n % 60)) " "$T/now" ;;
		esac || { echo "command $n is missing"; missing=1; }
	done < <(tail -n +2 "$T/acknowledged")
	return $missing
}

echo 0 >"$T/acknowledged"
last=0
for ((round = 1; round <= ROUNDS; round++)); do
	start client bash -c "$(declare -f commands zl); BIN='$BIN' T='$T' PATIENCE=$PATIENCE; commands $last"
	eventually done_until $((last + 2 + RANDOM % 12)) || must "commands are acknowledged" false
	stop zland KILL
	stop client
	last=$(($(tail -n 1 "$T/acknowledged") + 1))
	zland_again || must "zland starts again, round $round" false
done
must "$(($(wc -l <"$T/acknowledged") - 1)) commands through $ROUNDS deaths: all are there" all_there
must "no death cost the state" no_line 'ZLN2632W|with errors' cat "$T/zland.before.log" "$T/zland.log"
must "the connection that outlived its REVOKE" grep -q '^COUPLE USER ONE 0700 TO SYSTEM FULL REVOKED$' "$T/now"
must "the NIC that waits" output_has 'waits for SYSTEM FULL' zl QUERY NIC TWO/0700
must "the guests outlive all of them" alive one
must "and are back" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.12
must "there is one whole state and nothing aside" test ! -e "$T/run/state.tmp"
