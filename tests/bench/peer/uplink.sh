# SPDX-License-Identifier: Apache-2.0
# DPDK devices as uplinks of zland, a guest on each switch:
#
#   NULL -- V1 -- net_null0                      the ceiling: takes everything, sends nothing
#   RING -- V4 -- net_ring0                      a ring of DPDK's: what is sent comes back, to nobody
#   LOOP -- V5 -- net_ring1                      the same: LOOP gets by the uplink what FAR sends to it (VEPA)
#   FAR  --
#   AFP  -- V2 -- net_af_packet0 -- eth1 (host) ==veth== eth1 (out)
#   XDP  -- V3 -- net_af_xdp0 ----- eth2 (host) ==veth== eth2 (out)
. "$(dirname "$0")/lib.sh"
peer_begin
[ -e "$BIN/libzlan-dpdk.so" ] || peer_skip "built without libdpdk"

world host out
for i in 1 2; do
	ip -n "$ID-host" link add eth$i type veth peer name eth$i netns "$ID-out" || peer_skip "no veth"
	in_ns host ethtool -K eth$i tx off >/dev/null 2>&1
	ip -n "$ID-host" link set eth$i up
	ip -n "$ID-out" link set eth$i up
done
zland_start <<CONF || peer_skip "zland does not start"
DEFINE VSWITCH V1 ETHERNET UPLINK DPDK "net_null0,no-rx=1"
DEFINE VSWITCH V2 ETHERNET UPLINK DPDK "net_af_packet0,iface=eth1"
DEFINE VSWITCH V3 ETHERNET UPLINK DPDK "net_af_xdp0,iface=eth2"
DEFINE VSWITCH V4 ETHERNET UPLINK DPDK "net_ring0"
DEFINE VSWITCH V5 ETHERNET UPLINK DPDK "net_ring1"
SET VSWITCH V5 VEPA ON
NICDEF LOOP 0600 TYPE QDIO LAN SYSTEM V5
NICDEF FAR 0600 TYPE QDIO LAN SYSTEM V5
NICDEF RING 0600 TYPE QDIO LAN SYSTEM V4
NICDEF NULL 0600 TYPE QDIO LAN SYSTEM V1
NICDEF AFP 0600 TYPE QDIO LAN SYSTEM V2
NICDEF XDP 0600 TYPE QDIO LAN SYSTEM V3
CONF

# What a switch counted: frames in and out of its uplink and all drops.
counted()
{
	zl --json QUERY COUNTERS | jq -r --arg v "$1" '[.ports[] | select(.name == $v)] |
		(map(select(.role == "UPLINK"))[0].counters | "\(.in.frames) \(.out.frames)") +
		" \([.[].counters | .in.dropped + .out.dropped] | add)"'
}

uplink_ready()
{
	output_has "State: Ready" zl QUERY VSWITCH "$1" DETAILS >/dev/null
}

# measure to|from null|ring|loop|afp|xdp SECONDS
measure()
{
	local v if= in out drops in2 out2 drops2 key value far=()
	declare -A x=([time]=1 [sent]=0 [got]=0 [got_in_time]=0 [bad]=0)
	case $2 in
	null) v=V1 ;;
	ring) v=V4 ;;
	loop) v=V5 ;;
	afp) v=V2 if=eth1 ;;
	xdp) v=V3 if=eth2 ;;
	esac
	uplink_ready $v || { tell "skipped the device is not ready"; return; }
	[ "$1" = to ] || far=("$ID-out" "$if")
	[ "$2" != loop ] || far=(FAR)
	read -r in out drops < <(counted $v)
	while read -r key value; do
		x[$key]=$value
	done < <("$BIN/bench" --uplink "$3" "$T/run" "${2^^}" "${far[@]}")
	read -r in2 out2 drops2 < <(counted $v)
	[ "${x[bad]}" = 0 ] || tell "wrong ${x[bad]} frames are damaged"
	if [ "$1" = to ]; then
		tell "frames_per_s $(awk -v n=$((out2 - out)) -v t="${x[time]}" 'BEGIN { print n / t }')"
		# What came back from the ring was for nobody: one drop each.
		[ "$2" != ring ] || drops2=$((drops2 - in2 + in))
		[ $((out2 - out + drops2 - drops)) = "${x[sent]}" ] ||
			tell "wrong sent ${x[sent]}, out $((out2 - out)), dropped $((drops2 - drops))"
	else
		# What finds no room in the device's ring never reaches the switch: the kernel's loss.
		tell "frames_per_s $(awk -v n="${x[got_in_time]}" -v t="${x[time]}" 'BEGIN { print n / t }')"
		# What FAR sent and the ring had no room for was dropped before.
		[ "$2" != loop ] || drops=$((drops + x[sent] - out2 + out))
		[ $((in2 - in)) = $((x[got] + drops2 - drops)) ] ||
			tell "wrong in $((in2 - in)), received ${x[got]}, dropped $((drops2 - drops))"
	fi
}

peer_serve
