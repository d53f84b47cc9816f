-- SPDX-License-Identifier: Apache-2.0
-- page(text, given): text on standard output, in a pager where that is a terminal which it would
-- run out of, unless given.no_pager.

local host = ...
local terminal = host.terminal

local PAGER = "less"

local function is_longer(text)
  local width, height = terminal.width("stdout"), terminal.height("stdout")
  local rows = 0
  for line in text:gmatch("([^\n]*)\n") do
    -- A colour's escape takes no column.
    local plain = line:gsub("\27%[[%d;]*m", "")
    rows = rows + math.max(1, math.ceil(terminal.text_width(plain) / width))
  end
  return rows >= height -- the prompt takes a row as well
end

return function(text, given)
  local pager = os.getenv("PAGER")
  if given.no_pager or not terminal.is_terminal("stdout") or pager == "cat" or pager == ""
    or not is_longer(text) then
    host.write(text)
    return
  end
  -- The pager shall keep colours, leave what was read on the screen and end where it all fits;
  -- unless the user has told it otherwise.
  if not host.page('LESS="${LESS-FRX}" ' .. (pager or PAGER), text) then
    host.write(text)
  end
end
