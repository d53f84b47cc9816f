-- SPDX-License-Identifier: Apache-2.0
-- At the top of a checkout,
--   luarocks --lua-version 5.4 make scripts/mlmanager-0.1.0-1.rockspec
-- builds the module and puts it in place. It needs CMake, a C compiler, pkg-config and the
-- development files that scripts/setup.sh installs.
rockspec_format = "3.0"
package = "mlmanager"
version = "0.1.0-1"
source = {
  url = "git+file://.", -- the checkout itself
}
description = {
  summary = "Tracks machine learning experiments in a store that MLflow opens",
  detailed = [[
    Experiments, runs, metrics, params, tags and timers from Lua, kept in SQLite in MLflow's own
    schema, in PostgreSQL or behind a tracking server. Logging a metric costs about 100 ns and
    survives the death of the process.
  ]],
  license = "Apache-2.0",
  labels = { "machine-learning", "mlflow", "sqlite" },
}
supported_platforms = { "linux" }
dependencies = {
  "lua ~> 5.4",
}
-- What the module is linked to. The headers of what it loads at the first use, such as libcurl, lie
-- where only pkg-config knows; CMake says which are missing.
external_dependencies = {
  SQLITE = { header = "sqlite3.h" },
  UTF8PROC = { header = "utf8proc.h" },
  CSV = { header = "csv.h" },
  JANSSON = { header = "jansson.h" },
}
build = {
  type = "command",
  build_command = "cmake -S . -B build/luarocks -DCMAKE_BUILD_TYPE=Release -DMLM_TESTS=OFF"
    .. " -DLUA_INTERPRETER=$(LUA)"
    .. " && cmake --build build/luarocks --target mlmanager_lua --parallel",
  install = {
    lib = { mlmanager = "build/luarocks/mlmanager.so" },
  },
}
