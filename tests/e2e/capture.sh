# SPDX-License-Identifier: Apache-2.0
# What `zlan capture` writes, read by tshark.
#
#   ns one ---- VSW1 ---- ns two           ns six ---- VSW2
. "$(dirname "$0")/lib.sh"
begin
command -v tshark >/dev/null || skip_all "no tshark"

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
DEFINE VSWITCH VSW2 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
SET VSWITCH VSW2 GRANT SIX
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF SIX 0600 TYPE QDIO LAN SYSTEM VSW2
CONF
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24
guest six SIX 0600 --addr 10.88.0.6/24

# capture NAME OPTION...: in the background, until its file has the first blocks.
capture()
{
	local name=$1
	shift
	start "$name" "$BIN/zlan" -d "$T/run" capture -o "$T/$name.pcapng" "$@"
	eventually test -s "$T/$name.pcapng"
}

capture everything
capture icmp icmp
capture nic --nic ONE/0600 icmp
capture vsw2 --vswitch VSW2
capture dropped --dropped
capture short --snaplen 64 --count 4 --vswitch VSW1 'icmp'

in_ns one ping -q -n -c 5 -i 0.1 -W 2 -s 400 10.88.0.2 >/dev/null
# To nobody: a switch without uplink drops an unknown destination.
frame one eth0 --dst 02:00:00:77:77:77 --text to-nobody
frame one eth0 --src 03:00:00:00:00:01 --text from-a-group
frame six eth0 --text "hello vsw2"

must "--count ends the capture by itself" finished short
must "--count 4 gives four frames" count_is 4 short
must "--snaplen 64 cuts frames" output_has '^64	442$' frames_of short -T fields -e frame.cap_len -e frame.len
sleep 0.3
for c in everything icmp nic vsw2 dropped; do
	must "capture $c ends with status 0 on SIGTERM" stop "$c"
done

must "5 pings: each of 10 frames enters and leaves once" count_is 20 icmp
must "the filter lets nothing else through" count_is 0 icmp -Y 'not icmp'
must "one interface per port, named after it" output_has 'ONE/0600' frames_of everything -T fields -e frame.interface_name
must "the other port is there too" output_has 'TWO/0600' frames_of everything -T fields -e frame.interface_name
must "--nic: requests inbound to the switch" count_is 5 nic -Y 'icmp.type == 8 && frame.packet_flags_direction == 1'
must "--nic: replies outbound to the guest" count_is 5 nic -Y 'icmp.type == 0 && frame.packet_flags_direction == 2'
must "--nic: nothing of other ports" count_is 10 nic -Y 'frame.interface_name == "ONE/0600"'
must "--vswitch: only that switch" count_is 0 vsw2 -Y 'icmp'
must "--vswitch: its frame is there, as it came and as it was dropped" count_is 2 vsw2 -Y 'frame contains "hello vsw2"'
must "--dropped: nothing that was delivered" count_is 0 dropped -Y 'icmp'
must "a drop's reason is its comment" output_has 'no port has the destination' frames_of dropped -T fields -e frame.comment
must "another drop, another reason" output_has 'source is a group address' frames_of dropped -T fields -e frame.comment
must "timestamps have nanoseconds" output_has '[1-9][0-9]{0,2}$' frames_of icmp -T fields -e frame.time_epoch
in_order()
{
	frames_of nic -T fields -e frame.time_epoch | sort -c -n
}
must "timestamps of one port never go back" in_order
must "a time of today" output_has "$(date -u +%Y)" env TZ=UTC tshark -n -r "$T/icmp.pcapng" -T fields -e frame.time

live()
{
	in_ns one ping -q -n -i 0.1 -w 10 10.88.0.2 >/dev/null 2>&1 &
	local ping=$!
	"$BIN/zlan" -d "$T/run" capture -o - --count 10 | timeout 15 tshark -n -r - 2>/dev/null >"$T/live.txt"
	kill $ping
	wait $ping 2>/dev/null
	cat "$T/live.txt"
	[ "$(wc -l <"$T/live.txt")" = 10 ]
}
must "live into tshark -r -" live

must "a bad filter is refused" fails_with . zl capture -o "$T/x.pcapng" 'tcp port banana'
must "an unknown switch is refused" fails_with . zl capture -o "$T/x.pcapng" --vswitch NOSUCH
must "an unknown NIC is refused" fails_with . zl capture -o "$T/x.pcapng" --nic NOBODY/0600
must "a folder that cannot be written is refused" fails_with . zl capture -o "$T/no/such/x.pcapng"

slow_reader()
{
	mkfifo "$T/fifo"
	start slow sh -c "'$BIN/zlan' -d '$T/run' capture -o '$T/fifo' --vswitch VSW1"
	exec 9<>"$T/fifo" # a reader that does not read
	transfer one two 10.88.0.2 33554432
	local rc=$?
	stop slow KILL
	exec 9>&-
	return $rc
}
must "a reader that does not read holds up nobody" slow_reader
