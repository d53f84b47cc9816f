#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/bench.sh [--quick] [--peers]: what the library costs, each figure beside its raw limit
# measured in the same run. Speed is shown, not tested: the status is 0 unless it could not run.
#
#   --quick   a tenth of the work, for a look
#   --peers   MLflow from PyPI as well, logging to its server and to PostgreSQL, and boto3
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mlflow=3.17.2

quick=() peers=
for argument in "$@"; do
	case $argument in
	--quick) quick=(quick) ;;
	--peers) peers=1 ;;
	*)
		echo "bench: unknown option '$argument'; there are --quick and --peers" >&2
		exit 2
		;;
	esac
done

"$root/scripts/setup.sh"
"$root/scripts/build.sh" release benchmarks mlmanager_host
python=$root/build/venv/mlflow-$mlflow/bin/python
versitygw=$root/build/go/versitygw
if [ -n "$peers" ]; then
	"$root/scripts/venv.sh" "$mlflow"
	"$root/scripts/setup.sh" packages postgresql
	"$root/scripts/versitygw.sh" || echo "bench: there is no versitygw, so nothing of S3"
fi

built=$root/build/release/tests/bench
host=$root/build/release/mlmanager
source=$root/tests/bench
# Beside the build, because a temporary directory may be memory, which no store lives in.
directory=$(mktemp -d "$root/build/bench.XXXXXX")
trap 'rm -rf "$directory"' EXIT
unset MLFLOW_TRACKING_URI MLFLOW_EXPERIMENT_NAME MLFLOW_EXPERIMENT_ID MLFLOW_RUN_ID
unset MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING MLMANAGER_JOURNAL_DIR

machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
	printf '%s, %s cores, %s MB, Linux %s, %s, SQLite %s, load %s\n' \
		"${model:-$(uname -m)}" "$(nproc)" \
		"$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)" \
		"$(stat -f -c %T "$directory")" "$(pkg-config --modversion sqlite3)" \
		"$(cut -d' ' -f1 /proc/loadavg)"
}

cold_start() {
	local rounds=40 times
	[ ${#quick[@]} -eq 0 ] || rounds=10
	mapfile -t times < <("$built/bench_spawn" "$rounds" \
		-x "$directory/new.db" \
		"$host" --store "sqlite:$directory/new.db" "$source/one_metric.lua" \
		-- "$host" --store "sqlite:$directory/old.db" "$source/one_metric.lua" \
		-- lua5.4 -e '' -- "$built/bench_nothing")
	[ ${#times[@]} -eq 4 ] || return 1
	printf 'figure\tcold start, new store\tms\t%s\t%s\tlua5.4 -e ""\tours < 15\n' \
		"${times[0]}" "${times[2]}"
	printf 'figure\tcold start, store exists\tms\t%s\t%s\tlua5.4 -e ""\tours < 15\n' \
		"${times[1]}" "${times[2]}"
	printf 'note\tcold start: a program that does nothing takes %s ms\n' "${times[3]}"
}

memory() {
	local points=1000000 most least
	most=$("$host" --store "sqlite:$directory/memory.db" "$source/memory.lua" $points)
	least=$("$host" "$source/memory.lua" 0)
	printf 'figure\tmemory of the host during 1M points\tMB\t%s\t%s\t%s\tours < 30\n' \
		"$most" "$least" "the host, no manager opened"
}

figures() {
	"$built/bench_append" "$directory" "${quick[@]}"
	"$host" "$source/calls.lua" "$built" "$directory" "${quick[@]}"
	"$built/bench_paced" "$directory" "${quick[@]}"
	"$built/bench_sustained" "$directory" "${quick[@]}"
	"$built/bench_run_pair" "$directory" "${quick[@]}"
	cold_start
	"$built/bench_history" "$directory" "${quick[@]}"
	"$built/bench_search" "$directory" "${quick[@]}"
	"$built/bench_sync" "$directory" "${quick[@]}"
	memory
	"$host" "$source/artifacts.lua" "$directory" $((${#quick[@]} == 0 ? 1000 : 100))
	[ -n "$peers" ] || return 0
	peer mlflow_peer.py "$directory" "${quick[@]}"
	peer server_peer.py "$host" "$built" "$directory" "${quick[@]}"
	"$source/postgres_peer.sh" "$host" "$built" "$python" "${quick[@]}"
	[ ! -x "$versitygw" ] ||
		peer s3_peer.py "$host" "$built" "$versitygw" "$directory" "${quick[@]}"
}

peer() {
	local program=$source/$1
	shift
	"$python" "$program" "$@" 2>"$directory/peer.log" ||
		{ tail -n 20 "$directory/peer.log" >&2 && return 1; }
}

machine
cd "$directory"
figures | lua5.4 "$source/table.lua"
