-- SPDX-License-Identifier: Apache-2.0
-- What Tab does: names of globals, fields, methods and keywords, and inside of strings what the
-- function's documentation says they are: experiments, runs, keys, files. Calls no function and no
-- metamethod of the user's; asks the store for little (src/host/name_lookup.h), and not at all for
-- a while where it answered slowly.

local source, reference, signature, terminal, lookup = ...

local RUNS_MAX, EXPERIMENTS_MAX = 50, 200 -- asked of the store
local LIST_ROWS_MAX = 20
local QUICK_SECONDS = 0.01 -- a store that answers so fast is asked for more
local SLOW_SECONDS, REST_SECONDS = 0.2, 60

-- Names.

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") and not source.KEYWORDS[key]
end

--- Adds the keys of a table, and of those that its metatable's __index names.
local function add_keys(names, value, only_functions)
  for _ = 1, 20 do
    if type(value) == "table" then
      for key, field in next, value do
        if is_name(key) and (not only_functions or type(field) == "function") then
          names[key] = true
        end
      end
    end
    local meta = debug.getmetatable(value)
    value = type(meta) == "table" and rawget(meta, "__index") or nil
    if type(value) ~= "table" then
      return
    end
  end
end

local function members(at, only_functions)
  local names = {}
  local class = at.class
  if at.value ~= nil then
    add_keys(names, at.value, only_functions)
    class = reference.class_of(at.value)
  end
  if class and not at.is_list then
    reference.each_member(class, function(entry, kind)
      if kind == "function" or not only_functions then
        names[entry.name] = true
      end
    end)
  end
  return names
end

