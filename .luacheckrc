std = "lua54"
max_line_length = 100
files["tests/lua"] = { std = "+busted" }
files["lua/meta"] = { ignore = { "111", "121", "131", "211", "212", "241" } }
exclude_files = { "build" }
