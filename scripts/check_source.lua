-- SPDX-License-Identifier: Apache-2.0
-- The rules of this tree that no compiler holds. Run from the top of the tree:
--   lua5.4 scripts/check_source.lua
-- Prints one line a finding and ends with status 1 if there is any.

local LINES_MAX = 800
local COLUMNS_MAX = 100
local TAB = 8

-- A folder may include itself, the public headers and the folders before it.
local LAYERS = { "base", "transport", "store", "artifact", "core", "binding", "host" }
-- Foreign headers, and the only folders that may see them.
local FOREIGN = {
  { "^sqlite3%.h$", { store = true } },
  { "^libpq%-fe%.h$", { store = true } },
  { "^csv%.h$", { base = true } },
  { "^curl/", { transport = true } },
  { "^archive%.h$", { base = true } },
  { "^archive_entry%.h$", { base = true } },
  { "^yaml%.h$", { base = true } },
  { "^expat%.h$", { base = true } },
  { "^zlib%.h$", { base = true } },
  { "^jansson%.h$", { transport = true, store = true, artifact = true } },
  { "^lua%.h$", { binding = true, host = true } },
  { "^lauxlib%.h$", { binding = true, host = true } },
  { "^lualib%.h$", { binding = true, host = true } },
  { "^histedit%.h$", { host = true } },
  { "^openssl/", { base = true } },
  { "^png%.h$", { base = true } },
  { "^webp/", { base = true } },
  { "^utf8proc%.h$", { base = true, artifact = true, core = true, binding = true } },
}
local BANNED_NAMES = { util = 1, utils = 1, misc = 1, helper = 1, helpers = 1, common = 1 }
local BANNED_CALLS = { "strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi" }

-- What the Luas of other programs lack. The module is built for all of them.
local NOT_PORTABLE = {
  { "^src/binding/", '#%s*include%s+<lua%.h>', "include binding/lua_version.h instead" },
  { "^src/binding/", '#%s*include%s+<lauxlib%.h>', "include binding/lua_version.h instead" },
  { "^src/binding/", '%%I', "lua_pushfstring knows no %I in Lua 5.1; write digits with snprintf" },
  { "^src/binding/", 'iuservalue', "a userdata has no user values in Lua 5.1" },
  { "^src/binding/", 'luaL_buffinitsize', "Lua 5.1 has none; take binding_scratch" },
  { "^lua/mlmanager/", '^[^-]*\\[xuz]', "an escape that Lua 5.1 does not know" },
  { "^lua/mlmanager/", 'math%.log%([^()]*,', "math.log takes no base in Lua 5.1" },
}

