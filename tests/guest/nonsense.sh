# SPDX-License-Identifier: Apache-2.0
# A bare machine that talks nonsense on all three subchannels (nonsense.py): the emulator lives, each
# subchannel answers afterwards, the port stays attached. And one that looks at storage keys (keys.py).
. "$(dirname "$0")/lib.sh"
begin
FAMILY=$(emulator_family)
ACCOUNT=([one]=64001)
world host
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
USER LINUX01 UID ${ACCOUNT[one]}
SET VSWITCH VSW1 GRANT LINUX01
NICDEF LINUX01 0500 TYPE QDIO LAN SYSTEM VSW1
CONF
NO_IPL=1 boot one "0500.3 ZOSA user LINUX01 dir $T/run"
must "attached" wait_line one 'ZOSA 0500: attached as LINUX01/0500'

# The processor stops, at this address.
stopped_at() # ADDRESS
{
	local end=$((SECONDS + 90)) said=
	while [ $SECONDS -lt $end ] && [ -z "$said" ] && alive one; do
		sleep 0.1
		said=$(tail -n "+$(($(cat "$T/one.before") + 1))" "$T/one.log" | grep -o -i -E '000A0000 80[0-9A-F]{6}')
	done
	echo "stopped at ${said:-no place that it should}"
	[[ $said = *"$1" ]]
}

# ipl PROGRAM: a file in the emulator's folder.
ipl()
{
	printf '* %s\n%s 0x00000000\n' "$1" "$1" >"$T/one/$1.ins"
	grep -c '' "$T/one.log" >"$T/one.before"
	emulator one "ipl $1.ins" >/dev/null
}

for seed in ${SEEDS:-1 2 3 $RANDOM}; do
	echo "seed $seed"
	"$PYTHON" "$GUEST_DIR/nonsense.py" "$seed" "$T/one/nonsense"
	ipl nonsense
	must "nonsense, seed $seed: every subchannel answers afterwards" stopped_at 600D
	must "the port is still attached" output_has 'port socket' zl QUERY NIC USER LINUX01 0500 DETAILS
done
"$PYTHON" "$GUEST_DIR/keys.py" "$T/one/keys"
ipl keys
must "storage keys: who may use a page, and its reference and change bits" stopped_at 600D
quit=quit
[ "$FAMILY" = 3 ] || quit='quit force'
emulator one "$quit" >/dev/null 2>&1
must "the emulator ends" gone "${PIDS[one]}"
