-- SPDX-License-Identifier: Apache-2.0
-- delivery(is_all): sends what waits for the server that the command line names, or with is_all for
-- every server, and says per run what came of it. Returns the exit status.

local host = ...
local transfer = host.load "transfer"
local clean = host.terminal.clean

local function name_of(event)
  if not event.run_id then
    return ("experiment '%s'"):format(event.name)
  elseif event.server_run_id and event.server_run_id ~= event.run_id then
    return ("run %s (begun as %s)"):format(event.server_run_id, event.run_id)
  end
  return "run " .. event.run_id
end

--- The function for `report`.
local function reporter(line)
  local function complain(format, ...)
    line.clear()
    io.stderr:write("mlmanager: ", clean(format:format(...)), "\n")
  end
  local reason
  return function(event)
    if event.kind == "progress" then
      local what = event.total_bytes and event.name or name_of(event)
      line.show(transfer.sum(event) .. ": " .. what, transfer.bytes(event))
    elseif event.kind == "run" then
      line.clear()
      host.write("delivered " .. name_of(event) .. "\n")
    elseif event.kind == "refused" then
      complain("%s: %s was refused: %s", name_of(event), event.name, event.why)
    else
      local name = event.run_id and event.name and ": " .. event.name or ""
      complain("%s%s goes on waiting%s", name_of(event), name,
        event.why ~= reason and ": " .. event.why or "")
      reason = event.why
    end
  end
end

local function deliver(manager)
  local line = host.load "status_line"()
  local ok, result = pcall(manager.sync, { report = reporter(line) })
  line.clear()
  if not ok then
    error(result, 0)
  end
  local words = { transfer.sum(result) .. " delivered" }
  if result.refused > 0 then
    words[#words + 1] = result.refused .. " refused"
  end
  if result.kept > 0 then
    words[#words + 1] = result.kept .. " refused before"
  end
  if result.why then
    words[#words + 1] = result.left > 0 and result.left .. " waiting" or "some waiting"
  end
  host.write(("%s: %s\n"):format(manager.store, table.concat(words, ", ")))
  if result.why and result.left == 0 then
    io.stderr:write("mlmanager: ", clean(result.why), "\n")
  end
  return (result.refused + result.kept > 0 or result.why) and 1 or 0
end

return function(is_all)
  if not is_all then
    return deliver(host.open())
  end
  local status = 0
  for _, store in ipairs(host.waiting_servers()) do
    local manager = require "mlmanager".MLManager { store = store, ignore_environment = true }
    local ok, result = pcall(deliver, manager)
    manager:close()
    if not ok then
      io.stderr:write("mlmanager: ", store, ": ", clean(tostring(result)), "\n")
    end
    status = math.max(status, ok and result or 1)
  end
  return status
end
