-- SPDX-License-Identifier: Apache-2.0
local UNIT_MS = { d = 24 * 60 * 60 * 1000, h = 60 * 60 * 1000, m = 60 * 1000, s = 1000 }

--- "30d", "2d8h", "90m" in milliseconds, as MLflow writes it.
local function read_age(host, text)
  local sum, rest = 0, text
  for _, unit in ipairs { "d", "h", "m", "s" } do
    local amount, after = rest:match("^(%d+%.?%d*)" .. unit .. "(.*)$")
    if amount then
      sum, rest = sum + tonumber(amount) * UNIT_MS[unit], after
    end
  end
  if rest ~= "" or text == "" then
    host.refuse("--older-than is '%s'; give a time such as 30d, 12h or 1d12h30m", text)
  end
  return math.floor(sum)
end

local function read_run_ids(host, manager, given)
  local ids = {}
  for _, list in ipairs(given.run_ids or {}) do
    for text in list:gmatch("[^,%s]+") do
      ids[#ids + 1] = host.load "reference".run(manager, text, "deleted").info.run_id
    end
  end
  return ids
end

local function name_of(host, event)
  return ("%s (%s)"):format(host.terminal.clean(event.name), event.id)
end

--- What would go, and what would stay.
local function look(manager, options)
  local gone, kept = {}, {}
  options.dry_run = true
  options.report = function(event)
    local list = event.kind == "kept" and kept or gone
    list[#list + 1] = event
  end
  return manager:gc(options), gone, kept
end

local function describe(host, result)
  local quantity = host.load "quantity"
  local text = quantity.count(result.runs, "run")
  if result.experiments > 0 then
    local experiments = quantity.count(result.experiments, "experiment")
    text = result.runs > 0 and text .. " and " .. experiments or experiments
  end
  if result.artifact_bytes > 0 then
    text = text .. (" with %s of artifacts"):format(quantity.bytes(result.artifact_bytes))
  end
  return text
end

local function ask(host, question)
  if not host.terminal.is_terminal("stdin") then
    host.refuse("gc removes for good, and there is no terminal to ask on; say --yes or --dry-run")
  end
  io.stderr:write(question, " [y/N] ")
  local answer = io.read("l")
  return answer and answer:lower():match("^%s*y") ~= nil
end

return function(host, given)
  local quantity = host.load "quantity"
  local manager = host.open()
  local options = {
    older_than_ms = given.older_than and read_age(host, given.older_than) or nil,
    run_ids = read_run_ids(host, manager, given),
    experiment_ids = {},
    abandon_artifacts = given.abandon_artifacts,
  }
  for i, found in ipairs(host.load "reference".experiments(manager, given.experiment or {})) do
    options.experiment_ids[i] = found.experiment_id
  end
  if given.run_ids and given.experiment then
    host.refuse("--run-ids names the runs; leave out --experiment")
  end

  local found, gone, kept = look(manager, options)
  if given.dry_run then
    for _, event in ipairs(gone) do
      host.write(("would remove %s %s\n"):format(event.kind, name_of(host, event)))
    end
    for _, event in ipairs(kept) do
      host.write(("would keep %s: %s\n"):format(name_of(host, event), event.why))
    end
    host.write(("would remove %s\n"):format(describe(host, found)))
    return 0
  elseif #gone == 0 and #kept == 0 and not given.compact then
    host.write("nothing to remove\n")
    return 0
  elseif #gone > 0 and not given.yes
    and not ask(host, "Remove " .. describe(host, found) .. " for good?") then
    host.write("nothing was removed\n")
    return 1
  end

  options.dry_run = false
  options.compact = given.compact
  local line = host.load "status_line"()
  options.report = function(event)
    if event.kind == "kept" then
      line.clear()
      io.stderr:write(("mlmanager: kept %s: %s\n"):format(name_of(host, event), event.why))
    else
      line.show(("removed %d of %s: %s"):format(event.done, quantity.count(event.total, "run"),
        event.name))
    end
  end
  local ok, result = pcall(manager.gc, manager, options)
  line.clear()
  if not ok then
    error(result, 0)
  end
  local freed = result.store_bytes > 0 and ("; %s of the store are %s"):format(
    quantity.bytes(result.store_bytes), given.compact and "given back" or "free again") or ""
  host.write(("removed %s%s\n"):format(describe(host, result), freed))
  return result.kept > 0 and 1 or 0
end
