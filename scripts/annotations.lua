-- SPDX-License-Identifier: Apache-2.0
-- Reads the LuaCATS annotations of lua/meta: what the host's help, hints and completion know, and
-- what tests/lua/meta_spec.lua holds against the module.
--
--   lua5.4 scripts/annotations.lua OUTPUT.lua FILE.lua...
--
-- writes what read() returns as a Lua chunk:
--
--   classes[name] = { name=, parent=, text=, fields={ field... }, functions={ function... } }
--   aliases[name] = { name=, text=, type=, values={ { type=, text= }... } }
--   about         what the file of the module says of it
--
-- A field, parameter or result is { name=, type=, text=, optional=true }; a function { name=,
-- is_method=, text=, parameters=, returns=, overloads={ type... }, section=, shown=, place= },
-- shown being its parameters as its line has them. Texts keep their lines.

local annotations = {}

local OPENING = { ["("] = true, ["{"] = true, ["["] = true, ["<"] = true }
local CLOSING = { [")"] = true, ["}"] = true, ["]"] = true, [">"] = true }

--- Cuts a type off the front of text: it ends at the first blank that no bracket and no "fun():"
--- holds. Returns it and what follows.
local function cut_type(text)
  local depth, i = 0, 1
  while i <= #text do
    local character = text:sub(i, i)
    if character == '"' then
      i = text:find('"', i + 1, true) or #text
    elseif OPENING[character] then
      depth = depth + 1
    elseif CLOSING[character] then
      depth = depth - 1
    elseif character == " " and depth == 0 and not text:sub(i - 1, i - 1):find("[:,]") then
      break
    end
    i = i + 1
  end
  return text:sub(1, i - 1), (text:sub(i + 1):gsub("^%s+", ""))
end

local function join(text, line)
  return text == "" and line or text .. "\n" .. line
end

local readers = {}

function readers.class(state, rest)
  local name, parent = rest:match("^([%w_.]+)(.*)$")
  parent = parent and parent:gsub("^: ?", "")
  if not name or not parent:find("^[%w_.]*$") then
    return "a class is ---@class NAME: PARENT"
  end
  local class = state.classes[name]
  if not class then
    class = { name = name, text = "", fields = {}, functions = {} }
    state.classes[name] = class
  end
  class.parent = parent ~= "" and parent or class.parent
  class.text = join(class.text, state.text)
  state.class, state.text = class, ""
end

function readers.field(state, rest)
  local name, optional, after = rest:match("^([%w_]+)(%??) (.+)$")
  if not name or not state.class then
    return "a field is ---@field NAME TYPE TEXT, below its class"
  end
  local field = { name = name, optional = optional == "?" or nil }
  field.type, field.text = cut_type(after)
  table.insert(state.class.fields, field)
  state.last = field
end

function readers.param(state, rest)
  local name, optional, after = rest:match("^([%w_.]+)(%??) (.+)$")
  if not name then
    return "a parameter is ---@param NAME TYPE TEXT"
  end
  local parameter = { name = name, optional = optional == "?" or nil }
  parameter.type, parameter.text = cut_type(after)
  table.insert(state.parameters, parameter)
  state.last = parameter
end

readers["return"] = function(state, rest)
  local result = {}
  result.type, rest = cut_type(rest)
  result.name, result.text = rest:match("^([%w_.]+)%s?(.*)$")
  result.text = result.text or rest
  table.insert(state.returns, result)
  state.last = result
end

function readers.overload(state, rest)
  table.insert(state.overloads, rest)
end

function readers.alias(state, rest)
  local name, type = rest:match("^([%w_.]+)%s*(.*)$")
  if not name then
    return "an alias is ---@alias NAME TYPE"
  end
  local alias = { name = name, text = state.text, values = {} }
  if type ~= "" then
    alias.type, type = cut_type(type)
    alias.text = type ~= "" and join(alias.text, type) or alias.text
  end
  state.aliases[name] = alias
  state.alias, state.text = alias, ""
end

function readers.meta(state, rest)
  state.is_module = rest ~= ""
end

local function forget(state)
  state.text, state.last, state.alias = "", nil, nil
  state.parameters, state.returns, state.overloads = {}, {}, {}
end

local function read_comment(state, line)
  local tag, rest = line:match("^@(%w+)%s*(.*)$")
  if tag then
    if not readers[tag] then
      return "unknown tag @" .. tag
    end
    state.last = nil
    return readers[tag](state, rest)
  end
  local value = line:match("^| (.+)$")
  if value and state.alias then
    local entry = {}
    entry.type, entry.text = cut_type(value)
    table.insert(state.alias.values, entry)
  elseif state.last then
    state.last.text = state.last.text .. " " .. line
  else
    state.text = join(state.text, line)
  end
end

local function read_code(state, line, place)
  local holder = line:match("^local (%w+) = {}")
  local owner, separator, name, parameters = line:match("^function (%w+)([.:])([%w_]+)%((.-)%)")
  if holder then
    state.locals[holder] = state.class
  elseif owner then
    local class = state.locals[owner]
    if not class then
      return owner .. " is no class here"
    end
    table.insert(class.functions, { name = name, is_method = separator == ":" or nil,
      text = state.text, parameters = state.parameters, returns = state.returns,
      overloads = state.overloads, shown = parameters, place = place,
      section = state.section })
  elseif line == "" and state.text ~= "" and not state.alias then
    -- What stands alone is about the file, or a heading for what follows.
    if state.is_module and not state.class then
      -- What is said to editors alone is left out.
      state.all.about = state.text:gsub("%s*Types only[^.]*%.", "")
    elseif state.class then
      state.section = state.text:gsub("%.$", "")
    end
  end
  forget(state)
end

--- Reads files, in this order. Raises with the place of what it does not understand.
function annotations.read(paths)
  local all = { classes = {}, aliases = {}, about = "" }
  for _, path in ipairs(paths) do
    local state = { all = all, classes = all.classes, aliases = all.aliases, locals = {} }
    forget(state)
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      local place = path .. ":" .. number
      local comment = line:match("^%-%-%-(.*)$")
      local problem
      if comment then
        problem = read_comment(state, comment)
      elseif not line:find("^%-%-") then
        problem = read_code(state, line, place)
      end
      if problem then
        error(place .. ": " .. problem, 0)
      end
    end
  end
  return all
end

local function write(value, out)
  if type(value) == "table" then
    local keys = {}
    for key in pairs(value) do
      keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
      if type(a) ~= type(b) then
        return type(a) == "number"
      end
      return a < b
    end)
    out[#out + 1] = "{"
    for _, key in ipairs(keys) do
      out[#out + 1] = type(key) == "string" and ("[%q]="):format(key) or ""
      write(value[key], out)
      out[#out + 1] = ","
    end
    out[#out + 1] = "}\n"
  else
    out[#out + 1] = ("%q"):format(value)
  end
end

--- What read() returned, as the text of a chunk that returns it.
function annotations.serialize(all)
  local out = { "return " }
  write(all, out)
  return table.concat(out)
end

if arg and arg[0] and arg[0]:match("annotations%.lua$") then
  local ok, all = pcall(annotations.read, { table.unpack(arg, 2) })
  if not ok then
    io.stderr:write(all, "\n")
    os.exit(1)
  end
  local file <close> = assert(io.open(arg[1], "wb"))
  assert(file:write(annotations.serialize(all)))
end

return annotations
