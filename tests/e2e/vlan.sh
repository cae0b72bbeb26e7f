# SPDX-License-Identifier: Apache-2.0
# A VLAN-aware switch: what each kind of port may send, and what it gets. Frames are made and
# read by packet sockets (frames.py): this needs no VLAN devices in the kernel.
#
#   ns a10: access 10   ns b10: access 10   ns c20: access 20 (the switch's default)
#   ns trk: trunk 10,20,30, authorised to native 1    ns tno: trunk 10,20, not authorised to native
#          \______ VSW1: VLAN 20, NATIVE 1 _______/
#                          |
#                        tap0 (uplink, ns host)
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET VLAN 20 NATIVE 1 UPLINK TAP tap0
SET VSWITCH VSW1 GRANT A10 VLAN 10
SET VSWITCH VSW1 GRANT B10 VLAN 10
SET VSWITCH VSW1 GRANT C20
SET VSWITCH VSW1 GRANT TRK PORTTYPE TRUNK VLAN 1 10 20 30
SET VSWITCH VSW1 GRANT TNO PORTTYPE TRUNK VLAN 10 20
NICDEF A10 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF B10 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF C20 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TRK 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TNO 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
ip -n "$ID-host" link set tap0 up

for n in a10 b10 c20 trk tno; do
	guest "$n" "${n^^}" 0600
	listen "$n"
done
listen host tap0

# says FROM TEXT [send option...]: a broadcast from a port.
says()
{
	local ns=$1 text=$2 ifname=eth0
	shift 2
	[ "$ns" != host ] || ifname=tap0
	frame "$ns" "$ifname" --text "$text" "$@"
}

# Access ports.
says a10 frame-a1
must "access 10 to access 10, untagged" seen b10 'vid=none .*frame-a1'
must "access 10 to trunk, tagged 10" seen trk 'vid=10 .*frame-a1'
must "access 10 to trunk without native, tagged 10" seen tno 'vid=10 .*frame-a1'
must "access 10 to uplink, tagged 10" seen host 'vid=10 .*frame-a1'
must "access 10 not to access 20" unseen c20 frame-a1
says c20 frame-c1
must "a grant without VLAN is access in the default VLAN" seen trk 'vid=20 .*frame-c1'
must "access 20 not to access 10" unseen a10 frame-c1

says a10 frame-a2 --vid 10
must "a tagged frame from an access port is dropped" unseen b10 frame-a2
must "that drop is counted" test "$(drops A10/0600 vlan-tagged)" -ge 1
says a10 frame-a3 --vid 0 --pcp 5
must "a priority tag from an access port counts as untagged" seen b10 'frame-a3'

# Trunks.
says trk frame-t10 --vid 10 --pcp 3
must "trunk tagged 10 to access 10, untagged" seen a10 'vid=none .*frame-t10'
must "trunk to trunk keeps VID and priority" seen tno 'vid=10 pcp=3 .*frame-t10'
must "trunk tagged 10 to uplink" seen host 'vid=10 pcp=3 .*frame-t10'
must "trunk tagged 10 not to access 20" unseen c20 frame-t10
says trk frame-t30 --vid 30
must "trunk tagged 30 to uplink" seen host 'vid=30 .*frame-t30'
must "trunk tagged 30 not to a trunk without 30" unseen tno frame-t30
says trk frame-t77 --vid 77
must "a VID the trunk is not authorised for is dropped" unseen host frame-t77
must "that drop is counted" test "$(drops TRK/0600 vlan-denied)" -ge 1

# The native VLAN.
says trk frame-tn
must "untagged from a trunk authorised to native, untagged at the uplink" seen host 'vid=none .*frame-tn'
must "native VLAN reaches no access port" unseen a10 frame-tn
says tno frame-xn
must "untagged from a trunk not authorised to native is dropped" unseen host frame-xn
must "that drop is counted" test "$(drops TNO/0600 vlan-untagged)" -ge 1

# From outside.
says host frame-h20 --vid 20
must "uplink tagged 20 to access 20, untagged" seen c20 'vid=none .*frame-h20'
must "uplink tagged 20 to trunks, tagged" seen tno 'vid=20 .*frame-h20'
must "uplink tagged 20 not to access 10" unseen a10 frame-h20
says host frame-hn
must "uplink untagged is native, untagged at the trunk" seen trk 'vid=none .*frame-hn'
must "uplink untagged not to a trunk without native" unseen tno frame-hn

# IP through access ports of one VLAN, and not between two.
for n in a10:1 b10:2 c20:3; do
	ip -n "$ID-${n%:*}" addr add "10.88.0.${n#*:}/24" dev eth0
done
must "IP within a VLAN" reach a10 10.88.0.2
must "no IP between VLANs" no_reach a10 10.88.0.3
