-- SPDX-License-Identifier: Apache-2.0
-- manager:progress(...): shows how far a loop is. In come what it cannot do in Lua
-- (src/binding/terminal.h), and a table with load(name), refuse(message) and latest(manager), the
-- active run's latest metrics as a list of {key, value} in the order they were first logged.

local terminal, kit = ...
local number_type = terminal.number_type
local refuse, check_types, latest = kit.refuse, kit.load "options", kit.latest

local EVERY_S = 0.1 -- between redraws
local BAR_COLUMNS_MIN, BAR_COLUMNS_MAX = 10, 30
local RATE_MEMORY_S = 5 -- older speed counts for a third
local METRICS_MAX = 8

local OPTIONS = { every = "number", label = "string", total = "number" }

-- Open loops, the outermost first. One line shows them all, so they share its clock.
local stack = {}
local next_draw = 0
local is_drawn = false -- something is on the line

local function check_options(options)
  check_types("progress", options, OPTIONS, refuse)
  for _, name in ipairs { "every", "total" } do
    local value = options[name]
    if value and (value < 0 or value ~= value) then
      refuse(("progress's option '%s' is %s; give a number of 0 or more"):format(name,
        terminal.number(value)))
    end
  end
end

local function show_rate(rate)
  if rate <= 0 then
    return nil
  elseif rate >= 1e6 then
    return ("%.3gM/s"):format(rate / 1e6)
  elseif rate >= 1e3 then
    return ("%.3gk/s"):format(rate / 1e3)
  elseif rate >= 1 then
    return ("%.3g/s"):format(rate)
  end
  return ("%.3g s each"):format(1 / rate)
end

local function show_time(seconds)
  local s = math.floor(seconds + 0.5)
  if s >= 3600 then
    return ("%d:%02d:%02d"):format(math.floor(s / 3600), math.floor(s / 60) % 60, s % 60)
  end
  return ("%d:%02d"):format(math.floor(s / 60), s % 60)
end

local function draw_bar(share, columns, color)
  local full, rest = "━", "─"
  if not terminal.is_utf8() then
    full, rest = "#", "-"
  end
  local filled = math.floor(share * columns)
  local done, open = full:rep(filled), rest:rep(columns - filled)
  if color then
    return "\27[36m" .. done .. "\27[m\27[2m" .. open .. "\27[m"
  end
  return done .. open
end

local function measure(bar, now)
  local passed = now - bar.measured_at
  if passed > 0 then
    local rate = (bar.done - bar.measured_done) / passed
    local weight = bar.rate and 1 - math.exp(-passed / RATE_MEMORY_S) or 1
    bar.rate = (bar.rate or 0) + weight * (rate - (bar.rate or 0))
    bar.measured_at, bar.measured_done = now, bar.done
  end
end

