-- SPDX-License-Identifier: Apache-2.0
-- What watch shows, read from a store that others write, and that may come and go.
-- source.new(given) opens nothing yet; refresh() and load_one() never raise what a store says:
-- it is in `problem`.

local host = ...

local RUNS_MAX = 200 -- the newest
local EVERY_S = 0.5 -- between reads, at least
local IDLE_SHARE = 10 -- a read that took long is not repeated before so many times that long
local REMOTE_EVERY_S = 2 -- where nothing tells whether something has changed

local source = {}
source.__index = source

local clock = host.terminal.clock

function source.new(given)
  return setmetatable({
    wanted = given[1], experiments = given.experiment, filter = given.filter,
    runs = {}, histories = {}, next_read = 0,
  }, source)
end

local function sentence(failure)
  if type(failure) == "table" and failure.code == "interrupted" then
    error(failure, 0)
  end
  return type(failure) == "table" and failure.message or tostring(failure)
end

--- Forgets the store, which is gone or another now; what is on the screen stays to be read.
function source:lose(problem)
  local manager = self.manager
  self.manager, self.state, self.problem = nil, nil, problem
  local ok, failure = pcall(manager.close, manager)
  if not ok then
    self.problem = sentence(failure)
  end
end

--- False, and why, where the store cannot be opened.
function source:open()
  local ok, manager = pcall(host.open)
  if not ok then
    self.problem = sentence(manager) .. "; waiting for it"
    return false, manager
  end
  self.manager, self.problem = manager, nil
  self.path = manager.store:match("^sqlite:(.*)$")
  self.file, self.state = nil, nil
  self.histories = {} -- it may be another store than before
  return true
end

--- The ids of the experiments that are asked for, and the run that is.
function source:resolve()
  local reference = host.load "reference"
  local ids = {}
  if self.experiments then
    for i, experiment in ipairs(reference.experiments(self.manager, self.experiments, "active")) do
      ids[i] = experiment.experiment_id
    end
  else
    local _
    _, ids = reference.all_experiments(self.manager, "active")
  end
  if self.wanted and not self.wanted_id then
    self.wanted_id = reference.run(self.manager, self.wanted).info.run_id
  end
  return ids
end

--- MLflow's grammar, or a part of the run's name.
local function filter_of(text)
  if not text or text == "" then
    return nil
  elseif text:find("[=<>!]") or text:lower():find(" i?like ") or text:lower():find(" in ?%(") then
    return text
  end
  return ("attributes.run_name ILIKE '%%%s%%'"):format(text:gsub("'", "_"))
end

function source:read_runs()
  local ids = self:resolve()
  local runs = #ids > 0 and self.manager:search_runs { experiment_ids = ids,
    filter = filter_of(self.filter), max_results = RUNS_MAX } or {}
  local is_listed = not self.wanted_id
  for _, run in ipairs(runs) do
    is_listed = is_listed or run.info.run_id == self.wanted_id
  end
  if not is_listed then
    table.insert(runs, 1, self.manager:get_run(self.wanted_id))
  end
  return runs
end

--- Reads the runs if that is due. True where there may be something new to show.
function source:refresh()
  local now = clock()
  if now < self.next_read then
    return false
  end
  self.next_read = now + EVERY_S
  local problem_before = self.problem
  if not self.manager and not self:open() then
    return self.problem ~= problem_before
  end
  local state
  if self.path then
    state = host.screen.state(self.path)
    local file = state and state:match("^%x+:%x+")
    if not state or self.file and file ~= self.file then
      self:lose(("the store %s is gone; waiting for it"):format(self.manager.store))
      self.next_read = now
      return true
    elseif state == self.state then
      return false
    end
    self.file = file
  end
  local ok, result = pcall(self.read_runs, self)
  local took = clock() - now
  self.next_read = now + math.max(self.path and EVERY_S or REMOTE_EVERY_S, IDLE_SHARE * took)
  if not ok then
    self.problem = sentence(result):gsub("^filter, byte %d+: ", "filter: ")
    return true
  end
  self.problem, self.runs = nil, result
  self.state = state
  self.reads = (self.reads or 0) + 1
  return true
end

--- Reads again at the next refresh, whatever the files say.
function source:expire()
  self.state, self.next_read = nil, 0
end

local function is_stale(self, entry, run, key)
  if not entry then
    return true
  elseif entry.reads == self.reads then
    return false
  elseif entry.status == run.info.status and run.info.status ~= "RUNNING"
    and tostring(entry.value) == tostring(run.data.metrics[key]) then
    return false
  end
  return clock() >= entry.next_read
end

--- The points of a metric as far as they are read, nil before: { columns=, version= }.
function source:history(run, key)
  return self.histories[run.info.run_id .. "\0" .. key]
end

--- Reads one of the { run, key } in list that is not read yet or has changed. Returns whether it
--- did, and so whether there may be more.
function source:load_one(list)
  if not self.manager then
    return false
  end
  for _, item in ipairs(list) do
    local run, key = item[1], item[2]
    local name = run.info.run_id .. "\0" .. key
    local entry = self.histories[name]
    if is_stale(self, entry, run, key) then
      local start = clock()
      local ok, columns = pcall(self.manager.get_metric_history, { run_id = run.info.run_id,
        key = key, columns = true })
      if not ok then
        self.problem = sentence(columns)
        return false
      end
      local took = clock() - start
      self.histories[name] = { columns = columns, reads = self.reads, status = run.info.status,
        value = run.data.metrics[key], version = (entry and entry.version or 0) + 1,
        next_read = clock() + math.max(EVERY_S, IDLE_SHARE * took) }
      return true
    end
  end
  return false
end

--- Lets go of histories that are not in list.
function source:keep_only(list)
  local kept = {}
  for _, item in ipairs(list) do
    local name = item[1].info.run_id .. "\0" .. item[2]
    kept[name] = self.histories[name]
  end
  self.histories = kept
end

return source
