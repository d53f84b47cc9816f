#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# postgres_peer.sh HOST LIBRARY PYTHON [quick]: logging to a PostgreSQL server and reading back,
# beside MLflow's log_batch and psql on the same server, in turns. Prints figures for table.lua.
# The server syncs what it commits, as it comes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
host=$1 library=$2 python=$3 points=200000 theirs=20000 history=1000000
[ "${4:-}" != quick ] || points=40000 theirs=5000 history=100000
. "$root/tests/peers/check.sh"
. "$root/tests/peers/cluster.sh"
export MLMANAGER_JOURNAL_DIR=$directory/journals

cluster_make -c fsync=on >/dev/null
ours_uri=$(database ours)
database theirs >/dev/null
theirs_uri="postgresql+psycopg2://ada:open%20sesame@localhost:$port/theirs"

# best r: the greatest; best '': the least.
best() {
	sort -g"$1" | head -n 1
}

for turn in 1 2 3; do
	read -r call seconds < <("$host" "$root/tests/bench/server_calls.lua" "$library" \
		"$ours_uri" "$points")
	echo "$call" >>"$directory/calls"
	awk -v n="$points" -v s="$seconds" 'BEGIN { print n / s }' >>"$directory/ours"
	"$python" "$root/tests/bench/postgres_peer.py" "$theirs_uri" "$theirs" \
		2>"$directory/error" >>"$directory/theirs" ||
		{ tail -n 20 "$directory/error" >&2 && exit 1; }
	"$host" "$root/tests/bench/server_calls.lua" "$library" \
		"sqlite:$directory/embedded$turn.db" "$points" >>"$directory/embedded"
done
printf 'figure\tlog_metric to PostgreSQL\tns\t%s\t%s\tthe same with the embedded store\t%s\n' \
	"$(best '' <"$directory/calls")" "$(cut -d' ' -f1 "$directory/embedded" | best '')" \
	"ratio < 1.25"
printf 'figure\tsustained to PostgreSQL\tpoints/s\t%s\t%s\tMLflow, log_batch of 1000\t%s\n' \
	"$(best r <"$directory/ours")" "$(best r <"$directory/theirs")" "ratio >= 5"

run=$("$host" --store "$ours_uri" -e 'mlmanager.set_active_experiment "bench"
	print(mlmanager.start_run().run_id)')
rows="FROM metrics WHERE run_uuid = '$run' AND key = 'read'"
sql -d ours -c "INSERT INTO metrics SELECT 'read', i * 0.37, 1700000000000 + i, '$run', i, false
	FROM generate_series(1, $history) AS i" -c "ANALYZE metrics"
read_ours() {
	"$host" --store "$ours_uri" \
		-e "assert(#mlmanager.get_metric_history('$run', 'read') == $history)"
}
read_psql() {
	sql -d ours -o /dev/null -c "SELECT timestamp, step, value, is_nan $rows ORDER BY timestamp,
		step"
}
seconds_of() {
	local start end
	start=$(date +%s.%N)
	"$1"
	end=$(date +%s.%N)
	awk -v a="$start" -v b="$end" 'BEGIN { print b - a }'
}
for turn in 1 2 3; do
	seconds_of read_ours >>"$directory/read_ours"
	seconds_of read_psql >>"$directory/read_psql"
done
printf 'figure\thistory of %s points from PostgreSQL\ts\t%s\t%s\tpsql to /dev/null\tratio < 1.5\n' \
	"$history" "$(best '' <"$directory/read_ours")" "$(best '' <"$directory/read_psql")"
