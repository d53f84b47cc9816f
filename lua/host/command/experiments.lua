-- SPDX-License-Identifier: Apache-2.0
local NAME_COLUMNS = 60 -- it is what --experiment takes

return function(host, given)
  local show_ago = host.load "run_columns".show_ago
  local manager = host.open()
  local view = given.all and "all" or given.deleted and "deleted" or "active"
  local rows, token = {}, nil
  repeat
    local left = given.limit and given.limit - #rows
    local ok, found, next_token = pcall(manager.search_experiments, manager, {
      filter = given.filter, view = view, page_token = token,
      order_by = { "creation_time DESC", "experiment_id DESC" },
      max_results = left and math.min(left, 1000) or 1000,
    })
    if not ok then
      host.load "query".explain(found, given)
    end
    token = next_token
    table.move(found, 1, #found, #rows + 1, rows)
  until not token or given.limit and #rows >= given.limit

  local function field(name)
    return function(experiment)
      return experiment[name]
    end
  end
  local columns = {
    { name = "name", value = field "name", wide = NAME_COLUMNS },
    { name = "id", json = "experiment_id", value = field "experiment_id" },
    { name = "created", json = "creation_time", value = field "creation_time", show = show_ago },
    { name = "changed", json = "last_update_time", value = field "last_update_time",
      show = show_ago },
    { name = "stage", json = "lifecycle_stage", value = field "lifecycle_stage",
      table = view ~= "active" },
    { name = "artifacts", json = "artifact_location", value = field "artifact_location",
      table = false },
  }
  if given.format == "json" then
    columns[#columns + 1] = { name = "tags", value = field "tags" }
  end
  host.load "listing".write(rows, columns, given, "experiment")
  if #rows == 0 and host.terminal.is_terminal("stderr") and not given.format then
    io.stderr:write("no experiment ", given.filter and "matches the filter"
      or "is there; mlmanager.create_experiment makes one", "\n")
  end
end
