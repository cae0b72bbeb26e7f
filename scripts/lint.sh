#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything a machine can say about the sources. Called by `make lint`, which passes
# WARN, PKG_CFLAGS, and EMU_SRC and EMU_CFLAGS of the emulator's module. Each step prints one line, and what it found only if it found something.
#
# usage: scripts/lint.sh [STEP...]   (all steps without arguments)
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
jobs=$(nproc)
out=$(mktemp)
trap 'rm -f "$out" "$out.sparse"' EXIT
failed=0

# The emulator's half of its module needs the emulator's headers: step hercules.
mapfile -t c_files < <(git ls-files --cached --others --exclude-standard '*.c' ':!guest/hercules/emu*.c' | sort -u)
mapfile -t all_files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' | sort -u)
# The plug-in with DPDK needs its headers, which are not written for our warnings.
dpdk=$(set -o pipefail; pkg-config --cflags libdpdk 2>/dev/null | sed 's, -I/, -isystem /,g; s,^-I/,-isystem /,') ||
	mapfile -t c_files < <(printf '%s\n' "${c_files[@]}" | grep -vE '^(host/dpdk|tests/bench/vhost)/')
# What clang and the checkers take of the compiler's flags; warnings are added per step.
flags="-std=c11 -D_GNU_SOURCE -I. ${PKG_CFLAGS:-} $(pkg-config --cflags check) $dpdk"

each_c_file()
{
	printf '%s\n' "${c_files[@]}" | xargs -P "$jobs" -n "${1}" "${@:2}"
}

step_compile_gcc()
{
	${MAKE:-make} -s -j"$jobs" CC=gcc all checks replayers
}

step_compile_clang()
{
	each_c_file 8 clang $flags ${WARN:-} -fsyntax-only
}

step_sparse()
{
	# It is here for the byte order of be16, be32 and be64. What it says about the system's
	# headers does not count; it reads _Atomic int, but not _Atomic(int); (uint8_t)~FLAG is meant;
	# and virtio fields of this machine (__virtio16 ...) are in the machine's own byte order.
	each_c_file 1 sparse '-D_Atomic(type)=type' -Wbitwise -Wno-decl -Wno-external-function-has-definition \
		-Wno-non-pointer-null \
		-gcc-base-dir "$(gcc -print-file-name=)" $flags 2>&1 |
		awk '{ f = substr($0, 1, index($0, ":")) }
			/^[a-z][^: ]*:[0-9]+:[0-9]+: (warning|error): / { if (held[f]) print held[f]; held[f] = $0 }
			/__virtio|cast truncates bits from constant value/ { held[f] = "" }
			END { for (f in held) if (held[f]) print held[f] }' >"$out.sparse"
	cat "$out.sparse"
	[ ! -s "$out.sparse" ]
}

step_cppcheck()
{
	cppcheck -q -j "$jobs" --std=c11 --language=c --library=posix --platform=unix64 --inline-suppr \
		--include=/usr/include/uthash.h --include=/usr/include/utlist.h --include=/usr/include/jansson.h --include="/usr/include/$(gcc -dumpmachine)/sys/queue.h" \
		--enable=warning,performance,portability --error-exitcode=1 -D_GNU_SOURCE -I. \
		--suppressions-list=scripts/cppcheck.txt "${c_files[@]}"
}

# The analyzer walks a function's paths up to 30,000 nodes, not 225,000: a few functions with
# loops over tables took most of the time of all, one of them two minutes.
step_clang_tidy()
{
	local flags="$flags -Xclang -analyzer-config -Xclang max-nodes=30000"
	each_c_file 1 sh -c 'flags=$1; shift; clang-tidy -quiet "$@" -- $flags' tidy "$flags"
}

# Its headers are not written for our checkers: what these say of them is not shown. sparse sees
# another layout of their structures than the compiler, and is left to the rest of the module.
step_hercules()
{
	clang $EMU_CFLAGS -fsyntax-only "$EMU_SRC" &&
		cppcheck -q --std=c11 --language=c --library=posix --platform=unix64 --enable=warning,performance,portability \
			--error-exitcode=1 -D_GNU_SOURCE -I. --suppressions-list=scripts/cppcheck.txt "$EMU_SRC" &&
		clang-tidy -quiet "$EMU_SRC" -- $EMU_CFLAGS
}

step_clang_format()
{
	clang-format --dry-run -Werror "${all_files[@]}"
}

step_arrows()
{
	scripts/arrows.sh
}

run()
{
	local step=$1 start=$EPOCHREALTIME took
	if [ "$step" = hercules ] && [ ! -e "${EMU_HEADERS:-}/hercules.h" ]; then
		echo 'skipped hercules: the emulator is not here; `make hercules` gets its headers'
		return
	fi
	"step_$step" >"$out" 2>&1
	local rc=$?
	took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	if [ $rc = 0 ]; then
		printf 'ok      %-14s %6s s\n' "$step" "$took"
	else
		printf 'FAILED  %-14s %6s s\n' "$step" "$took"
		grep -vE '^[0-9]+ warnings? (generated|treated as error)' "$out" | head -n "${LINT_LINES:-80}"
		failed=$((failed + 1))
	fi
}

[ $# -gt 0 ] || set -- arrows clang_format compile_gcc compile_clang sparse cppcheck clang_tidy hercules
for step in "$@"; do
	run "$step"
done
if [ $failed = 0 ]; then
	echo "lint: clean"
else
	echo "lint: $failed of $# steps failed"
	exit 1
fi
