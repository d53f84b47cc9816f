#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs log to a PostgreSQL server while it is killed, their connections are cut, they are in
# each other's way, or it has no room: nothing is lost or there twice, and errors are clear.
# Packages: postgresql
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
. "$root/tests/peers/check.sh"
. "$root/tests/peers/cluster.sh"
host=$root/build/${PRESET:-dev}/mlmanager
files=$directory/files
mkdir "$files"
export MLMANAGER_JOURNAL_DIR=$directory/journals
unset MLFLOW_TRACKING_URI MLFLOW_EXPERIMENT_NAME MLFLOW_EXPERIMENT_ID MLFLOW_RUN_ID

# flood URI NAME RUNS POINTS [RUN], for the background: $! is the program itself.
flood() {
	local uri=$1
	shift
	exec "$host" --store "$uri" "$root/tests/peers/postgres_flood.lua" "$1" "$2" "$3" "$files" \
		"${@:4}"
}

wait_for() {
	local i
	for ((i = 0; i < 600; i++)); do
		[ ! -e "$files/$1" ] || return 0
		sleep 0.05
	done
	echo "there is no $1"
	return 1
}

# equal DATABASE EXPECTED QUERY
equal() {
	local found
	found=$(sql -d "$1" -c "$3")
	[ "$found" = "$2" ] || {
		echo "'$found', not '$2': $3"
		return 1
	}
}

says() {
	local text=$1 said status=0
	shift
	said=$("$@" 2>&1) || status=$?
	echo "status $status: $said"
	[ "$status" -ne 0 ] && [[ $said == *"$text"* && $said != *sesame* ]]
}

# Each of the runs, whose number is the second argument, has so many points of both metrics, and its
# params and tags.
whole() {
	equal "$1" "$2|$2" "SELECT count(*), count(*) FILTER (WHERE status = 'FINISHED')
		FROM runs" &&
		equal "$1" "$(($2 * 2))" "SELECT count(*) FROM (SELECT run_uuid, key FROM metrics
			GROUP BY run_uuid, key HAVING count(*) = $3 AND count(DISTINCT step) = $3
			AND max(step) = $3 - 1) AS m" &&
		equal "$1" "$(($2 * 2))" "SELECT count(*) FROM latest_metrics
			WHERE step = $3 - 1 AND value = $3 - 1" &&
		equal "$1" "$(($2 * ($3 / 500)))" "SELECT count(*) FROM params" &&
		equal "$1" "$(($2 * ($3 / 500)))" "SELECT count(*) FROM tags
			WHERE key NOT LIKE 'mlflow.%'" &&
		equal "$1" 0 "SELECT count(*) FROM mlm_journals" &&
		[ -z "$(ls -A "$directory/journals" 2>/dev/null)" ]
}

