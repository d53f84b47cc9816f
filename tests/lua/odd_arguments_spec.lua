-- SPDX-License-Identifier: Apache-2.0
-- Every function of a manager and of runs with arguments that make no sense: each call succeeds or
-- raises an error value whose message is UTF-8. Under the sanitizers this is a small fuzzer.

local scratch = require "tests.lua.scratch"

local CALLS <const> = 6000
local FIELDS <const> = { "key", "value", "step", "timestamp", "tags", "run_name", "metrics",
  "params", "name", "create", "metadata", "status", "nested", "experiment_id", "filter",
  "order_by", "max_results", "view", "page_token", "run_id", "columns", "metric", "reset",
  "experiment_ids", "user_id", "unknown" }

-- Not those that would write elsewhere, wait, or end what the spec needs.
local LEFT_OUT <const> = { close = true, doctor = true, flush = true }

local function describe_call(name, arguments)
  local words = {}
  for i = 1, arguments.n do
    words[i] = ("%s %q"):format(type(arguments[i]), tostring(arguments[i]):sub(1, 40))
  end
  return name .. "(" .. table.concat(words, ", ") .. ")"
end

describe("Odd arguments", function()
  it("raise what says so", scratch.run(function(manager, run)
    math.randomseed(20, 26)
    local others = { require "mlmanager", io.stdout, coroutine.create(print),
      function() end, setmetatable({}, { __name = 5, __len = function() return 1e9 end }) }
    local simple = { true, false, 0 / 0, math.huge, -1, 0, 1, 2.5, math.mininteger, "", "1", "a",
      "a\0b", "\xff\xfe", ("k"):rep(300), "metrics.a > 1", "name" }

    local function odd(depth)
      local kind = math.random(12)
      if kind == 1 then
        return nil
      elseif kind == 2 then
        return others[math.random(#others)]
      elseif kind == 3 then
        return math.random(2) == 1 and manager or run
      elseif kind == 4 then
        return manager.current_run_id
      elseif kind <= 8 or depth > 2 then
        return simple[math.random(#simple)]
      end
      local value = {}
      for i = 1, math.random(0, 4) do
        local key = kind == 9 and FIELDS[math.random(#FIELDS)] or i
        value[key] = kind == 12 and { "k" .. math.random(9), odd(depth + 1) } or odd(depth + 1)
      end
      return value
    end

    local functions = {}
    for name, value in pairs(manager) do
      if type(value) == "function" and not LEFT_OUT[name] then
        functions[#functions + 1] = { name = name, call = value, self = manager }
      end
    end
    for name, value in pairs(debug.getmetatable(run).__index) do
      functions[#functions + 1] = { name = "run:" .. name, call = value, self = run }
    end
    table.sort(functions, function(a, b) return a.name < b.name end)

    local succeeded = 0
    for _ = 1, CALLS do
      local one = functions[math.random(#functions)]
      local arguments = { n = math.random(0, 4) }
      for i = 1, arguments.n do
        arguments[i] = odd(0)
      end
      if math.random(2) == 1 and arguments.n > 0 then
        arguments[1] = one.self
      end
      local ok, failure = pcall(one.call, table.unpack(arguments, 1, arguments.n))
      if ok then
        succeeded = succeeded + 1
      elseif type(failure) ~= "table" or not failure.code or not utf8.len(failure.message) then
        error(describe_call(one.name, arguments) .. " raised " .. tostring(failure))
      end
      pcall(manager.set_active_experiment, "spec")
      if not manager.current_run_id then
        manager.create_experiment("again" .. math.random(1 << 40))
        run = manager.start_run()
      end
    end
    assert.is_true(succeeded > CALLS / 20)
    while manager.current_run_id do
      manager.delete_active_run()
    end
  end))
end)
