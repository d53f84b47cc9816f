#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian or Ubuntu packages that are missing, and is silent when none is.
#   scripts/setup.sh         what building and running the host takes
#   scripts/setup.sh test    that and what the tests take
#   scripts/setup.sh packages NAME…   these
set -euo pipefail

packages=(gcc libc6-dev cmake ninja-build pkg-config lua5.4 liblua5.4-dev libsqlite3-dev
	libutf8proc-dev libcsv-dev libedit-dev libarchive-dev libyaml-dev libjansson-dev
	libcurl4-openssl-dev libpq-dev libpng-dev libwebp-dev libssl-dev libexpat1-dev
	zlib1g-dev)
if [ "${1:-}" = test ]; then
	packages+=(g++ clang clang-format lua-busted lua-check lua-cjson python3-venv openssl
		lua5.1 liblua5.1-0-dev lua5.3 liblua5.3-dev luajit libluajit-5.1-dev
		libchipmunk-dev zsh fish mandoc)
	# libFuzzer is a package of its own where clang does not bring it along.
	compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null ||
		packages+=(libclang-rt-dev)
fi

if [ "${1:-}" = packages ]; then
	packages=("${@:2}")
fi

if ! command -v dpkg-query >/dev/null; then
	if ! command -v cmake >/dev/null; then
		echo "setup: without dpkg, install the counterparts of: ${packages[*]}" >&2
		exit 1
	fi
	exit 0
fi

# It fails when it does not know one of them, and still lists the others.
installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "${packages[@]}" 2>/dev/null)" ||
	true
missing=()
for package in "${packages[@]}"; do
	[[ $installed == *" $package:installed "* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: as root, run: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	sudo=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1
}
if ! apt update; then
	# A stale list may still know the packages.
	echo "setup: apt-get update failed: $(tail -n 1 "$log")" >&2
fi
if ! apt install --no-install-recommends "${missing[@]}"; then
	tail -n 20 "$log" >&2
	echo "setup: apt-get install failed; run it by hand: apt-get install ${missing[*]}" >&2
	exit 1
fi
