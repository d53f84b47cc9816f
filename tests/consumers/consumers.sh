#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# consumers.sh BUILD: installs the build somewhere and consumes it from outside the tree in every
# way that README.md names; then looks at what the libraries show and hold.
set -uo pipefail
# A reader in a pipe reads to its end: the writer of one that stops early fails, and so the pipe.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=$(cd "$1" && pwd -P)
here=$root/tests/consumers
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
prefix="$outside/pre fix"
log=$outside/log
passed=0 failed=0 skipped=0

# Each check ends at its first command that fails; that works in no condition.
check() {
	local name=$1 status
	shift
	(
		set -e
		"$@"
	) >"$log" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		echo "ok   $name"
		passed=$((passed + 1))
	else
		echo "FAIL $name"
		tail -n 25 "$log" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# lacks PATTERN: what is read has no such line.
lacks() {
	if grep -E "$1"; then return 1; fi
}

# Runs a program on a store of its own.
runs() {
	local directory
	directory=$(mktemp -d -p "$outside")
	(cd "$directory" && "$@" "sqlite:$directory/store.db") | grep -x consumed
}

# ---- ways of consuming ----

cc=(cc -std=c11 -Wall -Wextra -Wpedantic -Werror)
cxx=(c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -x c++)
libraries=(-lsqlite3 -lutf8proc -ljansson -lcsv -lpthread -lm)

install_it() {
	cmake --install "$build" --prefix "$prefix"
	[ -x "$prefix/bin/mlmanager" ] && "$prefix/bin/mlmanager" --version
	# A stock Lua of this prefix finds the module by its own default path.
	LUA_CPATH="$prefix/lib/lua/5.4/?.so" lua5.4 -e 'assert(require("mlmanager").MLManager)'
	echo 'int header_alone;' >"$outside/alone.c"
	for header in "$root"/src/include/mlmanager/*.h; do
		"${cc[@]}" -fsyntax-only -I"$prefix/include" \
			-include "mlmanager/$(basename "$header")" "$outside/alone.c"
	done
}

plain_shared() {
	"${cc[@]}" "$here/program.c" -I"$prefix/include" -L"$prefix/lib" -lmlmanager \
		-o "$outside/plain_shared"
	runs env LD_LIBRARY_PATH="$prefix/lib" "$outside/plain_shared"
}

plain_static() {
	"${cc[@]}" "$here/program.c" -I"$prefix/include" "$prefix/lib/libmlmanager.a" \
		"${libraries[@]}" -o "$outside/plain_static"
	runs "$outside/plain_static"
}

plain_cxx() {
	"${cxx[@]}" "$here/program.c" -x none -I"$prefix/include" "$prefix/lib/libmlmanager.a" \
		"${libraries[@]}" -o "$outside/plain_cxx"
	runs "$outside/plain_cxx"
}

pkg_config() {
	PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config "$@" mlmanager
}

pkg_config_shared() {
	eval "flags=($(pkg_config --cflags --libs))"
	[[ " ${flags[*]} " != *sqlite* ]]
	"${cc[@]}" "$here/program.c" "${flags[@]}" -o "$outside/pkg_shared"
	runs env LD_LIBRARY_PATH="$prefix/lib" "$outside/pkg_shared"
}

# Only the archive is there, as with a distribution's static package.
pkg_config_static() {
	local moved=$outside/static
	cp -r "$prefix" "$moved"
	rm "$moved"/lib/libmlmanager.so*
	eval "flags=($(PKG_CONFIG_PATH="$moved/lib/pkgconfig" pkg-config --static --cflags --libs \
		mlmanager))"
	"${cc[@]}" "$here/program.c" "${flags[@]}" -o "$outside/pkg_static"
	rm -r "$moved"
	runs "$outside/pkg_static"
}

# project NAME [OPTION…]: a copy of the project outside the tree, configured and built.
project() {
	local name=$1
	shift
	cp -r "$here/$name" "$outside/$name"
	cp "$here/program.c" "$outside/$name"
	cmake -S "$outside/$name" -B "$outside/$name/build" "$@"
	cmake --build "$outside/$name/build" --parallel
}

find_package() {
	project find_package -DCMAKE_PREFIX_PATH="$prefix"
	runs "$outside/find_package/build/shared"
	runs "$outside/find_package/build/static"
	runs "$outside/find_package/build/shared_cxx"
	ldd "$outside/find_package/build/static" | lacks libmlmanager
}

add_subdirectory() {
	project add_subdirectory -DMLMANAGER="$root" -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_INSTALL_PREFIX="$outside/none"
	runs "$outside/add_subdirectory/build/out/program"
	ldd "$outside/add_subdirectory/build/out/program" | lacks libmlmanager
	# Nothing of ours is tested or installed by a project that only links to us.
	[ "$(ctest --test-dir "$outside/add_subdirectory/build" -N | grep -c 'Test *#')" = 0 ]
	cmake --install "$outside/add_subdirectory/build"
	[ ! -e "$outside/none" ]
}

fetch_content() {
	project fetch_content -DMLMANAGER="$root"
	runs "$outside/fetch_content/build/program"
	ldd "$outside/fetch_content/build/program" | grep libmlmanager
}

# examples/embed, as a project that somebody copied.
embed_examples() {
	local store=sqlite:$outside/embed.db built=$outside/embed/build
	cp -r "$root/examples/embed" "$outside/embed"
	cmake -S "$outside/embed" -B "$built" -DCMAKE_PREFIX_PATH="$prefix" \
		-DCMAKE_C_FLAGS="-Wpedantic -Werror"
	cmake --build "$built" --parallel
	"$built/simulation" --steps 480 --boxes 50 --store "$store" >"$outside/simulation.out"
	grep -E '^  logging its 50 metrics +[0-9.]+ +[0-9.]+ +[0-9.]+$' "$outside/simulation.out"
	"$built/script_host" --frames 90 --store "$store" "$outside/embed/game.lua"
	cat >"$outside/broken.lua" <<-'END'
		local mlmanager = require "mlmanager"
		mlmanager.create_experiment "broken"
		mlmanager.start_run()
		function update() error "on purpose" end
	END
	if "$built/script_host" --store "$store" "$outside/broken.lua" 2>"$outside/err"; then
		return 1
	fi
	grep -q 'broken.lua:4: on purpose' "$outside/err"
	"$prefix/bin/mlmanager" --store "$store" "$here/embedded.lua"
}

# The rock, in a tree of its own and from a copy of what it needs of ours.
luarocks_make() {
	local source=$outside/rock tree=$outside/rocks
	mkdir "$source"
	cp -r "$root"/{CMakeLists.txt,src,lua,scripts} "$source"
	(cd "$source" && luarocks --lua-version 5.4 --tree "$tree" make scripts/*.rockspec)
	eval "$(luarocks --lua-version 5.4 --tree "$tree" path)"
	(cd "$tree" && lua5.4 "$here/rock.lua") | grep -x consumed
}

engine_names() {
	"${cc[@]}" -Dmain=main_of_library -c "$here/program.c" -I"$prefix/include" \
		-Wno-missing-prototypes -o "$outside/program.o"
	"${cc[@]}" "$here/engine.c" "$outside/program.o" "$prefix/lib/libmlmanager.a" \
		"${libraries[@]}" -o "$outside/engine"
	runs "$outside/engine"
}

# ---- what the libraries show and hold ----

shared=$prefix/lib/libmlmanager.so
archive=$prefix/lib/libmlmanager.a

# Every name is public, and every public function of the headers is there.
names_of() {
	grep -ohE '^MLM_EXPORT [^(]*\b(mlm|luaopen)_[a-z0-9_]+\(' "$@" |
		grep -oE '(mlm|luaopen)_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

shown_by() {
	nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' | sort
}

symbols() {
	local headers module dynamic
	mapfile -t headers < <(ls "$root"/src/include/mlmanager/*.h | grep -v /lua_module)
	module=$root/src/include/mlmanager/lua_module.h
	dynamic=$(nm -D --defined-only "$shared" | awk '{ print $3 }' | sort)
	diff <(names_of "${headers[@]}") <(echo "$dynamic")
	diff <(names_of "${headers[@]}") <(shown_by "$archive")
	diff <(names_of "${headers[@]}" "$module") <(shown_by "$prefix/lib/libmlmanager_lua5.4.a")
	diff <(echo luaopen_mlmanager) \
		<(nm -D --defined-only "$prefix/lib/lua/5.4/mlmanager.so" | awk '{ print $3 }')
	nm -D "$shared" | lacks ' (lua_|lua[A-Z]+_)'
	nm "$archive" | lacks ' (lua_|lua[A-Z]+_)'
}

# Nothing happens when the library is loaded or the program ends: no constructor, no destructor, no
# atexit. What the compiler's own start files bring to every shared library is all there is.
no_constructors() {
	readelf -SW "$archive" | lacks '\.(init_array|fini_array|ctors|dtors|preinit_array)'
	nm "$archive" | lacks ' U (atexit|__cxa_atexit|on_exit|at_quick_exit)$'
	echo 'int nothing;' | cc -shared -fPIC -x c - -o "$outside/nothing.so"
	diff <(arrays_of "$outside/nothing.so") <(arrays_of "$shared")
}

arrays_of() {
	readelf -SW "$1" | sed 's/^ *\[ *[0-9]*\]//' |
		awk '$1 ~ /^\.(preinit|init|fini)_array$/ { print $1, $5 }'
}

# The heavy libraries are loaded when they are needed.
needed() {
	readelf -dW "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
		sed -E '/^(libc|libm|libcsv|libsqlite3|libutf8proc|libjansson|ld-linux.*)\.so\./d' |
		lacks .
}

check "cmake --install" install_it
check "cc, shared" plain_shared
check "cc, static" plain_static
check "c++17, static" plain_cxx
check "pkg-config, shared" pkg_config_shared
check "pkg-config, static" pkg_config_static
check "find_package" find_package
check "add_subdirectory" add_subdirectory
check "FetchContent" fetch_content
check "examples/embed" embed_examples
if "$root/scripts/setup.sh" packages luarocks && command -v luarocks >/dev/null; then
	check "luarocks make" luarocks_make
else
	echo "skipped luarocks (there is no package luarocks)"
	skipped=1
fi
check "an engine's own names" engine_names
check "only mlm_ names" symbols
check "no constructors" no_constructors
check "needed libraries" needed

strip -o "$outside/stripped.so" "$shared" && size=$(stat -c %s "$outside/stripped.so") &&
	echo "libmlmanager.so is $((size / 1024)) KiB, stripped"
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
