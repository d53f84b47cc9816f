-- SPDX-License-Identifier: Apache-2.0
-- The host program for specs: commands in a directory with a store of its own.

local assert = require "luassert"
local database = require "tests.lua.database"
local process = require "tests.lua.process"

local program = {}

program.path = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if program.path:sub(1, 1) ~= "/" then
  program.path = os.getenv("PWD") .. "/" .. program.path
end

-- What the person who runs the specs has set must not show in what is expected.
local ENVIRONMENT = {
  LC_ALL = "C.UTF-8", NO_COLOR = "1", PAGER = "cat", TZ = "UTC", TERM = "xterm-256color",
  MLFLOW_TRACKING_URI = "", MLFLOW_EXPERIMENT_NAME = "", MLFLOW_EXPERIMENT_ID = "",
}

local function environment(more)
  local all = {}
  for name, value in pairs(ENVIRONMENT) do
    all[name] = value
  end
  for name, value in pairs(more or {}) do
    all[name] = value
  end
  return all
end

--- A spec in a fresh directory: fn(run, directory). run(word, ...) is the program with these
--- words; its last argument may be a table { environment=, input= }. run.script(code) logs
--- something, run.terminal(steps, word, ...) plays a person (tests/terminal/terminal.c);
--- run.terminal_shell(steps, command) has a shell start the program there, which is its "$0".
function program.spec(fn)
  return function()
    local directory = process.directory()
    local run = {}
    database.create(directory)

    local function start(command, ...)
      local words = { ... }
      local options = type(words[#words]) == "table" and table.remove(words) or {}
      table.move(words, 1, #words, #command + 1, command)
      command.directory = directory
      command.environment = environment(options.environment)
      if command.environment.MLFLOW_TRACKING_URI == "" then
        command.environment.MLFLOW_TRACKING_URI = database.uri(directory)
      end
      command.input = command.input or options.input
      return process.run(command)
    end

    function run.script(code)
      local result = start({ program.path, "-", input = "local m = require 'mlmanager'\n" .. code })
      assert.equal("", result.err)
      assert.equal(0, result.status)
      return result.out
    end

    function run.terminal(steps, ...)
      return start({ program.path:match("^(.*)/") .. "/tests/terminal", program.path,
        input = steps }, ...)
    end

    function run.terminal_shell(steps, command, options)
      return start({ program.path:match("^(.*)/") .. "/tests/terminal", "sh", "-c", command,
        program.path, input = steps }, options)
    end

    setmetatable(run, { __call = function(_, ...)
      return start({ program.path }, ...)
    end })
    local ok, failure = pcall(fn, run, directory)
    process.remove(directory)
    database.drop(directory)
    if not ok then
      error(failure, 0)
    end
  end
end

--- Checks that a command ended badly with exactly this on standard error, and nothing on the other.
function program.refused(status, err, result)
  assert.equal(err, result.err)
  assert.equal("", result.out)
  assert.equal(status, result.status)
end

return program
