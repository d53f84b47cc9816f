#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A trusted mod of a Minetest server loads the module for LuaJIT and logs the server's steps.
# Packages: minetest-server
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
. "$root/tests/peers/check.sh"

mkdir "$directory/world"
cp -r "$root/tests/peers/minetest/game" "$directory/game"
cp "$root/build/dev/lua-luajit/mlmanager.so" "$directory/game/mods/logger"
port=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
cat >"$directory/minetest.conf" <<END
secure.trusted_mods = logger
bind_address = 127.0.0.1
mg_name = singlenode
END
cat >"$directory/world/world.mt" <<'END'
gameid = game
backend = dummy
player_backend = dummy
auth_backend = sqlite3
mod_storage_backend = sqlite3
END
export MLMANAGER_STORE=sqlite:$directory/minetest.db

check "Minetest runs 40 steps with a mod that logs them" \
	env HOME="$directory" MINETEST_SUBGAME_PATH="$directory" PATH="$PATH:/usr/games" \
	timeout 60 minetestserver --config "$directory/minetest.conf" \
	--world "$directory/world" --port "$port"
check "the server's run is whole in the store" \
	"$root/build/dev/mlmanager" --store "$MLMANAGER_STORE" \
	"$root/tests/peers/minetest/check.lua"
report
