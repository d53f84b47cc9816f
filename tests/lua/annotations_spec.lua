-- SPDX-License-Identifier: Apache-2.0
-- scripts/annotations.lua: what the host's help is made of.

local annotations = dofile "scripts/annotations.lua"
local process = require "tests.lua.process"

describe("annotations", function()
  local directory

  before_each(function()
    directory = process.directory()
  end)

  after_each(function()
    process.remove(directory)
  end)

  local function read(text)
    process.write(directory .. "/meta.lua", text)
    return annotations.read { directory .. "/meta.lua" }
  end

  it("reads functions with their parameters, results and overloads", function()
    local all = read [[
---@class thing.Thing
local Thing = {}

---Goes there.
---
---    thing:go("home")
---@overload fun(place: string): boolean
---@param place string|fun(x: integer): string, any where to,
---and how
---@param options? table<string, number> how fast
---@return boolean ok whether it went
---@return string? why
function Thing:go(place, options) end
]]
    local entry = all.classes["thing.Thing"].functions[1]
    assert.equal("go", entry.name)
    assert.is_true(entry.is_method)
    assert.equal('Goes there.\n\n    thing:go("home")', entry.text)
    assert.same({
      { name = "place", type = "string|fun(x: integer): string, any", text = "where to, and how" },
      { name = "options", optional = true, type = "table<string, number>", text = "how fast" },
    }, entry.parameters)
    assert.same({
      { type = "boolean", name = "ok", text = "whether it went" },
      { type = "string?", name = "why", text = "" },
    }, entry.returns)
    assert.same({ "fun(place: string): boolean" }, entry.overloads)
  end)

  it("reads classes in parts, aliases and headings", function()
    local all = read [[
---@meta thing

---About things. Types only; the rest is C.

---@class thing.Thing: thing.Base
---@field a? "x"|"y z" one of two
local Thing = {}

---Motion.

---What kind.
---@alias thing.Kind
---| "slow" on foot
---| "fast"

---@class thing.Thing
---@field b { [1]: string }
local More = {}

---Walks.
function More.walk() end
]]
    assert.equal("About things.", all.about)
    local class = all.classes["thing.Thing"]
    assert.equal("thing.Base", class.parent)
    assert.same({
      { name = "a", optional = true, type = '"x"|"y z"', text = "one of two" },
      { name = "b", type = "{ [1]: string }", text = "" },
    }, class.fields)
    assert.equal("Motion", class.functions[1].section)
    assert.same({ { type = '"slow"', text = "on foot" }, { type = '"fast"', text = "" } },
      all.aliases["thing.Kind"].values)
    assert.equal("What kind.", all.aliases["thing.Kind"].text)
  end)

  it("writes what it read as a chunk", function()
    local all = read "---@class thing.Thing\n---@field a string \"quoted\", new\n---line\n"
    assert.same(all, load(annotations.serialize(all))())
  end)

  it("refuses what it does not know, with the place", function()
    for text, message in pairs {
      ["---@clas thing"] = "meta.lua:1: unknown tag @clas",
      ["\n---@field a string"] = "meta.lua:2: a field is ---@field NAME TYPE TEXT",
      ["---@param a"] = "meta.lua:1: a parameter is ---@param NAME TYPE TEXT",
      ["---@class a b"] = "meta.lua:1: a class is ---@class NAME: PARENT",
      ["---@alias -"] = "meta.lua:1: an alias is ---@alias NAME TYPE",
      ["function X.f() end"] = "meta.lua:1: X is no class here",
    } do
      local ok, failure = pcall(read, text)
      assert.is_false(ok)
      assert.truthy(failure:find(message, 1, true), failure)
    end
  end)
end)
