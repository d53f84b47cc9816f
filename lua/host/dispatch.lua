-- SPDX-License-Identifier: Apache-2.0
-- dispatch(name, words): runs the command lua/host/command/<name>.lua and returns the exit status.
-- What it is a function of: (host, given), given being what arguments.lua read; it may return a
-- status. The table `host` gets, beside what src/host/command.h says:
--
--   open(options)       a manager on the store that the command line names, which must exist unless
--                       options.create; closed at the end
--   write(text)         to standard output; raises when that cannot be written
--   fail(format, ...)   ends the command with one sentence, status 1
--   refuse(format, ...) the same for a wrong command line, status 2
--   commands            lua/host/commands.lua

local host = ...

host.commands = host.load "commands"

function host.fail(format, ...)
  error({ status = 1, message = select("#", ...) > 0 and format:format(...) or format }, 0)
end

function host.refuse(format, ...)
  error({ status = 2, message = select("#", ...) > 0 and format:format(...) or format }, 0)
end

function host.write(text)
  local ok, message = io.stdout:write(text)
  if not ok then
    host.fail("could not write to standard output: %s", message)
  end
end

local managers = {}

function host.open(options)
  local create = options and options.create or nil
  local ok, manager = pcall(require "mlmanager".MLManager, {
    store = host.store, artifacts = host.artifacts,
    must_exist = not create, ignore_environment = true,
  })
  if not ok then
    if manager.code == "not_found" and manager.message:find("^there is no store") then
      manager.hint = "a script that logs makes one; --store names another"
    end
    error(manager, 0)
  end
  managers[#managers + 1] = manager
  return manager
end

local function find(name)
  for _, command in ipairs(host.commands.list) do
    if command.name == name then
      return command
    end
  end
  return { name = name, is_hidden = true }
end

local function run(name, words)
  local command = find(name)
  local perform = host.load("command/" .. name)
  if command.is_hidden then
    return perform(host, words)
  end
  local given = host.load "arguments"(command, words)
  if given.help then
    return host.load "command/help"(host, { name })
  end
  host.store = given.store or host.store
  host.artifacts = given.artifacts or host.artifacts
  return perform(host, given)
end

--- An error of a command or of the module is a sentence; any other is a mistake of ours and keeps
--- its traceback.
local function describe(failure)
  if type(failure) == "table" then
    return failure
  end
  return debug.traceback(tostring(failure), 2)
end

return function(name, words)
  local ok, result = xpcall(run, describe, name, words)
  for _, manager in ipairs(managers) do
    local closed, failure = pcall(manager.close, manager)
    if ok and not closed then
      ok, result = false, failure
    end
  end
  if ok then
    local flushed, message = io.stdout:flush()
    if flushed then
      return result or 0
    end
    result = { status = 1, message = "could not write to standard output: " .. message }
  end
  if type(result) ~= "table" or result.code == "interrupted" then
    error(result, 0)
  end
  io.stdout:flush()
  io.stderr:write("mlmanager: ", result.message, "\n")
  if result.hint then
    io.stderr:write(result.hint, "\n")
  end
  return result.status or 1
end
