#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/test.sh [--strict] [GROUP…]: builds and tests; the last line sums everything up, the one
# before it says how many seconds each group took.
#
#   style      clang-format, luacheck, the source check
#   unit       the C tests and the headers, each alone
#   lua        the specs, in a stock lua5.4
#   crash      kill -9, full disks, many writers, damaged journals
#   consumers  programs outside the tree, by every way to the library
#   readme     the commands of README.md
#   mlflow     MLflow from PyPI reads what we wrote, we read what it wrote
#   asan       C tests and specs under address and undefined behaviour sanitizers
#   tsan       C tests with several threads under the thread sanitizer
#   fuzz       each fuzzer for FUZZ_SECONDS (10)
#   peers      what needs more, or longer: PostgreSQL, S3, a server that is away, game engines
#
# Without a group: all but peers. --strict, or CI=true, makes a failure of what is skipped.
set -uo pipefail

# Some tests send Ctrl-C to what they start, and who started us in the background left it ignored,
# which a shell cannot take back.
if [ -z "${MLM_TEST_SIGNALS:-}" ] && env --default-signal=INT true 2>/dev/null; then
	exec env --default-signal=HUP,INT,QUIT,TERM MLM_TEST_SIGNALS=default bash "$0" "$@"
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root" || exit 1

strict=${CI:-}
groups=()
for argument in "$@"; do
	case $argument in
	--strict) strict=true ;;
	style | unit | lua | crash | consumers | readme | mlflow | asan | tsan | fuzz | peers)
		groups+=("$argument")
		;;
	*)
		echo "test: unknown group '$argument'; the groups are style, unit, lua, crash," \
			"consumers, readme, mlflow, asan, tsan, fuzz, peers" >&2
		exit 2
		;;
	esac
