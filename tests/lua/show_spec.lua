-- SPDX-License-Identifier: Apache-2.0
-- mlmanager show and compare, and what runs are called by.

local cjson = require "cjson"
local program = require "tests.lua.program"

local LOG = [[
  m.create_experiment "first"
  m.start_run { run_name = "parent", tags = { team = "größe" } }
  for i = 1, 2 do
    m.start_run { run_name = "fold " .. i, nested = true }
    m.log_params { fold = i, seed = 7 }
    for step = 1, 40 do
      m.log_metric("loss", 1 / step + i)
    end
    m.log_metric("accuracy", 0.5)
    m.end_run()
  end
  m.log_metric("gap", 0 / 0)
  m.end_run()
  local since = os.clock() -- the latest is the one that starts in a later millisecond
  while os.clock() - since < 0.005 do end
  m.create_experiment "second"
  m.start_run { run_name = "parent" }
  m.end_run()
  pcall(m.run, { run_name = "broken" }, function() error "it broke here" end)
]]

local function spec(fn)
  return program.spec(function(run, directory)
    run.script(LOG)
    fn(run, directory)
  end)
end

--- The id of a run, whose name only one has.
local function id_of(run, name)
  return run("runs", "--columns", "run_id", "--format", "tsv", "--filter",
    ("run_name = '%s'"):format(name)).out:match("\n(%x+)")
end

describe("mlmanager show", function()
  it("tells all about a run", spec(function(run)
    local out = run("show", "--format", "table", "fold 1").out
    assert.matches("^fold 1  FINISHED\n  experiment  first %(1%)\n", out)
    assert.matches("\n  run id      " .. id_of(run, "fold 1") .. "\n", out)
    assert.matches("\n  parent      parent %(%x+%)\n", out)
    assert.matches("\nParams\n  fold  1\n  seed  7\n", out)
    assert.matches("\n  metric   │ +│  last │ min @step │ max @step │ points\n", out)
    assert.matches("\n  loss     │ █▃.- │ 1.025 │ 1.025 @39 │      2 @0 │     40\n", out)
  end))

  it("tells the timers apart from the other params", spec(function(run)
    run.script [[
      m.set_active_experiment "second"
      m.start_run { run_name = "timed" }
      m.log_params { load = "75250.125 ms", fit = "12.500 ms", period = "12 ms" }
      m.end_run()
    ]]
    local out = run("show", "--format", "table", "timed").out
    assert.matches("\nParams\n  period  12 ms\n\nTimers\n  fit   12.500 ms\n  load  1 min 15 s\n",
      out)
    assert.matches("\nparams\tload\t75250.125 ms\n", run("show", "timed").out)
  end))

  it("is a line for each thing on a pipe, with every digit", spec(function(run)
    local out = run("show", "fold 1").out
    assert.matches("^part\tkey\tvalue\nrun\trun_id\t" .. id_of(run, "fold 1") .. "\n", out)
    assert.matches("\nrun\tstatus\tFINISHED\nrun\tstart_time\t%d+\n", out)
    assert.matches("\nparams\tfold\t1\nparams\tseed\t7\nmetrics\taccuracy\t0.5\n", out)
    assert.matches("\nmetrics\tloss\t1.025\nmetrics\tloss min\t1.025\n", out)
    assert.matches("\ntags\tmlflow.parentRunId\t%x+\n", out)
    local parent = out:match("\ntags\tmlflow.parentRunId\t(%x+)")
    assert.matches("\nchildren\t%x+\tfold 2\n", run("show", parent).out)
    assert.matches("^part,key,value\n", run("show", parent, "--format", "csv").out)
  end))

  it("tells of nested runs, tags and NaN", spec(function(run)
    local result = run("show", "--format", "table", id_of(run, "fold 1"))
    local parent = result.out:match("parent %((%x+)%)")
    local out = run("show", "--format", "table", parent).out
    assert.matches("\nNested runs\n  name   │ fold │", out)
    assert.matches("\nTags\n  team  größe\n", out)
    assert.matches("\n  gap    │  nan │   1\n", out)
  end))

  it("tells why a run failed, and shows the latest run", spec(function(run)
    local out = run("show", "--format", "table", "broken").out
    assert.matches("^broken  FAILED\n", out)
    assert.matches("\nTraceback\n  stdin:%d+: it broke here\n  stack traceback:\n", out)
    assert.matches("^%S+  %u+\n  experiment  second %(2%)\n", run("show", "--format", "table").out)
  end))

  it("tells it to programs as JSON", spec(function(run)
    local told = cjson.decode(run("show", "fold 2", "--format", "json").out)
    assert.equal("first", told.experiment)
    assert.same({ fold = "2", seed = "7" }, told.params)
    assert.equal(2.025, told.metrics.loss)
    assert.equal(40, told.summaries.loss.count)
    assert.equal(0, told.summaries.loss.max_step)
    assert.same({}, told.children)
    assert.matches('"dataset_inputs":%[%],"children":%[%]}\n$',
      run("show", "fold 2", "--format", "json").out)
  end))

  it("says that there is none", program.spec(function(run)
    run.script "m.create_experiment 'e'"
    program.refused(1, "mlmanager: there is no run yet\n", run("show"))
  end))
end)

