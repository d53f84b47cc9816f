-- SPDX-License-Identifier: Apache-2.0
-- status_line(): a line on the terminal that tells how far something is, from its second second
-- on. line.show(text, rest) is cheap to call often; where the line is too long it cuts text, and
-- never rest. line.clear() gives the line back.

local host = ...
local terminal = host.terminal

local AFTER_S = 1
local EVERY_S = 0.1

return function()
  local line = {}
  local is_shown = false
  local can_show = terminal.is_terminal("stderr") and os.getenv("TERM") ~= "dumb"
  local next_at = can_show and terminal.clock() + AFTER_S

  function line.show(text, rest)
    local now = can_show and terminal.clock()
    if not now or now < next_at then
      return
    end
    next_at = now + EVERY_S
    is_shown = true
    -- The last column stays free: a terminal may wrap there.
    local width = (terminal.width("stderr") or 80) - 1
    rest = rest or ""
    local head = terminal.cut(terminal.clean(text), math.max(width - #rest, 0))
    io.stderr:write("\r", head, rest, "\27[K")
  end

  function line.clear()
    if is_shown then
      is_shown = false
      io.stderr:write("\r\27[K")
    end
  end

  return line
end
