-- SPDX-License-Identifier: Apache-2.0
-- Where the history of sessions is, and what is kept in it.
--
-- MLMANAGER_HISTORY names the file, or is "off"; else it is $XDG_STATE_HOME/mlmanager/history, or
-- ~/.local/state/mlmanager/history. What begins with a blank stays out of it, and so does what has
-- a text near a word like password, token or secret: Up still finds that in the session itself.

local host = ...

local SECRETS = { "passw", "secret", "token", "credential", "api_?key", "access_?key",
  "private_?key" }

local function path()
  local setting = os.getenv("MLMANAGER_HISTORY")
  if setting and setting ~= "" then
    return setting ~= "off" and setting or nil
  end
  local state, home = os.getenv("XDG_STATE_HOME"), os.getenv("HOME")
  if state and state:sub(1, 1) == "/" then
    return state .. "/mlmanager/history"
  end
  return home and home ~= "" and home .. "/.local/state/mlmanager/history" or nil
end

local history = {}
local file, last = path(), nil

--- Whether an entry is for the session only.
function history.is_private(entry)
  local lower = entry:lower()
  if lower:find("^%s") or lower:find("://[^/%s\"']*:[^/%s\"']*@") then
    return true
  end
  for _, word in ipairs(SECRETS) do
    if lower:find(word .. ".-[\"'%[]") then
      return true
    end
  end
  return false
end

local function complain(problem)
  io.stderr:write(("mlmanager: no history in %s: %s\n"):format(file, problem))
  file = nil
end

function history.load()
  local problem = file and host.load_history(file)
  if problem then
    complain(problem)
  end
end

--- Adds what was typed: a line, or several that belong together.
function history.add(entry)
  if entry:find("^%s*$") or entry == last then
    return
  end
  last = entry
  host.remember(entry)
  local problem = file and not history.is_private(entry) and host.add_history(file, entry)
  if problem then
    complain(problem)
  end
end

return history
