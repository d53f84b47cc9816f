-- SPDX-License-Identifier: Apache-2.0
-- Stores for specs: each spec gets one of its own, and fails where it leaves a run open, a journal
-- or another file behind. Stores are files, or databases (tests/lua/database.lua).

local mlmanager = require "mlmanager"
local database = require "tests.lua.database"
local process = require "tests.lua.process"

local scratch = {}

-- What may lie beside a store whose manager is closed.
local expected = { ["mlmanager.db"] = true, mlartifacts = true, journals = true }

-- What was raised, with the place of the deepest call only.
local function keep_traceback(failure)
  if type(failure) == "string" and not failure:find("stack traceback:", 1, true) then
    return debug.traceback(failure, 2)
  end
  return failure
end

local function list(directory)
  local names = {}
  local pipe <close> = assert(io.popen("ls -A " .. directory .. " 2>/dev/null"))
  for name in pipe:lines() do
    names[#names + 1] = name
  end
  return names
end

--- What opens a manager on the store of a spec that has this directory.
function scratch.options(directory)
  local uri = database.uri(directory)
  if not uri then
    return { store = "sqlite:" .. directory .. "/mlmanager.db" }
  end
  return {
    store = uri,
    artifacts = directory .. "/mlartifacts",
    journal_dir = directory .. "/journals",
  }
end

--- A spec over a new store: fn(manager, directory, open). The manager has no experiment yet;
--- open(options) gives another one on the same store, closed after the spec.
function scratch.store(fn)
  return function()
    local directory = process.directory()
    database.create(directory)
    local opened = {}
    local function open(options)
      local all = scratch.options(directory)
      for name, value in pairs(options or {}) do
        all[name] = value
      end
      opened[#opened + 1] = mlmanager.MLManager(all)
      return opened[#opened]
    end
    local ok, failure = xpcall(fn, keep_traceback, open(), directory, open)
    local left_open
    for _, manager in ipairs(opened) do
      left_open = left_open or manager.current_run_id
      manager:close()
    end
    collectgarbage() -- managers that the spec has opened itself
    local names = list(directory)
    table.move(list(directory .. "/journals"), 1, 1000, #names + 1, names)
    process.remove(directory)
    database.drop(directory)
    if not ok then
      error(failure, 0)
    end
    assert(not left_open, "the spec left a run open")
    for _, name in ipairs(names) do
      assert(expected[name], "the spec left a file behind: " .. name)
    end
  end
end

--- A spec inside a run: fn(manager, run, directory), with experiment "spec" active. The run is
--- ended afterwards unless the spec has.
function scratch.run(fn)
  return scratch.store(function(manager, directory)
    manager:create_experiment("spec")
    local run = manager:start_run { run_name = "spec" }
    local ok, failure = xpcall(fn, keep_traceback, manager, run, directory)
    if run:is_open() and (not ok or manager.current_run_id == run.run_id) then
      pcall(run.close, run) -- what the spec raised goes first; the store's check sees the rest
    end
    if not ok then
      error(failure, 0)
    end
  end)
end

--- Checks that f(...) raises an error value with this code whose message has each of parts.
function scratch.refused(code, parts, f, ...)
  local ok, failure = pcall(f, ...)
  assert(not ok, "nothing was raised")
  if type(failure) ~= "table" or not failure.code then
    error("not an error value: " .. tostring(failure), 2)
  end
  if failure.code ~= code then
    error(("code is '%s', not '%s': %s"):format(failure.code, code, failure.message), 2)
  end
  for _, part in ipairs(type(parts) == "table" and parts or { parts }) do
    if not failure.message:find(part, 1, true) then
      error(("'%s' is without '%s'"):format(failure.message, part), 2)
    end
  end
  return failure
end

--- The run as the store has it.
function scratch.stored(manager, run)
  return manager:get_run(run.run_id)
end

return scratch
