#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# specs.sh BUILD INTERPRETER FILE…: runs specs on what was built in BUILD, in its host or in a stock
# Lua, and says how many passed. A spec's place for what it needs besides is the top of the tree.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$root" || exit 1
build=$1 interpreter=$2
shift 2

export MLMANAGER_HOST=$build/mlmanager
if [ ! "$interpreter" -ef "$MLMANAGER_HOST" ]; then
	export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;" LUA_CPATH="$build/?.so;;"
	export MLMANAGER_MODULES=$build
fi
"$interpreter" "$(command -v busted)" -o TAP "$@" | awk '
	{ print }
	/^ok / && !/# SKIP/ { passed++ }
	/^ok .*# SKIP/ { skipped++; sub(/^.*# SKIP */, ""); print "skipped " $0 }
	/^not ok / { failed++ }
	END {
		printf "%d passed, %d failed", passed, failed + !(passed + failed + skipped)
		if (skipped) printf ", %d skipped", skipped
		printf "\n"
		exit failed + !(passed + failed + skipped)
	}'
