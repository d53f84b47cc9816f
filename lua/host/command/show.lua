-- SPDX-License-Identifier: Apache-2.0
local TRACEBACK_TAG = "mlmanager.traceback"
local PARENT_TAG = "mlflow.parentRunId"
local METRIC_LOOKS = { -- of their table, the best first
  { curve_columns = 20, digits = 6 }, { curve_columns = 10, digits = 4 }, { digits = 4 },
}
local TIMER = "^(%d+%.%d%d%d) ms$" -- a param that a timer left, as timers write it
local SPARKLINE_POINTS_MAX = 200000 -- of all metrics together: longer histories are not drawn

-- Tags that are told elsewhere, or that MLflow's own page does not tell either.
local TOLD_TAGS = {
  [TRACEBACK_TAG] = true, [PARENT_TAG] = true, ["mlflow.runName"] = true, ["mlflow.user"] = true,
  ["mlflow.source.name"] = true, ["mlflow.source.type"] = true,
  ["mlflow.source.git.commit"] = true,
}

--- The newest run, for those who name none.
local function latest_run(host, manager)
  local _, ids = host.load "reference".all_experiments(manager, "active")
  local runs = #ids > 0 and manager:search_runs { experiment_ids = ids, max_results = 1 } or {}
  return runs[1] or host.fail("there is no run yet")
end

local function children_of(manager, run)
  return (manager:search_runs {
    experiment_ids = run.info.experiment_id, max_results = 1000,
    filter = ("tags.`%s` = '%s'"):format(PARENT_TAG, run.info.run_id),
  })
end

local function parent_of(manager, run)
  local id = run.data.tags[PARENT_TAG]
  if not id then
    return nil
  end
  local ok, parent = pcall(manager.get_run, manager, id)
  return id, ok and parent.info.run_name or nil
end

local function summaries_of(manager, run, run_columns)
  local list = {}
  for i, entry in ipairs(run_columns.metrics_of { run }) do
    list[i] = { key = entry.key, summary = manager:get_metric_summary(run.info.run_id, entry.key) }
  end
  return list
end

--- One page for people. `out` collects its lines.
local Page = {}
Page.__index = Page

