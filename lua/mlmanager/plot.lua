-- SPDX-License-Identifier: Apache-2.0
-- manager:plot(...): metrics of runs, or numbers, as curves in text. In come the terminal's
-- functions, and a table with those of src/binding/curve.h, load(name), refuse(message), and what
-- series.lua, axis.lua and chart.lua return under their names.

local terminal, curve = ...

local series, refuse, check_types = curve.series, curve.refuse, curve.load "options"

local CURVES_MAX = 26 -- as many as there are letters to tell them apart
local WIDTH_DEFAULT, WIDTH_MIN, WIDTH_MAX = 80, 20, 900
local HEIGHT_MIN, HEIGHT_MAX = 6, 900
local LINES_MIN, LINES_MAX = 12, 24 -- the height that is chosen for a width
local X_NAMES = { step = "step", time = "timestamp", relative = "timestamp" }

local OPTIONS = {
  x = "string", log_x = "boolean", log_y = "boolean", smooth = "number", kernel = "string",
  clip = "boolean or table", title = "string", x_label = "string", width = "number",
  height = "number", legend = "boolean", color = "boolean", ascii = "boolean", print = "boolean",
}

local function check_choice(options, name, ...)
  local value, choices = options[name], { ... }
  for _, choice in ipairs(choices) do
    if value == nil or value == choice then
      return
    end
  end
  refuse(("plot's option '%s' is '%s'; give '%s'"):format(name, value,
    table.concat(choices, "', '"):gsub("', '([^,]*)$", "' or '%1")))
end

local function check_range(options, name, least, most)
  local value = options[name]
  if value and not (value >= least and value <= most) then
    refuse(("plot's option '%s' is %s; give %d to %d"):format(name, terminal.number(value), least,
      most))
  end
end

local function check_clip(clip)
  if type(clip) ~= "table" then
    return
  end
  local low, high = clip[1], clip[2]
  -- NaN is not less, either.
  if type(low) ~= "number" or type(high) ~= "number" or not (low < high) then -- luacheck: ignore
    refuse("plot's option 'clip' takes true, or the least and the greatest value to show, such as "
      .. "{0, 1}")
  end
end

local function check_options(options)
  check_types("plot", options, OPTIONS, refuse)
  check_choice(options, "x", "step", "time", "relative")
  check_choice(options, "kernel", "ema", "mean")
  check_range(options, "width", WIDTH_MIN, WIDTH_MAX)
  check_range(options, "height", HEIGHT_MIN, HEIGHT_MAX)
  check_range(options, "smooth", 1, 1e9)
  check_clip(options.clip)
  if options.log_y and type(options.clip) == "table" and options.clip[1] <= 0 then
    refuse("plot's option 'clip' begins at 0 or less, where a log axis has no place")
  end
end

-- Runs.

local function is_stored(value)
  return type(value) == "table" and type(value.info) == "table" and type(value.data) == "table"
end

