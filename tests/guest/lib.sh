# SPDX-License-Identifier: Apache-2.0
# Guests under an emulator, on top of the end-to-end tests' harness. A guest is an
# emulator process in namespace host (it needs no interface of it, only a loopback address for its
# console) that has booted Debian's kernel with tests/guest/init; `run` executes a command in it.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

GUEST_DIR=$TOP/tests/guest
GUEST_ROOT=${GUEST_ROOT:-$BIN/guest-root}
HERCULES=${HERCULES:-hercules}
BOOT_SECONDS=${BOOT_SECONDS:-180}
declare -A CONSOLE=()	# guest -> port of its emulator's HTTP server
declare -A ACCOUNT=()	# guest -> uid its emulator runs under; root if none, which 4.x takes for real-time priority
ADMIN=			# not empty: with what an emulator's own network devices need
PORTS=18081
# What 4.x puts before a guest's lines.
SAID='([0-9:]{8} )?/?'

# emulator_version: 3 or 4.
emulator_family()
{
	case $(timeout 10 "$HERCULES" --version 2>&1 </dev/null) in
	*"ersion 4."* | *"yperion"*) echo 4 ;;
	*) echo 3 ;;
	esac
}

# guest_config GUEST LINE...: the emulator's configuration, with lines for devices and its start-up commands.
guest_config()
{
	local g=$1 d=$T/$1 port=$2 line
	shift 2
	mkdir -p "$d"
	chmod 755 "$T" # the emulator's account has to pass
	cp "$BIN/hercules/hdtzosa.so" "$d/"
	[ -n "${NO_IPL:-}" ] || cp "$GUEST_ROOT"/{vmlinuz,initrd,initrd.size,parm,guest.ins} "$d/"
	cat >"$d/hercules.cnf" <<-CONF
		CPUSERIAL 002623
		CPUMODEL 2094
		MAINSIZE 512
		NUMCPU 1
		ARCHMODE z/Arch
		PANRATE SLOW
		OSTAILOR LINUX
	CONF
	if [ "$FAMILY" = 3 ]; then
		printf 'HTTPPORT %s NOAUTH\nHTTPROOT /usr/share/hercules\n' "$port" >>"$d/hercules.cnf"
	else
		printf 'LDMOD %s/hdtzosa.so\n' "$d" >>"$d/hercules.cnf"
	fi
	echo '0009 3215-C / noprompt' >>"$d/hercules.cnf"
	for line in "$@"; do
		echo "$line" >>"$d/hercules.cnf"
	done
	if [ "$FAMILY" = 3 ]; then
		printf 'hao tgt HHCCP042I\nhao cmd quit\nipl guest.ins\n' >"$d/hercules.rc"
	else
		printf 'hao tgt HHC00006I.*inactive\nhao cmd quit force\nipl guest.ins\n' >"$d/hercules.rc"
	fi
	[ -z "${NO_IPL:-}" ] || : >"$d/hercules.rc"
}

# boot GUEST LINE...: start an emulator; booted waits for its guest.
boot()
{
	local g=$1
	shift
	PORTS=$((PORTS + 1))
	CONSOLE[$g]=$PORTS
	echo 0 >"$T/$g.serial"
	guest_config "$g" "$PORTS" "$@"
	local modules="-p '$T/$g'" as=
	[ "$FAMILY" = 3 ] || modules=${HERCULES_MODULES:+-p "'$HERCULES_MODULES'"}
	[ -z "${ACCOUNT[$g]:-}" ] || as="setpriv --reuid ${ACCOUNT[$g]} --regid ${ACCOUNT[$g]} --clear-groups${ADMIN:+ --inh-caps +net_admin --ambient-caps +net_admin}"
	# 4.x takes commands from its standard input and ends with it: one that never ends.
	mkfifo "$T/$g/stdin"
	start "$g" ip netns exec "$ID-host" sh -c "cd '$T/$g' && HERCULES_RC=hercules.rc \
		exec timeout -k 5 900 $as '$HERCULES' -d -f hercules.cnf $modules <>stdin"
}

