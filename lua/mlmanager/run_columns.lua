-- SPDX-License-Identifier: Apache-2.0
-- The columns that a table of runs can have: of(runs, options). Each is {name=, get=function(run),
-- optional fields}: `path` another name, `metric` whose it is, `hidden` is not shown unless asked
-- for by name, `show` makes the cell's text, `plain` the header where programs read,
-- `is_uncounted` is one too many to be told of.

local run_columns = {}

local floor = math.floor

local LEADING = 3 -- metrics whose least or greatest value is shown as well

-- Words of a metric's name that say which way is better.
local LESS_IS_BETTER = { "loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "ppl",
  "cost", "regret", "wer", "cer", "fid", "nll", "divergence", "residual" }
local MORE_IS_BETTER = { "accuracy", "acc", "auc", "f1", "precision", "recall", "r2", "score",
  "reward", "return", "bleu", "rouge", "iou", "map", "dice", "ndcg", "mcc", "likelihood" }

-- Escapes that can be read on light and on dark.
run_columns.status_colors = { FAILED = "31", KILLED = "35", RUNNING = "1", SCHEDULED = "2" }

function run_columns.sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if type(a) == "number" and type(b) == "number" then
      return a < b
    end
    return tostring(a) < tostring(b)
  end)
  return keys
end

function run_columns.is_run(row)
  return type(row) == "table" and type(row.info) == "table" and type(row.data) == "table"
end

function run_columns.parent_of(run)
  return (run.data.tags or {})["mlflow.parentRunId"] or ""
end

function run_columns.duration_ms(run)
  local start, finish = run.info.start_time, run.info.end_time
  if not start then
    return nil
  end
  return math.max(0, (finish or os.time() * 1000) - start)
end

function run_columns.show_duration(ms)
  if ms < 1000 then
    return ("%d ms"):format(ms)
  elseif ms < 60000 then
    return ("%.1f s"):format(ms / 1000)
  elseif ms < 3600000 then
    return ("%d min %02d s"):format(floor(ms / 60000), floor(ms / 1000) % 60)
  elseif ms < 48 * 3600000 then
    return ("%d h %02d min"):format(floor(ms / 3600000), floor(ms / 60000) % 60)
  end
  return ("%d d %02d h"):format(floor(ms / 86400000), floor(ms / 3600000) % 24)
end

--- "3 h ago" of milliseconds since 1970; the date where that is long ago.
function run_columns.show_ago(ms)
  local second = floor(ms / 1000)
  local passed = os.time() - second
  if passed < 60 then
    return passed < -60 and os.date("%Y-%m-%d", second) or "just now"
  elseif passed < 3600 then
    return ("%d min ago"):format(floor(passed / 60))
  elseif passed < 48 * 3600 then
    return ("%d h ago"):format(floor(passed / 3600))
  elseif passed < 30 * 86400 then
    return ("%d days ago"):format(floor(passed / 86400))
  end
  return os.date("%Y-%m-%d", second)
end

--- "min" or "max", which of them is the best of a metric of that name; nil where it does not say.
function run_columns.best_of(key)
  local words = {}
  for word in key:lower():gmatch("%w+") do
    words[word] = true
  end
  for _, word in ipairs(LESS_IS_BETTER) do
    if words[word] then
      return "min"
    end
  end
  for _, word in ipairs(MORE_IS_BETTER) do
    if words[word] then
      return "max"
    end
  end
end