--- The line of a bar inside the loops before it, at most width columns long.
local function line_of(bar, outer, width, now, color)
  local head, tail = {}, {}
  for _, other in ipairs(outer) do
    head[#head + 1] = (other.label and other.label .. " " or "")
      .. (other.total and ("%d/%d"):format(other.done, other.total) or tostring(other.done))
  end
  head[#head + 1] = bar.label
  local total = bar.total
  if total then
    tail[1] = ("%d/%d"):format(bar.done, total)
  else
    tail[1] = tostring(bar.done)
  end
  measure(bar, now)
  if bar.rate then
    tail[#tail + 1] = show_rate(bar.rate)
  end
  if total and bar.rate and bar.rate > 0 and bar.done < total then
    tail[#tail + 1] = show_time((total - bar.done) / bar.rate) .. " left"
  elseif not total then
    tail[#tail + 1] = show_time(now - bar.started_at)
  end
  local left = terminal.clean(table.concat(head, "  "))
  local right = table.concat(tail, "  ")
  local used = terminal.text_width(left) + #right + 2
  if used > width then
    return (terminal.cut(left == "" and right or left .. "  " .. right, width))
  end
  local metrics, room = {}, width - used
    - (total and BAR_COLUMNS_MIN + 2 or 0)
  for _, metric in ipairs(latest(bar.manager)) do
    local text = terminal.clean(metric[1]) .. " " .. terminal.number(metric[2])
    local need = terminal.text_width(text) + 2
    if need > room or #metrics == METRICS_MAX then
      break
    end
    room = room - need
    metrics[#metrics + 1] = text
  end
  local parts = { left ~= "" and left or nil }
  local bar_columns = math.min(BAR_COLUMNS_MAX, BAR_COLUMNS_MIN + room)
  if total and bar_columns >= BAR_COLUMNS_MIN then
    local share = total > 0 and math.min(1, bar.done / total) or 1
    parts[#parts + 1] = draw_bar(share, bar_columns, color)
  end
  parts[#parts + 1] = right
  for _, text in ipairs(metrics) do
    parts[#parts + 1] = text
  end
  return table.concat(parts, "  ")
end

local function draw(bar, now)
  next_draw = now + bar.every
  local width = terminal.width("stderr")
  if not width then
    return
  end
  local outer = {}
  for i = 1, #stack - 1 do
    outer[i] = stack[i]
  end
  -- The last column stays free: a terminal may wrap there.
  local line = line_of(bar, outer, width - 1, now, terminal.has_color("stderr"))
  io.stderr:write("\r" .. line .. "\27[K")
  is_drawn = true
end

--- Makes bar the innermost of the stack. Those above it were left without being closed (a
--- coroutine that nobody resumed) or are another coroutine's.
local function bring_to_top(bar)
  for i = #stack, 1, -1 do
    if stack[i] == bar then
      for j = #stack, i + 1, -1 do
        stack[j] = nil
      end
      return
    end
  end
  stack[#stack + 1] = bar
end

local function tick(bar, now)
  if stack[#stack] ~= bar then
    bring_to_top(bar)
  end
  draw(bar, now)
end

local function close(bar)
  for i = #stack, 1, -1 do
    if stack[i] == bar then
      for j = #stack, i, -1 do
        stack[j] = nil
      end
      -- An outer loop's next step takes the line over; the outermost gives it back.
      if i == 1 and is_drawn then
        is_drawn = false
        io.stderr:write("\r\27[K")
      end
      return
    end
  end
end

-- Before Lua 5.4 no loop closes anything. There the last step does, and what a break leaves stays
-- until the loop around it goes on.
local closing = { __close = close, __name = "mlmanager.progress" }

local function open(manager, options, total)
  local now = terminal.clock()
  local bar = setmetatable({
    manager = manager, label = options.label, every = math.max(EVERY_S, options.every or EVERY_S),
    total = total or options.total, done = 0, started_at = now, measured_at = now,
    measured_done = 0,
  }, closing)
  stack[#stack + 1] = bar
  if now >= next_draw then
    draw(bar, now)
  end
  return bar
end

local function shows()
  return terminal.is_terminal("stderr") and os.getenv("TERM") ~= "dumb"
end

local function over_number(manager, count, options)
  if not shows() then
    return function(_, i)
      if i < count then
        return i + 1
      end
    end, nil, 0
  end
  local bar, clock = open(manager, options, count), terminal.clock
  return function(_, i)
    bar.done = i
    local now = clock()
    if now >= next_draw then
      tick(bar, now)
    end
    if i < count then
      return i + 1
    end
    close(bar)
  end, nil, 0, bar
end

local function over_list(manager, list, options)
  if not shows() then
    return ipairs(list)
  end
  local bar, clock = open(manager, options, #list), terminal.clock
  return function(_, i)
    bar.done = i
    local now = clock()
    if now >= next_draw then
      tick(bar, now)
    end
    i = i + 1
    local value = list[i]
    if value ~= nil then
      return i, value
    end
    close(bar)
  end, nil, 0, bar
end

local function close_at_end(bar, control, ...)
  if control == nil then
    close(bar)
  end
  return control, ...
end

local function over_iterator(manager, options, step, state, control, to_close)
  if not shows() then
    return step, state, control, to_close
  end
  local bar, clock = open(manager, options), terminal.clock
  local done = -1
  if to_close ~= nil then
    -- The loop closes one value, which then stands for both.
    local inner = to_close
    to_close = setmetatable({}, {
      __close = function()
        close(bar)
        for _ in next, {}, nil, inner do end -- closes it
      end,
    })
  end
  return function(s, c)
    done = done + 1
    bar.done = done
    local now = clock()
    if now >= next_draw then
      tick(bar, now)
    end
    return close_at_end(bar, step(s, c))
  end, state, control, to_close or bar
end

local function is_callable(value)
  local meta = getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
end

--- progress(manager, n [, options]), (manager, list [, options]), (manager, iterator, state, …) and
--- (manager, options, iterator, state, …).
return function(manager, what, ...)
  local options = ...
  if type(what) == "number" and what == math.floor(what) then
    check_options(options or {})
    return over_number(manager, math.floor(what), options or {})
  elseif is_callable(what) then
    return over_iterator(manager, {}, what, ...)
  elseif type(what) == "table" and is_callable((...)) then
    check_options(what)
    return over_iterator(manager, what, ...)
  elseif type(what) == "table" then
    check_options(options or {})
    return over_list(manager, what, options or {})
  end
  return refuse(("bad argument #1 to 'progress' (a whole number, a list or an iterator expected, "
    .. "got %s)"):format(number_type(what) and tostring(what) or type(what)))
end
