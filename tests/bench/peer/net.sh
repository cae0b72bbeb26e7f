# SPDX-License-Identifier: Apache-2.0
# Networks of the kernel's interfaces, each between two namespaces, and zland as a daemon:
#
#   nic      zone eth0 (zlan-nic) -- VSW1 of zland -- (zlan-nic) eth0 ztwo
#   plain    the same, frames of 1514 bytes: TCP cuts them itself
#   hipers   zhsa eth0 (zlan-nic) -- HiperSockets LAN HS of zland -- (zlan-nic) eth0 zhsb, MTU 56 KiB
#   uplink   zthree eth0 (zlan-nic) -- VSW2 of zland -- TAP tap0 host
#   taps     tone tap0 -- the switch and zland's worker, without a daemon -- tap0 ttwo
#   bridge   kone eth0 ==veth== bridge in kbr ==veth== eth0 ktwo
#   vde      vone tap0 (vde_plug2tap) -- vde_switch -- (vde_plug2tap) tap0 vtwo
#   qdio     guests of the bench itself on VSW3 of zland
. "$(dirname "$0")/lib.sh"
peer_begin
[ -e /dev/net/tun ] || peer_skip "no /dev/net/tun"

declare -A SKIP=() # network -> why it is not there

setup_zlan()
{
	world host zone ztwo zthree zhsa zhsb
	zland_start <<-CONF || return 1
		DEFINE VSWITCH VSW1 ETHERNET
		DEFINE VSWITCH VSW2 ETHERNET UPLINK TAP tap0
		DEFINE VSWITCH VSW3 ETHERNET
		NICDEF ZONE 0600 TYPE QDIO LAN SYSTEM VSW1
		NICDEF ZTWO 0600 TYPE QDIO LAN SYSTEM VSW1
		NICDEF ZTHREE 0600 TYPE QDIO LAN SYSTEM VSW2
		DEFINE LAN HS OWNERID SYSTEM TYPE HIPERSOCKETS MFS 64K
		NICDEF ZHSA 0700 TYPE HIPERSOCKETS LAN SYSTEM HS
		NICDEF ZHSB 0700 TYPE HIPERSOCKETS LAN SYSTEM HS
		NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW3
		NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW3
	CONF
	guest zone ZONE 0600 --addr 10.88.0.1/24
	guest ztwo ZTWO 0600 --addr 10.88.0.2/24
	guest zhsa ZHSA 0700 --type hipers --addr 10.88.0.1/24
	guest zhsb ZHSB 0700 --type hipers --addr 10.88.0.2/24
	guest zthree ZTHREE 0600 --addr 10.89.0.1/24
	ip -n "$ID-host" addr add 10.89.0.2/24 dev tap0
	ip -n "$ID-host" link set tap0 up
}

setup_taps()
{
	local n i=0
	world tone ttwo
	mkfifo "$T/taps.in"
	: >"$T/taps.log"
	"$BIN/bench" --taps "$ID-tone" tap0 "$ID-ttwo" tap0 <"$T/taps.in" >"$T/taps.log" 2>&1 3>&- &
	PIDS[taps]=$!
	exec 7>"$T/taps.in"
	wait_line taps '^ready' || { SKIP[taps]="its TAPs cannot be made"; return; }
	for n in tone ttwo; do
		i=$((i + 1))
		ip -n "$ID-$n" link set tap0 up
		ip -n "$ID-$n" addr add "10.88.0.$i/24" dev tap0
	done
}

setup_bridge()
{
	local n i=0
	world kbr kone ktwo
	ip -n "$ID-kbr" link add br0 type bridge
	ip -n "$ID-kbr" link set br0 up
	for n in kone ktwo; do
		i=$((i + 1))
		ip -n "$ID-kbr" link add "p$i" type veth peer name eth0 netns "$ID-$n" || return 1
		ip -n "$ID-kbr" link set "p$i" master br0 up
		ip -n "$ID-$n" addr add "10.88.0.$i/24" dev eth0
		ip -n "$ID-$n" link set eth0 up
	done
}

