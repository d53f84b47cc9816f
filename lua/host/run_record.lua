-- SPDX-License-Identifier: Apache-2.0
-- run_record(run, experiments): a run as JSON has it, with the name of its experiment by id.

local json = (...).load "json"

return function(run, experiments)
  local info = run.info
  return json.object {
    { "run_id", info.run_id }, { "name", info.run_name },
    { "experiment_id", info.experiment_id }, { "experiment", experiments[info.experiment_id] },
    { "status", info.status }, { "start_time", info.start_time }, { "end_time", info.end_time },
    { "user_id", info.user_id }, { "lifecycle_stage", info.lifecycle_stage },
    { "artifact_uri", info.artifact_uri }, { "params", run.data.params },
    { "metrics", run.data.metrics }, { "tags", run.data.tags },
  }
end
