-- SPDX-License-Identifier: Apache-2.0
-- What goes wrong with what was typed, as text: where the syntax is wrong, and errors without the
-- session's own frames.

local problem = {}

--- How many bytes of text Lua had read when it gave up.
local function bytes_read(text)
  local count = 0
  load(function()
    count = count + 1
    return count <= #text and text:sub(count, count) or nil
  end, "=stdin")
  return math.min(count, #text)
end

local function line_at(text, place)
  local from = 1
  for newline in text:gmatch("()\n") do
    if newline >= place then
      return text:sub(from, newline - 1), place - from + 1
    end
    from = newline + 1
  end
  return text:sub(from), place - from + 1
end

--- The message of a syntax error in text, with the line and a mark below the place.
function problem.syntax(text, message)
  local near = message:match("near '?(.-)'?$")
  local place = bytes_read(text)
  -- A byte that begins no token.
  near = near and near:gsub("^<\\(%d+)>$", function(code)
    return string.char(tonumber(code))
  end)
  if near == "<eof>" then
    place = #text
  elseif near then
    -- Lua has read one byte past the token.
    for at = place, math.max(1, place - #near - 1), -1 do
      if text:sub(at, at + #near - 1) == near then
        place = at
        break
      end
    end
  end
  local line, column = line_at(text, math.max(place, 1))
  local before = line:sub(1, column - 1):gsub("[^\t]", " ")
  -- A character of several bytes is one column.
  local width = utf8.len(line:sub(1, column - 1), 1, -1, true)
  if width then
    before = before:sub(1, #before - (column - 1 - width))
  end
  return ("%s\n  %s\n  %s^"):format(message, line, before)
end

--- An error's text without frames of the session, and without a traceback that says no more than
--- the message.
function problem.raised(text)
  local message, trace = text:match("^(.-)\nstack traceback:\n(.*)$")
  if not message then
    return text
  end
  local frames = {}
  for frame in trace:gmatch("[^\n]+") do
    if frame:find("^\tmlmanager/repl%.lua:") or frame:find("^\tmlmanager/session/result%.lua:") then
      -- The session's call of the chunk, and all that is outside of it.
      if frames[#frames] and frames[#frames]:find("in field 'call'", 1, true) then
        frames[#frames] = nil
      end
      break
    end
    frames[#frames + 1] = frame
  end
  local says_more = false
  for _, frame in ipairs(frames) do
    says_more = says_more or not (frame:find("^\t%[C%]") or frame:find("^\tmlmanager/")
      or frame:find("^\tstdin:%d+: in main chunk"))
  end
  if not says_more then
    return message
  end
  return message .. "\nstack traceback:\n" .. table.concat(frames, "\n")
end

--- The name that an error says there is none of; nil for other errors.
function problem.unknown_name(text)
  return text:match("no function or property '([%w_]+)'")
    or text:match("attempt to call a nil value %(%a+ '([%w_]+)'%)")
    or text:match("attempt to index a nil value %(global '([%w_]+)'%)")
end

return problem