-- src/<folder>/<name>.c without tests/c/<folder>/<name>_test.c, each with what tests it instead.
-- The list may only shrink: an entry whose test exists, or whose source is gone, is a finding.
local UNTESTED = {
  ["base/arena"] = "through the store's tests",
  ["base/temporary_file"] = "core/artifact_test, which packs and extracts",
  ["base/error"] = "through every test of a status",
  ["base/memory"] = "core/allocator_test",
  ["artifact/s3"] = "tests/peers/s3_artifacts.py: the contract on moto and on versitygw",
  ["artifact/s3_download"] = "tests/peers/s3_artifacts.py cuts and damages",
  ["artifact/artifact_file"] = "core/artifact_test",
  ["artifact/s3_workers"] = "tests/peers/s3_artifacts.py cuts and damages",
  ["artifact/s3_upload"] = "tests/peers/s3_artifacts.py cuts and damages",
  ["artifact/mlflow_artifacts"] = "tests/peers/mlflow_artifacts.py: the contract on a server",
  ["artifact/proxy_download"] = "tests/peers/mlflow_artifacts.py cuts connections",
  ["artifact/artifact"] = "through the artifacts' contract",
  ["artifact/listing"] = "through the artifacts' contract",
  ["store/sqlite_artifact"] = "through the artifacts' contract on blobs",
  ["core/background_thread"] = "system_metrics_test, journal_test and every flush",
  ["core/artifact_read"] = "core/artifact_test",
  ["core/artifact_sender"] = "core/delivery_test",
  ["core/artifact_source"] = "core/artifact_test",
  ["core/artifact_stream"] = "core/artifact_test",
  ["core/artifact_transfer"] = "core/artifact_test",
  ["core/adoption"] = "tests/crash/kill_test and damage_test",
  ["core/export"] = "core/transfer_test",
  ["core/import"] = "core/transfer_test and tests/crash/transfer_kill_test",
  ["core/mlruns_file"] = "core/transfer_test and tests/fuzz/mlruns_fuzz",
  ["core/mlruns_read"] = "core/transfer_test, tests/fuzz/mlruns_fuzz and tests/peers/mlruns.py",
  ["core/mlruns_write"] = "core/transfer_test and tests/peers/mlruns.py",
  ["core/sync"] = "core/transfer_test",
  ["core/transfer_source"] = "core/transfer_test",
  ["core/flusher"] = "tests/crash/busy_store_test and full_disk_test",
  ["core/fork_guard"] = "tests/crash/fork_test",
  ["core/journal_format"] = "core/journal_test and tests/fuzz/journal_fuzz",
  ["core/journal_keeper"] = "core/journal_test and tests/crash/full_disk_test",
  ["core/journal_reader"] = "core/journal_test, tests/crash/damage_test and the fuzzer",
  ["core/run_refusal"] = "core/run_test and core/delivery_test",
  ["core/run_log"] = "core/run_test",
  ["core/version"] = "tests/lua/host_spec.lua asks for the version",
  ["transport/aws_keys"] = "transport/aws_credentials_test",
  ["transport/aws_profile_keys"] = "transport/aws_credentials_test",
  ["transport/aws_sts"] = "transport/aws_credentials_test and tests/peers/s3_artifacts.py",
  ["transport/curl_library"] = "transport/http_test",
  ["store/answer"] = "through the store's contract",
  ["store/image/schema_image"] = "the build runs it, sqlite_create_test its result",
  ["store/param_conflict"] = "through the store's contract",
  ["store/findings"] = "store/sqlite_check_test",
  ["store/refused_points"] = "through the store's contract",
  ["store/point_summary"] = "through the store's contract",
  ["store/point_cursor"] = "through the store's contract",
  ["store/postgres_apply"] = "tests/c/store/postgres_store_test",
  ["store/postgres_artifact"] = "tests/c/artifact/blob_postgres_test",
  ["store/postgres_array"] = "tests/c/store/postgres_store_test",
  ["store/postgres_check"] = "tests/c/store/postgres_store_test",
  ["store/postgres_experiment"] = "tests/c/store/postgres_store_test",
  ["store/postgres_experiment_read"] = "tests/c/store/postgres_store_test",
  ["store/postgres_history"] = "tests/c/store/postgres_store_test",
  ["store/postgres_input"] = "tests/c/store/postgres_store_test",
  ["store/postgres_library"] = "tests/c/store/postgres_store_test",
  ["store/postgres_purge"] = "tests/c/store/postgres_store_test",
  ["store/postgres_run"] = "tests/c/store/postgres_store_test",
  ["store/postgres_run_read"] = "tests/c/store/postgres_store_test",
  ["store/postgres_schema"] = "tests/c/store/postgres_store_test",
  ["store/postgres_search"] = "tests/c/store/postgres_store_test",
  ["store/postgres_session"] = "tests/c/store/postgres_store_test",
  ["store/postgres_text"] = "tests/c/store/postgres_store_test",
  ["store/run_status"] = "through the store's contract",
  ["store/spool_queue"] = "store/spool_store_test",
  ["store/spool_read"] = "store/spool_store_test",
  ["store/sql_layout"] = "through sqlite_open_test",
  ["store/sql_search"] = "through sqlite_search_test, the contract and tests/peers/search.py",
  ["store/rest_apply"] = "tests/peers/rest_store.py: the contract on a tracking server",
  ["store/rest_experiment"] = "tests/peers/rest_store.py",
  ["store/rest_history"] = "tests/peers/rest_store.py",
  ["store/rest_input"] = "tests/peers/rest_store.py",
  ["store/rest_json"] = "tests/c/store/rest_store_test and tests/peers/rest_store.py",
  ["store/rest_run"] = "tests/c/store/rest_store_test and tests/peers/rest_store.py",
  ["store/rest_run_read"] = "tests/peers/rest_store.py",
  ["store/rest_text"] = "tests/peers/rest_store.py",
  ["store/sqlite_apply"] = "through the store's contract",
  ["store/sqlite_experiment"] = "through the store's contract",
  ["store/sqlite_experiment_read"] = "through the store's contract",
  ["store/sqlite_failure"] = "through sqlite_open_test and the contract",
  ["store/sqlite_history"] = "through the store's contract",
  ["store/sqlite_input"] = "through the store's contract",
  ["store/sqlite_layout"] = "through sqlite_open_test",
  ["store/sqlite_purge"] = "through the store's contract",
  ["store/sqlite_run"] = "through the store's contract",
  ["store/sqlite_run_read"] = "through the store's contract",
  ["store/sqlite_statement"] = "through the store's contract",
  ["store/sqlite_text"] = "through the store's contract",
  ["store/store"] = "through the manager's tests",
}

