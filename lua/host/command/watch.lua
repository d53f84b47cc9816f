-- SPDX-License-Identifier: Apache-2.0
-- The newest runs and live curves on the whole screen. What the keys do is here; the store is read
-- in watch/source.lua, the screen is laid out in watch/view.lua.

local TICK_S = 0.5
local X_AXES = { step = "relative", relative = "time", time = "step" }
local SMOOTHING = { none = 10, [10] = 100 }

return function(host, given)
  local source = host.load "watch/source".new(given)
  local view = host.load "watch/view"
  local read_keys = host.load "watch/keys"
  local terminal = host.terminal

  local board = { source = source, pinned = {}, pins = {}, charts = {}, x = "step" }

  --- The place of the selected run in the list; the newest is first, and what is selected while
  --- nobody has chosen.
  function board:place()
    for i, run in ipairs(source.runs) do
      if run.info.run_id == self.selected_id then
        return i
      end
    end
    return 1
  end

  function board:selected()
    return source.runs[self:place()]
  end

  --- The runs in the charts: the pinned ones, then the selected one.
  function board:shown()
    local runs, by_id = {}, {}
    for _, run in ipairs(source.runs) do
      by_id[run.info.run_id] = run
    end
    for _, id in ipairs(self.pins) do
      runs[#runs + 1] = by_id[id]
    end
    local selected = self:selected()
    if selected and not self.pinned[selected.info.run_id] then
      runs[#runs + 1] = selected
    end
    return runs
  end

  local function move(by)
    local run = source.runs[math.max(1, math.min(#source.runs, board:place() + by))]
    board.selected_id = run and run.info.run_id
  end

  local function pin()
    local run = board:selected()
    if not run then
      return
    end
    local id = run.info.run_id
    if board.pinned[id] then
      for i, other in ipairs(board.pins) do
        if other == id then
          table.remove(board.pins, i)
          break
        end
      end
      board.pinned[id] = nil
    else
      board.pins[#board.pins + 1] = id
      board.pinned[id] = true
    end
  end

  local commands = {
    j = function() move(1) end,
    k = function() move(-1) end,
    ["page down"] = function() move(10) end,
    ["page up"] = function() move(-10) end,
    g = function() board.selected_id = nil end,
    G = function() move(#source.runs) end,
    [" "] = pin,
    y = function() board.log_y = not board.log_y or nil end,
    x = function() board.x = X_AXES[board.x] end,
    s = function() board.smooth = SMOOTHING[board.smooth or "none"] end,
    tab = function() board.page = (board.page or 0) + 1 end,
    ["back tab"] = function() board.page = (board.page or 0) - 1 end,
    ["/"] = function() board.editing = source.filter or "" end,
    ["?"] = function() board.is_helping = true end,
    redraw = function() board.drawn = nil end,
  }
  commands.down, commands.up = commands.j, commands.k
  commands.home, commands["end"] = commands.g, commands.G
  commands.right, commands.left = commands.tab, commands["back tab"]

  local function edit(key)
    if key == "enter" then
      source.filter, board.editing = board.editing, nil
      source:expire()
    elseif key == "escape" then
      board.editing = nil
    elseif key == "clear" then
      board.editing = ""
    elseif key == "backspace" then
      board.editing = board.editing:gsub(utf8.charpattern .. "$", "")
    elseif utf8.len(key) == 1 then
      board.editing = board.editing .. key
    end
  end

  --- False at the key that ends it.
  local function take(key)
    if board.editing then
      edit(key)
    elseif board.is_helping then
      board.is_helping = nil
    elseif key == "q" then
      return false
    elseif commands[key] then
      commands[key]()
    end
    return true
  end

  --- Writes the lines that are not as they were.
  local function draw()
    local width, height = terminal.width("stdout"), terminal.height("stdout")
    local lines = view.lines(board, width, height)
    local before = board.drawn
    if not before or board.width ~= width or board.height ~= height then
      before = {}
      io.stdout:write("\27[2J")
    end
    for i = 1, height do
      if lines[i] ~= before[i] then
        -- Behind a full line the cursor still stands on its last column.
        local rest = view.width(lines[i]) < width and "\27[K" or ""
        io.stdout:write(("\27[%d;1H%s%s"):format(i, lines[i], rest))
      end
    end
    io.stdout:flush()
    board.drawn, board.width, board.height = lines, width, height
  end

  --- Reads one more of the histories that the charts on the screen need.
  local function load_history()
    local layout = view.layout(board, terminal.width("stdout"), terminal.height("stdout"))
    local needed = {}
    for _, key in ipairs((view.page(board, layout))) do
      for _, run in ipairs(board:shown()) do
        if run.data.metrics[key] then
          needed[#needed + 1] = { run, key }
        end
      end
    end
    source:keep_only(needed)
    return source:load_one(needed)
  end

  -- Mistakes are told before the screen is taken; a store that is not there yet is waited for.
  local is_there, why = source:open()
  if is_there then
    source:resolve()
    board.selected_id = source.wanted_id
  elseif type(why) ~= "table" or why.code ~= "not_found" then
    error(why, 0)
  end
  local screen <close>, problem = host.screen.open()
  if not screen then
    host.fail("watch: %s", problem)
  end
  while true do
    source:refresh()
    if source.wanted_id and not board.has_chosen then
      board.selected_id, board.has_chosen = source.wanted_id, true
    end
    local has_more = load_history()
    draw()
    local typed, is_disturbed = screen:wait(has_more and 0 or TICK_S)
    if not typed then
      return -- the terminal is gone
    elseif is_disturbed then
      board.drawn = nil
    end
    for _, key in ipairs(read_keys(typed)) do
      if not take(key) then
        return
      end
    end
  end
end
