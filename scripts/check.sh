#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build and run all tests: unit tests, the fuzz targets over their corpora, the end-to-end
# tests; first as built for use, then once more with ASan and UBSan. One line per program, a
# last line with the sum. What fails shows its output; an end-to-end test also leaves a
# folder with logs and a pcapng. Called by `make check`.
#
# As many programs run at once as there are processors, and their lines stand in the same order
# as if they ran one after the other. An end-to-end test with a line "# alone: REASON" shares the machine with
# no other. The sanitized build is made beside the end-to-end tests, which mostly wait.
#
# usage: scripts/check.sh                    everything
#        ONLY=REGEX scripts/check.sh         only programs whose name matches
#        JOBS=1 scripts/check.sh             one at a time
#        scripts/check.sh --coverage FOLDER  units and corpora of that build, then gcovr
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
MAKE=${MAKE:-make}
ONLY=${ONLY:-.}
jobs=${JOBS:-$(nproc)}
passed=0 failed=0 skipped=0
failures=() skips=()
work=$(mktemp -d)
out=$work/out
declare -A groups=() # number of a job that runs -> its process group
trap end_all EXIT
trap 'exit 130' INT TERM

# ---- jobs ------------------------------------------------------------------------------
# A job is a function below in a shell of its own, the leader of a process group, so that
# an interrupt ends all that it started. $work/N.txt is what it prints, N.sum what it adds to the sums.

queue=() # "alone" or "shared", and the command's words, quoted

later()
{
	local how=$1
	shift
	queue+=("$how $(printf '%q ' "$@")")
}

