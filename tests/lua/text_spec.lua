-- SPDX-License-Identifier: Apache-2.0
-- Params and tags: how values become text, the forms of the calls, and what they refuse.

local scratch = require "tests.lua.scratch"
local refused = scratch.refused

local function params(manager, run)
  return scratch.stored(manager, run).data.params
end

--- The tags that the library did not set itself.
local function tags(manager, run)
  local found = {}
  for key, value in pairs(scratch.stored(manager, run).data.tags) do
    if not key:match("^mlflow%.") then
      found[key] = value
    end
  end
  return found
end

-- Both kinds of calls take the same forms.
local kinds = {
  { one = "log_param", short = "lp", many = "log_params", read = params, noun = "param" },
  { one = "set_tag", short = "st", many = "set_tags", read = tags, noun = "tag" },
}

for _, kind in ipairs(kinds) do
  describe(kind.one, function()
    it("takes a key and a value", scratch.run(function(manager, run)
      manager[kind.one](manager, "a", "x") -- the colon
      manager[kind.one]("b", 2) -- the dot
      manager[kind.short](manager, "c", true)
      run[kind.one](run, "d", 0.5)
      assert.same({ a = "x", b = "2", c = "true", d = "0.5" }, kind.read(manager, run))
    end))

    it("takes key= and value=, or a map", scratch.run(function(manager, run)
      manager[kind.one] { key = "a", value = 1 }
      manager[kind.one] { accuracy = "0.90", lr = 0.1 }
      manager[kind.one] { key = "k", other = "o" } -- no value: a map
      assert.same({ a = "1", accuracy = "0.90", lr = "0.1", key = "k", other = "o" },
        kind.read(manager, run))
    end))

    it("writes numbers as the shortest text that reads back equal", scratch.run(
      function(manager, run)
        local cases = {
          { 1, "1" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { -0.0, "-0.0" }, { 1e100, "1e+100" },
          { 64000.0, "64000.0" },
          { 1 / 3, "0.3333333333333333" }, { 123456.789, "123456.789" },
          { math.mininteger, "-9223372036854775808" }, { 2 ^ 53, "9007199254740992.0" },
          { 0 / 0, "nan" }, { math.huge, "inf" }, { -math.huge, "-inf" }, { false, "false" },
          { "", "" }, { "λ → x", "λ → x" },
        }
        local expected = {}
        for i, case in ipairs(cases) do
          manager[kind.one]("k" .. i, case[1])
          expected["k" .. i] = case[2]
          if type(case[1]) == "number" and case[1] == case[1] then
            local text = case[2]:gsub("inf", "1e999")
            assert.equal(case[1], tonumber(text))
          end
        end
        local found = kind.read(manager, run)
        for key, text in pairs(expected) do
          if kind.one == "log_param" or text ~= "9007199254740992.0" then
            assert.equal(text, found[key])
          end
        end
      end))

    it("refuses other values and names the key", scratch.run(function(manager, run)
      refused("invalid", { kind.noun, "'a'", "nil" }, manager[kind.one], "a", nil)
      local sentence = "bad argument #2 to '%s' (the value of %s 'a' must be a string, number or "
        .. "boolean, got a table)"
      refused("invalid", sentence:format(kind.one, kind.noun), manager[kind.one], manager, "a", {})
      refused("invalid", { "'a'", "function" }, manager[kind.one], { a = print })
      refused("invalid", { "'a'", "zero byte" }, manager[kind.one], "a", "x\0y")
      refused("invalid", { "#1" }, manager[kind.one])
      refused("invalid", { "#1", kind.many }, manager[kind.one], { { "a", 1 } })
      assert.same({}, kind.read(manager, run))
    end))

    it("refuses keys and lengths that MLflow would", scratch.run(function(manager, run)
      local most = kind.noun == "param" and 6000 or 8000
      refused("invalid", "empty", manager[kind.one], "", 1)
      refused("invalid", "allowed", manager[kind.one], "a\nb", 1)
      refused("invalid", "250", manager[kind.one], ("k"):rep(251), 1)
      refused("invalid", tostring(most), manager[kind.one], "long", ("é"):rep(most + 1))
      manager[kind.one]("long", ("é"):rep(most))
      assert.equal(2 * most, #kind.read(manager, run).long)
    end))
  end)

  describe(kind.many, function()
    it("takes a list of pairs or a map", scratch.run(function(manager, run)
      manager[kind.many] { { "a", 1 }, { "b", "x" } }
      manager[kind.many](manager, { c = 0.5, d = true })
      run[kind.many](run, { key = "e", value = "f" }) -- a map here
      manager[kind.many] {}
      assert.same({ a = "1", b = "x", c = "0.5", d = "true", key = "e", value = "f" },
        kind.read(manager, run))
    end))

    it("writes all or none", scratch.run(function(manager, run)
      refused("invalid", { "2", "{key, value}" }, manager[kind.many], { { "a", 1 }, "b" })
      refused("invalid", { "'b'", "nil" }, manager[kind.many], { { "a", 1 }, { "b" } })
      refused("invalid", { "allowed" }, manager[kind.many], { { "a", 1 }, { "b\n", 1 } })
      refused("invalid", { "#1", "list", "map" }, manager[kind.many], "a")
      refused("invalid", { "key", "string" }, manager[kind.many], { [true] = 1 })
      assert.same({}, kind.read(manager, run))
    end))

    it("takes more than MLflow takes at once", scratch.run(function(manager, run)
      local many = {}
      for i = 1, 350 do
        many["k" .. i] = i
      end
      manager[kind.many](many)
      local found = kind.read(manager, run)
      for i = 1, 350 do
        assert.equal(tostring(i), found["k" .. i])
      end
    end))

    it("says which call is missing", scratch.store(function(manager)
      refused("state", "start_run", manager[kind.one], "a", 1)
      refused("state", "start_run", manager[kind.many], { a = 1 })
    end))
  end)
end

describe("a param", function()
  it("may be logged again only as it is", scratch.run(function(manager, run)
    manager:log_param("lr", 0.1)
    manager:log_param("lr", "0.1")
    refused("exists", { "'lr'", "0.1", "0.2" }, manager.log_param, "lr", 0.2)
    refused("exists", "'lr'", manager.log_params, { other = 1, lr = 0.2 })
    assert.same({ lr = "0.1" }, params(manager, run))
  end))
end)

describe("a tag", function()
  it("may change, the last one wins", scratch.run(function(manager, run)
    manager:set_tag("a", 1)
    manager:set_tag("a", 2)
    manager:set_tags { { "a", 3 }, { "a", 4 } }
    assert.same({ a = "4" }, tags(manager, run))
  end))

  it("can be deleted", scratch.run(function(manager, run)
    manager:set_tags { a = 1, b = 2 }
    manager:delete_tag("a")
    run:delete_tag("b")
    assert.same({}, tags(manager, run))
    refused("not_found", "'a'", manager.delete_tag, "a")
    refused("invalid", { "#1", "key" }, manager.delete_tag)
  end))
end)
