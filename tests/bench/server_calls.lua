-- SPDX-License-Identifier: Apache-2.0
-- mlmanager server_calls.lua LIBRARY STORE POINTS: log_metric in bursts with pauses, then the end
-- of the run. Prints the median of one call in ns, and the seconds from the first call to the end.
local library, store, points = ...
package.cpath = library .. "/?.so;" .. package.cpath
local bare = require "bench_bare"
local seconds = bare.seconds
local mlmanager = require "mlmanager"

local BURST <const> = 500
local PAUSE_US <const> = 2000

-- All of it has arrived at the end of the run, however slow the server is.
local manager = mlmanager.MLManager{store = store, server_wait_ms = 600000}
manager:create_experiment("bench")
manager:start_run()
local times = {}
local begin = seconds()
for round = 1, points // BURST do
  local start = seconds()
  for i = 1, BURST do
    manager:log_metric("loss", i)
  end
  times[round] = (seconds() - start) / BURST
  bare.sleep_us(PAUSE_US)
end
manager:end_run()
local elapsed = seconds() - begin
manager:close()
table.sort(times)
print(("%.6g %.6g"):format(times[#times // 2 + 1] * 1e9, elapsed))