--- Keys of data[part] of all runs: {key=, runs=how many have it, differs=}, by key. A key differs
--- when runs have other values, or when of the runs under one parent only some have it.
function run_columns.keys_of(runs, part)
  local found, sizes = {}, {}
  for _, run in ipairs(runs) do
    local parent = run_columns.parent_of(run)
    sizes[parent] = (sizes[parent] or 0) + 1
    for key, value in pairs(run.data[part] or {}) do
      local entry = found[key]
      if not entry then
        entry = { key = key, runs = 0, value = value, under = {} }
        found[key] = entry
      end
      entry.runs = entry.runs + 1
      entry.under[parent] = (entry.under[parent] or 0) + 1
      entry.differs = entry.differs or entry.value ~= value
    end
  end
  local list = {}
  for _, key in ipairs(run_columns.sorted_keys(found)) do
    local entry = found[key]
    for parent, count in pairs(entry.under) do
      entry.differs = entry.differs or count < sizes[parent] or #runs == 1
    end
    list[#list + 1] = entry
  end
  return list
end

local function is_of_machine(key)
  return key:find("^system/") ~= nil
end

--- The metrics of runs as keys_of() has them: those that most runs have lead, the machine's own
--- come last.
function run_columns.metrics_of(runs)
  local metrics = run_columns.keys_of(runs, "metrics")
  table.sort(metrics, function(a, b)
    local x, y = is_of_machine(a.key), is_of_machine(b.key)
    if x ~= y then
      return y
    elseif a.runs ~= b.runs then
      return a.runs > b.runs
    end
    return a.key < b.key
  end)
  return metrics
end

--- The keys of the metrics that matter most: of those that most runs have the ones whose name says
--- which way is better go first.
function run_columns.leading_metrics(runs)
  local metrics, places = run_columns.metrics_of(runs), {}
  for i, entry in ipairs(metrics) do
    places[entry] = i
  end
  table.sort(metrics, function(a, b)
    local x, y = run_columns.best_of(a.key) ~= nil, run_columns.best_of(b.key) ~= nil
    if a.runs == b.runs and x ~= y then
      return x
    end
    return places[a] < places[b]
  end)
  local keys = {}
  for _, entry in ipairs(metrics) do
    if #keys < LEADING and not is_of_machine(entry.key) then
      keys[#keys + 1] = entry.key
    end
  end
  return keys
end

local function summary_of(summaries, run, key)
  local of_run = summaries[run.info.run_id]
  return of_run and of_run[key] or {}
end

--- Whether a metric's least or greatest value says more than its last one.
local function says_more(runs, summaries, key, which)
  for _, run in ipairs(runs) do
    local summary = summary_of(summaries, run, key)
    if summary[which] and summary[which] ~= summary.last then
      return true
    end
  end
  return false
end

local function add_summaries(columns, runs, options, name, key)
  local best = run_columns.best_of(key)
  for _, which in ipairs { "min", "max" } do
    columns[#columns + 1] = {
      name = name .. " " .. which, path = ("metrics.%s %s"):format(key, which), metric = key,
      hidden = best ~= nil and best ~= which or not says_more(runs, options.summaries, key, which),
      get = function(run)
        return summary_of(options.summaries, run, key)[which]
      end,
    }
  end
end

--- All columns of runs. options.experiments: names by id; options.summaries: what
--- get_metric_summary() returns, by run id and key.
function run_columns.of(runs, options)
  local names = options.experiments
  local function of_info(field)
    return function(run)
      return run.info[field]
    end
  end
  local columns = {
    { name = "name", path = "run_name",
      get = function(run) return run.info.run_name or run.info.run_id end },
    { name = "experiment", hidden = true, is_uncounted = not names,
      get = function(run)
        return names and names[run.info.experiment_id] or run.info.experiment_id
      end },
    { name = "started", path = "start_time", plain = "start_time", hidden = true,
      is_uncounted = true, get = of_info "start_time", show = run_columns.show_ago },
    { name = "ended", path = "end_time", plain = "end_time", hidden = true, is_uncounted = true,
      get = of_info "end_time", show = run_columns.show_ago },
    { name = "status", get = of_info "status", is_status = true },
    { name = "duration", plain = "duration_ms", get = run_columns.duration_ms,
      show = run_columns.show_duration },
  }
  local params, metrics = run_columns.keys_of(runs, "params"), run_columns.metrics_of(runs)
  local is_metric, is_param = {}, {}
  for _, entry in ipairs(metrics) do
    is_metric[entry.key] = true
  end
  for _, entry in ipairs(params) do
    local key = entry.key
    is_param[key] = true
    columns[#columns + 1] = {
      name = is_metric[key] and "params." .. key or key, path = "params." .. key,
      hidden = not entry.differs, get = function(run) return (run.data.params or {})[key] end,
    }
  end
  local is_summarized = {}
  for _, of_run in pairs(options.summaries or {}) do
    for key in pairs(of_run) do
      is_summarized[key] = true
    end
  end
  for _, entry in ipairs(metrics) do
    local key = entry.key
    local name = is_param[key] and "metrics." .. key or key
    columns[#columns + 1] = {
      name = name, path = "metrics." .. key, metric = key, hidden = is_of_machine(key),
      get = function(run) return (run.data.metrics or {})[key] end,
    }
    if is_summarized[key] then
      add_summaries(columns, runs, options, name, key)
    end
  end
  for _, entry in ipairs(run_columns.keys_of(runs, "tags")) do
    local key = entry.key
    columns[#columns + 1] = {
      name = "tags." .. key, path = "tags." .. key, hidden = true, is_uncounted = true,
      get = function(run) return (run.data.tags or {})[key] end,
    }
  end
  for _, field in ipairs { "run_id", "user_id", "experiment_id", "artifact_uri",
    "lifecycle_stage" } do
    columns[#columns + 1] = { name = field, hidden = true, is_uncounted = true,
      get = of_info(field) }
  end
  return columns
end

return run_columns