-- What belongs to a manager takes its memory from the manager's allocator (base/memory.h). These
-- files have no manager.
local C_MEMORY = { "malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf" }
local WITHOUT_MANAGER = { "^src/core/evaluator", "^src/store/image/" }

local findings = 0
local function finding(path, line, text)
  findings = findings + 1
  print(line and ("%s:%d: %s"):format(path, line, text) or ("%s: %s"):format(path, text))
end

local function lines_of(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  return list
end

local rank = {}
for i, layer in ipairs(LAYERS) do
  rank[layer] = i
end

local function columns(text)
  local count = 0
  for _, code in utf8.codes(text, true) do
    count = code == 9 and count + TAB - count % TAB or count + 1
  end
  return count
end

local function check_include(path, number, line)
  local folder = path:match("^src/([^/]+)/")
  local name = line:match('^%s*#%s*include%s+[<"]([^>"]+)[>"]')
  if not folder or not name then
    return
  end
  for _, rule in ipairs(FOREIGN) do
    if name:match(rule[1]) and not rule[2][folder] then
      finding(path, number, name .. " may not be included in src/" .. folder)
    end
  end
  local from = name:match("^([^/]+)/")
  if folder == "include" then
    if from and rank[from] then
      finding(path, number, "a public header includes the private " .. name)
    end
  elseif from and rank[from] and rank[from] > rank[folder] then
    finding(path, number, ("src/%s includes src/%s, which lies above it"):format(folder, from))
  end
end

-- Code without comments and literals, so that prose may name a banned call.
local function code_of(line)
  return (line:gsub('\\.', ""):gsub('"[^"]*"', '""'):gsub("/%*.-%*/", ""):gsub("//.*", "")
    :gsub("^%s*%*.*", ""):gsub("/%*.*", ""))
end

local function belongs_to_manager(path)
  for _, pattern in ipairs(WITHOUT_MANAGER) do
    if path:match(pattern) then
      return false
    end
  end
  local folder = path:match("^src/([^/]+)/")
  return folder == "transport" or folder == "store" or folder == "artifact" or folder == "core"
end

local function check_memory(path, number, code)
  for _, call in ipairs(C_MEMORY) do
    if code:find("%f[%w_]" .. call .. "%s*%(") then
      finding(path, number, call .. " is not the manager's allocator; see src/base/memory.h")
    end
  end
end

local function check_file(path)
  local base = path:match("([^/]+)$")
  local stem = base:match("^[^.]+")
  if stem and (BANNED_NAMES[stem] or BANNED_NAMES[stem:match("_([^_]+)$") or ""]) then
    finding(path, nil, "the name says nothing; a file is one noun")
  end
  local is_c = path:match("%.[ch]$")
  local is_source = is_c or path:match("%.lua$") or path:match("%.sh$") or path:match("%.py$")
    or base == "CMakeLists.txt"
  local is_text = is_source or path:match("%.md$") or path:match("%.cmake$")
    or path:match("%.rockspec$") or path == ".ci/run"
  local managed = is_c and belongs_to_manager(path)
  local number, has_spdx = 0, false
  for line in io.lines(path) do
    number = number + 1
    if number <= 2 and line:find("SPDX-License-Identifier: Apache-2.0", 1, true) then
      has_spdx = true
    end
    if is_text then
      if not utf8.len(line, 1, -1, true) then
        finding(path, number, "not UTF-8")
      elseif columns(line) > COLUMNS_MAX then
        finding(path, number, ("%d columns, %d at most"):format(columns(line), COLUMNS_MAX))
      end
      if line:find("[ \t]$") then
        finding(path, number, "blanks at the end of the line")
      end
    end
    if line:find("/%f[%w]work/") or line:find("[\"' =]/home/%w") then
      finding(path, number, "the path of one machine")
    end
    for _, rule in ipairs(NOT_PORTABLE) do
      if path:find(rule[1]) and line:find(rule[2]) and base ~= "lua_version.h" then
        finding(path, number, rule[3])
      end
    end
    if is_c then
      check_include(path, number, line)
      local code = code_of(line)
      if managed then
        check_memory(path, number, code)
      end
      for _, call in ipairs(BANNED_CALLS) do
        if path:match("^src/") and code:find("%f[%w_]" .. call .. "%s*%(") then
          finding(path, number, call .. " is not used here")
        end
      end
    end
  end
  if is_source then
    if number > LINES_MAX then
      finding(path, nil, ("%d lines, %d at most"):format(number, LINES_MAX))
    end
    if not has_spdx then
      finding(path, nil, "no SPDX line on top")
    end
  end
end

--- What is built into the module parses as Lua 5.1, which has the least of them: no integer
--- division, no bit operators, no goto, no attributes.
local function check_syntax(paths)
  if #lines_of("command -v luac5.1") == 0 then
    print("lua/mlmanager: not parsed, there is no luac5.1")
    return
  end
  for _, path in ipairs(paths) do
    for _, line in ipairs(lines_of("luac5.1 -p '" .. path .. "' 2>&1")) do
      finding(path, nil, "not Lua 5.1: " .. line:gsub("^luac5.1: ", ""))
    end
  end
end

local function exists(path)
  local file = io.open(path)
  return file and file:close() or false
end

local function check_tests()
  for name in pairs(UNTESTED) do
    if not exists("src/" .. name .. ".c") then
      finding("scripts/check_source.lua", nil, name .. " is listed as untested and is gone")
    elseif exists("tests/c/" .. name .. "_test.c") then
      finding("scripts/check_source.lua", nil, name .. " is listed as untested and has a test")
    end
  end
  local folders = "src/base src/transport src/store src/artifact src/core"
  for _, path in ipairs(lines_of("find " .. folders .. " -name '*.c' | sort")) do
    local name = path:match("^src/(.+)%.c$")
    if not UNTESTED[name] and not exists("tests/c/" .. name .. "_test.c") then
      finding(path, nil, "has no tests/c/" .. name .. "_test.c")
    end
  end
end

--- src/README.md introduces every C file, and none that is gone.
local function check_guide()
  local guide <close> = assert(io.open("src/README.md"))
  local text = guide:read("a")
  for _, path in ipairs(lines_of("cd src && find * -name '*.c' | sort")) do
    if not text:find("`" .. path .. "`", 1, true) then
      finding("src/README.md", nil, "does not introduce " .. path)
    end
  end
  for path in text:gmatch("`([%w_/]+%.[ch])`") do
    if path:find("/", 1, true) and not exists("src/" .. path) then
      finding("src/README.md", nil, "introduces " .. path .. ", which is gone")
    end
  end
end

-- Not yet added files count as well: they are about to be.
local files = lines_of("git ls-files --cached --others --exclude-standard 2>/dev/null")
if #files == 0 then
  files = lines_of("find . -type f -not -path './build/*' -not -path './.git/*' | sed 's:^./::'")
end
local checked = 0
for _, path in ipairs(files) do
  local is_data = path:match("/corpus/") or path:match("%.csv$") or path:match("%.bin$")
  if not is_data and exists(path) then
    check_file(path)
    checked = checked + 1
  end
end
check_tests()
check_guide()
check_syntax(lines_of("ls lua/mlmanager/*.lua"))
print(("source check: %d files, %d findings"):format(checked, findings))
os.exit(findings == 0)
