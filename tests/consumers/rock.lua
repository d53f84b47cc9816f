-- SPDX-License-Identifier: Apache-2.0
-- A script of somebody who installed the rock, in a directory that they can write to: the module's
-- C and Lua, and the libraries that it loads at the first use.

local mlmanager = require "mlmanager"

mlmanager.create_experiment "rock"
mlmanager.start_run { run_name = "stones" }
for step = 1, 10 do
  mlmanager.log_metric("loss", 1 / step)
end
mlmanager.log_image(("\255\160\0"):rep(64), "orange.png", { width = 8, height = 8 })
assert(mlmanager.list_artifacts()[1].path == "orange.png")
mlmanager.end_run()
assert(mlmanager.table(mlmanager.search_runs(), { format = "box", width = 80 }):find "stones")
assert(mlmanager.export("stones.tar.gz").points == 10)
print "consumed"
