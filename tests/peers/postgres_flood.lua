-- SPDX-License-Identifier: Apache-2.0
-- mlmanager --store URI postgres_flood.lua NAME RUNS POINTS FOLDER [RUN]: what a program does while
-- its server fails. Each run gets POINTS points of two metrics, params and tags. In the FOLDER it
-- makes a file NAME.started when its first run has begun, and NAME.logged when all of a run's
-- points are logged. If there is a file NAME.wait, it waits for NAME.go before it logs, and only
-- logs points. With RUN it logs to that run instead, steps that others log as well.
local mlmanager = require "mlmanager"

local name <const>, runs <const>, points <const>, folder <const>, shared <const> = ...

local function tell(what)
  assert(io.open(folder .. "/" .. name .. "." .. what, "w")):close()
end

local function exists(what)
  local file = io.open(folder .. "/" .. name .. "." .. what)
  return file ~= nil and file:close()
end

local function sleep(seconds)
  os.execute("sleep " .. seconds)
end

local function log()
  if exists "wait" then
    while not exists "go" do
      sleep(0.05)
    end
  end
  for step = 0, tonumber(points) - 1 do
    mlmanager.log_metric({ key = "shared", value = step, step = step, timestamp = step })
    mlmanager.log_metric(name, step)
    if step % 500 == 0 and not exists "wait" then
      mlmanager.log_param(("%s.%d"):format(name, step), step)
      mlmanager.set_tag(("%s.%d"):format(name, step), step)
      sleep(0.1)
    end
  end
  tell "logged"
  if exists "wait" then
    mlmanager.flush(5000)
  end
end

mlmanager.create_experiment "faults"
if shared then
  mlmanager.set_active_run(shared)
  tell "started"
  log()
  mlmanager.flush()
else
  for i = 1, tonumber(runs) do
    mlmanager.start_run { run_name = ("%s %d"):format(name, i) }
    tell "started"
    log()
    mlmanager.end_run()
  end
end
