-- SPDX-License-Identifier: Apache-2.0
---@meta

---What the module shows on a terminal. Types only.

---@class mlmanager.TableOptions
---@field columns? (string|mlmanager.TableColumn)[] what to show, in this order; for rows that are
---lists: their names; "..." stands for those that are shown where none is named
---@field sort? string a column, such as "loss", "metrics.loss DESC" or "params.lr ASC"
---@field descending? boolean whether the largest comes first; default false
---@field limit? integer rows to show at most; default all
---@field width? integer columns of the box; default the terminal's
---@field sorted? string the column that the rows are sorted by already; it stays in a narrow box
---@field format? "box"|"tsv"|"csv" default a box on a terminal, else TSV
---@field color? boolean default on a terminal, unless NO_COLOR is set
---@field print? boolean whether to write the text to standard output as well
---@field experiments? table<string, string> names by id, for the runs' column "experiment"
---@field summaries? table<string, table<string, mlmanager.MetricSummary>> by run id and key, for
---columns "loss min" and "loss max": that is shown which the key's name says is the best
---@field noun? string what a row is called in the last line; default "row", of runs "run"

---A column that a function fills.
---@class mlmanager.TableColumn
---@field name string
---@field value fun(row: table): any what TSV shows; nil for none
---@field show? fun(value: any): string the text in a box
---@field wide? integer columns that it may take; default 32, less where not all columns fit
---@field right? boolean whether that text stands at the right edge; default false

---@class mlmanager.ProgressOptions
---@field label? string in front of the bar
---@field every? number seconds between redraws; default and least 0.1
---@field total? integer how many steps an iterator will make, if that is known

---@class mlmanager
local mlmanager = {}

---Runs (what search_runs or get_run returns), rows, or a loaded CSV as a table; returns its text,
---without a newline at the end. In a box that is too narrow the middle columns give way; the first
---and the sort column stay. Runs show name, status, duration, the params that differ and the
---metrics, nested runs under their parent. As TSV every digit and every column is there.
---
---    print(mlmanager.table(mlmanager.search_runs(), { sort = "loss" }))
---@param rows table
---@param options? mlmanager.TableOptions
---@return string
function mlmanager.table(rows, options) end

---@class mlmanager.SparklineOptions
---@field width? integer columns that the curve takes at most, up to 1000; default 24
---@field numbers? boolean whether least, greatest and last value follow it; default true
---@field ascii? boolean default where the locale is not UTF-8

---A series in one line: `█▅▃▂▁  min 0.01  max 1  last 0.01`. Longer series show means, but never
---without the least, greatest and last value.
---@param values number[]|mlmanager.Points a metric's history, or numbers
---@param options? mlmanager.SparklineOptions|integer an integer is the width
---@return string
function mlmanager.sparkline(values, options) end

---@class mlmanager.Series
---@field x? number[] default 1, 2, 3 …; lines connect the points in the order in which they stand
---@field y number[]
---@field label? string its name in the legend

---@class mlmanager.PlotOptions
---@field x? "step"|"time"|"relative" what a metric is drawn over; time is local, relative counts
---from the start of the run; default "step"
---@field log_x? boolean
---@field log_y? boolean
---@field smooth? number draw a mean over about that many points, the raw values faint behind it
---@field kernel? "ema"|"mean" of smooth: an exponential moving average that weighs by distance in x
---(default), or the mean around each point, over fewer points towards the ends
---@field clip? boolean|number[] end the y axis where 98 % of the values do, or at {least, greatest}
---@field title? string default the metric or the run
---@field x_label? string
---@field width? integer columns, 20 to 900; default the terminal's, 80 without one
---@field height? integer lines of the whole plot, 6 to 900; default what fits the terminal
---@field legend? boolean whether several curves' names and last values stand below; default true
---@field color? boolean default on a terminal, unless NO_COLOR is set
---@field ascii? boolean default where the locale is not UTF-8
---@field print? boolean whether to write the text to standard output as well

---@alias mlmanager.AnyRun mlmanager.StoredRun|mlmanager.Run|string a string is a run's id
---@alias mlmanager.AnyRuns mlmanager.AnyRun|mlmanager.AnyRun[]
---@alias mlmanager.AnySeries number[]|mlmanager.Points|mlmanager.Series
---@alias mlmanager.Numbers
---| mlmanager.AnySeries
---| mlmanager.AnySeries[]
---| table<string, mlmanager.AnySeries> by their names

---@class mlmanager.Manager
local Manager = {}

---Metrics of runs, or any numbers, as curves; returns the text, without a newline at the end. Every
---point is drawn, however many there are. Up to 26 curves have a letter and a colour each, and the
---legend their last values; NaN, infinities, and what a log axis or clip leaves out are marked at
---the edge and counted below.
---
---    print(mlmanager.plot(run, { "train_loss", "valid_loss" }, { log_y = true }))
---    print(mlmanager.plot(mlmanager.search_runs(), "loss", { smooth = 20 }))
---    print(mlmanager.plot({ 3, 1, 4, 1, 5 }))
---    print(mlmanager.plot { sine = { x = xs, y = ys }, other = { 0.5, 0.4 } })
---@overload fun(runs: mlmanager.AnyRuns, keys: string|string[], options?: mlmanager.PlotOptions)
---@overload fun(numbers: mlmanager.Numbers, options?: mlmanager.PlotOptions): string
---@overload fun(self: mlmanager.Manager, numbers: mlmanager.Numbers, options?: table): string
---@param runs mlmanager.AnyRuns
---@param keys string|string[] the metrics
---@param options? mlmanager.PlotOptions
---@return string
function Manager:plot(runs, keys, options) end

---Counts to n, or walks a list as ipairs does, and shows bar, rate, time left and the active run's
---latest metrics on standard error if that is a terminal; the line is free when the loop ends,
---however it ends. Loops inside one another share the line.
---
---    for epoch in manager:progress(100, { label = "epoch" }) do … end
---    for i, row in manager:progress(rows) do … end
---
---Any other iterator is given as `for` takes it; options then come first:
---
---    for key, value in manager:progress(pairs(map)) do … end
---    for line in manager:progress({ label = "lines" }, io.lines(path)) do … end
---@overload fun(steps: integer|any[], options?: mlmanager.ProgressOptions): function, any, any, any
---@overload fun(iterator: function, ...): function, any, any, any
---@overload fun(options: mlmanager.ProgressOptions, ...): function, any, any, any
---@overload fun(self: mlmanager.Manager, iterator: function, ...): function, any, any, any
---@overload fun(self: table, options: mlmanager.ProgressOptions, ...): function, any, any
---@param steps integer|any[]
---@param options? mlmanager.ProgressOptions
---@return fun(state: any, control: any): integer, any
function Manager:progress(steps, options) end
