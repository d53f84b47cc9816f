-- SPDX-License-Identifier: Apache-2.0
-- What tests/peers/offline.py has our program do: offline.lua URL NAME DIARY SEED STEPS. The diary
-- has a line before each call ("try") and one after it ("done"), so that whoever reads it after a
-- kill knows what was acknowledged, and what may have been.

local mlmanager = require "mlmanager"

local url, name, diary_path, seed, steps = table.unpack(arg)
math.randomseed(tonumber(seed))
local manager = mlmanager.MLManager { store = url, server_wait_ms = 2000 }
local diary <close> = assert(io.open(diary_path, "a"))
diary:setvbuf("no")

local function call(what, fn)
  diary:write("try ", what, "\n")
  local ok, message = pcall(fn)
  diary:write(ok and "done " or "fail ", what, "\n")
  if not ok then
    io.stderr:write(what, ": ", tostring(message), "\n")
  end
  return ok
end

local depth, runs, stack, next_step, has_param = 0, {}, {}, {}, {}
local artifact_count = 0

local function start()
  local run_name = ("%s-%d"):format(name, #runs + 1)
  if call("start " .. run_name, function()
    manager:start_run { run_name = run_name, nested = depth > 0 }
  end) then
    depth = depth + 1
    runs[#runs + 1] = run_name
    next_step[depth], has_param[depth] = 0, {}
    diary:write("id ", run_name, " ", manager.current_run_id, " ",
      depth > 1 and stack[depth - 1] or "-", "\n")
  end
end

local actions = {
  function()
    local run, from, count = stack[#stack], next_step[depth], math.random(400)
    next_step[depth] = from + count
    call(("points %s %d %d"):format(run, from, count), function()
      for step = from, from + count - 1 do
        manager:log_metric("loss", step / 8, { step = step })
      end
    end)
  end,
  function()
    local key = "p" .. math.random(6)
    if not has_param[depth][key] then
      has_param[depth][key] = true
      call(("param %s %s %s"):format(stack[#stack], key, key), function()
        manager:log_param(key, key)
      end)
    end
  end,
  function()
    artifact_count = artifact_count + 1
    local path = ("dir %d/a%d.txt"):format(artifact_count % 2, artifact_count)
    local count = math.random(10) == 1 and math.random(200000) or math.random(0, 50)
    call(("artifact %s %s %d"):format(stack[#stack], path:gsub(" ", "_"), count), function()
      manager:log_text(path:rep(count), path)
    end)
  end,
  function()
    local key, value = "t" .. math.random(3), math.random(1000)
    call(("tag %s %s %d"):format(stack[#stack], key, value), function()
      manager:set_tag(key, value)
    end)
  end,
}

call("experiment offline", function() manager:create_experiment "offline" end)
start()
stack[1] = runs[1]
for _ = 1, tonumber(steps) do
  local dice = math.random(12)
  if dice == 1 and depth == 1 then
    start()
    stack[depth] = runs[#runs]
  elseif dice == 2 and depth == 2 then
    call("end " .. stack[depth], function() manager:end_run() end)
    stack[depth], depth = nil, depth - 1
  else
    actions[dice % #actions + 1]()
  end
end
while depth > 0 do
  call("end " .. stack[depth], function() manager:end_run() end)
  stack[depth], depth = nil, depth - 1
end
diary:write("over\n")
