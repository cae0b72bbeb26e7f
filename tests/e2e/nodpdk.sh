#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine without libdpdk: what make would build there, and zland without its plug-in, or with one
# whose libraries are missing.
#
#   ns one ---- VSW1 ---- tap0 (ns host)
. "$(dirname "$0")/lib.sh"
begin

# What pkg-config knows, but for libdpdk.
hide_libdpdk()
{
	local dir
	mkdir "$T/pc"
	pkg-config --variable pc_path pkg-config | tr : '\n' | while read -r dir; do
		ln -s "$dir"/*.pc "$T/pc/" 2>/dev/null
	done
	rm -f "$T/pc"/libdpdk*.pc
	! PKG_CONFIG_LIBDIR=$T/pc pkg-config --exists libdpdk &&
		PKG_CONFIG_LIBDIR=$T/pc pkg-config --exists libnl-3.0 check
}
would_build()
{
	PKG_CONFIG_LIBDIR=$T/pc make -n -C "$TOP" B="$T/none" all checks replayers "$T/none/bench" >"$T/make.log" &&
		grep -q "$T/none/zland" "$T/make.log" && no_line 'host/dpdk/|libzlan-dpdk|rte_|[/ -]l?dpdk/' cat "$T/make.log"
}
must "libdpdk can be hidden from make" hide_libdpdk
must "then make leaves the plug-in out and builds the rest" would_build
must "zland itself takes nothing from DPDK" no_line 'librte_' ldd "$BIN/zland"

world host one
mkdir "$T/bare"
cp "$BIN/zland" "$T/bare/"
cat >"$T/bare/conf" <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK DPDK "net_null0"
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
bare()
{
	timeout "$PATIENCE" "$BIN/zlan" -d "$T/bare/run" "$@"
}
uplink_is()
{
	output_has "State: $1" bare QUERY VSWITCH VSW1 DETAILS
}
start bare ip netns exec "$ID-host" "$T/bare/zland" -d "$T/bare/run" -c "$T/bare/conf" ${ZLAN_SANITIZED:+--no-confine}
must "without the plug-in zland runs" wait_line bare '^ready'
must "and says what the uplink wants" uplink_is '.*without DPDK: install libdpdk-dev'
must "also when it is given once more" fails_with 'without DPDK: install libdpdk-dev' \
	bare SET VSWITCH VSW1 UPLINK DPDK net_ring0
must "a NIC for a vhost-user guest is refused in the same words" fails_with 'ZLN2511E.*without DPDK: install libdpdk-dev' \
	bare NICDEF TWO 0600 TYPE VHOST LAN SYSTEM VSW1
must "an uplink without DPDK instead" bare SET VSWITCH VSW1 UPLINK TAP tap0
must "is ready" eventually uplink_is Ready
start one "$BIN/zlan-nic" -d "$T/bare/run" --user ONE --vdev 0600 --netns "$ID-one" --ifname eth0 --addr 10.88.0.2/24
must "a guest comes" wait_line one '^online'
ip -n "$ID-host" addr add 10.88.0.1/24 dev tap0
ip -n "$ID-host" link set tap0 up
must "and reaches the outside" reach one 10.88.0.1
stop one
stop bare

# A configuration, or a state, from where there was DPDK: the NIC is kept, without a socket.
printf 'DEFINE VSWITCH VSW1 ETHERNET\nNICDEF TWO 0600 TYPE VHOST LAN SYSTEM VSW1\n' >"$T/bare/conf"
rm -r "$T/bare/run"
# bare_zland [COMMAND...]: which the daemon is an argument of
bare_zland()
{
	start bare "$@" ip netns exec "$ID-host" "$T/bare/zland" -d "$T/bare/run" -c "$T/bare/conf" ${ZLAN_SANITIZED:+--no-confine}
	wait_line bare '^ready'
}
# kept WHY: what is shown of the NIC, and that nothing of its definition is lost
kept()
{
	output_has "No socket: $1" bare QUERY NIC USER TWO &&
		output_has 'State: No socket' bare QUERY NIC USER TWO DETAILS &&
		bare --json QUERY NIC USER TWO | jq -e --arg why "$1" '.nics[0] | .state == "No socket" and (.no_socket | test($why))' &&
		output_has '^NICDEF TWO 0600 TYPE VHOST ' bare QUERY CONFIGURATION &&
		output_has '^NICDEF TWO 0600 LAN SYSTEM VSW1' bare QUERY CONFIGURATION &&
		test ! -e "$T/bare/run/TWO-0600.vhost"
}
must "a configuration with such a NIC does not keep zland from running" bare_zland
must "the log names its line, and what to install" grep -q 'ZLN2629W .*conf:2: NIC TWO/0600 .*without DPDK: install libdpdk-dev' "$T/bare.log"
must "QUERY says so, and the definition stays" kept 'this zland was built without DPDK: install libdpdk-dev'
must "by a command it is refused as ever" fails_with 'ZLN2511E.*without DPDK: install libdpdk-dev' \
	bare NICDEF TWO 0600 TYPE VHOST
must "another attribute is not" bare NICDEF TWO 0600 PQUPLINKTX HIGH
stop bare KILL
must "zland goes on from its state" bare_zland
must "which has the NIC" kept 'this zland was built without DPDK'
must "with what was changed" output_has 'NICDEF TWO 0600 TYPE VHOST .*PQUPLINKTX HIGH' bare QUERY CONFIGURATION
stop bare KILL

# The plug-in came along, the libraries did not.
if [ ! -e "$BIN/libzlan-dpdk.so" ]; then
	echo "skipped nodpdk: a plug-in without its libraries: built without libdpdk"
	exit
fi
cp "$BIN/libzlan-dpdk.so" "$T/bare/"
library=$(ldd "$BIN/libzlan-dpdk.so" | sed -n 's/.*=> \(.*librte_vhost[^ ]*\).*/\1/p')
must "without DPDK's libraries it runs as well" bare_zland unshare -m sh -c 'mount --bind /dev/null "$1" && shift && exec "$@"' sh "$library"
must "they are named" grep -q 'ZLN2629W .*librte_vhost.*packages' "$T/bare.log"
must "also by QUERY" kept '.*librte_vhost.*packages'
