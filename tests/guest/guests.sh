# SPDX-License-Identifier: Apache-2.0
# A stock Linux qeth driver on ZOSA devices, in two emulators on the switches of one zland.
#
#   emulator one, LINUX01              emulator two, LINUX02
#   0500 layer 2 ───┐              ┌── 0500 layer 2
#   0700 layer 2 ───┴──── VSW1 ────┘
#                          └── tap0 (ns host, 10.9.0.254)
#                          └── LINUX03 0A00, a stream port: QEMU's s390x machine
#                          └── LINUX04 0A00, a dgram port: another
#   0800 layer 2 ──────── VSWV ─────── 0800 layer 2        (VLANs 10 and 20)
#   0600 layer 3 ──────── VSWI ─────── 0600 layer 3
#                          └── tap1 (ns host, 10.8.0.254)
#   0900, 0910: HiperSockets, a LAN inside emulator one; 0930 of both: a LAN of zland
#
# The emulators run without privilege, under accounts that USER statements name.
. "$(dirname "$0")/lib.sh"
begin
FAMILY=$(emulator_family)
ACCOUNT=([one]=64001 [two]=64002 [three]=64003 [four]=64004)

# Both kinds of switch, as far as this zland has them.
parts=${PARTS:-layer2 qemu devices vlan robust layer3 hipers hsport offline}
echo 'DEFINE VSWITCH VSWI IP' >"$T/ip.conf"
layer3=IP
if ! "$BIN/zland" --check -c "$T/ip.conf" -d "$T/check" >/dev/null 2>&1; then
	skipped "layer 3 on an IP switch: this zland has none; an ETHERNET switch instead"
	layer3=ETHERNET
fi

# Interfaces made beforehand outlive a zland.
world host
for t in tap0 tap1; do
	ip -n "$ID-host" tuntap add dev $t mode tap
done
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
DEFINE VSWITCH VSWI $layer3 UPLINK TAP tap1
DEFINE VSWITCH VSWV ETHERNET VLAN 1 NATIVE 1 NOUPLINK
USER LINUX01 UID ${ACCOUNT[one]}
USER LINUX02 UID ${ACCOUNT[two]}
USER LINUX03 UID ${ACCOUNT[three]}
USER LINUX04 UID ${ACCOUNT[four]}
SET VSWITCH VSW1 GRANT LINUX01 PROMISCUOUS
SET VSWITCH VSW1 GRANT LINUX02
SET VSWITCH VSW1 GRANT LINUX03
SET VSWITCH VSW1 GRANT LINUX04
SET VSWITCH VSWI GRANT LINUX01
SET VSWITCH VSWI GRANT LINUX02
SET VSWITCH VSWV GRANT LINUX01 PORTTYPE TRUNK VLAN 1 10 20
SET VSWITCH VSWV GRANT LINUX02 PORTTYPE TRUNK VLAN 1 10
NICDEF LINUX01 0500 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX01 0600 TYPE QDIO LAN SYSTEM VSWI
NICDEF LINUX01 0700 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX01 0800 TYPE QDIO LAN SYSTEM VSWV
NICDEF LINUX03 0A00 TYPE STREAM LAN SYSTEM VSW1
NICDEF LINUX04 0A00 TYPE DGRAM LAN SYSTEM VSW1
NICDEF LINUX02 0500 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX02 0600 TYPE QDIO LAN SYSTEM VSWI
NICDEF LINUX02 0800 TYPE QDIO LAN SYSTEM VSWV
CONF
ip -n "$ID-host" link set tap0 up
ip -n "$ID-host" addr add 10.9.0.254/24 dev tap0
ip -n "$ID-host" link set tap1 up
ip -n "$ID-host" addr add 10.8.0.254/24 dev tap1

# Guest one's dialogues are recorded, by the emulator's account.
mkdir -m 777 "$T/traces"
for g in one two; do
	[ $g = one ] && user=LINUX01 || user=LINUX02
	lines=()
	for d in 0500 0600 0700 0800; do
		lines+=("$d.3 ZOSA user $user dir $T/run$([ $g = two ] || echo " trace $T/traces/$d.trace")")
	done
	if [ $g = two ]; then
		unset 'lines[2]'
		# Of what 4.x has both kinds are seen.
		[ "$FAMILY" = 3 ] || lines+=('FACILITY DISABLE HERC_QEBSM')
	elif [ "$FAMILY" != 3 ]; then
		for d in 0900 0910; do
			lines+=("$d.3 ZOSA type hipers lan HSI mfs 64K chpid F1 trace $T/traces/$d.trace")
		done
		lines+=("0920.3 ZOSA type hipers lan HSI mfs 64K chpid F1 analyzer yes")
	fi
	[ "$FAMILY" = 3 ] || lines+=("0930.3 ZOSA type hipers user $user dir $T/run chpid F3")
	boot $g "${lines[@]}"
done
for g in one two; do
	must "guest $g boots" booted $g
	[ $FAILURES = 0 ] || exit 1
	must "guest $g has its port" wait_line $g 'ZOSA 0500: attached'
done

# The digest of what a guest gives away, as the host gets it.
host_fetch()
{
	in_ns host "$PYTHON" -c "
import hashlib, urllib.request
print(hashlib.md5(urllib.request.urlopen('http://$1:8080/data', timeout=20).read()).hexdigest())"
}

# Frames that a port of a switch has taken from its guest.
sent_frames() # PORT
{
	zl QUERY COUNTERS | awk -v port="$1" '$2 == port { n = $3 } END { print n + 0 }'
}

# 20 MiB in frames of 1514 bytes would be 14,000.
few_frames() # PORT BEFORE
{
	local n=$(($(sent_frames "$1") - $2))
	echo "$n frames"
	[ $n -gt 100 ] && [ $n -lt 6000 ]
}

for part in $parts; do
	# shellcheck source=/dev/null
	. "$GUEST_DIR/part_$part.sh"
done
