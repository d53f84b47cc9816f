#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The store's contract on a real PostgreSQL: over its socket, with a password, and over TLS; and the
# specs of what Lua scripts call.
# PRESET is the build to test: dev, asan or tsan.
# Packages: postgresql openssl
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
preset=${PRESET:-dev}
. "$root/tests/peers/check.sh"
. "$root/tests/peers/cluster.sh"

certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$cluster/key.pem" \
		-out "$cluster/certificate.pem" &&
		chmod 600 "$cluster/key.pem" && chmod 644 "$cluster/certificate.pem"
	[ "$(id -u)" -ne 0 ] || chown nobody "$cluster/key.pem"
}

contract() {
	MLMANAGER_TEST_POSTGRES=$1 "$root/build/$preset/tests/postgres_store_test" &&
		sql -d "$2" -c 'SELECT 1 FROM mlm_journals LIMIT 1'
}

artifacts() {
	MLMANAGER_TEST_POSTGRES=$1 "$root/build/$preset/tests/blob_postgres_test"
}

specs() {
	local names=(artifact error experiment metric metric_handle odd_arguments run run_block
		text timer show runs lifecycle plot_command transfer watch)
	# What these say is about files.
	local files=("deletes runs and tells how to undo it" "needs another store"
		"waits for a store and survives" "gives it back while it is stopped")
	MLMANAGER_TEST_POSTGRES=$1 MLMANAGER_TEST_PSQL=$bin/psql \
		MLMANAGER_HOST=$root/build/$preset/mlmanager \
		LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" \
		"$root/build/$preset/mlmanager" "$(command -v busted)" -o TAP \
		"${files[@]/#/--filter-out=}" \
		$(printf "$root/tests/lua/%s_spec.lua " "${names[@]}") >"$directory/specs"
	local status=$?
	grep '^not ok' "$directory/specs"
	[ "$(grep -c '^ok' "$directory/specs")" -gt 100 ] && [ "$status" -eq 0 ]
}

pool() {
	MLMANAGER_TEST_POSTGRES=$1 MLMANAGER_JOURNAL_DIR=$directory/journals \
		"$root/build/$preset/tests/postgres_pool_test"
}

# said STATUS PART PROGRAM…: how it ends, and what it prints.
said() {
	local status=$1 part=$2 out
	shift 2
	out=$("$root/build/$preset/mlmanager" "$@")
	[ $? -eq "$status" ] && [[ $out == *"$part"* ]] || {
		echo "$*: $out"
		return 1
	}
}

doctor() {
	said 0 "" --store "$1" -e 'local m = require "mlmanager"
		m.create_experiment "sick" m.start_run() m.log_metric("loss", 1)
		m.log_metric("loss", 2) m.end_run()' &&
		said 0 "in order" doctor --store "$1" &&
		sql -d doctor -c "UPDATE latest_metrics SET value = 7" \
			-c "UPDATE runs SET user_id = NULL" &&
		said 1 "problem: the latest value of metric 'loss'" doctor --store "$1" --dry-run &&
		said 0 "repaired: the run " doctor --store "$1" &&
		said 0 "in order" doctor --store "$1" &&
		sql -d doctor -c "UPDATE latest_metrics SET value = 7" &&
		said 0 "1 repaired, 0 left" doctor --store "$1"
}

# What is said of a URI must not hold the password.
refused() {
	local said
	! said=$(MLMANAGER_TEST_POSTGRES=$1 "$root/build/$preset/tests/postgres_store_test" 2>&1) ||
		return 1
	echo "$said"
	[[ $said == *"$2"* && $said != *"sesame"* ]]
}

check "a certificate is made" certificate
check "a server starts" cluster_make -c ssl=on "-c ssl_cert_file='$cluster/certificate.pem'" \
	"-c ssl_key_file='$cluster/key.pem'"
for name in password tls; do
	database $name >/dev/null
done
check "the contract holds over a socket" contract "$(database socket)" socket
check "the contract holds over TCP with a password" \
	contract "postgresql://ada:open%20sesame@localhost:$port/password?sslmode=disable" password
check "the contract holds over TLS, verified" contract "postgresql://ada:open%20sesame@localhost\
:$port/tls?sslmode=verify-full&sslrootcert=$cluster/certificate.pem" tls
check "the managers of a process share connections" pool "$(database pool)"
check "the contract of artifacts holds in its rows" artifacts "$(database artifacts)"
check "the specs hold" specs "postgresql://ada:open%20sesame@localhost:$port"
check "doctor finds, repairs and says so once" doctor "$(database doctor)"
check "a wrong password is refused" \
	refused "postgresql://ada:closed%20sesame@localhost:$port/password" \
	"password authentication failed"
check "a URI that cannot be read is refused" \
	refused "postgresql://ada:%sesame@localhost:$port/password" "cannot read the URI"
check "an option that libpq does not have is refused" \
	refused "postgresql://ada:sesame@localhost:$port/password?bogus=1" "cannot read the URI"
report
