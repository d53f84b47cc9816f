-- SPDX-License-Identifier: Apache-2.0
-- A game that logs its frames, and a thread of it that logs in a Lua state of its own. Found beside
-- this file, as an engine's users put modules there. MLMANAGER_STORE says where to.

local mlmanager = require "mlmanager"

local FRAMES = 300

local manager, run, frame_time, height, timer
local frame, y, speed = 0, 10, 0
local worker

function love.load()
  manager = mlmanager.MLManager { store = os.getenv("MLMANAGER_STORE") }
  manager:create_experiment "love"
  run = manager:start_run { run_name = "game", tags = { engine = love.getVersion() } }
  manager:log_param("lua", jit and jit.version or _VERSION)
  frame_time, height = manager:metric "frame_time", run:metric "height"
  timer = manager:start_timer "load to quit"
  worker = love.thread.newThread [[
    local mlmanager = require "mlmanager"
    local manager = mlmanager.MLManager { store = os.getenv("MLMANAGER_STORE") }
    manager:create_experiment "love"
    manager:run({ run_name = "thread" }, function()
      for i = 1, 100 do
        manager:log_metric("work", i)
      end
    end)
    manager:close()
  ]]
  worker:start()
end

function love.update(dt)
  frame = frame + 1
  speed = speed - 9.81 * dt
  y = y + speed * dt
  if y < 0 then
    y, speed = -y, -speed
  end
  frame_time(dt * 1000, frame)
  height(y, frame)
  manager:log_metrics({ speed = speed, memory = collectgarbage "count" }, { step = frame })
  if frame == FRAMES then
    worker:wait()
    assert(not worker:getError(), worker:getError())
    love.event.quit()
  end
end

function love.quit()
  timer:stop()
  run:close()
  print(("%d frames, run %s"):format(frame, run.run_id))
end