function Page:add(line)
  self[#self + 1] = line
end

function Page:paint(code, text)
  return self.color and code and ("\27[%sm%s\27[m"):format(code, text) or text
end

function Page:title(text)
  self:add("")
  self:add(self:paint("1", text))
end

--- Names and values side by side; a long value goes on below itself.
function Page:list(pairs_of_text)
  local terminal = self.host.terminal
  local left = 0
  for _, pair in ipairs(pairs_of_text) do
    left = math.max(left, terminal.text_width(terminal.clean(pair[1])))
  end
  left = math.min(left, self.width // 2)
  for _, pair in ipairs(pairs_of_text) do
    local name = terminal.clean(pair[1])
    local text = terminal.clean(tostring(pair[2]))
    local room = math.max(self.width - left - 4, 20)
    -- Broken at blanks only: a path is to be copied whole.
    local lines = terminal.text_width(text) <= room and { text } or terminal.wrap(text, room)
    name = name .. (" "):rep(left - terminal.text_width(name))
    self:add("  " .. self:paint("2", name) .. "  " .. (lines[1] or ""))
    for i = 2, #lines do
      self:add((" "):rep(left + 4) .. lines[i])
    end
  end
end

--- Another table below, moved in.
function Page:table(text)
  for line in text:gmatch("([^\n]*)\n?") do
    if line ~= "" then
      self:add(" " .. line)
    end
  end
end

local function add_head(page, host, manager, run, experiments, run_columns)
  local info, tags = run.info, run.data.tags
  local clean = host.terminal.clean
  page:add(page:paint("1", clean(info.run_name)) .. "  "
    .. page:paint(run_columns.status_colors[info.status], info.status)
    .. (info.lifecycle_stage == "deleted" and "  " .. page:paint("31", "deleted") or ""))
  local duration = run_columns.duration_ms(run)
  local started = os.date("%Y-%m-%d %H:%M:%S", info.start_time // 1000)
    .. " (" .. run_columns.show_ago(info.start_time) .. ")"
  local source = tags["mlflow.source.name"]
  local commit = tags["mlflow.source.git.commit"]
  local rows = {
    { "experiment", ("%s (%s)"):format(experiments[info.experiment_id] or "?",
      info.experiment_id) },
    { "run id", info.run_id },
    { "started", started },
    { info.end_time and "took" or "for", run_columns.show_duration(duration) },
    { "user", info.user_id },
  }
  if source and source ~= "" then
    rows[#rows + 1] = { "source", source .. (commit and " at " .. commit:sub(1, 12) or "") }
  end
  rows[#rows + 1] = { "artifacts", info.artifact_uri }
  local parent_id, parent_name = parent_of(manager, run)
  if parent_id then
    rows[#rows + 1] = { "parent", parent_name and ("%s (%s)"):format(parent_name, parent_id)
      or parent_id }
  end
  page:list(rows)
end

local function add_texts(page, title, map, is_left_out)
  local rows = {}
  for _, key in ipairs(page.host.load "run_columns".sorted_keys(map)) do
    if not (is_left_out and is_left_out[key]) then
      rows[#rows + 1] = { key, map[key] }
    end
  end
  if #rows > 0 then
    page:title(title)
    page:list(rows)
  end
end

--- The params that timers left, each as people tell it, and the others.
local function part_timers(params, run_columns)
  local timers, others = {}, {}
  for key, text in pairs(params) do
    local ms = tonumber(text:match(TIMER))
    if ms then
      timers[key] = ms < 1000 and text or run_columns.show_duration(ms // 1)
    else
      others[key] = text
    end
  end
  return timers, others
end

--- The metrics as a table for a page: how wide curves are, nil for none, and digits of numbers.
local function metric_table(page, manager, run, metrics, curve_columns, digits)
  local points, has_nan = 0, false
  for _, metric in ipairs(metrics) do
    points = points + metric.summary.count
    has_nan = has_nan or metric.summary.nan_count > 0
  end
  local columns = { { name = "metric", wide = math.max(page.width // 3, 20),
    value = function(metric) return metric.key end } }
  if curve_columns then
    columns[2] = { name = "", show = tostring, value = function(metric)
      metric.history = metric.history
        or manager:get_metric_history(run.info.run_id, metric.key, { columns = true })
      return require "mlmanager".sparkline(metric.history, { width = curve_columns,
        numbers = false })
    end }
  end
  local number = page.host.terminal.number
  local function add(name, text_of)
    columns[#columns + 1] = { name = name, value = text_of, show = tostring, right = true }
  end
  local function add_extreme(which)
    add(which .. " @step", function(metric)
      local value = metric.summary[which]
      return value and ("%s @%d"):format(number(value, digits), metric.summary[which .. "_step"])
    end)
  end
  add("last", function(metric) return number(metric.summary.last, digits) end)
  if points > #metrics then
    add_extreme "min"
    add_extreme "max"
    add("points", function(metric) return ("%d"):format(metric.summary.count) end)
  end
  if has_nan then
    add("nan", function(metric) return ("%d"):format(metric.summary.nan_count) end)
  end
  return page.host.load "listing".box(metrics, columns, { noun = "metric",
    width = page.width - 1 })
end

local function add_metrics(page, manager, run, metrics)
  if #metrics == 0 then
    return
  end
  local points, is_drawn = 0, false
  for _, metric in ipairs(metrics) do
    points = points + metric.summary.count
    is_drawn = is_drawn or metric.summary.count > 1
  end
  is_drawn = is_drawn and points <= SPARKLINE_POINTS_MAX
  -- Where the room is scarce the curves and the last digits go before a column does.
  local text, is_whole
  for _, look in ipairs(METRIC_LOOKS) do
    text, is_whole = metric_table(page, manager, run, metrics, is_drawn and look.curve_columns,
      look.digits)
    if is_whole then
      break
    end
  end
  page:title("Metrics")
  page:table(text)
end

local function add_inputs(page, run)
  local rows = {}
  for _, input in ipairs(run.inputs.dataset_inputs) do
    local dataset = input.dataset
    local context = input.tags["mlflow.data.context"]
    rows[#rows + 1] = { dataset.name, ("%s%s  (%s %s)"):format(
      context and context .. ", " or "", dataset.digest, dataset.source_type, dataset.source) }
  end
  if #rows > 0 then
    page:title("Inputs")
    page:list(rows)
  end
end

local function add_children(page, manager, run, experiments)
  local children = children_of(manager, run)
  if #children == 0 then
    return
  end
  page:title("Nested runs")
  page:table(page.host.load "run_table"(manager, children, experiments, {
    format = "table", notes = {}, width = page.width - 1,
  }))
end

local function add_traceback(page, run)
  local traceback = run.data.tags[TRACEBACK_TAG]
  if traceback then
    page:title("Traceback")
    for line in (traceback .. "\n"):gmatch("([^\n]*)\n") do
      page:add("  " .. page.host.terminal.clean(line:gsub("\t", "    ")))
    end
  end
end

local function json_of(host, manager, run, experiments, metrics)
  local json = host.load "json"
  local record = host.load "run_record"(run, experiments)
  local summaries = {}
  for i, metric in ipairs(metrics) do
    summaries[i] = { metric.key, json.object {
      { "count", metric.summary.count }, { "nan_count", metric.summary.nan_count },
      { "last", metric.summary.last }, { "last_step", metric.summary.last_step },
      { "min", metric.summary.min }, { "min_step", metric.summary.min_step },
      { "max", metric.summary.max }, { "max_step", metric.summary.max_step },
    } }
  end
  record[#record + 1] = { "summaries", json.object(summaries) }
  local inputs, children = json.list(), json.list()
  for i, input in ipairs(run.inputs.dataset_inputs) do
    inputs[i] = { dataset = input.dataset, tags = input.tags }
  end
  for i, child in ipairs(children_of(manager, run)) do
    children[i] = child.info.run_id
  end
  record[#record + 1] = { "dataset_inputs", inputs }
  record[#record + 1] = { "children", children }
  return json.encode(record) .. "\n"
end

--- A line for each thing, as compare has them for several runs.
local function rows_of(manager, run, experiments, metrics, run_columns)
  local info, rows = run.info, {}
  local function add(part, key, value)
    rows[#rows + 1] = value ~= nil and { part = part, key = key, value = value } or nil
  end
  for _, member in ipairs {
    { "run_id", info.run_id }, { "name", info.run_name },
    { "experiment_id", info.experiment_id }, { "experiment", experiments[info.experiment_id] },
    { "status", info.status }, { "start_time", info.start_time }, { "end_time", info.end_time },
    { "duration_ms", run_columns.duration_ms(run) }, { "user_id", info.user_id },
    { "lifecycle_stage", info.lifecycle_stage }, { "artifact_uri", info.artifact_uri },
  } do
    add("run", member[1], member[2])
  end
  for _, key in ipairs(run_columns.sorted_keys(run.data.params)) do
    add("params", key, run.data.params[key])
  end
  for _, metric in ipairs(metrics) do
    add("metrics", metric.key, metric.summary.last)
    add("metrics", metric.key .. " min", metric.summary.min)
    add("metrics", metric.key .. " max", metric.summary.max)
  end
  for _, key in ipairs(run_columns.sorted_keys(run.data.tags)) do
    add("tags", key, run.data.tags[key])
  end
  for _, input in ipairs(run.inputs.dataset_inputs) do
    add("datasets", input.dataset.name, input.dataset.digest)
  end
  for _, child in ipairs(children_of(manager, run)) do
    add("children", child.info.run_id, child.info.run_name)
  end
  return rows
end

local function field(name)
  return { name = name, value = function(row) return row[name] end }
end

return function(host, given)
  local run_columns = host.load "run_columns"
  local reference = host.load "reference"
  local manager = host.open()
  local run = given[1] and reference.run(manager, given[1]) or latest_run(host, manager)
  local experiments = reference.all_experiments(manager)
  local metrics = summaries_of(manager, run, run_columns)
  local listing = host.load "listing"
  local format = listing.format(given)
  if format == "json" then
    return host.load "page"(json_of(host, manager, run, experiments, metrics), given)
  elseif format ~= "table" then
    return listing.write(rows_of(manager, run, experiments, metrics, run_columns),
      { field "part", field "key", field "value" }, given, "value")
  end
  local page = setmetatable({
    host = host, width = host.terminal.width("stdout") or 80,
    color = host.terminal.has_color("stdout"),
  }, Page)
  add_head(page, host, manager, run, experiments, run_columns)
  add_traceback(page, run)
  add_metrics(page, manager, run, metrics)
  local timers, params = part_timers(run.data.params, run_columns)
  add_texts(page, "Params", params)
  add_texts(page, "Timers", timers)
  add_texts(page, "Tags", run.data.tags, TOLD_TAGS)
  add_inputs(page, run)
  add_children(page, manager, run, experiments)
  return host.load "page"(table.concat(page, "\n") .. "\n", given)
end
