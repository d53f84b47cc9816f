#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/build.sh PRESET [TARGET…]: configures once and builds, quiet unless it fails.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
preset=$1
shift
directory=$root/build/$preset
mkdir -p "$directory"
targets=()
[ $# -eq 0 ] || targets=(--target "$@")

# Two of these at once in one directory would spoil each other's build.
exec 9>"$directory/build.lock"
flock 9
log=$directory/build.log
build() {
	# What a preset says now need not be what it said when the directory was made.
	if [ ! "$directory/preset.stamp" -nt "$root/CMakePresets.json" ]; then
		(cd "$root" && cmake --preset "$preset") && touch "$directory/preset.stamp" ||
			return
	fi
	cmake --build "$directory" "${targets[@]}"
}
if ! build >"$log" 2>&1 9>&- </dev/null; then
	cat "$log" >&2
	echo "build of $preset failed; the lines above are also in $log" >&2
	exit 1
fi
