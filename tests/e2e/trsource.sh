# SPDX-License-Identifier: Apache-2.0
# Traces that zland writes (TRSOURCE), read by tshark.
#
#   ns one (access 10) ---- VSW1 ---- ns two (access 10)
#   ns six (access 20) ------'
. "$(dirname "$0")/lib.sh"
begin
command -v tshark >/dev/null || skip_all "no tshark"
CAPTURES=$T/run/traces

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK VLAN AWARE
SET VSWITCH VSW1 GRANT ONE VLAN 10
SET VSWITCH VSW1 GRANT TWO VLAN 10
SET VSWITCH VSW1 GRANT SIX VLAN 20
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF SIX 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24
guest six SIX 0600 --addr 10.88.0.6/24

for id in ALL TEN TWENTY NIC DROP; do
	case $id in
	ALL) what='LENGTH 64' ;;
	TEN) what='VLAN 10' ;;
	TWENTY) what='VLAN 20' ;;
	NIC) what='NIC ONE 0600' ;;
	DROP) what=DROPPED ;;
	esac
	must "trace $id is defined" zl TRSOURCE ID $id TYPE LAN OWNER SYSTEM LANNAME VSW1 $what
	must "trace $id is enabled" zl TRSOURCE ENABLE ID $id
done
must "it is refused to redefine an enabled one" fails_with ZLN2551E zl TRSOURCE ID ALL TYPE LAN OWNER SYSTEM LANNAME VSW1
in_ns one ping -q -n -c 5 -i 0.1 -W 2 -s 400 10.88.0.2 >/dev/null
frame one eth0 --dst 02:00:00:77:77:77 --text to-nobody
frame six eth0 --text "hello twenty"
must "what has passed is in the file while the trace goes on" eventually count_is 20 TEN -Y icmp
must "QUERY TRSOURCE counts" output_has 'State: Active  Frames: [1-9]' zl QUERY TRSOURCE ID ALL
must "QUERY TRSOURCE in JSON" output_has '"id": "TEN".*"state": "Active"' sh -c \
	"'$BIN/zlan' -d '$T/run' --json QUERY TRSOURCE | tr -d '\n' | tr -s ' '"
for id in ALL TEN TWENTY NIC DROP; do
	must "trace $id is disabled" zl TRSOURCE DISABLE ID $id
done
must "the whole switch: each ping enters and leaves once" count_is 20 ALL -Y icmp
must "LENGTH 64 cuts frames" output_has '^64	442$' frames_of ALL -T fields -e frame.cap_len -e frame.len
must "VLAN 10 has nothing of VLAN 20" count_is 0 TEN -Y 'frame contains "hello twenty"'
must "VLAN 20 has its frame" output_has 'SIX/0600' frames_of TWENTY -Y 'frame contains "hello twenty"' -T fields -e frame.interface_name
must "VLAN 20 has nothing of VLAN 10" count_is 0 TWENTY -Y icmp
must "NIC: requests in, replies out" count_is 10 NIC -Y icmp
must "NIC: nothing of other ports" count_is 0 NIC -Y '!(frame.interface_name == "ONE/0600")'
must "DROPPED: nothing that was delivered" count_is 0 DROP -Y icmp
must "DROPPED: with the reason" output_has 'no port has the destination' frames_of DROP -T fields -e frame.comment
no_refusal()
{
	! grep -h ZLN2640W "$T/zland.log"
}
must "confined, nothing was refused" no_refusal
must "only the owner reads it" output_has '^600$' stat -c %a "$T/run/traces/TEN.pcapng"

# After a restart it goes on in a new file; the old one is kept.
must "a trace is enabled again" zl TRSOURCE ENABLE ID TEN
must "its first file is kept" count_is 20 TEN.1 -Y icmp
must "a trace waits for what is not there" output_has 'waits for the NIC' sh -c \
	"'$BIN/zlan' -d '$T/run' TRSOURCE ID LATE TYPE LAN OWNER SYSTEM LANNAME VSW1 NIC NEW 0600 && '$BIN/zlan' -d '$T/run' TRSOURCE ENABLE ID LATE"
must "the configuration says so" output_has 'TRSOURCE ENABLE ID LATE' zl QUERY CONFIGURATION
zl SET VSWITCH VSW1 GRANT NEW VLAN 10 >/dev/null
zl NICDEF NEW 0600 TYPE QDIO LAN SYSTEM VSW1 >/dev/null
guest new NEW 0600 --addr 10.88.0.9/24
must "and sees it when it comes" output_has 'State: Active' zl QUERY TRSOURCE ID LATE
in_ns new ping -q -n -c 1 -W 2 10.88.0.2 >/dev/null
must "with its frames" eventually count_is 2 LATE -Y icmp
before=$(zl QUERY CONFIGURATION)
stop zland KILL
zland_again
must "killed and started again, the configuration is the same" test "$before" = "$(zl QUERY CONFIGURATION)"
must "the trace of before was kept" count_is 2 LATE.1 -Y icmp
must "and goes on" output_has 'State: Active' zl QUERY TRSOURCE ID LATE
must "a trace is dropped" zl TRSOURCE DROP ID LATE
must "and is no more" fails_with ZLN2550E zl QUERY TRSOURCE ID LATE
must "its files stay" count_is 2 LATE.1 -Y icmp