setup_vde()
{
	local n i=0
	command -v vde_plug2tap >/dev/null || { SKIP[vde]="vde2 is not installed"; return; }
	world vone vtwo
	mkfifo "$T/vde.in"
	vde_switch -s "$T/vde" <"$T/vde.in" >"$T/vde.log" 2>&1 3>&- &
	PIDS[vde]=$!
	exec 6>"$T/vde.in"
	eventually test -S "$T/vde/ctl" || { SKIP[vde]="vde_switch does not start"; return; }
	for n in vone vtwo; do
		i=$((i + 1))
		start "plug-$n" ip netns exec "$ID-$n" vde_plug2tap -s "$T/vde" tap0
		eventually ip -n "$ID-$n" link set tap0 up 2>/dev/null
		ip -n "$ID-$n" addr add "10.88.0.$i/24" dev tap0
	done
}

# The two ends of a network: namespace and interface, namespace and interface, address of the second.
ends()
{
	case $1 in
	nic | plain) echo "zone eth0 ztwo eth0 10.88.0.2" ;;
	hipers) echo "zhsa eth0 zhsb eth0 10.88.0.2" ;;
	uplink) echo "zthree eth0 host tap0 10.89.0.2" ;;
	bridge) echo "kone eth0 ktwo eth0 10.88.0.2" ;;
	taps) echo "tone tap0 ttwo tap0 10.88.0.2" ;;
	vde) echo "vone tap0 vtwo tap0 10.88.0.2" ;;
	esac
}

segmentation() # NS IF on|off
{
	in_ns "$1" ethtool -K "$2" tso "$3" gso "$3" >/dev/null 2>&1
}

tcp()
{
	local from if1 to if2 addr
	read -r from if1 to if2 addr < <(ends "$1")
	command -v iperf3 >/dev/null || { tell "skipped iperf3 is not installed"; return; }
	[ "$1" != plain ] || segmentation "$from" "$if1" off || { tell "skipped ethtool is not installed"; return; }
	start server ip netns exec "$ID-$to" iperf3 -s -1 --forceflush
	wait_line server 'listening' || tell "wrong iperf3 does not listen"
	in_ns "$from" iperf3 -c "$addr" -t "$2" --json >"$T/iperf.json" 2>&1
	[ "$1" != plain ] || segmentation "$from" "$if1" on
	tell "gbit_per_s $(jq '.end.sum_received.bits_per_second / 1e9' "$T/iperf.json" 2>/dev/null)"
	stop server
}

rtt() # busy|idle NETWORK SECONDS
{
	local from if1 to if2 addr
	if [ "$2" = qdio ]; then
		# Who polls has a processor of its own, as a polling thread of the peers.
		[ "$1" = idle ] || zl SET WORKERS 1 ON 0 >"$T/workers"
		"$BIN/bench" --daemon "$1" "$3" "$T/run" >&3
		[ "$1" = idle ] || zl SET WORKERS 1 >"$T/workers"
		return
	fi
	read -r from if1 to if2 addr < <(ends "$2")
	"$BIN/bench" --pingpong "$1" "$3" "$ID-$from" "$if1" "$ID-$to" "$if2" >&3
}

cpu_ns()
{
	cat "/proc/${PIDS[zland]}/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

# What zland takes with guests on it and nothing to do, in two seconds.
cpu()
{
	local before after
	sleep 0.5
	before=$(cpu_ns)
	sleep 2
	after=$(cpu_ns)
	tell "idle_cpu $(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.4f", (b - a) / 2e9 * 100 + 0.0001 }')"
}

measure()
{
	local net=$2
	[ -z "${SKIP[$net]:-}" ] || { tell "skipped ${SKIP[$net]}"; return; }
	case $1 in
	tcp) tcp "$2" 1 ;;
	busy | idle) rtt "$1" "$2" "$3" ;;
	cpu) cpu ;;
	esac
}

setup_zlan || peer_skip "zland does not start"
setup_taps
setup_bridge || SKIP[bridge]="no bridge or veth"
setup_vde
peer_serve
