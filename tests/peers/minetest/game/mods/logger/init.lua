-- SPDX-License-Identifier: Apache-2.0
-- Mods are sandboxed. A trusted one (secure.trusted_mods) may ask for more, only here, and keeps it
-- to itself. The module lies beside this file.

local environment = assert(minetest.request_insecure_environment(), "not a trusted mod")
local path = minetest.get_modpath(minetest.get_current_modname())
environment.package.cpath = path .. "/?.so;" .. environment.package.cpath
local mlmanager = environment.require "mlmanager"

local STEPS = 40

local manager = mlmanager.MLManager { store = environment.os.getenv "MLMANAGER_STORE" }
manager:create_experiment "minetest"
local run = manager:start_run { run_name = "server" }
manager:set_tag("engine", minetest.get_version().string)
local step_time = manager:metric "step_time"
local step = 0

minetest.register_globalstep(function(dtime)
  step = step + 1
  if step <= STEPS then
    step_time(dtime * 1000, step)
  end
  if step == STEPS then
    minetest.request_shutdown()
  end
end)

minetest.register_on_shutdown(function()
  run:close()
  manager:close()
end)
