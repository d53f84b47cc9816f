-- SPDX-License-Identifier: Apache-2.0
-- mlmanager runs: which runs, which columns, and how they are written.

local cjson = require "cjson"
local program = require "tests.lua.program"

local LOG = [[
  m.create_experiment "sweep"
  for i, lr in ipairs { 0.1, 0.01, 0.001 } do
    m.start_run { run_name = "r" .. i, tags = { team = "t" .. i } }
    m.log_params { lr = lr, opt = i == 2 and "adam" or "sgd", epochs = 3 }
    for _, value in ipairs { 2 * lr, lr, 3 * lr } do
      m.log_metric("loss", value)
      m.log_metric("accuracy", 1 - value)
      m.log_metric("odd", i == 3 and 0 / 0 or i)
    end
    m.end_run()
  end
  m.create_experiment "other"
  m.start_run { run_name = "alone" }
  m.end_run "FAILED"
]]

--- A spec in a store with those runs.
local function spec(fn)
  return program.spec(function(run, directory)
    run.script(LOG)
    fn(run, directory)
  end)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- The names of the runs, in the order of the table.
local function ordered(run, ...)
  local list = {}
  local result = run("runs", "--columns", "name", "--format", "tsv", ...)
  assert.equal("", result.err)
  for line in result.out:gmatch("\n([^\n]+)") do
    list[#list + 1] = line
  end
  return table.concat(list, " "), list
end

--- The same by name: runs that start in one millisecond have no order of their own.
local function names(run, ...)
  local _, list = ordered(run, ...)
  table.sort(list)
  return table.concat(list, " ")
end

local function header(run, ...)
  return (lines_of(run("runs", "--format", "table", ...).out)[1]:gsub("%s+", " "))
end

describe("mlmanager runs", function()
  it("lists those of all experiments, or of one by name or id", spec(function(run)
    assert.equal("alone r1 r2 r3", names(run))
    assert.equal("r1 r2 r3", names(run, "--experiment", "sweep"))
    assert.equal("alone", names(run, "--experiment", "2"))
    assert.equal("alone r1 r2 r3", names(run, "--experiment", "other", "--experiment", "sweep"))
    program.refused(1, "mlmanager: there is no experiment 'swep'; did you mean 'sweep'?\n",
      run("runs", "--experiment", "swep"))
  end))

  it("heeds MLFLOW_EXPERIMENT_NAME and MLFLOW_EXPERIMENT_ID", spec(function(run)
    assert.equal("alone", names(run, { environment = { MLFLOW_EXPERIMENT_NAME = "other" } }))
    assert.equal("r1 r2 r3", names(run, { environment = { MLFLOW_EXPERIMENT_ID = "1" } }))
    assert.equal("alone", names(run, "--experiment", "other",
      { environment = { MLFLOW_EXPERIMENT_NAME = "sweep" } }))
  end))

  it("filters, orders and limits", spec(function(run)
    assert.equal("r2 r3", names(run, "--filter", "metrics.loss < 0.1"))
    assert.equal("r2", names(run, "--filter", "metrics.loss < 0.1 and params.opt = 'adam'"))
    assert.equal("r1 r2 r3", (ordered(run, "--experiment", "sweep", "--order-by",
      "metrics.loss DESC")))
    assert.equal("r3 r1 r2", (ordered(run, "--experiment", "sweep", "--order-by",
      "params.opt DESC", "--order-by", "metrics.loss")))
    assert.equal("r1", names(run, "--order-by", "metrics.loss DESC", "-n", "1"))
  end))

  it("shows the deleted ones when asked", spec(function(run)
    run.script [[
      m.set_active_experiment "sweep"
      m.delete_run(m.search_runs({ filter = "run_name = 'r2'" })[1].info.run_id)]]
    assert.equal("r1 r3", names(run, "--experiment", "sweep"))
    assert.equal("r2", names(run, "--experiment", "sweep", "--deleted"))
    assert.equal("r1 r2 r3", names(run, "--experiment", "sweep", "--all"))
  end))

  describe("in a table", function()
    it("shows what differs, and best and last of the metrics", spec(function(run)
      assert.equal(" name │ lr │ opt │ started │ … │ accuracy max │ loss │ loss min │ odd",
        header(run, "--experiment", "sweep"))
      local wide = run.terminal("end\n", "runs", "--experiment", "sweep").out
      assert.matches("3 runs, %d of 1%d columns", wide)
      assert.not_matches("epochs", wide)
    end))

    it("tells the experiment and the status where they differ", spec(function(run)
      assert.matches("^ name │ experiment │ status │", header(run))
      assert.not_matches("status", header(run, "--experiment", "sweep"))
    end))

    it("shows the columns that are asked for", spec(function(run)
      assert.equal(" name │ odd min │ odd max │ tags.team │ loss",
        header(run, "--experiment", "sweep", "--columns", "name,odd min, odd max ,tags.team,loss"))
      assert.matches("^ run_id │ name", header(run, "--columns", "run_id,..."))
      program.refused(2, "mlmanager: --columns names 'los', which is no column; "
        .. "did you mean loss?\n", run("runs", "--columns", "name,los"))
      program.refused(2, "mlmanager: --columns names no column\n", run("runs", "--columns", ","))
    end))

    it("keeps the column by which it is sorted", spec(function(run)
      assert.matches("│ epochs$", header(run, "--experiment", "sweep", "--order-by",
        "params.epochs DESC"))
    end))

    it("says where there is more, and where there is nothing", spec(function(run)
      assert.matches("\nthe first 2 runs, %d+ of %d+ columns; %-%-limit shows more\n$",
        run("runs", "--format", "table", "-n", "2").out)
      assert.matches("\nthe first run, %d+ of %d+ columns; %-%-limit shows more\n$",
        run("runs", "--format", "table", "-n", "1").out)
      assert.equal("no run matches\n",
        run("runs", "--format", "table", "--filter", "metrics.loss > 99").out)
      assert.equal("no runs\n", run("runs", "--format", "table", "--deleted").out)
    end))
  end)

  describe("for programs", function()
    it("has a line a run with tabs on a pipe, all columns and digits", spec(function(run)
      local lines = lines_of(run("runs", "--experiment", "sweep", "--order-by",
        "metrics.loss").out)
      assert.equal("run_id\tname\texperiment\tstart_time\tend_time\tstatus\tduration_ms\tepochs\t"
        .. "lr\topt\taccuracy\tloss\todd", lines[1])
      assert.matches("^%x+\tr3\tsweep\t%d+\t%d+\tFINISHED\t%d+\t3\t0.001\tsgd\t0.997\t0.003\tnan$",
        lines[2])
      assert.equal(4, #lines)
    end))

    it("as CSV", spec(function(run)
      run.script [[
        m.set_active_experiment "sweep"
        m.set_active_run(m.search_runs({ filter = "run_name = 'r1'" })[1].info.run_id)
        m.set_tag("note", 'x, "y"')]]
      assert.equal('name,tags.note,loss\nr1,"x, ""y""",0.30000000000000004\n', run("runs",
        "--format", "csv", "--columns", "name,tags.note,loss", "--filter", "run_name = 'r1'").out)
    end))

    it("as JSON, with MLflow's words for what is no number", spec(function(run)
      local list = cjson.decode(run("runs", "--format", "json", "--experiment", "sweep",
        "--order-by", "metrics.loss").out)
      assert.equal(3, #list)
      assert.equal("r3", list[1].name)
      assert.equal("sweep", list[1].experiment)
      assert.equal("NaN", list[1].metrics.odd)
      assert.equal(0.003, list[1].metrics.loss)
      assert.equal("0.001", list[1].params.lr)
      assert.equal("t3", list[1].tags.team)
      assert.equal("[]\n", run("runs", "--format", "json", "--deleted").out)
      assert.equal('[\n{"name":"r2","accuracy max":0.99}\n]\n', run("runs", "--format", "json",
        "--columns", "name,accuracy max", "--filter", "run_name = 'r2'").out)
    end))
  end)

  describe("shows where a filter is wrong", function()
    it("by a mark below the place", spec(function(run)
      program.refused(2, "mlmanager: unknown entity 'metrcs', did you mean 'metrics'?\n"
        .. "  --filter params.opt = 'ä' and metrcs.loss < 1\n"
        .. "                                ^^^^^^\n",
        run("runs", "--filter", "params.opt = 'ä' and metrcs.loss < 1"))
      program.refused(2, "mlmanager: an operator and a value must follow 'metrics.loss'\n"
        .. "  --filter metrics.loss\n"
        .. "                       ^\n", run("runs", "--filter", "metrics.loss"))
      program.refused(2, "mlmanager: only ASC or DESC may follow the key, not 'UP'\n"
        .. "  --order-by metrics.loss UP\n"
        .. "                          ^^\n",
        run("runs", "--order-by", "start_time", "--order-by", "metrics.loss UP"))
    end))

    it("and which key may have been meant", spec(function(run)
      program.refused(2, "mlmanager: unknown run attribute 'loss'; did you mean metrics.loss?\n"
        .. "  --filter loss < 1\n"
        .. "           ^^^^\n", run("runs", "--filter", "loss < 1"))
      program.refused(2, "mlmanager: unknown run attribute 'acuracy'; "
        .. "did you mean metrics.accuracy?\n"
        .. "  --order-by acuracy\n"
        .. "             ^^^^^^^\n", run("runs", "--order-by", "acuracy"))
    end))

    it("also in a long one", spec(function(run)
      local result = run("runs", "--filter",
        ("params.opt = 'adam' and "):rep(20) .. "x" .. (" and params.opt = 'adam'"):rep(20))
      local lines = lines_of(result.err)
      assert.is_true(#lines[2] < 160)
      assert.equal("x", lines[2]:sub(#lines[3], #lines[3]))
    end))

    it("and which key no run has", spec(function(run)
      local result = run("runs", "--filter", "metrics.los < 1 and params.opt = 'metrics.x'")
      assert.equal("note: no run has metrics.los; did you mean metrics.loss?\n", result.err)
      assert.equal("", result.out)
      assert.equal(0, result.status)
      assert.equal("note: no run has params.`learning rate`\n",
        run("runs", "--order-by", "params.`learning rate`").err)
    end))
  end)
end)
