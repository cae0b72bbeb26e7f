# SPDX-License-Identifier: Apache-2.0
# Who gets a frame: by registration, never by flooding to guests.
#
#   ns one    ns two    ns three
#      \_______ | _______/
#              VSW1 ---- tap0 (ns host)          VSW2 (no uplink) ---- ns four
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
DEFINE VSWITCH VSW2 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
SET VSWITCH VSW1 GRANT THREE
SET VSWITCH VSW2 GRANT FOUR
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF FOUR 0600 TYPE QDIO LAN SYSTEM VSW2
CONF
ip -n "$ID-host" link set tap0 up
for n in one two three four; do
	guest "$n" "${n^^}" 0600
	listen "$n"
done
listen host tap0

one=$(mac_of one) two=$(mac_of two) host=$(mac_of host tap0)

frame one eth0 --text broadcast-1
must "a broadcast reaches the other guests" seen two broadcast-1
must "and the third" seen three broadcast-1
must "and the host" seen host broadcast-1
must "not its sender" unseen one broadcast-1
must "not another switch" unseen four broadcast-1
frame host tap0 --text broadcast-2
must "a broadcast from outside reaches guests" seen two broadcast-2

frame one eth0 --dst "$two" --text unicast-1
must "a unicast reaches its registered destination" seen two unicast-1
must "no other guest" unseen three unicast-1
must "never the uplink" unseen host unicast-1

frame one eth0 --dst 02:77:00:00:00:01 --text unknown-1
must "an unknown destination goes to the uplink" seen host unknown-1
must "and to no guest" unseen two unknown-1
frame host tap0 --dst 02:77:00:00:00:02 --text unknown-2
must "an unknown destination from outside goes to no guest" unseen one unknown-2
frame four eth0 --dst 02:77:00:00:00:01 --text unknown-3
must "without an uplink it is dropped and counted" \
	eventually sh -c "test $(drops FOUR/0600 unknown-unicast) -ge 1"

frame one eth0 --dst 01:00:5e:01:02:03 --text group-1
must "a group nobody joined goes to the uplink" seen host group-1
must "not to a guest that did not join" unseen two group-1
in_ns two ip maddr add 01:00:5e:01:02:03 dev eth0
joined()
{
	frame one eth0 --dst 01:00:5e:01:02:03 --text group-2
	grep -q group-2 "$T/frames-two.log"
}
must "a guest that joins a group gets its frames" eventually joined
must "the others do not" unseen three group-2
frame host tap0 --dst 01:00:5e:01:02:03 --text group-3
must "also from outside" seen two group-3
in_ns two ip maddr del 01:00:5e:01:02:03 dev eth0
left()
{
	frame one eth0 --dst 01:00:5e:01:02:03 --text "group-4-$RANDOM"
	sleep 0.2
	local before after
	before=$(grep -c group-4 "$T/frames-two.log")
	frame one eth0 --dst 01:00:5e:01:02:03 --text group-4
	sleep 0.2
	after=$(grep -c group-4 "$T/frames-two.log")
	[ "$before" = "$after" ]
}
must "a guest that leaves it gets them no longer" eventually left

frame one eth0 --dst 01:80:c2:00:00:00 --text reserved-1
must "a reserved group address is never forwarded" unseen host reserved-1
must "and counted" test "$(drops ONE/0600 reserved)" -ge 1

frame one eth0 --src "$two" --text spoofed-1
must "a source that another port registered is dropped" unseen three spoofed-1
must "and counted" test "$(drops ONE/0600 src-spoofed)" -ge 1
frame one eth0 --src 03:00:00:00:00:01 --text group-source
must "a group address as source is dropped" unseen two group-source
must "and counted" test "$(drops ONE/0600 src-group)" -ge 1

must "ISOLATION ON" zl SET VSWITCH VSW1 ISOLATION ON
frame one eth0 --dst "$two" --text isolated-1
frame one eth0 --text isolated-2
must "isolated: broadcast still reaches the uplink" seen host isolated-2
must "isolated: no broadcast to guests" unseen two isolated-2
must "isolated: no unicast to guests" unseen two isolated-1
frame one eth0 --dst "$host" --text isolated-3
must "isolated: unicast to the host passes" seen host isolated-3
frame host tap0 --dst "$one" --text isolated-4
must "isolated: from outside passes" seen one isolated-4
must "ISOLATION OFF" zl SET VSWITCH VSW1 ISOLATION OFF
frame one eth0 --dst "$two" --text isolated-5
must "guests reach each other again" seen two isolated-5
