-- SPDX-License-Identifier: Apache-2.0
-- What is documented, found from values and from code that is being typed. The documentation is
-- that of lua/meta, read by scripts/annotations.lua when the program was built. Nothing here calls
-- a function of the user's or a metamethod.

local documentation, mlmanager = ...

local classes, aliases = documentation.classes, documentation.aliases

local reference = { classes = classes, aliases = aliases, about = documentation.about }

local by_lower_name = {}
for name in pairs(classes) do
  by_lower_name[name:lower()] = name
end

--- A class by its name, with or without the module's, in any case.
function reference.class(name)
  local lower = name:lower()
  return classes[name] or classes[by_lower_name[lower] or by_lower_name["mlmanager." .. lower]]
end

--- The function or field of a class or of those it inherits from: { name=, … }, "function" or
--- "field", and the class that has it.
function reference.member(class, name)
  while class do
    for _, entry in ipairs(class.functions) do
      if entry.name == name then
        return entry, "function", class
      end
    end
    for _, entry in ipairs(class.fields) do
      if entry.name == name then
        return entry, "field", class
      end
    end
    class = classes[class.parent]
  end
end

--- Calls fn(entry, kind, class) for all that a class has.
function reference.each_member(class, fn)
  while class do
    for _, entry in ipairs(class.functions) do
      fn(entry, "function", class)
    end
    for _, entry in ipairs(class.fields) do
      fn(entry, "field", class)
    end
    class = classes[class.parent]
  end
end

local function metatable_classes()
  local found = {}
  for name, value in next, debug.getregistry() do
    if type(name) == "string" and type(value) == "table" and name:find("^mlmanager%.") then
      found[value] = classes[by_lower_name[name:gsub("_", "")]]
    end
  end
  return found
end

--- The class of a value; nil for what is not documented.
function reference.class_of(value)
  local meta = debug.getmetatable(value)
  if type(value) == "table" then
    if value == mlmanager then
      return classes.mlmanager
    elseif meta and rawget(meta, "__name") == "mlmanager.manager" then
      return classes["mlmanager.Manager"]
    end
    for _, field in ipairs(classes.mlmanager.fields) do
      if classes[field.type] and rawget(mlmanager, field.name) == value then
        return classes[field.type]
      end
    end
    if not meta and type(rawget(value, "info")) == "table" and rawget(value, "data") then
      return classes["mlmanager.StoredRun"]
    end
  end
  return type(meta) == "table" and metatable_classes()[meta] or nil
end

local function key_of(holder, value)
  for key, other in next, holder do
    if other == value and type(key) == "string" then
      return key
    end
  end
end

--- A class of this one's children that has the name: evaluators share their methods.
local function member_below(class, name)
  local entry, kind, owner = reference.member(class, name)
  if entry then
    return entry, kind, owner
  end
  for _, child in pairs(classes) do
    if child.parent == class.name then
      entry, kind, owner = reference.member(child, name)
      if entry then
        return entry, kind, owner
      end
    end
  end
end

