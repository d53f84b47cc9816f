-- SPDX-License-Identifier: Apache-2.0
-- The module built for other Luas than 5.4, in their own interpreters: any_lua.lua in each, and
-- what a Lua says to the module of another. MLMANAGER_MODULES has the modules, in the directories
-- that CMake's option MLM_LUA makes.

local process = require "tests.lua.process"

local modules = os.getenv("MLMANAGER_MODULES")
local root = os.getenv("PWD")

local LUAS = {
  { interpreter = "lua5.1", module = "lua-5.1" },
  { interpreter = "lua5.1", module = "lua-luajit" },
  { interpreter = "luajit", module = "lua-luajit" },
  { interpreter = "luajit", module = "lua-5.1" },
  { interpreter = "lua5.3", module = "lua-5.3" },
  { interpreter = "lua5.4", module = "." },
}

local directory

local function run(lua, ...)
  local command = { lua.interpreter, ... }
  command.directory = directory
  command.environment = { LUA_CPATH = modules .. "/" .. lua.module .. "/?.so" }
  return process.run(command)
end

describe("the module in other Luas", function()
  if not modules then
    return -- the sanitizers' host is no stock Lua
  end

  before_each(function()
    directory = process.directory()
  end)

  after_each(function()
    process.remove(directory)
  end)

  for _, lua in ipairs(LUAS) do
    it(("works in %s, built for %s"):format(lua.interpreter, lua.module), function()
      local result = run(lua, root .. "/tests/lua/any_lua.lua", directory)
      local count = 0
      for line in result.out:gmatch("[^\n]+") do
        assert(line:find("^ok ") or line:find("^%d+ checks$"), line)
        count = count + 1
      end
      assert.equal(count - 1, tonumber(result.out:match("(%d+) checks\n$")))
      assert.is_true(count > 10)
      assert.equal("", result.err)
      assert.equal(0, result.status)
      local mlmanager = require "mlmanager"
      local manager <close> = mlmanager.MLManager { store = "sqlite:" .. directory .. "/any.db" }
      manager:set_active_experiment "any"
      local last = manager:search_runs { filter = "attributes.run_name = 'left open'" }[1]
      assert.equal("FINISHED", last.info.status)
      assert.equal(1, last.data.metrics.last)
      assert.equal(0, #manager:doctor())
    end)
  end

  it("is refused by a Lua that it was not built for", function()
    local wrong = {
      { interpreter = "lua5.4", module = "lua-5.3" },
      { interpreter = "lua5.4", module = "lua-5.1" },
      { interpreter = "lua5.3", module = "lua-5.1" },
      { interpreter = "lua5.3", module = "." },
      { interpreter = "luajit", module = "." },
      { interpreter = "lua5.1", module = "lua-5.3" },
    }
    for _, lua in ipairs(wrong) do
      local result = run(lua, "-e", "require 'mlmanager'")
      assert.equal(1, result.status)
      assert(result.err:find("undefined symbol: lua", 1, true), result.err)
    end
  end)
end)
