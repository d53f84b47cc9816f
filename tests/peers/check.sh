# SPDX-License-Identifier: Apache-2.0
# What the scripts here share: a directory of their own, counted checks, the line that sums them up.
# shellcheck shell=bash

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
passed=0 failed=0

# check NAME COMMAND…: the command ends well, or its output is shown.
check() {
	local name=$1 status=0
	shift
	"$@" >"$directory/output" 2>&1 </dev/null || status=$?
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name (status $status)"
		tail -n 30 "$directory/output" | sed 's/^/    /'
	fi
}

report() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