describe("a run is called", function()
  it("by its id or the beginning of it, in either case", spec(function(run)
    local id = id_of(run, "broken")
    for _, text in ipairs { id, id:sub(1, 12), id:upper():sub(1, 12) } do
      assert.matches("\nrun\tname\tbroken\n", run("show", text).out)
    end
  end))

  it("by a name that is its own", spec(function(run)
    assert.matches("\nrun\tname\tfold 2\n", run("show", "fold 2").out)
    local result = run("show", "parent")
    assert.equal(1, result.status)
    assert.matches("^mlmanager: 'parent' is the name of several runs; name one by its id\n"
      .. "  %x+  parent  in %l+, started just now\n  %x+  parent  in %l+, started just now\n$",
      result.err)
  end))

  it("by no beginning that others have", program.spec(function(run)
    run.script "m.create_experiment 'e' for _ = 1, 20 do m.start_run() m.end_run() end"
    local digits = {}
    for id in run("runs", "--columns", "run_id").out:gmatch("\n(%x)") do
      digits[id] = (digits[id] or 0) + 1
    end
    for digit, count in pairs(digits) do
      local result = run("show", digit)
      if count > 1 then
        assert.matches("'" .. digit .. "' is the beginning of the id of several runs", result.err)
        local _, candidates = result.err:gsub("\n  %x+  ", "")
        assert.equal(math.min(count, 10), candidates)
      else
        assert.equal(0, result.status)
      end
    end
  end))

  it("by a name with quotes and signs", program.spec(function(run)
    run.script [[
      m.create_experiment "e"
      for _, name in ipairs { "it's", 'a "b"', "it_s", "100%", "漢字 crane" } do
        m.start_run { run_name = name }
        m.end_run()
      end]]
    for _, name in ipairs { "it's", 'a "b"', "it_s", "100%", "漢字 crane" } do
      local result = run("show", name)
      assert.equal(name, result.out:match("\nrun\tname\t([^\n]*)"), result.err)
    end
  end))

  it("by nothing else", spec(function(run)
    program.refused(1, "mlmanager: there is no run 'brokn'; did you mean 'broken'?\n",
      run("show", "brokn"))
    program.refused(1, "mlmanager: there is no run ''\n", run("show", ""))
    program.refused(1, "mlmanager: there is no run '" .. ("0"):rep(32) .. "'\n",
      run("show", ("0"):rep(32)))
  end))
end)

describe("mlmanager compare", function()
  it("tells what differs, and what is equal on request", spec(function(run)
    local out = run("compare", "fold 1", "fold 2", "--format", "table").out
    assert.matches(" params │ fold 1 │ fold 2\n[^\n]*\n fold   │ 1      │ 2\n", out)
    assert.matches("\n loss    │  1.025 │  2.025\n", out)
    assert.not_matches("seed", out)
    assert.matches("\n%d values are equal; %-%-all shows them\n$", out)
    out = run("compare", "fold 1", "fold 2", "--all", "--format", "table").out
    assert.matches("\n seed   │ 7      │ 7\n", out)
    assert.not_matches("are equal", out)
  end))

  it("tells it to programs", spec(function(run)
    local one, two = id_of(run, "fold 1"), id_of(run, "fold 2")
    local told = cjson.decode(run("compare", "fold 1", "fold 2", "--format", "json").out)
    assert.same({ one, two }, told.run_ids)
    assert.same({ fold = { "1", "2" } }, told.params)
    assert.equal(cjson.null, cjson.decode(run("compare", "fold 1", "broken", "--format",
      "json").out).params.fold[2])
    assert.matches("^part\tkey\t" .. one .. "\t" .. two .. "\n.*params\tfold\t1\t2\n",
      run("compare", "fold 1", "fold 2").out)
  end))

  it("needs two", spec(function(run)
    program.refused(2, "mlmanager: compare needs runs, 2 at least\n"
      .. "'mlmanager compare --help' tells what there is\n", run("compare", "broken"))
    program.refused(2, "mlmanager: compare needs two runs; these names are of one\n",
      run("compare", "broken", id_of(run, "broken")))
  end))
end)
