-- SPDX-License-Identifier: Apache-2.0
-- What main.lua has logged, read by the host.

local mlmanager = require "mlmanager"

mlmanager.set_active_experiment "love"
local runs = {}
for _, run in ipairs(mlmanager.search_runs()) do
  runs[run.info.run_name] = run
  assert(run.info.status == "FINISHED", run.info.status)
end
local game = assert(runs.game)
assert(game.data.params.lua:find "^LuaJIT", game.data.params.lua)
assert(game.data.params["load to quit"]:find "^[%d.]+ ms$")
for _, key in ipairs { "frame_time", "height", "speed", "memory" } do
  local columns = mlmanager.get_metric_history(game.info.run_id, key, { columns = true })
  table.sort(columns.step)
  assert(#columns.step == 300, key .. ": " .. #columns.step)
  assert(columns.step[1] == 1 and columns.step[300] == 300)
end
assert(#mlmanager.get_metric_history(runs.thread.info.run_id, "work") == 100)
assert(#mlmanager.doctor() == 0)