# boot_qemu GUEST stream|dgram SOCKET MAC: the same kernel in QEMU's s390x machine. A dgram peer has a
# socket of its own, in a folder of its account's, that zland may write to.
boot_qemu()
{
	local g=$1 d=$T/$1 net="server=off,addr.type=unix,addr.path='$3'"
	mkdir -p "$d"
	chown "${ACCOUNT[$g]}" "$d"
	[ "$2" = stream ] || net="local.type=unix,local.path='$d/sock',remote.type=unix,remote.path='$3'"
	cp "$GUEST_ROOT"/{vmlinuz,initrd} "$d/"
	echo 0 >"$T/$g.serial"
	mkfifo "$d/stdin"
	CONSOLE[$g]=stdin
	start "$g" sh -c "cd '$d' && umask 0 && exec timeout -k 5 900 setpriv --reuid ${ACCOUNT[$g]} --regid ${ACCOUNT[$g]} \
		--clear-groups qemu-system-s390x -machine s390-ccw-virtio,accel=tcg -m 512 -display none -nodefaults \
		-chardev stdio,id=console,signal=off -device sclpconsole,chardev=console \
		-kernel vmlinuz -initrd initrd -append 'rdinit=/init panic=1 quiet' \
		-netdev $2,id=net,$net -device virtio-net-ccw,netdev=net,mac=$4 <>stdin"
}

# pc_begin: of a test with Debian's kernel in QEMU beside DPDK: what it needs, or it is skipped. The guest is vm.
pc_begin()
{
	[ -e "$BIN/libzlan-dpdk.so" ] || skip_all "built without libdpdk"
	command -v qemu-system-x86_64 >/dev/null || skip_all "qemu-system-x86_64 is not installed (package qemu-system-x86)"
	[ "$(uname -m)" = x86_64 ] || skip_all "the guest's packages are for x86_64"
	PC_ROOT=$BIN/guest-root-pc
	"$TOP/scripts/guest-root-pc.sh" "$PC_ROOT" || { echo "FAILED $TEST: no guest to boot"; exit 1; }
	ACCOUNT=([vm]=64003)
	FAMILY=
	chmod 755 "$T" # QEMU's account has to pass
}

# boot_pc NAMESPACE MEGABYTES WORDS OPTION...: without privilege. WORDS: more of the kernel's command line. The machine's
# initrd is made of $T/overlay.cpio, if there is one, and the guest's.
boot_pc()
{
	local ns=$1 size=$2 words=$3 d=$T/vm first=
	shift 3
	mkdir -p "$d"
	cp "$PC_ROOT/vmlinuz" "$d/"
	# In this order both are where they are looked for.
	[ ! -e "$T/overlay.cpio" ] || first=$T/overlay.cpio
	cat $first "$PC_ROOT/initrd" >"$d/initrd"
	chown ${ACCOUNT[vm]} "$d"
	echo 0 >"$T/vm.serial"
	[ -p "$d/stdin" ] || mkfifo "$d/stdin"
	CONSOLE[vm]=stdin
	start vm ip netns exec "$ID-$ns" sh -c "cd '$d' && exec timeout -k 5 900 setpriv --reuid ${ACCOUNT[vm]} --regid ${ACCOUNT[vm]} \
		--clear-groups qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -display none -nodefaults \
		-no-reboot -m $size -chardev stdio,id=console,signal=off -serial chardev:console \
		-kernel vmlinuz -initrd initrd -append 'console=ttyS0 rdinit=/init panic=1 quiet $words' $* <>stdin"
}

# web NAMESPACE BYTES: a server of as many, whose digest is in $T/wanted
web()
{
	mkdir -p "$T/www"
	head -c "$2" /dev/urandom >"$T/www/data"
	md5sum <"$T/www/data" >"$T/wanted"
	start web ip netns exec "$ID-$1" "$PYTHON" -u -m http.server 8080 --directory "$T/www"
	wait_line web 'Serving'
}