--- Candidates { text=, label= } whose text begins with word, sorted.
local function candidates_of(names, word)
  local list = {}
  for name in pairs(names) do
    if name:sub(1, #word) == word and (name:sub(1, 1) ~= "_" or word ~= "" ) then
      list[#list + 1] = { text = name }
    end
  end
  table.sort(list, function(a, b)
    return a.text < b.text
  end)
  return list
end

-- The store.

local resting_until = {} -- [store or ""] = time

--- What the store answers, and the seconds that it took; nil when it is left alone.
local function ask(store, name, ...)
  local key = store or ""
  local start = terminal.clock()
  if (resting_until[key] or 0) > start then
    return nil, SLOW_SECONDS
  end
  local answer = lookup[name](store, ...)
  local now = terminal.clock()
  if now - start > SLOW_SECONDS then
    resting_until[key] = now + REST_SECONDS
  end
  return answer, now - start
end

--- The store of the manager that a call is made on: { store=, run_id=, experiment_id= }. Nothing
--- of a manager is opened for it.
local function place_of(chain)
  local steps = {}
  for i = 1, #chain - 1 do
    steps[i] = chain[i]
  end
  local at = reference.resolve(steps)
  local manager = at and at.value
  local class = manager ~= nil and reference.class_of(manager)
  if not class or not class.name:find("^mlmanager%.?M?a?n?a?g?e?r?$") then
    manager = rawget(_G, "mlmanager")
    class = reference.class_of(manager)
    if not class or class.name ~= "mlmanager" then
      return {}
    end
  end
  local uri = tostring(manager):match("^MLManager %((.+)%)$")
  if not uri or uri == "closed" then
    return {}
  end
  return { store = uri, run_id = manager.current_run_id, experiment_id = manager.experiment_id }
end

--- A filter on how a name begins; nil where the word could not be written in one.
local function begins(attribute, word)
  if word ~= "" and not word:find("['%%\\]") then
    return ("%s LIKE '%s%%'"):format(attribute, word)
  end
end

local kinds = {}

function kinds.experiment(place, word)
  local list = {}
  for _, item in ipairs(ask(place.store, "experiments", begins("name", word), EXPERIMENTS_MAX)
    or {}) do
    list[#list + 1] = { text = item.name, match = item.name }
  end
  return list
end

function kinds.experiment_id(place, word)
  local list = {}
  local function add(filter)
    for _, item in ipairs(ask(place.store, "experiments", filter, EXPERIMENTS_MAX) or {}) do
      list[#list + 1] = { text = item.id, label = item.id .. "  " .. item.name, match = item.name }
    end
  end
  add(word:find("%D") and begins("name", word) or nil)
  return list
end

function kinds.run(place, word)
  local list, seen = {}, {}
  local function add(filter)
    local items, seconds = ask(place.store, "runs", place.experiment_id, filter, RUNS_MAX)
    for _, item in ipairs(items or {}) do
      if not seen[item.id] then
        seen[item.id] = true
        list[#list + 1] = { text = item.id, label = item.id .. "  " .. item.name,
          match = item.name }
      end
    end
    return seconds
  end
  if word:find("^%x+$") then
    add(begins("attributes.run_id", word)) -- which the store has an index for
  end
  local by_name = begins("attributes.run_name", word)
  if add(nil) < QUICK_SECONDS and by_name then
    add(by_name)
  end
  return list
end

--- The keys of a run that the call or the manager names, else of the latest runs.
local function keys(part)
  return function(place)
    local found, list = {}, {}
    local ids = { place.named_run or place.run_id }
    if #ids == 0 then
      for i, item in ipairs(ask(place.store, "runs", place.experiment_id, nil, 3) or {}) do
        ids[i] = item.id
      end
    end
    for _, id in ipairs(ids) do
      local run = ask(place.store, "run", id)
      for _, key in ipairs(run and run[part] or {}) do
        if not found[key] and not (part == "tags" and key:find("^mlflow%.")) then
          found[key] = true
          list[#list + 1] = { text = key }
        end
      end
    end
    table.sort(list, function(a, b)
      return a.text < b.text
    end)
    return list
  end
end
kinds.metric, kinds.param, kinds.tag = keys "metrics", keys "params", keys "tags"

function kinds.file(_, word)
  local directory, name = word:match("^(.*/)([^/]*)$")
  directory, name = directory or "", name or word
  local path = directory == "" and "." or directory
  if path:sub(1, 2) == "~/" then
    path = (os.getenv("HOME") or "~") .. path:sub(2)
  end
  local list = {}
  for _, entry in ipairs(lookup.directory(path) or {}) do
    if name ~= "" or entry:sub(1, 1) ~= "." then
      list[#list + 1] = { text = directory .. entry, label = entry }
    end
  end
  table.sort(list, function(a, b)
    return a.text < b.text
  end)
  return list
end

--- In a filter or an order: the keys after "metrics." and the like.
function kinds.filter(place, word)
  local entity, key = word:match("%f[%w_](%a+)%.([^%s=<>!]*)$")
  local part = entity and ({ metrics = "metric", metric = "metric", params = "param",
    param = "param", tags = "tag", tag = "tag" })[entity]
  local list = {}
  for _, item in ipairs(part and kinds[part](place) or {}) do
    if item.text:find("^[%w_]+$") then
      list[#list + 1] = { text = word:sub(1, #word - #key) .. item.text, label = item.text,
        is_part = true }
    end
  end
  return list
end

-- Stock functions whose first argument is a file.
local FILE_FUNCTIONS = { [io.open] = true, [io.lines] = true, [io.input] = true,
  [io.output] = true, [dofile] = true, [loadfile] = true, [os.remove] = true, [os.rename] = true }

--- What kind of text a parameter takes, by its name and the function's.
local function kind_of(entry, parameter)
  local name, owner = parameter.name, entry.name
  if name == "run_id" or name == "run" or name == "run_ids" then
    return "run"
  elseif name == "experiment_name" or name == "experiment"
    or name == "name" and owner:find("experiment") then
    return "experiment"
  elseif name == "experiment_id" or name == "experiment_ids" then
    return "experiment_id"
  elseif name == "filter" or name == "order_by" then
    return "filter"
  elseif name == "metric" or name == "metrics" or name == "keys" then
    return "metric"
  elseif name == "key" then
    return (owner:find("metric") or owner == "lm") and "metric"
      or (owner:find("param") or owner == "lp") and "param"
      or (owner:find("tag") or owner == "st") and "tag" or nil
  elseif name ~= "artifact_path" and (name:find("path$") or name:find("file$")
    or name:find("_?dir$") or name:find("directory$")) then
    return "file"
  end
end

--- The parameters or fields that the string at the end of a call may be.
local function meanings(entry, call)
  if call.keyword and call.keyword ~= "" then
    return { signature.field(entry, call.argument, call.keyword) }
  end
  return signature.at(entry, call.argument)
end

local function string_candidates(tokens, word)
  local call = source.call(tokens)
  if not call or not call.chain then
    return {}
  end
  local entry = reference.function_at(call.chain)
  if not entry then
    local at = reference.resolve(call.chain)
    return at and FILE_FUNCTIONS[at.value] and call.argument == 1 and kinds.file({}, word) or {}
  end
  local place = place_of(call.chain)
  local list, seen = {}, {}
  for _, parameter in ipairs(meanings(entry, call)) do
    for _, literal in ipairs(reference.literals(parameter.type)) do
      list[#list + 1] = { text = literal.value }
    end
    local kind = kind_of(entry, parameter)
    if kind and not seen[kind] then
      seen[kind] = true
      local first = entry.parameters[1]
      place.named_run = call.argument > 1 and first and first.name == "run_id"
        and call.arguments[1] or nil
      for _, item in ipairs(kinds[kind](place, word)) do
        list[#list + 1] = item
      end
    end
  end
  local matching = {}
  for _, item in ipairs(list) do
    if item.text:sub(1, #word) == word or item.match and item.match:sub(1, #word) == word then
      matching[#matching + 1] = item
    end
  end
  return matching
end

-- Showing and inserting.

local function common_prefix(list)
  local prefix = list[1].text
  for i = 2, #list do
    local text, size = list[i].text, 0
    while size < #prefix and prefix:byte(size + 1) == text:byte(size + 1) do
      size = size + 1
    end
    prefix = prefix:sub(1, size)
  end
  -- Not in the middle of a character.
  while prefix ~= "" and not utf8.len(prefix) do
    prefix = prefix:sub(1, -2)
  end
  return prefix
end

--- The labels in columns, as lines.
local function lay_out(list)
  local labels, widest = {}, 0
  for i, item in ipairs(list) do
    labels[i] = terminal.clean(item.label or item.text)
    widest = math.max(widest, terminal.text_width(labels[i]))
  end
  local width = terminal.width("stdout") or 80
  local columns = math.max(1, (width + 1) // (widest + 2))
  local rows = math.min((#labels + columns - 1) // columns, LIST_ROWS_MAX)
  local lines = {}
  for row = 1, rows do
    local cells = {}
    for column = 0, columns - 1 do
      local label = labels[row + column * rows]
      if label then
        local is_last = column == columns - 1 or not labels[row + (column + 1) * rows]
        local text = terminal.cut(label, width - 1)
        cells[#cells + 1] = is_last and text
          or text .. (" "):rep(widest + 2 - terminal.text_width(text))
      end
    end
    lines[row] = table.concat(cells)
  end
  if #labels > rows * columns then
    lines[#lines + 1] = ("... and %d more"):format(#labels - rows * columns)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function length(text)
  return utf8.len(text, 1, -1, true) or #text
end

--- Characters to drop, what to insert, and the list, for candidates of a word. finish(item) is what
--- follows a sole one.
local function answer(list, word, escape, finish)
  if #list == 0 then
    return nil
  elseif #list == 1 then
    local text = escape(list[1].text) .. finish(list[1])
    local written = escape(word)
    if text:sub(1, #written) == written then
      return 0, text:sub(#written + 1), nil
    end
    return length(written), text, nil
  end
  local prefix = common_prefix(list)
  local extends = #prefix > #word and prefix:sub(1, #word) == word
  return 0, extends and escape(prefix:sub(#word + 1)) or nil, lay_out(list)
end

local function as_is(text)
  return text
end

local function complete_string(tokens, token)
  local word = source.literal(token)
  if not word then
    return nil
  end
  local quote = token.quote
  local function escape(text)
    return quote and (text:gsub("[\\" .. quote .. "]", "\\%0"):gsub("\n", "\\n")) or text
  end
  return answer(string_candidates(tokens, word), word, escape, function(item)
    local goes_on = item.text:sub(-1) == "/" or item.is_part
    return quote and not goes_on and quote or ""
  end)
end

local function nothing()
  return ""
end

--- Tab after text: how many characters before the cursor to drop, what to insert instead (or nil)
--- and lines to show (or nil). Nothing where there is nothing to complete.
return function(text)
  local tokens = source.tokens(text)
  local last = tokens[#tokens]
  if not last or last.is_open then
    if last and last.kind == "string" then
      return complete_string(tokens, last)
    end
    return nil
  end
  local count, word = #tokens, ""
  if last.to == #text and (last.kind == "name" or last.kind == "keyword") then
    count, word = count - 1, last.text
  end
  local before = tokens[count]
  if before and before.kind == "operator" and (before.text == "." or before.text == ":") then
    local at = reference.resolve(source.chain(tokens, count - 1))
    local names = at and members(at, before.text == ":") or {}
    return answer(candidates_of(names, word), word, as_is, nothing)
  end
  local names = {}
  tokens[count + 1] = nil
  local call = source.call(tokens)
  if call and call.keyword == "" and call.chain then
    local entry = reference.function_at(call.chain)
    for _, field in ipairs(entry and signature.fields(entry, call.argument) or {}) do
      names[field.name] = true
    end
    local fields = candidates_of(names, word)
    if #fields > 0 then
      return answer(fields, word, as_is, function()
        return " = "
      end)
    end
  end
  if word == "" then
    return nil
  end
  add_keys(names, _G)
  for keyword in pairs(source.KEYWORDS) do
    names[keyword] = true
  end
  return answer(candidates_of(names, word), word, as_is, nothing)
end
