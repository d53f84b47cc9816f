-- SPDX-License-Identifier: Apache-2.0
-- Shows how far a call is that moves an artifact, once it takes longer than a second. Comes in: the
-- terminal's functions (src/binding/terminal.h).

local terminal = ...

local QUIET_S = 1 -- what is over sooner shows nothing
local BAR_COLUMNS = 20

local UNITS = { "B", "kB", "MB", "GB", "TB" }

local function show_bytes(bytes)
  local unit = 1
  while bytes >= 1000 and unit < #UNITS do
    bytes, unit = bytes / 1000, unit + 1
  end
  return (unit == 1 and "%.0f %s" or bytes < 10 and "%.2f %s" or "%.3g %s"):format(
    bytes, UNITS[unit])
end

local function draw_bar(share)
  local full, rest = "━", "─"
  if not terminal.is_utf8() then
    full, rest = "#", "-"
  end
  local filled = math.floor(share * BAR_COLUMNS)
  return full:rep(filled) .. rest:rep(BAR_COLUMNS - filled)
end

local function line_of(name, done, total, passed, width)
  local right = show_bytes(done)
  if total then
    right = right .. "/" .. show_bytes(total)
  end
  right = right .. "  " .. show_bytes(done / passed) .. "/s"
  local bar = total and total > 0 and draw_bar(math.min(1, done / total)) .. "  " or ""
  local bar_columns = bar ~= "" and BAR_COLUMNS + 2 or 0
  local left = terminal.clean(name)
  if terminal.text_width(left) + 2 + bar_columns + #right > width then
    bar, bar_columns = "", 0
  end
  left = terminal.cut(left, math.max(0, width - 2 - bar_columns - #right))
  return (terminal.cut(left .. "  " .. bar .. right, width))
end

local function waiting_line(name, host, width)
  local right = "waiting for " .. terminal.clean(host)
  if name == "" then
    return (terminal.cut(right, width))
  end
  local columns = math.max(0, width - 2 - terminal.text_width(right))
  local left = terminal.cut(terminal.clean(name), columns)
  return (terminal.cut(left .. "  " .. right, width))
end

local started_at, is_drawn

--- Tells of a call's bytes, or that it has been waiting for a host; without a name it is over. A
--- call that moves no artifact has no name, "", and no bytes.
return function(name, done, total, host)
  if not name then
    if is_drawn then
      io.stderr:write("\r\27[K")
    end
    started_at, is_drawn = nil, false
    return
  end
  local now = terminal.clock()
  -- The first time is not the call's begin, and close enough to it.
  started_at = started_at or now
  local passed = now - started_at
  local is_quiet = passed < QUIET_S and not host
  if is_quiet or not terminal.is_terminal("stderr") or os.getenv("TERM") == "dumb" then
    return
  end
  local width = terminal.width("stderr") or 80
  local line = host and waiting_line(name, host, width - 1)
    or line_of(name, done, total, passed, width - 1)
  io.stderr:write("\r" .. line .. "\27[K")
  is_drawn = true
end
