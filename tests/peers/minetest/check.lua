-- SPDX-License-Identifier: Apache-2.0
-- What the mod has logged, read by the host.

local mlmanager = require "mlmanager"

mlmanager.set_active_experiment "minetest"
local runs = mlmanager.search_runs()
assert(#runs == 1)
assert(runs[1].info.status == "FINISHED", runs[1].info.status)
assert(runs[1].data.tags.engine:find "^%d+%.%d+")
local columns = mlmanager.get_metric_history(runs[1].info.run_id, "step_time", { columns = true })
table.sort(columns.step)
assert(#columns.step == 40, #columns.step)
assert(columns.step[1] == 1 and columns.step[40] == 40)
assert(#mlmanager.doctor() == 0)
