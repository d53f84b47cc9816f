-- SPDX-License-Identifier: Apache-2.0
-- Runs: starting, nesting, ending, taking up, deleting, and the object that stands for one.

local scratch = require "tests.lua.scratch"
local refused = scratch.refused

describe("a run object", function()
  it("says what it was called on wrongly", scratch.run(function(_, run)
    refused("invalid", "run:close(", run.close)
    refused("invalid", "run:close(", run.close, 1)
    refused("invalid", "run:is_open(", run.is_open)
    refused("invalid", "run:log_metric(", run.log_metric, "loss", 1)
    local timer = run:start_timer("fit")
    refused("invalid", "timer:stop(", timer.stop)
    assert.is_number(timer:stop())
  end))
end)
