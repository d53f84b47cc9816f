#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The store's contract on a real PostgreSQL: over its socket, with a password, and over TLS.
# Packages: postgresql openssl
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
. "$root/tests/peers/check.sh"

bin=$(find /usr/lib/postgresql -path '*/bin/initdb' | sort -V | tail -n 1)
bin=${bin%/initdb}
port=$((20000 + RANDOM % 20000))
cluster=$directory/cluster
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

stop() {
	as_server "$bin/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$directory"
}
trap stop EXIT

certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$cluster/key.pem" \
		-out "$cluster/certificate.pem" &&
		chmod 600 "$cluster/key.pem" && chmod 644 "$cluster/certificate.pem"
	[ "$(id -u)" -ne 0 ] || chown nobody "$cluster/key.pem"
}

start() {
	echo 'open sesame' >"$cluster/password"
	as_server "$bin/initdb" -D "$cluster/data" -U ada --auth-local=trust \
		--auth-host=scram-sha-256 --pwfile="$cluster/password" -E UTF8 --locale=C.UTF-8 &&
		as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -o "-k '$cluster' \
			-p $port -c listen_addresses=localhost -c fsync=off -c ssl=on \
			-c ssl_cert_file='$cluster/certificate.pem' \
			-c ssl_key_file='$cluster/key.pem'" start
}

sql() {
	as_server "$bin/psql" -qtAX -h "$cluster" -p "$port" -U ada "$@"
}

contract() {
	MLMANAGER_TEST_POSTGRES=$1 "$root/build/dev/tests/postgres_store_test" &&
		sql -d "$2" -c 'SELECT 1 FROM mlm_journals LIMIT 1'
}

# What a wrong password says must not hold the password.
refused() {
	local said
	! said=$(MLMANAGER_TEST_POSTGRES=$1 "$root/build/dev/tests/postgres_store_test" 2>&1) ||
		return 1
	echo "$said"
	[[ $said == *"password authentication failed"* && $said != *"sesame"* ]]
}

check "a certificate is made" certificate
check "a server starts" start
for name in socket password tls; do
	sql -d postgres -c "CREATE DATABASE $name"
done
encoded=${cluster//\//%2F}
check "the contract holds over a socket" contract "postgresql://ada@$encoded:$port/socket" socket
check "the contract holds over TCP with a password" \
	contract "postgresql://ada:open%20sesame@localhost:$port/password?sslmode=disable" password
check "the contract holds over TLS, verified" contract "postgresql://ada:open%20sesame@localhost\
:$port/tls?sslmode=verify-full&sslrootcert=$cluster/certificate.pem" tls
check "a wrong password is refused" \
	refused "postgresql://ada:closed%20sesame@localhost:$port/password"
report
