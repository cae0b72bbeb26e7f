# SPDX-License-Identifier: Apache-2.0
# The scenarios of the kernel's bridge forwarding self-tests, next to each other on a kernel bridge and
# on a virtual switch whose guests register nothing (bridge.py); and VEPA through a kernel bridge that
# relays back.
#
#   h1 h2 h3 h4 (veth)      h1 h2 h3 h4 (TYPE STREAM)
#    \  |  |  /                \  |  |  /
#   kernel bridge                 KBR --- tapb
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH OTHER ETHERNET
CONF
ip netns exec "$ID-host" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>/dev/null

ip netns exec "$ID-host" $PYTHON "$E2E/bridge.py" "$BIN/zlan" "$T/run" >"$T/bridge.log" 2>&1
rc=$?
while read -r line; do
	case $line in
	ok* | FAILED* | skipped*)
		echo "${line%% *} $TEST: ${line#* }"
		[ "${line%% *}" != FAILED ] || FAILURES=$((FAILURES + 1))
		;;
	*) echo "  | $line" ;;
	esac
done <"$T/bridge.log"
must "the scenarios ran to their end" test "$rc" = 0
