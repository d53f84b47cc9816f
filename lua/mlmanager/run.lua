-- SPDX-License-Identifier: Apache-2.0
-- manager:run(options, fn, ...): calls fn(run, ...) with a run of its own around it. In come the
-- manager; failed_status(failure), how a run ends that an error leaves; and refuse(message), which
-- raises the module's error value.

local manager, failed_status, refuse = ...

-- Lua 5.1 has it as a global.
local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local function pack(...)
  return { n = select("#", ...), ... }
end

local function describe(failure)
  local ok, text = pcall(tostring, failure)
  return ok and text or "an error of type " .. type(failure)
end

--- Ends the run, and before it those that fn started inside it and left open.
local function end_with_nested(run, status)
  while run:is_open() do
    local ok, failure = pcall(run.end_run, run, { status = status })
    local top = manager.current_run_id
    if ok or not run:is_open() or failure.code ~= "state" or top == run.run_id then
      return ok, failure
    end
    pcall(manager.end_run, { status = status })
    if manager.current_run_id == top then
      return ok, failure
    end
  end
  return true
end

local function run_block(options, fn, ...)
  if options ~= nil and type(options) ~= "table" then
    refuse(("bad argument #1 to 'run' (options must be a table as start_run takes it, got a %s)")
      :format(type(options)))
  end
  if type(fn) ~= "function" then
    refuse(("bad argument #2 to 'run' (fn must be a function that takes the run, got %s)"):format(
      fn == nil and "nil" or "a " .. type(fn)))
  end
  local run = manager.start_run(options or {})
  local arguments, traceback = pack(run, ...), nil
  local results = pack(xpcall(function()
    return fn(unpack(arguments, 1, arguments.n))
  end, function(failure)
    traceback = debug.traceback(describe(failure), 2)
    return failure
  end))
  if not results[1] then
    if run:is_open() then
      local status = failed_status(results[2])
      if status == "FAILED" then -- Ctrl-C is nothing that the run did wrong
        -- A run that cannot be tagged still has its error raised, which says more.
        pcall(run.set_traceback, run, traceback or describe(results[2]))
      end
      end_with_nested(run, status)
    end
    error(results[2], 0)
  end
  local ok, failure = end_with_nested(run)
  if not ok then
    error(failure, 0)
  end
  return unpack(results, 2, results.n)
end

local function run_with_options(options, ...)
  if type(options) == "function" then
    return run_block({}, options, ...)
  end
  return run_block(options, ...)
end

return function(first, ...)
  if rawequal(first, manager) then
    return run_with_options(...)
  end
  return run_with_options(first, ...)
end
