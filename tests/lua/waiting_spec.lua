-- SPDX-License-Identifier: Apache-2.0
-- What a person sees of a call that waits for a server which lets it in and never answers, and that
-- Ctrl-C ends it.

local program = require "tests.lua.program"

local INTERRUPTED = 130
local STEPS = [[
expect waiting for 127.0.0.1:
send \x03
end
]]

local SCRIPT = [[
exec "$0" -e "
  local m = require 'mlmanager'.MLManager { store = 'sqlite:a.db', artifacts = 's3://bucket/x' }
  m.create_experiment 'e'
  m.start_run()
  %s"]]

local ENVIRONMENT = "MLFLOW_S3_ENDPOINT_URL=$SILENT_PEER AWS_ACCESS_KEY_ID=a "
  .. "AWS_SECRET_ACCESS_KEY=b; export MLFLOW_S3_ENDPOINT_URL AWS_ACCESS_KEY_ID "
  .. "AWS_SECRET_ACCESS_KEY\n"

local function is_ended(run, command)
  local result = run.terminal_shell(STEPS, command)
  assert.equal(INTERRUPTED, result.status, result.out)
  return result.out
end

describe("a silent server", function()
  it("is shown with the artifact that it has not taken, and left", program.spec(function(run)
    local out = is_ended(run, ENVIRONMENT .. SCRIPT:format("m.log_artifact('/bin/sh', 'shell')"))
    assert.matches("shell  waiting for 127.0.0.1:%d+", out)
    assert.matches("interrupted", out)
  end))

  for _, call in ipairs { "m.log_text('text', 'a.txt')", "m.list_artifacts()" } do
    it("is shown and left by " .. call, program.spec(function(run)
      assert.matches("interrupted", is_ended(run, ENVIRONMENT .. SCRIPT:format(call)))
    end))
  end

  it("is shown and left by a call to a tracking server", program.spec(function(run)
    is_ended(run, [[exec "$0" --store "$SILENT_PEER" -e "mlmanager.create_experiment 'e'"]])
  end))

  it("is shown and left by sync", program.spec(function(run)
    run.script "m.create_experiment 'e' m.start_run() m.log_metric('loss', 1) m.end_run()"
    is_ended(run, [[exec "$0" sync --to "$SILENT_PEER"]])
  end))
end)
