-- SPDX-License-Identifier: Apache-2.0
-- artifacts.lua DIRECTORY MEGABYTES: a file put and fetched, as a file and in the tracking
-- database, beside cp; and what the host's memory grew by meanwhile.

local mlmanager = require "mlmanager"
local directory, megabytes = arg[1], tonumber(arg[2])

local function now_s()
  local pipe <close> = assert(io.popen("date +%s.%N"))
  return pipe:read("n")
end

local function peak_mb()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmHWM:%s*(%d+)")
    if kb then
      return tonumber(kb) / 1000
    end
  end
end

--- Seconds that f takes, what was written before being on the disk.
local function time(f)
  os.execute("sync")
  local begun = now_s()
  f()
  return now_s() - begun
end

local function show(name, unit, ours, raw, raw_name, bar)
  print(("figure\t%s\t%s\t%.3g\t%.3g\t%s\t%s"):format(name, unit, ours, raw, raw_name, bar))
end

local source, copy = directory .. "/source.bin", directory .. "/copy.bin"
assert(os.execute(("head -c %dM /dev/urandom >'%s'"):format(megabytes, source)))
local cp_s = time(function()
  assert(os.execute(("cp '%s' '%s'"):format(source, copy)))
end)
os.remove(copy)
local cp_mb = megabytes / cp_s
local before_mb = peak_mb()
for _, kind in ipairs { { "file", directory .. "/artifacts" }, { "blob", "blob:" } } do
  local manager <close> = mlmanager.MLManager {
    store = "sqlite:" .. directory .. "/artifacts-" .. kind[1] .. ".db", artifacts = kind[2] }
  manager:create_experiment("bench")
  manager:start_run()
  local put_s = time(function() manager:log_artifact(source, "a.bin") end)
  local get_s = time(function() manager:download_artifact("a.bin", copy) end)
  assert(os.execute(("cmp -s '%s' '%s'"):format(source, copy)), "the copy differs")
  os.remove(copy)
  manager:delete_artifact("a.bin")
  show(("artifact of %d MB, put, %s:"):format(megabytes, kind[1]), "MB/s", megabytes / put_s, cp_mb,
    "cp", "")
  show(("artifact of %d MB, get, %s:"):format(megabytes, kind[1]), "MB/s", megabytes / get_s, cp_mb,
    "cp", "")
end
show(("memory of the host, growth by artifacts of %d MB"):format(megabytes), "MB",
  peak_mb() - before_mb, before_mb, "the host before", "ours < 30")
os.remove(source)
