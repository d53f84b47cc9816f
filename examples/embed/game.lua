-- SPDX-License-Identifier: Apache-2.0
-- A script for script_host: a ball that jumps, frame by frame. It runs in any Lua from 5.1 on.

local mlmanager = require "mlmanager"

local GRAVITY, BOUNCE = -9.81, 0.8

mlmanager.create_experiment "embedded game"
local run = mlmanager.start_run { run_name = "ball" }
mlmanager.log_params { gravity = GRAVITY, bounce = BOUNCE }

-- Looked up once; a call of one costs a third less than log_metric.
local height, speed = run:metric "height", run:metric "speed"
local y, v = 2, 0

function update(dt) -- luacheck: ignore 111
  v = v + GRAVITY * dt
  y = y + v * dt
  if y < 0 then
    y, v = -y, -v * BOUNCE
  end
  height(y)
  speed(v)
end
