-- SPDX-License-Identifier: Apache-2.0
-- The session on a terminal. What it cannot do in Lua comes in as one table: read_line, call, show
-- and version (src/host/repl.c).

local host = ...

local PROMPT, MORE = "> ", ">> "

local function is_incomplete(message)
  return message:sub(-5) == "<eof>"
end

--- Compiles what was typed: as an expression if it is one, so that its value is shown.
local function compile(text)
  local chunk = load("return " .. text, "=stdin")
  if chunk then
    return chunk
  end
  return load(text, "=stdin")
end

--- Reads lines until they are a whole chunk or wrong for good.
--- Returns the chunk, or nil and what happened instead.
local function read_chunk()
  local text
  while true do
    local line, why = host.read_line(text and MORE or PROMPT)
    if not line then
      return nil, why
    end
    text = text and text .. "\n" .. line or line
    local chunk, message = compile(text)
    if chunk then
      return chunk
    end
    if not is_incomplete(message) then
      return nil, "wrong", message
    end
  end
end

local function print_error(text)
  -- The traceback's lines from here on are the session's own.
  text = text:gsub("\n\tmlmanager/show%.lua:.*", "")
  text = text:gsub("\n\t%[C%]: in field 'call'\n\tmlmanager/repl%.lua:.*", "")
  io.stdout:flush()
  io.stderr:write(text, "\n")
end

local function print_values(...)
  local texts = {}
  for i = 1, select("#", ...) do
    texts[i] = host.show((select(i, ...)))
  end
  if #texts > 0 then
    print(table.concat(texts, "\t"))
  end
end

--- False when the session is to end.
local function finish(ok, ...)
  if ok then
    -- Called as the chunk was: showing a value may run its __tostring, and may take long.
    local shown, message = host.call(print_values, ...)
    return shown or finish(shown, message)
  end
  local message = ...
  if message then
    print_error(message)
  end
  return message ~= nil
end

io.stdout:write(("mlmanager %s, %s: type Lua, such as %s; Ctrl-D ends\n"):format(host.version,
  _VERSION, 'mlmanager.create_experiment "first"'))
while true do
  local chunk, why, message = read_chunk()
  if chunk then
    if not finish(host.call(chunk)) then
      break
    end
  elseif why == "wrong" then
    print_error(message)
  else
    -- Nothing ended the line that was being typed.
    io.stdout:write("\n")
    if why ~= "interrupted" then
      break
    end
  end
end
