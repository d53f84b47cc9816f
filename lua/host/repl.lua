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
  io.stdout:flush()
  io.stderr:write("mlmanager: ", text, "\n")
end

local function print_results(ok, ...)
  if not ok then
    local text = ...
    if text == nil then
      return false
    end
    print_error(text)
  elseif select("#", ...) > 0 then
    local texts = {}
    for i = 1, select("#", ...) do
      texts[i] = host.show((select(i, ...)))
    end
    io.stdout:write(table.concat(texts, "\t"), "\n")
  end
  return true
end

io.stdout:write(("mlmanager %s, %s: type Lua, such as mlmanager.start_run(); Ctrl-D ends\n"):format(
  host.version, _VERSION))
while true do
  local chunk, why, message = read_chunk()
  if chunk then
    if not print_results(host.call(chunk)) then
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
