# SPDX-License-Identifier: Apache-2.0
# Two guests joined by CTCAs, no switch between them.
#
#   ns one (ONE/0700) ======== ns two (TWO/0701)
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE CTCA ONE/0700 USER TWO
DEFINE CTCA TWO/0701
DEFINE CTCA SIX/0700
COUPLE TWO/0701 TO ONE 0700
CONF
guest one ONE 0700 --addr 10.77.0.1/24
guest two TWO 0701 --addr 10.77.0.2/24 --cp "QUERY CTCA 0701" --cp "QUERY NIC"
must "a guest's own command, on its own connection" grep -q 'CTCA 0701  Owner: TWO       COUPLED TO ONE 0700' "$T/two.log"
must "it is of class G" fails_with ZLN2504E timeout "$PATIENCE" \
	"$BIN/zlan-nic" -d "$T/run" --user SIX --vdev 0700 --cp "UNCOUPLE TWO/0701"

pings() { in_ns "$1" ping -q -n -c 3 -i 0.05 -W 2 -s 1400 "$2"; }

must "guests reach each other" pings one 10.77.0.2
start cap "$BIN/zlan" -d "$T/run" capture --nic ONE/0700 -o "$T/ctca.pcapng"
eventually test -s "$T/ctca.pcapng"
pings two 10.77.0.1 >/dev/null
stop cap INT
recorded() { [ "$(stat -c %s "$T/all.pcapng")" -gt "$1" ]; }
must "a capture of everything has them too" eventually recorded 8000
must "a capture of one end has the frames" test "$(stat -c %s "$T/ctca.pcapng")" -gt 8000
must "QUERY CTCA shows both ends" output_has 'CTCA 0701  Owner: TWO       COUPLED TO ONE 0700' zl QUERY CTCA
must "an end that is coupled is not taken away" fails_with ZLN2564E zl COUPLE SIX/0700 TO TWO 0701
must "the statements that recreate it" output_has 'COUPLE TWO/0701 TO ONE 0700' zl QUERY CONFIGURATION
must "UNCOUPLE" output_has 'CTCA 0700 DROP FROM TWO 0701' zl UNCOUPLE ONE/0700
refused "nothing passes any more" in_ns one ping -q -n -c 1 -W 1 10.77.0.2
size=$(stat -c %s "$T/all.pcapng")
must "the other way round, at any time" zl COUPLE TWO/0701 TO ONE 0700
must "and they reach each other again" eventually pings two 10.77.0.1
must "the capture of everything goes on with the new link" eventually recorded $((size + 8000))
stop record
stop zland KILL
must "the daemon starts again in the same folder" zland_again
must "and they are joined as before" eventually pings one 10.77.0.2
