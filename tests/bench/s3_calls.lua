-- SPDX-License-Identifier: Apache-2.0
-- mlmanager s3_calls.lua LIBRARY FILE COPY: puts FILE into the bucket and gets it as COPY. Prints
-- the seconds of both, and the megabytes that the host's memory grew by.
local library, file, copy = ...
package.cpath = library .. "/?.so;" .. package.cpath
local seconds = require("bench_bare").seconds
local mlmanager = require "mlmanager"

local function peak_mb()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmHWM:%s*(%d+)")
    if kb then
      return tonumber(kb) / 1000
    end
  end
end

local manager = mlmanager.MLManager { store = "sqlite:s3.db", artifacts = "s3://bench/ours" }
manager:create_experiment("bench")
manager:start_run()
local before_mb = peak_mb()
local begin = seconds()
manager:log_artifact(file, "a.bin")
local put_s = seconds() - begin
begin = seconds()
manager:download_artifact("a.bin", copy)
local get_s = seconds() - begin
manager:delete_artifact("a.bin")
print(("%.6g %.6g %.6g"):format(put_s, get_s, peak_mb() - before_mb))
