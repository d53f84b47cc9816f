-- SPDX-License-Identifier: Apache-2.0
-- help(…) of a session: the documentation of lua/meta as text for a terminal.

local reference, signature, terminal, nearest, commands = ...

local WIDTH_MAX = 100 -- columns of a paragraph; longer lines are hard to read

local MANUAL = "https://www.lua.org/manual/5.4/manual.html"
local BASIC = [[assert collectgarbage dofile error getmetatable ipairs load loadfile next pairs
  pcall print rawequal rawget rawlen rawset require select setmetatable tonumber tostring type warn
  xpcall]]
local LIBRARIES = { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug",
  "package" }

-- Text.

local function width()
  return math.min((terminal.width("stdout") or 80) - 1, WIDTH_MAX)
end

local function bold(text)
  return terminal.has_color("stdout") and "\27[1m" .. text .. "\27[m" or text
end

local function dim(text)
  return terminal.has_color("stdout") and "\27[2m" .. text .. "\27[m" or text
end

--- Adds the words of a text to lines; indent is in front of each but the first, which has first.
local function wrap(lines, text, indent, first)
  first = first or indent
  local room = terminal.text_width(indent)
  local texts = terminal.wrap(text, width() - room, terminal.text_width(first) - room)
  lines[#lines + 1] = first .. (texts[1] or "")
  for i = 2, #texts do
    lines[#lines + 1] = indent .. texts[i]
  end
end

--- Paragraphs are filled anew, examples stay as they are.
local function add_text(lines, text, indent)
  local paragraph = {}
  local function flush()
    if #paragraph > 0 then
      wrap(lines, table.concat(paragraph, " "), indent)
      paragraph = {}
    end
  end
  for line in (text .. "\n"):gmatch("(.-)\n") do
    if line == "" then
      flush()
      lines[#lines + 1] = ""
    elseif line:find("^    ") then
      flush()
      lines[#lines + 1] = indent .. line:sub(3)
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
end

local function first_sentence(text)
  local paragraph = text:match("^(.-)\n\n") or text
  paragraph = paragraph:gsub("\n", " ")
  return paragraph:match("^(.-)[:;.] ") or paragraph:gsub("[.:]$", "")
end

local function widest_of(rows)
  local widest = 0
  for _, row in ipairs(rows) do
    widest = math.max(widest, terminal.text_width(row[1]))
  end
  return widest
end

--- Rows { name, description, rows below it } with the descriptions below one another.
local function add_rows(lines, rows, indent)
  local widest = math.min(widest_of(rows), width() // 2)
  for _, row in ipairs(rows) do
    local first = indent .. row[1] .. (" "):rep(widest - terminal.text_width(row[1])) .. "  "
    wrap(lines, row[2], indent .. (" "):rep(widest + 2), first)
    add_rows(lines, row[3] or {}, indent .. "    ")
  end
end

--- As add_rows, with a line for each: what does not fit is cut.
local function add_index(lines, rows, indent)
  local widest = math.min(widest_of(rows), width() * 3 // 5)
  for _, row in ipairs(rows) do
    local line = indent .. row[1]
    local pad = widest + #indent + 2 - terminal.text_width(line)
    local room = width() - terminal.text_width(line) - math.max(pad, 2)
    if row[2] ~= "" and room > 16 then
      local text = row[2]
      if terminal.text_width(text) > room then
        text = terminal.cut(text, room - 3):gsub("%s+%S*$", "") .. "..."
      end
      line = line .. (" "):rep(math.max(pad, 2)) .. dim(text)
    end
    lines[#lines + 1] = line
  end
end

-- Topics.

local function is_manager(class)
  return class.name == "mlmanager.Manager"
end

--- How a function is written: manager.f(…), run:f(…), mlmanager.csv.f(…).
local function heading(entry, class)
  local owner = class.name
  if entry.alias then
    return ("%s: function(%s)"):format(owner, table.concat(signature.names(entry), ", "))
  end
  if is_manager(class) then
    owner = "manager"
  elseif owner == "mlmanager.csvlib" then
    owner = "mlmanager.csv"
  elseif entry.is_method then
    owner = owner:match("([%w_]+)$"):gsub("^%u", string.lower)
  end
  local separator = entry.is_method and not is_manager(class) and ":" or "."
  return ("%s%s%s(%s)"):format(owner, separator, entry.name,
    table.concat(signature.names(entry), ", "))
end

local function describe(parameter)
  local text = signature.type(parameter.type)
  return parameter.text ~= "" and text .. ": " .. parameter.text or text
end

local function field_rows(fields)
  local rows = {}
  for i, field in ipairs(fields) do
    rows[i] = { field.name .. (field.optional and "?" or ""), describe(field) }
  end
  return rows
end

--- The fields of classes that have no functions: what a table of options holds.
local function fields_of(type)
  local class, is_list = reference.class_of_type(type)
  local fields = {}
  if class and not is_list and #class.functions == 0 then
    reference.each_member(class, function(field)
      fields[#fields + 1] = field
    end)
  end
  return fields, class
end

local function same_as(entry, class)
  local name = entry.text:match("^The same as ([%w_]+)%.$")
    or entry.text:match("^As Manager:([%w_]+)")
  local owner = entry.text:find("^As Manager:") and reference.class("Manager") or class
  return name and reference.member(owner, name)
end

local function add_parameters(lines, entry)
  local rows = {}
  for i, parameter in ipairs(entry.parameters) do
    rows[i] = { parameter.name .. (parameter.optional and "?" or ""), describe(parameter),
      field_rows((fields_of(parameter.type))) }
  end
  if #rows > 0 then
    lines[#lines + 1] = ""
    add_rows(lines, rows, "  ")
  end
  local keywords = signature.fields(entry, 1)
  local _, class = fields_of((signature.at(entry, 1)[1] or { type = "" }).type)
  if #keywords > 0 and not class and signature.at(entry, 1)[2] and #entry.overloads > 0
    and keywords[1] ~= entry.parameters[1] then
    lines[#lines + 1] = ""
    lines[#lines + 1] = "  or one table with any of"
    add_rows(lines, field_rows(keywords), "      ")
  end
end

local function add_returns(lines, entry)
  local rows = {}
  for _, result in ipairs(entry.returns) do
    rows[#rows + 1] = { result.name or "value", describe(result) }
  end
  if #rows > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = "returns"
    add_rows(lines, rows, "  ")
  end
end

local function function_lines(entry, class)
  local lines = { bold(heading(entry, class)) }
  local text = entry.text
  -- A method of runs is the manager's function for that run.
  local other = class.name == "mlmanager.Run" and reference.member(reference.class("Manager"),
    entry.name) or same_as(entry, class)
  if text == "" and other then
    text = other.text
  elseif other and other.name ~= entry.name then
    text = text .. " " .. other.text
  end
  if text ~= "" then
    lines[#lines + 1] = ""
    add_text(lines, text, "  ")
  end
  add_parameters(lines, entry)
  add_returns(lines, entry)
  return lines
end

local function class_lines(class)
  local title = class.name
  local lines = { bold(title .. (class.parent and " (a " .. class.parent .. ")" or "")) }
  local text = class.name == "mlmanager" and reference.about or class.text
  if text ~= "" then
    lines[#lines + 1] = ""
    add_text(lines, text, "  ")
  end
  local rows = field_rows(class.fields)
  if #rows > 0 then
    lines[#lines + 1] = ""
    add_rows(lines, rows, "  ")
  end
  local at = class
  while at do
    local section, index = nil, {}
    local function flush()
      if #index > 0 then
        lines[#lines + 1] = ""
        lines[#lines + 1] = section or (is_manager(at) and "Managers") or at.name
        add_index(lines, index, "  ")
      end
      index = {}
    end
    for _, entry in ipairs(at.functions) do
      if entry.section ~= section then
        flush()
        section = entry.section
      end
      local first = entry.text
      if first == "" and at.name == "mlmanager.Run" then
        local other = reference.member(reference.class("Manager"), entry.name)
        first = other and other.text or ""
      end
      index[#index + 1] = { ("%s(%s)"):format(entry.name,
        table.concat(signature.names(entry), ", ")), first_sentence(first) }
    end
    flush()
    at = reference.classes[at.parent]
  end
  return lines
end

local function alias_lines(alias)
  local lines = { bold(alias.name) .. (alias.type and ": " .. signature.type(alias.type) or "") }
  if alias.text ~= "" then
    add_text(lines, alias.text, "  ")
  end
  local rows = {}
  for i, value in ipairs(alias.values) do
    rows[i] = { value.type, value.text }
  end
  add_rows(lines, rows, "  ")
  return lines
end

local function overview()
  local lines = {}
  lines[1] = "Type Lua: an expression shows its value, and _ is the last one. The store opens at "
    .. "the first call."
  lines[2] = ""
  local rows = {
    { 'mlmanager.create_experiment "first"', "makes an experiment and works in it" },
    { "mlmanager.search_runs()", "its runs, as a table" },
    { "help(mlmanager)", "all functions" },
    { "help(mlmanager.log_metric)", 'one of them; help "log_metric" does the same' },
    { 'help "RunQuery"', "a table of options or results" },
  }
  rows[#rows + 1] = { 'help "runs"', "a command of the command line" }
  add_rows(lines, rows, "  ")
  lines[#lines + 1] = ""
  add_rows(lines, {
    { "Tab", "completes names, and experiments, runs, keys and files inside of quotes" },
    { "Up, Ctrl-R", "entries of before, also those of other sessions; typed text narrows Up" },
    { "Ctrl-C", "stops what runs, or drops what is typed" },
    { "Ctrl-D", "ends the session, and its open runs as FINISHED" },
  }, "  ")
  return lines
end

local function stock_name(value)
  for _, library in ipairs(LIBRARIES) do
    local holder = package.loaded[library]
    if holder == value then
      return library, "#6"
    end
    for name, field in next, type(holder) == "table" and holder or {} do
      if rawequal(field, value) and type(name) == "string" then
        return library .. "." .. name, "#pdf-" .. library .. "." .. name
      end
    end
  end
  for name in BASIC:gmatch("%a+") do
    if rawequal(rawget(_G, name), value) then
      return name, "#pdf-" .. name
    end
  end
end

local function function_value_lines(value)
  local entry, class = reference.function_of(value)
  if entry then
    return function_lines(entry, class)
  end
  local name, anchor = stock_name(value)
  if name then
    return { bold(name) .. " is part of Lua: " .. MANUAL .. anchor }
  end
  local info = debug.getinfo(value, "Su")
  if info.what == "C" then
    return { "A function that is written in C, without documentation." }
  end
  local names = {}
  for i = 1, info.nparams do
    names[i] = debug.getlocal(value, i)
  end
  if info.isvararg then
    names[#names + 1] = "..."
  end
  return { ("function(%s), defined at %s:%d"):format(table.concat(names, ", "), info.short_src,
    info.linedefined) }
end

--- The global or documented name that is nearest to a mistyped one; nil where none is near.
local function nearest_name(name)
  local names = {}
  for key in next, _G do
    names[#names + 1] = type(key) == "string" and key or nil
  end
  for _, class in pairs(reference.classes) do
    names[#names + 1] = class.name:gsub("^mlmanager%.", "")
    for _, entry in ipairs(class.functions) do
      names[#names + 1] = entry.name
    end
  end
  table.sort(names)
  return nearest(name, names)
end

local function by_name(topic)
  local owner, name = topic:match("^(.-)[.:]?([%w_]+)$")
  if not name then
    return nil
  end
  local class = reference.class(topic)
  if class and (class.name ~= "mlmanager" or topic == "mlmanager") then
    return class_lines(class)
  elseif topic == "manager" then
    return class_lines(reference.class("Manager"))
  end
  local holder = owner ~= "" and (reference.class(owner:gsub("^manager$", "Manager"))
    or owner == "mlmanager.csv" and reference.class("csvlib"))
  if holder then
    local entry, kind, of = reference.member(holder, name)
    if kind == "function" then
      return function_lines(entry, of)
    end
  end
  local alias = reference.aliases[topic] or reference.aliases["mlmanager." .. topic]
  if alias then
    return alias_lines(alias)
  end
  local found = {}
  for _, one in ipairs(reference.named(name)) do
    found[#found + 1] = one.kind == "function" and one or nil
  end
  -- The manager's own before a run's of the same name.
  local first = found[1]
  for _, other in ipairs(found) do
    first = is_manager(other.class) and other or first
  end
  if not first then
    return nil
  end
  local lines, others = function_lines(first.entry, first.class), {}
  for _, other in ipairs(found) do
    others[#others + 1] = other ~= first and heading(other.entry, other.class) or nil
  end
  if #others > 0 then
    lines[#lines + 1] = ""
    wrap(lines, table.concat(others, ", "), "  ", "also ")
  end
  return lines
end

--- The fields of that name, of all classes.
local function field_lines(name)
  local rows = {}
  for _, one in ipairs(reference.named(name)) do
    rows[#rows + 1] = { bold(one.class.name .. "." .. name), describe(one.entry) }
  end
  local lines = {}
  add_rows(lines, rows, "")
  return #rows > 0 and lines or nil
end

local function global_lines(topic)
  local value = _G
  for name in topic:gmatch("[^.:]+") do
    value = reference.raw_index(value, name)
  end
  if value ~= nil and stock_name(value) then
    local name, anchor = stock_name(value)
    return { bold(name) .. " is part of Lua: " .. MANUAL .. anchor }
  end
end

local help = { nearest = nearest_name }

--- The help on a topic as lines: nil is an overview, a text a name, another value itself.
function help.lines(topic)
  if topic == nil then
    return overview()
  elseif type(topic) == "function" then
    return function_value_lines(topic)
  elseif type(topic) ~= "string" then
    local class = reference.class_of(topic)
    local name, anchor = stock_name(topic)
    return class and class_lines(class)
      or name and { bold(name) .. " is part of Lua: " .. MANUAL .. anchor }
      or { ("A %s; help takes a function, a manager, a run or a name."):format(type(topic)) }
  end
  topic = topic:match("^%s*(.-)[%s%(%)]*$")
  local lines = topic == "" and overview() or by_name(topic) or commands(topic)
    or global_lines(topic) or field_lines(topic)
  if lines then
    return lines
  end
  local near = nearest_name(topic:match("[%w_]*$"))
  return { ("There is no help on '%s'%s"):format(terminal.clean(topic),
    near and (", but on '%s'."):format(near) or "; help() says what there is.") }
end

return help
