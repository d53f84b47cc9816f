-- SPDX-License-Identifier: Apache-2.0
-- Filters and orders as the command line has them: explain(failure, given, sample) turns the error
-- of a search into one that shows the place, names(text) tells which keys a text names, and
-- unknown(text, runs) the keys that no run has.

local host = ...
local nearest = host.load "nearest"
local run_columns = host.load "run_columns"

local query = {}

local CONTEXT = 60 -- columns shown of a long filter

--- "metrics.loss" for the "loss" that was written where an attribute or its like must stand.
local function near_key(word, runs)
  local keys, paths = {}, {}
  for _, part in ipairs { "metrics", "params", "tags" } do
    for _, entry in ipairs(run_columns.keys_of(runs, part)) do
      if not paths[entry.key] then
        keys[#keys + 1] = entry.key
        paths[entry.key] = part .. "." .. query.quote(entry.key)
      end
    end
  end
  return paths[word] or paths[nearest(word, keys) or keys]
end

--- Raises a search's error again: with the line, a mark below the place and without the number of
--- the byte where it is about what was typed. sample() gives runs whose keys may have been meant.
function query.explain(failure, given, sample)
  if type(failure) ~= "table" or not failure.position then
    error(failure, 0)
  end
  local option = failure.entry and "--order-by" or "--filter"
  local text = failure.entry and given.order_by[failure.entry] or given.filter
  local terminal = host.terminal
  local before = text:sub(1, failure.position - 1)
  local wrong = text:sub(failure.position, failure.position + failure.size - 1)
  local after = text:sub(failure.position + failure.size)
  local message = failure.message:gsub("^filter, byte %d+: ", ""):gsub(
    "^order_by entry %d+, byte %d+: ", "")
  local unknown = message:match("^(unknown %l+ attribute '.*'), it must be one of ")
  local near = unknown and sample and near_key(wrong, sample())
  message = near and ("%s; did you mean %s?"):format(unknown, near) or message
  before, wrong, after = terminal.clean(before), terminal.clean(wrong), terminal.clean(after)
  if terminal.text_width(before) > CONTEXT then
    before = "..." .. before:sub(utf8.offset(before, -CONTEXT) or 1)
  end
  if terminal.text_width(after) > CONTEXT then
    after = terminal.cut(after, CONTEXT) .. "..."
  end
  local lead = "  " .. option .. " "
  local marks = ("^"):rep(math.max(1, terminal.text_width(wrong)))
  if host.terminal.has_color("stderr") then
    marks = "\27[1;31m" .. marks .. "\27[m"
  end
  error({ status = 2, message = message,
    hint = lead .. before .. wrong .. after .. "\n"
      .. (" "):rep(#lead + terminal.text_width(before)) .. marks }, 0)
end

local PARTS = {
  metric = "metrics", metrics = "metrics", param = "params", params = "params",
  parameter = "params", parameters = "params", tag = "tags", tags = "tags",
}

--- The keys that a filter or an order names: a list of { part = "metrics", key = "loss" }.
function query.names(text)
  local list, at = {}, 1
  while at <= #text do
    local quote = text:match("^['\"]", at)
    local part, rest = text:match("^(%a+)%.()", at)
    if quote then
      at = (text:find(quote, at + 1, true) or #text) + 1
    elseif part and PARTS[part] then
      local key, stop
      local mark = text:match('^[`"]', rest)
      if mark then
        stop = text:find(mark, rest + 1, true) or #text
        key = text:sub(rest + 1, stop - 1)
      else
        key = text:match("^[%w_.%-/:]*", rest)
        stop = rest + #key - 1
      end
      list[#list + 1] = { part = PARTS[part], key = key }
      at = math.max(stop, at) + 1
    else
      local _, word = text:find("^[%w_]+", at)
      at = (word or at) + 1
    end
  end
  return list
end

--- Sentences about the keys in texts that none of runs has.
function query.unknown(texts, runs)
  local sentences, is_told = {}, {}
  for _, text in ipairs(texts) do
    for _, name in ipairs(query.names(text)) do
      local known, is_known = {}, false
      for _, entry in ipairs(run_columns.keys_of(runs, name.part)) do
        known[#known + 1] = entry.key
        is_known = is_known or entry.key == name.key
      end
      local path = name.part .. "." .. query.quote(name.key)
      if not is_known and #runs > 0 and not is_told[path] then
        is_told[path] = true
        local near = nearest(name.key, known)
        sentences[#sentences + 1] = ("no run has %s%s"):format(path, near
          and ("; did you mean %s.%s?"):format(name.part, query.quote(near)) or "")
      end
    end
  end
  return sentences
end

--- A key as a filter takes it.
function query.quote(key)
  return key:find("^[%a_][%w_.]*$") and key or "`" .. key .. "`"
end

return query
