-- SPDX-License-Identifier: Apache-2.0
-- mlmanager.table: what it shows of runs and rows, in a box of some width and as TSV.

local scratch = require "tests.lua.scratch"
local show = require("mlmanager").table

-- Busted may run with any locale; boxes are drawn with what it allows.
local VERTICAL = show({ { a = 1, b = 2 } }, { width = 40, color = false }):match("^%s*a (.-) b")

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- The cells of a box, without blanks and borders: a list of rows, the header first; the footer.
local function cells_of(text)
  local lines = lines_of(text)
  local rows = {}
  for i, line in ipairs(lines) do
    if i ~= 2 and i < #lines then
      local cells = {}
      for cell in (line .. VERTICAL):gmatch("(.-)" .. VERTICAL) do
        cells[#cells + 1] = cell:match("^%s*(.-)%s*$")
      end
      rows[#rows + 1] = cells
    end
  end
  return rows, lines[#lines]
end

local function box(rows, options)
  options = options or {}
  options.width = options.width or 200
  options.color = false
  return cells_of(show(rows, options))
end

local function columns_of(line)
  return utf8.len(line)
end

local function run(name, fields)
  return {
    info = {
      run_id = fields.id or name, run_name = name, status = fields.status or "FINISHED",
      start_time = 1700000000000, end_time = 1700000000000 + (fields.ms or 1500),
    },
    data = {
      params = fields.params or {}, metrics = fields.metrics or {},
      tags = { ["mlflow.parentRunId"] = fields.parent },
    },
  }
end

local function names_of(rows, column)
  local names = {}
  for i = 2, #rows do
    names[#names + 1] = rows[i][column or 1]
  end
  return names
end

describe("mlmanager.table of runs", function()
  it("shows name, status, duration, the params that differ and the metrics", function()
    local rows, footer = box {
      run("one", { params = { lr = "0.1", same = "x" }, metrics = { loss = 0.5, late = 1 } }),
      run("two", { params = { lr = "0.2", same = "x" }, ms = 83000, status = "FAILED",
        metrics = { loss = 0.25, ["system/cpu_utilization_percentage"] = 3 } }),
    }
    assert.same({ "name", "status", "duration", "lr", "loss", "late" }, rows[1])
    assert.same({ "one", "FINISHED", "1.5 s", "0.1", "0.5000", "1" }, rows[2])
    assert.same({ "two", "FAILED", "1 min 23 s", "0.2", "0.2500", "" }, rows[3])
    assert.equal("2 runs, 6 of 8 columns", footer)
  end)

  it("takes one run, and then shows all its params", function()
    local rows = box(run("one", { params = { lr = "0.1" } }))
    assert.same({ "name", "status", "duration", "lr" }, rows[1])
  end)

  it("shows a param that some of the runs under one parent lack, but not for the parent", function()
    local runs = {
      run("search", {}),
      run("a", { parent = "search", params = { kept = "1", extra = "1" } }),
      run("b", { parent = "search", params = { kept = "1" } }),
    }
    assert.same({ "name", "status", "duration", "extra" }, box(runs)[1])
  end)

  it("says which of a param and a metric of one name is meant", function()
    local runs = { run("one", { params = { size = "3" }, metrics = { size = 4 } }) }
    assert.same({ "name", "status", "duration", "params.size", "metrics.size" }, box(runs)[1])
  end)

  it("puts nested runs under their parent, whatever the order", function()
    local text = show({
      run("b2", { parent = "b" }), run("b", {}), run("a1", { parent = "a" }),
      run("b1", { parent = "b" }), run("a", {}), run("b1x", { parent = "b1" }),
      run("orphan", { parent = "gone" }),
    }, { width = 80, color = false })
    local names = {}
    for i, line in ipairs(lines_of(text)) do
      if i > 2 then
        names[#names + 1] = line:match("^ ( *[%w]+)")
      end
    end
    assert.same({ "b", "  b2", "  b1", "    b1x", "a", "  a1", "orphan" }, names)
  end)

  it("does not lose runs that are each other's parents", function()
    local rows = box { run("x", { parent = "y" }), run("y", { parent = "x" }) }
    assert.equal(3, #rows)
  end)

  it("sorts as order_by does, what is missing last", function()
    local runs = {
      run("none", {}), run("mid", { metrics = { loss = 2 } }),
      run("nan", { metrics = { loss = 0 / 0 } }), run("low", { metrics = { loss = 1 } }),
      run("high", { metrics = { loss = 10 } }),
    }
    assert.same({ "low", "mid", "high", "none", "nan" }, names_of((box(runs, { sort = "loss" }))))
    assert.same({ "high", "mid", "low", "none", "nan" },
      names_of((box(runs, { sort = "metrics.loss DESC" }))))
    assert.same({ "high", "mid", "low", "none", "nan" },
      names_of((box(runs, { sort = "loss", descending = true }))))
    assert.same("none", runs[1].info.run_name, "the caller's list stays as it is")
    assert.equal("loss", box(runs, { sort = "loss", columns = { "name" } })[1][2])
  end)

  it("sorts params that are numbers as numbers", function()
    local runs = { run("a", { params = { n = "10" } }), run("b", { params = { n = "9" } }) }
    assert.same({ "b", "a" }, names_of((box(runs, { sort = "n" }))))
  end)

  it("shows the columns that are asked for, tags too", function()
    local one = run("one", { metrics = { loss = 1 } })
    one.data.tags.team = "pd"
    local rows = box({ one }, { columns = { "run_id", "tags.team", "metrics.loss" } })
    assert.same({ { "run_id", "tags.team", "loss" }, { "one", "pd", "1" } }, rows)
  end)

  it("shows a part of the rows", function()
    local rows, footer = box({ run("a", {}), run("b", {}), run("c", {}) }, { limit = 2 })
    assert.same({ "a", "b" }, names_of(rows))
    assert.equal("2 of 3 runs, 3 columns", footer)
  end)
end)

describe("mlmanager.table in a width", function()
  local runs = {}
  for i = 1, 4 do
    local metrics = {}
    for m = 1, 20 do
      metrics[("metric%02d"):format(m)] = i + m / 100
    end
    runs[i] = run("run " .. i, { metrics = metrics })
  end

  it("leaves out the middle and never goes beyond", function()
    for width = 40, 200, 7 do
      local text = show(runs, { width = width, color = false, sort = "metric10" })
      local rows, footer = cells_of(text)
      assert.equal("name", rows[1][1])
      local joined = table.concat(rows[1], " ")
      assert.truthy(joined:find("metric10", 1, true), joined)
      for _, line in ipairs(lines_of(text)) do
        assert.is_true(columns_of(line) <= width, line)
      end
      if width >= 80 then
        assert.equal("metric20", rows[1][#rows[1]])
        assert.equal("status", rows[1][2])
      end
      local shown = 0
      for _, cell in ipairs(rows[1]) do
        shown = shown + (cell:find("^%w") and 1 or 0)
      end
      assert.equal(("4 runs, %d of 23 columns"):format(shown), footer)
    end
  end)

  it("shows all where there is room", function()
    local rows, footer = box(runs, { width = 1000 })
    assert.equal(23, #rows[1])
    assert.equal("4 runs, 23 columns", footer)
  end)

  it("aligns wide and joined characters", function()
    local text = show({
      { a = "漢字", b = "x" }, { a = "e\u{301}te\u{301}", b = "x" }, { a = "👨‍👩‍👧", b = "x" },
      { a = "plain", b = "x" },
    }, { width = 60, color = false })
    local at = {}
    for i, line in ipairs(lines_of(text)) do
      if i > 2 and line:find("x$") then
        at[#at + 1] = utf8.len(line)
      end
    end
    -- In code points: two columns for each of 漢字, none for an accent, two for a family of five.
    assert.same({ at[4] - 2, at[4] + 2, at[4] + 3, at[4] }, at)
  end)

  it("shortens long texts and lets no control character through", function()
    local rows = box { { a = ("é"):rep(100), b = "1\n2\t3\27[31m\u{9b}\xff\u{202e}" } }
    assert.equal(32, utf8.len(rows[2][1]))
    assert.equal("1 2 3\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}", rows[2][2])
  end)

  it("writes numbers with four or five digits, aligned", function()
    local function column(...)
      local rows = {}
      for i, value in ipairs { ... } do
        rows[i] = { v = value }
      end
      return names_of((box(rows)))
    end
    assert.same({ "1.2346", "0.0010" }, column(1.23456789, 0.001))
    assert.same({ "123.46", "1.00" }, column(123.456, 1))
    assert.same({ "12346", "3" }, column(12345.678, 3))
    assert.same({ "1e-07", "0.9765" }, column(1e-7, 0.97654))
    assert.same({ "1.235e+09", "1" }, column(1234567890.5, 1.0))
    assert.same({ "1", "20" }, column(1.0, 20.0))
    assert.same({ "nan", "inf", "-inf", "0.5000" }, column(-(0 / 0), 1 / 0, -1 / 0, 0.5))
    assert.same({ "9007199254740993" }, column(9007199254740993))
  end)

  it("colours only where it is asked to or stdout is a terminal", function()
    local runs_of_two = { run("a", { status = "FAILED" }), run("b", {}) }
    local plain = show(runs_of_two, { width = 80, color = false })
    local coloured = show(runs_of_two, { width = 80, color = true })
    assert.is_nil(plain:find("\27", 1, true))
    assert.truthy(coloured:find("\27[31mFAILED\27[m", 1, true))
    assert.is_nil(coloured:find("mFINISHED", 1, true))
    assert.equal(plain, (coloured:gsub("\27%[%d*m", "")))
  end)
end)

describe("mlmanager.table of rows", function()
  it("takes records and lists", function()
    local rows, footer = box { { a = 1, b = "x" }, { b = true } }
    assert.same({ { "a", "b" }, { "1", "x" }, { "", "true" } }, rows)
    assert.equal("2 rows, 2 columns", footer)
    rows = box({ { 1, "x" }, { 2, "y" } }, { columns = { "n", "letter" } })
    assert.same({ { "n", "letter" }, { "1", "x" }, { "2", "y" } }, rows)
  end)

  it("takes a loaded CSV in its own order", function()
    local data = require("mlmanager").csv.parse("name,height\nx,2.5\ny,1\nz,3\n")
    local rows, footer = box(data, { sort = "height DESC", limit = 2 })
    assert.same({ { "name", "height" }, { "z", "3.0000" }, { "x", "2.5000" } }, rows)
    assert.equal("2 of 3 rows, 2 columns", footer)
  end)

  it("is quick with thousands of columns", function()
    local wide = {}
    for i = 1, 50 do
      local metrics = {}
      for m = 1, 4000 do
        metrics["m" .. m] = i * m / 7
      end
      wide[i] = run("run " .. i, { metrics = metrics })
    end
    local start = os.clock()
    local _, footer = box(wide, { width = 120 })
    assert.truthy(footer:find("50 runs, %d+ of 4003 columns"))
    assert.is_true(os.clock() - start < 5, os.clock() - start)
  end)

  it("takes all that search_runs returns", function()
    local text = show({ run("a", {}) }, "a token of the next page")
    assert.truthy(text:find("a", 1, true))
  end)

  it("takes none", function()
    assert.equal("0 rows", show({}, { width = 80 }))
    assert.equal("", show({}, { format = "tsv" }))
  end)

  it("refuses what is neither", function()
    local function refused(part, ...)
      scratch.refused("invalid", part, show, ...)
    end
    refused("bad argument #1 to 'table' (a list of runs or rows expected, got nil)", nil)
    refused("row 2 is a number", { {}, 3 })
    refused("got a table without item 1)", { accuracy = 1 })
    refused("bad argument #2 to 'table' (options as a table expected, got number)", {}, 3)
    refused("no option 'colour'; its options are color, columns", {}, { colour = true })
    refused("option 'width' is a string; give a number", {}, { width = "80" })
    refused("'format' is 'html'; give 'box', 'tsv' or 'csv'", {}, { format = "html" })
    refused("option 'sort' names 'c', which is no column; there are a", { { a = 1 } },
      { sort = "c" })
    refused("option 'columns' names 'c'", { { a = 1 } }, { columns = { "c" } })
  end)
end)

describe("mlmanager.table as TSV", function()
  it("gives every digit and escapes what would break a row", function()
    local text = show({
      run("a\tb\nc\\", { metrics = { loss = 0.1 + 0.2, step = 3 }, ms = 1500 }),
    }, { format = "tsv" })
    assert.equal("name\tstatus\tduration_ms\tloss\tstep\n"
      .. "a\\tb\\nc\\\\\tFINISHED\t1500\t0.30000000000000004\t3", text)
  end)
end)

describe("mlmanager.table with more to show", function()
  local runs = {
    run("a", { metrics = { loss = 3, odd = 1 }, params = { lr = "1" } }),
    run("b", { metrics = { loss = 2, odd = 2 }, params = { lr = "2" } }),
  }
  local summaries = {
    a = { loss = { min = 1, max = 5, last = 3 }, odd = { min = 1, max = 1, last = 1 } },
    b = { loss = { min = 2, max = 4, last = 2 }, odd = { min = 0, max = 2, last = 2 } },
  }

  it("has the best of each metric, where it differs from the last", function()
    local rows = box(runs, { summaries = summaries })
    assert.same({ "name", "status", "duration", "lr", "loss", "loss min", "odd", "odd min" },
      rows[1])
    assert.same({ "a", "FINISHED", "1.5 s", "1", "3", "1", "1", "1" }, rows[2])
    rows = box(runs, { summaries = summaries, columns = { "name", "loss max", "metrics.odd max" } })
    assert.same({ "b", "4", "2" }, rows[3])
  end)

  it("has columns that a function fills", function()
    local rows, footer = box({ { n = 1 }, { n = 20 } }, { noun = "step", columns = {
      { name = "n", value = function(row) return row.n end },
      { name = "mark", value = function(row) return row.n end,
        show = function(n) return ("#"):rep(n) end },
    } })
    assert.same({ { "n", "mark" }, { "1", "#" }, { "20", ("#"):rep(20) } }, rows)
    assert.equal("2 steps, 2 columns", footer)
    scratch.refused("invalid", "without a text 'name' and a function 'value'", show, { {} },
      { columns = { {} } })
  end)

  it("has those of before in place of ...", function()
    local rows = box(runs, { columns = { "loss", "...", "run_id" } })
    assert.same({ "loss", "name", "status", "duration", "lr", "odd", "run_id" }, rows[1])
  end)

  it("is CSV as well", function()
    assert.equal('x,"a,b"\n1,"say ""hi"""\n2," "', show({ { ["a,b"] = 'say "hi"', x = 1 },
      { ["a,b"] = " ", x = 2 } }, { format = "csv", columns = { "x", "a,b" } }))
  end)
end)