--- The parameters of a function's type, fun(a: T, b?: U): V, without a leading self.
function reference.parameters(text)
  local list, depth = {}, 0
  local inside = text:match("^fun(%b())")
  if not inside then
    return list
  end
  local parts, from = {}, 2
  for i = 2, #inside do
    local character = inside:sub(i, i)
    if character:find("[%(%{%[<]") then
      depth = depth + 1
    elseif depth == 0 and (character == "," or i == #inside) then
      parts[#parts + 1] = inside:sub(from, i - 1)
      from = i + 1
    elseif character:find("[%)%}%]>]") then
      depth = depth - 1
    end
  end
  for _, part in ipairs(parts) do
    local name, optional, type = part:match("^%s*([%w_.]+)(%??):%s*(.-)%s*$")
    name = name or part:match("^%s*(%.%.%.)%s*$")
    if name and not (name == "self" and #list == 0) then
      list[#list + 1] = { name = name, optional = optional == "?" or nil, type = type or "any",
        text = "" }
    end
  end
  return list
end

--- Whether f is what manager:metric() returns: it holds a metric, which has no metatable, and its
--- manager's userdata.
local function is_metric_handle(f)
  local _, metric = debug.getupvalue(f, 1)
  local _, manager = debug.getupvalue(f, 2)
  return type(metric) == "userdata" and not debug.getmetatable(metric)
    and type(manager) == "userdata"
    and debug.getmetatable(manager) == debug.getregistry()["mlmanager.handle"]
end

--- A function's type that has a name, as a function: { alias=, … }.
local function entry_of_alias(alias)
  local entry = { name = alias.name:match("[%w_]+$"), alias = alias, text = alias.text,
    overloads = {}, returns = {} }
  for i, value in ipairs(alias.values) do
    if i == 1 then
      entry.parameters = reference.parameters(value.type)
    else
      entry.overloads[i - 1] = value.type
    end
  end
  return entry
end

local known_functions = setmetatable({}, { __mode = "k" })

local function find_function(f)
  local holders = { mlmanager }
  -- A manager's functions have it as an upvalue.
  for i = 1, 255 do
    local name, value = debug.getupvalue(f, i)
    if not name then
      break
    elseif type(value) == "table" then
      table.insert(holders, 1, value)
    end
  end
  for _, field in ipairs(classes.mlmanager.fields) do
    local value = rawget(mlmanager, field.name)
    holders[#holders + 1] = type(value) == "table" and value or nil
  end
  for _, holder in ipairs(holders) do
    local key, class = key_of(holder, f), reference.class_of(holder)
    if key and class then
      return reference.member(class, key)
    end
  end
  for meta, class in pairs(metatable_classes()) do
    local methods = rawget(meta, "__index")
    local key = type(methods) == "table" and key_of(methods, f)
    if key then
      return member_below(class, key)
    end
  end
  local alias = aliases["mlmanager.MetricHandle"]
  if alias and is_metric_handle(f) then
    return entry_of_alias(alias), nil, alias
  end
end

--- The documentation of a function value, and its class; nil when it has none.
function reference.function_of(f)
  local known = known_functions[f]
  if not known then
    local entry, _, class = find_function(f)
    known = { entry, class }
    known_functions[f] = known
  end
  return known[1], known[2]
end

--- The documented functions and fields called name, of all classes: { entry=, kind=, class= }.
function reference.named(name)
  local found = {}
  for _, class in pairs(classes) do
    for kind, list in pairs { ["function"] = class.functions, field = class.fields } do
      for _, entry in ipairs(list) do
        if entry.name == name then
          found[#found + 1] = { entry = entry, kind = kind, class = class }
        end
      end
    end
  end
  table.sort(found, function(a, b)
    if a.kind ~= b.kind then
      return a.kind == "function"
    end
    return a.class.name < b.class.name
  end)
  return found
end

--- What a type's text names first that is a class: the class, and whether it is a list of them.
function reference.class_of_type(text)
  for name, rest in text:gmatch("([%w_.]+)([^|]*)") do
    local alias = aliases[name]
    if classes[name] then
      return classes[name], rest:find("^%[%]") ~= nil
    elseif alias and alias.type then
      local class, is_list = reference.class_of_type(alias.type)
      if class then
        return class, is_list or rest:find("^%[%]") ~= nil
      end
    end
  end
end

--- The string literals that a type allows: { { value=, text= }… }.
function reference.literals(text)
  local list = {}
  for value in text:gmatch('"([^"]*)"') do
    list[#list + 1] = { value = value, text = "" }
  end
  for name in text:gmatch("[%w_.]+") do
    local alias = aliases[name]
    if alias then
      for _, entry in ipairs(alias.type and reference.literals(alias.type) or {}) do
        list[#list + 1] = entry
      end
      for _, entry in ipairs(alias.values) do
        local value = entry.type:match('^"(.*)"$')
        list[#list + 1] = value and { value = value, text = entry.text } or nil
      end
    end
  end
  return list
end

--- t[key] without metamethods that are functions.
local function raw_index(value, key)
  for _ = 1, 20 do
    if type(value) == "table" then
      local found = rawget(value, key)
      if found ~= nil then
        return found
      end
    end
    local meta = debug.getmetatable(value)
    local index = type(meta) == "table" and rawget(meta, "__index")
    if type(index) ~= "table" then
      return nil
    end
    value = index
  end
end
reference.raw_index = raw_index

local function step_by_documentation(class, is_list, step)
  if not class then
    return nil
  elseif step.kind == "index" then
    return is_list and { class = class } or nil
  end
  local entry, kind = reference.member(class, step.name)
  if kind == "function" then
    return { entry = entry }
  elseif entry then
    local of_field, list = reference.class_of_type(entry.type)
    return of_field and { class = of_field, is_list = list, entry = entry } or nil
  end
end

--- What an expression is (steps of source.chain()): { value= } where it can be known without a
--- call, else { class=, is_list= } or { entry= } by the documentation; nil when neither knows.
function reference.resolve(steps)
  local at
  for _, step in ipairs(steps or {}) do
    if step.kind == "global" then
      local value = rawget(_G, step.name)
      at = value ~= nil and { value = value } or nil
    elseif step.kind == "call" then
      local entry = at.entry
      if not entry and type(at.value) == "function" then
        entry = reference.function_of(at.value)
      end
      local result = entry and entry.returns and entry.returns[1]
      if not result then
        return nil
      end
      local class, is_list = reference.class_of_type(result.type)
      at = class and { class = class, is_list = is_list } or nil
    else
      local value = at.value ~= nil and raw_index(at.value, step.name or step.value)
      if value ~= nil and value ~= false then
        at = { value = value }
      else
        local class = at.class
        if at.value ~= nil then
          class = reference.class_of(at.value)
        end
        at = step_by_documentation(class, at.is_list, step)
      end
    end
    if not at then
      return nil
    end
  end
  return at
end

--- The documentation of the function that an expression names, and its class.
function reference.function_at(steps)
  local at = reference.resolve(steps)
  if at and at.entry and at.entry.parameters then
    return at.entry
  elseif at and type(at.value) == "function" then
    return reference.function_of(at.value)
  end
end

return reference
