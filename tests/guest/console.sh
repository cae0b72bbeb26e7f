# SPDX-License-Identifier: Apache-2.0
# The module without a guest: what the emulator's console says of operands, of a daemon that is
# absent or refuses, of detached and attached devices.
#
#   0500 LINUX01   0600 LINUX09 (no such NIC)   0700, 0800, 0900: bad operands
. "$(dirname "$0")/lib.sh"
begin
FAMILY=$(emulator_family)
ACCOUNT=([one]=64001)
world host
cat >"$T/zland.conf" <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
USER LINUX01 UID ${ACCOUNT[one]}
SET VSWITCH VSW1 GRANT LINUX01
SET VSWITCH VSW1 GRANT LINUX02
NICDEF LINUX01 0500 TYPE QDIO LAN SYSTEM VSW1
NICDEF LINUX02 0500 TYPE QDIO LAN SYSTEM VSW1
CONF

# On 3.13 a device that cannot be initialised ends the start: those are attached later.
NO_IPL=1 boot one "0500.3 ZOSA user LINUX01 dir $T/run" "0600.3 ZOSA USER linux09 DIR $T/run"
must "no daemon: it is said" wait_line one 'ZOSA 0500: .*(waiting|no connection|No such file)'
zland_start
must "the daemon comes: attached" wait_line one 'ZOSA 0500: attached as LINUX01/0500'
must "an account that may not: refused with its reason" wait_line one 'ZOSA 0600: ZLN[0-9]*E'
must "it is said once" sh -c "sleep 1.5; test \$(grep -c 'ZOSA 0600: ZLN' '$T/one.log') = 1"

emulator one "attach 0700.3 ZOSA vdev 0700" >/dev/null
must "no user: refused" wait_line one 'ZOSA 0700: the operand user NAME is missing'
emulator one "attach 0800.3 ZOSA user LINUX01 speed 9" >/dev/null
must "an unknown operand: refused" wait_line one "ZOSA 0800: operand 'speed 9'"
emulator one "attach 0900.3 ZOSA user LINUX0123 dir $T/run" >/dev/null
must "too long a user id: refused" wait_line one "ZOSA 0900: operand 'user LINUX0123'"
emulator one "attach 0A00.3 ZOSA type hipers mfs 64K" >/dev/null
must "HiperSockets without a LAN or a user: refused" wait_line one 'ZOSA 0A00: the operand user NAME or lan NAME is missing'
emulator one "attach 0B00.3 ZOSA type hipers lan HSI mfs 48K" >/dev/null
must "HiperSockets of another size: refused" wait_line one "ZOSA 0B00: operand 'mfs 48K'"
emulator one "attach 0C00.3 ZOSA type hipers lan HSI mfs 64K" >/dev/null
if [ "$FAMILY" = 3 ]; then
	must "HiperSockets without adapter interrupts: refused" wait_line one 'ZOSA 0C00: HiperSockets need adapter interrupts'
else
	emulator one "attach 0D00.3 ZOSA type hipers lan hsi" >/dev/null
	must "HiperSockets, two sizes on a LAN: refused" wait_line one 'ZOSA 0D00: LAN HSI has frames of 64K'
	emulator one "detach 0C00" >/dev/null
	emulator one "attach 0E00.3 ZOSA type hipers lan HSI mfs 24K" >/dev/null
	emulator one "attach 0F00.3 ZOSA type hipers lan HSI mfs 16K" >/dev/null
	must "HiperSockets, the LAN went with its last device" wait_line one 'ZOSA 0F00: LAN HSI has frames of 24K'
fi
if [ "$FAMILY" = 3 ]; then
	emulator one "attach 9500.3 ZOSA user LINUX01 dir $T/run" >/dev/null
	must "a CHPID the emulator cannot show: refused" wait_line one 'CHPID of at most 7F, not 95'
fi

must "the daemon shows the port" output_has 'port socket' zl QUERY NIC USER LINUX01 0500 DETAILS
emulator one 'detach 0500' >/dev/null
must "detached: the port is free" eventually no_line 'port socket' zl QUERY NIC USER LINUX01 0500 DETAILS
emulator one "attach 0500.3 ZOSA user LINUX01 dir $T/run" >/dev/null
must "attached again" eventually sh -c "test \$(grep -c 'ZOSA 0500: attached' '$T/one.log') -ge 2"
stop zland
must "the daemon ends: it is said" wait_line one 'ZOSA 0500: .*lost'
must "a daemon again" zland_again
must "attached once more" eventually sh -c "test \$(grep -c 'ZOSA 0500: attached' '$T/one.log') -ge 3"
quit=quit
[ "$FAMILY" = 3 ] || quit='quit force'
emulator one "$quit" >/dev/null 2>&1
must "the emulator ends" gone "${PIDS[one]}"
