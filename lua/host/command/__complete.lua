-- SPDX-License-Identifier: Apache-2.0
-- Not for people: completion scripts ask "mlmanager __complete WORD...", the last word being what
-- is typed. The first line is "files" where files fit as well, else empty; then candidates, each
-- with a tab and what it is. Whatever goes wrong: nothing, and status 0.

local RUNS_MAX = 200 -- the latest
local ID_SHOWN = 8

local Completion = {}
Completion.__index = Completion

function Completion:add(word, text)
  if word:sub(1, #self.current) == self.current and not self.is_taken[word]
    and not word:find("[\n\t]") then
    self.is_taken[word] = true
    self.list[#self.list + 1] = self.before .. word .. "\t" .. (text or ""):gsub("[\n\t]", " ")
  end
end

--- Completes only what follows the last of some separators.
function Completion:only_after(pattern)
  local at = self.current:match(".*()" .. pattern)
  if at then
    self.before = self.before .. self.current:sub(1, at)
    self.current = self.current:sub(at + 1)
  end
end

function Completion:manager()
  if not self.opened then
    local store = self.host.store or os.getenv "MLFLOW_TRACKING_URI" or ""
    -- A server that does not answer would hold up the person who types.
    if store:find("^%a[%w+.-]*://") and not store:find("^sqlite:") then
      error("remote")
    end
    self.opened = self.host.open()
  end
  return self.opened
end

function Completion:runs(most)
  local manager = self:manager()
  local names, ids = self.host.load "reference".all_experiments(manager, "active")
  if #ids == 0 then
    return {}, names
  end
  return manager:search_runs { experiment_ids = ids, max_results = most,
    view = self.command and self.command.name == "restore" and "deleted" or "active" }, names
end

local kinds = {}

function kinds.choice(completion, wanted)
  for _, choice in ipairs(wanted.choices) do
    completion:add(choice)
  end
end

function kinds.experiment(completion)
  local view = completion.command.name == "restore" and "deleted" or "active"
  local names = completion.host.load "reference".all_experiments(completion:manager(), view)
  for id, name in pairs(names) do
    completion:add(name, "experiment " .. id)
  end
end

function kinds.run(completion)
  local show_ago = completion.host.load "run_columns".show_ago
  local runs, names = completion:runs(RUNS_MAX)
  for _, run in ipairs(runs) do
    local info = run.info
    local text = ("%s, %s"):format(names[info.experiment_id] or "?", show_ago(info.start_time))
    completion:add(info.run_name, text)
    if completion.current:find("^%x+$") then
      local size = math.max(ID_SHOWN, #completion.current)
      completion:add(info.run_id:sub(1, size), info.run_name .. " in " .. text)
    end
  end
end

local function add_keys(completion, part, prefix, quote)
  local runs = completion:runs(RUNS_MAX)
  for _, entry in ipairs(completion.host.load "run_columns".keys_of(runs, part)) do
    completion:add(prefix .. (quote and quote(entry.key) or entry.key), part:sub(1, -2))
  end
end

function kinds.metric(completion)
  add_keys(completion, "metrics", "")
end

function kinds.column(completion)
  completion:only_after(",")
  for _, name in ipairs { "name", "experiment", "started", "ended", "status", "duration", "run_id",
    "user_id", "..." } do
    completion:add(name)
  end
  add_keys(completion, "params", "")
  add_keys(completion, "metrics", "")
end

local function add_names(completion)
  for _, name in ipairs { "run_id", "run_name", "status", "user_id", "start_time", "end_time" } do
    completion:add(name)
  end
  local quote = completion.host.load "query".quote
  for _, part in ipairs { "metrics", "params", "tags" } do
    add_keys(completion, part, part .. ".", quote)
  end
end

function kinds.filter(completion)
  completion:only_after "[%s<>=!(]"
  if completion.command.name == "experiments" then
    for _, name in ipairs { "name", "experiment_id", "creation_time", "last_update_time" } do
      completion:add(name)
    end
  else
    add_names(completion)
  end
  for _, word in ipairs { "AND", "LIKE", "ILIKE" } do
    completion:add(word)
  end
end

function kinds.order(completion)
  completion:only_after "%s"
  add_names(completion)
  completion:add("ASC")
  completion:add("DESC")
end

function kinds.topic(completion)
  for _, command in ipairs(completion.host.commands.list) do
    completion:add(command.name, command.summary)
  end
  for _, topic in ipairs(completion.host.load "topics") do
    completion:add(topic.name, topic.summary)
  end
end

function kinds.file(completion)
  completion.files = true
end

function kinds.store(completion)
  completion.files = true
end

local function complete_value(completion, wanted)
  local complete = wanted and kinds[wanted.kind]
  if complete then
    complete(completion, wanted)
  end
end

local function find_option(groups, word)
  for _, options in ipairs(groups) do
    for _, option in ipairs(options) do
      if option.name == word or option.short == word then
        return option
      end
    end
  end
end

local function add_options(completion, groups)
  for _, options in ipairs(groups) do
    for _, option in ipairs(options) do
      completion:add(option.name, option.text)
    end
  end
end

local function complete(host, words, completion)
  local commands = host.commands
  local groups = { commands.global_options, commands.script_options }
  local current = table.remove(words) or ""
  local argument, i, only_arguments = 0, 1, false
  completion.current = current
  while i <= #words do
    local word = words[i]
    local name, value = word:match("^(%-%-[^=]+)=(.*)$")
    local option = not only_arguments and find_option(groups, name or word)
    if word == "--" then
      only_arguments = true
    elseif option and option.value and not value then
      if i == #words then
        return complete_value(completion, option)
      end
      i = i + 1
      value = words[i]
    elseif not option and (only_arguments or word:sub(1, 1) ~= "-") then
      if not completion.command then
        for _, command in ipairs(commands.list) do
          if command.name == word and not only_arguments then
            completion.command = command
            groups = { command.options or {}, commands.global_options }
          end
        end
        if not completion.command then
          completion.files = true -- a script's own arguments
          return
        end
      else
        argument = argument + 1
      end
    end
    if option and option.name == "--store" then
      host.store = value
    end
    i = i + 1
  end
  local name, value = current:match("^(%-%-[^=]+=)(.*)$")
  if name and not only_arguments then
    completion.before, completion.current = name, value
    return complete_value(completion, find_option(groups, name:sub(1, -2)))
  elseif current:sub(1, 1) == "-" and not only_arguments then
    return add_options(completion, groups)
  elseif not completion.command then
    completion.files = true
    for _, command in ipairs(only_arguments and {} or commands.list) do
      completion:add(command.name, command.summary)
    end
    return
  end
  local arguments = completion.command.arguments or {}
  local last = arguments[#arguments]
  complete_value(completion, arguments[argument + 1] or last and last.many and last or nil)
end

return function(host, words)
  local completion = setmetatable({ host = host, list = {}, is_taken = {}, before = "",
    current = "" }, Completion)
  pcall(complete, host, words, completion)
  host.write((completion.files and "files\n" or "\n"))
  for _, line in ipairs(completion.list) do
    host.write(line .. "\n")
  end
end