# md5_of NAMESPACE ADDRESS: what a guest serves there (`serve`)
md5_of()
{
	in_ns "$1" "$PYTHON" - "http://$2:8080/data" <<-'PY'
		import hashlib, sys, urllib.request
		h, n = hashlib.md5(), 0
		with urllib.request.urlopen(sys.argv[1], timeout=120) as r:
		    while block := r.read(65536):
		        h.update(block)
		        n += len(block)
		print(n, "bytes", h.hexdigest())
	PY
}

# same_bytes FILE [WHO]: what the last result printed has the digest in the file.
same_bytes()
{
	cp "$T/last.out" "$T/fetched"
	must "${2:-}the same bytes" same_md5 "$1" "$T/fetched"
}

booted()
{
	wait_line "$1" "^$SAID@ready" "$BOOT_SECONDS"
}

# The emulator's own command: 4.x reads its standard input, 3.13 has a web server.
emulator()
{
	local url
	if [ "${CONSOLE[$1]}" = stdin ]; then
		echo "${2#/}" >"$T/$1/stdin"
		return
	fi
	if [ "$FAMILY" != 3 ]; then
		echo "$2" >"$T/$1/stdin"
		return
	fi
	url=$(jq -rn --arg v "$2" '$v|@uri')
	ip netns exec "$ID-host" bash -c "exec 9<>/dev/tcp/127.0.0.1/${CONSOLE[$1]} &&
		printf 'GET /cgi-bin/tasks/cmd?cmd=%s HTTP/1.0\r\n\r\n' '$url' >&9 && timeout 10 cat <&9" |
		sed -e 's/<[^>]*>//g'
}

# run GUEST COMMAND [SECONDS]: execute in the guest; its output and its status are ours.
run()
{
	run_begin "$1" "$2" && run_end "$1" "${3:-60}"
}

run_begin()
{
	# The number of the command is in a file, for we may be in a subshell.
	echo $(($(cat "$T/$1.serial") + 1)) >"$T/$1.serial"
	grep -c '' "$T/$1.log" >"$T/$1.mark"
	emulator "$1" "/$(cat "$T/$1.serial") $2" >/dev/null 2>&1
}

run_end()
{
	local g=$1 n status end=$((SECONDS + $2)) poke=$((SECONDS + 5))
	n=$(cat "$T/$g.serial")
	until grep -q "@done $n [0-9]" "$T/$g.log" || [ $SECONDS -ge $end ] || ! alive "$g"; do
		sleep 0.1
		# 3.13's 3215 loses lines: an empty one has init say the last once more.
		[ $SECONDS -lt $poke ] || { emulator "$g" / >/dev/null 2>&1; poke=$((SECONDS + 5)); }
	done
	if ! grep -q "@done $n [0-9]" "$T/$g.log"; then
		echo "$g did not answer command $n within $2 s"
		tail -n 8 "$T/$g.log"
		return 1
	fi
	tail -n "+$(($(cat "$T/$g.mark") + 1))" "$T/$g.log" | sed -En "s|^$SAID: ||p"
	status=$(sed -n "s/.*@done $n \([0-9]*\).*/\1/p" "$T/$g.log" | tail -n 1)
	return "${status:-1}"
}

# says GUEST PATTERN COMMAND: a line of the command's output matches.
says()
{
	local text
	text=$(run "$1" "$3") || { echo "$text"; return 1; }
	grep -qE -- "$2" <<<"$text" || { echo "no line matches $2 in:"; echo "$text"; return 1; }
}

# same_md5 COMMAND-OUTPUT...: each names the same digest.
same_md5()
{
	local f first='' now
	for f in "$@"; do
		now=$(grep -oE '[0-9a-f]{32}' "$f" | tail -n 1)
		[ -n "$now" ] && [ "$now" = "${first:-$now}" ] || { cat "$@"; return 1; }
		first=$now
	done
}

skipped()
{
	printf 'skipped %s: %s\n' "$TEST" "$1"
}
