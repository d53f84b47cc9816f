std = "lua54"
max_line_length = 100
files["tests/lua"] = { std = "+busted" }
-- What is built into the module runs in the Lua of the program that loads it.
files["lua/mlmanager"] = { std = "min" }
files["tests/lua/any_lua.lua"] = { std = "min" }
files["tests/peers/love/conf.lua"] = { std = "luajit", globals = { "love" } }
files["tests/peers/love/main.lua"] = { std = "luajit", globals = { "love" } }
files["tests/peers/minetest/game"] = { std = "luajit", globals = { "minetest" } }
files["lua/meta"] = { ignore = { "111", "121", "131", "211", "212", "241" } }
exclude_files = { "build" }
