# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server of a test's own, on a free port of localhost and a socket; source it after
# check.sh. The user is ada, the password over TCP is "open sesame".
# shellcheck shell=bash

bin=$(find /usr/lib/postgresql -path '*/bin/initdb' | sort -V | tail -n 1)
bin=${bin%/initdb}
port=$((20000 + RANDOM % 20000))
# shellcheck disable=SC2154 # check.sh makes it
cluster=$directory/cluster
socket=${cluster//\//%2F}
chmod 755 "$directory"
mkdir "$cluster"

# The server does not run as root.
as_server() {
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u nobody -- "$@"
	else
		"$@"
	fi
}
[ "$(id -u)" -ne 0 ] || chown -R nobody "$cluster"

# Options for the server's command line may follow.
cluster_start() {
	as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -o "-k '$cluster' \
		-p $port -c listen_addresses=localhost -c fsync=off $*" start
}

cluster_stop() {
	as_server "$bin/pg_ctl" -D "$cluster/data" -m "${1:-immediate}" stop >/dev/null 2>&1
}

cluster_make() {
	echo 'open sesame' >"$cluster/password"
	as_server "$bin/initdb" -D "$cluster/data" -U ada --auth-local=trust \
		--auth-host=scram-sha-256 --pwfile="$cluster/password" -E UTF8 --locale=C.UTF-8 &&
		cluster_start "$@"
}

sql() {
	as_server "$bin/psql" -qtAX -h "$cluster" -p "$port" -U ada "$@"
}

# The URI of a database of that name, which is made and empty.
database() {
	sql -d postgres -c "CREATE DATABASE \"$1\"" >&2
	echo "postgresql://ada@$socket:$port/$1"
}

cluster_remove() {
	cluster_stop
	rm -rf "$directory"
}
trap cluster_remove EXIT