# launch N COMMAND...
launch()
{
	local n=$1
	shift
	set -m
	(
		trap - EXIT INT TERM
		out=$work/$n.out
		passed=0 failed=0 skipped=0 failures=() skips=()
		"$@" >"$work/$n.txt"
		{
			echo "sums $passed $failed $skipped"
			[ ${#failures[@]} = 0 ] || printf 'failure %s\n' "${failures[@]}"
			[ ${#skips[@]} = 0 ] || printf 'skip %s\n' "${skips[@]}"
		} >"$work/$n.new"
		mv "$work/$n.new" "$work/$n.sum"
	) </dev/null &
	groups[$n]=$!
	set +m
}

# harvest N: a job has ended; show it and add it up. Return: whether nothing of it failed.
harvest()
{
	local n=$1 word rest before=$failed a b c
	cat "$work/$n.txt" 2>/dev/null
	[ -e "$work/$n.sum" ] || echo "failure a job that was killed" >"$work/$n.sum"
	while read -r word rest; do
		case $word in
		sums)
			read -r a b c <<<"$rest"
			passed=$((passed + a)) failed=$((failed + b)) skipped=$((skipped + c))
			;;
		failure) failures+=("$rest") ;;
		skip) skips+=("$rest") ;;
		esac
	done <"$work/$n.sum"
	grep -q ^sums "$work/$n.sum" || failed=$((failed + 1))
	rm -f "$work/$n".*
	[ "$failed" = "$before" ]
}

# Until one more job has ended.
reap()
{
	local n
	wait -n 2>/dev/null
	for n in "${!groups[@]}"; do
		kill -0 "${groups[$n]}" 2>/dev/null || unset "groups[$n]"
	done
}

# How many jobs of the queue run; what is beside the queue has no number.
running()
{
	local n count=0
	for n in "${!groups[@]}"; do
		[[ $n == [0-9]* ]] && count=$((count + 1))
	done
	echo "$count"
}

# Run what was queued, and show it in order.
drain()
{
	local next=0 shown=0 busy alone=0 how words
	while [ $shown -lt ${#queue[@]} ]; do
		busy=$(running)
		[ "$busy" -gt 0 ] || alone=0
		while [ $next -lt ${#queue[@]} ] && [ $alone = 0 ] && [ "$busy" -lt "$jobs" ]; do
			how=${queue[$next]%% *} words=${queue[$next]#* }
			[ "$how" = shared ] || [ "$busy" = 0 ] || break
			[ "$how" = shared ] || alone=1
			eval "launch $next $words"
			next=$((next + 1)) busy=$((busy + 1))
		done
		reap
		while [ $shown -lt $next ] && [ -z "${groups[$shown]:-}" ]; do
			harvest $shown
			shown=$((shown + 1))
		done
	done
	queue=()
}

end_all()
{
	local n
	trap '' INT TERM
	for n in "${!groups[@]}"; do
		kill -TERM -- "-${groups[$n]}" 2>/dev/null
	done
	wait
	rm -rf "$work"
}

# ---- kinds of programs -------------------------------------------------------------------

# line VERDICT KIND NAME DETAIL START
line()
{
	printf '%-7s %-10s %-24s %-28s %6.1f s\n' "$1" "$2" "$3" "$4" \
		"$(awk -v a="$5" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
}

# account KIND NAME GOOD BAD WHAT START: add to the sums, print the line, and the output if bad.
account()
{
	local kind=$1 name=$2 good=$3 bad=$4 what=$5 start=$6
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" = 0 ]; then
		line ok "$kind" "$name" "$good $what" "$start"
	else
		line FAILED "$kind" "$name" "$bad of $((good + bad)) $what" "$start"
		tail -n 60 "$out" | sed 's/^/    /'
		failures+=("$kind $name")
	fi
}

skip()
{
	skipped=$((skipped + 1))
	skips+=("$2 $3: $4")
	line skipped "$2" "$3" "$4" "$1"
}

build()
{
	local start=$EPOCHREALTIME what=$1
	shift
	if ${NICE:-} $MAKE -s -j"$jobs" "$@" >"$out" 2>&1; then
		line built "" "$what" "" "$start"
		return 0
	fi
	account build "$what" 0 1 targets "$start"
	return 1
}

# Check's own summary: "100%: Checks: 12, Failures: 0, Errors: 0", one per suite runner.
unit()
{
	local kind=$1 program=$2 name start=$EPOCHREALTIME rc n bad
	name=$(basename "$program")
	timeout 180 "$program" >"$out" 2>&1
	rc=$?
	read -r n bad < <(awk '/^[0-9]+%: Checks: / { gsub(",", ""); n += $3; bad += $5 + $7 }
		END { print n + 0, bad + 0 }' "$out")
	[ "$n" -gt 0 ] || n=1
	[ $rc = 0 ] || [ "$bad" -gt 0 ] || bad=1
	account "$kind" "$name" $((n - bad)) "$bad" checks "$start"
}

corpus()
{
	local kind=$1 program=$2 name start=$EPOCHREALTIME n
	name=${program##*/replay_fuzz_}
	n=$(find "tests/corpus/$name" -type f ! -name '.*' 2>/dev/null | wc -l)
	if [ "$n" = 0 ]; then
		echo "tests/corpus/$name has no input" >"$out"
		account "$kind" "fuzz_$name" 0 1 inputs "$start"
	elif timeout 180 "$program" "tests/corpus/$name" >"$out" 2>&1; then
		account "$kind" "fuzz_$name" "$n" 0 inputs "$start"
	else
		timeout 180 "$program" -v "tests/corpus/$name" >"$out" 2>&1
		account "$kind" "fuzz_$name" $((n - 1)) 1 inputs "$start"
	fi
}

# An end-to-end test prints "ok ...", "FAILED ..." or "skipped ..." for each thing it checks.
end_to_end()
{
	local kind=$1 script=$2 name start=$EPOCHREALTIME rc good bad
	name=$(basename "$script" .sh)
	timeout --foreground -k 30 240 bash "$script" >"$out" 2>&1 </dev/null
	rc=$?
	good=$(grep -c '^ok ' "$out")
	bad=$(grep -c '^FAILED ' "$out")
	if [ "$rc" = 0 ] && [ "$good" = 0 ] && grep -q '^skipped ' "$out"; then
		skip "$start" "$kind" "$name" "$(sed -n 's/^skipped [^:]*: //p' "$out" | head -n 1)"
		return
	fi
	while read -r why; do
		skipped=$((skipped + 1))
		skips+=("$kind $name: $why")
	done < <(sed -n 's/^skipped [^:]*: //p' "$out")
	[ "$rc" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$good" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
	account "$kind" "$name" "$good" "$bad" scenarios "$start"
	sed -n 's/^note /        /p' "$out"
}

# suite BUILD-FOLDER PREFIX: units, corpora, end to end of one build.
programs()
{
	local b=$1 p=$2 f
	for f in tests/check_*.c; do
		[ -e "$f" ] && grep -qE "$ONLY" <<<"$f" && later shared unit "${p}unit" "$b/${f%.c}"
	done
	for f in tests/fuzz/fuzz_*.c; do
		[ -e "$f" ] && grep -qE "$ONLY" <<<"$f" &&
			later shared corpus "${p}corpus" "$b/fuzz/replay_$(basename "$f" .c)"
	done
}

scenarios()
{
	local p=$1 f how
	for how in alone shared; do
		for f in tests/e2e/*.sh; do
			[ "$f" != tests/e2e/lib.sh ] && grep -qE "$ONLY" <<<"$f" || continue
			if grep -q '^# alone: ' "$f"; then
				[ $how = shared ] || later alone end_to_end "${p}e2e" "$f"
			else
				[ $how = alone ] || later shared end_to_end "${p}e2e" "$f"
			fi
		done
	done
}

# The short form of make check-guest: emulator consoles without a guest, and a
# bare program that talks nonsense. Only where the headers of
# the emulator are not to be had it is skipped; a module that does not compile is a failure.
emulator()
{
	local start=$EPOCHREALTIME script scripts=()
	for script in tests/guest/console.sh tests/guest/nonsense.sh; do
		grep -qE "$ONLY" <<<"$script" && scripts+=("$script")
	done
	[ ${#scripts[@]} -gt 0 ] || return 0
	if ! command -v "${HERCULES:-hercules}" >/dev/null; then
		skip "$start" guest console "${HERCULES:-hercules} is not installed"
	elif $MAKE -s hercules >"$out" 2>&1; then
		for script in "${scripts[@]}"; do
			ZLAN_BIN=$PWD/build end_to_end guest "$script"
		done
	elif [ -e "${HERCULES_SRC:-build/hercules-source}/hercules.h" ]; then
		account guest "module for the emulator" 0 1 targets "$start"
	else
		skip "$start" guest console "no source of hercules to build the module"
	fi
}

export CK_DEFAULT_TIMEOUT=60
if [ "${1:-}" = --coverage ]; then
	programs "$2" cov-
	drain
	gcovr -r . --object-directory "$2" -e 'tests/' -s 2>/dev/null | tail -n 60
	exit $((failed > 0))
fi

total=$EPOCHREALTIME
good=1
if build "programs and tests" all checks replayers; then
	programs build ""
	drain
	NICE='nice -n 19' launch sanitized build "the same, sanitized" asan
	scenarios ""
	later shared emulator
	drain
	while [ -n "${groups[sanitized]:-}" ]; do
		reap
	done
	harvest sanitized || good=0
else
	build "the same, sanitized" asan || good=0
fi
if [ $good = 1 ]; then
	export ASAN_OPTIONS=detect_leaks=1:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
	export ZLAN_BIN=$PWD/build/asan ZLAN_SANITIZED=1 ZLAN_PATIENCE=30
	programs build/asan asan-
	scenarios asan-
	drain
fi

echo
for s in ${skips[@]+"${skips[@]}"}; do
	echo "skipped: $s"
done
for s in ${failures[@]+"${failures[@]}"}; do
	echo "failed: $s"
done
awk -v a="$total" -v b="$EPOCHREALTIME" 'BEGIN { printf "took %d s\n", b - a }'
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
