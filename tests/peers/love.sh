#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# LÖVE loads the module for LuaJIT and logs its frames, without a display.
# Packages: love
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
. "$root/tests/peers/check.sh"

mkdir "$directory/game"
cp "$root"/tests/peers/love/{conf,main}.lua "$root/build/dev/lua-luajit/mlmanager.so" \
	"$directory/game"
export MLMANAGER_STORE=sqlite:$directory/love.db

check "LÖVE runs 300 frames of a game that logs them" \
	env -u DISPLAY -u WAYLAND_DISPLAY HOME="$directory" timeout 60 love "$directory/game"
check "the game's runs are whole in the store" \
	"$root/build/dev/mlmanager" --store "$MLMANAGER_STORE" "$root/tests/peers/love/check.lua"
report
