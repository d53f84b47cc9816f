-- SPDX-License-Identifier: Apache-2.0
-- manager:find_run(text [, view]): the run that is called so. In come the manager, search, which is
-- what run_search.lua returns, and refuse(message, code), which raises the module's error value.

local manager, search, refuse = ...

local TOLD_MAX = 5 -- ids of runs of one name

return function(first, ...)
  local text, view
  if rawequal(first, manager) then
    text, view = ...
  else
    text, view = first, ...
  end
  if type(text) == "table" and view == nil then -- the arguments by their names
    local fields = text
    for name in pairs(fields) do
      if name ~= "text" and name ~= "view" then
        refuse(("find_run: unknown field '%s'; the known ones are text, view"):format(
          tostring(name)), "invalid")
      end
    end
    text, view = fields.text, fields.view
  end
  if view ~= nil and view ~= "active" and view ~= "deleted" and view ~= "all" then
    refuse(("find_run: view must be one of 'active', 'deleted', 'all', got %s"):format(
      type(view) == "string" and "the string '" .. view .. "'" or "a " .. type(view)), "invalid")
  end
  if type(text) ~= "string" then
    refuse(("bad argument #1 to 'find_run' (a run's name, id or the beginning of its id expected, "
      .. "got %s)"):format(text == nil and "nil" or "a " .. type(text)), "invalid")
  end
  local found, what = search(manager, text, view)
  if #found == 0 then
    refuse(("there is no run '%s'"):format(text), "not_found")
  elseif #found > 1 then
    local ids = {}
    for i = 1, math.min(#found, TOLD_MAX) do
      ids[i] = found[i].info.run_id
    end
    refuse(("'%s' is the %s of several runs: %s%s"):format(text, what, table.concat(ids, ", "),
      #found > TOLD_MAX and ", ..." or ""), "invalid")
  end
  return found[1]
end