local function id_of(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "table" or type(value) == "userdata" then
    local ok, id = pcall(function()
      return value.run_id
    end)
    return ok and type(id) == "string" and id or nil
  end
end

--- The runs that value names, as the store has them; nil where it names none.
local function read_runs(manager, value)
  if is_stored(value) or id_of(value) then
    value = { value }
  elseif type(value) ~= "table" then
    return nil
  end
  local runs = {}
  for i, item in ipairs(value) do
    local id = id_of(item)
    if is_stored(item) then
      runs[i] = item
    elseif id then
      runs[i] = manager.get_run(id)
    else
      return nil
    end
  end
  return #runs > 0 and runs or nil
end

local function read_keys(value)
  if type(value) == "string" then
    return { value }
  elseif type(value) ~= "table" or #value == 0 then
    return nil
  end
  for _, key in ipairs(value) do
    if type(key) ~= "string" then
      return nil
    end
  end
  return value
end

--- Every metric that one of the runs has, in order.
local function metrics_of(runs)
  local names, seen = {}, {}
  for _, run in ipairs(runs) do
    for name in pairs(run.data.metrics or {}) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

local function refuse_metric(runs, what)
  local names = metrics_of(runs)
  local of = #runs == 1 and ("run '%s'"):format(runs[1].info.run_name or runs[1].info.run_id)
    or "these runs"
  if #names == 0 then
    refuse(("%s: %s no metric yet"):format(what, of .. (#runs == 1 and " has" or " have")))
  end
  refuse(("%s: %s %s"):format(what, of .. (#runs == 1 and " has" or " have"),
    table.concat(names, ", ", 1, math.min(#names, 20)) .. (#names > 20 and ", …" or "")))
end

--- Names by which the runs can be told apart.
local function names_of(runs)
  local counts, names = {}, {}
  for i, run in ipairs(runs) do
    names[i] = run.info.run_name or run.info.run_id
    counts[names[i]] = (counts[names[i]] or 0) + 1
  end
  for i, run in ipairs(runs) do
    if counts[names[i]] > 1 then
      names[i] = ("%s (%s)"):format(names[i], run.info.run_id:sub(1, 8))
    end
  end
  return names
end

--- The curve of a metric, or nil where the run has no point of it.
local function read_history(manager, run, key, x)
  local line = assert(series.read(manager.get_metric_history { run_id = run.info.run_id, key = key,
    columns = true }, x))
  return curve.range(line, false, false).count > 0 and line or nil
end

--- Moves times to the start of their run.
local function make_relative(line, run)
  local range = curve.range(line, false, false)
  local start = run.info.start_time
  if not start or start > range.x_min then
    start = range.x_min -- points may be older than their run, where they were copied
  end
  curve.move(line, start, 1)
end

local function chart_of_runs(manager, runs, keys, options)
  local x = X_NAMES[options.x or "step"]
  local chart, names, missing = { curves = {}, notes = {} }, names_of(runs), {}
  for i, run in ipairs(runs) do
    for _, key in ipairs(keys) do
      local has_room = #chart.curves < CURVES_MAX
      local line = has_room and read_history(manager, run, key, x)
      if has_room and not line then
        missing[#missing + 1] = key
      elseif line then
        if options.x == "relative" then
          make_relative(line, run)
        end
        curve.sort(line)
        local name = #keys == 1 and names[i] or #runs == 1 and key or names[i] .. " " .. key
        chart.curves[#chart.curves + 1] = { line = line, name = name }
      end
    end
  end
  local left = #runs * #keys - #missing - #chart.curves
  if left > 0 then
    chart.notes[1] = ("the first %d curves; %d more are not shown"):format(CURVES_MAX, left)
  end
  local quoted = "'" .. table.concat(keys, "', '") .. "'"
  if #chart.curves == 0 then
    refuse_metric(runs, "nothing was logged as " .. quoted)
  elseif #missing > 0 then
    chart.notes[#chart.notes + 1] = #runs == 1
      and ("nothing was logged as '%s'"):format(table.concat(missing, "', '"))
      or ("%d of %d %s"):format(#missing, #runs * #keys,
        #keys == 1 and "runs without points of " .. quoted or "curves without points")
  end
  chart.title = table.concat(keys, ", ")
  if #runs == 1 then
    chart.title = names[1] .. (#keys == 1 and ": " .. keys[1] or "")
  end
  return chart
end

-- Numbers.

--- The series in value: {value=, name=}. A list's order stays; names of a map go by the alphabet.
local function list_series(value)
  if series.is_one(value) then
    return { { value = value } }
  end
  local items, names = {}, {}
  for i, item in ipairs(value) do
    items[i] = { value = item, name = type(item) == "table" and item.label or tostring(i) }
  end
  if #items == 0 then
    for name in pairs(value) do
      names[#names + 1] = name
    end
    table.sort(names, function(a, b)
      return tostring(a) < tostring(b)
    end)
    for i, name in ipairs(names) do
      items[i] = { value = value[name], name = tostring(name) }
    end
  end
  return items
end

local function chart_of_numbers(value, options)
  local x = X_NAMES[options.x or "step"]
  local chart, items = { curves = {}, notes = {}, title = "" }, list_series(value)
  for i, item in ipairs(items) do
    if i > CURVES_MAX then
      chart.notes[1] = ("the first %d curves; %d more are not shown"):format(CURVES_MAX,
        #items - CURVES_MAX)
      break
    end
    local line, problem
    if series.is_one(item.value) then
      line, problem = series.read(item.value, x)
      chart.x_label = not problem and "" or chart.x_label -- plain numbers have no name for x
    else
      problem = "is a " .. type(item.value) .. (type(item.value) == "table"
        and " without numbers" or "")
    end
    if not line then
      local which = item.name and ("series '%s'"):format(item.name) or "the series"
      refuse(("bad argument #1 to 'plot' (%s: %s)"):format(which, problem))
    end
    if options.x == "relative" then
      curve.move(line, curve.range(line, false, false).x_min, 1)
    end
    chart.curves[i] = { line = line, name = tostring(item.name or i) }
  end
  return chart
end

-- How it looks.

local function smooth(chart, options)
  local n, kernel = options.smooth, options.kernel or "ema"
  if not n or n <= 1 then
    return
  end
  for _, item in ipairs(chart.curves) do
    item.raw = item.line
    item.line = curve.smooth(item.raw, kernel, n)
  end
  chart.notes[#chart.notes + 1] = ("smoothed (%s %s), raw values behind"):format(kernel,
    terminal.number(n))
end

--- Brings times to the unit that suits them and says what x is.
local function label_x(chart, options)
  chart.x_kind = "number"
  local label = "step"
  if options.x == "relative" or options.x == "time" then
    local first, last = math.huge, -math.huge
    for _, item in ipairs(chart.curves) do
      local range = curve.range(item.line, false, false)
      if range.shown > 0 then
        first, last = math.min(first, range.x_min), math.max(last, range.x_max)
      end
    end
    if options.x == "relative" then
      local name, length = curve.axis.unit(last)
      for _, item in ipairs(chart.curves) do
        curve.move(item.line, 0, length)
      end
      label = ("time since the start (%s)"):format(name)
    else
      chart.x_kind = "time"
      label = "time"
      if first >= 0 and first < 253402300800000 then
        label = os.date("time, from %Y-%m-%d %H:%M:%S", math.floor(first / 1000))
      end
    end
  end
  chart.x_label = options.x_label or chart.x_label or label
end

local function look_of(options)
  local shown = terminal.width("stdout")
  local width = math.floor(options.width or math.max(WIDTH_MIN, shown or WIDTH_DEFAULT))
  local height = options.height
  if not height then
    height = math.max(LINES_MIN, math.min(LINES_MAX, math.floor(width / 4)))
    local rows = terminal.height("stdout")
    if rows then
      height = math.max(HEIGHT_MIN, math.min(height, rows - 2)) -- the prompt comes after it
    end
  end
  local color, ascii = options.color, options.ascii
  if color == nil then
    color = terminal.has_color("stdout")
  end
  if ascii == nil then
    ascii = not terminal.is_utf8()
  end
  return { width = math.min(width, WIDTH_MAX), height = math.floor(height), color = color,
    ascii = ascii }
end

--- (manager, runs, keys [, options]) and (manager, numbers [, options]).
return function(manager, what, keys, options)
  local names = read_keys(keys)
  local is_one_run = is_stored(what) or id_of(what) ~= nil
  local runs = (names or is_one_run) and read_runs(manager, what)
  if not names and type(keys) == "table" and options == nil then
    keys, options = nil, keys
  end
  if options ~= nil and type(options) ~= "table" then
    refuse(("bad argument #%d to 'plot' (options as a table expected, got a %s)"):format(
      names and 3 or 2, type(options)))
  end
  options = options or {}
  check_options(options)
  local chart
  if runs and names then
    chart = chart_of_runs(manager, runs, names, options)
  elseif runs then
    refuse_metric(runs, "plot needs a metric's key, or several in a list")
  elseif names then
    refuse(("bad argument #1 to 'plot' (a run, a run's id or a list of those expected, got a %s)")
      :format(type(what)))
  elseif keys ~= nil then
    refuse(("bad argument #2 to 'plot' (a metric's key, a list of keys or options expected, "
      .. "got a %s)"):format(type(keys)))
  elseif type(what) ~= "table" then
    refuse(("bad argument #1 to 'plot' (a run, or numbers in lists expected, got a %s)"):format(
      type(what)))
  else
    if #what > 0 and read_runs(manager, what) then
      refuse_metric(read_runs(manager, what), "plot needs a metric's key, or several in a list")
    end
    chart = chart_of_numbers(what, options)
  end
  label_x(chart, options)
  smooth(chart, options)
  chart.title = options.title or chart.title
  chart.log_x, chart.log_y, chart.clip = options.log_x, options.log_y, options.clip
  chart.has_legend = options.legend ~= false and #chart.curves > 1
  local text = curve.chart(chart, look_of(options))
  if options.print then
    io.stdout:write(text, "\n")
  end
  return text
end
