-- SPDX-License-Identifier: Apache-2.0
-- The session on a terminal. What it cannot do in Lua comes in as one table (src/host/repl.c).

local host = ...

local PROMPT, MORE = "> ", ">> "
local SLOW_SECONDS = 0.1 -- how long a chunk takes before the session says it

local terminal = host.terminal
local mlmanager = require "mlmanager"

local source = host.include "session/source"
local reference = host.include("session/reference", host.include "documentation", mlmanager)
local signature = host.include("session/signature", reference)
local hint = host.include("session/hint", source, reference, signature, terminal)
local loaded = {}

--- As the commands of the command line load one another (src/host/command.h).
function host.load(name)
  if loaded[name] == nil then
    loaded[name] = host.include(name, host)
  end
  return loaded[name]
end

--- The help of a command or topic of the command line, as lines.
local function command_help(name)
  local text
  for _, command in ipairs(host.load "commands".list) do
    text = command.name == name and host.load "help".command(command) or text
  end
  for _, topic in ipairs(host.load "topics") do
    text = not text and topic.name == name and host.load "help".topic(topic) or text
  end
  return text and { (text:gsub("\n$", "")) }
end

local help = host.include("session/help", reference, signature, terminal, host.load "nearest",
  command_help)
local result = host.include("session/result", host.include "session/show", mlmanager, terminal,
  host.include "run_columns")
local history = host.include("session/history", host)
local problem = host.include "session/problem"

local function dim(text)
  return terminal.has_color("stdout") and "\27[2m" .. text .. "\27[m" or text
end

-- What is typed.

local typed -- lines of the entry that are complete, each with its newline

--- The active run's name, for the right edge of an empty line: the default manager's, else that of
--- a manager in a global variable. Opens nothing.
local function active_run()
  local function name_in(manager)
    local class = reference.class_of(manager)
    if class and class.name:find("^mlmanager%.?M?a?n?a?g?e?r?$")
      and tostring(manager):find("^MLManager %(.+:") then
      local run_id = manager.current_run_id
      local run = run_id and host.lookup.run(manager.store, run_id)
      return run_id and (run and run.name or run_id)
    end
  end
  local name = name_in(mlmanager)
  for _, value in next, _G do
    name = name or name_in(value)
  end
  return name
end

local run_name -- as of when the prompt came

local function run_hint(columns)
  local text = terminal.cut("run " .. terminal.clean(run_name), columns - 1)
  if terminal.has_color("stdout") then
    return "\1\27[0;2m\1" .. text .. "\1\27[0m\1 "
  end
  return text .. " "
end

host.help_with {
  complete = host.include("session/completion", source, reference, signature, terminal,
    host.lookup),
  hint = function(text, columns)
    if text == "" and not typed and run_name then
      return run_hint(columns)
    end
    return hint((typed or "") .. text, columns)
  end,
}

--- Compiles what was typed: as an expression if it is one, so that its value is shown.
local function compile(text)
  local chunk = load("return " .. text, "=stdin")
  if chunk then
    return chunk
  end
  return load(text, "=stdin")
end

local function is_incomplete(message)
  return message:sub(-5) == "<eof>" and not message:find("unfinished string", 1, true)
end

--- What people type who do not know Lua, or this session: the chunk it stands for.
local function command(text)
  local word = text:match("^%s*(%a+)%s*%(?%)?%s*$")
  if (word == "exit" or word == "quit") and rawget(_G, word) == nil then
    return os.exit
  end
  local topic = text:match("^%s*(.-)%?%s*$") -- as in IPython
  if text:find("^%s*help%s*$") or topic == "" then
    return load("help()", "=stdin")
  elseif topic then
    return load("return help(" .. topic .. ")", "=stdin")
  end
end

--- Reads lines until they are a whole chunk or wrong for good.
--- Returns the chunk; or nil, what happened instead, and the text and message of what is wrong.
local function read_chunk()
  local ok
  ok, run_name = pcall(active_run)
  run_name = ok and run_name or nil
  typed = nil
  while true do
    local line, why = host.read_line(typed and MORE or PROMPT)
    if not line then
      local was_typing = typed ~= nil
      typed = nil
      return nil, why == "end" and was_typing and "dropped" or why
    end
    local text = (typed or "") .. line
    local chunk, message = not typed and command(text), nil
    if not chunk then
      chunk, message = compile(text)
    end
    if chunk or not is_incomplete(message) then
      typed = nil
      history.add(text)
      return chunk, "wrong", text, message
    end
    typed = text .. "\n"
  end
end

-- What is shown.

local function print_values(...)
  local count = select("#", ...)
  local texts, is_long = {}, false
  for i = 1, count do
    texts[i] = result.text((select(i, ...)))
    is_long = is_long or texts[i]:find("\n", 1, true)
  end
  -- Below a table, that there is no next page is no news.
  while is_long and count > 1 and texts[count] == "nil" do
    texts[count], count = nil, count - 1
  end
  if count > 0 then
    io.stdout:write(table.concat(texts, is_long and "\n" or "\t"), "\n")
  end
end

local function print_error(text)
  io.stdout:flush()
  io.stderr:write(text, "\n")
end

local function print_failure(text)
  local near = problem.unknown_name(text)
  near = near and help.nearest(near)
  text = problem.raised(text)
  print_error(near and text .. ("\ndid you mean '%s'?"):format(near) or text)
end

local function print_time(seconds)
  if seconds > SLOW_SECONDS then
    io.stdout:write(dim(seconds < 60 and ("(%.2f s)"):format(seconds)
      or ("(%d:%02d min)"):format(seconds // 60, seconds // 1 % 60)), "\n")
  end
end

--- False when the session is to end.
local function finish(start, ok, ...)
  local seconds = start and terminal.clock() - start or 0
  if ok then
    if (...) ~= nil then
      _G._ = (...)
    end
    -- Called as the chunk was: showing a value may run its __tostring, and may take long.
    local shown, message = host.call(print_values, ...)
    print_time(seconds)
    return shown or finish(nil, shown, message)
  end
  local message = ...
  if message then
    print_failure(message)
    print_time(seconds)
  end
  return message ~= nil
end

function _G.help(topic)
  io.stdout:write(table.concat(help.lines(topic), "\n"), "\n")
end

history.load()
io.stdout:write(("mlmanager %s, %s: type Lua; help() says what there is, Ctrl-D ends\n"):format(
  host.version, _VERSION))
while true do
  local chunk, why, text, message = read_chunk()
  if chunk then
    if not finish(terminal.clock(), host.call(chunk)) then
      break
    end
  elseif why == "wrong" then
    print_error(problem.syntax(text, message))
  else
    -- Nothing ended the line that was being typed.
    io.stdout:write("\n")
    if why ~= "interrupted" and why ~= "dropped" then
      break
    end
  end
end
