# SPDX-License-Identifier: Apache-2.0
# Accounts without privilege: by a USER statement they attach over the port socket and as QEMU would,
# and use zlan for what is theirs; without one they are refused. Then zland itself without root.
#
#   ns one: ONE, by QDIO    VM1: stream    VM2: dgram    ME: port socket, the program of
#             \_______________|______________|_____________/          docs/port-protocol.md
#                            VSW1
. "$(dirname "$0")/lib.sh"
begin
chmod 711 "$T"
mkdir -m 1777 "$T/peers"
# Other accounts may not be able to enter the folder this project is in: programs they can reach.
mkdir "$T/bin"
cp "$E2E"/*.py "$BIN/zland" "$BIN/zlan" "$BIN/zlan-nic" "$T/bin"
chmod -R a+rX "$T/bin"
E2E=$T/bin BIN=$T/bin
export PEER_DIR=$T/peers

# as UID COMMAND...: without any privilege.
as()
{
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
}

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF VM1 0600 TYPE STREAM LAN SYSTEM VSW1
NICDEF VM2 0600 TYPE DGRAM LAN SYSTEM VSW1
NICDEF ME 0600 TYPE QDIO LAN SYSTEM VSW1
USER VM1 UID 40001
USER VM2 UID 40001
USER ME GID 40002
CONF
guest one ONE 0600 --addr 10.88.0.1/24

start vm1 setpriv --reuid 40001 --regid 40001 --clear-groups "$PYTHON" "$E2E/peer.py" stream \
	"$T/run/VM1-0600.sock" 10.88.0.11 02:00:00:99:00:01
must "a stream peer of the named account connects" wait_line vm1 '^online'
must "it answers over the switch" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.11
must "and goes on" reach one 10.88.0.11
must "also with large packets" reach one 10.88.0.11 -s 1400
must "QUERY NIC says how it is attached" output_has 'Attached by: stream' zl QUERY NIC VM1/0600 DETAILS

start vm2 env PEER_DIR="$PEER_DIR" setpriv --reuid 40001 --regid 40001 --clear-groups "$PYTHON" "$E2E/peer.py" dgram \
	"$T/run/VM2-0600.sock" 10.88.0.12 02:00:00:99:00:02
must "a datagram peer connects" wait_line vm2 '^online'
must "it answers over the switch" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.12
must "and goes on" reach one 10.88.0.12

start other setpriv --reuid 40003 --regid 40003 --clear-groups "$PYTHON" "$E2E/peer.py" stream \
	"$T/run/VM1-0600.sock" 10.88.0.13 02:00:00:99:00:03
must "another account is hung up on" gone "${PIDS[other]}"
must "the peer that is there stays" reach one 10.88.0.11
stop vm1
must "its end is seen" eventually output_has 'No guest attached' zl QUERY NIC VM1/0600 DETAILS
start vm1 setpriv --reuid 40001 --regid 40001 --clear-groups "$PYTHON" "$E2E/peer.py" stream \
	"$T/run/VM1-0600.sock" 10.88.0.11 02:00:00:99:00:01
must "it comes again" wait_line vm1 '^online'
must "and answers again" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.11

# The program in the manual.
sed -n '/^```python$/,/^```$/p' "$TOP/docs/port-protocol.md" | sed "/^\`\`\`/d; s#/run/zlan#$T/run#" >"$T/client.py"
chmod 644 "$T/client.py"
must "an account that is not named is told what to do" \
	fails_with 'ZLN2513E .* enter USER ME UID 40001' as 40001 "$PYTHON" "$T/client.py"
start me setpriv --reuid 40002 --regid 40002 --clear-groups "$PYTHON" -u "$T/client.py"
must "the manual's client attaches by its group" wait_line me '^START: 0 MAC_ADD: 0'
must "QUERY NIC says how it is attached" output_has 'Attached by: port socket' zl QUERY NIC ME/0600 DETAILS
must "its frame was switched" output_has 'RX Packets: [1-9]|TX Packets: [1-9]' zl QUERY NIC ME/0600 DETAILS
no_reach one 10.88.0.99 >/dev/null 2>&1
must "it sees the guest's broadcast" wait_line me '^[0-9]+ ffffffffffff.*0806'
must "UNCOUPLE does not disturb it" zl UNCOUPLE USER ME 0600
must "nor zland" zl QUERY VSWITCH

must "zlan of a named account shows its own NICs" output_has 'Owner: VM1 ' as 40001 "$BIN/zlan" -d "$T/run" QUERY NIC
must "and uncouples them" as 40001 "$BIN/zlan" -d "$T/run" UNCOUPLE 0600
must "no traffic then" no_reach one 10.88.0.11
must "and couples them" as 40001 "$BIN/zlan" -d "$T/run" COUPLE 0600 TO SYSTEM VSW1
must "traffic again" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.11
must "others' NICs are not its" fails_with ZLN2504E as 40001 "$BIN/zlan" -d "$T/run" UNCOUPLE USER ONE 0600
must "nor is the rest of zland" fails_with ZLN2504E as 40001 "$BIN/zlan" -d "$T/run" SHUTDOWN
must "an account that is not named is refused" fails_with ZLN2601E as 40003 "$BIN/zlan" -d "$T/run" QUERY NIC
must "what was named can be taken back" zl USER VM1 NOUID 40001
must "at once" fails_with 'ZLN2504E' as 40001 "$BIN/zlan" -d "$T/run" UNCOUPLE USER VM1 0600

# Without root at all.
install -d -o 40004 -g 40004 "$T/mine"
printf '%s\n' 'DEFINE LAN L OWNERID SYSTEM' 'NICDEF ME 0600 TYPE QDIO LAN SYSTEM L' 'USER ME UID 40002' >"$T/mine.conf"
chmod 644 "$T/mine.conf"
mine=(setpriv --reuid 40004 --regid 40004 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all)
[ -z "${ZLAN_SANITIZED:-}" ] && confine=() || confine=(--no-confine)
start mine "${mine[@]}" "$BIN/zland" -d "$T/mine/run" -c "$T/mine.conf" "${confine[@]}"
must "zland serves under any account" wait_line mine '^ready'
must "its account is its operator" as 40004 "$BIN/zlan" -d "$T/mine/run" QUERY LAN
sed "s#$T/run#$T/mine/run#" "$T/client.py" >"$T/client2.py"
chmod 644 "$T/client2.py"
start me2 setpriv --reuid 40002 --regid 40002 --clear-groups "$PYTHON" -u "$T/client2.py"
must "and others attach to it" wait_line me2 '^START: 0 MAC_ADD: 0'
stop me2
must "it ends in order" stop mine
must "and leaves no socket" test ! -e "$T/mine/run/port"
