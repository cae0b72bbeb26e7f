# SPDX-License-Identifier: Apache-2.0
# Files, commands and their errors; exit statuses; JSON. No guest.
. "$(dirname "$0")/lib.sh"
begin

check_file()
{
	"$BIN/zland" -d "$T/check" -c "$T/file.conf" --check
}

cat >"$T/file.conf" <<CONF
* a comment
DEFINE VSWITCH VSW1 ETHERNET VLAN AWARE UPLINK TAP tap0

SET VSWITCH VSW1 GRANT ONE VLAN 10
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
must "--check of a good file gives 0" check_file
must "--check opens nothing" test ! -e /sys/class/net/tap0

must "--check reads a pipe" bash -c "'$BIN/zland' -d '$T/check' --check -c <(cat '$T/file.conf')"
must "a start from a pipe is refused" fails_with '^ZLN2630E .* not a regular file' \
	bash -c "timeout 10 '$BIN/zland' -d '$T/pipe' -c <(cat '$T/file.conf')"

cat >"$T/file.conf" <<CONF
DEFINE VSWITCH VSW1 ETHERNET VLAN AWARE
DEFINE VSWITCH VSW1
SET VSWITCH NOSUCH GRANT ONE

FROBNICATE ALL
SET VSWITCH VSW1 GRANT ONE VLAN 9999
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
check_file >"$T/check.out" 2>&1
status=$?
must "--check of a bad file gives 1" test $status = 1
for n in 2 3 5 6; do
	must "--check names the error in line $n" grep -qE "file.conf:$n: ZLN[0-9]{4}E " "$T/check.out"
done
must "--check finds no other errors" test "$(grep -c ZLN "$T/check.out")" = 4
must "an unreadable file is an error" fails_with . "$BIN/zland" -d "$T/check" -c "$T/absent.conf" --check
head -c 100000 /dev/urandom >"$T/file.conf"
refused "--check of a random file" check_file
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "DEFINE VSWITCH " }' >"$T/file.conf"
refused "--check of a line without end" check_file

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET VLAN AWARE UPLINK TAP tap0
DEFINE VSWITCH VSW2 ETHERNET NOUPLINK
DEFINE LAN LAN1 OWNERID SYSTEM TYPE QDIO ETHERNET
SET VSWITCH VSW1 GRANT ONE VLAN 10
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF

must "a second zland in the same folder is refused" \
	fails_with . timeout 10 "$BIN/zland" -d "$T/run" -c "$T/zland.conf"
must "an unknown option is refused" fails_with . "$BIN/zland" --frobnicate
must "zlan without zland is refused" fails_with . "$BIN/zlan" -d "$T/nowhere" QUERY VSWITCH

must "a command succeeds with 0" zl QUERY VSWITCH
must "an unknown command fails with ZLN2501E" fails_with '^ZLN2501E ' zl FROBNICATE
must "an unknown switch fails with ZLN2040E" fails_with '^ZLN2040E ' zl SET VSWITCH NOSUCH GRANT ONE
must "an existing switch fails with ZLN2036E" fails_with '^ZLN2036E ' zl DEFINE VSWITCH VSW1
must "a bad VLAN fails" fails_with '^ZLN[0-9]{4}E ' zl SET VSWITCH VSW1 GRANT TWO VLAN 4095
must "a bad device number fails" fails_with '^ZLN[0-9]{4}E ' zl NICDEF ONE XYZW TYPE QDIO
must "errors do not go to standard output" test -z "$(zl FROBNICATE 2>/dev/null)"
must "a very long command is refused" fails_with . zl DEFINE VSWITCH "$(head -c 60000 /dev/zero | tr '\0' A)"
must "abbreviations and lower case" output_has 'VSWITCH SYSTEM VSW1' zl q vswitch vsw1 det
must "- reads commands from standard input" sh -c "printf 'QUERY VSWITCH\n* comment\nQUERY LAN\n' | '$BIN/zlan' -d '$T/run' -"
must "- joins lines as files do" sh -c "printf 'QUERY,\\n VSWITCH,\\n VSW1\\n' | '$BIN/zlan' -d '$T/run' - | grep -q VSW1"
refused "output that cannot be written is a failure" sh -c "'$BIN/zlan' -d '$T/run' QUERY VSWITCH >/dev/full"
refused "- fails when a command in it fails" sh -c "printf 'QUERY VSWITCH\nFROBNICATE\n' | '$BIN/zlan' -d '$T/run' -"

for q in "VSWITCH" "VSWITCH VSW1" "VSWITCH VSW1 DETAILS" "VSWITCH VSW1 ACCESS" "LAN" "NIC" "NIC DETAILS" "COUNTERS"; do
	must "QUERY $q: text" output_has . zl QUERY $q
	must "QUERY $q: JSON" sh -c "'$BIN/zlan' -d '$T/run' --json QUERY $q | jq -e . >/dev/null"
done
must "JSON names the switches" sh -c "'$BIN/zlan' -d '$T/run' --json QUERY VSWITCH | jq -e '[.. | strings] | index(\"VSW1\") and index(\"VSW2\")'"

must "SET VSWITCH UPLINK TAP" zl SET VSWITCH VSW1 UPLINK TAP tap1
must "its interface exists" in_ns host ip link show dev tap1
must "the one before is gone" eventually sh -c "! ip -n $ID-host link show dev tap0 >/dev/null 2>&1"
refused "an interface name that is too long" zl SET VSWITCH VSW1 UPLINK TAP a-name-longer-than-fifteen
ip -n "$ID-host" link add br9 type bridge
refused "an interface that is no TAP" zl SET VSWITCH VSW1 UPLINK TAP br9
refused "an uplink for a switch with NOUPLINK" zl SET VSWITCH VSW2 UPLINK TAP tap2

# A state that cannot be written is written later.
mkdir "$T/run/state.tmp"
must "a change is made where the state cannot be written" zl SET VSWITCH VSW1 GRANT UNSAVED VLAN 10
must "a further one" zl SET VSWITCH VSW1 GRANT UNSAVED2 VLAN 10
must "the state lacks them" sh -c "! grep UNSAVED '$T/run/state'"
rmdir "$T/run/state.tmp"
must "the state has them a little later" eventually grep -q UNSAVED2 "$T/run/state"
must "the log says so once" test "$(grep -c ZLN2633E "$T/zland.log")" = 1

must "DETACH VSWITCH" zl DETACH VSWITCH VSW2
must "and it is gone" fails_with ZLN2040E zl QUERY VSWITCH VSW2
must "zland is alive after all this" alive zland
must "SHUTDOWN" zl SHUTDOWN
must "zland ends with status 0" finished zland 10