# Two programs, and what happens meanwhile.
flood_while() {
	local uri
	uri=$(database "$1") || return
	flood "$uri" one 6 5000 &
	flood "$uri" two 6 5000 &
	local status=0
	wait_for one.started && wait_for two.started || return
	"$2"
	wait -n || status=1
	wait -n || status=1
	rm -f "$files"/*
	[ "$status" -eq 0 ] && whole "$1" 12 5000
}

kill_server() {
	local i
	for i in 1 2 3; do
		sleep 0.7
		cluster_stop immediate
		sleep 0.5
		cluster_start >/dev/null
	done
}

cut_connections() {
	local i
	for ((i = 0; i < 40; i++)); do
		sleep 0.1
		sql -d postgres -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE application_name = 'mlmanager'" >/dev/null
	done
}

# All log the same steps of one metric to one run, and something of their own.
share_a_run() {
	local uri run i status=0
	uri=$(database shared)
	run=$("$host" --store "$uri" -e 'mlmanager.create_experiment "faults"
		print(mlmanager.start_run().run_id)')
	for i in 1 2 3 4 5 6 7 8; do
		flood "$uri" "writer$i" 1 3000 "$run" &
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait -n || status=1
	done
	[ "$status" -eq 0 ] &&
		equal shared 9 "SELECT count(*) FROM (SELECT key FROM metrics GROUP BY key
			HAVING count(*) = 3000 AND count(DISTINCT step) = 3000) AS m" &&
		equal shared 9 "SELECT count(*) FROM latest_metrics WHERE step = 2999" &&
		equal shared 48 "SELECT count(*) FROM params" &&
		equal shared 0 "SELECT count(*) FROM mlm_journals"
}

end_sleepers() {
	sql -d postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()" >/dev/null
}

# A writer's row lock that is never given up, while others log to that run.
hold_a_row() {
	local run status=0
	run=$(sql -d shared -c "SELECT run_uuid FROM runs")
	sql -d shared -c "BEGIN; UPDATE runs SET name = name WHERE run_uuid = '$run';
		SELECT pg_sleep(60)" >/dev/null 2>&1 &
	local holder=$!
	sleep 0.5
	says "lock" timeout 30 "$host" --store "$(uri_of shared)" -e "
		mlmanager.set_active_run '$run'
		mlmanager.log_metric('held', 1)
		mlmanager.flush(3000)" || status=1
	end_sleepers
	wait "$holder"
	# The next one that opens the store takes over what is left.
	[ "$status" -eq 0 ] && "$host" --store "$(uri_of shared)" -e "" &&
		"$host" --store "$(uri_of shared)" -e "mlmanager.set_active_experiment 'faults'
			print(#mlmanager.search_runs())" &&
		equal shared 1 "SELECT count(*) FROM metrics WHERE key = 'held'"
}

uri_of() {
	echo "postgresql://ada@$socket:$port/$1"
}

# It logs a hundred thousand points while there is no server, and says that they wait.
log_without_a_server() {
	local uri status=0
	uri=$(database away)
	touch "$files/away.wait"
	flood "$uri" away 1 50000 >"$files/said" 2>&1 &
	local program=$!
	wait_for away.started || return
	cluster_stop fast
	touch "$files/away.go"
	wait_for away.logged || return
	wait "$program" && status=1
	cat "$files/said"
	cluster_start >/dev/null
	grep -q "did not take all records within [0-9]* ms.*stay in the journal" "$files/said" &&
		[ "$status" -eq 0 ] &&
		equal away 0 "SELECT count(*) FROM metrics" &&
		"$host" --store "$uri" -e "mlmanager.set_active_experiment 'faults'
			assert(mlmanager.search_runs()[1].info.status == 'KILLED')" &&
		equal away "100000|2" "SELECT count(*), count(DISTINCT key) FROM metrics"
}

# kill -9, and the next program takes over what it logged.
kill_the_program() {
	local uri
	uri=$(database killed)
	touch "$files/killed.wait" "$files/killed.go"
	flood "$uri" killed 1 20000 &
	wait_for killed.logged || return
	kill -9 $!
	wait $! 2>/dev/null
	"$host" --store "$uri" -e "mlmanager.set_active_experiment 'faults'" &&
		equal killed "40000|2" "SELECT count(*), count(DISTINCT key) FROM metrics" &&
		equal killed KILLED "SELECT status FROM runs" &&
		equal killed 0 "SELECT count(*) FROM mlm_journals"
}

as_role() {
	echo "postgresql://$1@$socket:$port/$2"
}

# A role that may only have one connection, which is in use for a while and then for longer.
few_connections() {
	sql -d away -c "CREATE ROLE few LOGIN CONNECTION LIMIT 1; GRANT ALL ON ALL TABLES IN SCHEMA
		public TO few" || return
	sql -d away -U few -c "SELECT pg_sleep(3)" >/dev/null &
	sleep 0.5
	"$host" --store "$(as_role few away)" -e "mlmanager.set_active_experiment 'faults'" ||
		return
	wait
	sql -d away -U few -c "SELECT pg_sleep(20)" >/dev/null &
	sleep 0.5
	says "too many connections for role" timeout 30 "$host" --store "$(as_role few away)" -e \
		"mlmanager.set_active_experiment 'faults'"
	local status=$?
	end_sleepers
	wait
	return $status
}

read_only_role() {
	sql -d away -c "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public
		TO reader" &&
		"$host" --store "$(as_role reader away)" -e "
			mlmanager.set_active_experiment 'faults'
			assert(#mlmanager.search_runs() == 1)" &&
		says "may only be read" "$host" --store "$(as_role reader away)" -e \
			"mlmanager.create_experiment 'x'"
}

stranger() {
	sql -d away -c "CREATE ROLE stranger LOGIN" &&
		says "permission denied" "$host" --store "$(as_role stranger away)" -e \
			"mlmanager.set_active_experiment 'faults'"
}

# A tablespace that fills up, and grows again.
fill_the_disk() {
	local uri status=0
	mkdir "$cluster/small" &&
		mount -t tmpfs -o size=24m tmpfs "$cluster/small" &&
		chown nobody "$cluster/small" || return
	sql -d postgres -c "CREATE TABLESPACE small LOCATION '$cluster/small'" &&
		sql -d postgres -c "CREATE DATABASE small TABLESPACE small" || return
	uri=$(uri_of small)
	touch "$files/small.wait" "$files/small.go"
	flood "$uri" small 1 200000 >"$files/said" 2>&1 &
	local program=$!
	wait_for small.logged || return
	wait "$program" && status=1
	cat "$files/said"
	grep -q "No space left on device" "$files/said" || status=1
	mount -o remount,size=200m "$cluster/small"
	[ "$status" -eq 0 ] &&
		"$host" --store "$uri" -e "mlmanager.set_active_experiment 'faults'" &&
		equal small "400000|2" "SELECT count(*), count(DISTINCT key) FROM metrics"
}

nobody_there() {
	cluster_stop fast
	says "could not connect to" timeout 5 "$host" --store "$(uri_of away)" -e \
		"mlmanager.set_active_experiment 'faults'"
	local status=$?
	cluster_start >/dev/null
	return $status
}

check "a server starts" cluster_make
check "programs log on while the server is killed three times" flood_while killed_server kill_server
check "programs log on while their connections are cut" flood_while cut cut_connections
check "eight programs log to one run" share_a_run
check "a row that somebody else keeps locked is not waited for without end" hold_a_row
check "a program logs without a server, and the next one delivers" log_without_a_server
check "what a killed program logged is delivered by the next one" kill_the_program
check "a connection that another one has is waited for, not for ever" few_connections
check "a role that may only read reads" read_only_role
check "a role that may nothing hears so" stranger
check "a server that is not there is told of at once" nobody_there
if [ "$(id -u)" -eq 0 ]; then
	check "a disk that was full takes everything once it has room" fill_the_disk
	umount "$cluster/small" 2>/dev/null || umount -l "$cluster/small"
fi
report
