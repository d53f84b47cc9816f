-- SPDX-License-Identifier: Apache-2.0
-- manager:run(options, fn, ...): calls fn(run, ...) with a run of its own around it.

-- The error itself goes on to the caller; what it looked like where it was raised goes to the run.
local function keep_traceback(failure)
  return { failure = failure, traceback = debug.traceback(tostring(failure), 2) }
end

--- Ctrl-C is nothing that the run did wrong.
local function is_interrupt(failure)
  return type(failure) == "table" and rawget(failure, "code") == "interrupted"
end

local function describe(run, failure, status)
  -- A run that cannot be tagged still has its error raised, which says more.
  if status == "FAILED" then
    pcall(run.set_traceback, run, failure.traceback)
  end
  pcall(run.end_run, run, { status = status })
end

-- Runs that fn started inside and left open end as the run around them does.
local function end_nested(manager, run, status)
  while manager.current_run_id and manager.current_run_id ~= run.run_id do
    local id = manager.current_run_id
    pcall(manager.end_run, { status = status })
    if manager.current_run_id == id then
      return
    end
  end
end

return function(manager, options, fn, ...)
  local arguments
  if type(options) == "function" then
    arguments = table.pack(fn, ...)
    options, fn = {}, options
    if arguments[1] == nil and arguments.n == 1 then
      arguments.n = 0
    end
  else
    arguments = table.pack(...)
  end
  if type(fn) ~= "function" then
    error(("bad argument #2 to 'run' (a function that takes the run is wanted, got %s)"):format(
      type(fn)), 3)
  end
  local run = manager.start_run(options or {})
  local results = table.pack(xpcall(fn, keep_traceback, run,
    table.unpack(arguments, 1, arguments.n)))
  if not results[1] then
    if run:is_open() then
      local status = is_interrupt(results[2].failure) and "KILLED" or "FAILED"
      end_nested(manager, run, status)
      describe(run, results[2], status)
    end
    error(results[2].failure, 0)
  end
  if run:is_open() then
    end_nested(manager, run, "FINISHED")
    run:end_run()
  end
  return table.unpack(results, 2, results.n)
end