done
[ ${#groups[@]} -gt 0 ] || groups=(style unit lua crash consumers mlflow readme asan tsan fuzz)

logs=build/test
mkdir -p "$logs"
passed=0 failed=0 skipped=0 skipped_names=() times=()

# Everything a group prints goes to the terminal and to its log; the "N passed, N failed" lines of
# the log are its result. A group that ends badly without saying that something failed did fail.
run_group() {
	local name=$1 log=$logs/$1.log start=$SECONDS
	local status group_passed group_failed group_skipped
	printf '== %s\n' "$name"
	"group_$name" 2>&1 </dev/null | tee "$log"
	status=${PIPESTATUS[0]}
	read -r group_passed group_failed group_skipped < <(awk '
		match($0, /^[0-9]+ passed, [0-9]+ failed/) {
			split($0, word, /[ ,]+/); passed += word[1]; failed += word[3]
			if (word[6] == "skipped" || word[6] == "skipped:") skipped += word[5]
		}
		END { print passed + 0, failed + 0, skipped + 0 }' "$log")
	if [ "$status" -ne 0 ] && [ "$group_failed" -eq 0 ]; then
		echo "test: group $name ended with status $status"
		group_failed=1
	fi
	times+=("$name $((SECONDS - start))")
	passed=$((passed + group_passed))
	failed=$((failed + group_failed))
	if [ "$group_skipped" -gt 0 ]; then
		skipped=$((skipped + group_skipped))
		mapfile -t -O ${#skipped_names[@]} skipped_names < <(sed -n 's/^skipped //p' "$log")
	fi
}

# ctest's verbose lines, made into one line a program, its output only where it failed. A program
# that printed no count of its own, or that died after it, counts as one.
sum_ctest() {
	awk '
		match($0, /^[0-9]+: /) {
			id = substr($0, 1, RLENGTH - 2) + 0; text = substr($0, RLENGTH + 1)
			output[id] = output[id] "    " text "\n"
			if (text ~ /^[0-9]+ passed, [0-9]+ failed/) {
				split(text, word, /[ ,]+/); ok[id] = word[1]; bad[id] = word[3]
			}
			if (text ~ /^skipped /) { print text; skipped++ }
		}
		/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
			sub(/^.*Test +#/, ""); id = $1 + 0; name = $2
			p = ok[id] + 0; f = bad[id] + 0
			if (/ Passed /) { if (p + f == 0) p = 1 } else if (f == 0) f = 1
			passed += p; failed += f; programs++
			printf "%s %s: %d passed, %d failed\n", f ? "FAIL" : "ok  ", name, p, f
			if (f) { sub(/^[^*P]*/, ""); printf "    %s\n%s", $0, output[id] }
			fflush()
		}
		END {
			printf "%d passed, %d failed", passed, failed + !programs
			if (skipped) printf ", %d skipped", skipped
			printf "\n"
		}'
}

run_ctest() {
	local preset=$1 prefix=()
	shift
	# The thread sanitizer of gcc 12 cannot place its shadow under full address randomization.
	if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then
		prefix=(setarch -R)
	fi
	# One more than there are processors, since some of them wait.
	"${prefix[@]}" ctest --test-dir "build/$preset" -V -j"$(($(nproc) + 1))" "$@" | sum_ctest
}

build_or_fail() {
	scripts/build.sh "$@" && return
	echo "0 passed, 1 failed"
	return 1
}

group_style() {
	local files tool_passed=0 tool_failed=0
	check() {
		local name=$1
		shift
		if "$@"; then
			tool_passed=$((tool_passed + 1))
		else
			tool_failed=$((tool_failed + 1))
			echo "FAIL $name"
		fi
	}
	mapfile -t files < <(find src tests examples -name '*.[ch]' | sort)
	check clang-format clang-format --dry-run --Werror "${files[@]}"
	check luacheck luacheck --quiet --codes .
	check check_source lua5.4 scripts/check_source.lua
	echo "$tool_passed passed, $tool_failed failed"
}

group_unit() {
	build_or_fail dev && run_ctest dev -L 'unit|headers'
}

group_lua() {
	build_or_fail dev && run_ctest dev -L lua
}

group_crash() {
	build_or_fail dev && run_ctest dev -L crash
}

group_asan() {
	build_or_fail asan && run_ctest asan -L 'unit|lua|crash'
}

group_tsan() {
	build_or_fail tsan && run_ctest tsan -L 'unit|crash' -LE one_thread
}

# at_once FUNCTION ITEM…: calls it for each, as many at a time as there are processors; what a call
# prints comes in one piece.
at_once() {
	local function=$1 item running=0
	shift
	for item in "$@"; do
		if [ "$running" -ge "$(nproc)" ]; then
			wait -n
			running=$((running - 1))
		fi
		{
			local output
			output=$("$function" "$item" 2>&1)
			printf '%s\n' "$output"
		} &
		running=$((running + 1))
	done
	wait
}

run_fuzzer() {
	local name findings seeds=()
	name=$(basename "$1")
	findings=build/fuzz/findings/$name
	mkdir -p "$findings/corpus"
	[ ! -d "tests/fuzz/corpus/${name%_fuzz}" ] || seeds=("tests/fuzz/corpus/${name%_fuzz}")
	# Words of the language, which random bytes would take long to find.
	[ ! -e "tests/fuzz/${name%_fuzz}.dict" ] || seeds+=("-dict=tests/fuzz/${name%_fuzz}.dict")
	if "$1" -max_total_time="${FUZZ_SECONDS:-10}" -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$findings/" "$findings/corpus" "${seeds[@]}" \
		>"$findings/log" 2>&1; then
		echo "ok   $name"
	else
		echo "FAIL $name"
		tail -n 40 "$findings/log"
	fi
}

group_fuzz() {
	build_or_fail fuzz fuzzers || return
	at_once run_fuzzer build/fuzz/fuzzers/*_fuzz | awk '
		{ print; fflush() }
		/^ok / { passed++ }
		/^FAIL / { failed++ }
		END { printf "%d passed, %d failed\n", passed, failed }'
}

# A program that says how many tests passed and failed; one that ends badly without having said
# that something failed, or that says nothing at all, counts as a failure.
run_counted() {
	local log status
	log=$(mktemp)
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	if ! grep -Eq '^[0-9]+ passed, [0-9]+ failed' "$log"; then
		echo "$1: no line \"N passed, N failed\", status $status"
		echo "0 passed, 1 failed"
	elif [ "$status" -ne 0 ] && ! grep -Eq '^[0-9]+ passed, [1-9][0-9]* failed' "$log"; then
		echo "$1: status $status"
		echo "0 passed, 1 failed"
	fi
	rm "$log"
}

group_consumers() {
	build_or_fail release && run_counted tests/consumers/consumers.sh build/release
}

group_readme() {
	scripts/build.sh release mlmanager_host terminal && run_counted lua5.4 tests/readme_test.lua
}

mlflow_new=3.17.2 mlflow_old=2.8.0

# Tells its programs where both versions are; false where they are not.
find_mlflow() {
	local version
	for version in $mlflow_new $mlflow_old; do
		scripts/venv.sh "$version" >"$logs/venv-$version.log" 2>&1 && continue
		tail -n 5 "$logs/venv-$version.log"
		echo "skipped mlflow-$version (PyPI does not give it)"
		echo "0 passed, 0 failed, 1 skipped"
		return 1
	done
	export MLMANAGER_HOST=$root/build/dev/mlmanager
	export MLFLOW_PYTHON=$root/build/venv/mlflow-$mlflow_new/bin/python
	export MLFLOW_OLD_PYTHON=$root/build/venv/mlflow-$mlflow_old/bin/python
}

# Each tests/peers/*.py runs under the newer MLflow; MLFLOW_OLD_PYTHON has the older one.
group_mlflow() {
	local files
	build_or_fail dev || return
	find_mlflow || return 0
	mapfile -t files < <(grep -L '^# Group: peers' tests/peers/*.py)
	at_once run_beside_mlflow "${files[@]}"
}

run_beside_mlflow() {
	echo "-- $1"
	run_counted "$MLFLOW_PYTHON" "$1"
}

# Each tests/peers/*.sh runs a program that others wrote, with ours in it, and names the packages
# that it takes in a line "# Packages:". One that runs MLflow says so in a line. A tests/peers/*.py
# with a line "# Group: peers" needs more than MLflow, or longer than the other groups may take.
group_peers() {
	local file name packages
	build_or_fail dev || return
	if find_mlflow; then
		for file in $(grep -l '^# Group: peers' tests/peers/*.py); do
			echo "-- $file"
			run_counted "$MLFLOW_PYTHON" "$file"
		done
	fi
	for file in $(grep -l '^# Packages: ' tests/peers/*.sh); do
		name=$(basename "$file" .sh)
		read -ra packages < <(sed -n 's/^# Packages: //p' "$file")
		echo "-- $file"
		if grep -q '^# Needs MLflow' "$file" && ! find_mlflow; then
			continue
		fi
		if scripts/setup.sh packages "${packages[@]}"; then
			run_counted "$file"
		else
			echo "skipped $name (there is no package ${packages[*]})"
			echo "0 passed, 0 failed, 1 skipped"
		fi
	done
}

scripts/setup.sh test || exit 1
if [[ " ${groups[*]} " == *" mlflow "* ]]; then
	# Most of this waits for the network, while the other groups run.
	(
		scripts/venv.sh "$mlflow_new"
		scripts/venv.sh "$mlflow_old"
	) >"$logs/venvs.log" 2>&1 </dev/null &
fi
for group in "${groups[@]}"; do
	run_group "$group"
done

printf 'seconds: %s\n' "$(IFS=,; echo "${times[*]}" | sed 's/,/, /g'), $SECONDS in all"
[ -z "$strict" ] || failed=$((failed + skipped))
line="$passed passed, $failed failed"
if [ "$skipped" -gt 0 ]; then
	line+=", $skipped skipped"
	[ ${#skipped_names[@]} -eq 0 ] || line+=": $(IFS=';'; echo "${skipped_names[*]}")"
fi
echo "$line"
[ "$failed" -eq 0 ]
